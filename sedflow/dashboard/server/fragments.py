"""The fragments of which a message consists, and what a content weighs before it is parsed."""

import json
import re

from sedflow.dashboard.server.messages import MESSAGE_BYTES, Refused

__all__ = ["HEAVY", "Fragments", "weigh"]

#: Characters of a content that is not an upload.
HEAVY = 300_000
_BRACKETS = 2_000
_COMMAS = 25_000  # a selection has 20,000 numbers, a lasso 10,000
_BESIDE = 8_000  # characters of an upload's message that are not the file
_BUFFERS = 8  # of a message
_HEADER = 1_000  # characters of a header, and of metadata

# How a message begins that sets a file's content; how the standard library and how a browser
# write it differs by spaces.
_UPLOAD = re.compile(
    r'\{"events": ?\[\{"kind": ?"ModelChanged", ?"model": ?\{"id": ?"p\d{1,15}"\}, ?'
    r'"attr": ?"value", ?"new": ?"',
    re.ASCII,
)


def weigh(content: str) -> None:
    """Look at a content without parsing it, which takes the longer the more is in it.

    Raises
    ------
    Refused
        It is long without being an upload, or holds more than any page sends.
    """
    beside = content
    if len(content) > HEAVY:
        begun = _UPLOAD.match(content)
        end = -1 if begun is None else content.find('"', begun.end())
        if end < 0:
            raise Refused("a long content that is not an upload")
        beside = content[end:]
        if len(beside) > _BESIDE:
            raise Refused("more than a file beside it")
    if beside.count("{") + beside.count("[") > _BRACKETS or beside.count(",") > _COMMAS:
        raise Refused("more values than a page sends")


class Fragments:
    """The fragments of which a message consists: header, metadata, content, buffers in pairs.

    A message that is never complete is never seen by whoever checks messages, so its size is
    bounded here, fragment by fragment.
    """

    def __init__(self):
        self._begin()

    def _begin(self):
        self._seen, self._buffers, self._bytes = 0, 0, 0

    @property
    def awaits_content(self) -> bool:
        """Whether the next fragment is the content."""
        return self._seen == 2

    def take(self, fragment: str | bytes) -> bool:
        """Count a fragment; whether the message is complete with it.

        Raises
        ------
        Refused
            No page sends such a fragment here.
        """
        is_payload = self._seen > 2 and self._seen % 2 == 0
        if isinstance(fragment, bytes) is not is_payload:
            raise Refused("text where bytes belong, or bytes where text belongs")
        if not is_payload and self._seen != 2 and len(fragment) > _HEADER:
            raise Refused("a header that is too long")
        self._bytes += len(fragment)
        if self._bytes > MESSAGE_BYTES:
            raise Refused("a message that is too long")
        if self._seen == 0:
            self._buffers = _buffers_of(fragment)
        self._seen += 1
        if self._seen < 3 + 2 * self._buffers:
            return False
        self._begin()
        return True


def _buffers_of(header):
    try:
        about = json.loads(header)
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict) or about.keys() - {"msgid", "msgtype", "reqid", "num_buffers"}:
        raise Refused("not a header")
    words = (about.get("msgid"), about.get("msgtype"))
    if not all(isinstance(w, str) and len(w) <= 100 and w.isprintable() for w in words):
        raise Refused("not a header")
    buffers = about.get("num_buffers", 0)
    if type(buffers) is not int or not 0 <= buffers <= _BUFFERS:
        raise Refused("more buffers than a page sends")
    return buffers

"""The beginning of a page, which is the same for all who ask for it: it is sent at once.

A page takes a second to build, and longer when others are built before it. A browser that has the
beginning reads Bokeh's scripts meanwhile, and shows which page is being built.
"""

import asyncio
import logging
import re
import time
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from bokeh.server.tornado import BokehTornado
from bokeh.server.views.doc_handler import DocHandler
from panel.config import config

from sedflow.dashboard.address import FORMER, VIEWS

__all__ = ["begin_page", "has_begun", "patch", "reload_page"]

_LOG = logging.getLogger(__name__)
#: Where the beginning ends, in `frame/page.html`.
_END = "<!-- session -->"
_NAMED = {"bokeh-session-id", "bokeh-token"}  # by which a session is chosen
_WAITS = b"<script>sedflowWaits()</script>"  # `frame/waits.js`
_BEAT = 5.0  # seconds, in which a page that waits hears so; proxies end what is silent for 60
_RELOAD = "<script>location.reload()</script></body></html>"
# What a server sent last to who asked for the same. Two of one process have other pages at "/".
_KNOWN: WeakKeyDictionary[BokehTornado, dict[tuple, str]] = WeakKeyDictionary()
# While a page is built nothing else is answered, so a browser gets its scripts before. Seconds that
# it has for the next of them, and for all; those that it has already are not asked for.
_NEXT, _ALL = 0.2, 0.6
_SENT = 0.03  # seconds in which the last is sent
_FILE = re.compile(r'<(?:script|link)[^>]* (?:src|href)="static/[^"]*\.(?:js|css)')
_REQUESTS = 0  # that there have been


@dataclass
class _Begun:
    """What was sent of a page, when, after how many requests, and whether the rest was."""

    html: str
    at: float
    requests: int
    has_rest: bool = False


def patch() -> None:
    """Let a server send the beginning of a page before it makes the session."""
    if hasattr(DocHandler, "begins_early"):
        return
    find_handler = BokehTornado.find_handler
    get_session, write = DocHandler.get_session, DocHandler.write
    send_error = DocHandler.send_error

    async def get_session_later(self):
        begin_page(self)
        await _wait_for_scripts(self)
        return await get_session(self)

    def find_and_count(self, request, **kwargs):
        global _REQUESTS
        _REQUESTS += 1
        return find_handler(self, request, **kwargs)

    def write_rest(self, chunk):
        return write(self, _rest(self, chunk) if isinstance(chunk, str) else chunk)

    def send_error_or_reload(self, status_code=500, **kwargs):
        if has_begun(self) and not self._finished:
            reload_page(self)
        else:
            send_error(self, status_code, **kwargs)

    DocHandler.begins_early = True  # type: ignore[attr-defined]
    BokehTornado.find_handler = find_and_count  # type: ignore[method-assign]
    DocHandler.get_session = get_session_later  # type: ignore[method-assign]
    DocHandler.write = write_rest  # type: ignore[method-assign]
    DocHandler.send_error = send_error_or_reload  # type: ignore[method-assign]


def begin_page(handler) -> None:
    """Send the beginning of the page that a request asks for, where it is known."""
    known = _known(handler).get(_asked(handler.request))
    if known is None or has_begun(handler) or _may_be_refused(handler.request):
        return
    if handler.request.version != "HTTP/1.1":  # whose answers end with their length, or for ever
        return
    handler.set_header("Content-Type", "text/html")
    handler.set_header("Cache-Control", "no-store")
    handler.write(known.encode())
    handler.flush()
    handler.begun = _Begun(known, time.monotonic(), _REQUESTS)
    asyncio.get_running_loop().call_later(_BEAT, _say_that_it_waits, handler)


def _say_that_it_waits(handler):
    """Let a page that has begun know, until it is there, that it is being built."""
    if handler.begun.has_rest or handler.request.connection.stream.closed():
        return
    handler.write(_WAITS)
    handler.flush()
    asyncio.get_running_loop().call_later(_BEAT, _say_that_it_waits, handler)


async def _wait_for_scripts(handler):
    """Answer what a browser asks for when it has the beginning of a page."""
    if not has_begun(handler):
        return
    begun = handler.begun
    wanted = begun.requests + len(_FILE.findall(begun.html))
    before, since = begun.requests, begun.at
    while wanted > _REQUESTS and (now := time.monotonic()) < begun.at + _ALL:
        if before < _REQUESTS:
            before, since = _REQUESTS, now
        elif now > since + _NEXT:
            return
        await asyncio.sleep(0.01)
    await asyncio.sleep(_SENT)


def has_begun(handler) -> bool:
    """Whether the beginning of the page was sent."""
    return hasattr(handler, "begun")


def reload_page(handler) -> None:
    """End a page that cannot go on as it has begun: it is asked for again, and comes whole."""
    _known(handler).pop(_asked(handler.request), None)
    handler.begun.has_rest = True
    handler.finish(_RELOAD.encode())


def _known(handler):
    """The beginnings that the server of this request has sent."""
    return _KNOWN.setdefault(handler.application, {})


def _may_be_refused(request):
    """Whether it is yet to be seen if there is a page for this request."""
    named = _NAMED & {*request.arguments} or "Bokeh-Session-Id" in request.headers
    return bool(named or config.authorize_callback)


def _asked(request):
    """What the beginning of a page depends on: its address, its view and its theme."""
    view, theme = (
        request.arguments.get(name, [b""])[-1].decode("utf-8", "replace")
        for name in ("view", "theme")
    )
    theme = theme if theme in ("dark", "light") else ""
    return request.path, view if view in VIEWS or view in FORMER else "", theme


def _rest(handler, html):
    """What is to be sent of a whole page; its beginning is remembered."""
    asked = _asked(handler.request)
    beginning, end, rest = html.partition(_END)
    if not has_begun(handler):
        if end:
            _known(handler)[asked] = beginning
        return html
    handler.begun.has_rest = True
    if end and beginning == handler.begun.html:
        return end + rest
    if end:
        _LOG.warning("the page %s begins in more than one way", asked)
    _known(handler).pop(asked, None)
    return _RELOAD

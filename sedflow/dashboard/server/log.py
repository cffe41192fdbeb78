"""The server's log is the server's: what visitors write there is short, and cannot forge a line.

Paths, names of models and values come from visitors and appear in records and tracebacks.
"""

import contextlib
import logging
import time
from asyncio import AbstractEventLoop

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError

__all__ = ["LONGEST", "PER_PLACE", "OneLine", "Seldom", "guard", "hush"]

#: Longest record, in characters; of a longer one the beginning and the end are kept.
LONGEST = 1000
#: Records that one place of the code may write in `_SECONDS`.
PER_PLACE = 20
_SECONDS = 10.0
_BEGINNING = 400


class OneLine(logging.Formatter):
    """What another formatter says, in one line of at most `LONGEST` characters.

    Control characters, those that turn the direction of text and halves of surrogate pairs are
    escaped, in tracebacks too.
    """

    def __init__(self, inner: logging.Formatter | None = None):
        super().__init__()
        self._inner = inner or logging.Formatter(logging.BASIC_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        text = self._inner.format(record)
        if len(text) > LONGEST:  # before it is escaped, which may take long
            text = f"{text[:_BEGINNING]} [...] {text[-LONGEST:]}"
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
        if len(text) > LONGEST:
            text = f"{text[:_BEGINNING]} [...] {text[-(LONGEST - _BEGINNING - 7) :]}"
        return text


class Seldom(logging.Filter):
    """Lets each place of the code write `PER_PLACE` records in ten seconds, and counts the rest."""

    def __init__(self, clock=time.monotonic):
        super().__init__()
        self._clock = clock
        self._places: dict[tuple, list] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written; the next one that is says how many were not."""
        now = self._clock()
        place = (record.name, record.pathname, record.lineno)
        since, written, dropped = self._places.get(place, [now, 0, 0])
        if now - since >= _SECONDS:
            since, written = now, 0
        if written >= PER_PLACE:
            self._places[place] = [since, written, dropped + 1]
            return False
        if dropped:
            record.msg = f"({dropped} like this were not written) {record.msg}"
        self._places[place] = [since, written + 1, 0]
        return True


def guard() -> None:
    """Guard all handlers that there are, once."""
    loggers = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    handlers = [h for one in (logging.root, *loggers) for h in one.handlers]
    if logging.lastResort is not None:
        handlers.append(logging.lastResort)
    for handler in handlers:
        if not isinstance(handler.formatter, OneLine):
            handler.setFormatter(OneLine(handler.formatter))
            handler.addFilter(Seldom())


def hush(loop: AbstractEventLoop) -> None:
    """Do not log that a message was for a socket whose visitor has left: all of them leave.

    Nor that Tornado ends an answer on a connection that has become a websocket meanwhile.
    """

    def handle(loop, context):
        error = context.get("exception")
        became = isinstance(error, AttributeError) and "'set_nodelay'" in str(error)
        if not became and not isinstance(error, WebSocketClosedError | StreamClosedError):
            with contextlib.suppress(Exception):
                loop.default_exception_handler(context)

    loop.set_exception_handler(handle)

"""One outbox of each connection: a page hears of changes in the order in which they happened."""

import asyncio
from collections import deque
from collections.abc import Awaitable
from functools import wraps

import panel.io.document as panel_document
from bokeh.protocol.message import Message
from bokeh.server.connection import ServerConnection
from bokeh.server.session import ServerSession
from tornado.websocket import WebSocketHandler

from sedflow.dashboard.patches.bokeh_models import message_of


def patch() -> None:
    """Both patches of this module."""
    sent_together()
    sent_in_order()


def sent_together() -> None:
    """Send all that changes while a document is locked as one message of many events.

    Bokeh sends a message for each, and the browser looks through all models of the page after each:
    another theme came as 380 messages. Each event is written down when it happens, as before.
    """

    def document_patched(self, event):
        if self._pending_writes is None:
            raise RuntimeError("a document was changed without its lock")
        for connection in self._subscribed_connections:
            if event.setter is self and connection is self._current_patch_connection:
                continue  # it knows: the change is its own
            _outbox(connection).add(event, self._pending_writes)

    ServerSession._document_patched = document_patched  # type: ignore[method-assign]


def sent_in_order() -> None:
    """Send what Panel writes itself, past Bokeh, behind all that happened before it.

    Panel writes at once, before what waits for the end of a lock; or, while a message is being
    written, as soon as it is done: then what is put by while one such task waits is forgotten when
    that task ends. A page kept all figures of the galaxy before, for good.
    """
    for name in ("write_events", "schedule_write_events"):
        write = getattr(panel_document, name)
        if not hasattr(write, "__wrapped__"):
            setattr(panel_document, name, _in_order(write))


def _in_order(write):
    @wraps(write)
    def write_events(doc, connections, events):
        sockets = [c for c in connections if isinstance(c._socket, WebSocketHandler)]
        for connection in sockets:
            outbox = _outbox(connection)
            outbox.put(events)
            panel_document._dispatch_write_task(doc, outbox.send)
            # And the lock waits for it: who does not read changes no more meanwhile.
            if (writes := connection.session._pending_writes) is not None:
                writes.append(_Sent(outbox))
        if others := [c for c in connections if c not in sockets]:  # of Jupyter's kernels
            write(doc, others, events)

    return write_events


def _outbox(connection):
    if not hasattr(connection, "outbox"):
        connection.outbox = _Outbox(connection)
    return connection.outbox


class _Outbox:
    """What waits to be sent on a connection."""

    def __init__(self, connection: ServerConnection):
        self._connection = connection
        self._messages: deque = deque()
        self._letter: Message | None = None  # to which changes are added
        self._writes: list[Awaitable[None]] | None = None  # what the lock waits for at its end
        self._sending = asyncio.Lock()

    def add(self, event, writes: list[Awaitable[None]]) -> None:
        """Write a change into the letter; it is sent when the lock ends, which waits for it."""
        message = message_of([event])
        if self._letter is None:
            self._letter = message
        else:
            self._letter.content["events"] += message.content["events"]
            self._letter.add_buffers(*message.buffers)
        if self._writes is not writes:
            self._writes = writes
            writes.append(_Sent(self))

    def put(self, events) -> None:
        """Put a message of its own behind the letter, which is closed with it."""
        self._close()
        self._messages.append(message_of(events))

    def _close(self):
        if self._letter is not None:
            self._messages.append(self._letter)
            self._letter = None

    async def send(self) -> None:
        """Send all that waits."""
        self._close()
        async with self._sending:
            while self._messages:
                await self._connection._socket.send_message(self._messages.popleft())


class _Sent:
    """To be awaited: then all is sent that waits. A lock that never ends leaves no coroutine."""

    def __init__(self, outbox: _Outbox):
        self._outbox = outbox

    def __await__(self):
        return self._outbox.send().__await__()

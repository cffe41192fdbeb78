"""Patches of Bokeh in the server: how soon and how it sends, and what it keeps."""

from functools import wraps
from types import SimpleNamespace

import bokeh.document.document as bokeh_document
import panel.io.document as panel_document
from bokeh.core.property.descriptors import PropertyDescriptor
from bokeh.model import Model
from bokeh.server.session import ServerSession
from bokeh.server.views.ws import WSHandler


def patch() -> None:
    """All patches of this module."""
    send_at_once()
    known_defaults()
    sent_together()
    collect_seldom()
    let_go()


def send_at_once() -> None:
    """Let no small message wait (TCP_NODELAY), which halves a slider's delay."""
    opened = WSHandler.open

    def open_at_once(self):
        self.set_nodelay(True)
        return opened(self)

    if not hasattr(opened, "at_once"):
        open_at_once.at_once = True  # type: ignore[attr-defined]
        WSHandler.open = open_at_once  # type: ignore[method-assign]


def known_defaults() -> None:
    """Let Bokeh work out once what a property of a model is that nobody set.

    It copies and validates the default each time it is read, some 60,000 times for a page of 1,000
    models: a quarter of the time in which a page is made and sent. What is not the same for all
    models of a class, or can be changed in place, is left to Bokeh.
    """
    worked_out = PropertyDescriptor._get_default
    if hasattr(worked_out, "known"):
        return
    known: dict[tuple[PropertyDescriptor, type], object] = {}
    missing = object()

    @wraps(worked_out)
    def get_default(self, model):
        theme = model.themed_values()
        if theme is not None and self.name in theme:
            return worked_out(self, model)
        key = self, type(model)
        value = known.get(key, missing)
        if value is missing:
            value = worked_out(self, model)
            plain = value is None or isinstance(value, (bool, int, float, str))
            if plain and not self.has_unstable_default(model):
                known[key] = value
        return value

    get_default.known = known  # type: ignore[attr-defined]
    PropertyDescriptor._get_default = get_default  # type: ignore[assignment,method-assign]


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
            message = connection.protocol.create("PATCH-DOC", [event])
            writes, letter = getattr(connection, "letter", (None, None))
            if writes is self._pending_writes:
                letter.content["events"] += message.content["events"]
                letter.add_buffers(*message.buffers)
            else:
                connection.letter = self._pending_writes, message
                self._pending_writes.append(_sent(connection, message))

    ServerSession._document_patched = document_patched  # type: ignore[method-assign]


async def _sent(connection, letter):
    connection.letter = None, None
    await connection._socket.send_message(letter)


def collect_seldom() -> None:
    """Leave the search for what nobody can reach to `server.memory`, which waits for quiet.

    Bokeh searches when a page ends, and Panel some seconds later, up to seconds each time, and all
    wait: 38 pages that ended together stopped the loop for six.
    """
    panel_document._garbage_collect = lambda: None
    bokeh_document.gc = SimpleNamespace(collect=lambda: 0)  # type: ignore[assignment]


def let_go() -> None:
    """Let models of a page that has ended hold on to nothing, so that few are to be searched for.

    Bokeh forgets the values that were set, but not the defaults of lists and dicts, nor what waits
    for changes.
    """
    destroy = Model.destroy
    if hasattr(destroy, "all"):
        return

    @wraps(destroy)
    def destroyed(self):
        destroy(self)
        for kept in ("unstable_default_values", "unstable_themed_values", "callbacks"):
            getattr(self, f"_{kept}").clear()
        self._event_callbacks.clear()

    destroyed.all = True  # type: ignore[attr-defined]
    Model.destroy = destroyed  # type: ignore[method-assign]

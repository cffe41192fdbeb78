"""Patches of Bokeh in the server: how soon it sends, and what it keeps."""

from functools import wraps
from types import SimpleNamespace

import bokeh.document.document as bokeh_document
import panel.io.document as panel_document
from bokeh.core.property.descriptors import PropertyDescriptor
from bokeh.model import Model
from bokeh.server.views.ws import WSHandler
from bokeh.settings import settings


def patch() -> None:
    """All patches of this module."""
    # What these look for, at each page and each callback, are mistakes of ours.
    settings.perform_document_validation.set_value(False)
    settings.perform_error_diagnostics.set_value(False)
    send_at_once()
    ask_origins()
    known_defaults()
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


def ask_origins() -> None:
    """Let a page open a socket only where its address is one that the server is reached by.

    Tornado 6.6 asks that only where a page's origin is not the request's Host, and a name that
    somebody else turns to this machine's address makes them the same.
    """
    prepared = WSHandler.prepare

    async def prepare(self):
        await prepared(self)
        origin = self.request.headers.get("Origin")
        if not self._finished and origin is not None and not self.check_origin(origin):
            self.set_status(403)
            self.finish("the page at that address may open no socket here")

    if not hasattr(prepared, "asks"):
        prepare.asks = True  # type: ignore[attr-defined]
        WSHandler.prepare = prepare  # type: ignore[method-assign]


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

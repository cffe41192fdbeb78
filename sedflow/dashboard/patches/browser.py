"""Patches that run in the browser: before anything is drawn, and when all of a page is there."""

from functools import cache
from pathlib import Path

from bokeh.models import CustomJS

from sedflow.dashboard.server.messages import MAX_MEGABYTES, NOT_TAKEN

_FILES = Path(__file__).parent


@cache
def _text(name):
    return (_FILES / name).read_text(encoding="utf-8")


def page_patches() -> str:
    """What a page runs before it makes anything: patches of Bokeh and Tabulator."""
    text = _text("bokeh.js") + _text("layout.js") + _text("tabulator.js")
    return text.replace("MEGABYTES", str(MAX_MEGABYTES)).replace("NOT_TAKEN", repr(NOT_TAKEN))


def patch_document(document) -> None:
    """Let the page of a Bokeh document run all that waits until it is drawn."""
    name_controls(document)
    know_models(document)
    hand_on_focus(document)


def name_controls(document) -> None:
    """Give controls of a Bokeh document the accessible names that Bokeh leaves out.

    A slider's handle has the role of a slider and can be reached by keyboard, but its title is an
    element beside it that it does not refer to. The arrows of number fields, choosers of several
    things, file fields, filters of tables and progress bars have no name either. Figures take the
    focus, though no key does anything in them, and do not say what they show.
    """
    _when_drawn(document, "names.js")


def know_models(document) -> None:
    """Let the page of a Bokeh document name models that came from the server.

    BokehJS takes those that came last for its own, and sends all of a button that is clicked; a
    page may make no models, so the server refuses it, and the first click is lost.
    """
    _when_drawn(document, "known.js")


def hand_on_focus(document) -> None:
    """Let buttons with the class "gives-focus", which a click takes away, give the focus to others.

    A browser leaves it nowhere, so that who uses the keyboard begins at the top of the page.
    """
    _when_drawn(document, "focus.js")


def _when_drawn(document, name):
    document.js_on_event("document_ready", CustomJS(code=_text(name)))

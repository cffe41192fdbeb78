"""The look of the page: its frame, and one style sheet that all components share.

The frame is plain HTML (`frame/page.html`); Panel fills it. Colours are CSS variables, so a page
turns dark without being loaded again.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import panel as pn
from bokeh.models import InlineStyleSheet
from panel.io.state import curdoc_locked
from panel.theme.base import Inherit
from panel.theme.native import Native, NativeDefaultTheme
from panel.viewable import Viewable

from sedflow.dashboard.patches.browser import page_patches
from sedflow.palette import DARK, FONT, LIGHT

_FILES = Path(__file__).parent / "frame"
_SCRIPTS = (
    *("waits.js", "places.js", "page.js", "mark.js"),
    *("upload.js", "printing.js", "stalls.js", "list.js"),
)
#: Parts of a page that has its own arrangement, in the order in which `building.css` places them.
_PARTS = {
    "explore": ("Galaxies", "Spectrum", "Residuals", "Histories", "Corner plot", "Numbers"),
    "forward": ("Parameters", "Spectrum", "Histories"),
    "compare": ("Spectra", "Histories", "Corner plot", "Numbers"),
}
_SIDES = ("Choices", "Figures")  # of all others


@cache
def _text(name):
    return (_FILES / name).read_text(encoding="utf-8")


def _variables(colors):
    return " ".join(f"--sf-{name}: {color};" for name, color in colors.items())


@cache
def style_sheet() -> str:
    """The style sheet of the page itself, with the palette's colours."""
    text = (_text("page.css") + _text("building.css")).replace("FONT", FONT)
    return text.replace("LIGHT", _variables(LIGHT)).replace("DARK", _variables(DARK))


_MODIFIERS: dict[tuple, tuple[dict, dict]] = {}


class PageDesign(Native):
    """Panel's plain design, with our own style sheet in every component: one model for all."""

    modifiers: ClassVar[dict[type, dict[str, Any]]] = {
        Viewable: {"stylesheets": [Inherit, _text("parts.css")]}
    }

    @classmethod
    def _get_modifiers(cls, viewable, theme=None, isolated=True):
        # Panel asks for them at each change of anything, and looks for the theme's files each time.
        document = pn.state.curdoc
        served = document is not None and document.session_context is not None
        key = type(viewable), type(theme), isolated, served
        if key not in _MODIFIERS:
            _MODIFIERS[key] = super()._get_modifiers(viewable, theme, isolated)
        own, of_children = _MODIFIERS[key]
        return dict(own), dict(of_children)

    @classmethod
    def _patch_modifiers(cls, doc, modifiers, cache):
        own = _text("parts.css")
        sheets = modifiers.get("stylesheets", [])
        if own in sheets:
            if cache is None:
                cache = {}
            if own not in cache:
                cache[own] = InlineStyleSheet(css=own)
            rest = {"stylesheets": [s for s in sheets if s != own]}
            super()._patch_modifiers(doc, rest, cache)
            modifiers["stylesheets"] = [*rest["stylesheets"], cache[own]]
        else:
            super()._patch_modifiers(doc, modifiers, cache)


class _PageTemplate(pn.Template):
    """A template that is put into a document at once."""

    def __repr__(self):
        """Short: Panel writes it out again for each part that is added."""
        return type(self).__name__

    def server_doc(self, doc=None, title=None, location=True):
        """Fill the document of a session; its models are collected once, at the end.

        Otherwise Bokeh collects them after each of some hundred changes, for two seconds.
        """
        doc = doc or curdoc_locked()
        with doc.models.freeze():
            return super().server_doc(doc, title, location)


def frame_template(
    title: str, views: list[tuple[str, str]], theme: str = "", first: str = "null"
) -> pn.Template:
    """The frame of the page, empty.

    views : (key, title) of each page, for the bar
    theme : "dark", "light", or "" as the visitor's system has it
    first : what the page is at first, as JSON of `Frame`
    """
    template: Any = _PageTemplate(_text("page.html"), design=PageDesign, theme=NativeDefaultTheme)
    template.title = title
    template.add_variable("sf_css", style_sheet())
    template.add_variable("sf_js", "".join(map(_text, _SCRIPTS)))
    template.add_variable("sf_patch", page_patches())
    template.add_variable("sf_first", first.replace("<", "\\u003c"))
    template.add_variable("sf_views", views)
    template.add_variable("sf_building", _building(first, views))
    template.add_variable("sf_theme", theme)
    return template


def _building(first, views):
    """What the page shows before its scripts have made it: its title, and its parts."""
    view = (json.loads(first) or {}).get("view", "explore")
    title = dict(views).get(view, "the page")
    return {"view": view, "title": title, "parts": _PARTS.get(view, _SIDES)}

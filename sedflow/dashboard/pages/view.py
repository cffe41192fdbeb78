"""What every page of the app is: controls for the sidebar, views for the page."""

from collections.abc import Callable, Coroutine
from typing import Any

import panel as pn

from sedflow.dashboard.widgets import SPREAD

__all__ = ["LateView", "PageView", "laid_out", "later", "start"]

_SIDES = """
:host { display: grid !important; gap: 0 18px;
        grid-template-columns: var(--sf-columns, 290px minmax(0, 1fr));
        padding: 10px 16px; max-width: 1700px; align-items: start;
        grid-auto-rows: max-content; height: auto !important; }
@media (max-width: 900px) {
  :host { grid-template-columns: minmax(0, 1fr); padding: 8px; gap: 10px; }
}
/* A presentation shows the page, and arrow keys do what its controls do. */
.side { display: var(--sf-rail, flex) !important; }
@media (max-width: 900px) { .side.last { order: 1; border-top: 1px solid var(--sf-line); } }
@media print { .side.last { display: none !important; } }
"""


class PageView(pn.viewable.Viewer):
    """A page with `controls` and `views`; side by side as the last line of a notebook's cell."""

    sidebar_width = 340
    #: Whether small screens have the controls below the page, which begins with its own.
    controls_last = False
    #: Whether they have some of them there: every layout around these has the style sheet `SPREAD`.
    controls_spread = False
    cell_height = 640  # in a notebook, which has no height of its own

    def __panel__(self):
        side = pn.Column(self.controls, width=self.sidebar_width)
        # As a style: Panel puts the least height of what is inside in place of `min_height`.
        room = {"min-height": f"{self.cell_height}px"}
        return pn.Row(side, self.views, sizing_mode="stretch_both", styles=room)

    def _repr_mimebundle_(self, include=None, exclude=None):
        """In a cell, with the scripts that a page needs, if nobody has loaded them yet.

        `pn.extension()` alone loads none for tables.
        """
        if "tabulator" not in pn.extension._loaded_extensions:
            pn.extension("tabulator", inline=True)  # from the package, not from the internet
        return super()._repr_mimebundle_(include, exclude)


class LateView(PageView):
    """A page that is built when it is first looked at: `_build` sets `_controls` and `_views`."""

    _controls: pn.viewable.Viewable | None = None
    _views: pn.viewable.Viewable | None = None

    def _build(self):
        raise NotImplementedError

    @property
    def controls(self) -> pn.viewable.Viewable | None:
        """The sidebar."""
        self._build()
        return self._controls

    @property
    def views(self) -> pn.viewable.Viewable | None:
        """The page."""
        self._build()
        return self._views


def laid_out(view: Any) -> pn.viewable.Viewable:
    """A page as it fills the screen, or its controls beside its views."""
    if hasattr(view, "screen"):
        return view.screen
    wide: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0}
    classes = ["side", "last"] if view.controls_last else ["side"]
    sheets = [SPREAD] if view.controls_spread else []
    side = pn.Column(view.controls, css_classes=classes, stylesheets=sheets, **wide)
    return pn.Column(side, view.views, stylesheets=[_SIDES], **wide)


def later(follow: Callable[[], Coroutine[Any, Any, None]]) -> Callable[..., Coroutine]:
    """A watcher that lets an async function run."""

    async def run(*events):
        await follow()

    return run


def start(function: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Let an async function run as soon as the page is there."""
    if pn.state.curdoc is not None and pn.state.curdoc.session_context is not None:
        pn.state.onload(function)
    else:
        pn.state.execute(function)

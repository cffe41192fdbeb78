"""The screen of Explore: the list, the line with the verdict, and the stage with all figures."""

from collections.abc import Iterable, Mapping
from typing import Any

import panel as pn

from sedflow.dashboard.hints import HintToggle
from sedflow.dashboard.pages.screen import SCREEN, STAGE, VIEWS
from sedflow.dashboard.widgets import PRESSED, faded, note

__all__ = ["ExploreScreen"]

_FOLD = """
.bk-btn.bk-btn-default.bk-active { background: var(--sf-surface) !important;
  color: var(--sf-ink) !important; border-color: var(--sf-line) !important;
  box-shadow: none !important; }
@media (max-width: 1100px) { .bk-btn.bk-btn-default:not(.bk-active) {
  background: var(--sf-line) !important; } }
"""
#: What a phone shows of the stage: title of a button -> style class.
_PARTS = {"Light": "light", "Posterior": "posterior", "History": "history", "Numbers": "numbers"}


class ExploreScreen:
    """Everything on one screen; phones show one part at a time.

    Parameters
    ----------
    rail : viewable
        The list of galaxies.
    verdict : viewable
        The line above the stage.
    bar : iterable of viewables
        Controls above the spectrum.
    parts : mapping of style class to viewable
        What the stage has; `STAGE` says where.
    unseen : viewable
        What has to be on the page and takes no room.

    Attributes
    ----------
    whole, controls, views : the screen, its list, and the rest of it
    box, empty : the stage, and what is said in its place where there is no posterior
    """

    def __init__(
        self,
        rail: Any,
        verdict: Any,
        bar: Iterable[Any],
        parts: Mapping[str, Any],
        unseen: Any,
    ):
        fill: dict[str, Any] = {"sizing_mode": "stretch_both", "margin": 0}
        self.controls = pn.Column(rail, css_classes=["rail"], **fill)
        self._stage = pn.Column(
            pn.FlexBox(*bar, align_items="center", margin=0, css_classes=["bar", "light"]),
            unseen,
            *(pn.Column(one, css_classes=[name, "part"], **fill) for name, one in parts.items()),
            stylesheets=[STAGE],
            **fill,
        )
        # In a box of its own, which can be hidden: a grid cannot.
        self.box = pn.Column(self._stage, css_classes=["stage"], **fill)
        self._part = pn.widgets.RadioButtonGroup(
            label="part of the page",
            options=_PARTS,
            value="light",
            css_classes=["parts"],
            stylesheets=[PRESSED],
            margin=(4, 4),
            sizing_mode="stretch_width",
        )
        self._fold = HintToggle(
            "Show or hide the list of galaxies",
            label="☰ List",
            value=True,
            stylesheets=[_FOLD],
            margin=(3, 2),
            css_classes=["fold", "work"],
        )
        self._verdict = pn.Column(verdict, margin=0, sizing_mode="stretch_width")
        head = pn.Row(self._fold, self._verdict, margin=0, sizing_mode="stretch_width")
        head.css_classes = ["head"]
        self.empty = note("info", margin=10)
        self.views = pn.Column(
            head,
            self._part,
            self.empty,
            self.box,
            css_classes=["views"],
            stylesheets=[VIEWS],
            **fill,
        )
        self.whole = pn.Row(self.controls, self.views, stylesheets=[SCREEN], **fill)
        for widget in (self._part, self._fold):
            widget.param.watch(self._turn, "value")
        self._turn()

    def _turn(self, *events):
        """Which part a phone shows, and whether the list is there."""
        self._stage.css_classes = [f"on-{self._part.value}"]
        folded = [] if self._fold.value else ["folded"]
        self.whole.css_classes = folded
        self.controls.css_classes = ["rail", *folded]

    def turn_to(self, part: str) -> None:
        """Let a phone show a part: "light", "posterior", "history" or "numbers"."""
        self._part.value = part

    def show_stage(self) -> None:
        """Show the figures: there is a posterior."""
        self.box.visible, self.empty.visible = True, False

    def show_empty(self) -> None:
        """Say that there is no posterior to show."""
        self.box.visible = False
        self.empty.param.update(
            object="Choose a galaxy of the list, or type another in the field above.",
            visible=True,
        )

    def dim(self, stale: bool) -> None:
        """Dim figures, heading and notes: what is shown while another answer is computed."""
        # Not before the usual answer is there: to dim and to undim paints everything twice.
        styles = faded(stale, 0.6)
        for part in (self._stage, self._verdict):
            if part.styles != styles:
                part.styles = styles

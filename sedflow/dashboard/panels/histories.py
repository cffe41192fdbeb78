"""Histories: star formation, metallicity and formed mass over lookback time."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import panel as pn
import param

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.brush import Brushed
from sedflow.dashboard.panels.panel import AnswerPanel, figure_pane, refresh
from sedflow.dashboard.printed import ago
from sedflow.dashboard.quantities import HISTORIES
from sedflow.dashboard.widgets import prose
from sedflow.draws import Draws
from sedflow.figures.histories import FORMED, HistoryFigure, history_layers

__all__ = ["LATELY", "HistoriesPanel", "formed_lately"]

#: A phone has no room for three figures side by side.
_DOWN = "@media (max-width: 600px) { :host { flex-direction: column !important; } }"
LATELY = 0.1  # Gyr, which are a line on an axis of 13
_STEP = 0.05  # share of the mass, from which a step on that line is told
#: In a presentation of everything, figures need the room of what explains them.
#: What is told below the figures leaves them their room: on a low screen it scrolls.
_HOW = """
p:nth-of-type(2) { display: var(--sf-said, block); }
@media (max-height: 840px) and (min-width: 1101px) {
  :host { max-height: 60px; overflow: auto !important; scrollbar-width: thin; }
}
"""


class HistoriesPanel(AnswerPanel):
    """Histories of an answer, one figure each, and when the mass had formed.

    Parameters
    ----------
    which : sequence of str
        Of `HISTORIES`.
    prefix : str
        Of the figures' names in the browser.
    formation : bool
        Whether a sentence says when half and 90 % of the mass had formed.
    title : callable(Answer) -> str
        Name of the galaxy in the titles.
    screen : bool
        Whether the figures stand side by side and fill the room, without titles.
    """

    drawn = param.Parameter(doc="(place, geometry) of a selection drawn in a history")

    def __init__(
        self,
        which: Sequence[str] = HISTORIES,
        prefix: str = "",
        height: int = 215,
        formation: bool = True,
        title: Callable[[Answer], str] = lambda answer: answer.fit.title,
        screen: bool = False,
        **params,
    ):
        super().__init__(**params)
        self._prefix, self._title, self._screen = prefix, title, screen
        self._size: dict[str, Any] = {"height": height}
        if screen:
            self._size = {
                "sizing_mode": "stretch_both",
                "titled": False,
                "min_height": 100,
                "min_width": 100,
            }
        mode = "stretch_both" if screen else "stretch_width"
        self._panes = {one: figure_pane(sizing_mode=mode, margin=0) for one in which}
        self.figures: dict[str, HistoryFigure] = {}
        self._formation = prose("", margin=(2, 8), visible=formation)
        self._formation.stylesheets = [*self._formation.stylesheets, _HOW]

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Draw the histories and say when the mass had formed."""
        history, title = answer.fit.history, self._title(answer)
        for which, pane in self._panes.items():
            layers = history_layers(
                title,
                which,
                history.edges,
                answer.history_quantiles[which],
                changed=self._changed(which),
                brushed=brushed.history.get(which) if brushed else None,
                lines=_true_history(answer, which),
                draws=getattr(history, which)[answer.fit.examples],
                times=dict(zip(FORMED, answer.formation_times, strict=True)),
            )
            layers.sources.update(brushed.rim_in(which) if brushed else {})
            if self._screen:  # said once, below the figures
                layers.extra["note"] = ""
            if which in self.figures:
                self.figures[which].update(layers)
                refresh(pane)
            else:
                options = {"name": f"{self._prefix}{which}"} if self._prefix else {}
                figure = HistoryFigure(layers, which, **self._size, **options)
                figure.figure.on_event("selectiongeometry", partial(self._select, which))
                self.figures[which], pane.object = figure, figure.figure
        t50, t90 = answer.formation_times
        told = f"Half of the mass had formed **{ago(*t50)}** ago, 90 % **{ago(*t90)}** ago."
        if self._screen:
            n = len(answer.fit.examples)
            told += f"\n\nBands hold 68, 95 % at each time; thin lines: {n} draws, the best green."
        self._formation.object = f"{told}{_of_late(history, answer.fit.examples[0])}"

    def _changed(self, which):
        """16, 50 and 84 % of the history of the posterior beside this one; None without one."""
        return None if self.changed is None else self.changed.answer.history_quantiles[which][1:4]

    def _select(self, which, event):
        if event.final:
            self.drawn = (which, event.geometry)

    def __panel__(self):
        if self._screen:
            row = pn.Row(
                *self._panes.values(), margin=0, sizing_mode="stretch_both", stylesheets=[_DOWN]
            )
            return pn.Column(row, self._formation, margin=0, sizing_mode="stretch_both")
        return pn.Column(
            *self._panes.values(), self._formation, margin=0, sizing_mode="stretch_width"
        )


def formed_lately(edges: np.ndarray, formed: np.ndarray) -> float:
    """Share of the mass formed in the last 100 Myr, a step on the left edge; 0 where it is small.

    edges : look-back times [Gyr]; formed : share of the mass that had formed at each
    """
    share = 1.0 - float(np.interp(LATELY, edges, formed))
    return share if share >= _STEP else 0.0


def _of_late(history, best):
    """A sentence where the best draw's curve does not seem to begin at 1: a burst lately."""
    share = formed_lately(history.edges, history.formed[best])
    if not share:
        return ""
    return (
        f" The best draw formed {100 * share:.0f} % of its mass in the last {1000 * LATELY:.0f} "
        "Myr: a step at the left edge. It fits best, but there may be few like it; the bands count "
        "all."
    )


def _true_history(answer: Answer, which: str) -> dict[str, np.ndarray] | None:
    """The history of a simulated galaxy, to draw over what was inferred."""
    if answer.truth is None:
        return None
    one = replace(answer.fit, draws=Draws(answer.truth[None]), verdict=None)
    return {"truth": getattr(one.history, which)[0]}

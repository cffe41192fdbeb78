"""What panels of an answer have in common: `show(answer, brushed=None, changed=None)`."""

from collections.abc import Callable

import panel as pn

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.brush import Brushed
from sedflow.dashboard.figure_pane import FigurePane
from sedflow.dashboard.what_if import Changed
from sedflow.dashboard.widgets import patch

__all__ = ["AnswerPanel", "figure_pane"]


class AnswerPanel(pn.viewable.Viewer):
    """A part of a page that shows an answer, and which of its draws are selected.

    `changed` is a posterior to show beside it: of the same galaxy with a change.
    """

    answer: Answer | None = None
    brushed: Brushed | None = None
    changed: Changed | None = None
    #: Does something with what is shown; a page lets it wait for the galaxy that was just chosen.
    when_there: Callable[[Callable[[], object]], object] = staticmethod(lambda action: action())

    def show(  # type: ignore[override]
        self, answer: Answer, brushed: Brushed | None = None, changed: Changed | None = None
    ) -> None:
        """Show an answer; patch what is there."""
        self.answer, self.brushed, self.changed = answer, brushed, changed
        self.draw(answer, brushed)

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Draw; each panel says what."""
        raise NotImplementedError

    def redraw(self, figure) -> None:
        """Draw the same answer again, with the lock of the figure's document."""
        answer = self.answer
        if answer is not None:
            patch(figure, lambda: self.draw(answer, self.brushed))


def figure_pane(**options) -> FigurePane:
    """A pane that a figure will fill."""
    return FigurePane(None, **{"sizing_mode": "stretch_width", "margin": (0, 5), **options})


def refresh(pane: FigurePane) -> None:
    """Show a figure again that was patched in a notebook's cell, where no document follows it."""
    if pane.object is not None and pane.object.document is None:
        pane.param.trigger("object")

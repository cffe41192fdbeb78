"""A walk through draws: the button that begins it, and what is sent to the page."""

import panel as pn
import param
from bokeh.models import ColumnDataSource, Spacer

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.brush import Brushed
from sedflow.dashboard.hints import HintButton
from sedflow.dashboard.pages.view import start
from sedflow.dashboard.panels.corner import CornerPanel
from sedflow.dashboard.panels.light import LightPanel
from sedflow.dashboard.panels.panel import AnswerPanel
from sedflow.dashboard.server.turns import Superseded
from sedflow.dashboard.server.work import on_worker
from sedflow.dashboard.walk import walk
from sedflow.dashboard.widgets import patch
from sedflow.errors import SedflowError

__all__ = ["WalkPanel"]


class WalkPanel(AnswerPanel):
    """Steps through draws of an answer, which the page plays by itself.

    Parameters
    ----------
    light, corner : panels whose axes the steps are drawn on
    """

    on = param.Boolean(default=False, doc="Whether the page walks")

    def __init__(self, light: LightPanel, corner: CornerPanel, **params):
        super().__init__(**params)
        self._light, self._corner = light, corner
        self._of: Answer | None = None
        self.source = ColumnDataSource({}, name="walk")
        # A source is on the page only if something that is there refers to it.
        self._holder = Spacer(width=0, height=0, tags=[self.source])
        self._pane = pn.pane.Bokeh(self._holder, width=0, height=0, margin=0)
        self.button = HintButton("Play through draws (w)", label="▶ Walk", margin=(0, 2))
        self.button.js_on_click(code="window.sedflow?.walk()")
        self.param.watch(self._again, "on")
        light.options.param.watch(self._again, ["unit", "log", "rest"])
        corner.param.watch(self._again, "axes")

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Forget the steps of another answer; those of this one come with its corner plot."""
        if self._of is not answer and self.source.data:
            self.source.data = {}
        self._of = answer

    def _again(self, *events):
        if self.on or self.source.data:
            start(self.compute)

    async def compute(self) -> None:
        """Send the steps to the page; none, if it does not walk."""
        answer, axes = self.answer, self._corner.axes
        steps = {}
        if self.on and answer is not None and axes is not None:
            try:
                steps = await on_worker(walk, latest=self)(answer, self._light.options, *axes)
            except (Superseded, SedflowError):
                return
            if answer is not self.answer:
                return
        data = {name: [values] for name, values in steps.items()}
        if data or self.source.data:
            patch(self._holder, lambda: self.source.update(data=data))

    def __panel__(self):
        return self._pane

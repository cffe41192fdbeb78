"""SSP grids compared by their evidence: the button, and what it found."""

import numpy as np
import pandas as pd
import panel as pn

from sedflow.dashboard.answer import Answer, Request, job_draws
from sedflow.dashboard.brush import Brushed
from sedflow.dashboard.grids import ComparedGrids
from sedflow.dashboard.panels.derived import interval
from sedflow.dashboard.panels.job_line import JobLine
from sedflow.dashboard.panels.panel import AnswerPanel, figure_pane
from sedflow.dashboard.quantities import (
    MAIN_QUANTITIES,
    QUANTITIES,
    SHORT_LABELS,
    chosen_quantities,
)
from sedflow.dashboard.server.jobs import Jobs, Work
from sedflow.dashboard.widgets import REVEAL, note, plain, text_table
from sedflow.figures.intervals import IntervalFigure

__all__ = ["GridsPanel"]

_MOST_KEPT = 8  # galaxies whose comparison waits for them
_HINT = (
    "Fits the same data with FSPS, FSPS with gas, and BC03, in seconds to a minute: the evidence "
    "says how well each predicts them, averaged over its prior."
)
_MIDDLE = slice(1, 4)  # 16, 50 and 84 % of five quantiles


class GridsPanel(AnswerPanel):
    """A button that compares the SSP grids for the galaxy shown, and the comparison."""

    def __init__(self, jobs: Jobs | None = None, **params):
        super().__init__(**params)
        self._kept: dict[Request, ComparedGrids] = {}
        self._shown: ComparedGrids | None = None
        self.button = pn.widgets.Button(
            label="Compare stellar libraries",
            align="end",
        )
        self.button.on_click(lambda event: self.start())
        self.job = JobLine(self._finish, jobs)
        self.job.param.watch(self._follow, "running")
        self.job.say(_HINT)
        self.warning = note("warning", margin=(2, 8), sizing_mode="stretch_width")
        self.evidences, self.quantities = (
            text_table(sortable=False, margin=(2, 0), configuration={"renderVertical": "basic"})
            for _ in range(2)
        )
        self._pane = figure_pane(margin=(4, 0))
        # In a box that can be hidden, which the pane of a figure cannot.
        self._box = pn.Column(self._pane, visible=False, margin=0, sizing_mode="stretch_width")
        self._box.jscallback(visible=REVEAL)
        self.figure: IntervalFigure | None = None

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Show what was found for the galaxy, if it was compared."""
        found = self._kept.get(answer.request)
        if found is not self._shown:
            self._present(found)

    def start(self) -> None:
        """Compare the grids for the galaxy that is shown now, or was just chosen."""
        self.when_there(self._begin)

    def _begin(self):
        answer = self.answer
        if answer is None:
            self.job.say("Choose a galaxy first.")
            return
        fit, request = answer.fit, answer.request
        work = Work(
            "grids",
            fit.photometry,
            job_draws(request),
            request.seed,
            request.weights,
            fit.model.grid.name,
            fit.prior.sfh,
        )
        if self.job.begin(work, fit.title):
            self._job_of = answer

    async def _finish(self, job):
        title = plain(self._job_of.fit.title)
        self._kept[self._job_of.request] = job.result
        if len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self.job.say(
            f"**{title}**: {len(job.result.grids)} libraries, {job.result.n:,} draws each, in "
            f"{job.seconds:.1f} s."
        )
        if self.answer is not None:
            self.draw(self.answer, self.brushed)

    def _follow(self, event):
        self.button.disabled = event.new

    def _present(self, found):
        self._shown = found
        there = found is not None
        self._box.visible = there
        if not there:
            self.warning.visible = self.evidences.visible = self.quantities.visible = False
            if not self.job.running:
                self.job.say(_HINT)
            return
        self.warning.param.update(object=plain(found.note), visible=bool(found.note))
        self.evidences.param.update(value=evidence_rows(found), visible=True)
        self.quantities.param.update(value=quantity_rows(found), visible=True)
        rows = chosen_quantities(MAIN_QUANTITIES)
        labels = [SHORT_LABELS.get(QUANTITIES[k].name, QUANTITIES[k].label) for k in rows]
        if self.figure is None:
            self.figure = IntervalFigure(found.rows, labels, found.quantiles[:, rows])
            self._pane.object = self.figure.figure
        else:
            self.figure.update(found.rows, labels, found.quantiles[:, rows])

    def __panel__(self):
        return pn.Column(
            pn.FlexBox(self.button, self.job.cancel_button, align_items="end", margin=0),
            self.job,
            self.warning,
            self.evidences,
            self._box,
            self.quantities,
            margin=0,
            sizing_mode="stretch_width",
        )


def evidence_rows(found: ComparedGrids) -> pd.DataFrame:
    """Evidence, weight and verdict of each grid, as text."""
    rows = []
    for name, (value, error), weight, verdict in zip(
        found.grids, found.log_evidence, found.weights, found.verdicts, strict=True
    ):
        told = f"{value:.2f} ± {error:.2f}".replace("-", "−") if np.isfinite(value) else "–"
        rows.append(
            {"library": name, "ln evidence": told, "weight": f"{weight:.3f}", "verdict": verdict}
        )
    return pd.DataFrame(rows)


def quantity_rows(found: ComparedGrids) -> pd.DataFrame:
    """Median and 68 % of each quantity: the average, then each grid."""
    rows = []
    for k, quantity in enumerate(QUANTITIES):
        row = {"quantity": quantity.axis_label}
        for name, values in zip(found.rows[::-1], found.quantiles[::-1, k], strict=True):
            row[name] = interval(values[_MIDDLE])
        rows.append(row)
    return pd.DataFrame(rows)

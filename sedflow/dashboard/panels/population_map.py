"""The galaxies of a sample as dots: a box selects some of them, a tap picks one."""

import numpy as np
import panel as pn
import param
from bokeh.models import ColumnDataSource

from sedflow.dashboard.figure_pane import FigurePane
from sedflow.dashboard.numbers import pointed, region
from sedflow.dashboard.panels.population_state import CUTS
from sedflow.dashboard.widgets import patch, prose
from sedflow.errors import SedflowError
from sedflow.figures.dots import dot_figure, opacity, resize

__all__ = ["PopulationMap"]

_IN, _OUT = 0.45, 0.05
_HEIGHT = 250


class PopulationMap(pn.viewable.Viewer):
    """Dots of a sample; `boxed` is the last box, `tapped` the row of the last tap.

    y : column up the map; across it is the mass
    """

    boxed = param.Parameter(doc="(column across, its ends, column up, its ends)")
    tapped = param.Integer(default=-1)
    y = param.String(default="redshift")

    def __init__(self, **params):
        super().__init__(**params)
        self._rows = np.zeros(0, int)
        self._columns: dict = {}
        self._points = ColumnDataSource({"x": [], "y": [], "alpha": []}, name="population_dots")
        self._picked = ColumnDataSource({"x": [], "y": []}, name="population_picked")
        f, self._dots = dot_figure(
            self._points,
            self._picked,
            sizing_mode="stretch_width",
            height=_HEIGHT,
            name="population_dots",
            background_fill_alpha=0,
            border_fill_alpha=0,
        )
        f.on_event("selectiongeometry", self._drawn)
        self._points.selected.on_change("indices", self._tap)
        self.figure = f
        # Empty axes say nothing, and nobody waits before them: they come with their dots.
        pane = FigurePane(f, sizing_mode="stretch_width", margin=0)
        self._pane = pn.Column(pane, sizing_mode="stretch_width", margin=0, visible=False)
        self._wait = prose("Computing the dots …", margin=(8, 8), height=_HEIGHT - 16)

    def show(self, columns: dict, chosen: np.ndarray, picked: int | None) -> None:  # type: ignore[override]
        """Show a sample: its columns (n,), which of it is chosen (n,), and the row picked."""
        self._columns = columns
        y = columns[self.y]
        x = columns["mass"]
        good = np.isfinite(x) & np.isfinite(y)
        self._rows = np.flatnonzero(good)
        n = len(self._rows)
        alpha = np.where(chosen[good], opacity(_IN, n), opacity(_OUT, n))

        def draw():
            f = self.figure
            resize(self._dots, n)
            self._points.data = {
                "x": x[good].astype(np.float32),
                "y": y[good].astype(np.float32),
                "alpha": alpha.astype(np.float32),
            }
            for axis, values in ((f.x_range, x[good]), (f.y_range, y[good])):
                low, high = np.quantile(values, [0.001, 0.999]) if len(values) else (0.0, 1.0)
                ends = low - 0.05 * (high - low), high + 0.05 * (high - low) or 1.0
                if (axis.reset_start, axis.reset_end) != ends:
                    axis.update(start=ends[0], end=ends[1], reset_start=ends[0], reset_end=ends[1])
            f.xaxis.axis_label, f.yaxis.axis_label = CUTS["mass"], CUTS[self.y]
            there = picked is not None and good[picked]
            self._picked.data = (
                {"x": [float(x[picked])], "y": [float(y[picked])]} if there else {"x": [], "y": []}
            )

        patch(self.figure, draw)
        patch(self.figure, self._appear)

    def _appear(self):
        self._pane.visible, self._wait.visible = True, False

    def _tap(self, attr, old, new):
        if new and new[0] < len(self._rows):
            self.tapped = -1  # the same dot again is another tap
            self.tapped = int(self._rows[new[0]])
            self._points.selected.indices = []

    def _drawn(self, event):
        if not event.final or pointed(event.geometry):
            return
        try:
            box = region(event.geometry)
        except SedflowError:  # a lasso that no page of ours draws
            return
        if box["type"] == "rect":
            x, y = (tuple(sorted((box[f"{a}0"], box[f"{a}1"]))) for a in "xy")
            self.boxed = ("mass", x, self.y, y)

    def __panel__(self):
        return pn.Column(self._wait, self._pane, sizing_mode="stretch_width", margin=0)

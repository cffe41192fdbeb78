"""Intervals side by side: one panel a quantity, one row for each of several posteriors."""

import numpy as np
from bokeh.models import ColumnDataSource, Range1d, Scatter, Segment, Text
from bokeh.plotting import figure
from matplotlib.ticker import MaxNLocator

from sedflow.figures.base import TOOLBAR
from sedflow.palette import SERIES

__all__ = ["IntervalFigure", "interval_columns"]

_GAP = 0.12  # between two panels, of the width of one
_MOST_ROWS = len(SERIES) + 1
_LEFT = 1.0  # room for the names, in panels


def interval_columns(names, labels, quantiles) -> dict[str, dict]:
    """Columns of the figure's sources, of values (n_row, n_quantity, 5).

    Each quantity has an axis of its own, from the lowest to the highest of its intervals, and is
    drawn between k and k + 1 on the horizontal axis of the figure; the rows go down from 0.
    Rows without numbers (NaN) are left out.

    names : of the rows, the last of which is drawn in the ink of the page
    labels : of the quantities
    quantiles : 2.5, 16, 50, 84 and 97.5 %
    """
    q = np.asarray(quantiles, float)
    low, high = np.nanmin(q, axis=(0, 2)), np.nanmax(q, axis=(0, 2))
    wide = np.where(high > low, high - low, 1.0)
    inside = 1.0 - _GAP
    at = np.arange(len(labels))[None, :, None] + inside * (q - low[:, None]) / wide[:, None]
    columns: dict[str, dict] = {}
    for row in range(len(names)):
        there = np.isfinite(at[row]).all(axis=1)
        x = at[row][there]
        y = np.full(len(x), -float(row))
        last = row == len(names) - 1
        columns["last" if last else f"row{row}"] = {
            "x": x[:, 2],
            "low": x[:, 1],
            "high": x[:, 3],
            "lowest": x[:, 0],
            "highest": x[:, 4],
            "y": y,
        }
    columns["names"] = {
        "x": np.full(len(names), -0.08),
        "y": -np.arange(len(names), dtype=float),
        "text": list(names),
    }
    columns["labels"] = {
        "x": np.arange(len(labels)) + 0.5 * inside,
        "y": np.full(len(labels), 0.75),
        "text": list(labels),
    }
    columns["ticks"] = _ticks(low, wide, inside, len(names))
    return columns


def _ticks(low, wide, inside, n_row):
    """Two numbers below each panel."""
    ticks: dict[str, list] = {"x": [], "y": [], "text": []}
    for k, (start, width) in enumerate(zip(low, wide, strict=True)):
        values = MaxNLocator(2).tick_values(start, start + width)
        for value in values:
            place = (value - start) / width
            if 0.1 < place < 0.9:
                ticks["x"].append(k + inside * place)
                ticks["y"].append(-n_row + 0.35)
                ticks["text"].append(f"{value:.4g}".replace("-", "−"))
    return ticks


class IntervalFigure:
    """A Bokeh figure of medians with 68 and 95 % intervals."""

    def __init__(self, names, labels, quantiles, name: str = "intervals"):
        self.figure = f = figure(
            name=name,
            height=40 + 22 * (len(names) + 1),
            sizing_mode="stretch_width",
            min_width=280,
            x_range=Range1d(start=-_LEFT, end=1),
            y_range=Range1d(start=-1, end=1),
            tools="save",
            toolbar_inner=True,
            toolbar_location="above",
            background_fill_alpha=0,
            border_fill_alpha=0,
            outline_line_color=None,
        )
        f.toolbar.update(logo=None, autohide=True, stylesheets=[TOOLBAR])
        f.axis.visible = f.grid.visible = False
        f.min_border = 0
        self.sources = {
            key: ColumnDataSource({c: [] for c in columns}, name=f"{name}_{key}")
            for key, columns in _columns()
        }
        for row in range(_MOST_ROWS - 1):
            color = SERIES[row]
            self._bars(f"row{row}", {"line_color": color}, {"fill_color": color, "line_alpha": 0})
        self._bars("last", {"tags": ["ink"]}, {"tags": ["ink"]})
        for key, align in (("names", "right"), ("labels", "center"), ("ticks", "center")):
            # Coloured by the page's theme.
            words = Text(x="x", y="y", text="text", text_align=align, text_baseline="middle")
            f.add_glyph(self.sources[key], words)
        self.update(names, labels, quantiles)

    def _bars(self, key, line, dot):
        source = self.sources[key]
        for low, high, width in (("lowest", "highest", 1.5), ("low", "high", 4.0)):
            bar = Segment(x0=low, x1=high, y0="y", y1="y", line_width=width, **line)
            self.figure.add_glyph(source, bar)
        self.figure.add_glyph(source, Scatter(x="x", y="y", size=8, **dot))

    def update(self, names, labels, quantiles) -> None:
        """Show other intervals."""
        new = interval_columns(names, labels, quantiles)
        for key, columns in _columns():
            self.sources[key].data = new.get(key) or {c: [] for c in columns}
        self.figure.x_range.update(end=float(len(labels)))
        self.figure.y_range.update(start=-len(names) - 0.1, end=1.2)


def _columns():
    """Name and columns of each source."""
    bars = ("x", "low", "high", "lowest", "highest", "y")
    words = ("x", "y", "text")
    rows = [(f"row{k}", bars) for k in range(_MOST_ROWS - 1)]
    return [*rows, ("last", bars), *((key, words) for key in ("names", "labels", "ticks"))]

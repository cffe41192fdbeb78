"""Where the panels of the app's corner plot are, and which draws a box or lasso on them holds.

Panel (row, column) fills a square of the figure's own coordinates, less the gap to the next.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.path import Path

__all__ = [
    "GAP",
    "SIDE",
    "CornerAxes",
    "corner_axes",
    "join_lines",
    "places",
    "rim",
    "selected",
]

GAP = 0.08  # between panels
SIDE = 1.0 - GAP


@dataclass(frozen=True)
class CornerAxes:
    """Where the panels are: quantities, their labels, and the limits (n, 2) of their axes."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    limits: np.ndarray

    @property
    def n(self) -> int:
        """Number of quantities."""
        return len(self.names)

    def unit(self, samples) -> np.ndarray:
        """Samples (n_draw, n) in units of the panels' sides, 0 to 1."""
        low, high = self.limits.T
        return (samples - low) / (high - low)


def corner_axes(samples, names, labels) -> CornerAxes:
    """Axes that show the central 99.5 % of the samples (n_draw, n), and a margin."""
    low, high = np.quantile(samples, [0.0025, 0.9975], axis=0)
    margin = np.maximum(0.06 * (high - low), 1e-6)
    return CornerAxes(tuple(names), tuple(labels), np.stack([low - margin, high + margin], 1))


def places(samples, axes: CornerAxes) -> tuple[np.ndarray, np.ndarray]:
    """Where draws (n_draw, n) are on every panel (n_draw, n_panel): x and y in the figure.

    Panels below the diagonal come row by row, then the feet of the histograms.
    """
    unit, n = axes.unit(np.asarray(samples, float)), axes.n
    unit = np.where((unit >= 0) & (unit <= 1), unit, np.nan) * SIDE
    row, column = np.tril_indices(n, -1)
    every = np.arange(n)
    x = np.concatenate([column + unit[:, column], every + unit], axis=1)
    foot = np.broadcast_to(n - 1.0 - every, unit.shape)
    y = np.concatenate([n - 1 - row + unit[:, row], foot], axis=1)
    return x, y


def rim(geometry: dict) -> tuple:
    """The closed line (x, y) around a box or lasso."""
    if geometry["type"] == "rect":
        x0, x1, y0, y1 = (geometry[k] for k in ("x0", "x1", "y0", "y1"))
        return [x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0]
    return tuple(np.append(geometry[a], geometry[a][:1]) for a in "xy")


def selected(samples, axes: CornerAxes, geometry: dict) -> tuple[np.ndarray, str] | None:
    """Which draws (n_draw,) a box or lasso on the figure holds, and in words; None if on no panel.

    samples (n_draw, n); geometry : as Bokeh's SelectionGeometry event has it: type "rect" with
    x0, x1, y0, y1, or "poly" with x, y.
    """
    if geometry["type"] == "rect":
        x, y = (np.sort([geometry[f"{a}0"], geometry[f"{a}1"]]) for a in "xy")
        corners = np.array([[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]])
    else:
        corners = np.stack([np.asarray(geometry[a], float) for a in "xy"], 1)
        if len(corners) < 3:
            return None
    middle = 0.5 * (corners.min(0) + corners.max(0))
    column, row = int(np.floor(middle[0])), axes.n - 1 - int(np.floor(middle[1]))
    if not (0 <= column <= row < axes.n):
        return None
    unit = axes.unit(np.asarray(samples, float))
    corners = (corners - [column, axes.n - 1 - row]) / SIDE
    if column == row:  # a histogram: only its horizontal axis means anything
        low, high = corners[:, 0].min(), corners[:, 0].max()
        return (unit[:, row] >= low) & (unit[:, row] <= high), _said(axes, row, low, high)
    if geometry["type"] == "rect":
        (x0, y0), (x1, y1) = corners.min(0), corners.max(0)
        u, v = unit[:, column], unit[:, row]
        mask = (u >= x0) & (u <= x1) & (v >= y0) & (v <= y1)
        return mask, f"{_said(axes, column, x0, x1)}, {_said(axes, row, y0, y1)}"
    mask = Path(corners).contains_points(unit[:, [column, row]])
    return mask, f"a region of {axes.labels[column]} and {axes.labels[row]}"


def _said(axes, k, low, high):
    bottom, top = axes.limits[k]
    ends = bottom + np.array([low, high]) * (top - bottom)
    return f"{axes.labels[k]} {ends[0]:.3g} to {ends[1]:.3g}"


def join_lines(lines) -> tuple[np.ndarray, np.ndarray]:
    """Polylines (x, y) in one pair of arrays, broken by NaN."""
    if not lines:
        return np.array([]), np.array([])
    gap = [np.nan]
    x = np.concatenate([np.concatenate([line[0], gap]) for line in lines])
    y = np.concatenate([np.concatenate([line[1], gap]) for line in lines])
    return x, y

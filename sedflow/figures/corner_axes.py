"""Where the panels of the app's corner plot are, and which draws a box or lasso on them holds.

Panel (row, column) fills a square of the figure's own coordinates, less the gap to the next.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.path import Path

from sedflow.errors import SedflowError

__all__ = [
    "GAP",
    "SIDE",
    "CornerAxes",
    "box_ranges",
    "box_rim",
    "corner_axes",
    "in_ranges",
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
    """Axes that show the central 99.5 % of the samples (n_draw, n), and a margin.

    A rate of no stars has no logarithm, and counts for no end: such draws lie outside.
    """
    samples = np.asarray(samples, float)
    known = np.isfinite(samples)
    known[:, ~known.any(axis=0)] = True  # nothing else to go by
    finite = np.where(known, np.nan_to_num(samples), np.nan)
    low, high = np.nanquantile(finite, [0.0025, 0.9975], axis=0)
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

    Raises
    ------
    SedflowError
        A box holds a whole panel: it goes over several, and nobody can say which is meant.
    """
    if geometry["type"] == "rect":
        found = box_ranges(axes, geometry)
        return in_ranges(samples, axes, found) if found else None
    corners = np.stack([np.asarray(geometry[a], float) for a in "xy"], 1)
    if len(corners) < 3:
        return None
    at = _panel(axes, corners)
    if at is None:
        return None
    column, row = at
    unit = axes.unit(np.asarray(samples, float))
    corners = (corners - [column, axes.n - 1 - row]) / SIDE
    if column == row:  # a histogram: only its horizontal axis means anything
        ends = np.array([corners[:, 0].min(), corners[:, 0].max()])
        low, high = _in_units_of(axes, row, ends)
        inside = (unit[:, row] >= ends[0]) & (unit[:, row] <= ends[1])
        return inside, _said(axes, axes.names[row], low, high)
    mask = Path(corners).contains_points(unit[:, [column, row]])
    return mask, f"a region of {axes.labels[column]} and {axes.labels[row]}"


def in_ranges(
    samples, axes: CornerAxes, ranges: Sequence[tuple[str, float, float]]
) -> tuple[np.ndarray, str]:
    """Which draws (n_draw,) of samples (n_draw, n) lie in all ranges, and in words.

    ranges : (name of a quantity of the axes, low, high) each
    """
    values = np.asarray(samples, float)
    mask = np.ones(len(values), bool)
    for name, low, high in ranges:
        column = values[:, axes.names.index(name)]
        mask &= (column >= low) & (column <= high)
    return mask, ", ".join(_said(axes, *one) for one in ranges)


def closed_range(
    samples, axes: CornerAxes, name: str, low: float | None, high: float | None
) -> tuple[float, float]:
    """The ends of a range of a quantity, of which one may be open (None), the lower one first.

    Raises
    ------
    SedflowError
        No draw of samples (n_draw, n) is inside.
    """
    k = axes.names.index(name)
    values = np.asarray(samples, float)[:, k]
    values = values[np.isfinite(values)]
    if not len(values):
        raise SedflowError(f"no draw has a number for {axes.labels[k]}; choose another quantity")
    if low is not None and high is not None:
        low, high = min(low, high), max(low, high)
    least, most = values.min(), values.max()
    ends = (least if low is None else low, most if high is None else high)
    if not ((values >= ends[0]) & (values <= ends[1])).any():
        raise SedflowError(
            f"no draw is inside this range; choose inside {_said(axes, name, least, most)}"
        )
    return float(ends[0]), float(ends[1])


def box_ranges(axes: CornerAxes, geometry: dict) -> tuple[tuple[str, float, float], ...]:
    """Ranges (name, low, high) of the quantities of the panel that a box is on; () on none.

    Raises
    ------
    SedflowError
        The box holds a whole panel.
    """
    x, y = (np.sort([geometry[f"{a}0"], geometry[f"{a}1"]]) for a in "xy")
    at = _panel(axes, np.stack([x, y], 1))
    if at is None:
        return ()
    column, row = at
    across, up = (x - column) / SIDE, (y - (axes.n - 1 - row)) / SIDE
    sides = [(column, across)] if column == row else [(column, across), (row, up)]
    if all(low <= 0 and high >= 1 for _, (low, high) in sides):
        raise SedflowError(
            f"this box holds all of the panel of {' and '.join(axes.labels[k] for k, _ in sides)}, "
            "so it selects nothing; draw it inside one panel"
        )
    # A drag that ends beside the panel ends at its edge.
    return tuple((axes.names[k], *_in_units_of(axes, k, np.clip(e, 0, 1))) for k, e in sides)


def box_rim(axes: CornerAxes, ranges: Sequence[tuple[str, float, float]]) -> tuple:
    """The closed line (x, y) around a box of these ranges, as far as its panel goes.

    () where a quantity is not shown.
    """
    if not ranges or any(name not in axes.names for name, _, _ in ranges):
        return ()
    units = []
    for name, low, high in ranges:
        k = axes.names.index(name)
        bottom, top = axes.limits[k]
        ends = (np.array([low, high]) - bottom) / (top - bottom)
        units.append((k, np.clip(ends, 0, 1) * SIDE))
    units.sort(key=lambda one: one[0])
    (column, x), (row, y) = units[0], units[-1]
    if column == row:
        y = np.array([0.0, SIDE])
    (x0, x1), (y0, y1) = column + x, axes.n - 1 - row + y
    return rim({"type": "rect", "x0": x0, "x1": x1, "y0": y0, "y1": y1})


def _panel(axes, corners):
    """Column and row of the panel below the middle of a shape; None on no panel."""
    middle = 0.5 * (corners.min(0) + corners.max(0))
    column, row = int(np.floor(middle[0])), axes.n - 1 - int(np.floor(middle[1]))
    return (column, row) if 0 <= column <= row < axes.n else None


def _in_units_of(axes, k, ends):
    """Values of a quantity at two places of its panel's side."""
    bottom, top = axes.limits[k]
    low, high = bottom + np.asarray(ends) * (top - bottom)
    return float(low), float(high)


def _said(axes, name, low, high):
    """A range in words: two digits of its width, so that the words hold the draws that it holds."""
    digits = 1 - math.floor(math.log10(high - low)) if high > low else 4
    low, high = (_trimmed(round(end, digits), max(digits, 0)) for end in (low, high))
    return f"{axes.labels[axes.names.index(name)]} {low} to {high}"


def _trimmed(value, digits):
    text = f"{value:z.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def join_lines(lines) -> tuple[np.ndarray, np.ndarray]:
    """Polylines (x, y) in one pair of arrays, broken by NaN."""
    if not lines:
        return np.array([]), np.array([])
    gap = [np.nan]
    x = np.concatenate([np.concatenate([line[0], gap]) for line in lines])
    y = np.concatenate([np.concatenate([line[1], gap]) for line in lines])
    return x, y

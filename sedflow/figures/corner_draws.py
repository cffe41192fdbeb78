"""What a set of draws looks like on the axes of the app's corner plot: numbers, no figure."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from contourpy import contour_generator
from scipy.ndimage import gaussian_filter

from sedflow.draws import CONTOUR_LEVELS
from sedflow.figures.corner_axes import GAP, SIDE, CornerAxes, join_lines
from sedflow.figures.errors_shown import digits_of_errors
from sedflow.model.prior_curves import prior_density

__all__ = ["HELD", "CornerSet", "corner_set"]

_BINS = 36  # pixels of a panel's two-dimensional histogram
_SMOOTH = 1.6  # pixels, so that contours of a few thousand draws are not all noise
_HIST_BINS = 32
HELD = "contours hold {:.0f} and {:.0f} %".format(*(100 * level for level in CONTOUR_LEVELS))
_FEW = 25  # draws below which a set has points, not contours


@dataclass(frozen=True)
class CornerSet:
    """One set of draws in the figure's coordinates; polylines are (x, y) broken by NaN.

    image (m, m) uint8 : density, 255 at each panel's peak, 0 outside; None if not asked for
    values : median and 68 % range of each quantity, as text
    """

    contours: tuple
    histograms: tuple
    quantiles: tuple
    points: tuple
    values: list
    image: np.ndarray | None = None


def corner_set(
    samples,
    axes: CornerAxes,
    *,
    image: bool = False,
    pairs: bool = True,
    prior: Any = None,
    ranges: Any = None,
) -> CornerSet:
    """What a set of draws of equal weight (n_draw, n) looks like on these axes.

    image : whether the density of each pair is shaded
    pairs : whether pairs have contours; without, histograms are smooth: a prior's few thousand
        draws, spread over panels that show a posterior, have contours that are noise
    prior : Prior that the samples are of, if they are of one: parameters have its exact density
    ranges : 16, 50 and 84 % (3, n), to be written above the histograms; without, the samples'.
        Draws of equal weight are a choice from weighted ones, whose own differ in the last digit.
    """
    samples = np.asarray(samples, dtype=float)
    n, side = axes.n, SIDE
    # The logarithm of no stars is below all axes.
    unit = np.nan_to_num(axes.unit(samples), nan=-1.0, neginf=-1.0, posinf=2.0)
    inside = (unit >= 0) & (unit < 1)
    pixel = (np.clip(unit, 0, 1 - 0.5 / _BINS) * _BINS).astype(int)
    stride = _BINS + round(_BINS * GAP / side)
    shaded = np.zeros((n * stride, n * stride), np.uint8) if image else None
    contours, histograms, quantiles, points = [], [], [], []
    few = len(samples) < _FEW
    for row in range(n):
        y0 = n - 1 - row
        for column in range(row) if pairs else ():
            both = inside[:, column] & inside[:, row]
            if few:
                points.append([column + side * unit[both, column], y0 + side * unit[both, row]])
                continue
            flat = pixel[both, row] * _BINS + pixel[both, column]
            density = np.bincount(flat, minlength=_BINS**2).reshape(_BINS, _BINS).astype(float)
            density = gaussian_filter(density, _SMOOTH)
            peak = density.max()
            if peak > 0:
                density /= peak
            if shaded is not None:
                r, c = y0 * stride, column * stride
                shaded[r : r + _BINS, c : c + _BINS] = np.rint(255 * density)
            contours += _contours(density, column, y0)
        curve = None if prior is None else _curve(axes, row, y0, prior)
        if curve is None:
            curve = _histogram(unit[inside[:, row], row], row, y0, smooth=not pairs)
        histograms.append(curve)
        for q in np.quantile(unit[:, row], [0.16, 0.5, 0.84]) if len(unit) else ():
            if 0 <= q <= 1:
                quantiles.append([[row + q * side] * 2, [y0, y0 + side]])
    joined = tuple(np.concatenate(v) for v in zip(*points, strict=True)) if points else ()
    lines = [join_lines(parts) for parts in (contours, histograms, quantiles)]
    return CornerSet(lines[0], lines[1], lines[2], joined, _values(samples, ranges), shaded)


def _contours(density, column, y0):
    """Lines that enclose 39 and 86 % of the mass of a panel."""
    order = np.sort(density.ravel())[::-1]
    mass = order.cumsum()
    if not mass[-1] > 0:
        return []
    center = (np.arange(_BINS) + 0.5) / _BINS * SIDE
    generator = contour_generator(column + center, y0 + center, density)
    lines = []
    for level in CONTOUR_LEVELS:
        height = order[min(np.searchsorted(mass, level * mass[-1]), order.size - 1)]
        lines += [line.T for line in generator.lines(height)]
    return lines


def _curve(axes, row, y0, prior):
    """The prior of a parameter over its whole panel; None of a derived quantity."""
    x = np.linspace(0, 1, 201)
    low, high = axes.limits[row]
    density = prior_density(axes.names[row], low + x * (high - low), prior)
    if density is None:
        return None
    return [row + x * SIDE, y0 + density / max(density.max(), 1e-300) * 0.92 * SIDE]


def _histogram(unit, row, y0, smooth=False):
    counts, edges = np.histogram(unit, bins=_HIST_BINS, range=(0, 1))
    if smooth:
        counts = gaussian_filter(counts.astype(float), 2.0, mode="nearest")
    counts = counts / max(counts.max(), 1) * 0.92 * SIDE
    x = np.repeat(edges, 2)[1:-1] * SIDE + row
    return [x, y0 + np.repeat(counts, 2)]


def _values(samples, ranges=None):
    """Median and 68 % range of each quantity, as text."""
    if not len(samples):
        return [""] * samples.shape[1]
    if ranges is None:
        ranges = np.quantile(samples, [0.16, 0.5, 0.84], axis=0)
    low, middle, high = ranges
    return [_value(lo, m, h) for lo, m, h in zip(low, middle, high, strict=True)]


def _value(low, middle, high):
    """A median and its range, to two digits of the smaller side of the range."""
    n, n_up, n_down = np.clip(digits_of_errors(low, middle, high, without=3), 0, 3)
    up, down = high - middle, middle - low
    return f"{middle:z.{n}f}\n+{up:.{n_up}f} −{down:.{n_down}f}".replace("-", "−")

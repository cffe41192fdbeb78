"""The corner plot of the app: one Bokeh figure that holds every panel.

Seventy-eight separate figures take seconds to build and half a second to repaint; one figure
with an image, contour lines and histograms takes a tenth of that. Panel (row, column) fills a
unit square of the figure's own coordinates; tick labels are text.

`corner_axes` and `corner_set` are pure numerics; `CornerFigure` draws them, any number of sets
of draws over each other, and can be updated in place.
"""

from dataclasses import dataclass

import numpy as np
from bokeh.models import (
    BoxSelectTool,
    ColumnDataSource,
    LassoSelectTool,
    LinearColorMapper,
    Range1d,
)
from bokeh.plotting import figure
from contourpy import contour_generator
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from scipy.ndimage import gaussian_filter

__all__ = ["CornerAxes", "CornerFigure", "CornerSet", "corner_axes", "corner_set", "selected"]

_BINS = 36  # pixels of a panel's two-dimensional histogram
_SMOOTH = 1.6  # pixels, so that contours of a few thousand draws are not all noise
_HIST_BINS = 32
_GAP = 0.08  # between panels
_SIDE = 1.0 - _GAP
_SIGMA_LEVELS = (0.393, 0.865)  # mass inside 1 and 2 sigma of a two-dimensional Gaussian
_FEW = 25  # draws below which a set has points, not contours
_SHADED = "#1f86c9"
_TRUTH = "#d55e00"


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

    def unit(self, samples):
        """Samples (n_draw, n) in units of the panels' sides, 0 to 1."""
        low, high = self.limits.T
        return (samples - low) / (high - low)


@dataclass(frozen=True)
class CornerSet:
    """One set of draws in the figure's coordinates; polylines are (x, y) broken by NaN.

    image (m, m) : density, 1 at each panel's peak, NaN outside; None if not asked for
    values : median and 68 % range of each quantity, as text
    """

    contours: tuple
    histograms: tuple
    quantiles: tuple
    points: tuple
    values: list
    image: np.ndarray | None = None


def corner_axes(samples, names, labels) -> CornerAxes:
    """Axes that show the central 99.5 % of the samples (n_draw, n), and a margin."""
    low, high = np.quantile(samples, [0.0025, 0.9975], axis=0)
    margin = np.maximum(0.06 * (high - low), 1e-6)
    return CornerAxes(tuple(names), tuple(labels), np.stack([low - margin, high + margin], 1))


def corner_set(samples, axes: CornerAxes, *, image: bool = False) -> CornerSet:
    """What a set of draws of equal weight (n_draw, n) looks like on these axes."""
    samples = np.asarray(samples, dtype=float)
    n, side = axes.n, _SIDE
    unit = axes.unit(samples)
    inside = (unit >= 0) & (unit < 1)
    pixel = np.clip((unit * _BINS).astype(int), 0, _BINS - 1)
    stride = _BINS + round(_BINS * _GAP / side)
    shaded = np.full((n * stride, n * stride), np.nan, np.float32) if image else None
    contours, histograms, quantiles, points = [], [], [], []
    few = len(samples) < _FEW
    for row in range(n):
        y0 = n - 1 - row
        for column in range(row):
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
            if image:
                r, c = y0 * stride, column * stride
                shaded[r : r + _BINS, c : c + _BINS] = density
            contours += _contours(density, column, y0)
        histograms.append(_histogram(unit[inside[:, row], row], row, y0))
        for q in np.quantile(unit[:, row], [0.16, 0.5, 0.84]) if len(unit) else ():
            if 0 <= q <= 1:
                quantiles.append([[row + q * side] * 2, [y0, y0 + side]])
    points = tuple(np.concatenate(v) for v in zip(*points, strict=True)) if points else ()
    return CornerSet(
        _join(contours), _join(histograms), _join(quantiles), points, _values(samples), shaded
    )


def selected(samples, axes: CornerAxes, geometry: dict):
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
    corners = (corners - [column, axes.n - 1 - row]) / _SIDE
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


_TEXT = {
    "tick_x": {"text_font_size": "8px", "text_align": "center", "text_baseline": "top"},
    "tick_y": {"text_font_size": "8px", "text_align": "right", "text_baseline": "middle"},
    "label_x": {"text_font_size": "10px", "text_align": "center", "text_baseline": "top"},
    "label_y": {
        "text_font_size": "10px", "text_align": "center", "angle": np.pi / 2,
        "text_baseline": "bottom",
    },
    "values": {"text_font_size": "9px", "text_align": "center"},
}  # fmt: skip


class CornerFigure:
    """A Bokeh figure of several sets of draws on one set of axes.

    Parameters
    ----------
    axes : CornerAxes
    sets : dict of name -> CornerSet, those to draw now
    colors : dict of name -> color, of every set that may come; the first that is drawn and has
        an image is shaded
    truth : (n,) values to mark, NaN where there is none
    labels : dict of name -> text of the key
    """

    def __init__(
        self, axes, sets, colors, truth=None, size: int = 1000, title: str = "", labels=None
    ):
        self.colors = dict(colors)
        self.figure = figure(
            sizing_mode="stretch_width",
            aspect_ratio=1,
            max_width=size,
            min_width=300,
            x_range=Range1d(0, 1),
            y_range=Range1d(0, 1),
            tools="pan,wheel_zoom,box_zoom,reset,save",
            name="corner",
            toolbar_location="right",
            background_fill_alpha=0,
            border_fill_alpha=0,
        )
        f = self.figure
        f.toolbar.logo = None
        f.add_tools(BoxSelectTool(renderers=[]), LassoSelectTool(renderers=[], continuous=False))
        f.toolbar.active_drag = f.select_one(BoxSelectTool)
        f.axis.visible = False
        f.grid.visible = False
        f.outline_line_color = None
        lines = [f"{kind}_{name}" for name in self.colors for kind in ("contours", "histograms")]
        names = [
            "image", "frames", "truth", "quantiles", *lines, *(f"points_{n}" for n in self.colors),
            *_TEXT, "key",
        ]  # fmt: skip
        self._sources = {
            name: ColumnDataSource({"x": [], "y": []}, name=f"corner_{name}") for name in names
        }
        for name in (*_TEXT, "key"):
            self._sources[name].data = {"x": [], "y": [], "text": []}
        self._sources["key"].data = {"x": [], "y": [], "text": [], "color": []}
        self._sources["image"].data = {"image": [], "x": [], "y": [], "dw": [], "dh": []}
        self._axes = None
        self._draw()
        self.update(axes, sets, truth, title, labels)

    def _draw(self):
        f, s = self.figure, self._sources
        shades = [f"{_SHADED}{int(a):02x}" for a in np.linspace(0, 170, 64)]
        mapper = LinearColorMapper(palette=shades, low=0.0, high=1.0, nan_color="#00000000")
        f.image("image", x="x", y="y", dw="dw", dh="dh", source=s["image"], color_mapper=mapper)
        f.line("x", "y", source=s["frames"], color="#888888", line_width=0.6)
        for name, color in self.colors.items():
            width = 1.6 if name in ("selected", "mcmc") else 1.2
            for kind in ("contours", "histograms"):
                f.line("x", "y", source=s[f"{kind}_{name}"], color=color, line_width=width)
            f.scatter("x", "y", source=s[f"points_{name}"], color=color, size=3)
        f.line("x", "y", source=s["quantiles"], color="#888888", line_dash="dashed", line_width=0.9)
        f.line("x", "y", source=s["truth"], color=_TRUTH, line_width=1.4)
        for name, style in _TEXT.items():
            f.text("x", "y", text="text", source=s[name], text_color="#858585", **style)
        f.text(
            "x", "y", text="text", text_color="color", source=s["key"], text_font_size="14px",
            text_align="right",
        )  # fmt: skip

    def update(self, axes, sets, truth=None, title: str = "", labels=None):
        """Show other draws, quantities or sets; only what differs is sent."""
        n = axes.n
        if self._axes is None or axes.names != self._axes.names:
            for axis, start, end in (
                (self.figure.x_range, -0.4 - 0.07 * n, n + 0.05),
                (self.figure.y_range, -0.4 - 0.07 * n, n + 0.15 + 0.035 * n),
            ):  # fmt: skip
                axis.update(start=start, end=end, reset_start=start, reset_end=end)
        new = {**_axes_columns(axes), "truth": _truth_lines(axes, truth)}
        first = next(iter(sets.values()), None)
        shaded = next((s.image for s in sets.values() if s.image is not None), None)
        new["image"] = {
            "image": [] if shaded is None else [shaded],
            **{k: [] if shaded is None else [v] for k, v in
               {"x": 0, "y": 0, "dw": n, "dh": n}.items()},
        }  # fmt: skip
        new["quantiles"] = _line(first.quantiles if first else ())
        for name in self.colors:
            one = sets.get(name)
            for kind in ("contours", "histograms", "points"):
                new[f"{kind}_{name}"] = _line(getattr(one, kind) if one else ())
        position = np.arange(n) + _SIDE / 2
        new["values"] = {
            "x": position, "y": n - np.arange(n) - _GAP + 0.06,
            "text": first.values if first else [""] * n,
        }  # fmt: skip
        names = [name for name in self.colors if name in sets]
        new["key"] = {
            "x": [n - _GAP] * len(names),
            "y": [n - _GAP - (0.24 + 0.021 * n) * (k + 1) for k in range(len(names))],
            "text": [(labels or {}).get(name, name) for name in names],
            "color": [self.colors[name] for name in names],
        }
        if truth is not None:
            new["key"] = {
                "x": [*new["key"]["x"], n - _GAP],
                "y": [*new["key"]["y"], n - _GAP - (0.24 + 0.021 * n) * (len(names) + 1)],
                "text": [*new["key"]["text"], "truth"],
                "color": [*new["key"]["color"], _TRUTH],
            }
        for name, columns in new.items():
            if not _equal(self._sources[name].data, columns):
                self._sources[name].data = columns
        self._axes = axes
        self.figure.title.text = title  # last: it never stands over another galaxy's panels


def _line(xy):
    return {"x": xy[0], "y": xy[1]} if len(xy) else {"x": [], "y": []}


def _equal(old, new):
    if old.keys() != new.keys():
        return False
    for key, value in new.items():
        a, b = old[key], value
        if len(a) != len(b):
            return False
        if isinstance(b, list) and b and isinstance(b[0], np.ndarray):
            if a[0] is not b[0]:
                return False
        elif len(b) and not np.array_equal(
            np.asarray(a), np.asarray(b), equal_nan=np.asarray(b).dtype.kind == "f"
        ):
            return False
    return True


def _axes_columns(axes):
    """Columns of everything that depends on the axes alone."""
    n = axes.n
    frames = [
        [[c, c + _SIDE, c + _SIDE, c, c], [y, y, y + _SIDE, y + _SIDE, y]]
        for y, c in ((n - 1 - row, column) for row in range(n) for column in range(row + 1))
    ]
    tick_x, tick_y = _ticks(axes.limits, n)
    position = np.arange(n) + _SIDE / 2
    labels = [_wrapped(label) for label in axes.labels]
    away = 0.18 + 0.02 * n  # where the numbers at the ticks end
    return {
        "frames": _line(_join(frames)),
        "tick_x": tick_x,
        "tick_y": tick_y,
        "label_x": {"x": position, "y": np.full(n, -away), "text": labels},
        "label_y": {
            "x": np.full(n - 1, -away - 0.05), "y": n - position[1:] - _GAP, "text": labels[1:],
        },
    }  # fmt: skip


def _wrapped(label, most=9):
    """A label on two lines where it is long."""
    words = label.split(" ")
    if len(label) <= most or len(words) < 2:
        return label
    cut = min(range(1, len(words)), key=lambda k: abs(len(" ".join(words[:k])) - len(label) / 2))
    return f"{' '.join(words[:cut])}\n{' '.join(words[cut:])}"


def _truth_lines(axes, truth):
    if truth is None:
        return {"x": [], "y": []}
    lines, n = [], axes.n
    unit = axes.unit(np.asarray(truth, float)[None])[0]
    for k, u in enumerate(unit):
        if not 0 <= u <= 1:
            continue
        lines.append([[k + u * _SIDE] * 2, [0, n - 1 - k + _SIDE]])
        if k:
            lines.append([[0, k - _GAP], [n - 1 - k + u * _SIDE] * 2])
    return _line(_join(lines))


def _contours(density, column, y0):
    """Lines that enclose 39 and 86 % of the mass of a panel."""
    order = np.sort(density.ravel())[::-1]
    mass = order.cumsum()
    if not mass[-1] > 0:
        return []
    center = (np.arange(_BINS) + 0.5) / _BINS * _SIDE
    generator = contour_generator(column + center, y0 + center, density)
    lines = []
    for level in _SIGMA_LEVELS:
        height = order[min(np.searchsorted(mass, level * mass[-1]), order.size - 1)]
        lines += [line.T for line in generator.lines(height)]
    return lines


def _histogram(unit, row, y0):
    counts, edges = np.histogram(unit, bins=_HIST_BINS, range=(0, 1))
    counts = counts / max(counts.max(), 1) * 0.92 * _SIDE
    x = np.repeat(edges, 2)[1:-1] * _SIDE + row
    return [x, y0 + np.repeat(counts, 2)]


def _ticks(limits, n):
    tick_x = {"x": [], "y": [], "text": []}
    tick_y = {"x": [], "y": [], "text": []}
    for k, (low, high) in enumerate(limits):
        ticks = [t for t in MaxNLocator(3).tick_values(low, high) if low <= t <= high]
        for t in ticks:
            place = (t - low) / (high - low) * _SIDE
            if not 0.06 < place / _SIDE < 0.94 and len(ticks) > 2:
                continue
            text = f"{t:.4g}"
            tick_x["x"].append(k + place)
            tick_x["y"].append(-0.05)
            tick_x["text"].append(text)
            if k > 0:
                tick_y["x"].append(-0.05)
                tick_y["y"].append(n - 1 - k + place)
                tick_y["text"].append(text)
    return tick_x, tick_y


def _values(samples):
    """Median and 68 % range of each quantity, as text."""
    if not len(samples):
        return [""] * samples.shape[1]
    low, middle, high = np.quantile(samples, [0.16, 0.5, 0.84], axis=0)
    return [
        f"{m:.2f}\n+{h - m:.2f} −{m - lo:.2f}" for lo, m, h in zip(low, middle, high, strict=True)
    ]


def _join(lines):
    """Polylines (x, y) in one pair of arrays, broken by NaN."""
    if not lines:
        return np.array([]), np.array([])
    gap = [np.nan]
    x = np.concatenate([np.concatenate([line[0], gap]) for line in lines])
    y = np.concatenate([np.concatenate([line[1], gap]) for line in lines])
    return x, y

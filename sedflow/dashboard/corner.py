"""The corner plot of the app: one Bokeh figure that holds every panel.

Seventy-eight separate figures take seconds to build and half a second to repaint; one figure
with one image, one set of contour lines and one of histograms takes a tenth of that. Panel
(row, column) fills a unit square of the figure's own coordinates; tick labels are text.
`corner_layers` is pure numerics; `CornerFigure` feeds them to the figure and can be updated.
"""

from dataclasses import dataclass

import numpy as np
from bokeh.models import ColumnDataSource, LinearColorMapper, Range1d
from bokeh.plotting import figure
from contourpy import contour_generator
from matplotlib.ticker import MaxNLocator
from scipy.ndimage import gaussian_filter

__all__ = ["CornerFigure", "CornerLayers", "corner_layers"]

_BINS = 36  # pixels of a panel's two-dimensional histogram
_SMOOTH = 1.6  # pixels, so that contours of a few thousand draws are not all noise
_HIST_BINS = 32
_GAP = 0.08  # between panels
_SIGMA_LEVELS = (0.393, 0.865)  # mass inside 1 and 2 sigma of a two-dimensional Gaussian
_COLOR = "#1f86c9"


@dataclass(frozen=True)
class CornerLayers:
    """Everything drawn in a corner plot, in the figure's coordinates.

    image (n, n) : density, 1 at each panel's peak, NaN outside the panels
    contours, histograms, frames, quantiles : (x, y) broken by NaN
    ticks, labels, values : dict of x, y, text
    n : number of parameters
    """

    image: np.ndarray
    contours: tuple
    histograms: tuple
    frames: tuple
    quantiles: tuple
    tick_x: dict
    tick_y: dict
    label_x: dict
    label_y: dict
    values: dict
    n: int


def corner_layers(samples, labels, limits=None) -> CornerLayers:
    """Layers of a corner plot.

    samples (n_draw, n_param); labels (n_param,); limits (n_param, 2) of the axes, by default
    the central 99.5 % of the draws and a margin.
    """
    samples = np.asarray(samples, dtype=float)
    n = samples.shape[1]
    limits = _limits(samples) if limits is None else np.asarray(limits, float)
    side = 1.0 - _GAP
    unit = (samples - limits[:, 0]) / (limits[:, 1] - limits[:, 0])
    inside = (unit >= 0) & (unit < 1)
    pixel = np.clip((unit * _BINS).astype(int), 0, _BINS - 1)
    gap = round(_BINS * _GAP / side)
    stride = _BINS + gap
    image = np.full((n * stride, n * stride), np.nan)
    contours, frames, histograms, quantiles = [], [], [], []
    for row in range(n):
        y0 = n - 1 - row
        for column in range(row + 1):
            frames.append([[column, column + side, column + side, column, column],
                           [y0, y0, y0 + side, y0 + side, y0]])  # fmt: skip
            if column == row:
                continue
            both = inside[:, column] & inside[:, row]
            flat = pixel[both, row] * _BINS + pixel[both, column]
            density = np.bincount(flat, minlength=_BINS**2).reshape(_BINS, _BINS).astype(float)
            density = gaussian_filter(density, _SMOOTH)
            peak = density.max()
            if peak > 0:
                density /= peak
            r, c = y0 * stride, column * stride
            image[r : r + _BINS, c : c + _BINS] = density
            contours += _contours(density, column, y0, side)
        histograms.append(_histogram(unit[inside[:, row], row], row, y0, side))
        for q in np.quantile(unit[:, row], [0.16, 0.5, 0.84]):
            if 0 <= q <= 1:
                quantiles.append([[row + q * side] * 2, [y0, y0 + side]])
    tick_x, tick_y = _ticks(limits, n, side)
    position = np.arange(n) + side / 2
    return CornerLayers(
        image=image,
        contours=_join(contours),
        histograms=_join(histograms),
        frames=_join(frames),
        quantiles=_join(quantiles),
        tick_x=tick_x,
        tick_y=tick_y,
        label_x={"x": position, "y": np.full(n, -0.55), "text": list(labels)},
        label_y={
            "x": np.full(n - 1, -0.72), "y": n - position[1:] - _GAP,
            "text": list(labels[1:]),
        },
        values={
            "x": position, "y": n - np.arange(n) - _GAP + 0.06, "text": _values(samples),
        },
        n=n,
    )  # fmt: skip


class CornerFigure:
    """A Bokeh figure of `CornerLayers` whose sources are patched in place by `update`."""

    def __init__(self, layers: CornerLayers, size: int = 1000, title: str = ""):
        n = layers.n
        self.figure = figure(
            width=size,
            height=size,
            sizing_mode="scale_width",
            max_width=size,
            x_range=Range1d(-0.95, n + 0.2),
            y_range=Range1d(-0.75, n + 0.4),
            tools="pan,wheel_zoom,box_zoom,reset,save",
            title=title,
            name="corner",
            toolbar_location="right",
        )
        self.figure.axis.visible = False
        self.figure.grid.visible = False
        self.figure.outline_line_color = None
        self._sources = {
            name: ColumnDataSource(name=f"corner_{name}")
            for name in (
                "image", "contours", "histograms", "frames", "quantiles",
                "tick_x", "tick_y", "label_x", "label_y", "values",
            )
        }  # fmt: skip
        shades = [f"{_COLOR}{int(a):02x}" for a in np.linspace(0, 170, 64)]
        mapper = LinearColorMapper(palette=shades, low=0.0, high=1.0, nan_color="#00000000")
        self.update(layers, title)
        self.figure.image(
            "image", x="x", y="y", dw="dw", dh="dh", source=self._sources["image"],
            color_mapper=mapper,
        )  # fmt: skip
        line = {"x": "x", "y": "y"}
        self.figure.line(**line, source=self._sources["contours"], color=_COLOR, line_width=1.2)
        self.figure.line(**line, source=self._sources["frames"], color="#888888", line_width=0.6)
        self.figure.line(**line, source=self._sources["histograms"], color=_COLOR, line_width=1.4)
        self.figure.line(
            **line, source=self._sources["quantiles"], color=_COLOR, line_dash="dashed",
            line_width=0.9,
        )  # fmt: skip
        for name, style in (
            ("tick_x", {"text_font_size": "8px", "text_align": "center", "text_baseline": "top"}),
            ("tick_y", {"text_font_size": "8px", "text_align": "right", "text_baseline": "middle"}),
            ("label_x", {"text_font_size": "13px", "text_align": "center"}),
            (
                "label_y",
                {
                    "text_font_size": "13px",
                    "text_align": "center",
                    "angle": np.pi / 2,
                    "text_baseline": "middle",
                },
            ),
            ("values", {"text_font_size": "9px", "text_align": "center"}),
        ):
            self.figure.text(
                "x", "y", text="text", source=self._sources[name], text_color="#858585", **style
            )

    def update(self, layers: CornerLayers, title: str = ""):
        """Show other draws; the number of parameters stays what it was."""
        side = layers.n
        for name, source in self._sources.items():
            value = getattr(layers, name)
            if name == "image":
                data = {"image": [value], "x": [0], "y": [0], "dw": [side], "dh": [side]}
            elif isinstance(value, tuple):
                data = {"x": value[0], "y": value[1]}
            else:
                data = value
            source.data = data
        self.figure.title.text = title  # last: it never stands over another galaxy's panels


def _limits(samples):
    low, high = np.quantile(samples, [0.0025, 0.9975], axis=0)
    margin = np.maximum(0.06 * (high - low), 1e-6)
    return np.stack([low - margin, high + margin], axis=1)


def _contours(density, column, y0, side):
    """Lines that enclose 39 and 86 % of the mass of a panel."""
    order = np.sort(density.ravel())[::-1]
    mass = order.cumsum()
    if not mass[-1] > 0:
        return []
    center = (np.arange(_BINS) + 0.5) / _BINS * side
    generator = contour_generator(column + center, y0 + center, density)
    lines = []
    for level in _SIGMA_LEVELS:
        height = order[np.searchsorted(mass, level * mass[-1])]
        lines += [line.T for line in generator.lines(height)]
    return lines


def _histogram(unit, row, y0, side):
    counts, edges = np.histogram(unit, bins=_HIST_BINS, range=(0, 1))
    counts = counts / max(counts.max(), 1) * 0.92 * side
    x = np.repeat(edges, 2)[1:-1] * side + row
    return [x, y0 + np.repeat(counts, 2)]


def _ticks(limits, n, side):
    tick_x = {"x": [], "y": [], "text": []}
    tick_y = {"x": [], "y": [], "text": []}
    for k, (low, high) in enumerate(limits):
        ticks = [t for t in MaxNLocator(3).tick_values(low, high) if low <= t <= high]
        for t in ticks:
            place = (t - low) / (high - low) * side
            if not 0.06 < place / side < 0.94 and len(ticks) > 2:
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
    """Median and 68 % range of each parameter, as text."""
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

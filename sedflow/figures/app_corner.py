"""The corner plot of the app: one Bokeh figure that holds every panel.

Seventy-eight separate figures take seconds to build and half a second to repaint; one figure
with an image, contour lines and histograms takes a tenth of that. Panel (row, column) fills a
unit square of the figure's own coordinates; tick labels are text.

`corner_axes` and `corner_set` are pure numerics; `CornerFigure` draws them, any number of sets
of draws over each other, and can be updated in place.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from bokeh.models import (
    BoxSelectTool,
    ColumnDataSource,
    LassoSelectTool,
    Line,
    LinearColorMapper,
    Range1d,
    Scatter,
    Text,
)
from bokeh.plotting import figure
from contourpy import contour_generator
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from scipy.ndimage import gaussian_filter

from sedflow.figures.base import TOOLBAR, compact
from sedflow.model.prior_curves import prior_density
from sedflow.palette import GREY, MODEL, SELECTED, TEXT, THEME_INK, TRUTH

__all__ = [
    "CornerAxes",
    "CornerFigure",
    "CornerSet",
    "corner_axes",
    "corner_set",
    "places",
    "rim",
    "selected",
]

_BINS = 36  # pixels of a panel's two-dimensional histogram
_SMOOTH = 1.6  # pixels, so that contours of a few thousand draws are not all noise
_HIST_BINS = 32
_GAP = 0.08  # between panels
_SIDE = 1.0 - _GAP
_SIGMA_LEVELS = (0.393, 0.865)  # mass inside 1 and 2 sigma of a two-dimensional Gaussian
_HELD = "contours hold {:.0f} and {:.0f} %".format(*(100 * level for level in _SIGMA_LEVELS))
_FEW = 25  # draws below which a set has points, not contours


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


def corner_axes(samples, names, labels) -> CornerAxes:
    """Axes that show the central 99.5 % of the samples (n_draw, n), and a margin."""
    low, high = np.quantile(samples, [0.0025, 0.9975], axis=0)
    margin = np.maximum(0.06 * (high - low), 1e-6)
    return CornerAxes(tuple(names), tuple(labels), np.stack([low - margin, high + margin], 1))


def corner_set(
    samples, axes: CornerAxes, *, image: bool = False, pairs: bool = True, prior: Any = None
) -> CornerSet:
    """What a set of draws of equal weight (n_draw, n) looks like on these axes.

    image : whether the density of each pair is shaded
    pairs : whether pairs have contours; without, histograms are smooth: a prior's few thousand
        draws, spread over panels that show a posterior, have contours that are noise
    prior : Prior that the samples are of, if they are of one: parameters have its exact density
    """
    samples = np.asarray(samples, dtype=float)
    n, side = axes.n, _SIDE
    unit = axes.unit(samples)
    inside = (unit >= 0) & (unit < 1)
    pixel = np.clip((unit * _BINS).astype(int), 0, _BINS - 1)
    stride = _BINS + round(_BINS * _GAP / side)
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
    return CornerSet(
        _join(contours), _join(histograms), _join(quantiles), joined, _values(samples), shaded
    )


def places(samples, axes: CornerAxes) -> tuple[np.ndarray, np.ndarray]:
    """Where draws (n_draw, n) are on every panel (n_draw, n_panel): x and y in the figure.

    Panels below the diagonal come row by row, then the feet of the histograms.
    """
    unit, n = axes.unit(np.asarray(samples, float)), axes.n
    unit = np.where((unit >= 0) & (unit <= 1), unit, np.nan) * _SIDE
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


_TEXT: dict[str, dict[str, Any]] = {
    "tick_x": {"text_align": "center", "text_baseline": "top"},
    "tick_y": {"text_align": "right", "text_baseline": "middle"},
    "label_x": {"text_align": "center", "text_baseline": "top"},
    "label_y": {
        "text_align": "center",
        "angle": np.pi / 2,
        "text_baseline": "bottom",
    },
    "values": {"text_align": "center", "text_baseline": "bottom"},
}
_MANY = 8  # quantities, from which numbers stand upright
_MOST = 13  # quantities, from which the line of a range would be over the next panel
_LETTER = 0.019  # width of a letter of the ticks on a figure in the app, of that of all panels


class CornerFigure:
    """A Bokeh figure of several sets of draws on one set of axes.

    Parameters
    ----------
    axes : CornerAxes
    sets : dict of name -> CornerSet, those to draw now
    colors : dict of name -> color, of every set that may come; the first that is drawn and has
        an image is shaded; `THEME_INK` for the ink of the page
    truth : (n,) values to mark, NaN where there is none
    labels : dict of name -> text of the key
    """

    def __init__(
        self,
        axes,
        sets,
        colors,
        truth=None,
        size: int = 1000,
        title: str = "",
        labels=None,
        titled: bool = True,
        **options,
    ):
        self.colors = dict(colors)
        self._keyed, self._faded = titled, False
        square = {"sizing_mode": "stretch_width", "aspect_ratio": 1, "max_width": size}
        self.figure = figure(
            **(options or square),
            min_width=280,
            x_range=Range1d(start=0, end=1),
            y_range=Range1d(start=0, end=1),
            tools="pan,wheel_zoom,box_zoom,reset,save",
            name="corner",
            toolbar_location="below",
            toolbar_inner=True,
            background_fill_alpha=0,
            border_fill_alpha=0,
        )
        f = self.figure
        f.toolbar.update(logo=None, autohide=True, stylesheets=[TOOLBAR])
        f.title.visible = titled  # type: ignore[union-attr]
        f.min_border = 0
        box = BoxSelectTool(renderers=[])
        f.add_tools(box, LassoSelectTool(renderers=[], continuous=False))
        f.toolbar.active_drag = box
        f.axis.visible = False
        f.grid.visible = False
        f.outline_line_color = None
        lines = [f"{kind}_{name}" for name in self.colors for kind in ("contours", "histograms")]
        names = [
            "image",
            "frames",
            "truth",
            "outline",
            "walk",
            "quantiles",
            "held",
            *lines,
            *(f"points_{n}" for n in self.colors),
            *_TEXT,
            *(f"key_{n}" for n in (*self.colors, "truth")),
        ]
        self._sources = {
            name: ColumnDataSource({"x": [], "y": []}, name=f"corner_{name}") for name in names
        }
        for name in names:
            if name in _TEXT or name == "held" or name.startswith("key_"):
                self._sources[name].data = {"x": [], "y": [], "text": []}
        self._sources["image"].data = {"image": [], "x": [], "y": [], "dw": [], "dh": []}
        self._axes = None
        self._draw()
        self.update(axes, sets, truth, title, labels)

    def _draw(self):
        f, s = self.figure, self._sources
        shades = [f"{MODEL}{int(a):02x}" for a in np.linspace(0, 170, 64)]
        mapper = LinearColorMapper(palette=shades, low=0, high=255)
        image = f.image(
            "image", x="x", y="y", dw="dw", dh="dh", source=s["image"], color_mapper=mapper
        )
        self._rest = [(image.glyph, "global_alpha")]
        f.line("x", "y", source=s["frames"], color=GREY, line_width=0.6)
        for name, color in self.colors.items():
            width = 1.6 if name in ("selected", "mcmc", "changed") else 1.2
            dash = "dashed" if name == "network" else "solid"
            for kind in ("contours", "histograms"):
                line = Line(
                    x="x", y="y", line_width=width, line_dash=dash, **_dressed("line", color)
                )
                f.add_glyph(s[f"{kind}_{name}"], line)
                if name != "selected":
                    self._rest.append((line, "line_alpha"))
            dots = Scatter(x="x", y="y", size=3, **_dressed("fill", color), line_alpha=0)
            f.add_glyph(s[f"points_{name}"], dots)
        f.line("x", "y", source=s["quantiles"], color=GREY, line_dash="dashed", line_width=0.9)
        f.line("x", "y", source=s["truth"], color=TRUTH, line_width=1.4)
        f.line("x", "y", source=s["outline"], color=SELECTED, line_width=1.5, line_dash="4 3")
        f.add_glyph(
            s["held"],
            Text(
                x="x",
                y="y",
                text="text",
                text_align="right",
                text_baseline="bottom",
                text_font_size="11px",
                text_color=TEXT,
            ),
        )
        f.scatter("x", "y", source=s["walk"], color=SELECTED, size=8)
        self._texts = {}
        for name, style in _TEXT.items():
            glyph = Text(x="x", y="y", text="text", **style)  # coloured by the page's theme
            if name in ("values", "label_x", "label_y"):
                glyph.tags = ["ink"]
            self._texts[name] = glyph
            f.add_glyph(s[name], glyph)
        # A glyph per colour: BokehJS 3.9 may paint rows for which a column of colours has none yet.
        style = {"text_font_size": "14px", "text_align": "right"}
        for name, color in {**self.colors, "truth": TRUTH}.items():
            words = Text(x="x", y="y", text="text", **_dressed("text", color), **style)
            f.add_glyph(s[f"key_{name}"], words)

    def update(
        self, axes, sets, truth=None, title: str = "", labels=None, outline: tuple = ()
    ) -> None:
        """Show other draws, quantities or sets; only what differs is sent.

        outline : (x, y) of a selection, in the figure's coordinates
        """
        n = axes.n
        if self._axes is None or axes.names != self._axes.names:
            many = n >= _MANY
            left = 0.33 if n >= _MOST else 0.26 if many else 0.15
            for axis, start, end in (
                (self.figure.x_range, -left * n, n + (2.0 if many else 0.12)),
                (self.figure.y_range, -(0.27 if many else 0.11) * n, n + 0.08 * n),
            ):
                axis.update(start=start, end=end, reset_start=start, reset_end=end)
            style: dict[str, Any] = {"angle": 0.0, **_TEXT["tick_x"]}
            if many:
                style |= {"angle": np.pi / 2, "text_align": "right", "text_baseline": "middle"}
            self._texts["tick_x"].update(**style)
            label: dict[str, Any] = dict(_TEXT["label_x"], angle=0.0)
            beside: dict[str, Any] = dict(_TEXT["label_y"])
            if many:
                label |= {"angle": np.pi / 4, "text_align": "right", "text_baseline": "middle"}
                beside |= {"angle": 0.0, "text_align": "right", "text_baseline": "middle"}
            self._texts["label_x"].update(**label)
            self._texts["label_y"].update(**beside)
            self._texts["values"].text_align = "left" if many else "center"
        faded = "selected" in sets
        if faded != self._faded:
            self._faded = faded
            for glyph, name in self._rest:
                setattr(glyph, name, 0.35 if faded else 1.0)
        new = {**_axes_columns(axes), "truth": _truth_lines(axes, truth)}
        first = next(iter(sets.values()), None)
        shaded = next((s.image for s in sets.values() if s.image is not None), None)
        new["image"] = {
            "image": [] if shaded is None else [shaded],
            **{
                k: [] if shaded is None else [v]
                for k, v in {"x": 0, "y": 0, "dw": n, "dh": n}.items()
            },
        }
        new["quantiles"] = _line(first.quantiles if first else ())
        for name in self.colors:
            one = sets.get(name)
            for kind in ("contours", "histograms", "points"):
                new[f"{kind}_{name}"] = _line(getattr(one, kind) if one else ())
        new["outline"] = _line(outline)
        drawn = n > 1 and any(len(one.contours) and len(one.contours[0]) for one in sets.values())
        # Above the key; in the app, below its buttons and what they say.
        many = n >= _MANY
        line = n - _GAP if self._keyed else (0.68 if many else 0.62) * n
        end = n + 1.9 if many and not self._keyed else n - _GAP
        words = {"x": [end], "y": [line], "text": [_HELD]}
        new["held"] = words if drawn else {"x": [], "y": [], "text": []}
        position = np.arange(n) + (0.0 if n >= _MANY else _SIDE / 2)
        new["values"] = {
            "x": position,
            "y": n - np.arange(n) - _GAP + 0.04,
            "text": [v.partition("\n")[0] if n >= _MOST else v for v in first.values]
            if first
            else [""] * n,
        }
        shown = [name for name in self.colors if name in sets] + ["truth"] * (truth is not None)
        if not self._keyed:  # the page has a key of its own
            shown = [name for name in shown if name == "truth"]
        for name in (*self.colors, "truth"):
            line = n - _GAP - (0.24 + 0.021 * n) * (shown.index(name) + 1 if name in shown else 0)
            text = "truth" if name == "truth" else (labels or {}).get(name, name)
            one = {"x": [n - _GAP], "y": [line], "text": [text]}
            new[f"key_{name}"] = one if name in shown else {"x": [], "y": [], "text": []}
        for name, columns in new.items():
            if not _equal(self._sources[name].data, columns):
                self._sources[name].data = columns
        self._axes = axes
        heading: Any = self.figure.title
        heading.text = title  # last: it never stands over another galaxy's panels


def _dressed(part, color):
    """Colour of a glyph; where the theme decides it, the tag that says so."""
    return {"tags": ["ink"]} if color == THEME_INK else {f"{part}_color": color}


def _line(xy):
    return {"x": compact(xy[0]), "y": compact(xy[1])} if len(xy) else {"x": [], "y": []}


def _equal(old, new):
    if old.keys() != new.keys():
        return False
    for key, value in new.items():
        a, b = old[key], value
        if len(a) != len(b):
            return False
        if isinstance(b, list) and b and isinstance(b[0], np.ndarray):
            if not np.array_equal(a[0], b[0]):
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
    away_x = (0.095 if n >= _MANY else 0.045) * n  # where the numbers at the ticks end
    away_y = (0.095 if n >= _MOST else 0.075 if n >= _MANY else 0.085) * n
    return {
        "frames": _line(_join(frames)),
        "tick_x": tick_x,
        "tick_y": tick_y,
        "label_x": {"x": position, "y": np.full(n, -away_x), "text": labels},
        "label_y": {
            "x": np.full(n - 1, -away_y),
            "y": n - position[1:] - _GAP,
            "text": labels[1:],
        },
    }


def _wrapped(label, most=11):
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


def _curve(axes, row, y0, prior):
    """The prior of a parameter over its whole panel; None of a derived quantity."""
    x = np.linspace(0, 1, 201)
    low, high = axes.limits[row]
    density = prior_density(axes.names[row], low + x * (high - low), prior)
    if density is None:
        return None
    return [row + x * _SIDE, y0 + density / max(density.max(), 1e-300) * 0.92 * _SIDE]


def _histogram(unit, row, y0, smooth=False):
    counts, edges = np.histogram(unit, bins=_HIST_BINS, range=(0, 1))
    if smooth:
        counts = gaussian_filter(counts.astype(float), 2.0, mode="nearest")
    counts = counts / max(counts.max(), 1) * 0.92 * _SIDE
    x = np.repeat(edges, 2)[1:-1] * _SIDE + row
    return [x, y0 + np.repeat(counts, 2)]


def _ticks(limits, n):
    tick_x = {"x": [], "y": [], "text": []}
    tick_y = {"x": [], "y": [], "text": []}
    end = -np.inf  # of the number before, on the horizontal axis
    for k, (low, high) in enumerate(limits):
        ticks = [
            t for t in MaxNLocator(2 if n > 4 else 3).tick_values(low, high) if low <= t <= high
        ]
        if n >= _MANY and len(ticks) > 1:
            ticks = [ticks[np.argmin(np.abs(np.array(ticks) - 0.5 * (low + high)))]]
        for t in ticks:
            place = (t - low) / (high - low) * _SIDE
            if not 0.08 < place / _SIDE < 0.92 and len(ticks) > 1:
                continue
            text = f"{t:.4g}".replace("-", "−")
            half = 0.5 * _LETTER * n * (len(text) + 1)  # a letter between one number and the next
            if n >= _MANY or k + place - half >= end:
                end = k + place + half
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
    return [_value(lo, m, h) for lo, m, h in zip(low, middle, high, strict=True)]


def _value(low, middle, high):
    """A median and its range, to two digits of the smaller side of the range."""
    width = min((v for v in (high - middle, middle - low) if v > 0), default=0.01)
    digits = int(np.clip(1 - np.floor(np.log10(width)), 0, 3))
    up, down = high - middle, middle - low
    return f"{middle:.{digits}f}\n+{up:.{digits}f} −{down:.{digits}f}".replace("-", "−")


def _join(lines):
    """Polylines (x, y) in one pair of arrays, broken by NaN."""
    if not lines:
        return np.array([]), np.array([])
    gap = [np.nan]
    x = np.concatenate([np.concatenate([line[0], gap]) for line in lines])
    y = np.concatenate([np.concatenate([line[1], gap]) for line in lines])
    return x, y

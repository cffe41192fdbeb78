"""The corner plot of the app: one Bokeh figure that holds every panel.

Seventy-eight separate figures take seconds to build and half a second to repaint; one figure
with an image, contour lines and histograms takes a tenth of that. Tick labels are text.

`corner_axes` and `corner_set` are pure numerics; `CornerFigure` draws them, any number of sets
of draws over each other, and can be updated in place.
"""

from typing import Any

import numpy as np
from bokeh.models import (
    BoxSelectTool,
    CustomJS,
    LassoSelectTool,
    Line,
    LinearColorMapper,
    Range1d,
    Scatter,
    Text,
)
from bokeh.plotting import figure
from matplotlib.ticker import MaxNLocator

from sedflow.figures.base import (
    TOOLBAR,
    WALK,
    DrawnWhenThere,
    compact,
    drawn_whole,
    empty_sources,
)
from sedflow.figures.corner_axes import GAP, SIDE, join_lines
from sedflow.figures.corner_draws import HELD
from sedflow.figures.paper_numbers import round_ticks
from sedflow.palette import GREY, MODEL, SELECTED, TEXT, THEME_INK, TRUTH, WALKED

__all__ = ["MANY", "CornerFigure"]

_TEXT: dict[str, dict[str, Any]] = {
    "tick_x": {"text_align": "center", "text_baseline": "top"},
    "tick_y": {"text_align": "right", "text_baseline": "middle"},
    "label_x": {"text_align": "center", "text_baseline": "top"},
    "label_y": {
        "text_align": "center",
        "angle": np.pi / 2,
        "text_baseline": "bottom",
    },
    "values": {"text_align": "left", "text_baseline": "bottom"},
}
_KINDS = ("contours", "histograms", "points")  # of what is drawn of a set
#: Quantities, from which numbers stand upright.
MANY = 8
_FIT = """
const x = values.data.x, range = figure.x_range
const pixels = figure.inner_width / (range.end - range.start)
const short = x.length >= many && (range.end - x[x.length - 1]) * pixels < 124
const field = short ? 'short' : 'text'
if (glyph.text.field != field) glyph.setv({text: {field}}, {sync: false})
"""
#: Of panels that are lower or narrower than their numbers, names alone: they stand beside the
#: panels then, in type that fits the rows.
_NAMES_ALONE = """
const [x, y] = [figure.x_range, figure.y_range]
const wide = figure.inner_width / (x.end - x.start)
const high = figure.inner_height / (y.end - y.start)
if (!(wide > 0 && high > 0)) return
const size = parseFloat(numbers[0].text_font_size.value)
const alone = rows.data.x.length >= most && Math.min(wide, high) < 1.3 * size
const low = Math.min(size, Math.max(8, Math.floor(0.92 * high)))
const change = (glyph, values) => {
  const now = Object.entries(values)
  if (now.every(([name, {value}]) => (glyph[name].value ?? glyph[name]) == value)) return
  glyph.setv(values, {sync: false})
}
for (const one of numbers) change(one, {text_alpha: {value: alone ? 0 : 1}})
change(below, {y_offset: {value: alone ? 4 + columns.data.y[0] * high : 0}})
change(beside, {
  x_offset: {value: alone ? -4 - rows.data.x[0] * wide : 0},
  text_font_size: {value: `${alone ? low : size}px`},
})
"""
_MOST = 13  # quantities, from which the line of a range would be over the next panel
_LETTER = 0.026  # width of a letter of the ticks on a figure in the app, of that of all panels


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
    says : whether the figure says what contours hold, or the page does, by `held`
    name : of the figure, and before those of its sources; one of a kind in a document
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
        name: str = "corner",
        whose: str = "",
        says: bool = True,
        **options,
    ):
        self.colors, self._says = dict(colors), says
        self._keyed, self._faded = titled, False
        self.held = ""  # what contours hold, where there are any
        square = {"sizing_mode": "stretch_width", "aspect_ratio": 1, "max_width": size}
        self.figure = figure(
            **(options or square),
            min_width=280,
            x_range=Range1d(start=0, end=1),
            y_range=Range1d(start=0, end=1),
            tools="pan,wheel_zoom,box_zoom,reset,save",
            name=name,
            toolbar_location="below",  # on a line of its own: inside it would cover names of axes
            background_fill_alpha=0,
            border_fill_alpha=0,
        )
        f = self.figure
        f.toolbar.update(logo=None, autohide=True, stylesheets=[TOOLBAR])
        f.title.visible = titled  # type: ignore[union-attr]
        f.min_border = 0
        f.frame_align = False  # its names are inside the frame; beside others it would be narrow
        box = BoxSelectTool(renderers=[])
        f.add_tools(box, LassoSelectTool(renderers=[], continuous=False))
        f.toolbar.active_drag = box
        f.axis.visible = False
        f.grid.visible = False
        f.outline_line_color = None
        plain, told = ("x", "y"), ("x", "y", "text")
        columns: dict[str, tuple] = {
            "image": ("image", "x", "y", "dw", "dh"),
            **dict.fromkeys(("frames", "truth", "outline", WALK, "quantiles"), plain),
            **{f"{kind}_{drawn}": plain for drawn in self.colors for kind in _KINDS},
            **dict.fromkeys((*_TEXT, "held", *(f"key_{n}" for n in (*self.colors, "truth"))), told),
            "values": (*told, "short"),
        }
        self._sources = empty_sources(columns, name)
        self._axes = None
        self._draw()
        drawn_whole(f)
        self._renderers = DrawnWhenThere(f, [self._sources[WALK]])
        self.update(axes, sets, truth, title, labels, whose=whose)

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
        f.scatter("x", "y", source=s[WALK], color=WALKED, size=9)
        self._texts: dict[str, Text] = {}
        for name, style in _TEXT.items():
            glyph = Text(x="x", y="y", text="text", **style)  # coloured by the page's theme
            if name in ("values", "label_x", "label_y"):
                glyph.tags = ["ink"]
            self._texts[name] = glyph
            f.add_glyph(s[name], glyph)
        # Of many panels, where a line of a range has no room beside the last, the median alone.
        args = {"glyph": self._texts["values"], "values": s["values"], "figure": f, "many": MANY}
        fit = CustomJS(args=args, code=_FIT)
        f.js_on_change("inner_width", fit)
        f.x_range.js_on_change("end", fit)
        s["values"].js_on_change("data", fit)
        args = {
            "numbers": [self._texts["tick_x"], self._texts["tick_y"]],
            "below": self._texts["label_x"],
            "beside": self._texts["label_y"],
            "rows": s["label_y"],
            "columns": s["label_x"],
            "figure": f,
            "most": _MOST - 1,  # the first row has no name on its left
        }
        alone = CustomJS(args=args, code=_NAMES_ALONE)
        for size in ("inner_width", "inner_height"):
            f.js_on_change(size, alone)
        s["label_x"].js_on_change("data", alone)
        # A glyph per colour: BokehJS 3.9 may paint rows for which a column of colours has none yet.
        style = {"text_font_size": "14px", "text_align": "right"}
        for name, color in {**self.colors, "truth": TRUTH}.items():
            words = Text(x="x", y="y", text="text", **_dressed("text", color), **style)
            f.add_glyph(s[f"key_{name}"], words)

    def update(
        self,
        axes,
        sets,
        truth=None,
        title: str = "",
        labels=None,
        outline: tuple = (),
        whose: str = "",
    ) -> None:
        """Show other draws, quantities or sets; only what differs is sent.

        outline : (x, y) of a selection, in the figure's coordinates
        whose : of which set the numbers above the panels are, where that is not plain
        """
        n = axes.n
        if self._axes is None or axes.names != self._axes.names:
            many = n >= MANY
            left = 0.33 if n >= _MOST else 0.28 if many else 0.23
            for axis, start, end in (
                (self.figure.x_range, -left * n, n + _beside(n)),
                (self.figure.y_range, -_below(n) * n, n + _above(n)),
            ):
                axis.update(start=start, end=end, reset_start=start, reset_end=end)
            style: dict[str, Any] = {"angle": 0.0, **_TEXT["tick_x"]}
            if many:
                style |= {"angle": np.pi / 2, "text_align": "right", "text_baseline": "middle"}
            self._texts["tick_x"].update(**style)
            label: dict[str, Any] = dict(_TEXT["label_x"], angle=0.0)
            beside: dict[str, Any] = dict(_TEXT["label_y"])
            if many:
                # Upright where slanted ones would lie over each other.
                slant = np.pi / 2 if n >= _MOST else np.pi / 4
                label |= {"angle": slant, "text_align": "right", "text_baseline": "middle"}
                beside |= {"angle": 0.0, "text_align": "right", "text_baseline": "middle"}
            self._texts["label_x"].update(**label)
            self._texts["label_y"].update(**beside)
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
            for kind in _KINDS:
                new[f"{kind}_{name}"] = _line(getattr(one, kind) if one else ())
        new["outline"] = _line(outline)
        drawn = n > 1 and any(len(one.contours) and len(one.contours[0]) for one in sets.values())
        # Above the key; in the app, below its buttons and what they say.
        many = n >= MANY
        line = n - GAP if self._keyed or whose else (0.68 if many else 0.62) * n
        end = n - GAP if many and self._keyed else n + _beside(n) - 0.1
        told = f"{HELD}\nnumbers and dashes:\n{_in_lines(whose)}" if whose else HELD
        # Of whom, beside the first panel: above it, on a phone, are the numbers themselves.
        words = {"x": [end], "y": [n - 1.0 if whose else line], "text": [told]}
        self.held = HELD if drawn else ""
        new["held"] = words if drawn and self._says else {"x": [], "y": [], "text": []}
        new["values"] = {
            "x": np.arange(n, dtype=float),  # into the empty triangle, not over other panels
            "y": n - np.arange(n) - GAP + 0.04,
            "text": [_in_its_row(v, n) for v in first.values] if first else [""] * n,
            "short": [_in_its_row(v, _MOST) for v in first.values] if first else [""] * n,
        }
        shown = [name for name in self.colors if name in sets] + ["truth"] * (truth is not None)
        if not self._keyed:  # the page has a key of its own
            shown = [name for name in shown if name == "truth"]
        top = n - GAP if self._keyed else line  # no word of the figure lies under a button
        for name in (*self.colors, "truth"):
            below = top - (0.24 + 0.021 * n) * (shown.index(name) + 1 if name in shown else 0)
            text = "truth" if name == "truth" else (labels or {}).get(name, name)
            one = {"x": [end], "y": [below], "text": [text]}
            new[f"key_{name}"] = one if name in shown else {"x": [], "y": [], "text": []}
        for name, columns in new.items():
            if not _equal(self._sources[name].data, columns):
                self._sources[name].data = columns
        self._renderers.update()
        self._axes = axes
        heading: Any = self.figure.title
        heading.text = title  # last: it never stands over another galaxy's panels


def _in_lines(whose, most=30):
    """What a set is of, in lines that are not over the numbers of the first panels.

    >>> _in_lines("NSAID 2490 · bands g r i · nsa-ugriz-fsps · 500 draws").split(chr(10))
    ['NSAID 2490 · bands g r i', 'nsa-ugriz-fsps · 500 draws']
    """
    lines: list[str] = []
    for part in whose.split(" · "):
        if lines and len(lines[-1]) + len(part) + 3 <= most:
            lines[-1] += f" · {part}"
        else:
            lines.append(part)
    return "\n".join(lines)


def _beside(n):
    """Room on the right of the last panel for the numbers that begin above it, in panels."""
    if n >= MANY:
        return 2.0 if n >= _MOST else 3.2
    # A line of a range is 22 % of a figure in the app, which has 1.19 n panels' sides and this.
    return max(0.12, 0.33 * n - 1.17)


def _below(n):
    """Room for the names below the last row, in panels and of that of all."""
    return 0.34 if n >= _MOST else 0.27 if n >= MANY else 0.19


def _above(n):
    """Room above the first panel for its numbers: two lines, or one above many panels."""
    return (0.08 if n >= MANY else 0.16) * n


def _in_its_row(value, n):
    """A median and its range: below each other, side by side in low rows, alone in the lowest."""
    if n >= _MOST:
        return value.partition("\n")[0]
    return value.replace("\n", " ") if n >= MANY else value


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
        [[c, c + SIDE, c + SIDE, c, c], [y, y, y + SIDE, y + SIDE, y]]
        for y, c in ((n - 1 - row, column) for row in range(n) for column in range(row + 1))
    ]
    tick_x, tick_y = _ticks(axes.limits, n)
    position = np.arange(n) + SIDE / 2
    labels = [_wrapped(label, 11 if n >= MANY else 9) for label in axes.labels]
    # Names stand upright beside a few panels, each as long as its panel is high.
    upright = labels if n >= MANY else [_wrapped(label, 5) for label in axes.labels]
    away_x = (0.095 if n >= MANY else 0.045) * n  # where the numbers at the ticks end
    away_y = (0.095 if n >= _MOST else 0.092 if n >= MANY else 0.11) * n
    return {
        "frames": _line(join_lines(frames)),
        "tick_x": tick_x,
        "tick_y": tick_y,
        "label_x": {"x": position, "y": np.full(n, -away_x), "text": labels},
        "label_y": {
            "x": np.full(n - 1, -away_y),
            "y": n - position[1:] - GAP,
            "text": upright[1:],
        },
    }


def _wrapped(label, most):
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
        lines.append([[k + u * SIDE] * 2, [0, n - 1 - k + SIDE]])
        if k:
            lines.append([[0, k - GAP], [n - 1 - k + u * SIDE] * 2])
    return _line(join_lines(lines))


def _ticks(limits, n):
    tick_x = {"x": [], "y": [], "text": []}
    tick_y = {"x": [], "y": [], "text": []}
    end = -np.inf  # of the number before, on the horizontal axis
    for k, ends in enumerate(limits):
        for place, text in _numbers(ends, n, upright=False):
            half = 0.5 * _LETTER * n * (len(text) + 1)  # a letter between one number and the next
            if n >= MANY or k + place - half >= end:
                end = k + place + half
                tick_x["x"].append(k + place)
                tick_x["y"].append(-0.05)
                tick_x["text"].append(text)
        for place, text in _numbers(ends, n, upright=True) if k else ():
            tick_y["x"].append(-0.05)
            tick_y["y"].append(n - 1 - k + place)
            tick_y["text"].append(text)
    return tick_x, tick_y


def _numbers(ends, n, upright):
    """Places on a panel and texts of the numbers at an axis: two, which say its scale, if they fit.

    upright : whether they stand above each other
    """
    low, high = ends
    if n < MANY:
        at, texts = round_ticks(ends, SIDE / (_LETTER * n), upright)
        if len(at) > 1:
            return list(zip((at - low) / (high - low) * SIDE, texts, strict=True))
    ticks = [t for t in MaxNLocator(2 if n > 4 else 3).tick_values(low, high) if low <= t <= high]
    if n >= MANY and len(ticks) > 1:
        ticks = [ticks[np.argmin(np.abs(np.array(ticks) - 0.5 * (low + high)))]]
    places = [(t - low) / (high - low) * SIDE for t in ticks]
    return [
        (place, f"{t:.4g}".replace("-", "−"))
        for place, t in zip(places, ticks, strict=True)
        if 0.08 < place / SIDE < 0.92 or len(ticks) == 1
    ]

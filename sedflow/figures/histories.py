"""The figure of a galaxy's history: layers are a pure function of data, the figure draws them.

`history(fit)` is a whole Bokeh figure, in notebooks as in the app.
"""

from typing import TYPE_CHECKING

import numpy as np
from bokeh.models import HoverTool, Scatter, Segment
from bokeh.models.annotations import Title

from sedflow.draws import CURVE_LEVELS
from sedflow.figures.base import OUTLINE, Layers, LiveFigure
from sedflow.figures.theme import on_light_page
from sedflow.palette import MODEL, OTHER, PREDICTED, SELECTED, THEME_INK, TRUTH, WALKED

if TYPE_CHECKING:
    from bokeh.plotting import figure

__all__ = ["FORMED", "HistoryFigure", "history", "history_layers"]

#: Shares of the mass whose times of formation are marked.
FORMED = (0.5, 0.9)
_LOOKBACK = "look-back time [Gyr]"
_HISTORY = {
    "sfr": ("Star formation", "SFR [M☉/yr]"),
    "zh": ("Metallicity", "metallicity Z"),
    "formed": ("Mass formed", "share formed"),
}
_SPIKE = 300  # times the band, up to which the spikes of bursts are shown
_POINT_BY_POINT = "68, 95 % point by point;\n{} draws, the best green"
_WHEN = "@y{0 %} of the mass had formed @x{0.0} (@low{0.0} to @high{0.0}) Gyr ago"
_HIS_LINES = {
    "draws": (MODEL, 0.7, "solid"),
    "best": (PREDICTED, 1.2, "solid"),
    "pinned": (OTHER, 1.4, "dotted"),
    "other": (PREDICTED, 1.2, "solid"),
    "median": (MODEL, 2.0, "solid"),
    "changed": (THEME_INK, 1.6, "solid"),
    "brushed": (SELECTED, 2.0, "solid"),
    "walk": (WALKED, 2.0, "solid"),
    "truth": (TRUTH, 1.6, "dashed"),
}


def history_layers(
    title,
    which,
    edges,
    quantiles,
    *,
    changed=None,
    brushed=None,
    lines=None,
    draws=None,
    times=None,
) -> Layers:
    """Layers of a history against look-back time.

    Parameters
    ----------
    which : "sfr", "zh" or "formed"
    edges : (n + 1,) [Gyr]
    quantiles : (5, n) of "sfr" and "zh", (5, n + 1) at the edges of "formed"; (n,) one curve
    changed : the same, 3 quantiles, of another posterior
    brushed : the same, of the selected draws
    lines : dict of key -> curve: "truth", "other", "pinned"
    draws : (m, n) or (m, n + 1), single draws, the best first
    times : share of the mass -> 16, 50 and 84 % of the time when it had formed [Gyr], of "formed"
    """
    name, label = _HISTORY[which]
    log = which != "formed"
    values = np.atleast_2d(quantiles)
    floor = _floor(values[len(values) // 2]) if log else 0.0
    x = np.repeat(edges, 2)[1:-1] if log else edges

    def y(v):
        return np.repeat(np.maximum(v, floor), 2) if log else np.asarray(v)

    middle = values[len(values) // 2]
    sources = {"median": {"x": x, "y": y(middle)}}
    top = middle.max()
    if len(values) == 5:
        sources["band95"] = {"x": x, "low": y(values[0]), "high": y(values[4])}
        sources["band68"] = {"x": x, "low": y(values[1]), "high": y(values[3])}
        top = values[3].max()
    note = ""
    if draws is not None:
        draws = np.asarray(draws)
        top = max(top, min(draws.max() / 2, _SPIKE * top))  # bursts that last a moment
        blank = np.full(1, np.nan)
        sources["draws"] = {
            "x": np.concatenate([v for _ in draws for v in (x, blank)]),
            "y": np.concatenate([v for draw in draws for v in (y(draw), blank)]),
        }
        sources["best"] = {"x": x, "y": y(draws[0])}
        note = _POINT_BY_POINT.format(len(draws))
    if times is not None and not log:
        low, mid, high = np.transpose(list(times.values()))
        sources["times"] = {"x": mid, "y": np.array(list(times)), "low": low, "high": high}
    for key, three in (("changed", changed), ("brushed", brushed)):
        if three is not None:
            sources[f"{key}68"] = {"x": x, "low": y(three[0]), "high": y(three[2])}
            sources[key] = {"x": x, "y": y(three[1])}
    for key, curve in (lines or {}).items():
        sources[key] = {"x": x, "y": y(curve)}
        if key == "pinned" and log:  # there to be compared: the axis holds it
            top = max(top, np.max(curve))
    y_range = (floor, 3 * max(top, floor)) if log else (0.0, 1.02)
    return Layers(
        sources,
        (0.0, float(edges[-1])),
        y_range,
        f"{name}: {title}",
        _LOOKBACK,
        label,
        {"brushed": brushed is not None, "note": note},
    )


class HistoryFigure(LiveFigure):
    """A history: median, 68 and 95 %, and what was selected."""

    def __init__(self, layers, which, name=None, **options):
        bands = dict.fromkeys(("band95", "band68", "changed68", "brushed68"), ("x", "low", "high"))
        lines = dict.fromkeys(_HIS_LINES, ("x", "y"))
        super().__init__(
            layers,
            {**bands, **lines, "times": ("x", "y", "low", "high"), OUTLINE: ("x", "y")},
            name or which,
            height=options.pop("height", 270),
            y_axis_type="linear" if which == "formed" else "log",
            **options,
        )
        self.figure.title.text_font_size = "12px"  # so that a name fits beside a corner plot
        if which == "formed":
            self.figure.yaxis.ticker.desired_num_ticks = 4

    def draw(self):
        f, s = self.figure, self.sources
        for key, color, alpha in (
            ("band95", MODEL, 0.15),
            ("band68", MODEL, 0.3),
            ("changed68", OTHER, 0.3),
            ("brushed68", SELECTED, 0.12),
        ):
            area = f.varea("x", "low", "high", color=color, alpha=alpha, source=s[key])
            if color == MODEL:
                self.rest.append((area.glyph, "fill_alpha", alpha))
        for key, (color, width, dash) in _HIS_LINES.items():
            line = self.line(key, color, width, dash)
            if key in ("median", "draws", "best"):
                self.rest.append((line.glyph, "line_alpha", 1.0))
        self.ink("times", Segment(x0="low", y0="y", x1="high", y1="y", line_width=2.5))
        times = self.ink("times", Scatter(x="x", y="y", size=8))
        f.add_tools(HoverTool(renderers=[times], tooltips=_WHEN))
        self._note = Title(text_font_size="11px", text_font_style="normal")
        f.add_layout(self._note, "above")
        self.outline()
        self.selectable()

    def update(self, layers):
        super().update(layers)
        note = layers.extra.get("note", "")
        self._note.update(text=note, visible=bool(note))


def history(fit, which: str = "formed") -> "figure":
    """Bokeh figure of a fit's history: "sfr", "zh" or "formed", the share formed so far."""
    one = fit.history
    layers = history_layers(
        fit.title,
        which,
        one.edges,
        one.quantiles(which, CURVE_LEVELS),
        draws=getattr(one, which)[fit.examples],
        times={share: one.formation_quantiles(share) for share in FORMED},
    )
    return on_light_page(HistoryFigure(layers, which).figure)


def _floor(values):
    """Bottom of a logarithmic axis: three decades under the typical value."""
    positive = values[values > 0]
    return float(np.median(positive)) * 1e-3 if positive.size else 1e-6

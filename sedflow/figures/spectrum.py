"""Figures of one galaxy: layers are pure functions of data, figures draw them.

The same functions serve the app and the notebooks: `sed(fit)` and `history(fit)` are whole
Bokeh figures. Titles come from the data shown, labels from the tables.
"""

from typing import TYPE_CHECKING

import numpy as np
from bokeh.models import BasicTicker, CustomJS, HoverTool, Scatter, Segment
from bokeh.models.annotations import Legend, LegendItem, Title

from sedflow.bands import FLUX_UNIT, band_flux, load_band
from sedflow.constants import C_ANGSTROM
from sedflow.draws import CURVE_LEVELS
from sedflow.figures.base import OUTLINE, Layers, LiveFigure
from sedflow.figures.drawable import check_draws
from sedflow.figures.lines import COLUMNS, draw_lines, line_source
from sedflow.figures.theme import PageTheme
from sedflow.palette import (
    FILTERS,
    MODEL,
    OTHER,
    PARTS,
    PREDICTED,
    SELECTED,
    THEME_INK,
    TRUTH,
)

if TYPE_CHECKING:
    from bokeh.plotting import figure

__all__ = [
    "FORMED",
    "HistoryFigure",
    "PullFigure",
    "SEDFigure",
    "history",
    "history_layers",
    "pull_layers",
    "sed",
    "sed_layers",
]


#: Units of the flux axis: key -> axis label.
UNITS = {
    "flam": "F_λ [10⁻¹⁷ erg/s/cm²/Å]",
    "fnu": "F_ν [µJy]",
    "ab": "AB magnitude",
}
_LOOKBACK = "look-back time [Gyr]"
_HISTORY = {
    "sfr": ("SFH", "SFR [M☉/yr]"),
    "zh": ("ZH", "metallicity Z"),
    "formed": ("Mass formed", "share of the mass formed"),
}
#: Shares of the mass whose times of formation are marked.
FORMED = (0.5, 0.9)
_SPIKE = 300  # times the band, up to which the spikes of bursts are shown
_CURVE = 100  # numbers, beyond which values are a curve and not points
_FAINTEST = 1e-4  # of the brightest flux shown, where magnitudes and logarithms stop


def _in_units(wave, flam, unit):
    """F_lambda [1e-17 erg/s/cm2/A] at observed wavelengths [A] in the units of an axis."""
    if unit == "flam":
        return flam
    microjansky = np.asarray(flam) * np.square(wave) / C_ANGSTROM * (FLUX_UNIT * 1e29)
    if unit == "fnu":
        return microjansky
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(microjansky > 0, 23.9 - 2.5 * np.log10(microjansky), np.nan)


def sed_layers(
    title,
    bands,
    redshift,
    *,
    curves=None,
    quantiles=None,
    data=None,
    predicted=None,
    left=None,
    added=None,
    changed=None,
    brushed=None,
    lines=None,
    unit="flam",
    log=False,
    rest=False,
    span=None,
    fit=None,
    settle=None,
) -> Layers:
    """Layers of a spectrum with photometry; every part is optional.

    Parameters
    ----------
    title : str
    bands : names, for the filter curves
    redshift : float
    curves : dict of key -> (wavelength [A, observed], F_lambda): "spectrum", "bare", "young",
        "old", "burst", "best", "other", "pinned"
    quantiles : (wavelength, F_lambda (5, n)) of the posterior's spectra
    data : (flux, sigma) (n_band,) [nanomaggies], NaN where absent
    predicted : (n_band,) or quantiles (3, n_band) [nanomaggies]
    left : the same as data, of bands that were left out: what the others predict
    added : the same, of bands that were not measured, with fluxes that are made up
    changed : (wavelength, F_lambda (3, n)) of another posterior, beside this one
    brushed : (wavelength, F_lambda (3, n)) of the draws that were selected
    lines : LineMarks, emission lines to name
    unit : "flam", "fnu" or "ab"
    log : bool, of the flux axis
    rest : bool, wavelengths in the galaxy's own frame
    span : (low, high) [A, observed]; default a little more than the bands
    fit : keys of the curves that the flux axis has to hold; default all but "bare" and "best"
    settle : callable((low, high)) -> the ends of the flux axis that are drawn
    """
    bands = tuple(bands)
    pivot = np.array([load_band(b).pivot for b in bands])
    stretch = 1.0 + redshift if rest else 1.0
    low, high = span or (0.72 * pivot.min(), 1.25 * pivot.max())
    sources, seen = {}, []

    def line(wave, flam, n=1):
        near = (wave > low) & (wave < high)
        x, y = wave[near], np.asarray(flam)[..., near]
        y = _in_units(x, y, unit)
        return x / stretch, y

    for key, (wave, flam) in (curves or {}).items():
        x, y = line(wave, flam)
        sources[key] = {"x": x, "y": y}
        if key in fit if fit is not None else key not in ("bare", "best"):
            seen.append(y)
    if quantiles is not None:
        x, (q0, q1, q2, q3, q4) = line(*quantiles)
        sources["band95"] = {"x": x, "low": q0, "high": q4}
        sources["band68"] = {"x": x, "low": q1, "high": q3}
        sources["spectrum"] = {"x": x, "y": q2}
        seen += [q1, q3]
    if changed is not None:
        x, (q1, q2, q3) = line(*changed)
        sources["changed68"] = {"x": x, "low": q1, "high": q3}
        sources["changed"] = {"x": x, "y": q2}
    if brushed is not None:
        x, (q1, q2, q3) = line(*brushed)
        sources["brushed68"] = {"x": x, "low": q1, "high": q3}
        sources["brushed"] = {"x": x, "y": q2}
    if predicted is not None:
        _, flam = band_flux(predicted, bands)
        value = _in_units(pivot, flam, unit)
        middle = value if value.ndim == 1 else value[1]
        sources["predicted"] = {"x": pivot / stretch, "y": middle}
        seen.append(middle)
    if data is not None:
        sources["data"], sources["errors"] = _points(data, bands, pivot, stretch, unit)
        seen.append(sources["data"]["y"])
    if left is not None and np.isfinite(left[0]).any():
        sources["left"], sources["left_errors"] = _points(left, bands, pivot, stretch, unit)
        seen.append(sources["left"]["y"])
        if predicted is not None and value.ndim == 2:
            there = np.isfinite(left[0])
            ends = {"low": value[0, there], "high": value[2, there]}
            sources["left_predicted"] = {"x": pivot[there] / stretch, **ends}
    if added is not None and np.isfinite(added[0]).any():
        sources["added"], _ = _points(added, bands, pivot, stretch, unit)
        seen.append(sources["added"]["y"])
    y_range = _y_range(seen, unit, log)
    if settle is not None:
        y_range = settle(y_range)
    if lines is not None:
        sources["lines"] = line_source(lines, redshift, (low, high), stretch, y_range, log)
    sources["filters"] = _filters(bands, low, high, stretch, y_range, log)
    return Layers(
        sources,
        (low / stretch, high / stretch),
        y_range,
        title,
        f"{'rest' if rest else 'observed'} wavelength [Å]",
        UNITS[unit],
        {"brushed": brushed is not None},
    )


def _points(data, bands, pivot, stretch, unit):
    """Data with their errors, for the sources "data" and "errors"."""
    flux, sigma = (np.asarray(v, float) for v in data)
    there = np.isfinite(flux)
    x, names = pivot[there], [b for b, t in zip(bands, there, strict=True) if t]
    _, flam = band_flux(flux, bands)
    _, error = band_flux(sigma, bands)
    flam, error = flam[there], error[there]
    ends = [_in_units(x, v, unit) for v in (flam, flam - error, flam + error)]
    if unit == "ab":  # a flux below zero has no magnitude: its upper limit has
        faint = np.nanmax(np.concatenate([ends[0], ends[2]])) + 1.0
        ends[1] = np.where(np.isnan(ends[1]), faint, ends[1])
    points = {
        "x": x / stretch,
        "y": ends[0],
        "band": names,
        "nmgy": flux[there],
        "sigma": sigma[there],
    }
    return points, {"x": x / stretch, "low": ends[1], "high": ends[2]}


def _y_range(seen, unit, log):
    values = np.concatenate([np.ravel(v) for v in seen]) if seen else np.array([1.0])
    values = values[np.isfinite(values)]
    if not log and unit != "ab":
        # A few narrow peaks of a curve do not flatten the rest.
        some = [v for v in seen if np.isfinite(v).any()]
        tops = [np.nanquantile(v, 0.99) if np.size(v) > _CURVE else np.nanmax(v) for v in some]
        return 0.0, float(1.15 * max([1e-30, *tops]))
    if unit == "ab":
        low, high = np.quantile(values, [0, 1]) if values.size else (15.0, 25.0)
        margin = 0.08 * (high - low) + 0.1
        return float(min(high, low + 12) + 2 * margin), float(low - margin)
    top = max(values.max(initial=0.0), 1e-30)
    positive = values[values > _FAINTEST * top]
    return float(0.5 * positive.min(initial=top)), float(2.0 * top)


def _filters(bands, low, high, stretch, y_range, log):
    """Filter curves as a low backdrop, a strip at the foot of the figure."""
    x, base, top, color, name = [], [], [], [], []
    bottom, ceiling = y_range
    for b in bands:
        band = load_band(b)
        near = (band.wavelength > low) & (band.wavelength < high)
        share = 0.07 * band.response[near] / band.response.max()
        wave = band.wavelength[near]
        if wave.size < 2:
            continue
        height = (
            bottom * (ceiling / bottom) ** share if log else bottom + (ceiling - bottom) * share
        )
        x.append(np.concatenate([wave, wave[::-1]]) / stretch)
        base.append(np.concatenate([height, np.full(wave.size, bottom)]))
        color.append(FILTERS.get(b, OTHER))
        name.append(b)
        top.append(wave[np.argmax(share)] / stretch)
    return {"xs": x, "ys": base, "color": color, "band": name}


_SED_LINES = {
    "before": ("before", OTHER, 1.2, "solid", True),
    "other": ("other library", PREDICTED, 1.2, "solid", True),
    "pinned": ("pinned", OTHER, 1.4, "dotted", True),
    "bare": ("no dust", OTHER, 1.0, "dashed", False),
    "young": ("young", PARTS["young"], 1.2, "solid", False),
    "old": ("old", PARTS["old"], 1.2, "solid", False),
    "burst": ("burst", PARTS["burst"], 1.2, "solid", False),
    "best": ("best", PREDICTED, 1.0, "solid", False),
    "spectrum": ("median", MODEL, 1.3, "solid", True),
    "changed": ("what if", THEME_INK, 1.3, "solid", True),
    "brushed": ("selected", SELECTED, 1.6, "solid", True),
    "walk": ("one draw", SELECTED, 1.3, "solid", True),
}


class SEDFigure(LiveFigure):
    """Spectrum and photometry; the legend switches its parts on and off.

    `log` is fixed when the figure is made: an axis cannot change its scale.
    """

    def __init__(
        self,
        layers,
        log=False,
        name="sed",
        shown=(),
        predicted="predicted",
        spectrum="median",
        **options,
    ):
        self._shown, self._predicted, self._label = shown, predicted, spectrum
        lines = dict.fromkeys(_SED_LINES, ("x", "y"))
        areas = ("band95", "band68", "changed68", "brushed68")
        bars = ("errors", "left_errors", "left_predicted")
        bands = dict.fromkeys((*areas, *bars), ("x", "low", "high"))
        columns = {
            "filters": ("xs", "ys", "color", "band"),
            **bands,
            **lines,
            "predicted": ("x", "y"),
            "data": ("x", "y", "band", "nmgy", "sigma"),
            "left": ("x", "y", "band", "nmgy", "sigma"),
            "lines": COLUMNS,
            "added": ("x", "y", "band", "nmgy", "sigma"),
        }
        super().__init__(
            layers,
            columns,
            name,
            height=options.pop("height", 380),
            y_axis_type="log" if log else "linear",
            **options,
        )

    def draw(self):
        f, s = self.figure, self.sources
        f.patches(
            "xs",
            "ys",
            color="color",
            fill_alpha=0.13,
            line_alpha=0.5,
            line_width=0.5,
            source=s["filters"],
        )
        items = []
        for key, label, color, alpha in (
            ("band95", "95 %", MODEL, 0.15),
            ("band68", "68 %", MODEL, 0.3),
            ("changed68", None, OTHER, 0.3),
            ("brushed68", None, SELECTED, 0.12),
        ):
            area = f.varea("x", "low", "high", color=color, alpha=alpha, source=s[key])
            if label:
                items.append((label, [area]))
                self.rest.append((area.glyph, "fill_alpha", alpha))
        for key, (label, color, width, dash, shown) in _SED_LINES.items():
            glyph = self.line(key, color, width, dash)
            glyph.visible = shown or key in self._shown
            if key == "spectrum":
                self.rest.append((glyph.glyph, "line_alpha", 1.0))
            items.append((self._label if key == "spectrum" else label, [glyph]))
            setattr(self, f"_{key}", glyph)
        squares = f.scatter(
            "x",
            "y",
            marker="square",
            size=11,
            fill_alpha=0,
            line_width=1.5,
            line_color=PREDICTED,
            source=s["predicted"],
        )
        bars = self.ink("errors", _bar(1.5))
        points = self.ink("data", Scatter(x="x", y="y", size=8))
        open_bars = self.ink("left_errors", _bar(1.0))
        reach = f.segment(
            "x",
            "low",
            "x",
            "high",
            color=PREDICTED,
            line_width=5,
            alpha=0.5,
            source=s["left_predicted"],
        )
        made_up = self.ink("added", Scatter(x="x", y="y", size=10, marker="diamond"))
        rings = f.scatter(
            "x", "y", size=9, fill_alpha=0, line_width=2, line_color=SELECTED, source=s["left"]
        )
        items += [
            (self._predicted, [squares]),
            ("data", [points, bars]),
            ("left out", [rings, open_bars, reach]),
            ("added", [made_up]),
        ]
        items.append(("lines", [*draw_lines(self)]))
        self._items = items
        f.add_tools(
            HoverTool(
                renderers=[points, rings, made_up],
                tooltips=[("band", "@band"), ("flux", "@nmgy{0.000} ± @sigma{0.000} nanomaggies")],
            )
        )
        legend = Legend(
            items=[],
            orientation="horizontal",
            click_policy="hide",
            ncols=12,
            spacing=4,
            padding=0,
            label_text_font_size="11px",
            glyph_width=10,
            glyph_height=12,
            label_standoff=3,
            margin=0,
        )
        self._legend = legend
        f.add_layout(legend, "above")
        # A legend does not wrap. What the page changes here is not the server's business.
        f.js_on_change(
            "inner_width",
            CustomJS(
                args={"legend": legend},
                code="""
const columns = cb_obj.inner_width < 440 ? 5 : 12
if (legend.ncols != columns) legend.setv({ncols: columns}, {sync: false})
""",
            ),
        )

    def update(self, layers):
        super().update(layers)
        drawn = [
            LegendItem(label=label, renderers=glyphs)
            for label, glyphs in self._items
            if len(next(iter(glyphs[0].data_source.data.values()), ()))
        ]
        if [i.label for i in drawn] != [i.label for i in self._legend.items]:
            self._legend.items = drawn


def pull_layers(
    title, bands, redshift, *, data, predicted, left=None, brushed=None, rest=False, span=None
) -> Layers:
    """Layers of the residuals, (data - model) / sigma of the predicted median, band by band.

    data : (flux, sigma) (n_band,) [nanomaggies]; predicted : quantiles (3, n_band)
    left : the same as data, of bands that were left out
    brushed : quantiles (3, n_band) that the selected draws predict
    """
    pivot = np.array([load_band(b).pivot for b in bands])
    stretch = 1.0 + redshift if rest else 1.0
    low, high = span or (0.72 * pivot.min(), 1.25 * pivot.max())
    sources, limit = {}, 3.5
    for key, about in (("pulls", data), ("left", left)):
        if about is None:
            continue
        flux, sigma = (np.asarray(v, float) for v in about)
        there = np.isfinite(flux)
        x, pull = pivot[there] / stretch, ((flux - predicted[1]) / sigma)[there]
        names = [b for b, t in zip(bands, there, strict=True) if t]
        width = (np.abs(predicted[[2, 0]] - predicted[1]) / sigma)[:, there]
        both = np.hypot(1.0, width.mean(axis=0))
        sources[key] = {"x": x, "y": pull, "band": names, "both": pull / both}
        limit = max(limit, 1.25 * np.abs(pull).max(initial=0.0))
        bars = {"x": x, "low": -width[1], "high": width[0]}
        if key == "left":
            sources["model"] = {k: np.append(sources["model"][k], v) for k, v in bars.items()}
        else:
            sources["model"] = bars
            if brushed is not None:
                middle = ((predicted[1] - brushed) / sigma)[:, there]
                sources["brushed"] = {"x": x, "low": middle[2], "high": middle[0]}
    return Layers(
        sources,
        (low / stretch, high / stretch),
        (-limit, limit),
        title,
        f"{'rest' if rest else 'observed'} wavelength [Å]",
        "residual [σ]",
        {"brushed": brushed is not None},
    )


def _bar(width):
    """Error bars."""
    return Segment(x0="x", y0="low", x1="x", y1="high", line_width=width)


class PullFigure(LiveFigure):
    """Residuals in sigma; bars are the 68 % of what the posterior predicts."""

    def __init__(self, layers, name="pull", **options):
        columns = {
            "model": ("x", "low", "high"),
            "brushed": ("x", "low", "high"),
            "pulls": ("x", "y", "band", "both"),
            "left": ("x", "y", "band", "both"),
            OUTLINE: ("x", "y"),
        }
        super().__init__(layers, columns, name, height=options.pop("height", 130), **options)

    def draw(self):
        f, s = self.figure, self.sources
        f.yaxis.ticker = BasicTicker(desired_num_ticks=4)
        f.hspan([0.0], line_color=OTHER, line_width=1)
        f.hspan([-1.0, 1.0], line_color=OTHER, line_width=0.7, line_dash="dotted")
        for key, color, width, alpha in (("model", PREDICTED, 6, 0.5), ("brushed", SELECTED, 3, 1)):
            bar = f.segment(
                "x", "low", "x", "high", color=color, line_width=width, alpha=alpha, source=s[key]
            )
            if key == "model":
                self.rest.append((bar.glyph, "line_alpha", alpha))
        points = self.ink("pulls", Scatter(x="x", y="y", size=8))
        rings = f.scatter(
            "x", "y", size=9, fill_alpha=0, line_width=2, line_color=SELECTED, source=s["left"]
        )
        f.add_tools(
            HoverTool(renderers=[points], tooltips="@band: @y{0.00} σ"),
            HoverTool(
                renderers=[rings],
                tooltips="@band, left out: @y{0.00} σ of its error, @both{0.00} σ of error and "
                "prediction",
            ),
        )
        self.outline()
        self.selectable()


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


_POINT_BY_POINT = "68, 95 % point by point;\n{} draws, the best green"
_HIS_LINES = {
    "draws": (MODEL, 0.7, "solid"),
    "best": (PREDICTED, 1.2, "solid"),
    "pinned": (OTHER, 1.4, "dotted"),
    "other": (PREDICTED, 1.2, "solid"),
    "median": (MODEL, 2.0, "solid"),
    "changed": (THEME_INK, 1.6, "solid"),
    "brushed": (SELECTED, 2.0, "solid"),
    "walk": (SELECTED, 2.0, "solid"),
    "truth": (TRUTH, 1.6, "dashed"),
}


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


_WHEN = "@y{0 %} of the mass had formed @x{0.0} (@low{0.0} to @high{0.0}) Gyr ago"


def sed(fit, n: int = 100, **options) -> "figure":
    """Bokeh figure of a fit: photometry over the posterior's spectra (median, 68 and 95 %)."""
    check_draws(fit)
    spectra = fit.spectra(n)
    galaxy = fit.photometry
    layers = sed_layers(
        f"Spectrum and photometry: {fit.title}",
        galaxy.bands,
        float(galaxy.redshift),
        quantiles=(spectra.wavelength, np.quantile(spectra.flux, CURVE_LEVELS, axis=0)),
        data=(galaxy.flux, galaxy.sigma),
        predicted=fit.predicted.quantiles(),
        **options,
    )
    return _dressed(SEDFigure(layers, options.get("log", False)).figure)


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
    return _dressed(HistoryFigure(layers, which).figure)


def _dressed(figure):
    """A figure with the colours of a light page, for where no document has a theme."""
    theme = PageTheme()
    for model in figure.references():
        theme.apply_to_model(model)
    return figure


def _floor(values):
    """Bottom of a logarithmic axis: three decades under the typical value."""
    positive = values[values > 0]
    return float(np.median(positive)) * 1e-3 if positive.size else 1e-6

"""Figures of one galaxy: layers are pure functions of data, figures draw them.

The same functions serve the app and the notebooks: `sed(fit)` and `history(fit)` are whole
Bokeh figures. Titles come from the data shown, labels from the tables.
"""

import numpy as np
from bokeh.models import HoverTool, Legend, LegendItem

from sedflow.dashboard.live import Layers, LiveFigure
from sedflow.draws import CURVE_LEVELS
from sedflow.photometry import FLUX_UNIT, band_flux
from sedflow.resources import load_band

__all__ = [
    "HistoryFigure",
    "PullFigure",
    "SEDFigure",
    "history",
    "history_layers",
    "pull_layers",
    "sed",
    "sed_layers",
]

# Okabe & Ito (2008): told apart by colour-blind readers, on light and dark grounds.
MODEL = "#1f86c9"  # a little lighter than theirs, for dark grounds
DATA = "#d55e00"
PREDICTED = "#009e73"
BRUSHED = "#e69f00"
OTHER = "#888888"
FILTERS = {
    "FUV": "#cc79a7", "NUV": "#cc79a7", "u": "#8a63d2", "g": "#0072b2", "r": "#009e73",
    "i": "#e69f00", "z": "#d55e00",
}  # fmt: skip
_PARTS = {"young": "#56b4e9", "old": "#d55e00", "burst": "#cc79a7"}

#: Units of the flux axis: key -> axis label.
UNITS = {
    "flam": "F_λ [10⁻¹⁷ erg/s/cm²/Å]",
    "fnu": "F_ν [µJy]",
    "ab": "AB magnitude",
}
_LOOKBACK = "look-back time [Gyr]"
_HISTORY = {
    "sfr": ("SFH", "SFR [M☉/yr]"),
    "zh": ("ZH", "metal mass fraction Z"),
    "formed": ("Mass formed", "share of the mass formed"),
}
_C = 2.99792458e18  # speed of light [A/s]
_FAINTEST = 1e-4  # of the brightest flux shown, where magnitudes and logarithms stop


def _in_units(wave, flam, unit):
    """F_lambda [1e-17 erg/s/cm2/A] at observed wavelengths [A] in the units of an axis."""
    if unit == "flam":
        return flam
    microjansky = np.asarray(flam) * np.square(wave) / _C * (FLUX_UNIT * 1e29)
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
    brushed=None,
    unit="flam",
    log=False,
    rest=False,
    span=None,
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
    brushed : (wavelength, F_lambda (3, n)) of the draws that were selected
    unit : "flam", "fnu" or "ab"
    log : bool, of the flux axis
    rest : bool, wavelengths in the galaxy's own frame
    span : (low, high) [A, observed]; default a little more than the bands
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
        if key not in ("bare", "best"):
            seen.append(y)
    if quantiles is not None:
        x, (q0, q1, q2, q3, q4) = line(*quantiles)
        sources["band95"] = {"x": x, "low": q0, "high": q4}
        sources["band68"] = {"x": x, "low": q1, "high": q3}
        sources["spectrum"] = {"x": x, "y": q2}
        seen += [q1, q3]
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
    y_range = _y_range(seen, unit, log)
    sources["filters"] = _filters(bands, low, high, stretch, y_range, log)
    return Layers(
        sources,
        (low / stretch, high / stretch),
        y_range,
        title,
        f"{'rest' if rest else 'observed'} wavelength [Å]",
        UNITS[unit],
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
        "x": x / stretch, "y": ends[0], "band": names,
        "nmgy": flux[there], "sigma": sigma[there],
    }  # fmt: skip
    return points, {"x": x / stretch, "low": ends[1], "high": ends[2]}


def _y_range(seen, unit, log):
    values = np.concatenate([np.ravel(v) for v in seen]) if seen else np.array([1.0])
    values = values[np.isfinite(values)]
    if unit == "ab":
        low, high = np.quantile(values, [0, 1]) if values.size else (15.0, 25.0)
        margin = 0.08 * (high - low) + 0.1
        return float(min(high, low + 12) + 2 * margin), float(low - margin)
    top = max(values.max(initial=0.0), 1e-30)
    if log:
        positive = values[values > _FAINTEST * top]
        return float(0.5 * positive.min(initial=top)), float(2.0 * top)
    return 0.0, float(1.15 * top)


def _filters(bands, low, high, stretch, y_range, log):
    """Filter curves as a low backdrop, a sixth of the figure's height."""
    x, base, top, color, name = [], [], [], [], []
    bottom, ceiling = y_range
    for b in bands:
        band = load_band(b)
        near = (band.wavelength > low) & (band.wavelength < high)
        share = 0.16 * band.response[near] / band.response.max()
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
    "other": ("other library", PREDICTED, 1.2, "solid", True),
    "pinned": ("pinned", OTHER, 1.4, "dotted", True),
    "bare": ("without dust", OTHER, 1.0, "dashed", False),
    "young": ("young stars", _PARTS["young"], 1.2, "solid", False),
    "old": ("old stars", _PARTS["old"], 1.2, "solid", False),
    "burst": ("burst", _PARTS["burst"], 1.2, "solid", False),
    "best": ("best draw", PREDICTED, 1.0, "solid", False),
    "spectrum": ("spectrum", MODEL, 1.3, "solid", True),
    "brushed": ("selected", BRUSHED, 1.6, "solid", True),
}


class SEDFigure(LiveFigure):
    """Spectrum and photometry; the legend switches its parts on and off.

    `log` is fixed when the figure is made: an axis cannot change its scale.
    """

    def __init__(self, layers, log=False, name="sed", shown=(), predicted="predicted", **options):
        self._shown, self._predicted = shown, predicted
        lines = dict.fromkeys(_SED_LINES, ("x", "y"))
        bands = dict.fromkeys(("band95", "band68", "brushed68", "errors"), ("x", "low", "high"))
        columns = {
            "filters": ("xs", "ys", "color", "band"), **bands, **lines,
            "predicted": ("x", "y"), "data": ("x", "y", "band", "nmgy", "sigma"),
        }  # fmt: skip
        super().__init__(
            layers, columns, name, height=options.pop("height", 380),
            y_axis_type="log" if log else "linear", **options,
        )  # fmt: skip

    def draw(self):
        f, s = self.figure, self.sources
        f.patches("xs", "ys", color="color", fill_alpha=0.13, line_alpha=0.5, line_width=0.5,
                  source=s["filters"])  # fmt: skip
        items = []
        for key, label, color, alpha in (
            ("band95", "95 %", MODEL, 0.15), ("band68", "68 %", MODEL, 0.3),
            ("brushed68", None, BRUSHED, 0.35),
        ):  # fmt: skip
            area = f.varea("x", "low", "high", color=color, alpha=alpha, source=s[key])
            if label:
                items.append((label, [area]))
        for key, (label, color, width, dash, shown) in _SED_LINES.items():
            glyph = f.line("x", "y", color=color, line_width=width, line_dash=dash, source=s[key])
            glyph.visible = shown or key in self._shown
            items.append((label, [glyph]))
            setattr(self, f"_{key}", glyph)
        squares = f.scatter("x", "y", marker="square", size=11, fill_alpha=0, line_width=2,
                            line_color=PREDICTED, source=s["predicted"])  # fmt: skip
        bars = f.segment("x", "low", "x", "high", color=DATA, line_width=2, source=s["errors"])
        points = f.scatter("x", "y", size=7, color=DATA, line_color="white", source=s["data"])
        items += [(self._predicted, [squares]), ("data", [points, bars])]
        self._items = items
        f.add_tools(HoverTool(
            renderers=[points],
            tooltips=[("band", "@band"), ("flux", "@nmgy{0.000} ± @sigma{0.000} nanomaggies")],
        ))  # fmt: skip
        legend = Legend(
            items=[], orientation="horizontal", click_policy="hide", ncols=6, spacing=8, padding=2,
            label_text_font_size="10px", glyph_width=16, label_standoff=3, border_line_alpha=0,
            background_fill_alpha=0, margin=0,
            inactive_fill_color="#808080", inactive_fill_alpha=0.35,
        )  # fmt: skip
        self._legend = legend
        f.add_layout(legend, "above")

    def update(self, layers):
        super().update(layers)
        drawn = [
            LegendItem(label=label, renderers=glyphs)
            for label, glyphs in self._items
            if len(next(iter(glyphs[0].data_source.data.values()), ()))
        ]
        if [i.label for i in drawn] != [i.label for i in self._legend.items]:
            self._legend.items = drawn


def pull_layers(title, bands, redshift, *, data, predicted, rest=False, span=None) -> Layers:
    """Layers of the residuals, (data - model) / sigma of the predicted median, band by band.

    data : (flux, sigma) (n_band,) [nanomaggies]; predicted : quantiles (3, n_band)
    """
    pivot = np.array([load_band(b).pivot for b in bands])
    stretch = 1.0 + redshift if rest else 1.0
    low, high = span or (0.72 * pivot.min(), 1.25 * pivot.max())
    flux, sigma = (np.asarray(v, float) for v in data)
    there = np.isfinite(flux)
    pull = (flux - predicted[1]) / sigma
    width = np.abs(predicted[[2, 0]] - predicted[1]) / sigma
    x = pivot[there] / stretch
    limit = max(3.5, 1.15 * np.abs(pull[there]).max(initial=0.0))
    names = [b for b, t in zip(bands, there, strict=True) if t]
    return Layers(
        {
            "pulls": {"x": x, "y": pull[there], "band": names},
            "model": {"x": x, "low": -width[1][there], "high": width[0][there]},
        },
        (low / stretch, high / stretch),
        (-limit, limit),
        title,
        "",  # that of the spectrum above
        "residual [σ]",
    )


class PullFigure(LiveFigure):
    """Residuals in sigma; bars are the 68 % of what the posterior predicts."""

    def __init__(self, layers, name="pull", **options):
        columns = {"model": ("x", "low", "high"), "pulls": ("x", "y", "band")}
        super().__init__(layers, columns, name, height=options.pop("height", 130), **options)

    def draw(self):
        f, s = self.figure, self.sources
        f.yaxis.ticker = [-6, -3, 0, 3, 6]
        f.hspan([0.0], line_color=OTHER, line_width=1)
        f.hspan([-1.0, 1.0], line_color=OTHER, line_width=0.7, line_dash="dotted")
        f.segment("x", "low", "x", "high", color=PREDICTED, line_width=5, alpha=0.5,
                  source=s["model"])  # fmt: skip
        points = f.scatter("x", "y", size=8, color=DATA, line_color="white", source=s["pulls"])
        f.add_tools(HoverTool(renderers=[points], tooltips="@band: @y{0.00} σ"))


def history_layers(title, which, edges, quantiles, *, brushed=None, lines=None, rest=None):
    """Layers of a history against look-back time.

    Parameters
    ----------
    which : "sfr", "zh" or "formed"
    edges : (43,) [Gyr]
    quantiles : (5, 42) of "sfr" and "zh", (5, 43) at the edges of "formed"; (42,) one curve
    brushed : the same, 3 quantiles, of the selected draws
    lines : dict of key -> curve: "truth", "other", "pinned"
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
    if brushed is not None:
        sources["brushed68"] = {"x": x, "low": y(brushed[0]), "high": y(brushed[2])}
        sources["brushed"] = {"x": x, "y": y(brushed[1])}
    for key, curve in (lines or {}).items():
        sources[key] = {"x": x, "y": y(curve)}
    y_range = (floor, 3 * max(top, floor)) if log else (0.0, 1.02)
    return Layers(sources, (0.0, float(edges[-1])), y_range, f"{name}: {title}", _LOOKBACK, label)


_HIS_LINES = {
    "pinned": (OTHER, 1.4, "dotted"),
    "other": (PREDICTED, 1.2, "solid"),
    "median": (MODEL, 2.0, "solid"),
    "brushed": (BRUSHED, 2.0, "solid"),
    "truth": (DATA, 1.6, "dashed"),
}


class HistoryFigure(LiveFigure):
    """A history: median, 68 and 95 %, and what was selected."""

    def __init__(self, layers, which, name=None, **options):
        bands = dict.fromkeys(("band95", "band68", "brushed68"), ("x", "low", "high"))
        lines = dict.fromkeys(_HIS_LINES, ("x", "y"))
        super().__init__(
            layers, {**bands, **lines}, name or which, height=options.pop("height", 270),
            y_axis_type="linear" if which == "formed" else "log", **options,
        )  # fmt: skip
        self.figure.title.text_font_size = "12px"  # so that a name fits beside a corner plot

    def draw(self):
        f, s = self.figure, self.sources
        for key, color, alpha in (
            ("band95", MODEL, 0.15), ("band68", MODEL, 0.3), ("brushed68", BRUSHED, 0.35)
        ):  # fmt: skip
            f.varea("x", "low", "high", color=color, alpha=alpha, source=s[key])
        for key, (color, width, dash) in _HIS_LINES.items():
            f.line("x", "y", color=color, line_width=width, line_dash=dash, source=s[key])


def sed(fit, n: int = 100, **options):
    """Bokeh figure of a fit: photometry over the posterior's spectra (median, 68 and 95 %)."""
    spectra = fit.spectra(n)
    galaxy = fit.photometry
    layers = sed_layers(
        f"Spectrum and photometry: {fit.title}", galaxy.bands, float(galaxy.redshift),
        quantiles=(spectra.wavelength, np.quantile(spectra.flux, CURVE_LEVELS, axis=0)),
        data=(galaxy.flux, galaxy.sigma), predicted=fit.predicted.quantiles(), **options,
    )  # fmt: skip
    return SEDFigure(layers, options.get("log", False)).figure


def history(fit, which: str = "sfr"):
    """Bokeh figure of a fit's history: "sfr", "zh" or "formed", the share formed so far."""
    quantiles = fit.history.quantiles(which, CURVE_LEVELS)
    return HistoryFigure(
        history_layers(fit.title, which, fit.history.edges, quantiles), which
    ).figure


def _floor(values):
    """Bottom of a logarithmic axis: three decades under the typical value."""
    positive = values[values > 0]
    return float(np.median(positive)) * 1e-3 if positive.size else 1e-6

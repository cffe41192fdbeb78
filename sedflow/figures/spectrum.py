"""The figure of a galaxy's spectrum: layers are a pure function of data, the figure draws them.

`sed(fit)` is a whole Bokeh figure, in notebooks as in the app. Titles come from the data shown,
labels from the tables.
"""

from typing import TYPE_CHECKING

import numpy as np
from bokeh.models import BasicTickFormatter, CustomJS, HoverTool, Scatter, Segment
from bokeh.models.annotations import LegendItem

from sedflow.bands import as_bands, load_band
from sedflow.draws import CURVE_LEVELS
from sedflow.figures.base import Layers, LiveFigure, legend_above
from sedflow.figures.drawable import check_draws
from sedflow.figures.flux_axis import UNITS, flux_range, in_units
from sedflow.figures.lines import COLUMNS, draw_lines, line_source
from sedflow.figures.theme import on_light_page
from sedflow.fluxes import band_flux, pair_in_bands
from sedflow.palette import (
    FILTERS,
    LIBRARY,
    MODEL,
    OTHER,
    PARTS,
    PREDICTED,
    SELECTED,
    THEME_INK,
    WALKED,
)

if TYPE_CHECKING:
    from bokeh.plotting import figure

__all__ = ["SEDFigure", "sed", "sed_layers"]

_TINY = 1e-9  # of the brightest flux, which no logarithmic axis reaches


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
    bands = as_bands(bands)
    pivot = np.array([load_band(b).pivot for b in bands])
    stretch = 1.0 + redshift if rest else 1.0
    low, high = span or (0.72 * pivot.min(), 1.25 * pivot.max())
    sources: dict = {}
    seen: list = []
    parts: list = []

    def line(wave, flam, n=1):
        near = (wave > low) & (wave < high)
        x, y = wave[near], np.asarray(flam)[..., near]
        y = in_units(x, y, unit)
        return x / stretch, y

    for key, (wave, flam) in (curves or {}).items():
        x, y = line(wave, flam)
        sources[key] = {"x": x, "y": y}
        if key in fit if fit is not None else key not in ("bare", "best"):
            (parts if fit is None else seen).append(y)
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
        value = in_units(pivot, flam, unit)
        middle = value if value.ndim == 1 else value[1]
        sources["predicted"] = {"x": pivot / stretch, "y": middle}
        seen.append(middle)
    if data is not None:
        sources["data"], sources["errors"] = _points(data, bands, pivot, stretch, unit, log)
        seen.append(sources["data"]["y"])
    if left is not None and np.isfinite(left[0]).any():
        sources["left"], sources["left_errors"] = _points(left, bands, pivot, stretch, unit, log)
        seen.append(sources["left"]["y"])
        if predicted is not None and value.ndim == 2:
            there = np.isfinite(left[0])
            ends = {"low": value[0, there], "high": value[2, there]}
            sources["left_predicted"] = {"x": pivot[there] / stretch, **ends}
    if added is not None and np.isfinite(added[0]).any():
        sources["added"], _ = _points(added, bands, pivot, stretch, unit, log)
        seen.append(sources["added"]["y"])
    y_range = flux_range(seen, unit, log, parts)
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


def _points(data, bands, pivot, stretch, unit, log):
    """Data with their errors, for the sources "data" and "errors"."""
    flux, sigma = pair_in_bands(*data, bands)
    there = np.isfinite(flux)
    x, names = pivot[there], [b for b, t in zip(bands, there, strict=True) if t]
    _, flam = band_flux(flux, bands)
    _, error = band_flux(sigma, bands)
    flam, error = flam[there], error[there]
    ends = [in_units(x, v, unit) for v in (flam, flam - error, flam + error)]
    if unit == "ab":  # a flux below zero has no magnitude: its upper limit has
        faint = np.nanmax(np.concatenate([ends[0], ends[2]])) + 1.0
        ends[1] = np.where(np.isnan(ends[1]), faint, ends[1])
    elif log and x.size:  # nor has it a logarithm: its bar comes from below the axis
        ends[1] = np.maximum(ends[1], _TINY * np.max(np.abs(ends[2])))
    points = {
        "x": x / stretch,
        "y": ends[0],
        "band": names,
        "nmgy": flux[there],
        "sigma": sigma[there],
    }
    return points, {"x": x / stretch, "low": ends[1], "high": ends[2]}


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
    "other": ("other library", LIBRARY, 1.2, "solid", True),
    "pinned": ("pinned", OTHER, 1.4, "dotted", True),
    "bare": ("no dust", OTHER, 1.0, "dashed", False),
    "young": ("young", PARTS["young"], 1.2, "solid", False),
    "old": ("old", PARTS["old"], 1.2, "solid", False),
    "burst": ("burst", PARTS["burst"], 1.2, "solid", False),
    "best": ("best", PREDICTED, 1.0, "solid", False),
    "spectrum": ("median", MODEL, 1.3, "solid", True),
    "changed": ("what if", THEME_INK, 1.3, "solid", True),
    "brushed": ("selected", SELECTED, 1.6, "solid", True),
    "walk": ("one draw", WALKED, 1.3, "solid", True),
}


# With all that a legend may have, a line is as wide as forty letters are high. Columns are as wide
# as their longest entry.
_WRAP = """
const narrow = figure.inner_width < 40 * parseFloat(legend.label_text_font_size)
const long = legend.items.some(item => item.label?.value?.length > 16)
const columns = narrow ? (long ? 2 : 5) : 12
if (legend.ncols != columns) legend.setv({ncols: columns}, {sync: false})
"""


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
        if isinstance(f.yaxis.formatter, BasicTickFormatter):  # 100000, which 1.000e+5 hides
            f.yaxis.formatter.use_scientific = False
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
            ("left out", [rings]),
            ("added", [made_up]),
        ]
        for other in (open_bars, reach):  # a legend would draw all three over each other
            rings.js_link("visible", other, "visible")
        items.append(("lines", [*draw_lines(self)]))
        self._items = items
        f.add_tools(
            HoverTool(
                renderers=[points, rings, made_up],
                tooltips=[("band", "@band"), ("flux", "@nmgy{0.000} ± @sigma{0.000} nanomaggies")],
            )
        )
        self._legend = legend = legend_above(
            f,
            click_policy="hide",
            ncols=12,
            spacing=4,
            padding=0,
            glyph_width=10,
            glyph_height=12,
            label_standoff=3,
        )
        # A legend does not wrap. What the page changes here is not the server's business.
        wrap = CustomJS(args={"legend": legend, "figure": f}, code=_WRAP)
        f.js_on_change("inner_width", wrap)
        legend.js_on_change("label_text_font_size", wrap)  # as of a presentation
        legend.js_on_change("items", wrap)

    def update(self, layers):
        super().update(layers)
        # A legend of one line has no room for what is off when there is more to tell apart.
        crowded = len(self.sources["changed"].data["x"]) > 0
        off = {label for label, *_, shown in _SED_LINES.values() if crowded and not shown}
        drawn = {
            label + _outside(label, layers): glyphs
            for label, glyphs in self._items
            if len(next(iter(glyphs[0].data_source.data.values()), ()))
            and (label not in off or glyphs[0].visible)
        }
        if [*drawn] != [item.label.value for item in self._legend.items]:
            self._legend.items = [LegendItem(label=k, renderers=v) for k, v in drawn.items()]


def _outside(label, layers):
    """A word on a curve that the axis need not hold, where most of it is not on the axis."""
    if label not in ("before", "pinned"):
        return ""
    middle, (start, end) = np.nanmedian(layers.sources[label]["y"]), layers.y_range
    if min(start, end) <= middle <= max(start, end):
        return ""
    above = (middle - end) * (end - start) > 0  # magnitudes grow downwards
    return f" ({'above' if above else 'below'} the axis)"


def _bar(width):
    """Error bars."""
    return Segment(x0="x", y0="low", x1="x", y1="high", line_width=width)


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
    return on_light_page(SEDFigure(layers, options.get("log", False)).figure)

"""Figures: values in, HoloViews element out. No state, no widgets, no files.

The same functions serve the app and the notebooks. Titles come from the data shown, labels
from the parameter table.
"""

import holoviews as hv
import numpy as np

from sedflow.photometry import band_flux
from sedflow.resources import load_band

__all__ = ["forward_history", "forward_sed", "history", "sed"]

# Okabe & Ito (2008): told apart by colour-blind readers, on light and dark grounds.
MODEL = "#1f86c9"  # a little lighter than theirs, for dark grounds
DATA = "#d55e00"
PREDICTED = "#009e73"
FILTERS = {
    "FUV": "#cc79a7", "NUV": "#cc79a7", "u": "#8a63d2", "g": "#0072b2", "r": "#009e73",
    "i": "#e69f00", "z": "#d55e00",
}  # fmt: skip

_FLAM = "F_λ [10⁻¹⁷ erg/s/cm²/Å]"
_WAVE = "observed wavelength [Å]"
_LOOKBACK = "look-back time [Gyr]"
_SFR = "SFR [M☉/yr]"
_Z = "metal mass fraction Z"


def _filters(bands, height):
    """Filter curves as a low backdrop of the given height."""
    curves = []
    for name in bands:
        band = load_band(name)
        response = band.response / band.response.max() * height
        curves.append(
            hv.Area((band.wavelength, response), _WAVE, _FLAM).opts(
                color=FILTERS.get(name, "#888888"), alpha=0.13, line_alpha=0.5, line_width=0.5
            )
        )
    return hv.Overlay(curves)


def sed(fit, n: int = 100):
    """Photometry with errors over the posterior's spectra (median, 68 and 95 %)."""
    spectra = fit.spectra(n)
    low2, low1, middle, high1, high2 = np.quantile(
        spectra.flux, [0.025, 0.16, 0.5, 0.84, 0.975], axis=0
    )
    bands = fit.photometry.bands
    pivot, data = band_flux(fit.photometry.flux, bands)
    _, error = band_flux(fit.photometry.sigma, bands)
    _, predicted = band_flux(fit.predicted.quantiles(), bands)
    wave = spectra.wavelength
    near = (wave > 0.72 * pivot.min()) & (wave < 1.25 * pivot.max())
    top = 1.15 * max(high2[near].max(), np.nanmax(data + np.minimum(error, np.abs(data))))
    x = wave[near]
    return (
        _filters(bands, 0.16 * top)
        * hv.Area((x, low2[near], high2[near]), _WAVE, [_FLAM, "high"], label="95 %").opts(
            color=MODEL, alpha=0.15, line_alpha=0
        )
        * hv.Area((x, low1[near], high1[near]), _WAVE, [_FLAM, "high"], label="68 %").opts(
            color=MODEL, alpha=0.3, line_alpha=0
        )
        * hv.Curve((x, middle[near]), _WAVE, _FLAM, label="median model").opts(
            color=MODEL, line_width=1.2
        )
        * hv.Scatter((pivot, predicted[1]), _WAVE, _FLAM, label="predicted").opts(
            marker="square", size=11, fill_alpha=0, line_color=PREDICTED, line_width=2
        )
        * hv.ErrorBars((pivot, data, error), _WAVE, [_FLAM, "error"]).opts(
            line_color=DATA, line_width=2
        )
        * hv.Scatter((pivot, data), _WAVE, _FLAM, label="data").opts(
            color=DATA, size=7, line_color="white"
        )
    ).opts(
        hv.opts.Overlay(
            title=f"Spectrum and photometry: {fit.title}",
            ylim=(0, top),
            xlim=(x[0], x[-1]),
            legend_position="top",
            legend_cols=5,
            responsive=True,
            min_height=340,
            framewise=True,
        ),
        hv.opts.Area(framewise=True),
    )


def history(fit, which: str = "sfr"):
    """Star-formation ("sfr") or metallicity ("zh") history: median, 68 and 95 % of the curves."""
    low2, low1, middle, high1, high2 = fit.history.quantiles(which, (0.025, 0.16, 0.5, 0.84, 0.975))
    edges, label = fit.history.edges, {"sfr": _SFR, "zh": _Z}[which]
    floor = _floor(middle)
    title = {"sfr": "SFH", "zh": "ZH"}[which]
    x = _steps_x(edges)

    def area(low, high, alpha, name):
        return hv.Area(
            (x, _steps_y(low, floor), _steps_y(high, floor)), _LOOKBACK, [label, "high"], label=name
        ).opts(color=MODEL, alpha=alpha, line_alpha=0)

    return (
        area(low2, high2, 0.15, "95 %")
        * area(low1, high1, 0.3, "68 %")
        * hv.Curve((x, _steps_y(middle, floor)), _LOOKBACK, label, label="median").opts(
            color=MODEL, line_width=2
        )
    ).opts(
        hv.opts.Overlay(
            title=f"{title}: {fit.title}",
            logy=True,
            ylim=(floor, 3 * np.max(_steps_y(high1, floor))),
            xlim=(0, edges[-1]),
            show_legend=False,  # the same as in the spectrum beside it
            responsive=True,
            min_height=260,
            framewise=True,
        )
    )


def forward_sed(data):
    """Spectrum, photometry and filters of a model galaxy.

    data : dict with wavelength, flux, bare_flux (no dust), bands, nanomaggies
    """
    pivot, points = band_flux(data["nanomaggies"], data["bands"])
    top = 1.1 * max(data["flux"].max(), points.max(), 1e-30)
    return (
        _filters(data["bands"], 0.16 * top)
        * hv.Curve(
            (data["wavelength"], data["bare_flux"]), _WAVE, _FLAM, label="without dust"
        ).opts(color="#888888", line_width=1, line_dash="dashed")
        * hv.Curve((data["wavelength"], data["flux"]), _WAVE, _FLAM, label="spectrum").opts(
            color=MODEL, line_width=1.3
        )
        * hv.Scatter((pivot, points), _WAVE, _FLAM, label="photometry").opts(
            color=DATA, size=9, line_color="white"
        )
    ).opts(
        hv.opts.Overlay(
            title="Spectrum and photometry of the model",
            ylim=(0, top),
            xlim=(data["wavelength"][0], data["wavelength"][-1]),
            legend_position="top",
            legend_cols=5,
            responsive=True,
            min_height=340,
            framewise=True,
        )
    )


def forward_history(data, which: str = "sfr"):
    """Star-formation or metallicity history of a model galaxy.

    data : dict with edges (43,), sfr (42,), zh (42,)
    """
    label = {"sfr": _SFR, "zh": _Z}[which]
    values = data[which]
    floor = _floor(values)
    title = {"sfr": "Star-formation history", "zh": "Metallicity history"}[which]
    return hv.Curve((_steps_x(data["edges"]), _steps_y(values, floor)), _LOOKBACK, label).opts(
        title=title,
        color=MODEL,
        line_width=2,
        logy=True,
        ylim=(floor, 3 * max(values.max(), floor)),
        xlim=(0, data["edges"][-1]),
        responsive=True,
        min_height=220,
        framewise=True,
    )


def _steps_x(edges):
    return np.repeat(edges, 2)[1:-1]


def _steps_y(values, floor):
    return np.repeat(np.maximum(values, floor), 2)


def _floor(values):
    """Bottom of a logarithmic axis: three decades under the typical value."""
    positive = values[values > 0]
    return float(np.median(positive)) * 1e-3 if positive.size else 1e-6

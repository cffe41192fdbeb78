"""A galaxy's spectrum and its histories for paper, in matplotlib."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sedflow.bands import load_band
from sedflow.draws import CURVE_LEVELS, Draws, column_quantiles
from sedflow.errors import SedflowError, needs
from sedflow.figures.flux_axis import top_of
from sedflow.figures.given_text import as_given
from sedflow.figures.paper import COLORS, STYLES, Paper, legend, light, posterior_name
from sedflow.figures.paper_corner import one_galaxy, selected_draws
from sedflow.figures.whole_figure import whole_figure
from sedflow.fits.fit import Fit
from sedflow.fluxes import band_flux
from sedflow.palette import FILTERS, GREY, INK_BLUE
from sedflow.parameters import as_theta, index

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "HISTORIES",
    "draw_history",
    "draw_spectrum",
    "paper_history",
    "paper_spectrum",
    "prior_history",
]

HISTORY_LABEL = "median, 68 and 95 % point by point"
_GAPS: dict[str, Any] = {"h_pad": 0.02, "w_pad": 0.03, "hspace": 0.02}
_N_SPECTRA = 200
_N_PRIOR = 2000
#: Units of fluxes by width: in a column there is room for the short one.
_FLUX = {
    "column": r"[$10^{-17}$ erg/s/cm$^2$/Å]",
    "page": r"[$10^{-17}$ erg s$^{-1}$ cm$^{-2}$ Å$^{-1}$]",
}
_USUAL = 8.0  # points; a column of larger type is taller, so that its labels keep their size
#: Histories and the labels of their axes.
HISTORIES = {
    "formed": "share of mass formed",
    "sfr": r"SFR [$\mathrm{M}_\odot$ yr$^{-1}$]",
    "zh": "metal mass fraction $Z$",
}


def paper_spectrum(
    fit: Fit,
    *,
    mcmc: Fit | None = None,
    truth=None,
    selection: Mapping[str, tuple[float, float]] | None = None,
    log: bool = False,
    width: str = "column",
    font_size: float = 8.0,
    name: str = "",
) -> "Figure":
    """Photometry of one galaxy, the spectra of its posterior, and residuals in sigma.

    mcmc : Fit of the same galaxy, its median drawn in black; truth (12,) : parameters of a
    simulated galaxy; selection : as for `corner_figure`; log : logarithmic fluxes; width, font_size
    and name : as for `corner_figure`

    Raises
    ------
    SedflowError
        One of these is unknown or out of bounds.

    Examples
    --------
    >>> import sedflow
    >>> galaxy = sedflow.load_nsa().photometry(72)
    >>> fit = sedflow.fit(galaxy, sedflow.load_posterior(), n=500, seed=1)
    >>> [axes.get_xlabel() for axes in paper_spectrum(fit).axes]
    ['', 'observed wavelength [Å]']
    """
    needs("matplotlib", extra="app", what="a figure")
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    paper = Paper(width, font_size)
    one_galaxy(fit, mcmc)
    chosen = None if selection is None else selected_draws(fit, selection)
    height = paper.inches * (0.85 * _stretch(paper) if width == "column" else 0.55)
    figure = whole_figure()(figsize=(paper.inches, height), layout=ConstrainedLayoutEngine(**_GAPS))
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    draw_spectrum(top, below, fit, paper, mcmc=mcmc, truth=truth, chosen=chosen, log=log)
    below.set_xlabel("observed wavelength [Å]", fontsize=paper.font_size)
    figure.align_ylabels()
    legend(figure, top, name or as_given(fit.title), paper)
    figure.draw_without_rendering()  # the layout settles the places of the axes
    for axes in (top, below):
        _inside(axes)
    few_residuals(below, paper)
    return figure


def _stretch(paper):
    """By how much a figure in a column is taller than one of the usual type."""
    return max(1.0, paper.font_size / _USUAL)


def _inside(axes):
    """Let the label of an axis be no longer than the axis."""
    label = axes.yaxis.label
    room = axes.get_window_extent().height / label.get_window_extent().height
    label.set_fontsize(label.get_fontsize() * min(1.0, room))


def few_residuals(axes, paper: Paper) -> None:
    """Numbers at an axis of residuals, on either side of 0, which has one where it fits."""
    high = axes.get_ylim()[1]
    decade = 10.0 ** np.floor(np.log10(0.8 * high))
    number = decade * np.floor(0.8 * high / decade)
    lines = axes.get_window_extent().height / (1.4 * paper.small * axes.figure.dpi / 72)
    between = number / (2 * high) * lines  # two numbers, in lines of type
    axes.set_yticks([-number, 0.0, number] if between > 1 else [-number, number])


def draw_spectrum(
    top, below, fit, paper: Paper, *, mcmc=None, truth=None, chosen=None, log=False
) -> None:
    """Photometry and spectra on the axes `top`, residuals on `below`.

    chosen (n_draw,) : which draws are selected; everything else as for `paper_spectrum`
    """
    galaxy = fit.photometry
    pivot, data = band_flux(galaxy.flux, galaxy.bands)
    error = band_flux(galaxy.sigma, galaxy.bands)[1]
    spectra = fit.spectra(_N_SPECTRA)
    near = (spectra.wavelength > 0.82 * pivot.min()) & (spectra.wavelength < 1.15 * pivot.max())
    wave = spectra.wavelength[near]
    q = np.quantile(spectra.flux[:, near], CURVE_LEVELS, axis=0)
    main = COLORS["posterior" if chosen is None else "rest"]
    top.fill_between(wave, q[0], q[4], color=main, alpha=0.2, lw=0)
    top.fill_between(wave, q[1], q[3], color=main, alpha=0.3, lw=0)
    top.plot(wave, q[2], color=main, lw=0.7, label=f"{posterior_name(fit)} (68, 95 %)")
    for kind, flux in _other_spectra(fit, mcmc, truth, chosen).items():
        style = {"color": COLORS[kind], "ls": STYLES.get(kind, "-"), "lw": 0.7}
        top.plot(wave, flux[near], label=kind_label(kind), **style)
    low, predicted, high = band_flux(fit.predicted.quantiles(), galaxy.bands)[1]
    spread = [predicted - low, high - predicted]
    size = 0.55 * paper.font_size
    style = {"fmt": "s", "ms": size, "mfc": "none", "color": main, "lw": 0.7, "mew": 0.7}
    top.errorbar(pivot, predicted, spread, label="model photometry", **style)
    style = {"fmt": "o", "ms": 0.6 * size, "color": COLORS["data"], "lw": 0.8, "mec": "white"}
    top.errorbar(pivot, data, error, mew=0.4, zorder=5, label="observed", **style)
    _scale(top, data, error, q, log)
    _filters(top, galaxy.bands, wave, paper)
    _residuals(below, pivot, (data - predicted) / error, [s / error for s in spread], main, size)
    below.set_ylabel("resid. [σ]", fontsize=paper.small)
    top.set_ylabel(rf"$F_\lambda$ {_FLUX[paper.width]}", fontsize=paper.font_size)
    for axes in (top, below):
        light(axes, paper)
        axes.set_xlim(wave[0], wave[-1])


def paper_history(
    fit: Fit,
    which: Sequence[str] = ("formed", "sfr", "zh"),
    *,
    mcmc: Fit | None = None,
    prior: bool = False,
    truth=None,
    selection: Mapping[str, tuple[float, float]] | None = None,
    width: str = "page",
    font_size: float = 8.0,
    name: str = "",
) -> "Figure":
    """Histories of one galaxy against look-back time: median, 68 and 95 %, and six draws.

    The quantiles are point by point: no draw need follow such a curve. Marks on "formed" say when
    half and 90 % of the mass had formed.

    which : "sfr", "formed" (share of the mass formed so far) and "zh" (metallicity of the stars
    formed); prior : its median, dotted; everything else as for `paper_spectrum`. On a page they are
    side by side, in a column one below the other.

    Raises
    ------
    SedflowError
        One of these is unknown or out of bounds.
    """
    needs("matplotlib", extra="app", what="a figure")
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    paper = Paper(width, font_size)
    one_galaxy(fit, mcmc)
    names = list(dict.fromkeys([which] if isinstance(which, str) else list(which)[:9]))
    wrong = [str(n)[:64] for n in names if n not in HISTORIES]
    if wrong or not names:
        raise SedflowError(
            f"history {wrong[0] if wrong else ''!r} is unknown; choose {', '.join(HISTORIES)}"
        )
    chosen = None if selection is None else selected_draws(fit, selection)
    side = width == "page"
    n = len(names)
    inches = (paper.inches, paper.inches * (0.85 / n + 0.08 if side else 0.6 * n * _stretch(paper)))
    figure = whole_figure()(figsize=inches, layout=ConstrainedLayoutEngine(**_GAPS))
    shape = (1, n) if side else (n, 1)
    panels = figure.subplots(*shape, squeeze=False, sharex=True).ravel()
    lines = _other_histories(fit, mcmc, prior, truth, chosen)
    main = COLORS["posterior" if chosen is None else "rest"]
    for axes, one in zip(panels, names, strict=True):
        draw_history(axes, fit, one, paper, lines=lines, main=main)
    for axes in panels if side else panels[-1:]:
        axes.set_xlabel("look-back time [Gyr]", fontsize=paper.font_size)
    legend(figure, panels[0], name or as_given(fit.title), paper)
    figure.draw_without_rendering()
    for axes in panels:
        _inside(axes)
    return figure


def draw_history(
    axes, fit, which: str, paper: Paper, *, lines: Mapping | None = None, main: str = INK_BLUE
) -> None:
    """One history on its axes; lines : curves over it by kind, with their weights."""
    from matplotlib.ticker import MaxNLocator

    edges, q = fit.history.edges, fit.history.quantiles(which, CURVE_LEVELS)
    steps = which != "formed"
    floor = _floor(q[2]) if steps else 0.0
    name = posterior_name(fit)
    label = HISTORY_LABEL if name == "posterior" else f"{name}: {HISTORY_LABEL}"
    (_stairs if steps else _curve)(axes, edges, q, floor, main, label)
    _examples(axes, fit, which, floor, main)
    for kind, (values, weights) in (lines or {}).items():
        median = column_quantiles(values[which], 0.5, weights)
        x, y = _steps(edges, median, floor) if steps else (edges, median)
        style = {"color": COLORS[kind], "ls": STYLES.get(kind, "-"), "lw": 1.1, "zorder": 4}
        axes.plot(x, y, label=kind_label(kind), **style)
    if steps:
        axes.set_yscale("log")
        spikes = getattr(fit.history, which)[fit.examples].max()
        high = max(min(max(q[4].max(), spikes), 300 * q[3].max()), 2 * floor)
        axes.set_ylim(max(floor, 0.5 * q[0].min()), 1.5 * high)
    else:
        axes.set_ylim(0, 1.03)
    axes.set_xlim(0, edges[-1])
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    axes.set_ylabel(HISTORIES[which], fontsize=paper.font_size)
    light(axes, paper)


def _examples(axes, fit, which, floor, color):
    """Six draws as they are, the best of them in its own colour, and times of formation."""
    history = fit.history
    for k, row in enumerate(reversed(getattr(history, which)[fit.examples])):
        best = k + 1 == len(fit.examples)
        x, y = (history.edges, row) if which == "formed" else _steps(history.edges, row, floor)
        style = {"color": COLORS["best"] if best else color, "lw": 0.8 if best else 0.4}
        style["alpha"] = 1.0 if best else 0.6  # the median is the thick line
        axes.plot(x, y, label="best draw" if best else "draws" if k == 0 else None, **style)
    for share in (0.5, 0.9) if which == "formed" else ():
        low, middle, high = history.formation_quantiles(share)
        style = {"fmt": "o", "ms": 2.5, "color": COLORS["data"], "lw": 0.8, "zorder": 6}
        label = "$t_{50}$, $t_{90}$" if share == 0.5 else None
        axes.errorbar(middle, share, xerr=[[middle - low], [high - middle]], label=label, **style)


def kind_label(kind: str) -> str:
    """What a line is called in a legend."""
    return {"mcmc": "MCMC"}.get(kind, kind)


def _other_spectra(fit, mcmc, truth, chosen):
    """Medians of what is drawn over the posterior, by kind."""
    z, model = float(fit.photometry.redshift), fit.model
    out = {}
    if mcmc is not None:
        out["mcmc"] = np.median(mcmc.spectra(_N_SPECTRA).flux, axis=0)
    if chosen is not None:
        some = _chosen_draws(fit, chosen).resampled(min(int(chosen.sum()), _N_SPECTRA))
        out["selection"] = np.median(model.spectrum(some.theta, z).flux, axis=0)
    if truth is not None:
        out["truth"] = model.spectrum(as_theta(truth).reshape(-1), z).flux
    return out


def _chosen_draws(fit, chosen):
    weights = fit.draws.weights
    part = None if weights is None else weights[chosen] / weights[chosen].sum()
    return Draws(fit.draws.theta[chosen], weights=part)


def _other_histories(fit, mcmc, prior, truth, chosen):
    """Curves by kind: ({"sfr": (n, 42), ...}, weights)."""

    def curves(history, rows=slice(None), weights=None):
        return {name: getattr(history, name)[rows] for name in HISTORIES}, weights

    out = {}
    if mcmc is not None:
        out["mcmc"] = curves(mcmc.history, weights=mcmc.draws.weights)
    if chosen is not None:
        part = _chosen_draws(fit, chosen).weights
        out["selection"] = curves(fit.history, chosen, part)
    if prior:
        out["prior"] = prior_history(fit)
    if truth is not None:
        one = Draws(as_theta(truth).reshape(1, -1))
        out["truth"] = curves(replace(fit, draws=one, verdict=None).history)
    return out


def prior_history(fit) -> tuple[dict[str, np.ndarray], None]:
    """Histories of draws of the prior, by name, and their weights: none.

    At the posterior's mass: the prior of the mass alone would spread them over decades.
    """
    theta = fit.prior.sample(_N_PRIOR, np.random.default_rng(0))
    theta[:, index("log_mstar")] = fit.draws.quantile(fit.draws["log_mstar"], 0.5)
    history = replace(fit, draws=Draws(theta), verdict=None).history
    return {name: getattr(history, name) for name in HISTORIES}, None


def _scale(axes, data, error, q, log):
    """Limits in which data, errors and most of the spectra are seen."""
    good = np.isfinite(data)
    high = max(np.nanmax((data + np.minimum(error, np.abs(data)))[good], initial=0), top_of(q[4]))
    if not log:
        low = min(0.0, 1.1 * np.nanmin((data - np.minimum(error, np.abs(data)))[good], initial=0))
        axes.set_ylim(low - 0.12 * high, 1.06 * high)
        return
    axes.set_yscale("log")
    floor = min([*data[good & (data > 0)], np.median(q[2]), q[1][q[1] > 0].min(initial=np.inf)])
    axes.set_ylim(0.25 * floor, 1.4 * high)


def _filters(axes, bands, wave, paper):
    """Filter curves as a strip at the foot, each with its name."""
    for band in bands:
        curve = load_band(band)
        color = FILTERS.get(band, GREY)
        inside = (curve.wavelength > wave[0]) & (curve.wavelength < wave[-1])
        if not inside.any():
            continue
        x = curve.wavelength[inside]
        y = 0.08 * curve.response[inside] / curve.response.max()
        shape = {"transform": axes.get_xaxis_transform(), "lw": 0}
        axes.fill_between(x, 0, y, color=color, alpha=0.3, **shape)
        place = (curve.pivot, 0.015)
        text = {"fontsize": paper.small, "ha": "center", "va": "bottom", "color": COLORS["data"]}
        axes.text(*place, band.rpartition("-")[2], transform=axes.get_xaxis_transform(), **text)


def _residuals(axes, pivot, residual, spread, color, size):
    axes.axhspan(-1, 1, color="0.93", lw=0, zorder=0)
    axes.axhline(0, color="0.5", lw=0.5)
    axes.errorbar(pivot, residual, spread, fmt="o", ms=0.7 * size, color=color, lw=0.8, mew=0.4)
    reach = np.nanmax(np.abs(residual), initial=0)
    axes.set_ylim(-1.25 * max(reach, 2.0), 1.25 * max(reach, 2.0))


def _steps(edges, values, floor):
    return np.repeat(edges, 2)[1:-1], np.repeat(np.maximum(values, floor), 2)


def _stairs(axes, edges, q, floor, color, label):
    _curve(axes, *_steps_all(edges, q, floor), floor, color, label)


def _steps_all(edges, q, floor):
    return np.repeat(edges, 2)[1:-1], np.repeat(np.maximum(q, floor), 2, axis=1)


def _curve(axes, x, q, floor, color, label):
    axes.fill_between(x, q[0], q[4], color=color, alpha=0.2, lw=0)
    axes.fill_between(x, q[1], q[3], color=color, alpha=0.3, lw=0)
    axes.plot(x, q[2], color=color, lw=1.4, zorder=3, label=label)


def _floor(values):
    """Bottom of a logarithmic axis: three decades under the typical value."""
    positive = values[values > 0]
    return float(np.median(positive)) * 1e-3 if positive.size else 1e-6

"""Figures for papers and notebooks, in matplotlib.

One galaxy's corner plot with its SED beside it; the calibration, ranks and coverage of a
network from its `ValidationReport`; and what it was trained on beside the galaxies it is for.
"""

from typing import TYPE_CHECKING

import numpy as np

from sedflow.bands import ab_magnitude
from sedflow.draws import CONTOUR_LEVELS
from sedflow.errors import SedflowError
from sedflow.figures.drawable import check_draws, corner_panels, corner_ranges
from sedflow.figures.flux_axis import top_of
from sedflow.figures.given_text import as_given
from sedflow.fluxes import band_flux
from sedflow.model.derived import DERIVED
from sedflow.palette import DATA, INK, INK_BLUE, PREDICTED
from sedflow.parameters import NAMES, PARAMETERS
from sedflow.sampling.titles import sampler_title
from sedflow.validation.bins import PROPERTIES
from sedflow.validation.report import NOMINAL, QUANTITIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "calibration_figure",
    "coverage_figure",
    "posterior_figure",
    "ranks_figure",
    "sed_figure",
    "training_figure",
]

_REFERENCE = "0.45"
_FOR_LABELS = 0.01  # of the side, which the margins of corner plots lack for their names
_LABELS = {p.name: f"${p.latex}$" for p in PARAMETERS} | {d.name: d.label for d in DERIVED}


def posterior_figure(fit, n_spectra: int = 200, reference=None) -> "Figure":
    """Corner plot of the 12 parameters of one galaxy, and its spectra over the photometry.

    reference : Fit, optional
        Of the same galaxy, drawn over the first in grey: MCMC, for one.

    Returns a matplotlib Figure.
    """
    from matplotlib.figure import Figure

    theta = _drawable(fit)
    others = None if reference is None else _drawable(reference)
    n = len(PARAMETERS)
    figure = Figure(figsize=(15, 15))
    figure.subplots(n, n)
    labels = [f"${p.latex}$" + (f" [{p.unit}]" if p.unit == "Gyr" else "") for p in PARAMETERS]
    about = {"fig": figure, "max_n_ticks": 3, "levels": CONTOUR_LEVELS, "smooth": 1.2}
    about |= {"hist_kwargs": {"density": True}}
    about |= {"range": corner_ranges(theta if others is None else np.concatenate([theta, others]))}
    corner_panels(
        theta,
        labels=labels,
        color=INK_BLUE,
        quantiles=[0.16, 0.5, 0.84],
        label_kwargs={"fontsize": 13},
        labelpad=0.06,  # clear of the numbers at the ticks
        **about,
    )
    if others is not None:
        about |= {"plot_density": False, "no_fill_contours": True}
        corner_panels(others, color=_REFERENCE, **about)
        for row, (one, color) in enumerate(((fit, INK_BLUE), (reference, _REFERENCE))):
            name = sampler_title(one.sampler)
            figure.text(0.2, 0.96 - 0.02 * row, name, color=color, fontsize=15)
    ends = figure.subplotpars
    figure.subplots_adjust(left=ends.left + _FOR_LABELS, bottom=ends.bottom + _FOR_LABELS)
    draw_sed(figure.add_axes((0.5, 0.62, 0.47, 0.34)), fit, n_spectra)
    return figure


def _drawable(fit):
    """Draws (n_draw, 12) of equal weight of one galaxy."""
    if fit.photometry.shape:
        raise SedflowError("a corner plot is of one galaxy; choose it first, as fit[0]")
    check_draws(fit)
    return fit.draws.resampled().theta


def sed_figure(fit, n_spectra: int = 200) -> "Figure":
    """Spectra of one galaxy's posterior over its photometry; a matplotlib Figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    draw_sed(figure.subplots(), fit, n_spectra)
    return figure


def draw_sed(axes, fit, n_spectra):
    """Draw spectra of one galaxy's posterior over its photometry on matplotlib axes."""
    from matplotlib import rcParams

    check_draws(fit)
    spectra = fit.spectra(n_spectra)
    pivot, data = band_flux(fit.photometry.flux, fit.photometry.bands)
    _, error = band_flux(fit.photometry.sigma, fit.photometry.bands)
    low, predicted, high = band_flux(fit.predicted.quantiles(), fit.photometry.bands)[1]
    near = (spectra.wavelength > 0.8 * pivot.min()) & (spectra.wavelength < 1.2 * pivot.max())
    wave = spectra.wavelength[near]
    q = np.quantile(spectra.flux[:, near], [0.025, 0.16, 0.5, 0.84, 0.975], axis=0)
    axes.fill_between(wave, q[0], q[4], color=INK_BLUE, alpha=0.15, lw=0, label="95 %")
    axes.fill_between(wave, q[1], q[3], color=INK_BLUE, alpha=0.3, lw=0, label="68 %")
    axes.plot(wave, q[2], color=INK_BLUE, lw=0.8, label="median spectrum")
    axes.errorbar(
        pivot,
        predicted,
        [predicted - low, high - predicted],
        fmt="s",
        ms=11,
        mfc="none",
        color=PREDICTED,
        label="predicted photometry",
    )
    axes.errorbar(pivot, data, error, fmt="o", ms=5, color=INK, label="observed photometry")
    size = rcParams["font.size"] * np.clip(
        axes.get_window_extent().width / axes.figure.dpi / 6, 0.5, 1
    )
    highest = np.nanmax([top_of(q[4]), *(data + error)])
    tops = np.fmin(_tops(pivot, np.fmax(data + error, high), wave, q[4]), highest)
    for x, y, name, m in zip(
        pivot, tops, fit.photometry.bands, ab_magnitude(fit.photometry.flux), strict=True
    ):
        if np.isfinite(m):
            label = f"{name} {m:.2f}"
            style = {"textcoords": "offset points", "ha": "center", "fontsize": size}
            axes.annotate(label, (x, y), (0, 8), **style)
    lowest = np.nanmin(data, initial=0.0)
    axes.set(
        xlim=(wave[0], wave[-1]),
        ylim=(lowest - 0.05 * (highest - lowest) if lowest < 0 else 0, 1.15 * highest),
        title=as_given(fit.heading),
        xlabel="observed wavelength [Å]",
        ylabel="$F_\\lambda$ [$10^{-17}$ erg/s/cm$^2$/Å]",
    )
    axes.legend(frameon=False, fontsize=size)


def _tops(pivot, flux, wave, spectrum):
    """The highest of data and spectrum where the label of each band (n_band,) is."""
    half = 0.05 * (wave[-1] - wave[0])  # of the label of a figure in one column
    near = np.abs(wave - pivot[:, None]) < half
    return np.fmax(flux, np.where(near, spectrum, -np.inf).max(axis=1))


def calibration_figure(report) -> "Figure":
    """p-p curves of every quantity: the network, and in grey the exact posterior.

    report : ValidationReport. The band holds the whole curve of a calibrated quantity with a
    probability of 95 %.
    """
    n, band = report.summary["galaxies"], report.summary["band_95"]
    figure, axes = _panels(len(QUANTITIES), 6, (2.4, 2.5))
    grid = np.linspace(0, 1, 201)
    for k, (name, ax) in enumerate(zip(QUANTITIES, axes, strict=True)):
        ax.fill_between(grid, grid - band, grid + band, color="0.88", lw=0)
        for kind, color in (("exact", _REFERENCE), ("network", INK_BLUE)):
            scores = np.sort(np.asarray(report.galaxies[f"scores_{kind}"])[:n, k])
            ax.plot(grid, np.searchsorted(scores, grid) / n, color=color, lw=1.3)
        ks = report.summary["ks"]["network"][name]
        ax.text(0.04, 0.87, f"{_LABELS[name]}\nKS {ks:.3f}", fontsize=9, va="center")
        ax.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1), aspect="equal")
    _finish(figure, "percentile of the truth", "cumulative share", _kinds_legend(report))
    return figure


def ranks_figure(report, n_bin: int = 20) -> "Figure":
    """Histograms of the ranks of the truth among the draws (SBC), with 95 % of the counts."""
    from scipy.stats import binom

    n = report.summary["galaxies"]
    figure, axes = _panels(len(NAMES), 6, (2.4, 1.9))
    low, high = binom.ppf((0.025, 0.975), n, 1 / n_bin)
    for k, ax in enumerate(axes):
        ax.axhspan(low, high, color="0.88", lw=0)
        for kind, color in (("exact", _REFERENCE), ("network", INK_BLUE)):
            scores = np.asarray(report.galaxies[f"scores_{kind}"])[:n, k]
            ax.hist(scores, n_bin, range=(0, 1), histtype="step", color=color, lw=1.3)
        ax.set(xlim=(0, 1), ylim=(0, 2 * n / n_bin), xticks=(0, 0.5, 1))
        ax.set_title(_LABELS[NAMES[k]], fontsize=10)
    _finish(figure, "rank of the truth", "galaxies", _kinds_legend(report))
    return figure


def coverage_figure(report) -> "Figure":
    """Coverage of HPD and TARP regions, and of the 68 and 95 % intervals in bins."""
    from matplotlib.figure import Figure

    n, band = report.summary["galaxies"], report.summary["band_95"]
    names = list(report.summary["bins"]["network"])
    figure = Figure(figsize=(13, 6.4), layout="constrained")
    places = ["hpd", "tarp", *names, *["none"] * (6 - len(names))]
    axes = figure.subplot_mosaic([places[:4], places[4:]], empty_sentinel="none")
    grid = np.linspace(0, 1, 201)
    for test in ("hpd", "tarp"):
        ax = axes[test]
        ax.fill_between(grid, grid - band, grid + band, color="0.88", lw=0)
        for kind, color in (("exact", _REFERENCE), ("network", INK_BLUE)):
            levels = np.sort(np.asarray(report.galaxies[f"{test}_{kind}"])[:n])
            ax.plot(grid, np.searchsorted(levels, grid) / n, color=color, lw=1.3)
        ax.set(
            xlim=(0, 1),
            ylim=(0, 1),
            aspect="equal",
            title=f"{test.upper()} regions",
            xlabel="credibility",
            ylabel="share of truths inside",
        )
    for name in names:
        ax = axes[name]
        for q in NOMINAL:
            ax.axhspan(q - 0.03, q + 0.03, color="0.9", lw=0)
            ax.axhline(q, color="0.7", lw=0.8)
        for kind, color in (("exact", _REFERENCE), ("network", INK_BLUE)):
            rows = report.summary["bins"][kind][name]
            ends = np.array([row["range"] for row in rows], float)
            x = np.arange(len(rows))
            for q in NOMINAL:
                ax.plot(x, [row["coverage"][str(q)] for row in rows], "o-", color=color, ms=4)
        text = [f"{a:.3g}" if a == b else f"{a:.3g}\nto {b:.3g}" for a, b in ends]
        ax.set_xticks(x, text, fontsize=8)
        ax.set(ylim=(0.5, 1), xlabel=PROPERTIES[name], ylabel="coverage")
    figure.suptitle(_kinds_legend(report), fontsize=10)
    return figure


def training_figure(posterior, nsa, n: int = 20_000, n_fit: int = 200, seed: int = 0) -> "Figure":
    """What the network was trained on beside the galaxies of the atlas.

    Redshift, magnitudes and errors of n simulated galaxies of the prior and of the atlas, in
    every band; and the prior of the parameters beside the posteriors of n_fit galaxies, stacked.

    posterior : AmortizedPosterior; nsa : NSACatalog
    """
    from sedflow.model.simulation import simulate

    bands = posterior.bands
    _, mock = simulate(
        n,
        seed=seed,
        prior=posterior.prior,
        model=posterior.model,
        noise=posterior.noise,
        redshift=tuple(posterior.domain.redshift),
    )
    ids = nsa.seen(bands)
    real = nsa.photometry(ids, bands)
    some = nsa.photometry(np.random.default_rng(seed).choice(ids, n_fit, replace=False), bands)
    stacked = posterior.sample(some, n=500, seed=seed).theta.reshape(-1, len(NAMES))
    prior = posterior.prior.sample(n, np.random.default_rng(seed))
    rows = [("redshift", mock.redshift, real.redshift)]
    for k, band in enumerate(bands):
        rows.append((f"{band} [mag]", mock.magnitude[:, k], real.magnitude[:, k]))
    for k, band in enumerate(bands):
        rows.append(
            (f"error in {band} [mag]", mock.magnitude_error[:, k], real.magnitude_error[:, k])
        )
    rows += [(_LABELS[name], prior[:, k], stacked[:, k]) for k, name in enumerate(NAMES)]
    figure, axes = _panels(len(rows), 6, (2.4, 1.9))
    for (label, simulated, observed), ax in zip(rows, axes, strict=True):
        if label.startswith("error"):
            label = "log " + label
            with np.errstate(invalid="ignore", divide="ignore"):
                simulated, observed = np.log10(simulated), np.log10(observed)
        both = np.concatenate([simulated, observed])
        low, high = np.nanpercentile(both, [0.3, 99.7])
        edges = np.linspace(low, high, 41)
        for values, color in ((simulated, _REFERENCE), (observed, DATA)):
            values = values[np.isfinite(values)]
            ax.hist(values, edges, density=True, histtype="step", color=color, lw=1.3)
        ax.set(yticks=(), xlim=(low, high))
        ax.set_xlabel(label, fontsize=9)
    _finish(
        figure,
        "",
        "density",
        f"grey: {n:,} galaxies of the prior; orange: {len(nsa):,} of the NSA "
        f"(parameters: posteriors of {n_fit}, stacked)",
    )
    return figure


def _panels(n, n_column, size):
    """A figure with n panels in rows of n_column, and its axes."""
    from matplotlib.figure import Figure

    n_row = -(-n // n_column)
    figure = Figure(figsize=(size[0] * n_column, size[1] * n_row + 0.6), layout="constrained")
    axes = figure.subplots(n_row, n_column, squeeze=False).ravel()
    for ax in axes[n:]:
        ax.set_axis_off()
    return figure, axes[:n]


def _finish(figure, x, y, title):
    figure.supxlabel(x)
    figure.supylabel(y)
    figure.suptitle(title, fontsize=11)


def _kinds_legend(report):
    s = report.summary
    return (
        f"{s['weights']}, {s['galaxies']:,} simulated galaxies; blue: network, grey: exact by "
        "weighting, band: 95 %"
    )

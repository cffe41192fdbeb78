"""Figures for papers and notebooks, in matplotlib: the corner plot with the SED beside it."""

import numpy as np

from sedflow.parameters import PARAMETERS
from sedflow.photometry import ab_magnitude, band_flux

__all__ = ["posterior_figure"]

_MODEL, _DATA, _PREDICTED = "#0072b2", "#d55e00", "#009e73"


def posterior_figure(fit, n_spectra: int = 200):
    """Corner plot of the 12 parameters of one galaxy, and its spectra over the photometry.

    Returns a matplotlib Figure.
    """
    import corner
    from matplotlib.figure import Figure

    n = len(PARAMETERS)
    figure = Figure(figsize=(15, 15))
    figure.subplots(n, n)
    labels = [f"${p.latex}$" + (f" [{p.unit}]" if p.unit == "Gyr" else "") for p in PARAMETERS]
    corner.corner(
        fit.draws.resampled().theta,
        fig=figure,
        labels=labels,
        color=_MODEL,
        quantiles=[0.16, 0.5, 0.84],
        levels=(0.393, 0.865),
        smooth=1.2,
        plot_datapoints=False,
        max_n_ticks=3,
        label_kwargs={"fontsize": 13},
    )
    axes = figure.add_axes((0.5, 0.62, 0.47, 0.34))
    spectra = fit.spectra(n_spectra)
    pivot, data = band_flux(fit.photometry.flux, fit.photometry.bands)
    _, error = band_flux(fit.photometry.sigma, fit.photometry.bands)
    low, predicted, high = band_flux(fit.predicted.quantiles(), fit.photometry.bands)[1]
    near = (spectra.wavelength > 0.8 * pivot.min()) & (spectra.wavelength < 1.2 * pivot.max())
    wave = spectra.wavelength[near]
    q = np.quantile(spectra.flux[:, near], [0.025, 0.16, 0.5, 0.84, 0.975], axis=0)
    axes.fill_between(wave, q[0], q[4], color=_MODEL, alpha=0.15, lw=0, label="95 %")
    axes.fill_between(wave, q[1], q[3], color=_MODEL, alpha=0.3, lw=0, label="68 %")
    axes.plot(wave, q[2], color=_MODEL, lw=0.8, label="median spectrum")
    axes.errorbar(
        pivot, predicted, [predicted - low, high - predicted], fmt="s", ms=11, mfc="none",
        color=_PREDICTED, label="predicted photometry",
    )  # fmt: skip
    axes.errorbar(pivot, data, error, fmt="o", ms=5, color=_DATA, label="observed photometry")
    for x, y, name, m in zip(
        pivot, data, fit.photometry.bands, ab_magnitude(fit.photometry.flux), strict=True
    ):
        if np.isfinite(m):
            label = f"{name} {m:.2f}"
            axes.annotate(label, (x, y), (0, 16), textcoords="offset points", ha="center")
    axes.set(
        xlim=(wave[0], wave[-1]), ylim=(0, 1.1 * q[4].max()), title=fit.title,
        xlabel="observed wavelength [Å]", ylabel="$F_\\lambda$ [$10^{-17}$ erg/s/cm$^2$/Å]",
    )  # fmt: skip
    axes.legend(frameon=False)
    return figure

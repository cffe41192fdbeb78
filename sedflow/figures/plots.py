"""The plots behind `fit.plot()` and its like: one call each, in matplotlib or Bokeh.

Functions of an object; `backend` is "matplotlib", for paper, or "bokeh", for the screen. Those of
one panel take `ax` and return it, or a Bokeh figure; those of several return a whole figure.
"""

from pathlib import Path
from typing import Any

import numpy as np

from sedflow.draws import CONTOUR_LEVELS, CURVE_LEVELS
from sedflow.errors import SedflowError, UnknownName, check_like, unknown
from sedflow.figures import publication
from sedflow.figures.comparison import draw_comparison
from sedflow.figures.drawable import check_draws, corner_panels
from sedflow.figures.given_text import as_given
from sedflow.figures.population import draw_population, draw_population_map
from sedflow.figures.whole_figure import whole_figure
from sedflow.fluxes import band_flux
from sedflow.model.derived import KNOWN, missing_quantity
from sedflow.palette import DATA, GREEN, INK, INK_BLUE, MODEL, PURPLE, TRUTH, VERMILION
from sedflow.parameters import PARAMETERS
from sedflow.views import BACKENDS

__all__ = [
    "fit_corner",
    "fit_history",
    "fit_marginals",
    "fit_overview",
    "fit_paper",
    "fit_sed",
    "grid_comparison",
    "model_sed",
    "population_density",
    "report_pp",
]

#: What a corner plot has room for, where nobody chose.
MAIN = ("log_mstar", "log_sfr_100myr", "age_mw", "log_z_mw_solar", "tau_ism", "n_dust")
#: The same with the mass that is quoted, where grids are compared: grids return different shares.
_QUOTED = ("log_mass_surviving", *MAIN[1:])
_UNITS = {q.name: q.unit.replace("☉", r"$_\odot$") for q in KNOWN}
_LABELS = {q.name: q.label for q in KNOWN} | {p.name: f"${p.latex}$" for p in PARAMETERS}
_Y = {"sfr": "SFR", "zh": "metal mass fraction Z", "formed": "share of the mass formed"}
_Y_UNIT = {"sfr": r" [M$_\odot$/yr]"}


def _label(name):
    if name == "log_ssfr_1gyr":
        return r"log SFR 1 Gyr / M$_\mathrm{formed}$ [1/yr]"
    label = _LABELS[name].replace("☉", r"$_\odot$").replace("★", r"$_\star$")
    return f"{label} [{_UNITS[name]}]" if _UNITS[name] else label


def fit_sed(fit, ax=None, n_spectra: int = 200, backend: str = "matplotlib") -> Any:
    """The posterior's spectra over the photometry of one galaxy."""
    _check(fit, backend, ax)
    if backend == "bokeh":
        from sedflow.figures.spectrum import sed

        return _titled(sed(fit, n_spectra), fit.heading)
    ax = _axes(ax, (8, 4.5))
    publication.draw_sed(ax, fit, n_spectra)
    ax.set_title(as_given(fit.heading))
    return ax


def fit_history(fit, which: str = "formed", ax=None, backend: str = "matplotlib") -> Any:
    """A history of one galaxy: median, 68 and 95 %, point by point, and six draws."""
    _check(fit, backend, ax)
    if not isinstance(which, str) or which not in _Y:
        raise unknown("curve", which, _Y)
    if backend == "bokeh":
        from sedflow.figures.histories import history

        return _titled(history(fit, which), fit.heading)
    ax = _axes(ax, (6, 4))
    edges, q = fit.history.edges, fit.history.quantiles(which, CURVE_LEVELS)
    steps = which != "formed"
    for low, high, alpha in ((0, 4, 0.15), (1, 3, 0.3)):
        label = "95 % point by point" if low == 0 else "68 %"
        style = {"color": INK_BLUE, "alpha": alpha, "lw": 0, "label": label}
        if steps:
            ax.stairs(q[high], edges, baseline=q[low], fill=True, **style)
        else:
            ax.fill_between(edges, q[low], q[high], **style)
    if steps:
        ax.stairs(q[2], edges, baseline=None, color=INK_BLUE, label="median")
        ax.set_yscale("log")
        positive = q[2][q[2] > 0]
        ax.set_ylim(bottom=1e-3 * float(np.median(positive)) if positive.size else None)
    else:
        ax.plot(edges, q[2], color=INK_BLUE, label="median")
        ax.set_ylim(0, 1)
        _formation_times(ax, fit.history)
    for k, row in enumerate(reversed(getattr(fit.history, which)[fit.examples])):
        best = k + 1 == len(fit.examples)
        style = {"color": GREEN if best else INK_BLUE, "lw": 1.2 if best else 0.6, "alpha": 0.9}
        style["label"] = "best draw" if best else "draws" if k == 0 else None
        if steps:
            ax.stairs(row, edges, baseline=None, **style)
        else:
            ax.plot(edges, row, **style)
    ax.set(
        xlim=(0.0, float(edges[-1])),
        xlabel="look-back time [Gyr]",
        ylabel=_Y[which] + _Y_UNIT.get(which, ""),
        title=as_given(fit.heading),
    )
    ax.legend(frameon=False, fontsize=8, loc="best")
    return ax


def _formation_times(ax, history):
    """Mark when half and 90 % of the mass had formed, with 68 %."""
    for share, name in ((0.5, "t50"), (0.9, "t90")):
        low, middle, high = history.formation_quantiles(share)
        error = [[middle - low], [high - middle]]
        label = f"{name} = {middle:.2g} Gyr ago"
        ax.errorbar(middle, share, xerr=error, fmt="o", ms=4, color=INK, capsize=2, label=label)


def fit_corner(fit, names=None, reference=None, backend: str = "matplotlib") -> Any:
    """Corner plot of some quantities of one galaxy, weights included."""
    _check(fit, backend)
    check_draws(fit)
    names = _names(names, fit)
    if backend == "bokeh":
        from sedflow.figures.app_corner import CornerFigure
        from sedflow.figures.corner_axes import corner_axes
        from sedflow.figures.corner_draws import corner_set

        samples = np.stack([fit[name] for name in names], axis=1)
        labels = [q.axis_label for name in names for q in KNOWN if q.name == name]
        axes = corner_axes(samples, names, labels)
        sets = {"exact": corner_set(samples, axes, image=True)}
        return CornerFigure(axes, sets, {"exact": MODEL}, title=fit.heading).figure
    figure = _figure((1.9 * len(names) + 1, 1.9 * len(names) + 1))
    figure.subplots(len(names), len(names), squeeze=False)
    style = {"quantiles": [0.16, 0.5, 0.84], "levels": CONTOUR_LEVELS, "smooth": 1.0}
    style |= {"max_n_ticks": 3, "hist_kwargs": {"density": True}}
    corner_panels(
        np.stack([fit[name] for name in names], axis=1),
        fig=figure,
        labels=[_label(name) for name in names],
        color=INK_BLUE,
        **style,
    )
    if reference is not None:
        other = np.stack([reference[name] for name in names], axis=1)
        plain = {"plot_density": False, "no_fill_contours": True, "color": "0.45"}
        corner_panels(other, fig=figure, **(style | plain))
    figure.suptitle(as_given(fit.heading))
    held = "contours hold 39 and 86 %"
    figure.text(0.98, 0.93, held, ha="right", va="top", fontsize=9, color="0.4")
    return figure


def fit_overview(fit, backend: str = "matplotlib") -> Any:
    """Spectrum, histories and the main quantities of one galaxy."""
    _check(fit, backend)
    if backend == "bokeh":
        from bokeh.layouts import column, row

        histories = row(
            *(fit_history(fit, which, backend=backend) for which in ("formed", "sfr")),
            sizing_mode="stretch_width",
        )
        return column(fit_sed(fit, backend=backend), histories, sizing_mode="stretch_width")
    figure = _figure((11, 7.5))
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.25, 1))
    fit_sed(fit, top.subplots())
    left, right = bottom.subfigures(1, 2, width_ratios=(1, 1.6))
    fit_history(fit, "formed", left.subplots()).set_title("")
    for ax, name in zip(right.subplots(2, 3).ravel(), MAIN, strict=True):
        values = fit[name]
        low, middle, high = fit.quantile(name)
        ax.hist(values, 40, density=True, color=INK_BLUE, alpha=0.35)
        for x, width in ((low, 0.8), (middle, 1.5), (high, 0.8)):
            ax.axvline(x, color=INK_BLUE, lw=width)
        text = f"${middle:.2f}^{{+{high - middle:.2f}}}_{{-{middle - low:.2f}}}$"
        ax.set_title(text, fontsize=10)
        ax.set_xlabel(_label(name), fontsize=9)
        ax.set_yticks(())
    return figure


def fit_paper(fit, path: str | Path | None = None, names=None, **options: Any) -> Any:
    """Corner plot, spectrum and history of one galaxy for paper; written to a file if one is named.

    options : of `paper_figure`
    """
    from sedflow.figures.paper import save_figure
    from sedflow.figures.paper_whole import WHOLE, paper_figure

    _check(fit, "matplotlib")
    figure = paper_figure(fit, WHOLE if names is None else names, **options)
    if path is not None:
        save_figure(figure, path)
    return figure


def fit_marginals(fits, names=None, *, prior: bool = True, truth=None, columns: int = 4) -> Any:
    """Posteriors of the same quantities side by side, weights included; returns the Figure.

    Parameters
    ----------
    fits : mapping of str to Fit
        What the legend calls each, and the fit of one galaxy.
    names : sequence of str, optional
        Parameters or derived quantities; default, the main ones.
    prior : bool
        Draw the prior of the first fit in grey.
    truth : mapping of str to float, optional
        Values to mark, where they are known.
    columns : int
        Panels in a row.

    Examples
    --------
    >>> import sedflow
    >>> galaxy = sedflow.load_nsa()[72]
    >>> kinds = {k: sedflow.fit(galaxy, n=500, trust=k) for k in (None, "auto")}
    >>> figure = fit_marginals({str(k): fit for k, fit in kinds.items()}, ["log_mstar", "a_v"])
    >>> len(figure.axes)
    2
    """
    if not fits:
        raise UnknownName("there are no fits to plot; give a mapping of labels to fits")
    names = _names(names, next(iter(fits.values())), least=1)
    for fit in fits.values():
        _check(fit, "matplotlib")
    rows = -(-len(names) // columns)
    figure = _figure((3 * min(columns, len(names)) + 0.2, 2.3 * rows))
    axes = figure.subplots(rows, min(columns, len(names)), squeeze=False).ravel()
    first = next(iter(fits.values()))
    before = _prior_values(first, names) if prior else {}
    for ax, name in zip(axes, names, strict=False):
        values = [fit[name] for fit in fits.values()]
        low, high = np.nanquantile(np.concatenate(values), (0.001, 0.999))
        edges = np.linspace(low, high, 36)
        if prior:
            # Of all draws of the prior, so that the area outside the panel is not moved into it.
            share = np.full(len(before[name]), 1 / (len(before[name]) * np.diff(edges)[0]))
            ax.hist(before[name], edges, weights=share, color="0.9", label="prior")
        for (label, _), value, color, line in zip(
            fits.items(), values, _LINES, ("-", "-", ":", "--", "-."), strict=False
        ):
            style = {"histtype": "step", "color": color, "ls": line, "lw": 1.8}
            ax.hist(value, edges, density=True, label=label, **style)
        if truth is not None and name in truth:
            ax.axvline(truth[name], color=TRUTH, lw=1)
        ax.set(xlabel=_label(name), yticks=())
    for ax in axes[len(names) :]:
        ax.set_visible(False)
    axes[0].legend(frameon=False, fontsize=8)
    return figure


_LINES = (INK_BLUE, VERMILION, "k", GREEN, PURPLE)


def _prior_values(fit, names):
    """Draws of the prior at the galaxy's redshift, by name."""
    theta = fit.prior.sample(20_000, seed=0)
    known = {p.name: theta[:, k] for k, p in enumerate(PARAMETERS)}
    return {name: known[name] if name in known else fit.induced_prior[name] for name in names}


def model_sed(model, theta, redshift, ax=None, bands=None, backend: str = "matplotlib") -> Any:
    """Spectrum and photometry of one model galaxy."""
    _check(None, backend, ax)
    bands = model.bands if bands is None else bands
    spectrum = model.spectrum(theta, redshift)
    if spectrum.flux.ndim != 1:
        raise SedflowError(
            f"theta and redshift are of {spectrum.flux.shape[:-1]} galaxies; plot one at a time"
        )
    flux = model.photometry(theta, redshift, bands)
    title = f"{model.grid.name}, z = {float(redshift):.4g}"
    if backend == "bokeh":
        from sedflow.figures.spectrum import SEDFigure, sed_layers

        curve = {"spectrum": (spectrum.wavelength, spectrum.flux)}
        layers = sed_layers(title, bands, float(redshift), curves=curve, predicted=flux)
        return SEDFigure(layers).figure
    ax = _axes(ax, (8, 4.5))
    pivot, points = band_flux(flux, bands)
    near = (spectrum.wavelength > 0.7 * pivot.min()) & (spectrum.wavelength < 1.3 * pivot.max())
    ax.plot(
        spectrum.wavelength[near], spectrum.flux[near], color=INK_BLUE, lw=0.8, label="spectrum"
    )
    ax.plot(pivot, points, "o", color=DATA, label="photometry")
    for x, y, name in zip(pivot, points, bands, strict=True):
        ax.annotate(name, (x, y), (0, 10), textcoords="offset points", ha="center")
    ax.set(
        ylim=(0, None),
        title=title,
        xlabel="observed wavelength [Å]",
        ylabel="$F_\\lambda$ [$10^{-17}$ erg/s/cm$^2$/Å]",
    )
    ax.legend(frameon=False)
    return ax


def grid_comparison(found, names=None, backend: str = "matplotlib") -> Any:
    """Evidences of several grids, and the main quantities by grid and averaged."""
    _check(None, backend)
    if backend == "bokeh":
        raise SedflowError('the comparison of grids is drawn by backend="matplotlib" alone')
    if names is None:  # of grids that all know what mass is left
        names = _QUOTED if {q.name for q in found.quantities}.issuperset(_QUOTED) else MAIN
    names = _names(names, next(iter(found.fits.values())))
    figure = _figure((1.6 * len(names) + 2.4, 1.0 + 0.7 * len(found.fits)))
    draw_comparison(figure, found, names, [_label(name) for name in names])
    return figure


def report_pp(report, names=None, backend: str = "matplotlib") -> Any:
    """p-p curves of a validation report: network, and exact in grey."""
    _check(None, backend)
    if backend == "bokeh":
        from sedflow.figures.calibration import GridFigure
        from sedflow.figures.calibration_layers import pp_layers
        from sedflow.validation.near import everyone
        from sedflow.validation.report import QUANTITIES

        layers = pp_layers(report, everyone(report), quantities=names or QUANTITIES)
        hover = [("KS, network", "@ks_network"), ("KS, exact", "@ks_exact")]
        labels = ("percentile of the truth", "cumulative share")
        return GridFigure(layers, "pp", labels, hover).figure
    return publication.calibration_figure(report)


def population_density(population, backend: str = "matplotlib") -> Any:
    """A population beside the histogram of medians, the stack of draws and the prior."""
    _check(None, backend)
    if backend == "bokeh":
        raise SedflowError('a population is drawn by backend="matplotlib" alone')
    two = len(population.names) == 2
    figure = _figure((12, 3.6) if two else (6, 4))
    draw = draw_population_map if two else draw_population
    labels = {name: _label(name) for name in population.names if name in _LABELS}
    draw(figure, population, [labels.get(name, f"{name} [1/yr]") for name in population.names])
    return figure


def _check(fit, backend, ax=None):
    if not (isinstance(backend, str) and backend in BACKENDS):
        shown = " ".join(repr(backend).split())[:64]
        raise SedflowError(f"backend = {shown}; choose {' or '.join(map(repr, BACKENDS))}")
    if backend == "bokeh" and ax is not None:
        raise SedflowError("ax is matplotlib's; leave it out for backend='bokeh'")
    if ax is not None:
        check_like("ax", ax, "fill_between", "axes of matplotlib, or None")
    if fit is None:
        return
    if fit.photometry.shape:
        raise SedflowError(f"a plot shows one galaxy, of {fit.title}; choose one with fit[i]")
    if np.isnan(fit.draws.theta).any():
        why = "" if fit.verdict is None else f" ({fit.verdict.reason})"
        raise SedflowError(f"{fit.title} has no draws to plot{why}")


def _names(names, fit, least=2):
    names = MAIN if names is None else (names,) if isinstance(names, str) else names
    names = tuple(names) if np.iterable(names) else (names,)
    known = fit.keys()
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise missing_quantity(name, fit.model)
    if len(names) < least:
        raise UnknownName(
            "a corner plot needs two quantities at least; name another, or draw the one with "
            f"sedflow.figures.corner_figure(fit, {names[0]!r})"
            if names
            else "a corner plot needs two quantities at least; name them"
        )
    return list(names)


def _axes(ax, size):
    """The axes given, or those of a new figure that a notebook shows by itself."""
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots(figsize=size, layout="constrained")[1]


def _figure(size):
    """A whole figure, which a notebook shows once: where it is the value of a cell."""
    layout = None if size[0] == size[1] else "constrained"
    return whole_figure()(figsize=size, layout=layout)


def _titled(figure, title):
    figure.title.text = title
    return figure

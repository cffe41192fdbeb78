"""Plots in one call: what each returns, and that it shows the numbers of the posterior."""

import matplotlib
import numpy as np
import pytest

import sedflow
from sedflow.figures import corner_draws
from sedflow.figures.corner_axes import corner_axes
from sedflow.figures.corner_draws import corner_set

matplotlib.use("Agg")
from bokeh.models import CustomJSTicker, LayoutDOM
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sedflow.figures.errors_shown import digits_of_errors
from sedflow.figures.paper_numbers import interval
from sedflow.figures.publication import posterior_figure
from sedflow.figures.spectrum import sed
from sedflow.fluxes import band_flux


@pytest.fixture(scope="module")
def fit():
    return sedflow.fit(sedflow.load_nsa()[72], n=400)


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


def test_each_plot_returns_what_its_library_returns(fit, model):
    report = sedflow.validation.load_report()
    for one in (fit.plot_sed, fit.plot_history, model.plot):
        assert isinstance(one(), Axes)
        ax = Figure().subplots()
        assert one(ax=ax) is ax
    for whole in (fit.plot, fit.plot_corner, report.plot_pp):
        assert isinstance(whole(), Figure)
    for whole in (fit.plot, fit.plot_corner):  # in a cell, also if it is the first plot of all
        assert whole()._repr_png_().startswith(b"\x89PNG")
    every = (fit.plot, fit.plot_sed, fit.plot_corner, fit.plot_history, model.plot, report.plot_pp)
    for one in every:
        assert isinstance(one(backend="bokeh"), LayoutDOM)


def test_plots_show_the_weighted_posterior_and_its_quality(fit):
    figure = fit.plot()
    ax = next(a for a in figure.axes if "log M" in a.get_xlabel() or "M_\\star" in a.get_xlabel())
    lines = sorted(line.get_xdata()[0] for line in ax.lines)
    np.testing.assert_allclose(lines, fit.quantile("log_mstar"))
    for ax in (fit.plot_sed(), fit.plot_history("formed")):
        assert ax.get_title() == "NSAID 72, z = 0.0488: exact (weights)"
    raw = sedflow.fit(fit.photometry, n=100, trust=None)
    assert "unchecked" in raw.plot_sed().get_title()
    assert "unchecked" in raw.plot_corner(["a_v", "age_mw"]).get_suptitle()
    assert "unchecked" in raw.plot_sed(backend="bokeh").title.text
    median = fit.history.quantiles("formed")[1]
    drawn = fit.plot_history("formed").lines[0].get_ydata()
    np.testing.assert_allclose(drawn, median)


def test_a_plot_that_cannot_be_says_why(fit, model):
    many = sedflow.fit(sedflow.load_nsa()[[72, 2490]], n=50)
    for bad, words in (
        (lambda: many.plot(), "one galaxy, of 2 galaxies; choose one with"),
        (lambda: fit.plot_sed(backend="plotly"), "choose 'matplotlib' or 'bokeh'"),
        (lambda: fit.plot_sed(pyplot.gca(), backend="bokeh"), "ax is matplotlib's"),
        (lambda: fit.plot_corner(["sfr", "a_v"]), "there are log_sfr_10myr"),
        (lambda: fit.plot_corner("a_v"), "two quantities at least"),
        (lambda: fit.plot_history("sfh"), "there are sfr, zh, formed"),
        (lambda: model.plot(log_mstar=[10.0, 11.0]), "one at a time"),
    ):
        with pytest.raises(sedflow.SedflowError, match=words):
            bad()


def test_marginals_show_each_fit_and_the_prior(fit):
    fits = {"all": fit, "again": fit}
    figure = sedflow.figures.fit_marginals(fits, ["log_mstar", "a_v"], truth={"a_v": 0.3})
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert len(shown) == 2
    names = [text.get_text() for text in shown[0].get_legend().get_texts()]
    assert names == ["prior", "all", "again"]
    inside = shown[0].patches[-1].get_xy()[:, 0]
    assert inside.min() <= np.quantile(fit["log_mstar"], 0.01) < inside.max()
    assert [line.get_xdata()[0] for line in shown[1].lines] == [0.3]
    assert len(sedflow.figures.fit_marginals(fits, "log_mstar", prior=False).axes) == 1


def test_marginals_name_what_is_wrong(fit):
    with pytest.raises(sedflow.SedflowError, match="there are no fits"):
        sedflow.figures.fit_marginals({})
    with pytest.raises(sedflow.SedflowError, match="mass_of_the_moon"):
        sedflow.figures.fit_marginals({"a": fit}, ["mass_of_the_moon"])


def test_labels_of_bands_stand_above_the_spectrum(fit):
    ax = fit.plot_sed()
    spectra = fit.spectra(200)
    top = np.quantile(spectra.flux, 0.975, axis=0)
    assert [text.get_text()[0] for text in ax.texts] == list(fit.photometry.bands)
    for text in ax.texts:
        near = np.abs(spectra.wavelength - text.xy[0]) < 300
        assert text.xy[1] >= 0.999 * top[near].max()
        assert text.xy[1] < ax.get_ylim()[1]


def test_type_on_a_narrow_axis_is_smaller(fit):
    sizes = [
        fit.plot_sed(ax=Figure(figsize=size).subplots()).texts[0].get_fontsize()
        for size in ((9, 5), (3.4, 2.6))
    ]
    assert sizes[1] < 0.7 * sizes[0]


def test_a_negative_median_has_a_real_minus(fit):
    titles = [ax.get_title() for ax in fit.plot().axes]
    assert any(title.startswith("$-") for title in titles)  # TeX prints it as one
    assert not any(title.startswith("-") for title in titles)


def test_an_emission_line_does_not_flatten_the_spectrum():
    """The tip of H-alpha set the flux axis, and the data lay in its lowest tenth."""
    magnitudes = [18.94, 17.62, 17.05, 16.74, 16.55]
    galaxy = sedflow.Photometry.from_magnitudes(magnitudes, [0.05, 0.02, 0.02, 0.02, 0.04], 0.062)
    fit = sedflow.fit(galaxy, "fsps-gas", n=400, seed=1, trust=None)
    data = band_flux(galaxy.flux, galaxy.bands)[1]
    for axes in (sedflow.figures.paper_spectrum(fit).axes[0], fit.plot_sed()):
        assert axes.get_ylim()[1] < 2.5 * data.max()


def test_what_one_quantity_needs_is_said(fit):
    with pytest.raises(sedflow.SedflowError, match=r"corner_figure\(fit, 'a_v'\)"):
        fit.plot_corner("a_v")
    with pytest.raises(sedflow.SedflowError, match=r"^1 quantity; give 4 to 8"):
        fit.plot_paper(names="a_v")


def test_look_back_time_runs_one_way_and_the_prior_is_in_the_history(fit):
    figure = fit.plot_paper()
    paper = next(ax for ax in figure.axes if ax.get_xlabel() == "look-back time [Gyr]")
    screen = fit.plot_history("sfr")
    assert paper.get_xlim()[0] == screen.get_xlim()[0] == 0.0
    assert "prior" in paper.get_legend_handles_labels()[1]
    words = [" ".join(t.get_text().split()) for t in figure.legends[0].get_texts()]
    assert words.count("prior") == 1 and "history: median, 68, 95 %" in words
    spectrum = next(ax for ax in figure.axes if ax.get_ylabel() == "$F_\\lambda$")
    assert "erg/s/cm" in spectrum.get_title(loc="left")
    plain = fit.plot_paper(prior=False)
    assert "prior" not in [text.get_text() for text in plain.legends[0].get_texts()]


def test_the_rate_per_mass_formed_says_so(fit):
    figure = fit.plot_corner(("log_ssfr_1gyr", "a_v"))
    assert "formed" in figure.axes[2].get_xlabel()
    assert "per mass formed, not per surviving mass" in str(fit.summary())


def test_a_rate_of_no_stars_leaves_a_corner_plot_its_axes():
    samples = np.random.default_rng(1).normal(size=(3000, 3))
    samples[:400, 1] = -np.inf
    axes = corner_axes(samples, "abc", "abc")
    assert np.isfinite(axes.limits).all()
    drawn = corner_set(samples, axes)
    assert np.isfinite(np.concatenate([np.ravel(v) for v in drawn.histograms])).sum() > 50
    only = corner_axes(np.full((10, 1), -np.inf), "a", "a")
    assert np.isfinite(only.limits).all()


@pytest.mark.parametrize("twice", [False, True])
def test_names_of_the_corner_plot_of_a_paper_are_whole(fit, twice):
    figure = posterior_figure(fit, 20, reference=fit if twice else None)
    FigureCanvasAgg(figure).draw()
    painter = figure.canvas.get_renderer()
    for axes in figure.axes:
        for label in (axes.xaxis.label, axes.yaxis.label):
            if label.get_text() and axes.get_visible():
                place = label.get_window_extent(painter)
                assert place.x0 >= 0 and place.y0 >= 0, label.get_text()


def test_every_logarithmic_axis_of_a_live_figure_has_ticks_over_its_length(fit):
    for plot in (sed(fit, log=True), fit.plot_history("sfr", backend="bokeh")):
        assert isinstance(plot.yaxis[0].ticker, CustomJSTicker)
    assert not isinstance(sed(fit).yaxis[0].ticker, CustomJSTicker)


def test_an_error_far_larger_than_the_other_has_digits_of_its_own():
    assert corner_draws._value(0.0105, 0.0122, 11.791) == "0.012\n+12 −0.002"
    assert corner_draws._value(1.0, 1.25, 1.625) == "1.25\n+0.38 −0.25"
    assert corner_draws._value(1.0, 1.0, 1.0) == "1.000\n+0.000 −0.000"
    assert interval(0.0105, 0.0122, 11.791) == "$0.0122_{-0.0017}^{+12}$"
    assert interval(9.0, 9.0123, 9.3) == "$9.012_{-0.012}^{+0.288}$"  # as before: 23 times
    assert digits_of_errors(1.0, 1.25, float("inf")) == (2, 2, 2)

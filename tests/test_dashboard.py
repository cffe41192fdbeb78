"""The dashboard without a browser: state, answers, figures, and views on the Bokeh document."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import sedflow
from sedflow.dashboard import figures
from sedflow.dashboard.atlas import AtlasView, catalogue_table, find
from sedflow.dashboard.compare import CompareView
from sedflow.dashboard.corner import CornerFigure, corner_axes, corner_set, selected
from sedflow.dashboard.explorer import Explorer
from sedflow.dashboard.forward import ForwardView, observe
from sedflow.dashboard.inference import (
    QUANTITIES,
    Desk,
    OwnGalaxy,
    Request,
    brush,
    code_for,
)
from sedflow.dashboard.live import Layers
from sedflow.dashboard.own import typed_galaxy
from sedflow.dashboard.site import Page, page
from sedflow.dashboard.state import PRESETS, ExplorerState, ForwardState
from sedflow.errors import SedflowError
from sedflow.parameters import NAMES, PARAMETERS, as_theta


@pytest.fixture(scope="module")
def desk():
    return Desk(sedflow.load_nsa(), sedflow.load_posterior())


@pytest.fixture(scope="module")
def answer(desk):
    return desk.answer(Request("72", n=400))


def at_once(desk):
    """An answerer for a state, which does not leave the event loop."""

    async def run(request):
        return desk.answer(request)

    return run


# State


def test_an_answer_is_published():
    async def reply(request):
        return SimpleNamespace(request=request, note="note")

    state = ExplorerState(reply, galaxy="72", n=200, seed=3)
    asyncio.run(state.infer())
    assert state.answer.request == Request("72", n=200, seed=3)
    assert (state.message, state.busy) == ("note", False)


def test_a_late_answer_is_dropped():
    async def main():
        gate = asyncio.Event()

        async def reply(request):
            if request.galaxy == "1":
                await gate.wait()
            return SimpleNamespace(request=request, note="")

        state = ExplorerState(reply, galaxy="1")
        slow = asyncio.create_task(state.infer())
        await asyncio.sleep(0)
        state.galaxy = "2"
        await state.infer()
        late = SimpleNamespace(request=Request("1"), note="")
        assert not state.publish(late)
        gate.set()
        await slow
        return state

    state = asyncio.run(main())
    assert state.answer.request.galaxy == "2"
    assert not state.busy


def test_an_expected_failure_is_a_sentence_and_a_bug_is_not():
    async def refuse(request):
        raise SedflowError("no such galaxy")

    async def break_(request):
        raise ZeroDivisionError

    state = ExplorerState(refuse, galaxy="1")
    asyncio.run(state.infer())
    assert (state.answer, state.message, state.busy) == (None, "no such galaxy", False)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(ExplorerState(break_, galaxy="1").infer())


def test_the_sliders_and_presets_always_give_a_valid_theta():
    state = ForwardState()
    as_theta(state.theta())
    state.param.update(beta1=0.0, beta2=0.0, beta3=0.0, beta4=0.0)
    as_theta(state.theta())
    state.param.update(beta1=1.0, beta3=1.0)
    assert state.theta()["beta3"] == 0.5
    for name in PRESETS:
        state.preset(name)
        as_theta(state.theta())


# Answers


def test_an_answer_is_exact_and_says_so(answer):
    assert answer.exact
    assert answer.kind == "amortized"
    assert "k-hat" in answer.trust
    assert answer.columns.shape == (400, len(QUANTITIES))
    assert answer.prior_samples.shape[1] == len(QUANTITIES)
    half, most = (answer.fit.history.formation_time(share) for share in (0.5, 0.9))
    assert ((most > 0) & (most <= half) & (half < 13.3)).all()


def test_what_is_kept_under_other_weights_is_what_would_be_computed(answer):
    anew = replace(answer.fit)  # nothing computed yet
    assert answer.fit.derived is answer.network.derived
    np.testing.assert_array_equal(anew.predicted.quantiles(), answer.fit.predicted.quantiles())
    np.testing.assert_array_equal(
        anew.history.quantiles("sfr"), answer.fit.history.quantiles("sfr")
    )
    np.testing.assert_array_equal(anew.derived["age_mw"], answer.fit.derived["age_mw"])
    np.testing.assert_array_equal(anew.log_likelihood, answer.network.log_likelihood)


def test_leaving_out_a_band_widens_the_posterior(desk, answer):
    fewer = desk.answer(Request("72", n=400, bands=("r",)))
    assert fewer.fit.photometry.observed.bands == ("r",)
    spread = [a.fit.draws.resampled()["tau_ism"].std() for a in (answer, fewer)]
    assert spread[1] > spread[0]
    with pytest.raises(SedflowError, match="takes none of FUV"):
        desk.answer(Request("72", bands=("FUV",)))


def test_another_prior_is_weighted_to(desk, answer):
    other = desk.answer(Request("72", n=400, prior="provabgs"))
    assert other.fit.prior.sfh == "provabgs"
    young = [a.fit.draws.quantile(a.fit.draws["beta1"], 0.5) for a in (answer, other)]
    assert young[1] > young[0]  # stick-breaking favours young histories


def test_the_code_shown_makes_what_is_shown(desk, answer):
    for request, own in (
        (answer.request, None),
        (Request("mine", n=300, bands=("g", "r", "i"), prior="provabgs"),
         OwnGalaxy(desk.photometry("72").in_bands(("u", "g", "r", "i", "z", "NUV")))),
    ):  # fmt: skip
        shown = answer
        if own is not None:
            desk.own["mine"] = own
            shown = desk.answer(request)
            del desk.own["mine"]
        space = {}
        exec(code_for(request, own), space)
        np.testing.assert_array_equal(space["exact"].draws.theta, shown.fit.draws.theta)
        np.testing.assert_array_equal(space["exact"].draws.weights, shown.fit.draws.weights)


def test_what_is_selected_is_what_is_drawn(answer):
    rows = [0, 10]
    axes = corner_axes(answer.columns[:, rows], ["a", "b"], ["a", "b"])
    box = {"type": "rect", "x0": 0.2, "x1": 0.6, "y0": 0.1, "y1": 0.5}
    mask, words = selected(answer.columns[:, rows], axes, box)
    low, high = axes.limits[0]
    edges = low + (high - low) * np.array([0.2, 0.6]) / 0.92
    inside = answer.columns[:, 0][mask]
    assert 0 < mask.sum() < 400
    assert edges[0] <= inside.min() <= inside.max() <= edges[1]
    assert words.startswith("a ")
    lasso = {"type": "poly", "x": [0.2, 0.6, 0.6, 0.2], "y": [0.1, 0.1, 0.5, 0.5]}
    np.testing.assert_array_equal(selected(answer.columns[:, rows], axes, lasso)[0], mask)
    assert selected(answer.columns[:, rows], axes, {**box, "x0": 1.2, "x1": 1.5,
                                                    "y0": 1.2, "y1": 1.5}) is None  # fmt: skip
    one = selected(answer.columns[:, rows], axes, {**box, "y0": 1.2, "y1": 1.3})[0]
    assert one.sum() >= mask.sum()  # a histogram: its vertical extent does not matter


def test_a_selection_looks_like_its_draws(answer):
    dusty = answer.fit.draws["tau_ism"]
    mask = dusty > np.median(dusty)
    brushed = brush(answer, mask, "dusty")
    k = [q.name for q in QUANTITIES].index("tau_ism")
    assert brushed.quantiles[1, k] > np.median(dusty)
    assert brushed.share == pytest.approx(answer.fit.draws.weights[mask].sum())
    whole = brush(answer, np.ones(400, bool), "all")
    assert whole.share == pytest.approx(1)
    np.testing.assert_allclose(whole.history["sfr"], answer.fit.history.quantiles("sfr"), rtol=1e-6)
    np.testing.assert_array_equal(whole.samples, answer.samples)  # weighted, as the rest is
    few = brush(answer, np.arange(400) < 1, "one")
    assert (few.n, few.spectra) == (1, None)


# Figures


def test_the_spectrum_shows_the_data_in_every_unit(answer):
    galaxy = answer.fit.photometry
    pivot, flam = sedflow.photometry.band_flux(galaxy.flux, galaxy.bands)
    made = {
        unit: figures.sed_layers(
            "title", galaxy.bands, 0.0488, data=(galaxy.flux, galaxy.sigma), unit=unit
        ).sources["data"]["y"]
        for unit in figures.UNITS
    }
    np.testing.assert_allclose(made["flam"], flam)
    np.testing.assert_allclose(made["fnu"], galaxy.flux * 3.631, rtol=1e-6)  # nanomaggies in µJy
    np.testing.assert_allclose(made["ab"], galaxy.magnitude, atol=1e-4)
    rest = figures.sed_layers(
        "title", galaxy.bands, 0.0488, data=(galaxy.flux, galaxy.sigma), rest=True
    )
    np.testing.assert_allclose(rest.sources["data"]["x"] * 1.0488, pivot)
    assert rest.x_label.startswith("rest")


def test_a_negative_flux_is_drawn_in_every_unit():
    flux, sigma = np.array([-0.5, 3.0, np.nan, 5.0, 6.0]), np.array([0.4, 0.3, np.nan, 0.3, 0.4])
    for unit in figures.UNITS:
        for log in (False, True):
            layers = figures.sed_layers(
                "t", ("u", "g", "r", "i", "z"), 0.05, data=(flux, sigma), unit=unit, log=log
            )
            assert np.isfinite(layers.y_range).all()
            assert len(layers.sources["data"]["y"]) == 4


def test_whole_figures_come_from_a_fit(answer):
    fit = answer.fit
    assert figures.sed(fit, 20).title.text == "Spectrum and photometry: NSAID 72, z = 0.0488"
    for which, unit in (("sfr", "M☉/yr"), ("zh", "Z"), ("formed", "share")):
        figure = figures.history(fit, which)
        assert unit in figure.yaxis.axis_label
        assert "NSAID 72" in figure.title.text


def test_all_of_the_mass_has_formed_today(answer):
    formed = answer.fit.history.formed
    assert np.allclose(formed[:, 0], 1)
    assert np.allclose(formed[:, -1], 0)
    assert (np.diff(formed, axis=1) <= 1e-12).all()


def test_a_figure_is_patched_not_made_anew(answer):
    galaxy = answer.fit.photometry
    layers = figures.sed_layers("one", galaxy.bands, 0.05, data=(galaxy.flux, galaxy.sigma))
    live = figures.SEDFigure(layers)
    before = live.figure
    live.update(figures.sed_layers("two", galaxy.bands, 0.05, data=(galaxy.flux * 2, galaxy.sigma)))
    assert live.figure is before
    assert live.figure.title.text == "two"
    live.update(Layers({}, (0, 1), (0, 1), "three"))
    assert len(live.sources["data"].data["x"]) == 0  # what is left out is empty, not old


def test_a_corner_plot_holds_every_pair(answer):
    theta = answer.fit.draws.theta
    axes = corner_axes(theta, NAMES, [p.label for p in PARAMETERS])
    one = corner_set(theta, axes, image=True)
    colors = {"exact": "#111111", "prior": "#222222"}
    corner = CornerFigure(axes, {"exact": one}, colors, truth=np.median(theta, 0), title="one")
    sources = corner._sources
    assert np.isnan(sources["frames"].data["x"]).sum() == 78
    assert np.nanmax(one.image) == 1
    assert f"{np.median(theta[:, 0]):.2f}" in one.values[0]
    assert len(sources["truth"].data["x"]) > 0
    before = sources["histograms_exact"].data["y"]
    few = corner_axes(theta[:, :3], NAMES[:3], NAMES[:3])
    corner.update(few, {"prior": corner_set(theta[:100, :3], few)}, title="two")
    assert corner.figure.title.text == "two"
    assert not np.array_equal(before, sources["histograms_exact"].data["y"])
    assert len(sources["histograms_exact"].data["y"]) == 0
    assert np.isnan(sources["frames"].data["x"]).sum() == 6


def test_a_parameter_pinned_to_one_value_still_has_a_panel():
    samples = np.random.default_rng(0).normal(size=(500, 3))
    samples[:, 1] = 2.0
    axes = corner_axes(samples, "abc", "abc")
    assert np.isfinite(corner_set(samples, axes).histograms[1]).any()


def test_a_handful_of_draws_are_points():
    samples = np.random.default_rng(0).normal(size=(500, 3))
    axes = corner_axes(samples, "abc", "abc")
    few = corner_set(samples[:5], axes)
    assert len(few.points[0]) <= 15
    assert len(few.contours[0]) == 0
    assert corner_set(samples[:0], axes).values == ["", "", ""]


# The catalogue


def test_a_galaxy_is_found_by_number_position_and_name():
    table = catalogue_table(sedflow.load_nsa())
    row = table.iloc[100]
    assert find(" 2490 ", table) == "2490"
    assert find(f"{row['ra']} {row['dec']}", table) == row["NSAID"]
    assert find("mock 1", table, own={"mock 1": None}) == "mock 1"
    with pytest.raises(SedflowError, match="arcmin away"):
        find("10.0 -80.0", table)
    for text in ("Andromeda", "1 2 3 4", "12:99:99 +95", "nan nan", "1e999 0"):
        with pytest.raises(SedflowError):
            find(text, table)


def test_the_map_and_the_table_show_the_same_galaxies():
    view = AtlasView(sedflow.load_nsa())
    view._box({"x0": 14.0, "x1": 15.0, "y0": 0.5, "y1": 0.9})
    kept = view._list.current_view
    assert 0 < len(kept) < len(view.table)
    assert kept["r"].between(14, 15).all()
    assert kept["gr"].between(0.5, 0.9).all()
    bright = np.asarray(view._points.data["alpha"]) > 0.5
    assert bright.sum() == len(kept)
    view._box(None)
    assert len(view._list.current_view) == len(view.table)
    view.galaxy = "2490"
    row = view.table[view.table["NSAID"] == "2490"].iloc[0]
    assert list(view._chosen.data["x"]) == [row["r"]]


# Views


def test_a_galaxy_is_picked_shown_and_brushed(nsa, posterior):
    async def main():
        explorer = Explorer(nsa, posterior)
        explorer.state._run = at_once(explorer.desk)
        explorer.state.n = 300
        for galaxy in (str(nsa.ids[3]), "72"):
            explorer.state.galaxy = galaxy
            await explorer.state.infer()
        return explorer

    explorer = asyncio.run(main())
    assert explorer._heading.object == "## NSAID 72, z = 0.0488 · nsa-ugriz-fsps"
    assert explorer._corner.figure.title.text == "NSAID 72, z = 0.0488"
    assert "log M surviving [M☉]" in explorer._summary.value["quantity"].iloc[0]
    assert "selected" not in explorer._summary.value
    event = SimpleNamespace(
        final=True, geometry={"type": "rect", "x0": 0.1, "x1": 0.9, "y0": 4.0, "y1": 4.5}
    )
    explorer._drawn(event)
    assert "selected" in explorer._summary.value
    assert len(explorer._sed.sources["brushed"].data["x"]) > 100
    assert len(explorer._histories["sfr"].sources["brushed"].data["x"]) > 10
    explorer._show_brush(None)
    assert len(explorer._sed.sources["brushed"].data["x"]) == 0
    assert explorer.__panel__() is not None


def test_the_model_follows_the_sliders():
    view = ForwardView()
    before = view.data
    view.sliders["tau_ism"].value = 2.0
    after = view.data
    assert (after["nanomaggies"] < before["nanomaggies"]).all()
    np.testing.assert_array_equal(after["bare"], before["bare"])
    view.sliders["log_mstar"].value = 11.5
    np.testing.assert_allclose(view.data["sfr"], after["sfr"] * 10)
    assert set(view.sliders) == {*NAMES, "redshift"}
    view._preset.value = "quiescent"
    assert view.sliders["beta4"].value == 0.7
    view._parts.value = True
    total = sum(view.data["parts"].values())
    np.testing.assert_allclose(total, view.data["flux"], rtol=1e-9)


def test_a_mock_is_observed_and_its_truth_marked(desk):
    view = ForwardView(desk=desk)
    view._missing.value = ["u"]
    view.observe()
    name = view.observed
    shown = desk.answer(Request(name, n=300))
    assert shown.fit.photometry.observed.bands == ("g", "r", "i", "z")
    np.testing.assert_allclose(shown.truths[:12], as_theta(view.state.theta()))
    del desk.own[name]


def test_observing_many_times_scatters_as_the_errors_say():
    flux = np.array([10.0, 20.0, 30.0, 40.0, 50.0])
    pulls = []
    for seed in range(300):
        seen = observe(flux, 0.05, ("u", "g", "r", "i", "z"), seed, snr=20)
        np.testing.assert_allclose(seen.sigma, flux / 20)
        pulls.append((seen.flux - flux) / seen.sigma)
    assert abs(np.mean(pulls)) < 4 / np.sqrt(1500)
    assert np.std(pulls) == pytest.approx(1, abs=0.08)


def test_two_posteriors_are_compared_on_the_same_axes(desk, answer):
    view = CompareView()
    view.pin("A", answer)
    view.pin("B", desk.answer(Request("2490", n=300)))
    table = view._table.value
    assert {"A", "B", "B − A"} <= set(table.columns)
    a, b = (np.median(view.answers[s].samples[:, 0]) for s in "AB")
    assert float(table["B − A"].iloc[0]) == pytest.approx(b - a, abs=0.02)
    assert len(view._corner._sources["contours_B"].data["x"]) > 0
    view._swap()
    assert view.answers["A"].request.galaxy == "2490"


def test_a_typed_galaxy_is_photometry_or_a_sentence():
    galaxy = typed_galaxy({"g": (17.0, 0.02), "r": (16.5, 0.02), "u": (None, None)}, 0.05,
                          "AB magnitudes")  # fmt: skip
    assert galaxy.bands == ("g", "r")
    np.testing.assert_allclose(galaxy.magnitude, [17.0, 16.5])
    np.testing.assert_allclose(galaxy.magnitude_error, 0.02)
    one = typed_galaxy({"r": (3.631, 0.1)}, 0.05, "µJy")
    assert one.flux[0] == pytest.approx(1.0)
    for values, z in (({"g": (17.0, 0.0)}, 0.05), ({}, 0.05), ({"g": (1.0, 0.1)}, -1.0)):
        with pytest.raises(SedflowError):
            typed_galaxy(values, z, "nanomaggies")


def test_the_page_builds_and_opens_every_tab(desk):
    async def main():
        one = Page(desk, {"galaxy": "2490", "n": "300", "view": "forward", "tau_ism": "9"})
        one.explorer.state._run = at_once(desk)
        await one.explorer.state.infer()
        for k in range(len(one.tabs)):
            one.tabs.active = k
        one.tabs.active = 0
        return one

    one = asyncio.run(main())
    assert "tau_ism = 9 was changed to 3" in one._notice.object
    assert one.values() == {"galaxy": "2490", "n": "300"}
    assert all(len(slot) for slot in one._slots.values())
    assert len(page()._init_doc().roots) > 0

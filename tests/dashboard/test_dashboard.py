"""The dashboard without a browser: state, answers, figures, and views on the Bokeh document."""

import asyncio
import html
import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import panel as pn
import param
import pytest
from panel.models.tabulator import CellClickEvent

import sedflow
from sedflow.atlas.shelf import shelf
from sedflow.dashboard import site
from sedflow.dashboard.address import decode, decode_pins, encode_pins
from sedflow.dashboard.brush import brush, through, within
from sedflow.dashboard.engine import Engine, OwnGalaxy, Recent, Request
from sedflow.dashboard.hints import HintButton
from sedflow.dashboard.pages.compare import MOST_PINS, CompareView, differing
from sedflow.dashboard.pages.explore import Explorer
from sedflow.dashboard.pages.forward import ForwardView
from sedflow.dashboard.panels.atlas import AtlasView, find
from sedflow.dashboard.panels.corner import CornerPanel, _reselected
from sedflow.dashboard.panels.derived import interval
from sedflow.dashboard.panels.downloads import DownloadsPanel
from sedflow.dashboard.panels.observatory import Observatory, observe
from sedflow.dashboard.panels.paper import PaperPanel
from sedflow.dashboard.panels.typed import typed_galaxy
from sedflow.dashboard.pinned_curve import decode_pinned, encode_pinned, pinned_values
from sedflow.dashboard.presets import PRESETS
from sedflow.dashboard.publication import FigureChoice
from sedflow.dashboard.quantities import QUANTITIES
from sedflow.dashboard.state import ExplorerState, ForwardState
from sedflow.dashboard.tabs import Page
from sedflow.dashboard.widgets import plain, whole_field
from sedflow.errors import SedflowError
from sedflow.figures.app_corner import CornerFigure, _ticks
from sedflow.figures.base import Layers
from sedflow.figures.corner_axes import corner_axes, selected
from sedflow.figures.corner_draws import corner_set
from sedflow.figures.flux_axis import UNITS
from sedflow.figures.histories import history
from sedflow.figures.spectrum import SEDFigure, sed, sed_layers
from sedflow.parameters import NAMES, PARAMETERS, as_theta
from sedflow.sampling.verdict import kind_of


def at_once(engine):
    """An answerer for a state, which does not leave the event loop."""

    async def run(request):
        return engine.answer(request)

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


def test_what_was_computed_before_is_there_at_once():
    async def never(request):
        raise AssertionError(request)

    recent = Recent(size=2)
    for galaxy in ("1", "2", "3"):
        request = Request(galaxy)
        recent.keep(request, SimpleNamespace(request=request, note=galaxy))
    assert recent.get(Request("1")) is None  # the one that was asked for longest ago
    state = ExplorerState(never, recent.get, galaxy="3")
    assert state.recall() and state.message == "3"
    shown = []
    state.param.watch(shown.append, "answer")
    assert state.recall() and not shown  # it is there already
    state.galaxy = "2"
    asyncio.run(state.infer())
    assert (state.answer.request.galaxy, state.busy) == ("2", False)
    state.seed = 5  # another posterior
    assert not state.recall() and state.answer.request.seed == 1


def test_an_answer_is_kept_for_other_sessions_but_not_one_of_an_own_galaxy(nsa, posterior):
    recent = Recent()
    first, second = (Engine(nsa, posterior, recent=recent) for _ in range(2))
    request = Request("72", n=200)
    answer = asyncio.run(first.ask(request))
    assert second.known(request) is answer
    name = first.add("mine", OwnGalaxy(nsa[72]))
    own = Request(name, n=200)
    asyncio.run(first.ask(own))
    assert first.known(own) is second.known(own) is None


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


def test_a_page_that_cannot_be_made_tells_its_visitor_no_paths(monkeypatch, caplog):
    def break_(*given):
        raise ZeroDivisionError

    monkeypatch.setattr(site, "_page", break_)
    said = html.unescape(site.page().main[0].object)
    assert said == "This page cannot be made; the server's log says why."
    assert "ZeroDivisionError" in caplog.text


def test_the_sliders_and_presets_always_give_a_valid_theta():
    state = ForwardState()
    as_theta(state.theta())
    state.param.update(beta1=1.0, beta2=0.0, beta3=1.0, beta4=0.0)
    assert state.theta()["beta3"] == 0.5
    for name in PRESETS:
        state.preset(name)
        as_theta(state.theta())


# Answers


def test_an_answer_is_exact_and_says_so(answer):
    assert answer.exact
    assert answer.kind == "exact (weights)"
    assert "k-hat" in answer.trust
    assert answer.columns.shape == (1000, len(QUANTITIES))
    assert answer.prior_samples.shape[1] == len(QUANTITIES)
    half, most = (answer.fit.history.formation_time(share) for share in (0.5, 0.9))
    assert ((most > 0) & (most <= half) & (half < 13.3)).all()


def test_an_answer_that_nothing_makes_exact_says_so(engine, answer):
    real = answer.fit.photometry
    sharp = sedflow.Photometry(
        real.flux, np.full(real.flux.shape, 1e-12), real.redshift, real.bands
    )
    found = engine.answer(Request(engine.add("sharp", OwnGalaxy(sharp)), n=300))
    assert not found.exact
    assert found.kind == "failed"
    assert "below the accuracy of the model" in found.note
    assert "MCMC" not in found.note.replace("no MCMC", "")


def test_what_is_kept_under_other_weights_is_what_would_be_computed(answer):
    anew = replace(answer.fit)  # nothing computed yet
    assert answer.fit.derived is answer.network.derived
    np.testing.assert_array_equal(anew.predicted.quantiles(), answer.fit.predicted.quantiles())
    np.testing.assert_array_equal(
        anew.history.quantiles("sfr"), answer.fit.history.quantiles("sfr")
    )
    np.testing.assert_array_equal(anew.derived["age_mw"], answer.fit.derived["age_mw"])
    np.testing.assert_array_equal(anew.log_likelihood, answer.network.log_likelihood)


def test_leaving_out_a_band_widens_the_posterior(engine, answer):
    fewer = engine.answer(Request("72", n=400, bands=("r",)))
    assert fewer.fit.photometry.observed.bands == ("r",)
    spread = [a.fit.draws.resampled()["tau_ism"].std() for a in (answer, fewer)]
    assert spread[1] > spread[0]
    with pytest.raises(SedflowError, match="takes none of FUV"):
        engine.answer(Request("72", bands=("FUV",)))


def test_another_prior_has_draws_made_for_it(engine, answer):
    other = engine.answer(Request("72", n=1000, prior="provabgs"))
    assert other.fit.prior.sfh == "provabgs"
    young = [a.fit.draws.quantile(a.fit.draws["beta1"], 0.5) for a in (answer, other)]
    assert young[1] > young[0]  # stick-breaking favours young histories
    assert other.request.prior == "provabgs"
    assert kind_of(other.kind).exact
    assert other.fit.verdict.ess >= 400


def test_no_prior_has_its_name_over_the_posterior_of_another(engine, galaxy):
    """Where no draws pass under the prior asked for, the answer says which one is shown."""
    odd = sedflow.Photometry(galaxy.flux * [1, 1, 30, 1, 1], galaxy.sigma, galaxy.redshift)
    engine.own["odd"] = OwnGalaxy(odd)
    asked = Request("odd", n=400, prior="provabgs")
    answer = engine.answer(asked)
    assert answer.fit.prior.sfh == answer.request.prior == "flat"
    assert "the prior stays flat" in answer.note
    state = ExplorerState(at_once(engine), galaxy="odd", n=400, prior="provabgs")
    asyncio.run(state.infer())
    assert state.prior == "flat"
    assert "the prior stays flat" in state.message
    shown = state.answer
    asyncio.run(state.infer())  # as the chooser's change makes it
    assert state.answer is shown
    assert "the prior stays flat" in state.message
    del engine.own["odd"]


def test_what_is_selected_is_what_is_drawn(answer):
    rows = [0, 10]
    axes = corner_axes(answer.columns[:, rows], ["a", "b"], ["a", "b"])
    box = {"type": "rect", "x0": 0.2, "x1": 0.6, "y0": 0.1, "y1": 0.5}
    mask, words = selected(answer.columns[:, rows], axes, box)
    low, high = axes.limits[0]
    edges = low + (high - low) * np.array([0.2, 0.6]) / 0.92
    inside = answer.columns[:, 0][mask]
    assert 0 < mask.sum() < 1000
    assert edges[0] <= inside.min() <= inside.max() <= edges[1]
    assert words.startswith("a ")
    lasso = {"type": "poly", "x": [0.2, 0.6, 0.6, 0.2], "y": [0.1, 0.1, 0.5, 0.5]}
    np.testing.assert_array_equal(selected(answer.columns[:, rows], axes, lasso)[0], mask)
    assert (
        selected(answer.columns[:, rows], axes, {**box, "x0": 1.2, "x1": 1.5, "y0": 1.2, "y1": 1.5})
        is None
    )
    one = selected(answer.columns[:, rows], axes, {**box, "y0": 1.2, "y1": 1.3})[0]
    assert one.sum() >= mask.sum()  # a histogram: its vertical extent does not matter


def test_a_selection_looks_like_its_draws(answer):
    dusty = answer.fit.draws["tau_ism"]
    mask = dusty > np.median(dusty)
    brushed = brush(answer, mask, "dusty")
    k = [q.name for q in QUANTITIES].index("tau_ism")
    assert brushed.quantiles[1, k] > np.median(dusty)
    assert brushed.share == pytest.approx(answer.fit.draws.weights[mask].sum())
    whole = brush(answer, np.ones(1000, bool), "all")
    assert whole.share == pytest.approx(1)
    np.testing.assert_allclose(whole.history["sfr"], answer.fit.history.quantiles("sfr"), rtol=1e-6)
    np.testing.assert_array_equal(whole.samples, answer.samples)  # weighted, as the rest is
    few = brush(answer, np.arange(1000) < 1, "one")
    assert (few.n, few.spectra) == (1, None)


# Figures


def test_the_spectrum_shows_the_data_in_every_unit(answer):
    galaxy = answer.fit.photometry
    pivot, flam = sedflow.photometry.band_flux(galaxy.flux, galaxy.bands)
    made = {
        unit: sed_layers(
            "title", galaxy.bands, 0.0488, data=(galaxy.flux, galaxy.sigma), unit=unit
        ).sources["data"]["y"]
        for unit in UNITS
    }
    np.testing.assert_allclose(made["flam"], flam)
    np.testing.assert_allclose(made["fnu"], galaxy.flux * 3.631, rtol=1e-6)  # nanomaggies in µJy
    np.testing.assert_allclose(made["ab"], galaxy.magnitude, atol=1e-4)
    rest = sed_layers("title", galaxy.bands, 0.0488, data=(galaxy.flux, galaxy.sigma), rest=True)
    np.testing.assert_allclose(rest.sources["data"]["x"] * 1.0488, pivot)
    assert rest.x_label.startswith("rest")


def test_a_negative_flux_is_drawn_in_every_unit():
    flux, sigma = np.array([-0.5, 3.0, np.nan, 5.0, 6.0]), np.array([0.4, 0.3, np.nan, 0.3, 0.4])
    for unit in UNITS:
        for log in (False, True):
            layers = sed_layers(
                "t", ("u", "g", "r", "i", "z"), 0.05, data=(flux, sigma), unit=unit, log=log
            )
            assert np.isfinite(layers.y_range).all()
            assert len(layers.sources["data"]["y"]) == 4


def test_whole_figures_come_from_a_fit(answer):
    fit = answer.fit
    assert sed(fit, 20).title.text == "Spectrum and photometry: NSAID 72, z = 0.0488"
    for which, unit in (("sfr", "M☉/yr"), ("zh", "Z"), ("formed", "share")):
        figure = history(fit, which)
        assert unit in figure.yaxis.axis_label
        assert "NSAID 72" in figure.title.text


def test_all_of_the_mass_has_formed_today(answer):
    formed = answer.fit.history.formed
    assert np.allclose(formed[:, 0], 1)
    assert np.allclose(formed[:, -1], 0)
    assert (np.diff(formed, axis=1) <= 1e-12).all()


def test_a_figure_is_patched_not_made_anew(answer):
    galaxy = answer.fit.photometry
    layers = sed_layers("one", galaxy.bands, 0.05, data=(galaxy.flux, galaxy.sigma))
    live = SEDFigure(layers)
    before = live.figure
    live.update(sed_layers("two", galaxy.bands, 0.05, data=(galaxy.flux * 2, galaxy.sigma)))
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
    assert one.image.max() == 255
    assert f"{np.median(theta[:, 0]):.2f}" in one.values[0]
    assert len(sources["truth"].data["x"]) > 0
    bare = CornerFigure(
        axes, {"exact": one}, colors, truth=np.median(theta, 0), title="one", titled=False
    )
    held, truth = (bare._sources[name].data for name in ("held", "key_truth"))
    assert truth["y"][0] < held["y"][0]  # below what the page's buttons cover
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


def test_numbers_below_the_corner_plot_do_not_touch():
    limits = np.array([[9.8, 11.2], [0, 2], [-2, 1], [-1, 1], [0, 13], [-2.5, 0.4]])
    below, beside = _ticks(limits, 6)
    assert all(n >= 2 for n in np.unique(np.floor(beside["y"]), return_counts=True)[1])
    width = 0.0165 * 6 * np.array([len(text) for text in below["text"]])  # as in the app
    x = np.array(below["x"])
    assert (np.diff(x) > 0.5 * (width[1:] + width[:-1])).all()
    assert set(np.floor(x)) == set(range(6))


def test_many_quantities_have_one_line_each():
    samples = np.random.default_rng(0).normal(size=(300, 20))
    for n, lines in ((6, 2), (12, 1), (20, 1)):
        names = [str(k) for k in range(n)]
        axes = corner_axes(samples[:, :n], names, names)
        corner = CornerFigure(axes, {"exact": corner_set(samples[:, :n], axes)}, {"exact": "red"})
        texts = corner.figure.select_one({"name": "corner_values"}).data["text"]
        assert {len(text.splitlines()) for text in texts} == {lines}


def test_zero_has_no_sign():
    assert interval(np.array([-1.2, -0.004, 0.4])) == "0.00 +0.40 −1.20"


def test_what_a_button_does_is_said_to_a_mouse(engine):
    explorer = Explorer(engine.nsa, engine=engine)
    assert "Play through" in explorer.walk.button.get_root().html_attributes["title"]
    observe = Observatory("ugriz", engine, lambda: None).line.select(HintButton)[0]
    assert "noisy observation" in observe.get_root().html_attributes["title"]
    hinted = explorer.screen.select(lambda one: hasattr(one, "_hint"))
    assert len(hinted) > 8 and all(len(one._hint) > 4 for one in hinted)


def test_a_page_that_opens_with_a_galaxy_beyond_the_grid_says_so(engine):
    far = sedflow.Photometry([20.0, 30.0, 35.0], [0.4, 0.5, 0.5], 1.2, ("g", "r", "i"))
    explorer = Explorer(
        engine.nsa, engine=engine, start={"galaxy": engine.add("far", OwnGalaxy(far)), "n": 300}
    )
    asyncio.run(explorer.state.infer())
    assert explorer.verdict.heading.object == "## No posterior of far"
    assert "redshift = 1.2 is outside" in explorer.state.message
    assert all(button.disabled for button in explorer._actions)
    assert explorer.places.empty.visible and not explorer.places.box.visible


# The catalogue


def test_a_galaxy_of_ones_own_is_found_before_those_of_the_atlas(nsa):
    assert find(" 2490 ", nsa) == "2490"
    assert find("NGC 3522", nsa) == "111607"
    assert find(" NGC 3522 ", nsa, own={"NGC 3522": None}) == "NGC 3522"
    assert find("mock 1", nsa, own={"mock 1": None}) == "mock 1"
    with pytest.raises(SedflowError, match="neither an NSAID nor a known name"):
        find("mock 1", nsa)


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


def test_a_galaxy_of_ones_own_is_marked_on_the_map_where_its_bands_allow(nsa):
    def mine(bands):
        at = sedflow.Photometry([10.0, 20.0], [0.5, 0.5], 0.05, bands)
        return OwnGalaxy(at)

    view = AtlasView(nsa, {"mine": mine(("g", "r")), "other": mine(("r", "i"))})
    view.galaxy = "mine"
    r, color = 22.5 - 2.5 * np.log10(20), 2.5 * np.log10(2)
    assert view._chosen.data["x"] == pytest.approx([r])
    assert view._chosen.data["y"] == pytest.approx([color])
    view._axes.value = "redshift and magnitude"
    assert view._chosen.data["x"] == pytest.approx([0.05])
    view._axes.value = "sky"
    assert len(view._chosen.data["x"]) == 0
    view._axes.value = "colour and magnitude"
    view.galaxy = "other"
    assert len(view._chosen.data["x"]) == 0


# Views


def test_a_galaxy_is_picked_shown_and_brushed(nsa, posterior):
    async def main():
        explorer = Explorer(nsa, posterior)
        explorer.state._run = at_once(explorer.engine)
        explorer.state.n = 300
        for galaxy in (str(nsa.ids[3]), "72"):
            explorer.state.galaxy = galaxy
            await explorer.state.infer()
        return explorer

    explorer = asyncio.run(main())
    assert explorer.verdict.heading.object == "## NSAID 72 · z = 0.0488"
    assert explorer.corner.figure.title.text == "NSAID 72, z = 0.0488"
    assert "log M★ [M☉ formed]" in explorer.derived.rows[0]["quantity"]
    assert explorer.derived.table.object.count('scope="row"') == len(QUANTITIES)
    assert "selected" not in explorer.derived.table.object
    box = {"type": "rect", "x0": 0.1, "x1": 0.9, "y0": 4.0, "y1": 4.5}
    asyncio.run(explorer.corner.select("corner", box))
    assert "selected" in explorer.derived.table.object
    assert len(explorer.light.sed.sources["brushed"].data["x"]) > 100
    assert len(explorer.histories.figures["sfr"].sources["brushed"].data["x"]) > 10
    rim = list(explorer.corner.plot._sources["outline"].data["x"])
    assert rim == pytest.approx([0.1, 0.9, 0.9, 0.1, 0.1])
    explorer.clear()
    assert len(explorer.light.sed.sources["brushed"].data["x"]) == 0
    assert len(explorer.corner.plot._sources["outline"].data["x"]) == 0
    assert explorer.__panel__() is not None


def test_an_older_drawing_that_begins_late_does_not_keep_the_newer_from_the_page(
    nsa, posterior, monkeypatch
):
    """The selection is cleared and a galaxy picked: the page stayed with the galaxy before."""
    explorer = Explorer(nsa, posterior)
    explorer.state._run = at_once(explorer.engine)
    explorer.state.n = 300

    async def pick(galaxy):
        explorer.state.galaxy = galaxy
        await explorer.state.infer()

    begun = []

    async def prepare(answer, brushed, changed):  # a busy worker computes the last alone
        begun.append(answer)
        await asyncio.sleep(0.01)
        return answer is begun[-1]

    asyncio.run(pick("72"))
    tasks = []
    monkeypatch.setattr(explorer.corner, "prepare", prepare)
    monkeypatch.setattr("sedflow.dashboard.pages.explore.is_served", lambda figure: True)
    monkeypatch.setattr(pn.state, "execute", tasks.append)
    explorer._draw(explorer.state.answer)  # as when a selection is cleared
    asyncio.run(pick("2490"))

    async def both():
        await asyncio.gather(*(task() for task in reversed(tasks)))

    assert len(tasks) == 2
    asyncio.run(both())
    assert explorer.corner.figure.title.text.startswith("NSAID 2490,")


def test_a_galaxy_with_a_name_is_shown_with_it_and_a_link_to_the_sky(engine, posterior):
    explorer = Explorer(engine.nsa, posterior)
    sky = explorer.verdict.sky
    explorer.verdict.show(engine.answer(Request("111607", n=300)))
    assert explorer.verdict.heading.object.startswith("## NGC 3522 · NSAID 111607 · z = 0.0")
    assert sky.visible
    assert re.search(r'href="https://\S+ra=166.66862\S+dec=20.08554', sky.object)
    assert 'target="_blank" rel="noopener noreferrer"' in sky.object
    explorer.verdict.show(engine.answer(Request("72", n=300)))  # has no published position
    assert not sky.visible
    mine = engine.add("111607 of mine", OwnGalaxy(engine.photometry("111607")))
    assert (engine.name(mine), engine.sky_link(mine)) == ("", "")
    assert (engine.name("1"), engine.sky_link("no number")) == ("", "")


def test_the_table_has_the_names_of_the_galaxies():
    nsa = sedflow.load_nsa()
    table = AtlasView(nsa).table.set_index("NSAID")
    assert table["name"]["111607"] == "NGC 3522"
    assert table["name"]["72"] == ""
    assert (table["name"] != "").sum() == len(nsa.match.entry_of)


def test_the_shelf_leaves_its_galaxies_in_the_table_and_says_what_to_look_at(engine, posterior):
    explorer = Explorer(engine.nsa, posterior)
    view, verdict = explorer.atlas, explorer.verdict
    view.galaxy = "2490"
    view._shelf.value = True
    assert list(view._list.current_view["NSAID"]) == [str(one.nsaid) for one in shelf()]
    assert (np.asarray(view._points.data["alpha"]) > 0.5).sum() <= len(shelf())
    view.step(1)
    assert view.galaxy == str(shelf()[0].nsaid)
    view._list._process_event(CellClickEvent(None, "z", 2))  # the third on screen
    assert view.galaxy == str(shelf()[2].nsaid)
    verdict.show(engine.answer(Request(view.galaxy, n=300)))
    assert verdict.line.visible
    assert verdict.line.object == plain(shelf()[2].line)
    verdict.show(engine.answer(Request("2490", n=300)))
    assert not verdict.line.visible
    whole = {f"{axis}{end}": limit for axis in "xy" for end, limit in ((0, -1e9), (1, 1e9))}
    view._box(whole)  # the button counts what the table has, not what is in the box
    assert view._clear.label == f"Show all galaxies (now {len(shelf())})"
    view._shelf.value = False
    assert view._clear.label == f"Show all galaxies (now {len(view.table):,})"
    view._box(None)
    assert len(view._list.current_view) == len(view.table)
    few = AtlasView(engine.nsa.select(np.arange(5)))
    assert np.all(few._points.data["alpha"] == 0.9)
    assert not few._shelf.visible


def test_what_is_pressed_waits_for_the_galaxy_that_was_just_chosen(engine, posterior, monkeypatch):
    """MCMC ran for the galaxy before, while the page said that the next one was computed."""
    explorer, began = Explorer(engine.nsa, posterior, engine=engine), []
    reference, state = explorer.reference, explorer.state
    monkeypatch.setattr(
        reference, "_begin", lambda method: began.append((method, reference.answer.request.galaxy))
    )
    first, second = (engine.answer(Request(name, n=300)) for name in ("72", "2490"))
    with param.parameterized.discard_events(state):
        state.galaxy = "72"
    state.answer = first
    reference.start("smc")
    assert began == [("smc", "72")]
    with param.parameterized.discard_events(state):
        state.galaxy = "2490"
    explorer.pin()
    reference.start("ladder")
    assert len(began) == 1 and explorer.pinned is None
    state.answer = second
    assert began[1:] == [("ladder", "2490")]
    assert explorer.pinned.request.galaxy == "2490"


def test_the_figure_for_paper_is_named_after_its_galaxy_and_made_as_chosen(engine):
    panel = PaperPanel(engine)
    assert asyncio.run(panel._make()) is None
    panel.show(engine.answer(Request("72", n=300)))
    assert panel.button.filename == "NSAID72-corner.pdf"
    panel.show(engine.answer(Request("111607", n=300)))
    assert panel.button.filename == "NGC3522-corner.pdf"
    panel.kind.value, panel.width.value, panel.form.value = "spectrum", "page", "svg"
    assert panel.button.filename == "NGC3522-spectrum.svg"
    assert panel.choice == FigureChoice("spectrum", width="page", form="svg")
    assert b"<svg" in asyncio.run(panel._make())[:1000]
    panel.form.value = "py"
    assert panel.button.filename == "NGC3522-spectrum.py"
    assert b"figures.paper_spectrum(" in asyncio.run(panel._make())


def test_draws_of_mcmc_wait_at_their_galaxy(engine, answer):
    panel = CornerPanel()
    panel.show(answer)
    panel.add_mcmc(answer.columns[:100], answer.request)
    assert "mcmc" in panel._sets.value
    other = engine.answer(Request("2490", n=300))
    panel.show(other)
    assert panel.mcmc is None
    assert "mcmc" not in panel._sets.value
    panel.add_mcmc(other.columns[:50], Request("2503"))  # of a galaxy that is not shown
    assert panel.mcmc is None
    panel.show(answer)
    np.testing.assert_array_equal(panel.mcmc, answer.columns[:100])


def test_the_legend_has_the_model_before_where_it_differs():
    view = ForwardView()

    def listed():
        return {item.label.value for item in view.light.sed._legend.items}

    view._keep(True)
    assert {"pinned", "model"} <= listed() and "before" not in listed()
    old = view.state.tau_ism
    view.state.tau_ism = old + 0.5
    assert "before" in listed()
    view.state.tau_ism = old
    assert "before" not in listed()
    view._parts.value = True
    assert "before" not in listed()


def test_the_flux_axis_follows_the_model_but_not_every_step():
    view = ForwardView()

    def top():
        return view.light.sed.figure.y_range.end

    before = top()
    view.state.log_mstar = view.state.log_mstar - 0.2
    assert top() == before  # the curve moves, not the axis
    view.state.log_mstar = 11.8
    assert top() > before
    view._keep(True)
    view.state.log_mstar = 9.0
    assert top() < before  # a bright curve that is pinned does not flatten this one
    for unit in ("fnu", "ab", "flam"):
        for log in (False, True):
            view.options.param.update(unit=unit, log=log)
            assert np.isfinite([view.light.sed.figure.y_range.start, top()]).all()


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
    view.knobs.preset.value = "quiescent"
    assert view.sliders["beta4"].value == 0.7
    view._parts.value = True
    total = sum(view.data["parts"].values())
    np.testing.assert_allclose(total, view.data["flux"], rtol=1e-9)


def test_a_signal_to_noise_is_asked_for_where_it_counts(engine):
    observatory = ForwardView(engine=engine).observatory
    assert observatory.snr.disabled
    observatory.noise.value = "one S/N"
    assert not observatory.snr.disabled
    observatory.noise.value = "like the NSA"
    assert observatory.snr.disabled


def test_four_shares_of_zero_are_said_and_are_no_galaxy(engine):
    view = ForwardView(engine=engine)
    view.state.preset("quiescent")
    shown = view.data["flux"]
    view.sliders["beta2"].value = view.sliders["beta3"].value = view.sliders["beta4"].value = 0.0
    assert view._magnitudes.object.startswith("All four β are 0")
    assert view.data["theta"]["beta4"] == 1.0  # the galaxy before
    view.observe()
    view._pin.clicks += 1
    assert "Not observed: all four" in html.unescape(view.observatory._said.object)
    assert not view.observed and view.pinned is None
    view.sliders["beta4"].value = 0.7
    assert view._magnitudes.object.startswith("AB magnitudes")
    assert view.observatory._said.object == ""  # which was of the galaxy before
    assert not np.array_equal(shown, view.data["flux"])
    zero = dict.fromkeys(("beta1", "beta2", "beta3", "beta4"), "0")
    _, forward, notices = decode(zero | {"tau_ism": "0.4"}, ExplorerState(run=None), ForwardState())
    assert forward == {"tau_ism": 0.4} and notices[0].startswith("all four β are 0")
    pinned = encode_pinned(pinned_values(ForwardState(beta1=0, beta2=0, beta3=0, beta4=0)))
    assert decode_pinned(pinned)[0] is None


def test_a_mock_is_observed_and_its_truth_marked(engine):
    view = ForwardView(engine=engine)
    view.observatory.missing.value = ["u"]
    view.observe()
    name = view.observed
    shown = engine.answer(Request(name, n=300))
    assert shown.fit.photometry.observed.bands == ("g", "r", "i", "z")
    np.testing.assert_allclose(shown.truths[:12], as_theta(view.state.theta()))
    del engine.own[name]


def test_a_field_that_was_emptied_is_told_or_keeps_what_there_was(engine):
    """Without a signal-to-noise a mock had the atlas' errors, without a seed no name."""
    view = Observatory("ugriz", engine, lambda: ("ugriz", np.full(5, 30.0), 0.05, None, ""))
    view.noise.value = "one S/N"
    for field, value, told in (
        (view.snr, None, "signal-to-noise is empty; type a number from 1 to 1000"),
        (view.snr, -5.0, "signal-to-noise = \N{MINUS SIGN}5 is outside 1 to 1000; type one inside"),
        (view.seed, None, "seed of the noise is empty; type a number from 0 to 2147483647"),
        (view.seed, 2**31, "seed of the noise = 2147483648 is outside 0 to 2147483647; type one"),
    ):
        before, field.value = field.value, value
        view.observe()
        assert f"Not observed: {told}" in html.unescape(view._said.object)
        assert field.start is None and field.end is None  # or the browser keeps the number
        field.value = before
        assert view._said.object == ""
    assert not view.observed
    state = ExplorerState(run=None)
    field = whole_field(state, "n", label="draws")
    for typed, kept in ((None, 3000), (-3, 100), (10**9, 20_000), (500, 500)):
        field.value = typed
        assert state.n == kept and field.value in (typed, kept)


def test_observing_many_times_scatters_as_the_errors_say():
    flux = np.array([10.0, 20.0, 30.0, 40.0, 50.0])
    pulls = []
    for seed in range(300):
        seen = observe(flux, 0.05, ("u", "g", "r", "i", "z"), seed, snr=20)
        np.testing.assert_allclose(seen.sigma, flux / 20)
        pulls.append((seen.flux - flux) / seen.sigma)
    assert abs(np.mean(pulls)) < 4 / np.sqrt(1500)
    assert np.std(pulls) == pytest.approx(1, abs=0.08)


def test_what_is_pinned_is_compared_on_the_same_axes(engine, answer):
    view = CompareView()
    view.look()
    view.pin(answer)
    view.pin(engine.answer(Request("2490", n=1000)))
    table = view._table.value
    assert list(table.columns[1:3]) == ["NSAID 72", "NSAID 2490"]
    a, b = (np.median(one.samples[:, 0]) for one in view.pins)
    said = float(table["difference"].iloc[0].replace("−", "-"))
    assert said == pytest.approx(b - a, abs=0.02)
    assert len(view._corner._sources["contours_pin1"].data["x"]) > 0
    # The page plays a walk on Explore by the names of models, which must be there once.
    one = CornerFigure(corner_axes(answer.samples[:, :2], NAMES[:2], NAMES[:2]), {}, {})
    theirs = {one.figure.name, *(source.name for source in one._sources.values())}
    ours = {view._corner.figure.name, *(s.name for s in view._corner._sources.values())}
    assert "corner_walk" in theirs and not theirs & ours
    assert "pinned already" in view.pin(answer)
    many = replace(answer, request=replace(answer.request, n=20_000))
    assert "keeps up to 6,000" in view.pin(many)
    view.unpin(0)
    assert [one.request.galaxy for one in view.pins] == ["2490"]
    assert len(view._corner._sources["contours_pin0"].data["x"]) == 0


def test_a_pin_is_of_the_galaxy_in_the_heading_once_it_is_there(nsa, engine):
    """Of a galaxy just chosen, the posterior of the one before was pinned."""

    async def main():
        explorer = Explorer(nsa, engine=engine)
        await settled(explorer)
        explorer.state.galaxy = "2490"
        explorer.pin()
        assert explorer.pinned is None
        await settled(explorer)
        assert explorer.pinned.request.galaxy == "2490"
        explorer.state.galaxy = "2503"
        explorer.pin()
        explorer.state.galaxy = "2507"  # and on, before it was there
        await settled(explorer)
        assert explorer.pinned.request.galaxy == "2490"

    async def settled(explorer):
        for _ in range(600):
            answer = explorer.state.answer
            if answer is not None and answer.request.galaxy == explorer.state.galaxy:
                return
            await asyncio.sleep(0.05)

    asyncio.run(main())


def test_a_pin_keeps_its_color_while_others_come_and_go(engine):
    async def main():
        view = CompareView(engine)
        view.look()
        pins = [engine.answer(Request("72", n=200, seed=seed)) for seed in range(1, 5)]
        for one in pins[:3]:
            view.pin(one)
        view.unpin(1)
        lines = view._figures["light"].sources
        there = [len(lines[f"line_pin{k}"].data["x"]) > 0 for k in range(3)]
        left = encode_pins(view.requests)
        again = CompareView(engine)
        again.restore(decode_pins(left, ExplorerState(run=None), MOST_PINS)[0])
        while again._waiting:
            await asyncio.sleep(0.02)
        view.pin(pins[3])  # the first color that is free
        seeds = [[one.seed for one in page.requests if one] for page in (again, view)]
        return there, left, encode_pins(again.requests), seeds

    there, left, again, seeds = asyncio.run(main())
    assert there == [True, False, True]
    assert again == left == "72~~~~200;;72~~~~200~3"
    assert seeds == [[1, 3], [1, 4, 3]]


def test_a_faint_galaxy_does_not_lie_at_zero_beside_a_bright_one(engine):
    view = CompareView()
    view.look()
    for galaxy in ("141541", "2490"):  # M 87, 500 times as bright
        view.pin(engine.answer(Request(galaxy, n=300)))
    figure = view._figures["light"].figure
    assert figure.yaxis.axis_label == UNITS["ab"]
    assert figure.y_range.start > figure.y_range.end  # magnitudes
    for slot in ("pin0", "pin1"):
        y = np.asarray(view._figures["light"].sources[f"data_{slot}"].data["y"])
        assert ((y > figure.y_range.end) & (y < figure.y_range.start)).all()
    view.unpin(0)
    assert figure.yaxis.axis_label == UNITS["flam"]
    assert figure.y_range.start == 0.0


def test_the_numbers_above_a_corner_plot_are_those_of_the_table(answer):
    rows = list(range(len(QUANTITIES)))
    _, sets = CornerPanel._computed(answer, None, None, None, rows, ["exact"])
    table = [interval(answer.quantiles[:, k]) for k in rows]
    assert [text.replace("\n", " ") for text in sets["exact"].values] == table
    view = CompareView()
    view.look()
    view.pin(answer)
    shown = [text.replace("\n", " ") for text in view._corner._sources["values"].data["text"]]
    assert shown and set(shown) <= set(table)


def test_spectra_of_a_link_are_drawn_before_its_last_pin_is_computed(engine, monkeypatch):
    """Six pins showed empty boxes until all were there."""
    monkeypatch.setattr("sedflow.dashboard.pages.compare.whose", lambda: ("10.0.0.1", "s"))

    async def main():
        view = CompareView(engine)
        view.look()
        view.pin(engine.answer(Request("72", n=400)))
        view._waiting = {"pin1": Request("2490", n=400)}
        view._show()
        for _ in range(100):
            await asyncio.sleep(0.02)
            if "light" in view._figures:
                break
        assert "light" in view._figures and "sfr" in view._figures

    asyncio.run(main())


def test_a_button_that_unpins_is_the_same_while_other_pins_come(engine, answer):
    """Each pin that came replaced all of them, and a click on one of before was lost."""
    view = CompareView()
    view.look()
    view.pin(answer)
    button = view._buttons["pin0"]
    view.pin(engine.answer(Request("2490", n=1000)))
    assert view._buttons["pin0"] is button and button in list(view._chips)
    button.clicks += 1
    assert [one.request.galaxy for one in view.pins] == ["2490"]
    button.clicks += 1  # a second click
    assert len(view.pins) == 1


def test_at_most_six_are_pinned(engine):
    view = CompareView()
    for seed in range(1, MOST_PINS + 1):
        view.pin(engine.answer(Request("72", n=200, seed=seed)))
    assert "limit" in view.pin(engine.answer(Request("2490", n=200)))
    assert len(view.pins) == MOST_PINS


def test_a_pin_is_named_by_what_differs(engine, answer):
    fewer = engine.answer(Request("72", n=1000, bands=("g", "r")))
    assert differing([answer, fewer], ["M 1"] * 2) == ["bands u g r i z", "bands g r"]
    other = engine.answer(Request("2490", n=1000))
    assert differing([answer, other], ["M 1", "NSAID 2490"]) == ["M 1", "NSAID 2490"]
    assert differing([answer], ["M 1"]) == ["M 1"]
    wrong = engine.answer(Request("137045", n=1000))
    assert differing([answer, wrong], ["M 1", "NGC 3193"]) == ["M 1", "NGC 3193 · ≠ misfit"]


@pytest.mark.parametrize("which", ["sfr", "zh", "formed"])
def test_a_box_in_a_history_selects_the_draws_that_pass_through_it(answer, which):
    history = answer.fit.history
    values = getattr(history, which)
    k = 20
    x = float(history.edges[k])
    middle = float(np.median(values[:, k]))
    box = {"type": "rect", "x0": x - 0.01, "x1": x + 0.01, "y0": 0.0, "y1": middle}
    mask, words = through(answer, which, box)
    assert 0.4 < mask.mean() < 0.75
    assert (values[mask, k - 1 : k + 2].min(axis=1) <= middle).all()
    assert "Gyr ago" in words
    with pytest.raises(SedflowError, match="drag over the curves"):
        through(answer, which, {**box, "x0": -3.0, "x1": -2.0})


def test_a_line_that_crosses_a_narrow_box_is_selected(answer):
    """No edge of the history lies inside, and no draw was found."""
    history = answer.fit.history
    x = float(history.edges[20:22].mean())
    crossing = np.array([np.interp(x, history.edges, one) for one in history.formed])
    middle = float(np.median(crossing))
    box = {"type": "rect", "x0": x - 1e-6, "x1": x + 1e-6, "y0": middle, "y1": 1.0}
    mask, _ = through(answer, "formed", box)
    np.testing.assert_array_equal(mask, crossing >= middle)


def test_a_box_in_the_residuals_selects_the_draws_with_such_residuals(answer):
    galaxy = answer.fit.photometry
    pull = (galaxy.flux - answer.fit.predicted.flux) / galaxy.sigma
    box = {
        "type": "rect",
        "x0": 4000.0,
        "x1": 5500.0,
        "y0": -9.0,
        "y1": float(np.median(pull[:, 1])),
    }
    mask, words = within(answer, box)
    np.testing.assert_array_equal(mask, (pull[:, 1] <= box["y1"]) & (pull[:, 1] >= -9))
    assert words.startswith("residual in g ")
    with pytest.raises(SedflowError, match="no band is inside this box"):
        within(answer, {**box, "x0": 100.0, "x1": 200.0})


def test_a_band_that_is_left_out_is_shown_beside_what_the_others_predict(engine):
    explorer = Explorer(engine.nsa, engine=engine, start={"bands": ["u", "g", "i", "z"], "n": 300})
    explorer.state._run = at_once(engine)
    asyncio.run(explorer.state.infer())
    assert list(explorer.light.sed.sources["left"].data["band"]) == ["r"]
    assert "r" not in list(explorer.light.sed.sources["data"].data["band"])
    assert len(explorer.light.pull.sources["left"].data["x"]) == 1
    explorer.state.bands = []
    asyncio.run(explorer.state.infer())
    assert len(explorer.light.sed.sources["left"].data["x"]) == 0


def test_a_typed_galaxy_is_photometry_or_a_sentence():
    galaxy = typed_galaxy(
        {"g": (17.0, 0.02), "r": (16.5, 0.02), "u": (None, None)}, 0.05, "AB magnitudes"
    )
    assert galaxy.bands == ("g", "r")
    np.testing.assert_allclose(galaxy.magnitude, [17.0, 16.5])
    np.testing.assert_allclose(galaxy.magnitude_error, 0.02)
    one = typed_galaxy({"r": (3.631, 0.1)}, 0.05, "µJy")
    assert one.flux[0] == pytest.approx(1.0)
    for values, z in (({"g": (17.0, 0.0)}, 0.05), ({}, 0.05), ({"g": (1.0, 0.1)}, -1.0)):
        with pytest.raises(SedflowError):
            typed_galaxy(values, z, "nanomaggies")
    with pytest.raises(SedflowError, match="band r has an error and no value"):
        typed_galaxy({"g": (17.0, 0.1), "r": (None, 0.1)}, 0.05, "AB magnitudes")
    with pytest.raises(SedflowError, match=r"99 in band r says in catalogues.*; type what was"):
        typed_galaxy({"g": (17.0, 0.1), "r": (99.0, 0.1)}, 0.05, "AB magnitudes")


def test_the_session_opens_every_page(engine):
    async def main():
        one = Page(engine, {"galaxy": "2490", "n": "300", "view": "forward", "tau_ism": "9"})
        one.explorer.state._run = at_once(engine)
        await one.explorer.state.infer()
        for key in one.keys:
            one.show(key)
        one.show("explore")
        return one

    one = asyncio.run(main())
    assert "tau_ism = 9 was changed to 3;" in one.notices[0]
    assert one.values() == {"galaxy": "2490", "n": "300"}


def said(page):
    """What the page's frame was told last."""
    return json.loads(page.frame.now)


def test_back_leads_to_the_page_and_the_galaxy_before(engine):
    async def main():
        one = Page(engine, {"galaxy": "72", "n": "300"})
        one.explorer.state._run = at_once(engine)
        await one.explorer.state.infer()
        return one

    one = asyncio.run(main())
    first = said(one)
    assert not first["push"]
    one.frame._heard("value", "", "1 view forward")
    assert said(one)["push"]
    assert said(one)["view"] == "forward"
    one.forward_state.tau_ism = 1.0
    assert not said(one)["push"]  # a slider is not a place
    assert "tau_ism=1" in said(one)["query"]
    one.frame._heard("value", "", "2 find 2490")
    assert said(one)["view"] == "explore"
    assert one.explorer.state.galaxy == "2490"
    one.frame._heard("value", "", "3 view validate")
    one.frame._heard("value", "", f"4 go {first['n']}")
    assert (said(one)["view"], one.explorer.state.galaxy) == ("explore", "72")
    assert not said(one)["push"]
    for odd in (
        "",
        "5",
        "6 go",
        "7 go ²",
        "8 go -1",
        "9 view nothing",
        "10 theme pink",
        "11 find ",
    ):
        one.frame._heard("value", "", odd)
    assert said(one)["view"] == "explore"


def test_back_undoes_what_a_remedy_did(engine):
    """It led out of the app, and the button that did it was gone."""
    one = Page(engine, {"galaxy": "72", "n": "300"})
    first, state = said(one), one.explorer.state
    state.bands = ["u", "g", "i", "z"]
    assert said(one)["push"]
    state.weights = "nsa-ugriz-fsps-gas"
    assert said(one)["push"]
    one.frame._heard("value", "", f"1 go {first['n'] + 1}")
    assert (state.weights, state.bands) == ("nsa-ugriz-fsps", ["u", "g", "i", "z"])
    one.frame._heard("value", "", f"2 go {first['n']}")
    assert (state.weights, state.bands, said(one)["push"]) == ("nsa-ugriz-fsps", [], False)


def test_back_leads_to_the_galaxy_of_the_lesson_before(engine):
    one = Page(engine, {"view": "learn", "lesson": "fit-by-hand", "step": "2", "lesson_seed": "5"})
    first, learn = said(one), one.views["learn"]
    learn.galaxy = 2490
    assert said(one)["push"] and "lesson_galaxy=2490" in said(one)["query"]
    learn.step = 3
    one.frame._heard("value", "", f"1 go {first['n'] + 1}")
    assert (learn.galaxy, learn.step, learn.seed) == (2490, 2, 5)
    one.frame._heard("value", "", f"2 go {first['n']}")
    assert (learn.galaxy, learn.step, learn.seed) == (72, 2, 5)
    assert not said(one)["push"]


def test_a_notice_leaves_when_its_number_is_put_right(engine):
    async def main():
        one = Page(engine, {"galaxy": "72", "n": "50", "seed": "-1"})
        one.explorer.state._run = at_once(engine)
        await one.explorer.state.infer()
        one.explorer.state.n = 300
        await one.explorer.state.infer()
        form = one.explorer.corner._controls.ranges
        form.low.value = "many"
        form._button.clicks += 1
        wrong = [text for _, text, _ in said(one)["says"]]
        form.low.value = "0"
        await one.explorer.corner.select_range("log_mstar", 0.0, None)
        return one, wrong

    one, wrong = asyncio.run(main())
    assert {text.partition(" ")[0] for text in wrong} == {"seed", "from"}
    assert [text.partition(" ")[0] for _, text, _ in said(one)["says"]] == ["seed"]
    one.frame._heard("value", "", "1 view forward")
    one.frame._heard("value", "", f"2 go {said(one)['n'] - 1}")
    assert len(said(one)["says"]) == 1  # Back does not say it again


def test_keys_step_through_the_list_and_pin(engine):
    async def main():
        one = Page(engine, {"galaxy": "2489", "n": "300"})
        one.explorer.state._run = at_once(engine)
        await one.explorer.state.infer()
        one.frame._heard("value", "", "1 next")
        await one.explorer.state.infer()
        one.frame._heard("value", "", "2 pin")
        return one

    one = asyncio.run(main())
    assert one.explorer.state.galaxy == "2490"
    assert one.values()["pins"] == "2490~~~~300"
    assert "Pinned NSAID 2490" in said(one)["says"][-1][1]
    one.frame._heard("value", "", "3 previous")
    assert one.explorer.state.galaxy == "2489"


def test_a_dark_page_keeps_what_was_done(engine):
    one = Page(engine, {"galaxy": "72"})
    one.show("forward")
    one.forward_state.preset("dusty")
    before = one.values()
    one.frame._heard("value", "", "1 theme dark")
    assert one.values() == {**before, "theme": "dark"}
    one.frame._heard("value", "", "2 theme light")
    assert one.values() == before


def test_a_page_is_as_dark_as_the_system_of_its_visitor(engine):
    one = Page(engine, {"galaxy": "72"})
    before = one.values()
    one.frame._heard("value", "", "1 system dark")
    assert one.dark and one.values() == before  # a link to it is as the other's system has it
    one.frame._heard("value", "", "2 theme light")
    assert not one.dark and one.values() == {**before, "theme": "light"}
    one.frame._heard("value", "", "3 theme dark")
    assert one.dark and one.values() == before
    other = Page(engine, {"galaxy": "72", "theme": "light"})
    other.frame._heard("value", "", "1 system dark")
    assert not other.dark and other.values() == {**before, "theme": "light"}


def test_files_are_named_after_their_galaxy(engine, answer):
    panel = DownloadsPanel(lambda answer: "", engine)
    panel.show(answer)
    assert panel.files.buttons["fit.h5"].filename == "NSAID72-fit.h5"
    assert panel.files.buttons["posterior.py"].filename == "NSAID72-posterior.py"


def test_another_selection_is_drawn_as_if_everything_were_computed_again(answer):
    rows, shown = [0, 3, 12], ["exact", "network"]
    now = (answer, None, None, None, rows, shown)
    first = CornerPanel._computed(*now)
    upper = brush(answer, answer.columns[:, 0] > np.median(answer.columns[:, 0]), "upper half")
    then = (answer, upper, None, None, rows, shown)
    axes, sets = _reselected(now, first, then)
    whole_axes, whole = CornerPanel._computed(*then)
    np.testing.assert_array_equal(axes.limits, whole_axes.limits)
    assert list(sets) == list(whole) == ["exact", "network", "selected"]
    for name, one in whole.items():
        np.testing.assert_array_equal(sets[name].histograms, one.histograms)
        np.testing.assert_array_equal(sets[name].contours, one.contours)
        assert sets[name].values == one.values
    assert list(_reselected(then, (axes, sets), now)[1]) == ["exact", "network"]
    assert _reselected(now, first, (answer, upper, None, None, [0, 3], shown)) is None
    assert _reselected(now, first, (answer, upper, None, None, rows, ["network"])) is None


def test_one_panel_that_fails_leaves_no_other_at_the_galaxy_before(engine, monkeypatch):
    """File buttons had the name of the galaxy before, and a warning was not there."""
    explorer = Explorer(engine.nsa, engine=engine)
    explorer.state.answer = engine.answer(Request("72", n=300))

    def fail(*args):
        raise ValueError("of one panel")

    monkeypatch.setattr(explorer.what_if, "show", fail)
    answer = engine.answer(Request("2490", n=300))
    with pytest.raises(ValueError, match="of one panel"):
        explorer.state.answer = answer
    others = [panel for panel in explorer.panels if panel is not explorer.what_if]
    assert explorer.what_if in explorer.panels and len(others) > 5
    assert all(panel.answer is answer for panel in others)

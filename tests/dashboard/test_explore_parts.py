"""Parts of Explore: what buttons say, what a selection is, what a figure for paper has."""

import asyncio
import html
import json
import re
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import panel as pn
import pytest
from matplotlib.legend import Legend

import sedflow
from sedflow.dashboard.brush import brush
from sedflow.dashboard.engine import Engine, OwnGalaxy, Request
from sedflow.dashboard.kept import kept_fit
from sedflow.dashboard.pages import compare
from sedflow.dashboard.pages.compare import _EXAMPLES, CompareView, differing, galaxy_names
from sedflow.dashboard.pages.explore import Explorer
from sedflow.dashboard.panels import corner_sets as corner_sets_module
from sedflow.dashboard.panels.atlas import AtlasView
from sedflow.dashboard.panels.corner import CornerPanel
from sedflow.dashboard.panels.paper import OnScreen, PaperPanel
from sedflow.dashboard.panels.run_columns import in_a_word, rounded
from sedflow.dashboard.panels.settings import SettingsPanel
from sedflow.dashboard.panels.typed import TypedPanel
from sedflow.dashboard.panels.upload import UploadPanel
from sedflow.dashboard.panels.verdict import VerdictPanel, _badge, _listed
from sedflow.dashboard.quantities import MAIN_QUANTITIES, in_labels
from sedflow.dashboard.server.messages import NOT_TAKEN
from sedflow.dashboard.state import ExplorerState
from sedflow.dashboard.tabs import Page
from sedflow.dashboard.widgets import plain, typeset
from sedflow.errors import SedflowError
from sedflow.figures.base import Layers
from sedflow.figures.corner_axes import CornerAxes, box_ranges, box_rim, selected
from sedflow.figures.paper import posterior_name
from sedflow.figures.paper_galaxy import paper_history, paper_spectrum
from sedflow.figures.spectrum import SEDFigure
from sedflow.model.floors import floor_notes
from sedflow.parameters import NAMES

AXES = CornerAxes(("a", "b", "c"), ("A", "B", "C"), np.array([[0.0, 10.0]] * 3))


def box(x0, x1, y0, y1):
    return {"type": "rect", "x0": x0, "x1": x1, "y0": y0, "y1": y1}


def test_a_box_has_the_ranges_of_its_panel_and_finds_its_place_on_other_axes():
    found = box_ranges(AXES, box(0.092, 0.46, 1.0 + 0.276, 1.0 + 0.552))
    assert [name for name, *_ in found] == ["a", "b"]
    np.testing.assert_allclose([ends for _, *ends in found], [[1.0, 5.0], [3.0, 6.0]])
    x, y = box_rim(AXES, found)
    np.testing.assert_allclose(x, [0.092, 0.46, 0.46, 0.092, 0.092])
    np.testing.assert_allclose(y, [1.276, 1.276, 1.552, 1.552, 1.276])
    wider = CornerAxes(("c", "a", "b"), ("C", "A", "B"), np.array([[0.0, 20.0]] * 3))
    x, y = box_rim(wider, found)
    np.testing.assert_allclose(x[:2], [1 + 0.046, 1 + 0.23])
    np.testing.assert_allclose([y[0], y[2]], [0.138, 0.276])
    assert box_rim(CornerAxes(("a",), ("A",), AXES.limits[:1]), found) == ()
    only = box_ranges(AXES, box(1.092, 1.46, 1.1, 1.4))
    assert [name for name, *_ in only] == ["b"]
    assert box_rim(AXES, only)[1] == [1.0, 1.0, 1.92, 1.92, 1.0]


@pytest.mark.parametrize("drawn", [box(-0.1, 2.9, -0.1, 2.9), box(-0.2, 1.0, 0.99, 1.95)])
def test_a_box_over_whole_panels_selects_nothing_and_says_so(drawn):
    with pytest.raises(SedflowError, match="draw it inside one panel"):
        selected(np.ones((5, 3)), AXES, drawn)


def test_no_button_says_exact_of_draws_that_are_not(answer):
    panel = CornerPanel()
    panel.show(answer)
    assert panel._sets.options["exact"] == "exact"
    panel.show(replace(answer, fit=answer.network, request=Request("2490", n=1000)))
    assert list(panel._sets.options) == ["not exact", "network", "MCMC", "prior"]
    assert panel._sets.value == ["exact"]
    panel.show(answer)
    assert "exact" in panel._sets.options


def test_mcmc_cannot_be_shown_before_it_has_run(answer):
    panel = CornerPanel()
    panel.show(answer)
    panel._sets.value = ["exact", "mcmc"]
    assert panel._sets.value == ["exact"]
    assert "no MCMC" in panel.message


def test_a_band_that_was_not_measured_is_struck_through(engine, galaxy):
    state = ExplorerState(run=None)
    panel = SettingsPanel(state, lambda name: list("ugriz"))
    only = galaxy.in_bands(("g", "r", "i", "z"))
    name = engine.add("without u", OwnGalaxy(only))
    state.answer = engine.answer(Request(name, n=300))
    assert "nth-child(1)" in "".join(panel.bands.stylesheets)
    assert "nth-child(2)" not in "".join(panel.bands.stylesheets)
    state.answer = engine.answer(Request("72", n=300))
    assert "nth-child" not in "".join(panel.bands.stylesheets)


def test_what_was_wrong_with_a_typed_galaxy_goes_when_it_is_typed_again():
    panel = TypedPanel(Engine(None))
    panel._values["g"][0].value = 17.0
    panel.infer()
    assert panel._note.object.startswith("Band g has no error")
    panel._values["g"][1].value = 0.02
    assert panel._note.object == ""


def test_a_band_whose_texts_were_refused_is_not_left_out_without_a_second_press():
    panel = TypedPanel(Engine(None))
    for band in "gr":
        panel._values[band][0].value, panel._values[band][1].value = 17.0, 0.02
    panel._values["u"][0].placeholder = NOT_TAKEN
    panel.infer()
    assert panel._note.object.startswith("What was typed for u is not a number")
    assert not panel.chosen and panel._values["u"][0].placeholder == ""
    panel.infer()
    assert panel.chosen == "my galaxy"


def test_a_refused_band_is_told_after_another_sentence_too():
    panel = TypedPanel(Engine(None))
    panel._values["g"][0].value = 17.0
    for field in panel._values["u"]:
        field.placeholder = NOT_TAKEN
    panel.infer()
    assert panel._note.object.startswith("Band g has no error")
    assert panel._values["u"][0].placeholder == NOT_TAKEN
    panel._values["g"][1].value = 0.02
    panel.infer()
    assert panel._note.object.startswith("What was typed for u is not a number")
    assert not panel.chosen
    panel.infer()
    assert panel.chosen == "my galaxy"


def test_a_field_that_was_filled_after_a_refusal_is_not_told():
    panel = TypedPanel(Engine(None))
    for field in panel._values["u"]:
        field.placeholder = NOT_TAKEN
    for field, value in zip(panel._values["u"], (18.2, 0.05), strict=True):
        field.value = value
    panel.infer()
    assert panel.chosen == "my galaxy"


def test_notes_are_a_list_and_one_note_is_a_sentence():
    one = "Note that k-hat is high (0.9, limit 0.7; 30 effective draws)."
    assert _listed(one) == plain(one)
    two = "Note that g is odd (pull -3.2; large); the prior stays flat."
    listed = f"- **g is odd**{plain(' (pull −3.2; large)')}\n- **The prior stays flat**"
    assert _listed(two) == listed
    found = "outside the domain: g-i = 1; leave out a band or check its flux; g-z = 2; check it"
    far = f"Note that {found}."
    assert _listed(far).splitlines() == [
        f"- **Outside the domain**{plain(': g-i = 1; leave out a band or check its flux')}",
        f"- **{plain('g-z = 2')}**{plain('; check it')}",
    ]
    assert _listed("no galaxy 'a; b' here") == plain("No galaxy 'a; b' here")


def test_a_phone_shows_the_first_note_and_a_button_for_the_rest(engine):
    panel = VerdictPanel(ExplorerState(run=None), lambda method: None, engine)
    panel.say("Note that u is odd: one; g is odd: two; r is odd: three.")
    assert panel._rest.visible and panel._rest.label == "and 2 more"
    panel._rest.value = True
    assert panel._status.styles["--sf-notes-rest"] == "list-item"
    panel.say("Note that u is odd: one.")
    assert not panel._rest.visible and "--sf-notes-rest" not in panel._status.styles


def test_a_sentence_of_the_library_names_buttons_and_labels_on_a_page(engine):
    told = "The quantiles are approximate; trust='auto' goes on to MCMC."
    assert typeset(told) == "The quantiles are approximate; Refine, on Explore, goes on to MCMC."
    tight = sedflow.Photometry([10.0] * 5, [0.01] * 5, 0.05)
    box = "add the recommended floor to the errors"
    (note,) = floor_notes(tight)
    assert box in typeset(note) and "floor" not in typeset(note).replace(box, "")
    assert UploadPanel(engine)._floor.label.startswith(box)
    advice = (
        "add a floor (floor = 'recommended' of a mapping, or sigma = hypot(sigma, share * flux))"
    )
    assert typeset(advice) == "add a floor (Your data has a box for the recommended one)"
    assert in_labels("worst in log_sfr_100myr") == "worst in log SFR 100 Myr"


def test_a_row_has_one_verdict_with_what_its_status_adds():
    frame = pd.DataFrame(
        {
            "id": ["a", "b", "c", "d"],
            "status": ["failed", "bad row", "misfit", "misfit"],
            "verdict": ["approximate", "", "exact (weights)", "misfit"],
        }
    )
    words = ["approximate", "bad row", "exact (weights), misfit", "misfit"]
    assert in_a_word(frame) == words
    assert list(rounded(frame)["verdict"]) == words
    assert "status" not in rounded(frame)


def test_a_figure_for_paper_has_what_is_on_the_screen(engine, answer):
    seen = OnScreen(("log_mstar", "tau_ism"), ("exact", "prior", "mcmc"), (("a_v", 0.1, 2.0),))
    panel = PaperPanel(engine, lambda: seen)
    panel.show(answer)
    choice = panel.choice
    assert choice.shown == ("log_mstar", "tau_ism")
    assert choice.overlays == ("prior", "selection")  # of MCMC there is none
    assert choice.selection == (("a_v", 0.1, 2.0),)
    panel.form.value = "svg"
    assert b"<svg" in asyncio.run(panel._make())[:1000]
    panel.kind.value, panel.size.value = "history", 10
    assert (panel.choice.shown, panel.choice.font_size) == ((), 10.0)
    assert panel.choice.overlays == ("prior", "selection")
    seen = replace(seen, mcmc=answer.network)
    assert "mcmc" in panel.choice.overlays


def test_more_than_a_column_holds_is_a_sentence(engine, answer):
    names = (*MAIN_QUANTITIES, "beta1", "a_v")
    panel = PaperPanel(engine, lambda: OnScreen(names, unsaid=True))
    panel.show(answer)
    assert asyncio.run(panel._make()) is None
    assert "at most 6" in panel._said.object
    panel.width.value, panel.form.value = "page", "py"
    assert b"'a_v'" in asyncio.run(panel._make())
    assert "leaves the selection out" in panel._said.object


def test_a_page_with_a_long_job_asks_before_it_is_left(engine):
    one = Page(engine, {"galaxy": "72", "n": "300"})
    for job in one.explorer.jobs:
        job.running = True
        assert one.frame._works.value
        job.running = False
        assert not one.frame._works.value
    assert json.loads(one.frame.now)["view"] == "explore"


def test_a_lasso_is_outlined_on_its_own_axes_alone(answer):
    panel = CornerPanel()
    panel.show(answer)
    lasso = {"type": "poly", "x": [0.2, 0.7, 0.7, 0.2], "y": [4.2, 4.2, 4.7, 4.7]}
    asyncio.run(panel.select("corner", lasso))
    brushed = panel.selection
    assert brushed.ranges == ()
    assert len(panel._around(brushed, panel._axes)[0]) == 5
    fewer = replace(panel._axes, names=panel._axes.names[:-1], limits=panel._axes.limits[:-1])
    assert panel._around(brushed, fewer) == ()
    assert panel._around(brush(answer, np.ones(1000, bool), "all", "sfr"), fewer) == ()


def test_the_row_of_the_galaxy_is_marked_on_the_page_that_has_it(nsa):
    view = AtlasView(nsa)
    view.galaxy = view.table["NSAID"][17]
    shown = view._list.get_root().source
    assert [shown.data["NSAID"][k] for k in shown.selected.indices] == [view.galaxy]
    view._list.add_filter(lambda table: table[table.index % 2 == 1])
    view._scroll()
    assert view._list.selected_dataframe["NSAID"].tolist() == [view.galaxy]
    shown = view._list.get_root().source
    assert [shown.data["NSAID"][k] for k in shown.selected.indices] == [view.galaxy]


@pytest.mark.slow
def test_the_numbers_of_several_posteriors_say_whose_they_are(engine):
    view = CompareView(engine)
    for galaxy in ("66785", "2490"):
        view.pin(engine.answer(Request(galaxy, n=1000)))
    view.look()
    held = view._corner._sources["held"].data["text"]
    assert held == ["contours hold 39 and 86 %\nnumbers and dashes:\nNGC 4567"]
    names = [chip.label.replace("\N{NO-BREAK SPACE}", " ") for chip in view._chips]
    assert names == ["NGC 4567 ×", "NSAID 2490 ×"]
    view.unpin(1)
    assert view._corner._sources["held"].data["text"] == ["contours hold 39 and 86 %"]


def test_compare_says_whose_star_formation_of_late_no_curve_shows(engine):
    view = CompareView(engine)
    view.look()
    view.pin(engine.answer(Request("2490", n=300)))
    assert not view._of_late.visible
    view.pin(engine.answer(Request("122400", n=300)))
    told = view._of_late.object
    assert view._of_late.visible
    assert re.match(r"Formed in the last 100 Myr: \d\d % of the mass of \*\*NSAID 122400", told)
    assert "2490" not in told
    view.step_by(1)  # to the first pin alone
    assert not view._of_late.visible


def test_a_page_without_pins_offers_examples_that_can_be_computed(engine):
    view = CompareView(engine)
    assert len(view._examples) == len(_EXAMPLES) == 3
    for requests in _EXAMPLES.values():
        pins = [engine.answer(replace(one, n=200)) for one in requests]
        names = galaxy_names(pins, engine)
        assert len(set(differing(pins, names))) == len(pins)


def test_a_legend_beside_what_if_has_no_entries_that_are_off(answer):
    shown = {"band68", "spectrum", "predicted", "data"}
    curve = {"x": [1.0, 2.0], "y": [1.0, 1.0], "low": [1.0, 1.0], "high": [2.0, 2.0]}
    layers = Layers(dict.fromkeys([*shown, "best", "young"], curve), (1.0, 2.0), (0.0, 2.0))
    figure = SEDFigure(layers, name="legend")
    assert {"best", "young"} <= {item.label.value for item in figure._legend.items}
    figure._young.visible = True
    figure.update(replace(layers, sources={**layers.sources, "changed": curve}))
    labels = {item.label.value for item in figure._legend.items}
    assert "best" not in labels and {"young", "what if", "median"} <= labels


def test_a_second_click_on_an_example_loses_no_pin(engine):
    async def clicked_twice():
        view = CompareView(engine)
        for _ in range(2):
            view.restore([Request("72", n=200), Request("2490", n=200)])
        await asyncio.wait_for(until(lambda: not view._waiting), 30)
        await asyncio.sleep(0.2)  # what came second
        return [pin.request.galaxy for pin in view.pins]

    async def until(there):
        while not there():
            await asyncio.sleep(0.02)

    assert asyncio.run(clicked_twice()) == ["72", "2490"]


def test_a_pin_of_an_address_that_cannot_be_is_told_beside_the_others(engine):
    """It vanished without a word; one that was there twice was computed for ever."""

    async def opened(*requests):
        view = CompareView(engine)
        view.restore(requests)
        async with asyncio.timeout(30):
            while view._waiting:
                await asyncio.sleep(0.02)
        view.look()
        words = [one.object for one in view._chips if isinstance(one, pn.pane.Markdown)]
        return [pin.request.galaxy for pin in view.pins], words

    good, bad = Request("72", n=200), Request("2490", n=200, bands=("FUV",))
    for requests in ((good, bad), (bad, None, good)):
        pins, words = asyncio.run(opened(*requests))
        assert pins == ["72"]
        assert any(text.startswith("Not pinned: NSAID 2490. The network") for text in words), words
    assert asyncio.run(opened(good, None, good)) == (["72"], [])


@pytest.mark.parametrize(("quantities", "aside"), [(MAIN_QUANTITIES, False), (NAMES, True)])
def test_the_corner_plot_of_compare_is_computed_off_the_loop(
    engine, monkeypatch, quantities, aside
):
    """With six pins and all quantities the loop stood still for seconds, at each click."""
    where = []

    def beside(function, *args):
        where.append("aside")
        return function(*args)

    def drawn(*args, real=corner_sets_module.corner_set, **options):
        where.append(threading.current_thread() is threading.main_thread())
        return real(*args, **options)

    monkeypatch.setattr(compare, "whose", lambda: ("10.0.0.1", "a page"))
    monkeypatch.setattr(corner_sets_module, "run_aside", beside)
    monkeypatch.setattr(corner_sets_module, "corner_set", drawn)
    pins = [engine.answer(Request(galaxy, n=200)) for galaxy in ("66785", "2490", "72")]

    async def shown():
        view = CompareView(engine)
        view._quantities.value = list(quantities)
        view.look()
        for pin in pins:
            view.pin(pin)
        while view._corner is None or not len(view._corner._sources["contours_pin2"].data["x"]):
            await asyncio.sleep(0.02)

    asyncio.run(asyncio.wait_for(shown(), 30))
    assert ("aside" in where) is aside
    assert True not in where and False in where


def test_a_galaxy_that_is_computed_has_not_the_verdict_on_another(engine):
    state = ExplorerState(run=None, galaxy="72")
    panel = VerdictPanel(state, print, engine)
    panel.show(engine.answer(Request("72", n=200)))
    badge = panel.badge.object
    panel.wait(True)  # for other draws of the same galaxy
    assert panel.badge.object == badge
    state.galaxy = "2490"
    panel.wait(True)
    assert panel.heading.object == "## NSAID 2490"
    assert "computing" in panel.badge.object
    assert panel.lacks.styles["visibility"] == "hidden"
    state.galaxy = "72"
    panel.wait(False)  # it was shown already
    assert "NSAID 72" in panel.heading.object
    assert panel.badge.object == badge
    assert panel.lacks.styles["visibility"] == "visible"


def test_a_band_left_out_again_by_forward_is_there_in_the_next(engine):
    """Back and Forward made it the choice of every galaxy after it."""
    state = ExplorerState(run=None, galaxy="79699")
    panel = VerdictPanel(state, print, engine)
    rest = ["u", "g", "i", "z"]
    panel._apply(SimpleNamespace(name="bands", value=rest))
    panel.going_back = True
    state.bands = []
    state.bands = rest  # Forward
    panel.going_back = False
    state.galaxy = "2490"
    assert state.bands == []
    state.galaxy, state.bands = "79699", rest
    state.bands = ["g", "r"]  # which a visitor chooses
    state.galaxy = "2490"
    assert state.bands == ["g", "r"]


def test_a_band_left_out_of_one_galaxy_is_there_again_in_the_next(nsa, posterior):
    """It stayed out for every galaxy after it, and after Back as well."""
    view = Explorer(nsa, posterior, nsaid=72)
    state, rest = view.state, ["u", "r", "i", "z"]
    view.verdict._apply(SimpleNamespace(name="bands", value=rest))
    assert state.bands == rest
    state.galaxy = "2490"
    assert state.bands == []
    state.param.update(galaxy="72", bands=rest)  # Back
    assert state.bands == rest
    state.galaxy = "2489"
    assert state.bands == []
    state.bands = ["g", "r"]  # of one's own
    state.galaxy = "72"
    assert state.bands == ["g", "r"]


def test_bands_left_out_one_after_the_other_are_all_there_again():
    """Those of before the last remedy came back, and a choice by hand was lost."""
    state = ExplorerState(run=None, galaxy="72")
    panel = VerdictPanel(state, print, SimpleNamespace())
    for bands in (["u", "r", "i", "z"], ["r", "i", "z"]):
        panel._apply(SimpleNamespace(name="bands", value=bands))
    state.galaxy = "2490"
    assert state.bands == []
    panel._apply(SimpleNamespace(name="bands", value=["g", "r"]))
    state.bands = []
    state.bands = ["g", "r"]  # by hand
    state.galaxy = "72"
    assert state.bands == ["g", "r"]
    panel._apply(SimpleNamespace(name="bands", value=["r"]))
    state.galaxy = "2490"
    assert state.bands == ["g", "r"]


@pytest.mark.parametrize(("chosen", "then"), [([], []), (["g", "r", "i"], ["FUV", "g", "r", "i"])])
def test_a_band_left_out_before_another_network_was_chosen_is_there_in_the_next(chosen, then):
    """It stayed out of every galaxy after it."""
    state = ExplorerState(run=None, galaxy="72", bands=chosen)
    panel = VerdictPanel(state, print, SimpleNamespace())
    panel._apply(SimpleNamespace(name="bands", value=["g", "r"]))
    both = {"weights": "nsa-uv-bc03", "bands": ["FUV", "g", "r"]}
    panel._apply(SimpleNamespace(name="network", value=both))
    assert state.bands == ["FUV", "g", "r"]
    panel._apply(SimpleNamespace(name="bands", value=["FUV", "r"]))  # and one more
    state.galaxy = "2490"
    assert (state.weights, state.bands) == ("nsa-uv-bc03", then)
    panel._apply(SimpleNamespace(name="network", value=both))  # where none was left out
    state.galaxy = "72"
    assert state.bands == ["FUV", "g", "r"]


def test_the_buttons_of_a_fresh_page_are_what_its_address_says():
    """They showed all bands, and a click on one that was left out left out what was used."""
    state = ExplorerState(run=None, bands=["g", "r"])
    panel = SettingsPanel(state, lambda name: list("ugriz"))
    assert panel.bands.value == ["g", "r"]
    panel.bands.value = ["g", "r", "i"]
    assert state.bands == ["g", "r", "i"]


def test_bands_of_a_typed_galaxy_that_its_network_does_not_take_are_said(engine):
    panel = TypedPanel(engine)
    typed = {"FUV": 18.9, "NUV": 17.9, "u": 17.5, "g": 16.4, "r": 15.9, "i": 15.6, "z": 15.4}
    for band, value in typed.items():
        panel._values[band][0].value, panel._values[band][1].value = value, 0.05
    panel.infer()
    answer = engine.answer(Request(panel.chosen, n=300))
    assert "FUV, NUV are not used, as nsa-ugriz-fsps was not trained on them" in answer.note
    verdict = VerdictPanel(ExplorerState(run=None), lambda method: None, engine)
    verdict.show(answer)
    (button,) = [one for one in verdict.remedies if one.label == "Fit with FUV, NUV"]
    button.clicks += 1
    assert verdict._state.weights == "nsa-uv-bc03"
    fewer = engine.answer(Request(panel.chosen, n=300, bands=("u", "g", "r")))
    verdict.show(fewer)
    button.clicks += 1
    assert verdict._state.bands == ["FUV", "NUV", "u", "g", "r"]
    whole = engine.answer(Request(panel.chosen, n=300, weights="nsa-uv-bc03"))
    assert "not used" not in whole.note
    verdict.show(whole)
    assert not button.visible


def test_what_is_behind_the_badge_is_said_once_and_as_text(engine, answer):
    verdict = VerdictPanel(ExplorerState(run=None), lambda method: None, engine)
    verdict.show(answer)
    title = verdict.badge.object.partition('title="')[2].partition('"')[0]
    told = html.unescape(title)
    assert "&" not in told and ".." not in told
    assert told.count("k-hat") == 1


def test_an_exact_posterior_of_a_wrong_model_is_called_a_misfit(nsa, posterior):
    """Run and Your data said so, and Explore was green."""
    galaxy = nsa.photometry(72)
    off = replace(galaxy, flux=galaxy.flux * [1, 1, 1.18, 1, 1])
    engine = Engine(nsa, posterior)
    answer = engine.answer(Request(engine.add("mine", OwnGalaxy(off)), n=3000))
    python = sedflow.fit(off, posterior, n=3000, seed=1, trust="weights").verdict
    assert (answer.kind, python.kind, python.status) == ("exact (weights)",) * 2 + ("misfit",)
    assert answer.p_calibrated == pytest.approx(float(python.p_calibrated), rel=1e-6)
    assert answer.misfit == str(python.warning).removeprefix("But ").split(" The ")[0]
    badge = _badge(answer)
    assert "≠ exact (weights), misfit" in badge and "--sf-bad" in badge
    good = engine.answer(Request("72", n=3000))
    assert good.misfit == "" and "✔ exact (weights)<" in _badge(good)
    assert kept_fit(answer).verdict.status == "misfit"
    # So do Compare's legend and a figure for paper.
    word = "≠ exact (weights), misfit"
    assert differing([answer, good], ["mine", "M 1"]) == [f"mine · {word}", "M 1"]
    assert posterior_name(kept_fit(answer)) == posterior_name(answer.fit) == "posterior, misfit"
    assert posterior_name(good.fit) == "posterior"
    for paper in (paper_spectrum, paper_history):
        for one, marked in ((answer, True), (good, False)):
            legends = paper(kept_fit(one)).findobj(Legend)
            told = [text.get_text() for legend in legends for text in legend.get_texts()]
            assert told and any("posterior, misfit" in text for text in told) == marked

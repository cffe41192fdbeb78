"""What a file, a figure, a column or a code says that it is of, whatever was chosen meanwhile."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import panel as pn
import param
import pytest

from sedflow.dashboard.answer import OwnGalaxy, Request
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.pages import population
from sedflow.dashboard.pages.compare import _table, galaxy_names
from sedflow.dashboard.pages.explore import Explorer
from sedflow.dashboard.pages.population import PopulationView
from sedflow.dashboard.panels.files import FileButtons
from sedflow.dashboard.panels.reference import ReferencePanel
from sedflow.dashboard.panels.upload import _of_rows
from sedflow.dashboard.server.classes import Classes
from sedflow.dashboard.server.turns import Superseded
from sedflow.dashboard.widgets import TextTable
from sedflow.errors import SedflowError
from sedflow.network.posterior import AmortizedPosterior
from sedflow.photometry import Photometry


def _own(galaxy, factor=1.0):
    return OwnGalaxy(Photometry(factor * galaxy.flux, galaxy.sigma, galaxy.redshift, galaxy.bands))


@pytest.fixture(scope="module")
def answers(nsa, posterior):
    """Two galaxies' answers."""
    engine = Engine(nsa, posterior)
    return [engine.answer(Request(galaxy, n=200)) for galaxy in ("72", "2490")]


def test_a_file_has_the_name_of_the_galaxy_that_it_was_asked_for():
    async def make():
        buttons.belong_to("2490")  # picked while the file of 72 is made
        return b"of 72"

    buttons = FileButtons([("Draws", "draws.fits", make)])
    buttons.belong_to("72")
    button, sent = buttons.buttons["draws.fits"], []
    button.param.watch(lambda event: sent.append((button.filename, event.new)), "_transfers")
    asyncio.run(button._async_sync_data())
    assert sent == [("NSAID72-draws.fits", 1)]
    assert button.filename == "NSAID2490-draws.fits"
    assert button.label == "Draws"
    assert not button.disabled


def _pin(galaxy, title):
    return SimpleNamespace(request=Request(galaxy), fit=SimpleNamespace(title=title))


def test_the_names_of_two_galaxies_of_a_comparison_are_two(nsa, posterior):
    engine = Engine(nsa, posterior)
    twin = engine.name("111607")
    added = ("cluster, member 1", "cluster, member 2", twin)
    pins = [_pin(name, f"{name}, z = 0.0488") for name in added]
    pins.append(_pin("111607", "NSAID 111607, z = 0.0045"))
    assert galaxy_names(pins, engine) == [
        "cluster, member 1",
        "cluster, member 2",
        f"{twin} (added)",
        f"{twin} (NSAID 111607)",
    ]


def test_a_galaxy_that_is_called_like_a_column_takes_no_column_away(answers):
    there = dict(zip(("pin0", "pin1"), answers, strict=True))
    table = _table(there, {"pin0": "quantity", "pin1": "difference"})
    assert list(table.columns[:4]) == [
        "quantity",
        "galaxy quantity",
        "galaxy difference",
        "difference",
    ]
    assert table["quantity"][0].startswith("log M")


def test_a_network_of_ones_own_begins_under_its_own_prior(nsa, posterior):
    """The page of a network with the published prior showed posteriors under the flat one."""
    own = AmortizedPosterior(
        posterior._flow, {**posterior.record, "name": "mine", "prior": "provabgs"}, posterior.model
    )
    assert Explorer(nsa, own, 72).state.prior == "provabgs"
    assert Explorer(nsa, own, 72, start={"prior": "flat"}).state.prior == "flat"
    assert Explorer(nsa, posterior, 72).state.prior == Explorer(nsa).state.prior == "flat"


@pytest.mark.slow
def test_what_was_forgotten_is_still_drawn_and_told_as_it_was(nsa, posterior):
    engine = Engine(nsa, posterior)
    galaxy = engine.photometry("72")
    page = Explorer(nsa, posterior, engine=engine)
    page.state.param.update(galaxy=engine.add("mine", _own(galaxy)), n=200)
    asyncio.run(page.state.infer())
    code = page._code(page.state.answer)
    for k in range(300):  # galaxies of a run's rows, say
        engine.add(f"row {k}", _own(galaxy, 1 + 0.01 * k))
    assert "mine" not in engine.own
    page._show_all(page.state.answer)
    assert page._code(page.state.answer) == code
    assert page.verdict.heading.object.startswith("## mine")


def test_names_are_not_remembered_without_end_and_none_comes_twice(nsa, posterior, monkeypatch):
    monkeypatch.setattr("sedflow.dashboard.engine._MOST_GIVEN", 5)
    monkeypatch.setattr("sedflow.dashboard.engine._MOST_OWN", 3)
    engine = Engine(nsa, posterior)
    galaxy = engine.photometry("72")
    names = [engine.add("mine", _own(galaxy, 1 + 0.1 * k)) for k in range(20)]
    assert len({*names}) == 20
    assert len(engine._given) == 5


def test_an_added_galaxy_is_shared_with_no_other_page(nsa, posterior):
    """Also where it was forgotten while its posterior was computed."""
    engine = Engine(nsa, posterior)
    name = engine.add("mine", _own(engine.photometry("72")))
    compute = engine.answer

    def answer(request):
        found = compute(request)
        engine.own.clear()
        return found

    engine.answer = answer
    asyncio.run(engine.ask(Request(name, n=200)))
    assert engine._recent.get(Request(name, n=200)) is None


@pytest.mark.slow
def test_a_network_that_is_not_here_is_a_sentence(nsa, posterior):
    """As that of a run, of which a galaxy is opened."""
    page = Explorer(nsa, posterior)
    page.state.param.update(galaxy="72", weights="mine")
    asyncio.run(page.state.infer())
    assert page.state.answer is None
    assert "there is no network 'mine'" in page.state.message


@pytest.mark.slow
def test_a_figure_for_paper_has_the_chains_of_its_own_galaxy(nsa, posterior, answers):
    """A newer answer is there before its figures are."""
    page = Explorer(nsa, posterior)
    shown, newer = answers
    with param.parameterized.discard_events(page.state):
        page.corner.answer, page.state.answer = shown, newer
    page.reference._chains = {shown.request: "of 72", newer.request: "of 2490"}
    assert page._on_screen().mcmc == "of 72"


@pytest.mark.slow
def test_a_change_that_fails_late_says_nothing_of_a_newer_answer(
    nsa, posterior, answers, monkeypatch
):
    page = Explorer(nsa, posterior)
    first, second = answers
    page.state.answer = first

    async def fails(engine, answer, *args):
        if answer is second:
            raise Superseded
        page.state.answer = second
        raise SedflowError("of the first")

    monkeypatch.setattr("sedflow.dashboard.large.changed", fails)
    with param.parameterized.discard_events(page.what_if):
        page.what_if.change = replace(page.what_if.change, left=("u",))
    asyncio.run(page.try_change())
    assert "of the first" not in page.what_if._text.object.lower()


def test_a_command_that_is_shown_is_the_one_to_type():
    """A code span has no escapes: what is written in it stands on the page."""
    assert "`sedflow infer mine_2.csv -o OUT`" in _of_rows("mine_2.csv", 900, 500)
    assert "`sedflow infer 'my `; rm x.csv' -o OUT`".replace(" `;", " ;") in _of_rows(
        "my `; rm x.csv", 900, 500
    )


def test_a_class_fits_one_galaxy():
    limits = np.array([[0.0, 1.0]])
    classes = Classes(limits)
    code = classes.open("teacher", 2490)
    with pytest.raises(SedflowError, match=f"{code} fits NSAID 2490, and this page NSAID 72; type"):
        classes.known(code, 72)
    assert classes.known(code, 2490) == code


def test_codes_are_not_found_by_trying():
    now = [0.0]
    classes = Classes(np.array([[0.0, 1.0]]), clock=lambda: now[0])
    code = classes.open("teacher")
    for _ in range(40):
        with pytest.raises(SedflowError, match="no class"):
            classes.known("AAAAA", visitor="guesser")
    with pytest.raises(SedflowError, match="40 codes that no class has were tried"):
        classes.known(code, visitor="guesser")  # nor is the right one told from a wrong one
    assert classes.known(code, visitor="student") == code
    now[0] = 60.0
    assert classes.known(code, visitor="guesser") == code


def test_a_run_in_the_place_of_another_has_a_population_of_its_own(monkeypatch):
    def beside(function):
        async def ask(path, run):
            return f"sample of {run}"

        return ask

    monkeypatch.setattr(population, "beside", beside)
    found = []
    for name in ("first", "second"):
        manifest = {"settings": {"keep": 10}, "run": name}
        run = SimpleNamespace(out="a-run", parts=4, manifest=manifest)
        found.append(asyncio.run(PopulationView(run, source="run")._sample()))
    del pn.state.cache["sedflow population a-run"]
    assert found == ["sample of first", "sample of second"]


def test_draws_of_one_prior_take_no_place_of_another(answers):
    """What was refined under a prior that weights did not reach is not of the flat one."""
    flat = answers[0]
    missed, refined = replace(flat, missed="provabgs"), []

    async def keep(answer, fit):
        refined.append((answer, fit))

    panel = ReferencePanel(keep, lambda *args: None)
    panel.show(missed)
    asyncio.run(panel._hand_over(missed, "ladder", "as published"))
    assert refined == [(missed, "as published")]
    panel.show(flat)
    asyncio.run(panel._hand_over(missed, "ladder", "as published"))  # it was chosen meanwhile
    assert len(refined) == 1


@pytest.mark.slow
def test_the_heading_names_the_galaxy_that_is_computed_last(nsa, posterior, answers, monkeypatch):
    page = Explorer(nsa, posterior)
    page.state.answer = answers[0]

    async def goes_on():
        """Still computing."""

    monkeypatch.setattr(page.state, "infer", goes_on)
    page.state.busy = True
    for galaxy in ("2490", "66785"):
        page.state.galaxy = galaxy
        assert page.verdict.heading.object == f"## NSAID {galaxy}"


def test_a_click_on_a_row_that_has_left_is_nothing():
    table = TextTable(pd.DataFrame({"id": []}))
    event = SimpleNamespace(event_name="cell-click", column="id", row=3, value=None)
    table._process_event(event)
    assert event.value is None

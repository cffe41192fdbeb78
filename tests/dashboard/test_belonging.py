"""What a file, a figure, a column or a code says that it is of, whatever was chosen meanwhile."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import panel as pn
import param
import pytest

from sedflow.dashboard.answer import OwnGalaxy, Request
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.pages import population
from sedflow.dashboard.pages.compare import CompareView
from sedflow.dashboard.pages.explore import Explorer
from sedflow.dashboard.pages.population import PopulationView
from sedflow.dashboard.panels.files import FileButtons
from sedflow.dashboard.panels.upload import _of_rows
from sedflow.dashboard.server.classes import Classes
from sedflow.dashboard.server.turns import Superseded
from sedflow.errors import SedflowError
from sedflow.photometry import Photometry


def _own(galaxy, factor=1.0):
    return OwnGalaxy(Photometry(factor * galaxy.flux, galaxy.sigma, galaxy.redshift, galaxy.bands))


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


def test_the_names_of_two_galaxies_of_a_comparison_are_two(nsa, posterior):
    engine = Engine(nsa, posterior)
    galaxy = engine.photometry("72")
    view, twin = CompareView(engine), engine.name("111607")
    added = ["cluster, member 1", "cluster, member 2", twin]
    for factor, name in enumerate(added, 1):
        view.pins.append(engine.answer(Request(engine.add(name, _own(galaxy, factor)), n=200)))
    view.pins.append(engine.answer(Request("111607", n=200)))
    assert view._names() == [
        "cluster, member 1",
        "cluster, member 2",
        f"{twin} (added)",
        f"{twin} (NSAID 111607)",
    ]


def test_a_galaxy_that_is_called_like_a_column_takes_no_column_away(nsa, posterior):
    engine = Engine(nsa, posterior)
    galaxy = engine.photometry("72")
    view = CompareView(engine)
    for factor, name in enumerate(("quantity", "difference"), 1):
        view.pins.append(engine.answer(Request(engine.add(name, _own(galaxy, factor)), n=200)))
    view.look()
    assert list(view._table.value.columns[:4]) == [
        "quantity",
        "galaxy quantity",
        "galaxy difference",
        "difference",
    ]
    assert view._table.value["quantity"][0].startswith("log M")


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


def test_a_network_that_is_not_here_is_a_sentence(nsa, posterior):
    """As that of a run, of which a galaxy is opened."""
    page = Explorer(nsa, posterior)
    page.state.param.update(galaxy="72", weights="mine")
    asyncio.run(page.state.infer())
    assert page.state.answer is None
    assert "there is no network 'mine'" in page.state.message


def test_a_figure_for_paper_has_the_chains_of_its_own_galaxy(nsa, posterior):
    """A newer answer is there before its figures are."""
    page = Explorer(nsa, posterior)
    shown, newer = (page.engine.answer(Request(g, n=200)) for g in ("72", "2490"))
    with param.parameterized.discard_events(page.state):
        page.corner.answer, page.state.answer = shown, newer
    page.reference._chains = {shown.request: "of 72", newer.request: "of 2490"}
    assert page._on_screen().mcmc == "of 72"


def test_a_change_that_fails_late_says_nothing_of_a_newer_answer(nsa, posterior, monkeypatch):
    page = Explorer(nsa, posterior)
    first, second = (page.engine.answer(Request(g, n=200)) for g in ("72", "2490"))
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

"""The page of a population: the packaged atlas and a run, looked at without a browser."""

import asyncio
import re
from dataclasses import replace
from html import unescape
from types import SimpleNamespace

import numpy as np
import panel as pn
import pytest

import sedflow
from sedflow.catalogue.manifest import load_manifest
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.pages import population
from sedflow.dashboard.pages.population import PopulationView
from sedflow.dashboard.panels.population_choice import _rounded
from sedflow.dashboard.panels.population_map import PopulationMap
from sedflow.dashboard.panels.population_paper import population_file, population_table
from sedflow.dashboard.panels.population_state import EVERYONE, PopulationState
from sedflow.dashboard.population_answer import answer_of
from sedflow.dashboard.population_sample import atlas_sample, run_sample
from sedflow.dashboard.population_script import population_code
from sedflow.dashboard.tabs import Page
from sedflow.errors import SedflowError, UnknownName
from sedflow.figures.base import FOLDED, Layers
from sedflow.figures.paper_population import paper_population
from sedflow.figures.population_page import MAPS, CurveFigure, fraction_layers, map_layers
from sedflow.population.packaged import LEVELS, decoded, encoded
from sedflow.population.presets import AXES, PRESETS, preset_of


@pytest.fixture(scope="module")
def sample():
    return atlas_sample()


@pytest.fixture(scope="module")
def view(sample):
    """A view whose first answer is there."""
    one = PopulationView()
    _ = one.views
    asyncio.run(one.refresh())
    return one


def area(layers, key):
    source = layers.sources[key]
    return float(np.trapezoid(source["y"], source["x"]))


@pytest.mark.parametrize("name", list(AXES))
def test_packaged_values_are_within_a_step_of_what_they_were(name):
    low, high = AXES[name]
    values = np.sort(np.random.default_rng(1).uniform(low - 0.3, high + 0.3, (50, 40)), axis=1)
    found = decoded(encoded(values, name), name)
    inside = (values >= low) & (values < high)
    np.testing.assert_array_equal(np.isfinite(found), inside)
    step = (high - low) / LEVELS
    assert np.abs(found - values)[inside].max() <= step * 1.001


def test_cells_of_the_presets_begin_at_steps():
    for preset in PRESETS:
        for edges in preset.edges:
            assert LEVELS % (len(edges) - 1) == 0
    with pytest.raises(UnknownName):
        preset_of("mass function")


@pytest.mark.slow
def test_packaged_draws_are_those_of_a_fit(sample):
    """A fit of some galaxies, made anew, has the medians that are packaged."""
    nsa = sedflow.load_nsa()
    rows = np.arange(0, len(sample.ids), 1000)
    fit = sedflow.fit(nsa.photometry(sample.ids[rows]), n=300, trust="weights")
    median = np.median(fit.draws.resampled().theta[..., 0], axis=1)
    assert np.median(np.abs(median - sample.columns["mass"][rows])) < 0.05


def test_a_mass_function_has_an_area_of_one_and_medians_are_wider(sample):
    answer = answer_of(sample, "mass-function", EVERYONE, {}, "")
    for key in ("middle", "stack"):
        assert area(answer.curve, key) == pytest.approx(1, abs=0.06)
    population = answer.population
    x = population.centres[0]

    def width(density):
        share = density / density.sum()
        return np.sqrt(share @ x**2 - (share @ x) ** 2)

    assert width(population.density) < width(population.medians()) < width(population.stack())


@pytest.mark.parametrize("preset", [one.key for one in PRESETS[:3]])
def test_every_question_reaches_its_maximum(sample, preset):
    windows = [(0.030253, 0.040319), (0.0058671, 0.0064091), (0.02, 0.0203)]  # 1500 galaxies to 17
    asked = [(part, {}) for part in (EVERYONE, *sample.fields)]
    asked += [(EVERYONE, {"redshift": ends}) for ends in windows]
    found = [answer_of(sample, preset, part, cuts, "").population for part, cuts in asked]
    assert [len(one) for one in found if not one.fitted.converged] == []


def test_a_part_and_a_cut_move_the_population(sample):
    virgo = answer_of(sample, "mass-function", "Virgo", {}, "")
    heavy = answer_of(sample, "mass-function", EVERYONE, {"mass": (10.5, None)}, "")
    assert len(virgo.population) == sample.fields["Virgo"].sum()
    assert heavy.population.moments()["p50"][0] > 10.4 > virgo.population.moments()["p50"][0]
    assert np.all(sample.columns["mass"][heavy.chosen] >= 10.5)


def test_a_box_of_medians_shows_no_needles(sample):
    cuts = {"mass": (9.747, 10.86), "redshift": (0.01903, 0.03581)}
    population = answer_of(sample, "mass-function", EVERYONE, cuts, "").population
    density = population.density
    rises = np.sign(np.diff(density[density > 0.05]))
    assert np.count_nonzero(np.diff(rises)) == 1
    redshifts = answer_of(sample, "mass-function", EVERYONE, {"redshift": cuts["redshift"]}, "")
    assert population.is_selected and not redshifts.population.is_selected


def test_too_narrow_a_cut_is_refused_in_a_sentence(sample):
    with pytest.raises(SedflowError, match="needs 10; widen it"):
        answer_of(sample, "mass-function", EVERYONE, {"mass": (11.9, 11.91)}, "")
    with pytest.raises(SedflowError, match="redshift from 10 to 9: the first must be below"):
        answer_of(sample, "mass-function", EVERYONE, {"redshift": (10.0, 9.0)}, "")


@pytest.mark.slow
def test_maps_share_one_scale_and_red_galaxies_are_quenched(sample):
    red = {"colour": (0.72, None), "mass": (10.0, None)}
    blue = {"colour": (None, 0.5)}
    maps = answer_of(sample, "main-sequence", EVERYONE, red, "").maps
    assert list(maps) == list(MAPS)
    for layers in maps.values():
        image = layers.sources["image"]["image"][0]
        assert 0 < np.nanmax(image) <= 1
        assert layers.sources["prior"]["xs"]
    shares = []
    for cuts in (red, blue):
        curve = answer_of(sample, "quenched-fraction", EVERYONE, cuts, "").curve
        y = curve.sources["middle"]["y"]
        assert np.all((y >= 0) & (y <= 1))
        assert np.all(curve.sources["band68"]["low"] <= curve.sources["band68"]["high"])
        shares.append(np.mean(y))
    assert shares[0] > shares[1] + 0.1


def test_a_picked_galaxy_is_shown_beside_itself(sample):
    ident = str(sample.ids[100])
    answer = answer_of(sample, "mass-function", EVERYONE, {}, ident)
    assert len(answer.galaxy) == 1
    assert {"own", "shrunk"} <= answer.galaxy[0].sources.keys()
    assert "with the population" in answer.picked
    left_out = np.setdiff1d(sedflow.load_nsa().ids, sample.ids)[0]
    elsewhere = answer_of(sample, "mass-function", EVERYONE, {}, str(left_out))
    assert elsewhere.galaxy == ()
    assert "not in this sample" in elsewhere.picked


def test_a_galaxy_is_picked_by_any_of_its_names(sample):
    for text in ("M 87", "ngc4486", "NSAID 141541", " 141541 "):
        answer = answer_of(sample, "mass-function", "Virgo", {}, text)
        assert (answer.ident, len(answer.galaxy)) == ("141541", 1)
        assert answer.picked.startswith("NSAID 141541 (M 87). log M")
    beside = answer_of(sample, "mass-function", "seven clusters", {}, "M 87")
    assert beside.picked == "NSAID 141541 (M 87) is not in this selection."
    for text, said in (
        ("99999999", "No galaxy with NSAID 99999999 in this catalogue of 9,440 galaxies; try a"),
        ("no such galaxy", "'no such galaxy' is neither an NSAID nor a known name"),
    ):
        answer = answer_of(sample, "mass-function", EVERYONE, {}, text)
        assert answer.picked.startswith(said) and answer.ident == ""


def test_a_galaxy_of_a_run_goes_by_its_id(sample):
    own = replace(sample, catalog=None)
    assert own.ident(" 141541 ") == own.called("141541") == "141541"
    with pytest.raises(SedflowError, match="M 87 is not a galaxy of this sample; give an ID"):
        own.ident("M 87")


def test_a_mean_that_the_galaxies_hardly_tell_is_not_given(sample):
    answer = answer_of(sample, "mass-metallicity", EVERYONE, {}, "")
    said = " ".join(answer.facts)
    assert "log Z/Z☉: hardly told by these galaxies, so no mean is given" in said
    assert re.search(r"the data of one leave it uncertain by 0\.\d\d, the prior alone by 0", said)
    assert "log Z/Z☉: mean" not in said and "mean 9.6 (± 0.1 or more)" in said
    assert "75 % of these galaxies have too few draws" in said
    assert "(± 5 % or more)" in answer_of(sample, "quenched-fraction", EVERYONE, {}, "").facts[0]


def test_brackets_say_which_share_they_hold(sample):
    answer = answer_of(sample, "mass-function", EVERYONE, {}, "M 87")
    assert re.search(r"mean 9\.5\d \(9\.5\d to 9\.5\d\)", answer.facts[0])
    assert answer.facts[-1] == "Brackets hold 68 %, by the scatter of the galaxies."
    assert "Brackets hold 68 %" in answer.picked


def test_the_page_gives_no_advice_that_it_has_no_control_for(sample):
    for key in ("main-sequence", "mass-metallicity"):
        population = answer_of(sample, key, EVERYONE, {"redshift": (0.02, 0.0203)}, "").population
        said = [" ".join(population.sentences(advice)) for advice in (True, False)]
        for words in ("sedflow infer", "Wider ranges")[: 1 + (key == "main-sequence")]:
            assert words in said[0] and words not in said[1]


def test_parts_of_the_atlas_and_the_galaxy_beside_them_are_all_of_it(sample):
    beside = sample.ids[~np.any(list(sample.fields.values()), axis=0)]
    assert beside.tolist() == [72]
    assert "region of Virgo (and NSAID 72, which belongs to neither), not a" in sample.words
    assert (
        "--" not in sample.note and "draws alone, without the later steps of Refine" in sample.note
    )


def test_a_map_says_what_its_colours_are(view):
    before = view.preset
    view.preset = "mass-metallicity"
    asyncio.run(view.refresh())
    said = view.figures._said.object
    low, high = re.search(
        r"dark \(([\d.]+) % .* left empty\) to yellow \(([\d.]+) %", said
    ).groups()
    shares = view.answer.population.density * view.answer.population.area
    assert float(low) == pytest.approx(0.02 * float(high), rel=0.1)
    assert 100 * shares.max() > float(high) > 100 * np.median(shares)
    assert any("no mean is given" in fact for fact in view.answer.facts)
    assert "line is the mean" not in said and "hardly tell it" in said
    assert "dashed lines are too narrow" in said and "how exactly the prior is taken out" in said
    view.preset = before
    asyncio.run(view.refresh())
    assert "Colours go" not in view.figures._said.object


def test_a_galaxy_of_few_effective_draws_has_no_interval_with_the_population(sample):
    everyone = answer_of(sample, "main-sequence", EVERYONE, {}, "").population
    figure = CurveFigure(Layers({}, (0, 1), (0, 1)), "one", {"own": "own", "shrunk": "population"})
    for row in (np.argmin(everyone.effective_draws), np.argmax(everyone.effective_draws)):
        effective = everyone.effective_draws[row]
        answer = answer_of(sample, "main-sequence", EVERYONE, {}, str(everyone.ids[row]))
        assert ("with the population" in answer.picked) == (effective > 20)
        assert ("needs 20" in answer.picked) == (effective < 20)
        assert " 1 effective draws" not in answer.picked
        for layers in answer.galaxy:
            assert ("shrunk" in layers.sources) == (effective > 20)
            figure.update(layers)
            assert figure.figure.legend[0].items[1].visible == (effective > 20)


def test_few_dots_are_large_and_opaque():
    dots, sizes, opacities = PopulationMap(), [], []
    for n in (8000, 200, 19):
        columns = {"mass": np.linspace(9, 11, n), "redshift": np.linspace(0.01, 0.1, n)}
        dots.show(columns, np.arange(n) > 3, None)
        glyphs = dots._dots.glyph, dots._dots.nonselection_glyph, dots._dots.selection_glyph
        sizes.append({glyph.size for glyph in glyphs})
        opacities.append(np.unique(dots._points.data["alpha"]).round(2).tolist())
    assert [round(size) for (size,) in sizes] == [3, 6, 9]
    assert opacities[0] == pytest.approx([0.05, 0.45]) and opacities[2] == pytest.approx(
        [0.15, 0.9]
    )


def test_the_page_says_which_galaxies_these_are(view):
    words = unescape(view._selection.object)
    assert "seven galaxy clusters and the region of Virgo (and NSAID 72" in words
    assert "not a fair sample" in words
    assert "8,529" in view._heading.object
    assert view.figures.curve.sources["middle"].data["y"].max() > 0.1


def test_an_end_of_a_cut_may_be_beyond_all_numbers_of_the_columns(sample):
    assert not sample.chosen(EVERYONE, {"mass": (1e308, None)}).any()
    assert sample.chosen(EVERYONE, {"mass": (-1e308, 1e308)}).any()


def test_what_is_said_of_a_population_has_true_minus_signs(sample):
    view = PopulationView(preset="main-sequence")
    _ = view.views
    asyncio.run(view.refresh())
    told = unescape(view._notes.object)
    assert "log sSFR 100 Myr: −13 to −8" in told and "-8" not in told


def test_a_drag_over_the_map_may_begin_beside_one_button():
    assert FOLDED in PopulationMap().figure.toolbar.stylesheets


def test_ends_of_a_box_have_digits_that_their_fields_show():
    assert _rounded((0.0085451, 0.0300213)) == (0.0085, 0.03)
    assert _rounded((9.01234, 9.0423)) == (9.0123, 9.0423)
    assert _rounded((-11.23456, 1.0)) == (-11.2, 1.0)
    assert _rounded((0.5, 0.5)) == (0.5, 0.5)


def test_a_box_sets_the_cuts_and_is_said_in_words(view):
    view.choice.dots.boxed = ("mass", (9.01234, 10.5), "redshift", (0.01, 0.02))
    assert view.cuts == {"mass": (9.01, 10.5), "redshift": (0.01, 0.02)}
    asyncio.run(view.refresh())
    assert "redshift from 0&#46;01 to 0&#46;02" in view._selection.object
    assert "by chance" in view._selection.object
    view.choice.cut({"mass": (11.9, 11.91)})
    asyncio.run(view.refresh())
    assert view._notice.visible
    assert not view._found.visible and view.answer is None  # nothing of the selection before
    assert view._heading.object == "## Population"
    view.choice.clear()
    assert view.cuts == {}
    asyncio.run(view.refresh())
    assert not view._notice.visible
    assert view._found.visible and "8,529" in view._heading.object


def test_a_tap_picks_a_galaxy(view, sample):
    view.choice.dots.tapped = 7
    asyncio.run(view._tapped())
    assert view.galaxy == str(sample.ids[7])
    asyncio.run(view.refresh())
    assert view.figures._one.visible
    assert len(view.choice.dots._picked.data["x"]) == 1


def test_the_same_dot_can_be_tapped_again(view, sample):
    dots = view.choice.dots
    asyncio.run(view.refresh())
    row = int(dots._rows[5])
    for _ in range(2):
        dots._points.selected.indices = [5]  # as a browser says it
        assert dots.tapped == row and dots._points.selected.indices == []
        asyncio.run(view._tapped())
        assert view.galaxy == str(sample.ids[row])
        view.galaxy = str(sample.ids[int(dots._rows[6])])  # another, by its number


def test_every_control_of_the_page_has_a_label(view):
    for widget in view.controls.select(pn.widgets.Widget):
        assert widget.label or widget.name, widget


@pytest.mark.parametrize("form", ["png", "pdf", "svg"])
def test_a_figure_for_paper_is_made_in_each_format(sample, form):
    population = sample.population("mass-function")
    made = population_file(population, "density", "column", form)
    assert made.startswith({"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[form])


@pytest.mark.slow
@pytest.mark.parametrize("width", ["column", "page"])
def test_two_quantities_are_maps_or_a_share_on_paper(sample, width):
    population = sample.population("quenched-fraction")
    maps = paper_population(population, width=width)
    titles = [axes.get_title() for axes in maps.axes[:3]]
    assert titles == list(MAPS.values())
    share = paper_population(population, "fraction", width=width)
    assert [line.get_label() for line in share.axes[0].lines] == [
        "prior of the fits",
        "stack of draws",
        "medians",
        "population (68, 95 %)",
    ]
    assert b"%PDF" in population_file(population, "trend", width, "pdf")[:8]


def test_a_figure_for_paper_asks_for_what_there_is(sample):
    population = sample.population("mass-function")
    with pytest.raises(SedflowError, match="needs two quantities"):
        paper_population(population, "trend")
    with pytest.raises(SedflowError, match="is unknown; choose density, trend, fraction"):
        paper_population(population, "maps")
    with pytest.raises(SedflowError, match="choose one of column, page"):
        paper_population(population, width="poster")


def test_densities_are_a_table(view, sample):
    assert view.paper.table.filename == "mass-function.csv"
    view.paper.form.value = "svg"
    assert view.paper.button.filename == "mass-function.svg"
    view.paper.form.value = "py"
    assert b"sedflow.figures.paper_population(" in asyncio.run(view.paper._make())
    lines = population_table(sample.population("mass-function"), "density").decode().splitlines()
    assert len(lines) == 41
    assert lines[0].startswith("log_mstar,density,")


def test_the_table_of_a_fraction_has_the_shares_that_are_drawn(sample):
    population = sample.population("quenched-fraction")
    lines = population_table(population, "fraction").decode().splitlines()
    assert lines[0] == "log_mstar,p2.5,p16,p50,p84,p97.5,medians,stack,prior"
    rows = np.array([[float(v or "nan") for v in line.split(",")] for line in lines[1:]])
    drawn = fraction_layers(population).sources
    there = np.isfinite(rows[:, 3])
    np.testing.assert_allclose(rows[there][:, [0, 3]].T, list(drawn["middle"].values()))
    np.testing.assert_allclose(rows[there][:, 4], drawn["band68"]["high"])
    assert (np.diff(rows[there][:, 1:6]) >= 0).all()


def test_a_mean_ends_where_hardly_any_galaxy_is(sample):
    whole = sample.population("main-sequence")
    share = (whole.density * whole.area).sum(1)
    mean = map_layers(whole)["population"].sources["mean"]["y"]
    few = share * len(whole) < min(50, 0.03 * len(whole))
    np.testing.assert_array_equal(np.isnan(mean), few)
    assert np.isfinite(mean).any()
    assert few.any()


@pytest.mark.slow
def test_the_preset_is_in_the_address(nsa, posterior):
    page = Page(Engine(nsa, posterior), {"view": "population", "preset": "quenched-fraction"})
    assert page.values()["preset"] == "quenched-fraction"
    page.close()
    other = Page(Engine(nsa, posterior), {"view": "population", "preset": "x"})
    assert "preset" not in other.values()
    assert "there is no preset 'x'" in " ".join(other.notices)
    other.close()


@pytest.mark.slow
def test_a_run_with_draws_is_a_sample_too(tmp_path):
    from sedflow.catalogue.results import RunTable

    nsa = sedflow.load_nsa()
    nsa.table[np.arange(0, 9000, 450)].write(tmp_path / "some.fits")
    for keep in (40, 0):
        sedflow.infer_catalogue(
            tmp_path / "some.fits", tmp_path / f"run{keep}", n=100, keep=keep, workers=0
        )
    view = PopulationView(RunTable(tmp_path / "run40"), source="run")
    _ = view.views
    asyncio.run(view.refresh())
    assert "of the run of this server" in view._heading.object
    assert view.answer.population._members.values.shape[1] == 40
    without = PopulationView(RunTable(tmp_path / "run0"), source="run")
    _ = without.views
    assert without.source == "atlas"


def test_the_page_of_a_run_says_what_its_python_says(tmp_path):
    nsa = sedflow.load_nsa()
    nsa.table[np.arange(0, 8000, 500)].write(tmp_path / "some.fits")
    sedflow.infer_catalogue(tmp_path / "some.fits", tmp_path / "run", n=100, keep=20, workers=0)
    name = load_manifest(tmp_path / "run")["run"]
    answer = answer_of(run_sample(tmp_path / "run", name), "mass-metallicity", EVERYONE, {}, "")
    code = population_code(PopulationState(source="run", preset="mass-metallicity"), "column")
    names: dict = {}
    exec(code.split("figure =")[0].replace('"OUT"', repr(str(tmp_path / "run"))), names)
    mine, its = (one.moments()["p50"] for one in (answer.population, names["population"]))
    np.testing.assert_allclose(mine, its, rtol=1e-6)


def test_of_a_run_that_goes_on_the_latest_sample_alone_is_kept(monkeypatch):
    """There may be a thousand partitions, and a sample has tens of megabytes."""
    read = []

    def beside(function):
        async def ask(path, run):
            read.append(path)
            return f"sample {len(read)}"

        return ask

    monkeypatch.setattr(population, "beside", beside)
    before, found = dict(pn.state.cache), []
    manifest = {"settings": {"keep": 10}}
    for parts in (1, 2, 1, 3):
        run = SimpleNamespace(out="a-run", parts=parts, manifest=manifest)
        found.append(asyncio.run(PopulationView(run, source="run")._sample()))
    new = [key for key in pn.state.cache if key not in before]
    for key in new:
        del pn.state.cache[key]
    assert found == ["sample 1", "sample 2", "sample 2", "sample 3"]
    assert len(new) == 1


def test_a_run_that_cannot_be_read_does_not_tell_where_it_is(monkeypatch, caplog):
    """No answer to a visitor holds a path of the server."""

    def beside(function):
        async def ask(path, run):
            raise SedflowError("in /srv/secret/run, draws/part-000001.parquet is damaged")

        return ask

    monkeypatch.setattr(population, "beside", beside)
    run = SimpleNamespace(out="/srv/secret/run", parts=7, manifest={"settings": {"keep": 10}})
    view = PopulationView(run, source="run")
    _ = view.views
    asyncio.run(view.refresh())
    assert "cannot be read" in view._notice.object
    assert "secret" not in view._notice.object and "secret" in caplog.text


def test_medians_below_the_axis_are_quenched(sample):
    """Galaxies without a star formed lately were counted on no side."""
    answer = answer_of(sample, "quenched-fraction", EVERYONE, {"ssfr": (None, -11.0)}, "")
    assert "The medians say 100 %" in answer.facts[0]


def test_draws_above_the_axis_of_masses_are_heavy(sample):
    """They counted as the lightest, so that six of the ten heaviest galaxies were not there."""
    assert (sample.columns["mass"] >= 11.8).sum() == 10
    heavy = decoded(
        np.diff(np.uint8([[255, 3, 119, 255]]), axis=1, prepend=np.uint8(0)), "log_mstar"
    )
    assert np.isneginf(heavy[0, 0]) and np.isposinf(heavy[0, 3])
    assert np.isneginf(decoded(np.uint8([[255]]), "log_ssfr_100myr")).all()
    assert np.isnan(decoded(np.uint8([[255]]), "log_z_mw_solar")).all()

"""`sedflow.Population` and `sedflow population`, on a real run of the atlas and on fits."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.table import Table
from click.testing import CliRunner

import sedflow
from sedflow.cli import main
from sedflow.errors import SedflowError, UnknownName
from sedflow.population import Population
from sedflow.population.evidence import spreads
from sedflow.population.grid import check_ends, edges_of
from sedflow.population.members import NOT_IN_SAMPLE, Members, members_of
from sedflow.population.named_ids import chosen_rows
from sedflow.population.notes import _times
from sedflow.population.prior import PriorShares

OF = "log_mstar,log_ssfr_100myr"


def _catalogue(path, n=16):
    nsa = sedflow.load_nsa()
    rows = np.random.default_rng(5).choice(len(nsa.ids), n, replace=False)
    nsa.table[np.sort(rows)].write(path)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of some galaxies of the atlas, with draws."""
    folder = tmp_path_factory.mktemp("population")
    path = _catalogue(folder / "atlas.fits")
    sedflow.infer_catalogue(path, folder / "run", n=200, keep=100, workers=0)
    return folder / "run"


@pytest.fixture(scope="module")
def population(run):
    return sedflow.Population(run, OF, cells=(12, 12), status=("ok", "misfit", "failed"))


def test_densities_have_an_integral_of_one(population):
    for density in (population.density, *population.quantiles([50])):
        assert (density * population.area).sum() == pytest.approx(1, abs=0.25)
    assert (population.density * population.area).sum() == pytest.approx(1)
    assert (population.prior_density * population.area).sum() <= 1 + 1e-6


def test_the_whole_run_is_accounted_for(run):
    found = sedflow.Population(run, "log_mstar")
    assert len(found) + sum(found.left_out.values()) == 16


def test_shrunk_posteriors_are_narrower_than_those_of_a_flat_prior(run):
    found = sedflow.Population(run, "log_mstar", status=("ok", "misfit", "failed"))
    table = found.galaxies()
    own = table["log_mstar_p84"] - table["log_mstar_p16"]
    shrunk = table["log_mstar_shrunk_p84"] - table["log_mstar_shrunk_p16"]
    assert np.median(shrunk / own) < 1.02
    np.testing.assert_allclose(found.shrunk.sum(1), 1)
    assert np.all(found.effective_draws <= 100 + 1e-6)


def test_fractions_above_agree_with_the_density(population):
    low, high = population.edges[1][[0, -1]]
    assert np.all(population.fraction_above("log_ssfr_100myr", low) == pytest.approx(1))
    assert np.all(population.fraction_above("log_ssfr_100myr", high) == pytest.approx(0))
    number = population.fraction_above("log_ssfr_100myr", -10.5)
    line = population.fraction_above("log_ssfr_100myr", lambda m: np.full_like(m, -10.5))
    flat = population.fraction_above("log_ssfr_100myr", lambda m: -10.5)
    assert np.array_equal(flat, line)
    np.testing.assert_allclose(number, line, atol=0.05)
    by = population.fraction_above("log_ssfr_100myr", -10.5, by=True, q=[50])
    assert by.shape == (1, 12)


def test_galaxies_with_few_effective_draws_are_named(population):
    few = population.effective_draws < sedflow.population.EFFECTIVE_MIN
    assert population.few == population.ids[few].tolist()
    said = any("effective draws" in note for note in population.notes)
    assert said == bool(few.any())


def test_a_subset_is_on_the_same_axes(population):
    half = population.subset(np.arange(12))
    assert len(half) == 12
    np.testing.assert_array_equal(half.edges[0], population.edges[0])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.ones(3, bool), "the mask has 3 rows"),
        ([0, 99], "an index is beyond"),
        ([0.5] * 12, "give a mask"),
        (np.ma.array(np.ones(16, bool), mask=np.arange(16) < 2), "has 2 values missing"),
        ([], "give a mask"),
        ([*range(12), 3], "rows name galaxy 3 2 times.* give each index once"),
        ([*range(12), -16], "rows name galaxy 0 2 times"),
        (np.arange(16) % 2, "rows name galaxy 0 8 times.* give a mask of true and false"),
        ((np.arange(16) < 12).astype(np.uint8), "give a mask of true and false"),
        (pd.Series([True] * 16, index=range(1, 17)), "does not hold the IDs of these galaxies"),
    ],
)
def test_rows_that_choose_no_galaxies_are_refused(population, rows, words):
    for choose in (population.subset, population.selected):
        with pytest.raises(SedflowError, match=words):
            choose(rows)


def test_a_series_is_a_mask_by_id(population):
    """It went by place, so that a sorted table chose other galaxies."""
    chosen = np.arange(16) < 12
    backwards = pd.Series(chosen[::-1], index=population.ids[::-1])
    for dtype in ("bool", "boolean", "bool[pyarrow]"):
        mask = backwards.astype(dtype)
        np.testing.assert_array_equal(population.subset(mask).ids, population.ids[chosen])
    np.testing.assert_array_equal(population.subset(pd.Series(chosen)).ids, population.ids[chosen])
    counted = np.array([2, 0, 1])  # 0, 1, 2 are IDs, where all galaxies have such
    assert chosen_rows(pd.Series([True, False, False]), counted).tolist() == [1]
    with pytest.raises(SedflowError, match="has the IDs of some of these galaxies"):
        chosen_rows(pd.Series([True, False, False]), counted + 1)


def test_galaxies_selected_by_their_data_keep_the_prior_of_all(population):
    chosen = np.arange(16) < 12
    found = population.selected(chosen)
    np.testing.assert_array_equal(found.ids, population.ids[chosen])
    np.testing.assert_array_equal(found.shrunk, population.shrunk[chosen])
    assert (found.density * found.area).sum() == pytest.approx(1)
    assert found.n_whole == len(population) and found.is_selected
    assert any("selected by their data" in note for note in found.notes)
    with pytest.raises(SedflowError, match="select from all"):
        found.selected(slice(10))
    with pytest.raises(SedflowError, match="select from all"):
        found.subset(slice(10))


def test_what_the_whole_sample_leaves_out_is_not_said_of_a_part(run):
    whole = sedflow.Population(run, "log_mstar", status=("ok", "misfit", "failed"))
    whole.left_out = {"failed": 3}
    part = whole.subset(slice(12))
    assert "The sample leaves out: 3 failed." in whole.notes
    (said,) = (note for note in part.notes if "leaves out" in note)
    assert said.startswith(f"The whole sample, of which {len(whole)} galaxies enter, leaves out")


def test_weights_are_taken_by_id(run):
    plain = sedflow.Population(run, "log_mstar")
    weights = {i: 1.0 + (k % 3) for k, i in enumerate(plain.ids.tolist())}
    found = sedflow.Population(run, "log_mstar", weights=weights)
    assert found.total[0] == sum(weights.values())
    assert not np.allclose(found.density, plain.density)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"of": "log_mstr"}, "no quantity is called"),
        ({"of": "log_mstar,log_mstar"}, "different quantities"),
        ({"of": "log_mstar", "cells": 2}, "cells"),
        ({"of": "log_mstar", "ranges": {"log_mstar": (11, 9)}}, "the lower one first"),
        ({"of": "log_mstar", "weights": {}}, "have no weight"),
        ({"of": "log_mstar", "status": ("misfit",)}, "needs 10"),
    ],
)
def test_bad_requests_are_refused_in_a_sentence(run, options, words):
    with pytest.raises((SedflowError, UnknownName), match=words):
        sedflow.Population(run, **options)


@pytest.mark.parametrize("kind", [sedflow.Population, sedflow.population.StreamedPopulation])
def test_what_is_left_out_may_be_named_by_ids_of_any_kind(run, kind):
    """A column of floats or bytes had named nobody, without a word."""
    first = int(sedflow.Population(run, "log_mstar").ids[0])
    for ids in (
        [first],
        [float(first)],
        np.array([first], float),
        [str(first).encode()],
        pd.Series([first, 10**12]),
        {first: 1},
    ):
        found = kind(run, "log_mstar", without=ids)
        assert found.left_out[NOT_IN_SAMPLE] == 1, ids
        told = any("Of the IDs in without, 1 are not those" in note for note in found.notes)
        assert told == (len(ids) > 1)
    for ids, words in (
        (pd.Series([first, np.nan]), "without: an ID is missing"),
        ([10**12], "none of the 1 IDs in without is one of these galaxies"),
        (str(first), "give a list of IDs"),
        ([0.5], "without: ids are floating-point numbers"),
    ):
        with pytest.raises(SedflowError, match=words):
            kind(run, "log_mstar", without=ids)


def test_a_run_without_draws_is_refused(tmp_path):
    sedflow.infer_catalogue(_catalogue(tmp_path / "a.fits", 1), tmp_path / "run", n=20, workers=0)
    with pytest.raises(SedflowError, match="--keep 200"):
        sedflow.Population(tmp_path / "run", "log_mstar")


def test_misfits_without_an_exact_posterior_are_left_out():
    """Their draws, which no weights had corrected, were counted among those of misfits."""
    nsa = sedflow.load_nsa()
    fit = sedflow.fit(nsa.photometry(nsa.ids[:14]), n=100, trust="weights")
    kind = np.array(["exact (weights)"] * 12 + ["misfit"] * 2, dtype=object)
    known = np.where(np.arange(14) < 13, 0.0, np.nan)
    fit = replace(fit, verdict=replace(fit.verdict, kind=kind, log_evidence=known))
    both = sedflow.Population(fit, "log_mstar", status=("ok", "misfit"))
    assert len(both) == 13
    assert both.left_out == {"misfit without an exact posterior": 1}
    assert len(sedflow.Population(fit, "log_mstar", status=("ok", "misfit", "failed"))) == 14
    good = sedflow.Population(fit, "log_mstar")
    assert good.left_out["misfit"] >= 2


def test_fits_in_memory_give_a_population():
    nsa = sedflow.load_nsa()
    fit = sedflow.fit(nsa.photometry(nsa.ids[:12]), n=100, trust="weights")
    found = sedflow.Population(fit, "log_mstar", status=("ok", "misfit", "failed"))
    assert len(found) == 12
    assert found.prior_error == 0
    named = replace(fit.photometry, ids=np.char.encode(nsa.ids[:12].astype(str)))
    in_fits = sedflow.Population(
        replace(fit, photometry=named),
        "log_mstar",
        status=("ok", "misfit", "failed"),
        without=[named.ids[0], str(nsa.ids[3])],
    )
    assert len(in_fits) == 10  # FITS columns are bytes
    many = pd.Series(np.arange(1.0, 13), index=found.ids)
    by_id = [
        sedflow.Population(fit, "log_mstar", status=("ok", "misfit", "failed"), weights=w).weights
        for w in (many, many[::-1], many.to_numpy())
    ]
    np.testing.assert_array_equal(by_id[0], by_id[1])  # by ID, not by place
    np.testing.assert_array_equal(by_id[0], by_id[2])
    mixed = np.random.default_rng(1).permutation(12)
    numbered = replace(fit, photometry=replace(fit.photometry, ids=mixed))
    rows = sedflow.Population(
        numbered,
        "log_mstar",
        status=("ok", "misfit", "failed"),
        weights=pd.Series(np.arange(1.0, 13)),
    )
    np.testing.assert_array_equal(rows.weights, 1.0 + rows.ids)  # its index is the IDs
    some = replace(fit, photometry=replace(fit.photometry, ids=np.append(mixed[1:], 99)))
    with pytest.raises(SedflowError, match=r"0 to 11, has the IDs of some .* such as 99; give its"):
        sedflow.Population(
            some,
            "log_mstar",
            status=("ok", "misfit", "failed"),
            weights=pd.Series(np.arange(1.0, 13)),
        )
    masked = np.ma.array(np.ones(12), mask=np.arange(12) < 1)
    with pytest.raises(SedflowError, match=r"weight of .* is nan"):
        sedflow.Population(fit, "log_mstar", status=("ok", "misfit", "failed"), weights=masked)


def test_two_weights_of_one_galaxy_are_refused(fit, run):
    ids = fit.photometry.ids.tolist()
    again = [*ids, ids[3]]
    twice = pd.Series(np.arange(1.0, 14), index=again)
    mixed = {**dict.fromkeys(ids, 1.0), str(ids[3]): 2.0}
    for weights in (twice, mixed):
        with pytest.raises(SedflowError, match=f"have the ID '{ids[3]}' 2 times"):
            sedflow.Population(fit, "log_mstar", status=ALL, weights=weights)
    population = sedflow.Population(fit, "log_mstar", status=ALL)
    with pytest.raises(SedflowError, match="2 times"):
        population.subset(slice(None), weights=twice)
    with pytest.raises(SedflowError, match="2 times"):
        sedflow.population.StreamedPopulation(run, "log_mstar", weights=mixed)


def test_weights_know_ids_of_any_kind(fit, run):
    """As `without` does: pandas makes floats of a column that once had a gap."""
    ids, w = fit.photometry.ids, np.arange(1.0, 13)
    for weights in (
        pd.Series(w, index=ids.astype(float))[::-1],
        dict(zip(ids.astype(float), w, strict=True)),
        pd.Series(w, index=np.char.encode(ids.astype(str))),
    ):
        found = sedflow.Population(fit, "log_mstar", status=ALL, weights=weights)
        np.testing.assert_array_equal(found.weights, w)
    rows = replace(fit, photometry=replace(fit.photometry, ids=np.arange(12)[::-1]))
    by_id = sedflow.Population(rows, "log_mstar", status=ALL, weights=pd.Series(w, index=w - 1))
    np.testing.assert_array_equal(by_id.weights, w[::-1])  # floats 0, 1, 2 ... are IDs, too
    mine = sedflow.Population(run, "log_mstar").ids
    many = dict.fromkeys(mine.astype(float).tolist(), 2.0)
    streamed = sedflow.population.StreamedPopulation(run, "log_mstar", weights=many)
    assert streamed.total[0] == 2.0 * len(mine)
    for index, words in (
        (ids + 0.5, "weights: ids are floating-point"),
        ([*ids[1:].tolist(), None], "weights: an ID is missing"),
        (pd.MultiIndex.from_arrays([ids, ids]), "of the type tuple"),
    ):
        with pytest.raises(SedflowError, match=words):
            named = pd.Series(w, index=index)
            sedflow.Population(fit, "log_mstar", status=ALL, weights=named)
    with pytest.raises(SedflowError, match="IDs of several parts"):
        pairs = {(k, k): 1.0 for k in ids.tolist()}
        sedflow.Population(fit, "log_mstar", status=ALL, weights=pairs)


def test_weights_may_have_a_unit(fit):
    xarray = pytest.importorskip("xarray")
    ids, w = fit.photometry.ids, np.arange(1.0, 13)
    for weights in (
        w / u.Mpc**3,
        1e-9 * w / u.kpc**3,
        100 * w * u.percent,
        w * u.one,
        dict(zip(ids, w / u.Mpc**3, strict=True)),
        xarray.DataArray(w[::-1], coords={"id": ids[::-1]}, dims="id").to_series(),
    ):
        found = sedflow.Population(fit, "log_mstar", status=ALL, weights=weights)
        np.testing.assert_allclose(found.weights, w)
    for weights, words in (
        (w * u.Mpc**3, "weight has the unit 'Mpc3'; give a quantity in Mpc-3"),
        (w + 0j, "weight must be numbers: there are complex numbers"),
        (w > 0, "weight must be numbers: there are booleans"),
        (pd.DataFrame({"w": w}, index=ids), r"shape \(12, 1\)"),
        (xarray.DataArray(w, coords={"id": ("x", ids)}, dims="x"), r"give weights\.to_series"),
    ):
        with pytest.raises(SedflowError, match=words):
            sedflow.Population(fit, "log_mstar", status=ALL, weights=weights)


@pytest.mark.parametrize("kind", [sedflow.Population, sedflow.population.StreamedPopulation])
def test_ranges_that_are_no_pair_of_numbers_are_refused(run, kind):
    for ends, words in (
        ((9.5 * u.dex, 11 * u.dex), "the range of log_mstar has the unit 'dex'; give plain"),
        ((9.5 * u.dex, 11), "the range of log_mstar must be numbers: their units differ"),
        (("9.5", "11"), "the range of log_mstar must be numbers"),
        ((9.5, 10, 11), r"give \(LOW, HIGH\)"),
        (9.5, r"give \(LOW, HIGH\)"),
        ((), r"give \(LOW, HIGH\)"),
    ):
        with pytest.raises(SedflowError, match=words):
            kind(run, "log_mstar", ranges={"log_mstar": ends})
    with pytest.raises(SedflowError, match="by the name of a quantity"):
        kind(run, "log_mstar", ranges=(9.5, 11))
    ends = kind(run, "log_mstar", ranges={"log_mstar": np.array([7.0, 12.0])}).edges[0]
    assert ends[[0, -1]].tolist() == [7, 12]


def test_the_command_takes_weights_from_a_table(run, tmp_path):
    ids = sedflow.Population(run, "log_mstar").ids
    path = tmp_path / "weights.csv"
    Table({"id": ids, "weight": 2.0 + np.arange(len(ids))}).write(path)
    command = ["population", str(run), "--weights", str(path), "--json"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["total"][0] == (2.0 + np.arange(len(ids))).sum()
    text = [f"{ident}.0" for ident in ids]  # as pandas writes a column with a gap
    Table({"id": text, "weight": 2.0 + np.arange(len(ids))}).write(path, overwrite=True)
    done = CliRunner().invoke(main, command)
    assert json.loads(done.stdout)["total"][0] == (2.0 + np.arange(len(ids))).sum()
    Table({"name": ids, "weight": 2.0 + np.arange(len(ids))}).write(path, overwrite=True)
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1
    assert "no column id" in done.output


def test_the_command_writes_what_it_says(run, tmp_path):
    paths = [tmp_path / name for name in ("density.parquet", "galaxies.parquet", "figure.png")]
    options = ["-o", paths[0], "--galaxies", paths[1], "--figure", paths[2], "--json"]
    command = ["population", run, "--of", OF, "--cells", "10,10", *options]
    done = CliRunner().invoke(main, list(map(str, command)))
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["quantities"] == OF.split(",")
    density = Table.read(paths[0])
    assert len(density) == 100
    assert np.all(density["density_p2.5"] <= density["density_p97.5"])
    assert len(Table.read(paths[1])) == document["galaxies"]
    assert paths[2].read_bytes()[:4] == b"\x89PNG"


@pytest.fixture(scope="module")
def fit():
    nsa = sedflow.load_nsa()
    return sedflow.fit(nsa.photometry(nsa.ids[:12]), n=100, trust="weights")


ALL = ("ok", "misfit", "failed")


def test_a_galaxy_that_has_failed_is_known_by_its_id(fit):
    ids = fit.photometry.ids
    verdict = replace(fit.verdict, kind=np.where(np.arange(12) == 3, "failed", "exact (weights)"))
    found = sedflow.Population(replace(fit, verdict=verdict), "log_mstar", without=[ids[3]])
    assert ids[3] not in found.ids and not any("in without" in note for note in found.notes)


def test_fits_keep_the_ids_of_their_galaxies(fit):
    """Whatever order the IDs have: they were numbers of rows, to which weights by ID fell."""
    given = replace(fit, photometry=replace(fit.photometry, ids=np.arange(12)[::-1].copy()))
    weights = {k: 1.0 + k for k in range(12)}
    found = sedflow.Population(given, "log_mstar", status=ALL, weights=weights)
    np.testing.assert_array_equal(found.ids, given.photometry.ids)
    np.testing.assert_array_equal(found.weights, 1.0 + given.photometry.ids)
    np.testing.assert_array_equal(found.redshift, given.photometry.redshift)
    assert found.galaxies()["id"].tolist() == given.photometry.ids.tolist()
    apart = sedflow.Population([fit[k] for k in range(12)], "log_mstar", status=ALL)
    np.testing.assert_array_equal(apart.ids, fit.photometry.ids)


def test_ids_of_two_types_stay_exact(fit):
    """numpy makes floating-point numbers of them together."""
    ids = [np.array(2**63 + 1 + k if k % 2 else -1 - k) for k in range(12)]
    fits = [
        replace(one, photometry=replace(one.photometry, ids=ident))
        for one, ident in zip((fit[k] for k in range(12)), ids, strict=True)
    ]
    found = sedflow.Population(fits, "log_mstar", status=ALL)
    assert found.ids.tolist() == [str(ident) for ident in ids]


def test_a_galaxy_does_not_count_twice(fit):
    with pytest.raises(SedflowError, match="the galaxy 72 appears in the fits 2 times"):
        sedflow.Population([fit, fit], "log_mstar", status=ALL)
    nameless = replace(fit, photometry=replace(fit.photometry, ids=None))
    with pytest.raises(SedflowError, match="a Fit is given twice"):
        sedflow.Population([nameless, nameless], "log_mstar", status=ALL)
    assert sedflow.Population(nameless, "log_mstar", status=ALL).ids.tolist() == [*range(12)]


def test_a_run_of_other_galaxies_is_no_rerun(run):
    """Of two catalogues whose rows are numbered from 0, the first was gone without a word."""
    one = members_of(run, ("log_mstar",), ("ok", "misfit", "failed"))
    assert len(one.replaced_by(one)) == len(one)
    with pytest.raises(SedflowError, match="neither is a rerun of the other"):
        one.replaced_by(replace(one, redshift=one.redshift * 1.01))


def test_fits_of_any_shape_give_members(nsa, posterior):
    """A batch on two axes ended in a traceback."""
    two = nsa.photometry(nsa.ids[:2], posterior.bands)
    parts = (x.reshape(1, 2, -1) for x in (two.flux, two.sigma))
    one = sedflow.Photometry(*parts, two.redshift.reshape(1, 2), two.bands)
    made = sedflow.fit(one, posterior, n=100, trust="weights")
    assert len(members_of(made, ("log_mstar",), ("ok", "misfit", "failed"))) == 2


def test_fits_of_two_grids_of_one_name_are_not_one_population(fit):
    grid = replace(fit.model.grid, luminosity=2 * fit.model.grid.luminosity)
    other = replace(fit, model=sedflow.SEDModel(grid), photometry=fit.photometry)
    with pytest.raises(SedflowError, match="two SSP grids that are both called 'fsps'"):
        sedflow.Population([fit[:6], other[6:]], "log_mstar", status=ALL)


def test_fits_of_two_ages_of_birth_clouds_are_not_one_population(fit):
    other = replace(fit, model=sedflow.SEDModel(birth_cloud_age_gyr=0.1))
    with pytest.raises(SedflowError, match=r"birth clouds of 0\.01 and 0\.1 Gyr; give fits of one"):
        sedflow.Population([fit[:6], other[6:]], "log_mstar", status=ALL)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": np.full(12, 1e308)}, "is 1e[+]308, and weights go from"),
        ({"weights": np.r_[np.ones(11), 1e-300]}, "is 1e-300, and weights go from"),
        ({"weights": {72: 1.0, "72": 2.0}}, "have the ID .72. 2 times"),
        ({"ranges": {"log_mstar": (-1e300, 1e300)}}, "both within 1e[+]06"),
        ({"ranges": {"log_mstar": (9, np.inf)}}, r"\(LOW, HIGH\)\}, the lower one first"),
    ],
)
def test_numbers_that_overflow_are_refused(fit, options, words):
    with pytest.raises(SedflowError, match=words):
        sedflow.Population(fit, "log_mstar", status=ALL, **options)


def test_one_weight_far_above_the_others_is_said(fit):
    weights = np.r_[np.full(11, 1e-90), 1e90]
    found = sedflow.Population(fit, "log_mstar", status=ALL, weights=weights)
    assert np.isfinite(found.density).all()
    assert "leave 1 effective galaxies" in found.notes[0]
    assert "fewer than 50 effective galaxies are too narrow" in found.notes[1]


def test_few_galaxies_of_weights_alike_are_not_told_to_weigh_alike(fit):
    for weights in (np.ones(12), np.linspace(1.0, 1.3, 12)):
        found = sedflow.Population(fit, "log_mstar", status=ALL, weights=weights)
        assert "leave 12 effective galaxies" in found.notes[0]
        assert not any("too narrow" in note for note in found.notes)


def test_a_status_may_be_given_alone(fit):
    one, listed = (sedflow.Population(fit, "log_mstar", status=s) for s in ("ok", ("ok",)))
    np.testing.assert_array_equal(one.ids, listed.ids)


def test_the_command_refuses_two_weights_of_one_id(run, tmp_path):
    ids = sedflow.Population(run, "log_mstar").ids
    path = tmp_path / "weights.csv"
    Table({"id": [*ids, ids[0]], "weight": np.ones(len(ids) + 1)}).write(path)
    done = CliRunner().invoke(main, ["population", str(run), "--weights", str(path)])
    assert done.exit_code == 1
    assert f"the ID {ids[0]} appears in 2 rows" in done.output


def test_unchecked_fits_are_no_population(posterior, fit):
    raw = sedflow.fit(fit.photometry, posterior, n=100, trust=None)
    with pytest.raises(SedflowError, match=r"is unchecked.*sedflow.reweight"):
        sedflow.Population(raw, "log_mstar", status=ALL)
    weighed = sedflow.reweight(raw, min_ess=0)
    found = sedflow.Population(weighed, "log_mstar", status=ALL)
    assert len(found) + sum(found.left_out.values()) == len(fit)


def _mock(n=1500, width=0.4, error=0.15, seed=1):
    """Members of N(10.3, width) with draws of equal weight, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(10.3, width, n)
    seen = truth + error * rng.normal(size=n)
    draws = seen[:, None] + error * rng.normal(size=(n, 100))
    shares = np.full(draws.shape, 1 / 100)
    values = draws[..., None].astype(np.float32)
    model = sedflow.SEDModel()
    ids, redshift = np.arange(n), np.full(n, 0.05)
    return Members(ids, redshift, values, shares, sedflow.Prior(), model, {}, "more"), truth


def test_ends_that_go_through_posteriors_are_refused_or_told():
    """Galaxies outside counted as inside, and piled up in the outermost cells."""
    members, _ = _mock()
    names, edges = ("log_mstar",), (np.linspace(10, 10.6, 31),)
    with pytest.raises(SedflowError, match=r" % of the draws of those that would enter are beyond"):
        check_ends(members, edges, names, {"log_mstar": (10, 10.6)})
    through = Population.of_members(members, names, edges)
    assert any("the outermost cells hold about so much too much" in note for note in through.notes)
    whole = Population.of_members(members, names, (np.linspace(8.5, 12, 41),))
    assert whole.beyond < 0.001
    assert not any("outermost" in note for note in whole.notes)


@pytest.mark.parametrize(("error", "told"), [(0.0, False), (0.005, False), (0.3, True)])
def test_how_well_the_prior_is_counted_is_told_where_it_matters(error, told):
    members, _ = _mock(300)
    edges, shares = (np.linspace(8.5, 12, 36),), np.full((1, 35), 1 / 35)
    prior = PriorShares(np.array([0.05]), shares, np.full(shares.shape, error))
    found = Population.of_members(members, ("log_mstar",), edges, prior=prior)
    said = [note for note in found.notes if "counted" in note]
    assert bool(said) == told
    assert all("leaves 30 % on the density in a cell" in note for note in said)


def test_widths_of_galaxies_do_not_depend_on_how_many_draws_they_have():
    """Those of few draws were too small, which a small difference to the prior's magnifies."""
    values = np.random.default_rng(4).normal(size=(4000, 200, 1)).astype(np.float32)
    members = replace(_mock(4000)[0], values=values, shares=np.full(values.shape[:2], 1 / 200))
    few = replace(members, values=values[:, :10], shares=np.full((4000, 10), 1 / 10))
    many, some = (np.square(spreads(one)).mean() for one in (members, few))
    assert some == pytest.approx(many, rel=0.02)


def test_the_width_of_a_galaxy_is_that_of_the_draws_that_have_a_value():
    """The log of no star formation is none: it does not count as 0."""
    values = np.random.default_rng(3).normal(-12.0, 0.5, (20, 400, 1))
    values[:, ::4] = -np.inf
    values[:, 1::4] = np.nan
    members = replace(_mock(20)[0], values=values, shares=np.full((20, 400), 1 / 400))
    assert np.median(spreads(members)) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(
    ("own", "words"),
    [(1.83, "some 5 times"), (1.95, "some 20 times"), (1.99, "more than 50 times")],
)
def test_what_galaxies_hardly_tell_is_off_by_a_round_number_of_times(own, words):
    """The ratio itself was 63 or 20 for widths of 0.86 and 0.84."""
    assert _times(own, 2.0) == words


def test_galaxies_that_hardly_tell_a_quantity_do_not_show_its_features_either():
    members, _ = _mock(300)
    values = np.random.default_rng(5).uniform(7.0, 12.5, members.values.shape)
    members = replace(members, values=values.astype(np.float32))
    found = Population.of_members(members, ("log_mstar",), (np.linspace(7, 12.5, 23),))
    said = " ".join(found.notes)
    assert "hardly tell it" in said and "in their width" in said and "features narrower" in said
    assert "use neither its mean nor its width" in said and "too wide" not in said


@pytest.mark.parametrize("cells", [15, 24, 40])
def test_the_width_of_a_population_is_that_of_cells_that_are_even(cells):
    """That of their middles was 5 % too small where cells are as wide as the population."""
    members, truth = _mock(3000, width=0.25, error=0.1)
    edges = (np.linspace(7, 12, cells + 1),)
    moments = Population.of_members(members, ("log_mstar",), edges).moments()
    spread = moments[moments["moment"] == "standard deviation"]["p50"][0]
    assert spread == pytest.approx(truth.std(), rel=0.04)


def test_few_draws_do_not_widen_a_population():
    """The log of a mean over draws is too low, most of all of a narrow density: 5 % too wide."""
    for seed in (1, 2):
        members, truth = _mock(4000, width=0.3, error=0.4, seed=seed)
        moments = Population.of_members(
            members, ("log_mstar",), (np.linspace(8, 12.5, 41),)
        ).moments()
        spread = moments[moments["moment"] == "standard deviation"]["p50"][0]
        assert spread == pytest.approx(truth.std(), rel=0.03)


@pytest.mark.parametrize(("width", "said"), [(0.15, True), (0.6, False)])
def test_what_the_noise_of_draws_leaves_is_said(width, said):
    members, _ = _mock(3000, width=width, error=0.4)
    found = Population.of_members(members, ("log_mstar",), (np.linspace(8, 12.5, 41),))
    assert said == any("% too wide; more" in note for note in found.notes)


def test_axes_go_by_the_shares_of_draws():
    """Copies without a share, of galaxies that were not run again, were counted like draws."""
    members, _ = _mock(200)
    tails = 0.2 * np.random.default_rng(2).standard_t(5, members.values.shape)
    members = replace(members, values=np.float32(10 + tails.clip(-3, 2)))
    few = members.subset(slice(5))
    shares, values = np.tile(few.shares / 8, 8), np.tile(few.values, (1, 8, 1))
    rerun = replace(few, values=values, shares=shares)
    (before,), (after,) = (
        edges_of(one, ("log_mstar",), {}, (40,)) for one in (members, members.replaced_by(rerun))
    )
    np.testing.assert_allclose(after, before, atol=0.02)

"""Catalogue inference: every row by itself, partitions that survive, nothing overwritten."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import psutil
import pytest
from astropy.table import Table
from click.testing import CliRunner
from flat_table import flat

import sedflow
from sedflow.bands import UGRIZ
from sedflow.catalogue import infer
from sedflow.catalogue.column_names import PATTERNS
from sedflow.catalogue.infer import infer_partition, infer_rows, row_seed
from sedflow.catalogue.ledger import Ledger
from sedflow.catalogue.presets import presets
from sedflow.catalogue.read.open import open_catalogue
from sedflow.catalogue.rows import guess_mapping
from sedflow.catalogue.run import infer_catalogue, load_manifest, result_files
from sedflow.cli import main
from sedflow.errors import BadWeights, SedflowError
from sedflow.figures.run_page import write_run_page
from sedflow.network.left_out import _N_DRAW as N_LEFT_OUT

N = 100  # draws; enough for results that differ wherever anything does


def mapping_of(table, unit="nanomaggies"):
    return guess_mapping(table).in_unit(unit)


@pytest.fixture(scope="module")
def galaxies(nsa):
    return flat(nsa, slice(0, 9000, 1500))


@pytest.fixture(scope="module")
def inferred(galaxies, posterior):
    return infer_rows(galaxies, mapping_of(galaxies), posterior, n=N, keep=10)


@pytest.mark.parametrize(
    ("bands", "others"),
    [("r", "G"), ("griz", "y"), ("ugr", "K, flux_W3, flux_ha")],
)
def test_bands_of_other_names_are_told(bands, others):
    """A galaxy was inferred from the other bands without a word."""
    letters = [*bands, *others.replace("flux_", "").split(", ")]
    names = [name for b in letters for name in (f"flux_{b}", f"flux_err_{b}")]
    mapping = guess_mapping({name: [1.0] for name in ("redshift", *names, "size", "size_err")})
    assert [*mapping.bands] == [*bands]
    which = "of no band that is known here by that name; a mapping may say which"
    assert mapping.notes == (f"not read: flux_{others}, {which}",)


def test_each_row_has_a_posterior_verdict_and_figures(galaxies, inferred, posterior):
    frame, draws = inferred
    assert frame.id.tolist() == galaxies.id.tolist()
    assert frame.row.tolist() == list(range(len(galaxies)))
    assert set(frame.status) <= set(infer.STATUS)
    assert (frame.n_band == 5).all()
    assert (frame.log_mstar_p16 < frame.log_mstar_p84).all()
    assert np.isfinite(frame[["k_hat", "ess", "chi2", "p_value", "a_v_p50"]]).all(axis=None)
    np.testing.assert_array_equal(frame.flux_r, galaxies.flux_r)
    assert draws.shape == (len(galaxies), 10, 12)
    assert frame.log_mstar_p50.to_numpy() == pytest.approx(np.median(draws[..., 0], 1), abs=0.3)


def test_neither_order_nor_company_changes_a_bit(galaxies, inferred, posterior):
    mapping = mapping_of(galaxies)
    turned = infer_partition(galaxies[::-1], mapping, posterior, n=N)[::-1]
    alone = [
        infer_partition(galaxies[k : k + 1], mapping, posterior, n=N, first=k)
        for k in range(len(galaxies))
    ]
    for other in (turned.assign(row=range(len(galaxies))), pd.concat(alone)):
        pd.testing.assert_frame_equal(other.reset_index(drop=True), inferred[0], check_exact=True)


def test_a_row_is_what_fit_finds_with_its_seed(galaxies, inferred, posterior, nsa):
    frame = inferred[0]
    row = int(np.flatnonzero(frame.verdict == "exact (weights)")[0])
    ident = int(frame.id[row])
    fit = sedflow.fit(nsa.photometry(ident), posterior, n=N, seed=row_seed(1, ident), trust="auto")
    for name in ("log_mstar", "tau_ism", "t_burst"):
        expected = fit.draws.quantile(fit.draws[name], (0.16, 0.5, 0.84))
        got = [frame[f"{name}_p{q}"][row] for q in (16, 50, 84)]
        np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert frame.k_hat[row] == pytest.approx(float(fit.verdict.k_hat), rel=1e-6)
    assert frame.chi2[row] == pytest.approx(fit.predicted.chi2.min(), rel=1e-5)


def test_seeds_come_from_run_seed_and_id(galaxies, inferred, posterior):
    mapping = mapping_of(galaxies)
    other = infer_partition(galaxies[:1], mapping, posterior, n=N, seed=2)
    assert other.tau_ism_p50[0] != inferred[0].tau_ism_p50[0]
    renamed = infer_partition(galaxies[:1].assign(id=["NGC 1"]), mapping, posterior, n=N)
    assert renamed.id[0] == "NGC 1"
    assert renamed.tau_ism_p50[0] != inferred[0].tau_ism_p50[0]
    text = galaxies[:1].assign(id=galaxies.id[:1].astype(str))
    same = infer_partition(text, mapping, posterior, n=N, id_kind="str")
    assert same.tau_ism_p50[0] == inferred[0].tau_ism_p50[0]
    assert len({row_seed(1, k) for k in range(1000)}) == 1000
    assert row_seed(1, "größe") == row_seed(1, "größe") < 2**63


def test_an_empty_partition_has_the_schema(galaxies, inferred, posterior):
    empty = infer_partition(galaxies[:0], mapping_of(galaxies), posterior)
    assert len(empty) == 0
    pd.testing.assert_series_equal(empty.dtypes, inferred[0].dtypes)
    pd.testing.assert_series_equal(infer.meta(posterior).dtypes, inferred[0].dtypes)


def test_bad_rows_are_kept_with_their_reason_and_change_nothing(galaxies, inferred, posterior):
    spoilt = galaxies.copy()
    spoilt.loc[1, "redshift"] = -1.0
    spoilt.loc[2, [f"flux_ivar_{b}" for b in UGRIZ]] = 0.0
    spoilt.loc[3, "redshift"] = 0.9
    frame, draws = infer_rows(spoilt, mapping_of(spoilt), posterior, n=N, keep=10)
    assert frame.status[[1, 2, 3]].tolist() == ["bad row", "bad row", "failed"]
    assert frame.id.tolist() == galaxies.id.tolist()
    assert "redshift = -1.0" in frame.reason[1]
    assert "no flux" in frame.reason[2]
    assert "0.9" in frame.reason[3]
    assert frame.loc[1:3, "log_mstar_p50"].isna().all()
    assert np.isnan(draws[1:4]).all()
    for row in (0, 4, 5):
        pd.testing.assert_series_equal(frame.loc[row], inferred[0].loc[row], check_exact=True)
    counts = infer.count_rows(frame)
    assert counts["rows"] == 6
    assert counts["status"]["bad row"] == 2
    assert sum(entry["rows"] for entry in counts["reasons"].values()) >= 3


def test_missing_bands_are_counted_and_used(galaxies, posterior):
    table = galaxies[:1].copy()
    table["flux_u"] = np.nan
    frame = infer_partition(table, mapping_of(table), posterior, n=N)
    assert frame.n_band[0] == 4
    assert frame.status[0] == "ok"
    without = table.drop(columns=["flux_u", "flux_ivar_u"])
    other = infer_partition(without, mapping_of(without), posterior, n=N)
    pd.testing.assert_frame_equal(frame, other, check_exact=True)


def test_a_bug_in_one_row_does_not_lose_the_others(galaxies, inferred, posterior, monkeypatch):
    def broken(theta, redshift, model, derive=infer.derive):
        if redshift == galaxies.redshift[1]:
            raise ZeroDivisionError("a bug")
        return derive(theta, redshift, model)

    monkeypatch.setattr(infer, "derive", broken)
    frame = infer_partition(galaxies[:2], mapping_of(galaxies), posterior, n=N)
    assert frame.status.tolist() == [inferred[0].status[0], "failed"]
    assert "unexpected ZeroDivisionError: a bug" in frame.reason[1]


def test_a_damaged_network_ends_the_run(galaxies, posterior, monkeypatch):
    """It would fail every galaxy, for a reason that is none of theirs."""

    real, damaged = type(posterior).sample, []

    def sample(self, galaxy, n=10_000, seed=None):
        if n in damaged or not damaged:
            raise BadWeights("the graph cannot be loaded")
        return real(self, galaxy, n, seed)

    monkeypatch.setattr(type(posterior), "sample", sample)
    for only in ([], [N_LEFT_OUT]):  # whatever it is asked, and where a band is left out
        damaged[:] = only
        with pytest.raises(BadWeights, match="cannot be loaded"):
            infer_partition(galaxies[:1], mapping_of(galaxies), posterior, n=N)


def test_settings_are_checked(galaxies, posterior):
    mapping = mapping_of(galaxies)
    for options, words in (
        ({"n": 3}, "n = 3"),
        ({"trust": "yes"}, "trust = 'yes'"),
        ({"seed": -1}, "seed = -1"),
    ):
        with pytest.raises(SedflowError, match=words):
            infer_partition(galaxies, mapping, posterior, **options)
    with pytest.raises(SedflowError, match="appears in 2 rows"):
        infer_partition(galaxies.assign(id=1)[:2], mapping, posterior)
    table = {"z": [0.1], "NUV": [20.0], "magerr_NUV": [0.1]}
    with pytest.raises(SedflowError, match="the table has NUV, but the network nsa-ugriz-fsps"):
        infer_partition(table, None, posterior)


def test_reasons_are_counted_without_their_numbers():
    kind = infer.reason_kind("redshift = -1.5e-3 of NGC 7331 'a b' in log_z_p50, k-hat nan: 1,000.")
    assert kind == "redshift = # of NGC # '...' in log_z_p50, k-hat #: #."


@pytest.mark.slow
def test_infer_table_takes_files_and_climbs_to_the_top_if_asked(galaxies, posterior, tmp_path):
    path = tmp_path / "g.csv"
    galaxies.to_csv(path, index=False)
    mapping = mapping_of(galaxies)
    seen = []
    frame = sedflow.infer_table(
        path, mapping, posterior, n=500, trust="auto", progress=lambda *a: seen.append(a)
    )
    assert seen[-1] == (6, 6)
    assert frame.status.isin(["ok", "misfit"]).all()  # a posterior, whatever the model is worth
    assert frame.verdict.str.startswith("exact").all()
    first = infer_partition(galaxies, mapping, posterior, n=500)
    held = (first.verdict == "exact (weights)").to_numpy()
    assert held.sum() >= 4
    climbed, first = frame[held], first[held]
    numbers = [name for name in first if name != "reason"]
    pd.testing.assert_frame_equal(climbed[numbers], first[numbers], check_exact=True)
    # of a misfit the whole ladder also says which band is off
    assert all(map(str.startswith, climbed.reason, first.reason))


def test_pandas_gives_each_row_its_own_result(galaxies, inferred, posterior):
    """A frame that was filtered or sorted got the results of other rows."""
    mapping, truth = mapping_of(galaxies), inferred[0].log_mstar_p50
    for frame in (galaxies[galaxies.id % 2 == galaxies.id[3] % 2], galaxies[::-1], galaxies[4:]):
        for infer_them in (sedflow.infer_table, infer_partition):
            found = infer_them(frame, mapping, posterior, n=N)
            assert found.index.equals(frame.index)
            mass = frame.assign(mass=found["log_mstar_p50"]).mass
            pd.testing.assert_series_equal(mass, truth[frame.index], check_names=False)
    named = galaxies.set_axis(pd.MultiIndex.from_product([["a", "b"], [1, 2, 3]]))
    assert infer_partition(named, mapping, posterior, n=N).index.equals(named.index)
    for other in (Table.from_pandas(galaxies), galaxies.to_dict("list")):
        found = sedflow.infer_table(other, mapping, posterior, n=N)
        assert found.index.tolist() == list(range(len(galaxies)))


@pytest.mark.parametrize(
    ("index", "ids", "words"),
    [
        (pd.Index(["a", "b", "007"], name="objid"), ["a", "b", "007"], "column objid is the index"),
        ([72, 161, 5], [72, 161, 5], "column index is the index"),
        ([72.0, 161.0, 5.0], [72, 161, 5], "column index is the index"),
        ([72, 72, 5], [0, 1, 2], "as IDs: 1 of its entries come more than once"),
        ([0.5, 1.5, 2.5], [0, 1, 2], "as IDs: ids are floating-point"),
        (["a", "", "c"], [0, 1, 2], "as IDs: 1 of its entries are blank"),
        (pd.Index([7, 8, None], dtype="Int64"), [0, 1, 2], "as IDs: an ID is missing"),
        (
            pd.date_range("2026-01-01", periods=3),
            [0, 1, 2],
            "as IDs: an ID is 2026-01-01",
        ),
        (
            pd.MultiIndex.from_arrays([[1, 2, 3], [4, 5, 6]]),
            [0, 1, 2],
            "as IDs: it has 2 levels",
        ),
        ([0, 1, 2], [0, 1, 2], ""),
    ],
)
def test_an_index_of_exact_ids_serves_where_no_column_has_them(
    galaxies, posterior, index, ids, words
):
    frame = galaxies[:3].drop(columns="id").set_axis(index)
    found = sedflow.infer_table(frame, posterior=posterior, n=N, unit="nanomaggies")
    assert found.id.tolist() == ids
    assert found.index.equals(frame.index)
    said = [note for note in found.attrs["assumptions"] if "index of the data frame" in note]
    assert [words in note for note in said] == [True] * bool(words)
    held = sedflow.infer_table(frame.assign(id=[7, 8, 9]), posterior=posterior, n=N, unit="nmgy")
    assert held.id.tolist() == [7, 8, 9]


def test_a_result_has_no_name_twice(galaxies, posterior, tmp_path):
    """An index and a column called id: pandas wrote neither, after everything was computed."""
    frame = galaxies[:3].set_index("id")
    found = sedflow.infer_table(frame, posterior=posterior, n=N, unit="nanomaggies")
    assert found.index.name is None
    assert found.index.tolist() == found.id.tolist() == frame.index.tolist()
    found.to_parquet(tmp_path / "found.parquet")
    assert found.sort_values("id").id.is_monotonic_increasing


def test_the_error_of_a_redshift_is_not_that_of_the_magnitude_in_z():
    names = "id z z_err u_mag u_err g_mag g_err z_mag z_mag_err"
    mapping = sedflow.guess_mapping({n: [0.1 if n == "z" else 18.0] for n in names.split()})
    assert mapping.bands["z"].error == "z_mag_err"
    assert mapping.bands["u"].error == "u_err"


@pytest.mark.parametrize("redshift", ["z", "z_phot", "zspec", "redshift"])
@pytest.mark.parametrize(
    ("value", "error", "of_z", "also"),
    [
        ("{}_mag", "{}_err", "z_mag_err", "z_err"),
        ("f_{}", "f_{}_err", "f_z_err", "e_z"),
        ("f_{}", "e_{}", "e_f_z", "e_z"),
        ("f_{}", "f_err_{}", "f_err_z", "err_z"),
        ("flux_{}", "flux_sigma_{}", "flux_sigma_z", "sigma_z"),
        ("flux_{}", "fluxerr_{}", "fluxerr_z", "ivar_z"),
        ("{}_flux", "{}_flux_err", "z_flux_err", "z_ivar"),
        ("{}_flux", "{}_fluxerr", "z_fluxerr", "z_var"),
        ("{}_flux", "{}_var", "z_flux_var", "z_var"),
    ],
)
def test_an_error_that_names_its_value_goes_before_one_of_the_redshift(
    redshift, value, error, of_z, also
):
    names = [name.format(b) for b in "ugri" for name in (value, error)]
    table = {name: [1.0] for name in (*names, value.format("z"), of_z, also)} | {redshift: [0.1]}
    mapping = sedflow.guess_mapping(table)
    assert {b: one.error for b, one in mapping.bands.items()} == {
        **{b: error.format(b) for b in "ugri"},
        "z": of_z,
    }
    assert mapping.redshift == redshift


def test_an_error_that_is_named_as_no_other_band_s_is_not_that_of_the_band_z():
    names = [name.format(b) for b in "ugri" for name in ("f_{}", "f_{}_err")]
    mapping = sedflow.guess_mapping({name: [0.1] for name in (*names, "f_z", "z", "e_z")})
    assert list(mapping.bands) == [*"ugri"]
    assert any("not read: f_z, without errors named as those of" in s for s in mapping.notes)


@pytest.mark.parametrize(
    ("value", "error"), [("f_{}", "e_{}"), ("flux_{}", "ivar_{}"), ("{}_mag", "{}_err")]
)
def test_an_error_that_is_named_as_those_of_all_bands_is_that_of_the_band_z(value, error):
    names = [name.format(b) for b in "ugriz" for name in (value, error)]
    for redshift in ("z", "redshift"):
        mapping = sedflow.guess_mapping({name: [0.1] for name in (*names, redshift)})
        assert {b: one.error for b, one in mapping.bands.items()} == {
            b: error.format(b) for b in "ugriz"
        }


def _columns(*names, **more):
    """A table with these names of a value and others, of which {} is a band of the SDSS."""
    return {name.format(b): [18.0] for b in "ugriz" for name in names} | more


@pytest.mark.parametrize(
    ("value", "of_redshift"),
    [
        ("dered_{}", "err_z"),
        ("modelMag_{}", "err_z"),
        ("flux_{}", "sigma_z"),
        ("mag_{}", "err_z"),
        ("{}_flux", "z_var"),
        ("{}_mag", "z_err"),
    ],
)
def test_an_error_of_z_alone_is_not_that_of_one_of_several_bands(value, of_redshift):
    table = _columns(value, zspec=[0.1], **{of_redshift: [0.02]})
    said = rf"{value.format('u')}, .*have no columns of errors.* such as {value.format('u')}_err"
    with pytest.raises(SedflowError, match=said):
        sedflow.guess_mapping(table)


@pytest.mark.parametrize("error", ["{}_err", "e_{}", "sigma_{}", "err_{}", "{}_error"])
@pytest.mark.parametrize("value", ["dered_{}", "psfMag_{}", "modelMag_{}"])
def test_errors_named_by_the_values_of_a_survey_are_read(value, error):
    for redshift in ("zspec", "z"):
        table = _columns(value, error.format(value), **{redshift: [0.1], "err_z": [0.02]})
        for given in ({}, {"redshift": redshift}):
            mapping = sedflow.guess_mapping(table, **given)
            assert mapping.redshift == redshift
            assert {b: (one.value, one.error) for b, one in mapping.bands.items()} == {
                b: (value.format(b), error.format(value).format(b)) for b in "ugriz"
            }


def test_errors_named_by_their_values_do_not_go_before_a_survey_s_own_or_more_bands():
    table = _columns("psfMag_{}", "psfMagErr_{}", "psfMag_{}_err", zspec=[0.1])
    assert sedflow.guess_mapping(table).bands["u"].error == "psfMagErr_u"
    more = _columns("flux_{}", "flux_{}_err", zspec=[0.1], psfMag_g=[18.0], psfMag_g_err=[0.1])
    assert sedflow.guess_mapping(more).bands["g"].value == "flux_g"


def test_values_of_a_survey_without_errors_are_named():
    table = _columns("dered_{}", zspec=[0.1], err_r=[0.1], err_z=[0.1])
    mapping = sedflow.guess_mapping(table)
    assert list(mapping.bands) == ["r", "z"]
    said = "not read: dered_u, dered_g, dered_i, without errors named as those of dered_r, dered_z"
    assert said in mapping.notes


@pytest.mark.parametrize(
    ("value", "error", "first"),
    [
        ("dered_mag_{}", "dered_mag_{}_err", "decam2014-g"),
        ("{}KronMag", "{}KronMagErr", "panstarrs-g"),
        ("{}_cmodel_mag", "{}_cmodel_magerr", "hsc2017-g"),
    ],
)
def test_a_band_beside_those_of_a_survey_without_it_is_named(value, error, first):
    mapping = sedflow.guess_mapping(_columns(value, error, zspec=[0.1]))
    assert next(iter(mapping.bands)) == first
    said = f"not read: {value.format('u')}, not of a band that is known of "
    assert any(note.startswith(said) for note in mapping.notes)


@pytest.mark.parametrize(
    ("names", "bands"),
    [
        (("flux_{}", "flux_ivar_{}"), "griz"),
        (("FLUX_{}", "FLUX_IVAR_{}"), "GRIZ"),
        (("modelMag_{}", "modelMagErr_{}"), "griz"),
        (("{}KronMag", "{}KronMagErr"), "grizy"),
        (("{}_cModelFlux", "{}_cModelFluxErr"), "ugrizy"),
    ],
)
def test_no_band_of_a_survey_itself_is_said_to_be_of_another(names, bands):
    table = {name.format(band): [18.0] for name in names for band in bands}
    mapping = sedflow.guess_mapping(table | {"zspec": [0.1]})
    assert len(mapping.bands) == len(bands)
    assert not any("not read" in note for note in mapping.notes)


_OF_PRESETS = {one["value"] for preset in presets() for one in preset.photometry}


@pytest.mark.parametrize("value", sorted({p[0] for p in PATTERNS} | _OF_PRESETS))
def test_the_names_of_errors_that_are_proposed_are_read(value):
    for table in ({"redshift": [0.1]}, {"REDSHIFT": [0.1]}):
        names = [value.format(b=b, p="") for b in ("u", "g", "r", "i", "z")]
        names = [name.upper() if "REDSHIFT" in table else name for name in dict.fromkeys(names)]
        one = [[18.0] * 5] if "{b}" not in value else [18.0]
        table |= dict.fromkeys(names, one)
        try:
            sedflow.guess_mapping(table)
        except SedflowError as refusal:
            proposed = re.search(r"add them under names such as (\S+)$", str(refusal))
            if proposed is None:  # columns without a known name are asked about
                continue
        first = next(name for name in names if proposed[1].startswith(name))
        table |= {name + proposed[1].removeprefix(first): one for name in names}
        assert sedflow.guess_mapping(table).bands


@pytest.mark.parametrize(
    ("names", "bands", "told"),
    [
        ("z g g_err r r_err i", "gr", "not read: i, without errors named as those of g, r"),
        ("z g g_err r r_err umag e_umag", "gr", "not read: umag, named otherwise than g, r"),
        ("z g g_err r r_err J J_err H H_err", "gr", "not read: J, H; name J, H as bands"),
        ("z u_mag u_err g_mag g_err", "ug", ""),
        ("id z z_err u_mag u_magerr g_mag g_magerr z_mag", "ug", "not read: z_mag"),
        ("z z_err u_mag u_err g_mag g_err z_mag", "ugz", "z_err is taken as the error of z_mag"),
        ("redshift g g_err r r_err z z_err", "gr", "z holds redshifts by its numbers"),
    ],
)
def test_columns_of_bands_that_are_not_read_are_named(names, bands, told):
    table = {name: [0.1 if name in ("z", "redshift") else 18.0] for name in names.split()}
    mapping = sedflow.guess_mapping(table)
    assert "".join(mapping.bands) == bands
    assert any(told in note for note in mapping.notes) or not told
    assert told or not any("not read" in note for note in mapping.notes)


def test_a_band_whose_column_holds_several_numbers_a_row_is_told(galaxies):
    """It was left out without a word."""
    table = Table.from_pandas(galaxies)
    name = next(c for c in table.colnames if c.startswith("flux_u"))
    table[name] = np.repeat(np.asarray(table[name])[:, None], 2, axis=1)
    mapping = sedflow.guess_mapping(table)
    assert "u" not in mapping.bands
    assert any(f"not read: {name}, which hold several numbers" in note for note in mapping.notes)


@pytest.mark.slow
def test_dask_maps_it_over_a_data_frame(galaxies, inferred, posterior):
    import dask

    dd = pytest.importorskip("dask.dataframe")
    with dask.config.set(scheduler="synchronous"):
        mapped = dd.from_pandas(galaxies, npartitions=3).map_partitions(
            infer_partition, mapping_of(galaxies), n=N, meta=infer.meta()
        )
        frame = mapped.compute().reset_index(drop=True)
    pd.testing.assert_frame_equal(
        frame.drop(columns="row"), inferred[0].drop(columns="row"), check_exact=True
    )


@pytest.mark.heavy
def test_a_worker_of_dask_does_not_spend_its_time_on_page_faults(path):
    """Such workers give every freed array back to the system, unless told otherwise."""
    code = (
        "import resource, sys\n"
        "from sedflow.catalogue import infer\n"
        "from sedflow.catalogue.guess import guess_mapping\n"
        "from sedflow.catalogue.read.open import read_table\n"
        "table = read_table(sys.argv[1])\n"
        "mapping = guess_mapping(table).in_unit('nmgy')\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "infer.infer_rows(table, mapping)\n"
        "before = faults()\n"
        "infer.infer_rows(table, mapping)\n"
        "print((faults() - before) / len(table))\n"
    )
    environment = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env=environment, check=True, capture_output=True
    )
    assert float(done.stdout) < 5000


# A whole catalogue into a folder


@pytest.fixture(scope="module")
def path(galaxies, tmp_path_factory):
    """The galaxies as a FITS file in microjanskys, with units."""
    path = tmp_path_factory.mktemp("catalogue") / "galaxies.fits"
    Table.from_pandas(galaxies).write(path)
    return path


@pytest.fixture(scope="module")
def finished(path, galaxies, tmp_path_factory):
    """A run in this process, without dask, in three partitions."""
    out = tmp_path_factory.mktemp("run") / "out"
    infer_catalogue(path, out, mapping=mapping_of(galaxies), n=N, keep=10, part_rows=2, workers=0)
    return out


def hashes(out):
    import hashlib

    return {
        f"{kind}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest()
        for kind in ("results", "draws")
        for file in result_files(out, kind)
    }


def read(out, kind="results"):
    return pd.concat([pd.read_parquet(file) for file in result_files(out, kind)])


def test_a_run_holds_what_infer_rows_gives(finished, inferred):
    frame = read(finished).reset_index(drop=True)
    expected = inferred[0]
    for name in expected:
        np.testing.assert_array_equal(frame[name].to_numpy(), expected[name].to_numpy(), name)
    draws = read(finished, "draws")
    np.testing.assert_array_equal(np.stack(draws.tau_ism), inferred[1][..., 10])
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["rows"] == 6
    assert sum(summary["status"].values()) == 6
    assert load_manifest(finished)["catalogue"]["rows"] == 6


def test_a_run_goes_on_where_it_stopped_and_repeats_nothing(path, galaxies, finished, tmp_path):
    out, options = tmp_path / "out", {"mapping": mapping_of(galaxies), "n": N, "keep": 10}

    def stop(done, total):
        if done >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        infer_catalogue(path, out, part_rows=2, workers=0, progress=stop, **options)
    first = result_files(out)[0].stat().st_mtime_ns
    (out / "results" / ".sedflow-left.parquet").write_bytes(b"half")
    told, seen = [], []
    summary = infer_catalogue(
        path, out, workers=0, log=told.append, progress=lambda *a: seen.append(a), **options
    )
    assert "1 of 3 partitions were done before" in told
    assert seen[0] == (2, 6)
    assert summary["this_run"]["rows"] == 4
    assert summary["rows"] == 6
    assert result_files(out)[0].stat().st_mtime_ns == first
    assert not list(out.rglob(".sedflow-*"))
    assert hashes(out) == hashes(finished)


def test_changed_input_and_settings_are_refused_and_nothing_is_touched(
    path, galaxies, finished, tmp_path
):
    mapping, before = mapping_of(galaxies), hashes(finished)
    other = mapping_of(galaxies, unit="uJy")
    floored = mapping.with_floor("u=0.02")
    changed = tmp_path / "galaxies.fits"
    Table.from_pandas(galaxies.assign(flux_u=galaxies.flux_u * 1.01)).write(changed)
    same = {"mapping": mapping, "n": N, "keep": 10, "workers": 0}
    for source, options, words in (
        (changed, same, "is not the catalogue that the run"),
        (path, {**same, "n": N + 1}, rf"began with n \(draws\) = {N}, not {N + 1}"),
        (path, {**same, "seed": 3}, "began with seed = 1, not 3"),
        (path, {**same, "part_rows": 5}, "began with part_rows = 2, not 5"),
        (path, {**same, "trust": "auto"}, "began with trust = weights, not auto"),
        (path, {**same, "mapping": mapping.select("ugr")}, "bands = u, g, r, i, z, not u, g, r;"),
        (path, {**same, "mapping": floored}, "bands.u.floor = none, not 0.02"),
        (path, {**same, "mapping": other}, "bands.u.unit = nanomaggies, not uJy"),
        (path, {**same, "weights": "nsa-ugriz-bc03"}, "began with name = nsa-ugriz-fsps"),
    ):
        with pytest.raises(SedflowError, match=words):
            infer_catalogue(source, finished, **options)
    assert hashes(finished) == before
    moved = tmp_path / "moved.fits"
    moved.write_bytes(path.read_bytes())
    assert infer_catalogue(moved, finished, **same)["this_run"]["rows"] == 0


def test_folders_of_others_are_refused(path, galaxies, tmp_path):
    mapping, options = mapping_of(galaxies), {"n": 10, "part_rows": 3, "workers": 0}
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.tex").write_text("do not lose me")
    with pytest.raises(SedflowError, match="is not empty"):
        infer_catalogue(path, full, mapping=mapping, **options)
    assert [file.name for file in full.iterdir()] == ["thesis.tex"]
    (full / ".sedflow-of-another-program.fits").touch()
    with pytest.raises(SedflowError, match="is not empty"):
        infer_catalogue(path, full, mapping=mapping, **options)
    assert len(list(full.iterdir())) == 2


def test_a_folder_is_for_one_run_at_a_time(path, galaxies, tmp_path):
    options = {"mapping": mapping_of(galaxies), "n": 10, "workers": 0}

    def meanwhile(done, total):
        with pytest.raises(SedflowError, match="another run is at work"):
            infer_catalogue(path, tmp_path / "out", **options)

    infer_catalogue(path, tmp_path / "out", progress=meanwhile, **options)


def test_ids_that_stand_twice_are_found_however_far_apart(galaxies, tmp_path, monkeypatch):
    monkeypatch.setattr("sedflow.catalogue.intake._ROWS", 2)
    table = galaxies.assign(id=["a", "b", "c", "d", "e", "a"])
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(SedflowError, match=r"the ID a appears in 2 rows \(0, 5, counted from 0\)"):
        infer_catalogue(tmp_path / "t.csv", tmp_path / "out", mapping=mapping_of(table), workers=0)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_kinds_of_ids_are_those_of_the_whole_catalogue(galaxies, tmp_path, monkeypatch):
    monkeypatch.setattr("sedflow.catalogue.intake._ROWS", 2)
    table = galaxies.assign(id=["1", "2", "3", "4", "5", "NGC 6"])
    table.to_csv(tmp_path / "t.csv", index=False)
    infer_catalogue(
        tmp_path / "t.csv",
        tmp_path / "out",
        mapping=mapping_of(table),
        n=10,
        workers=0,
        part_rows=3,
    )
    assert read(tmp_path / "out").id.tolist() == table.id.tolist()


def test_a_catalogue_without_rows_gives_results_without_rows(galaxies, tmp_path):
    galaxies[:0].to_csv(tmp_path / "t.csv", index=False)
    summary = infer_catalogue(
        tmp_path / "t.csv", tmp_path / "out", mapping=mapping_of(galaxies), workers=0
    )
    assert summary["rows"] == 0
    assert len(read(tmp_path / "out")) == 0
    assert write_run_page(tmp_path / "out").stat().st_size > 500


def test_catalogues_that_no_row_could_be_read_of_are_refused_at_once(path, galaxies, tmp_path):
    mapping, out = mapping_of(galaxies), tmp_path / "out"
    for options, words in (
        ({"mapping": guess_mapping(galaxies)}, "the unit of flux_u"),
        ({"weights": "nowhere"}, "no weights"),
        ({"mapping": mapping, "keep": 2000}, "keep = 2000"),
        ({"mapping": mapping, "n": 1}, "n = 1"),
        ({"mapping": mapping, "trust": "no"}, "trust = 'no'"),
    ):
        with pytest.raises(SedflowError, match=words):
            infer_catalogue(path, out, workers=0, **options)
    assert not out.exists()


@pytest.mark.slow
def test_a_full_disk_is_a_sentence_and_what_is_done_stays(path, galaxies, tmp_path):
    """A child may write files of 10 kB at most, as if the disk were full beyond."""
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "from sedflow.cli import main; main()"
    )
    command = [
        sys.executable,
        "-c",
        code,
        "infer",
        str(path),
        "-o",
        str(tmp_path / "out"),
        "--draws",
        "10",
        "--workers",
        "0",
        "--unit",
        "nanomaggies",
    ]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cannot write results/part-000000.parquet: File too large; make room" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "out" / "results").iterdir())


# The command line and the page


def test_the_page_stands_alone_and_tells_of_failures(finished, tmp_path):
    path = write_run_page(finished, tmp_path / "page.html")
    text = path.read_text()
    assert text.count("data:image/png;base64,") == 2
    for word in ("http", 'src="/', "@import", "url("):
        assert word not in text.replace("data:image/png", "")
    assert "6 galaxies" in text
    assert "galaxies.fits" in text
    with pytest.raises(SedflowError, match="not an output of sedflow infer"):
        write_run_page(tmp_path)
    with pytest.raises(SedflowError, match="there is no folder"):
        write_run_page(finished, tmp_path / "nowhere" / "x.html")


def test_the_commands_infer_and_report_work_and_explain_themselves(path, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(main, arguments)

    for verb in ("infer", "report"):
        assert f"Example: sedflow {verb}" in run(verb, "--help").output
    out = str(tmp_path / "out")
    result = run("infer", str(path), "-o", out, "--draws", "10", "--workers", "0")
    assert result.exit_code == 1
    assert "the unit of flux_u" in result.output
    result = run("infer", str(path), "--unit", "nmgy", "--preview")
    assert 'value = "flux_u"' in result.output
    arguments = ("infer", str(path), "-o", out, "--draws", "10", "--workers", "0", "--unit", "nmgy")
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["rows"] == 6
    result = run(*arguments, "--seed", "5")
    assert result.exit_code == 1
    assert "began with seed = 1, not 5" in result.output
    assert "Traceback" not in result.output
    result = run("report", out, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["rows"] == 6
    assert (tmp_path / "out" / "report.html").exists()


# Real processes


def command(path, out, workers):
    return [
        sys.executable,
        "-m",
        "sedflow.cli",
        "infer",
        str(path),
        "-o",
        str(out),
        "--draws",
        str(N),
        "--keep",
        "10",
        "--part-rows",
        "2",
        "--unit",
        "nanomaggies",
        "--workers",
        str(workers),
    ]


@pytest.fixture(scope="module")
def longer(nsa, tmp_path_factory):
    """Twenty-four galaxies, and the hashes of what one process makes of them."""
    folder = tmp_path_factory.mktemp("longer")
    path = folder / "galaxies.parquet"
    flat(nsa, slice(0, 9240, 385)).to_parquet(path)
    infer_catalogue(
        path,
        folder / "out",
        mapping=mapping_of(flat(nsa, slice(0, 1))),
        n=N,
        keep=10,
        part_rows=2,
        workers=0,
    )
    return path, hashes(folder / "out")


def workers_of(process):
    """The worker processes of a run, once they are there."""
    return [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "spawn_main" in " ".join(child.cmdline())
    ]


def wait_for(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.mark.slow
def test_four_workers_give_the_same_files_as_one_process_bit_for_bit(longer, tmp_path):
    pytest.importorskip("distributed")
    path, expected = longer
    subprocess.run(command(path, tmp_path / "out", 4), check=True, capture_output=True)
    assert hashes(tmp_path / "out") == expected
    assert len(expected) == 24


@pytest.mark.slow
def test_killed_workers_and_a_killed_client_lose_nothing_that_was_done(longer, tmp_path):
    pytest.importorskip("distributed")
    path, expected = longer
    out = tmp_path / "out"
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command(path, out, 2), **pipes)

    def listed():
        ledger = out / "files.jsonl"
        return ledger.read_bytes().count(b"\n") if ledger.exists() else 0

    wait_for(lambda: listed() >= 2, process)
    victim = workers_of(process)[0]
    os.kill(victim.pid, signal.SIGKILL)
    now = listed()
    wait_for(lambda: listed() >= now + 3, process)
    orphans = workers_of(process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    psutil.wait_procs(orphans, timeout=30)
    finished = Ledger(out, load_manifest(out)["run"]).entries
    before = {file: file.stat().st_mtime_ns for file in result_files(out)}
    before = {file: t for file, t in before.items() if int(file.stem[5:]) in finished}
    assert 5 <= len(before) < 12, "the run was to be killed half way"
    told = subprocess.run(command(path, out, 2), check=True, capture_output=True, text=True).stderr
    assert f"{len(before)} of 12 partitions were done before" in told
    assert all(file.stat().st_mtime_ns == stamp for file, stamp in before.items())
    assert hashes(out) == expected
    assert not list(out.rglob(".sedflow-*"))


@pytest.mark.heavy
def test_one_worker_of_two_threads_at_a_scheduler_elsewhere_gives_the_same_files(longer, tmp_path):
    distributed = pytest.importorskip("distributed")
    path, expected = longer
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=2,
        silence_logs=50,
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
    ) as cluster:
        remote = [*command(path, tmp_path / "out", 0), "--scheduler", cluster.scheduler_address]
        subprocess.run(remote, check=True, capture_output=True)
    assert hashes(tmp_path / "out") == expected
    remote = [*command(path, tmp_path / "other", 0), "--scheduler", "tcp://127.0.0.1:9"]
    done = subprocess.run(remote, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "no dask scheduler answers at tcp://127.0.0.1:9" in done.stderr


@pytest.mark.heavy
@pytest.mark.parametrize("victim", ["scheduler", "worker"])
def test_a_killed_scheduler_and_a_lost_worker_are_a_sentence_and_the_run_goes_on(
    longer, tmp_path, victim
):
    """The only worker of a cluster, or its scheduler; tools/break_runs.py kills the others."""
    pytest.importorskip("distributed")
    path, expected = longer
    out, quiet = tmp_path / "out", {"stderr": subprocess.PIPE, "text": True}
    dask = [sys.executable, "-m"]
    scheduler = subprocess.Popen(
        [
            *dask,
            "distributed.cli.dask_scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--no-dashboard",
        ],
        **quiet,
    )
    address = next(line.split()[-1] for line in scheduler.stderr if "Scheduler at:" in line)
    worker = subprocess.Popen(
        [
            *dask,
            "distributed.cli.dask_worker",
            address,
            "--nthreads",
            "1",
            "--no-nanny",
            "--no-dashboard",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        remote = [*command(path, out, 0), "--scheduler", address]
        process = subprocess.Popen(remote, stdout=subprocess.DEVNULL, **quiet)
        wait_for(lambda: (out / "files.jsonl").exists(), process)
        (scheduler if victim == "scheduler" else worker).kill()
        told = process.communicate(timeout=180)[1]
    finally:
        for one in (worker, scheduler):
            one.kill()
            one.communicate()
    words = {"scheduler": "the dask scheduler has ended", "worker": "no dask worker has been there"}
    assert process.returncode == 1
    assert words[victim] in told
    assert "Traceback" not in told
    subprocess.run(command(path, out, 1), check=True, capture_output=True)
    assert hashes(out) == expected


def test_as_many_draws_as_no_memory_holds_are_refused_at_once(tmp_path, nsa):
    path = tmp_path / "one.csv"
    path.write_text("id,z,flux_r,sigma_r\n1,0.05,100,5\n")
    mapping = guess_mapping(open_catalogue(path)).in_unit("nanomaggies")
    for ask in (
        lambda n: infer_catalogue(path, tmp_path / "out", mapping=mapping, n=n, workers=0),
        lambda n: infer.infer_table(path, mapping, n=n),
    ):
        with pytest.raises(SedflowError, match=r"n = 999[,0-9]+(;|\b).* 1,000,000"):
            ask(999_999_999)
    assert not (tmp_path / "out").exists()


def test_a_run_of_which_every_row_met_a_bug_ends_in_an_error(tmp_path, monkeypatch):
    path = tmp_path / "one.csv"
    path.write_text("id,z,flux_r,sigma_r\n1,0.05,100,5\n")

    def broken(*args):
        raise MemoryError("no room")

    monkeypatch.setattr(infer, "climb", broken)
    arguments = ["infer", str(path), "-o", str(tmp_path / "out"), "--unit", "nanomaggies"]
    result = CliRunner().invoke(main, [*arguments, "--workers", "0"])
    assert result.exit_code == 1
    assert "no row was inferred: unexpected MemoryError: no room" in result.output


def test_a_folder_named_in_other_bytes_than_utf8_is_refused(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("id,z,flux_r,sigma_r\n1,0.05,100,5\n")
    with pytest.raises(SedflowError, match=r"out.*dcff. has a name that is not UTF-8"):
        infer_catalogue(path, os.fsdecode(bytes(tmp_path) + b"/out\xff"), workers=0)


def test_the_folder_one_is_in_has_a_name_in_messages(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SedflowError, match=rf"the folder {tmp_path.name} holds no Parquet file"):
        open_catalogue(".")


@pytest.mark.parametrize(
    ("value", "error", "redshift", "its_error"),
    [
        ("{}_mag", "err_{}", "redshift", "z_err"),
        ("{}_mag", "{}_error", "zspec", "err_z"),
        ("f_{}", "err_{}", "zspec", "e_z"),
        ("{}_flux", "{}_err", "redshift", "z_var"),
        ("modelMag_{}", "err_{}", "z", "zerr"),
    ],
)
def test_the_band_z_has_its_error_beside_that_of_the_redshift(value, error, redshift, its_error):
    table = {redshift: [0.1], its_error: [1e-4]}
    for band in "ugriz":
        table |= {value.format(band): [18.0], error.format(band): [0.03]}
    found = guess_mapping(table)
    assert {b: c.error for b, c in found.bands.items()} == {b: error.format(b) for b in "ugriz"}
    assert found.redshift == redshift

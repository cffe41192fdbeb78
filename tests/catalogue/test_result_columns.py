"""Results joined to the table that they were made from: neither's fluxes get the other's errors."""

import numpy as np
import pandas as pd
import pytest

import sedflow
from sedflow.catalogue.result_columns import fluxes_of_results

BANDS = "ugr"
UJY = 3.631  # microjansky in a nanomaggy


def results():
    """As `infer` has them: what is before the fluxes, these, and quantiles."""
    names = ["status", "verdict", "reason", "redshift", "n_band", "k_hat", "chi2"]
    table = {"id": ["a", "b"]} | {name: [0.1, 0.1] for name in names}
    table |= {f"pull_{b}": [0.0, 0.0] for b in BANDS}
    for b in BANDS:
        table |= {f"flux_{b}": [10.0, 20.0], f"sigma_{b}": [1.0, 2.0]}
    return pd.DataFrame(table | {"log_mstar_p50": [10.0, 10.0]})


def own(flux, error, power=1):
    table = {"id": ["a", "b"]}
    for b in BANDS:
        band = b.upper() if flux.isupper() else b
        table[flux + band] = UJY * np.array([10.0, 20.0])
        table[error + band] = (UJY * np.array([1.0, 2.0])) ** power
    return pd.DataFrame(table)


def joined(table, found):
    yield table.merge(found, on="id", suffixes=("", "_sf"))
    yield table.merge(found, on="id", suffixes=("_own", ""))
    yield found.merge(table, on="id", suffixes=("", "_own"))
    yield found.merge(table, on="id", suffixes=("_sf", ""))


@pytest.mark.parametrize(
    "flux, error, power",
    [
        ("FLUX_", "FLUXERR_", 1),
        ("FLUX_", "FLUX_ERR_", 1),
        ("FLUX_", "FLUX_IVAR_", -2),
        ("Flux_", "Flux_err_", 1),
        ("FLUX_", "e_flux_", 1),
        ("F_", "IVAR_", -2),
        ("F_", "e_flux_", 1),
        ("f_", "e_FLUX_", 1),
        ("flux_", "flux_err_", 1),
        ("flux_", "sigma_", 1),
        ("flux_", "e_sigma_", 1),
    ],
)
def test_results_beside_own_fluxes_of_any_spelling_are_not_mixed_with_them(flux, error, power):
    """Fluxes of results were paired with errors in microjansky, read as nanomaggies."""
    subsets = (results(), results().drop(columns=[f"flux_{b}" for b in BANDS]))
    for found in subsets:
        for table in joined(own(flux, error, power), found):
            try:
                mapping = sedflow.guess_mapping(table)
            except sedflow.SedflowError as problem:
                assert "no photometry" in str(problem) or "redshift" in str(problem)
                continue
            mapping = mapping.in_unit("uJy")
            read = sedflow.to_photometry(table, mapping).photometry
            np.testing.assert_allclose(read.flux, [[10.0] * 3, [20.0] * 3], rtol=1e-6)
            np.testing.assert_allclose(read.sigma, [[1.0] * 3, [2.0] * 3], rtol=1e-6)


def test_a_table_joined_to_results_is_read_as_it_is_alone():
    for flux, error in (("FLUX_", "FLUXERR_"), ("mag_", "magerr_"), ("F_", "EF_")):
        table = own(flux, error).assign(z_spec=0.1, extinction_u=0.1)
        alone = sedflow.guess_mapping(table)
        for both in (table.merge(results(), on="id"), results().merge(table, on="id")):
            mapping = sedflow.guess_mapping(both)
            assert mapping.bands == alone.bands
            assert "not read: flux_u, flux_g, flux_r, which are of results" in mapping.notes[-1]


def test_results_are_read_where_they_have_more_bands_without_extinction_of_others():
    few = own("mag_", "magerr_").drop(columns=["mag_u", "mag_g"]).assign(extinction_u=0.1)
    mapping = sedflow.guess_mapping(few.merge(results(), on="id"))
    assert [band.value for band in mapping.bands.values()] == ["flux_u", "flux_g", "flux_r"]
    assert {band.unit for band in mapping.bands.values()} == {"nanomaggies"}
    assert not mapping.bands["u"].extinction
    assert "not read: mag_r, beside the fluxes that are read" in mapping.notes[-1]


def test_bands_asked_for_by_name_are_read_of_results_and_of_the_table_beside_them():
    other = pd.DataFrame({"id": ["a", "b"], "J": [15.0, 16.0], "J_err": [0.03, 0.03]})
    for table in joined(other, results()):
        mapping = sedflow.guess_mapping(table, bands=(*BANDS, "J"))
        assert (mapping.bands["J"].value, mapping.bands["J"].error) == ("J", "J_err")
        assert [mapping.bands[b].value for b in BANDS] == [f"flux_{b}" for b in BANDS]
        assert mapping.open == ("J",)  # its unit is asked; that of results is known
        assert not mapping.notes


def test_fluxes_joined_to_part_of_results_are_read_as_before():
    for error in ("flux_err_", "sigma_"):
        some = results()[["id", "redshift", "log_mstar_p50"]]
        for table in (own("flux_", error).merge(some, on="id"), some.merge(own("flux_", error))):
            mapping = sedflow.guess_mapping(table)
            assert mapping.bands["u"].error == f"{error}u" and mapping.open == tuple(BANDS)
    some = results()[["id", "redshift", *(f"{w}_{b}" for b in BANDS for w in ("flux", "sigma"))]]
    table = own("F_", "e_flux_").merge(some.assign(k_hat=0.1), on="id")
    assert sedflow.guess_mapping(table).bands["u"].error == "sigma_u"
    table = own("FLUX_", "FLUXERR_").merge(some.assign(k_hat=0.1), on="id")
    assert sedflow.guess_mapping(table).bands["u"].error == "FLUXERR_U"


def test_bands_of_two_tables_are_not_mixed_where_nothing_else_tells_results():
    some = results()[["id", "redshift", "flux_u", "sigma_u", "flux_g", "sigma_g"]]
    for table in (own("FLUX_", "FLUXERR_").merge(some), some.merge(own("FLUX_", "FLUXERR_"))):
        mapping = sedflow.guess_mapping(table)
        assert [band.value for band in mapping.bands.values()] == ["FLUX_U", "FLUX_G", "FLUX_R"]
        assert "not read: flux_u, flux_g, beside" in mapping.notes[-1]
    table = own("FLUX_", "counts_").merge(some)
    assert [band.error for band in sedflow.guess_mapping(table).bands.values()] == [
        "sigma_u",
        "sigma_g",
    ]


def test_in_a_table_without_results_the_names_of_errors_decide_and_not_their_order():
    order = [f"{what}_{b}" for b in BANDS for what in ("raw_flux", "flux", "sigma", "flux_err")]
    table = pd.DataFrame({name: [1.0, 2.0] for name in order}).assign(redshift=0.1)
    assert sedflow.guess_mapping(table).bands["u"].error == "flux_err_u"
    table = table[["redshift", *(name for name in order if "err" not in name)]]
    for one in (table, table.assign(k_hat=0.1)):
        assert [b.error for b in sedflow.guess_mapping(one).bands.values()] == [
            f"sigma_{b}" for b in BANDS
        ]


@pytest.mark.parametrize("error", ["flux_err_", "ivar_", "e_flux_"])
def test_quantiles_of_results_beside_a_table_do_not_make_a_sigma_of_its_own_the_error(error):
    order = [f"{what}{b}" for b in BANDS for what in ("flux_", "sigma_", error)]
    table = pd.DataFrame({"id": ["a", "b"]} | {name: [1.0, 2.0] for name in order})
    table = table.assign(zspec=0.1)
    for some in (["log_mstar_p50"], ["k_hat", "log_mstar_p50"], ["chi2", "a_v_p50"]):
        part = results().assign(a_v_p50=0.1)[["id", *some]]
        for both in (table, table.merge(part), part.merge(table)):
            mapping = sedflow.guess_mapping(both)
            assert [b.error for b in mapping.bands.values()] == [f"{error}{b}" for b in BANDS]
            said = f"not read: sigma_u, sigma_g, sigma_r, beside the errors {error}u, {error}g"
            assert any(said in note for note in mapping.notes)


def test_errors_of_a_table_beside_the_fluxes_of_results_are_said_not_to_be_read():
    fluxes = [f"{what}_{b}" for b in BANDS for what in ("flux", "sigma")]
    for some in (["redshift", *fluxes, "log_mstar_p50"], ["k_hat", *fluxes, "redshift"]):
        table = own("f_", "e_flux_").merge(results()[["id", *some]], on="id")
        mapping = sedflow.guess_mapping(table)
        assert [b.error for b in mapping.bands.values()] == [f"sigma_{b}" for b in BANDS]
        assert "not read: e_flux_u, e_flux_g, e_flux_r, beside the errors" in mapping.notes[-1]


def test_fluxes_of_results_that_a_join_renamed_are_told():
    mapping = sedflow.guess_mapping(
        results().merge(results().drop(columns=["flux_r", "sigma_r"]), on=["id", "redshift"])
    )
    assert list(mapping.bands) == ["r"]
    assert "not read: flux_u_x, flux_g_x, flux_u_y, flux_g_y, which are of" in mapping.notes[-1]


def test_fluxes_of_results_that_were_not_asked_for_are_not_told_as_renamed():
    beside = pd.DataFrame({"id": ["a", "b"], "J": [15.0, 16.0], "J_err": [0.03, 0.03]})
    for table in (results(), results().merge(beside, on="id")):
        mapping = sedflow.guess_mapping(table, bands="gr")
        assert list(mapping.bands) == ["g", "r"] and not mapping.notes
        renamed = table.rename(columns={"flux_u": "flux_u_x"})
        notes = sedflow.guess_mapping(renamed, bands="gr").notes
        assert [note.partition(", which")[0] for note in notes] == ["not read: flux_u_x"]


def test_cousins_bands_beside_those_of_the_sdss_keep_both():
    table = own("flux_", "flux_err_").assign(flux_R=1.0, flux_err_R=0.1, redshift=0.1, k_hat=0.1)
    assert sedflow.guess_mapping(table).bands["r"].value == "flux_r"
    both = {"r": [17.0], "e_r": [0.1], "R": [16.8], "e_R": [0.1], "redshift": [0.1]}
    mapping = sedflow.guess_mapping(both, bands=["r", "bessell-R"])
    assert [band.error for band in mapping.bands.values()] == ["e_r", "e_R"]


def test_fluxes_behind_pulls_alone_are_of_any_table():
    names = ["id", "k_hat", "chi2", *(f"pull_{b}" for b in BANDS)]
    fluxes = [f"{what}_{b}" for b in BANDS for what in ("flux", "sigma")]
    assert fluxes_of_results([*names, *fluxes, "log_mstar_p50"]) == frozenset(fluxes)
    assert not fluxes_of_results([*names, *fluxes])
    assert not fluxes_of_results([*names, "log_mstar_p50", *fluxes])
    chosen = [name for name in names if name != "chi2"]  # of results, around those of a table
    assert not fluxes_of_results([*chosen, *fluxes, "log_mstar_p50"])
    assert not fluxes_of_results([*fluxes, *names])

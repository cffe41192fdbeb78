"""Labels of rows and columns: what goes by place must not be called as something else."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.table import QTable, Table

import sedflow
from sedflow.band_labels import check_band_labels
from sedflow.draws import Draws, weighted_quantile
from sedflow.errors import BadParameters, BadPhotometry, SedflowError, UnknownBand
from sedflow.fluxes import band_flux
from sedflow.labels import labels_along, named_parts
from sedflow.parameters import FREE_NAMES, NAMES, as_theta
from sedflow.photometry import Photometry
from sedflow.population.named_ids import chosen_rows
from sedflow.population.volume import inverse_vmax

THETA = sedflow.Prior().sample(4, seed=1)
FRAME = pd.DataFrame(THETA, columns=NAMES, index=list("abcd"))
ORDER = list(reversed(NAMES))


def _of_xarray():
    xarray = pytest.importorskip("xarray")
    return xarray.DataArray(
        FRAME[ORDER].to_numpy(), dims=("galaxy", "name"), coords={"name": ORDER}
    )


@pytest.mark.parametrize(
    "values",
    [
        lambda: FRAME[ORDER],
        lambda: pa.Table.from_pandas(FRAME[ORDER], preserve_index=False),
        _of_xarray,
    ],
)
def test_theta_goes_by_its_names_whatever_holds_them(values):
    np.testing.assert_allclose(as_theta(values()), THETA)


def test_a_row_of_a_frame_goes_by_its_names_as_the_frame_does():
    np.testing.assert_allclose(as_theta(FRAME[ORDER].iloc[2]), THETA[2])
    assert named_parts(THETA) is None
    assert labels_along(FRAME, 0) == list("abcd")


def test_columns_of_several_names_are_a_sentence():
    many = FRAME.set_axis(pd.MultiIndex.from_product([["p"], NAMES]), axis=1)
    with pytest.raises(BadParameters, match="not all named by text"):
        as_theta(many)


@pytest.mark.parametrize(
    "call",
    [
        lambda z: sedflow.SEDModel().magnitudes(FRAME, z),
        lambda z: sedflow.SEDModel().magnitudes(redshift=z, log_mstar=FRAME["log_mstar"]),
        lambda z: sedflow.NoiseModel.fit(
            pd.DataFrame(np.ones((4, 5)), index=list("abcd")),
            pd.DataFrame(np.ones((4, 5)), z.index),
        ),
        lambda z: weighted_quantile(FRAME["tau_ism"], 0.5, z),
        lambda z: inverse_vmax(z, FRAME["log_mstar"] + 5, 17.77, 1000),
        lambda z: Photometry(np.ones((4, 5)).tolist(), FRAME[list(NAMES[:5])], z, "ugriz"),
    ],
)
def test_rows_in_another_order_are_refused(call):
    z = pd.Series([0.02, 0.03, 0.04, 0.05], index=list("abcd"))
    with pytest.raises(SedflowError, match="have different labels"):
        call(z[::-1])


def test_a_mask_whose_index_holds_the_ids_is_not_taken_by_place():
    ids = np.array([2, 0, 3, 1])
    galaxies = Photometry(np.ones((4, 5)), np.full((4, 5), 0.1), [0.01, 0.02, 0.03, 0.04], ids=ids)
    mask = pd.Series([True, False, True, False])
    with pytest.raises(SedflowError, match="its index in pandas"):
        galaxies[mask]
    assert galaxies[mask.to_numpy()].ids.tolist() == [2, 3]
    nsa = sedflow.load_nsa()
    assert len(nsa.select(pd.Series(np.arange(len(nsa)) < 3))) == 3


def test_rows_of_a_list_and_named_tuples_go_by_their_names():
    frame = FRAME[ORDER]
    rows = [row for _, row in frame.iterrows()]
    np.testing.assert_allclose(as_theta(rows), THETA)
    np.testing.assert_allclose(as_theta(list(frame.itertuples(index=False))), THETA)
    np.testing.assert_allclose(as_theta(THETA.tolist()), THETA)
    with pytest.raises(BadParameters, match="not all named by text"):
        as_theta(frame.set_axis([0, *ORDER[1:]], axis=1))
    with pytest.raises(BadParameters, match="not all named by text"):
        as_theta(frame.set_axis([name.encode() for name in ORDER], axis=1))


@pytest.mark.parametrize(
    "rows",
    [
        lambda frame: frame.to_dict("records"),
        lambda frame: [dict(frame.iloc[0]), *(frame.iloc[k] for k in (1, 2, 3))],
        lambda frame: frame.to_records(index=False),
        lambda frame: [*frame.to_records(index=False)],
        lambda frame: [*Table.from_pandas(frame)],
        lambda frame: Table.from_pandas(frame).as_array(),
        lambda frame: pd.Series([row for _, row in frame.iterrows()]),
    ],
)
def test_rows_and_records_go_by_their_names(rows):
    np.testing.assert_allclose(as_theta(rows(FRAME[ORDER])), THETA)
    model = sedflow.SEDModel()
    np.testing.assert_allclose(
        model.magnitudes(rows(FRAME[ORDER]), 0.05), model.magnitudes(THETA, 0.05)
    )


@pytest.mark.parametrize("flip", [False, True])
def test_rows_of_which_only_some_have_names_are_refused(flip):
    rows = [THETA[0], FRAME[ORDER].iloc[1]]
    with pytest.raises(BadParameters, match="give all rows with the same names"):
        as_theta(rows[::-1] if flip else rows)
    with pytest.raises(BadPhotometry, match="row 1 has b; give all rows"):
        Photometry([{"u": 1.0}, {"b": 1.0}], [[1.0], [1.0]], 0.05, "u")


BANDS = ("g", "r", "i", "z")
FLUX = pd.DataFrame(np.arange(12.0).reshape(3, 4) + 10, columns=BANDS)
SIGMA = FLUX / 10
SORTED = sorted(BANDS)


@pytest.mark.parametrize(
    "named",
    [
        lambda frame: frame,
        lambda frame: frame.add_prefix("flux_"),
        lambda frame: frame.add_suffix("_flux"),
        lambda frame: frame.rename(columns=str.upper).add_prefix("MAG_"),
        lambda frame: frame.add_suffix("mag"),
        lambda frame: frame.add_prefix("sdss2010-"),
        lambda frame: pd.concat({"flux": frame}, axis=1),
        lambda frame: list(frame.add_prefix("f_").itertuples(index=False)),
        lambda frame: [row for _, row in frame.add_prefix("f_").iterrows()],
        lambda frame: frame.to_dict("records"),
        lambda frame: frame.to_dict("list"),
        lambda frame: Table.from_pandas(frame),
        lambda frame: frame.add_prefix("f_").to_records(index=False),
        lambda frame: pa.Table.from_pandas(frame),
    ],
)
def test_fluxes_are_not_taken_for_those_of_other_bands_than_their_labels_say(named):
    right = Photometry(named(FLUX), named(SIGMA), 0.05, BANDS)
    np.testing.assert_allclose(right.flux, FLUX)
    np.testing.assert_allclose(right.sigma, SIGMA)
    for flux, sigma in ((FLUX[SORTED], SIGMA[SORTED]), (FLUX, SIGMA[SORTED])):
        with pytest.raises(BadPhotometry, match="but the bands are g, r, i, z, in this order"):
            Photometry(named(flux), named(sigma), 0.05, BANDS)
        with pytest.raises(BadPhotometry, match="but the bands are g, r, i, z, in this order"):
            Photometry.from_magnitudes(named(flux), named(sigma), 0.05, BANDS)


@pytest.mark.parametrize(
    ("labels", "bands"),
    [
        (["flux_g", "flux_r"], ("decam2014-g", "decam2014-r")),
        (["FLUX_G", "FLUX_R"], ("decam-g", "lsst-r")),
        (["FUV_flux", "NUV_flux"], ("FUV", "NUV")),
        (["w1mpro", "w2mpro"], ("W1", "W2")),
        (["Jmag", "Kmag"], ("J", "Ks")),
        (["flux1", "flux2"], ("g", "r")),
        (["flux", "flux"], ("g", "r")),
        (["flux"], ("g",)),
        ([0, 1], ("g", "r")),
    ],
)
def test_labels_that_say_the_same_or_nothing_are_taken(labels, bands):
    flux = pd.DataFrame(np.full((3, len(bands)), 10.0), columns=labels)
    assert Photometry(flux, 0.1 * flux, 0.05, bands).shape == (3,)


def _own_curves(paths):
    """Files with these paths, each with a curve of its own."""
    paths, wave = tuple(paths), np.linspace(4000, 5500, 50)
    for k, path in enumerate(paths):
        np.savetxt(path, np.c_[wave + 500 * k, np.exp(-(((wave - 4750) / 300) ** 2))])
    return paths


@pytest.mark.parametrize(
    ("labels", "bands"),
    [
        (["g", "r"], ("{}/my_g.dat", "{}/my_r.dat")),
        (["flux_g", "flux_r"], ("{}/my_g.dat", "{}/my_r.dat")),
        (["my_g", "my_r"], ("{}/my_g.dat", "{}/my_r.dat")),
        (["B", "V"], ("{}/obs_B.txt", "{}/obs_V.txt")),
        (["f_g", "f_r"], ("{}/g_new.txt", "{}/r_new.txt")),
        (["flux_435", "flux_606"], ("{}/acs_f435w.dat", "{}/acs_f606w.dat")),
        (["f435", "f606"], ("{}/acs_f435w.dat", "{}/acs_f606w.dat")),
        (["flux_g", "flux_r"], ("{}/CFHT_MegaCam.g.dat", "{}/CFHT_MegaCam.r.dat")),
        (["B", "V"], ("{}/Generic_Johnson.B.dat", "{}/Generic_Johnson.V.DAT")),
        (["Y", "Ks"], ("{}/VISTA.Y", "{}/VISTA.Ks")),
        (["g", "r"], ("{}/gband.dat", "{}/rband.dat")),
        (["gmag", "rmag"], ("{}/MegaCamg.dat", "{}/MegaCamr.dat")),
        (["g", "i"], ("{}/SDSS.gprime_filter.dat", "{}/SDSS.iprime_filter.dat")),
        (["f435", "f606"], ("{}/HST_ACS.F435W.dat", "{}/HST_ACS.F606W.dat")),
    ],
)
def test_labels_name_a_curve_of_the_user_by_its_file(tmp_path, labels, bands):
    bands = _own_curves(band.format(tmp_path) for band in bands)
    flux = pd.DataFrame(np.full((3, 2), 10.0), columns=labels)
    assert Photometry(flux, 0.1 * flux, 0.05, bands).shape == (3,)
    with pytest.raises(BadPhotometry, match="give flux"):
        Photometry(flux[labels[::-1]], 0.1 * flux[labels[::-1]], 0.05, bands)


def test_letters_are_taken_for_curves_whose_names_tell_nothing(tmp_path):
    bands = _own_curves(str(tmp_path / f"{name}.dat") for name in ("first", "second"))
    flux = pd.DataFrame({"g": [10.0], "r": [11.0]})
    assert Photometry(flux, 0.1 * flux, 0.05, bands).shape == (1,)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["redshift", "r"], "redshift is that of redshifts"),
        (["OBJID", "flux_g"], "OBJID is that of IDs"),
        (["g", "g_err"], "g_err is that of errors"),
        (["flux_g", "sigma_g"], "sigma_g is that of errors"),
        (["flux_g", "z"], "but the bands are g, r, in this order"),
    ],
)
def test_columns_that_are_not_the_flux_of_a_band_are_refused(labels, said):
    flux = pd.DataFrame([[10.0, 11.0]], columns=labels)
    with pytest.raises(BadPhotometry, match=said):
        Photometry(flux, [[1.0, 1.0]], 0.05, "gr")


@pytest.mark.parametrize("pattern", ["{}err", "{}Err", "{}_phot", "{}best"])
def test_what_is_called_as_the_other_bands_are_is_not_of_redshifts(pattern):
    labels = [pattern.format(band) for band in BANDS]
    errors = SIGMA.set_axis(labels, axis=1)
    for wrap in (lambda frame: frame, lambda frame: frame.iloc[0], Table.from_pandas):
        assert Photometry(wrap(FLUX), wrap(errors), 0.05, BANDS).flux.shape[-1] == 4
    with pytest.raises(BadPhotometry, match="but the bands are"):
        Photometry(FLUX, errors[labels[::-1]], 0.05, BANDS)


def test_an_error_of_one_band_is_that_of_redshifts_where_the_band_is_not_z():
    error = SIGMA[["z"]].set_axis(["zerr"], axis=1)
    assert Photometry(FLUX[["z"]], error, 0.05, "z").shape == (3,)
    for flux, sigma, band in ((FLUX[["g"]], error, "g"), (error, error, "z")):
        with pytest.raises(BadPhotometry, match="zerr is that of redshifts"):
            Photometry(flux, sigma, 0.05, band)


def test_what_is_computed_of_columns_of_another_kind_keeps_their_names():
    table = pd.DataFrame({"mag_g": [18.0], "mag_r": [17.5], "ivar_g": [0.1], "ivar_r": [0.2]})
    flux = 10 ** (-0.4 * (table[["mag_g", "mag_r"]] - 22.5))
    sigma = 1 / np.sqrt(table[["ivar_g", "ivar_r"]])
    assert Photometry(flux, sigma, 0.05, "gr").shape == (1,)
    mixed = pd.concat([sigma[["ivar_g"]], 0.1 * flux[["mag_r"]]], axis=1)
    assert Photometry(flux, mixed, 0.05, "gr").shape == (1,)


@pytest.mark.parametrize(
    "labels",
    [["flux_ivar_g", "flux_ivar_r"], ["modelFluxIvar_g", "modelFluxIvar_r"], ["snr_g", "snr_r"]],
)
def test_inverse_variances_and_ratios_are_not_taken_as_errors(labels):
    flux = pd.DataFrame({"flux_g": [10.0], "flux_r": [14.0]})
    raw = pd.DataFrame([[900.0, 400.0]], columns=labels)
    for sigma in (raw, raw.iloc[0], Table.from_pandas(raw), raw.to_dict("list")):
        with pytest.raises(BadPhotometry, match=f"{labels[0]} is that of .*, the error"):
            Photometry(flux if np.ndim(sigma) != 1 else flux.iloc[0], sigma, 0.05, "gr")
    errors = (1 / np.sqrt(raw)).to_numpy()
    assert Photometry(flux, errors, 0.05, "gr").shape == (1,)
    faint = pd.DataFrame([[0.01, -0.02]], columns=flux.columns)
    assert Photometry(faint, raw.set_axis(["err_g", "err_r"], axis=1), 0.05, "gr").shape == (1,)


def test_errors_in_another_order_than_the_fluxes_are_refused():
    flux = pd.DataFrame({"flux_a": [10.0], "flux_b": [11.0]})
    errors = pd.DataFrame({"err_b": [1.0], "err_a": [1.1]})
    with pytest.raises(BadPhotometry, match="both go by place here; give their columns in one"):
        Photometry(flux, errors, 0.05, "gr")
    assert Photometry(flux, errors[["err_a", "err_b"]], 0.05, "gr").shape == (1,)


def test_columns_that_do_not_name_the_bands_are_a_sentence():
    with pytest.raises(BadPhotometry, match="not one for each of the bands g, r"):
        Photometry({"a": [1.0], "b": [2.0]}, [[0.1, 0.1]], 0.05, "gr")


def test_zero_points_of_other_bands_than_their_labels_say_are_refused():
    zeros = pd.Series(["3631 Jy", "3500 Jy"], index=["r", "g"])
    with pytest.raises(BadPhotometry, match="zero_point has the labels r, g"):
        Photometry.from_magnitudes([17.0, 18.0], [0.1, 0.1], 0.05, "gr", zero_point=zeros)


def test_columns_of_a_table_keep_their_units():
    table = Table({"g": [3.631, 7.262], "r": [3.631, 3.631]}, units=["uJy", "uJy"])
    sigma = Table({"g": [363.1] * 2, "r": [363.1] * 2}, units=["nJy", "nJy"])
    galaxies = Photometry(table, sigma, 0.05, "gr")
    np.testing.assert_allclose(galaxies.flux, [[1.0, 1.0], [2.0, 1.0]])
    np.testing.assert_allclose(galaxies.sigma, 0.1)


ONE = Photometry(FLUX.to_numpy()[0], SIGMA.to_numpy()[0], 0.05, "griz")
DOORS = {  # what takes fluxes of bands, besides photometry itself
    "band_flux": lambda flux: band_flux(flux, "griz")[1],
    "chi_square": lambda flux: sedflow.model.chi_square(flux, ONE),
    "log_likelihood": lambda flux: sedflow.model.log_likelihood(flux, ONE),
    "Predicted": lambda flux: sedflow.fits.Predicted(flux, ONE).chi2,
    "Draws": lambda flux: Draws(THETA[:3], flux=flux, flux_bands=BANDS).flux,
    "fit": lambda flux: sedflow.NoiseModel.fit(flux, flux, "griz", n_node=3).median,
    "sample": lambda flux: sedflow.nsa_noise("griz").sample(flux, np.random.default_rng(1)),
    "residual": lambda flux: sedflow.nsa_noise("griz").residual(flux, flux),
    "log_prob": lambda flux: sedflow.nsa_noise("griz").log_prob(flux, flux),
}


@pytest.mark.parametrize("door", DOORS)
def test_whatever_takes_fluxes_of_bands_goes_by_their_labels(door):
    frame = pd.concat([FLUX, 2 * FLUX, 3 * FLUX], ignore_index=True) if door == "fit" else FLUX
    expected = DOORS[door](frame.to_numpy())
    named = frame.add_prefix("flux_")
    alike = (Table.from_pandas(named), named.to_dict("list"), named.to_dict("records"))
    for flux in (named, *alike, np.array(named.to_records(index=False))):
        np.testing.assert_allclose(DOORS[door](flux), expected)
    turned = named[named.columns[::-1]]
    for flux in (turned, Table.from_pandas(turned), turned.to_dict("records")):
        with pytest.raises(BadPhotometry, match="but the bands are g, r, i, z"):
            DOORS[door](flux)


def test_errors_made_of_inverse_variances_are_taken_of_faint_galaxies_too():
    names = [f"flux_ivar_{band}" for band in "griz"]
    flux = pd.Series([0.5, 0.8, 2.0, 3.0], index=[f"flux_{band}" for band in "griz"])
    ivar = pd.Series([1.0, 0.6, 0.1, 0.04], index=names)
    assert Photometry(flux, 1 / np.sqrt(ivar), 0.05, "griz").sigma[0] == 1.0
    with pytest.raises(BadPhotometry, match="ivar"):
        Photometry(20 * flux, 5000 * ivar, 0.05, "griz")


def test_errors_of_a_noise_model_go_with_their_fluxes():
    noise = sedflow.nsa_noise("griz")
    for call in (noise.residual, noise.log_prob):
        with pytest.raises(BadPhotometry, match="have the shapes"):
            call(SIGMA.to_numpy()[:, :3], FLUX.to_numpy())
        with pytest.raises(SedflowError, match="have different labels"):
            call(SIGMA.set_axis([2, 1, 0]), FLUX)


@pytest.mark.parametrize("kind", sedflow.Prior.KINDS)
def test_every_method_of_a_prior_goes_by_names(kind):
    prior, mixed = sedflow.Prior(kind), FRAME[ORDER]
    for method in (prior.to_unit, prior.to_unbounded, prior.log_prob):
        np.testing.assert_allclose(method(mixed), method(THETA))
    free = pd.DataFrame(prior.to_unit(THETA), columns=FREE_NAMES)[list(reversed(FREE_NAMES))]
    np.testing.assert_allclose(prior.from_unit(free), THETA)
    np.testing.assert_allclose(
        prior.from_unbounded(free), prior.from_unbounded(free[[*FREE_NAMES]])
    )
    with pytest.raises(BadParameters, match="must hold the 12 parameters"):
        prior.to_unit(THETA[:, :11])


def test_draws_of_a_frame_go_by_its_names():
    draws = Draws(FRAME[ORDER], log_density=pd.Series(np.zeros(4), index=FRAME.index))
    np.testing.assert_array_equal(draws.theta, THETA)
    np.testing.assert_array_equal(draws["tau_bc"], FRAME["tau_bc"])
    with pytest.raises(BadParameters, match="have different labels"):
        Draws(FRAME, log_density=pd.Series(np.zeros(4), index=FRAME.index[::-1]))


@pytest.mark.parametrize(
    "mask",
    [
        pd.Series([True, False, pd.NA, True], dtype="boolean").to_numpy(),
        pd.Series([True, False, None, True], dtype="boolean"),
        np.ma.array([True, False, True, True], mask=[False, False, True, False]),
        pa.array([True, False, None, True]),
    ],
)
def test_a_mask_with_a_missing_value_is_a_sentence(mask):
    galaxies = Photometry(np.ones((4, 5)), np.full((4, 5), 0.1), [0.01, 0.02, 0.03, 0.04])
    for call in (lambda: galaxies[mask], lambda: chosen_rows(mask, np.arange(4))):
        with pytest.raises(SedflowError, match=r"has 1 value.* missing \(NA\).*fill"):
            call()


@pytest.mark.parametrize("kind", [set, frozenset])
def test_bands_without_an_order_are_refused(kind):
    galaxy, bands = sedflow.load_nsa()[72], kind(("g", "r"))
    for call in (
        lambda: Photometry([1.0, 2.0], [0.1, 0.1], 0.05, bands),
        lambda: Photometry.from_magnitudes([18.0, 17.0], [0.1, 0.1], 0.05, bands),
        lambda: galaxy.select(bands),
        lambda: galaxy.in_bands(bands),
        lambda: sedflow.SEDModel().photometry(THETA[0], 0.05, bands),
        lambda: sedflow.nsa_noise(bands),
        lambda: band_flux([1.0, 2.0], bands),
        lambda: sedflow.guess_mapping({"z": [0.1], "flux_g": [1.0], "flux_err_g": [0.1]}, bands),
        lambda: sedflow.load_nsa().photometry([72], bands),
    ):
        with pytest.raises(UnknownBand, match="has no order; give a list or a tuple"):
            call()
    assert galaxy.select(dict.fromkeys(("r", "g")).keys()).bands == ("r", "g")


def test_names_of_xarray_that_are_not_its_index_are_read():
    xarray = pytest.importorskip("xarray")
    mixed = FRAME[ORDER].to_numpy()
    latex = [rf"\{name}" for name in ORDER]
    coords = {"latex": ("p", latex), "name": ("p", ORDER)}
    theta = xarray.DataArray(mixed, dims=("galaxy", "p"), coords=coords)
    np.testing.assert_allclose(as_theta(theta), THETA)
    flux = xarray.DataArray(FLUX[SORTED], dims=("galaxy", "b"), coords={"band": ("b", SORTED)})
    with pytest.raises(BadPhotometry, match="flux has the labels g, i, r, z"):
        Photometry(flux, SIGMA.to_numpy(), 0.05, BANDS)


def test_no_axis_of_xarray_may_have_another_order():
    xarray = pytest.importorskip("xarray")
    theta = xarray.DataArray(THETA.reshape(2, 2, 12), dims=("a", "b", "p"), coords={"b": [1, 2]})
    z = xarray.DataArray([[0.02, 0.03], [0.04, 0.05]], dims=("a", "b"), coords={"b": [1, 2]})
    assert sedflow.SEDModel().magnitudes(theta, z).shape == (2, 2, 5)
    with pytest.raises(BadParameters, match="have different labels"):
        sedflow.SEDModel().magnitudes(theta, z[:, ::-1])


@pytest.mark.parametrize(
    ("labels", "bands"),
    [
        ("fuv_flux nuv_flux uFlux gFlux rFlux", "FUV NUV u g r"),
        ("J_2mass H_2mass g_ls r_ls z_ls", "J H g r z"),
        ("sdss_g decam_g", "g decam2014-g"),
        ("g_decam g_sdss", "decam2014-g g"),
        ("g r z", "decam2014-g decam2014-r decam2014-z"),
        ("sdss_u0 sdss_g0", "u g"),
        ("u g", "sdss_u0 sdss_g0"),
        ("Jmag Kmag", "J Ks"),
    ],
)
def test_labels_of_two_surveys_are_compared_with_the_bands(labels, bands):
    labels, bands = labels.split(), bands.split()
    assert check_band_labels("flux", labels, tuple(bands))
    labels[:2] = labels[1::-1]
    with pytest.raises(BadPhotometry, match="in this order; give"):
        check_band_labels("flux", labels, tuple(bands))


def _in_ujy(tmp_path, flux):
    """A table of fluxes in uJy as it is, its row, rows, and as FITS and xarray have it."""
    table = Table(3.63078 * flux, names=["u", "g"], units=["uJy", "uJy"])
    table.write(tmp_path / "t.fits", overwrite=True)
    records = fits.getdata(tmp_path / "t.fits", 1)
    dims = pytest.importorskip("xarray").DataArray(
        3.63078 * flux, dims=("galaxy", "band"), attrs={"units": "uJy"}
    )
    whole = [table, list(table), records, list(records), dims, [*QTable(table)]]
    return whole, [table[0], records[0], QTable(table)[0]]


def test_rows_of_tables_with_units_have_them(tmp_path):
    flux = np.array([[10.0, 20.0], [30.0, 40.0]])
    whole, first = _in_ujy(tmp_path, flux)
    for values, errors in zip(whole, _in_ujy(tmp_path, 0.1 * flux)[0], strict=True):
        galaxies = Photometry(values, errors, [0.05, 0.1], "ug")
        np.testing.assert_allclose(galaxies.flux, flux, rtol=1e-4)
        np.testing.assert_allclose(galaxies.sigma, 0.1 * flux, rtol=1e-4)
    for values, errors in zip(first, _in_ujy(tmp_path, 0.1 * flux)[1], strict=True):
        galaxy = Photometry(values, errors, 0.05, "ug")
        np.testing.assert_allclose(galaxy.flux, flux[0], rtol=1e-4)


def test_bands_along_another_axis_are_refused():
    """As many galaxies as bands: a transposed frame has the right shape."""
    frame = pd.DataFrame([[10.0, 20.0], [30.0, 40.0]], columns=["u", "g"])
    for turned in (frame.T, [frame["u"], frame["g"]]):
        with pytest.raises(BadPhotometry, match="along its first axis; give its transpose"):
            Photometry(turned, turned, [0.05, 0.1], "ug")
    frame.index = ["1", "2"]  # labels of galaxies
    assert Photometry(frame, 0.1 * frame, [0.05, 0.1], "ug").shape == (2,)


def test_a_set_of_zero_points_is_refused():
    with pytest.raises(SedflowError, match="zero_point is a set"):
        Photometry.from_magnitudes([18.0, 17.0], [0.1, 0.1], 0.1, "ug", zero_point={3631, 3000})


def test_series_of_a_mapping_in_another_order_are_refused():
    """They went by place without a word: the flux of another galaxy."""
    flux = pd.Series([30.0, 10.0, 20.0])
    other, told = flux.sort_values(), "have different labels, and go by place here"
    bands = {"u": flux, "g": other}
    with pytest.raises(BadPhotometry, match=f"flux of u and flux of g {told}"):
        Photometry(bands, {"u": 0.1 * flux, "g": 0.1 * flux}, [0.05] * 3, "ug")
    with pytest.raises(BadPhotometry, match=told):
        Photometry.from_magnitudes({"g": flux}, {"g": other}, [0.05] * 3, "g")
    table = {"redshift": pd.Series([0.05, 0.1, 0.2]), "flux_g": other, "flux_err_g": 0.1 * other}
    with pytest.raises(SedflowError, match=f"redshift and flux_g {told}"):
        sedflow.guess_mapping(table)
    nan = pd.Series([1.0, 2.0], index=[np.nan, np.nan])
    assert Photometry({"g": nan}, {"g": 0.1 * nan}, [0.05] * 2, "g").shape == (2,)
    long = {f"{'x' * 50}{k}": value for k, value in enumerate((flux, other))}
    with pytest.raises(SedflowError, match=told):
        sedflow.guess_mapping(table | {"flux_g": flux, "flux_err_g": flux} | long)
    same = Photometry({"u": other, "g": other}, {"u": 0.1 * other, "g": other}, [0.05] * 3, "ug")
    assert same.flux[:, 0].tolist() == [10.0, 20.0, 30.0]


def test_a_row_of_a_table_is_no_table():
    with pytest.raises(SedflowError, match="give table\\[k:k\\+1\\] for row k"):
        sedflow.infer_table(QTable({"redshift": [0.1], "flux_g": [10.0], "flux_err_g": [1.0]})[0])

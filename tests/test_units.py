"""Numbers from outside: what a mask hides is absent, units are converted, other kinds refused."""

import datetime
from decimal import Decimal

import astropy.units as u
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.utils.masked import Masked

import sedflow
from sedflow import flux_units
from sedflow.bands import Band, ab_magnitude, nanomaggies
from sedflow.catalogue.read.open import read_table
from sedflow.catalogue.rows import BandColumns, Mapping, guess_mapping, to_photometry
from sedflow.errors import BadParameters, BadPhotometry, BadSSP, SedflowError, UnknownBand
from sedflow.flux_units import flux_unit
from sedflow.model.ssp import SSPGrid, load_ssp
from sedflow.photometry import Photometry
from sedflow.units import as_number, plain

FLUX = np.array([110.0, 275.0, 378.0, 474.0, 529.0])
SIGMA = np.array([7.0, 6.0, 8.0, 10.0, 21.0])
HIDDEN = [False, False, True, False, False]
UJY = 1 / 3.631  # nanomaggies, at 3631 Jy for magnitude 0


@pytest.mark.parametrize(
    ("flux", "sigma"),
    [
        (FLUX * u.uJy, SIGMA * u.uJy),
        (FLUX * u.uJy, SIGMA * 1e-3 * u.mJy),
        (list(FLUX * 1e-6 * u.Jy), list(SIGMA * u.uJy)),
        (Column(FLUX, unit="uJy"), MaskedColumn(SIGMA, unit="uJy")),
        (FLUX * UJY * u.nmgy, Column(SIGMA * UJY, unit=u.Unit("nmgy"))),
        ((FLUX * u.uJy).to(u.erg / u.s / u.cm**2 / u.Hz), SIGMA * u.uJy),
    ],
)
def test_flux_densities_are_converted_each_by_its_own_unit(flux, sigma):
    galaxy = Photometry(flux, sigma, 5 * u.percent)
    np.testing.assert_allclose(galaxy.flux, FLUX * UJY, rtol=1e-12)
    np.testing.assert_allclose(galaxy.sigma, SIGMA * UJY, rtol=1e-12)
    assert galaxy.redshift == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"flux": FLUX * u.uJy}, "sigma has no unit"),
        ({"sigma": SIGMA * u.uJy}, "flux has no unit"),
        ({"flux": FLUX * u.mag, "sigma": SIGMA * u.mag}, "does not name a system"),
        ({"flux": FLUX * u.dex(u.uJy), "sigma": SIGMA * u.uJy}, r"flux has .*'dex\(uJy\)'"),
        ({"flux": FLUX * u.ABmag, "sigma": SIGMA * u.uJy}, "do not go with errors in 'uJy'"),
        ({"flux": FLUX * u.mmag, "sigma": SIGMA * u.mmag}, "does not name a system"),
        ({"flux": FLUX * u.uJy, "sigma": SIGMA * u.uJy, "unit": "mJy"}, "'uJy', not 'mJy'"),
        ({"unit": "MJY"}, "millijansky or megajansky"),
        ({"flux": FLUX * u.K, "sigma": SIGMA * u.K}, "flux has the unit 'K'"),
        ({"flux": [1 * u.uJy, 2 * u.mJy, 3, 4, 5]}, "units differ"),
        ({"redshift": 15_000 * u.km / u.s}, "redshift has the unit 'km / s'"),
        ({"redshift": np.ma.masked}, "there is no redshift"),
        ({"redshift": Masked(0.05, mask=True)}, "there is no redshift"),
        ({"flux": FLUX > 0}, "booleans"),
        ({"flux": [True] * 5}, "booleans"),
        ({"flux": pd.Series([True] * 5)}, "booleans"),
        ({"flux": FLUX + 0j}, "complex"),
        ({"flux": [1j, *FLUX[1:]]}, "complex"),
        ({"flux": FLUX.astype("m8[s]")}, "durations"),
        ({"flux": [datetime.timedelta(1)] * 5}, "timedelta"),
        ({"redshift": np.datetime64("2020-01-01")}, "dates"),
        ({"sigma": [str(s) for s in SIGMA]}, "text"),
        ({"ids": np.ma.array([1], mask=[True])}, "ID is masked"),
    ],
)
def test_other_kinds_and_units_are_refused(change, words):
    good = {"flux": FLUX, "sigma": SIGMA, "redshift": 0.05}
    with pytest.raises(BadPhotometry, match=words):
        Photometry(**(good | change))


@pytest.mark.parametrize(
    "hide",
    [
        lambda a: np.ma.array(a, mask=HIDDEN),
        lambda a: MaskedColumn(a, mask=HIDDEN),
        lambda a: Masked(a, mask=HIDDEN),
        lambda a: Masked(a * u.nmgy, mask=HIDDEN),
        lambda a: pd.array([*a[:2], None, *a[3:]], dtype="Float64"),
        lambda a: pd.Series([*a[:2], pd.NA, *a[3:]], dtype=object),
        lambda a: [Decimal(a[0]), a[1], None, *a[3:]],
    ],
)
def test_what_a_mask_hides_is_absent(hide):
    for galaxy in (
        Photometry(hide(FLUX), hide(SIGMA), 0.05),
        Photometry([hide(FLUX)] * 2, [hide(SIGMA)] * 2, 0.05)[1],
    ):
        np.testing.assert_array_equal(galaxy.flux, np.where(HIDDEN, np.nan, FLUX))
        np.testing.assert_array_equal(galaxy.sigma, np.where(HIDDEN, np.nan, SIGMA))


def test_the_caller_keeps_the_array():
    flux = FLUX.copy()
    galaxy = Photometry(flux, SIGMA, 0.05)
    flux[0] = -1.0
    assert galaxy.flux[0] == FLUX[0]


def test_masked_quantities_of_a_table_are_absent():
    table = QTable({"id": [1, 2], "zspec": [0.05, 0.05]})
    table["flux_r"] = Masked([50.0, -999.0] * u.uJy, mask=[False, True])
    table["flux_g"] = [50.0, 50.0] * u.uJy
    for band in "gr":
        table[f"flux_err_{band}"] = [2.0, 2.0] * u.uJy
    found = to_photometry(table, guess_mapping(table)).photometry
    assert np.isnan(found.flux[1, found.bands.index("r")])
    assert found.flux[0, found.bands.index("r")] == pytest.approx(50 * UJY)


def test_a_column_of_velocities_is_not_a_redshift():
    table = QTable({"v": [50.0, 60.0] * u.km / u.s, "f": [1.0, 2.0], "e": [1.0, 1.0]})
    with pytest.raises(SedflowError, match="'v' is in 'km / s'"):
        to_photometry(table, Mapping("v", {"r": BandColumns("f", "e", "uJy")}))


def test_curves_grids_and_parameters_are_converted_or_refused():
    wave = np.linspace(1000.0, 1500.0, 80)
    response = np.exp(-0.5 * ((wave - 1250.0) / 80.0) ** 2)
    assert Band("J", wave * u.nm, response).pivot == pytest.approx(12_475, abs=5)
    hidden = np.arange(80) == 40
    with pytest.raises(UnknownBand, match="responses must be"):
        Band("J", wave, np.ma.array(response, mask=hidden))
    with pytest.raises(UnknownBand, match="must be positive and ascend"):
        Band("J", Masked(wave, mask=hidden), response)
    with pytest.raises(UnknownBand, match="unit 'Hz'"):
        Band("J", wave * u.Hz, response)
    grid = load_ssp("bc03")
    parts = ("bc03", grid.feh, grid.lg_age_gyr)
    same = SSPGrid(*parts, (grid.wave_edges * u.AA).to(u.um), grid.luminosity)
    np.testing.assert_allclose(same.wave_edges, grid.wave_edges)
    with pytest.raises(BadSSP, match="luminosity has the unit 'Jy'"):
        SSPGrid(*parts, grid.wave_edges, grid.luminosity * u.Jy)
    theta = sedflow.Prior().sample(2, seed=1)
    model = sedflow.SEDModel("bc03")
    for bad in (theta * u.K, np.ma.array(theta, mask=True), theta.astype(complex)):
        with pytest.raises(BadParameters):
            model.photometry(theta if bad is None else bad, 0.05)
    for redshift in (15_000 * u.km / u.s, np.ma.masked, True):
        with pytest.raises(BadParameters, match="redshift"):
            model.photometry(theta, redshift)
    assert np.isnan(ab_magnitude(np.ma.array([1.0, 2.0], mask=[False, True]))[1])
    assert ab_magnitude(3.631 * u.uJy) == pytest.approx(22.5)
    assert nanomaggies(18 * u.ABmag) == pytest.approx(10**1.8)
    for call, value in ((ab_magnitude, 1 * u.K), (nanomaggies, 18 * u.Jy / u.beam)):
        with pytest.raises(SedflowError, match="has the unit"):
            call(value)


def test_plain_numbers_are_not_copied():
    assert np.shares_memory(plain(FLUX, "flux"), FLUX)


@pytest.mark.parametrize("pair", [(-99, 99), (-9999, 0.5), (0, 9.9e9), (-99, 0.5), (-1e12, 1.0)])
def test_photometry_refuses_numbers_that_say_that_there_is_none(pair):
    flux, sigma = FLUX.copy(), SIGMA.copy()
    flux[1], sigma[1] = pair
    with pytest.raises(BadPhotometry, match="in band g says in catalogues that there is no value"):
        Photometry(flux, sigma, 0.05)


def test_photometry_takes_numbers_that_only_look_like_codes():
    flux, sigma = FLUX.copy(), SIGMA.copy()
    flux[:2], sigma[:2] = (99.0, -99.0), (2.0, 60.0)
    assert Photometry(flux, sigma, 0.05).flux[:2].tolist() == [99.0, -99.0]


def test_every_function_of_fluxes_and_wavelengths_converts():
    rng = np.random.default_rng(0)
    flux = FLUX * rng.uniform(0.5, 2.0, (50, 1))
    sigma = 0.05 * flux * rng.uniform(0.5, 2.0, flux.shape)
    bands = tuple("ugriz")
    right = sedflow.NoiseModel.fit(flux * UJY, sigma * UJY, bands)
    same = sedflow.NoiseModel.fit(flux * u.uJy, (sigma * u.uJy).to(u.mJy), bands)
    np.testing.assert_allclose(same.log_flux, right.log_flux)
    np.testing.assert_allclose(same.median, right.median)
    np.testing.assert_allclose(
        right.residual(sigma * u.uJy, flux * u.uJy), right.residual(sigma * UJY, flux * UJY)
    )
    points = [sedflow.band_flux(f, bands)[1] for f in (FLUX * u.uJy, FLUX * UJY)]
    np.testing.assert_allclose(*points)
    nm, angstrom = np.linspace(550.0, 700.0, 4) * u.nm, np.linspace(5500.0, 7000.0, 4)
    curve = [sedflow.load_band("r")]
    np.testing.assert_allclose(
        sedflow.band_weights(curve, nm), sedflow.band_weights(curve, angstrom)
    )
    for law in (sedflow.birth_cloud_curve, lambda w: sedflow.diffuse_curve(w, -0.5)):
        np.testing.assert_allclose(law(nm), law(angstrom))
    hidden = np.ma.array([0.1, 0.2], mask=[False, True])
    assert np.isnan(sedflow.luminosity_distance_cm(hidden)).tolist() == [False, True]
    theta = sedflow.Prior().sample(2, seed=1)
    for call in (
        lambda: sedflow.luminosity_distance_cm(3000 * u.km / u.s),
        lambda: sedflow.derive(theta, 3000 * u.km / u.s, sedflow.SEDModel("bc03")),
        lambda: sedflow.band_weights(curve, nm.value * u.Hz),
        lambda: sedflow.band_flux(FLUX * u.K, bands),
        lambda: sedflow.NoiseModel.fit(flux * u.uJy, sigma, bands),
    ):
        with pytest.raises(SedflowError, match="unit"):
            call()


HOURS = "10**99999999 m"  # that astropy would compute with


def _as_file(kind, unit, path):
    """A table whose column c has a unit, as a file of a kind."""
    table = Table({"id": [7], "redshift": [0.1], "mag_r": [17.0], "magerr_r": [0.05], "c": [1.0]})
    if kind == "ecsv":
        table["c"].unit = "um"
        table.write(path, format="ascii.ecsv")
        path.write_text(path.read_text().replace("unit: um", f"unit: '{unit}'"))
    elif kind == "fits":
        hdu = fits.BinTableHDU(table)
        hdu.columns["c"].unit = "um"
        hdu.writeto(path)
        content, card = path.read_bytes(), b"TUNIT5  = 'um      '"
        assert card in content
        new = f"TUNIT5  = '{unit}'".encode()
        path.write_bytes(content.replace(card.ljust(80), new.ljust(80)))
    elif kind == "vot":
        table["c"].unit = "um"
        table.write(path, format="votable")
        path.write_text(path.read_text().replace('unit="um"', f'unit="{unit}"'))
    elif kind == "parquet":
        fields = [pa.field(n, pa.float64()) for n in table.colnames]
        fields[-1] = fields[-1].with_metadata({"unit": unit})
        columns = [np.asarray(table[n], float) for n in table.colnames]
        pq.write_table(pa.table(columns, schema=pa.schema(fields)), path)
    elif kind == "h5":
        with h5py.File(path, "w") as file:
            for name in table.colnames:
                file[name] = np.asarray(table[name])
            file["c"].attrs["unit"] = unit
    else:
        names = "|".join(f"{n:>18}" for n in table.colnames)
        kinds, units = ("|".join(f"{v:>18}" for v in (*"     "[:4], last)) for last in ("", unit))
        kinds = kinds.replace(" " * 18, "double".rjust(18))
        row = " ".join(f"{v:>18}" for v in table[0])
        path.write_text(f"|{names}|\n|{kinds}|\n|{units}|\n {row} \n")
    return path


@pytest.mark.parametrize("kind", ["ecsv", "fits", "vot", "parquet", "h5", "tbl"])
def test_no_unit_of_a_file_takes_forever(kind, tmp_path):
    path = _as_file(kind, HOURS, tmp_path / f"a.{kind}")
    try:
        table = read_table(path)
    except SedflowError as error:  # of those that astropy parses
        assert HOURS in str(error)
    else:
        assert str(table["c"].unit) == HOURS
        assert to_photometry(table, guess_mapping(table)).rows.tolist() == [0]


@pytest.mark.parametrize(
    "unit",
    [HOURS, "10+99999999 Jy", "10^(99999999) Jy", "10\u207a" + "\u2079" * 8 + " Jy", "m " * 5000],
)
def test_no_unit_of_a_mapping_takes_forever(unit):
    with pytest.raises(SedflowError, match="can be read"):
        flux_unit(unit)


def test_a_text_that_is_no_unit_is_parsed_once(monkeypatch):
    asked = []
    real = flux_units._parsed
    monkeypatch.setattr(flux_units, "_parsed", lambda text: asked.append(text) or real(text))
    for _ in range(3):
        with pytest.raises(SedflowError, match="neither a flux density"):
            flux_unit("no unit at all")
    assert len(asked) == 1


@pytest.mark.parametrize(
    "text", ["9" * 60_000 + "x", "9." + "9" * 60_000 + "x", " " * 60_000 + "x"]
)
def test_a_long_text_is_soon_found_to_be_no_number(text):
    """It took the square of its length: a minute and a half, here."""
    with pytest.raises(ValueError, match="is not a number"):
        as_number(text.replace("{}", "9" * 60_000))

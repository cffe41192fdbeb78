"""Magnitudes in mmag, and errors in mmag, %, dex and dB, by the units of the columns."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

import sedflow
from sedflow.catalogue.rows import BandColumns, Mapping, guess_mapping, to_photometry
from sedflow.errors import SedflowError
from sedflow.photometry import Photometry

LN10 = np.log(10.0)
UJY = 1 / 3.631  # nanomaggies


def read(value, error, units, names=("flux_r", "flux_err_r"), stated=None):
    """Flux and sigma of the band r of a table with these units, by the guess from its names."""
    numbers = {"redshift": [0.1], names[0]: [value], names[1]: [error]}
    table = Table(numbers)
    for name, unit in zip(names, units, strict=True):
        table[name].unit = u.Unit(unit, parse_strict="silent") if unit else None
    mapping = guess_mapping(table)
    rows = to_photometry(table, mapping.in_unit(stated) if stated else mapping)
    assert not rows.problems, rows.problems
    return rows.photometry.flux.item(), rows.photometry.sigma.item(), " ".join(rows.assumptions)


MAG = ("mag_r", "magerr_r")
FLUX_17 = 10 ** (0.4 * (22.5 - 17.3))


@pytest.mark.parametrize(
    ("value", "error", "units", "names", "right"),
    [
        (17300.0, 20.0, ("mmag", "mmag"), MAG, (FLUX_17, 0.02 * 0.4 * LN10 * FLUX_17)),
        (17300.0, 0.02, ("mmag", "mag"), MAG, (FLUX_17, 0.02 * 0.4 * LN10 * FLUX_17)),
        (17.3, 20.0, ("mag", "mmag"), MAG, (FLUX_17, 0.02 * 0.4 * LN10 * FLUX_17)),
        (17.3, 20.0, ("", "mmag"), MAG, (FLUX_17, 0.02 * 0.4 * LN10 * FLUX_17)),
        (17.3, 2.0, ("mag", "%"), MAG, (FLUX_17, 0.02 * FLUX_17)),
        (17.3, 0.008, ("mag", "dex"), MAG, (FLUX_17, 0.008 * LN10 * FLUX_17)),
        (17.3, 0.08, ("mag", "dB"), MAG, (FLUX_17, 0.008 * LN10 * FLUX_17)),
        (50.0, 2.0, ("uJy", "%"), ("flux_r", "flux_err_r"), (50 * UJY, UJY)),
        (50.0, 2.0, ("uJy", "percent"), ("flux_r", "flux_err_r"), (50 * UJY, UJY)),
        (50.0, 20.0, ("uJy", "mmag"), ("flux_r", "flux_err_r"), (50 * UJY, UJY * 0.4 * LN10)),
        (50.0, 0.02, ("uJy", "mag"), ("flux_r", "flux_err_r"), (50 * UJY, UJY * 0.4 * LN10)),
        (50.0, 0.02, ("uJy", "dex"), ("flux_r", "flux_err_r"), (50 * UJY, UJY * LN10)),
        (50.0, 0.2, ("uJy", "dB"), ("flux_r", "flux_err_r"), (50 * UJY, UJY * LN10)),
        (2.0, 1.0, ("dex(uJy)", "%"), ("flux_r", "flux_err_r"), (100 * UJY, UJY)),
    ],
)
def test_errors_are_converted_by_the_unit_of_their_column(value, error, units, names, right):
    flux, sigma, said = read(value, error, units, names)
    assert (flux, sigma) == pytest.approx(right)
    assert ("percent" if units[1] in ("%", "percent") else units[1] or "mag") in said


def test_a_flux_without_a_unit_does_not_take_that_of_an_error_in_mag():
    with pytest.raises(SedflowError, match="the unit of flux_r is not known"):
        read(50.0, 20.0, ("", "mmag"))
    flux, sigma, _ = read(50.0, 20.0, ("", "mmag"), stated="uJy")
    assert (flux, sigma) == pytest.approx((50 * UJY, UJY * 0.4 * LN10))


@pytest.mark.parametrize(
    ("unit", "flux", "error", "right"),
    [
        ("mmag", 17300.0, 20.0, FLUX_17),
        ("mmag(AB)", 17300.0, 20.0, FLUX_17),
        ("0.001 mag", 17300.0, 20.0, FLUX_17),
        ("10-3mag", 17300.0, 20.0, FLUX_17),
        ("millimag", 17300.0, 20.0, FLUX_17),
        ("mmag(Vega)", 17300.0, 20.0, FLUX_17 * 10 ** (-0.4 * 0.16)),
    ],
)
def test_spellings_of_thousandths_of_a_magnitude(unit, flux, error, right):
    table = {"z": [0.1], "f": [flux], "e": [error]}
    found = to_photometry(table, Mapping("z", {"r": BandColumns("f", "e", unit)})).photometry
    assert found.flux.item() == pytest.approx(right)
    assert found.sigma.item() == pytest.approx(right * 0.02 * 0.4 * LN10)


@pytest.mark.parametrize("code", [-99, 99, 0, 9999, 99999, -9999, 32767])
def test_codes_of_no_value_are_no_thousandths_of_a_magnitude(code):
    table = {"z": [0.1], "f": [code], "e": [20.0], "g": [5.0], "eg": [0.5]}
    bands = {"r": BandColumns("f", "e", "mmag"), "g": BandColumns("g", "eg", "uJy")}
    assert np.isnan(to_photometry(table, Mapping("z", bands)).photometry.flux[0, 0])


@pytest.mark.parametrize(
    ("mapped", "stated"), [("mag", "mmag"), ("mmag", "mag"), ("mag(Vega)", "mmag")]
)
def test_a_mapping_that_is_wrong_by_a_thousand_is_refused(mapped, stated):
    table = Table({"z": [0.1], "f": [17.3], "e": [0.1]}, units={"f": stated})
    with pytest.raises(SedflowError, match="by its own account"):
        to_photometry(table, Mapping("z", {"r": BandColumns("f", "e", mapped)}))
    if mapped == "mag":
        with pytest.raises(SedflowError, match="asinh magnitudes are read in mag"):
            BandColumns("f", "e", "mmag", system="asinh")


@pytest.mark.parametrize(
    "text",
    [
        "id,zspec,rmag,e_rmag\n,,mmag,mmag\n7,0.1,17300,20\n",
        "id\tzspec\trmag\te_rmag\n \t \tmmag\tmmag\n-\t---\t-----\t--\n7\t0.1\t17300\t20\n",
        "#id zspec rmag e_rmag\n#- - mmag mmag\n7 0.1 17300 20\n",
    ],
)
def test_text_has_thousandths_in_the_line_of_units(text):
    table = sedflow.read_table(text.encode(), "x.txt")
    rows = to_photometry(table, guess_mapping(table))
    assert rows.photometry.flux.item() == pytest.approx(FLUX_17)
    assert rows.photometry.sigma.item() == pytest.approx(FLUX_17 * 0.02 * 0.4 * LN10)


def test_percent_is_read_as_fits_spells_it(tmp_path):
    """astropy writes % as 10**-2, and calls what it reads 0.01."""
    path = tmp_path / "a.fits"
    units = {"flux_r": "uJy", "flux_err_r": "%", "share_r": "%"}
    columns = {"redshift": [0.1], "flux_r": [50.0], "flux_err_r": [2.0], "share_r": [3.0]}
    Table(columns, units=units).write(path)
    table = sedflow.read_table(path)
    rows = to_photometry(table, guess_mapping(table))
    assert rows.photometry.sigma.item() == pytest.approx(UJY)
    stored = Table.read(path)
    one = Photometry(stored[["flux_r"]], stored[["flux_err_r"]], 0.1, ("r",))
    assert one.sigma.item() == pytest.approx(UJY)
    with pytest.raises(SedflowError, match=r"'0\.01' is a share, as errors may be: state the unit"):
        Photometry(stored[["share_r"]], stored[["flux_err_r"]], 0.1, ("r",))


def test_photometry_takes_errors_in_percent_and_mag_beside_fluxes():
    flux = [50.0] * u.uJy
    assert Photometry(flux, [2.0] * u.percent, 0.1, ("r",)).sigma == pytest.approx(UJY)
    right = pytest.approx(UJY * 0.4 * LN10)
    assert Photometry(flux, [20.0] * u.mmag, 0.1, ("r",)).sigma == right
    milli = Photometry.from_magnitudes([17300.0] * u.mmag, [0.02], 0.1, ("r",))
    assert milli.flux == pytest.approx(FLUX_17)


@pytest.mark.parametrize(
    ("band", "names"), [("W1", ("W1mag", "e_W1mag")), ("J", ("Jmag", "e_Jmag"))]
)
def test_mag_in_a_file_does_not_say_the_system_of_the_infrared(band, names):
    """As VizieR has AllWISE and 2MASS."""
    table = Table(
        {"zsp": [0.1], names[0]: [15.0], names[1]: [0.1]}, units=dict.fromkeys(names, "mag")
    )
    mapping = guess_mapping(table, [band])
    assert mapping.open == (band,)
    with pytest.raises(SedflowError, match="is not known"):
        to_photometry(table, mapping)
    offset = {"J": 0.91, "W1": 2.699}[band]
    flux = to_photometry(table, mapping.in_unit("Vega")).photometry.flux.item()
    assert flux == pytest.approx(10 ** (0.4 * (7.5 - offset)))

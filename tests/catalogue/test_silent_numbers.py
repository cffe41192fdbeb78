"""Small inputs with their right values, each of a kind that was once computed wrong in silence."""

import io
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Table

from sedflow.catalogue.read.open import read_table
from sedflow.catalogue.rows import BandColumns, Mapping, guess_mapping, to_photometry
from sedflow.catalogue.sampler_for_bands import usable
from sedflow.errors import SedflowError
from sedflow.photometry import Photometry

LN10 = np.log(10.0)
UJY = 1 / 3.631  # nanomaggies
TWO = {"redshift": [0.1, 0.1], "flux_err_r": [2.0, 2.0]}


def one(value, error, unit="nanomaggies", more=None, **entries):
    """Flux and sigma of the band r; (NaN, NaN) where it is absent beside a band that is there."""
    table = {"z": [0.1], "f": [value], "e": [error], "g": [5.0], "eg": [0.5]}
    table |= {name: [cell] for name, cell in (more or {}).items()}
    bands = {"r": BandColumns("f", "e", unit, **entries), "g": BandColumns("g", "eg", "uJy")}
    found = to_photometry(table, Mapping("z", bands))
    assert not found.problems, found.problems
    return found.photometry.flux[0, 0], found.photometry.sigma[0, 0]


@pytest.mark.parametrize(
    ("unit", "value", "right"),
    [
        ("dex(uJy)", 0.0, UJY),
        ("dex(uJy)", -1.0, 0.1 * UJY),
        ("dex(Jy)", -9.0, 1e-3 * UJY),
        ("dB(nJy)", 92.0, 10**9.2 * 1e-3 * UJY),
        ("mag(nanomaggies)", -1.0, 10**0.4),
        ("mag(Jy)", 0.0, 1e6 * UJY),
    ],
)
def test_numbers_that_mean_no_magnitude_are_logarithms_of_fluxes(unit, value, right):
    flux, sigma = one(value, 0.1, unit)
    step = {"dex": 1.0, "dB(": 0.1, "mag": 0.4}[unit[:3]]
    assert (flux, sigma) == pytest.approx((right, right * 0.1 * step * LN10))


def test_codes_of_no_value_are_no_logarithms():
    assert np.isnan(one(-99.0, -99.0, "dex(uJy)")).all()
    assert np.isnan(one(1.0, 99.0, "dex(uJy)")).all()
    assert one(99.0, 0.1, "dB(nJy)", nulls="none")[0] == pytest.approx(10**9.9 * 1e-3 * UJY)


@pytest.mark.parametrize(
    ("flag", "unit", "right"),
    [
        ("<", "nanomaggies", (0.0, 10.0)),
        (1, "nanomaggies", (0.0, 10.0)),
        (">", "nanomaggies", (np.nan, np.nan)),
        (-1, "nanomaggies", (np.nan, np.nan)),
        ("-1", "nanomaggies", (np.nan, np.nan)),
        (">", "mag", (0.0, 1e9 * 10**-8 / 2)),
        ("<", "mag", (np.nan, np.nan)),
        (1, "mag", (0.0, 1e9 * 10**-8 / 2)),
        (-1, "mag", (np.nan, np.nan)),
        ("-1", "Vega", (np.nan, np.nan)),
        (-1.0, "asinh", (np.nan, np.nan)),
        (">", "dex(nanomaggies)", (np.nan, np.nan)),
        (0, "nanomaggies", (20.0, 0.5)),
    ],
)
def test_a_lower_limit_is_not_an_upper_one(flag, unit, right):
    found = one(20.0, 0.5, unit, {"l": flag}, limit="l", limit_sigma="2")
    assert found == pytest.approx(right, nan_ok=True)


@pytest.mark.parametrize("error", [np.nan, -99.0, 99.0, 9.99, 999.0, np.inf, 0.1])
@pytest.mark.parametrize(("unit", "flag"), [("mag", ">"), ("Vega", ">"), ("uJy", "<")])
def test_a_flagged_limit_is_one_whatever_its_error(unit, flag, error):
    entries = {"limit": "l", "limit_sigma": "3"}
    right = one(20.0, -1.0, unit, {"l": flag}, **entries)
    assert right[0] == 0.0 and right[1] > 0
    assert one(20.0, error, unit, {"l": flag}, **entries) == pytest.approx(right)


@pytest.mark.parametrize("error", [99.0, 9.99, np.inf])
def test_a_magnitude_without_an_error_is_not_said_to_be_the_code(error):
    table = {"z": [0.1, 0.1], "m": [20.5, 20.1], "e": [error, 0.1]}
    report = to_photometry(table, Mapping("z", {"r": BandColumns("m", "e", "mag")})).report
    assert any("r: e says that there is no value (1 row)" in line for line in report)
    assert not any("m = 20.5" in line for line in report)


@pytest.mark.parametrize("unit", ["mag", "uJy"])
@pytest.mark.parametrize("code", [-99, "-9999", 99.0, -9, "0.00", np.inf])
def test_a_code_among_flags_of_limits_is_not_a_limit(unit, code):
    entries = {"limit": "l", "limit_sigma": "3"}
    plain = one(20.0, 0.1, unit)
    assert one(20.0, 0.1, unit, {"l": code}, **entries) == pytest.approx(plain)


def test_codes_among_flags_are_counted_and_can_be_stated_as_flags():
    table = {"z": [0.1] * 3, "f": [20.0] * 3, "e": [0.1] * 3, "l": [0, -99, 1]}

    def found(**entries):
        band = BandColumns("f", "e", "uJy", limit="l", limit_sigma="3", **entries)
        return to_photometry(table, Mapping("z", {"r": band}))

    assert any("r: l = -99 says that there is no flag (1 row)" in s for s in found().report)
    assert (found().photometry.flux[:, 0] > 0).tolist() == [True, True, False]
    assert len(found(nulls="none").photometry.flux) == 2


def test_signs_in_the_cell_are_limits_of_their_side():
    assert one("<20", 0.5, limit="l", limit_sigma="2", more={"l": 0}) == pytest.approx((0, 10))
    assert np.isnan(one(">20", 0.5, limit="l", limit_sigma="2", more={"l": 0})).all()
    table = {"z": [0.1], "f": [">20"], "e": [0.5], "g": [5.0], "eg": [0.5]}
    bands = {"r": BandColumns("f", "e", "uJy"), "g": BandColumns("g", "eg", "uJy")}
    said = to_photometry(table, Mapping("z", bands)).report
    assert any("lower limits of the flux, left out (1 row)" in line for line in said)


@pytest.mark.parametrize(
    ("entry", "column"),
    [
        ("extinction", "E(B-V)"),
        ("extinction", "E_BV"),
        ("extinction", "SFD98"),
        ("extinction", "A_V"),
        ("extinction", "mw_transmission_r"),
        ("transmission", "A_r"),
        ("transmission", "EBV"),
        ("transmission", "galext_r"),
        ("ebv", "A_V"),
        ("ebv", "extinction_r"),
        ("ebv", "mw_transmission_r"),
    ],
)
def test_a_correction_by_another_quantity_is_refused(entry, column):
    more = {"coefficient": "2.285"} if entry == "ebv" else {}
    with pytest.raises(SedflowError, match=f"is given as {entry}, but is an? "):
        BandColumns("f", "e", "uJy", **{entry: column}, **more)


@pytest.mark.parametrize("column", ["A_r", "extinction_r", "a[2]", "EXTINCTION[4]", "T", "Ar"])
def test_a_correction_by_its_own_name_is_taken(column):
    assert BandColumns("f", "e", "uJy", extinction=column).extinction == column


@pytest.mark.parametrize(
    "unit", ["mag/arcsec2", "mag arcsec-2", "mag/sq.arcsec", "MJy/sr", "JY/SR", "nmgy/arcsec^2"]
)
def test_a_surface_brightness_is_not_a_flux_whatever_is_stated(unit):
    log = unit.startswith("mag")
    table = Table({"redshift": [0.1], "f": [20.0], "e": [0.1]})
    table["f"].unit = u.Unit(unit, parse_strict="silent")
    bands = {"r": BandColumns("f", "e", "mag" if log else "uJy")}
    with pytest.raises(SedflowError, match="surface brightness"):
        to_photometry(table, Mapping("redshift", bands))


def test_a_file_in_another_system_than_ab_is_not_taken_as_ab():
    table = Table({"redshift": [0.1], "f": [20.0], "e": [0.1]}, units={"f": u.STmag})
    with pytest.raises(SedflowError, match="in AB magnitudes"):
        to_photometry(table, Mapping("redshift", {"r": BandColumns("f", "e", "mag")}))
    table["f"].unit = u.ABmag
    rows = to_photometry(table, Mapping("redshift", {"r": BandColumns("f", "e", "mag")}))
    assert rows.photometry.flux.item() == pytest.approx(10.0)


@pytest.mark.parametrize("band", ["J", "H", "Ks", "W1", "W2"])
def test_the_system_of_infrared_magnitudes_is_asked_about(band):
    table = {"redshift": [0.1], f"mag_{band}": [15.0], f"magerr_{band}": [0.1]}
    mapping = guess_mapping(table, [band])
    assert mapping.open == (band,)
    rows = to_photometry(table, mapping.in_unit("Vega"))
    offset = {"J": 0.91, "H": 1.39, "Ks": 1.85, "W1": 2.699, "W2": 3.339}[band]
    assert rows.photometry.flux.item() == pytest.approx(10 ** (0.4 * (7.5 - offset)))


def arrow():
    about = {"unit": "mJy"}
    fields = [pa.field("redshift", pa.float64())]
    fields += [pa.field(n, pa.float64(), metadata=about) for n in ("flux_r", "flux_err_r")]
    return pa.table([[0.1], [50.0], [2.0]], schema=pa.schema(fields))


def in_parquet():
    file = io.BytesIO()
    pq.write_table(arrow(), file)
    return read_table(file.getvalue(), "x.parquet")


def in_pandas():
    frame = pd.DataFrame({"redshift": [0.1], "flux_r": [50.0], "flux_err_r": [2.0]})
    frame.attrs["units"] = {"flux_r": "mJy", "flux_err_r": "mJy"}
    return frame


def in_lists():
    return {"redshift": [0.1], "flux_r": [50.0 * u.mJy], "flux_err_r": [2.0 * u.mJy]}


def in_objects():
    return pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in in_lists().items()})


@pytest.mark.parametrize("make", [arrow, in_parquet, in_pandas, in_lists, in_objects])
def test_a_unit_beside_the_numbers_counts_before_a_stated_one(make):
    table = make()
    mapping = guess_mapping(table).in_unit("uJy")
    rows = to_photometry(table, mapping)
    right = pytest.approx((50e3 * UJY, 2e3 * UJY))
    assert (rows.photometry.flux.item(), rows.photometry.sigma.item()) == right
    assert any("stated unit uJy is not that of r (mJy)" in line for line in rows.report)


@pytest.mark.parametrize(
    ("attributes", "stored"),
    [
        ({"_FillValue": np.int16(-32768), "scale_factor": 0.01, "add_offset": 3.0}, "i2"),
        ({"_FillValue": np.float32(-32768.0)}, "f4"),
        ({"missing_value": np.float32(-32768.0)}, "f4"),
    ],
)
def test_scales_and_nulls_of_netcdf_are_those_of_the_stored_number(attributes, stored):
    scaled = "scale_factor" in attributes
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        for name, values in (TWO | {"flux_g": [5.0, 5.0], "flux_err_g": [1.0, 1.0]}).items():
            out[name] = values
        out["flux_r"] = np.array([5000 if scaled else 53, -32768], dtype=stored)
        out["flux_r"].attrs.update(attributes | {"units": "uJy"})
    table = read_table(file.getvalue(), "x.nc")
    flux = to_photometry(table, guess_mapping(table).in_unit("uJy")).photometry.flux
    bands = list(guess_mapping(table).bands)
    assert flux[:, bands.index("r")] == pytest.approx([53 * UJY, np.nan], nan_ok=True)


def test_columns_of_other_lengths_and_single_values_are_refused():
    with pytest.raises(SedflowError, match="have 2 and 3 rows"):
        guess_mapping(TWO | {"flux_r": [1.0, 2.0, 3.0]})
    with pytest.raises(SedflowError, match="one value, not a list"):
        guess_mapping({"redshift": 0.1, "flux_r": 1.0, "flux_err_r": 0.1})


def test_ids_of_the_type_string_stay_text_in_ecsv():
    table = Table({"id": ["42", "43"], "n": [1, 2], "z": [0.1, 0.2]})
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    assert read_table(text.getvalue().encode(), "x.ecsv")["id"].tolist() == ["42", "43"]


def test_errors_of_magnitudes_have_their_own_unit():
    right = Photometry.from_magnitudes([20.0], [0.05], 0.1, ("r",)).sigma
    milli = Photometry.from_magnitudes([20.0], [50.0] * u.mmag, 0.1, ("r",))
    assert milli.sigma == pytest.approx(right)
    # As astropy has it: brighter is less.
    with pytest.raises(SedflowError, match=r"error = -0\.125 mag must be > 0"):
        Photometry.from_magnitudes([20.0], [0.05] * u.dex, 0.1, ("r",))


def test_plain_errors_beside_a_stated_dex_are_in_dex_at_every_entrance():
    direct = Photometry([2.0], [0.02], 0.1, ("r",), unit="dex(uJy)")
    assert (direct.flux[0], direct.sigma[0]) == pytest.approx(one(2.0, 0.02, "dex(uJy)"))
    assert direct.sigma[0] == pytest.approx(100 * UJY * 0.02 * LN10)


@pytest.mark.parametrize("word", ["INDEF", "undef", "NULL", "N/A", "--", "no_data"])
def test_words_for_no_value_are_no_reason_to_leave_the_row_out(word):
    assert np.isnan(one(word, word)).all()


@pytest.mark.parametrize(
    ("value", "error", "scale"),
    [
        ("nanomaggy", "1/nanomaggy^2", 1.0),
        ("nanomaggies", "nanomaggies**(-2)", 1.0),
        ("uJy", "uJy-2", UJY),
        ("Jy", "Jy^-2", 1e6 * UJY),
    ],
)
def test_inverse_variances_in_units_as_surveys_write_them(value, error, scale):
    column = fits.Column
    columns = [column("z", "D", array=[0.1]), column("flux_r", "D", array=[10.0], unit=value)]
    columns += [column("flux_ivar_r", "D", array=[4.0], unit=error)]
    file = io.BytesIO()
    fits.BinTableHDU.from_columns(columns).writeto(file)
    table = read_table(file.getvalue(), "x.fits")
    rows = to_photometry(table, guess_mapping(table))
    right = pytest.approx((10 * scale, 0.5 * scale))
    assert (rows.photometry.flux.item(), rows.photometry.sigma.item()) == right


def test_a_survey_that_is_named_decides_what_columns_are():
    table = {"redshift": [0.1], "flux_r": [8.0], "flux_ivar_r": [0.25]}
    assert list(guess_mapping(table).bands) == ["r"]
    named = guess_mapping(table, preset="legacy-surveys")
    assert list(named.bands) == ["decam2014-r"]
    assert "are read as those of the DESI Legacy Surveys" in named.notes[0]
    with pytest.raises(SedflowError, match="no columns of the Hyper Suprime-Cam"):
        guess_mapping(table, preset="hsc")
    with pytest.raises(SedflowError, match="choose one of nsa"):
        guess_mapping(table, preset="hst")


def test_bands_that_a_network_does_not_know_are_told_among_the_assumptions():
    network = SimpleNamespace(bands=("u", "g", "r", "i", "z"), name="five")
    table = {"redshift": [0.1], "r": [8.0], "e": [0.2], "w": [8.0], "ew": [0.2]}
    bands = {"r": BandColumns("r", "e", "uJy"), "W1": BandColumns("w", "ew", "uJy")}
    used = usable(Mapping("redshift", bands), network)
    rows = to_photometry(table, used)
    assert rows.photometry.bands == ("r",)
    assert "ignored, as five was not trained on them: W1" in rows.assumptions
    assert usable(used, network).notes == used.notes


def test_the_magnitude_in_z_beside_a_column_z_of_redshifts_is_read():
    """It was left out, and four bands were fitted without a word."""
    table = {"z": [0.06, 0.07], "zmag": [16.5, 16.6], "err_z": [0.04, 0.04]}
    for band in "ugri":
        table |= {band: [17.0, 17.1], f"err_{band}": [0.02, 0.02]}
    mapping = guess_mapping(table)
    assert mapping.redshift == "z"
    assert (mapping.bands["z"].value, mapping.bands["z"].error) == ("zmag", "err_z")
    found = to_photometry(table, mapping.in_unit("mag"))
    np.testing.assert_allclose(found.photometry.magnitude[:, 4], [16.5, 16.6], atol=1e-3)
    assert any("zmag is, with the errors err_z" in said for said in found.report)


def test_errors_that_are_magnitudes_are_refused():
    """Exchanged with the magnitudes, they gave an exact posterior of nothing."""
    with pytest.raises(SedflowError, match=r"error = 18.9 mag is above 5 mag.*exchanged"):
        Photometry.from_magnitudes([0.05, 0.02, 0.02], [18.9, 17.6, 17.0], 0.06, bands="gri")

"""The numbers of catalogues: units, systems, errors, nulls, limits, corrections and filters."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import sedflow
from sedflow.bands import load_band
from sedflow.catalogue.assumptions import assumed
from sedflow.catalogue.columns import Columns
from sedflow.catalogue.presets import presets
from sedflow.catalogue.rows import BandColumns, Mapping, guess_mapping, to_photometry
from sedflow.catalogue.sampler_for_bands import cost
from sedflow.cli import main
from sedflow.dashboard.downloads import results_file
from sedflow.errors import SedflowError, UnknownBand
from sedflow.nulls import is_code, settled

LN10 = np.log(10.0)
A = 0.8
DIM = 10 ** (-0.4 * A)


def one(unit="nanomaggies", flux=100.0, error=2.0, band="r", more=None, **entries):
    """Flux and sigma of a band read by a mapping with these entries."""
    table = {"z": [0.05], "f": [flux], "e": [error], **{k: [v] for k, v in (more or {}).items()}}
    mapping = Mapping("z", {band: BandColumns("f", "e", unit, **entries)})
    found = to_photometry(table, mapping)
    assert not found.problems, found.problems
    return found.photometry.flux.item(), found.photometry.sigma.item()


def read(table, unit=None, **options):
    mapping = guess_mapping(table, **options)
    return to_photometry(table, mapping.in_unit(unit) if unit else mapping)


@pytest.mark.parametrize(
    ("entries", "error"),
    [
        ({"error_kind": "sigma"}, 2.0),
        ({"error_kind": "ivar"}, 0.25),
        ({"error_kind": "variance"}, 4.0),
        ({"error_kind": "relative"}, 0.02),
        ({"error_kind": "percent"}, 2.0),
        ({"error_kind": "snr"}, 50.0),
        ({"error_upper": "up", "more": {"up": 3.0}}, 1.0),
        ({"error_upper": "up", "more": {"up": 3.0}}, -1.0),
    ],
)
def test_errors_of_any_kind_are_two_percent(entries, error):
    assert one(error=error, **entries) == pytest.approx((100.0, 2.0))
    uJy = one("uJy", error=error, **entries)
    assert uJy == pytest.approx((100 / 3.631, 2 / 3.631))


@pytest.mark.parametrize(
    ("entries", "column"),
    [
        ({"extinction": "c"}, A),
        ({"transmission": "c"}, DIM),
        ({"ebv": "c", "coefficient": "2.285"}, A / 2.285),
        ({"ebv": "c", "coefficient": 2.285}, A / 2.285),
        ({"ebv": "c", "coefficient": "SF11"}, A / 2.285),
    ],
)
def test_galactic_extinction_is_removed_whatever_the_column_holds(entries, column):
    found = one(flux=100 * DIM, error=2 * DIM, more={"c": column}, **entries)
    assert found == pytest.approx((100.0, 2.0))


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ({"extinction": "mw_transmission_r"}, "is a transmission by its name"),
        ({"transmission": "extinction_r"}, "is an extinction by its name"),
        ({"extinction": "A", "transmission": "T"}, "name one of them"),
        ({"extinction": "A", "corrected": "yes"}, "leave one of them out"),
        ({"ebv": "EBV"}, "coefficient"),
        ({"error_kind": "wrong"}, "error_kind = 'wrong'"),
        ({"system": "Johnson"}, "system = 'Johnson'"),
        ({"unit": "uJy", "system": "Vega"}, "has no magnitude system"),
        ({"nulls": "ninety"}, "must be numbers"),
        ({"limit_sigma": "3"}, "nothing says which values are limits"),
        ({"limit": "l", "limit_sigma": "-3"}, "positive number"),
        ({"unit": "furlong"}, "the unit 'furlong' of the column 'f'"),
        ({"zero_point": "22.5", "unit": "mag"}, "zero point"),
    ],
)
def test_entries_that_contradict_each_other_are_refused(entries, why):
    with pytest.raises(SedflowError, match=why):
        BandColumns("f", "e", **entries)


@pytest.mark.parametrize("value", ["NMGY[4]", "dered_r"])
def test_a_flux_is_not_corrected_twice(value):
    with pytest.raises(SedflowError, match="corrected twice"):
        BandColumns(value, "e", extinction="EXTINCTION[4]")


@pytest.mark.parametrize("code", [-9999.0, -99.0, np.nan, 99.0])
def test_a_correction_that_is_not_there_is_told(code):
    table = {"z": [0.05], "f": [1.0], "e": [1.0], "A": [code]}
    mapping = Mapping("z", {"r": BandColumns("f", "e", "uJy", extinction="A")})
    assert "A = " in to_photometry(table, mapping).problems[0].reason
    same = Mapping("z", {"r": BandColumns("f", "e", "uJy", transmission="A")})
    assert "a transmission" in to_photometry(table, same).problems[0].reason


def test_magnitudes_with_a_zero_point_and_fluxes_with_one():
    flux, sigma = one("mag", 17.0, 0.1, "J", zero_point="1594 Jy", system="Vega")
    assert flux == pytest.approx(1594 / 3631 * 1e9 * 10**-6.8)
    assert sigma == pytest.approx(flux * 0.1 * LN10 / 2.5)
    assert one("Vega", 17.0, 0.1, "J")[0] == pytest.approx(10 ** (0.4 * (22.5 - 17.91)))
    assert one("zp 25", 100.0, 2.0) == pytest.approx((10.0, 0.2))
    assert one("dex(uJy)", 2.0, 0.01) == pytest.approx((100 / 3.631, LN10 / 3.631))


@given(
    st.sampled_from(["r", "decam2014-g", "W1"]),
    st.floats(0.5, 50.0),
    st.sampled_from(["uJy", "10-3Jy", "1e-17 erg/s/cm2/A", "NMGY", "mag(AB)", "dB(mJy)"]),
)
@settings(max_examples=40, deadline=None)
def test_columns_convert_as_astropy_does(band, value, unit):
    pivot = load_band(band).pivot * u.AA
    named = {
        "10-3Jy": u.mJy,
        "1e-17 erg/s/cm2/A": u.Unit("1e-17 erg/(s cm2 Angstrom)"),
        "NMGY": u.Unit("3.631e-6 Jy"),
    }.get(unit) or u.Unit(unit)
    log = unit.startswith(("mag", "dB"))
    quantity = value * named
    physical = quantity.physical if log else quantity
    right = physical.to_value(u.Jy, u.spectral_density(pivot)) * 1e9 / 3631
    flux, sigma = one(unit, value, 0.1, band)
    assert flux == pytest.approx(right, rel=1e-4 if unit == "mag(AB)" else 1e-6)
    slope = {"mag(AB)": 0.4 * LN10, "dB(mJy)": 0.1 * LN10}.get(unit, 1 / value)
    assert sigma == pytest.approx(0.1 * slope * flux, rel=1e-6)


PAIRS = [
    *((-99, 99), (-99, -99), (99, 99), (-999, 0.5), (-9999, 9999), (-99, 0.5), (0, 9.9e99)),
    *((0, 9.9e9), (0, 99), (0, 0), (np.inf, 1), (5, np.inf), (-99.9, 99.9), (-1e30, 1)),
    *((1e20, 1e20), (-32768, 1), (-9.99, 9.99), (-1, -1), (5, -1), (np.nan, 1), (5, np.nan)),
    *((9.96921e36, 1), (-3.40282347e38, 1)),
]


@pytest.mark.parametrize("pair", PAIRS)
def test_a_flux_that_says_that_there_is_none_is_an_absent_band(pair):
    flux, error = pair
    for dtype in (float, np.float32):
        if 1e40 in np.clip(np.abs(pair), 0, 1e40) and dtype is np.float32:
            continue
        table = {"id": [1, 2], "redshift": [0.05, 0.05]}
        table |= {"flux_g": [50.3, 51.1], "flux_err_g": [2.0, 2.0]}
        table |= {"flux_r": np.array([52.1, flux], dtype)}
        table |= {"flux_err_r": np.array([2.0, error], dtype)}
        found = read(table, "nanomaggies")
        assert not found.problems
        assert found.photometry.present.tolist() == [[True, True], [True, False]]
        assert any(why.startswith("r: ") for why in found.left_out), found.left_out


@pytest.mark.parametrize(
    "pair",
    [(99, 99), (-99, 0.1), (99, 24.5), (-9999, -9999), (0, 0), (-1, -1), (18, 99), (18, 9.99),
     (np.inf, 0.1), (18, 0), (-9.99, 0.1), (99.99, 9.99)],
)  # fmt: skip
def test_a_magnitude_that_says_that_there_is_none_is_an_absent_band(pair):
    table = {"id": [1], "redshift": [0.05], "mag_g": [18.0], "magerr_g": [0.1]}
    found = read(table | {"mag_r": [pair[0]], "magerr_r": [pair[1]]})
    assert found.photometry.present.tolist() == [[True, False]]


@pytest.mark.parametrize("pair", [(-99, 60), (-999, 400)])
def test_what_may_be_data_is_asked_about(pair):
    table = {"z": [0.05], "f": [pair[0]], "e": [pair[1]], "g": [50.0], "eg": [1.0]}

    def found(nulls):
        bands = {"r": BandColumns("f", "e", "uJy", nulls=nulls), "g": BandColumns("g", "eg", "uJy")}
        return to_photometry(table, Mapping("z", bands))

    assert "state nulls = " in found("").problems[0].reason
    assert found("none").photometry.flux[0, 0] == pytest.approx(pair[0] / 3.631)
    assert np.isnan(found(str(pair[0])).photometry.flux[0, 0])
    for nulls in ("none", str(pair[0])):  # as the sentence says
        assert not found(nulls).problems


def test_numbers_that_are_data_stay():
    for value, error in ((99.0, 2.0), (9999.0, 50.0), (-12.3, 9.0), (99.5, 1.0), (-98.0, 60.0)):
        assert one("uJy", value, error)[0] == pytest.approx(value / 3.631)
    assert is_code([12.0, 99.5, -98.0, 1000.0, 99.01]).sum() == 0


def test_the_distribution_of_a_column_tells_codes():
    rng = np.random.default_rng(1)
    values = rng.normal(50.0, 20.0, 100)
    assert settled(values) == ()
    values[:3] = -99.0
    assert settled(values) == (-99.0,)
    values[:3] = [99.0, 50.1, 50.2]
    assert settled(values) == ()
    values[:3] = [9999.0, 50.1, 50.2]
    assert settled(values) == (9999.0,)
    assert settled(np.round(rng.normal(90.0, 10.0, 500))) == ()  # whole numbers, 99 among them
    table = {"redshift": np.full(100, 0.1), "flux_r": values, "flux_err_r": np.full(100, 30.0)}
    assert guess_mapping(table).bands["r"].nulls == "9999"


@pytest.mark.parametrize("text", ["", "--", "---", "...", "N/A", "null", "NaN", "\\N", "-", "inf"])
def test_text_that_says_that_there_is_none(text):
    lines = f"id,zspec,mag_r,magerr_r,mag_g,magerr_g\n1,.05,{text},.1,18,.1\n2,.05,18,.1,18,.1\n"
    found = read(sedflow.read_table(lines.encode(), "t.csv"))
    assert found.photometry.present.tolist() == [[True, False], [True, True]]


def test_every_kind_of_mask_hides_the_number():
    hidden = [False, True]
    flux = [50.0, -999.0]
    base = {"id": [1, 2], "redshift": [0.05] * 2, "flux_g": [5.0, 5.0], "flux_err_g": [1.0, 1.0]}
    error = {"flux_err_r": [1.0, 1.0]}
    masked = {**base, "flux_r": MaskedColumn(flux, mask=hidden), **error}
    nullable = pd.DataFrame({**base, "flux_r": pd.array([50.0, None], dtype="Float64"), **error})
    tables = [
        Table(masked),
        QTable(masked),
        {**base, "flux_r": np.ma.array(flux, mask=hidden), **error},
        {**base, "flux_r": flux, "flux_r.mask": hidden, **error},
        pd.DataFrame({**base, "flux_r": flux, "flux_r.mask": hidden, **error}),
        pa.table({**base, "flux_r": flux, "flux_r.mask": hidden, **error}),
        pa.table({**base, "flux_r": pa.array([50.0, None]), **error}),
        nullable,
        Table({**base, "flux_r": MaskedColumn([50, 1], mask=hidden, dtype=int), **error}),
    ]
    for table in tables:
        found = read(table, "uJy")
        assert found.photometry.present.tolist() == [[True, True], [True, False]]


def test_upper_limits_are_a_stated_kind():
    table = {
        "z": [0.05] * 3, "f": [100.0, 30.0, 50.0], "e": [2.0, -1.5, 3.0], "l": ["", "<", ""],
        "g": [9.0] * 3, "eg": [1.0] * 3,
    }  # fmt: skip

    def found(**entries):
        bands = {
            "r": BandColumns("f", "e", "nanomaggies", **entries),
            "g": BandColumns("g", "eg", "nanomaggies"),
        }
        rows = to_photometry(table, Mapping("z", bands))
        return rows, rows.photometry.flux[1, 0], rows.photometry.sigma[1, 0]

    for limit in ("l", "negative error"):
        rows, flux, sigma = found(limit=limit, limit_sigma="3")
        assert (flux, sigma) == (0.0, 10.0)
        assert "3 sigma" in " ".join(rows.report)
        rows, flux, _ = found(limit=limit)
        assert np.isnan(flux)
        assert "limit_sigma is not stated" in " ".join(rows.report)
    assert np.isnan(found()[1])
    text = {"z": [0.05, 0.05], "f": ["<30", "100"], "e": [1.0, 1.0]}
    mapping = Mapping("z", {"r": BandColumns("f", "e", "uJy", limit="e2", limit_sigma="3")})
    with pytest.raises(SedflowError, match="no column 'e2'"):
        to_photometry(text, mapping)


def test_the_error_minus_one_marks_a_limit_where_negative_ones_do():
    """LePhare and others write -1; the band was left out, below a line that said otherwise."""
    table = {"z": [0.05] * 4, "f": [30.0, -1.0, 30.0, 50.0], "e": [-1.0, -1.0, -99.0, 3.0]}
    table |= {"g": [9.0] * 4, "eg": [1.0] * 4}
    bands = {
        "r": BandColumns("f", "e", "nanomaggies", limit="negative error", limit_sigma="3"),
        "g": BandColumns("g", "eg", "nanomaggies"),
    }
    rows = to_photometry(table, Mapping("z", bands))
    assert rows.photometry.sigma[:, 0].tolist() == pytest.approx(
        [10, np.nan, np.nan, 3], nan_ok=True
    )
    assert "a negative error, but -9, -99, -999, -9999, marks an upper limit" in " ".join(
        rows.report
    )


@pytest.mark.parametrize(
    ("name", "error"), [("z_phot", "z_phot_err"), ("zspec", "e_zspec"), ("z", "z_err")]
)
def test_that_the_error_of_a_redshift_is_not_used_is_told(name, error):
    bands = {"flux_r": [10.0], "flux_err_r": [1.0], "flux_g": [9.0], "flux_err_g": [1.0]}
    table = {name: [0.05], error: [0.01], **bands}
    said = assumed(table, guess_mapping(table))
    assert f"the redshift is taken as exact: {error} is not used" in said
    assert not any(
        "taken as exact" in one for one in assumed({name: [0.05], **bands}, guess_mapping(table))
    )


def test_a_stated_unit_comes_before_a_header_that_cannot_be_read():
    table = Table({"redshift": [0.05], "flux_r": [3.631], "flux_err_r": [0.3631]})
    for header in ("MJY", "[uJy]", "furlong", "counts"):
        for name in ("flux_r", "flux_err_r"):
            table[name].unit = u.Unit(header, parse_strict="silent")
        with pytest.raises(SedflowError, match=r"the unit of flux_r \(the file says"):
            read(table)
        found = read(table, "uJy")
        assert found.photometry.flux.item() == pytest.approx(1.0)
        assert any(f"{header!r} of the file cannot be read" in s for s in found.assumptions) or (
            header == "counts"
        )
    for name in ("flux_r", "flux_err_r"):
        table[name].unit = "K"
    with pytest.raises(SedflowError, match="'flux_r' is in 'K' by its own account"):
        read(table, "uJy")


#: Names of value, error and correction; filter; numbers; flux and sigma in nanomaggies.
LAYOUTS = [
    ("modelMag_r", "modelMagErr_r", "extinction_r", "r", (17.5 + A, 0.02, A), 100.0),
    ("psfMag_r", "psfMagErr_r", "", "r", (17.5, 0.02), 100.0),
    ("FLUX_R", "FLUX_IVAR_R", "MW_TRANSMISSION_R", "decam2014-r", (100 * DIM, 1.0, DIM), 100.0),
    ("FLUX_W1", "FLUX_IVAR_W1", "MW_TRANSMISSION_W1", "W1", (99.0, 1.0, 0.99), 100.0),
    ("rKronMag", "rKronMagErr", "", "panstarrs-r", (17.5, 0.02), 100.0),
    ("rmeanpsfmag", "rmeanpsfmagerr", "", "panstarrs-r", (17.5, 0.02), 100.0),
    ("rKmag", "e_rKmag", "", "panstarrs-r", (17.5, 0.02), 100.0),
    ("r_cModelFlux", "r_cModelFluxErr", "", "lsst2023-r", (363100.0, 3631.0), 100.0),
    ("r_cmodel_mag", "r_cmodel_magerr", "a_r", "hsc2017-r", (17.5 + A, 0.02, A), 100.0),
    ("flux_r", "flux_var_r", "", "r", (100.0, 4.0), 100.0),
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_surveys_are_known_by_their_columns(layout):
    value, error, correction, band, numbers, right = layout
    table = {"redshift": [0.05]}
    table |= dict(
        zip(filter(None, (value, error, correction)), ([x] for x in numbers), strict=True)
    )
    mapping = guess_mapping(table)
    found = to_photometry(table, mapping.in_unit("nanomaggies") if mapping.open else mapping)
    assert tuple(mapping.bands) == (band,)
    assert found.photometry.flux.item() == pytest.approx(right, rel=2e-5)
    used = mapping.bands[band].correction
    assert used == correction
    assert len(found.assumptions) > 2


def test_vectors_of_the_sdss_are_corrected_by_their_extinction():
    width = np.full((1, 5), 1.0)
    table = {"OBJID": [1], "Z": [0.05], "MODELFLUX": 100 * DIM * width, "MODELFLUX_IVAR": width}
    bare = read(table)
    assert bare.photometry.flux[0, 2] == pytest.approx(100 * DIM)
    found = read(table | {"EXTINCTION": A * width})
    np.testing.assert_allclose(found.photometry.flux, 100.0)


def test_surveys_that_leave_extinction_in_are_told_of_where_no_column_has_it():
    table = {"redshift": [0.05], "modelMag_r": [17.0], "modelMagErr_r": [0.1]}
    for more, words in (
        ({}, "not corrected for Galactic extinction"),
        ({"extinction_r": [0.1]}, "extinction_r subtracted"),
    ):
        assert words in " ".join(read(table | more).assumptions)
    mapping = guess_mapping(table | {"EBV": [0.1]})
    stated = mapping.with_entries({"ebv": "EBV", "coefficient": "SF11"})
    found = to_photometry(table | {"EBV": [0.1]}, stated)
    assert found.photometry.flux.item() == pytest.approx(10 ** (0.4 * (5.5 + 0.2285)), rel=2e-5)


@pytest.mark.parametrize("name", ["Object", "Source", "Designation", "NAME"])
@pytest.mark.parametrize("band", ["flux_{}", "mag_auto_{}"])
def test_names_of_galaxies_are_ids_where_each_row_has_its_own(name, band):
    errors = "fluxerr_r" if band[0] == "f" else "magerr_auto_r"
    table = {"redshift": [0.05, 0.1], band.format("r"): [18.0, 18.0], errors: [0.1, 0.1]}
    assert guess_mapping({name: ["NGC 1", "NGC 2"], **table}).id == name
    for values in (["SDSS", "SDSS"], ["NGC 1", ""], [0.5, 0.7]):
        assert guess_mapping({"Object": values, **table}).id == ""


def test_a_correction_that_is_not_used_is_named():
    table = {"redshift": [0.05], "flux_r": [1.0], "flux_err_r": [0.1], "EBV": [0.1], "A_r": [0.2]}
    said = " ".join(read(table, "uJy").report)
    assert "not used for any correction: EBV, A_r" in said
    assert "taken as corrected for Galactic extinction" in said


def test_every_preset_has_curves_and_readable_units():
    assert {"nsa", "sdss-casjobs", "legacy-surveys", "pan-starrs", "sextractor"} <= {
        preset.name for preset in presets()
    }
    for preset in presets():
        for band in (*preset.bands.values(), *preset.vector):
            load_band(band)
        for layout in preset.photometry:
            entries = {k: v for k, v in layout.items() if k not in ("value", "error")}
            BandColumns("a", "b", **entries)


@pytest.mark.parametrize(
    "name",
    [
        *("ext_g", "gal_ext", "gal_ext_g", "mw_ext_r", "Ag", "A_FIDUCIAL_G", "ebmv", "ebmv_sfd"),
        *("reddening", "E(B-V)", "EBV", "A_V", "A_g", "A_g_SFD", "extinction_z"),
    ],
)
def test_columns_of_extinction_that_are_not_used_are_named(name):
    table = {"redshift": [0.1], "mag_g": [18.0], "magerr_g": [0.1], name: [0.2]}
    others = {other: [0.2] for other in ("ar", "extendedness", "ext_flag", "next", "age")}
    assert f"not used for any correction: {name}" in read(table | others).assumptions


def test_asymmetric_errors_and_limits_are_guessed_from_names():
    table = {"zphot": [0.1], "gmag": [18.0], "e_gmag": [0.1], "E_gmag": [0.3], "l_gmag": [""]}
    band = guess_mapping(table).bands["g"]
    assert (band.error, band.error_upper, band.limit) == ("e_gmag", "E_gmag", "l_gmag")
    table = {"zphot": [0.1], "flux_g": [18.0], "flux_g_err_lo": [0.1], "flux_g_err_hi": [0.3]}
    found = read(table, "nanomaggies")
    assert found.photometry.sigma.item() == pytest.approx(0.2)
    assert any("mean of the lower and the upper" in s for s in found.assumptions)


@pytest.mark.parametrize(
    ("columns", "right"),
    [
        ({"zphot": 0.05, "g": 18.0, "e_g": 0.1, "r": 17.5, "e_r": 0.1, "z": 17.09}, "zphot"),
        ({"z": 0.05, "u": 18.0, "u_err": 0.1}, "z"),
        ({"z_phot": 0.05, "flux_g": 18.0, "flux_err_g": 0.1, "z": 0.06}, "z"),
        ({"photoz": 0.05, "z": 17.0, "z_err": 0.1, "g": 18.0, "g_err": 0.1}, "photoz"),
        ({"z": 0.05, "z_err": 0.001, "g": 18.0, "g_err": 0.1}, "z"),
        ({"zphot": 0.06, "z": 0.05, "z_err": 0.001, "g": 18.0, "g_err": 0.1}, "z"),
        ({"Z": 0.05, "g": 18.0, "e_g": 0.1, "z": 17.0, "e_z": 0.1}, "Z"),
    ],
)
def test_a_magnitude_z_is_not_the_redshift(columns, right):
    mapping = guess_mapping({name: [value] for name, value in columns.items()})
    assert mapping.redshift == right
    assert ("z" in mapping.bands) == (columns.get("z", 0) > 10 and right != "zphot")


def test_a_column_z_of_magnitudes_alone_is_asked_about():
    table = {"g": [18.0], "e_g": [0.1], "r": [17.5], "e_r": [0.1], "z": [17.09]}
    with pytest.raises(SedflowError, match="more like magnitudes or fluxes than redshifts"):
        guess_mapping(table)


def test_an_unknown_band_is_an_error_beside_known_ones():
    pair = {"u": BandColumns("u", "e", "mag"), "q": BandColumns("q", "eq", "mag")}
    for call in (
        lambda: Mapping("z", pair),
        lambda: guess_mapping({"z": [0.1], "u": [18.0], "u_err": [0.1]}, bands=("u", "q")),
        lambda: sedflow.Photometry([1.0, 1.0], [1.0, 1.0], 0.05, ("u", "q")),
        lambda: sedflow.load_nsa()[72].in_bands(("u", "q")),
    ):
        with pytest.raises(UnknownBand, match="no filter curve for band 'q'"):
            call()


def test_filters_that_the_network_does_not_know_are_not_taken_for_others():
    table = {"targetid": [1], "z": [0.05]}
    for b in "grz":
        table |= {f"flux_{b}": [50.0], f"flux_ivar_{b}": [1.0], f"mw_transmission_{b}": [0.9]}
    with pytest.raises(UnknownBand, match="trust='auto'"):
        sedflow.infer_table(table)
    mapping = guess_mapping(table)
    words = cost(mapping, sedflow.load_posterior(), 3000, 2)
    assert "MCMC" in words
    assert "5.0 hours for 3,000 rows on 2 cores" in words


@pytest.mark.slow
def test_filters_that_the_network_does_not_know_go_through_mcmc():
    bands = ("decam2014-g", "decam2014-r", "decam2014-z")
    flux = sedflow.SEDModel().photometry(log_mstar=10.5, redshift=0.06, bands=bands)
    table = {"targetid": [1], "z": [0.06]}
    for b, f in zip("grz", flux, strict=True):
        table |= {f"flux_{b}": [f], f"flux_ivar_{b}": [400 / f**2], f"mw_transmission_{b}": [1.0]}
    row = sedflow.infer_table(table, n=500, trust="auto").iloc[0]
    assert row["verdict"] == "exact (MCMC)"
    assert row["log_mstar_p16"] - 0.3 < 10.5 < row["log_mstar_p84"] + 0.3


def test_the_list_of_assumptions_is_in_words():
    table = {
        "objid": [1], "redshift": [0.05], "modelMag_u": [24.63], "modelMagErr_u": [1.0],
        "extinction_u": [0.2],
    }  # fmt: skip
    said = assumed(table, guess_mapping(table))
    assert (
        "u: modelMag_u +- modelMagErr_u: SDSS asinh magnitudes (softening 1.4e-10), taken as AB, "
        "errors in mag, extinction_u subtracted" in said
    )
    stated = guess_mapping(table).in_unit("AB")
    assert stated.bands["u"].system == ""
    assert guess_mapping(table).in_unit("mag").bands["u"].system == "asinh"


def test_a_mapping_with_every_entry_survives_its_file(tmp_path):
    bands = {
        "u": BandColumns("a", "b", "mag", "mag", "sigma", "A", "Vega", "1594 Jy", "c"),
        "g": BandColumns(
            "d", "e", "uJy", transmission="t", limit="l", limit_sigma="3", nulls="-99"
        ),
        "r": BandColumns("f", "g", "uJy", ebv="EBV", coefficient="SF11"),
        "i": BandColumns("h", "i", "uJy", ebv="EBV", coefficient="1.7", error_kind="variance"),
    }
    mapping = Mapping("z", bands, "id")
    path = tmp_path / "m.toml"
    path.write_text(mapping.to_toml(), "utf-8")
    assert Mapping.from_toml(path) == mapping
    changed = mapping.with_entries({"corrected": ""}).with_entries({"i.error_kind": "ivar"})
    assert changed.bands["i"].error_kind == "ivar"
    with pytest.raises(SedflowError, match="not an entry of the mapping"):
        mapping.with_entries({"colour": "red"})


def _preview(path, *options):
    return CliRunner().invoke(main, ["infer", str(path), "--preview", *options])


def test_the_command_line_states_entries_and_prints_what_was_assumed(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,zspec,flux_r,flux_err_r,A_r\n1,.05,10,.25,.5\n2,.05,-99,-99,.5\n")
    options = ("--unit", "10-3Jy", "--set", "error_kind=ivar", "--set", "r.extinction=A_{b}")
    found = _preview(path, *options)
    assert found.exit_code == 0, found.output
    for words in (
        'error_kind = "ivar"',
        "# r: flux_r +- flux_err_r: 10-3Jy, inverse variances in 10-3Jy, A_r subtracted",
        "# r: flux_r = -99 says that there is no value (1 row)",
        f"{10e6 / 3631 * 10**0.2:.5g}",
    ):
        assert words in found.output
    for wrong, why in (("colour=red", "not an entry"), ("error_kind", "ENTRY=VALUE")):
        found = _preview(path, "--set", wrong)
        assert found.exit_code == 1
        assert why in found.output


def test_a_run_keeps_what_was_assumed_in_its_manifest(tmp_path):
    path = tmp_path / "t.csv"
    names = "id,zspec,modelMag_r,modelMagErr_r,modelMag_g,modelMagErr_g"
    path.write_text(f"{names}\n1,.05,17,.1,18,.1\n")
    said = []
    sedflow.infer_catalogue(path, tmp_path / "out", n=50, workers=0, log=said.append)
    kept = json.loads((tmp_path / "out" / "manifest.json").read_text())["assumptions"]
    assert any(s.startswith("r: modelMag_r +- modelMagErr_r: SDSS asinh") for s in kept)
    assert set(kept) <= set(said)
    results = next((tmp_path / "out" / "results").glob("*.parquet"))
    table = sedflow.read_table(results)
    assert table["log_mstar_p50"].unit == u.dex(u.Msun)
    assert table["log_sfr_1gyr_p16"].unit == u.dex(u.Msun / u.yr)
    assert [str(table[n].unit) for n in ("a_v_p84", "age_mw_p50")] == ["mag", "Gyr"]
    for path in (results, tmp_path / "out" / "input.parquet"):
        field = pq.read_schema(path).field("sigma_r")
        assert field.metadata[b"unit"] == b"nanomaggies"


def test_results_that_are_downloaded_have_units():
    frame = pd.DataFrame({"id": [7], "log_mstar_p50": [10.0], "flux_r": [5.0], "k_hat": [0.1]})
    table = sedflow.read_table(results_file(frame, "parquet"), "x.parquet")
    assert table["log_mstar_p50"].unit == u.dex(u.Msun)
    assert str(table["flux_r"].unit) == "nanomaggies"
    assert table["k_hat"].unit is None


def test_a_negative_flux_has_a_negative_ratio_to_its_error():
    """Such bands were dropped, and only those that scattered below zero."""
    table = {"z": [0.05, 0.05], "f": [100.0, -3.0], "snr": [20.0, -0.5]}
    mapping = Mapping("z", {"u": BandColumns("f", "snr", "nanomaggies", error_kind="snr")})
    photometry = to_photometry(table, mapping).photometry
    np.testing.assert_allclose(photometry.flux[:, 0], [100.0, -3.0])
    np.testing.assert_allclose(photometry.sigma[:, 0], [5.0, 6.0])


def test_fluxes_below_all_errors_are_told():
    """Values and errors in each other's columns gave masses off by a factor of twenty, "exact"."""
    good = {f"flux_{b}": [30.0, 40.0, -1.0] for b in "gri"}
    errors = {f"flux_err_{b}": [1.0, 2.0, 2.0] for b in "gri"}
    said = []
    for value, error in ((good, errors), (errors, good)):
        table = {"redshift": [0.05] * 3}
        table |= {f"flux_{b}": value[name] for b, name in zip("gri", value, strict=True)}
        table |= {
            f"flux_err_{b}": np.abs(error[name]) for b, name in zip("gri", error, strict=True)
        }
        said.append(
            [line for line in read(table, "nanomaggies").report if "below its error" in line]
        )
    assert [len(one) for one in said] == [1, 1]
    assert said[0][0].endswith("(1 row)") and "swapped" in said[0][0]
    assert said[1][0].endswith("(2 rows)")


def test_rows_whose_bands_are_all_stated_limits_are_not_told():
    table = {"redshift": [0.05]} | {f"flux_{b}": [3.0] for b in "gri"}
    table |= {f"flux_err_{b}": [1.0] for b in "gri"} | {f"l_flux_{b}": ["<"] for b in "gri"}
    assert not any("below its error" in line for line in read(table, "nanomaggies").report)


def test_tables_that_are_not_computed_yet_are_refused():
    class LazyFrame:
        columns = ("z", "flux_r")

        def collect(self):
            raise AssertionError

    with pytest.raises(SedflowError, match=r"LazyFrame has no rows yet; give what collect"):
        guess_mapping(LazyFrame())
    duckdb = pytest.importorskip("duckdb")
    with pytest.raises(SedflowError, match=r"DuckDBPyRelation has no rows yet"):
        guess_mapping(duckdb.sql("select 0.05 as redshift"))


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        (["U", "D", "", "ul"], [True, False, False, True]),
        (["<", "=", ">", "."], [True, False, True, False]),
        (["1", "0", "0.0", "2"], [True, False, False, True]),
        (["upper limit", "ok", "Detection", "no"], [True, False, False, False]),
        (["upper_limit", "uplim", "non-det.", "N.D.", "≤"], [True] * 5),
        (["<", "<NA>", "<nan>", "det."], [True, False, False, False]),
        ([b"U", b"D", "ok", None], [True, False, False, False]),
    ],
)
def test_words_say_whether_a_value_is_a_limit(words, flags):
    """ "D" and "ok" made limits of all detections, and the masses too small by a factor of 25."""
    assert Columns({"l": np.array(words, dtype=object)}).flags("l").tolist() == flags


@pytest.mark.parametrize("dtype", ["string", "string[pyarrow]", object, "boolean", "bool[pyarrow]"])
def test_a_blank_flag_of_pandas_is_no_limit(dtype):
    """ "<NA>" begins with a sign, and all detections became limits; booleans were a TypeError."""
    is_bool = "bool" in str(dtype)
    said = [True, pd.NA, False] if is_bool else ["<", pd.NA, pd.NA]
    table = pd.DataFrame({"redshift": [0.05] * 3, "l_flux_r": pd.array(said, dtype=dtype)})
    columns = Columns(table)
    assert columns.flags("l_flux_r").tolist() == [True, False, False]
    assert columns.relations("l_flux_r").tolist() == [0 if is_bool else 1, 0, 0]


def test_a_word_says_that_a_limit_is_a_lower_one():
    columns = Columns({"a": np.array(["U", "LL", "D"]), "b": np.array(["", "lower limit", ""])})
    assert columns.flags("a").tolist() == [True, True, False]
    assert np.isnan(columns.flag_numbers("a")[0]) and columns.flag_numbers("a")[1] == -1
    assert columns.flag_numbers("b")[1] == -1
    # A part of a table would not know whether the column has "U", too.
    with pytest.raises(SedflowError, match="'a' holds 'L', which does not say whether a value is"):
        Columns({"a": np.array(["U", "L"])}).flags("a")


def test_what_lies_under_a_mask_is_no_flag():
    flags = np.ma.array([b"U", b"\xff", b"junk"], mask=[False, True, True])
    assert Columns({"l": flags}).flags("l").tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("value", "error", "unit"),
    [
        ("flux_{b} (uJy)", "flux_err_{b} (uJy)", "uJy"),
        ("flux_{b}_uJy", "flux_err_{b}_uJy", "uJy"),
        ("Flux_{b} [mJy]", "Flux_err_{b} [mJy]", "mJy"),
        ("mag_{b} (AB)", "mag_err_{b} (AB)", "mag(AB)"),
        ("{b} [mag]", "{b}_err [mag]", "mag"),
        ("flux_{b}_uJy", "flux_{b}_uJy_err", "uJy"),
        ("flux_{b} (uJy)", "flux_{b} (uJy)_err", "uJy"),
    ],
)
def test_units_in_the_names_of_columns_are_read(value, error, unit):
    """There was no photometry in "flux_u (uJy)"."""
    table = {"objid": [5], "redshift": [0.05], "RA (deg)": [1.0]}
    for band in "ugriz":
        table |= {value.format(b=band): [18.0], error.format(b=band): [0.1]}
    mapping = guess_mapping(table)
    assert (mapping.id, mapping.redshift, len(mapping.bands)) == ("objid", "redshift", 5)
    assert mapping.bands["u"].value == value.format(b="u") and mapping.bands["u"].unit == unit
    plain = BandColumns("f", "e", unit.replace("(AB)", ""))
    same = to_photometry({"z": [0.05], "f": [18.0], "e": [0.1]}, Mapping("z", {"u": plain}))
    found = to_photometry(table, mapping).photometry
    assert found.flux[0, found.bands.index("u")] == pytest.approx(same.photometry.flux[0, 0])


@pytest.mark.parametrize("flag", ["l_flux_u", "flux_u_limit", "flux_u_uJy_ul", "uplim_u"])
def test_flags_beside_a_unit_in_a_name_are_found(flag):
    table = {"redshift": [0.05], "flux_u_uJy": [3.0], "flux_err_u_uJy": [1.0], flag: ["<"]}
    assert guess_mapping(table).bands["u"].limit == flag


def test_a_redshift_beside_the_band_of_its_name_with_a_unit():
    table = {"z": [0.05]} | {f"{b} (mag)": [18.0] for b in "ugriz"}
    mapping = guess_mapping(table | {f"{b}_err (mag)": [0.1] for b in "ugriz"})
    assert mapping.redshift == "z" and mapping.bands["z"].value == "z (mag)"
    assert not any("not read" in note for note in mapping.notes)


@pytest.mark.parametrize("name", ["flux_u_limit_uJy", "flux_u_limit (uJy)"])
def test_a_depth_with_a_unit_is_no_flag(name):
    table = {"redshift": [0.05], "flux_u_uJy": [9.0], "flux_err_u_uJy": [1.0], name: [5.0]}
    assert guess_mapping(table).bands["u"].limit == ""


def test_a_value_has_not_the_error_of_one_in_another_unit():
    """SDSS magnitudes beside converted fluxes; fluxes beside the same in uJy, with errors."""
    sdss = {"redshift": [0.05]} | {b: [18.0] for b in "ugriz"}
    sdss |= {f"err_{b}": [0.1] for b in "ugriz"} | {f"{b}_uJy": [200.0] for b in "ugriz"}
    pairs = {b: (one.value, one.error) for b, one in guess_mapping(sdss).bands.items()}
    assert pairs == {b: (b, f"err_{b}") for b in "ugriz"}
    table = {"redshift": [0.05], "flux_u": [30.0], "flux_u_uJy": [109.0], "flux_err_u_uJy": [2.0]}
    found = guess_mapping(table).bands["u"]
    assert (found.value, found.error) == ("flux_u_uJy", "flux_err_u_uJy")


def test_of_two_columns_with_one_name_and_two_units_that_with_its_error_is_read():
    table = {"redshift": [0.05], "flux_u_mJy": [3.0], "flux_u (uJy)": [8.0]}
    read = guess_mapping(table | {"flux_err_u (uJy)": [1.0]}).bands["u"]
    assert (read.value, read.error, read.unit) == ("flux_u (uJy)", "flux_err_u (uJy)", "uJy")
    with pytest.raises(SedflowError, match="no photometry"):  # it may be of either
        guess_mapping(table | {"flux_err_u": [1.0]})


def test_a_unit_in_a_name_counts_less_than_a_column_without():
    table = {"redshift": [0.05], "flux_u": [3.0], "flux_u (uJy)": [8.0], "flux_err_u": [0.1]}
    assert guess_mapping(table).bands["u"].value == "flux_u"


@pytest.mark.parametrize("odd", [None, [], [1.0], np.nan, pd.NA])
@pytest.mark.parametrize("row", [0, 2])
@pytest.mark.parametrize("kind", [dict, pd.DataFrame])
def test_a_row_without_its_list_is_blank(kind, row, odd):
    """All columns of five numbers were refused, or a ValueError, for one row."""
    lists: list = [[30.0, 40.0], [50.0, 60.0], [70.0, 80.0]]
    lists[row] = odd
    columns = Columns(kind({"flux": lists, "z": [0.1] * 3}))
    expected = [np.nan if k == row else one for k, one in enumerate([40.0, 60.0, 80.0])]
    assert columns.width("flux") == 2
    np.testing.assert_array_equal(columns.numbers("flux[1]", {}), expected)


@pytest.mark.parametrize("odd", [None, []])
def test_a_part_of_a_table_without_lists_is_blank(odd):
    """A Parquet file was refused where 20,000 rows in a row had none."""
    whole = pa.table({"flux": [[1.0, 2.0], odd, odd, [3.0, 4.0]], "z": [0.1] * 4})
    np.testing.assert_array_equal(Columns(whole).numbers("flux[1]", {}), [2, np.nan, np.nan, 4])
    assert np.isnan(Columns(whole.slice(1, 2)).numbers("flux[1]", {})).all()
    fixed = pa.array([[1.0, 2.0], None, None], pa.list_(pa.float64(), 2))
    part = Columns(pa.table({"flux": fixed}).slice(1, 2))
    assert np.isnan(part.numbers("flux[0]", {})).all()


def test_a_list_among_numbers_is_no_column_of_lists():
    columns = Columns({"f": [[0.3], 0.4, 0.5]})
    reasons: dict = {}
    np.testing.assert_array_equal(columns.numbers("f", reasons), [np.nan, 0.4, 0.5])
    assert list(reasons) == [0]


def test_a_first_cell_that_is_masked_or_has_no_unit_is_blank():
    masked = Columns(pd.DataFrame({"f": [np.ma.masked, 1.0, np.array(2.0)]}))
    np.testing.assert_array_equal(masked.numbers("f", {}), [np.nan, 1.0, 2.0])
    for cells in ([np.nan, 3 * u.uJy, 4 * u.uJy], [3 * u.uJy, np.nan, 4 * u.uJy]):
        columns = Columns({"f": cells})
        assert columns.unit("f") == "uJy" and np.isnan(columns.numbers("f", {})).sum() == 1


@pytest.mark.parametrize("kind", [float, str])
def test_depths_are_no_flags(kind):
    """All detections became upper limits of columns with the limit itself."""
    depths = np.array([25.3, 0.31, 25.0]).astype(kind)
    table = {"redshift": [0.05] * 3, "mag_r": [18.0, 18.5, 19.0], "mag_err_r": [0.1] * 3}
    mapping = guess_mapping(table | {"mag_r_limit": depths})
    assert mapping.bands["r"].limit == ""
    assert guess_mapping(table | {"mag_r_limit": [1, 0, -99.9]}).bands["r"].limit == "mag_r_limit"
    told = r"'l' holds '?25\.3'?, which (is not a flag|does not say whether)"
    with pytest.raises(SedflowError, match=told):
        Columns({"l": depths}).flags("l")
    assert Columns({"l": np.array([1.0, 0, -99.9, np.nan])}).flags("l").tolist()[:2] == [
        True,
        False,
    ]


def test_words_that_nobody_knows_are_no_flags():
    with pytest.raises(SedflowError, match=r"'l' holds 'Q', which does not say whether a value is"):
        Columns({"l": np.array(["U", "Q"], dtype=object)}).flags("l")


def test_a_frame_may_have_a_column_of_any_name():
    assert Columns(pd.DataFrame({"collect": [1.0], "fetchnumpy": [2.0]})).n == 1

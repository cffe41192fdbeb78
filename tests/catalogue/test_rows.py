"""Catalogues of any format to photometry: what is read, guessed and refused."""

import csv
import io
import re
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table
from fuzz import answer, damaged, inputs
from hypothesis import given
from hypothesis import strategies as st

from sedflow.bands import UGRIZ
from sedflow.catalogue.arrow import from_arrow
from sedflow.catalogue.intake import read_rows, take_in
from sedflow.catalogue.read.open import as_written, open_catalogue, read_table
from sedflow.catalogue.rows import BandColumns, Mapping, guess_mapping, preview, to_photometry
from sedflow.errors import SedflowError
from sedflow.files.bounds import LIBRARY

FORMATS = {
    "csv": "ascii.csv",
    "ecsv": "ascii.ecsv",
    "fits": "fits",
    "vot": "votable",
    "parquet": "parquet",
}


def catalogue(n=40, **columns):
    """A flat table of n galaxies in microjanskys, IDs whole numbers."""
    rng = np.random.default_rng(1)
    table = Table({"objid": np.arange(n) * 7 + 10**15, "zspec": rng.uniform(0.01, 0.2, n)})
    for band in UGRIZ:
        table[f"flux_{band}"] = rng.uniform(10, 100, n) * u.uJy
        table[f"flux_err_{band}"] = rng.uniform(1, 2, n) * u.uJy
    for name, values in columns.items():
        table[name] = values
    return table


def written(table, suffix, folder):
    path = folder / f"table.{suffix}"
    table.write(path, format=FORMATS[suffix])
    return path


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_same_photometry(suffix, tmp_path):
    table = catalogue()
    path = written(table, suffix, tmp_path)
    mapping = guess_mapping(open_catalogue(path)).in_unit("uJy")
    assert (mapping.id, mapping.redshift) == ("objid", "zspec")
    assert not guess_mapping(open_catalogue(path)).open or suffix == "csv"
    for source in (path, path.read_bytes()):
        rows = to_photometry(read_table(source, path.name), mapping)
        assert rows.problems == []
        np.testing.assert_array_equal(rows.photometry.ids, table["objid"])
        np.testing.assert_array_equal(rows.photometry.redshift, table["zspec"])
        expected = np.array(table["flux_r"]) / 3.631
        np.testing.assert_allclose(rows.photometry.flux[:, 2], expected, rtol=1e-12)


@pytest.mark.parametrize("suffix", FORMATS)
def test_parts_are_the_whole_cut_in_pieces(suffix, tmp_path):
    table = catalogue(700)
    source = open_catalogue(written(table, suffix, tmp_path))
    mapping = guess_mapping(source).in_unit("uJy")
    whole = to_photometry(source.whole.read(), mapping, id_kind="int").photometry
    pieces = [
        to_photometry(part.read(mapping.columns_in(source.columns)), mapping, id_kind="int")
        for part in source.parts(90)
    ]
    assert len(pieces) == 8
    flux = np.concatenate([piece.photometry.flux for piece in pieces])
    np.testing.assert_array_equal(flux, whole.flux)
    ids = np.concatenate([piece.photometry.ids for piece in pieces])
    np.testing.assert_array_equal(ids, table["objid"])


@pytest.mark.parametrize("suffix", ["fits", "ecsv", "parquet", "vot"])
def test_the_atlas_own_columns_are_understood_in_any_format(suffix, tmp_path, nsa):
    path = written(nsa.table[:50], suffix, tmp_path)
    mapping = guess_mapping(open_catalogue(path))
    assert mapping.bands["u"].value == "NMGY[2]"
    assert mapping.redshift == "Z"
    rows = to_photometry(read_table(path), mapping.select(UGRIZ))
    expected = nsa.photometry(nsa.ids[:50])
    np.testing.assert_array_equal(rows.photometry.flux, expected.flux)
    np.testing.assert_array_equal(rows.photometry.sigma, expected.sigma)


def test_pandas_and_arrow_are_tables_too():
    table = catalogue(5)
    mapping = guess_mapping(table)
    frame = table.to_pandas()
    expected = to_photometry(table, mapping).photometry.flux
    for other in (frame, pa.Table.from_pandas(frame), dict(frame), frame.to_records()):
        np.testing.assert_array_equal(to_photometry(other, mapping).photometry.flux, expected)


@pytest.mark.parametrize(
    ("names", "unit", "kind"),
    [
        (("flux_u", "flux_err_u"), "", "sigma"),
        (("FLUX_U", "FLUX_IVAR_U"), "", "ivar"),
        (("u", "u_err"), "", "sigma"),
        (("mag_u", "magerr_u"), "mag", "sigma"),
        (("u", "magerr_u"), "mag", "sigma"),
        (("modelMag_u", "modelMagErr_u"), "mag", "sigma"),
        (("umag", "e_umag"), "mag", "sigma"),
    ],
)
def test_names_are_guessed_and_units_only_where_the_name_says(names, unit, kind):
    mapping = guess_mapping({"z": [0.1], names[0]: [1.0], names[1]: [0.1]})
    band = mapping.bands["u"]
    assert (band.value, band.error, band.unit, band.error_kind) == (*names, unit, kind)
    assert mapping.redshift == "z"


def test_text_that_is_no_number_is_not_counted_as_blank():
    """The row says what is wrong with it, and nothing else does."""
    table = {
        "z": ["0.05"] * 4,
        "mag_g": ["18", "abc", "", "18"],
        "magerr_g": ["0.1", "0.1", "0.1", "xyz"],
    }
    rows = to_photometry(table, Mapping("z", {"g": BandColumns("mag_g", "magerr_g", "mag")}))
    reasons = {problem.row: problem.reason for problem in rows.problems}
    assert "mag_g = 'abc' is not a number" in reasons[1]
    assert "magerr_g = 'xyz' is not a number" in reasons[3]
    assert rows.report[len(rows.assumptions) :] == ["g: mag_g is blank or masked (1 row)"]


def test_a_band_called_z_is_not_the_redshift():
    table = {name: [18.0] for b in UGRIZ for name in (b, f"magerr_{b}")}
    with pytest.raises(SedflowError, match="no redshift found"):
        guess_mapping(table)
    assert guess_mapping({**table, "Z": [0.1]}).redshift == "Z"
    assert guess_mapping({**table, "zz": [0.1]}, redshift="zz").redshift == "zz"


def test_a_unit_that_nothing_tells_must_be_stated():
    table = {"z": [0.1], "flux_u": [3.631], "flux_err_u": [0.3631]}
    mapping = guess_mapping(table)
    assert mapping.open == ("u",)
    with pytest.raises(SedflowError, match="the unit of flux_u is not known"):
        to_photometry(table, mapping)
    flux = to_photometry(table, mapping.in_unit("uJy")).photometry.flux
    assert flux.item() == pytest.approx(1.0)


def test_units_convert_and_wrong_ones_are_refused():
    with pytest.raises(SedflowError, match="both as fluxes or both as magnitudes"):
        BandColumns("u", "e", "mag", "Jy")
    table = catalogue(3)
    wrong = Mapping("zspec", {"u": BandColumns("flux_u", "flux_err_u", "mJy")})
    with pytest.raises(SedflowError, match="is in 'uJy' by its own account, but in 'mJy'"):
        to_photometry(table, wrong)


def test_flux_and_error_may_have_units_of_their_own():
    table = Table({"z": [0.1], "flux_u": [3.631] * u.uJy, "flux_err_u": [363.1] * u.nJy})
    rows = to_photometry(table, guess_mapping(table))
    assert rows.photometry.flux.item() == pytest.approx(1.0)
    assert rows.photometry.sigma.item() == pytest.approx(0.1)


def test_magnitudes_variances_and_extinction_become_nanomaggies():
    table = {"z": [0.1], "m": [22.5], "f": [22.5], "n": [22.5]}
    table |= {"e": [0.1], "e2": [0.1], "w": [25.0], "A": [2.5]}
    mapping = Mapping(
        "z",
        {
            "u": BandColumns("m", "e", "mag"),
            "g": BandColumns("f", "w", "nanomaggies", error_kind="ivar"),
            "r": BandColumns("n", "e2", "mag", extinction="A"),
        },
    )
    galaxy = to_photometry(table, mapping).photometry[0]
    np.testing.assert_allclose(galaxy.flux, [1.0, 22.5, 10.0])
    np.testing.assert_allclose(galaxy.sigma, [0.1 * np.log(10) / 2.5, 0.2, np.log(10) / 2.5])


def test_fluxes_of_the_newer_atlas_are_cleared_of_extinction():
    flux, dust = np.full((2, 7), 10.0), np.full((2, 7), 2.5)
    table = Table({"NSAID": [1, 2], "Z": [0.1, 0.1], "EXTINCTION": dust})
    for kind in ("SERSIC", "ELPETRO"):
        table[f"{kind}_FLUX"], table[f"{kind}_FLUX_IVAR"] = flux, np.ones((2, 7))
    mapping = guess_mapping(table)
    assert mapping.bands["r"].value == "ELPETRO_FLUX[4]"
    galaxies = to_photometry(table, mapping).photometry
    np.testing.assert_allclose(galaxies.flux, 100.0)
    np.testing.assert_allclose(galaxies.sigma, 10.0)


def test_what_is_missing_is_an_absent_band_and_the_row_stays():
    nan = np.nan
    table = Table(
        {
            "z": np.full(6, 0.1),
            "u": MaskedColumn([18.0, 18.0, 99.0, -99.0, nan, 18.0], mask=[0, 1, 0, 0, 0, 0]),
            "magerr_u": [0.1, 0.1, 0.1, 0.1, 0.1, -1.0],
            "g": np.full(6, 18.0),
            "magerr_g": np.full(6, 0.1),
        }
    )
    rows = to_photometry(table, guess_mapping(table, redshift="z"))
    assert rows.problems == []
    assert rows.photometry.present.tolist() == [[True, True], *[[False, True]] * 5]


def test_bad_rows_are_told_by_number_id_and_sentence_and_the_others_are_used():
    lines = [
        "id,redshift,flux_u,flux_err_u",
        "7,0.1,1,1",
        "8,nope,1,1",
        "9,-1,1,1",
        ",0.1,1,1",
        "5,0.1,,1",
        "6,0.1",
        "4,0.1,3.7e30,1",
        "3,0.2,2,2",
    ]
    table = read_table("\n".join(lines).encode(), "t.csv")
    rows = to_photometry(table, guess_mapping(table).in_unit("nmgy"), first=100)
    assert rows.rows.tolist() == [0, 7]
    assert rows.photometry.ids.tolist() == [7, 3]
    told = {problem.row: (problem.id, problem.reason) for problem in rows.problems}
    assert sorted(told) == [1, 2, 3, 4, 5, 6]
    for row, ident, words in (
        (1, 8, "redshift = 'nope' is not a number"),
        (2, 9, "is not between 1e-06 and 100"),
        (3, None, "no ID"),
        (4, 5, "no flux"),
        (5, 6, "has 2 fields, but the header 4"),
        (6, 4, "check value and unit"),
    ):
        assert told[row][0] == ident
        assert words in told[row][1]


def test_ids_keep_their_kind_and_must_be_unique():
    mapping = Mapping("z", {"u": BandColumns("u", "e", "mag")}, id="id")
    base = {"z": [0.1] * 3, "u": [18.0] * 3, "e": [0.1] * 3}

    def ids(values):
        return to_photometry({**base, "id": values}, mapping).photometry.ids.tolist()

    assert ids(np.array(["007", "8", "9"])) == ["007", "8", "9"]
    assert ids(np.array(["7", "8", "9"])) == [7, 8, 9]
    assert ids(np.array([7.0, 8.0, 9.0])) == [7, 8, 9]
    assert ids(np.array([b"NGC 1", b"NGC 2 ", b"NGC 3"])) == ["NGC 1", "NGC 2", "NGC 3"]
    with pytest.raises(SedflowError, match=r"the ID 8 appears in 2 rows \(1, 2, counted from 0\)"):
        ids([7, 8, 8])
    with pytest.raises(SedflowError, match="floating-point"):
        ids([1e17, 2e17, 3e17])
    assert ids(np.array([1, 2, 3], np.float32)) == [1, 2, 3]
    for values, kind in (([20000001, 2, 3], np.float32), ([2049, 2, 3], np.float16)):
        with pytest.raises(SedflowError, match="floating-point"):  # it had become another
            ids(np.array(values, kind))
    assert to_photometry(base, Mapping("z", mapping.bands)).photometry.ids.tolist() == [0, 1, 2]


def test_a_mapping_survives_its_toml(tmp_path):
    mapping = Mapping(
        'z "q"',
        {
            "u": BandColumns("f[0]", "w[0]", "uJy", error_kind="ivar", extinction="A_u"),
            "decam2014-g": BandColumns("größe", "e", "mag"),
        },
        "objid",
    )
    path = tmp_path / "map.toml"
    path.write_text(mapping.to_toml(), "utf-8")
    assert Mapping.from_toml(path) == mapping
    for text, words in (
        ("redshift = 'z'", "incomplete"),
        ("x = [", "cannot read the mapping"),
        ("redshift = 'z'\nidd = 'x'\n[bands.u]\nvalue='a'\nerror='b'", "unknown entry 'idd'"),
        ("redshift='z'\n[bands.u]\nvalue='a'\nerror='b'\nunit='kg'", "neither a flux density"),
        ("redshift='z'\n[bands.u]\nvalue='a'\nerror='b'\nerror_kind='var'", "choose one of sigma"),
        ("redshift='z'\n[bands.u]\nvalue=1\nerror='b'", "must be text"),
    ):
        path.write_text(text, "utf-8")
        with pytest.raises(SedflowError, match=words):
            Mapping.from_toml(path)


def test_the_preview_shows_what_is_understood():
    table = catalogue(20)
    table["zspec"][1] = -1
    shown = preview(table, guess_mapping(table), 3)
    assert len(shown) == 3
    assert shown["flux_u"][0] == pytest.approx(table["flux_u"][0] / 3.631)
    assert "is not between 1e-06 and 100" in shown["problem"][1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"id,z,z\n1,2,3\n", "has the column 'z' 2 times"),
        (b"id,z\n1,\x81\n", "is not UTF-8 text"),
        (b"1,2.5,3\n4,5,6\n", "the first line of t holds numbers"),
        (b"\x1f\x8b\x08abc", "is compressed"),
        (b"PK\x03\x04abc", "no format known"),
        (b"SIMPLE  =                    T" + b" " * 50, "cannot be read|without a table"),
        (b"PAR1abcPAR1", "cannot be read"),
        (b"<?xml version='1.0'?><VOTABLE><RESOURCE>", "cannot be read"),
        (b"# %ECSV 1.0\n# ---\n# datatype: [\n a\n", "the ECSV header"),
        (b'id,z\n1,"' + b"x" * 200_000, "a quote that is not closed"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(content, words):
    with pytest.raises(SedflowError, match=words):
        read_table(content, "t")


def _claims(rows):
    """A FITS file of six rows that speaks of many more."""
    return re.sub(rb"NAXIS2  = +6", b"NAXIS2  = %*d" % (20, rows), CONTENT["fits"])


ENTITIES = b"".join(b"<!ENTITY %c '%s'>" % (98 + k, b"&%c;" % (97 + k) * 10) for k in range(9))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: b",".join(b"c%d" % k for k in range(50_000)) + b"\n", "has 50,000 columns"),
        (lambda: b"a" * 5_000_000 + b",z\n1,2\n", "larger than field limit"),
        (lambda: b"# %ECSV 1.0\n# ---\n# meta: " + b"[" * 50_000 + b"\nz u\n1 2\n", "ECSV header"),
        (lambda: _claims(10**9), "is cut short"),
        (lambda: _claims(10**18), "cannot be read"),
        (lambda: CONTENT["parquet"][:-8] + b"\xff\xff\xff\x7fPAR1", "cannot be read"),
        (
            lambda: CONTENT["vot"].replace(b'"double"', b'"double" arraysize="99999x999"'),
            "99,899,001 values in a cell",
        ),
        (
            lambda: (
                b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'lol'>"
                + ENTITIES
                + b"]><VOTABLE>&j;</VOTABLE>"
            ),
            "declares a document type or an entity",
        ),
    ],
    ids=["columns", "name", "nested", "rows", "rows beyond", "footer", "cells", "entities"],
)
def test_huge_headers_cost_nothing_and_are_refused(make, words):
    content = make()
    start = time.monotonic()
    with pytest.raises(SedflowError, match=words) as error:
        read_table(content, "huge")
    assert len(str(error.value)) < 300
    assert time.monotonic() - start < 20


def test_files_that_are_cut_short_or_missing_are_refused(tmp_path):
    for suffix in ("fits", "parquet", "vot"):
        content = written(catalogue(200), suffix, tmp_path).read_bytes()
        with pytest.raises(SedflowError, match="cut short"):
            read_table(content[: len(content) // 2], suffix)
    with pytest.raises(SedflowError, match=r"cannot read .*nowhere"):
        read_table(tmp_path / "nowhere.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SedflowError, match="holds no Parquet file"):
        read_table(tmp_path / "empty")


def test_a_folder_of_parquet_files_is_one_catalogue(tmp_path):
    table = catalogue(30)
    for k in range(3):
        table[10 * k : 10 * k + 10].write(tmp_path / f"part-{k}.parquet")
    source = open_catalogue(tmp_path)
    assert source.n_rows == 30
    part = source.part(8, 23).read(["objid"])
    np.testing.assert_array_equal(part["objid"], table["objid"][8:23])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: setattr(t["flux_g"], "unit", "Jy"), "'flux_g' of part-1.parquet .* is in Jy"),
        (lambda t: setattr(t["flux_g"], "unit", None), "'flux_g' of part-1.parquet .* no unit"),
        (lambda t: t.replace_column("flux_g", t["flux_g"].astype("f4")), "'flux_g' .* type float"),
        (lambda t: t.replace_column("objid", t["objid"].astype(str)), "'objid' .* type string"),
    ],
)
def test_files_of_a_folder_with_other_units_or_types_are_named(change, words, tmp_path):
    table = catalogue(20)
    table[:10].write(tmp_path / "part-0.parquet")
    other = table[10:]
    change(other)
    other.write(tmp_path / "part-1.parquet")
    with pytest.raises(SedflowError, match=words):
        open_catalogue(tmp_path)
    (tmp_path / "part-1.parquet").rename(tmp_path / "first.parquet")
    with pytest.raises(SedflowError, match=r"part-0\.parquet"):
        read_table(tmp_path)


VOT_FIELDS = (("id", "int"), ("z", "double"), ("flux_u", "float"), ("sigma_u", "short"))


def votable_of(*rows, version="1.3"):
    """A VOTable with cells as they are given."""
    fields = "".join(f"<FIELD name='{n}' datatype='{kind}'/>" for n, kind in VOT_FIELDS)
    cells = "".join("<TR>" + "".join(f"<TD>{c}</TD>" for c in row) + "</TR>" for row in rows)
    return (
        f"<?xml version='1.0'?><VOTABLE version='{version}'><RESOURCE><TABLE>{fields}<DATA>"
        f"<TABLEDATA>{cells}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    ).encode()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("2147483648", 0.1, 2, 1), "'2147483648' is out of range"),
        ((1, 0.1, 2, -32769), "'-32769' is out of range"),
        ((1, 0.1, "12,5", 1), "'12,5'"),
        ((1, "1.2.3", 2, 1), "'1.2.3'"),
        ((1, 0.1, "12 5", 1), "'12 5'"),
        (("1.5", 0.1, 2, 1), "'1.5'"),
        (("", 0.1, 2, 1), "mpty cell"),
    ],
)
def test_a_cell_of_a_votable_that_is_not_its_type_is_refused(row, words):
    good = [(k, 0.1, "null", 1) for k in range(30)]  # more than astropy warns of
    version = "1.1" if "mpty" in words else "1.3"
    with pytest.raises(SedflowError, match=words):
        read_table(votable_of(*good, row, version=version), "t")


def test_blank_cells_of_a_votable_are_absent():
    table = read_table(votable_of((1, 0.1, "", ""), (2, "NaN", "null", "nan")), "t")
    assert table["flux_u"].mask.tolist() == [True, True]
    assert table["sigma_u"].mask.tolist() == [True, True]
    assert table["id"].tolist() == [1, 2]


def fits_of(stored, **cards):
    """A FITS table of stored 16-bit integers with TNULL, TSCAL, TZERO as given."""
    from astropy.io import fits

    column = fits.Column(name="flux_u", format="I", array=np.zeros(len(stored), np.int16))
    ids = fits.Column(name="id", format="J", array=np.arange(len(stored)))
    hdu = fits.BinTableHDU.from_columns([column, ids])
    for key, value in cards.items():
        hdu.header[f"{key}1"] = value
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(out)
    content = bytearray(out.getvalue())
    head = len(content) - 2880
    for row, value in enumerate(stored):
        content[head + 6 * row : head + 6 * row + 2] = int(value).to_bytes(2, "big", signed=True)
    return bytes(content)


@pytest.mark.parametrize(
    ("cards", "want"),
    [
        ({}, [100, 300]),
        ({"TSCAL": 0.01}, [1.0, 3.0]),
        ({"TSCAL": 0.01, "TZERO": 10.0}, [11.0, 13.0]),
        ({"TZERO": 32768}, [32868, 33068]),
    ],
)
def test_the_null_of_fits_is_the_stored_integer(cards, want):
    found = read_table(fits_of([100, -32768, 300], TNULL=-32768, **cards), "t")["flux_u"]
    assert np.ma.getmaskarray(found).tolist() == [False, True, False]
    np.testing.assert_allclose(found.compressed(), want)


@pytest.mark.parametrize("kind", ["u2", "u4", "i2", "i8"])
def test_masked_integers_that_astropy_wrote_are_absent(kind, tmp_path):
    values = MaskedColumn(np.array([5, 6, 7], dtype=kind), mask=[False, True, False])
    Table({"flux_u": values}).write(tmp_path / "t.fits")
    found = read_table(tmp_path / "t.fits")["flux_u"]
    assert found.tolist() == [5, None, 7]


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("parquet", {}),
        ("ecsv", {"serialize_method": "data_mask"}),
        ("fits", {"serialize_method": "data_mask"}),
        ("ecsv", {}),
        ("fits", {}),
        ("vot", {}),
    ],
)
def test_what_astropy_wrote_under_a_mask_is_absent(suffix, options, tmp_path):
    hidden = np.arange(40) % 3 == 0
    table = catalogue()
    values = np.where(hidden, -999.0, np.asarray(table["flux_r"]))
    table["flux_r"] = MaskedColumn(values, mask=hidden, unit="uJy")
    path = tmp_path / f"t.{suffix}"
    table.write(path, format=FORMATS[suffix], **options)
    source = open_catalogue(path)
    assert "flux_r.mask" not in source.columns
    mapping = guess_mapping(source)
    for found in (read_table(path), source.part(0, 40).read(mapping.columns_in(source.columns))):
        photometry = to_photometry(found, mapping).photometry
        absent = np.isnan(photometry.flux[:, photometry.bands.index("r")])
        np.testing.assert_array_equal(absent, hidden)
    part = to_photometry(
        source.part(5, 9).read(mapping.columns_in(source.columns)), mapping
    ).photometry
    absent = np.isnan(part.flux[:, part.bands.index("r")])
    np.testing.assert_array_equal(absent, hidden[5:9])


def test_a_column_that_is_not_a_mask_is_named():
    with pytest.raises(SedflowError, match=r"'flux_u.mask' of t must hold True"):
        read_table(b"id,flux_u,flux_u.mask\n1,2.0,False\n2,3.0,maybe\n", "t")


@pytest.mark.parametrize(
    "content",
    [
        b'id,z,flux_u,sigma_u\na,.05,1,1\n"b,.05,2,1\nc,.05,3,1\nd",.05,4,1\ne,.05,5,1\n',
        b'id,z,flux_u,sigma_u\na,.05,1,1\nb,.05,2,"1\nc,.05,3,1\nd,.05,4,1\n',
        b'id,z,flux_u,sigma_u\na,.05,1,1\nb,.05,2,"1\n"\n',
        b"# %ECSV 1.0\n# ---\n# datatype:\n# - {name: id, datatype: string}\n"
        b"# - {name: z, datatype: float64}\n# - {name: flux_u, datatype: float64}\n"
        b'# - {name: sigma_u, datatype: float64}\nid z flux_u sigma_u\na 0.1 1 1\n"b\nc" 0.1 1 1\n',
    ],
)
def test_a_stray_quote_swallows_no_row_without_a_word(content):
    table = read_table(content, "t")
    mapping = Mapping("z", {"u": BandColumns("flux_u", "sigma_u", "uJy")}, id="id")
    rows = to_photometry(table, mapping)
    assert [p.row for p in rows.problems] == [1]
    assert re.search(r"quoted cell that goes on over \d lines", rows.problems[0].reason)
    assert rows.ids[0] == "a"


# Fuzz: whatever comes in, rows or a `SedflowError`; and numbers are those of the text.


def read(content):
    """The mapping that is guessed for a table, and its rows."""
    table = read_table(content, "fuzz")
    mapping = guess_mapping(table).in_unit("nmgy")
    rows = to_photometry(table, mapping)
    assert len(rows.rows) + len(rows.problems) == len(rows.ids)
    assert np.isfinite(rows.photometry.redshift).all()
    return mapping, rows


def _content(suffix):
    buffer = io.BytesIO()
    if suffix in ("csv", "ecsv"):
        text = io.StringIO()
        catalogue(6).write(text, format=FORMATS[suffix])
        return text.getvalue().encode()
    if suffix == "parquet":
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pandas(catalogue(6).to_pandas()), buffer)
    else:
        catalogue(6).write(buffer, format=FORMATS[suffix])
    return buffer.getvalue()


CONTENT = {suffix: _content(suffix) for suffix in FORMATS}


@pytest.mark.parametrize("suffix", FORMATS)
@inputs(12)
@given(data=st.data())
def test_damaged_files_give_rows_or_a_sentence(suffix, data):
    answer(read, data.draw(damaged(CONTENT[suffix])))


@pytest.mark.parametrize("suffix", FORMATS)
@inputs(12)
@given(share=st.floats(0, 1))
def test_of_a_file_cut_short_no_wrong_number_is_read(suffix, share):
    """Text may end in the middle of its last number; nothing else gives another number."""
    content = CONTENT[suffix]
    found = answer(read, content[: int(share * len(content))])
    if found is None:
        return
    rows, whole = found[1].photometry, read(content)[1].photometry
    sure = max(len(rows.redshift) - (suffix in ("csv", "ecsv")), 0)
    np.testing.assert_array_equal(rows.redshift[:sure], whole.redshift[:sure])
    bands = [whole.bands.index(band) for band in rows.bands]
    np.testing.assert_array_equal(rows.flux[:sure], whole.flux[:sure, bands])


CELL = st.one_of(
    st.sampled_from(
        ["", "nan", "inf", "-inf", "99", "-99", "1e400", "0", "-1", "0.1", "'", "NULL", "1,5", "é"]
    ),
    st.floats().map(repr),
    st.text(st.characters(codec="utf-8"), max_size=6),
)
NUMBER = st.floats(1e-3, 1e3).map(repr)
NAME = st.sampled_from(
    ["id", "z", "redshift", "Z", "flux_u", "flux_err_u", "u", "u_err", "mag_g", "magerr_g", "x"]
)


@inputs(30)
@given(st.lists(NAME, min_size=1, max_size=7), st.lists(st.lists(CELL, max_size=8), max_size=6))
def test_any_text_gives_rows_or_a_sentence(names, cells):
    lines = [",".join(names), *(",".join(row) for row in cells)]
    answer(read, "\n".join(lines).encode())


@inputs(30)
@given(st.lists(st.lists(st.one_of(NUMBER, NUMBER, CELL), min_size=4, max_size=4), max_size=5))
def test_what_is_read_of_a_text_is_what_stands_there(cells):
    """Against Python's own reading of the same cells."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([["zspec", "flux_u", "flux_err_u", "note"], *cells])
    found = answer(read, out.getvalue().encode())
    if found is None:
        return
    _, rows = found
    for row, galaxy in zip(rows.rows, rows.photometry, strict=True):
        z, flux, sigma = (float(cell) for cell in cells[row][:3])
        assert galaxy.redshift == z
        np.testing.assert_allclose([galaxy.flux[0], galaxy.sigma[0]], [flux, sigma], rtol=1e-14)


@inputs(30)
@given(
    st.lists(
        st.one_of(st.none(), st.floats(), st.text(max_size=3), st.booleans(), st.integers()),
        min_size=3,
        max_size=3,
    ),
    st.sampled_from(["id", "z", "u", "e"]),
)
def test_any_values_of_a_data_frame_give_rows_or_a_sentence(values, column):
    frame = pd.DataFrame({"id": [1, 2, 3], "z": [0.1] * 3, "u": [18.0] * 3, "e": [0.1] * 3})
    frame[column] = pd.Series(values, dtype=object)
    mapping = Mapping("z", {"u": BandColumns("u", "e", "mag")}, id="id")
    rows = answer(to_photometry, frame, mapping)
    assert rows is None or len(rows.rows) + len(rows.problems) == 3


TOML = Mapping(
    "z", {"u": BandColumns("f[0]", "w[0]", "uJy", error_kind="ivar", extinction="A_u")}, "objid"
).to_toml()


@inputs(30)
@given(damaged(TOML.encode(), most=8))
def test_a_damaged_mapping_is_a_mapping_or_a_sentence(tmp_path, content):
    path = tmp_path / "map.toml"
    path.write_bytes(content)
    mapping = answer(Mapping.from_toml, path)
    assert mapping is None or mapping.bands


def test_the_fuzz_does_reach_good_rows():
    """A control: undamaged, each of the files is read."""
    for content in CONTENT.values():
        assert len(read(content)[1].rows) == 6


def test_a_column_is_not_mapped_twice():
    with pytest.raises(SedflowError, match="'a' is mapped to a value and to its error"):
        BandColumns("a", "a", "mag")
    one = BandColumns("a", "e", "mag")
    for other in (
        BandColumns("a", "e2", "mag"),
        BandColumns("b", "e", "mag"),
        BandColumns("b", "a", "mag"),
        BandColumns("z", "e2", "mag"),
        BandColumns("b", "z", "mag"),
        BandColumns("b", "e2", "mag", extinction="a"),
        BandColumns("b", "e2", "mag", extinction="b"),
    ):
        with pytest.raises(SedflowError, match=r"is mapped twice.*copy the column"):
            Mapping("z", {"u": one, "g": other})
    assert Mapping("z", {"u": one, "g": BandColumns("b", "e2", "mag", extinction="A")}).bands


@pytest.mark.parametrize("error", ["z_err", "zerr", "e_z", "ivar_z", "z_ivar", "magerr_z"])
@pytest.mark.parametrize("pattern", [("flux_{}", "fluxerr_{}"), ("mag_{}", "magerr_{}")])
@pytest.mark.parametrize("redshift", [{}, {"z_spec": [0.1]}, {"redshift": [0.1]}])
def test_a_redshift_is_not_taken_as_the_z_band(pattern, error, redshift):
    table = {"z": [0.1], error: [0.01], **redshift}
    table |= {name.format(b): [18.0] for b in "ugri" for name in pattern}
    mapping = guess_mapping(table)
    assert list(mapping.bands) == [*"ugri"]
    assert mapping.redshift == next(iter(redshift), "z")


def test_a_letter_alone_is_a_band_where_the_others_are_letters_too():
    table = {name: [18.0] for b in UGRIZ for name in (b, f"{b}_err")} | {"z_spec": [0.1]}
    assert guess_mapping(table).bands["z"].value == "z"
    table["zerr"] = table.pop("z_err")  # not as the others'
    assert "z" not in guess_mapping(table).bands


@pytest.mark.parametrize("names", [("{}mag", "e_{}mag"), ("{}", "{}_err"), ("mag_{}", "magerr_{}")])
def test_johnson_and_cousins_bands_are_not_those_of_the_sdss(names):
    capitals = {n.format(b): [18.0] for b in "URI" for n in names}
    with pytest.raises(SedflowError, match="Johnson"):
        guess_mapping({"redshift": [0.1], **capitals})
    small = {n.format(b): [18.0] for b in "gri" for n in names}
    mapping = guess_mapping({"redshift": [0.1], **capitals, **small})
    assert {b: c.value for b, c in mapping.bands.items()} == {b: names[0].format(b) for b in "gri"}


def test_magnitudes_in_capitals_are_asked_about():
    table = {"Z": [0.1], "MAG_R": [18.0], "MAGERR_R": [0.1]}
    assert guess_mapping(table).open == ("r",)


@pytest.mark.parametrize("none", [0.0, -9.99, -99.0, 99.0, 999.0, -999.0])
def test_numbers_that_stand_for_no_magnitude_are_missing(none):
    table = {"redshift": [0.1], "mag_u": [none], "magerr_u": [0.1]}
    table |= {"mag_g": [18.0], "magerr_g": [0.1]}
    mapping = guess_mapping(table)
    found = to_photometry(table, mapping).photometry
    assert found.present.tolist() == [[False, True]]
    assert "-9.99" in mapping.in_words()


def test_a_mapping_says_what_it_reads_as_what():
    words = catalogue_mapping().in_words()
    assert "z = flux_z +- flux_err_z [nanomaggies]" in words
    assert "redshift = redshift" in words


def catalogue_mapping():
    table = {name: [18.0] for b in UGRIZ for name in (f"flux_{b}", f"flux_err_{b}")}
    return guess_mapping(table | {"redshift": [0.1]}).in_unit("nanomaggies")


ODD_IDS = ["007", "010", "1_1", "1.0", "1e3", "-0", "4503599627370497.5", "9007199254740993"]


@pytest.mark.parametrize("ids", [ODD_IDS, ["7", "8"], ["12345678901234567890", "1"]])
def test_an_id_is_what_the_cell_says_whoever_reads_it(ids, tmp_path):
    rows = "".join(f"{ident},0.05,1.0,0.1\n" for ident in ids)
    (tmp_path / "a.csv").write_text("id,z,flux_u,flux_err_u\n" + rows)
    catalogue = open_catalogue(tmp_path / "a.csv")
    mapping = guess_mapping(catalogue).in_unit("nmgy")
    taken = take_in(catalogue, mapping, tmp_path / "in.parquet")
    found = [
        ident
        for k in range(len(ids))
        for ident in read_rows(
            tmp_path / "in.parquet", mapping.bands, taken.id_kind, k, k + 1
        ).ids.tolist()
    ]
    assert [str(ident) for ident in found] == ids
    for table in (as_written(tmp_path / "a.csv"), read_table(tmp_path / "a.csv")):
        assert to_photometry(table, mapping).ids.tolist() == found


def test_lists_that_nobody_needs_do_not_matter(tmp_path):
    table = pa.table(
        {
            "id": [1, 2],
            "z": [0.05, 0.06],
            "flux_u": [1.0, 2.0],
            "flux_err_u": [0.1, 0.1],
            "names": pa.array([["a"], ["b", "c"]]),
            "ragged": pa.array([[1.0], [2.0, 3.0]]),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    catalogue = open_catalogue(tmp_path / "a.parquet")
    assert "names" not in catalogue.columns
    rows = to_photometry(catalogue.table, guess_mapping(catalogue).in_unit("nmgy"))
    assert rows.photometry.flux.ravel().tolist() == [1.0, 2.0]


def test_one_row_with_the_numbers_of_all_is_refused_before_it_is_read(tmp_path):
    n, rows = 2_000_000, 300
    ends = np.full(rows + 1, n, np.int32)
    ends[0] = 0
    lists = pa.ListArray.from_arrays(pa.array(ends), pa.array(np.zeros(n, np.float32)))
    one = pa.array(np.full(rows, 0.05))
    pq.write_table(
        pa.table({"z": one, "flux_u": one, "flux_err_u": one, "x": lists}), tmp_path / "a.parquet"
    )
    catalogue = open_catalogue(tmp_path / "a.parquet")
    with pytest.raises(SedflowError, match="2,000,000 values in a cell"):
        _ = catalogue.table
    tight = replace(LIBRARY, decoded=10_000_000)
    with pytest.raises(SedflowError, match="takes 16 MB once decoded"):
        _ = open_catalogue(tmp_path / "a.parquet", bounds=tight).table


def test_lists_of_numbers_are_read_without_their_blanks():
    column = pa.array([[1, None], None, [3, 4]], pa.list_(pa.int64()))
    np.testing.assert_array_equal(from_arrow(column), [[1, np.nan], [np.nan] * 2, [3, 4]])
    column = pa.array([[1.5, 2.5], None], pa.list_(pa.float32(), 2))
    np.testing.assert_array_equal(from_arrow(column), [[1.5, 2.5], [np.nan] * 2])

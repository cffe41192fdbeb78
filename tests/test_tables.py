"""Catalogues of any format to photometry: what is read, guessed and refused."""

import csv
import io
import re
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table
from fuzz import answer, damaged, inputs
from hypothesis import given
from hypothesis import strategies as st

from sedflow.catalogue import open_catalogue, read_table
from sedflow.columns import scale_of
from sedflow.errors import SedflowError
from sedflow.photometry import UGRIZ
from sedflow.tables import BandColumns, Mapping, guess_mapping, preview, to_photometry

FORMATS = {
    "csv": "ascii.csv", "ecsv": "ascii.ecsv", "fits": "fits", "vot": "votable",
    "parquet": "parquet",
}  # fmt: skip


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
    for unit in ("nJy", "uJy", "mJy", "Jy", "1e-29 erg/(s cm2 Hz)", "nmgy", "nanomaggies", "mgy"):
        assert scale_of(unit) > 0
    assert scale_of("MJy") == pytest.approx(1e9 * scale_of("mJy"))
    assert scale_of("uJy") == pytest.approx(1 / 3.631)
    assert scale_of("mag") is None
    assert scale_of("mag(AB)") is None
    for unit in ("m/s", "mag(ST)", "erg/s/cm2/AA", "furlong", "", "Vega mag"):
        with pytest.raises(SedflowError, match="neither a flux density"):
            scale_of(unit)
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
    table = {"z": [0.1], "m": [22.5], "e": [0.1], "w": [25.0], "A": [2.5]}
    mapping = Mapping(
        "z",
        {
            "u": BandColumns("m", "e", "mag"),
            "g": BandColumns("m", "w", "nanomaggies", error_kind="ivar"),
            "r": BandColumns("m", "e", "mag", extinction="A"),
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
        "id,redshift,flux_u,flux_err_u", "7,0.1,1,1", "8,nope,1,1", "9,-1,1,1", ",0.1,1,1",
        "5,0.1,,1", "6,0.1", "4,0.1,1e30,1", "3,0.2,2,2",
    ]  # fmt: skip
    table = read_table("\n".join(lines).encode(), "t.csv")
    rows = to_photometry(table, guess_mapping(table).in_unit("nmgy"), first=100)
    assert rows.rows.tolist() == [0, 7]
    assert rows.photometry.ids.tolist() == [7, 3]
    told = {problem.row: (problem.id, problem.reason) for problem in rows.problems}
    assert sorted(told) == [1, 2, 3, 4, 5, 6]
    for row, ident, words in (
        (1, 8, "redshift = 'nope' is not a number"), (2, 9, "must be finite and >= 1e-06"),
        (3, None, "no ID"), (4, 5, "no flux"), (5, 6, "has 2 fields, but the header 4"),
        (6, 4, "check value and unit"),
    ):  # fmt: skip
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
    with pytest.raises(SedflowError, match=r"the ID 8 stands in 2 rows \(1, 2, counted from 0\)"):
        ids([7, 8, 8])
    with pytest.raises(SedflowError, match="floating-point"):
        ids([1e17, 2e17, 3e17])
    assert to_photometry(base, Mapping("z", mapping.bands)).photometry.ids.tolist() == [0, 1, 2]


def test_a_mapping_survives_its_toml(tmp_path):
    mapping = Mapping(
        "z \"q\"",
        {
            "u": BandColumns("f[0]", "w[0]", "uJy", error_kind="ivar", extinction="A_u"),
            "decam2014-g": BandColumns("größe", "e", "mag"),
        },
        "objid",
    )  # fmt: skip
    path = tmp_path / "map.toml"
    path.write_text(mapping.to_toml(), "utf-8")
    assert Mapping.from_toml(path) == mapping
    for text, words in (
        ("redshift = 'z'", "incomplete"), ("x = [", "cannot read the mapping"),
        ("redshift = 'z'\nidd = 'x'\n[bands.u]\nvalue='a'\nerror='b'", "unknown entry 'idd'"),
        ("redshift='z'\n[bands.u]\nvalue='a'\nerror='b'\nunit='kg'", "neither a flux density"),
        ("redshift='z'\n[bands.u]\nvalue='a'\nerror='b'\nerror_kind='var'", "choose one of sigma"),
        ("redshift='z'\n[bands.u]\nvalue=1\nerror='b'", "must be text"),
    ):  # fmt: skip
        path.write_text(text, "utf-8")
        with pytest.raises(SedflowError, match=words):
            Mapping.from_toml(path)


def test_the_preview_shows_what_is_understood():
    table = catalogue(20)
    table["zspec"][1] = -1
    shown = preview(table, guess_mapping(table), 3)
    assert len(shown) == 3
    assert shown["flux_u"][0] == pytest.approx(table["flux_u"][0] / 3.631)
    assert "must be finite and >= 1e-06" in shown["problem"][1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"id,z,z\n1,2,3\n", "has the column 'z' 2 times"),
        (b"id,z\n1,\xff\n", "is not UTF-8 text"),
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
            "has a field of 99,899,001 values in a cell",
        ),
        (
            lambda: b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'lol'>" + ENTITIES
            + b"]><VOTABLE>&j;</VOTABLE>",
            "cannot be read",
        ),
    ],
    ids=["columns", "name", "nested", "rows", "rows beyond", "footer", "cells", "entities"],
)  # fmt: skip
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
        min_size=3, max_size=3,
    ),
    st.sampled_from(["id", "z", "u", "e"]),
)  # fmt: skip
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

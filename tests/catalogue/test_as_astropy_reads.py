"""Every reader against astropy's own reading of the same file, by value, and tables of columns."""

import io
import re

import numpy as np
import pytest
from astropy.io import ascii as tables
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from fuzz import answer, damaged, inputs
from hypothesis import assume, given
from hypothesis import strategies as st

from sedflow.catalogue.read.open import open_catalogue, read_table
from sedflow.catalogue.rows import BandColumns, Mapping, guess_mapping, to_photometry
from sedflow.errors import SedflowError

FORMATS = {
    "csv": "ascii.csv",
    "tab": "ascii.tab",
    "ecsv": "ascii.ecsv",
    "ipac": "ascii.ipac",
    "mrt": "ascii.mrt",
    "fits": "fits",
    "vot": "votable",
    "parquet": "parquet",
    "hdf5": "hdf5",
}
UNITS = ("mJy", "uJy", "Jy")

number = st.floats(-1e6, 1e6, width=32).map(lambda x: float(f"{x:.6g}"))
cells = st.lists(st.tuples(number, st.floats(1e-3, 1e3), st.booleans()), min_size=1, max_size=6)


@st.composite
def catalogues(draw):
    """A table with IDs of 64 bits, redshifts, and fluxes of which some are masked."""
    rows = draw(cells)
    flux, error, hidden = zip(*rows, strict=True)
    ids = draw(st.lists(st.integers(1, 9 * 10**18), min_size=len(rows), max_size=len(rows)))
    table = Table({"objid": ids, "redshift": np.linspace(0.01, 0.2, len(rows))})
    kind = draw(st.sampled_from(["f8", "f4"]))
    table["flux_r"] = MaskedColumn(np.array(flux, dtype=kind), mask=hidden)
    table["flux_err_r"] = np.round(error, 3)
    table["flux_r"].unit = table["flux_err_r"].unit = draw(st.sampled_from(UNITS))
    return table


def written(table, suffix, tmp_path):
    """A file that astropy wrote, and what astropy reads of it."""
    path = tmp_path / f"table.{suffix}"
    more = {"path": "t", "serialize_meta": True} if suffix == "hdf5" else {}
    table.write(path, format=FORMATS[suffix], overwrite=True, **more)
    again = {"path": "t"} if suffix == "hdf5" else {}
    if suffix == "vot":
        again = {"table_id": 0}
    return path, Table.read(path, format=FORMATS[suffix], **again)


@pytest.mark.parametrize("suffix", FORMATS)
@inputs(4)
@given(table=catalogues())
def test_a_file_has_the_values_that_astropy_reads(tmp_path, suffix, table):
    if suffix == "mrt":  # astropy writes no null of single precision there
        assume(table["flux_r"].dtype == float and not table["flux_r"].mask.all())
    path, theirs = written(table, suffix, tmp_path)
    mine = answer(read_table, path)
    assert mine is not None and mine.colnames == theirs.colnames
    for name in theirs.colnames:
        right, found = theirs[name], mine[name]
        if np.ma.getmaskarray(right).all() and found.dtype.kind in "OU":
            assert all(text == "" for text in found)  # text, where nothing says otherwise
            continue
        hidden = np.ma.getmaskarray(found) | np.isnan(np.ma.filled(found.astype(float), np.nan))
        blank = np.ma.getmaskarray(right) | np.isnan(np.ma.filled(right.astype(float), np.nan))
        np.testing.assert_array_equal(hidden, blank)
        np.testing.assert_array_equal(
            np.array(found)[~hidden].astype(right.dtype), np.array(right)[~blank]
        )
        assert str(found.unit or "") == str(right.unit or "")
    assert mine["objid"].dtype.kind == "i"


UNSIGNED = (("I", 2**15), ("J", 2**31), ("K", 2**63))


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "u4", "u8", "i8"])
def test_integers_of_every_kind_are_those_that_astropy_wrote(tmp_path, kind):
    ends = np.iinfo(kind)
    values = np.array([ends.min, 1, ends.max], dtype=kind)
    path = tmp_path / "x.fits"
    Table({"id": values, "n": np.arange(3)}).write(path)
    theirs = Table.read(path)["id"]
    assert read_table(path)["id"].tolist() == values.tolist() == theirs.tolist()


@inputs(10)
@given(
    st.lists(st.integers(-32768, 32767), min_size=1, max_size=5),
    st.integers(-32768, 32767),
    st.sampled_from([1.0, 1.0, 0.01, -2.5, 1e-6]),
    st.sampled_from([0, 32768, 2**31, 2**63, -128, 3.5]),
    st.sampled_from(["B", "I", "J", "K"]),
)
def test_a_scaled_integer_is_null_by_what_is_stored(stored, null, scale, zero, code):
    """Against the stored integers, exactly where they are shifted; with no null, astropy's too."""
    column = fits.Column
    kind = {"B": "u1", "I": "i2", "J": "i4", "K": "i8"}[code]
    values, null = np.array(stored).astype(kind), int(np.array(null).astype(kind))
    table = fits.BinTableHDU.from_columns(
        [column("f", code, array=values, null=null), column("n", "J", array=np.arange(len(stored)))]
    )
    table.header["TSCAL1"], table.header["TZERO1"] = scale, zero
    file = io.BytesIO()
    table.writeto(file)
    found = answer(read_table, file.getvalue(), "x.fits")
    found = found["f"]
    hidden = values == null
    if (code, zero) in UNSIGNED and scale == 1.0:  # astropy writes these nulls as they are meant
        hidden = hidden | (values.astype(object) + zero == null)
    np.testing.assert_array_equal(np.ma.getmaskarray(found), hidden)
    right = values.astype(float) * scale + zero
    np.testing.assert_allclose(
        np.ma.getdata(found)[~hidden].astype(float), right[~hidden], rtol=1e-6, atol=1e-12
    )
    if scale == 1.0 and zero != 3.5:
        shifted = [int(v) + zero for v in values[~hidden].tolist()]
        assert np.ma.getdata(found)[~hidden].tolist() == shifted
        return
    if (code == "K" and zero) or (code, zero) in UNSIGNED:  # which astropy cannot scale
        return
    file.seek(0)
    theirs = np.asarray(fits.getdata(file)["f"], dtype=float)
    np.testing.assert_array_equal(np.ma.getdata(found)[~hidden].astype(float), theirs[~hidden])


MARKS = ("", "nan", "NULL", "--", "-99", "-999", "-9999", "99", "9.9e99", "1e20", "inf", "INDEF")


@inputs(40)
@given(
    st.sampled_from(MARKS),
    st.sampled_from(MARKS),
    st.lists(st.floats(0.5, 80.0), min_size=1, max_size=4),
    st.booleans(),
)
def test_a_marker_of_no_value_is_never_a_flux(value, error, others, magnitudes):
    """Beside markers in both cells the band is absent, or the row has its reason."""
    what, unit = ("mag", "mag") if magnitudes else ("flux", "uJy")
    lines = [f"redshift,{what}_r,{what}err_r,{what}_g,{what}err_g", f"0.1,{value},{error},5,0.5"]
    lines += [f"0.1,{x!r},0.5,5,0.5" for x in others]
    table = read_table("\n".join(lines).encode(), "x.csv")
    bands = {b: BandColumns(f"{what}_{b}", f"{what}err_{b}", unit) for b in "rg"}
    rows = answer(to_photometry, table, Mapping("redshift", bands))
    if value == "99" and error in ("-99", "-999", "-9999", "99"):
        assert np.isnan(rows.photometry.flux[0, 0]) or 0 not in rows.rows
    elif 0 in rows.rows:
        flux = rows.photometry.flux[list(rows.rows).index(0), 0]
        assert np.isnan(flux) or (value, magnitudes) == ("99", False)
    for row in set(range(1, len(others) + 1)) & set(rows.rows):
        flux = rows.photometry.flux[list(rows.rows).index(row), 0]
        right = 10 ** (0.4 * (22.5 - others[row - 1])) if magnitudes else others[row - 1] / 3.631
        assert flux == pytest.approx(right) or (magnitudes and np.isnan(flux))


TABLE = Table(
    {
        "objid": [1237648720693755918, 2, 3],
        "redshift": [0.1, 0.2, 0.3],
        "flux_r": [50.0, 60.0, 70.0],
        "flux_err_r": [2.0, 3.0, 4.0],
    },
    units={"flux_r": "mJy", "flux_err_r": "uJy"},
)


def text_of(suffix, table=TABLE):
    out = io.StringIO()
    table.write(out, format=FORMATS[suffix])
    return out.getvalue()


@pytest.mark.parametrize("suffix", ["ipac", "mrt"])
@inputs(12)
@given(data=st.data())
def test_damaged_tables_of_columns_give_rows_or_a_sentence(suffix, data):
    def read(content):
        table = read_table(content, "x")
        return to_photometry(table, guess_mapping(table).in_unit("nmgy"))

    answer(read, data.draw(damaged(text_of(suffix).encode())))


@pytest.mark.parametrize("suffix", ["ipac", "mrt"])
def test_tables_of_columns_are_read_with_units_in_parts(suffix):
    rows = Table({n: np.resize(TABLE[n], 600) for n in TABLE.colnames}, units={"flux_r": "mJy"})
    rows["objid"] = np.arange(600) + 10**18
    found = open_catalogue(text_of(suffix, rows).encode(), "x")
    assert found.n_rows == 600
    part = found.part(511, 515).read(["objid", "flux_r"])
    assert part["objid"].tolist() == list(range(10**18 + 511, 10**18 + 515))
    assert part["flux_r"].tolist() == [60.0, 70.0, 50.0, 60.0]
    table = read_table(text_of(suffix).encode(), "x")
    photometry = to_photometry(table, guess_mapping(table)).photometry
    assert photometry.ids[0] == 1237648720693755918
    assert photometry.flux[0, 0] == pytest.approx(50e3 / 3.631)
    assert photometry.sigma[0, 0] == pytest.approx(2 / 3.631)


def test_a_declared_null_is_a_null_however_it_is_written():
    text = text_of("mrt").replace("[50.0/70.0] Description of flux_r", "?=-9.5 Flux        ")
    line = next(x for x in text.splitlines() if x.startswith("1237"))
    text = text.replace(line, line.replace("50.0", "-9.50"[:4]))
    flux = read_table(text.encode(), "x")["flux_r"]
    assert np.ma.getmaskarray(flux).tolist() == [True, False, False]
    ipac = (
        "|redshift|flux_r|flux_err_r|\n|double  |double|double    |\n|        |uJy   |uJy       |\n"
        "|null    |-99   |null      |\n 0.1      -99.00 2.0        \n 0.2      5.0    2.0        \n"
    )
    flux = read_table(ipac.encode(), "x.tbl")["flux_r"]
    assert np.ma.getmaskarray(flux).tolist() == [True, False]


@pytest.mark.parametrize("suffix", ["ipac", "mrt"])
def test_a_number_that_leaves_its_column_is_a_reason_not_another_number(suffix):
    lines = text_of(suffix).splitlines()
    at = next(k for k, line in enumerate(lines) if "1237648720693755918" in line)
    lines[at + 1] = " " + lines[at + 1]  # everything in this row is one place further right
    lines[at + 1] = re.sub(r"\s+$", "", lines[at + 1])
    table = read_table("\n".join(lines).encode(), "x")
    rows = to_photometry(table, guess_mapping(table))
    whole = to_photometry(TABLE, guess_mapping(TABLE)).photometry.flux
    for row, flux in zip(rows.rows, rows.photometry.flux, strict=True):
        assert flux == pytest.approx(whole[row])
    lines[at + 1] = lines[at + 1] + "77"
    table = read_table("\n".join(lines).encode(), "x")
    assert "outside of the columns" in table.meta["problems"][1]


def test_a_description_without_rows_and_two_descriptions_are_refused():
    text = text_of("mrt")
    with pytest.raises(SedflowError, match="0 rows"):
        read_table(text[: text.index("1237")].encode(), "ReadMe")
    with pytest.raises(SedflowError, match="2 descriptions"):
        read_table((text[: text.index("1237")] + text).encode(), "x")


@pytest.mark.parametrize("content", ["| z | u |\n|---|---|\n| 1 | 2 |\n", "|z|u\n|1|2\n" * 4])
def test_lines_that_begin_with_a_bar_are_not_all_of_ipac(content):
    assert open_catalogue(content.encode(), "x.txt").format == "CSV"


def test_astropy_agrees_on_the_header_of_a_catalogue_of_ipac():
    mine = read_table(text_of("ipac").encode(), "x.tbl")
    theirs = tables.read(text_of("ipac"), format="ipac")
    assert mine.colnames == theirs.colnames and str(mine["flux_r"].unit) == "mJy"

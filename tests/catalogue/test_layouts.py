"""Tables as people keep them: how text is laid out, compressed, encoded; which table of several."""

import bz2
import gzip
import lzma

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table

from sedflow.catalogue.guess import guess_mapping
from sedflow.catalogue.mapping import BandColumns, ColumnMap
from sedflow.catalogue.read.open import open_catalogue, read_table
from sedflow.catalogue.rows import to_photometry
from sedflow.errors import SedflowError
from sedflow.files.bounds import APP

IDS = [1237648720693755918, 1237648720693755919]
RIGHT = {"id": IDS, "redshift": [0.05, 0.06], "mag_g": [18.0, 18.5], "magerr_g": [0.1, 0.25]}
CSV = "id,redshift,mag_g,magerr_g\n" + "".join(
    f"{a},{b},{c},{d}\n" for a, b, c, d in zip(*RIGHT.values(), strict=True)
)
COMMA = CSV.replace(",", ";").replace(".", ",")
BLANKS = CSV.replace(",", "   ")
BODY = CSV.partition("\n")[2]
TSV = CSV.replace(",", "\t").partition("\n")
UNDER = "\n\t \tmag\tmag\n---\t--\t---\t-\n"
SEXTRACTOR = """#   1 id         Running number
#   2 redshift   From elsewhere
#   3 mag_g      Kron-like magnitude      [mag]
#   4 magerr_g   Its RMS error            [mag]
"""


def as_right(table):
    assert [n.lower() for n in table.colnames] == list(RIGHT)
    for name, right in zip(table.colnames, RIGHT.values(), strict=True):
        np.testing.assert_array_equal(np.asarray(table[name]), right)
    assert table[table.colnames[0]].dtype.kind == "i"


@pytest.mark.parametrize(
    "text",
    [
        CSV,
        "\ufeff" + CSV,
        CSV.replace("\n", "\r\n"),
        CSV.replace("\n", "\r"),
        "sep=;\n" + CSV.replace(",", ";"),
        COMMA,
        COMMA.replace(";", "\t"),
        CSV.replace(",", " | "),
        BLANKS,
        "  " + BLANKS.replace("\n", "  \n  "),
        BLANKS.replace("   ", "\t ", 3),
        "# " + BLANKS,
        "#" + BLANKS,
        "# a survey\n#\n# " + BLANKS,
        "# " + CSV,
        "# id redshift mag_g magerr_g\n# - - mag mag\n" + BODY.replace(",", "  "),
        "# id redshift mag_g magerr_g\n#  [-] [] [mag] [mag]\n" + BODY,
        SEXTRACTOR + BODY.replace(",", "  "),
        "id,redshift,mag_g,magerr_g\n,,mag,mag\n" + BODY,
        "#\n#   VizieR\n#Column ID (I8)\n\n"
        + TSV[0]
        + "\n\t \tmag\tmag\n---\t--\t---\t-\n"
        + TSV[2],
        TSV[0] + "\n---\t--\t---\t-\n" + TSV[2] + "\n# the end of 2 rows\n",
        CSV.replace("\n", ",\n"),
        CSV + "# the end\n",
    ],
)
def test_text_is_read_however_it_is_laid_out(text):
    as_right(read_table(text.encode(), "t"))


@pytest.mark.parametrize(
    ("text", "units"),
    [
        (SEXTRACTOR + BODY.replace(",", "  "), ["", "", "mag", "mag"]),
        ("id;z;flux_g;e\n;;(mJy);[uJy]\n1;0,1;2,5;3,0\n", ["", "", "mJy", "uJy"]),
        ("# id z flux_g e\n# - - mJy mJy\n1 0.1 2.5 3\n", ["", "", "mJy", "mJy"]),
    ],
)
def test_units_below_the_names_are_those_of_the_columns(text, units):
    table = read_table(text.encode(), "t")
    assert [str(table[c].unit or "") for c in table.colnames] == units


def test_what_was_found_out_is_told():
    notes = " ".join(read_table(COMMA.encode(), "t").meta["notes"])
    assert "decimal commas" in notes
    assert "names are behind #" in " ".join(read_table(("# " + CSV).encode(), "t").meta["notes"])
    text = CSV.encode().replace(b"redshift", b"r\xe9dshift")
    table = read_table(text, "t")
    assert table.colnames[1] == "rédshift"
    assert "Windows-1252" in " ".join(table.meta["notes"])


def test_a_decimal_point_among_commas_is_a_problem_of_its_row():
    text = "id;z;flux_g;e\n" + "".join(f"{k};0,1;2,5;0,5\n" for k in range(100))
    text += "100;0,1;1.234;0,5\n"
    table = read_table(text.encode(), "t")
    assert list(table.meta["problems"]) == [100]
    assert "decimal point" in table.meta["problems"][100]


def test_several_tables_in_a_text_are_refused():
    text = f"#Table a:\n{CSV}\n#Table b:\n{CSV}"
    with pytest.raises(SedflowError, match=r"holds several tables, .* at line 6"):
        read_table(text.encode(), "t")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("inner", ["csv", "fits", "vot", "utf16"])
def test_compressed_files_are_unpacked(pack, inner, tmp_path):
    if inner in ("csv", "utf16"):
        content = CSV.encode("utf-16" if inner == "utf16" else "utf-8")
    else:
        path = tmp_path / f"t.{inner}"
        Table(RIGHT).write(path, format={"vot": "votable"}.get(inner, inner))
        content = path.read_bytes()
    path = tmp_path / f"t.{inner}.z"
    path.write_bytes(pack(content))
    as_right(read_table(path))
    assert "unpacked from" in open_catalogue(path).notes[0]
    with pytest.raises(SedflowError, match="cut short"):
        read_table(pack(content)[:-12], "t")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_bomb_is_not_unpacked(pack):
    bomb = pack(b"id,z\n" + b"0" * 2 * 10**8)
    assert len(bomb) < 2e6
    with pytest.raises(SedflowError, match="holds more than 100 MB once unpacked"):
        open_catalogue(bomb, "bomb", APP)
    with pytest.raises(SedflowError, match="compressed twice"):
        read_table(pack(pack(CSV.encode())), "t")


def three_tables(form, path):
    """A file of three tables, of which the second has the photometry."""
    meta, other = Table({"key": ["a"], "value": [1.0]}), Table({"x": [1, 2, 3]})
    tables = {"META": meta, "PHOT": Table(RIGHT), "LAST": other}
    if form == "fits":
        hdus = [fits.BinTableHDU(t, name=n) for n, t in tables.items()]
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    elif form == "hdf5":
        for name, table in tables.items():
            table.write(path, path=name, append=True, serialize_meta=True)
    else:
        from astropy.io.votable.tree import Resource, TableElement, VOTableFile

        votable, resource = VOTableFile(), Resource()
        votable.resources.append(resource)
        for name, table in tables.items():
            element = TableElement.from_table(votable, table)
            element.name = name
            resource.tables.append(element)
        votable.to_xml(str(path))
        if form == "prefixed.vot":
            text = path.read_text().replace("</", "</vot:").replace("<vot:vot:", "<vot:")
            text = (
                __import__("re")
                .sub(r"<([A-Z])", r"<vot:\1", text)
                .replace('xmlns="', 'xmlns:vot="')
            )
            path.write_text(text)
    return path


@pytest.mark.parametrize("form", ["fits", "vot", "prefixed.vot", "hdf5"])
def test_of_several_tables_the_one_with_photometry_is_read_and_named(form, tmp_path):
    path = three_tables(form, tmp_path / f"three.{form}")
    table = read_table(path)
    as_right(table[list(RIGHT)] if form != "hdf5" else table)
    catalogue = open_catalogue(path)
    note = catalogue.notes[-1]
    assert "3 tables" in note
    assert "PHOT is read, the first with photometry" in note
    result = to_photometry(table, guess_mapping(table))
    assert result.ids.tolist() == IDS
    assert read_table(path, table="last")["x"].tolist() == [1, 2, 3]
    number = {"fits": 3, "hdf5": 0}.get(form, 2)
    assert read_table(path, table=number)["x"].tolist() == [1, 2, 3]
    with pytest.raises(SedflowError, match="has no table 'none'; it has the tables "):
        read_table(path, table="none")


def test_a_table_is_chosen_of_files_of_one_too():
    with pytest.raises(SedflowError, match="has no table 'phot'; it has one table"):
        read_table(CSV.encode(), "t", table="phot")


def test_columns_of_hdf5_are_a_group_too(tmp_path):
    path = tmp_path / "t.h5"
    with h5py.File(path, "w") as file:
        for name, values in RIGHT.items():
            file[f"phot/{name}"] = values
        file["phot/mag_g"].attrs["unit"] = "mag"
        file["phot/name"] = np.array([b"a", b"b"])
        file["phot/elsewhere"] = h5py.ExternalLink("other.h5", "x")
        file["phot/again"] = h5py.SoftLink("/phot/mag_g")
        file["phot/cube"] = np.zeros((2, 3, 4))
        file["phot/version"] = 3
    table = read_table(path)
    (said,) = table.meta["notes"]
    link = "(a link, which is not followed)"
    assert said.startswith(f"not read: again {link}, ")
    for word in (f"elsewhere {link}", "cube (values 2 x 3 x 4 of float64)", "version (one value)"):
        assert word in said
    assert sorted(table.colnames) == sorted([*RIGHT, "name"])
    assert table["id"].tolist() == IDS
    assert str(table["mag_g"].unit) == "mag"
    assert table["name"].tolist() == ["a", "b"]


def test_columns_that_cannot_be_read_are_told(tmp_path):
    varying = np.array([np.arange(2), np.arange(3)], dtype=object)
    columns = [
        fits.Column("id", "K", array=IDS),
        fits.Column("mag_r", "PD", array=varying),
        fits.Column("mag_g", "D", array=[20.0, 21.0]),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "t.fits")
    nested = pa.array([{"a": 1}, {"a": 2}])
    pq.write_table(pa.table({"id": IDS, "mag_r": nested}), tmp_path / "t.parquet")
    for name, what in (("t.fits", "of cells of any length"), ("t.parquet", "struct<a: int64>")):
        table = read_table(tmp_path / name)
        assert "mag_r" not in table.colnames
        assert table.meta["notes"] == [f"not read: mag_r ({what})"]


@pytest.mark.parametrize("form", ["csv", "ascii.ecsv", "fits", "votable", "hdf5", "parquet"])
def test_ids_of_nineteen_digits_are_whole_in_every_format(form, tmp_path):
    path = tmp_path / f"t.{form}"
    Table(RIGHT).write(path, format=form, **({"path": "t"} if form == "hdf5" else {}))
    table = read_table(path)
    as_right(table if form != "hdf5" else table[list(RIGHT)])
    assert to_photometry(table, guess_mapping(table)).ids.tolist() == IDS


def test_ids_beyond_64_bits_are_text():
    text = CSV.replace(str(IDS[0]), "9" * 19).encode()
    table = read_table(text, "t")
    assert table["id"].tolist() == ["9" * 19, str(IDS[1])]
    assert to_photometry(table, guess_mapping(table)).ids.tolist() == ["9" * 19, str(IDS[1])]


def test_fields_of_one_name_are_refused_in_every_format(tmp_path):
    path = tmp_path / "t.vot"
    Table(RIGHT).write(path, format="votable")
    path.write_text(path.read_text().replace('name="magerr_g"', 'name="mag_g"'))
    with pytest.raises(SedflowError, match="has the column 'mag_g' 2 times"):
        read_table(path)
    with pytest.raises(SedflowError, match=r"has the column 'z' 2 times"):
        read_table(b"# id z z\n1 2 3\n", "t")


def test_a_spreadsheet_is_asked_for_as_text():
    with pytest.raises(SedflowError, match=r"a spreadsheet: save the sheet .* as CSV"):
        read_table(b"PK\x03\x04\x14\x00[Content_Types].xml" + b"\0" * 90, "t.xlsx")


def test_a_column_without_a_name_gets_one():
    """As pandas writes the index of a DataFrame, and spreadsheets columns that are empty."""
    index = "".join(f"{k - 1 if k else ''},{line}\n" for k, line in enumerate(CSV.splitlines()))
    table = read_table(index.encode())
    assert table.colnames == ["column_1", *RIGHT]
    np.testing.assert_array_equal(table["mag_g"], RIGHT["mag_g"])
    assert "column 1 has no name, and is called column_1" in table.meta["notes"]
    table = read_table(CSV.replace("\n", ",,\n").encode())
    assert table.colnames[:4] == list(RIGHT)
    assert guess_mapping(table).bands["g"].value == "mag_g"
    with pytest.raises(SedflowError, match="names 1 of 4 columns"):
        read_table(("My galaxies,,,\n" + CSV).encode())


@pytest.mark.parametrize("head", ["# ", "#", ""])
@pytest.mark.parametrize("end", [",", ";", "\t", "|"])
def test_lines_may_end_in_a_delimiter(head, end):
    lines = (head + CSV).replace(",", end).splitlines()
    for which in (lines, [lines[0] + end, *lines[1:]], [lines[0], *(r + end for r in lines[1:])]):
        as_right(read_table("\n".join(which).encode()))
    as_right(read_table("\n".join(line + end for line in lines).encode()))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("17.5", 17.5), (" 17.5", 17.5), ("\u00a017.5", 17.5), ("1.75e1", 17.5)),
        *(("1.75D1", 17.5), ("175d-1", 17.5), ("+17.5", 17.5), ("175.e-1", 17.5)),
        *(("1_7.5", None), ("١٧.٥", None), ("１７．５", None), ("1.75_0", None), ("0x11", None)),
        *(("1.75D", None), ("17,5.0", None), ("17.5m", None)),
    ],
)
def test_a_number_is_what_tables_write_as_one(text, number):
    """Whether other cells are plain or not, and whatever kind of table it is in."""
    names = {"z": "0.05", "mag_g": text, "magerr_g": "0.1"}
    mapping = ColumnMap("z", {"g": BandColumns("mag_g", "magerr_g", "mag")})
    csv = ",".join(names) + "\n" + ",".join(f'"{v}"' for v in names.values()) + "\n0.05,18,0.1\n"
    plain = {name: np.array([value, "0.05"]) for name, value in names.items()}
    listed = {name: np.array([value, "0.05"], dtype=object) for name, value in names.items()}
    for table in (read_table(csv.encode()), plain, listed):
        rows = to_photometry(table, mapping)
        if number is None:
            assert [p.row for p in rows.problems] == [0]
            assert "is not a number" in rows.problems[0].reason
        else:
            assert not rows.problems
            assert rows.photometry.magnitude[0, 0] == pytest.approx(number)


def test_cells_of_one_number_are_numbers(tmp_path):
    """Columns of the shape (n, 1), as FITS may have them, "have no columns of errors"."""
    path = tmp_path / "narrow.fits"
    narrow = {name: np.array(values)[:, None] for name, values in RIGHT.items()}
    for table in (Table(narrow), Table({**narrow, "id": IDS}), Table(narrow, masked=True)):
        table.write(path, overwrite=True)
        for read in (read_table(path), {name: table[name].tolist() for name in table.colnames}):
            mapping = guess_mapping(read)
            assert mapping.bands["g"].error == "magerr_g"
            rows = to_photometry(read, mapping)
            assert rows.ids.tolist() == IDS
            assert rows.redshift.tolist() == RIGHT["redshift"]
            np.testing.assert_array_equal(
                rows.photometry.flux, to_photometry(RIGHT, guess_mapping(RIGHT)).photometry.flux
            )
    one = ColumnMap("redshift[0]", {"g": BandColumns("mag_g[0]", "magerr_g[0]", "mag")}, "id[0]")
    assert to_photometry(Table(narrow), one).ids.tolist() == IDS

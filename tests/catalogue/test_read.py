"""Files that try to get in: references to elsewhere, and claims to more than there is.

Each reader is given a file that points to a canary beside it and to an address on this machine.
The canary's words must not appear in what comes back, and nothing may knock at the address.
"""

import codecs
import csv
import gzip
import io
import os
import re
import socket
import struct
import subprocess
import sys
import time

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from attacks import (
    FIELDS,
    KINDS,
    ROW,
    SECRET,
    Listener,
    elsewhere,
    fits_bytes,
    parquet,
    places,
    votable,
)
from fuzz import answer, inputs
from hypothesis import given
from hypothesis import strategies as st

from sedflow.bands import load_band
from sedflow.catalogue.mapping import Mapping
from sedflow.catalogue.read.open import open_catalogue, read_table
from sedflow.catalogue.spreadsheet import to_csv
from sedflow.errors import SedflowError
from sedflow.files.bounds import APP, MAPPING_BYTES
from sedflow.files.guard import reading
from sedflow.model.ssp import load_ssp


def test_the_listener_does_hear_who_comes():
    """A control: the test of silence can fail."""
    one = Listener()
    socket.create_connection(one.address.split(":")).close()
    end = time.monotonic() + 20
    while not one.came and time.monotonic() < end:
        time.sleep(0.02)
    assert len(one.came) == 1
    one.close()


# VOTable


@pytest.mark.parametrize("kind", KINDS)
def test_no_votable_reaches_for_anything_outside_itself(kind, listener, canary, tmp_path):
    for place in places(listener, canary):
        content = elsewhere(place)[kind].encode()
        path = tmp_path / "given.vot"
        path.write_bytes(content)
        for source in (content, path):
            with pytest.raises(SedflowError, match=r"refers to|declares|twice") as error:
                read_table(source, "given.vot")
            assert SECRET not in str(error.value)
            assert len(str(error.value)) < 400


@pytest.mark.parametrize("kind", KINDS)
def test_no_filter_curve_reaches_for_anything_outside_itself(kind, listener, canary, tmp_path):
    path = tmp_path / "curve.vot"
    for place in places(listener, canary):
        path.write_text(elsewhere(place)[kind])
        with pytest.raises(SedflowError, match=r"refers to|declares|twice"):
            load_band(str(path))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-7", "cp037"])
def test_other_encodings_hide_nothing(encoding, listener, canary, tmp_path):
    text = elsewhere(f"http://{listener.address}/x")["binary"]
    text = text.replace("version='1.0'", f"version='1.0' encoding='{encoding}'", 1)
    for content in (text.encode(encoding), codecs.BOM_UTF8 + text.encode(encoding)):
        path = tmp_path / "curve.xml"
        path.write_bytes(content)
        with pytest.raises(SedflowError):
            load_band(str(path))
        with pytest.raises(SedflowError):
            read_table(content, "x")
    path.write_bytes(gzip.compress(text.encode()))  # astropy would unpack it
    with pytest.raises(SedflowError, match="cannot be read"):
        load_band(str(path))


def test_votables_that_hold_their_data_are_read_with_links_for_people(tmp_path):
    link = '<LINK href="http://example.org/about" content-role="doc"/>'
    table = read_table(votable(link + ROW).encode(), "x")
    assert (table["id"][0], table["z"][0]) == ("7", 0.1)
    for form in ("tabledata", "binary", "binary2"):
        out = io.BytesIO()
        Table({"id": ["a", "b"], "z": [0.1, 0.2]}).write(
            out, format="votable", tabledata_format=form
        )
        assert read_table(out.getvalue(), "x")["id"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (votable(ROW).replace("<TABLE>", '<TABLE nrows="999999999">'), "once decoded"),
        (votable(ROW).replace("<TABLE>", '<TABLE x:nrows="99999999999">'), "99,999,999,999 rows"),
        (votable(ROW).replace("<TABLE>", f'<TABLE nrows="{"9" * 400}">'), "rows, where"),
        (
            votable(ROW, fields=FIELDS.replace('"*"', '"9999"')).replace(
                "<TABLE>", '<TABLE nrows="1000000">'
            ),
            "once decoded",
        ),
        (votable(ROW, fields=FIELDS.replace('"*"', '"&#57;99x&#57;99"')), "998,001 values"),
        (votable(ROW, fields=FIELDS.replace('"*"', "'\n20000'")), "20,000 values"),
        (
            votable(
                "<DATA><BINARY><STREAM encoding='base64'>AAAA</STREAM></BINARY></DATA>",
                fields='<FIELD name="x" datatype="char" arraysize="0"/>',
            ),
            "field of no values",
        ),
        (votable(ROW, fields="<FIELD name='a' datatype='int'/>" * 6000), "5,001 columns"),
        (votable("<GROUP>" * 500), "nested"),
        (votable(ROW.replace("7", "x" * 20_000)), "20,000 characters in 'id'"),
    ],
    ids=[
        "rows",
        "prefix",
        "digits",
        "width",
        "references",
        "lines",
        "none",
        "columns",
        "nested",
        "text",
    ],
)
def test_what_a_votable_claims_is_bounded(content, words):
    start = time.monotonic()
    with pytest.raises(SedflowError, match=words):
        read_table(content.encode(), "huge")
    assert time.monotonic() - start < 10


@inputs(60)
@given(
    st.sampled_from(KINDS),
    st.sampled_from(["", "x:", "\n"]),
    st.booleans(),
    st.text(max_size=30),
    st.sampled_from(["utf-8", "utf-16", "latin-1"]),
)
def test_no_spelling_of_a_reference_is_followed(kind, prefix, upper, tail, encoding):
    place = "file:///etc/hostname"
    text = elsewhere(place)[kind].replace("<STREAM ", f"<{prefix}STREAM ")
    text = (text.upper() if upper else text) + tail
    with open("/etc/hostname") as file:
        host = file.read().strip()
    table = answer(read_table, text.encode(encoding, "replace"), "x")
    assert table is None or host not in str(table)


# Parquet


def test_a_dictionary_of_one_long_text_costs_one_text():
    long = pa.array(["x" * 5_000_000])
    codes = pa.array(np.zeros(3000, np.int32))
    columns = {"id": pa.DictionaryArray.from_arrays(codes, long), "z": np.full(3000, 0.1)}
    content = parquet(pa.table(columns), compression="zstd")
    assert len(content) < 2000
    before = pa.default_memory_pool().max_memory()
    with pytest.raises(SedflowError, match="5,000,000 characters in 'id'"):
        read_table(content, "d")
    assert pa.default_memory_pool().max_memory() < before + 100e6
    assert open_catalogue(content, "d").part(0, 3000).read(["z"])["z"].shape == (3000,)
    delta = {"column_encoding": {"id": "DELTA_BYTE_ARRAY", "z": "PLAIN"}, "use_dictionary": False}
    content = parquet(pa.table({"id": ["y" * 3_000_000] * 99, "z": np.full(99, 0.1)}), **delta)
    with pytest.raises(SedflowError, match="3,000,000 characters in 'id'"):
        read_table(content, "d")
    names = [f"SDSS J{k}" for k in range(20_000)]
    content = parquet(pa.table({"id": names, "z": np.full(20_000, 0.1)}), **delta)
    assert read_table(content, "d")["id"].tolist() == names


def test_constant_rows_are_counted_before_they_are_decoded():
    table = pa.table({f"c{k}": np.full(1_000_000, 0.1) for k in range(6)})
    out = io.BytesIO()
    with pq.ParquetWriter(out, table.schema) as writer:
        for _ in range(50):
            writer.write_table(table)
    content = out.getvalue()
    del table
    assert len(content) < 2e6
    start = time.monotonic()
    with pytest.raises(SedflowError, match="50,000,000 rows, where 2,000,000 are read at most"):
        open_catalogue(content, "c", APP)
    with pytest.raises(SedflowError, match="2,400 MB once decoded"):
        read_table(content, "c")
    part = open_catalogue(content, "c").part(49_000_000, 49_000_010).read()
    assert len(part) == 10
    assert time.monotonic() - start < 20


def test_a_footer_that_names_another_file_is_refused(canary, tmp_path):
    pq.write_table(pa.table({"id": [SECRET], "z": [0.1]}), tmp_path / "canary.parquet")
    out = []
    pq.write_table(
        pa.table({"id": ["a"], "z": [0.1]}), tmp_path / "mine.parquet", metadata_collector=out
    )
    out[0].set_file_path("canary.parquet")
    named = io.BytesIO()
    out[0].write_metadata_file(named)
    with pytest.raises(SedflowError, match=r"in another file \('canary.parquet'\)"):
        read_table(named.getvalue(), "given.parquet")


def test_a_footer_whose_rows_disagree_is_refused():
    content = parquet(pa.table({"z": np.full(100, 0.1)}), compression="none")
    (length,) = struct.unpack("<I", content[-8:-4])
    footer = content[-8 - length : -8]
    assert footer.count(b"\x16\xc8\x01") >= 2  # 100 as a zigzag number: of the file, of the group
    wrong = footer.replace(b"\x16\xc8\x01", b"\x16\xc6\x01", 1)
    with pytest.raises(SedflowError, match=r"99 rows by its footer|cannot be read"):
        read_table(content[: -8 - length] + wrong + content[-8:], "x")


def test_a_folder_is_not_a_way_to_other_folders(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
        pq.write_table(pa.table({"id": [folder.name], "z": [0.1]}), folder / "a.parquet")
    (inside / "b.parquet").symlink_to(outside / "a.parquet")
    with pytest.raises(SedflowError, match=r"b.parquet is a link to a file outside the folder"):
        read_table(inside)
    (inside / "b.parquet").unlink()
    (inside / "b.parquet").symlink_to("a.parquet")
    assert len(read_table(inside)) == 2
    (inside / "b.parquet").unlink()
    os.mkfifo(inside / "b.parquet")
    with pytest.raises(SedflowError, match="is not a regular file"):
        read_table(inside)
    for path in (inside / "b.parquet", "/dev/zero"):
        with pytest.raises(SedflowError, match="is not a regular file"):
            read_table(path)
        with pytest.raises(SedflowError, match="is not a regular file"):
            Mapping.from_toml(path)
        with pytest.raises(SedflowError):
            load_band(str(path) + "")


def test_long_text_and_wide_lists_of_parquet_are_refused_and_nested_columns_left_out():
    lists = pa.array([list(range(20_000))] * 2)
    with pytest.raises(SedflowError, match="20,000 values in a cell"):
        read_table(parquet(pa.table({"v": lists, "z": [0.1, 0.2]})), "x")
    fixed = pa.array([b"x" * 20_000] * 3, pa.binary(20_000))
    with pytest.raises(SedflowError, match="20,000 characters in 'f'"):
        read_table(parquet(pa.table({"f": fixed})), "x")
    nested = pa.array([[[1.0]], [[2.0]]])
    table = read_table(parquet(pa.table({"n": nested, "z": [0.1, 0.2]})), "x")
    assert table.colnames == ["z"]


# FITS, ECSV, CSV


def test_wide_cells_of_fits_and_ecsv_are_refused():
    wide = Table({"id": [1], "v": np.zeros((1, 1_000_000), np.float32)})
    with pytest.raises(SedflowError, match="1,000,000 values in a cell"):
        read_table(fits_bytes(wide), "w")
    text = Table({"id": ["x" * 20_000], "z": [0.1]})
    with pytest.raises(SedflowError, match="20,000 characters in 'id'"):
        read_table(fits_bytes(text), "w")
    out = io.StringIO()
    Table({"z": [0.1], "v": [[1.0, 2.0]]}).write(out, format="ascii.ecsv")
    claims = out.getvalue().replace("[2]", "[99999999999]")
    with pytest.raises(SedflowError, match="99,999,999,999 values in a cell"):
        read_table(claims.encode(), "w")


def test_rows_of_no_bytes_are_refused():
    content = fits_bytes(Table({"z": [0.1, 0.2]}))
    for before, after in (
        (b"NAXIS1  =                    8", b"NAXIS1  =                    0"),
        (b"NAXIS2  =                    2", b"NAXIS2  =        9999999999999"),
        (b"TFORM1  = 'D       '", b"TFORM1  = '0D      '"),
    ):
        assert before in content
        content = content.replace(before, after)
    with pytest.raises(SedflowError, match=r"rows of no bytes|cannot be read"):
        read_table(content, "w")


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system ['touch TOUCHED']",
        "!!python/name:os.system ''",
        "!astropy.time.Time {format: isot, scale: utc, value: '2026-01-01'}",
        "!numpy.ndarray {buffer: !!binary 'AAAA', dtype: float64, shape: [999999999]}",
        "!astropy.units.Unit {unit: 'm'}",
        "!anything {x: 1}",
    ],
)
def test_no_tag_of_an_ecsv_header_makes_an_object(tag, tmp_path):
    touched = tmp_path / "touched"
    head = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: z, datatype: float64}\n# meta:\n#   x: "
    table = answer_of(head + tag.replace("TOUCHED", str(touched)) + "\nz\n0.5\n")
    assert table is None or table["z"].tolist() == [0.5]
    assert not touched.exists()


def answer_of(text):
    try:
        return read_table(text.encode(), "x")
    except SedflowError as error:
        assert len(str(error)) < 700
        return None


def test_aliases_of_yaml_cannot_grow():
    bomb = ["# %ECSV 1.0", "# ---", "# meta:", "#   a: &a [x, x, x, x, x, x, x, x, x]"]
    for one, two in zip("abcdefgh", "bcdefghi", strict=True):
        bomb.append(f"#   {two}: &{two} [{', '.join([f'*{one}'] * 9)}]")
    for where in ("unit", "name", "subtype"):
        cell = {"name": "z", "datatype": "float64"} | {where: "*i"}
        words = ", ".join(f"{k}: {v}" for k, v in cell.items())
        text = "\n".join([*bomb, "# datatype:", f"# - {{{words}}}", "z", "0.5", ""])
        start = time.monotonic()
        assert answer_of(text) is None
        assert time.monotonic() - start < 5


def test_one_long_cell_does_not_make_every_row_wide():
    content = b"id,z\n" + b"a,1\n" * 400_000 + b"b" * 9_000 + b",1\n"
    start = time.monotonic()
    table = read_table(content, "x")  # at equal width 14 GB
    assert len(table) == 400_001
    assert time.monotonic() - start < 20
    with pytest.raises(SedflowError, match="11,000 characters in 'id'"):
        read_table(b"id,z\n" + b"b" * 11_000 + b",1\n", "x")


def test_a_mapping_that_is_too_deep_or_too_large_is_a_sentence(tmp_path):
    path = tmp_path / "map.toml"
    for text in ("x = " + "[" * 100_000, "x = " + "9" * 5000, "#" * (MAPPING_BYTES + 1)):
        path.write_text(text)
        with pytest.raises(SedflowError, match="cannot read the mapping") as error:
            Mapping.from_toml(path)
        assert len(str(error.value)) < 300


# HDF5


def ssp_file(path, change):
    """An SSP grid of twos, whose file is then changed."""
    with h5py.File(path, "w") as file:
        file["ssp_lgmet"] = np.array([-2.0, -1.0])
        file["ssp_lg_age_gyr"] = np.array([-1.0, 1.0])
        file["ssp_wave"] = np.array([1000.0, 2000.0, 3000.0])
        file["ssp_flux"] = np.full((2, 2, 3), 1e-15)
        change(file)
    return path


def _external(file, path):
    del file["ssp_lgmet"]
    file.create_dataset("ssp_lgmet", (2,), "f8", external=[(str(path), 0, 16)])


def _virtual(file, path):
    del file["ssp_lgmet"]
    layout = h5py.VirtualLayout((2,), "f8")
    layout[:] = h5py.VirtualSource(str(path), "ssp_lgmet", (2,))
    file.create_virtual_dataset("ssp_lgmet", layout)


def _link(file, path):
    del file["ssp_lgmet"]
    file["ssp_lgmet"] = h5py.ExternalLink(str(path), "ssp_lgmet")


def _soft(file, path):
    _link(file, path)
    file["far"] = file.get("ssp_lgmet", getlink=True)
    del file["ssp_lgmet"]
    file["ssp_lgmet"] = h5py.SoftLink("/far")


def _unwritten(file, path):
    del file["ssp_lgmet"], file["ssp_flux"]
    file.create_dataset("ssp_lgmet", (10**7,), "f8")
    file.create_dataset("ssp_flux", (10**7, 2, 3), "f8")


@pytest.mark.parametrize("change", [_external, _virtual, _link, _soft, _unwritten])
def test_an_ssp_grid_opens_no_other_file_and_claims_no_more_than_it_holds(change, tmp_path):
    other = ssp_file(tmp_path / "other.h5", lambda file: None)
    assert load_ssp(other).feh.size == 2
    mine = ssp_file(tmp_path / "mine.h5", lambda file: change(file, other))
    with pytest.raises(SedflowError, match=r"another place|another file|never written"):
        load_ssp(mine)


def test_a_saved_fit_opens_no_other_file(posterior, tmp_path):
    import sedflow
    from sedflow.fits.fit import load_fit
    from sedflow.fits.store import _block

    fit = sedflow.fit(sedflow.load_nsa().photometry(72), posterior, n=100, seed=1, trust=None)
    path, other = tmp_path / "fit.h5", tmp_path / "other.bin"
    other.write_bytes(b"\x01" * 100_000)
    for change in (_fit_external, _fit_virtual, _fit_unwritten):
        fit.save(path)
        assert load_fit(path).draws.n == 100
        with h5py.File(path, "r+") as file:
            change(file, other)
        with open(path, "r+b") as file:  # whoever changes a file can compute its checksum too
            block = _block(file)
            file.seek(0)
            file.write(block)
        with pytest.raises(SedflowError, match=r"another file|never written"):
            load_fit(path)


def _fit_external(file, other):
    shape, kind = file["draws/theta"].shape, file["draws/theta"].attrs["kind"]
    del file["draws/theta"]
    item = file.create_dataset("draws/theta", shape, "f8", external=[(str(other), 0, 9600)])
    item.attrs["kind"] = kind


def _fit_virtual(file, other):
    shape, kind = file["draws/theta"].shape, file["draws/theta"].attrs["kind"]
    del file["draws/theta"]
    layout = h5py.VirtualLayout(shape, "f8")
    layout[...] = h5py.VirtualSource(str(other), "x", shape)
    file.create_virtual_dataset("draws/theta", layout).attrs["kind"] = kind


def _fit_unwritten(file, other):
    kind = file["draws/theta"].attrs["kind"]
    del file["draws/theta"]
    file.create_dataset("draws/theta", (10**9, 12), "f8").attrs["kind"] = kind


# Addresses where a path belongs


def test_an_address_is_not_a_path(listener, tmp_path):
    pytest.importorskip("torch")
    from sedflow import load_nsa

    place = f"http://{listener.address}/x"
    for call in (
        read_table,
        Mapping.from_toml,
        load_ssp,
        load_nsa,
        lambda p: load_band(p + ".fits"),
        lambda p: load_band(p + ".vot"),
    ):
        with pytest.raises(SedflowError):
            call(place)
    run = [sys.executable, "-m", "sedflow.cli", "infer", place, "-o", str(tmp_path / "out")]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def test_the_command_line_refuses_references_too(listener, canary, tmp_path):
    pytest.importorskip("torch")
    path = tmp_path / "given.vot"
    for place in (f"http://{listener.address}/x", f"file://{canary}"):
        path.write_text(elsewhere(place)["binary2"])
        run = [sys.executable, "-m", "sedflow.cli", "infer", str(path), "-o", str(tmp_path / "o")]
        done = subprocess.run(run, capture_output=True, text=True)
        assert done.returncode != 0
        assert "refers to data elsewhere" in done.stderr
        assert SECRET not in done.stderr + done.stdout
        assert "Traceback" not in done.stderr


# The guard


def test_while_a_reader_runs_nothing_else_is_opened(listener, canary, tmp_path):
    mine = tmp_path / "mine.csv"
    mine.write_text("a\n1\n")
    host, port = listener.address.split(":")
    for attempt in (
        lambda: canary.read_text(),
        lambda: socket.create_connection((host, int(port))),
        lambda: socket.getaddrinfo("localhost", 80),
        lambda: __import__("urllib.request").request.urlopen(f"http://{listener.address}/"),
        lambda: __import__("urllib.request").request.urlopen(f"file://{canary}"),
        lambda: subprocess.run(["true"]),
        lambda: os.system("true"),
        lambda: (tmp_path / "new").write_text("x"),
    ):
        with reading(mine):
            with pytest.raises((SedflowError, OSError), match=r"reach for|open another"):
                attempt()
            with open(mine) as file:
                assert file.read() == "a\n1\n"
    assert SECRET in canary.read_text()  # afterwards all is as before
    assert not (tmp_path / "new").exists()


# What is written for spreadsheets


def test_text_of_a_csv_is_never_a_formula():
    wild = ["=1+1", "+1", "-5", "@x", "\tx", "\rx", "\n=x", " =1", "＝1", "'=1", "NGC-5", ""]
    text = to_csv(pd.DataFrame({"id": wild, "=z": np.arange(12) - 6.5, "n": np.arange(12) - 6}))
    back = pd.read_csv(io.StringIO(text, newline=""), dtype=str, keep_default_na=False)
    assert back.columns.tolist() == ["id", "'=z", "n"]
    for before, after in zip(wild, back["id"], strict=True):
        assert not after.startswith(("=", "+", "-", "@", "\t", "\r", "\n", " =", "＝"))
        assert after.replace("'", "") == before.replace("'", "")
    assert back["'=z"].astype(float).tolist() == (np.arange(12) - 6.5).tolist()
    assert back["n"].tolist()[0] == "-6"


@pytest.mark.parametrize(
    "text", ["x;=1+1;", 'x;"=1+1', "x; @A", "x\t+1", "x;-1", "x\n=1", "x\r=1", "x;＝1", "x;'=1"]
)
def test_a_cell_that_a_semicolon_begins_is_no_formula_either(text):
    """Where the decimal point is a comma, spreadsheets read CSV so, whatever is quoted."""
    for line in to_csv(pd.DataFrame({"n": [7], "id": [text], "z": [0.1]})).splitlines()[1:]:
        for cell in re.split("[;\t]", line):
            assert not cell.strip('" ').startswith(("=", "+", "-", "@", "＝")), line


@inputs(60)
@given(st.lists(st.text(max_size=8), min_size=1, max_size=5))
def test_no_text_at_all_becomes_a_formula(texts):
    frame = pd.DataFrame({"id": pd.Series(texts, dtype=object), "x": np.full(len(texts), -1.5)})
    rows = list(csv.reader(io.StringIO(to_csv(frame), newline="")))[1:]
    assert len(rows) == len(texts)
    for cell, number in rows:
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert number == "-1.5"


@pytest.mark.parametrize("blank", ["\u00a0", "\u2009"])
def test_rows_that_other_blanks_divide_are_read(tmp_path, blank):
    """Web pages and Word write them where the header has blanks of the usual kind."""
    path = tmp_path / "t.txt"
    rows = "id z mag_u\n" + "a 0.1 17.5\nb 0.2 18.5\nc 0.3 19.5\n".replace(" ", blank)
    texts = [rows] if blank == "\u2009" else [rows, rows.replace(" ", blank)]
    for text in texts:
        path.write_text(text, encoding="utf-8")
        table = read_table(path)
        assert list(table["id"]) == ["a", "b", "c"]
        assert list(table["mag_u"]) == [17.5, 18.5, 19.5]
    path.write_text(f"id z\nNGC{blank}1275 0.1\nNGC{blank}72 0.2\n", encoding="utf-8")
    assert list(read_table(path)["z"]) == [0.1, 0.2]  # a name stays one


def test_no_module_writes_csv_of_its_own():
    """Whoever writes CSV goes through `spreadsheet.to_csv`."""
    from pathlib import Path

    import sedflow

    for path in Path(sedflow.__file__).parent.rglob("*.py"):
        if path.name != "spreadsheet.py":
            found = re.search(r"\.to_csv\(|csv\.writer|savetxt|write_csv", path.read_text())
            assert found is None, (path, found)

"""Uploads are read beside the server: within time and memory, in turn, and as plain values."""

import asyncio
import io
import os
import signal
import threading
import time
from html import unescape
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from astropy.units import UnrecognizedUnit
from attacks import KINDS, SECRET, elsewhere, fits_bytes, places

from sedflow.dashboard.engine import Engine
from sedflow.dashboard.panels import upload
from sedflow.dashboard.panels.columns import NONE
from sedflow.dashboard.panels.understood import UnderstoodPanel
from sedflow.dashboard.panels.upload import UploadPanel
from sedflow.dashboard.server import uploads
from sedflow.dashboard.server import visitors as server_visitors
from sedflow.dashboard.server.reader import ELEMENTS, ROWS, elements, pack, unpack
from sedflow.dashboard.server.uploads import Readers
from sedflow.dashboard.server.visitors import Limits, Visitors
from sedflow.errors import SedflowError

GOOD = b"id,redshift,mag_r,magerr_r\n7,0.1,17.0,0.05\n"
BIG = b"id,z\n" + b"123456,0.123456\n" * 600_000  # 9.6 MB


@pytest.fixture(scope="module")
def readers():
    readers = Readers()
    yield readers
    readers.close()


def hdf5(path):
    with h5py.File(path, "w") as file:
        file["id"], file["redshift"], file["mag_r"], file["magerr_r"] = [7], [0.1], [17.0], [0.05]


@pytest.fixture
def view(nsa, posterior, readers):
    return UploadPanel(Engine(nsa, posterior), readers)


def read(readers, content, name="mine.csv"):
    return asyncio.run(readers.read(content, name))


@pytest.mark.parametrize("kind", KINDS)
def test_no_upload_reaches_for_anything_outside_itself(kind, view, listener, canary):
    for place in places(listener, canary)[:6]:
        asyncio.run(view.load(elsewhere(place)[kind].encode(), "given.vot"))
        assert any(w in unescape(view._note.object) for w in ("refers to", "declares", "twice"))
        assert SECRET not in unescape(view._note.object)
        assert view.table is None


def test_an_hdf5_file_is_read_by_a_process_that_has_read_none(readers, tmp_path):
    """The library asks for the machine's processor when it is loaded, which no file may do."""
    hdf5(tmp_path / "a.h5")
    table, total = read(readers, (tmp_path / "a.h5").read_bytes(), "a.h5")
    assert (total, list(table["id"]), list(table["mag_r"])) == (1, [7], [17.0])


def test_what_comes_back_is_what_was_read():
    table = Table(
        {
            "i": np.arange(3),
            "f": np.array([0.1, np.nan, -1e300]),
            "b": [True, False, True],
            "u": np.array([1, 2, 3], np.uint16),
            "v": np.arange(6.0).reshape(3, 2),
            "m": MaskedColumn([1, 2, 3], mask=[0, 1, 0]),
            "t": ["a", "ü", ""],
            "o": np.array(["x", None, "z"], dtype=object),
            "s": np.array([b"a", b"b\xff", b""]),
            "big": np.array([1, 2, 3], ">i4"),
        },
        meta={"problems": {1: "the row has 2 fields"}},
    )
    table["f"].unit = "mag"
    back, total = unpack(pack(table, 10**6))
    assert total == 10**6
    assert back.colnames == table.colnames
    assert back.meta["problems"] == {1: "the row has 2 fields"}
    assert str(back["f"].unit) == "mag"
    # Not parsed where others wait, which takes ten milliseconds of a text that is none.
    assert isinstance(back["f"].unit, UnrecognizedUnit)
    for name in "ifbuvtbig":
        if name in table.colnames:
            np.testing.assert_array_equal(back[name], table[name])
    np.testing.assert_array_equal(back["big"], [1, 2, 3])
    assert back["m"].mask.tolist() == [False, True, False]
    assert back["o"].tolist() == ["x", None, "z"]
    assert back["s"].tolist() == ["a", "b\ufffd", ""]


def test_the_first_rows_of_a_large_upload_come_back_and_all_are_counted(view):
    lines = b"id,redshift,mag_r,magerr_r\n" + b"".join(
        b"%d,0.1,17.0,0.05\n" % k for k in range(20_000)
    )
    asyncio.run(view.load(lines, "mine.csv"))
    assert len(view.table) == ROWS
    assert "20,000 rows, of which the app reads the first 500; 500 of them can be run" in (
        unescape(view._note.object)
    )
    assert "sedflow infer mine.csv" in unescape(view._note.object)


def test_rows_are_pasted_and_what_was_assumed_is_listed(view):
    view._paste.value_input = "# id redshift mag_r magerr_r\n7 0.1 17.0 0.05\n8 0.2 18.0 0.05\n"
    asyncio.run(view._pasted(None))
    assert "pasted rows**: 2 rows, 2 of them can be run" in unescape(view._note.object)
    told = unescape(view.understood.report.object)
    assert "names are behind #" in told
    assert "mag_r ± magerr_r: AB magnitudes" in told
    view._paste.value_input = " "
    asyncio.run(view._pasted(None))
    assert "Paste a table first" in view._note.object


def test_the_columns_say_whose_they_are(view):
    """The browser's field is empty after each upload, and says that no file is chosen."""
    asyncio.run(view.load(GOOD, "mine.csv"))
    assert unescape(view.columns._column[0].object) == "Columns of **mine.csv**"


def test_the_table_of_a_file_is_chosen(view):
    galaxies = Table({"id": [7], "redshift": [0.1], "mag_r": [17.0], "magerr_r": [0.05]})
    hdus = [fits.BinTableHDU(t, name=n) for n, t in (("META", Table({"x": [1]})), ("A", galaxies))]
    galaxies["mag_r"] = [18.0]
    hdus.append(fits.BinTableHDU(galaxies, name="B"))
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(out)
    asyncio.run(view.load(out.getvalue(), "three.fits"))
    assert view._which.options == ["META", "A", "B"]
    assert (view._which.value, view._which.visible) == ("A", True)
    assert "A is read, the first with photometry" in unescape(view.understood.report.object)
    assert view.table["mag_r"].tolist() == [17.0]
    asyncio.run(view.load(out.getvalue(), "three.fits", "B"))
    assert view.table["mag_r"].tolist() == [18.0]
    asyncio.run(view.load(GOOD, "mine.csv"))
    assert not view._which.visible
    assert view._content is None


def several_tables(rows=2000):
    """A FITS file of two tables with photometry."""
    numbers = {"redshift": 0.1, "mag_r": 17.0, "magerr_r": 0.05}
    columns = {"id": np.arange(rows)} | {n: np.full(rows, v) for n, v in numbers.items()}
    hdus = [fits.BinTableHDU(Table(columns), name=name) for name in ("A", "B")]
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(out)
    return out.getvalue()


def test_what_all_pages_of_a_visitor_keep_of_uploads_is_bounded(
    nsa, posterior, readers, monkeypatch
):
    """Files of several tables were kept by each page, whatever the others kept."""
    visitors, content = Visitors(Limits()), several_tables()
    now = ["127.0.0.5", "s0"]
    monkeypatch.setattr(upload, "VISITORS", visitors)
    monkeypatch.setattr(upload, "whose", lambda: tuple(now))
    monkeypatch.setattr(server_visitors, "KEPT_BYTES", 2.5 * len(content))
    pages = [UploadPanel(Engine(nsa, posterior), readers) for _ in range(3)]
    for k, page in enumerate(pages):
        now[1] = f"s{k}"
        visitors.enter(*now)
        asyncio.run(page.load(content, "two.fits"))
    assert [page._content is not None for page in pages] == [True, True, False]
    assert [page._which.visible for page in pages] == [True, True, False]
    assert "the other tables of the file are not offered" in unescape(
        pages[2].understood.report.object
    )
    assert len(pages[2].rows.rows) == ROWS
    now[:] = "127.0.0.6", "s4"  # another visitor has room of its own
    visitors.enter(*now)
    asyncio.run(pages[2].load(content, "two.fits"))
    assert pages[2]._content is not None
    visitors.leave("s0")
    now[:] = "127.0.0.5", "s1"
    asyncio.run(pages[1].load(content, "two.fits"))
    assert pages[1]._content is not None
    monkeypatch.setattr(server_visitors, "KEPT_BYTES", 1000)
    asyncio.run(pages[1].load(content, "two.fits"))
    assert "The pages of your address would keep" in unescape(pages[1]._note.object)
    assert pages[1].table is None
    monkeypatch.setattr(server_visitors, "KEPT_BYTES", 2.5 * len(content))
    asyncio.run(pages[1].load(GOOD, "mine.csv"))
    assert len(pages[1].rows.rows) == 1


def test_ids_of_nineteen_digits_are_whole_on_the_screen(view):
    content = GOOD.replace(b"\n7,", b"\n1237648720693755919,")
    asyncio.run(view.load(content, "mine.csv"))
    assert view.understood.preview.value["id"].tolist() == ["1237648720693755919"]
    assert view.rows.ids.tolist() == [1237648720693755919]


def test_a_vector_offers_a_few_of_its_elements_and_a_huge_one_is_refused(view, readers):
    columns = {"id": [1], "redshift": [0.1], "mag_r": [17.0], "magerr_r": [0.05]}
    wide = Table(columns | {"v": np.zeros((1, 5000), np.float32)})
    asyncio.run(view.load(fits_bytes(wide), "wide.fits"))
    assert len(view.columns._id.options) == 1 + 4 + ELEMENTS
    huge = Table(columns | {"v": np.zeros((1, 1_000_000), np.float32)})
    with pytest.raises(SedflowError, match="1,000,000 values in a cell"):
        read(readers, fits_bytes(huge), "huge.fits")
    many = Table({f"v{k}": np.zeros((1, 500), np.float32) for k in range(30)})
    with pytest.raises(SedflowError, match="1,440 columns and elements to choose from"):
        read(readers, fits_bytes(many), "many.fits")
    assert len(elements(many)) == 30 * ELEMENTS


def test_small_files_that_ask_for_gigabytes_are_refused_quickly(readers):
    read(readers, GOOD)
    codes, long = pa.array(np.zeros(3000, np.int32)), pa.array(["x" * 5_000_000])
    columns = {"id": pa.DictionaryArray.from_arrays(codes, long), "z": np.full(3000, 0.1)}
    small, rows = io.BytesIO(), io.BytesIO()
    pq.write_table(pa.table(columns), small, compression="zstd")
    with pq.ParquetWriter(rows, pa.schema({"z": pa.float64()})) as writer:
        for _ in range(30):
            writer.write_table(pa.table({"z": np.full(10**6, 0.1)}))
    start = time.monotonic()
    with pytest.raises(SedflowError, match="5,000,000 characters"):
        read(readers, small.getvalue(), "a.parquet")
    with pytest.raises(SedflowError, match="30,000,000 rows"):
        read(readers, rows.getvalue(), "b.parquet")
    assert time.monotonic() - start < 5


def test_too_much_memory_is_a_sentence_and_the_next_upload_is_read():
    readers = Readers(workers=1, megabytes=40)
    try:
        assert len(read(readers, GOOD)[0]) == 1
        with pytest.raises(SedflowError, match="memory"):
            read(readers, b"a,b\n" + b"," * 9_900_000)
        assert len(read(readers, GOOD)[0]) == 1
    finally:
        readers.close()


def test_too_much_time_is_a_sentence_and_the_next_upload_is_read():
    readers = Readers(workers=1, seconds=0.2)
    try:
        start = time.monotonic()
        with pytest.raises(SedflowError, match=r"took longer than 0\.2 seconds"):
            read(readers, BIG)
        assert time.monotonic() - start < 30
        readers.seconds = 20
        assert len(read(readers, GOOD)[0]) == 1
    finally:
        readers.close()


def test_a_process_that_does_not_start_in_time_is_not_said_to_lack_memory(monkeypatch):
    monkeypatch.setattr(uploads, "_STARTING", 0.01)
    readers = Readers(workers=1)
    try:
        with pytest.raises(SedflowError, match=r"did not start within 0\.01 seconds: the machine"):
            read(readers, GOOD)
    finally:
        readers.close()


def test_a_process_that_dies_is_a_sentence_and_leaves_none_behind():
    readers = Readers(workers=1)

    async def killed():
        await readers.read(GOOD, "warm")
        reading = asyncio.ensure_future(readers.read(BIG, "mine.csv"))
        await asyncio.sleep(0.05)
        (process,) = readers._all
        os.kill(process._child.pid, signal.SIGKILL)
        await reading

    try:
        with pytest.raises(SedflowError, match=r"process that read mine\.csv ended"):
            asyncio.run(killed())
        assert len(read(readers, GOOD)[0]) == 1
    finally:
        children = [process._child for process in readers._all]
        readers.close()
    assert children
    assert all(child.poll() is not None for child in children)


def test_uploads_wait_in_a_short_queue_and_the_loop_goes_on_meanwhile():
    readers = Readers(workers=1, waiting=2)
    delays = []

    async def ticking():
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            delays.append(time.monotonic() - before)

    async def crowd():
        await readers.read(GOOD, "warm")
        clock = asyncio.ensure_future(ticking())
        out = await asyncio.gather(
            *(readers.read(BIG, f"{k}.csv") for k in range(5)), return_exceptions=True
        )
        clock.cancel()
        return out

    try:
        out = asyncio.run(crowd())
    finally:
        readers.close()
    refused = [str(one) for one in out if isinstance(one, SedflowError)]
    assert len(refused) == 2
    assert "reads 1 uploads at a time, and 2 others wait" in refused[0]
    assert [len(one[0]) for one in out if not isinstance(one, SedflowError)] == [ROWS] * 3
    assert len(delays) > 20
    assert np.median(delays) < 0.1
    assert not readers._read
    assert not readers._wait


async def until(condition):
    """Wait until something is so, and a little longer."""
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)


def test_of_each_visitor_one_upload_is_read_and_one_waits(monkeypatch):
    """Eleven pages of one visitor have two places of ten; another visitor's file is read next."""
    readers = Readers(workers=2, waiting=8)
    asking, order, gates = [""], [], {}
    monkeypatch.setattr("sedflow.dashboard.server.uploads.whose", lambda: (asking[0], "s"))
    answer = pack(Table({"a": [1]}), 1)

    def slow(content, name, which):
        order.append(name)
        assert gates.setdefault(name, threading.Event()).wait(20)
        return answer

    monkeypatch.setattr(readers, "_one", slow)

    async def ask(visitor, name):
        asking[0] = visitor
        return await readers.read(GOOD, name)

    async def crowd():
        many = [asyncio.ensure_future(ask("A", f"a{k}")) for k in range(11)]
        await until(lambda: order and sum(t.done() for t in many) >= 9)
        refused = [str(t.exception()) for t in many if t.done()]
        assert len(refused) == 9
        assert all("an upload of your address waits" in text for text in refused)
        other = asyncio.ensure_future(ask("B", "b0"))
        await until(lambda: len(order) > 1)
        assert order == ["a0", "b0"]
        gates["b0"].set()
        await other
        late = asyncio.ensure_future(ask("C", "c0"))
        await until(lambda: len(order) > 2)
        assert order == ["a0", "b0", "c0"]  # and A's second one waits for A's first
        for name in ("a0", "c0", "a1"):
            gates.setdefault(name, threading.Event()).set()
        await asyncio.gather(late, *[t for t in many if not t.done()])

    try:
        asyncio.run(crowd())
    finally:
        for gate in gates.values():
            gate.set()
        readers.close()
    assert order == ["a0", "b0", "c0", "a1"]


def test_one_session_reads_one_upload_at_a_time(view):
    async def two():
        await asyncio.gather(view.load(GOOD, "one.csv"), view.load(GOOD, "two.csv"))

    asyncio.run(two())
    assert "**one.csv**: 1 row, which can be run" in unescape(view._note.object)
    asyncio.run(view.load(GOOD, "two.csv"))
    assert "**two.csv**" in unescape(view._note.object)


def test_text_of_a_file_is_not_part_of_the_page(view):
    asyncio.run(view.load(b"<img src=x onerror=alert(1)>,b\n1,2\n", "<script>.csv"))
    assert "<" not in view._note.object
    assert "<img" in unescape(view._note.object)
    asyncio.run(view.load(GOOD, "<b>.csv"))
    assert "<b>.csv" in unescape(view._note.object)


def test_an_id_does_not_turn_its_cell_around():
    panel = UnderstoodPanel()
    said = SimpleNamespace(row=0, id="a\N{RIGHT-TO-LEFT OVERRIDE}b", reason="no flux")
    panel.tell([], pd.DataFrame({"id": [said.id], "z": [0.1]}), [said])
    assert [*panel.preview.value["id"], *panel.problems.value["id"]] == ["a b", "a b"]


def test_results_with_ids_like_formulas_are_quoted(view):
    text = b"name,redshift,mag_r,magerr_r\n=1+1,0.1,17.0,0.05\n-5,0.1,17.0,0.05\n"
    asyncio.run(view.load(text, "mine.csv"))
    view.columns._id.value = "name"
    asyncio.run(view.run())
    lines = asyncio.run(view.found.saved("csv")).decode().splitlines()
    place = lines[0].split(",").index("id")
    assert [line.split(",")[place] for line in lines[1:]] == ["'=1+1", "'-5"]


def test_bands_are_offered_where_only_the_redshift_is_not_found(engine):
    table = b"name,zzz_best,mag_u,magerr_u,mag_g,magerr_g\none,0.05,18.9,0.06,17.4,0.02\n"
    panel = UploadPanel(engine)
    asyncio.run(panel.load(table, "mine.csv"))
    assert "No redshift found" in panel._note.object
    assert {b: p[0].value for b, p in panel.columns._pairs.items() if p[0].value != NONE} == {
        "u": "mag_u",
        "g": "mag_g",
    }
    assert panel.rows is None
    panel.columns._redshift.value = "zzz_best"
    assert panel.rows is not None and len(panel.inputs.todo) == 1

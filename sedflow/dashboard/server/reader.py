"""The process that reads uploads: bytes come in, and a small table of plain values goes out.

    python -m sedflow.dashboard.server.reader        # started by `uploads`, and fed by its input

What visitors send is read here and nowhere else, with bounds on memory, no right to write a
file, and no connection. Answers are JSON and plain numbers, so that not even a reader that was
taken over could make the server run anything.
"""

import io
import json
import os
import resource
import struct
import sys

import numpy as np

from sedflow.catalogue.frame_index import WRITTEN
from sedflow.catalogue.read.open import open_catalogue
from sedflow.catalogue.read.text import typed
from sedflow.errors import SedflowError
from sedflow.files.bounds import APP
from sedflow.files.guard import reading

__all__ = ["ELEMENTS", "MEGABYTES", "ROWS", "bytes_of", "elements", "pack", "unpack"]

ROWS = 500  # that the app reads and runs; more is the command line's work
ELEMENTS = 48  # of a vector that are offered, where photometry has a dozen
ANSWER_BYTES = 20_000_000
MEGABYTES = 1000  # of memory that an upload may take, unless the server says otherwise
_SAID = ("notes", "table", "tables", WRITTEN)  # of a table's metadata, that are sent
_LEFT = 100_000_000  # bytes that a process may have gained and still go on to the next upload
_UNIT = 100  # characters of a unit
_NICE = 10  # visitors who look at galaxies go first


def bytes_of(table) -> int:
    """Memory that a table takes, text as Python holds it."""
    total = 0
    for name in table.colnames:
        values = np.ma.getdata(table[name])
        total += values.nbytes + np.ma.getmaskarray(table[name]).nbytes
        if values.dtype.kind == "O":
            total += sum(map(sys.getsizeof, values.flat))
    return total


def elements(table) -> list[str]:
    """Names of the columns to choose from, those of several numbers element by element."""
    names = []
    for name in table.colnames:
        width = table[name].shape[1] if table[name].ndim == 2 else 0
        names += [f"{name}[{k}]" for k in range(min(width, ELEMENTS))] if width else [name]
    return names


def read(content: bytes, name: str, which: str = ""):
    """The first rows of an upload as an astropy Table, and how many there are.

    which : of several tables; "" for the first with photometry
    """
    catalogue = open_catalogue(content, name, APP, table=which or None)
    table = catalogue.part(0, min(catalogue.n_rows, ROWS)).read()
    table = typed(table) if catalogue.format in ("CSV", "ECSV") else table
    table.meta["notes"], table.meta["tables"] = catalogue.notes, catalogue.tables
    table.meta |= {"table": catalogue.table_name, WRITTEN: catalogue.index}
    n = len(elements(table))
    if n > APP.columns:
        raise SedflowError(
            f"{name} has {n:,} columns and elements to choose from, where the app takes "
            f"{APP.columns:,}; {APP.remedy}"
        )
    return table, catalogue.n_rows


def pack(table, total: int) -> bytes:
    """A table as plain values: a line of JSON, then the numbers."""
    columns, buffers = [], []
    for name in table.colnames:
        values, mask = np.ma.getdata(table[name]), np.ma.getmaskarray(table[name])
        values = np.ascontiguousarray(values)
        one = {"name": name, "unit": str(table[name].unit or "")}
        if values.dtype.kind in "iufb" and values.ndim <= 2:
            values = values.astype(values.dtype.newbyteorder("<"))
            one |= {"dtype": values.dtype.str, "shape": values.shape, "masked": bool(mask.any())}
            buffers += [values.tobytes(), *([mask.tobytes()] if mask.any() else [])]
        else:
            flat = [bool(np.any(row)) for row in mask]
            one["text"] = [None if m else _text(v) for v, m in zip(values, flat, strict=True)]
        columns.append(one)
    problems = {str(row): text for row, text in table.meta.get("problems", {}).items()}
    said = {key: table.meta.get(key, "" if key in ("table", WRITTEN) else ()) for key in _SAID}
    about = {"total": total, "columns": columns, "problems": problems, **said}
    head = json.dumps(about).encode()
    size = len(head) + sum(map(len, buffers))
    if size > ANSWER_BYTES:
        raise SedflowError(
            f"the first {len(table):,} rows take {size / 1e6:,.0f} MB, where the app takes "
            f"{ANSWER_BYTES / 1e6:,.0f} MB; {APP.remedy}"
        )
    return b"".join([struct.pack("<I", len(head)), head, *buffers])


def unpack(answer: bytes):
    """The table that was packed, and how many rows there are in all."""
    from astropy.table import MaskedColumn, Table
    from astropy.units import UnrecognizedUnit

    (length,) = struct.unpack_from("<I", answer)
    head, at = json.loads(answer[4 : 4 + length]), 4 + length
    if "error" in head:
        raise SedflowError(str(head["error"])[:700])
    problems = {int(row): text for row, text in head["problems"].items()}
    table = Table(meta={"problems": problems, **{key: head[key] for key in _SAID}})
    for one in head["columns"]:
        if "text" in one:
            values = np.array([*one["text"], None], dtype=object)[:-1]
        else:
            dtype, shape = np.dtype(one["dtype"]), tuple(one["shape"])
            n = int(np.prod(shape))
            values = np.frombuffer(answer, dtype, n, at).reshape(shape)
            at += n * dtype.itemsize
            if one["masked"]:
                mask = np.frombuffer(answer, bool, n, at).reshape(shape)
                values, at = MaskedColumn(values, mask=mask), at + n
        table[one["name"]] = values
        if one["unit"]:  # what it means is looked up where it is needed: here others would wait
            table[one["name"]].unit = UnrecognizedUnit(one["unit"][:_UNIT])
    return table, int(head["total"])


def _text(value):
    if value is None:
        return None
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text[: APP.text]


def answer_to(content: bytes, name: str, which: str = "") -> bytes:
    """What the server gets for an upload: its first rows, or a sentence."""
    try:
        return pack(*read(content, name, which))
    except SedflowError as error:
        sentence = str(error)
    except MemoryError:
        sentence = f"{name} cannot be read in the memory there is; {APP.remedy}"
    head = json.dumps({"error": sentence}).encode()
    return struct.pack("<I", len(head)) + head


def _data_bytes():
    """Memory of this process that only it can have, in bytes."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmData"))


def _warm_up():
    """Load what the readers need, by reading one table of each format."""
    import h5py
    import pyarrow as pa
    import pyarrow.parquet as pq
    from astropy.table import Table

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    table = Table({"id": [1, 2], "redshift": [0.1, 0.2], "name": ["a", "b"]})
    table["redshift"].unit = "mag"
    for form in ("fits", "votable", "ascii.ecsv", "ascii.csv"):
        binary = form in ("fits", "votable")
        out = io.BytesIO() if binary else io.StringIO()
        table.write(out, format=form)
        content = out.getvalue()
        answer_to(content if binary else content.encode(), "warm")
    out = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": ["a", "b"], "z": [0.1, 0.2]}), out, compression="zstd")
    answer_to(out.getvalue().to_pybytes(), "warm")
    file = io.BytesIO()
    with h5py.File(file, "w") as tree:
        tree["redshift"] = [0.1, 0.2]
    answer_to(file.getvalue(), "warm")


def main(megabytes: int = MEGABYTES) -> None:
    """Answer what comes until the input ends, or until too much memory was taken."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    empty = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # libraries that print must not write into an answer
        os.dup2(empty, stream)
    os.nice(_NICE)
    _warm_up()
    base = _data_bytes()
    limit = base + megabytes * 1_000_000
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    while True:
        sink.write(b"\x01")  # ready
        sink.flush()
        head = source.read(12)
        if len(head) < 12:
            return
        n_name, n_content = struct.unpack("<IQ", head)
        name, _, which = source.read(n_name).decode().partition("\0")
        content = source.read(n_content)
        with reading():
            reply = answer_to(content, name, which)
        del content
        sink.write(struct.pack("<Q", len(reply)) + reply)
        sink.flush()
        if _data_bytes() > base + _LEFT:
            return


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

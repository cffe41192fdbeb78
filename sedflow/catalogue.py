"""Catalogues on disk, whole or in parts: CSV, ECSV, FITS, VOTable and Parquet.

A file is known by its first bytes, not by its name. It is described once, at the cost of one
pass for text, and then read in parts of consecutive rows: a part can be sent to another
process, which opens the file itself, so no process ever holds more than a part. VOTable
alone, being XML, must be read as a whole.

What comes out is an astropy `Table` with the file's own names and units. Text stays text in
a part, since the type of a column cannot be told from some of its rows; `tables` reads the
numbers. Rows with too few or too many fields are told in `table.meta["problems"]`.
"""

import csv
import hashlib
import io
import json
import math
import re
import warnings
from array import array
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sedflow.columns import BLANK, check_names, from_arrow, some
from sedflow.errors import SedflowError

__all__ = ["Catalogue", "Part", "open_catalogue", "read_table"]

_HEAD = 4096  # bytes that tell the format
_DELIMITERS = (",", "\t", ";", "|")
_CELL = 10_000  # values in a cell of a VOTable
_STRIDE = 256  # text rows between two places that are remembered


def read_table(source, name: str | None = None):
    """A whole catalogue as an astropy Table, with its units where the file has them.

    Parameters
    ----------
    source : path, or bytes of a file
    name : str, optional
        What to call bytes in messages.

    Raises
    ------
    SedflowError
        The file is missing, cut short, damaged or in no known format.

    Examples
    --------
    >>> read_table(b"id,z,flux_u\\n7,0.05,12.5\\n", "mine.csv")["z"].tolist()
    [0.05]
    """
    catalogue = open_catalogue(source, name)
    table = catalogue.part(0, catalogue.n_rows).read()
    if catalogue.format in ("CSV", "ECSV"):
        for column in table.colnames:
            unit = table[column].unit
            table[column] = _typed(table[column])
            table[column].unit = unit
    return table


def open_catalogue(source, name: str | None = None) -> "Catalogue":
    """Describe a catalogue without holding its rows.

    source : path of a file (or of a folder of Parquet files), or the bytes of one
    """
    if isinstance(source, bytes | bytearray | memoryview):
        source = bytes(source)
        name, head = name or "the table", source[:_HEAD]
    else:
        source = Path(source)
        name = name or source.name
        head = _head(source)
    with _readable(name):
        return _OPEN[_format(head, name)](source, name)


@dataclass(frozen=True)
class Catalogue:
    """A catalogue's columns and how many rows it has.

    name : of the file, for messages
    format : "CSV", "ECSV", "FITS", "VOTable" or "Parquet"
    units : column -> unit as the file states it
    whole : the first part, of all rows
    marks : bytes at which rows 0, 256, 512, ... begin, in text
    """

    name: str
    format: str
    columns: tuple[str, ...]
    units: dict
    n_rows: int
    whole: "Part"
    marks: array | tuple = field(default=(), repr=False)

    @property
    def table(self):
        """The first rows, to look at."""
        return self.part(0, min(self.n_rows, 100)).read()

    def part(self, start: int, stop: int) -> "Part":
        """The rows from start up to stop."""
        part = replace(self.whole, start=start, stop=stop)
        if len(self.marks) and start < self.n_rows:
            k = start // _STRIDE
            part = replace(part, place=(k * _STRIDE, int(self.marks[k])))
        return part

    def parts(self, size: int):
        """The whole catalogue in parts of `size` rows, one after the other."""
        for start in range(0, self.n_rows, size):
            yield self.part(start, min(start + size, self.n_rows))

    def sha256(self) -> str:
        """Hash of the file's bytes; of a folder, of the names and bytes of its files."""
        source = self.whole.source
        digest = hashlib.sha256()
        if isinstance(source, bytes):
            digest.update(source)
            return digest.hexdigest()
        for path in _files(source) if source.is_dir() else [source]:
            if source.is_dir():
                digest.update(path.name.encode())
            with open(path, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()


@dataclass(frozen=True)
class Part:
    """Consecutive rows of a catalogue, of which nothing is read yet.

    start, stop : rows, counted from 0
    """

    source: Path | bytes
    name: str
    start: int
    stop: int
    size: int = 0  # of the file in bytes, when it was described

    def read(self, names=None):
        """Table of these rows; only the columns `names`, if given."""
        with _readable(self.name):
            if isinstance(self.source, Path) and self.size != _size(self.source):
                raise SedflowError(
                    f"{self.name} has changed since this run began; let it be, and run again"
                )
            return self._read(names)

    def _file(self):
        if isinstance(self.source, bytes):
            return io.BytesIO(self.source)
        return open(self.source, "rb")


# Text: CSV and ECSV


@dataclass(frozen=True)
class _Text(Part):
    columns: tuple[str, ...] = ()
    delimiter: str = ","
    vectors: tuple[tuple[str, int], ...] = ()  # ECSV columns of several numbers, and how many
    units: tuple[tuple[str, str], ...] = ()
    place: tuple[int, int] = (0, 0)  # a row and the byte at which it begins

    def _read(self, names):
        from astropy.table import Table

        names = self.columns if names is None else tuple(names)
        wanted = [self.columns.index(name) for name in names]
        n, cells, problems = len(self.columns), [[] for _ in names], {}
        with self._file() as file:
            row, begin = self.place
            file.seek(begin)
            for fields in _records(file, self.delimiter, self.name):
                if row >= self.stop:
                    break
                if row >= self.start:
                    if len(fields) == n + 1 and not fields[-1]:
                        fields.pop()  # a delimiter at the end of the line
                    if len(fields) != n:
                        problems[row - self.start] = (
                            f"the row has {len(fields)} fields, but the header {n}; mend the row"
                        )
                        fields = [*fields[:n], *[""] * (n - len(fields))]
                    for column, k in zip(cells, wanted, strict=True):
                        column.append(fields[k])
                row += 1
        vectors, units = dict(self.vectors), dict(self.units)
        table = Table(meta={"problems": problems})
        for name, values in zip(names, cells, strict=True):
            if name in vectors:
                table[name] = _vectors(values, vectors[name])
            else:
                table[name] = np.array(values, dtype=str if values else object)
            table[name].unit = units.get(name)
        return table


def _open_text(source, name):
    with _Text(source, name, 0, 0)._file() as file:
        lines = _Lines(file, name)
        columns, units, delimiter, vectors, is_ecsv = _header(lines, name)
        check_names(columns, name)
        if sum(bool(_NUMBER.fullmatch(c)) for c in columns) > 0.5 * len(columns):
            raise SedflowError(
                f"the first line of {name} holds numbers ({some(columns[:4])}); put a line "
                "with the names of the columns there"
            )
        marks, n_rows = array("q"), 0
        for _ in _records(lines, delimiter, name):
            if n_rows % _STRIDE == 0:
                marks.append(lines.begin)
            n_rows += 1
    part = _Text(
        source, name, 0, n_rows, _size(source), tuple(columns), delimiter, vectors,
        tuple(units.items()),
        (0, marks[0] if marks else 0),
    )  # fmt: skip
    kind = "ECSV" if is_ecsv else "CSV"
    return Catalogue(name, kind, tuple(columns), units, n_rows, part, marks)


_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


class _Lines:
    """Lines of a binary file as text; `begin` is the byte where the last record began."""

    def __init__(self, file, name):
        self.file, self.name, self.begin, self.number = file, name, 0, 0
        self.place = file.tell()
        self.fresh = True

    def __iter__(self):
        return self

    def __next__(self):
        line = self.file.readline()
        if not line:
            raise StopIteration
        if self.fresh:
            self.begin, self.fresh = self.place, False
        self.place += len(line)
        self.number += 1
        try:
            return line.decode("utf-8-sig" if self.place == len(line) else "utf-8")
        except UnicodeDecodeError as error:
            raise SedflowError(
                f"{self.name} is not UTF-8 text (byte {line[error.start]:#04x} in line "
                f"{self.number}), nor any binary format known here; save it as UTF-8"
            ) from None


def _records(lines, delimiter, name):
    """Fields of each row that is not blank."""
    lines = lines if isinstance(lines, _Lines) else _Lines(lines, name)
    lines.fresh = True
    try:
        for fields in csv.reader(lines, delimiter=delimiter):
            if fields and not (len(fields) == 1 and not fields[0].strip()):
                yield [text.strip() for text in fields]
            lines.fresh = True
    except csv.Error as error:
        raise SedflowError(
            f"{name} cannot be read as CSV near line {lines.number}: {error}; look for a quote "
            "that is not closed"
        ) from None


def _header(lines, name):
    """Names, units, delimiter, vector columns and whether it is ECSV; leaves lines at the rows."""
    comments = []
    for line in lines:
        if line.startswith("#") or not line.strip():
            comments.append(line)
        else:
            break
    else:
        raise SedflowError(f"{name} is empty; give a table with a line of column names")
    if comments and comments[0].startswith("# %ECSV"):
        return _ecsv_header(comments, line, name)
    delimiter = max(_DELIMITERS, key=line.count)
    columns = [text.strip() for text in next(csv.reader([line], delimiter=delimiter))]
    return columns, {}, delimiter, (), False


def _ecsv_header(comments, line, name):
    from astropy.table.meta import get_header_from_yaml

    try:
        head = get_header_from_yaml([comment[2:] for comment in comments])
        described = {str(c["name"]): c for c in head["datatype"]}
    except Exception as error:  # YAML's and astropy's have no common kind
        problem = " ".join(str(error).split())[:100] or type(error).__name__
        raise SedflowError(f"the ECSV header of {name} cannot be read: {problem}") from None
    delimiter = str(head.get("delimiter", " "))
    if delimiter not in (" ", ","):
        raise SedflowError(f"{name} has the delimiter {delimiter!r}; ECSV has a blank or a comma")
    columns = [text.strip() for text in next(csv.reader([line], delimiter=delimiter))]
    if set(columns) != set(described):
        raise SedflowError(
            f"the ECSV header of {name} describes {some(list(described))}, but the columns are "
            f"{some(columns)}; write the file again"
        )
    units = {c: str(d["unit"]) for c, d in described.items() if d.get("unit")}
    vectors = []
    for column in columns:
        shape = re.search(r"\[(\d+)\]", str(described[column].get("subtype") or ""))
        if shape:
            vectors.append((column, int(shape[1])))
    return columns, units, delimiter, tuple(vectors), True


def _vectors(cells, n):
    """Numbers (n_row, n) of cells that are JSON lists; NaN where one is not."""
    out = np.full((len(cells), n), np.nan)
    for row, text in enumerate(cells):
        try:
            values = [np.nan if v is None else float(v) for v in json.loads(text)]
        except (ValueError, TypeError):
            continue
        if len(values) == n:
            out[row] = values
    return out


def _typed(column):
    """A column of text as integers or floats, masked where blank, if all of it can be read so."""
    from astropy.table import MaskedColumn

    values = np.asarray(column)
    if values.dtype.kind not in "OU" or values.ndim > 1 or not len(values):
        return column
    blank = np.array([text.lower() in BLANK for text in values])
    if blank.all():
        return column
    for dtype, filler in ((np.int64, "0"), (float, "nan")):
        try:
            numbers = np.where(blank, filler, values).astype(dtype)
        except (ValueError, OverflowError):
            continue
        return MaskedColumn(numbers, mask=blank) if blank.any() else numbers
    return column


# FITS


@dataclass(frozen=True)
class _FITS(Part):
    hdu: int = 1

    def _read(self, names):
        from astropy.io import fits
        from astropy.table import MaskedColumn, Table

        with self._file() as file, fits.open(file, memmap=isinstance(self.source, Path)) as hdus:
            hdu = hdus[self.hdu]
            rows = hdu.data[self.start : self.stop]
            table = Table(meta={"problems": {}})
            for k, column in enumerate(hdu.columns):
                if (names is not None and column.name not in names) or _varies(column):
                    continue
                values = np.array(rows.field(k))
                if column.null is not None and values.dtype.kind in "iu":
                    values = MaskedColumn(values, mask=values == column.null)
                table[column.name] = values
                table[column.name].unit = column.unit or None
            return table if names is None else table[list(names)]


def _open_fits(source, name):
    from astropy.io import fits

    with _FITS(source, name, 0, 0)._file() as file, fits.open(file, memmap=False) as hdus:
        for k, hdu in enumerate(hdus):
            if not isinstance(hdu, fits.BinTableHDU | fits.TableHDU):
                continue
            columns = [c.name for c in hdu.columns if not _varies(c)]
            if not columns:
                continue
            n_rows, width = hdu.header["NAXIS2"], hdu.header["NAXIS1"]
            end = hdu.fileinfo()["datLoc"] + n_rows * width
            if end > _size(source):
                raise SedflowError(
                    f"{name} is cut short: {_size(source):,} bytes, where its header speaks of "
                    f"{end:,}; get it again"
                )
            check_names(columns, name)
            units = {c.name: c.unit for c in hdu.columns if c.unit}
            part = _FITS(source, name, 0, n_rows, _size(source), k)
            return Catalogue(name, "FITS", tuple(columns), units, n_rows, part)
    raise SedflowError(f"{name} is a FITS file without a table; give one with a binary table")


def _varies(column):
    """Whether the cells hold arrays of any length, which no quantity here is."""
    return bool(re.match(r"\d*[PQ]", str(column.format)))


# Parquet


@dataclass(frozen=True)
class _Parquet(Part):
    def _read(self, names):
        import pyarrow as pa
        from astropy.table import Table

        table, parts, first, units = Table(meta={"problems": {}}), [], 0, {}
        for file in _parquet_files(self.source):
            with file:
                names = _flat_names(file.schema_arrow) if names is None else list(names)
                units = units or _parquet_units(file.schema_arrow)
                for group in range(file.metadata.num_row_groups):
                    n = file.metadata.row_group(group).num_rows
                    low, high = max(self.start - first, 0), min(self.stop - first, n)
                    if low < high:
                        rows = file.read_row_group(group, columns=names)
                        parts.append(rows.slice(low, high - low))
                    first += n
                empty = file.schema_arrow.empty_table().select(names)
        rows = pa.concat_tables(parts) if parts else empty
        for name in names:
            table[name] = from_arrow(rows.column(name))
            table[name].unit = units.get(name)
        return table


def _open_parquet(source, name):
    if isinstance(source, Path) and source.is_dir() and not _files(source):
        raise SedflowError(f"the folder {name} holds no Parquet file; give one that does")
    n_rows, columns, units = 0, None, {}
    for file in _parquet_files(source):
        with file:
            mine = _flat_names(file.schema_arrow)
            if columns is not None and mine != columns:
                raise SedflowError(f"the files of {name} differ in their columns; mend them")
            columns, units = mine, units or _parquet_units(file.schema_arrow)
            n_rows += file.metadata.num_rows
    check_names(columns, name)
    part = _Parquet(source, name, 0, n_rows, _size(source))
    return Catalogue(name, "Parquet", tuple(columns), units, n_rows, part)


def _files(folder):
    """The Parquet files of a folder, in the order of their names."""
    return sorted(p for p in folder.rglob("*.parquet") if not p.name.startswith((".", "_")))


def _parquet_files(source):
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(source, bytes):
        yield pq.ParquetFile(pa.BufferReader(source))
    else:
        for path in _files(source) if source.is_dir() else [source]:
            yield pq.ParquetFile(path)


def _flat_names(schema):
    import pyarrow as pa

    return [f.name for f in schema if not (pa.types.is_struct(f.type) or pa.types.is_map(f.type))]


def _parquet_units(schema):
    """Units that astropy left in a file of its own."""
    text = (schema.metadata or {}).get(b"table_meta_yaml")
    if text is None:
        return {}
    from astropy.table.meta import get_header_from_yaml

    head = get_header_from_yaml(text.decode().split("\n"))
    return {c["name"]: str(c["unit"]) for c in head["datatype"] if c.get("unit")}


# VOTable


@dataclass(frozen=True)
class _VOTable(Part):
    def _read(self, names):
        table = _parse_votable(self._file(), self.name)[self.start : self.stop]
        table.meta = {"problems": {}}
        return table if names is None else table[list(names)]


def _open_votable(source, name):
    part = _VOTable(source, name, 0, 0, _size(source))
    table = _parse_votable(part._file(), name)
    units = {c: str(table[c].unit) for c in table.colnames if table[c].unit}
    part = replace(part, stop=len(table))
    return Catalogue(name, "VOTable", tuple(table.colnames), units, len(table), part)


def _parse_votable(file, name):
    from astropy.io.votable import parse

    with file:
        _check_cells(file, name)
        table = parse(file, verify="ignore").get_first_table().to_table(use_names_over_ids=True)
    for name in table.colnames:  # masked objects: their fill value is no text
        if table[name].dtype.kind == "O":
            filled = [v if isinstance(v, str) else "" for v in np.ma.filled(table[name], "")]
            table[name] = np.array(filled, dtype=str)
    return table


def _check_cells(file, name):
    """Refuse fields of huge cells: an empty one takes a few bytes here, and all of its memory."""
    for line in file:
        for size in re.findall(rb"arraysize\s*=\s*[\"']([\dx]+)", line):
            numbers = math.prod(int(n) for n in size.split(b"x") if n)
            if numbers > _CELL:
                raise SedflowError(
                    f"{name} has a field of {numbers:,} values in a cell, where {_CELL:,} are read "
                    "at most; leave it out"
                )
    file.seek(0)


# Whatever the format


_OPEN = {
    "CSV": _open_text, "FITS": _open_fits, "Parquet": _open_parquet, "VOTable": _open_votable,
}  # fmt: skip


def _format(head, name):
    if head is None or head.startswith(b"PAR1"):
        return "Parquet"
    if head.startswith(b"SIMPLE  ="):
        return "FITS"
    if head.startswith(b"\x1f\x8b"):
        raise SedflowError(f"{name} is compressed; unpack it first, with gunzip")
    if b"<VOTABLE" in head:
        return "VOTable"
    if b"\x00" in head or head[:4] == b"PK\x03\x04":
        raise SedflowError(
            f"{name} is in no format known here; give CSV, ECSV, FITS, VOTable or Parquet"
        )
    return "CSV"


def _head(path):
    """First bytes of a file; None of a folder."""
    try:
        if path.is_dir():
            return None
        with open(path, "rb") as file:
            return file.read(_HEAD)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SedflowError(f"cannot read {path}: {reason}; check the name") from None


def _size(source):
    if isinstance(source, bytes):
        return len(source)
    return (
        sum(p.stat().st_size for p in _files(source)) if source.is_dir() else source.stat().st_size
    )


@contextmanager
def _readable(name):
    """Whatever the readers make of a damaged file, in one sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except SedflowError:
            raise
        except (Exception, MemoryError) as error:  # each library has errors of its own
            problem = " ".join(str(error).split())[:160] or type(error).__name__
            raise SedflowError(
                f"{name} cannot be read: {problem}; is it cut short or damaged?"
            ) from None

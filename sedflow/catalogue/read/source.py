"""What every format shares: a catalogue, rows of it, and whether its file has changed."""

import io
import warnings
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sedflow.catalogue.frame_index import WRITTEN
from sedflow.errors import SedflowError
from sedflow.files.bounds import LIBRARY, Bounds
from sedflow.files.hashes import sha256, sha256_of, stamp

STRIDE = 256  # text rows between two places that are remembered


_TOLD = 5  # columns that are not read


def not_read(columns: Mapping[str, str]) -> tuple[str, ...]:
    """A note on columns that cannot be read, with what each is; none where there are none.

    >>> not_read({"flux_r": "a link"})
    ('not read: flux_r (a link)',)
    """
    if not columns:
        return ()
    each = [f"{name[:40]} ({what})" for name, what in list(columns.items())[:_TOLD]]
    more = len(columns) - _TOLD
    return (f"not read: {', '.join(each)}{f' and {more:,} more' if more > 0 else ''}",)


@dataclass(frozen=True)
class Catalogue:
    """A catalogue's columns and how many rows it has.

    name : of the file, for messages
    format : "CSV", "ECSV", "IPAC", "CDS", "FITS", "VOTable", "HDF5" or "Parquet"
    units : column -> unit as the file states it
    whole : the first part, of all rows
    marks : bytes at which rows 0, 256, 512, ... begin, in text
    table_name : of the table that is read, of a file of several; "" of others
    tables : names of all tables of the file
    notes : what had to be found out about the file, in words
    origin : the file itself, where what is read was unpacked from it
    index : the column that was the index of the data frame which pandas wrote; "" if none
    """

    name: str
    format: str
    columns: tuple[str, ...]
    units: dict
    n_rows: int
    whole: "Part"
    marks: array | tuple = field(default=(), repr=False)
    table_name: str = ""
    tables: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    origin: Path | None = None
    index: str = ""

    @property
    def table(self):
        """The first rows, to look at."""
        return self.part(0, min(self.n_rows, 100)).read()

    def read(self, names=None):
        """Table of all rows, whose metadata have what is known of the file."""
        table = self.part(0, self.n_rows).read(names)
        table.meta |= {"notes": list(self.notes), WRITTEN: self.index}
        return table

    def part(self, start: int, stop: int) -> "Part":
        """The rows from start up to stop."""
        part = replace(self.whole, start=start, stop=stop)
        if len(self.marks) and start < self.n_rows:
            k = start // STRIDE
            part = part.beginning_at(k * STRIDE, int(self.marks[k]))
        return part

    def parts(self, size: int) -> Iterator["Part"]:
        """The whole catalogue in parts of `size` rows, one after the other."""
        for start in range(0, self.n_rows, size):
            yield self.part(start, min(start + size, self.n_rows))

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of files."""
        return isinstance(self.whole.source, Path) and self.whole.source.is_dir()

    def sha256(self) -> str:
        """SHA-256 of the file, as `sha256sum` prints it; of a folder, see `digest`."""
        return self.digest(self.hashes())

    def hashes(self, same: bool = True) -> dict[str, str]:
        """SHA-256 of the file, or of each file of the folder, by their names in it.

        same : whether to refuse a file that has changed since it was described

        Raises
        ------
        SedflowError
            The file has changed: the hash would be that of other bytes than the description.
        """
        source = self.origin or self.whole.source
        if isinstance(source, bytes):
            return {self.name: sha256_of(source)}
        with readable(self.name):
            known = same and self.whole.stamp
            before, out = self.whole.stamp if known else stamp_of(source), {}
            check_unchanged(source, self.name, before)
            for path in _inputs(source):
                name = path.relative_to(source).as_posix() if path != source else path.name
                out[name] = sha256(path)
            check_unchanged(source, self.name, before)
            return out

    def digest(self, hashes: dict[str, str]) -> str:
        """One hash for all: the file's own; of a folder, that of its `sha256sum *.parquet`."""
        if not self.is_folder:
            return next(iter(hashes.values()))
        lines = "".join(f"{digest}  {name}\n" for name, digest in hashes.items())
        return sha256_of(lines.encode())


@dataclass(frozen=True)
class Part:
    """Consecutive rows of a catalogue, of which nothing is read yet.

    start, stop : rows, counted from 0
    """

    source: Path | bytes
    name: str
    start: int
    stop: int
    bounds: Bounds = field(default=LIBRARY, repr=False)
    stamp: str = field(default="", kw_only=True)  # of its files, when it was described
    masks: tuple[str, ...] = field(default=(), kw_only=True)  # columns x with a column x.mask

    def read(self, names=None):
        """Table of these rows; only the columns `names`, if given."""
        with readable(self.name):
            check_unchanged(self.source, self.name, self.stamp)
            masked = [n for n in self.masks if names is None or n in names]
            extra = [f"{n}.mask" for n in masked]
            table = self._read(names if names is None else [*names, *extra])
            for column, mask in zip(masked, extra, strict=True):
                table[column] = _under_mask(table[column], table[mask], mask, self.name)
                del table[mask]
            check_unchanged(self.source, self.name, self.stamp)
            return table

    def _read(self, names):
        raise NotImplementedError

    def beginning_at(self, row: int, byte: int) -> "Part":
        """The same rows; the file may be read from this row on, which begins at this byte."""
        return self

    def _file(self):
        if isinstance(self.source, bytes):
            return io.BytesIO(self.source)
        return open(self.source, "rb")


def with_masks(catalogue, stamp):
    """The catalogue without the columns x.mask that astropy writes for a masked column x."""
    columns = catalogue.columns
    masks = tuple(name for name in columns if f"{name}.mask" in columns)
    companions = {f"{name}.mask" for name in masks}
    kept = tuple(name for name in columns if name not in companions)
    return replace(
        catalogue, columns=kept, whole=replace(catalogue.whole, stamp=stamp, masks=masks)
    )


def _under_mask(values, mask, mask_name, name):
    """A column with no value where its mask says so; blank, if it is text."""
    from astropy.table import Column, MaskedColumn

    flags = np.char.lower(np.asarray(np.ma.filled(mask, True)).astype(str))
    true = np.isin(flags, ("true", "1", "1.0"))
    if not (true | np.isin(flags, ("false", "0", "0.0"))).all() or true.shape != values.shape:
        raise SedflowError(
            f"the column {mask_name[:60]!r} of {name} must hold True where there is no value, and "
            "False elsewhere; rename it if it is something else"
        )
    if values.dtype.kind in "OUS":
        bare, unit = np.array(values), values.unit
        bare[true] = ""
        return Column(bare, unit=unit)
    return MaskedColumn(values, mask=true | np.ma.getmaskarray(values))


def files_in(folder: Path) -> list[Path]:
    """The Parquet files of a folder, in the order of their names."""
    return sorted(p for p in folder.rglob("*.parquet") if not p.name.startswith((".", "_")))


def total_size(source: Path | bytes) -> int:
    """Bytes of a file, of the files in a folder, or of what is given as bytes."""
    if isinstance(source, bytes):
        return len(source)
    return (
        sum(p.stat().st_size for p in files_in(source))
        if source.is_dir()
        else source.stat().st_size
    )


def _inputs(source):
    return files_in(source) if source.is_dir() else [source]


def stamp_of(source: Path | bytes) -> str:
    """Hash of the stamps of every file; nothing of bytes."""
    if isinstance(source, bytes):
        return ""
    stamps = [(str(path), *stamp(path)) for path in _inputs(source)]
    return sha256_of(repr(stamps).encode())  # a folder may have many


def check_unchanged(source: Path | bytes, name: str, before: str) -> None:
    """Refuse a file that has changed since it got its stamp."""
    try:
        same = stamp_of(source) == before
    except FileNotFoundError:
        raise SedflowError(f"{name} is gone; put it back, and run again") from None
    if not same:
        raise SedflowError(f"{name} has changed since this run began; start the run again")


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Whatever the readers make of a damaged file, in one sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except SedflowError:
            raise
        except MemoryError:
            raise SedflowError(
                f"{name} cannot be read in the memory there is; leave out columns that are not "
                "needed, or read it in parts"
            ) from None
        except Exception as error:  # each library has errors of its own
            problem = " ".join(str(error).split())[:160] or type(error).__name__
            raise SedflowError(
                f"{name} cannot be read: {problem}; is it cut short or damaged?"
            ) from None

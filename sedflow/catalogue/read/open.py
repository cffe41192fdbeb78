"""Catalogues on disk, whole or in parts: text, FITS, VOTable, HDF5 and Parquet.

A file is known by its first bytes, not by its name. It is described once, at the cost of one pass
for text, and then read in parts of consecutive rows, so that no more than a part is in memory.
VOTable alone, being XML, must be read as a whole; compressed files are unpacked in memory. What
headers and footers claim is compared with `bounds` before anything is decoded, and no reader opens
a connection or another file.

What comes out is an astropy `Table` with the file's own names and units. Text stays text in
a part, since the type of a column cannot be recognized from some of its rows; `tables` reads the
numbers. Rows with too few or too many fields are listed in `table.meta["problems"]`.
"""

import re
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np

from sedflow.catalogue.column_names import ID_NAMES
from sedflow.catalogue.guess import guess_mapping
from sedflow.catalogue.read.fits import open_fits
from sedflow.catalogue.read.fixed import is_cds, is_ipac, open_cds, open_ipac
from sedflow.catalogue.read.hdf5 import open_hdf5
from sedflow.catalogue.read.parquet import open_parquet
from sedflow.catalogue.read.source import Catalogue, check_unchanged, readable, stamp_of, with_masks
from sedflow.catalogue.read.text import open_text, typed
from sedflow.catalogue.read.votable import open_votable
from sedflow.errors import SedflowError, needs
from sedflow.files.bounds import LIBRARY, Bounds
from sedflow.files.packed import HEAD, plain_bytes
from sedflow.files.paths import as_path


def read_table(source, name: str | None = None, *, table: str | int | None = None):
    """A whole catalogue as an astropy Table, with its units where the file has them.

    Parameters
    ----------
    source : path, or bytes of a file
    name : str, optional
        What to call bytes in messages.
    table : str or int, optional
        Which table of a file of several, by its name or its number from 0 (the number of the HDU,
        in FITS). By default the first with photometry; `meta["notes"]` of what is returned says
        which that was, and what else had to be found out about the file.

    Raises
    ------
    SedflowError
        The file is missing, cut short, damaged or in no known format.

    Examples
    --------
    >>> read_table(b"id,z,flux_u\\n7,0.05,12.5\\n", "mine.csv")["z"].tolist()
    [0.05]
    """
    catalogue = open_catalogue(source, name, table=table)
    rows = catalogue.read()
    if catalogue.format in ("CSV", "ECSV"):
        rows = typed(rows, ID_NAMES, getattr(catalogue.whole, "words", ()))
    return rows


def as_written(source):
    """A whole catalogue as an astropy Table, in which what is text in the file stays text.

    An ID 007 is not the number 7, nor 1e3 the number 1000.
    """
    return open_catalogue(source).read()


def open_catalogue(
    source, name: str | None = None, bounds: Bounds = LIBRARY, *, table: str | int | None = None
) -> "Catalogue":
    """Describe a catalogue without holding its rows.

    source : path of a file (or of a folder of Parquet files), or the bytes of one
    bounds : how much it may hold
    table : which of several tables, by name or number; default the first with photometry
    """
    if isinstance(source, bytes | bytearray | memoryview):
        source = bytes(source)
        name, head = name or "the table", source[:HEAD]
    else:
        source = as_path(source)
        name = name or source.name or source.resolve().name or str(source)  # "." has none
        head = _head(source)
    with readable(name):
        before, origin, told = stamp_of(source), None, ""
        if head is not None:
            content, told = plain_bytes(source, head, name, bounds)
            if content is not None:
                origin = source if isinstance(source, Path) else None
                source, head = content, content[:HEAD]
        kind = _format(head, name)
        if kind == "Parquet":
            needs("pyarrow", extra="scale", what=f"{name}, a Parquet table,")
        found = _OPEN[kind](source, name, bounds)
        check_unchanged(origin or source, name, before)
        found = found if isinstance(found, list) else [found]
        found = [with_masks(c, before if origin is None else "") for c in found]
        catalogue = _chosen(found, table, name)
        notes = (*filter(None, [told]), *catalogue.notes)
        names = tuple(c.table_name for c in found)
        return replace(catalogue, notes=notes, origin=origin, tables=names)


def _chosen(found, table, name):
    """The catalogue of the table that is asked for, or the first with photometry."""
    names = [c.table_name for c in found]
    several = ", ".join(n[:30] or "(no name)" for n in names[:10]) + ", ..." * (len(names) > 10)
    if table is not None:
        same = [c for c in found if c.table_name.lower() == str(table).strip().lower()]
        numbers = [str(c.whole.hdu if c.format == "FITS" else k) for k, c in enumerate(found)]
        if not same and str(table).strip() in numbers:
            same = [found[numbers.index(str(table).strip())]]
        if not same:
            what = f"the tables {several}" if any(names) else "one table, without a name"
            raise SedflowError(
                f"{name} has no table {str(table)[:60]!r}; it has {what} (numbers "
                f"{', '.join(numbers[:10])})"
            )
        return same[0]
    if len(found) == 1:
        return found[0]
    worth = [_worth(c) for c in found]
    best = found[int(np.argmax(worth))]
    why = "the first with photometry" if max(worth) else "the first"
    note = (
        f"{name} has {len(found)} tables ({several}), of which {best.table_name[:30]} is read, "
        f"{why}; choose another with table= or --table"
    )
    return replace(best, notes=(*best.notes, note))


def _worth(catalogue):
    """How much a table looks like a catalogue: 2 with photometry and redshift, 1 without."""
    for worth, known in ((2, {}), (1, {"redshift": catalogue.columns[0]})):
        try:
            if guess_mapping(catalogue, **known):
                return worth if catalogue.n_rows else 0.5
        except SedflowError:
            continue
    return 0


_OPEN = {
    "CDS": open_cds,
    "IPAC": open_ipac,
    "CSV": open_text,
    "FITS": open_fits,
    "HDF5": open_hdf5,
    "Parquet": open_parquet,
    "VOTable": open_votable,
}


def _format(head, name):
    if head is None or head.startswith(b"PAR1"):
        return "Parquet"
    if head.startswith(b"SIMPLE  ="):
        return "FITS"
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "HDF5"
    if re.search(rb"<([\w.-]+:)?VOTABLE[\s>]", head):
        return "VOTable"
    if head[:4] == b"PK\x03\x04" and (b"xl/" in head or b"[Content_Types]" in head):
        raise SedflowError(
            f"{name} is in no format known here, but a spreadsheet: save the sheet with the table "
            "as CSV (UTF-8)"
        )
    if b"\x00" in head or head[:4] in (b"PK\x03\x04", b"\x28\xb5\x2f\xfd"):
        raise SedflowError(
            f"{name} is in no format known here; give CSV, ECSV, IPAC, MRT, FITS, VOTable, HDF5 or "
            "Parquet"
        )
    text = head.removeprefix(b"\xef\xbb\xbf")
    return "IPAC" if is_ipac(text) else "CDS" if is_cds(text) else "CSV"


def _head(path):
    """First bytes of a file; None of a folder."""
    try:
        if path.is_dir():
            return None
        if not stat.S_ISREG(path.stat().st_mode):
            raise SedflowError(
                f"{path} is not a regular file; give one, or a folder of Parquet files"
            )
        with open(path, "rb") as file:
            return file.read(HEAD)
    except SedflowError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SedflowError(f"cannot read {path}: {reason}; check the name") from None

"""FITS tables."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedflow.catalogue.columns import check_names
from sedflow.catalogue.read.source import Catalogue, Part, not_read, total_size
from sedflow.errors import SedflowError
from sedflow.files.guard import reading
from sedflow.units import column_unit

_UNSIGNED = {"I": 2**15, "J": 2**31, "K": 2**63}  # TZERO of unsigned integers
_HEADER_TABLES = ("LDAC_IMHEAD",)  # tables of SExtractor's that hold a header as text


@dataclass(frozen=True)
class _FITS(Part):
    hdu: int = 1

    def _read(self, names):
        from astropy.io import fits
        from astropy.table import MaskedColumn, Table

        with (
            self._file() as file,
            reading(),
            fits.open(file, memmap=isinstance(self.source, Path)) as hdus,
        ):
            hdu = hdus[self.hdu]
            rows = hdu.data[self.start : self.stop]
            table = Table(meta={"problems": {}})
            for k, column in enumerate(hdu.columns):
                if (names is not None and column.name not in names) or _varies(column):
                    continue
                null = _is_null(rows, k, column)
                values = _values(rows, k, column)
                if values.dtype.kind in "SU":
                    self.bounds.check_text(values.dtype.itemsize // 4, self.name, column.name)
                if null is not None and _offset(column) == _UNSIGNED.get(_code(column)):
                    null |= values == column.null  # as astropy itself writes unsigned integers
                if null is not None and values.dtype.kind in "iuf":
                    values = MaskedColumn(values, mask=null)
                table[column.name] = values
                table[column.name].unit = column_unit(column.unit or None)
            return table if names is None else table[list(names)]


def open_fits(source, name, bounds) -> list[Catalogue]:
    from astropy.io import fits

    with (
        _FITS(source, name, 0, 0)._file() as file,
        reading(),
        fits.open(file, memmap=False) as hdus,
    ):
        found = []
        for k, hdu in enumerate(hdus):
            if not isinstance(hdu, fits.BinTableHDU | fits.TableHDU):
                continue
            if str(hdu.name).strip() in _HEADER_TABLES:
                continue
            check_names(hdu.columns.names, name, bounds)
            columns = [c.name for c in hdu.columns if not _varies(c)]
            lost = {c.name: "of cells of any length" for c in hdu.columns if _varies(c)}
            if not columns:
                continue
            n_rows, width = hdu.header["NAXIS2"], hdu.header["NAXIS1"]
            if n_rows and width < 1:
                raise SedflowError(f"{name} has rows of no bytes; give a table that holds data")
            bounds.check_rows(n_rows, name)
            for column in hdu.columns:
                _check_cell(column, name, bounds)
            end = hdu.fileinfo()["datLoc"] + n_rows * width
            if end > total_size(source):
                raise SedflowError(
                    f"{name} is cut short: it has {total_size(source):,} bytes, but its header "
                    f"promises {end:,}; download it again"
                )
            units = {c.name: c.unit for c in hdu.columns if c.unit}
            part = _FITS(source, name, 0, n_rows, bounds, k)
            title = str(hdu.name or "").strip() or f"HDU {k}"
            found.append(
                Catalogue(
                    name,
                    "FITS",
                    tuple(columns),
                    units,
                    n_rows,
                    part,
                    table_name=title,
                    notes=not_read(lost),
                )
            )
    if not found:
        raise SedflowError(f"{name} is a FITS file without a table; give one with a binary table")
    return found


def _values(rows, k, column):
    """The numbers of a column. Integers are shifted exactly, where their TZERO is whole.

    Unsigned integers are stored as signed ones less 2^15, 2^31 or 2^63, and signed bytes as
    unsigned ones plus 128; but a TZERO may be any number.
    """
    if _code(column) not in ("B", "I", "J", "K"):
        return np.array(rows.field(k))
    stored = np.asarray(np.recarray.field(rows, k))
    if stored.dtype.kind not in "iu":  # a table of text
        return np.array(rows.field(k))
    scale = 1.0 if column.bscale in (None, "") else float(column.bscale)
    zero = _offset(column)
    if scale != 1.0 or zero != int(zero):
        return stored.astype(float) * scale + float(zero)
    ends = (stored.min(), stored.max()) if stored.size else (0, 0)
    low, high = (int(end) + int(zero) for end in ends)
    for kind in (np.int64, np.uint64):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            shift = np.array(int(zero) % 2**64, dtype=np.uint64)  # whose sums are modulo 2^64
            return (stored.astype(np.int64).view(np.uint64) + shift).view(kind)
    return stored.astype(float) + float(zero)


def _code(column):
    """The letter of a column's type."""
    found = re.match(r"\d*([A-Z])", str(column.format).strip())
    return found[1] if found else ""


def _offset(column):
    return 0 if column.bzero in (None, "") else column.bzero


def _is_null(rows, k, column):
    """Where the stored value of a column says that there is none; TSCAL and TZERO come after."""
    stored = np.asarray(np.recarray.field(rows, k))
    if stored.dtype.kind == "S":  # a table of text, where a blank is none either
        stored = np.char.strip(stored)
        null = str("" if column.null is None else column.null).strip().encode()
        return (stored == null) | (stored == b"")
    if column.null is None or stored.dtype.kind not in "iu":
        return None
    return stored == column.null


def _varies(column):
    """Whether the cells hold arrays of any length, which no quantity here is."""
    return bool(re.match(r"\d*[PQ]", str(column.format)))


def _check_cell(column, name, bounds):
    """Refuse cells of too many numbers or characters, before a row is read."""
    found = re.match(r"(\d*)([A-Z])", str(column.format).strip())
    if found is None or _varies(column):
        return
    n = int(found[1] or 1)
    if found[2] == "A":
        bounds.check_text(n, name, column.name)
    else:
        bounds.check_vector(n, name, column.name)

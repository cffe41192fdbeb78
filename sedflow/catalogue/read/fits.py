"""FITS tables."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedflow.catalogue.columns import check_names
from sedflow.catalogue.read.source import Catalogue, Part, total_size
from sedflow.errors import SedflowError
from sedflow.files.guard import reading

__all__ = ["open_fits"]


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
                values = np.array(rows.field(k))
                if values.dtype.kind in "SU":
                    self.bounds.check_text(values.dtype.itemsize // 4, self.name, column.name)
                if null is not None and values.dtype.kind == "u":
                    null |= values == column.null  # as astropy itself writes unsigned integers
                if null is not None and values.dtype.kind in "iuf":
                    values = MaskedColumn(values, mask=null)
                table[column.name] = values
                table[column.name].unit = column.unit or None
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
            check_names(hdu.columns.names, name, bounds)
            columns = [c.name for c in hdu.columns if not _varies(c)]
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
                Catalogue(name, "FITS", tuple(columns), units, n_rows, part, table_name=title)
            )
    if not found:
        raise SedflowError(f"{name} is a FITS file without a table; give one with a binary table")
    return found


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

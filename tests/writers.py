"""One small table in each format, written by hand or by the format's own library.

A table is a mapping of names to `Col`. Nothing of the package writes or describes it.
"""

import io
import json
from dataclasses import dataclass, field

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits


@dataclass
class Col:
    """Cells (numbers, or text), the unit as text, and which cells hold nothing."""

    cells: list
    unit: str = ""
    hidden: list = field(default_factory=list)

    def __post_init__(self):
        self.hidden = self.hidden or [False] * len(self.cells)

    @property
    def kind(self):
        return next(k for k in (str, float, int) if any(isinstance(c, k) for c in self.cells))

    def texts(self, null):
        return [null if h else str(c) for c, h in zip(self.cells, self.hidden, strict=True)]

    def array(self):
        """The numbers, with NaN in cells that hold nothing, or text."""
        if self.kind is str:
            return np.array(self.texts(""), dtype=str)
        if self.kind is int and not any(self.hidden):
            return np.array(self.cells, dtype=np.int64)
        return np.where(self.hidden, np.nan, np.array(self.cells, dtype=float))


def _rows(table, null):
    return zip(*(column.texts(null) for column in table.values()), strict=True)


def csv(table, null="", end="\n", mark=","):
    lines = [mark.join(table)]
    if any(column.unit for column in table.values()):
        lines.append(mark.join(column.unit for column in table.values()))
    quoted = ([f'"{c}"' if mark in c else c for c in row] for row in _rows(table, null))
    return end.join([*lines, *(mark.join(row) for row in quoted), ""]).encode()


def ecsv(table):
    kinds = {str: "string", float: "float64", int: "int64"}
    lines = ["# %ECSV 1.0", "# ---", "# delimiter: ','", "# datatype:"]
    for name, column in table.items():
        unit = f"unit: {json.dumps(column.unit)}, " if column.unit else ""
        lines.append(f"# - {{name: {name}, {unit}datatype: {kinds[column.kind]}}}")
    lines += ["# schema: astropy-2.0", ",".join(table)]
    return "\n".join([*lines, *(",".join(row) for row in _rows(table, "")), ""]).encode()


def vizier(table):
    lines = ["#", "#   VizieR Astronomical Server vizier.cds.unistra.fr", "#Name: X/1/t", ""]
    lines += ["\t".join(table), "\t".join(column.unit or " " for column in table.values())]
    lines.append("\t".join("-" * max(len(name), 1) for name in table))
    return "\n".join([*lines, *("\t".join(row) for row in _rows(table, " ")), ""]).encode()


def ipac(table):
    kinds = {str: "char", float: "double", int: "long"}
    heads = [[name, kinds[column.kind], column.unit, "null"] for name, column in table.items()]
    cells = [column.texts("null") for column in table.values()]
    wide = [max(map(len, [*h, *c])) + 1 for h, c in zip(heads, cells, strict=True)]
    lines = ["\\fixlen = T"]
    for k in range(4):
        lines.append("|" + "|".join(h[k].ljust(w) for h, w in zip(heads, wide, strict=True)) + "|")
    for row in zip(*cells, strict=True):
        lines.append(" " + " ".join(c.ljust(w) for c, w in zip(row, wide, strict=True)) + " ")
    return "\n".join([*lines, ""]).encode()


def mrt(table):
    rule = "-" * 80
    lines = ["Title: A table", "Authors: Somebody", "Table: One", "=" * 80]
    lines += ["Byte-by-byte Description of file: x.txt", rule]
    lines += ["   Bytes Format Units  Label  Explanations", rule]
    cells, at = [column.texts("") for column in table.values()], 1
    wide = [max(map(len, c)) for c in cells]
    for (name, column), w in zip(table.items(), wide, strict=True):
        code = {str: f"A{w}", float: f"F{w}.{max(w - 2, 1)}", int: f"I{w}"}[column.kind]
        flag = "? " if any(column.hidden) else ""
        lines.append(f"{at:4d}-{at + w - 1:4d} {code} {column.unit or '---'} {name} {flag}A column")
        at += w + 1
    lines.append(rule)
    for row in zip(*cells, strict=True):
        lines.append(" ".join(c.rjust(w) for c, w in zip(row, wide, strict=True)))
    return "\n".join([*lines, ""]).encode()


def fits_table(table, before=()):
    columns = []
    for name, column in table.items():
        array = column.array()
        code = {"U": f"{max(array.dtype.itemsize // 4, 1)}A", "i": "K", "f": "D"}[array.dtype.kind]
        columns.append(fits.Column(name, code, unit=column.unit or None, array=array))
    out = io.BytesIO()
    hdus = [fits.PrimaryHDU(), *before, fits.BinTableHDU.from_columns(columns)]
    fits.HDUList(hdus).writeto(out)
    return out.getvalue()


def votable(table, before=""):
    kinds = {str: 'datatype="char" arraysize="*"', float: 'datatype="double"'}
    kinds[int] = 'datatype="long"'
    fields = "".join(
        f'<FIELD name="{name}" {kinds[column.kind]}'
        + (f' unit="{column.unit}"/>' if column.unit else "/>")
        for name, column in table.items()
    )
    rows = "".join(
        "<TR>" + "".join(f"<TD>{cell}</TD>" for cell in row) + "</TR>" for row in _rows(table, "")
    )
    own = f"<TABLE>{fields}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE>"
    space = 'version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"'
    text = f'<?xml version="1.0"?><VOTABLE {space}><RESOURCE>{before}{own}</RESOURCE></VOTABLE>'
    return text.encode()


def arrow(table):
    fields, arrays = [], []
    for name, column in table.items():
        kind = {str: pa.string(), float: pa.float64(), int: pa.int64()}[column.kind]
        about = {"unit": column.unit} if column.unit else None
        fields.append(pa.field(name, kind, metadata=about))
        cells = zip(column.cells, column.hidden, strict=True)
        arrays.append(pa.array([None if h else c for c, h in cells], kind))
    return pa.table(arrays, schema=pa.schema(fields))


def parquet(table):
    out = io.BytesIO()
    pq.write_table(arrow(table), out)
    return out.getvalue()


def hdf5(table, before=()):
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        for name, values in before:
            file[name] = values
        group = file.create_group("table")
        for name, column in table.items():
            array = column.array()
            group[name] = array.astype("S") if array.dtype.kind == "U" else array
            if column.unit:
                group[name].attrs["units"] = column.unit
    return out.getvalue()


def npz(table):
    """What np.load gives: arrays, of which nothing says the unit."""
    out = io.BytesIO()
    np.savez(out, **{name: column.array() for name, column in table.items()})
    out.seek(0)
    return dict(np.load(out))

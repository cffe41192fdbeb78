"""Tables of fixed columns with a header of their own: IPAC's, and the CDS's (MRT of the AAS).

Astropy reads the header with a part of the rows; that nothing stands outside the columns of a row
is checked here, where a digit would be lost. A CDS table has its description in the same file.
"""

import re
from array import array
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from sedflow.catalogue.columns import check_names, some, text_array
from sedflow.catalogue.read.source import STRIDE, Catalogue, Part
from sedflow.errors import SedflowError
from sedflow.files.bounds import HEADER_BYTES
from sedflow.files.guard import reading
from sedflow.units import is_parsable

#: Names of the formats, and what astropy calls them.
FORMATS = {"IPAC": "ipac", "CDS": "cds"}
_MOST = 4  # lines of an IPAC header: names, types, units, nulls
_RULE = (b"------", b"=======")
_FIELD = re.compile(
    r"\s*(?:(\d{1,6})\s*-\s*)?(\d{1,6})\s+[AIFED][\d.]*\s+\S+\s+(\S+)\s*(.*)", re.IGNORECASE
)
_NULL = re.compile(r"\?=([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)")
_BROKEN = re.compile(r"[\w.+-]")  # what is a piece of a number or of a word


@dataclass(frozen=True)
class _Fixed(Part):
    kind: str = "IPAC"
    head: tuple[str, ...] = ()
    inside: tuple[tuple[int, int], ...] = ()  # first character and end of each column
    nulls: tuple[tuple[str, float], ...] = ()
    place: tuple[int, int] = (0, 0)

    def beginning_at(self, row, byte):
        return replace(self, place=(row, byte))

    def _read(self, names):
        lines, (row, byte) = [], self.place
        with self._file() as file:
            file.seek(byte)
            for line in file:
                if row >= self.stop:
                    break
                if not _is_row(line, self.kind):
                    continue
                if row >= self.start:
                    lines.append(_text(line, self.name))
                row += 1
        self.bounds.check_decoded(sum(map(len, lines)), self.name)
        with reading():
            table = _parsed(self.kind, [*self.head, *lines])
        if len(table) != len(lines):
            raise SedflowError(
                f"{self.name} has {len(lines)} rows of text, of which {len(table)} can be read; "
                "look for lines that belong to no row"
            )
        table.meta = {"problems": self._outside(lines)}
        nulls = dict(self.nulls)
        for column in table.colnames if names is None else names:
            self._plain(table, column, nulls.get(column))
        return table if names is None else table[list(names)]

    def _plain(self, table, name, null):
        """Numbers masked where they are the null that is declared, however written."""
        from astropy.table import MaskedColumn

        column = table[name]
        unit = column.unit
        if column.dtype.kind in "OUS":
            texts = [str(text) for text in np.ma.filled(column, "")]
            self.bounds.check_text(max(map(len, texts), default=0), self.name, name)
            table[name] = text_array(texts)
        elif null is not None:
            mask = np.ma.getmaskarray(column) | np.isclose(np.ma.filled(column, 0), null, rtol=1e-9)
            table[name] = MaskedColumn(np.ma.getdata(column), mask=mask)
        table[name].unit = unit

    def _outside(self, lines):
        """Rows with something between the columns, where it would be cut off."""
        problems, wide = {}, max((stop for _, stop in self.inside), default=0)
        outside = np.ones(wide, dtype=bool)
        for start, stop in self.inside:
            outside[start:stop] = False
        places = np.flatnonzero(outside).tolist()
        for row, line in enumerate(lines):
            odd = "".join(line[k] for k in places if k < len(line)) + line[wide:]
            if found := _BROKEN.search(odd):
                problems[row] = (
                    f"the row has {found[0]!r} outside of the columns that the header describes; "
                    "align the row with the header"
                )
        return problems


def is_ipac(head: bytes) -> bool:
    r"""Whether a file begins as an IPAC table: \ lines, up to four | lines, then rows without |."""
    lines = [line for line in head.splitlines()[:-1] if line.strip()]
    lines = [line for line in lines if not line.startswith(b"\\")]
    if not head.startswith((b"\\", b"|")) or (lines and not lines[0].startswith(b"|")):
        return False
    bars = next((k for k, line in enumerate(lines) if not line.startswith(b"|")), len(lines))
    rule = any(re.fullmatch(rb"[|+:=\s-]+", line) and b"-" in line for line in lines[:bars])
    return bars <= _MOST and not rule


def is_cds(head: bytes) -> bool:
    """Whether a file begins as a table of the CDS or a machine-readable table of the AAS."""
    return b"Byte-by-byte Description of file" in head or (
        head.startswith(b"Title:") and b"\nAuthor" in head
    )


def open_ipac(source, name, bounds) -> Catalogue:
    head, marks, n_rows = _scan(source, name, "IPAC")
    bars = [line for line in head if line.startswith("|")]
    if not bars:
        raise SedflowError(f"{name} begins as an IPAC table, but no line with | names its columns")
    edges = [k for k, sign in enumerate(bars[0]) if sign == "|"]
    # what stands right under a | is in no column
    inside = [(a + 1, b) for a, b in pairwise(edges)]
    nulls = []
    for start, stop in inside if len(bars) > 2 else ():
        if not is_parsable(unit := bars[2][start:stop].strip()):
            raise SedflowError(
                f"{name} has the unit {unit[:40]!r}, which cannot be read; correct it"
            )
    if len(bars) == _MOST:
        for start, stop in inside:
            cells = [line[start:stop].strip() for line in (bars[0], bars[3])]
            nulls.append((cells[0], cells[1]))
    return _catalogue(source, name, bounds, "IPAC", head, marks, n_rows, inside, nulls)


def open_cds(source, name, bounds) -> Catalogue:
    head, marks, n_rows = _scan(source, name, "CDS")
    if (times := sum("Byte-by-byte Description" in line for line in head)) != 1:
        raise SedflowError(
            f"{name} holds {times} descriptions of columns (Byte-by-byte), where a table with its "
            "description in one file is read; save each table with its description"
        )
    inside, nulls, rules = [], [], 0
    for line in head[[("Byte-by-byte" in line) for line in head].index(True) :]:
        rules += line.startswith(("------", "======="))
        if rules == 2 and (found := _FIELD.match(line)):
            inside.append((int(found[1] or found[2]) - 1, int(found[2])))
            if null := _NULL.search(found[4]):
                nulls.append((found[3], null[1]))
    return _catalogue(source, name, bounds, "CDS", head, marks, n_rows, inside, nulls)


def _scan(source, name, kind):
    """Lines of the header, the bytes of rows 0, 256, 512, ..., and how many rows there are."""
    head, marks, n_rows, byte = [], array("q"), 0, 0
    pending = []  # of the CDS: what may be rows, or still the header
    with _Fixed(source, name, 0, 0)._file() as file:
        for line in file:
            in_head = kind == "IPAC" and line.startswith((b"\\", b"|"))
            if kind == "CDS" and line.startswith(_RULE):
                in_head = True
                head += pending
                pending, marks, n_rows = [], array("q"), 0
            if in_head and n_rows:
                raise SedflowError(f"{name} has a line of its header below its first row; sort it")
            if in_head:
                head.append(_text(line, name))
            elif _is_row(line, kind) or kind == "CDS":
                if _is_row(line, kind):
                    if n_rows % STRIDE == 0:
                        marks.append(byte)
                    n_rows += 1
                if kind == "CDS" and byte < HEADER_BYTES:
                    pending.append(_text(line, name))
            byte += len(line)
            if in_head and byte > HEADER_BYTES:
                raise SedflowError(
                    f"the header of {name} is longer than {HEADER_BYTES / 1e6:g} MB; take out what "
                    "does not describe columns"
                )
    return head, marks, n_rows


def _is_row(line, kind):
    return bool(line.strip()) and not (kind == "IPAC" and line.startswith((b"\\", b"|")))


def _text(line, name):
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return line.decode(encoding).rstrip("\r\n")
        except UnicodeDecodeError:
            continue
    raise SedflowError(f"{name} is not UTF-8 text; save it as UTF-8")


def _parsed(kind, lines):
    from astropy.io import ascii as tables

    return tables.read(lines, format=FORMATS[kind], guess=False, fast_reader=False)


def _catalogue(source, name, bounds, kind, head, marks, n_rows, inside, nulls):
    bounds.check_rows(n_rows, name)
    bounds.check_columns(len(inside), name)
    if not inside or not n_rows:
        raise SedflowError(
            f"{name} is a table of {kind} with {len(inside)} columns and {n_rows} rows; give the "
            "whole table, its description and its rows in one file"
        )
    start = (0, marks[0])
    numbers = []
    for column, text in nulls:
        try:
            numbers.append((column, float(text)))
        except ValueError:  # a word, which astropy compares
            continue
    part = _Fixed(
        source, name, 0, n_rows, bounds, kind, tuple(head), tuple(inside), tuple(numbers), start
    )
    first = part.beginning_at(*start)
    first = replace(first, stop=min(n_rows, 10))._read(None)
    check_names(first.colnames, name, bounds)
    if len(first.colnames) != len(inside):
        raise SedflowError(
            f"the header of {name} describes {len(inside)} columns, of which astropy reads "
            f"{len(first.colnames)} ({some(first.colnames)}); write the table again"
        )
    units = {c: str(first[c].unit) for c in first.colnames if first[c].unit is not None}
    return Catalogue(name, kind, tuple(first.colnames), units, n_rows, part, marks)

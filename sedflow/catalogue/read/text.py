"""CSV and ECSV."""

import csv
import json
import re
from array import array
from dataclasses import dataclass, replace

import numpy as np

from sedflow.catalogue.column_names import ID_NAMES
from sedflow.catalogue.columns import BLANK, WHOLE, check_names, some, text_array
from sedflow.catalogue.read.layout import DECIMAL_COMMA, DECIMAL_POINT, Layout, layout_of
from sedflow.catalogue.read.source import STRIDE, Catalogue, Part
from sedflow.errors import SedflowError
from sedflow.files.bounds import HEADER_BYTES
from sedflow.units import as_number, column_unit, odd_digits

_NUMBER_TEXT = 64  # characters; longer text is not a number


@dataclass(frozen=True)
class _Text(Part):
    columns: tuple[str, ...] = ()
    delimiter: str = ","
    vectors: tuple[tuple[str, int], ...] = ()  # ECSV columns of several numbers, and how many
    words: tuple[str, ...] = ()  # ECSV columns of text by their type
    units: tuple[tuple[str, str], ...] = ()
    decimal: str = "."
    place: tuple[int, int] = (0, 0)  # a row and the byte at which it begins

    def beginning_at(self, row, byte):
        return replace(self, place=(row, byte))

    def _read(self, names):
        from astropy.table import Table

        names = self.columns if names is None else tuple(names)
        wanted = [self.columns.index(name) for name in names]
        n, cells, problems = len(self.columns), [[] for _ in names], {}
        with self._file() as file:
            row, begin = self.place
            file.seek(begin)
            for fields, n_lines in _records(file, self.delimiter, self.name, n):
                if row >= self.stop:
                    break
                if row >= self.start:
                    if len(fields) == n + 1 and not fields[-1]:
                        fields.pop()  # a delimiter at the end of the line
                    if len(fields) != n:
                        problems[row - self.start] = (
                            f"the row has {len(fields)} fields, but the header {n}; fix the row"
                        )
                        fields = [*fields[:n], *[""] * (n - len(fields))]
                    if n_lines > 1:
                        problems[row - self.start] = (
                            f"the row has a quoted cell that goes on over {n_lines} lines of the "
                            "file; close the quote, or take the line ends out of the cell"
                        )
                    for column, k in zip(cells, wanted, strict=True):
                        column.append(fields[k])
                row += 1
        for name, values in zip(names, cells, strict=True):
            self.bounds.check_text(max(map(len, values), default=0), self.name, name)
        vectors, units = dict(self.vectors), dict(self.units)
        columns = {}
        for name, values in zip(names, cells, strict=True):
            if name in vectors:
                columns[name] = _vectors(values, vectors[name])
                continue
            if self.decimal == "," and name.lower() not in ID_NAMES:
                values = self._with_points(name, values, problems)
            columns[name] = text_array(values)
        table = Table(columns, meta={"problems": problems})
        for name in names:
            table[name].unit = column_unit(units.get(name))
        return table

    def _with_points(self, name, values, problems):
        """Numbers with a decimal point in the place of the comma."""
        for row, text in enumerate(values):
            if "." in text and DECIMAL_POINT.fullmatch(text):
                problems.setdefault(
                    row, f"{name} = {text!r} has a decimal point, but others a comma; fix it"
                )
        return [
            t.replace(",", ".") if "," in t and DECIMAL_COMMA.fullmatch(t) else t for t in values
        ]


def open_text(source, name, bounds) -> Catalogue:
    with _Text(source, name, 0, 0)._file() as file:
        head = _Lines(file, name)
        layout, vectors, words = _layout(head, name)
        columns, n = layout.columns, len(layout.columns)
        check_names(columns, name, bounds)
        file.seek(0)
        before = file.read(layout.start).count(b"\n")
        lines, marks, n_rows = _Lines(file, name), array("q"), 0
        lines.number = before
        for _ in _records(lines, layout.delimiter, name, n):
            if n_rows % STRIDE == 0:
                marks.append(lines.begin)
            n_rows += 1
    bounds.check_rows(n_rows, name)
    for column, width in vectors:
        bounds.check_vector(width, name, column)
    part = _Text(
        source,
        name,
        0,
        n_rows,
        bounds,
        columns,
        layout.delimiter,
        vectors,
        words or (),
        tuple(layout.units.items()),
        layout.decimal,
        (0, marks[0] if marks else layout.start),
    )
    notes = layout.notes
    if lines.foreign or head.foreign:
        notes = (*notes, "text that is not UTF-8 is read as Windows-1252 (Latin-1)")
    kind = "CSV" if words is None else "ECSV"
    return Catalogue(name, kind, columns, layout.units, n_rows, part, marks, notes=notes)


class _Lines:
    """Lines of a binary file as text; `begin` is the byte where the last record began."""

    def __init__(self, file, name):
        self.file, self.name, self.begin, self.number = file, name, 0, 0
        self.place = file.tell()
        self.fresh, self.foreign, self.blanks = True, False, False

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
        text = self._decoded(line)
        return text.replace("\t", " ") if self.blanks else text

    def _decoded(self, line):
        try:
            return line.decode("utf-8-sig" if self.place == len(line) else "utf-8")
        except UnicodeDecodeError as error:
            self.foreign = True
            try:
                return line.decode("cp1252")
            except UnicodeDecodeError:
                raise SedflowError(
                    f"{self.name} is not UTF-8 text (byte {line[error.start]:#04x} in line "
                    f"{self.number}), nor any binary format known here; save it as UTF-8"
                ) from None

    def with_places(self):
        """Lines with the bytes at which each begins and ends."""
        for line in self:
            yield self.begin, self.place, line
            self.fresh = True


def _records(lines, delimiter, name, n):
    """Fields of each row that is not blank, and over how many lines it goes.

    n : columns; a line that begins with # and has another number of fields is a comment
    """
    lines = lines if isinstance(lines, _Lines) else _Lines(lines, name)
    lines.fresh, before, rows = True, lines.number, 0
    lines.blanks = blanks = delimiter == " "
    try:
        for fields in csv.reader(lines, delimiter=delimiter, skipinitialspace=blanks):
            if not fields or (len(fields) == 1 and not fields[0].strip()):
                pass
            elif fields[0].startswith("#") and len(fields) != n:
                if rows and _NEXT_TABLE.match(fields[0]):
                    raise SedflowError(
                        f"{name} holds several tables, of which another begins at line "
                        f"{lines.number}; save each to a file of its own"
                    )
            else:
                rows += 1
                if blanks and len(fields) != n:  # as web pages and Word write blanks
                    parts = [text for cell in fields for text in _FOREIGN_BLANKS.split(cell)]
                    fields = parts if len(parts) == n else fields
                yield [text.strip() for text in fields], lines.number - before
            lines.fresh, before = True, lines.number
    except csv.Error as error:
        raise SedflowError(
            f"{name} cannot be read as CSV near line {lines.number}: {error}; look for a quote "
            "that is not closed"
        ) from None


_FOREIGN_BLANKS = re.compile(r"[^\S ]+")
_NEXT_TABLE = re.compile(r"#\s*(RESOURCE|Table\b|Name:)")  # of VizieR's


def _layout(lines, name):
    """The layout, vector columns and, of ECSV alone, the columns of text."""
    comments, size, first = [], 0, None
    for _, end, line in lines.with_places():
        if not comments and not line.startswith("# %ECSV"):
            break
        if not line.startswith("#"):
            first = end, line
            break
        size += len(line)
        if size > HEADER_BYTES:
            raise SedflowError(
                f"the ECSV header of {name} is longer than {HEADER_BYTES / 1e6:g} MB"
            )
        comments.append(line)
    if not comments:
        lines.file.seek(0)
        again = _Lines(lines.file, name)
        layout = layout_of(again.with_places(), name)
        lines.foreign = again.foreign
        return layout, (), None
    if first is None:
        raise SedflowError(f"{name} is empty; give a table with a line of column names")
    columns, units, delimiter, vectors, words = _ecsv_header(comments, first[1], name)
    return Layout(tuple(columns), units, delimiter, first[0]), vectors, words


def _ecsv_header(comments, line, name):
    try:
        head = parsed_yaml("".join(comment[2:] for comment in comments))
        described = {plain_yaml(c["name"]): c for c in head["datatype"]}
    except Exception as error:  # YAML's and astropy's have no common kind
        problem = " ".join(str(error).split())[:100] or type(error).__name__
        raise SedflowError(f"the ECSV header of {name} cannot be read: {problem}") from None
    delimiter = plain_yaml(head.get("delimiter", " "))
    if delimiter not in (" ", ","):
        raise SedflowError(f"{name} has the delimiter {delimiter!r}; ECSV has a blank or a comma")
    columns = [text.strip() for text in next(csv.reader([line], delimiter=delimiter))]
    if set(columns) != set(described):
        raise SedflowError(
            f"the ECSV header of {name} describes {some(list(described))}, but the columns are "
            f"{some(columns)}; write the file again"
        )
    units = {c: plain_yaml(d["unit"]) for c, d in described.items() if d.get("unit")}
    vectors = []
    for column in columns:
        shape = re.search(r"\[(\d{1,18})\]", plain_yaml(described[column].get("subtype") or ""))
        if shape:
            vectors.append((column, int(shape[1])))
    words = tuple(c for c in columns if plain_yaml(described[c].get("datatype", "")) == "string")
    return columns, units, delimiter, tuple(vectors), words


def parsed_yaml(text):
    """The plain values of a YAML header; what has a tag of its own is left out.

    Astropy's loader makes objects of many classes out of tags. Nothing of them is needed here,
    and some look for files and addresses when they are made.
    """
    import yaml

    if len(text) > HEADER_BYTES:
        raise ValueError(f"it has more than {HEADER_BYTES / 1e6:g} MB")

    class Plain(yaml.SafeLoader):
        pass

    Plain.add_multi_constructor("!", lambda loader, tag, node: None)
    Plain.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, tag, node: None)
    head = yaml.load(text, Plain)  # a SafeLoader
    if isinstance(head, list):  # an ordered mapping (!!omap)
        head = dict(head)
    if not isinstance(head, dict):
        raise ValueError("it is not a mapping")
    return head


def plain_yaml(value):
    """A word of a header as text; nested values could stand for far more than they take."""
    if not isinstance(value, str | int | float):
        raise ValueError(f"there is a {type(value).__name__} where a word should be")
    return str(value)


def _vectors(cells, n):
    """Numbers (n_row, n) of cells that are JSON lists; NaN where one is not."""
    out = np.full((len(cells), n), np.nan)
    for row, text in enumerate(cells):
        try:
            values = [np.nan if v is None else as_number(v) for v in json.loads(text)]
        except (ValueError, TypeError, OverflowError, RecursionError):
            continue
        if len(values) == n:
            out[row] = values
    return out


def typed(table, ids=(), words=()):
    """The table with each column of text that can be read as numbers as numbers.

    ids : names, in small letters, of columns of IDs, which stay text unless all are whole numbers
        as they are usually written: 007, 1e3 and 1_000 are text
    words : names of columns that are text by their type; of these, IDs stay text
    """
    for column in table.colnames:
        if column.lower() in ids and (column in words or not _all_whole(table[column])):
            continue
        unit = table[column].unit
        table[column] = _typed(table[column])
        table[column].unit = unit
    return table


def _all_whole(column):
    """Whether every cell that is not blank is a whole number, written as numbers are."""
    values = np.asarray(column)
    if values.dtype.kind not in "OU":
        return True
    texts = (text.strip() for text in values.tolist())
    return all(WHOLE.fullmatch(text) for text in texts if text.lower() not in BLANK)


def _typed(column):
    """A column of text as integers or floats, masked where blank, if all of it can be read so."""
    from astropy.table import MaskedColumn

    values = np.asarray(column)
    if values.dtype.kind not in "OU" or values.ndim > 1 or not len(values):
        return column
    if values.dtype.kind == "O" and max(map(len, values)) > _NUMBER_TEXT:
        return column
    blank = np.array([text.lower() in BLANK for text in values])
    if blank.all():
        return column
    if odd_digits(values):  # none is a number, whatever numpy makes of it
        return column
    for convert, filler in ((_whole, "0"), (_floats, "nan")):
        try:
            numbers = convert(np.where(blank, filler, values))
        except (ValueError, OverflowError):
            continue
        return MaskedColumn(numbers, mask=blank) if blank.any() else numbers
    return column


def _whole(texts):
    return texts.astype(np.int64)


def _floats(texts):
    try:
        return texts.astype(float)
    except ValueError:  # with the exponents of Fortran, perhaps
        return np.array([as_number(text) for text in texts.tolist()])

"""How a text file is laid out: what divides its columns, where their names and units are.

Names can be in the first line, behind a #, or one a line with their numbers (SExtractor). Units
and a line of dashes can follow (VizieR). Where the first line holds numbers and no comment holds
as many names, nothing is guessed.
"""

import csv
import re
from dataclasses import dataclass

from sedflow.catalogue.columns import readable_unit, some
from sedflow.errors import SedflowError
from sedflow.files.bounds import HEADER_BYTES
from sedflow.units import BLANK, as_unit

_DELIMITERS = ("\t", ";", "|", ",")  # where several would do, the first
_SAMPLE = 60  # lines that are looked at
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eEdD][-+]?\d+)?")
DECIMAL_COMMA = re.compile(r"[-+]?(\d+,\d*|,\d+)([eE][-+]?\d+)?")
DECIMAL_POINT = re.compile(r"[-+]?(\d+\.\d+|\.\d+)([eE][-+]?\d+)?")
_DASHES = re.compile(r"[-+=:~]+")
_BRACKETS = re.compile(r"\[(.*)\]|\((.*)\)")  # around a unit, such as [mag(AB)]
_SEXTRACTOR = re.compile(r"(\d+)\s+([^\s\d]\S*)\s*(.*)")


@dataclass(frozen=True)
class Layout:
    """columns; units : column -> unit; delimiter : " " stands for any number of blanks; start :
    byte at which the rows begin; decimal : "." or ","; notes : what was found, in words.
    """

    columns: tuple[str, ...]
    units: dict[str, str]
    delimiter: str
    start: int
    decimal: str = "."
    notes: tuple[str, ...] = ()


def cells_of(line: str, delimiter: str) -> list[str]:
    """The cells of a line."""
    blanks = delimiter == " "
    line = line.replace("\t", " ").strip() if blanks else line.rstrip("\r\n")
    found = next(csv.reader([line], delimiter=delimiter, skipinitialspace=blanks), [])
    return [cell.strip() for cell in found]


def layout_of(lines, name: str) -> Layout:
    """The layout of a text file, from its first lines.

    lines : iterator of (byte at which it begins, byte at which it ends, line); name : of the
    file, for messages

    Raises
    ------
    SedflowError
        There are no rows, no names, or too many comments.
    """
    try:
        return _layout_of(lines, name)
    except csv.Error as error:
        raise SedflowError(
            f"{name} cannot be read as CSV near its first lines: {error}; look for a quote that is "
            "not closed"
        ) from None


def _layout_of(lines, name):
    comments, body, after, stated = _sample(lines, name)
    if not body:
        raise SedflowError(f"{name} is empty; give a table with a line of column names")
    delimiter = stated or _delimiter([line for _, line in body])
    rows = [cells_of(line, delimiter) for _, line in body]
    begin = [byte for byte, _ in body] + [after]
    columns, units, at, notes = _named(comments, rows, delimiter, name)
    more, at = _below_names(rows, at, len(columns))
    units = units | {c: u for c, u in zip(columns, more, strict=False) if u}
    if more:
        notes.append("units are in the line below the names")
    decimal = "." if at >= len(rows) else _decimal(rows[at:])
    if decimal == ",":
        notes.append("numbers have decimal commas")
    return Layout(tuple(columns), units, delimiter, begin[at], decimal, tuple(notes))


def _sample(lines, name):
    """Comments, first lines of the body, the byte after them, and a delimiter if one is said."""
    comments, body, size, stated = [], [], 0, ""
    end = 0
    for byte, end, line in lines:  # noqa: B007
        if not line.strip():
            size += len(line)
        elif line.lstrip().startswith("#"):
            size += len(line)
            if not body:
                comments.append(line.strip().lstrip("#").strip())
        elif not body and (found := re.fullmatch(r"sep=(.)", line.strip())):
            stated = found[1]  # Excel's
        else:
            body.append((byte, line))
        if not body and size > HEADER_BYTES:
            raise SedflowError(
                f"{name} begins with more than {HEADER_BYTES / 1e6:g} MB of comments and blank "
                "lines; take them out"
            )
        if len(body) == _SAMPLE:
            break
    return comments, body, end, stated


def _delimiter(lines):
    """What divides the columns: that which divides most lines into equally many, and most."""
    best, most = "", (False, 0)
    for delimiter in (*_DELIMITERS, " ", "\u00a0"):
        if delimiter == " " and most[0]:
            break
        try:
            widths = [len(cells_of(line, delimiter)) for line in lines[:20]]
        except csv.Error:
            continue
        agree = sum(w == widths[0] for w in widths) / len(widths)
        if widths[0] > 1 and (agree >= 0.5, widths[0]) > most:
            best, most = delimiter, (agree >= 0.5, widths[0])
    return best or ","


def _named(comments, rows, delimiter, name):
    """Names of the columns, their units, at which row the rest begins, and notes."""
    first = rows[0]
    n = len(first) - (len(first) > 1 and not first[-1])
    numbers = sum(bool(_is_number(c)) for c in first)
    behind = numbers > 0 and all(map(_alike, first, rows[1] if len(rows) > 1 else first))
    behind = behind and any(_names_in(c, delimiter, len(first)) for c in comments)
    if numbers <= 0.5 * len(first) and not behind:
        if len(first) > 1 and not first[-1] and all(not r[n:] or r[n:] == [""] for r in rows):
            first = first[:-1]  # each line ends in a delimiter
        if sum(map(bool, first)) <= 0.5 * len(first):
            raise SedflowError(
                f"the first line of {name} names {sum(map(bool, first))} of {len(first)} columns "
                f"({some([c for c in first if c])}); put a line with the names of the columns there"
            )
        return *_all_named(first), 1, _nameless(first)
    if found := _numbered(comments, n):
        return (*found, 0, ["names are those of the numbered comments"])
    n = len(first) if behind else n  # and not of a delimiter at the end of the line
    for k in range(len(comments) - 1, -1, -1):
        names = _names_in(comments[k], delimiter, n)
        if names is None:
            continue
        above = _names_in(comments[k - 1], delimiter, n) if k else None
        if above and _are_units(names):
            return above, _units(above, names), 0, ["names and units are behind #"]
        return names, {}, 0, ["names are behind #"]
    raise SedflowError(
        f"the first line of {name} holds numbers ({some(first[:4])}); put a line with the names "
        "of the columns there"
    )


def _alike(a, b):
    """Whether two cells of a column are both numbers or both words, as far as they are there."""
    return not a or not b or bool(_is_number(a)) == bool(_is_number(b))


def _all_named(names):
    """The names, those of columns without one made up, and no units."""
    taken, out = set(names), []
    for k, name in enumerate(names, 1):
        made = name or f"column_{k}"
        while not name and made in taken:
            made += "_"
        taken.add(made)
        out.append(made)
    return out, {}


def _nameless(names):
    """A note on columns without a name, such as the index that pandas writes."""
    found = [f"{k}" for k, name in enumerate(names, 1) if not name]
    if not found:
        return []
    if len(found) == 1:
        return [f"column {found[0]} has no name, and is called column_{found[0]}"]
    return [f"columns {some(found)} have no names, and are called column_{found[0]} and so on"]


def _names_in(comment, delimiter, n):
    """The n names in a comment, if it holds as many; none of them is a number."""
    for mark in dict.fromkeys((delimiter, " ", ",", "\t")):
        try:
            names = cells_of(comment, mark)
        except csv.Error:
            continue
        if len(names) == n + 1 and not names[-1]:
            names.pop()  # the line ends in a delimiter
        if len(names) == n and all(names) and not any(map(_is_number, names)):
            return names
    return None


def _numbered(comments, n):
    """Names and units of a header of SExtractor's: a comment a column, with its number."""
    found = [m for c in comments if (m := _SEXTRACTOR.fullmatch(c))]
    places = [int(m[1]) for m in found]
    if len(found) < 2 or places[0] != 1 or places != sorted(set(places)) or places[-1] > n:
        return None
    names, units = [], {}
    for m, stop in zip(found, [*places[1:], n + 1], strict=True):
        width = stop - int(m[1])
        mine = [m[2], *(f"{m[2]}_{k}" for k in range(1, width))]
        unit = re.search(r"\[([^\]]*)\]\s*$", m[3])
        names += mine
        if unit:
            units |= dict.fromkeys(mine, unit[1])
    return names, units


def _below_names(rows, at, n):
    """Units in a line below the names, if any, and the row at which the data begin."""
    for k in range(at, min(at + 3, len(rows))):
        cells = [c for c in rows[k] if c]
        if cells and all(map(_DASHES.fullmatch, cells)) and any(len(c) > 1 for c in cells):
            units = rows[at][:n] if k > at else []
            return [u if u.lower() not in BLANK else "" for u in units], k + 1
    if at + 1 < len(rows) and at == 1 and len(rows[at]) == n and _are_units(rows[at], rows[at + 1]):
        return [_bare(u) for u in rows[at]], at + 1
    return [], at


def _units(names, texts):
    return {c: bare for c, text in zip(names, texts, strict=True) if (bare := _bare(text))}


def _bare(text):
    text = text.strip()
    if found := _BRACKETS.fullmatch(text):
        text = (found[1] or found[2] or "").strip()
    return "" if text.lower() in BLANK else text


def _are_units(texts, below=()):
    """Whether these are units, blank where there is none; a name such as m or g alone is not.

    below : cells of the next line; Jy and % are units where numbers follow
    """
    known = [bare for text in texts if (bare := _bare(text))]
    long = any(len(u) > 2 for u in known)
    follow = [b for text, b in zip(texts, below, strict=False) if _bare(text)]
    sure = long or (bool(follow) and all(map(_is_number, follow)))
    return bool(known) and sure and all(map(_is_unit, known))


def _is_unit(text):
    if _is_number(text):
        return False
    if readable_unit(text):
        return True
    try:
        as_unit(text)
    except Exception:  # astropy's parsers raise errors of many kinds
        return False
    return True


def _decimal(rows):
    cells = [cell for row in rows for cell in row]
    comma = any(map(DECIMAL_COMMA.fullmatch, cells))
    return "," if comma and not any(map(DECIMAL_POINT.fullmatch, cells)) else "."


def _is_number(text):
    return _NUMBER.fullmatch(text) or DECIMAL_COMMA.fullmatch(text)

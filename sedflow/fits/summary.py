"""Quantiles of a posterior as a table that prints as one reads it."""

import os
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
from astropy.table import Table

from sedflow import views
from sedflow.errors import SedflowError, unknown
from sedflow.files.writing import replacing
from sedflow.units import column_unit

__all__ = ["Summary", "quantile_name"]

_SAID = ("title", "quality")  # of the table's meta
_WIDTH = 80  # of what is printed
_BESIDE = 4  # galaxies that are printed beside each other, and not one a line
_MOST = 40  # galaxies that are shown; a table of more is cut in the middle
_CELL = 9  # characters of a number


def indented(text: str) -> str:
    """A sentence below the line of what it is about, in lines of 80 columns."""
    return textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")


def quantile_name(q: float) -> str:
    """Name of a column of quantiles, from a fraction.

    >>> quantile_name(0.16), quantile_name(0.025)
    ('p16', 'p2.5')
    """
    return f"p{100 * q:g}"


class Summary(Table):
    """An astropy Table of quantiles, printed with three decimals in 80 columns.

    Of one galaxy it has a row for each quantity, found by name: `summary["log_mstar"]`, and as in
    pandas `summary.loc["log_mstar", "p50"]`. Of many it has a row for each galaxy, found by ID:
    `summary.loc[72, "log_mstar_p50"]`; up to four galaxies print beside each other. `to_pandas()`
    has the names of the quantities, or the IDs, as its index.

    Examples
    --------
    >>> one = Summary({"name": ["log_mstar", "a_v"], "unit": ["M☉", "mag"], "p50": [9.9, 0.5]})
    >>> float(one.loc["a_v", "p50"]), float(one.to_pandas().loc["a_v", "p50"])
    (0.5, 0.5)
    """

    def __getitem__(self, item: Any) -> Any:
        if not isinstance(item, str) or item in self.colnames:
            return super().__getitem__(item)
        if item in _OLD and _OLD[item] in self.colnames:
            return super().__getitem__(_OLD[item])
        stem, _, q = item.rpartition("_")
        if f"{stem}_p{q}" in self.colnames:  # as it was named once
            return super().__getitem__(f"{stem}_p{q}")
        if "name" not in self.colnames:
            raise unknown("column", item, self.colnames)
        names = [str(name) for name in super().__getitem__("name")]
        if item not in names:
            raise unknown("quantity", item, [*names, *self.colnames])
        return self._shown()[names.index(item)]

    @property
    def loc(self) -> Any:
        """Rows by name or ID, and a column behind: `loc["a_v"]`, `loc[["a_v", "age_mw"], "p50"]`.

        A table of many galaxies without IDs has them by number, from 0.
        """
        return _Rows(self)

    @property
    def iloc(self) -> Any:
        """Rows and columns by number, from 0, as in pandas: `iloc[0]`, `iloc[0, 2]`, `iloc[:3]`."""
        return _Numbered(self)

    def to_pandas(self, index: bool | str | None = None, use_nullable_int: bool = True) -> Any:
        """A pandas DataFrame; its index is the name of the quantity, or the ID of the galaxy.

        index : another column, or False for the numbers of the rows
        """
        if index is None and self._key:
            index = self._key
        return super().to_pandas(index=index, use_nullable_int=use_nullable_int)

    def write(self, *place: Any, **options: Any) -> None:
        """As the `write` of an astropy Table; in FITS, which has ASCII alone, M☉ is Msun."""
        table = Table(self)
        for name in table.colnames:
            if table[name].dtype.kind == "O":  # not every format holds Python objects
                table[name] = table[name].astype(str)
        if _is_fits(options.get("format") or str(place[0] if place else "")):
            _in_ascii(table)
        path = place[0] if place and isinstance(place[0], str | os.PathLike) else None
        kept = path is None or (os.path.exists(path) and not options.get("overwrite"))
        if kept or options.get("append"):  # astropy says what is there already
            table.write(*place, **options)
            return
        with replacing(path) as temporary:
            try:
                table.write(temporary, *place[1:], **options)
            except RuntimeError as error:  # HDF5's, where the disk is full
                raise OSError(str(error)) from None

    def _ipython_key_completions_(self) -> list[str]:
        names = [str(n) for n in self["name"]] if "name" in self.colnames else []
        return [*names, *self.colnames]

    @property
    def _key(self):
        """The column that names the rows; "" if there is none."""
        return next((name for name in ("name", "id") if name in self.colnames), "")

    @property
    def _head(self):
        return ", ".join(str(self.meta[key]) for key in _SAID if self.meta.get(key))

    @property
    def _foot(self):
        """Sentences below the numbers."""
        return self.meta.get("foot", ())

    def _shown(self):
        """A copy with three decimals."""
        copy = Table(self, copy=True)
        for name in copy.colnames:
            if np.issubdtype(copy[name].dtype, np.floating):
                copy[name].info.format = ".3f"
        return copy

    def __str__(self):
        shown = self._shown()
        if "name" in self.colnames:
            lines = shown.pformat(max_lines=-1, show_unit=False, max_width=-1)
        else:
            most = -1 if len(self) <= _MOST else _MOST
            cut = {"max_lines": most, "max_width": _WIDTH}
            lines = list(self._beside()) or shown.pformat(show_unit=False, **cut)
        lines += [line for text in self._foot for line in textwrap.wrap(text, _WIDTH)]
        return "\n".join([self._head, *lines] if self._head else lines)

    __repr__ = __str__

    def _quantities(self):
        """Columns of each quantity of many galaxies: name -> {"p16": column, ...}."""
        groups: dict[str, dict[str, str]] = {}
        for column in self.colnames:
            name, _, label = column.rpartition("_p")
            if name and np.issubdtype(self[column].dtype, np.floating):
                groups.setdefault(name, {})[f"p{label}"] = column
        return groups

    def _beside(self) -> Iterator[str]:
        """Lines of a few galaxies beside each other; none if they are too many or too wide."""
        groups = self._quantities()
        if not (0 < len(self) <= _BESIDE and groups):
            return
        labels = list(next(iter(groups.values())))
        first, wide = max(map(len, groups)), _CELL * len(labels)
        together = (_WIDTH - first) // (wide + 1)
        if together < 1:
            return
        for start in range(0, len(self), together):
            rows = range(start, min(start + together, len(self)))
            heads = [self._titles(row) for row in rows]
            for said in zip(*heads, strict=True):
                yield " " * first + "".join(f" {text[:wide]:>{wide}}" for text in said)
            names = "".join(f"{label:>{_CELL}}" for label in labels)
            yield " " * first + f" {names}" * len(rows)
            for name, columns in groups.items():
                cells = (
                    "".join(f"{self[column][row]:>{_CELL}.3f}" for column in columns.values())
                    for row in rows
                )
                yield f"{name:{first}}" + "".join(f" {cell}" for cell in cells)
            if rows[-1] + 1 < len(self):
                yield ""

    def _titles(self, row):
        """ID, or number, and verdict of a galaxy."""
        name = str(self["id"][row]) if "id" in self.colnames else f"galaxy {row}"
        return (name, str(self["verdict"][row])) if "verdict" in self.colnames else (name,)

    def _repr_html_(self):
        groups = {} if "name" in self.colnames else self._quantities()
        if groups and 0 < len(self) <= _BESIDE:
            labels = list(next(iter(groups.values())))
            titles = [self._titles(row) for row in range(len(self))]
            heads = ["", *(x for t in titles for x in (": ".join(t), *[""] * (len(labels) - 1)))]
            rows = [["", *labels * len(self)]]
            for name, columns in groups.items():
                rows.append([name, *(f"{row[c]:.3f}" for row in self for c in columns.values())])
            return views.markup(self._head, views.table(heads, rows))
        shown = self._shown()
        formats = [shown[name].info.format for name in shown.colnames]
        rows = [
            [f"{v:.3f}" if form else v for v, form in zip(row, formats, strict=True)]
            for row in (shown[:_MOST] if groups else shown)
        ]
        more = len(shown) - len(rows)
        rest = (f"<p>and {more:,} more galaxies</p>",) if more else ()
        rest += (views.table((), [(text,) for text in self._foot]),) if self._foot else ()
        return views.markup(self._head, views.table(shown.colnames, rows), *rest)


class _Rows:
    """What `Summary.loc` is."""

    def __init__(self, summary: Summary):
        self._summary = summary

    def __getitem__(self, item: Any) -> Any:
        summary = self._summary
        rows, columns = item if isinstance(item, tuple) and len(item) == 2 else (item, None)
        for name in [columns] if isinstance(columns, str) else columns or ():
            if name not in summary.colnames:
                raise unknown("column", name, summary.colnames)
        known = list(summary[summary._key]) if summary._key else list(range(len(summary)))
        if isinstance(rows, list | np.ndarray):
            found = summary[[_place(row, known, summary) for row in rows]]
        else:
            found = summary._shown()[_place(rows, known, summary)]
        return found if columns is None else found[columns]


class _Numbered:
    """What `Summary.iloc` is."""

    def __init__(self, summary: Summary):
        self._summary = summary

    def __getitem__(self, item: Any) -> Any:
        summary = self._summary
        rows, columns = item if isinstance(item, tuple) and len(item) == 2 else (item, slice(None))
        try:
            if isinstance(rows, str):
                raise IndexError
            chosen = np.array(summary.colnames, dtype=object)[columns]
            if isinstance(chosen, str):
                return summary._shown()[chosen][rows]
            part = summary[list(chosen)]
            return part._shown()[rows] if isinstance(rows, int | np.integer) else part[rows]
        except (IndexError, TypeError, ValueError):
            raise SedflowError(
                f"iloc[{str(item)[:60]}] is not in the table of {len(summary)} rows and "
                f"{len(summary.colnames)} columns, numbered from 0; names go into loc"
            ) from None


def _place(row, known, summary):
    """Number of the row of that name or ID."""
    if row not in known:
        kind = "quantity" if summary._key == "name" else "galaxy"
        raise unknown(kind, row, [str(name) for name in known[:20]])
    return known.index(row)


_OLD = {"16": "p16", "50": "p50", "84": "p84"}


def _is_fits(name):
    """Whether a table goes into a file of FITS, by the name of the format or of the file."""
    return name.lower().removesuffix(".gz").endswith(("fits", ".fit", ".fts"))


def _in_ascii(table):
    """Change the text of a table to ASCII, in its columns, units and meta."""
    for name in table.colnames:
        column = table[name]
        if column.dtype.kind == "U":
            table[name] = np.array([_ascii(text) for text in column.tolist()], dtype=str)
        elif column.unit is not None:
            column.unit = column_unit(_ascii(str(column.unit)))
    said = {key: _ascii(str(table.meta[key])) for key in (*_SAID, "note") if key in table.meta}
    foot = " ".join(map(str, table.meta.get("foot", ())))
    table.meta = said | {"comments": textwrap.wrap(_ascii(foot), 70)}


def _ascii(text):
    for sign, plainly in (("☉", "sun"), ("Å", "Angstrom"), ("±", "+-"), ("★", "*")):
        text = text.replace(sign, plainly)
    return text.encode("ascii", "replace").decode()

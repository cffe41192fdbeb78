"""Columns of any kind of table as plain arrays, and the units that fluxes come in.

Astropy, pandas, Arrow, structured arrays and mappings of arrays are all tables here. Numbers
come out as floats with NaN where there is none, whatever the table has for that.
"""

import re
from collections import Counter
from collections.abc import Mapping as AnyMapping

import numpy as np

from sedflow.errors import SedflowError

__all__ = [
    "BLANK", "Columns", "check_names", "from_arrow", "root_of", "same_unit", "scale_of", "some",
]  # fmt: skip

#: Text, in small letters, that says that there is no value.
BLANK = ("", "nan", "null", "none", "na", "n/a", "--", "-", "nat", "<na>", "masked")
_AB_JY = 3631.0
_LONG_NAME = 40  # characters of a name that a sentence quotes
_MOST = 5000  # columns; each costs all of its readers something
#: Nanomaggies in units whose names are words; other units are astropy's, by their symbols.
_WORDS = {
    "nanomaggies": 1.0, "nanomaggy": 1.0, "nmgy": 1.0, "maggies": 1e9, "maggy": 1e9,
    "microjansky": 1e3 / _AB_JY, "millijansky": 1e6 / _AB_JY, "nanojansky": 1 / _AB_JY,
    "jansky": 1e9 / _AB_JY,
}  # fmt: skip
_MAGNITUDES = ("mag", "mags", "magnitude", "magnitudes", "ab", "abmag", "mag(ab)", "ab mag")

_WORDS_AS_SYMBOLS = {
    "nanomaggies": "nmgy", "nanomaggy": "nmgy", "nmgy": "nmgy", "maggies": "mgy", "maggy": "mgy",
    "1/nanomaggies^2": "nmgy-2", "nanomaggies^-2": "nmgy-2", "1/nanomaggies2": "nmgy-2",
    "nanomaggies-2": "nmgy-2",
}  # fmt: skip


class Columns:
    """The columns of any kind of table, as arrays."""

    def __init__(self, table):
        self.table = table
        if hasattr(table, "colnames"):
            self.names = list(table.colnames)
        elif hasattr(table, "column_names"):
            self.names = list(table.column_names)
        elif hasattr(table, "columns"):
            self.names = [str(name) for name in table.columns]
        elif isinstance(table, np.ndarray) and table.dtype.names:
            self.names = list(table.dtype.names)
        elif isinstance(table, AnyMapping):
            self.names = [str(name) for name in table]
        else:
            raise SedflowError(
                f"{type(table).__name__} is no table; give an astropy Table, a pandas DataFrame, "
                "an Arrow table or a mapping of arrays"
            )
        check_names(self.names, "the table")
        self.problems = (getattr(table, "meta", None) or {}).get("problems", {})

    @property
    def n(self):
        """Number of rows."""
        if isinstance(self.table, AnyMapping):
            return len(next(iter(self.table.values()), ()))
        return self.table.num_rows if hasattr(self.table, "num_rows") else len(self.table)

    def unit(self, name):
        """Unit as the table states it; "" if it does not."""
        unit = getattr(self.table[name], "unit", None)
        return "" if unit is None else str(unit)

    def width(self, name):
        """How many numbers a cell holds, if it holds several; else 0."""
        values = self._raw(name) if name else None
        return 0 if np.ndim(values) != 2 else np.shape(values)[1]

    def _raw(self, name):
        """Values (n,) or (n, m) of a column: numbers, or objects and text; masked perhaps."""
        values = self.table[name]
        if hasattr(values, "combine_chunks"):
            values = from_arrow(values)
        elif hasattr(values, "to_numpy") and hasattr(values, "isna"):
            blank = np.asarray(values.isna())
            if values.dtype.kind in "iub" and blank.any():
                values = np.ma.array(values.fillna(0).to_numpy(dtype=np.int64), mask=blank)
            elif values.dtype.kind == "f":
                values = values.to_numpy(dtype=float, na_value=np.nan)
            elif values.dtype.kind in "iub":
                values = values.to_numpy(dtype=values.dtype.kind + "8" if values.dtype.kind != "b"
                                         else bool)  # fmt: skip
            else:
                values = np.array([*values.tolist(), None], dtype=object)[:-1]
        if not isinstance(values, np.ma.MaskedArray):
            values = np.asarray(getattr(values, "value", values))
        lists = values.dtype == object and len(values) and _is_list(values[0])
        if lists and len({len(v) if _is_list(v) else -1 for v in values}) == 1:
            values = np.array([list(v) for v in values])
        return values

    def column(self, name):
        """Values (n,) of a column, or of one element of a column of several numbers."""
        base, k = name, None
        if name not in self.names and (match := re.fullmatch(r"(.+)\[(\d+)\]", name)):
            base, k = match[1], int(match[2])
        if base not in self.names:
            raise SedflowError(f"there is no column {base!r}; there are {some(self.names)}")
        values = self._raw(base)
        if values.ndim == 1 and k is None:
            return values
        if values.ndim == 1 and not len(values):
            return values  # an empty table does not tell how many numbers a cell would hold
        if values.ndim == 1:
            raise SedflowError(f"the column {base!r} holds one value a row, so there is no {name}")
        if values.ndim > 2 or k is None or k >= values.shape[1]:
            raise SedflowError(
                f"the column {base!r} holds {' x '.join(map(str, values.shape[1:]))} numbers a "
                f"row; say which, as {base}[0] to {base}[{values.shape[1] - 1}]"
            )
        return values[:, k]

    def numbers(self, name, reasons):
        """A column as floats (n,), NaN where blank; what is no number goes into reasons."""
        values = self.column(name)
        mask = np.ma.getmaskarray(values)
        values = np.ma.getdata(values)
        if values.dtype.kind in "iuf":
            return np.where(mask, np.nan, values.astype(float))
        if values.dtype.kind not in "OUS":
            raise SedflowError(f"the column {name!r} holds {values.dtype} values, not numbers")
        out = np.full(len(values), np.nan)
        for row, value in enumerate(values):
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            if mask[row] or text is None or str(text).strip().lower() in BLANK:
                continue
            try:
                out[row] = float(text)
            except (TypeError, ValueError, OverflowError):
                reasons.setdefault(row, f"{name} = {str(text)[:40]!r} is not a number; mend it")
        return out

    def check_unit(self, name, unit, power=1):
        """Refuse a column whose own unit is not the one that the mapping says."""
        stated = self.unit(re.sub(r"\[\d+\]$", "", name) if name not in self.names else name)
        if power != 1:
            stated = root_of(stated)
        if stated and not same_unit(stated, unit):
            raise SedflowError(
                f"the column {name!r} is in {stated!r} by its own account, but in {unit!r} by the "
                "mapping; correct one of them"
            )


def _is_list(value):
    return isinstance(value, list | tuple | np.ndarray)


def root_of(unit):
    """The unit whose -2nd power this is, as text; "" if it cannot be told."""
    if not unit:
        return ""
    try:
        return str(_astropy_unit(unit) ** -0.5)
    except Exception:  # astropy's parsers raise errors of many kinds
        return ""


def same_unit(a, b):
    return a == b or scale_of(a) == scale_of(b)


def check_names(names, table):
    """Refuse names of columns that stand twice, or are too many to be a catalogue's."""
    if len(names) > _MOST:
        raise SedflowError(
            f"{table} has {len(names):,} columns, where {_MOST:,} are read at most; leave out "
            "those that are not needed"
        )
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise SedflowError(
            f"{table} has the column {_short(name)!r} {times} times; rename all but one"
        )


def some(names):
    """A dozen names in words, of files that are no tables too."""
    words = ", ".join(map(_short, names[:12])) + (", ..." if len(names) > 12 else "")
    return "".join(c if c.isprintable() else "?" for c in words)


def _short(name):
    return name if len(name) <= _LONG_NAME else name[:_LONG_NAME] + "..."


def scale_of(unit: str) -> float | None:
    """Nanomaggies in a unit of flux density; None for AB magnitudes.

    Raises
    ------
    SedflowError
        Neither the one nor the other.
    """
    word = unit.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    if word in _MAGNITUDES:
        return None
    from astropy import units as u

    try:
        parsed = _astropy_unit(unit)
        if parsed in (u.mag, u.ABmag):
            return None
        if parsed.is_equivalent(u.mgy):
            return float(parsed.to(u.nmgy))
        return float(parsed.to(u.Jy)) * 1e9 / _AB_JY
    except Exception:  # astropy's parsers raise errors of many kinds
        raise SedflowError(
            f"the unit {unit!r} is neither a flux density per frequency nor an AB magnitude; use "
            "nanomaggies, Jy, mJy, uJy, nJy, erg/s/cm2/Hz or mag"
        ) from None


def _astropy_unit(unit):
    from astropy import units as u

    return u.Unit(_WORDS_AS_SYMBOLS.get(str(unit).strip().lower(), str(unit)))


def from_arrow(column):
    """An Arrow column as an array: masked where null, 2-D where it holds lists of one length."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from astropy.table import MaskedColumn

    column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        if pa.types.is_fixed_size_list(kind):
            width = kind.list_size
        else:
            lengths = pc.unique(pc.list_value_length(column).drop_null())
            if len(lengths) > 1 or not len(column):
                return np.array([*column.to_pylist(), None], dtype=object)[:-1]
            width = lengths[0].as_py() if len(lengths) else 1
        rows = [[np.nan] * width if row is None else row for row in column.to_pylist()]
        return np.array(rows, dtype=float).reshape(len(rows), width)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        mask = column.is_null().to_numpy(zero_copy_only=False)
        values = pc.fill_null(column, False if pa.types.is_boolean(kind) else 0)
        values = values.to_numpy(zero_copy_only=False)
        return MaskedColumn(values, mask=mask) if mask.any() else values
    if pa.types.is_floating(kind):
        return column.to_numpy(zero_copy_only=False)
    return np.array([*column.to_pylist(), None], dtype=object)[:-1]

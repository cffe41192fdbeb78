"""Columns of any kind of table as plain arrays, and the units that fluxes come in.

Astropy, pandas, Arrow, structured arrays and mappings of arrays are all tables here. Numbers
come out as floats with NaN where there is none, whatever the table has for that.
"""

import re
from collections import Counter
from collections.abc import Mapping as AnyMapping
from contextlib import suppress
from copy import copy
from functools import cached_property

import numpy as np

from sedflow.batches import check_labels
from sedflow.catalogue.arrow import from_arrow
from sedflow.catalogue.column_units import unit_of_result
from sedflow.catalogue.flags import (
    are_lower,
    fractions,
    is_limit,
    number_in,
    sign_of,
    text_of,
    word_of,
)
from sedflow.catalogue.named_units import split_name
from sedflow.catalogue.owners import Owners
from sedflow.catalogue.result_columns import (
    Pairs,
    fluxes_of_results,
    is_quantile,
    unclear_fluxes,
)
from sedflow.errors import SedflowError
from sedflow.files.bounds import LIBRARY
from sedflow.flux_units import error_step, flux_unit, same_flux_unit
from sedflow.units import BLANK, as_number, as_unit, column_unit, odd_digits, split, unmasked

#: An ID that is a whole number of 64 bits; 007, -0, 1e3 and 1_000 are text.
WHOLE = re.compile(
    r"0|-?[1-9][0-9]{0,17}|-?[1-8][0-9]{18}|-?9[01][0-9]{17}|-?92([01][0-9]|2[0-2])[0-9]{15}"
)
_SOLID_ANGLE = re.compile(
    r"\b(sr|ster|steradians?|beam|pix(els?)?|a(rc)?sec(s|onds?)?|arcmin|as|deg)"
    r"(\^|\*\*)?\(?-?[12]?\)?(?![a-z])|square|\bsq\b|\U000025a1",
    re.IGNORECASE,
)
_LOOKED_AT = 1000  # cells of text, to tell flags from measurements
_LONG_NAME = 40  # characters of a name that a sentence quotes
_LONGEST_NAME = 200  # characters of a name of a column
_PLAIN_MAG = ("mag", "mags", "magnitude", "magnitudes")
_WIDE = 2**26  # bytes; text that takes more at equal width is held as objects


class Columns:
    """The columns of any kind of table, as arrays."""

    def __init__(self, table):
        self.table = table
        if type(table).__name__ == "Row" and hasattr(table, "colnames"):  # of astropy
            raise SedflowError("a row of a table is not a table; give table[k:k+1] for row k")
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
                f"{type(table).__name__} is not a table; give an astropy Table, a pandas "
                "DataFrame, an Arrow table or a mapping of arrays"
            )
        check_names(self.names, "the table")
        kind = type(table)  # which has no columns: an attribute of a data frame may be one
        if hasattr(kind, "collect") or hasattr(kind, "fetchnumpy"):  # of polars, of DuckDB
            raise SedflowError(
                f"{type(table).__name__} has no rows yet; give what collect() of polars, or df() "
                "of DuckDB, returns"
            )
        if isinstance(table, AnyMapping):
            check_labels(SedflowError, **{str(name): v for name, v in table.items()})
        self.n  # noqa: B018 - raises
        self.masks = {name for name in self.names if f"{name}.mask" in self.names}
        companions = {f"{name}.mask" for name in self.masks}
        self.names = [name for name in self.names if name not in companions]
        #: fluxes and errors of results, to which this table may be joined
        self.of_results = fluxes_of_results(self.names)
        self._whole = tuple(self.names)  # of this table, whatever part `only` leaves
        self.problems = (getattr(table, "meta", None) or {}).get("problems", {})
        if any(row >= self.n for row in self.problems):
            raise SedflowError(
                "the table is a part of one that was read with bad lines, which are known by their "
                "numbers in the whole; map the whole, and take rows of the result"
            )

    @property
    def n(self) -> int:
        """Number of rows."""
        if isinstance(self.table, AnyMapping):
            return self._length()
        return self.table.num_rows if hasattr(self.table, "num_rows") else len(self.table)

    def _length(self):
        """Rows of a mapping of arrays, which must be as long as one another."""
        lengths = {name: _rows_of(values) for name, values in self.table.items()}
        bare = [str(name) for name, shape in lengths.items() if not shape]
        if bare:
            raise SedflowError(
                f"the column {bare[0][:40]!r} is one value, not a list of a value for each row; "
                "put it in brackets"
            )
        first = next(iter(lengths), None)
        for name, shape in lengths.items():
            if shape != lengths[first]:
                raise SedflowError(
                    f"the columns {str(first)[:40]!r} and {str(name)[:40]!r} have "
                    f"{lengths[first][0]:,} and {shape[0]:,} rows; give all columns as many"
                )
        return lengths[first][0] if lengths else 0

    def fit(self, value: str, error: str) -> bool:
        """Whether the one column may hold the errors of the other, by their names and places."""
        return self._pairs.fit(value, error) and self._owners.fit(value, error)

    @cached_property
    def _pairs(self):
        return Pairs(self._whole)

    @cached_property
    def _owners(self):
        return Owners(self._whole)

    def with_errors(self) -> list[str]:
        """The columns beside which there is one that is their error by its name."""
        mine = set(self.names)
        return [name for name in self._owners.with_errors() if name in mine]

    def parts(self) -> list["Columns"]:
        """The table without the fluxes of results, and these alone: neither may have the other's.

        One part, the table as it is, where it has no results.
        """
        rest = [name for name in self.names if name not in self.of_results]
        unclear = unclear_fluxes(rest)
        others = [self.only(names) for names in (unclear, self.of_results) if names]
        return [self.only(set(rest) - unclear), *others]

    def only(self, names) -> "Columns":
        """The same table with fewer columns."""
        part = copy(self)
        part.names = [name for name in self.names if name in names]
        return part

    def unit(self, name) -> str:
        """Unit as the table states it, beside the column or in its name, or as results of this
        program have it; "" if none does.
        """
        unit = getattr(self.table[name], "unit", None)
        if unit is None:
            unit = self._described(name) or _of_elements(self.table[name])
        if not unit and (name in self.of_results or (self.of_results and is_quantile(name))):
            unit = unit_of_result(name)
        if not unit:
            unit = split_name(name)[1]
        return "" if unit is None else str(unit)

    def _described(self, name):
        """Unit beside the column: in the metadata of Arrow, or the attributes of pandas."""
        if hasattr(self.table, "schema") and hasattr(self.table, "column_names"):
            return unit_among(self.table.schema.field(name).metadata)
        if own := unit_among(getattr(self.table[name], "attrs", None)):
            return own
        units = (getattr(self.table, "attrs", None) or {}).get("units")
        return units.get(name) if isinstance(units, dict) else None

    def width(self, name) -> int:
        """How many numbers a cell holds, if it holds several; else 0."""
        shape: tuple[int, ...] = np.shape(self._raw(name)) if name else ()
        return shape[1] if len(shape) == 2 and shape[1] != 1 else 0  # one alone is as none

    def _raw(self, name):
        """Values (n,) or (n, m) of a column: numbers, or objects and text; masked perhaps."""
        values = self.table[name]
        if _of_elements(values) is not None:
            return split(list(values), name)[0]
        if hasattr(values, "combine_chunks"):
            values = from_arrow(values)
        elif hasattr(values, "to_numpy") and hasattr(values, "isna"):
            blank = np.asarray(values.isna())
            if values.dtype.kind in "iub" and blank.any():
                none = False if values.dtype.kind == "b" else 0  # Arrow's booleans take no number
                whole = values.to_numpy(dtype=np.int64, na_value=none)
                values = np.ma.array(whole, mask=blank)
            elif values.dtype.kind == "f":
                values = values.to_numpy(dtype=float, na_value=np.nan)
            elif values.dtype.kind in "iub":
                values = values.to_numpy(
                    dtype=values.dtype.kind + "8" if values.dtype.kind != "b" else bool
                )
            else:
                values = np.array([*values.tolist(), None], dtype=object)[:-1]
        elif isinstance(values, list | tuple) and any(map(_is_list, values)):
            values = np.array([*values, None], dtype=object)[:-1]  # some may be shorter, or none
        values = unmasked(values)
        return _of_lists(values) if values.dtype == object else values

    def column(self, name):
        """Values (n,) of a column, or of one element of a column of several numbers."""
        base, k = name, None
        if name not in self.names and (match := re.fullmatch(r"(.+)\[(\d+)\]", name)):
            base, k = match[1], int(match[2])
        if base not in self.names and base.removesuffix(".mask") not in self.masks:
            raise SedflowError(f"there is no column {base!r}; there are {some(self.names)}")
        values = self._raw(base)
        if base in self.masks:  # as astropy writes a masked column
            hidden = self.flags(f"{base}.mask")
            shape = hidden.reshape(-1, *[1] * (values.ndim - 1))
            values = np.ma.array(values, mask=np.ma.getmaskarray(values) | shape)
        if values.ndim == 2 and values.shape[1] == 1 and k is None:
            return values[:, 0]
        if values.ndim == 1 and k is None:
            return values
        if values.ndim == 1 and all(value is None for value in values):
            return values  # such a part of a table does not tell how many numbers a cell holds
        if values.ndim == 1:
            raise SedflowError(f"the column {base!r} holds one value a row, so there is no {name}")
        if values.ndim > 2 or k is None or k >= values.shape[1]:
            raise SedflowError(
                f"the column {base!r} holds {' x '.join(map(str, values.shape[1:]))} numbers a "
                f"row; say which, as {base}[0] to {base}[{values.shape[1] - 1}]"
            )
        return values[:, k]

    def _bare(self, name):
        """Values (n,) of a column, and where there is none."""
        values = self.column(name)
        return np.ma.getdata(values), np.ma.getmaskarray(values)

    def numbers(self, name, reasons, limits=None) -> np.ndarray:
        """A column as floats (n,), NaN where blank; what is not a number goes into reasons.

        limits : signs (n,) to set where the cell is text whose number counts: 1 of "<0.3", -1 of
            ">0.3"
        """
        values, mask = self._bare(name)
        if values.dtype.kind in "iuf":
            return np.where(mask, np.nan, values.astype(float))
        if values.dtype.kind not in "OUS":
            raise SedflowError(f"the column {name!r} holds {values.dtype} values, not numbers")
        if values.dtype.kind == "U" and not mask.any() and not odd_digits(values):
            with suppress(ValueError):  # where all are numbers, which is quick
                return values.astype(float)
        out = np.full(len(values), np.nan)
        for row, value in enumerate(values):
            text = text_of(value)
            if mask[row] or value is None or text.strip().lower() in BLANK:
                continue
            given = text if isinstance(value, bytes) else value
            if limits is not None and (sign := sign_of(text)):
                given, limits[row] = text.strip().lstrip("<>≤≥= "), sign
            try:
                out[row] = as_number(given)
            except (TypeError, ValueError, OverflowError):
                reasons.setdefault(row, f"{name} = {str(text)[:40]!r} is not a number; fix it")
        return out

    def flags(self, name) -> np.ndarray:
        """A column of flags as booleans (n,): true, 1, "<", "y", "U" and the like are True.

        Raises
        ------
        SedflowError
            A word is neither one that says so nor one that does not.
        """
        values, mask = self._bare(name)
        if values.dtype.kind in "biuf":
            numbers = np.where(mask, np.nan, values.astype(float))
            if (odd := fractions(numbers)).any():
                raise SedflowError(
                    f"the column {name!r} holds {numbers[odd][0]:.4g}, which is not a flag; where "
                    "it is the limit itself, put that into the column of the value, and 1 or 0 here"
                )
            return np.nan_to_num(numbers) != 0
        texts = [text_of(v) for v in values]
        known = np.array([is_limit(word_of(text)) for text in texts], dtype=object)
        known[mask] = False
        if strange := [text for text, flag in zip(texts, known, strict=True) if flag is None]:
            raise SedflowError(
                f"the column {name!r} holds {_short(strange[0].strip())!r}, which does not say "
                "whether a value is an upper limit; write true or false, U or D, or < where it is"
            )
        return known.astype(bool)

    def may_be_flags(self, name) -> bool:
        """Whether a column holds no numbers that only a measurement has, such as 25.3."""
        values, mask = self._bare(name)
        if values.dtype.kind in "biuf":
            return not fractions(np.where(mask, np.nan, values.astype(float))).any()
        some = values[~mask][:_LOOKED_AT]
        return not fractions(np.array([number_in(v) for v in some], float)).any()

    def flag_numbers(self, name) -> np.ndarray:
        """A column of flags as floats (n,), NaN where a flag is a word or a sign, or blank.

        A word for a lower limit is -1.
        """
        values, mask = self._bare(name)
        if values.dtype.kind in "biuf":
            return np.where(mask, np.nan, values.astype(float))
        lower = are_lower([word_of(text_of(value)) for value in values])
        return np.where(mask, np.nan, np.where(lower, -1.0, [number_in(v) for v in values]))

    def relations(self, name) -> np.ndarray:
        """Which sign flags (n,) begin with: 1 of "<", -1 of ">", or 0."""
        values, mask = self._bare(name)
        if values.dtype.kind in "biuf":
            return np.zeros(len(values), dtype=int)
        return ~mask * np.array([sign_of(text_of(value)) for value in values], dtype=int)

    def stated_unit(self, name) -> str:
        """Unit of a column, or of the column of which this is an element, as the table has it."""
        return self.unit(re.sub(r"\[\d+\]$", "", name) if name not in self.names else name)

    def check_unit(self, name, unit, power=1) -> None:
        """Refuse a column whose own unit is not the one that the mapping says.

        A unit that cannot be read is not an account of anything: the mapping's counts.
        """
        stated = self.stated_unit(name)
        read = readable_unit(stated if power == 1 else root_of(stated, power))
        same = read and (same_flux_unit(read, unit) or _both_magnitudes(read, unit))
        if _SOLID_ANGLE.search(stated):
            raise SedflowError(
                f"the column {name!r} is in {stated!r} by its own account, a surface brightness; "
                "give the flux or the magnitude of the whole galaxy"
            )
        if not same and (read or _of_another_quantity(stated)):
            raise SedflowError(
                f"the column {name!r} is in {stated!r} by its own account, but in {unit!r} by the "
                "mapping; correct one of them"
            )

    def check_system(self, name, unit) -> None:
        """Refuse magnitudes that are of another system by their own account than AB.

        "mag" in a mapping is AB; in a file it says nothing of the system.
        """
        stated = self.stated_unit(name)
        if unit.strip().lower() not in _PLAIN_MAG or not readable_unit(stated):
            return
        if stated.strip().lower() not in _PLAIN_MAG and not same_flux_unit(stated, "mag(AB)"):
            raise SedflowError(
                f"the column {name!r} is in {stated!r} by its own account, but in AB magnitudes "
                "by the mapping; state the unit that it is in, such as ST or Vega"
            )

    def check_redshift(self, name):
        """Refuse a column of velocities, or of another quantity with a unit."""
        from astropy import units as u

        stated = self.unit(name) if name in self.names else ""
        parsed = column_unit(stated)
        known = not isinstance(parsed, u.UnrecognizedUnit)
        if stated != "redshift" and known and parsed != u.dimensionless_unscaled:
            raise SedflowError(
                f"the column {name!r} is in {stated!r} by its own account, but a redshift has no "
                "unit; choose the column of redshifts, or divide velocities by that of light"
            )


def unit_among(attributes) -> str:
    """The unit among the attributes of a column, whichever of the usual names it has."""
    for key in ("unit", "units", "UNIT", "TUNIT"):
        for spelled in (key, key.encode()):
            value = (attributes or {}).get(spelled)
            if isinstance(value, bytes):
                value = value.decode("utf-8", "replace")
            if value is not None and not isinstance(value, dict | list | tuple):
                return str(value)
    return ""


def _rows_of(values):
    """(n,) of a column of n rows; () of a single value."""
    shape = getattr(values, "shape", None)
    if shape is not None:
        return tuple(shape[:1])
    return (len(values),) if hasattr(values, "__len__") and not isinstance(values, str) else ()


def _of_elements(values):
    """The unit of the first of several quantities, one a row; None of all else."""
    if isinstance(values, list | tuple) or (
        getattr(getattr(values, "dtype", None), "kind", "") == "O"
    ):
        first = next((value for value in values if hasattr(value, "to_value")), None)
        return getattr(first, "unit", None)
    return None


def _is_list(value):
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim == 1)


def _is_blank(value):
    nothing = value is None or value is np.ma.masked or type(value).__name__ == "NAType"
    return nothing or (isinstance(value, float) and np.isnan(value))


def _of_lists(values):
    """Objects (n,) as they are; lists of m numbers as (n, m), blank where there is no such list."""
    lengths = Counter(len(v) for v in values if _is_list(v) and len(v))
    if not lengths or not all(_is_list(v) or _is_blank(v) for v in values):
        return values
    (width, _), *_ = lengths.most_common(1)
    blank = [np.nan] * width
    return np.array([list(v) if _is_list(v) and len(v) == width else blank for v in values])


def root_of(unit, power=-2) -> str:
    """The unit of whose power this is one, as text; "" if it cannot be recognized."""
    if not unit:
        return ""
    try:
        return str(as_unit(unit) ** (1 / power))
    except Exception:  # astropy's parsers raise errors of many kinds
        return ""


def readable_unit(text) -> str:
    """A unit of fluxes or magnitudes as the table has it; "" if it cannot be read as one."""
    if text.strip().lower() in ("dex", "db"):  # good for errors
        return text
    try:
        flux_unit(text)
    except SedflowError:
        return ""
    return text


def _of_another_quantity(text):
    """Whether a unit is astropy's, but not one of fluxes; counts are of any."""
    from astropy import units as u

    try:
        parsed = as_unit(text)
    except Exception:  # astropy's parsers raise errors of many kinds
        return False
    if isinstance(parsed, u.function.FunctionUnitBase | u.UnrecognizedUnit):
        return False
    counts = {str(base) for base in parsed.bases} & {"ct", "adu", "electron", "ph", "DN", "mag"}
    return not counts and parsed != u.dimensionless_unscaled


def _both_magnitudes(a, b):
    """Whether one of two units is "mag", which errors of any magnitudes have, and both its size."""
    words = {a.strip().lower(), b.strip().lower()}
    return bool({"mag", "mmag"} & words) and error_step(a) == error_step(b)


def check_names(names, table, bounds=LIBRARY) -> None:
    """Refuse names of columns that appear twice, or are too many to be a catalogue's."""
    bounds.check_columns(len(names), table)
    longest = max(map(len, names), default=0)
    if longest > _LONGEST_NAME:
        raise SedflowError(
            f"{table} has a column whose name has {longest:,} characters, where {_LONGEST_NAME} "
            "are read at most; rename it"
        )
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise SedflowError(
            f"{table} has the column {_short(name)!r} {times} times; rename all but one"
        )


def some(names) -> str:
    """A dozen names in words, also of files that are not tables."""
    words = ", ".join(map(_short, names[:12])) + (", ..." if len(names) > 12 else "")
    return "".join(c if c.isprintable() else "?" for c in words)


def _short(name):
    return name if len(name) <= _LONG_NAME else name[:_LONG_NAME] + "..."


def text_array(values) -> np.ndarray:
    """Text (n,) at equal width, or as objects where one long cell would make all cells wide."""
    values = list(values)
    longest = max(map(len, values), default=0)
    wide = not values or 4 * longest * len(values) > _WIDE
    return np.array([*values, None], dtype=object)[:-1] if wide else np.array(values, dtype=str)

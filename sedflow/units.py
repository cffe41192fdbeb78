"""Numbers from outside as plain arrays: NaN where a mask says that there is none, units converted.

Arrays of astropy, numpy and pandas carry a mask or a unit. Plain conversion by numpy takes the
number that lies under the mask, and drops the unit; so what a caller hands over is converted here.
"""

import re
import unicodedata
from functools import lru_cache

import numpy as np

from sedflow.errors import SedflowError

#: Text, in small letters, that says that there is no value.
BLANK = (
    *("", "nan", "null", "none", "na", "n/a", "n.a.", "#n/a", "<na>", "nat", "nil", "\\n"),
    *("-", "--", "---", "----", "..", "...", "....", "?", "*", "masked", "missing", "undefined"),
    *(
        "indef",
        "undef",
        "no_data",
        "nodata",
        "no data",
        "not observed",
        "blank",
        "null()",
        "-nan",
        "+nan",
        "nan()",
    ),
)
_NUMBER = re.compile(
    r"\s*([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:[eEdD]([-+]?[0-9]+))?\s*"
    r"|\s*[-+]?(?:nan|inf|infinity)\s*",
    re.IGNORECASE,
)
_NANOMAGGIES = re.compile(r"\bnano-?magg(?:y|ies?)(?![a-z])", re.IGNORECASE)
_MAGGIES = re.compile(r"\bmagg(?:y|ies?)(?![a-z])", re.IGNORECASE)

_LONGEST_UNIT = 100  # characters
_WORDS = re.compile(r"(?<![\d.])[^\W\d]+|(?<=\d)(?![eE][-+]?\d)[^\W\d]+")  # not the e of 1e-17
#: What units are called in astropy's formats, or written with, beside the names that it knows.
_OF_PARSERS = frozenset(("sqrt", "exp", "log", "ln"))
_LARGE_POWER = re.compile(r"[-+*^(]\s*\d{5,}")  # 10**9999999 takes astropy minutes

_KINDS = {"b": "booleans", "c": "complex numbers", "m": "durations", "M": "dates", "U": "text"}
_EXACT = (float, int, np.float64, np.int64)  # elements of a list that carry nothing more


def as_number(text) -> float:
    """The number that a cell of a table states, as tables write numbers.

    Python alone would read 1_04.2 and the digits of any script as numbers, which no table means,
    and refuse the exponent of Fortran.

    Raises
    ------
    ValueError, OverflowError or TypeError
        It is not a number.

    Examples
    --------
    >>> as_number("1.042D2"), as_number(" -3e-1")
    (104.2, -0.3)
    """
    if not isinstance(text, str):
        return float(text)
    found = _NUMBER.fullmatch(text)
    if not found:
        raise ValueError(f"{text[:40]!r} is not a number")
    return float(f"{found[1]}e{found[2]}" if found[2] else text)


def odd_digits(values: np.ndarray) -> bool:
    """Whether text (n,) has signs that numpy takes for parts of numbers, and `as_number` not."""
    if values.dtype.kind == "U" and values.size and values.dtype.itemsize:
        codes = np.ascontiguousarray(values).view(np.uint32)
        return bool(((codes > 127) | (codes == ord("_"))).any())
    return any("_" in text or not text.isascii() for text in values.tolist())


def plain(values, name: str, unit: str | None = None, error=SedflowError) -> np.ndarray:
    """Numbers of any kind of array as floats, NaN where masked, in the unit given.

    values : array, list or number, of astropy, numpy or pandas
    name : of the quantity, for messages
    unit : what its own unit is converted to, if it has one; "" is dimensionless, and None that
        the quantity has no unit
    error : the kind of error to raise

    Raises
    ------
    SedflowError
        These are not numbers, or have a unit that is another quantity's.

    Examples
    --------
    >>> from astropy import units as u
    >>> plain([0.1, 0.2] * u.um, "wavelength", "Angstrom").round().tolist()
    [1000.0, 2000.0]
    """
    numbers, found = split(values, name, error)
    if found is None:
        return numbers
    wanted = "plain numbers" if not unit else f"a quantity in {unit}, or plain numbers"
    try:
        if unit is None:
            raise ValueError
        if unit == "" and str(found) == "redshift":  # astropy's name for it
            return numbers
        return np.asarray(found.to(as_unit(unit), numbers), dtype=float)
    except Exception:  # astropy's units raise errors of many kinds
        raise error(f"{name} has the unit {str(found)!r}; give {wanted}") from None


def split(values, name: str, error=SedflowError):
    """Floats, NaN where masked or None, and their unit of astropy's; None if they have none."""
    try:
        return _split(values)
    except (TypeError, ValueError, OverflowError) as problem:
        raise error(f"{name} must be numbers: {problem}") from None


def unmasked(values) -> np.ndarray:
    """An array without its unit; a masked array of numpy's where any kind of mask was."""
    if isinstance(values, np.ma.MaskedArray):
        return values
    bare = getattr(values, "unmasked", values)  # of astropy's Masked
    bare = np.asarray(getattr(bare, "value", bare))
    mask = getattr(values, "mask", False) if hasattr(values, "unmasked") else False
    return np.ma.array(bare, mask=np.asarray(mask)) if np.any(mask) else bare


def _split(values):
    if isinstance(values, list | tuple):
        return _split_list(values)
    if isinstance(values, np.ndarray):
        unit = None if values.dtype.names else getattr(values, "unit", None)
        if unit is not None and unit == "":
            unit = None  # dimensionless
        values = unmasked(values)
        numbers, inner = _floats(np.ma.getdata(values, subok=False))
        mask = np.ma.getmaskarray(values)
        return (np.where(mask, np.nan, numbers) if mask.any() else numbers), unit or inner
    if hasattr(values, "isna") and hasattr(values, "to_numpy"):  # of pandas
        if getattr(getattr(values, "dtype", None), "kind", "O") in "iuf":
            return values.to_numpy(dtype=float, na_value=np.nan), None
        values = values.to_numpy()
    return _floats(np.asarray(values))


def _split_list(values):
    if all(type(value) in _EXACT for value in values):
        return np.array(values, dtype=float), None
    pieces = [_split(value) for value in values]
    some = [unit for numbers, unit in pieces if unit or not np.isnan(numbers).all()]
    units = {str(unit or "") for unit in some}  # nothing has none
    if len(units) > 1:
        raise ValueError(f"their units differ ({', '.join(sorted(map(repr, units)))})")
    return np.array([numbers for numbers, _ in pieces], dtype=float), next(iter(some), None)


def _floats(array):
    """Floats of an array whose elements may be of any kind, and their unit."""
    if array.dtype.kind in "iuf":
        return array.astype(float, copy=False), None
    if array.dtype.kind != "O":
        kind = _KINDS.get(array.dtype.kind, f"{array.dtype} values")
        raise TypeError(f"there are {kind}")
    if array.ndim:
        return _split_list(array.tolist()) if array.size else (array.astype(float), None)
    value = array.item()
    if value is None or type(value).__name__ == "NAType":  # pandas'
        return np.array(np.nan), None
    if isinstance(value, bool | complex | str | bytes) or hasattr(value, "total_seconds"):
        raise TypeError(f"there is a {type(value).__name__}")
    return np.array(float(value)), None


def as_unit(unit):
    """The unit of astropy's that a text names, the words of catalogues among them.

    >>> str(as_unit("1/nanomaggies^2"))
    '1 / nmgy2'
    """
    text = _NANOMAGGIES.sub("nmgy", str(unit).strip())
    return parsed_unit(_MAGGIES.sub("mgy", text))


def is_parsable(text: str) -> bool:
    """Whether a text is short, of words that are units, and without powers that no unit has.

    Others take astropy long: it looks for units that are spelled like an unknown one.

    >>> is_parsable("10^-17 erg/s/cm2/Angstrom"), is_parsable("10**9999999 m"), is_parsable("class")
    (True, False, False)
    """
    if len(text) > _LONGEST_UNIT:
        return False
    plainly = unicodedata.normalize("NFKC", text)  # astropy reads superscripts as powers
    return not _LARGE_POWER.search(plainly) and all(map(_is_unit, _WORDS.findall(plainly)))


def _is_unit(word):
    from astropy import units as u

    known = u.get_current_unit_registry().registry
    return word in known or word in _OF_PARSERS


def parsed_unit(text: str, **options):
    """`astropy.units.Unit(text, **options)` of a text from outside.

    Raises
    ------
    ValueError
        It is not one, or takes too long to parse.
    """
    from astropy import units as u

    if not is_parsable(text):
        raise ValueError(f"{text[:40]!r} is not a unit")
    return u.Unit(text, **options)


@lru_cache(2000)
def column_unit(text: str | None):
    """What a column of a table takes as its unit: one of astropy's, however odd the text is.

    To be told that a text is none takes ten milliseconds, and tables have a thousand columns.
    """
    from astropy import units as u

    if text is None:
        return None
    text = str(text)
    if not is_parsable(text):
        return u.UnrecognizedUnit(text[:_LONGEST_UNIT])
    return u.Unit(text, parse_strict="silent")

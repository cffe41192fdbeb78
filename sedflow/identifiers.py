"""IDs of galaxies as arrays: whole numbers or text, exact."""

import numbers
import uuid
from decimal import Decimal

import numpy as np

from sedflow.errors import BadPhotometry

_DIGITS = 53  # binary, of the floating-point numbers of Python
_MISSING = "an ID is missing; give each galaxy one, or leave ids out"


def exact_ids(ids) -> np.ndarray:
    """A new array of IDs; floating-point numbers as whole ones, where these are exact.

    numpy makes floating-point numbers of whole ones above 2^63 beside others, and of a column with
    a NaN, which changes IDs of 19 digits; and it makes text of whatever is beside text.

    Raises
    ------
    BadPhotometry
        An ID is missing, a number that is not exact, or neither a number nor text.

    Examples
    --------
    >>> exact_ids([72.0, 161.0])
    array([ 72, 161])
    """
    if np.ma.is_masked(ids):
        raise BadPhotometry("an ID is masked; give each galaxy one, or leave ids out")
    try:
        values = np.array(ids)  # a copy: the caller's may be sorted later
    except (TypeError, ValueError) as problem:
        raise BadPhotometry(f"ids must be whole numbers or text ({problem})") from None
    if values.dtype.kind in "US" and not isinstance(ids, np.ndarray):
        _check_each(np.array(ids, dtype=object))
    if values.dtype.kind == "O":
        values = _in_plain_types(values)
    if values.dtype.kind in "OT":  # T is numpy's text of any length, which may have holes
        _check_each(values)
        values = _of_one_type(values)
    if values.dtype.kind == "i" or (values.dtype.kind == "u" and values.itemsize < 8):
        return values.astype(np.int64)  # files of some formats take one byte for yes or no
    if values.dtype.kind in "OUSu":
        return values
    if values.dtype.kind != "f":
        raise BadPhotometry(f"ids are {values.dtype} values; give whole numbers or text")
    if np.isnan(values).any():
        raise BadPhotometry(_MISSING)
    inexact = ~is_whole(values)
    if inexact.any():
        raise _inexact(values[inexact].flat[0])
    return values.astype(np.int64)


def _in_plain_types(values):
    """UUIDs as text, and whole decimal numbers, as databases have them, as ints."""
    out = values.copy()
    for place, value in np.ndenumerate(values):
        if isinstance(value, uuid.UUID):
            out[place] = str(value)
        elif isinstance(value, Decimal) and value.is_finite() and value == int(value):
            out[place] = int(value)
    return out


def is_whole(values: np.ndarray) -> np.ndarray:
    """Which floating-point numbers are whole ones, and such that no other was rounded to them."""
    exact = 2 ** min(np.finfo(values.dtype).nmant + 1, _DIGITS)  # below, each whole number is one
    return (np.abs(values) < exact) & (values == np.round(values))


def _check_each(values):
    """Refuse elements that are neither whole numbers nor text."""
    for value in values.ravel().tolist():
        if isinstance(value, str | bytes):
            continue
        if value is None or type(value).__name__ in ("NAType", "NaTType", "MaskedConstant"):
            raise BadPhotometry(_MISSING)
        if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral):
            raise BadPhotometry(_MISSING) if np.isnan(float(value)) else _inexact(value)
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            shown = " ".join(str(value).split())[:40]
            raise BadPhotometry(
                f"an ID is {shown}, of the type {type(value).__name__}; give whole numbers or text"
            )


def _of_one_type(values):
    """Whole numbers, or text in objects, which keeps all of it: no file has numbers among text."""
    each = values.ravel().tolist()
    if not any(isinstance(value, str | bytes) for value in each):
        large = [value for value in each if not -(2**63) <= value < 2**64]
        if large:
            raise BadPhotometry(
                f"the ID {large[0]} is beyond 2^64, the largest number that files hold; give text"
            )
        unsigned = max(each, default=0) >= 2**63 and min(each) >= 0
        return np.array(each, np.uint64 if unsigned else None).reshape(values.shape)
    out = np.empty(len(each), dtype=object)
    out[:] = [value if isinstance(value, str | bytes) else str(value) for value in each]
    return out.reshape(values.shape)


def _inexact(value):
    return BadPhotometry(
        f"ids are floating-point numbers, which are not exact, such as {value!s}; give whole "
        "numbers of one type below 2^63, or text"
    )

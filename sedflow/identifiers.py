"""IDs of galaxies as arrays: whole numbers or text, exact."""

import numpy as np

from sedflow.errors import BadPhotometry

_EXACT = 2**53  # below, a floating-point number holds each whole number


def exact_ids(ids) -> np.ndarray:
    """A new array of IDs; floating-point numbers as whole ones, where these are exact.

    numpy makes floating-point numbers of whole ones above 2^63 beside others, and of a column with
    a NaN, which changes IDs of 19 digits.

    Raises
    ------
    BadPhotometry
        An ID is missing, or a number that is not exact.

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
    if values.dtype.kind == "O":
        each = values.ravel().tolist()
        if any(v is None or (isinstance(v, float) and np.isnan(v)) for v in each):
            raise BadPhotometry("an ID is missing; give each galaxy one, or leave ids out")
        if any(isinstance(v, float) for v in each):
            raise _inexact(next(v for v in each if isinstance(v, float)))
    if values.dtype.kind == "i" or (values.dtype.kind == "u" and values.itemsize < 8):
        return values.astype(np.int64)  # files of some formats take one byte for yes or no
    if values.dtype.kind in "OUSu":
        return values
    if values.dtype.kind != "f":
        raise BadPhotometry(f"ids are {values.dtype} values; give whole numbers or text")
    inexact = ~((np.abs(values) < _EXACT) & (values == np.round(values)))
    if inexact.any():
        raise _inexact(values[inexact].flat[0])
    return values.astype(np.int64)


def _inexact(value):
    return BadPhotometry(
        f"ids are floating-point numbers, which are not exact, such as {value!s}; give whole "
        "numbers of one type below 2^63, or text"
    )

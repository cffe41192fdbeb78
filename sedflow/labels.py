"""What pandas, xarray and Arrow call the rows and columns of values; in arrays places are all."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sedflow.errors import SedflowError
from sedflow.units import column_unit

__all__ = ["labels_along", "labels_beside", "named_parts"]

_BARE = (float, int, bool, str, type(None), np.float64, np.float32, np.int64)  # have no names


def labels_along(values: Any, axis: int) -> list | None:
    """The labels along an axis; None of an array, and of anything that has none.

    >>> import pandas as pd
    >>> labels_along(pd.DataFrame({"u": [1.0], "g": [2.0]}), -1)
    ['u', 'g']
    """
    if hasattr(values, "to_dict") and hasattr(values, "axes"):  # of pandas
        axes = values.axes
        return list(axes[axis]) if -len(axes) <= axis < len(axes) else None
    if hasattr(values, "dims") and hasattr(values, "coords") and hasattr(values, "ndim"):
        dims = values.dims  # of xarray
        if not -len(dims) <= axis < len(dims) or dims[axis] not in values.coords:
            return None
        return list(values.coords[dims[axis]].values.tolist())
    names = getattr(getattr(values, "schema", None), "names", None)  # of Arrow, and of polars
    names = names() if callable(names) else names
    return list(names) if names is not None and axis in (-1, 1) else None


def labels_beside(values: Any) -> list[list[str]]:
    """What further coordinates of xarray, which are not the index, call the last axis, in text."""
    dims = getattr(values, "dims", ())
    if not dims or not hasattr(values, "coords"):
        return []
    beside = (coord for name, coord in values.coords.items() if name not in dims)
    found = [list(coord.values.tolist()) for coord in beside if coord.dims == tuple(dims[-1:])]
    return [labels for labels in found if _are_text(labels)]


def named_parts(
    values: Any, what: str = "values", refusal: type[SedflowError] = SedflowError
) -> dict[str, Any] | None:
    """Name -> values of that name along the last axis, where all labels there are text.

    Of a mapping, of rows in a list or in an array, and of a structured array, too.

    what : name of the quantity, for messages; refusal : the kind of error to raise

    Raises
    ------
    SedflowError
        Some rows of a list have names, and others none, or other ones.

    Examples
    --------
    >>> named_parts([{"u": 1.0, "g": 2.0}, {"g": 4.0, "u": 3.0}])
    {'u': [1.0, 3.0], 'g': [2.0, 4.0]}
    """
    if isinstance(values, list | tuple):
        return _of_rows(values, what, refusal)
    if isinstance(values, Mapping):
        return dict(values) if _are_text([*values]) else None
    columns = getattr(values, "columns", None)  # of pandas, astropy or polars
    names: list = [] if columns is None else list(columns)
    dtype = getattr(values, "dtype", None)
    if not _are_text(names):  # a structured array, and FITS or HDF5 tables, and rows of FITS
        table = getattr(values, "array", values)
        names = list(getattr(getattr(table, "dtype", None), "names", None) or ())
    if _are_text(names):
        return {name: _with_unit(values, name) for name in names}
    if getattr(dtype, "kind", "") == "O" and getattr(values, "ndim", 0) == 1:
        rows = _of_rows(list(values), what, refusal)
        if rows is not None:
            return rows
    names = labels_along(values, -1) or []
    if not _are_text(names):
        return None
    if hasattr(values, "schema"):
        return {name: values[name].to_numpy() for name in names}
    plain = np.asarray(values)
    return {name: plain[..., k] for k, name in enumerate(names)}


def _of_rows(rows, what, refusal):
    """The same of a named tuple, or of a list of rows with names."""
    if hasattr(rows, "_fields"):
        return rows._asdict()
    if set(map(type, rows)) <= set(_BARE):
        return None
    found = [named_parts(row, what, refusal) for row in rows]
    if not any(found):
        return None
    first = next(filter(None, found))
    odd = next((k for k, row in enumerate(found) if (row or {}).keys() != first.keys()), None)
    if odd is not None:
        its = f"has {', '.join(found[odd])}" if found[odd] else "has none"
        raise refusal(
            f"rows of {what} have the names {', '.join(first)}, but row {odd} {its[:200]}; give "
            "all rows with the same names, or all without"
        )
    return {name: [row[name] for row in found] for name in first}


def _with_unit(values, name):
    """One of the parts, with its unit, which rows of tables and FITS tables have beside them."""
    part = values[name]
    columns = getattr(values, "columns", getattr(getattr(values, "array", None), "columns", None))
    try:
        unit = columns[name].unit
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):  # no table of astropy's
        return part
    part = np.nan if part is np.ma.masked else part
    kind = getattr(np.asarray(part), "dtype", np.dtype("O")).kind
    if unit is None or unit == "" or getattr(part, "unit", None) is not None or kind not in "iuf":
        return part
    from astropy.units import Quantity

    return Quantity(part, column_unit(unit) if isinstance(unit, str) else unit)


def _are_text(names):
    return bool(names) and all(isinstance(name, str) for name in names)

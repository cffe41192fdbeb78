"""What pandas, xarray and Arrow call the rows and columns of values; in arrays places are all."""

from typing import Any

import numpy as np

__all__ = ["labels_along", "named_parts"]


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
    names = getattr(getattr(values, "schema", None), "names", None)  # of Arrow
    return list(names) if names is not None and axis in (-1, 1) else None


def named_parts(values: Any) -> dict[str, Any] | None:
    """Name -> values of that name along the last axis, where all labels there are text.

    Of a list of rows that each have the same names, too.
    """
    if isinstance(values, list | tuple):
        return _of_rows(values)
    columns = getattr(values, "columns", None)  # of pandas, astropy or polars
    names = [] if columns is None else list(columns)
    if not _are_text(names):
        names, columns = labels_along(values, -1) or [], None
    if not _are_text(names):
        return None
    if columns is not None:
        return {name: values[name] for name in names}
    if hasattr(values, "schema"):
        return {name: values[name].to_numpy() for name in names}
    plain = np.asarray(values)
    return {name: plain[..., k] for k, name in enumerate(names)}


def _of_rows(values):
    """The same of a named tuple, or of a list of rows with names."""
    if hasattr(values, "_fields"):
        return values._asdict()
    first = named_parts(values[0]) if values else None
    if first is None:
        return None
    rows = [named_parts(row) or {} for row in values]
    if any(row.keys() != first.keys() for row in rows):
        return None
    return {name: np.array([row[name] for row in rows]) for name in first}


def _are_text(names):
    return bool(names) and all(isinstance(name, str) for name in names)

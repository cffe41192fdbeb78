"""IDs that a caller names, such as those of galaxies that do not enter a population."""

from collections.abc import Collection
from typing import Any

import numpy as np

from sedflow.batches import check_no_missing
from sedflow.errors import BadPhotometry, SedflowError
from sedflow.identifiers import exact_ids
from sedflow.labels import labels_along


def named_ids(name: str, ids: Any) -> set[str]:
    """IDs as text, those of any array of numbers or text that has them all exactly.

    >>> sorted(named_ids("without", [72.0, 161])), named_ids("without", [b"72"])
    (['161', '72'], {'72'})

    Raises
    ------
    SedflowError
        Not a list, or an element that is not an ID.
    """
    return set(texts_of(name, ids))


def texts_of(name: str, ids: Any) -> list[str]:
    """IDs as text, in their order, as by `named_ids`."""
    if isinstance(ids, str | bytes) or not np.iterable(ids):
        raise SedflowError(f"{name} = {str(ids)[:64]!r}; give a list of IDs")
    given: Any = ids if hasattr(ids, "dtype") else [*ids]
    try:
        values = exact_ids(given).ravel().tolist() if len(given) else []
    except BadPhotometry as problem:
        raise SedflowError(f"{name}: {problem}") from None
    return [as_text(x) for x in values]


def written_ids(ids: np.ndarray) -> np.ndarray:
    """IDs (n,) as files have them: numbers as the run has them, all others as text."""
    return ids.astype(str) if ids.dtype == object else ids


def as_text(ident: Any) -> str:
    """An ID as the text that names a galaxy: bytes of FITS, and no blanks around.

    >>> as_text(b"72 "), as_text(72)
    ('72', '72')
    """
    return (ident.decode("utf-8", "replace") if isinstance(ident, bytes) else str(ident)).strip()


def chosen_rows(rows: Any, ids: np.ndarray) -> np.ndarray:
    """Which of the galaxies with these IDs a mask, a slice or indices choose, as indices.

    A mask that is a Series of pandas goes by ID, as weights do (`is_by_id`).

    Raises
    ------
    SedflowError
        A mask of another length or of other IDs, an index beyond or twice, or neither of these.
    """
    n = len(ids)
    if isinstance(rows, slice):
        return np.arange(n)[rows]
    if hasattr(rows, "dims") and labels_along(rows, 0) is not None:  # of xarray
        raise SedflowError("rows have labels; give their values, in the order of the galaxies")
    check_no_missing(rows)
    if np.asarray(rows).dtype == bool and is_by_id("the mask", rows, ids):
        rows = _by_id(rows, ids)
    found = np.asarray(rows)
    if found.ndim != 1 or found.dtype.kind not in "biu":
        shown = " ".join(str(rows).split())[:40]
        raise SedflowError(f"rows = {shown}; give a mask of {n:,} galaxies, or their indices")
    if found.dtype == bool and len(found) != n:
        raise SedflowError(f"the mask has {len(found):,} rows, and there are {n:,} galaxies")
    if found.dtype != bool and not ((found >= -n) & (found < n)).all():
        raise SedflowError(f"an index is beyond the {n:,} galaxies, whose first is 0")
    chosen = np.arange(n)[found]
    often = np.bincount(chosen, minlength=n)
    if (often > 1).any():
        row = int(np.argmax(often > 1))
        mask = len(found) == n and np.isin(found, (0, 1)).all()  # as FITS has masks
        raise SedflowError(
            f"rows name galaxy {row:,} {often[row]:,} times, which would count as often; "
            + ("give a mask of true and false" if mask else "give each index once")
        )
    return chosen


def _by_id(mask, ids):
    """A mask in the order of the galaxies, whose IDs are its index."""
    named = dict(zip(texts_of("the mask", mask.index), mask.tolist(), strict=True))
    mine = list(map(as_text, ids.tolist()))
    if len(named) != len(mask) or not set(mine) <= set(named):  # others are left out already
        raise SedflowError(
            "the mask is a Series whose index does not hold the IDs of these galaxies, each once; "
            "give its to_numpy() in their order"
        )
    return np.array([named[ident] for ident in mine])


def is_by_id(name: str, values: Any, ids: np.ndarray) -> bool:
    """Whether these are a pandas Series whose index names the galaxies.

    Without an index of its own a Series has 0, 1, 2 ...: IDs, where all galaxies are among them.
    Where some are, it is the caller who knows.

    Raises
    ------
    SedflowError
        The index is 0, 1, 2 ..., and some of the galaxies have such IDs, and others not.
    """
    if not hasattr(values, "to_dict") or not hasattr(values, "keys") or np.ndim(values) != 1:
        return False
    index = list(values.keys())
    if index != list(range(len(values))):
        return True
    mine = set(map(as_text, ids.tolist()))
    strangers = mine - set(texts_of(name, values.keys()))
    if strangers and len(strangers) < len(mine):
        raise SedflowError(
            f"{name}: a Series whose index, 0 to {len(values) - 1}, has the IDs of some of these "
            f"galaxies and not of others, such as {min(strangers)[:40]}; give its to_numpy() in "
            "the order of the galaxies, or an index that holds their IDs"
        )
    return not strangers


def check_known(name: str, ids: Collection[str], strangers: Collection[str]) -> None:
    """Refuse IDs of which the galaxies have none.

    strangers : those that no galaxy has
    """
    if ids and len(strangers) == len(ids):
        raise SedflowError(
            f"none of the {len(ids):,} IDs in {name} is one of these galaxies, the first is "
            f"{min(strangers)[:40]!r}; give IDs as the run or the fits have them, or leave "
            f"{name} out"
        )

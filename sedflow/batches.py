"""Indices of the leading axes of a batch of galaxies."""

from typing import Any

from sedflow.errors import SedflowError


def galaxies_at(item: Any) -> Any:
    """The same index, slice or mask, where it is of galaxies alone.

    The arrays of a batch have further axes behind those of its galaxies, and of these ... would
    count from the last: the first band, say, in place of the first galaxy.
    """
    parts = item if isinstance(item, tuple) else (item,)
    if isinstance(item, tuple) and any(part is ... for part in parts):
        raise SedflowError(
            f"the index {_shown(item)} has a ..., and would cut what is behind the galaxies; give "
            "the index, slice or mask of galaxies, and photometry.select(bands) for bands"
        )
    if any(isinstance(part, str) for part in parts):
        raise SedflowError(
            f"the index {_shown(item)} is not that of a galaxy; give a number, slice or mask, and "
            "photometry.select(bands) for bands"
        )
    return item


def _shown(item):
    return " ".join(repr(item).replace("Ellipsis", "...").split())[:64]

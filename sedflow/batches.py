"""The leading axes of a batch of galaxies: indices, labels and shapes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sedflow.errors import BadParameters, BadPhotometry, SedflowError
from sedflow.labels import labels_along


def galaxies_at(item: Any, shape: tuple[int, ...], ids: Any = None) -> Any:
    """The same index, slice or mask, where it is of galaxies alone.

    The arrays of a batch have further axes behind those of its galaxies, and of these ... would
    count from the last: the first band, say, in place of the first galaxy. An index of more axes
    than the galaxies have would go on to the draws.

    shape : of the batch of galaxies
    ids : of these, which an index of 0, 1, 2 ... may mean

    Raises
    ------
    SedflowError
        It has a ... beside others, a name, or values that are missing; or a Series of pandas, whose
        index says more than the places do.
    IndexError
        It has more parts than the galaxies have axes; of one galaxy, any.
    """
    parts = item if isinstance(item, tuple) else (item,)
    for part in parts:
        check_no_missing(part)
    if isinstance(item, tuple) and any(part is ... for part in parts):
        raise SedflowError(
            f"the index {_shown(item)} has a ..., and would cut what is behind the galaxies; give "
            "the index, slice or mask of galaxies, and photometry.select(bands) for bands"
        )
    if any(_is_labelled(part, ids) for part in parts):
        raise SedflowError(
            "a Series whose index is not that of the places 0, 1, 2 ... goes by place here, and by "
            "its index in pandas; give its to_numpy() in the order of the galaxies"
        )
    if any(isinstance(part, str) for part in parts):
        raise SedflowError(
            f"the index {_shown(item)} is not that of a galaxy; give a number, slice or mask, and "
            "photometry.select(bands) for bands"
        )
    axes = sum(map(_axes, parts))
    if axes > len(shape):
        if not shape:
            raise IndexError(f"the index {_shown(item)} is of a batch; leave it out, of one galaxy")
        raise IndexError(
            f"the index {_shown(item)} is of {axes} axes, where the galaxies have the shape "
            f"{shape}, and would cut what is behind them; give the index, slice or mask of "
            "galaxies alone"
        )
    return item


def check_no_missing(mask: Any, what: str = "the mask") -> None:
    """Refuse a mask, or indices, that for some galaxies say nothing: masked, NA or None.

    Raises
    ------
    SedflowError
    """
    lost = int(np.ma.getmaskarray(mask).sum()) if np.ma.is_masked(mask) else 0
    if not lost and (values := np.asarray(mask)).ndim and values.dtype == object:
        lost = sum(
            x is None or type(x).__name__ == "NAType" or (isinstance(x, float) and x != x)
            for x in values.flat
        )
    if lost:
        raise SedflowError(
            f"{what} has {lost:,} value{'s' * (lost > 1)} missing (NA), neither true nor false; "
            "fill what is missing first, as by mask.fillna(False)"
        )


def _axes(part):
    """How many axes a part of an index stands for."""
    if part is None or part is ...:
        return 0
    if isinstance(part, slice):
        return 1
    values = np.asarray(part)
    return values.ndim if values.dtype == bool else 1


def _shown(item):
    return " ".join(repr(item).replace("Ellipsis", "...").split())[:64]


def check_draws(
    draws: tuple[int, ...],
    galaxies: tuple[int, ...],
    names: tuple[str, str] = ("theta", "redshift"),
) -> None:
    """Refuse a galaxy for each draw, where the shape of the draws is that of one galaxy's.

    Each draw would be of each galaxy: of n galaxies with a draw each, n times as many. So it would
    be where both have n galaxies along different axes, as of a column (n, 1) of the other.

    draws : shape (..., n_draw, m) of what the first name is of; galaxies : shape (...) of the other

    Raises
    ------
    BadParameters
    """
    n, one, other = draws[-2] if len(draws) > 1 else 1, *names
    if len(galaxies) > len(draws) - 2 and n > 1 and np.prod(galaxies) > 1:
        whose = f"each of {draws[:-2]} galaxies" if draws[:-2] else "one galaxy"
        each, axes = draws[:-1], ", ".join(["None"] * (len(galaxies) - len(draws) + 2))
        its = ""
        if galaxies != each and np.prod(galaxies) == np.prod(each):  # a column, say
            its = f", and {other} of the shape {each},"
        raise BadParameters(
            f"{one} of the shape {draws} is read as {n:,} draws of {whose}, and {other} has the "
            f"shape {galaxies}; give {one}[..., None, :]{its} where each row is of a galaxy of its "
            f"own, and {one}[{axes}] where all are draws of each galaxy"
        )
    if galaxies == (*draws[:-2], 1) and np.prod(galaxies) > 1:
        raise BadParameters(
            f"{one} of the shape {draws} is of {draws[:-2]} galaxies, and {other} has the shape "
            f"{galaxies}, so that each would be beside each; give {other} of the shape {draws[:-2]}"
        )


def check_labels(refusal: type[SedflowError] = BadPhotometry, /, **values: Any) -> None:
    """Refuse values of galaxies whose labels are not the same in the same order.

    Of a mapping, each of its values counts.

    Raises
    ------
    BadPhotometry, or what is given
    """
    first = None
    shared: dict[Any, tuple[str, list]] = {}  # of xarray, whose axes have names
    seen: list[Any] = []  # labels that several have
    for name, value in _each(values):
        index = getattr(value, "index", None)
        if index is not None and not callable(index):
            if any(one is index or _same(one, index) for one in seen):
                continue
            seen.append(index)
        dims = list(getattr(value, "dims", ())) if hasattr(value, "coords") else []
        of_dims = [labels_along(value, k) for k in range(len(dims))]
        for dim, its in zip(dims, of_dims, strict=True):
            if not its:
                continue
            one, before = shared.setdefault(dim, (name, its))
            if before != its and sorted(map(str, before)) == sorted(map(str, its)):
                raise refusal(_of_other_labels(one, name))
        labels = labels_along(value, 0)
        if not labels:
            continue
        if first is not None and len(labels) == len(first[1]) and labels != first[1]:
            raise refusal(_of_other_labels(first[0], name))
        first = first or (name, labels)


def _each(values):
    """(name, value) of all values, those of mappings one by one."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from ((f"{name} of {str(key)[:40]}", one) for key, one in value.items())
        else:
            yield name, value


def _same(one, other):
    """Whether two indexes of pandas have the same labels, NaN included."""
    return hasattr(one, "equals") and bool(one.equals(other))


def _of_other_labels(one, other):
    return (
        f"the rows of {one[:60]} and {other[:60]} have different labels, and go by place here; "
        "sort them alike, or give their to_numpy()"
    )


def _is_labelled(part, ids):
    """Whether this has labels that are not those of the places of the galaxies."""
    labels = labels_along(part, 0)
    if labels is None:
        return False
    places = list(range(len(labels)))
    mine = places if ids is None else np.ravel(ids).tolist()
    return labels != places or (
        labels != mine and sorted(map(str, mine)) == sorted(map(str, places))
    )

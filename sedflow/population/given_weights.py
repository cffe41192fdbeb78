"""The weights of the galaxies of a population, as a caller gives them: in their order, or by ID."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from sedflow.errors import SedflowError
from sedflow.population.named_ids import as_text, is_by_id, texts_of
from sedflow.units import plain, split

_EXTREME = 1e100  # of weights; 1 / Vmax in cubic centimetres is 1e-80


def named_weights(weights: Any) -> dict[str, Any]:
    """Weights by the text of their ID, as in files.

    weights : mapping of IDs, or pandas Series whose index holds them
    """
    ids = texts_of("weights", weights.keys())
    if len(ids) != len(weights):
        raise SedflowError("weights have IDs of several parts each; give whole numbers or text")
    often, times = Counter(ids).most_common(1)[0] if ids else ("", 0)
    if times > 1:
        raise SedflowError(
            f"weights have the ID {often[:40]!r} {times} times, in several rows or as a number and "
            "as text; give each galaxy one weight"
        )
    values = weights.values() if isinstance(weights, Mapping) else weights
    return dict(zip(ids, values, strict=True))


def weights_of(named: Mapping[str, Any], ids: np.ndarray) -> list:
    """The weights of some galaxies, from those by the text of the ID."""
    lost = [i for i in ids.tolist() if as_text(i) not in named]
    if lost:
        raise SedflowError(
            f"{len(lost):,} galaxies have no weight, the first is {lost[0]}; give one for each"
        )
    return [named[as_text(i)] for i in ids.tolist()]


def checked_weights(weights: Any, ids: np.ndarray) -> np.ndarray | None:
    """Weights (n,) of galaxies with these IDs, above zero; None of None.

    weights : array (n,), mapping ID -> weight, or Series of pandas by ID
    """
    if weights is None:
        return None
    if hasattr(weights, "coords"):
        raise SedflowError(
            "weights are an array of xarray, whose coordinates may be IDs or not; give "
            "weights.to_series() if they are, or weights.to_numpy() in the order of the galaxies"
        )
    if isinstance(weights, Mapping) or is_by_id("weights", weights, ids):
        weights = weights_of(named_weights(weights), ids)
    w = as_weights(weights)
    if w.shape != (len(ids),):
        raise SedflowError(
            f"weights have the shape {w.shape} for {len(ids):,} galaxies; give a number for each"
        )
    if not np.isfinite(w).all() or (w <= 0).any():
        k = int(np.argmin(np.where(np.isfinite(w), w, -np.inf)))
        raise SedflowError(f"the weight of {ids[k]} is {w[k]:g}; give numbers above zero")
    for k in (int(np.argmin(w)), int(np.argmax(w))) if w.size else ():
        if not 1 / _EXTREME <= w[k] <= _EXTREME:  # their squares would overflow, or vanish
            raise SedflowError(
                f"the weight of {ids[k]} is {w[k]:g}, and weights go from {1 / _EXTREME:g} to "
                f"{_EXTREME:g}; choose another unit"
            )
    return w


def as_weights(values: Any) -> np.ndarray:
    """Weights as plain numbers: those with a unit are shares, or 1 / Vmax [Mpc^-3].

    >>> from astropy import units as u
    >>> as_weights([1e-4, 1e-3] / u.kpc**3).round().tolist()
    [100000.0, 1000000.0]
    """
    numbers, unit = split(values, "weight")
    if unit is None:
        return numbers
    shares = unit.physical_type == "dimensionless"
    return plain(values, "weight", "" if shares else "Mpc-3")

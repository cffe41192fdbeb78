"""Weights of draws as shares of their sum."""

import numpy as np
import numpy.typing as npt

from sedflow.errors import SedflowError

_TOLERANCE = 1e-6  # of a sum that is 1 already


def shares_of(weights: npt.ArrayLike, known: np.ndarray) -> np.ndarray:
    """Shares (..., n) in the sum of the weights of those draws that are known, 0 in the others.

    NaN in a whole row where no draw with a weight is known, or all its weights are NaN, as those of
    a galaxy without draws.

    known (..., n) : of which draws there is a value

    Raises
    ------
    SedflowError
        A weight is negative, infinite or NaN beside others, or all of a row are 0.
    """
    w = np.broadcast_to(np.asarray(weights, float), known.shape)  # single ones lose digits in sums
    none = np.isnan(w).all(-1)
    wrong = ~none[..., None] & ~(np.isfinite(w) & (w >= 0))
    if wrong.any():
        raise SedflowError(
            f"the weight of a draw is {w[wrong][0]:g}; give finite weights, 0 or more"
        )
    if (~none & known.any(-1) & (w == 0).all(-1)).any():
        raise SedflowError("the weights of all draws are 0; give one at least that is above 0")
    w = np.where(known, w, 0.0)
    with np.errstate(over="ignore"):
        total = w.sum(-1, keepdims=True)
    if (np.abs(total - 1) <= _TOLERANCE).all():
        return w
    largest = w.max(-1, keepdims=True, initial=0.0)  # first: the sum of large weights is infinite
    with np.errstate(invalid="ignore"):
        scaled = w / largest
        even = np.abs(total - 1) <= _TOLERANCE
        out = np.where(even, w, scaled / scaled.sum(-1, keepdims=True))
    return np.where(none[..., None], np.nan, out)

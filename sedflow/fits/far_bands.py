"""A sentence on bands that lie far from what a posterior predicts, though it may be exact.

An exact posterior is that of the model and of the errors given; whether both are right, a residual
of several sigma puts into question.
"""

import numpy as np

from sedflow.fits.history import Predicted

__all__ = ["FAR", "far_bands"]

#: Sigma of the error, beyond which a residual is far.
FAR = 3.0


def far_bands(predicted: Predicted) -> np.ndarray:
    """A sentence for each galaxy (...) with bands that are far; "" for the others.

    The residual of a band is (data - predicted median) / sigma, as the figure of residuals has it.
    """
    galaxies = predicted.photometry
    with np.errstate(invalid="ignore"):
        residual = (galaxies.flux - predicted.quantiles([0.5])[0]) / galaxies.sigma
    said = np.full(galaxies.shape, "", dtype=object)
    for i in np.ndindex(galaxies.shape):
        far = [(b, r) for b, r in zip(galaxies.bands, residual[i], strict=True) if abs(r) > FAR]
        if far:
            said[i] = _sentence(far)
    return said


def _sentence(far):
    """Of bands and their residuals.

    >>> _sentence([("r", 3.21)])
    'r lies 3.2 sigma above what the model predicts'
    >>> _sentence([("u", 4.0), ("i", 3.1), ("z", -3.5)])
    'u lies 4.0 sigma above, i 3.1 sigma above and z 3.5 sigma below what the model predicts'
    """
    places = [f"{abs(r):.1f} sigma {'above' if r > 0 else 'below'}" for _, r in far]
    parts = [f"{band} {place}" for (band, _), place in zip(far, places, strict=True)]
    parts[0] = f"{far[0][0]} lies {places[0]}"
    told = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
    return f"{told} what the model predicts"

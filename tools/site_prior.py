"""The prior of derived quantities at a redshift, from draws."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from sedflow.model.derived import DERIVED, derive, quantities_of

__all__ = ["REDSHIFTS", "densities", "derived_prior"]

#: Where curves are made: the age of the universe changes by half a Gyr from one to the next.
REDSHIFTS = (0.001, 0.04, 0.08, 0.12, 0.16, 0.2, 0.25)
_BINS, _SMOOTH = 64, 1.0  # bins between the ends, and of the smoothing
_ENDS = (0.0005, 0.9995)
_CHUNK = 10_000  # draws at a time


def derived_prior(model, prior, redshift: float, n: int, seed: int) -> dict[str, np.ndarray]:
    """Derived quantities (n,) of n draws of the prior at a redshift, by name."""
    theta = prior.sample(n, seed)
    known = [q.name for q in quantities_of(model) if q in DERIVED]
    z = np.array([redshift])
    parts = [derive(theta[None, k : k + _CHUNK], z, model) for k in range(0, n, _CHUNK)]
    return {name: np.concatenate([part[name][0] for part in parts]) for name in known}


def densities(values: list[np.ndarray]) -> dict:
    """Smooth densities of draws (n,) at each redshift, on one grid: {x, density (n_z, n)}.

    Draws of minus infinity, of rates where nothing formed, count for the total.
    """
    finite = np.concatenate([v[np.isfinite(v)] for v in values])
    low, high = np.quantile(finite, _ENDS)
    edges = np.linspace(low, high, _BINS + 1)
    rows = []
    for one in values:
        counts = np.histogram(one, edges)[0] / (len(one) * (edges[1] - edges[0]))
        rows.append(gaussian_filter1d(counts, _SMOOTH, mode="nearest"))
    return {"x": 0.5 * (edges[1:] + edges[:-1]), "density": np.array(rows)}

"""The scatter of the density of a population.

The scatter of log f is that of the linearised Bayesian bootstrap, whose galaxies have random
weights (Rubin 1981, Annals of Statistics 9, 130), with a part of the scatter that the penalty
leaves: the covariance H^-1 (J + k S) H^-1, where J is that of the scores, S the penalty,
H = J + S, and k = 0.1 for one axis and 0.15 for two, so that bands hold the truth of mocks. A cell
that few galaxies reach is skewed, as a count is: its share has the Gamma distribution of that
curvature.
"""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.special import gammaincinv, ndtr

#: Share of the penalty in the scatter, by number of axes. All of it is the mean over densities that
#: are as rough as the penalty allows, and bands were too wide; these were chosen on mocks with the
#: seeds 1000 to 1059 of one axis, to 1011 of two, and are judged on others.
LEFT = {1: 0.1, 2: 0.15}
_SKEWED = 5.0  # effective galaxies in a cell, below which its share has no cubic normal law
_DEVIATES = np.linspace(-4.0, 4.0, 41)  # where the law of such a share is computed


def factor_of(matrix: np.ndarray, jitter: float = 1e-9) -> tuple:
    """Cholesky factor of a matrix that rounding may have made slightly negative."""
    n = len(matrix)
    while True:
        try:
            return cho_factor(matrix + jitter * np.trace(matrix) / n * np.eye(n), lower=True)
        except LinAlgError:
            jitter *= 10


def scattered(
    f: np.ndarray,
    hessian: np.ndarray,
    scores: np.ndarray,
    normals: np.ndarray | None = None,
    pulls: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws (n, n_cell) of the shares f, and the effective galaxies (n_cell,) that tell each.

    hessian : H above; scores : J + k S
    normals (n, n_cell) : normal deviates that draws are made of
    pulls (n, n_cell) : random slopes with the covariance `scores` instead
    """
    h = factor_of(hessian)
    half = cho_solve(h, np.tril(factor_of(scores, 1e-7)[0]))
    half = half - f @ half  # shares sum to 1
    sigma = np.sqrt(np.square(half).sum(1))
    if pulls is None:
        z = normals @ (half / sigma[:, None]).T
    else:
        moved = cho_solve(h, pulls.T).T
        z = (moved - (moved @ f)[:, None]) / sigma
    nu = 1.0 / np.square(sigma)
    factor = np.maximum(1.0 - 1.0 / (9.0 * nu) + z / (3.0 * np.sqrt(nu)), 0.0) ** 3
    few = nu < _SKEWED
    for k in np.flatnonzero(few):
        law = gammaincinv(nu[k], ndtr(_DEVIATES)) / nu[k]
        factor[:, k] = np.interp(z[:, k], _DEVIATES, law)
    draws = f * factor
    return draws / draws.sum(1, keepdims=True), nu

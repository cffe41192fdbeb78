"""The best mode of a posterior, found by least squares from many starts.

The walkers of one ensemble may all begin in one mode, stay there, and agree: R-hat between them
says nothing of a better one. Steps of Levenberg and Marquardt from many draws of the prior cost a
few per cent of such a run. They know no walker, so that what they find is a second opinion.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

_STARTS = 100
_STEPS = 25
_DIFFERENCE = 1e-3  # of x, for slopes
_REACH = 2.0  # largest move of a step in any x
_CLOUD = 50  # points near a mode, of which the best one is taken


@dataclass(frozen=True)
class Mode:
    """A maximum of a posterior over x, in which the prior is a standard normal.

    x (n_dim,), log_posterior, and root (n_dim, n_dim) : x + root @ normal is about as wide as it
    """

    x: np.ndarray
    log_posterior: float
    root: np.ndarray

    def points(self, n: int, target: Any, rng: np.random.Generator) -> np.ndarray:
        """Points x (n, n_dim) around it, where the posterior is high."""
        x = self.x + rng.standard_normal((_CLOUD * n, len(self.x))) @ self.root.T
        return x[np.argsort(target.log_posterior(x))[-n:]]


def best_mode(target: Any, rng: np.random.Generator) -> Mode:
    """The best mode that a search from many draws of the prior comes to.

    target : with start(n, rng) -> x (n, n_dim), pulls(x) -> (n, n_band), and log_posterior(x)
        -> (n,), which is minus half the sum of their squares and those of x, and a constant
    """
    x = target.start(_STARTS, rng)
    unit = np.eye(x.shape[1])
    height, damping = target.log_posterior(x), np.ones(len(x))
    for _ in range(_STEPS):
        slope, curvature = _local(target, x)
        move = -np.linalg.solve(curvature + damping[:, None, None] * unit, slope[..., None])[..., 0]
        move *= np.minimum(1.0, _REACH / np.abs(move).max(1, keepdims=True).clip(1e-12))
        there = target.log_posterior(x + move)
        better = there > height
        x, height = np.where(better[:, None], x + move, x), np.where(better, there, height)
        damping = np.clip(np.where(better, damping / 5, damping * 5), 1e-6, 1e8)
    best = np.argmax(height)
    curvature = _local(target, x[best : best + 1])[1][0]
    return Mode(x[best], float(height[best]), np.linalg.inv(np.linalg.cholesky(curvature)).T)


def _local(target, x):
    """Slope (n, n_dim) and curvature (n, n_dim, n_dim) of minus the log posterior at x."""
    n, d = x.shape
    pulls = target.pulls(x)
    beside = target.pulls((x[:, None] + _DIFFERENCE * np.eye(d)).reshape(-1, d)).reshape(n, d, -1)
    rate = (beside - pulls[:, None]) / _DIFFERENCE
    return (rate @ pulls[..., None])[..., 0] + x, rate @ rate.transpose(0, 2, 1) + np.eye(d)

"""What keeps the log of a density smooth: squared second differences along each axis of a grid."""

from functools import reduce

import numpy as np
from scipy.linalg.lapack import dpotri

_ORDER = 2  # of the differences: nothing pulls at an exponential
STRENGTHS = (1e-4, 1e8)
_SETTLED = 0.2  # change of the log of a strength
_FLAT = 0.1  # gain in log marginal likelihood for e times the strength
_LONGEST = 20.0  # times that a strength changes in one step


class Penalty:
    """Sums of squared second differences along each axis of a grid."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape
        one = [_differences(k) for k in shape]
        self.parts = [
            reduce(np.kron, [one[a] if a == b else np.eye(k) for b, k in enumerate(shape)])
            for a in range(len(shape))
        ]
        values = [np.linalg.eigvalsh(m) for m in one]
        values = [np.where(v > 1e-9 * v.max(), v, 0.0) for v in values]
        self._values = [v.ravel() for v in np.meshgrid(*values, indexing="ij")]

    def matrix(self, strength: np.ndarray) -> np.ndarray:
        """The penalty (n_cell, n_cell) of these strengths along the axes."""
        return sum(k * part for k, part in zip(strength, self.parts, strict=True))

    def log_determinant(self, strength: np.ndarray) -> float:
        """Log of the product of the penalty's eigenvalues that are not zero."""
        total = sum(k * v for k, v in zip(strength, self._values, strict=True))
        return float(np.log(total[total > 0]).sum())

    def better(
        self, strength: np.ndarray, log_f: np.ndarray, factor: tuple
    ) -> tuple[np.ndarray, np.ndarray]:
        """The way to strengths with a larger marginal likelihood, in logs, by axis.

        factor : of the curvature, by Cholesky, the lower triangle

        Returns
        -------
        The step of Wood & Fasiolo, and the slope of the log marginal likelihood
        """
        half = np.tril(dpotri(factor[0], lower=1)[0])  # of the inverse
        half[np.diag_indices_from(half)] /= 2
        total = sum(k * v for k, v in zip(strength, self._values, strict=True))
        steps, slopes = [], []
        for k, part, values in zip(strength, self.parts, self._values, strict=True):
            rank = np.sum(values[total > 0] / total[total > 0])
            left = rank - 2 * np.sum(half * part)
            rough = max(float(log_f @ part @ log_f), 1e-12)
            slopes.append(0.5 * k * (left - rough))
            to = np.clip(k * max(left, 1e-3 * rank) / rough, k / _LONGEST, k * _LONGEST)
            steps.append(np.log(np.clip(to, *STRENGTHS) / k))
        return np.array(steps), np.array(slopes)


class Pace:
    """How far the strengths go: the steps of Wood & Fasiolo are short where the density is nearly
    an exponential, so they become longer while they lead the same way."""

    def __init__(self, n_axis: int):
        self._pace, self._before = np.ones(n_axis), np.zeros(n_axis)

    def next(
        self, strength: np.ndarray, step: np.ndarray, slope: np.ndarray
    ) -> tuple[np.ndarray, bool]:
        """The strengths after a step, and whether nothing is gained by further ones."""
        done = bool(np.all((np.abs(step) < _SETTLED) | (np.abs(slope) < _FLAT)))
        same = step * self._before > 0
        self._pace = np.where(same, np.minimum(2 * self._pace, 4.0), 1.0)
        self._before = step
        far = np.log(_LONGEST)
        log = np.log(strength) + (step if done else np.clip(self._pace * step, -far, far))
        return np.clip(np.exp(log), *STRENGTHS), done


def _differences(n):
    d = np.diff(np.eye(n), _ORDER, axis=0)
    return d.T @ d

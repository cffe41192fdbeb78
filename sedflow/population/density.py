"""The density of a population from galaxies of which each is known by draws: a penalised histogram.

With f_b the share of the population in cell b, the likelihood of galaxy i is

    L_i = sum_b f_b A_ib,   A_ib = (share of its draws in b) / (prior mass of b at its redshift),

so that the prior of the fit is divided out (Foreman-Mackey, Hogg & Morton 2014, ApJ 795, 64). The
log of f is smooth: second differences along each axis are penalised (Eilers & Marx 1996,
Statistical Science 11, 89). The strength along each axis maximises the marginal
likelihood (Wood & Fasiolo 2017, Biometrics 73, 1071).

The scatter of log f is that of the linearised Bayesian bootstrap, whose galaxies have random
weights (Rubin 1981, Annals of Statistics 9, 130), with a part of the scatter that the penalty
leaves: the covariance H^-1 (J + k S) H^-1, where J is that of the scores, S the penalty,
H = J + S, and k = 1/2 for one axis and 1/4 for two, so that bands hold the truth of mocks. A cell
that few galaxies reach is skewed, as a count is: its share has the Gamma distribution of that
curvature.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Protocol, runtime_checkable

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.lapack import dpotri
from scipy.sparse import csr_array
from scipy.special import gammaincinv, logsumexp, ndtr

__all__ = ["Density", "Rows", "fit_density"]

_ORDER = 2  # of the differences: nothing pulls at an exponential
_STRENGTHS = (1e-4, 1e8)
#: Share of the penalty in the scatter, by axis. All of it is the mean over densities that are as
#: rough as the penalty allows; with it, bands of 68 % held 78 % of smooth mocks, and 85 % in 2-D.
_LEFT = 0.5
_STEPS = 60
_CONVERGED = 0.02  # twice the gain in log likelihood that a further step promises
_SETTLED = 0.2  # change of the log of the strength
_FOR_STRENGTH = 1500  # galaxies that choose the strength, whose curvature costs most of the time
_ROWS = 16_384  # galaxies at once
_SKEWED = 5.0  # effective galaxies in a cell, below which its share has no cubic normal law


@dataclass(frozen=True)
class Density:
    """The most probable density and its scatter.

    shares (n_cell,) : of the population in each cell, summing to 1
    draws (n_draw, n_cell) : shares that go with the data as well
    strength (n_axis,) : of the penalty
    information (n_cell,) : effective galaxies that tell the share of a cell
    converged : whether the fit reached its maximum
    """

    shares: np.ndarray
    draws: np.ndarray
    strength: np.ndarray
    information: np.ndarray
    converged: bool


@runtime_checkable
class Rows(Protocol):
    """Galaxies that are not in memory together, in blocks: the largest entry of each row is 1."""

    shape: tuple[int, int]

    def blocks(self) -> Iterator[csr_array]:
        """Matrices of the galaxies that follow each other."""

    def __getitem__(self, rows: np.ndarray) -> csr_array:
        """Those of some rows, in ascending order."""


def fit_density(
    likelihood: csr_array | Rows,
    shape: tuple[int, ...],
    weights: np.ndarray | None = None,
    *,
    n: int = 400,
    seed: int = 1,
    start: Density | None = None,
) -> Density:
    """The density in cells of a grid, of galaxies that each reach some of them.

    likelihood (n_galaxy, n_cell) : A_ib above, each row up to a factor; no row is empty. `Rows`
        where that is too much for the memory
    shape : cells along each axis
    weights (n_galaxy,) : how many galaxies each of them is for; default 1
    n : draws of the density
    start : where to begin, such as the density of all where these are some; it saves steps
    """
    rng = np.random.default_rng(seed)
    matrix = likelihood if isinstance(likelihood, Rows) else scaled(likelihood)
    w = np.ones(matrix.shape[0]) if weights is None else np.asarray(weights, float)
    w = w * w.sum() / np.square(w).sum()  # they sum to the effective number of galaxies
    penalty = _Penalty(shape)
    chosen = np.sort(rng.permutation(len(w))[:_FOR_STRENGTH])
    part = matrix if len(chosen) == len(w) else matrix[chosen]
    w_part = w[chosen] * (w.sum() / w[chosen].sum())
    log_f, strength = _start(matrix, w, penalty), np.full(len(shape), 10.0)
    if start is not None:
        log_f, strength = np.log(np.maximum(start.shares, 1e-12)), start.strength.copy()
        log_f -= logsumexp(log_f)
    settled = converged = False
    for _ in range(_STEPS):
        s = penalty.matrix(strength)
        value, slope, f = _objective(matrix, w, log_f, s)
        factor = _factor(_information(part, w_part, f) + s + w.sum() * np.outer(f, f))
        step = cho_solve(factor, slope)
        log_f, moved = _climb(matrix, w, log_f, s, step, value)
        if not moved:  # far from the maximum: the step of EM, which always climbs
            counts = _factor(w.sum() * (np.diag(f) + 1e-9 * np.eye(len(f))) + s)
            log_f, moved = _climb(matrix, w, log_f, s, cho_solve(counts, slope), value)
        if not settled:
            better = penalty.better(strength, log_f, factor)
            settled = bool(np.all(np.abs(np.log(better / strength)) < _SETTLED))
            strength = better
        elif step @ slope < _CONVERGED or not moved:
            converged = True
            break
    f = np.exp(log_f)
    s = penalty.matrix(strength)
    scores = _information(matrix, w, f)
    hessian = scores + s + w.sum() * np.outer(f, f)
    if weights is not None and np.ptp(w) > 0:
        scores = _information(matrix, np.square(w), f)
    draws, information = _scatter(f, hessian, scores + _LEFT ** len(shape) * s, n, rng)
    return Density(f, draws, strength, information, converged)


# The likelihood


def scaled(matrix):
    """The same with the largest entry of each row 1."""
    matrix = csr_array(matrix, dtype=float)
    top = np.maximum.reduceat(matrix.data, matrix.indptr[:-1])
    data = matrix.data / np.repeat(top, np.diff(matrix.indptr))
    return csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _blocks(matrix, w):
    """The galaxies in parts, with their weights."""
    if isinstance(matrix, csr_array):
        yield matrix, w
        return
    start = 0
    for block in matrix.blocks():
        yield block, w[start : start + block.shape[0]]
        start += block.shape[0]


def _counted(matrix, w, f):
    """Galaxies in each cell, with the population as prior."""
    return sum(responsibilities(block, f).T @ some for block, some in _blocks(matrix, w))


def responsibilities(matrix, f):
    """Share of each galaxy's posterior in each cell, with the population as prior."""
    total = matrix @ f
    data = matrix.data * f[matrix.indices] / np.repeat(total, np.diff(matrix.indptr))
    return csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _value(matrix, w, log_f, s):
    f = np.exp(log_f)
    known = sum(some @ np.log(block @ f) for block, some in _blocks(matrix, w))
    return known - 0.5 * log_f @ s @ log_f


def _objective(matrix, w, log_f, s):
    """Penalised log likelihood, its slope in log f at a sum of 1, and f."""
    f = np.exp(log_f)
    counts = _counted(matrix, w, f)
    return _value(matrix, w, log_f, s), counts - w.sum() * f - s @ log_f, f


def _information(matrix, w, f):
    """Sum over the galaxies of w g g^T, with g the slope of one log likelihood."""
    total, square = np.zeros(len(f)), np.zeros((len(f), len(f)))
    for block, w_block in _blocks(matrix, w):
        shares = responsibilities(block, f)
        for start in range(0, len(w_block), _ROWS):
            some, w_some = shares[start : start + _ROWS], w_block[start : start + _ROWS]
            total += some.T @ w_some
            rows = (some.toarray() * np.sqrt(w_some)[:, None]).astype(np.float32)
            square += rows.T @ rows
    cross = np.outer(total, f)
    return square - cross - cross.T + w.sum() * np.outer(f, f)


def _factor(matrix, jitter=1e-9):
    """Cholesky factor of a matrix that rounding may have made slightly negative."""
    n = len(matrix)
    while True:
        try:
            return cho_factor(matrix + jitter * np.trace(matrix) / n * np.eye(n), lower=True)
        except LinAlgError:
            jitter *= 10


def _climb(matrix, w, log_f, s, step, value):
    """The first of ever shorter steps that climbs, and whether there was one."""
    longest = np.abs(step).max()
    share = min(1.0, 4.0 / longest) if longest > 0 else 1.0
    for _ in range(6):
        there = log_f + share * step
        there = there - logsumexp(there)
        if _value(matrix, w, there, s) >= value:
            return there, True
        share /= 4
    return log_f, False


def _start(matrix, w, penalty):
    """Log of the stacked draws, smoothed strongly."""
    even = np.full(matrix.shape[1], 1.0 / matrix.shape[1])
    counts = _counted(matrix, w, even)
    share = counts / counts.sum()
    level = np.log(share + 1e-3 / len(share))
    curvature = np.diag(counts + 1e-3 * w.sum() / len(share))
    smooth = np.linalg.solve(
        curvature + penalty.matrix(np.full(len(penalty.shape), 10.0)), curvature @ level
    )
    return smooth - logsumexp(smooth)


# The penalty


class _Penalty:
    """Sums of squared second differences along each axis of a grid."""

    def __init__(self, shape):
        self.shape = shape
        one = [_differences(k) for k in shape]
        self.parts = [
            reduce(np.kron, [one[a] if a == b else np.eye(k) for b, k in enumerate(shape)])
            for a in range(len(shape))
        ]
        values = [np.linalg.eigvalsh(m) for m in one]
        values = [np.where(v > 1e-9 * v.max(), v, 0.0) for v in values]
        self._values = [v.ravel() for v in np.meshgrid(*values, indexing="ij")]

    def matrix(self, strength):
        return sum(k * part for k, part in zip(strength, self.parts, strict=True))

    def better(self, strength, log_f, factor):
        """Strengths nearer to the largest marginal likelihood.

        factor : of the curvature, by Cholesky, the lower triangle
        """
        half = np.tril(dpotri(factor[0], lower=1)[0])  # of the inverse
        half[np.diag_indices_from(half)] /= 2
        total = sum(k * v for k, v in zip(strength, self._values, strict=True))
        out = []
        for k, part, values in zip(strength, self.parts, self._values, strict=True):
            rank = np.sum(values[total > 0] / total[total > 0])
            left = max(rank - 2 * np.sum(half * part), 1e-3 * rank)
            rough = max(float(log_f @ part @ log_f), 1e-12)
            out.append(np.clip(k * np.clip(left / rough, 0.05, 20.0), *_STRENGTHS))
        return np.array(out)


def _differences(n):
    d = np.diff(np.eye(n), _ORDER, axis=0)
    return d.T @ d


# The scatter


def _scatter(f, hessian, scores, n, rng):
    """Draws of the shares, and the effective galaxies that tell each."""
    half = cho_solve(_factor(hessian), np.tril(_factor(scores, 1e-7)[0]))
    half = half - f @ half  # shares sum to 1
    sigma = np.sqrt(np.square(half).sum(1))
    z = rng.standard_normal((n, len(f))) @ (half / sigma[:, None]).T
    nu = 1.0 / np.square(sigma)
    factor = np.maximum(1.0 - 1.0 / (9.0 * nu) + z / (3.0 * np.sqrt(nu)), 0.0) ** 3
    few = nu < _SKEWED
    factor[:, few] = gammaincinv(nu[few], np.clip(ndtr(z[:, few]), 0, 1 - 1e-12)) / nu[few]
    draws = f * factor
    return draws / draws.sum(1, keepdims=True), nu

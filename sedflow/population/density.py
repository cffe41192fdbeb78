"""The density of a population from galaxies of which each is known by draws: a penalised histogram.

With f_b the share of the population in cell b, the likelihood of galaxy i is

    L_i = sum_b f_b A_ib,   A_ib = (share of its draws in b) / (prior mass of b at its redshift),

so that the prior of the fit is divided out (Foreman-Mackey, Hogg & Morton 2014, ApJ 795, 64). The
log of f is smooth: second differences along each axis are penalised (Eilers & Marx 1996,
Statistical Science 11, 89). The strength along each axis maximises the marginal
likelihood (Wood & Fasiolo 2017, Biometrics 73, 1071).

The log of a mean over draws is too low by half of the mean's relative variance, v_i / 2, which is
the larger the narrower f is: without more, the population comes out too wide where draws are few.
Where the number of draws c_ib behind each A_ib is known,

    v_0 / 2 [1 - exp(-v_i / v_0)],   v_i = sum_b p_ib^2 / c_ib,   p_ib = f_b A_ib / L_i

is added: v_i / 2 where that is small, and little more where draws are too few to tell v_i.

`sedflow.population.scatter` has the bands.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from scipy.linalg import cho_solve
from scipy.sparse import csr_array
from scipy.special import logsumexp

from sedflow.population.penalty import Pace, Penalty
from sedflow.population.scatter import LEFT, factor_of, scattered
from sedflow.population.strengths import Expansion, Strength
from sedflow.settled import ByValue

_STEPS = 100
_REMEMBERED = 20  # steps of which the slopes are kept
_CURVED = 1e-10  # of one step over the change of the slope: less is rounding, or curved upwards
_CONVERGED = 0.02  # twice the gain in log likelihood that a further step promises, if it is that
# long at most
_STEADY = 1.0  # the same, from which on the strengths may settle
_FREE = 100.0  # strength, up to which one fit may begin with that of another
_LONGEST = 4.0  # step of the log of a share
_RIDGE = 0.01  # galaxies
_FOR_STRENGTH = 1500  # galaxies whose curvature leads the steps; that of all costs most of the time
_ROWS = 16_384  # galaxies at once
#: Relative variance of a galaxy's likelihood, far above which it is not taken out: a density would
#: go after the few draws of which its estimate is made.
_SLIGHT = 0.1
_FLOOR = 1e-30  # of a share, in single precision


@dataclass(frozen=True, eq=False)
class Density(ByValue):
    """The most probable density and its scatter.

    shares (n_cell,) : of the population in each cell, summing to 1
    draws (n_draw, n_cell) : shares that go with the data as well
    strength (n_axis,) : of the penalty
    information (n_cell,) : effective galaxies that tell the share of a cell
    converged : whether the fit reached its maximum
    supposed : the strengths that the draws suppose
    """

    shares: np.ndarray
    draws: np.ndarray
    strength: np.ndarray
    information: np.ndarray
    converged: bool
    supposed: list[Strength]


@runtime_checkable
class Rows(Protocol):
    """Galaxies that are not in memory together, in blocks: the largest entry of each row is 1."""

    shape: tuple[int, int]

    def blocks(self) -> Iterator[tuple[csr_array, np.ndarray]]:
        """Matrices of the galaxies that follow each other, and the draws behind each entry."""

    def __getitem__(self, rows: np.ndarray) -> tuple[csr_array, np.ndarray]:
        """Those of some rows, in ascending order."""


def fit_density(
    likelihood: csr_array | Rows,
    shape: tuple[int, ...],
    weights: np.ndarray | None = None,
    *,
    counts: csr_array | None = None,
    n: int = 400,
    seed: int = 1,
    start: Density | None = None,
) -> Density:
    """The density in cells of a grid, of galaxies that each reach some of them.

    likelihood (n_galaxy, n_cell) : A_ib above, each row up to a factor; no row is empty. `Rows`
        where that is too much for the memory
    shape : cells along each axis
    weights (n_galaxy,) : how many galaxies each of them is for; default 1
    counts (n_galaxy, n_cell) : draws of equal weight that each entry of the likelihood is worth;
        without, their noise is not taken out. `Rows` have them
    n : draws of the density
    start : where to begin, such as the density of all where these are some; it saves steps
    """
    rng = np.random.default_rng(seed)
    matrix = likelihood if isinstance(likelihood, Rows) else scaled(likelihood)
    w = np.ones(matrix.shape[0]) if weights is None else np.asarray(weights, float)
    w = w * w.sum() / np.square(w).sum()  # they sum to the effective number of galaxies
    penalty, pace, total = Penalty(shape), Pace(len(shape)), w.sum()
    chosen = np.sort(rng.permutation(len(w))[:_FOR_STRENGTH])
    sample = _Sample(matrix, counts, w)
    few, behind = sample.some(chosen)
    part, w_part = _dense(few), w[chosen] * (total / w[chosen].sum())
    if start is None:
        log_f, strength = _start(sample, penalty), np.full(len(shape), 10.0)
    else:
        log_f, strength = np.log(np.maximum(start.shares, 1e-12)), start.strength
        log_f -= logsumexp(log_f)
        # Where all are nearly an exponential any large strength is as good as another, from which
        # the steps would not come away.
        strength = np.minimum(strength, _FREE)
    here, s = sample.point(log_f), penalty.matrix(strength)
    factor, damped, secants = None, None, _Secants()
    settled = converged = False
    for _ in range(_STEPS):
        slope = here.counts - total * here.f - s @ here.log_f
        fresh = factor is None
        if factor is None:
            curvature = _curvature(part, w_part, here.f) + s + total * np.outer(here.f, here.f)
            factor = factor_of(curvature)
            damped, secants = _damped(curvature, factor, slope), _Secants()
        if settled:
            secants.learn(here.log_f, slope)
        step = secants.step(damped, slope)
        promise = step @ slope
        if settled and promise < _CONVERGED:
            converged = True
            break
        here, moved = _climb(sample, here, s, step)
        if not moved and fresh:  # far from the maximum: the step of EM, which always climbs
            counts = factor_of(total * (np.diag(here.f) + 1e-9 * np.eye(len(here.f))) + s)
            here, moved = _climb(sample, here, s, cho_solve(counts, slope))
            if settled and not moved:  # not by as much as rounding
                converged = True
                break
        if not settled:
            strength, done = pace.next(strength, *penalty.better(strength, here.log_f, factor))
            settled = done and promise < _STEADY
            s, factor = penalty.matrix(strength), None
        elif not moved:
            factor = None
    f = here.f
    s = penalty.matrix(strength)
    scores = information_of(matrix, w, f)
    curvature = scores + total * np.outer(f, f)
    if behind is not None:
        curvature = without_noise(curvature, s, noise_of(few, behind, w_part, f))
    if weights is not None and np.ptp(w) > 0:
        scores = information_of(matrix, np.square(w), f)
    expansion = Expansion(penalty, here.log_f, here.counts - total * f, curvature)
    supposed = expansion.drawn(strength, n, rng)
    draws, information = rng.standard_normal((n, len(f))), np.zeros(len(f))
    for one in supposed:
        smooth = penalty.matrix(one.strength)
        law = curvature + smooth, scores + LEFT[len(shape)] * smooth
        draws[one.rows], known = scattered(np.exp(one.log_f), *law, draws[one.rows])
        information += known * len(one.rows) / n
    return Density(f, draws, strength, information, converged, supposed)


# The likelihood


def scaled(matrix):
    """The same with the largest entry of each row 1."""
    matrix = csr_array(matrix, dtype=float)
    top = np.maximum.reduceat(matrix.data, matrix.indptr[:-1])
    data = matrix.data / np.repeat(top, np.diff(matrix.indptr))
    return csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


class _Sample:
    """Galaxies, with the draws behind each entry of their likelihoods, and their weights."""

    def __init__(self, matrix, counts, w):
        self._matrix, self.w = matrix, w
        self._counts = None if counts is None else counts.data

    def blocks(self):
        """Likelihoods, draws behind each entry (None where unknown) and weights, in parts."""
        if isinstance(self._matrix, csr_array):
            yield self._matrix, self._counts, self.w
            return
        start = 0
        for block, behind in self._matrix.blocks():
            yield block, behind, self.w[start : start + block.shape[0]]
            start += block.shape[0]

    def some(self, rows):
        """Likelihoods of some, and the draws behind each entry."""
        if not isinstance(self._matrix, csr_array):
            return self._matrix[rows]
        if len(rows) == len(self.w):
            return self._matrix, self._counts
        if self._counts is None:
            return self._matrix[rows], None
        every = (self._counts, self._matrix.indices, self._matrix.indptr)
        return self._matrix[rows], csr_array(every, shape=self._matrix.shape)[rows].data

    def point(self, log_f, raw=False):
        """What the galaxies say about a density; raw : with the noise of their draws."""
        f, known, counts = np.exp(log_f), 0.0, np.zeros(len(log_f))
        for block, behind, w in self.blocks():
            total = block @ f
            known += w @ np.log(total)
            if raw or behind is None:
                counts += f * (block.T @ (w / total))
                continue
            many = np.diff(block.indptr)
            share = block.data * f[block.indices] / np.repeat(total, many)
            noise = np.square(share) / behind
            variance = np.add.reduceat(noise, block.indptr[:-1])
            slight = np.exp(-variance / _SLIGHT)
            known += 0.5 * _SLIGHT * w @ (1.0 - slight)
            noise *= np.repeat(w * slight, many)
            noise += share * np.repeat(w * (1.0 - slight * variance), many)
            counts += np.bincount(block.indices, noise, len(f))
        return _Point(log_f, f, float(known), counts)


class _Point(NamedTuple):
    """A density, the log likelihood there, and the galaxies in each cell with it as prior."""

    log_f: np.ndarray
    f: np.ndarray
    known: float
    counts: np.ndarray

    def value(self, s):
        """The penalised log likelihood."""
        return self.known - 0.5 * self.log_f @ s @ self.log_f


def responsibilities(matrix, f):
    """Share of each galaxy's posterior in each cell, with the population as prior."""
    total = matrix @ f
    data = matrix.data * f[matrix.indices] / np.repeat(total, np.diff(matrix.indptr))
    return csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _dense(matrix):
    """All entries (n, n_cell) of some galaxies."""
    return matrix.astype(np.float32).toarray()


def _curvature(dense, w, f):
    """Sum over the galaxies (n, n_cell) of w g g^T, with g the slope of one log likelihood."""
    narrow = np.maximum(f, _FLOOR).astype(np.float32)
    counts, square = np.zeros(len(f)), np.zeros((len(f), len(f)))
    for start in range(0, len(w), _ROWS):
        rows, root = dense[start : start + _ROWS] * narrow, np.sqrt(w[start : start + _ROWS])
        rows *= (root / rows.sum(1, dtype=float)).astype(np.float32)[:, None]
        counts += root.astype(np.float32) @ rows
        square += rows.T @ rows
    cross = np.outer(counts, f)
    return square - cross - cross.T + w.sum() * np.outer(f, f)


def information_of(matrix: csr_array | Rows, w: np.ndarray, f: np.ndarray) -> np.ndarray:
    """The curvature (n_cell, n_cell) that galaxies give, which need not all be dense at once."""
    out = np.zeros((len(f), len(f)))
    for block, _, some in _Sample(matrix, None, w).blocks():
        for start in range(0, len(some), _ROWS):
            rows = slice(start, start + _ROWS)
            out += _curvature(_dense(block[rows]), some[rows], f)
    return out


def noise_of(matrix: csr_array, counts: np.ndarray, w: np.ndarray, f: np.ndarray) -> np.ndarray:
    """What the noise of the draws adds to the curvature (n_cell, n_cell) of `information_of`.

    counts (n_entry,) : draws behind each entry of the likelihoods
    """
    share = responsibilities(matrix, f)
    noise = csr_array((np.square(share.data) / counts, share.indices, share.indptr), share.shape)
    slight = w * np.exp(-noise.sum(1) / _SLIGHT)
    out = np.diag(noise.T @ slight)
    for start in range(0, len(w), _ROWS):
        rows = slice(start, start + _ROWS)
        p, q, some = (
            _dense(share[rows]),
            _dense(noise[rows]),
            slight[rows].astype(np.float32)[:, None],
        )
        across = (q * some).T @ p
        out += p.T @ (p * (some * q.sum(1)[:, None])) - across - across.T
    return out


def without_noise(curvature: np.ndarray, s: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """The curvature of the likelihood, of which the noise of the draws is a part.

    With H = curvature + penalty s, it is H - N to second order in the noise N, but with positive
    eigenvalues where the noise is nearly all: H (H + N + N H^-1 N)^-1 H.
    """
    whole = curvature + s
    more = whole + noise + noise @ cho_solve(factor_of(whole), noise)
    return whole @ cho_solve(factor_of(more), whole) - s


def _damped(curvature, factor, slope):
    """The factor of a curvature with as much of a ridge as keeps steps from leading out of sight.

    Without it, cells that are empty, whose log may as well be -30 as -60, would shorten the
    steps of all others.
    """
    ridge = _RIDGE
    while np.abs(cho_solve(factor, slope)).max() > _LONGEST and ridge < _RIDGE * 1e12:
        factor = factor_of(curvature + ridge * np.eye(len(slope)))
        ridge *= 10
    return factor


class _Secants:
    """What the slopes on the way say about the curvature (BFGS; Nocedal 1980, Math. Comp. 35, 773).

    The curvature of the scores of some galaxies is not that of all, and has neither the noise that
    is taken out nor the galaxies by which the penalty pulls a cell off its count. Alone, it makes
    steps too long one way, and all ways are shortened with that one.
    """

    def __init__(self):
        self._at, self._pairs = None, deque(maxlen=_REMEMBERED)

    def learn(self, log_f, slope):
        """Take in the slope at a point."""
        if self._at is not None:
            moved, fell = log_f - self._at[0], self._at[1] - slope
            if (along := moved @ fell) > _CURVED * np.square(fell).sum():
                self._pairs.append((moved, fell, along))
        self._at = log_f, slope

    def step(self, factor, slope):
        """The step to where the slope ends; factor : of the curvature before they were known."""
        pull, shares = slope.copy(), []
        for moved, fell, along in reversed(self._pairs):
            shares.append(moved @ pull / along)
            pull -= shares[-1] * fell
        step = cho_solve(factor, pull)
        for (moved, fell, along), share in zip(self._pairs, reversed(shares), strict=True):
            step += (share - fell @ step / along) * moved
        return step


def _climb(sample, here, s, step):
    """The first of ever shorter steps that climbs, and whether there was one."""
    longest, value = np.abs(step).max(), here.value(s)
    share = min(1.0, _LONGEST / longest) if longest > 0 else 1.0
    for _ in range(6):
        there = here.log_f + share * step
        there = sample.point(there - logsumexp(there))
        if there.value(s) >= value:
            return there, True
        share /= 4
    return here, False


def _start(sample, penalty):
    """Log of the stacked draws, smoothed strongly."""
    n_cell, total = int(np.prod(penalty.shape)), sample.w.sum()
    counts = sample.point(np.full(n_cell, -np.log(n_cell)), raw=True).counts
    share = counts / counts.sum()
    level = np.log(share + 1e-3 / n_cell)
    curvature = np.diag(counts + 1e-3 * total / n_cell)
    smooth = np.linalg.solve(
        curvature + penalty.matrix(np.full(len(penalty.shape), 10.0)), curvature @ level
    )
    return smooth - logsumexp(smooth)

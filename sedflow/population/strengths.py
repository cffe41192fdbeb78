"""How well the strength of a penalty is known: other strengths that the data allow as well.

The strength that maximises the marginal likelihood is one of many. Where a density is nearly an
exponential, any large strength is as probable as any other; with the largest, the density has
hardly a freedom left, and bands that suppose it say that the width of the population is known. So
the draws of the density of one quantity go over strengths by their probability, where the roughness
1 / sqrt(strength) is even a priori (Gelman 2006, Bayesian Analysis 1, 515). The density that a
strength makes most probable, and its marginal likelihood, are those of Laplace's approximation
around the density that was fitted. With two quantities, draws suppose the strengths that were
chosen: bands of standard deviations hold the truth of mocks there.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve
from scipy.special import logsumexp

from sedflow.population.penalty import STRENGTHS, Penalty
from sedflow.population.scatter import factor_of

_STEP = 1.0  # in the log of a strength
_UNLIKELY = 6.0  # in the log of the probability, below the largest
#: Change of the log of the density, root mean square over the population, up to which a
#: second-order expansion is trusted; chosen on mocks with the seeds 1000 to 1079.
_NEAR = 0.15
#: How many times as far it may be over the density that comes of it, which is none of the
#: population's where a step is long in cells that no galaxy reaches.
_FURTHER = 2.0


class Strength(NamedTuple):
    """A strength that some draws of a density suppose.

    strength (n_axis,)
    log_f (n_cell,) : log of the most probable density with it
    rows (n_some,) : numbers of those draws
    """

    strength: np.ndarray
    log_f: np.ndarray
    rows: np.ndarray


class Expansion:
    """The log likelihood around a density, to second order.

    log_f (n_cell,) : of that density
    slope (n_cell,), curvature (n_cell, n_cell) : of the log likelihood there
    """

    def __init__(
        self, penalty: Penalty, log_f: np.ndarray, slope: np.ndarray, curvature: np.ndarray
    ):
        self._penalty, self._log_f = penalty, log_f
        self._slope, self._curvature = slope, curvature

    def drawn(self, strength: np.ndarray, n: int, rng: np.random.Generator) -> list[Strength]:
        """The strengths that n draws of the density suppose.

        strength (n_axis,) : the one that was chosen
        """
        if len(strength) > 1:
            return [Strength(strength, self._log_f, np.arange(n))]
        found = self._likely(strength)
        log = np.array([value for value, _, _ in found])
        share = np.exp(log - logsumexp(log))
        levels = rng.permutation(np.arange(n) + rng.random(n)) / n
        number = np.searchsorted(np.cumsum(share), levels).clip(max=len(found) - 1)
        rows = [np.flatnonzero(number == k) for k in range(len(found))]
        return [Strength(k, f, r) for (_, k, f), r in zip(found, rows, strict=True) if len(r)]

    def _likely(self, strength):
        """Log probability, strength and density of the likely ones on both sides of one."""
        value, _, log_f = self._at(strength)
        # A step that gains nothing may be long in cells that few galaxies reach.
        found = [(value, strength, log_f if self._is_near(log_f) else self._log_f)]
        for way in (_STEP, -_STEP):
            other = strength
            while True:
                other = other * np.exp(way)
                if not STRENGTHS[0] <= other[0] <= STRENGTHS[1]:
                    break
                value, _, log_f = there = self._at(other)
                likely = value >= max(one[0] for one in found) - _UNLIKELY
                if not (likely and self._is_near(log_f)):
                    break
                found.append(there)
        return found

    def _at(self, strength):
        """Log of the probability of a strength, the strength, and log of its density."""
        s = self._penalty.matrix(strength)
        factor = factor_of(self._curvature + s)
        pull = self._slope - s @ self._log_f
        shift = cho_solve(factor, pull)
        value = 0.5 * (pull @ shift - self._log_f @ s @ self._log_f - np.log(strength).sum())
        value += 0.5 * self._penalty.log_determinant(strength)
        value -= np.log(np.diag(factor[0])).sum()
        log_f = self._log_f + shift
        return value, strength, log_f - logsumexp(log_f)

    def _is_near(self, log_f):
        """Whether the expansion holds as far as a density, for the galaxies of both."""
        square = np.square(log_f - self._log_f)
        here, there = (np.exp(one) @ square for one in (self._log_f, log_f))
        return here <= _NEAR**2 and there <= (_FURTHER * _NEAR) ** 2

"""Whether weights and chains can be trusted: their figures, and the limits on them.

k-hat of importance weights (Vehtari et al. 2024, JMLR 25, 72); rank-normalised split R-hat and the
bulk and tail effective sample sizes of chains (Vehtari et al. 2021, Bayesian Analysis 16, 667).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sedflow.batches import galaxies_at
from sedflow.parameters import NAMES
from sedflow.settled import ByValue

K_HAT_MAX = 0.7
#: Effective draws that an accepted posterior has, as those of a chain, however few are asked for:
#: of weighted draws with fewer than 100, intervals of 95 % held 89 %.
MIN_ESS = 400.0
#: Draws that a verdict rests on at least, however few were asked for.
JUDGED_ON = 1000
#: Tail index of a ratio of priors, known without any draws, from which on the variance of weights
#: is infinite: whether they pass is then luck.
TAIL_INDEX_MAX = 0.5
#: Effective draws of a robust posterior, from which on it names a band that is off.
TELLING = 50.0
R_HAT_MAX = 1.01
ESS_MIN = 400.0


@dataclass(frozen=True, eq=False)
class Importance(ByValue):
    """Figures of a galaxy's weights, or of many galaxies' (...).

    ess : effective number of draws, 1 / sum of squared weights
    k_hat : shape of the largest weights; above `k_hat_max` (0.7) they are not to be trusted
    log_evidence : natural log of the evidence, per nanomaggy in each band
    log_evidence_error : its standard error
    gap : Kullback-Leibler divergence [nats] of the posterior from the draws' own density
    n : draws that were made
    prior : name of the prior that the weighted draws follow
    """

    ess: np.ndarray
    k_hat: np.ndarray
    log_evidence: np.ndarray
    log_evidence_error: np.ndarray
    gap: np.ndarray
    n: np.ndarray
    prior: str = "flat"

    _ARRAYS: ClassVar = ("ess", "k_hat", "log_evidence", "log_evidence_error", "gap", "n")

    def __getitem__(self, item) -> "Importance":
        item = galaxies_at(item, np.shape(self.k_hat))
        one = {n: np.asarray(getattr(self, n))[item] for n in self._ARRAYS}  # may be plain numbers
        return Importance(**one, prior=self.prior)

    @classmethod
    def stack(
        cls, parts: Sequence["Importance | None"], shape: tuple[int, ...], prior: str
    ) -> "Importance":
        """One `Importance` of a batch from those of its galaxies; NaN where there is none."""
        columns = {n: [np.nan if p is None else getattr(p, n) for p in parts] for n in cls._ARRAYS}
        arrays = {n: np.array(column, float).reshape(shape) for n, column in columns.items()}
        return cls(**arrays, prior=prior)

    def good(self, min_ess: float = MIN_ESS) -> np.ndarray:
        """Whether the weights (...) can be used."""
        return (self.k_hat < k_hat_max(self.n)) & (self.ess >= min_ess)


def k_hat_max(n: np.ndarray | int) -> np.ndarray:
    """Limit on the k-hat of n draws (...).

    Of fewer than 1,000 draws, k-hat rests on a tail of a few dozen and is pulled towards 0.5, so
    less is allowed: 1 - 1 / log10(n) (Vehtari et al. 2024).

    >>> k_hat_max([24, 100, 1000]).round(2).tolist()
    [0.28, 0.5, 0.7]
    """
    n = np.asarray(n, float)
    few = np.minimum(K_HAT_MAX, 1 - 1 / np.log10(np.maximum(n, 2)))
    return np.where(n < JUDGED_ON, few, K_HAT_MAX)


def k_hat_text(value: float | np.ndarray) -> str:
    """A k-hat in two digits, or as many as tell it from its limit.

    >>> k_hat_text(0.5), k_hat_text(0.699), k_hat_text(0.6999)
    ('0.50', '0.699', '0.6999')
    """
    value, digits = float(value), 2
    while digits < 6 and value != K_HAT_MAX and f"{value:.{digits}f}" == f"{K_HAT_MAX:.{digits}f}":
        digits += 1
    return f"{value:.{digits}f}"


@dataclass(frozen=True, eq=False)
class Convergence(ByValue):
    """Figures of the chains of one galaxy, or of many on the leading axes.

    r_hat, ess_bulk, ess_tail (..., 12), in the order of `NAMES`
    acceptance (...) : share of proposals taken
    evaluations (...) : models computed
    seconds (...)
    log_evidence (...), log_evidence_error (...) : where the method gives them, else NaN
    method : name of the sampler
    """

    r_hat: np.ndarray
    ess_bulk: np.ndarray
    ess_tail: np.ndarray
    acceptance: np.ndarray
    evaluations: np.ndarray
    seconds: np.ndarray
    log_evidence: np.ndarray
    log_evidence_error: np.ndarray
    method: str = ""

    _ARRAYS: ClassVar = (
        "r_hat",
        "ess_bulk",
        "ess_tail",
        "acceptance",
        "evaluations",
        "seconds",
        "log_evidence",
        "log_evidence_error",
    )

    def __getitem__(self, item) -> "Convergence":
        item = galaxies_at(item, np.shape(self.acceptance))
        one = {n: np.asarray(getattr(self, n))[item] for n in self._ARRAYS}
        return Convergence(**one, method=self.method)

    @classmethod
    def stack(cls, parts: Sequence["Convergence | None"], shape: tuple[int, ...]) -> "Convergence":
        """One `Convergence` of a batch from those of its galaxies; NaN where there is none."""
        known = next(c for c in parts if c is not None)
        arrays = {}
        for name in cls._ARRAYS:
            blank = np.full(np.shape(getattr(known, name)), np.nan)
            column = np.stack([blank if c is None else getattr(c, name) for c in parts])
            arrays[name] = column.reshape((*shape, *blank.shape))
        return cls(**arrays, method=known.method)

    @property
    def converged(self) -> np.ndarray:
        """Whether every parameter has R-hat < 1.01 and both ESS > 400 (...)."""
        good = (self.r_hat < R_HAT_MAX) & (self.ess_bulk > ESS_MIN) & (self.ess_tail > ESS_MIN)
        return np.all(good, axis=-1)

    def worst(self) -> str:
        """The figure furthest from its limit, in words (of one galaxy)."""
        k = int(np.argmax(self.r_hat))
        e = int(np.argmin(np.minimum(self.ess_bulk, self.ess_tail)))
        ess = min(self.ess_bulk[e], self.ess_tail[e])
        return (
            f"R-hat {self.r_hat[k]:.3f} in {NAMES[k]} (limit {R_HAT_MAX}), "
            f"ESS {ess:.0f} in {NAMES[e]} (limit {ESS_MIN:.0f})"
        )


class NotConverged(UserWarning):
    """A chain missed its limits; `convergence` holds the figures."""

    def __init__(self, message: str, convergence: Convergence) -> None:
        super().__init__(message)
        self.convergence = convergence

"""Whether chains have converged, as ArviZ judges it.

Rank-normalised split R-hat and the bulk and tail effective sample sizes (Vehtari et al. 2021,
Bayesian Analysis 16, 667). The autocorrelation time alone is not asked: stuck chains have a
short one.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from sedflow.parameters import NAMES

__all__ = ["ESS_MIN", "R_HAT_MAX", "Convergence", "NotConverged", "diagnose"]

R_HAT_MAX = 1.01
ESS_MIN = 400.0


@dataclass(frozen=True)
class Convergence:
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

    _ARRAYS = (
        "r_hat", "ess_bulk", "ess_tail", "acceptance", "evaluations", "seconds",
        "log_evidence", "log_evidence_error",
    )  # fmt: skip

    def __getitem__(self, item):
        return Convergence(*(getattr(self, name)[item] for name in self._ARRAYS), self.method)

    @classmethod
    def stack(cls, parts, shape):
        """One `Convergence` of a batch from those of its galaxies; NaN where there is none."""
        known = next(c for c in parts if c is not None)
        arrays = []
        for name in cls._ARRAYS:
            blank = np.full(np.shape(getattr(known, name)), np.nan)
            column = np.stack([blank if c is None else getattr(c, name) for c in parts])
            arrays.append(column.reshape((*shape, *blank.shape)))
        return cls(*arrays, known.method)

    @property
    def converged(self) -> np.ndarray:
        """Whether every parameter has R-hat < 1.01 and both ESS > 400 (...)."""
        return (
            (self.r_hat < R_HAT_MAX) & (self.ess_bulk > ESS_MIN) & (self.ess_tail > ESS_MIN)
        ).all(-1)

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

    def __init__(self, message, convergence):
        super().__init__(message)
        self.convergence = convergence


def diagnose(chains):
    """R-hat, bulk ESS and tail ESS (n_param,) of chains (n_chain, n_draw, n_param)."""
    import arviz

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = arviz.convert_to_dataset({"x": np.asarray(chains)})
        return (
            arviz.rhat(data).x.values,
            arviz.ess(data).x.values,
            arviz.ess(data, method="tail").x.values,
        )

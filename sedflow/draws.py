"""Posterior draws with named parameters, and what a sampler is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sedflow.parameters import NAMES, index
from sedflow.photometry import Photometry

if TYPE_CHECKING:
    from sedflow.convergence import Convergence
    from sedflow.importance import Importance

__all__ = [
    "CURVE_LEVELS",
    "Draws",
    "Sampler",
    "column_quantiles",
    "systematic",
    "weighted_quantile",
]


#: Quantiles that are drawn of curves: median, 68 and 95 %.
CURVE_LEVELS = (0.025, 0.16, 0.5, 0.84, 0.975)


@dataclass(frozen=True)
class Draws:
    """Draws of the 12 parameters of one galaxy, or of many on the leading axes.

    theta (..., n_draw, 12), in the order of `NAMES`
    log_density (..., n_draw) : natural log of the density that the draws were made from, in
        the 11 dimensions `FREE_NAMES`; None, or NaN for a galaxy, if they were made from the
        posterior itself (MCMC)
    weights (..., n_draw) : share of each draw in the posterior, summing to 1; None if equal
    importance : figures of the weights, also of those that the draws were resampled by
    convergence : figures of the chains, if there were any
    """

    theta: np.ndarray
    log_density: np.ndarray | None = None
    weights: np.ndarray | None = None
    importance: Importance | None = None
    convergence: Convergence | None = None

    def __getitem__(self, name: str) -> np.ndarray:
        """Draws (..., n_draw) of one parameter.

        >>> Draws(np.zeros((100, 12)))["tau_ism"].shape
        (100,)
        """
        return self.theta[..., index(name)]

    def keys(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return NAMES

    @property
    def n(self) -> int:
        """Draws per galaxy."""
        return self.theta.shape[-2]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the batch of galaxies; () for one."""
        return self.theta.shape[:-2]

    def galaxy(self, item) -> Draws:
        """The draws of the galaxies at an index, slice or mask of the leading axis."""
        return Draws(
            *(
                None if part is None else part[item]
                for part in (
                    self.theta, self.log_density, self.weights, self.importance, self.convergence,
                )
            )
        )  # fmt: skip

    def quantile(self, values, q) -> np.ndarray:
        """Quantiles (len(q), ...) of any quantity (..., n_draw) of the draws, weights included."""
        return weighted_quantile(values, q, self.weights)

    def resampled(self, n: int | None = None, seed: int = 0) -> Draws:
        """Draws of equal weight, for whatever cannot take weights; those given if they are equal.

        Systematic resampling: a draw of weight w comes n w times, rounded up or down. Draws of
        equal weight are thinned evenly, since those of a chain come in its order.
        """
        n = n or self.n
        if self.weights is None:
            if n == self.n:
                return self
            rows = systematic(np.ones(self.n), n, np.random.default_rng(seed))
            density = None if self.log_density is None else self.log_density[..., rows]
            return replace(self, theta=self.theta[..., rows, :], log_density=density)
        flat = self.weights.reshape(-1, self.n)
        rng = np.random.default_rng(seed)
        rows = np.stack([systematic(w, n, rng) for w in flat]).reshape(*self.shape, n)
        theta = np.take_along_axis(self.theta, rows[..., None], axis=-2)
        return replace(self, theta=theta, weights=None, log_density=None)


def systematic(weights, n, rng) -> np.ndarray:
    """Indices (n,), ascending, drawn in proportion to weights (n_draw,), evenly spread."""
    edges = np.cumsum(weights)
    return np.minimum(
        np.searchsorted(edges, (np.arange(n) + rng.random()) / n * edges[-1]), len(edges) - 1
    )


def weighted_quantile(values, q, weights=None) -> np.ndarray:
    """Quantiles (len(q), ...) of values (..., n) under weights (..., n); q a number or (n_q,).

    Without weights as `numpy.quantile`; with them, linear in the cumulative weight at the
    middle of each draw, which agrees with it for equal weights to 1 / n.
    """
    if weights is None:
        return np.quantile(values, q, axis=-1)
    values = np.asarray(values, float)
    weights = np.broadcast_to(weights, values.shape)
    order = np.argsort(values, axis=-1)
    v = np.take_along_axis(values, order, -1).reshape(-1, values.shape[-1])
    w = np.take_along_axis(weights, order, -1).reshape(v.shape)
    cumulative = np.cumsum(w, axis=-1) - 0.5 * w
    at = np.atleast_1d(q)
    out = np.stack([np.interp(at, c, row) for c, row in zip(cumulative, v, strict=True)], axis=-1)
    out = out.reshape(at.size, *values.shape[:-1])
    return out[0] if np.ndim(q) == 0 else out


def column_quantiles(values, q, weights=None) -> np.ndarray:
    """Quantiles (len(q), ..., n_column) of values (..., n_draw, n_column) over the draws."""
    if weights is None:
        return np.quantile(values, q, axis=-2)
    return weighted_quantile(np.moveaxis(values, -2, -1), q, weights[..., None, :])


class Sampler(Protocol):
    """Anything that draws from the posterior of galaxies: network, MCMC, an exact answer."""

    def sample(self, galaxy: Photometry, n: int = 10_000, seed: int | None = None) -> Draws:
        """n draws for each galaxy of the batch; the same seed gives the same draws."""
        ...

"""Posterior draws with named parameters, and what a sampler is."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sedflow.parameters import NAMES, index
from sedflow.photometry import Photometry

__all__ = ["Draws", "Sampler"]


@dataclass(frozen=True)
class Draws:
    """Draws of the 12 parameters of one galaxy, or of many on the leading axes.

    theta (..., n_draw, 12), in the order of `NAMES`
    log_density (..., n_draw) : natural log of the sampler's own density of each draw in the
        11 dimensions `FREE_NAMES`, if it has one

    Examples
    --------
    >>> draws = Draws(np.zeros((100, 12)))
    >>> draws["tau_ism"].shape
    (100,)
    """

    theta: np.ndarray
    log_density: np.ndarray | None = None

    def __getitem__(self, name: str) -> np.ndarray:
        """Draws (..., n_draw) of one parameter."""
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
        """Shape of the batch of galaxies: () for one."""
        return self.theta.shape[:-2]


class Sampler(Protocol):
    """Anything that draws from the posterior of galaxies: network, MCMC, an exact answer."""

    def sample(self, galaxy: Photometry, n: int = 10_000, seed: int | None = None) -> Draws:
        """n draws for each galaxy of the batch; the same seed gives the same draws."""
        ...

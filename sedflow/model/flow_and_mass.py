"""The density of one galaxy: the flow over what shapes the spectrum, and the mass given that."""

from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from sedflow.constants import LOG_2PI
from sedflow.model.mass import REFERENCE, MassConditional
from sedflow.model.sed import SEDModel
from sedflow.parameters import HIGH, LOW, N_SHAPE, Prior, index
from sedflow.photometry import Photometry

__all__ = ["FlowAndMass"]

_MASS = index("log_mstar")
_MASS_RANGE = HIGH[_MASS] - LOW[_MASS]


class FlowAndMass:
    """Between points of the base (n, 11) and theta (n, 12) of one galaxy, and their density.

    The first number of the base is the probit of the mass's quantile, the others are the flow's.

    Parameters
    ----------
    flow : with `to_x` and `to_base`, such as `GraphFlow`
    prior : Prior
        In whose unbounded coordinates the flow is.
    model : SEDModel
    bands : of the network
    """

    def __init__(self, flow: Any, prior: Prior, model: SEDModel, bands: tuple[str, ...]):
        self._flow, self._prior, self._bands = flow, prior, bands
        self._fast = model.fast(bands)  # made here, not by several threads at once

    def to_theta(
        self, base: np.ndarray, context: np.ndarray, galaxy: Photometry
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Theta (n, 12), log density (n,) and flux (n, n_band) of base points (n, 11)."""
        # A galaxy alone, and in chunks of a fixed size: the same to the last bit in any batch.
        drawn, log_q = self._flow.to_x(np.delete(base, _MASS, axis=-1), context)
        x = drawn.astype(float)
        theta = self._prior.from_unbounded(np.insert(x, _MASS, 0.0, axis=-1))
        mass, unscaled = self.mass_given(theta, galaxy)
        theta[:, _MASS] = mass.draw(ndtr(base[:, _MASS].astype(float)))
        log_density = log_q + self.log_volume(x, theta)
        flux = unscaled * self._fast.scale(theta, galaxy.redshift.reshape(1))
        return theta, log_density + mass.log_prob(theta[:, _MASS]), flux

    def to_base(
        self, theta: np.ndarray, context: np.ndarray, galaxy: Photometry
    ) -> tuple[np.ndarray, np.ndarray]:
        """Base points (n, 11) that `to_theta` carries to theta (n, 12), and log density (n,)."""
        x = np.delete(self._prior.to_unbounded(theta), _MASS, axis=-1)
        noise, log_q = self._flow.to_base(x, context)
        mass, _ = self.mass_given(theta, galaxy)
        quantile = mass.quantile_of(theta[:, _MASS])
        log_density = self.log_volume(x, theta) + (log_q + mass.log_prob(theta[:, _MASS]))
        return np.insert(noise, _MASS, ndtri(quantile), axis=-1), log_density

    def mass_given(
        self, theta: np.ndarray, galaxy: Photometry
    ) -> tuple[MassConditional, np.ndarray]:
        """Conditional of log_mstar for theta (n, 12) of any mass, and their unscaled fluxes."""
        reference = theta.copy()
        reference[:, _MASS] = REFERENCE
        z = galaxy.redshift.reshape(1)  # of all draws
        unscaled = self._fast.unscaled(reference, z)
        flux = unscaled * self._fast.scale(reference, z)
        seen = galaxy.present
        return MassConditional(flux[:, seen], galaxy.flux[seen], galaxy.sigma[seen]), unscaled

    def log_volume(self, x: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """log |dx / dtheta| without the mass: the prior is a standard normal in x (..., 10)."""
        log_normal = -0.5 * ((x**2).sum(-1) + N_SHAPE * LOG_2PI)
        return self._prior.log_prob(theta) + np.log(_MASS_RANGE) - log_normal

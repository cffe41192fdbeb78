"""How probable the data are, given noise-free model fluxes: a Gaussian in flux, band by band.

    log L = -1/2 sum_b [ (f_b(theta) - f_b)^2 / sigma_b^2 + log(2 pi sigma_b^2) ]

Hahn & Melchior 2022, Eq. 1, with sigma taken as known. That it is exact also for the
simulations a network was trained on is the doing of `noise` and `simulation`: sigma follows
the *observed* flux, so it says nothing more about theta once the flux is known, and no factor
p(sigma | f(theta)) is missing. A band that is absent (NaN) is left out. Network, reweighting and
MCMC all answer to this one function.
"""

import numpy as np

from sedflow.photometry import Photometry

__all__ = ["chi_square", "log_likelihood", "pulls"]

_LOG_2PI = np.log(2 * np.pi)


def pulls(flux, galaxy: Photometry) -> np.ndarray:
    """(model - data) / sigma (..., n_draw, n_band) of model fluxes of that shape; NaN in bands
    that are absent."""
    return (flux - galaxy.flux[..., None, :]) / galaxy.sigma[..., None, :]


def chi_square(flux, galaxy: Photometry) -> np.ndarray:
    """Sum (..., n_draw) of the squared pulls over the bands that are there."""
    squares = np.square(pulls(flux, galaxy))
    return np.where(galaxy.present[..., None, :], squares, 0.0).sum(-1)


def log_likelihood(flux, galaxy: Photometry) -> np.ndarray:
    """Natural log of the likelihood (..., n_draw), per nanomaggy in each band.

    flux (..., n_draw, n_band) : noise-free model fluxes [nanomaggies] in the galaxy's bands
    """
    norm = np.nansum(np.log(galaxy.sigma), axis=-1) + 0.5 * galaxy.present.sum(-1) * _LOG_2PI
    return -0.5 * chi_square(flux, galaxy) - norm[..., None]

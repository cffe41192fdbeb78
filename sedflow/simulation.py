"""Simulated galaxies: prior -> forward model -> noise.

The pairs (theta, data) are distributed so that the posterior of theta given the data is
exactly prior x Gaussian likelihood with the sigmas taken as known. The atlas' sigmas follow
the *observed* flux, so a pair drawn with sigma given the *true* flux is weighted by
p(sigma | observed flux) / p(sigma | true flux). The weights are near 1: sigma changes slowly
with flux. Training uses them in its loss, `simulate` turns them into a choice of pairs.
"""

from functools import cache

import numpy as np

from sedflow.errors import BadParameters
from sedflow.noise import NoiseModel
from sedflow.parameters import Prior
from sedflow.photometry import Photometry

__all__ = ["REDSHIFT_RANGE", "draw_pairs", "nsa_noise", "simulate"]

REDSHIFT_RANGE = (0.001, 0.2)  # of the simulated galaxies; nearer ones have no Hubble distance
_MAX_WEIGHT = 8.0  # of a pair in `simulate`; heavier ones, under 1e-4 of all, count as this


@cache
def nsa_noise() -> NoiseModel:
    """The packaged noise model of the NASA-Sloan Atlas (ugriz)."""
    from sedflow.resources import load_json

    return NoiseModel.from_dict(load_json("noise_nsa.json"))


def draw_pairs(n, rng, prior, model, noise, redshift=REDSHIFT_RANGE):
    """Weighted pairs: theta (n, 12), flux, sigma (n, n_band), redshift (n,), log_weight (n,)."""
    theta = prior.sample(n, rng)
    z = rng.uniform(*redshift, n)
    true_flux = model.fast(noise.bands)(theta, z)
    sigma = noise.sample(true_flux, rng)
    flux = true_flux + sigma * rng.standard_normal(sigma.shape)
    log_weight = noise.log_prob(sigma, flux) - noise.log_prob(sigma, true_flux)
    return theta, flux, sigma, z, log_weight


def simulate(n, seed=None, *, prior=None, model=None, noise=None, redshift=REDSHIFT_RANGE):
    """Mock galaxies with known parameters, as the network was trained on.

    Parameters
    ----------
    n : int
    seed : int or numpy Generator, optional
    prior : Prior, optional
    model : SEDModel, optional
    noise : NoiseModel, optional
        Default: the errors of the NASA-Sloan Atlas. Its bands are the bands simulated.
    redshift : (low, high)
        Uniform in between.

    Returns
    -------
    theta (n, 12), galaxies : Photometry of shape (n,)

    Examples
    --------
    >>> theta, galaxies = simulate(5, seed=1)
    >>> theta.shape, galaxies.flux.shape
    ((5, 12), (5, 5))
    """
    from sedflow.model import SEDModel

    if int(n) != n or n < 0:
        raise BadParameters(f"n = {n} galaxies; give a whole number >= 0")
    n = int(n)
    prior = prior or Prior()
    model = model or SEDModel()
    noise = noise or nsa_noise()
    top = model.max_redshift(noise.bands)
    if not 0 < redshift[0] < redshift[1] <= top:
        raise BadParameters(f"redshift range {redshift} must lie within 0 and {top:.3f}, low first")
    rng = np.random.default_rng(seed)
    parts, found = [], 0
    while found < n or not parts:
        pairs = draw_pairs(max(4 * n, 256), rng, prior, model, noise, redshift)
        keep = rng.random(len(pairs[4])) * _MAX_WEIGHT < np.exp(pairs[4])
        parts.append([column[keep] for column in pairs[:4]])
        found += keep.sum()
    theta, flux, sigma, z = (np.concatenate(column)[:n] for column in zip(*parts, strict=True))
    return theta, Photometry(flux=flux, sigma=sigma, redshift=z, bands=noise.bands)

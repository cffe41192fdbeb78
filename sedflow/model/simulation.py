"""Simulated galaxies: prior -> forward model -> noise.

The pairs (theta, data) are distributed so that the posterior of theta given the data is
exactly prior x Gaussian likelihood with the sigmas taken as known. The atlas' sigmas follow
the *observed* flux, so a pair drawn with sigma given the *true* flux is weighted by
p(sigma | observed flux) / p(sigma | true flux). The weights are near 1: sigma changes slowly
with flux. Training uses them in its loss, `simulate` turns them into a choice of pairs.
"""

from functools import cache

import numpy as np

from sedflow.bands import UGRIZ, as_bands
from sedflow.errors import BadParameters, check_like
from sedflow.model.noise import NoiseModel
from sedflow.parameters import FREE_NAMES, as_prior
from sedflow.photometry import Photometry
from sedflow.whole_numbers import LARGEST_SEED, as_whole

REDSHIFT_RANGE = (0.001, 0.3)  # of the simulated galaxies; nearer ones have no Hubble distance
_T_BURST = FREE_NAMES.index("t_burst")
RECENT = -2.5  # shift of a burst's x that makes it recent: the median becomes 90 Myr
_MOST = 10_000_000  # galaxies at a time: some 10 GB
_MAX_WEIGHT = 8.0  # of a pair in `simulate`; heavier ones, under 1e-4 of all, count as this


def nsa_noise(bands=UGRIZ) -> NoiseModel:
    """The packaged noise model of the NASA-Sloan Atlas, in any of its seven bands."""
    return _nsa_noise(as_bands(bands))


@cache
def _nsa_noise(bands):
    from sedflow.files.packaged import load_json

    return NoiseModel.from_dict(load_json("noise_nsa.json")).select(bands)


def draw_presence(n, n_band, rng) -> np.ndarray:
    """Which bands are observed (n, n_band): all of them in half of the galaxies, in the others
    any number from 1 to n_band - 1, equally often, whichever."""
    number = np.where(rng.random(n) < 0.5, n_band, rng.integers(1, max(n_band, 2), n))
    rank = rng.random((n, n_band)).argsort(axis=1).argsort(axis=1)
    return rank < number[:, None]


def recent_bursts(x, share: float, rng) -> tuple[np.ndarray, np.ndarray]:
    """Draws x (n,) of the burst's age (unbounded), a share of them moved to the last few 100 Myr.

    A burst in the last 100 Myr has 1 % of the prior and can have most of a posterior. Returns
    x and log(prior / density of these draws), both (n,).
    """
    x = x + np.where(rng.random(len(x)) < share, RECENT, 0.0)
    return x, -recent_tilt(x, share)[0]


def recent_tilt(x, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Log(density of `recent_bursts` / prior) at x (n,), and its slope in x (n,)."""
    moved = np.log(share) + RECENT * (x - 0.5 * RECENT)
    log_ratio = np.logaddexp(np.log1p(-share), moved)
    return log_ratio, RECENT * np.exp(moved - log_ratio)


def draw_pairs(
    n, rng, prior, model, noise, redshift=REDSHIFT_RANGE, nearness=1.0, presence=None, recent=0.0
):
    """Weighted pairs: theta (n, 12), flux, sigma (n, n_band), redshift (n,), log_weight (n,).

    nearness : float
        Redshifts are low + (high - low) u^nearness with u uniform: above 1, more are low.
    presence : callable, optional
        `presence(n, n_band, rng)` says which bands are observed; the others are NaN in flux
        and sigma, and the weight is that of the bands which are left.
    recent : float
        Share of the galaxies whose burst is drawn from the last few hundred Myr, where the
        prior is thin; the weight makes up for it.
    """
    theta, log_prior_ratio = prior.sample(n, rng), 0.0
    if recent:
        x = prior.to_unbounded(theta)
        x[:, _T_BURST], log_prior_ratio = recent_bursts(x[:, _T_BURST], recent, rng)
        theta = prior.from_unbounded(x)
    z = redshift[0] + (redshift[1] - redshift[0]) * rng.random(n) ** nearness
    true_flux = model.fast(noise.bands)(theta, z)
    sigma = noise.sample(true_flux, rng)
    flux = true_flux + sigma * rng.standard_normal(sigma.shape)
    if presence is not None:
        absent = ~presence(*flux.shape, rng)
        flux[absent] = sigma[absent] = np.nan
    log_weight = noise.log_prob(sigma, flux) - noise.log_prob(sigma, true_flux)
    return theta, flux, sigma, z, log_weight + log_prior_ratio


def simulate(
    n, seed=None, *, prior=None, model=None, noise=None, redshift=REDSHIFT_RANGE, presence=None
):
    """Mock galaxies with known parameters, as the network was trained on.

    Parameters
    ----------
    n : int
    seed : int or numpy Generator, optional
    prior : Prior or its name, optional
    model : SEDModel, optional
    noise : NoiseModel, optional
        Default: the errors of the NASA-Sloan Atlas. Its bands are the bands simulated.
    redshift : (low, high)
        Uniform in between.
    presence : callable, optional
        Which bands are observed, as `draw_presence`; default all.

    Returns
    -------
    theta (n, 12), galaxies : Photometry of shape (n,)

    Examples
    --------
    >>> theta, galaxies = simulate(5, seed=1)
    >>> theta.shape, galaxies.flux.shape
    ((5, 12), (5, 5))
    """
    from sedflow.model.sed import SEDModel

    n = as_whole("n", n, 0, _MOST, " galaxies")
    if seed is not None and not isinstance(seed, np.random.Generator):
        seed = as_whole("seed", seed, 0, LARGEST_SEED)
    prior = as_prior(prior)
    model = SEDModel() if model is None else model
    noise = nsa_noise() if noise is None else noise
    check_like("model", model, "max_redshift", "a sedflow.SEDModel", BadParameters)
    check_like("noise", noise, "bands", "a sedflow.NoiseModel", BadParameters)
    top = model.max_redshift(noise.bands)
    try:
        low, high = (float(z) for z in redshift)
    except (TypeError, ValueError):
        low = high = np.nan
    if not 0 < low < high <= top:
        raise BadParameters(
            f"redshift range {redshift!r} must be two numbers within 0 and {top:.3f}, low first"
        )
    rng = np.random.default_rng(seed)
    parts, found = [], 0
    while found < n or not parts:
        pairs = draw_pairs(
            max(4 * n, 256), rng, prior, model, noise, (low, high), presence=presence
        )
        keep = rng.random(len(pairs[4])) * _MAX_WEIGHT < np.exp(pairs[4])
        parts.append([column[keep] for column in pairs[:4]])
        found += keep.sum()
    theta, flux, sigma, z = (np.concatenate(column)[:n] for column in zip(*parts, strict=True))
    return theta, Photometry(flux=flux, sigma=sigma, redshift=z, bands=noise.bands)

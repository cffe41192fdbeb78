"""What the other bands predict for each band: where a model and data part, band by band.

For every band the posterior of the others predicts its flux; the pull is
(data - prediction) / sqrt(sigma^2 + variance of the prediction), above zero where the data are
brighter. The posterior without a band comes from the draws that there are, weighted by one over
that band's likelihood (Pareto smoothed, Vehtari et al. 2017, Stat. Comput. 27, 1413); where such
weights do not pass, the network is asked without the band.
"""

from typing import Any

import numpy as np

from sedflow.draws import Draws
from sedflow.errors import SedflowError, raise_if_of_the_run
from sedflow.photometry import Photometry
from sedflow.sampling.importance import smooth, weigh

__all__ = ["left_out_pulls"]

_N_DRAW = 250  # of the network, without a band
_ENOUGH = 100.0  # effective draws that a mean and a variance need
_K_OF_FINITE_VARIANCE = 0.5  # of weights whose variance is finite


def left_out_pulls(
    sampler: Any, galaxy: Photometry, draws: Draws, seed: int | None = 0
) -> np.ndarray:
    """Pull (n_band,) of each band against the prediction of the others, of one galaxy.

    sampler : AmortizedPosterior
    galaxy : in the bands of the network, or some of them
    draws : of its posterior, with weights if they have any

    NaN where a band is absent, and where it is the only one.
    """
    out = np.full(len(galaxy.bands), np.nan)
    present = np.flatnonzero(galaxy.present)
    if present.size < 2 or np.isnan(draws.theta).any():
        return out
    flux = np.asarray(draws.with_flux(galaxy, sampler.model).flux)
    weights = np.full(draws.n, 1.0 / draws.n) if draws.weights is None else draws.weights
    with np.errstate(divide="ignore"):
        log_weight = np.log(weights)
    for b in present:
        log_without = log_weight + 0.5 * np.square((flux[:, b] - galaxy.flux[b]) / galaxy.sigma[b])
        smoothed, figures = smooth(log_without)
        predicted = flux[:, b]
        if not (figures.k_hat < _K_OF_FINITE_VARIANCE and figures.ess >= _ENOUGH):
            found = _asked(sampler, galaxy, b, seed)
            if found is None:
                continue
            smoothed, predicted = found
        mean = smoothed @ predicted
        spread = smoothed @ np.square(predicted - mean)
        out[b] = (galaxy.flux[b] - mean) / np.sqrt(galaxy.sigma[b] ** 2 + spread)
    return out


def _asked(sampler, galaxy, b, seed):
    """Weights (n,) and fluxes (n,) in band b of the network's draws without that band."""
    flux, sigma = galaxy.flux.copy(), galaxy.sigma.copy()
    flux[b] = sigma[b] = np.nan
    others = Photometry(flux, sigma, galaxy.redshift, galaxy.bands)
    try:
        draws = weigh(
            sampler.sample(others, n=_N_DRAW, seed=seed), others, sampler.model, sampler.prior
        )
    except SedflowError as error:  # beyond the models, or nothing left that the network knows
        raise_if_of_the_run(error)
        return None
    return draws.weights, np.asarray(draws.flux)[:, b]

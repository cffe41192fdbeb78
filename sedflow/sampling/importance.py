"""Importance weights: a network's draws corrected to the exact posterior.

A draw weighs prior x likelihood / density it was made from. The largest weights are replaced
by the quantiles of a generalised Pareto fit to them (PSIS, `sedflow.sampling.pareto`), whose
shape k-hat says whether the weights can be trusted: below 0.7 they can.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sedflow.draws import Draws
from sedflow.model.likelihood import log_likelihood
from sedflow.model.sed import SEDModel
from sedflow.parameters import Prior
from sedflow.photometry import Photometry
from sedflow.sampling.pareto import pareto_smoothed
from sedflow.trust_limits import Importance

__all__ = ["smooth", "weigh"]

_ROUNDING = 0.01  # in a log weight, beyond which the weights say nothing


def smooth(
    log_weight: npt.ArrayLike, prior: str = "flat", terms: npt.ArrayLike = 0.0
) -> tuple[np.ndarray, Importance]:
    """Pareto-smoothed weights (..., n), summing to 1, and their `Importance`.

    log_weight (..., n) : natural log of prior x likelihood / density; -inf is allowed
    terms (..., n) : what log_weight is the difference of, or the larger of the two, for its
        rounding: weights that rounding decides are useless
    """
    log_weight = np.asarray(log_weight, float)
    terms = np.broadcast_to(terms, log_weight.shape).reshape(-1, log_weight.shape[-1])
    n = log_weight.shape[-1]
    flat = log_weight.reshape(-1, n)
    weights = np.empty_like(flat)
    figures = np.empty((5, len(flat)))
    for row, lw in enumerate(flat):
        weights[row], figures[:, row] = _smooth_one(lw, terms[row])
    ess, k_hat, log_z, error, gap = figures.reshape(5, *log_weight.shape[:-1])
    made = np.full(log_weight.shape[:-1], n)
    return weights.reshape(log_weight.shape), Importance(ess, k_hat, log_z, error, gap, made, prior)


def _smooth_one(lw, terms):
    n = len(lw)
    lw = np.where(np.isnan(lw), -np.inf, lw)
    best = lw.argmax()
    top = lw[best]
    # No draw has any weight, or the last digit of the weight's terms decides which one has.
    if not np.isfinite(top) or not np.spacing(max(abs(top), abs(terms[best]))) < _ROUNDING:
        return np.full(n, 1 / n), (0.0, np.inf, -np.inf, np.inf, np.inf)
    lw = np.maximum(lw, top - 700.0)  # as far as exp reaches
    if n == 1:  # of one draw nothing can be said
        smoothed, k_hat = lw - top, np.inf
    elif np.ptp(lw) < 1e-9:  # nothing to smooth: the draws are exact
        smoothed, k_hat = lw - top - np.log(n), 0.0
    else:
        smoothed, k_hat = pareto_smoothed(lw)
    # Weights below the tail are only normalised, so the least of them tells by how much.
    low = lw.argmin()
    log_z = lw[low] - smoothed[low] - np.log(n)
    w = np.exp(smoothed)
    w /= w.sum()
    ess = 1.0 / np.square(w).sum()
    error = np.sqrt(max(1.0 / ess - 1.0 / n, 0.0))
    gap = float(w @ lw - log_z)
    return w, (ess, k_hat, log_z, error, gap)


def weigh(
    draws: Draws,
    galaxy: Photometry,
    model: SEDModel,
    prior: Prior,
    drawn_under: Prior | None = None,
) -> Draws:
    """The draws of a galaxy, or of a batch, weighted to its exact posterior, with their fluxes.

    Parameters
    ----------
    draws : Draws
    galaxy : Photometry
    model : SEDModel that the draws were made with
    prior : Prior
        That of the posterior to weight to.
    drawn_under : Prior, optional
        Where the draws do not state their density, they follow the posterior of this prior;
        default: `prior`.
    """
    draws = draws.with_flux(galaxy, model)
    like = log_likelihood(draws.flux, galaxy)
    log_target = prior.log_prob(draws.theta) + like
    density = np.full(like.shape, np.nan) if draws.log_density is None else draws.log_density
    unknown = np.isnan(density)
    if unknown.any():
        density = np.where(unknown, (drawn_under or prior).log_prob(draws.theta) + like, density)
    weights, figures = smooth(log_target - density, prior.sfh, log_target)
    return replace(draws, weights=weights, importance=figures)

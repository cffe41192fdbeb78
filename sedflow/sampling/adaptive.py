"""Adaptive importance sampling: each proposal is fitted to the weighted draws so far."""

import warnings
from typing import Any

import numpy as np
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from sedflow.constants import LOG_2PI
from sedflow.draws import Draws, systematic
from sedflow.model.likelihood import log_likelihood
from sedflow.model.sed import SEDModel
from sedflow.parameters import Prior
from sedflow.photometry import Photometry
from sedflow.sampling.importance import smooth

_T_DOF = 5.0  # of the proposals' tails
_MIXTURE = 3  # components of each new proposal
_LEARN_FROM = 2000  # points to which it is fitted
_ROUNDS = 6
_LEARN_ESS = 150.0  # draws that must count, in effect, where a new proposal is fitted


def adapt(
    sampler: Any,
    galaxy: Photometry,
    model: SEDModel,
    prior: Prior,
    draws: Draws,
    seed: int | None,
    scouts: np.ndarray | None = None,
) -> Draws:
    """Weighted draws of one galaxy by adaptive importance sampling.

    Each round adds as many draws as there were at first, from a mixture of Student-t fitted,
    in the base coordinates of the network's flow, to the weighted draws so far
    (adaptive multiple importance sampling, Cornuet et al. 2012, Scand. J. Stat. 39, 798). All
    draws are weighted against the mixture of everything they were made from, so none is
    lost. It ends when the importance weights pass, or after 6 rounds.

    Parameters
    ----------
    sampler : with `push(base, galaxy)` -> Draws and `pull(theta, galaxy)` -> base, as
        `AmortizedPosterior`
    scouts : array (m, 12), optional
        Points of the posterior found without the network, which the first proposal is fitted
        to: weights say nothing about a mode that no draw has reached.
    galaxy : Photometry of shape ()
    draws : Draws
        Those of the sampler, to begin with.

    Returns
    -------
    Draws with weights, importance and flux; as many as a multiple of draws.n
    """
    rng = np.random.default_rng([0 if seed is None else seed, 7])
    own = getattr(sampler, "model", None) is model  # whose fluxes can be used
    proposals: list[_Proposal] = []
    made: list[tuple[np.ndarray, ...]] = []
    for k in range(_ROUNDS + 1):
        if k == 0:
            u = sampler.pull(draws.theta, galaxy)
        else:
            u = proposals[-1].sample(draws.n, rng)
            draws = sampler.push(u, galaxy)
            draws = draws if own else draws.without_flux()
        # Far out, the flow may overflow; such points have no weight.
        density = np.asarray(draws.log_density)
        lost = ~(np.isfinite(draws.theta).all(-1) & np.isfinite(density))
        theta = np.where(lost[:, None], made[0][1][:1] if made else 0.0, draws.theta)
        if draws.flux is None or draws.flux_bands != galaxy.bands:
            flux = np.asarray(Draws(theta).with_flux(galaxy, model).flux)
        else:
            flux = np.where(lost[:, None], 0.0, draws.flux)
        log_normal = -0.5 * (np.square(u).sum(-1) + u.shape[-1] * LOG_2PI)
        log_target = prior.log_prob(theta) + log_likelihood(flux, galaxy)
        log_target[lost] = -np.inf
        # Flow's density over base's: what turns a density of u into one of theta.
        log_volume = np.where(lost, 0.0, density - log_normal)
        made.append((u, theta, log_target, log_volume, log_normal, flux))
        u, theta, log_target, log_volume, log_normal, flux = map(
            np.concatenate, zip(*made, strict=True)
        )
        mixture = logsumexp([log_normal, *(p.log_prob(u) for p in proposals)], axis=0)
        log_weight = log_target - log_volume - mixture + np.log(k + 1)
        weights, figures = smooth(log_weight, prior.sfh, log_target)
        if k > 0 and figures.good():
            break
        if k == 0 and scouts is not None:
            proposals.append(_Proposal(sampler.pull(scouts, galaxy), np.ones(len(scouts)), rng))
        else:
            proposals.append(_Proposal(u, _flattened(log_weight), rng))
    return Draws(theta, weights=weights, importance=figures, flux=flux, flux_bands=galaxy.bands)


def _flattened(log_weight):
    """Weights taken to a power below 1, where need be, until `_LEARN_ESS` draws count."""
    top = log_weight.max(initial=-np.inf, where=~np.isnan(log_weight))
    if not np.isfinite(top):  # nothing to learn from
        return np.full(len(log_weight), 1 / len(log_weight))
    lw = np.where(np.isnan(log_weight), -np.inf, log_weight - top)

    def ess(power):
        w = np.exp(power * lw)
        return w.sum() ** 2 / np.square(w).sum()

    low = high = 1.0
    if ess(1.0) < _LEARN_ESS:
        low = 0.0
        for _ in range(30):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if ess(middle) >= _LEARN_ESS else (low, middle)
    w = np.exp(low * lw)
    return w / w.sum()


class _Proposal:
    """Mixture of Student-t fitted to points u (n, n_base) of some weights (n,)."""

    def __init__(self, u, weights, rng):
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        points = u[systematic(weights, _LEARN_FROM, rng)]
        mixture = GaussianMixture(
            _MIXTURE, reg_covar=1e-3, max_iter=30, random_state=int(rng.integers(2**31))
        )
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)  # any mixture will do
            mixture.fit(points)
        whole = np.cov(points.T)  # a little of it in each part keeps the tails covered
        self._shares = mixture.weights_
        from scipy.stats import multivariate_t  # slow to import

        self._parts = [
            multivariate_t(mean, 0.9 * cov + 0.1 * whole, _T_DOF)
            for mean, cov in zip(mixture.means_, mixture.covariances_, strict=True)
        ]

    def sample(self, n, rng):
        counts = rng.multinomial(n, self._shares)
        drawn = (
            np.reshape(part.rvs(count, random_state=rng), (count, -1))
            for part, count in zip(self._parts, counts, strict=True)
            if count
        )
        return np.concatenate(list(drawn))

    def log_prob(self, u):
        parts = [
            np.log(share) + part.logpdf(u)
            for share, part in zip(self._shares, self._parts, strict=True)
        ]
        return logsumexp(parts, axis=0)

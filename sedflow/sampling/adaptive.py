"""Adaptive importance sampling: each proposal is fitted to the weighted draws so far."""

import warnings
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from sedflow.constants import LOG_2PI
from sedflow.draws import Draws, systematic
from sedflow.model.flow_and_mass import FlowAndMass
from sedflow.model.likelihood import log_likelihood
from sedflow.model.sed import SEDModel
from sedflow.parameters import Prior
from sedflow.photometry import Photometry
from sedflow.sampling.importance import smooth

_T_DOF = 5.0  # of the proposals' tails
_MIXTURE = 3  # components of each new proposal
_NARROW = 0.7  # of them as narrow as what they were fitted to, the others wider
_LEAST_VARIANCE = 1e-5  # of a component: modes can be a hundredth of the prior's width
_OF_PRIOR = 0.1  # of each new proposal's draws
_LEARN_FROM = 2000  # points to which it is fitted
_ROUNDS = 12
_NOTHING = np.empty((1, 0))  # which the prior heeds of the data
_LEARN_ESS = 150.0  # draws that must count, in effect, where a new proposal is fitted
_UNSEEN = 0.002  # of the scouts, which may be where hardly a draw has come


class _PriorAsFlow:
    """The prior in the place of a flow: its unbounded coordinates are the base."""

    def to_x(self, base, context):
        return base, _log_normal(base)

    def to_base(self, x, context):
        return x, _log_normal(x)


def adapt(
    sampler: Any,
    galaxy: Photometry,
    model: SEDModel,
    prior: Prior,
    draws: Draws,
    seed: int | None,
    scouts: np.ndarray,
) -> tuple[Draws, bool]:
    """Weighted draws of one galaxy by adaptive importance sampling.

    Each round adds as many draws as there were at first, from a mixture of Student-t fitted to
    the weighted draws so far (adaptive multiple importance sampling, Cornuet et al. 2012, Scand.
    J. Stat. 39, 798), in the coordinates u (n, 11) in which the prior is a standard normal and
    the first number is the probit of the mass's quantile, given the others and the data. There
    an edge of the prior is a normal's tail, whatever the network makes of the galaxy. All draws
    are weighted against the mixture of everything they were made from, the network included, so
    none is lost. It ends when the importance weights pass, or after 12 rounds.

    Weights say nothing about a mode that no draw has reached, or that few have. The scouts do:
    where more of them than 0.2 % would weigh more than the heaviest draw, the draws do not cover
    the posterior, and the next proposal is fitted to the scouts by their weights.

    Parameters
    ----------
    sampler : with `log_prob(theta, galaxy)`, as `AmortizedPosterior`
    galaxy : Photometry of shape ()
    model : SEDModel
    prior : Prior
    draws : Draws
        Those of the sampler, to begin with, and as many as each round adds.
    seed : int, optional
    scouts : array (m, 12)
        Points of the posterior found without the network; the first proposal is fitted to them.

    Returns
    -------
    Draws with weights, importance and flux, as many as a multiple of draws.n; and whether they
    cover the scouts
    """
    rng = np.random.default_rng([0 if seed is None else seed, 7])
    seen = galaxy.observed  # the grid may not cover other bands
    place = _Placing(sampler, seen, model, prior)
    known = place.points(scouts)
    # Far out, the flow may overflow; such points have no weight.
    log_network = np.asarray(draws.log_density)
    lost = ~(np.isfinite(draws.theta).all(-1) & np.isfinite(log_network))
    points = place.points(
        np.where(lost[:, None], prior.sample(1, rng), draws.theta), log_network, lost
    )
    proposals = [_Proposal(known.u, np.ones(len(scouts)), rng)]
    while True:
        points = points.and_more(place.drawn(proposals[-1].sample(draws.n, rng)))
        log_weight, of_scouts = points.log_weight(proposals), known.log_weight(proposals)
        weights, figures = smooth(log_weight, prior.sfh, points.log_target)
        unseen = of_scouts > log_weight.max(initial=-np.inf, where=~np.isnan(log_weight))
        covered = bool(unseen.mean() <= _UNSEEN)
        if (figures.good() and covered) or len(proposals) == _ROUNDS:
            break
        if covered:
            proposals.append(_Proposal(points.u, _flattened(log_weight), rng))
        else:
            proposals.append(_Proposal(known.u, _flattened(of_scouts), rng))
    found = Draws(
        points.theta,
        weights=weights,
        importance=figures,
        flux=points.flux,
        flux_bands=seen.bands,
    )
    return found.with_flux(galaxy, model), covered


@dataclass(frozen=True)
class _Points:
    """Points, and all that is needed to weight them.

    u (n, 11), theta (n, 12), flux (n, n_band); log_target (n,) : prior times likelihood over theta;
    log_network (n,) : density of the network over u; log_volume (n,) : of theta over u
    """

    u: np.ndarray
    theta: np.ndarray
    flux: np.ndarray
    log_target: np.ndarray
    log_network: np.ndarray
    log_volume: np.ndarray

    def and_more(self, others: "_Points") -> "_Points":
        names = (field.name for field in fields(self))
        return _Points(*(np.concatenate([getattr(self, k), getattr(others, k)]) for k in names))

    def log_weight(self, proposals: list["_Proposal"]) -> np.ndarray:
        """Target over the mixture of the network and of all proposals, in equal parts."""
        parts = [self.log_network, *(p.log_prob(self.u) for p in proposals)]
        log_mixture = logsumexp(parts, axis=0) - np.log(len(parts))
        return self.log_target - self.log_volume - log_mixture


class _Placing:
    """Makes `_Points` of a galaxy."""

    def __init__(self, sampler, galaxy, model, prior):
        self._sampler, self._galaxy, self._model, self._prior = sampler, galaxy, model, prior
        self._space = FlowAndMass(_PriorAsFlow(), prior, model, galaxy.bands)

    def points(self, theta, log_network=None, lost=False):
        """Points that are known by their theta; those lost have no weight."""
        u, density = self._space.to_base(theta, _NOTHING, self._galaxy)
        flux = np.asarray(Draws(theta).with_flux(self._galaxy, self._model).flux)
        return self._completed(u, theta, density, flux, log_network, lost)

    def drawn(self, u):
        """Points that are known by their u."""
        theta, density, flux = self._space.to_theta(u, _NOTHING, self._galaxy)
        return self._completed(u, theta, density, flux, None, ~np.isfinite(density))

    def _completed(self, u, theta, density, flux, log_network, lost):
        if log_network is None:
            with np.errstate(all="ignore"):
                log_network = self._sampler.log_prob(theta, self._galaxy)
        # Of theta over u: what turns a density of one into one of the other.
        log_volume = density - _log_normal(u)
        log_target = self._prior.log_prob(theta) + log_likelihood(flux, self._galaxy)
        log_target = np.where(lost, -np.inf, log_target)
        log_network = np.where(lost, -np.inf, log_network - log_volume)
        log_network = np.nan_to_num(log_network, nan=-np.inf, posinf=-np.inf)
        return _Points(u, theta, flux, log_target, log_network, log_volume)


def _log_normal(u):
    return -0.5 * (np.square(u).sum(-1) + u.shape[-1] * LOG_2PI)


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
    """Mixture of Student-t fitted to points u (n, n_base) of some weights (n,), and of the prior.

    The prior's share bounds the weights: they cannot exceed the likelihood over what it adds.
    """

    def __init__(self, u, weights, rng):
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        points = u[systematic(weights, _LEARN_FROM, rng)]
        mixture = GaussianMixture(
            _MIXTURE,
            reg_covar=_LEAST_VARIANCE,
            max_iter=30,
            random_state=int(rng.integers(2**31)),
        )
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)  # any mixture will do
            mixture.fit(points)
        whole = np.cov(points.T)  # a little of it in each part keeps the tails covered
        wide = [0.9 * cov + 0.1 * whole for cov in mixture.covariances_]
        learned = (1 - _OF_PRIOR) * mixture.weights_
        self._shares = np.concatenate([_NARROW * learned, (1 - _NARROW) * learned, [_OF_PRIOR]])
        from scipy.stats import multivariate_normal, multivariate_t  # slow to import

        self._parts = [
            multivariate_t(mean, cov, _T_DOF)
            for mean, cov in zip(
                [*mixture.means_, *mixture.means_], [*mixture.covariances_, *wide], strict=True
            )
        ]
        self._parts.append(multivariate_normal(np.zeros(u.shape[-1])))

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

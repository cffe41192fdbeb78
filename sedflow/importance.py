"""Importance weights: a network's draws corrected to the exact posterior.

A draw weighs prior x likelihood / density it was made from. The largest weights are replaced
by the quantiles of a generalised Pareto fit to them (PSIS, Vehtari et al. 2024, JMLR 25, 72;
by ArviZ), whose shape k-hat says whether the weights can be trusted: below 0.7 they can.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_t
from threadpoolctl import threadpool_limits

from sedflow.draws import systematic
from sedflow.errors import SedflowError
from sedflow.likelihood import log_likelihood
from sedflow.parameters import Prior

__all__ = ["K_HAT_MAX", "MIN_ESS", "Importance", "TooFewEffectiveDraws", "adapt", "reweight"]

K_HAT_MAX = 0.7
MIN_ESS = 400.0  # effective draws asked for, as of a chain; a tenth of the draws if that is less
_T_DOF = 5.0  # of the proposals' tails
_MIXTURE = 3  # components of each new proposal
_LEARN_FROM = 2000  # points to which it is fitted
_LEARN_ESS = 150.0  # draws that must count, in effect, where a new proposal is fitted


class TooFewEffectiveDraws(SedflowError):
    """Reweighting left too little; `ess` and `k_hat` (...) say how much."""

    def __init__(self, message, ess, k_hat):
        super().__init__(message)
        self.ess, self.k_hat = ess, k_hat


@dataclass(frozen=True)
class Importance:
    """Figures of a galaxy's weights, or of many galaxies' (...).

    ess : effective number of draws, 1 / sum of squared weights
    k_hat : shape of the largest weights; above 0.7 they are not to be trusted
    log_evidence : natural log of the evidence, per nanomaggy in each band
    log_evidence_error : its standard error
    gap : Kullback-Leibler divergence [nats] of the posterior from the draws' own density
    n : draws that were made
    prior : name of the prior that the weighted draws follow
    """

    ess: np.ndarray
    k_hat: np.ndarray
    log_evidence: np.ndarray
    log_evidence_error: np.ndarray
    gap: np.ndarray
    n: np.ndarray
    prior: str = "flat"

    def __getitem__(self, item):
        names = ("ess", "k_hat", "log_evidence", "log_evidence_error", "gap", "n")
        return Importance(*(getattr(self, name)[item] for name in names), self.prior)

    @classmethod
    def stack(cls, parts, shape, prior) -> "Importance":
        """One `Importance` of a batch from those of its galaxies; NaN where there is none."""
        names = ("ess", "k_hat", "log_evidence", "log_evidence_error", "gap", "n")
        columns = ([np.nan if p is None else getattr(p, name) for p in parts] for name in names)
        return cls(*(np.array(c, float).reshape(shape) for c in columns), prior)

    def good(self, min_ess) -> np.ndarray:
        """Whether the weights (...) can be used."""
        return (self.k_hat < K_HAT_MAX) & (self.ess >= min_ess)


def min_ess(n: int) -> float:
    """Effective draws that n draws must leave."""
    return min(MIN_ESS, n / 10)


def smooth(log_weight, prior="flat"):
    """Pareto-smoothed weights (..., n), summing to 1, and their `Importance`.

    log_weight (..., n) : natural log of prior x likelihood / density; -inf is allowed
    """
    log_weight = np.asarray(log_weight, float)
    n = log_weight.shape[-1]
    flat = log_weight.reshape(-1, n)
    weights = np.empty_like(flat)
    figures = np.empty((5, len(flat)))
    for row, lw in enumerate(flat):
        weights[row], figures[:, row] = _smooth_one(lw)
    ess, k_hat, log_z, error, gap = figures.reshape(5, *log_weight.shape[:-1])
    made = np.full(log_weight.shape[:-1], n)
    return weights.reshape(log_weight.shape), Importance(ess, k_hat, log_z, error, gap, made, prior)


def _smooth_one(lw):
    n = len(lw)
    top = np.max(lw, initial=-np.inf, where=~np.isnan(lw))
    if not np.isfinite(top):  # no draw has any weight
        return np.full(n, 1 / n), (0.0, np.inf, -np.inf, np.inf, np.inf)
    lw = np.maximum(np.where(np.isnan(lw), -np.inf, lw), top - 700.0)  # as far as exp reaches
    if np.ptp(lw) < 1e-9:  # nothing to smooth: the draws are exact
        smoothed, k_hat = lw - top - np.log(n), 0.0
    else:
        from arviz import psislw

        smoothed, k_hat = psislw(lw.copy())
    # Weights below the tail are only normalised, so the least of them tells by how much.
    low = lw.argmin()
    log_z = lw[low] - smoothed[low] - np.log(n)
    w = np.exp(smoothed)
    w /= w.sum()
    ess = 1.0 / np.square(w).sum()
    error = np.sqrt(max(1.0 / ess - 1.0 / n, 0.0))
    gap = float(w @ lw - log_z)
    return w, (ess, float(k_hat), log_z, error, gap)


def reweight(fit, prior: Prior | str | None = None, min_ess: float | None = None):
    """The fit with its draws weighted to the exact posterior.

    Parameters
    ----------
    fit : Fit
        Of a network (or any sampler that states the density of its draws), or of MCMC.
    prior : Prior or its name, optional
        Another prior of the same support to weight to; default: the fit's own.
    min_ess : float, optional
        Effective draws that must be left; default 400, or a tenth of the draws if that is
        less. 0 takes whatever is left, to be judged by `fit.draws.importance`.

    Returns
    -------
    Fit, with `draws.weights` and `draws.importance`

    Raises
    ------
    TooFewEffectiveDraws
        Naming the figure and the remedy.

    Examples
    --------
    >>> import sedflow
    >>> galaxy = sedflow.load_nsa().photometry(72)
    >>> result = sedflow.fit(galaxy, sedflow.load_posterior(), n=3000, seed=1)
    >>> bool(reweight(result).draws.importance.k_hat < 0.7)
    True
    """
    prior = fit.prior if prior is None else prior if isinstance(prior, Prior) else Prior(prior)
    draws, theta = fit.draws, fit.draws.theta
    log_target = prior.log_prob(theta) + fit.log_likelihood
    log_made = fit.prior.log_prob(theta) + fit.log_likelihood  # what MCMC draws from
    if draws.log_density is not None:
        log_made = np.where(np.isnan(draws.log_density), log_made, draws.log_density)
    elif draws.weights is not None:
        raise SedflowError("these draws have weights, but not the density they were made from")
    weights, figures = smooth(log_target - log_made, prior.sfh)
    limit = min(MIN_ESS, draws.n / 10) if min_ess is None else min_ess
    if limit > 0:
        _refuse(figures, limit, draws.n)
    draws = replace(draws, weights=weights, importance=figures)
    return fit.weighted(draws, prior)


def _refuse(figures, limit, n):
    bad = ~figures.good(limit)
    if not np.any(bad):
        return
    where = "" if bad.ndim == 0 else f" for {bad.sum()} of {bad.size} galaxies"
    ess, k_hat = (np.ravel(f)[np.argmax(bad)] for f in (figures.ess, figures.k_hat))
    raise TooFewEffectiveDraws(
        f"reweighting {n} draws leaves {ess:.0f} effective ones, with k-hat {k_hat:.2f}{where}; "
        f"needed are {limit:.0f}, and k-hat below {K_HAT_MAX}. Make more draws, use "
        'trust="auto" or MCMCSampler, or pass min_ess=0 to take them as they are',
        figures.ess,
        figures.k_hat,
    )


def adapt(sampler, galaxy, model, prior, draws, seed, scouts=None, rounds=6):
    """Weighted draws of one galaxy from proposals that learn from the draws before.

    Each round adds as many draws as there were at first, from a mixture of Student-t fitted,
    in the base coordinates of the network's flow, to the weighted draws so far
    (adaptive multiple importance sampling, Cornuet et al. 2012, Scand. J. Stat. 39, 798). All
    draws are weighted against the mixture of everything they were made from, so none is
    lost. It ends when the weights hold, or after `rounds`.

    Parameters
    ----------
    sampler : with `n_base`, `push(base, galaxy)` -> Draws and `pull(theta, galaxy)` -> base, as
        `AmortizedPosterior`
    scouts : array (m, 12), optional
        Points of the posterior found without the network, which the first proposal is fitted
        to: weights cannot tell of a mode that no draw has reached.
    galaxy : Photometry of shape ()
    draws : Draws
        Those of the sampler, to begin with.

    Returns
    -------
    theta (m, 12), weights (m,), Importance; m a multiple of draws.n
    """
    rng = np.random.default_rng([0 if seed is None else seed, 7])
    proposals, made = [], []
    for k in range(rounds + 1):
        if k == 0:
            u = sampler.pull(draws.theta, galaxy)
        else:
            u = proposals[-1].sample(draws.n, rng)
            draws = sampler.push(u, galaxy)
        # Far out, the flow may overflow; such points have no weight.
        lost = ~(np.isfinite(draws.theta).all(-1) & np.isfinite(draws.log_density))
        theta = np.where(lost[:, None], made[0][1][:1] if made else 0.0, draws.theta)
        flux = model.photometry(theta, galaxy.redshift, galaxy.bands, method="fast")
        log_normal = -0.5 * (np.square(u).sum(-1) + u.shape[-1] * np.log(2 * np.pi))
        log_target = prior.log_prob(theta) + log_likelihood(flux, galaxy)
        log_target[lost] = -np.inf
        # Flow's density over base's: what turns a density of u into one of theta.
        log_volume = np.where(lost, 0.0, draws.log_density - log_normal)
        made.append((u, theta, log_target, log_volume, log_normal))
        u, theta, log_target, log_volume, log_normal = map(np.concatenate, zip(*made, strict=True))
        mixture = logsumexp([log_normal, *(p.log_prob(u) for p in proposals)], axis=0)
        log_weight = log_target - log_volume - mixture + np.log(k + 1)
        weights, figures = smooth(log_weight, prior.sfh)
        if k > 0 and figures.good(min_ess(draws.n)):
            break
        if k == 0 and scouts is not None:
            proposals.append(_Proposal(sampler.pull(scouts, galaxy), np.ones(len(scouts)), rng))
        else:
            proposals.append(_Proposal(u, _flattened(log_weight), rng))
    return theta, weights, figures


def _flattened(log_weight):
    """Weights taken to a power below 1, where need be, until `_LEARN_ESS` draws count."""
    lw = log_weight - log_weight.max()

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

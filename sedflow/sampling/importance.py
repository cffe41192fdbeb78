"""Importance weights: a network's draws corrected to the exact posterior.

A draw weighs prior x likelihood / density it was made from. The largest weights are replaced
by the quantiles of a generalised Pareto fit to them (PSIS, Vehtari et al. 2024, JMLR 25, 72;
by ArviZ), whose shape k-hat says whether the weights can be trusted: below 0.7 they can.
"""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from sedflow.constants import LOG_2PI
from sedflow.draws import Draws, systematic
from sedflow.errors import SedflowError
from sedflow.model.likelihood import log_likelihood, ruled_out, too_precise
from sedflow.model.sed import SEDModel
from sedflow.parameters import Prior, as_prior
from sedflow.photometry import Photometry
from sedflow.sampling.verdict import FAILED, MISFIT
from sedflow.trust_limits import K_HAT_MAX, MIN_ESS, TAIL_INDEX_MAX, Importance, k_hat_max

__all__ = ["TooFewEffectiveDraws", "adapt", "objection", "refused_kind", "reweight", "weigh"]

_ROUNDING = 0.01  # in a log weight, beyond which the weights say nothing
_T_DOF = 5.0  # of the proposals' tails
_MIXTURE = 3  # components of each new proposal
_LEARN_FROM = 2000  # points to which it is fitted
_LEARN_ESS = 150.0  # draws that must count, in effect, where a new proposal is fitted


class TooFewEffectiveDraws(SedflowError):
    """Reweighting left too little; `ess` and `k_hat` (...) say how much."""

    def __init__(self, message: str, ess: np.ndarray, k_hat: np.ndarray) -> None:
        super().__init__(message)
        self.ess, self.k_hat = ess, k_hat


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
        from arviz import psislw

        with np.errstate(over="ignore"):  # of a tail so long that some of its fits have no share
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


def reweight(fit: Any, prior: Prior | str | None = None, min_ess: float | None = None) -> Any:
    """The fit with its draws weighted to the exact posterior.

    Parameters
    ----------
    fit : Fit
        Of a network (or any sampler that states the density of its draws), or of MCMC.
    prior : Prior or its name, optional
        Another prior of the same support to weight to; default: the fit's own. Where the
        ratio of the two has a tail index of 0.5 or more (`Prior.tail_index`), as from the flat
        prior to the published one, no weights of these draws can be trusted: new draws are
        made for the new prior by adaptive importance sampling, as `fit.under(prior)` does.
    min_ess : float, optional
        Effective draws that must be left; default 400. 0 takes whatever is left, to be judged
        by `fit.draws.importance`, also for a ratio of priors with a heavy tail; k-hat is then
        not told to be less than its limit.

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
    >>> result = sedflow.fit(galaxy, sedflow.load_posterior(), n=3000, seed=1, trust=None)
    >>> bool(reweight(result).draws.importance.k_hat < 0.7)
    True
    """
    prior = fit.prior if prior is None else as_prior(prior)
    heavy = prior.tail_index(fit.prior) >= TAIL_INDEX_MAX
    draws, galaxy = fit.draws, fit.photometry
    limit = MIN_ESS if min_ess is None else min_ess
    if not (isinstance(limit, int | float | np.number) and limit >= 0):
        raise SedflowError(f"min_ess = {min_ess!r}; give a number >= 0, or None")
    unstated = np.ones(draws.shape, bool)
    if draws.log_density is not None:
        unstated = np.isnan(draws.log_density).all(-1)
    if draws.weights is not None and (unstated & (np.ptp(draws.weights, axis=-1) > 0)).any():
        raise SedflowError(
            "these draws have weights, but not the density they were made from; reweight the fit "
            "that they came from, or fit again"
        )
    if heavy and limit > 0:
        return _renewed(fit, prior, limit)
    draws = replace(draws, flux=fit.predicted.flux, flux_bands=galaxy.bands)
    draws = weigh(draws, galaxy, fit.model, prior, drawn_under=fit.prior)
    rough = unstated & _rough(fit)
    figures = _unknown(draws.importance, rough)
    if heavy:
        figures = replace(figures, k_hat=np.maximum(figures.k_hat, K_HAT_MAX))
    if limit > 0:
        _refuse_rough(figures, rough)
        _refuse_hopeless(fit, figures, limit)
        _refuse(figures, limit, draws.n)
    return fit.weighted(replace(draws, importance=figures), prior)


def _rough(fit):
    """Whether the draws (...) are known not to follow the posterior that they were made for."""
    draws = fit.draws
    rough = np.zeros(draws.shape, bool)
    if fit.verdict is not None:
        rough |= ~fit.verdict.exact
    if draws.convergence is not None:  # NaN where a galaxy had no chains
        rough |= ~np.isnan(draws.convergence.r_hat).all(-1) & ~draws.convergence.converged
    if draws.importance is not None:
        rough |= draws.importance.k_hat >= K_HAT_MAX
    return rough


def _unknown(figures, rough):
    """The figures, with those that say nothing where draws are `rough` and have no density."""
    if not rough.any():
        return figures
    blank = {"ess": 0.0, "k_hat": np.inf, "log_evidence": -np.inf}
    blank |= {"log_evidence_error": np.inf, "gap": np.inf}
    return replace(
        figures, **{k: np.where(rough, v, getattr(figures, k))[()] for k, v in blank.items()}
    )


def _refuse_rough(figures, rough):
    if rough.any():
        where = "" if rough.ndim == 0 else f" for {rough.sum()} of {rough.size} galaxies"
        raise TooFewEffectiveDraws(
            f"the draws do not follow the posterior{where}: their verdict is not exact, or "
            "their chains did not converge, and the density they were made from is not known, so "
            'no weights can correct them. Fit again with trust=None or trust="auto", or with '
            "MCMCSampler and more doublings, or pass min_ess=0 to take them as they are",
            figures.ess,
            figures.k_hat,
        )


def _renewed(fit, prior, limit):
    """The fit with new draws, for a prior to which those that it has cannot be weighted."""
    new = fit.under(prior)
    figures = new.verdict
    bad = ~(figures.exact & (figures.ess >= limit))
    if np.any(bad):
        which = np.argmax(np.ravel(bad))
        where = "" if bad.ndim == 0 else f" for {bad.sum()} of {bad.size} galaxies"
        raise TooFewEffectiveDraws(
            f"the draws cannot be weighted to the prior {prior.sfh!r}, whose ratio to "
            f"{fit.prior.sfh!r} has a tail index of {prior.tail_index(fit.prior):.2f}, and new "
            f"ones do not pass{where}: {np.ravel(figures.reason)[which]} Use sedflow.fit(galaxy, "
            f"prior={prior.sfh!r}), which goes on to MCMC, or pass min_ess=0 to take the weights "
            "as they are",
            figures.ess,
            figures.k_hat,
        )
    return new


def _refuse(figures, limit, n):
    bad = ~figures.good(limit)
    if not np.any(bad):
        return
    where = "" if bad.ndim == 0 else f" for {bad.sum()} of {bad.size} galaxies"
    ess, k_hat = (np.ravel(f)[np.argmax(bad)] for f in (figures.ess, figures.k_hat))
    raise TooFewEffectiveDraws(
        f"reweighting {n} draws leaves {ess:.0f} effective ones, with k-hat {k_hat:.2f}{where}; "
        f"needed are {limit:.0f}, and k-hat below {k_hat_max(n):.2g}. Make more draws, use "
        'trust="auto" or MCMCSampler, or pass min_ess=0 to take them as they are',
        figures.ess,
        figures.k_hat,
    )


def _refuse_hopeless(fit, figures, limit):
    held = np.ravel(figures.good(limit))  # else better draws may come nearer
    best, galaxies = np.ravel(fit.predicted.chi2.min(-1)), fit.photometry.flat
    for k in range(len(galaxies)):
        problem = _objection(galaxies[k], best[k] if held[k] else 0.0, fit.draws.n)
        if problem:
            name = f"galaxy {k if galaxies.ids is None else galaxies.ids[k]}: "
            name = name if fit.photometry.shape else ""
            raise TooFewEffectiveDraws(
                f"{name}{problem} Or pass min_ess=0 to take the weights as they are",
                figures.ess,
                figures.k_hat,
            )


def objection(fit: Any) -> str:
    """Why a posterior whose importance weights pass says nothing about its galaxy; else empty."""
    return _objection(fit.photometry, float(fit.predicted.chi2.min()), fit.draws.n)


def refused_kind(fit: Any) -> str:
    """The verdict on one galaxy that nothing makes exact, misfit or failed; else empty."""
    galaxy, best = fit.photometry, float(fit.predicted.chi2.min())
    if too_precise(galaxy):
        return FAILED
    return MISFIT if ruled_out(best, fit.draws.n, int(galaxy.present.sum())) else ""


def _objection(galaxy, best, n):
    return too_precise(galaxy) or ruled_out(best, n, int(galaxy.present.sum()))


def adapt(
    sampler: Any,
    galaxy: Photometry,
    model: SEDModel,
    prior: Prior,
    draws: Draws,
    seed: int | None,
    scouts: np.ndarray | None = None,
    rounds: int = 6,
) -> Draws:
    """Weighted draws of one galaxy by adaptive importance sampling.

    Each round adds as many draws as there were at first, from a mixture of Student-t fitted,
    in the base coordinates of the network's flow, to the weighted draws so far
    (adaptive multiple importance sampling, Cornuet et al. 2012, Scand. J. Stat. 39, 798). All
    draws are weighted against the mixture of everything they were made from, so none is
    lost. It ends when the importance weights pass, or after `rounds`.

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
    for k in range(rounds + 1):
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

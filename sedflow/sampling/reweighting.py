"""A fit's draws weighted to its exact posterior, or to that of another prior."""

from dataclasses import replace
from typing import Any

import numpy as np

from sedflow.errors import SedflowError, check_like
from sedflow.parameters import Prior, as_prior
from sedflow.sampling.importance import weigh
from sedflow.sampling.objection import objection_to
from sedflow.trust_limits import K_HAT_MAX, MIN_ESS, TAIL_INDEX_MAX, k_hat_max

#: Of draws that nothing vouches for and that have no density; and of draws that follow the
#: posterior, whose weights cannot tell the evidence.
_NOTHING_KNOWN = {
    "ess": 0.0,
    "k_hat": np.inf,
    "log_evidence": -np.inf,
    "log_evidence_error": np.inf,
    "gap": np.inf,
}
_NO_EVIDENCE = {"log_evidence": np.nan, "log_evidence_error": np.nan}


class TooFewEffectiveDraws(SedflowError):
    """Reweighting left too little; `ess` and `k_hat` (...) say how much."""

    def __init__(self, message: str, ess: np.ndarray, k_hat: np.ndarray) -> None:
        super().__init__(message)
        self.ess, self.k_hat = ess, k_hat


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
    check_like("fit", fit, "photometry", "what sedflow.fit returns")
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
    figures = _set(draws.importance, rough, _NOTHING_KNOWN)
    figures = _set(figures, unstated & ~rough, _NO_EVIDENCE | _less(fit, figures))
    if heavy:
        figures = replace(figures, k_hat=np.maximum(figures.k_hat, K_HAT_MAX))
    if limit > 0:
        _refuse_rough(figures, rough)
        _refuse_hopeless(fit, figures, limit)
        _refuse(figures, limit, draws.n)
    return fit.weighted(replace(draws, importance=figures), prior)


def _rough(fit):
    """Whether nothing vouches for the draws (...) that they follow the posterior."""
    draws = fit.draws
    rough = np.zeros(draws.shape, bool)
    vouched = np.zeros(draws.shape, bool)
    if fit.verdict is not None:
        rough |= ~fit.verdict.exact
        vouched |= fit.verdict.exact
    if draws.convergence is not None:  # NaN where a galaxy had no chains
        chains = ~np.isnan(draws.convergence.r_hat).all(-1)
        rough |= chains & ~draws.convergence.converged
        vouched |= chains & draws.convergence.converged
    if draws.importance is not None:
        rough |= draws.importance.k_hat >= K_HAT_MAX
        vouched |= draws.importance.k_hat < K_HAT_MAX
    return rough | ~vouched


def _less(fit, figures):
    """Effective draws and k-hat of weights of draws that follow the posterior already.

    Such draws are fewer than they look, too: a chain's are alike, and those that were resampled
    come more than once.
    """
    draws, before = fit.draws, (np.nan, np.nan)
    if fit.verdict is not None:
        before = fit.verdict.ess, fit.verdict.k_hat
    elif draws.importance is not None:
        before = draws.importance.ess, draws.importance.k_hat
    elif draws.convergence is not None:
        chains = draws.convergence
        before = np.minimum(chains.ess_bulk.min(-1), chains.ess_tail.min(-1)), np.nan
    ess, k_hat = before
    share = np.fmin(ess, draws.n) / draws.n  # all, where nothing is known
    return {"ess": figures.ess * share, "k_hat": np.fmax(figures.k_hat, k_hat)}


def _set(figures, where, values):
    """The figures with these values where a mask (...) says so."""
    if not where.any():
        return figures
    return replace(
        figures, **{k: np.where(where, v, getattr(figures, k))[()] for k, v in values.items()}
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
        problem = objection_to(galaxies[k], best[k] if held[k] else 0.0, fit.draws.n)
        if problem:
            name = f"galaxy {k if galaxies.ids is None else galaxies.ids[k]}: "
            name = name if fit.photometry.shape else ""
            raise TooFewEffectiveDraws(
                f"{name}{problem} Or pass min_ess=0 to take the weights as they are",
                figures.ess,
                figures.k_hat,
            )

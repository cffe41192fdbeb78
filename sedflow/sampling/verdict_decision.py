"""The decision on a verdict: how far a galaxy's posterior can be trusted, rung by rung.

    network's draws and domain check -> importance weights -> adaptive importance sampling -> MCMC

Each step is taken only if the one before was not enough. Whatever the verdict, the draws
carry the weights of the last step.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sedflow.draws import Draws, Sampler
from sedflow.errors import SedflowError, raise_if_of_the_run
from sedflow.model.sed import SEDModel
from sedflow.parameters import N_PARAM, Prior
from sedflow.photometry import Photometry
from sedflow.sampling.edges import edges, edges_in_words
from sedflow.sampling.mcmc import MCMCSampler
from sedflow.sampling.verdict import APPROXIMATE, FAILED, MISFIT, Verdict
from sedflow.sampling.verdict_steps import Ladder
from sedflow.trust_limits import TELLING, Convergence, Importance

#: The last step, by name: the network's weighted draws, adaptive importance sampling, MCMC.
RUNGS = {"weights": 1, "proposals": 2, "auto": 3}
_TRIES = 3  # seeds, where chains do not converge
_SEED_STEP = 104_729  # between them


def climb(
    galaxy: Photometry,
    sampler: Sampler,
    model: SEDModel,
    prior: Prior,
    n: int,
    seed: int | None,
    trust: str = "auto",
    mcmc: Sampler | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[Draws, Verdict]:
    """Draws (n per galaxy) and the verdict of each galaxy (...).

    Parameters
    ----------
    sampler : Sampler that states the density of its draws
    trust : one of `RUNGS`
        The last rung to climb to. A galaxy that needs more is "approximate", with its draws as
        the first rung weighted them.
    mcmc : Sampler, optional
        The last rung; default `MCMCSampler`.
    progress : callable, optional
        Called as progress(done, total) after each galaxy.
    """
    check_chains("mcmc", mcmc, model, prior)
    flat = galaxy.flat
    draws, verdicts = [], []
    for k in range(len(flat)):
        one, verdict = _climb_one(flat[k], sampler, model, prior, n, seed, trust, mcmc)
        draws.append(one)
        verdicts.append(with_edges(verdict, one, prior))
        if progress:
            progress(k + 1, len(flat))
    return _stack(draws, galaxy.shape), Verdict.stack(verdicts, galaxy.shape)


def with_edges(verdict, draws, prior):
    """The verdict, with a warning where the draws lean on an edge of the prior."""
    few = verdict.kind == APPROXIMATE and verdict.ess <= TELLING
    if few or verdict.kind in (FAILED, MISFIT):
        return verdict
    told = edges_in_words(edges(draws.theta, draws.weights, prior))
    if not told:
        return verdict
    return replace(verdict, warning=" ".join(filter(None, (str(verdict.warning), told))))


def check_chains(name: str, mcmc: Any, model: SEDModel, prior: Prior) -> None:
    """Refuse chains of another posterior than the one that is asked for.

    Raises
    ------
    SedflowError
    """
    theirs = getattr(mcmc, "prior", None)
    if theirs is not None and theirs.sfh != prior.sfh:
        raise SedflowError(
            f"{name} has the prior {theirs.sfh!r}, but the fit {prior.sfh!r}; give "
            f"MCMCSampler(prior={prior.sfh!r})"
        )
    theirs = getattr(mcmc, "model", None)
    if theirs is None or theirs is model:
        return
    if not theirs.same_as(model):
        raise SedflowError(
            f"{name} has another model (SSP grid {theirs.grid.name!r}) than the fit "
            f"({model.grid.name!r}); give MCMCSampler(model=...) of the same"
        )


def _climb_one(galaxy, sampler, model, prior, n, seed, trust, mcmc):
    ladder = Ladder(galaxy, sampler, model, prior, n, seed, mcmc, trust)
    draws, verdict = _one_try(ladder)
    known = {}
    if trust == "auto" and ladder.first is None and hasattr(sampler, "log_prob"):
        # The network cannot draw, for the bands or the redshift; MCMC needs none of its own.
        sampler = MCMCSampler(model=model, prior=prior, doublings=1) if mcmc is None else mcmc
        ladder = Ladder(galaxy, sampler, model, prior, n, seed, mcmc, trust)
        better, found = _one_try(ladder)
        if found.kind == FAILED and ladder.unconverged is None:  # MCMC cannot run either
            return draws, verdict
        known = {"inside": verdict.inside}  # the network was asked for its domain
        draws, verdict = better, replace(found, **known)
    if trust != "auto" or ladder.unconverged is None or verdict.kind != FAILED:
        return draws, verdict
    for k in range(2, _TRIES + 1):  # chains that disagree may agree from other numbers
        other = (0 if seed is None else seed) + (k - 1) * _SEED_STEP
        again = Ladder(galaxy, sampler, model, prior, n, other % 2**63, mcmc, trust)
        better, found = _one_try(again)
        if found.exact or found.kind == MISFIT:
            reason = f"{found.reason} (Try {k}, with the seed {again.seed}.)"
            return better, replace(found, reason=reason, **known)
    reason = f"{verdict.reason} {_TRIES - 1} more seeds did no better."
    return draws, replace(verdict, reason=reason)


def _one_try(ladder):
    trust = ladder.trust
    try:
        for rung in (ladder.network, ladder.learning, ladder.monte_carlo)[: RUNGS[trust]]:
            draws = rung()
            if draws is not None:
                return draws, ladder.verdict()
            if ladder.hopeless:
                return ladder.given_up(), ladder.verdict()
        draws = ladder.unconverged if trust == "auto" else ladder.uncorrected(trust)
        return draws, ladder.verdict()
    except SedflowError as error:  # a row with its reason, never a lost galaxy
        raise_if_of_the_run(error)
        if ladder.unreached:
            return ladder.given_up(), ladder.verdict()
        ladder.say(FAILED, str(error))
        ladder.check_ranges()
        return _no_draws(ladder.galaxy, ladder.n), ladder.verdict()


def _no_draws(galaxy, n):
    return Draws(
        np.full((n, N_PARAM), np.nan),
        weights=np.full(n, np.nan),
        flux=np.full((n, len(galaxy.bands)), np.nan),
        flux_bands=galaxy.bands,
    )


def _stack(draws, shape):
    """Draws of a batch from those of its galaxies, which may have come by different rungs."""
    n = draws[0].n

    def column(name, blank):
        parts = [getattr(d, name) for d in draws]
        return np.stack([blank if p is None else p for p in parts]).reshape(*shape, n)

    if not shape:
        return replace(
            draws[0],
            log_density=column("log_density", np.full(n, np.nan)),
            weights=column("weights", np.full(n, 1 / n)),
        )
    flux = None
    if all(d.flux is not None for d in draws):
        flux = np.stack([d.flux for d in draws]).reshape(*shape, n, -1)
    importance, chains = [d.importance for d in draws], [d.convergence for d in draws]
    prior = next((i.prior for i in importance if i is not None), "")
    return Draws(
        np.stack([d.theta for d in draws]).reshape(*shape, n, N_PARAM),
        column("log_density", np.full(n, np.nan)),
        column("weights", np.full(n, 1 / n)),
        Importance.stack(importance, shape, prior),
        Convergence.stack(chains, shape) if any(c is not None for c in chains) else None,
        flux,
        None if flux is None else draws[0].flux_bands,
    )

"""How far a posterior can be trusted: one verdict per galaxy, and the ladder that earns it.

    network's draws and domain check -> exact weights -> proposals that learn -> MCMC

Each rung is climbed only if the one below did not hold. Whatever the verdict, the draws
carry the weights of the highest rung that was reached.
"""

import time
import warnings
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import chi2 as chi2_distribution

from sedflow.convergence import Convergence, NotConverged
from sedflow.draws import Draws, systematic
from sedflow.errors import SedflowError
from sedflow.importance import K_HAT_MAX, Importance, adapt, min_ess, smooth
from sedflow.likelihood import chi_square, log_likelihood
from sedflow.mcmc import MCMCSampler, explore
from sedflow.parameters import N_PARAM
from sedflow.photometry import Photometry

__all__ = ["VERDICTS", "Verdict", "climb"]

#: What may be said of a galaxy, from the least work to the most.
VERDICTS = ("amortized", "reweighted", "mcmc", "failed")
_UNLIKELY = 1e-3  # tail probability of the data under the model that is worth a warning


@dataclass(frozen=True)
class Verdict:
    """What one galaxy's posterior rests on, or many galaxies' (...).

    kind : "amortized" (inside the training domain, first weights hold), "reweighted" (exact
        with proposals that learned, or outside the domain with weights that hold), "mcmc"
        (needed, and converged) or "failed"
    reason : a sentence
    warning : a sentence where the model itself does not describe the data, else empty
    inside : whether the network was trained on such data
    k_hat, ess : of the first weights, of the network's draws alone
    share : `ess` per draw
    gap : Kullback-Leibler divergence [nats] from the network's draws to the posterior
    log_evidence, log_evidence_error : from the highest rung; natural log
    p_value : of the data under the posterior predictive distribution
    r_hat : largest of the parameters, and ess_bulk, ess_tail the smallest, where MCMC ran
    seconds (..., 3) : for the network and its weights, for learning, for MCMC
    """

    kind: np.ndarray
    reason: np.ndarray
    warning: np.ndarray
    inside: np.ndarray
    k_hat: np.ndarray
    ess: np.ndarray
    share: np.ndarray
    gap: np.ndarray
    log_evidence: np.ndarray
    log_evidence_error: np.ndarray
    p_value: np.ndarray
    r_hat: np.ndarray
    ess_bulk: np.ndarray
    ess_tail: np.ndarray
    seconds: np.ndarray

    def __getitem__(self, item) -> "Verdict":
        """The verdicts at an index, slice or mask of the leading axis."""
        return Verdict(*(np.asarray(getattr(self, name))[item] for name in self.names()))

    def __str__(self):
        if np.ndim(self.kind):
            return ", ".join(f"{n:,} {kind}" for kind, n in self.counts().items())
        text = f"{self.kind}: {self.reason}"
        return f"{text} {self.warning}" if self.warning else text

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of the fields."""
        return tuple(cls.__dataclass_fields__)

    def counts(self) -> dict[str, int]:
        """Number of galaxies with each verdict."""
        return {kind: int(np.sum(self.kind == kind)) for kind in VERDICTS}

    def figures(self) -> dict[str, float]:
        """The numbers behind the verdict of one galaxy, by name."""
        return {
            name: float(getattr(self, name))
            for name in self.names()
            if np.issubdtype(np.asarray(getattr(self, name)).dtype, np.floating)
            and np.ndim(getattr(self, name)) == 0
        }

    @classmethod
    def stack(cls, rows, shape) -> "Verdict":
        """One `Verdict` of a batch from those of its galaxies."""
        columns = {}
        for name in cls.names():
            values = [getattr(row, name) for row in rows]
            if name in ("kind", "reason", "warning"):
                values = np.array(values, dtype=object)
            columns[name] = np.reshape(values, (*shape, *np.shape(values[0])))
        return cls(**columns)


def climb(galaxy: Photometry, sampler, model, prior, n, seed, mcmc=None, progress=None):
    """Draws (n per galaxy) and the verdict of each galaxy (...).

    Parameters
    ----------
    sampler : Sampler that states the density of its draws
    mcmc : Sampler, optional
        The last rung; default `MCMCSampler`.
    progress : callable, optional
        Called as progress(done, total) after each galaxy.
    """
    flat = galaxy.flat
    draws, verdicts = [], []
    for k in range(len(flat)):
        one, verdict = _climb_one(flat[k], sampler, model, prior, n, seed, mcmc)
        draws.append(one)
        verdicts.append(verdict)
        if progress:
            progress(k + 1, len(flat))
    return _stack(draws, galaxy.shape), Verdict.stack(verdicts, galaxy.shape)


def _climb_one(galaxy, sampler, model, prior, n, seed, mcmc):
    about = _Notes()
    try:
        return _rungs(galaxy, sampler, model, prior, n, seed, mcmc, about)
    except SedflowError as error:  # a row with its reason, never a lost galaxy
        nothing = Draws(np.full((n, N_PARAM), np.nan), weights=np.full(n, np.nan))
        return nothing, about.verdict("failed", str(error))


def _rungs(galaxy, sampler, model, prior, n, seed, mcmc, about):
    draws = sampler.sample(galaxy, n=n, seed=seed)
    check = sampler.check(galaxy) if hasattr(sampler, "check") else None
    about.inside = check is None or bool(check)
    outside = "" if about.inside else "; ".join(check.reasons[()])
    if draws.log_density is None:
        raise SedflowError(
            f"{type(sampler).__name__} does not state the density of its draws, so they cannot "
            "be weighted; use trust=None"
        )
    weighted, flux = _weigh(draws, galaxy, model, prior)
    figures = weighted.importance
    about.first(figures, n)
    about.lap(0)
    if figures.good(min_ess(n)):
        about.describe(weighted, flux, galaxy)
        if about.inside:
            return weighted, about.verdict("amortized", _held(figures, n, "the network's draws"))
        held = _held(figures, n, "the network's draws")
        return weighted, about.verdict(
            "reweighted", f"{held} The galaxy is outside the training domain: {outside}."
        )
    if hasattr(sampler, "push"):
        theta, weights, figures = adapt(
            sampler, galaxy, model, prior, draws, seed, explore(galaxy, model, prior, seed)
        )
        about.lap(1)
        if figures.good(min_ess(n)):
            rng = np.random.default_rng(0 if seed is None else seed)
            kept = theta[systematic(weights, n, rng)]
            weighted = Draws(kept, np.full(n, np.nan), np.full(n, 1 / n), figures)
            about.describe(weighted, _flux(weighted, galaxy, model), galaxy)
            return weighted, about.verdict(
                "reweighted", _held(figures, len(theta), "draws of proposals that learned")
            )
    return _reference(galaxy, model, prior, n, seed, mcmc, about, outside)


def _reference(galaxy, model, prior, n, seed, mcmc, about, outside):
    if mcmc is None:
        mcmc = MCMCSampler(model=model, prior=prior)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConverged)  # the verdict says so
        draws = mcmc.sample(galaxy, n=n, seed=seed)
    draws = replace(draws, log_density=np.full(n, np.nan), weights=np.full(n, 1 / n))
    about.lap(2)
    about.describe(draws, _flux(draws, galaxy, model), galaxy)
    why = f"The weights did not hold (k-hat {about.k_hat:.2f}, {about.ess:.0f} effective draws)"
    if outside:
        why += f", the galaxy being outside the training domain: {outside}"
    chains = draws.convergence
    if chains is None:
        return draws, about.verdict("mcmc", f"{why}. {type(mcmc).__name__} took over.")
    about.chains(chains)
    if chains.converged:
        return draws, about.verdict(
            "mcmc", f"{why}. MCMC converged: largest R-hat {about.r_hat:.3f}."
        )
    return draws, about.verdict(
        "failed",
        f"{why}. MCMC did not converge either: {chains.worst()}. Give it more doublings, or "
        "check the photometry.",
    )


def _weigh(draws, galaxy, model, prior):
    flux = _flux(draws, galaxy, model)
    log_weight = prior.log_prob(draws.theta) + log_likelihood(flux, galaxy) - draws.log_density
    weights, figures = smooth(log_weight, prior.sfh)
    return replace(draws, weights=weights, importance=figures), flux


def _flux(draws, galaxy, model):
    return model.photometry(draws.theta, galaxy.redshift, galaxy.bands, method="fast")


def _held(figures, n, what):
    return (
        f"Exact by weighting {what}: k-hat {figures.k_hat:.2f} (limit {K_HAT_MAX}), "
        f"{figures.ess:,.0f} of {n:,} draws effective."
    )


class _Notes:
    """The figures of one galaxy as they come in."""

    def __init__(self):
        self.values = dict.fromkeys(Verdict.names(), np.nan)
        self.values.update(inside=False, warning="", seconds=np.zeros(3))
        self.start = time.monotonic()

    def __getattr__(self, name):
        return self.__dict__["values"][name]

    def __setattr__(self, name, value):
        if name in ("values", "start"):
            self.__dict__[name] = value
        else:
            self.values[name] = value

    def lap(self, rung):
        now = time.monotonic()
        self.values["seconds"][rung] = now - self.start
        self.start = now

    def first(self, figures: Importance, n):
        self.values.update(
            k_hat=float(figures.k_hat), ess=float(figures.ess), share=float(figures.ess / n),
            gap=float(figures.gap),
        )  # fmt: skip

    def chains(self, c: Convergence):
        self.values.update(
            r_hat=float(c.r_hat.max()), ess_bulk=float(c.ess_bulk.min()),
            ess_tail=float(c.ess_tail.min()), log_evidence=float(c.log_evidence),
            log_evidence_error=float(c.log_evidence_error),
        )  # fmt: skip

    def describe(self, draws, flux, galaxy):
        tail = chi2_distribution.sf(chi_square(flux, galaxy), len(galaxy.bands))
        self.values["p_value"] = float((draws.weights * tail).sum())
        if draws.importance is not None:
            self.values["log_evidence"] = float(draws.importance.log_evidence)
            self.values["log_evidence_error"] = float(draws.importance.log_evidence_error)
        if self.values["p_value"] < _UNLIKELY:
            self.values["warning"] = (
                "But no model describes these data well "
                f"(p = {self.values['p_value']:.1g}): the posterior is that of a model which "
                "is wrong here; check the photometry."
            )

    def verdict(self, kind, reason):
        return Verdict(**(self.values | {"kind": kind, "reason": reason}))


def _stack(draws, shape):
    """Draws of a batch from those of its galaxies, which may have come by different rungs."""
    n = draws[0].n

    def column(name, blank):
        parts = [getattr(d, name) for d in draws]
        return np.stack([blank if p is None else p for p in parts]).reshape(*shape, n)

    theta = np.stack([d.theta for d in draws]).reshape(*shape, n, N_PARAM)
    stacked = Draws(
        theta, column("log_density", np.full(n, np.nan)), column("weights", np.full(n, 1 / n))
    )
    if shape:
        return stacked
    return replace(stacked, importance=draws[0].importance, convergence=draws[0].convergence)

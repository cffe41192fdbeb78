"""How far a posterior can be trusted: one verdict per galaxy, and the ladder that earns it.

    network's draws and domain check -> exact weights -> proposals that learn -> MCMC

Each rung is climbed only if the one below did not hold. Whatever the verdict, the draws
carry the weights of the highest rung that was reached.
"""

import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import chi2 as chi2_distribution

from sedflow.convergence import Convergence, NotConverged
from sedflow.draws import Draws, systematic
from sedflow.errors import Cancelled, SedflowError
from sedflow.importance import K_HAT_MAX, Importance, adapt, min_ess, smooth
from sedflow.likelihood import chi_square, log_likelihood
from sedflow.parameters import N_PARAM
from sedflow.photometry import Photometry

__all__ = ["RUNGS", "VERDICTS", "Verdict", "climb"]

#: What may be said of a galaxy, from the least work to the most.
VERDICTS = ("amortized", "reweighted", "mcmc", "failed")
#: How far to climb, by name: the network's weighted draws, proposals that learn, MCMC.
RUNGS = {"weights": 1, "proposals": 2, "auto": 3}
_MORE = 5  # times as many draws, where the first are too few
_HOPEFUL = 1.0  # k-hat below which more draws may help
_MISSING = 0.6  # of the log evidence, where half of the posterior may be missing
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
        if not shape:
            return rows[0]
        columns = {}
        for name in cls.names():
            values = [getattr(row, name) for row in rows]
            if name in ("kind", "reason", "warning"):
                values = np.array(values, dtype=object)
            columns[name] = np.reshape(values, (*shape, *np.shape(values[0])))
        return cls(**columns)


def climb(
    galaxy: Photometry, sampler, model, prior, n, seed, trust="auto", mcmc=None, progress=None
):
    """Draws (n per galaxy) and the verdict of each galaxy (...).

    Parameters
    ----------
    sampler : Sampler that states the density of its draws
    trust : one of `RUNGS`
        The last rung to climb to. A galaxy that needs more is "failed", with its draws as the
        first rung weighted them.
    mcmc : Sampler, optional
        The last rung; default `MCMCSampler`.
    progress : callable, optional
        Called as progress(done, total) after each galaxy.
    """
    flat = galaxy.flat
    draws, verdicts = [], []
    for k in range(len(flat)):
        one, verdict = _climb_one(flat[k], sampler, model, prior, n, seed, trust, mcmc)
        draws.append(one)
        verdicts.append(verdict)
        if progress:
            progress(k + 1, len(flat))
    return _stack(draws, galaxy.shape), Verdict.stack(verdicts, galaxy.shape)


def _climb_one(galaxy, sampler, model, prior, n, seed, trust, mcmc):
    ladder = _Ladder(galaxy, sampler, model, prior, n, seed, mcmc)
    try:
        for rung in (ladder.network, ladder.learning, ladder.monte_carlo)[: RUNGS[trust]]:
            draws = rung()
            if draws is not None:
                return draws, ladder.verdict()
        draws = ladder.unconverged if trust == "auto" else ladder.uncorrected(trust)
        return draws, ladder.verdict()
    except Cancelled:
        raise
    except SedflowError as error:  # a row with its reason, never a lost galaxy
        ladder.say("failed", str(error))
        return Draws(np.full((n, N_PARAM), np.nan), weights=np.full(n, np.nan)), ladder.verdict()


class _Ladder:
    """The rungs for one galaxy; each returns its draws if they hold, else None.

    `figures` collects the fields of the `Verdict` on the way up.
    """

    def __init__(self, galaxy, sampler, model, prior, n, seed, mcmc):
        self.galaxy, self.sampler, self.model, self.prior = galaxy, sampler, model, prior
        self.n, self.seed, self.mcmc = n, seed, mcmc
        self.enough = min_ess(n)
        self.first = self.approximate = self.unconverged = None
        self.outside = ""
        self.figures = dict.fromkeys(Verdict.names(), np.nan)
        self.figures.update(inside=True, warning="", seconds=np.zeros(3))

    def network(self):
        """The sampler's own draws, weighted; more of them if they are sound but too few."""
        with self._timed(0):
            self.first = self.sampler.sample(self.galaxy, n=self.n, seed=self.seed)
            if self.first.log_density is None:
                raise SedflowError(
                    f"{type(self.sampler).__name__} does not state the density of its draws, so "
                    "they cannot be weighted; use trust=None"
                )
            draws, flux = self._weighted(self.first)
            self._check_domain(draws, flux)
            held = draws.importance
            self.figures.update(
                k_hat=float(held.k_hat), ess=float(held.ess), share=float(held.ess / self.n),
                gap=float(held.gap),
            )  # fmt: skip
            if not held.good(self.enough) and held.k_hat < _HOPEFUL:
                more = self.sampler.sample(self.galaxy, n=_MORE * self.n, seed=self.seed)
                draws, flux = self._weighted(more)
                held = draws.importance
            if not held.good(self.enough):
                self.approximate = draws
                return None
            if draws.n != self.n:
                draws = self._equal(draws.theta, draws.weights, held)
        reason = _held(held, "the network's draws")
        if self.outside:
            self.say(
                "reweighted", f"{reason} The galaxy is outside the training domain: {self.outside}."
            )
        else:
            self.say("amortized", reason)
        self._describe(draws)
        return draws

    def uncorrected(self, trust):
        """The first rung's draws, whose weights do not hold, where no more rungs are wanted."""
        draws, held = self.approximate, self.approximate.importance
        if draws.n != self.n:
            draws = self._equal(draws.theta, draws.weights, held)
        self._describe(draws)
        tried = "" if trust == "weights" else ", and those of proposals that learned do not either"
        self.say(
            "failed",
            f"The weights do not hold{tried}: k-hat {held.k_hat:.2f}, {held.ess:,.0f} of "
            f"{int(held.n):,} draws effective; the quantiles are approximate, trust='auto' "
            "goes on to learning proposals and MCMC.",
        )
        return draws

    def learning(self):
        """Draws of proposals that learn, with scouts to learn from."""
        if not hasattr(self.sampler, "push"):
            return None
        from sedflow.mcmc import explore  # needs torch

        with self._timed(1):
            return self._learn(*explore(self.galaxy, self.model, self.prior, self.seed))

    def monte_carlo(self):
        """MCMC; and if it does not converge, proposals that learn from it."""
        mcmc = self.mcmc
        if mcmc is None:
            from sedflow.mcmc import MCMCSampler

            mcmc = MCMCSampler(model=self.model, prior=self.prior, doublings=1)
        why = (
            f"The weights did not hold (k-hat {self.figures['k_hat']:.2f}, "
            f"{self.figures['ess']:.0f} effective draws)"
        )
        if self.outside:
            why += f", the galaxy being outside the training domain: {self.outside}"
        with self._timed(2), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotConverged)  # the verdict says so
            draws = mcmc.sample(self.galaxy, n=self.n, seed=self.seed)
            chains = draws.convergence
            n = self.n
            draws = replace(draws, log_density=np.full(n, np.nan), weights=np.full(n, 1 / n))
            if chains is not None:
                self.figures.update(
                    r_hat=float(chains.r_hat.max()), ess_bulk=float(chains.ess_bulk.min()),
                    ess_tail=float(chains.ess_tail.min()),
                    log_evidence=float(chains.log_evidence),
                    log_evidence_error=float(chains.log_evidence_error),
                )  # fmt: skip
                if not chains.converged:
                    self.unconverged = draws
                    self._describe(draws)
                    self.say(
                        "failed",
                        f"{why}. MCMC did not converge either: {chains.worst()}. Try MCMCSampler "
                        "with more doublings, or check the photometry.",
                    )
                    if not hasattr(self.sampler, "push"):
                        return None
                    return self._learn(draws.theta, float(chains.log_evidence))
        self._describe(draws)
        r_hat = "" if chains is None else f" converged: largest R-hat {chains.r_hat.max():.3f}"
        self.say("mcmc", f"{why}. {type(mcmc).__name__}{r_hat}.")
        return draws

    def say(self, kind, reason):
        self.figures.update(kind=kind, reason=reason)

    def verdict(self):
        return Verdict(**self.figures)

    def _check_domain(self, draws, flux):
        if hasattr(self.sampler, "check"):
            check = self.sampler.check(self.galaxy, draws=draws, flux=flux)
            self.figures["inside"] = bool(check)
            self.outside = "; ".join(check.reasons[()])

    def _weighted(self, draws):
        flux = self._flux(draws.theta)
        log_target = self.prior.log_prob(draws.theta) + log_likelihood(flux, self.galaxy)
        weights, held = smooth(log_target - draws.log_density, self.prior.sfh)
        return replace(draws, weights=weights, importance=held), flux

    def _learn(self, scouts, log_evidence):
        """Draws of proposals that learned, if their weights hold.

        They must also account for the evidence that the scouts found: k-hat cannot tell of a
        mode that no draw has reached.
        """
        theta, weights, held = adapt(
            self.sampler, self.galaxy, self.model, self.prior, self.first, self.seed, scouts
        )
        if not held.good(self.enough) or log_evidence - held.log_evidence > _MISSING:
            return None
        draws = self._equal(theta, weights, held)
        self._describe(draws)
        self.say("reweighted", _held(held, "draws of proposals that learned"))
        return draws

    def _equal(self, theta, weights, held):
        """n draws of equal weight from any number of weighted ones."""
        n, rng = self.n, np.random.default_rng(self.seed or 0)
        rows = systematic(weights, n, rng)
        return Draws(theta[rows], np.full(n, np.nan), np.full(n, 1 / n), held)

    def _flux(self, theta):
        z, bands = self.galaxy.redshift, self.galaxy.bands
        return self.model.photometry(theta, z, bands, method="fast")

    def _describe(self, draws):
        """How well the model describes the data, and the evidence."""
        chi2 = chi_square(self._flux(draws.theta), self.galaxy)
        tail = chi2_distribution.sf(chi2, self.galaxy.present.sum())
        p = float((draws.weights * tail).sum())
        self.figures["p_value"] = p
        if draws.importance is not None:
            self.figures["log_evidence"] = float(draws.importance.log_evidence)
            self.figures["log_evidence_error"] = float(draws.importance.log_evidence_error)
        if p < _UNLIKELY:
            self.figures["warning"] = (
                f"But no model describes these data well (p = {p:.1g}): the posterior is that of "
                "a model which is wrong here; check the photometry."
            )

    @contextmanager
    def _timed(self, rung):
        start = time.monotonic()
        yield
        self.figures["seconds"][rung] = time.monotonic() - start


def _held(figures, what):
    return (
        f"Exact by weighting {what}: k-hat {figures.k_hat:.2f} (limit {K_HAT_MAX}), "
        f"{figures.ess:,.0f} of {int(figures.n):,} draws effective."
    )


def _stack(draws, shape):
    """Draws of a batch from those of its galaxies, which may have come by different rungs."""
    n = draws[0].n

    def column(name, blank):
        parts = [getattr(d, name) for d in draws]
        return np.stack([blank if p is None else p for p in parts]).reshape(*shape, n)

    if not shape:
        return replace(
            draws[0], log_density=column("log_density", np.full(n, np.nan)),
            weights=column("weights", np.full(n, 1 / n)),
        )  # fmt: skip
    importance, chains = [d.importance for d in draws], [d.convergence for d in draws]
    prior = next((i.prior for i in importance if i is not None), "")
    return Draws(
        np.stack([d.theta for d in draws]).reshape(*shape, n, N_PARAM),
        column("log_density", np.full(n, np.nan)),
        column("weights", np.full(n, 1 / n)),
        Importance.stack(importance, shape, prior),
        Convergence.stack(chains, shape) if any(c is not None for c in chains) else None,
    )

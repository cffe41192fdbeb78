"""The rungs of the ladder of trust, for one galaxy: weights, adaptive importance sampling, MCMC.

Each rung returns its draws if they are the exact posterior, and the `Verdict` is collected on the
way up; `sedflow.sampling.verdict_decision` decides which rung is next.
"""

import time
import warnings
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from sedflow.draws import MAX_DRAWS, Draws, sampled
from sedflow.errors import SedflowError, raise_if_of_the_run
from sedflow.model.likelihood import chi_square, log_likelihood, ruled_out, too_precise
from sedflow.parameters import N_PARAM
from sedflow.sampling import stretched
from sedflow.sampling.adaptive import adapt
from sedflow.sampling.importance import weigh
from sedflow.sampling.misfit import misfit_warning, p_value
from sedflow.sampling.robust import blame, draw_robust
from sedflow.sampling.stretched import Stretched
from sedflow.sampling.verdict import (
    APPROXIMATE,
    EXACT_ADAPTED,
    EXACT_MCMC,
    EXACT_WEIGHTS,
    FAILED,
    MISFIT,
    Verdict,
    kind_of,
)
from sedflow.trust_limits import (
    JUDGED_ON,
    K_HAT_MAX,
    MIN_ESS,
    TAIL_INDEX_MAX,
    TELLING,
    NotConverged,
    k_hat_max,
    k_hat_text,
)

_MORE = 5  # times as many draws, where the first are too few
_HOPEFUL = 1.0  # k-hat below which more draws may help
_ROUGHLY = 4.0  # times the limit on chi-square, that scouts may miss and MCMC reach
_WIDE = 8000  # draws of each round of adaptive importance sampling, at least
_MISSING = 0.6  # of the log evidence: that of scouts scatters by 0.2, and by 0.3 in few bands


class Ladder:
    """The rungs for one galaxy; each returns its draws if they hold, else None.

    `figures` collects the fields of the `Verdict` on the way up.
    """

    def __init__(self, galaxy, sampler, model, prior, n, seed, mcmc, trust):
        self.trust = trust
        self.galaxy, self.sampler, self.model, self.prior = galaxy, sampler, model, prior
        self.n, self.seed, self.mcmc = n, seed, mcmc
        #: draws of a rung: the verdict must not depend on how few are asked for
        self.made = max(n, JUDGED_ON)
        self.first = self.approximate = self.unconverged = None
        self.outside = self.ruled_out = self.unreached = ""
        #: why the sampler's draws cannot be weighted to this prior, if they cannot
        own = getattr(sampler, "prior", None) or prior
        self.heavy = _heavy(own, prior)
        self.proposal, self.enough = sampler, MIN_ESS
        if self.heavy and hasattr(sampler, "under"):
            self.proposal, self.enough = sampler.under(Stretched(own, prior)), stretched.ENOUGH
            self.made = max(n, stretched.DRAWS)
        #: why no rung can be exact, if none can
        self.hopeless = too_precise(galaxy)
        self.figures = dict.fromkeys(Verdict.names(), np.nan)
        self.figures.update(inside=True, warning="", seconds=np.zeros(3))

    def network(self):
        """The sampler's own draws, weighted; more of them if they are sound but too few."""
        with self._timed(0):
            self.first = self._sampled(self.made)
            if self.first.log_density is None and self.first.convergence is not None:
                return self._chains(self.first)
            if self.first.log_density is None or np.isnan(self.first.log_density).all():
                raise SedflowError(
                    f"{type(self.sampler).__name__} does not state the density of its draws, so "
                    "they cannot be weighted; use trust=None"
                )
            draws = self.first = self._weighed(self.first)
            self._check_domain(draws)
            held = draws.importance
            self.figures.update(
                network_k_hat=float(held.k_hat),
                network_ess=float(held.ess),
                share=float(held.ess / self.made),
                gap=float(held.gap),
            )
            if held.ess == 0.0 and not self.hopeless:
                best = log_likelihood(draws.flux, self.galaxy).max()
                self.hopeless = (
                    f"No weights can be computed: log likelihoods of {best:.2g} at best differ by "
                    "less than their rounding; check fluxes, errors, units and redshift."
                )
            if self.hopeless:
                self.approximate = draws
                return None
            if self.heavy and self.proposal is self.sampler:
                self.approximate = draws
                return None
            if not self.heavy and not held.good() and held.k_hat < _HOPEFUL:
                draws = self._weighed(self._sampled(min(_MORE * self.made, MAX_DRAWS)))
                held = draws.importance
            if not held.good(self.enough):
                self.approximate = draws
                return None
            check_distinct(draws, self.sampler)
            judged, draws = self._as_many(draws, JUDGED_ON), self._as_many(draws)
        stretch = ", stretched towards the new prior," if self.heavy else ""
        reason = account(held, f"the network's draws{stretch}")
        if self.outside:
            reason += f" The galaxy is outside the training domain: {self.outside}."
        self.say(EXACT_WEIGHTS, reason)
        self._describe(judged)
        return draws

    def given_up(self):
        """The first rung's draws, where no rung can be exact."""
        kept = self.approximate
        self._describe(kept)
        self.figures["warning"] = ""  # of these draws, which are not the model's best
        kind, why = (MISFIT, self.unreached) if self.unreached else (FAILED, self.hopeless)
        if not self.unreached or _too_few(kept):
            kept = _unweighted(kept)
            why = f"{why.rstrip('.')}. The quantiles are those of the draws without weights."
        self.say(kind, why)
        return self._as_many(_without_evidence(kept))

    def uncorrected(self, trust):
        """The first rung's draws, whose weights do not pass, where no more was asked for."""
        kept, held = self.approximate, self.approximate.importance
        self._describe(self._as_many(kept, JUDGED_ON))
        what = "The quantiles are approximate"
        if _too_few(kept):
            kept = _unweighted(kept)
            what = "The quantiles are those of the draws without weights, and approximate"
        tried = "" if trust == "weights" else ", not even with adaptive importance sampling"
        # Where there are as many, k-hat alone is why.
        needed = f", where {self.enough:,.0f} are needed" if held.ess < self.enough else ""
        self.say(
            APPROXIMATE,
            f"{self.heavy}The importance weights do not pass{tried}: k-hat "
            f"{k_hat_text(held.k_hat)} (limit {k_hat_max(held.n):.2g}), {held.ess:,.0f} of "
            f"{int(held.n):,} draws effective{needed}. {what}; "
            "trust='auto' goes on to adaptive importance sampling and MCMC.",
        )
        return self._as_many(_without_evidence(kept))

    def learning(self):
        """Draws of adaptive importance sampling, with scouts to start from."""
        if self.heavy or not hasattr(self.sampler, "push"):
            return None
        from sedflow.sampling.mcmc import explore  # needs torch

        with self._timed(1):
            try:
                scouts, evidence = explore(
                    self.galaxy, self.model, self.prior, self.seed, many=bool(self.outside)
                )
            except SedflowError as error:
                self.hopeless = str(error)
                return None
            flux = Draws(scouts).with_flux(self.galaxy, self.model).flux
            best = chi_square(flux, self.galaxy).min()
            n_band = int(self.galaxy.present.sum())
            self.unreached = ruled_out(best, len(scouts), n_band, _ROUGHLY)
            return self._learn(scouts, evidence)

    def monte_carlo(self):
        """MCMC; and if it does not converge, adaptive importance sampling from its draws."""
        mcmc = self.mcmc
        if mcmc is None:
            from sedflow.sampling.mcmc import MCMCSampler

            mcmc = MCMCSampler(model=self.model, prior=self.prior, doublings=1)
        why = (
            f"{self.heavy}The importance weights did not pass "
            f"(k-hat {k_hat_text(self.figures['network_k_hat'])}, limit {K_HAT_MAX}, "
            f"{self.figures['network_ess']:.0f} effective draws)"
        )
        if self.outside:
            why += f", the galaxy being outside the training domain: {self.outside}"
        with self._timed(2), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotConverged)  # the verdict says so
            n = max(self.n, JUDGED_ON)
            draws = sampled(mcmc, self.model, self.galaxy, n, self.seed)
            draws = draws.with_flux(self.galaxy, self.model)
            chains = draws.convergence
            draws = replace(draws, log_density=np.full(n, np.nan), weights=np.full(n, 1 / n))
            if chains is None:
                self._describe(draws)
                self.say(
                    APPROXIMATE,
                    f"{why}. {type(mcmc).__name__} gives no figures of convergence, so nothing "
                    "shows whether its draws follow the posterior.",
                )
                return self._as_many(draws)
            self._keep_figures(chains)
            if not chains.converged:
                self.unconverged = self._as_many(draws)
                self._describe(draws)
                self.say(
                    FAILED,
                    f"{why}. MCMC did not converge either: {chains.worst()}. Try MCMCSampler "
                    f"with more {_more_of(mcmc)}, or check the photometry.",
                )
                if self.heavy or not hasattr(self.sampler, "push"):
                    return None
                return self._learn(draws.theta, float(chains.log_evidence))
        self._describe(draws)
        r_hat = f" converged: largest R-hat {chains.r_hat.max():.3f}"
        self.say(EXACT_MCMC, f"{why}. {type(mcmc).__name__}{r_hat}.")
        return self._as_many(draws)

    def _chains(self, draws):
        """Draws of MCMC that came first, judged by the convergence of their chains."""
        chains, n = draws.convergence, draws.n
        draws = replace(draws.with_flux(self.galaxy, self.model), weights=np.full(n, 1 / n))
        self._keep_figures(chains)
        self._describe(draws)
        name = type(self.sampler).__name__
        if chains.converged:
            self.say(EXACT_MCMC, f"{name} converged: largest R-hat {chains.r_hat.max():.3f}.")
        else:
            self.unconverged, worst = draws, f"{chains.worst()}. Try more {_more_of(self.sampler)}"
            self.say(FAILED, f"{name} did not converge: {worst}.")
        return self._as_many(draws)

    def _keep_figures(self, chains):
        """The figures of chains, of which the worst parameter counts."""
        self.figures.update(
            r_hat=float(chains.r_hat.max()),
            ess_bulk=float(chains.ess_bulk.min()),
            ess_tail=float(chains.ess_tail.min()),
            log_evidence=float(chains.log_evidence),
            log_evidence_error=float(chains.log_evidence_error),
        )

    def say(self, kind, reason):
        self.figures.update(kind=kind, reason=reason)

    def verdict(self):
        kind = self.figures["kind"]
        if not kind_of(kind).exact:  # a sum of weights, or of chains, that do not hold
            self.figures.update(log_evidence=np.nan, log_evidence_error=np.nan)
        if self.ruled_out and (kind_of(kind).exact or kind == APPROXIMATE):
            self.say(MISFIT, f"{self.ruled_out} ({self.figures['reason']})")
            self.figures["warning"] = ""
        elif self.unreached and not kind_of(kind).exact:
            self.say(MISFIT, f"{self.unreached} These draws are not the exact posterior.")
            self.figures["warning"] = ""
        verdict = Verdict(**self.figures)
        if verdict.status == MISFIT and self.trust != "weights":
            where = "reason" if verdict.kind == MISFIT else "warning"
            verdict = replace(verdict, **{where: getattr(verdict, where) + self._culprit()})
        return verdict

    def _culprit(self):
        """Which band keeps the model from the data, where the network can tell."""
        if not hasattr(self.sampler, "push") or self.heavy:
            return ""
        try:
            draws = draw_robust(self.sampler, self.galaxy, self.model, self.prior, self.seed)
        except SedflowError as error:  # too few bands
            raise_if_of_the_run(error)
            return ""
        enough = float(draws.importance.ess) > TELLING
        return f" {blame(draws, self.galaxy)}" if enough else ""

    def check_ranges(self):
        """Whether the network was trained on such data, where its draws cannot tell."""
        if not self.outside and hasattr(self.sampler, "check"):
            try:
                self.figures["inside"] = bool(self.sampler.check(self.galaxy, draws=False))
            except SedflowError as error:  # not even its bands
                raise_if_of_the_run(error)
                self.figures["inside"] = False

    def _check_domain(self, draws):
        if hasattr(self.sampler, "check"):
            check = self.sampler.check(self.galaxy, draws=draws)
            self.figures["inside"] = bool(check)
            self.outside = "; ".join(check.reasons[()])

    def _sampled(self, n):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotConverged)  # the verdict says so
            return sampled(self.proposal, self.model, self.galaxy, n, self.seed)

    def _weighed(self, draws):
        if draws.log_density is not None:  # far out, a flow may overflow: no weight there
            stated = np.where(np.isnan(draws.log_density), np.inf, draws.log_density)
            draws = replace(draws, log_density=stated)
        return weigh(draws, self.galaxy, self.model, self.prior)

    def _learn(self, scouts, log_evidence):
        """Draws of adaptive importance sampling, if their importance weights pass.

        They must also cover the scouts, and account for the evidence that these found, as well as
        that is known: k-hat says nothing about a mode that no draw has reached.
        """
        first, made = self.first, max(self.made, _WIDE)
        if made > first.n:
            first = self._weighed(self._sampled(made))
        learned, sound = adapt(
            self.sampler, self.galaxy, self.model, self.prior, first, self.seed, scouts
        )
        held = learned.importance
        if not (sound and log_evidence - held.log_evidence < _MISSING):
            return None
        self._describe(self._equal(learned, max(self.n, JUDGED_ON)))
        self.say(EXACT_ADAPTED, account(held, "the draws of adaptive importance sampling"))
        return self._equal(learned, self.n)

    def _as_many(self, draws, least=1):
        """The draws, or n of equal weight, `least` at least, where there are others."""
        n = max(self.n, least)
        return draws if draws.n == n else self._equal(draws, n)

    def _equal(self, draws, n):
        """n draws of equal weight from any number of weighted ones."""
        blank, equal = np.full(n, np.nan), np.full(n, 1 / n)
        return replace(draws.resampled(n, self.seed or 0), log_density=blank, weights=equal)

    def _describe(self, draws):
        """How well the model describes the data, and the evidence."""
        chi2 = chi_square(draws.flux, self.galaxy)
        n_band = int(self.galaxy.present.sum())
        self.ruled_out = ruled_out(chi2.min(), draws.n, n_band)
        p = float(p_value(draws.flux, self.galaxy, draws.weights))
        table = getattr(self.sampler, "p_values", None)
        calibrated = np.nan if table is None else float(table.calibrated(p, self.galaxy))
        self.figures.update(p_value=p, p_calibrated=calibrated)
        held, chains = draws.importance, draws.convergence
        if held is not None:
            self.figures.update(
                k_hat=float(held.k_hat),
                ess=float(held.ess),
                log_evidence=float(held.log_evidence),
                log_evidence_error=float(held.log_evidence_error),
            )
        elif chains is not None:
            ess = min(chains.ess_bulk.min(), chains.ess_tail.min())
            self.figures.update(k_hat=np.nan, ess=float(ess))
        few = held is not None and _too_few(draws)  # whose p-value is that of a handful
        self.figures["warning"] = "" if few else misfit_warning(p, calibrated)

    @contextmanager
    def _timed(self, rung):
        start = time.monotonic()
        yield
        self.figures["seconds"][rung] = time.monotonic() - start


def _too_few(draws):
    """Whether quantiles of weighted draws would be those of a handful, which have no width."""
    return float(draws.importance.ess) <= TELLING


def _unweighted(draws):
    return replace(draws, weights=np.full(draws.n, 1 / draws.n))


def _without_evidence(draws):
    """The draws without the evidence of their weights, which do not pass."""
    none = np.full_like(draws.importance.ess, np.nan)
    nothing = {"log_evidence": none, "log_evidence_error": none}
    return replace(draws, importance=replace(draws.importance, **nothing))


def check_distinct(draws, sampler):
    """Refuse a few draws that come again and again: their weights are alike, and say nothing.

    Raises
    ------
    SedflowError
    """
    known = draws.theta[~np.isnan(draws.theta).any(-1)]
    distinct = len(np.unique(known @ np.sqrt(np.arange(1.0, N_PARAM + 1))))
    if distinct < len(known) / 2:
        raise SedflowError(
            f"{type(sampler).__name__} gave only {distinct} different draws of {len(known)}, so "
            "that their weights say nothing; give a sampler whose draws are independent"
        )


def _more_of(sampler):
    return "doublings" if getattr(sampler, "method", "smc") == "smc" else "steps"


def _heavy(drawn_under, prior):
    """A sentence where the ratio of two priors has too heavy a tail for weights; else empty."""
    index = prior.tail_index(drawn_under)
    if index < TAIL_INDEX_MAX:
        return ""
    return (
        f"The network was trained with the prior {drawn_under.sfh!r}, and the ratio of "
        f"{prior.sfh!r} to it has a tail index of {index:.2f}, so that its draws cannot "
        "be weighted to it. "
    )


def account(figures, what):
    """The sentence on weights that pass."""
    return (
        f"The weights of {what} pass: k-hat {k_hat_text(figures.k_hat)} (limit {K_HAT_MAX}), "
        f"{figures.ess:,.0f} of {int(figures.n):,} draws effective."
    )

"""Stage of the lesson from rejection ABC to amortized inference."""

import asyncio
from functools import partial

import numpy as np
import panel as pn

from sedflow.bands import UGRIZ
from sedflow.dashboard.learn.abc_to_amortized.figures import MOST, ToAmortizedFigures
from sedflow.dashboard.learn.abc_to_amortized.problem import (
    BATCH,
    ENOUGH,
    Problem,
    per_draw,
    prior_distances,
    rounded,
    walked,
)
from sedflow.dashboard.server.jobs import Work, shared_jobs
from sedflow.dashboard.widgets import plain
from sedflow.errors import SedflowError
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.fits.fit import fit
from sedflow.sampling.reweighting import reweight

_N = 3000
_STEPS = 600  # of the walkers
_PRIOR_MADE, _PRIOR_TOLERANCE = 100_000, 3.0
_WAIT = 0.3  # seconds between two looks at the job


class ToAmortized(ToAmortizedFigures):
    """Simulations, kept and weighted; a walk; the network; and the bill."""

    def enter(self, step: str) -> None:
        self._step, self._busy = step, False  # what was under way has been dropped
        self._again.param.update(disabled=self._walked > _STEPS, label="Walk on")
        self._arrange()
        if self.problem is None:
            self.scene.run(self._begin, self._begun)
        else:
            self._next()

    # Numbers

    def facts(self, step: str) -> dict | None:
        ready = self.problem is not None
        if step == "walk":
            ready = ready and self.walk is not None
        elif step == "twelve":
            ready = ready and self.fit is not None
        elif step == "bill":
            ready = ready and self.fit is not None and self.walk is not None
        if not ready:
            return None
        return getattr(self, f"_facts_{step}")()

    def _facts_abc(self):
        tolerance = self.tolerance.value
        kept, half = (len(self.made.accepted(t)) for t in (tolerance, tolerance / 2))
        return {
            "made": len(self.made),
            "accepted": kept,
            "rate": kept / len(self.made),
            "half": half,
            "tolerance": tolerance,
            "enough": ENOUGH,
            "need": self._abc_need(),
        }

    def _abc_need(self):
        kept = len(self.made.accepted(self.tolerance.value))
        if not kept:
            return f"more than {rounded(len(self.made) * ENOUGH)} simulations"
        return f"about {rounded(ENOUGH * len(self.made) / kept)} simulations"

    def _facts_weigh(self):
        n, ess = len(self.made), self.made.ess
        return {
            "made": n,
            "ess": ess,
            "waste": 1 - ess / n,
            "enough": ENOUGH,
            "need": f"about {rounded(ENOUGH * n / ess)} simulations",
            "against": self._against(n / ess),
        }

    def _against(self, each):
        """Why that may be more than the tolerance asks for, of simulations per draw."""
        kept = len(self.made.accepted(self.tolerance.value))
        if not kept or len(self.made) / kept >= each:
            return ""
        return (
            f"A tolerance of {self.tolerance.value:g} asks for fewer ({self._abc_need()}), but "
            "what it keeps is wider than the exact posterior."
        )

    def _facts_walk(self):
        kept = len(self.made.accepted(self.tolerance.value))
        return {
            "walkers": self.walk.free.shape[1],
            "mcmc_made": self.walk.simulations,
            "mcmc_ess": self.walk_ess,
            "mcmc_taken": self.walk.acceptance,
            "mcmc_each": rounded(self.walk.simulations / self.walk_ess),
            "weigh_each": rounded(len(self.made) / self.made.ess),
            "abc_each": f"{rounded(len(self.made) / kept)} (at "
            f"{self.tolerance.value:g}, which is not exact)"
            if kept
            else "more than all that were made",
        }

    def _facts_twelve(self):
        kept = int((self.distances < _PRIOR_TOLERANCE).sum())
        each = per_draw(self.fit)
        return {
            "name": self._name,
            "abc_made": len(self.distances),
            "abc_tolerance": _PRIOR_TOLERANCE,
            "abc_kept": f"{kept:,}" if kept else "none",
            "n": _N,
            "ess": float(self.fit.draws.importance.ess),
            "per_draw": rounded(each),
            "prior_cost": rounded(each * ENOUGH),
            "enough": ENOUGH,
            "mcmc_line": self._mcmc_line(),
        }

    def _mcmc_line(self):
        if self.mcmc is None:
            return "Run MCMC to see what it costs."
        c = self.mcmc.draws.convergence
        return (
            f"MCMC used {int(c.evaluations):,} for {float(np.min(c.ess_bulk)):,.0f} effective "
            f"draws (largest R-hat {float(np.max(c.r_hat)):.3f}), in {float(c.seconds):.0f} "
            "seconds; the network one for each of its draws."
        )

    def _facts_bill(self):
        record = self.network.record["training"]
        trained = int(record["simulations_seen"])
        cost, origin = self._mcmc_cost()
        return {
            "weights": self.network.name,
            "trained": trained,
            "minutes": record["minutes"],
            "cross": rounded(trained / (cost - self._network_cost())),
            "mcmc_cost": rounded(cost),
            "mcmc_origin": origin,
            "network_cost": self._network_cost(),
            "atlas": len(self.scene.nsa),
            "enough": ENOUGH,
        }

    def _network_cost(self):
        """Model evaluations of the network's own draws for `ENOUGH` effective ones."""
        return int(np.ceil(ENOUGH * _N / float(self.fit.draws.importance.ess)))

    def _mcmc_cost(self):
        """Simulations for `ENOUGH` effective draws, and where the number is from."""
        if self.mcmc is not None:
            run = self.mcmc.draws.convergence
            ess = float(run.ess_bulk.min())
            origin = f" (your run made {ess:,.0f} with {rounded(run.evaluations)})"
            return float(run.evaluations) * ENOUGH / ess, origin
        # The small problem's, which is easier: a lower limit.
        cost = ENOUGH * self.walk.simulations / self.walk_ess if self.walk else np.nan
        return cost, " (as the walk of three parameters took; twelve take more)"

    @property
    def _name(self):
        return f"NSAID {self.scene.nsaid}"

    def right(self, step: str) -> str | None:
        return {"weigh": "Yes", "walk": "None"}.get(step)

    # Work

    def _begin(self):
        network = self.scene.network(DEFAULT_WEIGHTS)
        problem = Problem(network.model, self.scene.seed)
        made = problem.simulate(BATCH, [self.scene.seed, 0])
        return network, problem, made, problem.exact()

    def _begun(self, found):
        self.network, self.problem, self.made, self.exact = found
        self._batches = 1
        self._arrange()
        self._next()

    def _next(self):
        """What this step needs and does not have yet."""
        self._draw()
        if self._step in ("walk", "bill") and self.walk is None:
            self._walk_on()
        elif self._step in ("twelve", "bill") and self.fit is None:
            self.scene.run(self._infer, self._inferred)

    def _simulate(self):
        if self._busy or len(self.made) + BATCH > MOST:
            return
        self._busy = self._more.disabled = True
        batch, problem, seed = self._batches, self.problem, self.scene.seed

        def then(more):
            self._busy = self._more.disabled = False
            self._batches += 1
            self.made = self.made + more
            self._draw()

        self.scene.run(lambda: problem.simulate(BATCH, [seed, batch]), then)

    def _walk_on(self):
        problem, seed = self.problem, self.scene.seed
        steps_made = _STEPS * (1 if self.walk is None else 2)
        self._again.param.update(disabled=True, label="Walking …")

        def then(found):
            self.walk, self.walk_ess = found
            self._walked = steps_made
            self._again.param.update(disabled=steps_made > _STEPS, label="Walk on")
            self._next()

        self.scene.run(partial(walked, problem, steps_made, [seed, 77]), then, True)

    def _infer(self):
        galaxy = self.scene.nsa.photometry(self.scene.nsaid, UGRIZ)
        drawn = fit(galaxy, self.network, n=_N, seed=self.scene.seed, trust=None)
        weighted = reweight(drawn, min_ess=0)
        _ = weighted.log_likelihood
        distances = prior_distances(
            self.network.model, self.network.prior, galaxy, _PRIOR_MADE, self.scene.seed
        )
        return weighted, distances

    def _inferred(self, found):
        self.fit, self.distances = found
        self._arrange()
        self._draw()

    def _start_mcmc(self, event):
        work = Work(
            "smc", self.fit.photometry, _N, self.scene.seed, self.network.name, self.network.ssp
        )
        try:
            job = shared_jobs().submit(work)
        except SedflowError as error:
            self._job.object = plain(f"{error}.")
            return
        self._run.disabled = True
        task = asyncio.ensure_future(self._watch(job, pn.state.curdoc))
        self._watching = task  # a task that nobody holds may be dropped

    async def _watch(self, job, document):
        """Look at the job until it is over, or nobody looks."""
        jobs = shared_jobs()
        while not jobs.poll(job).over:
            if not self.scene.alive():
                jobs.cancel(job)
                return
            text = f"{job.state}: {job.text}, {100 * job.share:.0f} %"
            _on_page(document, lambda text=text: self._job.param.update(object=text))
            await asyncio.sleep(_WAIT)
        _on_page(document, lambda: self._mcmc_over(job))

    def _mcmc_over(self, job):
        self._run.disabled = False
        if job.state != "done":
            self._job.object = plain(f"{job.error or job.state}.")
            return
        self.show_mcmc(job.result)

    def show_mcmc(self, result) -> None:
        """Lay an MCMC fit of the galaxy beside the network's."""
        self.mcmc = result
        self._job.object = self._mcmc_line()
        self._draw()
        self.scene.changed()


def _on_page(document, function):
    """Do something with the document's lock."""
    if document is None or document.session_context is None:
        function()
    else:
        document.add_next_tick_callback(function)

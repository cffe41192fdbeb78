"""Stage of the lesson from rejection ABC to amortized inference."""

import asyncio

import numpy as np
import panel as pn
from bokeh.models import Range1d

from sedflow.dashboard.jobs import Work, shared_jobs
from sedflow.dashboard.lessons import to_amortized as lesson
from sedflow.dashboard.prose import prose
from sedflow.dashboard.stages.plots import COLORS, MODEL, OTHER, Plot, steps
from sedflow.dashboard.stages.stage import Stage, pane, slider
from sedflow.errors import SedflowError
from sedflow.fitting import fit
from sedflow.importance import reweight
from sedflow.parameters import PARAMETERS
from sedflow.photometry import UGRIZ
from sedflow.resources import DEFAULT_WEIGHTS

__all__ = ["ToAmortized"]

_N = 3000
_STEPS = 600  # of the walkers
_MOST = 400_000  # simulations that a session keeps
_PRIOR_MADE, _PRIOR_TOLERANCE = 100_000, 3.0
_SHOWN = ("log_mstar", "tau_ism", "n_dust")
_NAMES = {p.name: p.axis_label for p in PARAMETERS}
_WAIT = 0.3  # seconds between two looks at the job
_EXACT = "#e69f00"


class ToAmortized(Stage):
    """Simulations, kept and weighed; a walk; the network; and the bill."""

    def __init__(self, scene):
        super().__init__(scene)
        self._step = "abc"
        self.network = self.problem = self.exact = None
        self.made = self.walk = self.fit = self.distances = self.mcmc = None
        self._batches, self._busy, self._walked = 0, False, 0
        self.tolerance = slider("Tolerance [errors per band]", 0.5, 20.0, 6.0, n=39)
        self._more = pn.widgets.Button(
            label=f"Simulate {lesson.BATCH:,} more", color="primary", align="end"
        )
        self._again = pn.widgets.Button(label="Walk on", color="primary", align="end")
        self._run = pn.widgets.Button(label="Run MCMC (10 to 30 s)", color="primary")
        self._job = prose()
        self.plots = {}
        for name in lesson.FREE:
            plot = Plot(f"abc_{name}", _NAMES[name], "probability density", 300, legend_columns=2)
            plot.area("kept", "kept", fill_color=COLORS[1], fill_alpha=0.35)
            plot.line("weighed", "weighed", color=_EXACT, line_width=2)
            plot.line("walk", "MCMC", color=COLORS[2], line_width=2)
            plot.line("exact", "exact", color=OTHER, line_width=2, line_dash="dashed")
            self.plots[name] = plot
        self.twelve = {}
        for name in _SHOWN:
            plot = Plot(
                f"twelve_{name}", _NAMES[name], "probability density", 300, legend_columns=2
            )
            plot.area("network", "network", fill_color=MODEL, fill_alpha=0.35)
            plot.line("exact", "exact", color=_EXACT, line_width=2)
            plot.line("mcmc", "", color=OTHER, line_width=2, line_dash="dashed")
            self.twelve[name] = plot
        self.bill = Plot("bill", "galaxies", "simulations, all together", 380,
                         x_axis_type="log", y_axis_type="log", x_range=Range1d(1, 1e7),
                         y_range=Range1d(1, 1e12))  # fmt: skip
        for key, color, dash in (("prior", COLORS[1], "dotdash"), ("mcmc", COLORS[2], "dashed"),
                                 ("network", MODEL, "solid")):  # fmt: skip
            self.bill.line(key, "", color=color, line_width=2.5, line_dash=dash)
        self._abc = pn.Row(self.tolerance, self._more, sizing_mode="stretch_width")
        self._small = pn.Row(*(pane(p) for p in self.plots.values()), sizing_mode="stretch_width")
        self._large = pn.Row(*(pane(p) for p in self.twelve.values()), sizing_mode="stretch_width")
        self._bill = pane(self.bill)
        self._mcmc = pn.Row(self._run, self._job)
        self.layout[:] = [
            self._abc, self._again, self._small, self._mcmc, self._large, self._bill
        ]  # fmt: skip
        self.tolerance.param.watch(self._moved, "value")
        self._more.on_click(lambda event: self._simulate())
        self._again.on_click(lambda event: self._walk_on())
        self._run.on_click(self._start_mcmc)

    def enter(self, step):
        self._step, self._busy = step, False  # what was under way has been dropped
        self._again.param.update(disabled=self._walked > _STEPS, label="Walk on")
        self._arrange()
        if self.problem is None:
            self.scene.run(self._begin, self._begun)
        else:
            self._next()

    # Numbers

    def facts(self, step):
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
            "made": len(self.made), "accepted": kept, "rate": kept / len(self.made), "half": half,
            "tolerance": tolerance, "enough": lesson.ENOUGH, "need": self._abc_need(),
        }  # fmt: skip

    def _abc_need(self):
        kept = len(self.made.accepted(self.tolerance.value))
        if not kept:
            return f"more than {lesson.rounded(len(self.made) * lesson.ENOUGH)} simulations"
        return f"about {lesson.rounded(lesson.ENOUGH * len(self.made) / kept)} simulations"

    def _facts_weigh(self):
        n, ess = len(self.made), self.made.ess
        return {
            "made": n, "ess": ess, "waste": 1 - ess / n, "enough": lesson.ENOUGH,
            "need": f"about {lesson.rounded(lesson.ENOUGH * n / ess)} simulations",
            "against": self._against(n / ess),
        }  # fmt: skip

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
            "walkers": self.walk.free.shape[1], "mcmc_made": self.walk.simulations,
            "mcmc_ess": self.walk_ess, "mcmc_taken": self.walk.acceptance,
            "mcmc_each": lesson.rounded(self.walk.simulations / self.walk_ess),
            "weigh_each": lesson.rounded(len(self.made) / self.made.ess),
            "abc_each": f"{lesson.rounded(len(self.made) / kept)} (at "
                        f"{self.tolerance.value:g}, which is not exact)"
                        if kept else "more than all that were made",
        }  # fmt: skip

    def _facts_twelve(self):
        kept = int((self.distances < _PRIOR_TOLERANCE).sum())
        each = lesson.per_draw(self.fit)
        return {
            "name": self._name, "abc_made": len(self.distances), "abc_tolerance": _PRIOR_TOLERANCE,
            "abc_kept": f"{kept:,}" if kept else "none", "n": _N,
            "ess": float(self.fit.draws.importance.ess), "per_draw": lesson.rounded(each),
            "prior_cost": lesson.rounded(each * lesson.ENOUGH), "enough": lesson.ENOUGH,
            "mcmc_line": self._mcmc_line(),
        }  # fmt: skip

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
            "weights": self.network.name, "trained": trained, "minutes": record["minutes"],
            "cross": lesson.rounded(trained / (cost - self._network_cost())),
            "mcmc_cost": lesson.rounded(cost),
            "mcmc_origin": origin, "network_cost": self._network_cost(),
            "atlas": len(self.scene.nsa), "enough": lesson.ENOUGH,
        }  # fmt: skip

    def _network_cost(self):
        """Model evaluations of the network's own draws for `ENOUGH` effective ones."""
        return int(np.ceil(lesson.ENOUGH * _N / float(self.fit.draws.importance.ess)))

    def _mcmc_cost(self):
        """Simulations of a converged run, and where the number is from."""
        if self.mcmc is not None:
            return float(self.mcmc.draws.convergence.evaluations), " (a whole run, as you made it)"
        # The small problem's, which is easier: a lower limit.
        cost = lesson.ENOUGH * self.walk.simulations / self.walk_ess if self.walk else np.nan
        return cost, " (as the walk of three parameters took; twelve take more)"

    @property
    def _name(self):
        return f"NSAID {self.scene.nsaid}"

    def right(self, step):
        return {"weigh": "Yes", "walk": "None"}.get(step)

    # Work

    def _begin(self):
        network = self.scene.network(DEFAULT_WEIGHTS)
        problem = lesson.Problem(network.model, self.scene.seed)
        made = problem.simulate(lesson.BATCH, [self.scene.seed, 0])
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
        if self._busy or len(self.made) + lesson.BATCH > _MOST:
            return
        self._busy = self._more.disabled = True
        batch, problem, seed = self._batches, self.problem, self.scene.seed

        def then(more):
            self._busy = self._more.disabled = False
            self._batches += 1
            self.made = self.made + more
            self._draw()

        self.scene.run(lambda: problem.simulate(lesson.BATCH, [seed, batch]), then)

    def _walk_on(self):
        problem, seed = self.problem, self.scene.seed
        steps_made = _STEPS * (1 if self.walk is None else 2)
        self._again.param.update(disabled=True, label="Walking …")

        def job():
            walk = problem.walk(steps_made, [seed, 77])
            return walk, walk.ess

        def then(found):
            self.walk, self.walk_ess = found
            self._walked = steps_made
            self._again.param.update(disabled=steps_made > _STEPS, label="Walk on")
            self._next()

        self.scene.run(job, then)

    def _infer(self):
        galaxy = self.scene.nsa.photometry(self.scene.nsaid, UGRIZ)
        drawn = fit(galaxy, self.network, n=_N, seed=self.scene.seed)
        weighted = reweight(drawn, min_ess=0)
        _ = weighted.log_likelihood
        distances = lesson.prior_distances(
            self.network.model, self.network.prior, galaxy, _PRIOR_MADE, self.scene.seed
        )
        return weighted, distances

    def _inferred(self, found):
        self.fit, self.distances = found
        self._arrange()
        self._draw()

    def _start_mcmc(self, event):
        work = Work("smc", self.fit.photometry, _N, self.scene.seed, self.network.name,
                    self.network.ssp)  # fmt: skip
        try:
            job = shared_jobs().submit(work)
        except SedflowError as error:
            self._job.object = f"{error}."
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
            self._job.object = f"{job.error or job.state}."
            return
        self.show_mcmc(job.result)

    def show_mcmc(self, result):
        """Lay an MCMC fit of the galaxy beside the network's."""
        self.mcmc = result
        self._job.object = self._mcmc_line()
        self._draw()
        self.scene.changed()

    # Drawing

    def _arrange(self):
        step, ready = self._step, self.problem is not None
        self._abc.visible = ready and step in ("abc", "weigh")
        self.tolerance.visible = step == "abc"
        self._again.visible = ready and step == "walk"
        self._small.visible = ready and step in ("abc", "weigh", "walk")
        self._mcmc.visible = self._large.visible = self.fit is not None and step == "twelve"
        self._bill.visible = ready and step == "bill"

    def _moved(self, event):
        if self.problem is not None:
            self._draw()
            self.scene.changed()

    def _draw(self):
        with pn.io.hold():
            if self._step == "twelve":
                self._draw_twelve()
            elif self._step == "bill":
                self._draw_bill()
            else:
                self._draw_small()

    def _draw_small(self):
        step = self._step
        kept = self.made.accepted(self.tolerance.value)
        weights = self.made.weights()
        self._more.disabled = self._busy or len(self.made) + lesson.BATCH > _MOST
        for k, name in enumerate(lesson.FREE):
            plot = self.plots[name]
            x, y = self.exact[name]
            low, high = x[0], x[-1]
            mean = (x * y).sum() / y.sum()
            if step == "abc" and len(kept):
                low, high = min(kept[:, k].min(), mean - 0.3), max(kept[:, k].max(), mean + 0.3)
            n_bin = int(np.clip(1.5 * np.sqrt(len(kept)), 8, 40)) if step == "abc" else 40
            edges = np.linspace(low, high, n_bin + 1)
            top = y.max()
            plot.show("exact", x=x, y=y)
            if step == "abc" and len(kept):
                hx, hy = steps(kept[:, k], edges)
                plot.show("kept", x=hx, low=np.zeros(len(hx)), high=hy)
                top = max(top, hy.max())
            else:
                plot.show("kept")
            for key, on, values, w in (
                ("weighed", step == "weigh", self.made.free[:, k], weights),
                ("walk", step == "walk" and self.walk is not None,
                 None if self.walk is None else self.walk.free[..., k].ravel(), None),
            ):  # fmt: skip
                if on:
                    hx, hy = steps(values, edges, w)
                    plot.show(key, x=hx, y=hy)
                    top = max(top, hy.max())
                else:
                    plot.show(key)
            for key, label in (("kept", "kept"), ("weighed", "weighed"), ("walk", "MCMC")):
                shown = {"kept": "abc", "weighed": "weigh", "walk": "walk"}[key] == step
                plot.label(key, label if shown else "")
            plot.ends(x=(low, high), y=(0, 1.1 * top))

    def _draw_twelve(self):
        if self.fit is None:
            return
        draws = self.fit.draws
        for name, plot in self.twelve.items():
            values = draws[name]
            low, high = np.quantile(values, (0.002, 0.998))
            edges = np.linspace(low, high, 41)
            x, y = steps(values, edges)
            plot.show("network", x=x, low=np.zeros(len(x)), high=y)
            ex, ey = steps(values, edges, draws.weights)
            plot.show("exact", x=ex, y=ey)
            top = max(y.max(), ey.max())
            if self.mcmc is not None:
                mx, my = steps(self.mcmc.draws[name], edges)
                plot.show("mcmc", x=mx, y=my)
                plot.label("mcmc", "MCMC")
                top = max(top, my.max())
            plot.ends(x=(low, high), y=(0, 1.1 * top))

    def _draw_bill(self):
        if self.fit is None or self.walk is None:
            return
        n = np.logspace(0, 7, 60)
        trained = int(self.network.record["training"]["simulations_seen"])
        cost, _ = self._mcmc_cost()
        prior = lesson.per_draw(self.fit) * lesson.ENOUGH
        for key, y, label in (
            ("prior", prior * n, "weighing draws of the prior"),
            ("mcmc", cost * n, "MCMC"),
            ("network", trained + self._network_cost() * n, "network, training included"),
        ):
            self.bill.show(key, x=n, y=y)
            self.bill.label(key, label)
        self.bill.ends(y=(min(cost, prior) * 0.5, max(cost, prior) * 1e7))


def _on_page(document, function):
    """Do something with the document's lock."""
    if document is None or document.session_context is None:
        function()
    else:
        document.add_next_tick_callback(function)

"""MCMC beside the network, and the ladder: start, watch, cancel, and compare with the network."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import numpy as np
import panel as pn

from sedflow.dashboard.answer import Answer, Request, job_draws
from sedflow.dashboard.brush import Brushed, compared
from sedflow.dashboard.hints import HintButton
from sedflow.dashboard.pages.view import start
from sedflow.dashboard.panels.job_line import JobLine
from sedflow.dashboard.panels.panel import AnswerPanel
from sedflow.dashboard.quantities import in_labels, quantity_columns
from sedflow.dashboard.server.jobs import Jobs, Work
from sedflow.dashboard.server.work import on_worker
from sedflow.dashboard.what_if import Changed
from sedflow.dashboard.widgets import plain, prose, typeset
from sedflow.errors import SedflowError
from sedflow.fits.fit import Fit
from sedflow.parameters import PARAMETERS
from sedflow.sampling.titles import sampler_title
from sedflow.validation.distances import distance

__all__ = ["ReferencePanel"]

_MOST_KEPT = 8  # galaxies whose draws of a job wait for them
METHODS = {
    "tempered populations": "smc",
    "emcee": "emcee",
    "zeus": "zeus",
}


class ReferencePanel(AnswerPanel):
    """Buttons, progress and outcome of long jobs for the answer that is shown.

    Parameters
    ----------
    refined : async callable(answer, fit)
        Gets the draws of a higher rung.
    sampled : callable(columns, request)
        Gets the `QUANTITIES` (n, n_quantity) of MCMC's draws, and what they answer.
    """

    def __init__(
        self,
        refined: Callable[[Answer, Fit], Awaitable[None]],
        sampled: Callable[[np.ndarray, Request], None],
        jobs: Jobs | None = None,
        **params,
    ):
        super().__init__(**params)
        self._refined, self._sampled = refined, sampled
        self._found: dict[Request, str] = {}  # distances, of what was sampled
        self._chains: dict[Request, Fit] = {}  # what MCMC drew lately
        self._better: dict[Request, Fit] = {}  # what was refined lately
        self.distances = prose("", margin=(0, 10), sizing_mode="stretch_width")
        self._method = pn.widgets.Select(label="sampler", options=METHODS, width=200)
        self._start = pn.widgets.Button(label="Start", color="primary", align="end")
        self._climb = HintButton(
            "Weights, adaptive importance sampling, MCMC: as far as this galaxy needs",
            label="All steps to exact",
            align="end",
        )
        self.job = JobLine(self._finish, jobs)
        self.job.param.watch(self._follow, "running")
        self._start.on_click(lambda event: self.start(self._method.value))
        self._climb.on_click(lambda event: self.start("ladder"))

    def show(  # type: ignore[override]
        self, answer: Answer, brushed: Brushed | None = None, changed: Changed | None = None
    ) -> None:
        """Show an answer, with the distances that MCMC found for it; refine it as it was before."""
        if self.answer is None or _wanted(self.answer) != _wanted(answer):
            self.distances.object = self._found.get(answer.request, "")
            better = None if answer.steps else self._better.get(_wanted(answer))
            if better is not None:

                async def give():  # not a partial: Panel waits for what it sees to be a coroutine
                    await self._refined(answer, better)

                start(give)
        self.answer = answer

    def start(self, method: str) -> None:
        """Begin a job for the galaxy that is shown now, or was just chosen."""
        self.when_there(lambda: self._begin(method))

    def _begin(self, method):
        answer = self.answer
        if answer is None:
            self.job.say("Choose a galaxy first.")
            return
        fit = answer.fit
        work = Work(
            method,
            fit.photometry,
            job_draws(answer.request),
            answer.request.seed,
            answer.request.weights,
            fit.model.grid.name,
            answer.missed or fit.prior.sfh if method == "ladder" else fit.prior.sfh,
        )
        if self.job.begin(work, fit.title):
            self._job_of = answer

    def chains(self, answer: Answer | None) -> Fit | None:
        """Draws of MCMC for an answer, if there are any."""
        return None if answer is None else self._chains.get(answer.request)

    async def _finish(self, job):
        self.job.say(_outcome(job))
        await self._hand_over(self._job_of, job.work.method, job.result)

    def _follow(self, event):
        self._start.disabled = self._climb.disabled = event.new

    async def _hand_over(self, answer, method, fit):
        """Give draws of MCMC or of the ladder to the page."""
        away = self.answer is None or _wanted(self.answer) != _wanted(answer)
        if method == "ladder":
            _keep(self._better, _wanted(answer), fit)
            if away:
                self.distances.object = (
                    f"{plain(answer.fit.title)} is refined; its draws wait at that galaxy."
                )
            else:
                await self._refined(answer, fit)
            return
        _keep(self._chains, answer.request, fit)
        columns, self._found[answer.request] = await on_worker(_comparison)(answer, fit)
        self._sampled(columns, answer.request)
        if away:
            self.distances.object = (
                f"MCMC of {plain(answer.fit.title)} is done; its draws wait at that galaxy."
            )
        else:
            self.distances.object = self._found[answer.request]

    def __panel__(self):
        return pn.Column(
            pn.FlexBox(
                self._method,
                self._start,
                self._climb,
                self.job.cancel_button,
                align_items="end",
                margin=0,
            ),
            self.job,
            self.distances,
            margin=0,
            sizing_mode="stretch_width",
        )


def _wanted(answer):
    """What the ladder answers: under the prior that was asked for, also where it was missed."""
    return replace(answer.request, prior=answer.missed or answer.request.prior)


def _keep(kept, request, fit):
    """Keep a fit for its galaxy, and let go of the oldest."""
    kept[request] = fit
    if len(kept) > _MOST_KEPT:
        del kept[next(iter(kept))]


def _outcome(job):
    """What a job found, in a sentence."""
    fit, chains = job.result, job.result.draws.convergence
    method = job.work.method
    done = sampler_title(method) if method in METHODS.values() else "refined"
    text = f"**{plain(fit.title)}**: {done} in {job.seconds:.1f} s"
    if fit.verdict is not None:
        return f"{text}. {typeset(in_labels(str(fit.verdict)))}"
    if chains is not None:
        state = "converged" if chains.converged else "**not converged**"
        text += (
            f", {state}: {in_labels(chains.worst())}; acceptance {float(chains.acceptance):.2f}, "
            f"{int(chains.evaluations):,} models"
        )
    return f"{text}."


def _comparison(answer, fit):
    """`QUANTITIES` of MCMC's draws, and a table of distances to them."""
    rows = [
        "| to MCMC | mean distance [σ] | worst | a classifier distinguishes (0.5 by chance) |",
        "|---|---|---|---|",
    ]
    thin = compared(fit)
    for label, one in (("network", answer.network), ("exact", answer.fit)):
        if label == "exact" and not answer.exact:
            continue
        try:
            d = distance(compared(one).draws, thin.draws, seed=0)
        except SedflowError as error:
            return quantity_columns(thin), f"No distance: {error}."
        worst = int(np.argmax(d.wasserstein))
        rows.append(
            f"| {label} | {_sigmas(d.wasserstein.mean())} | {_sigmas(d.wasserstein[worst])} "
            f"({PARAMETERS[worst].label}) | {d.c2st:.3f} |"
        )
    rows.append(
        f"| two halves of MCMC | {_sigmas(d.wasserstein_floor.mean())} | "
        f"{_sigmas(d.wasserstein_floor.max())} | {d.c2st_floor:.3f} |"
    )
    return quantity_columns(thin), "\n".join(rows)


def _sigmas(value):
    """A distance with the digits that mean something."""
    return f"{value:.3f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:,.0f}"

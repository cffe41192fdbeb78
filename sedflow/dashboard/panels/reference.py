"""MCMC beside the network, and the ladder: start, watch, cancel, and compare with the network."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import panel as pn
import param

from sedflow.dashboard.answer import Answer, Request, job_draws
from sedflow.dashboard.brush import Brushed, compared
from sedflow.dashboard.panels.panel import AnswerPanel
from sedflow.dashboard.quantities import quantity_columns
from sedflow.dashboard.server.jobs import Busy, Job, Jobs, Work, shared_jobs
from sedflow.dashboard.server.visitors import whose
from sedflow.dashboard.server.work import on_worker
from sedflow.dashboard.what_if import Changed
from sedflow.dashboard.widgets import plain, prose
from sedflow.errors import SedflowError
from sedflow.fits.fit import Fit
from sedflow.parameters import NAMES
from sedflow.sampling.titles import sampler_title
from sedflow.validation.distances import distance

__all__ = ["ReferencePanel"]

_POLL = 250  # ms between two looks at the job
METHODS = {
    "tempered populations (default)": "smc",
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

    running = param.Boolean(default=False)

    def __init__(
        self,
        refined: Callable[[Answer, Fit], Awaitable[None]],
        sampled: Callable[[np.ndarray, Request], None],
        jobs: Jobs | None = None,
        **params,
    ):
        super().__init__(**params)
        self._refined, self._sampled = refined, sampled
        self._jobs = jobs or shared_jobs()
        self._job: Job | None = None
        self._found: dict[Request, str] = {}  # distances, of what was sampled
        self._callback: Any = None
        self.distances = prose("", margin=(0, 10), sizing_mode="stretch_width")
        self._method = pn.widgets.Select(label="sampler", options=METHODS, width=230)
        self._start = pn.widgets.Button(label="Start", color="primary", align="end")
        self._climb = pn.widgets.Button(
            label="Refine it",
            align="end",
            description="Weights, adaptive importance sampling, MCMC: as far as this galaxy needs",
        )
        self._cancel = pn.widgets.Button(label="Cancel", disabled=True, align="end")
        self._bar = pn.indicators.Progress(
            value=0, max=100, sizing_mode="stretch_width", visible=False, height=18
        )
        self._text = prose("", margin=(0, 10))
        self._start.on_click(lambda event: self.start(self._method.value))
        self._climb.on_click(lambda event: self.start("ladder"))
        self._cancel.on_click(lambda event: self.cancel())

    def show(  # type: ignore[override]
        self, answer: Answer, brushed: Brushed | None = None, changed: Changed | None = None
    ) -> None:
        """Show an answer, with the distances that MCMC found for it."""
        if self.answer is None or self.answer.request != answer.request:
            self.distances.object = self._found.get(answer.request, "")
        self.answer = answer

    def start(self, method: str) -> None:
        """Begin a job for the galaxy that is shown now."""
        answer = self.answer
        if answer is None or self.running:
            self._text.object = (
                "This session has a job already; cancel it first."
                if self.running
                else "Choose a galaxy first."
            )
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
        try:
            self._job = self._jobs.submit(work, whose()[0])
        except Busy as error:
            self._text.object = f"Busy: {plain(error)}."
            return
        self._job_of = answer
        self._set_running(True)
        if pn.state.curdoc is not None and pn.state.curdoc.session_context is not None:
            self._callback = pn.state.add_periodic_callback(
                self.look,  # type: ignore[arg-type]
                _POLL,
            )

    def cancel(self) -> None:
        """Stop the job."""
        if self._job is not None:
            self._jobs.cancel(self._job)
            self._text.object = "Stopping …"

    async def look(self) -> None:
        """Bring progress up to date; hand over what is done."""
        job = self._job
        if job is None:
            return
        self._jobs.poll(job)
        self._bar.value = int(100 * job.share)
        title = plain(self._job_of.fit.title)
        if not job.over:
            left = "" if job.left != job.left else f", about {job.left:.0f} s left"
            self._text.object = f"{title}: {plain(job.text)} · {job.seconds:.0f} s{left}"
            return
        self._set_running(False)
        self._job = None
        if job.state == "done":
            self._text.object = _outcome(job)
            await self._hand_over(self._job_of, job.work.method, job.result)
        elif job.state == "failed":
            self._text.object = f"{title}: failed. {plain(job.error)}."
        else:
            self._text.object = f"{title}: cancelled after {job.seconds:.0f} s."

    async def wait(self) -> None:
        """Until the job is over; for tests and notebooks."""
        while self._job is not None:
            await self.look()
            await asyncio.sleep(0.05)

    def close(self) -> None:
        """Stop whatever runs; the session ends."""
        if self._job is not None:
            self._jobs.cancel(self._job)
            self._job = None

    async def _hand_over(self, answer, method, fit):
        """Give draws of MCMC or of the ladder to the page."""
        away = self.answer is None or self.answer.request != answer.request
        if method == "ladder":
            if away:
                self.distances.object = (
                    f"{plain(answer.fit.title)} is refined, but another galaxy is shown; choose "
                    "it again and refine it once more."
                )
            else:
                await self._refined(answer, fit)
            return
        columns, self._found[answer.request] = await on_worker(_comparison)(answer, fit)
        self._sampled(columns, answer.request)
        if away:
            self.distances.object = (
                f"MCMC of {plain(answer.fit.title)} is done; its draws wait at that galaxy."
            )
        else:
            self.distances.object = self._found[answer.request]

    def _set_running(self, running):
        self.running = running
        self._cancel.disabled = not running
        self._start.disabled = self._climb.disabled = running
        self._bar.visible = running
        if not running and self._callback is not None:
            self._callback.stop()
            self._callback = None

    def __panel__(self):
        return pn.Column(
            pn.FlexBox(
                self._method, self._start, self._climb, self._cancel, align_items="end", margin=0
            ),
            self._bar,
            self._text,
            self.distances,
            margin=0,
            sizing_mode="stretch_width",
        )


def _outcome(job):
    """What a job found, in a sentence."""
    fit, chains = job.result, job.result.draws.convergence
    method = job.work.method
    done = sampler_title(method) if method in METHODS.values() else "refined"
    text = f"**{plain(fit.title)}**: {done} in {job.seconds:.1f} s"
    if fit.verdict is not None:
        return f"{text}. {fit.verdict}"
    if chains is not None:
        state = "converged" if chains.converged else "**not converged**"
        text += (
            f", {state}: {chains.worst()}; acceptance {float(chains.acceptance):.2f}, "
            f"{int(chains.evaluations):,} models"
        )
    return f"{text}."


def _comparison(answer, fit):
    """`QUANTITIES` of MCMC's draws, and a table of distances to them."""
    rows = [
        "| to MCMC | mean distance [σ] | worst | distinguished (C2ST; 0.5 is never) |",
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
            f"| {label} | {d.wasserstein.mean():.3f} | {d.wasserstein[worst]:.3f} "
            f"({NAMES[worst]}) | {d.c2st:.3f} |"
        )
    rows.append(
        f"| two halves of MCMC | {d.wasserstein_floor.mean():.3f} | "
        f"{d.wasserstein_floor.max():.3f} | {d.c2st_floor:.3f} |"
    )
    return quantity_columns(thin), "\n".join(rows)

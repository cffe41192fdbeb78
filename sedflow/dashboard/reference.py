"""MCMC beside the network, and the ladder: start, watch, cancel; the result goes to the caller."""

import asyncio
from dataclasses import replace

import panel as pn
import param

from sedflow.dashboard.jobs import Busy, Work, shared_jobs
from sedflow.dashboard.prose import prose

__all__ = ["ReferenceView"]

_POLL = 250  # ms between two looks at the job
METHODS = {
    "tempered populations (default)": "smc",
    "emcee": "emcee",
    "zeus": "zeus",
}


class ReferenceView(pn.viewable.Viewer):
    """Buttons, progress and outcome of long jobs.

    Parameters
    ----------
    asked : callable, returns the Answer whose galaxy is meant, or None
    done : async callable(answer, method, fit, seconds), told of a result
    """

    running = param.Boolean(default=False)

    def __init__(self, asked, done, jobs=None, **params):
        super().__init__(**params)
        self._asked, self._done = asked, done
        self._jobs = jobs or shared_jobs()
        self._job = self._answer = self._callback = None
        self._method = pn.widgets.Select(label="sampler", options=METHODS, width=230)
        self._start = pn.widgets.Button(label="Run MCMC", color="primary", align="end")
        self._climb = pn.widgets.Button(
            label="Climb the ladder", align="end",
            description="Weights, proposals that learn, MCMC: as far as this galaxy needs",
        )  # fmt: skip
        self._cancel = pn.widgets.Button(label="Cancel", disabled=True, align="end")
        self._bar = pn.indicators.Progress(
            value=0, max=100, sizing_mode="stretch_width", visible=False, height=18
        )
        self._text = prose("", margin=(0, 10))
        self._start.on_click(lambda event: self.start(self._method.value))
        self._climb.on_click(lambda event: self.start("ladder"))
        self._cancel.on_click(lambda event: self.cancel())

    def start(self, method):
        """Begin a job for the galaxy that is shown now."""
        answer = self._asked()
        if answer is None or self.running:
            self._text.object = (
                "This session has a job already; cancel it first." if self.running
                else "Choose a galaxy first."
            )  # fmt: skip
            return
        fit = answer.fit
        work = Work(
            method, fit.photometry, max(answer.request.n, 2000), answer.request.seed,
            answer.request.weights, fit.model.grid.name, fit.prior.sfh,
        )  # fmt: skip
        try:
            self._job = self._jobs.submit(work)
        except Busy as error:
            self._text.object = f"Busy: {error}."
            return
        self._answer = answer
        self._set_running(True)
        if pn.state.curdoc is not None and pn.state.curdoc.session_context is not None:
            self._callback = pn.state.add_periodic_callback(self.look, _POLL)

    def cancel(self):
        """Stop the job."""
        if self._job is not None:
            self._jobs.cancel(self._job)
            self._text.object = "Stopping …"

    async def look(self):
        """Bring progress up to date; hand over what is done."""
        job = self._job
        if job is None:
            return
        self._jobs.poll(job)
        self._bar.value = int(100 * job.share)
        title = self._answer.fit.title
        if not job.over:
            left = "" if job.left != job.left else f", about {job.left:.0f} s left"
            self._text.object = f"{title}: {job.text} · {job.seconds:.0f} s{left}"
            return
        self._set_running(False)
        self._job = None
        if job.state == "done":
            fit = replace(job.result, model=self._answer.fit.model)
            self._text.object = self._said(job, fit)
            await self._done(self._answer, job.work.method, fit, job.seconds)
        elif job.state == "failed":
            self._text.object = f"{title}: failed. {job.error}."
        else:
            self._text.object = f"{title}: cancelled after {job.seconds:.0f} s."

    async def wait(self):
        """Until the job is over; for tests and notebooks."""
        while self._job is not None:
            await self.look()
            await asyncio.sleep(0.05)

    def close(self):
        """Stop whatever runs; the session ends."""
        if self._job is not None:
            self._jobs.cancel(self._job)
            self._job = None

    def _said(self, job, fit):
        chains = fit.draws.convergence
        text = f"**{fit.title}**: {job.work.method} in {job.seconds:.1f} s"
        if fit.verdict is not None:
            return f"{text}. {fit.verdict}"
        if chains is not None:
            state = "converged" if chains.converged else "**not converged**"
            text += (
                f", {state}: {chains.worst()}; acceptance {float(chains.acceptance):.2f}, "
                f"{int(chains.evaluations):,} models"
            )
        return f"{text}."

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
            pn.Row(self._method, self._start, self._climb, self._cancel),
            self._bar,
            self._text,
            sizing_mode="stretch_width",
        )

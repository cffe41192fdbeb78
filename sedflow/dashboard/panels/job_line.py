"""A long job of this page: its progress, what came of it, and the button that cancels it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import panel as pn
import param

from sedflow.dashboard.server.held import HELD
from sedflow.dashboard.server.jobs import Job, Jobs, Work, shared_jobs
from sedflow.dashboard.server.visitors import whose
from sedflow.dashboard.widgets import plain, prose
from sedflow.errors import SedflowError

__all__ = ["JobLine"]

_POLL = 250  # ms between two looks at the job
_UNKNOWN = -1  # value of a bar that moves, as nobody knows how far the job is


#: A job that begins comes into view, as soon as its card is there: on a tablet it is below the
#: screen, and nothing seemed to happen.
_REVEAL = """
let looks = 0
const look = cb_obj.visible && setInterval(() => {
  const there = window.Bokeh?.index.find_one(cb_obj)?.el?.getClientRects().length
  if (!there && ++looks < 20) return
  clearInterval(look)
  window.sedflow?.reveal(cb_obj)
}, 300)
"""


class JobLine(pn.viewable.Viewer):
    """Runs one job at a time; `cancel_button` stands where the panel puts it.

    Parameters
    ----------
    done : async callable(job)
        Gets a job that is done.
    jobs : Jobs, optional
        Default: those of the server.
    """

    running = param.Boolean(default=False)

    def __init__(
        self, done: Callable[[Job], Awaitable[None]], jobs: Jobs | None = None, **params: Any
    ):
        super().__init__(**params)
        self._done, self._jobs = done, jobs or shared_jobs()
        self._job: Job | None = None
        self._title = self._visitor = ""
        self._callback: Any = None
        self.cancel_button = pn.widgets.Button(label="Cancel", disabled=True, align="end")
        self.cancel_button.on_click(lambda event: self.cancel())
        self._bar = pn.indicators.Progress(
            value=0, max=100, sizing_mode="stretch_width", visible=False, height=18
        )
        self._bar.jscallback(visible=_REVEAL)
        self._text = prose("", margin=(0, 10))

    def say(self, text: str) -> None:
        """Show a text, which is Markdown."""
        self._text.object = text

    def begin(self, work: Work, title: str) -> bool:
        """Begin a job about a galaxy; False, and a sentence, where that cannot be now."""
        if self.running:
            self.say("This page has a job already; cancel it first.")
            return False
        self._visitor = whose()[0]
        try:
            with HELD.asking(self._visitor, work.n):  # what is found waits at its galaxy
                self._job = self._jobs.submit(work, self._visitor)
        except SedflowError as error:
            self.say(f"Busy: {plain(error)}.")
            return False
        self._title = plain(title)
        self._bar.value = _UNKNOWN
        self._set_running(True)
        if pn.state.curdoc is not None and pn.state.curdoc.session_context is not None:
            self._callback = pn.state.add_periodic_callback(
                self.look,  # type: ignore[arg-type]
                _POLL,
            )
        return True

    def cancel(self) -> None:
        """Stop the job."""
        if self._job is not None:
            self._jobs.cancel(self._job)
            self.say("Stopping …")

    async def look(self) -> None:
        """Bring progress up to date; hand over what is done."""
        job = self._job
        if job is None:
            return
        self._jobs.poll(job)
        self._bar.value = int(100 * job.share) if job.share > 0 else _UNKNOWN
        if not job.over:
            left = "" if job.left != job.left else f", about {job.left:.0f} s left"
            left = ", about to end" if job.left < 1 else left
            self.say(f"{self._title}: {plain(job.text)} · {job.seconds:.0f} s{left}")
            return
        self._set_running(False)
        self._job = None
        if job.state == "done":
            HELD.hold(self._visitor, job.result, job.work.n)
            await self._done(job)
        elif job.state == "failed":
            self.say(f"{self._title}: failed. {plain(job.error)}.")
        else:
            self.say(f"{self._title}: cancelled after {job.seconds:.0f} s.")

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

    def _set_running(self, running):
        self.running = running
        self.cancel_button.disabled = not running
        self._bar.visible = running
        if not running and self._callback is not None:
            self._callback.stop()
            self._callback = None

    def __panel__(self):
        return pn.Column(self._bar, self._text, margin=0, sizing_mode="stretch_width")

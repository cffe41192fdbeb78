"""Long work of the dashboard: one process beside the server, jobs in a short queue.

MCMC takes seconds to minutes and holds the interpreter's lock for much of it, so it runs in a
process of its own, which stays warm. A visitor has one job at a time; a server runs one and
lets a few wait; whoever comes later is told so.
"""

import multiprocessing
import queue
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing.synchronize import Event
from typing import Any

from sedflow.dashboard.grids import ComparedGrids, compared_grids
from sedflow.dashboard.server.aside import begin_beside_a_server
from sedflow.dashboard.server.turns import Busy
from sedflow.dashboard.server.visitors import VISITORS, whose
from sedflow.errors import Cancelled, SedflowError
from sedflow.fits.fit import Fit, fit
from sedflow.photometry import Photometry

__all__ = ["Busy", "Job", "Jobs", "Work", "shared_jobs"]

_CANCEL_SECONDS = 5.0  # after which a process that does not heed is ended


@dataclass(frozen=True, eq=False)
class Work:
    """What to run: MCMC by `method`, with "ladder" whatever rung the galaxy needs, with "grids" all
    SSP grids one after another.

    weights : name or path of the network, for the ladder
    ssp : name of the stellar library, for MCMC
    """

    method: str
    galaxy: Photometry
    n: int
    seed: int
    weights: str
    ssp: str
    prior: str = "flat"


@dataclass(eq=False)  # two that ask for the same are still two
class Job:
    """A job as its session sees it; `jobs.poll(job)` brings it up to date.

    state : "waiting", "running", "done", "failed" or "cancelled"
    share, text : how far it is
    result : Fit, or of "grids" ComparedGrids, once done
    error : sentence, once failed
    """

    work: Work
    visitor: str = ""
    state: str = "waiting"
    share: float = 0.0
    text: str = ""
    result: Any = None
    error: str = ""
    started: float = float("nan")
    seconds: float = 0.0
    _stop_asked_at: float | None = field(default=None, repr=False)

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("done", "failed", "cancelled")

    @property
    def left(self) -> float:
        """Seconds left, by the share done; NaN before anything is."""
        return self.seconds * (1 / self.share - 1) if self.share > 0.02 else float("nan")


class Jobs:
    """A process that runs one job at a time, and those that wait for it.

    Parameters
    ----------
    waiting : int
        Jobs that may wait.
    each : int
        Jobs of one visitor, running or waiting.
    """

    def __init__(self, waiting: int = 4, each: int = 1):
        self.waiting, self.each = waiting, each
        self._context = multiprocessing.get_context("spawn")
        self._queue: deque[Job] = deque()
        self._running: Job | None = None
        self._process = None
        self._lock = threading.RLock()

    def submit(self, work: Work, visitor: str | None = None) -> Job:
        """Run now, or wait; `Busy` if too many do, or if the visitor has a job already.

        visitor : by default, whoever's page asks
        """
        visitor = whose()[0] if visitor is None else visitor
        with self._lock:
            self._advance()
            here = [*self._queue, *([] if self._running is None else [self._running])]
            mine = sum(job.visitor == visitor for job in here)
            if visitor and mine >= self.each:
                raise Busy(
                    f"your address has {mine} long job{'s'[: mine != 1]} already (limit "
                    f"{self.each}); cancel it in its own tab, or wait until it is over"
                )
            if len(self._queue) >= self.waiting:
                raise Busy(
                    f"the server runs one long job, and {len(self._queue)} others wait for it "
                    f"(limit {self.waiting}); try again in a minute"
                )
            job = Job(work, visitor)
            self._queue.append(job)
            self._advance()
            return job

    def poll(self, job: Job) -> Job:
        """Bring jobs up to date; returns the one asked for."""
        with self._lock:
            self._advance()
            if job.state == "waiting":
                job.text = f"waiting, {self._queue.index(job) + 1} in the queue"
        return job

    def cancel(self, job: Job) -> None:
        """Ask a job to stop; it ends within half a second of its next look."""
        with self._lock:
            if job in self._queue:
                self._queue.remove(job)
                job.state = "cancelled"
            elif job is self._running and not job.over:
                self._stop.set()
                job._stop_asked_at = job._stop_asked_at or time.monotonic()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._process is not None:
                self._process.terminate()
                self._process.join(5)
                self._process = None

    def _advance(self):
        job = self._running
        if job is not None:
            self._listen(job)
            if job.over:
                self._running = None
        if self._running is None and self._queue:
            self._begin(self._queue.popleft())

    def _begin(self, job):
        if self._process is None or not self._process.is_alive():
            self._start_process()
        self._stop.clear()
        self._to.put(job.work)
        job.state, job.text, job.started = "running", "starting", time.monotonic()
        self._running = job

    def _start_process(self):
        context = self._context
        self._to, self._back = context.Queue(), context.Queue()
        self._stop = context.Event()
        self._process = context.Process(
            target=_work_forever, args=(self._to, self._back, self._stop), daemon=True
        )
        self._process.start()

    def _listen(self, job):
        job.seconds = time.monotonic() - job.started
        alive = self._process.is_alive()
        while True:
            try:
                kind, value = self._back.get_nowait()
            except queue.Empty:
                break
            if kind == "progress":
                job.share, job.text = value
            elif kind == "done":
                job.state, job.result, job.share = "done", value, 1.0
            elif kind == "cancelled":
                job.state = "cancelled"
            else:
                job.state, job.error = "failed", value
            if job.over:
                return
        late = job._stop_asked_at and time.monotonic() - job._stop_asked_at > _CANCEL_SECONDS
        if late:
            self.close()
            job.state = "cancelled"
        elif not alive:
            self._process = None
            job.state = "failed"
            job.error = "the process that ran this job ended; run it again, with fewer draws"


_SHARED = None
_SHARED_LOCK = threading.Lock()


def shared_jobs() -> Jobs:
    """The one queue of this server process."""
    global _SHARED
    with _SHARED_LOCK:
        if _SHARED is None:
            limits = VISITORS.limits
            _SHARED = Jobs(limits.waiting_jobs, limits.visitor_jobs)
        return _SHARED


def _work_forever(inbox, outbox, stop):
    """Run what comes, one after another, in a process of its own."""
    begin_beside_a_server()
    while True:
        work = inbox.get()
        last = [0.0]

        def tell(share, text, last=last):
            if time.monotonic() - last[0] > 0.2:
                last[0] = time.monotonic()
                outbox.put(("progress", (float(share), str(text))))

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # convergence is in the figures
                outbox.put(("done", run(work, tell, stop)))
        except Cancelled:
            outbox.put(("cancelled", None))
        except SedflowError as error:
            outbox.put(("failed", str(error)))
        except Exception as error:  # the server must live on, whatever a job does
            outbox.put(("failed", f"{type(error).__name__}: {error}; please report this"))


def run(work: Work, tell: Callable[[float, str], None], stop: Event) -> Fit | ComparedGrids:
    """What a job asks for."""
    if work.method == "grids":
        return compared_grids(work.galaxy, work.n, work.seed, work.prior, tell, stop)
    from sedflow.model.sed import default_model
    from sedflow.network.weights import cached_posterior
    from sedflow.parameters import Prior
    from sedflow.sampling.mcmc import MCMCSampler

    model, prior = default_model(work.ssp), Prior(work.prior)
    method = "smc" if work.method == "ladder" else work.method
    mcmc = MCMCSampler(method, model=model, prior=prior, progress=tell, cancel=stop)
    if work.method != "ladder":
        out = fit(work.galaxy, mcmc, n=work.n, seed=work.seed, model=model, trust=None)
    else:
        tell(0.0, "learning better draws")  # MCMC tells its share, where it comes to that
        out = fit(
            work.galaxy,
            cached_posterior(work.weights),
            n=work.n,
            seed=work.seed,
            model=model,
            prior=prior,
            trust="auto",
            mcmc=mcmc,
        )
    return replace(out)  # without what was computed from the draws: the page computes it again

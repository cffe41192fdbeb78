"""Work of a lesson: jobs on the worker's thread, whose late results are dropped."""

import asyncio
from collections.abc import Callable

import panel as pn

from sedflow.dashboard.server.turns import Superseded
from sedflow.dashboard.server.work import beside, on_worker
from sedflow.errors import SedflowError


class LessonWork:
    """Runs one job after another; only the newest one may still change the page.

    done : callable(then, result, error), called with the document's lock
    """

    def __init__(self, done: Callable):
        self._done = done
        self._newest = 0
        self._tasks: set[asyncio.Task] = set()

    async def ready(self) -> None:
        """Wait until nothing is being computed."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def drop(self) -> None:
        """Whatever is being computed comes too late."""
        self._newest += 1

    def run(self, job: Callable, then: Callable, aside: bool = False) -> None:
        """job() on the worker, then(result) on the page.

        aside : whether job takes seconds and runs in the process beside the server; then it is a
            module's function, or a partial of one
        """
        self._newest += 1
        number = self._newest
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # a script or a test without a loop: nothing to keep free
            self._finish(number, then, *_outcome(job))
            return
        task = asyncio.ensure_future(self._ask(number, job, then, aside))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, number, job, then, aside):
        document = pn.state.curdoc
        call = beside(_outcome, self) if aside else on_worker(_outcome, latest=self)
        try:
            result, error = await call(job)
        except Superseded:  # by a newer one, or its page has left
            return
        except SedflowError as full:  # of the queue
            result, error = None, str(full)
        if document is None or document.session_context is None:
            self._finish(number, then, result, error)
        else:  # with the document's lock, which a task does not hold

            def finish():
                self._finish(number, then, result, error)

            # What changes before the browser has connected may never reach it.
            document.add_next_tick_callback(
                lambda: finish() if pn.state.loaded else pn.state.onload(finish)
            )

    def _finish(self, number, then, result, error):
        if number == self._newest:
            with pn.io.hold():
                self._done(then, result, error)


def _outcome(job):
    """Result and None, or None and the sentence of what failed; bugs propagate."""
    try:
        return job(), None
    except SedflowError as error:
        return None, str(error)

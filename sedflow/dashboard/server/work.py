"""Work off the event loop: three worker threads of this process, on which visitors take turns."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from sedflow.dashboard.server.aside import run_aside
from sedflow.dashboard.server.loop_time import LOOP_TIME
from sedflow.dashboard.server.rests import FREE
from sedflow.dashboard.server.turns import Worker
from sedflow.dashboard.server.visitors import VISITORS, whose

__all__ = ["ASIDE", "RUNS", "beside", "leave", "on_worker"]

_WORKER = Worker(others=VISITORS.others, rest=LOOP_TIME.rest, free=FREE, charge=LOOP_TIME.charge)

#: The thread that waits for the process beside the server.
ASIDE = Worker(
    "sedflow-aside", others=VISITORS.others, rest=lambda visitor: 2.0 * LOOP_TIME.rest(visitor)
)

#: The thread that asks for rows of the server's run.
RUNS = Worker("sedflow-run", others=VISITORS.others, free=FREE)


def leave(session: str) -> None:
    """Give up what a session that has ended still waits for."""
    for worker in (_WORKER, ASIDE, RUNS):
        worker.leave(session)


def on_worker(
    function: Callable, latest: object = None, worker: Worker | None = None
) -> Callable[..., Awaitable]:
    """An async function that runs `function` on the process-wide worker thread, in turns.

    latest : if given, what waits with the same one is superseded
    worker : another one than the usual
    """

    async def run(*args):
        visitor, session = whose()
        task = (worker or _WORKER).submit(partial(function, *args), visitor, session, latest)
        return await asyncio.wrap_future(task)

    return run


def beside(function: Callable, latest: object = None) -> Callable[..., Awaitable]:
    """An async function that runs a module's `function` in the process beside the server, in turns.

    What holds the interpreter's lock for long belongs there. A notebook has no server, and may
    have models that the process does not know: there the worker thread runs the function.

    latest : if given, what waits with the same one is superseded
    """

    async def run(*args):
        if whose()[1]:
            return await on_worker(partial(run_aside, function), latest, ASIDE)(*args)
        return await on_worker(function, latest)(*args)

    return run

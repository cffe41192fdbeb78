"""What follows an answer, its change or its refined draws, computed where it makes nobody wait.

With many draws that takes seconds, in which the server's own worker thread would serve nobody
else: the process beside the server does it.
"""

from dataclasses import replace

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.engine import Engine, done_aside
from sedflow.dashboard.server.aside import LARGE
from sedflow.dashboard.server.held import HELD
from sedflow.dashboard.server.visitors import whose
from sedflow.dashboard.server.work import ASIDE, on_worker
from sedflow.dashboard.what_if import Change, Changed
from sedflow.fits.fit import Fit


async def changed(engine: Engine, answer: Answer, change: Change, latest: object = None) -> Changed:
    """`engine.changed`, off the event loop, when this visitor's turn has come.

    latest : what waits with the same one is superseded

    Raises
    ------
    SedflowError
        The pages of the visitor hold too many draws already, or the change cannot be.
    """
    n, visitor = answer.request.n, whose()[0]
    with HELD.asking(visitor, n):
        found = await _done(engine, "changed", n, latest, answer, change)
        HELD.hold(visitor, found.answer, n)
    return found


async def refined(engine: Engine, answer: Answer, better: Fit, steps: str = "auto") -> Answer:
    """`engine.with_fit`, off the event loop, when this visitor's turn has come.

    Raises
    ------
    SedflowError
        The pages of the visitor hold too many draws already.
    """
    n, visitor = better.draws.n, whose()[0]
    with HELD.asking(visitor, n):
        found = await _done(engine, "with_fit", n, None, answer, better, steps)
        HELD.hold(visitor, found, n)
    return found


async def _done(engine, what, n, latest, answer, *more):
    if not (engine.aside and n > LARGE):
        return await on_worker(getattr(engine, what), latest=latest)(answer, *more)
    own = engine.own.get(answer.request.galaxy)
    call = on_worker(done_aside, latest=latest, worker=ASIDE)
    return await call(what, answer.request, own, _bare(answer), *more)


def _bare(answer):
    """An answer without what was computed from its draws: a tenth of it is sent."""
    network = replace(answer.network)
    fit = network if answer.fit is answer.network else replace(answer.fit)
    return replace(answer, fit=fit, network=network)

"""Whose turn it is: work of many visitors on one thread, and pages built one at a time.

Visitors take turns, then the sessions of each; how much any of them asks for changes how long
it waits itself, not how long others do. The queues have stated bounds.
"""

import asyncio
import contextlib
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from sedflow.dashboard.server.rests import Rests
from sedflow.dashboard.server.waiting import Waiting
from sedflow.errors import SedflowError

__all__ = ["Builds", "Busy", "Superseded", "Worker"]

_LOOK = 1.0  # seconds between two looks at whether a visitor must still rest
_STEPS = 40  # of the loop, between two pages that are built


class Busy(SedflowError):
    """A queue is full, or a visitor has all the work that one may have."""


class Superseded(SedflowError):
    """Something newer of the same session was asked for before this was begun."""


@dataclass
class _Task:
    call: object
    visitor: str = ""
    latest: object = None
    future: Future = field(default_factory=Future)


class Worker:
    """A thread that does what visitors ask for, in turns.

    Parameters
    ----------
    session_waiting, visitor_waiting, waiting : int
        Tasks of one session, of one visitor, and of all, that may wait.
    others : callable, optional
        Whether anybody but a visitor is active: then the visitor rests between two tasks.
    rest : callable
        How long a visitor rests, in times of what its last task took: the result is still to be
        drawn.
    free : float
        Seconds of rest that a visitor may owe: see `Rests`.
    charge : callable, optional
        Told of a visitor and the seconds that its task took.
    """

    def __init__(
        self,
        name="sedflow",
        session_waiting: int = 32,
        visitor_waiting: int = 128,
        waiting: int = 512,
        others=None,
        rest: Callable[[str], float] = lambda visitor: 1.0,
        free: float = 0.0,
        charge: Callable[[str, float], None] = lambda visitor, seconds: None,
    ):
        self._name = name
        self._limits = session_waiting, visitor_waiting, waiting
        self._others, self._rest = others or (lambda visitor: False), rest
        self._charge = charge
        self._rests = Rests(free)
        self._queues: OrderedDict[str, OrderedDict[str, deque]] = OrderedDict()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(self, call, visitor="", session="", latest=None) -> Future:
        """Have `call()` done when its turn comes.

        latest : if given, waiting tasks of the session with the same one are superseded

        Raises
        ------
        Busy
            Too many tasks wait.
        """
        task = _Task(call, visitor, latest)
        with self._changed:
            mine = self._queues.setdefault(visitor, OrderedDict()).setdefault(session, deque())
            if latest is not None:
                for old in [t for t in mine if t.latest is latest]:
                    mine.remove(old)
                    old.future.set_exception(Superseded("a newer request took its place"))
            by_visitor = {v: sum(map(len, qs.values())) for v, qs in self._queues.items()}
            waiting = len(mine), by_visitor[visitor], sum(by_visitor.values())
            for tasks, limit in zip(waiting, self._limits, strict=True):
                if tasks >= limit:
                    raise Busy(
                        f"{tasks} tasks wait, and the limit is {limit}; try again in a minute"
                    )
            mine.append(task)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify()
        return task.future

    def leave(self, session: str) -> None:
        """Give up what a session that has ended still waits for."""
        with self._changed:
            left = [queues.pop(session, ()) for queues in self._queues.values()]
        for task in (task for tasks in left for task in tasks):
            if task.future.set_running_or_notify_cancel():
                task.future.set_exception(Superseded("the page that asked has left"))

    def _work(self):
        while True:
            with self._changed:
                while (task := self._next()) is None:
                    # The others may be gone before a rest is over: then nobody needs it.
                    self._changed.wait(None if self._pause is None else min(self._pause, _LOOK))
            begun = time.monotonic()
            if task.future.set_running_or_notify_cancel():
                try:
                    result = task.call()
                except BaseException as error:  # whoever asked is told, and the thread lives on
                    task.future.set_exception(error)
                else:
                    task.future.set_result(result)
                    del result
            had = time.monotonic() - begun
            self._rests.had(task.visitor, had, self._rest(task.visitor) * had)
            self._charge(task.visitor, had)
            del task

    def _next(self):
        """The first task of the session, of the visitor, whose turn is longest ago."""
        self._pause = None
        for visitor in list(self._queues):
            left = self._rests.left(visitor)
            if left > 0 and self._others(visitor):
                self._pause = min(left, self._pause or left)
                continue
            sessions = self._queues[visitor]
            for session in list(sessions):
                tasks = sessions[session]
                if not tasks:
                    del sessions[session]
                    continue
                task = tasks.popleft()
                sessions.move_to_end(session)
                self._queues.move_to_end(visitor)
                return task
            del self._queues[visitor]
        return None


class Builds:
    """Pages are built on the event loop, one at a time, and visitors take turns.

    Who comes first, `Waiting` says: a newcomer waits for the page that is built, and not for one of
    each of those who open many.

    Parameters
    ----------
    rests : callable
        Seconds that a visitor still has to rest before its next page.
    waiting : int
        Pages of one visitor that may wait.
    pages : callable, optional
        How many pages a visitor has.
    """

    def __init__(
        self,
        rests: Callable[[str], float],
        waiting: int = 40,
        pages: Callable[[str], int] = lambda visitor: 0,
    ):
        self._rests, self._waiting, self._order = rests, waiting, Waiting(pages)
        self._queues: dict[str, deque[tuple[float, asyncio.Future]]] = {}
        self._busy = False
        self._timer = None

    @contextlib.asynccontextmanager
    async def turn(self, visitor: str, waits: Callable[[int], None] = lambda others: None):
        """Inside, this page is the one that is built.

        waits : callable(number), told before it waits how many of the visitor's are before it

        Raises
        ------
        Busy
            Too many pages of this visitor wait.
        """
        queue = self._queues.setdefault(visitor, deque())
        if len(queue) >= self._waiting:
            raise Busy(
                f"{len(queue)} pages of your address wait to be built, and the limit is "
                f"{self._waiting}; reload this one in a minute"
            )
        waits(len(queue))
        mine = asyncio.get_running_loop().create_future()
        queue.append((time.monotonic(), mine))
        self._advance()
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._finish()
            raise
        try:
            yield
        finally:
            self._finish()

    def _finish(self):
        # Not before what else is ready has had its turns on the loop: a request or a handshake
        # needs several, and a crowd that follows one link would have all of them.
        asyncio.get_running_loop().call_later(0.01, self._let_others, _STEPS)

    def _let_others(self, steps):
        loop = asyncio.get_running_loop()
        if steps:
            loop.call_soon(self._let_others, steps - 1)
            return
        self._busy = False
        self._advance()

    def _due(self, visitor):
        return self._order.due(visitor, self._queues[visitor][0][0])

    def _advance(self):
        if self._busy:
            return
        soonest = None
        for visitor, queue in list(self._queues.items()):
            while queue and queue[0][1].done():  # given up
                queue.popleft()
            if not queue:
                del self._queues[visitor]
        for visitor in sorted(self._queues, key=self._due):
            rests = self._rests(visitor)
            if rests > 0:
                soonest = rests if soonest is None else min(soonest, rests)
                continue
            self._busy = True
            self._order.had(visitor)
            self._queues[visitor].popleft()[1].set_result(None)
            return
        if soonest is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(soonest, self._advance)

"""Time on the event loop, which all visitors share: who had much of it rests.

Bokeh builds a page and changes a document, and Panel acts on the change, on the loop. What that
takes is measured step by step, for each visitor; while others are active, a visitor waits as long
as it had the loop before it has it again; who has many pages open waits four times as long. Who
asks for little does not wait: a second is free, and comes back while a visitor rests. Long steps
come apart (`spaces`).
"""

import asyncio
import contextlib
import inspect
import time
import weakref
from collections.abc import Awaitable, Callable, Generator
from functools import partial

from bokeh.server.session import ServerSession

from sedflow.dashboard.server.rests import FREE, Rests
from sedflow.dashboard.server.spaces import Spaces
from sedflow.dashboard.server.visitors import VISITORS, Activity

__all__ = ["LOOP_TIME", "LoopTime"]

_LONGEST = 5.0  # seconds that anybody rests
_FEW = 3  # open pages; who has more rests longer


class LoopTime:
    """What visitors had of the loop.

    Parameters
    ----------
    rest : float
        How long a visitor rests while others are active, in times of what it had.
    many : float
        How many times as long a visitor rests who has more than a few pages open.
    free : float
        Seconds of rest that a visitor may owe, so that who asks now and then never waits.
    activity : Activity, optional
        Who else is active; a visitor who had the loop is.
    pages : callable, optional
        How many pages a visitor has open.
    """

    def __init__(
        self,
        rest: float = 1.0,
        many: float = 4.0,
        free: float = 0.0,
        activity: Activity | None = None,
        pages: Callable[[str], int] = lambda visitor: 1,
        clock=time.monotonic,
    ):
        self._rest, self._many, self._pages = rest, many, pages
        self._rests = Rests(free, _LONGEST, clock)
        self._activity = activity or Activity(clock=clock)
        self._spaces = Spaces(pages)
        self._doors: weakref.WeakValueDictionary[str, _Door] = weakref.WeakValueDictionary()

    def rest(self, visitor: str) -> float:
        """How long a visitor rests, in times of what it had."""
        return self._rest * (self._many if self._pages(visitor) > _FEW else 1.0)

    def charge(self, visitor: str, seconds: float) -> None:
        """A visitor had the loop, or held the interpreter on another thread."""
        self._activity.mark(visitor)
        self._rests.had(visitor, seconds, self.rest(visitor) * seconds)

    def left(self, visitor: str) -> float:
        """Seconds that a visitor still has to rest."""
        left = self._rests.left(visitor)
        return left if left > 0 and self._activity.others(visitor) else 0.0

    async def turn(self, visitor: str, new: bool = False) -> None:
        """Wait until the visitor has rested; its pages take turns.

        new : whether this is a message: what the earlier ones set off comes before it, so that
            a message waits for the other pages once, and not again for what it sets off
        """
        door = self._doors.setdefault(visitor, _Door())
        async with door.outer if new else contextlib.nullcontext(), door.inner:
            # One of its pages at a time: sixteen that are ready would have the loop in one step.
            await asyncio.sleep(0)
            while (left := self.left(visitor)) > 0:
                await asyncio.sleep(left)
            await self._spaces.wait(visitor)

    async def measured(self, visitor: str, work: Awaitable):
        """The result of `work`, each step of which is charged."""

        def had(seconds):
            self.charge(visitor, seconds)
            self._spaces.had(seconds)

        return await _Measured(work, had)

    def ration(self, session: ServerSession, visitor: str) -> None:
        """Let all callbacks of a session, locked or not, wait for their turn, and be charged."""
        if "with_document_locked" in vars(session):
            return
        there = weakref.ref(session)

        async def with_document_locked(function, *args, **kwargs):
            await self.turn(visitor)
            here = there()
            if here is None or here.destroyed:
                return None
            locked = ServerSession.with_document_locked(here, function, *args, **kwargs)
            return await self.measured(visitor, locked)

        def wrapped(callback):
            if not getattr(callback, "nolock", False):
                return ServerSession._wrap_document_callback(there(), callback)

            async def unlocked(*args, **kwargs):
                await self.turn(visitor)
                return await self.measured(visitor, _result(callback, *args, **kwargs))

            return unlocked

        vars(session).update(
            with_document_locked=with_document_locked, _wrap_document_callback=wrapped
        )


async def _result(callback, *args, **kwargs):
    """What a callback returns, now or when it is awaited."""
    result = callback(*args, **kwargs)
    return await result if inspect.isawaitable(result) else result


class _Door:
    """The turns of a visitor: of the messages that wait, one stands at the inner door."""

    def __init__(self):
        self.outer, self.inner = asyncio.Lock(), asyncio.Lock()


class _Measured:
    """An awaitable whose steps on the loop are timed, and not what it waits for."""

    def __init__(self, work: Awaitable, charge: Callable[[float], None]):
        self._work, self._charge = work, charge

    def __await__(self) -> Generator:
        steps = self._work.__await__()
        resume: Callable = partial(next, steps)
        while True:
            begun = time.perf_counter()
            try:
                waits_for = resume()
            except StopIteration as end:
                return end.value
            finally:
                self._charge(time.perf_counter() - begun)
            try:
                yield waits_for
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:  # of what it waited for: the work's to handle
                resume = partial(steps.throw, error)
            else:
                resume = partial(next, steps)


#: What the visitors of this server process had of its loop.
LOOP_TIME = LoopTime(free=FREE, activity=VISITORS.activity, pages=VISITORS.count)

"""Long steps on the event loop come apart, so that what takes many short ones gets between them."""

import asyncio
import time
from collections.abc import Callable

from sedflow.dashboard.server.waiting import Waiting

__all__ = ["Spaces"]

_LONG = 0.05  # seconds of a step after which others have the loop
_PASSES = 40  # of the loop, after a long step; a request or a handshake needs several
_ONE = 2  # passes that a step which was waited for has to begin


class Spaces:
    """Who asks for a long step waits until others have had the loop since the last one.

    A page that opens needs the loop some twenty times, for a moment each. Where several visitors
    have long steps ready, all of them came between any two of these: a newcomer waited a minute.
    Who of those who wait is first, `Waiting` says.

    pages : how many pages a visitor has
    """

    def __init__(self, pages: Callable[[str], int]):
        self._order = Waiting(pages)
        self._waiting: list[tuple[str, float, asyncio.Future]] = []
        self._left, self._is_going = 0, False

    async def wait(self, visitor: str) -> None:
        """Wait until the last long step is some passes of the loop ago, and those before it had."""
        if self._is_going:
            mine = asyncio.get_running_loop().create_future()
            self._waiting.append((visitor, time.monotonic(), mine))
            await mine

    def had(self, seconds: float) -> None:
        """A step on the loop took so long."""
        if seconds < _LONG:
            return
        self._left = _PASSES
        if not self._is_going:
            self._is_going = True
            asyncio.get_running_loop().call_soon(self._pass)

    def _pass(self):
        if self._left > 0:
            self._left -= 1
        else:
            self._waiting = [one for one in self._waiting if not one[-1].done()]
            if not self._waiting:
                self._is_going = False
                return
            first = min(self._waiting, key=lambda one: self._order.due(one[0], one[1]))
            self._waiting.remove(first)
            self._order.had(first[0])
            first[-1].set_result(None)
            self._left = _ONE
        asyncio.get_running_loop().call_soon(self._pass)

"""Who of those who wait comes next: the one who waits longest, newcomers a little before others."""

import time
from collections.abc import Callable

__all__ = ["Waiting"]

_EACH = 2.0  # seconds that each page of a visitor counts as less waiting
_COUNTED = 2  # pages: a class behind one router has its share, some seconds later than others
_KEPT, _MOST = 60.0, 256  # seconds that a turn is remembered, and visitors from which old ones go


class Waiting:
    """The order of those who wait for one thing, such as the event loop.

    A visitor waits since it asked or had its last turn, and each of its pages takes some seconds
    off: a newcomer waits for nobody who opens many pages, and nobody waits without end because
    others have fewer.

    pages : how many pages a visitor has
    """

    def __init__(self, pages: Callable[[str], int]):
        self._pages = pages
        self._last: dict[str, float] = {}

    def due(self, visitor: str, since: float) -> float:
        """A time, of which the earliest comes first; `since` when it asked (time.monotonic)."""
        pages = min(self._pages(visitor), _COUNTED)
        return max(since, self._last.get(visitor, since)) + _EACH * pages

    def had(self, visitor: str) -> None:
        """The visitor has a turn now."""
        now = time.monotonic()
        if len(self._last) >= _MOST:
            self._last = {v: t for v, t in self._last.items() if t > now - _KEPT}
        self._last[visitor] = now

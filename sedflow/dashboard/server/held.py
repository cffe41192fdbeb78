"""Draws that the pages of a visitor hold: how many there may be.

A draw with all that the panels show of it takes two kilobytes, and an answer lives as long as a
page shows it or has it pinned. One visitor has dozens of pages.
"""

import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sedflow.errors import SedflowError

__all__ = ["HELD", "MOST_HELD", "HeldDraws"]

#: Draws that all pages of one visitor hold.
MOST_HELD = 400_000


class HeldDraws:
    """The answers that live, by the visitor who asked for them.

    most : draws of one visitor
    """

    def __init__(self, most: int = MOST_HELD):
        self._most, self._lock = most, threading.Lock()
        self._answers: dict[str, weakref.WeakValueDictionary[int, object]] = {}
        self._draws: dict[int, int] = {}
        self._asked: Counter[str] = Counter()

    def count(self, visitor: str) -> int:
        """Draws that a visitor's pages hold."""
        answers = self._answers.get(visitor)
        if not answers:
            self._answers.pop(visitor, None)
            return 0
        return sum(self._draws.get(key, 0) for key in list(answers))

    @contextmanager
    def asking(self, visitor: str, n: int) -> Iterator[None]:
        """Inside, the visitor waits for an answer of n draws.

        Raises
        ------
        SedflowError
            With those that its pages hold, or wait for, they are too many.
        """
        with self._lock:
            held = self.count(visitor) + self._asked[visitor]
            if visitor and held + n > self._most:
                raise SedflowError(
                    f"the pages of your address hold {held:,} draws, and with {n:,} more they "
                    f"would pass the limit of {self._most:,}; take fewer draws, close some pages "
                    "or unpin, and try again in a minute"
                )
            self._asked[visitor] += n
        try:
            yield
        finally:
            with self._lock:
                self._asked[visitor] -= n
                if not self._asked[visitor]:
                    del self._asked[visitor]

    def hold(self, visitor: str, answer: object, n: int) -> None:
        """A page of the visitor holds an answer of n draws, as long as it lives."""
        if not visitor:
            return
        with self._lock:
            if visitor not in self._answers:
                self._answers = {v: them for v, them in self._answers.items() if them}
            mine = self._answers.setdefault(visitor, weakref.WeakValueDictionary())
            mine[id(answer)] = answer
            self._draws[id(answer)] = n
            weakref.finalize(answer, self._draws.pop, id(answer), None).atexit = False


#: Of this server process.
HELD = HeldDraws()

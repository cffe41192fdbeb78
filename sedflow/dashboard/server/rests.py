"""How long each visitor rests after what it had: an account in seconds."""

import math
import threading
import time
from collections.abc import Callable

__all__ = ["FREE", "Rests"]

#: Seconds of rest that a visitor of a server may owe: some picks of a galaxy, one after the other.
FREE = 1.0


class Rests:
    """What visitors owe to the others, which time pays back.

    Parameters
    ----------
    free : float
        Seconds of rest that a visitor may owe, so that who asks now and then never waits.
    longest : float
        Seconds that anybody rests at most.
    """

    def __init__(
        self,
        free: float = 0.0,
        longest: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._free, self._longest, self._clock = free, longest, clock
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def had(self, visitor: str, seconds: float, rest: float) -> None:
        """A visitor had something for some seconds until now, and rests for it."""
        with self._lock:
            now = self._clock()
            if visitor not in self._until:
                self._until = {v: t for v, t in self._until.items() if t > now}
            # Nobody rests while it has something.
            owed = max(now, self._until.get(visitor, -math.inf) + seconds) + rest
            self._until[visitor] = min(owed, now + self._free + self._longest)

    def left(self, visitor: str) -> float:
        """Seconds that a visitor still has to rest."""
        now = self._clock()
        return max(self._until.get(visitor, now) - now - self._free, 0.0)

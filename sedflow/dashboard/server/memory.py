"""Memory of a server that lives for months: what ended sessions held goes back.

A page is a web of objects that refer to one another, which Python frees only when it looks for
such webs, and the C library keeps what was freed in pools, one for each thread. So after
sessions have ended the server looks, and empties the pools. It answers nobody meanwhile: it looks
when nobody is active, and seldom.
"""

import asyncio
import ctypes
import gc
import sys
import time
from collections.abc import Callable

from sedflow.dashboard.server.visitors import VISITORS

__all__ = ["RETURNS", "Returns", "few_pools", "give_back", "settle"]

_ARENA_MAX = -8  # M_ARENA_MAX of glibc's malloc.h
_POOLS = 2
_FEW = 10  # sessions that have ended, whose memory can wait


def _libc():
    """glibc, or None where there is another C library."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        libc = ctypes.CDLL("libc.so.6")
        return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None
    except OSError:
        return None


def few_pools() -> None:
    """Let threads share pools; before they begin to allocate."""
    libc = _libc()
    if libc is not None:
        libc.mallopt(_ARENA_MAX, _POOLS)


def settle() -> None:
    """Count what is loaded now as permanent: Python's own searches pass over it.

    These come when they come, in the middle of whatever runs, and took a second with twenty pages
    open. What is new is looked through first, which takes milliseconds.
    """
    gc.collect(1)
    gc.freeze()


def give_back() -> None:
    """Free what nobody can reach, and return free memory to the system."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    libc = _libc()
    if libc is not None:
        libc.malloc_trim(0)


class Returns:
    """When memory goes back: some seconds after sessions have ended, and others are quiet.

    Parameters
    ----------
    is_quiet : callable
        Whether nobody is active.
    after : float
        Seconds from the first session that ends to the return, for all that end until then.
    at_most : float
        Seconds that it waits for a quiet moment; less after more than a few sessions.
    rest : float
        How long until the next one, in times of what it took; a fifth of that where nobody is
        active, whom it would keep waiting.
    """

    def __init__(
        self,
        is_quiet: Callable[[], bool],
        give_back: Callable[[], None] = give_back,
        after: float = 8.0,
        at_most: float = 900.0,
        rest: float = 50.0,
    ):
        self._is_quiet, self._give_back = is_quiet, give_back
        self._after, self._at_most, self._rest = after, at_most, rest
        self._next = self._next_if_quiet = 0.0
        self._ended = 0  # sessions since the last return
        self._task: asyncio.Task | None = None

    def soon(self) -> None:
        """Return memory when the time has come; without a server, never."""
        self._ended += 1
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._when_quiet())

    @property
    def _patience(self):
        return self._at_most * min(1.0, _FEW / max(self._ended, 1)) ** 2

    async def _when_quiet(self):
        await asyncio.sleep(max(self._after, self._next_if_quiet - time.monotonic()))
        since = max(time.monotonic(), self._next)
        while not self._is_quiet() and time.monotonic() < since + self._patience:
            await asyncio.sleep(min(1.0, self._at_most))
        self._ended = 0
        begun = time.monotonic()
        self._give_back()
        now = time.monotonic()
        self._next = now + self._rest * (now - begun)
        self._next_if_quiet = now + self._rest / 5 * (now - begun)


#: The returns of this server process.
RETURNS = Returns(lambda: not VISITORS.others(""))

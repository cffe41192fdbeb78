"""The same work for many galaxies, in processes that share what their parent has loaded."""

import multiprocessing
from collections.abc import Callable, Iterator
from typing import Any

from sedflow.errors import BadParameters
from sedflow.threads import MOST
from sedflow.whole_numbers import as_whole

_work: Callable[[int], Any] | None = None  # of the process that forks, and so of what it forks


def in_turn(work: Callable[[int], Any], n: int, workers: int = 1) -> Iterator[Any]:
    """work(0), work(1), ... work(n - 1), in this order, by that many processes.

    What the work returns is the same whatever the number of workers, if it depends on its number
    alone. More than one worker needs a system that can fork: the network and its model are then
    loaded once.

    Raises
    ------
    BadParameters
        No such number of workers, or a system that cannot fork.
    """
    workers = as_whole("workers", workers, 1, MOST)
    if workers == 1:
        yield from map(work, range(n))
        return
    if "fork" not in multiprocessing.get_all_start_methods():
        raise BadParameters(f"workers = {workers}, but this system cannot fork a process; give 1")
    global _work
    _work = work
    try:
        with multiprocessing.get_context("fork").Pool(min(workers, n)) as pool:
            yield from pool.imap(_one, range(n))
    finally:
        _work = None


def _one(k):
    return _work(k)

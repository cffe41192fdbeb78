"""A process beside the server, for large requests, one at a time.

What takes a second on the server's own worker would keep the interpreter's lock from all
visitors meanwhile. The process runs at a lower priority, starts with the first large request
and stays warm.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from multiprocessing.reduction import ForkingPickler

from sedflow.errors import SedflowError
from sedflow.model.sed import SEDModel, default_model

__all__ = ["LARGE", "ProcessEnded", "begin_beside_a_server", "run_aside"]

#: Draws from which a request is large.
LARGE = 4_000
_LOCK = threading.Lock()
_POOL: ProcessPoolExecutor | None = None

# A model is too large to send, and each process has its own: only its name goes between them.
ForkingPickler.register(SEDModel, lambda model: (default_model, (model.grid.name,)))


class ProcessEnded(SedflowError):
    """The process ended before its work was done."""


def run_aside(function: Callable, *args):
    """`function(*args)` of a module's function, run in the process; blocks until it is done.

    Raises
    ------
    ProcessEnded
        The process ended meanwhile, perhaps for lack of memory.
    """
    global _POOL
    with _LOCK:
        if _POOL is None:
            context = multiprocessing.get_context("spawn")
            _POOL = ProcessPoolExecutor(1, context, initializer=begin_beside_a_server)
        pool = _POOL
    try:
        return pool.submit(function, *args).result()
    except BrokenProcessPool:
        with _LOCK:
            _POOL = None if _POOL is pool else _POOL
        raise ProcessEnded("the process beside the server ended; ask again") from None


def begin_beside_a_server() -> None:
    """What a process beside a server does first: visitors who pick galaxies come before it."""
    from sedflow.threads import use_threads

    use_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this
    if hasattr(os, "nice"):
        os.nice(10)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel):
    """A server that is killed leaves no process behind."""
    wait([sentinel])
    os._exit(1)

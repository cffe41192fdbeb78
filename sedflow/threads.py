"""How many threads the numerical libraries use in a process.

The arrays here are small: a second thread gains a factor 1.5 on an idle machine and costs a
factor 10 on a busy one, where the threads of one product wait for each other. The app, the
command line and the tests use one; whoever has idle cores runs more processes. Large pieces
of work that do not wait for each other go to a `pool` of two instead.

A graph in ONNX Runtime has one thread whatever is asked for, and so none of its own: its numbers
do not depend on how many there are, the threads of the pool share it, and a process that forks
leaves nothing behind to wait for.
"""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from sedflow.whole_numbers import as_whole

MOST = 256

_asked = 0  # threads; 0 before anybody did


def pool() -> ThreadPoolExecutor:
    """Threads for independent pieces of work, shared by the process."""
    return _pool(os.getpid())  # a forked process has none of its parent's threads


@cache
def _pool(pid):
    return ThreadPoolExecutor(min(2, os.cpu_count() or 1), thread_name_prefix="sedflow-pool")


def session(path: Path) -> Any:
    """The ONNX Runtime session of a graph's file: one in each process, shared by its threads."""
    with loading():
        return _session(path, os.getpid())


def loading() -> threading.Lock:
    """The lock under which, of several threads that ask at once, one loads a graph."""
    return _loading


_loading = threading.Lock()


def _after_fork():
    global _loading
    _loading = threading.Lock()  # a thread of the parent may have held it


os.register_at_fork(after_in_child=_after_fork)


@cache
def _session(path, pid):
    return new_session(str(path))


def new_session(graph: str | bytes, **entries: str) -> Any:
    """An ONNX Runtime session of one thread.

    graph : path, or the graph itself; entries : of the session's configuration
    """
    # On import it would keep an ID of this machine in the home folder and look for Microsoft's
    # servers, to tell them of each start.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime  # slow to import: only when first needed

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    for key, value in entries.items():
        options.add_session_config_entry(key, value)
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def use_threads(n: int = 1) -> None:
    """Let torch, and the linear algebra of numpy and scipy, use `n` threads from now on.

    n : from 1 to 256; more threads than memory has room for end the process
    """
    n = as_whole("threads", n, 1, MOST)
    from threadpoolctl import threadpool_limits

    global _asked
    _asked = n
    limit_torch()
    threadpool_limits(n)


def _torch():
    """torch, or None where nobody has loaded it: to load it takes two seconds."""
    return sys.modules.get("torch")


def limit_torch() -> None:
    """Let torch, just loaded, use the threads that `use_threads` said; for who imports it."""
    torch = _torch()
    if torch is not None and (one_thread.inside or _asked):
        torch.set_num_threads(1 if one_thread.inside else _asked)


class _OneThread:
    """One thread for linear algebra: with more, sums are cut elsewhere and the last bits differ.

    Several threads of a process may be inside at once; the last to leave restores what was.
    """

    def __init__(self):
        self._lock, self._inside = threading.Lock(), 0

    @property
    def inside(self) -> bool:
        """Whether any thread is inside."""
        return self._inside > 0

    def __enter__(self):
        from threadpoolctl import threadpool_limits

        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._limits, torch = threadpool_limits(1), _torch()
                self._threads = _asked if torch is None else torch.get_num_threads()
                if torch is not None:
                    torch.set_num_threads(1)

    def __exit__(self, *error):
        torch = _torch()
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                if torch is not None and self._threads:
                    torch.set_num_threads(self._threads)
                self._limits.restore_original_limits()


one_thread = _OneThread()

"""How many threads the numerical libraries use in a process.

The arrays here are small: a second thread gains a factor 1.5 on an idle machine and costs a
factor 10 on a busy one, where the threads of one product wait for each other. The app, the
command line and the tests use one; whoever has idle cores runs more processes. Large pieces
of work that do not wait for each other go to a `pool` of two instead.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

__all__ = ["pool", "use_threads"]


def pool() -> ThreadPoolExecutor:
    """Threads for independent pieces of work, shared by the process."""
    return _pool(os.getpid())  # a forked process has none of its parent's threads


@cache
def _pool(pid):
    return ThreadPoolExecutor(min(2, os.cpu_count() or 1), thread_name_prefix="sedflow-pool")


def use_threads(n: int = 1):
    """Let torch, and the linear algebra of numpy and scipy, use `n` threads from now on."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(n)
    threadpool_limits(n)

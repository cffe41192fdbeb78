"""Work on the partitions of a run: by processes of this machine or of a cluster, or in this one.

dask.distributed does it: a few partitions are given out for each worker at a time, and a worker
that ends is replaced, its partitions given to others.
"""

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol

from sedflow.errors import SedflowError, needs

_IN_FLIGHT = 3  # partitions given out for each worker
_POLL, _LOOK = 0.02, 2.0  # seconds between two looks for an end, and for workers
_PATIENCE = 60  # seconds without any worker


class Job(Protocol):
    """What a process must know to work on one partition; small enough to be sent about."""

    @property
    def key(self) -> str:
        """Its name, which no other job of any run has."""

    @property
    def about(self) -> str:
        """What it is, in words: "the rows 0 to 999"."""


@contextmanager
def processes(
    work: Callable[[Any], Any],
    workers: int | None,
    scheduler: str | None,
    n_jobs: int,
    log: Callable[[str], object],
    *,
    in_order: bool = False,
    again: str = "give the same command: finished partitions are kept",
) -> Iterator[tuple[int, Callable]]:
    """How many processes there are, and a function that runs jobs on them as it is iterated.

    work : what is done with a `Job`, a function of a module
    workers : of this machine, of one thread each; one for each core by default; 0 works here
    scheduler : address of a running dask scheduler, to use instead
    n_jobs : how many there will be; no more workers than these are started
    log : called with sentences on what happens
    in_order : whether results come in the order of the jobs, or as they are ready
    again : what to do after the workers were lost, in words
    """
    if n_jobs == 0 or (workers == 0 and scheduler is None):
        yield 1, lambda jobs: ((job, work(job)) for job in jobs)
        return
    needs("dask", "distributed", extra="scale", what="work with workers, other than 0,")
    import dask
    import distributed

    cluster = None
    loggers = [logging.getLogger(f"distributed.{name}") for name in ("client", "batched")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)  # a lost scheduler is told here, in one sentence
    try:
        if scheduler is None:
            workers = min(workers or len(os.sched_getaffinity(0)), n_jobs)
            # Its profiler looks at the stack a hundred times a second.
            with dask.config.set({"distributed.worker.profile.enabled": False}):
                cluster = _local_cluster(workers)
        try:
            client = distributed.Client(cluster or scheduler, timeout="20s", set_as_default=False)
        except (OSError, ValueError, TypeError, TimeoutError) as error:
            raise SedflowError(
                f"no dask scheduler answers at {scheduler} ({str(error)[:200]}); start one with "
                "dask scheduler, and give its address as tcp://HOST:PORT"
            ) from None
        with client:
            threads = sum(client.nthreads().values())
            log(f"workers: {threads}" + (f" at {scheduler}" if scheduler else ""))
            yield threads, lambda jobs: _there(client, work, jobs, in_order, again)
    finally:
        if cluster is not None:
            cluster.close()
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _local_cluster(workers):
    """Processes of this machine, of one thread each."""
    import distributed

    try:
        return distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            silence_logs=40,  # any port: several runs may share a machine
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        )
    except RuntimeError as error:  # each worker reads the script of the first process again
        raise SedflowError(
            f"{workers} workers could not be started ({' '.join(str(error).split())[:200]}); in a "
            'script, call this below if __name__ == "__main__": or give workers=0, which works in '
            "this process"
        ) from None


def _attempt(work, job):
    """Work on a partition; an expected failure comes back as it is, not as dask's traceback."""
    try:
        return work(job)
    except SedflowError as error:
        return error


def _there(client, work, jobs, in_order, again):
    """Run jobs on a cluster, a few for each worker at a time; yields each with what came of it."""
    from distributed import CancelledError, KilledWorker, as_completed

    waiting, running, turn = iter(jobs), {}, deque()
    held: dict = {}  # what has come before its turn

    def give():
        """Give out jobs until each worker has some; what is held counts, so that it stays few."""
        most = max(_IN_FLIGHT * sum(client.nthreads().values()), 1)
        for job in islice(waiting, max(most - len(running) - len(held), 0)):
            future = client.submit(_attempt, work, job, key=job.key)
            running[future.key] = job
            if in_order:
                turn.append(future.key)
            yield future

    try:
        finished = as_completed(list(give()), loop=client.loop)
        while not finished.is_empty():
            _wait(client, finished, again)
            future = finished.next()
            job = running.pop(future.key)
            try:
                found = future.result()
            except KilledWorker:
                raise SedflowError(
                    f"{job.about} killed their worker time and again, most likely because they "
                    "lack memory; use smaller partitions or fewer workers, and run again"
                ) from None
            if isinstance(found, SedflowError):
                raise found
            future.release()
            held[future.key] = job, found
            if not in_order:
                turn.append(future.key)
            while turn and turn[0] in held:
                ready = held.pop(turn.popleft())
                for fresh in give():
                    finished.add(fresh)
                yield ready
    except (CancelledError, OSError, TimeoutError) as error:  # all that dask makes of its absence
        if client.status == "running" and not isinstance(error, CancelledError):
            raise
        raise SedflowError(
            "the dask scheduler has ended, or cannot be reached any more; start it and its workers "
            f"again, and {again}"
        ) from None


def _wait(client, finished, again):
    """Until a job has ended; no longer than some time without any worker."""
    seen = looked = time.monotonic()
    while not finished.has_ready():
        time.sleep(_POLL)
        now = time.monotonic()
        if now - looked < _LOOK:
            continue
        looked = now
        if client.nthreads():
            seen = now
        elif now - seen > _PATIENCE:
            raise SedflowError(
                f"no dask worker has been there for {_PATIENCE} s; start one at the scheduler's "
                f"address, and {again}"
            )

"""Partitions of a catalogue run on the processes of this machine or of a cluster, or in this one.

dask.distributed does it: a few partitions are given out for each worker at a time, and a worker
that ends is replaced, its partitions given to others.
"""

import logging
import os
import time
from contextlib import contextmanager
from itertools import islice

from sedflow.catalogue.part import infer_part
from sedflow.errors import SedflowError, needs

__all__ = ["processes"]

_IN_FLIGHT = 3  # partitions given out for each worker
_POLL, _LOOK = 0.02, 2.0  # seconds between two looks for an end, and for workers
_PATIENCE = 60  # seconds without any worker


@contextmanager
def processes(workers, scheduler, n_jobs, log):
    """How many processes there are, and a function that runs jobs on them as it is iterated."""
    if n_jobs == 0 or (workers == 0 and scheduler is None):
        yield 1, _here
        return
    needs("dask", "distributed", extra="scale", what="a run with workers, other than 0,")
    import dask
    import distributed

    cluster, logger = None, logging.getLogger("distributed.client")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # a lost scheduler is told here, in one sentence
    try:
        if scheduler is None:
            workers = min(workers or len(os.sched_getaffinity(0)), n_jobs)
            # Its profiler looks at the stack a hundred times a second.
            with dask.config.set({"distributed.worker.profile.enabled": False}):
                cluster = distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    silence_logs=40,  # any port: several runs may share a machine
                    scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
                )
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
            yield threads, lambda jobs: _there(client, jobs)
    finally:
        if cluster is not None:
            cluster.close()
        logger.setLevel(level)


def _here(jobs):
    for job in jobs:
        yield job, infer_part(job)


def _attempt(job):
    """Infer a partition; an expected failure comes back as it is, not as dask's traceback."""
    try:
        return infer_part(job)
    except SedflowError as error:
        return error


def _there(client, jobs):
    """Run jobs on a cluster, a few for each worker at a time; yields each with its entry."""
    from distributed import CancelledError, KilledWorker, as_completed

    waiting, running = iter(jobs), {}

    def give():
        """Give out jobs until each worker has some."""
        wanted = max(_IN_FLIGHT * sum(client.nthreads().values()), 1) - len(running)
        for job in islice(waiting, max(wanted, 0)):
            future = client.submit(_attempt, job, key=f"sedflow-{job.run[:8]}-{job.number}")
            running[future.key] = job
            yield future

    try:
        finished = as_completed(list(give()), loop=client.loop)
        while not finished.is_empty():
            _wait(client, finished)
            future = finished.next()
            job = running.pop(future.key)
            try:
                entry = future.result()
            except KilledWorker:
                raise SedflowError(
                    f"the rows {job.part.start} to {job.part.stop - 1} killed their worker time "
                    "and again, most likely because they lack memory; use smaller partitions "
                    "or fewer workers, and run again"
                ) from None
            if isinstance(entry, SedflowError):
                raise entry
            future.release()
            for fresh in give():
                finished.add(fresh)
            yield job, entry
    except (CancelledError, OSError, TimeoutError) as error:  # all that dask makes of its absence
        if client.status == "running" and not isinstance(error, CancelledError):
            raise
        raise SedflowError(
            "the dask scheduler has ended, or cannot be reached any more; start it and its workers "
            "again, and give the same command: finished partitions are kept"
        ) from None


def _wait(client, finished):
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
                "address, and give the same command: finished partitions are kept"
            )

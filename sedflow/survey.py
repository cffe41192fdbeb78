"""A whole catalogue to a folder of results, in partitions, on one machine or on a cluster.

    OUT/manifest.json              input, mapping and settings, with their hashes
    OUT/results/part-000000.parquet   ...   one row for each row of the input, in its order
    OUT/draws/part-000000.parquet     ...   on request: draws of equal weight
    OUT/summary.json               counts, written at the end

A partition is written under another name and renamed when complete, so a file that is there is
whole: a run that was stopped, or killed, goes on where it was, and loses at most the partitions
in flight. What is there is never overwritten; input or settings that differ are refused.
dask.distributed schedules the partitions. Each worker reads its own part of the catalogue, so
nothing large passes through the scheduler; on a cluster, the input and OUT/ must be reachable
under the same path from everywhere.
"""

import fcntl
import hashlib
import json
import os
import time
from collections import Counter
from contextlib import contextmanager
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np

import sedflow
from sedflow import batch
from sedflow.catalogue import open_catalogue
from sedflow.errors import SedflowError
from sedflow.mapping import Mapping, guess_mapping
from sedflow.partitions import Job, counts_of, infer_part, is_done, result_files, writing
from sedflow.resources import DEFAULT_WEIGHTS
from sedflow.store import replacing
from sedflow.tables import read_ids, to_photometry
from sedflow.trust import RUNGS, VERDICTS

__all__ = ["infer_catalogue", "load_manifest", "load_summary", "result_files"]

_FORMAT = 1
_PARTS, _MIN_ROWS, _MAX_ROWS = 64, 16, 1000  # of a partition, unless the caller says
_ID_ROWS = 100_000  # rows at a time, where only the IDs are read
_IN_FLIGHT = 3  # partitions given out for each worker
_VERSIONED = ("numpy", "scipy", "torch", "arviz")  # of which the last bits may depend


def infer_catalogue(
    path, out, *, mapping: Mapping | None = None, weights=DEFAULT_WEIGHTS, n: int = 1000,
    seed: int = 1, trust: str = "weights", keep: int = 0, part_rows: int | None = None,
    workers: int | None = None, scheduler: str | None = None, progress=None, log=None,
) -> dict:  # fmt: skip
    """Infer every row of a catalogue into a folder; go on where a run was stopped.

    Parameters
    ----------
    path : path
        CSV, ECSV, FITS, VOTable or Parquet, or a folder of Parquet files.
    out : path
        Folder for the results; made if need be.
    mapping : Mapping, optional
        Which columns hold what; guessed by default.
    weights : str or path
        The network.
    n, seed, trust
        As for `sedflow.infer_table`.
    keep : int
        Draws of equal weight to keep of each galaxy.
    part_rows : int, optional
        Rows of a partition; default a 64th of the catalogue, between 16 and 1,000.
    workers : int, optional
        Processes on this machine, of one thread each; default one for each core. 0 does
        without dask, in this process.
    scheduler : str, optional
        Address of a running dask scheduler, such as tcp://10.0.0.1:8786, to use instead.
    progress : callable, optional
        Called as progress(done, total) in rows; first with those that were done before.
    log : callable, optional
        Called with sentences on what happens.

    Returns
    -------
    The summary, as in OUT/summary.json

    Raises
    ------
    SedflowError
        Input, settings, folder or disk do not allow it; nothing that exists is overwritten.
    """
    out, log = Path(out), log or (lambda text: None)
    posterior = batch.checked_posterior(_located(weights))
    catalogue = open_catalogue(Path(path))
    mapping = _usable(mapping or guess_mapping(catalogue), catalogue, posterior, log)
    manifest = _manifest(
        catalogue, mapping, posterior, n=n, seed=seed, trust=trust, keep=keep, part_rows=part_rows
    )
    if (out / "manifest.json").is_file() and part_rows is None:  # as the run began
        part_rows = load_manifest(out)["settings"]["part_rows"]
        manifest = _hashed(
            {**manifest, "settings": {**manifest["settings"], "part_rows": part_rows}}
        )
    with _claimed(out):
        kind = _begin(out, manifest, catalogue, mapping, log)
        for name in ("results", "draws") if keep else ("results",):
            (out / name).mkdir(exist_ok=True)
        parts = _parts(out, catalogue, mapping, manifest["settings"]["part_rows"])
        columns = tuple(mapping.columns_in(catalogue.columns))
        jobs = [
            Job(k, part, columns, str(out.resolve()), mapping, _located(weights),
                 posterior.record["weights_sha256"], n, seed, trust, keep, kind, manifest["run"])
            for k, part in enumerate(parts)
        ]  # fmt: skip
        todo = [job for job in jobs if not is_done(job)]
        done = catalogue.n_rows - sum(job.rows for job in todo)
        if len(todo) < len(jobs):
            log(f"{len(jobs) - len(todo)} of {len(jobs)} partitions were done before")
        if progress:
            progress(done, catalogue.n_rows)
        start, new = time.monotonic(), 0
        with _workers(workers, scheduler, len(todo), log) as (how_many, run):
            for job in run(todo):
                new += job.rows
                if progress:
                    progress(done + new, catalogue.n_rows)
        seconds = time.monotonic() - start
        return _finish(out, manifest, jobs, new, seconds, how_many)


def load_manifest(out) -> dict:
    """What a run in the folder `out` began with."""
    path = Path(out) / "manifest.json"
    try:
        manifest = json.loads(path.read_text("utf-8"))
        if manifest["format"] != _FORMAT:
            raise SedflowError(
                f"{path} has format {manifest['format']}, this version reads {_FORMAT}; use the "
                f"version {manifest['versions']['sedflow']} that wrote it"
            )
        _ = manifest["run"], manifest["settings"]["part_rows"], manifest["catalogue"]["rows"]
    except FileNotFoundError:
        raise SedflowError(
            f"{out} holds no manifest.json, so it is no output of sedflow infer; check the name"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, SedflowError):
            raise
        raise SedflowError(
            f"{path} cannot be read ({error}); begin again in another folder"
        ) from None
    return manifest


def load_summary(out) -> dict:
    """The summary of a finished run."""
    path = Path(out) / "summary.json"
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SedflowError(
            f"{path} cannot be read ({error}); the run is not finished, give its command again"
        ) from None


# Before the run


def _usable(mapping, catalogue, posterior, log):
    """The mapping in the network's bands; refuses what no row could be read with."""
    other = [band for band in mapping.bands if band not in posterior.bands]
    mapping = batch.usable(mapping, posterior)
    if other:
        log(f"left aside, as {posterior.name} was not trained on them: {', '.join(other)}")
    columns = mapping.columns_in(catalogue.columns)
    to_photometry(catalogue.part(0, min(catalogue.n_rows, 100)).read(columns), mapping)
    return mapping


def _manifest(catalogue, mapping, posterior, **settings):
    rows = catalogue.n_rows
    settings["part_rows"] = settings["part_rows"] or int(
        np.clip(-(-rows // _PARTS), _MIN_ROWS, _MAX_ROWS)
    )
    for name, low in (("n", 10), ("seed", 0), ("keep", 0), ("part_rows", 1)):
        if settings[name] < low:
            raise SedflowError(f"{name} = {settings[name]} must be a whole number >= {low}")
    if settings["keep"] > settings["n"]:
        raise SedflowError(
            f"keep = {settings['keep']} of n = {settings['n']} draws; keep as many at most"
        )
    if settings["trust"] not in RUNGS:
        raise SedflowError(
            f"trust = {settings['trust']!r} is unknown; choose one of {', '.join(RUNGS)}"
        )
    return _hashed(
        {
            "format": _FORMAT,
            "catalogue": {
                "name": catalogue.name, "format": catalogue.format, "rows": rows,
                "sha256": catalogue.sha256(),
            },
            "mapping": mapping.to_dict(),
            "weights": {
                "name": posterior.name, "sha256": posterior.record["weights_sha256"],
                "bands": list(posterior.bands), "ssp_sha256": posterior.model.grid.sha256,
            },
            "settings": settings,
            "versions": {
                "sedflow": sedflow.__version__, **{name: version(name) for name in _VERSIONED},
            },
        }
    )  # fmt: skip


def _hashed(manifest):
    content = {k: v for k, v in manifest.items() if k not in ("run", "id_kind")}
    text = json.dumps({**content, "catalogue": content["catalogue"]["sha256"]}, sort_keys=True)
    return {**content, "run": hashlib.sha256(text.encode()).hexdigest()}


@contextmanager
def _claimed(out):
    """The folder, for this process alone."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = open(out / ".lock", "w")  # noqa: SIM115
    except OSError as error:
        raise SedflowError(
            f"cannot write to {out}: {error.strerror}; choose another folder"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SedflowError(f"another run is at work in {out}; let it end, or stop it") from None
        except OSError:  # a file system without locks: nobody can be kept out
            pass
        yield


def _begin(out, manifest, catalogue, mapping, log):
    """Write the manifest, or hold this run to the one that is there; returns the kind of IDs."""
    path = out / "manifest.json"
    if path.is_file():
        before = load_manifest(out)
        _compare(before, manifest, out)
        _sweep(out)
        return before["id_kind"]
    strangers = sorted(p.name for p in out.iterdir() if not p.name.startswith("."))
    if strangers:
        raise SedflowError(
            f"{out} is not empty ({', '.join(strangers[:3])}), but holds no manifest.json of a "
            "run; choose another folder"
        )
    log(f"reading the IDs of {catalogue.n_rows:,} rows")
    kind = _id_kind(catalogue, mapping)
    with writing(path), replacing(path) as temporary:
        temporary.write_text(json.dumps({**manifest, "id_kind": kind}, indent=1) + "\n", "utf-8")
    return kind


def _compare(before, now, out):
    if before["run"] == now["run"]:
        return
    advice = "choose another folder, or run as before"
    if before["catalogue"]["sha256"] != now["catalogue"]["sha256"]:
        raise SedflowError(
            f"{now['catalogue']['name']} is not the catalogue that the run in {out} began with "
            f"({before['catalogue']['name']}, {before['catalogue']['rows']:,} rows, SHA-256 "
            f"{before['catalogue']['sha256'][:12]}...); {advice}"
        )
    for part in ("settings", "weights", "versions", "mapping"):
        for key in sorted({*before[part], *now[part]}):
            old, new = before[part].get(key), now[part].get(key)
            if old != new:
                name = "n (draws)" if key == "n" else key
                raise SedflowError(
                    f"the run in {out} began with {name} = {_short(old)}, not {_short(new)}; "
                    f"{advice}"
                )
    raise SedflowError(f"{out / 'manifest.json'} was changed by hand; {advice}")


def _short(value):
    text = str(value)
    return text if len(text) < 60 else text[:57] + "..."


def _sweep(out):
    """Remove what killed processes left half written."""
    for kind in ("results", "draws"):
        for path in (out / kind).glob(".sedflow-*"):
            path.unlink(missing_ok=True)


def _id_kind(catalogue, mapping):
    """Kind of the catalogue's IDs, "int" or "str"; refuses an ID that stands twice.

    Eight bytes a row: hashes, of which equal ones are looked up again.
    """
    if not mapping.id:
        return "int"
    from pandas.util import hash_array

    columns = mapping.columns_in(catalogue.columns)[:1]
    kind, hashes = "int", []

    def texts():
        for part in catalogue.parts(_ID_ROWS):
            ids = read_ids(part.read(columns), mapping, part.start)
            yield part.start, ids

    for _, ids in texts():
        if ids.dtype == object:
            kind = "str"
        hashes.append(hash_array(ids.compressed().astype(str).astype(object)))
    every = np.sort(np.concatenate(hashes)) if hashes else np.array([], dtype=np.uint64)
    again = set(every[1:][every[1:] == every[:-1]].tolist())
    if again:
        seen = {}
        for start, ids in texts():
            rows = np.flatnonzero(~np.ma.getmaskarray(ids))
            words = ids.compressed().astype(str).astype(object)
            for row, word, h in zip(rows, words, hash_array(words).tolist(), strict=True):
                if h in again:
                    seen.setdefault(word, []).append(start + int(row))
        for word, rows in seen.items():
            if len(rows) > 1:
                raise SedflowError(
                    f"the ID {word} stands in {len(rows)} rows ({', '.join(map(str, rows[:5]))}, "
                    "counted from 0); give each galaxy one row and one ID"
                )
    return kind


def _parts(out, catalogue, mapping, rows):
    """Parts of the catalogue that any process can read."""
    if catalogue.format == "VOTable":  # XML has no places to begin at
        copy = out / "input.parquet"
        if not copy.is_file():
            columns = mapping.columns_in(catalogue.columns)
            with writing(copy), replacing(copy) as temporary:
                catalogue.whole.read(columns).write(temporary, format="parquet")
        catalogue = open_catalogue(copy)
    return list(catalogue.parts(rows)) or [catalogue.part(0, 0)]


# Scheduling


@contextmanager
def _workers(workers, scheduler, n_jobs, log):
    """How many processes there are, and a function that runs jobs on them as it is iterated."""
    if n_jobs == 0 or (workers == 0 and scheduler is None):
        yield 1, _here
        return
    try:
        import dask
        import distributed
    except ImportError:
        raise SedflowError(
            "several processes need dask.distributed; install it with pip install "
            "'sedflow-explorer[scale]', or use one process with workers = 0"
        ) from None
    cluster = None
    try:
        if scheduler is None:
            workers = min(workers or len(os.sched_getaffinity(0)), n_jobs)
            # Its profiler looks at the stack a hundred times a second.
            with dask.config.set({"distributed.worker.profile.enabled": False}):
                cluster = distributed.LocalCluster(
                    n_workers=workers, threads_per_worker=1, processes=True,
                    silence_logs=40,  # any port: several runs may share a machine
                    scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
                )  # fmt: skip
        try:
            client = distributed.Client(cluster or scheduler, timeout="20s", set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise SedflowError(
                f"no dask scheduler answers at {scheduler} ({error}); start one with dask scheduler"
            ) from None
        with client:
            threads = sum(client.nthreads().values())
            log(f"workers: {threads}" + (f" at {scheduler}" if scheduler else ""))
            yield threads, lambda jobs: _there(client, jobs)
    finally:
        if cluster is not None:
            cluster.close()


def _here(jobs):
    for job in jobs:
        infer_part(job)
        yield job


def _attempt(job):
    """Infer a partition; an expected failure comes back as it is, not as dask's traceback."""
    try:
        infer_part(job)
    except SedflowError as error:
        return error
    return None


def _there(client, jobs):
    """Run jobs on a cluster, a few for each worker at a time; yields each when it is done."""
    from distributed import KilledWorker, as_completed

    waiting, running = iter(jobs), {}

    def give():
        """Give out jobs until each worker has some."""
        wanted = max(_IN_FLIGHT * sum(client.nthreads().values()), 1) - len(running)
        for job in islice(waiting, max(wanted, 0)):
            future = client.submit(_attempt, job, key=f"sedflow-{job.run[:8]}-{job.number}")
            running[future.key] = job
            yield future

    finished = as_completed(list(give()), loop=client.loop)
    for future in finished:
        job = running.pop(future.key)
        try:
            error = future.result()
        except KilledWorker:
            raise SedflowError(
                f"the rows {job.part.start} to {job.part.stop - 1} killed their worker time and "
                "again, most likely for want of memory; use smaller partitions or fewer workers, "
                "and run again"
            ) from None
        if error is not None:
            raise error
        future.release()
        for fresh in give():
            finished.add(fresh)
        yield job


# After the run


def _finish(out, manifest, jobs, new, seconds, workers):
    total, status, verdict, reasons = 0, Counter(), Counter(), {}
    for job in jobs:
        counts = counts_of(job.path("results"))
        total += counts["rows"]
        status.update(counts["status"])
        verdict.update(counts["verdict"])
        for kind, entry in counts["reasons"].items():
            known = reasons.setdefault(kind, {**entry, "rows": 0})
            known["rows"] += entry["rows"]
    size = {
        kind: sum(path.stat().st_size for path in result_files(out, kind))
        for kind in ("results", "draws")
    }
    summary = {
        "catalogue": manifest["catalogue"]["name"],
        "rows": total,
        "status": {name: status[name] for name in batch.STATUS},
        "verdict": {name: verdict[name] for name in VERDICTS},
        "reasons": dict(sorted(reasons.items(), key=lambda item: -item[1]["rows"])),
        "partitions": len(jobs),
        "bytes": size,
        "this_run": {
            "rows": new, "seconds": round(seconds, 1), "workers": workers,
            "rows_per_second": round(new / seconds, 3) if new else 0.0,
        },
    }  # fmt: skip
    path = out / "summary.json"
    with writing(path), replacing(path) as temporary:
        temporary.write_text(json.dumps(summary, indent=1) + "\n", "utf-8")
    return summary


def _located(weights):
    """The weights' name, or their path from anywhere."""
    path = Path(weights)
    return str(path.resolve()) if path.suffix == ".safetensors" else str(weights)

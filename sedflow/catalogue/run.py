"""A whole catalogue to a folder of results, in partitions, on one machine or on a cluster.

    OUT/manifest.json              input, mapping and settings, with their hashes
    OUT/input.parquet              the photometry of each row, as it is understood
    OUT/results/part-000000.parquet   ...   one row for each row of the input, in its order
    OUT/draws/part-000000.parquet     ...   on request: draws of equal weight
    OUT/files.jsonl                each finished partition: rows, IDs, and hashes of its files
    OUT/summary.json               counts, written at the end

A partition is written under another name, renamed when complete, and then entered into
files.jsonl: a run that was stopped, or killed, goes on where it was, and loses at most the
partitions in flight. What was entered is held to its hash when a run goes on, and computed again
where it is not the same any more. Input or settings that differ are refused, and so is an input
that changes while it is read. It is read once, into OUT/input.parquet (`intake`).
dask.distributed schedules the partitions. Each worker reads its own rows of OUT/input.parquet, so
nothing large passes through the scheduler; on a cluster, OUT/ must be reachable under the same
path from everywhere.
"""

import json
import time
from collections import Counter
from pathlib import Path

from sedflow.catalogue import infer
from sedflow.catalogue.assumptions import assumed
from sedflow.catalogue.cluster import processes
from sedflow.catalogue.guess import mapping_of
from sedflow.catalogue.intake import FORM, NAME, take_in
from sedflow.catalogue.ledger import Ledger, result_files
from sedflow.catalogue.manifest import load_manifest, load_summary, n_parts
from sedflow.catalogue.mapping import ColumnMap
from sedflow.catalogue.part import PartJob, counts_of, infer_part
from sedflow.catalogue.read.open import open_catalogue
from sedflow.catalogue.resume import begun, check_folder, unfinished
from sedflow.catalogue.start import (
    hashed,
    new_manifest,
    usable_mapping,
    write_manifest,
)
from sedflow.errors import SedflowError, needs
from sedflow.files.hashes import sealed, sha256, stamp
from sedflow.files.locking import locked
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.files.paths import as_path
from sedflow.files.writing import KEPT, replacing, writing
from sedflow.sampling.verdict import VERDICTS, as_kind

__all__ = ["infer_catalogue", "load_manifest", "load_summary", "result_files"]


def infer_catalogue(
    path,
    out,
    *,
    mapping: ColumnMap | None = None,
    table: str | int | None = None,
    bands=None,
    weights=DEFAULT_WEIGHTS,
    n: int = 1000,
    seed: int = 1,
    trust: str = "weights",
    keep: int = 0,
    part_rows: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    progress=None,
    log=None,
) -> dict:
    """Infer every row of a catalogue into a folder; go on where a run was stopped.

    Parameters
    ----------
    path : path
        CSV, ECSV, IPAC, MRT (CDS), FITS, VOTable, HDF5 or Parquet, also compressed, or a folder of
        Parquet files.
    out : path
        Folder for the results; made if needed.
    mapping : ColumnMap, optional
        Which columns hold what; guessed by default.
    table : str or int, optional
        Which table of a file of several, as for `read_table`.
    bands : str or sequence of str, optional
        Names of the bands to read, of one survey or of several ("g", "decam2014-g").
    weights : str or path
        The network.
    n, seed, trust
        As for `sedflow.infer_table`.
    keep : int
        Draws of equal weight to keep of each galaxy.
    part_rows : int, optional
        Rows of a partition; default a 64th of the catalogue, between 16 and 1,000.
    workers : int, optional
        Processes on this machine, of one thread each; default one for each core. 0 works
        in this process, without dask.
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
        Input, settings, folder or disk do not allow it, or the input changed meanwhile.
    """
    out, log = as_path(out), log or (lambda text: None)
    try:
        resumed = (out / "manifest.json").is_file()
    except (OSError, ValueError) as error:  # a name too long, for one
        raise SedflowError(
            f"cannot write to {str(out)[:200]}: {getattr(error, 'strerror', None) or error}; "
            "choose another folder"
        ) from None
    try:
        str(out.resolve()).encode()
    except UnicodeEncodeError:  # Arrow and DuckDB know names of files as UTF-8
        raise SedflowError(
            f"the folder {str(out)!a} has a name that is not UTF-8; choose another folder"
        ) from None
    needs("pyarrow", extra="scale", what="sedflow infer, which writes Parquet,")
    posterior = infer.checked_posterior(_path_of(weights))
    catalogue = open_catalogue(as_path(path), table=table)
    for sentence in catalogue.notes:
        log(sentence)
    mapping = mapping_of(catalogue, mapping, bands)
    mapping = usable_mapping(mapping, catalogue, posterior, log, trust)
    for sentence in assumed(catalogue, mapping):
        log(sentence)
    manifest = new_manifest(
        catalogue, mapping, posterior, n=n, seed=seed, trust=trust, keep=keep, part_rows=part_rows
    )
    if resumed and part_rows is None:  # as the run began
        part_rows = load_manifest(out)["settings"]["part_rows"]
        manifest = hashed(
            {**manifest, "settings": {**manifest["settings"], "part_rows": part_rows}}
        )
    check_folder(out)
    with locked(out, "run"):
        before = begun(out, manifest)
        taken, kind = _taken_in(out, before, manifest, catalogue, mapping, log)
        ledger = Ledger(out, manifest["run"])
        for name in ("results", "draws") if keep else ("results",):
            with writing(out / name):
                (out / name).mkdir(exist_ok=True)
        size, total = manifest["settings"]["part_rows"], catalogue.n_rows
        jobs = [
            PartJob(
                k,
                size * k,
                min(size * (k + 1), total),
                str(out.resolve()),
                mapping,
                _path_of(weights),
                posterior.record_sha256,
                n,
                seed,
                trust,
                keep,
                kind,
                manifest["run"],
                taken,
                stamp(out / NAME),
            )
            for k in range(n_parts(manifest))
        ]
        todo = unfinished(ledger, manifest, jobs, log)
        done = catalogue.n_rows - sum(job.rows for job in todo)
        if len(todo) < len(jobs):
            log(f"{len(jobs) - len(todo)} of {len(jobs)} partitions were done before")
        if progress:
            progress(done, catalogue.n_rows)
        start, new = time.monotonic(), 0
        with processes(infer_part, workers, scheduler, len(todo), log) as (how_many, run):
            for job, entry in run(todo):
                with writing(ledger.path):
                    ledger.add(entry)
                new += job.rows
                if progress:
                    progress(done + new, catalogue.n_rows)
        seconds = time.monotonic() - start
        return _finish(ledger, manifest, jobs, new, seconds, how_many)


# Before the run


def _taken_in(out, before, manifest, catalogue, mapping, log):
    """SHA-256 of OUT/input.parquet, and the kind of the IDs in it.

    It is converted if it was not yet, or if what was written is not there any more.
    """
    copy, digest = out / NAME, manifest["catalogue"]["sha256"]
    if before is not None:
        known = before.get("input", {})
        if known.get("form") == FORM and copy.is_file():
            if sha256(copy) == known["sha256"]:
                return known["sha256"], before["id_kind"]
            log(f"{NAME} is not what was written; it is made again")
    log(f"reading {catalogue.n_rows:,} rows of {catalogue.name}")
    with replacing(copy, KEPT) as temporary:
        taken = take_in(catalogue, mapping, temporary)
        _check_same(catalogue, digest)
        write_manifest(out, manifest, taken, catalogue, mapping)
    for sentence in taken.left_out:
        log(sentence)
    return taken.sha256, taken.id_kind


def _check_same(catalogue, before):
    """Refuse an input that is another after it was read than it was before."""
    try:
        now = catalogue.digest(catalogue.hashes(same=False))
        if now == before:
            return
        what = f"it had the SHA-256 {before[:12]}... at the start, and has {now[:12]}... now"
    except (OSError, SedflowError) as error:
        what = str(error)
    raise SedflowError(
        f"{catalogue.name} has changed since this run began ({what}); give the file as it was, and "
        "run again, or begin in another folder"
    )


# After the run


def _finish(ledger, manifest, jobs, new, seconds, workers):
    out = ledger.out
    total, status, verdict, reasons = 0, Counter(), Counter(), {}
    for job in jobs:
        counts = counts_of(job.path("results"))
        total += counts["rows"]
        status.update(counts["status"])
        for kind, n in counts["verdict"].items():
            verdict[as_kind(kind)] += n
        for kind, entry in counts["reasons"].items():
            known = reasons.setdefault(kind, {**entry, "rows": 0})
            known["rows"] += entry["rows"]
    size = {
        kind: sum(e["files"][kind]["bytes"] for e in ledger.entries.values() if kind in e["files"])
        for kind in ("results", "draws")
    }
    summary = {
        "run": manifest["run"],
        "catalogue": manifest["catalogue"]["name"],
        "rows": total,
        "status": {name: status[name] for name in infer.STATUS},
        "verdict": {name: verdict[name] for name in VERDICTS},
        "reasons": dict(sorted(reasons.items(), key=lambda item: -item[1]["rows"])),
        "partitions": len(jobs),
        "bytes": size,
        "this_run": {
            "rows": new,
            "seconds": round(seconds, 1),
            "workers": workers,
            "rows_per_second": round(new / seconds, 3) if new else 0.0,
        },
    }
    path = out / "summary.json"
    with replacing(path, KEPT) as temporary:
        temporary.write_text(json.dumps(sealed(summary), indent=1) + "\n", "utf-8")
    return summary


def _path_of(weights):
    """The weights' name, or their path from anywhere."""
    path = Path(weights)
    return str(path.resolve()) if path.suffix == ".safetensors" else str(weights)

"""How a run that was stopped or killed goes on: held to how it began, and what is left to do."""

from sedflow.catalogue.contents import disagreements
from sedflow.catalogue.ledger import result_files, some
from sedflow.catalogue.manifest import FORMAT, OLD, load_manifest
from sedflow.errors import SedflowError
from sedflow.files.writing import writing


def check_folder(out) -> None:
    """Refuse a folder of something else before anything is written to it, or taken from it."""
    try:
        strangers = sorted(p.name for p in out.iterdir() if not p.name.startswith("."))
    except OSError:  # not there yet; what else is wrong with it is said where it is locked
        return
    if strangers and not (out / "manifest.json").is_file():
        raise SedflowError(
            f"{out} is not empty ({', '.join(strangers[:3])}), but holds no manifest.json of a "
            "run; choose another folder"
        )


def begun(out, manifest) -> dict | None:
    """The manifest that is there, to which this run is held; None where the run is new."""
    path = out / "manifest.json"
    _sweep(out)
    if path.is_file():
        before = load_manifest(out)
        if before["format"] == OLD:
            raise SedflowError(
                f"the run in {out} is of sedflow {before['versions']['sedflow']}, which kept no "
                "list of its files: it can be read, but not gone on with; choose another folder"
            )
        if before["format"] != FORMAT:
            raise SedflowError(
                f"the run in {out} is of format {before['format']}, whose columns are others than "
                f"those of format {FORMAT}: it can be read, but not gone on with; choose another "
                "folder"
            )
        _compare(before, manifest, out)
        return before
    return None


def unfinished(ledger, manifest, jobs, log):
    """The jobs that are not done, or of which a file is not what it was."""
    strangers = ledger.strangers(len(jobs))
    if strangers:
        raise SedflowError(
            f"{some(strangers)} in {ledger.out}: no partition of this run, which has "
            f"{len(jobs):,}; move it elsewhere, and run again"
        )
    damaged = ledger.wrong
    if ledger.wrong:
        log(f"{ledger.path.name} has {ledger.wrong:,} damaged lines, which do not count")
    elif not ledger.size and result_files(ledger.out):
        log(f"{ledger.path.name}, the list of the finished partitions, is gone")
    with writing(ledger.path):
        ledger.tidy()
    faults = ledger.faults()
    faults = disagreements(ledger, manifest)[0] | faults
    for fault in list(faults.values())[:20]:
        log(f"{fault}; it is computed again")
    if len(faults) > 20:
        log(f"and so are {len(faults) - 20:,} more")
    if faults:
        with writing(ledger.path):
            ledger.add({"back": sorted(faults)})
    todo = [job for job in jobs if not _is_done(ledger, job)]
    summary = ledger.out / "summary.json"
    if todo and summary.is_file():  # which says that all are finished; the end writes another
        if not faults and not damaged:
            log(f"{ledger.path.name} lacks {len(todo):,} partitions that summary.json has")
        with writing(summary):
            summary.unlink()
    return todo


def _is_done(ledger, job):
    entry = ledger.entries.get(job.number)
    if entry is None or entry.get("input") != job.input:
        return False
    return entry["rows"] == job.rows and set(entry["files"]) == set(job.kinds)


_NAMES = {"n": "n (draws)", "record_sha256": "a network whose record has the SHA-256"}


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
    if before["catalogue"].get("table") != now["catalogue"].get("table"):
        raise SedflowError(
            f"the run in {out} began with the table {before['catalogue'].get('table')!r} of "
            f"{now['catalogue']['name']}, not {now['catalogue'].get('table')!r}; {advice}"
        )
    for part in ("settings", "weights", "versions", "mapping"):
        for key in sorted({*before[part], *now[part]}):
            old, new = before[part].get(key), now[part].get(key)
            if old != new:
                name, old, new = _where(_NAMES.get(key, key), old, new)
                raise SedflowError(
                    f"the run in {out} began with {name} = {_short(old)}, not {_short(new)}; "
                    f"{advice}"
                )
    raise SedflowError(f"{out / 'manifest.json'} was changed by hand; {advice}")


def _where(name, old, new):
    """What differs first in two mappings, and its two values; or which keys they have."""
    while isinstance(old, dict) and isinstance(new, dict):
        entries = (*old.values(), *new.values())
        if {*old} != {*new} and all(isinstance(one, dict) for one in entries):
            return name, ", ".join(old), ", ".join(new)
        key = next(key for key in {**old, **new} if old.get(key) != new.get(key))
        name, old, new = f"{name}.{key}", old.get(key, "none"), new.get(key, "none")
    return name, old, new


def _short(value):
    text = str(value)
    return text if len(text) < 60 else text[:57] + "..."


def _sweep(out):
    """Remove what killed processes left half written."""
    for kind in (".", "results", "draws"):
        for path in (out / kind).glob(".sedflow-*"):
            path.unlink(missing_ok=True)

"""Whether ledger, files, manifest and summary of a catalogue run say the same.

A hash tells that a file is the one that was entered; here its rows are held to what the manifest
promises, and its counts and IDs to what the ledger and the summary say.
"""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sedflow.catalogue.documents import COUNTS
from sedflow.catalogue.ledger import part_name
from sedflow.files.documents import checked, parsed
from sedflow.files.hashes import stamp
from sedflow.sampling.verdict import as_kind

_READERS = 2  # threads; pyarrow decodes outside the interpreter's lock
_MOST_ROWS = 3 * 10**7  # of a partition, which is looked at as a whole
#: Counts of files that agreed in this process: path -> what was known of the file, and its counts.
_AGREED: dict[str, tuple] = {}


def disagreements(ledger, manifest, kinds=("results", "draws")) -> tuple[dict[int, str], Counter]:
    """What finished partitions hold that they should not, in words, by their number.

    Also the counts of all rows that agree, by ("status", "ok") and the like.
    """
    size, total = manifest["settings"]["part_rows"], manifest["catalogue"]["rows"]
    tasks = [
        (number, kind, range(size * number, max(min(size * (number + 1), total), size * number)))
        for number, entry in sorted(ledger.entries.items())
        for kind in entry["files"]
        if kind in kinds
    ]
    with ThreadPoolExecutor(_READERS) as pool:
        found = list(pool.map(lambda task: _look(ledger, *task), tasks))
    faults: dict[int, str] = {}
    counts: Counter = Counter()
    for (number, *_), (fault, mine) in zip(tasks, found, strict=True):
        counts += mine
        if fault and number not in faults:
            faults[number] = fault
    return faults, counts


def summary_faults(summary: dict, ledger, counts: Counter, parts: int) -> list[str]:
    """What a summary says that ledger and files do not."""
    lost = parts - sum(0 <= k < parts for k in ledger.entries)
    if lost:
        return [
            f"{ledger.path.name} lacks {lost:,} of the {parts:,} partitions that are finished by "
            "summary.json"
        ]
    said: Counter = Counter()
    for which in ("status", "verdict"):
        for name, n in summary.get(which, {}).items():
            said[which, as_kind(name)] += n
    rows = sum(n for (which, _), n in counts.items() if which == "status")
    if +said != +counts or summary.get("rows") != rows:
        return ["summary.json counts other rows than the files hold"]
    return []


def _look(ledger, number, kind, rows):
    """What is wrong with one file, and the counts of its rows."""
    entry = ledger.entries[number]
    name = f"{kind}/{part_name(number)}"
    path = ledger.out / name
    try:
        known = stamp(path), json.dumps([entry, rows.start, rows.stop], sort_keys=True)
    except OSError as error:
        return f"{name} cannot be read ({error.strerror})", Counter()
    if not path.is_file():
        return f"{name} cannot be read (it is not a regular file)", Counter()
    before = _AGREED.get(str(path))
    if before and before[0] == known:
        return None, before[1]
    fault, counts = _compare(path, name, entry, kind, rows, ledger.run)
    if not fault:
        _AGREED[str(path)] = known, counts
    return fault, counts


def _other_rows(name, rows):
    return f"{name} does not hold the rows {rows.start} to {rows.stop - 1}"


def _compare(path, name, entry, kind, rows, run):
    import pyarrow.parquet as pq

    columns = ["row", "id", "status", "verdict"] if kind == "results" else ["row", "id"]
    try:
        # As codes: one text that all rows share is held once.
        options = {"page_checksum_verification": True, "read_dictionary": columns[1:]}
        with pq.ParquetFile(path, **options) as file:
            about, n = file.metadata.metadata or {}, file.metadata.num_rows
            if n != len(rows) or n > _MOST_ROWS:
                return _other_rows(name, rows), Counter()
            table = file.read(columns)
        if sorted(table.column_names) != sorted(columns):
            raise ValueError("columns are lost, or there twice")
        told = checked(parsed(about[b"sedflow_counts"]), COUNTS) if kind == "results" else {}
        said: Counter = Counter()
        for which in columns[2:]:
            for kind_, n in told[which].items():
                said[which, as_kind(kind_)] += n
        said_rows = told.get("rows")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return f"{name} cannot be read ({' '.join(str(error).split())[:100]})", Counter()
    if about.get(b"sedflow_run", b"").decode("ascii", "replace") != run:
        return f"{name} is of another run", Counter()
    if entry["rows"] != len(rows) or not np.array_equal(
        table.column("row").to_numpy(), np.arange(rows.start, rows.stop)
    ):
        return _other_rows(name, rows), Counter()
    try:  # text is decoded here
        ids = table.column("id")
        ends = [ids[k].as_py() for k in (0, -1)] if len(ids) else [None, None]
        counts = Counter()
        for which in columns[2:]:
            for pair in table.column(which).value_counts().to_pylist():
                if pair["values"]:
                    counts[which, as_kind(pair["values"])] += pair["counts"]
    except UnicodeDecodeError as error:
        return f"{name} cannot be read ({error.reason} in its text)", Counter()
    if ends != [entry.get("first_id"), entry.get("last_id")]:
        return f"{name} begins or ends with another ID than its ledger says", Counter()
    if kind == "results" and (said_rows != len(rows) or +said != counts):
        return f"{name} has other rows than its counts say", Counter()
    return None, counts

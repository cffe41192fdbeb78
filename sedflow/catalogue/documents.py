"""The form of what a run writes as JSON: manifest, summary, counts of a partition, ledger."""

from sedflow.draws import MAX_DRAWS
from sedflow.files.bounds import LIBRARY
from sedflow.files.documents import anything, either, number, table, text, whole

_ROWS = whole(0, LIBRARY.rows)
_HASH = text(128)

MANIFEST = {
    "format": anything,  # is judged first
    "run": text(128),
    "id_kind?": text(10),
    "catalogue": {
        "name": text(),
        "rows": _ROWS,
        "sha256": _HASH,
        "format?": text(40),
        "table?": text(),
    },
    "input?": {"sha256": _HASH, "form": whole()},
    "mapping?": table(anything),
    "assumptions?": [text(10_000)],
    "weights": {"name": text(), "bands": [text(1000)], "sha256?": _HASH, "record_sha256?": _HASH},
    "settings": {
        "n": whole(1),
        "seed": whole(0, 2**64),
        "trust": text(40),
        "keep?": whole(0, MAX_DRAWS),
        "part_rows": whole(1),
    },
    "versions": {"sedflow": text(1000)},
}

_REASONS = table({"rows": _ROWS, "id": anything, "reason": text(100_000)})
_KINDS = table(_ROWS)

#: Of the rows of one partition.
COUNTS = {"rows": _ROWS, "status": _KINDS, "verdict": _KINDS, "reasons": _REASONS}

SUMMARY = {
    "run?": text(128),
    "rows": _ROWS,
    "status": _KINDS,
    "verdict": _KINDS,
    "reasons?": _REASONS,
    "this_run?": table(either(number(), text(1000), None)),
}

_FILE = {"bytes": whole(), "sha256": _HASH}
_ID = either(None, whole(-(2**63)), text(100_000))
#: A line of the ledger on a partition.
PART = {
    "part": whole(0, LIBRARY.rows),
    "rows": _ROWS,
    "first_id?": _ID,
    "last_id?": _ID,
    "input?": _HASH,
    "files": {"results": _FILE, "draws?": _FILE},
}

#: Any line of the ledger; it may tell of what is taken back.
ENTRY = {
    "run": text(128),
    "back?": [whole(0, LIBRARY.rows)],
}

"""One partition of a catalogue run: read, inferred and written, in whatever process.

The files are written under another name and renamed when complete, draws before results. Each
carries the hash of the run it belongs to, the counts of its rows, and a checksum in every page.
What was written is told to the process that leads the run, for its ledger: only then is the
partition finished.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedflow.catalogue import infer
from sedflow.catalogue.column_units import with_units
from sedflow.catalogue.documents import COUNTS
from sedflow.catalogue.intake import NAME, read_rows
from sedflow.catalogue.ledger import part_name
from sedflow.catalogue.mapping import ColumnMap
from sedflow.errors import SedflowError
from sedflow.files.documents import checked, parsed
from sedflow.files.hashes import stamp
from sedflow.files.writing import KEPT, replacing
from sedflow.parameters import NAMES
from sedflow.sampling.verdict import as_kind

_TEXT = ("id", "status", "verdict", "reason", "edge")  # columns of results that are not numbers


@dataclass(frozen=True)
class PartJob:
    """What a process must know to infer one partition; small enough to be sent about."""

    number: int
    start: int
    stop: int
    out: str
    mapping: ColumnMap
    weights: str
    sha256: str
    n: int
    seed: int
    trust: str
    keep: int
    id_kind: str
    run: str
    input: str  # SHA-256 of the input as it was taken in
    stamp: tuple  # of that file

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.stop - self.start

    @property
    def key(self) -> str:
        """Its name among all jobs of a cluster, where one catalogue may go to several folders."""
        folder = hashlib.sha256(self.out.encode("utf-8", "surrogateescape")).hexdigest()
        return f"sedflow-{self.run[:8]}-{folder[:8]}-{self.number}"

    @property
    def about(self) -> str:
        """What it is, in words."""
        return f"the rows {self.start} to {self.stop - 1}"

    def path(self, kind) -> Path:
        """Its file of "results" or of "draws"."""
        return Path(self.out) / kind / part_name(self.number)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of files that it has."""
        return ("results", "draws") if self.keep else ("results",)


def infer_part(job) -> dict:
    """Infer one partition and write its files, the results last; returns its ledger entry."""
    posterior = infer.checked_posterior(job.weights, job.sha256)
    place = Path(job.out) / NAME
    rows = read_rows(place, job.mapping.bands, job.id_kind, job.start, job.stop)
    if stamp(place) != job.stamp:
        raise SedflowError(
            f"{place} was changed while the run went on; let the folder be, and give the command "
            "of the run again"
        )
    frame, draws = infer.infer_read(
        rows,
        job.mapping,
        posterior,
        n=job.n,
        seed=job.seed,
        trust=job.trust,
        first=job.start,
        keep=job.keep,
    )
    files = {}
    if job.keep:
        files["draws"] = _write(job, "draws", _arrow_draws(frame, draws, job.id_kind))
    results = _arrow(frame, job.id_kind)
    counts = json.dumps(infer.count_rows(frame))
    files["results"] = _write(job, "results", results, counts)
    ids = results.column("id")
    ends = [ids[k].as_py() for k in (0, -1)] if len(ids) else [None, None]
    return {
        "part": job.number,
        "rows": len(ids),
        "first_id": ends[0],
        "last_id": ends[1],
        "input": job.input,
        "files": files,
    }


def _arrow(frame, id_kind):
    import pyarrow as pa

    fields = []
    for name, dtype in frame.dtypes.items():
        if name == "id":
            kind = pa.int64() if id_kind == "int" else pa.string()
        elif name in ("status", "verdict", "reason", "edge"):
            kind = pa.string()
        else:
            kind = pa.from_numpy_dtype(dtype)
        fields.append(pa.field(name, kind))
    return pa.Table.from_pandas(
        frame, pa.schema(fields), preserve_index=False
    ).replace_schema_metadata()


def _arrow_draws(frame, draws, id_kind):
    """Row, ID and a list of draws for each parameter; null where there are none."""
    import pyarrow as pa

    columns = {"row": pa.array(frame.row), "id": _arrow(frame[["id"]], id_kind).column("id")}
    missing = np.isnan(draws).any((1, 2))
    for k, name in enumerate(NAMES):
        values = pa.array(draws[..., k].ravel())
        columns[name] = pa.FixedSizeListArray.from_arrays(
            values, draws.shape[1], mask=pa.array(missing)
        )
    return pa.table(columns)


def _write(job, kind, table, counts=""):
    import pyarrow.parquet as pq

    path = job.path(kind)
    about = {"sedflow_run": job.run, "sedflow_counts": counts}
    table = with_units(table.replace_schema_metadata(about))
    floats = [f.name for f in table.schema if str(f.type) in ("float", "double")]
    floats += [f"{f.name}.list.element" for f in table.schema if "list" in str(f.type)]
    text = [f.name for f in table.schema if str(f.type) == "string"]
    with replacing(path, KEPT) as temporary, open(temporary, "wb") as file:
        hashing = _Hashing(file)
        pq.write_table(
            table,
            hashing,
            compression="zstd",
            use_dictionary=text or False,
            use_byte_stream_split=floats or False,
            write_page_checksum=True,
        )
    return {"bytes": hashing.size, "sha256": hashing.digest.hexdigest()}


class _Hashing:
    """A file to write to, hashed on the way: the hash is of what was meant, not of what a disk
    has made of it."""

    closed = False

    def __init__(self, file):
        self.file, self.digest, self.size = file, hashlib.sha256(), 0

    def write(self, data):
        self.file.write(data)
        self.digest.update(data)
        self.size += len(data)
        return len(data)

    def flush(self):
        self.file.flush()

    def tell(self):
        return self.size

    def close(self):
        self.closed = True
        self.file.flush()


def read_results(path, columns=None):
    """Some columns of a file of results, as Arrow holds them, and the counts of its rows.

    Verdicts are in today's words, whichever version wrote the file.

    Raises
    ------
    SedflowError
        The file is damaged: every page is held to its checksum.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            counts = checked(parsed(file.metadata.metadata[b"sedflow_counts"]), COUNTS)
            names = file.schema_arrow.names
            wanted = None if columns is None else set(columns)
            table = file.read(
                [n for n in names if wanted is None or infer.todays_name(n) in wanted]
            )
    except (OSError, ValueError, KeyError, TypeError) as error:  # Arrow's are ValueErrors
        raise SedflowError(
            f"{path} is damaged ({' '.join(str(error).split())[:200]}); remove it and run sedflow "
            "infer again"
        ) from None
    table = table.rename_columns([infer.todays_name(n) for n in table.column_names])
    if wanted is not None and wanted - set(table.column_names):
        lost = ", ".join(sorted(wanted - set(table.column_names)))
        raise SedflowError(f"{path} has no column {lost}; remove it and run sedflow infer again")
    wrong = [f.name for f in table.schema if f.name not in _TEXT and not _is_number(f.type)]
    if wrong:
        raise SedflowError(
            f"{path} is damaged ({wrong[0][:60]!r} does not hold numbers); remove it and run "
            "sedflow infer again"
        )
    verdicts: Counter = Counter()
    for kind, n in counts["verdict"].items():
        verdicts[as_kind(kind)] += n
    if "verdict" in table.column_names:
        column = table.column_names.index("verdict")
        today = pa.array([k and as_kind(k) for k in table["verdict"].to_pylist()], pa.string())
        table = table.set_column(column, "verdict", today)
    return table, {**counts, "verdict": dict(verdicts)}


def _is_number(kind):
    import pyarrow as pa

    types = pa.types
    return types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind)


def counts_of(path) -> dict:
    """The counts of a partition, as `infer.count_rows` made them."""
    return read_results(path, [])[1]

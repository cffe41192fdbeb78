"""One partition of a catalogue run: read, inferred and written, in whatever process.

The files are written under another name and renamed when complete, draws before results: a
partition is done when its results are there. Each carries the hash of the run it belongs to and
the counts of its rows.
"""

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedflow import batch
from sedflow.catalogue import Part
from sedflow.errors import SedflowError
from sedflow.mapping import Mapping
from sedflow.parameters import NAMES
from sedflow.store import replacing

__all__ = ["Job", "counts_of", "infer_part", "is_done", "result_files", "writing"]


def result_files(out, kind: str = "results") -> list[Path]:
    """The finished partitions of a run, in the input's order; `kind` is "results" or "draws"."""
    return sorted((Path(out) / kind).glob("part-*.parquet"))


@dataclass(frozen=True)
class Job:
    """What a process must know to infer one partition; small enough to be sent about."""

    number: int
    part: Part
    columns: tuple[str, ...]
    out: str
    mapping: Mapping
    weights: str
    sha256: str
    n: int
    seed: int
    trust: str
    keep: int
    id_kind: str
    run: str

    @property
    def rows(self):
        """How many there are."""
        return self.part.stop - self.part.start

    def path(self, kind):
        """Its file of "results" or of "draws"."""
        return Path(self.out) / kind / f"part-{self.number:06d}.parquet"


def infer_part(job):
    """Infer one partition and write its files, the results last."""
    posterior = batch.checked_posterior(job.weights, job.sha256)
    table = job.part.read(job.columns)
    frame, draws = batch.infer_rows(
        table, job.mapping, posterior, n=job.n, seed=job.seed, trust=job.trust,
        first=job.part.start, id_kind=job.id_kind, keep=job.keep,
    )  # fmt: skip
    if job.keep:
        _write(job, "draws", _arrow_draws(frame, draws, job.id_kind))
    _write(job, "results", _arrow(frame, job.id_kind), json.dumps(batch.count_rows(frame)))
    return job.number


def _arrow(frame, id_kind):
    import pyarrow as pa

    fields = []
    for name, dtype in frame.dtypes.items():
        if name == "id":
            kind = pa.int64() if id_kind == "int" else pa.string()
        elif name in ("status", "verdict", "reason"):
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
    table = table.replace_schema_metadata({"sedflow_run": job.run, "sedflow_counts": counts})
    floats = [f.name for f in table.schema if str(f.type) in ("float", "double")]
    floats += [f"{f.name}.list.element" for f in table.schema if "list" in str(f.type)]
    text = [f.name for f in table.schema if str(f.type) == "string"]
    with writing(path), replacing(path) as temporary:
        pq.write_table(
            table, temporary, compression="zstd", use_dictionary=text or False,
            use_byte_stream_split=floats or False,
        )  # fmt: skip


@contextmanager
def writing(path):
    """Errors of the disk, in one sentence."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
        raise SedflowError(
            f"cannot write {path.parent.name}/{path.name}: {reason}; make room, or mend the disk, "
            "and run again: finished partitions are kept"
        ) from None


def is_done(job):
    """Whether the partition is there, whole and of this run."""
    import pyarrow.parquet as pq

    path = job.path("results")
    if not path.exists():
        return False
    try:
        footer = pq.read_metadata(path)
        mine = (footer.metadata or {}).get(b"sedflow_run", b"").decode() == job.run
    except (OSError, ValueError) as error:  # Arrow's errors are ValueErrors
        raise SedflowError(f"{path} is damaged ({error}); remove it and run again") from None
    if not mine or footer.num_rows != job.rows:
        raise SedflowError(f"{path} belongs to another run; remove it, or choose another folder")
    return True


def counts_of(path) -> dict:
    """The counts of a partition, as `batch.count_rows` made them."""
    import pyarrow.parquet as pq

    return json.loads(pq.read_metadata(path).metadata[b"sedflow_counts"])

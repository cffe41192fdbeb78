"""The input of a run, read once: its photometry, as it is understood, in one Parquet file.

    OUT/input.parquet   id, redshift, flux_BAND and sigma_BAND [nanomaggies], and problem, for each
                        row of the input, in its order; null where there is none

Whatever the format, it is read from front to back, a few thousand rows at a time, checked and
converted; IDs are seen to be different. Everything after that reads this file, in any process: the
input may change or go meanwhile. Rows are converted in blocks that depend on nothing but the
input, so that what is decided from many rows (such as what stands for "no value") does not depend
on the partitions.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedflow.catalogue.columns import WHOLE
from sedflow.catalogue.rows import Problem, Rows, known_ids, to_photometry
from sedflow.errors import SedflowError
from sedflow.files.hashes import sha256
from sedflow.photometry import Photometry

NAME = "input.parquet"
FORM = 1  # of its columns
_ROWS = 20_000  # converted at a time, and in a row group


@dataclass(frozen=True)
class Taken:
    """What was taken in.

    rows : how many
    id_kind : "int" or "str"
    sha256 : of the Parquet file
    left_out : sentences on what is absent in how many rows
    """

    rows: int
    id_kind: str
    sha256: str
    left_out: tuple[str, ...]


def take_in(catalogue, mapping, path) -> Taken:
    """Convert all rows of a catalogue into a Parquet file.

    Raises
    ------
    SedflowError
        The input cannot be read or used as a whole, changed meanwhile, or has an ID twice.
    """
    import pyarrow.parquet as pq
    from pandas.util import hash_array

    columns = mapping.columns_in(catalogue.columns)
    schema = _schema(mapping.bands)
    done, whole, hashes = 0, True, []
    left_out: Counter[str] = Counter()
    with pq.ParquetWriter(
        path, schema, compression="zstd", write_page_checksum=True, use_dictionary=["problem"]
    ) as writer:
        for part in catalogue.parts(_ROWS):
            rows = to_photometry(
                part.read(columns), mapping, first=part.start, id_kind="str" if mapping.id else None
            )
            left_out += rows.left_out
            ids = known_ids(rows.ids)
            if mapping.id:
                known = rows.ids.compressed().astype(str).astype(object)
                whole = whole and all(map(WHOLE.fullmatch, known))
                hashes.append(hash_array(known))
            writer.write_table(_table(rows, ids, mapping.bands, schema), row_group_size=_ROWS)
            done += len(ids)
    _check_different(hashes, path)
    told = (f"{why} ({n:,} row{'s' * (n > 1)})" for why, n in left_out.items())
    kind = "int" if whole else "str"
    return Taken(done, kind, sha256(path), tuple(told))


def read_rows(path, bands, id_kind: str, start: int, stop: int) -> Rows:
    """The rows from start up to stop of a file that `take_in` wrote.

    Raises
    ------
    SedflowError
        The file is damaged or gone.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            about, first, tables = file.metadata, 0, []
            for group in range(about.num_row_groups):
                n = about.row_group(group).num_rows
                low, high = max(start - first, 0), min(stop - first, n)
                if low < high:
                    tables.append(file.read_row_group(group).slice(low, high - low))
                first += n
            table = pa.concat_tables(tables) if tables else file.schema_arrow.empty_table()
            if table.num_rows != stop - start or table.schema.names != _schema(bands).names:
                raise ValueError(f"it has {table.num_rows:,} of {stop - start:,} rows")
    except (OSError, ValueError) as error:  # Arrow's are ValueErrors
        if not Path(path).parent.is_dir():
            raise SedflowError(f"there is no folder {Path(path).parent}; make it") from None
        raise SedflowError(
            f"{Path(path).name} cannot be used ({' '.join(str(error).split())[:200]}); give the "
            "command of the run again, which makes it again"
        ) from None
    return _rows(table, tuple(bands), id_kind)


def _schema(bands):
    import pyarrow as pa

    fields = [pa.field("id", pa.string()), pa.field("redshift", pa.float64())]
    names = [f"{what}_{band}" for band in bands for what in ("flux", "sigma")]
    fields += [pa.field(n, pa.float64(), metadata={"unit": "nanomaggies"}) for n in names]
    return pa.schema([*fields, pa.field("problem", pa.string())])


def _table(rows, ids, bands, schema):
    import pyarrow as pa

    n, photometry = len(ids), rows.photometry
    flux, sigma = np.full((2, n, len(bands)), np.nan)
    flux[rows.rows], sigma[rows.rows] = photometry.flux, photometry.sigma
    problem = np.full(n, None, dtype=object)
    for row, _, reason in rows.problems:
        problem[row] = reason
    columns = [[None if i is None else str(i) for i in ids], rows.redshift]
    for k in range(len(bands)):
        columns += [flux[:, k], sigma[:, k]]
    arrays = [
        pa.array(values, kind)
        for values, kind in zip([*columns, problem], schema.types, strict=True)
    ]
    return pa.table(arrays, schema=schema)


def _rows(table, bands, id_kind):
    column = {name: table.column(name) for name in table.schema.names}
    texts = column["id"].to_pylist()
    none = np.array([text is None for text in texts], dtype=bool)
    if id_kind == "int":
        values = np.array([int(text or 0) for text in texts], dtype=np.int64)
    else:
        values = np.array([*(text or "" for text in texts), None], dtype=object)[:-1]
    ids = np.ma.array(values, mask=none)
    problem = column["problem"].to_pylist()
    good = np.flatnonzero([reason is None for reason in problem])
    redshift = column["redshift"].to_numpy()
    flux, sigma = (
        np.stack([column[f"{what}_{band}"].to_numpy() for band in bands], 1)
        for what in ("flux", "sigma")
    )
    photometry = Photometry(flux[good], sigma[good], redshift[good], bands, values[good])
    known = known_ids(ids)
    problems = [Problem(row, known[row], why) for row, why in enumerate(problem) if why is not None]
    return Rows(photometry, good, problems, ids, redshift)


def _check_different(hashes, path):
    """Refuse an ID that stands twice: eight bytes a row, and equal ones are looked up again."""
    import pyarrow.parquet as pq

    every = np.sort(np.concatenate(hashes)) if hashes else np.array([], dtype=np.uint64)
    again = set(every[1:][every[1:] == every[:-1]].tolist())
    if not again:
        return
    from pandas.util import hash_array

    seen: dict[str, list[int]] = {}
    with pq.ParquetFile(path) as file:
        first = 0
        for batch in file.iter_batches(_ROWS, columns=["id"]):
            texts = np.array([*batch.column(0).to_pylist(), None], dtype=object)[:-1]
            rows = np.flatnonzero([text is not None for text in texts])
            for row, h in zip(rows, hash_array(texts[rows]).tolist(), strict=True):
                if h in again:
                    seen.setdefault(texts[row], []).append(first + int(row))
            first += len(texts)
    for word, rows in seen.items():
        if len(rows) > 1:
            raise SedflowError(
                f"the ID {word[:60]} appears in {len(rows)} rows ({', '.join(map(str, rows[:5]))}, "
                "counted from 0); give each galaxy one row and one ID, or choose no column of "
                "IDs (--no-id), so that rows are numbered"
            )

"""The rows of a catalogue run, read from its Parquet files by DuckDB: filtered, sorted, in pages.

OUT/results/ is only read. All of it is held to its hashes when it is opened, and a file that
changes after that is refused. What is asked of single rows comes from the files that hold them,
what is asked over all rows from the columns that the `ResultStore` keeps.
"""

from pathlib import Path

import numpy as np

from sedflow.catalogue.ledger import NAME, Ledger, part_name
from sedflow.catalogue.manifest import OLD, check_files, load_manifest, load_summary, n_parts
from sedflow.catalogue.result_store import ResultStore
from sedflow.catalogue.row_filter import EVERY_ROW, RowFilter, condition, filter_columns
from sedflow.errors import SedflowError, needs
from sedflow.files.hashes import stamp
from sedflow.files.paths import as_path

_FIRST = ("row", "id", "status", "verdict")  # that every page asks for


class RunTable:
    """What `sedflow infer` has written into a folder, to be read from any number of threads.

    manifest : what the run began with
    finished : whether all partitions were there
    checked : whether the files were compared with hashes; runs of format 1 have none
    parts, all_parts : partitions that are there, and that there will be
    rows : rows that are there
    columns : name -> DuckDB's type
    numbers : names of the columns that hold numbers

    Parameters
    ----------
    out : path
        Folder of a run. It need not be finished: the partitions that are there are read.

    Raises
    ------
    SedflowError
        No run, none of its partitions finished, files that are gone, damaged or none of the
        run's, or DuckDB is missing.
    """

    def __init__(self, out):
        duckdb = needs("duckdb", "pyarrow", extra="app", what="the page of a survey")
        self.out = as_path(out)
        self.manifest = load_manifest(self.out)
        self._part_rows = self.manifest["settings"]["part_rows"]
        if wild := sorted(set("*?[") & set(str(self.out.resolve()))):
            raise SedflowError(
                f"the path of the run {self.out.name!r} has a {wild[0]} in it, which stands "
                "for any letters in DuckDB; rename the folder"
            )
        self._state = self._seen()
        numbers = check_files(self.out, self.manifest, hashed=("results",))
        self.parts, self.all_parts = len(numbers), n_parts(self.manifest)
        if not numbers:
            raise SedflowError(
                f"{self.out.name} has no finished partition yet; let sedflow infer work on, then "
                "open it"
            )
        self.checked = self.manifest["format"] != OLD
        self.finished = self.parts >= self.all_parts
        entries = Ledger(self.out, self.manifest["run"]).entries
        self._store = ResultStore(
            duckdb,
            (self.out / "results").resolve(),
            [part_name(k) for k in numbers],
            {
                part_name(k): entries[k]["files"]["results"]["sha256"]
                for k in numbers
                if k in entries
            },
        )
        self.columns, self.numbers = self._store.columns, self._store.numbers
        missing = [name for name in _FIRST if name not in self.columns]
        if missing:
            raise SedflowError(
                f"{self._store.files[0]} has no column {', '.join(missing)}, so it is not a result "
                "of sedflow infer; choose the folder of a run"
            )
        self._store.load(_FIRST)
        self._check_rows()
        self.rows = self.count()

    def __len__(self):
        return self.rows

    def __repr__(self):
        rest = "" if self.finished else f", {self.parts} of {self.all_parts} partitions"
        return f"<RunTable of {self.out.name}: {self.rows:,} rows{rest}>"

    def __reduce__(self):
        return RunTable, (self.out,)

    def summary(self) -> dict | None:
        """The run's own summary; None if it is not finished."""
        return load_summary(self.out) if (self.out / "summary.json").is_file() else None

    def is_current(self) -> bool:
        """Whether no partition has come since this was opened."""
        return self._seen() == self._state

    # Over all rows

    def counts(self, which: str, rows: RowFilter = EVERY_ROW) -> dict[str, int]:
        """How many rows there are of each "status" or "verdict", most first."""
        name, (where, values) = self._store.named(which), condition(self._store, rows)
        found = self._store.fetch(
            f"SELECT {name} AS kind, count(*) AS n "
            f"FROM {self._from(rows, which)} {where} "
            "GROUP BY 1 ORDER BY 2 DESC, 1",
            values,
        )
        return {str(k): int(n) for k, n in zip(found["kind"], found["n"], strict=True)}

    def count(self, rows: RowFilter = EVERY_ROW) -> int:
        """How many rows the filter leaves."""
        where, values = condition(self._store, rows)
        found = self._store.fetch(
            f"SELECT count(*) AS n FROM {self._from(rows, 'row')} {where}", values
        )
        return int(found["n"][0])

    def page(
        self,
        rows: RowFilter = EVERY_ROW,
        columns=None,
        *,
        sort: str = "row",
        descending: bool = False,
        start: int = 0,
        size: int = 20,
    ):
        """Some of the rows that the filter leaves, as a pandas DataFrame.

        Parameters
        ----------
        columns : names, optional
            Default all.
        sort, descending
            Column to sort by. Rows without a value come last either way, and rows of equal
            value in the catalogue's order, so that pages neither repeat nor miss any.
        start, size : int
            Number of the first row of the page, counted from 0, and rows on it.
        """
        if start < 0 or size < 1:
            raise SedflowError(
                f"a page from row {start} of {size} rows; begin at 0 or above, with one row or more"
            )
        name, (where, values) = self._store.named(sort), condition(self._store, rows)
        last = f"{name} IS NULL" + (f" OR isnan({name})" if self._store.fraction(sort) else "")
        found = self._store.fetch(
            f"SELECT row FROM {self._from(rows, 'row', sort)} {where} "
            f"ORDER BY ({last}), {name} {'DESC' if descending else 'ASC'}, row LIMIT ? OFFSET ?",
            [*values, int(size), int(start)],
        )
        return self._read(found["row"], columns)

    def points(self, rows: RowFilter, columns, most: int):
        """Columns to draw, of the rows that the filter leaves and that have a value in each.

        Returns
        -------
        dict of name -> array (n,) float32, and the number of rows that there are. If they are
        more than `most`, n is about that, a random part, and the same one each time.
        """
        columns = list(dict.fromkeys(columns))
        names = [self._store.named(c) for c in columns]
        where, values = condition(self._store, rows, finite=columns)
        source = self._from(rows, "row", *columns)
        found = self._store.fetch(f"SELECT count(*) AS n FROM {source} {where}", values)
        total = int(found["n"][0])
        some = ", ".join(f"CAST({n} AS FLOAT) AS {n}" for n in names)
        query = f"SELECT {some} FROM {source} {where}"
        if total > most:
            query += " AND hash(row) < ?"
            values = [*values, int(2**64 * (most / total))]
        found = self._store.fetch(query, values)
        return {c: np.asarray(found[c], np.float32) for c in columns}, total

    def nearest(self, rows: RowFilter, x: str, y: str, at, scale) -> int | None:
        """Number of the row nearest to a place in the plane of two columns.

        at : (x, y); scale : lengths along each axis that count as equal. None if there is no row.
        """
        if not np.all(np.isfinite([*at, *scale])) or min(scale) <= 0:
            raise SedflowError(f"no place at {at} on axes of length {scale}; give finite numbers")
        where, values = condition(self._store, rows, finite=(x, y))
        a, b = self._store.named(x), self._store.named(y)
        found = self._store.fetch(
            f"SELECT row FROM {self._from(rows, 'row', x, y)} {where} "
            f"ORDER BY pow(({a} - ?) / ?, 2) + pow(({b} - ?) / ?, 2), row LIMIT 1",
            [*values, float(at[0]), float(scale[0]), float(at[1]), float(scale[1])],
        )
        return int(found["row"][0]) if len(found["row"]) else None

    def span(
        self, column: str, share: float = 0.998, beside: str | None = None
    ) -> tuple[float, float] | None:
        """Limits between which the middle `share` of a column's values lie; None without any.

        beside : another column, of which the rows must have a value, too

        Tails of less than one row leave none out.
        """
        columns = [column] if beside in (None, column) else [column, beside]
        where, values = condition(self._store, EVERY_ROW, finite=columns)
        name, tail = self._store.named(column), (1 - share) / 2
        source, number = self._store.source(*columns), f"CAST({name} AS DOUBLE)"
        ends = ", ".join(
            f"CASE WHEN count(*) * ? < 1 THEN {most}({number}) "
            f"ELSE quantile_cont({number}, ?) END AS {end}"
            for most, end in (("min", "low"), ("max", "high"))
        )
        found = self._store.fetch(
            f"SELECT {ends} FROM {source} {where}", [tail, tail, tail, 1 - tail, *values]
        )
        low, high = (np.ma.filled(found[k].astype(float), np.nan)[0] for k in ("low", "high"))
        return (float(low), float(high)) if np.isfinite(low) else None

    # One row

    def row(self, number: int) -> dict:
        """All that is stored of a row of the catalogue, by column.

        Raises
        ------
        SedflowError
            There is no such row, or not yet.
        """
        total = self.manifest["catalogue"]["rows"]
        if not 0 <= number < total:
            raise SedflowError(f"row {number} is not in this run; it has the rows 0 to {total - 1}")
        frame = self._read([number])
        if not len(frame):
            raise SedflowError(
                f"row {number} is not inferred yet: {self.parts} of {self.all_parts} partitions "
                "are there; let sedflow infer work on"
            )
        return frame.iloc[0].to_dict()

    def find(self, ident: str) -> int:
        """Number of the row with this ID.

        Raises
        ------
        SedflowError
            No row has it.
        """
        found = self._store.fetch(
            f"SELECT row FROM {self._store.source('row', 'id')} "
            "WHERE CAST(id AS VARCHAR) = ? LIMIT 1",
            [str(ident).strip()],
        )
        if not len(found["row"]):
            raise SedflowError(f"no row of this run has the ID {str(ident)[:60]!r}; check it")
        return int(found["row"][0])

    def _from(self, rows, *columns):
        """The tables that hold these columns, and those that the filter looks at."""
        return self._store.source(*columns, *filter_columns(rows))

    def _read(self, rows, columns=None):
        """Columns of some rows, in the order given, from the files that hold them."""
        rows = [int(row) for row in rows]
        columns = dict.fromkeys(("row", *(columns or self.columns)))
        names = ", ".join(map(self._store.stored, columns))
        every = self._store.files
        wanted = {f"part-{row // self._part_rows:06d}.parquet" for row in rows}
        files = [path for path in every if Path(path).name in wanted]
        if not files:
            nothing = f"SELECT {names} FROM read_parquet(?) LIMIT 0"
            return self._store.frame(nothing, [every[:1]])
        self._store.unchanged(files, hashed=True)
        frame = self._store.frame(
            f"SELECT {names} FROM read_parquet(?) WHERE row IN (SELECT unnest(?))", [files, rows]
        )
        found = frame.set_index("row", drop=False)
        return found.loc[[r for r in rows if r in found.index]].reset_index(drop=True)

    def _seen(self):
        """What is another as soon as a partition has come."""
        for name in (NAME, "results"):  # runs of older versions have no ledger
            try:
                return name, *stamp(self.out / name)
            except OSError:
                continue
        return None

    def _check_rows(self):
        """Refuse files that do not hold just the rows that their names promise."""
        size, total = self._part_rows, self.manifest["catalogue"]["rows"]
        starts = [size * int(Path(path).stem.removeprefix("part-")) for path in self._store.files]
        promised = np.concatenate([np.arange(s, min(s + size, total)) for s in starts])
        rows = self._store.fetch(f"SELECT row FROM {self._store.source('row')}")["row"]
        if np.ma.is_masked(rows) or not np.array_equal(rows, promised):
            raise SedflowError(
                f"the results of this run do not hold the rows {promised.min(initial=0)} to "
                f"{promised.max(initial=0)}, each once and in order, so that a file of them is "
                "damaged; run sedflow infer again, in another folder"
            )

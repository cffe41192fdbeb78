"""The rows of a catalogue run, read from its Parquet files by DuckDB: filtered, sorted, in pages.

OUT/results/ is only read. All of it is held to its hashes when it is opened, and a file that
changes after that is refused. What is asked over all rows (filters, orders, columns to draw) comes
from columns that are read once, when they are first asked for, and kept as DuckDB holds them,
4 to 8 bytes a row each: to open a thousand files again takes longer than to look at a million
rows. What is asked of single rows comes from the files that hold them. All values reach DuckDB
as bound parameters, and names only if the files have such a column, so that nothing that a
visitor types is ever read as SQL.
"""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedflow.catalogue.infer import todays_name
from sedflow.catalogue.ledger import NAME, Ledger, part_name
from sedflow.catalogue.manifest import OLD, check_files, load_manifest, load_summary, n_parts
from sedflow.errors import SedflowError, needs
from sedflow.files.hashes import sha256, stamp
from sedflow.photometry import Photometry
from sedflow.sampling.verdict import KINDS, as_kind

__all__ = ["RowFilter", "RunTable", "departure", "stored_photometry"]

_LOG = logging.getLogger(__name__)
_THREADS = 2  # of DuckDB; the server has other visitors
_FIRST = ("row", "id", "status", "verdict")  # that every page asks for
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE")
_FRACTIONS = ("FLOAT", "DOUBLE")


@dataclass(frozen=True)
class RowFilter:
    """Which rows are meant; by default all.

    ranges : (column, low, high) each, both ends inside; None for no limit. A row without a
        value is outside of any limit.
    status, verdict : those allowed; () for any
    ident : text that the ID contains
    """

    ranges: tuple[tuple[str, float | None, float | None], ...] = ()
    status: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    ident: str = ""


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
        self._duckdb, self.out = duckdb, Path(out)
        self.manifest = load_manifest(self.out)
        self._part_rows = self.manifest["settings"]["part_rows"]
        if wild := sorted(set("*?[") & set(str(self.out.resolve()))):
            raise SedflowError(
                f"the path of the run {self.out.name!r} has a {wild[0]} in it, which stands "
                "for any letters in DuckDB; rename the folder"
            )
        self._state = self._seen()
        numbers = check_files(self.out, self.manifest, hashed=("results",))
        folder = (self.out / "results").resolve()
        self._stamps = {str(folder / part_name(k)): None for k in numbers}
        self._stamps = {path: self._stamp(path) for path in self._stamps}
        self._files = list(self._stamps)
        entries = Ledger(self.out, self.manifest["run"]).entries
        self._hashes = {
            str(folder / part_name(k)): entries[k]["files"]["results"]["sha256"]
            for k in numbers
            if k in entries
        }
        self.parts, self.all_parts = len(self._files), n_parts(self.manifest)
        if not self._files:
            raise SedflowError(
                f"{self.out.name} has no finished partition yet; let sedflow infer work on, then "
                "open it"
            )
        self.checked = self.manifest["format"] != OLD
        self.finished = self.parts >= self.all_parts
        self._connection = duckdb.connect(":memory:", config={"threads": _THREADS})
        for setting in (
            "autoinstall_known_extensions = false",
            "autoload_known_extensions = false",
            "temp_directory = ''",
        ):
            self._connection.execute(f"SET {setting}")
        # From here on DuckDB reads this folder and no other, and nobody can change that.
        self._connection.execute("SET allowed_directories = ?", [[str(folder)]])
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")
        self._tables, self._lock = {}, threading.Lock()
        described = self._fetch("DESCRIBE SELECT * FROM read_parquet(?)", [self._files[:1]])
        there = dict(zip(described["column_name"], described["column_type"], strict=True))
        #: Today's name -> the one in the files.
        self._in_files = {todays_name(name): name for name in there}
        self.columns = {name: there[old] for name, old in self._in_files.items()}
        missing = [name for name in _FIRST if name not in self.columns]
        if missing:
            raise SedflowError(
                f"{self._files[0]} has no column {', '.join(missing)}, so it is not a result of "
                "sedflow infer; choose the folder of a run"
            )
        self.numbers = [name for name, kind in self.columns.items() if kind in _NUMBERS]
        self._load(_FIRST)
        self._check_rows()
        self.rows = self.count()

    def __len__(self):
        return self.rows

    def summary(self) -> dict | None:
        """The run's own summary; None if it is not finished."""
        return load_summary(self.out) if (self.out / "summary.json").is_file() else None

    def is_current(self) -> bool:
        """Whether no partition has come since this was opened."""
        return self._seen() == self._state

    # Over all rows

    def counts(self, which: str, rows: RowFilter = RowFilter()) -> dict[str, int]:
        """How many rows there are of each "status" or "verdict", most first."""
        name, (where, values) = self._named(which), self._where(rows)
        found = self._fetch(
            f"SELECT {name} AS kind, count(*) AS n "
            f"FROM {self._from(which, *_filter_columns(rows))} {where} "
            "GROUP BY 1 ORDER BY 2 DESC, 1",
            values,
        )
        return {str(k): int(n) for k, n in zip(found["kind"], found["n"], strict=True)}

    def count(self, rows: RowFilter = RowFilter()) -> int:
        """How many rows the filter leaves."""
        where, values = self._where(rows)
        found = self._fetch(
            f"SELECT count(*) AS n FROM {self._from('row', *_filter_columns(rows))} {where}", values
        )
        return int(found["n"][0])

    def page(
        self,
        rows: RowFilter = RowFilter(),
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
        name, (where, values) = self._named(sort), self._where(rows)
        last = f"{name} IS NULL" + (f" OR isnan({name})" if self._fraction(sort) else "")
        found = self._fetch(
            f"SELECT row FROM {self._from('row', sort, *_filter_columns(rows))} {where} "
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
        names = [self._named(c) for c in columns]
        where, values = self._where(rows, finite=columns)
        source = self._from("row", *columns, *_filter_columns(rows))
        total = int(self._fetch(f"SELECT count(*) AS n FROM {source} {where}", values)["n"][0])
        some = ", ".join(f"CAST({n} AS FLOAT) AS {n}" for n in names)
        query = f"SELECT {some} FROM {source} {where}"
        if total > most:
            query += " AND hash(row) < ?"
            values = [*values, int(2**64 * (most / total))]
        found = self._fetch(query, values)
        return {c: np.asarray(found[c], np.float32) for c in columns}, total

    def nearest(self, rows: RowFilter, x: str, y: str, at, scale) -> int | None:
        """Number of the row nearest to a place in the plane of two columns.

        at : (x, y); scale : lengths along each axis that count as equal. None if there is no row.
        """
        if not np.all(np.isfinite([*at, *scale])) or min(scale) <= 0:
            raise SedflowError(f"no place at {at} on axes of length {scale}; give finite numbers")
        where, values = self._where(rows, finite=(x, y))
        a, b = self._named(x), self._named(y)
        found = self._fetch(
            f"SELECT row FROM {self._from('row', x, y, *_filter_columns(rows))} {where} "
            f"ORDER BY pow(({a} - ?) / ?, 2) + pow(({b} - ?) / ?, 2), row LIMIT 1",
            [*values, float(at[0]), float(scale[0]), float(at[1]), float(scale[1])],
        )
        return int(found["row"][0]) if len(found["row"]) else None

    def span(self, column: str, share: float = 0.998) -> tuple[float, float] | None:
        """Limits between which the middle `share` of a column's values lie; None without any."""
        where, values = self._where(RowFilter(), finite=(column,))
        name, tail = self._named(column), (1 - share) / 2
        found = self._fetch(
            f"SELECT quantile_cont(CAST({name} AS DOUBLE), ?) AS low, "
            f"quantile_cont(CAST({name} AS DOUBLE), ?) AS high FROM {self._from(column)} {where}",
            [tail, 1 - tail, *values],
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
        found = self._fetch(
            f"SELECT row FROM {self._from('row', 'id')} WHERE CAST(id AS VARCHAR) = ? LIMIT 1",
            [str(ident).strip()],
        )
        if not len(found["row"]):
            raise SedflowError(f"no row of this run has the ID {str(ident)[:60]!r}; check it")
        return int(found["row"][0])

    # DuckDB

    def _read(self, rows, columns=None):
        """Columns of some rows, in the order given, from the files that hold them."""
        rows = [int(row) for row in rows]
        columns = dict.fromkeys(("row", *(columns or self.columns)))
        names = ", ".join(map(self._stored, columns))
        wanted = {f"part-{row // self._part_rows:06d}.parquet" for row in rows}
        files = [path for path in self._files if Path(path).name in wanted]
        if not files:
            return self._frame(f"SELECT {names} FROM read_parquet(?) LIMIT 0", [self._files[:1]])
        self._unchanged(files, hashed=True)
        frame = self._frame(
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

    def _stamp(self, path):
        try:
            return stamp(path)
        except OSError:
            return None

    def _unchanged(self, files, hashed=False):
        """Refuse files that are not those any more that were checked.

        hashed : whether to read them for that, which also finds what a disk has done by itself;
            too slow for all files of a run, but not for those of a page
        """
        for path in files:
            same = self._stamps[path] is not None and self._stamp(path) == self._stamps[path]
            if same and hashed and path in self._hashes:
                same = sha256(path) == self._hashes[path]
            if not same:
                raise SedflowError(
                    f"results/{Path(path).name} of this run has changed since it was "
                    "opened; give the command of the run again, and then reload this page"
                )

    def _check_rows(self):
        """Refuse files that do not hold just the rows that their names promise."""
        size, total = self._part_rows, self.manifest["catalogue"]["rows"]
        starts = [size * int(Path(path).stem.removeprefix("part-")) for path in self._files]
        promised = np.concatenate([np.arange(s, min(s + size, total)) for s in starts])
        rows = self._fetch(f"SELECT row FROM {self._from('row')}")["row"]
        if np.ma.is_masked(rows) or not np.array_equal(rows, promised):
            raise SedflowError(
                f"the results of this run do not hold the rows {promised.min(initial=0)} to "
                f"{promised.max(initial=0)}, each once and in order, so that a file of them is "
                "damaged; run sedflow infer again, in another folder"
            )

    def _named(self, column):
        """A column's name as SQL has it; only names that the files have."""
        if column not in self.columns:
            raise SedflowError(f"the results have no column {str(column)[:60]!r}; choose another")
        return _quoted(column)

    def _stored(self, column):
        """A column of the files, verdicts in today's words."""
        name, there = self._named(column), _quoted(self._in_files[column])
        if column != "verdict":
            return f"{there} AS {name}"
        cases = "".join(f" WHEN '{old}' THEN '{k.name}'" for k in KINDS for old in k.old)
        return f"CASE {name}{cases} ELSE {name} END AS {name}"

    def _fraction(self, column):
        return self.columns[column] in _FRACTIONS

    def _where(self, rows, finite=()):
        """The condition that a filter means, and its values."""
        terms, values = [], []
        for column, low, high in rows.ranges:
            name = self._named(column)
            if column not in self.numbers:
                raise SedflowError(f"{column} is not a number, so it has no range; choose another")
            if (low is not None or high is not None) and self._fraction(column):
                terms.append(f"NOT isnan({name})")  # DuckDB holds NaN for larger than all numbers
            for limit, sign in ((low, ">="), (high, "<=")):
                if limit is not None:
                    terms.append(f"{name} {sign} ?")
                    values.append(float(limit))
        for column in ("status", "verdict"):
            allowed = getattr(rows, column)
            if allowed:
                terms.append(f"{column} IN (SELECT unnest(?))")
                values.append([as_kind(v) for v in allowed])
        if rows.ident.strip():
            terms.append("contains(CAST(id AS VARCHAR), ?)")
            values.append(rows.ident.strip())
        for column in finite:
            name = self._named(column)
            terms.append(f"isfinite({name})" if self._fraction(column) else f"{name} IS NOT NULL")
        return ("WHERE " + " AND ".join(terms) if terms else ""), values

    def _from(self, *columns):
        """The tables that hold these columns, row beside row."""
        self._load(columns)
        tables = dict.fromkeys(self._tables[c] for c in columns)
        return " POSITIONAL JOIN ".join(tables)

    def _load(self, columns):
        """Read columns that were never asked for."""
        with self._lock:
            new = [c for c in dict.fromkeys(columns) if c not in self._tables]
            if not new:
                return
            table = f"columns_{len(self._tables)}"
            self._unchanged(self._files)
            self._run(
                f"CREATE TABLE {table} AS SELECT {', '.join(map(self._stored, new))} "
                "FROM read_parquet(?)",
                [self._files],
            )
            self._tables.update(dict.fromkeys(new, table))

    def _fetch(self, query, values=()):
        return self._run(query, values, "fetchnumpy")

    def _frame(self, query, values=()):
        return self._run(query, values, "df")

    def _run(self, query, values, fetch="fetchone"):
        # DuckDB has no kind of error of its own for damaged files, and may quote them.
        try:
            return getattr(self._connection.cursor().execute(query, list(values)), fetch)()
        except (self._duckdb.Error, UnicodeDecodeError) as error:
            # A page shows this to visitors, who need not know where the server has its files.
            _LOG.error("the results in %s cannot be read: %s", self.out, error)
            raise SedflowError(
                "the results of this run cannot be read, and the log says why; remove the file "
                "that is damaged and run sedflow infer again"
            ) from None


def _quoted(column):
    return '"' + column.replace('"', '""') + '"'


def _filter_columns(rows):
    """Columns that a filter looks at."""
    out = [column for column, _, _ in rows.ranges]
    out += [name for name in ("status", "verdict") if getattr(rows, name)]
    return [*out, "id"] if rows.ident.strip() else out


def stored_photometry(row: dict, bands) -> Photometry:
    """The photometry of a row [nanomaggies], as the run understood it.

    Raises
    ------
    BadPhotometry
        The row is not a galaxy.
    """
    flux, sigma = ([float(row[f"{kind}_{band}"]) for band in bands] for kind in ("flux", "sigma"))
    return Photometry(flux, sigma, float(row["redshift"]), bands)


def departure(row: dict, names, quantiles) -> tuple[float, str]:
    """How far other quantiles are from those of a row, and in which quantity.

    names : of the quantities; quantiles (3, n) : 16, 50 and 84 % of each. The largest
    difference of any, in units of half the stored 68 % interval; NaN if nothing is stored.
    """
    stored = np.array([[row[f"{name}_p{q}"] for name in names] for q in (16, 50, 84)], float)
    half = np.maximum((stored[2] - stored[0]) / 2, 1e-6 * (1 + np.abs(stored[1])))
    away = np.abs(np.asarray(quantiles, float) - stored).max(0) / half
    if not np.isfinite(away).any():
        return float("nan"), ""
    k = int(np.nanargmax(away))
    return float(away[k]), names[k]

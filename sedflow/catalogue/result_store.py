"""The Parquet files of a catalogue run as DuckDB holds them: locked in, and column by column.

What is asked over all rows comes from columns that are read once, when they are first asked for,
and kept, 4 to 8 bytes a row each: to open a thousand files again takes longer than to look at a
million rows. All values reach DuckDB as bound parameters, and names only if the files have such a
column, so that nothing that a visitor types is ever read as SQL.
"""

import logging
import threading
from pathlib import Path
from typing import Any

from sedflow.catalogue.infer import todays_name
from sedflow.errors import SedflowError
from sedflow.files.hashes import sha256, stamp
from sedflow.sampling.verdict import KINDS

_LOG = logging.getLogger(__name__)
_THREADS = 2  # of DuckDB; the server has other visitors
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE")
_FRACTIONS = ("FLOAT", "DOUBLE")


class ResultStore:
    """The files of the finished partitions of a run, in the order of its rows.

    columns : name -> DuckDB's type
    numbers : names of the columns that hold numbers

    Parameters
    ----------
    duckdb : module
    folder : path of the results, which DuckDB may read, and no other
    hashes : dict of a file's name -> its SHA-256, where one is known
    """

    def __init__(self, duckdb: Any, folder: Path, names: list[str], hashes: dict[str, str]) -> None:
        self._duckdb, self._folder = duckdb, folder
        self.files = [str(folder / name) for name in names]
        self._hashes = {str(folder / name): found for name, found in hashes.items()}
        self._stamps = {path: _stamp(path) for path in self.files}
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
        self._tables: dict[str, str] = {}
        self._lock = threading.Lock()
        described = self.fetch("DESCRIBE SELECT * FROM read_parquet(?)", [self.files[:1]])
        there = dict(zip(described["column_name"], described["column_type"], strict=True))
        #: Today's name -> the one in the files.
        self._in_files = {todays_name(name): name for name in there}
        self.columns = {name: there[old] for name, old in self._in_files.items()}
        self.numbers = [name for name, kind in self.columns.items() if kind in _NUMBERS]

    def named(self, column: str) -> str:
        """A column's name as SQL has it; only names that the files have."""
        if column not in self.columns:
            raise SedflowError(f"the results have no column {str(column)[:60]!r}; choose another")
        return _quoted(column)

    def stored(self, column: str) -> str:
        """A column of the files, verdicts in today's words."""
        name, there = self.named(column), _quoted(self._in_files[column])
        if column != "verdict":
            return f"{there} AS {name}"
        cases = "".join(f" WHEN '{old}' THEN '{k.name}'" for k in KINDS for old in k.old)
        return f"CASE {name}{cases} ELSE {name} END AS {name}"

    def fraction(self, column: str) -> bool:
        """Whether a column holds numbers that may be NaN."""
        return self.columns[column] in _FRACTIONS

    def source(self, *columns: str) -> str:
        """The tables that hold these columns, row beside row."""
        self.load(columns)
        tables = dict.fromkeys(self._tables[c] for c in columns)
        return " POSITIONAL JOIN ".join(tables)

    def load(self, columns) -> None:
        """Read columns that were never asked for."""
        with self._lock:
            new = [c for c in dict.fromkeys(columns) if c not in self._tables]
            if not new:
                return
            table = f"columns_{len(self._tables)}"
            self.unchanged(self.files)
            self._run(
                f"CREATE TABLE {table} AS SELECT {', '.join(map(self.stored, new))} "
                "FROM read_parquet(?)",
                [self.files],
            )
            self._tables.update(dict.fromkeys(new, table))

    def unchanged(self, files: list[str], hashed: bool = False) -> None:
        """Refuse files that are not those any more that were checked.

        hashed : whether to read them for that, which also finds what a disk has done by itself;
            too slow for all files of a run, but not for those of a page
        """
        for path in files:
            now = _stamp(path)
            same = now is not None and now == self._stamps[path]
            # One that was put back, or that others may read now, has another stamp and its bytes.
            if now is not None and path in self._hashes and (hashed or not same):
                same = sha256(path) == self._hashes[path]
            if same:
                self._stamps[path] = now
            if not same:
                raise SedflowError(
                    f"results/{Path(path).name} of this run has changed since it was "
                    "opened; give the command of the run again, and then reload this page"
                )

    def fetch(self, query: str, values=()) -> dict:
        """Columns that a query finds, as arrays."""
        return self._run(query, values, "fetchnumpy")

    def frame(self, query: str, values=()):
        """What a query finds, as a pandas DataFrame."""
        return self._run(query, values, "df")

    def _run(self, query, values, fetch="fetchone"):
        # DuckDB has no kind of error of its own for damaged files, and may quote them.
        try:
            return getattr(self._connection.cursor().execute(query, list(values)), fetch)()
        except (self._duckdb.Error, UnicodeDecodeError) as error:
            # A page shows this to visitors, who need not know where the server has its files.
            _LOG.error("the results in %s cannot be read: %s", self._folder, error)
            raise SedflowError(
                "the results of this run cannot be read, and the log says why; remove the file "
                "that is damaged and run sedflow infer again"
            ) from None


def _stamp(path):
    try:
        return stamp(path)
    except OSError:
        return None


def _quoted(column):
    return '"' + column.replace('"', '""') + '"'

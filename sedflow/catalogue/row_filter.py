"""Which rows of a catalogue run are meant, and the condition that says so to DuckDB."""

from dataclasses import dataclass

from sedflow.catalogue.result_store import ResultStore
from sedflow.errors import SedflowError
from sedflow.sampling.verdict import as_kind


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


EVERY_ROW = RowFilter()


def condition(store: ResultStore, rows: RowFilter, finite=()) -> tuple[str, list]:
    """The condition that a filter means, and its values.

    finite : columns that have to have a value
    """
    terms: list[str] = []
    values: list = []
    for column, low, high in rows.ranges:
        name = store.named(column)
        if column not in store.numbers:
            raise SedflowError(f"{column} is not a number, so it has no range; choose another")
        if (low is not None or high is not None) and store.fraction(column):
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
        name = store.named(column)
        terms.append(f"isfinite({name})" if store.fraction(column) else f"{name} IS NOT NULL")
    return ("WHERE " + " AND ".join(terms) if terms else ""), values


def filter_columns(rows: RowFilter) -> list[str]:
    """Columns that a filter looks at."""
    out = [column for column, _, _ in rows.ranges]
    out += [name for name in ("status", "verdict") if getattr(rows, name)]
    return [*out, "id"] if rows.ident.strip() else out

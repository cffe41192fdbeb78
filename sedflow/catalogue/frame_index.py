"""The index of a pandas data frame, by which pandas gives each row its own result."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sedflow.catalogue.mapping import ColumnMap
from sedflow.errors import BadPhotometry
from sedflow.identifiers import exact_ids
from sedflow.units import BLANK

#: Key of a table's metadata: the column that was the index of the frame which pandas wrote.
WRITTEN = "pandas_index"


def index_of(table: Any) -> Any:
    """The index of a pandas data frame; None of any other table."""
    import pandas as pd

    return table.index if isinstance(table, pd.DataFrame) else None


def named_by_index(table: Any, mapping: ColumnMap) -> tuple[Any, ColumnMap]:
    """A table and its mapping, with the index as the column of IDs where no other has them.

    An index of exact IDs serves: whole numbers or text, each once. One of 0, 1, 2 ... says no more
    than the numbers of the rows.

    >>> import pandas as pd
    >>> from sedflow.catalogue.mapping import BandColumns
    >>> table = pd.DataFrame({"z": [0.1]}, index=pd.Index([72], name="NSAID"))
    >>> mapping = ColumnMap("z", {"u": BandColumns("flux_u", "sigma_u", "nanomaggies")})
    >>> named_by_index(table, mapping)[1].id
    'NSAID'
    """
    index = index_of(table)
    if index is None or mapping.id or index.tolist() == list(range(len(index))):
        return table, mapping
    name = "index" if index.name is None else str(index.name)[:40]
    while name in map(str, table.columns):
        name += "_"
    ids, note = _ids_of(index)
    if ids is None:
        note = f"the index of the data frame is not taken as IDs: {note}"
        return table, replace(mapping, notes=(*mapping.notes, note))
    note = f"the column {name} is the index of the data frame"
    mapping = replace(mapping, id=name, notes=(*mapping.notes, note))
    return table.assign(**{name: ids}), mapping


def written_index(table: Any, used: Collection[str] = ()) -> tuple[str, list[str]]:
    """The column of IDs that was the index of the frame which pandas wrote, and notes on it.

    "" where there is none, or it does not name each row.

    table : a `Catalogue`, or a table that was read of one
    used : columns that hold something else
    """
    name = getattr(table, "index", "")
    if not isinstance(name, str):  # that of a data frame, which `named_by_index` takes
        return "", []
    name = name or (getattr(table, "meta", None) or {}).get(WRITTEN, "")
    columns = getattr(table, "colnames", getattr(table, "columns", ()))
    if not name or name in used or name not in columns:
        return "", []
    rows = table.read([name]) if hasattr(table, "n_rows") else table
    ids, why = _named(rows[name].tolist())
    if ids is None:
        return "", [f"the index of the data frame is not taken as IDs: {why}"]
    return name, [f"the column {name} is the index of the data frame"]


def _ids_of(index):
    """The exact IDs by which an index names each row, each once; else None, and why not."""
    if index.nlevels > 1:
        return None, f"it has {index.nlevels} levels"
    return _named(index.tolist())


def _named(values):
    try:
        ids = exact_ids(values)
    except BadPhotometry as error:
        return None, str(error)
    texts = [str(ident).strip() for ident in ids.tolist()]
    if blank := [text for text in texts if text.lower() in BLANK]:
        return None, f"{len(blank)} of its entries are blank"
    if twice := len(texts) - len(set(texts)):
        return None, f"{twice} of its entries come more than once"
    return ids, ""

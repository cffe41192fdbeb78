"""The index of a data frame that pandas wrote to a Parquet file.

pandas notes in the file's metadata which columns were the index. One of equal steps, such as 1, 2,
3 ..., is in the metadata alone, and is none of the columns.
"""

from collections.abc import Mapping

from sedflow.errors import SedflowError
from sedflow.files.documents import parsed

_UNNAMED = "index"
_ENDS = 2**63  # of an index, which has 64 bits


def index_of_file(
    metadata: Mapping | None, columns: list[str], n_rows: int
) -> tuple[str, range | None]:
    """Name of the column that was a frame's index, and its numbers if it is none of the columns.

    "" where there was none but the numbers of the rows, or one of several levels; and where the
    numbers are not as many as the rows, since somebody has cut the table meanwhile.

    >>> numbers = b'{"kind": "range", "name": null, "start": 1, "stop": 4, "step": 1}'
    >>> index_of_file({b"pandas": b'{"index_columns": [%b]}' % numbers}, ["z"], 3)
    ('index', range(1, 4))
    """
    try:
        found = parsed((metadata or {}).get(b"pandas", b"{}").decode())["index_columns"]
        (one,) = found
        if isinstance(one, str):
            return (one, None) if one in columns else ("", None)
        if one["kind"] != "range":
            return "", None
        ends = [one[key] for key in ("start", "stop", "step")]
        if not all(type(end) is int and abs(end) <= _ENDS for end in ends):
            return "", None
        numbers = range(*ends)
        name = _UNNAMED if one["name"] is None else str(one["name"])[:200]
    except (SedflowError, ValueError, LookupError, TypeError, AttributeError):
        return "", None
    if len(numbers) != n_rows or numbers == range(n_rows):
        return "", None
    while name in columns:
        name += "_"
    return name, numbers

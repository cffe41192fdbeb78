"""CSV that a spreadsheet opens without running anything.

Spreadsheets take a cell that begins with =, +, -, @, a tab or a line end for a formula, which
can fetch addresses and start programs. An ID can be any text, so text that begins so is written
behind an apostrophe, as spreadsheets themselves do; numbers stay as they are. Where the decimal
point is a comma, they begin a new cell at each semicolon, and heed no quotes but those at the
beginning of a cell; so what follows a semicolon, a tab or a line end is treated alike.
"""

import re

import pandas as pd

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
_INSIDE = re.compile("([;\\t\\r\\n][\"' ]*)(?=[=+\\-@＝＋－＠])")
_SIGNS = str.maketrans("＝＋－＠", "=+-@")  # wide forms, which some programs take for the same


def to_csv(frame: pd.DataFrame) -> str:
    """A table as CSV, with a header and without the index.

    Examples
    --------
    >>> print(to_csv(pd.DataFrame({"id": ["=1+1", "a;-5", "7"], "z": [-1.0, 0.1, 0.2]})), end="")
    id,z
    '=1+1,-1.0
    a;'-5,0.1
    7,0.2
    """
    safe = frame.copy(deep=False)
    safe.columns = [_cell(name) for name in frame.columns]
    end = "\n"
    for k in range(frame.shape[1]):
        column = frame.iloc[:, k]
        if not pd.api.types.is_numeric_dtype(column):
            column = column.astype(object).map(_cell)
            safe.isetitem(k, column)
            if any("\r" in value for value in column if isinstance(value, str)):
                end = "\r\n"  # else a cell with half of it would begin a row
    return safe.to_csv(index=False, lineterminator=end)


def _cell(value):
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return value
    begins = value.lstrip(" ").translate(_SIGNS)
    value = _INSIDE.sub(r"\1'", value)
    return f"'{value}" if begins.startswith(_FORMULAS) else value

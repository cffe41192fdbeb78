"""The package's own FITS tables, without astropy, which takes half a second to load."""

from os import PathLike
from pathlib import Path

import numpy as np

__all__ = ["fits_columns"]

_BLOCK, _CARD = 2880, 80  # bytes
_KINDS = {"J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8", "A": "S"}


def fits_columns(path: str | PathLike) -> dict[str, np.ndarray]:
    """Columns of the table in a FITS file's first extension, by name, in the file's byte order.

    Of plain columns alone: no scaling, no bits, no variable lengths, as `tools/build_data.py`
    writes them.
    """
    content = Path(path).read_bytes()
    _, start = _header(content, 0)
    header, start = _header(content, start)
    fields: list[tuple] = []
    for k in range(1, int(header["TFIELDS"]) + 1):
        form = header[f"TFORM{k}"]
        count, kind = int(form[:-1] or 1), _KINDS[form[-1]]
        if kind == "S":
            fields.append((header[f"TTYPE{k}"], f"S{count}"))
        else:
            fields.append((header[f"TTYPE{k}"], kind, (count,) if count > 1 else ()))
    rows = np.frombuffer(content, np.dtype(fields), int(header["NAXIS2"]), start)
    return {name: rows[name].copy() for name, *_ in fields}


def _header(content, start):
    """Values of a header, as text without quotes, and where it ends."""
    values = {}
    for place in range(start, len(content), _CARD):
        card = content[place : place + _CARD].decode("ascii")
        key = card[:8].rstrip()
        if key == "END":
            return values, place + _BLOCK - (place - start) % _BLOCK
        if card[8:10] == "= ":
            values[key] = card[10:].split(" /")[0].strip().strip("'").rstrip()
    raise ValueError("the header has no end")

"""Numbers that visitors write or their browsers send: the only reader of them.

`str.isdigit` is true of "²", which `int` refuses, and `int` refuses five thousand digits. A
browser says how large a plot is and where a lasso was drawn; it may say anything.
"""

import math
import re
from array import array

import numpy as np

from sedflow.errors import SedflowError

#: Digits of the longest number that is read; it fits 64 bits.
MAX_DIGITS = 18
#: Width and height of the largest image that is made for a page, on the event loop; maps of rows
#: are 400 pixels high.
MOST_PIXELS = (1_600, 500)
#: Vertices of the longest lasso that is looked at.
MOST_VERTICES = 2_000
_WHOLE = re.compile(rf"-?[0-9]{{1,{MAX_DIGITS}}}")


def whole_number(text: str, low: int = 0) -> int | None:
    """The whole number that a text means; None if it means none, or one below `low`.

    >>> whole_number(" 72 "), whole_number("²"), whole_number("9" * 5000), whole_number("-3")
    (72, None, None, None)
    """
    text = str(text).strip()
    if _WHOLE.fullmatch(text) is None:
        return None
    number = int(text)
    return None if number < low else number


def clamped(
    name: str, value: float, low: float | None, high: float | None, notices: list[str]
) -> float:
    """The value inside its limits, where there are any; a notice if it was outside."""
    ends = (-math.inf if low is None else low, math.inf if high is None else high)
    inside = min(max(value, ends[0]), ends[1])
    if inside != value:
        limits = " to ".join(map(_number, ends))
        notices.append(
            f"{name} = {_number(value)} was changed to {_number(inside)}; it may be {limits}"
        )
    return inside


def _number(value):
    """A number of a notice: whole ones with all their digits, in groups of three.

    >>> _number(2147483647), _number(0.25), _number(1e300)
    ('2,147,483,647', '0.25', '1e+300')
    """
    whole = abs(value) < 1e15 and value == int(value)
    return f"{value:,.0f}" if whole else f"{value:g}"


def pixels(size: float | None, most: int) -> int | None:
    """A size that a browser sends as one of an array, 1 to `most`; None where there is none yet.

    >>> pixels(640.5, 2000), pixels(9000, 2000), pixels(-3, 2000), pixels(float("nan"), 2000)
    (640, 2000, None, None)
    """
    if not isinstance(size, int | float) or not size >= 1:
        return None
    return int(min(size, most))


def pointed(geometry: dict) -> bool:
    """Whether a figure says that it was clicked, which it does as for a box: nothing is drawn."""
    return isinstance(geometry, dict) and geometry.get("type") == "point"


def region(geometry: dict) -> dict:
    """A box or a lasso that a browser sends, with its numbers checked.

    Returns
    -------
    dict
        "type" is "rect", with "x0", "x1", "y0" and "y1", or "poly", with arrays "x" and "y".

    Raises
    ------
    SedflowError
        It is neither, it has more than `MOST_VERTICES`, or a number is not finite.
    """
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    keys = {"rect": ("x0", "x1", "y0", "y1"), "poly": ("x", "y")}.get(str(kind))
    if keys is None:
        raise SedflowError("this selection is neither a box nor a lasso; draw it again")
    values = [geometry.get(key) for key in keys]
    if kind == "poly":
        # A browser's own arrays of numbers come as Python's.
        sequences = list | tuple | np.ndarray | array
        sizes = [len(v) if isinstance(v, sequences) else -1 for v in values]
        if sizes[0] != sizes[1] or sizes[0] < 0:
            raise SedflowError("this lasso is not two lists of numbers; draw it again")
        if sizes[0] > MOST_VERTICES:
            raise SedflowError(
                f"this lasso has {sizes[0]:,} vertices, and the limit is {MOST_VERTICES:,}; draw a "
                "simpler one"
            )
    try:
        found = [np.asarray(v, dtype=float) for v in values]
    except (TypeError, ValueError):
        found = [np.array(np.nan)]
    if not all(v.ndim == (kind == "poly") and np.isfinite(v).all() for v in found):
        raise SedflowError("this selection holds something that is not a number; draw it again")
    ends = [float(v) for v in found] if kind == "rect" else found
    return {"type": kind, **dict(zip(keys, ends, strict=True))}

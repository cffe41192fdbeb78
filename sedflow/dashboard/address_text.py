"""Words and limits as addresses have them."""

import math

__all__ = ["limits_of", "limits_text", "quoted"]

_LONGEST = 64  # characters of a value that a notice quotes


def quoted(value: object) -> str:
    """A value of an address in a notice, cut where it is long.

    >>> quoted("nsa"), len(quoted("9" * 5000))
    ("'nsa'", 67)
    """
    text = str(value)
    return repr(text if len(text) <= _LONGEST else text[:_LONGEST] + "…")


def limits_text(column: str, low: float | None, high: float | None) -> str:
    """A column between two limits, with all their digits; None for no limit.

    >>> limits_text("redshift", None, 0.02), limits_text("mass", 9, 10.123456789)
    ('redshift::0.02', 'mass:9:10.123456789')
    """
    ends = ("" if end is None else repr(float(end)).removesuffix(".0") for end in (low, high))
    return ":".join((column, *ends))


def limits_of(text: str) -> tuple[str, float | None, float | None]:
    """What `limits_text` wrote.

    Raises
    ------
    ValueError
        It is not a column with two finite limits.
    """
    column, *ends = text.split(":")
    low, high = (None if end == "" else float(end) for end in ends)
    known = [end for end in (low, high) if end is not None]
    if not all(map(math.isfinite, known)):
        raise ValueError(text[:_LONGEST])
    return column, low, high

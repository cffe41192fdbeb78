"""What the cells of a column of flags say: whether a value is an upper limit, or a lower one."""

import re

import numpy as np

from sedflow.nulls import is_code
from sedflow.units import BLANK, as_number

#: Words that say that a value is a limit, and that it is none; parts of a word are joined.
_LIMIT = {
    "t", "true", "y", "yes", "u", "ul", "upper", "upperlimit", "upperlim", "uplim", "ulim", "lim",
    "limit", "nondetection", "nondet", "notdetected", "undetected", "nd", "x", "*",
}  # fmt: skip
_NO_LIMIT = {
    "f", "false", "n", "no", "=", "d", "det", "detected", "detection", "ok", "good", "measured",
    ".", "none", "value",
}  # fmt: skip
#: "L" alone is of neither: some catalogues have it for lower limits, some for limits.
_LOWER = {"ll", "lower", "lowerlimit", "lowerlim", "lolim"}
_SIGNS = {"<": 1, "≤": 1, ">": -1, "≥": -1}


def text_of(cell) -> str:
    """A cell as text."""
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def word_of(text: str) -> str:
    """A flag in small letters; a word of several parts as one.

    >>> word_of("Upper limit"), word_of("N.D."), word_of("<NA>")
    ('upperlimit', 'nd', '<na>')
    """
    plain = text.strip().lower()
    if re.fullmatch("<.+>", plain) and plain[1:-1].strip() in BLANK:  # "<NaN>", "< NA >"
        return "<na>"
    return plain if plain in BLANK else re.sub(r"(?<=[a-z])[-_. ]+(?=[a-z]|$)", "", plain)


def sign_of(text: str) -> int:
    """Which sign a cell begins with: 1 of "<", -1 of ">", or 0, as for the "<NA>" of pandas."""
    word = word_of(text)
    return 0 if word in BLANK else _SIGNS.get(word[:1], 0)


def is_limit(word: str) -> bool | None:
    """Whether a word, as `word_of` has it, says that a value is a limit; None if nobody knows."""
    if word in BLANK and word not in _LIMIT:
        return False
    if word[:1] in _SIGNS or word in _LIMIT or word in _LOWER:
        return True
    if word in _NO_LIMIT:
        return False
    number = np.array([number_in(word)])
    return None if np.isnan(number[0]) or fractions(number)[0] else bool(number[0])


def are_lower(words: list[str]) -> np.ndarray:
    """Which words (n,) say that a value is a lower limit."""
    return np.array([word in _LOWER for word in words], dtype=bool)


def fractions(numbers: np.ndarray) -> np.ndarray:
    """Which numbers (n,) are not whole, as a flag is, nor a code for none: of measurements."""
    with np.errstate(invalid="ignore"):
        return np.isfinite(numbers) & (numbers != np.round(numbers)) & ~is_code(numbers)


def number_in(cell) -> float:
    """The number in a cell; NaN where it holds none."""
    try:
        return as_number(text_of(cell) if isinstance(cell, bytes) else cell)
    except (TypeError, ValueError, OverflowError):
        return np.nan

"""A whole number from outside, such as a count or a seed, and the sentence on one that is not."""

import numbers
from typing import Any

import numpy as np

from sedflow.errors import BadParameters

LARGEST_SEED = 2**64 - 1  # of what is stored


def as_whole(name: str, value: object, low: int, high: int | None = None, what: str = "") -> int:
    """A count or a seed as an int, from low to high, or of any size without high.

    Raises
    ------
    BadParameters
        The value is not a whole number in that range; a bool is not a number.
    """
    if isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_):
        number: Any = value
        if number == number // 1 and low <= number and (high is None or number <= high):
            return int(number)
    limits = f">= {low}" if high is None else f"from {low} to {high:,}"
    shown = " ".join(repr(value).split())[:64]
    raise BadParameters(f"{name} = {shown}{what}; give a whole number {limits}")

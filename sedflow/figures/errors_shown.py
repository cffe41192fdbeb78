"""How many digits a median and its two errors are printed with."""

import math

__all__ = ["digits_of_errors"]

_FAR = 30.0  # times the smaller error, from which on the larger one has digits of its own


def digits_of_errors(
    low: float, middle: float, high: float, without: int = 2
) -> tuple[int, int, int]:
    """Digits after the point of a median, of its upper and of its lower error; below 0 of tens.

    Two digits of the smaller error, which the larger one shares unless it is far larger.

    without : of all three, where there is no error

    >>> digits_of_errors(1.0, 1.25, 1.625), digits_of_errors(0.0105, 0.0122, 11.79)
    ((2, 2, 2), (4, 0, 4))
    """
    errors = high - middle, middle - low
    least = min((e for e in errors if 0 < e < math.inf), default=None)
    if least is None:
        return without, without, without
    up, down = (_two_digits(e if _FAR * least < e < math.inf else least) for e in errors)
    return _two_digits(least), up, down


def _two_digits(error):
    return 1 - math.floor(math.log10(error))

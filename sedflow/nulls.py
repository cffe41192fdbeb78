"""Numbers that say that there is no value: 99, -999, 9.9e99 and kin.

A code is recognised by the number and by what stands beside it, row by row, so that a part of a
catalogue is read as the whole is: -99 +- 99, -99 +- 0.5 (no flux is two hundred sigma below zero),
0 +- 9.9e99. What could be data as well, such as -99 +- 60, is asked about; `settled` answers from
the distribution of a column, where a number that stands again and again among fractions is a code.
"""

import numpy as np

#: Magnitudes that say that there is none, besides those at least `_BEYOND` either way.
_NO_MAGNITUDE = (0.0, -1.0, -9.0, -9.9, -9.99, -9.999)
_BEYOND = 90.0
NO_MAGNITUDE_WORDS = "0, -1, -9.99 and 90 or more either way (99, -99, 999)"
_NO_ERROR = (9.0, 9.9, 9.99, 9.999)  # of magnitudes, besides those beyond

_NINES = [float("9" * n + tail) for n in range(2, 10) for tail in ("", ".9", ".99", ".999")]
_WHOLE = [32767.0, 32768.0, 2147483647.0, 2147483648.0]
_CODES = np.array(sorted({*_NINES, *_WHOLE}), dtype=np.float32)
_SMALL = (9.9, 9.99, 9.999)  # where value and error both are it
_HUGE = 1e9  # beyond it, round numbers and the ends of number types are codes
_MANTISSAS = (1.0, 9.0, 9.9, 9.99, 9.999, 9.96921, 1.79769313, 3.40282347, 1.2676506, 1.6375)
_SOME, _MANY = 5, 50  # values beside which a number below, above zero stands out
_TOO_NEGATIVE = -5.0  # sigma below zero that no flux is


def is_code(values) -> np.ndarray:
    """Whether the size of each number is one that catalogues use for "no value".

    >>> is_code([-99.0, 99.5, 9.9e99, -9999, 12.0]).tolist()
    [True, False, True, True, False]
    """
    size = np.abs(np.asarray(values, dtype=float))
    with np.errstate(all="ignore"):
        single = size.astype(np.float32)  # of which many tables are
        k = np.minimum(np.searchsorted(_CODES, single), len(_CODES) - 1)
        code = np.array(_CODES[k] == single)
        huge = np.isfinite(size) & (size >= _HUGE)
        if huge.any():
            mantissa = size[huge] / 10.0 ** np.floor(np.log10(size[huge]))
            near = [np.abs(mantissa - number) < 1e-5 * number for number in _MANTISSAS]
            code[huge] |= np.any(near, axis=0)
    return code


def among(values, numbers) -> np.ndarray:
    """Which values are one of these numbers, as single precision has them, too."""
    found = np.zeros(np.shape(values), dtype=bool)
    for number in numbers:
        found |= np.isclose(values, number, rtol=1e-6, atol=0.0)
    return found


def no_magnitude(value, error) -> np.ndarray:
    """Where a magnitude, or its error, says that there is none; `error` None if not in mag."""
    with np.errstate(invalid="ignore"):
        found = np.abs(value) >= _BEYOND
        for none in _NO_MAGNITUDE:
            found |= np.abs(value - none) < 1e-5
    return found if error is None else found | no_magnitude_error(error)


def no_magnitude_error(error) -> np.ndarray:
    """Where the error of a magnitude, in mag, says that there is none."""
    with np.errstate(invalid="ignore"):
        found = np.abs(error) >= _BEYOND
        for none in _NO_ERROR:
            found |= np.abs(error - none) < 1e-5
    return found


def no_flux(value, error, ratio) -> tuple[np.ndarray, np.ndarray]:
    """Where a flux says that there is none, and where it may.

    value, error : as the table has them; error is None if it is not a sigma
    ratio : flux over sigma
    """
    code, none = is_code(value), np.zeros(np.shape(value), dtype=bool)
    with np.errstate(invalid="ignore"):
        huge = np.abs(value) >= _HUGE
        if error is not None:
            error_code = is_code(error)
            none |= error_code & ((error >= _HUGE) | code | (value == 0))
            none |= (value == -error) & among(error, _SMALL)
        none |= code & (huge | ~(ratio >= _TOO_NEGATIVE))
        return none, code & ~none & (value < 0)


def settled(values) -> tuple[float, ...]:
    """Codes among the values of a column, by their distribution.

    A number of those that `is_code` knows is a code where it stands several times among numbers
    that hardly ever repeat, or where it is ten times as large as all others, of which there are
    some. One of a few rows may be data.

    >>> settled([12.3, 45.1, -99.0, 8.7, -99.0])
    (-99.0,)
    """
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    code = is_code(values)
    others, found = values[~code], []
    if not len(others):
        return ()
    _, repeats = np.unique(others, return_counts=True)
    fine = len(repeats) > 0.5 * len(others) and (others % 1 != 0).mean() > 0.5
    for number, times in zip(*np.unique(values[code], return_counts=True), strict=True):
        again = times > 1 and times > repeats.max() and fine
        enough = _SOME if number < 0 else _MANY
        if again or (len(others) >= enough and np.abs(number) > 10 * np.abs(others).max()):
            found.append(float(number))
    return tuple(found)

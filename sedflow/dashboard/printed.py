"""Numbers as a page prints them: a true minus, a space before %, and ages in their unit."""

import math
import re
import string
from typing import Any

__all__ = ["ago", "filled", "minus", "percent", "powers", "printed", "short"]

# A hyphen that begins a number: not of a range, a name, a date, or of what is quoted.
_HYPHEN = re.compile(r"(?<![\w.'\"-])-(?=[\d.])")
_POWER = re.compile(r"(?<![\w.'\"-])([\d.]+)e([+-]?)0*(\d+)(?![\w.]*['\"\w])")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_GYR = 0.9995  # less is less than 1,000 Myr, rounded


def minus(text: str) -> str:
    """A text whose numbers have a true minus; what is quoted stays as it is.

    >>> minus("between -3.0 and 1e-06, '-99'")
    "between −3.0 and 1e-06, '-99'"
    """
    return _HYPHEN.sub("\N{MINUS SIGN}", text)


def powers(text: str) -> str:
    """A text whose numbers have powers of ten as one writes them; what is quoted stays as it is.

    >>> powers("p = 8e-10, 1e-06 to 0.5, 2.5e+20, '1e-6', file 3e.csv")
    "p = 8 × 10⁻¹⁰, 10⁻⁶ to 0.5, 2.5 × 10²⁰, '1e-6', file 3e.csv"
    """

    def written(found):
        digits, sign, power = found.groups()
        raised = f"10{(sign.strip('+') + power).translate(_RAISED)}"
        return raised if digits == "1" else f"{digits} × {raised}"

    return _POWER.sub(written, text)


def printed(value: Any, spec: str = "") -> str:
    """A number for a reader, by Python's format, or a text with numbers.

    >>> printed(-3, ".2f"), printed(0.254, ".0%"), printed("at -0.41"), printed("nsa-ugriz")
    ('−3.00', '25 %', 'at −0.41', 'nsa-ugriz')
    >>> printed(float("-inf"), ".2f"), printed(float("nan"), ".2f")
    ('−∞', '–')
    """
    if isinstance(value, float) and not math.isfinite(value):
        return "–" if math.isnan(value) else "∞" if value > 0 else "\N{MINUS SIGN}∞"
    text = powers(minus(format(value, spec)))
    return f"{text[:-1]} %" if text.endswith("%") and not text.endswith(" %") else text


def short(value: float) -> str:
    """A number to two digits, for a reader: no powers of ten from a millionth to a million.

    >>> short(153.2), short(3.46), short(-0.00121), short(0.0)
    ('150', '3.5', '−0.0012', '0')
    """
    if not value or not 1e-6 < abs(value) < 1e6:
        return printed(value, ".2g")
    digits = 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    return printed(rounded, f".{max(digits, 0)}f").removesuffix(".0")


def percent(share: float) -> str:
    """A share: whole percents, with a decimal below ten.

    >>> percent(0.25), percent(0.0431)
    ('25 %', '4.3 %')
    """
    return printed(share, ".1%" if share < 0.1 else ".0%")


def ago(low: float, middle: float, high: float) -> str:
    """A time and its range, given in Gyr: from 1 Gyr on in Gyr, below in Myr.

    >>> ago(0.034, 0.05, 0.064), ago(0.8, 1.3, 2.1), ago(0.011, 0.805, 6.556)
    ('50 (34 to 64) Myr', '1.3 (0.80 to 2.1) Gyr', '805 Myr (11 Myr to 6.6 Gyr)')
    """
    if middle >= _GYR:
        ends = (f"{t:.1f}" if t >= _GYR else f"{t:.2f}" for t in (low, high))
        return "{:.1f} ({} to {}) Gyr".format(middle, *ends)
    numbers, units = zip(*(_age(t) for t in (middle, low, high)), strict=True)
    if len(set(units)) == 1:
        return "{} ({} to {}) {}".format(*numbers, units[0])
    words = [f"{number} {unit}" for number, unit in zip(numbers, units, strict=True)]
    return "{} ({} to {})".format(*words)


def _age(gyr):
    """Number and unit; 999.6 Myr are 1.0 Gyr."""
    return (f"{gyr:.1f}", "Gyr") if gyr >= _GYR else (f"{1000 * gyr:.0f}", "Myr")


class _Texts(string.Formatter):
    def format_field(self, value, format_spec):
        return printed(value, format_spec)


def filled(text: str, facts: dict) -> str:
    """A text with facts in place of what it has in braces, all of them as a page prints them.

    >>> filled("{share:.0%} at {log_z}", {"share": 0.5, "log_z": "-1.2"})
    '50 % at −1.2'
    """
    return _Texts().vformat(text, (), facts)

"""Columns of a table whose own units count: magnitudes of a survey, shares, and any other.

A unit that cannot be read says nothing, as for the photometry of a catalogue.
"""

from typing import Any

import numpy as np

from sedflow.catalogue.columns import Columns, readable_unit
from sedflow.errors import SedflowError
from sedflow.flux_units import AB, flux_unit, is_percent
from sedflow.units import as_unit


def numbers_of(columns: Columns, name: str) -> np.ndarray:
    """A column as floats (n,), NaN where blank or masked.

    Raises
    ------
    SedflowError
        A cell is not a number.
    """
    reasons: dict = {}
    numbers = np.array(columns.numbers(name, reasons), dtype=float)
    if reasons:
        raise SedflowError(next(iter(reasons.values())))
    return numbers


def ab_magnitudes(columns: Columns, name: str) -> np.ndarray:
    """A column as AB magnitudes (n,), from those or thousandths of them.

    >>> ab_magnitudes(Columns({"r": [17.77]}), "r")
    array([17.77])
    """
    numbers, stated = numbers_of(columns, name), columns.stated_unit(name)
    if not readable_unit(stated) and _unit_of(stated) is None:
        return numbers
    try:
        unit = flux_unit(stated)
    except SedflowError:
        raise _wrong(name, stated, "AB magnitudes") from None
    zero_point = unit.kind == "log" and unit.per == "nu" and not unit.system
    if not (zero_point and np.isclose(unit.scale, AB.scale, rtol=1e-6)):
        raise _wrong(name, stated, "AB magnitudes")
    return numbers * (unit.step / AB.step)


def shares(columns: Columns, name: str) -> np.ndarray:
    """A column as shares (n,) of one, from those or percents.

    >>> shares(Columns({"seen": [0.5]}), "seen")
    array([0.5])
    """
    numbers, stated = numbers_of(columns, name), columns.stated_unit(name)
    if is_percent(stated):
        return numbers / 100
    unit = _unit_of(stated)
    if unit is not None and not unit.bases:  # percents, as FITS has them: 10**-2
        return numbers * unit.scale
    if unit is not None or readable_unit(stated):
        raise _wrong(name, stated, "shares of one, or percents")
    return numbers


def quantities(columns: Columns, name: str) -> Any:
    """A column as numbers (n,) in its unit of astropy's; plain where that cannot be read."""
    from astropy import units as u

    numbers, stated = numbers_of(columns, name), columns.stated_unit(name)
    unit = _parsed(stated)
    if unit is None:
        return numbers
    if isinstance(unit, u.function.FunctionUnitBase):
        raise _wrong(name, stated, "numbers, or a quantity that is not a logarithm")
    return u.Quantity(numbers, unit)


def _parsed(stated):
    """A text as astropy reads it; None where there is none, or that it cannot read."""
    try:
        return as_unit(stated) if stated else None
    except Exception:  # astropy's parsers raise errors of many kinds
        return None


def _unit_of(stated):
    """The unit that a text is, of astropy's; None where there is none, or one that nobody knows."""
    from astropy import units as u

    unit = _parsed(stated)
    known = not isinstance(unit, u.function.FunctionUnitBase | u.UnrecognizedUnit)
    return unit if known and unit != u.dimensionless_unscaled else None


def _wrong(name, stated, wanted):
    return SedflowError(
        f"the column {name[:40]!r} is in {stated[:60]!r} by its own account; give {wanted}"
    )

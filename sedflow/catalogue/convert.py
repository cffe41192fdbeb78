"""The columns of a band as fluxes with errors in nanomaggies: units, errors, limits, corrections.

A band is absent where its flux or error is blank, NaN or masked, where a number says that there
is none (`nulls`), and where the error is not positive.
"""

from collections import Counter

import numpy as np

from sedflow.bands import load_band, short_name
from sedflow.catalogue.band_columns import NEGATIVE, NO_ERROR
from sedflow.catalogue.own_units import as_stated
from sedflow.flux_units import is_milli
from sedflow.nulls import among, is_code, no_flux, no_magnitude, no_magnitude_error
from sedflow.zero_points import pair_to_nanomaggies, to_nanomaggies, zero_flux

_POWER = {"ivar": -2, "variance": 2}
_FRACTION = {"relative": 1.0, "percent": 0.01}
_EXTINCTION = (-0.5, 30.0)  # [mag]; others are codes, or of another quantity


def band_fluxes(columns, name, band, reasons, left_out: Counter):
    """Flux and sigma (n,) [nanomaggies] of a band; NaN in both where it is absent.

    columns : `Columns`; band : `BandColumns`, with a unit
    reasons : row -> what is wrong with it, to be filled
    left_out : sentence on values that do not count -> rows, to be counted
    """
    limits = np.zeros(columns.n, dtype=np.int8)  # 1 upper ones, -1 lower ones, of the flux
    text: dict[int, str] = {}  # row -> what is no number in it
    value = columns.numbers(band.value, text, limits)
    error = columns.numbers(band.error, text)
    for row, why in text.items():
        reasons.setdefault(row, why)
    upper = columns.numbers(band.error_upper, reasons) if band.error_upper else None
    band = as_stated(columns, band)
    _check_units(columns, band)
    if band.flux_unit.step < 0 or band.flux_unit.kind == "asinh":
        limits = -limits  # of a magnitude, "<" says that the galaxy is brighter
    lower, limits = limits < 0, limits > 0
    above, below, no_flags = _flagged(columns, band, value, error)
    limits, lower = (limits | above) & ~(lower | below), lower | below
    error = np.where(limits & _without_error(band, error), np.nan, error)
    with np.errstate(all="ignore"):
        blank = np.isnan(value)
        stated = among(value, band.null_numbers)
        flux, sigma = _pair(name, band, value, _one_sigma(error, upper, band.error_kind))
        coded, doubtful = _codes(band, value, error, flux, sigma)
        infinite = np.isinf(value) | np.isinf(error)
        none = stated | coded | infinite | lower
        no_error = ~(np.isfinite(sigma) & (sigma > 0)) & ~blank & ~none
        absent = blank | none | no_error
        if limits.any():
            flux, sigma, absent = _limited(band, flux, sigma, absent, limits & ~blank & ~none)
        brighter = _brighter(columns, name, band, absent, reasons)
        flux, sigma = flux * brighter, sigma * brighter
    if (lower & ~blank).any():
        left_out[f"{name}: lower limits of the flux, left out"] += int((lower & ~blank).sum())
    for code, times in no_flags.items():
        left_out[f"{name}: {band.limit} = {code:g} says that there is no flag"] += times
    none &= ~lower
    for flags in (blank, no_error):
        flags[list(text)] = False  # such a row has its own reason
    _count(left_out, name, band, value, blank, none, no_error & ~lower, limits)
    for row in np.flatnonzero(doubtful & ~absent).tolist():
        reasons.setdefault(
            row,
            f"{band.value} = {value[row]:g} +- {error[row]:g} may be data, or say that there is no "
            f"value; state nulls = '{value[row]:g}' or nulls = 'none' for {name} in the mapping",
        )
    return np.where(absent, np.nan, flux), np.where(absent, np.nan, sigma)


def _check_units(columns, band):
    columns.check_unit(band.value, band.full_unit)
    if not band.zero_point:
        columns.check_system(band.value, band.full_unit)
    if band.error_kind in ("sigma", "ivar", "variance"):
        for name in filter(None, (band.error, band.error_upper)):
            columns.check_unit(name, band.sigma_unit, _POWER.get(band.error_kind, 1))


def _flagged(columns, band, value, error):
    """Where the flux is an upper limit, and where a lower one, which says nothing here.

    Then the numbers that say that there is no flag, such as -99 and 9999 -> in how many rows;
    none where nulls are stated as "none". A number below 0 is of the flux in any unit, as one
    above 0 is; "<" and ">" are of the value.
    """
    none = np.zeros(value.shape, dtype=bool)
    if band.limit == NEGATIVE:
        upper = (error < 0) & ~among(error, NO_ERROR)
        return upper & ~(among(error, (-1.0,)) & ~(value > 0)), none, Counter()
    if not band.limit:
        return none, none, Counter()
    flags, numbers = columns.flags(band.limit), columns.flag_numbers(band.limit)
    if band.nulls.strip().lower() != "none":
        none = is_code(numbers) | np.isinf(numbers) | among(numbers, (-9.0,))
    relations = columns.relations(band.limit)
    if band.flux_unit.step < 0 or band.flux_unit.kind == "asinh":
        relations = -relations
    flags, lower = flags & ~none & (numbers != 0), (relations < 0) | (numbers < 0)
    codes = Counter(numbers[none & ~np.isnan(value)].tolist())
    return flags & ~lower, flags & lower, codes


def _one_sigma(error, upper, kind):
    """Errors of any kind as one sigma, in the unit of errors or as fractions of the flux."""
    if kind == "ivar":
        return 1.0 / np.sqrt(error)
    if kind == "variance":
        return np.sqrt(error)
    if kind == "snr":
        return 1.0 / error
    if upper is not None:  # the lower one may have its sign
        both = (np.abs(error) > 0) & (upper > 0)
        error = np.where(both, (np.abs(error) + upper) / 2, np.nan)
    return error * _FRACTION.get(kind, 1.0)


def _pair(name, band, value, error):
    about = {
        "band": short_name(name),
        "pivot": load_band(name).pivot,
        "zero": zero_flux(band.zero_point) if band.zero_point else None,
    }
    if band.error_kind in ("relative", "percent", "snr"):
        flux = to_nanomaggies(value, band.flux_unit, **about)[0]
        signed = band.error_kind == "snr"  # which is negative where the flux is
        return flux, (flux if signed else np.abs(flux)) * error
    return pair_to_nanomaggies(value, error, band.full_unit, band.sigma_unit, **about)


def _codes(band, value, error, flux, sigma):
    """Where numbers say that there is no value, and where they may."""
    own = error if band.error_kind == "sigma" else None
    if band.magnitudes:
        none = no_magnitude(
            *(_in_mag(v, u) for v, u in ((value, band.unit), (own, band.sigma_unit)))
        )
        if is_milli(band.unit):  # 99, which is no magnitude in any unit
            none |= is_code(value)
        return none, np.zeros(value.shape, dtype=bool)
    if band.flux_unit.logarithmic:  # of which 0, -1 and 92 are numbers like any other
        none = is_code(value) | (False if own is None else is_code(own))
        return none & (band.nulls.strip().lower() != "none"), np.zeros(value.shape, dtype=bool)
    if band.nulls.strip().lower() == "none":
        return np.zeros((2, *value.shape), dtype=bool)
    return no_flux(value, own, flux / sigma)


def _without_error(band, error):
    """Where the error of a limit is a placeholder: below 0, infinite, or a code."""
    found = (error < 0) | np.isinf(error)
    if band.error_kind != "sigma":
        return found
    if band.magnitudes:
        return found | no_magnitude_error(_in_mag(error, band.sigma_unit))
    return found | ((band.nulls.strip().lower() != "none") & is_code(error))


def _in_mag(values, unit):
    """Magnitudes or their errors in mag, where their unit is a thousandth of it."""
    return values if values is None or not is_milli(unit) else 1e-3 * values


def _limited(band, flux, sigma, absent, limits):
    """Upper limits as fluxes of 0 with the error that the level says; absent without a level."""
    if not band.limit_sigma:
        return flux, sigma, absent | limits
    good = limits & np.isfinite(flux) & (flux > 0)
    sigma = np.where(limits, np.abs(flux) / float(band.limit_sigma), sigma)
    return np.where(limits, 0.0, flux), sigma, np.where(limits, ~good, absent)


def _brighter(columns, name, band, absent, reasons):
    """By what factor (n,) fluxes grow when Galactic extinction is removed."""
    if not band.correction:
        return 1.0
    numbers = columns.numbers(band.correction, reasons)
    if band.transmission:
        good, factor = (numbers > 0) & (numbers <= 1.001), 1.0 / numbers
        what = "a transmission, which is above 0 and at most 1"
    else:
        unit = columns.stated_unit(band.correction).strip().lower()
        if unit not in ("", "mag"):
            columns.check_unit(band.correction, "mag")
        dimming = numbers * (band.coefficient_of(name) if band.ebv else 1.0)
        good = (dimming > _EXTINCTION[0]) & (dimming < _EXTINCTION[1])
        factor = 10 ** (0.4 * dimming)
        what = "E(B-V) in mag" if band.ebv else "an extinction in mag"
    for row in np.flatnonzero(~absent & ~good):
        reasons.setdefault(
            int(row),
            f"{band.correction} = {numbers[row]:g} must be finite, and {what}; correct it, or "
            "leave it out of the mapping",
        )
    return np.where(good, factor, np.nan)


def _count(left_out, name, band, value, blank, none, no_error, limits):
    """Count the rows whose band is absent, by what the cells hold."""
    own = is_code(value) | ~np.isfinite(value)
    if band.magnitudes:
        own |= no_magnitude(_in_mag(value, band.unit), None)
    own &= none
    own |= none & among(value, band.null_numbers)
    for number, times in zip(*np.unique(value[own], return_counts=True), strict=True):
        left_out[f"{name}: {band.value} = {number:g} says that there is no value"] += int(times)
    for flags, why in (
        (blank, f"{band.value} is blank or masked"),
        (none & ~own, f"{band.error} says that there is no value"),
        (no_error & ~limits, f"{band.error} is not a positive error"),
        (
            limits & ~blank & ~none,
            "upper limits"
            + (
                f" of {band.limit_sigma} sigma, taken as 0 +- limit / {band.limit_sigma}"
                if band.limit_sigma
                else ", left out, as limit_sigma is not stated"
            ),
        ),
    ):
        if flags.any():
            left_out[f"{name}: {why}"] += int(flags.sum())

"""Fluxes and their errors from outside, in whatever unit, as nanomaggies in each band."""

import numpy as np

from sedflow.band_labels import (
    check_alike,
    check_are_errors,
    check_are_fluxes,
    check_band_labels,
)
from sedflow.bands import FLUX_UNIT, as_bands, load_band, short_name
from sedflow.constants import AB_FNU, C_ANGSTROM
from sedflow.errors import BadPhotometry, SedflowError
from sedflow.flux_units import NANOMAGGIES, error_unit_of, flux_unit, same_flux_unit
from sedflow.labels import labels_along, labels_beside, named_parts
from sedflow.units import column_unit, plain, split
from sedflow.zero_points import SYSTEMS, pair_to_nanomaggies, unit_in_nanomaggies, zero_flux

_BRIGHTEST, _FAINTEST = -10.0, 50.0  # magnitudes; codes for "none" are -99, 99 and the like
_WIDEST = 5.0  # mag, an error: a signal-to-noise of 0.2

PLAIN = "nanomaggies"  # the unit of plain numbers, unless another is stated


def fluxes_of(flux, sigma, bands, stated):
    """Flux and error as new arrays [nanomaggies]; with units, both, converted each by its own."""
    flux, sigma = _by_place(("flux", flux), ("sigma", sigma), bands)
    (flux, unit), (sigma, other) = (
        _last(_with_its_unit(split(values, name, BadPhotometry), values), axis)
        for name, (values, axis) in (("flux", flux), ("sigma", sigma))
    )
    if unit is None and other is None:
        if stated == PLAIN:
            return flux.copy(), sigma.copy()
        unit, other = stated, _error_unit(stated)
    elif stated != PLAIN and unit is not None and not same_flux_unit(str(unit), stated):
        raise BadPhotometry(f"flux has the unit {str(unit)!r}, not {stated!r}; state one of them")
    for name, its, another in (("flux", unit, other), ("sigma", other, unit)):
        if its is None:
            raise BadPhotometry(
                f"{name} has no unit, but {'sigma' if name == 'flux' else 'flux'} has "
                f"{str(another)!r}; give flux and sigma both with units, or as plain nanomaggies"
            )
    return _converted(flux, sigma, _text_of(unit), str(other), bands)


def pair_in_bands(flux, sigma, bands, remedy: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Flux and error (..., n_band), as `fluxes_of`, broadcast to one shape; remedy : another."""
    flux, sigma = fluxes_of(flux, sigma, bands, PLAIN)
    try:
        alike = tuple(np.broadcast_arrays(flux, sigma))
    except ValueError:
        alike = ()
    if not alike or flux.shape[-1:] != (len(bands),) or sigma.shape[-1:] != (len(bands),):
        raise BadPhotometry(
            f"flux and sigma have the shapes {flux.shape} and {sigma.shape} for the bands "
            f"{', '.join(bands)}; give (n, {len(bands)}) of both{remedy}"
        )
    return alike[0], alike[1]


def goes_by_place(flux) -> bool:
    """Whether fluxes are a plain array, which has neither labels nor a unit."""
    return type(flux) is np.ndarray and not flux.dtype.names


def in_bands(flux, bands, remedy: str = "") -> np.ndarray:
    """Fluxes (..., n_band) as plain nanomaggies, whose labels are those of the bands, if any.

    remedy : another one of a wrong shape

    >>> in_bands({"flux_g": [1.0, 2.0], "flux_r": [3.0, 4.0]}, ("g", "r")).tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    values, axis, _ = _placed("flux", flux, bands, of_errors=False)
    found = _with_its_unit(split(values, "flux", BadPhotometry), values)
    numbers, unit = _last(found, axis)
    flux = unit_in_nanomaggies(numbers, unit, "flux", NANOMAGGIES)
    if flux.shape[-1:] != (len(bands),):
        raise BadPhotometry(
            f"flux has the shape {flux.shape} for the bands {', '.join(bands)}; give "
            f"(..., {len(bands)}){remedy}"
        )
    return flux


def band_flux(flux, bands) -> tuple[np.ndarray, np.ndarray]:
    """Fluxes as points of a spectrum.

    flux (..., n_band) [nanomaggies], as `Photometry` takes it; bands : names. Returns the pivot
    wavelengths (n_band,) [A] and F_lambda there (..., n_band) [1e-17 erg/s/cm2/A].
    """
    bands = as_bands(bands)
    pivot = np.array([load_band(band).pivot for band in bands])
    flux = in_bands(flux, bands)
    return pivot, flux * (1e-9 * AB_FNU * C_ANGSTROM / pivot**2 / FLUX_UNIT)


def _by_place(one, other, bands):
    """Two pairs of name and values as pairs of values that go by place and their axis of bands."""
    found = [
        _placed(name, values, bands, of_errors)
        for of_errors, (name, values) in enumerate((one, other))
    ]
    check_are_errors(other[0], found[1][2], _may_be_computed(one[1], other[1]))
    check_alike(found[0][2], found[1][2], (one[0], other[0]))
    return [(values, axis) for values, axis, _ in found]


def _may_be_computed(flux, sigma):
    """Whether errors have labels that outlive arithmetic, and are not inverse variances by size.

    Inverse variances of most surveys exceed the fluxes, whose signal-to-noise ratio is then a small
    part of 1, while 1 / sqrt of them would be good errors. Errors of faint galaxies are less so.
    """
    if not (hasattr(sigma, "to_dict") or hasattr(sigma, "dims")):  # of pandas, of xarray
        return False
    try:
        f, s = np.broadcast_arrays(np.asarray(flux, float), np.asarray(sigma, float))
    except (TypeError, ValueError):  # what is wrong with them is said by whoever reads them
        return True
    seen = (s > 0) & np.isfinite(f) & np.isfinite(s)
    taken, inverse = np.abs(f[seen]) / s[seen], np.abs(f[seen]) * np.sqrt(s[seen])
    return not seen.any() or np.median(taken) > 0.3 or np.median(inverse) < 3.0


def _placed(name, values, bands, of_errors):
    """Values that go by place, their axis of bands, and their labels.

    What has names but no places, as a mapping or a table, becomes a list of its columns; those of
    rows are brought into the order of the first row.
    """
    labels, axis = labels_along(values, -1), -1
    held = getattr(getattr(values, "dtype", None), "kind", "") == "O" and np.ndim(values) == 1
    rows = held or isinstance(values, list | tuple)
    parts = None
    if labels is None or rows:
        parts = named_parts(list(values) if held else values, name, BadPhotometry)
    if parts is not None:
        labels, axis = list(parts), 0
    check_are_fluxes(name, labels, bool(of_errors), bands)
    told = check_band_labels(name, labels, bands)
    if not told and parts is None:
        _check_other_axes(name, values, bands)
    for beside in labels_beside(values):
        check_band_labels(name, beside, bands)
    if parts is not None and not told and not rows:
        names = ", ".join(labels[:12]) + ", ..." * (len(labels) > 12)
        raise BadPhotometry(
            f"{name} has the columns {names}, which are not one for each of the bands "
            f"{', '.join(bands)}; give an array (..., {len(bands)}), or columns that are named "
            "by these bands, in this order"
        )
    return (values if parts is None else list(parts.values())), axis, labels


def _with_its_unit(numbers_and_unit, values):
    """Numbers and their unit, which xarray has among its attributes."""
    numbers, unit = numbers_and_unit
    stated = getattr(values, "attrs", {}).get("units") if hasattr(values, "dims") else None
    return numbers, column_unit(stated) if unit is None and stated not in (None, "", "1") else unit


def _check_other_axes(name, values, bands):
    """Refuse values whose labels name the bands along another axis than the last."""
    along = [labels_along(values, axis) for axis in range(getattr(values, "ndim", 1) - 1)]
    if isinstance(values, list | tuple):  # of Series of pandas, one a band
        along.append([getattr(one, "name", None) for one in values])
    for labels in along:
        if labels is None or len(labels) != len(bands):
            continue
        try:
            told = check_band_labels(name, labels, bands)
        except BadPhotometry:
            told = True
        if told:
            raise BadPhotometry(
                f"{name} has the bands {', '.join(map(str, labels[:12]))} along its first axis; "
                "give its transpose, with the bands along the last"
            )


def _last(numbers_and_unit, axis):
    """Numbers with the axis of the bands as the last, and their unit."""
    numbers, unit = numbers_and_unit
    return (np.moveaxis(numbers, axis, -1) if numbers.ndim else numbers), unit


def _text_of(unit):
    """A unit as text; AB magnitudes of astropy's have 3630.78 Jy at 0, not 3631."""
    ab = getattr(unit, "physical_unit", None)
    return f"mag({ab.to('Jy')!r} Jy)" if str(unit) == "mag(AB)" and ab is not None else str(unit)


def _error_unit(unit):
    """The unit of errors beside plain numbers in a unit."""
    try:
        found = flux_unit(unit)
        return error_unit_of(found) if found.logarithmic else unit
    except SedflowError as problem:
        raise BadPhotometry(str(problem)) from None


def _converted(flux, sigma, unit, other, bands):
    """Fluxes and errors in units as nanomaggies; each band has its pivot and zero point."""
    if unit.strip().lower() in ("mag", "mags", "magnitude", "magnitudes", "mmag"):
        raise BadPhotometry(
            f"flux has the unit {unit!r}, which does not name a system; give mag(AB), or "
            "Photometry.from_magnitudes(magnitude, error, redshift, system=...)"
        )
    if flux.shape != sigma.shape or not flux.ndim or flux.shape[-1] != len(bands):
        return flux, sigma  # the sentence on shapes comes from whoever called
    pairs = []
    for k, band in enumerate(bands):
        about = {"band": short_name(band), "pivot": load_band(band).pivot}
        try:
            pairs.append(pair_to_nanomaggies(flux[..., k], sigma[..., k], unit, other, **about))
        except SedflowError as problem:
            raise BadPhotometry(f"flux has the unit {unit!r}, sigma {other!r}: {problem}") from None
    return (np.stack(parts, axis=-1) for parts in zip(*pairs, strict=True))


def magnitude_unit(system):
    """The unit of magnitudes of a system, by its name."""
    word = str(system).strip().lower()
    if word == "asinh":
        return "asinh"
    if word not in (known := {name.lower(): name for name in SYSTEMS}):
        raise BadPhotometry(f"system = {system!r}; choose one of {', '.join(SYSTEMS)}, asinh")
    return f"mag({known[word]})"


def zeros_of(zero_point, n):
    """Flux densities of magnitude 0 [nanomaggies] of n bands."""
    if isinstance(zero_point, set | frozenset):
        raise SedflowError("zero_point is a set, which has no order; give a list, one a band")
    one = isinstance(zero_point, str | int | float) or getattr(zero_point, "shape", None) == ()
    try:
        found = [zero_point] * n if one else list(zero_point)
    except TypeError:
        raise BadPhotometry(
            f"zero_point = {str(zero_point)[:60]!r}; give the flux density of magnitude 0, such as "
            "'1594 Jy', one for all bands or one for each"
        ) from None
    if len(found) != n:
        raise BadPhotometry(f"zero_point has {len(found)} values for {n} bands; give one for each")
    return [zero_flux(str(value)) for value in found]


def fluxes_of_magnitudes(magnitude, error, bands, system, zero_point):
    """Flux and error [nanomaggies] of magnitudes (..., n_band), as `Photometry.from_magnitudes`."""
    unit = magnitude_unit(system)
    (magnitude, axis), (error, of_error) = _by_place(
        ("magnitude", magnitude), ("error", error), bands
    )
    m, own = _last(split(magnitude, "magnitude", BadPhotometry), axis)
    if str(own) == "mmag":
        m, own = 1e-3 * m, None
    if own is not None and not same_flux_unit(str(own), unit):
        raise BadPhotometry(
            f"magnitude has the unit {str(own)!r}, not {unit}; give magnitudes of the system, "
            "or fluxes to Photometry(flux, sigma, redshift)"
        )
    error, _ = _last((plain(error, "error", "mag", BadPhotometry), None), of_error)
    if m.shape != error.shape:
        raise BadPhotometry(
            f"error has shape {error.shape} but magnitude {m.shape}; give one error per magnitude"
        )
    if m.ndim == 0 or m.shape[-1] != len(bands):
        raise BadPhotometry(
            f"magnitude has shape {m.shape}, but its last axis must hold the {len(bands)} "
            f"bands {', '.join(bands)}; say which bands they are, as in bands='gri'"
        )
    odd = ~((m > _BRIGHTEST) & (m < _FAINTEST) | np.isnan(m))
    if odd.any():
        raise BadPhotometry(
            f"magnitude = {m[odd].flat[0]:g} is outside {_BRIGHTEST:g} to {_FAINTEST:g}; give "
            "fluxes to Photometry(flux, sigma, redshift), and NaN where there is no magnitude"
        )
    none = ~(error > 0) & ~np.isnan(error)
    if none.any():
        raise BadPhotometry(
            f"error = {error[none].flat[0]:g} mag must be > 0; give the one-sigma error in "
            "magnitudes, 0.01 or so with the error of the zero point, or NaN in both where there "
            "is no measurement"
        )
    wide = error > _WIDEST
    if wide.any():
        raise BadPhotometry(
            f"error = {error[wide].flat[0]:g} mag is above {_WIDEST:g} mag, which says nothing of "
            "a flux; check whether magnitudes and errors were exchanged, and give NaN in both "
            "where there is no measurement"
        )
    check_band_labels("zero_point", labels_along(zero_point, -1), bands)
    try:
        zeros = [None] * len(bands) if zero_point is None else zeros_of(zero_point, len(bands))
        pairs = [
            pair_to_nanomaggies(
                m[..., k],
                error[..., k],
                unit,
                "mag",
                band=short_name(band),
                zero=zero,
                pivot=None,
            )
            for k, (band, zero) in enumerate(zip(bands, zeros, strict=True))
        ]
    except SedflowError as problem:
        raise BadPhotometry(str(problem)) from None
    flux, sigma = (np.stack(parts, axis=-1) for parts in zip(*pairs, strict=True))
    return flux, sigma

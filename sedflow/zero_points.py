"""Zero points of systems of magnitudes, and values in any unit of flux as nanomaggies."""

import numpy as np

from sedflow.constants import AB_FNU, C_ANGSTROM, LN_10
from sedflow.errors import SedflowError
from sedflow.flux_units import FluxUnit, error_step, flux_unit, is_percent
from sedflow.units import split

#: Softening b of the asinh magnitudes of the SDSS, in maggies (Lupton, Gunn & Szalay 1999, AJ 118,
#: 1406; values of the survey's table of magnitudes).
SOFTENING = {"u": 1.4e-10, "g": 0.9e-10, "r": 1.2e-10, "i": 1.8e-10, "z": 7.4e-10}

#: ln(flux / b) above which asinh magnitudes are read as Pogson's, which are less than 1.2e-5 mag
#: from them there: people mix the two, and tables are rounded to more.
_BRIGHT = np.log(300.0)

#: AB - magnitude of a system, by band. "Vega": Blanton & Roweis 2007 (AJ 133, 734) for ugriz and
#: JHKs, Jarrett et al. 2011 (ApJ 735, 112) for W1 and W2.
SYSTEMS = {
    "AB": {},
    "SDSS": {"u": -0.04, "g": 0.0, "r": 0.0, "i": 0.0, "z": 0.02},
    "Vega": {
        "u": 0.91,
        "g": -0.08,
        "r": 0.16,
        "i": 0.37,
        "z": 0.54,
        "J": 0.91,
        "H": 1.39,
        "Ks": 1.85,
        "W1": 2.699,
        "W2": 3.339,
    },
}


def ab_offset(system: str, band: str) -> float:
    """AB - magnitude of a system in a band; `SedflowError` where it is not known."""
    known = {name.lower(): name for name in SYSTEMS}.get(str(system).lower())
    if known is None:
        raise SedflowError(f"system = {system!r}; choose one of {', '.join(SYSTEMS)}")
    if known == "AB":
        return 0.0
    if band not in SYSTEMS[known]:
        raise SedflowError(
            f"the {known} zero point of {band} is not known; state the flux density of magnitude 0 "
            "(zero_point), or give AB magnitudes"
        )
    return SYSTEMS[known][band]


def to_nanomaggies(value, unit: FluxUnit, *, band: str = "", pivot: float | None = None, zero=None):
    """Fluxes and what one unit of error is worth at each: two arrays [nanomaggies].

    value (...) : in the unit
    band : for softening and zero points that depend on it
    pivot : wavelength [A] of the band, for flux densities per wavelength
    zero : flux density of magnitude 0 [nanomaggies], stated by the user

    The second is the slope |d flux / d value|, so that sigma = slope * error.
    """
    value = np.asarray(value, dtype=float)
    with np.errstate(over="ignore", invalid="ignore"):
        if unit.kind == "asinh":
            if band not in SOFTENING:
                raise SedflowError(
                    f"asinh magnitudes of {band} have no softening that is known; they are the "
                    f"SDSS's, in {', '.join(SOFTENING)}"
                )
            b = SOFTENING[band]
            x = -value * (LN_10 / 2.5) - np.log(b)
            flux = 2e9 * b * np.sinh(x)
            bright = x > _BRIGHT
            pogson = 1e9 * 10 ** (-0.4 * np.where(bright, value, np.nan))
            slope = np.where(bright, pogson, 2e9 * b * np.cosh(x)) * (LN_10 / 2.5)
            return np.where(bright, pogson, flux), slope
        scale = unit.scale
        if unit.per == "lambda":
            if pivot is None:
                raise SedflowError(
                    "a flux density per wavelength needs the pivot wavelength of its band; give "
                    "the band's name"
                )
            scale *= pivot**2 / C_ANGSTROM * 1e9 / AB_FNU
        if unit.kind == "linear":
            return value * scale, np.full(value.shape, scale)
        if zero is not None:
            scale = zero
        elif unit.system:
            scale *= 10 ** (-0.4 * ab_offset(unit.system, band))
        flux = scale * 10 ** (unit.step * value)
        return flux, flux * abs(unit.step) * LN_10


def in_nanomaggies(values, name: str, plain_in: FluxUnit) -> np.ndarray:
    """Numbers with any unit of flux as nanomaggies; plain ones are in `plain_in`.

    name : of the quantity, for messages
    """
    numbers, unit = split(values, name, SedflowError)
    return unit_in_nanomaggies(numbers, unit, name, plain_in)


def unit_in_nanomaggies(numbers, unit, name: str, plain_in: FluxUnit) -> np.ndarray:
    """The same of numbers and their unit, None of plain ones."""
    try:
        found = plain_in if unit is None else flux_unit(unit)
        return to_nanomaggies(numbers, found)[0]
    except SedflowError:
        raise SedflowError(
            f"{name} has the unit {str(unit)!r}; give a flux density per frequency, AB magnitudes, "
            "or plain numbers"
        ) from None


def pair_to_nanomaggies(value, error, unit: str, error_unit: str, *, band, pivot, zero=None):
    """Values (...) and their one-sigma errors in units, as flux and sigma [nanomaggies].

    Errors of magnitudes are differences of magnitudes: sigma = |d flux / d value| * error. Those
    beside a flux, in mag, dex or dB, are of its logarithm, and those in percent are shares of it.
    band, pivot, zero : as for `to_nanomaggies`
    """
    found = flux_unit(unit)
    step = None if (share := is_percent(error_unit)) else error_step(error_unit)
    if found.logarithmic and step is None and not share:
        raise SedflowError(
            f"values in {unit!r} do not go with errors in {error_unit!r}; give both as flux "
            "densities, or both as magnitudes"
        )
    flux, slope = to_nanomaggies(value, found, band=band, pivot=pivot, zero=zero)
    with np.errstate(over="ignore", invalid="ignore"):
        if share:
            return flux, np.abs(flux) * error / 100.0
        if step is not None and not found.logarithmic:
            return flux, np.abs(flux) * error * (step * LN_10)
        if step is not None:
            own = abs(found.step) or 0.4  # asinh magnitudes are magnitudes
            return flux, np.abs(slope) * error * (step / own)
    return flux, to_nanomaggies(error, flux_unit(error_unit), band=band, pivot=pivot)[0]


def zero_flux(text: str) -> float:
    """Nanomaggies of a flux density such as "1594 Jy".

    >>> round(zero_flux("3631 Jy") / 1e9, 6)
    1.0
    """
    unit = flux_unit(text, "the zero point")
    if unit.kind != "linear" or unit.per != "nu":
        raise SedflowError(
            f"the zero point {text!r} must be the flux density of magnitude 0, such as '1594 Jy'"
        )
    return unit.scale

"""Units that the data sets of an SSP file state, in their attribute unit (or units).

A stated unit is followed where it can be converted and refused where it cannot; words that are
not a unit say nothing. The light of a present solar mass is turned into that of one formed.
"""

import re
import warnings

import numpy as np

from sedflow.constants import C_ANGSTROM
from sedflow.errors import BadSSP
from sedflow.units import parsed_unit

_LOG = re.compile(
    r"(?P<log>log10|log|lg|dex|ln)\s*[\[(]?\s*(age\s*[/\[(]\s*)?(?P<unit>gyr|myr|yr|years?)\b", re.I
)
_YEARS = {"gyr": 1e9, "myr": 1e6}
_PRESENT = re.compile(r"\b(present|current|surviving|remaining|living)\b", re.IGNORECASE)
_NOT = re.compile(r"\bnot\s+\w+", re.IGNORECASE)
_WORDS = re.compile(
    r"\b(formed|initial(ly)?|of|stars|mass|present|current|surviving|remaining|living)\b", re.I
)
_LSUN = re.compile(r"\b(L_?sun|L_?sol|solLum)\b", re.IGNORECASE)
_MSUN = re.compile(r"\b(M_?sun|M_?sol|solMass)\b", re.IGNORECASE)
_NATURAL = re.compile(r"natural|\bln\b|log_?e\b", re.IGNORECASE)


def unit_of(item) -> str:
    """The unit that a data set states; "" if none."""
    for key in ("unit", "units"):
        value = item.attrs.get(key)
        if value is not None:
            return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))[
                :200
            ]
    return ""


def in_our_units(name: str, data: dict, stated: dict, lsun: float) -> dict:
    """The data sets in A, log10 Gyr, log10 Z and Lsun/Hz per Msun formed.

    name : of the file, for messages; data : key -> values, as in the file
    stated : key -> unit; lsun : erg/s in a Lsun of the file

    Raises
    ------
    BadSSP
        A unit is of another quantity, or the mass of today's stars is not known.
    """
    out = dict(data)
    for key in ("ssp_wave", "ssp_wave_edges"):
        if key in out and stated.get(key):
            out[key] = out[key] * _length(name, key, stated[key])
    if found := _LOG.search(stated.get("ssp_lg_age_gyr", "")):
        step = 1.0 / np.log(10.0) if found["log"].lower() == "ln" else 1.0
        years = _YEARS.get(found["unit"].lower(), 1.0)
        out["ssp_lg_age_gyr"] = out["ssp_lg_age_gyr"] * step + np.log10(years / 1e9)
    if _NATURAL.search(stated.get("ssp_lgmet", "")):
        out["ssp_lgmet"] = out["ssp_lgmet"] / np.log(10.0)
    if unit := stated.get("ssp_flux", ""):
        out["ssp_flux"] = _light(name, out, unit, lsun)
    return out


def _light(name, data, stated, lsun):
    flux, stated = data["ssp_flux"], _NOT.sub(" ", stated)
    if (found := _density(name, stated)) is not None:
        factor, per_length = found
        flux = flux * (factor if _LSUN.search(stated) else factor / lsun)
        if per_length:
            flux = flux * data["ssp_wave"] ** 2 / C_ANGSTROM
    if not _PRESENT.search(stated):
        return flux
    if "ssp_mass_remaining" not in data:
        raise BadSSP(
            f"{name}: ssp_flux is in {stated[:60]!r}, of the mass that is left; give the data set "
            "ssp_mass_remaining, the mass left of one formed, or light per Msun formed"
        )
    return flux * data["ssp_mass_remaining"][..., None]


def _density(name, stated):
    """Lsun/Hz (or erg/s/Hz) in one of a unit of light, and whether it is per wavelength [A].

    None where the text is not a unit.
    """
    from astropy import units as u

    text = re.sub(r"\bper\b", "/", _WORDS.sub(" ", stated.split(",")[0]), flags=re.IGNORECASE)
    text = _MSUN.sub("solMass", _LSUN.sub("erg s-1", text))
    text = re.sub(r"\b(AA|Ang|Angstroms?|A)\b|Å", "Angstrom", re.sub(r"[()\[\]]", " ", text))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            first, *below = (parsed_unit(part.strip()) for part in text.split("/") if part.strip())
        except Exception:  # astropy's parser raises errors of many kinds
            return None
    unit = first
    for part in below:
        unit = unit / part
    for mass in (u.solMass**-1, u.dimensionless_unscaled):
        for per_length, other in ((False, u.Hz), (True, u.AA)):
            right = u.erg / u.s / other * mass
            if unit.is_equivalent(right):
                return float(unit.to(right)), per_length
    raise BadSSP(
        f"{name}: ssp_flux is in {stated[:60]!r} by its own account, which is not light per "
        "frequency or wavelength of a solar mass; give L_nu in Lsun/Hz/Msun"
    )


def _length(name, key, stated):
    """Angstrom in one of a unit of wavelength."""
    from astropy import units as u

    word = {"a": "Angstrom", "aa": "Angstrom", "ang": "Angstrom", "micron": "um"}.get(
        stated.strip().lower(), stated.strip()
    )
    try:
        unit = parsed_unit(word)
    except Exception:  # astropy's parser raises errors of many kinds
        return 1.0  # words, which say nothing
    if not unit.is_equivalent(u.AA):
        raise BadSSP(
            f"{name}: {key} is in {stated[:60]!r} by its own account, which is not a length; give "
            "wavelengths in Angstrom"
        )
    return float(unit.to(u.AA))

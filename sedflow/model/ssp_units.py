"""Whether the numbers of an SSP file are those of stars, and if not, which units they look like.

A file says what it holds by the names of its data sets alone. But stars are known well enough to
tell a wrong unit: a solar mass of old stars gives about an eighth of a solar luminosity between
3000 and 10,000 A (FSPS 0.13, BC03 0.11; a Salpeter IMF halves it), brightest near 5500 A, and it
gave some hundred times as much when it was young.
"""

import numpy as np

from sedflow.constants import C_ANGSTROM
from sedflow.errors import BadSSP

_OPTICAL = 3000.0, 10_000.0  # [A]
_OLD = 0.02, 0.8  # light of old stars there [Lsun/Msun formed]
_OLD_GYR, _YOUNG_GYR = 10.0, 0.01
_NEAR = 0.25  # dex from these ages
_FADING = 10.0  # times that young stars outshine old ones, at least; libraries have 270
_NEAR_UV, _GREEN = (2000.0, 3000.0), (5000.0, 6000.0)  # [A]
_REDDENING = 0.5  # times that old stars are redder there than young ones; libraries have 10 to 500
_IRON = 5.0  # dex; [Fe/H] of no stars
_SUN = -2.25, -1.25  # log10 of the metal mass fraction at [Fe/H] = 0; 0.0056 to 0.056
_PEAK = 2500.0, 25_000.0  # [A], of old stars
_LG_AGE = -5.0, 1.3  # log10 Gyr; 20 Gyr is older than the universe
_POOR = -2.3  # that is exceeded by the richest stars of any library for galaxies
_RICHEST = -0.9  # log10 of the metal mass fraction; BC03, the richest library, has Z = 0.1


def check_stars(name, lnu, wave, lg_age, lgmet, lsun, stated: str = "") -> None:
    """Refuse a grid whose numbers no library of stars has.

    name : of the file, for messages
    lnu (n_met, n_age, n_wave) : [Lsun/Hz/Msun]; wave (n_wave,) : [A]; lg_age (n_age,) : log10 Gyr
    lgmet (n_met,) : log10 of the metal mass fraction; lsun : erg/s in a Lsun of the file
    stated : unit of the metallicities, where the file says it

    Raises
    ------
    BadSSP
        With the value, what stars have, and the unit that the numbers look like.
    """
    if not (np.diff(lg_age) > 0).all():
        return  # SSPGrid says so
    _check_age(name, lg_age)
    _check_metals(name, lgmet, stated)
    old, young = (_nearest(lg_age, np.log10(gyr)) for gyr in (_OLD_GYR, _YOUNG_GYR))
    if old is None:
        return
    solar = int(np.abs(lgmet + 1.75).argmin())
    spectrum = lnu[solar, old]
    if not (np.isfinite(spectrum).all() and (spectrum >= 0).all() and spectrum.any()):
        return  # SSPGrid says so
    _check_wave(name, spectrum, wave)
    if not (wave[0] <= _OPTICAL[0] and wave[-1] >= _OPTICAL[1]):
        return
    light = _light(spectrum, wave)
    if np.isfinite(light) and not _OLD[0] <= light <= _OLD[1]:
        guess = _unit_like(spectrum, wave, lsun)
        raise BadSSP(
            f"{name}: the light of a population of {10 ** lg_age[old]:.3g} Gyr from 3000 to 10000 "
            f"A is {light:.3g} Lsun/Msun, where stars have {_OLD[0]:g} to {_OLD[1]:g}; {guess}give "
            "L_nu in Lsun/Hz per Msun formed, and wavelengths in Angstrom"
        )
    if young is not None:
        ratio = _light(lnu[solar, young], wave) / light
        if not ratio >= _FADING:
            raise BadSSP(
                f"{name}: a population of {10 ** lg_age[young]:.3g} Gyr gives {ratio:.3g} times "
                f"the light of one of {10 ** lg_age[old]:.3g} Gyr, where stars give some hundred "
                "times as much; are the ages of ssp_flux in the order and the unit of "
                "ssp_lg_age_gyr, log10 Gyr?"
            )
        redder = _blue(lnu[solar, young], wave) / _blue(spectrum, wave)
        if redder < _REDDENING:
            raise BadSSP(
                f"{name}: from 5500 to 2500 A, a population of {10 ** lg_age[young]:.3g} Gyr is "
                f"{redder:.3g} times as blue as one of {10 ** lg_age[old]:.3g} Gyr, where stars "
                "are ten times or more; are the wavelengths of ssp_flux in the order of ssp_wave?"
            )


def check_masses(name: str, left: np.ndarray, lg_age: np.ndarray) -> None:
    """Refuse masses that are not what is left of one formed.

    left (n_met, n_age) : ssp_mass_remaining; lg_age (n_age,) : log10 Gyr, ascending

    Raises
    ------
    BadSSP
        They grow with age, as what was lost does.
    """
    first, last = np.median(left[:, 0]), np.median(left[:, -1])
    if 0 <= first < last:
        raise BadSSP(
            f"{name}: ssp_mass_remaining grows from {first:.3g} at {10 ** lg_age[0]:.3g} Gyr to "
            f"{last:.3g} at {10 ** lg_age[-1]:.3g} Gyr, where the mass that is left falls from 1; "
            "these look like the mass that was lost; give one minus it"
        )


def check_iron(name: str, feh: np.ndarray, lgmet: np.ndarray) -> None:
    """Refuse [Fe/H] (n_met,) whose Sun has no metallicity that any library gives it.

    Raises
    ------
    BadSSP
        With the Sun's metal mass fraction by both data sets.
    """
    if feh.shape != lgmet.shape or not np.abs(feh).max() < _IRON:
        return  # SSPGrid says so
    sun = float(np.median(lgmet - feh))
    if np.isfinite(sun) and not _SUN[0] <= sun <= _SUN[1]:
        raise BadSSP(
            f"{name}: by ssp_feh and ssp_lgmet the Sun has a metal mass fraction of {10**sun:.2g}, "
            "where libraries have 0.013 to 0.02; leave ssp_feh out, or give log10 of the iron "
            "relative to the Sun's"
        )


def _nearest(values, wanted):
    k = int(np.abs(values - wanted).argmin())
    return k if abs(values[k] - wanted) <= _NEAR else None


def _light(lnu, wave):
    """Integral of L_nu [1/Hz] over frequency between 3000 and 10,000 A."""
    inside = (wave >= _OPTICAL[0]) & (wave <= _OPTICAL[1])
    with np.errstate(all="ignore"):
        return float(np.trapezoid((lnu * (C_ANGSTROM / wave**2))[inside], wave[inside]))


def _blue(lnu, wave):
    """L_nu near 2500 A over that near 5500 A, medians; NaN where the grid has neither."""
    near = [(wave >= low) & (wave <= high) for low, high in (_NEAR_UV, _GREEN)]
    if not all(inside.any() for inside in near):
        return np.nan
    with np.errstate(all="ignore"):
        blue, green = (np.median(lnu[inside]) for inside in near)
        return float(blue / green)


def _unit_like(lnu, wave, lsun):
    """Which units would make these the numbers of stars, as the beginning of a sentence."""
    per_hz = wave**2 / C_ANGSTROM
    for what, factor in (
        ("Lsun/A", per_hz),
        ("erg/s/Hz", 1 / lsun),
        ("erg/s/A", per_hz / lsun),
        ("W/Hz", 1e7 / lsun),
        ("Lsun/nm", per_hz / 10),
        ("Lsun/um", per_hz / 1e4),
        ("the light of a million solar masses", 1e-6),
        ("the light of a million solar masses in Lsun/A", per_hz * 1e-6),
        ("nu L_nu in Lsun", wave / C_ANGSTROM),
        ("the logarithm of the light", None),
    ):
        with np.errstate(all="ignore"):
            light = _light(10**lnu if factor is None else lnu * factor, wave)
        if _OLD[0] <= light <= _OLD[1]:
            return f"these look like {what}; "
    return ""


def _check_wave(name, lnu, wave):
    """Refuse wavelengths at which no old stars are brightest, if that is not the grid's end."""
    with np.errstate(all="ignore"):
        peak = wave[np.argmax(lnu / wave**2)]
    if _PEAK[0] <= peak <= _PEAK[1] or not 1.1 * wave[0] < peak < wave[-1] / 1.1:
        return
    units = {"nm": 10.0, "um": 1e4, "m": 1e10}
    like = next((u for u, x in units.items() if _PEAK[0] <= peak * x <= _PEAK[1]), None)
    guess = f"these look like {like}; " if like else ""
    raise BadSSP(
        f"{name}: old stars are brightest at {peak:.4g} A by ssp_wave, where stars are at 4000 to "
        f"12000 A; {guess}give wavelengths in Angstrom"
    )


def _check_age(name, lg_age):
    low, high = lg_age[0], lg_age[-1]
    if _LG_AGE[0] <= low and high <= _LG_AGE[1]:
        return
    if 9 < high <= 10.5 and low >= 3:
        like = "log years"
    elif 3 < high <= 4.5:
        like = "log Myr"
    elif 20 < high <= 24.5 and low > 8:
        like = "natural logarithms of years"
    elif 1.3 < high <= 3 and low < -2:
        like = "natural logarithms of Gyr"
    elif low >= 0 and high <= 25:
        like = "Gyr, not their logarithm"
    elif low >= 0 and high > 1e9:
        like = "years, not their logarithm"
    elif low >= 0 and high > 1e3:
        like = "Myr, not their logarithm"
    else:
        like = ""
    guess = f"these look like {like}; " if like else ""
    bad = high if high > _LG_AGE[1] else low
    raise BadSSP(
        f"{name}: log10 age is {bad:g}, where stars have {_LG_AGE[0]:g} to {_LG_AGE[1]:g}; {guess}"
        "give log10 of ages in Gyr"
    )


def _check_metals(name, lgmet, stated):
    high = lgmet.max()
    if high < _POOR and not stated:
        raise BadSSP(
            f"{name}: ssp_lgmet ends at {high:g}, a metal mass fraction of {10**high:.2g}, where "
            f"libraries reach {10**_POOR:.2g} or more; these look like natural logarithms; give "
            "log10 of the metal mass fraction. If they are, state it as the attribute unit of "
            "ssp_lgmet: dex"
        )
    if high <= _RICHEST:
        return
    positive = lgmet.min() > 0
    if positive and high <= 0.2:
        like = "Z itself, not its logarithm"
    elif positive and high < 20:
        like = "Z in units of the Sun's"
    else:
        like = "log10(Z/Zsun)"
    raise BadSSP(
        f"{name}: ssp_lgmet reaches {high:g}, where stars have {_RICHEST:g} at most; these look "
        f"like {like}; give log10 of the metal mass fraction, not relative to the Sun (Zsun is "
        "the library's: 0.0142 in MIST, 0.019 in Padova, 0.02 in BC03)"
    )

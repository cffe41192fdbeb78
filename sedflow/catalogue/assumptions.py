"""What was taken for granted when a table was read, in sentences: one list for all to show.

"u: modelMag_u +- modelMagErr_u: SDSS asinh magnitudes (softening 1.4e-10), errors in mag,
extinction_u subtracted". The sentences depend on the mapping and on the names and units of the
columns, not on rows: a run has them before it starts.
"""

import re

import numpy as np

from sedflow.bands import BAND_ALIASES, short_name
from sedflow.catalogue.band_columns import NEGATIVE, NO_ERROR, corrected_by_name
from sedflow.catalogue.column_names import OF_VALUE
from sedflow.catalogue.columns import Columns, readable_unit
from sedflow.catalogue.own_units import as_stated
from sedflow.flux_units import is_milli
from sedflow.model.floors import floor_share
from sedflow.nulls import NO_MAGNITUDE_WORDS
from sedflow.zero_points import SOFTENING

_CORRECTIONS = re.compile(
    r".*extinction.*|.*transm.*|.*e_?\(?b-?v\)?.*|.*ebv.*|.*ebmv.*|.*ebminusv.*|.*reddening.*|sfd.*"
    r"|a_?v|a_[ugrizyjhk]|a_[ugriz]_.*|a_fiducial_.|(?-i:A[ugrizyJHK])"
    r"|((gal|galactic|mw)_?)?ext(_?[ugrizyjhk])?",  # not extendedness, nor ext_flag
    re.IGNORECASE,
)
_ERRORS = {
    "sigma": "errors",
    "ivar": "inverse variances",
    "variance": "variances",
    "relative": "errors relative to the flux",
    "percent": "errors in percent of the flux",
    "snr": "ratios of flux to error",
}


def assumed(table, mapping) -> tuple[str, ...]:
    """Sentences on how the columns of a table are read by a mapping.

    table : as for `to_photometry`, or a `Catalogue`

    Examples
    --------
    >>> from sedflow.catalogue.guess import guess_mapping
    >>> table = {"z": [0.1], "modelMag_u": [18.0], "modelMagErr_u": [0.1], "extinction_u": [0.2]}
    >>> assumed(table, guess_mapping(table))[1]
    "the columns look like those of the SDSS's CasJobs or SkyServer"
    """
    columns = table if isinstance(table, Columns) else Columns(getattr(table, "table", table))
    said = [*mapping.notes]
    who = f"the column {mapping.id}" if mapping.id else "the numbers of the rows, from 0"
    said.insert(0, f"redshift: the column {mapping.redshift}; IDs: {who}")
    for name, band in mapping.bands.items():
        said.append(f"{name}: {', '.join(_words(columns, name, band))}")
    said += _of_all(columns, mapping)
    return tuple(dict.fromkeys(said))


def _words(columns, name, band):
    band = as_stated(columns, band)
    pair = f"{band.error} and {band.error_upper}" if band.error_upper else band.error
    yield f"{band.value} +- {pair}: {_unit_words(name, band)}"
    stated = columns.stated_unit(band.value) if band.value else ""
    if stated and band.unit and not readable_unit(stated):
        yield f"as stated (the unit {stated!r} of the file cannot be read)"
    kind = _ERRORS[band.error_kind]
    if band.error_kind in ("relative", "percent", "snr") or not band.unit:
        yield kind
    else:
        yield f"{kind} in {band.sigma_unit}"
    if band.error_upper:
        yield "sigma the mean of the lower and the upper error"
    yield from _limit_words(band)
    yield from _correction_words(name, band)
    if share := floor_share(band.floor, name):
        yield f"{100 * share:g} % of the flux added to the error"
    if band.nulls:
        yield f"nulls: {band.nulls}"


def _unit_words(name, band):
    if not band.unit:
        return "unit not known"
    if band.flux_unit.kind == "asinh":
        softening = SOFTENING.get(short_name(name), np.nan)
        return f"SDSS asinh magnitudes (softening {softening:g}), taken as AB"
    if band.zero_point:
        return f"magnitudes ({band.full_unit}) with {band.zero_point} at 0"
    if band.flux_unit.system:
        return f"magnitudes in the {band.flux_unit.system} system"
    if band.magnitudes and band.flux_unit.per == "nu":
        return "AB magnitudes in mmag" if is_milli(band.unit) else "AB magnitudes"
    return band.unit


def _limit_words(band):
    if not band.limit:
        return
    which = band.limit
    if band.limit == NEGATIVE:
        which = f"a negative error, but {', '.join(f'{code:g}' for code in NO_ERROR)},"
    yield f"{which} marks an upper limit" + (
        f" of {band.limit_sigma} sigma (0 +- limit / {band.limit_sigma})"
        if band.limit_sigma
        else ", which is left out (limit_sigma is not stated)"
    )


def _correction_words(name, band):
    if band.extinction:
        yield f"{band.extinction} subtracted"
    elif band.transmission:
        yield f"divided by {band.transmission}"
    elif band.ebv:
        law = " (Schlafly & Finkbeiner 2011)" if band.coefficient.upper() == "SF11" else ""
        yield f"{band.coefficient_of(name):g} x {band.ebv}{law} subtracted"
    elif by := corrected_by_name(band.value):
        yield f"corrected for Galactic extinction by its name ({by})"
    elif band.corrected == "yes":
        yield "corrected for Galactic extinction, as stated"
    elif band.corrected == "no":
        yield "not corrected for Galactic extinction"
    else:
        yield "taken as corrected for Galactic extinction"


def corrections_in(columns) -> list[str]:
    """Names of columns that look like Galactic extinction, transmission or E(B-V)."""
    return [name for name in columns.names if _CORRECTIONS.fullmatch(name)]


def _of_all(columns, mapping):
    bands = mapping.bands.values()
    used = {re.sub(r"\[\d+\]$", "", band.correction) for band in bands if band.correction}
    if idle := [name for name in corrections_in(columns) if name not in used]:
        yield f"not used for any correction: {', '.join(idle[:12])}" + (
            ", ..." if len(idle) > 12 else ""
        )
    errors = {form.format(v=mapping.redshift.lower()) for form in OF_VALUE}
    errors -= {one.error.lower() for one in bands}
    if idle := [name for name in columns.names if name.lower() in errors]:
        yield f"the redshift is taken as exact: {', '.join(idle)} is not used"
    short = [b for b in mapping.bands if BAND_ALIASES.get(b, "").startswith("sdss2010-")]
    if short:
        real = BAND_ALIASES[short[0]]
        yield (
            f"filters of {', '.join(short)}: those of the SDSS ({real}); for another survey's name "
            f"the band after its filter, such as decam2014-{short[0]}"
        )
    if any(band.unit and band.magnitudes for band in bands):
        yield f"magnitudes of {NO_MAGNITUDE_WORDS} say that there is no value"
    if any(band.unit and not band.flux_unit.logarithmic for band in bands):
        yield (
            "fluxes say that there is no value where they are blank, infinite, or -99, -9999, "
            "9.9e99 and the like beside an error that says so too"
        )

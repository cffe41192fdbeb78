"""The galaxy of a catalogue that a text means: an NSAID, a position or a name."""

import re

import numpy as np

from sedflow.atlas.names import REDSHIFTS, SURE, close_names, meaning, numbered
from sedflow.atlas.position import separation, sky_position
from sedflow.errors import BadPhotometry, check_kind

LONGEST = 200  # characters of what is sought; of a longer text, none is looked at
NEAR = 60.0  # arcsec, within which a position means a galaxy
_MOST_QUOTED = 64  # characters of it that a sentence quotes
# A sign is not a hyphen: "NSAID-72" is a galaxy, "-72" and "NSAID -72" are not.
_NSAID = re.compile(r"(?:(?:nsaid|nsa|#)[ :=#_-]{0,3}(?<![ :=#_-]-))?([0-9]{1,200})", re.IGNORECASE)
_OFFERED = 3  # galaxies that a sentence offers
_FAR = 5.0  # deg, beyond which it offers one
_YOURS = "enter its fluxes yourself (Your data in the app, sedflow.Photometry in Python)"


def find(text: str, catalog) -> int:
    """NSAID of the galaxy that a text means.

    text : "72", "NSAID 72", "NGC 3522", "m87", "Virgo A", "166.67 +20.08", "11:06:40 +20:04:48"
    catalog : NSACatalog

    Raises
    ------
    BadPhotometry
        No galaxy, or more than one, is meant; the sentence offers the nearest ones.
    """
    if isinstance(text, int | np.integer) and not isinstance(text, bool):
        text = str(text)
    check_kind("text", text, str, "an NSAID, a name or a position", BadPhotometry)
    quoted = repr(text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]}…")
    if len(text) > LONGEST:
        raise BadPhotometry(
            f"{quoted} has {len(text):,} characters, and the limit is {LONGEST}; give an NSAID, a "
            "name or a position"
        )
    plain = " ".join(text.split())
    number = _NSAID.fullmatch(plain)
    if number:
        return int(catalog.ids[catalog.rows(int(number[1]))])
    place = sky_position(plain)
    if place is not None:
        return _at(catalog, quoted, *place)
    entries = meaning(plain)
    if not entries:
        raise BadPhotometry(_unknown(plain, quoted))
    row_of = catalog.match.row_of
    ids = {e.name: int(catalog.ids[row_of[e.name]]) for e in entries if e.name in row_of}
    if len(ids) > 1:
        each = " and ".join(f"{name} (NSAID {nsaid})" for name, nsaid in ids.items())
        raise BadPhotometry(f"{quoted} means {each}; give one of them")
    if ids:
        return next(iter(ids.values()))
    one = entries[0]
    kind = "" if one.kind == "galaxy" else f", a {one.kind} of galaxies,"
    spelled = one.name if quoted.strip("'\"") == one.name else f"{quoted} ({one.name})"
    close = nearest(catalog, one.ra, one.dec)
    if close and close[0][1] > _FAR:  # a galaxy elsewhere on the sky is no help
        near = f", which has none within {_FAR:.0f} deg of it; {_YOURS}"
    else:
        near = (
            f"; the nearest on the sky: {offer(catalog, one.ra, one.dec)}{_another(catalog, one)}"
        )
    raise BadPhotometry(
        f"{spelled}{kind} is not among the {len(catalog):,} galaxies of this catalogue{near}"
    )


def nearest(catalog, ra: float, dec: float, n: int = 1) -> list[tuple[int, float]]:
    """The n galaxies nearest to a position [deg]: NSAID and separation [deg], nearest first."""
    away = separation(ra, dec, *catalog.positions)
    n = min(n, int(np.isfinite(away).sum()))
    return [(int(catalog.ids[row]), float(away[row])) for row in np.argsort(away)[:n]]


def offer(catalog, ra: float, dec: float) -> str:
    """The nearest galaxies in words: "NSAID 111607 (NGC 3522), 2.3 arcmin away; ..."."""
    words = []
    close = nearest(catalog, ra, dec, _OFFERED)
    for nsaid, away in [pair for pair in close if pair[1] < _FAR] or close[:1]:
        name = catalog.name(nsaid)
        words.append(f"NSAID {nsaid}{f' ({name})' if name else ''}, {_angle(away)} away")
    return "; ".join(words) or "no galaxy of it has a position"


def _another(catalog, one):
    """What speaks against the galaxy at the place of an entry; "" if nothing is there."""
    close = nearest(catalog, one.ra, one.dec)
    if one.kind != "galaxy" or not close or close[0][1] * 3600 > SURE:
        return ""
    nsaid = close[0][0]
    redshift = catalog.redshifts[catalog.rows(nsaid)]
    if abs(redshift - one.redshift) < REDSHIFTS or not np.isfinite(redshift + one.redshift):
        return f" (NSAID {nsaid} may be another galaxy, or a piece of it)"
    return (
        f" (NSAID {nsaid} has redshift {redshift:.4f} in this catalogue, and {one.name} has "
        f"{one.redshift:.4f} by OpenNGC: one of them is wrong, or they are two galaxies)"
    )


def _at(catalog, quoted, ra, dec):
    close = nearest(catalog, ra, dec)
    if close and close[0][1] * 3600 <= NEAR:
        return close[0][0]
    if close and close[0][1] > _FAR:
        raise BadPhotometry(f"no galaxy within {_FAR:.0f} deg of {quoted}; {_YOURS}")
    raise BadPhotometry(
        f"no galaxy within {NEAR:.0f} arcsec of {quoted}; the nearest: {offer(catalog, ra, dec)}"
    )


def _unknown(plain, quoted):
    spelled = numbered(plain)
    if spelled is not None:
        return (
            f"{spelled} is not a galaxy of OpenNGC (NGC, IC, Messier and their UGC numbers); give "
            "another name, an NSAID or a position"
        )
    close = close_names(plain)
    if close:
        return f"{quoted} is unknown; did you mean {' or '.join(close)}?"
    return (
        f"{quoted} is neither an NSAID nor a known name nor a position; give 72, NGC 3522, or RA "
        "and Dec (166.67 +20.08, or 11:06:40 +20:04:48)"
    )


def _angle(degrees):
    """An angle in the unit that suits it."""
    if degrees < 1 / 60:
        return f"{degrees * 3600:.0f} arcsec"
    return f"{degrees * 60:.1f} arcmin" if degrees < 1 else f"{degrees:.1f} deg"

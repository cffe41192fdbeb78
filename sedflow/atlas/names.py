"""Names of galaxies: NGC, IC, Messier, UGC and common ones, by OpenNGC.

Source: OpenNGC by Mattia Verga (CC-BY-SA-4.0), as `tools/build_names.py` packages its galaxies.
Which galaxy of a catalogue a name belongs to follows from position, redshift and magnitude.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

import numpy as np

from sedflow.atlas.columns import NSA_BANDS
from sedflow.bands import ab_magnitude
from sedflow.files.packaged import load_json

__all__ = [
    "REDSHIFTS",
    "SURE",
    "Match",
    "Named",
    "close_names",
    "cross_match",
    "entry",
    "meaning",
    "numbered",
]

SURE = 5.0  # arcsec, within which redshifts that agree are enough
_SHARE = 0.2  # of the major axis, up to which centres of an irregular galaxy may differ
_WIDEST = 30.0  # arcsec
REDSHIFTS = 0.002  # how much two redshifts of one galaxy may differ (600 km/s)
_MAGNITUDES = (-0.9, 1.9)  # B - g beyond `SURE`: 0.5, and what other apertures do to it
_LONGEST = 64  # characters of a name
_PREFIXES = {"n": "NGC", "ngc": "NGC", "ic": "IC", "m": "M", "messier": "M", "ugc": "UGC"}
_NUMBERED = re.compile(
    r"(n|ngc|ic|m|messier|ugc)[ _-]{0,3}0{0,8}([1-9][0-9]{0,5})(?: ?([a-z][a-z0-9 ]{0,7}))?"
)
_WRITTEN_OUT = re.compile(r"([a-z]{3,12})[ _-]{0,3}([1-9][0-9]{0,5})")
_NUMBERS = ("ra", "dec", "redshift", "b_mag", "major_arcmin")
_IDLE = {"the", "galaxy", "galaxies", "nebula"}


@dataclass(frozen=True)
class Named:
    """An entry of OpenNGC.

    name : "NGC 4486"
    kind : "galaxy", or "pair", "triplet" or "group" of them
    ra, dec : position [deg, J2000]
    redshift, b_mag, major_arcmin : of the galaxy, NaN where unknown
    names : every name, the best known first: "M 87", "NGC 4486", "Virgo A", "UGC 7654"
    """

    name: str
    kind: str
    ra: float
    dec: float
    redshift: float
    b_mag: float
    major_arcmin: float
    names: tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """Which galaxies of a catalogue have a name.

    row_of : row of the catalogue by the name of the entry
    entry_of : entry by the row of the catalogue
    ambiguous : names that two galaxies could have, or that are one of two for a galaxy; left out
    """

    row_of: dict[str, int]
    entry_of: dict[int, Named]
    ambiguous: tuple[str, ...]


@cache
def _columns() -> dict[str, Any]:
    """The columns of the packaged table, one entry a row."""
    columns = load_json("openngc.json")["galaxies"]
    out = {name: np.array(columns[name], float) for name in _NUMBERS}  # None becomes NaN
    return out | {name: columns[name] for name in ("name", "kind", "other", "common")}


@cache
def entry(row: int) -> Named:
    """The entry in a row of the packaged table."""
    columns = _columns()
    numbers = sorted([columns["name"][row], *columns["other"][row]], key=_rank)
    cut = sum(_rank(n) < 3 for n in numbers)  # the common names come before UGC
    ra, dec, redshift, b_mag, size = (float(columns[name][row]) for name in _NUMBERS)
    names = (*numbers[:cut], *columns["common"][row], *numbers[cut:])
    name, kind = columns["name"][row], columns["kind"][row]
    return Named(name, kind, ra, dec, redshift, b_mag, size, names)


def _rank(name):
    """Order of catalogues: Messier before NGC before IC before the rest."""
    prefix = name.split(" ")[0]
    return ("M", "NGC", "IC").index(prefix) if prefix in ("M", "NGC", "IC") else 3


@cache
def _rows_by_spelling() -> dict[str, list[int]]:
    """Rows of the packaged table by every spelling that `_key` makes of a name."""
    out: dict[str, list[int]] = {}
    columns = _columns()
    every = zip(columns["name"], columns["other"], columns["common"], strict=True)
    for row, (name, other, common) in enumerate(every):
        for key in {_key(n) for n in (name, *other, *common)} - {""}:
            out.setdefault(key, []).append(row)
    return out


def _key(text):
    """The spelling by which a name is looked up: "NGC 4486", or words without "galaxy"."""
    plain = text.casefold().replace("’", "'")
    found = _numbered(plain)
    if found:
        return f"{_PREFIXES[found[1]]} {found[2]}{(found[3] or '').replace(' ', '')}".lower()
    return _busy(re.sub(r"[^\w ]", "", " ".join(plain.split()).replace("-", " ")))


def _numbered(text):
    """The parts of a number of a catalogue, "m 87" or "the galaxy m87", of text in lower case."""
    return _NUMBERED.fullmatch(_busy(text))


def _busy(text):
    """A text without words that say nothing, and with single spaces."""
    return " ".join(word for word in text.split() if word not in _IDLE)


def meaning(text: str) -> tuple[Named, ...]:
    """The entries that a text names: one, several for "Siamese Twins", none for other texts.

    Examples
    --------
    >>> [meaning(t)[0].name for t in ("m87", "Messier 087", "ngc-4486", "N4486", "Virgo A")]
    ['NGC 4486', 'NGC 4486', 'NGC 4486', 'NGC 4486', 'NGC 4486']
    >>> [entry.name for entry in meaning("the siamese twins")]
    ['NGC 4567', 'NGC 4568']
    """
    if len(text) > _LONGEST:
        return ()
    return tuple(entry(row) for row in _rows_by_spelling().get(_key(text), ()))


def numbered(text: str) -> str | None:
    """How a number of a catalogue is spelled, whether a galaxy has it or not: "NGC 7000"."""
    found = _numbered(text[:_LONGEST].casefold())
    return None if found is None else f"{_PREFIXES[found[1]]} {found[2]}{(found[3] or '').upper()}"


def close_names(text: str) -> tuple[str, ...]:
    """Up to three names that are spelled similarly; none where no name is close.

    Examples
    --------
    >>> close_names("Mesier 87"), close_names("Sombero")
    (('M 87',), ('Sombrero Galaxy',))
    """
    found = _WRITTEN_OUT.fullmatch(text[:_LONGEST].strip().casefold())
    if found:
        words = get_close_matches(found[1], _PREFIXES, n=1, cutoff=0.7)
        return tuple(one.names[0] for w in words for one in meaning(f"{w} {found[2]}"))
    common = {_key(name): name for names in _columns()["common"] for name in names}
    keys = get_close_matches(_key(text[:_LONGEST]), common, n=3, cutoff=0.7)
    return tuple(common[key] for key in keys)


def cross_match(ra, dec, redshift, nmgy) -> Match:
    """The galaxies of a catalogue to which names belong.

    A galaxy is within 5 arcsec of the entry's position, or within a fifth of its major axis (30
    arcsec at most); the redshifts differ by less than 0.002 where OpenNGC has one. Beyond 5 arcsec
    the magnitudes agree too, and a galaxy without a redshift is not matched. Pairs, triplets and
    groups have no row.

    Parameters
    ----------
    ra, dec : arrays (n,)
        [deg, J2000]; NaN where unknown.
    redshift : array (n,)
    nmgy : array (n, 7)
        Fluxes [nanomaggies] in `NSA_BANDS`.
    """
    ra, dec, redshift = (np.asarray(v, float) for v in (ra, dec, redshift))
    flux = np.asarray(nmgy)[:, NSA_BANDS.index("g")].astype(float)
    g = ab_magnitude(flux)
    rows = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    columns = _columns()
    size = np.nan_to_num(columns["major_arcmin"])
    reach = np.clip(_SHARE * 60 * size, SURE, _WIDEST)
    points = _unit(columns["ra"], columns["dec"])
    suitors: dict[int, list[tuple[float, Named]]] = {}
    ambiguous: list[str] = []
    if not rows.size:
        return Match({}, {}, ())
    from scipy.spatial import cKDTree  # slow to import

    tree = cKDTree(_unit(ra[rows], dec[rows]))
    found = tree.query_ball_point(points, 2 * np.sin(np.radians(reach / 3600) / 2))
    for k in np.flatnonzero([len(close) > 0 for close in found]):
        if columns["kind"][k] != "galaxy":
            continue
        one, near = entry(int(k)), rows[found[k]]
        away = np.linalg.norm(_unit(ra[near], dec[near]) - points[k], axis=1)
        away = np.degrees(away) * 3600
        good = _agrees(one, away, redshift[near], g[near])
        near, away = near[good], away[good]
        if not near.size:
            continue
        first = int(np.argmin(away))
        bright = int(np.argmin(np.where(np.isfinite(g[near]), g[near], np.inf)))
        if bright != first:  # a piece of the galaxy is nearer than the galaxy
            ambiguous.append(one.name)
            continue
        suitors.setdefault(int(near[first]), []).append((float(away[first]), one))
    entry_of: dict[int, Named] = {}
    for row, candidates in suitors.items():
        candidates.sort(key=lambda pair: pair[0])
        if len(candidates) > 1 and not (candidates[0][0] < SURE < candidates[1][0]):
            ambiguous += [other.name for _, other in candidates]
            continue
        ambiguous += [other.name for _, other in candidates[1:]]
        entry_of[row] = candidates[0][1]
    row_of = {one.name: row for row, one in entry_of.items()}
    return Match(row_of, entry_of, tuple(sorted(ambiguous)))


def _agrees(one, away, redshift, g):
    same_z = np.abs(redshift - one.redshift) < REDSHIFTS
    colour = one.b_mag - g
    same_light = (colour > _MAGNITUDES[0]) & (colour < _MAGNITUDES[1])
    return np.where(away <= SURE, same_z | np.isnan(one.redshift), same_z & same_light)


def _unit(ra, dec):
    """Unit vectors (..., 3) of positions in degrees."""
    ra, dec = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], -1)

"""Which filter curve a name stands for: the same one twice, or another than was stored.

Names of the user's own curves do not say which curve was meant, so what is stored keeps hashes.
"""

import warnings

import numpy as np

from sedflow.bands import BAND_ALIASES, is_own_curve, load_band
from sedflow.errors import UnknownBand
from sedflow.files.hashes import sha256_of


def same_curves(bands) -> list[str]:
    """Names among these that stand for one filter curve; names without a curve do not count.

    Files are compared by what they hold: a copy, a link or another spelling of a path is the same.
    """
    known = {band: BAND_ALIASES.get(band, band) for band in bands}
    own = [band for band in bands if is_own_curve(band)]
    hashes = {band: found for band in (bands if own else ()) if (found := _hash_of(band))}
    every = {**known, **hashes}
    return [band for band in bands if [*every.values()].count(every[band]) > 1]


def own_curves(bands) -> dict[str, str]:
    """SHA-256 of the curves among these that no library has: those of files, and added ones.

    Their names alone do not say which curve was meant: whatever is stored keeps these hashes, too.
    """
    return {band: found for band in bands if is_own_curve(band) and (found := _hash_of(band))}


def check_curves(stored, bands, what: str, error=UnknownBand) -> None:
    """Hold curves that are not of a library to the hashes that were stored with their names.

    stored : dict of name -> SHA-256, as `own_curves` gave it; what : has stored them; error : the
    class of what is raised. Where nothing is stored of such a curve, a warning says so.
    """
    for band in bands:
        if not is_own_curve(band):
            continue
        remedy = f"put the curve back, or give it with add_band(Band({band[:60]!r}, ...))"
        known = stored.get(band)
        if known is None:
            warnings.warn(
                f"{what} is of a version that kept no hash of the filter curve {band[:60]!r}: make "
                "sure that it is still the same curve",
                stacklevel=3,
            )
            continue
        found = _hash_of(band)
        if found is None:
            raise error(f"{what} needs the filter curve {band[:60]!r}, which is not here; {remedy}")
        if found != known:
            raise error(
                f"{what} was made with another filter curve {band[:60]!r} than the one that is "
                f"here now (SHA-256 {known[:12]}..., not {found[:12]}...); {remedy}"
            )


def _hash_of(name):
    """SHA-256 of the numbers of a curve, of whatever height; None if there is no such curve."""
    try:
        band = load_band(name)
    except UnknownBand:
        return None
    numbers = np.stack([band.wavelength, band.response / band.response.max()])
    return sha256_of(numbers.astype("<f8").tobytes())

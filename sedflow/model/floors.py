"""Floors of photometric errors: what calibration and models are good to, whatever the noise.

A survey's errors count photons. Zero points, apertures and templates are off by a few per cent
between bands, so that errors of half a per cent make posteriors too narrow and fits fail. The
NASA-Sloan Atlas adds 0.05, 0.02, 0.02, 0.02 and 0.03 mag in ugriz to its errors.
"""

import numpy as np
import numpy.typing as npt

from sedflow.bands import short_name
from sedflow.errors import SedflowError
from sedflow.photometry import Photometry

__all__ = [
    "RECOMMENDED",
    "far_below",
    "far_below_floor",
    "floor_notes",
    "floor_share",
    "with_floor",
]

#: Floors of sigma / flux by band: those of the atlas, and 5 % where nobody has said.
RECOMMENDED = {
    **dict(zip("ugriz", (0.05, 0.02, 0.02, 0.02, 0.03), strict=True)),
    "FUV": 0.04,
    "NUV": 0.04,
}
#: Share of the recommended floor below which an error is not believed.
_FAR_BELOW = 0.4
_ENOUGH = 0.9  # of the floor: 0.02 mag are 1.8 %
_MOST = 1.0


def floor_share(text: str, band: str) -> float:
    """A floor as a share of the flux: "2 %", "0.02", "recommended", or "" for none.

    Raises
    ------
    SedflowError
        It is none of these, or not from 0 to 100 %.

    >>> floor_share("2 %", "r"), floor_share("recommended", "sdss2010-r"), floor_share("", "u")
    (0.02, 0.02, 0.0)
    """
    words = str(text).strip()
    if not words:
        return 0.0
    if words == "recommended":
        return RECOMMENDED.get(short_name(band), 0.05)
    try:
        value = float(words.removesuffix("%")) / (100.0 if words.endswith("%") else 1.0)
    except ValueError:
        value = np.nan
    if not 0.0 <= value < _MOST:
        raise SedflowError(
            f"floor = {words[:40]!r} of {band}; give a share of the flux such as 0.02 or '2 %', or "
            "'recommended'"
        )
    return value


def with_floor(flux: npt.ArrayLike, sigma: npt.ArrayLike, share: float) -> np.ndarray:
    """Errors (...) with a share of the flux added in quadrature."""
    return np.hypot(sigma, share * np.abs(flux)) if share else np.asarray(sigma, float)


def far_below(galaxies: Photometry) -> tuple[np.ndarray, np.ndarray]:
    """Recommended floors (n_band,), 0 for none; and which errors (..., n_band) are far below."""
    floors = np.array([RECOMMENDED.get(short_name(band), 0.0) for band in galaxies.bands])
    with np.errstate(invalid="ignore"):
        return floors, galaxies.sigma < _FAR_BELOW * floors * galaxies.flux


def far_below_floor(galaxies: Photometry) -> np.ndarray:
    """A sentence for each galaxy (...) with errors that no photometry has; "" for the others."""
    flat = galaxies.flat
    said = np.full(len(flat), "", dtype=object)
    floors, low = far_below(flat)
    for i in np.flatnonzero(low.any(-1)):
        share = 100 * (flat.sigma[i] / flat.flux[i])[low[i]]
        named = ", ".join(np.array(flat.bands)[low[i]])
        floor = ", ".join(f"{100 * value:g}" for value in floors[low[i]])
        said[i] = (
            f"the errors in {named} ({', '.join(f'{x:.2g}' for x in share)} % of the flux) are far "
            f"below the {floor} % that photometry is good to between bands, so the posterior is "
            "narrower than the data allow; add that share of the flux, or as many hundredths of a "
            "magnitude, to the errors in quadrature"
        )
    return said.reshape(galaxies.shape)


def floor_notes(galaxies: Photometry) -> tuple[str, ...]:
    """A sentence on the bands whose median sigma / flux is below the recommended floor, if any.

    Bands for which nothing is recommended are not judged.
    """
    flat = galaxies.flat
    low: list[tuple[str, float, float]] = []  # band, median and floor of sigma / flux
    for k, band in enumerate(flat.bands):
        floor = RECOMMENDED.get(short_name(band))
        with np.errstate(all="ignore"):
            ratio = (flat.sigma[:, k] / flat.flux[:, k])[flat.flux[:, k] > 0]
        if floor is None or not ratio.size:
            continue
        median = float(np.nanmedian(ratio))
        if median < _ENOUGH * floor:
            low.append((band, median, floor))
    if not low:
        return ()
    bands, medians, floors = zip(*low, strict=True)
    return (
        f"the errors in {', '.join(bands)} are {_percent(medians, '.2g')} of the flux (median), "
        f"below the {_percent(floors, 'g')} that photometry of galaxies is good to between bands: "
        "posteriors come out too narrow and fits fail; add it with floor = 'recommended' (--floor "
        "recommended)",
    )


def _percent(shares, digits):
    """Shares in per cent, one for all where they print alike."""
    told = [f"{100 * share:{digits}}" for share in shares]
    return f"{', '.join(told if len(set(told)) > 1 else told[:1])} %"

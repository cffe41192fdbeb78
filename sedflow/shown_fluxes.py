"""Fluxes in words: a magnitude with its error in each band, of many galaxies their medians.

Whoever sees magnitudes sees at once that microjanskys were read as nanomaggies, a signal-to-noise
ratio as an error, or one band as another.
"""

import numpy as np

from sedflow.bands import ab_magnitude
from sedflow.constants import POGSON

__all__ = ["rows_of_many", "said_of_many", "said_of_one"]

_FAINT = 2.0  # signal-to-noise below which a magnitude has no error to speak of
_NONE = "not observed"


def said_of_one(bands, flux: np.ndarray, sigma: np.ndarray) -> str:
    """AB magnitudes and errors of one galaxy, from fluxes and errors (n_band,) [nanomaggies].

    Where the flux is not positive, or hardly, it stands itself, with its own unit.

    >>> said_of_one(("u", "g", "r"), np.array([20.0, 0.1, np.nan]), np.array([1.0, 0.4, np.nan]))
    'u 19.25 ± 0.05 AB mag, g 0.1 ± 0.4 nanomaggies, r not observed'
    """
    parts, units = [], []
    for band, f, s in zip(bands, flux, sigma, strict=True):
        if np.isnan(f):
            parts.append(f"{band} {_NONE}")
            units.append("")
        elif f > _FAINT * s:
            error = POGSON * s / f
            digits = 2 if error >= 0.01 else 3 if error >= 0.001 else 4
            parts.append(f"{band} {ab_magnitude(f):.{digits}f} ± {error:.{digits}f}")
            units.append(" AB mag")
        else:
            parts.append(f"{band} {f:.2g} ± {s:.2g}")
            units.append(" nanomaggies")
    following = [*units[1:], ""]  # a unit stands once, behind the last of its kind
    return ", ".join(
        part + (unit if unit != other else "")
        for part, unit, other in zip(parts, units, following, strict=True)
    )


def said_of_many(bands, flux: np.ndarray) -> str:
    """Median AB magnitudes of fluxes (..., n_band) [nanomaggies], of those that are positive.

    >>> said_of_many(("g", "r"), np.array([[10.0, 100.0], [10.0, np.nan]]))
    'median AB mag g 20.00, r 17.50'
    """
    medians = [_median(ab_magnitude(flux[..., k])) for k in range(len(bands))]
    said = (
        f"{band} {m:.2f}" if np.isfinite(m) else f"{band} none"
        for band, m in zip(bands, medians, strict=True)
    )
    return f"median AB mag {', '.join(said)}"


def rows_of_many(bands, flux: np.ndarray, sigma: np.ndarray) -> list[tuple[str, ...]]:
    """Band, galaxies observed in it, median AB magnitude and its median error, as texts."""
    rows: list[tuple[str, ...]] = []
    for k, band in enumerate(bands):
        f, s = flux[..., k], sigma[..., k]
        seen = f > 0
        error = _median(POGSON * s[seen] / f[seen])
        median = _median(ab_magnitude(f[seen]))
        rows.append((band, f"{np.isfinite(f).sum():,}", f"{median:.2f}", f"{error:.3f}"))
    return rows


def _median(values):
    """The median of what is finite; NaN of nothing."""
    values = values[np.isfinite(values)]
    return float(np.median(values)) if values.size else np.nan

"""Bins of galaxies by what the data look like: the properties, and which galaxy is in which bin."""

import numpy as np

from sedflow.photometry import Photometry

#: What galaxies are binned and compared by, and the label of each on an axis.
PROPERTIES = {
    "r": "r [mag]",
    "snr": "signal-to-noise",
    "redshift": "redshift",
    "g-r": "g−r [mag]",
    "n_band": "number of bands",
}


def properties(galaxies: Photometry) -> dict[str, np.ndarray]:
    """The `PROPERTIES` (...) of galaxies (...) by name; NaN where unknown."""
    magnitude, blank = galaxies.magnitude, np.full(galaxies.shape, np.nan)
    r, g = (
        magnitude[..., galaxies.bands.index(band)] if band in galaxies.bands else blank
        for band in "rg"
    )
    present = galaxies.present
    snr = np.full(galaxies.shape, np.nan)
    seen = present.any(-1)
    snr[seen] = np.nanmedian((galaxies.flux / galaxies.sigma)[seen], axis=-1)
    return {
        "r": r,
        "snr": snr,
        "redshift": np.asarray(galaxies.redshift, float),
        "g-r": g - r,
        "n_band": present.sum(-1),
    }


def groups(name: str, values: np.ndarray, edges: np.ndarray) -> list[np.ndarray]:
    """Which of the values (n,) of a property lie in each bin: masks (n,), one for each bin.

    edges (n_bin, 2) : ends of each bin; of "n_band", the number itself, twice
    """
    edges = np.asarray(edges, float)
    if name == "n_band":
        return [values == low for low, _ in edges]
    cuts = [*edges[:, 0], edges[-1, 1]]
    which = np.clip(np.searchsorted(cuts, values, side="right") - 1, 0, len(edges) - 1)
    return [(which == k) & np.isfinite(values) for k in range(len(edges))]

"""A row of a catalogue run as a galaxy again, and how far another answer is from the stored one."""

import numpy as np

from sedflow.photometry import Photometry


def stored_photometry(row: dict, bands) -> Photometry:
    """The photometry of a row [nanomaggies], as the run understood it.

    Raises
    ------
    BadPhotometry
        The row is not a galaxy.
    """
    flux, sigma = ([float(row[f"{kind}_{band}"]) for band in bands] for kind in ("flux", "sigma"))
    return Photometry(flux, sigma, float(row["redshift"]), bands)


def departure(row: dict, names, quantiles) -> tuple[float, str]:
    """How far other quantiles are from those of a row, and in which quantity.

    names : of the quantities; quantiles (3, n) : 16, 50 and 84 % of each. The largest
    difference of any, in units of half the stored 68 % interval; NaN if nothing is stored.
    """
    stored = np.array([[row[f"{name}_p{q}"] for name in names] for q in (16, 50, 84)], float)
    half = np.maximum((stored[2] - stored[0]) / 2, 1e-6 * (1 + np.abs(stored[1])))
    with np.errstate(invalid="ignore"):  # where both are infinite
        away = np.abs(np.asarray(quantiles, float) - stored).max(0) / half
    if not np.isfinite(away).any():
        return float("nan"), ""
    k = int(np.nanargmax(away))
    return float(away[k]), names[k]

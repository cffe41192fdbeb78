"""Fluxes that no galaxy can have: beyond limits, codes for none, magnitudes as fluxes."""

import warnings

import numpy as np

from sedflow.bands import load_band
from sedflow.errors import BadPhotometry
from sedflow.nulls import no_flux

# What `Photometry` and the reader of catalogues take. The Sun has 10^19.7 nanomaggies and no
# galaxy 10^6, no survey reaches 10^-5: beyond these the unit is wrong. Inside, squares of flux
# over sigma stay far from the largest and the least double.
FLUX_MAX, SIGMA_MIN = 1e15, 1e-15  # [nanomaggies]


def believable(flux, sigma) -> np.ndarray:
    """Whether flux and error [nanomaggies] are inside what any galaxy can have; no for NaN."""
    flux, sigma = np.abs(flux), np.asarray(sigma)
    return (flux < FLUX_MAX) & (sigma > SIGMA_MIN) & (sigma < FLUX_MAX)


def refuse_codes(flux, sigma, bands) -> None:
    """Refuse -99 +- 99 and the like, which say in catalogues that there is no value."""
    with np.errstate(invalid="ignore"):
        odd = (np.abs(flux) == sigma) | (flux < -5 * sigma) | (sigma >= 1e9) | (np.abs(flux) >= 1e9)
        none = odd & no_flux(flux, sigma, flux / sigma)[0] if odd.any() else odd
    if none.any():
        where = tuple(np.argwhere(none)[0])
        raise BadPhotometry(
            f"flux = {flux[where]:g} +- {sigma[where]:g} in band {bands[where[-1]]} says in "
            "catalogues that there is no value; give NaN for both"
        )


class LooksLikeMagnitudes(UserWarning):
    """Fluxes that are more likely magnitudes."""


def look_like_magnitudes(flux, sigma, bands) -> np.ndarray:
    """Which fluxes (..., n_band) look like magnitudes (n,).

    Magnitudes of galaxies lie between 10 and 30, and fall from blue to red bands; fluxes rise.
    """
    order = np.argsort([load_band(band).pivot for band in bands])
    f, s = flux[..., order].reshape(-1, len(bands)), sigma[..., order].reshape(-1, len(bands))
    if len(bands) < 3:
        return np.zeros(len(f), bool)
    with np.errstate(invalid="ignore"):
        like = (f > 10) & (f < 30) & (s < 0.5)
        return like.all(-1) & (np.diff(f) <= 0.1).all(-1) & (f[:, 0] - f[:, -1] > 0.3)


def say_if_magnitudes(flux, sigma, bands) -> None:
    """Warn of fluxes that look like magnitudes, where most of the galaxies' do."""
    like = look_like_magnitudes(flux, sigma, bands)
    if 2 * like.sum() > len(like):
        first = flux.reshape(-1, len(bands))[like][0]
        warnings.warn(
            f"the flux {first.round(2).tolist()} looks like magnitudes, but is taken as "
            "nanomaggies; use Photometry.from_magnitudes(mag, err, redshift)",
            LooksLikeMagnitudes,
            stacklevel=4,
        )

"""The redshifts that data, the model and a network take, and the sentences on those they do not.

Every sentence on a bad redshift is made here: those that no galaxy has, those at which there is no
model, and those that a network was not trained on.
"""

import numpy as np
import numpy.typing as npt

MIN_REDSHIFT = 1e-6  # 4 kpc; nearer, nothing has a redshift for its distance
REDSHIFT_MAX = 100.0  # no galaxy was there; larger numbers are velocities
#: Where the model ends.
MAX_REDSHIFT = 0.5


def believable_redshift(redshift: npt.ArrayLike) -> np.ndarray:
    """Whether redshifts (...) are inside what any galaxy can have; no for NaN."""
    redshift = np.asarray(redshift)
    return (redshift >= MIN_REDSHIFT) & (redshift <= REDSHIFT_MAX)


def no_galaxy_has(redshift: float, whose: str = "") -> str:
    """Of a redshift that is not believable; whose : " of galaxy 3", for example.

    >>> no_galaxy_has(-1.0)
    'redshift = -1.0 is not between 1e-06 and 100; give a spectroscopic redshift'
    """
    if np.isnan(redshift):
        return f"there is no redshift{whose}; give a spectroscopic one"
    return (
        f"redshift = {redshift}{whose} is not between {MIN_REDSHIFT:g} and {REDSHIFT_MAX:g}; give "
        "a spectroscopic redshift"
    )


def missing_redshift(code: float) -> str:
    """Of a number by which catalogues say that there is no redshift."""
    return f"redshift = {code:g} says that there is none; give a spectroscopic redshift"


def outside_model(redshift: float) -> str:
    """Of a redshift at which there is no model, whatever the bands; a galaxy may well have it.

    >>> outside_model(0.9)
    'redshift = 0.9 is outside the model, which goes from 1e-06 to 0.5; give one inside'
    """
    return (
        f"redshift = {redshift:g} is outside the model, which goes from {MIN_REDSHIFT:g} to "
        f"{MAX_REDSHIFT}; give one inside"
    )


def beyond_grid(redshift: float, top: float, grid: str, bands: tuple[str, ...]) -> str:
    """Of a redshift at which an SSP grid does not cover all bands; top : the last that it does."""
    if redshift > MAX_REDSHIFT:  # no other bands or grid would help
        return outside_model(redshift)
    return (
        f"redshift = {redshift:g} is beyond {top:.3f}, where the {grid!r} SSP "
        f"grid stops covering {', '.join(bands)}; leave out the bluest band or choose "
        f"another grid (with 'bc03', MCMC goes on to {MAX_REDSHIFT})"
    )


def beyond_network(redshift: float, top: float, grid: str, network: str) -> str:
    """Of a redshift at which a network's SSP grid does not cover all bands that it knows."""
    if redshift > MAX_REDSHIFT:
        return outside_model(redshift)
    return (
        f"redshift = {redshift:g} is beyond {top:.3f}, where the {grid!r} SSP grid stops covering "
        f"the bands of the network {network}, measured or not; use MCMC in the bands that there "
        "are, or a network that knows no bluer one"
    )


def untrained(redshift: float, low: float, high: float) -> str:
    """Of a redshift outside of those that a network was trained on, and what to use instead."""
    text = f"redshift {redshift:.4f} is outside the {low:g} to {high:g} of training; "
    if redshift < low:
        return text + "use MCMC, and a distance of your own: redshifts that low do not give one"
    if redshift > MAX_REDSHIFT:
        return text + f"the model itself ends at {MAX_REDSHIFT:g}"
    return text + (
        f"use MCMC (sedflow.MCMCSampler()), which goes on to {MAX_REDSHIFT:g}; the grids of FSPS "
        "cover u to 0.311 only, so leave out u beyond, or use "
        "MCMCSampler(model=sedflow.SEDModel('bc03'))"
    )

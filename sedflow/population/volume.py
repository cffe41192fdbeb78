"""Weights that correct a flux limit: one over the volume in which a galaxy would be in the sample.

Schmidt 1968, ApJ 151, 393. A galaxy at the limit of the flux is one at its largest distance; its
spectrum is taken to look the same there (no K correction), which is good to a few per cent of the
volume below z = 0.05.
"""

from typing import Any

import numpy as np

from sedflow.batches import check_labels
from sedflow.errors import SedflowError
from sedflow.flux_units import same_flux_unit
from sedflow.model.cosmology import MPC_CM, luminosity_distance_cm
from sedflow.nulls import NO_MAGNITUDE_WORDS, no_magnitude
from sedflow.redshifts import MIN_REDSHIFT
from sedflow.units import plain, split

_SKY = 4 * np.pi * (180 / np.pi) ** 2  # square degrees
FARTHEST = 0.5  # the largest redshift, where the table of distances ends
_NODES = 4096


def inverse_vmax(
    redshift: Any,
    magnitude: Any,
    limit: float,
    area: float,
    *,
    z_low: float = 0.0,
    z_high: float = FARTHEST,
) -> np.ndarray:
    """Weights 1 / Vmax (n,) [Mpc^-3] of galaxies from a survey with a flux limit.

    Vmax is the comoving volume between `z_low` and the redshift at which a galaxy has the limiting
    magnitude, or `z_high`, if that is nearer. The sum of the weights is the number density.

    Parameters
    ----------
    redshift (n,)
        Plain numbers, or quantities of astropy's in the units given here; so the others.
    magnitude (n,) : in the band of the limit, AB, without K correction; with a unit, mag or mag(AB)
    limit : faintest magnitude of the sample
    area : of the survey [square degrees]
    z_low, z_high : ends of the sample

    Raises
    ------
    SedflowError
        A galaxy is outside the limits, or a limit is not possible.

    Examples
    --------
    >>> weights = inverse_vmax([0.02, 0.02], [15.0, 17.0], limit=17.77, area=1000)
    >>> bool(weights[1] > 5 * weights[0])
    True
    """
    check_labels(SedflowError, redshift=redshift, magnitude=magnitude)
    z, m = plain(redshift, "redshift", ""), _magnitudes(magnitude, "magnitude")
    limit = _one(_magnitudes(limit, "limit"), "limit")
    area = _one(plain(area, "area", "deg2"), "area")
    z_low, z_high = (_one(plain(z, n, ""), n) for z, n in ((z_low, "z_low"), (z_high, "z_high")))
    try:
        z, m = np.broadcast_arrays(z, m)
    except ValueError:
        raise SedflowError(
            f"redshift has the shape {z.shape} and magnitude {m.shape}; give one of each galaxy"
        ) from None
    if not 0 < area <= _SKY + 1:
        raise SedflowError(f"area = {area:g} square degrees; give a part of the sky, up to 41,253")
    if not 0 <= z_low < z_high <= FARTHEST:
        raise SedflowError(
            f"z_low = {z_low:g} and z_high = {z_high:g}; give 0 <= z_low < z_high <= {FARTHEST}"
        )
    if not np.isfinite(limit):
        raise SedflowError(f"limit = {limit:g}; give the faintest magnitude of the sample")
    none = no_magnitude(m, None)
    if none.any():
        raise SedflowError(
            f"magnitude = {m[none].flat[0]:g} of {none.sum():,} galaxies: catalogues write "
            f"{NO_MAGNITUDE_WORDS} where there is none; leave these galaxies out"
        )
    outside = ~((z > 0) & (z >= z_low) & (z <= z_high) & (m <= limit))
    if outside.any():
        k = int(np.argmax(outside))
        raise SedflowError(
            f"{outside.sum():,} galaxies are not in the sample that the limits describe, the first "
            f"has z = {z.flat[k]:.4g} and magnitude {m.flat[k]:.4g} (limit {limit:g}, z from "
            f"{z_low:g} to {z_high:g}); leave them out"
        )
    farthest = np.log(_distance(z)) + 0.2 * np.log(10.0) * (limit - m)
    nodes = np.geomspace(MIN_REDSHIFT, FARTHEST, _NODES)  # distances are nearly powers of them
    log_z = np.interp(farthest, np.log(_distance(nodes)), np.log(nodes))
    z_max = np.clip(np.exp(log_z), z, z_high)  # the table of distances is rounded
    volume = area / _SKY * (_volume(z_max) - _volume(z_low))
    if (volume <= 0).any():
        k = int(np.argmax(volume <= 0))
        raise SedflowError(
            f"a galaxy of z = {z.flat[k]:.6g} and magnitude {m.flat[k]:.6g} is at both z_low and "
            "the flux limit, so that its volume is 0; leave it out, or give a lower z_low"
        )
    return 1.0 / volume


def _magnitudes(values, name):
    """AB magnitudes, plain, in mag, or in a unit of astropy's that says that they are AB."""
    numbers, unit = split(values, name)
    physical = getattr(unit, "physical_unit", None)  # of mag(AB), where mag has none
    if physical is not None and same_flux_unit(f"mag({physical})", "mag(AB)"):
        return numbers * unit.function_unit.to("mag")
    return plain(values, name, "mag")


def _one(number, name):
    """One number."""
    if number.ndim:
        raise SedflowError(f"{name} has the shape {number.shape}; give one number")
    return float(number)


def _distance(z):
    return luminosity_distance_cm(z) / MPC_CM


def _volume(z):
    """Comoving volume inside a redshift [Mpc^3], of the whole sky, in a flat universe."""
    return 4 / 3 * np.pi * (_distance(z) / (1.0 + np.asarray(z))) ** 3

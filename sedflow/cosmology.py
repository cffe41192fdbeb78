"""Age of the universe and luminosity distance in the Planck 2013 cosmology.

Values are astropy's, tabulated once per process and read through a cubic spline (relative
error below 1e-9 for 0 < z < 0.5), so a million redshifts cost what one does.
"""

from functools import cache

import numpy as np
from scipy.interpolate import CubicSpline

__all__ = ["MIN_REDSHIFT", "MPC_CM", "age_gyr", "luminosity_distance_cm"]

MPC_CM = 3.0856775814913674e24
MIN_REDSHIFT = 1e-6  # 4 kpc; nearer, nothing has a redshift for its distance
_Z_TABLE = np.linspace(0.0, 0.5, 1001)


@cache
def _splines():
    from astropy.cosmology import Planck13  # slow to import: only when first needed

    age = CubicSpline(_Z_TABLE, Planck13.age(_Z_TABLE).value)
    distance = CubicSpline(_Z_TABLE, Planck13.luminosity_distance(_Z_TABLE).value * MPC_CM)
    return age, distance


def age_gyr(redshift) -> np.ndarray:
    """Age of the universe [Gyr] at a redshift, 0 <= z <= 0.5."""
    return _splines()[0](redshift)


def luminosity_distance_cm(redshift) -> np.ndarray:
    """Luminosity distance [cm] at a redshift, 0 <= z <= 0.5."""
    return _splines()[1](redshift)

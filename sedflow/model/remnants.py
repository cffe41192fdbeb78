"""The mass of white dwarfs, neutron stars and black holes, where an SSP grid counts stars alone.

All stars below a turn-off mass are alive, so the living mass says which that is, for a known
initial mass function; what the others leave behind follows from the relation of initial and final
masses of Renzini & Ciotti (1993, ApJ 416, L49), which FSPS uses, too:

    m < 8.5 Msun : 0.077 m + 0.48     8.5 to 40 Msun : 1.4     above : 0.5 m
"""

import numpy as np
import numpy.typing as npt

_MASSES = np.geomspace(0.1, 100.0, 20_001)  # Msun


def remnant_mass(living: npt.ArrayLike) -> np.ndarray:
    """Mass of remnants per mass formed (...), of populations of which `living` (...) is left.

    For the initial mass function of Kroupa (2001), 0.1 to 100 Msun.
    """
    m = _MASSES
    number = np.where(m < 0.5, m**-1.3, 0.5 * m**-2.3)
    middle, width = 0.5 * (m[1:] + m[:-1]), np.diff(m)
    count = 0.5 * (number[1:] + number[:-1]) * width
    formed = count * middle
    left = np.select([middle < 8.5, middle < 40.0], [0.077 * middle + 0.48, 1.4], 0.5 * middle)
    total = formed.sum()
    below = np.concatenate([[0.0], np.cumsum(formed)]) / total
    dead = np.concatenate([[0.0], np.cumsum(count * left)]) / total
    turn_off = np.interp(np.asarray(living, float), below, m)
    return dead[-1] - np.interp(turn_off, m, dead)

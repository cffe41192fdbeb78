"""Constants that several modules need, each with its unit."""

import numpy as np

C_ANGSTROM = 2.99792458e18  # speed of light [A/s]
LSUN = 3.846e33  # solar luminosity [erg/s], that of PROVABGS, used for every library
POGSON = 2.5 / np.log(10)  # magnitudes in a natural logarithm of flux
LOG_2PI = float(np.log(2 * np.pi))

"""Constants that several modules need, each with its unit."""

import numpy as np

C_ANGSTROM = 2.99792458e18  # speed of light [A/s]
AB_FNU = 3.631e-20  # flux density of AB magnitude 0 [erg/s/cm2/Hz]
LSUN = 3.846e33  # solar luminosity [erg/s], that of PROVABGS, used for every library
LN_10 = np.log(10.0)
POGSON = 2.5 / np.log(10)  # magnitudes in a natural logarithm of flux
LOG_2PI = float(np.log(2 * np.pi))

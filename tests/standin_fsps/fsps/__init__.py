"""A stand-in for python-fsps: its interface, recorded from 0.5.0, around a made-up library.

Whether it still has the interface of the installed package is tested in test_ssp_build.py. Its
light is flat in L_lambda, so that the grid built from it is known to the last digit.
"""

import os

import numpy as np

from fsps import fsps as fsps
from fsps.fsps import driver

__version__ = "0.5.0+standin"


class _Parameters:
    def __init__(self, values):
        self._values = values
        self.all_params = list(values)

    def __getitem__(self, name):
        return self._values[name]

    def __setitem__(self, name, value):
        self._values[name] = value


class StellarPopulation:
    made = 0

    def __init__(
        self,
        compute_vega_mags=False,
        vactoair_flag=False,
        zcontinuous=0,
        cloudy_dust=False,
        **kwargs,
    ):
        type(self).made += 1
        assert self.made == 1, "one StellarPopulation in one program"
        if "zlegend" not in os.listdir(os.environ["SPS_HOME"]):
            print(" SPS_SETUP ERROR: zlegend.dat cannot be opened", flush=True)
            os._exit(0)  # as Fortran's STOP does
        known = {
            "sfh": 0,
            "imf_type": 2,
            "add_neb_emission": False,
            "gas_logu": -2,
            "gas_logz": 0.0,
            "add_dust_emission": True,
            "dust1": 0.0,
            "dust2": 0.0,
            "zmet": 1,
            "tage": 0.0,
        }
        assert set(kwargs) <= set(known)
        self.params = _Parameters(known | kwargs)
        self.libraries = driver.get_libraries()
        self.zlegend = np.array([0.00185, 0.0185, 0.037])
        self.solar_metallicity = 0.0185
        self.ssp_ages = np.array([5.0, 6.5, 7.0, 8.0, 9.0, 10.0, 10.2])
        self.wavelengths = np.geomspace(91.0, 1e8, 4000)

    def light(self):
        """L_lambda (n_age,) [Lsun/A/Msun], the same at all wavelengths."""
        grey = 2e-3 * 10 ** (-0.5 * (self.ssp_ages - 5.0)) / self.params["zmet"]
        if self.params["add_neb_emission"]:
            grey = grey * (1.0 + 0.1 * 10 ** self.params["gas_logz"])
        return grey * (1.0 + self.params["imf_type"])

    def get_spectrum(self, zmet=None, tage=0.0, peraa=False):
        assert tage == 0.0
        assert not peraa
        self.params["zmet"], self.params["tage"] = zmet, tage
        print("words that FSPS prints", flush=True)
        lnu = self.light()[:, None] * self.wavelengths**2 / 2.99792458e18
        return self.wavelengths, lnu

    @property
    def stellar_mass(self):
        return 1.0 - 0.05 * (self.ssp_ages - 5.0)

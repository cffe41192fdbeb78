"""Dust attenuation: diffuse dust (FSPS `dust_type=4`) and the birth clouds of young stars.

Source: Kriek & Conroy 2013, ApJ 775, L16, with the coefficients that FSPS uses.
"""

import numpy as np

from sedflow.units import plain

PIVOT = 5500.0  # A, where both optical depths are defined
BIRTH_CLOUD_SLOPE = -1.0
BUMP_OFFSET, BUMP_SLOPE = 0.85, -1.9  # strength of the 2175 A bump at slope offset n


def calzetti_curve(wavelength) -> np.ndarray:
    """Calzetti et al. (2000) curve A(lambda)/A_V at rest wavelengths [A], without bump."""
    x = 1e4 / plain(wavelength, "wavelength", "Angstrom")
    blue = -2.156 + 1.509 * x - 0.198 * x**2 + 0.011 * x**3
    red = -1.857 + 1.040 * x
    q = np.where(1e4 / x <= 6300.0, blue, red)
    return np.maximum((1.17 * q + 1.78) / (0.44 * 4.05), 0.0)


def bump_curve(wavelength) -> np.ndarray:
    """Drude profile of the 2175 A bump (width 350 A, unit strength) divided by R_V = 4.05."""
    wavelength = plain(wavelength, "wavelength", "Angstrom")
    wide = (350.0 * wavelength) ** 2
    return wide / ((wavelength**2 - 2175.0**2) ** 2 + wide) / 4.05


def diffuse_curve(wavelength, n_dust) -> np.ndarray:
    """Optical depth (..., n_wave) of the diffuse dust per unit tau_ISM.

    wavelength (n_wave,) rest frame [A]; n_dust (...) slope offset from Calzetti. The bump
    strength follows the slope, 0.85 - 1.9 n, and turns negative above n = 0.447.
    """
    wavelength = plain(wavelength, "wavelength", "Angstrom")
    n = np.asarray(n_dust, dtype=float)[..., None]
    curve = calzetti_curve(wavelength) + (BUMP_OFFSET + BUMP_SLOPE * n) * bump_curve(wavelength)
    return curve * (wavelength / PIVOT) ** n


def birth_cloud_curve(wavelength) -> np.ndarray:
    """Optical depth (n_wave,) of the birth clouds per unit tau_BC, slope -1."""
    return (plain(wavelength, "wavelength", "Angstrom") / PIVOT) ** BIRTH_CLOUD_SLOPE

"""What the network is shown of a galaxy: features of its fluxes, errors and redshift.

Magnitudes are asinh magnitudes softened at one sigma (Lupton et al. 1999), defined for every
flux. All colours are given, not only neighbours: they differ by hundredths where magnitudes
span twenty, and a network would have to take the differences itself. So are the curvatures,
how far a band lies off the line between two others: the colours of model galaxies follow a
narrow sheet, and the place across it says most about metals and dust. Magnitudes and all
that is made of them fade to zero as their bands sink into the noise, so a broken band
disturbs none but its own.

A band that is absent is NaN in flux and sigma. Whatever needs it is NaN here, and the average
(0) once standardised; the mask of the bands present distinguishes the two.
"""

from itertools import combinations

import numpy as np

from sedflow.constants import POGSON
from sedflow.model.cosmology import MPC_CM, luminosity_distance_cm
from sedflow.model.noise import NoiseModel

ABSENT = 2.9  # dex over the usual sigma, where a band says nothing; larger sigmas count as this
LINEAR = 3.0  # half-ranges up to which a standardised feature is linear, logarithmic beyond
MOST = 20.0  # of a standardised feature, in either direction


def raw_features(
    flux: np.ndarray, sigma: np.ndarray, redshift: np.ndarray, noise: NoiseModel
) -> np.ndarray:
    """Features (n, n_feature), not yet standardised; NaN where a band is absent.

    flux, sigma (n, n_band) [nanomaggies]; redshift (n,); noise : NoiseModel of the bands.
    """
    excess = np.maximum(noise.residual(sigma, flux) - ABSENT, 0.0)
    shrink = 10**-excess  # keeps flux / sigma, which is all that a band without signal says
    flux, sigma = flux * shrink, sigma * shrink
    snr = flux / sigma
    seen = (snr**2 / (1.0 + snr**2)) ** 2  # 1 when bright, 0 in the noise
    magnitude = 22.5 - POGSON * (np.arcsinh(snr / 2.0) + np.log(sigma))
    log_distance = np.log10(luminosity_distance_cm(redshift) / MPC_CM)[:, None]
    modulus = 5.0 * log_distance + 25.0
    n_band = flux.shape[1]
    m, s = magnitude.T, seen.T
    colors = [s[i] * s[j] * (m[i] - m[j]) for i, j in combinations(range(n_band), 2)]
    curvatures = [
        s[i] * s[j] * s[k] * (m[j] - ((k - j) * m[i] + (j - i) * m[k]) / (k - i))
        for i, j, k in combinations(range(n_band), 3)
    ]
    return np.concatenate(
        [
            np.reshape(colors + curvatures, (len(colors + curvatures), len(flux))).T,
            seen * (magnitude - modulus + 20.0),
            np.arcsinh(snr),
            np.log10(sigma) + 2.0 * log_distance,
            np.asarray(redshift, float)[:, None],
            log_distance,
            ~np.isnan(flux),
        ],
        axis=1,
    )


def scaling(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and half-range (n_feature,) of raw features, for `standardise`.

    Median and half the 16-84 % range: a few very red models would stretch a standard
    deviation until the galaxies that exist differ by little.
    """
    low, centre, high = np.nanpercentile(raw, [16, 50, 84], axis=0)
    half = (high - low) / 2
    return centre, np.where(half > 0, half, 1.0)


def standardise(raw: np.ndarray, centre: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Features (n, n_feature) as the network takes them, float32: of order 1, none missing."""
    scaled = (raw - centre) / half
    squashed = np.clip(LINEAR * np.arcsinh(scaled / LINEAR), -MOST, MOST)
    return np.nan_to_num(squashed).astype(np.float32)

"""What the network is shown of a galaxy: features of its fluxes, errors and redshift.

Magnitudes are asinh magnitudes softened at one sigma (Lupton et al. 1999), defined for every
flux. All colours are given, not only neighbours: they differ by hundredths where magnitudes
span twenty, and a network would have to take the differences itself. Magnitudes and colours
fade to zero as their bands sink into the noise, so a broken band disturbs none but its own.
"""

from itertools import combinations

import numpy as np

from sedflow.cosmology import MPC_CM, luminosity_distance_cm

__all__ = ["raw_features"]

_POGSON = 2.5 / np.log(10)
_ABSENT = 2.9  # dex over the usual sigma, where a band says nothing; larger sigmas count as this


def raw_features(flux, sigma, redshift, noise) -> np.ndarray:
    """Features (n, n_feature), not yet standardised.

    flux, sigma (n, n_band) [nanomaggies]; redshift (n,); noise : NoiseModel of the bands.
    """
    excess = np.maximum(noise.residual(sigma, flux) - _ABSENT, 0.0)
    shrink = 10**-excess  # keeps flux / sigma, which is all that a band without signal says
    flux, sigma = flux * shrink, sigma * shrink
    snr = flux / sigma
    seen = (snr**2 / (1.0 + snr**2)) ** 2  # 1 when bright, 0 in the noise
    magnitude = 22.5 - _POGSON * (np.arcsinh(snr / 2.0) + np.log(sigma))
    log_distance = np.log10(luminosity_distance_cm(redshift) / MPC_CM)[:, None]
    modulus = 5.0 * log_distance + 25.0
    pairs = list(combinations(range(flux.shape[1]), 2))
    colors = [seen[:, i] * seen[:, j] * (magnitude[:, i] - magnitude[:, j]) for i, j in pairs]
    return np.concatenate(
        [
            np.stack(colors, axis=1),
            seen * (magnitude - modulus + 20.0),
            np.arcsinh(snr),
            np.log10(sigma) + 2.0 * log_distance,
            np.asarray(redshift, float)[:, None],
            log_distance,
        ],
        axis=1,
    )

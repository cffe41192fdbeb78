"""What the network is shown of a galaxy: features of its fluxes, errors and redshift.

Magnitudes are asinh magnitudes softened at one sigma (Lupton et al. 1999), defined for every
flux. All colours are given, not only neighbours: they differ by hundredths where magnitudes
span twenty, and a network would have to take the differences itself. So are the curvatures,
how far a band lies off the line between two others: the colours of model galaxies follow a
narrow sheet, and the place across it says most about metals and dust. Magnitudes and all
that is made of them fade to zero as their bands sink into the noise, so a broken band
disturbs none but its own.

A band that is absent is NaN in flux and sigma. Whatever needs it is NaN here, and the average
(0) once standardised; the mask of the bands present tells the two apart.
"""

from itertools import combinations

import numpy as np

from sedflow.cosmology import MPC_CM, luminosity_distance_cm

__all__ = ["raw_features", "scaling", "standardise"]

_POGSON = 2.5 / np.log(10)
_ABSENT = 2.9  # dex over the usual sigma, where a band says nothing; larger sigmas count as this
_LINEAR = 3.0  # half-ranges up to which a standardised feature is linear, logarithmic beyond


def raw_features(flux, sigma, redshift, noise) -> np.ndarray:
    """Features (n, n_feature), not yet standardised; NaN where a band is absent.

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


def scaling(raw):
    """Centre and half-range (n_feature,) of raw features, for `standardise`.

    Median and half the 16-84 % range: a few very red models would stretch a standard
    deviation until the galaxies that exist differ by little.
    """
    low, centre, high = np.nanpercentile(raw, [16, 50, 84], axis=0)
    half = (high - low) / 2
    return centre, np.where(half > 0, half, 1.0)


def standardise(raw, centre, half) -> np.ndarray:
    """Features (n, n_feature) as the network takes them, float32: of order 1, none missing."""
    scaled = (raw - centre) / half
    squashed = np.clip(_LINEAR * np.arcsinh(scaled / _LINEAR), -20, 20)
    return np.nan_to_num(squashed).astype(np.float32)

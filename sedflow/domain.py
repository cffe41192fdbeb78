"""Where a network was trained, and in which way a galaxy lies outside.

A galaxy is outside if its redshift was not trained; if a colour or a luminosity lies further
than `N_SIGMA` of its own errors beyond all but 1e-4 of the models; or if an error is smaller
than any in training at that flux. Errors larger than any in training are no reason: such a
band says nothing, and counts as one that says nothing.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from sedflow.cosmology import MPC_CM, luminosity_distance_cm
from sedflow.noise import NoiseModel
from sedflow.photometry import Photometry, ab_magnitude

__all__ = ["DomainCheck", "TrainingDomain"]

N_SIGMA = 4.0
_TAIL = 5e-5  # of the models left out at each end of a range
_MIN_SNR = 3.0  # below, a band has no colour to speak of


@dataclass(frozen=True)
class DomainCheck:
    """Whether galaxies lie where the network was trained, and if not, why.

    inside (...) : bool
    reasons (...) : a tuple of sentences for each galaxy, empty where inside
    """

    inside: np.ndarray
    reasons: np.ndarray

    def __bool__(self):
        return bool(np.all(self.inside))

    def __str__(self):
        if self:
            return "inside the training domain"
        return "outside the training domain: " + "; ".join(
            reason for galaxy in np.ravel(self.reasons) for reason in galaxy
        )


@dataclass(frozen=True)
class TrainingDomain:
    """Ranges of the noise-free models that a network was trained on.

    redshift : (low, high)
    colors : name such as "u-g" -> (low, high) [mag]
    magnitudes : band -> (low, high), absolute magnitudes in the observed band
    """

    redshift: tuple[float, float]
    colors: dict[str, tuple[float, float]]
    magnitudes: dict[str, tuple[float, float]]

    @classmethod
    def of_models(cls, flux, redshift, bands, redshift_range) -> "TrainingDomain":
        """Ranges of noise-free model fluxes (n, n_band) at redshifts (n,)."""
        magnitude = ab_magnitude(flux)
        absolute = magnitude - _distance_modulus(redshift)[:, None]

        def both_tails(values):
            return tuple(np.nanquantile(values, [_TAIL, 1 - _TAIL]).round(4).tolist())

        pairs = combinations(range(len(bands)), 2)
        return cls(
            redshift=tuple(redshift_range),
            colors={
                f"{bands[i]}-{bands[j]}": both_tails(magnitude[:, i] - magnitude[:, j])
                for i, j in pairs
            },
            magnitudes={band: both_tails(absolute[:, k]) for k, band in enumerate(bands)},
        )

    def check(self, galaxies: Photometry, noise: NoiseModel) -> DomainCheck:
        """Check galaxies (...) in the bands of the network."""
        flat = galaxies.flat
        reasons = [[] for _ in range(len(flat.redshift))]
        self._check_redshift(flat, reasons)
        self._check_sigma(flat, noise, reasons)
        self._check_colors(flat, reasons)
        self._check_magnitudes(flat, reasons)
        packed = np.empty(len(reasons), dtype=object)
        packed[:] = [tuple(r) for r in reasons]
        inside = np.array([not r for r in reasons], dtype=bool)
        return DomainCheck(inside.reshape(galaxies.shape), packed.reshape(galaxies.shape))

    def _check_redshift(self, flat, reasons):
        low, high = self.redshift
        for i in np.flatnonzero((flat.redshift < low) | (flat.redshift > high)):
            reasons[i].append(
                f"redshift {flat.redshift[i]:.4f} is outside the {low:g} to {high:g} of training"
            )

    def _check_sigma(self, flat, noise, reasons):
        too_small = noise.residual(flat.sigma, flat.flux) < noise.broad[0]
        for i, b in np.argwhere(too_small):
            reasons[i].append(
                f"the error in {flat.bands[b]} ({flat.sigma[i, b]:.2g} nanomaggies) is smaller "
                "than any in training at that flux; inflate it"
            )

    def _check_colors(self, flat, reasons):
        magnitude, error, seen = _magnitudes(flat)
        for name, (low, high) in self.colors.items():
            a, b = (flat.bands.index(band) for band in name.split("-"))
            color = magnitude[:, a] - magnitude[:, b]
            margin = N_SIGMA * np.hypot(error[:, a], error[:, b])
            for side, off in (("bluer", color < low - margin), ("redder", color > high + margin)):
                for i in np.flatnonzero(off & seen[:, a] & seen[:, b]):
                    reasons[i].append(
                        f"{name} = {color[i]:.2f} is {side} than the models reach "
                        f"({low:.2f} to {high:.2f}) by over {N_SIGMA:.0f} sigma; leave out a band "
                        "or check its flux"
                    )

    def _check_magnitudes(self, flat, reasons):
        magnitude, error, seen = _magnitudes(flat)
        modulus = _distance_modulus(flat.redshift)
        for name, (low, high) in self.magnitudes.items():
            k = flat.bands.index(name)
            absolute = magnitude[:, k] - modulus
            margin = N_SIGMA * error[:, k]
            off = (absolute < low - margin) | (absolute > high + margin)
            for i in np.flatnonzero(off & seen[:, k]):
                reasons[i].append(
                    f"the absolute magnitude {absolute[i]:.1f} in {name} is outside "
                    f"{low:.1f} to {high:.1f}, all that the models reach; check flux and redshift"
                )


def _magnitudes(flat):
    with np.errstate(invalid="ignore"):
        return flat.magnitude, flat.magnitude_error, flat.flux > _MIN_SNR * flat.sigma


def _distance_modulus(redshift):
    return 5.0 * np.log10(luminosity_distance_cm(redshift) / MPC_CM) + 25.0

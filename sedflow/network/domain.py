"""Where a network was trained, and in which way a galaxy lies outside.

A galaxy is outside if its redshift was not trained; if a colour or a luminosity lies further
than `N_SIGMA` of its own errors beyond all but 1e-4 of the models; if an error is smaller
than any in training at that flux; if a flux lies further below zero; or if no draw comes near
the data. Errors larger than usual are not a reason: such a band says little, and counts as one
that says little.

The distance of the inputs from those of training is given, but is not a reason: neither the
distance, nor the Mahalanobis distance with the full covariance, nor the largest single feature
finds a corrupted galaxy that the other checks miss (`benchmarks/domain.py`). The features are
broad, since training covers errors over four decades.
"""

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from sedflow.bands import ab_magnitude
from sedflow.draws import Draws
from sedflow.model.cosmology import MPC_CM, luminosity_distance_cm
from sedflow.model.floors import far_below
from sedflow.model.likelihood import too_precise
from sedflow.model.missing_lines import missing_lines
from sedflow.model.noise import NoiseModel
from sedflow.network.domain_check import DomainCheck, objects
from sedflow.network.reach import Reach
from sedflow.photometry import Photometry
from sedflow.redshifts import untrained
from sedflow.settled import ByValue

__all__ = ["TrainingDomain", "check"]

N_SIGMA = 4.0
_TAIL = 5e-5  # of the models left out at each end of a range
_MIN_SNR = 3.0  # below, a band has no colour to speak of
_LOUD = 1.0  # dex over the usual sigma, from which a band says little


@dataclass(frozen=True, eq=False)
class TrainingDomain(ByValue):
    """Ranges of the noise-free models that a network was trained on.

    redshift : (low, high)
    colors : name such as "u-g" -> (low, high) [mag]
    magnitudes : band -> (low, high), absolute magnitudes in the observed band
    """

    redshift: tuple[float, float]
    colors: dict[str, tuple[float, float]]
    magnitudes: dict[str, tuple[float, float]]

    @classmethod
    def of_models(
        cls,
        flux: np.ndarray,
        redshift: np.ndarray,
        bands: tuple[str, ...],
        redshift_range: tuple[float, float],
    ) -> "TrainingDomain":
        """Ranges of noise-free model fluxes (n, n_band) at redshifts (n,)."""
        magnitude = ab_magnitude(flux)
        absolute = magnitude - _distance_modulus(redshift)[:, None]

        def both_tails(values):
            low, high = np.nanquantile(values, [_TAIL, 1 - _TAIL]).round(4).tolist()
            return low, high

        pairs = combinations(range(len(bands)), 2)
        return cls(
            redshift=(redshift_range[0], redshift_range[1]),
            colors={
                f"{bands[i]}-{bands[j]}": both_tails(magnitude[:, i] - magnitude[:, j])
                for i, j in pairs
            },
            magnitudes={band: both_tails(absolute[:, k]) for k, band in enumerate(bands)},
        )

    def check(self, galaxies: Photometry, noise: NoiseModel) -> DomainCheck:
        """Check the ranges of galaxies (...) in the bands of the network; no draws."""
        flat = galaxies.flat
        found: list[list[tuple[str, str]]] = [[] for _ in range(len(flat.redshift))]
        self._check_redshift(flat, found)
        residual = noise.residual(flat.sigma, flat.flux)
        self._check_sigma(flat, residual, noise.broad[0], found)
        _check_floor(flat, residual < noise.broad[0], found)
        _check_negative(flat, found)
        self._check_colors(flat, found)
        self._check_magnitudes(flat, found)
        shape, n_band = galaxies.shape, len(flat.bands)
        return DomainCheck(
            inside=np.array([not r for r in found], dtype=bool).reshape(shape),
            reasons=objects([tuple(text for _, text in r) for r in found], shape),
            causes=objects([tuple(cause for cause, _ in r) for r in found], shape),
            notes=objects(_notes(flat, residual), shape),
            bands=flat.bands,
            chi2_best=np.full(shape, np.nan),
            pull=np.full((*shape, n_band), np.nan),
            sigma_residual=residual.reshape(*shape, n_band),
            distance=np.full(shape, np.nan),
            worst=np.full(shape, -1),
            p_calibrated=np.full(shape, np.nan),
            left_out=np.full((*shape, n_band), np.nan),
        )

    def _check_redshift(self, flat, found):
        low, high = self.redshift
        for i in np.flatnonzero((flat.redshift < low) | (flat.redshift > high)):
            found[i].append(("redshift", untrained(flat.redshift[i], low, high)))

    def _check_sigma(self, flat, residual, low, found):
        for i, b in np.argwhere(residual < low):
            least = flat.sigma[i, b] * 10 ** (low - residual[i, b])
            found[i].append(
                (
                    "sigma",
                    f"the error in {flat.bands[b]} ({flat.sigma[i, b]:.2g} nanomaggies) is "
                    f"smaller than any in training at that flux ({least:.2g}); inflate it to "
                    f"that{'' if too_precise(flat[i]) else ', or use MCMC'}",
                )
            )

    def _check_colors(self, flat, found):
        magnitude, error, seen = _magnitudes(flat)
        # Names of bands may have hyphens themselves.
        pairs = {
            f"{one}-{two}": (i, j) for (i, one), (j, two) in combinations(enumerate(flat.bands), 2)
        }
        for name, (low, high) in self.colors.items():
            a, b = pairs[name]
            color = magnitude[:, a] - magnitude[:, b]
            margin = N_SIGMA * np.hypot(error[:, a], error[:, b])
            for side, off in (("bluer", color < low - margin), ("redder", color > high + margin)):
                for i in np.flatnonzero(off & seen[:, a] & seen[:, b]):
                    text = (
                        f"{name} = {color[i]:.2f} is {side} than the models reach "
                        f"({low:.2f} to {high:.2f}) by over {N_SIGMA:.0f} sigma; leave out a band "
                        "or check its flux"
                    )
                    found[i].append(("color", text))

    def _check_magnitudes(self, flat, found):
        magnitude, error, seen = _magnitudes(flat)
        modulus = _distance_modulus(flat.redshift)
        for name, (low, high) in self.magnitudes.items():
            k = flat.bands.index(name)
            absolute = magnitude[:, k] - modulus
            margin = N_SIGMA * error[:, k]
            off = (absolute < low - margin) | (absolute > high + margin)
            for i in np.flatnonzero(off & seen[:, k]):
                text = (
                    f"the absolute magnitude {absolute[i]:.1f} in {name} is outside "
                    f"{low:.1f} to {high:.1f}, all that the models reach; check flux and redshift"
                )
                found[i].append(("magnitude", text))


def _check_floor(flat, said, found):
    """Errors far below what photometry is good to: the network answers, too narrowly.

    said (n, n_band) : where another sentence is on the same error
    """
    floors, low = far_below(flat)
    low = low & ~said
    for i in np.flatnonzero(low.any(1)):
        parts = [
            f"{band} {100 * flat.sigma[i, b] / flat.flux[i, b]:.2g} ({100 * floors[b]:g})"
            for b, band in enumerate(flat.bands)
            if low[i, b]
        ]
        text = (
            f"errors in percent of the flux are far below what photometry is good to between "
            f"bands (in brackets): {', '.join(parts)}; add a floor (floor = 'recommended' of a "
            "mapping, or sigma = hypot(sigma, share * flux))"
        )
        found[i].append(("floor", text))


def _check_negative(flat, found):
    """Fluxes below zero have no colours or magnitudes, so no other range sees them."""
    with np.errstate(invalid="ignore"):
        off = flat.flux < -N_SIGMA * flat.sigma
    for i, b in np.argwhere(off):
        text = (
            f"the flux in {flat.bands[b]} ({flat.flux[i, b]:.3g} +- {flat.sigma[i, b]:.2g} "
            f"nanomaggies) is below zero by over {N_SIGMA:.0f} sigma, which no light is; check "
            "it, or leave out the band"
        )
        found[i].append(("flux", text))


def check(sampler: Any, galaxies: Photometry, draws: Draws | bool | None = None) -> DomainCheck:
    """The ranges, and whether the draws of an `AmortizedPosterior` reach the data.

    galaxies (...) : in the bands of the network. See `AmortizedPosterior.check`.
    """
    ranges = sampler.domain.check(galaxies, sampler.noise)
    context = np.asarray(sampler.context(galaxies), dtype=float)
    distance = np.sqrt((context**2).mean(-1)).reshape(galaxies.shape)
    ranges = replace(ranges, distance=distance)
    ranges = ranges.noting(missing_lines(galaxies, sampler.model.grid))
    if draws is False:
        return ranges
    return Reach(sampler, ranges, galaxies, draws).judged()


def _notes(flat, residual):
    notes = [[] for _ in range(len(flat))]
    for i, b in np.argwhere(residual > _LOUD):
        times = 10 ** residual[i, b]
        notes[i].append(
            f"the error in {flat.bands[b]} ({flat.sigma[i, b]:.2g} nanomaggies) is {times:,.0f} "
            "times the usual for its flux: this band says little; nothing needs fixing"
        )
    return [tuple(n) for n in notes]


def _magnitudes(flat):
    with np.errstate(invalid="ignore"):
        return flat.magnitude, flat.magnitude_error, flat.flux > _MIN_SNR * flat.sigma


def _distance_modulus(redshift):
    return 5.0 * np.log10(luminosity_distance_cm(redshift) / MPC_CM) + 25.0

"""Grids of simple stellar populations and how to read a spectrum off them.

Luminosities are interpolated linearly in L, in log10 age and log10 metallicity, and clamped
at the edges of the grid. Metallicity enters as [Fe/H] = log10(Z / 0.0190), the convention of
PROVABGS, so libraries with another solar abundance are compared at equal [Fe/H].
"""

from dataclasses import dataclass

import numpy as np

from sedflow.errors import BadSSP

__all__ = ["SOLAR_Z", "SSPGrid"]

SOLAR_Z = 0.0190  # metal mass fraction at which PROVABGS sets [Fe/H] = 0
_C_ANGSTROM = 2.99792458e18


@dataclass(frozen=True)
class SSPGrid:
    """Spectra of simple stellar populations, per solar mass formed.

    name : str
    feh (n_met,) : [Fe/H], ascending
    lg_age_gyr (n_age,) : log10 age [Gyr], ascending
    wave_edges (n_wave + 1,) : edges of the wavelength bins [A, vacuum, rest frame]
    luminosity (n_met, n_age, n_wave) : mean L_lambda of each bin [Lsun/A/Msun formed]
    mass_remaining (n_met, n_age) : surviving mass per mass formed; None if unknown
    lsun : erg/s in one Lsun of this grid
    provenance : str
    sha256 : hash of the file it came from
    """

    name: str
    feh: np.ndarray
    lg_age_gyr: np.ndarray
    wave_edges: np.ndarray
    luminosity: np.ndarray
    mass_remaining: np.ndarray | None = None
    lsun: float = 3.846e33
    provenance: str = ""
    sha256: str = ""

    def __post_init__(self):
        n_met, n_age, n_wave = self.luminosity.shape
        if (self.feh.size, self.lg_age_gyr.size, self.wave_edges.size - 1) != (
            n_met,
            n_age,
            n_wave,
        ):
            raise BadSSP(
                f"SSP grid {self.name!r}: flux has shape {self.luminosity.shape}, but there are "
                f"{self.feh.size} metallicities, {self.lg_age_gyr.size} ages and "
                f"{self.wave_edges.size - 1} wavelengths; the axes must be (met, age, wave)"
            )
        for what, axis in (
            ("metallicities", self.feh),
            ("ages", self.lg_age_gyr),
            ("wavelengths", self.wave_edges),
        ):
            if axis.size < 2 or not np.isfinite(axis).all() or not (np.diff(axis) > 0).all():
                raise BadSSP(
                    f"SSP grid {self.name!r}: the {what} must be finite and ascend, at least two"
                )
        if not np.isfinite(self.luminosity).all() or (self.luminosity < 0).any():
            raise BadSSP(f"SSP grid {self.name!r}: fluxes must be finite and >= 0")

    @classmethod
    def from_lnu(cls, lnu, wave, wave_edges=None, **fields) -> "SSPGrid":
        """Grid from L_nu [Lsun/Hz/Msun] at wavelengths `wave` [A], the DSPS layout.

        Without edges, bins meet halfway (in log) between the wavelengths.
        """
        if wave_edges is None:
            middle = np.sqrt(wave[1:] * wave[:-1])
            wave_edges = np.concatenate(
                [[wave[0] ** 2 / middle[0]], middle, [wave[-1] ** 2 / middle[-1]]]
            )
        luminosity = np.asarray(lnu, dtype=float) * (_C_ANGSTROM / wave**2)
        return cls(wave_edges=wave_edges, luminosity=luminosity, **fields)

    @property
    def wave(self) -> np.ndarray:
        """Geometric centre (n_wave,) of each wavelength bin [A]."""
        return np.sqrt(self.wave_edges[1:] * self.wave_edges[:-1])

    def age_weights(self, age_gyr):
        """Lower age node, and the weight of the node above it, at ages [Gyr] of any shape."""
        with np.errstate(divide="ignore"):
            return _linear_weights(self.lg_age_gyr, np.log10(age_gyr))

    def metallicity_weights(self, z):
        """Lower metallicity node, and the weight of the node above it, at metal fractions z."""
        return _linear_weights(self.feh, np.log10(z) - np.log10(SOLAR_Z))

    def young_nodes(self, age_gyr: float) -> int:
        """Number of age nodes no older than `age_gyr`: those inside the birth clouds."""
        return int(np.searchsorted(self.lg_age_gyr, np.log10(age_gyr) + 1e-6, side="right"))

    def rebinned(self, edges) -> "SSPGrid":
        """The same grid on coarser wavelength bins, `edges` snapped to the nearest of its own.

        The photon-weighted integral of each merged bin (of L_lambda lambda) is kept.
        """
        keep = np.unique(np.abs(self.wave_edges - np.asarray(edges)[:, None]).argmin(axis=1))
        photons = np.diff(self.wave_edges**2) / 2
        total = np.add.reduceat(self.luminosity * photons, keep[:-1], axis=-1)
        if keep[-1] < photons.size:  # reduceat sums on to the end: cut what lies beyond
            total[..., -1] -= (self.luminosity * photons)[..., keep[-1] :].sum(-1)
        new_edges = self.wave_edges[keep]
        return SSPGrid(
            name=self.name,
            feh=self.feh,
            lg_age_gyr=self.lg_age_gyr,
            wave_edges=new_edges,
            luminosity=total / (np.diff(new_edges**2) / 2),
            mass_remaining=self.mass_remaining,
            lsun=self.lsun,
            provenance=self.provenance,
            sha256=self.sha256,
        )


def _linear_weights(nodes, x):
    """Index i and weight w with x = (1 - w) nodes[i] + w nodes[i + 1], clamped at the ends."""
    i = np.clip(np.searchsorted(nodes, x, side="right") - 1, 0, nodes.size - 2)
    return i, np.clip((x - nodes[i]) / (nodes[i + 1] - nodes[i]), 0.0, 1.0)

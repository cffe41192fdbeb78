"""The light of stellar populations: sums over the nodes of an SSP grid, dust, and distance.

The exact path (`sed`) sums with it; the tables of the fast one (`tables`) are made of it.
"""

from dataclasses import dataclass

import numpy as np

from sedflow.bands import FLUX_UNIT
from sedflow.model import cosmology, dust
from sedflow.model.ssp import SSPGrid
from sedflow.parameters import index


@dataclass(frozen=True)
class Populations:
    """Stellar populations of a batch of galaxies: the time bins, and the burst as the last.

    mass (n, n_pop) : share of the mass formed; sums to 1
    age (n, n_pop) : [Gyr]
    z (n, n_pop) : metal mass fraction
    clouded (n, n_pop) : whether its stars may still sit in birth clouds
    """

    mass: np.ndarray
    age: np.ndarray
    z: np.ndarray
    clouded: np.ndarray


class LightTable:
    """Unattenuated light of stellar populations: weights on the nodes of an SSP grid.

    The nodes no older than `birth_cloud_age_gyr` form the young table; every node is in the
    old one, which also holds young bursts that are not clouded.
    """

    def __init__(self, grid: SSPGrid, birth_cloud_age_gyr: float):
        self.grid = grid
        self.n_met = grid.feh.size
        self.n_young = grid.young_nodes(birth_cloud_age_gyr) if birth_cloud_age_gyr > 0 else 0
        by_node = grid.luminosity.transpose(1, 0, 2).reshape(-1, grid.wave.size)
        self.young = by_node[: self.n_young * self.n_met]
        self.old = by_node

    def __call__(self, populations: Populations):
        """Young and old light (n, n_wave) [Lsun/A] per solar mass formed."""
        young, old = self.node_weights(populations)
        return _sum(young, self.young), _sum(old, self.old)

    def node_weights(self, pop: Populations) -> tuple[np.ndarray, np.ndarray]:
        """Mass on each (age, metallicity) node: young (n, n_young n_met), old (n, n_age n_met)."""
        n, n_node = len(pop.mass), len(self.old) + len(self.young)
        place, mass = self.places(pop)
        place += (np.arange(n) * n_node)[:, None]
        both = np.bincount(place.ravel(), mass.ravel(), minlength=n * n_node)
        both = both.reshape(n, n_node)
        return both[:, len(self.old) :], both[:, : len(self.old)]

    def places(self, pop: Populations) -> tuple[np.ndarray, np.ndarray]:
        """The four nodes (4, n, n_pop) around each population, and the mass on each.

        Nodes are numbered by age, then metallicity; those in birth clouds follow all others.
        """
        ia, wa = self.grid.age_weights(pop.age)
        iz, wz = self.grid.metallicity_weights(pop.z)
        place = np.empty((4, *pop.mass.shape), dtype=np.intp)
        mass = np.empty(place.shape)
        for corner, (da, w_age) in enumerate(((0, 1.0 - wa), (1, wa))):
            node = ia + da
            in_cloud = pop.clouded & (node < self.n_young)
            start = node * self.n_met + iz + np.where(in_cloud, len(self.old), 0)
            part = pop.mass * w_age
            place[2 * corner], mass[2 * corner] = start, part * (1.0 - wz)
            place[2 * corner + 1], mass[2 * corner + 1] = start + 1, part * wz
        return place, mass


def _sum(weights, table):
    """`weights @ table`; of one galaxy, most nodes weigh nothing."""
    used = np.flatnonzero(weights.any(axis=0))
    if 2 * used.size < len(table):
        return weights[:, used] @ table[used]
    return weights @ table


class DustScreen:
    """Attenuation at fixed rest wavelengths."""

    def __init__(self, wave):
        self.calzetti = dust.calzetti_curve(wave)
        self.bump = dust.bump_curve(wave)
        self.log_wave = np.log(wave / dust.PIVOT)
        self.birth_cloud = dust.birth_cloud_curve(wave)

    def dim(self, young, old, theta) -> np.ndarray:
        """Light (n, n_wave) that leaves the galaxy: birth clouds first, then the diffuse dust."""
        column = {name: theta[:, index(name), None] for name in ("tau_bc", "tau_ism", "n_dust")}
        n = column["n_dust"]
        out = np.exp(-column["tau_bc"] * self.birth_cloud)
        out *= young
        out += old
        k = (dust.BUMP_OFFSET + dust.BUMP_SLOPE * n) * self.bump
        k += self.calzetti
        k *= np.exp(n * self.log_wave)
        k *= -column["tau_ism"]
        out *= np.exp(k, out=k)
        return out


def flux_scale(theta, redshift, lsun) -> np.ndarray:
    """Factor (n,) from Lsun/A per solar mass to 1e-17 erg/s/cm2/A in the observed frame."""
    area = 4 * np.pi * cosmology.luminosity_distance_cm(redshift) ** 2
    return 10 ** theta[:, 0] * lsun / (area * (1.0 + redshift) * FLUX_UNIT)

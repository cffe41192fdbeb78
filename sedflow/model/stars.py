"""The stars of a galaxy: which mass formed when, of which metals, and what is left of it."""

from typing import Any

import numpy as np

from sedflow.errors import SedflowError
from sedflow.model import cosmology, sfh
from sedflow.model.batch import batch, batch_of_draws, chunks, known_redshift
from sedflow.model.light import Populations
from sedflow.parameters import BETAS, index

__all__ = ["Stars"]

_CHUNK = 4096  # galaxies at a time


class Stars:
    """Base of `SEDModel`: nothing here has light.

    grid : SSPGrid
    bases : of the history, `sedflow.model.sfh.load_bases`
    birth_cloud_age_gyr : of what sits in birth clouds
    """

    grid: Any
    bases: Any
    birth_cloud_age_gyr: float

    # Public, batched on any leading axes

    def time_bins(self, redshift) -> np.ndarray:
        """Edges (..., 43) [Gyr look-back] of the bins of `sfh` and `zh`."""
        return sfh.bin_edges(cosmology.age_gyr(known_redshift(redshift)))

    def sfh(self, theta=None, redshift=0.05, **parameters) -> np.ndarray:
        """Star-formation rate (..., 42) [Msun/yr] in each time bin, burst included.

        Bins beyond the age of the universe (only where z > 0.206) hold 0.
        """
        theta, z, shape = batch(theta, redshift, parameters)
        edges = self.time_bins(z)
        mass = self.formed_fraction(theta, z) * 10 ** theta[:, :1]
        width = 1e9 * np.diff(edges)
        rate = np.divide(mass, width, out=np.zeros_like(mass), where=width > 0)
        return rate.reshape(*shape, rate.shape[-1])

    def zh(self, theta=None, redshift=0.05, **parameters) -> np.ndarray:
        """Metal mass fraction (..., 42) of the stars formed in each time bin."""
        theta, z, shape = batch(theta, redshift, parameters)
        centers = sfh.bin_centers(self.time_bins(z))
        metals = self.bases.metallicity(_gamma(theta), centers)
        return metals.reshape(*shape, metals.shape[-1])

    def history(self, theta, redshift) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Edges (..., 46) [Gyr], rates (..., n, 45) [Msun/yr] and metal fractions of draws.

        theta (..., n, 12); redshift (...). As `sfh` and `zh`, with bins that end at 10 Myr, 100 Myr
        and 1 Gyr: their integrals are the mean rates.
        """
        theta, z, shape = batch_of_draws(theta, redshift)
        edges = self.time_bins(redshift)
        fine = sfh.fine_edges(edges)
        age = cosmology.age_gyr(z)
        steady, coarse = self.bases.formed_fraction(theta[:, BETAS], age), sfh.bin_edges(age)
        cut = sfh.fine_edges(coarse)
        # Which bin each part is of; the mass of a bin is spread evenly.
        starts = sfh.fine_edges(sfh.bin_edges(np.inf))[:-1]
        whole = np.searchsorted(sfh.bin_edges(np.inf), starts, side="right") - 1
        width = np.diff(coarse)[:, whole]
        share = np.divide(np.diff(cut), width, out=np.zeros_like(width), where=width > 0)
        f_burst, t_burst = theta[:, index("f_burst")], theta[:, index("t_burst")]
        mass = sfh.add_burst(steady[:, whole] * share, f_burst, t_burst, cut)
        mass = mass * 10 ** theta[:, :1]
        width = 1e9 * np.diff(cut)
        rate = np.divide(mass, width, out=np.zeros_like(mass), where=width > 0)
        metals = self.bases.metallicity(_gamma(theta), sfh.bin_centers(coarse))[:, whole]
        n = rate.shape[-1]
        return fine, rate.reshape(*shape, n), metals.reshape(*shape, n)

    # On flat batches: theta (n, 12), redshift (n,)

    def populations(self, theta, redshift) -> Populations:
        """The 42 time bins and the burst of each galaxy; theta (n, 12), redshift (n,) or (1,)."""
        age = cosmology.age_gyr(redshift)
        centers = sfh.bin_centers(sfh.bin_edges(age))
        t_burst = theta[:, index("t_burst")][:, None]
        f_burst = theta[:, index("f_burst")][:, None] * (t_burst < age[:, None])
        ages = np.concatenate(
            [np.broadcast_to(centers, (len(theta), centers.shape[1])), t_burst], axis=1
        )
        steady = self.bases.formed_fraction(theta[:, BETAS], age)
        clouded = np.ones(ages.shape, dtype=bool)
        # As in the published model, a burst of 10 Myr or more has left its birth clouds.
        clouded[:, -1] = t_burst[:, 0] < self.birth_cloud_age_gyr
        return Populations(
            mass=np.concatenate([steady * (1.0 - f_burst), f_burst], axis=1),
            age=ages,
            z=np.concatenate(
                [self.bases.metallicity(_gamma(theta), t) for t in (centers, t_burst)], axis=1
            ),
            clouded=clouded,
        )

    def formed_fraction(self, theta, redshift) -> np.ndarray:
        """Mass fraction (n, 42) formed in each time bin, the burst in the bin that holds it."""
        age = cosmology.age_gyr(redshift)
        return sfh.add_burst(
            self.bases.formed_fraction(theta[:, BETAS], age),
            theta[:, index("f_burst")],
            theta[:, index("t_burst")],
            sfh.bin_edges(age),
        )

    def surviving_fraction(self, theta, redshift) -> np.ndarray:
        """Mass left in stars and their remnants per mass formed (...)."""
        return self._left(theta, redshift, alive=False)

    def living_fraction(self, theta, redshift) -> np.ndarray:
        """Mass left in stars alone per mass formed (...), of a grid that has it ("bc03")."""
        return self._left(theta, redshift, alive=True)

    def _left(self, theta, redshift, alive):
        theta, z, shape = batch(theta, redshift)
        left = np.empty(len(z))
        for rows in chunks(len(z), _CHUNK):
            left[rows] = self.left_of(self.populations(theta[rows], z[rows]), alive=alive)
        return left.reshape(shape)

    def left_of(self, populations: Populations, *, alive: bool = False) -> np.ndarray:
        """Mass left (n,) per mass formed of populations: with remnants, or only what is alive."""
        table = self.grid.mass_living if alive else self.grid.mass_remaining
        if table is None and self.grid.mass_remaining is not None:
            raise SedflowError(
                f"SSP grid {self.grid.name!r} does not say which mass is in stars and which in "
                "remnants; use 'bc03'"
            )
        if table is None:
            raise SedflowError(
                f"SSP grid {self.grid.name!r} has no ssp_mass_remaining, the mass that is left of "
                "one formed; add it to the file"
            )
        pop, left = populations, np.empty(len(populations.mass))
        for rows in chunks(len(left), _CHUNK):
            ia, wa = self.grid.age_weights(pop.age[rows])
            iz, wz = self.grid.metallicity_weights(pop.z[rows])
            low, high = ((1 - wa) * table[k, ia] + wa * table[k, ia + 1] for k in (iz, iz + 1))
            left[rows] = (pop.mass[rows] * ((1 - wz) * low + wz * high)).sum(1)
        return left


def _gamma(theta):
    return 10 ** theta[:, [index("log_gamma1"), index("log_gamma2")]]

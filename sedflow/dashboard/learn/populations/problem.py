"""The numbers of the lesson: simulated galaxies with a known population, and the packaged atlas."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from sedflow.dashboard.panels.population_state import PARTS
from sedflow.dashboard.population_sample import atlas_sample
from sedflow.draws import weighted_quantile
from sedflow.model.cosmology import luminosity_distance_cm
from sedflow.model.sed import default_model
from sedflow.parameters import Prior
from sedflow.population.members import Members
from sedflow.population.mocks import SCHECHTER
from sedflow.population.population import Population

#: Log masses above which few simulated galaxies are, and below which dwarfs are.
HIGH, LOW = 10.8, 9.0
_N, _N_DRAW = 2000, 200
_FEWEST = 5.0  # galaxies that a cell is expected to have, where bands are judged
_NAME = "log_mstar"


@dataclass(frozen=True)
class Known:
    """Simulated galaxies.

    sigma : error of each log mass
    true (n,) : log masses
    truth (n_cell,) : density that they were drawn from
    medians, shrunk (n,) : medians of the posteriors, own and with the population as prior
    stack_width : standard deviation of all draws together
    population : what is inferred from the posteriors
    """

    sigma: float
    true: np.ndarray
    truth: np.ndarray
    medians: np.ndarray
    shrunk: np.ndarray
    stack_width: float
    population: Population

    @property
    def expected(self) -> np.ndarray:
        """Galaxies that each cell should have (n_cell,)."""
        return self.truth * self.population.area * len(self.true)

    def held(self) -> tuple[int, int, int]:
        """Cells with galaxies enough; those whose truth is in the band of 68 %; those where the
        medians are within their counting error of it."""
        full = self.expected >= _FEWEST
        low, high = self.population.quantiles([16, 84])
        inside = (self.truth >= low) & (self.truth <= high)
        counts = self.population.medians() * self.population.area * len(self.true)
        near = np.abs(counts - self.expected) <= np.sqrt(np.maximum(counts, 1.0))
        return int(full.sum()), int((inside & full).sum()), int((near & full).sum())

    def distance(self, density: np.ndarray) -> float:
        """Share of the galaxies that would have to move to make the truth of a density."""
        return 0.5 * float(np.abs(density - self.truth) @ self.population.area)


def known(sigma: float, seed: int) -> Known:
    """Simulated galaxies with normal errors [dex], and a prior that is flat in log mass."""
    rng = np.random.default_rng(seed + 2)  # the usual seed, 1, gives a survey as most of them are
    true = SCHECHTER.sample(_N, rng)[:, 0]
    measured = true + sigma * rng.standard_normal(_N)
    draws = measured[:, None] + sigma * rng.standard_normal((_N, _N_DRAW))
    members = Members(
        np.arange(_N),
        np.full(_N, 0.02),
        draws[..., None],
        np.full(draws.shape, 1.0 / _N_DRAW),
        Prior(),
        default_model("fsps"),
        {},
        "take more draws",
    )
    population = Population.of_members(members, (_NAME,), SCHECHTER.edges)
    width = np.diff(SCHECHTER.edges[0])
    return Known(
        sigma,
        true,
        SCHECHTER.shares / width,
        np.median(draws, axis=1),
        weighted_quantile(draws, 0.5, population.shrunk),
        float(draws.std()),
        population,
    )


@dataclass(frozen=True)
class Atlas:
    """The packaged atlas.

    everyone : its population; parts : name -> that of a part; low : name -> share below `LOW`
    """

    everyone: Population
    parts: dict[str, Population]
    low: dict[str, float]

    def redshift(self, part: str) -> float:
        """Median redshift of a part."""
        return float(np.median(self.parts[part].redshift))

    def times(self, far: str, near: str) -> float:
        """How many times as luminous as in one part a galaxy of the same flux is in another."""
        a, b = (luminosity_distance_cm(np.array(self.redshift(part))) for part in (far, near))
        return float(a / b) ** 2


@cache
def atlas() -> Atlas:
    """The mass function of the packaged atlas, and of its parts."""
    sample = atlas_sample()
    everyone = sample.population("mass-function")
    parts = {
        name: everyone.subset(np.isin(everyone.ids, sample.ids[sample.fields[name]]))
        for name in PARTS
    }
    low = {
        name: 1.0 - float(part.fraction_above(_NAME, LOW, q=[50])[0])
        for name, part in parts.items()
    }
    return Atlas(everyone, parts, low)

"""A population that is known, to draw mock samples of."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

_FINE = 20  # points in a cell along each axis, for its share of the truth


@dataclass(frozen=True)
class Truth:
    """A known density on a grid.

    density : function of arrays of the quantities, up to a factor
    edges : of the cells along each axis
    sigma : (low, high) of the errors of the quantities, even in between
    """

    density: Callable[..., np.ndarray]
    edges: tuple[np.ndarray, ...]
    sigma: tuple[tuple[float, float], ...]

    @property
    def shares(self) -> np.ndarray:
        """Share (n_cell,) or (n_x, n_y) of the population in each cell."""
        fine = [np.linspace(e[0], e[-1], _FINE * (len(e) - 1) + 1) for e in self.edges]
        middle = [(f[1:] + f[:-1]) / 2 for f in fine]
        values = self.density(*np.meshgrid(*middle, indexing="ij"))
        for axis in range(values.ndim):
            shape = (*values.shape[:axis], -1, _FINE, *values.shape[axis + 1 :])
            values = values.reshape(shape).sum(axis + 1)
        return values / values.sum()

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Galaxies (n, n_axis) of the population."""
        low = np.array([e[0] for e in self.edges])
        high = np.array([e[-1] for e in self.edges])
        fine = np.meshgrid(*(np.linspace(e[0], e[-1], 200) for e in self.edges), indexing="ij")
        top = self.density(*fine).max() * 1.05
        out = np.zeros((0, len(low)))
        while len(out) < n:
            x = low + (high - low) * rng.random((20 * n, len(low)))
            out = np.concatenate([out, x[rng.random(20 * n) * top < self.density(*x.T)]])
        return out[:n]


def schechter(x: np.ndarray) -> np.ndarray:
    """Galaxies per dex at log mass x that a survey to a limiting flux has: a Schechter function
    (alpha = -1.2, log mass 10.6) whose faint end is lost slowly."""
    u = 10.0 ** (x - 10.6)
    return u**-0.2 * np.exp(-u) * ndtr((x - 8.6) / 0.4)


SCHECHTER = Truth(schechter, (np.linspace(7.0, 12.5, 41),), ((0.1, 0.3),))

"""A density of one or two quantities in cells: its bands, moments, trends and shares."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sedflow.draws import CURVE_LEVELS
from sedflow.errors import SedflowError, unknown
from sedflow.fits.samples import fractions
from sedflow.population import tables
from sedflow.population.density import Density
from sedflow.population.grid import above, beyond
from sedflow.population.members import Members


class CellDensity:
    """Base of `Population`: nothing here knows a galaxy, but of where the draws of all are.

    names : of the quantities
    edges : of the cells along each axis
    fitted : the shares of the cells, and draws of them
    """

    names: tuple[str, ...]
    edges: tuple[np.ndarray, ...]
    fitted: Density
    _members: Members
    _shape: tuple[int, ...]

    @property
    def centres(self) -> tuple[np.ndarray, ...]:
        """Middle of the cells (n_cell,) along each axis."""
        return tuple((e[1:] + e[:-1]) / 2 for e in self.edges)

    @property
    def area(self) -> np.ndarray:
        """Size of the cells (n_cell,) or (n_x, n_y), in the units of the quantities."""
        widths = [np.diff(e) for e in self.edges]
        return widths[0] if len(widths) == 1 else np.multiply.outer(*widths)

    @property
    def beyond(self) -> float:
        """The share of the galaxies' draws that is beyond the ends of the axes."""
        return beyond(self._members, self.edges)

    @property
    def density(self) -> np.ndarray:
        """Most probable density (n_cell,) or (n_x, n_y), with an integral of 1."""
        return self.fitted.shares.reshape(self._shape) / self.area

    def quantiles(self, q: Any = CURVE_LEVELS) -> np.ndarray:
        """Quantiles (n_q, n_cell) or (n_q, n_x, n_y) of the density, cell by cell."""
        draws = np.quantile(self.fitted.draws, fractions(np.atleast_1d(q)), axis=0)
        return draws.reshape(-1, *self._shape) / self.area

    def marginal(self, name: str, q: Any = CURVE_LEVELS) -> np.ndarray:
        """Quantiles (n_q, n_cell) of the density of one quantity, over the other."""
        axis, draws = self._axis(name), self._draws
        along = draws if len(self.names) == 1 else draws.sum(2 - axis)
        return np.quantile(along, fractions(np.atleast_1d(q)), axis=0) / np.diff(self.edges[axis])

    def moments(self, q: Any = CURVE_LEVELS) -> Any:
        """Mean and standard deviation of each quantity, as an astropy Table of quantiles."""
        return tables.moments(self.names, self._draws, self.edges, fractions(np.atleast_1d(q)))

    def trend(self, name: str, q: Any = CURVE_LEVELS) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of a quantity in each cell of the other: a main sequence.

        Returns
        -------
        Two arrays (n_q, n_cell), quantiles of the mean and of the standard deviation.
        """
        axis = self._axis(name, two=True)
        draws = np.moveaxis(self._draws, 1 + axis, -1)
        with np.errstate(invalid="ignore"):  # NaN where no draw of the density has galaxies
            share = draws / draws.sum(-1, keepdims=True)
        mean, spread = tables.mean_and_spread(share, self.edges[axis])
        levels = fractions(np.atleast_1d(q))
        return np.quantile(mean, levels, axis=0), np.quantile(spread, levels, axis=0)

    def fraction_above(
        self,
        name: str,
        line: float | Callable[[np.ndarray], np.ndarray],
        by: bool = False,
        q: Any = CURVE_LEVELS,
    ) -> np.ndarray:
        """Quantiles (n_q,) of the share of the population that lies above a line.

        line : a number, or a function of the other quantity
        by : whether to return the share in each cell of the other quantity, (n_q, n_cell)
        """
        axis = self._axis(name, two=by or callable(line))
        share = above(self.edges, axis, line)
        draws = self._draws
        if by:
            over = 1 + axis
            with np.errstate(invalid="ignore"):
                values = (draws * share).sum(over) / draws.sum(over)
        else:
            values = (draws * share).reshape(len(draws), -1).sum(1)
        return np.quantile(values, fractions(np.atleast_1d(q)), axis=0)

    @property
    def _draws(self):
        return self.fitted.draws.reshape(-1, *self._shape)

    def _axis(self, name, two=False):
        if name not in self.names:
            raise unknown("quantity of this population", name, self.names)
        if two and len(self.names) == 1:
            raise SedflowError(
                f"this population has {name} alone; give two quantities, such as of='{name},a_v'"
            )
        return self.names.index(name)

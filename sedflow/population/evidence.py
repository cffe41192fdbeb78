"""What each galaxy says about the cells of a grid, whatever the population is.

It is computed once for all galaxies; a selection of them takes its rows.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from sedflow.draws import weighted_quantile
from sedflow.population.grid import merged
from sedflow.population.members import Members
from sedflow.population.prior import PriorShares, cell_numbers


@dataclass(frozen=True)
class Evidence:
    """Galaxies on a grid.

    cells (n, n_draw) : number of the cell of each draw; -1 outside
    ratio (n, n_draw) : share of each draw over the prior mass of its cell; 0 outside
    likelihood (n, n_cell) : the sums of those in each cell
    counts (n, n_cell) : draws of equal weight that each sum is worth, copies counted once
    medians (n,) : number of the cell of the medians; -1 outside
    spreads (n, n_quantity) : standard deviations of the draws
    """

    cells: np.ndarray
    ratio: np.ndarray
    likelihood: csr_array
    counts: csr_array
    medians: np.ndarray
    spreads: np.ndarray

    def subset(self, rows: Any) -> "Evidence":
        """Some of the galaxies, by index, slice or mask."""
        return Evidence(*(getattr(self, part.name)[rows] for part in fields(self)))

    def weights(self, shares: np.ndarray) -> np.ndarray:
        """Weights (n, n_draw) of the draws with a population as prior, of which each cell has a
        share."""
        out = self.ratio * shares[np.maximum(self.cells, 0)]
        return out / out.sum(1, keepdims=True)


def evidence_of(
    members: Members, edges: tuple[np.ndarray, ...], cells: np.ndarray, prior: PriorShares
) -> Evidence:
    """What galaxies say about the cells between edges.

    cells (n, n_draw) : of their draws, as `cell_numbers` has them
    prior : of the fits, in these cells
    """
    mass = _floored(prior.at(members.redshift))
    mass = np.take_along_axis(mass, np.maximum(cells, 0), 1)
    ratio = np.where(cells >= 0, members.shares / mass, 0.0).astype(np.float32)
    columns = np.moveaxis(members.values, -1, 0)
    middle = [weighted_quantile(v, 0.5, members.shares) for v in columns]
    size = int(np.prod([len(e) - 1 for e in edges]))
    likelihood = tallied(cells, ratio, size)
    counts = tallied(cells, np.square(merged(members.values, ratio), dtype=float), size)
    counts.data = np.square(likelihood.data, dtype=float) / counts.data
    return Evidence(
        cells,
        ratio,
        likelihood,
        counts,
        cell_numbers(np.stack(middle, -1), edges),
        spreads(members),
    )


def tallied(cells: np.ndarray, values: np.ndarray, size: int) -> csr_array:
    """Sums (n, size) over the draws (n, n_draw) of each cell; those of zero are left out."""
    inside = (cells >= 0) & (values > 0)
    rows = np.nonzero(inside)[0]
    matrix = csr_array((values[inside], (rows, cells[inside])), shape=(len(cells), size))
    matrix.sum_duplicates()
    return matrix


def spreads(members: Members) -> np.ndarray:
    """Standard deviation (n, n_quantity) of each galaxy, however few draws it has.

    Draws without a value, as the log of no star formation, do not count.
    """
    known = np.isfinite(members.values)
    values = np.where(known, members.values, 0.0)
    w = members.shares[..., None] * known
    w = w / np.maximum(w.sum(1, keepdims=True), 1e-9)
    mean = (w * values).sum(1, keepdims=True)
    left = np.maximum(1.0 - np.square(w).sum(1), 1e-9)  # of the variance, about the draws' mean
    return np.sqrt((w * np.square(values - mean)).sum(1) / left)


def _floored(prior):
    """Prior masses above zero, also where no draw of the prior came."""
    if not len(prior):
        return np.ones(prior.shape)
    return np.maximum(prior, 0.5 * prior[prior > 0].min())

"""What a population is as tables."""

from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from sedflow.draws import CURVE_LEVELS, weighted_quantile
from sedflow.fits.export import write_table
from sedflow.model.derived import unit_of_column
from sedflow.population.named_ids import written_ids

_OWN = (0.16, 0.5, 0.84)


def _label(q):
    return f"p{100 * q:g}"


def density(population: Any) -> Table:
    """A row for each cell: middle, density with its quantiles, prior, medians and stack."""
    middles = np.meshgrid(*population.centres, indexing="ij")
    out = Table({n: m.ravel() for n, m in zip(population.names, middles, strict=True)})
    for name in population.names:
        out[name].unit = unit_of_column(name) or None
    out["density"] = population.density.ravel()
    for q, values in zip(CURVE_LEVELS, population.quantiles(), strict=True):
        out[f"density_{_label(q)}"] = values.ravel()
    out["prior_density"] = population.prior_density.ravel()
    out["medians_density"] = population.medians().ravel()
    out["stack_density"] = population.stack().ravel()
    out.meta["notes"] = " ".join(population.notes)
    out.meta["galaxies"] = len(population)
    out.meta["total"], out.meta["total_error"] = population.total
    return out


def moments(names, draws: np.ndarray, edges, levels) -> Table:
    """Mean and standard deviation of each quantity.

    draws (n, n_x[, n_y]) : shares; edges : of the cells along each axis
    """
    rows: list[dict] = []
    for name, mean, spread in moment_draws(names, draws, edges):
        for word, values in (("mean", mean), ("standard deviation", spread)):
            quantiles = np.quantile(values, levels)
            numbers = {_label(q): v for q, v in zip(levels, quantiles, strict=True)}
            rows.append({"quantity": name, "moment": word, **numbers})
    return Table(rows)


def moment_draws(names, draws: np.ndarray, edges) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Name, mean (n,) and standard deviation (n,) of each quantity, by draw of the density."""
    out = []
    for axis, name in enumerate(names):
        others = tuple(1 + k for k in range(len(names)) if k != axis)
        out.append((name, *mean_and_spread(draws.sum(others), edges[axis])))
    return out


def mean_and_spread(shares: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (...) of a density that is even in each cell.

    shares (..., n_cell) : summing to 1
    """
    middle, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    mean = shares @ middle
    return mean, np.sqrt(np.maximum(shares @ (middle**2 + width**2 / 12) - mean**2, 0.0))


def galaxies(population: Any, members: Any) -> Table:
    """A row for each galaxy: its own quantiles, and those with the population as prior."""
    n = len(members)
    out = Table({"id": written_ids(members.ids)})
    out["redshift"] = members.redshift
    out["weight"] = np.ones(n) if population.weights is None else population.weights
    out["effective_draws"] = population.effective_draws
    for k, name in enumerate(population.names):
        for what, weights in (("", members.shares), ("_shrunk", population.shrunk)):
            values = weighted_quantile(members.values[..., k], _OWN, weights)
            for q, column in zip(_OWN, values, strict=True):
                out[f"{name}{what}_{_label(q)}"] = column
                out[f"{name}{what}_{_label(q)}"].unit = unit_of_column(name) or None
    return out


def written(table: Table, path: str | Path | None, overwrite: bool) -> Table:
    """The same table, which is in a file now, too, where a path is given."""
    if path is not None:
        write_table(table, path, overwrite)
    return table

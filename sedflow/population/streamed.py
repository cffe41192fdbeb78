"""A population of more galaxies than the memory holds: their likelihoods are on disk, in blocks.

The run is read twice, a partition at a time: once for the likelihood of each galaxy in the cells,
which is small, and once more where posteriors with the population as prior are asked for.
"""

import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sedflow.catalogue.column_units import with_units
from sedflow.catalogue.ledger import part_name
from sedflow.catalogue.part import read_results
from sedflow.draws import weighted_quantile
from sedflow.errors import SedflowError, needs
from sedflow.files.writing import replacing
from sedflow.parameters import as_whole
from sedflow.population.blocks import Blocks
from sedflow.population.density import fit_density, responsibilities, scaled
from sedflow.population.evidence import evidence_of, spreads, tallied
from sedflow.population.grid import (
    cell_counts,
    checked_weights,
    edges_of,
    named_weights,
    names_of,
    weights_of,
)
from sedflow.population.members import NOT_IN_SAMPLE, Members, RunParts, members_of
from sedflow.population.population import EFFECTIVE_MIN, Population
from sedflow.population.prior import cell_numbers, prior_shares

__all__ = ["StreamedPopulation"]

_SAMPLE, _SAMPLE_DRAWS = 5_000, 50  # that choose the axes
_QUANTILES = (0.16, 0.5, 0.84)
_FEWEST = 10


class StreamedPopulation(Population):
    """The density of one or two quantities in a run that is read a partition at a time.

    What it says is what `Population` says; what it holds does not grow with the run, but for one
    number a galaxy, and the weights if there are any. There are no subsets, and posteriors with the
    population as prior go to a file.

    Parameters
    ----------
    out : path
        Folder of a run with draws.
    of, ranges, cells, status, n, seed
        As for `Population`. Without `ranges` the axes are where the draws of 5,000 galaxies are.
    weights : mapping ID -> weight, optional
    without : collection of IDs
        As for `Population`.
    scratch : path, optional
        Where the likelihoods are kept meanwhile; default the system's folder for such files.

    Raises
    ------
    SedflowError
        As for `Population`.
    """

    def __init__(
        self,
        out: str | Path,
        of: str | Sequence[str],
        *,
        weights: Mapping | None = None,
        without: Collection = (),
        ranges: Mapping[str, tuple[float, float]] | None = None,
        cells: int | tuple[int, ...] | None = None,
        status: Sequence[str] = ("ok",),
        n: int = 400,
        seed: int = 1,
        scratch: str | Path | None = None,
    ):
        self.names, self._out = names_of(of), Path(out)
        self._status = (status,) if isinstance(status, str) else tuple(status)
        if weights is not None and not isinstance(weights, Mapping):
            raise SedflowError(
                f"weights are a {type(weights).__name__}; give a streamed population a mapping of "
                "IDs to weights"
            )
        self._named = None if weights is None else named_weights(weights)
        self._without = {str(ident).strip() for ident in without}
        self._n, self._seed = as_whole("n", n, 50, 100_000), as_whole("seed", seed, 0)
        counts = cell_counts(cells, self.names)
        some = members_of(out, self.names, status, most=_SAMPLE, draws=_SAMPLE_DRAWS)
        if len(some) < _FEWEST:
            raise SedflowError(
                f"{len(some)} galaxies of {out} have draws, where a population needs {_FEWEST}"
            )
        self.edges = edges_of(some, self.names, dict(ranges or {}), counts)
        self.ids, self._shape = np.zeros(0), counts
        run = RunParts(self._out, self.names, self._status)
        ends = np.array(_ends_of_redshift(self._out, run.parts, self._status))
        self._prior = prior_shares(self.names, self.edges, ends, some.prior, some.model)
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            blocks = self._read(run, Path(folder), some)
            self.fitted = fit_density(blocks, self._shape, self.weights, n=self._n, seed=self._seed)
            self._watch(blocks)
        self.redshift = some.redshift
        self._spreads = np.median(spreads(some), axis=0)
        self._members, self._of_draws = some, np.zeros((0, 0))

    def _read(self, run, folder, some):
        """Likelihoods of all galaxies, and what is counted on the way."""
        size = int(np.prod(self._shape))
        blocks, found = Blocks(folder, size), []
        self._medians, self._stack, self._mean_prior = np.zeros((3, size))
        gone: Counter[str] = Counter()
        for ids, z, values in run:
            if not ids:
                continue
            members, cells = self._entering(ids, z, values, some, gone)
            if not len(members):
                continue
            evidence = evidence_of(members, self.edges, cells, self._prior)
            counts = tallied(cells, np.ones_like(evidence.ratio), size)
            blocks.add(scaled(evidence.likelihood), counts.data, members.ids)
            w = np.ones(len(members))
            if self._named is not None:
                w = checked_weights(weights_of(self._named, members.ids), members.ids)
                found.append(w)
            self._medians += _in_cells(evidence.medians, w, size)
            self._stack += _in_cells(cells, w[:, None] / run.kept, size)
            self._mean_prior += self._prior.at(members.redshift).sum(0)
        self._count = blocks.shape[0]
        if self._count < _FEWEST:
            raise SedflowError(
                f"{self._count} galaxies have draws here, where a population needs {_FEWEST}"
            )
        self.weights = None if self._named is None else np.concatenate(found)
        self._sum = float(self._count if self.weights is None else self.weights.sum())
        self.left_out = dict(run.left_out) | dict(+gone)
        return blocks

    def _entering(self, ids, z, values, some, gone=None):
        """Those of a partition that enter (as `Members`), and the cells of their draws.

        gone : counts why others do not
        """
        cells = cell_numbers(values, self.edges)
        inside = (cells >= 0).any(1)
        sample = np.array([str(i) not in self._without for i in ids], dtype=bool)
        if gone is not None:
            gone[NOT_IN_SAMPLE] += int((~sample).sum())
            gone["outside the axes"] += int((sample & ~inside).sum())
        keep, shares = inside & sample, np.full(values.shape[:2], 1.0 / values.shape[1])
        names = np.array(ids, dtype=object if isinstance(ids[0], str) else None)
        every = Members(names, z, values, shares, some.prior, some.model, {}, some.remedy)
        return every.subset(keep), cells[keep]

    def _watch(self, blocks):
        """Which galaxies have few effective draws; those in one cell count alike."""
        found: list[np.ndarray] = []
        self._few: list = []
        for block, counts, ids in blocks.whole():
            share = responsibilities(block, self.fitted.shares)
            share.data = share.data**2 / counts
            found.append((1.0 / share.sum(1)).astype(np.float32))
            self._few += ids[found[-1] < EFFECTIVE_MIN].tolist()
        self.effective_draws = np.concatenate(found)

    # What a population says

    def __len__(self):
        return self._count

    @property
    def few(self) -> list:
        """IDs of the galaxies whose draws cannot represent the population."""
        return self._few

    @property
    def total(self) -> tuple[float, float]:
        """Sum of the weights and its error; without weights, the number of the galaxies."""
        if self.weights is None:
            return float(self._count), float(np.sqrt(self._count))
        return self._sum, float(np.sqrt(np.square(self.weights).sum()))

    @property
    def prior_density(self) -> np.ndarray:
        """Density of the prior of the fits, the mean over the galaxies."""
        return self._mean_prior.reshape(self._shape) / self._count / self.area

    def medians(self) -> np.ndarray:
        """Density of the galaxies' own medians, to compare."""
        return self._medians.reshape(self._shape) / self._sum / self.area

    def stack(self) -> np.ndarray:
        """Density of all draws together, to compare."""
        return self._stack.reshape(self._shape) / self._sum / self.area

    def subset(self, rows: Any, weights: np.ndarray | None = None) -> Population:
        """Not of a population that is not in memory."""
        raise SedflowError(
            "a streamed population has no subsets; choose rows of the catalogue, or take "
            "sedflow.Population"
        )

    @property
    def shrunk(self) -> np.ndarray:
        """Not in memory."""
        raise SedflowError("the draws are not in memory; write them with galaxies('FILE.parquet')")

    def galaxies(self, path: str | Path | None = None, *, overwrite: bool = False) -> Any:
        """Write each galaxy's own and shrunk quantiles to a Parquet file, a partition at a time.

        Returns
        -------
        The path.
        """
        pa = needs("pyarrow", extra="scale", what="galaxies of a streamed population")
        import pyarrow.parquet as pq

        if path is None or Path(path).suffix != ".parquet":
            raise SedflowError(
                f"path = {path}; a streamed population writes its galaxies to a .parquet file"
            )
        if Path(path).exists() and not overwrite:
            raise SedflowError(f"{path} exists; give another name, or overwrite=True")
        writer, done = None, 0
        with replacing(Path(path)) as temporary:
            try:
                for ids, z, values in RunParts(self._out, self.names, self._status):
                    if not ids:
                        continue
                    members, cells = self._entering(ids, z, values, self._members)
                    rows = slice(done, done + len(members))
                    table = with_units(pa.table(self._rows(members, cells, rows)))
                    done = rows.stop
                    writer = writer or pq.ParquetWriter(temporary, table.schema)
                    writer.write_table(table)
            finally:
                if writer is not None:
                    writer.close()
        return Path(path)

    def _rows(self, members, cells, rows):
        """Columns of the galaxies of a partition, which have these rows of all."""
        n = len(members)
        out = {
            "id": [str(i) for i in members.ids],
            "redshift": members.redshift,
            "weight": np.ones(n) if self.weights is None else self.weights[rows],
            "effective_draws": self.effective_draws[rows].astype(float),
        }
        own = members.shares
        w = evidence_of(members, self.edges, cells, self._prior).weights(self.fitted.shares)
        for k, name in enumerate(self.names):
            for what, weights in (("", own), ("_shrunk", w)):
                found = weighted_quantile(members.values[..., k], _QUANTILES, weights)
                for q, column in zip(_QUANTILES, found, strict=True):
                    out[f"{name}{what}_p{100 * q:g}"] = column
        return out


def _in_cells(cells, shares, size):
    inside = cells >= 0
    return np.bincount(cells[inside], np.broadcast_to(shares, cells.shape)[inside], size)


def _ends_of_redshift(out, parts, status):
    """Smallest and largest redshift of the galaxies of a run that enter."""
    ends = []
    for number in parts:
        table, _ = read_results(out / "results" / part_name(number), ["status", "redshift"])
        z = table["redshift"].to_numpy()[np.isin(table["status"].to_pylist(), status)]
        if len(z):
            ends.append((float(z.min()), float(z.max())))
    return min(e[0] for e in ends), max(e[1] for e in ends)

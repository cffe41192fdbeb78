"""A population of more galaxies than the memory holds: their likelihoods are on disk, in blocks.

The run is read twice, a partition at a time: once for the likelihood of each galaxy in the cells,
which is small, and once more where posteriors with the population as prior are asked for.
"""

import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array, vstack

from sedflow.catalogue.column_units import with_units
from sedflow.catalogue.ledger import part_name
from sedflow.catalogue.part import read_results
from sedflow.draws import weighted_quantile
from sedflow.errors import SedflowError, needs
from sedflow.files.writing import replacing
from sedflow.parameters import as_whole
from sedflow.population.density import fit_density, responsibilities, scaled
from sedflow.population.grid import Grid, cell_counts, edges_of, floored, likelihood_of, names_of
from sedflow.population.members import Members, RunParts, members_of
from sedflow.population.population import EFFECTIVE_MIN, Population
from sedflow.population.prior import cell_numbers, prior_shares

__all__ = ["StreamedPopulation"]

_SAMPLE, _SAMPLE_DRAWS = 5_000, 50  # that choose the axes
_QUANTILES = (0.16, 0.5, 0.84)
_FEWEST = 10


class _Blocks:
    """Likelihoods on disk."""

    def __init__(self, folder: Path, n_cell: int):
        self._folder, self._n_cell = folder, n_cell
        self._sizes: list[int] = []

    @property
    def shape(self) -> tuple[int, int]:
        return sum(self._sizes), self._n_cell

    def add(self, matrix: csr_array, counts: np.ndarray) -> None:
        """Keep the galaxies of a partition, and how many draws are behind each entry."""
        parts = (matrix.data.astype(np.float32), matrix.indices, matrix.indptr)
        np.savez(self._folder / f"{len(self._sizes)}.npz", *parts, counts.astype(np.float32))
        self._sizes.append(matrix.shape[0])

    def block(self, k: int, counts: bool = False) -> csr_array:
        """One of the blocks, or the draws behind its entries."""
        with np.load(self._folder / f"{k}.npz") as file:
            data, *at = (file[f"arr_{i}"] for i in ((3 if counts else 0), 1, 2))
        return csr_array((data, *at), shape=(self._sizes[k], self._n_cell))

    def blocks(self):
        """All of them, in order."""
        return map(self.block, range(len(self._sizes)))

    def __getitem__(self, rows: np.ndarray) -> csr_array:
        ends = np.cumsum([0, *self._sizes])
        parts = []
        for k, (low, high) in enumerate(pairwise(ends)):
            some = rows[(rows >= low) & (rows < high)]
            if len(some):
                parts.append(self.block(k)[some - low])
        return csr_array(vstack(parts, format="csr"))


class StreamedPopulation(Population):
    """The density of one or two quantities in a run that is read a partition at a time.

    What it says is what `Population` says; what it holds does not grow with the run, but for one
    number a galaxy. Galaxies count alike: there are no weights, no subsets, and posteriors with
    the population as prior go to a file.

    Parameters
    ----------
    out : path
        Folder of a run with draws.
    of, ranges, cells, status, n, seed
        As for `Population`. Without `ranges` the axes are where the draws of 5,000 galaxies are.
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
        ranges: Mapping[str, tuple[float, float]] | None = None,
        cells: int | tuple[int, ...] | None = None,
        status: Sequence[str] = ("ok",),
        n: int = 400,
        seed: int = 1,
        scratch: str | Path | None = None,
    ):
        self.names, self._out, self._status = names_of(of), Path(out), tuple(status)
        self._n, self._seed = as_whole("n", n, 50, 100_000), as_whole("seed", seed, 0)
        counts = cell_counts(cells, self.names)
        some = members_of(out, self.names, status, most=_SAMPLE, draws=_SAMPLE_DRAWS)
        if len(some) < _FEWEST:
            raise SedflowError(
                f"{len(some)} galaxies of {out} have draws, where a population needs {_FEWEST}"
            )
        self.edges = edges_of(some, self.names, dict(ranges or {}), counts)
        self.weights, self.ids, self._shape = None, np.zeros(0), counts
        run = RunParts(self._out, self.names, self._status)
        low, high = _ends_of_redshift(self._out, run.parts, self._status)
        ends = np.array([low, high])
        self._prior = prior_shares(self.names, self.edges, ends, some.prior, some.model)
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            blocks = self._read(run, Path(folder), some)
            self.fitted = fit_density(blocks, self._shape, n=self._n, seed=self._seed)
            self._watch(blocks)
        self.redshift = some.redshift
        self._grid = Grid(self.edges, np.zeros((0, 0), int), self._prior)
        self._members, self._of_draws = some, np.zeros((0, 0))

    def _read(self, run, folder, some):
        """Likelihoods of all galaxies, and what is counted on the way."""
        size = int(np.prod(self._shape))
        blocks = _Blocks(folder, size)
        self._medians, self._stack, self._mean_prior = np.zeros((3, size))
        self._known: list = []
        outside = 0
        for ids, z, values in run:
            if not ids:
                continue
            numbers = cell_numbers(values, self.edges)
            inside = (numbers >= 0).any(1)
            outside += int((~inside).sum())
            members = Members(
                np.array(ids, dtype=object), z, values, np.full(values.shape[:2], 1 / run.kept),
                some.prior, some.model, {}, run.remedy,
            ).subset(inside)  # fmt: skip
            grid = Grid(self.edges, numbers[inside], self._prior)
            matrix = likelihood_of(members, grid)
            prior = floored(self._prior.at(members.redshift))
            rows = np.repeat(np.arange(len(members)), np.diff(matrix.indptr))
            blocks.add(scaled(matrix), matrix.data * prior[rows, matrix.indices] * run.kept)
            self._known.append(members.ids)
            columns = np.moveaxis(members.values, -1, 0)
            middle = np.stack([weighted_quantile(v, 0.5) for v in columns], -1)
            self._medians += _in_cells(cell_numbers(middle, self.edges), size)
            self._stack += _in_cells(numbers[inside].ravel(), size) / run.kept
            self._mean_prior += self._prior.at(members.redshift).sum(0)
        self._count = blocks.shape[0]
        if self._count < _FEWEST:
            raise SedflowError(
                f"{self._count} galaxies have draws here, where a population needs {_FEWEST}"
            )
        self.left_out = dict(run.left_out) | ({"outside the axes": outside} if outside else {})
        self._kept, self._remedy = run.kept, run.remedy
        return blocks

    def _watch(self, blocks):
        """Which galaxies have few effective draws; those in one cell count alike."""
        self.effective_draws = np.zeros(self._count, np.float32)
        start = 0
        for k, block in enumerate(blocks.blocks()):
            share = responsibilities(block, self.fitted.shares)
            share.data = share.data**2 / np.maximum(blocks.block(k, counts=True).data, 1e-6)
            stop = start + block.shape[0]
            self.effective_draws[start:stop] = 1.0 / share.sum(1)
            start = stop
        names = np.concatenate(self._known)
        self._few = names[self.effective_draws < EFFECTIVE_MIN].tolist()
        self._known = []

    # What a population says

    def __len__(self):
        return self._count

    @property
    def few(self) -> list:
        """IDs of the galaxies whose draws cannot represent the population."""
        return self._few

    @property
    def total(self) -> tuple[float, float]:
        """Number of the galaxies and its error."""
        return float(self._count), float(np.sqrt(self._count))

    @property
    def prior_density(self) -> np.ndarray:
        """Density of the prior of the fits, the mean over the galaxies."""
        return self._mean_prior.reshape(self._shape) / self._count / self.area

    def medians(self) -> np.ndarray:
        """Density of the galaxies' own medians, to compare."""
        return self._medians.reshape(self._shape) / self._count / self.area

    def stack(self) -> np.ndarray:
        """Density of all draws together, to compare."""
        return self._stack.reshape(self._shape) / self._count / self.area

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
        writer = None
        with replacing(Path(path)) as temporary:
            try:
                for ids, z, values in RunParts(self._out, self.names, self._status):
                    table = with_units(pa.table(self._rows(ids, z, values)))
                    writer = writer or pq.ParquetWriter(temporary, table.schema)
                    writer.write_table(table)
            finally:
                if writer is not None:
                    writer.close()
        return Path(path)

    def _rows(self, ids, z, values):
        """Columns of the galaxies of a partition that are inside the axes."""
        numbers = cell_numbers(values, self.edges)
        keep = (numbers >= 0).any(1)
        numbers, values, z = numbers[keep], values[keep], z[keep]
        prior = floored(self._prior.at(z)) if len(z) else np.ones((0, len(self.fitted.shares)))
        known = np.clip(numbers, 0, None)
        ratio = self.fitted.shares[known] / np.take_along_axis(prior, known, 1)
        w = np.where(numbers >= 0, ratio, 0.0)
        w = w / w.sum(1, keepdims=True)
        out = {"id": [str(i) for i, k in zip(ids, keep, strict=True) if k], "redshift": z}
        for k, name in enumerate(self.names):
            for what, weights in (("", np.full_like(w, 1.0 / w.shape[1])), ("_shrunk", w)):
                found = weighted_quantile(values[..., k], _QUANTILES, weights)
                for q, column in zip(_QUANTILES, found, strict=True):
                    out[f"{name}{what}_p{100 * q:g}"] = column
        return out


def _in_cells(numbers, size):
    return np.bincount(numbers[numbers >= 0], minlength=size)


def _ends_of_redshift(out, parts, status):
    """Smallest and largest redshift of the galaxies of a run that enter."""
    ends = []
    for number in parts:
        table, _ = read_results(out / "results" / part_name(number), ["status", "redshift"])
        z = table["redshift"].to_numpy()[np.isin(table["status"].to_pylist(), status)]
        if len(z):
            ends.append((float(z.min()), float(z.max())))
    return min(e[0] for e in ends), max(e[1] for e in ends)

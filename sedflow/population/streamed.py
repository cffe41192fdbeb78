"""A population of more galaxies than the memory holds: their likelihoods are on disk, in blocks.

The run is read twice, a partition at a time: once for the likelihood of each galaxy in the cells,
which is small, and once more where posteriors with the population as prior are asked for. The
partitions are read and weighed in this process, or by workers of dask (`catalogue.cluster`); what
they find is put together in the order of the run, so that the answer does not depend on who did it.
"""

import secrets
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from sedflow.catalogue.cluster import processes
from sedflow.catalogue.column_units import with_units
from sedflow.errors import SedflowError, check_kind, needs
from sedflow.files.paths import as_path
from sedflow.files.writing import replacing
from sedflow.population.blocks import Blocks
from sedflow.population.density import fit_density, responsibilities
from sedflow.population.evidence import spreads
from sedflow.population.given_weights import checked_weights, named_weights, weights_of
from sedflow.population.grid import cell_counts, check_ends, edges_of, names_of
from sedflow.population.members import NOT_IN_SAMPLE, checked_status, members_in
from sedflow.population.named_ids import as_text, check_known, named_ids, written_ids
from sedflow.population.part_evidence import EvidenceJob, part_evidence, part_quantiles
from sedflow.population.population import OUTSIDE, Population
from sedflow.population.prior import prior_shares
from sedflow.population.run_parts import NOT_INFERRED, RunParts, redshifts_of
from sedflow.population.told import EFFECTIVE_MIN
from sedflow.whole_numbers import LARGEST_SEED, as_whole

_SAMPLE, _SAMPLE_DRAWS = 5_000, 200  # that choose the axes, and say how wide a galaxy is
_FEWEST = 10

_NO_PARTS = (
    "a streamed population has no subsets, and no galaxies in memory; choose rows of the "
    "catalogue, or take sedflow.Population"
)


class StreamedPopulation(Population):
    """The density of one or two quantities in a run that is read a partition at a time.

    What it says is what `Population` says; what it holds does not grow with the run, but for two
    numbers a galaxy, and the weights if there are any. There are no subsets, and posteriors with
    the population as prior go to a file.

    Parameters
    ----------
    out : path
        Folder of a run with draws.
    of, ranges, cells, status, n, seed, network
        As for `Population`. Without `ranges` the axes are where the draws of 5,000 galaxies are.
    weights : mapping ID -> weight, optional
    without : collection of IDs
        As for `Population`.
    scratch : path, optional
        Where the likelihoods are kept meanwhile; default the system's folder for such files.
    workers : int
        Processes on this machine, of one thread each, that read and weigh partitions; 0 for none,
        without dask.
    scheduler : str, optional
        Address of a running dask scheduler, such as tcp://10.0.0.1:8786, to use instead. Its
        workers must reach the run under the same path.

    Raises
    ------
    SedflowError
        As for `Population`.
    """

    is_streamed = True

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
        network: str | Path | None = None,
        scratch: str | Path | None = None,
        workers: int = 0,
        scheduler: str | None = None,
    ):
        remedy = "the folder of one run; sedflow.Population takes several, and fits"
        check_kind("out", out, (str, Path), remedy)
        self.names = names_of(of)
        self._workers, self._scheduler = as_whole("workers", workers, 0, 1024), scheduler
        if weights is not None and not isinstance(weights, Mapping):
            raise SedflowError(
                f"weights are a {type(weights).__name__}; give a streamed population a mapping of "
                "IDs to weights"
            )
        self._named = None if weights is None else named_weights(weights)
        self._without = named_ids("without", without)
        self._n, self._seed = as_whole("n", n, 50, 100_000), as_whole("seed", seed, 0, LARGEST_SEED)
        counts, ranges = cell_counts(cells, self.names), {} if ranges is None else ranges
        check_kind("ranges", ranges, Mapping, "(LOW, HIGH) by the name of a quantity")
        run = RunParts(Path(out), self.names, checked_status(status), network=network)
        some = members_in(run.sample(_SAMPLE, _SAMPLE_DRAWS))
        if len(some) < _FEWEST:
            raise SedflowError(
                f"{len(some)} galaxies of {out} have draws, where a population needs {_FEWEST}"
            )
        strangers = self._strangers(run)
        self.edges = edges_of(some, self.names, dict(ranges), counts)
        check_ends(some, self.edges, self.names, ranges)
        self._shape = counts
        self._run = run
        ends = np.array(run.ends_of_redshift())
        self._prior = prior_shares(self.names, self.edges, ends, some.prior, some.model)
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            blocks = self._read(Path(folder))
            self.fitted = fit_density(blocks, self._shape, self.weights, n=self._n, seed=self._seed)
            self._watch(blocks)
        self._spreads = np.median(spreads(some), axis=0)
        self._members = replace(some, strangers=strangers)
        self._of_draws = np.zeros((0, 0))

    def _read(self, folder):
        """Likelihoods of all galaxies, and what is counted on the way."""
        size = int(np.prod(self._shape))
        blocks, found = Blocks(folder, size), []
        redshifts: list[np.ndarray] = []
        self._medians, self._stack, self._mean_prior = np.zeros((3, size))
        gone = Counter(self._run.left_out)
        for part in self._by_part(part_evidence):
            gone.update(part.left_out)
            sample = self._in_sample(part.ids)
            gone[NOT_IN_SAMPLE] += int((~sample).sum())
            gone[OUTSIDE] += int((sample & ~part.inside).sum())
            enter, rows = sample & part.inside, sample[part.inside]
            if not enter.any():
                continue
            ids, counts = part.ids[enter], csr_array(part.counts[rows])
            w = np.ones(len(ids))
            if self._named is not None:
                w = checked_weights(weights_of(self._named, ids), ids)
                found.append(w)
            behind = csr_array(part.different[rows]).data
            blocks.add(csr_array(part.likelihood[rows]), behind, ids)
            redshifts.append(part.redshift[enter])
            self._medians += _in_cells(part.medians[rows], w, size)
            self._stack += counts.T @ (w / self._run.kept)
            self._mean_prior += self._prior.total(part.redshift[enter])
        self._count = blocks.shape[0]
        if self._count < _FEWEST:
            raise SedflowError(
                f"{self._count} galaxies have draws here, where a population needs {_FEWEST}"
            )
        self.redshift = np.concatenate(redshifts)
        self.weights = None if self._named is None else np.concatenate(found)
        self._sum = float(self._count if self.weights is None else self.weights.sum())
        self.left_out = dict(+gone)
        return blocks

    def _by_part(self, work, shares=None):
        """What the workers, or this process, find in each partition, in the order of the run."""
        run, token = self._run, secrets.token_hex(8)
        jobs = (
            EvidenceJob(k, f"sedflow-{token}-{k}", run.draws, self.edges, self._prior, shares)
            for k in run.parts
        )
        many, again = len(run.parts), "ask for the population again"
        with processes(
            work, self._workers, self._scheduler, many, _silent, in_order=True, again=again
        ) as (_, results):
            for _, found in results(jobs):
                yield found

    def _in_sample(self, ids):
        """Which of the IDs are in the sample."""
        if not self._without:
            return np.ones(len(ids), bool)
        return np.array([as_text(i) not in self._without for i in ids.tolist()], dtype=bool)

    def _strangers(self, run):
        """How many IDs to leave out no galaxy of the run has."""
        if not self._without:
            return 0
        strangers = self._without.difference(redshifts_of(Path(run.draws.out)))
        if not run.left_out.get(NOT_INFERRED):
            check_known("without", self._without, strangers)
        return len(strangers)

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
    def ids(self) -> Any:
        """Not in memory."""
        raise SedflowError("the IDs are not in memory; write them with galaxies('FILE.parquet')")

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

    def subset(self, rows: Any, weights: np.ndarray | None = None) -> "Population":
        """Not of a population that is not in memory."""
        raise SedflowError(_NO_PARTS)

    def selected(self, rows: Any) -> "Population":
        """Not of a population that is not in memory."""
        raise SedflowError(_NO_PARTS)

    def draws_of(self, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Not of a population that is not in memory."""
        raise SedflowError(_NO_PARTS)

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

        if path is None or as_path(path).suffix != ".parquet":
            raise SedflowError(
                f"path = {path}; a streamed population writes its galaxies to a .parquet file"
            )
        if Path(path).exists() and not overwrite:
            raise SedflowError(f"{path} exists; give another name, or overwrite=True")
        self._run.check()
        writer, done = None, 0
        with replacing(Path(path)) as temporary:
            try:
                for part in self._by_part(part_quantiles, self.fitted.shares):
                    sample = self._in_sample(part.ids)
                    rows = slice(done, done + int(sample.sum()))
                    if rows.stop == done:
                        continue
                    table = with_units(pa.table(self._rows(part, sample, rows)))
                    done = rows.stop
                    writer = writer or pq.ParquetWriter(temporary, table.schema)
                    writer.write_table(table)
            finally:
                if writer is not None:
                    writer.close()
        return Path(path)

    def _rows(self, part, sample, rows):
        """Columns of the galaxies of a partition in the sample, which have these rows of all."""
        return {
            "id": written_ids(part.ids[sample]),
            "redshift": part.redshift[sample],
            "weight": np.ones(sample.sum()) if self.weights is None else self.weights[rows],
            "effective_draws": self.effective_draws[rows].astype(float),
        } | {name: column[sample] for name, column in part.columns.items()}


def _silent(sentence):
    """Say nothing of how many workers there are."""


def _in_cells(cells, shares, size):
    inside = cells >= 0
    return np.bincount(cells[inside], np.broadcast_to(shares, cells.shape)[inside], size)

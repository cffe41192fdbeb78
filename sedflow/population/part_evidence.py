"""What the galaxies of one partition of a run say about the cells of a grid, in whatever process.

The process that leads gives out jobs, and puts together what comes back: likelihoods, which are
small, instead of draws. Weights and selections are by ID, and stay with the process that leads.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from sedflow.draws import weighted_quantile
from sedflow.population.density import scaled
from sedflow.population.evidence import evidence_of, tallied
from sedflow.population.members import Members
from sedflow.population.prior import PriorShares, cell_numbers
from sedflow.population.run_parts import RunDraws

_QUANTILES = (0.16, 0.5, 0.84)


@dataclass(frozen=True)
class EvidenceJob:
    """What a process must know to weigh the galaxies of one partition.

    number : of the partition
    key : of the job; see `sedflow.catalogue.cluster.Job`
    draws : the run, and what is read of it
    edges : of the cells along each axis
    prior : of the fits, in these cells
    shares (n_cell,) : of the population in the cells, where posteriors with it as prior are wanted
    """

    number: int
    key: str
    draws: RunDraws
    edges: tuple[np.ndarray, ...]
    prior: PriorShares
    shares: np.ndarray | None = None

    @property
    def about(self) -> str:
        """What it is, in words."""
        return f"the galaxies of partition {self.number} of {self.draws.out}"


@dataclass(frozen=True)
class PartEvidence:
    """Galaxies of a partition that have draws, of which n are inside the axes.

    ids : of all of them
    redshift (n_all,)
    inside (n_all,) : which have draws inside
    likelihood (n, n_cell) : the largest entry of each row is 1
    counts (n, n_cell) : draws in each cell
    different (n, n_cell) : the same, copies counted once
    medians (n,) : number of the cell of the medians; -1 outside
    left_out : why others have no draws here -> how many
    """

    ids: np.ndarray
    redshift: np.ndarray
    inside: np.ndarray
    likelihood: csr_array
    counts: csr_array
    different: csr_array
    medians: np.ndarray
    left_out: Counter


@dataclass(frozen=True)
class PartQuantiles:
    """Galaxies of a partition with draws inside the axes: quantiles of their posteriors.

    ids (n,), redshift (n,)
    columns : NAME_p16 and so on, of its own posterior, and NAME_shrunk_p16, of that with the
        population as prior
    """

    ids: np.ndarray
    redshift: np.ndarray
    columns: dict[str, np.ndarray]


def part_evidence(job: EvidenceJob) -> PartEvidence:
    """Read and weigh the galaxies of a partition."""
    part, members, inside, cells = _entering(job)
    ids, size = _array(part.ids), int(np.prod([len(e) - 1 for e in job.edges]))
    if not len(members):
        none = csr_array((0, size), dtype=np.float32)
        nothing = none, none, none, np.zeros(0, int)
        return PartEvidence(ids, part.redshift, inside, *nothing, part.left_out)
    found = evidence_of(members, job.edges, cells, job.prior)
    return PartEvidence(
        ids,
        part.redshift,
        inside,
        csr_array(scaled(found.likelihood), dtype=np.float32),
        csr_array(tallied(cells, np.ones_like(found.ratio), size), dtype=np.float32),
        csr_array(found.counts, dtype=np.float32),
        found.medians,
        part.left_out,
    )


def part_quantiles(job: EvidenceJob) -> PartQuantiles:
    """Quantiles of the galaxies of a partition."""
    if job.shares is None:
        raise ValueError("posteriors with the population as prior need its shares")
    _, members, _, cells = _entering(job)
    if not len(members):
        return PartQuantiles(members.ids, members.redshift, {})
    shares = np.asarray(job.shares)
    weights = evidence_of(members, job.edges, cells, job.prior).weights(shares)
    columns = {}
    for k, name in enumerate(job.draws.names):
        for what, w in (("", members.shares), ("_shrunk", weights)):
            found = weighted_quantile(members.values[..., k], _QUANTILES, w)
            for q, column in zip(_QUANTILES, found, strict=True):
                columns[f"{name}{what}_p{100 * q:g}"] = column
    return PartQuantiles(members.ids, members.redshift, columns)


def _entering(job):
    """The draws of a partition; those inside the axes (as `Members`), which those are, and the
    cells of their draws."""
    part = job.draws.part(job.number)
    cells = cell_numbers(part.values, job.edges)
    inside = (cells >= 0).any(1)
    posterior = job.draws.posterior
    shares = np.full(part.values.shape[:2], 1.0 / job.draws.kept)
    every = Members(
        _array(part.ids), part.redshift, part.values, shares, posterior.prior, posterior.model,
        {}, "",
    )  # fmt: skip
    return part, every.subset(inside), inside, cells[inside]


def _array(ids):
    return np.array(ids, dtype=object if ids and isinstance(ids[0], str) else None)

"""SSP grids compared for one galaxy: what the page shows of `sedflow.compare`, as plain values.

A job computes it in its own process, so that neither fits nor draws come back to the server.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sedflow.dashboard.quantities import QUANTITIES
from sedflow.draws import CURVE_LEVELS
from sedflow.fits.compare import Comparison, compare
from sedflow.fits.fit import Fit
from sedflow.photometry import Photometry

#: Name of what is averaged over the grids.
AVERAGE = "average"


@dataclass(frozen=True)
class ComparedGrids:
    """Evidences of one galaxy by grid, and quantiles of all quantities by grid and averaged.

    grids : names
    log_evidence (n_grid, 2) : natural logarithm and its error; NaN where a grid has none
    weights (n_grid,) : of the average
    verdicts : of each grid's posterior
    quantiles (n_grid + 1, n_quantity, 5) : 2.5, 16, 50, 84 and 97.5 % of `QUANTITIES`, of each
        grid and last of the average
    note : what to know about the average, as a sentence, or empty
    n : draws of each grid
    """

    grids: tuple[str, ...]
    log_evidence: np.ndarray
    weights: np.ndarray
    verdicts: tuple[str, ...]
    quantiles: np.ndarray
    note: str
    n: int

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows of `quantiles`."""
        return (*self.grids, AVERAGE)


def summarized(found: Comparison) -> ComparedGrids:
    """What a page shows of a comparison."""
    sources: tuple[Fit | Comparison, ...] = (*found.fits.values(), found)
    weights = found.weights
    return ComparedGrids(
        tuple(found.fits),
        np.array([found.log_evidence[name] for name in found.fits]),
        np.array([weights[name] for name in found.fits]),
        tuple(one.judgement for one in found.fits.values()),
        np.array([[one.quantile(q.name, CURVE_LEVELS) for q in QUANTITIES] for one in sources]),
        found.note,
        max(one.draws.n for one in found.fits.values()),
    )


def compared_grids(
    galaxy: Photometry,
    n: int,
    seed: int,
    prior: str,
    progress: Callable[[float, str], object],
    cancel: Any,
) -> ComparedGrids:
    """The packaged grids compared for a galaxy; what a job runs."""
    found = compare(galaxy, n=n, seed=seed, prior=prior, progress=progress, cancel=cancel)
    return summarized(found)

"""Mock samples whose population is known, to see whether bands hold it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.special import ndtr

from sedflow.model.sed import SEDModel
from sedflow.parameters import Prior, index
from sedflow.photometry import Photometry
from sedflow.population.density import fit_density
from sedflow.population.grid import above
from sedflow.population.mocks import SCHECHTER, Truth, schechter
from sedflow.population.prior import cell_numbers, quantity_values
from sedflow.population.selected import selected_density
from sedflow.population.tables import mean_and_spread

_KNOWN = 5.0  # galaxies that a cell is expected to have, where bands are judged
_HIGH = 0.1  # or its share, of the largest: of few galaxies, no cell has so many
_TILT = 1.0  # of the log of the prior of the mocks, per unit of the last quantity
_LOST_BELOW, _LOST = 9.8, 0.6  # a wrong selection: this share of the galaxies below that mass


def _sequence(x, y):
    quenched = 1.0 / (1.0 + np.exp(-(x - 10.5) / 0.3))
    main = np.exp(-0.5 * np.square((y + 10.0 + 0.2 * (x - 10)) / 0.3)) / 0.3
    dead = np.exp(-0.5 * np.square((y + 11.6) / 0.4)) / 0.4
    return schechter(x) * ((1 - quenched) * main + quenched * dead)


SEQUENCE = Truth(
    _sequence,
    (np.linspace(7.0, 12.0, 25), np.linspace(-13.0, -9.0, 25)),
    ((0.1, 0.15), (0.1, 0.5)),
)


def _bell(x, middle, width):
    return np.exp(-0.5 * np.square((x - middle) / width)) / width


_AXIS = (np.linspace(7.0, 12.5, 41),)
_SMALL = ((0.1, 0.1),)
#: Populations whose mean and standard deviation are judged, with errors of 0.1 but for the last.
WIDTHS = {
    "even over the axis": Truth(np.ones_like, _AXIS, _SMALL),
    "exponential": Truth(lambda x: np.exp(-(x - 7.0) / 0.6), _AXIS, _SMALL),
    "normal": Truth(lambda x: _bell(x, 10.2, 0.4), _AXIS, _SMALL),
    "narrow": Truth(lambda x: _bell(x, 10.0, 0.15), (np.linspace(9.0, 11.0, 41),), _SMALL),
    "two peaks": Truth(
        lambda x: 0.35 * _bell(x, 9.0, 0.25) + 0.65 * _bell(x, 10.8, 0.3), _AXIS, _SMALL
    ),
    "normal, errors of 0.45": Truth(lambda x: _bell(x, 10.2, 0.4), _AXIS, ((0.45, 0.45),)),
    "narrow, errors of 0.3": Truth(lambda x: _bell(x, 10.0, 0.15), _AXIS, ((0.3, 0.3),)),
}


@dataclass(frozen=True)
class Mock:
    """A sample as a fit of the density takes it, and the truth.

    likelihood, counts (n, n_cell) : as `fit_density` takes them
    shape, truth (n_cell,) : shares in the cells
    medians (n, n_axis) : of each galaxy's draws; edges : of the cells
    """

    likelihood: csr_array
    counts: csr_array
    shape: tuple[int, ...]
    truth: np.ndarray
    medians: np.ndarray
    edges: tuple[np.ndarray, ...]


def exact_mock(truth: Truth, n: int, draws: int, seed: int = 1, lost: bool = False) -> Mock:
    """Galaxies with Gaussian errors and exact draws under a prior that rises with the last axis.

    lost : whether a share of the galaxies below a mass are missing, although the truth has them
    """
    rng = np.random.default_rng(seed)
    x = truth.sample(2 * n if lost else n, rng)
    if lost:
        x = x[(x[:, 0] > _LOST_BELOW) | (rng.random(len(x)) > _LOST)][:n]
    n_axis, shape = x.shape[1], tuple(len(e) - 1 for e in truth.edges)
    sigma = np.stack([rng.uniform(*s, n) for s in truth.sigma], -1)
    middle = x + sigma * rng.standard_normal(x.shape)
    middle[:, -1] += _TILT * np.square(sigma[:, -1])  # the posterior under that prior
    values = middle[:, None] + sigma[:, None] * rng.standard_normal((n, draws, n_axis))
    numbers = cell_numbers(values, truth.edges)
    along = [np.diff(e) for e in truth.edges[:-1]]
    along.append(np.diff(np.exp(_TILT * (truth.edges[-1] - truth.edges[-1].mean()))))
    prior = np.multiply.outer(*along).ravel() if n_axis == 2 else along[0]
    inside = numbers >= 0
    rows = np.broadcast_to(np.arange(n)[:, None], numbers.shape)[inside]
    at = (1.0 / prior[numbers[inside]], (rows, numbers[inside]))
    matrix = csr_array(at, shape=(n, len(prior)))
    matrix.sum_duplicates()
    counts = csr_array((np.ones(len(at[0])), at[1]), shape=matrix.shape)
    counts.sum_duplicates()
    known = np.diff(matrix.indptr) > 0
    return Mock(
        csr_array(matrix[known]),
        csr_array(counts[known]),
        shape,
        truth.shares.ravel(),
        np.median(values, 1)[known],
        truth.edges,
    )


def held(mock: Mock, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whether the bands hold the truth in each well-filled cell.

    Returns
    -------
    Three arrays of flags: within the band of 68 %, within that of 95 %, and whether the histogram
    of medians is within its Poisson error of the truth.
    """
    fitted = fit_density(mock.likelihood, mock.shape, counts=mock.counts, seed=seed)
    numbers = cell_numbers(mock.medians, mock.edges)
    counts = np.bincount(numbers[numbers >= 0], minlength=len(mock.truth))
    return _judged(fitted.draws, counts, len(numbers), mock.truth)


def held_moments(mock: Mock, seed: int = 1) -> tuple[np.ndarray, ...]:
    """Mean, standard deviation and share above the truth's mean, of one quantity.

    Returns
    -------
    Two arrays (3,) of flags, whether bands of 68 and 95 % hold the truth, and the ratio of the
    median standard deviation to the true one
    """
    fitted = fit_density(mock.likelihood, mock.shape, counts=mock.counts, seed=seed)
    (edges,), every = mock.edges, np.vstack([mock.truth, fitted.draws])
    mean, spread = mean_and_spread(every, edges)
    values = np.stack([mean, spread, every @ above(mock.edges, 0, mean[0])], -1)
    truth, draws = values[0], values[1:]
    low95, low68, high68, high95 = np.quantile(draws, [0.025, 0.16, 0.84, 0.975], axis=0)
    in68, in95 = (low68 <= truth) & (truth <= high68), (low95 <= truth) & (truth <= high95)
    return in68, in95, np.median(draws[:, 1]) / truth[1]


def held_of_selected(mock: Mock, low: float, high: float, seed: int = 1) -> list[tuple]:
    """Whether bands hold the true values of galaxies of `SCHECHTER` with a median in some range.

    Returns
    -------
    Flags as `held` has them: of `selected_density`, and of the galaxies inferred alone
    """
    medians = mock.medians[:, 0]
    chosen = (medians >= low) & (medians <= high)
    every = fit_density(mock.likelihood, mock.shape, counts=mock.counts, seed=seed)
    rows = np.flatnonzero(chosen)
    numbers = cell_numbers(mock.medians[rows], mock.edges)
    counts = np.bincount(numbers, minlength=len(mock.truth))
    found = (
        selected_density(mock.likelihood, rows, every, mock.shape, seed=seed),
        fit_density(mock.likelihood[rows], mock.shape, seed=seed, start=every),
    )
    truth = selected_truth(low, high)
    return [_judged(one.draws, counts, len(rows), truth) for one in found]


def selected_truth(low: float, high: float, draws: int = 200) -> np.ndarray:
    """Shares (n_cell,) of the true values of galaxies of `SCHECHTER` with a median in a range."""
    (edges,), (errors,) = SCHECHTER.edges, SCHECHTER.sigma
    fine = np.linspace(edges[0], edges[-1], 40 * (len(edges) - 1) + 1)
    x, sigma = (fine[1:] + fine[:-1]) / 2, np.linspace(*errors, 81)[:, None]
    middle = x + _TILT * np.square(sigma)
    scatter = sigma * np.sqrt(1 + 0.5 * np.pi / draws)  # with that of a median of draws
    inside = (ndtr((high - middle) / scatter) - ndtr((low - middle) / scatter)).mean(0)
    shares = (schechter(x) * inside).reshape(-1, 40).sum(1)
    return shares / shares.sum()


def held_by(population: Any, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of a Population; truth : shares of its cells."""
    counts = np.round(population.medians() * population.area * len(population)).ravel()
    return _judged(population.fitted.draws, counts, len(population), truth.ravel())


def _judged(draws, counts, n, truth):
    full = truth >= min(_KNOWN / n, _HIGH * truth.max())
    low95, low68, high68, high95 = np.quantile(draws, [0.025, 0.16, 0.84, 0.975], axis=0)
    in68, in95 = (truth >= low68) & (truth <= high68), (truth >= low95) & (truth <= high95)
    medians = np.abs(counts - truth * n) <= np.sqrt(np.maximum(counts, 1))
    return in68[full], in95[full], medians[full]


def sequence_of_galaxies(
    n: int,
    model: SEDModel,
    prior: Prior,
    seed: int = 1,
    redshift: tuple[float, float] = (0.01, 0.05),
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
    """Galaxies (n, 12) on `SEQUENCE`, with all else as the prior has it; for real fits.

    Draws of the prior are chosen in proportion to the population over the prior of the two
    quantities.

    Returns
    -------
    theta (n, 12), redshift (n,), the shares of the cells, and their edges
    """
    rng = np.random.default_rng(seed)
    z = rng.uniform(*redshift, n)
    middle = float(np.mean(redshift))
    theta = prior.sample(max(100_000, 20 * n), rng)
    shape = quantity_values(("log_ssfr_1gyr",), theta, middle, model)[:, 0]
    fine = np.linspace(-13.0, -9.0, 161)
    counts = np.histogram(shape, fine)[0].astype(float)
    chosen = SEQUENCE.sample(n, rng)
    of_shape = np.digitize(shape, fine) - 1
    cell = np.digitize(chosen[:, 1], fine) - 1
    out = np.empty((n, theta.shape[1]))
    for k in np.unique(cell):
        mine = np.flatnonzero(cell == k)
        there = np.flatnonzero(of_shape == k)
        if not counts[k]:  # a value that the prior does not have
            there = np.argsort(np.abs(shape - fine[k]))[:10]
        out[mine] = theta[rng.choice(there, len(mine))]
    out[:, index("log_mstar")] = chosen[:, 0]
    return out, z, SEQUENCE.shares, SEQUENCE.edges


def galaxies_of_a_schechter_function(
    n: int, prior: Prior, seed: int = 1, redshift: tuple[float, float] = (0.01, 0.05)
) -> tuple[np.ndarray, np.ndarray]:
    """Galaxies (n, 12) with masses of `SCHECHTER`, all else as the prior has it, and redshifts."""
    rng = np.random.default_rng(seed)
    theta = prior.sample(n, rng)
    theta[:, index("log_mstar")] = SCHECHTER.sample(n, rng)[:, 0]
    return theta, rng.uniform(*redshift, n)


def observed(theta, redshift, model: SEDModel, noise: Any, seed: int = 1) -> Photometry:
    """The galaxies as a survey sees them, with the errors of its noise model."""
    rng = np.random.default_rng(seed)
    flux = model.photometry(theta, redshift, noise.bands)
    sigma = noise.sample(flux, rng)
    return Photometry(flux + sigma * rng.standard_normal(flux.shape), sigma, redshift, noise.bands)

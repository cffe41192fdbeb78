"""The density of galaxies that were selected by their data, such as a box around their medians.

What is selected by its data has lost part of its errors: no galaxy of a box is there whose median
the errors put outside. A density that is inferred from those galaxies alone supposes that the
errors are whole; it takes out more than is there, and is a row of needles. Selected or not, the
true value of a galaxy follows its posterior with the population of all as prior. So

    g_b = mean_i f_b A_ib / sum_c f_c A_ic

over the galaxies i that are selected, with f the density of all, and A as in
`sedflow.population.density`. For the bands, random weights of all galaxies (the Bayesian bootstrap)
move f and this mean together.
"""

import numpy as np
from scipy.sparse import csr_array

from sedflow.population.density import (
    Density,
    information_of,
    noise_of,
    responsibilities,
    scaled,
    without_noise,
)
from sedflow.population.penalty import Penalty
from sedflow.population.scatter import LEFT, scattered

_AT_ONCE = 50  # draws of the density: memory
_NONE = 1e-60  # variance of the share of a cell that none of the galaxies reaches


def selected_density(
    likelihood: csr_array,
    rows: np.ndarray,
    every: Density,
    shape: tuple[int, ...],
    weights: np.ndarray | None = None,
    *,
    counts: csr_array | None = None,
    seed: int = 1,
) -> Density:
    """The density of some galaxies of a population that were selected by their data.

    likelihood (n_galaxy, n_cell) : A_ib of all, each row up to a factor
    rows (n_some,) : numbers of those that are selected
    every : the density of all galaxies, selected or not, on a grid of this shape
    weights (n_galaxy,) : how many galaxies each of them is for; default 1
    counts (n_galaxy, n_cell) : draws behind each entry, where the density was fitted with them
    """
    rng, n, f = np.random.default_rng(seed), len(every.draws), every.shares
    matrix = scaled(likelihood)
    w = np.ones(matrix.shape[0]) if weights is None else np.asarray(weights, float)
    w = w * w.sum() / np.square(w).sum()
    scores = information_of(matrix, w, f)
    curvature = scores + w.sum() * np.outer(f, f)
    if counts is not None:
        s = Penalty(shape).matrix(every.strength)
        curvature = without_noise(curvature, s, noise_of(matrix, counts.data, w, f))
    if np.ptp(w) > 0:
        scores = information_of(matrix, np.square(w), f)
    each, some = responsibilities(matrix, f), matrix[rows]
    pulls, draws, often = np.empty((n, len(f))), np.empty((n, len(f))), []
    for start in range(0, n, _AT_ONCE):
        part = slice(start, min(start + _AT_ONCE, n))
        drawn = w[:, None] * rng.exponential(size=(len(w), part.stop - start))
        extra = drawn - w[:, None]
        pulls[part] = (each.T @ extra).T - np.outer(extra.sum(0), f)
        often.append(drawn[rows])
    moved = np.empty((n, len(f)))
    for one in every.supposed:
        smooth = Penalty(shape).matrix(one.strength)
        left = LEFT[len(shape)] * smooth
        values, axes = np.linalg.eigh(left)
        rough = rng.standard_normal((len(one.rows), len(f)))
        pull = pulls[one.rows] + rough @ (axes * np.sqrt(np.maximum(values, 0.0))).T
        law = curvature + smooth, scores + left
        moved[one.rows] = scattered(np.exp(one.log_f), *law, pulls=pull)[0]
    for k, drawn in enumerate(often):
        part = slice(k * _AT_ONCE, k * _AT_ONCE + drawn.shape[1])
        draws[part] = _mean(some, moved[part], drawn)
    shares = _mean(some, f[None], w[rows, None])[0]
    known = np.square(shares) / np.maximum(draws.var(0), _NONE)
    return Density(shares, draws, every.strength, known, every.converged, every.supposed)


def _mean(matrix, f, w):
    """Means (n_draw, n_cell), with weights (n_galaxy, n_draw), of what densities f (n_draw, n_cell)
    make of the galaxies."""
    found = f * (matrix.T @ (w / (matrix @ f.T))).T
    return found / found.sum(1, keepdims=True)

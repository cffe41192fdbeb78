"""Whether posteriors are calibrated: diagnostics of simulated truths and their draws.

Each turns a galaxy into a *level* between 0 and 1 which, over many simulated galaxies, is
uniform if the posteriors are right: the share of the posterior below the truth (percentile
score, or SBC rank; Talts et al. 2018, arXiv:1804.06788), above it in density (HPD), or nearer
than it to a random point (TARP; Lemos et al. 2023, arXiv:2302.03026). Draws may be weighted.
How far the levels of n galaxies are from uniform is the Kolmogorov-Smirnov distance, and its
quantile for n uniform numbers is a simultaneous band around the diagonal of the p-p curve.

`local_test` asks of one galaxy whether a classifier can tell its draws from the posterior
(L-C2ST; Linhart et al. 2023, arXiv:2306.03580), as sbi computes it.
"""

import warnings
from typing import Any

import numpy as np
from scipy.stats import kstest, kstwo

from sedflow.errors import SedflowError
from sedflow.shares import shares_of
from sedflow.units import plain
from sedflow.whole_numbers import LARGEST_SEED, as_whole

_TOLERANCE = 1e-6  # of levels that sum up rounded weights


def percentile_scores(
    truth: np.ndarray, draws: np.ndarray, weights: np.ndarray | None = None, seed: int = 0
) -> np.ndarray:
    """Share (n, n_param) of each posterior below the truth.

    truth (n, n_param), draws (n, n_draw, n_param), weights (n, n_draw) of any sum, or None.
    Ties (a parameter that the posterior pins to one value) are broken at random; equal weights
    count the truth as one of the draws, which makes the score an SBC rank.

    Raises
    ------
    SedflowError
        Shapes that do not fit, no draws, NaN, or weights that are negative or all 0.
    """
    truth, draws = (plain(x, name, "") for name, x in (("truth", truth), ("draws", draws)))
    if truth.ndim != 2 or draws.shape[::2] != truth.shape:
        raise SedflowError(
            f"truth has the shape {truth.shape}, draws {draws.shape}; give (n, n_param) and "
            "(n, n_draw, n_param)"
        )
    n_draw = draws.shape[1]
    if not n_draw:
        raise SedflowError(f"draws have the shape {draws.shape}; give one draw at least")
    for name, values in (("truth", truth), ("draws", draws)):
        if np.isnan(values).any():
            row = int(np.argwhere(np.isnan(values))[0, 0])
            raise SedflowError(f"{name} of galaxy {row} has a NaN; leave the galaxy out")
    u = np.random.default_rng(as_whole("seed", seed, 0, LARGEST_SEED)).random(truth.shape)
    if weights is None:
        below = (draws < truth[:, None]).sum(1)
        equal = (draws == truth[:, None]).sum(1)
        return (below + u * (equal + 1)) / (n_draw + 1)
    weights = plain(weights, "weights", "")
    if weights.shape != draws.shape[:2]:
        raise SedflowError(
            f"weights have the shape {weights.shape}, where the draws have {draws.shape[:2]}; give "
            "one weight for each draw"
        )
    weights = shares_of(weights, np.ones(weights.shape, dtype=bool))
    if np.isnan(weights).any():
        row = int(np.argwhere(np.isnan(weights))[0, 0])
        raise SedflowError(f"the weights of galaxy {row} are NaN; leave the galaxy out")
    below = np.einsum("gd,gdp->gp", weights, draws < truth[:, None])
    equal = np.einsum("gd,gdp->gp", weights, draws == truth[:, None])
    return below + u * equal


def hpd_levels(
    at_truth: np.ndarray, at_draws: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Share (n,) of each posterior with a density above that at the truth.

    at_truth (n,), at_draws (n, n_draw) : log density, or anything that grows with it
    """
    return percentile_scores(-at_truth[:, None], -at_draws[..., None], weights)[:, 0]


def tarp_levels(
    truth: np.ndarray, draws: np.ndarray, weights: np.ndarray | None = None, seed: int = 0
) -> np.ndarray:
    """Share (n,) of each posterior nearer than the truth to a random point.

    truth (n, n_x), draws (n, n_draw, n_x) in coordinates where the prior is a standard normal,
    from which the points are drawn.
    """
    seed = as_whole("seed", seed, 0, LARGEST_SEED)
    point = np.random.default_rng([seed, 1]).standard_normal(truth.shape)
    to_truth = np.square(truth - point).sum(-1)
    to_draws = np.square(draws - point[:, None]).sum(-1)
    return percentile_scores(to_truth[:, None], to_draws[..., None], weights)[:, 0]


def ks_distances(levels: np.ndarray) -> Any:
    """KS distance from uniform, and its p-value, of each column of levels (n, ...), from 0 to 1."""
    levels = _levels(levels)
    flat = levels.reshape(len(levels), -1)
    tests = [kstest(column, "uniform") for column in flat.T]
    shape = levels.shape[1:]
    return (
        np.reshape([t.statistic for t in tests], shape),
        np.reshape([t.pvalue for t in tests], shape),
    )


def ks_band(n: int, level: float = 0.95, tests: int = 1) -> float:
    """KS distance that n uniform levels stay below with this probability, in all of the tests.

    level : from 0 to 1, 0.95 for 95 %
    """
    n, tests = as_whole("n", n, 1, 2**53), as_whole("tests", tests, 1)
    level = _share("level", level)
    return float(kstwo.ppf(level ** (1.0 / tests), n))


def central_coverage(levels: np.ndarray, nominal: float) -> np.ndarray:
    """Share of the truths inside the central interval of that probability, by column."""
    nominal = _share("nominal", nominal)
    return (np.abs(_levels(levels) - 0.5) < nominal / 2).mean(0)


def coverage_error(levels: np.ndarray, nominal: float) -> float:
    """Standard error of the mean coverage of levels (n, n_param); those of a galaxy go together."""
    inside = (np.abs(levels - 0.5) < _share("nominal", nominal) / 2).mean(1)
    return float(inside.std() / np.sqrt(len(inside)))


def local_test(
    truth: np.ndarray,
    context: np.ndarray,
    draw: np.ndarray,
    observed: np.ndarray,
    observed_draws: Any,
    seed: int = 0,
    trials: int = 50,
) -> np.ndarray:
    """p-value (n_observed,) of L-C2ST: whether the posterior of each observation is right.

    Parameters
    ----------
    truth, draw : array (n, n_x)
        True values, and one draw from the posterior of each galaxy.
    context : array (n, n_feature)
        What the posteriors are conditioned on.
    observed (n_observed, n_feature), observed_draws (n_observed, n_draw, n_x)
        Where to look, and the draws to judge there.
    trials : int
        Classifiers trained under the null hypothesis; p-values are multiples of 1 / trials.
    """
    import torch
    from sbi.diagnostics.lc2st import LC2ST

    def tensor(a):
        return torch.from_numpy(np.asarray(a, dtype=np.float32))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sbi and scikit-learn on settings that are theirs
        test = LC2ST(
            thetas=tensor(truth),
            xs=tensor(context),
            posterior_samples=tensor(draw),
            seed=seed,
            z_score=True,
            num_trials_null=trials,
            classifier_kwargs={
                "hidden_layer_sizes": (32, 32),
                "early_stopping": True,
                "max_iter": 200,
                "batch_size": 256,
                "random_state": seed,
            },
        )
        test.train_on_observed_data(verbosity=0)
        test.train_under_null_hypothesis(verbosity=0)
        return np.array(
            [
                float(test.p_value(tensor(draws), tensor(x)[None]))
                for x, draws in zip(observed, observed_draws, strict=True)
            ]
        )


def ks_statistic(levels: np.ndarray) -> np.ndarray:
    """Kolmogorov-Smirnov distance of each column of levels (n, ...) from uniform.

    As `ks_distances`, without the p-values, which cost most of the time.
    """
    levels = _levels(levels)
    n = len(levels)
    order = np.sort(levels, axis=0)
    step = np.arange(1, n + 1).reshape(-1, *([1] * (order.ndim - 1))) / n
    return np.maximum((step - order).max(0), (order - step).max(0) + 1 / n)


def _levels(levels):
    """Levels as numbers from 0 to 1, one at least."""
    levels = plain(levels, "levels", "")
    if levels.ndim == 0 or levels.size == 0:
        raise SedflowError(f"levels have the shape {levels.shape}; give (n, ...) of one at least")
    off = ~((levels >= -_TOLERANCE) & (levels <= 1 + _TOLERANCE))
    if off.any():
        raise SedflowError(
            f"a level is {levels[off][0]:g}; give levels from 0 to 1, 0.16 for 16 %, and leave out "
            "galaxies that have none"
        )
    return levels


def _share(name, value):
    """A probability above 0 and below 1."""
    number = plain(value, name, "")
    if number.ndim or not 0 < number < 1:
        raise SedflowError(
            f"{name} = {' '.join(str(value).split())[:64]}; give a number above 0 and below 1, "
            "0.95 for 95 %"
        )
    return float(number)

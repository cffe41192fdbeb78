"""Quantiles and scores of weighted draws do not depend on the sum of the weights."""

import numpy as np
import pytest

import sedflow
from sedflow.draws import systematic
from sedflow.errors import SedflowError

Q = [0.0, 0.16, 0.5, 0.84, 1.0]
RNG = np.random.default_rng(1)
VALUES, WEIGHTS = RNG.standard_normal((3, 50)), RNG.random((3, 50)) + 0.01
EVEN = WEIGHTS / WEIGHTS.sum(-1, keepdims=True)


@pytest.mark.parametrize("factor", [1e-300, 1e-4, 1.0 + 1e-7, 2, 1e307])
def test_quantiles_do_not_depend_on_the_sum_of_the_weights(factor):
    found = sedflow.weighted_quantile(VALUES, Q, factor * WEIGHTS)
    np.testing.assert_allclose(found, sedflow.weighted_quantile(VALUES, Q, EVEN), rtol=1e-6)


def test_counts_are_weights():
    found = sedflow.weighted_quantile([1.0, 2, 3, 4], [0.16, 0.5, 0.84], [2, 2, 2, 2])
    np.testing.assert_allclose(found, [1.14, 2.5, 3.86])
    assert sedflow.weighted_quantile(np.arange(100.0), 0.5, np.ones(100)) == pytest.approx(49.5)


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_weights_of_few_digits_are_summed_in_double_precision(kind):
    values = np.arange(100_000.0)
    for weight in (1.0, 1e-5, 1 / 3000):
        weights = np.full(values.size, weight, kind)
        found = sedflow.weighted_quantile(values, Q, weights)
        np.testing.assert_allclose(found, np.quantile(values, Q), atol=0.51)
    theta = np.zeros((3000, 12))
    weights = np.full(3000, 1 / 3000, np.float32)
    assert sedflow.Draws(theta, weights=weights).weights.dtype == float
    picked = systematic(np.ones(100_000, kind), 1000, np.random.default_rng(1))
    np.testing.assert_allclose(np.diff(picked), 100, atol=1)


def test_values_that_are_nan_do_not_count():
    holes = VALUES.copy()
    holes[0, ::3] = np.nan
    known = ~np.isnan(holes[0])
    found = sedflow.weighted_quantile(holes, Q, EVEN)
    alone = sedflow.weighted_quantile(VALUES[0, known], Q, WEIGHTS[0, known])
    np.testing.assert_allclose(found[:, 0], alone)
    np.testing.assert_array_equal(found[:, 1:], sedflow.weighted_quantile(VALUES[1:], Q, EVEN[1:]))


def test_a_galaxy_without_draws_has_no_quantiles():
    values, weights = VALUES.copy(), WEIGHTS.copy()
    values[0], weights[1] = np.nan, np.nan
    found = sedflow.weighted_quantile(values, Q, weights)
    assert np.isnan(found[:, :2]).all()
    assert np.isfinite(found[:, 2]).all()
    weights[0] = 0.0
    assert np.isnan(sedflow.weighted_quantile(values, 0.5, weights)[0])
    assert sedflow.weighted_quantile(np.zeros((0, 5)), Q, np.zeros((0, 5))).shape == (5, 0)


@pytest.mark.parametrize(
    ("values", "weights", "words"),
    [
        ([1.0, 2, 3], [1.0, -1, 1], "the weight of a draw is -1"),
        ([1.0, 2, 3], [1.0, np.nan, 1], "the weight of a draw is nan"),
        ([1.0, 2, 3], [1.0, np.inf, 1], "the weight of a draw is inf"),
        ([1.0, 2, 3], [0, 0, 0], "of all draws are 0"),
        ([], [], "one value at least"),
        ([], None, "one value at least"),
    ],
)
def test_weights_that_are_no_shares_are_refused(values, weights, words):
    with pytest.raises(SedflowError, match=words):
        sedflow.weighted_quantile(values, 0.5, weights)


TRUTH, DRAWS = RNG.standard_normal((4, 2)), RNG.standard_normal((4, 50, 2))


def test_scores_do_not_depend_on_the_sum_of_the_weights():
    weights = RNG.random((4, 50))
    found = sedflow.percentile_scores(TRUTH, DRAWS, weights)
    shares = weights / weights.sum(-1, keepdims=True)
    np.testing.assert_allclose(found, sedflow.percentile_scores(TRUTH, DRAWS, shares))
    even = sedflow.percentile_scores(TRUTH, DRAWS, np.ones((4, 50)))
    np.testing.assert_allclose(even, sedflow.percentile_scores(TRUTH, DRAWS), atol=1.1 / 50)


def _with(array, value):
    out = array.copy()
    out.flat[-1] = value
    return out


@pytest.mark.parametrize(
    ("truth", "draws", "weights", "words"),
    [
        (_with(TRUTH, np.nan), DRAWS, None, "truth of galaxy 3 has a NaN"),
        (TRUTH, _with(DRAWS, np.nan), None, "draws of galaxy 3 has a NaN"),
        (TRUTH, DRAWS[:, :0], None, "one draw at least"),
        (TRUTH, DRAWS, np.ones((4, 49)), "one weight for each draw"),
        (TRUTH, DRAWS, _with(np.ones((4, 50)), -2.0), "a draw is -2"),
        (TRUTH, DRAWS, np.full((4, 50), np.nan), "of galaxy 0 are NaN"),
    ],
)
def test_what_has_no_scores_is_refused(truth, draws, weights, words):
    with pytest.raises(SedflowError, match=words):
        sedflow.percentile_scores(truth, draws, weights)


@pytest.mark.parametrize("measure", ["ks_distances", "ks_statistic", "central_coverage"])
@pytest.mark.parametrize("wrong", [16.0, -0.1, np.nan])
def test_levels_are_from_0_to_1(measure, wrong):
    options = {"nominal": 0.68} if measure == "central_coverage" else {}
    with pytest.raises(SedflowError, match="levels from 0 to 1"):
        getattr(sedflow.validation, measure)(np.array([0.2, wrong]), **options)


@pytest.mark.parametrize("level", [95, 0, 1.0, -0.5, np.nan, "much"])
def test_per_cents_are_no_probabilities(level):
    with pytest.raises(SedflowError, match=r"level|numbers"):
        sedflow.ks_band(100, level)
    with pytest.raises(SedflowError, match=r"nominal|numbers"):
        sedflow.validation.central_coverage(np.array([0.5]), level)

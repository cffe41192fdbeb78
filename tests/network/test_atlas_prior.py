"""The ratio of densities, where it is known; and choosing by data changes no posterior."""

import numpy as np
import pytest
import torch

from sedflow.draws import systematic
from sedflow.model.simulation import recent_bursts
from sedflow.network.atlas_prior import AtlasLikeness, LikenessGraph

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def likeness():
    """A survey N(1, 0.7^2) among simulations N(0, 1), weighted from N(0, 1.3^2)."""
    rng = np.random.default_rng(1)
    simulated = 1.3 * rng.standard_normal((30_000, 2))
    weight = np.exp(-0.5 * np.square(simulated).sum(1) * (1 - 1 / 1.3**2))
    survey = 1 + 0.7 * rng.standard_normal((15_000, 2))
    return AtlasLikeness(survey, simulated, weight, seed=1)


def test_the_ratio_is_that_of_the_densities(likeness):
    rng = np.random.default_rng(2)
    x = rng.standard_normal((4000, 2))
    true = np.exp(-0.5 * np.square((x - 1) / 0.7).sum(1) + 0.5 * np.square(x).sum(1)) / 0.49
    typical = (true > 0.05) & (true < 10)
    off = np.log(likeness(x[typical]) / true[typical])
    assert abs(np.median(off)) < 0.15
    assert np.std(off) < 0.4
    assert likeness(x).mean() == pytest.approx(1, abs=0.1)


def test_the_ratio_is_limited():
    rng = np.random.default_rng(5)
    simulated, survey = rng.standard_normal((20_000, 2)), 2.5 + 0.3 * rng.standard_normal((5000, 2))
    x = rng.standard_normal((2000, 2)) + 1
    for most in (5.0, 50.0):
        made = AtlasLikeness(survey, simulated, np.ones(20_000), most=most)
        assert made(x).max() * made._mean == pytest.approx(most, rel=1e-6)
        graph = LikenessGraph(made)(torch.from_numpy(x)).numpy()
        np.testing.assert_allclose(graph, made(x), atol=5e-4 * most)


def test_choosing_by_the_data_changes_no_posterior(likeness):
    """theta ~ N(0, 1), data theta + noise: its posterior has mean d / 2 and variance 1 / 2."""
    rng = np.random.default_rng(3)
    theta = rng.standard_normal((400_000, 2))
    data = theta + rng.standard_normal(theta.shape)
    weight = likeness(data / np.sqrt(2))
    rows = systematic(weight / weight.sum(), 60_000, rng)
    assert data[rows].mean() > 0.8  # the choice has moved the data
    rest = theta[rows] - data[rows] / 2
    np.testing.assert_allclose(rest.mean(0), 0, atol=0.03)
    np.testing.assert_allclose(rest.var(0), 0.5, atol=0.03)


def test_recent_bursts_are_weighed_back_to_the_prior():
    rng = np.random.default_rng(4)
    x, log_ratio = recent_bursts(rng.standard_normal(200_000), 0.5, rng)
    weight = np.exp(log_ratio)
    assert weight.max() <= 2.0
    assert weight.mean() == pytest.approx(1, abs=0.01)
    assert np.average(x, weights=weight) == pytest.approx(0, abs=0.02)
    assert np.average(x**2, weights=weight) == pytest.approx(1, abs=0.03)
    assert (x < -2.3).mean() > 0.25  # where the prior has a hundredth

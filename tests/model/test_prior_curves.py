import numpy as np
import pytest

from sedflow.model.prior_curves import prior_density
from sedflow.parameters import NAMES, Prior


@pytest.mark.parametrize("sfh", Prior.KINDS)
def test_densities_are_those_of_draws_from_the_prior(sfh):
    prior = Prior(sfh)
    draws = prior.sample(200_000, 1)
    for k, name in enumerate(NAMES):
        low, high = np.quantile(draws[:, k], [0.02, 0.98])
        edges = np.linspace(low, high, 21)
        counts = np.histogram(draws[:, k], edges)[0]
        fine = np.linspace(edges[:-1], edges[1:], 41)
        expected = len(draws) * prior_density(name, fine, prior).mean(0) * np.diff(edges)
        assert np.abs(counts / expected - 1).max() < 0.08, name


def test_a_derived_quantity_has_no_exact_density():
    assert prior_density("age_mw", [1.0], Prior()) is None

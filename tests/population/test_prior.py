"""How the prior spreads over cells: exact laws, and draws that agree with them."""

import numpy as np
import pytest

import sedflow
from sedflow.model.derived import derive
from sedflow.parameters import PARAMETERS, Prior, index
from sedflow.population.prior import SCALING, cell_numbers, prior_shares


@pytest.fixture(scope="module")
def model():
    return sedflow.SEDModel()


@pytest.mark.parametrize("sfh", Prior.KINDS)
@pytest.mark.parametrize("name", [p.name for p in PARAMETERS])
def test_priors_of_parameters_are_those_of_their_draws(sfh, name, model):
    p = PARAMETERS[index(name)]
    edges = np.linspace(p.low, p.high, 11)
    found = prior_shares((name,), (edges,), np.array([0.03]), Prior(sfh), model)
    counts = np.histogram(Prior(sfh).sample(100_000, 1)[:, index(name)], edges)[0] / 100_000
    np.testing.assert_allclose(found.shares[0], counts, atol=0.006)
    assert found.shares[0].sum() == pytest.approx(1)
    assert np.all(found.error == 0)


def test_what_scales_with_the_mass_does(model):
    theta = Prior().sample(50, 1)
    theta[:, index("log_mstar")] = 9.0
    low = derive(theta.copy(), 0.03, model)
    theta[:, index("log_mstar")] = 10.0
    high = derive(theta, 0.03, model)
    for name in low:
        if name in SCALING:
            np.testing.assert_allclose(high[name] - low[name], 1.0, atol=1e-6)
        else:
            np.testing.assert_allclose(high[name], low[name], atol=1e-6)


def test_a_counted_prior_is_as_good_as_it_says(model):
    edges = (np.linspace(8, 12, 9), np.linspace(-12, -9, 9))
    names, z = ("log_mstar", "log_ssfr_1gyr"), np.array([0.03])
    one, other = (
        prior_shares(names, edges, z, Prior(), model, n=4000, seed=k).shares[0] for k in (1, 2)
    )
    found = prior_shares(names, edges, z, Prior(), model, n=4000, seed=1)
    pull = (one - other) / (np.sqrt(2) * found.error[0] * one)
    assert 0.5 < pull.std() < 2.0


@pytest.mark.parametrize("turned", [False, True])
def test_masses_beside_what_does_not_scale_are_exact(model, turned):
    names = ("log_mstar", "log_z_mw_solar")
    edges = (np.linspace(8, 14, 7), np.linspace(-2.4, 0.4, 5))
    step = -1 if turned else 1
    found = prior_shares(names[::step], edges[::step], np.array([0.03]), Prior(), model, n=2000)
    grids = (v[0].reshape((6, 4)[::step]) for v in (found.shares, found.error))
    shares, error = (grid.T if turned else grid for grid in grids)
    p = PARAMETERS[index("log_mstar")]
    whole = np.clip(edges[0][1:], p.low, p.high) - np.clip(edges[0][:-1], p.low, p.high)
    np.testing.assert_allclose(shares.sum(1) / shares.sum(), whole / whole.sum(), atol=1e-12)
    assert np.all(np.isinf(error[whole == 0]))
    assert np.all(error[whole > 0] == error[0])


def test_cells_have_the_order_of_a_raveled_grid():
    edges = (np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0, 3.0]))
    values = np.array([[0.5, 0.5], [1.5, 2.5], [2.0, 3.0], [2.1, 1.0], [np.nan, 1.0]])
    assert cell_numbers(values, edges).tolist() == [0, 5, 5, -1, -1]

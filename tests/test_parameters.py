"""The parameter table and the priors."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from sedflow import MCMCSampler, fit, load_nsa
from sedflow.errors import BadParameters
from sedflow.parameters import (
    HIGH,
    LOW,
    NAMES,
    PARAMETERS,
    Prior,
    as_theta,
    as_whole,
    inverse_stick_breaking,
    stick_breaking,
)


def test_the_order_of_the_parameters_is_the_published_one():
    assert NAMES == (
        "log_mstar",
        "beta1",
        "beta2",
        "beta3",
        "beta4",
        "f_burst",
        "t_burst",
        "log_gamma1",
        "log_gamma2",
        "tau_bc",
        "tau_ism",
        "n_dust",
    )


def test_stick_breaking_is_that_of_the_original_code(golden):
    beta = stick_breaking(golden["dirichlet.z"])
    np.testing.assert_allclose(beta, golden["dirichlet.beta"], atol=1e-12)
    np.testing.assert_allclose(inverse_stick_breaking(beta), golden["dirichlet.z"], atol=1e-12)


@pytest.mark.parametrize("kind", Prior.KINDS)
def test_draws_lie_inside_and_on_the_simplex(kind):
    prior = Prior(kind)
    theta = prior.sample(5000, seed=3)
    assert np.isfinite(prior.log_prob(theta)).all()
    np.testing.assert_allclose(theta[:, 1:5].sum(1), 1, atol=1e-12)


def test_flat_prior_is_a_flat_dirichlet_and_provabgs_is_not():
    """A flat Dirichlet over four shares has marginals Beta(1, 3)."""
    flat, young = Prior("flat").sample(20_000, seed=5), Prior("provabgs").sample(20_000, seed=5)
    for k in range(1, 5):
        assert kstest(flat[:, k], "beta", args=(1, 3)).pvalue > 1e-3
    assert kstest(young[:, 1], "beta", args=(1, 3)).pvalue < 1e-6
    np.testing.assert_allclose(young[:, 1:5].mean(0), [0.5, 0.25, 0.125, 0.125], atol=0.01)


@pytest.mark.parametrize("kind", Prior.KINDS)
def test_the_density_is_normalised(kind):
    """Importance sampling of the simplex from the other prior gives a total of one."""
    prior, other = Prior(kind), Prior({"flat": "provabgs", "provabgs": "flat"}[kind])
    theta = other.sample(400_000, seed=7)
    weights = np.exp(prior.log_prob(theta) - other.log_prob(theta))
    assert abs(np.minimum(weights, 1e4).mean() - 1) < 0.05


@pytest.mark.parametrize("kind", Prior.KINDS)
def test_the_maps_invert(kind):
    prior = Prior(kind)
    theta = prior.sample(1000, seed=9)
    np.testing.assert_allclose(prior.from_unbounded(prior.to_unbounded(theta)), theta, atol=1e-9)


@pytest.mark.parametrize("kind", Prior.KINDS)
def test_the_prior_is_standard_normal_in_the_unbounded_coordinates(kind):
    prior = Prior(kind)
    x = prior.to_unbounded(prior.sample(4000, seed=13))
    assert all(kstest(column, "norm").pvalue > 1e-3 for column in x.T)


@given(st.lists(st.floats(-40, 40), min_size=11, max_size=11))
def test_no_unbounded_point_leaves_the_prior(x):
    theta = Prior().from_unbounded(np.array(x))
    assert np.isfinite(Prior().log_prob(theta))
    as_theta(theta)


def test_outside_the_prior_the_density_is_zero():
    prior = Prior()
    theta = prior.sample(3, seed=1)
    theta[0, 0] = 13.0
    theta[1, 1] += 0.1
    assert prior.log_prob(theta)[:2].tolist() == [-np.inf, -np.inf]
    assert np.isfinite(prior.log_prob(theta)[2])


def test_a_mapping_and_an_array_are_the_same_theta():
    theta = Prior().sample(4, seed=1)
    by_name = {name: theta[:, k] for k, name in enumerate(NAMES)}
    np.testing.assert_array_equal(as_theta(by_name), theta)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tau_ism": 3.5}, "tau_ism = 3.5 is outside its range .0, 3."),
        ({"tau_ism": np.nan}, "tau_ism = nan"),
        ({"beta1": 0.9}, "must be 1; divide the four by their sum"),
        ({"dust": 1.0}, "no parameter is called 'dust'"),
        ({"n_dust": [0.0, 0.1], "tau_bc": [1.0, 1.1, 1.2]}, "do not broadcast"),
    ],
)
def test_bad_parameters_are_explained(change, message):
    good = dict(zip(NAMES, Prior().sample(1, seed=2)[0], strict=True))
    with pytest.raises(BadParameters, match=message):
        as_theta(good | change)


def test_a_missing_parameter_is_named():
    with pytest.raises(BadParameters, match="theta lacks n_dust"):
        as_theta(dict.fromkeys(NAMES[:-1], 0.5))


@pytest.mark.parametrize("theta", [np.zeros(11), np.zeros((3, 13)), 5.0, "nonsense"])
def test_a_wrong_shape_is_explained(theta):
    with pytest.raises(BadParameters, match="theta"):
        as_theta(theta)


def test_the_table_is_consistent():
    assert (HIGH > LOW).all()
    assert all(p.help.endswith(".") and p.label and p.latex for p in PARAMETERS)
    assert len(set(NAMES)) == 12


def test_an_unknown_prior_is_refused():
    with pytest.raises(BadParameters, match="'dirichlet' is unknown"):
        Prior("dirichlet")


@pytest.mark.parametrize("value", [True, 1.5, np.nan, np.inf, -1, "3", None])
def test_what_is_not_a_whole_number_is_refused_in_a_sentence(value):
    with pytest.raises(BadParameters, match=r"n = .*; give a whole number >= 0"):
        as_whole("n", value, 0)


def test_a_whole_number_may_come_in_any_type():
    values = (3, 3.0, np.int32(3), np.float32(3), 10**400)
    assert [as_whole("n", v, 0) for v in values] == [3, 3, 3, 3, 10**400]


@pytest.mark.parametrize("kind", Prior.KINDS)
def test_slopes_are_carried_to_the_unbounded_coordinates(kind):
    prior, rng = Prior(kind), np.random.default_rng(2)
    x, a = 1.5 * rng.standard_normal((6, 11)), rng.standard_normal(12)

    def value(at):
        return np.sin(prior.from_unbounded(at)) @ a

    slope = prior.slope_in_unbounded(np.cos(prior.from_unbounded(x)) * a, x)
    for k in range(11):
        step = np.eye(11)[k] * 1e-5
        difference = (value(x + step) - value(x - step)) / 2e-5
        np.testing.assert_allclose(slope[:, k], difference, atol=1e-7)


def test_a_prior_of_another_class_is_refused():
    """The network took it for the flat one, and a file kept its name alone."""

    class Mine(Prior):
        pass

    for ask in (lambda: MCMCSampler(prior=Mine()), lambda: fit(load_nsa()[72], prior=Mine())):
        with pytest.raises(BadParameters, match="the prior is of the class Mine"):
            ask()
    with pytest.raises(ValueError, match="read-only"):
        Prior().stick_power[:] = 9


def test_a_data_frame_of_parameters_goes_by_its_names():
    """Columns in another order gave another galaxy."""
    theta = Prior().sample(5, seed=1)
    frame = pd.DataFrame(theta, columns=list(NAMES))
    for columns in (list(NAMES), sorted(NAMES)):
        np.testing.assert_array_equal(as_theta(frame[columns]), theta)
        np.testing.assert_array_equal(Prior().log_prob(frame[columns]), Prior().log_prob(theta))


def test_the_density_of_the_published_prior_is_finite_where_old_bins_are_empty():
    """One such draw among 20,000 made all weights useless: "differ by less than rounding"."""
    prior = Prior("provabgs")
    theta = np.repeat(prior.sample(1, seed=1), 3, axis=0)
    theta[0, 1:5] = 1.0, 0.0, 0.0, 0.0
    theta[1, 1:5] = 1.0 - 1e-20, 0.0, 1e-20, 0.0
    found = prior.log_prob(theta)
    assert np.isfinite(found).all() and found[0] > found[1] > found[2]
    box = found[2] + np.log(1 - theta[2, 1]) + np.log(1 - theta[2, 1] - theta[2, 2])
    assert found[1] == pytest.approx(box + 2 * 20 * np.log(10))

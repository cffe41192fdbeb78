"""One contract for whatever draws from posteriors: network, exact Gaussian, Monte Carlo."""

import warnings

import linear
import numpy as np
import pytest

import sedflow
from sedflow.errors import BadParameters, BadPhotometry, SedflowError
from sedflow.model.sed import default_model
from sedflow.sampling.mcmc import MCMCSampler
from sedflow.trust_limits import NotConverged


@pytest.fixture(
    params=["network", "gaussian", "emcee", pytest.param("smc", marks=pytest.mark.slow)]
)
def case(request, posterior, nsa, monkeypatch):
    """A sampler, and three galaxies for it."""
    monkeypatch.setattr(
        "sedflow.sampling.mcmc._WALKERS", 64
    )  # too few to converge, enough to keep to it
    real, linear_ones = nsa.photometry(nsa.ids[:3]), linear.galaxy(3)
    return {
        "network": lambda: (posterior, real),
        "gaussian": lambda: (linear.GaussianSampler(), linear_ones),
        "emcee": lambda: (MCMCSampler("emcee", model=linear.LinearModel(), steps=60), linear_ones),
        "smc": lambda: (MCMCSampler(doublings=0), real),
    }[request.param]()


def test_the_contract_of_a_sampler(case):
    sampler, galaxies = case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConverged)
        batch = sampler.sample(galaxies, n=500, seed=1)
        one = sampler.sample(galaxies[1], n=500, seed=1)
        other = sampler.sample(galaxies[1], n=500, seed=2)
    assert batch.theta.shape == (3, 500, 12)
    assert one.theta.shape == (500, 12)
    np.testing.assert_array_equal(batch.theta[1], one.theta)
    np.testing.assert_array_equal(batch.galaxy(1).theta, one.theta)
    assert not np.array_equal(one.theta, other.theta)
    assert np.isfinite(sampler.prior.log_prob(batch.theta)).all()
    if one.log_density is None:
        assert one.convergence.r_hat.shape == (12,)
        assert batch.convergence.r_hat.shape == (3, 12)
    else:
        expected = sampler.log_prob(one.theta, galaxies[1])
        np.testing.assert_allclose(one.log_density, expected, atol=0.02)


def test_resampled_draws_follow_their_weights():
    rng = np.random.default_rng(3)
    theta = sedflow.Prior().sample(4000, rng)
    weights = np.exp(3 * theta[:, 5])
    draws = sedflow.Draws(theta, weights=weights / weights.sum())
    mean = draws.weights @ theta[:, 5]
    equal = draws.resampled()
    assert equal.weights is None
    assert equal["f_burst"].mean() == pytest.approx(mean, abs=0.01)
    assert draws.resampled(100).n == 100
    in_order = sedflow.Draws(theta[np.argsort(theta[:, 0])])
    assert in_order.resampled(100)["log_mstar"].std() == pytest.approx(1.6, abs=0.1)
    assert in_order.resampled(9000).n == 9000
    q = draws.quantile(draws["f_burst"], [0.16, 0.5, 0.84])
    np.testing.assert_allclose(q, np.quantile(equal["f_burst"], [0.16, 0.5, 0.84]), atol=0.02)
    plain = sedflow.Draws(theta)
    same = sedflow.Draws(theta, weights=np.full(4000, 1 / 4000))
    for p in (0.16, 0.5, 0.84):
        assert same.quantile(theta[:, 0], p) == pytest.approx(
            plain.quantile(theta[:, 0], p), abs=5e-3
        )


def test_errors_below_the_accuracy_of_the_model_are_refused_at_once(galaxy):
    sharp = sedflow.Photometry(galaxy.flux, np.full(5, 1e-12), galaxy.redshift)
    with pytest.raises(BadPhotometry, match="below the accuracy of the model"):
        MCMCSampler().sample(sharp, n=10)


def test_a_prior_may_be_given_by_name_and_an_unknown_one_is_refused():
    assert MCMCSampler(prior="provabgs").prior.sfh == "provabgs"
    assert MCMCSampler().prior.sfh == "flat"
    for bad in ("nope", 3, ["flat"]):
        with pytest.raises(BadParameters, match="choose one of"):
            MCMCSampler(prior=bad)


def test_a_model_may_be_given_by_name_and_what_is_none_is_refused():
    """A name ended in an AttributeError where the chains began."""
    assert MCMCSampler(model="bc03").model.grid.name == "bc03"
    for options, words in (
        ({"model": 3}, "give a sedflow.SEDModel, or the name"),
        ({"model": default_model("bc03").grid}, "give a sedflow.SEDModel, or the name"),
        ({"start": 3}, "give a sampler"),
        ({"cancel": 3}, "give a threading.Event"),
        ({"steps": 0}, "give a whole number >= 1"),
    ):
        with pytest.raises(SedflowError, match=words):
            MCMCSampler(**options)

"""Exact weights: against a posterior known exactly, and on networks made wrong on purpose."""

import dataclasses

import linear
import numpy as np
import pytest

import sedflow
from sedflow.importance import TooFewEffectiveDraws, reweight, smooth


def gaussian_fit(n=4000, galaxy=None, seed=3, **wrong):
    galaxy = linear.galaxy() if galaxy is None else galaxy
    sampler = linear.GaussianSampler(**wrong)
    return sedflow.fit(galaxy, sampler, n=n, seed=seed, model=linear.LinearModel())


def mean_error(fit):
    """Error of the posterior mean of x [exact sigmas], and its Monte Carlo error."""
    mean, covariance, _ = linear.exact(fit.photometry)
    x = fit.prior.to_unbounded(fit.draws.theta)
    root = np.linalg.cholesky(covariance)
    return np.linalg.solve(root, fit.draws.weights @ x - mean), fit.draws.importance.ess**-0.5


def test_exact_draws_have_equal_weights_and_the_exact_evidence():
    fit = reweight(gaussian_fit())
    figures = fit.draws.importance
    assert figures.ess > 3999
    assert figures.gap < 1e-3
    assert figures.log_evidence == pytest.approx(linear.exact(fit.photometry)[2], abs=1e-3)
    assert fit.draws.weights.sum() == pytest.approx(1)


def test_a_posterior_shifted_by_half_a_sigma_is_repaired():
    fit = gaussian_fit(shift=0.5)
    before = mean_error(reweight_unweighted(fit))[0]
    assert before[0] == pytest.approx(0.5, abs=0.05)
    repaired = reweight(fit)
    error, one_sigma = mean_error(repaired)
    assert np.abs(error).max() < 4 * one_sigma
    figures = repaired.draws.importance
    assert figures.k_hat < 0.7
    assert figures.ess < 3600  # exp(-0.5^2) of the draws
    truth = linear.exact(fit.photometry)[2]
    assert abs(figures.log_evidence - truth) < 4 * figures.log_evidence_error


def reweight_unweighted(fit):
    """The fit with equal weights, for what needs some."""
    done = reweight(fit)
    equal = np.full(fit.draws.n, 1 / fit.draws.n)
    return dataclasses.replace(done, draws=dataclasses.replace(done.draws, weights=equal))


@pytest.mark.parametrize("scale", [0.6, 4.0])
def test_a_network_too_narrow_or_far_too_wide_is_caught(scale):
    with pytest.raises(TooFewEffectiveDraws, match="MCMCSampler") as caught:
        reweight(gaussian_fit(scale=scale))
    assert caught.value.k_hat > 0.7
    kept = reweight(gaussian_fit(scale=scale), min_ess=0)
    assert kept.draws.importance.ess == caught.value.ess


def test_a_network_a_little_too_wide_is_repaired():
    """Wide draws cost effective draws, but cover what they should: k-hat stays low."""
    fit = reweight(gaussian_fit(scale=1.2))
    error, one_sigma = mean_error(fit)
    assert np.abs(error).max() < 4 * one_sigma
    x = fit.prior.to_unbounded(fit.draws.theta)
    sigma = np.sqrt(fit.draws.weights @ np.square(x - fit.draws.weights @ x))
    exact = np.sqrt(np.diag(linear.exact(fit.photometry)[1]))
    np.testing.assert_allclose(sigma, exact, rtol=0.12)


def test_one_galaxy_and_a_batch_are_weighted_alike():
    galaxies = linear.galaxy(3)
    batch = reweight(gaussian_fit(galaxy=galaxies, shift=0.3))
    one = reweight(gaussian_fit(galaxy=galaxies[1], shift=0.3))
    np.testing.assert_allclose(batch.draws.weights[1], one.draws.weights, rtol=1e-10)
    assert batch.draws.importance.ess.shape == (3,)
    assert batch[1].draws.importance.k_hat == one.draws.importance.k_hat


def test_another_prior_is_swapped_in(posterior, nsa):
    """Weighted to the published prior, a posterior agrees with one that had it all along."""
    galaxy = linear.galaxy()
    weighted = reweight(gaussian_fit(20_000), prior="provabgs", min_ess=100)
    assert weighted.prior.sfh == "provabgs"
    theta = sedflow.Prior().sample(400_000, seed=1)
    flux = linear.LinearModel().photometry(theta, 0.05)
    log_w = sedflow.Prior("provabgs").log_prob(theta) - sedflow.Prior().log_prob(theta)
    log_w -= 0.5 * np.square((flux - galaxy.flux) / galaxy.sigma).sum(-1)
    brute = np.exp(log_w - log_w.max())
    brute /= brute.sum()
    ess = 1 / np.square(brute).sum()
    mean, spread = brute @ theta[:, 1], np.sqrt(brute @ (theta[:, 1] - brute @ theta[:, 1]) ** 2)
    got = weighted.draws.weights @ weighted.draws["beta1"]
    error = spread * np.hypot(ess**-0.5, weighted.draws.importance.ess**-0.5)
    assert abs(got - mean) < 4 * error
    plain = gaussian_fit(20_000).draws["beta1"].mean()
    assert abs(mean - plain) > 4 * error  # or the test would say nothing


def test_too_few_effective_draws_are_refused_with_the_remedy(posterior, nsa):
    fit = sedflow.fit(nsa.photometry(72), posterior, n=300, seed=1)
    reweight(fit)
    with pytest.raises(TooFewEffectiveDraws, match=r"needed are 290.*Make more draws"):
        reweight(fit, min_ess=290)
    with pytest.raises(TooFewEffectiveDraws, match="for 2 of 2 galaxies"):
        reweight(sedflow.fit(nsa.photometry(nsa.ids[:2]), posterior, n=300, seed=1), min_ess=299)


def test_weights_that_are_all_nothing_say_so():
    weights, figures = smooth(np.full(100, -np.inf))
    assert figures.ess == 0
    assert not figures.good(1)
    assert np.isfinite(weights).all()
    _, figures = smooth(np.concatenate([np.full(50, -np.inf), np.zeros(50)]))
    assert figures.ess == pytest.approx(50, rel=0.05)


def test_the_evidence_of_a_real_galaxy_does_not_depend_on_the_draws(posterior, nsa):
    fit = reweight(sedflow.fit(nsa.photometry(72), posterior, n=4000, seed=1))
    half = reweight(sedflow.fit(nsa.photometry(72), posterior, n=4000, seed=2))
    figures, other = fit.draws.importance, half.draws.importance
    error = np.hypot(figures.log_evidence_error, other.log_evidence_error)
    assert abs(figures.log_evidence - other.log_evidence) < 4 * error
    assert figures.k_hat < 0.7
    assert 0 < figures.gap < 2

"""Exact weights: against a posterior known exactly, and on networks made wrong on purpose."""

from dataclasses import replace

import linear
import numpy as np
import pytest

import sedflow
from sedflow.draws import weighted_quantile
from sedflow.errors import SedflowError
from sedflow.sampling.importance import smooth
from sedflow.sampling.pareto import pareto_smoothed
from sedflow.sampling.reweighting import TooFewEffectiveDraws, reweight
from sedflow.sampling.stretched import Stretched
from sedflow.trust_limits import Convergence


def gaussian_fit(n=4000, galaxy=None, seed=3, **wrong):
    galaxy = linear.galaxy() if galaxy is None else galaxy
    sampler = linear.GaussianSampler(**wrong)
    return sedflow.fit(galaxy, sampler, n=n, seed=seed, model=linear.LinearModel(), trust=None)


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
    return replace(done, draws=replace(done.draws, weights=equal))


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
    weighted = reweight(gaussian_fit(20_000), prior="provabgs", min_ess=0)
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


def test_a_ratio_of_priors_with_a_heavy_tail_is_never_trusted(posterior, nsa):
    """Of one r band k-hat of the whole passes, and beta1's quantiles are several errors off."""
    galaxy = nsa.photometry(72).select("r")
    fit = sedflow.fit(galaxy, posterior, n=20_000, seed=2, trust=None)
    taken = reweight(fit, "provabgs", min_ess=0)
    assert taken.draws.importance.k_hat >= 0.7
    assert taken.quality == "approximate"
    with pytest.raises(SedflowError, match="is not a packaged network"):
        reweight(gaussian_fit(20_000), "provabgs")


def test_new_draws_are_made_where_the_ratio_of_priors_has_a_heavy_tail(posterior, nsa):
    """Against Monte Carlo under that prior; in plain weights beta1 was 0.2 sigma off."""
    galaxy = nsa.photometry(19254)
    fit = sedflow.fit(galaxy, posterior, n=2000, seed=1, trust=None)
    new = reweight(fit, "provabgs")
    assert (new.prior.sfh, new.draws.n) == ("provabgs", 2000)
    assert new.verdict.exact
    assert new.verdict.ess >= 1000
    # Of 60,000 draws, and of MCMCSampler(prior="provabgs"), to their errors.
    assert new.verdict.log_evidence == pytest.approx(-30.73, abs=0.1)
    np.testing.assert_allclose(new.quantile("beta1", [16, 50, 84]), [0.21, 0.48, 0.81], atol=0.05)


def test_the_tail_of_a_ratio_of_priors_is_as_computed():
    """Among draws of the prior below, the ratio exceeds w as often as w^(-1 / index) says."""
    flat, published = sedflow.Prior(), sedflow.Prior("provabgs")
    assert flat.tail_index(published) == published.tail_index(published) == 0
    theta = flat.sample(1_000_000, seed=1)
    ratio = np.exp(published.log_prob(theta) - flat.log_prob(theta))
    far = np.quantile(ratio, [0.99, 0.9999])
    slope = np.log(far[1] / far[0]) / np.log(100)
    assert slope == pytest.approx(published.tail_index(flat), abs=0.05)


def test_a_stretched_prior_is_normalised_and_bounds_the_ratio():
    flat, published = sedflow.Prior(), sedflow.Prior("provabgs")
    between = Stretched(flat, published)
    drawn = between.sample(400_000, seed=2)
    np.testing.assert_allclose(between.from_unit(between.to_unit(drawn)), drawn, atol=1e-9)
    for prior in (flat, published):
        ratio = np.exp(prior.log_prob(drawn) - between.log_prob(drawn))
        assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert ratio.max() < 1.01 * 0.02 ** (-2 / 3 - 1 / 2)


def test_a_fit_under_another_prior_needs_draws_made_for_it(posterior, galaxy):
    with pytest.raises(SedflowError, match="trust=None hands out draws"):
        sedflow.fit(galaxy, posterior, prior="provabgs", trust=None)
    with pytest.raises(SedflowError, match=r"give MCMCSampler\(prior='provabgs'\)"):
        sedflow.fit(galaxy, sedflow.MCMCSampler(), prior="provabgs")


@pytest.mark.parametrize("seed", range(3))
def test_a_ratio_of_priors_that_is_bounded_passes_and_is_right(seed):
    """From the published prior to the flat one; against draws of the prior and the likelihood."""
    published = sedflow.Prior("provabgs")
    sampler, model = linear.GaussianSampler(prior=published), linear.LinearModel(published)
    galaxy = linear.galaxy()
    fit = sedflow.fit(galaxy, sampler, n=4000, seed=seed, model=model, trust=None)
    weighted = reweight(fit, "flat")
    theta = sedflow.Prior().sample(400_000, seed=1)
    chi2 = np.square((model.photometry(theta, 0.05) - galaxy.flux) / galaxy.sigma).sum(-1)
    brute = np.exp(-0.5 * (chi2 - chi2.min()))
    brute /= brute.sum()
    ess = [1 / np.square(brute).sum(), float(weighted.draws.importance.ess)]
    for q in (0.16, 0.5, 0.84):
        at = weighted_quantile(theta[:, 1], q, brute)
        got = weighted.draws.weights[weighted.draws["beta1"] <= at].sum()
        assert abs(got - q) < 4 * np.sqrt(q * (1 - q) * (1 / ess[0] + 1 / ess[1]))


def test_too_few_effective_draws_are_refused_with_the_remedy(posterior, nsa):
    fit = sedflow.fit(nsa.photometry(72), posterior, n=300, seed=1, trust=None)
    with pytest.raises(TooFewEffectiveDraws, match=r"needed are 400.*Make more draws"):
        reweight(fit)  # of 300 draws, there can be no 400
    reweight(fit, min_ess=200)
    with pytest.raises(TooFewEffectiveDraws, match=r"needed are 290.*Make more draws"):
        reweight(fit, min_ess=290)
    with pytest.raises(TooFewEffectiveDraws, match="for 2 of 2 galaxies"):
        reweight(
            sedflow.fit(nsa.photometry(nsa.ids[:2]), posterior, n=300, seed=1, trust=None),
            min_ess=299,
        )


@pytest.mark.parametrize("prior", [None, "provabgs"])
def test_draws_of_a_failed_fit_do_not_pass_as_exact(posterior, nsa, prior):
    """Resampled draws have no density; they were not made from the posterior, though."""
    failed = sedflow.fit(nsa.photometry(15207), posterior, n=300, seed=1, trust="weights")
    assert not failed.verdict.exact
    assert np.isnan(failed.draws.log_density).all()
    told = r"verdict is not exact.*Fit again" if prior is None else "new ones do not pass"
    with pytest.raises(TooFewEffectiveDraws, match=told):
        reweight(failed, prior)
    taken = reweight(failed, prior, min_ess=0).draws.importance
    assert not taken.good(0)
    assert (taken.ess, taken.k_hat) == (0, np.inf)
    if prior is None:
        with pytest.raises(TooFewEffectiveDraws, match="follow the posterior"):
            reweight(replace(failed, verdict=None))  # the figures of the draws say it too


def test_chains_that_did_not_converge_do_not_pass_as_exact():
    unknown = replace(gaussian_fit(), draws=replace(gaussian_fit().draws, log_density=None))
    good = np.full(12, 1000.0)

    def of_chains(r_hat):
        chains = Convergence(np.full(12, r_hat), good, good, *np.ones((5, 1)))
        return replace(unknown, draws=replace(unknown.draws, convergence=chains))

    assert reweight(of_chains(1.0)).draws.importance.k_hat == 0
    stuck = of_chains(1.2)
    with pytest.raises(TooFewEffectiveDraws, match="chains did not converge"):
        reweight(stuck)
    assert not reweight(stuck, min_ess=0).draws.importance.good(0)


def test_weighted_draws_of_unknown_density_are_not_weighted_twice():
    """Of weighted draws the prior is not what they were made from."""
    exact = gaussian_fit(20_000)
    for density in (None, np.full(20_000, np.nan)):
        mcmc = replace(exact, draws=replace(exact.draws, log_density=density))
        with pytest.raises(SedflowError, match="not the density"):
            reweight(reweight(mcmc, "provabgs", min_ess=0), "flat")


@pytest.mark.parametrize("n", [2, 24, 30, 250, 1000])
@pytest.mark.parametrize("spread", [1e-3, 0.5, 3.0, 100.0])
def test_smoothed_weights_are_those_of_arviz(n, spread):
    from arviz import psislw

    rng = np.random.default_rng(n)
    for log_weight in (
        spread * rng.standard_normal(n),
        spread * np.maximum(rng.standard_t(2, n), -100),
        np.round(spread * rng.standard_normal(n), 1) + 1e-3 * rng.random(n),  # nearly ties
    ):
        smoothed, k_hat = pareto_smoothed(log_weight)
        with np.errstate(over="ignore"):
            expected, expected_k = psislw(log_weight)
        np.testing.assert_allclose(smoothed, expected, rtol=0, atol=1e-9)
        np.testing.assert_allclose(k_hat, expected_k, rtol=1e-9, atol=1e-9)


def test_k_hat_is_the_shape_of_the_tail():
    """Weights u^-k of uniform u have a tail of shape k."""
    log_u = np.log(np.random.default_rng(1).random(1_000_000))
    for k in (0.3, 0.7, 1.2):
        assert pareto_smoothed(-k * log_u)[1] == pytest.approx(k, abs=0.12)


def test_weights_that_are_all_nothing_say_so():
    weights, figures = smooth(np.full(100, -np.inf))
    assert figures.ess == 0
    assert not figures.good(1)
    assert np.isfinite(weights).all()
    _, figures = smooth(np.concatenate([np.full(50, -np.inf), np.zeros(50)]))
    assert figures.ess == pytest.approx(50, rel=0.05)


def test_weights_within_their_rounding_are_none():
    rng = np.random.default_rng(1)
    log_weight = 0.1 * rng.standard_normal(500)
    _, near = smooth(log_weight, terms=-1e6 * np.ones(500))
    assert near.good(400)
    # Of a difference of numbers whose last digit is worth 16.
    weights, far = smooth(log_weight, terms=-1e17 * np.ones(500))
    assert far.ess == 0
    assert not far.good(1)
    np.testing.assert_allclose(weights, 1 / 500)
    # Of numbers that large themselves, all of which tie.
    assert not smooth(-1e26 + log_weight)[1].good(1)


def test_one_draw_is_not_known_to_be_exact():
    assert not smooth(np.zeros(1))[1].good(0.1)
    assert smooth(np.zeros(50))[1].good(49)


def test_the_evidence_of_a_real_galaxy_does_not_depend_on_the_draws(posterior, nsa):
    fit = reweight(sedflow.fit(nsa.photometry(72), posterior, n=4000, seed=1, trust=None))
    half = reweight(sedflow.fit(nsa.photometry(72), posterior, n=4000, seed=2, trust=None))
    figures, other = fit.draws.importance, half.draws.importance
    error = np.hypot(figures.log_evidence_error, other.log_evidence_error)
    assert abs(figures.log_evidence - other.log_evidence) < 4 * error
    assert figures.k_hat < 0.7
    assert 0 < figures.gap < 2


def test_draws_that_come_more_than_once_do_not_count_as_many(nsa, posterior):
    """Copies of resampled draws passed for independent ones: 1,096 effective became 4,000."""
    fit = sedflow.fit(nsa[3549], posterior, n=4000, seed=1, trust="proposals")
    assert (
        fit.quality == "exact (adapted weights)" and len(np.unique(fit.draws["log_mstar"])) < 3900
    )
    again = reweight(fit).draws.importance
    assert again.ess == pytest.approx(min(float(fit.verdict.ess), 4000))
    assert again.k_hat == pytest.approx(float(fit.verdict.k_hat))
    gone = reweight(fit.weighted(fit.draws, fit.prior)).draws.importance  # without its verdict
    assert gone.ess == pytest.approx(float(again.ess))

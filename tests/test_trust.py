"""The ladder: each rung is reached by the galaxies that need it, and says why."""

import linear
import numpy as np
import pytest

import sedflow
from sedflow.convergence import Convergence
from sedflow.draws import Draws
from sedflow.trust import VERDICTS


class Chains:
    """An exact sampler that calls itself converged, or not."""

    def __init__(self, r_hat=1.0):
        self.r_hat = r_hat

    def sample(self, galaxy, n=10_000, seed=None):
        draws = linear.GaussianSampler().sample(galaxy, n, seed)
        full, one = np.full((*galaxy.shape, 12), 1.0), np.ones(galaxy.shape)
        figures = Convergence(self.r_hat * full, 900 * full, 900 * full, one, one, one, -one, one)
        return Draws(draws.theta, convergence=figures)


def climb(galaxy, n=1000, mcmc=None, trust="auto", **wrong):
    return sedflow.fit(
        galaxy, linear.GaussianSampler(**wrong), n=n, seed=1, model=linear.LinearModel(),
        trust=trust, mcmc=mcmc or Chains(),
    )  # fmt: skip


def test_an_exact_network_stays_on_the_first_rung():
    fit = climb(linear.galaxy())
    assert fit.verdict.kind == "amortized"
    assert "k-hat" in str(fit.verdict)
    assert fit.verdict.figures()["share"] > 0.99
    assert np.isnan(fit.verdict.r_hat)


def test_a_network_that_is_wrong_goes_on_to_mcmc():
    fit = climb(linear.galaxy(), shift=8.0)
    assert fit.verdict.kind == "mcmc"
    assert fit.verdict.k_hat > 0.7
    mean, covariance, _ = linear.exact(fit.photometry)
    x = fit.prior.to_unbounded(fit.draws.theta)
    error = (x.mean(0) - mean) / np.sqrt(np.diag(covariance))
    assert np.abs(error).max() < 0.15
    assert fit.verdict.seconds.shape == (3,)


def test_chains_that_do_not_converge_fail_with_their_figures():
    fit = climb(linear.galaxy(), mcmc=Chains(r_hat=1.3), shift=8.0)
    assert fit.verdict.kind == "failed"
    assert "R-hat 1.300" in fit.verdict.reason
    assert np.isfinite(fit.draws.theta).all()


@pytest.mark.parametrize("trust", ["weights", "proposals"])
def test_a_shorter_ladder_says_what_it_left_undone(trust):
    assert climb(linear.galaxy(), trust=trust).verdict.kind == "amortized"
    fit = climb(linear.galaxy(), trust=trust, shift=8.0)
    assert fit.verdict.kind == "failed"
    assert "The weights do not hold" in fit.verdict.reason
    assert ("proposals that learned do not" in fit.verdict.reason) == (trust == "proposals")
    assert fit.draws.theta.shape == (1000, 12)
    assert np.isfinite(fit.draws.theta).all()


def test_a_batch_has_one_verdict_for_each_galaxy_and_loses_none():
    galaxies = linear.galaxy(4)
    fit = climb(galaxies)
    assert fit.draws.importance.ess.shape == (4,)
    assert fit[2].draws.importance.ess > 900
    assert fit.verdict.kind.shape == (4,)
    assert sum(fit.verdict.counts().values()) == 4
    assert set(fit.verdict.counts()) == set(VERDICTS)
    alone = climb(galaxies[2])
    np.testing.assert_array_equal(fit[2].draws.theta, alone.draws.theta)
    assert fit[2].verdict.reason == alone.verdict.reason


def test_a_galaxy_that_cannot_be_fitted_is_a_row_with_its_reason(posterior, nsa, galaxy):
    far = sedflow.Photometry(
        np.stack([galaxy.flux] * 2), np.stack([galaxy.sigma] * 2), [galaxy.redshift, 0.9]
    )
    fit = sedflow.fit(far, posterior, n=1000, seed=1, trust="auto")
    assert fit.verdict.kind.tolist() == ["amortized", "failed"]
    assert "0.9" in fit.verdict.reason[1]
    assert np.isfinite(fit.derived["age_mw"][0]).all()
    assert np.isnan(fit.derived["age_mw"][1]).all()
    assert np.isnan(fit.history.sfr[1]).all()
    assert np.isnan(fit.predicted.chi2[1]).all()
    assert list(fit.summary()["verdict"]) == ["amortized", "failed"]


def test_the_packaged_network_is_amortized_where_it_should_be(posterior, nsa):
    fit = sedflow.fit(nsa.photometry(72), posterior, n=2000, seed=1, trust="auto")
    assert fit.verdict.kind == "amortized"
    assert fit.verdict.inside
    assert fit.verdict.p_value > 0.01
    again = sedflow.fit(nsa.photometry(72), posterior, n=2000, seed=1, trust="auto")
    np.testing.assert_array_equal(fit.draws.theta, again.draws.theta)


@pytest.mark.slow
def test_data_that_no_model_reaches_are_warned_of(posterior, galaxy):
    odd = sedflow.Photometry(galaxy.flux * [1, 1, 2, 1, 1], galaxy.sigma, galaxy.redshift)
    fit = sedflow.fit(odd, posterior, n=1000, seed=1, trust="auto", mcmc=_Never())
    assert not fit.verdict.inside
    assert fit.verdict.kind != "amortized"
    assert "r" in str(posterior.check(odd))


class _Never:
    def sample(self, galaxy, n, seed):
        raise sedflow.SedflowError("no MCMC in this test")


def test_an_unknown_degree_of_trust_is_refused(posterior, galaxy):
    with pytest.raises(sedflow.SedflowError, match="trust = 'full' is unknown"):
        sedflow.fit(galaxy, posterior, trust="full")


def test_the_predictive_check_is_uniform_for_data_the_model_made():
    """Of data drawn from the model itself, p-values are spread, and bands treated alike."""
    galaxies = linear.galaxy(60, seed=8)
    fit = sedflow.fit(galaxies, linear.GaussianSampler(), n=400, seed=1, model=linear.LinearModel())
    p = fit.predicted.p_value
    assert 0.3 < p.mean() < 0.8
    assert (p < 1e-3).mean() < 0.05
    assert fit.predicted.band_p_value.shape == (60, 5)
    replicated = fit.predicted.replicated(seed=1)
    scatter = (replicated - fit.predicted.flux) / galaxies.sigma[:, None]
    assert scatter.std() == pytest.approx(1, abs=0.02)
    off = sedflow.Photometry(
        galaxies.flux + np.array([0, 0, 5, 0, 0]), galaxies.sigma, galaxies.redshift
    )
    wrong = sedflow.fitting.Predicted(fit.predicted.flux, off)
    assert wrong.p_value.max() < 1e-6
    assert (wrong.band_p_value.argmin(-1) == 2).mean() > 0.9

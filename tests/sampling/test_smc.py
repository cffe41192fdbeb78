"""Tempered populations against posteriors known exactly."""

import threading
import time
import warnings

import linear
import numpy as np
import pytest

import sedflow
from sedflow.errors import Cancelled
from sedflow.sampling.convergence import diagnose
from sedflow.sampling.mcmc import MCMCSampler
from sedflow.sampling.smc import tempered_populations
from sedflow.trust_limits import NotConverged


class TwoModes:
    """Two narrow Gaussians of unequal weight under a standard normal prior."""

    n_dim = 4
    centers = np.array([[1.5, 0, 0, 0], [-1.5, 0, 0, 0]])
    shares = np.array([0.7, 0.3])
    sigma = 0.05

    def start(self, n, rng):
        return rng.standard_normal((n, self.n_dim))

    def tilt(self, x):
        return np.zeros(len(x)), np.zeros_like(x)

    def _parts(self, x):
        off = np.square(x[:, None] - self.centers).sum(-1)
        return -0.5 * off / np.square(self.sigma) + np.log(self.shares)

    def log_likelihood(self, x):
        return np.logaddexp.reduce(self._parts(x), axis=-1)

    def slope(self, x):
        parts = self._parts(x)
        share = np.exp(parts - np.logaddexp.reduce(parts, axis=-1)[:, None])
        pull = -(x[:, None] - self.centers) / np.broadcast_to(self.sigma, 2)[:, None] ** 2
        return (share[..., None] * pull).sum(1)

    def log_evidence(self):
        s2 = self.sigma**2
        log_norm = 0.5 * self.n_dim * np.log(s2 / (1 + s2))
        return log_norm - 0.5 * 1.5**2 / (1 + s2)  # the same for both modes


def test_modes_are_found_and_weighed_and_the_evidence_is_right():
    target = TwoModes()
    out = tempered_populations(target, 150, 8000, np.random.default_rng(1))
    assert (out.x[..., 0] > 0).mean() == pytest.approx(0.7, abs=0.06)
    assert out.log_evidence.mean() == pytest.approx(target.log_evidence(), abs=0.15)
    mode = out.x[out.x[..., 0] > 0]
    s2 = target.sigma**2
    np.testing.assert_allclose(mode.mean(0), target.centers[0] / (1 + s2), atol=0.01)
    np.testing.assert_allclose(mode.std(0), np.sqrt(s2 / (1 + s2)), rtol=0.1)


class RareMode(TwoModes):
    """Most of the posterior in a corner with 2e-4 of the prior, but a share of the reference."""

    centers = np.array([[0.5, 0, 0, 0], [-3.5, 0, 0, 0]])
    sigma = np.array([0.4, 0.15])
    shares = np.array([1.0, 2e5])

    def start(self, n, rng):
        x = super().start(n, rng)
        x[:, 0] -= np.where(rng.random(n) < 0.5, 2.5, 0.0)
        return x

    def tilt(self, x):
        moved = -2.5 * (x[:, 0] + 1.25)
        log_ratio = np.logaddexp(0, moved) - np.log(2)
        slope = np.zeros_like(x)
        slope[:, 0] = -2.5 * np.exp(moved - np.logaddexp(0, moved))
        return log_ratio, slope

    def log_evidences(self):
        s2 = self.sigma**2
        log_norm = 0.5 * self.n_dim * np.log(s2 / (1 + s2))
        return np.log(self.shares) + log_norm - 0.5 * self.centers[:, 0] ** 2 / (1 + s2)


def test_a_mode_in_a_corner_of_the_prior_is_kept_where_the_reference_has_it():
    target = RareMode()
    both = np.logaddexp.reduce(target.log_evidences())
    share = np.exp(target.log_evidences()[1] - both)
    assert 0.9 < share < 0.95
    out = tempered_populations(target, 200, 8000, np.random.default_rng(1))
    # Every population by itself: from the prior they have 0.5, 0.9, 0.9 and 1.
    np.testing.assert_allclose((out.x[..., 0] < -2).mean(1), share, atol=0.07)
    np.testing.assert_allclose(out.log_evidence, both, atol=0.5)


def test_a_posterior_out_of_reach_ends_in_a_sentence(monkeypatch):
    monkeypatch.setattr("sedflow.sampling.smc._MOST", 3)
    with pytest.raises(sedflow.SedflowError, match="out of reach of MCMC: after 3 temperatures"):
        tempered_populations(TwoModes(), 150, 8000, np.random.default_rng(1))


@pytest.mark.slow
def test_without_data_the_prior_is_recovered(model, galaxy):
    blank = sedflow.Photometry(np.zeros(5), np.full(5, 1e7), 0.05)
    draws = MCMCSampler(model=model).sample(blank, n=6000, seed=1)
    assert draws.convergence.converged
    u = sedflow.Prior().to_unit(draws.theta)
    for column in u.T:
        assert np.abs(np.quantile(column, [0.16, 0.5, 0.84]) - [0.16, 0.5, 0.84]).max() < 0.04
    assert draws.convergence.log_evidence == pytest.approx(
        -5 * np.log(1e7 * np.sqrt(2 * np.pi)), abs=0.01
    )


def run(method, **options):
    return MCMCSampler(method, model=linear.LinearModel(), **options)


@pytest.mark.parametrize("method", ["emcee", "zeus"])
@pytest.mark.slow
def test_the_ensembles_reach_a_gaussian(method):
    one = linear.galaxy()
    steps = 3000 if method == "emcee" else 600
    sampler = run(method, steps=steps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConverged)
        draws = sampler.sample(one, n=4000, seed=1)
        again = sampler.sample(one, n=4000, seed=1)
    np.testing.assert_array_equal(draws.theta, again.theta)
    mean, covariance, _ = linear.exact(one)
    x = sedflow.Prior().to_unbounded(draws.theta)
    error = (x.mean(0) - mean) / np.sqrt(np.diag(covariance))
    assert np.abs(error).max() < 0.35
    assert draws.convergence.r_hat.shape == (12,)


def test_a_run_too_short_says_so_with_its_figures():
    with pytest.warns(NotConverged, match="did not converge: R-hat") as caught:
        draws = run("emcee", steps=50).sample(linear.galaxy(), n=500, seed=1)
    assert not draws.convergence.converged
    assert caught[0].message.convergence.r_hat.max() > 1.01
    assert draws.theta.shape == (500, 12)


def test_stuck_chains_are_seen():
    """Chains that each sit in a place of their own have fine autocorrelation, and bad R-hat."""
    rng = np.random.default_rng(1)
    stuck = rng.standard_normal((8, 500, 2)) * 0.1 + rng.standard_normal((8, 1, 2))
    free = rng.standard_normal((8, 500, 2))
    assert diagnose(stuck)[0].min() > 1.5
    assert diagnose(free)[0].max() < 1.01
    assert diagnose(free)[1].min() > 3000


@pytest.mark.slow
def test_a_run_ends_soon_after_it_is_cancelled(model, nsa):
    stop, told = threading.Event(), []

    def progress(share, text):
        told.append((share, time.process_time()))
        stop.set()

    sampler = MCMCSampler(model=model, progress=progress, cancel=stop)
    with pytest.raises(Cancelled, match="cancelled"):
        sampler.sample(nsa.photometry(72), n=10_000, seed=1)
    assert time.process_time() - told[0][1] < 0.5
    assert 0 <= told[0][0] <= 1


def test_unknown_methods_are_refused():
    with pytest.raises(sedflow.SedflowError, match="method = 'nuts' is unknown"):
        MCMCSampler("nuts")
    with pytest.raises(sedflow.SedflowError, match="steps = -1"):
        MCMCSampler("emcee", steps=-1)


def test_a_redshift_beyond_the_model_is_refused(galaxy):
    far = sedflow.Photometry(galaxy.flux, galaxy.sigma, 0.9)
    with pytest.raises(sedflow.SedflowError, match=r"redshift 0\.9 is beyond 0\..*another grid"):
        MCMCSampler().sample(far, n=10)


@pytest.mark.slow
def test_mcmc_and_exact_weights_agree_on_a_real_galaxy(posterior, nsa):
    """Two ways to the same posterior that share nothing but the likelihood."""
    one = nsa.photometry(145955)
    exact = sedflow.fit(one, posterior, n=20_000, seed=1, trust="auto")
    sampler = MCMCSampler()
    draws = sampler.sample(one, n=8000, seed=1)
    figures = draws.convergence
    assert figures.converged
    error = np.hypot(figures.log_evidence_error, exact.verdict.log_evidence_error)
    assert abs(figures.log_evidence - exact.verdict.log_evidence) < 4 * error + 0.02
    for name in ("log_mstar", "tau_ism", "beta1", "log_gamma1", "t_burst"):
        a = np.quantile(draws[name], [0.16, 0.5, 0.84])
        b = exact.draws.quantile(exact.draws[name], [0.16, 0.5, 0.84])
        assert np.abs(a - b).max() < 0.12 * (a[2] - a[0])
    np.testing.assert_array_equal(draws.theta, sampler.sample(one, n=8000, seed=1).theta)

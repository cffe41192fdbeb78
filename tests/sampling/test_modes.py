"""The best mode of a posterior, and ensembles that begin in another one."""

import warnings

import linear
import numpy as np
import pytest

import sedflow
from sedflow.parameters import N_FREE
from sedflow.sampling.mcmc import MCMCSampler, _PlainTarget
from sedflow.sampling.modes import best_mode
from sedflow.trust_limits import NotConverged


class TwoModes(linear.LinearModel):
    """Fluxes linear in x, but the first: of it the data know x[0] = 2, or -2, and -2 fits worse."""

    def photometry(self, theta, redshift, bands=linear.BANDS, method="fast"):
        x = self.prior.to_unbounded(theta)
        flux = 100 + x @ linear.SLOPE
        flux[..., 0] = 100 + np.where(
            x[:, 0] > 0, 6 * (x[:, 0] - 2), np.hypot(6 * (x[:, 0] + 2), 8)
        )
        return flux


class Start:
    """Draws in one of the modes."""

    def __init__(self, at):
        self.at = at

    def sample(self, galaxy, n, seed):
        x = np.random.default_rng(seed).standard_normal((n, N_FREE))
        x[:, 0] = self.at + 0.1 * x[:, 0]
        return sedflow.Draws(sedflow.Prior().from_unbounded(x))


def test_the_best_mode_of_a_gaussian_is_its_mean():
    galaxy = linear.galaxy()
    model = linear.LinearModel()
    target = _PlainTarget(model, model.prior, galaxy, None)
    mean, covariance, _ = linear.exact(galaxy)
    mode = best_mode(target, np.random.default_rng(1))
    np.testing.assert_allclose(mode.x, mean, atol=1e-3)
    np.testing.assert_allclose(mode.root @ mode.root.T, covariance, atol=1e-3)
    assert mode.log_posterior == pytest.approx(target.log_posterior(mean)[0], abs=1e-6)


@pytest.mark.parametrize("method", ["emcee", pytest.param("zeus", marks=pytest.mark.slow)])
def test_an_ensemble_that_has_missed_the_best_mode_begins_again_there(method, monkeypatch):
    """Its walkers agreed, and the verdict was that they had converged."""
    monkeypatch.setattr("sedflow.trust_limits.R_HAT_MAX", 10.0)  # as after many more steps
    monkeypatch.setattr("sedflow.trust_limits.ESS_MIN", 0.0)
    galaxy = sedflow.Photometry(np.full(5, 100.0), np.full(5, 0.5), 0.05)
    for at in (2, -2):
        told = []
        sampler = MCMCSampler(
            method,
            model=TwoModes(),
            start=Start(at),
            steps=200,
            progress=lambda share, text, told=told: told.append("again" in text),
        )
        draws = sampler.sample(galaxy, n=500, seed=1)
        assert (sampler.prior.to_unbounded(draws.theta)[:, 0] > 0).all()
        assert any(told) == (at == -2)


@pytest.mark.heavy
def test_an_ensemble_comes_to_the_mode_that_tempered_populations_find(nsa):
    """No model describes this galaxy, and with this seed its ensemble converged 1.5 dex away."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConverged)
        draws = MCMCSampler("emcee").sample(nsa.photometry(119963), n=1000, seed=209_459)
    assert np.median(draws["log_mstar"]) == pytest.approx(8.33, abs=0.05)

"""Adaptive importance sampling: proposals as narrow as a mode, scouts that are covered, and draws
that no proposal was fitted to."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import sedflow
from sedflow.model.simulation import RECENT
from sedflow.parameters import FREE_NAMES, N_FREE, NAMES
from sedflow.sampling import adaptive
from sedflow.sampling.adaptive import _Placing, adapt
from sedflow.sampling.mcmc import explore
from sedflow.sampling.proposal import Proposal

MASS, T_BURST = FREE_NAMES.index("log_mstar"), FREE_NAMES.index("t_burst")


def test_a_proposal_is_as_narrow_as_the_modes_and_has_the_prior_around_them():
    """Two modes a hundredth of the prior wide, three of its widths apart."""
    rng = np.random.default_rng(1)
    centre = np.where(rng.random(4000) < 0.5, -2.0, 1.0)[:, None]
    points = centre + 0.01 * rng.standard_normal((4000, N_FREE))
    proposal = Proposal(points, np.ones(4000), rng)
    drawn = proposal.sample(20_000, rng)
    # Of the mass nothing is learned.
    mass = drawn[:, MASS]
    assert abs(mass.mean()) < 0.03 and mass.std() == pytest.approx(1, abs=0.03)
    shape = np.delete(drawn, MASS, axis=1)
    off = np.stack([np.abs(shape - mode).max(-1) for mode in (-2.0, 1.0)])
    for k in (0, 1):
        assert 0.2 < (off[k] < 0.05).mean() < 0.5
    assert (off.min(0) > 0.5).mean() > 0.05
    # The density is that of the draws: others that it covers integrate to one.
    usual, width = np.zeros(N_FREE), np.ones(N_FREE)
    recent = usual + np.where(np.arange(N_FREE) == T_BURST, RECENT, 0)
    mode = np.where(np.arange(N_FREE) == MASS, 0, -2.0)
    narrow = np.where(np.arange(N_FREE) == MASS, 1.0, 0.01**2)
    for mean, cov in ((usual, width), (recent, width), (mode, narrow)):
        log_ratio = multivariate_normal(mean, cov).logpdf(drawn) - proposal.log_prob(drawn)
        assert np.exp(log_ratio).max() < 21
        assert np.exp(log_ratio).mean() == pytest.approx(1, abs=0.1)


class HalfProposal(Proposal):
    """A proposal that never goes where n_dust is above its median."""

    end = 0.0

    def sample(self, n, rng):
        drawn = super().sample(4 * n + 1000, rng)
        return drawn[drawn[:, -1] < self.end][:n]

    def log_prob(self, u):
        return np.where(u[:, -1] < self.end, super().log_prob(u), -np.inf)


class HalfNetwork:
    """A network that does not, either."""

    def __init__(self, network, end):
        self.network, self.end = network, end

    def sample(self, galaxy, n, seed):
        draws = self.network.sample(galaxy, n=4 * n, seed=seed)
        rows = np.flatnonzero(draws.theta[:, NAMES.index("n_dust")] < self.end)[:n]
        return replace(
            draws, theta=draws.theta[rows], log_density=draws.log_density[rows], flux=None
        )

    def log_prob(self, theta, galaxy):
        held = theta[:, NAMES.index("n_dust")] < self.end
        return np.where(held, self.network.log_prob(theta, galaxy), -np.inf)


@pytest.mark.slow
@pytest.mark.parametrize("half", [False, True])
def test_scouts_tell_what_k_hat_cannot_see(posterior, nsa, monkeypatch, half):
    """Where no draw comes to half of the posterior the weights pass, and the scouts do not."""
    galaxy, model, prior = nsa.photometry(72), posterior.model, sedflow.Prior()
    draws, network = posterior.sample(galaxy, n=2000, seed=1), posterior
    scouts, _ = explore(galaxy, model, prior, 1)
    if half:
        n_dust, u = scouts[:, NAMES.index("n_dust")], place(posterior, galaxy).points(scouts).u
        assert (np.argsort(n_dust) == np.argsort(u[:, -1])).all()
        HalfProposal.end, network = np.median(u[:, -1]), HalfNetwork(posterior, np.median(n_dust))
        rows = draws.theta[:, NAMES.index("n_dust")] < network.end
        names = ("theta", "log_density", "flux")
        draws = replace(draws, **{name: getattr(draws, name)[rows] for name in names})
        monkeypatch.setattr(adaptive, "Proposal", HalfProposal)
        monkeypatch.setattr(adaptive, "_ROUNDS", 3)
    found, sound = adapt(network, galaxy, model, prior, draws, 1, scouts)
    assert found.importance.good() and sound != half


@pytest.mark.slow
def test_draws_that_taught_the_proposals_are_not_counted(posterior):
    """Weights of draws to which the proposals were fitted gave an evidence too low by 0.23.

    A mock of g, r, J, H with S/N 60. By 3,000,000 draws of the prior, the mass integrated, its
    log evidence is -29.64 +- 0.02, and 18.3 % of the posterior have had a burst within 1 Gyr.
    """
    flux = np.array([350.854, 742.477, 1925.647, 2142.586])
    sigma = np.array([5.70889, 12.4825, 31.28524, 34.80658])
    galaxy = sedflow.Photometry(flux, sigma, 0.06, ("g", "r", "J", "H"))
    model, prior = posterior.model, sedflow.Prior()
    draws = posterior.sample(galaxy, n=8000, seed=1)
    scouts, _ = explore(galaxy, model, prior, 1)
    found, sound = adapt(posterior, galaxy, model, prior, draws, 1, scouts)
    assert sound
    assert found.importance.log_evidence == pytest.approx(-29.64, abs=0.13)
    assert found.weights @ (found["t_burst"] < 1) == pytest.approx(0.183, abs=0.06)


def place(posterior, galaxy):
    return _Placing(posterior, galaxy, posterior.model, sedflow.Prior())

"""Adaptive importance sampling: proposals as narrow as a mode, and scouts that are covered."""

from dataclasses import replace

import numpy as np
import pytest

import sedflow
from sedflow.parameters import NAMES
from sedflow.sampling import adaptive
from sedflow.sampling.adaptive import _Placing, _Proposal, adapt
from sedflow.sampling.mcmc import explore


def test_a_proposal_is_as_narrow_as_the_modes_and_has_the_prior_around_them():
    """Two modes a hundredth of the prior wide, three of its widths apart."""
    rng = np.random.default_rng(1)
    centre = np.where(rng.random(4000) < 0.5, -2.0, 1.0)[:, None]
    points = centre + 0.01 * rng.standard_normal((4000, 3))
    proposal = _Proposal(points, np.ones(4000), rng)
    drawn = proposal.sample(20_000, rng)
    off = np.abs(drawn[:, None] - np.array([[-2.0] * 3, [1.0] * 3])).max(-1)
    for k in (0, 1):
        assert 0.2 < (off[:, k] < 0.05).mean() < 0.5
    assert (off.min(1) > 0.5).mean() > 0.05
    # The density is that of the draws: it integrates to one where they lie.
    inside = rng.uniform(-2.05, -1.95, (20_000, 3))
    share = (np.abs(drawn + 2.0) < 0.05).all(1).mean()
    assert np.exp(proposal.log_prob(inside)).mean() * 0.1**3 == pytest.approx(share, rel=0.05)


class HalfProposal(_Proposal):
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
        monkeypatch.setattr(adaptive, "_Proposal", HalfProposal)
        monkeypatch.setattr(adaptive, "_ROUNDS", 3)
    found, covered = adapt(network, galaxy, model, prior, draws, 1, scouts)
    assert found.importance.good() and covered != half


def place(posterior, galaxy):
    return _Placing(posterior, galaxy, posterior.model, sedflow.Prior())

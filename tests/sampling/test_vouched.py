"""What nothing vouches for is not exact: draws of unknown density, of one point, of others."""

import linear
import numpy as np
import pytest

import sedflow
from sedflow.draws import Draws
from sedflow.errors import BadParameters, SedflowError
from sedflow.fits.compare import Comparison
from sedflow.fits.fit import Fit
from sedflow.sampling.reweighting import TooFewEffectiveDraws, reweight

GALAXY = linear.galaxy()


class Given:
    """A sampler that gives what it was given."""

    def __init__(self, give):
        self.give = give

    def sample(self, galaxy, n=10_000, seed=None):
        return self.give(n)


def prior_draws(n):
    return sedflow.Prior().sample(n, seed=1)


@pytest.mark.parametrize(
    ("give", "told"),
    [
        (lambda n: Draws(prior_draws(n), np.full(n, np.nan)), "does not state the density"),
        (lambda n: Draws(prior_draws(n)), "does not state the density"),
        (
            lambda n: Draws(np.tile(prior_draws(1), (n, 1)), np.zeros(n)),
            "1 different draws of 1000",
        ),
        (lambda n: prior_draws(n), "gave a ndarray"),
        (lambda n: Draws(prior_draws(n // 2), np.zeros(n // 2)), "theta of the shape"),
    ],
)
def test_draws_that_cannot_be_weighted_are_no_answer(give, told):
    """Weights of draws whose density nobody knows were all the same, and so "exact"."""
    options = {"n": 1000, "seed": 1, "model": linear.LinearModel(), "trust": "weights"}
    verdict = sedflow.fit(GALAXY, Given(give), **options).verdict
    assert verdict.kind == "failed" and told in verdict.reason


def test_a_density_belongs_to_each_draw():
    with pytest.raises(BadParameters, match="log_density has shape"):
        Draws(prior_draws(5), np.zeros(3))


def test_unchecked_draws_without_a_density_are_not_made_exact():
    sampler = Given(lambda n: Draws(prior_draws(n)))
    fit = sedflow.fit(GALAXY, sampler, n=1000, model=linear.LinearModel(), trust=None)
    with pytest.raises(TooFewEffectiveDraws, match="do not follow the posterior"):
        reweight(fit)


def test_draws_of_the_posterior_say_nothing_of_its_evidence():
    options = {"n": 1000, "seed": 1, "model": linear.LinearModel(), "trust": "weights"}
    fit = sedflow.fit(GALAXY, linear.GaussianSampler(), **options)
    unstated = Fit(GALAXY, Draws(fit.draws.theta), fit.model, verdict=fit.verdict)
    assert np.isnan(reweight(unstated).draws.importance.log_evidence)


@pytest.mark.parametrize("trust", [None, "weights", "auto"])
def test_chains_of_one_grid_are_not_those_of_another(nsa, trust):
    with pytest.raises(SedflowError, match=r"SSP grid 'fsps'\) than the fit \('bc03'\)"):
        sedflow.fit(nsa[72], sedflow.MCMCSampler(), n=100, model="bc03", trust=trust)


def test_a_comparison_knows_each_grid_by_its_own_name(nsa):
    draws = Draws(prior_draws(50))
    fits = {s: Fit(nsa[72], draws, sedflow.SEDModel(s)) for s in ("fsps", "bc03")}
    assert Comparison(fits).fits.keys() == fits.keys()
    with pytest.raises(SedflowError, match="the fit of 'fsps' is one of the grid 'bc03'"):
        Comparison({"fsps": fits["bc03"], "bc03": fits["fsps"]})


def test_what_all_share_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        sedflow.load_band("g").wavelength[:] *= 1.05
    ids = np.array([3, 1, 2])
    galaxies = linear.galaxy(3)
    named = sedflow.Photometry(galaxies.flux, galaxies.sigma, galaxies.redshift, ids=ids)
    ids.sort()
    assert named.ids.tolist() == [3, 1, 2]

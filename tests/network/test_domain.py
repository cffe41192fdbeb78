"""The domain check: what it finds, what it lets pass, and how it says so."""

import time

import numpy as np
import pytest
from scripts import script

import sedflow
from sedflow.errors import BadParameters
from sedflow.model.likelihood import chi2_limit, chi_square, ruled_out
from sedflow.photometry import Photometry


@pytest.fixture(scope="module")
def bench():
    return script("benchmarks/domain.py")


@pytest.fixture(scope="module")
def good(bench, posterior):
    return bench.good_galaxies(posterior, 10, seed=3)


def _scaled(galaxy, flux=1.0, sigma=1.0):
    return Photometry(galaxy.flux * flux, galaxy.sigma * sigma, galaxy.redshift, galaxy.bands)


@pytest.mark.heavy
def test_false_alarms_are_rare(posterior):
    _, galaxies = sedflow.simulate(100, seed=41)
    check = posterior.check(galaxies)
    floor = [any("floor" in text for text in said) for said in check.reasons]
    assert (check.inside | floor).mean() > 0.98
    assert np.median(check.chi2_best) < 4
    assert np.isfinite(check.pull).all()
    assert 0.5 < np.median(check.distance) < 1.5


@pytest.mark.slow
def test_a_band_three_magnitudes_off_is_found_and_named(posterior, bench, good):
    galaxies, band = bench.offset(good, 3.0, np.random.default_rng(1))
    check = posterior.check(galaxies)
    assert check.inside.mean() < 0.15
    found = check.worst >= 0
    assert found.mean() > 0.7
    assert (check.worst == band)[found].mean() > 0.7
    k = int(np.flatnonzero(check.worst == band)[0])
    text = check.reasons[k][0]  # before any colour
    assert "comes near these data: the best of" in text
    assert f"good bands stay below {chi2_limit(5):.3g}" in text
    assert f"; without {'ugriz'[band[k]]} the chi-" in text
    assert "or leave r out" in text


def test_no_model_comes_near_a_misfit_alone(posterior, galaxy):
    """The words are those of the verdict, by the same rule: errors that are five times larger."""
    draws = posterior.sample(galaxy, n=250, seed=1).with_flux(galaxy, posterior.model)
    best = draws.flux[np.argmin(chi_square(draws.flux, galaxy))]
    for chi2, who in ((300.0, "no draw comes near"), (600.0, "no model comes near")):
        sigma = galaxy.sigma / np.sqrt(chi2 / chi_square(best[None], galaxy)[0])
        one = Photometry(galaxy.flux, sigma, galaxy.redshift, galaxy.bands)
        check = posterior.check(one, draws=draws)
        text = next(said for said in check.reasons[()] if "comes near these data" in said)
        assert who in text
        told = "(above 513, errors five times larger would not help either)"
        assert (told in text) == (chi2 < 500)
        assert bool(ruled_out(check.chi2_best, 250, 5)) == ("no model" in text)


def test_errors_below_the_accuracy_of_the_model_rule_no_model_out(posterior, galaxy):
    """Between the draws are models that come nearer than these errors ask for."""
    check = posterior.check(_scaled(galaxy, sigma=[1e-4] * 5))
    text = next(said for said in check.reasons[()] if "comes near these data" in said)
    assert check.chi2_best > 1e4 and "no draw comes near" in text and "rule out" not in text


def test_a_sigma_far_too_small_is_found(posterior, galaxy):
    check = posterior.check(_scaled(galaxy, sigma=[1, 1, 1e-3, 1, 1]), draws=False)
    assert not check
    assert check.causes[()] == ("sigma",)
    assert check.sigma_residual[2] == pytest.approx(-3, abs=0.2)
    assert "the error in r" in str(check)
    assert str(check).endswith("inflate it to that")  # MCMC is not exact there either


@pytest.mark.parametrize("kind", ["star", "power law"])
def test_what_is_no_galaxy_is_found(posterior, bench, good, kind):
    """Where its colours are none of a galaxy's: a quasar's nu^-0.5 may be a young galaxy's."""
    spectrum = bench.blackbody(30_000) if kind == "star" else bench.power_law(1.0)
    check = posterior.check(bench.not_a_galaxy(good[:4], spectrum, np.random.default_rng(2)))
    assert not check.inside.any()


def test_notes_do_not_put_a_galaxy_outside(posterior, galaxy):
    check = posterior.check(_scaled(galaxy, sigma=[30, 1, 1, 1, 1]))
    assert check
    assert check.reasons[()] == ()
    note, *_ = check.notes[()]
    assert "the error in u" in note
    assert "times the usual for its flux: this band says little" in note
    assert str(check) == "inside the training domain"


def test_one_galaxy_and_a_batch_agree(posterior, galaxy):
    wrong = _scaled(galaxy, flux=[1, 1, 0.06, 1, 1])
    both = Photometry(
        np.stack([galaxy.flux, wrong.flux]),
        np.stack([galaxy.sigma, wrong.sigma]),
        np.stack([galaxy.redshift, wrong.redshift]),
    )
    many = posterior.check(both)
    assert many.inside.tolist() == [True, False]
    for k, one in enumerate((galaxy, wrong)):
        alone, row = posterior.check(one), many[k]
        assert bool(alone) == bool(row)
        assert alone.reasons[()] == row.reasons[()] == many.reasons[k]
        assert alone.chi2_best == row.chi2_best
        assert alone.worst == row.worst
        np.testing.assert_array_equal(alone.pull, row.pull)
        np.testing.assert_array_equal(alone.sigma_residual, row.sigma_residual)


def test_galaxies_with_equally_many_reasons_are_no_trouble(posterior, galaxy):
    sharp = [[1, 1, 1e-3, 1, 1], [1, 1, 1e-3, 1, 1]]
    twice = Photometry([galaxy.flux] * 2, galaxy.sigma * np.array(sharp), [galaxy.redshift] * 2)
    check = posterior.check(twice, draws=False)
    assert [len(r) for r in check.reasons] == [1, 1]
    none = posterior.check(twice[:0])
    assert none
    assert none.inside.shape == (0,)


@pytest.mark.parametrize("dim", [1.0, 0.06])
def test_given_draws_say_the_same_as_made_ones(posterior, model, galaxy, dim):
    one = _scaled(galaxy, flux=[1, 1, dim, 1, 1]).select(tuple("zirgu"))  # any order of bands
    made = posterior.check(one)
    draws = posterior.sample(one, n=1000, seed=5)
    assert draws.flux is None  # the network's bands are in another order
    for given in (
        posterior.check(one, draws=draws),
        posterior.check(one, draws=draws.with_flux(one, model)),
    ):
        assert given.causes[()] == made.causes[()]
        assert given.worst == made.worst
        assert given.bands == made.bands == posterior.bands
        assert given.chi2_best == pytest.approx(
            posterior.check(one, draws=draws).chi2_best, rel=1e-6
        )
    with pytest.raises(BadParameters, match=r"draws have shape .* but there are 1 galaxies"):
        posterior.check(one, draws=sedflow.Draws(np.stack([draws.theta] * 2)))


def test_without_draws_the_whole_sample_takes_no_time(posterior, nsa):
    start = time.process_time()
    check = posterior.check(nsa.photometry(nsa.ids), draws=False)
    assert time.process_time() - start < 2
    assert check.inside.mean() > 0.98
    assert np.isnan(check.chi2_best).all()
    assert np.isfinite(check.distance).all()


def test_beyond_the_reach_of_the_model_the_ranges_still_speak(posterior, galaxy):
    far = Photometry(galaxy.flux, galaxy.sigma, 0.9)
    check = posterior.check(far)
    assert check.causes[()][0] == "redshift"
    assert np.isnan(check.chi2_best)

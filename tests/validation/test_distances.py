"""Distances between posteriors that are a known distance apart."""

import json
from dataclasses import replace

import numpy as np
import pytest

import sedflow
from sedflow.draws import Draws
from sedflow.errors import SedflowError
from sedflow.parameters import FREE_NAMES, NAMES
from sedflow.trust_limits import Convergence
from sedflow.validation.distances import distance

SPREAD = 0.3  # of the posterior in x, where the prior's is 1
SHIFTED = "tau_ism"


def gaussian(n, seed, shift=0.0, width=1.0, weighted=False):
    """Draws of a Gaussian posterior, shifted in one parameter or too wide; weights that mend it."""
    z = width * np.random.default_rng(seed).standard_normal((n, 11))
    log_weight = 0.5 * (np.square(z / width) - np.square(z)).sum(1)
    weights = np.exp(log_weight - log_weight.max())
    z[:, FREE_NAMES.index(SHIFTED)] += shift
    theta = sedflow.Prior().from_unbounded(SPREAD * z)
    return Draws(theta, weights=weights / weights.sum() if weighted else None)


@pytest.fixture(scope="module")
def reference():
    return gaussian(4000, 1)


def test_equal_posteriors_are_at_the_floor(reference):
    d = distance(gaussian(4000, 2), reference)
    assert d.n == 2000
    assert d.c2st == pytest.approx(0.5, abs=0.03)
    assert d.c2st_floor == pytest.approx(0.5, abs=0.03)
    assert (d.wasserstein < 2 * d.wasserstein_floor).all()
    assert (d.wasserstein_floor < 0.06).all()
    assert np.abs(d.shift).max() < 0.15


def test_a_shift_is_seen_where_it_is(reference):
    d = distance(gaussian(4000, 2, shift=0.5), reference)
    k = NAMES.index(SHIFTED)
    assert d.wasserstein[k] == pytest.approx(0.5, abs=0.06)
    np.testing.assert_allclose(d.shift[:, k], 0.5, atol=0.12)
    others = np.arange(12) != k
    assert (d.wasserstein < 2 * d.wasserstein_floor)[others].all()
    assert d.c2st > 0.56  # the best that can be done is 0.599
    assert d.c2st_floor < 0.53


def test_a_shift_across_a_narrow_ridge_is_seen():
    """Where it is small in every parameter alone."""

    def ridge(seed, shift):
        z = np.random.default_rng(seed).standard_normal((3000, 11))
        z[:, 0] = z[:, 8] + 0.1 * (z[:, 0] + shift)
        return Draws(sedflow.Prior().from_unbounded(SPREAD * z))

    d = distance(ridge(1, 1.0), ridge(2, 0.0))
    assert (d.wasserstein < 0.15).all()
    assert d.c2st > 0.62


def test_exact_weights_bring_wide_draws_to_the_floor(reference):
    wide = distance(gaussian(12_000, 3, width=1.25), reference)
    assert wide.c2st > 0.56
    d = distance(gaussian(12_000, 3, width=1.25, weighted=True), reference)
    assert d.c2st == pytest.approx(0.5, abs=0.035)
    assert (d.wasserstein < 2 * d.wasserstein_floor).all()
    assert (wide.wasserstein > 2 * wide.wasserstein_floor).all()


def test_copies_of_a_draw_do_not_help_the_classifier():
    """A classifier that had seen the copies of what it is asked would be right each time."""
    few = gaussian(600, 4)
    theta = np.repeat(few.theta, 5, axis=0)
    # MCMC draws the mass anew for a walk that stayed where it was: such draws are copies too.
    theta[::5, 0] += np.random.default_rng(1).normal(0, 0.01, 600)
    d = distance(Draws(theta), gaussian(3000, 5))
    assert d.n == 600
    assert d.c2st == pytest.approx(0.5, abs=0.05)
    same = distance(few, few)
    assert same.c2st < 0.55
    assert (same.wasserstein == 0).all()


def test_chains_count_as_their_effective_draws(reference):
    figures = [np.full(12, 1.0), np.linspace(300, 900, 12), np.full(12, 900.0)]
    chain = replace(gaussian(4000, 2), convergence=Convergence(*figures, *[np.ones(())] * 5))
    assert distance(reference, chain).n == 150


def test_a_parameter_without_spread_has_a_distance(reference):
    pinned, other = (np.array(gaussian(400, seed).theta) for seed in (6, 7))
    k = NAMES.index("t_burst")
    pinned[:, k] = 5.0
    d = distance(Draws(other), Draws(pinned))
    for values in (d.wasserstein, d.wasserstein_floor, d.shift, d.c2st, d.c2st_floor):
        assert np.isfinite(values).all()
    assert d.wasserstein_floor[k] == 0
    assert 0 < d.wasserstein[k] < 1  # widths of the prior


def test_the_figures_are_set_by_the_seed_print_and_go_to_json():
    a, b = gaussian(300, 1), gaussian(400, 2)
    first, again, other = (distance(a, b, seed=seed) for seed in (3, 3, 4))
    assert first.to_dict() == again.to_dict() != other.to_dict()
    text = str(first)
    assert text.count("\n") == 13
    assert all(name in text for name in NAMES)
    assert f"C2ST, all parameters: {first.c2st:.3f}" in text
    record = json.loads(json.dumps(first.to_dict()))
    assert set(record["wasserstein"]) == set(NAMES)
    assert set(record["shift"]) == {"16", "50", "84"}
    assert record["draws"] == 200


def test_too_few_draws_are_refused():
    enough, few = gaussian(400, 1), gaussian(150, 2)
    with pytest.raises(SedflowError, match=r"draws b are 150, but only 150 in effect.*needs 200"):
        distance(enough, few)
    weights = np.full(400, 1e-6)
    weights[:50] = 1.0
    heavy = replace(enough, weights=weights / weights.sum())
    with pytest.raises(SedflowError, match=r"draws a are 400, but only 50 in effect.*needs 100"):
        distance(heavy, enough)


def test_batches_and_lost_galaxies_are_refused():
    one = gaussian(400, 1)
    with pytest.raises(SedflowError, match=r"draws b are of 2 galaxies; .*draws\.galaxy\(i\)"):
        distance(one, Draws(np.stack([one.theta, one.theta])))
    with pytest.raises(SedflowError, match="draws a are not finite"):
        distance(Draws(np.full((400, 12), np.nan)), one)

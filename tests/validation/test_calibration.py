"""Every diagnostic, on posteriors that are exact, too narrow, too wide and biased."""

import numpy as np
import pytest

from sedflow.validation.calibration import (
    central_coverage,
    hpd_levels,
    ks_band,
    ks_distances,
    local_test,
    percentile_scores,
    tarp_levels,
)

N, N_DRAW, N_X = 2000, 200, 3
NOISE = 0.5
WRONG = {"narrow": (0.7, 0.0), "wide": (1.5, 0.0), "biased": (1.0, 0.4)}


def _posteriors(width=1.0, shift=0.0, seed=3, n=N):
    """Truth x ~ N(0, 1), data x + noise; draws of the posterior, stretched and displaced.

    Returns truth (n, 3), data (n, 3), draws (n, n_draw, 3), their log density and that at truth.
    """
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((n, N_X))
    data = truth + NOISE * rng.standard_normal((n, N_X))
    sd = 1 / np.sqrt(1 + 1 / NOISE**2)
    centre = data * sd**2 / NOISE**2 + shift * sd
    z = rng.standard_normal((n, N_DRAW, N_X))
    draws = centre[:, None] + width * sd * z
    at_draws = -0.5 * np.square(z).sum(-1)
    at_truth = -0.5 * np.square((truth - centre) / (width * sd)).sum(-1)
    return truth, data, draws, at_draws, at_truth


def _levels(kind, width=1.0, shift=0.0):
    truth, _, draws, at_draws, at_truth = _posteriors(width, shift)
    if kind == "percentile":
        return percentile_scores(truth, draws)
    if kind == "hpd":
        return hpd_levels(at_truth, at_draws)
    return tarp_levels(truth, draws)


@pytest.mark.parametrize("kind", ["percentile", "hpd", "tarp"])
def test_an_exact_posterior_passes(kind):
    assert (ks_distances(_levels(kind))[1] > 0.005).all()


@pytest.mark.parametrize("kind", ["percentile", "hpd", "tarp"])
@pytest.mark.parametrize(("width", "shift"), WRONG.values(), ids=WRONG)
def test_a_wrong_posterior_fails(kind, width, shift):
    if kind == "tarp" and shift:
        shift *= 2  # random points make it blind to half of the directions of a bias
    assert (ks_distances(_levels(kind, width, shift))[1] < 1e-4).all()


def test_coverage_says_in_which_direction():
    exact, narrow, wide = (
        central_coverage(_levels("percentile", w), 0.68).mean() for w in (1.0, 0.7, 1.5)
    )
    assert exact == pytest.approx(0.68, abs=0.015)
    assert narrow < 0.56
    assert wide > 0.82


def test_weights_repair_a_posterior_that_is_too_wide():
    truth, _, draws, at_draws, _ = _posteriors(width=1.5)
    log_w = 1.5**2 * at_draws - at_draws  # exact over wide, up to a constant
    weights = np.exp(log_w - log_w.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    assert (ks_distances(percentile_scores(truth, draws, weights))[1] > 0.005).all()
    assert ks_distances(tarp_levels(truth, draws, weights))[1] > 0.005
    assert ks_distances(percentile_scores(truth, draws))[1].max() < 1e-4


def test_equal_weights_are_no_weights():
    truth, _, draws, *_ = _posteriors(n=50)
    even = np.full(draws.shape[:2], 1 / N_DRAW)
    np.testing.assert_allclose(
        percentile_scores(truth, draws, even), percentile_scores(truth, draws), atol=1.1 / N_DRAW
    )


def test_ties_are_broken_evenly():
    scores = percentile_scores(np.zeros((4000, 1)), np.zeros((4000, 20, 1)))
    assert ks_distances(scores)[1][0] > 1e-3


def test_the_band_holds_what_it_promises():
    rng = np.random.default_rng(5)
    band = ks_band(500, 0.9)
    inside = np.mean(ks_distances(rng.random((500, 1000)))[0] < band)
    assert inside == pytest.approx(0.9, abs=0.03)
    assert ks_band(500, 0.9, tests=10) > band


def test_tarp_is_that_of_sbi():
    """The same levels as sbi finds for the same points, up to its histogram."""
    import torch
    from sbi.diagnostics.tarp import _run_tarp

    truth, _, draws, *_ = _posteriors(width=0.7)
    point = np.random.default_rng([0, 1]).standard_normal(truth.shape)
    ecp, alpha = _run_tarp(
        *(torch.from_numpy(a) for a in (draws.swapaxes(0, 1), truth, point)), num_bins=20
    )
    mine = np.searchsorted(np.sort(tarp_levels(truth, draws)), alpha.numpy()) / N
    np.testing.assert_allclose(ecp.numpy(), mine, atol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "shift", "passes"),
    [
        (1.0, 0.0, True),
        (1.0, 0.4, False),
        *(
            pytest.param(*wrong, False, marks=pytest.mark.heavy)
            for wrong in WRONG.values()
            if wrong != (1.0, 0.4)
        ),
    ],
)
def test_the_local_test_finds_a_wrong_posterior(width, shift, passes):
    truth, data, draws, *_ = _posteriors(width, 2 * shift)
    p = local_test(truth[5:], data[5:], draws[5:, 0], data[:5], draws[:5], trials=12)
    assert (np.median(p) > 0.1) == passes

"""Calibration figures, on posteriors whose calibration is known."""

import numpy as np
import pytest
from scipy.stats import kstest

from sedflow.validation import calibrate, percentile_scores

N, N_DRAW = 1500, 300


def _scores(shift=0.0, width=1.0, seed=3):
    """Truth and draws of a Gaussian posterior, displaced and stretched on purpose."""
    rng = np.random.default_rng(seed)
    center = rng.normal(0, 5, (N, 1))
    truth = center + rng.normal(0, 1, (N, 1))
    draws = center[:, None] + shift + width * rng.normal(0, 1, (N, N_DRAW, 1))
    return percentile_scores(truth, draws)[:, 0]


def test_an_exact_posterior_passes():
    assert kstest(_scores(), "uniform").pvalue > 0.01


@pytest.mark.parametrize(
    "wrong", [{"width": 0.7}, {"width": 1.5}, {"shift": 0.3}], ids=["narrow", "wide", "biased"]
)
def test_a_wrong_posterior_fails(wrong):
    assert kstest(_scores(**wrong), "uniform").pvalue < 1e-4


def test_too_narrow_piles_up_at_the_ends_and_too_wide_in_the_middle():
    ends = [np.mean((s < 0.1) | (s > 0.9)) for s in (_scores(width=0.6), _scores(width=1.6))]
    assert ends[0] > 0.25
    assert ends[1] < 0.15


def test_ties_are_broken_evenly():
    scores = percentile_scores(np.zeros((4000, 1)), np.zeros((4000, 20, 1)))
    assert kstest(scores[:, 0], "uniform").pvalue > 1e-3


@pytest.mark.slow
def test_the_report_prints_every_parameter(posterior):
    report = calibrate(posterior, n=100, n_draw=100, seed=1)
    text = str(report)
    assert text.count("\n") == 15
    assert "log_mstar" in text
    assert "TARP" in text
    assert set(report.to_dict()["ks"]) == set(report.names)


@pytest.mark.slow
def test_the_shipped_network_is_calibrated(posterior):
    """No parameter further from uniform than twice the 95 % band of 1,000 galaxies."""
    report = calibrate(posterior, n=1000, n_draw=500, seed=77)
    assert (report.ks < 2 * report.band_95).all(), str(report)

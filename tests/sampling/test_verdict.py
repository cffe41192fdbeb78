"""The table of verdicts, and names of older versions."""

import numpy as np
import pytest

import sedflow
from sedflow.sampling.verdict import KINDS, VERDICTS, Verdict, as_kind, kind_of


def verdict(kind):
    blank = dict.fromkeys(Verdict.names(), np.full(np.shape(kind), np.nan))
    return Verdict(**{**blank, "kind": kind})


@pytest.mark.parametrize(
    "old, new",
    [
        ("amortized", "exact (weights)"),
        ("reweighted", "exact (adapted weights)"),
        ("mcmc", "exact (MCMC)"),
        ("failed", "failed"),
    ],
)
def test_names_of_older_files_are_read_as_todays(old, new):
    assert as_kind(old) == new == kind_of(old).name
    assert verdict(old).kind == new
    many = verdict(np.array([old, "misfit"], dtype=object))
    assert many.kind.tolist() == [new, "misfit"]
    assert many.counts()[new] == 1
    assert verdict(np.array([old, "x"])).kind.tolist() == [new, "x"]  # of fixed width


def test_only_what_is_called_exact_is_exact():
    many = verdict(np.array(VERDICTS, dtype=object))
    assert many.exact.tolist() == [name.startswith("exact") for name in VERDICTS]
    assert many[0].exact
    assert not many[-1].exact
    assert [kind.exact for kind in KINDS] == many.exact.tolist()


def test_every_verdict_has_one_line_of_meaning():
    for kind in KINDS:
        assert kind.meaning.endswith(".")
        assert kind.sign
        assert kind.color.startswith("#")
    assert not kind_of("whatever").exact


def test_draws_of_which_a_handful_are_effective_are_kept_without_weights(posterior):
    """A range of 68 % had no width: it was that of one draw."""
    known = sedflow.load_nsa().photometry(72)
    flux, sigma = np.array(known.flux), np.array(known.sigma)
    flux[1], sigma[1] = flux[1] / 6.3, sigma[1] / 6.3  # g is two magnitudes too faint
    galaxy = sedflow.Photometry(flux, sigma, known.redshift, known.bands)
    found = sedflow.fit(galaxy, posterior, n=1000, seed=1, trust="weights")
    assert found.draws.importance.ess < 50 and found.verdict.kind == "approximate"
    assert found.verdict.p_calibrated < 1e-3 and found.verdict.warning == ""  # of a handful
    own = sedflow.fit(galaxy, posterior, n=1000, seed=1, trust=None)
    low, high = found.quantile("log_mstar", [0.16, 0.84])
    assert high - low > 0.8 * np.ptp(own.quantile("log_mstar", [0.16, 0.84]))
    assert "the draws without weights" in found.verdict.reason
    assert "where 400 are needed" in found.verdict.reason


@pytest.mark.parametrize("trust", ["weights", "auto"])
def test_draws_of_a_galaxy_whose_errors_are_too_small_are_kept_without_weights(posterior, trust):
    """Ranges of 68 % had no width: all of the weight was that of one draw."""
    known = sedflow.load_nsa().photometry(72)
    sigma = np.where(np.array(known.bands) == "i", 5e-4, 2e-3) * known.flux
    galaxy = sedflow.Photometry(known.flux, sigma, known.redshift, known.bands)
    found = sedflow.fit(galaxy, posterior, n=500, seed=1, trust=trust)
    assert found.verdict.kind == "failed"
    np.testing.assert_array_equal(found.draws.weights, 1 / 500)
    own = sedflow.fit(galaxy, posterior, n=500, seed=1, trust=None)
    low, high = found.quantile("log_mstar", [0.16, 0.84])
    assert high - low > 0.8 * np.ptp(own.quantile("log_mstar", [0.16, 0.84]))
    assert "those of the draws without weights" in found.verdict.reason

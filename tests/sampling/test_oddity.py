"""Exact fits that are odd: what is said, and of how many good galaxies."""

import numpy as np
import pytest

import sedflow
from sedflow.sampling.oddity import odd_fits
from sedflow.sampling.verdict import EXACT_ADAPTED, EXACT_WEIGHTS, FAILED, Verdict


def judged(kind, p, share):
    columns = dict.fromkeys(Verdict.names(), np.nan)
    columns |= {"kind": kind, "reason": "", "warning": "", "p_value": p, "share": share}
    return Verdict(**columns)


@pytest.mark.parametrize(
    ("kind", "p", "share", "odd"),
    [
        (EXACT_ADAPTED, 0.079, 0.012, True),  # i and z exchanged
        (EXACT_WEIGHTS, 0.056, 0.46, True),  # g and r exchanged, of a faint galaxy
        (EXACT_WEIGHTS, 0.5, 0.012, False),
        (EXACT_WEIGHTS, 0.056, 0.9, False),
        (EXACT_WEIGHTS, 1e-9, 0.01, False),  # a misfit, and called one
        (FAILED, 0.056, 0.01, False),
        (EXACT_WEIGHTS, 0.056, np.nan, False),  # of a sampler without weights
        (EXACT_WEIGHTS, np.nan, 0.01, False),
    ],
)
def test_a_fit_is_odd_if_it_hardly_fits_and_the_network_missed_it(kind, p, share, odd):
    text = odd_fits(judged(kind, p, share))[()]
    assert bool(text) == odd
    if odd:
        assert f"p = {p:.2g}" in text and f"{100 * share:.2g} %" in text
        assert "the order of the bands, units, errors and redshift" in text


def test_of_many_fits_the_odd_ones_are_said_to_be():
    rows = [judged(EXACT_WEIGHTS, p, 0.1) for p in (0.5, 0.05)]
    assert [bool(text) for text in odd_fits(Verdict.stack(rows, (2,)))] == [False, True]


def swapped():
    magnitudes, errors = [19.21, 17.95, 17.31, 16.72, 16.95], [0.06, 0.02, 0.02, 0.05, 0.02]
    return sedflow.Photometry.from_magnitudes(magnitudes, errors, 0.071)


@pytest.mark.heavy
def test_a_galaxy_with_i_and_z_exchanged_is_exact_and_said_to_be_odd():
    fit = sedflow.fit(swapped(), "nsa-ugriz-fsps-gas", n=2000, trust="proposals")
    assert fit.verdict.exact and "This fit is odd" in fit.notes[0]
    assert "This fit is odd" in str(fit) and "This fit is odd" in str(fit.summary())


@pytest.mark.heavy
@pytest.mark.parametrize("network", ["nsa-ugriz-fsps", "nsa-ugriz-fsps-gas"])
def test_fewer_than_one_in_twenty_exact_fits_of_the_atlas_is_odd(nsa, network):
    ids = nsa.ids[np.random.default_rng(5).permutation(len(nsa))[:200]]
    fit = sedflow.fit(nsa.photometry(ids), network, n=2000, trust="weights")
    exact = fit.verdict.status == "ok"
    odd = odd_fits(fit.verdict) != ""
    print(f"{network}: {odd.sum()} of {exact.sum()} exact fits are odd")
    assert exact.sum() > 150 and 0 < odd.sum() < 0.05 * exact.sum()

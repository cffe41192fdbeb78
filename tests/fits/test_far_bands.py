"""Bands that an exact fit misses by more than 3 sigma are named, in its notes and in the app."""

import numpy as np
import pytest

import sedflow
from sedflow.fits.far_bands import far_bands
from sedflow.fits.history import Predicted


def predicted(residuals):
    """What draws without scatter predict of a galaxy with these residuals."""
    galaxy = sedflow.Photometry(10.0 + np.array(residuals), np.ones(5), 0.05)
    return Predicted(np.full((4, 5), 10.0), galaxy)


@pytest.mark.parametrize(
    ("residuals", "said"),
    [
        ((0, 1, 2.9, -2.9, 0), ""),
        ((0, 0, 3.2, 0, 0), "r lies 3.2 sigma above what the model predicts"),
        (
            (0, 0, 0, 3.1, -3.5),
            "i lies 3.1 sigma above and z 3.5 sigma below what the model predicts",
        ),
    ],
)
def test_bands_beyond_three_sigma_are_named(residuals, said):
    assert far_bands(predicted(residuals))[()] == said


def test_notes_of_an_exact_fit_name_the_bands_that_it_misses(nsa, posterior):
    odd = sedflow.fit(nsa.photometry(142019), posterior, n=3000, seed=1)
    assert odd.verdict.exact
    assert any("sigma below what the model predicts" in note for note in odd.notes)
    usual = sedflow.fit(nsa.photometry(72), posterior, n=3000, seed=1)
    assert not any("what the model predicts" in note for note in usual.notes)

"""Properties that galaxies are binned by, and the bins."""

import numpy as np

from sedflow.photometry import Photometry
from sedflow.validation import bins, near


def test_the_properties_of_a_batch_are_those_of_its_galaxies(nsa):
    galaxies = nsa.photometry(nsa.ids[:6], ("g", "r", "i"))
    absent = np.eye(6, 3, dtype=bool)
    flux, sigma = (np.where(absent, np.nan, a) for a in (galaxies.flux, galaxies.sigma))
    galaxies = Photometry(flux, sigma, galaxies.redshift, galaxies.bands)
    many = bins.properties(galaxies)
    assert tuple(many) == tuple(bins.PROPERTIES)
    for k in range(6):
        one = near.properties(galaxies[k], galaxies.bands)
        np.testing.assert_array_equal([many[name][k] for name in one], [*one.values()])


def test_what_is_not_known_is_nan():
    one = Photometry(flux=[2.0, np.nan], sigma=[0.5, np.nan], redshift=0.05, bands=("r", "i"))
    found = bins.properties(one)
    assert found["snr"] == 4
    assert found["n_band"] == 1
    assert np.isnan(found["g-r"])


def test_each_finite_value_is_in_one_bin():
    values = np.array([0.0, 0.5, 1.0, 1.5, 2.0, np.nan])
    inside = np.array(bins.groups("r", values, np.array([[0, 1], [1, 2]])))
    assert inside.tolist() == [[True, True, *[False] * 4], [False, False, *[True] * 3, False]]
    inside = bins.groups("n_band", np.array([4, 5, 5]), np.array([[4, 4], [5, 5]]))
    assert [mask.sum() for mask in inside] == [1, 2]

"""What the network is shown: finite, faded, masked."""

import numpy as np

from sedflow.model.simulation import nsa_noise
from sedflow.network.features import raw_features, scaling, standardise

NOISE = nsa_noise()


def _galaxies(n=2000):
    rng = np.random.default_rng(1)
    flux = 10 ** rng.uniform(0, 3, (n, 1)) * 10 ** (0.2 * rng.standard_normal((n, 5)))
    return flux, NOISE.sample(flux, rng), rng.uniform(0.01, 0.2, n)


def test_features_are_of_order_one_and_none_is_missing():
    flux, sigma, z = _galaxies()
    flux[::2, 1] = sigma[::2, 1] = np.nan
    flux[::3, 4] = sigma[::3, 4] = np.nan
    raw = raw_features(flux, sigma, z, NOISE)
    context = standardise(raw, *scaling(raw))
    assert context.dtype == np.float32
    assert np.isfinite(context).all()
    assert np.abs(context).max() <= 20
    assert (np.std(context[:, :-5], axis=0) > 0.5).all()  # all but the mask


def test_an_absent_band_leaves_nothing_but_its_mask():
    """All features that need it are 0, and the others are what they were."""
    flux, sigma, z = _galaxies()
    raw = raw_features(flux, sigma, z, NOISE)
    scale = scaling(raw)
    whole = standardise(raw, *scale)
    flux[:, 2] = sigma[:, 2] = np.nan
    fewer = raw_features(flux, sigma, z, NOISE)
    gone = np.isnan(fewer).all(0)
    assert gone.sum() == 4 + 6 + 3  # colours, curvatures; magnitude, S/N and sigma
    assert (np.isnan(fewer).any(0) == gone).all()
    masked = standardise(fewer, *scale)
    assert (masked[:, gone] == 0).all()
    same = ~gone
    mask = np.arange(raw.shape[1])[-5:]
    assert (fewer[:, mask] == [1, 1, 0, 1, 1]).all()
    same[mask] = False
    np.testing.assert_array_equal(masked[:, same], whole[:, same])


def test_a_band_that_is_all_noise_disturbs_none_but_its_own():
    flux, sigma, z = _galaxies(50)
    sigma[:, 0] *= 1e6
    raw = raw_features(flux, sigma, z, NOISE)
    shifted = flux.copy()
    shifted[:, 0] *= -1
    np.testing.assert_allclose(raw_features(shifted, sigma, z, NOISE), raw, atol=0.1)

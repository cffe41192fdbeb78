"""The features as a torch module are those of numpy."""

import numpy as np
import pytest
import torch

from sedflow.model.cosmology import MPC_CM, luminosity_distance_cm
from sedflow.model.simulation import draw_presence, nsa_noise
from sedflow.network.feature_graph import FeatureGraph, LogDistance, UsualSigma
from sedflow.network.features import raw_features, scaling, standardise

SETS = [
    ("u", "g", "r", "i", "z"),
    ("FUV", "NUV", "u", "g", "r", "i", "z"),
    ("g", "r"),
    ("r",),
]


def _galaxies(noise, n=4000, seed=3):
    """Bright to invisible, with broken errors, fluxes below zero and absent bands."""
    rng = np.random.default_rng(seed)
    n_band = len(noise.bands)
    true = 10 ** rng.uniform(-2, 5, (n, 1)) * 10 ** (0.4 * rng.standard_normal((n, n_band)))
    sigma = noise.sample(true, rng) * 10 ** np.where(rng.random((n, n_band)) < 0.1, 3.0, 0.0)
    flux = true + sigma * rng.standard_normal((n, n_band))
    absent = ~draw_presence(n, n_band, rng)
    flux[absent] = sigma[absent] = np.nan
    return flux, sigma, rng.uniform(0.001, 0.3, n)


@pytest.mark.parametrize("bands", SETS)
@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-6), (torch.float32, 1e-4)])
def test_the_module_gives_numpys_features(bands, dtype, error):
    noise = nsa_noise(bands)
    galaxies = _galaxies(noise)
    raw = raw_features(*galaxies, noise)
    scale = scaling(raw)
    expected = standardise(raw, *scale)
    graph = FeatureGraph(noise, scale)
    found = graph(*(torch.as_tensor(a).to(dtype) for a in galaxies))
    assert found.dtype == torch.float32 and found.shape == expected.shape
    np.testing.assert_allclose(found.numpy(), expected, atol=error)


def test_a_known_median_changes_nothing():
    noise = nsa_noise()
    flux, sigma, z = (torch.as_tensor(a) for a in _galaxies(noise, 200))
    raw = raw_features(flux.numpy(), sigma.numpy(), z.numpy(), noise)
    graph = FeatureGraph(noise, scaling(raw))
    median, _ = graph.usual(flux)  # NaN where absent
    assert torch.equal(graph(flux, sigma, z, median), graph(flux, sigma, z))


@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
def test_the_usual_sigma_is_that_of_the_noise_model(dtype, error):
    """Between the nodes, and beyond them at both ends, for fluxes of either sign."""
    noise = nsa_noise(SETS[1])
    flux = np.concatenate([-np.logspace(-4, 7, 500), np.logspace(-4, 7, 500)])[:, None]
    flux = np.broadcast_to(flux, (1000, 7))
    found = UsualSigma(noise)(torch.as_tensor(flux.copy()).to(dtype))
    for mine, theirs in zip(found, noise._center(flux), strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs, atol=error)


def test_the_distance_is_that_of_the_cosmology():
    z = np.concatenate([np.logspace(-4, -1, 300), np.linspace(0.1, 0.5, 300)])
    expected = np.log10(luminosity_distance_cm(z) / MPC_CM)
    np.testing.assert_allclose(LogDistance()(torch.as_tensor(z)).numpy(), expected, atol=2e-9)
    single = LogDistance()(torch.as_tensor(z, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(single, expected, atol=2e-6)

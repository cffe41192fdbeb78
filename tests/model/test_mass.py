"""The mass integrated out: against brute-force quadrature, from blank to saturated bands."""

import numpy as np
import pytest

from sedflow.model.mass import REFERENCE, MassConditional
from sedflow.parameters import HIGH, LOW

_NEAR = np.geomspace(1e-13, HIGH[0] - LOW[0], 100_000)  # to the ends, where flanks are steep
LM = np.unique(
    np.concatenate(
        [np.linspace(LOW[0], HIGH[0], 400_001), LOW[0] + _NEAR[:-1], HIGH[0] - _NEAR[:-1]]
    )
)


@pytest.mark.parametrize("log_mstar", [6.0, 7.02, 9.0, 12.49, 13.0])
@pytest.mark.parametrize("snr", [0.1, 2.0, 30.0, 3000.0])
def test_marginal_and_conditional_are_those_of_quadrature(log_mstar, snr):
    rng = np.random.default_rng(1)
    shape = np.array([1.0, 2.0, 4.0, 5.0, 6.0])
    data = shape * 10 ** (log_mstar - REFERENCE)
    sigma = data / snr
    data = data + sigma * rng.standard_normal(5)
    mass = MassConditional(shape[None], data, sigma)
    flux = 10 ** (LM[:, None] - REFERENCE) * shape
    log_like = -0.5 * (((flux - data) / sigma) ** 2 + np.log(2 * np.pi * sigma**2)).sum(-1)
    top = log_like.max()
    area = np.trapezoid(np.exp(log_like - top), LM)
    expected = top + np.log(area / (HIGH[0] - LOW[0]))
    assert mass.log_marginal[0] == pytest.approx(expected, abs=4e-3)
    density = np.exp(log_like - top) / area
    cells = 0.5 * (density[1:] + density[:-1]) * np.diff(LM)
    cdf = np.concatenate([[0.0], np.cumsum(cells)])
    u = np.array([0.05, 0.5, 0.95])
    many = MassConditional(np.repeat(shape[None], 3, 0), data, sigma)
    drawn = many.draw(u)
    spread = np.interp(0.84, cdf, LM) - np.interp(0.16, cdf, LM)
    np.testing.assert_allclose(drawn, np.interp(u, cdf, LM), atol=0.02 * spread + 1e-9)
    np.testing.assert_allclose(
        many.log_prob(drawn), np.log(np.interp(drawn, LM, density)), atol=0.02
    )


def test_a_band_without_signal_gives_the_prior_back():
    mass = MassConditional(np.full((2000, 5), 1e-9), np.zeros(5), np.ones(5))
    drawn = mass.draw(np.linspace(0.001, 0.999, 2000))
    np.testing.assert_allclose(drawn, np.linspace(LOW[0], HIGH[0], 2000), atol=0.03)
    np.testing.assert_allclose(mass.log_prob(drawn), -np.log(HIGH[0] - LOW[0]), atol=1e-3)


def test_negative_fluxes_are_data():
    mass = MassConditional(np.ones((500, 5)), np.full(5, -3.0), np.ones(5))
    drawn = mass.draw(np.linspace(0.01, 0.99, 500))
    assert np.isfinite(drawn).all()
    assert drawn.max() < REFERENCE  # as faint as the prior allows


def test_a_quantile_is_undone():
    rng = np.random.default_rng(2)
    flux = np.exp(rng.normal(0, 3, (500, 5)))
    mass = MassConditional(flux, np.array([1.0, 2.0, 4.0, -5.0, 6.0]), np.full(5, 0.7))
    u = rng.random(500)
    np.testing.assert_allclose(mass.quantile_of(mass.draw(u)), u, atol=1e-9)

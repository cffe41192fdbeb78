"""Dust curves against reference vectors and known values."""

import numpy as np
import pytest

from sedflow.model import dust


def test_curves_are_the_reference_ones(golden):
    wave, settings = golden["dust.wave"], golden["dust.settings"]
    curve = dust.diffuse_curve(wave, settings[:, 2])
    np.testing.assert_allclose(curve, golden["dust.k_diffuse"], rtol=1e-9)
    factor = np.exp(-settings[:, :1] * dust.birth_cloud_curve(wave))
    np.testing.assert_allclose(factor, golden["dust.birthcloud_factor"], rtol=1e-9)


def test_calzetti_is_one_in_the_v_band():
    assert dust.calzetti_curve(5500.0) == pytest.approx(1.0, abs=0.01)


def test_the_bump_follows_the_slope_and_turns_negative():
    bump = dust.bump_curve(2175.0) * 4.05
    assert bump == pytest.approx(1.0)
    flat, steep = (dust.diffuse_curve(np.array([2175.0, 3000.0]), n) for n in (0.9, -0.9))
    assert steep[0] / steep[1] > flat[0] / flat[1]


def test_calzetti_falls_with_wavelength_but_for_the_seam_of_its_two_pieces():
    for low, high in ((2000, 6300), (6301, 20_000)):
        curve = dust.calzetti_curve(np.linspace(low, high, 500))
        assert (np.diff(curve) < 0).all()
        assert (curve > 0).all()
    left, right = dust.calzetti_curve(np.array([6300.0, 6300.1]))
    assert abs(right - left) < 0.01

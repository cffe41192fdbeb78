"""Histories: laws, and the original code's numbers."""

import numpy as np
from astropy.cosmology import Planck13

from sedflow.model import cosmology, sfh
from sedflow.model.sfh import load_bases


def test_edges_are_those_of_the_original_code(golden):
    edges = sfh.bin_edges(cosmology.age_gyr(golden["bins.redshift"]))
    for mine, theirs in zip(edges, golden["bins.tlb_edges"], strict=True):
        n = np.isfinite(theirs).sum()
        np.testing.assert_allclose(mine[:n], theirs[:n], atol=1e-12)
        assert (np.diff(mine[n - 1 :]) == 0).all()  # beyond the age of the universe: no width


def test_the_packaged_cosmology_is_astropys():
    """At the nodes of the table, in between, and not beyond them."""
    z = np.concatenate([np.linspace(0, 0.5, 1001), np.random.default_rng(1).uniform(0, 0.5, 500)])
    np.testing.assert_allclose(cosmology.age_gyr(z), Planck13.age(z).value, rtol=1e-9)
    distance = Planck13.luminosity_distance(z).to_value("cm")
    np.testing.assert_allclose(cosmology.luminosity_distance_cm(z), distance, rtol=1e-9)
    assert np.isnan(cosmology.age_gyr([-1e-9, 0.5001, np.nan])).all()
    assert cosmology.age_gyr(0.1).shape == ()


def test_age_and_distance_are_those_of_planck13(golden):
    z = golden["bins.redshift"]
    np.testing.assert_allclose(cosmology.age_gyr(z), golden["bins.tage_exact"], rtol=1e-9)
    far = z > 0
    np.testing.assert_allclose(
        cosmology.luminosity_distance_cm(z[far]), golden["bins.dlum_cm_exact"][far], rtol=1e-8
    )


def _original(golden):
    theta, age = golden["history.theta12"], golden["history.tage"]
    edges = sfh.bin_edges(age)
    steady = load_bases().formed_fraction(theta[:, 1:5], age)
    return theta, edges, steady


def test_star_formation_is_that_of_the_original_code(golden):
    theta, edges, steady = _original(golden)
    width = 1e9 * np.diff(edges)
    total = 10 ** theta[:, :1]
    np.testing.assert_allclose(steady * total / width, golden["history.sfh"], rtol=1e-6)
    burst = sfh.add_burst(steady, theta[:, 5], theta[:, 6], edges)
    np.testing.assert_allclose(burst * total / width, golden["history.sfh_burst"], rtol=1e-6)


def test_metallicity_is_that_of_the_original_code(golden):
    theta, edges, steady = _original(golden)
    z = load_bases().metallicity(theta[:, 7:9], sfh.bin_centers(edges))
    np.testing.assert_allclose(z, golden["history.zh"], rtol=1e-6)
    np.testing.assert_allclose((steady * z).sum(1), golden["history.z_mw"], rtol=1e-6)
    burst = sfh.add_burst(steady, theta[:, 5], theta[:, 6], edges)
    np.testing.assert_allclose((burst * z).sum(1), golden["history.z_mw_burst"], rtol=1e-6)


def test_ages_and_rates_are_those_of_the_original_code(golden):
    theta, edges, steady = _original(golden)
    mass = steady * 10 ** theta[:, :1]
    centers = sfh.bin_centers(edges)
    np.testing.assert_allclose((steady * centers).sum(1), golden["history.t_mw"], rtol=1e-6)
    for gyr, name in ((1.0, "avgsfr_1gyr"), (0.1, "avgsfr_0p1gyr")):
        rate = sfh.average_sfr(mass, edges, gyr)
        np.testing.assert_allclose(rate, golden[f"history.{name}"], rtol=1e-6)
        rate = sfh.average_sfr(mass, edges, gyr, theta[:, 5], theta[:, 6])
        np.testing.assert_allclose(rate, golden[f"history.{name}_burst"], rtol=1e-6)


def test_a_fine_quadrature_gives_the_same_masses():
    """The exact integral of the piecewise-linear bases against a trapezoid rule."""
    bases = load_bases()
    age = 12.0
    edges = sfh.bin_edges(age)
    t = np.linspace(0, age, 2_000_001)
    curve = np.interp(t, bases.t_lookback, bases.sfh[1])
    low = t < bases.t_lookback[0]
    slope = (bases.sfh[1, 1] - bases.sfh[1, 0]) / (bases.t_lookback[1] - bases.t_lookback[0])
    curve[low] = bases.sfh[1, 0] + slope * (t[low] - bases.t_lookback[0])
    cumulative = np.concatenate([[0], np.cumsum((curve[1:] + curve[:-1]) / 2 * np.diff(t))])
    expected = np.diff(np.interp(edges, t, cumulative)) / cumulative[-1]
    fraction = bases.formed_fraction(np.array([0.0, 1.0, 0.0, 0.0]), age)
    np.testing.assert_allclose(fraction, expected, atol=1e-9)


def test_mass_is_conserved_whatever_the_burst(theta):
    age = cosmology.age_gyr(np.linspace(0.002, 0.3, len(theta)))
    steady = load_bases().formed_fraction(theta[:, 1:5], age)
    np.testing.assert_allclose(steady.sum(1), 1, atol=1e-12)
    burst = sfh.add_burst(steady, theta[:, 5], theta[:, 6], sfh.bin_edges(age))
    np.testing.assert_allclose(burst.sum(1), 1, atol=1e-12)


def test_average_over_the_whole_age_is_the_whole_mass(theta):
    age = 13.0
    edges = sfh.bin_edges(np.full(len(theta), age))
    steady = load_bases().formed_fraction(theta[:, 1:5], edges[:, -1])
    rate = sfh.average_sfr(steady, edges, age, theta[:, 5], np.minimum(theta[:, 6], 12.9))
    np.testing.assert_allclose(rate * age * 1e9, 1, atol=1e-9)

"""Weights 1/Vmax: against astropy, and on a survey whose luminosity function is known."""

import numpy as np
import pytest
from astropy import units as u

from sedflow.errors import SedflowError
from sedflow.population.volume import inverse_vmax


def test_a_volume_is_that_of_astropy():
    from astropy.cosmology import Planck13

    z, area = np.array([0.01, 0.05, 0.2]), 2000.0
    at_the_limit = inverse_vmax(z, 17.0, limit=17.0, area=area)  # Vmax ends where the galaxy is
    share = area / 41252.96
    expected = 1 / (share * Planck13.comoving_volume(z).value)
    np.testing.assert_allclose(at_the_limit, expected, rtol=2e-3)


def test_a_flux_limit_is_corrected():
    """Galaxies of three luminosities, even in space: the weights give back their densities."""
    from astropy.cosmology import Planck13

    rng, found = np.random.default_rng(1), []
    n, z_high = 60_000, 0.15
    whole = Planck13.comoving_volume(z_high).value
    for absolute in (-19.0, -20.0, -21.0):
        radius = Planck13.comoving_distance(z_high).value * rng.random(n) ** (1 / 3)
        nodes = np.linspace(0, z_high, 500)
        z = np.interp(radius, Planck13.comoving_distance(nodes).value, nodes)
        m = absolute + Planck13.distmod(np.maximum(z, 1e-6)).value
        seen = (m <= 17.0) & (z > 1e-4)
        weights = inverse_vmax(z[seen], m[seen], 17.0, 41252.96, z_high=z_high)
        error = np.sqrt(np.square(weights).sum())
        found.append((weights.sum() - n / whole) / error)
        assert seen.mean() < 0.9
    assert np.all(np.abs(found) < 3.5)


def test_brighter_galaxies_weigh_less_and_a_larger_area_divides():
    one = inverse_vmax([0.03, 0.03], [14.0, 16.0], 17.0, 100.0)
    assert one[0] < one[1]
    np.testing.assert_allclose(inverse_vmax([0.03], [14.0], 17.0, 200.0), one[:1] / 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"limit": 15.5}, "1 galaxies are not in the sample"),
        ({"limit": 17.0, "z_high": 0.02}, "z = 0.03"),
        ({"limit": 17.0, "area": 0}, "part of the sky"),
        ({"limit": 17.0, "z_low": 0.4, "z_high": 0.3}, "z_low < z_high"),
    ],
)
def test_what_the_limits_do_not_describe_is_refused(options, words):
    with pytest.raises(SedflowError, match=words):
        inverse_vmax([0.03], [16.0], **{"area": 100.0, **options})


def test_a_near_volume_is_that_of_astropy():
    from astropy.cosmology import Planck13

    z = np.array([1e-5, 1e-4, 2e-4, 1e-3])  # between even nodes, these were wrong by up to 68 %
    found = inverse_vmax(z, 17.0, limit=17.0, area=41252.96)
    np.testing.assert_allclose(found, 1 / Planck13.comoving_volume(z).value, rtol=1e-4)


def test_units_are_converted_and_masked_galaxies_refused():
    z, m = np.array([0.02, 0.03]), np.array([15.0, 16.0])
    expected = inverse_vmax(z, m, 17.7, 1000)
    area = (1000 * u.deg**2).to(u.sr)
    found = inverse_vmax(z * u.dimensionless_unscaled, m * u.mag, 17_700 * u.mmag, area)
    np.testing.assert_allclose(found, expected)
    with pytest.raises(SedflowError, match="z = nan"):
        inverse_vmax(np.ma.array(z, mask=[0, 1]), m, 17.7, 1000)


def test_ab_magnitudes_of_astropy_are_magnitudes():
    z, m = np.array([0.02, 0.03]), np.array([15.0, 16.0])
    expected = inverse_vmax(z, m, 17.7, 1000)
    for unit, scale in ((u.ABmag, 1), (u.mag(u.AB), 1), (u.MagUnit(u.AB, u.mmag), 1000)):
        found = inverse_vmax(z, scale * m * unit, 17.7 * u.ABmag, 1000)
        np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(inverse_vmax(z, [*(m * u.ABmag)], 17.7 * u.mag, 1000), expected)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"magnitude": [15.0, 16.0] * u.STmag}, r"magnitude has the unit 'mag\(ST\)'"),
        ({"limit": 17.0 * u.mag("uJy")}, r"limit has the unit 'mag\(uJy\)'"),
        ({"redshift": [0.02], "magnitude": [17.0], "z_low": 0.02}, "its volume is 0"),
        ({"magnitude": [15.0, 15.0, 15.0]}, "one of each galaxy"),
        ({"limit": [17.0, 17.0]}, "limit has the shape"),
        ({"area": 1000 * u.mag}, "area has the unit"),
        ({"magnitude": [-99.0, 16.0]}, "magnitude = -99 of 1 galaxies: catalogues write"),
        ({"magnitude": [15.0, -9999.0]}, "magnitude = -9999 of 1 galaxies"),
        ({"limit": np.nan}, "limit = nan; give the faintest"),
    ],
)
def test_what_has_no_volume_is_refused(change, words):
    given = {"redshift": [0.02, 0.03], "magnitude": [15.0, 16.0], "limit": 17.0, "area": 1000}
    with pytest.raises(SedflowError, match=words):
        inverse_vmax(**(given | change))


def test_a_galaxy_near_both_ends_has_a_small_volume():
    z = np.nextafter(np.linspace(0.01, 0.3, 200), 1.0)
    for redshift in z.tolist():
        assert inverse_vmax([redshift], [17.0], 17.0, 100, z_low=redshift * (1 - 1e-6))[0] > 0

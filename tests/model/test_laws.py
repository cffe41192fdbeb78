"""Laws that the model must keep for any galaxy, looked for by hypothesis."""

import numpy as np
import pytest
from fuzz import count, inputs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import sedflow
from sedflow.model.cosmology import luminosity_distance_cm
from sedflow.parameters import N_FREE, index

# Points of the unbounded space where the prior is a standard normal: four sigma is all of it.
POINTS = arrays(float, N_FREE, elements=st.floats(-4, 4))
REDSHIFT = st.floats(0.001, 0.27)


def galaxy(x):
    return sedflow.Prior().from_unbounded(x)


def check_mass(model, x, z):
    theta = galaxy(x)
    formed = model.sfh(theta, z) * np.diff(model.time_bins(z)) * 1e9
    assert (formed >= 0).all()
    assert formed.sum() == pytest.approx(10 ** theta[0], rel=1e-9)
    shares = model.populations(theta[None], np.array([z])).mass
    assert shares.sum() == pytest.approx(1.0, rel=1e-12)
    left = model.surviving_fraction(theta, z)
    assert 0.3 < left <= 1.0
    count("law kept")


def check_dust(model, x, z, name, more):
    clear = galaxy(x)
    dusty = clear.copy()
    dusty[index(name)] = min(3.0, clear[index(name)] + more)
    before, after = (model.spectrum(t, z).flux for t in (clear, dusty))
    assert (after <= before * (1 + 1e-12)).all()
    bands = ("u", "g", "r", "i", "z", "J")
    assert (
        model.photometry(dusty, z, bands) <= model.photometry(clear, z, bands) * (1 + 1e-12)
    ).all()
    count("law kept")


def check_energy(model, x, z):
    """Bolometric flux x 4 pi d_L^2 is the luminosity, wherever the galaxy is put. Its age there
    is another, so that it is one burst, which is as old everywhere."""
    theta = galaxy(x)
    theta[index("f_burst")], theta[index("t_burst")] = 1.0, min(theta[index("t_burst")], 9.0)
    luminosity = [
        (model.spectrum(theta, at).flux * np.diff(model.grid.wave_edges * (1 + at))).sum()
        * luminosity_distance_cm(at) ** 2
        for at in (z, 0.15)
    ]
    assert luminosity[0] == pytest.approx(luminosity[1], rel=1e-9)
    count("law kept")


def check_scale(model, x, z, step):
    """Light goes with mass, in every band and both ways of reckoning."""
    light = galaxy(x)
    light[0] = 9.0
    heavy = light.copy()
    heavy[0] += step
    for method in ("exact", "fast"):
        np.testing.assert_allclose(
            model.photometry(heavy, z, method=method),
            10**step * model.photometry(light, z, method=method),
            rtol=1e-11,
        )
    count("law kept")


@inputs(6)
@given(POINTS, REDSHIFT)
def test_all_of_the_mass_is_formed_and_some_survives(model, x, z):
    check_mass(model, x, z)


@inputs(6)
@given(POINTS, REDSHIFT, st.sampled_from(["tau_bc", "tau_ism"]), st.floats(0, 3))
def test_more_dust_never_brightens_any_wavelength(model, x, z, name, more):
    check_dust(model, x, z, name, more)


@inputs(6)
@given(POINTS, REDSHIFT)
def test_redshifting_conserves_energy(model, x, z):
    check_energy(model, x, z)


@inputs(6)
@given(POINTS, REDSHIFT, st.floats(-2, 3))
def test_light_goes_with_mass(model, x, z, step):
    check_scale(model, x, z, step)


BATCH = st.integers(2, 12).flatmap(
    lambda n: st.tuples(
        arrays(float, (n, N_FREE), elements=st.floats(-3, 3)),
        arrays(float, n, elements=REDSHIFT),
        st.permutations(range(n)),
    )
)


@inputs(6)
@given(BATCH)
def test_a_permuted_batch_permutes_the_photometry(model, batch):
    x, z, order = batch
    theta = galaxy(x)
    # To rounding: sums over a batch of another order are grouped in another way.
    for method, rtol in (("exact", 1e-12), ("fast", 3e-6)):
        flux = model.photometry(theta, z, method=method)
        again = model.photometry(theta[order], z[order], method=method)
        np.testing.assert_allclose(again, flux[order], rtol=rtol, atol=1e-9 * flux.max())
    count("law kept")


@pytest.mark.slow
@inputs(10)
@given(BATCH)
def test_a_permuted_batch_permutes_the_posterior_to_the_last_bit(posterior, batch):
    x, z, order = batch
    flux = np.maximum(posterior.model.photometry(galaxy(x), z, method="fast"), 1e-3)
    galaxies = sedflow.Photometry(flux, 0.03 * flux, z)
    draws = posterior.sample(galaxies, n=20, seed=3)
    again = posterior.sample(galaxies[list(order)], n=20, seed=3)
    np.testing.assert_array_equal(again.theta, draws.theta[list(order)])
    count("law kept")


@pytest.mark.slow
@inputs(150)
@given(POINTS, REDSHIFT, st.sampled_from(["tau_bc", "tau_ism"]), st.floats(0, 3), st.floats(-2, 3))
def test_the_laws_hold_for_hundreds_of_galaxies(model, x, z, name, more, step):
    check_mass(model, x, z)
    check_dust(model, x, z, name, more)
    check_energy(model, x, z)
    check_scale(model, x, z, step)


@pytest.mark.slow
@inputs(40)
@given(POINTS, REDSHIFT, st.sampled_from(["tau_bc", "tau_ism"]), st.floats(0, 3), st.floats(-2, 3))
def test_the_laws_hold_on_the_other_grid(bc03, x, z, name, more, step):
    check_mass(bc03, x, z)
    check_dust(bc03, x, z, name, more)
    check_energy(bc03, x, z)
    check_scale(bc03, x, z, step)

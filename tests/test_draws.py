"""Draws carry their model fluxes: each is computed once, and never belongs to other draws."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

import sedflow
from sedflow.draws import Draws
from sedflow.errors import BadParameters, SedflowError
from sedflow.model.fast import FastPhotometry


@pytest.fixture
def computed(monkeypatch):
    """The number of models that each call of the fast photometry computed."""
    calls, original = [], FastPhotometry.unscaled

    def counting(self, theta, redshift):
        calls.append(len(theta))
        return original(self, theta, redshift)

    monkeypatch.setattr(FastPhotometry, "unscaled", counting)
    return calls


def test_one_fit_computes_the_flux_of_each_draw_once(posterior, nsa, computed):
    fit = sedflow.fit(nsa.photometry(72), posterior, n=1000, seed=1, trust="weights")
    assert str(fit.verdict.kind) == "exact (weights)"
    assert sum(computed) == 1000
    _ = fit.predicted.chi2, fit.log_likelihood, fit.best
    fit = sedflow.fit(nsa.photometry(72), posterior, n=1000, seed=1, trust=None)
    weighted = sedflow.reweight(fit, min_ess=0)
    _ = weighted.predicted.chi2, posterior.check(fit.photometry, draws=fit.draws)
    assert sum(computed) == 2 * 1000


def test_a_row_of_a_table_computes_the_flux_of_each_draw_once(posterior, nsa, computed):
    galaxy = nsa.photometry(72)
    table = {"id": [72], "redshift": [float(galaxy.redshift)]}
    for k, band in enumerate(galaxy.bands):
        table[f"flux_{band}"] = [galaxy.flux[k]]
        table[f"flux_err_{band}"] = [galaxy.sigma[k]]
    mapping = sedflow.catalogue.guess_mapping(table).in_unit("nanomaggies")
    frame = sedflow.infer_table(table, mapping, posterior, n=1000)
    assert frame.verdict.tolist() == ["exact (weights)"]
    assert computed[0] == 1000
    assert max(computed[1:]) <= 250  # of the posteriors that leave out a band


def test_the_flux_is_that_of_the_model_to_the_last_bit(posterior, model, nsa):
    galaxies = nsa.photometry(nsa.ids[:3])
    draws = posterior.sample(galaxies, n=200, seed=1)
    assert draws.flux_bands == galaxies.bands
    again = draws.without_flux().with_flux(galaxies, model)
    np.testing.assert_allclose(draws.flux, again.flux, rtol=2e-6)  # matrices of other heights
    one = posterior.sample(nsa.photometry(72), n=50, seed=1)
    alone = one.without_flux().with_flux(nsa.photometry(72), model)
    np.testing.assert_array_equal(one.flux, alone.flux)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_flux_follows_its_draws(posterior, model, nsa, weighted):
    galaxies = nsa.photometry(nsa.ids[:2])
    draws = posterior.sample(galaxies, n=200, seed=1)
    if weighted:
        draws = sedflow.sampling.importance.weigh(draws, galaxies, model, posterior.prior)
    for some, those in (
        (draws.galaxy(1), galaxies[1]),
        (draws.resampled(150), galaxies),
        (draws.galaxy(0).resampled(30), galaxies[0]),
    ):
        right = some.without_flux().with_flux(those, model).flux
        np.testing.assert_allclose(some.flux, right, rtol=2e-6)


def test_the_flux_of_one_model_is_not_used_for_another(posterior, bc03, nsa):
    galaxy = nsa.photometry(72)
    for trust in (None, "weights"):
        fit = sedflow.fit(galaxy, posterior, n=1000, seed=1, model=bc03, trust=trust)
        theta = fit.draws.theta
        right = bc03.photometry(theta, galaxy.redshift, galaxy.bands, method="fast")
        np.testing.assert_array_equal(fit.predicted.flux, right)


def test_other_bands_get_fluxes_of_their_own(posterior, model, nsa):
    galaxy = nsa.photometry(72)
    fit = sedflow.fit(galaxy, posterior, n=100, seed=1, trust=None)
    some = replace(fit, photometry=galaxy.in_bands(("r", "g")))
    right = model.photometry(fit.draws.theta, galaxy.redshift, ("r", "g"), method="fast")
    np.testing.assert_array_equal(some.predicted.flux, right)
    assert posterior.sample(galaxy.in_bands(("r", "g")), n=10, seed=1).flux is None


def test_a_file_does_not_hold_the_flux(posterior, nsa, tmp_path):
    fit = sedflow.fit(nsa.photometry(72), posterior, n=1000, seed=1, trust="weights")
    again = sedflow.load_fit(fit.save(tmp_path / "72.h5"))
    assert fit.draws.flux is not None
    assert again.draws.flux is None
    np.testing.assert_array_equal(again.predicted.flux, fit.predicted.flux)


def test_a_flux_of_another_shape_is_refused():
    theta = np.zeros((10, 12))
    with pytest.raises(BadParameters, match=r"flux has shape \(10, 4\), but .* \(10, 5\)"):
        sedflow.Draws(theta, flux=np.ones((10, 4)), flux_bands=tuple("ugriz"))


def test_a_sampler_may_fill_its_arrays_again():
    """The draws of an earlier galaxy became those of the later one."""
    theta, density = np.full((4, 12), 0.5), np.zeros(4)
    draws = Draws(theta, density, weights=np.full(4, 0.25))
    theta[:], density[:] = 9.0, 9.0
    assert draws.theta.max() == 0.5
    assert not draws.log_density.any()
    with pytest.raises(SedflowError, match="weights must be numbers"):
        Draws(theta, weights=["a"] * 4)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_of_results_are_frozen_too(copied, nsa, model):
    fit = sedflow.fits.Fit(nsa[72], Draws(sedflow.Prior().sample(4, seed=2)), model)
    other = copied(fit)
    for array in (
        other.draws.theta,
        other.photometry.flux,
        copied(fit.history).sfr,
        copied(fit.predicted).flux,
        copied(sedflow.nsa_noise()).median,
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    np.testing.assert_array_equal(other.history.sfr, fit.history.sfr)


def test_a_band_that_a_galaxy_does_not_have_may_be_beyond_the_grid(model):
    """Chains of g r i z were thrown away for the u that was not there."""
    theta = sedflow.Prior().sample(6, seed=3).reshape(2, 3, 12)
    seen = model.photometry(theta[:, 0], [0.45, 0.05], "griz")
    flux = np.concatenate([[[np.nan], [9.0]], seen], axis=1)
    pair = sedflow.Photometry(flux, 0.1 * flux, [0.45, 0.05])
    found = Draws(theta).with_flux(pair, model).flux
    assert np.isnan(found[0, :, 0]).all() and np.isfinite(found[1]).all()
    expected = model.photometry(theta[0], 0.45, "griz")
    np.testing.assert_allclose(found[0, :, 1:], expected, rtol=2e-3)
    one = sedflow.fits.Fit(pair[0], Draws(theta[0]), model)
    np.testing.assert_allclose(one.predicted.flux[:, 1:], expected, rtol=2e-3)
    assert np.isfinite(one.log_likelihood).all()
    with pytest.raises(SedflowError, match="model = 'bc03' is of the type str"):
        Draws(theta[0]).with_flux(pair[0], "bc03")


def test_a_fit_passes_over_the_bands_that_are_not_there(model, posterior, nsa):
    galaxy = nsa.photometry(72)
    blank = sedflow.Photometry(
        np.r_[np.nan, galaxy.flux],
        np.r_[np.nan, galaxy.sigma],
        galaxy.redshift,
        ("FUV", *galaxy.bands),
    )
    fit = sedflow.fit(blank, posterior, n=50, seed=1, trust="weights")
    assert fit.verdict.exact
    assert sedflow.reweight(sedflow.fit(blank, posterior, n=900, seed=1, trust=None)).draws.n == 900


def test_a_column_of_redshifts_is_not_taken_beside_each_galaxy(posterior):
    theta, z = posterior.prior.sample(3, np.random.default_rng(0)), np.full(3, 0.05)
    right = sedflow.derive(theta[:, None], z, posterior.model)
    with pytest.raises(BadParameters, match=r"give redshift of the shape \(3,\)"):
        sedflow.derive(theta[:, None], z[:, None], posterior.model)
    with pytest.raises(BadParameters) as refused:
        sedflow.derive(theta, z[:, None], posterior.model)
    assert "theta[..., None, :], and redshift of the shape (3,), where each row" in str(
        refused.value
    )
    assert "theta[None, None] where all" in str(refused.value)
    assert next(iter(right.values())).shape == (3, 1)
    every = sedflow.derive(theta[None, None], z[:, None], posterior.model)
    assert next(iter(every.values())).shape == (3, 1, 3)

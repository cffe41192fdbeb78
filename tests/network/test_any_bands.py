"""Galaxies with bands missing, all the way from the photometry to the exported fit."""

import numpy as np
import pytest

import sedflow
from sedflow import Photometry
from sedflow.model.likelihood import chi_square, log_likelihood


@pytest.fixture(scope="module")
def without_u():
    galaxy = sedflow.load_nsa().photometry(72)
    flux, sigma = galaxy.flux.copy(), galaxy.sigma.copy()
    flux[0] = sigma[0] = np.nan
    return Photometry(flux, sigma, galaxy.redshift, galaxy.bands, galaxy.ids)


@pytest.fixture(scope="module")
def fit(without_u, posterior):
    return sedflow.fit(without_u, posterior, n=2000, seed=1, trust="auto")


def test_an_absent_band_is_a_band_never_asked_for(without_u):
    griz = without_u.observed
    assert griz.bands == ("g", "r", "i", "z")
    flux = np.abs(np.random.default_rng(1).normal(100, 50, (7, 5)))
    np.testing.assert_allclose(
        log_likelihood(flux, without_u), log_likelihood(flux[:, 1:], griz), rtol=1e-12
    )
    np.testing.assert_allclose(chi_square(flux, without_u), chi_square(flux[:, 1:], griz))


def test_the_fit_is_exact_and_complete(fit):
    assert fit.verdict.kind == "exact (weights)"
    assert fit.draws.importance.k_hat < 0.7
    assert np.isfinite(fit.predicted.flux).all()  # u is predicted, though nobody saw it
    assert 0.001 < fit.predicted.p_value < 1
    assert np.isnan(fit.predicted.band_p_value[0])
    assert np.isfinite(fit.predicted.band_p_value[1:]).all()
    assert np.isfinite(fit.best).all()


def test_it_is_the_posterior_of_the_bands_that_are_there(fit, without_u, posterior):
    """Against draws made for griz photometry: the same galaxy, told in another way."""
    other = sedflow.fit(without_u.observed, posterior, n=2000, seed=1, trust="auto")
    np.testing.assert_array_equal(fit.draws.theta, other.draws.theta)
    # To the accuracy of the fast path, whose wavelength bins depend on the bands asked for.
    np.testing.assert_allclose(fit.draws.weights, other.draws.weights, rtol=0.1)


def test_the_domain_check_names_no_absent_band(without_u, posterior):
    check = posterior.check(without_u)
    assert check
    assert np.isnan(check.pull[0])
    assert np.isfinite(check.pull[1:]).all()
    odd = without_u.flux.copy()
    odd[2] *= 30
    odd = Photometry(odd, without_u.sigma, without_u.redshift, without_u.bands)
    check = posterior.check(odd)
    assert not check
    assert "4 good bands" in str(check)
    assert check.worst in (-1, 2)


def test_it_is_kept_and_exported(fit, tmp_path):
    again = sedflow.load_fit(fit.save(tmp_path / "fit.h5"))
    np.testing.assert_array_equal(again.photometry.flux, fit.photometry.flux)
    data = fit.to_arviz()
    assert data.observed_data["flux"].sizes["band"] == 4
    assert np.isfinite(data.log_likelihood["flux"]).all()


def test_one_band_is_enough(posterior):
    galaxy = Photometry([50.0], [1.0], 0.05, ["r"])
    fit = sedflow.fit(galaxy, posterior, n=1000, seed=1, trust="auto")
    assert fit.verdict.kind == "exact (weights)"
    prior = fit.prior.sample(4000, seed=1)
    tau = fit.draws.quantile(fit.draws["tau_ism"], [0.16, 0.5, 0.84])
    np.testing.assert_allclose(tau, np.quantile(prior[:, 10], [0.16, 0.5, 0.84]), atol=0.25)


@pytest.mark.slow
def test_mcmc_leaves_them_out_too(fit, without_u):
    draws = sedflow.MCMCSampler().sample(without_u, n=4000, seed=1)
    ours = sedflow.validation.distance(fit.draws, draws, seed=1)
    assert ours.wasserstein.mean() < 2 * ours.wasserstein_floor.mean() + 0.03
    assert draws.convergence.log_evidence == pytest.approx(float(fit.verdict.log_evidence), abs=0.2)


def test_figures_show_what_is_there(fit):
    import holoviews as hv

    from sedflow.figures.publication import posterior_figure
    from sedflow.figures.spectrum import sed

    hv.extension("bokeh")
    sed(fit, 20)
    posterior_figure(fit, 20)


def test_bands_by_longer_names_give_the_same_posterior(posterior):
    galaxy = sedflow.load_nsa().photometry(72)
    long = Photometry(
        galaxy.flux, galaxy.sigma, galaxy.redshift, [f"sdss2010-{b}" for b in galaxy.bands]
    )
    one, other = (
        sedflow.fit(g, posterior, n=1000, seed=1, trust="weights") for g in (galaxy, long)
    )
    assert other.verdict.kind == one.verdict.kind == "exact (weights)"
    np.testing.assert_allclose(other.draws.theta, one.draws.theta, rtol=1e-6)
    np.testing.assert_allclose(other.draws.weights, one.draws.weights, rtol=1e-3)
    mixed = Photometry(galaxy.flux, galaxy.sigma, galaxy.redshift, ("sdss-u", *galaxy.bands[1:]))
    found = posterior.check(mixed, draws=one.draws)
    assert found.chi2_best == posterior.check(galaxy, draws=one.draws).chi2_best
    assert "does not know" not in " ".join(found.notes[()])

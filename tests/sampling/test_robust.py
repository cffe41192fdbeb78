"""Which band is off: the likelihood against integrals, and mocks with a band made wrong."""

from dataclasses import replace

import linear
import numpy as np
import pytest
from scipy.stats import norm

import sedflow
from sedflow.errors import SedflowError
from sedflow.fits.robust import Robust
from sedflow.sampling.mixture import Mixture
from sedflow.sampling.robust import (
    OFF,
    SCALES,
    SHARES,
    blame,
    draw_robust,
    log_likelihoods,
    off_probability,
    offsets,
)


def test_the_likelihood_is_the_integral_over_the_offset(galaxy):
    flux = galaxy.flux * np.array([[1.0, 1.02, 0.9, 1.1, 1.0], [1.3, 1.0, 1.0, 1.0, 0.8]])
    good, off = log_likelihoods(flux, galaxy)
    d = np.linspace(-20, 20, 200_001)[:, None, None] * galaxy.flux
    fault = sum(p * norm.pdf(d, 0, s * galaxy.flux) for p, s in zip(SHARES, SCALES, strict=True))
    density = norm.pdf(galaxy.flux, flux + d, galaxy.sigma) * fault
    brute = OFF * np.trapezoid(density, d, axis=0)
    np.testing.assert_allclose(np.exp(off), brute, rtol=1e-6)
    np.testing.assert_allclose(
        np.exp(good), (1 - OFF) * norm.pdf(galaxy.flux, flux, galaxy.sigma), rtol=1e-9
    )
    np.testing.assert_allclose(
        off_probability(flux, galaxy), brute / (brute + np.exp(good)), rtol=1e-6
    )
    many = np.repeat(flux[:1], 20_000, axis=0)
    drawn = galaxy.flux * (1 - 10 ** (0.4 * offsets(many, galaxy)))  # flux added by the fault
    share = density[:, 0] / density[:, 0].sum(0)
    np.testing.assert_allclose(
        drawn.mean(0), (share * d[:, 0]).sum(0), atol=4 * drawn.std(0).max() / np.sqrt(20_000)
    )


@pytest.mark.parametrize("band, mag", [("i", 0.4), ("r", -0.4)])
def test_a_band_that_is_off_is_named_with_its_offset(posterior, nsa, band, mag):
    galaxy = nsa.photometry(72)
    k = galaxy.bands.index(band)
    flux = galaxy.flux * 10 ** (-0.4 * mag * (np.arange(5) == k))
    off = sedflow.Photometry(flux, galaxy.sigma, galaxy.redshift, galaxy.bands)
    fit = sedflow.fit(off, posterior, n=500, trust=None)
    found = fit.robust()
    assert found.band == band
    low, _, high = found.offset(band)
    assert low - (high - low) < mag < high + (high - low)
    assert f"{band} is off" in found.text
    assert f"{band} by" in blame(found.fit.draws, off)
    true = sedflow.fit(galaxy, posterior, n=1000)
    for name in ("log_mstar", "a_v"):
        low, high = found.fit.quantile(name, [2.5, 97.5])
        assert low < true.quantile(name, 50) < high
    assert band in found._repr_html_()


def test_a_good_galaxy_has_no_band_to_blame(posterior, nsa):
    found = sedflow.fit(nsa.photometry(72), posterior, n=500, trust=None).robust()
    assert found.band == ""
    assert found.text == "No band is probably off."
    assert max(found.off.values()) < 0.5
    assert found.fit.draws.importance.good()


@pytest.mark.parametrize(("ess", "words"), [(9.0, "No band can be named"), (90.0, "as a hint")])
def test_weights_that_fail_name_no_band(posterior, nsa, ess, words):
    galaxy = nsa.photometry(72)
    off = sedflow.Photometry(
        galaxy.flux * [1.0, 1.0, 1.0, 1.5, 1.0], galaxy.sigma, galaxy.redshift, galaxy.bands
    )
    found = sedflow.fit(off, posterior, n=300, trust=None).robust()
    assert found.band == "i" and found.told and "weights" not in found.text
    figures = replace(found.fit.draws.importance, ess=np.array(ess), k_hat=np.array(1.5))
    draws = replace(found.fit.draws, importance=figures)
    poor = Robust(replace(found.fit, draws=draws))
    assert words in poor.text and words in repr(poor) and words in poor._repr_html_()
    assert f"{ess:.0f} of" in poor.text and "k-hat 1.50" in poor.text
    assert poor.band == ("" if ess < 50 else "i") and poor.told == (ess > 50)
    assert np.isnan(poor.off["i"]) == np.isnan(poor.offset("i")).all() == (ess < 50)


def test_what_cannot_be_asked_is_told(posterior, nsa):
    many = sedflow.fit(nsa.photometry(nsa.ids[:2]), posterior, n=10, trust=None)
    with pytest.raises(SedflowError, match="one galaxy"):
        many.robust()
    two = sedflow.fit(nsa.photometry(72).select("gr"), posterior, n=10, trust=None)
    with pytest.raises(SedflowError, match="give three at least"):
        two.robust()


def test_one_band_of_the_networks_cannot_be_doubted(posterior, model):
    """It was said that there is no flux in the network's bands, where g is one."""
    theta = sedflow.Prior().sample(1, seed=3)
    flux = model.photometry(theta, 0.05, ("g", "J", "H"))[0]
    foreign = sedflow.Photometry(flux, 0.1 * flux, 0.05, ("g", "J", "H"))
    with pytest.raises(SedflowError, match=r"g is the only band here of the network's.*two at lea"):
        draw_robust(posterior, foreign, model, sedflow.Prior(), 1)


def test_the_density_of_a_mixture_is_that_of_its_parts(posterior, galaxy):
    mixture = Mixture([(posterior, None), (posterior, ("u", "g", "r", "i"))], [0.75, 0.25])
    draws = mixture.sample(galaxy, 400, seed=1)
    less = galaxy.in_bands(("u", "g", "r", "i")).in_bands(galaxy.bands)
    parts = [np.exp(posterior.log_prob(draws.theta, one)) for one in (galaxy, less)]
    expected = 0.75 * parts[0] + 0.25 * parts[1]
    np.testing.assert_allclose(np.exp(draws.log_density), expected, rtol=2e-4)  # in float32
    np.testing.assert_array_equal(draws.theta[:300], posterior.sample(galaxy, 300, seed=1).theta)


@pytest.mark.parametrize("band, times", [("r", 2.0), ("i", 1.5), ("g", 0.25)])
def test_a_gross_fault_is_named_though_most_parts_of_the_mixture_break_down(posterior, band, times):
    """Flows that see the fault squeeze their draws into points, where they cannot be inverted."""
    galaxy = sedflow.load_nsa().photometry(72)
    flux = galaxy.flux * np.where(np.array(galaxy.bands) == band, times, 1.0)
    off = sedflow.Photometry(flux, galaxy.sigma, galaxy.redshift, galaxy.bands)
    draws = draw_robust(posterior, off, posterior.model, posterior.prior, seed=1)
    assert draws.importance.good()
    assert blame(draws, off).startswith(f"Off is {band} by ")


@pytest.mark.heavy
def test_two_bands_that_are_off_are_found(posterior):
    """Of draws that left one band out 2 were effective, and a third band was named."""
    galaxy = sedflow.load_nsa().photometry(72)
    sigma = np.maximum(galaxy.sigma, 0.03 * galaxy.flux)
    times = np.array([3.0, 1.0, 1.0, 0.3, 1.0])
    off = sedflow.Photometry(galaxy.flux * times, sigma * times, galaxy.redshift, galaxy.bands)
    found = sedflow.fit(off, posterior, n=300, seed=1, trust=None).robust()
    assert found.fit.draws.importance.good()
    assert min(found.off[band] for band in "ui") > 0.9
    assert max(found.off[band] for band in "grz") < 0.1


class Squeezed(linear.GaussianSampler):
    """Its draws have a density of 1e12, and are not found again from where they lie."""

    def sample(self, galaxy, n=10_000, seed=None):
        draws = super().sample(galaxy, n, seed)
        return replace(draws, log_density=np.full(n, 1e12))

    def log_prob(self, theta, galaxy):
        return np.full(len(theta), -1e9)


def test_a_part_that_cannot_be_inverted_does_not_spoil_the_mixture():
    galaxy = linear.galaxy()
    mixture = Mixture([(Squeezed(), None), (linear.GaussianSampler(), None)])
    draws = mixture.sample(galaxy, 1000, seed=1)
    np.testing.assert_allclose(draws.log_density[:500], 1e12)
    own = linear.GaussianSampler().log_prob(draws.theta[500:], galaxy)
    np.testing.assert_allclose(draws.log_density[500:], own + np.log(0.5))


@pytest.mark.parametrize("trust, named", [("weights", False), ("proposals", True)])
def test_a_misfit_by_its_p_value_names_the_band(posterior, trust, named):
    """An exact posterior of a model that is wrong: the band is in the warning."""
    galaxy = sedflow.load_nsa().photometry(72)
    flux = galaxy.flux * [1.0, 1.0, 1.0, 1.15, 1.0]
    off = sedflow.Photometry(flux, galaxy.sigma, galaxy.redshift, galaxy.bands)
    verdict = sedflow.fit(off, posterior, n=1000, seed=1, trust=trust).verdict
    assert verdict.status == "misfit"
    assert ("Off is i by 0.2" in str(verdict)) == named


@pytest.mark.slow
def test_another_networks_fluxes_are_not_those_of_the_fits_model(posterior, model, nsa):
    """Fluxes that draws carry of the network's own grid counted as the fit's: 18 % off."""
    other, galaxy = sedflow.load_posterior("nsa-ugriz-bc03"), nsa[48]
    assert other.model is not model
    draws = draw_robust(other, galaxy, model, posterior.prior, 1)
    flux = model.photometry(draws.theta[:20], float(galaxy.redshift), galaxy.bands)
    np.testing.assert_allclose(draws.flux[:20], flux, rtol=2e-3)


def test_a_flux_below_zero_is_too_faint(posterior, nsa):
    """Its magnitude is none: what was left was said to be 5 mag too bright."""
    good = nsa.photometry(72, posterior.bands)
    flux = good.flux.copy()
    flux[0] = -200.0
    bad = sedflow.Photometry(flux, good.sigma, good.redshift, posterior.bands)
    found = sedflow.fit(bad, posterior, n=300, trust=None).robust()
    assert found.band == "u" and "all of its flux too faint." in found.text
    assert (found.offset("u", [16, 50, 84]) == np.inf).all()
    assert "u by all of its flux (too faint)" in blame(found.fit.draws, bad)
    with pytest.raises(SedflowError, match="no observed band is called 'w'"):
        found.offset("w")


def test_a_robust_fit_says_that_it_is_one_and_is_not_taken_for_a_plain_one(
    posterior, nsa, tmp_path
):
    three = nsa.photometry(72).select("gri").in_bands(posterior.bands)  # of fewer parts
    plain = sedflow.fit(three, posterior, n=500, trust=None)
    fit = plain.robust().fit
    again = sedflow.load_fit(fit.save(tmp_path / "robust.h5"))
    for one in (fit, again):
        assert "any band may be off" in repr(one) and "any band may be off" in one.title
    assert again.to_table().meta["TITLE"] == fit.title
    with pytest.raises(SedflowError, match="robust one, and a population"):
        sedflow.Population([again] * 12, of="log_mstar")
    with pytest.raises(SedflowError, match="robust one, whose evidence"):
        sedflow.Comparison({"fsps": again, "bc03": plain})
    assert "off" not in repr(sedflow.reweight(again, min_ess=0))  # weighted to the plain posterior

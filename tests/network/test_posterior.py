"""The amortized posterior: shapes, seeds, densities, the domain, and files."""

import json
import shutil

import numpy as np
import pytest
import torch
from scipy.stats import kstest

import sedflow
from sedflow.bands import nanomaggies
from sedflow.errors import BadParameters, BadPhotometry, BadWeights, UnknownBand
from sedflow.files.hashes import opened, sealed
from sedflow.files.packaged import data_path
from sedflow.model.flow_and_mass import FlowAndMass
from sedflow.network.flow import CouplingFlow, FlowConfig
from sedflow.network.weights import cached_posterior
from sedflow.parameters import FREE_NAMES, as_theta

WEIGHTS = "nsa-ugriz-fsps"


def test_one_galaxy_and_a_batch_share_one_path(posterior, nsa):
    batch = nsa.photometry(nsa.ids[:4].reshape(2, 2))
    draws = posterior.sample(batch, n=50, seed=3)
    assert draws.theta.shape == (2, 2, 50, 12)
    assert draws.shape == (2, 2)
    assert draws.n == 50
    alone = posterior.sample(nsa.photometry(nsa.ids[2]), n=50, seed=3)
    np.testing.assert_array_equal(draws.theta[1, 0], alone.theta)
    np.testing.assert_array_equal(draws["tau_ism"][1, 0], alone["tau_ism"])


@pytest.mark.slow
def test_every_draw_lies_inside_the_prior(posterior, nsa):
    draws = posterior.sample(nsa.photometry(nsa.ids[:200]), n=100, seed=1)
    as_theta(draws.theta)
    assert np.isfinite(posterior.prior.log_prob(draws.theta)).all()
    assert np.isfinite(draws.log_density).all()


def test_seeds(posterior, galaxy):
    a, b, c = (posterior.sample(galaxy, n=20, seed=s).theta for s in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    assert not np.array_equal(*(posterior.sample(galaxy, n=20).theta for _ in range(2)))


def test_the_density_of_the_draws_is_log_prob(posterior, nsa):
    batch = nsa.photometry(nsa.ids[:3])
    draws = posterior.sample(batch, n=40, seed=5)
    again = posterior.log_prob(draws.theta, batch)
    assert again.shape == (3, 40)
    np.testing.assert_allclose(again, draws.log_density, atol=5e-3)
    one = posterior.log_prob(draws.theta[:, 0], batch)
    np.testing.assert_allclose(one, again[:, 0], atol=1e-4)
    assert posterior.log_prob(draws.theta[0, 0], batch[0]).shape == ()


@pytest.mark.slow
def test_the_density_is_normalised_over_the_prior(posterior):
    """Integrate over the prior by importance sampling, for a galaxy that says little."""
    vague = sedflow.Photometry(np.full(5, 3.0), np.full(5, 3.0), 0.05)
    theta = posterior.prior.sample(20_000, seed=8)
    weights = np.exp(posterior.log_prob(theta, vague) - posterior.prior.log_prob(theta))
    error = weights.std() / np.sqrt(len(weights))
    assert weights.mean() == pytest.approx(1, abs=max(5 * error, 0.05))
    assert len(FREE_NAMES) == 11


def test_bands_in_any_order_give_the_same_posterior(posterior, galaxy):
    turned = galaxy.select(("z", "i", "r", "g", "u"))
    a, b = (posterior.sample(g, n=10, seed=1).theta for g in (galaxy, turned))
    np.testing.assert_array_equal(a, b)


def test_a_band_left_out_is_a_band_that_is_absent(posterior, galaxy):
    flux, sigma = galaxy.flux.copy(), galaxy.sigma.copy()
    flux[[0, 3]] = sigma[[0, 3]] = np.nan
    masked = sedflow.Photometry(
        [flux, galaxy.flux], [sigma, galaxy.sigma], [galaxy.redshift, galaxy.redshift]
    )
    fewer = galaxy.select(("z", "g", "r"))
    draws = posterior.sample(masked, n=50, seed=1)
    for k, alone in enumerate((fewer, galaxy)):
        expected = posterior.sample(alone, n=50, seed=1)
        np.testing.assert_array_equal(draws.theta[k], expected.theta)
        np.testing.assert_array_equal(draws.log_density[k], expected.log_density)
    np.testing.assert_allclose(
        posterior.log_prob(draws.theta[0], fewer), draws.log_density[0], atol=5e-3
    )
    assert posterior.check(masked).inside.all()


def test_a_band_that_is_not_of_the_network_is_left_aside(posterior, galaxy):
    more = sedflow.Photometry(
        [*galaxy.flux, 3.0], [*galaxy.sigma, 1.0], galaxy.redshift, (*galaxy.bands, "NUV")
    )
    a, b = (posterior.sample(g, n=10, seed=1).theta for g in (galaxy, more))
    np.testing.assert_array_equal(a, b)


def test_fewer_bands_say_less(posterior, galaxy):
    spread = [
        posterior.sample(galaxy.select(bands), n=2000, seed=1)["log_mstar"].std()
        for bands in (tuple("ugriz"), ("g", "r"), ("r",))
    ]
    assert spread[0] < spread[1] < spread[2]


def test_the_mass_follows_the_likelihood_exactly(posterior, galaxy, model):
    """Along the mass alone, the posterior density changes as the Gaussian likelihood does."""
    theta = np.repeat(posterior.sample(galaxy, n=20, seed=4).theta[:, None], 2, axis=1)
    theta[:, 1, 0] += 0.02
    flux = model.photometry(theta, galaxy.redshift, method="fast")
    chi2 = (((flux - galaxy.flux) / galaxy.sigma) ** 2).sum(-1)
    density = posterior.log_prob(theta.reshape(-1, 12), galaxy).reshape(-1, 2)
    np.testing.assert_allclose(np.diff(density), -np.diff(chi2) / 2, atol=1e-3)


def test_useless_data_leave_the_prior(posterior):
    """A single band in which nothing can be seen."""
    blind = sedflow.Photometry([0.0], [9e8], 0.05, "z")
    draws = posterior.sample(blind, n=4000, seed=2)
    unit = posterior.prior.to_unit(draws.theta)
    assert kstest(unit[:, 0], "uniform").statistic < 0.03  # the mass, exact
    assert max(kstest(u, "uniform").statistic for u in unit.T) < 0.1
    off = draws.log_density - posterior.prior.log_prob(draws.theta)
    assert abs(np.median(off)) < 0.2


def test_a_network_that_learnt_nothing_is_the_prior_times_the_mass(posterior, model):
    """Without training the flow is the standard normal: the density is known throughout."""
    config = FlowConfig(**posterior.record["architecture"] | {"layers": 2, "hidden": 16})
    naive = sedflow.AmortizedPosterior(CouplingFlow(config), posterior.record, model)
    blind = sedflow.Photometry(np.zeros(5), np.full(5, 9e8), 0.1)
    draws = naive.sample(blind, n=4000, seed=3)
    expected = naive.prior.log_prob(draws.theta)
    np.testing.assert_allclose(draws.log_density, expected, atol=2e-3)
    for u in naive.prior.to_unit(draws.theta).T:
        assert kstest(u, "uniform").statistic < 0.03


def test_a_brighter_galaxy_is_heavier(posterior, galaxy):
    bright = sedflow.Photometry(galaxy.flux * 10, galaxy.sigma * 10, galaxy.redshift)
    faint, heavy = (posterior.sample(g, n=2000, seed=1)["log_mstar"] for g in (galaxy, bright))
    assert np.median(heavy) - np.median(faint) == pytest.approx(1.0, abs=0.1)


def test_negative_flux_gets_an_answer(posterior):
    faint = sedflow.Photometry([-0.2, 0.5, 1.0, 1.5, -1.0], [0.8, 0.3, 0.4, 0.5, 2.0], 0.05)
    assert np.isfinite(posterior.sample(faint, n=100, seed=1).theta).all()


def test_predicted_photometry_goes_through_the_data(posterior, nsa):
    """Median residual of the papers' galaxy below one sigma in every band."""
    result = sedflow.fit(nsa.photometry(72), posterior, n=2000, seed=1, trust=None)
    residual = np.median(result.predicted.flux, axis=0) - result.photometry.flux
    assert (np.abs(residual) < result.photometry.sigma).all()


def test_the_domain_check_explains(posterior, nsa, galaxy):
    assert posterior.check(galaxy)
    assert str(posterior.check(galaxy)) == "inside the training domain"
    ultraviolet = np.array([30, 1, 1, 1, 1])
    blue = sedflow.Photometry(
        galaxy.flux * ultraviolet, galaxy.sigma * ultraviolet, galaxy.redshift
    )
    check = posterior.check(blue)
    assert not check
    assert "u-g = -2.70 is bluer than the models reach" in str(check)
    sharp = sedflow.Photometry(galaxy.flux, galaxy.sigma * [1, 1, 0.01, 1, 1], galaxy.redshift)
    assert "the error in r" in str(posterior.check(sharp))
    far = sedflow.Photometry(galaxy.flux, galaxy.sigma, 0.4)
    assert "redshift 0.4000 is outside" in str(posterior.check(far))
    many = posterior.check(nsa.photometry(nsa.ids[:10]))
    assert many.inside.shape == (10,)
    assert len(many.reasons) == 10


def test_simulated_galaxies_are_inside_their_own_domain(posterior):
    _, galaxies = sedflow.simulate(4000, seed=31)
    check = posterior.check(galaxies, draws=False)
    floor = [any("floor" in text for text in said) for said in check.reasons]
    assert (check.inside | floor).mean() > 0.99
    assert np.mean(floor) < 0.05  # the noise has errors, rarely, that no survey's photometry has


def test_foreign_bands_and_wrong_types_are_explained(posterior, galaxy):
    with pytest.raises(UnknownBand, match="trained on u, g, r, i, z, but the photometry is in NUV"):
        posterior.sample(sedflow.Photometry([1.0], [1.0], 0.05, "NUV"))
    with pytest.raises(BadPhotometry, match=r"expected a sedflow.Photometry, got dict"):
        posterior.sample({"flux": 1})
    with pytest.raises(BadParameters, match="n = 0 draws"):
        posterior.sample(galaxy, n=0)
    with pytest.raises(BadParameters, match="theta has shape"):
        posterior.log_prob(posterior.prior.sample(3, 1).reshape(1, 1, 3, 12), galaxy)


def test_sbi_gives_the_same_posterior(posterior, galaxy):
    """sbi's DirectPosterior on the same network: same density, same moments."""
    direct = posterior.to_sbi()
    context = torch.from_numpy(posterior.context(galaxy))
    torch.manual_seed(1)
    x = direct.sample((4000,), x=context, show_progress_bars=False).numpy()
    theta = posterior.prior.from_unbounded(np.insert(x, 0, 0.3, axis=1))
    mine = posterior.sample(galaxy, n=4000, seed=1).theta
    spread = mine.std(0)
    assert (np.abs(theta.mean(0) - mine.mean(0)) < 0.1 * spread)[1:].all()
    log_prob = direct.log_prob(torch.from_numpy(x[:20]), x=context).numpy()
    density = FlowAndMass(None, posterior.prior, posterior.model, posterior.bands)
    mass = density.mass_given(theta[:20], galaxy)[0].log_prob(theta[:20, 0])
    expected = posterior.log_prob(theta[:20], galaxy) - mass
    expected -= density.log_volume(x[:20], theta[:20])
    np.testing.assert_allclose(log_prob, expected, atol=1e-2)


@pytest.fixture
def copied(tmp_path):
    for ending in ("safetensors", "json"):
        shutil.copy(data_path(f"{WEIGHTS}.{ending}"), tmp_path)
    return tmp_path / f"{WEIGHTS}.safetensors"


def _edit(weights, change):
    about = weights.with_suffix(".json")
    record = opened(json.loads(about.read_text()))
    change(record)
    about.write_text(json.dumps(sealed(record)))


def test_saved_weights_give_the_same_draws(posterior, galaxy, tmp_path):
    path = posterior.save(tmp_path)
    again = sedflow.load_posterior(path)
    np.testing.assert_array_equal(
        again.sample(galaxy, n=30, seed=2).theta, posterior.sample(galaxy, n=30, seed=2).theta
    )


def test_another_parameter_table_is_refused_by_name(copied):
    _edit(copied, lambda r: r["parameters"][9].update(high=4.0))
    with pytest.raises(BadWeights, match="tau_bc from 0 to 4, but the table says 0 to 3"):
        sedflow.load_posterior(copied)
    _edit(copied, lambda r: r["parameters"].pop(9))
    with pytest.raises(BadWeights, match="was trained without tau_bc"):
        sedflow.load_posterior(copied)


def test_damaged_weights_are_refused(copied):
    whole = copied.read_bytes()
    copied.write_bytes(whole[:-1000])
    with pytest.raises(BadWeights, match="does not match the hash"):
        sedflow.load_posterior(copied)
    copied.write_bytes(whole)
    copied.with_suffix(".json").write_text("{}")
    with pytest.raises(BadWeights, match="is not a weights record"):
        sedflow.load_posterior(copied)
    copied.with_suffix(".json").unlink()
    with pytest.raises(BadWeights, match="no weights"):
        sedflow.load_posterior(copied)


def test_unknown_weights_are_refused():
    with pytest.raises(BadWeights, match=f"no weights 'best'; give one of .*{WEIGHTS[4:]}"):
        sedflow.load_posterior("best")


@pytest.mark.parametrize(
    "every", [pytest.param(40, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.heavy)]
)
def test_every_galaxy_of_the_sample_gets_a_posterior(posterior, nsa, every):
    """None hangs, none is lost, none returns zeros; the training support covers them."""
    galaxies = nsa.photometry(nsa.ids[::every])
    draws = posterior.sample(galaxies, n=100, seed=1)
    assert np.isfinite(draws.theta).all()
    assert (draws["log_mstar"] >= 7).all()
    outside = ~posterior.check(galaxies, draws=False).inside
    assert outside.mean() < 0.02


def test_magnitudes_typed_in_are_enough(posterior):
    flux = nanomaggies([18.8, 17.8, 17.5, 17.2, 17.1])
    fit = sedflow.fit(
        sedflow.Photometry(flux, 0.03 * flux, 0.05), posterior, n=200, seed=1, trust=None
    )
    assert "log_mass_surviving" in fit.summary()["name"]


def test_files_of_a_network_that_are_changed_are_loaded_again(tmp_path):
    """As by another training in the same session: the network of before was used."""
    for source in sorted(data_path("").glob("nsa-ugriz-bc03.*")):
        shutil.copy(source, tmp_path)
    path = tmp_path / "nsa-ugriz-bc03.safetensors"
    first = cached_posterior(str(path))
    assert cached_posterior(str(path)) is first
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(BadWeights, match="is not a weights record"):
        cached_posterior(str(path))


def test_a_cached_network_is_loaded_once():
    first = cached_posterior("nsa-ugriz-bc03")
    assert cached_posterior("nsa-ugriz-bc03") is first
    assert sedflow.load_posterior("nsa-ugriz-bc03") is not first  # which its caller may change

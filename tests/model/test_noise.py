"""The noise model and the simulated galaxies."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

import sedflow
from sedflow.errors import BadParameters, BadPhotometry, SedflowError
from sedflow.model.noise import NoiseModel
from sedflow.model.simulation import draw_pairs, draw_presence, nsa_noise, simulate


def test_the_density_is_that_of_the_samples():
    """Probability integral transform of one band, the others integrated out by sampling."""
    noise = NoiseModel(
        np.array([[0.0, 1.0, 2.0]]),
        np.array([[-1.0, 0.0, 1.0]]),
        np.full((1, 3), 0.1),
        bands=("r",),
    )
    flux = np.full((200_000, 1), 10.0)
    sigma = noise.sample(flux, np.random.default_rng(1))
    grid = np.linspace(-1.2, 3.2, 40_001)
    density = np.exp(noise.log_prob(10 ** grid[:, None], np.full((40_001, 1), 10.0)))
    cdf = np.cumsum(density) * (grid[1] - grid[0])
    assert cdf[-1] == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_array_equal(  # many errors at one flux
        np.exp(noise.log_prob(10 ** grid[:, None], np.array([10.0]))), density
    )
    u = np.interp(np.log10(sigma[:, 0]), grid, cdf / cdf[-1])
    assert kstest(u, "uniform").statistic < 0.005


def test_the_fit_recovers_a_known_relation():
    rng = np.random.default_rng(2)
    flux = 10 ** rng.uniform(0, 4, (20_000, 1))
    sigma = 10 ** (0.5 * np.log10(flux) - 0.7 + 0.15 * rng.standard_normal(flux.shape))
    noise = NoiseModel.fit(flux, sigma, bands=("r",))
    x = noise.log_flux[0]
    np.testing.assert_allclose(noise.median[0], 0.5 * x - 0.7, atol=0.02)
    np.testing.assert_allclose(noise.scatter[0], 0.15, atol=0.015)


FLUX = 10 ** np.random.default_rng(5).uniform(0, 3, (60, 3))


def test_bands_may_be_a_list_or_letters():
    assert nsa_noise(["g", "r"]) is nsa_noise(("g", "r"))
    assert nsa_noise("gr").bands == ("g", "r")
    assert NoiseModel.fit(FLUX, 0.1 * FLUX, "gri").bands == ("g", "r", "i")
    with pytest.raises(BadParameters, match="g twice"):
        nsa_noise(("g", "g"))


@pytest.mark.parametrize(
    ("flux", "sigma", "options", "words"),
    [
        (np.ones((60, 5)), np.ones((60, 5)), {}, r"give \(n, 3\) of both"),
        (FLUX, FLUX[:-1], {}, r"give \(n, 3\) of both"),
        (FLUX[:, 0], FLUX[:, 0], {}, r"give \(n, 3\) of both"),
        (FLUX[:23], FLUX[:23], {}, "23 galaxies .* 12 nodes need 24"),
        (FLUX, -FLUX, {}, "0 galaxies have a flux and an error above 0 in g"),
        (np.ones((60, 3)), np.ones((60, 3)), {}, "too much alike"),
        (FLUX, FLUX, {"n_node": 1}, "n_node = 1"),
        (FLUX, FLUX, {"broad": (3.0, -1.0)}, "the lower first"),
    ],
)
def test_what_no_noise_model_is_of_is_refused(flux, sigma, options, words):
    with pytest.raises(SedflowError, match=words):
        NoiseModel.fit(flux, sigma, "gri", **options)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bands": ("g", "r", "i")}, "a row for each band"),
        ({"median": np.zeros(12)}, "a row for each band"),
        ({"scatter": -nsa_noise().scatter}, "give dex above 0"),
        ({"median": np.full_like(nsa_noise().median, np.nan)}, "is not finite"),
        ({"log_flux": -nsa_noise().log_flux}, "must ascend"),
    ],
)
def test_numbers_of_no_noise_model_are_refused(change, words):
    with pytest.raises(BadParameters, match=words):
        replace(nsa_noise(), **change)


def test_fluxes_of_other_bands_have_no_errors_of_these():
    noise, rng = nsa_noise(), np.random.default_rng(1)
    for asked in (
        lambda: noise.sample(FLUX, rng),
        lambda: noise.log_prob(FLUX, FLUX),
        lambda: noise.residual(FLUX, np.ones((60, 5))),
        lambda: noise.residual(1.0, np.ones((60, 5))),
    ):
        with pytest.raises(BadPhotometry, match=r"noise\.select\(bands\)"):
            asked()


def test_the_model_survives_json():
    noise = nsa_noise()
    again = NoiseModel.from_dict(noise.to_dict())
    np.testing.assert_allclose(again.median, noise.median, atol=1e-5)


def test_negative_and_zero_flux_have_an_error_too():
    sigma = nsa_noise().sample(np.array([[-5.0, 0, 0, 1e-9, -1e3]]), np.random.default_rng(3))
    assert (np.isfinite(sigma) & (sigma > 0)).all()


def test_an_absent_band_is_integrated_out():
    noise, rng = nsa_noise(), np.random.default_rng(4)
    flux = 10 ** rng.uniform(-1, 3, (500, 5))
    sigma = noise.sample(flux, rng)
    fewer = noise.select(("r", "u"))
    expected = fewer.log_prob(sigma[:, [2, 0]], flux[:, [2, 0]])
    sigma[:, [1, 3, 4]] = flux[:, [1, 3, 4]] = np.nan
    np.testing.assert_allclose(noise.log_prob(sigma, flux), expected, rtol=1e-12)


def test_half_of_the_training_pairs_have_all_bands_and_the_rest_any_number():
    present = draw_presence(40_000, 5, np.random.default_rng(2))
    share = np.bincount(present.sum(1), minlength=6) / len(present)
    np.testing.assert_allclose(share, [0, 0.125, 0.125, 0.125, 0.125, 0.5], atol=0.01)
    np.testing.assert_allclose(present.mean(0), 0.75, atol=0.01)


@pytest.mark.slow
def test_pairs_with_absent_bands_weigh_little_too(model):
    _, flux, sigma, z, log_weight = draw_pairs(
        20_000,
        np.random.default_rng(7),
        sedflow.Prior(),
        model,
        nsa_noise(),
        nearness=2.0,
        presence=draw_presence,
    )
    np.testing.assert_array_equal(np.isnan(flux), np.isnan(sigma))
    assert np.isnan(flux).any(1).mean() == pytest.approx(0.5, abs=0.02)
    assert np.median(z) == pytest.approx(0.001 + 0.299 / 4, abs=0.003)
    assert np.exp(log_weight).mean() == pytest.approx(1, abs=0.05)


def test_the_atlas_lies_inside_the_noise_model(nsa):
    """All but the broken measurements, whose sigma is over a thousand times the usual."""
    galaxies = nsa.photometry(nsa.ids)
    residual = nsa_noise().residual(galaxies.sigma, galaxies.flux)
    assert residual.min() > nsa_noise().broad[0]
    assert (residual > nsa_noise().broad[1]).any(1).mean() < 0.002


def test_pairs_weigh_little_and_average_to_one(model):
    pairs = draw_pairs(20_000, np.random.default_rng(5), sedflow.Prior(), model, nsa_noise())
    weight = np.exp(pairs[4])
    assert weight.mean() == pytest.approx(1, abs=0.05)
    assert weight.sum() ** 2 / (weight**2).sum() > 0.85 * weight.size


@pytest.mark.slow
def test_the_likelihood_of_simulations_is_gaussian(model):
    """In the exact posterior the standardised residuals of the truth, weighted by anything
    that depends on the data alone, are those of a unit normal."""
    theta, galaxies = simulate(20_000, seed=6)
    flux = model.photometry(theta, galaxies.redshift, method="fast")
    bright = (flux / galaxies.sigma > 3).all(1)
    pull = ((galaxies.flux - flux) / galaxies.sigma)[bright]
    assert abs(pull.mean()) < 0.03
    assert pull.std() == pytest.approx(1, abs=0.03)


def test_simulations_repeat_with_their_seed():
    a, b, c = simulate(50, seed=1), simulate(50, seed=1), simulate(50, seed=2)
    np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_array_equal(a[1].flux, b[1].flux)
    assert not np.array_equal(a[0], c[0])


def test_no_galaxies_are_a_batch_too():
    theta, galaxies = simulate(0, seed=1)
    assert theta.shape == (0, 12)
    assert galaxies.shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"n": -1}, "n = -1"), ({"n": 2.5}, "n = 2.5"), ({"redshift": (0.2, 0.1)}, "redshift range")],
)
def test_bad_requests_are_explained(arguments, message):
    with pytest.raises(BadParameters, match=message):
        simulate(**({"n": 3} | arguments))


@pytest.mark.parametrize(
    "options",
    [
        {"n": np.nan},
        {"n": "5"},
        {"n": 10**12},
        {"seed": -1},
        {"seed": "x"},
        {"seed": 1.5},
        {"redshift": (0.1,)},
        {"redshift": ("a", "b")},
        {"redshift": 0.1},
        {"redshift": (np.nan, np.nan)},
        {"prior": "nope"},
    ],
)
def test_simulate_refuses_what_it_cannot_take_in_a_sentence(options):
    with pytest.raises(BadParameters, match=r"give|must be|choose"):
        simulate(**{"n": 2, "seed": 1, **options})


def test_simulate_takes_a_prior_by_name():
    theta, _ = simulate(3, seed=1, prior="provabgs")
    np.testing.assert_array_equal(theta, simulate(3, seed=1, prior=sedflow.Prior("provabgs"))[0])

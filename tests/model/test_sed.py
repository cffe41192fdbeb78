"""The forward model: published magnitudes, laws and limits."""

import numpy as np
import pytest

from sedflow import SEDModel
from sedflow.bands import Band, ab_magnitude, add_band
from sedflow.errors import BadParameters, BadSSP, SedflowError, UnknownBand
from sedflow.model import sed
from sedflow.model.cosmology import age_gyr
from sedflow.model.sed import default_model
from sedflow.parameters import Prior

# Largest differences from the published emulator, magnitudes: median, half 16-84 %, maximum.
EMULATOR_LIMITS = (0.004, 0.003, 0.012)


def from_theta10(theta10):
    """Parameters of this package from those of the no-burst model."""
    theta = np.zeros((len(theta10), 12))
    theta[:, :5] = theta10[:, :5]
    theta[:, 6] = 5.0
    theta[:, 7:9] = np.log10(theta10[:, 5:7])
    theta[:, 9:] = theta10[:, 7:]
    return theta


def test_fsps_magnitudes_are_those_of_the_published_emulator(model, golden):
    flux = model.photometry(from_theta10(golden["emulator.theta10"]), golden["emulator.redshift"])
    difference = ab_magnitude(flux) - golden["emulator.mag"]
    median, half, largest = EMULATOR_LIMITS
    low, middle, high = np.percentile(difference, [16, 50, 84], axis=0)
    assert (np.abs(middle) <= median).all()
    assert ((high - low) / 2 <= half).all()
    assert np.abs(difference).max() <= largest


def test_bc03_magnitudes_are_those_of_an_independent_model(bc03, golden):
    flux = bc03.photometry(from_theta10(golden["bc03.theta10"]), golden["bc03.redshift"])
    assert np.abs(ab_magnitude(flux) - golden["bc03.mag_nmf_feh"]).max() <= 0.01


def test_bc03_bursts_are_those_of_an_independent_model(bc03, golden):
    """Where the burst is younger than the universe: elsewhere this model differs on purpose.

    Between the grid's nodes at 10.0 and 11.2 Myr, where red supergiants appear, the
    independent model has finer ages: 0.02 mag.
    """
    theta = golden["bc03.theta12"].copy()
    theta[:, 7:9] = np.log10(theta[:, 7:9])
    flux = bc03.photometry(theta, golden["bc03.redshift_burst"])
    worst = np.abs(ab_magnitude(flux) - golden["bc03.mag_burst_feh"]).max(1)
    exists = theta[:, 6] < golden["bc03.tage_burst"]
    supergiants = (theta[:, 6] > 0.010) & (theta[:, 6] < 0.0112)
    assert worst[exists & ~supergiants].max() <= 0.01
    assert worst[exists & supergiants].max() <= 0.02
    assert (exists & ~supergiants).sum() > 40


@pytest.mark.parametrize("z", [0.01, 0.15, 0.27])
def test_the_fast_path_agrees(model, theta, z):
    exact = ab_magnitude(model.photometry(theta, z))
    fast = ab_magnitude(model.photometry(theta, z, method="fast"))
    assert np.percentile(np.abs(fast - exact), 99.9) < 0.001


@pytest.mark.slow
@pytest.mark.parametrize("ssp", ["fsps", "bc03"])
def test_the_fast_path_agrees_over_the_prior(ssp):
    """The acceptance figure: 1,000 draws with bursts, 99.9th percentile below 0.001 mag."""
    from sedflow import Prior

    model, rng = SEDModel(ssp), np.random.default_rng(4)
    theta, z = Prior().sample(1000, seed=21), rng.uniform(0.001, 0.27, 1000)
    exact = ab_magnitude(model.photometry(theta, z))
    fast = ab_magnitude(model.photometry(theta, z, method="fast"))
    assert np.percentile(np.abs(fast - exact), 99.9) < 0.001


def _filter(name, centre, width, rippled=False):
    """A filter of a Gaussian's shape, or a comb of seven teeth with its width [A] each."""
    centres = [centre + 60.0 * k for k in range(-3, 4)] if rippled else [centre]
    wave = np.arange(centres[0] - 5 * width, centres[-1] + 5 * width, width / 8)
    return add_band(
        Band(name, wave, sum(np.exp(-0.5 * ((wave - c) / width) ** 2) for c in centres))
    )


@pytest.mark.slow
@pytest.mark.parametrize("ssp", ["fsps-gas", "bc03"])
def test_the_fast_path_agrees_through_narrow_filters(ssp):
    """Wide bins smear the lines that they see: an exact posterior would be of other fluxes."""
    model, theta = default_model(ssp), Prior().sample(16, seed=4)
    theta[:, 0] = 10.0
    narrow = (
        _filter("halpha-5", 6563 * 1.05, 5.0),
        _filter("break-30", 3700.0, 30.0),
        _filter("comb-6", 6563 * 1.05, 6.0, rippled=True),
    )
    for name in (*(band.name for band in narrow), "odin-N419"):
        top = min(model.max_redshift((name,)), 0.3)
        for z in (np.full(16, 0.003), np.full(16, 0.05), np.linspace(0.01, top, 16)):
            exact = model.photometry(theta, z, (name,))
            fast = model.photometry(theta, z, (name,), method="fast")
            np.testing.assert_allclose(fast, exact, rtol=1e-3, err_msg=f"{name} at {z[-1]:.3f}")


def test_fast_models_of_few_sets_of_bands_are_kept(monkeypatch):
    """A visitor of a server may ask for hundreds of sets, and each takes twenty megabytes."""
    made = []
    monkeypatch.setattr(sed, "FastPhotometry", lambda model, bands: made.append(bands) or bands)
    monkeypatch.setattr(sed, "_MOST_FAST", 3)
    model = SEDModel()
    for bands in ("u", "g", "r", "u", "i", "u", "g"):
        assert model.fast(bands) == (bands,)
    assert [*model._fast] == [("i",), ("u",), ("g",)]  # the latest three
    assert made == [("u",), ("g",), ("r",), ("i",), ("g",)]


def test_a_filter_that_sees_less_than_the_grid_resolves_is_refused(model, theta):
    spike = add_band(Band("spike", np.array([6000.0, 6000.5, 6001.0]), np.array([0.0, 1.0, 0.0])))
    with pytest.raises(UnknownBand, match="A wide, and the wavelength bins"):
        model.photometry(theta, 0.05, (spike.name,))


def test_without_dust_is_the_limit_of_no_dust(model, theta):
    clear = theta[:5].copy()
    clear[:, 9:11] = 0
    np.testing.assert_allclose(
        model.spectrum(clear, 0.1).flux, model.spectrum(theta[:5], 0.1, dust=False).flux
    )


def test_one_galaxy_is_a_batch_of_shape_nothing(model, theta):
    batch = model.photometry(theta[:6].reshape(2, 3, 12), 0.1)
    assert batch.shape == (2, 3, 5)
    np.testing.assert_allclose(model.photometry(theta[4], 0.1), batch[1, 1], rtol=1e-12)
    assert model.spectrum(theta[0], 0.1).wavelength.shape == model.grid.wave.shape
    assert model.spectrum(theta[:2], [0.1, 0.2]).wavelength.shape == (2, model.grid.wave.size)
    assert model.sfh(theta[0], 0.1).shape == (42,)
    assert model.zh(theta[:3], 0.1).shape == (3, 42)
    assert model.photometry(np.empty((0, 12)), 0.1).shape == (0, 5)


def test_a_burst_before_the_big_bang_has_no_effect(model, theta):
    early, none = theta[:1].copy(), theta[:1].copy()
    early[0, 5:7] = 0.8, 13.2
    none[0, 5] = 0.0
    assert age_gyr(0.1) < 13.2
    np.testing.assert_allclose(model.photometry(early, 0.1), model.photometry(none, 0.1))
    np.testing.assert_allclose(model.sfh(early, 0.1), model.sfh(none, 0.1))


def test_a_pure_burst_is_one_population(model, theta):
    """f_burst = 1 at a node of the grid: the dimmed SSP itself."""
    pure = theta[:1].copy()
    pure[0, 5:7] = 1.0, 1.0
    pure[0, 10] = 0.0
    grid, z = model.grid, model.bases.metallicity(10 ** pure[:, 7:9], np.array([[1.0]]))
    i, w = grid.metallicity_weights(z[0, 0])
    node = np.abs(grid.lg_age_gyr).argmin()
    ssp = (1 - w) * grid.luminosity[i, node] + w * grid.luminosity[i + 1, node]
    young, old = model._light(model.populations(pure, np.array([0.05])))
    np.testing.assert_allclose(young.sum() + old[0], ssp, rtol=1e-9)


def test_longer_lived_birth_clouds_dim_more(theta):
    short, long = SEDModel(), SEDModel(birth_cloud_age_gyr=0.1)
    dusty = theta[:40].copy()
    dusty[:, 9] = 3.0
    ratio = long.photometry(dusty, 0.05) / short.photometry(dusty, 0.05)
    assert (ratio <= 1 + 1e-12).all()
    assert ratio[:, 0].min() < 0.9


def test_redshifts_outside_are_refused(model, theta):
    said = r"redshift = .* outside the model, which goes from 1e-06 to 0.5"
    for z in (0.0, -0.1, np.nan, 0.6):
        with pytest.raises(BadParameters, match=said):
            model.photometry(theta[0], z)
    with pytest.raises(BadParameters, match=r"redshift = 0.4 is beyond 0\.3\d*, where the 'fsps'"):
        model.photometry(theta[0], 0.4)
    with pytest.raises(BadParameters, match="broadcasts"):
        model.photometry(theta[:3], [0.1, 0.2])


def test_bands_that_the_grid_does_not_reach_are_refused(model, bc03, theta):
    with pytest.raises(UnknownBand, match=r"'FUV'.*reaches outside the 'fsps' SSP grid"):
        model.photometry(theta[0], 0.1, bands=("FUV",))
    flux = bc03.photometry(theta[0], 0.1, bands=("FUV", "NUV", "r", "twomass_J"))
    assert flux.shape == (4,)
    assert (flux > 0).all()


def test_an_unknown_method_is_refused(model, theta):
    with pytest.raises(SedflowError, match="method 'quick' is unknown"):
        model.photometry(theta[0], 0.1, method="quick")
    with pytest.raises(BadParameters, match="birth_cloud_age_gyr"):
        SEDModel(birth_cloud_age_gyr=-1)


@pytest.mark.parametrize("bad", [3, None, 1.5, ["fsps"]])
def test_a_grid_that_is_not_a_name_is_refused_in_a_sentence(bad):
    with pytest.raises(BadSSP, match=r"ssp = .*; give one of"):
        SEDModel(bad)

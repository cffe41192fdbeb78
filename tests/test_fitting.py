"""The whole chain, with an exact sampler in place of the network, and with the network."""

import numpy as np
import pytest

import sedflow
from sedflow.derived import DERIVED, derive
from sedflow.draws import Draws
from sedflow.errors import BadParameters
from sedflow.parameters import NAMES


class PriorSampler:
    """A sampler that ignores the data: its posterior is the prior, exactly known."""

    def sample(self, galaxy, n=10_000, seed=None):
        theta = sedflow.Prior().sample(int(np.prod(galaxy.shape, dtype=int)) * n, seed)
        return Draws(theta.reshape(*galaxy.shape, n, 12))


@pytest.fixture(params=["network", "prior"])
def sampler(request):
    return PriorSampler() if request.param == "prior" else sedflow.load_posterior()


def test_every_sampler_fits_one_galaxy_and_a_batch(sampler, nsa, model):
    for galaxy in (nsa.photometry(72), nsa.photometry(nsa.ids[:3])):
        fit = sedflow.fit(galaxy, sampler, n=60, seed=1, model=model)
        shape = galaxy.shape
        assert fit.draws.theta.shape == (*shape, 60, 12)
        assert fit.history.sfr.shape == (*shape, 60, 42)
        assert fit.history.quantiles("zh").shape == (3, *shape, 42)
        assert fit.predicted.flux.shape == (*shape, 60, 5)
        assert fit.predicted.chi2.shape == (*shape, 60)
        assert fit.best.shape == (*shape, 12)
        assert fit.spectra(4).flux.shape[:-1] == (*shape, 4)
        assert set(fit.derived) == {d.name for d in DERIVED}
        assert all(v.shape == (*shape, 60) for v in fit.derived.values())
        again = sedflow.fit(galaxy, sampler, n=60, seed=1, model=model)
        np.testing.assert_array_equal(fit.draws.theta, again.draws.theta)


def test_a_galaxy_of_a_batch_is_the_galaxy_alone(nsa, posterior, model):
    batch = sedflow.fit(nsa.photometry(nsa.ids[:3]), posterior, n=30, seed=1, model=model)
    one = sedflow.fit(nsa.photometry(nsa.ids[1]), posterior, n=30, seed=1, model=model)
    for name, value in one.derived.items():
        np.testing.assert_allclose(batch.derived[name][1], value, rtol=1e-10)
    np.testing.assert_allclose(batch.history.sfr[1], one.history.sfr, rtol=1e-10)


def test_the_summary_has_a_row_for_each_quantity(posterior, nsa):
    summary = sedflow.fit(nsa.photometry(72), posterior, n=500, seed=1).summary()
    assert list(summary["name"]) == [*NAMES, *(d.name for d in DERIVED)]
    assert (summary["16"] <= summary["50"]).all()
    assert (summary["50"] <= summary["84"]).all()
    many = sedflow.fit(nsa.photometry(nsa.ids[:2]), posterior, n=50, seed=1).summary()
    assert len(many) == 2
    assert list(many["id"]) == list(nsa.ids[:2])


def test_history_quantiles_are_quantiles_of_curves(posterior, nsa):
    fit = sedflow.fit(nsa.photometry(72), posterior, n=200, seed=1)
    np.testing.assert_allclose(
        fit.history.quantiles("sfr", (0.5,))[0], np.median(fit.history.sfr, axis=0)
    )


def test_derived_quantities_keep_their_laws(model, theta):
    z = 0.05
    d = derive(theta, z, model)
    assert (d["log_mass_surviving"] < d["log_mass_formed"]).all()
    assert (d["log_ssfr_1gyr"] <= -9 + 1e-9).all()
    # A mean over 1 Gyr cannot be less than a tenth of that over its last 0.1 Gyr.
    assert (d["log_sfr_1gyr"] >= d["log_sfr_100myr"] - 1 - 1e-9).all()
    assert ((d["age_mw"] > 0) & (d["age_mw"] < 13.8)).all()
    np.testing.assert_allclose(d["log_z_mw"] - d["log_z_mw_solar"], np.log10(0.019))
    np.testing.assert_allclose(d["a_v"], 1.0857 * theta[:, 10], rtol=0.12)


def test_derived_rates_are_those_of_the_original_code(model, golden):
    theta = golden["history.theta12"].copy()
    theta[:, 7:9] = np.log10(theta[:, 7:9])
    inside = np.isfinite(sedflow.Prior().log_prob(theta))
    d = derive(theta[inside, None], golden["history.redshift"][inside], model)
    for name, theirs in (
        ("log_sfr_1gyr", "avgsfr_1gyr_burst"),
        ("log_sfr_100myr", "avgsfr_0p1gyr_burst"),
        ("log_z_mw", "z_mw_burst"),
    ):
        expected = np.log10(golden[f"history.{theirs}"][inside])
        np.testing.assert_allclose(d[name][:, 0], expected, atol=1e-6)
    np.testing.assert_allclose(d["age_mw"][:, 0], golden["history.t_mw_burst"][inside], rtol=1e-6)
    assert inside.sum() > 15


def test_no_draw_is_asked_for_by_number():
    draws = Draws(np.zeros((3, 12)))
    assert draws.keys() == NAMES
    with pytest.raises(BadParameters, match="no parameter is called 'mass'"):
        draws["mass"]

"""The whole chain, with an exact sampler in place of the network, and with the network."""

import time

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import cumulative_trapezoid

import sedflow
from sedflow.draws import Draws
from sedflow.errors import BadParameters, SedflowError, UnknownName
from sedflow.flux_limits import LooksLikeMagnitudes
from sedflow.model import cosmology, sfh
from sedflow.model.derived import ALL, derive
from sedflow.model.sed import default_model
from sedflow.model.sfh import load_bases
from sedflow.parameters import NAMES, Prior, index
from sedflow.photometry import Photometry


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
        fit = sedflow.fit(galaxy, sampler, n=60, seed=1, model=model, trust=None)
        shape = galaxy.shape
        assert fit.draws.theta.shape == (*shape, 60, 12)
        assert fit.history.sfr.shape == (*shape, 60, 45)
        assert fit.history.quantiles("zh").shape == (3, *shape, 45)
        assert fit.predicted.flux.shape == (*shape, 60, 5)
        assert fit.predicted.chi2.shape == (*shape, 60)
        assert fit.best.shape == (*shape, 12)
        assert fit.spectra(4).flux.shape[:-1] == (*shape, 4)
        assert set(fit.derived) == {q.name for q in ALL} - set(NAMES)
        assert all(v.shape == (*shape, 60) for v in fit.derived.values())
        again = sedflow.fit(galaxy, sampler, n=60, seed=1, model=model, trust=None)
        np.testing.assert_array_equal(fit.draws.theta, again.draws.theta)


def test_formation_times_of_a_batch_are_those_of_its_galaxies(nsa, posterior, model):
    """A batch, and a quantile that is one number, ended in tracebacks."""
    batch = sedflow.fit(
        nsa.photometry(nsa.ids[:2]), posterior, n=30, seed=1, model=model, trust=None
    )
    times = batch.history.formation_time(0.5)
    assert times.shape == (2, 30)
    np.testing.assert_array_equal(times[1], batch[1].history.formation_time(0.5))
    assert batch.history.formation_quantiles(0.5).shape == (3, 2)
    assert batch[1].history.formation_quantiles(0.5, 50) == np.median(times[1])


def test_formation_times_are_those_of_the_histories_and_not_of_the_bins(nsa, posterior, model):
    """The share formed was linear inside bins of 2 Gyr, though a burst is a moment."""
    fit = sedflow.fit(nsa[72], posterior, n=200, seed=1, model=model, trust=None)
    age, theta = fit.history.edges[-1], fit.draws.theta
    t = np.linspace(0.0, age, 20_001)
    rate = np.array([np.interp(t, load_bases().t_lookback, one) for one in load_bases().sfh])
    since = cumulative_trapezoid(theta[:, sedflow.parameters.BETAS] @ rate, t, initial=0)
    f, moment = (theta[:, [index(name)]] for name in ("f_burst", "t_burst"))
    f = np.where(moment < age, f, 0.0)  # one before the universe has no effect
    formed = (1 - f) * (1 - since / since[:, -1:]) + f * (t < moment)
    for share in (0.1, 0.5, 0.9):
        times = fit.history.formation_time(share)
        after, before = (
            np.array([np.interp(x, t, row) for x, row in zip(times + step, formed, strict=True)])
            for step in (-0.003, 0.003)
        )
        assert (before <= share + 1e-3).all() and (share - 1e-3 <= after).all()
    np.testing.assert_allclose(fit.history.formation_time(1.0), 0.0, atol=1e-9)
    np.testing.assert_allclose(fit.history.formation_time(0.0), age)
    half = fit.history.formation_time(0.5)
    assert (half == moment[:, 0]).any()  # of draws whose burst made it


def test_a_galaxy_of_a_batch_is_the_galaxy_alone(nsa, posterior, model):
    batch = sedflow.fit(
        nsa.photometry(nsa.ids[:3]), posterior, n=30, seed=1, model=model, trust=None
    )
    one = sedflow.fit(nsa.photometry(nsa.ids[1]), posterior, n=30, seed=1, model=model, trust=None)
    for name, value in one.derived.items():
        np.testing.assert_allclose(batch.derived[name][1], value, rtol=1e-10)
    np.testing.assert_allclose(batch.history.sfr[1], one.history.sfr, rtol=1e-10)


def test_the_summary_has_a_row_for_each_quantity(posterior, nsa):
    summary = sedflow.fit(nsa.photometry(72), posterior, n=500, seed=1, trust=None).summary()
    assert list(summary["name"]) == [q.name for q in ALL]
    assert (summary["p16"] <= summary["p50"]).all()
    assert (summary["p50"] <= summary["p84"]).all()
    many = sedflow.fit(nsa.photometry(nsa.ids[:2]), posterior, n=50, seed=1, trust=None).summary()
    assert len(many) == 2
    assert list(many["id"]) == list(nsa.ids[:2])


def test_history_quantiles_are_quantiles_of_curves(posterior, nsa):
    fit = sedflow.fit(nsa.photometry(72), posterior, n=200, seed=1, trust=None)
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


def test_a_redshift_for_each_of_several_draws_is_refused(model):
    """Each draw was at each redshift: of 2,500 simulated galaxies, 20 GB."""
    theta = Prior().sample(5, 1)
    galaxies = sedflow.Photometry(np.ones((5, 5)), np.ones((5, 5)), np.full(5, 0.05))
    z = galaxies.redshift
    for ask in (
        lambda theta: derive(theta, z, model),
        lambda theta: model.history(theta, z)[1],
        lambda theta: sedflow.Draws(theta).with_flux(galaxies, model).flux,
        lambda flux: sedflow.model.chi_square(flux[..., :5], galaxies),
        lambda flux: sedflow.model.log_likelihood(flux[..., :5], galaxies),
    ):
        with pytest.raises(BadParameters, match=r"give (theta|flux)\[\.\.\., None, :\]"):
            ask(theta)
        one = ask(theta[:, None])
        assert (one["a_v"] if isinstance(one, dict) else one).shape[:2] == (5, 1)
    assert derive(theta, 0.05, model)["a_v"].shape == (5,)
    assert derive(theta[None], z, model)["a_v"].shape == (5, 5)
    assert derive(theta[0], z, model)["a_v"].shape == (5, 1)


def test_derived_rates_are_those_of_the_original_code(model, golden):
    theta = golden["history.theta12"].copy()
    theta[:, 7:9] = np.log10(theta[:, 7:9])
    inside = np.isfinite(sedflow.Prior().log_prob(theta))
    theta, z = theta[inside], golden["history.redshift"][inside]
    d = derive(theta[:, None], z, model)
    for name, theirs in (
        ("log_sfr_1gyr", "avgsfr_1gyr_burst"),
        ("log_sfr_100myr", "avgsfr_0p1gyr_burst"),
    ):
        expected = np.log10(golden[f"history.{theirs}"][inside])
        np.testing.assert_allclose(d[name][:, 0], expected, atol=1e-6)
    # Their age and metallicity have the burst in the middle of its bin, but their light, and ours
    # of both, at t_burst.
    age = cosmology.age_gyr(z)
    centers, t_burst = sfh.bin_centers(sfh.bin_edges(age)), theta[:, 6]
    held = (sfh.add_burst(np.zeros((len(z), 42)), np.ones(len(z)), t_burst, sfh.bin_edges(age))) > 0
    f_burst = theta[:, 5] * held.any(1)
    middle = np.where(held.any(1), (held * centers).sum(1), t_burst)
    moved = f_burst * (t_burst - middle)
    expected = golden["history.t_mw_burst"][inside] + moved
    np.testing.assert_allclose(d["age_mw"][:, 0], expected, rtol=1e-6)
    gamma = 10 ** theta[:, 7:9]
    richer = (
        model.bases.metallicity(gamma, t_burst[:, None])
        - model.bases.metallicity(gamma, middle[:, None])
    )[:, 0]
    expected = golden["history.z_mw_burst"][inside] + f_burst * richer
    np.testing.assert_allclose(10 ** d["log_z_mw"][:, 0], expected, rtol=1e-5)
    assert inside.sum() > 15


def test_mean_rates_are_those_of_the_history(model):
    theta = Prior().sample(2000, 1)
    theta[:500, 6] = np.random.default_rng(0).uniform(0.85, 1.15, 500)  # bursts about 1 Gyr
    d = derive(theta, 0.1, model)
    edges, sfr, _ = model.history(theta, 0.1)
    for name, gyr in (("10myr", 0.01), ("100myr", 0.1), ("1gyr", 1.0)):
        mean = (sfr * np.diff(edges) * (edges[1:] <= gyr)).sum(-1) / gyr
        np.testing.assert_allclose(np.log10(mean), d[f"log_sfr_{name}"], atol=1e-9)


def test_age_and_metals_take_the_burst_where_its_light_is(model):
    theta = Prior().sample(2, 1)
    theta[:, 5], theta[:, 6] = 1.0, [0.9, 1.1]  # one bin, two bursts
    d = derive(theta, 0.05, model)
    np.testing.assert_allclose(d["age_mw"], [0.9, 1.1])


def test_surviving_mass_is_stars_and_remnants_whichever_the_grid(model):
    theta = Prior().sample(500, 1)
    fsps, bc03 = (derive(theta, 0.05, sedflow.SEDModel(ssp)) for ssp in ("fsps", "bc03"))
    off = fsps["log_mass_surviving"] - bc03["log_mass_surviving"]
    assert abs(np.median(off)) < 0.02
    assert np.median(bc03["log_mass_surviving"] - bc03["log_mass_stars"]) > 0.08
    assert "log_mass_stars" not in fsps


def test_no_draw_is_asked_for_by_number():
    draws = Draws(np.zeros((3, 12)))
    assert draws.keys() == NAMES
    with pytest.raises(BadParameters, match="no parameter is called 'mass'"):
        draws["mass"]


@pytest.mark.parametrize("part", ["theta", "log_density", "weights"])
def test_draws_cannot_be_changed_after_they_were_judged(part):
    mine = {"theta": np.full((4, 12), 0.5), "log_density": np.zeros(4), "weights": np.full(4, 0.25)}
    draws = Draws(**mine)
    with pytest.raises(ValueError, match="read-only"):
        getattr(draws, part)[:] = 0
    mine[part][:] = mine[part]  # the array that was given stays its owner's


def test_what_a_fit_remembers_cannot_be_changed(nsa):
    """Draws of equal weight are the derived quantities themselves: later quantiles had followed."""
    draws = Draws(sedflow.Prior().sample(40, seed=2))
    one = sedflow.fits.Fit(nsa[72], draws, default_model("fsps"))
    remembered = [
        one["log_sfr_100myr"],
        one.derived["age_mw"],
        one.induced_prior["age_mw"],
        one.history.sfr,
        one.history.formed,
        one.predicted.flux,
        one.predicted.chi2,
        one.predicted.band_p_value,
        one.log_likelihood,
        one.best,
        draws.with_flux(nsa[72], one.model).flux,
        nsa.ids,
    ]
    for values in remembered:
        with pytest.raises(ValueError, match="read-only"):
            values[...] = 0


def test_a_fit_with_gas_has_its_lines_and_one_without_says_where_they_are(nsa, tmp_path):
    draws = Draws(sedflow.Prior().sample(40, seed=2))
    gas, stars = (
        sedflow.fits.Fit(nsa.photometry(72), draws, default_model(ssp))
        for ssp in ("fsps-gas", "fsps")
    )
    only = {"log_l_halpha", "ew_halpha"}
    assert set(gas.derived) - set(stars.derived) == only
    assert set(gas.samples) - set(stars.samples) == only
    assert set(gas.summary()["name"]) - set(stars.summary()["name"]) == only
    assert only <= set(gas.to_table(quantiles=False).colnames)
    assert "erg/s" in gas.summary()["log_l_halpha"]["unit"]
    assert (gas.quantile("ew_halpha") > 0).all()
    for ask in (stars.quantile, stars.samples.__getitem__, stars.values):
        with pytest.raises(UnknownName, match="needs an SSP grid with gas"):
            ask("ew_halpha")
    gas.save(tmp_path / "gas.h5")
    again = sedflow.load_fit(tmp_path / "gas.h5")
    np.testing.assert_array_equal(again["ew_halpha"], gas["ew_halpha"])


MAGNITUDES = [18.79, 17.80, 17.45, 17.21, 17.09]


def test_magnitudes_given_as_fluxes_stop_the_fit_before_the_long_steps():
    with pytest.warns(LooksLikeMagnitudes):
        galaxy = Photometry(MAGNITUDES, [0.07, 0.02, 0.02, 0.02, 0.04], 0.0488)
        start = time.process_time()
        with pytest.raises(SedflowError, match=r"looks like magnitudes.*from_magnitudes"):
            sedflow.fit(galaxy)
        assert time.process_time() - start < 30  # MCMC would take minutes
        assert sedflow.fit(galaxy, n=200, trust="weights").quality != "exact (weights)"


def test_a_blue_galaxy_whose_fluxes_look_like_magnitudes_is_fitted():
    poor = {"log_gamma1": -3.96, "log_gamma2": -3.17, "f_burst": 0.81, "t_burst": 0.031}
    poor |= {"beta1": 0.42, "beta2": 0.4, "beta3": 0.135, "beta4": 0.045}
    poor |= {"tau_bc": 0.84, "tau_ism": 2.05, "n_dust": 0.96}
    flux = sedflow.SEDModel().photometry(log_mstar=10.7, redshift=0.05, **poor)
    flux = flux * 25 / flux[0]
    with pytest.warns(LooksLikeMagnitudes):
        galaxy = Photometry(flux, np.full(5, 0.45), 0.05)
        assert sedflow.fit(galaxy, n=500).quality.startswith("exact")


def test_a_grid_is_taken_by_its_name_and_a_table_is_sent_to_where_it_belongs(galaxy):
    about = {"n": 100, "trust": "weights"}
    assert sedflow.fit(galaxy, model="bc03", **about).model.grid.name == "bc03"
    with pytest.raises(SedflowError, match=r"model = 'bpass' is unknown; choose one of"):
        sedflow.fit(galaxy, model="bpass")
    with pytest.raises(SedflowError, match=r"table of galaxies to sedflow\.infer_table"):
        sedflow.fit(pd.DataFrame({"u": [1.0]}))


@pytest.mark.slow
def test_bands_that_no_network_knows_go_to_mcmc():
    """The fit failed, though `sedflow infer --trust auto` takes MCMC for such rows."""
    galaxy = sedflow.Photometry([50.0, 100.0], [2.0, 4.0], 0.05, ("decam2014-g", "decam2014-z"))
    made = sedflow.fit(galaxy, n=500, seed=1)
    assert str(made.verdict.kind) == "exact (MCMC)"
    assert made.sampler == "smc"
    assert sedflow.fit(galaxy, n=500, trust="weights").verdict.kind == "failed"
    none = [np.nan, 50.0, 100.0]  # the network's band has no flux
    other = sedflow.Photometry(none, none, 0.05, ("r", *galaxy.bands))
    assert str(sedflow.fit(other, n=500, seed=1).verdict.kind) == "exact (MCMC)"

"""A fit in a notebook's cell: safe by default, values by name, one line, eighty columns."""

from dataclasses import replace

import h5py
import linear
import numpy as np
import pytest
from astropy.table import Table

import sedflow
from sedflow.errors import BadParameters, SedflowError, UnknownName
from sedflow.files.packaged import data_path
from sedflow.fits.summary import Summary
from sedflow.parameters import DEFAULTS, NAMES, as_theta, theta_of


@pytest.fixture(scope="module")
def fit():
    """Weighted draws of a real galaxy, by the default network and the default trust."""
    return sedflow.fit(sedflow.load_nsa()[72], n=1000)


@pytest.fixture(scope="module")
def raw():
    return sedflow.fit(sedflow.load_nsa()[72], n=1000, trust=None)


def test_a_galaxy_alone_is_enough_and_is_checked(fit):
    assert fit.verdict.kind == "exact (weights)"
    assert fit.sampler == "nsa-ugriz-fsps"
    assert fit.seed == 1
    again = sedflow.fit(sedflow.load_nsa()[72], "fsps", n=1000)
    np.testing.assert_array_equal(again.draws.theta, fit.draws.theta)
    assert sedflow.fit(sedflow.load_nsa()[72], n=1000, trust=True).quality == fit.quality


def test_a_sampler_is_called_by_what_it_does(raw):
    assert "1,000 draws of nsa-ugriz-fsps" in repr(raw)
    chains = replace(raw, sampler="smc")
    assert "1,000 draws of MCMC by tempered populations" in repr(chains)


def test_the_network_is_called_posterior_too_as_in_tables(nsa):
    named = sedflow.fit(nsa[72], posterior="bc03", n=50, trust=None)
    assert named.sampler == "nsa-ugriz-bc03"
    with pytest.raises(sedflow.SedflowError, match="two names of one argument"):
        sedflow.fit(nsa[72], "fsps", posterior="bc03")


def test_draws_that_nobody_checked_say_so_wherever_they_are_shown(raw):
    assert raw.verdict is None
    for text in (repr(raw), str(raw.summary()), repr(raw.samples), raw._repr_html_(), raw.heading):
        assert "unchecked" in text
    batch = sedflow.fit(raw.photometry.flat, n=100, trust=False)
    assert "unchecked" in repr(batch)
    assert list(batch.summary()["verdict"]) == ["unchecked"]


def test_samples_have_equal_weights_and_quantiles_respect_them(fit):
    values, weights = fit.draws["log_mstar"], fit.draws.weights
    assert np.ptp(weights) > 0
    exact = fit.draws.quantile(values, [0.16, 0.5, 0.84])
    np.testing.assert_array_equal(fit.quantile("log_mstar"), exact)
    np.testing.assert_array_equal(fit.quantile("log_mstar", [0.16, 0.5, 0.84]), exact)
    assert fit.quantile("a_v", 50) == fit.quantile("a_v", 0.5)
    assert np.median(fit["log_mstar"]) == pytest.approx(exact[1], abs=0.02)
    np.testing.assert_array_equal(fit["log_mstar"], fit.samples["log_mstar"])
    # One row of draws for all quantities: what belongs together stays together.
    np.testing.assert_array_equal(fit.samples.theta[:, 0], fit["log_mstar"])
    np.testing.assert_array_equal(fit["log_mass_formed"], fit["log_mstar"])
    # A weight of twice the mean comes about twice.
    heavy = int(weights.argmax())
    times = int((fit["log_mstar"] == values[heavy]).sum())
    assert abs(times - weights[heavy] * 1000) <= 1
    assert list(fit.samples.to_pandas().columns) == list(fit.samples)


def test_the_summary_prints_whole_in_eighty_columns(fit):
    text = str(fit.summary())
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[3 + 22].startswith("of_prior: width of the 68 % interval as a share")
    assert "Chabrier" in text
    assert "log_mstar is the mass ever formed" in " ".join(lines)
    assert lines[0] == "NSAID 72, z = 0.0488, exact (weights)"
    assert all(column in lines[1] for column in ("p16", "p50", "p84"))
    row = fit.summary()["log_mstar"]
    assert row["p50"] == fit.quantile("log_mstar", 50)
    assert f"{row['p50']:.3f}" in str(row)
    assert f"{row['p50']}" not in str(row)
    assert fit.summary()["16"][0] == row["p16"]  # as the column was called once
    many = sedflow.fit(fit.photometry.flat, n=50).summary()
    np.testing.assert_array_equal(many["log_mstar_16"], many["log_mstar_p16"])


def test_a_fit_says_of_what_the_data_say_little(fit):
    share = fit.of_prior
    assert list(share) == list(fit.keys())
    # The mass is known to some 0.1 dex of a prior of 5.5 dex; the oldest history is not.
    assert share["log_mstar"] < 0.15
    assert share["beta4"] > 0.5
    (said,) = (text for text in fit.summary().meta["foot"] if text.startswith("of_prior"))
    mostly = said.partition("(above 0.7): ")[2].rstrip(".").split(", ")
    assert set(mostly) == {name for name, value in share.items() if value > 0.7}
    # Draws of the prior are as wide as the prior.
    theta = fit.prior.sample(2000, seed=3)
    blind = replace(fit, draws=sedflow.Draws(theta), verdict=None)
    assert blind.of_prior["tau_ism"] == pytest.approx(1.0, abs=0.05)
    assert blind.of_prior["log_z_mw"] == pytest.approx(1.0, abs=0.1)


def test_print_says_the_verdict_and_the_notes(fit, nsa):
    one, *more = str(fit).splitlines()
    assert one == repr(fit) == f"{fit}"
    assert " ".join(" ".join(more).split()).startswith(str(fit.verdict))
    assert max(map(len, more)) <= 80
    small = replace(fit.photometry, sigma=0.003 * fit.photometry.flux)
    precise = replace(fit, photometry=small)
    assert "the errors in u, g, r, i, z (0.3," in " ".join(str(precise).split())
    assert not any("the errors in" in note for note in fit.notes)
    pair = sedflow.fit(nsa[[72, 2490]], n=50, trust="weights")
    assert str(pair).splitlines()[0] == repr(pair)


def test_the_summary_is_asked_by_name_as_in_pandas(fit, nsa):
    summary, median = fit.summary(), fit.quantile("a_v", 50)
    assert summary.loc["a_v", "p50"] == summary.loc["a_v"]["p50"] == median
    assert list(summary.loc[["a_v", "age_mw"], "p50"]) == [median, fit.quantile("age_mw", 50)]
    frame = summary.to_pandas()
    assert frame.loc["a_v", "p50"] == median
    assert list(summary.to_pandas(index=False).columns) == summary.colnames
    with pytest.raises(UnknownName, match="no quantity is called 'mstar'; there are log_mstar"):
        _ = summary.loc["mstar"]
    with pytest.raises(UnknownName, match="no column is called 'p5'; there are p50"):
        _ = summary.loc["a_v", "p5"]
    assert summary.iloc[0]["name"] == summary["name"][0]
    assert summary.iloc[-1, 2] == summary["p16"][-1]
    assert list(summary.iloc[:2].colnames) == summary.colnames
    assert summary.iloc[[0, 2], [0, 3]].colnames == ["name", "p50"]
    assert len(summary.iloc[:, 2:]) == len(summary)
    with pytest.raises(sedflow.SedflowError, match=r"iloc\[99\] is not in the table of"):
        _ = summary.iloc[99]
    with pytest.raises(sedflow.SedflowError, match="names go into loc"):
        _ = summary.iloc["a_v"]
    many = sedflow.fit(nsa[[72, 2490]], n=50, trust=None).summary()
    assert many.loc[2490, "a_v_p50"] == many["a_v_p50"][1] == many.to_pandas().a_v_p50[2490]
    with pytest.raises(UnknownName, match="no galaxy is called '7'; there are 72"):
        _ = many.loc[7]


@pytest.mark.parametrize("count, beside", [(1, True), (2, True), (4, True), (5, False)])
def test_a_few_galaxies_print_beside_each_other_in_eighty_columns(nsa, count, beside):
    ids = nsa.ids[:count]
    summary = sedflow.fit(nsa[ids], n=50, trust=None).summary()
    lines = str(summary).splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line for line in lines if line.startswith("age_mw")]
    assert len(rows) == (0 if not beside else (count + 1) // 2)
    shown = [f"{row[f'age_mw_p{q}']:.3f}" for row in summary for q in (16, 50, 84)]
    assert " ".join(rows).replace("age_mw", "").split() == (shown if beside else [])
    assert all(str(i) in str(summary) for i in ids)
    assert ("age_mw</td>" in summary._repr_html_()) is beside
    named = sedflow.Photometry(nsa[ids].flux, nsa[ids].sigma, nsa[ids].redshift)
    assert ("galaxy 0" in str(sedflow.fit(named, n=50, trust=None).summary())) is beside


def test_a_table_of_many_galaxies_is_cut(nsa):
    summary = sedflow.fit(nsa[nsa.ids[:60]], n=20, trust=None).summary()
    assert len(str(summary).splitlines()) < 50
    assert "and 20 more galaxies" in summary._repr_html_()


def test_unknown_names_list_the_known_closest_first(fit):
    for bad in (lambda: fit["sfr"], lambda: fit.derived["sfr"], lambda: fit.quantile("sfr")):
        with pytest.raises(UnknownName, match="there are log_sfr_10myr, log_sfr_100myr"):
            bad()
    with pytest.raises(KeyError, match="there are sfr, zh, formed"):
        fit.history.quantiles("SFR")
    with pytest.raises(BadParameters, match="the parameters are tau_ism"):
        _ = fit.draws["tauism"]
    with pytest.raises(UnknownName, match="no quantity is called 'mstar'; there are log_mstar"):
        _ = fit.summary()["mstar"]
    for q in (-1, 101, "x", [0.16, 50], []):
        with pytest.raises(sedflow.SedflowError, match="q must be quantiles"):
            fit.quantile("a_v", q)
    for q in (1, [1], [0, 1.0]):  # in a loop over per cents 1 gave the largest draw
        with pytest.raises(sedflow.SedflowError, match=r"may be 1 % or the largest draw"):
            fit.quantile("a_v", q)
    assert fit.quantile("a_v", 100) == fit.quantile("a_v", [0.5, 1])[1]
    with pytest.raises(sedflow.SedflowError, match=r"0\.1 % as 0\.001"):
        fit.quantile("a_v", [0.1, 2.5])


def test_names_complete(fit):
    for item in (fit, fit.samples, fit.summary()):
        assert "log_sfr_100myr" in item._ipython_key_completions_()
    assert fit.draws._ipython_key_completions_() == list(NAMES)


def test_things_are_one_line(fit, model, posterior, nsa):
    ess = f"{float(fit.draws.importance.ess):,.0f}"
    assert repr(fit).startswith("<Fit NSAID 72: exact (weights), k-hat ")
    assert repr(fit).endswith(f", {ess} of 1,000 draws effective>")
    report = sedflow.validation.load_report()
    batch = sedflow.fit(fit.photometry.flat, n=50)
    things = (fit, batch, fit.photometry, fit.photometry.flat, fit.draws, fit.history,
              fit.samples, fit.predicted, posterior, nsa, report, model)  # fmt: skip
    for thing in things:
        assert len(repr(thing)) < 160
        assert "\n" not in repr(thing)
        if hasattr(thing, "_repr_html_"):
            assert thing._repr_html_().startswith("<div>")


def test_only_ids_of_the_atlas_are_called_nsaid(fit):
    own = replace(fit.photometry, ids=np.asarray(7), id_name="")
    assert own.title == "7, z = 0.0488"
    assert own.flat[0].title == own.title
    assert fit.photometry.select("ug").title == "NSAID 72, z = 0.0488"
    hostile = replace(own, ids=np.asarray("<script>"))
    assert "<script>" not in hostile._repr_html_()


def test_names_and_quality_survive_a_file(fit, raw, tmp_path):
    for one in (fit, raw):
        again = sedflow.load_fit(one.save(tmp_path / "fit.h5"))
        assert repr(again) == repr(one)


def test_quality_is_that_of_the_weights_in_use(raw):
    exact = sedflow.reweight(raw)
    assert exact.quality == "exact (weights)"
    assert exact.ess == exact.draws.importance.ess
    # Other weights, another judgement: not the verdict of the fit that they came from.
    checked = sedflow.fit(raw.photometry, n=1000)
    other = sedflow.reweight(checked, prior="provabgs", min_ess=0)
    assert other.verdict is None
    good = bool(other.draws.importance.good(60))
    assert other.quality == ("exact (weights)" if good else "approximate")


def test_data_that_the_weights_fit_but_no_model_reaches_are_a_misfit(monkeypatch):
    slope = linear.SLOPE.copy()
    slope[:, 4] = 0.0
    monkeypatch.setattr(linear, "SLOPE", slope)
    one = linear.galaxy()
    flux = np.append(one.flux[:4], linear.LEVEL + 30 * one.sigma[4])
    off = sedflow.Photometry(flux, one.sigma, one.redshift)
    made = sedflow.fit(off, linear.GaussianSampler(), n=500, model=linear.LinearModel(), trust=None)
    assert sedflow.reweight(made, min_ess=0).quality == "misfit"


class Chains:
    """An exact sampler that does not state its density, and how its chains went."""

    def __init__(self, r_hat):
        self.r_hat = r_hat

    def sample(self, galaxy, n=10_000, seed=None):
        draws = linear.GaussianSampler().sample(galaxy, n, seed)
        full, one = np.full((*galaxy.shape, 12), 1.0), np.ones(galaxy.shape)
        chains = (self.r_hat * full, 900 * full, 900 * full, one, one, one, -one, one)
        return sedflow.Draws(draws.theta, convergence=sedflow.Convergence(*chains))


@pytest.mark.parametrize("r_hat, kind", [(1.0, "exact (MCMC)"), (1.3, "failed")])
def test_mcmc_that_comes_first_is_judged_by_its_chains(r_hat, kind):
    made = sedflow.fit(linear.galaxy(), Chains(r_hat), n=300, model=linear.LinearModel())
    assert made.verdict.kind == made.quality == kind
    assert f"R-hat {r_hat:.3f}" in str(made.verdict)
    assert np.isfinite(made.draws.theta).all()


def test_parameters_that_are_not_named_have_their_defaults(model):
    theta = as_theta(theta_of())
    assert theta.tolist() == [DEFAULTS[name] for name in NAMES]
    named = as_theta(theta_of(values={"log_mstar": 11.0, "beta1": 0.6}))
    assert named[0] == 11.0
    assert named[1:5].sum() == pytest.approx(1.0)
    assert named[3] / named[4] == pytest.approx(DEFAULTS["beta3"] / DEFAULTS["beta4"])
    one = model.spectrum(tau_ism=0.3, redshift=0.05)
    np.testing.assert_array_equal(one.flux, model.spectrum({**DEFAULTS, "tau_ism": 0.3}, 0.05).flux)
    assert model.photometry(log_mstar=[10.0, 11.0], redshift=0.05).shape == (2, 5)
    mags = model.magnitudes(tau_ism=0.3, redshift=0.05, bands="gr")
    np.testing.assert_allclose(
        mags, 22.5 - 2.5 * np.log10(model.photometry(tau_ism=0.3, redshift=0.05, bands="gr"))
    )
    assert model.magnitudes(np.stack([theta, theta]), 0.05).shape == (2, 5)
    with pytest.raises(BadParameters, match="no parameter is called 'tau'"):
        model.spectrum(tau=0.3)
    with pytest.raises(BadParameters, match="not both"):
        model.spectrum(theta, 0.05, tau_ism=0.3)
    with pytest.raises(BadParameters, match="must be 1"):
        model.spectrum(beta1=0.5, beta2=0.5, beta3=0.5, beta4=0.5)


def test_quantiles_of_curves_and_predictions_take_per_cent_too(nsa):
    fit = sedflow.fit(nsa[72], n=200)
    for item in (fit.history, fit.predicted):
        args = ("sfr",) if item is fit.history else ()
        np.testing.assert_array_equal(
            item.quantiles(*args, [16, 50]), item.quantiles(*args, [0.16, 0.5])
        )
    with pytest.raises(sedflow.SedflowError, match="quantiles in per cent"):
        fit.predicted.quantiles([0.5, 84])


def test_a_fit_without_draws_says_why():
    far = sedflow.Photometry([30.4, 75.8, 104.4, 130.5, 145.7], [2.0, 1.6, 2.1, 2.9, 5.7], 1.2)
    said = repr(sedflow.fit(far, n=100))
    assert said.startswith("<Fit z = 1.2000: failed, no draws: redshift = 1.2 is outside")


def test_columns_of_a_summary_can_be_chosen():
    many = Summary({"id": [1, 2], "a_v_p50": [0.1, 0.2], "a_v_p84": [0.2, 0.3]})
    assert many[["id", "a_v_p84"]].colnames == ["id", "a_v_p84"]
    assert len(many.groups) == 1  # astropy's own, of the same rows


def test_a_share_in_per_cent_is_no_share(fit):
    """50 gave a formation time of 0, without a word."""
    for wrong in (50, 90, -0.1, "t50", None, np.nan):
        with pytest.raises(sedflow.SedflowError, match=r"give a share from 0 to 1, such as 0\.5"):
            fit.history.formation_quantiles(wrong)
    assert fit.history.formation_quantiles(0.5)[1] > 0


@pytest.mark.parametrize("suffix", ["fits", "ecsv", "vot", "parquet", "h5"])
@pytest.mark.parametrize("many", [False, True])
def test_a_summary_is_written_by_astropy_in_any_format(posterior, nsa, tmp_path, suffix, many):
    galaxies = nsa.photometry(nsa.ids[:2]) if many else nsa.photometry(72)
    summary = sedflow.fit(galaxies, posterior, n=100, seed=1, trust="weights").summary()
    path = tmp_path / f"mine.{suffix}"
    options = {"vot": {"format": "votable"}, "h5": {"path": "t"}}.get(suffix, {})
    summary.write(path, **options)
    again = Table.read(path)
    assert again.colnames == summary.colnames
    name = "log_mstar_p50" if many else "p50"
    np.testing.assert_array_equal(again[name], summary[name])
    if not many:
        unit = "Msun formed" if suffix == "fits" else "M☉ formed"
        assert str(again["unit"][0]) == unit


@pytest.mark.parametrize("trust", ["weights", "auto"])
def test_a_galaxy_whose_weights_do_not_pass_is_printed(posterior, trust):
    """The figures of its weights were plain numbers in part, which has no part for a galaxy."""
    flux = np.array([1.20158, 5.85953, 15.7712, 29.5487, 47.972])
    error = 300 if trust == "weights" else 3000  # times smaller
    galaxy = sedflow.Photometry(flux, flux / error, 0.0012)
    fit = sedflow.fit(galaxy, posterior, n=500, seed=1, trust=trust)
    assert not fit.verdict.exact
    assert np.isnan(fit.draws.importance.log_evidence)
    assert fit.notes
    assert str(fit.verdict.kind) in str(fit)
    assert fit._repr_html_()


@pytest.mark.parametrize("of", [slice(0, 0), np.zeros(2, bool)])
def test_no_galaxies_have_no_draws_histories_or_spectra(posterior, nsa, of):
    two = sedflow.fit(nsa.photometry(nsa.ids[:2]), posterior, n=100, seed=1, trust="weights")
    none = two[of]
    n_bin = two.history.sfr.shape[-1]
    assert none.history.sfr.shape == (0, 100, n_bin)
    assert none.spectra(5).flux.shape == (0, 5, two.spectra(5).flux.shape[-1])
    assert none.samples.theta.shape == (0, 100, 12)
    for one in (none, none.draws, none.history, none.spectra(5), none.predicted, none.samples):
        assert repr(one)
        assert one._repr_html_() if hasattr(one, "_repr_html_") else True
    with pytest.raises(SedflowError, match=r"of one galaxy, not of .*; choose fit\[i\]"):
        _ = none.examples


def test_a_grid_without_the_mass_that_is_left_has_all_other_quantities(nsa, tmp_path):
    path = tmp_path / "mine.h5"
    keys = ("ssp_lgmet", "ssp_lg_age_gyr", "ssp_wave", "ssp_flux")
    with h5py.File(data_path("ssp_bc03.h5")) as packaged, h5py.File(path, "w") as file:
        for key in keys:
            file[key] = packaged[key][...].astype(float)
    model = sedflow.SEDModel(str(path))
    fit = sedflow.fit(nsa[72], model=model, n=500, trust="weights")
    assert "log_mass_surviving" not in fit.summary()["name"]
    assert np.isnan(fit.derived["log_mass_surviving"]).all()
    assert np.isfinite(fit.quantile("a_v", 50))
    assert fit._repr_html_()
    assert fit.plot_paper()
    with pytest.raises(UnknownName, match="ssp_mass_remaining"):
        fit.quantile("log_mass_surviving", 50)
    both = sedflow.compare(nsa[72], ("bc03", model), n=500)
    assert "log_mass_surviving" not in both.summary()["name"]
    assert both._repr_html_()
    assert both.plot()

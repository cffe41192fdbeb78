"""Grids compared by their evidence."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import sedflow
from sedflow.cli import main
from sedflow.errors import SedflowError
from sedflow.fits.compare import Comparison


@pytest.fixture(scope="module")
def found(nsa):
    return sedflow.compare(nsa.photometry(72), ("fsps", "bc03"), n=1000)


def told(one, **figures):
    return replace(one, verdict=replace(one.verdict, **figures))


def test_a_grid_weighs_as_its_evidence_says(found):
    (fsps, _), (bc03, _) = found.log_evidence.values()
    assert found.temperature == 1.0
    assert found.weights["fsps"] / found.weights["bc03"] == pytest.approx(np.exp(fsps - bc03))
    assert sum(found.weights.values()) == pytest.approx(1)
    assert "No evidence" not in found.note and "No grid" not in found.note
    for name, one in found.fits.items():
        assert one.model.grid.name == name
        assert one.verdict.log_evidence == found.log_evidence[name][0]


def test_the_note_says_what_a_single_fit_would_and_print_has_the_verdicts(nsa):
    galaxy = sedflow.Photometry.from_magnitudes(
        [18.7, 17.9, 17.5, 17.3, 17.2], [0.06, 0.02, 0.02, 0.02, 0.05], 0.1
    )
    fits = {
        name: sedflow.fit(galaxy, "nsa-ugriz-fsps", n=500, trust="weights", model=name)
        for name in ("fsps", "fsps-gas")
    }
    verdict = fits["fsps"].verdict
    known = replace(verdict, kind="exact (weights)", log_evidence=-40.0, log_evidence_error=0.1)
    fits = {name: replace(one, verdict=known) for name, one in fits.items()}
    found = Comparison(fits)
    assert "H-alpha falls into i" in found.note
    assert "Grids without gas (fsps) have 0.5 of the weight" in found.note
    printed = str(found)
    assert max(map(len, printed.splitlines())) <= 80
    assert "fsps: exact (weights), weight 0.500" in printed and "H-alpha falls" in printed


def test_the_average_lies_between_and_is_as_wide_as_both(found):
    middles = [float(one.quantile("age_mw", 50)) for one in found.fits.values()]
    average = float(found.quantile("age_mw", 50))
    assert min(middles) <= average <= max(middles)
    # The mixture's mean is the weighted mean of the means.
    at = np.linspace(0.0025, 0.9975, 200)
    means = [one.quantile("age_mw", at).mean() for one in found.fits.values()]
    mean = np.average(means, weights=list(found.weights.values()))
    assert found.quantile("age_mw", at).mean() == pytest.approx(mean, rel=0.02)
    alone = Comparison(
        {
            "a": told(found.fits["fsps"], log_evidence=0.0),
            "b": told(found.fits["bc03"], log_evidence=-1000.0),
        }
    )
    np.testing.assert_array_equal(
        alone.quantile("log_mstar"), found.fits["fsps"].quantile("log_mstar")
    )


def test_where_no_grid_fits_evidences_are_tempered_and_the_average_is_said_to_be_confident(found):
    galaxy = found.photometry
    odd = sedflow.Photometry(galaxy.flux * [1, 1, 1.5, 1, 1], galaxy.sigma, galaxy.redshift)
    off = {}
    for name, one in found.fits.items():
        fit = replace(one, photometry=odd, draws=one.draws.without_flux())
        off[name] = told(fit, p_value=0.0, p_calibrated=0.0)
    bad = Comparison(off)
    assert bad.fitting == ()
    assert bad.temperature > 1.0
    assert "No grid describes these data" in bad.note
    (a, _), (b, _) = bad.log_evidence.values()
    ratio = bad.weights["fsps"] / bad.weights["bc03"]
    assert ratio == pytest.approx(np.exp((a - b) / bad.temperature))


def test_misfits_are_named_by_the_p_values_that_their_verdicts_have(found):
    """Grids whose p-values are small only once they are calibrated counted as good ones."""
    few = {"p_value": 0.002, "p_calibrated": 4e-4}
    bad = Comparison({name: told(one, **few) for name, one in found.fits.items()})
    assert bad.fitting == () and "No grid describes these data" in bad.note
    assert str(bad).count("exact (weights), misfit") == 2
    one = Comparison(found.fits | {"bc03": told(found.fits["bc03"], **few)})
    assert one.fitting == ("fsps",) and one.temperature == 1.0
    assert "bc03 does not describe these data." in one.note
    assert str(one).count("misfit") == 1 and one._repr_html_().count("misfit") == 1


def test_a_grid_without_an_evidence_has_no_weight(found):
    lost = told(found.fits["bc03"], kind="failed")
    some = Comparison({"fsps": found.fits["fsps"], "bc03": lost})
    assert some.weights == {"fsps": 1.0, "bc03": 0.0}
    assert some.note.startswith("No evidence is known for bc03, whose weight is 0")
    with pytest.raises(SedflowError, match="no grid has an evidence"):
        _ = Comparison({"bc03": lost}).weights
    none = Comparison({"bc03": lost})
    assert repr(none).endswith(": bc03, without an evidence>")
    assert "weight unknown, ln evidence unknown" in str(none)
    assert "average, 68" not in none._repr_html_()
    assert none.note == "No evidence is known for bc03, so there is no average."
    summary = none.summary()
    assert np.isfinite(summary["bc03_p50"]).all() and np.isnan(summary["average_p50"]).all()
    assert [text.get_text() for text in none.plot().axes[0].get_yticklabels()] == [
        "bc03\nln Z unknown"
    ]


def test_fits_that_were_not_checked_are_told_so(found):
    raw = {name: replace(one, verdict=None) for name, one in found.fits.items()}
    with pytest.raises(SedflowError, match='were not checked; compare with trust="auto"'):
        _ = Comparison(raw).weights


def test_where_no_grid_fits_an_evidence_that_is_not_known_is_told(found, monkeypatch):
    lost = told(found.fits["bc03"], kind="misfit", log_evidence=np.nan)
    some = Comparison({"fsps": found.fits["fsps"], "bc03": lost})
    monkeypatch.setattr(Comparison, "fitting", ())
    assert some.weights == {"fsps": 1.0, "bc03": 0.0}
    assert some.note.startswith("No evidence is known for bc03, whose weight is 0 for that alone.")
    assert "No grid describes these data" in some.note


def test_the_ends_of_all_draws_can_be_asked_for(found):
    """0 and 100 % were refused, in the sentence that says to give them."""
    table = found.summary([0, 100])
    row = table.loc["log_mstar"] if table.indices else table[table["name"] == "log_mstar"][0]
    assert row["average_p100"] == found.quantile("log_mstar", 100)
    assert row["fsps_p0"] == found.fits["fsps"].quantile("log_mstar", 0)


def test_a_comparison_shows_itself_and_survives_a_folder(found, tmp_path):
    assert repr(found).startswith("<Comparison of NSAID 72")
    assert "ln evidence" in found._repr_html_()
    table = found.summary()
    assert {"fsps_p50", "bc03_p50", "average_p50"} <= set(table.colnames)
    again = Comparison.load(found.save(tmp_path / "grids"))
    assert again.weights == {name: found.weights[name] for name in again.fits}
    figure = found.plot(["log_mstar", "age_mw"])
    assert len(figure.axes) == 3
    with pytest.raises(SedflowError, match="holds no saved fits"):
        Comparison.load(tmp_path)


def test_a_comparison_with_a_grid_of_ones_own_survives_a_folder(found, tmp_path):
    grid = found.fits["bc03"].model.grid
    mine = sedflow.SEDModel(replace(grid, name="mine"))
    fits = {"fsps": found.fits["fsps"], "mine": replace(found.fits["bc03"], model=mine)}
    folder = Comparison(fits).save(tmp_path / "grids")
    for models in (mine, [mine]):
        again = Comparison.load(folder, models)
        assert again.fits["mine"].model is mine
        assert list(again.weights.values()) == pytest.approx(list(found.weights.values()))
    other = sedflow.SEDModel(replace(grid, name="other"))
    for models, words in (
        ((), r"or models=\[SEDModel\(\.\.\.\)\] where"),
        ([mine, other], "models has one of the grid 'other', and .* holds fits with fsps, mine"),
        ([mine, mine], "two of the models have the grid 'mine'"),
        ("mine", "give a list of sedflow.SEDModel"),
    ):
        with pytest.raises(SedflowError, match=words):
            Comparison.load(folder, models)


def test_what_cannot_be_compared_is_told(nsa):
    one = nsa.photometry(72)
    for grids, words in ((("fsps",), "two different ones"), (("fsps", "x"), "'x' is unknown")):
        with pytest.raises(SedflowError, match=words):
            sedflow.compare(one, grids)
    with pytest.raises(SedflowError, match="one galaxy"):
        sedflow.compare(nsa.photometry(nsa.ids[:2]))


@pytest.mark.slow
def test_a_grid_without_a_network_is_fitted_by_another_ones(nsa):
    """The grid with gas, by the network of the one without, or by its own."""
    found = sedflow.compare(nsa.photometry(19254), ("fsps", "fsps-gas"), n=1000)
    assert all(one.verdict.exact for one in found.fits.values())
    mcmc = sedflow.MCMCSampler(model=found.fits["fsps-gas"].model)
    chains = mcmc.sample(found.photometry, n=1000, seed=1).convergence
    error = np.hypot(found.log_evidence["fsps-gas"][1], chains.log_evidence_error)
    assert abs(found.log_evidence["fsps-gas"][0] - chains.log_evidence) < max(5 * error, 0.2)


def test_the_command_line_compares():
    out = CliRunner().invoke(main, ["compare", "72", "--grids", "fsps,bc03", "--draws", "500"])
    assert out.exit_code == 0, out.output
    assert "ln evidence" in out.output
    assert "log_mstar" in out.output
    assert "average" in out.output


def other_data(fit, nsa, what):
    """The same fit, said to be of other data."""
    galaxy = fit.photometry
    if what == "another galaxy":
        return replace(fit, photometry=nsa.photometry(2489))
    sigma, redshift = galaxy.sigma.copy(), float(galaxy.redshift)
    if what == "another error":
        sigma[2] *= 1.01
    else:
        redshift += 0.001
    return replace(fit, photometry=replace(galaxy, sigma=sigma, redshift=np.asarray(redshift)))


@pytest.mark.parametrize("what", ["another galaxy", "another error", "another redshift"])
def test_fits_of_other_data_are_not_compared(found, nsa, what):
    with pytest.raises(SedflowError, match="are of other data"):
        Comparison({**found.fits, "bc03": other_data(found.fits["bc03"], nsa, what)})


def test_fits_of_other_priors_or_of_many_galaxies_are_not_compared(found):
    bc03 = found.fits["bc03"]
    other = replace(bc03, prior=sedflow.Prior("flat" if bc03.prior.sfh != "flat" else "provabgs"))
    with pytest.raises(SedflowError, match="have the priors"):
        Comparison({**found.fits, "bc03": other})
    with pytest.raises(SedflowError, match="by the name of their grid"):
        Comparison({})
    many = sedflow.fit(sedflow.load_nsa().photometry([72, 2489]), n=100, trust=None)
    with pytest.raises(SedflowError, match="has 2 galaxies"):
        Comparison({"fsps": many})


def test_files_of_a_comparison_that_are_renamed_replaced_or_gone_are_refused(found, nsa, tmp_path):
    folder = found.save(tmp_path / "grids")
    one, two, aside = folder / "fsps.h5", folder / "bc03.h5", tmp_path / "aside.h5"
    whole = {path: path.read_bytes() for path in (one, two)}
    one.rename(aside), two.rename(one), aside.rename(two)
    with pytest.raises(SedflowError, match="is a fit with the grid"):
        Comparison.load(folder)
    for path, content in whole.items():
        path.write_bytes(content)
    two.unlink()
    with pytest.raises(SedflowError, match=r"bc03\.h5 is gone"):
        Comparison.load(folder)
    replace(found.fits["bc03"], seed=99).save(two)
    with pytest.raises(SedflowError, match=r"bc03\.h5 is not what save wrote"):
        Comparison.load(folder)
    (folder / "comparison.json").write_text("[]")
    with pytest.raises(SedflowError, match="cannot be used"):
        Comparison.load(folder)
    (folder / "comparison.json").unlink()  # as earlier versions left it
    assert set(Comparison.load(folder).fits) == {"fsps", "bc03"}


def test_a_comparison_is_not_saved_among_other_fits(found, tmp_path):
    found.fits["fsps"].save(tmp_path / "mine.h5")
    with pytest.raises(SedflowError, match=r"holds mine\.h5, which is not of this comparison"):
        found.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.h5"]


@pytest.mark.parametrize("name", ["../fsps", "/no-such/fsps", "a/b", "", "a\0b", "x" * 300])
def test_the_name_of_a_grid_leads_nowhere_else(found, tmp_path, name):
    with pytest.raises(SedflowError, match="cannot name a file"):
        Comparison({name: found.fits["fsps"]}).save(tmp_path / "grids")
    assert not list(tmp_path.rglob("*.h5"))


def test_grids_of_one_name_are_not_compared(nsa):
    grids = ("fsps", sedflow.SEDModel(), "bc03")
    with pytest.raises(SedflowError, match="two of the grids are called 'fsps'"):
        sedflow.compare(nsa.photometry(72), grids)

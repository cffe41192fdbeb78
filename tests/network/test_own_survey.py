"""Training for a survey of one's own: its bands, and its errors."""

import json

import numpy as np
import pytest

import sedflow
from sedflow.errors import SedflowError
from sedflow.figures.publication import coverage_figure, training_figure
from sedflow.model.noise import NoiseModel
from sedflow.network.training import TrainingConfig, train
from sedflow.validation import load_report, measure
from sedflow.validation.populations import in_words, populations_of

BANDS = ("decam2014-g", "decam2014-z")  # names with hyphens, as most have
SMALL = {
    "name": "mine",
    "bands": BANDS,
    "simulations": 2048,
    "batch": 256,
    "layers": 2,
    "hidden": 16,
    "warm_up": 500,
    "survey": 0.0,
}


@pytest.fixture(scope="module")
def noise_file(tmp_path_factory):
    """A survey whose errors are 5 % of the flux, over a sky of 0.3 nanomaggies."""
    flux = 10 ** np.random.default_rng(1).uniform(-1, 3, (5000, 2))
    noise = NoiseModel.fit(flux, np.hypot(0.05 * flux, 0.3), BANDS)
    path = tmp_path_factory.mktemp("survey") / "noise.json"
    path.write_text(json.dumps(noise.to_dict()))
    return path


def test_a_network_learns_bands_and_errors_of_its_own(noise_file, tmp_path):
    made = train(TrainingConfig(**SMALL, noise=str(noise_file)), tmp_path)
    assert made.record["training"]["simulations_seen"] == 2048  # and not a whole block
    again = sedflow.load_posterior(tmp_path / "mine.safetensors")
    assert again.bands == BANDS
    flux = np.array([100.0, 200.0])
    usual = 10 ** -again.noise.residual(np.ones(2), flux)
    np.testing.assert_allclose(usual, np.hypot(0.05 * flux, 0.3), rtol=0.05)
    galaxy = sedflow.Photometry(flux, usual, 0.1, BANDS)
    fit = sedflow.fit(galaxy, again, n=200, seed=1, trust=None)
    assert np.isfinite(fit.draws.theta).all()
    assert np.isfinite(fit.log_likelihood).all()
    # The check of the data split the name of a colour at every hyphen.
    assert again.check(galaxy).inside
    red = sedflow.Photometry(flux * [1e-3, 1e3], usual * [1e-3, 1e3], 0.1, BANDS)
    assert "decam2014-g-decam2014-z = " in " ".join(again.check(red).reasons[()])


def test_a_network_that_the_atlas_says_nothing_of_is_validated(noise_file, tmp_path, monkeypatch):
    """All galaxies were computed, and then there was no report."""
    made = train(TrainingConfig(**SMALL, noise=str(noise_file)), tmp_path)
    monkeypatch.setattr(measure._Measurement, "_accepted", lambda self, galaxy, draws: (draws, "x"))
    report = measure.validate(made, 60, 100, seed=1)
    assert populations_of(report) == ("prior",)  # none is brighter than S/N 20
    report.save(tmp_path / "mine.report.json")
    again = load_report(tmp_path / "mine.report.json")
    assert "mine: 60 simulated galaxies" in str(again)
    assert "drawn from the prior (60," in in_words(again)
    assert coverage_figure(again).axes


def test_a_network_of_a_band_that_some_of_the_atlas_lacks_is_validated(tmp_path, monkeypatch):
    """NSAID 72 has no flux in FUV; hours of work were lost when it came up."""
    flux = 10 ** np.random.default_rng(1).uniform(-1, 3, (5000, 1))
    noise = NoiseModel.fit(flux, np.hypot(0.05 * flux, 0.3), ("FUV",))
    (tmp_path / "fuv.json").write_text(json.dumps(noise.to_dict()))
    own = {"bands": ("FUV",), "ssp": "bc03", "noise": str(tmp_path / "fuv.json"), "survey": 0.2}
    made = train(TrainingConfig(**(SMALL | own)), tmp_path)
    monkeypatch.setattr(measure._Measurement, "_accepted", lambda self, galaxy, draws: (draws, "x"))
    monkeypatch.setattr(measure, "local_test", lambda *given: np.full(len(given[3]), 0.5))
    with pytest.raises(SedflowError, match=r"n_nsa = 9440 .* sees 8,431 in FUV"):
        measure.validate(made, 20, 100, n_nsa=9440, local=False)
    report = measure.validate(made, 20, 100, seed=7, n_nsa=10)
    assert report.summary["nsa_inside"]["galaxies"] == 8431
    assert populations_of(report)[0] == "survey"
    training_figure(made, sedflow.load_nsa(), n=100, n_fit=20)


def test_galaxies_seen_in_one_of_the_bands_have_photometry(nsa):
    assert (nsa.seen() == nsa.ids).all()
    ids = nsa.seen(("FUV", "NUV"))
    assert len(ids) < len(nsa) and 72 not in nsa.seen(("FUV",))
    assert nsa.photometry(ids, ("FUV", "NUV")).present.any(-1).all()
    assert set(nsa.seen(("FUV",))) <= set(ids)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "say nothing of decam2014-g, decam2014-z; give noise"),
        ({"noise": "here"}, "no galaxy of the NSA is seen in decam2014-g, decam2014-z"),
        ({"noise": "here", "bands": ("decam2014-g", "J"), "survey": 0.0}, "has no J; it has"),
        ({"noise": "nowhere.json"}, "cannot be opened"),
    ],
    ids=["no noise", "likeness to the NSA", "a band too many", "no file"],
)
def test_a_survey_that_cannot_be_is_refused_in_a_sentence(options, message, noise_file, tmp_path):
    if options.get("noise") == "here":
        options = options | {"noise": str(noise_file)}
    with pytest.raises(SedflowError, match=message):
        train(TrainingConfig(**(SMALL | {"survey": 0.5} | options)), tmp_path)

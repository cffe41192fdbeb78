from dataclasses import replace

import numpy as np
import pytest

import sedflow
from sedflow.errors import SedflowError
from sedflow.validation.bins import properties
from sedflow.validation.near import coverage_in_bins
from sedflow.validation.populations import (
    POPULATIONS,
    headline,
    in_words,
    population,
    populations_of,
    survey_like,
)
from sedflow.validation.report import ValidationReport, load_report


@pytest.fixture(scope="module")
def report():
    return load_report("nsa-ugriz-fsps")


@pytest.fixture(scope="module")
def with_survey(report):
    """A report whose survey-like galaxies are the 300 brightest of its own."""
    n = report.summary["galaxies"]
    order = np.argsort(-report.galaxies["snr"][:n])[:300]
    return ValidationReport(
        report.summary, report.galaxies, {k: v[:n][order] for k, v in report.galaxies.items()}
    )


def test_a_report_of_an_older_version_has_two_populations(report):
    old = ValidationReport(report.summary, report.galaxies)
    assert populations_of(old) == ("bright", "prior")
    assert population(old, "prior") is old
    with pytest.raises(SedflowError, match="survey"):
        population(old, "survey")


def test_the_headline_is_survey_like(with_survey):
    assert populations_of(with_survey) == tuple(POPULATIONS)
    assert headline(with_survey).summary["population"] == "survey"
    assert in_words(with_survey).index("like the NASA-Sloan Atlas") < in_words(with_survey).index(
        "drawn from the prior"
    )


def test_the_figures_of_a_population_are_of_its_own_galaxies(with_survey):
    one = population(with_survey, "bright")
    assert (one.galaxies["snr"] > 20).all()
    n = one.summary["galaxies"]
    assert n == len(one.galaxies["snr"]) and n > 300
    from sedflow.validation.calibration import central_coverage, ks_distances

    scores = one.galaxies["scores_exact"]
    assert one.summary["coverage"]["exact"]["0.68"]["mean"] == pytest.approx(
        central_coverage(scores, 0.68).mean(), abs=1e-4
    )
    ks = one.summary["ks"]["exact"]
    np.testing.assert_allclose(list(ks.values()), ks_distances(scores)[0], atol=1e-4)


def test_bins_of_every_population_have_its_galaxies(with_survey):
    """Those by number of bands too, where all galaxies have all bands."""
    for name in POPULATIONS:
        one = population(with_survey, name)
        for rows in coverage_in_bins(one, "exact", 0.68).values():
            assert all(row["galaxies"] > 0 and 0 < row["coverage"] < 1 for row in rows)


def test_overconfidence_among_bright_galaxies_shows_there_and_not_in_the_prior(with_survey):
    galaxies = dict(with_survey.galaxies)
    scores = galaxies["scores_exact"].copy()
    bright = galaxies["snr"] > 20
    scores[bright] = np.clip(0.5 + 1.6 * (scores[bright] - 0.5), 0, 1)  # too narrow
    galaxies["scores_exact"] = scores
    broken = ValidationReport(with_survey.summary, galaxies)
    held = population(broken, "bright").summary["coverage"]["exact"]["0.68"]["mean"]
    assert held < 0.55


def test_a_report_with_a_survey_survives_a_file(with_survey, tmp_path):
    path = with_survey.save(tmp_path / "mine.report.json")
    again = load_report(path)
    np.testing.assert_allclose(
        again.survey["scores_exact"], with_survey.survey["scores_exact"], atol=1e-3
    )
    assert populations_of(again) == tuple(POPULATIONS)
    replace(with_survey, summary={**with_survey.summary, "seed": 99}).save(path)
    assert load_report(path).summary["seed"] == 99  # not the report that was read before


def test_survey_like_galaxies_look_like_the_atlas():
    nsa, posterior = sedflow.load_nsa(), sedflow.load_posterior()
    theta, galaxies = survey_like(posterior, nsa, 60, seed=1)
    assert len(theta) == len(galaxies) >= 55
    atlas = properties(nsa.photometry(nsa.ids, posterior.bands))
    mine = properties(galaxies)
    for name, off in (("r", 0.8), ("g-r", 0.1), ("snr", 10.0)):
        assert np.nanmedian(mine[name]) == pytest.approx(np.nanmedian(atlas[name]), abs=off), name

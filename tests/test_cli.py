"""The command line."""

import json

import pytest
from click.testing import CliRunner

from sedflow.cli import main


def run(*arguments):
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("verb", ["serve", "train", "validate", "show"])
def test_every_verb_has_help_with_an_example(verb):
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert f"Example: sedflow {verb}" in result.output


def test_show_prints_the_posterior_of_a_galaxy():
    result = run("show", "72", "--draws", "200")
    assert result.exit_code == 0, result.output
    assert "NSAID 72, z = 0.0488\namortized: Exact by weighting" in result.output
    assert "log_mass_surviving" in result.output


@pytest.mark.slow
def test_show_speaks_json_and_draws(tmp_path):
    figure = tmp_path / "72.png"
    result = run("show", "72", "--draws", "300", "--json", "--figure", str(figure))
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["inside"] is True
    assert len(document["quantiles"]["tau_ism"]) == 3
    assert figure.stat().st_size > 10_000


@pytest.mark.slow
def test_a_figure_that_cannot_be_written_is_explained(tmp_path):
    for name in ("nowhere/72.png", "72.jpegg"):
        result = run("show", "72", "--draws", "300", "--figure", str(tmp_path / name))
        assert result.exit_code == 1
        assert "in a folder that exists" in result.output


def test_failures_are_one_sentence():
    result = run("show", "-1")
    assert result.exit_code == 2  # click takes -1 for an option
    result = run("show", "1")
    assert result.exit_code == 1
    assert "no galaxy with NSAID 1" in result.output
    assert "Traceback" not in result.output


@pytest.mark.slow
def test_validate_prints_json():
    result = run("validate", "--galaxies", "100", "--draws", "100", "--nsa", "20", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["galaxies"] == 100
    assert document["nsa_inside"]["inside"] > 0.95 * document["nsa_inside"]["galaxies"]
    assert len(document["local"]["p_value"]["exact"]) == 10

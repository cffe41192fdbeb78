"""The commands nsa and grid."""

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from atlas_files import FLAGGED, flag_columns, new_layout, old_layout, write
from bagpipes_file import bagpipes_like
from click.testing import CliRunner

import sedflow
from sedflow.cli import main


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_the_packaged_sample_is_told_of():
    result = run("nsa")
    assert result.exit_code == 0, result.output
    assert "nsa_sample.fits: 9,440 rows, version sample, NMGY" in result.stdout
    assert "BINNED1 required: cannot be checked, no flags" in result.stdout
    assert "all of ugriz 9,440" in result.stdout


def test_a_file_is_told_of_with_its_cuts(tmp_path):
    path = write(tmp_path / "v1.fits", new_layout(len(FLAGGED), **flag_columns("one word")))
    result = run("nsa", path, "--flux", "elpetro", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["rows"], found["galaxies"], found["removed_by_cuts"]) == (11, 3, 8)
    assert found["version"] == "v1_0_1"
    assert found["cuts"]["SATURATED"] == {"required": False, "checked": 11, "failed": 1}
    words = run("nsa", path, "--flux", "elpetro", "--no-cuts").stdout
    assert "SATURATED excluded: 1 of 11 fail" in words
    assert "11 galaxies, 0 left out by cuts" in words


def test_what_is_wrong_is_one_sentence_and_exit_code_1(tmp_path):
    path = write(tmp_path / "v1.fits", new_layout())
    for arguments, why in (
        ((path,), "choose flux='elpetro'"),
        ((tmp_path / "none.fits",), "cannot be read as an NSA FITS file"),
        ((path, "--flux", "elpetro", "--inside", "best"), "no weights 'best'"),
        (("--flux", "elpetro"), "leave flux and sdss out"),
    ):
        result = run("nsa", *arguments)
        assert result.exit_code == 1
        assert why in result.output
        assert "Traceback" not in result.output


@pytest.mark.slow
def test_galaxies_inside_the_training_ranges_are_counted(posterior, nsa):
    found = json.loads(run("nsa", "--inside", posterior.name, "--json").stdout)
    inside = posterior.check(nsa.photometry(nsa.ids), draws=False).inside.sum()
    assert found["inside_training_ranges"] == inside > 9000
    assert found["weights"] == posterior.name


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_a_download_goes_to_the_cache_and_prints_where(tmp_path, monkeypatch):
    served = tmp_path / "served"
    served.mkdir()
    write(served / "nsa_v0_1_2.fits", old_layout())
    monkeypatch.setenv("SEDFLOW_CACHE", str(tmp_path / "cache"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=served))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/nsa_v0_1_2.fits"
    try:
        result = run("nsa", "--download", "--version", "v0_1_2", "--url", url)
        assert result.exit_code == 0, result.output
        path = tmp_path / "cache" / "nsa_v0_1_2.fits"
        assert result.stdout.strip() == str(path)
        assert len(sedflow.load_nsa(path)) == 3
        again = run("nsa", "--download", "--version", "v0_1_2", "--url", url, "--verify", "--json")
        assert len(json.loads(again.stdout)["sha256"]) == 64
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        mended = run("nsa", "--download", "--version", "v0_1_2", "--url", url, "--verify")
        assert mended.exit_code == 0
        assert path.read_bytes() == (served / "nsa_v0_1_2.fits").read_bytes()
        missing = run("nsa", "--download", "--url", url.replace("v0_1_2", "v9"))
        assert missing.exit_code == 1
        assert "answers 404" in missing.output
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.slow
def test_a_grid_is_made_and_not_replaced_unasked(tmp_path):
    source, out = bagpipes_like(tmp_path / "grids.fits", star=True), tmp_path / "bc03.h5"
    command = ("grid", "--source", "bagpipes", "--file", source, "-o", out)
    result = run(*command, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["metallicities"], found["ages"], found["wavelengths"]) == (7, 87, 3310)
    grid = sedflow.SEDModel(out).grid
    assert found["sha256"] == grid.sha256
    refused = run(*command)
    assert refused.exit_code == 1
    assert "exists; choose another name, or --force" in refused.output
    assert run(*command, "--force").exit_code == 0
    np.testing.assert_array_equal(sedflow.SEDModel(out).grid.luminosity, grid.luminosity)
    assert sedflow.SEDModel(out).grid.sha256 == grid.sha256  # the same to the last bit


def test_without_fsps_three_lines_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv("SPS_HOME", raising=False)
    result = run("grid", "--source", "fsps", "-o", tmp_path / "fsps.h5")
    assert result.exit_code == 1
    lines = result.output.splitlines()[-3:]
    assert lines[1].startswith("Get the stellar data: git clone")
    assert not (tmp_path / "fsps.h5").exists()

"""The written site: whole, small, and of the package it came from."""

import gzip
import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import sedflow
from sedflow.cli import main
from sedflow.errors import SedflowError
from sedflow.files.hashes import sha256_of
from sedflow.parameters import NAMES
from sedflow.site import write_site
from sedflow.site.manifest import FORMAT
from sedflow.site.modules import with_modules

MOST, MOST_SENT = 25e6, 8e6  # bytes of the folder, and over the wire with gzip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_site(tmp_path_factory.mktemp("site") / "made")


@pytest.fixture(scope="module")
def site(folder):
    return json.loads((folder / "data" / "site.json").read_text())


def _files(folder):
    return {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}


def test_the_manifest_names_every_file_with_its_hash(folder, site):
    there = _files(folder)
    assert set(there) == {*site["files"], "data/site.json"}
    for name, entry in site["files"].items():
        content = there[name].read_bytes()
        assert (len(content), sha256_of(content)) == (entry["bytes"], entry["sha256"])


def test_the_manifest_has_its_own_hash_and_the_format_that_the_page_reads(folder, site):
    content = (folder / "data" / "site.json").read_bytes()
    own = site["sha256"].encode()
    assert content.startswith(b'{"sha256":"' + own)
    assert sha256_of(content.replace(own, b"0" * 64)).encode() == own
    page = (folder / "engine" / "files.js").read_text()
    assert int(re.search(r"FORMAT = (\d+);", page).group(1)) == site["format"] == FORMAT


def test_the_folder_is_small_and_smaller_over_the_wire(folder):
    contents = [path.read_bytes() for path in _files(folder).values()]
    assert sum(map(len, contents)) <= MOST
    assert sum(min(len(c), len(gzip.compress(c, 6))) for c in contents) <= MOST_SENT


def test_the_graphs_and_their_tables_are_in_the_folder(folder, site):
    assert {"features", "draw", "weigh", "forward", "spectrum", "quantities", "histories"} == set(
        site["graphs"]
    )
    for entry in site["graphs"].values():
        assert sha256_of((folder / entry["file"]).read_bytes()) == entry["sha256"]
        if "tables" in entry:
            assert (folder / entry["tables"]["file"]).is_file()


def test_what_the_verdict_needs_is_that_of_the_package(site):
    posterior = sedflow.load_posterior(site["network"]["name"])
    assert site["network"]["record_sha256"] == posterior.record_sha256
    assert tuple(p["name"] for p in site["parameters"]) == NAMES
    assert site["limits"]["k_hat_max"] == sedflow.trust_limits.K_HAT_MAX
    assert site["domain"]["colors"] == posterior.domain.colors
    rows = np.array(site["p_values"]["quantiles"]["5"])
    assert (rows == posterior.p_values.quantiles[5]).all()


def test_the_vendored_files_are_those_that_were_taken(folder, site):
    for vendor in site["vendor"]:
        assert (folder / "vendor" / vendor["licence_file"]).is_file()
        for name, sha256 in vendor["files"].items():
            assert sha256_of((folder / "vendor" / name).read_bytes()) == sha256
        for name, sha256 in vendor.get("unpacked_sha256", {}).items():
            packed = (folder / "vendor" / f"{name}.gz").read_bytes()
            assert sha256_of(gzip.decompress(packed)) == sha256


def test_the_atlas_keeps_fluxes_to_a_thousandth_of_their_errors(folder):
    atlas = json.loads((folder / "data" / "atlas.json").read_text())
    nsa = sedflow.load_nsa()
    assert atlas["id"] == [str(one) for one in nsa.ids]
    galaxies = nsa.photometry(nsa.ids)
    flux, sigma = (np.array(atlas[k], float) for k in ("flux", "sigma"))
    assert (np.isnan(flux) == ~galaxies.present).all()
    assert np.nanmax(np.abs(flux - galaxies.flux) / galaxies.sigma) < 1e-3
    assert np.nanmax(np.abs(sigma / galaxies.sigma - 1)) < 1e-3


def test_the_page_asks_for_all_its_modules_at_once(folder):
    page = (folder / "index.html").read_text()
    linked = re.findall(r'rel="modulepreload" href="(.+?)"', page)
    imported = {path for path in _files(folder) if path.endswith(".js")}
    # What the thread that computes needs is its own affair, and scripts that are no modules.
    assert set(linked) <= imported and len(linked) == len(set(linked))
    assert {"pages/start.js", "engine/thread.js", "numerics/units.js"} <= set(linked)
    assert not {"engine/worker.js", "engine/graphs.js", "parts/theme.js", "sw.js"} & set(linked)
    assert "parts/opened.js" not in linked
    with pytest.raises(ValueError, match=r"index\.html has no line"):
        with_modules({"index.html": b"<html>"})


def test_the_lessons_are_those_of_the_app(folder):
    lessons = json.loads((folder / "data" / "lessons.json").read_text())
    assert lessons[0]["title"] == "What each parameter does"
    assert lessons[0]["steps"][0]["moves"] == ["log_mstar"]
    assert all(step["text"] for one in lessons for step in one["steps"])


def test_a_site_is_replaced_and_other_files_stay(tmp_path, monkeypatch):
    contents = {"index.html": b"new", "data/site.json": b'{"files": {"index.html": {}}}'}
    monkeypatch.setattr(sedflow.site.write, "_contents", lambda: contents)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "site.json").write_text('{"files": {"old.js": {}, "../kept": {}}}')
    for name in ("old.js", "mine.txt"):
        (tmp_path / name).write_text("")
    (tmp_path.parent / "kept").write_text("")
    write_site(tmp_path)
    assert set(_files(tmp_path)) == {"index.html", "data/site.json", "mine.txt"}
    assert (tmp_path.parent / "kept").is_file()


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(SedflowError, match="is not a site of sedflow; name a new folder"):
        write_site(tmp_path)
    done = CliRunner().invoke(main, ["site", str(tmp_path)])
    assert done.exit_code == 1
    assert "not a site of sedflow" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_command_writes_it_and_says_how_to_open_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sedflow.site.write, "_contents", lambda: {"index.html": bytes(300_000)})
    done = CliRunner().invoke(main, ["site", str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    assert "(0.3 MB); open it with python" in done.output
    assert (tmp_path / "new" / "index.html").stat().st_size == 300_000


def test_the_launcher_gives_the_folder_out(folder):
    quiet = "import webbrowser; webbrowser.open = lambda *_: True; import runpy, sys; "
    code = quiet + "runpy.run_path(sys.argv[1], run_name='__main__')"
    command = [sys.executable, "-c", code, str(folder / "open.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = re.search(r"http\S+/", server.stdout.readline())[0]
            with urllib.request.urlopen(f"{address}vendor/ort.wasm.min.mjs", timeout=10) as answer:
                assert answer.headers["Content-Type"].startswith("text/javascript")
            with urllib.request.urlopen(f"{address}data/site.json", timeout=10) as answer:
                assert json.load(answer)["format"] == FORMAT
        finally:
            server.terminate()


def test_every_licence_is_in_the_folder(folder, site):
    for entry in site["licences"]:
        assert (folder / entry["file"]).is_file()
    ours = (folder / "vendor" / "sedflow.LICENSE").read_text()
    assert ours == (Path(__file__).parents[2] / "LICENSE").read_text()

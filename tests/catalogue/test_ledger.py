"""Results that cannot rot: whatever happens to the files of a run, or to its input, is noticed."""

import functools
import hashlib
import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from flat_table import flat
from fuzz import answer, damaged, inputs
from hypothesis import given
from hypothesis import strategies as st

from sedflow.catalogue import infer
from sedflow.catalogue.ledger import Ledger, result_files
from sedflow.catalogue.manifest import load_manifest, load_summary
from sedflow.catalogue.part import read_results
from sedflow.catalogue.read.open import open_catalogue
from sedflow.catalogue.results import RunTable
from sedflow.catalogue.rows import guess_mapping
from sedflow.catalogue.run import infer_catalogue
from sedflow.errors import SedflowError
from sedflow.figures.run_page import write_run_page
from sedflow.files.hashes import opened, sealed, sha256
from sedflow.files.packaged import DEFAULT_WEIGHTS, data_path
from sedflow.population.run_parts import _thetas

OPTIONS = {"n": 10, "keep": 3, "part_rows": 2, "workers": 0}


@pytest.fixture(scope="module")
def frame(nsa):
    """Eight galaxies of the atlas."""
    return flat(nsa, slice(0, 9200, 1150))


@pytest.fixture(scope="module")
def mapping(frame):
    return guess_mapping(frame).in_unit("nanomaggies")


@pytest.fixture(scope="module")
def source(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "galaxies.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def finished(source, mapping, tmp_path_factory):
    """A run of four partitions, and another of the same catalogue with another seed."""
    folder = tmp_path_factory.mktemp("runs")
    for name, seed in (("one", 1), ("other", 2)):
        infer_catalogue(source, folder / name, mapping=mapping, seed=seed, **OPTIONS)
    return folder


@pytest.fixture
def out(finished, tmp_path):
    return shutil.copytree(finished / "one", tmp_path / "out")


def hashes(out):
    return {
        f"{kind}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest()
        for kind in ("results", "draws")
        for file in result_files(out, kind)
    }


def flip(path, where=0.5):
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] ^= 1
    path.write_bytes(content)


def swap(a, b):
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)


R, D = "results/part-00000{}.parquet", "draws/part-00000{}.parquet"
DAMAGE = {
    "a byte of results": (lambda out, other: flip(out / R.format(1)), [1]),
    "a byte of a footer": (lambda out, other: flip(out / R.format(2), 0.97), [2]),
    "a byte of draws": (lambda out, other: flip(out / D.format(3)), [3]),
    "results cut short": (lambda out, other: os.truncate(out / R.format(0), 100), [0]),
    "draws emptied": (lambda out, other: os.truncate(out / D.format(0), 0), [0]),
    "results gone": (lambda out, other: (out / R.format(3)).unlink(), [3]),
    "draws gone": (lambda out, other: (out / D.format(2)).unlink(), [2]),
    "all draws gone": (lambda out, other: shutil.rmtree(out / "draws"), [0, 1, 2, 3]),
    "results swapped": (lambda out, other: swap(out / R.format(0), out / R.format(2)), [0, 2]),
    "draws swapped": (lambda out, other: swap(out / D.format(0), out / D.format(2)), [0, 2]),
    "results of another run": (
        lambda out, other: shutil.copy(other / R.format(1), out / R.format(1)),
        [1],
    ),
    "draws of another run": (
        lambda out, other: shutil.copy(other / D.format(1), out / D.format(1)),
        [1],
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_happened_to_a_file_is_said_and_just_that_is_recomputed(
    name, out, finished, source, mapping
):
    damage, parts = DAMAGE[name]
    damage(out, finished / "other")
    which = rf"(results|draws)/part-00000{parts[0]}\.parquet (is gone|has|is not what was written)"
    with pytest.raises(SedflowError, match=f"{which}.*it recomputes just what is wrong"):
        write_run_page(out)
    if "draws" not in name or "gone" in name or "emptied" in name:
        with pytest.raises(SedflowError, match=which):
            RunTable(out)
    told = []
    before = {file: file.stat().st_mtime_ns for file in result_files(out)}
    summary = infer_catalogue(source, out, mapping=mapping, log=told.append, **OPTIONS)
    assert summary["this_run"]["rows"] == 2 * len(parts)
    assert sum("it is computed again" in text for text in told) == len(parts)
    assert hashes(out) == hashes(finished / "one")
    same = [f for f, t in before.items() if f.stat().st_mtime_ns == t]
    assert {int(f.stem[5:]) for f in same} >= {0, 1, 2, 3} - set(parts)
    assert write_run_page(out).exists()
    table = RunTable(out)
    assert table.finished
    assert repr(table) == f"<RunTable of {out.name}: {len(table)} rows>"
    assert len(pickle.loads(pickle.dumps(table))) == len(table)
    again = infer_catalogue(source, out, mapping=mapping, **OPTIONS)
    assert again["this_run"]["rows"] == 0


@pytest.mark.parametrize("kind", ["results", "draws"])
@pytest.mark.parametrize("name", ["part-000004.parquet", "part-9.parquet", "part-x.parquet"])
def test_a_stray_partition_is_named_and_left_alone(kind, name, out, source, mapping):
    stray = out / kind / name
    shutil.copy(out / R.format(1), stray)
    for ask in (
        lambda: infer_catalogue(source, out, mapping=mapping, **OPTIONS),
        lambda: write_run_page(out),
        lambda: RunTable(out),
    ):
        with pytest.raises(SedflowError, match=rf"{kind}/{name} in .*no partition of this run"):
            ask()
    assert stray.exists()


def test_the_ledger_lists_every_file_with_rows_ids_and_hash(finished, frame):
    one = finished / "one"
    ledger = Ledger(one, load_manifest(one)["run"])
    assert sorted(ledger.entries) == [0, 1, 2, 3]
    for number, entry in ledger.entries.items():
        ids = pd.read_parquet(one / R.format(number)).id
        assert (entry["rows"], entry["first_id"], entry["last_id"]) == (2, ids[0], ids[1])
        for kind, about in entry["files"].items():
            content = (one / kind / f"part-00000{number}.parquet").read_bytes()
            assert about["sha256"] == hashlib.sha256(content).hexdigest()
            assert about["bytes"] == len(content)
        assert set(entry["files"]) == {"results", "draws"}


LEDGER = {
    "half a line": (lambda lines, other: [*lines[:3], lines[3][:50]], 2, "lacks 1 of the 4"),
    "a changed digit": (
        lambda lines, other: [lines[0].replace(b'"rows": 2', b'"rows": 3'), *lines[1:]],
        2,
        "has 1 damaged lines",
    ),
    "a line of another run": (lambda lines, other: [other[0], *lines[1:]], 2, "1 damaged lines"),
    "all of another run": (lambda lines, other: other, 8, "4 damaged lines"),
    "no text": (lambda lines, other: [b"\xff\x00\n", *lines], 0, "1 damaged lines"),
    "gone": (lambda lines, other: None, 8, "the list of the finished partitions, is gone"),
    "a line less": (lambda lines, other: lines[1:], 2, "lacks 1 of the 4 partitions"),
    "turned about, twice": (lambda lines, other: [*lines[::-1], *lines], 0, None),
}


@pytest.mark.parametrize("name", LEDGER)
def test_what_happened_to_the_ledger_costs_just_what_it_does_not_vouch_for(
    name, out, finished, source, mapping
):
    damage, rows, words = LEDGER[name]
    path = out / "files.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    new = damage(lines, (finished / "other" / "files.jsonl").read_bytes().splitlines(True))
    path.unlink() if new is None else path.write_bytes(b"".join(new))
    if words:
        for ask in (write_run_page, RunTable):
            with pytest.raises(SedflowError, match=words):
                ask(out)
    else:
        assert "The run is not finished" not in write_run_page(out).read_text()
    summary = infer_catalogue(source, out, mapping=mapping, **OPTIONS)
    assert summary["this_run"]["rows"] == rows
    assert hashes(out) == hashes(finished / "one")
    assert RunTable(out).finished


@inputs(40)
@given(data=st.data())
def test_a_damaged_manifest_or_summary_is_refused_or_says_the_same(finished, tmp_path, data):
    out = tmp_path / "out"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(finished / "one", out)
    name, load = data.draw(
        st.sampled_from([("manifest.json", load_manifest), ("summary.json", load_summary)])
    )
    before = load(out)
    path = out / name
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    found = answer(load, out)
    assert found is None or found == before


@inputs(40)
@given(data=st.data())
def test_a_damaged_ledger_vouches_for_nothing_that_was_not_written(finished, tmp_path, data):
    run = load_manifest(finished / "one")["run"]
    before = Ledger(finished / "one", run).entries
    content = (finished / "one" / "files.jsonl").read_bytes()
    (tmp_path / "files.jsonl").write_bytes(data.draw(damaged(content)))
    found = answer(Ledger, tmp_path, run).entries
    assert all(before[number] == entry for number, entry in found.items())


def edit(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("key", ["id_kind", "run", "catalogue", "settings", "sha256", "format"])
def test_a_manifest_without_one_of_its_entries_is_refused(out, source, mapping, key):
    edit(out / "manifest.json", lambda m: m.pop(key))
    for ask in (
        lambda: infer_catalogue(source, out, mapping=mapping, **OPTIONS),
        lambda: write_run_page(out),
        lambda: RunTable(out),
    ):
        with pytest.raises(SedflowError, match=r"manifest.json cannot be used"):
            ask()


def test_manifests_and_summaries_of_other_runs_and_newer_versions_are_refused(out, finished):
    shutil.copy(finished / "other" / "summary.json", out)
    with pytest.raises(SedflowError, match=r"summary.json cannot be used .it is of another run"):
        load_summary(out)
    shutil.copy(finished / "other" / "manifest.json", out)
    with pytest.raises(SedflowError, match=r"files.jsonl has 4 damaged lines"):
        write_run_page(out)
    edit(out / "manifest.json", lambda m: m.update(format=5))
    with pytest.raises(SedflowError, match="has format 5, this version reads 1 to 4"):
        write_run_page(out)
    (out / "manifest.json").unlink()
    with pytest.raises(SedflowError, match=r"holds no manifest\.json"):
        load_summary(out)


def as_of_old(out):
    """A run as versions before the ledger left it."""
    (out / "files.jsonl").unlink()
    edit(out / "manifest.json", lambda m: (m.update(format=1), m.pop("sha256")))
    edit(out / "summary.json", lambda m: (m.pop("run"), m.pop("sha256")))


def test_runs_of_older_versions_open_and_do_not_go_on(out, source, mapping):
    as_of_old(out)
    assert "kept no hashes of its files" in write_run_page(out).read_text()
    table = RunTable(out)
    assert (table.rows, table.finished, table.checked) == (8, True, False)
    assert table.summary()["rows"] == 8
    before = hashes(out)
    with pytest.raises(SedflowError, match=r"of sedflow .*can be read, but not gone on with"):
        infer_catalogue(source, out, mapping=mapping, **OPTIONS)
    assert hashes(out) == before


def test_pages_have_checksums_that_find_damage_without_a_ledger(out):
    path = out / R.format(1)
    whole, expected = path.read_bytes(), read_results(path)[0]
    pages = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    refused = 0
    places = np.linspace(4, pages - 1, 150).astype(int)
    for place in places:
        wrong = bytearray(whole)
        wrong[place] ^= 1
        path.write_bytes(wrong)
        try:
            assert read_results(path)[0].equals(expected)
        except SedflowError as error:
            assert "is damaged" in str(error)
            refused += 1
    assert refused > len(places) / 2  # others are statistics in the headers of pages


class Stopped(Exception):
    pass


def stop_at(rows):
    def progress(done, total):
        if done == rows:
            raise Stopped

    return progress


def test_a_run_does_not_go_on_with_another_record_of_the_same_weights(source, mapping, tmp_path):
    weights, out = tmp_path / "mine.safetensors", tmp_path / "out"
    shutil.copy(data_path(f"{DEFAULT_WEIGHTS}.safetensors"), weights)
    record = opened(json.loads(data_path(f"{DEFAULT_WEIGHTS}.json").read_text()))
    weights.with_suffix(".json").write_text(json.dumps(sealed(record)))
    options = {"mapping": mapping, "weights": weights, **OPTIONS}
    with pytest.raises(Stopped):
        infer_catalogue(source, out, progress=stop_at(4), **options)
    record["scaling"]["half"] = [1.3 * value for value in record["scaling"]["half"]]
    weights.with_suffix(".json").write_text(json.dumps(sealed(record)))
    with pytest.raises(SedflowError, match="began with a network whose record has the SHA-256"):
        infer_catalogue(source, out, **options)
    with pytest.raises(SedflowError, match="are not those that the run began with"):
        infer.checked_posterior(str(weights), load_manifest(out)["weights"]["record_sha256"])


def forged(out, number, change):
    """Rewrite the rows of a partition, and the ledger's line so that the hashes are right."""
    path = out / R.format(number)
    table = pq.read_table(path)
    frame = change(table.to_pandas())
    pq.write_table(pa.Table.from_pandas(frame, table.schema, preserve_index=False), path)
    enter(out, number)


def enter(out, number, **changes):
    path = out / R.format(number)
    lines = (out / "files.jsonl").read_text().splitlines()
    entry = opened(json.loads(lines[number])) | changes
    if "files" not in changes:
        entry["files"]["results"] = {"bytes": path.stat().st_size, "sha256": sha256(path)}
    lines[number] = json.dumps(sealed(entry))
    (out / "files.jsonl").write_text("\n".join([*lines, ""]))


def foreign(out, finished):
    shutil.copy(finished / "other" / R.format(1), out / R.format(1))
    enter(out, 1)


FORGED = {
    "a row twice": (
        lambda out, runs: forged(out, 1, lambda f: pd.concat([f, f[-1:]])),
        "part-000001.parquet does not hold the rows 2 to 3",
    ),
    "a row lost": (lambda out, runs: forged(out, 1, lambda f: f[:1]), "does not hold the rows"),
    "IDs swapped": (
        lambda out, runs: forged(out, 1, lambda f: f.assign(id=f.id.to_numpy()[::-1])),
        "begins or ends with another ID",
    ),
    "a status": (
        lambda out, runs: forged(out, 1, lambda f: f.assign(status="bad row")),
        "has other rows than its counts say",
    ),
    "another run's": (foreign, "part-000001.parquet is of another run"),
    "rows of the ledger": (lambda out, runs: enter(out, 1, rows=3), "does not hold the rows"),
    "an ID of the ledger": (lambda out, runs: enter(out, 1, last_id=7), "another ID"),
}


@pytest.mark.parametrize("name", FORGED)
def test_rows_that_are_not_those_of_the_manifest_are_said_and_recomputed(
    name, out, finished, source, mapping
):
    """Also where ledger and hashes were made to fit: one partition, and no other."""
    forge, words = FORGED[name]
    forge(out, finished)
    for ask in (lambda: write_run_page(out), lambda: RunTable(out)):
        with pytest.raises(SedflowError, match=words):
            ask()
    told = []
    summary = infer_catalogue(source, out, mapping=mapping, log=told.append, **OPTIONS)
    assert any(words in text for text in told)
    assert (summary["this_run"]["rows"], summary["rows"]) == (2, 8)
    assert hashes(out) == hashes(finished / "one")
    assert RunTable(out).rows == 8


def test_a_ledger_that_lost_whole_lines_is_noticed(out, finished, source, mapping):
    lines = (out / "files.jsonl").read_text().splitlines(keepends=True)
    (out / "files.jsonl").write_text("".join(lines[:2]))
    words = "files.jsonl lacks 2 of the 4 partitions that are finished by summary.json"
    for ask in (lambda: write_run_page(out), lambda: RunTable(out)):
        with pytest.raises(SedflowError, match=words):
            ask()
    told = []
    with pytest.raises(Stopped):
        infer_catalogue(
            source, out, mapping=mapping, log=told.append, progress=stop_at(6), **OPTIONS
        )
    assert any("files.jsonl lacks 2 partitions that summary.json has" in text for text in told)
    assert RunTable(out).parts == 3  # not finished, and no summary says so
    infer_catalogue(source, out, mapping=mapping, **OPTIONS)
    assert hashes(out) == hashes(finished / "one")


def test_a_summary_that_counts_other_rows_is_noticed(out, source, mapping):
    path = out / "summary.json"
    summary = opened(json.loads(path.read_text()))
    for change in ({"status": {"ok": 9}}, {"rows": 7}, {"verdict": {"exact (weights)": 7}}):
        path.write_text(json.dumps(sealed(summary | change)))
        for ask in (lambda: write_run_page(out), lambda: RunTable(out)):
            with pytest.raises(SedflowError, match=r"summary.json counts other rows"):
                ask()
    infer_catalogue(source, out, mapping=mapping, **OPTIONS)
    assert RunTable(out).summary()["rows"] == 8


def test_a_manifest_set_back_to_the_format_without_a_ledger_is_refused(out):
    edit(out / "manifest.json", lambda m: (m.update(format=1), m.pop("sha256")))
    for ask in (lambda: write_run_page(out), lambda: RunTable(out)):
        with pytest.raises(SedflowError, match=r"has format 1, of which runs had no files.jsonl"):
            ask()


def kept_flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    kept_time(path, content)


@pytest.mark.parametrize("seen", [True, False], ids=["by somebody", "by the disk"])
def test_a_partition_that_changes_under_an_open_page_is_refused(out, monkeypatch, seen):
    """Also where no time of change tells: the rows shown are held to the hash of their file."""
    if not seen:
        monkeypatch.setattr("sedflow.catalogue.result_store.stamp", lambda path: ())
    table = RunTable(out)
    assert table.row(2)["row"] == 2
    kept_flip(out / R.format(1))
    for ask in (lambda: table.row(2), lambda: table.page()):
        with pytest.raises(
            SedflowError, match=r"part-000001.parquet of this run has changed since"
        ):
            ask()
    assert table.row(0)["row"] == 0
    if seen:
        with pytest.raises(SedflowError, match=r"part-000001.parquet is not what was written"):
            RunTable(out)


def test_links_of_the_folder_are_not_written_through(out, source, mapping, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (out / ".lock").unlink()
    (out / ".lock").symlink_to(precious)
    with pytest.raises(SedflowError, match=r"cannot write to .*out"):
        infer_catalogue(source, out, mapping=mapping, **OPTIONS)
    (out / ".lock").unlink()
    (out / R.format(1)).unlink()
    shutil.copy(out / "files.jsonl", tmp_path / "elsewhere")
    (out / "files.jsonl").unlink()
    (out / "files.jsonl").symlink_to(tmp_path / "elsewhere")
    before = (tmp_path / "elsewhere").read_bytes()
    with pytest.raises(SedflowError, match=r"cannot write .*files.jsonl"):
        infer_catalogue(source, out, mapping=mapping, **OPTIONS)
    assert precious.read_text() == "precious"
    assert (tmp_path / "elsewhere").read_bytes() == before


@pytest.mark.parametrize("name", ["manifest.json", "files.jsonl", "summary.json"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(out, source, mapping, name):
    (out / name).unlink()
    os.mkfifo(out / name)
    asks = [lambda: load_summary(out)] if name == "summary.json" else []
    if name != "summary.json":
        asks += [lambda: write_run_page(out), lambda: RunTable(out)]
    for ask in (*asks, lambda: infer_catalogue(source, out, mapping=mapping, **OPTIONS)):
        with pytest.raises(
            SedflowError, match=f"{name}.*(not a regular file|device or a pipe)|holds no {name}"
        ):
            ask()


@pytest.mark.parametrize("form", [1, 4])
@pytest.mark.parametrize("device", [False, True], ids=["pipe", "device"])
def test_a_pipe_or_a_device_in_the_place_of_a_partition_is_not_read(
    out, source, mapping, form, device
):
    """One whose ledger line says that it is empty was hashed without end."""
    path = out / R.format(1)
    enter(out, 1, files={"results": {"bytes": 0, "sha256": "0" * 64}})
    path.unlink()
    path.symlink_to("/dev/zero") if device else os.mkfifo(path)
    if form == 1:
        as_of_old(out)
    for ask in (lambda: write_run_page(out), lambda: RunTable(out)):
        with pytest.raises(SedflowError, match=r"part-000001.parquet.* is not a regular file"):
            ask()
    with pytest.raises(SedflowError, match=r"is a device or a pipe|can be read, but not gone on"):
        infer_catalogue(source, out, mapping=mapping, **OPTIONS)


def test_columns_of_another_kind_or_there_twice_are_a_damaged_file(out, source, mapping):
    """Whoever hashes such a file again got a traceback."""
    path = out / R.format(1)
    whole = pq.read_table(path)
    at = whole.schema.get_field_index("redshift")
    pq.write_table(whole.set_column(at, "redshift", pa.array(["x", "y"])), path)
    enter(out, 1)
    with pytest.raises(SedflowError, match="'redshift' does not hold numbers"):
        write_run_page(out)
    pq.write_table(whole.append_column("row", whole["row"]), path)
    enter(out, 1)
    for ask in (lambda: write_run_page(out), lambda: RunTable(out)):
        with pytest.raises(SedflowError, match=r"part-000001.parquet cannot be read"):
            ask()
    infer_catalogue(source, out, mapping=mapping, **OPTIONS)
    assert pq.read_table(path).equals(whole)


@pytest.mark.parametrize("broken", ["pipe", "narrow"])
def test_draws_that_are_none_are_a_sentence(out, broken):
    path = out / D.format(1)
    narrow = pq.read_table(path).to_pandas()
    path.unlink()
    if broken == "pipe":
        os.mkfifo(path)
    else:
        narrow["log_mstar"] = [[1.0], [1.0]]
        pq.write_table(pa.Table.from_pandas(narrow, preserve_index=False), path)
    with pytest.raises(SedflowError, match="does not hold 3 draws of each row"):
        _thetas(path, 3)
    manifest = opened(json.loads((out / "manifest.json").read_text()))
    manifest["settings"]["keep"] = 10**18
    (out / "manifest.json").write_text(json.dumps(sealed(manifest)))
    with pytest.raises(SedflowError, match=r"settings.keep must be a whole number"):
        load_manifest(out)


@pytest.mark.parametrize("name", ["manifest.json", "files.jsonl", "summary.json"])
def test_a_document_that_claims_any_size_is_not_read(name, out):
    os.truncate(out / name, 2**40)  # which takes no room on the disk
    ask = load_summary if name == "summary.json" else RunTable
    with pytest.raises(SedflowError, match=r"bytes, where .* are read at most"):
        ask(out)


def test_a_partition_of_fewer_rows_than_its_ledger_says_is_refused_by_its_footer(out):
    """Manifest and ledger claim millions of rows, and all hashes are right."""
    n = 3_000_000
    manifest = opened(json.loads((out / "manifest.json").read_text()))
    manifest["catalogue"]["rows"] = manifest["settings"]["part_rows"] = n
    (out / "manifest.json").write_text(json.dumps(sealed(manifest)))
    enter(out, 0, rows=n)
    lines = (out / "files.jsonl").read_text().splitlines()
    (out / "files.jsonl").write_text(lines[0] + "\n")
    for number in (1, 2, 3):
        (out / R.format(number)).unlink()
        (out / D.format(number)).unlink()
    tracemalloc.start()
    with pytest.raises(SedflowError, match="does not hold the rows 0 to 2999999"):
        RunTable(out)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


# The input


def kept_time(path, content):
    """Overwrite a file in place, and leave no trace of it but the bytes."""
    stat = path.stat()
    with open(path, "r+b") as file:
        file.write(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def write(frame, path, form):
    """A table as a file of some form, or as a folder of two."""
    if form == "csv":
        frame.to_csv(path, index=False)
    elif form == "folder":
        path.mkdir()
        frame[:3].to_parquet(path / "a.parquet")
        frame[3:].to_parquet(path / "b.parquet", compression=None)
    elif form == "parquet":
        frame.to_parquet(path, compression=None)
    else:
        Table.from_pandas(frame).write(path, format={"vot": "votable"}.get(form, form))


@pytest.fixture(scope="module")
def unedited(frame, mapping, tmp_path_factory):
    """unedited(form) is what a run of that form has as hashes, computed once a form."""

    @functools.cache
    def found(form):
        folder = tmp_path_factory.mktemp(form)
        write(frame, folder / f"g.{form}", form)
        infer_catalogue(folder / f"g.{form}", folder / "out", mapping=mapping, **OPTIONS)
        return hashes(folder / "out")

    return found


@pytest.mark.parametrize(
    ("form", "trace"),
    [("csv", trace) for trace in ("time", "inode", "none")]
    + [
        pytest.param(form, trace, marks=pytest.mark.slow)
        for form in ("fits", "parquet", "vot", "folder")
        for trace in ("time", "inode", "none")
    ],
)
def test_an_edit_during_a_run_changes_nothing_of_it(
    frame, mapping, tmp_path, unedited, form, trace
):
    path, out = tmp_path / f"g.{form}", tmp_path / "out"
    write(frame, path, form)
    one = path / "b.parquet" if form == "folder" else path
    whole = one.read_bytes()
    other = bytearray(whole)
    places = [whole.find(struct.pack(f"{order}d", frame.flux_r[6])) for order in "<>"]
    other[max(*places, 0) or len(whole) // 2] ^= 1
    stat = one.stat()

    def change(done, total):
        if done != 2:
            return
        if trace == "none":
            kept_time(one, other)
        elif trace == "time":
            one.write_bytes(other)
            os.utime(one, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
        else:
            (tmp_path / "new").write_bytes(other)
            os.utime(tmp_path / "new", ns=(stat.st_atime_ns, stat.st_mtime_ns))
            os.replace(tmp_path / "new", one)

    infer_catalogue(path, out, mapping=mapping, progress=change, **OPTIONS)
    assert hashes(out) == unedited(form)
    assert (one.read_bytes() == whole) == (bytes(other) == whole)
    with pytest.raises(SedflowError, match=r"is not the catalogue that the run|cannot be read"):
        infer_catalogue(path, out, mapping=mapping, **OPTIONS)
    one.write_bytes(whole)
    assert infer_catalogue(path, out, mapping=mapping, **OPTIONS)["this_run"]["rows"] == 0


def edited(path):
    """The content of a catalogue of text, and one of the same size with another flux in row 3."""
    good = path.read_bytes()
    lines = good.split(b"\n")
    fields = lines[4].split(b",")
    fields[6] = (b"9" if fields[6][:1] != b"9" else b"1") + fields[6][1:]
    lines[4] = b",".join(fields)
    return good, b"\n".join(lines)


@pytest.mark.parametrize("form", ["csv", "fits", "parquet", "vot"])
@pytest.mark.parametrize("seen", [True, False], ids=["with a time of change", "without"])
def test_an_edit_while_the_input_is_read_is_noticed(
    frame, mapping, tmp_path, monkeypatch, seen, form
):
    """Also on a file system that keeps no time of change, where the same stamp proves nothing."""
    path, out = tmp_path / f"g.{form}", tmp_path / "out"
    write(frame, path, form)
    good = path.read_bytes()
    if form == "csv":
        bad = edited(path)[1]
    elif form == "vot":
        cell = f"<TD>{frame.flux_r[3]!s}</TD>".encode()
        bad = good.replace(cell, b"<TD>" + (b"1" if cell[4:5] == b"9" else b"9") + cell[5:])
    else:
        place = max(good.find(struct.pack(f"{order}d", frame.flux_r[3])) for order in "<>")
        bad = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
    assert len(bad) == len(good)
    assert bad != good
    if not seen:
        monkeypatch.setattr("sedflow.catalogue.read.source.stamp", lambda path: ())

    def log(said):
        if said.startswith("reading 8 rows"):
            kept_time(path, bad)

    with pytest.raises(SedflowError, match="has changed since this run began"):
        infer_catalogue(path, out, mapping=mapping, log=log, **OPTIONS)
    assert [p.name for p in out.iterdir()] == [".lock"]
    kept_time(path, good)
    infer_catalogue(path, out, mapping=mapping, **OPTIONS)
    assert RunTable(out).row(3)["flux_r"] == frame.flux_r[3]


def test_an_input_that_was_read_may_go(frame, mapping, tmp_path, finished):
    path = tmp_path / "galaxies.csv"
    frame.to_csv(path, index=False)

    def remove(done, total):
        path.unlink(missing_ok=True)

    infer_catalogue(path, tmp_path / "out", mapping=mapping, progress=remove, **OPTIONS)
    assert hashes(tmp_path / "out") == hashes(finished / "one")


def test_what_was_taken_in_must_not_change_under_a_run(frame, mapping, tmp_path):
    path, out = tmp_path / "galaxies.csv", tmp_path / "out"
    frame.to_csv(path, index=False)

    def change(done, total):
        if done == 2:
            flip(out / "input.parquet")

    with pytest.raises(SedflowError, match=r"input.parquet (was changed|cannot be used)"):
        infer_catalogue(path, out, mapping=mapping, progress=change, **OPTIONS)
    told = []
    summary = infer_catalogue(path, out, mapping=mapping, log=told.append, **OPTIONS)
    assert summary["this_run"]["rows"] == 6
    assert "input.parquet is not what was written; it is made again" in told


def test_hash_and_description_are_of_the_same_bytes(frame, tmp_path):
    path = tmp_path / "g.csv"
    frame.to_csv(path, index=False)
    catalogue = open_catalogue(path)
    path.write_bytes(path.read_bytes()[:-1] + b"\n")
    os.utime(path, ns=(1, 1))
    for ask in (catalogue.sha256, catalogue.whole.read):
        with pytest.raises(SedflowError, match="has changed since this run began"):
            ask()


def test_the_hash_is_the_one_that_sha256sum_prints(frame, mapping, tmp_path):
    path, folder = tmp_path / "g.csv", tmp_path / "folder"
    frame.to_csv(path, index=False)
    (folder / "deep").mkdir(parents=True)
    frame[:3].to_parquet(folder / "a.parquet")
    frame[3:].to_parquet(folder / "deep" / "a.parquet")

    def sums(*names, cwd):
        done = subprocess.run(["sha256sum", *names], cwd=cwd, check=True, capture_output=True)
        return done.stdout

    assert open_catalogue(path).sha256() == sums(str(path), cwd=".").split()[0].decode()
    listing = sums("a.parquet", "deep/a.parquet", cwd=folder)
    assert open_catalogue(folder).sha256() == hashlib.sha256(listing).hexdigest()
    infer_catalogue(folder, tmp_path / "out", mapping=mapping, **OPTIONS)
    told = load_manifest(tmp_path / "out")["catalogue"]
    assert told["files"] == {
        n: h for h, n in (line.split() for line in listing.decode().splitlines())
    }
    assert told["sha256"] == hashlib.sha256(listing).hexdigest()


def test_a_damaged_copy_of_the_input_is_made_again(frame, mapping, tmp_path):
    path, out = tmp_path / "g.csv", tmp_path / "out"
    frame.to_csv(path, index=False)
    infer_catalogue(path, out, mapping=mapping, **OPTIONS)
    before = hashes(out)
    flip(out / "input.parquet")
    (out / R.format(1)).unlink()
    assert infer_catalogue(path, out, mapping=mapping, **OPTIONS)["this_run"]["rows"] == 2
    assert hashes(out) == before


# Ends of all kinds


def test_a_ledger_that_is_removed_under_way_is_noticed(source, mapping, tmp_path, finished):
    out = tmp_path / "out"

    def remove(done, total):
        if done == 4:
            (out / "files.jsonl").unlink()

    with pytest.raises(SedflowError, match=r"files.jsonl was removed or changed while the run"):
        infer_catalogue(source, out, mapping=mapping, progress=remove, **OPTIONS)
    infer_catalogue(source, out, mapping=mapping, **OPTIONS)
    assert hashes(out) == hashes(finished / "one")


@pytest.mark.parametrize("which", [".", "results", "draws"])
def test_a_folder_that_is_removed_under_way_is_a_sentence(
    source, mapping, tmp_path, finished, which
):
    out = tmp_path / "out"

    def remove(done, total):
        if done == 4:
            shutil.rmtree(out / which)

    with pytest.raises(SedflowError, match=r"there is no folder .*; make it"):
        infer_catalogue(source, out, mapping=mapping, progress=remove, **OPTIONS)
    infer_catalogue(source, out, mapping=mapping, **OPTIONS)
    assert hashes(out) == hashes(finished / "one")


_KILL = """
import os, signal, sys
from pathlib import Path
from sedflow.catalogue import ledger
from sedflow.fits import store
count, end = 0, int(sys.argv[1])

def dying(call):
    def wrapped(*args):
        global count
        count += 1
        if count == end and end % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        call(*args)
        if count == end:
            os.kill(os.getpid(), signal.SIGKILL)
    return wrapped

os.replace, os.fsync = dying(os.replace), dying(os.fsync)
if end == 99:  # in the middle of a line of the ledger
    whole = ledger.Ledger._line
    def half(self, entry):
        with open(self.path, "ab") as file:
            file.write(whole(self, entry)[:70])
        os.kill(os.getpid(), signal.SIGKILL)
    ledger.Ledger._line = half
from sedflow.cli import main
sys.argv = ["sedflow", *sys.argv[2:]]
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "step",
    [2, 9, *(pytest.param(k, marks=pytest.mark.heavy) for k in (1, 3, 4, 5, 6, 7, 8, 12, 13, 99))],
)
def test_a_run_that_is_killed_at_any_step_goes_on_to_the_same_files(
    step, source, tmp_path, finished
):
    """Before and after each renaming and each writing through to the disk."""
    arguments = [
        "infer",
        str(source),
        "-o",
        str(tmp_path / "out"),
        "--draws",
        "10",
        "--keep",
        "3",
        "--part-rows",
        "2",
        "--workers",
        "0",
        "--unit",
        "nanomaggies",
    ]
    command = [sys.executable, "-c", _KILL]
    done = subprocess.run([*command, str(step), *arguments], check=False, capture_output=True)
    assert done.returncode == -9, done.stderr
    done = subprocess.run([*command, "-1", *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert hashes(tmp_path / "out") == hashes(finished / "one")
    assert not list((tmp_path / "out").rglob(".sedflow-*"))
    assert RunTable(tmp_path / "out").finished


@pytest.mark.parametrize(
    "name",
    ["manifest.json", "summary.json", "files.jsonl", "results/../manifest.json", "draws/new.html"],
)
def test_a_report_is_not_written_over_the_run(name, out):
    before = (out / "manifest.json").read_bytes()
    with pytest.raises(SedflowError, match="is a file of the run itself"):
        write_run_page(out, out / name)
    assert (out / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("name", ["run[0]", "run?", "run*"])
def test_a_folder_whose_name_stands_for_others_is_refused(name, out, tmp_path):
    odd = out.rename(tmp_path / name)
    with pytest.raises(SedflowError, match="rename the folder"):
        RunTable(odd)
    assert write_run_page(odd).exists()


def test_a_manifest_of_many_partitions_does_not_hang(out):
    manifest = opened(json.loads((out / "manifest.json").read_text()))
    manifest["catalogue"]["rows"], manifest["settings"]["part_rows"] = 10**9, 1
    assert not Ledger(out, manifest["run"]).strangers(10**9)
    manifest["catalogue"]["rows"] = 10**12
    for number in (1, 2):
        odd = {**manifest, "format": number}
        (out / "manifest.json").write_text(json.dumps(sealed(odd)))
        for ask in (lambda: write_run_page(out), lambda: RunTable(out)):
            with pytest.raises(SedflowError, match=r"catalogue\.rows must be a whole number"):
                ask()


@pytest.mark.parametrize("line", [b"[" * 200_000, b"1" * 100_000, b"null", b'"x"'])
def test_a_line_that_is_nothing_is_a_damaged_line(line, out):
    with open(out / "files.jsonl", "ab") as file:
        file.write(line + b"\n")
    for ask in (lambda: write_run_page(out), lambda: RunTable(out)):
        with pytest.raises(SedflowError, match="has 1 damaged lines"):
            ask()


@pytest.mark.parametrize("counts", [[1], {"status": [1]}, "deep"], ids=str)
def test_counts_that_are_none_are_a_damaged_file(counts, out):
    path = out / R.format(0)
    table = pq.read_table(path)
    text = "[" * 200_000 if counts == "deep" else json.dumps(counts)
    pq.write_table(table.replace_schema_metadata({"sedflow_counts": text}), path)
    with pytest.raises(SedflowError, match="is damaged"):
        read_results(path)


@pytest.mark.parametrize("content", [b"my notes", b"<!doctype html><title>mine</title>", b""])
def test_a_report_is_not_written_over_another_file(content, out, tmp_path):
    other = tmp_path / "notes.html"
    other.write_bytes(content)
    with pytest.raises(SedflowError, match="is not a page that sedflow wrote"):
        write_run_page(out, other)
    assert other.read_bytes() == content
    again = write_run_page(out, tmp_path / "page.html")
    assert write_run_page(out, again) == again

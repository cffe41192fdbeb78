"""The output of a catalogue run as DuckDB reads it, against pandas; text is never SQL."""

import hashlib
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzz import answer, damaged, inputs
from hypothesis import given, settings
from hypothesis import strategies as st

from sedflow.catalogue import infer
from sedflow.catalogue.ledger import Ledger
from sedflow.catalogue.part import read_results
from sedflow.catalogue.results import RowFilter, RunTable
from sedflow.catalogue.stored_row import departure, stored_photometry
from sedflow.errors import SedflowError
from sedflow.files.hashes import sealed
from sedflow.parameters import NAMES

ROWS, PART = 211, 40
COLUMNS = ("redshift", "k_hat", "log_mstar_p50", "n_band")


TODAY, OLD = ("exact (weights)", "exact (adapted weights)"), ("amortized", "reweighted")


def write_run(folder, rows=ROWS, part=PART, seed=5, id_kind="int", words=TODAY):
    """The files of a run with made-up numbers, ties and gaps among them; returns the frame."""
    rng = np.random.default_rng(seed)
    frame = infer.meta(id_kind=id_kind).reindex(range(rows))
    frame["row"] = np.arange(rows)
    ids = rng.permutation(rows) * 7 + 3
    frame["id"] = [f"it's {i}%" for i in ids] if id_kind == "str" else ids
    if words == OLD:
        frame = frame.rename(columns=lambda name: re.sub(r"_p(16|50|84)$", r"_\1", name))
    frame["status"] = rng.choice(["ok", "ok", "failed", "bad row"], rows)
    frame["verdict"] = np.where(frame["status"] == "ok", rng.choice(words, rows), "")
    frame["reason"], frame["inside"], frame["n_band"] = "as it was", True, rng.integers(1, 6, rows)
    for name in frame.columns[frame.columns.get_loc("k_hat") :]:
        values = rng.normal(size=rows).round(1)  # ties
        values[frame["status"] == "bad row"] = np.nan
        frame[name] = values
    frame["redshift"], frame["edge"] = rng.uniform(0, 0.3, rows).round(2), "log_mstar high"
    (folder / "results").mkdir(parents=True)
    ledger = Ledger(folder, "x")
    for start in range(0, rows, part):
        table = pa.Table.from_pandas(frame.iloc[start : start + part], preserve_index=False)
        path = folder / "results" / f"part-{start // part:06d}.parquet"
        some = frame.iloc[start : start + part]
        told = infer.count_rows(some)
        told["verdict"] = {name: int((some.verdict == name).sum()) for name in words}
        counts = json.dumps(told)
        table = table.replace_schema_metadata({"sedflow_run": "x", "sedflow_counts": counts})
        pq.write_table(table, path)
        content = path.read_bytes()
        about = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        known = table.column("id")
        ends = {"first_id": known[0].as_py(), "last_id": known[len(known) - 1].as_py()}
        entry = {"part": start // part, "rows": len(table), "files": {"results": about}}
        ledger.add(entry | ends)
    (folder / "manifest.json").write_text(
        json.dumps(
            sealed(
                {
                    "format": 2 if words == OLD else 3,
                    "run": "x",
                    "versions": {"sedflow": "0"},
                    "catalogue": {"name": "made.parquet", "rows": rows, "sha256": ""},
                    "weights": {"name": "nsa-ugriz-fsps", "sha256": "", "bands": list("ugriz")},
                    "settings": {"part_rows": part, "n": 100, "seed": 1, "trust": "weights"},
                }
            )
        )
    )
    return frame


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "out"
    return write_run(folder), RunTable(folder), folder


def test_verdicts_and_columns_of_older_runs_are_read_in_todays_words(tmp_path):
    frame = write_run(tmp_path / "old", words=OLD)
    today = frame.verdict.replace(dict(zip(OLD, TODAY, strict=True)))
    table = RunTable(tmp_path / "old")
    counts = table.counts("verdict")
    assert counts == today.value_counts().to_dict()
    for name in (TODAY[0], OLD[0]):  # an old bookmark asks for the old name
        assert table.count(RowFilter(verdict=(name,))) == counts[TODAY[0]]
    number = int(np.flatnonzero(frame.verdict == OLD[1])[0])
    assert table.row(number)["verdict"] == TODAY[1]
    assert table.row(number)["log_mstar_p50"] == pytest.approx(
        frame["log_mstar_50"][number], nan_ok=True
    )
    assert table.count(RowFilter((("log_mstar_p50", None, 0.0),))) > 0
    read, told = read_results(tmp_path / "old" / "results" / "part-000000.parquet")
    assert "log_mstar_p50" in read.column_names
    assert read["verdict"].to_pylist() == today[:PART].tolist()
    assert told["verdict"] == {name: int((today[:PART] == name).sum()) for name in TODAY}


def kept(frame, rows: RowFilter):
    """What pandas says a filter leaves."""
    mask = np.ones(len(frame), bool)
    for column, low, high in rows.ranges:
        values = frame[column].to_numpy(float)
        mask &= values >= low if low is not None else True
        mask &= values <= high if high is not None else True
    for column in ("status", "verdict"):
        if getattr(rows, column):
            mask &= frame[column].isin(getattr(rows, column)).to_numpy()
    return frame[mask & frame["id"].astype(str).str.contains(rows.ident, regex=False).to_numpy()]


limits = st.none() | st.floats(-2, 2).map(lambda v: round(v, 1))
filters = st.builds(
    RowFilter,
    ranges=st.lists(st.tuples(st.sampled_from(COLUMNS), limits, limits), max_size=3).map(tuple),
    status=st.lists(st.sampled_from(infer.STATUS), max_size=2).map(tuple),
    verdict=st.lists(st.sampled_from(TODAY), max_size=1).map(tuple),
    ident=st.sampled_from(["", "", "7", "12"]),
)


@settings(max_examples=40, deadline=None)
@given(filters, st.sampled_from([*COLUMNS, "row", "id", "verdict"]), st.booleans())
def test_pages_hold_each_row_once_and_in_order(run, rows, sort, descending):
    frame, table, _ = run
    want = (
        kept(frame, rows)
        .sort_values([sort, "row"], ascending=[not descending, True], na_position="last")["row"]
        .tolist()
    )
    pages = [
        table.page(rows, ["id"], sort=sort, descending=descending, start=start, size=17)
        for start in range(0, len(want) + 17, 17)
    ]
    assert [r for page in pages for r in page["row"]] == want
    assert table.count(rows) == len(want)
    assert all(len(page) <= 17 for page in pages)


@settings(max_examples=20, deadline=None)
@given(filters, st.sampled_from(COLUMNS), st.sampled_from(COLUMNS))
def test_points_and_the_nearest_are_those_of_pandas(run, rows, x, y):
    frame, table, _ = run
    left = kept(frame, rows).dropna(subset=[x, y])
    points, total = table.points(rows, [x, y], 10_000)
    assert total == len(left)
    pairs = zip(left[x].astype(np.float32), left[y].astype(np.float32), strict=True)
    assert sorted(zip(points[x], points[y], strict=True)) == sorted(pairs)
    at, scale = (0.1, 0.4), (0.02, 0.5)
    away = ((left[x] - at[0]) / scale[0]) ** 2 + ((left[y] - at[1]) / scale[1]) ** 2
    found = table.nearest(rows, x, y, at, scale)
    if not len(left):
        assert found is None
    else:
        assert away[found] == pytest.approx(away.min())


def test_a_row_is_all_that_is_stored_of_it(run):
    frame, table, _ = run
    row = table.row(130)
    assert row["row"] == 130
    assert row["id"] == frame["id"][130]
    assert row["log_mstar_p50"] == pytest.approx(frame["log_mstar_p50"][130], nan_ok=True)
    assert set(row) == set(frame.columns)
    assert table.find(str(frame["id"][130])) == 130
    assert table.rows == len(table) == ROWS
    assert table.counts("status") == frame["status"].value_counts().to_dict()


HOSTILE = ("' OR 1=1 --", '"; DROP TABLE columns_0; --', "%", "_", "\\", "x'); ATTACH 'a'", "\x00")


def test_text_of_a_visitor_is_a_value_and_no_sql(tmp_path):
    write_run(tmp_path / "out", 50, 50, id_kind="str")
    table = RunTable(tmp_path / "out")
    for text in HOSTILE:
        assert table.count(RowFilter(ident=text)) == (50 if text == "%" else 0)
        assert table.count(RowFilter(status=(text,), verdict=(text,))) == 0
        for ask in (
            lambda text=text: table.page(sort=text),
            lambda text=text: table.page(columns=[text]),
            lambda text=text: table.count(RowFilter(ranges=((text, 0, 1),))),
            lambda text=text: table.points(RowFilter(), [text], 10),
            lambda text=text: table.nearest(RowFilter(), text, "row", (0, 0), (1, 1)),
            lambda text=text: table.counts(text),
            lambda text=text: table.find(text),
        ):
            with pytest.raises(SedflowError, match=r"no column|no row"):
                ask()
    assert table.count(RowFilter(ident="it's 3%")) == 1
    assert table.count() == 50
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def test_duckdb_reads_no_other_folder(run, tmp_path):
    import duckdb

    (tmp_path / "secret.csv").write_text("a\n1\n")
    cursor = run[1]._store._connection.cursor()
    for query in (
        f"SELECT * FROM read_csv('{tmp_path / 'secret.csv'}')",
        "SET enable_external_access = true",
    ):
        with pytest.raises(duckdb.Error):
            cursor.execute(query)


def test_a_random_part_is_the_same_each_time(run):
    _, table, _ = run
    a, total = table.points(RowFilter(), ["redshift"], 60)
    b, _ = table.points(RowFilter(), ["redshift"], 60)
    assert total == ROWS
    assert 20 < len(a["redshift"]) < 110
    np.testing.assert_array_equal(a["redshift"], b["redshift"])


def test_the_span_leaves_tails_out(run):
    frame, table, _ = run
    low, high = table.span("k_hat", 0.8)
    assert (low, high) == pytest.approx(tuple(frame["k_hat"].quantile([0.1, 0.9])), abs=1e-6)
    # of less than a row they leave none out, or the map would cut that one in half
    assert table.span("k_hat") == pytest.approx((frame["k_hat"].min(), frame["k_hat"].max()))


def test_the_span_beside_another_column_is_of_rows_that_have_both(run):
    """Rows without a posterior have whatever redshift the catalogue has, as -9.99."""
    frame, table, _ = run
    both = frame[np.isfinite(frame["k_hat"]) & np.isfinite(frame["redshift"])]
    ends = both["redshift"].min(), both["redshift"].max()
    assert table.span("redshift", 1.0, beside="k_hat") == pytest.approx(ends)
    assert table.span("redshift", 1.0, beside="redshift") == table.span("redshift", 1.0)


def test_an_unfinished_run_opens_and_tells(tmp_path):
    write_run(tmp_path / "out")
    ledger = tmp_path / "out" / "files.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(lines[:2] + lines[3:]))
    table = RunTable(tmp_path / "out")
    assert (table.parts, table.all_parts, table.finished) == (5, 6, False)
    assert table.rows == ROWS - PART
    assert table.page(start=75, size=10)["row"].tolist() == [*range(75, 80), *range(120, 125)]
    with pytest.raises(SedflowError, match="row 81 is not inferred yet: 5 of 6 partitions"):
        table.row(81)
    assert table.is_current()
    with open(ledger, "ab") as file:
        file.write(lines[2])
    assert not table.is_current()
    assert RunTable(tmp_path / "out").finished


def test_what_is_no_run_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(SedflowError, match=r"no manifest\.json"):
        RunTable(tmp_path)
    write_run(tmp_path / "out", 50, 10)
    (tmp_path / "out" / "results" / "part-000003.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(SedflowError, match=r"results/part-000003.parquet has 12 bytes, where"):
        RunTable(tmp_path / "out")
    for path in (tmp_path / "out" / "results").iterdir():
        path.unlink()
    with pytest.raises(SedflowError, match=r"part-000000.parquet is gone; .* and 2 more; give the"):
        RunTable(tmp_path / "out")
    (tmp_path / "out" / "files.jsonl").unlink()
    with pytest.raises(SedflowError, match="no finished partition yet"):
        RunTable(tmp_path / "out")


@inputs(25)
@given(data=st.data())
def test_damaged_files_of_a_run_are_refused_or_give_the_same_rows(tmp_path, data):
    out = tmp_path / "out"
    shutil.rmtree(out, ignore_errors=True)
    frame = write_run(out, 50, 10)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    table = answer(RunTable, out)
    if table is None:
        return
    page = table.page(size=50)  # a ledger without its end is a run that is not finished
    assert len(page) == table.rows
    assert table.finished == (table.rows == 50)
    expected = frame[frame["row"].isin(page["row"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(page, expected, check_dtype=False)


def test_a_file_that_changes_while_the_page_is_open_is_refused(tmp_path):
    write_run(tmp_path / "out", 50, 10)
    table = RunTable(tmp_path / "out")
    assert table.row(35)["row"] == 35
    path = tmp_path / "out" / "results" / "part-000003.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    for ask in (lambda: table.row(35), lambda: table.span("k_hat")):
        with pytest.raises(SedflowError, match=r"results/part-000003.parquet .* has changed"):
            ask()
    assert table.row(5)["row"] == 5


def test_a_file_that_was_put_back_is_read_on(tmp_path):
    """Its bytes are the same and its stamp is not: it was refused until the server began anew."""
    write_run(tmp_path / "out", 50, 10)
    table = RunTable(tmp_path / "out")
    path = tmp_path / "out" / "results" / "part-000003.parquet"
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(SedflowError, match="has changed"):
        table.row(35)
    path.write_bytes(content)
    assert table.row(35)["row"] == 35
    path.chmod(0o640)
    assert table.row(36)["row"] == 36


@pytest.mark.parametrize("number", [-1, ROWS])
def test_a_row_outside_is_refused(run, number):
    with pytest.raises(SedflowError, match=f"row {number} is not in this run; it has the rows 0"):
        run[1].row(number)


def test_the_table_needs_no_dashboard():
    code = "import sys, sedflow.catalogue.results\nprint({'panel', 'holoviews'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_departures_are_in_sigma_and_name_the_worst():
    names = list(NAMES)
    row = {f"{n}_p{q}": v for n in names for q, v in ((16, -1.0), (50, 0.0), (84, 1.0))}
    now = np.array([[-1.0], [0.0], [1.0]]) * np.ones(len(names))
    assert departure(row, names, now)[0] == 0
    now[1, 3] = 0.5
    assert departure(row, names, now) == (0.5, names[3])
    assert np.isnan(departure(dict.fromkeys(row, np.nan), names, now)[0])


def test_the_photometry_of_a_row_keeps_absent_bands():
    row = {"redshift": 0.05, "flux_g": 2.0, "sigma_g": 0.1, "flux_r": np.nan, "sigma_r": np.nan}
    galaxy = stored_photometry(row, ("g", "r"))
    assert galaxy.present.tolist() == [True, False]

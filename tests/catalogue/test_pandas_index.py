"""A data frame's index is its galaxies' IDs, in memory and in the Parquet file of it alike."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

import sedflow
from sedflow.catalogue.guess import guess_mapping
from sedflow.catalogue.read.open import as_written, open_catalogue, read_table
from sedflow.catalogue.run import infer_catalogue
from sedflow.dashboard.server import reader

N = 6


def _frame(index):
    fluxes = {f"flux_{b}": np.linspace(30, 90, N) for b in "ugriz"}
    errors = {f"flux_err_{b}": np.full(N, 2.0) for b in "ugriz"}
    return pd.DataFrame({"redshift": np.full(N, 0.05), **fluxes, **errors}, index=index)


INDEXES = {
    "from one": pd.RangeIndex(1, N + 1, name="id"),
    "every third, unnamed": pd.RangeIndex(4, 4 + 3 * N, 3),
    "chosen": pd.Index([3, 4, 7, 11, 12, 20]),
    "of an SDSS catalogue": pd.RangeIndex(1237645879551066262, 1237645879551066262 + N * 7, 7),
    "text": pd.Index([f"J{k}" for k in range(N)], name="Galaxy of mine"),
    "a column has it": pd.RangeIndex(1, N + 1, name="redshift "),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES.keys())
def test_a_file_has_the_ids_of_its_frame(tmp_path, index):
    """pandas wrote an index of equal steps to the metadata alone, and rows were numbered."""
    path = tmp_path / "mine.parquet"
    _frame(index).to_parquet(path)
    table = as_written(path)
    mapping = guess_mapping(table)
    assert table[mapping.id].tolist() == index.tolist()
    assert index.name == "id" or any("index of the data frame" in note for note in mapping.notes)


def test_answers_are_those_of_the_frame_in_a_run_and_the_app_too(tmp_path):
    frame, path = _frame(INDEXES["from one"]), tmp_path / "mine.parquet"
    frame.to_parquet(path)
    found, memory = (sedflow.infer_table(t, n=50, unit="nanomaggies") for t in (path, frame))
    assert found["id"].tolist() == memory["id"].tolist() == [*range(1, N + 1)]
    assert found["log_mstar_p50"].tolist() == memory["log_mstar_p50"].tolist()
    mapping = guess_mapping(open_catalogue(path)).in_unit("nanomaggies")
    infer_catalogue(path, tmp_path / "out", mapping=mapping, n=50, workers=0, part_rows=4)
    ids = [pd.read_parquet(p)["id"].tolist() for p in sorted((tmp_path / "out/results").iterdir())]
    assert ids == [[1, 2, 3, 4], [5, 6]]
    table, total = reader.unpack(reader.answer_to(path.read_bytes(), "mine.parquet"))
    assert (guess_mapping(table).id, table["id"].tolist(), total) == ("id", [*range(1, 7)], N)


def test_a_folder_counts_on_from_file_to_file(tmp_path):
    for k, start in enumerate((0, N, 10 * N)):
        _frame(pd.RangeIndex(start, start + N)).to_parquet(tmp_path / f"{k}.parquet")
    ids = read_table(tmp_path)["index"].tolist()
    assert ids == [*range(2 * N), *range(10 * N, 11 * N)]


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda table: table.slice(1), ""),  # of which the metadata know nothing
        (lambda table: table.replace_schema_metadata({b"pandas": b"{[" * 99}), ""),
        (
            lambda table: table.replace_schema_metadata(
                {b"pandas": b'{"index_columns": [{"kind": "range", "start": 1, "stop": 1e99}]}'}
            ),
            "",
        ),
        (
            lambda table: pa.Table.from_pandas(_frame(pd.Index([1, 1, 2, 3, 4, 5]))),
            "the index of the data frame is not taken as IDs: 1 of its entries come more than once",
        ),
    ],
)
def test_an_index_that_names_no_galaxies_is_not_taken(tmp_path, change, note):
    path = tmp_path / "mine.parquet"
    pq.write_table(change(pa.Table.from_pandas(_frame(INDEXES["from one"]))), path)
    mapping = guess_mapping(open_catalogue(path))
    assert mapping.id == "" and (not note or note in mapping.notes)


def test_a_column_of_ids_goes_first(tmp_path):
    path = tmp_path / "mine.parquet"
    _frame(INDEXES["chosen"]).assign(NSAID=np.arange(N) + 7).to_parquet(path)
    assert guess_mapping(open_catalogue(path)).id == "NSAID"


def test_an_index_that_holds_redshifts_is_not_of_ids_too(tmp_path):
    frame = _frame(pd.RangeIndex(0, N * 10, 10, name="z")).drop(columns="redshift")
    frame.to_parquet(tmp_path / "mine.parquet")
    mapping = guess_mapping(open_catalogue(tmp_path / "mine.parquet"))
    assert (mapping.redshift, mapping.id) == ("z", "")


@pytest.mark.parametrize("other", ["astro", 5, None, {}])
def test_what_a_table_says_of_an_index_of_its_own_is_nothing_here(tmp_path, other):
    table = Table({name: np.ones(3) for name in _frame(None).columns}, meta={"index": other})
    assert guess_mapping(table).id == ""
    _frame(INDEXES["from one"]).to_parquet(tmp_path / "mine.parquet")
    read = read_table(tmp_path / "mine.parquet")
    read.rename_column("id", "k")
    assert guess_mapping(read).id == ""

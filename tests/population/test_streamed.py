"""A population that is read a partition at a time says what one in memory says."""

import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from population_mocks import exact_mock
from scipy.sparse import csr_array
from unfinished import stopped

import sedflow
from sedflow.errors import SedflowError
from sedflow.population.blocks import Blocks
from sedflow.population.density import fit_density, scaled
from sedflow.population.grid import edges_of
from sedflow.population.mocks import SCHECHTER
from sedflow.population.part_evidence import EvidenceJob, part_evidence, part_quantiles
from sedflow.population.prior import PriorShares, prior_shares
from sedflow.population.run_parts import RunParts
from sedflow.population.streamed import StreamedPopulation

OF = "log_mstar,log_z_mw_solar"
OPTIONS = {
    "ranges": {"log_mstar": (7.0, 12.0), "log_z_mw_solar": (-2.4, 0.4)},
    "cells": (8, 8),
    "status": ("ok", "misfit", "failed"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run in three partitions."""
    folder = tmp_path_factory.mktemp("streamed")
    nsa = sedflow.load_nsa()
    rows = np.random.default_rng(7).choice(len(nsa.ids), 18, replace=False)
    nsa.table[np.sort(rows)].write(folder / "atlas.fits")
    sedflow.infer_catalogue(
        folder / "atlas.fits", folder / "run", n=100, keep=60, workers=0, part_rows=7
    )
    return folder / "run"


@pytest.fixture(scope="module")
def both(run):
    return sedflow.Population(run, OF, **OPTIONS), StreamedPopulation(run, OF, **OPTIONS)


def _on_disk(folder, matrix, counts, size):
    """In files of about so many rows, which come in parts that are smaller."""
    blocks, step = Blocks(folder, matrix.shape[1], size), size // 2
    for start in range(0, matrix.shape[0], step):
        block = csr_array(matrix[start : start + step])
        ids = np.array([f"g{k}" for k in range(start, start + block.shape[0])], dtype=object)
        blocks.add(scaled(block), counts[start : start + step].data, ids)
    return blocks


def test_blocks_on_disk_give_the_density_of_the_whole(tmp_path):
    mock = exact_mock(SCHECHTER, 500, 100, seed=2)
    whole = fit_density(mock.likelihood, mock.shape, counts=mock.counts)
    parts = fit_density(_on_disk(tmp_path, mock.likelihood, mock.counts, 170), mock.shape)
    np.testing.assert_allclose(parts.shares, whole.shares, rtol=1e-4)
    np.testing.assert_allclose(parts.draws.std(0), whole.draws.std(0), rtol=5e-3, atol=1e-7)


def test_rows_of_blocks_are_those_of_the_whole(tmp_path):
    mock = exact_mock(SCHECHTER, 100, 50, seed=3)
    rows = np.array([0, 29, 30, 31, 99])
    found, counts = _on_disk(tmp_path, mock.likelihood, mock.counts, 30)[rows]
    expected = scaled(csr_array(mock.likelihood))[rows]
    np.testing.assert_array_equal(counts, mock.counts[rows].data)
    np.testing.assert_allclose(found.toarray(), expected.toarray(), rtol=1e-6)


def test_blocks_give_back_what_they_were_given(tmp_path):
    mock = exact_mock(SCHECHTER, 100, 50, seed=3)
    blocks = _on_disk(tmp_path, mock.likelihood, mock.counts, 30)
    assert blocks.shape[0] == 100
    assert [i for _, _, ids in blocks.whole() for i in ids] == [f"g{k}" for k in range(100)]
    assert len(list(tmp_path.iterdir())) == 4


def test_a_streamed_population_is_that_in_memory(both):
    memory, streamed = both
    assert len(streamed) == len(memory)
    assert streamed.left_out == memory.left_out
    np.testing.assert_allclose(streamed.density, memory.density, rtol=0.02, atol=1e-4)
    np.testing.assert_allclose(streamed.medians(), memory.medians())
    np.testing.assert_allclose(streamed.stack(), memory.stack(), rtol=1e-6)
    np.testing.assert_allclose(streamed.prior_density, memory.prior_density, rtol=0.02, atol=1e-6)
    assert np.all(streamed.effective_draws >= 0.9 * memory.effective_draws)  # copies count twice
    np.testing.assert_array_equal(streamed.redshift, memory.redshift)
    assert any("galaxies given" in text for text in streamed.notes)


def test_galaxies_are_written_a_partition_at_a_time(both, tmp_path):
    memory, streamed = both
    path = streamed.galaxies(tmp_path / "galaxies.parquet")
    found, expected = pq.read_table(path).to_pydict(), memory.galaxies()
    assert found["id"] == expected["id"].tolist()  # as numbers, to be joined with the run's results
    for column in ("log_mstar_p50", "log_mstar_shrunk_p50", "log_z_mw_solar_shrunk_p84"):
        np.testing.assert_allclose(found[column], expected[column], atol=0.03)
    with pytest.raises(SedflowError, match="overwrite=True"):
        streamed.galaxies(path)
    with pytest.raises(SedflowError, match=r"\.parquet file"):
        streamed.galaxies(tmp_path / "galaxies.csv")


@pytest.mark.parametrize("gone", [0, 2])
def test_partitions_that_come_later_change_no_row_of_the_galaxies(run, tmp_path, gone):
    go_on = stopped(run, tmp_path / "run", gone)
    weights = {ident: 1.0 + k for k, ident in enumerate(sedflow.load_nsa().ids.tolist())}
    found = StreamedPopulation(tmp_path / "run", OF, weights=weights, **OPTIONS)
    before = pq.read_table(found.galaxies(tmp_path / "before.parquet"))
    go_on()
    assert pq.read_table(found.galaxies(tmp_path / "after.parquet")).equals(before)
    assert before.num_rows == len(found)
    assert before["weight"].to_pylist() == [weights[int(i)] for i in before["id"].to_pylist()]


def test_partitions_that_come_while_a_population_is_made_wait_for_the_next(
    run, tmp_path, monkeypatch
):
    go_on = stopped(run, tmp_path / "run", 0)
    alone = StreamedPopulation(tmp_path / "run", OF, **OPTIONS)
    monkeypatch.setattr(
        "sedflow.population.streamed.edges_of", lambda *given: (go_on(), edges_of(*given))[1]
    )
    _same(StreamedPopulation(tmp_path / "run", OF, **OPTIONS), alone)


def test_galaxies_of_another_run_in_the_folder_are_not_written(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    found = StreamedPopulation(tmp_path / "run", OF, **OPTIONS)
    shutil.rmtree(tmp_path / "run")
    sedflow.load_nsa().table[:1].write(tmp_path / "one.fits")
    sedflow.infer_catalogue(tmp_path / "one.fits", tmp_path / "run", n=50, keep=20, workers=0)
    with pytest.raises(SedflowError, match="ask for the population again"):
        found.galaxies(tmp_path / "galaxies.parquet")
    assert not (tmp_path / "galaxies.parquet").exists()


def _same(one, other):
    """Of two populations: all that is said of them, and what is on file."""
    assert len(one) == len(other)
    assert one.left_out == other.left_out
    assert one.few == other.few
    for what in ("density", "prior_density", "effective_draws"):
        np.testing.assert_allclose(getattr(one, what), getattr(other, what), rtol=1e-9)
    np.testing.assert_allclose(one.fitted.draws, other.fitted.draws, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(one.stack(), other.stack(), rtol=1e-9)
    np.testing.assert_allclose(one.medians(), other.medians(), rtol=1e-9)


@pytest.mark.slow
def test_workers_of_a_scheduler_find_what_one_process_finds(run, both, tmp_path):
    distributed = pytest.importorskip("distributed")
    weights = {ident: 1.0 + k for k, ident in enumerate(both[0].ids.tolist())}
    options = {**OPTIONS, "weights": weights, "without": [both[0].ids[3]]}
    here = StreamedPopulation(run, OF, **options)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        there = StreamedPopulation(run, OF, **options, scheduler=cluster.scheduler_address)
        _same(there, here)
        found = pq.read_table(there.galaxies(tmp_path / "there.parquet"))
    expected = pq.read_table(here.galaxies(tmp_path / "here.parquet"))
    assert found.column_names == expected.column_names
    for name in expected.column_names:
        if name == "id":
            assert found[name].to_pylist() == expected[name].to_pylist()
        else:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-9)


def test_a_partition_with_no_draw_on_the_axes_is_empty(run):
    parts = RunParts(run, ("log_mstar",), OPTIONS["status"])
    network, edges = parts.posterior, (np.linspace(12.4, 12.5, 6),)
    prior = prior_shares(("log_mstar",), edges, np.array([0.02]), network.prior, network.model)
    job = EvidenceJob(0, "job", parts.draws, edges, prior, np.full(5, 0.2))
    found = part_evidence(job)
    assert len(found.ids) == len(found.inside) > 0
    assert not found.inside.any()
    assert found.likelihood.shape == (0, 5)
    assert part_quantiles(job).columns == {}


def test_sums_of_the_prior_are_those_of_its_shares():
    shares = np.random.default_rng(1).random((3, 7))
    prior = PriorShares(np.array([0.01, 0.06, 0.11]), shares, np.zeros((3, 7)))
    z = np.array([0.005, 0.01, 0.03, 0.06, 0.1, 0.2])
    np.testing.assert_allclose(prior.total(z), prior.at(z).sum(0))
    alone = PriorShares(np.array([0.0]), shares[:1], np.zeros((1, 7)))
    np.testing.assert_allclose(alone.total(z), alone.at(z).sum(0))


def test_what_needs_all_draws_is_refused_in_a_sentence(both):
    for ask in (both[1].subset, both[1].selected):
        with pytest.raises(SedflowError, match="no subsets"):
            ask(np.ones(len(both[1]), bool))
    with pytest.raises(SedflowError, match="no subsets"):
        both[1].draws_of(0)
    with pytest.raises(SedflowError, match="no subsets"):
        both[1].subset(slice(5))
    with pytest.raises(SedflowError, match="no subsets"):
        both[1].selected(slice(5))
    with pytest.raises(SedflowError, match="not in memory"):
        _ = both[1].shrunk
    with pytest.raises(SedflowError, match="IDs are not in memory"):
        _ = both[1].ids


def test_arviz_numbers_the_galaxies_of_a_streamed_population(both):
    constant = both[1].to_inference_data().constant_data
    np.testing.assert_array_equal(constant.redshift, both[0].redshift)
    np.testing.assert_array_equal(constant.galaxy, np.arange(len(both[1])))


def test_density_and_figure_are_made_as_ever(both, tmp_path):
    table = both[1].to_table(tmp_path / "density.parquet")
    assert len(Table.read(tmp_path / "density.parquet")) == len(table) == 64
    assert both[1].plot().axes


@pytest.mark.parametrize("out", [["run", "rerun"], 5])
def test_what_is_not_one_folder_is_refused(out):
    with pytest.raises(SedflowError, match=r"out = .* give the folder of one run"):
        StreamedPopulation(out, OF)

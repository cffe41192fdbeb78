"""Files that are not what they were: packaged data, grids and weights altered or cut short."""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from fuzz import answer, damaged, inputs
from hypothesis import given
from hypothesis import strategies as st

import sedflow
from sedflow import resources
from sedflow.errors import BadSSP, BadWeights, DamagedPackage, SedflowError
from sedflow.resources import DEFAULT_WEIGHTS, checked_path, data_path, load_ssp

LISTED = [line.split()[1] for line in data_path("SHA256SUMS").read_text().splitlines()]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the packaged data that may be damaged."""
    for name in ["SHA256SUMS", *LISTED]:
        shutil.copy(data_path(name), tmp_path)
    monkeypatch.setattr(resources, "data_path", lambda name: tmp_path / name)
    resources._read_ssp.cache_clear()
    resources.load_bases.cache_clear()
    yield tmp_path
    resources._read_ssp.cache_clear()
    resources.load_bases.cache_clear()


@pytest.mark.parametrize("name", LISTED)
def test_the_packaged_files_are_those_of_their_hashes(name):
    assert checked_path(name) == data_path(name)


def test_every_packaged_file_has_a_hash():
    """After new weights or data: python tools/build_data.py --sums"""
    names = {path.name for path in data_path("").glob("*.*") if path.name != "README.md"}
    assert {name for name in names if not name.endswith(".report.json")} == set(LISTED)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("ssp_fsps.h5", lambda: load_ssp("fsps")),
        ("ssp_bc03.h5", lambda: load_ssp("bc03")),
        ("nmf_bases.ecsv", resources.load_bases),
        ("nsa_sample.fits", sedflow.load_nsa),
        ("noise_nsa.json", lambda: resources.load_json("noise_nsa.json")),
        ("nsa-ugriz-fsps.json", sedflow.load_posterior),
    ],
)
def test_damaged_packaged_data_are_refused(package, name, read):
    whole = (package / name).read_bytes()
    read()
    resources._read_ssp.cache_clear()
    resources.load_bases.cache_clear()
    altered = bytearray(whole)
    altered[len(whole) // 2] ^= 1
    for content in (whole[:-1], whole[: len(whole) // 2], bytes(altered), b""):
        (package / name).write_bytes(content)
        with pytest.raises(DamagedPackage, match=rf"{name} is not the one that was installed"):
            read()
    (package / name).unlink()
    with pytest.raises(DamagedPackage, match="install sedflow-explorer again"):
        read()


def small_grid(folder, **change):
    """A small SSP file, complete but for the changes; None leaves a data set out."""
    data = {
        "ssp_lgmet": np.array([-3.0, -1.7]),
        "ssp_lg_age_gyr": np.array([-2.5, -1.0, 1.14]),
        "ssp_wave": np.geomspace(1000, 20_000, 50),
        "ssp_flux": np.ones((2, 3, 50)),
        "lsun_erg_s": 3.846e33,
    } | change
    with h5py.File(folder / "small.h5", "w") as file:
        file.attrs["lsun_erg_s"] = data.pop("lsun_erg_s")
        for name, value in data.items():
            if value is not None:
                file[name] = value
    return folder / "small.h5"


def test_a_grid_of_ones_own_that_is_written_anew_is_read_anew(tmp_path):
    before, after = (
        load_ssp(small_grid(tmp_path, ssp_flux=k * np.ones((2, 3, 50)))) for k in (1, 2)
    )
    assert before.sha256 != after.sha256
    np.testing.assert_allclose(after.luminosity, 2 * before.luminosity)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ssp_mass_remaining": np.ones((2, 2))}, "ssp_mass_remaining has shape"),
        ({"ssp_wave": np.linspace(-5, 9000, 50)}, "must be positive"),
        ({"ssp_lgmet": np.array([b"a", b"b"])}, "cannot be read as HDF5"),
        ({"ssp_feh": np.array([0.0, 1.0, 2.0])}, "3 metallicities"),
        ({"ssp_wave_edges": np.arange(1.0, 9.0)}, "7 wavelengths"),
        ({"lsun_erg_s": -1.0}, "lsun_erg_s must be positive"),
        ({"lsun_erg_s": "much"}, "cannot be read as HDF5"),
        ({"ssp_flux": None}, "lacks the data sets ssp_flux"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(tmp_path, change, message):
    path = small_grid(tmp_path, **change)
    with pytest.raises(BadSSP, match=message):
        load_ssp(path)


@inputs(25)
@given(data=st.data())
def test_a_damaged_grid_is_a_grid_or_a_sentence(tmp_path, data):
    """Of one's own, of which nobody knows the hash yet: no light is negative or no number."""
    path = small_grid(tmp_path)
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    grid = answer(load_ssp, path)
    assert grid is None or (grid.luminosity >= 0).all()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The default network under a name of its own."""
    folder = tmp_path_factory.mktemp("weights")
    for suffix in (".safetensors", ".json"):
        shutil.copy(data_path(f"{DEFAULT_WEIGHTS}{suffix}"), folder / f"mine{suffix}")
    return folder / "mine.safetensors"


def edited(weights, folder, edit):
    record = json.loads(weights.with_suffix(".json").read_text())
    edit(record)
    path = Path(folder) / "mine.safetensors"
    shutil.copy(weights, path)
    path.with_suffix(".json").write_text(json.dumps(record))
    return path


@inputs(15)
@given(st.integers(0, 5_314_855), st.integers(1, 255), st.booleans())
def test_weights_altered_or_cut_anywhere_are_refused(weights, where, flip, cut):
    content = bytearray(weights.read_bytes())
    if cut:
        del content[where:]
    else:
        content[where] ^= flip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.safetensors"
        path.write_bytes(content)
        shutil.copy(weights.with_suffix(".json"), folder)
        assert answer(sedflow.load_posterior, path) is None


RECORD = json.loads(data_path(f"{DEFAULT_WEIGHTS}.json").read_text())


@pytest.mark.parametrize("key", sorted(set(RECORD) - {"training", "noise_sha256", "redshift"}))
def test_a_record_without_one_of_its_parts_is_refused(weights, tmp_path, key):
    path = edited(weights, tmp_path, lambda record: record.pop(key))
    with pytest.raises(BadWeights):
        sedflow.load_posterior(path)


def test_a_record_of_another_network_is_refused(weights, tmp_path):
    path = edited(weights, tmp_path, lambda record: record["architecture"].update(hidden=64))
    with pytest.raises(BadWeights, match="does not fit its record"):
        sedflow.load_posterior(path)


def test_a_network_is_not_used_with_another_grid_than_its_own(weights, tmp_path, bc03, galaxy):
    with pytest.raises(BadWeights, match=r"was trained on an SSP grid 'fsps' of sha256 668ca7"):
        sedflow.load_posterior(weights, model=bc03)
    path = edited(weights, tmp_path, lambda record: record["ssp"].update(sha256="0" * 64))
    with pytest.raises(BadWeights, match=r"of sha256 000000000000..., but this one, 'fsps', has"):
        sedflow.load_posterior(path).sample(galaxy, n=10)


@pytest.mark.slow
def test_a_network_finds_the_grid_of_ones_own_that_it_was_trained_on(weights, tmp_path, galaxy):
    grid = shutil.copy(data_path("ssp_fsps.h5"), tmp_path / "own.h5")
    digest = hashlib.sha256(Path(grid).read_bytes()).hexdigest()

    def own(record):
        record["ssp"] = {"name": "own", "sha256": digest}
        record["training"]["ssp"] = str(grid)

    path = edited(weights, tmp_path, own)
    posterior = sedflow.load_posterior(path)
    assert posterior.sample(galaxy, n=10, seed=1).n == 10
    assert posterior.model.grid.name == "own"
    Path(grid).rename(tmp_path / "elsewhere.h5")
    with pytest.raises(BadWeights, match=r"neither packaged nor at .*own.h5; pass load_posterior"):
        sedflow.load_posterior(path).sample(galaxy, n=10)
    model = sedflow.SEDModel(tmp_path / "elsewhere.h5")
    assert sedflow.load_posterior(path, model=model).model is model


@pytest.mark.slow
def test_a_network_trained_on_a_grid_of_ones_own_carries_its_hash(tmp_path, monkeypatch, galaxy):
    from sedflow import training

    for name, value in (("_BLOCK", 2048), ("_HELD_OUT", 2048), ("_SCALING", 4096), ("_COPIES", 1)):
        monkeypatch.setattr(training, name, value)
    grid = shutil.copy(data_path("ssp_bc03.h5"), tmp_path / "own.h5")
    config = training.TrainingConfig(
        name="mine", simulations=4096, batch=256, layers=2, hidden=16, ssp=str(grid)
    )
    training.train(config, tmp_path)
    posterior = sedflow.load_posterior(tmp_path / "mine.safetensors")
    assert posterior.record["ssp"]["sha256"] == resources.sha256(grid)
    fit = sedflow.fit(galaxy, posterior, n=200, seed=1)
    again = sedflow.load_fit(fit.save(tmp_path / "fit.h5"), model=posterior.model)
    np.testing.assert_array_equal(again.predicted.flux, fit.predicted.flux)
    with pytest.raises(SedflowError, match="made with the SSP grid 'own'"):
        sedflow.load_fit(tmp_path / "fit.h5")

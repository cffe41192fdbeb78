"""Files that are not what they were: packaged data, grids and weights altered or cut short."""

import hashlib
import json
import os
import shutil
import signal
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from fuzz import answer, damaged, inputs
from hypothesis import given
from hypothesis import strategies as st

import sedflow
from sedflow.bands import load_band
from sedflow.errors import BadSSP, BadWeights, DamagedPackage, SedflowError
from sedflow.files import packaged
from sedflow.files.hashes import opened, sealed, stamp
from sedflow.files.packaged import DEFAULT_WEIGHTS, checked_path, data_path
from sedflow.files.regular import read_regular
from sedflow.files.writing import replacing
from sedflow.model import sfh, ssp
from sedflow.model.ssp import load_ssp
from sedflow.model.ssp_build import GridFile
from sedflow.network.record import Unsealed
from sedflow.validation.report import ValidationReport, load_report

LISTED = [line.split()[1] for line in data_path("SHA256SUMS").read_text().splitlines()]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the packaged data that may be damaged."""
    for name in ["SHA256SUMS", *LISTED]:
        shutil.copy(data_path(name), tmp_path)
    monkeypatch.setattr(packaged, "data_path", lambda name: tmp_path / name)
    ssp._read_ssp.cache_clear()
    sfh.load_bases.cache_clear()
    yield tmp_path
    ssp._read_ssp.cache_clear()
    sfh.load_bases.cache_clear()


@pytest.mark.parametrize("name", LISTED)
def test_the_packaged_files_are_those_of_their_hashes(name):
    assert checked_path(name) == data_path(name)


def test_every_packaged_file_has_a_hash():
    """After new weights or data: python tools/build_data.py --sums"""
    names = {path.name for path in data_path("").glob("*.*") if path.name != "README.md"}
    assert names == set(LISTED)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("ssp_fsps.h5", lambda: load_ssp("fsps")),
        ("ssp_bc03.h5", lambda: load_ssp("bc03")),
        ("nmf_bases.ecsv", sfh.load_bases),
        ("nsa_sample.fits", sedflow.load_nsa),
        ("noise_nsa.json", lambda: packaged.load_json("noise_nsa.json")),
        ("nsa-ugriz-fsps.json", sedflow.load_posterior),
        ("nsa-ugriz-fsps.report.json", load_report),
    ],
)
def test_damaged_packaged_data_are_refused(package, name, read):
    whole = (package / name).read_bytes()
    read()
    ssp._read_ssp.cache_clear()
    sfh.load_bases.cache_clear()
    altered = bytearray(whole)
    altered[len(whole) // 2] ^= 1
    for content in (whole[:-1], whole[: len(whole) // 2], bytes(altered), b""):
        (package / name).write_bytes(content)
        with pytest.raises(DamagedPackage, match=rf"{name} is not the one that was installed"):
            read()
    (package / name).unlink()
    with pytest.raises(DamagedPackage, match="install sedflow-explorer again"):
        read()


#: L_nu [Lsun/Hz/Msun] of grey stars of 3 Myr, 0.1 and 13.8 Gyr.
FADING = np.array([[[1e-13], [1e-14], [2e-16]]])


def small_grid(folder, **change):
    """A small SSP file, complete but for the changes; None leaves a data set out."""
    data = {
        "ssp_lgmet": np.array([-3.0, -1.7]),
        "ssp_lg_age_gyr": np.array([-2.5, -1.0, 1.14]),
        "ssp_wave": np.geomspace(1000, 20_000, 50),
        "ssp_flux": FADING * np.ones((2, 3, 50)),
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
        load_ssp(small_grid(tmp_path, ssp_flux=k * FADING * np.ones((2, 3, 50)))) for k in (1, 2)
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
    record = opened(json.loads(weights.with_suffix(".json").read_text()))
    edit(record)
    path = Path(folder) / "mine.safetensors"
    shutil.copy(weights, path)
    path.with_suffix(".json").write_text(json.dumps(sealed(record)))
    return path


SIZE = data_path(f"{DEFAULT_WEIGHTS}.safetensors").stat().st_size


@inputs(15)
@given(st.integers(0, SIZE - 1), st.integers(1, 255), st.booleans())
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


RECORD = opened(json.loads(data_path(f"{DEFAULT_WEIGHTS}.json").read_text()))


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
    grid = load_ssp("fsps")
    for changed in (
        replace(grid, luminosity=2 * grid.luminosity),
        replace(
            grid,
            feh=grid.feh[::2],
            luminosity=grid.luminosity[::2],
            mass_remaining=None,
            mass_living=None,
        ),
    ):
        with pytest.raises(BadWeights, match="is not as it was read from a file; give the grid"):
            sedflow.load_posterior("nsa-ugriz-fsps", model=sedflow.SEDModel(changed))
    with pytest.raises(BadWeights, match=r"was trained on an SSP grid 'fsps' of sha256 668ca7"):
        sedflow.load_posterior(weights, model=bc03)
    path = edited(weights, tmp_path, lambda record: record["ssp"].update(sha256=""))
    of_arrays = sedflow.SEDModel(replace(grid, luminosity=2 * grid.luminosity))
    with pytest.raises(BadWeights, match="has no sha256, so that no grid can be recognized"):
        sedflow.load_posterior(path, model=of_arrays)
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
    from sedflow.network import training, training_set

    for name, value in (("_HELD_OUT", 2048), ("_SCALING", 4096), ("_COPIES", 1)):
        monkeypatch.setattr(training_set, name, value)
    grid = shutil.copy(data_path("ssp_bc03.h5"), tmp_path / "own.h5")
    config = training.TrainingConfig(
        name="mine", simulations=4096, block=2048, batch=256, layers=2, hidden=16, ssp=str(grid)
    )
    training.train(config, tmp_path)
    posterior = sedflow.load_posterior(tmp_path / "mine.safetensors")
    assert posterior.record["ssp"]["sha256"] == packaged.sha256(grid)
    fit = sedflow.fit(galaxy, posterior, n=200, seed=1, trust=None)
    again = sedflow.load_fit(fit.save(tmp_path / "fit.h5"), model=posterior.model)
    np.testing.assert_array_equal(again.predicted.flux, fit.predicted.flux)
    with pytest.raises(SedflowError, match="made with the SSP grid 'own'"):
        sedflow.load_fit(tmp_path / "fit.h5")


# What this version writes is sealed: a file that is taken says what was written


@pytest.fixture(scope="module")
def written(posterior, tmp_path_factory):
    """A network, its report and a grid, as this version writes them."""
    folder = tmp_path_factory.mktemp("written")
    edges = np.geomspace(1000.0, 20_000.0, 51)
    light = np.random.default_rng(1).uniform(0.5, 2.0, (2, 3, 50))
    grid = GridFile(
        lgmet=np.array([-3.0, -1.7]),
        feh=np.array([-1.3, 0.0]),
        lg_age_gyr=np.array([-2.5, -1.0, 1.14]),
        wave_edges=edges,
        luminosity=light,
        mass_remaining=np.ones((2, 3)),
        attrs={"title": "made up"},
    )
    report = ValidationReport({"weights": "mine"}, {"scores_network": np.zeros((4, 20))})
    return posterior.save(folder), report.save(folder / "x.report.json"), grid.save(folder / "g.h5")


def light_of(path):
    return load_ssp(path).luminosity


def levels_of(path):
    found = load_report(path)
    return np.array([*found.galaxies["scores_network"].flat, found.summary == {"weights": "mine"}])


def record_of(path):
    return np.array([json.dumps(sedflow.load_posterior(path).record, sort_keys=True)])


@inputs(60)
@given(data=st.data())
def test_a_damaged_file_that_is_taken_says_what_was_written(written, data):
    network, report, grid = written
    k, read = data.draw(st.sampled_from([*enumerate((record_of, levels_of, light_of))]))
    names = [network.with_suffix(".json"), report, grid]
    with tempfile.TemporaryDirectory() as folder:
        for path in (network, *names):
            shutil.copy(path, folder)
        path = Path(folder) / names[k].name
        path.write_bytes(data.draw(damaged(path.read_bytes())))
        found = answer(read, Path(folder) / network.name if k == 0 else path)
    if found is not None:
        np.testing.assert_array_equal(found, read((network, report, grid)[k]))


def test_records_of_newer_versions_and_without_their_seal_are_refused(written, tmp_path):
    network = written[0]

    def changed(**change):
        record = json.loads(network.with_suffix(".json").read_text())
        record.update(change)
        record = {key: value for key, value in record.items() if value is not None}
        shutil.copy(network, tmp_path)
        (tmp_path / network.with_suffix(".json").name).write_text(json.dumps(record))
        return tmp_path / network.name

    with pytest.raises(BadWeights, match="has format 3, this version reads up to 2"):
        sedflow.load_posterior(changed(format=3))
    with pytest.raises(BadWeights, match="it has no checksum"):
        sedflow.load_posterior(changed(sha256=None))
    with pytest.raises(BadWeights, match="does not match its checksum"):
        sedflow.load_posterior(changed(redshift=[0.0, 0.5]))
    with pytest.warns(Unsealed, match="has no checksum"):  # of before there were seals
        old = sedflow.load_posterior(changed(sha256=None, format=None))
    assert old.record == sedflow.load_posterior(network).record


@pytest.mark.filterwarnings("ignore::sedflow.network.record.Unsealed")
def test_networks_and_grids_that_were_swapped_are_refused(tmp_path, galaxy):
    for name, other in (("fsps", "bc03"), ("bc03", "fsps")):
        shutil.copy(data_path(f"nsa-ugriz-{name}.json"), tmp_path / f"{other}.json")
        shutil.copy(data_path(f"nsa-ugriz-{name}.safetensors"), tmp_path / f"{name}.safetensors")
    with pytest.raises(BadWeights, match=r"fsps.safetensors does not match the hash in fsps.json"):
        sedflow.load_posterior(tmp_path / "fsps.safetensors")
    grid = tmp_path / "own.h5"
    shutil.copy(data_path("ssp_bc03.h5"), grid)  # where that of FSPS was
    record = opened(json.loads(data_path(f"{DEFAULT_WEIGHTS}.json").read_text()))
    record["ssp"]["name"], record["training"]["ssp"] = "own", str(grid)
    shutil.copy(data_path(f"{DEFAULT_WEIGHTS}.safetensors"), tmp_path / "mine.safetensors")
    (tmp_path / "mine.json").write_text(json.dumps(sealed(record)))
    with pytest.raises(BadWeights, match=r"was trained on an SSP grid 'own' of sha256 668ca7"):
        sedflow.load_posterior(tmp_path / "mine.safetensors").sample(galaxy, n=10)


def test_a_grid_that_was_changed_after_it_was_written_is_refused(written, tmp_path):
    path = Path(shutil.copy(written[2], tmp_path))
    with h5py.File(path, "r+") as file:
        file.attrs["lsun_erg_s"] = 3.9e33
    with pytest.raises(BadSSP, match=r"g.h5 does not match its checksum"):
        load_ssp(path)
    with h5py.File(path, "r+") as file:
        del file.attrs["content_sha256"]
    with pytest.raises(BadSSP, match=r"g.h5 has lost its checksum"):
        load_ssp(path)


@pytest.mark.parametrize(
    "read",
    [sedflow.load_fit, sedflow.load_nsa, sedflow.SEDModel, sedflow.load_posterior, load_band],
)
def test_a_reader_does_not_wait_for_a_fifo(tmp_path, read):
    path = tmp_path / "a.fits"
    os.mkfifo(path)
    if read is sedflow.load_posterior:
        os.mkfifo(tmp_path / "a.json")
        path = path.rename(tmp_path / "a.safetensors")
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits"))
    signal.alarm(20)
    try:
        with pytest.raises(SedflowError):
            read(str(path))
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("through_a_link", [False, True])
def test_what_is_not_a_file_is_not_replaced(tmp_path, through_a_link):
    path = pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    if through_a_link:
        path = tmp_path / "link"
        path.symlink_to(pipe)
    with (
        pytest.raises(SedflowError, match=r"is a device or a pipe, which is not replaced"),
        replacing(path) as temporary,
    ):
        temporary.write_text("x")
    assert pipe.is_fifo()
    assert sorted(tmp_path.iterdir()) == sorted({path, pipe})


def test_a_pipe_or_a_device_is_not_read_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(OSError, match="is not a regular file"):
            read_regular(path)


def test_a_stamp_has_what_no_user_can_set_back(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    stat, before = path.stat(), stamp(path)
    time.sleep(0.02)  # beyond the resolution of the clock of the file system
    with open(path, "r+b") as file:
        file.write(b"two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert stamp(path) != before


def test_a_grid_edited_with_its_time_set_back_is_read_again(tmp_path):
    path = tmp_path / "grid.h5"
    shutil.copy(data_path("ssp_fsps.h5"), path)
    before, stat = load_ssp(path), path.stat()
    time.sleep(0.02)
    with h5py.File(path, "r+") as file:
        file["ssp_flux"][0, 0, 1000] *= 1.5
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert load_ssp(path).sha256 != before.sha256

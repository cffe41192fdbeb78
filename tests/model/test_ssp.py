"""SSP grids: interpolation, rebinning, and files that are not grids."""

import copy
import pickle
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest

from sedflow.errors import BadSSP
from sedflow.files.packaged import data_path
from sedflow.model.sed import SEDModel
from sedflow.model.ssp import SSPGrid, load_ssp


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


GRID_EDGES = np.geomspace(996, 20_080, 401)
#: L_nu [Lsun/Hz/Msun] of grey stars of 3 Myr, 0.1 and 13.8 Gyr.
FADING = np.array([[[1e-13], [1e-14], [2e-16]]])


def _write(path, counted="stars and remnants", **changes):
    data = {
        "ssp_lgmet": np.array([-3.0, -1.7]),
        "ssp_lg_age_gyr": np.array([-2.5, -1.0, 1.14]),
        "ssp_wave": np.geomspace(1000, 20_000, 400),
        "ssp_flux": np.ones((2, 3, 400)) * FADING,
    } | changes
    with h5py.File(path, "w") as file:
        file.attrs["lsun_erg_s"] = data.pop("lsun_erg_s", 3.846e33)
        file.attrs["mass_remaining"] = counted
        for key, value in data.items():
            if value is not None:
                file[key] = value
    return path


def test_a_file_says_what_its_masses_count(bc03_sets, tmp_path):
    """The recipe's copy of BC03 said nothing, and its surviving masses were 0.11 dex too low."""
    whole = load_ssp("bc03")
    living = load_ssp(_write(tmp_path / "a.h5", "living stars alone", **bc03_sets))
    np.testing.assert_allclose(living.mass_remaining, whole.mass_remaining, rtol=1e-6)
    shutil.copy(data_path("ssp_bc03.h5"), tmp_path / "copy.h5")
    np.testing.assert_array_equal(load_ssp(tmp_path / "copy.h5").mass_living, whole.mass_living)
    fortran = load_ssp(_write(tmp_path / "d.h5", b"Living stars alone", **bc03_sets))
    np.testing.assert_array_equal(fortran.mass_living, living.mass_living)
    others = bc03_sets | {"ssp_mass_remaining": 0.9 * bc03_sets["ssp_mass_remaining"]}
    with pytest.warns(UserWarning, match="b.h5 does not say what ssp_mass_remaining counts"):
        unsaid = load_ssp(_write(tmp_path / "b.h5", "", **others))
    assert unsaid.mass_living is None
    with pytest.raises(BadSSP, match="mass_remaining is 'living'; it may be 'stars and remnants'"):
        load_ssp(_write(tmp_path / "c.h5", "living", **bc03_sets))


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
        ({"ssp_wave": np.geomspace(20_000, 1000, 400)}, "wavelengths must be finite and ascend"),
        (
            {
                "ssp_wave": np.geomspace(20_000, 1000, 400),
                "ssp_wave_edges": np.geomspace(900, 21_000, 401),
            },
            "wavelengths must be finite and ascend",
        ),
        ({"ssp_wave_edges": np.geomspace(9000, 210_000, 401)}, "1000 A is not inside its bin"),
        ({"ssp_wave_edges": np.r_[0.0, GRID_EDGES[1:]]}, "first edge .* 0 A; edges must be pos"),
        ({"ssp_wave_edges": np.r_[-5.0, GRID_EDGES[1:]]}, "first edge .* -5 A"),
        ({"lsun_erg_s": np.inf}, r"lsun \[erg/s\] is inf"),
        ({"lsun_erg_s": 1.0}, r"lsun \[erg/s\] is 1,"),
        ({"ssp_mass_remaining": np.full((2, 3), np.nan)}, "ssp_mass_remaining is nan"),
        ({"ssp_mass_remaining": np.full((2, 3), -0.1)}, "ssp_mass_remaining is -0.1"),
        ({"ssp_mass_remaining": np.full((2, 3), 1.1)}, "ssp_mass_remaining is 1.1"),
        (
            {"ssp_lg_age_gyr": np.array([6.5, 8.0, 10.14])},
            "10.14, .* look like log years",
        ),
        ({"ssp_lg_age_gyr": np.array([0.003, 0.1, 13.8])}, "log10 age is 13.8"),
        ({"ssp_lgmet": np.array([-1.3, 0.0])}, "ssp_lgmet reaches 0"),
        ({"ssp_lgmet": np.array([-9.0, -1.7])}, r"\[Fe/H\] is -7.2"),
        ({"ssp_feh": np.array([0.0, 45.0])}, r"\[Fe/H\] is 45"),
        ({"ssp_feh": np.array([[0.0], [0.5]])}, "axes must be"),
        ({"ssp_flux": np.zeros((2, 3, 400))}, "light of a population .* is 0,"),
        ({"ssp_flux": np.full((2, 3, 400), 1e-315)}, "light of a population"),
        ({"ssp_flux": np.full((2, 3, 400), 1e280)}, "light of a population"),
        ({"ssp_flux": np.full((2, 3, 400), 1e300)}, "fluxes must be finite"),
        ({"ssp_flux": np.ones((2, 3, 400))}, "give L_nu in Lsun/Hz per Msun"),
        ({"ssp_wave": np.array([1000.0]), "ssp_flux": np.ones((2, 3, 1))}, "give at least two"),
    ],
)
def test_a_file_that_is_no_grid_is_refused(tmp_path, changes, message):
    with pytest.raises(BadSSP, match=message):
        load_ssp(_write(tmp_path / "bad.h5", **changes))


@pytest.mark.parametrize(
    ("change", "like"),
    [
        (lambda d: d | {"ssp_lgmet": d["ssp_lgmet"] - np.log10(0.02)}, "like log10.Z/Zsun."),
        (lambda d: d | {"ssp_lgmet": 10 ** d["ssp_lgmet"]}, "like Z itself"),
        (lambda d: d | {"ssp_lg_age_gyr": d["ssp_lg_age_gyr"] + 9}, "like log years"),
        (lambda d: d | {"ssp_lg_age_gyr": d["ssp_lg_age_gyr"] + 3}, "like log Myr"),
        (lambda d: d | {"ssp_lg_age_gyr": 10 ** d["ssp_lg_age_gyr"]}, "like Gyr, not"),
        (lambda d: d | {"ssp_lg_age_gyr": 10 ** (d["ssp_lg_age_gyr"] + 9)}, "like years, not"),
        (lambda d: d | {"ssp_wave": d["ssp_wave"] / 10}, "like nm"),
        (lambda d: d | {"ssp_wave": d["ssp_wave"] / 1e4}, "like um"),
        (lambda d: d | {"ssp_flux": d["ssp_flux"] * 3e18 / d["ssp_wave"] ** 2}, "like Lsun/A"),
        (lambda d: d | {"ssp_flux": d["ssp_flux"] * 3.846e33}, "like erg/s/Hz"),
        (lambda d: d | {"ssp_flux": d["ssp_flux"] * 1e6}, "like the light of a million solar"),
        (lambda d: d | {"ssp_flux": np.log10(d["ssp_flux"] + 1e-30)}, "logarithm|>= 0"),
        (lambda d: d | {"ssp_flux": d["ssp_flux"][:, ::-1]}, "order and the unit|give L_nu"),
    ],
)
def test_numbers_in_another_unit_are_refused_with_the_unit_they_look_like(tmp_path, change, like):
    keys = ("ssp_lgmet", "ssp_lg_age_gyr", "ssp_wave", "ssp_flux")
    with h5py.File(data_path("ssp_bc03.h5")) as file:
        data = {key: file[key][...] for key in keys}
        right = file["ssp_flux"][...]
    load_ssp(_write(tmp_path / "right.h5", **data))
    with pytest.raises(BadSSP, match=like):
        load_ssp(_write(tmp_path / "wrong.h5", **change(data | {"ssp_flux": right})))


@pytest.mark.parametrize(
    ("change", "like"),
    [
        (lambda d: d | {"ssp_lgmet": d["ssp_lgmet"] * np.log(10)}, "natural logarithms; give"),
        (lambda d: d | {"ssp_lg_age_gyr": d["ssp_lg_age_gyr"] * np.log(10)}, "logarithms of Gyr"),
        (
            lambda d: d | {"ssp_lg_age_gyr": (d["ssp_lg_age_gyr"] + 9) * np.log(10)},
            "natural logarithms of years",
        ),
        (lambda d: d | {"ssp_flux": d["ssp_flux"] * d["ssp_wave"] / 6.626e-27}, "light of a popul"),
        (lambda d: d | {"ssp_mass_remaining": 1 - d["ssp_mass_remaining"]}, "mass that was lost"),
        (
            lambda d: d | {"ssp_flux": d["ssp_flux"][..., ::-1]},
            "in the order of ssp_wave|brightest",
        ),
        (
            lambda d: d | {"ssp_feh": d["ssp_lgmet"] + 2.7},
            "the Sun has a metal mass fraction of 0.002",
        ),
        (lambda d: d | {"ssp_wave": 1e4 / d["ssp_wave"]}, "must be finite and ascend"),
        (lambda d: d | {"ssp_wave": 2.998e18 / d["ssp_wave"]}, "must be finite and ascend"),
    ],
)
def test_logarithms_of_another_base_and_photons_are_refused(bc03_sets, tmp_path, change, like):
    with pytest.raises(BadSSP, match=like):
        load_ssp(_write(tmp_path / "wrong.h5", **change(bc03_sets)))


@pytest.fixture(scope="module")
def bc03_sets():
    keys = ("ssp_lgmet", "ssp_lg_age_gyr", "ssp_wave", "ssp_flux", "ssp_mass_remaining")
    with h5py.File(data_path("ssp_bc03.h5")) as file:
        return {key: file[key][...].astype(float) for key in keys}


def _stated(path, sets, units):
    """The file, whose data sets say their units."""
    _write(path, **sets)
    with h5py.File(path, "r+") as file:
        for key, unit in units.items():
            file[key].attrs["unit"] = unit
    return load_ssp(path)


@pytest.mark.parametrize(
    ("key", "unit", "change"),
    [
        ("ssp_wave", "nm", lambda d: d["ssp_wave"] / 10),
        ("ssp_wave", "micron", lambda d: d["ssp_wave"] / 1e4),
        ("ssp_wave", "vacuum, bin centres", lambda d: d["ssp_wave"]),
        ("ssp_lg_age_gyr", "log10(yr)", lambda d: d["ssp_lg_age_gyr"] + 9),
        ("ssp_lg_age_gyr", "log Myr", lambda d: d["ssp_lg_age_gyr"] + 3),
        ("ssp_lg_age_gyr", "ln(age/Gyr)", lambda d: d["ssp_lg_age_gyr"] * np.log(10)),
        ("ssp_lgmet", "ln Z", lambda d: d["ssp_lgmet"] * np.log(10)),
        ("ssp_flux", "Lsun/A/Msun", lambda d: d["ssp_flux"] * 2.99792458e18 / d["ssp_wave"] ** 2),
        ("ssp_flux", "L_sun Hz-1 M_sun-1", lambda d: d["ssp_flux"]),
        ("ssp_flux", "Lsun/Hz per Msun formed (not remaining)", lambda d: d["ssp_flux"]),
        ("ssp_flux", "erg / (s Hz Msun)", lambda d: d["ssp_flux"] * 3.846e33),
        ("ssp_flux", "Lsun/Hz per Msun formed, mean over each bin", lambda d: d["ssp_flux"]),
        (
            "ssp_flux",
            "Lsun/Hz per Msun of present stars",
            lambda d: d["ssp_flux"] / d["ssp_mass_remaining"][..., None],
        ),
    ],
)
def test_a_unit_that_a_data_set_states_is_followed(bc03_sets, tmp_path, key, unit, change):
    right = load_ssp(_write(tmp_path / "right.h5", **bc03_sets))
    found = _stated(tmp_path / "x.h5", bc03_sets | {key: change(bc03_sets)}, {key: unit})
    np.testing.assert_allclose(found.wave_edges, right.wave_edges, rtol=1e-9)
    np.testing.assert_allclose(found.lg_age_gyr, right.lg_age_gyr, atol=1e-9)
    np.testing.assert_allclose(found.feh, right.feh, atol=1e-9)
    np.testing.assert_allclose(found.luminosity, right.luminosity, rtol=1e-6)


@pytest.mark.parametrize(
    ("units", "why"),
    [
        ({"ssp_flux": "mag"}, "'mag' by its own account, which is not light"),
        ({"ssp_flux": "Jy"}, "'Jy' by its own account"),
        ({"ssp_wave": "Hz"}, "'Hz' by its own account, which is not a length"),
        ({"ssp_flux": "Lsun/Hz per Msun present"}, "give the data set ssp_mass_remaining"),
    ],
)
def test_a_unit_of_another_quantity_is_refused(tmp_path, units, why):
    with pytest.raises(BadSSP, match=why):
        _stated(tmp_path / "x.h5", {}, units)


@pytest.mark.parametrize("name", ["fsps", "bc03", "fsps-gas"])
def test_a_grid_that_is_called_as_a_packaged_one_is_read_by_its_own_account(name, tmp_path):
    """Units, and whether masses count remnants, are what the file says, whatever its name."""
    for stem in ("mine", name):
        path = tmp_path / f"{stem}.h5"
        shutil.copy(data_path("ssp_fsps.h5"), path)
        path.chmod(0o644)
        with h5py.File(path, "r+") as file:
            for key in ("ssp_wave", "ssp_wave_edges"):
                values = file[key][...] / 10
                del file[key]
                file[key] = values
                file[key].attrs["unit"] = "nm"
    mine, same = load_ssp(tmp_path / "mine.h5"), load_ssp(tmp_path / f"{name}.h5")
    np.testing.assert_array_equal(same.wave_edges, mine.wave_edges)
    np.testing.assert_array_equal(same.mass_remaining, mine.mass_remaining)
    assert same.mass_living is None and same.name == f"{name}.h5"


def test_a_grid_of_metal_poor_stars_says_that_its_metals_are_in_dex(tmp_path):
    poor = {"ssp_lgmet": np.array([-4.0, -3.0])}
    with pytest.raises(BadSSP, match="state it as the attribute unit of ssp_lgmet: dex"):
        load_ssp(_write(tmp_path / "poor.h5", **poor))
    assert _stated(tmp_path / "x.h5", poor, {"ssp_lgmet": "dex"}).feh[0] < -2


def test_a_damaged_or_missing_file_is_refused(tmp_path):
    whole = _write(tmp_path / "whole.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadSSP, match="cannot be read as HDF5"):
        load_ssp(tmp_path / "cut.h5")
    with pytest.raises(BadSSP, match="no SSP grid 'miles'; give one of fsps, fsps-gas, bc03"):
        load_ssp("miles")


@pytest.mark.parametrize("name", ["mass_remaining", "mass_living"])
def test_masses_are_one_of_each_population_and_not_above_what_formed(name):
    grid = load_ssp("bc03")
    shape = (grid.feh.size, grid.lg_age_gyr.size)
    for wrong, words in (
        (np.ones(shape[::-1]), "give one value for each"),
        (np.ones(shape[1]), "give one value for each"),
        (np.full(shape, 2.0), "is 2, where stars have 0 to"),
        (np.full(shape, np.nan), "is nan"),
    ):
        with pytest.raises(BadSSP, match=words):
            replace(grid, **{name: wrong})
    assert replace(grid, **{name: np.ones(shape).tolist()}).traits.size


@pytest.mark.parametrize("edges", [[5000.0], [], [5000.0, 5000.0], [1.0, np.nan], 5000.0])
def test_edges_that_make_no_bin_are_refused(edges):
    with pytest.raises(BadSSP, match=r"make no bin|list of wavelengths|finite number"):
        load_ssp("bc03").rebinned(edges)


@pytest.mark.parametrize("name", ["fsps", "bc03"])
def test_grids_are_the_same_but_for_rounding(name):
    """Numbers as round as 1 and 0.5 made others of a hash where the last digit differed."""
    grid = load_ssp(name)
    for part in ("feh", "lg_age_gyr", "wave_edges", "luminosity", "mass_remaining"):
        numbers = getattr(grid, part)
        for near in (numbers * (1 - 1.2e-16), numbers * (1 + 1e-9), numbers.astype(np.float32)):
            assert grid.same_as(replace(grid, **{part: near})), part
    nudged = {"feh": np.where(np.arange(grid.feh.size) == 1, grid.feh + 5e-4, grid.feh)}
    red = np.where(np.arange(grid.wave.size) > 1000, 1.001, 1.0)
    x = np.linspace(-1, 1, grid.wave.size)  # of a correction that keeps the mean
    for other in (
        nudged,
        {"luminosity": grid.luminosity * 2},
        {"luminosity": grid.luminosity * red},
        {"luminosity": grid.luminosity[::-1]},
        {"mass_remaining": grid.mass_remaining * 0.999},
        {"mass_remaining": None},
        {"lsun": grid.lsun * 1.001},
        {"luminosity": grid.luminosity * np.exp(0.002 * np.polynomial.Legendre([0, 0, 1])(x))},
        {"luminosity": grid.luminosity * np.exp(0.002 * np.sin(10 * np.pi * x))},
        {"mass_remaining": None, "mass_living": grid.mass_remaining},
    ):
        assert not grid.same_as(replace(grid, **other)), other.keys()
    assert not grid.same_as(grid.rebinned(grid.wave_edges[::2]))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_of_a_grid_is_frozen_and_knows_its_own_numbers(copied):
    grid = load_ssp("bc03")
    assert grid.traits.size  # kept from now on
    other = copied(grid)
    assert "traits" not in vars(other)
    with pytest.raises(ValueError, match="read-only"):
        other.luminosity[...] *= 2
    assert other.same_as(grid)


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (slice(None, 80), "ends at stars of"),
        (slice(None, -3), "ends at stars of 10 Gyr"),
        (slice(None, -2), "ends at stars of 11.2 Gyr"),
        (slice(40, None), "begins at stars of"),
    ],
)
def test_a_grid_without_young_or_old_stars_is_told_of(kept, said):
    """Older stars are given the light of the last age: masses were 0.05 dex too small."""
    whole = load_ssp("fsps")
    grid = SSPGrid(
        "short", whole.feh, whole.lg_age_gyr[kept], whole.wave_edges, whole.luminosity[:, kept]
    )
    with pytest.warns(UserWarning, match=said):
        SEDModel(grid)


def test_a_grid_that_ends_where_stars_hardly_fade_is_taken_without_a_word():
    """A burst of 13.2 Gyr has the light of 12.6 Gyr: 0.04 mag, a grid to 10 Gyr is 0.25 mag off."""
    whole, theta = load_ssp("bc03"), [10.5, 0, 0, 0, 1, 1.0, 13.2, -2.5, -2.5, 1, 0.2, -0.5]
    grid = SSPGrid(
        "to 12.6 Gyr", whole.feh, whole.lg_age_gyr[:-1], whole.wave_edges, whole.luminosity[:, :-1]
    )
    ratio = SEDModel(grid).photometry(theta, 0.01) / SEDModel(whole).photometry(theta, 0.01)
    assert np.all(ratio > 1) and np.all(ratio < 10 ** (0.4 * 0.05))

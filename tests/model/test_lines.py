"""Emission lines: the laws of gas, and agreement with the grid that holds them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from sedflow.errors import SedflowError, UnknownName
from sedflow.files.packaged import data_path
from sedflow.model.derived import derive
from sedflow.model.dust import birth_cloud_curve
from sedflow.model.sed import SEDModel, default_model
from sedflow.parameters import DEFAULTS, Prior, index

Z = 0.05
SOLAR = DEFAULTS | {"log_gamma1": -2.4, "tau_ism": 0.0}  # young stars near solar metallicity


@pytest.fixture(scope="module")
def gas():
    return default_model("fsps-gas")


@pytest.fixture(scope="module")
def theta():
    return Prior().sample(60, seed=3)


@pytest.fixture(scope="module")
def table():
    return json.loads(data_path("lines_fsps-gas.json").read_text())


def ratio(table, above, below):
    """Ratio (n_met, n_age) of two lines of the table."""
    values, names = np.array(table["luminosity"]), table["names"]
    return values[..., names.index(above)] / values[..., names.index(below)]


def test_balmer_lines_have_the_ratios_of_case_b(table):
    # Case B (Osterbrock & Ferland 2006): 3.04 at 5,000 K, 2.86 at 10,000 K, 2.75 at 20,000 K.
    # Metal-rich gas is cool, and collisions excite H-alpha in metal-poor gas.
    decrement = ratio(table, "H-alpha", "H-beta")
    assert (decrement > 2.75).all() and (decrement < 3.10).all()
    middle = np.array(table["feh"])
    half_solar = decrement[np.abs(middle + 0.5).argmin(), 0]
    assert half_solar == pytest.approx(2.86, rel=0.03)
    assert ratio(table, "H-gamma", "H-beta")[:, 0] == pytest.approx(0.468, rel=0.02)


def test_forbidden_doublets_have_the_ratios_of_their_atoms(table):
    strong = np.array(table["feh"]) > -2.1
    assert ratio(table, "[O III] 5007", "[O III] 4959")[strong] == pytest.approx(2.98, rel=0.02)
    assert ratio(table, "[N II] 6583", "[N II] 6548")[strong] == pytest.approx(2.96, rel=0.05)
    low_density = ratio(table, "[S II] 6716", "[S II] 6731")[strong]
    assert (low_density > 1.1).all() and (low_density < 1.46).all()


def test_a_changed_grid_has_no_lines_of_the_packaged_one(gas):
    grid = gas.grid
    assert SEDModel(replace(grid, luminosity=1.3 * grid.luminosity)).line_names == ()
    assert SEDModel(grid.rebinned(grid.wave_edges[::3])).line_names == gas.line_names


def test_nitrogen_lines_grow_with_metallicity(table):
    n2 = ratio(table, "[N II] 6583", "H-alpha")[:, 0]
    assert (np.diff(n2[1:-1]) > 0).all()


def test_a_solar_mass_a_year_makes_the_h_alpha_of_its_photons(gas):
    # 8.9 Myr of constant star formation at [Fe/H] = 0: 2.7e41 erg/s, where Kennicutt & Evans
    # (2012) have 1.86e41 for Starburst99 and other tracks.
    node = int(np.abs(gas.grid.feh).argmin())
    table = gas._lines._table
    luminosity = table.luminosity[node, 0, table.index("H-alpha")] * 8.913e6 * gas.grid.lsun
    assert luminosity == pytest.approx(2.73e41, rel=0.02)
    assert 1.0 < luminosity / 1.86e41 < 1.6


@pytest.mark.parametrize("dust, tolerance", [(False, 2e-3), (True, 0.02)])
def test_a_line_is_what_its_bin_has_above_the_bins_beside(gas, theta, dust, tolerance):
    stars, grid = default_model("fsps"), gas.grid
    lines = gas.lines(theta, Z, dust=dust)
    with_gas, without = (m.spectrum(theta, Z, dust=dust).flux for m in (gas, stars))
    excess = 1e-17 * (1 + Z) * (with_gas - without)  # erg/s/cm2 per rest-frame A
    bins = np.searchsorted(grid.wave_edges, lines.wavelength) - 1
    others = np.searchsorted(grid.wave_edges, gas._lines._table.every) - 1
    checked = 0
    for name in lines.names:
        k = lines.names.index(name)
        here = bins[k]
        if (others == here).sum() > 1 or np.isin([here - 2, here + 2], others).any():
            continue  # not alone in its bin, or no free bins beside it
        continuum = (excess[:, here - 2] + excess[:, here + 2]) / 2
        found = (excess[:, here] - continuum) * np.diff(grid.wave_edges)[here]
        strong = lines.equivalent_width[:, k] > 0.05
        assert found[strong] == pytest.approx(lines.flux[strong, k], rel=tolerance), name
        checked += 1
    assert checked > 8


def test_every_strong_line_is_in_the_grid(gas, theta):
    """Also those that share a bin: no bin has less than its strong lines."""
    stars, grid = default_model("fsps"), gas.grid
    lines = gas.lines(theta, Z, dust=False)
    spectra = (m.spectrum(theta, Z, dust=False).flux for m in (gas, stars))
    excess = np.subtract(*spectra) * 1e-17 * (1 + Z) * np.diff(grid.wave_edges)
    bins = np.searchsorted(grid.wave_edges, lines.wavelength) - 1
    for here in set(bins):
        assert (excess[:, here] > 0.998 * lines.flux[:, bins == here].sum(1)).all()


def test_birth_clouds_dim_lines_as_they_dim_young_stars(gas):
    clear, cloudy = (gas.lines(SOLAR | {"tau_bc": tau}, Z) for tau in (0.0, 1.5))
    through = cloudy.flux / clear.flux
    # The lines of stars of 10 to 20 Myr are outside the clouds, and weak.
    expected = np.exp(-1.5 * birth_cloud_curve(clear.wavelength))
    optical = clear.wavelength > 3000
    assert through[optical] == pytest.approx(expected[optical], rel=0.04)
    assert (through >= expected * (1 - 1e-9)).all()


def test_lines_scale_with_mass_and_fade_with_distance(gas):
    one, ten = (gas.lines(log_mstar=log_mass, redshift=Z) for log_mass in (9.0, 10.0))
    assert ten.luminosity == pytest.approx(10 * one.luminosity)
    assert ten.equivalent_width == pytest.approx(one.equivalent_width)
    far = gas.lines(log_mstar=9.0, redshift=2 * Z)
    assert (far.flux < one.flux).all()


def test_lines_of_a_galaxy_are_independent_of_the_batch(gas, theta):
    whole = gas.lines(theta.reshape(4, 15, 12), 0.08)
    assert whole.flux.shape == (4, 15, len(gas.line_names))
    one = gas.lines(theta[20], 0.08)
    assert one.equivalent_width == pytest.approx(whole.equivalent_width[1, 5])


def test_an_old_galaxy_has_no_lines(gas):
    old = DEFAULTS | {"beta1": 0.0, "beta2": 0.0, "beta3": 0.0, "beta4": 1.0, "f_burst": 0.0}
    young = DEFAULTS | {"beta1": 1.0, "beta2": 0.0, "beta3": 0.0, "beta4": 0.0, "f_burst": 0.0}
    width = [gas.lines(t, Z, ["H-alpha"]).equivalent_width[0] for t in (old, young)]
    assert width[0] < 2.0 < 20.0 < width[1]


def test_a_grid_without_gas_says_where_lines_are():
    with pytest.raises(SedflowError, match="fsps-gas"):
        default_model("fsps").lines(DEFAULTS, Z)
    assert default_model("bc03").line_names == ()


def test_an_unknown_line_is_refused_by_name(gas):
    with pytest.raises(UnknownName, match="H-alpha"):
        gas.lines(DEFAULTS, Z, ["H-omega"])
    with pytest.raises(UnknownName, match="H-omega"):
        gas.lines(DEFAULTS, Z, ["H-alpha"])["H-omega"]


def test_h_alpha_follows_the_recent_star_formation_rate(gas, theta):
    """Kennicutt & Evans (2012): log SFR = log L(H-alpha) - 41.27, here for other tracks."""
    derived = derive(theta, np.asarray(Z), gas)
    steady = theta[:, index("t_burst")] > 0.05
    bare = gas.lines(theta, Z, ["H-alpha"], dust=False).luminosity[:, 0]
    offset = np.log10(bare) - 41.27 - derived["log_sfr_10myr"]
    assert offset[steady].min() > 0.05 and offset[steady].max() < 0.45
    metals = np.log10(gas.zh(theta, Z)[:, 0])
    assert np.corrcoef(metals[steady], offset[steady])[0, 1] < -0.9  # fewer photons with metals


def test_derived_h_alpha_is_that_of_the_lines(gas, theta):
    derived = derive(theta, np.asarray(Z), gas)
    lines = gas.lines(theta, Z)["H-alpha"]
    assert derived["log_l_halpha"] == pytest.approx(np.log10(lines["luminosity"]))
    assert derived["ew_halpha"] == pytest.approx(lines["equivalent_width"])
    assert "ew_halpha" not in derive(theta, np.asarray(Z), default_model("fsps"))

import numpy as np
import pytest

from sedflow.model.remnants import remnant_mass
from sedflow.model.ssp import load_ssp


def test_nothing_has_died_where_all_mass_lives():
    assert remnant_mass(1.0) == pytest.approx(0.0, abs=1e-6)


def test_remnants_grow_as_stars_die():
    assert (np.diff(remnant_mass(np.linspace(1.0, 0.3, 30))) > 0).all()


def test_two_libraries_agree_on_what_is_left():
    fsps, bc03 = load_ssp("fsps"), load_ssp("bc03")
    for age in (-2.0, -1.0, 0.0, 0.7, 1.0):  # at solar metallicity, log Gyr
        k = int(np.argmin(np.abs(fsps.lg_age_gyr - age)))
        a, b = (grid.mass_remaining[int(np.argmin(np.abs(grid.feh))), k] for grid in (fsps, bc03))
        assert np.log10(a / b) == pytest.approx(0.0, abs=0.02)
    assert fsps.mass_living is None and (bc03.mass_living <= bc03.mass_remaining).all()

"""Tables behind the model cannot be changed in place: later answers would be others."""

from dataclasses import replace

import numpy as np
import pytest

from sedflow.model.simulation import nsa_noise
from sedflow.settled import frozen


def test_a_noise_model_cannot_be_changed_in_place():
    noise = nsa_noise(("g", "r"))
    own = noise.median.copy()
    mine = replace(noise, median=own)
    for one in (noise, mine):
        for values in (one.log_flux, one.median, one.scatter):
            with pytest.raises(ValueError, match="read-only"):
                values[:] = 0
    own[:] = 0  # that of the caller can be, and is not the model's
    np.testing.assert_array_equal(mine.median, noise.median)


def test_a_grid_of_ones_own_cannot_be_changed_in_place(model):
    light = model.grid.luminosity.copy()
    grid = replace(model.grid, luminosity=light[:])
    with pytest.raises(ValueError, match="read-only"):
        grid.luminosity[:] *= 2
    light *= 2
    assert grid.luminosity.sum() == model.grid.luminosity.sum()


def test_an_array_that_nobody_can_change_is_not_copied():
    values = np.arange(3.0)
    values.flags.writeable = False
    assert frozen(values) is values and np.shares_memory(frozen(values[1:]), values)
    open_ = np.arange(3.0)
    view = open_[:]
    view.flags.writeable = False
    assert not np.shares_memory(frozen(view), open_)

"""A walk through draws: the same draw in every figure, and nothing of another galaxy."""

import asyncio

import numpy as np
import pytest
from explorers import opened_explorer

from sedflow.dashboard.panels.corner import quantity_axes
from sedflow.dashboard.quantities import QUANTITIES
from sedflow.dashboard.state import LightOptions
from sedflow.dashboard.tabs import Page
from sedflow.dashboard.walk import STEPS, walk
from sedflow.figures.corner_axes import places, selected


def test_a_step_is_one_draw_in_every_figure(answer):
    rows = [0, 12]
    axes = quantity_axes([answer.samples[:, rows]], rows)
    steps = walk(answer, LightOptions(), rows, axes)
    wave, flux = answer.spectra
    near = np.isin(wave.astype(np.float32), steps["sed_x"])
    theta = answer.fit.draws.resampled(len(flux)).theta
    low, high = axes.limits[0]
    for k in (0, 7, STEPS - 1):
        (draw,) = np.flatnonzero(np.isclose(flux[:, near], steps["sed_y"][k], rtol=1e-5).all(1))[:1]
        mass = low + (steps["corner_x"][k, 1] / 0.92) * (high - low)
        assert np.isnan(mass) or mass == pytest.approx(theta[draw, 0], abs=1e-4)
        rate = answer.fit.model.sfh(theta[draw], answer.fit.photometry.redshift)
        assert steps["sfr_y"][k].max() == pytest.approx(rate.max(), rel=1e-5)
    assert len({*map(bytes, steps["sed_y"])}) > STEPS / 2


def test_a_place_in_the_corner_plot_is_where_a_box_finds_the_draw(answer):
    rows = [0, 3, 10]
    samples = answer.samples[:, rows]
    axes = quantity_axes([samples], rows)
    x, y = places(samples, axes)
    assert x.shape == (len(samples), 6)  # three pairs and three histograms
    for panel in range(3):
        k = int(np.flatnonzero(np.isfinite(x[:, panel] + y[:, panel]))[0])
        box = {"type": "rect", "x0": x[k, panel] - 1e-6, "x1": x[k, panel] + 1e-6}
        box |= {"y0": y[k, panel] - 1e-6, "y1": y[k, panel] + 1e-6}
        assert selected(samples, axes, box)[0][k]


def test_steps_are_sent_once_and_forgotten_with_their_galaxy(engine):
    async def main():
        explorer = await opened_explorer(engine)
        walking = explorer.walk
        assert walking.source.data == {}
        walking.on = True
        await walking.compute()
        for _ in range(200):
            if walking.source.data:
                break
            await asyncio.sleep(0.05)
        first = walking.source.data["sed_y"][0]
        assert first.shape[0] == STEPS
        assert first.dtype == np.float32  # one message of some hundred kilobytes
        seen = []
        walking.source.on_change("data", lambda attr, old, new: seen.append(new))
        explorer.state.galaxy = "2490"
        await explorer.state.infer()
        assert seen[0] == {}
        for _ in range(200):
            if walking.source.data:
                break
            await asyncio.sleep(0.05)
        assert not np.array_equal(walking.source.data["sed_y"][0], first)
        walking.on = False
        await walking.compute()
        return walking

    assert asyncio.run(main()).source.data == {}


def test_a_walk_is_in_the_address(engine):
    one = Page(engine, {"galaxy": "72"})
    one.frame._heard("value", "", "1 walk on")
    assert one.explorer.walk.on
    assert one.values()["walk"] == "1"
    one.frame._heard("value", "", "2 walk sideways")
    one.frame._heard("value", "", "3 walk off")
    assert "walk" not in one.values()
    assert Page(engine, {"galaxy": "72", "walk": "1"}).explorer.walk.on
    assert not Page(engine, {"galaxy": "72", "walk": "x"}).explorer.walk.on


def test_every_quantity_can_be_walked(answer):
    rows = list(range(len(QUANTITIES)))
    axes = quantity_axes([answer.samples], rows)
    for options in (LightOptions(unit="ab"), LightOptions(log=True, rest=True)):
        steps = walk(answer, options, rows, axes)
        n = len(rows)
        assert steps["corner_x"].shape == (STEPS, n * (n + 1) // 2)

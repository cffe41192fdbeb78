"""The dashboard without a browser: state, figures, and views on the Bokeh document."""

import asyncio

import holoviews as hv
import numpy as np
import pytest

import sedflow
from sedflow.dashboard import figures
from sedflow.dashboard.corner import CornerFigure, corner_layers
from sedflow.dashboard.explorer import Explorer, ForwardView, infer, page
from sedflow.dashboard.state import ExplorerState, ForwardState
from sedflow.errors import SedflowError
from sedflow.parameters import PARAMETERS, as_theta


@pytest.fixture(scope="module")
def fit():
    nsa = sedflow.load_nsa()
    return sedflow.fit(nsa.photometry(72), sedflow.load_posterior(), n=400, seed=1)


def test_an_answer_is_published():
    async def answer(request):
        return f"fit of {request}", "note"

    state = ExplorerState(answer, nsaid=72, n=200, seed=3)
    asyncio.run(state.infer())
    assert state.fit == "fit of (72, 200, 3, 'nsa-ugriz-fsps')"
    assert (state.message, state.busy) == ("note", False)


def test_a_late_answer_is_dropped():
    async def main():
        gate = asyncio.Event()

        async def answer(request):
            if request[0] == 1:
                await gate.wait()
            return request[0], ""

        state = ExplorerState(answer, nsaid=1)
        slow = asyncio.create_task(state.infer())
        await asyncio.sleep(0)
        state.nsaid = 2
        await state.infer()
        gate.set()
        await slow
        return state

    state = asyncio.run(main())
    assert state.fit == 2
    assert not state.busy


def test_an_expected_failure_is_a_sentence_and_a_bug_is_not():
    async def refuse(request):
        raise SedflowError("no such galaxy")

    async def break_(request):
        raise ZeroDivisionError

    state = ExplorerState(refuse, nsaid=1)
    asyncio.run(state.infer())
    assert (state.fit, state.message, state.busy) == (None, "no such galaxy", False)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(ExplorerState(break_, nsaid=1).infer())


def test_the_sliders_always_give_a_valid_theta():
    state = ForwardState()
    as_theta(state.theta())
    state.param.update(beta1=0.0, beta2=0.0, beta3=0.0, beta4=0.0)
    as_theta(state.theta())
    state.param.update(beta1=1.0, beta3=1.0)
    assert state.theta()["beta3"] == 0.5


def test_figures_show_the_data(fit):
    overlay = figures.sed(fit)
    points = next(e for e in overlay if isinstance(e, hv.Scatter) and e.label == "data")
    _, flux = sedflow.photometry.band_flux(fit.photometry.flux, fit.photometry.bands)
    np.testing.assert_allclose(points.dimension_values(1), flux)
    assert overlay.opts["title"] == "Spectrum and photometry: NSAID 72, z = 0.0488"
    assert points.kdims[0].label == "observed wavelength [Å]"
    for which, unit in (("sfr", "M☉/yr"), ("zh", "Z")):
        history = figures.history(fit, which)
        curve = next(e for e in history if isinstance(e, hv.Curve))
        assert curve.dimension_values(1).min() > 0
        assert unit in curve.vdims[0].label


def test_a_corner_plot_holds_every_pair(fit):
    layers = corner_layers(fit.draws.theta, [p.label for p in PARAMETERS])
    assert layers.n == 12
    frames = np.isnan(layers.frames[0]).sum()
    assert frames == 78
    assert np.nanmax(layers.image) == 1
    assert len(layers.values["text"]) == 12
    assert f"{np.median(fit.draws['log_mstar']):.2f}" in layers.values["text"][0]
    corner = CornerFigure(layers, title="one")
    sources = {s.name: s for s in corner._sources.values()}
    before = sources["corner_histograms"].data["y"]
    corner.update(corner_layers(fit.draws.theta[:100], ["x"] * 12), title="two")
    assert corner.figure.title.text == "two"
    assert not np.array_equal(before, sources["corner_histograms"].data["y"])


def test_a_parameter_pinned_to_one_value_still_has_a_panel():
    samples = np.random.default_rng(0).normal(size=(500, 3))
    samples[:, 1] = 2.0
    assert corner_layers(samples, list("abc")).n == 3


def test_a_galaxy_is_picked_and_shown(nsa, posterior):
    async def main():
        explorer = Explorer(nsa, posterior)
        explorer.state._run = lambda request: _now(infer(nsa, posterior, request[:3]))
        explorer.state.n = 300
        for nsaid in (int(nsa.ids[3]), 72):
            explorer.state.nsaid = nsaid
            await explorer.state.infer()
        return explorer

    async def _now(value):
        return value

    explorer = asyncio.run(main())
    assert explorer._heading.object == "## NSAID 72, z = 0.0488 · nsa-ugriz-fsps"
    assert explorer._corner.figure.title.text == "NSAID 72, z = 0.0488"
    assert explorer._summary.value["quantity"].iloc[0] == "log M formed [M☉]"
    assert explorer.__panel__() is not None


def test_the_model_follows_the_sliders():
    view = ForwardView()
    before = view._stream.data
    view.sliders["tau_ism"].value = 2.0
    after = view._stream.data
    assert (after["nanomaggies"] < before["nanomaggies"]).all()
    np.testing.assert_array_equal(after["bare_flux"], before["bare_flux"])
    view.sliders["log_mstar"].value = 11.5
    np.testing.assert_allclose(view._stream.data["sfr"], after["sfr"] * 10)
    assert set(view.sliders) == {*(p.name for p in PARAMETERS), "redshift"}


def test_the_page_builds():
    assert len(page()._init_doc().roots) > 0

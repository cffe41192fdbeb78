"""Gas in the app: the choice of the grid, lines on the spectra, H-alpha among the numbers."""

from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from sedflow.dashboard.address import decode, encode
from sedflow.dashboard.answer import Answer, OwnGalaxy, Request
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.pages.forward import ForwardView
from sedflow.dashboard.panels.derived import DerivedPanel
from sedflow.dashboard.panels.light import LightPanel
from sedflow.dashboard.panels.verdict import VerdictPanel
from sedflow.dashboard.state import ExplorerState, ForwardState
from sedflow.dashboard.tabs import Page
from sedflow.model.sed import default_model


@pytest.fixture(scope="module")
def stars(engine):
    return engine.answer(Request("72", n=300))


@pytest.fixture(scope="module")
def gas(engine, stars):
    """The same draws on the grid with gas, as its network's would be shown."""
    model = default_model("fsps-gas")
    fit = replace(stars.fit, model=model, draws=stars.fit.draws.without_flux())
    spectra = fit.spectra(20)
    about = {"fit": fit, "network": fit, "spectra": (spectra.wavelength, spectra.flux)}
    return replace(stars, **about)


def names(panel):
    return [row["quantity"] for row in panel.rows]


def test_forward_shows_the_lines_of_the_grid_that_is_chosen():
    view = ForwardView()
    source = view.light.sed.sources["lines"]
    assert len(source.data["x"]) == 0
    before = view.data["nanomaggies"]
    view._grid.value = "fsps-gas"
    assert view.model.grid.name == view.state.grid == "fsps-gas"
    k = list(source.data["name"]).index("Hα")
    assert source.data["x"][k] == pytest.approx(6564.7 * 1.05, rel=1e-4)
    assert (view.data["nanomaggies"] > before).all()  # gas adds light to every band
    assert view._both.label == "compare with FSPS"
    view.state.redshift = 0.1
    assert source.data["x"][k] == pytest.approx(6564.7 * 1.10, rel=1e-4)
    view._grid.value = "bc03"
    assert len(source.data["x"]) == 0


def test_a_model_of_the_callers_own_stays():
    view = ForwardView(default_model("bc03"))
    assert view._grid.options == {"bc03": "bc03"}
    assert view.model.grid.name == "bc03"


def test_the_address_keeps_the_grid():
    state = ForwardState(grid="fsps-gas")
    text = encode({"grid": state.grid}, {"grid": "fsps"})
    _, forward, notices = decode(text, ExplorerState(run=None), ForwardState())
    assert forward == {"grid": "fsps-gas"} and not notices
    _, forward, notices = decode({"grid": "x"}, ExplorerState(run=None), ForwardState())
    assert not forward and "fsps-gas" in notices[0]


def test_lines_and_their_numbers_are_shown_only_with_gas(stars, gas):
    light, numbers = LightPanel(), DerivedPanel()
    light.show(stars)
    numbers.show(stars)
    assert stars.lines is None and not len(light.sed.sources["lines"].data["x"])
    assert not [name for name in names(numbers) if "Hα" in name]
    light.show(gas)
    numbers.show(gas)
    data = light.sed.sources["lines"].data
    assert "Hα" in data["name"] and "+" in data["width"][0]
    assert [name for name in names(numbers) if "Hα" in name] == ["log L(Hα) [erg/s]", "EW(Hα) [Å]"]
    assert ">nan" not in numbers.table.object


def test_the_truth_of_a_mock_has_its_h_alpha(gas):
    theta = gas.fit.draws.theta[0]
    panel = DerivedPanel()
    panel.show(replace(gas, truth=theta))
    row = panel.rows[-1]
    true = gas.fit.derived["ew_halpha"][0]
    assert float(row["truth"]) == pytest.approx(true, abs=0.6)


def test_explore_names_the_line_that_a_blue_galaxy_lacks(engine, stars, gas):
    galaxy = stars.fit.photometry
    assert galaxy.magnitude[1] - galaxy.magnitude[2] < 0.65
    panel = VerdictPanel(ExplorerState(run=None), lambda method: None, engine)
    panel.show(stars)
    text = unescape(panel.lacks.object)
    assert "H-alpha falls into i at this redshift" in text and "'fsps-gas'" in text
    (before,) = [one for one in panel.remedies if one.label == "Fit with gas"]
    panel.show(stars)
    assert before in panel.remedies.objects and before.visible  # new ones would lay the page out
    before.clicks += 1
    assert panel._state.weights == "nsa-ugriz-fsps-gas"
    panel.show(gas)
    assert "falls into" not in panel.lacks.object
    assert not before.visible


def test_explore_names_the_bands_that_an_exact_posterior_misses(engine):
    panel = VerdictPanel(ExplorerState(run=None), lambda method: None, engine)
    panel.show(engine.answer(Request("142019", n=3000)))
    assert "exact (weights), misfit" in panel.badge.object
    text = unescape(panel.lacks.object).replace("\n\n", " ")
    assert text.startswith("No model describes these data well (p = 0.0001): the posterior is ")
    assert "i lies 3.1 sigma above and z 3.5 sigma below what the model predicts. H-" in text


def test_lines_of_an_answer_are_those_of_its_draws(gas: Answer):
    found = gas.fit.model.lines(gas.fit.samples.theta, float(gas.fit.photometry.redshift))
    k = found.names.index("H-alpha")
    expected = np.quantile(found.flux[:, k], [0.16, 0.5, 0.84])
    np.testing.assert_allclose(gas.lines.flux[:, k], expected, rtol=0.1)


def test_a_choice_of_the_grid_is_written_into_the_address(nsa, posterior):
    page = Page(Engine(nsa, posterior), {"view": "forward"})
    for grid, text in (("fsps-gas", "fsps-gas"), ("fsps", None)):
        page.views["forward"]._grid.value = grid
        assert page._written.get("grid") == page.values().get("grid") == text
    page.close()


def test_a_link_carries_the_curve_that_is_pinned(nsa, posterior):
    page = Page(Engine(nsa, posterior), {"view": "forward", "tau_ism": "1.25", "grid": "fsps-gas"})
    view = page.views["forward"]
    view._pin.clicks += 1
    pinned = view._pinned
    page.forward_state.param.update(tau_ism=0.1, grid="fsps")
    again = Page(Engine(nsa, posterior), page.values())
    other = again.views["forward"]
    np.testing.assert_allclose(other._pinned["flux"], pinned["flux"], rtol=1e-6)
    assert not other._unpin.disabled and again.values() == page.values()
    curve = other.light.sed.figure.select_one({"name": "forward_sed_pinned"})
    assert len(curve.data["x"])
    other._unpin.clicks += 1
    assert "pinned" not in again.values()
    page.close()
    again.close()


@pytest.mark.parametrize("looks", [{}, {"model_log": True}, {"model_unit": "ab"}])
def test_a_pinned_curve_is_on_the_axis_or_the_legend_says_where_it_is(looks):
    view = ForwardView(state=ForwardState(log_mstar=11.0, **looks))
    view._pin.clicks += 1

    def place():
        sed = view.light.sed
        labels = [item.label.value for item in sed._legend.items]
        y, ends = sed.sources["pinned"].data["y"], sed.figure.y_range
        on_axis = min(ends.start, ends.end) <= np.median(y) <= max(ends.start, ends.end)
        return on_axis, next(label for label in labels if label.startswith("pinned"))

    view.state.log_mstar = 10.0
    assert place() == (True, "pinned")
    sfr = view._histories["sfr"]
    assert sfr.sources["pinned"].data["y"].max() < sfr.figure.y_range.end
    view.state.log_mstar = 7.5
    assert place() == (False, "pinned (above the axis)")
    view.state.log_mstar = 10.5
    assert place() == (True, "pinned")


@pytest.mark.parametrize("text", ["1,2,fsps", ",".join(["nan"] * 13) + ",fsps", "1," * 13 + "no"])
def test_a_pinned_curve_that_is_none_is_told(nsa, posterior, text):
    page = Page(Engine(nsa, posterior), {"view": "forward", "pinned": text})
    assert "pinned in the address is not" in page.notices[0]
    page.close()


def test_a_pinned_curve_outside_the_sliders_is_clamped_and_said(nsa, posterior):
    far = ",".join(["99"] + ["0.1"] * 11 + ["0.05", "fsps"])
    page = Page(Engine(nsa, posterior), {"view": "forward", "pinned": far})
    assert page.notices[0].startswith("log_mstar of the pinned curve = 99 was changed to 12.5")
    page.close()


def test_a_mock_that_was_made_without_gas_has_no_true_lines(engine, stars):
    """It was told to be fitted with gas, and its truth had the lines of the grid of the fit."""
    theta, seen = stars.fit.best, stars.fit.photometry
    made = {ssp: engine.add("mock", OwnGalaxy(seen, theta, ssp)) for ssp in ("fsps", "fsps-gas")}
    bare = engine.answer(Request(made["fsps"], n=300))
    assert bare.lacks == "" and str(bare.fit.lacks[()])
    panel = VerdictPanel(ExplorerState(run=None), lambda method: None, engine)
    panel.show(bare)
    assert not panel.lacks.visible
    assert "Fit with gas" not in [one.label for one in panel.remedies if one.visible]
    for ssp, name in made.items():
        answer = engine.answer(Request(name, n=300, weights="nsa-ugriz-fsps-gas"))
        table = DerivedPanel()
        table.show(answer)
        last = table.rows[-1]["truth"]
        assert (last == "–") == (ssp == "fsps")
    assert bare.truths == pytest.approx(replace(bare, ssp="").truths, nan_ok=True)
    other = replace(bare, ssp="bc03")
    assert other.true_model.grid.name == "bc03"

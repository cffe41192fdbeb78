"""What if: another galaxy beside the one that was measured, and what the change gains."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from explorers import opened_explorer

from sedflow.dashboard.engine import OwnGalaxy, Request
from sedflow.dashboard.panels.job_line import JobLine
from sedflow.dashboard.panels.what_if import WhatIfPanel
from sedflow.dashboard.quantities import QUANTITIES
from sedflow.dashboard.server import jobs
from sedflow.dashboard.tabs import Page
from sedflow.dashboard.what_if import Change, addable, changed_photometry, gains, misfit_p
from sedflow.errors import BadPhotometry, SedflowError
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.fits.fit import fit
from sedflow.photometry import Photometry

MASS = [q.name for q in QUANTITIES].index("log_mstar")


@pytest.mark.parametrize("ratio", [0.25, 0.5, 1.0, 2.0])
def test_the_gain_of_a_gaussian_is_the_logarithm_of_its_width(ratio):
    rng = np.random.default_rng(0)
    (gain,) = gains(rng.normal(size=(20_000, 1)), ratio * rng.normal(size=(20_000, 1)))
    assert gain.ratio == pytest.approx(ratio, rel=0.03)
    assert gain.bits == pytest.approx(-np.log2(ratio), abs=0.06)


def test_draws_that_are_not_finite_have_no_bits():
    """A rate of no stars is minus infinity in logarithms, and the table was not drawn."""
    some = np.random.default_rng(0).normal(size=(1000, 1))
    few, most = some.copy(), some.copy()
    few[:10], most[:900] = -np.inf, -np.inf
    (gain,) = gains(some, few)
    assert np.isnan(gain.bits) and gain.after == pytest.approx(gain.before, rel=0.1)
    (gain,) = gains(some, most)
    assert np.isnan(gain.bits) and np.isnan(gain.after) and np.isnan(gain.ratio)


def test_a_posterior_that_does_not_change_gains_nothing(answer):
    for gain in gains(answer.samples, answer.samples):
        assert gain.bits == 0.0
        assert gain.ratio == 1.0 or gain.before == 0.0


def test_a_change_is_read_from_an_address_as_it_was_written():
    change = Change(("u", "r"), ("H",), {"g": 0.5, "all": 2.0})
    assert Change.decoded(change.encoded()) == change
    assert not Change.decoded("")
    assert change.factor("g") == 1.0
    assert change.factor("u") == 2.0


@pytest.mark.parametrize(
    "text",
    ["u", "u:", "u:x", "u:0", "u:1e9", "u:nan", "all:out", "q:in", "u:-1", "²:in", ":", "u:²"],
)
def test_what_is_not_a_change_is_a_sentence(text):
    with pytest.raises(SedflowError, match="whatif"):
        Change.decoded(text)


def test_smaller_errors_narrow_and_a_band_left_out_is_predicted(engine, answer):
    better = engine.changed(answer, Change(errors={"all": 0.2}))
    np.testing.assert_allclose(
        better.answer.fit.photometry.sigma, 0.2 * answer.fit.photometry.sigma
    )
    assert better.made_up == better.left == ()
    assert gains(answer.samples, better.answer.samples)[MASS].bits > 0.1
    without = engine.changed(answer, Change(left=("r",)))
    (left,) = without.left
    measured = answer.fit.photometry
    assert left.band == "r"
    assert (left.flux, left.sigma) == (measured.flux[2], measured.sigma[2])
    low, middle, high = left.predicted
    assert low < middle < high
    assert left.pull == pytest.approx(
        (left.flux - middle) / np.hypot(left.sigma, 0.5 * (high - low))
    )


def test_a_band_that_was_not_measured_has_the_flux_that_is_predicted(engine, answer):
    changed = engine.changed(answer, Change(added=("H",)))
    fit = changed.answer.fit
    assert changed.made_up == ("H",)
    assert fit.photometry.bands == (*answer.fit.photometry.bands, "H")
    z = float(fit.photometry.redshift)
    flux = fit.model.photometry(answer.fit.draws.theta, z, ("H",))[:, 0]
    draws = answer.fit.draws
    order = np.argsort(flux)
    half = flux[order][np.searchsorted(np.cumsum(draws.weights[order]), 0.5)]
    assert fit.photometry.flux[-1] == pytest.approx(half, rel=0.01)
    assert fit.photometry.sigma[-1] == pytest.approx(fit.photometry.flux[-1] / 20)
    assert gains(answer.samples, changed.answer.samples)[MASS].bits > 0.15
    # The weights are of the exact likelihood of all bands, the new one too.
    exact = fit.model.photometry(fit.draws.theta[:20], z, fit.photometry.bands)
    np.testing.assert_allclose(fit.predicted.flux[:20], exact, rtol=3e-3)


def test_bands_are_added_in_one_order(engine, answer):
    """A model is made for each order, and kept: of five bands there are 325."""
    used, measured = answer.fit.photometry, engine.measured(answer.request.galaxy)
    fluxes = {"J": 1.0, "H": 2.0, "Ks": 3.0}
    found = {
        changed_photometry(used, measured, Change(added=added), fluxes)[0].bands
        for added in (("H", "J"), ("J", "H"), ("J", "H", "J"))
    }
    assert found == {(*used.bands, "J", "H")}


def test_a_measured_band_that_was_not_used_comes_back_as_it_was_measured(engine):
    answer = engine.answer(Request("72", n=300, bands=("g", "r", "i")))
    changed = engine.changed(answer, Change(added=("u",)))
    assert changed.made_up == ()
    whole = engine.photometry("72", ("u",))
    galaxy = changed.answer.fit.photometry
    assert galaxy.flux[galaxy.bands.index("u")] == whole.flux[0]
    assert [one.band for one in changed.left] == ["z"]


def test_a_change_that_cannot_be_is_a_sentence(engine, answer):
    with pytest.raises(BadPhotometry, match="keep at least one"):
        engine.changed(answer, Change(left=("u", "g", "r", "i", "z")))
    with pytest.raises(BadPhotometry, match="does not reach FUV"):
        engine.changed(answer, Change(added=("FUV",)))
    assert "FUV" not in addable(answer.fit.model, 0.05, ())
    assert addable(answer.fit.model, 0.05, ("g",))[0] == "u"


def test_a_galaxy_of_ones_own_can_be_changed(engine):
    own = Photometry([20.0, 30.0, 35.0], [0.4, 0.5, 0.6], 0.06, ("g", "r", "i"))
    name = engine.add("mine", OwnGalaxy(own))
    answer = engine.answer(Request(name, n=300))
    changed = engine.changed(answer, Change(added=("z",)))
    assert changed.made_up == ("z",)
    galaxy = changed.answer.fit.photometry
    predicted = answer.fit.predicted.quantiles()[1]
    assert galaxy.flux[galaxy.bands.index("z")] == pytest.approx(predicted[-1])


def test_the_page_shows_a_change_beside_what_is(engine):
    async def main():
        explorer = await opened_explorer(engine, n=3000)
        before = explorer.corner.plot._sources["histograms_exact"].data["y"].copy()
        explorer.what_if._chips.value = ["g", "r", "i", "z", "H"]
        assert explorer.what_if.change == Change(("u",), ("H",))
        explorer.what_if._sliders["H", True].value = 2
        assert explorer.what_if.change.errors == {"H": 0.631}
        for _ in range(400):  # the page asks by itself, at each move
            if explorer._changed is not None and explorer._changed.change.errors:
                break
            await asyncio.sleep(0.05)
        return explorer, before

    explorer, before = asyncio.run(main())
    sed, corner = explorer.light.sed.sources, explorer.corner.plot._sources
    assert list(sed["left"].data["band"]) == ["u"]
    assert list(sed["added"].data["band"]) == ["H"]
    assert list(sed["data"].data["band"]) == ["g", "r", "i", "z"]
    assert len(sed["left_predicted"].data["x"]) == 1
    assert len(sed["changed"].data["x"]) > 100
    assert len(explorer.histories.figures["sfr"].sources["changed"].data["x"]) > 10
    assert len(corner["histograms_changed"].data["x"]) > 10
    np.testing.assert_allclose(len(corner["histograms_exact"].data["y"]), len(before))
    assert "**H added**" in explorer.what_if._text.object
    assert "u left out" in explorer.what_if._text.object
    assert len(explorer.what_if._table.value) == len(QUANTITIES)
    explorer.what_if.change = Change()
    asyncio.run(explorer.try_change())
    assert len(sed["changed"].data["x"]) == len(sed["left"].data["x"]) == 0
    assert explorer.what_if._chips.value == ["u", "g", "r", "i", "z"]


def test_a_change_is_in_the_address_and_comes_back_from_it(engine):
    one = Page(engine, {"galaxy": "72", "whatif": "u:out,H:in,g:0.5"})
    assert one.explorer.what_if.change == Change(("u",), ("H",), {"g": 0.5})
    assert one.values()["whatif"] == "u:out,H:in,g:0.5"
    odd = Page(engine, {"galaxy": "72", "whatif": "<b>"})
    assert "whatif='<b>' is not a change" in odd.notices[0]
    assert "whatif" not in odd.values()


def test_bands_that_the_network_does_not_take_are_in_the_draws_or_nothing_is_shown(engine):
    """The network's draws, uncorrected, have none of J, H and Ks: their widths told no gain."""
    answer = engine.answer(Request("72", n=1000))
    change = Change((), ("J", "H", "Ks"), {"J": 0.1, "H": 0.1, "Ks": 0.1})
    quick = engine.changed(answer, change)
    assert quick.lacks == ("J", "H", "Ks")
    assert not quick.answer.exact
    galaxy, posterior = quick.answer.fit.photometry, engine.posterior(answer.request.weights)
    whole = engine.adapted(quick, fit(galaxy, posterior, n=1000, seed=1, trust="proposals"))
    assert whole.lacks == ()
    assert whole.answer.exact
    mass = gains(answer.samples, whole.answer.samples)[0]
    assert mass.bits > 0.3
    with pytest.raises(SedflowError, match="no draws follow the posterior with J, H, Ks"):
        engine.adapted(quick, fit(galaxy, posterior, n=300, seed=1, trust="weights"))


def test_draws_are_adapted_by_a_job_where_the_page_is_asked_to(engine):
    async def main():
        explorer = await opened_explorer(engine, n=1000)
        panel, change = explorer.what_if, Change((), ("J", "H", "Ks"), {"J": 0.1, "H": 0.1})
        panel.change = change  # the page asks by itself
        for _ in range(400):
            if panel._adapt.visible:
                break
            await asyncio.sleep(0.05)
        assert explorer._changed is None
        assert panel._adapt.visible
        assert "does not take J, H, Ks" in panel._text.object
        begun = []
        panel.job.begin = lambda work, title: begun.append((work, title)) or True
        panel.adapt()
        (work, title), *_ = begun
        assert work.method == "ladder"
        assert work.galaxy.observed.bands == ("u", "g", "r", "i", "z", "J", "H", "Ks")
        assert title.endswith("with J, H, Ks")
        posterior = engine.posterior(explorer.state.weights)
        better = fit(work.galaxy, posterior, n=500, seed=1, trust="proposals")
        await panel._finish(SimpleNamespace(work=work, result=better))
        assert explorer._changed.answer.exact
        assert not panel._adapt.visible
        lacking = explorer._lacking[0]
        explorer.state.galaxy = "2490"  # with the same change
        await explorer.state.infer()
        for _ in range(400):
            if panel._adapt.visible:
                break
            await asyncio.sleep(0.05)
        await panel._adapted(lacking, better)  # too late: it is of another galaxy
        assert explorer._changed is None
        assert "not asked for any longer" in panel.job._text.object

    asyncio.run(main())


def test_what_is_said_of_a_change_stays_until_there_is_another(engine):
    answer = engine.answer(Request("72", n=300))
    panel = WhatIfPanel(engine, None)
    panel.show(answer)
    panel.change = Change((), ("H",))
    panel.fail("it cannot be", answer)
    panel.show(answer)  # as the page draws, when what was shown before goes
    assert "It cannot be" in panel._text.object
    panel.change = Change()
    panel.show(answer)
    assert "Leave a band out" in panel._text.object


def test_a_change_that_is_computed_is_told_from_the_press(engine):
    answer = engine.answer(Request("72", n=300))
    panel = WhatIfPanel(engine, None)
    panel.show(answer)
    panel._chips.value = ["g", "r", "i", "z"]
    assert "Computing" in panel._text.object
    panel.show(answer)  # as of a selection, before the other posterior is there
    assert "Computing" in panel._text.object
    panel.show(answer, None, engine.changed(answer, panel.change))
    assert "u left out" in panel._text.object
    panel._chips.value = ["r", "i", "z"]
    assert "Computing" in panel._text.object and panel._table.styles["opacity"] != "1"
    panel._chips.value = ["u", "g", "r", "i", "z"]
    panel.show(answer)
    assert "Leave a band out" in panel._text.object


def test_what_is_offered_for_a_galaxy_stays_when_its_figures_come(engine):
    """It was said before the figures were drawn, and the drawing took it back."""

    async def main():
        explorer = await opened_explorer(engine, n=3000)
        panel = explorer.what_if
        panel.change = Change((), ("J", "H", "Ks"), {"J": 0.1, "H": 0.1})
        for galaxy in ("2490", "72"):
            explorer.state.galaxy = galaxy
            await explorer.state.infer()
            answer = explorer.state.answer
            for _ in range(400):
                if panel._about is answer and panel._for is answer:
                    break
                await asyncio.sleep(0.05)
            panel.draw(answer, None)
            assert panel._adapt.visible
            assert "does not take J, H, Ks" in panel._text.object
        panel.change = Change(("u", "g", "r", "i", "z"))
        for _ in range(400):
            await explorer.try_change()
            panel.draw(explorer.state.answer, None)
            if not panel._text.object.startswith("Computing"):
                break
            await asyncio.sleep(0.05)
        assert "eep at least one" in panel._text.object

    asyncio.run(main())


def test_nothing_is_compared_with_a_guess(engine):
    """Exact widths beside those of the network's own draws told of gains that no band brings."""
    answer = engine.answer(Request("72", n=1000))
    guess = replace(answer, fit=answer.network)
    assert not guess.exact
    changed = engine.changed(answer, Change(("u",)))
    assert changed.answer.exact
    panel = WhatIfPanel(engine, None)
    for now, given in ((answer, True), (guess, False)):
        panel.show(now, None, changed)
        table = panel._table.value
        assert ((table[["ratio", "bits"]] == "–").to_numpy().all()) != given
        assert ("**now: " in panel._text.object) != given
        assert (table["σ now → then"] != "–").all()
    lacking = engine.changed(answer, Change((), ("J", "H"), {"J": 0.1, "H": 0.1}))
    panel.offer(lacking, guess)
    assert "*Refine* first" in panel._text.object and not panel._adapt.visible


def test_a_ratio_of_widths_has_the_digits_that_a_thousand_draws_know(engine):
    answer = engine.answer(Request("72", n=1000))
    changed = engine.changed(answer, Change(("u",)))
    panel = WhatIfPanel(engine, None)
    panel.show(answer, None, changed)
    ratios = [float(ratio) for ratio in panel._table.value["ratio"]]
    assert max(ratios) > 1.0
    assert ratios == [float(f"{ratio:.2g}") for ratio in ratios]


def test_a_change_to_data_that_the_model_does_not_describe_is_called_a_misfit(engine):
    """Its draws follow the posterior, of a model that is wrong there: its widths told of gains."""
    answer = engine.answer(Request("72", n=2000))
    panel = WhatIfPanel(engine, None)
    for change, wrong in ((Change(errors={"all": 0.3}), True), (Change(added=("H",)), False)):
        changed = engine.changed(answer, change)
        assert changed.answer.exact
        panel.show(answer, None, changed)
        assert ("**then: misfit**" in panel._text.object) == wrong
        assert ("its widths are not to be read" in panel._text.object) == wrong
    panel.show(answer, None, replace(changed, misfit=2e-6))  # of the band that was added
    assert "p = 2 × 10⁻⁶" in panel._text.object
    assert "**H added** with the flux that is predicted." in panel._text.object
    assert "read the widths, not" not in panel._text.object


def test_adapted_draws_of_data_that_the_model_does_not_describe_are_called_a_misfit(engine):
    answer = engine.answer(Request("72", n=1000))
    change = Change((), ("J", "H", "Ks"), {"J": 0.1, "H": 0.1, "Ks": 0.1})
    quick = engine.changed(answer, change)
    posterior = engine.posterior(answer.request.weights)
    better = fit(quick.answer.fit.photometry, posterior, n=1000, seed=1, trust="proposals")
    assert np.isnan(misfit_p(better, posterior.p_values))
    assert np.isnan(engine.adapted(quick, better).misfit)
    far = replace(better.verdict, p_value=np.float64(1e-5), p_calibrated=np.float64("nan"))
    wrong = engine.adapted(quick, replace(better, verdict=far))
    assert wrong.answer.exact
    panel = WhatIfPanel(engine, None)
    panel.show(answer, None, wrong)
    assert "**then: misfit**" in panel._text.object
    assert "read the widths, not" not in panel._text.object


def test_a_job_that_cannot_tell_how_far_it_is_has_a_bar_that_moves(engine, monkeypatch):
    """The bar stayed empty, beside "starting", for as long as better draws took."""
    job = jobs.Job(None)
    line = JobLine(None, SimpleNamespace(poll=lambda job: job))
    line._job, line._title = job, "NGC 1"
    job.state, job.text = "running", "learning better draws"
    asyncio.run(line.look())
    assert line._bar.value == -1
    assert "learning better draws" in line._text.object
    job.share = 0.4
    asyncio.run(line.look())
    assert line._bar.value == 40
    found = engine.answer(Request("72", n=300)).fit
    monkeypatch.setattr(jobs, "fit", lambda *args, **kwargs: found)
    told = []
    work = jobs.Work("ladder", found.photometry, 300, 1, DEFAULT_WEIGHTS, found.model.grid.name)
    jobs.run(work, lambda share, text: told.append((share, text)), None)
    assert told == [(0.0, "learning better draws")]


def test_adapting_draws_promises_no_fewer_seconds_than_it_takes(engine):
    answer = engine.answer(Request("72", n=1000))
    panel = WhatIfPanel(engine, None)
    panel.offer(engine.changed(answer, Change((), ("J", "H"), {"J": 0.1, "H": 0.1})), answer)
    assert "up to some minutes" in panel._text.object

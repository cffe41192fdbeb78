"""The lessons: that what they claim is so, and that the page leads through them."""

import asyncio
import html
import re
import subprocess
import sys
import threading
from importlib.resources import files
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import panel as pn
import pytest
from panel.widgets.indicators import Indicator

from sedflow.dashboard.address import encode_lesson
from sedflow.dashboard.learn.abc_to_amortized import problem as to_amortized
from sedflow.dashboard.learn.abc_to_amortized.stage import ToAmortized
from sedflow.dashboard.learn.by_hand import lesson as by_hand
from sedflow.dashboard.learn.by_hand.kept import decode_best
from sedflow.dashboard.learn.lessons import LESSONS
from sedflow.dashboard.learn.look_alikes import lesson as look_alikes
from sedflow.dashboard.learn.one_parameter import lesson as one_parameter
from sedflow.dashboard.learn.out_of_domain import lesson as out_of_domain
from sedflow.dashboard.learn.plots import Plot
from sedflow.dashboard.learn.stage import abreast
from sedflow.dashboard.pages.learn import _MOST_FITTED, LearnView
from sedflow.dashboard.server.aside import run_aside
from sedflow.errors import SedflowError
from sedflow.model.likelihood import chi_square
from sedflow.parameters import NAMES, Prior, as_theta, index


@pytest.fixture(scope="module")
def networks(posterior):
    from sedflow import load_posterior

    made = {posterior.name: posterior}

    def network(name):
        if name not in made:
            made[name] = load_posterior(name)
        return made[name]

    return network


@pytest.fixture
def learn(nsa, networks):
    return lambda **params: LearnView(nsa, networks, **params)


def test_lessons_need_no_dashboard():
    code = (
        "import sys, sedflow.dashboard.learn.lessons\n"
        "print([m for m in ('panel', 'bokeh', 'holoviews', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_lesson_s_long_job_ends_with_its_page(learn):
    view = learn(lesson="abc-to-network")
    scene = view._make_stage().scene
    view._stage = object()
    assert scene.alive()  # what the job looks at
    view.close()
    assert not scene.alive()


# What each parameter does


def test_the_base_galaxy_is_a_galaxy_whatever_is_changed():
    for name in NAMES:
        p = one_parameter.PARAMETERS[index(name)]
        as_theta(one_parameter.theta_with(name, np.linspace(p.low, p.high, 5)))


def test_the_lesson_on_parameters_is_right(model):
    change = {n: one_parameter.respond(model, n) for n in NAMES}
    g_r = {n: r.change() for n, r in change.items()}
    verdict = {n: one_parameter.verdict(c) for n, c in g_r.items()}
    redder, bluer = one_parameter.REDDER, one_parameter.BLUER
    assert verdict["log_mstar"] == one_parameter.SAME_COLOR
    assert verdict["beta1"] == verdict["n_dust"] == bluer
    assert verdict["beta4"] == verdict["t_burst"] == verdict["tau_ism"] == redder
    assert verdict["log_gamma1"] == verdict["tau_bc"] == redder
    # "the most of all parameters"
    assert max(change, key=lambda n: change[n].reach()) == "tau_ism"
    # "by less than either" age or dust
    assert g_r["log_gamma1"] < min(-g_r["beta1"], g_r["beta4"], g_r["tau_ism"])
    # "the older the wave, the less it does to the blue light"
    u_g = [change[f"beta{k}"].change("u-g") for k in (1, 2, 3)]
    assert u_g[0] < u_g[1] < u_g[2]
    # "the change is fastest at the end"
    steps = np.diff(change["beta4"].colors["g-r"])
    assert steps[-1] == steps.max() > 2 * np.median(steps)
    # "nearly all of it within the first few billion years"
    burst = change["t_burst"]
    early = np.interp(4.0, burst.values, burst.colors["g-r"]) - burst.colors["g-r"][0]
    assert early > 0.9 * burst.reach()
    # each unit of log M is 2.5 mag
    r = change["log_mstar"].magnitude["r"]
    assert r[0] - r[-1] == pytest.approx(2.5 * 5.5, abs=1e-6)


# Look-alikes


@pytest.mark.slow
def test_the_three_have_one_colour_for_three_reasons(bc03):
    low, high = look_alikes.reach(bc03)
    assert high - low > 0.08
    for target in (low, 0.5 * (low + high), high):
        triple = look_alikes.find_triple(bc03, target)
        start = triple.start.theta
        changed = [set(np.flatnonzero(np.abs(g.theta - start) > 1e-9)) for g in triple.galaxies]
        for galaxy in triple.galaxies:
            as_theta(galaxy.theta)
            assert galaxy.color("g-r") == pytest.approx(target, abs=1e-4)
            assert galaxy.magnitude[4] == pytest.approx(look_alikes.R_MAGNITUDE, abs=1e-6)
        names = [{NAMES[k] for k in c} - {"log_mstar"} for c in changed]
        assert names == [
            {"beta1", "beta2", "beta3", "beta4"},
            {"tau_ism"},
            {"log_gamma1", "log_gamma2"},
        ]
        # "the galaxy that is red only by its metals still shows its young stars"
        assert np.argmin([g.color("FUV-r") for g in triple.galaxies]) == 2
        spread = [np.ptp([g.color(c) for g in triple.galaxies]) for c in ("FUV-r", "u-g")]
        assert spread[0] > 3 * spread[1]
        chi2 = look_alikes.rival_chi2(triple, 1, look_alikes.BANDS)
        assert chi2[1] == pytest.approx(0, abs=1e-9)
        assert chi2[2] > look_alikes.rival_chi2(triple, 1, tuple("ugriz"))[2]
    with pytest.raises(SedflowError, match="is not reached by all three ways; choose"):
        look_alikes.find_triple(bc03, high + 0.2)


def test_the_older_look_alike_has_fewer_metals_and_the_lesson_says_why(bc03):
    for target in look_alikes.reach(bc03):
        older, dusty, _ = look_alikes.find_triple(bc03, target).galaxies
        assert older.derived["log_z_mw_solar"] < dusty.derived["log_z_mw_solar"]
    assert "The older one has somewhat fewer metals" in look_alikes.LESSON.steps[0].answer


# Fit by hand


def test_the_best_mass_is_the_best(model, nsa):
    galaxy = nsa.photometry(72)
    values = {name: row[4] for name, row in by_hand.KNOBS.items()}
    best = by_hand.best_mass(model, by_hand.hand_theta(values), galaxy)
    chi2 = [
        by_hand.score(model, by_hand.hand_theta(values | {"log_mstar": best + d}), galaxy)[0]
        for d in (-0.01, 0.0, 0.01)
    ]
    assert chi2[1] < min(chi2[0], chi2[2])


def test_a_mock_looks_like_a_galaxy_of_the_atlas(model):
    theta, galaxy = by_hand.mock(model, Prior(), 3)
    as_theta(theta)
    magnitude = galaxy.magnitude
    assert 0.1 < magnitude[1] - magnitude[2] < 1.0
    assert by_hand.score(model, theta, galaxy)[0] < 25
    again, _ = by_hand.mock(model, Prior(), 3)
    np.testing.assert_array_equal(theta, again)


def test_a_guess_is_held_against_the_posterior(posterior, nsa):
    galaxy = nsa.photometry(72)
    found = by_hand.posterior_of(posterior, galaxy, 1000, 1)
    assert found.exact
    flux = posterior.model.photometry(found.theta, galaxy.redshift, method="fast")
    np.testing.assert_allclose(found.chi2, chi_square(flux, galaxy))
    assert found.share_better(found.chi2.min()) == 0
    assert found.share_better(1e9) == 1
    middle = np.median(found.theta[:, index("tau_ism")])
    assert found.percentile("tau_ism", middle) == pytest.approx(0.5, abs=0.01)


# From ABC to the network


@pytest.fixture(scope="module")
def problem(model):
    return to_amortized.Problem(model, 1)


def test_fewer_are_kept_at_a_smaller_tolerance(problem):
    made = problem.simulate(4000, 1)
    kept = [len(made.accepted(t)) for t in (1.0, 3.0, 10.0, np.inf)]
    assert kept[0] < kept[2] < kept[3] == 4000
    assert made.weights().sum() == pytest.approx(1)
    assert 1 <= made.ess <= 4000
    assert len(made + problem.simulate(500, 2)) == 4500


def test_a_draw_of_the_prior_costs_what_its_weights_say():
    """With the prior as proposal, the cost is draws over effective draws, exactly."""
    log_like = np.random.default_rng(0).normal(size=5000) * 1.5
    like = np.exp(log_like)
    fit = SimpleNamespace(
        log_likelihood=log_like,
        draws=SimpleNamespace(
            weights=like / like.sum(), importance=SimpleNamespace(log_evidence=np.log(like.mean()))
        ),
    )
    ess = like.sum() ** 2 / np.square(like).sum()
    assert to_amortized.per_draw(fit) == pytest.approx(5000 / ess)


def test_numbers_are_rounded_to_two_digits():
    words = [to_amortized.rounded(x) for x in (0.0123, 7.77, 126_984, 2_563_971, 14e6, np.nan)]
    assert words == [
        "0.012",
        "7.8",
        "130,000",
        "2.6 million",
        "14 million",
        "more than anyone can count",
    ]


@pytest.mark.heavy
def test_all_ways_lead_to_the_same_posterior(problem):
    exact = problem.exact()
    walk = problem.walk(1000, 3)
    made = problem.simulate(150_000, 4)
    w = made.weights()
    for k, name in enumerate(to_amortized.FREE):
        x, y = exact[name]
        step = x[1] - x[0]
        assert y.sum() * step == pytest.approx(1)
        mean = (x * y).sum() * step
        sd = np.sqrt((np.square(x - mean) * y).sum() * step)
        chain = walk.free[..., k]
        assert chain.mean() == pytest.approx(mean, abs=0.3 * sd)
        assert chain.std() == pytest.approx(sd, rel=0.3)
        assert w @ made.free[:, k] == pytest.approx(mean, abs=4 * sd / np.sqrt(made.ess))
        # "With a large tolerance the bars are wider than it"
        assert made.accepted(8.0)[:, k].std() > sd
    # Walking needs fewer simulations than weighing.
    assert walk.simulations / walk.ess < 0.3 * len(made) / made.ess


# When not to trust


@pytest.fixture(scope="module")
def gallery(nsa, posterior):
    return out_of_domain.cases(nsa, posterior, 72)


def test_the_gallery_shows_what_it_says(nsa, posterior, gallery):
    good = gallery["good"].galaxy
    for key, band in (("band-g", 1), ("band-u", 0)):
        off = gallery[key].galaxy.magnitude - good.magnitude
        np.testing.assert_allclose(off, np.eye(5)[band], atol=1e-9)
    np.testing.assert_allclose(gallery["sigma"].galaxy.sigma, good.sigma / 100)
    real = [case for key, case in gallery.items() if key.startswith("nsa-")]
    assert len(real) == 3
    for case in real:
        np.testing.assert_array_equal(
            case.galaxy.flux, nsa.photometry(int(case.key[4:]), case.galaxy.bands).flux
        )
        assert not posterior.check(case.galaxy, draws=False).inside


@pytest.mark.slow
def test_the_lesson_on_trust_is_right(posterior, gallery):
    seen = {key: out_of_domain.look(posterior, case) for key, case in gallery.items()}
    assert seen["good"].inside
    assert seen["good"].exact is not None
    assert not seen["band-g"].inside
    assert seen["band-u"].inside  # the mistake that is not noticed
    assert not seen["sigma"].inside
    assert seen["near"].inside
    assert not seen["far"].inside
    mass = [seen[k].quantiles("network")["log_mass_formed"][1] for k in ("near", "good")]
    assert mass[0] < mass[1] - 1
    for key, outcome in seen.items():
        assert not outcome.verdict.endswith(".")  # the page ends the sentence
        if key.startswith("nsa-"):
            assert not outcome.inside
            assert outcome.reasons
    found = seen["band-g"].searched_by(*run_aside(out_of_domain.searched, seen["band-g"].case))
    assert found.exact is not None and found.searched
    again, _ = run_aside(out_of_domain.searched, seen["band-g"].case)  # which the process keeps
    np.testing.assert_array_equal(again.draws.theta, found.exact.draws.theta)
    assert re.search(r"k-hat 0\.\d+ \(limit 0\.7\)", found.verdict)
    assert set(found.quantiles("exact")) == set(out_of_domain.LABELS)


# The page


def test_what_is_out_of_range_is_clamped_and_said(learn):
    view = learn(lesson="fit-by-hand", step=99, galaxy=5, seed=-3)
    assert (view.lesson, view.step, view.galaxy, view.seed) == ("fit-by-hand", 4, 72, 0)
    for text in ("step 99 is outside 1 to 4", "no galaxy has NSAID 5", "seed -3"):
        assert text in view.notice
    view.step = 0
    assert view.step == 1
    view.seed = 999_999_999_999_999_999  # a browser has another number in its place
    assert view.seed == 2**31 - 1 and "is above 2147483647" in view.notice
    view.lesson = "nothing"
    assert (view.lesson, view.step) == ("", 1)
    assert "there is no lesson 'nothing'" in view.notice
    view.param.update(lesson="trust", step=2)
    assert (view.lesson, view.step, view.notice) == ("trust", 2, "")
    view.lesson = "parameters"
    assert view.step == 1


def test_nothing_is_built_before_it_is_shown(learn):
    view = learn(lesson="parameters", step=2)
    assert view._stage is None
    assert view.__panel__() is not None
    assert view._stage is not None


def test_the_list_leads_to_every_lesson(learn):
    view = learn()
    buttons = view.views.select(pn.widgets.Button)
    assert len(buttons) == len(LESSONS)
    buttons[0].clicks += 1
    assert (view.lesson, view.step) == ("parameters", 1)
    view._next.clicks += 1
    assert view.step == 2
    view._back.clicks += 1
    assert view.step == 1
    assert view._back.disabled
    view._steps.value = 9
    assert view.step == 9
    view._next.clicks += 1
    assert view.lesson == ""


def test_the_student_predicts_before_the_slider_moves(learn):
    view = learn(lesson="parameters", step=6)
    _ = view.views
    stage = view._stage
    assert stage.slider.disabled
    view._reveal.clicks += 1
    assert "Choose one first" in view._answer.object
    assert stage.slider.disabled
    view._choices.value = one_parameter.BLUER
    view._reveal.clicks += 1
    assert view._answer.object.startswith("**You said bluer; it is: redder.** g−r changes by +1.")
    assert not stage.slider.disabled
    before = np.array(stage.spectrum.sources["now"].data["y"])
    stage.slider.value = 3.0
    after = np.array(stage.spectrum.sources["now"].data["y"])
    assert (after < before).all()
    assert "τ ISM = 3.00" in stage.spectrum.figure.title.text


def test_the_score_follows_the_knobs(learn):
    view = learn(lesson="fit-by-hand", step=2)
    _ = view.views
    stage = view._stage
    first = stage.best["nsa"][0]
    stage._mass.clicks += 1
    stage.knobs["tau_ism"].value = 0.3
    stage._mass.clicks += 1
    best = stage.best["nsa"][0]
    assert best < first
    assert f"best so far {best:,.1f}" in stage._score.object
    stage.knobs["log_mstar"].value = 8.0
    assert stage.best["nsa"][0] == best
    stage._back.clicks += 1
    assert stage._now()[0] == pytest.approx(best)
    pull = stage.pulls.sources["pull"].data["top"]
    assert np.square(pull).sum() == pytest.approx(best)
    view.step = 3
    assert f"your best ({best:,.1f})" in LESSONS["fit-by-hand"].steps[2].answer.format(
        **stage.facts("reveal")
    )
    assert len(stage.pairs["log_mstar", "tau_ism"].sources["draws"].data["x"]) == 1000


def test_a_reload_keeps_the_best_fit_by_hand(learn, nsa):
    view = learn(lesson="fit-by-hand", step=1)
    _ = view.views
    assert "knobs" not in encode_lesson(view)  # nobody has turned one
    view.step = 2
    stage = view._stage
    stage.knobs["tau_ism"].value = 0.3
    stage._mass.clicks += 1
    best = stage.best["nsa"]
    stage.knobs["log_mstar"].value = 8.0
    best_of_address, notices = decode_best(encode_lesson(view)["knobs"])
    assert not notices
    again = learn(lesson="fit-by-hand", step=2, best=best_of_address)
    _ = again.views
    assert again._stage.best["nsa"][0] == pytest.approx(best[0], rel=1e-3)
    assert again._stage.knobs["tau_ism"].value == pytest.approx(0.3)
    assert again._stage.knobs["log_mstar"].value == pytest.approx(best[2]["log_mstar"], rel=1e-5)
    again.galaxy = int(nsa.ids[3])  # of another galaxy, nothing is known
    assert again.best == {}


def test_a_galaxy_that_comes_back_has_the_best_fit_by_hand(learn, nsa):
    view = learn(lesson="fit-by-hand", step=2)
    _ = view.views
    view._stage.knobs["tau_ism"].value = 0.3
    view._stage._mass.clicks += 1
    best, knobs = view._stage.best["nsa"][0], dict(view.best["nsa"])
    view.galaxy = int(nsa.ids[3])
    assert view.best == {} and view._stage.best["nsa"][0] > best
    view.galaxy = 72
    assert view.best == {"nsa": knobs} and view._stage.best["nsa"][0] == pytest.approx(best)
    assert view._stage.knobs["tau_ism"].value == 0.3
    view.best = {"mock": knobs}
    view.seed = 2
    assert view.best == {}
    view.seed = 1
    assert view.best == {"mock": knobs}


def test_fits_by_hand_of_few_galaxies_are_kept(learn, nsa):
    view = learn(lesson="fit-by-hand", step=2)
    for nsaid in nsa.ids[: _MOST_FITTED + 10]:
        view.galaxy = int(nsaid)
        view.best = {"nsa": {"tau_ism": float(nsaid)}}
    assert len(view._fitted) == _MOST_FITTED
    view.galaxy = int(nsa.ids[_MOST_FITTED])
    assert view.best["nsa"]["tau_ism"] == float(nsa.ids[_MOST_FITTED])
    view.galaxy = int(nsa.ids[0])
    assert view.best == {}


@pytest.mark.parametrize("text", ["1,2", "a,b,c,d", "nan,1,1,1", "9,1,0.5,-3;x"])
def test_knobs_that_are_none_begin_anew_and_the_page_says_so(text):
    best, notices = decode_best(text)
    assert best == {} and "starts from the beginning" in notices[0]
    top = {name: high for name, (_, _, _, high, _) in by_hand.KNOBS.items()}
    best, notices = decode_best("99,99,99,99;;")
    assert best == {"nsa": top}
    assert (
        notices[0] == "log_mstar of the fit by hand = 99 was changed to 12.5; it may be 7 to 12.5"
    )


def test_a_late_answer_is_dropped(learn):
    async def main():
        view = learn(lesson="parameters")
        _ = view.views
        gate, told = threading.Event(), []
        view._work.run(lambda: gate.wait(10), lambda result: told.append("late"))
        await asyncio.sleep(0.05)
        view.step = 2
        view._work.run(lambda: None, lambda result: told.append("new"))
        gate.set()
        await view.ready()
        return told

    assert asyncio.run(main()) == ["new"]


def test_an_expected_failure_is_a_sentence(learn):
    view = learn(lesson="parameters")
    _ = view.views

    def fail():
        raise SedflowError("no such thing")

    view._work.run(fail, lambda result: None)
    assert html.unescape(view._waiting.object) == "no such thing."


def test_more_simulations_are_counted(learn):
    view = learn(lesson="abc-to-network")
    _ = view.views
    stage = view._stage
    assert "**20,000 simulations" in view._text.object
    stage._more.clicks += 1
    assert "**40,000 simulations" in view._text.object
    stage.tolerance.value = 1.0
    few = stage.facts("abc")["accepted"]
    stage.tolerance.value = 20.0
    assert stage.facts("abc")["accepted"] > few


@pytest.mark.heavy
@pytest.mark.parametrize("lesson", list(LESSONS))
def test_every_step_can_be_read_to_its_end(learn, lesson):
    view = learn(lesson=lesson)
    _ = view.views
    for k, step in enumerate(LESSONS[lesson].steps, 1):
        view.step = k
        assert view._waiting.object == "", step.key
        assert len(view._text.object) > 60
        if step.choices:
            right = view._stage.right(step.key)
            assert right in step.choices, (step.key, right)
            view._choices.value = right
        view._reveal.clicks += 1
        words = view._answer.object
        assert "{" not in view._text.object + words
        assert "nan" not in words.split()
        assert "Computing" not in words
        if step.choices:
            assert words.startswith("**Right: ")
        for widget in view.views.select(pn.widgets.Widget):
            if not isinstance(widget, Indicator):
                assert widget.label, widget


@pytest.mark.heavy
def test_mcmc_is_laid_beside_the_network(learn, posterior):
    from sedflow import MCMCSampler
    from sedflow import fit as fit_galaxy

    view = learn(lesson="abc-to-network", step=4)
    _ = view.views
    stage: ToAmortized = view._stage
    result = fit_galaxy(
        stage.fit.photometry, MCMCSampler(model=posterior.model, doublings=0), n=1000, seed=1
    )
    stage.show_mcmc(result)
    assert "MCMC used" in stage.facts("twelve")["mcmc_line"]
    assert len(stage.twelve["tau_ism"].sources["mcmc"].data["x"]) > 10
    assert stage.facts("bill") is None  # the walk of the small problem is not known
    view.step = 5
    facts = stage.facts("bill")
    run = result.draws.convergence
    ess = float(run.ess_bulk.min())
    assert facts["mcmc_origin"].startswith(f" (your run made {ess:,.0f} with ")
    assert facts["mcmc_cost"] == to_amortized.rounded(
        facts["enough"] * float(run.evaluations) / ess
    )
    assert facts["trained"] == posterior.record["training"]["simulations_seen"]


def test_figures_beside_each_other_wrap_where_a_line_has_no_room():
    plots = [Plot(name, "x", "y", 200) for name in "ab"]
    (line,) = box = abreast(*plots)
    assert len(line) == 2
    assert "auto-fit" in line.stylesheets[-1]  # a row would lay them over each other on a phone
    box.visible = False  # the grid itself stays shown whatever `visible` says
    assert line.visible


def test_every_lesson_has_a_drawing_that_follows_the_theme():
    pictures = files("sedflow") / "dashboard" / "learn" / "pictures"
    assert {path.name for path in pictures.iterdir()} == {f"{key}.svg" for key in LESSONS}
    for key in LESSONS:
        drawing = ElementTree.fromstring((pictures / f"{key}.svg").read_text("utf-8"))
        assert drawing.get("aria-hidden") == "true"  # read aloud it would say nothing
        places = re.findall(r"-?\d+\.\d", " ".join(p.get("d", "") for p in drawing.iter()))
        assert all(0 <= float(place) <= 320 for place in places)


def test_a_step_that_was_answered_keeps_its_answer_until_the_lesson_is_begun_again(learn):
    view = learn(lesson="parameters")
    _ = view.views
    steps = LESSONS["parameters"].steps
    asked = next(k for k, step in enumerate(steps, 1) if step.choices)
    view.step = asked
    choice = steps[asked - 1].choices[0]
    view._choices.value = choice
    view._reveal.clicks += 1
    said = view._answer.object
    view.step = asked + 1
    assert not view._answer.visible
    view.step = asked
    assert (view._answer.object, view._choices.value) == (said, choice)
    assert view._answer.visible and view._choices.disabled and not view._reveal.visible
    view._stage = None  # while another is made
    view._show_answer()
    view.lesson = ""
    view.param.update(lesson="parameters", step=asked)
    assert view._choices.value is None and not view._choices.disabled

"""What the site repeats of the app: presets, lessons and the prior's curves."""

import re
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest

from sedflow.dashboard.address import decode_own
from sedflow.dashboard.learn.by_hand import lesson as by_hand
from sedflow.dashboard.learn.lessons import LESSONS
from sedflow.dashboard.learn.one_parameter import lesson as one_parameter
from sedflow.dashboard.presets import PRESETS
from sedflow.dashboard.state import ForwardState
from sedflow.errors import DamagedPackage
from sedflow.model.derived import derive
from sedflow.model.prior_curves import prior_density
from sedflow.parameters import NAMES, PARAMETERS, Prior
from sedflow.site.lessons import ONLY_IN_APP, lesson_texts
from sedflow.site.manifest import about
from sedflow.site.prior import prior_curves
from sedflow.site.tables import packaged_table

STATIC = Path(__file__).parents[2] / "sedflow" / "site" / "static"
BUILD = "run tools/build_site_tables.py"
Z = 0.06  # between two redshifts of the table


@pytest.fixture(scope="module")
def site(posterior):
    return about(posterior, "0")


@pytest.fixture(scope="module")
def lessons():
    return {lesson["key"]: lesson for lesson in lesson_texts()}


# Presets


def test_a_preset_of_the_site_is_that_of_the_app(site):
    state = ForwardState()
    start = {p["name"]: p["default"] for p in site["parameters"]}
    assert list(site["presets"]) == list(PRESETS)
    for name, values in site["presets"].items():
        state.preset(name)
        assert start | values == {n: getattr(state, n) for n in NAMES}, name


def test_every_slider_stands_under_one_title(site):
    names = [name for _, group in site["groups"] for name in group]
    assert sorted(names) == sorted([*NAMES, "redshift"])


def test_no_preset_is_repeated_by_hand():
    repeated = [p.name for p in STATIC.rglob("*.js") if "quiescent" in p.read_text()]
    assert repeated == []


# The prior


def test_the_curve_of_a_parameter_is_its_exact_prior(site):
    for p in PARAMETERS:
        curve = site["prior"]["parameters"][p.name]
        x = np.linspace(p.low, p.high, 501)
        expected = prior_density(p.name, x, Prior("flat"))
        found = np.interp(x, curve["x"], curve["density"])
        np.testing.assert_allclose(found, expected, atol=3e-4 * expected.max(), err_msg=p.name)


def test_the_curve_of_a_derived_quantity_is_that_of_draws(site, model):
    theta = Prior("flat").sample(4000, seed=9)
    draws = derive(theta[None], np.array([Z]), model)
    z = np.array(site["prior"]["redshift"])
    k = int(np.searchsorted(z, Z)) - 1
    share = (Z - z[k]) / (z[k + 1] - z[k])
    known = {q["name"] for q in site["quantities"]}
    assert set(site["prior"]["derived"]) == known
    for name, curve in site["prior"]["derived"].items():
        x, rows = np.array(curve["x"]), np.array(curve["density"])
        density = (1 - share) * rows[k] + share * rows[k + 1]
        edges = np.append(x, 2 * x[-1] - x[-2]) - 0.5 * (x[1] - x[0])
        below = np.append(0, np.cumsum(density) * (x[1] - x[0]))
        values = draws[name][0]
        expected = np.array([np.mean((values > edges[0]) & (values < e)) for e in edges])
        assert np.abs(below - expected).max() < 0.04, name


def test_curves_of_another_network_are_refused(posterior, monkeypatch):
    table = packaged_table("prior.json") | {"record_sha256": "0" * 64}
    monkeypatch.setattr("sedflow.site.prior.packaged_table", lambda name: table)
    with pytest.raises(DamagedPackage, match="another network than"):
        prior_curves(posterior)


def test_a_table_that_is_missing_is_named():
    with pytest.raises(DamagedPackage, match=r"none\.json cannot be read"):
        packaged_table("none.json")


# Lessons


def test_the_site_has_every_lesson_and_step_of_the_app(lessons):
    assert list(lessons) == list(LESSONS), BUILD
    for key, lesson in LESSONS.items():
        steps = lessons[key]["steps"]
        assert [s["key"] for s in steps] == [s.key for s in lesson.steps], BUILD


def test_no_fact_is_missing_and_every_judgement_is_a_choice(lessons):
    for lesson in lessons.values():
        for step in lesson["steps"]:
            for part in ("title", "text", "question", "answer"):
                assert not re.search(r"[{}]|\bnan\b", step[part]), (lesson["key"], step["key"])
            assert step["right"] in ("", *step["choices"])
            places = [*step["before"], *step["after"]]
            assert all(0 <= place < len(lesson["figures"]) for place in places)


def test_what_only_the_app_has_is_still_said_there_and_not_on_the_site(lessons):
    found = packaged_table("lessons.json")["lessons"]
    app = "\n".join(
        getattr(step, part).format(**found[key]["steps"][step.key]["facts"])
        for key, lesson in LESSONS.items()
        for step in lesson.steps
        for part in ("text", "question", "answer")
    )
    site = "\n".join(
        s[p] for one in lessons.values() for s in one["steps"] for p in ("text", "answer")
    )
    for phrase in ONLY_IN_APP:
        assert phrase in app, phrase
        assert phrase not in site, phrase


def test_the_facts_on_single_parameters_are_those_of_the_model(lessons, model):
    for step in lessons["parameters"]["steps"][:-1]:
        response = one_parameter.respond(model, step["moves"][0])
        change = response.change()
        said = "0.00" if abs(change) < 0.005 else f"{change:+.2f}".replace("-", "−")
        assert f"{said} mag" in step["answer"], (step["key"], BUILD)
        assert step["right"] == one_parameter.verdict(change), BUILD
        drawn = lessons["parameters"]["responses"][step["moves"][0]]
        g_r = next(m for m in drawn["marks"] if m["label"] == "g−r")
        np.testing.assert_allclose(g_r["y"], response.colors["g-r"], atol=6e-3)


def test_a_knob_sets_the_theta_of_the_app(lessons):
    rng = np.random.default_rng(3)
    for knob in lessons["parameters"]["knobs"]:
        value = rng.uniform(knob["low"], knob["high"])
        theta = np.array(knob["base"]) + np.array(knob["per"]) * (value - knob["start"])
        expected = one_parameter.theta_with(knob["name"], value)[0]
        np.testing.assert_allclose(theta, expected, atol=1e-7, err_msg=knob["name"])
    knobs = lessons["fit-by-hand"]["knobs"]
    values = {k["name"]: rng.uniform(k["low"], k["high"]) for k in knobs}
    theta = np.array(knobs[0]["base"])
    for knob in knobs:
        theta += np.array(knob["per"]) * (values[knob["name"]] - knob["start"])
    np.testing.assert_allclose(theta, by_hand.hand_theta(values), atol=1e-7)


def test_a_step_leads_to_galaxies_that_the_app_can_read(lessons):
    links = [link for one in lessons.values() for step in one["steps"] for link in step["places"]]
    assert len(links) > 10
    for label, address in links:
        query = dict(parse_qsl(address.removeprefix("?")))
        own = decode_own(query)
        assert own is not None or query["galaxy"].isdecimal(), label

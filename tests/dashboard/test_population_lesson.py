"""The lesson on populations: that what it claims is so, and that it shows nothing too early."""

import numpy as np
import pytest

from sedflow.dashboard.learn.populations import lesson, problem
from sedflow.dashboard.pages.learn import LearnView
from sedflow.site.lessons import lesson_texts


@pytest.fixture(scope="module")
def found():
    return problem.known(0.4, 1)


def test_medians_are_too_wide_and_the_stack_is_wider(found):
    assert found.true.std() < found.medians.std() < found.stack_width
    population = found.population
    names = ("density", "medians", "stack")
    far = [
        found.distance(d) for d in (population.density, population.medians(), population.stack())
    ]
    assert far == sorted(far), dict(zip(names, far, strict=True))


def test_medians_pass_a_mass_that_few_galaxies_have(found):
    """Eddington bias, and the population without it."""
    true = (found.true > problem.HIGH).sum()
    assert (found.medians > problem.HIGH).sum() > 2 * true
    share = found.population.fraction_above("log_mstar", problem.HIGH, q=[2.5, 97.5])
    low, high = len(found.true) * share
    expected = found.expected[found.population.centres[0] > problem.HIGH].sum()
    assert low < 1.2 * expected
    assert high < (found.medians > problem.HIGH).sum()


def test_each_galaxy_gains_by_the_others(found):
    own, shrunk = (np.square(m - found.true).mean() for m in (found.medians, found.shrunk))
    assert shrunk < 0.97 * own


def test_the_bands_hold_the_truth_where_the_medians_do_not(found):
    cells, held, near = found.held()
    assert cells > 15
    assert near < held <= cells


def test_a_histogram_of_the_truth_itself_is_not_far(found):
    assert found.distance(found.truth) == 0
    assert found.expected.sum() == pytest.approx(len(found.true))


def test_the_nearer_part_of_the_atlas_has_more_dwarfs():
    atlas = problem.atlas()
    virgo, clusters = lesson.PARTS
    assert atlas.redshift(virgo) < atlas.redshift(clusters)
    assert atlas.low[virgo] > 1.2 * atlas.low[clusters]
    assert atlas.times(clusters, virgo) == pytest.approx(
        (atlas.redshift(clusters) / atlas.redshift(virgo)) ** 2, rel=0.1
    )
    parts = sum(map(len, atlas.parts.values()))
    assert len(atlas.everyone) - 5 < parts <= len(atlas.everyone)  # few are elsewhere


def test_the_student_predicts_before_a_histogram_is_shown(nsa):
    view = LearnView(nsa, lesson="populations")
    _ = view.views
    sources = view._stage.plot.sources

    def shown():
        return {key for key, source in sources.items() if len(source.data["x"])}

    assert shown() == {"truth", "one"}
    assert "drawn until you answer" in lesson.LESSON.steps[0].text  # then it goes
    assert "**2,000 galaxies**" in view._text.object
    view._choices.value = lesson.NARROWER
    view._reveal.clicks += 1
    assert view._answer.object.startswith("**You said narrower; it is: wider.**")
    assert shown() == {"truth", "medians"}
    view._stage.sigma.value = 0.5
    assert "0.5 dex wide" in view._text.object
    view.step = 2
    assert shown() == {"truth", "medians"}
    view._choices.value = lesson.FARTHER
    view._reveal.clicks += 1
    assert view._answer.object.startswith("**Right: farther.**")
    assert {"stack", "population", "band68", "band95"} <= shown()
    view.step = 3
    assert shown() == {"medians", "stack", "population", "band68", "band95"}
    view._choices.value = lesson.ALIKE
    view._reveal.clicks += 1
    assert shown() == {"virgo", "virgo_band", "clusters", "clusters_band"}
    assert "{" not in view._text.object + view._answer.object


def test_the_site_says_what_the_lesson_finds(found):
    site = next(one for one in lesson_texts() if one["key"] == "populations")
    medians, stack, _ = site["steps"]
    build = "run tools/build_site_tables.py"
    assert f"medians {found.medians.std():.2f} dex" in medians["answer"], build
    assert f"is {found.stack_width:.2f} dex wide" in stack["answer"], build
    assert [medians["right"], stack["right"]] == [lesson.WIDER, lesson.FARTHER], build
    drawn = site["figures"][stack["after"][0]]["marks"]
    (truth,) = (mark for mark in drawn if mark["label"] == "truth")
    np.testing.assert_allclose(truth["y"], found.truth, rtol=6e-3, atol=1e-12)
    assert truth["colour"] == "ink"
    assert {"stack of draws", "medians", "population, 68 and 95 %"} <= {m["label"] for m in drawn}

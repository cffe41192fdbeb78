"""Stellar libraries compared on the page Explore: the job, its numbers, and what is shown."""

import asyncio
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import sedflow
from sedflow.dashboard.answer import Request
from sedflow.dashboard.grids import AVERAGE, ComparedGrids, summarized
from sedflow.dashboard.panels.evidence import EvidencePanel
from sedflow.dashboard.panels.grids import GridsPanel, evidence_rows, quantity_rows
from sedflow.dashboard.panels.reference import ReferencePanel
from sedflow.dashboard.quantities import QUANTITIES
from sedflow.dashboard.server.jobs import Busy, Work, run
from sedflow.errors import Cancelled
from sedflow.figures.intervals import interval_columns


class Held:
    """A queue that takes work, and never begins it."""

    def submit(self, work, visitor):
        self.work = work
        return SimpleNamespace(work=work)


class Full:
    """A queue that takes nothing more of this visitor."""

    def submit(self, work, visitor):
        raise Busy("your address has 1 long job already (limit 1)")


@pytest.fixture
def compared():
    """Three grids, one of them without an evidence, whose average is over-confident."""
    middle = np.array([[10.0], [11.0], [12.0], [10.5]])[:, :, None]
    spread = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    quantiles = np.broadcast_to(middle + spread, (4, len(QUANTITIES), 5))
    return ComparedGrids(
        ("fsps", "fsps-gas", "bc03"),
        np.array([[-3.0, 0.1], [-4.0, 0.1], [np.nan, np.nan]]),
        np.array([0.731, 0.269, 0.0]),
        ("exact (weights)", "exact (weights)", "failed"),
        quantiles,
        "No grid describes these data: the average is over-confident.",
        1000,
    )


def test_a_grid_without_an_evidence_has_a_dash_and_numbers_have_a_real_minus(compared):
    table = evidence_rows(compared)
    assert list(table["ln evidence"]) == ["−3.00 ± 0.10", "−4.00 ± 0.10", "–"]
    assert list(table["weight"]) == ["0.731", "0.269", "0.000"]


def test_the_average_stands_beside_each_grid(compared):
    table = quantity_rows(compared)
    assert list(table.columns) == ["quantity", AVERAGE, "bc03", "fsps-gas", "fsps"]
    assert table["average"][0] == "10.5 +1.0 −1.0"
    assert table["bc03"][0] == "12.0 +1.0 −1.0"
    assert len(table) == len(QUANTITIES)


def test_the_button_asks_for_the_data_and_the_prior_that_are_shown(answer):
    jobs = Held()
    panel = GridsPanel(jobs)
    panel.show(answer)
    panel.start()
    work = jobs.work
    assert (work.method, work.galaxy, work.prior) == ("grids", answer.fit.photometry, "flat")
    assert panel.button.disabled
    assert not panel.job.cancel_button.disabled


def test_a_visitor_with_a_job_is_told_so(answer):
    panel = GridsPanel(Full())
    panel.show(answer)
    panel.start()
    assert "limit 1" in panel.job._text.object
    assert not panel.button.disabled


def test_a_comparison_waits_at_its_galaxy_and_says_when_it_is_over_confident(answer, compared):
    panel = GridsPanel(Held())
    panel.show(answer)
    panel.start()
    other = replace(answer, request=replace(answer.request, galaxy="2490"))
    panel.show(other)  # while it runs
    asyncio.run(panel._finish(SimpleNamespace(result=compared, seconds=3.0)))
    assert not panel.evidences.visible
    panel.show(answer)
    assert panel.warning.visible
    assert "over&#45;confident" in panel.warning.object
    assert len(panel.evidences.value) == 3
    assert list(panel.figure.sources["names"].data["text"]) == [*compared.grids, AVERAGE]
    panel.show(other)
    assert not panel.evidences.visible
    assert not panel.warning.visible


def test_intervals_stand_in_the_order_of_their_numbers_and_blanks_are_left_out():
    quantiles = np.array([[[0.0, 1.0, 2.0, 3.0, 4.0]], [[np.nan] * 5], [[1.0, 1.5, 2.0, 2.5, 3.0]]])
    columns = interval_columns(["a", "b", "average"], ["x"], quantiles)
    assert columns["row0"]["lowest"][0] == 0.0
    assert columns["row0"]["highest"][0] == pytest.approx(0.88)
    assert columns["row0"]["x"][0] == columns["last"]["x"][0] == pytest.approx(0.44)
    assert len(columns["row1"]["x"]) == 0
    assert columns["last"]["y"][0] == -2.0
    assert set(columns["ticks"]["text"]) <= {"0", "1", "2", "3", "4"}


def test_evidence_says_each_figure_once(answer, engine):
    panel = EvidencePanel()
    panel.show(answer)
    text = panel.text.object
    assert text.count("k-hat") == 1
    assert text.count("ln evidence") == 1
    refined = sedflow.fit(engine.photometry("72"), n=300)
    panel.show(replace(answer, fit=refined))
    assert panel.text.object.count("k&#45;hat") + panel.text.object.count("k-hat") == 1


def test_what_was_refined_waits_at_its_galaxy(answer):
    given = []

    async def refined(of, fit):
        given.append((of, fit))

    async def scene():
        panel = ReferencePanel(refined, None, Held())
        panel.show(answer)
        panel.start("ladder")
        other = replace(answer, request=replace(answer.request, galaxy="2490"))
        panel.show(other)
        job = SimpleNamespace(work=SimpleNamespace(method="ladder"), result=answer.fit, seconds=2.0)
        await panel._finish(job)
        assert not given
        assert "wait at that galaxy" in panel.distances.object
        panel.show(answer)
        await asyncio.sleep(0.01)
        assert given == [(answer, answer.fit)]
        panel.show(answer)  # it is shown already
        panel.show(replace(answer, steps="auto"))
        await asyncio.sleep(0.01)
        assert len(given) == 1

    asyncio.run(scene())


@pytest.mark.slow
def test_a_page_shows_the_numbers_of_the_comparison(nsa):
    said = []
    found = sedflow.compare(
        nsa.photometry(72), ("fsps", "bc03"), n=500, progress=lambda *step: said.append(step)
    )
    shown = summarized(found)
    assert shown.rows == ("fsps", "bc03", AVERAGE)
    k = [q.name for q in QUANTITIES].index("age_mw")
    np.testing.assert_array_equal(shown.quantiles[2, k, 1:4], found.quantile("age_mw"))
    np.testing.assert_array_equal(shown.quantiles[1, k, 1:4], found.fits["bc03"].quantile("age_mw"))
    assert shown.weights.sum() == pytest.approx(1)
    assert said[0] == (0.0, "fsps, 1 of 2: network")
    assert (0.5, "bc03, 2 of 2: network") in said
    plain = sedflow.compare(nsa.photometry(72), ("fsps", "bc03"), n=500)
    assert plain.log_evidence == found.log_evidence


def test_a_job_that_is_cancelled_compares_nothing(nsa):
    stop = threading.Event()
    stop.set()
    work = Work("grids", nsa.photometry(72), 300, 1, "nsa-ugriz-fsps", "fsps")
    with pytest.raises(Cancelled, match="was cancelled"):
        run(work, lambda share, text: None, stop)


def test_the_mark_of_the_brightest_galaxy_is_inside_the_map(engine):
    from sedflow.dashboard.panels.atlas import AtlasView

    view = AtlasView(engine.nsa)
    assert view.seek("M 87")
    for axis, name in ((view.figure.x_range, "x"), (view.figure.y_range, "y")):
        place = float(view._chosen.data[name][0])
        low, high = sorted((axis.start, axis.end))
        assert low + 0.03 * (high - low) < place < high - 0.03 * (high - low)


def test_requests_of_other_settings_have_comparisons_of_their_own(answer, compared):
    panel = GridsPanel(Held())
    panel.show(answer)
    panel._kept[Request("72", n=1000, bands=("g", "r"))] = compared
    panel.show(replace(answer, request=replace(answer.request, bands=("g", "r"))))
    assert panel.evidences.visible
    panel.show(answer)
    assert not panel.evidences.visible

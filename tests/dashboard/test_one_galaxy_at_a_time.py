"""On Explore, what is said and what is drawn is of one galaxy at any moment."""

import asyncio

import panel as pn
import pytest

from sedflow.dashboard.answer import Request
from sedflow.dashboard.pages import explore
from sedflow.dashboard.pages.explore import Explorer
from sedflow.dashboard.panels import corner as corner_panel
from sedflow.dashboard.panels.corner import CornerPanel
from sedflow.dashboard.panels.verdict import _listed


@pytest.fixture
def explorer(nsa, posterior, engine):
    one = Explorer(nsa, posterior, 72, engine=engine, start={"n": 300})
    asyncio.run(one.state.infer())
    return one


def test_title_notes_and_figures_change_at_one_moment(explorer, monkeypatch):
    waiting = []
    monkeypatch.setattr(explore, "patch", lambda model, function: waiting.append(function))
    verdict, state = explorer.verdict, explorer.state
    before = verdict.heading.object, verdict._status.object, explorer.corner.figure.title.text
    state.busy = True
    answer = explorer.engine.answer(Request("2490", n=300))
    state.param.update(answer=answer, message=answer.note, busy=False)
    after = verdict.heading.object, verdict._status.object, explorer.corner.figure.title.text
    assert before == after and "72" in before[0]
    assert explorer.places._verdict.styles["opacity"] == "0.45"  # and the old is dimmed
    for function in waiting:
        function()
    assert "2490" in verdict.heading.object
    assert verdict._status.object == _listed(answer.note) != before[1]
    assert "2490" in explorer.corner.figure.title.text
    assert explorer.places._verdict.styles["opacity"] == "1"


def test_what_is_drawn_late_is_not_drawn_over_what_came_after_it(explorer):
    first = explorer.state.answer
    second = explorer.engine.answer(Request("2490", n=300))
    explorer.state.answer = second
    explorer._show_all(first)
    assert explorer.corner.answer is explorer.verdict.answer is second


def test_the_corner_plot_of_a_new_galaxy_is_computed_before_it_is_drawn(engine, monkeypatch):
    panel, answer = CornerPanel(), engine.answer(Request("72", n=300))
    panel.show(engine.answer(Request("2490", n=300)))
    assert asyncio.run(panel.prepare(answer, None, None))

    def never(*what):
        raise AssertionError("computed again, where all visitors wait")

    monkeypatch.setattr(corner_panel, "_drawn", never)
    panel.show(answer)
    assert "72" in panel.figure.title.text


@pytest.mark.parametrize(("seconds", "said"), [(0.0, ["Drawing 12 × 12 panels …"]), (60.0, [])])
def test_only_a_plot_that_takes_a_while_says_that_it_is_drawn(engine, monkeypatch, seconds, said):
    panel, begun, told = CornerPanel(), [], []
    panel.show(engine.answer(Request("72", n=300)))
    monkeypatch.setattr(corner_panel, "_SOON", seconds)
    monkeypatch.setattr(corner_panel, "whose", lambda: ("visitor", "session"))
    monkeypatch.setattr(pn.state, "execute", begun.append)
    panel._controls._text.param.watch(lambda event: told.append(event.new), "object")
    panel._controls.subset.value = "12"
    asyncio.run(begun[0]())
    assert told[: len(said)] == said
    assert not panel.busy and panel._controls._text.object.startswith("Drag in any figure")
    assert panel.axes[1].n == 12

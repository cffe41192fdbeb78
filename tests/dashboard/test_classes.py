"""Class mode: guesses of many browsers in one histogram, bounded and without names."""

import asyncio

import numpy as np
import pytest

import sedflow
from sedflow.dashboard.learn.by_hand import lesson
from sedflow.dashboard.learn.by_hand.together import Together
from sedflow.dashboard.pages.learn import LearnView
from sedflow.dashboard.server.classes import CODE_LENGTH, Classes, new_mark
from sedflow.dashboard.tabs import Page
from sedflow.errors import SedflowError

LIMITS = [(0.0, 1.0), (-2.0, 2.0)]


def test_a_page_has_one_guess_in_a_class():
    classes = Classes(LIMITS)
    code = classes.open("a")
    assert len(code) == CODE_LENGTH
    classes.send(code, "one", [0.5, 1.0])
    classes.send(code.lower(), "two", [0.1, -1.0])
    classes.send(f" {code} ", "one", [0.7, 0.0])
    np.testing.assert_array_equal(classes.guesses(code), [[0.1, -1.0], [0.7, 0.0]])


def test_guesses_do_not_tell_who_sent_them():
    classes = Classes(LIMITS)
    code = classes.open("a")
    for k, page in enumerate("zyx"):
        classes.send(code, page, [0.9 - 0.1 * k, -1.0 + k])
    assert (np.diff(classes.guesses(code), axis=0) >= 0).all()  # columns are sorted on their own


@pytest.mark.parametrize(
    "values", [[0.5], [0.5, np.nan], [2.0, 0.0], [np.inf, 0.0], [0.5, -3.0], [[0.5, 0.0]]]
)
def test_what_is_not_a_guess_is_refused(values):
    classes = Classes(LIMITS)
    code = classes.open("a")
    with pytest.raises(SedflowError, match="send your knobs again"):
        classes.send(code, "one", values)
    assert len(classes.guesses(code)) == 0


@pytest.mark.parametrize("text", ["", "AAAAA", "x" * 10_000, "²", "<b>"])
def test_a_code_that_no_class_has_is_a_sentence(text):
    with pytest.raises(SedflowError, match="there is no class") as error:
        Classes(LIMITS).known(text)
    assert len(str(error.value)) < 200


def test_classes_and_guesses_are_bounded_and_forgotten():
    now = [0.0]
    classes = Classes(LIMITS, clock=lambda: now[0])
    for _ in range(4):
        classes.open("a")
    with pytest.raises(SedflowError, match="you have 4 classes open"):
        classes.open("a")
    for k in range(36):
        code = classes.open(f"visitor {k}")
    with pytest.raises(SedflowError, match="this server has 40 classes open"):
        classes.open("b")
    for k in range(120):
        classes.send(code, f"page {k}", [0.5, 0.0])
    classes.send(code, "page 3", [0.6, 0.0])  # in the place of its last one
    with pytest.raises(SedflowError, match="has 120 guesses"):
        classes.send(code, "page 120", [0.5, 0.0])
    now[0] = 3 * 3600.0
    classes.guesses(code)  # who looks keeps it
    now[0] = 5 * 3600.0
    assert len(classes.guesses(code)) == 120
    assert len(classes) == 1


def test_two_pages_see_each_other():
    knobs = {name: 0.5 * (low + high) for name, (_, _, low, high, _) in lesson.KNOBS.items()}
    joined = []
    first = Together(lambda: knobs, "", joined.append, lambda: True)
    first.open()
    (code,) = joined
    second = Together(lambda: knobs | {"log_mstar": 99.0}, code, joined.append, lambda: True)
    assert second.code == code
    first.send()
    second.send()
    counts = second.plot.figure.renderers[0].data_source.data["top"]
    assert counts.sum() == 2  # a knob beyond its end is at its end
    assert "2 guesses, the middle of log M★ is 11.12" in second._text.object
    second.join("<b>")
    assert "<b>" not in second._text.object
    assert "There is no class" in second._text.object
    assert second.code == code


def test_the_lesson_joins_the_class_of_an_address():
    async def main():
        knobs = {name: start for name, (*_, start) in lesson.KNOBS.items()}
        opener = Together(lambda: knobs, "", lambda code: None, lambda: True, 72)
        opener.open()
        view = LearnView(sedflow.load_nsa(), lesson="fit-by-hand", step=2, code=opener.code)
        assert view.views is not None
        await view.ready()
        return view, opener

    view, opener = asyncio.run(main())
    stage = view._stage.together
    assert stage.code == opener.code
    assert stage.layout.visible
    stage.send()
    assert "1 guess," in stage._text.object
    view.step = 4
    assert not stage.layout.visible


def test_classes_that_nobody_uses_give_their_places_to_others():
    now = [0.0]
    classes = Classes(LIMITS, clock=lambda: now[0])
    codes = [classes.open(f"visitor {k}") for k in range(40)]
    classes.send(codes[0], "page", [0.5, 0.0])
    now[0] = 500.0
    with pytest.raises(SedflowError, match="this server has 40 classes open"):
        classes.open("b")  # the others may be about to begin
    classes.guesses(codes[1])
    now[0] = 900.0
    classes.open("b")
    assert classes.known(codes[0]) == codes[0]  # it has a guess
    assert classes.known(codes[1]) == codes[1]  # somebody looks at it
    now[0] = 1000.0  # one of the others has gone, and is not looked for again
    assert len(classes) == 40
    assert len({*codes} & {*classes._classes}) == 39


def test_a_page_has_the_mark_of_its_tab_and_no_address_has_it(engine):
    """Who opened the address of a page that was closed took its guess over."""
    mark, other = new_mark(), new_mark()
    page = Page(
        engine, {"view": "learn", "lesson": "fit-by-hand", "class": "AAAAA", "guess": other}
    )
    for said in ("<b>", mark, other):  # the first that is one: a page is one pupil
        page.frame._obey(f"1 mark {said}")
    assert page.views["learn"]._mark() == mark
    assert not {mark, other} & {*page.values().values()}
    silent = Page(engine)
    assert silent._own_mark() == silent._own_mark()


def test_a_page_sends_all_its_guesses_under_one_mark():
    knobs = {name: start for name, (*_, start) in lesson.KNOBS.items()}
    marks = [new_mark(), new_mark()]
    first = Together(lambda: knobs, "", lambda code: None, lambda: True, mark=lambda: marks[0])
    first.open()
    for mark in (marks[0], marks[1], marks[0]):  # loaded again, and others
        again = Together(
            lambda: knobs, first.code, lambda code: None, lambda: True, mark=lambda m=mark: m
        )
        again.send()
        again.send()
    assert len(first.classes.guesses(first.code)) == 2


def test_a_visitor_s_own_class_that_nobody_looks_at_gives_its_place():
    now = [0.0]
    classes = Classes(LIMITS, clock=lambda: now[0])
    codes = [classes.open("school") for _ in range(4)]
    classes.send(codes[0], "page", [0.5, 0.0])
    now[0] = 50.0
    for code in codes[1:3]:
        classes.guesses(code)  # somebody looks
    now[0] = 70.0
    classes.open("school")  # for the fourth, which is empty
    with pytest.raises(SedflowError, match="an empty one gives its place a minute after"):
        classes.open("school")
    for code in codes[:3]:
        assert classes.known(code) == code
    now[0] = 3000.0
    classes.open("school")
    classes.open("school")
    assert classes.known(codes[0]) == codes[0]  # it has a guess

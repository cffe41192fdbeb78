"""A presentation: what the arrows step through, what is alone, and the address of it."""

import asyncio
import json

import pytest

from sedflow.dashboard.engine import Request
from sedflow.dashboard.pages.learn import LearnView
from sedflow.dashboard.pages.view import laid_out
from sedflow.dashboard.tabs import Page
from sedflow.figures.theme import PageTheme


def said(page):
    return json.loads(page.frame.now)


def test_arrows_step_through_galaxies_lessons_and_pins(engine):
    one = Page(engine, {"galaxy": "2489"})
    one.frame._heard("value", "", "1 present all")
    told = said(one)["says"]
    assert "galaxies" in told[-1][1]
    assert said(one)["present"] == one.values()["present"] == "all"
    one.frame._heard("value", "", "2 onward")
    assert one.explorer.state.galaxy == "2490"
    one.frame._heard("value", "", "3 present corner")
    assert said(one)["says"] == told  # nothing new
    one.frame._heard("value", "", "4 present off")
    assert "present" not in one.values()

    async def lesson():
        page = Page(engine, {"view": "learn", "lesson": "trust", "present": "all"})
        for k, (word, step) in enumerate(
            [("onward", 2), ("onward", 3), ("backward", 2), ("backward", 1), ("backward", 1)]
        ):
            page.frame._heard("value", "", f"{k} {word}")
            assert page.views["learn"].step == step
        await page.views["learn"].ready()

    asyncio.run(lesson())


def test_a_pin_is_shown_alone_and_then_all(engine):
    async def main():
        one = Page(engine, {"view": "compare"})
        view = one.views["compare"]
        for galaxy in ("72", "2490"):
            view.pin(engine.answer(Request(galaxy, n=200)))
        view.look()
        drawn, ends = [], []
        words = ["present all", "onward", "onward", "onward", "onward", "present off"]
        for k, word in enumerate(words):
            one.frame._heard("value", "", f"{k} {word}")
            sources = view._figures["light"].sources
            drawn.append([len(sources[f"line_pin{j}"].data["x"]) > 0 for j in range(2)])
            light, corner = view._figures["light"].figure, view._corner._axes
            ends.append((light.y_range.start, light.y_range.end, corner.limits.tolist()))
        return drawn, ends, len(view._chips)

    drawn, ends, chips = asyncio.run(main())
    assert ends == ends[:1] * len(ends)  # the galaxies change, and not the axes
    both = [True, True]  # also once the presentation ends
    assert drawn == [both, [True, False], [False, True], both, [True, False], both]
    assert chips == 2  # the legend has them all


@pytest.mark.parametrize("text", ["", "pink", "off", "<b>"])
def test_only_parts_that_there_are_can_be_presented(engine, text):
    one = Page(engine, {"present": text})
    assert "present" not in one.values()
    one.frame._heard("value", "", f"1 present {text}")
    assert "present" not in one.values()


def test_type_is_larger_in_a_presentation():
    def size(theme):
        return theme._json["attrs"]["Axis"]["major_label_text_font_size"]

    assert (size(PageTheme()), size(PageTheme(size=17))) == ("11px", "17px")


def test_a_presentation_folds_controls_away(engine):
    page = laid_out(LearnView(engine.nsa, engine.posterior))
    assert page[0].css_classes == ["side", "last"]
    assert ".side { display: var(--sf-rail, flex)" in page.stylesheets[0]

"""A presentation: what the arrows step through, what is alone, and the address of it."""

import asyncio
import json

import pytest
from bokeh.document import Document
from bokeh.plotting import figure
from panel.io.state import set_curdoc

from sedflow.dashboard.design import PageDesign
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
    assert "galaxies" in said(one)["says"][0]
    assert said(one)["present"] == one.values()["present"] == "all"
    one.frame._heard("value", "", "2 onward")
    assert one.explorer.state.galaxy == "2490"
    one.frame._heard("value", "", "3 present corner")
    assert said(one)["says"] == []  # said once
    one.frame._heard("value", "", "4 present off")
    assert "present" not in one.values()

    async def lesson():
        page = Page(engine, {"view": "learn", "lesson": "trust", "present": "all"})
        for k, (word, step) in enumerate(
            [("onward", 2), ("onward", 3), ("backward", 2), ("backward", 1), ("backward", 1)]
        ):
            page.frame._heard("value", "", f"{k} {word}")
            assert page._views["learn"].step == step
        await page._views["learn"].ready()

    asyncio.run(lesson())


def test_a_pin_is_shown_alone_and_then_all(engine):
    async def main():
        one = Page(engine, {"view": "compare"})
        view = one._views["compare"]
        for galaxy in ("72", "2490"):
            view.pin(engine.answer(Request(galaxy, n=200)))
        view.look()
        drawn = []
        for k in range(3):
            one.frame._heard("value", "", f"{k} onward")
            sources = view._figures["light"].sources
            drawn.append([len(sources[f"line_pin{j}"].data["x"]) > 0 for j in range(2)])
        return drawn, len(view._chips)

    drawn, chips = asyncio.run(main())
    assert drawn == [[True, False], [False, True], [True, True]]
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


def test_a_figure_is_dressed_before_the_page_takes_it_up():
    """A busy server sends it before that, and it would stay in Bokeh's own dress."""
    document = Document()
    document.theme = PageTheme()
    plot = figure(title="light")
    with set_curdoc(document):
        PageDesign().apply_bokeh_theme_to_model(plot)
    assert plot.document is None
    assert plot.xaxis[0].axis_label_text_font_style == "normal"
    assert plot.xaxis[0].minor_tick_line_color is None
    assert plot.background_fill_alpha == 0.0

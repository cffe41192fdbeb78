"""Text of visitors and of files is shown as it is: no link, no picture, no HTML, no heading."""

import asyncio
import html
import re
import string
from types import SimpleNamespace
from urllib.parse import urlencode

import panel as pn
import pytest
from conftest import IDLE, watched_page
from hypothesis import given
from hypothesis import strategies as st
from visitors import serving

from sedflow.dashboard.answer import Request
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.panels.files import FileButtons
from sedflow.dashboard.tabs import Page
from sedflow.dashboard.widgets import note, plain, prose
from sedflow.errors import SedflowError

HOSTILE = (
    "[log in](http://evil.example/x)",
    "[x](javascript:window.PWN=1)",
    "[a][b]\n\n[b]: http://evil.example",
    "<http://evil.example>",
    "http://evil.example www.evil.example a@evil.example",
    "![i](http://evil.example/i.png)",
    "<img src=x onerror=window.PWN=1>",
    "</script><svg onload=window.PWN=1>",
    "# big\n\n**b** _i_ `c` ~~s~~\n- l\n1. n\n> q\n\n| a |\n|---|\n| b |",
    "$$\\href{javascript:window.PWN=1}{x}$$",
    "&#91;a&#93;(http://evil.example) &lt;img&gt;",
)
KEYS = (
    *("galaxy", "n", "seed", "weights", "bands", "prior", "unit", "log", "rest", "view", "flux"),
    *("z", "truth", "row", "lesson", "step", "lesson_galaxy", "lesson_seed", "theme", "redshift"),
    *("log_mstar", "tau_ism"),
)
OWN = {"flux": "u:10:1,g:30:1,r:60:2,i:80:2,z:95:3", "z": "0.06"}


def rendered(pane):
    """The HTML that a Markdown pane sends."""
    text = html.unescape(pane._transform_object(pane.object)["object"])
    return re.sub('<a class="header-anchor" href="#[^"]*">¶</a>', "", text)  # of Panel, to itself


def tags(pane):
    return set(re.findall(r"<\s*(\w+)", rendered(pane)))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_foreign_text_is_one_paragraph_of_itself(text):
    found = rendered(prose(plain(text)))
    inside = html.unescape(re.fullmatch(r"(?s)<p>(.*)</p>\s*", found).group(1))
    assert inside.split() == text.split()


@given(st.text(st.sampled_from(string.printable + "\u202e\x00"), max_size=60))
def test_a_foreign_text_never_makes_an_element(text):
    assert tags(prose(f"## {plain('x' + text)}")) == {"h2"}


@pytest.mark.parametrize("make", [prose, note])
@pytest.mark.parametrize("text", HOSTILE[:6])
def test_no_pane_makes_a_link_or_a_picture(make, text):
    pane = make()
    pane.object = text
    assert not tags(pane) & {"a", "img"}
    assert "href" not in rendered(pane)


ALL = " ".join(HOSTILE)


def panes(page):
    """All Markdown of a page."""
    found = [
        *(p for slot in page._slots.values() for p in slot.select(pn.pane.Markdown)),
    ]
    return [pane for pane in found if isinstance(pane.object, str)]


@pytest.mark.parametrize(
    "query",
    [dict.fromkeys(KEYS, ALL), OWN | dict.fromkeys(set(KEYS) - set(OWN), ALL)]
    + [{**OWN, key: ALL} for key in KEYS],
    ids=["all", "all others", *KEYS],
)
def test_an_address_puts_no_link_on_the_page(query, nsa, posterior):
    """For all keys at once, and for each with the photometry of a galaxy of the visitor's own."""
    page = Page(Engine(nsa, posterior), query)
    for pane in panes(page):
        assert not tags(pane) & {"a", "img", "svg", "script"}, pane.object
    page.close()


def test_a_message_and_a_name_are_text_wherever_they_are_shown(nsa, posterior):
    page = Page(Engine(nsa, posterior), {"galaxy": ALL, **OWN})
    name = page.explorer.state.galaxy
    assert name == ALL[:200]
    page.explorer.state.message = ALL
    assert not tags(page.explorer.verdict._status) - {"p"}
    page._pinned(SimpleNamespace(new=_answer(page, name)))
    page.explorer.verdict.draw(_answer(page, name), None)
    assert tags(page.explorer.verdict.heading) == {"h2"}
    for pane in panes(page):
        assert not tags(pane) & {"a", "img", "svg", "script"}, pane.object
    page.close()


def _answer(page, name):
    return page.engine.answer(Request(name, n=200))


def test_the_name_of_a_file_is_text_where_its_making_fails():
    async def make():
        raise SedflowError(ALL)

    buttons = FileButtons([("Draws", "draws.fits", make)])
    assert asyncio.run(buttons.buttons["draws.fits"].callback()) is None
    assert tags(buttons._said) == {"p"}


_LOOK = """() => {
  const found = []
  function walk(node) {
    if (node.shadowRoot) walk(node.shadowRoot)
    for (const child of node.children ?? []) {
      const to = child.getAttribute('href') || child.getAttribute('src') || ''
      const does = child.getAttribute('onerror') || child.getAttribute('onload')
      if (/evil|javascript/.test(to) && to[0] != '#' || does)
        found.push(child.outerHTML.slice(0, 200))
      walk(child)
    }
  }
  walk(document.body)
  return [window.PWN || 0, found]
}"""


@pytest.fixture(scope="module")
def server():
    with serving() as (_, page):
        yield page


@pytest.mark.browser
@pytest.mark.parametrize("own", [pytest.param(False, marks=pytest.mark.heavy), True])
def test_nothing_of_an_address_executes_or_links_in_a_browser(chromium, server, own):
    page, bad = watched_page(chromium)
    few = ("[log in](http://evil.example/x) <http://evil.example>", HOSTILE[5], HOSTILE[6])
    keys = [key for key in KEYS if not own or key not in OWN]
    for k, key in enumerate(("view", "weights", "galaxy") if own else keys):
        # One text a key: a page takes seconds, and the tests above try them all without a browser.
        query = {**(OWN if own else {}), key: few[k % len(few)]}
        page.goto(f"{server}?{urlencode(query)}", timeout=90_000)
        page.wait_for_function(IDLE, timeout=60_000)
        page.wait_for_timeout(300)
        assert page.evaluate(_LOOK) == [0, []], key
    page.context.close()
    assert not bad

"""Any address gives a page, and what visitors write is text on it, never HTML."""

from types import SimpleNamespace

import panel as pn
import pytest
from fuzz import inputs
from hypothesis import given
from hypothesis import strategies as st

import sedflow
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.server.gate import CONNECTIONS, bound_connections
from sedflow.dashboard.server.start import serve
from sedflow.dashboard.server.visitors import VISITORS, Limits, Visitors, visitor_of
from sedflow.dashboard.tabs import Page
from sedflow.dashboard.widgets import note, prose
from sedflow.errors import SedflowError

NAMES = (
    "galaxy",
    "n",
    "seed",
    "weights",
    "bands",
    "prior",
    "unit",
    "log",
    "rest",
    "flux",
    "z",
    "truth",
    "made",
    "view",
    "lesson",
    "step",
    "lesson_galaxy",
    "lesson_seed",
    "knobs",
    "guess",
    "pinned",
    "row",
    "theme",
    "preset",
    "sample",
    "part",
    "cuts",
    "up",
    "pick",
    "tau_ism",
    "redshift",
    "beta1",
    "model_unit",
    "ages",
    "long",
    "bokeh",
    "",
)
ODD = (
    "²",
    "9" * 5000,
    "nan",
    "-inf",
    "1e999",
    "\x00",
    "<img src=x onerror=alert(1)>",
    "u:1:0.1",
    "learn",
    "forward",
    "by_hand",
    "72",
    "-1",
    "0",
    ",",
    ":",
    "u:²:1",
    "dark",
    "population",
    "mass:9:10,redshift::0.02",
    "virgo",
    "run",
    "colour",
)
VALUES = st.text(max_size=60) | st.sampled_from(ODD) | st.integers().map(str)


@pytest.fixture(scope="module")
def shared():
    return sedflow.load_nsa(), sedflow.load_posterior()


@inputs(8)
@given(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), VALUES, max_size=8))
def test_any_address_gives_a_page(shared, query):
    page = Page(Engine(*shared), query)
    page.template()
    assert all(isinstance(value, str) for value in page.values().values())
    page.close()


@pytest.mark.parametrize(
    "query",
    [
        {"galaxy": "²"},
        {"view": "learn", "lesson": "by_hand", "step": "9" * 5000},
        {"view": "learn", "lesson": "by_hand", "lesson_seed": "٣"},
        {"flux": "u:²:1"},
        {"n": "9" * 5000},
        {"flux": "u:1:1", "z": "1", "truth": "nan"},
    ],
)
def test_numbers_that_are_none_give_a_page(shared, query):
    Page(Engine(*shared), query).template()


BAD = '<img src=x onerror="alert(1)"> <script>alert(1)</script> ![a](http://127.0.0.1/a.png)'


@pytest.mark.parametrize("pane", [prose("x"), note()])
def test_html_in_markdown_is_shown_and_not_obeyed(pane):
    import html

    pane.object = f"**{BAD}**"
    sent = html.unescape(pane._transform_object(pane.object)["object"])
    assert "<strong>" in sent or "**" in sent
    assert "<img" not in sent
    assert "<script" not in sent


def test_every_markdown_pane_is_made_by_prose():
    """No view makes one of its own, which would obey HTML."""
    from pathlib import Path

    import sedflow.dashboard

    for path in Path(sedflow.dashboard.__file__).parent.rglob("*.py"):
        text = path.read_text()
        if path.name != "widgets.py":
            assert "pane.Markdown(" not in text, path
            assert "pane.Alert(" not in text, path


@pytest.mark.parametrize("name", ["n", "prior", "weights", "view", "row", "galaxy"])
def test_a_notice_holds_the_text_of_the_address_as_text(shared, name):
    page = Page(Engine(*shared), {name: BAD, "flux": "u:1:0.1,g:2:0.1,r:3:0.1", "z": "0.1"})
    explorer = page.explorer  # cards of the deck are in the page only while they are shown
    panes = [
        pane
        for part in (explorer.views, *explorer.block._cards.values())
        for pane in pn.panel(part).select(pn.pane.Markdown)
    ]
    assert len(panes) > 5
    for pane in panes:
        sent = str(pane._transform_object(pane.object or "").get("object"))
        for bad in ("<img", "<script", "&lt;img", "&lt;script"):
            assert bad not in sent
    assert "<" not in page.template()._render_variables["sf_first"]


def test_visitors_are_addresses_and_ipv6_networks():
    class Request:
        def __init__(self, ip):
            self.remote_ip = ip

    assert visitor_of(Request("10.0.0.1")) == visitor_of(Request("::ffff:10.0.0.1")) == "10.0.0.1"
    assert visitor_of(Request("2001:db8::1")) == visitor_of(Request("2001:db8::ffff"))
    assert visitor_of(Request("2001:db8::1")) != visitor_of(Request("2001:db8:1::1"))
    assert visitor_of(Request("odd")) == "odd"
    assert visitor_of(None) == ""


def test_sessions_are_bounded_by_visitor_and_in_all():
    visitors = Visitors(Limits(visitor_sessions=2, sessions=3))
    visitors.enter("a", "1")
    visitors.enter("a", "2")
    with pytest.raises(SedflowError, match="limit is 2") as error:
        visitors.check("a")
    assert error.value.status == 429
    visitors.check("b")
    visitors.enter("b", "3")
    with pytest.raises(SedflowError, match="limit is 3") as error:
        visitors.check("c")
    assert error.value.status == 503
    visitors.leave("3")
    visitors.check("c")


def test_connections_of_one_ipv6_network_are_those_of_one_visitor():
    """Each of its 2^64 addresses could have as many as an address may."""
    taken = []
    server = SimpleNamespace(_connections=[], handle_stream=lambda s, a: taken.append(a))
    bound_connections(server)
    most = CONNECTIONS * VISITORS.limits.visitor_sessions
    for k in range(most):
        address = (f"2001:db8::{k:x}", 1, 0, 0)
        connection = SimpleNamespace(context=SimpleNamespace(address=address))
        server._connections.append(connection)
    stream = SimpleNamespace(close=lambda: taken.append("closed"))
    for address in ("2001:db8::ffff:1", "2001:db8:0:1::1", "::ffff:10.0.0.1"):
        server.handle_stream(stream, (address, 1, 0, 0))
    assert taken == ["closed", ("2001:db8:0:1::1", 1, 0, 0), ("::ffff:10.0.0.1", 1, 0, 0)]


@pytest.mark.parametrize("key", ["", " ", "secret", "a" * 64])
def test_a_key_that_can_be_guessed_signs_no_sessions(key, monkeypatch):
    monkeypatch.setenv("BOKEH_SECRET_KEY", key)
    with pytest.raises(SedflowError, match=r"BOKEH_SECRET_KEY .* can be guessed; make one of 32"):
        serve(port=5006)


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("SEDFLOW_SESSIONS", "7")
    assert Limits.from_environment() == Limits(sessions=7)
    for text in ("²", "-3", "many", "0", "9" * 5000):
        monkeypatch.setenv("SEDFLOW_SESSIONS", text)
        with pytest.raises(SedflowError, match="SEDFLOW_SESSIONS"):
            Limits.from_environment()


@pytest.mark.parametrize("name", ["/etc/passwd", "../nsa-ugriz-fsps", "nsa-ugriz-fsps.safetensors"])
def test_a_visitor_can_name_no_file_as_a_network(shared, name):
    with pytest.raises(SedflowError, match="no network"):
        Engine(shared[0]).posterior(name)


@pytest.mark.slow
def test_a_large_request_is_answered_aside_as_it_is_here(shared):
    import asyncio

    import numpy as np

    from sedflow.dashboard.engine import Request

    request = Request("72", n=7000)
    aside = asyncio.run(Engine(*shared, aside=True).ask(request))
    here = Engine(*shared).answer(request)
    assert aside.fit.model is here.fit.model
    np.testing.assert_array_equal(aside.fit.draws.theta, here.fit.draws.theta)
    np.testing.assert_array_equal(aside.quantiles, here.quantiles)


def test_every_table_has_titles_of_text():
    """`TextTable` of widgets.py is the only one that pages use."""
    from pathlib import Path

    import sedflow.dashboard

    for path in Path(sedflow.dashboard.__file__).parent.rglob("*.py"):
        if path.name != "widgets.py":
            assert "Tabulator(" not in path.read_text(), path


@pytest.mark.browser
def test_titles_cells_and_options_are_text(open_view):
    """A file may name its columns and its galaxies as it likes."""
    import pandas as pd

    from sedflow.dashboard.pages.view import PageView
    from sedflow.dashboard.widgets import TextTable

    bad = "<img src=x onerror=\"window.obeyed='{}'\">"

    class View(PageView):
        def __init__(self):
            super().__init__()
            name = bad.format("option")
            table = TextTable(
                pd.DataFrame({bad.format("title"): [bad.format("cell")]}),
                disabled=True,
                show_index=False,
            )
            self.controls = pn.widgets.Select(label="column", options=[name], value=name)
            self.views = pn.Column(table)

    page = open_view(View)
    page.locator(".tabulator-cell", has_text="<img").wait_for(timeout=20_000)
    page.locator(".tabulator-col-title", has_text="<img").wait_for(timeout=20_000)
    page.wait_for_timeout(500)
    assert page.evaluate("window.obeyed") is None

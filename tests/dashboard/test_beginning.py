"""The beginning of a page comes before its session is made, and is the same for all."""

import re
import socket
from types import SimpleNamespace
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import pytest
from bokeh.server.views.doc_handler import DocHandler
from panel.config import config
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from visitors import serving

from sedflow.dashboard.server import beginning
from sedflow.dashboard.server.beginning import _END, begin_page, has_begun, reload_page

RELOADS = "location.reload()"


class Server:
    """What a handler belongs to."""


SERVER = Server()


class Handler:
    """A request, and what was sent of its page."""

    def __init__(self, uri="/", version="HTTP/1.1", server=SERVER):
        self.application = server
        start = RequestStartLine("GET", uri, version)
        self.request = HTTPServerRequest(start_line=start, headers=HTTPHeaders(Host="here"))
        self.is_closed = False
        stream = SimpleNamespace(closed=lambda: self.is_closed)
        self.request.connection = SimpleNamespace(stream=stream)
        self.sent, self.headers, self.finished = [], {}, False

    def set_header(self, name, value):
        self.headers[name] = value

    def write(self, chunk):
        self.sent.append(chunk)

    def flush(self):
        self.sent.append("flush")

    def finish(self, chunk):
        self.sent.append(chunk)
        self.finished = True


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setattr(beginning, "_KNOWN", WeakKeyDictionary())
    return beginning._KNOWN.setdefault(SERVER, {})


@pytest.fixture(autouse=True)
def later(monkeypatch):
    """(seconds, callback, arguments) of what is put off."""
    waits = []
    loop = SimpleNamespace(call_later=lambda *what: waits.append(what))
    monkeypatch.setattr(beginning, "asyncio", SimpleNamespace(get_running_loop=lambda: loop))
    return waits


def begun(html="<html>one", uri="/"):
    """A request whose page has begun."""
    beginning._rest(Handler(uri), html + _END + "first session")
    handler = Handler(uri)
    begin_page(handler)
    assert has_begun(handler)
    return handler


def test_a_beginning_that_nobody_has_seen_is_not_sent():
    handler = Handler()
    begin_page(handler)
    assert not has_begun(handler)
    assert beginning._rest(handler, f"<html>one{_END}two") == f"<html>one{_END}two"


def test_a_server_does_not_begin_with_the_page_of_another():
    begun()
    handler = Handler(server=Server())
    begin_page(handler)
    assert not has_begun(handler)


def test_the_rest_follows_the_beginning():
    handler = begun()
    assert handler.sent == [b"<html>one", "flush"]
    assert handler.headers["Cache-Control"] == "no-store"
    begin_page(handler)
    assert len(handler.sent) == 2  # once
    assert beginning._rest(handler, f"<html>one{_END}mine") == f"{_END}mine"


def test_a_page_hears_that_it_waits_until_it_is_there_or_its_connection_is_not(later):
    for ends in (
        lambda handler: beginning._rest(handler, f"<html>one{_END}mine"),
        reload_page,
        lambda handler: setattr(handler, "is_closed", True),
    ):
        handler = begun()
        for _ in range(3):
            seconds, callback, of = later.pop()
            assert seconds < 60  # after which proxies end what is silent
            callback(of)
        assert handler.sent[2:] == [beginning._WAITS, "flush"] * 3
        ends(handler)
        sent = list(handler.sent)
        seconds, callback, of = later.pop()
        callback(of)
        assert (handler.sent, later) == (sent, [])


def test_an_answer_whose_end_only_a_length_tells_is_not_begun():
    begun()
    handler = Handler(version="HTTP/1.0")
    begin_page(handler)
    assert not has_begun(handler)


@pytest.mark.parametrize("html", [f"<html>else{_END}mine", "<html>a sentence"])
def test_a_page_that_goes_on_in_another_way_is_asked_for_again(known, html):
    handler = begun()
    assert RELOADS in beginning._rest(handler, html)
    assert not known
    handler = begun()
    reload_page(handler)
    assert handler.finished
    assert RELOADS in handler.sent[-1].decode()
    again = Handler()
    begin_page(again)
    assert beginning._rest(again, html) == html


def test_a_beginning_is_that_of_the_view_and_of_the_theme(known):
    uris = ("/", "/?view=learn", "/?view=learn&theme=dark", "/?theme=light", "/app?view=run")
    for uri in uris:
        begun(uri, uri)
    for uri, like in {
        "/?galaxy=2490": "/",
        "/?view=no-such&theme=pink": "/",
        "/?view=explore&view=learn&theme=pink": "/?view=learn",
        "/?view=%FF": "/",
    }.items():
        handler = Handler(uri)
        begin_page(handler)
        assert handler.sent[0] == like.encode()
    assert len(known) == len(uris)


def test_who_may_yet_be_refused_gets_no_beginning(monkeypatch):
    begun()
    for uri in ("/?bokeh-session-id=mine", "/?bokeh-token=mine"):
        handler = Handler(uri)
        begin_page(handler)
        assert not has_begun(handler)
    monkeypatch.setattr(config, "authorize_callback", lambda user: False)
    handler = Handler()
    begin_page(handler)
    assert not has_begun(handler)


def test_a_page_that_fails_is_asked_for_again():
    beginning.patch()
    beginning.patch()  # which does nothing
    handler = begun()
    handler._finished = False
    DocHandler.send_error(handler, 500)
    assert RELOADS in handler.sent[-1].decode()


def chunks(answer):
    """The parts in which the body of an answer was sent."""
    headers = {}
    while line := answer.readline().decode().strip():
        name, _, value = line.partition(": ")
        headers[name] = value
    if "Content-Length" in headers:
        return [answer.read(int(headers["Content-Length"])).decode()]
    found = []
    while size := int(answer.readline(), 16):
        found.append(answer.read(size).decode())
        answer.readline()
    return found


@pytest.mark.slow
def test_a_browser_has_the_beginning_before_the_session_is_made():
    with serving() as (_, page):
        place = urlsplit(page)

        def parts(query):
            with socket.create_connection((place.hostname, place.port), timeout=60) as sock:
                sock.sendall(f"GET /{query} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
                return chunks(sock.makefile("rb"))

        [whole] = parts("?galaxy=2490&theme=dark")
        first, other = parts("?theme=dark&present=all&whatif=u:out&says=<b>")
        assert first == whole.partition(_END)[0]
        assert other.startswith(_END)
        assert "Building Explore" in first
        assert "bokeh.min.js" in first
        assert "token" not in first
        assert "token" in other
        assert RELOADS not in other


@pytest.mark.browser
def test_a_page_whose_rest_does_not_come_is_asked_for_again(chromium):
    with serving() as (_, page):
        tab, asked = chromium.new_page(), []

        def answer(route):
            asked.append(route.request.url)
            if len(asked) > 1:
                route.continue_()
                return
            response = route.fetch()
            route.fulfill(response=response, body=response.text().partition(_END)[0])

        tab.route(page, answer)
        tab.goto(page, wait_until="commit")
        tab.get_by_text("Half of the mass had formed").wait_for(timeout=60_000)
        assert len(asked) == 2
        tab.close()


@pytest.mark.browser
def test_a_page_whose_scripts_come_slowly_is_not_asked_for_again(chromium):
    with serving() as (_, page):
        tab, asked, held = chromium.new_page(), [], []
        tab.on("request", lambda request: asked.append(request.url))
        tab.clock.install()
        tab.route(re.compile("bokeh.min.js"), lambda route: held.append(route))
        tab.goto(page, wait_until="commit")
        tab.wait_for_function("'sedflowWaits' in window")
        tab.clock.run_for(120_000)
        assert (len(held), asked.count(page)) == (1, 1)
        held[0].continue_()
        tab.get_by_text("Half of the mass had formed").wait_for(timeout=60_000)
        assert asked.count(page) == 1
        tab.close()


@pytest.mark.browser
def test_a_page_without_a_websocket_says_so(chromium):
    with serving() as (_, page):
        tab = chromium.new_page()
        tab.clock.install()
        tab.route_web_socket(re.compile("/ws"), lambda socket: socket.close())
        tab.goto(page)
        tab.clock.run_for(50_000)
        said = tab.evaluate("document.querySelector('#sf-building p').innerText")
        assert said.startswith("This page has no connection to its server")
        tab.close()

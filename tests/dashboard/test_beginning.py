"""The beginning of a page comes before its session is made, and is the same for all."""

import socket
from urllib.parse import urlsplit

import pytest
from bokeh.server.views.doc_handler import DocHandler
from panel.config import config
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from visitors import serving

from sedflow.dashboard.server import beginning
from sedflow.dashboard.server.beginning import _END, begin_page, has_begun, reload_page

RELOADS = "location.reload()"


class Handler:
    """A request, and what was sent of its page."""

    def __init__(self, uri="/"):
        start = RequestStartLine("GET", uri, "HTTP/1.1")
        self.request = HTTPServerRequest(start_line=start, headers=HTTPHeaders(Host="here"))
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
    monkeypatch.setattr(beginning, "_KNOWN", {})
    return beginning._KNOWN


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


def test_the_rest_follows_the_beginning():
    handler = begun()
    assert handler.sent == [b"<html>one", "flush"]
    assert handler.headers["Cache-Control"] == "no-store"
    begin_page(handler)
    assert len(handler.sent) == 2  # once
    assert beginning._rest(handler, f"<html>one{_END}mine") == f"{_END}mine"


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
    for uri in ("/", "/?view=learn", "/?view=learn&theme=dark", "/app?view=run"):
        begun(uri, uri)
    for uri, like in {
        "/?galaxy=2490": "/",
        "/?view=no-such&theme=pink": "/",
        "/?view=explore&view=learn&theme=light": "/?view=learn",
        "/?view=%FF": "/",
    }.items():
        handler = Handler(uri)
        begin_page(handler)
        assert handler.sent[0] == like.encode()
    assert len(known) == 4


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

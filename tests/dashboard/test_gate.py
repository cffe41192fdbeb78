"""The server from outside: what a visitor can reach, which sessions it takes, how it ends."""

import asyncio
import base64
import contextlib
import errno
import http.client
import json
import random
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from bokeh.util.token import generate_jwt_token, generate_session_id
from click.testing import CliRunner
from conftest import IDLE, MODELS, watched_page
from tornado.httpclient import HTTPClientError
from tornado.netutil import is_valid_ip
from tornado.websocket import WebSocketClosedError, websocket_connect
from visitors import Visitor, free_port, serving

from sedflow.cli import main
from sedflow.dashboard.server.gate import CONNECTIONS, MAX_QUERY, ROUTES, _without_port
from sedflow.dashboard.server.refusals import HEADERS
from sedflow.dashboard.server.start import _names, serve
from sedflow.errors import SedflowError

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SAID = {"name": "frame_say"}  # what the bar of a page says to its server
KEY = b"a secret of this test alone, long enough"
READY = "Half of the mass had formed"  # the first galaxy is drawn


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("server") / "log.txt"


@pytest.fixture(scope="module")
def server(log):
    """`sedflow serve` in a process of its own, with few sessions an address, and a known key."""
    options, known = ("--visitor-sessions", "3"), {"BOKEH_SECRET_KEY": KEY.decode()}
    with (
        open(log, "w") as file,
        serving(*options, environment=known, log=file) as (process, page),
    ):
        yield page
    assert process.returncode in (0, -signal.SIGTERM)


def ask(page, path, method="GET", headers=(), source="127.0.0.1"):
    """(status, headers, body) of a raw request; the path is sent as it stands."""
    place = urlsplit(page)
    connection = http.client.HTTPConnection(
        place.hostname, place.port, timeout=120, source_address=(source, 0)
    )
    try:
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", place.netloc)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


def no_secrets(body):
    for word in ("Traceback", "site-packages", 'File "', "sedflow/dashboard"):
        assert word not in body


# What a visitor can reach


NOTHING = (
    "/metadata",
    "/autoload.js?bokeh-autoload-element=x",
    "/components/this/s/css/x.css",
    "/components/antigravity/a/_css/a.css",
    "/components/panel.template/BootstrapTemplate/_css/x",
    "/app",
    "/app.py",
    "/index",
    "/admin",
    "/admin/ws",
    "/login",
    "/logout",
    "/liveness",
    "/rest",
    "/rest/session_info",
    "/panel_dist/panel.min.js",
    "/static",
    "/static/",
    "/static/js",
    "/static/js/",
    "/static/extensions/",
    "/static/extensions/panel/",
    "/static/no.js",
    "/static/../../setup.py",
    "/static/../../../etc/passwd",
    "/static/..%2f..%2f..%2fetc/passwd.js",
    "/static/%2e%2e/%2e%2e/server.js",
    "/static/js/..%5c..%5cx.js",
    "/static//etc/passwd.js",
    "/static/%2fetc%2fpasswd.css",
    "/static/extensions/panel/../../../../etc/passwd.css",
    "/static/extensions/panel/%2e%2e/%2e%2e/io/server.js",
    "/static/extensions/../x.js",
    "/static/extensions/nobody/x.js",
    "/static/js/bokeh.min.js%00.css",
    "/.git/config",
    "/.env",
    "//",
    "/ws/",
    "/ws/ws",
    "/%2e%2e/",
    "/favicon.icox",
    "/?/../etc",
    "/snakeviz/static/x.js",
    "/sedflow/data/SHA256SUMS",
    "/oauth",
    "*",
    "http://127.0.0.1/etc",
    "/static/js/bokeh.json",
)


@pytest.mark.parametrize("path", NOTHING)
def test_all_else_is_not_found(server, path):
    status, _, body = ask(server, path)
    if path.startswith("/?"):  # a query of the page
        assert status in (200, 429)
        return
    assert status in (400, 403, 404)
    no_secrets(body)
    assert "Index of" not in body


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "X"]
)
@pytest.mark.parametrize("path", ["/", "/ws", "/favicon.ico", "/static/js/bokeh.min.js", "/no"])
def test_other_methods_are_refused(server, path, method):
    allowed = next((m for p, (m, _) in ROUTES.items() if re.fullmatch(p, path)), ())
    status, _, body = ask(server, path, method, [("Content-Length", "0")])
    assert status in ((200,) if method in allowed else (405,) if allowed else (404, 405))
    no_secrets(body)


def test_every_route_of_the_application_is_listed_or_closed(server):
    """Those of Bokeh and Panel as they are installed: a new one is closed until it is listed."""
    import panel as pn

    app = pn.io.server.get_server({"/": lambda: None}, port=0, address="127.0.0.1", start=False)
    try:
        patterns = [rule.matcher.regex.pattern for rule in app._tornado.wildcard_router.rules]
    finally:
        app.stop()
    closed = {"/metadata$", "/autoload.js$", "/components/(.*)$"}
    listed = {
        "/favicon.ico$",
        "/ws$",
        "/?$",
        "/static/(?!extensions/)(.*)$",
        "/static/extensions/(.*)$",
        "/static/(.*)$",
    }
    assert set(patterns) == closed | listed


def test_every_answer_has_the_headers_and_what_the_page_needs_is_there(server):
    visitor = Visitor(server, "127.0.3.1")
    asyncio.run(visitor.fetch())
    needed = set(re.findall(r'(?:src|href)="([^"?#][^"]*)"', visitor.html))  # not links to pages
    assert len(needed) > 8
    for path in ["./", "/nothing", *needed]:
        status, headers, _ = ask(server, "/" + path.lstrip("./"), source="127.0.3.1")
        assert status == (404 if path == "/nothing" else 200), path
        for name, value in HEADERS.items():
            assert headers[name] == value, path


def test_a_body_is_not_read(server):
    place = urlsplit(server)
    with socket.create_connection((place.hostname, place.port), timeout=30) as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n\r\n")
        assert b" 200 " not in s.recv(4096)


# Any address


def test_any_query_gives_a_page(server):
    """Odd encodings, bytes that are no UTF-8, repeated names, queries up to what Tornado takes."""
    seed = random.Random(16)
    names = ["galaxy", "n", "seed", "view", "lesson", "step", "row", "flux", "z", "bands", "theme"]
    odd = [
        "%C2%B2",
        "%",
        "%zz",
        "%ff%fe",
        "%00",
        "9" * 5000,
        "nan",
        "+",
        "%F0%9F%92%A9",
        "72",
        "%3Cimg%20src=x%3E",
        "learn",
        "forward",
        "data",
        "u:1:0.1",
        "-1",
    ]
    queries = [
        "?galaxy=%C2%B2",
        "?view=learn&lesson=by_hand&step=" + "9" * 5000,
        "?&&&===",
        "?a=b?c??",
        "?" + "a=1&" * 900,
        "?galaxy=" + "x" * (MAX_QUERY + 1),
        "?n=" + "9" * 50_000,
        "?galaxy=72&galaxy=%C2%B2",
    ]
    for _ in range(2):  # a page takes a second or two; test_pages.py tries more without a server
        pairs = [f"{seed.choice(names)}={seed.choice(odd)}" for _ in range(seed.randint(0, 5))]
        raw = "".join(chr(seed.randint(33, 126)) for _ in range(seed.randint(0, 30)))
        queries.append("?" + "&".join([*pairs, raw.replace("#", "")]))
    queries = [q for q in queries if "bokeh-" not in q]
    for k, query in enumerate(queries):
        # Each address has its own few sessions, which go half a minute after they came.
        status, _, body = ask(server, "/" + query, source=f"127.0.{10 + k // 200}.{1 + k % 200}")
        while status == 503:  # all sessions are taken: wait until some have gone
            time.sleep(5)
            status, _, body = ask(
                server, "/" + query, source=f"127.0.{10 + k // 200}.{1 + k % 200}"
            )
        assert status == 200, query[:200]
        assert "token" in body


# Sessions


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/?bokeh-session-id=mine", ()),
        ("/", [("Bokeh-Session-Id", "mine")]),
        ("/?bokeh-token=bWluZQ", ()),
        ("/?bokeh-session-id=" + "x" * 44 + ".abc", ()),
    ],
)
def test_a_session_that_the_visitor_chooses_is_refused(server, path, headers):
    status, _, body = ask(server, path, headers=headers, source="127.0.3.2")
    assert status == 403
    assert "the server chooses the session" in body.lower()


def _token(session, extra=None):
    content = {"session_id": session, "session_expiry": int(time.time()) + 300, **(extra or {})}
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [_token("mine"), _token("mine") + ".c2ln", "x", "{}", "", "..", "é"],
    ids=["unsigned", "with a signature", "x", "braces", "empty", "dots", "letter"],
)
def test_a_token_that_the_visitor_made_opens_no_socket(server, token):
    async def attempt():
        visitor = Visitor(server, "127.0.3.3")
        with pytest.raises((HTTPClientError, ConnectionError, ValueError)):
            await visitor.connect(quote(token) if token else "%20")

    asyncio.run(attempt())


def test_a_token_of_the_server_with_another_session_in_it_opens_no_socket(server):
    async def attempt():
        visitor = Visitor(server, "127.0.3.4")
        await visitor.fetch()
        content, _, signature = visitor.token.partition(".")
        changed = json.loads(base64.urlsafe_b64decode(content + "=="[: -len(content) % 4]))
        changed["session_id"] = "mine"
        forged = base64.urlsafe_b64encode(json.dumps(changed).encode()).decode().rstrip("=")
        with pytest.raises(HTTPClientError, match="403"):
            await visitor.connect(f"{forged}.{signature}")
        await visitor.connect()  # the true one does
        visitor.close()

    asyncio.run(attempt())


async def opens_a_socket(page, headers):
    """Try to open one with the token of a page and headers of one's own."""
    visitor = Visitor(page, "127.0.3.5")
    await visitor.fetch()
    where = page.replace("http", "ws", 1).rstrip("/") + "/ws"
    request = visitor._request(where, headers=headers)
    socket = await websocket_connect(request, subprotocols=["bokeh", visitor.token])
    socket.close()


ELSEWHERE = {"Origin": "http://evil.example"}
# A page whose name was turned to this machine's address after it had been loaded.
TURNED = {"Origin": "http://evil.example:5006", "Host": "evil.example:5006"}


@pytest.mark.parametrize("headers", [ELSEWHERE, TURNED])
def test_another_site_opens_no_socket(server, headers):
    with pytest.raises(HTTPClientError, match=r"403|421"):
        asyncio.run(opens_a_socket(server, headers))


def test_behind_a_proxy_another_site_opens_no_socket():
    with serving("--behind-proxy") as (_, page):
        for headers in (ELSEWHERE, TURNED):
            with pytest.raises(HTTPClientError, match="403"):
                asyncio.run(opens_a_socket(page, headers))


def test_a_name_that_is_not_the_servers_is_told_how_to_be(server):
    place = urlsplit(server)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    connection.request("GET", "/", headers={"Host": "evil.example:5006"})
    answer = connection.getresponse()
    assert answer.status == 421
    body = answer.read().decode()
    connection.close()
    assert place.netloc in body
    assert "--allow-origin HOST:PORT" in body
    assert "token" not in body


def test_origins_are_names_with_ports():
    everywhere = {"localhost:5006", "127.0.0.1:5006", "[::1]:5006"}
    assert _names(["[::1]:5006"]) == _names(["LocalHost:5006"]) == everywhere
    assert _names(["0.0.0.0:5006"]) == everywhere | {"0.0.0.0:5006"}
    assert _names(["SED.example.org", "*"]) == {"sed.example.org:80", "*"}
    # A browser that is at https://sed.example.org names no port.
    assert "sed.example.org:80" in _names(["sed.example.org:443"])
    assert _names(["[2001:DB8:0::1]:5006"]) == {"[2001:db8::1]:5006"}
    for wrong in ("http://sed.example.org", "a:b", "a:1:2", "me@a:80", "a/b", ""):
        with pytest.raises(SedflowError, match="is not HOST:PORT; give what the"):
            _names([wrong])


def test_panel_serve_with_signed_sessions_refuses_a_chosen_one():
    """The recipe of docs/dashboard.md for `panel serve`."""
    environment = {"BOKEH_SECRET_KEY": "a secret of this test alone, long enough"}
    with serving("--session-ids", "signed", environment=environment, command="panel") as (_, page):
        path = urlsplit(page).path
        assert ask(page, f"{path}?bokeh-session-id=mine")[0] == 403
        assert ask(page, path)[0] == 200
        for headers in (ELSEWHERE, TURNED):
            with pytest.raises(HTTPClientError, match="403"):
                asyncio.run(opens_a_socket(page, headers))


def loaded(pulled):
    """Addresses from which a document takes files: of styles, scripts, pictures and fonts."""
    return set(re.findall(r'"(?:url|src|href)":\s*"([^"]+)"', pulled)) | set(
        re.findall(r"https?://cdn[^\"\\\s]*", pulled)
    )


def test_a_page_whose_session_went_takes_its_files_from_this_server_too(server):
    """One that came back late, on a slow link, took ten files from a server on the net."""

    def token_of(view):
        session = generate_session_id(secret_key=KEY, signed=True)
        about = {"arguments": {"view": [view.encode()]}, "headers": {}, "cookies": {}}
        return generate_jwt_token(
            session, secret_key=KEY, signed=True, expiration=300, extra_payload=about
        )

    async def visit(page):
        for view in ("explore", "compare", "data"):
            one = Visitor(page, "127.0.3.30")
            one.token = token_of(view)
            await one.connect()
            await one.pull()
            files = loaded(one.pulled)
            assert len(files) > 5, view
            assert not [f for f in files if not f.startswith("static/")], view
            one.close()

    asyncio.run(visit(server))


# Limits


def test_a_visitor_has_so_many_pages_and_reads_why_not_more(server):
    source = "127.0.3.6"
    with ThreadPoolExecutor(5) as pool:  # at once: a page that nobody opens goes soon
        answers = list(pool.map(lambda _: ask(server, "/", source=source), range(5)))
    answers.sort(key=lambda answer: answer[0])
    assert [status for status, _, _ in answers] == [200] * 3 + [429] * 2
    assert re.search("3 pages (are open from|of) your address", answers[-1][2])  # open, or in turn
    assert answers[-1][1]["Retry-After"] == "30"
    # Without a proxy, nobody is somebody else by saying so.
    assert ask(server, "/", headers=[("X-Forwarded-For", "10.1.1.1")], source=source)[0] == 429
    assert ask(server, "/", source="127.0.3.7")[0] == 200  # another visitor's


def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_saw():
    with serving("--behind-proxy", "--visitor-sessions", "1") as (_, page):

        def status(seen):
            return ask(page, "/", headers=[("X-Forwarded-For", seen)])[0]

        assert status("10.0.0.1") == 200
        assert status("10.0.0.9, 10.0.0.1") == 429  # what the visitor wrote counts for nothing
        assert status("10.0.0.2") == 200
        for name in ("X-Real-Ip", "Forwarded", "X-Client-Ip", "True-Client-Ip", "CF-Connecting-Ip"):
            for value in ("10.0.0.77", "for=10.0.0.77"):
                headers = [(name, value), ("X-Forwarded-For", "10.0.0.1")]
                assert ask(page, "/", headers=headers)[0] == 429, name
        twice = [("X-Forwarded-For", "10.0.0.77"), ("X-Forwarded-For", "10.0.0.1")]
        assert ask(page, "/", headers=twice)[0] == 429
        # In two requests: of the scheme, a server looks at one header where it finds another.
        pairs = (("X-Scheme", "X-Forwarded-Host"), ("X-Forwarded-Proto", "X-Forwarded-Prefix"))
        for k, names in enumerate(pairs):
            headers = [(name, "https://evil.example") for name in names]
            headers.append(("X-Forwarded-For", f"10.0.1.{k + 1}"))
            code, _, body = ask(page, "/", headers=headers)
            assert code == 200
            assert "evil.example" not in body


def test_hand_made_messages_stay_within_the_limits(server):
    """Values that no widget sends: the server refuses them, and the session lives on."""

    async def attack():
        v = await Visitor.open(server, "127.0.3.8")
        await v.shows(READY)
        await v.turn_to("Network")
        draws, seed = v.model(title="draws"), v.model(title="seed")
        for model, value in (
            (draws, 10**9),
            (draws, -1),
            (draws, "many"),
            (draws, [1, 2]),
            (draws, None),
            (seed, 10**30),
            (seed, {"type": "map"}),
            (v.model(title="network"), "/etc/passwd"),
            (v.model(title="network"), "../../x"),
            (v.model(title="prior of the history"), "none"),
            (v.model(**SAID), {"a": 1}),
            (v.model(**SAID), "9" * 5000),
        ):
            await v.set(model, "value", value)
        await v.set(draws, "high", 10**9)
        await v.set(draws, "value", 10**9)
        await v.send("PATCH-DOC", {"events": [{"kind": "ModelChanged"}]})
        for _ in range(3):
            await v.say("find ²")
        await v.set(draws, "value", 200)
        await v.say("find 2490")
        text = await v.until("NSAID 2490,", 120)
        assert "1000000000" not in text
        v.close()

    asyncio.run(attack())


def test_a_page_cannot_put_another_document_in_the_place_of_its_own(server):
    async def attack():
        v = await Visitor.open(server, "127.0.3.9")
        await v.send("PUSH-DOC", {"doc": {"roots": [], "title": "x", "version": "3.9.2"}})
        while (message := await v.next()) is not None:
            assert "Traceback" not in message[2]
        root = {"type": "object", "name": "Div", "id": "x1", "attributes": {"text": "hi"}}
        for k, events in enumerate((3, [{"kind": "RootAdded", "model": root}])):
            v = await Visitor.open(server, f"127.0.3.{60 + k}")  # refusals count for an address
            for _ in range(20):
                await v.send("PATCH-DOC", {"events": events})
            while (message := await v.next()) is not None:
                assert message[0] in ("ERROR", "PATCH-DOC", "OK")
            assert v.socket.close_code == 1008

    asyncio.run(asyncio.wait_for(attack(), 120))


def test_a_message_that_is_too_long_ends_the_socket(server):
    async def attack():
        v = await Visitor.open(server, "127.0.3.10")
        with contextlib.suppress(WebSocketClosedError):
            await v.set(v.model(**SAID), "value", "x" * (17 * 2**20))
        while await v.next() is not None:
            pass

    asyncio.run(asyncio.wait_for(attack(), 120))


def test_errors_on_the_socket_tell_nothing_of_the_server(server):
    async def attack():
        v = await Visitor.open(server, "127.0.3.11")
        await v.set("no such model", "value", 1)
        while True:
            message = await v.next()
            if message[0] == "ERROR":
                assert message[1]["traceback"] is None
                no_secrets(message[2])
                return

    asyncio.run(asyncio.wait_for(attack(), 60))


async def answers(v, seconds=1.0):
    """Kinds of the messages that come until none does for a while; None once it is closed."""
    out = []
    with contextlib.suppress(TimeoutError):
        while True:
            message = await asyncio.wait_for(v.next(), seconds)
            out.append(None if message is None else message[0])
            if message is None:
                break
    return out


async def heard(v):
    """Kinds of the messages up to the answer to a question; None if the socket was closed.

    A page's messages are heard in order: then all that came before the question has been heard.
    """
    await v.send("PULL-DOC-REQ", {})
    out = []
    while not out or out[-1] not in (None, "PULL-DOC-REPLY"):
        message = await v.next()
        out.append(None if message is None else message[0])
    return out


async def at_rest(v):
    """Wait until the first galaxy is drawn, and what follows it has come."""
    await v.shows(READY)
    await answers(v)


def test_a_table_filters_only_as_its_columns_declare(server):
    """50 kB of words held the loop for half a minute."""

    async def attack():
        v = await Visitor.open(server, "127.0.3.12")
        table = v.model(pagination="remote")

        async def filtered(kind, value):
            entries = [["field", "NSAID"], ["type", kind], ["value", value]]
            await v.set(table, "filters", [{"type": "map", "entries": entries}])

        await at_rest(v)
        start = time.monotonic()
        for kind, value in (("keywords", "7 " * 25_000), ("regex", "(a+)+$"), ("like", "7" * 101)):
            await filtered(kind, value)
            await v.until('"text":"this change was refused"', 20)
        assert time.monotonic() - start < 10
        await filtered("like", "2490")
        await v.until('"2490"', 60)
        v.close()

    asyncio.run(asyncio.wait_for(attack(), 120))


def resident(page):
    """Megabytes of the process that listens there."""
    import psutil

    port = urlsplit(page).port
    (pid,) = {
        c.pid
        for c in psutil.net_connections("tcp")
        if c.status == "LISTEN" and c.laddr.port == port and c.pid
    }
    return psutil.Process(pid).memory_info().rss / 1e6


def test_no_message_grows_and_no_value_piles_up(server):
    """10 MB as `tags` of 20 models, and 20 buffers of 10 MB, took 200 MB each."""

    async def attack():
        v = await Visitor.open(server, "127.0.3.13")
        await at_rest(v)
        before = resident(server)
        with contextlib.suppress(WebSocketClosedError):
            for model in list(v.models)[:20]:
                await v.set(model, "tags", ["x" * 10_000_000])
        assert None in await answers(v, 20)
        v = await Visitor.open(server, "127.0.3.18")  # no more sockets for the other
        with contextlib.suppress(WebSocketClosedError):
            about = {"msgid": "1", "msgtype": "PATCH-DOC", "num_buffers": 100_000}
            for part in (about, {}, {"events": []}):
                await v.socket.write_message(json.dumps(part))
            for k in range(20):
                await v.socket.write_message(json.dumps({"id": f"b{k}"}))
                await v.socket.write_message(b"x" * 10_000_000, binary=True)
        assert None in await answers(v, 20)
        assert resident(server) - before < 100  # of 200

    asyncio.run(asyncio.wait_for(attack(), 180))


def test_messages_that_are_never_whole_are_not_read_further(server):
    """Of each socket the server reads one message ahead; a session has one socket."""

    async def attack():
        pages = await asyncio.gather(*(Visitor.open(server, "127.0.3.14") for _ in range(3)))
        # What a page needs after it has been opened is not what they send.
        await asyncio.gather(*(at_rest(v) for v in pages))
        opened = resident(server)
        for v in pages:
            await v.socket.write_message(json.dumps({"msgid": "1", "msgtype": "PATCH-DOC"}))
            await v.socket.write_message("{}")
            # A frame that says 15 MB and ends one byte before: 45 MB, while its buffer grows
            # twice that. Nothing may hold a second copy.
            head = bytes([0x81, 0xFF]) + (15_000_000).to_bytes(8, "big") + bytes(4)
            stream = v.socket.protocol.stream
            stream.write(head + b"x" * 14_999_999)
        for _ in range(12):
            await asyncio.sleep(0.25)
            assert resident(server) - opened < 130
        assert ask(server, "/favicon.ico", source="127.0.3.15")[0] == 200
        for v in pages:
            v.drop()

    asyncio.run(asyncio.wait_for(attack(), 180))


def test_the_newest_socket_of_a_session_closes_the_one_before(server):
    """Eighty sockets of one session took every answer eighty times."""

    async def attack():
        first = await Visitor.open(server, "127.0.3.19")
        sockets = [first]
        for _ in range(5):
            v = Visitor(server, "127.0.3.19")
            v.token = first.token
            await v.connect()
            sockets.append(v)
        v = sockets.pop()
        for other in sockets:
            assert None in await answers(other, 20)
            assert other.socket.close_code == 1000
        await v.pull()  # the last has the page as it is
        await v.say("find 2490")
        await v.until("NSAID 2490,", 120)
        v.close()

    asyncio.run(asyncio.wait_for(attack(), 180))


def test_a_body_of_a_get_is_not_read_as_its_query(server):
    place = urlsplit(server)
    form = "&".join(f"bokeh-session-id=mine{k}" for k in range(500))
    with socket.socket() as s:
        s.bind(("127.0.3.20", 0))
        s.connect((place.hostname, place.port))
        s.sendall(
            f"GET / HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(form)}\r\n\r\n{form}".encode()
        )
        assert s.recv(4096).startswith(b"HTTP/1.1 200 OK")


def test_an_address_has_so_many_connections(server):
    most = CONNECTIONS * 3
    place, open_ = urlsplit(server), []
    for _ in range(most + 10):
        s = socket.socket()
        s.bind(("127.0.3.21", 0))
        s.connect((place.hostname, place.port))
        s.settimeout(10)
        open_.append(s)
    ends = 0
    for s in open_:
        with contextlib.suppress(OSError):
            s.sendall(b"GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            ends += s.recv(100) == b""
        except OSError:
            ends += 1
    for s in open_:
        s.close()
    assert ends == 10
    assert ask(server, "/favicon.ico", source="127.0.3.22")[0] == 200


def test_refused_messages_close_a_socket_and_write_little_to_the_log(server, log):
    async def attack():
        v = await Visitor.open(server, "127.0.3.16")
        await at_rest(v)
        before = log.stat().st_size
        await v.set("no such model", "value", "L" * 10_000_000)
        await v.set("x\nINFO:sedflow:FORGED\x1b[2J", "value", 1)
        await v.set(v.model(**SAID), "value", "\ud800")
        for _ in range(16):
            await v.set(v.model(**SAID), "clicks", "A\nINFO:sedflow:FORGED")
        found = await heard(v)
        assert found.count("ERROR") == 19
        assert None not in found
        await v.set("no such model", "value", 1)
        assert None in await answers(v, 10)
        assert v.socket.close_code == 1008
        with pytest.raises(HTTPClientError, match="429"):  # nor does another socket hear more
            await v.connect()
        said = log.read_text()[before:]
        assert len(said) < 5000
        assert "\nINFO:sedflow:FORGED" not in said
        assert "\x1b" not in said

    asyncio.run(asyncio.wait_for(attack(), 120))


def test_a_thousand_clicks_are_twenty_a_second(server):
    async def attack():
        v = await Visitor.open(server, "127.0.3.17")
        await at_rest(v)
        start = time.monotonic()
        for _ in range(1000):
            await v.click(v.model(label="Run MCMC"))
        found = await heard(v)
        assert 20 <= found.count("OK") <= 20 + 20 * (time.monotonic() - start) < 900
        await v.pull()
        await asyncio.sleep(0.2)  # another click is taken
        await v.click(v.model(label="Cancel"))
        await v.until("cancelled after")
        v.close()

    asyncio.run(asyncio.wait_for(attack(), 120))


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n",
    ],
)
def test_what_is_not_http_is_answered_with_the_headers_too(server, sent):
    place = urlsplit(server)
    with socket.create_connection((place.hostname, place.port), timeout=30) as s:
        s.sendall(sent)
        answer = b""
        while part := s.recv(65536):
            answer += part
    last = answer[answer.rindex(b"HTTP/1.1") :].decode()
    assert last.startswith("HTTP/1.1 400 Bad Request\r\n")
    for name, value in HEADERS.items():
        assert f"\r\n{name}: {value}\r\n" in last


# Ends


def test_a_port_in_use_is_one_sentence():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        found = subprocess.run(
            [sys.executable, "-m", "sedflow.cli", "serve", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=ROOT,
        )
    assert found.returncode == 1
    sentence = f"Error: port {port} of 127.0.0.1 is in use; choose another with --port\n"
    assert found.stderr == sentence


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--port", "99999"), "--port 99999 is not a port"),
        (("--port", "0"), "is not a port"),
        (("--port", "-1"), "is not a port"),
        (("--address", "192.0.2.1"), "'192.0.2.1' is not an address of this machine"),
        pytest.param(
            ("--address", "no such host"),
            "is not an address of this machine",
            marks=pytest.mark.heavy,
        ),
        (("--address", "é" * 300), "is not an address of this machine"),
    ],
)
def test_what_cannot_be_listened_on_is_one_sentence(options, words):
    found = CliRunner().invoke(main, ["serve", *options])
    assert found.exit_code == 1
    assert words in found.output
    assert found.output.count("\n") == 1
    assert "http://" not in found.output


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM])
def test_a_port_of_the_system_is_one_sentence(code, monkeypatch):
    def refuse(self, place):
        raise OSError(code, "no")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(SedflowError, match="port 80 is the system's; choose one from 1024"):
        serve(port=80)


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.heavy)]
)
def test_a_signal_ends_it_cleanly_and_two_share_a_cache(tmp_path, number):
    ports, processes = [free_port(), free_port()], []
    for port in ports:
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "sedflow.cli", "serve", "--port", str(port)],
                cwd=ROOT,
                stderr=subprocess.PIPE,
                text=True,
                env={
                    "PATH": "",
                    "SEDFLOW_CACHE": str(tmp_path),
                    "HOME": str(tmp_path),
                    "PYTHONPATH": str(ROOT),
                },
            )
        )
    said = ["", ""]
    for k, process in enumerate(processes):
        while "http://" not in said[k]:
            said[k] += process.stderr.readline()
        assert ask(f"http://127.0.0.1:{ports[k]}/", "/")[0] == 200  # it listens, once it says so
    for k, process in enumerate(processes):
        process.send_signal(number)
        said[k] += process.communicate(timeout=30)[1]
        assert process.returncode == 0
        assert "Traceback" not in said[k]


@pytest.mark.heavy
def test_the_log_has_no_traceback_of_those_who_went(server, log):
    """Sockets closed without goodbye, and pages that nobody waited for."""

    async def visits():
        before = log.read_text()
        for k in range(3):
            v = await Visitor.open(server, f"127.0.4.{k + 1}")
            await v.say("find 2490")
            v.drop()
            place = urlsplit(server)
            with socket.socket() as s:
                s.bind((f"127.0.4.{k + 1}", 0))
                s.connect((place.hostname, place.port))
                s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(18)
        said = log.read_text()[len(before) :]
        assert "Traceback" not in said, said
        assert "never retrieved" not in said

    asyncio.run(visits())


@pytest.mark.browser
def test_the_page_runs_under_its_headers_and_a_bad_name_runs_nothing(server, chromium):
    bad = quote("<img src=x onerror=window.caught=1>")
    page, wrong = watched_page(chromium)
    try:
        page.goto(
            f"{server}?galaxy={bad}&flux=u:1:0.1,g:2:0.1,r:3:0.1&z=0.1&n={bad}", timeout=90_000
        )
        page.wait_for_function(IDLE, timeout=60_000)
        page.wait_for_function(
            f"() => {MODELS}.find(m => m.name == 'corner')?.title.text.includes('onerror')",
            timeout=60_000,
        )
        page.get_by_role("button", name="Run MCMC").click()
        page.wait_for_timeout(3000)
        assert page.evaluate("() => window.caught") is None
        assert page.locator("img[src=x]").count() == 0
        assert not wrong
    finally:
        page.context.close()


@pytest.mark.browser
def test_a_page_whose_socket_is_refused_says_so(server, chromium):
    """The last of this file: the address of this machine may open no page for a while."""

    async def barred(page):
        one = await Visitor.open(page)
        await one.send("PATCH-DOC", {"events": 3})
        for _ in range(25):
            with contextlib.suppress(WebSocketClosedError):
                await one.send("PATCH-DOC", {"events": 3})
        while await one.next() is not None:
            pass

    with ThreadPoolExecutor(1) as pool:  # this thread has a loop, which Chromium uses
        pool.submit(asyncio.run, barred(server)).result()
    page, _ = watched_page(chromium)
    try:
        page.goto(server, timeout=90_000)
        page.get_by_text("Too much was refused").wait_for(timeout=60_000)
        assert "reload in a minute" in page.inner_text("#sf-says")
    finally:
        page.context.close()


@pytest.mark.parametrize(
    ("seen", "address"),
    [
        ("10.0.0.5:4711", "10.0.0.5"),
        ("[2001:db8::5]:443", "2001:db8::5"),
        ("[2001:db8::5]", "2001:db8::5"),
        ('"10.0.0.5:1"', "10.0.0.5"),
        ("2001:db8::5", "2001:db8::5"),
    ],
)
def test_what_a_proxy_writes_around_an_address_is_left_out(seen, address):
    assert _without_port(seen) == address
    assert is_valid_ip(address)

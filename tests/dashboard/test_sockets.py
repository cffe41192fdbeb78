"""The websocket of a page: who may open one, what it does in which order, and what it holds up."""

import asyncio
import base64
import contextlib
import os
import socket
import struct
import time
from functools import partial
from types import SimpleNamespace
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import panel as pn
import pytest
from bokeh.core.serialization import Buffer
from bokeh.document import Document
from bokeh.models import FileInput, Slider, TextInput, Toggle
from bokeh.protocol.messages.ack import ack
from bokeh.protocol.messages.patch_doc import patch_doc
from bokeh.server.session import ServerSession
from bokeh.util.token import generate_jwt_token, generate_session_id, get_session_id
from panel.io.server import WSHandler
from tornado.httpclient import HTTPClientError
from tornado.ioloop import IOLoop
from tornado.websocket import (
    WebSocketClosedError,
    WebSocketHandler,
    _WebSocketParams,
    websocket_connect,
)
from visitors import Visitor

from sedflow.dashboard.patches.outbox import sent_in_order, sent_together
from sedflow.dashboard.patches.panel_server import there_when_pulled
from sedflow.dashboard.server import hearing, sessions
from sedflow.dashboard.server.gate import Gate
from sedflow.dashboard.server.loop_time import LoopTime
from sedflow.dashboard.server.messages import Refused
from sedflow.dashboard.server.sockets import SocketHandler
from sedflow.dashboard.server.talks import Accounts, Talk
from sedflow.dashboard.server.turns import Builds
from sedflow.dashboard.server.visitors import VISITORS, Limits
from sedflow.dashboard.server.wire import Wire

KEY = b"a secret of these tests alone, long enough"
BUILT = []  # sessions whose page was built
PANES = WeakKeyDictionary()  # document -> what is on its page


def a_page():
    """A page with a field and a slider."""
    BUILT.append(pn.state.curdoc.session_context.id)
    PANES[pn.state.curdoc] = column = pn.Column(
        pn.pane.Bokeh(TextInput(name="field")),
        pn.pane.Bokeh(Slider(name="slider", start=0, end=1, value=0.0)),
    )
    return column


@contextlib.asynccontextmanager
async def small_server(**settings):
    """The address and the gate of a server of this process with a small page."""
    server = pn.io.server.get_server(
        {"/": a_page},
        port=0,
        address="127.0.0.1",
        websocket_origin=["127.0.0.1"],
        loop=IOLoop.current(),
        start=False,
        show=False,
        verbose=False,
        sign_sessions=True,
        secret_key=KEY,
        **settings,
    )
    gate = server._http.request_callback = Gate(server._tornado)
    page = f"http://127.0.0.1:{server.port}/"
    server._tornado.websocket_origins.add(f"127.0.0.1:{server.port}")
    server.start()
    try:
        yield page, gate
    finally:
        server.stop(wait=False)
        server._http.stop()


def token_for(session, seconds):
    """A token of the server for a session, with so many seconds left."""
    extra = {"arguments": {}, "headers": {}, "cookies": {}}
    return generate_jwt_token(
        session, secret_key=KEY, signed=True, expiration=seconds, extra_payload=extra
    )


def new_session():
    return generate_session_id(secret_key=KEY, signed=True)


@pytest.fixture
def handler():
    """A handler that has had its handshake."""
    application = SimpleNamespace(ui_methods={}, ui_modules={}, settings={})
    request = SimpleNamespace(connection=SimpleNamespace(set_close_callback=lambda f: None))
    one = SocketHandler(
        application,
        request,
        application_context=None,
        bokeh_websocket_path="/ws",
        builds=Builds(lambda visitor: 0.0),
        accounts=Accounts(),
        talks=WeakKeyDictionary(),
        loop_time=LoopTime(),
    )
    one.ws_connection = SimpleNamespace(is_closing=lambda: False, unread=0)
    one._visitor = "A"
    return one


def acknowledgement():
    return ack(ack.create_header(), {}, {})


def test_the_frames_of_a_message_are_those_of_bokeh_in_one_write(handler):
    """Each frame was a call to the system of its own, and woke the browser up."""
    message = patch_doc(patch_doc.create_header(), {}, {"events": ["Σ" * 40]})
    message.add_buffers(Buffer("b1", b"x" * 200), Buffer("b2", memoryview(b"y" * 70_000)))
    written, expected, alone = [], [], Wire(handler, False, _WebSocketParams())

    async def write(data):
        written.append(data)

    async def expect(part, binary=False, locked=True):
        alone._write_frame(True, 2 if binary else 1, part if binary else part.encode())

    wire = Wire(handler, False, _WebSocketParams())
    wire.stream = SimpleNamespace(write=write, _write_buffer=b"")
    alone.stream = SimpleNamespace(write=expected.append)
    handler.ws_connection = wire
    wire.is_closing = lambda: False
    asyncio.run(handler.send_message(message))
    lock = SimpleNamespace(acquire=handler.write_lock.acquire)
    asyncio.run(message.send(SimpleNamespace(write_lock=lock, write_message=expect)))
    assert len(expected) == 7
    assert written == [b"".join(expected)]


def test_a_visitor_that_does_not_read_does_not_hold_up_the_pages_of_others(handler, monkeypatch):
    """The acknowledgement of a new session is sent once its turn to be built is over."""
    stuck, sent = asyncio.Event(), []

    async def write_together(parts):
        sent.append([*parts])
        await stuck.wait()

    async def create(session, request, token):
        return ServerSession(session, Document())

    async def open_(self, token):
        await self.send_message(acknowledgement())

    handler._session_id = "s"
    handler.application_context = SimpleNamespace(create_session_if_needed=create)
    handler.ws_connection.write_together = write_together

    monkeypatch.setattr(WSHandler, "_async_open", open_)

    async def scene():
        task = asyncio.ensure_future(handler._build("token"))
        await asyncio.sleep(0.05)
        assert len(sent) == 1
        async with asyncio.timeout(2), handler._builds.turn("B"):
            pass
        assert not task.done()
        stuck.set()
        await task

    asyncio.run(scene())


def test_of_what_a_slider_says_while_it_waits_the_latest_is_done(handler):
    slider, other = Slider(start=0, end=1, value=0), Slider(start=0, end=1, value=0)
    document = Document()
    for model in (slider, other):
        document.add_root(model)
    session = ServerSession("s", document)
    handler.connection = SimpleNamespace(session=session, _session=session)
    done = []

    async def handle(message):
        await asyncio.sleep(0.01)
        done.append(message)

    handler._handle = handle

    async def scene():
        talk = Talk("A")
        for k in range(100):
            for model in (slider, other):
                handler._slide((model.id, "value"), (model.id, k), talk)
            if k == 50:
                await asyncio.sleep(0.015)
        await handler._slid()

    asyncio.run(scene())
    assert len(done) < 10
    assert done[-2:] == [(slider.id, 99), (other.id, 99)]


# Who may open one, and how long it counts


async def attempt(page, *words, origin=None):
    """HTTP status of a handshake with these subprotocols, or the close code after it, or "open"."""
    visitor = Visitor(page)
    headers = {} if origin is None else {"Origin": origin}
    request = visitor._request(page.replace("http", "ws", 1) + "ws", headers=headers)
    try:
        one = await websocket_connect(request, subprotocols=list(words))
    except HTTPClientError as error:
        return error.code
    except (ConnectionError, ValueError) as error:
        return type(error).__name__
    try:
        first = await asyncio.wait_for(one.read_message(), 20)
        return one.close_code if first is None else "open"
    finally:
        one.close()


@contextlib.contextmanager
def by_hand(page, token):
    """A connection that has asked for a websocket."""
    place = urlsplit(page)
    with socket.create_connection((place.hostname, place.port)) as s:
        s.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {place.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
            f"Sec-WebSocket-Protocol: bokeh, {token}\r\n\r\n".encode()
        )
        yield s


def handshake_and_reset(page, token):
    """Ask for a websocket and be gone at once."""
    with by_hand(page, token) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def until(condition, seconds=20):
    """Wait until something is so, but not for ever."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        await asyncio.sleep(0.05)


async def none_is_open(gate):
    account = gate._accounts["127.0.0.1"]
    await until(lambda: not account.sockets)
    return account.sockets == 0 and account.inbox == 0


def test_no_socket_counts_once_it_is_gone_however_it_failed():
    """80 sockets with another subprotocol, or a token too old, locked an address out for good."""

    async def scene():
        async with small_server() as (page, gate):
            visitor = Visitor(page)
            await visitor.fetch()
            old, lasting = token_for(new_session(), -10), token_for(new_session(), 300)
            kinds = {
                "another subprotocol": (403, ["foo", visitor.token]),
                "no subprotocol": (403, []),
                "three words": (403, ["bokeh", visitor.token, "x"]),
                "a forged token": (403, ["bokeh", f"{visitor.token}x"]),
                "a token that is too old, of a session that went": (403, ["bokeh", old]),
                "an ordinary one": ("open", ["bokeh", visitor.token]),
                "one of a session to build": ("open", ["bokeh", lasting]),
            }
            for name, (expected, words) in kinds.items():
                assert {await attempt(page, *words) for _ in range(5)} == {expected}, name
                assert await none_is_open(gate), name
            assert await attempt(page, "bokeh", visitor.token, origin="http://x.example") == 403
            for _ in range(5):
                handshake_and_reset(page, visitor.token)
                handshake_and_reset(page, token_for(new_session(), 300))
            assert await none_is_open(gate)
            dropped = [Visitor(page) for _ in range(5)]
            for one in dropped:
                one.token = token_for(new_session(), 300)
                await one.connect()
                one.drop()
            assert await none_is_open(gate)

    asyncio.run(scene())


def test_a_socket_that_finds_no_room_reads_why_and_does_not_count(monkeypatch):
    monkeypatch.setattr(VISITORS, "_limits", Limits(visitor_sessions=1))

    async def scene():
        async with small_server() as (page, gate):
            VISITORS.enter("127.0.0.1", "another")
            try:
                one = Visitor(page)
                request = one._request(page.replace("http", "ws", 1) + "ws")
                words = ["bokeh", token_for(new_session(), 300)]
                opened = await websocket_connect(request, subprotocols=words)
                assert await asyncio.wait_for(opened.read_message(), 20) is None
                assert opened.close_code == 1013
                assert "1 pages are open from your address" in opened.close_reason
                assert await none_is_open(gate)
            finally:
                VISITORS.leave("another")

    asyncio.run(scene())


def test_a_living_session_is_connected_again_however_old_its_token_is():
    async def scene():
        async with small_server() as (page, _):
            visitor = await Visitor.open(page)
            session = get_session_id(visitor.token)
            BUILT.clear()
            again = Visitor(page)
            again.token = token_for(session, -1000)
            await again.connect()
            await again.pull()
            assert set(again.models) == set(visitor.models)
            assert not BUILT  # the session is the one that there was
            again.close()

    asyncio.run(scene())


def test_a_session_waits_longer_for_its_first_socket_than_for_the_next(monkeypatch):
    """Over a slow link the page takes longer than a session outlives a socket."""
    monkeypatch.setattr(sessions, "FIRST", 3.0)
    times = {"unused_session_lifetime_milliseconds": 100, "check_unused_sessions_milliseconds": 50}

    async def scene():
        async with small_server(**times) as (page, gate):
            living = gate._app.applications["/"]._sessions
            early, never = Visitor(page), Visitor(page)
            await early.fetch()
            await never.fetch()
            await asyncio.sleep(0.6)
            assert len(living) == 2
            await early.connect()
            early.close()
            await until(lambda: len(living) < 2)
            assert list(living) == [get_session_id(never.token)]
            await until(lambda: not living)
            assert not living

    asyncio.run(scene())


# What is read while something is heard


async def listen(visitor, seconds):
    """Kinds of messages that come meanwhile; None once the socket is closed."""
    kinds = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                message = await visitor.next()
                kinds.append(message and message[0])
                if message is None:
                    break
    return kinds


def test_a_page_stays_connected_while_its_messages_wait(monkeypatch):
    """The answer to a ping lies behind messages: a page was closed while they waited."""
    handle = SocketHandler._handle

    async def slow(self, message):
        await asyncio.sleep(0.6)
        return await handle(self, message)

    async def scene():
        async with small_server(websocket_ping_interval=0.2, websocket_ping_timeout=0.2) as (
            page,
            gate,
        ):
            one = await Visitor.open(page)
            monkeypatch.setattr(SocketHandler, "_handle", slow)
            for k in range(4):
                await one.set(one.model(name="field"), "value", str(k))
            kinds = await listen(one, 3.5)
            assert kinds.count("OK") >= 4
            assert None not in kinds
            one.close()
            assert await none_is_open(gate)

    asyncio.run(scene())


def test_who_sends_anything_is_there_and_who_sends_nothing_is_not():
    """The answer to a ping cannot overtake an upload over a slow link."""

    async def scene():
        times = {"websocket_ping_interval": 0.5, "websocket_ping_timeout": 0.5}
        async with small_server(**times) as (page, gate):
            visitor, account = Visitor(page), gate._accounts["127.0.0.1"]
            await visitor.fetch()
            with by_hand(page, visitor.token) as s:
                s.setblocking(False)
                await asyncio.sleep(0.2)
                s.send(bytes([0x81, 0xFF]) + (1000).to_bytes(8, "big") + bytes(4))
                for _ in range(20):
                    s.send(b"x" * 10)
                    await asyncio.sleep(0.1)
                assert account.sockets == 1
                assert b"timed out" not in s.recv(65_536)
                assert await none_is_open(gate)

    asyncio.run(scene())


def sent_by(page_session, size, n=1):
    """Write texts to the socket of a session past its turns, as Panel does."""
    (connection,) = page_session._subscribed_connections
    for _ in range(n):
        WebSocketHandler.write_message(connection._socket, "x" * size)
    return connection._socket


async def the_session(gate):
    """The session of a page that is open."""
    context = gate._app.applications["/"]
    while not (there := [s for s in context.sessions if s._subscribed_connections]):
        await asyncio.sleep(0.02)
    return there[0]


def test_who_does_not_read_is_not_heard_until_it_has_read():
    """What its messages changed was kept for it without a bound."""

    async def scene():
        async with small_server() as (page, gate):
            one = await Visitor.open(page)
            session = await the_session(gate)
            field = session.document.select_one({"name": "field"})
            handler = sent_by(session, 2**20, 12)
            await asyncio.sleep(0.1)
            assert handler.ws_connection.unread > 2**21
            await one.set(one.model(name="field"), "value", "later")
            await asyncio.sleep(0.4)
            assert field.value == ""
            for _ in range(12):
                while len(await one.socket.read_message()) < 2**20:
                    pass
            for _ in range(100):
                await asyncio.sleep(0.02)
                if field.value:
                    break
            assert field.value == "later"
            one.close()
            assert await none_is_open(gate)

    asyncio.run(scene())


def test_no_more_than_so_much_is_kept_for_one_who_does_not_read():
    async def scene():
        async with small_server() as (page, gate):
            one = await Visitor.open(page)  # which is held, and does not read
            with pytest.raises(WebSocketClosedError):
                sent_by(await the_session(gate), 2**20, 80)
            await asyncio.sleep(0.3)  # what was being read is given back
            assert await none_is_open(gate)
            one.close()


def test_a_visitor_rests_for_frames_without_content():
    """Others waited for hundreds of thousands of them, and nobody had had the loop."""

    async def scene():
        async with small_server() as (page, gate):
            visitor = Visitor(page)
            await visitor.fetch()
            gate._loop_time._activity.mark("another")
            with by_hand(page, visitor.token) as s:
                s.setblocking(False)
                await asyncio.sleep(0.5)
                before = gate._loop_time._rests._until.get("127.0.0.1", 0.0)
                s.send((bytes([0x8A, 0x80]) + bytes(4)) * 3000)
                await asyncio.sleep(0.5)
                assert gate._loop_time._rests._until.get("127.0.0.1", 0.0) > before
            assert await none_is_open(gate)

    asyncio.run(scene())


def test_who_sends_without_end_and_reads_nothing_is_not_there():
    async def scene():
        times = {"websocket_ping_interval": 0.3, "websocket_ping_timeout": 0.3}
        async with small_server(**times) as (page, gate):
            visitor, account = Visitor(page), gate._accounts["127.0.0.1"]
            await visitor.fetch()
            with by_hand(page, visitor.token) as s:
                s.setblocking(False)
                sent_by(await the_session(gate), 2**20, 12)
                assert account.sockets == 1
                for _ in range(60):
                    with contextlib.suppress(OSError):
                        s.send(bytes([0x89, 0x80]) + bytes(4))
                    await asyncio.sleep(0.1)
                    if not account.sockets:
                        break
                assert account.sockets == 0  # though it sends

    asyncio.run(scene())


def test_what_changes_before_a_page_is_drawn_reaches_it():
    """It was dropped: a page whose posterior came while it was drawn stayed dimmed."""
    there_when_pulled()

    async def scene():
        async with small_server() as (page, _):
            visitor = await Visitor.open(page, pull=False)
            document, panes = PANES.popitem()

            def change():
                with pn.io.hold(document):
                    panes.append(pn.pane.HTML("later"))

            await visitor.send("PULL-DOC-REQ", {})
            while (await visitor.next())[0] != "PULL-DOC-REPLY":
                pass
            document.add_next_tick_callback(change)
            await visitor.until("later", 10)
            visitor.close()

    asyncio.run(scene())


@contextlib.asynccontextmanager
async def opened_page():
    """A page of a small server: its visitor, document and field."""
    async with small_server() as (page, _):
        visitor = await Visitor.open(page)
        document, _ = PANES.popitem()
        yield visitor, document, document.get_model_by_name("field")
        visitor.close()


def test_what_changes_at_once_comes_in_one_message():
    """Another theme came as hundreds of messages, after each of which the browser laid out."""
    sent_together()

    async def scene():
        async with opened_page() as (visitor, document, field):
            for values in ({"title": "one", "value": "two"}, {"value": "three", "name": "four"}):
                document.add_next_tick_callback(partial(field.update, **values))
                kind = ""
                while kind != "PATCH-DOC":
                    kind, content, _ = await visitor.next()
                assert {e["attr"]: e["new"] for e in content["events"]} == values

    asyncio.run(scene())


def test_what_panel_writes_stays_in_order_and_is_not_forgotten():
    """Panel forgot what it had put by while a message was written; a page kept old figures."""
    there_when_pulled()  # else Panel writes nothing itself
    sent_together()
    sent_in_order()

    async def scene():
        async with opened_page() as (visitor, document, field):
            (connection,) = document.session_context.session._subscribed_connections

            def change():
                field.value = "letter 1"
                for i in range(3):
                    with pn.io.unlocked():
                        field.title = f"Panel {i}"
                field.value = "letter 2"

            with await connection._socket.write_lock.acquire():  # as while a message is written
                document.add_next_tick_callback(change)
                await asyncio.sleep(0.2)
            heard = []
            while "letter 2" not in heard:
                kind, content, _ = await asyncio.wait_for(visitor.next(), 10)
                if kind == "PATCH-DOC":
                    heard += [e["new"] for e in content["events"]]
            assert heard == ["letter 1", "Panel 0", "Panel 1", "Panel 2", "letter 2"]

    asyncio.run(scene())


class Page:
    """What a handler asks of a session."""

    destroyed = False

    def __init__(self, document):
        self.document = document


def test_a_message_that_sets_many_values_is_heard_value_by_value(handler):
    """Twenty values in one message, each of which makes a figure anew, held the loop for 2 s."""
    toggles = [Toggle() for _ in range(20)]
    document = Document()
    field = FileInput()
    for model in (*toggles, field):
        document.add_root(model)
    session = Page(document)
    handler.connection = SimpleNamespace(session=session, _session=session)
    order = []

    async def handle(message):
        order.append([event["model"]["id"] for event in message.content["events"]])
        if len(order) == 2:
            document.remove_root(toggles[-1])  # what it sets off takes another model away

    handler._handle = handle
    events = [
        {"kind": "ModelChanged", "model": {"id": t.id}, "attr": "active", "new": True}
        for t in toggles
    ]

    named = [("value", "eA=="), ("mime_type", "text/csv"), ("filename", "x.csv")]
    file = [
        {"kind": "ModelChanged", "model": {"id": field.id}, "attr": name, "new": value}
        for name, value in named
    ]

    async def scene():
        for some in (file, events):
            await handler._hear(patch_doc(patch_doc.create_header(), {}, {"events": some}))

    asyncio.run(scene())
    ids = [t.id for t in toggles]
    assert order == [[field.id] * 3, *([i] for i in ids[:-1])]


def test_a_file_that_was_read_is_not_held_any_more(handler):
    """Five files of ten megabytes, long read, left no room for a sixth."""
    size = 13_000_000
    pages = [(Page(Document()), FileInput()) for _ in range(7)]
    for session, field in pages:
        session.document.add_root(field)
        other = handler._talks[session] = Talk("A")
        handler._hold(other, {(field.id, "value"): size})
        other.coming = frozenset()  # it has come, and the server has taken it away once it was read
    assert handler._talks[pages[0][0]].held == {}
    with pytest.raises(Refused, match="pages of a visitor"):
        for session, field in pages:  # what is on its way counts
            handler._hold(handler._talks[session], {(field.id, "value"): size})


def test_others_have_the_loop_between_any_two_messages(handler):
    order = []

    async def take(fragment):
        order.append("message")
        return True

    async def other():
        while order.count("message") < 50:
            order.append("other")
            await asyncio.sleep(0)

    async def scene():
        handler._take = take
        for _ in range(50):
            handler.on_message("{}")
        await other()

    asyncio.run(scene())
    assert order.count("other") >= 49


def test_no_more_is_read_than_may_wait(monkeypatch):
    hold, most, limit = asyncio.Event(), [], 30
    monkeypatch.setattr(hearing, "UNHEARD", limit)

    async def stuck(self, message):
        await hold.wait()

    async def scene():
        async with small_server() as (page, gate):
            one = await Visitor.open(page)
            await listen(one, 0.5)
            monkeypatch.setattr(SocketHandler, "_handle", stuck)
            on_message = SocketHandler.on_message

            def counted(self, fragment):
                on_message(self, fragment)
                most.append(len(self._unheard))

            monkeypatch.setattr(SocketHandler, "on_message", counted)
            field = one.model(name="field")
            for k in range(limit):
                await one.set(field, "value", str(k))
            await until(lambda: most and max(most) == limit)
            await asyncio.sleep(0.2)
            assert max(most) == limit
            assert len(most) < limit + 10
            assert gate._accounts["127.0.0.1"].inbox > 0
            one.drop()
            hold.set()
            assert await none_is_open(gate)

    asyncio.run(scene())


def test_one_who_leaves_during_a_message_leaves_no_traceback(monkeypatch, caplog):
    turn = LoopTime.turn

    async def late(self, visitor, **_):
        await asyncio.sleep(0.3)
        await turn(self, visitor)

    async def scene():
        async with small_server() as (page, gate):
            for name, value, wait in (
                ("field", "x", 0.1),
                ("slider", 0.5, 0.1),
                ("slider", 0.5, 0.4),
            ):
                one = await Visitor.open(page)
                await listen(one, 0.5)
                with monkeypatch.context() as patch:
                    patch.setattr(LoopTime, "turn", late)
                    await one.set(one.model(name=name), "value", value)
                    await asyncio.sleep(wait)
                    one.drop()
                    await asyncio.sleep(0.6)
                assert await none_is_open(gate)

    asyncio.run(scene())
    assert not [r for r in caplog.records if r.levelname == "ERROR"]

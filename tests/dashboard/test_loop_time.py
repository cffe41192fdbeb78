"""Time on the event loop: who had much of it rests while others are active."""

import asyncio
import time
from itertools import pairwise
from types import SimpleNamespace

import panel as pn
import pytest
from bokeh.document import Document
from bokeh.events import ButtonClick
from bokeh.server.session import ServerSession
from tornado.ioloop import IOLoop

from sedflow.dashboard.server import sessions
from sedflow.dashboard.server.loop_time import LoopTime


def test_a_visitor_rests_as_long_as_it_had_the_loop_if_others_are_active():
    now = [0.0]
    loop_time = LoopTime(rest=2.0, clock=lambda: now[0])
    loop_time.charge("A", 0.5)
    assert loop_time.left("A") == 0  # nobody else is there
    loop_time.charge("B", 0.01)
    assert loop_time.left("A") == 1.0
    assert loop_time.left("C") == 0
    now[0] = 0.5  # it goes on without rest
    loop_time.charge("A", 0.5)
    assert loop_time.left("A") == 2.0
    now[0] = 1.5
    assert loop_time.left("A") == 1.0
    loop_time.charge("A", 100)
    assert loop_time.left("A") == 5.0  # nobody rests for longer
    now[0] = 5.5
    assert loop_time.left("A") == 0  # the other has been quiet


def test_who_asks_for_little_does_not_wait():
    """Beside any other, picks of a galaxy took three times as long as alone."""
    now = [0.0]
    loop_time = LoopTime(free=1.0, clock=lambda: now[0])
    waited = []
    for _ in range(20):  # 0.3 s of work every second
        now[0] += 1.0
        loop_time.charge("B", 0.001)
        waited.append(loop_time.left("A"))
        now[0] += 0.3
        loop_time.charge("A", 0.3)
    assert max(waited) == 0
    had = 0.0
    while had < 10:  # as much as it can get
        had += 0.3
        now[0] += 0.3
        loop_time.charge("A", 0.3)
        loop_time.charge("B", 0.001)
        now[0] += loop_time.left("A")
    assert now[0] - 20 * 1.3 == pytest.approx(2 * had - 1.0, abs=0.7)  # the free second came first


def test_a_newcomer_gets_between_the_long_steps_of_others():
    """A page needs the loop some twenty times; three visitors had a long step between any two."""
    loop_time, steps = LoopTime(), []

    async def long():
        time.sleep(0.06)
        steps.append(time.monotonic())

    async def busy(visitor):
        for _ in range(12):
            await loop_time.turn(visitor)
            await loop_time.measured(visitor, long())

    async def scene():
        tasks = [asyncio.ensure_future(busy(visitor)) for visitor in "abc"]
        await asyncio.sleep(0.2)
        begun = time.monotonic()
        for _ in range(20):
            await asyncio.sleep(0)
        await loop_time.turn("new")
        between = sum(step > begun for step in steps)
        await asyncio.gather(*tasks)
        return between

    assert asyncio.run(scene()) <= 3  # it was 24
    assert len(steps) == 36


def test_who_has_many_pages_rests_longer():
    now, pages = [0.0], {"A": 4, "B": 3}
    loop_time = LoopTime(rest=1.0, many=4.0, pages=pages.get, clock=lambda: now[0])
    for visitor in "AB":
        loop_time.charge(visitor, 0.5)
    assert (loop_time.left("A"), loop_time.left("B")) == (2.0, 0.5)


def test_steps_are_measured_and_not_what_they_wait_for():
    had = []
    loop_time = LoopTime()
    loop_time.charge = lambda visitor, seconds: had.append((visitor, seconds))

    async def work():
        time.sleep(0.05)
        await asyncio.sleep(0.6)
        time.sleep(0.05)
        try:
            await asyncio.wait_for(asyncio.sleep(5), 0.1)
        except TimeoutError:
            return "result"

    assert asyncio.run(loop_time.measured("A", work())) == "result"
    assert {visitor for visitor, _ in had} == {"A"}
    assert 0.1 <= sum(seconds for _, seconds in had) < 0.5  # on a busy machine too

    async def fails():
        await asyncio.sleep(0)
        raise KeyError("x")

    with pytest.raises(KeyError):
        asyncio.run(loop_time.measured("A", fails()))

    async def given_up():
        task = asyncio.ensure_future(loop_time.measured("A", asyncio.sleep(5)))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(given_up())


def test_the_callbacks_of_all_pages_of_a_visitor_share_its_time():
    """Three pages whose callbacks need the whole loop leave half of it to another visitor."""

    async def scene():
        loop_time, done = LoopTime(), {"A": 0.0, "B": 0.0}
        pages = [
            (v, ServerSession(f"{v}{k}", Document()))
            for v, n in (("A", 3), ("B", 1))
            for k in range(n)
        ]
        end = time.monotonic() + 2

        def busy(visitor, seconds):
            time.sleep(seconds)
            done[visitor] += seconds

        async def calls(visitor, session, seconds, pause):
            while time.monotonic() < end:
                await session.with_document_locked(busy, visitor, seconds)
                await asyncio.sleep(pause)

        for visitor, session in pages:
            loop_time.ration(session, visitor)
            loop_time.ration(session, visitor)  # once is enough
        await asyncio.gather(
            *(calls(v, s, *((0.03, 0) if v == "A" else (0.001, 0.05))) for v, s in pages)
        )
        return done["A"]

    assert asyncio.run(scene()) < 1.3


def test_what_a_message_sets_off_does_not_wait_behind_other_messages():
    """Of forty pages of an address, each waited for all others twice."""
    done = []

    async def message(loop_time, k):
        await loop_time.turn("A", new=True)
        loop_time.charge("A", 0.02)
        await loop_time.turn("A")
        loop_time.charge("A", 0.02)
        done.append(k)
        return time.monotonic()

    async def scene():
        loop_time = LoopTime()
        loop_time.charge("B", 0.0)
        begun = time.monotonic()
        ends = await asyncio.gather(*(message(loop_time, k) for k in range(10)))
        return [end - begun for end in ends]

    ends = asyncio.run(scene())
    assert done == list(range(10))
    assert ends[0] < ends[-1] / 3  # and not behind the ten messages


def test_callbacks_without_the_lock_are_charged_too():
    """What a posterior sets off is one: a third of the loop went there, and nobody counted it."""

    async def scene():
        loop_time = LoopTime()
        session = ServerSession("A1", Document(), io_loop=IOLoop.current())
        loop_time.ration(session, "A")
        done = asyncio.Event()

        async def slow():
            await asyncio.sleep(0)
            time.sleep(0.2)
            done.set()

        slow.nolock = True
        session.document.add_next_tick_callback(slow)
        loop_time.charge("B", 0.0)
        await asyncio.wait_for(done.wait(), 30)
        await asyncio.sleep(0)
        return loop_time.left("A")

    assert asyncio.run(scene()) > 0.1


def test_a_click_right_after_a_change_of_a_field_has_the_lock():
    """The code of a class, typed, and Join: what the click drew was lost, with a traceback."""
    held = []

    async def scene():
        document = Document()
        session = ServerSession("A1", document, io_loop=IOLoop.current())
        request = SimpleNamespace(arguments={}, headers={}, cookies={})
        context = SimpleNamespace(session=session, id="A1", request=request)
        sessions.begin(session, "A", LoopTime())
        field, button = pn.widgets.TextInput(), pn.widgets.Button()
        button.on_click(
            lambda event: held.append((session._pending_writes is not None, field.value))
        )

        def page():
            document.add_root(pn.Column(field, button).get_root(document))

        def message():  # both at once, as they come from a browser
            typed, pressed = document.roots[0].children
            typed.value = "SMCGT"
            pressed._trigger_event(ButtonClick(pressed))

        await session.with_document_locked(page)
        document._session_context = lambda: context
        await session.with_document_locked(message)
        while not held:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(scene(), 10))
    assert held == [(True, "SMCGT")]


def test_pages_that_are_ready_at_once_do_not_have_the_loop_in_one_step():
    """Sixteen pages of a visitor that owed nothing yet let another wait for five seconds."""

    async def scene():
        loop_time, order = LoopTime(free=10.0), []

        async def page(number):
            await loop_time.turn("A", new=True)
            order.append(number)

        async def other():
            while len(order) < 32:
                order.append("other")
                await asyncio.sleep(0)

        await asyncio.gather(other(), *(page(k) for k in range(16)))
        return order

    order = asyncio.run(scene())
    at_once = sum(a != "other" and b != "other" for a, b in pairwise(order))
    assert at_once < 10  # of 15

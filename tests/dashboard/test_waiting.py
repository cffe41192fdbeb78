import asyncio
import time

from sedflow.dashboard.server import waiting
from sedflow.dashboard.server.spaces import Spaces
from sedflow.dashboard.server.turns import Builds
from sedflow.dashboard.server.waiting import Waiting

PAGES = {"a": 1, "b": 1, "c": 1, "two": 2}


def test_a_newcomer_is_before_whoever_has_pages_and_waiting_counts_more():
    order = Waiting({"new": 0, "many": 9}.__getitem__)
    now = time.monotonic()
    assert order.due("new", now) < order.due("many", now - 2)
    assert order.due("new", now) > order.due("many", now - 30)
    order.had("many")  # what it asked for before its last turn waits since that
    assert order.due("new", now) < order.due("many", now - 30)


def test_the_turns_that_are_remembered_are_bounded(monkeypatch):
    monkeypatch.setattr(waiting, "_KEPT", 0.0)
    order = Waiting(lambda visitor: 0)
    for k in range(1000):
        order.had(str(k))
    assert len(order._last) <= waiting._MOST


def test_a_visitor_with_two_pages_is_not_kept_waiting_by_three_with_one(monkeypatch):
    """By fewest pages alone, its message waited until the others went."""
    monkeypatch.setattr(waiting, "_EACH", 0.1)
    had, step = [], 0.051  # as long as a step must be for others to come between

    async def scene():
        spaces, end = Spaces(PAGES.__getitem__), time.monotonic() + 4

        async def busy(visitor):
            while time.monotonic() < end and "two" not in had:
                await spaces.wait(visitor)
                time.sleep(step)
                spaces.had(step)
                had.append(visitor)

        await asyncio.gather(*map(busy, PAGES))

    asyncio.run(scene())
    assert "two" in had
    assert len(had) < 20


def test_pages_of_a_visitor_with_two_are_built_between_those_of_others(monkeypatch):
    monkeypatch.setattr(waiting, "_EACH", 0.1)
    had = []

    async def scene():
        builds, end = Builds(lambda visitor: 0.0, pages=PAGES.__getitem__), time.monotonic() + 4

        async def busy(visitor):
            while time.monotonic() < end and "two" not in had:
                async with builds.turn(visitor):
                    time.sleep(0.02)
                    had.append(visitor)

        await asyncio.gather(*map(busy, PAGES))

    asyncio.run(scene())
    assert "two" in had
    assert len(had) < 40

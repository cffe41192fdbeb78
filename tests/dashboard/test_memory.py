"""When a server returns memory: after sessions, when nobody is active, and seldom."""

import asyncio
import gc
import time
import weakref

import pytest

from sedflow.dashboard.server.memory import Returns, give_back, settle


def test_memory_goes_back_once_for_all_that_ended_and_when_nobody_is_active():
    """To look for what ended sessions left stopped the loop for 2.8 s, whoever was there."""
    came, quiet = [], [False]

    def give_back():
        came.append(time.monotonic())
        time.sleep(0.05)

    async def many(n):
        while len(came) < n:
            await asyncio.sleep(0.05)

    async def scene():
        returns = Returns(lambda: quiet[0], give_back, after=0.05, at_most=1.0, rest=60)
        for _ in range(5):
            returns.soon()
        await asyncio.sleep(0.2)
        assert not came  # somebody is active
        await many(1)  # and is not for ever
        quiet[0] = True
        returns.soon()
        await asyncio.sleep(0.2)
        assert len(came) == 1  # twelve times as long as it took have not gone by
        await many(2)
        assert 12 * 0.05 < came[1] - came[0] < 60 * 0.05

    asyncio.run(asyncio.wait_for(scene(), 60))
    Returns(lambda: True, give_back).soon()  # without a loop
    assert len(came) == 2


def test_what_was_settled_is_passed_over_but_by_the_search_when_nobody_is_active():
    """Python's own searches took a second with twenty pages open, whoever was active."""

    class Web:
        """What refers to itself, as pages do."""

    web = Web()
    web.itself, alive = web, weakref.ref(web)
    settle()
    try:
        del web
        gc.collect()
        assert alive() is not None
        give_back()
        assert alive() is None
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_more_sessions_that_ended_wait_less_for_a_quiet_moment():
    returns = Returns(lambda: False, lambda: None, at_most=900.0)
    waits = []
    for ended in (0, 10, 30, 100):
        returns._ended = ended
        waits.append(returns._patience)
    assert waits == pytest.approx([900.0, 900.0, 100.0, 9.0])

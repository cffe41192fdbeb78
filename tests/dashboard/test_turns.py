"""Whose turn it is: fairness between visitors, bounds, and what is superseded."""

import asyncio
import threading
import time
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from sedflow.dashboard import rerun
from sedflow.dashboard.answer import Request
from sedflow.dashboard.server import work
from sedflow.dashboard.server.jobs import Jobs, Work
from sedflow.dashboard.server.loop_time import LoopTime
from sedflow.dashboard.server.turns import Builds, Busy, Superseded, Worker
from sedflow.dashboard.server.visitors import Activity, Limits, Visitors
from sedflow.errors import SedflowError
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.photometry import Photometry


def held(worker):
    """Hold the thread of a worker until the event is set."""
    go, begun = threading.Event(), threading.Event()

    def wait():
        begun.set()
        go.wait(30)

    worker.submit(wait, "first", "first")
    begun.wait(30)
    return go


def test_visitors_take_turns_then_their_sessions():
    worker, done = Worker(), []
    go = held(worker)
    for session in ("a1", "a1", "a1", "a2"):
        last = worker.submit(lambda s=session: done.append(s), "a", session)
    worker.submit(lambda: done.append("b1"), "b", "b1").add_done_callback(lambda f: None)
    worker.submit(lambda: done.append("b1"), "b", "b1")
    go.set()
    last.result(30)
    worker.submit(lambda: None, "z", "z").result(30)
    while len(done) < 6:
        time.sleep(0.01)
    assert done[:4] == ["a1", "b1", "a2", "b1"]


def test_a_newer_request_takes_the_place_of_the_session_s_older_one():
    worker, token = Worker(), object()
    go = held(worker)
    old = worker.submit(lambda: 1, "a", "a1", token)
    other = worker.submit(lambda: 2, "a", "a2", token)
    new = worker.submit(lambda: 3, "a", "a1", token)
    go.set()
    assert (new.result(30), other.result(30)) == (3, 2)
    with pytest.raises(Superseded):
        old.result(30)


def test_the_queue_is_bounded_by_session_and_in_all():
    worker = Worker(session_waiting=2, waiting=3)
    go = held(worker)
    for session in ("1", "1", "2"):
        worker.submit(lambda: None, "a", session)
    with pytest.raises(Busy, match="limit is 2"):
        worker.submit(lambda: None, "a", "1")
    with pytest.raises(Busy, match="limit is 3"):
        worker.submit(lambda: None, "b", "3")
    go.set()


def test_a_fault_of_one_task_is_its_own():
    worker = Worker()
    with pytest.raises(ZeroDivisionError):
        worker.submit(lambda: 1 / 0).result(30)
    assert worker.submit(lambda: 4).result(30) == 4


def test_pages_are_built_in_turns_and_a_visitor_with_many_rests():
    order = []

    async def scene(busy):
        loop_time = LoopTime(rest=5.0)
        loop_time.charge("c", 0.0)
        builds = Builds(loop_time.left)

        async def build(visitor):
            async with builds.turn(visitor):
                time.sleep(0.02)
                order.append((visitor, time.monotonic()))  # it rests from then on, not earlier
                if busy:
                    loop_time.charge(visitor, 0.02)

        await asyncio.gather(*(build(v) for v in "aaab"))

    asyncio.run(scene(busy=True))
    assert [v for v, _ in order] == ["a", "b", "a", "a"]
    assert order[3][1] - order[2][1] > 0.1  # five times what the last one took
    order.clear()
    asyncio.run(scene(busy=False))
    assert min(np.diff([at for _, at in order])) < 0.1  # a busy machine is not late each time


def test_a_newcomer_does_not_wait_for_a_page_of_everybody_else():
    order = []

    async def scene():
        builds = Builds(lambda visitor: 0.0, pages=Counter("aabbcc").__getitem__)

        async def build(visitor):
            async with builds.turn(visitor):
                order.append(visitor)

        await asyncio.gather(*(build(v) for v in "abcabcn"))

    asyncio.run(scene())
    assert "".join(order) == "anbcabc"


def test_a_page_that_is_given_up_frees_its_turn_and_pages_are_bounded():
    async def scene():
        builds = Builds(lambda visitor: 0.0, waiting=2)
        hold = asyncio.Event()

        async def build():
            async with builds.turn("a"):
                await hold.wait()

        tasks = [asyncio.ensure_future(build()) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="limit is 2"):
            await build()
        tasks[1].cancel()
        hold.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.wait_for(build(), 5)

    asyncio.run(scene())


def test_a_visitor_has_one_long_job_whatever_its_sessions(monkeypatch):
    jobs = Jobs(waiting=2)
    monkeypatch.setattr(jobs, "_begin", lambda job: setattr(jobs, "_running", job))
    monkeypatch.setattr(jobs, "_listen", lambda job: None)
    first = jobs.submit("work", "a")
    with pytest.raises(Busy, match="1 long job already"):
        jobs.submit("work", "a")
    jobs.submit("work", "b")
    jobs.submit("work", "c")
    with pytest.raises(Busy, match="limit 2"):
        jobs.submit("work", "d")
    first.state = "done"
    jobs.submit("work", "a")


def test_jobs_that_wait_are_told_apart_whatever_they_ask_for(monkeypatch):
    """Arrays do not compare as one value: the second in line was neither told nor cancelled."""
    jobs = Jobs(waiting=4, each=2)
    monkeypatch.setattr(jobs, "_begin", lambda job: setattr(jobs, "_running", job))
    monkeypatch.setattr(jobs, "_listen", lambda job: None)

    def asked(visitor, flux=30.0):
        galaxy = Photometry([flux, 75.0, 104.0, 130.0, 145.0], [2.0] * 5, 0.05)
        return jobs.submit(Work("smc", galaxy, 100, 1, DEFAULT_WEIGHTS, "fsps"), visitor)

    first, *waiting = asked("a"), asked("b"), asked("c", 31.0), asked("d"), asked("d")
    told = [jobs.poll(job).text for job in waiting]
    assert told == [f"waiting, {k} in the queue" for k in (1, 2, 3, 4)]
    jobs.cancel(waiting[3])  # and not the one that asks for the same
    jobs.cancel(waiting[1])
    assert [job.state for job in waiting] == ["waiting", "cancelled", "waiting", "cancelled"]
    first.state = "done"
    assert jobs.poll(waiting[2]).text == "waiting, 1 in the queue"
    assert jobs._running is waiting[0]


def test_a_visitor_rests_between_tasks_while_others_are_here():
    for others, expected in ((True, 0.2), (False, 0.0)):
        worker, ends = Worker(others=lambda visitor, o=others: o, rest=lambda visitor: 2.0), []

        def task(ends=ends):
            time.sleep(0.1)
            ends.append(time.monotonic())

        futures = [worker.submit(task, "a", "a1") for _ in range(4)]
        worker.submit(lambda: None, "b", "b1").result(30)  # does not wait for the rest of a
        assert len(ends) < 2 or not others
        [f.result(30) for f in futures]
        between = np.diff(ends)
        assert min(between) > 0.1 + expected - 0.02
        assert others or min(between) < 0.25  # a busy machine may be late, but not each time


@pytest.mark.parametrize(("session", "where"), [("", "here"), ("s1", "beside")])
def test_what_holds_the_lock_for_long_runs_beside_a_server(session, where, monkeypatch):
    monkeypatch.setattr(work, "whose", lambda: ("127.0.0.5", session))
    monkeypatch.setattr(work, "run_aside", lambda function, *args: "beside")
    assert asyncio.run(work.beside(lambda: "here")()) == where


def test_the_steps_of_a_run_are_repeated_beside_the_server(monkeypatch):
    sent = []
    for module in (work, rerun):
        monkeypatch.setattr(module, "whose", lambda: ("127.0.0.5", "s1"))
    monkeypatch.setattr(work, "run_aside", lambda function, *args: sent.append((function, *args)))
    engine = SimpleNamespace(
        used=lambda request: "galaxy",
        posterior=lambda weights: weights,
    )

    async def refined(engine, answer, better, steps):
        return answer

    monkeypatch.setattr(rerun, "refined", refined)
    table = SimpleNamespace(manifest={"settings": {"trust": "proposals"}})
    answer = SimpleNamespace(request=Request("72", n=100))
    assert asyncio.run(rerun.Rerun(table, engine).repeat(answer)) is answer
    assert sent == [(rerun._all_steps, "galaxy", DEFAULT_WEIGHTS, 100, 1, "proposals")]


def test_of_rows_that_are_looked_at_in_haste_the_last_one_is_repeated(monkeypatch):
    """Each of them kept the process beside the server for twelve seconds."""
    begun, sent, gate = threading.Event(), [], threading.Event()

    def slow(function, *args):
        begun.set()
        gate.wait(30)
        sent.append(args)

    monkeypatch.setattr(work, "whose", lambda: ("127.0.0.5", "s1"))
    monkeypatch.setattr(work, "run_aside", slow)

    async def several():
        tasks = [asyncio.ensure_future(work.beside(len, latest="rows")(0))]
        while not begun.is_set():
            await asyncio.sleep(0.01)
        tasks += [asyncio.ensure_future(work.beside(len, latest="rows")(k)) for k in (1, 2, 3)]
        await asyncio.sleep(0.1)
        gate.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = asyncio.run(several())
    assert sent == [(0,), (3,)]
    assert [isinstance(one, Superseded) for one in found] == [False, True, True, False]


def test_a_row_of_a_run_is_asked_for_like_any_posterior():
    """So that its draws count, and that many are made beside the server."""
    asked, request = [], Request("72", n=20_000)
    record = SimpleNamespace(record={"weights_sha256": "w"}, record_sha256="r")

    async def ask(request, only):
        asked.append((request, only))
        return "answer"

    engine = SimpleNamespace(posterior=lambda weights: record, ask=ask)
    weights = {"sha256": "w", "record_sha256": "r"}
    table = SimpleNamespace(manifest={"weights": weights})
    assert asyncio.run(rerun.Rerun(table, engine).answer(request)) == "answer"
    assert asked == [(request, False)]
    weights["sha256"] = "other"
    with pytest.raises(SedflowError, match="not the one that the run was made with"):
        asyncio.run(rerun.Rerun(table, engine).answer(request))
    assert len(asked) == 1


def test_a_page_that_is_only_open_makes_nobody_rest():
    """One idle tab of another visitor made each page wait four times as long as it took."""
    now = [0.0]
    visitors = Visitors(Limits())
    visitors.activity = Activity(clock=lambda: now[0])
    visitors.enter("B", "a session")
    assert not visitors.others("A")
    visitors.activity.mark("B")
    assert visitors.others("A")
    assert not visitors.others("B")
    now[0] = 6.0
    assert not visitors.others("A")


def test_one_visitor_cannot_fill_the_queue_of_all():
    worker = Worker(visitor_waiting=40, waiting=100)
    go = held(worker)
    for session in range(4):
        for _ in range(10):
            worker.submit(int, "a", f"a{session}")
    with pytest.raises(Busy, match="40 tasks wait, and the limit is 40"):
        worker.submit(int, "a", "a9")
    other = worker.submit(int, "b", "b1")
    go.set()
    assert other.result(30) == 0


def test_what_a_page_waits_for_is_given_up_when_it_leaves():
    worker, done = Worker(), []
    go = held(worker)
    left = [worker.submit(lambda: done.append("left"), "a", "a1") for _ in range(3)]
    stays = worker.submit(lambda: done.append("stays"), "a", "a2")
    worker.leave("a1")
    worker.leave("unknown")
    go.set()
    stays.result(30)
    assert done == ["stays"]
    for future in left:
        with pytest.raises(Superseded, match="left"):
            future.result(30)


def test_whoever_asks_for_a_job_is_the_visitor_whose_page_it_is(monkeypatch):
    jobs = Jobs(waiting=4, each=1)
    monkeypatch.setattr(jobs, "_advance", lambda: None)
    monkeypatch.setattr("sedflow.dashboard.server.jobs.whose", lambda: ("a", "a1"))
    jobs.submit(None)
    with pytest.raises(Busy, match="your address has 1 long job already"):
        jobs.submit(None)
    monkeypatch.setattr("sedflow.dashboard.server.jobs.whose", lambda: ("b", "b1"))
    assert jobs.submit(None).visitor == "b"

"""How long other visitors wait for any answer, while one makes ordinary and hostile clicks."""

import asyncio
import contextlib
import http.client
import itertools
import threading
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from visitors import Visitor, serving

pytestmark = pytest.mark.slow
READY = "Half of the mass had formed"
MOST = 1.0  # seconds; an ordinary change of galaxy is drawn in 0.3 s on a free core


TRIES = 3  # a busy machine makes anybody wait, once; what holds the server does so each time
NEXT = itertools.count(1)  # a button counts its clicks: each differs from the one before


class Stage:
    """A server, and the pages that tests share: of Explore, and of Forward."""

    def __init__(self, page, runner):
        self.page, self.runner, self._visitors = page, runner, {}

    async def visitor(self, query):
        """The one whose page has this query, at rest."""
        if query not in self._visitors:
            self._visitors[query] = await opened(self.page, query)
        await rest(self._visitors[query], 0.5)
        return self._visitors[query]

    def wait(self, act, query):
        """Longest wait of another visitor while `act(visitor)` runs."""

        async def scene():
            visitor = await self.visitor(query)
            with other_visitor(self.page) as waits:
                await asyncio.sleep(0.3)
                waits.clear()
                await act(visitor)
                await asyncio.sleep(0.3)
            return max(waits)

        try:
            return self.runner.run(scene())
        except BaseException:
            self._visitors.pop(query, None)  # the next test opens a page of its own
            raise


@pytest.fixture(scope="module")
def stage():
    with serving() as (_, page), asyncio.Runner() as runner:
        yield Stage(page, runner)


@contextlib.contextmanager
def other_visitor(page):
    """Seconds that each request of another visitor takes meanwhile, in a list."""
    place, waits, stop = urlsplit(page), [], threading.Event()

    def knock():
        while not stop.is_set():
            begun = time.perf_counter()
            connection = http.client.HTTPConnection(
                place.hostname, place.port, timeout=60, source_address=("127.0.0.9", 0)
            )
            connection.request("GET", "/favicon.ico")
            connection.getresponse().read()
            connection.close()
            waits.append(time.perf_counter() - begun)
            time.sleep(0.03)

    thread = threading.Thread(target=knock, daemon=True)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join(60)


async def rest(visitor, seconds):
    """Read until nothing comes for so long."""
    with contextlib.suppress(asyncio.TimeoutError):
        while True:
            await asyncio.wait_for(visitor.next(), seconds)


async def opened(page, query=""):
    """A visitor whose galaxy, or model, is drawn."""
    visitor = await Visitor.open(page, "127.0.0.5", query)
    await visitor.shows("AB magnitudes" if "forward" in query else READY)
    await rest(visitor, 1.5)
    await visitor.turn_to("Files")
    return visitor


def check_waits(stage, act, query=""):
    """Nobody waits for long while `act(visitor)` runs."""
    waits = []
    while not waits or (waits[-1] >= MOST and len(waits) < TRIES):
        waits.append(stage.wait(act, query))
    assert min(waits) < MOST, waits


def button(visitor, label):
    return next(
        name
        for name, model in visitor.models.items()
        if model["type"].endswith("FileDownload") and model.get("label") == label
    )


async def lasso(visitor, x, y):
    """Draw a lasso in the corner plot."""
    figure = visitor.model(type="Figure", name="corner")
    geometry = [["type", "poly"], ["x", list(x)], ["y", list(y)]]
    entries = [
        ["model", {"id": figure}],
        ["geometry", {"type": "map", "entries": geometry}],
        ["final", True],
    ]
    event = {
        "type": "event",
        "name": "selectiongeometry",
        "values": {"type": "map", "entries": entries},
    }
    change = {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event}
    await visitor.send("PATCH-DOC", {"events": [change]})


@pytest.mark.parametrize(
    "label",
    [
        "Whole fit (HDF5)",
        *(
            pytest.param(label, marks=pytest.mark.heavy)
            for label in (
                "Corner of all 12 (PDF)",
                "Corner of all 12 (PNG)",
                "Spectrum (SVG)",
                "Draws (FITS)",
                "Draws (Parquet)",
                "Quantiles (ECSV)",
                "Code (Python)",
            )
        ),
    ],
)
def test_nobody_waits_while_a_file_is_made(stage, label):
    async def act(visitor):
        name = button(visitor, label)
        await visitor.set(name, "clicks", next(NEXT))
        await visitor.until(";base64,", 90)
        await visitor.until('"attr":"_transfers"')

    check_waits(stage, act)


def test_a_page_has_one_file_made_at_a_time(stage):
    async def act(visitor):
        await visitor.set(button(visitor, "Corner of all 12 (PNG)"), "clicks", next(NEXT))
        for _ in range(20):
            await visitor.set(button(visitor, "Corner of all 12 (PDF)"), "clicks", next(NEXT))
        await visitor.until("corner-12.png is being made")
        assert "data:image/png" in await visitor.until(";base64,", 90)
        with contextlib.suppress(asyncio.TimeoutError):
            await visitor.until("data:application/pdf", 3)
            pytest.fail("the files that were refused were made")

    check_waits(stage, act)


def test_nobody_waits_while_draws_are_brushed(stage):
    async def act(visitor):
        turn, at = np.linspace(0, 2 * np.pi, 300), 0.45 + 0.01 * next(NEXT) % 0.1
        await lasso(visitor, at + 0.3 * np.cos(turn), 3.45 + 0.3 * np.sin(turn))
        await visitor.until("of the posterior,")

    check_waits(stage, act)


def test_nobody_waits_while_a_lasso_of_a_hundred_thousand_vertices_is_refused(stage):
    rng = np.random.default_rng(0)

    async def act(visitor):
        await lasso(visitor, rng.uniform(0.1, 0.9, 100_000), rng.uniform(3.1, 3.9, 100_000))
        await visitor.until("this change was refused")

    check_waits(stage, act)


def test_nobody_waits_while_five_megabytes_are_sought(stage):
    async def act(visitor):
        field = visitor.model(name="frame_say")
        await visitor.set(field, "value", "7 " * 2_500_000)
        said = await visitor.until("this change was refused")
        assert len(said) < 20_000

    check_waits(stage, act)


def test_nobody_waits_while_all_quantities_are_drawn(stage):
    async def act(visitor):
        group = next(k for k, m in visitor.models.items() if "six" in (m.get("labels") or ()))
        for choice in (2, 1, 2):
            await visitor.set(group, "active", choice)
        await visitor.until("log SFR")
        await asyncio.sleep(3)

    check_waits(stage, act)


def test_nobody_waits_while_a_thousand_clicks_come_in_one_message(stage):
    async def act(visitor):
        values = {
            "type": "map",
            "entries": [["model", {"id": visitor.model(label="Pin this curve")}]],
        }
        event = {"type": "event", "name": "button_click", "values": values}
        change = {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event}
        await visitor.send("PATCH-DOC", {"events": [change] * 1000})
        await visitor.until("this change was refused")

    check_waits(stage, act, "?view=forward")


def test_nobody_waits_while_lists_follow_something_late(stage):
    late = {"kind": "ModelChanged", "model": {"id": "p999999999"}, "attr": "value", "new": 1.0}

    async def act(visitor):
        for _ in range(3):
            await visitor.send("PATCH-DOC", {"events": [late, [[1] * 3] * 800_000]})
            await visitor.until("this change was refused")

    check_waits(stage, act, "?view=forward")

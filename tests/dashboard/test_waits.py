"""How long other visitors wait for any answer, while one makes ordinary and hostile clicks."""

import asyncio
import contextlib
import http.client
import threading
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from visitors import Visitor, serving

pytestmark = pytest.mark.slow
READY = "Half of the mass had formed"
MOST = 1.0  # seconds; an ordinary change of galaxy is drawn in 0.3 s on a free core


@pytest.fixture(scope="module")
def server():
    with serving() as (_, page):
        yield page


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


async def opened(page, query=""):
    """A visitor whose galaxy, or model, is drawn."""
    visitor = await Visitor.open(page, "127.0.0.5", query)
    await visitor.shows("AB magnitudes" if "forward" in query else READY)
    with contextlib.suppress(asyncio.TimeoutError):
        while True:
            await asyncio.wait_for(visitor.next(), 1.5)
    await visitor.turn_to("Files")
    return visitor


def longest_wait(page, act, query=""):
    """Longest wait of another visitor while `act(visitor)` runs."""

    async def scene():
        visitor = await opened(page, query)
        with other_visitor(page) as waits:
            await asyncio.sleep(0.3)
            waits.clear()
            await act(visitor)
            await asyncio.sleep(0.3)
        visitor.close()
        return max(waits)

    return asyncio.run(scene())


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
        "Corner of all 12 (PDF)",
        "Whole fit (HDF5)",
        *(
            pytest.param(label, marks=pytest.mark.heavy)
            for label in (
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
def test_nobody_waits_while_a_file_is_made(server, label):
    async def act(visitor):
        name = button(visitor, label)
        await visitor.set(name, "clicks", 1)
        await visitor.until(";base64,", 90)
        await visitor.until('"attr":"_transfers"')

    assert longest_wait(server, act) < MOST


def test_a_page_has_one_file_made_at_a_time(server):
    async def act(visitor):
        await visitor.set(button(visitor, "Corner of all 12 (PNG)"), "clicks", 1)
        for k in range(20):
            await visitor.set(button(visitor, "Corner of all 12 (PDF)"), "clicks", k + 1)
        await visitor.until("corner.png is being made")
        assert "data:image/png" in await visitor.until(";base64,", 90)
        with contextlib.suppress(asyncio.TimeoutError):
            await visitor.until("data:application/pdf", 3)
            pytest.fail("the files that were refused were made")

    assert longest_wait(server, act) < MOST


def test_nobody_waits_while_draws_are_brushed(server):
    async def act(visitor):
        turn = np.linspace(0, 2 * np.pi, 300)
        await lasso(visitor, 0.45 + 0.3 * np.cos(turn), 3.45 + 0.3 * np.sin(turn))
        await visitor.until("of the posterior,")

    assert longest_wait(server, act) < MOST


def test_nobody_waits_while_a_lasso_of_a_hundred_thousand_vertices_is_refused(server):
    rng = np.random.default_rng(0)

    async def act(visitor):
        await lasso(visitor, rng.uniform(0.1, 0.9, 100_000), rng.uniform(3.1, 3.9, 100_000))
        await visitor.until("this change was refused")

    assert longest_wait(server, act) < MOST


def test_nobody_waits_while_five_megabytes_are_sought(server):
    async def act(visitor):
        field = visitor.model(name="frame_say")
        await visitor.set(field, "value", "7 " * 2_500_000)
        said = await visitor.until("this change was refused")
        assert len(said) < 20_000

    assert longest_wait(server, act) < MOST


def test_nobody_waits_while_all_quantities_are_drawn(server):
    async def act(visitor):
        group = next(k for k, m in visitor.models.items() if "six" in (m.get("labels") or ()))
        for choice in (2, 1, 2):
            await visitor.set(group, "active", choice)
        await visitor.until("log SFR")
        await asyncio.sleep(3)

    assert longest_wait(server, act) < MOST


def test_nobody_waits_while_a_thousand_clicks_come_in_one_message(server):
    async def act(visitor):
        values = {
            "type": "map",
            "entries": [["model", {"id": visitor.model(label="Pin this curve")}]],
        }
        event = {"type": "event", "name": "button_click", "values": values}
        change = {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event}
        await visitor.send("PATCH-DOC", {"events": [change] * 1000})
        await visitor.until("this change was refused")

    assert longest_wait(server, act, "?view=forward") < MOST


def test_nobody_waits_while_lists_follow_something_late(server):
    late = {"kind": "ModelChanged", "model": {"id": "p999999999"}, "attr": "value", "new": 1.0}

    async def act(visitor):
        for _ in range(3):
            await visitor.send("PATCH-DOC", {"events": [late, [[1] * 3] * 800_000]})
            await visitor.until("this change was refused")

    assert longest_wait(server, act, "?view=forward") < MOST

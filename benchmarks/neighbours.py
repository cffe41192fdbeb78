"""What one visitor of a server costs another: waits as ratios, and memory after many visits.

    python benchmarks/neighbours.py             # some minutes
    python benchmarks/neighbours.py --memory    # rounds of 30 sessions, a tenth of them dropped

Visitor B picks galaxies, one after another, and waits for each posterior, or moves a slider of the
forward model and waits for its curve; visitor A, at another address of this machine, does what
costs most, from a process of its own. Clients and server share the cores, so the waits are upper
limits.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import multiprocessing
import os
import random
import sys
import time

import numpy as np
import psutil
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClosedError
from visitors import Visitor, serving

import sedflow

GALAXIES = [int(nsaid) for nsaid in sedflow.load_nsa().ids[1::20]]  # none is asked for twice
A, B = "127.0.0.2", "127.0.0.3"


class Stop:
    """When an attack in a process of its own is to end; it says when it has its pages."""

    def __init__(self):
        context = multiprocessing.get_context("spawn")
        self.begun, self._stop = context.Event(), context.Event()
        self.set, self.is_set = self._stop.set, self._stop.is_set

    async def wait(self):
        """Until it is to end."""
        while not self.is_set():
            await asyncio.sleep(0.1)


def attacking(name, page, stop):
    """An attack, in this process."""
    asyncio.run(ATTACKS[name][0](page, stop))


async def ready(page, source, query="", listens=False, card=""):
    """A visitor whose first posterior has come, with a card of Explore's deck opened.

    If it listens, it takes in all that comes.
    """
    one = await Visitor.open(page, source, query)
    await one.shows("Half of the mass had formed")
    if card:
        await one.turn_to(card)
    if listens:
        one.ear = asyncio.ensure_future(hear(one))
    return one


async def hear(one):
    while await one.next() is not None:
        pass


async def picks(b, n):
    """Seconds from each pick to its posterior."""
    times = []
    for k in range(n):
        b.picked = getattr(b, "picked", 0) + 1  # never the one that is shown: no title comes then
        nsaid = GALAXIES[b.picked % len(GALAXIES)]
        start = time.perf_counter()
        await b.say(f"find {nsaid}")
        await b.until(f"NSAID {nsaid},")
        if k:
            times.append(time.perf_counter() - start)
        await asyncio.sleep(0.3)
    return times


async def forward(page, source, listens=False):
    """A visitor of the forward model."""
    one = await Visitor.open(page, source, "?view=forward")
    await one.shows("AB magnitudes")
    if listens:
        one.ear = asyncio.ensure_future(hear(one))
    return one


def sliders(one):
    """(ID, lowest, highest value) of each slider."""
    return [(k, m["start"], m["end"]) for k, m in one.models.items() if m["type"] == "Slider"]


async def slides(b, n):
    """Seconds from each move of a slider to the new curve."""
    (slider, low, high), times = sliders(b)[0], []
    for k in range(n):
        start = time.perf_counter()
        b.moves = getattr(b, "moves", 0) + 1
        await b.set(slider, "value", low + (high - low) * (0.137 * b.moves % 1))
        await b.until("AB magnitudes")
        if k:
            times.append(time.perf_counter() - start)
        await asyncio.sleep(0.2)
    return times


async def anyhow(one, send):
    """Do `await send()`; if the server has closed the socket, try to open it again."""
    try:
        await send()
    except WebSocketClosedError:
        await asyncio.sleep(0.2)
        with contextlib.suppress(HTTPClientError, ConnectionError, OSError, TypeError):
            await one.connect()
            one.ear = asyncio.ensure_future(hear(one))


async def clicks(page, stop):
    """Clicks on "Pin this curve", each second time a thousand in one message."""
    tab = await forward(page, A, listens=True)
    button = tab.model(label="Pin this curve")
    values = {"type": "map", "entries": [["model", {"id": button}]]}
    event = {"type": "event", "name": "button_click", "values": values}
    change = {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event}
    stop.begun.set()
    while not stop.is_set():
        for n in (1000, 1):
            await anyhow(tab, lambda n=n: tab.send("PATCH-DOC", {"events": [change] * n}))
            await asyncio.sleep(0.02)
    tab.close()


async def lists(page, stop):
    """Messages of 11 MB whose first change is of a figure that has left."""
    tab = await forward(page, A, listens=True)
    late = {"kind": "ModelChanged", "model": {"id": "p999999999"}, "attr": "value", "new": 1.0}
    content = json.dumps({"events": [late, [[1] * 3] * 1_000_000]}, separators=(",", ":"))
    parts = (json.dumps({"msgid": "1", "msgtype": "PATCH-DOC"}), "{}", content)

    async def send():
        for part in parts:
            await tab.socket.write_message(part)

    stop.begun.set()
    while not stop.is_set():
        await anyhow(tab, send)
        await asyncio.sleep(0.02)
    tab.close()


async def slide(tab, stop, rate):
    """Move a slider at random, so many times a second."""
    found = sliders(tab)
    while not stop.is_set():
        slider, low, high = random.choice(found)
        value = random.uniform(low, high)
        await anyhow(tab, lambda s=slider, v=value: tab.set(s, "value", v))
        await asyncio.sleep(1 / rate)


async def three_sliding(page, stop):
    """Sixty moves of sliders a second on each of three pages."""
    tabs = [await forward(page, A, listens=True) for _ in range(3)]
    stop.begun.set()
    await asyncio.gather(*(slide(tab, stop, 60) for tab in tabs))
    for tab in tabs:
        tab.close()


async def eighty_sockets(page, stop):
    """Eighty sockets of one session, and five moves of a slider a second."""
    tabs = [await forward(page, A, listens=True)]
    for _ in range(79):
        tab = Visitor(page, A)
        tab.token, tab.models = tabs[0].token, tabs[0].models
        with contextlib.suppress(HTTPClientError, ConnectionError, OSError, TypeError):
            await tab.connect()
            tab.ear = asyncio.ensure_future(hear(tab))
            tabs.append(tab)
    stop.begun.set()
    await slide(tabs[-1], stop, 5)
    for tab in tabs:
        tab.close()


async def max_draws(page, stop):
    """20,000 draws, again and again, in three tabs."""
    tabs = [await ready(page, A, listens=True, card="Network") for _ in range(3)]
    seed = 1
    stop.begun.set()
    while not stop.is_set():
        for tab in tabs:
            seed += 1
            await tab.set(tab.model(title="draws"), "value", 20_000)
            await tab.set(tab.model(title="seed"), "value", seed)
        await asyncio.sleep(0.5)
    for tab in tabs:
        tab.close()


async def mcmc(page, stop):
    """MCMC, started again whenever it is over."""
    tab = await ready(page, A, listens=True)
    stop.begun.set()
    while not stop.is_set():
        await tab.click(tab.model(label="Run MCMC"))
        await asyncio.sleep(0.5)
    tab.close()


async def upload(page, stop):
    """A catalogue of 9 MB, again and again."""
    rows = ["name,redshift,mag_g,magerr_g,mag_r,magerr_r"]
    rows += [f"galaxy{k:08d},0.05,17.0000,0.0300,16.5000,0.0300" for k in range(180_000)]
    content = base64.b64encode("\n".join(rows).encode()).decode()
    tab = await ready(page, A, "?view=data", listens=True)
    field = next(k for k, m in tab.models.items() if m["type"].endswith("FileInput"))
    k = 0
    stop.begun.set()
    while not stop.is_set():
        k += 1
        await tab.set(field, "filename", f"mine{k}.csv")
        await tab.set(field, "value", content + "\n" * (k % 2))
        await asyncio.sleep(3)
    tab.close()


async def thirty_tabs(page, stop):
    """Thirty pages at once, each with its socket and its posterior."""

    async def tab(k):
        try:
            one = await Visitor.open(page, A, f"?galaxy={GALAXIES[k % len(GALAXIES)]}&seed={k}")
        except Exception:  # refused: that is the point
            return
        one.ear = asyncio.ensure_future(hear(one))
        await stop.wait()
        one.close()

    stop.begun.set()
    await asyncio.gather(*(tab(k) for k in range(30)))


#: Name -> (what A does, how B opens a page, what B waits for).
ATTACKS = {
    "20,000 draws, three tabs": (max_draws, ready, picks),
    "MCMC": (mcmc, ready, picks),
    "upload of 9 MB": (upload, ready, picks),
    "the same": (upload, forward, slides),
    "thirty tabs": (thirty_tabs, ready, picks),
    "1,000 clicks in a message": (clicks, forward, slides),
    "11 MB behind a late change": (lists, forward, slides),
    "60 slider moves/s, 3 pages": (three_sliding, forward, slides),
    "80 sockets of a session": (eighty_sockets, forward, slides),
}


async def waits(page, n, word=""):
    """Ratio of B's waits beside each attack of A to those before and after it, as a table."""
    print("| A does | B waits for | alone | beside | medians | 90 % quantiles | load |")
    print("|---|---|---|---|---|---|---|")
    context = multiprocessing.get_context("spawn")
    for name, (attack, opened, probe) in ATTACKS.items():
        if word not in name:
            continue
        b = await opened(page, B)
        await probe(b, 3)
        alone = await probe(b, n // 2)
        stop = Stop()
        attacker = context.Process(target=attacking, args=(name, page, stop), daemon=True)
        attacker.start()
        end = time.monotonic() + 300
        while attacker.is_alive() and not stop.begun.is_set() and time.monotonic() < end:
            await probe(b, 2)
        await asyncio.sleep(0.5 if attack is thirty_tabs else 3)
        beside = await probe(b, n)
        if not attacker.is_alive():  # it ended by itself: then nothing was measured
            raise RuntimeError(f"the attack {name!r} ended by itself")
        b.close()
        stop.set()
        await asyncio.to_thread(attacker.join, 60)
        attacker.kill()
        await asyncio.sleep(2)
        b = await opened(page, B)  # not the one that has not listened meanwhile
        await probe(b, 3)
        alone += await probe(b, n // 2)
        b.close()
        (middle, high), (middle_, high_) = (np.quantile(t, (0.5, 0.9)) for t in (alone, beside))
        what = "a posterior" if probe is picks else "a curve"
        print(
            f"| {name} | {what} | {middle:.2f} s | {middle_:.2f} s | x {middle_ / middle:.2f} "
            f"| x {high_ / high:.2f} | {os.getloadavg()[0]:.0f} |",
            flush=True,
        )
        await asyncio.sleep(18)


async def visit(page, k, few):
    """One of a round's sessions, with two posteriors or the forward model."""
    async with few:
        one = await Visitor.open(page, f"127.0.1.{k + 1}", "?view=forward" if k % 2 else "")
        if not k % 2:
            await one.shows("Half of the mass had formed", 300)
            await one.say(f"find {GALAXIES[k % len(GALAXIES)]}")
            await one.until(f"NSAID {GALAXIES[k % len(GALAXIES)]},", 300)
    one.ear = asyncio.ensure_future(hear(one))  # who does not listen answers no ping
    return one


async def memory(page, server, rounds, rest):
    """Memory of the server after each round of 30 sessions [MB]."""
    print("| round | 30 sessions open | after | grown |\n|---|---|---|---|")
    last = None
    for round_ in range(1, rounds + 1):
        few = asyncio.Semaphore(4)
        visits = (visit(page, k, few) for k in range(30))
        found = await asyncio.gather(*visits, return_exceptions=True)
        visitors = [one for one in found if isinstance(one, Visitor)]
        for error in found:
            if not isinstance(error, Visitor):
                print(f"a session failed: {error!r}", file=sys.stderr, flush=True)
        for k in range(3):  # fetched, and its websocket never opened
            await Visitor(page, f"127.0.2.{k + 1}").fetch()
        full = server.memory_info().rss / 1e6
        for k, one in enumerate(visitors):
            with contextlib.suppress(OSError, AttributeError):  # closed by the server
                one.drop() if k % 10 == 0 else one.close()
        del visitors, found, one
        begun = time.monotonic()
        while time.monotonic() < begun + rest:
            await asyncio.sleep(1)
        now = server.memory_info().rss / 1e6
        grown = "" if last is None else f"{now - last:+.1f} MB"
        print(f"| {round_} | {full:.0f} MB | {now:.0f} MB | {grown} |", flush=True)
        last = now


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", action="store_true", help="rounds of 30 sessions")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--rest", type=float, default=45, help="seconds after each")
    parser.add_argument("--picks", type=int, default=24)
    parser.add_argument("--attack", default="", help="a word of the only attack to try")
    args = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, 3,000 draws a galaxy\n")
    with serving() as (process, page):
        if args.memory:
            server = psutil.Process(process.pid)
            asyncio.run(memory(page, server, args.rounds, args.rest))
        else:
            asyncio.run(waits(page, args.picks, args.attack))


if __name__ == "__main__":
    main()

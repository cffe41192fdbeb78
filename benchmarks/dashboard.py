"""From a click to the painted result, in a real Chromium on this machine; and many at once.

    python benchmarks/dashboard.py              # a few minutes
    python benchmarks/dashboard.py --sessions   # also 10 and 30 sessions

Server and browser share the cores, so these are upper limits. Needs Debian's chromium.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from neighbours import forward
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
IDLE = "() => window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle"
# Two animation frames after the data arrived, the picture stands on the screen.
PAINTED = "() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))"
GALAXIES = (2489, 2490, 2503, 2507, 2509, 2516, 2517, 2523)
MODELS = "[...Bokeh.documents[0]._all_models.values()]"
# The browser tells when a source has new data: no polling over the driver's wire.
WAIT = f"""([name, column]) => new Promise(done => {{
    const source = {MODELS}.find(m => m.name == name)
    const signal = source.properties.data.change
    const slot = () => {{
        signal.disconnect(slot)
        requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())))
    }}
    signal.connect(slot)
}})"""
# The same, of the corner plot of another galaxy.
TITLED = f"""wanted => new Promise(done => {{
    const title = {MODELS}.find(m => m.name == 'corner').title
    const slot = () => {{
        if (!title.text.startsWith(wanted)) return
        title.properties.text.change.disconnect(slot)
        requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())))
    }}
    title.properties.text.change.connect(slot)
}})"""
BEGIN = """() => {
    const begin = () => { window.__start = performance.now() }
    for (const type of ["click", "keydown"]) {
        document.addEventListener(type, begin, {capture: true, once: true})
    }
    begin()
}"""


def serve(workers=1, script="app.py"):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [sys.executable, "-m", "panel", "serve", script, "--address", "127.0.0.1"]
    command += ["--port", str(port), "--allow-websocket-origin", f"127.0.0.1:{port}"]
    command += ["--num-procs", str(workers)] if workers > 1 else []
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    while True:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return process, f"http://127.0.0.1:{port}/{Path(script).stem}"
        time.sleep(0.2)


def stop(process):
    """End the server and its workers."""
    os.killpg(process.pid, 15)
    process.wait()


def say(label, times, unit="ms"):
    scale = 1000 if unit == "ms" else 1
    middle, high = (scale * np.quantile(times, q) for q in (0.5, 0.95))
    digits = 0 if unit == "ms" else 2
    print(f"{label:46} {middle:7.{digits}f} {high:7.{digits}f} {unit}", flush=True)


def title(page):
    return page.evaluate(f"() => {MODELS}.find(m => m.name == 'corner')?.title?.text")


def pick(page, nsaid):
    """Seconds from Enter to the new galaxy's corner plot on the screen."""
    page.get_by_label("Find a galaxy").fill(str(nsaid))
    page.evaluate(f"wanted => {{ window.__wait = ({TITLED})(wanted) }}", f"NSAID {nsaid},")
    return _seconds(page, lambda: page.keyboard.press("Enter"))


def until(page, act, source, column="x"):
    """Seconds from an action to the data of a source, painted.

    The clock of a click or a key begins with the event: playwright needs some 40 ms to find out
    where to click.
    """
    page.evaluate(f"() => {{ window.__wait = ({WAIT})(['{source}', '{column}']) }}")
    return _seconds(page, act)


def _seconds(page, act):
    """Seconds from an action to the end of what the page waits for."""
    page.evaluate(BEGIN)
    act()
    return page.evaluate("async () => (await window.__wait) - window.__start") / 1000


VISITS = ("first visit of the server", "later visit", "later visit")


def _browser(playwright):
    return playwright.chromium.launch(
        executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS
    )


def _opened(browser, address):
    """A page whose document is idle, and when it was asked for."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    start = time.perf_counter()
    page.goto(address)
    page.wait_for_function(IDLE, timeout=60_000)
    return page, start


def empty_page():
    """Seconds to a page of the same kit with two plots, painted."""
    process, address = serve(script="benchmarks/empty_page.py")
    try:
        with sync_playwright() as playwright:
            browser = _browser(playwright)
            for visit in VISITS:
                page, start = _opened(browser, address)
                page.evaluate(PAINTED)
                print(f"{'empty page, ' + visit:46} {time.perf_counter() - start:7.2f} [s]")
            browser.close()
    finally:
        stop(process)


def one_visitor():
    process, address = serve()
    try:
        with sync_playwright() as playwright:
            browser = _browser(playwright)
            for visit in VISITS:
                page, start = _opened(browser, address)
                idle = time.perf_counter() - start
                while title(page) is None:
                    page.wait_for_timeout(20)
                page.evaluate(PAINTED)
                print(
                    f"{visit:46} {idle:7.2f} page, {time.perf_counter() - start:.2f} posterior [s]"
                )
            print(f"{'':46} {'median':>7} {'95 %':>7}")
            say("galaxy pick to posterior painted", [pick(page, n) for n in GALAXIES], "s")
            say("the same galaxies again", [pick(page, n) for n in GALAXIES], "s")
            for n, button in ((6, "six"), (12, "12")):
                _corner(page, n, button)
            _forward(page)
            browser.close()
    finally:
        stop(process)


def _corner(page, n, button):
    page.get_by_role("button", name="Network", exact=True).click()
    page.get_by_label("draws", exact=True).fill("10000")
    page.get_by_label("draws", exact=True).press("Enter")
    page.wait_for_timeout(4000)
    page.get_by_role("button", name=button, exact=True).click()
    page.wait_for_timeout(2000)
    network = page.get_by_role("button", name="network", exact=True)
    for _ in range(2):  # what was never drawn has no source yet
        network.click()
        page.wait_for_timeout(2000)
    times = [until(page, network.click, "corner_contours_network") for _ in range(10)]
    say(f"corner {n} x {n}: second set of 10,000 drawn or taken off", times)
    if not page.evaluate(
        f"() => {MODELS}.find(m => m.name == 'corner_contours_network').data.x.length"
    ):
        network.click()
    _brush(page, n, 0.39)
    page.wait_for_timeout(2000)
    ends = [0.4 + 0.04 * k for k in range(10)]
    brushes = [partial(_brush, page, n, end) for end in ends]
    times = [until(page, one, "corner_histograms_selected") for one in brushes]
    say(f"corner {n} x {n}: brush to everything painted", times)
    page.get_by_role("button", name="Clear", exact=True).click()


def _brush(page, n, end):
    """Select a box of a corner plot of n quantities, as a drag does."""
    page.evaluate(
        f"""g => {{
            const m = {MODELS}.find(m => m.name == 'corner')
            m.trigger_event(new (Bokeh.require('core/bokeh_events').SelectionGeometry)(g, true))
        }}""",
        {"type": "rect", "x0": 0.1, "x1": end, "y0": n - 1.9, "y1": n - 1.3},
    )


def _forward(page):
    page.get_by_role("link", name="Forward", exact=True).click()
    page.get_by_text("AB magnitudes:").wait_for()
    page.locator(".noUi-handle").first.focus()
    page.wait_for_timeout(1500)
    times = [
        until(page, lambda: page.keyboard.press("ArrowRight"), "forward_sed_spectrum")
        for _ in range(60)
    ]
    say("slider to spectrum painted", times)


async def visitor(address, k, begin, seconds, out, rate=5.0):
    """One session of the forward page that moves a slider five times a second."""
    one = await forward(address, f"127.0.3.{k + 1}")
    slider = one.model(title="τ ISM")
    await begin.wait()
    end, k = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        tick, k = time.monotonic(), k + 1
        await one.set(slider, "value", 0.5 + 0.01 * (k % 100))
        await one.until("AB magnitudes")
        out.append(time.monotonic() - tick)
        await asyncio.sleep(max(0, 1 / rate - (time.monotonic() - tick)))
    one.close()


def many_visitors(n, workers, seconds=10):
    process, address = serve(workers)
    try:
        times = asyncio.run(_crowd(address, n, seconds))
        say(f"{n} sessions of the forward page at 5 Hz, {workers} process", times)
    finally:
        stop(process)


async def _crowd(address, n, seconds):
    times, begin = [], asyncio.Barrier(n)
    await asyncio.gather(*(visitor(address, k, begin, seconds, times) for k in range(n)))
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", action="store_true", help="10 and 30 sessions")
    args = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, 3,000 draws a galaxy")
    empty_page()
    one_visitor()
    if args.sessions:
        for n, workers in ((10, 1), (30, 1), (30, 2)):
            many_visitors(n, workers)


if __name__ == "__main__":
    main()

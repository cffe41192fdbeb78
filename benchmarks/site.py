"""How fast the static site is, in headless Chromium: the table of docs/site.md.

    python benchmarks/site.py                # writes the site, serves it here, measures
    python benchmarks/site.py --galaxies 20  # fewer galaxies
    python benchmarks/site.py --starts 5     # only the start, so many times

Prints a Markdown table and the load of the machine. Needs Debian's chromium.
"""

import argparse
import gzip
import os
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

from playwright.sync_api import sync_playwright

from sedflow.site.write import write_site

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FLAGS += ["--enable-precise-memory-info", "--js-flags=--expose-gc"]
CLIENTS = 30
#: Times of a start, with their goals.
STARTS = {
    "first paint [ms]": "1000",
    "list, map and lessons there, cold cache, localhost [ms]": "",
    "ready to infer, cold cache, localhost [ms]": "3000",
}


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that does not write a line per request."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

    def log_message(self, format, *args):
        """Say nothing."""


def cold(browser, address):
    """First paint, page shown and ready to infer, of a visitor with an empty cache [ms]."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("html[data-ready]", timeout=120_000)
    paint = page.evaluate(
        "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
    )
    shown, ready = (
        float(page.evaluate(f"() => document.documentElement.dataset.{name}"))
        for name in ("shown", "ready")
    )
    page.wait_for_selector("html[data-painted]", timeout=120_000)
    return context, page, (paint, shown, ready)


def pick(page, count):
    """From a galaxy's choice to its posterior in every figure [ms], for this many galaxies."""
    times = []
    for _ in range(count):
        page.evaluate("() => { delete document.documentElement.dataset.painted }")
        page.keyboard.press("j")
        page.wait_for_selector("html[data-painted]", timeout=60_000)
        times.append(float(page.evaluate("() => document.documentElement.dataset.painted")))
    return times


def brushing(page, moves=20):
    """Work of the page after each move of the mouse with a box in the 6 x 6 corner plot [ms]."""
    box = page.locator(".corner g.brush rect.overlay").nth(1).bounding_box()
    return page.evaluate(
        """async ([x, y, w, h, moves]) => {
            const target = document.elementFromPoint(x + 4, y + 4), out = []
            const send = (type, px, py, on) => on.dispatchEvent(new MouseEvent(type, {
                bubbles: true, cancelable: true, view: window, button: 0,
                clientX: px, clientY: py }))
            send('mousedown', x + 4, y + 4, target)
            for (let k = 1; k <= moves; k++) {
                const begun = performance.now()
                send('mousemove', x + 4 + (w - 8) * k / moves, y + 4 + (h - 8) * k / moves, window)
                out.push(performance.now() - begun)
                await new Promise(done => requestAnimationFrame(done))
            }
            send('mouseup', x + w - 4, y + h - 4, window)
            return out
        }""",
        [box["x"], box["y"], box["width"], box["height"], moves],
    )


def sliding(page, moves=40):
    """Work of engine and page for each value of a slider that is shown [ms]: two lists."""
    page.get_by_role("link", name="Forward").click()
    page.locator("p.num", has_text="AB magnitudes").wait_for()
    pairs = page.evaluate(
        """async moves => {
            const slider = document.getElementById('slider-tau_ism'), out = []
            const node = document.querySelector('.forward')
            for (let k = 1; k <= moves; k++) {
                delete node.dataset.milliseconds
                slider.value = 2 * k / moves
                slider.dispatchEvent(new Event('input'))
                while (!node.dataset.milliseconds) await new Promise(done => setTimeout(done))
                out.push(node.dataset.milliseconds.split(' ').map(Number))
            }
            return out
        }""",
        moves,
    )
    page.get_by_role("link", name="Explore").click()
    return [a for a, _ in pairs], [b for _, b in pairs]


def memory(page):
    """Heap of the page after a collection [MB]; the worker's is not in it."""
    page.evaluate("() => globalThis.gc?.()")
    return page.evaluate("() => performance.memory.usedJSHeapSize") / 1e6


def worker_memory(browser):
    """Resident memory of Chromium's renderers [MB], where the system says it."""
    client = browser.new_browser_cdp_session()
    found = client.send("SystemInfo.getProcessInfo")["processInfo"]
    total = 0
    for one in found:
        if one["type"] == "renderer":
            lines = Path(f"/proc/{one['id']}/status").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
    return total / 1e3


def growth(page, browser, count):
    """Times of many picks [ms]; memory [MB] of heap and renderers before and at each quarter."""
    times, heap, whole = [], [memory(page)], [worker_memory(browser)]
    for k in range(4):
        times += pick(page, count * (k + 1) // 4 - count * k // 4)
        heap.append(memory(page))
        whole.append(worker_memory(browser))
    return times, heap, whole


def served(address, folder):
    """Seconds until 30 clients have every file of the folder from one server, and MB of each."""
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]

    def visit(_):
        return sum(len(urlopen(f"{address}{name}").read()) for name in names)

    begun = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        sizes = list(pool.map(visit, range(CLIENTS)))
    return time.perf_counter() - begun, sizes[0] / 1e6


def wire(folder):
    """Sizes of the folder, as it is and gzipped file by file [MB]."""
    contents = [p.read_bytes() for p in folder.rglob("*") if p.is_file()]
    small = sum(min(len(c), len(gzip.compress(c, 6))) for c in contents)
    return sum(map(len, contents)) / 1e6, small / 1e6


def high(values):
    """Median, 90 % and the largest of times, as text."""
    ordered = sorted(values)
    most = ordered[round(0.9 * (len(values) - 1))]
    return f"{statistics.median(values):.0f} (90 %: {most:.0f}, most: {ordered[-1]:.0f})"


def listed(values):
    """Whole numbers, as text."""
    return ", ".join(f"{value:.0f}" for value in values)


def starts(browser, address, count):
    """The times of `cold` of visitors who come one after the other: three lists."""
    times = []
    for _ in range(count):
        context, _, found = cold(browser, address)
        context.close()
        times.append(found)
    return [list(column) for column in zip(*times, strict=True)]


def main():
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--galaxies", type=int, default=100)
    parser.add_argument("--starts", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = write_site(Path(temporary) / "site")
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
        server.request_queue_size = 128
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            if args.starts:
                for name, values in zip(STARTS, starts(browser, address, args.starts), strict=True):
                    print(f"{name}: {high(values)}")
                server.shutdown()
                return
            _, page, start = cold(browser, address)
            pick(page, 3)  # whatever is slow once is slow here
            moves = brushing(page)
            engine, drawing = sliding(page)
            picks, heap, whole = growth(page, browser, args.galaxies)
            browser.close()
        seconds, each = served(address, folder)
        size, small = wire(folder)
        server.shutdown()
    rows = [
        *(
            (name, f"{value:.0f}", goal)
            for (name, goal), value in zip(STARTS.items(), start, strict=True)
        ),
        ("pick to exact posterior of 1,000 draws painted [ms]", high(picks), "500"),
        ("slider: engine, in its worker [ms]", high(engine), ""),
        ("slider: work of the page for a frame [ms]", high(drawing), "16, at most 33"),
        ("brush to everything painted, 6 x 6 [ms]", high(moves), "60"),
        (
            f"heap of the page, at each quarter of {args.galaxies} galaxies [MB]",
            listed(heap),
            "flat",
        ),
        ("memory of Chromium's renderers, the same [MB]", listed(whole), "400"),
        (f"{CLIENTS} clients, every file [s]; MB each", f"{seconds:.1f}; {each:.1f}", ""),
        ("the folder, as it is and gzipped [MB]", f"{size:.1f}, {small:.1f}", "25, 8"),
    ]
    print("\n| what | measured | goal |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(f"\nload after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

"""From a click to the painted result, in a real Chromium on this machine.

    python benchmarks/dashboard.py

Server and browser share the cores, so these are upper limits. Needs Debian's chromium.
"""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
IDLE = "() => window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle"
# Two animation frames after the data arrived, the picture stands on the screen.
PAINTED = "() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))"
GALAXIES = (2489, 2490, 2503, 2507, 2509, 2516, 2517, 2523)


def serve():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [sys.executable, "-m", "panel", "serve", "app.py", "--address", "127.0.0.1"]
    command += ["--port", str(port), "--allow-websocket-origin", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    while True:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return process, f"http://127.0.0.1:{port}/app"
        time.sleep(0.2)


def title(page):
    return page.evaluate(
        "() => [...Bokeh.documents[0]._all_models.values()]"
        ".find(m => m.name == 'corner')?.title?.text"
    )


def pick(page, nsaid):
    """Seconds from Enter to the new galaxy's corner plot on the screen."""
    field = page.get_by_label("NSAID")
    field.fill(str(nsaid))
    start = time.perf_counter()
    field.press("Enter")
    while not str(title(page)).startswith(f"NSAID {nsaid},"):
        page.wait_for_timeout(5)
    page.evaluate(PAINTED)
    return time.perf_counter() - start


def slide(page, text):
    """Seconds from a key on a slider to the new magnitudes, spectrum and histories."""
    before = text.inner_text()
    start = time.perf_counter()
    page.keyboard.press("ArrowRight")
    while text.inner_text() == before:
        page.wait_for_timeout(2)
    page.evaluate(PAINTED)
    return time.perf_counter() - start


def main():
    process, address = serve()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, 3,000 draws a galaxy")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS
            )
            for visit in ("first visit, data loaded", "second visit"):
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                start = time.perf_counter()
                page.goto(address)
                page.wait_for_function(IDLE, timeout=60_000)
                while title(page) is None:
                    page.wait_for_timeout(20)
                page.evaluate(PAINTED)
                print(f"{visit:32} {time.perf_counter() - start:6.2f} s")
            times = [pick(page, nsaid) for nsaid in GALAXIES]
            print(f"{'galaxy pick to posterior, median':32} {np.median(times):6.2f} s")
            print(f"{'  slowest':32} {max(times):6.2f} s")
            page.get_by_text("Forward model").click()
            text = page.get_by_text("AB magnitudes:")
            text.wait_for()
            page.locator(".noUi-handle").first.focus()
            page.wait_for_timeout(1000)
            times = [slide(page, text) for _ in range(40)]
            print(f"{'slider to spectrum, median':32} {1000 * np.median(times):6.0f} ms")
            print(f"{'  95 %':32} {1000 * np.quantile(times, 0.95):6.0f} ms")
            browser.close()
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()

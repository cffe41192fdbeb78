"""Take the documentation's pictures of the app: every page, light and dark.

    python tools/screenshots.py             # docs/screens/*.png
    python tools/screenshots.py learn data  # only these pages

Starts the app, drives it in headless Chromium as a visitor would, and quantises the pictures
to 128 colours. Needs Debian's chromium.
"""

import argparse
import io
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
OUT = ROOT / "docs" / "screens"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
IDLE = "() => window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle"
_SIZE = {"width": 1280, "height": 800}
_MOST = {"explore": 800, "forward": 800, "compare": 800}  # pixels of height: one screen
#: Smaller screens of Explore: name -> size.
_SMALL = {"explore-tablet": (820, 1180), "explore-phone": (390, 844)}
_CATALOGUE = """name,ra,dec,redshift,mag_u,magerr_u,mag_g,magerr_g,mag_r,magerr_r,mag_i,magerr_i
one,150.1,2.2,0.05,18.9,0.06,17.4,0.02,16.6,0.02,16.2,0.02
two,150.3,2.4,0.08,18.2,0.05,17.3,0.02,16.9,0.02,16.7,0.02
three,150.4,2.1,-1,18.9,0.06,17.8,0.02,17.4,0.02,17.2,0.02
four,150.7,2.9,0.03,,,16.9,0.02,16.5,0.02,16.3,0.02
"""


def _corner(page, nsaid):
    """Wait until the corner plot is that of this galaxy."""
    page.wait_for_function(
        """text => [...window.Bokeh?.documents[0]?._all_models.values() ?? []].find(
            m => m.name == 'corner')
            ?.title.text.startsWith(text)""",
        arg=f"NSAID {nsaid},",
        timeout=120_000,
    )
    _settled(page)


def _explore(page):
    _corner(page, 2490)
    box = page.evaluate(
        """() => {
            const views = []
            const walk = v => { views.push(v); for (const c of v.child_views ?? []) walk(c) }
            for (const root of Bokeh.index.roots) walk(root)
            const view = views.find(v => v.model?.name == 'corner')
            const frame = view.frame, edge = view.canvas_view.el.getBoundingClientRect()
            return [[0.1, 0.6], [4.1, 4.6]].map((pair, k) => pair.map(
                v => k ? edge.top + frame.y_scale.compute(v) : edge.left + frame.x_scale.compute(v)
            ))
        }"""
    )
    (x0, x1), (y0, y1) = box
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
    page.mouse.move(x1, y1)
    page.mouse.up()
    page.get_by_text("of the posterior,").wait_for(timeout=60_000)


def _compare(page):
    page.get_by_role("button", name="Distances").click(timeout=120_000)
    page.get_by_text("A classifier assigns").first.wait_for(timeout=120_000)
    page.get_by_role("button", name="Numbers").click()


def _data(page):
    page.locator("input[type=file]").set_input_files(
        {"name": "mine.csv", "mimeType": "text/csv", "buffer": _CATALOGUE.encode()}
    )
    page.get_by_role("button", name="Run", exact=True).click(timeout=60_000)
    page.get_by_text("Click a row to look at its galaxy").wait_for(timeout=120_000)


#: Page -> address, what a visitor does there.
PAGES = {
    "explore": ({"galaxy": 2490}, _explore),
    "forward": ({"view": "forward", "tau_ism": 0.6, "f_burst": 0.1, "t_burst": 0.3}, None),
    "compare": ({"view": "compare", "pins": "72;2490;2503"}, _compare),
    "validate": ({"view": "validate"}, None),
    "population": ({"view": "population", "cuts": "mass:9:"}, None),
    "learn": ({"view": "learn", "lesson": "look-alikes", "step": 4}, None),
    "data": ({"view": "data"}, _data),
}


def _settled(page, seconds=3):
    """Wait for the page to be idle, and a little more for what it then asks for."""
    page.wait_for_function(IDLE, timeout=120_000)
    page.wait_for_timeout(1000 * seconds)
    for busy in page.get_by_text("Computing …").all():
        busy.wait_for(state="hidden", timeout=120_000)
    page.wait_for_function(IDLE, timeout=120_000)


def take_small(browser, address, name):
    """Write a picture of Explore on a tablet or a phone."""
    width, height = _SMALL[name]
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    page.goto(f"{address}?galaxy=2490", timeout=120_000)
    _corner(page, 2490)
    _write(page, OUT / f"{name}.png")


def _write(page, path):
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.context.close()
    # Median cut alone loses the few pixels of a thin green line.
    picture.quantize(128, kmeans=1).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {picture.size}, {path.stat().st_size / 1000:.0f} kB")


def _serve():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [sys.executable, "-m", "sedflow.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return process, f"http://127.0.0.1:{port}/"
        time.sleep(0.2)
    raise SystemExit("the app did not start")


def take(browser, address, name, theme):
    """Write the picture of a page, its whole length."""
    query, act = PAGES[name]
    query = query | ({"theme": "dark"} if theme == "dark" else {})
    page = browser.new_context(viewport=_SIZE).new_page()
    page.goto(f"{address}?{urlencode(query)}", timeout=120_000)
    _settled(page)
    if act:
        act(page)
    _settled(page)
    page.mouse.move(0, 0)
    height = page.evaluate(
        "() => Math.max(...[...document.querySelectorAll('#sf-main')]"
        ".map(e => e.scrollHeight + 44))"
    )
    page.set_viewport_size({**_SIZE, "height": min(int(height), _MOST.get(name, 1500))})
    page.evaluate("() => { document.getElementById('sf-main').scrollTop = 0 }")
    page.wait_for_timeout(1500)
    _write(page, OUT / f"{name}{'-dark' if theme == 'dark' else ''}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", choices=[[], *PAGES], help="default: all")
    parser.add_argument("--theme", choices=["light", "dark"], help="default: both")
    args = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    server, address = _serve()
    try:
        with sync_playwright() as playwright:
            path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            for name in args.pages or PAGES:
                for theme in [args.theme] if args.theme else ["light", "dark"]:
                    take(browser, address, name, theme)
            if not args.pages:
                for name in _SMALL:
                    take_small(browser, address, name)
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()

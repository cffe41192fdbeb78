"""Take the documentation's pictures of the static site.

    python tools/site_screens.py    # docs/screens/site-*.png

Writes the site to a temporary folder, serves it, and drives it in headless Chromium.
"""

import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright
from screenshots import FLAGS, OUT, _write

from sedflow.site import write_site

_WIDE, _PHONE = (1100, 700), (390, 700)
_PAINTED = "html[data-painted]"


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

    def log_message(self, *_):
        pass


def _explore(page):
    page.wait_for_selector(_PAINTED, timeout=60_000)
    page.get_by_role("button", name="prior", exact=True).click()
    box = page.locator(".corner g.brush rect.overlay").nth(1).bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    right, bottom = box["x"] + 0.6 * box["width"], box["y"] + box["height"] - 5
    page.mouse.move(right, bottom, steps=3)
    page.mouse.up()
    page.get_by_text("of the posterior,").wait_for()


def _learn(page):
    page.get_by_role("button", name="Show the answer").click(timeout=60_000)
    page.get_by_text("ugriz says little about age").wait_for()


def _forward(page):
    page.locator("p.num", has_text="AB magnitudes").wait_for(timeout=60_000)


def _phone(page):
    page.wait_for_selector(_PAINTED, timeout=60_000)
    page.get_by_role("button", name="Posterior").click()


#: Picture -> size, address, what a visitor does there.
PICTURES = {
    "site-explore": (_WIDE, "?galaxy=2490&theme=light", _explore),
    "site-learn": (_WIDE, "?view=learn&lesson=look-alikes&step=4&theme=light", _learn),
    "site-forward-dark": (_WIDE, "?view=forward&tau_ism=1.2&f_burst=0.1&theme=dark", _forward),
    "site-phone": (_PHONE, "?galaxy=72&theme=light", _phone),
}


def main():
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        write_site(folder)
        handler = partial(_Quiet, directory=folder)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        for name, ((width, height), query, act) in PICTURES.items():
            page = browser.new_context(viewport={"width": width, "height": height}).new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/{query}", timeout=60_000)
            act(page)
            page.mouse.move(0, 0)
            page.wait_for_timeout(1500)
            _write(page, OUT / f"{name}.png")
        browser.close()
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    main()

"""Browsers that cannot run the engine are told so, in a sentence, by the page itself."""

import os
import platform
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "sedflow" / "site" / "static"
WITHOUT = {
    "no WebAssembly, in which the network runs": "--jitless",
    "no SIMD, which the network needs": "--no-enable-sse4_1",
}


class Quiet(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

    def log_message(self, format, *args):
        pass


@pytest.fixture(scope="module")
def site():
    """The pages without data, of which such a browser is given none."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(STATIC)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.browser
@pytest.mark.parametrize("sentence", WITHOUT)
def test_a_browser_without_it_gets_a_sentence_and_no_network(chromium, site, sentence):
    if "SIMD" in sentence and platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("the flags take SIMD from processors of Intel's kind alone")
    flags = ["--no-sandbox", "--disable-gpu", f"--js-flags={WITHOUT[sentence]}"]
    path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    browser = chromium.browser_type.launch(executable_path=path, args=flags)
    try:
        page, asked = browser.new_page(), []
        page.on("request", lambda request: asked.append(request.url))
        page.route("**/vendor/*", lambda route: route.fulfill(content_type="text/javascript"))
        page.goto(site)
        told = page.get_by_role("alert").inner_text(timeout=20_000)
    finally:
        browser.close()
    assert sentence in told
    assert "open this page in a browser of 2023 or later" in told
    assert not any("data/site.json" in url or ".wasm" in url for url in asked)

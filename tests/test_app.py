"""The app in a real browser, driven as a new user would."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlparse

import pytest

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parent.parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
IDLE = "() => window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle"
MODELS = "[...Bokeh.documents[0]._all_models.values()]"


@pytest.fixture(scope="module")
def browser():
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"no Chromium at {CHROMIUM}; install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address():
    """`panel serve app.py` in a process of its own."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "panel", "serve", "app.py", "--address", "127.0.0.1",
         "--port", str(port), "--allow-websocket-origin", f"127.0.0.1:{port}"],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.2)
    yield f"http://127.0.0.1:{port}/app"
    process.terminate()
    errors = process.communicate(timeout=30)[1]
    # A page closed while it was written to is tornado's business; an error of ours is not.
    assert "/sedflow/" not in errors, errors


@pytest.fixture
def page(browser, address):
    """The app, opened; fails on any request that leaves this machine, and on page errors."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    outside, errors = [], []

    def watch(request):
        url = urlparse(request.url)
        if url.scheme in ("http", "https", "ws", "wss") and url.hostname != "127.0.0.1":
            outside.append(request.url)

    page.on("request", watch)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.wait_for_function(IDLE, timeout=60_000)
    yield page
    context.close()
    assert not outside
    assert not errors


def heading(page, text):
    page.get_by_role("heading", name=re.compile(text)).wait_for(timeout=60_000)


def source(page, name, column):
    """A column of a named data source, as the browser holds it."""
    return page.evaluate(
        f"""() => {{
            const data = {MODELS}.find(m => m.name == '{name}').data
            return Array.from(data.get ? data.get('{column}') : data['{column}'])
        }}"""
    )


def corner_of(page, text):
    """Wait until the corner plot wears this title."""
    page.wait_for_function(
        f"text => {MODELS}.find(m => m.name == 'corner')?.title.text.startsWith(text)",
        arg=text,
        timeout=30_000,
    )


def test_the_first_galaxy_is_shown_with_its_posterior(page):
    heading(page, "NSAID 72, z = 0.0488")
    page.wait_for_function(f"() => {MODELS}.some(m => m.name == 'corner_image')")
    assert len(source(page, "corner_values", "text")) == 12
    assert page.get_by_text("Derived quantities").is_visible()


def test_a_galaxy_is_picked_by_number_and_by_row(page):
    corner_of(page, "NSAID 72,")
    before = source(page, "corner_values", "text")
    assert len(before) == 12
    field = page.get_by_label("NSAID")
    field.fill("2490")
    field.press("Enter")
    heading(page, "NSAID 2490")
    corner_of(page, "NSAID 2490,")
    assert source(page, "corner_values", "text") != before
    page.locator(".tabulator-cell", has_text=re.compile("^2503$")).first.click()
    heading(page, "NSAID 2503")
    corner_of(page, "NSAID 2503,")


def test_an_unknown_galaxy_is_explained(page):
    heading(page, "NSAID 72")
    field = page.get_by_label("NSAID")
    field.fill("1")
    field.press("Enter")
    page.get_by_text("no galaxy with NSAID 1 in this catalogue").wait_for(timeout=20_000)


def test_a_slider_moves_the_spectrum(page):
    heading(page, "NSAID 72")
    page.get_by_text("Forward model").click()
    text = page.get_by_text("AB magnitudes:")
    text.wait_for(timeout=20_000)
    before = text.inner_text()
    handles = page.locator(".noUi-handle")
    handles.first.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    deadline = time.monotonic() + 20
    while text.inner_text() == before and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    after = text.inner_text()
    g = [float(re.search(r"g ([\d.]+)", t).group(1)) for t in (before, after)]
    assert g[1] < g[0]  # heavier, so brighter

"""Shared fixtures: the packaged model, catalogue and network, loaded once; one thread each."""

import os
import shutil
import socket
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlparse

import fuzz
import numpy as np
import pytest
from astropy.table import Table
from attacks import SECRET, Listener

import sedflow
from sedflow.threads import use_threads

use_threads(1)
ROOT = Path(__file__).parent.parent


WITHOUT_TORCH = find_spec("torch") is None


def pytest_collection_modifyitems(items):
    """Files with long tests come first: two processes that share files end together then."""
    work: Counter = Counter()
    for item in items:
        if item.get_closest_marker("heavy") is None:
            is_slow = item.get_closest_marker("slow") or item.get_closest_marker("browser")
            work[item.path] += 10 if is_slow else 0
    items.sort(key=lambda item: -work[item.path])


def pytest_report_header():
    if WITHOUT_TORCH:
        return "torch is not installed: tests that import torch, sbi or zuko are skipped"
    return None


def _skip_for_torch(report):
    """Turn a failure into a skip where its only cause is that torch is not installed."""
    text = f"{report.longreprtext} {' '.join(content for _, content in report.sections)}"
    # What is left out beside it: the extras `train` and `docs`, which need it (see Makefile).
    names = ("torch", "sbi", "zuko", "onnx", "nbformat", "sphinx")
    missing = [f"No module named '{name}'" for name in names]
    missing += [f"No package metadata was found for {name}" for name in names]
    missing += [f"{what} needs torch" for what in ("training", "writing a network", "its flow")]
    if any(sentence in text for sentence in missing):
        report.outcome = "skipped"
        report.longrepr = (report.nodeid, 0, "Skipped: needs torch")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    return _skip_for_torch(report) if WITHOUT_TORCH and report.failed else report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    return _skip_for_torch(report) if WITHOUT_TORCH and report.failed else report


def pytest_terminal_summary(terminalreporter, config):
    if config.getoption("-m") == "fuzz":
        terminalreporter.section("fuzz")
        terminalreporter.write_line("\n".join(fuzz.table()))
        terminalreporter.section("readers: inputs right + refused in a sentence")
        terminalreporter.write_line("\n".join(fuzz.readers()))


@pytest.fixture(scope="session")
def golden():
    """Reference vectors by "group.name"; tools/build_golden.py made them."""
    with np.load(ROOT / "tests" / "golden" / "provabgs.npz") as file:
        return dict(file)


@pytest.fixture(scope="session")
def model():
    return sedflow.SEDModel("fsps")


@pytest.fixture(scope="session")
def bc03():
    return sedflow.SEDModel("bc03")


@pytest.fixture(scope="session")
def nsa():
    return sedflow.load_nsa()


@pytest.fixture(scope="session")
def posterior():
    return sedflow.load_posterior()


@pytest.fixture(scope="session")
def theta():
    """Two hundred draws from the prior."""
    return sedflow.Prior().sample(200, seed=11)


@pytest.fixture(scope="module")
def engine(nsa, posterior):
    """The engine of the app, with the packaged catalogue and network."""
    from sedflow.dashboard.engine import Engine

    return Engine(nsa, posterior)


@pytest.fixture(scope="module")
def answer(engine):
    """The engine's answer for the galaxy with which the app begins."""
    from sedflow.dashboard.answer import Request

    return engine.answer(Request("72", n=1000))


@pytest.fixture
def galaxy():
    """The paper's example galaxy, typed in."""
    magnitude = np.array([18.794628, 17.801994, 17.454891, 17.212591, 17.092417])
    flux = 10 ** (0.4 * (22.5 - magnitude))
    error = np.array([0.07235, 0.02256, 0.02213, 0.02401, 0.04271])
    return sedflow.Photometry(flux, flux * error * np.log(10) / 2.5, 0.048764)


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium."""
    path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if shutil.which(path) is None:
        pytest.skip(f"no Chromium at {path}; install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


MODELS = "[...Bokeh.documents[0]._all_models.values()]"
IDLE = "() => window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle"


def watched_page(chromium):
    """A new page, and a list of its errors, of requests that left and of what was refused to it."""
    page = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
    bad = []

    def watch(request):
        url = urlparse(request.url)
        if url.scheme in ("http", "https", "ws", "wss") and url.hostname != "127.0.0.1":
            bad.append(request.url)

    def hear(frame):
        if isinstance(frame, str) and "this change was refused" in frame:
            bad.append(f"the server refused what the page said: {frame[:500]}")

    def judge(response):
        if response.status == 429:
            bad.append(f"429 {response.url}")

    page.on("request", watch)
    page.on("response", judge)
    page.on("websocket", lambda socket: socket.on("framereceived", hear))
    page.on("pageerror", lambda error: bad.append(str(error)))
    return page, bad


def source(page, name, column):
    """A column of a named data source, as the browser holds it; [] if nothing was drawn of it."""
    return page.evaluate(
        f"""() => {{
            const data = {MODELS}.find(m => m.name == '{name}')?.data ?? {{{column}: []}}
            return Array.from(data.get ? data.get('{column}') : data['{column}'])
        }}"""
    )


@pytest.fixture
def open_view(chromium):
    """open_view(make, theme) serves the view that make() returns and opens it in Chromium.

    The test fails on any request that leaves this machine, and on errors of the page.
    """
    from panel.io.server import serve

    servers, opened = [], []

    def start(make, theme="default"):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        servers.append(
            serve(
                lambda: _on_template(make(), theme),
                port=port,
                address="127.0.0.1",
                show=False,
                threaded=True,
                verbose=False,
                websocket_origin=[f"127.0.0.1:{port}"],
            )
        )
        page, bad = watched_page(chromium)
        opened.append((page.context, bad))
        page.goto(f"http://127.0.0.1:{port}/", timeout=60_000)
        page.wait_for_function(IDLE, timeout=60_000)
        return page

    yield start
    for context, _ in opened:
        context.close()
    for server in servers:
        server.stop()
    for _, bad in opened:
        assert not bad


def _on_template(view, theme):
    """A view in the app's frame."""
    import panel as pn

    from sedflow.dashboard.design import frame_template
    from sedflow.dashboard.pages.view import laid_out
    from sedflow.dashboard.patches.browser import name_controls
    from sedflow.figures.theme import PageTheme

    name_controls(pn.state.curdoc)
    pn.state.curdoc.theme = PageTheme(theme == "dark")
    template = frame_template("test", [], "dark" if theme == "dark" else "light")
    template.add_panel("page", laid_out(view))
    template.add_panel("channel", pn.Column())
    return template


@pytest.fixture
def listener():
    one = Listener()
    yield one
    time.sleep(0.05)
    came = list(one.came)
    one.close()
    assert not came


@pytest.fixture
def canary(tmp_path):
    """A file that nobody gave: a table, whose ID is the secret."""
    path = tmp_path / "canary.csv"
    path.write_text(f"id,z\n{SECRET},0.1\n")
    Table({"id": [SECRET], "z": [0.1]}).write(tmp_path / "canary.fits")
    return path

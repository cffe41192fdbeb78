"""The app in a real browser, driven as a new user would."""

import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import IDLE, MODELS, source, watched_page

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parent.parent


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
def page(chromium, address):
    """The app, opened; fails on any request that leaves this machine, and on page errors."""
    page, bad = watched_page(chromium)
    page.goto(address, timeout=90_000)
    page.wait_for_function(IDLE, timeout=60_000)
    yield page
    page.context.close()
    assert not bad


def heading(page, text):
    page.get_by_role("heading", name=re.compile(text)).wait_for(timeout=60_000)


def corner_of(page, text):
    """Wait until the corner plot wears this title."""
    page.wait_for_function(
        f"text => {MODELS}.find(m => m.name == 'corner')?.title.text.startsWith(text)",
        arg=text,
        timeout=30_000,
    )


def find(page, text):
    field = page.get_by_label("Find a galaxy")
    field.fill(text)
    field.press("Enter")


def open_tab(page, name):
    page.locator(".bk-tab", has_text=re.compile(f"^{name}$")).click()


def test_the_first_galaxy_is_shown_with_its_posterior(page):
    heading(page, "NSAID 72, z = 0.0488")
    page.wait_for_function(f"() => {MODELS}.some(m => m.name == 'corner_image')")
    assert len(source(page, "corner_values", "text")) == 6
    assert page.get_by_text("Derived quantities").is_visible()
    assert page.get_by_role("status").first.inner_text().startswith("✔ amortized")
    page.get_by_role("button", name="12 parameters").click()
    page.wait_for_function(
        f"() => {MODELS}.find(m => m.name == 'corner_values').data.text.length == 12"
    )


def test_a_galaxy_is_picked_by_number_by_position_and_by_row(page):
    corner_of(page, "NSAID 72,")
    before = source(page, "corner_values", "text")
    find(page, "2490")
    heading(page, "NSAID 2490")
    corner_of(page, "NSAID 2490,")
    assert source(page, "corner_values", "text") != before
    page.wait_for_url(re.compile("galaxy=2490"))
    page.locator(".tabulator-cell", has_text=re.compile("^2503$")).first.click()
    corner_of(page, "NSAID 2503,")
    assert source(page, "atlas_chosen", "x")


def test_an_unknown_galaxy_is_explained(page):
    heading(page, "NSAID 72")
    find(page, "1")
    page.get_by_text("no galaxy with NSAID 1 in this catalogue").wait_for(timeout=20_000)


def box(page, name, x, y):
    """Drag a box over a figure; x and y are (from, to) in its own coordinates."""
    ends = page.evaluate(
        """([name, x, y]) => {
            const views = []
            const walk = v => { views.push(v); for (const c of v.child_views ?? []) walk(c) }
            for (const root of Bokeh.index.roots) walk(root)
            const view = views.find(v => v.model?.name == name)
            view.el.scrollIntoView({block: 'center'})
            const frame = view.frame, edge = view.canvas_view.el.getBoundingClientRect()
            const xs = x.map(v => edge.left + frame.x_scale.compute(v))
            const ys = y.map(v => edge.top + frame.y_scale.compute(v))
            return [xs[0], ys[0], xs[1], ys[1]]
        }""",
        [name, x, y],
    )
    page.mouse.move(ends[0], ends[1])
    page.mouse.down()
    page.mouse.move((ends[0] + ends[2]) / 2, (ends[1] + ends[3]) / 2)
    page.mouse.move(ends[2], ends[3])
    page.mouse.up()


def test_a_box_in_the_corner_plot_shows_its_draws_everywhere(page):
    corner_of(page, "NSAID 72,")
    assert source(page, "sed_brushed", "x") == []
    box(page, "corner", [0.1, 0.6], [4.1, 4.6])  # mass and dust
    page.get_by_text("of the posterior,").wait_for(timeout=20_000)
    assert len(source(page, "sed_brushed", "x")) > 100
    assert len(source(page, "sfr_brushed", "x")) > 10
    assert source(page, "corner_histograms_selected", "x")
    page.get_by_role("button", name="Clear selection").click()
    page.wait_for_function(f"() => {MODELS}.find(m => m.name == 'sed_brushed').data.x.length == 0")


def test_a_slider_moves_the_spectrum(page):
    heading(page, "NSAID 72")
    open_tab(page, "Forward model")
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
    page.wait_for_url(re.compile("view=forward.*log_mstar="))


def test_a_mock_is_observed_and_its_truth_is_drawn(page):
    heading(page, "NSAID 72")
    open_tab(page, "Forward model")
    page.get_by_role("button", name="Observe and infer").click()
    heading(page, "mock 1")
    corner_of(page, "mock 1,")
    assert "truth" in source(page, "corner_key", "text")
    assert len(source(page, "corner_truth", "x")) > 10
    page.wait_for_url(re.compile("flux=u:"))


def test_an_address_restores_the_page_and_clamps_what_is_outside(page, address):
    page.goto(f"{address}?galaxy=2490&bands=g,r,i&unit=ab&n=1")
    page.wait_for_function(IDLE, timeout=60_000)
    corner_of(page, "NSAID 2490,")
    page.get_by_text("n = 1 was changed to 100").wait_for()
    figure = f"{MODELS}.find(m => m.name == 'sed')"
    assert page.evaluate(f"() => {figure}.left[0].axis_label") == "AB magnitude"
    assert source(page, "sed_data", "band") == ["g", "r", "i"]
    page.goto(f"{address}?galaxy=mine&flux=g:20:0.4,r:30:0.5&z=0.06")
    page.wait_for_function(IDLE, timeout=60_000)
    corner_of(page, "mine, z = 0.0600")


def test_two_galaxies_are_compared(page):
    corner_of(page, "NSAID 72,")
    page.get_by_role("button", name="Pin as A").click()
    page.get_by_text("Pinned as A").wait_for()
    find(page, "2490")
    corner_of(page, "NSAID 2490,")
    page.get_by_role("button", name="Pin as B").click()
    page.get_by_text("Pinned as B").wait_for(timeout=20_000)
    open_tab(page, "Compare")
    page.get_by_text("Told apart by a classifier").wait_for(timeout=20_000)
    assert source(page, "compare_light_line_B", "x")


def test_mcmc_runs_beside_the_network_and_can_be_cancelled(page):
    corner_of(page, "NSAID 72,")
    page.get_by_role("button", name="Run MCMC").click()
    page.get_by_text(re.compile("NSAID 72, z = 0.0488: ")).wait_for(timeout=30_000)
    page.get_by_role("button", name="Cancel").first.click()
    page.get_by_text("cancelled after").wait_for(timeout=60_000)
    page.get_by_role("button", name="Run MCMC").click()
    page.get_by_text("two halves of MCMC").wait_for(timeout=240_000)
    page.wait_for_function(
        f"() => {MODELS}.find(m => m.name == 'corner_contours_mcmc').data.x.length > 50"
    )


def test_a_catalogue_is_uploaded_run_and_looked_at(page):
    heading(page, "NSAID 72")
    open_tab(page, "Your data")
    rows = "name,redshift,mag_g,magerr_g,mag_r,magerr_r\none,0.05,17.0,0.03,16.5,0.03\n"
    rows += "two,-3,17.0,0.03,16.5,0.03\n"
    page.locator("input[type=file]").set_input_files(
        {"name": "mine.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    )
    page.get_by_text("2 rows, 1 of them can be run").wait_for(timeout=20_000)
    page.get_by_text("redshift = -3").first.wait_for()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Click a row to look at its galaxy").wait_for(timeout=30_000)
    with page.expect_download() as download:
        page.get_by_text("Download CSV").click()
    assert "log_mstar_50" in Path(download.value.path()).read_text()


def test_the_posterior_is_downloaded(page, tmp_path):
    corner_of(page, "NSAID 72,")
    page.get_by_role("button", name="Download", exact=True).click()
    for label, name in (("Whole fit (HDF5)", "fit.h5"), ("Spectrum (SVG)", "spectrum.svg")):
        with page.expect_download(timeout=60_000) as download:
            page.get_by_text(label).click()
        download.value.save_as(tmp_path / name)
    import sedflow

    assert sedflow.load_fit(tmp_path / "fit.h5").title == "NSAID 72, z = 0.0488"
    assert "<svg" in (tmp_path / "spectrum.svg").read_text()[:1000]


CONTROLS = (
    "button", "checkbox", "combobox", "listbox", "radio", "searchbox", "slider", "spinbutton",
    "switch", "tab", "textbox",
)  # fmt: skip


def test_every_control_has_a_name(page):
    """As a screen reader hears it: the browser's own accessibility tree."""
    heading(page, "NSAID 72")
    tree = page.context.new_cdp_session(page)
    for tab in ("Explore", "Forward model", "Compare", "Validate", "Learn", "Your data"):
        open_tab(page, tab)
        for _ in range(10):  # names are given when the page has been built
            page.wait_for_timeout(2000)
            nodes = tree.send("Accessibility.getFullAXTree")["nodes"]
            controls = [n for n in nodes if not n["ignored"] and n["role"]["value"] in CONTROLS]
            nameless = [
                tree.send("DOM.getOuterHTML", {"backendNodeId": n["backendDOMNodeId"]})
                for n in controls
                if not n.get("name", {}).get("value", "").strip()
            ]
            if not nameless:
                break
        assert len(controls) > 10
        assert nameless == [], tab

"""The app in a real browser, driven as a new user would."""

import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from conftest import IDLE, MODELS, source, watched_page
from playwright.sync_api import Error, expect

from sedflow.dashboard.address import VIEWS

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def address():
    """`sedflow serve` in a process of its own, which refuses what no page should say."""
    yield from _served("sedflow.cli", "serve")


@pytest.fixture(scope="module")
def plain():
    """`panel serve app.py` in a process of its own."""
    yield from _served("panel", "serve", "app.py", at="app")


def _served(module, *words, at=""):
    """The address of a server, which ends after its last test."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    origin = ["--allow-websocket-origin", f"127.0.0.1:{port}"] if module == "panel" else []
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", module, *words),
            *("--address", "127.0.0.1", "--port", str(port), *origin),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.2)
    yield f"http://127.0.0.1:{port}/{at}"
    process.terminate()
    errors = process.communicate(timeout=30)[1]
    # A page closed while it was written to is tornado's business; an error of ours is not.
    assert "/sedflow/" not in errors, errors


@pytest.fixture
def blank(chromium):
    """A new page; fails on any request that leaves this machine, and on page errors."""
    page, bad = watched_page(chromium)
    yield page
    page.context.close()
    assert not bad


def go(page, address):
    page.goto(address, timeout=90_000)
    page.wait_for_function(IDLE, timeout=60_000)


@pytest.fixture(scope="module")
def kept():
    """The page that tests share, and its errors, in a list of one; another one after a mess."""
    pages = []
    yield pages
    for page, _ in pages:
        page.context.close()


@pytest.fixture
def page(chromium, address, kept):
    """The app as it opens, on a page that tests share: each leaves it so that it begins again."""
    if kept and not begins_again(kept[0][0]):
        kept.pop()[0].context.close()
    if not kept:
        kept.append(watched_page(chromium))
        go(kept[0][0], address)
    page, bad = kept[0]
    yield page
    found, bad[:] = bad[:], []
    assert not found


def begins_again(page):
    """Turn to Explore and to the first galaxy, close what is open; whether it came to that."""
    try:
        page.set_viewport_size({"width": 1280, "height": 800})
        page.emulate_media(reduced_motion="no-preference")
        page.keyboard.press("Escape")
        page.locator("#sf-says").evaluate("said => said.replaceChildren()")
        open_tab(page, "Explore")
        find(page, "72")
        corner_of(page, "NSAID 72,")
        page.keyboard.press("Escape")  # out of the field
    except Error:
        return False
    return True


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
    page.get_by_role("link", name=name, exact=True).click()


@pytest.mark.heavy
def test_the_app_of_panel_serve_is_the_same(blank, plain):
    page = blank
    go(page, plain)
    corner_of(page, "NSAID 72,")
    page.get_by_text("✔ exact (weights)").wait_for()
    find(page, "2490")
    corner_of(page, "NSAID 2490,")
    open_tab(page, "Learn")
    page.wait_for_url(re.compile("view=learn"))


def test_the_first_galaxy_is_shown_with_its_posterior(page):
    heading(page, "NSAID 72 · z = 0.0488")
    page.wait_for_function(f"() => {MODELS}.some(m => m.name == 'corner_image')")
    assert len(source(page, "corner_values", "text")) == 6
    assert page.get_by_text("log M★ [M☉ formed]").is_visible()
    assert page.get_by_text("✔ exact (weights)").is_visible()
    page.get_by_role("button", name="12", exact=True).click()
    page.wait_for_function(
        f"() => {MODELS}.find(m => m.name == 'corner_values').data.text.length == 12"
    )
    for name in ("exact", "network", "prior", "six", "all", "choose", "type a range"):
        # Words that a small plot does not show lay over them, unseen.
        page.get_by_role("button", name=name, exact=True).click(trial=True, timeout=10_000)
    page.get_by_role("button", name="six", exact=True).click()
    page.wait_for_function(
        f"() => {MODELS}.find(m => m.name == 'corner_values').data.text.length == 6"
    )


def test_no_style_sheet_is_asked_for_each_line_of_a_figure(page):
    """A Bokeh that has no such question needs no patch, and fails here."""
    asked = page.evaluate(
        "() => Bokeh.require('core/visuals/visual').VisualProperties.prototype._get_css_value('x')"
    )
    assert asked == ""


def test_an_outline_draws_nothing_of_what_was_drawn_before(page):
    ticks = page.evaluate("""() => {
        const find = v => v.canvas_view ? v : (v.child_views ?? []).map(find).find(Boolean)
        const view = Bokeh.index.roots.map(find).find(Boolean)
        const canvas = Object.assign(document.createElement('canvas'), {width: 200, height: 200})
        const ctx = canvas.getContext('2d')
        ctx.beginPath()
        ctx.moveTo(5, 5)
        ctx.lineTo(15, 5)
        ctx.rect_bbox = () => {}
        view._paint_outline(ctx, view.frame.bbox)
        return ctx.getImageData(0, 0, 20, 10).data.some(value => value > 0)
    }""")
    assert not ticks


def test_a_page_says_what_is_being_built_before_its_scripts_are_there(chromium, address):
    page, bad = watched_page(chromium)
    held = []
    page.route("**/bokeh.min.js*", lambda route: held.append(route))
    page.goto(f"{address}?view=forward&theme=dark", wait_until="commit", timeout=90_000)
    waiting = page.get_by_text("Building Forward …")
    waiting.wait_for(timeout=60_000)
    assert page.get_by_text("Parameters", exact=True).is_visible()
    assert held
    page.get_by_text("Its scripts take long on this connection.").wait_for(timeout=15_000)
    for route in held:
        route.continue_()
    waiting.wait_for(state="hidden", timeout=60_000)
    page.get_by_text("AB magnitudes:").wait_for(timeout=60_000)
    page.context.close()
    assert not bad


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


def test_arrows_walk_in_the_list_that_was_clicked(page):
    page.get_by_text("2489", exact=True).first.click()
    corner_of(page, "NSAID 2489,")
    page.keyboard.press("ArrowDown")
    corner_of(page, "NSAID 2490,")
    page.keyboard.press("ArrowUp")
    corner_of(page, "NSAID 2489,")


def test_the_tab_key_leads_past_the_table_without_losing_the_focus(page):
    heading(page, "NSAID 72")
    page.wait_for_timeout(1_600)  # `name_controls` looks again
    page.get_by_role("button", name=re.compile("Shelf")).focus()
    places = []
    for _ in range(8):
        page.keyboard.press("Tab")
        places.append(
            page.evaluate(
                "() => { let e = document.activeElement; while (e.shadowRoot?.activeElement)"
                " e = e.shadowRoot.activeElement; return e.tagName }"
            )
        )
    assert "BODY" not in places
    assert "SELECT" in places  # of the map, behind the table


def test_an_unknown_galaxy_is_explained(page):
    heading(page, "NSAID 72")
    find(page, "1")
    page.get_by_text("no galaxy with NSAID 1 in this catalogue").wait_for(timeout=20_000)


def at_rest(page, script, argument=None):
    """What a script measures, once it does not change: a page that is laid out moves its parts."""
    before, now = None, page.evaluate(script, argument)
    while before != now:
        page.wait_for_timeout(300)
        before, now = now, page.evaluate(script, argument)
    return now


def box(page, name, x, y):
    """Drag a box over a figure; x and y are (from, to) in its own coordinates."""
    page.wait_for_function(IDLE, timeout=60_000)
    ends = at_rest(page, _ENDS, [name, x, y])
    page.mouse.move(ends[0], ends[1])
    page.wait_for_timeout(200)  # as by hand: the toolbar appears meanwhile
    page.mouse.down()
    page.mouse.move((ends[0] + ends[2]) / 2, (ends[1] + ends[3]) / 2)
    page.mouse.move(ends[2], ends[3])
    page.mouse.up()


#: Where the corners of a box lie on the screen, once its figure is in view.
_ENDS = """([name, x, y]) => {
    const views = []
    const walk = v => { views.push(v); for (const c of v.child_views ?? []) walk(c) }
    for (const root of Bokeh.index.roots) walk(root)
    const view = views.find(v => v.model?.name == name)
    view.el.scrollIntoView({block: 'center'})
    const frame = view.frame, edge = view.canvas_view.el.getBoundingClientRect()
    const xs = x.map(v => edge.left + frame.x_scale.compute(v))
    const ys = y.map(v => edge.top + frame.y_scale.compute(v))
    return [xs[0], ys[0], xs[1], ys[1]]
}"""


def test_a_box_in_the_corner_plot_shows_its_draws_everywhere(page):
    corner_of(page, "NSAID 72,")
    assert source(page, "sed_brushed", "x") == []
    box(page, "corner", [0.1, 0.6], [4.1, 4.6])  # mass and dust
    page.get_by_text("of the posterior,").wait_for(timeout=20_000)
    assert len(source(page, "sed_brushed", "x")) > 100
    assert len(source(page, "sfr_brushed", "x")) > 10
    assert source(page, "corner_histograms_selected", "x")
    page.get_by_role("button", name="Clear", exact=True).click()
    page.wait_for_function(f"() => {MODELS}.find(m => m.name == 'sed_brushed').data.x.length == 0")


def test_a_lasso_selects_the_draws_inside_it(page):
    """A browser sends its vertices as arrays of its own, and not as lists."""
    corner_of(page, "NSAID 72,")
    page.wait_for_function(IDLE, timeout=60_000)
    left, bottom, right, top = at_rest(page, _ENDS, ["corner", [0.1, 0.7], [4.1, 4.7]])
    page.mouse.move(left, top)
    page.get_by_title("Lasso Select").locator("visible=true").last.click()
    page.mouse.move(left, bottom)
    page.mouse.down()
    for x, y in ((right, bottom), (right, top), (left, top), (left, bottom)):
        page.mouse.move(x, y, steps=8)
    page.mouse.up()
    page.get_by_text("of the posterior,").wait_for(timeout=20_000)
    assert len(source(page, "sed_brushed", "x")) > 100
    page.get_by_role("button", name="Clear", exact=True).click()
    page.wait_for_function(f"() => {MODELS}.find(m => m.name == 'sed_brushed').data.x.length == 0")
    page.get_by_title("Box Select").locator("visible=true").last.click()


def test_a_slider_moves_the_spectrum(page):
    heading(page, "NSAID 72")
    open_tab(page, "Forward")
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


def test_a_logarithmic_axis_has_ticks_over_all_of_its_length(page):
    open_tab(page, "Forward")
    drawn = f"() => {MODELS}.some(m => m.name == 'forward_sfr')"
    page.wait_for_function(drawn, timeout=30_000)
    ticks = page.evaluate(
        f"""() => {{
            const figure = {MODELS}.find(m => m.name == 'forward_sfr'), axis = figure.left[0]
            const of = (from, to) => axis.ticker.get_ticks(from, to, figure.y_range, NaN).major
            return [[0.2, 21], [2, 20], [0.9, 1.4], [3e-5, 2e-3], [1e-12, 1e3]].map(ends =>
                [ends, of(...ends), axis.formatter.doFormat(of(...ends), {{}})])
        }}"""
    )
    for (low, high), marked, numbers in ticks:
        assert len(marked) > 2 and low <= marked[0] and marked[-1] <= high
        assert np.log(marked[0] / low) < 0.3 * np.log(high / low), marked
        told = [number for number in numbers if number]
        assert told and len({*told}) == len(told)
    assert ticks[0][2] == ["0.3", "1", "3", "10"]


def test_a_mock_is_observed_and_its_truth_is_drawn(page):
    heading(page, "NSAID 72")
    open_tab(page, "Forward")
    page.get_by_role("button", name="Observe and infer").click()
    heading(page, "mock 1")
    corner_of(page, "mock 1,")
    assert source(page, "corner_key_truth", "text") == ["truth"]
    assert len(source(page, "corner_truth", "x")) > 10
    page.wait_for_url(re.compile("flux=u:"))


def test_an_address_restores_the_page_and_clamps_what_is_outside(blank, address):
    page = blank
    go(page, f"{address}?galaxy=2490&bands=g,r,i&unit=ab&n=1")
    corner_of(page, "NSAID 2490,")
    page.get_by_text("n = 1 was changed to 100").wait_for()
    figure = f"{MODELS}.find(m => m.name == 'sed')"
    assert page.evaluate(f"() => {figure}.left[0].axis_label") == "AB magnitude"
    assert source(page, "sed_data", "band") == ["g", "r", "i"]
    go(page, f"{address}?galaxy=mine&flux=g:20:0.4,r:30:0.5&z=0.06")
    corner_of(page, "mine, z = 0.0600")


def test_what_is_pinned_is_compared_and_stands_in_the_address(blank, address):
    page = blank
    go(page, address)
    corner_of(page, "NSAID 72,")
    page.get_by_role("button", name="Pin", exact=True).click()
    page.get_by_text("Pinned NSAID 72").wait_for()
    find(page, "2490")
    corner_of(page, "NSAID 2490,")
    page.keyboard.press("Escape")  # out of the field
    page.keyboard.press("p")
    page.get_by_text("Pinned NSAID 2490").wait_for(timeout=20_000)
    page.keyboard.press("3")
    page.get_by_role("button", name="Distances").click(timeout=20_000)
    page.get_by_text("A classifier assigns").wait_for(timeout=30_000)
    assert page.get_by_text("σ of the first (median of the 12 parameters;").count() == 1
    assert source(page, "compare_light_line_pin1", "x")
    page.wait_for_url(re.compile("pins=72;2490"))
    page.reload()
    page.wait_for_function(IDLE, timeout=60_000)
    page.get_by_role("button", name="NSAID 2490 ×").wait_for(timeout=30_000)
    # From memory both come at once, while the table of the first is still being built.
    page.locator(".tabulator-col-title", has_text="difference").wait_for(timeout=30_000)


def test_a_link_to_pins_that_are_yet_to_be_computed_draws_them_all(blank, address):
    """In turn, with the lock of the page, which the server's log would say."""
    page = blank
    go(page, f"{address}?view=compare&pins=2516;2523;2524")
    for slot in ("pin0", "pin1", "pin2"):
        page.wait_for_function(
            f"""() => window.Bokeh?.documents[0]?.get_model_by_name('compare_light_line_{slot}')
                ?.data.x?.length > 0""",
            timeout=60_000,
        )
    page.wait_for_function(
        """() => window.Bokeh.documents[0].get_model_by_name('compare_corner')""", timeout=60_000
    )
    page.wait_for_function(IDLE, timeout=60_000)


def test_mcmc_is_seen_on_a_phone_that_starts_it(blank, address):
    """Nothing on the screen changed: its progress was in another part of the page."""
    page = blank
    page.set_viewport_size({"width": 390, "height": 844})
    go(page, address)
    page.get_by_text("NSAID 72").first.wait_for()
    button = page.get_by_role("button", name="Run MCMC")
    button.wait_for(timeout=60_000)
    button.click()
    page.get_by_label("sampler").wait_for(timeout=20_000)


def test_back_leads_to_where_a_page_was_left(blank, address):
    """A row of a long table led to its galaxy, and Back to the top of the page."""
    page = blank
    go(page, f"{address}?view=validate")
    page.wait_for_function("document.getElementById('sf-main').scrollHeight > 2000", timeout=60_000)
    page.evaluate("document.getElementById('sf-main').scrollTop = 333")
    page.keyboard.press("1")
    page.wait_for_function("document.documentElement.dataset.view === 'explore'", timeout=60_000)
    assert page.evaluate("document.getElementById('sf-main').scrollTop") == 0
    page.go_back()
    page.wait_for_function("document.documentElement.dataset.view === 'validate'", timeout=60_000)
    page.wait_for_function("document.getElementById('sf-main').scrollTop > 300", timeout=20_000)
    find(page, "2490")  # the server leads elsewhere, and the page is another when its word comes
    page.wait_for_function("document.documentElement.dataset.view === 'explore'", timeout=60_000)
    page.go_back()
    page.wait_for_function("document.documentElement.dataset.view === 'validate'", timeout=60_000)
    page.wait_for_function("document.getElementById('sf-main').scrollTop > 300", timeout=20_000)


def typed(page, label, text):
    """The field of a label, into which a text was typed."""
    field = page.get_by_label(label, exact=True).and_(page.locator("input:visible")).first
    field.fill(text)
    field.press("Enter")
    return field


def test_data_that_come_while_a_table_is_built_are_shown(page):
    """A table stayed that of the galaxy before, under the heading of another."""
    corner_of(page, "NSAID 72,")
    shown = page.evaluate("""async () => {
        const found = []
        const walk = view => {
            if (view.tabulator && view.model.source.data.NSAID) found.push(view)
            for (const child of view.child_views ?? []) walk(child)
        }
        for (const root of Bokeh.index.roots) walk(root)
        const [view] = found, source = view.model.source
        const before = source.data
        const late = Array.from(before.NSAID, () => 'late')
        const first = async data => {
            view.render()
            source.setv({data}, {sync: false})
            while (view._building) await new Promise(done => setTimeout(done, 50))
            await new Promise(done => setTimeout(done, 200))
            return view.tabulator.getData()[0].NSAID
        }
        return [await first({...before, NSAID: late}), await first(before)]
    }""")
    assert shown[0] == "late" and shown[1].isdecimal()


@pytest.mark.heavy
def test_no_page_says_what_a_public_server_refuses(blank, address):
    """After twenty refusals nobody behind that address gets a page: `blank` fails on each."""
    page = blank
    go(page, address)
    corner_of(page, "NSAID 72,")
    page.keyboard.press("p")
    page.get_by_text("Pinned NSAID 72").wait_for()

    def shown(view):
        page.locator(f"#sf-nav a[aria-current][data-view={view}]").wait_for(timeout=60_000)

    for key in "3245671":
        page.keyboard.press(key)
        page.wait_for_timeout(800)
        shown([*VIEWS][int(key) - 1])
    corner_of(page, "NSAID 72,")
    open_tab(page, "Population")
    shown("population")
    field = page.locator("[class*=Spinner] input:visible").first
    for text in ("9", "", "1e400", "9-10"):  # emptied, a field said NaN
        field.fill(text)
        field.press("Enter")
        page.wait_for_timeout(700)
        assert field.input_value() == ("9" if text == "9" else "")
    field.press_sequentially("17,53")  # the comma was left out, and 1753 taken
    field.press("Enter")
    page.get_by_text("write 17.53, with a point").wait_for()
    assert field.input_value() == ""
    open_tab(page, "Your data")
    for label, text in (("r", "17"), ("r error", "0.1"), ("redshift", "-5")):
        field = typed(page, label, text)
    page.get_by_role("button", name="Infer this galaxy").click()
    page.get_by_text("redshift = \N{MINUS SIGN}5.0 is not between").wait_for()
    assert field.input_value() == "-5"
    field.fill("0,02")  # and the button at once: -5, or what was there before, is not fitted
    page.get_by_role("button", name="Infer this galaxy").click()
    page.get_by_text("write 0.02, with a point").wait_for()
    page.get_by_text(re.compile("^There is no redshift")).wait_for()
    assert field.input_value() == ""
    redshift = typed(page, "redshift", "0.05")
    for label, text in (("u", "18,2"), ("u error", "0,05")):
        typed(page, label, text)
    page.get_by_role("button", name="Infer this galaxy").click()
    page.get_by_text("What was typed for u is not a number").wait_for()
    redshift.press("ArrowUp")
    assert redshift.input_value() == "0.06"  # and not 0.060000000000000005
    page.locator("[class*=FileInput] input[type=file]").first.set_input_files(
        {"name": "empty.csv", "mimeType": "text/csv", "buffer": b""}
    )
    page.get_by_text("empty.csv is empty, and was not read").wait_for()
    open_tab(page, "Explore")
    for which in page.get_by_placeholder("filter").all():
        assert which.get_attribute("maxlength") == "100"


def test_a_number_outside_the_ends_of_a_field_is_refused_and_the_one_before_shown(page):
    page.get_by_text("Network", exact=True).first.click()
    draws = page.get_by_label("draws", exact=True).and_(page.locator("input:visible"))
    before = draws.input_value()
    for typed, told in (
        ("50000", "draws = 50000 is above 20000, and was not taken; type 100 to 20000."),
        ("", None),  # then 50 was 0, and that 100 draws
        ("50", "draws = 50 is below 100, and was not taken; type 100 to 20000."),
    ):
        draws.fill(typed)
        draws.press("Enter")
        if told:
            page.get_by_text(told).wait_for()
            assert draws.input_value() == before
        else:
            before = ""
    draws.fill("3000")
    draws.press("Enter")
    page.get_by_text("Numbers", exact=True).locator("visible=true").first.click()
    page.wait_for_function(IDLE, timeout=60_000)


def test_an_arrow_in_a_number_field_goes_from_the_digits_typed_before(page):
    open_tab(page, "Population")
    field = page.locator("[class*=Spinner] input:visible").first
    for typed, key, then in (("9", "ArrowUp", "9.1"), ("10", "ArrowDown", "9.9")):
        field.press("ControlOrMeta+a")
        field.press_sequentially(typed)
        field.press(key)
        assert field.input_value() == then
    field.fill("")
    field.press("Enter")
    open_tab(page, "Explore")
    page.wait_for_function(IDLE, timeout=60_000)


def test_explore_fits_its_screen(page):
    corner_of(page, "NSAID 72,")
    measured = """() => {
        const main = document.getElementById('sf-main')
        const all = []
        const walk = v => { all.push(v); for (const c of v.child_views ?? []) walk(c) }
        for (const root of Bokeh.index.roots) walk(root)
        const seen = ['sed', 'pull', 'corner', 'sfr', 'zh', 'formed'].map(name => {
            const box = all.find(v => v.model?.name == name).el.getBoundingClientRect()
            return [box.width, box.height, box.right, box.bottom]
        })
        return [main.scrollHeight - main.clientHeight, seen]
    }"""
    for width, height in ((1280, 800), (1440, 900)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(500)
        beyond, seen = at_rest(page, measured)
        assert beyond == 0
        for w, h, right, bottom in seen:
            assert w > 100
            assert h > 60
            assert right <= width
            assert bottom <= height


def test_a_box_in_a_history_or_in_the_residuals_selects_and_escape_clears(page):
    corner_of(page, "NSAID 72,")
    for name, x, y in (("sfr", [1, 4], [0.1, 100]), ("pull", [4000, 5200], [3, -3])):
        box(page, name, x, y)
        page.get_by_text("of the posterior,").wait_for(timeout=20_000)
        assert source(page, "corner_histograms_selected", "x")
        assert len(source(page, f"{name}_outline", "x")) == 5
        page.keyboard.press("Escape")
        page.get_by_text("of the posterior,").wait_for(state="hidden", timeout=20_000)


def test_back_and_forward_lead_through_pages_and_galaxies(page):
    corner_of(page, "NSAID 72,")
    find(page, "2490")
    corner_of(page, "NSAID 2490,")
    open_tab(page, "Learn")
    page.wait_for_url(re.compile("view=learn"))
    page.go_back()
    corner_of(page, "NSAID 2490,")
    page.go_back()
    corner_of(page, "NSAID 72,")
    page.wait_for_url(re.compile("galaxy=72$"))
    page.go_forward()
    corner_of(page, "NSAID 2490,")


def test_back_while_a_page_is_built_leads_to_the_page_before_it(blank, address):
    go(blank, address)
    open_tab(blank, "Forward")
    blank.wait_for_url(re.compile("view=forward"))
    blank.wait_for_function("document.documentElement.dataset.view == 'forward'")
    place = blank.evaluate("history.length")
    open_tab(blank, "Population")
    blank.evaluate("history.back()")  # in seconds it is built
    blank.wait_for_timeout(8000)
    assert blank.evaluate("document.documentElement.dataset.view") == "forward"
    assert "view=forward" in blank.url
    assert blank.evaluate("history.length") == place + 1
    blank.go_forward()
    blank.wait_for_function("document.documentElement.dataset.view == 'population'")
    assert "view=population" in blank.url and blank.evaluate("history.length") == place + 1


@pytest.mark.heavy
def test_a_selection_of_galaxies_survives_a_reload(blank, address):
    page = blank
    go(page, f"{address}?view=population&part=virgo&up=colour")
    titles = re.compile(r"Mass function: .* galaxies of the packaged atlas")
    heading(page, titles.pattern)
    all_of_virgo = page.get_by_role("heading", name=titles).inner_text()
    box(page, "population_dots", [9.0, 9.9], [0.3, 0.8])  # mass and colour
    page.wait_for_url(re.compile(r"cuts=mass:9[\d.]*:9\.[\d.]+,colour:0\.3[\d.]*:0\.[78]"))
    page.get_by_text("median log M★ formed from 9").wait_for(timeout=20_000)
    selected = page.get_by_role("heading", name=titles).inner_text()
    n, of_virgo = (re.search(r"[\d,]+ galaxies", text)[0] for text in (selected, all_of_virgo))
    assert n != of_virgo
    page.reload()
    heading(page, rf"Mass function: {n} of the packaged atlas")
    assert re.search(r"part=virgo&cuts=mass:9", page.url)


def test_the_page_turns_dark_without_being_loaded_again(page):
    corner_of(page, "NSAID 72,")
    page.evaluate("() => { window.sameSession = true }")
    page.get_by_role("button", name="Dark page").click()
    page.wait_for_url(re.compile("theme=dark"))
    axis = f"{MODELS}.find(m => m.name == 'sed').left[0]"
    page.wait_for_function(f"() => {axis}.major_label_text_color == '#a7b1bd'")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(17, 21, 26)"
    assert page.evaluate("() => window.sameSession")
    page.get_by_role("button", name="Light page").click()
    page.wait_for_function(f"() => {axis}.major_label_text_color == '#56606c'")


def test_a_page_follows_a_dark_system_until_another_theme_is_chosen(chromium, address):
    page, bad = watched_page(chromium)
    page.emulate_media(color_scheme="dark")
    go(page, address)
    axis = f"{MODELS}.find(m => m.name == 'sed').left[0]"
    page.wait_for_function(f"() => {axis}.major_label_text_color == '#a7b1bd'")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(17, 21, 26)" and "theme" not in page.url
    page.get_by_role("button", name="Light page").click()
    page.wait_for_url(re.compile("theme=light"))
    page.reload()
    page.wait_for_function(IDLE, timeout=60_000)
    page.wait_for_function(f"() => {axis}.major_label_text_color == '#56606c'", timeout=60_000)
    assert page.evaluate(ground) != "rgb(17, 21, 26)"
    page.context.close()
    assert not bad


def test_everything_of_the_frame_is_reached_by_keyboard(page):
    corner_of(page, "NSAID 72,")
    page.keyboard.press("/")
    page.keyboard.type("2490")
    page.keyboard.press("Enter")
    corner_of(page, "NSAID 2490,")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    corner_of(page, "NSAID 2503,")
    page.keyboard.press("k")
    corner_of(page, "NSAID 2490,")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    page.wait_for_url(re.compile("view=forward"))


def test_a_preset_moves_every_slider_and_the_address(page):
    """In the browser: a test in Python cannot see what a page was told."""
    corner_of(page, "NSAID 72,")
    open_tab(page, "Forward")
    page.get_by_label("start from").select_option("dusty", timeout=20_000)
    for text in ("tau_ism=1.8", "beta1=0.7", "tau_bc=2", "log_mstar=10.8", "n_dust=-0.3"):
        page.wait_for_url(re.compile(re.escape(text)))
    there = f"""([title, value]) => {MODELS}.some(
        m => m.type == 'Slider' && m.title == title && m.value == value)"""
    for moved in (["β₁", 0.7], ["τ BC", 2], ["τ ISM", 1.8], ["n dust", -0.3]):
        page.wait_for_function(there, arg=moved)


def test_an_error_in_one_change_of_a_message_loses_none_of_the_others(page):
    corner_of(page, "NSAID 72,")
    found = page.evaluate(
        """() => {
            const doc = Bokeh.documents[0], model = {id: doc.get_model_by_name('frame_say').id}
            const wrong = {kind: 'ModelChanged', model, attr: 'no such', new: 1}
            const right = {kind: 'TitleChanged', title: 'what came after'}
            try { doc.apply_json_patch({events: [wrong, right]}) } catch (e) { return doc.title() }
        }"""
    )
    assert found == "what came after"


_LAYOUT = """
    const root = Bokeh.index.roots.find(view => view.model.name == 'page')
    const all = view => [view, ...(view.child_views ?? []).flatMap(all)]
    const figures = all(root).filter(view => view.canvas_view)
    const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)))
    const counted = (one, name) => {
        const before = one[name]
        let times = 0
        one[name] = function(...all) { times++; return before.apply(this, all) }
        return () => { one[name] = before; return times }
    }
"""


def test_a_message_lays_the_page_out_once(page):
    corner_of(page, "NSAID 72,")
    page.wait_for_timeout(1500)
    found = page.evaluate(f"""async () => {{ {_LAYOUT}
        const panes = all(root).filter(view => view.model.type.endsWith('HTML')).slice(0, 3)
        const kept = panes.map(view => view.model.visible)
        const say = shown => root.model.document.apply_json_patch({{events: panes.map((view, k) => (
            {{kind: 'ModelChanged', model: {{id: view.model.id}}, attr: 'visible', new: shown[k]}}
        ))}})
        await frame()
        const times = counted(root, 'update_layout')
        say(kept.map(shown => !shown))
        const at_once = times.call()
        await frame()
        const later = counted(root, 'update_layout')
        say(kept)
        await frame()
        return [panes.length, at_once, later()]
    }}""")
    assert found == [3, 0, 1]


def test_styles_come_out_as_if_all_were_written(page):
    """A style sheet that keeps its text is left alone; one that does not must be written."""
    corner_of(page, "NSAID 72,")
    open_tab(page, "Forward")
    page.get_by_text("AB magnitudes:").wait_for(timeout=60_000)
    open_tab(page, "Explore")
    find(page, "2489")
    corner_of(page, "NSAID 2489,")
    page.wait_for_timeout(1500)
    different = page.evaluate(f"""() => {{ {_LAYOUT}
        const sheets = all(root).flatMap(view => [view.style, view.parent_style])
        const kept = sheets.map(sheet => sheet.css)
        for (const sheet of sheets) sheet.el.textContent = ''
        root.update_layout()
        return [sheets.length, sheets.filter((sheet, k) => sheet.css !== kept[k]).length]
    }}""")
    assert different[0] > 200
    assert different[1] == 0


def test_a_figure_is_painted_again_only_where_its_size_changes(page):
    corner_of(page, "NSAID 72,")
    page.wait_for_timeout(1500)
    found = page.evaluate(f"""async () => {{ {_LAYOUT}
        const corner = figures.find(view => view.model.name == 'corner')
        await frame()
        const painted = counted(corner, '_paint_primary')
        root.invalidate_layout()
        const same = painted()
        const again = counted(corner, '_paint_primary')
        corner.el.style.setProperty('max-height', corner.bbox.height - 40 + 'px', 'important')
        root.invalidate_layout()
        const smaller = again()
        corner.el.style.removeProperty('max-height')
        root.invalidate_layout()
        return [same, smaller]
    }}""")
    assert found[0] == 0
    assert found[1] >= 1


def test_a_figure_follows_its_place_in_a_box_that_keeps_its_size(page):
    corner_of(page, "NSAID 72,")
    page.wait_for_timeout(1500)
    found = page.evaluate(f"""async () => {{ {_LAYOUT}
        const atlas = figures.find(view => view.model.name == 'atlas')
        const heights = () => [atlas.parent.el, atlas.el, atlas.canvas_view.primary.el].map(
            one => Math.floor(one.getBoundingClientRect().height))
        const before = heights()
        atlas.el.style.setProperty('max-height', before[1] - 40 + 'px', 'important')
        await new Promise(done => setTimeout(done, 1000))
        const after = heights()
        atlas.el.style.removeProperty('max-height')
        await new Promise(done => setTimeout(done, 1000))
        return [before, after, heights()]
    }}""")
    (box, place, canvas), lower, again = found
    assert place == canvas
    assert lower == [box, place - 40, place - 40]
    assert again == [box, place, place]


def test_figures_know_the_size_of_their_letters(page):
    """They keep it, and ask again when a presentation has begun or ended."""
    corner_of(page, "NSAID 72,")
    ask = f"""() => {{ {_LAYOUT}
        return figures.map(view => [view.base_font_size, getComputedStyle(view.el).fontSize])
    }}"""
    sizes = page.evaluate(ask)
    page.evaluate("document.documentElement.dataset.present = 'all'")
    presented = page.evaluate(ask)
    page.evaluate("delete document.documentElement.dataset.present")
    for some in (sizes, presented, page.evaluate(ask)):
        assert all(f"{known}px" == now for known, now in some)
    assert presented != sizes


def _no_serious(page, **options):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"resultTypes": ["violations"], **options})
    serious = [
        (v["id"], v["help"], [n["html"][:200] for n in v["nodes"]][:3])
        for v in found.response["violations"]
        if v["impact"] in ("serious", "critical")
    ]
    assert serious == []


def _no_serious_in_both_themes(page):
    """The page as it is; and its colors in the other theme, to which it turns without a reload."""
    _no_serious(page)
    button = page.get_by_role("button", name=re.compile("^(Dark|Light) page$"))
    is_light = button.get_attribute("aria-label") == "Dark page"
    button.evaluate("button => button.click()")
    # All pages that were opened before have their figures dressed, too.
    page.wait_for_url(lambda url: ("theme=dark" in url) == is_light, timeout=90_000)
    page.wait_for_timeout(1500)
    _no_serious(page, runOnly=["color-contrast"])  # nothing else is another


CONTROLS = (
    "button",
    "checkbox",
    "combobox",
    "listbox",
    "radio",
    "searchbox",
    "slider",
    "spinbutton",
    "switch",
    "tab",
    "textbox",
)


def _every_control_has_a_name(page):
    """As a screen reader hears it: the browser's own accessibility tree."""
    tree = page.context.new_cdp_session(page)
    for _ in range(40):  # names are given when the page has been built
        nodes = tree.send("Accessibility.getFullAXTree")["nodes"]
        controls = [n for n in nodes if not n["ignored"] and n["role"]["value"] in CONTROLS]
        nameless = [n for n in controls if not n.get("name", {}).get("value", "").strip()]
        if not nameless:
            break
        page.wait_for_timeout(500)
    assert len(controls) >= 5  # those of the bar, above an empty page
    texts = [
        tree.send("DOM.getOuterHTML", {"backendNodeId": n["backendDOMNodeId"]}) for n in nameless
    ]
    assert texts == []
    tree.detach()


#: What a page shows once it is there.
DRAWN = {
    "explore": "NSAID 72 · z = 0.0488",  # before, its tables are empty
    "forward": "AB magnitudes:",
    "compare": "÷ joint σ",  # both posteriors, before which its table comes and goes
    "population": "galaxies of the packaged atlas",
    "validate": "Validation of nsa-ugriz-fsps",
    "learn": "Start: Fit by hand",
    "data": "or paste rows",
}


@pytest.fixture(scope="module")
def with_pins(chromium, address):
    """A page whose tabs tests open one after another, as a visitor would."""
    page, bad = watched_page(chromium)
    go(page, f"{address}?pins=72;2490")
    yield page
    page.context.close()
    assert not bad


@pytest.mark.parametrize("view", DRAWN)
def test_axe_finds_nothing_serious_and_every_control_has_a_name(with_pins, view):
    page = with_pins
    open_tab(page, VIEWS[view])
    page.get_by_text(DRAWN[view]).locator("visible=true").first.wait_for(timeout=60_000)
    empty = page.locator(".tabulator:visible:not(:has(.tabulator-row))")
    with suppress(AssertionError):  # axe says so itself if a grid stays without rows
        expect(empty).to_have_count(0, timeout=20_000)
    page.wait_for_timeout(1600)  # `name_controls` looks again
    _every_control_has_a_name(page)
    _no_serious_in_both_themes(page)


def test_pins_are_whole_on_a_phone_and_their_focus_is_that_of_other_buttons(blank, address):
    blank.set_viewport_size({"width": 390, "height": 844})
    blank.goto(f"{address}?view=compare&pins=2490;72~~g.r.i~~500", timeout=90_000)
    chips = blank.get_by_role("button", name=re.compile("×$"))
    expect(chips).to_have_count(2, timeout=60_000)
    for chip in chips.all():
        box = chip.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    chips.first.focus()
    blank.keyboard.press("Tab")
    outline = "one => getComputedStyle(one).outline.match(/solid 2px/)?.[0]"
    assert chips.nth(1).evaluate(outline) == "solid 2px"


def test_a_job_that_begins_comes_into_view_on_a_tablet(blank, address):
    """Its bar was below the screen, and nothing seemed to happen."""
    blank.set_viewport_size({"width": 820, "height": 1180})
    go(blank, f"{address}?galaxy=72")
    blank.get_by_role("button", name="Run MCMC", exact=True).click()
    bar = blank.get_by_role("progressbar").locator("visible=true")
    bar.wait_for(timeout=30_000)
    expect(bar).to_be_in_viewport(timeout=20_000)
    blank.get_by_role("button", name="Cancel").locator("visible=true").first.click()


def test_numbers_of_five_pins_are_whole_on_a_tablet(blank, address):
    """The last column had what room was left, and its lower errors were cut."""
    blank.set_viewport_size({"width": 820, "height": 1180})
    pins = ";".join(f"{galaxy}~~~~300" for galaxy in (72, 2489, 2490, 2503, 2507))
    blank.goto(f"{address}?view=compare&pins={pins}", timeout=90_000)
    row = blank.locator(".tabulator:visible .tabulator-row").first
    cells = row.locator(".tabulator-cell", has_text="+")
    expect(cells).to_have_count(5, timeout=90_000)
    blank.wait_for_timeout(500)
    cut = "all => all.map(one => one.scrollWidth - one.clientWidth).filter(over => over > 0)"
    assert cells.evaluate_all(cut) == []


def test_a_phone_shows_one_part_at_a_time(page):
    page.set_viewport_size({"width": 390, "height": 844})
    corner_of(page, "NSAID 72,")
    page.wait_for_timeout(500)
    for part, name in (("Posterior", "corner"), ("History", "sfr"), ("Light", "sed")):
        page.get_by_role("button", name=part, exact=True).click()
        page.wait_for_function(
            """name => {
                const all = []
                const walk = v => { all.push(v); for (const c of v.child_views ?? []) walk(c) }
                for (const root of Bokeh.index.roots) walk(root)
                const box = all.find(v => v.model?.name == name).el.getBoundingClientRect()
                return box.left >= 0 && box.right <= 390 && box.height > 150
            }""",
            arg=name,
            timeout=20_000,
        )
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390


def test_the_list_over_a_small_page_closes_when_a_galaxy_is_chosen(page):
    page.set_viewport_size({"width": 390, "height": 844})
    title, rows = page.title(), page.locator(".galaxies .tabulator-row")
    fold = page.get_by_role("button", name="☰ List")
    fold.click()
    rows.nth(3).wait_for(timeout=20_000)
    rows.nth(3).click()
    expect(rows.nth(3)).to_be_hidden(timeout=20_000)
    page.wait_for_function("before => document.title !== before", arg=title, timeout=30_000)
    fold.click()
    rows.nth(3).wait_for(timeout=20_000)
    page.mouse.click(384, 500)  # beside it
    expect(rows.nth(3)).to_be_hidden(timeout=20_000)


def test_small_screens_have_figures_in_sight(blank, address):
    page = blank
    page.set_viewport_size({"width": 390, "height": 844})
    go(page, f"{address}?view=forward")
    last = page.get_by_role("slider").last  # n_dust
    last.wait_for(timeout=60_000)
    last.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    canvas = page.locator(".bk-Figure").locator("visible=true").first.bounding_box()
    slider = last.bounding_box()
    assert canvas["y"] >= 40
    assert canvas["y"] + canvas["height"] <= slider["y"] <= 844
    go(page, f"{address}?view=population")
    heading = page.get_by_role("heading", name=re.compile("^Mass function: "))
    heading.wait_for(timeout=60_000)
    tops = [heading, page.get_by_text("Drag a box over the dots"), page.get_by_label("question")]
    found, box, question = (one.bounding_box()["y"] for one in tops)
    assert question < found < 400 < box


_WIDE = "() => document.getElementById('sf-main').scrollWidth"


@pytest.mark.parametrize("width", [390, pytest.param(820, marks=pytest.mark.heavy)])
def test_no_page_is_wider_than_its_screen(blank, address, width):
    page = blank
    page.set_viewport_size({"width": width, "height": 1000})
    go(page, address)
    for key, view in enumerate(VIEWS, 1):
        if view in ("explore", "forward", "data"):
            page.keyboard.press(str(key))  # the links of the bar may be folded
            page.get_by_text(DRAWN[view]).locator("visible=true").first.wait_for(timeout=60_000)
            assert at_rest(page, _WIDE) <= width, view
    lessons = ("learn&lesson=fit-by-hand&step=2", "learn&lesson=trust&step=1")
    for view in (*lessons, "population&preset=main-sequence"):
        go(page, f"{address}?view={view}")
        if "lesson" in view:
            page.get_by_text(re.compile(r"^Step \d+ of")).wait_for(timeout=60_000)
            page.get_by_text("Computing …").wait_for(state="hidden", timeout=60_000)
        assert at_rest(page, _WIDE) <= width, view


def test_a_number_field_is_one_stop_of_the_tab_key_and_its_ring_is_seen(page):
    go(page, f"{page.url.partition('?')[0]}?view=data")
    field = page.get_by_label("u", exact=True)
    field.wait_for(timeout=60_000)
    expect(page.locator(".bk-spin-btn").first).to_have_attribute("tabindex", "-1")
    field.focus()
    page.keyboard.press("Tab")
    error = page.get_by_label("u error")
    expect(error).to_be_focused()
    page.keyboard.press("ArrowUp")  # as the arrow beside it does
    expect(error).to_have_value("0")
    around = error.locator("..")
    assert around.evaluate("one => getComputedStyle(one).overflow") == "visible"


def test_the_ring_of_a_tab_is_whole_and_the_field_of_quantities_has_its_name(blank, address):
    page = blank
    go(page, f"{address}?view=compare&pins=72;2490")
    tab = page.get_by_role("button", name="Quantities", exact=True)
    tab.click(timeout=60_000)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(tab).to_be_focused()  # inside of the strip, which cuts what is around it
    assert tab.evaluate("one => parseFloat(getComputedStyle(one).outlineOffset)") <= -2
    field = page.get_by_role("textbox", name="quantities", exact=True)
    expect(field).to_have_attribute("placeholder", "add")


def test_hints_of_buttons_are_the_browser_s_own(page):
    """Bokeh's lay over the badge and over buttons beside."""
    for name in ("Walk", "rest frame", "type a range", "Refine"):
        button = page.get_by_role("button", name=name, exact=False).first
        assert button.evaluate("one => one.getRootNode().host.title.length") > 10
        button.hover()
    expect(page.locator(".bk-Tooltip:visible")).to_have_count(0)


def test_the_tab_key_leads_out_of_a_chooser(page):
    """Its list took the focus, closed, and the next stop was in front of it again."""
    page.get_by_role("button", name="choose", exact=True).click()
    field = page.get_by_role("textbox", name="quantities of the corner plot, one by one")
    expect(field).to_be_visible()
    page.wait_for_timeout(1600)  # `name_controls` looks again
    field.focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Numbers", exact=True)).to_be_focused()
    page.get_by_role("button", name="six", exact=True).click()


def test_a_note_of_five_lines_does_not_scroll(page):
    page.set_viewport_size({"width": 1440, "height": 900})
    find(page, "NGC 3193")
    heading(page, "NGC 3193")
    note = page.locator(".alert-warning").filter(has_text="no model comes near")
    note.wait_for(timeout=30_000)
    assert note.evaluate("one => one.scrollHeight - one.clientHeight") == 0


def test_the_cases_of_a_lesson_can_be_told_on_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    go(page, f"{page.url.partition('?')[0]}?view=learn&lesson=trust&step=6")
    cases = page.get_by_label("Case", exact=True)
    cases.wait_for(timeout=60_000)
    assert cases.bounding_box()["width"] > 200


def test_a_presentation_shows_the_guesses_of_a_class_first(page):
    go(page, f"{page.url.partition('?')[0]}?view=learn&lesson=fit-by-hand&step=2")
    page.get_by_role("button", name="Open a class").click(timeout=60_000)
    guesses = page.get_by_role("img", name=re.compile("class: guesses"))
    knob = page.get_by_role("slider", name="log M★").first
    join = page.get_by_role("button", name="Join")
    expect(join).to_be_visible()

    def is_first():
        return guesses.bounding_box()["y"] < knob.bounding_box()["y"]

    guesses.wait_for(timeout=30_000)
    assert not is_first()
    page.locator("#sf-present").click()
    expect(join).to_be_hidden()
    assert is_first()


def test_a_walk_plays_in_every_figure_and_escape_ends_it(page):
    corner_of(page, "NSAID 72,")
    page.keyboard.press("w")
    word = page.locator("#sf-walk-word")
    expect(word).to_have_text(re.compile("draw [2-9]"), timeout=30_000)
    for name in ("sed", "sfr", "zh", "formed", "corner"):
        assert len(source(page, f"{name}_walk", "x")) > 10, name
    page.keyboard.press("w")  # pauses
    at = word.inner_text()
    before = source(page, "sed_walk", "y")
    page.wait_for_timeout(1600)
    assert word.inner_text() == at
    page.get_by_role("button", name="Next draw").click()
    assert word.inner_text() != at
    assert source(page, "sed_walk", "y") != before
    page.wait_for_url(re.compile("walk=1"))
    page.keyboard.press("j")  # at the next galaxy, it is still paused
    expect(word).to_have_text("draw 1 of 40", timeout=30_000)
    page.wait_for_timeout(1600)
    expect(word).to_have_text("draw 1 of 40")
    page.keyboard.press("Escape")
    page.locator("#sf-walk").wait_for(state="hidden", timeout=20_000)
    assert source(page, "sed_walk", "x") == []
    page.emulate_media(reduced_motion="reduce")
    page.keyboard.press("w")
    expect(word).to_have_text("draw 1 of 40", timeout=30_000)
    page.wait_for_timeout(1600)
    assert word.inner_text() == "draw 1 of 40"  # nothing moves by itself
    page.keyboard.press("w")
    assert word.inner_text() == "draw 2 of 40"


def test_a_band_is_left_out_on_the_side_by_keyboard(page):
    corner_of(page, "NSAID 72,")
    page.get_by_role("button", name="What if").press("Enter")
    page.get_by_role("button", name="As it is").wait_for(timeout=30_000)
    page.get_by_role("button", name="u", exact=True).last.press("Enter")
    page.get_by_text("u left out").wait_for(timeout=60_000)
    assert source(page, "sed_left", "band") == ["u"]
    assert len(source(page, "corner_histograms_changed", "x")) > 10
    # Glyphs that came with it are in the ink of the page, and the legend stays at its end.
    ends, colors = page.evaluate(
        f"""() => {{
            const figure = {MODELS}.find(m => m.name == 'sed'), view = Bokeh.index.find_one(figure)
            const legend = view.renderer_views.get(figure.above.find(m => m.type == 'Legend'))
            const named = name => figure.renderers.find(one => one.data_source.name == name)
            return [
                [legend.el, view.el].map(el => el.getBoundingClientRect().right),
                ['sed_data', 'sed_changed'].map(name => named(name).glyph.line_color.value ??
                    named(name).glyph.line_color),
            ]
        }}"""
    )
    assert 0 <= ends[1] - ends[0] < 12
    assert colors[1] == "#1b2026"
    page.wait_for_url(re.compile("whatif=u:out"))
    page.get_by_role("button", name="As it is").click()
    page.wait_for_function(f"() => {MODELS}.find(m => m.name == 'sed_changed')?.data.x.length == 0")


@pytest.mark.parametrize("view", ["explore", "forward"])
def test_parts_of_the_spectrum_are_switched_by_keyboard(blank, address, view):
    go(blank, f"{address}?view={view}")
    figure = blank.get_by_role("figure", name=re.compile("Spectrum and photometry"))
    part = figure.get_by_role("button", name="no dust", exact=True)
    expect(part).to_have_attribute("aria-pressed", "false", timeout=30_000)
    for key, on in (("Enter", "true"), ("Space", "false"), ("Enter", "true")):
        part.press(key)
        expect(part).to_have_attribute("aria-pressed", on)
        expect(part).to_be_focused()
    blank.wait_for_timeout(1500)  # the server has answered
    expect(part).to_be_focused()
    blank.keyboard.press("Tab")
    beside = "young" if view == "explore" else "model"
    expect(figure.get_by_role("button", name=beside)).to_be_focused()


def test_a_button_that_unpins_leaves_its_focus_to_a_neighbor(blank, address):
    blank.goto(f"{address}?view=forward", wait_until="commit", timeout=90_000)
    pin = blank.get_by_role("button", name="Pin this curve")
    pin.wait_for(timeout=60_000)
    unpin = blank.get_by_role("button", name="Unpin")
    expect(unpin).to_be_disabled()
    pin.press("Enter")
    expect(unpin).to_be_enabled(timeout=20_000)
    unpin.focus()
    blank.keyboard.down("Enter")
    expect(pin).to_be_focused(timeout=20_000)
    blank.keyboard.down("Enter")  # again, as one that is held
    blank.wait_for_timeout(1000)
    expect(unpin).to_be_disabled()
    blank.keyboard.up("Enter")
    pin.press("Enter")
    expect(unpin).to_be_enabled(timeout=20_000)


def test_a_button_that_was_clicked_hands_no_focus_on(blank, address):
    """Space, which scrolls, would press the next one."""
    blank.goto(f"{address}?view=forward", wait_until="commit", timeout=90_000)
    pin = blank.get_by_role("button", name="Pin this curve")
    pin.click(timeout=60_000)
    unpin = blank.get_by_role("button", name="Unpin")
    expect(unpin).to_be_enabled(timeout=20_000)
    unpin.click()
    expect(unpin).to_be_disabled(timeout=20_000)
    blank.wait_for_timeout(1000)
    expect(pin).not_to_be_focused()


def test_a_presentation_on_a_low_screen_has_whole_sentences(blank, address):
    blank.set_viewport_size({"width": 1280, "height": 800})
    blank.goto(f"{address}?galaxy=141543&present=history", wait_until="commit", timeout=90_000)
    blank.get_by_text("The galaxy is outside the training domain").wait_for(timeout=60_000)
    blank.get_by_text("Half of the mass had formed").wait_for(timeout=60_000)
    for cut in ("No single band is to blame", "Bands hold 68, 95 %"):
        expect(blank.get_by_text(cut)).to_be_hidden()


def test_a_presentation_leaves_the_corner_plot_alone(page):
    corner_of(page, "NSAID 72,")
    page.get_by_role("button", name="Present: large").click()
    page.get_by_text("step through the galaxies").wait_for(timeout=20_000)
    page.keyboard.press("c")
    page.wait_for_url(re.compile("present=corner"))
    wide = page.locator(".corner").first.evaluate("e => e.getBoundingClientRect().width")
    assert wide > 1200
    expect(page.get_by_role("button", name="Run MCMC")).to_be_hidden()
    painted = """name => {
        const all = []
        const walk = v => { all.push(v); for (const c of v.child_views ?? []) walk(c) }
        for (const root of Bokeh.index.roots) walk(root)
        return all.find(v => v.model?.name == name).canvas_view.primary.canvas.width
    }"""
    for key, part, name, least in (
        ("h", "history", "sfr", 300),
        ("s", "sed", "sed", 1200),
        ("c", "corner", "corner", 1200),
    ):
        page.keyboard.press(key)
        page.wait_for_url(re.compile(f"present={part}"))
        page.wait_for_timeout(500)
        assert page.evaluate(painted, name) > least, name
    page.keyboard.press("ArrowRight")
    corner_of(page, "NSAID 2489,")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Explore", exact=True)).to_be_visible()


def test_mcmc_runs_beside_the_network_and_can_be_cancelled(page):
    corner_of(page, "NSAID 72,")
    page.get_by_role("button", name="Run MCMC").click()
    page.get_by_text(re.compile("NSAID 72, z = 0.0488: ")).wait_for(timeout=30_000)
    page.get_by_role("button", name="Cancel").first.click()
    page.get_by_text("cancelled after").wait_for(timeout=60_000)
    page.get_by_role("button", name="Run MCMC").click()
    page.get_by_text("two halves of MCMC").wait_for(timeout=240_000)
    page.wait_for_function(
        f"() => {MODELS}.find(m => m.name == 'corner_contours_mcmc')?.data.x.length > 50"
    )


@pytest.mark.heavy
def test_stellar_libraries_are_compared_for_a_galaxy(page):
    corner_of(page, "NSAID 72,")
    page.get_by_role("button", name="Evidence", exact=True).click()
    page.get_by_role("button", name="Compare stellar libraries").click()
    page.get_by_text(re.compile(r"3 libraries, 3,000 draws each, in ")).wait_for(timeout=240_000)
    page.get_by_text("fsps-gas", exact=True).first.wait_for()
    assert len(source(page, "intervals_last", "x")) == 6


def test_a_catalogue_is_uploaded_run_and_looked_at(page):
    heading(page, "NSAID 72")
    open_tab(page, "Your data")
    rows = "name,redshift,mag_g,magerr_g,mag_r,magerr_r\none,0.05,17.0,0.03,16.5,0.03\n"
    rows += "two,-3,17.0,0.03,16.5,0.03\n"
    page.locator("input[type=file]").set_input_files(
        {"name": "mine.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    )
    page.get_by_text("2 rows, 1 of them can be run").wait_for(timeout=20_000)
    page.get_by_text("redshift = −3").first.wait_for()
    page.wait_for_function("sessionStorage.getItem('sedflow-upload') == '1'")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Click a row to look at its galaxy").wait_for(timeout=30_000)
    # The results are far below the upload, and the page goes there.
    expect(page.get_by_text("Download CSV")).to_be_in_viewport(timeout=10_000)
    expect(page.get_by_text("Click a row to look at its galaxy")).to_be_in_viewport()
    with page.expect_download() as download:
        page.get_by_text("Download CSV").click()
    assert "log_mstar_p50" in Path(download.value.path()).read_text()
    missed = page.get_by_text("not kept when the page is loaded again")
    page.reload(timeout=90_000)
    missed.wait_for(timeout=30_000)
    page.wait_for_function(IDLE, timeout=60_000)
    page.reload(timeout=90_000)  # now nothing is missed
    page.wait_for_function(IDLE, timeout=60_000)
    assert not missed.count()


def test_the_posterior_is_downloaded(page, tmp_path):
    corner_of(page, "NSAID 72,")
    page.get_by_role("button", name="Files", exact=True).click()
    for label, name in (("Whole fit (HDF5)", "fit.h5"), ("Spectrum (SVG)", "spectrum.svg")):
        with page.expect_download(timeout=60_000) as download:
            page.get_by_text(label).click()
        download.value.save_as(tmp_path / name)
    import sedflow

    assert sedflow.load_fit(tmp_path / "fit.h5").title == "NSAID 72, z = 0.0488"
    assert "<svg" in (tmp_path / "spectrum.svg").read_text()[:1000]


@pytest.mark.parametrize(
    "query",
    [
        "view=learn&lesson=fit-by-hand&step=2",
        pytest.param("whatif=u:out&walk=1", marks=pytest.mark.heavy),
        pytest.param("present=all", marks=pytest.mark.heavy),
    ],
)
def test_axe_finds_nothing_serious_in_what_is_opened_on_a_page(blank, address, query):
    page = blank
    go(page, f"{address}?{query}")
    if "learn" in query:
        page.get_by_text("Step 2 of").wait_for(timeout=60_000)
    else:
        corner_of(page, "NSAID 72,")
    if "walk" in query:
        page.get_by_text("u left out").first.wait_for(timeout=60_000)
        page.locator("#sf-walk").wait_for(timeout=60_000)
    page.wait_for_timeout(2000)
    _no_serious_in_both_themes(page)


def test_who_opens_the_address_of_a_class_has_a_guess_and_a_reload_keeps_it(chromium, address):
    """Pupils one after another at one desk, or behind one router, overwrote each other's guess."""
    opened = []

    def send(page, n):
        page.get_by_role("button", name="Send my best").click(timeout=60_000)
        words = "1 guess," if n == 1 else f"{n} guesses,"
        page.get_by_text(words).wait_for(timeout=30_000)

    def opens(where):
        opened.append(watched_page(chromium))
        page = opened[-1][0]
        go(page, where)
        return page

    teacher = opens(f"{address}?view=learn&lesson=fit-by-hand&step=2")
    teacher.get_by_role("button", name="Open a class").click(timeout=60_000)
    send(teacher, 1)
    teacher.wait_for_url("**class=*")
    where = teacher.url
    teacher.reload()
    teacher.wait_for_function(IDLE, timeout=60_000)
    send(teacher, 1)
    with teacher.context.expect_page() as found:  # a tab that has a copy of this one's store
        teacher.evaluate("window.open(location.href)")
    found.value.wait_for_function(IDLE, timeout=60_000)
    send(found.value, 2)
    teacher.context.close()
    page = opens(where)
    send(page, 3)
    page.wait_for_timeout(2000)
    expect(page.get_by_text("3 guesses,")).to_be_visible()  # and no more of them
    page.context.close()
    assert not [one for _, bad in opened for one in bad]


def test_what_guesses_are_sent_under_belongs_to_an_entry_of_the_history(chromium):
    """Back after another pupil at the same desk leads to the first one's guess, not to theirs."""
    script = (ROOT / "sedflow/dashboard/frame/mark.js").read_text(encoding="utf-8")
    context = chromium.new_context()
    answer = {"body": f"<script>{script}</script>", "content_type": "text/html"}
    context.route("**/*", lambda route: route.fulfill(**answer))
    page = context.new_page()

    def mark():
        return page.evaluate("window.sedflowMark")

    page.goto("http://127.0.0.1/?first")
    first = mark()
    page.goto("http://127.0.0.1/?second")
    second = mark()
    assert len(first) == len(second) == 16
    assert first != second
    page.go_back()
    assert mark() == first
    page.go_forward()
    assert mark() == second
    page.goto("http://127.0.0.1/?second#part")
    page.reload()
    assert mark() == second
    with context.expect_page() as found:  # a tab that has a copy of this one's store
        page.evaluate("window.open(location.href)")
    copied = found.value
    copied.wait_for_function("window.sedflowMark")
    assert copied.evaluate("window.sedflowMark") not in (first, second)
    # A tab that is duplicated has the entry, too, while the page that it belongs to is shown.
    copied.evaluate("mark => history.replaceState({mark}, '')", second)
    copied.reload()
    assert copied.evaluate("window.sedflowMark") not in (first, second)
    context.close()


#: Boxes of all that is drawn in the page, by the classes given: (left, right, top, bottom).
_BOXES = """names => {
  const found = [], look = root => { for (const one of root.querySelectorAll('*')) {
    const box = one.getBoundingClientRect()
    if (names.some(name => one.classList.contains(name)) && one.checkVisibility() && box.width)
      found.push([box.left, box.right, box.top, box.bottom])
    if (one.shadowRoot) look(one.shadowRoot)
  } }
  look(document)
  return found
}"""


def test_a_printed_comparison_says_whose_colour_is_whose(blank, address):
    page = blank
    go(page, f"{address}?view=compare&pins=72;2490")
    chips = page.get_by_role("button", name=re.compile("^NSAID (72|2490)"))
    expect(chips).to_have_count(2, timeout=60_000)
    page.emulate_media(media="print")
    assert all(one.is_visible() for one in chips.all())
    page.emulate_media(media="screen")


@pytest.mark.parametrize("query", ["?galaxy=2490", "?view=forward"])
def test_a_printed_page_has_its_figures_below_each_other(blank, address, query):
    page = blank
    go(page, address + query)
    page.wait_for_function(f"() => ({_BOXES})(['bk-Figure']).length > 2", timeout=30_000)
    before = page.evaluate(_BOXES, ["bk-Figure"])
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    left, right = page.evaluate(
        "() => { const box = document.body.getBoundingClientRect(); return [box.left, box.right] }"
    )
    boxes = page.evaluate(_BOXES, ["bk-Figure"])
    for k, (x0, x1, y0, y1) in enumerate(boxes):
        assert left <= x0 < x1 <= right
        assert x1 - x0 > 100
        for u0, u1, v0, v1 in boxes[:k]:
            assert min(x1, u1) - max(x0, u0) <= 1 or min(y1, v1) - max(y0, v0) <= 1
    assert not page.locator(".sf-bar").is_visible()
    # As wide as the screen was, it had the whole sheet shrunk.
    assert page.locator(".bk-Legend .bk-overlay").locator("visible=true").count() == 0
    height = page.evaluate("document.body.scrollHeight")
    assert max(y1 for *_, y1 in boxes) <= height
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    page.wait_for_function(
        f"([names, before]) => JSON.stringify(({_BOXES})(names)) === JSON.stringify(before)",
        arg=[["bk-Figure"], before],
        timeout=10_000,
    )


def test_forced_colors_show_what_is_chosen(blank, address):
    page = blank
    page.emulate_media(forced_colors="active")
    go(page, address + "?galaxy=2490&bands=g,r,i")

    def ground(name):
        chip = page.get_by_role("button", name=name, exact=True).first
        return chip.evaluate("one => getComputedStyle(one).backgroundColor")

    assert ground("g") == ground("r") == ground("exact") == ground("six")
    assert ground("g") != ground("u")
    assert ground("u") == ground("z") == ground("prior")


def test_a_connection_that_stalls_is_told(blank, address):
    """Nobody closes it: the network forgets it, and what is picked then shows nothing."""
    page = blank
    page.clock.install()
    page.add_init_script("""
        const Socket = window.WebSocket
        window.WebSocket = class extends Socket {
            constructor(...about) {
                super(...about)
                this.addEventListener('message', event => {
                    if (window.stalls) event.stopImmediatePropagation()
                })
            }
        }
    """)
    go(page, address)
    told = page.get_by_text("The server has not answered for 10 s.")
    page.clock.run_for(12_000)  # a page where nothing is asked for
    expect(told).to_have_count(0)
    page.evaluate("window.stalls = true")
    find(page, "2490")
    page.wait_for_timeout(500)
    page.clock.run_for(12_000)
    expect(told).to_have_count(1)
    page.evaluate("window.stalls = false")
    find(page, "2490")
    expect(told).to_have_count(0, timeout=20_000)

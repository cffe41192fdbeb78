"""The pages of the static site, driven in Chromium as a visitor would."""

import json
import re
import threading
from contextlib import redirect_stdout
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest

import sedflow
from sedflow import palette
from sedflow.bands import ab_magnitude
from sedflow.dashboard.address import encode_own
from sedflow.dashboard.answer import OwnGalaxy
from sedflow.model.derived import derive
from sedflow.model.prior_curves import prior_density
from sedflow.parameters import NAMES, Prior

STATIC = Path(__file__).parents[2] / "sedflow" / "site" / "static"
MAGNITUDES = {
    "u": (18.79, 0.07),
    "g": (17.80, 0.023),
    "r": (17.45, 0.022),
    "i": (17.21, 0.024),
    "z": (17.09, 0.043),
}


class Quiet(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

    def log_message(self, format, *args):
        pass


@pytest.mark.parametrize(("theme", "colours"), [("light", palette.LIGHT), ("dark", palette.DARK)])
def test_the_site_has_the_colours_of_the_app(theme, colours):
    text = (STATIC / "style.css").read_text()
    block = re.search(rf"\[data-theme={theme}\] \{{(.*?)\}}", text, re.DOTALL).group(1)
    found = dict(re.findall(r"--(\w+): (#\w{6})", block))
    assert found == colours


def test_the_site_has_the_colours_of_bands_and_draws_of_the_app():
    block = (STATIC / "style.css").read_text().split("[data-theme")[0]
    found = dict(re.findall(r"--(\w+): (#\w{6})", block))
    named = {"model": palette.MODEL, "selected": palette.SELECTED, "other": palette.OTHER}
    named |= {"predicted": palette.PREDICTED, "prior": palette.FAINT, "text": palette.TEXT}
    named |= {"truth": palette.TRUTH}
    assert found == named | palette.FILTERS


def test_the_page_names_no_address_outside_itself():
    for path in STATIC.rglob("*.*"):
        outside = re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}", path.read_text())
        assert outside == [], path.name


def test_a_module_stays_short():
    long = {p.name: n for p in STATIC.rglob("*.js") if (n := len(p.read_text().split("\n"))) > 251}
    assert long == {}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from sedflow.site.write import write_site

    return write_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def site(folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def page(chromium, site):
    """Explore, with the first galaxy's posterior painted; all requests and errors are kept."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.asked, page.errors = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)
    page.goto(f"{site}?galaxy=2490")
    page.wait_for_selector("html[data-painted]", timeout=60_000)
    yield page
    context.close()


def painted(page, title):
    page.locator(".head h2", has_text=title).wait_for(timeout=30_000)
    page.wait_for_function("() => document.getElementById('busy').hidden", timeout=30_000)


def ink(page, selector, at=0):
    """How many pixels of a canvas are not empty."""
    return (
        page.locator(f"{selector} canvas")
        .nth(at)
        .evaluate(
            """c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data
            let n = 0; for (let k = 3; k < d.length; k += 4) n += d[k] > 0; return n }"""
        )
    )


def picture(page, selector):
    return page.locator(f"{selector} canvas").first.evaluate("c => c.toDataURL()")


@pytest.mark.browser
def test_a_galaxy_of_the_atlas_gets_a_posterior_and_nobody_outside_is_asked(page, site):
    painted(page, "NSAID 2490")
    assert "exact (weights)" in page.locator(".badge").inner_text()
    chosen = page.locator(".list .item[aria-selected=true]")
    assert chosen.locator("span").first.inner_text() == "2490"
    (of, item) = (page.locator(".list").bounding_box(), chosen.bounding_box())
    assert of["y"] <= item["y"] <= of["y"] + of["height"] - item["height"] + 1
    for figure in (".sed", ".pull", ".corner", ".history"):
        assert ink(page, figure) > 300, figure
    outside = [u for u in page.asked if not u.startswith((site, "data:", f"blob:{site}"))]
    assert outside == []
    assert page.errors == []


@pytest.mark.browser
def test_a_selection_appears_in_every_figure(page):
    painted(page, "NSAID 2490")
    before = {f: picture(page, f) for f in (".sed", ".pull", ".history", "td .figure")}
    box = page.locator(".corner g.brush rect.overlay").nth(1).bounding_box()
    page.mouse.move(box["x"] + 4, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 4, steps=3)
    page.mouse.up()
    page.get_by_text("of the posterior,").wait_for(timeout=5000)
    same = set(before)
    for _ in range(50):  # a small selection asks for spectra of its own
        same = {f for f in same if picture(page, f) == before[f]}
        if not same:
            break
        page.wait_for_timeout(200)
    assert same == set()
    assert ink(page, ".corner", 1) > 100  # the upper canvas has the selection alone
    page.keyboard.press("Escape")
    page.get_by_text("of the posterior,").wait_for(state="hidden")
    assert ink(page, ".corner", 1) == 0


@pytest.mark.browser
def test_the_prior_stands_in_the_corner_plot_where_it_is_asked_for(page):
    painted(page, "NSAID 2490")
    without, prior = picture(page, ".corner"), page.get_by_role("button", name="prior", exact=True)
    prior.click()
    assert picture(page, ".corner") != without
    prior.click()
    assert picture(page, ".corner") == without
    curves = page.evaluate(
        """async () => {
            const { priorOver } = await import(new URL("parts/prior.js", document.baseURI).href)
            const site = await (await fetch("data/site.json")).json()
            const names = ["beta1", "tau_ism", "age_mw"]
            return names.map((name) => [...priorOver(site, name, 0.06, [0, 4])])
        }"""
    )
    x = np.linspace(0, 4, len(curves[0]))
    np.testing.assert_allclose(curves[0], prior_density("beta1", x, Prior()), atol=1e-3)
    np.testing.assert_allclose(curves[1], np.where(x <= 3, 1 / 3, 0), atol=1e-6)
    known = page.evaluate("() => fetch('data/site.json').then((r) => r.json())")["prior"]
    table = known["derived"]["age_mw"]
    rows = [np.interp(x, table["x"], row, 0, 0) for row in table["density"]]
    expected = [np.interp(0.06, known["redshift"], column) for column in np.transpose(rows)]
    np.testing.assert_allclose(curves[2], expected, atol=1e-6)


def executed(code):
    """What the Python of the page leaves behind."""
    names = {}
    with redirect_stdout(StringIO()):
        exec(code, names)
    return names


def compare_with_python(page):
    """Medians and 68 % of the page's table with those that the page's own Python gives."""
    known = page.evaluate("() => fetch('data/site.json').then((r) => r.json())")
    shown = page.locator(".explore tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.children].slice(0, 2).map(cell => cell.textContent))"
    )
    texts = {label: [float(v) for v in text.replace("−", "-").split()] for label, text in shown}
    exact = executed(page.locator(".explore pre").text_content())["exact"]
    compared = 0
    for q in (*known["parameters"], *known["quantities"]):
        median, up, down = texts[f"{q['label']} [{q['unit']}]" if q["unit"] else q["label"]]
        values = exact.draws[q["name"]] if q["name"] in NAMES else exact.derived[q["name"]]
        low, middle, high = exact.draws.quantile(values, (0.16, 0.5, 0.84))
        assert abs(median - middle) < 0.2 * (high - low), q["name"]
        assert 0.7 < (up - down) / (high - low) < 1.4, q["name"]
        compared += 1
    assert compared > 20


@pytest.mark.browser
def test_the_python_of_the_page_gives_what_it_shows_of_a_galaxy_of_the_atlas(page):
    painted(page, "NSAID 2490")
    compare_with_python(page)


@pytest.mark.browser
def test_the_python_of_the_page_gives_the_magnitudes_of_forward(page):
    page.get_by_role("link", name="Forward").click()
    page.get_by_label("start from").select_option("dusty")
    page.locator(".forward summary").click()
    page.wait_for_function(
        "() => document.querySelector('.forward pre').textContent.includes('1.8')"
    )
    page.wait_for_timeout(500)
    text = page.locator(".forward p.num").inner_text()
    shown = [float(v) for v in re.findall(r"\d+\.\d+", text)]
    flux = executed(page.locator(".forward pre").text_content())["flux"]
    np.testing.assert_allclose(shown, ab_magnitude(flux), atol=0.012)


@pytest.mark.browser
def test_a_lesson_waits_for_a_prediction_and_arrow_keys_go_through_it(page):
    page.get_by_role("link", name="Learn", exact=True).click()
    page.get_by_role("button", name="What each parameter does").click()
    page.locator("#present").click()
    page.keyboard.press("ArrowRight")
    page.locator("h2", has_text="Young stars").wait_for()
    slider = page.locator(".knobs input[type=range]")
    assert slider.is_disabled()
    page.get_by_role("button", name="redder").click()
    page.get_by_text("You said redder; it is: bluer.").wait_for()
    words = page.locator(".lessonstage p.num")
    words.get_by_text("g−r").wait_for()
    before = words.inner_text()
    slider.focus()
    page.keyboard.press("PageUp")
    page.wait_for_function(
        "t => document.querySelector('.lessonstage p.num').innerText != t", arg=before
    )
    assert ink(page, ".plotbox") > 300
    page.keyboard.press("Escape")
    assert "step=2" in page.url
    page.go_back()
    page.locator("h2", has_text="Mass: how many stars").wait_for()
    page.go_forward()
    page.locator("h2", has_text="Young stars").wait_for()
    page.evaluate(
        """() => { history.pushState(null, '', location.search.replace('step=2', 'step=9999'))
        dispatchEvent(new PopStateEvent('popstate')) }"""
    )
    page.locator("#says").get_by_text("step = 9999 was changed to 99").wait_for()
    page.keyboard.press("1")
    painted(page, "NSAID 2490")
    assert page.errors == []


@pytest.mark.browser
@pytest.mark.heavy
def test_every_step_of_every_lesson_is_shown(page, site):
    lessons = page.evaluate("() => fetch('data/lessons.json').then((r) => r.json())")
    page.get_by_role("link", name="Learn", exact=True).click()
    if page.locator(".lesson").count():
        page.get_by_role("link", name="Learn", exact=True).click()
    for lesson in lessons:
        page.get_by_role("button", name=lesson["title"]).click()
        for step in lesson["steps"]:
            page.locator("h2", has_text=step["title"]).wait_for()
            page.locator(".lesson button").first.click()
            page.locator(".answer").wait_for()
            page.wait_for_timeout(300)
            drawn = page.locator(".lesson canvas").count()
            assert drawn >= 1, step["key"]
            page.locator(".steps .first").click()
    page.locator("h2", has_text="Lessons").wait_for()
    page.keyboard.press("1")
    painted(page, "NSAID 2490")
    assert page.errors == []


@pytest.mark.browser
@pytest.mark.heavy
def test_without_a_mouse_the_list_the_tabs_and_a_range_do_the_same(page):
    page.locator(".list").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_function("() => !document.querySelector('.head h2').textContent.includes('2490')")
    page.wait_for_function("() => document.getElementById('busy').hidden")
    page.get_by_role("tab", name="Numbers").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_label("from", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_text("of the posterior,").wait_for(timeout=5000)
    page.keyboard.press("Escape")
    page.locator(".list").focus()
    page.keyboard.press("/")
    page.keyboard.type("2490")
    page.keyboard.press("Enter")
    painted(page, "NSAID 2490")


@pytest.mark.browser
@pytest.mark.heavy
def test_a_band_left_out_widens_the_prediction_and_stands_in_the_address(page):
    painted(page, "NSAID 2490")
    page.get_by_role("button", name="Use band u").click()
    page.wait_for_function("() => location.search.includes('bands=g,r,i,z')")
    page.locator(".key", has_text="left out").first.wait_for(timeout=10_000)
    page.get_by_role("button", name="Use band u").click()
    page.locator(".key", has_text="left out").first.wait_for(state="hidden", timeout=10_000)


@pytest.mark.browser
@pytest.mark.heavy
def test_magnitudes_that_are_typed_get_a_posterior_and_bad_ones_a_sentence(page):
    page.get_by_role("tab", name="Your galaxy").click()
    form = page.locator(".own")
    page.get_by_role("button", name="Infer this galaxy").click()
    page.get_by_text("No band has a value; type the flux or magnitude").wait_for()
    for band, (magnitude, error) in MAGNITUDES.items():
        form.get_by_label(band, exact=True).fill(str(magnitude))
        form.get_by_label(f"{band} error", exact=True).fill(str(error))
    form.get_by_label("redshift", exact=True).fill("7")
    page.get_by_role("button", name="Infer this galaxy").click()
    page.get_by_text("Redshift 7 is outside").wait_for()
    form.get_by_label("redshift", exact=True).fill("0.0488")
    page.get_by_role("button", name="Infer this galaxy").click()
    painted(page, "my galaxy, z = 0.0488")
    compare_with_python(page)
    page.wait_for_function("() => location.search.includes('flux=u:')")
    form.get_by_label("name", exact=True).fill("72")  # which is a galaxy of the atlas
    page.get_by_role("button", name="Infer this galaxy").click()
    painted(page, "72 (mine), z = 0.0488")
    page.goto(f"{page.url.partition('?')[0]}?galaxy=nothing")
    page.get_by_text("“nothing” is not in this atlas").wait_for(timeout=60_000)


@pytest.mark.browser
@pytest.mark.heavy
def test_a_slider_moves_the_spectrum_and_a_mock_of_it_is_inferred(page):
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Forward").click()
    page.locator("p.num", has_text="AB magnitudes").wait_for()
    before = picture(page, ".forward .sed")
    text = page.locator(".forward p.num").inner_text()
    page.get_by_label("τ ISM", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("t => document.querySelector('.forward p.num').innerText != t", arg=text)
    assert picture(page, ".forward .sed") != before
    page.get_by_role("button", name="Observe and infer").click()
    painted(page, "mock 1")
    page.get_by_text("lines: the truth").wait_for()
    assert ink(page, ".corner", 1) > 50  # the truth, on the upper canvas
    assert page.errors == []


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.heavy)])
def test_axe_finds_nothing_serious_on_the_site(page, theme):
    from axe_playwright_python.sync_playwright import Axe

    for view in ("Explore", "Forward", "Learn", "What it is"):
        page.get_by_role("link", name=view, exact=True).click()
        page.evaluate("t => { document.documentElement.dataset.theme = t }", theme)
        page.wait_for_timeout(300)
        found = Axe().run(page).response["violations"]
        serious = [
            (v["id"], [n["html"][:200] for n in v["nodes"]][:3])
            for v in found
            if v["impact"] in ("serious", "critical")
        ]
        assert serious == [], view


@pytest.mark.browser
@pytest.mark.heavy
def test_no_page_is_wider_than_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate("() => document.getElementById('says').replaceChildren()")  # of another test
    try:
        for view in ("Explore", "Forward", "Learn", "What it is"):
            page.get_by_role("link", name=view, exact=True).click()
            page.wait_for_timeout(200)
            assert page.evaluate("() => document.getElementById('main').scrollWidth") <= 390, view
            assert page.evaluate("() => document.documentElement.scrollWidth") <= 390, view
            if view == "Forward":  # nothing lies over what is at its end
                page.get_by_role("button", name="Observe and infer").click(trial=True, timeout=5000)
    finally:
        page.set_viewport_size({"width": 1280, "height": 800})


# The start


class _Held(Quiet):
    """A server that keeps the network back until it is told to let it go."""

    let_go = threading.Event()

    def do_GET(self):
        if "safetensors" in self.path:
            self.let_go.wait(30)
        super().do_GET()


@pytest.mark.browser
def test_the_list_can_be_used_while_the_network_loads(chromium, folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Held, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = chromium.new_page()
    try:
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.locator(".list .item").nth(2).click(timeout=20_000)
        chosen = page.locator(".list .item[aria-selected=true] span").first.inner_text()
        assert page.locator(".head h2").inner_text().startswith("Loading the network")
        page.keyboard.press("3")
        page.get_by_role("button", name="What each parameter does").wait_for()
        page.keyboard.press("1")
        assert page.locator("html[data-ready]").count() == 0
        _Held.let_go.set()
        painted(page, chosen)
        assert page.locator("html[data-ready]").count() == 1
    finally:
        _Held.let_go.set()
        page.close()
        server.shutdown()
        server.server_close()


DAMAGED = "is damaged, or of another version of the site; reload the page, or publish the folder"
CUT, GONE = (lambda content: content[: len(content) // 2]), (lambda content: None)


def _number(key, at):
    """A file of JSON, written with one number of it changed."""

    def changed(content):
        document = json.loads(content)
        document[key][at][2] *= 1.3
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()

    return changed


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "damage", "sentence"),
    [
        ("data/atlas.json", _number("flux", 0), f"data/atlas.json {DAMAGED}"),
        ("data/atlas.json", GONE, "data/atlas.json could not be loaded (status 404); publish"),
        ("data/site.json", lambda c: c.replace(b"0.7", b"0.9", 1), f"data/site.json {DAMAGED}"),
        ("data/site.json", lambda content: b"null", f"data/site.json {DAMAGED}"),
        ("data/lessons.json", CUT, f"data/lessons.json {DAMAGED}"),
        ("parts/atlas.js", lambda content: b"export {};", "A script of this page did not come"),
        ("vendor/d3.min.js", GONE, "A script of this page did not come"),
    ],
)
def test_a_file_that_is_not_what_the_site_says_is_refused(
    chromium, folder, site, name, damage, sentence
):
    context = chromium.new_context(service_workers="block")
    page = context.new_page()

    def answer(route):
        content = damage((folder / name).read_bytes())
        kind = "text/javascript" if name.endswith("js") else "application/json"
        status = 404 if content is None else 200
        route.fulfill(status=status, body=content or b"", content_type=kind)

    page.route(f"**/{name}", answer)
    page.goto(f"{site}?view=learn")
    told = page.get_by_role("alert").filter(has_text=sentence)
    told.wait_for(timeout=20_000)
    assert page.get_by_role("alert").count() == 1
    context.close()


@pytest.mark.browser
def test_a_page_opened_as_a_file_says_what_to_do(chromium, folder):
    page = chromium.new_page()
    page.goto((folder / "index.html").as_uri())
    told = page.get_by_role("alert").inner_text(timeout=10_000)
    page.close()
    assert "was opened as a file" in told and "run python open.py" in told


# The truth of a mock


def coloured(page, selector, colour):
    """How many pixels of the canvases have a colour."""
    return page.locator(f"{selector} canvas").evaluate_all(
        """(all, hex) => {
            const [r, g, b] = [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16))
            const near = (d, k) => [r, g, b].reduce((sum, v, j) => sum + Math.abs(d[k + j] - v), 0)
            return all.filter((c) => c.width).reduce((n, c) => {
                const { data: d } = c.getContext('2d').getImageData(0, 0, c.width, c.height)
                let found = 0
                for (let k = 0; k < d.length; k += 4) found += d[k + 3] > 200 && near(d, k) < 12
                return n + found
            }, 0)
        }""",
        colour,
    )


VISIT = "to => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')) }"


@pytest.mark.browser
def test_the_truth_of_a_mock_stands_beside_every_quantity(page):
    model = sedflow.SEDModel()
    theta, z = Prior().sample(1, seed=5), 0.05
    flux = model.photometry(theta, z, ("u", "g", "r", "i", "z"))[0]
    galaxy = sedflow.Photometry(flux, 0.05 * flux, z, ("u", "g", "r", "i", "z"))
    page.evaluate(VISIT, "?galaxy=72")  # wherever the test before has left it
    painted(page, "NSAID 72")
    page.get_by_role("tab", name="Numbers").click()
    page.evaluate(VISIT, f"?{urlencode(encode_own(OwnGalaxy(galaxy, theta[0])))}")
    painted(page, "my galaxy")
    page.wait_for_selector(".numbers.mock")
    known = dict(zip(NAMES, theta[0], strict=True))
    known |= {name: value[0] for name, value in derive(theta, np.array(z), model).items()}
    site = page.evaluate("() => fetch('data/site.json').then((r) => r.json())")
    label = {f"{q['label']} [{q['unit']}]" if q["unit"] else q["label"]: q["name"]
             for q in (*site["quantities"], *site["parameters"])}  # fmt: skip
    rows = page.locator(".explore .numbers tbody tr").evaluate_all(
        "rows => rows.map((row) => [0, 2].map((k) => row.children[k].textContent))"
    )
    assert len(rows) == len(label) > 20
    for name, text in rows:
        digits = len(text.partition(".")[2])
        shown = float(text.replace("−", "-"))
        assert shown == pytest.approx(known[label[name]], abs=0.501 * 10.0**-digits), name
    for figure in (".corner", ".explore .history", ".explore td .figure"):
        assert coloured(page, figure, palette.TRUTH) > 20, figure
    page.evaluate(VISIT, "?galaxy=2490")
    painted(page, "NSAID 2490")
    assert page.locator(".numbers.mock").count() == 0
    assert coloured(page, ".corner", palette.TRUTH) == 0


@pytest.mark.browser
def test_an_exact_posterior_of_a_wrong_model_is_called_a_misfit(page):
    """Its badge was green, where the app's is not."""
    page.evaluate(VISIT, "?galaxy=141101")
    painted(page, "NSAID 141101")
    badge = page.locator(".badge")
    assert badge.inner_text() == "≠ exact (weights), misfit"
    assert "bad" in badge.get_attribute("class").split()
    assert page.locator(".reason").inner_text().startswith("But no model describes these data")
    page.evaluate(VISIT, "?galaxy=2490")
    painted(page, "NSAID 2490")
    assert badge.inner_text() == "✔ exact (weights)"


# Labels


def overlaps(page, figure):
    """Pairs of texts of a figure that lie on each other, and texts that are cut off."""
    return page.locator(figure).evaluate_all(
        """(all) => all.flatMap((host) => {
            const frame = host.getBoundingClientRect()
            const texts = [...host.querySelectorAll('svg text')].filter((t) => t.textContent)
            const boxes = texts.map((t) => ({ name: t.textContent, box: t.getBoundingClientRect(),
                turned: /rotate\\(-40\\)/.test(t.getAttribute('transform') ?? '') }))
            const cut = boxes.filter(({ box: b }) => b.left < frame.left - 1
                || b.top < frame.top - 1 || b.right > frame.right + 1
                || b.bottom > frame.bottom + 1)
            const shared = (a, b, low, high) =>
                Math.min(a[high], b[high]) - Math.max(a[low], b[low])
            const over = ({ box: a }, { box: b }) =>
                shared(a, b, "left", "right") > 1 && shared(a, b, "top", "bottom") > 3
            const straight = boxes.filter((b) => !b.turned)
            const both = straight.flatMap((a, k) => straight.slice(k + 1)
                .filter((b) => over(a, b)).map((b) => [a.name, b.name]))
            return [...cut.map((b) => [b.name, "cut"]), ...both]
        })"""
    )


SHOWN = {
    "": (".explore .sed", ".explore .pull", ".explore .corner"),
    "a": (".explore .sed", ".explore .corner", ".explore .history > div"),
    "s": (".explore .sed", ".explore .pull"),
    "c": (".explore .corner",),
    "h": (".explore .history > div",),
}


@pytest.mark.browser
@pytest.mark.parametrize("size", [(1440, 900), (1024, 768)])
def test_labels_lie_on_no_other_in_a_presentation_or_out_of_it(page, size):
    page.evaluate(VISIT, "?galaxy=2490")
    painted(page, "NSAID 2490")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    found = {}
    for key, figures in SHOWN.items():
        if key == "a":
            page.locator("#present").click()
        page.keyboard.press(key or "Escape")
        page.wait_for_timeout(250)
        found |= {(key, figure): overlaps(page, figure) for figure in figures}
    page.keyboard.press("Escape")
    page.get_by_role("button", name="12", exact=True).click()
    page.wait_for_timeout(250)
    found["12"] = overlaps(page, ".explore .corner")
    page.get_by_role("button", name="six", exact=True).click()
    page.set_viewport_size({"width": 1280, "height": 800})
    assert {where: bad for where, bad in found.items() if bad} == {}


@pytest.mark.browser
def test_the_page_opens_again_without_a_network(page, site):
    page.goto(f"{site}?galaxy=2490")
    page.wait_for_selector("html[data-painted]", timeout=60_000)
    page.wait_for_function(
        """async () => {
            const cache = await caches.open('sedflow-site')
            return (await cache.match('data/site.json')) !== undefined
        }""",
        timeout=60_000,
    )
    page.context.set_offline(True)
    try:
        page.reload()
        page.wait_for_selector("html[data-painted]", timeout=60_000)
        painted(page, "NSAID 2490")
    finally:
        page.context.set_offline(False)

"""The site's engine and numerics in Chromium, held to Python by golden vectors."""

import base64
import functools
import gzip
import hashlib
import importlib.util
import json
import re
import shutil
import threading
from dataclasses import asdict
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr

import sedflow
from sedflow.files.hashes import sha256_of
from sedflow.model.likelihood import chi2_limit
from sedflow.parameters import NAMES, Prior
from sedflow.sampling.edges import edges_of
from sedflow.sampling.verdict import EXACT_WEIGHTS, MISFIT
from sedflow.site.graphs import network_steps
from sedflow.site.manifest import about, sealed

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "sedflow" / "site" / "static"
N = 1000

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def vectors():
    return json.loads(gzip.decompress((Path(__file__).parent / "golden.json.gz").read_bytes()))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The site, whose network keeps all its digits: what is compared is the arithmetic."""
    pytest.importorskip("sedflow.site.write", reason="the site cannot be written yet")
    from sedflow.files.packaged import checked_path
    from sedflow.site.planes import packed

    folder = tmp_path_factory.mktemp("site")
    sedflow.site.write_site(folder)
    manifest = folder / "data" / "site.json"
    site = json.loads(manifest.read_text())
    tables = site["graphs"]["draw"]["tables"]
    content = packed(checked_path(tables["name"]).read_bytes())
    (folder / tables["file"]).write_bytes(content)
    known = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    site["files"][tables["file"]] = known
    tables["encoding"] = "planes4+gzip"
    manifest.write_bytes(sealed(site))
    return folder


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""


def _open(chromium, folder):
    """A blank page of a folder's server, its errors, and what closes both."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = chromium.new_context()
    page, bad = context.new_page(), []
    page.on("pageerror", lambda error: bad.append(str(error)))
    own = f"http://127.0.0.1:{server.server_port}/"
    page.on("request", lambda r: r.url.startswith((own, "data:")) or bad.append(r.url))
    page.route("**/blank.html", lambda route: route.fulfill(body="", content_type="text/html"))
    page.goto(f"{own}blank.html")

    def close():
        context.close()
        server.shutdown()
        server.server_close()

    return page, bad, close


@pytest.fixture(scope="module")
def numerics(chromium):
    page, bad, close = _open(chromium, STATIC)
    yield page
    close()
    assert not bad


@pytest.fixture(scope="module")
def engine(chromium, written):
    """A page whose `engine` has been started; `shares` has the progress that was told."""
    page, bad, close = _open(chromium, written)
    page.evaluate("""async () => {
        const { Engine } = await import("/engine/client.js");
        window.shares = [];
        window.engine = await Engine.start({ base: "/", onProgress: (s) => window.shares.push(s) });
    }""")
    yield page
    close()
    assert not bad


def _number(value, missing=np.inf):
    return missing if value is None else value


def test_smoothed_weights_are_pythons(numerics, vectors):
    cases = [case["log_weight"] for case in vectors["smooth"]]
    found = numerics.evaluate(
        """async (cases) => {
        const { smooth } = await import("/numerics/psis.js");
        return cases.map((row) => {
            const s = smooth(row.map((v) => v ?? -Infinity));
            return { ...s, weights: [...s.weights] };
        });
    }""",
        cases,
    )
    kept = 0
    for case, one in zip(vectors["smooth"], found, strict=True):
        # Which of equal draws has which rank in the tail is nobody's business.
        ties = len(set(case["log_weight"])) < len(case["log_weight"])
        order = np.sort if ties else np.array
        found_weights, expected = order(one["weights"]), order(case["weights"])
        np.testing.assert_allclose(found_weights, expected, rtol=1e-9, atol=1e-300)
        np.testing.assert_allclose(one["ess"], case["ess"], rtol=1e-9)
        np.testing.assert_allclose(one["kHat"], _number(case["k_hat"]), atol=1e-9)
        evidence = _number(case["log_evidence"], -np.inf)
        np.testing.assert_allclose(one["logZ"], evidence, atol=1e-9)
        np.testing.assert_allclose(one["logZError"], _number(case["error"]), atol=1e-7)
        kept += case["k_hat"] not in (None, 0.0)
    assert kept >= 6  # cases with a tail that was fitted


def test_quantiles_and_chances_are_pythons(numerics, vectors):
    quantiles, chances, back = numerics.evaluate(
        """async ({ quantiles, chances }) => {
        const q = await import("/numerics/quantiles.js");
        const { chiSquareTail, chiSquareAbove } = await import("/numerics/special.js");
        return [
            quantiles.map((c) => [...q.quantiles(c.values, c.levels, c.weights)]),
            chances.map(([dof, x]) => chiSquareTail(dof, x)),
            [1, 2, 3, 4, 5].map((dof) => chiSquareAbove(dof, 1e-3)),
        ];
    }""",
        vectors,
    )
    for case, one in zip(vectors["quantiles"], quantiles, strict=True):
        np.testing.assert_allclose(one, case["quantiles"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(chances, [row[2] for row in vectors["chances"]], rtol=1e-11)
    limits = [chi2_limit(n) for n in range(1, 6)]
    np.testing.assert_allclose(back, limits, rtol=1e-9)


def test_leaning_on_an_edge_is_told_in_pythons_words(numerics, vectors):
    limits = [{n: v for n, v in asdict(edge).items() if n != "share"} for edge in edges_of(Prior())]
    found = numerics.evaluate(
        """async ({ cases, names, limits }) => {
        const { leaning } = await import("/numerics/edges.js");
        return cases.map((c) => leaning(c.theta, names, c.weights, limits));
    }""",
        {"cases": vectors["edges"], "names": list(NAMES), "limits": limits},
    )
    assert found == [case["told"] for case in vectors["edges"]]
    assert sum(text != "" for text in found) == 2


def test_ranges_of_training_are_told_in_pythons_words(numerics, vectors):
    site = json.loads(json.dumps(about(sedflow.load_posterior(), "0")))
    found = numerics.evaluate(
        """async ({ cases, site }) => {
        const { ranges } = await import("/numerics/domain.js");
        const filled = (row) => row.map((v) => v ?? NaN);
        const bands = site.network.bands.map((b) => b.name);
        return cases.map(({ flux, sigma, redshift }) => ranges(
            { flux: filled(flux), sigma: filled(sigma), redshift, bands },
            site.domain, site.noise));
    }""",
        {"cases": vectors["outside"], "site": site},
    )
    assert found == [case["told"] for case in vectors["outside"]]
    told = " ".join(text for texts in found for text in texts)
    for part in ("redshift", "smaller than any", "of the flux", "below zero", "bluer", "absolute"):
        assert part in told


def test_the_network_is_unpacked_to_the_numbers_of_python(numerics):
    kept = network_steps(sedflow.load_posterior())
    found = numerics.evaluate(
        """async ([text, head, steps, bytes]) => {
        const { unpacked } = await import("/engine/unpack.js");
        const { hashOf } = await import("/engine/files.js");
        const content = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        const entry = { file: "", encoding: "steps24+gzip", head, steps, bytes };
        const bad = await unpacked(content, { ...entry, encoding: "x" }).catch((e) => e.message);
        return [await hashOf(await unpacked(content, entry)), bad];
    }""",
        [
            base64.b64encode(kept.packed).decode(),
            kept.head,
            [list(run) for run in kept.steps],
            len(kept.content),
        ],
    )
    assert found[0] == sha256_of(kept.content)
    assert "packed as 'x', which this page cannot read" in found[1]


def test_noise_is_normal_and_follows_seed_and_data(numerics):
    found = numerics.evaluate("""async () => {
        const { noiseOf, basePoints } = await import("/numerics/noise.js");
        const draw = (seed, ...data) => basePoints(noiseOf(seed, ...data), 20000, 3);
        const [one, same, seed, data] = [draw(1, [2]), draw(1, [2]), draw(2, [2]), draw(1, [3])];
        const first = (d) => [...d.points.slice(0, 4)];
        const firsts = [one, same, seed, data].map(first);
        return { points: [...one.points], mass: [...one.mass], firsts };
    }""")
    points, mass = np.reshape(found["points"], (-1, 3)), np.array(found["mass"])
    # Of 60,000 numbers each figure has a standard error of at most 0.01; the seed is fixed.
    assert abs(points.mean()) < 0.02
    assert abs(points.std() - 1) < 0.02
    assert abs((points**4).mean() - 3) < 0.15
    assert abs(np.corrcoef(points.T)[np.triu_indices(3, 1)]).max() < 0.03
    assert abs((np.abs(points) > 1.96).mean() - 0.05) < 0.005
    assert 0 < mass.min() < 1e-3 and 1 - 1e-3 < mass.max() < 1
    assert abs(np.histogram(mass, 10, (0, 1))[0] - 2000).max() < 250
    one, same, seed, data = found["firsts"]
    assert one == same
    assert one != seed and one != data


def test_histograms_and_contours_hold_their_mass(numerics):
    found = numerics.evaluate("""async () => {
        const { histogram, grid2d } = await import("/numerics/histogram.js");
        const { massLevels, smoothed } = await import("/numerics/contours.js");
        const x = [0, 0.1, 0.5, 1, 2], w = [0.1, 0.2, 0.3, 0.2, 0.2];
        const grid = grid2d(x, x, w, { x: [0, 1], y: [0, 1], columns: 5, rows: 4 });
        const soft = smoothed(grid, 5, 1.2);
        return { bars: [...histogram(x, w, 0, 1, 4)], grid: [...grid], soft: [...soft],
                 levels: massLevels([0.1, 0.4, 0.3, 0.2], [0.3, 0.68, 0.95]) };
    }""")
    expected = np.histogram([0, 0.1, 0.5, 1], 4, (0, 1), weights=[0.1, 0.2, 0.3, 0.2])[0] * 4
    np.testing.assert_allclose(found["bars"], expected)  # a share of 0.2 is outside
    np.testing.assert_allclose(np.sum(found["grid"]), 0.8)
    np.testing.assert_allclose(np.sum(found["soft"]), 0.8)
    assert max(found["soft"]) < max(found["grid"])
    assert found["levels"] == [0.4, 0.3, 0.1]


def test_units_are_those_of_the_app(numerics):
    from sedflow.figures.flux_axis import UNITS, in_units

    found = numerics.evaluate("""async () => {
        const u = await import("/numerics/units.js");
        const of = (f) => Object.keys(u.UNITS).map(f);
        return { units: u.UNITS, flam: of((unit) => u.fromFlam(3.2, 6000, unit)),
                 nmgy: of((unit) => u.fromNanomaggies(12.5, 6000, unit)),
                 none: Number.isNaN(u.fromFlam(-1, 6000, "ab")), back: u.fromMagnitude(20, 0.1) };
    }""")
    assert found["units"] == UNITS
    np.testing.assert_allclose(found["flam"], [in_units(6000.0, 3.2, u) for u in UNITS], 1e-6)
    np.testing.assert_allclose(found["nmgy"][2], 22.5 - 2.5 * np.log10(12.5), atol=1e-4)
    flam = found["nmgy"][0]
    np.testing.assert_allclose([in_units(6000.0, flam, u) for u in UNITS], found["nmgy"], 1e-5)
    assert found["none"]
    np.testing.assert_allclose(found["back"], [10.0, np.log(10) / 2.5])


def test_address_and_store_keep_what_they_are_given(numerics):
    found = numerics.evaluate("""async () => {
        const { encode, decode } = await import("/state/address.js");
        const { createStore } = await import("/state/store.js");
        const bands = [{ name: "u", also: ["sdss2010-u"] }, { name: "g" }];
        const site = { network: { name: "N", redshift: [0.001, 0.2], bands },
                       parameters: [{ name: "tau_bc", low: 0, high: 3, default: 1 }] };
        const query = "?n=300&bands=u,g&log=1&tau_bc=0.5&flux=u:1.2:0.1,g:3:0.2&z=0.05";
        const read = decode(query, site);
        const store = createStore({ a: 1, b: [1] }), heard = [];
        store.subscribe((state, changed) => {
            heard.push([...changed]);
            if (state.a === 2) store.set({ b: [2] });
        });
        store.set({ a: 1, b: [1] });
        store.set({ a: 2 });
        return { query, again: encode(read.state, site), own: read.state.own, heard,
                 plain: encode({ n: 1000, own: null }, site),
                 twice: decode("flux=u:1:1,u:2:1&z=0.05", site).state,
                 hex: decode("flux=u:0x10:1&z=0.05", site).state,
                 bands: decode("bands=g,x-g", site),
                 elsewhere: decode("prior=provabgs&whatif=u:out", site).notices,
                 usual: decode("prior=flat&walk=", site).notices,
                 long: decode("flux=sdss2010-u:7:1,g:2:1,J:3:1&z=0.05", site),
                 curve: decode("flux=sdss2010-u:7:1,u:2:1&z=0.05", site).state,
                 truth: decode("flux=u:1:1&z=0.05&truth=1,2", site).notices,
                 bad: decode("n=1e9&unit=x&seed=a&flux=u", site) };
    }""")
    assert sorted(found["again"][1:].split("&")) == sorted(found["query"][1:].split("&"))
    assert found["own"]["flux"] == [1.2, 3]
    assert found["plain"] == ""
    assert "truth='1,2' in the address is not the 12 parameters" in found["truth"][0]
    assert found["bands"]["state"] == {"bands": ["g"]}
    assert "not among u, g; the others are used" in found["bands"]["notices"][0]
    assert found["elsewhere"] == [
        "prior = 'provabgs' is left out: only the app has it",
        "whatif = 'u:out' is left out: only the app has it",
    ]
    assert found["usual"] == []
    assert found["twice"] == found["hex"] == found["curve"] == {}  # as the app has it
    assert found["long"]["state"]["own"]["flux"] == [7, 2]  # a longer name of the same curve
    assert found["long"]["notices"] == [
        "'J' of flux in the address: not among u, g, which the network takes, and left out"
    ]
    assert found["heard"] == [["a"], ["b"]]
    assert found["bad"]["state"] == {"n": 10000}
    wrong = " ".join(found["bad"]["notices"])
    assert all(
        word in wrong for word in ("may be 100 to 10000", "'x'", "not a number", "u:1.2:0.1")
    )


@pytest.mark.parametrize(
    ("without", "sentence"),
    [("WebAssembly", "no WebAssembly"), ("DecompressionStream", "gzip"), ("Worker", "worker")],
)
def test_browser_that_lacks_something_is_told_so(numerics, without, sentence):
    told = numerics.evaluate(
        """async (without) => {
        const { lacking } = await import("/engine/support.js");
        const { WebAssembly, DecompressionStream, Worker } = globalThis;
        const scope = { WebAssembly, DecompressionStream, Worker };
        return [lacking(scope), lacking({ ...scope, [without]: undefined })];
    }""",
        without,
    )
    assert told[0] == ""
    assert sentence in told[1]


def _golden():
    spec = importlib.util.spec_from_file_location(
        "build_site_golden", ROOT / "tools" / "build_site_golden.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _base(seed, n=N):
    return _golden().base_of(seed, n)


ASK = """async (asked) => {
    const a = await window.engine.answer({ ...asked, base: {
        points: Float32Array.from(asked.points), mass: Float32Array.from(asked.mass) } });
    const { columnQuantiles } = await import("/numerics/quantiles.js");
    const levels = [0.025, 0.16, 0.5, 0.84, 0.975];
    const quantiles = [...columnQuantiles(a.theta, 12, levels, a.weights)];
    const { verdict, kHat, ess, logZ } = a;
    return { verdict, kHat, ess, logZ, quantiles, theta: [...a.theta], weights: [...a.weights],
             sizes: [a.values.length, a.modelFlux.length, a.chi2.length] };
}"""


def test_the_vectors_are_of_todays_words(vectors):
    """They were of older ones, and so was the site, which held to them."""
    module, posterior = _golden(), sedflow.load_posterior()
    for k, (name, galaxy) in enumerate(module.galaxies().items()):
        case = module.posterior_case(posterior, galaxy, k)
        for key in ("kind", "reason", "warning"):
            assert case[key] == vectors["posteriors"][name][key]
    assert module.outside_cases(posterior) == vectors["outside"]
    assert module.edge_cases(posterior.prior) == vectors["edges"]


@pytest.mark.parametrize(
    "name", ["exact", "without u", "too narrow", "impossible", "too precise", "ruled out"]
)
def test_posterior_of_the_same_noise_is_pythons(engine, vectors, name):
    case = vectors["posteriors"][name]
    base = _base(case["seed"])
    asked = {k: case[k] for k in ("flux", "sigma", "redshift")}
    asked |= {"points": base[:, 1:].ravel().tolist(), "mass": ndtr(base[:, 0]).tolist()}
    found = engine.evaluate(ASK, asked)
    assert found["verdict"]["kind"] == case["kind"]
    assert found["verdict"]["misfit"] == (case["kind"] == MISFIT)
    assert bool(found["verdict"]["warning"]) == bool(case["warning"])
    if case["kind"] != EXACT_WEIGHTS:
        # What decides here is the last digits of single precision.
        words = re.sub(r"[\d.,e+-]+", "#", case["reason"])
        assert re.sub(r"[\d.,e+-]+", "#", found["verdict"]["reason"]) == words
        shown = np.array(case["shown"])  # of draws without weights, which are a handful's
        off = np.reshape(found["quantiles"], (5, 12)) - shown
        assert (np.abs(off) < 1e-3 * (shown[3] - shown[1])).all()
        return
    theta = np.reshape(found["theta"], (N, 12))
    quantiles = np.array(case["quantiles"])
    assert np.abs(theta - case["theta"]).max() < 1e-3
    np.testing.assert_allclose(np.sort(found["weights"]), np.sort(case["weights"]), rtol=1e-3)
    # Draws of the tail whose weights agree to single precision may swap their ranks.
    np.testing.assert_allclose(found["weights"], case["weights"], rtol=5e-3)
    assert abs(found["kHat"] - case["k_hat"]) < 0.02
    assert abs(found["logZ"] - case["log_evidence"]) < 1e-3
    width = quantiles[3] - quantiles[1]
    off = np.reshape(found["quantiles"], (5, 12)) - quantiles
    assert (np.abs(off) < 1e-3 * width).all()
    assert found["verdict"]["reason"].split(" The galaxy is")[0] == case["reason"]
    assert found["verdict"]["warning"] == case["warning"]
    np.testing.assert_allclose(found["verdict"]["pValue"], case["p_value"], rtol=1e-3)
    calibrated = found["verdict"]["pCalibrated"]
    np.testing.assert_allclose(calibrated, case["p_calibrated"], rtol=2e-3)


def test_more_draws_are_kept_where_their_weights_do_not_pass_either(engine):
    """The first 1,000 were kept, of which 46 count; Python shows the 5,000."""
    asked = {"flux": [95, 80, 60, 30, 10], "sigma": [1, 1, 2, 3, 4], "redshift": 0.03}
    found = engine.evaluate(
        """async (asked) => {
        const { made, n, ess, verdict } = await window.engine.answer(asked);
        return { made, n, ess, kind: verdict.kind };
    }""",
        asked | {"n": 1000},
    )
    assert (found["made"], found["n"], found["kind"]) == (5000, 1000, "approximate")
    assert found["ess"] > 100


def test_newer_galaxy_replaces_one_that_waits(engine, vectors):
    case = vectors["posteriors"]["exact"]
    asked = {k: case[k] for k in ("flux", "sigma", "redshift")} | {"n": 200}
    found = engine.evaluate(
        """async (asked) => {
        const { engine } = window;
        const ask = (seed) => engine.answer({ ...asked, seed }).then((a) => a.n, (e) => e.name);
        const first = [ask(1), ask(2), ask(3)];
        const refused = await engine.answer({ ...asked, redshift: 9 }).catch((e) => e.message);
        const rest = await Promise.all(first);
        const a = await engine.answer({ ...asked, seed: 5 });
        const b = await engine.answer({ ...asked, seed: 5 });
        return { rest, refused, same: a.theta.every((v, k) => v === b.theta[k]), n: a.n, ess: a.ess,
                 shares: window.shares };
    }""",
        asked,
    )
    assert found["rest"] == [200, "Superseded", "Superseded"]
    assert "redshift = 9; give a number above 0" in found["refused"]
    assert found["same"] and found["n"] == 200
    assert found["ess"] > 400  # of the 1,000 that a verdict rests on
    assert found["shares"] == sorted(found["shares"]) and found["shares"][-1] == 1


def test_models_are_pythons(engine, vectors):
    theta = np.array(vectors["posteriors"]["exact"]["theta"])[:20]
    redshift = vectors["posteriors"]["exact"]["redshift"]
    found = engine.evaluate(
        """async ({ theta, redshift }) => {
        const s = await window.engine.spectrum({ theta, redshift });
        const f = await window.engine.forward({ theta, redshift });
        const short = { theta: theta.slice(1), redshift };
        const wrong = await window.engine.forward(short).catch((e) => e.message);
        const same = s.modelFlux.every((v, k) => v === f.modelFlux[k]);
        return { flux: [...f.modelFlux], same, finite: s.flux.every(Number.isFinite),
                 wide: s.wave.length, all: s.flux.length, wrong };
    }""",
        {"theta": theta.ravel().tolist(), "redshift": redshift},
    )
    posterior = sedflow.load_posterior()
    flux = posterior.model.photometry(theta, redshift, bands=posterior.bands)
    np.testing.assert_allclose(np.reshape(found["flux"], flux.shape), flux, rtol=2e-3)
    assert found["same"] and found["finite"]
    assert found["all"] == 20 * found["wide"]
    assert "theta has 239 numbers; give 12" in found["wrong"]


def test_damaged_graph_is_refused_by_name(chromium, written, tmp_path):
    folder = tmp_path / "site"
    shutil.copytree(written, folder)
    graph = folder / "data" / "graphs" / "weigh.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(content)
    page, _, close = _open(chromium, folder)
    told = page.evaluate("""async () => {
        const { Engine } = await import("/engine/client.js");
        return Engine.start({ base: "/" }).then(() => "", (error) => error.message);
    }""")
    close()
    assert "data/graphs/weigh.onnx is damaged" in told

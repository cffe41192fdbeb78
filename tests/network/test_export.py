"""Exported networks: equal to torch's, bound to their weights, and runnable by anybody."""

import copy
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from fuzz import answer, damaged, inputs
from hypothesis import given
from hypothesis import strategies as st

import sedflow
from sedflow.errors import BadWeights, MissingLibrary, SedflowError
from sedflow.files.hashes import opened, sealed, sha256
from sedflow.files.packaged import data_path
from sedflow.network import graphs
from sedflow.network.export import export_network
from sedflow.network.flow import TorchFlow, build_flow
from sedflow.network.flow_graph import flow_bytes
from sedflow.network.posterior import AmortizedPosterior
from sedflow.network.runtime import GraphFlow
from sedflow.network.shape import FlowConfig
from sedflow.network.weights import packaged_weights

NAME = "nsa-ugriz-fsps"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder with all files of the default network."""
    folder = tmp_path_factory.mktemp("exported")
    export_network(NAME, folder)
    return folder


@pytest.fixture
def copied(exported, tmp_path):
    shutil.copytree(exported, tmp_path / "copy")
    return tmp_path / "copy" / f"{NAME}.safetensors"


@pytest.mark.parametrize("name", packaged_weights())
def test_draws_and_densities_are_torchs(name, nsa):
    posterior = sedflow.load_posterior(name)
    assert isinstance(posterior._flow, GraphFlow)
    slow = sedflow.load_posterior(name)
    slow.flow = slow.flow
    assert isinstance(slow._flow, TorchFlow)
    galaxies = nsa.photometry(nsa.ids[::1500], posterior.bands)
    context = posterior.context(galaxies)
    rng = np.random.default_rng(5)
    for row in np.split(context, len(context)):
        noise = rng.standard_normal((3000, 10), dtype=np.float32)
        (x, log_x), (other, log_other) = (p._flow.to_x(noise, row) for p in (posterior, slow))
        np.testing.assert_allclose(x, other, atol=1e-4, rtol=1e-4)
        np.testing.assert_allclose(log_x, log_other, atol=1e-3)
        (base, log_b), (other, log_other) = (p._flow.to_base(x, row) for p in (posterior, slow))
        np.testing.assert_allclose(log_b, log_other, atol=2e-3)
        np.testing.assert_allclose(base, other, atol=1e-3)
        np.testing.assert_allclose(base, noise, atol=5e-3)


@pytest.mark.parametrize("features", [2, 5])
def test_a_graph_is_its_flow_for_any_weights_and_shape(tmp_path, features):
    """Odd and even numbers of dimensions, inside and outside the spline's bounds; no less
    accurate than torch in single precision."""
    from safetensors.torch import save_file

    config = FlowConfig(
        features, context=4, layers=5, hidden=16, embedding=6, embedding_hidden=9, bins=5, bound=3.0
    )
    torch.manual_seed(2)
    flow = build_flow(config)
    with torch.no_grad():
        for p in flow.parameters():
            p += 0.2 * torch.randn_like(p)
    save_file(flow.state_dict(), tmp_path / "a.safetensors")
    weights = tmp_path / "a.safetensors"
    graph = GraphFlow(*(flow_bytes(config, weights, draw=d) for d in (True, False)), weights)
    double = copy.deepcopy(flow).double()
    points = (2.5 * torch.randn(400, features)).numpy()
    for rows in (1, 400):
        context = torch.randn(rows, 4).numpy()
        for way, exact in (("to_x", double.transform), ("to_base", double.to_base)):
            with torch.no_grad():
                embedded = double.embed(torch.from_numpy(context).double())
                expected = exact(torch.from_numpy(points).double(), embedded)
            found = [getattr(f, way)(points, context) for f in (graph, TorchFlow(flow))]
            for a, b, c in zip(*found, expected, strict=True):
                c = c.numpy()
                mine, theirs = (np.abs(v - c) / (1 + np.abs(c)) for v in (a, b))
                assert np.quantile(mine, 0.9) < 2e-5
                assert mine.max() < 1e-4 + 3 * theirs.max()


def test_the_exported_features_are_what_the_network_is_given(exported, posterior, nsa):
    galaxies = nsa.photometry(nsa.ids[::50]).flat
    flux, sigma = galaxies.flux.copy(), galaxies.sigma.copy()
    flux[::3, 1] = sigma[::3, 1] = np.nan
    session = onnxruntime.InferenceSession(exported / f"{NAME}.features.onnx")
    inputs = {"flux": flux, "sigma": sigma, "redshift": galaxies.redshift}
    (found,) = session.run(["context"], inputs)
    expected = posterior.context(sedflow.Photometry(flux, sigma, galaxies.redshift))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_manifest_describes_the_files(exported):
    manifest = opened(json.loads((exported / f"{NAME}.graphs.json").read_text()))
    weights = exported / manifest["weights"]
    assert manifest["weights_sha256"] == sha256(weights)
    for entry in manifest["graphs"].values():
        path = exported / entry["file"]
        assert entry["sha256"] == sha256(path)
        assert path.stat().st_size < 200_000  # no weights in it
        onnx.checker.check_model(path, full_check=True)
        session = onnxruntime.InferenceSession(path)
        for values, names in (
            (session.get_inputs(), entry["inputs"]),
            (session.get_outputs(), entry["outputs"]),
        ):
            assert {v.name: v.shape for v in values} == {k: v["shape"] for k, v in names.items()}


def test_the_packaged_graphs_are_what_an_export_writes(exported):
    for graph in ("draw", "density"):
        file = f"{NAME}.{graph}.onnx"
        assert (exported / file).read_bytes() == data_path(file).read_bytes()


def test_a_network_without_graphs_has_them_made(copied, posterior, galaxy):
    for path in copied.parent.glob("*.onnx"):
        path.unlink()
    graphs.manifest_path(copied).unlink()
    again = sedflow.load_posterior(copied)
    assert isinstance(again._flow, GraphFlow)
    a, b = (p.sample(galaxy, n=20, seed=1).theta for p in (posterior, again))
    np.testing.assert_array_equal(a, b)


def test_a_network_without_graphs_where_nothing_makes_them_is_refused(copied, monkeypatch):
    graphs.manifest_path(copied).unlink()
    gone = ("torch", "onnx")
    for module in (graphs, sedflow.network.weights):
        monkeypatch.setattr(module, "find_spec", lambda name: None if name in gone else name)
    with pytest.raises(MissingLibrary, match=r"no nsa-ugriz-fsps.graphs.json .*sedflow export"):
        sedflow.load_posterior(copied)


def _sealed_again(path, **change):
    document = opened(json.loads(path.read_text()))
    path.write_text(json.dumps(sealed(document | change)))


def test_graphs_of_another_network_are_refused(copied):
    manifest = graphs.manifest_path(copied)
    whole = manifest.read_text()
    _sealed_again(manifest, record_sha256="0" * 64)
    with pytest.raises(BadWeights, match="belong to another network than nsa-ugriz-fsps"):
        sedflow.load_posterior(copied)
    manifest.write_text(whole)
    _sealed_again(manifest, format=2)
    with pytest.raises(BadWeights, match="has format 2, this version reads up to 1; run sedflow"):
        sedflow.load_posterior(copied)
    manifest.write_text(whole.replace("density", "dense", 1))
    with pytest.raises(BadWeights, match="does not match its checksum"):
        sedflow.load_posterior(copied)
    manifest.write_text(whole)
    shutil.copy(data_path("nsa-ugriz-bc03.draw.onnx"), graphs.graph_path(copied, "draw"))
    with pytest.raises(BadWeights, match=r"fsps.draw.onnx is missing, damaged, or not the graph"):
        sedflow.load_posterior(copied)
    graphs.graph_path(copied, "draw").unlink()
    with pytest.raises(BadWeights, match=r"run sedflow export .*safetensors"):
        sedflow.load_posterior(copied)
    export_network(copied)  # which is what the sentences say
    sedflow.load_posterior(copied)


def test_a_graph_that_the_runtime_cannot_load_is_a_sentence(copied, galaxy):
    path = graphs.graph_path(copied, "draw")
    path.write_bytes(b"not a graph")
    entries = json.loads(graphs.manifest_path(copied).read_text())["graphs"]
    entries["draw"]["sha256"] = sha256(path)
    _sealed_again(graphs.manifest_path(copied), graphs=entries)
    with pytest.raises(BadWeights, match=r"is not an ONNX graph; run sedflow export"):
        sedflow.load_posterior(copied).sample(galaxy, n=5)


@inputs(15)
@given(data=st.data(), which=st.sampled_from(["graphs.json", "draw.onnx", "density.onnx"]))
def test_damaged_graphs_are_a_sentence(exported, data, which):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(exported, folder, dirs_exist_ok=True)
        path = Path(folder) / f"{NAME}.{which}"
        content = path.read_bytes()
        path.write_bytes(data.draw(damaged(content)))
        changed = path.read_bytes() != content
        network = answer(sedflow.load_posterior, Path(folder) / f"{NAME}.safetensors")
        assert (network is None) == changed


def test_a_packaged_network_is_exported_by_its_short_name(tmp_path):
    """An installation that is sound was called damaged."""
    manifest = export_network("ugriz-fsps", tmp_path)
    assert manifest.name == f"{NAME}.graphs.json"
    assert (tmp_path / f"{NAME}.safetensors").is_file()


def test_an_architecture_that_does_not_export_says_so(tmp_path, posterior):
    shape = {**posterior.record["architecture"], "kind": "maf", "layers": 2, "hidden": 16}
    flow = build_flow(FlowConfig(**shape))
    path = AmortizedPosterior(flow, {**posterior.record, "architecture": shape}).save(tmp_path)
    assert not graphs.manifest_path(path).exists()
    with pytest.raises(SedflowError, match="'maf', which does not export"):
        export_network(path)
    assert isinstance(sedflow.load_posterior(path)._flow, TorchFlow)


def test_the_example_of_the_documentation_needs_onnxruntime_alone(tmp_path, exported, posterior):
    """In a process that finds neither sedflow nor torch; its numbers are the posterior's."""
    page = (Path(__file__).parents[2] / "docs" / "engine.md").read_text()
    code = re.findall(r"## Elsewhere.*?```python\n(.*?)```", page, re.DOTALL)[0]
    shutil.copytree(exported, tmp_path / "portable")
    hide = "import sys\nsys.modules.update(sedflow=None, torch=None, scipy=None, astropy=None)\n"
    done = subprocess.run(
        [sys.executable, "-c", hide + code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = [float(word) for word in done.stdout.strip(" []\n").split()]
    flux = np.array([30.35, 75.72, 104.3, 130.4, 145.6])
    draws = posterior.sample(sedflow.Photometry(flux, 0.03 * flux, 0.0488), n=10_000, seed=3)
    np.testing.assert_allclose(
        found, draws.quantile(draws["tau_ism"], [0.16, 0.5, 0.84]), atol=0.05
    )


def _theta(code):
    """What a fresh process computes."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_draws_do_not_depend_on_threads_or_batch(nsa):
    code = (
        "import sedflow, hashlib\n"
        "from sedflow.threads import use_threads\n"
        "use_threads({threads})\n"
        "nsa = sedflow.load_nsa()\n"
        "posterior = sedflow.load_posterior()\n"
        "draws = posterior.sample(nsa.photometry(nsa.ids[:{n}]), n=6000, seed=4)\n"
        "print(hashlib.sha256(draws.theta[0].tobytes()).hexdigest())\n"
    )
    assert len({*(_theta(code.format(threads=t, n=n))[0] for t, n in ((1, 1), (2, 3)))}) == 1


def test_a_pool_forked_after_loading_draws():
    """A child has none of its parent's threads, and must not wait for them."""
    code = (
        "import multiprocessing, numpy as np, sedflow, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from sedflow.sampling.importance import weigh\n"
        "nsa = sedflow.load_nsa()\n"
        "posterior = sedflow.load_posterior()\n"
        "galaxy = nsa.photometry(72)\n"
        "def draw(seed):\n"
        "    fit = sedflow.fit(galaxy, posterior, n=6000, seed=seed, trust='weights')\n"
        "    return fit.draws.theta\n"
        "here = draw(1)\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    there = pool.map(draw, [1, 2])\n"
        "print(np.array_equal(here, there[0]), np.array_equal(here, there[1]))\n"
    )
    assert _theta(code) == ["True", "False"]

"""The site's graphs, in ONNX Runtime, against the Python that they repeat."""

import gzip
import json
import struct
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr

import sedflow
from sedflow.errors import DamagedPackage
from sedflow.files.packaged import checked_path
from sedflow.fits.history import History
from sedflow.model.derived import derive
from sedflow.model.likelihood import chi_square, log_likelihood
from sedflow.network.runtime import GraphFlow
from sedflow.parameters import HIGH, LOW
from sedflow.site import graphs
from sedflow.site.planes import packed, rounded, stepped, unpacked
from sedflow.threads import new_session

FOLDER = Path(str(resources.files("sedflow.site"))) / "graphs"
MANIFEST = json.loads((FOLDER / "graphs.json").read_text())
REDSHIFTS = (0.002, 0.05, 0.28)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A graph by its name, as a function of its inputs to outputs by name."""
    folder, sessions = tmp_path_factory.mktemp("graphs"), {}
    tables = MANIFEST["tables"]["file"]
    (folder / tables.removesuffix(".gz")).write_bytes(unpacked((FOLDER / tables).read_bytes()))

    def call(name, **inputs):
        if name not in sessions:
            (folder / f"{name}.onnx").write_bytes((FOLDER / f"{name}.onnx").read_bytes())
            sessions[name] = new_session(str(folder / f"{name}.onnx"))
        names = [one.name for one in sessions[name].get_outputs()]
        return dict(zip(names, sessions[name].run(None, inputs), strict=True))

    return call


@pytest.fixture(scope="module")
def posterior():
    return sedflow.load_posterior(MANIFEST["network"])


@pytest.fixture(scope="module")
def theta():
    return sedflow.Prior().sample(200, seed=7)


def test_the_packaged_graphs_have_the_hashes_and_the_network_of_their_manifest(posterior):
    assert graphs.packaged_graphs(posterior) == MANIFEST


def test_a_damaged_table_is_refused(posterior, tmp_path, monkeypatch):
    for path in FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    table = tmp_path / MANIFEST["tables"]["file"]
    content = bytearray(unpacked(table.read_bytes()))
    content[100] ^= 1
    table.write_bytes(packed(bytes(content)))
    monkeypatch.setattr(graphs, "_FOLDER", tmp_path)
    with pytest.raises(DamagedPackage, match="altered"):
        graphs.packaged_graphs(posterior)


def test_graphs_of_another_network_are_refused(posterior, monkeypatch):
    monkeypatch.setitem(posterior.record, "name", "another")
    with pytest.raises(DamagedPackage, match="another network"):
        graphs.packaged_graphs(posterior)


@pytest.mark.parametrize("redshift", REDSHIFTS)
def test_fluxes_are_those_of_the_fast_model(run, posterior, theta, redshift):
    found = run("forward", theta=theta, redshift=np.array([redshift]))["model_flux"]
    model = posterior.model
    fast = model.photometry(theta, redshift, posterior.bands, method="fast")
    bright = fast > 1e-20
    off = 2.5 * np.log10(found[bright] / fast[bright])
    assert np.abs(off).max() < 2e-4
    exact = model.photometry(theta[:50], redshift, posterior.bands)
    assert np.abs(2.5 * np.log10(found[:50] / exact)).max() < 0.002


@pytest.mark.parametrize("redshift", REDSHIFTS)
def test_a_spectrum_through_the_filters_is_the_flux(run, posterior, theta, redshift):
    z = np.array([redshift])
    out = run("spectrum", theta=theta[:20], redshift=z)
    edges = posterior.model.fast(posterior.bands).tables.grid.wave_edges * (1 + redshift)
    assert out["wave"] == pytest.approx(0.5 * (edges[1:] + edges[:-1]), rel=2e-3)
    curves = [sedflow.bands.load_band(band) for band in posterior.bands]
    flux = out["flux"].astype(float) @ sedflow.bands.band_weights(curves, edges)
    known = run("forward", theta=theta[:20], redshift=z)["model_flux"]
    assert flux == pytest.approx(known, rel=1e-4)


@pytest.mark.parametrize("redshift", REDSHIFTS)
def test_quantities_are_the_derived_ones(run, posterior, theta, redshift):
    found = run("quantities", theta=theta, redshift=np.array([redshift]))["values"]
    known = derive(theta, np.array(redshift), posterior.model)
    assert found.shape == (len(theta), len(known))
    for column, values in zip(found.T, known.values(), strict=True):
        assert column == pytest.approx(values, abs=1e-9)


@pytest.mark.parametrize("redshift", REDSHIFTS)
def test_histories_are_those_of_the_model(run, posterior, theta, redshift):
    out = run("histories", theta=theta, redshift=np.array([redshift]))
    known = History(*posterior.model.history(theta, np.array(redshift)), theta)
    assert out["time"] == pytest.approx(known.edges, rel=1e-9)
    assert out["sfr"] == pytest.approx(known.sfr, rel=1e-9)
    assert out["metallicity"] == pytest.approx(known.zh, rel=1e-9)
    assert out["formed"] == pytest.approx(known.formed, abs=1e-9)


def test_draws_are_weighed_as_in_python(run, posterior):
    nsa = sedflow.load_nsa()
    for nsaid in nsa.ids[:40:20]:
        _compare(run, posterior, nsa[int(nsaid)])


def test_absent_bands_count_for_nothing(run, posterior):
    nsa = sedflow.load_nsa()
    galaxy = nsa[int(nsa.ids[3])]
    flux, sigma = galaxy.flux.copy(), galaxy.sigma.copy()
    flux[[0, 4]] = sigma[[0, 4]] = np.nan
    kept = sedflow.Photometry(flux, sigma, galaxy.redshift, galaxy.bands)
    _compare(run, posterior, kept)


def _compare(run, posterior, galaxy):
    base = np.random.default_rng(3).standard_normal((400, 11)).astype(np.float32)
    draws = posterior.push(base, galaxy)
    x, density = posterior._flow.to_x(base[:, 1:], posterior.context(galaxy))
    out = run(
        "weigh",
        x=x,
        u=ndtr(base[:, 0].astype(float)).astype(np.float32),
        redshift=np.atleast_1d(float(galaxy.redshift)),
        flux=galaxy.flux[None],
        sigma=galaxy.sigma[None],
    )
    assert out["theta"][:, 0] == pytest.approx(draws.theta[:, 0], abs=1e-4)
    assert out["theta"][:, 1:] == pytest.approx(draws.theta[:, 1:], abs=1e-6)
    assert out["model_flux"] == pytest.approx(draws.flux, rel=1e-4)
    assert out["chi2"] == pytest.approx(chi_square(draws.flux, galaxy), rel=1e-3, abs=1e-2)
    like = log_likelihood(draws.flux, galaxy)
    known = posterior.prior.log_prob(draws.theta) + like - draws.log_density
    found = out["log_likelihood"] + out["log_prior"] - density
    counts = known > known.max() - 10
    assert found[counts] == pytest.approx(known[counts], abs=1e-3)


def test_the_rounded_network_draws_what_the_network_draws(posterior, tmp_path, monkeypatch):
    kept = graphs.network_steps(posterior)
    name = f"{posterior.name}.safetensors"
    (tmp_path / name).write_bytes(kept.content)
    draw = checked_path(f"{posterior.name}.draw.onnx").read_bytes()
    rounded_flow = GraphFlow(draw, b"", tmp_path / name)
    base = np.random.default_rng(4).standard_normal((1000, 11)).astype(np.float32)
    nsa = sedflow.load_nsa()
    for nsaid in nsa.ids[:400:100]:
        known = posterior.push(base, nsa[int(nsaid)]).theta
        with monkeypatch.context() as replaced:
            replaced.setattr(posterior, "_flow", rounded_flow)
            found = posterior.push(base, nsa[int(nsaid)]).theta
        off = np.abs(found - known) / (HIGH - LOW)
        assert 0 < off.max() < 1e-3, nsaid


def test_steps_of_another_network_are_refused(posterior, tmp_path, monkeypatch):
    monkeypatch.setattr(graphs, "_FOLDER", tmp_path)
    with pytest.raises(DamagedPackage, match="cannot be read"):
        graphs.network_steps(posterior)
    (tmp_path / "steps.json").write_text(json.dumps({"record_sha256": "x", "steps": {}}))
    with pytest.raises(DamagedPackage, match="another network"):
        graphs.network_steps(posterior)


def test_tensors_come_back_in_whole_steps():
    values = np.array([0.1, -0.26, 7.0, 5e-3], "<f4")
    header = json.dumps(
        {
            "b": {"dtype": "F32", "shape": [1], "data_offsets": [12, 16]},
            "a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]},
        }
    ).encode()
    content = struct.pack("<Q", len(header)) + header + values.tobytes()
    kept = stepped(content, {"a": 0.125, "b": 5e-6})
    assert [count for count, _ in kept.steps] == [3, 1]
    found = np.frombuffer(kept.content[kept.head :], "<f4")
    assert found[:3].tolist() == [0.125, -0.25, 7.0]
    assert found[3] == pytest.approx(5e-3, rel=1e-6)
    planes = np.frombuffer(gzip.decompress(kept.packed)[kept.head :], np.uint8)
    assert planes.tolist() == [2, 3, 112, 208, 0, 0, 0, 7, 0, 0, 0, 0]
    (_, finest) = stepped(content, {"a": 0.125, "b": 1e-12}).steps
    assert finest[1] == pytest.approx(5e-3 / (2**23 - 1))
    with pytest.raises(KeyError):
        stepped(content, {"a": 0.125})


def test_packed_files_come_back():
    content = np.linspace(0, 1, 1001, dtype="f4").tobytes()
    assert unpacked(packed(content)) == content
    assert unpacked(packed(b"12345")) == b"12345\0\0\0"


def test_rounding_keeps_the_bits_that_it_is_told():
    numbers = np.random.default_rng(1).standard_normal(1000).astype("f4")
    off = np.abs(rounded(numbers, 10) / numbers - 1)
    assert 2.0**-13 < off.max() <= 2.0**-11
    assert (rounded(numbers, 23) == numbers).all()

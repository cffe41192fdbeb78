"""The fast forward model: torch, ONNX Runtime and the exact path agree."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sedflow
from sedflow.model.fast import run_graph
from sedflow.model.mass import REFERENCE, MassConditional
from sedflow.model.tables import ForwardTables
from sedflow.parameters import index
from sedflow.sampling.gradient import PosteriorGradient

UV = ("galex_FUV", "galex_NUV", "u", "g", "r", "i", "z")
FAINTEST = 1e-20  # of all fluxes, nanomaggies: 70 mag; single precision ends some way below


def draws(n, seed, model, bands=None, redshifts=100):
    """Prior draws, half with a burst in the last 300 Myr, at redshifts from least to highest."""
    rng = np.random.default_rng(seed)
    theta = sedflow.Prior().sample(n, rng)
    theta[::2, index("t_burst")] = 10 ** rng.uniform(-2, np.log10(0.3), n - n // 2)
    top = model.max_redshift(bands)
    some = np.r_[1e-6, rng.uniform(1e-6, top, redshifts - 2), top]
    return theta, some[np.arange(n) % redshifts]


def magnitudes_apart(a, b):
    """|a - b| in magnitudes, where b is not beyond all measuring."""
    seen = b > FAINTEST
    return np.abs(2.5 * np.log10(a[seen] / b[seen]))


def by_galaxy(model, theta, z, bands):
    """Fast fluxes with each redshift folded into the graph, as draws of a galaxy have them."""
    flux, fast = np.empty((len(theta), len(bands))), model.fast(bands)
    for one in np.unique(z):
        rows = z == one
        flux[rows] = fast(theta[rows], z[rows])
    return flux


CASES = [
    ("fsps", sedflow.bands.UGRIZ),
    ("bc03", UV),
    ("fsps-gas", sedflow.bands.UGRIZ),
    ("bc03", sedflow.bands.UGRIZ),
]


@pytest.mark.parametrize(("ssp", "bands"), CASES)
def test_graphs_and_torch_agree_and_are_within_two_thousandths(ssp, bands):
    import torch

    from sedflow.model.graph import ForwardModel

    model = sedflow.SEDModel(ssp)
    theta, z = draws(600, 3, model, bands, redshifts=60)
    exact = model.photometry(theta, z, bands)
    with torch.no_grad():
        forward = ForwardModel(model, bands)
        in_torch = forward(torch.tensor(theta), torch.tensor(z)).numpy()
    mixed = model.photometry(theta, z, bands, method="fast")
    folded = by_galaxy(model, theta, z, bands)
    assert magnitudes_apart(mixed, exact).max() < 0.002
    assert magnitudes_apart(folded, exact).max() < 0.002
    assert magnitudes_apart(in_torch, mixed).max() < 2e-5
    # What separates them is the weights of the bands, between knots or at the redshift itself.
    assert magnitudes_apart(folded, mixed).max() < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("n", [3000, pytest.param(10_000, marks=pytest.mark.heavy)])
@pytest.mark.parametrize(("ssp", "bands"), CASES[:3])
def test_the_fast_model_is_exact_to_a_thousandth_of_a_magnitude(ssp, bands, n):
    """Draws of each grid, both ways of the fast path."""
    model = sedflow.SEDModel(ssp)
    theta, z = draws(n, 5, model, bands, redshifts=n // 50)
    exact = model.photometry(theta, z, bands)
    mixed = model.photometry(theta, z, bands, method="fast")
    for flux in (mixed, by_galaxy(model, theta, z, bands)):
        error = magnitudes_apart(flux, exact)
        assert np.quantile(error, 0.999) < 0.001
        assert error.max() < 0.002


def test_a_grid_and_bands_of_ones_own_need_no_other_graph(tmp_path):
    """Three metallicities, other ages, coarse wavelengths, birth clouds of 100 Myr, one filter."""
    rng = np.random.default_rng(4)
    edges = np.exp(np.arange(np.log(1500.0), np.log(20000.0), 0.004))
    ages = np.linspace(-3.5, 1.2, 31)
    wave = np.sqrt(edges[1:] * edges[:-1])
    color = (wave / 5500.0) ** (-2.0 - 0.7 * ages[:, None])
    light = np.exp(-1.5 * ages[:, None]) * 1e-4 * color * rng.uniform(0.9, 1.1, color.shape)
    grid = sedflow.model.SSPGrid(
        name="own",
        feh=np.array([-1.5, -0.3, 0.4]),
        lg_age_gyr=ages,
        wave_edges=edges,
        luminosity=light * np.array([1.4, 1.0, 0.7])[:, None, None],
    )
    path = tmp_path / "mine.dat"
    x = np.linspace(6000.0, 7000.0, 41)
    np.savetxt(path, np.c_[x, np.sin(np.pi * (x - 6000) / 1000) ** 2])
    bands = ("g", str(path), "z")
    model = sedflow.SEDModel(grid, birth_cloud_age_gyr=0.1)
    theta, z = draws(400, 6, model, bands, redshifts=20)
    exact = model.photometry(theta, z, bands)
    for flux in (
        model.photometry(theta, z, bands, method="fast"),
        by_galaxy(model, theta, z, bands),
    ):
        assert magnitudes_apart(flux, exact).max() < 0.004  # bins of the fast path are as wide


@pytest.mark.parametrize("birth_cloud_age", [0.0, 0.01, 0.1, 20.0])
def test_any_age_of_birth_clouds_is_followed(birth_cloud_age):
    model = sedflow.SEDModel("bc03", birth_cloud_age_gyr=birth_cloud_age)
    theta, z = draws(200, 7, model, redshifts=10)
    exact = model.photometry(theta, z)
    assert magnitudes_apart(model.photometry(theta, z, method="fast"), exact).max() < 0.002
    assert magnitudes_apart(by_galaxy(model, theta, z, model.bands), exact).max() < 0.002


def test_a_burst_older_than_the_universe_has_no_effect():
    model = sedflow.SEDModel()
    theta, _ = draws(50, 8, model)
    theta[:, index("t_burst")], z = 13.0, np.full(50, 0.2)
    without = theta.copy()
    without[:, index("f_burst")] = 0.0
    fast = model.fast()
    np.testing.assert_array_equal(fast(theta, z), fast(without, z))


def test_another_device_agrees():
    import torch

    from sedflow.model.graph import ForwardModel

    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    model = sedflow.SEDModel()
    forward = ForwardModel(model, model.bands)
    theta, z = (torch.tensor(a) for a in draws(5000, 3, model))
    with torch.no_grad():
        here = forward(theta, z).numpy()
        there = forward.cuda()(theta.cuda(), z.cuda()).cpu().numpy()
    assert magnitudes_apart(there, here).max() < 1e-4


def test_no_rows_give_no_fluxes():
    import torch

    from sedflow.model.graph import ForwardModel

    model = sedflow.SEDModel()
    assert model.fast()(np.empty((0, 12)), np.empty(0)).shape == (0, 5)
    nothing = ForwardModel(model, model.bands)(torch.empty(0, 12), torch.empty(0))
    assert nothing.shape == (0, 5)


def _slope_case(ssp="bc03", z=0.25, cloud_age=0.1):
    model = sedflow.SEDModel(ssp, birth_cloud_age_gyr=cloud_age)
    tables = ForwardTables(model, model.bands)
    given = tables.fixed | tables.at(z)
    given["bands"] = given["bands"] * 1e4
    given["data"] = np.array([3, 5, 6, 7, 8], np.float32) * 5
    return draws(300, 9, model)[0].astype(np.float32), given


@pytest.mark.parametrize("ssp", ["fsps", "bc03"])
def test_the_reverse_pass_is_that_of_automatic_differentiation(ssp):
    import torch

    from sedflow.model.slopes import log_likelihood_and_slope

    theta, given = _slope_case(ssp)
    double = {name: torch.tensor(array, dtype=torch.float64) for name, array in given.items()}
    at = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    value, slope = log_likelihood_and_slope(at, double)
    (expected,) = torch.autograd.grad(value.sum(), at)
    np.testing.assert_allclose(slope.detach(), expected, rtol=1e-9, atol=1e-9)
    of_graph = run_graph("forward_slope", theta, given)
    np.testing.assert_allclose(of_graph[0], value.detach(), rtol=1e-5, atol=1e-4)
    scale = np.abs(expected.numpy()).max(0) + 1e-30
    assert (np.abs(of_graph[1] - expected.numpy()) / scale).max() < 1e-4


@pytest.mark.parametrize("ssp", ["fsps", "bc03"])
def test_slopes_are_those_of_the_exact_model(ssp, nsa):
    model, prior, one = sedflow.SEDModel(ssp), sedflow.Prior(), nsa.photometry(72)

    def value(points):
        theta = prior.from_unbounded(np.c_[np.zeros(len(points)), points])
        theta[:, 0] = REFERENCE
        flux = model.photometry(theta, one.redshift, one.bands)
        return MassConditional(flux, one.flux, one.sigma).log_marginal

    near = 0.5 * np.random.default_rng(2).standard_normal((300, 10))[:8]
    slope = PosteriorGradient(model, prior, one)(near)
    step = 1e-3
    for k in range(10):
        up, down = near.copy(), near.copy()
        up[:, k] += step
        down[:, k] -= step
        difference = (value(up) - value(down)) / (2 * step)
        np.testing.assert_allclose(
            slope[:, k], difference, rtol=0.2, atol=0.05 * np.abs(slope).max()
        )


def test_the_coarse_tables_are_the_model_to_a_hundredth_of_a_magnitude():
    model = sedflow.SEDModel()
    tables = ForwardTables(model, model.bands, coarse=True)
    theta, _ = draws(300, 10, model)
    z = np.full(300, 0.05)
    given = tables.fixed | tables.at(0.05)
    flux = run_graph("forward", theta.astype(np.float32), given)[0] * tables.scale(theta, z)
    error = magnitudes_apart(flux, model.photometry(theta, z))
    assert np.median(error) < 0.002
    assert np.quantile(error, 0.999) < 0.03


@pytest.mark.heavy
def test_the_packaged_graphs_are_those_that_the_tool_builds(tmp_path):
    """To the last answer, if not to the last byte: exporters differ in names."""
    build = f"build_graphs.build(Path({str(tmp_path)!r}))"
    code = f"import build_graphs; from pathlib import Path; {build}"
    tools = Path(__file__).parent.parent.parent / "tools"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tools, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    from sedflow.files.packaged import data_path
    from sedflow.threads import session

    theta, given = _slope_case()
    for name in ("forward", "forward_slope"):
        answers = []
        for path in (data_path(f"{name}.onnx"), tmp_path / f"{name}.onnx"):
            run = session(path)
            named = {"theta": theta} | given
            answers.append(run.run(None, {one.name: named[one.name] for one in run.get_inputs()}))
        for a, b in zip(*answers, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_fluxes_and_slopes_need_no_torch():
    code = """
import sys
import numpy as np, sedflow
from sedflow.sampling.gradient import PosteriorGradient
model = sedflow.SEDModel()
theta = sedflow.Prior().sample(10, seed=1)
flux = model.photometry(theta, np.linspace(0.01, 0.2, 10), method="fast")
one = sedflow.Photometry(flux[0], 0.1 * flux[0], 0.01)
slope = PosteriorGradient(model, sedflow.Prior(), one)(np.zeros((2, 10)))
assert np.isfinite(flux).all() and np.isfinite(slope).all() and np.abs(slope).max() > 0
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""The torch simulator makes what numpy's simulation makes: each step, and whole blocks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from sedflow.draws import systematic
from sedflow.model import simulation
from sedflow.model.simulation import draw_pairs, draw_presence
from sedflow.network import simulator, training_set
from sedflow.network.configuration import TrainingConfig
from sedflow.network.features import raw_features, standardise
from sedflow.network.simulator import NoiseGraph, PriorGraph, Simulator
from sedflow.network.training_set import TrainingSet
from sedflow.parameters import Prior

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
N = 16_384
UV = {"ssp": "bc03", "bands": ("FUV", "NUV", "u", "g", "r", "i", "z")}
# Cumulative distributions of two of numpy's own blocks differ by 0.034 at most: of N rows, which
# are chosen in proportion to weights of up to 20, about two thirds are different.
SAME, DIFFERENT = 0.045, 0.09


@pytest.fixture(
    scope="module", params=[{}, pytest.param(UV, marks=pytest.mark.heavy)], ids=["ugriz", "uv"]
)
def made(request):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("_HELD_OUT", 2048), ("_SCALING", 20_000), ("_COPIES", 1)):
            patch.setattr(training_set, name, value)
        yield TrainingSet(TrainingConfig(simulations=20_000, **request.param))


@pytest.fixture(scope="module")
def pairs(made):
    """Numpy's pairs, the noise-free flux under each of them, and the random numbers' order."""
    rng = np.random.default_rng(5)
    theta, flux, sigma, z, _ = draw_pairs(
        4000, rng, made.prior, made.model, made.noise, presence=draw_presence, recent=0.5
    )
    return theta, flux, sigma, z, made.model.fast(made.noise.bands)(theta, z)


def _tensors(*arrays):
    return [torch.from_numpy(np.ascontiguousarray(a)) for a in arrays]


@pytest.mark.parametrize("kind", Prior.KINDS)
def test_theta_is_that_of_the_prior(kind):
    x = np.random.default_rng(1).standard_normal((2000, 11))
    prior = Prior(kind)
    (given,) = _tensors(x)
    np.testing.assert_allclose(PriorGraph(prior)(given), prior.from_unbounded(x), atol=1e-13)


def test_recent_bursts_are_those_of_numpy():
    rng = np.random.default_rng(2)
    x, uniform = rng.standard_normal(2000), rng.random(2000)

    class Numbers:
        def random(self, n):
            return uniform

    for mine, theirs in zip(
        simulator.recent_bursts(*_tensors(x), 0.3, *_tensors(uniform)),
        simulation.recent_bursts(x, 0.3, Numbers()),
        strict=True,
    ):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_fluxes_are_those_of_the_fast_path(made, pairs):
    theta, _, _, z, true = pairs
    found = made.simulator(CPU).flux(*_tensors(theta, z)).numpy()
    bright = true > 1e-9 * true.max(1, keepdims=True)  # the rest is lost in single precision
    off = np.abs(2.5 * np.log10(found[bright] / true[bright]))
    assert np.quantile(off, 0.999) < 2e-5
    assert off.max() < 2e-4


def test_errors_weigh_as_numpys_do(made, pairs):
    _, flux, sigma, _, true = pairs
    noise = NoiseGraph(made.noise)
    for f in (flux, np.where(np.isnan(flux), np.nan, true)):
        found = noise.log_prob(*_tensors(sigma), noise.usual(*_tensors(f)))
        np.testing.assert_allclose(found, made.noise.log_prob(sigma, f), atol=5e-4)


def test_errors_are_distributed_as_numpys_are(made, pairs):
    true = np.repeat(pairs[4][:1], N, axis=0)
    noise = NoiseGraph(made.noise)
    generator = torch.Generator().manual_seed(3)
    mine = noise.sample(noise.usual(*_tensors(true)), generator).log10().numpy()
    theirs = np.log10(made.noise.sample(true, np.random.default_rng(3)))
    odd = replace(made.noise, broad=(2.5, 3.0)).sample(true, np.random.default_rng(3))
    # Bands stray together: the largest residual sees that, and single bands do not.
    for column in (0, true.shape[1] - 1, None):
        a, b, c = (_column(sample, column) for sample in (mine, theirs, np.log10(odd)))
        assert ks_2samp(a, b).statistic < SAME
        assert ks_2samp(a, c).statistic > DIFFERENT


def _column(sample, column):
    if column is not None:
        return sample[:, column]
    return np.abs(sample - np.median(sample, axis=0)).max(axis=1)


def test_features_and_likeness_are_those_of_numpy(made, pairs):
    _, flux, sigma, z, _ = pairs
    expected = standardise(raw_features(flux, sigma, z, made.noise), *made.scaling)
    mine = made.simulator(CPU)
    given = _tensors(flux, sigma, z)
    found = mine.features(*given, mine.noise.usual(given[0])[0])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    likeness = mine.likeness(torch.from_numpy(expected)).numpy()
    np.testing.assert_allclose(likeness, made.likeness(expected), atol=5e-4, rtol=1e-4)
    assert likeness.max() > 3  # it prefers some


def test_bands_are_missing_as_often_as_in_numpy():
    generator = torch.Generator().manual_seed(1)
    for n_band in (1, 2, 5):
        mine = simulator.presence(40_000, n_band, generator).numpy()
        theirs = draw_presence(40_000, n_band, np.random.default_rng(1))
        share = [np.bincount(p.sum(1), minlength=n_band + 1) / len(p) for p in (mine, theirs)]
        np.testing.assert_allclose(*share, atol=0.012)
        np.testing.assert_allclose(mine.mean(0), theirs.mean(0), atol=0.015)
        assert mine.any(1).all()


def test_choice_is_systematic():
    weight = np.random.default_rng(1).gamma(0.3, size=5000)
    generator = torch.Generator().manual_seed(1)
    rows = simulator.chosen(*_tensors(weight), 20_000, generator).numpy()
    assert (np.diff(rows) >= 0).all()
    counts, expected = np.bincount(rows, minlength=5000), 20_000 * weight / weight.sum()
    assert np.abs(counts - expected).max() < 1
    again = systematic(weight / weight.sum(), 20_000, np.random.default_rng(1))
    assert np.abs(np.bincount(again, minlength=5000) - expected).max() < 1


def test_a_block_is_a_function_of_its_seed(made):
    mine = made.simulator(CPU)
    torch.manual_seed(1)
    one = mine.block(500, (7, 3))
    torch.manual_seed(2)
    again, other = mine.block(500, (7, 3)), mine.block(500, (7, 4))
    for a, b, c in zip(one, again, other, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)
        assert a.dtype == torch.float32


@pytest.fixture(scope="module")
def blocks(made):
    """x and features of a block of numpy's, of one by torch, and of torch's with other pools."""

    def other(**changes):
        mine = made.simulator(CPU)
        mine.pool = replace(mine.pool, **changes)
        return [t.numpy() for t in mine.block(N, (1, 5))]

    numpy = [t.numpy() for t in made.block(5, N)]
    wrong = {"nearness": 1.0, "survey": 0.0}
    return numpy, other(), {name: other(**{name: value}) for name, value in wrong.items()}


def _distances(a, b):
    return [ks_2samp(p, q).statistic for p, q in zip(a.T, b.T, strict=True)]


def test_a_block_is_distributed_as_numpys(blocks):
    numpy, mine, _ = blocks
    for a, b in zip(numpy, mine, strict=True):
        assert max(_distances(a, b)) < SAME


@pytest.mark.parametrize("change", ["nearness", "survey"])
def test_a_block_of_another_pool_is_noticed(blocks, change):
    numpy, _, wrong = blocks
    assert max(_distances(numpy[1], wrong[change][1])) > DIFFERENT


def test_weights_make_up_for_the_recent_bursts(made):
    """Chosen by weight, the bursts' ages follow the prior, whatever share of them was moved."""
    for share in (0.0, 0.5):
        mine = made.simulator(CPU)
        mine.likeness, mine.pool = None, replace(mine.pool, recent=share)
        x = mine.block(N, (1, 6))[0].numpy()
        normal = np.random.default_rng(1).standard_normal(N)
        assert max(ks_2samp(column, normal).statistic for column in x.T) < SAME


def test_an_unweighted_pool_has_recent_bursts(made):
    mine = made.simulator(CPU)
    _, x, weight = mine.pairs(4096, torch.Generator().manual_seed(1))
    assert (x[:, 4] < -2.3).double().mean() > 0.25
    assert weight.max() <= mine.pool.max_weight
    assert isinstance(mine, Simulator)

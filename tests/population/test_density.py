"""The density of a population from draws: known populations, and ways to get them wrong."""

import numpy as np
import pytest
from population_mocks import SEQUENCE, exact_mock, held, held_of_selected, selected_truth
from scipy.sparse import csr_array
from scipy.special import logsumexp
from scipy.stats import norm

from sedflow.population.density import fit_density
from sedflow.population.mocks import SCHECHTER, Truth
from sedflow.population.penalty import Penalty
from sedflow.population.selected import selected_density
from sedflow.population.strengths import Expansion
from sedflow.population.tables import mean_and_spread


def _coverage(truth, n_mock, n, **options):
    found = [held(exact_mock(truth, n, 200, seed=k, **options), seed=k) for k in range(n_mock)]
    return [float(np.concatenate([f[k] for f in found]).mean()) for k in range(3)]


@pytest.fixture(scope="module")
def schechter():
    return _coverage(SCHECHTER, 20, 1000)


def test_bands_hold_a_schechter_function(schechter):
    assert 0.60 < schechter[0] < 0.88
    assert schechter[1] > 0.91


def test_the_histogram_of_medians_fails_on_the_same_mocks(schechter):
    assert schechter[2] < schechter[0]
    big = exact_mock(SCHECHTER, 10_000, 200, seed=1)
    in68, _, medians = held(big)
    assert medians.mean() < 0.5 < in68.mean()


def test_a_wrong_selection_is_not_held():
    in68, in95, _ = _coverage(SCHECHTER, 3, 1000, lost=True)
    assert in68 < 0.35
    assert in95 < 0.7


def test_weights_correct_a_known_selection():
    mock = exact_mock(SCHECHTER, 2000, 200, seed=3)
    middle = (SCHECHTER.edges[0][1:] + SCHECHTER.edges[0][:-1]) / 2
    seen = np.clip((middle - 8.0) / 2.5, 0.2, 1.0)  # chance to be in the sample, by mass
    rng = np.random.default_rng(4)
    kept = rng.random(2000) < np.interp(mock.medians[:, 0], middle, seen)
    weights = 1.0 / np.interp(mock.medians[kept, 0], middle, seen)
    some = csr_array(mock.likelihood[np.flatnonzero(kept)])
    full = mock.truth * 2000 > 5
    plain, corrected = (fit_density(some, mock.shape, w) for w in (None, weights))
    off = [np.abs(f.shares - mock.truth)[full].sum() for f in (plain, corrected)]
    assert off[1] < 0.5 * off[0]


def test_two_quantities_are_held_together():
    in68, in95, medians = _coverage(SEQUENCE, 3, 1000)
    assert 0.55 < in68 < 0.9
    assert in95 > 0.88
    assert medians < in68


def test_galaxies_known_exactly_give_their_histogram_smoothed():
    counts = np.array([5, 20, 60, 110, 160, 110, 60, 20, 5, 2])
    rows = np.repeat(np.arange(10), counts)
    at = (np.ones(len(rows)), (np.arange(len(rows)), rows))
    fitted = fit_density(csr_array(at, shape=(len(rows), 10)), (10,))
    assert fitted.converged
    assert np.abs(fitted.shares - counts / counts.sum()).max() < 0.02
    scatter = fitted.draws.std(0)[3:6] / fitted.shares[3:6]
    assert np.all(scatter < 1 / np.sqrt(counts[3:6]))  # neighbours help
    assert np.all(scatter > 0.3 / np.sqrt(counts[3:6]))


@pytest.mark.parametrize(
    "truth",
    [
        Truth(lambda x: np.ones_like(x), (np.linspace(7, 12.5, 41),), ((0.1, 0.1),)),
        Truth(lambda x: np.exp(-x), (np.linspace(7, 12.5, 41),), ((0.1, 0.1),)),
        Truth(lambda x: np.exp(-((x - 10) ** 2) / 0.18), (np.linspace(8, 12, 41),), ((0.1, 0.3),)),
    ],
    ids=["even", "exponential", "normal"],
)
def test_bands_hold_the_width_of_a_population(truth):
    """How well the penalty is known is in them: they held 44 % of an even population's widths."""
    means, spreads = [], []
    mean, spread = mean_and_spread(truth.shares, truth.edges[0])
    for seed in range(50):
        mock = exact_mock(truth, 60, 100, seed=seed)
        found = mean_and_spread(fit_density(mock.likelihood, mock.shape).draws, truth.edges[0])
        for inside, draws, value in zip((means, spreads), found, (mean, spread), strict=True):
            low, high = np.quantile(draws, [0.025, 0.975])
            inside.append(low <= value <= high)
    assert np.mean(means) > 0.88
    assert np.mean(spreads) > 0.88


def test_the_factor_of_a_row_does_not_matter():
    mock = exact_mock(SCHECHTER, 300, 100)
    factor = np.random.default_rng(1).uniform(0.1, 10, mock.likelihood.shape[0])
    scaled = csr_array(mock.likelihood * factor[:, None])
    one, other = (fit_density(m, mock.shape) for m in (mock.likelihood, scaled))
    np.testing.assert_allclose(one.shares, other.shares, rtol=1e-6)


def test_the_same_seed_gives_the_same_bands():
    mock = exact_mock(SCHECHTER, 300, 100)
    one, two, other = (fit_density(mock.likelihood, mock.shape, seed=k) for k in (1, 1, 2))
    np.testing.assert_array_equal(one.draws, two.draws)
    assert not np.array_equal(one.draws, other.draws)


def test_a_fit_of_some_begins_where_that_of_all_ended():
    """Both ways lead to one maximum, in one or two quantities."""
    for truth in (SCHECHTER, SEQUENCE):
        mock = exact_mock(truth, 900, 100, seed=5)
        whole = fit_density(mock.likelihood, mock.shape)
        some = csr_array(mock.likelihood[:400])
        cold, warm = (fit_density(some, mock.shape, start=s) for s in (None, whole))
        assert cold.converged
        assert warm.converged
        full = mock.truth * 400 > 5
        np.testing.assert_allclose(warm.shares[full], cold.shares[full], rtol=0.1)


def test_some_of_an_exponential_population_have_a_width_of_their_own():
    rng, edges = np.random.default_rng(3), np.linspace(0, 3, 41)
    truth = rng.exponential(size=3000)
    truth = truth[truth < 3][:2500]
    near = np.flatnonzero(rng.random(len(truth)) < 0.6 * np.exp(-0.5 * ((truth - 1) / 0.3) ** 2))
    seen = truth + 0.8 * np.random.default_rng(3).normal(size=len(truth))
    below = norm.cdf(edges[None], seen[:, None], 0.8)
    likelihood = csr_array(np.diff(below, axis=1) + 1e-12)
    whole, middle = fit_density(likelihood, (40,)), (edges[1:] + edges[:-1]) / 2
    assert whole.strength[0] > 1e6  # any larger one is as good
    widths = []
    for start in (None, whole):
        f = fit_density(likelihood[near], (40,), start=start).shares
        widths.append(np.sqrt(f @ (middle - f @ middle) ** 2))
    assert widths[1] == pytest.approx(widths[0], rel=0.02)


def test_draws_are_around_the_density_whatever_is_left_to_gain_in_cells_that_none_reaches():
    log_f = np.where(np.arange(40) == 5, 0.0, -14.0)
    log_f -= logsumexp(log_f)
    f, slope = np.exp(log_f), np.zeros(40)
    slope[[20, 21]] = 0.1, -0.1  # a hundredth of a galaxy, but a long step
    curvature = np.diag(100 * f) + 1e-4 * np.eye(40)
    chosen = np.array([1e-3])
    supposed = Expansion(Penalty((40,)), log_f, slope, curvature).drawn(
        chosen, 100, np.random.default_rng(0)
    )
    [same] = [one for one in supposed if one.strength == chosen]
    assert np.array_equal(same.log_f, log_f)
    for one in supposed:
        assert np.exp(one.log_f)[5] == pytest.approx(f[5], rel=0.05)


def test_a_quantity_that_no_galaxy_knows_does_not_keep_the_fit_from_its_maximum():
    """The density is nearly an exponential there, and its penalty wants to be infinite."""
    mock = exact_mock(SCHECHTER, 400, 100, seed=6)
    rng = np.random.default_rng(7)
    rows, cells = np.nonzero(mock.likelihood.toarray())
    n = mock.likelihood.shape[0]
    likelihood = np.zeros((n, 40, 8))
    likelihood[rows, cells] = mock.likelihood.toarray()[rows, cells][:, None]
    likelihood *= rng.uniform(0.8, 1.2, (n, 1, 8))
    fitted = fit_density(csr_array(likelihood.reshape(n, -1)), (40, 8))
    assert fitted.converged
    alone = fit_density(mock.likelihood, (40,)).shares
    full = mock.truth * n > 5
    np.testing.assert_allclose(fitted.shares.reshape(40, 8).sum(1)[full], alone[full], rtol=0.25)


def test_galaxies_cut_by_their_medians_have_no_needles():
    """Inferred alone they have: errors that the cut took away are taken out once more."""
    low, high = 9.747, 10.86
    mock = exact_mock(SCHECHTER, 3000, 100, seed=2)
    every = fit_density(mock.likelihood, mock.shape)
    rows = np.flatnonzero((mock.medians[:, 0] >= low) & (mock.medians[:, 0] <= high))
    truth = selected_truth(low, high, 100)
    found = selected_density(mock.likelihood, rows, every, mock.shape).shares
    alone = fit_density(mock.likelihood[rows], mock.shape, start=every).shares
    assert np.abs(found - truth).sum() < 0.15
    assert np.abs(alone - truth).sum() > 0.5
    peaks = (found[1:-1] > found[:-2]) & (found[1:-1] > found[2:]) & (found[1:-1] > 0.02)
    assert peaks.sum() == 1


@pytest.mark.slow
def test_bands_hold_the_galaxies_that_their_medians_selected():
    found = [
        held_of_selected(exact_mock(SCHECHTER, 1000, 200, seed=k), 9.747, 10.86, k)
        for k in range(15)
    ]
    for way, in68, in95 in ((0, (0.55, 0.85), (0.88, 1.0)), (1, (0.0, 0.45), (0.0, 0.7))):
        for k, (least, most) in enumerate((in68, in95)):
            assert least < np.concatenate([one[way][k] for one in found]).mean() < most


def test_all_galaxies_selected_are_the_population():
    mock = exact_mock(SCHECHTER, 500, 100, seed=3)
    every = fit_density(mock.likelihood, mock.shape)
    found = selected_density(mock.likelihood, np.arange(500), every, mock.shape)
    assert np.abs(found.shares - every.shares).sum() < 0.05
    ratio = found.draws.std(0) / every.draws.std(0)
    assert np.all((ratio > 0.7) & (ratio < 1.5), where=every.shares > 0.02)

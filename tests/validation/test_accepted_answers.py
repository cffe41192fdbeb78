"""The exact posterior that a report judges is the answer that people get."""

import numpy as np

from sedflow.model.simulation import simulate
from sedflow.validation.calibration import coverage_error
from sedflow.validation.measure import _Measurement
from sedflow.validation.populations import in_words
from sedflow.validation.report import load_report


def test_few_draws_are_not_judged_but_the_answer_that_is_accepted(posterior):
    truth, galaxies = simulate(4, seed=11, model=posterior.model, noise=posterior.noise)
    few, many = (
        _Measurement(posterior, n_draw, 5, None, 4).fitted(truth, galaxies) for n_draw in (60, 4000)
    )
    assert all(kind.startswith("exact") for kind in few.answer + many.answer)
    assert all(figures.ess < 60 for figures in few.importance)
    off = few.levels["exact"].scores - many.levels["exact"].scores
    # Scores of 1,000 draws are good to 0.016, those of 60 to 0.06.
    assert np.sqrt(np.square(off).mean()) < 0.035


def test_the_error_of_a_coverage_is_that_of_galaxies():
    rng = np.random.default_rng(1)
    same = np.repeat(rng.random((500, 1)), 20, axis=1)  # twenty quantities that say one thing
    assert coverage_error(same, 0.68) > 4 * coverage_error(rng.random((500, 20)), 0.68)
    means = [(np.abs(rng.random((500, 20)) - 0.5) < 0.34).mean() for _ in range(400)]
    assert np.isclose(coverage_error(rng.random((500, 20)), 0.68), np.std(means), rtol=0.15)


def test_words_have_the_error_of_the_coverage():
    assert "68 %: 68.2 ± 0." in in_words(load_report("nsa-ugriz-fsps"))

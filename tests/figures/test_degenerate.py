"""Figures of fits that have few draws, one draw that counts, draws that are all the same, or none.

Each is a figure or a sentence.
"""

from dataclasses import replace

import numpy as np
import pytest

import sedflow
from sedflow.errors import SedflowError
from sedflow.figures.histories import history
from sedflow.figures.paper_corner import corner_figure
from sedflow.figures.paper_galaxy import paper_history, paper_spectrum
from sedflow.figures.plots import fit_corner, fit_history, fit_overview, fit_sed
from sedflow.figures.publication import posterior_figure, sed_figure
from sedflow.figures.spectrum import sed


@pytest.fixture(scope="module")
def good(posterior, nsa):
    return sedflow.fit(nsa.photometry(72), posterior, n=300, seed=1, trust="weights")


def few(fit, n):
    draws = fit.draws
    kept = replace(
        draws,
        theta=draws.theta[:n],
        log_density=None,
        weights=np.full(n, 1 / n),
        flux=None,
        flux_bands=None,
        importance=None,
    )
    return replace(fit, draws=kept)


def heavy(fit):
    weights = np.full(fit.draws.n, 1e-12)
    weights[7] = 1 - weights[1:].sum()
    return replace(fit, draws=replace(fit.draws, weights=weights))


def constant(fit):
    theta = np.repeat(fit.draws.theta[:1], fit.draws.n, axis=0)
    return replace(fit, draws=replace(fit.draws, theta=theta, flux=None, flux_bands=None))


def empty(fit):
    blank = np.full_like(fit.draws.theta, np.nan)
    draws = replace(fit.draws, theta=blank, flux=None, flux_bands=None, weights=None)
    return replace(fit, draws=draws)


KINDS = {
    "1 draw": lambda fit: few(fit, 1),
    "5 draws": lambda fit: few(fit, 5),
    "13 draws": lambda fit: few(fit, 13),
    "one heavy draw": heavy,
    "constant": constant,
    "no draws": empty,
}
FIGURES = {
    "posterior": posterior_figure,
    "reference": lambda fit: posterior_figure(fit, reference=fit),
    "sed": sed_figure,
    "fit_sed": fit_sed,
    "fit_history": fit_history,
    "fit_corner": fit_corner,
    "fit_overview": fit_overview,
    "bokeh sed": sed,
    "bokeh history": history,
    "bokeh corner": lambda fit: fit_corner(fit, backend="bokeh"),
    "paper corner": corner_figure,
    "paper history": paper_history,
    "paper spectrum": paper_spectrum,
}


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_of_odd_draws_is_a_figure_or_a_sentence(good, kind, figure):
    fit = KINDS[kind](good)
    try:
        made = FIGURES[figure](fit)
    except SedflowError as error:
        assert kind == "no draws"
        assert "no draws" in str(error)
    else:
        if hasattr(made, "savefig"):
            made.draw_without_rendering()

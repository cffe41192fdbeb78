"""A posterior that leans on an edge of the prior says so, and one that does not is silent."""

import numpy as np
import pytest

import sedflow
from sedflow.catalogue.infer import infer_partition
from sedflow.parameters import HIGH, LOW, Prior, index
from sedflow.sampling.edges import edges


def test_the_prior_leans_on_no_edge_of_its_own():
    for sfh in ("flat", "provabgs"):
        theta = Prior(sfh).sample(4000, seed=3)
        assert edges(theta, None, Prior(sfh)) == []


@pytest.mark.parametrize(
    ("name", "upper"),
    [("log_mstar", True), ("tau_ism", True), ("beta4", True), ("log_gamma1", False)],
)
def test_draws_at_an_edge_are_counted_with_their_weights(name, upper):
    k, prior = index(name), Prior()
    theta = prior.sample(1000, seed=4)
    theta[:500, k] = HIGH[k] - 1e-3 if upper else LOW[k] + 1e-3
    (edge,) = edges(theta, None, prior)
    assert (edge.name, edge.upper) == (name, upper)
    assert edge.share == pytest.approx(0.5, abs=0.03)
    weights = np.where(np.arange(1000) < 500, 1e-6, 1.0)
    assert edges(theta, weights / weights.sum(), prior) == []


def test_no_dust_and_no_burst_are_edges_of_nature():
    theta = Prior().sample(1000, seed=5)
    theta[:, [index("tau_bc"), index("tau_ism"), index("f_burst")]] = 0.0
    assert edges(theta, None, Prior()) == []


def test_a_galaxy_heavier_than_the_prior_allows_says_so(posterior, model, galaxy):
    theta = Prior().sample(1, seed=6)[0]
    theta[0] = 9.0
    flux = model.photometry(theta, 0.2) * 10**3.8
    heavy = sedflow.Photometry(flux, flux / 20, 0.2)
    fit = sedflow.fit(heavy, posterior, n=500, seed=1, trust="weights")
    assert "of the posterior of log_mstar lies within 0.11 of the upper edge" in fit.notes[0]
    assert fit.notes[0] in str(fit.verdict)
    names = {f"flux_{b}": [f] for b, f in zip("ugriz", flux, strict=True)}
    names |= {f"flux_err_{b}": [f / 20] for b, f in zip("ugriz", flux, strict=True)}
    table = {"id": [1], "redshift": [0.2], **names}
    mapping = sedflow.guess_mapping(table).in_unit("nanomaggies")
    row = infer_partition(table, mapping, posterior, n=500).iloc[0]
    assert "log_mstar high" in row["edge"]
    plain = sedflow.fit(galaxy, posterior, n=500, seed=1, trust="weights")
    assert not any("log_mstar" in note for note in plain.notes)

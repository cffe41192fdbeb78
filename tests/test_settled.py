"""What a model, a network and a prior are cannot be changed once they were made."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

import sedflow
from sedflow.model.sed import default_model
from sedflow.model.sfh import load_bases
from sedflow.network.weights import cached_posterior
from sedflow.parameters import HIGH, LOW, Prior


@pytest.mark.parametrize(
    ("name", "value"),
    [("birth_cloud_age_gyr", 0.1), ("grid", None), ("bands", ("g",)), ("bases", None)],
)
def test_what_a_model_is_cannot_be_set(name, value):
    model = default_model("fsps")
    before = getattr(model, name)
    with pytest.raises(sedflow.SedflowError, match=f"{name} cannot be set.*make another"):
        setattr(model, name, value)
    assert getattr(model, name) is before


@pytest.mark.parametrize("name", ["prior", "bands", "domain", "noise", "record", "name", "scaling"])
def test_what_a_network_is_cannot_be_set(name):
    network = cached_posterior("nsa-ugriz-fsps")
    before = getattr(network, name)
    with pytest.raises(sedflow.SedflowError, match=f"{name} cannot be set.*another network"):
        setattr(network, name, None)
    assert getattr(network, name) is before
    assert network.under(Prior("provabgs")).prior.sfh == "provabgs"


@pytest.mark.parametrize("name", ["sfh", "stick_power"])
def test_a_prior_cannot_be_set_or_deleted(name):
    prior = Prior()
    with pytest.raises(sedflow.SedflowError, match=f"{name} cannot be set"):
        setattr(prior, name, "provabgs")
    with pytest.raises(sedflow.SedflowError, match=f"{name} cannot be set"):
        delattr(prior, name)
    assert prior.sfh == "flat"


@pytest.mark.parametrize("name", ["method", "model", "prior", "steps"])
def test_what_a_sampler_of_mcmc_is_cannot_be_set(name):
    sampler = sedflow.MCMCSampler()
    before = getattr(sampler, name)
    with pytest.raises(sedflow.SedflowError, match=f"{name} cannot be set.*make another MCMC"):
        setattr(sampler, name, "provabgs")
    assert getattr(sampler, name) is before


def _copies(value):
    return [value, copy.deepcopy(value), pickle.loads(pickle.dumps(value))]


def test_shared_arrays_and_those_of_copies_cannot_be_changed_in_place():
    arrays = [LOW, HIGH]
    for bases in _copies(load_bases()):
        arrays += [bases.t_lookback, bases.sfh, bases.zh]
    arrays += [prior.stick_power for prior in _copies(Prior("provabgs"))]
    arrays += list(cached_posterior("nsa-ugriz-fsps").scaling)
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array *= 2


def test_copied_bases_give_the_same_histories():
    bases = load_bases()
    share = bases.formed_fraction(np.array([0.1, 0.2, 0.3, 0.4]), 13.0)
    again = copy.deepcopy(bases).formed_fraction(np.array([0.1, 0.2, 0.3, 0.4]), 13.0)
    np.testing.assert_array_equal(again, share)


def test_ids_of_photometry_and_figures_of_a_verdict_cannot_be_changed_in_place(nsa):
    galaxies = nsa.photometry(nsa.ids[:2])
    with pytest.raises(ValueError, match="read-only"):
        galaxies.ids[0] = 1
    for verdict in _copies(sedflow.fit(galaxies, n=100, trust="weights").verdict):
        for name in ("seconds", "p_value", "kind"):
            with pytest.raises(ValueError, match="read-only"):
                getattr(verdict, name)[0] = verdict.p_value[1]


def test_what_a_user_holds_can_be_compared(posterior, nsa):
    """Python's own comparison of dataclasses with arrays raised numpy's ValueError."""
    galaxies = nsa.photometry([72, 2490])
    fit = sedflow.fit(galaxies[0], posterior, n=500, seed=1)
    for one in (galaxies, fit, fit.draws, fit.verdict, fit.history, fit.predicted, fit.samples):
        assert one == one and one == copy.deepcopy(one) and one != 5
        assert one == pickle.loads(pickle.dumps(one))
    assert galaxies[0] != galaxies[1] and galaxies[1] in [galaxies[0], galaxies[1]]
    assert fit == sedflow.fit(galaxies[0], posterior, n=500, seed=1)  # in other seconds
    assert fit.derived == sedflow.fit(galaxies[0], posterior, n=500, seed=1).derived
    assert fit.derived != sedflow.fit(galaxies[0], posterior, n=500, seed=2).derived
    assert fit != replace(fit, seed=2) and fit != replace(fit, verdict=None)
    assert fit.prior == sedflow.Prior("flat") != sedflow.Prior("provabgs")
    assert sedflow.load_band("u") == copy.deepcopy(sedflow.load_band("u")) != sedflow.load_band("g")


def test_a_fit_equals_the_one_that_was_saved(posterior, nsa, tmp_path):
    """Model fluxes, which no file has, made it another."""
    fit = sedflow.fit(nsa.photometry([72, 2490]), posterior, n=300, seed=1, trust="weights")
    fit.save(tmp_path / "fit.h5")
    saved = sedflow.load_fit(tmp_path / "fit.h5")
    assert saved == fit and saved[1] == fit[1] and saved[0] != fit[1]
    assert replace(fit.draws, theta=fit.draws.theta + 1e-9) != saved.draws

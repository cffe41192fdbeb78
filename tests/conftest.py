"""Shared fixtures: the packaged model, catalogue and network, loaded once; one thread each."""

from pathlib import Path

import numpy as np
import pytest

import sedflow
from sedflow.threads import use_threads

use_threads(1)
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def golden():
    """Reference vectors by "group.name"; tools/build_golden.py made them."""
    with np.load(ROOT / "tests" / "golden" / "provabgs.npz") as file:
        return dict(file)


@pytest.fixture(scope="session")
def model():
    return sedflow.SEDModel("fsps")


@pytest.fixture(scope="session")
def bc03():
    return sedflow.SEDModel("bc03")


@pytest.fixture(scope="session")
def nsa():
    return sedflow.load_nsa()


@pytest.fixture(scope="session")
def posterior():
    return sedflow.load_posterior()


@pytest.fixture(scope="session")
def theta():
    """Two hundred draws from the prior."""
    return sedflow.Prior().sample(200, seed=11)


@pytest.fixture
def galaxy():
    """The paper's example galaxy, typed in."""
    magnitude = np.array([18.794628, 17.801994, 17.454891, 17.212591, 17.092417])
    flux = 10 ** (0.4 * (22.5 - magnitude))
    error = np.array([0.07235, 0.02256, 0.02213, 0.02401, 0.04271])
    return sedflow.Photometry(flux, flux * error * np.log(10) / 2.5, 0.048764)

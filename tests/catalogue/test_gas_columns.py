"""Runs of a network with gas have the columns of its lines; other runs have no empty ones."""

import numpy as np
import pandas as pd
import pytest

from sedflow.bands import UGRIZ
from sedflow.catalogue.guess import guess_mapping
from sedflow.catalogue.infer import QUANTITIES, infer_partition, meta, todays_name
from sedflow.model.sed import default_model
from sedflow.network.posterior import AmortizedPosterior

LINES = ["log_l_halpha", "ew_halpha"]


@pytest.fixture(scope="module")
def with_gas(posterior):
    """The default network, whose draws are weighted to the posterior with gas."""
    return AmortizedPosterior(posterior._flow, posterior.record, default_model("fsps-gas"))


@pytest.fixture(scope="module")
def table(nsa):
    galaxies = nsa.photometry(nsa.ids[:200:50])
    frame = pd.DataFrame({"id": galaxies.ids, "redshift": galaxies.redshift})
    for k, band in enumerate(UGRIZ):
        frame[f"flux_{band}"] = galaxies.flux[:, k]
        frame[f"flux_err_{band}"] = galaxies.sigma[:, k]
    return frame


def test_a_run_with_gas_has_h_alpha_and_one_without_has_no_holes(table, posterior, with_gas):
    mapping = guess_mapping(table).in_unit("nanomaggies")
    gas, stars = (infer_partition(table, mapping, p, n=200) for p in (with_gas, posterior))
    more = [f"{name}_p{q}" for name in LINES for q in (16, 50, 84)]
    assert [c for c in gas.columns if c not in stars.columns] == more
    assert list(gas.columns) == list(meta(with_gas).columns)
    assert list(stars.columns) == list(meta(posterior).columns)
    ok = gas.status == "ok"
    assert ok.any()
    assert np.isfinite(gas.loc[ok, more].to_numpy(float)).all()
    assert (gas.loc[ok, "ew_halpha_p16"] <= gas.loc[ok, "ew_halpha_p84"]).all()
    assert not set(LINES) & set(QUANTITIES)
    assert todays_name("ew_halpha_p50") == "ew_halpha_p50"

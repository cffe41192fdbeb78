"""The validation report: every figure is there, finite, and says what it should."""

import json

import numpy as np
import pytest

import sedflow
from sedflow.validation.calibration import ks_band
from sedflow.validation.report import QUANTITIES

pytestmark = pytest.mark.slow
FEW = {"n": 20, "n_draw": 100, "seed": 3, "n_nsa": 2, "local": False}


@pytest.fixture(scope="module")
def report(posterior):
    return sedflow.validate(posterior, **FEW)


def test_every_quantity_has_its_distance(report):
    for kind in ("network", "exact"):
        assert set(report.summary["ks"][kind]) == set(QUANTITIES)
        assert all(0 < v < 1 for v in report.summary["ks"][kind].values())
    assert "log_mstar" in str(report)
    assert "age_mw" in str(report)


def test_the_report_is_plain_json(report, tmp_path):
    read = json.loads(report.save(tmp_path / "report.json").read_text())
    assert read["galaxies"] == 20
    assert {name: sum(of.values()) for name, of in read["answers"].items()} == {
        "prior": 20,
        "some_bands": 10,
        "survey": 10,
    }
    assert np.shape(read["each"]["scores_network"]) == (30, len(QUANTITIES))
    assert {row["galaxies"] for row in read["bins"]["network"]["redshift"]} == {5}
    assert sum(row["galaxies"] for row in read["bins"]["exact"]["n_band"]) == 10
    assert read["weights_hold"]["nsa"]["galaxies"] == 2
    assert not any(v != v for v in read["recovery"]["age_mw"].values())


def test_the_same_seed_gives_the_same_report(report, posterior):
    again = sedflow.validate(posterior, **FEW)
    assert again.summary == report.summary


def test_workers_give_the_same_report(report, posterior):
    told = []
    again = sedflow.validate(posterior, **FEW, workers=3, progress=lambda *at: told.append(at))
    assert again.summary == report.summary
    assert told == [(k, 42) for k in range(1, 43)]
    for name, column in report.survey.items():
        np.testing.assert_array_equal(again.survey[name], column)


def test_figures_show_it(report):

    from sedflow.figures import publication

    for kind in ("calibration", "ranks", "coverage"):
        figure = getattr(publication, f"{kind}_figure")(report)
        assert sum(bool(ax.lines) or bool(ax.patches) for ax in figure.axes) >= 7


@pytest.mark.heavy
def test_the_shipped_network_is_calibrated(posterior):
    """All quantities inside the band that holds all of them at once, and the coverage right."""
    s = sedflow.validate(posterior, n=150, n_draw=300, seed=77, n_nsa=10, local=False).summary
    limit = ks_band(150, 0.999, tests=len(QUANTITIES))
    for kind in ("network", "exact"):
        assert max(s["ks"][kind].values()) < limit
        assert s["hpd"][kind]["ks"] < limit
        assert s["tarp"][kind]["ks"] < limit
        assert s["coverage"][kind]["0.68"]["mean"] == pytest.approx(0.68, abs=0.04)
        assert s["coverage"][kind]["0.95"]["mean"] == pytest.approx(0.95, abs=0.02)
    assert s["weights_hold"]["simulated"]["held"] > 0.96

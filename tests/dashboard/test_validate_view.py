"""The Validate page: the report that is read, galaxies like one, figures and the view."""

import json

import numpy as np
import panel as pn
import pytest

import sedflow
from sedflow.bands import UGRIZ
from sedflow.dashboard.pages.validate import ValidateView
from sedflow.dashboard.panels.report import ReportPanel
from sedflow.errors import SedflowError
from sedflow.figures.calibration_layers import (
    GAP_X,
    bin_layers,
    pp_layers,
    rank_band,
    rank_layers,
    region_layers,
)
from sedflow.files.hashes import sealed
from sedflow.network.weights import packaged_weights
from sedflow.photometry import Photometry
from sedflow.validation.calibration import ks_band, ks_distances, ks_statistic
from sedflow.validation.goal_table import goals
from sedflow.validation.near import PROPERTIES, coverage_in_bins, everyone, nearest, properties
from sedflow.validation.report import QUANTITIES, ValidationReport, load_report

LIKE = "those like one galaxy"


@pytest.fixture(scope="module")
def report():
    return load_report()


def _with_levels(report, change):
    """The report of a network whose levels are changed."""
    galaxies = dict(report.galaxies)
    galaxies["scores_network"] = change(galaxies["scores_network"])
    return ValidationReport(report.summary, galaxies)


@pytest.mark.parametrize("weights", packaged_weights())
def test_the_levels_read_give_the_figures_of_the_report(weights):
    report = load_report(weights)
    n = report.summary["galaxies"]
    for kind in ("network", "exact"):
        ks = ks_statistic(report.galaxies[f"scores_{kind}"][:n])
        assert ks == pytest.approx(list(report.summary["ks"][kind].values()), abs=1.1e-3)
        for test in ("hpd", "tarp"):
            level = report.galaxies[f"{test}_{kind}"][:n]
            assert ks_statistic(level) == pytest.approx(
                report.summary[test][kind]["ks"], abs=1.1e-3
            )
        for q in (0.68, 0.95):
            bins = coverage_in_bins(report, kind, q)
            for name, rows in report.summary["bins"][kind].items():
                for ours, theirs in zip(bins[name], rows, strict=True):
                    assert ours["galaxies"] == pytest.approx(theirs["galaxies"], abs=6)
                    assert ours["coverage"] == pytest.approx(
                        theirs["coverage"][str(q)], abs=4e-3 + 0.2 / theirs["galaxies"]
                    )  # properties and levels are written to 3 digits


def test_what_is_no_report_is_explained(tmp_path):
    with pytest.raises(SedflowError, match=r"no validation report 'none'.*--weights none"):
        load_report("none")
    path = tmp_path / "x.report.json"
    path.write_text("[1]")
    with pytest.raises(SedflowError, match="is not a validation report"):
        load_report(path)
    path.write_text(json.dumps(sealed({"each": {"scores_network": [[1, 2]]}})))
    with pytest.raises(SedflowError, match="of another version"):
        load_report(path)


def test_the_statistic_is_that_of_the_report():
    levels = np.random.default_rng(0).random((300, 4)) ** 1.2
    np.testing.assert_allclose(ks_statistic(levels), ks_distances(levels)[0], atol=1e-12)


@pytest.mark.parametrize("n, n_bin", [(2000, 20), (200, 10)])
def test_calibrated_histograms_stay_in_their_band(n, n_bin):
    low, high = rank_band(n, n_bin)
    counts = np.random.default_rng(1).multinomial(n, np.full(n_bin, 1 / n_bin), 4000)
    inside = ((counts >= low) & (counts <= high)).all(1).mean()
    assert 0.94 < inside < 0.985


def test_a_simulated_galaxy_is_its_own_nearest(report):
    for row in (3, 700, 2100, 2990):
        like = {name: report.galaxies[name][row] for name in PROPERTIES}
        found = nearest(report, like, 60)
        same = report.galaxies["n_band"][found.rows] == like["n_band"]
        assert row in found.rows[:2]
        assert same.all()


def test_nearer_galaxies_come_first_and_unknown_properties_are_left_out(report):
    like = {"r": 17.0, "snr": np.nan, "redshift": 0.05, "g-r": np.nan, "n_band": 5.0}
    some, many = nearest(report, like, 50), nearest(report, like, 500)
    np.testing.assert_array_equal(some.rows, many.rows[:50])
    for name in ("r", "redshift"):
        off = [np.abs(report.galaxies[name][s.rows] - like[name]).mean() for s in (some, many)]
        assert off[0] < off[1]
    with pytest.raises(SedflowError, match="no simulated galaxy of this report has 9 bands"):
        nearest(report, like | {"n_band": 9.0})
    with pytest.raises(SedflowError, match="is known of this galaxy"):
        nearest(report, dict.fromkeys(PROPERTIES, np.nan))


def test_properties_of_a_galaxy_are_those_of_the_report(nsa):
    galaxy = nsa.photometry(72)
    found = properties(galaxy, UGRIZ)
    assert found["r"] == pytest.approx(float(galaxy.magnitude[2]))
    assert found["g-r"] == pytest.approx(float(galaxy.magnitude[1] - galaxy.magnitude[2]))
    assert found["snr"] == pytest.approx(float(np.median(galaxy.flux / galaxy.sigma)))
    few = Photometry(galaxy.flux[2:], galaxy.sigma[2:], 0.1, ("r", "i", "z"))
    found = properties(few, ("FUV", "NUV", *UGRIZ))
    assert found["n_band"] == 3
    assert np.isnan(found["g-r"])


def test_the_band_of_few_galaxies_is_wider(report):
    def reach(layers):
        x, y = layers["band"]["xs"][0], layers["band"]["ys"][0]
        return np.interp(0.5, x[:101], y[:101]) - np.interp(0.5, x[101:][::-1], y[101:][::-1])

    like = {name: report.galaxies[name][0] for name in PROPERTIES}
    all_of_them = pp_layers(report, everyone(report))
    few = pp_layers(report, nearest(report, like, 100))
    assert reach(all_of_them) == pytest.approx(2 * ks_band(2000), rel=1e-6)
    assert reach(few) == pytest.approx(2 * ks_band(100), rel=1e-6)


def test_curves_are_drawn_in_their_panels(report):
    names = ("age_mw", "log_mstar")
    layers = pp_layers(report, everyone(report), ("network",), names)
    curve = layers["network"]["y"][:101]
    levels = report.galaxies["scores_network"][:2000, QUANTITIES.index("age_mw")]
    assert curve[50] == pytest.approx((levels <= 0.5).mean())
    assert layers["exact"]["x"].size == 0
    assert layers["label"]["text"] == ["mass-weighted age", "log M★"]
    ranks = rank_layers(report, everyone(report), ("network",), names)
    assert np.nanmax(ranks["network"]["y"][:40]) <= 1


def test_an_overconfident_network_leaves_the_band(report):
    narrow = _with_levels(report, lambda u: np.clip(0.5 + 1.3 * (u - 0.5), 0, 1))
    table = goals(narrow, everyone(narrow), ("network",), QUANTITIES)
    met = dict(zip(table["measure"], table["met"], strict=True))
    assert met["largest KS distance of 20 quantities"] == "no"
    assert met["68 % intervals hold the truth, mean"] == "no"
    layers = rank_layers(narrow, everyone(narrow), ("network",))
    assert all("out" in text for text in layers["note"]["text"])
    fair = _with_levels(report, lambda u: np.random.default_rng(2).random(u.shape))
    table = goals(fair, everyone(fair), ("network",), QUANTITIES)
    assert set(table["met"][:3]) == {"yes"}


def test_regions_less_the_diagonal_end_at_zero(report):
    layers = region_layers(report, everyone(report), "hpd", difference=True)
    assert layers["network"]["y"][-1] == pytest.approx(0, abs=1e-9)
    area = -layers["network"]["y"].mean()
    assert area == pytest.approx(-report.summary["hpd"]["network"]["area"], abs=5e-3)


def test_the_bins_of_a_galaxy_are_marked(report):
    like = {name: report.galaxies[name][5] for name in PROPERTIES}
    factors, layers = bin_layers(report, like=like)
    assert len(factors) == len(set(factors)) == 4 * 4 + 5
    assert 3 <= len(layers["mark"]["x"]) <= 6
    assert not bin_layers(report)[1]["mark"]["x"]


def test_legends_list_the_draws_that_are_drawn():
    view = ValidateView()
    _ = view.views
    for kind, listed in (
        ("network", {"network"}),
        ("exact (by weighting)", {"exact, by weighting"}),
        ("network and exact", {"network", "exact, by weighting"}),
    ):
        view.kind = kind
        for figure in view.report.figures.values():
            items = [item for item in figure.figure.legend.items if item.visible]
            names = {item.label.value for item in items}
            assert names & {"network", "exact, by weighting"} == listed


def test_the_view_is_built_when_shown():
    view = ValidateView()
    assert not view._built
    view.look_like(sedflow.load_nsa().photometry(72))
    assert not view._built
    assert view.__panel__() is not None
    assert view._built


def test_the_view_follows_galaxy_network_and_quantities(nsa):
    view = ValidateView()
    _ = view.views
    sources = view.report.figures["pp"].sources
    before = np.array(sources["network"].data["y"])
    assert "929 simulated galaxies that no training" in view.report._heading.object
    view.look_like(nsa.photometry(72))
    np.testing.assert_array_equal(sources["network"].data["y"], before)
    view.galaxies = LIKE
    assert "200 simulated galaxies most like NSAID 72" in view.report._heading.object
    assert f"±{ks_band(200):.3f}." in view.report._near.object
    assert not np.array_equal(sources["network"].data["y"], before)
    assert len(view.report.figures["bins"].sources["mark"].data["x"]) >= 4
    view.quantities = ["a_v", "log_mstar"]
    assert sources["label"].data["text"] == ["log M★", "A_V"]
    view.weights = "nsa-uv-bc03"
    assert "Validation of nsa-uv-bc03" in view.report._heading.object
    view.kind = "network"
    assert len(sources["exact"].data["x"]) == 0
    view.look_like(None)
    assert view.galaxies == "all simulated galaxies"
    assert "2,000 simulated" in view.report._heading.object


def test_a_galaxy_is_described_by_hand():
    view = ValidateView(galaxies=LIKE)
    _ = view.views
    view._inputs["n_band"].value = 4
    assert view.like["n_band"] == 4
    rows = nearest(load_report(), view.like, view.near).rows
    assert f"{len(rows)} of" in view.report._near.object
    view._inputs["n_band"].value = 8
    assert "no simulated galaxy of this report has 8 bands" in view._notice.object
    view._inputs["n_band"].value = None
    assert not view._notice.visible


def test_every_control_has_a_label():
    view = ValidateView()
    widgets = view.controls.select(pn.widgets.Widget)
    assert len(widgets) == 11
    for widget in widgets:
        assert widget.label, widget


def test_panels_fit_the_width_of_the_page(report):
    selection = everyone(report)
    panel = ReportPanel(report, selection, ("network",), QUANTITIES, True)
    panel.show(report, selection, ("network",), QUANTITIES, True)
    grid = panel.figures["pp"]
    for width, columns in ((320, 2), (700, 5)):
        grid.figure.trigger("inner_width", None, width)
        assert len(set(grid.sources["label"].data["x"])) == columns
        assert grid.figure.x_range.end == pytest.approx(columns * (1 + GAP_X))
        scale = width / (grid.figure.x_range.end - grid.figure.x_range.start)  # px
        assert -grid.figure.x_range.start * scale == pytest.approx(44)
        assert scale > 100
    assert grid.figure.height == 100 + 160 * -(-len(QUANTITIES) // 5)


def test_galaxies_like_one_are_counted_among_those_with_its_bands(nsa, report):
    view = ValidateView()
    view.look_like(nsa.photometry(72))
    view.galaxies = LIKE
    view.controls  # noqa: B018
    with_five = int((report.galaxies["n_band"] == 5).sum())
    assert f"200 of the {with_five:,} simulated ones with 5 bands" in view.report._near.object
    assert "misses each of the 95 % goals by chance" in view.report._goals.object
    view.near = 1000
    assert "by chance" not in view.report._goals.object


def test_fields_of_a_galaxy_have_the_decimals_that_matter(nsa):
    view = ValidateView()
    view.look_like(nsa.photometry(72))
    view.controls  # noqa: B018
    shown = {name: box.value for name, box in view._inputs.items()}
    assert shown == {"r": 17.45, "snr": 45.2, "redshift": 0.0488, "g-r": 0.35, "n_band": 5}

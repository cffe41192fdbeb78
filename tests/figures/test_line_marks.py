"""Marks of emission lines: where the lines are, grouped, named, and absent without gas."""

import numpy as np
import pytest

from sedflow.dashboard.curves import line_marks
from sedflow.figures.lines import symbol
from sedflow.figures.spectrum import SEDFigure, sed_layers
from sedflow.model.sed import default_model
from sedflow.parameters import DEFAULTS

Z = 0.05


@pytest.fixture(scope="module")
def gas():
    return default_model("fsps-gas")


def layers(model, **options):
    spectrum = model.spectrum(DEFAULTS, Z)
    curves = {"spectrum": (spectrum.wavelength, spectrum.flux)}
    marks = line_marks(model, DEFAULTS, Z)
    return sed_layers("", "ugriz", Z, curves=curves, lines=marks, **options)


@pytest.mark.parametrize("rest", [False, True])
def test_marks_are_at_the_lines(gas, rest):
    lines = layers(gas, rest=rest).sources["lines"]
    k = lines["name"].index("Hα")
    assert lines["x"][k] == pytest.approx(6564.7 * (1 if rest else 1 + Z), rel=1e-4)
    assert lines["label"][k] == "Hα"
    found = gas.lines(DEFAULTS, Z)["H-alpha"]
    assert float(lines["flux"][k]) == pytest.approx(found["flux"] / 1e-17, rel=0.01)
    assert float(lines["width"][k]) == pytest.approx(found["equivalent_width"], rel=0.01)


@pytest.mark.parametrize(
    "unit, log", [("flam", False), ("flam", True), ("fnu", False), ("ab", False)]
)
def test_marks_are_inside_the_figure(gas, unit, log):
    found = layers(gas, unit=unit, log=log)
    ends = sorted(found.y_range)
    lines = found.sources["lines"]
    for name in ("low", "high"):
        assert ((lines[name] > ends[0]) & (lines[name] < ends[1])).all()
    assert ((lines["x"] > found.x_range[0]) & (lines["x"] < found.x_range[1])).all()


def test_neighbours_share_a_name(gas):
    lines = layers(gas).sources["lines"]
    label = dict(zip(lines["name"], lines["label"], strict=True))
    assert sorted([label["[O II] 3726"], label["[O II] 3729"]]) == ["", "[O II]"]
    assert label["[N II] 6583"] == "" and label["[O III] 5007"] == "[O III]"
    assert symbol("Pa-beta") == "Paβ"


def test_a_grid_without_gas_has_no_marks(gas):
    assert "lines" not in layers(default_model("fsps")).sources
    figure = SEDFigure(layers(gas))
    assert "lines" in [item.label.value for item in figure._legend.items]
    figure.update(layers(default_model("bc03")))
    assert not len(figure.sources["lines"].data["x"])
    assert "lines" not in [item.label.value for item in figure._legend.items]


def test_quantiles_become_a_median_with_its_range(gas):
    from sedflow.model.lines import LineMarks

    found = gas.lines(DEFAULTS, Z)
    spread = np.array([0.5, 1.0, 2.0])[:, None]
    marks = LineMarks(
        found.names, found.wavelength, spread * found.flux, spread * found.equivalent_width
    )
    lines = sed_layers("", "ugriz", Z, lines=marks).sources["lines"]
    assert "+" in lines["flux"][0] and "−" in lines["width"][0]

"""A figure has no renderer of what was never drawn."""

import numpy as np
import pytest
from bokeh.models import HoverTool

from sedflow.figures.app_corner import CornerFigure
from sedflow.figures.base import WALK
from sedflow.figures.corner_axes import corner_axes
from sedflow.figures.corner_draws import corner_set
from sedflow.figures.flux_axis import flux_range
from sedflow.figures.spectrum import SEDFigure, sed_layers

WAVE = np.linspace(3000.0, 9000.0, 300)


def layers(**curves):
    curves = {name: (WAVE, np.full(300, level)) for name, level in curves.items()}
    return sed_layers("one", ["g", "r"], 0.1, curves=curves, data=([1.0, 2.0], [0.1, 0.1]))


def drawn(figure, sources):
    """Names of the sources that a figure draws, in the order in which it does."""
    names = {source.name: key for key, source in sources.items()}
    return list(dict.fromkeys(names[one.data_source.name] for one in figure.renderers))


def test_a_figure_draws_what_has_rows_and_what_had_some_in_one_order():
    figure = SEDFigure(layers(spectrum=1.0))
    every = list(figure.sources)
    assert {"spectrum", "data", "errors"} < {*drawn(figure.figure, figure.sources)}
    assert not {"brushed", "changed", "pinned"} & {*drawn(figure.figure, figure.sources)}
    figure.update(layers(spectrum=1.0, pinned=2.0))
    with_pin = drawn(figure.figure, figure.sources)
    assert "pinned" in with_pin
    assert list(figure.sources["pinned"].data["y"][:2]) == [2.0, 2.0]
    figure.update(layers(spectrum=1.0))
    assert drawn(figure.figure, figure.sources) == with_pin  # what was drawn is only emptied
    assert len(figure.sources["pinned"].data["y"]) == 0
    both = SEDFigure(layers(spectrum=1.0, pinned=2.0))
    assert drawn(both.figure, both.sources) == with_pin  # whenever they came
    assert set(with_pin) < set(every)


def test_what_the_page_fills_or_asks_is_there_from_the_start():
    figure = SEDFigure(layers())
    assert WALK in drawn(figure.figure, figure.sources)
    for hover in figure.figure.select(HoverTool):
        assert set(hover.renderers) <= set(figure.figure.renderers)


def test_a_corner_plot_draws_the_sets_that_it_has():
    samples = np.random.default_rng(0).normal(size=(500, 3))
    axes = corner_axes(samples, list("abc"), list("abc"))
    one = corner_set(samples, axes)
    corner = CornerFigure(axes, {"exact": one}, {"exact": "red", "prior": "grey"})
    few = drawn(corner.figure, corner._sources)
    assert "contours_exact" in few
    assert "contours_prior" not in few
    corner.update(axes, {"exact": one, "prior": one})
    assert "contours_prior" in drawn(corner.figure, corner._sources)
    assert len(corner.figure.renderers) < len(corner._sources)


@pytest.mark.parametrize("unit", ["flam", "fnu"])
def test_a_flux_below_zero_is_on_the_axis(unit):
    data = ([-1.0, 20.0], [2.0, 1.0])
    below = sed_layers("one", ["g", "r"], 0.1, data=data, unit=unit)
    foot, top = below.y_range
    y, low = below.sources["data"]["y"][0], below.sources["errors"]["low"][0]
    assert low < y < 0
    assert foot < y - 0.05 * (top - foot)  # above the strip of the filters
    above = sed_layers("one", ["g", "r"], 0.1, data=([1.0, 20.0], [2.0, 1.0]), unit=unit)
    assert above.y_range[0] == 0.0
    logarithmic = sed_layers("one", ["g", "r"], 0.1, data=data, unit=unit, log=True)
    errors = logarithmic.sources["errors"]
    assert 0 < errors["low"][0] < logarithmic.y_range[0]  # a bar from below: an upper limit
    assert errors["high"][0] > 0


@pytest.mark.parametrize("unit", ["flam", "ab"])
def test_hidden_parts_of_a_spectrum_do_not_flatten_the_rest(unit):
    """A burst of a thousandth of the light left four fifths of an axis empty."""
    whole, burst = np.array([20.0, 40.0, 30.0]), np.array([1e-3, 0.05, 0.02])
    if unit == "ab":
        whole, burst = (22.5 - 2.5 * np.log10(v) for v in (whole, burst))
    alone, both = flux_range([whole], unit, True), flux_range([whole], unit, True, [burst])
    assert both[1] == pytest.approx(alone[1], abs=0.2)
    low = both[0] - alone[0] if unit == "ab" else 2.5 * np.log10(alone[0] / both[0])
    assert 0 < low < 1.5  # mag

"""Numbers that visitors write or their browsers send."""

from array import array

import numpy as np
import pytest
from fuzz import inputs
from hypothesis import given
from hypothesis import strategies as st

from sedflow.dashboard.engine import Engine, Request
from sedflow.dashboard.numbers import (
    MAX_DIGITS,
    MOST_PIXELS,
    MOST_VERTICES,
    pointed,
    region,
    whole_number,
)
from sedflow.dashboard.panels.atlas import find
from sedflow.dashboard.panels.run_map import RunMap
from sedflow.dashboard.panels.run_state import COUNT
from sedflow.dashboard.script import galaxy_lines
from sedflow.dashboard.widgets import NumberField
from sedflow.errors import SedflowError

# True for str.isdigit, and an error or another number for int.
ODD = (
    "²",
    "①",
    "٣",
    "7²",
    "9" * 5000,
    "1_000",
    "0x10",
    "",
    "-",
    "--1",
    "1.0",
    "1e3",
    "\x00",
    "7\n7",
)


@pytest.mark.parametrize("text", ODD)
def test_what_is_no_whole_number_is_none(text):
    assert whole_number(text) is None


@inputs(200)
@given(st.text(max_size=30) | st.integers().map(str))
def test_a_whole_number_is_what_its_digits_say(text):
    number = whole_number(text, low=-(10**MAX_DIGITS))
    if number is not None:
        assert int(text) == number
        assert abs(number) < 10**MAX_DIGITS


@pytest.mark.parametrize("text", ODD)
def test_every_entrance_of_a_galaxy_takes_any_text(nsa, posterior, text):
    engine = Engine(nsa, posterior)
    assert engine.literature(text) == {}
    with pytest.raises(SedflowError, match="no galaxy"):
        engine.photometry(text)
    with pytest.raises(SedflowError):
        find(text, nsa)
    assert "photometry(None" in "".join(galaxy_lines(Request(text)))


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        {},
        {"type": "point", "x": 1, "y": 2},
        {"type": "rect", "x0": 0.1, "x1": "0.2", "y0": [1], "y1": 2},
        {"type": "rect", "x0": 0.1, "x1": float("nan"), "y0": 1, "y1": 2},
        {"type": "rect", "x0": 0.1, "x1": 0.2, "y0": 1},
        {"type": "poly", "x": [1, 2, 3], "y": [1, 2]},
        {"type": "poly", "x": "abc", "y": "abc"},
        {"type": "poly", "x": [1, 2, None], "y": [1, 2, 3]},
        {"type": "poly", "x": [1, 2, float("inf")], "y": [1, 2, 3]},
        {"type": "poly", "x": [[1, 2]] * 3, "y": [[1, 2]] * 3},
        {"type": "poly", "x": {"a": 1}, "y": {"a": 1}},
    ],
)
def test_a_selection_that_is_not_one_is_a_sentence(geometry):
    with pytest.raises(SedflowError, match="draw"):
        region(geometry)


@pytest.mark.parametrize("kind", [list, np.array, lambda line: array("d", line)])
def test_a_lasso_is_of_lists_or_arrays(kind):
    line = [0.25, 0.5, 0.75]
    assert region({"type": "poly", "x": kind(line), "y": kind(line)})["x"].tolist() == line


def test_a_lasso_has_a_limit():
    line = list(range(MOST_VERTICES))
    assert len(region({"type": "poly", "x": line, "y": line})["x"]) == MOST_VERTICES
    with pytest.raises(SedflowError, match="2,001 vertices, and the limit is 2,000"):
        region({"type": "poly", "x": [*line, 0], "y": [*line, 0]})


def test_a_map_is_as_large_as_its_limit_whatever_the_browser_says():
    labels = {"x": "x", "y": "y"}
    view = RunMap(None)
    values = np.random.default_rng(0).random((2, 100), dtype=np.float32)
    points = dict(zip("xy", values, strict=True))
    view.show(points, "x", "y", COUNT, labels, ((0, 1), (0, 1)))
    view.size.event(width=9_000, height=9_000)
    image = view.image[()]
    shape = image.dimension_values(2, flat=False).shape
    assert shape == MOST_PIXELS[::-1]
    assert (view.size.width, view.size.height) == MOST_PIXELS


def test_a_sought_text_is_quoted_in_part(nsa):
    with pytest.raises(SedflowError, match="5,000,000 characters, and the limit is 200") as error:
        find("7 " * 2_500_000, nsa)
    assert len(str(error.value)) < 300
    with pytest.raises(SedflowError) as error:
        find("x" * 150, nsa)
    assert "x" * 64 in str(error.value)
    assert "x" * 65 not in str(error.value)


def test_a_click_is_no_selection():
    """Bokeh tells of a click in a figure as it tells of a box."""
    assert pointed({"type": "point", "x": 1.0, "y": 2.0})
    assert not pointed({"type": "rect", "x0": 0, "x1": 1, "y0": 0, "y1": 1})
    assert not pointed(None)


def test_a_field_without_a_number_is_empty():
    """Panel's shows NaN once it was emptied."""
    field = NumberField(value=0.5)
    model = field.get_root()
    assert model.value == 0.5
    field.value = None
    assert model.value is None
    assert NumberField(value=None).get_root().value is None

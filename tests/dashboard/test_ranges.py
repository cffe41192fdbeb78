"""Selecting draws by numbers: what is typed, and that it selects what a drag selects."""

import asyncio

import numpy as np
import pytest

from sedflow.dashboard.panels.ranges import RangeForm, typed_number
from sedflow.errors import SedflowError
from sedflow.figures.corner_axes import (
    CornerAxes,
    box_ranges,
    box_rim,
    closed_range,
    in_ranges,
    rim,
    selected,
)


@pytest.fixture
def form():
    one = RangeForm()
    one.offer({"log M": "log_mstar", "age": "age_mw"})
    return one


@pytest.mark.parametrize(
    ("low", "high", "asked"),
    [
        ("9", "10.5", ("log_mstar", 9.0, 10.5)),
        ("−1", "", ("log_mstar", -1.0, None)),
        ("", " 1e1 ", ("log_mstar", None, 10.0)),
    ],
)
def test_enter_asks_for_what_is_typed(form, low, high, asked):
    form.low.value, form.high.value = low, high
    assert form.asked is None  # not without Enter
    form.high.enter_pressed = True
    assert form.asked == asked


@pytest.mark.parametrize(("text", "said"), [("", "are empty"), ("nan", "'nan' is not a number")])
def test_what_is_not_a_range_is_said(form, text, said):
    form.low.value = text
    form.low.enter_pressed = True
    assert form.asked is None and said in form.message


def test_a_number_of_a_minus_sign_is_read():
    assert typed_number("−0.5", "to") == -0.5
    with pytest.raises(SedflowError, match="to = 'x' is not a number"):
        typed_number("x", "to")


def test_the_quantity_stays_while_it_is_offered(form):
    form.quantity.value = "age_mw"
    form.offer({"age": "age_mw", "n": "n_dust"})
    assert form.quantity.value == "age_mw"
    form.offer({"n": "n_dust"})
    assert form.quantity.value == "n_dust"


def test_a_range_holds_what_the_same_box_holds():
    axes = CornerAxes(("a", "b"), ("A", "B"), np.array([[0.0, 1.0], [10.0, 20.0]]))
    samples = np.random.default_rng(0).uniform([0, 10], [1, 20], (500, 2))
    x, y = box_rim(axes, [("b", 12.0, 15.0)])
    box = {"type": "rect", "x0": min(x), "x1": max(x), "y0": min(y), "y1": max(y)}
    drawn, words = selected(samples, axes, box)
    typed, said = in_ranges(samples, axes, [("b", 12.0, 15.0)])
    assert (drawn == typed).all() and words == said and 100 < typed.sum() < 200
    assert rim(box)[0] == pytest.approx(list(x))
    assert box_ranges(axes, box)[0][1:] == pytest.approx((12, 15))


def test_a_range_with_an_open_end_selects_on_the_page(nsa, posterior):
    from sedflow.dashboard.pages.explore import Explorer

    page = Explorer(nsa, posterior, start={"n": 500})
    page.state.galaxy = str(nsa.ids[0])
    asyncio.run(page.state.infer())
    corner = page.corner
    middle = float(np.median(corner.answer.columns[:, corner._rows[2]]))
    name = corner.axes[1].names[2]
    asyncio.run(corner.select_range(name, middle, None))
    brushed = corner.selection
    assert brushed.place == "corner" and brushed.ranges[0][:2] == (name, middle)
    assert np.isfinite(brushed.ranges[0][2])
    assert brushed.samples[:, corner._rows[2]].min() >= middle
    assert len(corner.plot._sources["outline"].data["x"]) == 5
    asyncio.run(corner.select_range("not_there", 0, 1))
    assert corner.selection is brushed
    page.clear()
    assert len(corner.plot._sources["outline"].data["x"]) == 0


@pytest.mark.parametrize(
    ("low", "high", "held"),
    [(None, 0.0, 200), (5.0, -5.0, 400), (50.0, None, None), (None, -50.0, None), (2.1, 3.0, None)],
)
def test_an_open_end_is_where_the_draws_end_and_none_inside_is_said(low, high, held):
    """Beyond all draws the open end was the nearest draw, which alone was selected."""
    samples = np.stack([np.linspace(-2.0, 2.0, 400), np.full(400, np.nan)], 1)
    axes = CornerAxes(("a", "b"), ("A", "B"), np.array([[-2.0, 2.0], [0.0, 1.0]]))
    if held is None:
        with pytest.raises(SedflowError, match="no draw is inside this range; choose inside A -2"):
            closed_range(samples, axes, "a", low, high)
        return
    ends = closed_range(samples, axes, "a", low, high)
    assert in_ranges(samples, axes, [("a", *ends)])[0].sum() == held
    with pytest.raises(SedflowError, match="no draw has a number for B"):
        closed_range(samples, axes, "b", low, high)


def test_digits_are_grouped_as_nobody_types_them():
    with pytest.raises(SedflowError, match="is not a number"):
        typed_number("1_0", "from")


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (10.36, 10.44, "A 10.36 to 10.44"),
        (10.449, 10.451, "A 10.449 to 10.451"),
        (9.9632, 10.7012, "A 9.96 to 10.7"),
        (-0.004, 1500.0, "A 0 to 1500"),
        (2.0, 2.0, "A 2 to 2"),
    ],
)
def test_a_range_is_said_as_finely_as_it_is(low, high, said):
    axes = CornerAxes(("a",), ("A",), np.array([[0.0, 20.0]]))
    assert in_ranges(np.array([[10.4]]), axes, [("a", low, high)])[1] == said

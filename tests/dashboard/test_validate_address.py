"""What is chosen on the page Validate is in its address, and comes back from it."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedflow.dashboard.engine import Engine
from sedflow.dashboard.page_address import page_values
from sedflow.dashboard.pages.validate import ValidateView
from sedflow.dashboard.tabs import Page
from sedflow.dashboard.validate_address import (
    KINDS,
    LIKE,
    POPULATIONS,
    decode_validate,
    encode_validate,
)
from sedflow.network.weights import packaged_weights
from sedflow.validation.report import QUANTITIES


@pytest.fixture(scope="module")
def view():
    return ValidateView()


def test_the_page_begins_with_an_empty_address(view):
    assert encode_validate(view) == {}


@given(
    weights=st.sampled_from(packaged_weights()),
    kind=st.sampled_from(list(KINDS)),
    galaxies=st.sampled_from([*POPULATIONS.values(), LIKE]),
    quantities=st.lists(st.sampled_from(QUANTITIES), unique=True),
    difference=st.booleans(),
)
def test_a_link_brings_everything_back(view, **chosen):
    view.restore(chosen)
    values, notices = decode_validate(encode_validate(view))
    assert notices == []
    found = {"galaxies": POPULATIONS["survey"], **values}
    chosen["quantities"] = [name for name in QUANTITIES if name in chosen["quantities"]]
    assert {name: found[name] for name in chosen} == chosen


def test_what_is_unknown_is_said_and_left_out():
    query = {"report": "mine", "drawn": "all", "tested": "few", "shown": "a_v,mass"}
    values, notices = decode_validate(query)
    assert values["quantities"] == ["a_v"]
    assert [notice.split(" in ")[0] for notice in notices] == ["'mine'", "'all'", "'few'", "'mass'"]


@given(st.dictionaries(st.sampled_from(["report", "drawn", "tested", "shown", "pp"]), st.text()))
def test_any_text_gives_a_page(view, query):
    values, notices = decode_validate(query)
    view.restore(values)
    assert all(len(notice) < 200 for notice in notices)


def test_a_page_opens_with_them_and_writes_them(nsa, posterior):
    query = {"view": "validate", "drawn": "network", "tested": "bright", "shown": "a_v"}
    page = Page(Engine(nsa, posterior), query)
    view = page.views["validate"]
    assert (view.kind, view.galaxies) == ("network", POPULATIONS["bright"])
    assert view.quantities == ["a_v"]
    view.kind = "exact (by weighting)"
    assert page_values(page)["drawn"] == "exact"
    page.go("?view=validate")
    assert (view.kind, view.galaxies) == ("network and exact", POPULATIONS["survey"])


@pytest.mark.parametrize("tested", ["", "like", "bright"])
def test_what_is_tested_stays_while_the_galaxy_is_yet_to_come(nsa, posterior, tested):
    """A link with a galaxy that the server had not answered lately showed another test."""
    query = {"view": "validate", "galaxy": "2525"} | ({"tested": tested} if tested else {})

    async def opened():  # a page of a server, which computes later
        page = Page(Engine(nsa, posterior), query)
        assert page.explorer.state.answer is None
        assert page.values() == query
        assert json.loads(page.frame.now)["view"] == "validate"
        page.close()

    asyncio.run(opened())

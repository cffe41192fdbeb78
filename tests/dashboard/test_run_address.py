"""What is chosen on the page of a run is in its address, and comes back from it."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedflow.catalogue.infer import STATUS
from sedflow.dashboard.panels.run_columns import SHOWN
from sedflow.dashboard.panels.run_state import RunState
from sedflow.dashboard.run_address import CHOSEN, decode_run, encode_run
from sedflow.sampling.verdict import VERDICTS

NUMBERS = [name for name in SHOWN if name not in ("id", "status", "verdict")]
TABLE = SimpleNamespace(
    manifest={"catalogue": {"rows": 30}}, numbers=NUMBERS, columns=dict.fromkeys(SHOWN, "DOUBLE")
)
KEYS = ["row", "status", "verdict", "has", "between", "sort", "x", "y", "color"]
ENDS = st.none() | st.floats(-50, 50).map(lambda x: round(x, 6))


@st.composite
def limits(draw):
    low, high = draw(ENDS), draw(ENDS)  # in any order, as the fields have them
    return draw(st.sampled_from(["redshift", "k_hat", "chi2"])), low, high


def test_the_page_begins_with_an_empty_address():
    assert encode_run(RunState()) == {}
    values, notices = decode_run({}, TABLE)
    assert notices == []
    assert encode_run(RunState(**values)) == {}


@given(
    status=st.lists(st.sampled_from(STATUS), unique=True),
    verdict=st.lists(st.sampled_from([v for v in VERDICTS if v]), unique=True),
    ident=st.text(max_size=20),
    ranges=st.lists(limits().filter(lambda one: one[1:] != (None, None)), max_size=3),
    sort=st.sampled_from(NUMBERS),
    descending=st.booleans(),
    x=st.sampled_from(["redshift", "chi2"]),
    color=st.sampled_from(["count", "redshift"]),
    row=st.none() | st.integers(0, 29),
)
def test_a_link_brings_everything_back(**chosen):
    values, notices = decode_run(encode_run(RunState(**chosen)), TABLE)
    assert notices == []
    for name, known in (("status", STATUS), ("verdict", VERDICTS)):
        chosen[name] = [one for one in known if one in chosen[name]]
    assert {name: values[name] for name in chosen} == chosen


def test_what_is_unknown_is_said_and_left_out():
    query = {
        "status": "ok,mine",
        "between": "redshift:0.1:nan,k_hat::0.7,flux:1:2",
        "sort": "-mine",
        "x": "__proto__",
    }
    values, notices = decode_run(query, TABLE)
    assert values["status"] == ["ok"] and values["ranges"] == [("k_hat", None, 0.7)]
    assert [notice.split("'")[1] for notice in notices] == [
        "mine",
        "redshift:0.1:nan",
        "flux:1:2",
        "-mine",
        "__proto__",
    ]


@given(st.dictionaries(st.sampled_from(KEYS), st.text()))
def test_any_text_gives_a_page(query):
    values, notices = decode_run(query, TABLE)
    RunState(**values)
    assert all(len(notice) < 250 for notice in notices)


@pytest.mark.parametrize("name", CHOSEN)
def test_all_that_the_address_has_is_of_the_state(name):
    assert name in RunState.param

"""JSON from a disk: within bounds, and of the form that it must have."""

import json

import pytest

from sedflow.catalogue.documents import COUNTS, ENTRY, MANIFEST, PART
from sedflow.files.documents import anything, checked, either, number, parsed, table, text, whole


@pytest.mark.parametrize("content", ["", "{", b"\xff", "[" * 200_000, "[" * 60 + "]" * 60])
def test_what_is_not_json_or_too_deep_is_a_value_error(content):
    with pytest.raises(ValueError):
        parsed(content)


def test_what_is_json_is_read_as_it_is():
    assert parsed('{"a": [1, 2.5, null, "x"]}') == {"a": [1, 2.5, None, "x"]}


FORM = {"n": whole(0, 9), "x?": number(0, 1), "names": [text(3)], "other?": table(whole())}
GOOD = {"n": 1, "names": ["abc"], "more": [[]]}


def test_a_document_of_the_right_form_is_handed_on():
    assert checked(GOOD, FORM) is GOOD
    checked(GOOD | {"x": 0.5, "other": {"a": 1}}, FORM)
    checked({"a": None}, {"a": either(None, whole())})
    checked({"a": object()}, {"a": anything})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"n": True}, "n must be a whole number"),
        ({"n": 10}, "n must be a whole number from 0 to 9"),
        ({"n": 1.0}, "n must be"),
        ({"n": None}, "n must be"),
        ({"x": float("nan")}, "x must be a number"),
        ({"x": 10**400}, "x must be a number"),
        ({"names": "abc"}, "names must be a list"),
        ({"names": ["abcd"]}, r"names\[0\] must be a text"),
        ({"other": {"a": "1"}}, "other.a must be"),
        ({"other": [1]}, "other must be a table"),
    ],
)
def test_what_is_wrong_with_a_document_is_named(change, told):
    with pytest.raises(ValueError, match=told):
        checked(GOOD | change, FORM)


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="names is missing"):
        checked({"n": 1}, FORM)


FILE = {"bytes": 10, "sha256": "ab"}
LINE = {"run": "r", "part": 0, "rows": 2, "files": {"results": FILE}}


@pytest.mark.parametrize(
    "change",
    [
        {"files": None},
        {"files": "x"},
        {"files": [1]},
        {"files": {}},
        {"files": {"results": {}}},
        {"files": {"results": FILE | {"bytes": "9"}}},
        {"files": {"results": FILE | {"sha256": 9}}},
        {"part": True},
        {"part": -1},
        {"part": 10**30},
        {"rows": -5},
        {"first_id": [1]},
    ],
    ids=str,
)
def test_a_line_of_a_ledger_with_odd_values_does_not_count(change):
    checked(LINE, PART)
    with pytest.raises(ValueError):
        checked(LINE | change, PART)


@pytest.mark.parametrize("change", [{"back": "abc"}, {"back": [0, "x"]}], ids=str)
def test_a_line_that_takes_back_nonsense_does_not_count(change):
    with pytest.raises(ValueError):
        checked({"run": "r"} | change, ENTRY)


COUNT = {"rows": 2, "status": {"ok": 2}, "verdict": {"failed": 2}, "reasons": {}}


@pytest.mark.parametrize(
    "change",
    [{"status": [1]}, {"status": "x"}, {"status": {"ok": "2"}}, {"reasons": {"a": 1}}],
    ids=str,
)
def test_counts_with_odd_values_are_refused(change):
    checked(COUNT, COUNTS)
    with pytest.raises(ValueError):
        checked(COUNT | change, COUNTS)


RUN = {
    "format": 2,
    "run": "r",
    "catalogue": {"name": "a.csv", "rows": 4, "sha256": "ab"},
    "mapping": {},
    "weights": {"name": "n", "bands": ["u"]},
    "settings": {"n": 100, "seed": 1, "trust": "weights", "keep": 0, "part_rows": 2},
    "versions": {"sedflow": "1"},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("catalogue.name", None),
        ("catalogue.name", ["a"]),
        ("catalogue.rows", 10**12),
        ("catalogue.rows", True),
        ("catalogue.sha256", 5),
        ("settings.n", "x"),
        ("settings.trust", [1]),
        ("settings.part_rows", 0),
        ("settings.part_rows", 10**30),
        ("weights.bands", 5),
        ("weights.name", [1]),
        ("run", 7),
    ],
)
def test_a_manifest_with_odd_values_is_refused(path, value):
    checked(RUN, MANIFEST)
    odd = json.loads(json.dumps(RUN))
    *above, last = path.split(".")
    place = odd[above[0]] if above else odd
    for change in ("set", "lost"):
        if change == "set":
            place[last] = value
        else:
            del place[last]
        with pytest.raises(ValueError, match=path):
            checked(odd, MANIFEST)

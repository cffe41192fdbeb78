"""Values that a page in a browser may send: whether some JSON is one, by kind.

Each is a function of the value and the model that it is for, which few of them look at.
"""

from collections.abc import Callable
from typing import Any

__all__ = [
    "LONGEST_FILTER",
    "LONGEST_TEXT",
    "Check",
    "active_tab",
    "cell",
    "entries",
    "filters",
    "geometry",
    "list_of",
    "modifiers",
    "nan_or_number",
    "number",
    "optional",
    "optional_number",
    "several",
    "sorters",
    "text",
    "truth",
    "which",
    "whole",
]

#: Longest text of a field, in characters, and of a filter of a table.
LONGEST_TEXT = 200
LONGEST_FILTER = 100
_CORNERS = 5_000  # of a lasso

Check = Callable[..., bool]  # of a value, and of the model that it is for


def number(value: Any, model: object = None) -> bool:
    """A finite number."""
    return type(value) in (int, float) and abs(value) < 1e300  # which NaN is not


def optional_number(value: object, model: object = None) -> bool:
    """A number, or none."""
    return value is None or number(value)


def whole(low: int, high: int) -> Check:
    """A whole number between two."""
    return lambda value, model=None: type(value) is int and low <= value <= high


def truth(value: object, model: object = None) -> bool:
    """True or false."""
    return type(value) is bool


def text(longest: int = LONGEST_TEXT) -> Check:
    """Text of at most `longest` characters."""

    def is_text(value, model=None):
        return isinstance(value, str) and len(value) <= longest and _has_no_halves(value)

    return is_text


def _has_no_halves(text):
    """Whether a text has no half of a surrogate pair, which has no UTF-8."""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def optional(check: Check) -> Check:
    """What a check lets pass, or none."""
    return lambda value, model=None: value is None or check(value, model)


def list_of(check: Check, most: int) -> Check:
    """A list of at most `most` values, each of which a check lets pass."""

    def is_list(value, model=None):
        return isinstance(value, list) and len(value) <= most and all(check(v) for v in value)

    return is_list


def nan_or_number(value: Any, model: object = None) -> bool:
    """A number as ranges have it: what a figure without data shows has no ends."""
    if isinstance(value, dict):
        return (
            value.keys() == {"type", "value"}
            and value["type"] == "number"
            and value["value"] in ("nan", "+inf", "-inf")
        )
    return optional_number(value)


def entries(value: Any) -> dict | None:
    """A map of the protocol as a dict of text to what is there; None if it is not one."""
    if not isinstance(value, dict) or value.get("type") != "map":
        return None
    pairs = value.get("entries", [])
    if not isinstance(pairs, list) or len(pairs) > 20:
        return None
    out = {}
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and text(50)(pair[0])):
            return None
        out[pair[0]] = pair[1]
    return out


def _declared(model) -> dict[str, str]:
    """The kind of filter of each column that has one, by the column's name."""
    return {
        column.get("field"): column.get("headerFilterFunc", "like")
        for column in model.configuration.get("columns", [])
        if column.get("headerFilter")
    }


def filters(value: Any, model: Any) -> bool:
    """One filter a column, of the kind that the column declares."""
    if not isinstance(value, list):
        return False
    declared, seen = _declared(model), set()
    for one in value[: len(declared) + 1]:
        about = entries(one)
        if about is None or about.keys() != {"field", "type", "value"}:
            return False
        name, wanted = about["field"], about["value"]
        if not isinstance(name, str) or name in seen or about["type"] != declared.get(name):
            return False
        if not (text(LONGEST_FILTER)(wanted) or number(wanted)):
            return False
        seen.add(name)
    return len(value) <= len(declared)


def sorters(value: Any, model: Any) -> bool:
    """One order a column, of the columns that there are."""
    columns = {column.field for column in model.columns} | {"index"}
    if not isinstance(value, list) or len(value) > len(columns):
        return False
    names = set()
    for one in value:
        about = entries(one)
        if about is None or about.keys() != {"field", "dir"} or about["dir"] not in ("asc", "desc"):
            return False
        if not isinstance(about["field"], str) or about["field"] not in columns:
            return False
        names.add(about["field"])
    return len(names) == len(value)


def active_tab(value: Any, model: Any) -> bool:
    """Place of one of the tabs."""
    return type(value) is int and 0 <= value < len(model.tabs)


def which(value: Any, model: Any) -> bool:
    """Place of one of the choices, or none."""
    return value is None or (type(value) is int and 0 <= value < len(model.labels))


def several(value: Any, model: Any) -> bool:
    """Places of some of the choices, each once."""
    return (
        isinstance(value, list)
        and all(type(v) is int and 0 <= v < len(model.labels) for v in value)
        and len(set(value)) == len(value)
    )


def _array(value):
    """Numbers of a lasso: a list, or an array whose bytes came beside the message."""
    if isinstance(value, list):
        return len(value) <= _CORNERS and all(number(v) for v in value)
    if not isinstance(value, dict) or value.get("type") not in ("ndarray", "typed_array"):
        return False
    data = value.get("array")
    return (
        value.get("dtype") in ("float32", "float64")
        and value.get("order") in ("little", "big")
        and value.get("shape", [0]) in ([n] for n in range(_CORNERS + 1))
        and isinstance(data, dict)
        and data.get("type") == "bytes"
        # As text it would be compressed, and may be anything once it is not.
        and isinstance(data.get("data"), dict)
    )


def geometry(value: Any, model: object = None) -> bool:
    """A box, a point or a lasso."""
    about = entries(value)
    if about is None:
        return False
    kind = about.pop("type", None)
    if not truth(about.pop("greedy", False)):  # of a box: whether it takes what it touches
        return False
    if kind == "poly":
        return about.keys() <= {"x", "y", "sx", "sy"} and all(map(_array, about.values()))
    corners = {"x", "y", "x0", "y0", "x1", "y1", "sx", "sy", "sx0", "sy0", "sx1", "sy1"}
    return (
        kind in ("rect", "point")
        and about.keys() <= corners
        and all(map(nan_or_number, about.values()))
    )


def cell(value: Any, model: object = None) -> bool:
    """What a cell of a table holds."""
    return optional_number(value) or text()(value)


_MODIFIERS = ("alt", "ctrl", "meta", "shift")


def modifiers(value: Any, model: object = None) -> bool:
    """Keys that are held down beside a click."""
    if value is None:
        return True
    about = entries(value)
    return about is not None and about.keys() <= {*_MODIFIERS} and all(map(truth, about.values()))

"""What a page in a browser says to its server: which properties it may set, to what, how often.

Everything else is refused before Bokeh decodes it. The list was made from what the pages send
when all that can be used on them is used.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

__all__ = [
    "EVENTS",
    "LONGEST_FILTER",
    "LONGEST_PASTE",
    "LONGEST_TEXT",
    "MESSAGE_BYTES",
    "PROPERTIES",
    "Late",
    "Refused",
    "Said",
    "check",
]

#: Longest text of a field, in characters, and of a filter of a table.
LONGEST_TEXT = 200
#: Characters of a table that is pasted.
LONGEST_PASTE = 50_000
LONGEST_FILTER = 100
#: Bytes of a message with its buffers: an upload of 10 MB, as text.
MESSAGE_BYTES = 16 * 2**20
_ADDRESS = 10_000  # characters of an address
_FILE = 14_000_000  # characters of an upload in base 64
_POINTS = 20_000  # that a box selects
_CORNERS = 5_000  # of a lasso
_EVENTS = 50  # changes and events in one message
_ONCE = ("click", "geometry")  # of each, one in a message
_ENTRY = 40  # bytes that a number of a list takes
_CHOICES = 100  # of a widget that has several
_PAGE_ROWS = 100  # of a table

# Kinds of models whose values only say how a figure is looked at.
_VIEWS = ("BrowserInfo", "Column", "DataRange1d", "FactorRange", "Figure", "Range1d")

_ID = re.compile(r"p\d{1,15}", re.ASCII)  # of a model, as Bokeh counts them

Check = Callable[[object, object], bool]


class Refused(Exception):
    """A page does not say this."""


class Late(Refused):
    """A page says this of what has just left it, before it knows."""


def _number(value, model=None):
    return type(value) in (int, float) and abs(value) < 1e300  # which NaN is not


def _optional_number(value, model=None):
    return value is None or _number(value)


def _whole(low, high):
    return lambda value, model=None: type(value) is int and low <= value <= high


def _truth(value, model=None):
    return type(value) is bool


def _text(longest=LONGEST_TEXT):
    def is_text(value, model=None):
        return isinstance(value, str) and len(value) <= longest and _has_no_halves(value)

    return is_text


def _has_no_halves(text):
    """Whether a text has no half of a surrogate pair, which has no UTF-8."""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def _optional(check):
    return lambda value, model=None: value is None or check(value, model)


def _list_of(check, most):
    def is_list(value, model=None):
        return isinstance(value, list) and len(value) <= most and all(check(v) for v in value)

    return is_list


def _nan_or_number(value, model=None):
    """A number as ranges have it: what a figure without data shows has no ends."""
    if isinstance(value, dict):
        return (
            value.keys() == {"type", "value"}
            and value["type"] == "number"
            and value["value"] in ("nan", "+inf", "-inf")
        )
    return _optional_number(value)


def _entries(value) -> dict | None:
    """A map of the protocol as a dict of text to what is there; None if it is not one."""
    if not isinstance(value, dict) or value.get("type") != "map":
        return None
    pairs = value.get("entries", [])
    if not isinstance(pairs, list) or len(pairs) > 20:
        return None
    out = {}
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and _text(50)(pair[0])):
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


def _filters(value, model):
    """One filter a column, of the kind that the column declares."""
    if not isinstance(value, list):
        return False
    declared, seen = _declared(model), set()
    for one in value[: len(declared) + 1]:
        about = _entries(one)
        if about is None or about.keys() != {"field", "type", "value"}:
            return False
        name, text = about["field"], about["value"]
        if not isinstance(name, str) or name in seen or about["type"] != declared.get(name):
            return False
        if not (_text(LONGEST_FILTER)(text) or _number(text)):
            return False
        seen.add(name)
    return len(value) <= len(declared)


def _sorters(value, model):
    """One order a column, of the columns that there are."""
    columns = {column.field for column in model.columns} | {"index"}
    if not isinstance(value, list) or len(value) > len(columns):
        return False
    names = set()
    for one in value:
        about = _entries(one)
        if about is None or about.keys() != {"field", "dir"} or about["dir"] not in ("asc", "desc"):
            return False
        if not isinstance(about["field"], str) or about["field"] not in columns:
            return False
        names.add(about["field"])
    return len(names) == len(value)


def _active_tab(value, model):
    return type(value) is int and 0 <= value < len(model.tabs)


def _which(value, model):
    return value is None or (type(value) is int and 0 <= value < len(model.labels))


def _several(value, model):
    return (
        isinstance(value, list)
        and all(type(v) is int and 0 <= v < len(model.labels) for v in value)
        and len(set(value)) == len(value)
    )


_TOGGLE: dict[str, Check] = {"active": _truth}
_SIZE = _optional(_whole(0, 100_000))
_RANGE: dict[str, Check] = {"start": _nan_or_number, "end": _nan_or_number}
_SLIDER: dict[str, Check] = {"value": _number, "value_throttled": _number}
_SPINNER: dict[str, Check] = {"value": _optional_number, "value_throttled": _optional_number}
_CHOICE: dict[str, Check] = {"value": _optional(_text(LONGEST_TEXT))}
_TABLE: dict[str, Check] = {
    "filters": _filters,
    "sorters": _sorters,
    "page": _optional(_whole(1, 10**7)),
    "page_size": _optional(_whole(1, _PAGE_ROWS)),
    "expanded": _list_of(_whole(0, 10**7), _PAGE_ROWS),
}

#: Kind of model -> property that a page may set -> whether a value, as JSON, may be its value.
PROPERTIES: dict[str, dict[str, Check]] = {
    "BrowserInfo": {
        "dark_mode": _optional(_truth),
        "device_pixel_ratio": _optional_number,
        "language": _optional(_text(50)),
        "timezone": _optional(_text(100)),
        "timezone_offset": _optional_number,
        "webdriver": _optional(_truth),
        "webgl": _optional(_truth),
    },
    "CheckboxButtonGroup": {"active": _several},
    "CheckboxGroup": {"active": _several},
    "Column": {"scroll_position": _number},  # of one whose content is longer than its place
    "CustomMultiSelect": {"value": _list_of(_text(), _CHOICES)},
    "CustomSelect": _CHOICE,
    "DataRange1d": _RANGE,
    "DataTabulator": _TABLE,
    "FactorRange": _RANGE,
    "FileDownload": {"clicks": _whole(0, 10**9)},
    "FileInput": {
        "value": _text(_FILE),
        "mime_type": _text(),
        "filename": _text(1000),
    },
    "Figure": dict.fromkeys(("inner_height", "inner_width", "outer_height", "outer_width"), _SIZE),
    "GlyphRenderer": {"muted": _truth, "visible": _truth},  # by a legend
    "Location": {
        **dict.fromkeys(("href", "search"), _text(_ADDRESS)),
        **dict.fromkeys(("hash", "hostname", "pathname"), _text(_ADDRESS // 10)),
        **dict.fromkeys(("port", "protocol"), _text(10)),
    },
    "MultiChoice": {"value": _list_of(_text(), _CHOICES)},
    "RadioButtonGroup": {"active": _which},
    "RadioGroup": {"active": _which},
    "Range1d": _RANGE,
    "Select": _CHOICE,
    "Selection": {"indices": _list_of(_whole(0, 10**7), _POINTS)},
    "Slider": _SLIDER,
    "Spinner": _SPINNER,
    "Tabs": {"active": _active_tab},
    "TextAreaInput": dict.fromkeys(("value", "value_input"), _text(LONGEST_PASTE)),
    "TextInput": {"value": _text(), "value_input": _text()},
    "Toggle": _TOGGLE,
    "Tooltip": {"visible": _truth},  # of a button, under the pointer
}


def _array(value):
    """Numbers of a lasso: a list, or an array whose bytes came beside the message."""
    if isinstance(value, list):
        return len(value) <= _CORNERS and all(_number(v) for v in value)
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


def _geometry(value, model=None):
    about = _entries(value)
    if about is None:
        return False
    kind = about.pop("type", None)
    if not _truth(about.pop("greedy", False)):  # of a box: whether it takes what it touches
        return False
    if kind == "poly":
        return about.keys() <= {"x", "y", "sx", "sy"} and all(map(_array, about.values()))
    corners = {"x", "y", "x0", "y0", "x1", "y1", "sx", "sy", "sx0", "sy0", "sx1", "sy1"}
    return (
        kind in ("rect", "point")
        and about.keys() <= corners
        and all(map(_nan_or_number, about.values()))
    )


def _cell(value, model=None):
    return _optional_number(value) or _text()(value)


_MODIFIERS = ("alt", "ctrl", "meta", "shift")


def _modifiers(value, model=None):
    if value is None:
        return True
    about = _entries(value)
    return about is not None and about.keys() <= {*_MODIFIERS} and all(map(_truth, about.values()))


_POINT: dict[str, Check] = {
    **dict.fromkeys(("sx", "sy", "x", "y"), _nan_or_number),
    "modifiers": _modifiers,
}
_ENDS: dict[str, Check] = dict.fromkeys(("x0", "x1", "y0", "y1"), _nan_or_number)

#: Name of an event -> (kinds of models that it is of, its values -> what they may be).
EVENTS: dict[str, tuple[tuple[str, ...], dict[str, Check]]] = {
    "button_click": (("Button", "Toggle", "FileDownload"), {}),
    "cell-click": (
        ("DataTabulator",),
        {"column": _optional(_text()), "row": _whole(0, 10**7), "value": _cell},
    ),
    "document_ready": ((), {}),
    "doubletap": (("Figure",), _POINT),
    "enter-pressed": (("TextInput",), {"value_input": _text()}),
    "lodend": (("Figure",), {}),
    "lodstart": (("Figure",), {}),
    "rangesupdate": (("Figure",), _ENDS),
    "reset": (("Figure",), {}),
    "selection-change": (
        ("DataTabulator",),
        {
            "indices": _list_of(_whole(0, 10**7), _PAGE_ROWS),
            "selected": _truth,
            "flush": _truth,
        },
    ),
    "selectiongeometry": (("Figure",), {"geometry": _geometry, "final": _truth}),
    "tap": (("Figure",), _POINT),
}


def kind_of(model) -> str:
    """The kind of a model as the lists name it."""
    name = type(model).__name__
    return "Figure" if name == "figure" else name


@dataclass(frozen=True)
class Said:
    """What a message of a page does.

    counts : of its changes and events by kind: "click", "geometry" (a box or a lasso), "view"
        (sizes and ranges, of which a page sends many) or "value"
    held : (ID of a model, property) -> bytes that the value holds, if many
    slides : (ID of a slider, property) if that is all it does
    """

    counts: Counter
    held: dict[tuple[str, str], int]
    slides: tuple[str, str] | None = None


def check(content, model_of: Callable[[str], object]) -> Said:
    """What a PATCH-DOC message of a page does.

    content : the message's JSON
    model_of : the session's model of an ID, or None

    Raises
    ------
    Late
        All of it is what a page says, some of it of a model that has just left.
    Refused
        A page does not say this.
    """
    events = content.get("events") if isinstance(content, dict) else None
    if not isinstance(events, list) or len(events) > _EVENTS:
        raise Refused("not a list of changes")
    counts: Counter = Counter()
    held: dict[tuple[str, str], int] = {}
    late = slides = None
    for event in events:
        if not isinstance(event, dict):
            raise Refused("not a change")
        try:
            if event.get("kind") == "ModelChanged":
                kind, size, slides = _changed(event, model_of)
                key = event["model"]["id"], event["attr"]
                if kind == "value" and key in held:
                    raise Refused("a property twice in a message")
                held[key] = size
            elif event.get("kind") == "MessageSent":
                kind = _said(event, model_of)
            else:
                raise Refused("not a change that a page makes")
        except Late as error:
            late = error
            continue
        counts[kind] += 1
        if kind in _ONCE and counts[kind] > 1:
            raise Refused(f"more than one {kind} in a message")
    if late is not None:
        raise late
    return Said(counts, held, slides if len(events) == 1 else None)


def _changed(event, model_of):
    if event.keys() - {"kind", "model", "attr", "new"}:
        raise Refused("more than a change")
    attr, value = event.get("attr"), event.get("new")
    model = _model(event.get("model"), model_of, late=_is_small(value))
    kind = kind_of(model)
    allowed = PROPERTIES.get(kind, {}).get(attr) if isinstance(attr, str) else None
    if allowed is None:
        raise Refused(f"a property of a {kind} that is not a page's to set")
    if not allowed(value, model):
        raise Refused(f"a value that {kind}.{attr} does not have")
    if attr == "clicks":
        return "click", 0, None
    size = len(value) if isinstance(value, str) else 0
    if isinstance(value, list):
        size = _ENTRY * len(value)
    slides = (model.id, attr) if kind == "Slider" else None
    return "view" if kind in _VIEWS else "value", size, slides


def _said(event, model_of):
    data = event.get("msg_data")
    if event.get("msg_type") != "bokeh_event" or not isinstance(data, dict):
        raise Refused("not an event")
    name = data.get("name")
    if data.get("type") != "event" or not isinstance(name, str) or name not in EVENTS:
        raise Refused("an event that no page has")
    kinds, checks = EVENTS[name]
    values = _entries(data.get("values"))
    if values is None:
        raise Refused(f"values that {name} does not have")
    about = values.pop("model", None)
    if kinds:
        small = all(map(_is_small, values.values()))
        model = _model(about, model_of, late=small)
        if kind_of(model) not in kinds:
            raise Refused(f"{name} of a {kind_of(model)}")
    elif about is not None:
        raise Refused(f"{name} of a model")
    for key, value in values.items():
        if key not in checks or not checks[key](value, None):
            raise Refused(f"values that {name} does not have")
    if name in ("button_click", "cell-click"):
        return "click"
    if name == "selectiongeometry":
        return "geometry"
    return "value" if kinds else "view"


def _is_small(value):
    """Whether a value is one that may be set on a model that has left."""
    if isinstance(value, list):
        return len(value) <= _CHOICES and all(map(_number, value))
    return _cell(value) or _truth(value) or _nan_or_number(value)


def _model(about, model_of, late):
    if not isinstance(about, dict) or about.keys() != {"id"} or not isinstance(about["id"], str):
        raise Refused("not a model of this page")
    model = model_of(about["id"])
    if model is None:
        if late and _ID.fullmatch(about["id"]):
            raise Late("not a model of this page any more")
        raise Refused("not a model of this page")
    return model

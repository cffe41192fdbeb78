"""What a page in a browser says to its server: which properties it may set, to what, how often.

Everything else is refused before Bokeh decodes it. The list was made from what the pages send
when all that can be used on them is used.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from sedflow.dashboard.server.message_values import (
    LONGEST_FILTER,
    LONGEST_TEXT,
    Check,
    active_tab,
    cell,
    entries,
    filters,
    geometry,
    list_of,
    modifiers,
    nan_or_number,
    number,
    optional,
    optional_number,
    several,
    sorters,
    text,
    truth,
    which,
    whole,
)

__all__ = [
    "EVENTS",
    "LONGEST_FILTER",
    "LONGEST_PASTE",
    "LONGEST_TEXT",
    "MAX_MEGABYTES",
    "MESSAGE_BYTES",
    "NOT_TAKEN",
    "PROPERTIES",
    "Late",
    "Refused",
    "Said",
    "check",
]

#: Characters of a table that is pasted.
LONGEST_PASTE = 50_000
#: Bytes of a message with its buffers: an upload of 10 MB, as text.
MESSAGE_BYTES = 16 * 2**20
_ADDRESS = 10_000  # characters of an address
#: Of an uploaded file; the browser says so before it sends a larger one.
MAX_MEGABYTES = 10
_FILE = 14_000_000  # characters of an upload in base 64
_POINTS = 20_000  # that a box selects
#: What an empty number field shows, and says to a button that reads it, after a text that is no
#: number.
NOT_TAKEN = "not taken"
_EVENTS = 50  # changes and events in one message
_ONCE = ("click", "geometry")  # of each, one in a message
_ENTRY = 40  # bytes that a number of a list takes
_CHOICES = 100  # of a widget that has several
_PAGE_ROWS = 100  # of a table

# Kinds of models whose values only say how a figure is looked at.
_VIEWS = ("BrowserInfo", "Column", "DataRange1d", "FactorRange", "Figure", "Range1d")

_ID = re.compile(r"p\d{1,15}", re.ASCII)  # of a model, as Bokeh counts them


class Refused(Exception):
    """A page does not say this."""


class Late(Refused):
    """A page says this of what has just left it, before it knows."""


_TOGGLE: dict[str, Check] = {"active": truth}
_SIZE = optional(whole(0, 100_000))
_RANGE: dict[str, Check] = {"start": nan_or_number, "end": nan_or_number}
_SLIDER: dict[str, Check] = {"value": number, "value_throttled": number}
_SPINNER: dict[str, Check] = {
    **dict.fromkeys(("value", "value_throttled"), optional_number),
    "placeholder": lambda value, model=None: value in ("", NOT_TAKEN),
}
_CHOICE: dict[str, Check] = {"value": optional(text(LONGEST_TEXT))}
_TABLE: dict[str, Check] = {
    "filters": filters,
    "sorters": sorters,
    "page": optional(whole(1, 10**7)),
    "page_size": optional(whole(1, _PAGE_ROWS)),
    "expanded": list_of(whole(0, 10**7), _PAGE_ROWS),
}

#: Kind of model -> property that a page may set -> whether a value, as JSON, may be its value.
PROPERTIES: dict[str, dict[str, Check]] = {
    "BrowserInfo": {
        "dark_mode": optional(truth),
        "device_pixel_ratio": optional_number,
        "language": optional(text(50)),
        "timezone": optional(text(100)),
        "timezone_offset": optional_number,
        "webdriver": optional(truth),
        "webgl": optional(truth),
    },
    "CheckboxButtonGroup": {"active": several},
    "CheckboxGroup": {"active": several},
    "Column": {"scroll_position": number},  # of one whose content is longer than its place
    "CustomMultiSelect": {"value": list_of(text(), _CHOICES)},
    "CustomSelect": _CHOICE,
    "DataRange1d": _RANGE,
    "DataTabulator": _TABLE,
    "FactorRange": _RANGE,
    "FileDownload": {"clicks": whole(0, 10**9)},
    "FileInput": {
        "value": text(_FILE),
        "mime_type": text(),
        "filename": text(1000),
    },
    "Figure": dict.fromkeys(("inner_height", "inner_width", "outer_height", "outer_width"), _SIZE),
    "GlyphRenderer": {"muted": truth, "visible": truth},  # by a legend
    "Location": {
        **dict.fromkeys(("href", "search"), text(_ADDRESS)),
        **dict.fromkeys(("hash", "hostname", "pathname"), text(_ADDRESS // 10)),
        **dict.fromkeys(("port", "protocol"), text(10)),
    },
    "MultiChoice": {"value": list_of(text(), _CHOICES)},
    "RadioButtonGroup": {"active": which},
    "RadioGroup": {"active": which},
    "Range1d": _RANGE,
    "Select": _CHOICE,
    "Selection": {"indices": list_of(whole(0, 10**7), _POINTS)},
    "Slider": _SLIDER,
    "Spinner": _SPINNER,
    "Tabs": {"active": active_tab},
    "TextAreaInput": dict.fromkeys(("value", "value_input"), text(LONGEST_PASTE)),
    "TextInput": {"value": text(), "value_input": text()},
    "Toggle": _TOGGLE,
    "Tooltip": {"visible": truth},  # of a button, under the pointer
}

_POINT: dict[str, Check] = {
    **dict.fromkeys(("sx", "sy", "x", "y"), nan_or_number),
    "modifiers": modifiers,
}
_ENDS: dict[str, Check] = dict.fromkeys(("x0", "x1", "y0", "y1"), nan_or_number)

#: Name of an event -> (kinds of models that it is of, its values -> what they may be).
EVENTS: dict[str, tuple[tuple[str, ...], dict[str, Check]]] = {
    "button_click": (("Button", "Toggle", "FileDownload"), {}),
    "cell-click": (
        ("DataTabulator",),
        {"column": optional(text()), "row": whole(0, 10**7), "value": cell},
    ),
    "document_ready": ((), {}),
    "doubletap": (("Figure",), _POINT),
    "enter-pressed": (("TextInput",), {"value_input": text()}),
    "lodend": (("Figure",), {}),
    "lodstart": (("Figure",), {}),
    "rangesupdate": (("Figure",), _ENDS),
    "reset": (("Figure",), {}),
    "selection-change": (
        ("DataTabulator",),
        {
            "indices": list_of(whole(0, 10**7), _PAGE_ROWS),
            "selected": truth,
            "flush": truth,
        },
    ),
    "selectiongeometry": (("Figure",), {"geometry": geometry, "final": truth}),
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
    values = entries(data.get("values"))
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
        return len(value) <= _CHOICES and all(map(number, value))
    return cell(value) or truth(value) or nan_or_number(value)


def _model(about, model_of, late):
    if not isinstance(about, dict) or about.keys() != {"id"} or not isinstance(about["id"], str):
        raise Refused("not a model of this page")
    model = model_of(about["id"])
    if model is None:
        if late and _ID.fullmatch(about["id"]):
            raise Late("not a model of this page any more")
        raise Refused("not a model of this page")
    return model

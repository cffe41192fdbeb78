"""What a page may say: kinds of models, properties, values, events, fragments and rates."""

import asyncio
import json
from types import SimpleNamespace

import pandas as pd
import panel as pn
import pytest
from bokeh.document import Document
from bokeh.models import FileInput, Slider, Tabs, TextInput, Tooltip
from bokeh.plotting import figure

from sedflow.dashboard.server.fragments import HEAVY, Fragments, weigh
from sedflow.dashboard.server.messages import (
    EVENTS,
    LONGEST_FILTER,
    LONGEST_TEXT,
    MESSAGE_BYTES,
    PROPERTIES,
    Late,
    Refused,
    check,
)
from sedflow.dashboard.server.sockets import SocketHandler
from sedflow.dashboard.server.talks import MOST_REFUSED, VISITOR_BYTES, Account, Bucket, Talk
from sedflow.dashboard.widgets import TextTable


@pytest.fixture(scope="module")
def page():
    """A document with a table, widgets and a figure; what is in it by name."""
    document = Document()
    table = TextTable(
        pd.DataFrame({"NSAID": ["72", "2490"], "z": [0.1, 0.2]}),
        pagination="remote",
        show_index=False,
        header_filters={"NSAID": {"type": "input", "func": "like", "placeholder": "find"}},
    ).get_root(document)
    models = {
        "table": table,
        "text": TextInput(),
        "slider": Slider(start=0, end=1, value=0),
        "file": FileInput(),
        "figure": figure(),
        "tabs": Tabs(tabs=[]),
        "tip": Tooltip(content="about", position="right"),
        "choice": pn.widgets.RadioButtonGroup(options=["a", "b"]).get_root(document),
        "several": pn.widgets.CheckBoxGroup(options=["a", "b"]).get_root(document),
        "column": pn.Column().get_root(document),
        "button": pn.widgets.Button(label="go").get_root(document),
    }
    for model in models.values():
        document.add_root(model)
    return document.models.get_by_id, {name: model.id for name, model in models.items()}


def change(page, name, attr, value, **more):
    find, ids = page
    event = {"kind": "ModelChanged", "model": {"id": ids[name]}, "attr": attr, "new": value}
    return check({"events": [event | more]}, find)


def say(page, event, name=None, **values):
    find, ids = page
    entries = [] if name is None else [["model", {"id": ids[name]}]]
    entries += [[key, value] for key, value in values.items()]
    data = {"type": "event", "name": event, "values": {"type": "map", "entries": entries}}
    sent = {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": data}
    return check({"events": [sent]}, find)


def a_map(**entries):
    return {"type": "map", "entries": [[k, v] for k, v in entries.items()]}


def a_filter(kind="like", value="7", field="NSAID"):
    return a_map(field=field, type=kind, value=value)


def test_a_pointer_over_a_button_and_a_box_in_a_figure_pass(page):
    assert change(page, "tip", "visible", True).counts == {"value": 1}
    with pytest.raises(Refused):
        change(page, "tip", "content", "<b>")
    box = {"type": "rect", "greedy": False, "x0": 0.1, "x1": 1, "y0": 0, "y1": 2}
    assert say(page, "selectiongeometry", "figure", geometry=a_map(**box), final=True)
    with pytest.raises(Refused):
        say(page, "selectiongeometry", "figure", geometry=a_map(**{**box, "greedy": 1}), final=True)


def test_what_a_page_sends_passes(page):
    assert change(page, "table", "filters", [a_filter()]).counts == {"value": 1}
    assert change(page, "table", "filters", []).counts == {"value": 1}
    assert change(page, "table", "sorters", [a_map(field="z", dir="asc")]).counts == {"value": 1}
    assert change(page, "table", "page", 2).counts == {"value": 1}
    assert change(page, "text", "value", "é" * LONGEST_TEXT).counts == {"value": 1}
    assert change(page, "slider", "value", 0.5).counts == {"value": 1}
    assert change(page, "figure", "inner_width", 640).counts == {"view": 1}
    assert change(page, "column", "scroll_position", 33).counts == {"view": 1}
    assert change(page, "choice", "active", 1).counts == {"value": 1}
    assert change(page, "several", "active", [1, 0]).counts == {"value": 1}
    assert sum(change(page, "file", "value", "QUFB" * 1000).held.values()) == 4000
    assert say(page, "document_ready").counts == {"view": 1}
    assert say(page, "button_click", "button").counts == {"click": 1}
    assert say(page, "cell-click", "table", column="z", row=1, value=None).counts == {"click": 1}
    geometry = a_map(type="rect", x0=1, x1=2.5, y0=3, y1=4)
    assert say(page, "selectiongeometry", "figure", geometry=geometry, final=True).counts == {
        "geometry": 1
    }
    array = {
        "type": "ndarray",
        "array": {"type": "bytes", "data": {"id": "b1"}},
        "dtype": "float64",
        "order": "little",
        "shape": [30],
    }
    geometry = a_map(type="poly", x=array, y=[1.5, 2])
    assert say(page, "selectiongeometry", "figure", geometry=geometry, final=False).counts == {
        "geometry": 1
    }


FILTERS = [
    [a_filter("keywords", "7 " * 25_000)],
    [a_filter("keywords")],
    [a_filter("regex", "(a+)+$")],
    [a_filter("=")],
    [a_filter(value="7" * (LONGEST_FILTER + 1))],
    [a_filter(value=["7"])],
    [a_filter(value=None)],
    [a_filter(value="\ud800")],
    [a_filter(), a_filter()],
    [a_filter()] * 300,
    [a_filter(field="z")],
    [a_filter(field="no such column")],
    [a_filter(field={"type": "map"})],
    [{"field": "NSAID", "type": "like", "value": "7"}],
    "like",
    None,
]


@pytest.mark.parametrize("value", FILTERS)
def test_a_table_filters_only_as_its_columns_declare(page, value):
    with pytest.raises(Refused):
        change(page, "table", "filters", value)


VALUES = [
    ("text", "value", "x" * (LONGEST_TEXT + 1)),
    ("text", "value", "\ud800"),
    ("text", "value", {"type": "object", "name": "Figure", "id": "z1"}),
    ("text", "value", None),
    ("text", "tags", ["x" * 10_000_000]),
    ("text", "name", "x"),
    ("text", "stylesheets", ["* { display: none }"]),
    ("text", "css_classes", ["x"]),
    ("text", "js_property_callbacks", {"type": "map"}),
    ("text", "visible", True),
    ("text", "max_length", 10**9),
    ("text", ["value"], "x"),
    ("slider", "value", {"type": "number", "value": "nan"}),
    ("slider", "value", "0.5"),
    ("slider", "value", True),
    ("slider", "value", 10**400),
    ("slider", "end", 1e9),
    ("slider", "value", {"type": "bytes", "data": "H4sIAAAA"}),
    ("figure", "inner_width", -1),
    ("figure", "renderers", []),
    ("table", "page_size", 10**6),
    ("table", "sorters", [a_map(field="z", dir="asc")] * 2),
    ("table", "sorters", [a_map(field="z", dir="x")]),
    ("table", "columns", []),
    ("table", "configuration", {"type": "map"}),
    ("table", "expanded", [0] * 101),
    ("tabs", "tabs", []),
    ("tabs", "active", 5),
    ("tabs", "active", -1),
    ("choice", "active", 2),
    ("several", "active", [0] * 1000),
    ("several", "labels", ["x"]),
    ("button", "label", "x"),
]


@pytest.mark.parametrize(("name", "attr", "value"), VALUES)
def test_no_other_property_and_no_other_value_is_a_pages_to_set(page, name, attr, value):
    with pytest.raises(Refused):
        change(page, name, attr, value)


def test_what_is_not_a_change_of_this_page_is_refused(page):
    find, ids = page
    for content in (
        None,
        [],
        {},
        {"events": 3},
        {"events": [3]},
        {"events": [{}] * 51},
        {"events": [{"kind": "ModelChanged"}]},
        {"events": [{"kind": "ModelChanged", "model": {"id": "x\nINFO forged"}, "attr": "value"}]},
        {"events": [{"kind": "ModelChanged", "model": {"id": ["x"]}, "attr": "value"}]},
        {"events": [{"kind": "RootAdded", "model": {"id": ids["text"]}}]},
        {"events": [{"kind": "ColumnDataChanged", "model": {"id": ids["table"]}, "data": {}}]},
        {"events": [{"kind": "TitleChanged", "title": "x"}]},
    ):
        with pytest.raises(Refused):
            check(content, find)
    with pytest.raises(Refused):
        change(page, "text", "value", "x", setter="y")


def test_small_news_of_a_figure_that_has_left_is_late_and_nothing_worse(page):
    find, _ = page

    def about(model, value):
        event = {"kind": "ModelChanged", "model": {"id": model}, "attr": "inner_width"}
        try:
            check({"events": [event | {"new": value}]}, find)
        except Refused as error:
            return type(error)

    assert about("p999999999", 640) is Late
    assert about("p999999999", "L" * 10_000_000) is Refused
    assert about("p999999999", [{}]) is Refused
    assert about("p1\nINFO forged", 640) is Refused
    assert about("no such model", 640) is Refused


def events_of(page, *names):
    """Changes and events by name, as a message of them."""
    find, ids = page

    def said(event, model, **values):
        entries = [["model", {"id": ids[model]}], *([k, v] for k, v in values.items())]
        data = {"type": "event", "name": event, "values": {"type": "map", "entries": entries}}
        return {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": data}

    def of(model, attr, new):
        return {"kind": "ModelChanged", "model": {"id": model}, "attr": attr, "new": new}

    all_of_them = {
        "click": said("button_click", "button"),
        "cell": said("cell-click", "table", column="z", row=1, value=None),
        "lasso": said("selectiongeometry", "figure", geometry=a_map(type="rect", x0=1)),
        "slide": of(ids["slider"], "value", 0.5),
        "text": of(ids["text"], "value", "x"),
        "width": of(ids["figure"], "inner_width", 640),
        "left": of("p999999999", "inner_width", 640),
        "bad": of(ids["text"], "tags", []),
    }
    return {"events": [all_of_them[name] for name in names]}, find


def test_every_change_of_a_message_counts(page):
    """A message of a thousand clicks on a button made another visitor wait for a minute."""
    for words in (["click"] * 2, ["click", "cell"], ["lasso"] * 2, ["text", "click", "click"]):
        with pytest.raises(Refused, match="more than one"):
            check(*events_of(page, *words))
    with pytest.raises(Refused, match="not a list of changes"):
        check(*events_of(page, *["slide"] * 51))
    said = check(*events_of(page, "width", "width", "text", "slide", "click", "lasso"))
    assert said.counts == {"view": 2, "value": 2, "click": 1, "geometry": 1}
    assert said.slides is None
    assert check(*events_of(page, "slide")).slides == (page[1]["slider"], "value")


def test_a_message_sets_a_property_once(page):
    """Seven words for the bar in one message built seven pages in one step."""
    for words in (["text"] * 2, ["slide", "text", "slide"]):
        with pytest.raises(Refused, match="twice"):
            check(*events_of(page, *words))


def test_what_follows_something_late_is_looked_at_too(page):
    with pytest.raises(Late):
        check(*events_of(page, "left", "text"))
    for words in (["left", "bad"], ["left", "click", "click"]):
        with pytest.raises(Refused) as found:
            check(*events_of(page, *words))
        assert found.type is Refused


def test_a_long_content_is_not_parsed_unless_it_is_an_upload():
    """11 MB of lists behind something late held the loop for five seconds."""
    change = {"kind": "ModelChanged", "model": {"id": "p7"}, "attr": "value", "new": "QUFB" * 10**6}
    name = {**change, "attr": "filename", "new": "mine.csv"}
    for separators in ((",", ":"), (", ", ": ")):  # of a browser, and of Python
        weigh(json.dumps({"events": [change, name]}, separators=separators))
    weigh(json.dumps({"events": [{**change, "attr": "indices", "new": list(range(20_000))}]}))
    late = {**change, "model": {"id": "p999999999"}, "new": 1.0}
    for events in (
        [late, [[1] * 3] * 1_000_000],
        [change, [1] * 10_000],
        [late, "x" * HEAVY],
        [late, [[]] * 3_000],
        [late, [1] * 30_000],
    ):
        with pytest.raises(Refused):
            weigh(json.dumps({"events": events}))
    with pytest.raises(Refused):
        weigh(
            '{"events":[{"kind":"ModelChanged","model":{"id":"p7"},"attr":"value","new":"'
            + "A" * HEAVY
        )


def test_what_is_refused_counts_for_the_visitor_and_so_do_bytes():
    account = Account()
    assert [account.refuse() for _ in range(MOST_REFUSED)] == [False] * (MOST_REFUSED - 1) + [True]
    assert account.barred  # whichever socket comes next

    async def waits():
        account = Account()
        await account.reserve(VISITOR_BYTES)
        with pytest.raises(TimeoutError):  # there is no room
            await asyncio.wait_for(account.reserve(1), 0.3)
        account.inbox = 0
        with pytest.raises(TimeoutError):  # there is, but that was all for some seconds
            await asyncio.wait_for(account.reserve(VISITOR_BYTES // 2), 0.3)
        assert not account.idle

    asyncio.run(waits())


def test_only_events_of_a_page_with_values_of_theirs_are_said(page):
    poly = a_map(type="poly", x=[1] * 5001, y=[1] * 5001)
    bomb = {
        "type": "ndarray",
        "array": {"type": "bytes", "data": "H4sIAAAA"},
        "dtype": "float64",
        "order": "little",
        "shape": [10],
    }
    for event, name, values in (
        ("no such event", "figure", {}),
        ("button_click", None, {}),
        ("button_click", "figure", {}),
        ("button_click", "button", {"more": 1}),
        ("document_ready", "figure", {}),
        ("table-edit", "table", {"row": 1}),
        ("selectiongeometry", "figure", {"geometry": poly}),
        ("selectiongeometry", "figure", {"geometry": a_map(type="poly", x=bomb, y=bomb)}),
        ("selectiongeometry", "figure", {"geometry": a_map(type="rect", x0="a")}),
        ("cell-click", "table", {"row": -1}),
        ("cell-click", "table", {"row": 1, "value": "x" * 10_000}),
    ):
        with pytest.raises(Refused):
            say(page, event, name, **values)


def test_the_lists_name_properties_and_models_that_there_are(page):
    """A kind that Bokeh and Panel do not have would be a hole in the list or dead weight."""
    import bokeh.models
    import panel.models.widgets
    from panel.models.browser import BrowserInfo
    from panel.models.layout import Column
    from panel.models.location import Location
    from panel.models.tabulator import DataTabulator

    own = {"BrowserInfo": BrowserInfo, "Location": Location, "DataTabulator": DataTabulator}
    own["Column"] = Column  # Bokeh's has no place to which it was scrolled
    for kind, properties in PROPERTIES.items():
        found = own.get(kind) or getattr(panel.models.widgets, kind, None)
        found = found or getattr(bokeh.models, "Plot" if kind == "Figure" else kind)
        assert set(properties) <= set(found.properties()), kind
    for kinds, _ in EVENTS.values():
        assert set(kinds) <= {*PROPERTIES, "Button"}


def test_what_the_pages_of_a_visitor_hold_is_bounded_and_ends_with_them():
    class Session:
        destroyed = False
        field = SimpleNamespace(value="what it was sent")
        document = SimpleNamespace(models=SimpleNamespace(get_by_id=lambda name: Session.field))

    sessions, talks = [Session() for _ in range(7)], {}
    gate = SimpleNamespace(_talks=talks)

    def hold(k, size, visitor="A", model="p1"):
        talk = talks.setdefault(sessions[k], Talk(visitor))
        SocketHandler._hold(gate, talk, {(model, "value"): size})

    upload = 13_400_000
    hold(0, upload)
    hold(0, upload - 1)  # in the place of the first
    with pytest.raises(Refused, match="a page may hold"):
        hold(0, upload, model="p2")
    for k in (1, 2, 3, 4):
        hold(k, upload)
    with pytest.raises(Refused, match="pages of a visitor may hold"):
        hold(5, upload)
    hold(6, upload, visitor="B")
    hold(1, 0)  # the page has let go of it
    hold(5, upload)
    with pytest.raises(Refused, match="pages of a visitor may hold"):
        hold(1, upload)
    sessions[2].destroyed = True
    hold(1, upload)


def header(**about):
    return json.dumps({"msgid": "1", "msgtype": "PATCH-DOC"} | about)


def test_fragments_make_messages():
    fragments = Fragments()
    for _ in range(2):
        assert [fragments.take(f) for f in (header(), "{}", "{}")] == [False, False, True]
        sent = (header(num_buffers=1), "{}", "{}", '{"id": "1"}', b"x" * 1000)
        assert [fragments.take(f) for f in sent] == [False] * 4 + [True]


@pytest.mark.parametrize(
    "sent",
    [
        (header(num_buffers=100_000),),
        (header(num_buffers=9),),
        (header(num_buffers=-1),),
        (header(num_buffers="1"),),
        (header(msgid="a\nFORGED"),),
        (header(msgid=None),),
        (header(more="x"),),
        ("[" * 900,),
        ("3",),
        ("x" * 2000,),
        (b"x",),
        (header(), "x" * 2000),
        (header(), "{}", b"{}"),
        (header(), "{}", "x" * (MESSAGE_BYTES + 1)),
        (header(num_buffers=1), "{}", "{}", "{}", "text"),
        (header(num_buffers=8), "{}", "{}", *["{}", b"x" * 3_000_000] * 8),
    ],
)
def test_a_message_that_would_grow_is_refused_before_it_is_whole(sent):
    fragments = Fragments()
    with pytest.raises(Refused):
        for fragment in sent:
            assert not fragments.take(fragment)


def test_a_bucket_gives_its_rate_and_no_more():
    now = [0.0]
    bucket = Bucket(20, 20, clock=lambda: now[0])
    assert sum(bucket.take() == 0 for _ in range(1000)) == 20
    now[0] = 1.0
    assert sum(bucket.take() == 0 for _ in range(1000)) == 20
    assert 0 < bucket.take() <= 1 / 20
    now[0] = 2.0
    assert bucket.take(15) == 0
    assert bucket.take(10) == pytest.approx(5 / 20)

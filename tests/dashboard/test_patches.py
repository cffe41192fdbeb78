"""The patches of Bokeh change how fast it answers, not what."""

import random
from unittest.mock import MagicMock

import numpy as np
import panel as pn
import pytest
from bokeh import models
from bokeh.core.has_props import HasProps
from bokeh.core.property.descriptors import PropertyDescriptor
from bokeh.document import Document
from bokeh.model import Model
from bokeh.protocol.messages.patch_doc import patch_doc
from bokeh.themes import Theme

from sedflow.dashboard.patches import bokeh_models
from sedflow.dashboard.patches.bokeh_models import message_of
from sedflow.dashboard.patches.bokeh_server import known_defaults
from sedflow.dashboard.patches.panel_server import in_order, still_offered, within_ends

KINDS = [
    models.ColumnDataSource,
    models.GlyphRenderer,
    models.LinearAxis,
    models.Line,
    models.Plot,
    models.Slider,
    models.Toolbar,
]


@pytest.fixture
def patched(monkeypatch):
    original = PropertyDescriptor._get_default
    original = getattr(original, "__wrapped__", original)
    monkeypatch.setattr(PropertyDescriptor, "_get_default", original)

    def patch():
        known_defaults()
        assert PropertyDescriptor._get_default is not original

    return patch


def values(kind):
    """What JSON says of a new model, defaults included; IDs of others are its own."""
    model = kind()
    found = model.properties_with_values(include_undefined=True)
    return {k: v for k, v in found.items() if v is None or isinstance(v, (bool, int, float, str))}


def test_known_defaults_are_those_of_bokeh(patched):
    before = [values(kind) for kind in KINDS]
    patched()
    for _ in range(2):  # worked out, and known
        assert [values(kind) for kind in KINDS] == before
    known = PropertyDescriptor._get_default.known
    assert {type_ for _, type_ in known} >= set(KINDS)


def test_a_known_default_gives_way_to_a_theme_and_to_a_value(patched):
    patched()
    plain = models.LinearAxis()
    usual = [plain.major_label_text_font_size for _ in range(2)][1]
    axis, document = models.LinearAxis(), Document()
    document.theme = Theme(json={"attrs": {"LinearAxis": {"major_label_text_font_size": "33px"}}})
    document.add_root(models.Plot(below=[axis]))
    assert axis.major_label_text_font_size == "33px"
    document.theme = Theme(json={"attrs": {}})
    assert axis.major_label_text_font_size == usual
    axis.major_label_text_font_size = "7px"
    assert (axis.major_label_text_font_size, plain.major_label_text_font_size) == ("7px", usual)


def test_what_can_be_changed_in_place_is_a_model_s_own(patched):
    patched()
    one, other = models.ColumnDataSource(), models.ColumnDataSource()
    one.tags.append("mine")
    assert (other.tags, models.ColumnDataSource().tags) == ([], [])


def test_an_update_that_waits_does_not_undo_a_later_one(monkeypatch):
    """A page that had to wait for its turn stayed dimmed, with its figures there."""
    in_order()
    column, document, waiting = pn.Column(pn.pane.HTML("a")), Document(), []
    root = column.get_root(document)
    # A page has each of its parts in a root of the template, too, which is passed over.
    column._models["template"] = column._models[root.ref["id"]]
    free = iter([False, True, False, True, False])
    monkeypatch.setattr(Document, "session_context", property(lambda self: MagicMock()))
    monkeypatch.setattr(type(pn.state), "_unblocked", lambda self, document: next(free))
    monkeypatch.setattr(
        type(pn.state), "execute", lambda self, call, schedule=True: waiting.append(call)
    )
    column.param.update(styles={"opacity": "0.45"}, margin=3)  # waits
    column.styles = {"opacity": "1"}
    column[:] = [pn.pane.HTML("b")]  # waits
    column[:] = [pn.pane.HTML("c"), pn.pane.HTML("d")]
    column.visible = False  # waits
    for call in waiting:
        call()
    assert root.styles == {"opacity": "1"}
    assert (root.margin, root.visible) == (3, False)  # what nothing later has set
    assert len(root.children) == 2


def led_to(document):
    """The models that a document leads to, searched value by value."""
    found, waiting = set(), list(document.roots)
    while waiting:
        one = waiting.pop()
        if isinstance(one, (list, tuple)):
            waiting += one
        elif isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, HasProps) and one not in found:
            found |= {one} if isinstance(one, Model) else set()
            waiting += [getattr(one, name) for name in one.properties_with_refs()]
    return found


def _changes(document, rng):
    """Ways to change what a document holds: models come, leave, move, or stay in another list."""
    rows = [model for model in led_to(document) if isinstance(model, models.Row)]
    row = rng.choice(rows)
    figures = [model for model in led_to(document) if isinstance(model, models.Plot)]
    legends = [model for model in led_to(document) if isinstance(model, models.Legend)]
    other = rng.choice(rows)
    return [
        lambda: row.children.append(models.Row(name=f"row{rng.random()}")),
        lambda: setattr(row, "children", list(reversed(row.children))),
        lambda: setattr(row, "children", row.children[:-1]),
        lambda: setattr(row, "stylesheets", [models.InlineStyleSheet(css="a")]),
        lambda: row.children.append(models.Plot(below=[models.LinearAxis()])),
        lambda: other.children.append(models.Row(children=[models.Div(name="deep")])),
        lambda: figures and rng.choice(figures).add_layout(models.Legend(name="legend")),
        lambda: legends and setattr(rng.choice(legends), "items", [models.LegendItem(label="a")]),
        lambda: document.add_root(models.Row(name="root")),
        lambda: len(document.roots) > 1 and document.remove_root(document.roots[-1]),
        lambda: setattr(row, "tags", [models.Div()]),
        lambda: setattr(row, "name", f"again{rng.random()}"),
    ]


@pytest.mark.parametrize("seed", range(12))
def test_a_document_that_searches_seldom_knows_the_models_that_it_leads_to(seed):
    bokeh_models.patch()
    rng, document = random.Random(seed), Document()
    document.add_root(models.Row(models.Plot(), models.Row()))
    for _ in range(40):
        before = {one.id for one in document.models}
        if rng.random() < 0.3:
            with document.models.freeze():
                for _ in range(rng.randint(0, 4)):
                    rng.choice(_changes(document, rng))()
        else:
            rng.choice(_changes(document, rng))()
        here = led_to(document)
        assert set(document.models) == here
        assert all(one.document is document for one in here)
        assert all(document.models.seen(k) for k in before - {one.id for one in here})
        for name in {one.name for one in here}:
            named = [one for one in here if one.name == name]
            if name:
                assert set(document.models.get_all_by_name(name)) == set(named)


def test_a_search_is_made_when_models_left_and_not_otherwise(monkeypatch):
    bokeh_models.patch()
    document, searches = Document(), []
    row = models.Row(models.Div(), models.Div())
    document.add_root(row)
    search = Model.references
    monkeypatch.setattr(Model, "references", lambda m: searches.append(m) or search(m))
    with document.models.freeze():
        row.margin = 3
        row.children = list(reversed(row.children))
        row.children.append(models.Div(stylesheets=[models.InlineStyleSheet()]))
    assert searches == []
    row.children = row.children[:1]
    assert searches == [row]


@pytest.mark.parametrize("replaced", [False, True])
def test_what_comes_while_models_are_frozen_has_the_theme_when_it_is_written_down(replaced):
    bokeh_models.patch()
    document, seen = Document(), []
    row = models.Row(models.Div(margin=1))
    document.add_root(row)
    document.theme = Theme(json={"attrs": {"Line": {"line_color": "red"}}})
    line = models.Line()
    document.on_change(lambda event: seen.append(line.line_color))
    with document.models.freeze():
        if replaced:  # and models are to be searched for
            row.children = []
        row.tags = [models.GlyphRenderer(data_source=models.ColumnDataSource(), glyph=line)]
        assert seen[-1] == "red"


def test_a_freeze_that_ends_after_its_document_was_destroyed_ends():
    bokeh_models.patch()
    document = Document()
    document.add_root(models.Row(models.Div()))
    document.on_change(print)
    with pn.io.hold(document, freeze=True):
        document.destroy(print)
    document.models.invalidate()


def test_a_message_spells_out_what_its_page_has_not_seen():
    bokeh_models.patch()
    document, events = Document(), []
    row = models.Row(models.Div(text="old"))
    document.add_root(row)
    document.models.flush_synced()  # the page has it
    document.on_change(events.append)
    source = models.ColumnDataSource({"x": np.arange(3.0)})
    row.children.append(models.Plot(tags=[source]))
    first = message_of(events[-1:])
    row.children[1].tags = [source, row.children[0]]
    second = message_of(events[-1:])
    old, new = first.content["events"][0]["new"]
    assert old == row.children[0].ref
    assert (new["name"], new["id"]) == ("Plot", row.children[1].id)
    assert second.content["events"][0]["new"] == [source.ref, row.children[0].ref]
    assert [len(one.buffers) for one in (first, second)] == [0, 0]


@pytest.mark.parametrize(("n", "frames"), [(2048, 0), (2049, 1)])
def test_a_short_column_goes_with_its_message(n, frames):
    bokeh_models.patch()
    document, events = Document(), []
    source = models.ColumnDataSource()
    document.add_root(source)
    replica = Document.from_json(document.to_json())
    document.on_change(events.append)
    source.data = {"x": np.arange(float(n))}
    message = message_of(events)
    assert len(message.buffers) == frames
    patch = patch_doc.assemble(message.header_json, message.metadata_json, message.content_json)
    for buffer in message.buffers:
        patch.assemble_buffer(buffer.ref, buffer.to_bytes())
    patch.apply_to_document(replica)
    assert np.array_equal(replica.roots[0].data["x"], np.arange(float(n)))


@pytest.mark.parametrize(
    ("kind", "value", "name", "gone", "kept"),
    [
        (pn.widgets.Select, "a", "value", "c", "a"),
        (pn.widgets.RadioButtonGroup, "a", "active", 2, 0),
        (pn.widgets.CheckButtonGroup, ["a"], "active", [0, 2], [0]),
        (pn.widgets.Select, "a", "value", None, "a"),
    ],
)
def test_a_choice_that_is_offered_no_longer_is_undone(kind, value, name, gone, kept):
    """It was an error of Panel's, and stayed on the page."""
    still_offered()
    widget, document = kind(options=["a", "b", "c"], value=value), Document()
    model = widget.get_root(document)
    widget.options = ["a", "b"]

    def said(what):
        setattr(model, name, what)
        widget._events = {name: what}
        widget._change_event(document)
        return widget.value, getattr(model, name)

    assert said(gone) == (value, kept)
    offered = {"value": "b", "active": 1}[name] if kept in ("a", 0) else [1]
    assert said(offered) == (["b"] if kept == [0] else "b", offered)


@pytest.mark.parametrize(
    ("widget", "said", "taken"),
    [
        (pn.widgets.FloatSlider(start=0, end=1, value=0.5), 1e299, 1),
        (pn.widgets.FloatSlider(start=0, end=1, value=0.5), -1e299, 0),
        (pn.widgets.FloatSlider(start=0, end=1, value=0.5), 0.25, 0.25),
        (pn.widgets.IntSlider(start=0, end=9, value=5), 1e18, 9),
        (pn.widgets.IntInput(start=0, end=9, value=5), 2.4, 2),
        (pn.widgets.IntInput(value=5), 1e18, 10**18),
        (pn.widgets.IntInput(value=5), None, None),
    ],
)
@pytest.mark.parametrize("name", ["value", "value_throttled"])
def test_a_number_is_one_that_its_page_can_give(widget, said, taken, name):
    within_ends()
    document, widget = Document(), widget.clone()
    model = widget.get_root(document)
    if name == "value":
        model.value = said
    widget._events = {name: said}
    widget._change_event(document)
    assert getattr(widget, name) == taken
    assert type(getattr(widget, name)) is type(taken)
    if name == "value":
        assert model.value == taken

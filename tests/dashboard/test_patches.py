"""The patches of Bokeh change how fast it answers, not what."""

from unittest.mock import MagicMock

import panel as pn
import pytest
from bokeh import models
from bokeh.core.property.descriptors import PropertyDescriptor
from bokeh.document import Document
from bokeh.themes import Theme

from sedflow.dashboard.patches.bokeh_server import known_defaults
from sedflow.dashboard.patches.panel_server import in_order

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

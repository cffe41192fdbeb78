"""Pages as the value of a notebook's cell."""

import panel as pn
import pytest
from bokeh.document import Document
from bokeh.plotting import figure as bokeh_figure

from sedflow.dashboard import Explorer, ForwardView
from sedflow.dashboard.figure_pane import FigurePane
from sedflow.dashboard.widgets import prose


@pytest.fixture
def loaded(monkeypatch):
    """Panel's extension as it is in a notebook that has loaded it, without a notebook."""
    monkeypatch.setattr(pn.extension, "_loaded_extensions", ["tabulator"])
    monkeypatch.setattr(pn.viewable.Viewer, "_repr_mimebundle_", lambda *_: ({}, {}))


def test_an_explorer_is_shown_with_its_posterior(nsa, loaded):
    """A notebook that is only read has no kernel that could add it later."""
    page = Explorer(nsa, nsaid=72, start={"n": 200})
    page._repr_mimebundle_()
    assert page.state.answer.request == page.state.request()
    assert not page.state.busy


def test_a_heading_has_no_sign_of_an_anchor():
    assert "¶" not in prose()._transform_object("## One galaxy")["object"]


def test_figures_in_a_cell_have_the_theme_of_a_page():
    """Those of Bokeh itself are larger, and labels of axes were cut."""
    document, figure = Document(), bokeh_figure()
    document.add_root(FigurePane(figure).get_root(document))
    assert figure.xaxis[0].axis_label_text_font_style == "normal"
    assert figure.xaxis[0].minor_tick_line_color is None


class Extension:
    """Panel's extension of a notebook that called it without a name."""

    _loaded, _loaded_extensions = True, ()

    def __init__(self, loaded):
        self._calls = loaded

    def __call__(self, *names, **options):
        self._calls.append(names)


def test_the_scripts_of_tables_are_loaded_where_a_notebook_loaded_none(monkeypatch):
    loaded = []
    monkeypatch.setattr(pn, "extension", Extension(loaded))
    monkeypatch.setattr(pn.viewable.Viewer, "_repr_mimebundle_", lambda *_: ({}, {}))
    ForwardView()._repr_mimebundle_()
    assert loaded == [("tabulator",)]

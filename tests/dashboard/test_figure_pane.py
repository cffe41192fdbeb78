"""Figures that come late are in the theme of their page."""

import panel as pn
from bokeh.document import Document
from bokeh.plotting import figure

from sedflow.dashboard.figure_pane import FigurePane
from sedflow.figures.theme import PageTheme


def test_a_figure_that_comes_late_is_dressed_before_its_document_has_it():
    document = Document(theme=PageTheme(dark=True))
    pane = FigurePane(None)
    document.add_root(pn.Column(pane).get_root(document))
    late = figure(x_axis_label="redshift")
    with document.models.freeze():  # what is sent now has what the figure has now
        pane.object = late
        assert late.document is None
        assert late.xaxis[0].axis_label_text_font_style == "normal"
        assert late.xaxis[0].minor_tick_line_color is None
    assert late.document is document
    assert late.xaxis[0].axis_label_text_font_style == "normal"


def test_a_plain_pane_is_still_what_panel_chooses_for_a_figure():
    assert type(pn.panel(figure())) is pn.pane.Bokeh

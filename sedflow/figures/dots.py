"""Galaxies as dots, one of them marked: a box selects some, a tap picks one."""

from bokeh.models import BoxSelectTool, ColumnDataSource, Range1d, TapTool
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure

from sedflow.figures.base import TOOLBAR
from sedflow.palette import MODEL, SELECTED

__all__ = ["dot_figure"]


def dot_figure(
    points: ColumnDataSource, marked: ColumnDataSource, **options
) -> tuple[figure, GlyphRenderer]:
    """A figure of dots with a transparency each, and their glyph.

    points : columns x, y and alpha
    marked : columns x and y of what has a ring
    """
    f = figure(
        x_range=Range1d(start=0, end=1),
        y_range=Range1d(start=0, end=1),
        tools="pan,wheel_zoom,reset",
        toolbar_inner=True,
        toolbar_location="above",
        **options,
    )
    f.toolbar.update(logo=None, autohide=True, stylesheets=[TOOLBAR])
    dots = f.scatter(
        "x",
        "y",
        source=points,
        size=3,
        color=MODEL,
        alpha="alpha",
        line_alpha=0,
        # A tap picks one, which has the ring; what is chosen stays as it is.
        nonselection_fill_alpha="alpha",
        nonselection_line_alpha=0,
        selection_fill_alpha="alpha",
        selection_line_alpha=0,
    )
    f.scatter("x", "y", source=marked, size=12, line_color=SELECTED, line_width=2.5, fill_alpha=0)
    box = BoxSelectTool(renderers=[])
    f.add_tools(TapTool(renderers=[dots]), box)
    f.toolbar.active_drag = box
    return f, dots

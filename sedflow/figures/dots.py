"""Galaxies as dots, one of them marked: a box selects some, a tap picks one."""

from bokeh.models import BoxSelectTool, ColumnDataSource, Range1d, TapTool
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure

from sedflow.figures.base import FOLDED, TOOLBAR
from sedflow.palette import MODEL, SELECTED

__all__ = ["dot_figure", "opacity", "resize"]

_SIZE, _LARGEST = 3.0, 9.0  # px
_MOST = 0.9  # opacity
_MANY = 3000  # dots, from which on they are as small and faint as may be


def _emphasis(n):
    """How many times as large, and as opaque, each of n dots is than each of thousands."""
    return float(min(max((_MANY / max(n, 1)) ** 0.25, 1.0), _LARGEST / _SIZE))


def opacity(of_many: float, n: int) -> float:
    """Of each of n dots, where thousands have `of_many`.

    >>> opacity(0.45, 8000), round(opacity(0.45, 1000), 2), opacity(0.45, 19)
    (0.45, 0.59, 0.9)
    """
    return min(of_many * _emphasis(n), _MOST)


def resize(dots: GlyphRenderer, n: int) -> None:
    """Give n dots a size that is seen and hit; those beside a tap have glyphs of their own."""
    for glyph in (dots.glyph, dots.selection_glyph, dots.nonselection_glyph):
        glyph.size = _SIZE * _emphasis(n)  # type: ignore[union-attr]


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
    f.toolbar.update(logo=None, autohide=True, stylesheets=[TOOLBAR, FOLDED])
    dots = f.scatter(
        "x",
        "y",
        source=points,
        size=_SIZE,
        color=MODEL,
        alpha="alpha",
        line_alpha=0,
        # A tap picks one, which has the ring; what is chosen stays as it is.
        nonselection_fill_alpha="alpha",
        nonselection_line_alpha=0,
        selection_fill_alpha="alpha",
        selection_line_alpha=0,
    )
    f.scatter(
        "x",
        "y",
        source=marked,
        level="overlay",  # a canvas of its own: the dots are not painted again where it moves
        size=12,
        line_color=SELECTED,
        line_width=2.5,
        fill_alpha=0,
    )
    box = BoxSelectTool(renderers=[])
    f.add_tools(TapTool(renderers=[dots]), box)
    f.toolbar.active_drag = box
    return f, dots

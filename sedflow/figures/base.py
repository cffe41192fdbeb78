"""Figures that stay on the page and are patched: a Bokeh figure with named data sources.

What is drawn is `Layers`, plain numbers that a pure function makes. Redrawing a figure costs
some hundred milliseconds, patching its sources some ten.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from bokeh.models import (
    AllIndices,
    BoxSelectTool,
    CDSView,
    ColumnDataSource,
    HoverTool,
    Line,
    Range1d,
    Selection,
    UnionRenderers,
)
from bokeh.models.annotations import Legend, LegendItem
from bokeh.plotting import figure

from sedflow.figures.log_axis import tick_logarithms
from sedflow.palette import SELECTED, THEME_INK

__all__ = [
    "FOLDED",
    "NOT_PRINTED",
    "OUTLINE",
    "TOOLBAR",
    "WALK",
    "DrawnWhenThere",
    "Layers",
    "LiveFigure",
    "compact",
    "drawn_whole",
    "empty_sources",
    "legend_above",
]

#: Source of the rim of a selection, and of a draw that a walk passes, which the page fills itself.
OUTLINE, WALK = "outline", "walk"
_LONG = 200  # numbers of a curve
#: Style of any toolbar: nobody presses it on paper.
NOT_PRINTED = "@media print { :host { display: none !important; } }"
#: Style of toolbars, which appear over a figure while the pointer is on it. They are as wide as the
#: figure: beside their buttons a drag goes to the figure below.
TOOLBAR = (
    """
:host { background: none !important; pointer-events: none;
        --bokeh-icon-color: var(--sf-quiet, #666); }
:host > * { pointer-events: auto; border-radius: 4px;
        background: color-mix(in srgb, var(--sf-surface, #fff) 88%, transparent); }
"""
    + NOT_PRINTED
)
#: The same over a low figure, where a drag may begin anywhere: one button, which opens the others.
FOLDED = """
:host(:not(:hover)) > *:not(:last-child) { display: none !important; }
"""
#: Style of legends: what is switched off is struck through, and can be read like the rest.
_LEGEND = """
.bk-label { cursor: inherit; }
:host(.bk-interactive) .bk-item:hover .bk-label { text-decoration: underline; }
.bk-item.bk-inactive .bk-overlay { background: none !important; }
.bk-item.bk-inactive .bk-glyph { opacity: 0.35; }
.bk-item.bk-inactive .bk-label { text-decoration: line-through; }
:host(.bk-interactive) .bk-item.bk-inactive:hover .bk-label { text-decoration: underline; }
.bk-item:focus-visible { outline: 2px solid var(--sf-accent, Highlight); border-radius: 2px; }
/* On a sheet it is as wide as the screen was, and would have the sheet shrunk. */
@media print { .bk-overlay { display: none !important; } }
"""


def legend_above(plot: figure, items=(), **style) -> Legend:
    """Add a legend of one line above a figure; items : (text, glyphs) each."""
    legend = Legend(
        items=[LegendItem(label=label, renderers=glyphs) for label, glyphs in items],
        orientation="horizontal",
        border_line_alpha=0,
        background_fill_alpha=0,
        margin=0,
        stylesheets=[_LEGEND],
        **style,
    )
    plot.add_layout(legend, "above")
    return legend


@dataclass(frozen=True)
class Layers:
    """Everything that a figure draws.

    sources : columns of each data source, by name; those left out are empty
    x_range, y_range : ends of the axes
    title, x_label, y_label : text
    """

    sources: dict[str, dict]
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    extra: dict = field(default_factory=dict)


def empty_sources(columns: dict[str, tuple], name: str) -> dict[str, ColumnDataSource]:
    """Sources without rows, by their keys; `columns` has the names of the columns of each.

    Nothing is selected by Bokeh itself: a selection of each source would double the models.
    """
    shared = {"selected": Selection(), "selection_policy": UnionRenderers()}
    return {
        key: ColumnDataSource({c: [] for c in names}, name=f"{name}_{key}", **shared)
        for key, names in columns.items()
    }


def drawn_whole(plot: figure) -> None:
    """Have the glyphs of a figure drawn with all of their rows, and in one way."""
    every = AllIndices()
    for renderer in plot.renderers:
        renderer.update(view=CDSView(filter=every), nonselection_glyph=None, muted_glyph=None)


class DrawnWhenThere:
    """The renderers of a figure, which takes in those without rows when they have some.

    Two thirds of what a page may draw is not drawn at first, and each renderer is four models that
    the server writes and the browser makes.

    Parameters
    ----------
    plot : figure
    always : sources whose rows come from the page itself
    """

    def __init__(self, plot: figure, always: Iterable[ColumnDataSource] = ()):
        self._plot = plot
        self._every: list[Any] = list(plot.renderers)  # its stubs know no sources of theirs
        inspected = [r for t in plot.tools if isinstance(t, HoverTool) for r in t.renderers or ()]
        names = {one.name for one in always}
        self._drawn = [r for r in self._every if r in inspected or r.data_source.name in names]
        plot.renderers = self._drawn

    def update(self) -> None:
        """Take in those that have rows now."""
        drawn = [r for r in self._every if r in self._drawn or _has_rows(r)]
        if len(drawn) > len(self._drawn):
            self._plot.renderers = self._drawn = drawn


class LiveFigure:
    """A Bokeh figure whose sources follow `Layers`.

    Parameters
    ----------
    layers : Layers
    columns : dict
        Names of the columns of each source, in the order in which they are drawn.
    name : str
        Prefix of the sources' names, by which browsers' tests find them.
    titled : bool
        Whether the title is drawn; a page that says it elsewhere needs none.
    """

    def __init__(
        self, layers: Layers, columns: dict[str, tuple], name: str, titled: bool = True, **options
    ):
        self.sources = empty_sources(columns, name)
        self._columns = columns
        #: (glyph, name of its alpha, value) of what fades beside a selection
        self.rest: list[tuple] = []
        self._faded = False
        self.figure = figure(
            x_range=_range(layers.x_range),
            y_range=_range(layers.y_range),
            name=name,
            **{
                "tools": "pan,wheel_zoom,box_zoom,reset,save",
                "sizing_mode": "stretch_width",
                "background_fill_alpha": 0,
                "border_fill_alpha": 0,
                "toolbar_inner": True,
                "toolbar_location": "above",
                **options,
            },
        )
        self.figure.toolbar.update(logo=None, autohide=True, stylesheets=[TOOLBAR])
        self.figure.title.visible = titled  # type: ignore[union-attr]
        tick_logarithms(self.figure.yaxis[0])
        self.draw()
        drawn_whole(self.figure)
        self._renderers = DrawnWhenThere(
            self.figure, [s for k, s in self.sources.items() if k == WALK]
        )
        self.update(layers)

    def draw(self) -> None:
        """Add the glyphs; each figure says which."""
        raise NotImplementedError

    def ink(self, key: str, glyph):
        """Add a glyph of a source in the ink of the page, which its theme decides."""
        glyph.tags = ["ink"]
        return self.figure.add_glyph(self.sources[key], glyph)

    def line(self, key: str, color: str, width: float, dash: str = "solid"):
        """Add a line of a source; `THEME_INK` is the ink of the page."""
        glyph = Line(x="x", y="y", line_width=width, line_dash=dash)
        if color == THEME_INK:
            return self.ink(key, glyph)
        glyph.line_color = color
        return self.figure.add_glyph(self.sources[key], glyph)

    def outline(self) -> None:
        """Add the rim of a selection that was drawn in this figure."""
        self.figure.line(
            "x", "y", color=SELECTED, line_width=1.5, line_dash="4 3", source=self.sources[OUTLINE]
        )

    def selectable(self) -> None:
        """Let a drag over the figure select."""
        box = BoxSelectTool(renderers=[])
        self.figure.add_tools(box)
        self.figure.toolbar.update(active_drag=box, stylesheets=[TOOLBAR, FOLDED])

    def fade(self, faded: bool) -> None:
        """Grey what was not selected, or show it as it is."""
        if faded != self._faded:
            self._faded = faded
            for glyph, name, alpha in self.rest:
                setattr(glyph, name, (0.35 if faded else 1.0) * alpha)

    def update(self, layers: Layers) -> None:
        """Show other layers, in place."""
        for key, source in self.sources.items():
            new = layers.sources.get(key) or {c: [] for c in self._columns[key]}
            new = {c: compact(v) for c, v in new.items()}
            if not _same(source.data, new):
                source.data = new
        self._renderers.update()
        self.fade(bool(layers.extra.get("brushed")))
        f = self.figure
        if not isinstance(f.x_range, Range1d) or (f.x_range.start, f.x_range.end) != layers.x_range:
            _set_range(f.x_range, layers.x_range)
        _set_range(f.y_range, layers.y_range)
        f.xaxis.axis_label, f.yaxis.axis_label = layers.x_label, layers.y_label
        # Last, so that a title is never above the curves of another galaxy.
        f.title.text = layers.title  # type: ignore[union-attr]


def _has_rows(renderer):
    return any(len(column) for column in renderer.data_source.data.values())


def compact(values):
    """Values of a column as they are sent: long curves need no double precision."""
    if isinstance(values, np.ndarray) and values.dtype == float and values.size > _LONG:
        return values.astype(np.float32)
    return values


def _range(ends):
    low, high = ends
    return Range1d(start=low, end=high)


def _set_range(axis, ends):
    low, high = (float(v) for v in ends)
    axis.update(start=low, end=high, reset_start=low, reset_end=high)


def _same(old, new):
    return old.keys() == new.keys() and all(_equal(old[k], new[k]) for k in new)


def _equal(a, b):
    if a is b:
        return True
    if isinstance(a, list) or isinstance(b, list):
        return len(a) == len(b) == 0
    return np.shape(a) == np.shape(b) and a.dtype == b.dtype and bool((a == b).all())

"""Figures of a validation report: Bokeh figures that wear layers of plain numbers.

A `LayeredFigure` is built once and takes other layers in place. The grids of panels are one
figure each: twenty separate figures would take seconds.
"""

from typing import Any

from bokeh.models import ColumnDataSource, CustomJS, FactorRange, HoverTool, Range1d
from bokeh.models.annotations import Span
from bokeh.plotting import figure
from bokeh.transform import dodge

from sedflow.figures.base import NOT_PRINTED, legend_above
from sedflow.figures.calibration_layers import COLUMNS, GAP_X, GAP_Y, KINDS, columns_within
from sedflow.palette import GREY, MODEL, ORANGE, TEXT
from sedflow.validation.report import NOMINAL

__all__ = ["COLORS", "BinFigure", "GridFigure", "RegionFigure"]

COLORS = {"network": MODEL, "exact": ORANGE}
_NAMES = {"network": "network", "exact": "exact, by weighting"}
_STYLE: dict[str, Any] = {
    "sizing_mode": "stretch_width",
    "tools": "pan,wheel_zoom,box_zoom,reset,save",
    "active_drag": None,
    "background_fill_alpha": 0,
    "border_fill_alpha": 0,
}
_AXIS = 44  # px left of the panels of a grid, for the ends of their axes
_WRAP = """
const columns = cb_obj.inner_width < 440 ? 2 : n
if (legend.ncols != columns) legend.setv({ncols: columns}, {sync: false})
"""


class LayeredFigure:
    """A Bokeh figure with named sources, which `update` fills in place."""

    def __init__(self, names, prefix):
        self.sources = {name: ColumnDataSource(name=f"{prefix}_{name}") for name in names}
        self._entries: list[tuple] = []  # of the legend, with the source of each

    def legend(self, items):
        """Add the legend, which lists what is drawn; items : (text, glyphs) each."""
        self.figure.toolbar.update(logo=None, stylesheets=[NOT_PRINTED])
        legend = legend_above(self.figure, items, spacing=12, padding=2, location="top_left")
        # A legend does not wrap. What the page changes here is not the server's business.
        wrap = CustomJS(args={"legend": legend, "n": len(items)}, code=_WRAP)
        self.figure.js_on_change("inner_width", wrap)
        sources = (glyphs[0].data_source for _, glyphs in items)
        self._entries = list(zip(legend.items, sources, strict=True))
        self._list_drawn()

    def _list_drawn(self):
        for entry, source in self._entries:
            entry.visible = len(next(iter(source.data.values()), ())) > 0

    def update(self, layers):
        """Show other layers: a dict of source name -> dict of columns."""
        for name, data in layers.items():
            self.sources[name].data = data
        self._list_drawn()


class GridFigure(LayeredFigure):
    """A grid of panels, one for each quantity: `pp_layers` or `rank_layers`.

    columns : int
        Panels side by side that its width has room for, which the layers should have; a page
        tells the width when it has drawn the figure.
    """

    def __init__(self, layers, prefix: str, labels: tuple[str, str], hover):
        names = ("band", "middle", *KINDS, "frame", "hover", "label", "note", "tick")
        super().__init__(names, prefix)
        self.figure = figure(
            **_STYLE,
            min_width=280,
            name=prefix,
            x_range=Range1d(),
            y_range=Range1d(start=-1, end=0),
            x_axis_label=labels[0],
            y_axis_label=labels[1],
        )
        plot, s = self.figure, self.sources
        plot.grid.visible = False
        plot.outline_line_color = None
        for axis in (plot.xaxis, plot.yaxis):  # only their labels are wanted
            axis.ticker = []
            axis.axis_line_color = None
            axis.major_label_text_font_size = "0px"
        self._width: int | None = None
        self.columns = COLUMNS
        self.update(layers)
        band = plot.patches("xs", "ys", source=s["band"], color=GREY, alpha=0.25, line_alpha=0)
        middle = plot.line("x", "y", source=s["middle"], color=GREY, line_dash="dotted")
        plot.line("x", "y", source=s["frame"], color=GREY, line_width=0.7)
        lines = {
            kind: plot.line("x", "y", source=s[kind], color=COLORS[kind], line_width=1.8)
            for kind in ("exact", "network")
        }
        panels = plot.quad(
            "left", "right", "bottom", "top", source=s["hover"], alpha=0.0, line_alpha=0.0
        )
        plot.add_tools(HoverTool(renderers=[panels], tooltips=hover))
        style: dict[str, Any] = {"text": "text", "text_color": TEXT}
        plot.text("x", "y", source=s["label"], text_font_size="12px", **style)
        plot.text("x", "y", source=s["note"], text_font_size="10px", text_baseline="top", **style)
        plot.text(
            "x",
            "y",
            source=s["tick"],
            text_font_size="10px",
            text_align="align",
            text_baseline="middle",
            **style,
        )
        items = [(_NAMES[k], [lines[k]]) for k in KINDS]
        self.legend([*items, ("95 % of calibrated posteriors", [band]), ("calibrated", [middle])])

    def update(self, layers):
        super().update(layers)
        wide = self.columns * (1 + GAP_X)
        share = 0.05 if self._width is None else _AXIS / self._width  # of the width, for the axis
        self.figure.x_range.update(start=-wide * share / (1 - share), end=wide)
        rows = max(1, -(-len(layers["hover"]["left"]) // self.columns))
        self.figure.y_range.start = 1.12 - rows * (1 + GAP_Y)
        self.figure.y_range.end = 1.34
        self.figure.height = 100 + 160 * rows

    def fit(self, width: int) -> bool:
        """Take the width [px] of the frame; whether the layers should be made again."""
        columns = columns_within(width - _AXIS)
        new = (width, columns) != (self._width, self.columns)
        self._width, self.columns = width, columns
        return new


class RegionFigure(LayeredFigure):
    """Coverage of credible regions: `region_layers`."""

    def __init__(self, layers, test: str, title: str):
        super().__init__(("band", "middle", *KINDS), test)
        self.figure = figure(
            **_STYLE,
            height=340,
            min_width=300,
            name=test,
            title=title,
            x_axis_label="credibility of the region",
            x_range=Range1d(start=0, end=1),
        )
        plot, s = self.figure, self.sources
        self.update(layers)
        band = plot.varea("x", "low", "high", source=s["band"], color=GREY, alpha=0.25)
        middle = plot.line("x", "y", source=s["middle"], color=GREY, line_dash="dotted")
        lines = {
            kind: plot.line("x", "y", source=s[kind], color=COLORS[kind], line_width=2)
            for kind in ("exact", "network")
        }
        self.legend([*((_NAMES[k], [lines[k]]) for k in KINDS), ("95 %", [band, middle])])

    def update(self, layers, difference=False):
        super().update(layers)
        words = "share of truths inside"
        self.figure.yaxis.axis_label = f"{words} − credibility" if difference else words


class BinFigure(LayeredFigure):
    """Coverage of the central intervals in bins: `bin_layers`."""

    def __init__(self, factors, layers):
        super().__init__((*KINDS, "mark"), "bins")
        self.figure = figure(
            **_STYLE,
            height=400,
            min_width=500,
            name="bins",
            x_range=FactorRange(*factors, range_padding=0.02),
            y_range=Range1d(start=0.5, end=1.02),
            y_axis_label="share of truths inside",
        )
        plot, s = self.figure, self.sources
        self.update(factors, layers)
        mark = plot.vbar(
            "x", 0.95, "top", "bottom", source=s["mark"], color=GREY, alpha=0.2, line_alpha=0
        )
        for q in NOMINAL:
            plot.add_layout(
                Span(location=q, dimension="width", line_color=GREY, line_dash="dotted")
            )
        items = []
        for kind, shift in (("network", -0.16), ("exact", 0.16)):
            x = dodge("x", shift, range=plot.x_range)
            plot.vbar(
                x, 0.05, "high", "low", source=s[kind], color=COLORS[kind], alpha=0.55, line_alpha=0
            )
            dots = plot.scatter(
                x,
                "y",
                source=s[kind],
                color=COLORS[kind],
                size=7,
                marker="circle" if kind == "network" else "square",
            )
            plot.add_tools(
                HoverTool(
                    renderers=[dots],
                    tooltips=[
                        ("bin", "@range"),
                        ("intervals", "@nominal"),
                        ("hold", "@y{0.0 %}"),
                        ("galaxies", "@galaxies"),
                    ],
                )
            )
            items.append((_NAMES[kind], [dots]))
        plot.xaxis.major_label_orientation = 0.9
        plot.xaxis.group_text_font_size = "12px"
        plot.xgrid.visible = False
        self.legend([*items, ("bins of this galaxy", [mark])])

    def update(self, factors, layers):
        if list(self.figure.x_range.factors) != factors:
            self.figure.x_range.factors = factors
        super().update(layers)

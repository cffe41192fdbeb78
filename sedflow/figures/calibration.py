"""Figures of a validation report: layers from plain numbers, and Bokeh figures that wear them.

`pp_layers`, `rank_layers`, `region_layers` and `bin_layers` are pure functions of a report and a
selection of its galaxies; a `LayeredFigure` is built once and takes other layers in place. The
grids of panels are one figure each, with panel (row, column) in a square of the figure's own
coordinates: twenty separate figures would take seconds.
"""

from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, FactorRange, HoverTool, Range1d
from bokeh.models.annotations import Legend, LegendItem, Span
from bokeh.plotting import figure
from bokeh.transform import dodge
from scipy.stats import binom

from sedflow.palette import GREY, MODEL, ORANGE, TEXT
from sedflow.validation.bins import PROPERTIES
from sedflow.validation.calibration import central_coverage, ks_band, ks_statistic
from sedflow.validation.near import Selection, coverage_in_bins
from sedflow.validation.report import LABELS, NOMINAL, QUANTITIES

__all__ = [
    "COLORS",
    "BinFigure",
    "GridFigure",
    "RegionFigure",
    "bin_layers",
    "pp_layers",
    "rank_band",
    "rank_layers",
    "region_layers",
]

COLORS = {"network": MODEL, "exact": ORANGE}
_NAMES = {"network": "network", "exact": "exact, by weighting"}
_KINDS = tuple(COLORS)
_COLUMNS = 5
_GAP_X, _GAP_Y = 0.16, 0.42  # between panels, in their own size
_GRID = np.linspace(0, 1, 101)
_STYLE: dict[str, Any] = {
    "sizing_mode": "stretch_width",
    "tools": "pan,wheel_zoom,box_zoom,reset,save",
    "active_drag": None,
    "background_fill_alpha": 0,
    "border_fill_alpha": 0,
}


def rank_band(n: int, n_bin: int, level: float = 0.95) -> tuple[float, float]:
    """Counts between which all bins of the histogram of n calibrated ranks stay, at that level."""
    each = level ** (1.0 / n_bin)
    low, high = binom.ppf(((1 - each) / 2, (1 + each) / 2), n, 1.0 / n_bin)
    return float(low), float(high)


def pp_layers(
    report, selection: Selection, kinds=_KINDS, quantities=QUANTITIES, difference: bool = False
) -> dict[str, dict]:
    """Layers of the p-p curves: a panel for each quantity.

    difference : whether the diagonal is taken off, and what is left drawn larger

    Returns
    -------
    dict of source name -> dict of columns, for `GridFigure.update`
    """
    n = len(selection)
    band = ks_band(n)
    reach = max(2.0 * band, 0.05) if difference else None

    def place(share):
        """Height in a panel of a curve (n,) over `_GRID`."""
        if difference:
            return np.clip(0.5 + (share - _GRID) / (2 * reach), 0, 1)
        return np.clip(share, 0, 1)

    panels = _Panels(quantities)
    edge = np.concatenate([place(_GRID + band), place(_GRID - band)[::-1]])
    layers = panels.layers(("0", "1"), (f"−{reach:.2g}", f"+{reach:.2g}") if difference else "01")
    layers["band"] = panels.patches(np.concatenate([_GRID, _GRID[::-1]]), edge)
    layers["middle"] = panels.lines([(_GRID[[0, -1]], place(_GRID)[[0, -1]])] * len(quantities))
    hover: dict[str, Any] = {"ks_network": [], "ks_exact": [], "in_68": [], "in_95": []}
    for kind in _KINDS:
        levels = report.galaxies[f"scores_{kind}"][selection.rows]
        columns = [levels[:, QUANTITIES.index(name)] for name in quantities]
        hover[f"ks_{kind}"] = ks_statistic(np.stack(columns, 1)).round(4) if columns else []
        curves = [(_GRID, place(_cumulative(c))) for c in columns] if kind in kinds else []
        layers[kind] = panels.lines(curves)
        if kind == (kinds[0] if kinds else "network"):
            for q, key in zip(NOMINAL, ("in_68", "in_95"), strict=True):
                hover[key] = [f"{100 * float(central_coverage(c, q)):.1f} %" for c in columns]
    layers["hover"] |= hover
    shown = [hover[f"ks_{kind}"] for kind in kinds]
    layers["note"] = panels.note(
        [" / ".join(f"{row[k]:.3f}" for row in shown) for k in range(len(quantities))]
        if shown
        else [""] * len(quantities)
    )
    return layers


def rank_layers(
    report, selection: Selection, kinds=_KINDS, quantities=QUANTITIES, n_bin: int | None = None
) -> dict[str, dict]:
    """Layers of the rank histograms (SBC): a panel for each quantity.

    n_bin : bins; by default 20, or 10 where there are fewer than 1000 galaxies
    """
    n = len(selection)
    n_bin = n_bin or (20 if n >= 1000 else 10)
    low, high = rank_band(n, n_bin)
    mean = n / n_bin
    top = max(2.0 * mean, 1.1 * high)
    panels = _Panels(quantities)
    layers = panels.layers(("0", "1"), ("0", f"{top:.0f}"))
    box = np.array([low, low, high, high]) / top
    layers["band"] = panels.patches(np.array([0, 1, 1, 0.0]), box)
    level = np.full(2, mean / top)
    layers["middle"] = panels.lines([(np.array([0.0, 1.0]), level)] * len(quantities))
    edges = np.repeat(np.linspace(0, 1, n_bin + 1), 2)[1:-1]
    hover: dict[str, Any] = {"ks_network": [], "ks_exact": [], "in_68": [], "in_95": []}
    out = []
    for kind in _KINDS:
        levels = report.galaxies[f"scores_{kind}"][selection.rows]
        columns = [levels[:, QUANTITIES.index(name)] for name in quantities]
        counts = [np.histogram(c, n_bin, (0, 1))[0] for c in columns]
        hover[f"ks_{kind}"] = [f"{c.min()} to {c.max()}" for c in counts]
        if kind in kinds:
            layers[kind] = panels.lines(
                [(edges, np.minimum(np.repeat(c, 2) / top, 1.0)) for c in counts]
            )
            out.append([int(((c < low) | (c > high)).sum()) for c in counts])
        else:
            layers[kind] = panels.lines([])
    blank = [f"{low:.0f} to {high:.0f}"] * len(quantities)
    layers["hover"] |= hover | {"in_68": blank, "in_95": blank}
    layers["note"] = panels.note(
        [
            " / ".join(f"{row[k]} out" for row in out) if any(row[k] for row in out) else ""
            for k in range(len(quantities))
        ]
    )
    return layers


def region_layers(
    report, selection: Selection, test: str, kinds=_KINDS, difference: bool = False
) -> dict[str, dict]:
    """Layers of the coverage of regions; test is "hpd" or "tarp".

    Returns
    -------
    dict of source name -> dict of columns, for `RegionFigure.update`
    """
    band = ks_band(len(selection))
    off = _GRID if difference else 0.0
    layers: dict[str, dict] = {
        "band": {"x": _GRID, "low": _GRID - band - off, "high": _GRID + band - off},
        "middle": {"x": _GRID[[0, -1]], "y": (_GRID - off)[[0, -1]]},
    }
    for kind in _KINDS:
        levels = report.galaxies[f"{test}_{kind}"][selection.rows]
        y = _cumulative(levels) - off
        layers[kind] = {"x": _GRID, "y": y} if kind in kinds else {"x": [], "y": []}
    return layers


def bin_layers(
    report, kinds=_KINDS, quantities=QUANTITIES, like: dict | None = None
) -> tuple[list, dict[str, dict]]:
    """Layers of the coverage in bins of each property, and the factors of their axis.

    like : properties of a galaxy, whose bins are marked

    Returns
    -------
    factors, dict of source name -> dict of columns, for `BinFigure.update`
    """
    layers, factors, mark = {}, [], []
    for kind in _KINDS:
        columns: dict[str, list] = {
            key: [] for key in ("x", "y", "low", "high", "galaxies", "nominal", "range")
        }
        for q in NOMINAL if quantities else ():
            found = coverage_in_bins(report, kind, q, quantities)
            for name, rows in found.items():
                for row in rows:
                    factor = (PROPERTIES[name], _interval(name, row["low"], row["high"]))
                    if kind == _KINDS[0] and q == NOMINAL[0]:
                        factors.append(factor)
                        value = np.nan if like is None else like.get(name, np.nan)
                        if row["low"] <= value <= row["high"]:
                            mark.append(factor)
                    if kind not in kinds:
                        continue
                    half = 1.96 * row["error"]
                    columns["x"].append(factor)
                    columns["y"].append(row["coverage"])
                    columns["low"].append(max(row["coverage"] - half, 0.0))
                    columns["high"].append(min(row["coverage"] + half, 1.0))
                    columns["galaxies"].append(row["galaxies"])
                    columns["nominal"].append(f"{100 * q:.0f} %")
                    columns["range"].append(f"{factor[0]}: {factor[1]}")
        layers[kind] = columns
    layers["mark"] = {"x": mark, "bottom": [0.5] * len(mark), "top": [1.02] * len(mark)}
    return factors, layers


class LayeredFigure:
    """A Bokeh figure with named sources, which `update` fills in place."""

    def __init__(self, names, prefix):
        self.sources = {name: ColumnDataSource(name=f"{prefix}_{name}") for name in names}

    def update(self, layers):
        """Show other layers: a dict of source name -> dict of columns."""
        for name, data in layers.items():
            self.sources[name].data = data


class GridFigure(LayeredFigure):
    """A grid of panels, one for each quantity: `pp_layers` or `rank_layers`."""

    def __init__(self, layers, prefix: str, labels: tuple[str, str], hover):
        names = ("band", "middle", *_KINDS, "frame", "hover", "label", "note", "tick")
        super().__init__(names, prefix)
        self.figure = figure(
            **_STYLE,
            min_width=500,
            name=prefix,
            x_range=Range1d(start=-0.3, end=_COLUMNS * (1 + _GAP_X)),
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
        items = [(_NAMES[k], [lines[k]]) for k in _KINDS]
        _legend(plot, [*items, ("95 % of calibrated posteriors", [band]), ("calibrated", [middle])])

    def update(self, layers):
        super().update(layers)
        rows = max(1, -(-len(layers["hover"]["left"]) // _COLUMNS))
        self.figure.y_range.start = 1.12 - rows * (1 + _GAP_Y)
        self.figure.y_range.end = 1.34
        self.figure.height = 100 + 160 * rows


class RegionFigure(LayeredFigure):
    """Coverage of credible regions: `region_layers`."""

    def __init__(self, layers, test: str, title: str):
        super().__init__(("band", "middle", *_KINDS), test)
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
        _legend(plot, [*((_NAMES[k], [lines[k]]) for k in _KINDS), ("95 %", [band, middle])])

    def update(self, layers, difference=False):
        super().update(layers)
        words = "share of truths inside"
        self.figure.yaxis.axis_label = f"{words} − credibility" if difference else words


class BinFigure(LayeredFigure):
    """Coverage of the central intervals in bins: `bin_layers`."""

    def __init__(self, factors, layers):
        super().__init__((*_KINDS, "mark"), "bins")
        self._marked = None
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
        legend = _legend(plot, [*items, ("bins of this galaxy", [mark])])
        self._marked = legend.items[-1]
        self._marked.visible = bool(layers["mark"]["x"])

    def update(self, factors, layers):
        if self._marked is not None:
            self._marked.visible = bool(layers["mark"]["x"])
        if list(self.figure.x_range.factors) != factors:
            self.figure.x_range.factors = factors
        super().update(layers)


class _Panels:
    """Where the panels of some quantities are, and what every grid has."""

    def __init__(self, quantities):
        self.names = tuple(quantities)
        k = np.arange(len(self.names))
        self.x = (k % _COLUMNS) * (1 + _GAP_X)
        self.y = -(k // _COLUMNS) * (1 + _GAP_Y)

    def lines(self, curves):
        """Curves (x, y) of the panels' own coordinates, one for each, broken by NaN."""
        if not curves:
            return {"x": np.array([]), "y": np.array([])}
        parts = zip(curves, self.x, self.y, strict=True)
        x, y = zip(
            *((np.append(c[0] + x, np.nan), np.append(c[1] + y, np.nan)) for c, x, y in parts),
            strict=True,
        )
        return {"x": np.concatenate(x), "y": np.concatenate(y)}

    def patches(self, x, y):
        """The same outline (x, y) in every panel."""
        return {"xs": [x + at for at in self.x], "ys": [y + at for at in self.y]}

    def note(self, texts):
        """Text in the upper left corner of each panel."""
        return {"x": self.x + 0.03, "y": self.y + 0.96, "text": list(texts)}

    def layers(self, x_ticks, y_ticks):
        """Frames, labels, ticks and what is hovered over."""
        square = np.array([0, 1, 1, 0, 0.0]), np.array([0, 0, 1, 1, 0.0])
        left = np.flatnonzero(self.x == 0)
        count = len(self.names)
        under = np.flatnonzero(np.arange(count) + _COLUMNS >= count)  # the last of each column
        tick = {"x": [], "y": [], "text": [], "align": []}
        for k in left:
            for at, text in zip((0.03, 0.97), y_ticks, strict=True):
                _append(tick, -0.03, self.y[k] + at, text, "right")
        for k in under:
            for at, text, align in zip((0, 1), x_ticks, ("left", "right"), strict=True):
                _append(tick, self.x[k] + at, self.y[k] - 0.09, text, align)
        return {
            "frame": self.lines([square] * count),
            "label": {
                "x": self.x,
                "y": self.y + 1.05,
                "text": [LABELS[name] for name in self.names],
            },
            "tick": tick,
            "hover": {
                "left": self.x,
                "right": self.x + 1,
                "bottom": self.y,
                "top": self.y + 1,
                "name": [LABELS[name] for name in self.names],
            },
        }


def _append(columns, *values):
    for column, value in zip(columns.values(), values, strict=True):
        column.append(value)


def _cumulative(levels):
    return np.searchsorted(np.sort(levels), _GRID, side="right") / max(len(levels), 1)


def _interval(name, low, high):
    if low == high:
        return f"{low:.0f}"
    digits = 3 if name == "redshift" else 1
    return f"{low:.{digits}f} – {high:.{digits}f}"


def _legend(plot, items):
    legend = Legend(
        items=[LegendItem(label=label, renderers=renderers) for label, renderers in items],
        orientation="horizontal",
        border_line_alpha=0,
        background_fill_alpha=0,
        margin=0,
        label_text_font_size="11px",
        spacing=12,
        padding=2,
    )
    plot.add_layout(legend, "above")
    plot.toolbar.logo = None
    return legend

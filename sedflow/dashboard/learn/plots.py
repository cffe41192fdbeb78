"""Bokeh figures of the lessons: named sources that are patched in place."""

import numpy as np
from bokeh.models import (
    BasicTickFormatter,
    ColumnDataSource,
    CustomJS,
    FactorRange,
    HoverTool,
    Line,
    Range1d,
)
from bokeh.models.annotations import LegendItem
from bokeh.plotting import figure

from sedflow.bands import load_band
from sedflow.figures.base import TOOLBAR, legend_above
from sedflow.fluxes import band_flux
from sedflow.palette import DATA, FILTERS, MODEL, OTHER, PREDICTED, SERIES, TEXT
from sedflow.photometry import Photometry

__all__ = ["DATA", "MODEL", "OTHER", "PREDICTED", "SERIES", "Plot", "SpectrumPlot", "steps"]

_WAVE = "observed wavelength [Å]"
_FLAM = "F_λ [10⁻¹⁷ erg/s/cm²/Å]"


# A legend does not wrap: it has as many columns as its words leave room for.
_WRAP = """
const letter = 0.58 * parseFloat(legend.label_text_font_size)
const words = legend.items.filter(item => item.visible).map(item => {
  const label = item.label?.value ?? item.label ?? ''
  return 35 + letter * String(label).length
})
let columns = most
for (; columns > 1; columns--) {
  const wide = Array(columns).fill(0)
  words.forEach((width, k) => { wide[k % columns] = Math.max(wide[k % columns], width) })
  if (wide.reduce((a, b) => a + b, 0) <= figure.inner_width) break
}
if (legend.ncols != columns) legend.setv({ncols: columns}, {sync: false})
"""


class Plot:
    """A figure of named sources.

    Each of `line`, `dots`, ... adds a source `NAME_key` and an entry of the legend, which stands
    above the data; `show(key, x=..., y=...)` fills it.
    """

    def __init__(
        self, name, x_label, y_label, height=320, factors=None, legend_columns=6, **options
    ):
        if factors is not None:
            options["x_range"] = FactorRange(*factors)
        # Ends of some sort: figures begin empty, and a browser finds none in that.
        options = {"x_range": Range1d(0, 1), "y_range": Range1d(0, 1), **options}
        self.name, self.sources, self._items = name, {}, {}
        self.figure = figure(
            height=height,
            sizing_mode="stretch_width",
            min_width=280,
            name=name,
            x_axis_label=x_label,
            y_axis_label=y_label,
            background_fill_alpha=0,
            border_fill_alpha=0,
            toolbar_inner=True,
            **{"tools": "pan,wheel_zoom,box_zoom,reset,save", "active_drag": None, **options},
        )
        self.figure.toolbar.update(logo=None, autohide=True, stylesheets=[TOOLBAR])
        if factors is None and legend_columns < 4:  # one of several side by side
            self.figure.xaxis.ticker.desired_num_ticks = 4
        for axis in self.figure.yaxis:
            if isinstance(axis.formatter, BasicTickFormatter):
                axis.formatter.power_limit_high = 6
        self._legend = legend_above(self.figure, padding=2, spacing=10, ncols=legend_columns)
        args = {"legend": self._legend, "most": legend_columns, "figure": self.figure}
        self._wrap = CustomJS(args=args, code=_WRAP)
        self.figure.js_on_change("inner_width", self._wrap)
        self._legend.js_on_change("label_text_font_size", self._wrap)  # as of a presentation

    def line(self, key: str, label=None, **style):
        """A curve of x, y; NaN breaks it."""
        return self._add(key, label, ("x", "y"), self.figure.line, "x", "y", **style)

    def ink(self, key: str, label=None, **style):
        """A curve of x, y in the ink of the page, which its theme decides."""

        def glyph(x, y, source, **style):
            return self.figure.add_glyph(source, Line(x=x, y=y, tags=["ink"], **style))

        return self._add(key, label, ("x", "y"), glyph, "x", "y", **style)

    def dots(self, key: str, label=None, **style):
        """Markers at x, y."""
        return self._add(key, label, ("x", "y"), self.figure.scatter, "x", "y", **style)

    def area(self, key: str, label=None, **style):
        """A band between low and high over x."""
        style = {"fill_alpha": 0.25, **style}
        columns = ("x", "low", "high")
        return self._add(key, label, columns, self.figure.varea, "x", "low", "high", **style)

    def bars(self, key: str, label=None, **style):
        """Bars at x (numbers or factors) from bottom to top, of a width."""
        style = {"line_alpha": 0, "width": 0.7, **style}
        width = style.pop("width")
        columns = ("x", "bottom", "top")
        return self._add(
            key, label, columns, self.figure.vbar, "x", width, "top", "bottom", **style
        )

    def texts(self, key: str, **style):
        """Words at x, y."""
        style = {"text_color": TEXT, **style}
        return self._add(
            key, None, ("x", "y", "text"), self.figure.text, "x", "y", text="text", **style
        )

    def hover(self, renderer, tooltips) -> None:
        """Words under the pointer."""
        self.figure.add_tools(HoverTool(renderers=[renderer], tooltips=tooltips))

    def show(self, key: str, **columns) -> None:
        """Fill a source; without columns, empty it."""
        source = self.sources[key]
        source.data = columns or {c: [] for c in source.data}

    def label(self, key: str, text: str) -> None:
        """Change an entry of the legend; it is left out while empty."""
        item = self._items[key]
        item.label = {"value": text}
        item.visible = bool(text)

    def ends(self, x=None, y=None) -> None:
        """Fix the ends of the axes."""
        for axis, ends in ((self.figure.x_range, x), (self.figure.y_range, y)):
            if ends is not None:
                low, high = (float(v) for v in ends)
                axis.update(start=low, end=high)

    def title(self, text: str) -> None:
        """The title, which belongs to the data shown."""
        self.figure.title.text = text

    def _add(self, key, label, columns, glyph, *args, **style):
        source = ColumnDataSource({c: [] for c in columns}, name=f"{self.name}_{key}")
        self.sources[key] = source
        renderer = glyph(*args, source=source, **style)
        if label is not None:
            item = LegendItem(label=label, renderers=[renderer], visible=bool(label))
            for name in ("label", "visible"):
                item.js_on_change(name, self._wrap)
            self._legend.items.append(item)
            self._items[key] = item
        return renderer


class SpectrumPlot(Plot):
    """Spectra over filter curves, with photometry and errors.

    curves : key -> (label, color, style); "data" and "model" are points

    It has a title, at first a blank: a browser may keep no room for one that comes later.
    """

    def __init__(self, name, bands, curves, height=340, data=True):
        super().__init__(
            name,
            _WAVE,
            _FLAM,
            height,
            x_range=Range1d(2900, 10_800),
            y_range=Range1d(0, 1),
            title=" ",
        )
        self.bands = tuple(bands)
        for band in self.bands:
            self.area(f"filter_{band}", fill_color=FILTERS.get(band, OTHER), fill_alpha=0.13)
        self.texts("filter_names", text_align="center")
        for key, (label, color, style) in curves.items():
            self.line(key, label, color=color, **{"line_width": 1.5, **style})
        self.dots(
            "model",
            "model photometry",
            marker="square",
            size=10,
            fill_alpha=0,
            line_color=MODEL,
            line_width=2,
        )
        if data:
            self.line("errors", line_color=DATA, line_width=2)
            self.dots("data", "data", color=DATA, size=8)

    def spectrum(self, key: str, wavelength, flux):
        """A curve, in the window of the axis."""
        low, high = self.figure.x_range.start, self.figure.x_range.end
        near = (wavelength > low) & (wavelength < high)
        self.show(key, x=wavelength[near], y=flux[near])
        return float(flux[near].max())

    def photometry(self, key: str, flux):
        """Points from nanomaggies in the bands."""
        pivot, points = band_flux(flux, self.bands)
        self.show(key, x=pivot, y=points)
        return float(np.nanmax(points))

    def data(self, galaxy: Photometry):
        """Measured fluxes and errors of a galaxy, in its own bands."""
        pivot, points = band_flux(galaxy.flux, galaxy.bands)
        error = band_flux(galaxy.sigma, galaxy.bands)[1]
        self.show("data", x=pivot, y=points)
        gap = np.full(len(pivot), np.nan)
        self.show(
            "errors",
            x=np.stack([pivot, pivot, gap], 1).ravel(),
            y=np.stack([points - error, points + error, gap], 1).ravel(),
        )
        return float(np.nanmax(points))

    def top(self, value) -> None:
        """The upper end of the axis, with the filters drawn to fit it."""
        self.ends(y=(0, 1.16 * value))
        names: dict[str, list] = {"x": [], "y": [], "text": []}
        for band in self.bands:
            curve = load_band(band)
            response = curve.response / curve.response.max() * 0.15 * value
            step = max(1, len(response) // 60)
            x = curve.wavelength[::step]
            self.show(f"filter_{band}", x=x, low=np.zeros(len(x)), high=response[::step])
            names["x"].append(curve.pivot)
            names["y"].append(1.06 * value)  # above all that is drawn
            names["text"].append(band)
        self.show("filter_names", **names)


def steps(values, edges, weights=None):
    """Outline x, y of a histogram as a density, for `Plot.line` or `Plot.area`."""
    counts, _ = np.histogram(values, edges, weights=weights, density=True)
    return np.repeat(edges, 2)[1:-1], np.repeat(np.nan_to_num(counts), 2)

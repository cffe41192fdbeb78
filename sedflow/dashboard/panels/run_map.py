"""A map of many rows: how many lie where, rasterized by datashader for each zoom."""

from collections.abc import Mapping
from typing import Any

import datashader as ds
import holoviews as hv
import holoviews.plotting.bokeh
import numpy as np
import panel as pn
from bokeh.palettes import Viridis256
from holoviews import streams
from holoviews.operation.datashader import dynspread, rasterize
from holoviews.plotting.bokeh.util import theme_attr_json

from sedflow.dashboard.numbers import MOST_PIXELS, pixels
from sedflow.dashboard.panels.run_state import COUNT
from sedflow.figures.theme import PageTheme
from sedflow.palette import DATA

__all__ = ["RunMap", "warm_up"]

hv.Store.set_current_backend("bokeh")

_PALETTE = Viridis256[72:]  # its darkest end does not show on a dark ground
_HEIGHT = 400
_MARGIN = 0.03  # of an axis beside the values


class _Size(streams.PlotSize):
    """The size of the plot that the browser says, as far as an image is made of it."""

    def transform(self):
        width, height = MOST_PIXELS
        return {"width": pixels(self.width, width), "height": pixels(self.height, height)}


# A stream finds what listens to the browser by its own class alone.
_LISTENERS: dict[type, Any] = streams.Stream._callbacks["bokeh"]
_LISTENERS[_Size] = _LISTENERS[streams.PlotSize]
_RANGES: Any = _LISTENERS[streams.RangeXY]


class _Ends(_RANGES):
    """Ranges that the browser says, without those that have no end or no length."""

    def _process_msg(self, msg):
        return super()._process_msg(_whole(msg))


class _Range(streams.RangeXY):
    """The part of the map that the browser shows."""


_LISTENERS[_Range] = _Ends


class RunMap(pn.viewable.Viewer):
    """The map as a pane; `show` gives it rows, `mark` a place.

    tapped : async callable, called as tapped((x, y), (width, height), columns) with the place of
        a tap, the lengths of the axes that look equally long on the screen, and what is along them
    """

    def __init__(self, tapped, **params):
        super().__init__(**params)
        self._tapped = tapped
        self._axes: Any = None
        self._points = self._chosen = None
        self._pane = pn.pane.HoloViews(None, sizing_mode="stretch_width", height=_HEIGHT)

    def show(  # type: ignore[override]
        self, points: dict, x: str, y: str, color: str, labels, ends
    ) -> None:
        """Draw rows.

        Parameters
        ----------
        points : dict of column -> values (n,)
        x, y, color : columns; `color` may be `COUNT`
        labels : dict of column -> text
        ends : ((low, high), (low, high)) that the axes begin with, None where there is no value
        """
        if self._axes == (x, y, color):  # other rows: the zoom stays
            self._points.send(points)
            return
        self._axes, self._labels = (x, y, color), labels
        self._points = streams.Pipe(data=points)
        self._chosen = streams.Pipe(data=(np.array([]), np.array([])))
        self.range = _Range()
        self.size = _Size()
        self._ends = tuple(_widened(e) for e in ends)
        self._pane.object = self._element(*self._ends)

    def mark(self, row: Mapping | None) -> None:
        """Mark where a row is, or none: values by column."""
        if self._chosen is not None and self._axes is not None:
            at = [] if row is None else [row[name] for name in self._axes[:2]]
            there = at if np.isfinite(at).all() else []
            self._chosen.send(tuple(np.array([v]) for v in there) or (np.array([]),) * 2)

    def _element(self, xlim, ylim):
        x, y, color = self._axes
        kdims = [hv.Dimension("x", label=self._labels[x]), hv.Dimension("y", label=self._labels[y])]
        counted = color == COUNT
        vdims = [] if counted else [hv.Dimension("color", label=self._labels[color])]

        def draw(data):
            columns = (data[c] for c in ((x, y) if counted else (x, y, color)))
            return hv.Points(tuple(columns), kdims, vdims)

        image = rasterize(
            hv.DynamicMap(draw, streams=[self._points]),
            aggregator=ds.count() if counted else ds.mean("color"),
            vdim_prefix="",
            streams=[self.range, self.size],
            x_range=xlim,
            y_range=ylim,
            pixel_ratio=1.0,  # not what the browser says, which multiplies the size
        )
        image = dynspread(image, max_px=3, threshold=0.6, how="max" if counted else "source")
        if counted:  # a scale of its own even where no pixel has two
            image = image.redim.soft_range(Count=(1, 10))
        label = "galaxies in a pixel" if counted else f"mean {self._labels[color]}"
        image = image.opts(
            hv.opts.Image(
                responsive=True,
                height=_HEIGHT,
                min_width=300,
                cmap=_PALETTE,
                colorbar=True,
                cnorm="log" if counted else "linear",
                clim=(1 if counted else np.nan, np.nan),
                clabel=label,
                xlim=xlim,
                ylim=ylim,
                tools=[],
                active_tools=["wheel_zoom"],
                default_tools=[
                    "pan",
                    "wheel_zoom",
                    "box_zoom",
                    "reset",
                    "save",
                ],
                hooks=[_in_page_theme],
                colorbar_opts={
                    "background_fill_alpha": 0,
                    "title_text_font_style": "normal",
                    "title_standoff": 8,
                },
                fontsize={"labels": "12px", "ticks": "11px", "clabel": "12px", "cticks": "11px"},
                backend_opts={
                    "plot.background_fill_alpha": 0,
                    "plot.border_fill_alpha": 0,
                    "plot.name": "run_map",
                    "plot.toolbar_location": "above",
                    "toolbar.autohide": True,
                    "toolbar.logo": None,
                },
            )
        )
        tap = streams.Tap(source=image)
        tap.add_subscriber(self._tap)
        self.tap = tap
        marked = hv.DynamicMap(lambda data: hv.Points(data, kdims), streams=[self._chosen]).opts(
            hv.opts.Points(size=14, fill_alpha=0, line_width=2.5, line_color=DATA)
        )
        self.image = image
        return image * marked

    def _tap(self, x, y):
        if x is None or y is None:
            return
        at, scale, columns = (float(x), float(y)), self.scale(), self._axes[:2]

        async def tell():  # not a lambda: Panel waits for what it can see to be a coroutine
            await self._tapped(at, scale, columns)

        pn.state.execute(tell)

    def scale(self):
        """Lengths along the axes that look equally long."""
        x_range, y_range = self.range.x_range, self.range.y_range
        if x_range is None or y_range is None:
            x_range, y_range = self._ends
        size = self.size.transform()
        width, height = size["width"] or 1, size["height"] or 1
        return (abs(x_range[1] - x_range[0]) / width, abs(y_range[1] - y_range[0]) / height)

    def __panel__(self):
        return self._pane


def _whole(said):
    """What the browser says about ranges, without those that have no end or no length."""
    for axis in "xy":
        names = f"{axis}0", f"{axis}1"
        ends = [said.get(name) for name in names]
        if None in ends or not np.isfinite(ends).all() or ends[0] == ends[1]:
            said = {name: value for name, value in said.items() if name not in names}
    return said


def _in_page_theme(plot, element):
    """Leave the colours of the axes to the theme of the page, which may turn dark.

    HoloViews sets those of the theme with which it began, and a theme changes nothing that is set.
    """
    theme = plot.renderer.theme
    if not isinstance(theme, PageTheme):  # in a notebook
        return
    for axis in (*plot.state.xaxis, *plot.state.yaxis):
        for name in theme_attr_json(theme, "Axis"):
            if name.endswith("_color"):
                delattr(axis, name)
        if axis.document is None:  # else it has the theme of its page
            theme.apply_to_model(axis)


def _widened(ends):
    """The ends of an axis with a margin."""
    low, high = ends or (0.0, 1.0)
    margin = _MARGIN * (high - low) or 0.5
    return low - margin, high + margin


def warm_up() -> None:
    """Let the rasterizer be compiled, which takes seconds, once per process."""
    values = np.random.default_rng(0).random((3, 100), dtype=np.float32)
    points = dict(zip("xyc", values, strict=True))
    for color in (COUNT, "c"):
        view = RunMap(None)
        view.show(points, "x", "y", color, dict(zip("xyc", "xyc", strict=True)), ((0, 1), (0, 1)))
        view.image[()]
        view.range.event(x_range=(0.2, 0.8), y_range=(0.2, 0.8))
        view.image[()]

"""The catalogue: search, table and map, each showing what the others chose."""

import numpy as np
import pandas as pd
import panel as pn
import param
from bokeh.models import BoxSelectTool, ColumnDataSource, HoverTool, Range1d, TapTool
from bokeh.plotting import figure

from sedflow.dashboard.figures import DATA, MODEL
from sedflow.dashboard.live import SMALL_TABLE, patch
from sedflow.errors import BadPhotometry, SedflowError
from sedflow.photometry import ab_magnitude

__all__ = ["AtlasView", "catalogue_table", "find"]

_MOST = 20_000  # points on the map; of a larger catalogue a random part
_NEAR = 60.0  # arcsec, within which a position means a galaxy
_MAPS = {
    "colour and magnitude": ("r", "gr", "r [AB mag]", "g − r [mag]"),
    "redshift and magnitude": ("z", "r", "redshift", "r [AB mag]"),
    "sky": ("ra", "dec", "RA [deg]", "Dec [deg]"),
}


def catalogue_table(nsa) -> pd.DataFrame:
    """What the table and the map show of each galaxy."""
    magnitude = ab_magnitude(np.asarray(nsa.table["NMGY"])[:, 2:])
    table = pd.DataFrame(
        {
            "NSAID": nsa.ids.astype(str),
            "z": np.asarray(nsa.table["Z"], float).round(4),
            "r": magnitude[:, 2].round(2),
            "gr": (magnitude[:, 1] - magnitude[:, 2]).round(2),
            "ra": np.asarray(nsa.table["RA"], float).round(5),
            "dec": np.asarray(nsa.table["DEC"], float).round(5),
        }
    )
    if "FIELD" in nsa.table.colnames:
        table["field"] = np.asarray(nsa.table["FIELD"]).astype(str)
    return table


def find(text: str, table: pd.DataFrame, own=()) -> str:
    """The galaxy that a text means: an NSAID, a position, or a name of one's own.

    Positions are RA and Dec in degrees or sexagesimal; the nearest galaxy within an arcminute.
    """
    text = text.strip()
    if text in own or text.isdigit():
        return text
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    parts = text.replace(",", " ").split()
    try:
        if len(parts) == 2 and all(":" not in p and "h" not in p for p in parts):
            place = SkyCoord(*_degrees(parts), unit="deg")
        else:
            place = SkyCoord(text.replace(",", " "), unit=(u.hourangle, u.deg))
    except (ValueError, TypeError):
        raise BadPhotometry(
            f"{text!r} is neither an NSAID, nor a position (RA Dec in degrees or sexagesimal), "
            "nor a galaxy of your own"
        ) from None
    there = SkyCoord(table["ra"].to_numpy(), table["dec"].to_numpy(), unit="deg")
    away = place.separation(there).arcsec
    away = np.where(np.isfinite(away), away, np.inf)  # NSAID 72 has no published position
    k = int(np.argmin(away))
    if not away[k] <= _NEAR:
        raise BadPhotometry(
            f"no galaxy within {_NEAR:.0f} arcsec of {text}; the nearest, NSAID "
            f"{table['NSAID'].iloc[k]}, is {away[k] / 60:.1f} arcmin away"
        )
    return str(table["NSAID"].iloc[k])


def _degrees(parts):
    ra, dec = (float(p) for p in parts)
    if not (abs(ra) <= 360 and abs(dec) <= 90):  # NaN is neither
        raise ValueError
    return ra, dec


class AtlasView(pn.viewable.Viewer):
    """Search field, table and map of a catalogue; `galaxy` is the one chosen."""

    galaxy = param.String(default="")
    message = param.String(default="")

    def __init__(self, nsa, own=None, **params):
        super().__init__(**params)
        self._own = {} if own is None else own
        self.table = catalogue_table(nsa)
        self._search = pn.widgets.TextInput(
            label="Find a galaxy: NSAID, position or name", placeholder="72, or 176.01 19.95",
            sizing_mode="stretch_width",
        )  # fmt: skip
        self._search.param.watch(self._sought, "value")
        has_field = "field" in self.table
        self._list = pn.widgets.Tabulator(
            self.table,
            pagination="remote",
            page_size=10,
            selectable=1,
            disabled=True,
            show_index=False,
            hidden_columns=["ra", "dec"],
            titles={"gr": "g−r"},
            header_filters={
                "NSAID": {"type": "input", "func": "like", "placeholder": "find"},
                **({"field": {"type": "input", "func": "like", "placeholder": "find"}}
                   if has_field else {}),
            },
            sizing_mode="stretch_width",
            height=365,
            layout="fit_columns",
            widths={"NSAID": 80, "z": 64, "r": 56, "gr": 66},
            stylesheets=[SMALL_TABLE],
        )  # fmt: skip
        self._list.on_click(self._clicked)
        self._list.param.watch(self._filtered, "filters")
        self._boxed = None
        self._list.add_filter(self._in_box)
        self._axes = pn.widgets.Select(
            label="map", options=list(_MAPS), sizing_mode="stretch_width"
        )
        self._axes.param.watch(lambda event: patch(self.figure, self._turn), "value")
        self._clear = pn.widgets.Button(label="Show all galaxies", visible=False)
        self._clear.on_click(lambda event: self._box(None))
        self._build_map()
        self.param.watch(lambda event: patch(self.figure, self._mark), "galaxy")

    def _build_map(self):
        rows = np.arange(len(self.table))
        if len(rows) > _MOST:
            rows = np.sort(np.random.default_rng(0).choice(rows, _MOST, replace=False))
        shown = self.table.iloc[rows]
        good = np.isfinite(shown[["r", "gr", "z"]]).all(axis=1)
        self._rows = rows[good.to_numpy()]
        shown = shown[good]
        columns = {c: shown[c].to_numpy() for c in ("r", "gr", "z", "ra", "dec")}
        self._points = ColumnDataSource(
            {"x": columns["r"], "y": columns["gr"], "NSAID": shown["NSAID"].to_numpy(),
             "alpha": np.full(len(shown), 0.35)}, name="atlas"
        )  # fmt: skip
        self._columns = columns
        self._chosen = ColumnDataSource({"x": [], "y": []}, name="atlas_chosen")
        f = figure(
            height=250, sizing_mode="stretch_width", name="atlas", x_range=Range1d(0, 1),
            y_range=Range1d(0, 1), tools="pan,wheel_zoom,reset", toolbar_location="above",
            background_fill_alpha=0, border_fill_alpha=0,
        )  # fmt: skip
        f.toolbar.logo = None
        glyph = f.scatter(
            "x", "y", source=self._points, size=3, color=MODEL, alpha="alpha", line_alpha=0,
            nonselection_alpha=0.35, selection_alpha=0.35,
        )  # fmt: skip
        f.scatter("x", "y", source=self._chosen, size=12, line_color=DATA, line_width=2.5,
                  fill_alpha=0)  # fmt: skip
        f.add_tools(
            TapTool(renderers=[glyph]), BoxSelectTool(renderers=[]),
            HoverTool(renderers=[glyph], tooltips="NSAID @NSAID"),
        )  # fmt: skip
        f.toolbar.active_drag = f.select_one(BoxSelectTool)
        f.on_event("selectiongeometry", self._drawn)
        self._points.selected.on_change("indices", self._tapped)
        self.figure = f
        self._pane = pn.pane.Bokeh(f, sizing_mode="stretch_width")
        self._turn()

    def _turn(self):
        """Draw the axes that were chosen; magnitudes grow downwards or to the left."""
        x, y, x_label, y_label = _MAPS[self._axes.value]
        self._points.data = {
            **self._points.data, "x": self._columns[x], "y": self._columns[y],
        }  # fmt: skip
        for axis, column in ((self.figure.x_range, x), (self.figure.y_range, y)):
            low, high = np.quantile(self._columns[column], [0.001, 0.999])
            margin = 0.05 * (high - low)
            ends = (low - margin, high + margin)
            if (column == "r" and y == "r") or column == "ra":
                ends = ends[::-1]
            axis.update(start=ends[0], end=ends[1], reset_start=ends[0], reset_end=ends[1])
        self.figure.xaxis.axis_label, self.figure.yaxis.axis_label = x_label, y_label
        self._mark()

    def _mark(self):
        rows = np.flatnonzero((self.table["NSAID"] == self.galaxy).to_numpy())
        x, y, *_ = _MAPS[self._axes.value]
        row = self.table.iloc[rows]
        self._chosen.data = {"x": row[x].to_numpy(), "y": row[y].to_numpy()}

    def _sought(self, event):
        if not event.new.strip():
            return
        try:
            galaxy = find(event.new, self.table, self._own)
        except SedflowError as error:
            self.message = str(error)
            self.param.trigger("message")
        else:
            self.param.update(galaxy=galaxy, message="")

    def _clicked(self, event):
        self.galaxy = str(self._list.current_view.iloc[event.row]["NSAID"])

    def _tapped(self, attr, old, new):
        if new:
            self.galaxy = str(self._points.data["NSAID"][new[0]])

    def _drawn(self, event):
        geometry = event.geometry
        if event.final and geometry["type"] == "rect":
            self._box(geometry)

    def _box(self, geometry):
        """Keep the galaxies inside a box of the map in the table; None for all."""
        if geometry is None:
            self._boxed = None
        else:
            x, y, *_ = _MAPS[self._axes.value]
            inside = np.ones(len(self.table), bool)
            for column, axis in ((x, "x"), (y, "y")):
                low, high = sorted((geometry[f"{axis}0"], geometry[f"{axis}1"]))
                inside &= self.table[column].between(low, high).to_numpy()
            self._boxed = inside
        self._clear.visible = self._boxed is not None
        if self._boxed is not None:
            self._clear.label = f"Show all galaxies (now {int(self._boxed.sum()):,})"
        self._list.param.trigger("value")
        self._filtered()

    def _in_box(self, table):
        return table if self._boxed is None else table[self._boxed[table.index]]

    def _filtered(self, *events):
        """Points of galaxies that the table leaves out fade."""
        kept = np.zeros(len(self.table), bool)
        kept[self._list.current_view.index] = True
        some = not kept.all()
        alpha = np.where(kept[self._rows], 0.8 if some else 0.35, 0.05)
        patch(self.figure, lambda: self._points.data.update(alpha=alpha))

    def __panel__(self):
        return pn.Column(
            self._search, self._list, self._clear, self._axes, self._pane,
            sizing_mode="stretch_width",
        )  # fmt: skip

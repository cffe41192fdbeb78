"""The catalogue: search, table and map, each showing what the others chose."""

import numpy as np
import pandas as pd
import panel as pn
import param
from bokeh.models import ColumnDataSource, HoverTool
from bokeh.models.widgets.tables import NumberFormatter

from sedflow.atlas.catalog import NSACatalog
from sedflow.atlas.search import LONGEST
from sedflow.atlas.shelf import shelf
from sedflow.bands import ab_magnitude
from sedflow.dashboard.figure_pane import FigurePane
from sedflow.dashboard.numbers import pointed, region
from sedflow.dashboard.server.message_values import LONGEST_FILTER
from sedflow.dashboard.widgets import NO_LABEL, PRESSED, SMALL_TABLE, TextTable, patch
from sedflow.errors import SedflowError
from sedflow.figures.dots import dot_figure, opacity, resize
from sedflow.photometry import Photometry

__all__ = ["AtlasView", "catalogue_table", "find"]

_ROWS = 12
#: Of the table with all rows [px]: the map below it is drawn once, at its size, and stays in place.
_HEIGHT = 366  # of the table
_MOST = 20_000  # points on the map; of a larger catalogue a random part
_FILTER = {
    "type": "input",
    "func": "like",
    "placeholder": "filter",
    "elementAttributes": {"maxlength": str(LONGEST_FILTER)},
}
_MAPS = {
    "colour and magnitude": ("r", "gr", "r [AB mag]", "g − r [mag]"),
    "redshift and magnitude": ("z", "r", "redshift", "r [AB mag]"),
    "sky": ("ra", "dec", "RA [deg]", "Dec [deg]"),
}


def catalogue_table(nsa: NSACatalog) -> pd.DataFrame:
    """What the table and the map show of each galaxy."""
    magnitude = ab_magnitude(np.asarray(nsa.table["NMGY"])[:, 2:])
    table = pd.DataFrame(
        {
            "NSAID": nsa.ids.astype(str),
            "name": _names(nsa),
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


def _seen(galaxy: Photometry) -> dict[str, float]:
    """What the map needs of a galaxy that is not in the catalogue, as far as its bands tell."""
    magnitude = dict(zip(galaxy.bands, galaxy.magnitude.tolist(), strict=True))
    g, r = (magnitude.get(band, np.nan) for band in ("g", "r"))
    return {"r": r, "gr": g - r, "z": float(galaxy.redshift)}


def _names(nsa):
    """The best-known name of each galaxy; empty for most."""
    out = np.full(len(nsa), "", object)
    for row, entry in nsa.match.entry_of.items():
        out[row] = entry.names[0]
    return out


def find(text: str, nsa: NSACatalog, own=()) -> str:
    """What a text means: the name of an added galaxy, or what `NSACatalog.find` reads."""
    plain = text[: LONGEST + 1].strip()
    return plain if plain in own else str(nsa.find(text))


class AtlasView(pn.viewable.Viewer):
    """Table and map of a catalogue; `galaxy` is the one chosen."""

    galaxy = param.String(default="")
    message = param.String(default="")

    def __init__(self, nsa, own=None, **params):
        super().__init__(**params)
        self._own = {} if own is None else own
        self._nsa = nsa
        self.table = catalogue_table(nsa)
        self._list = TextTable(
            self.table,
            pagination="remote",
            page_size=_ROWS,
            selectable=1,
            disabled=True,
            show_index=False,
            hidden_columns=["gr", "ra", "dec", "field"],
            formatters={
                "z": NumberFormatter(format="0.0000"),
                "r": NumberFormatter(format="0.00"),
            },
            widths={"NSAID": 64, "name": 74},
            header_filters=dict.fromkeys(("NSAID", "name"), _FILTER),
            sizing_mode="stretch_width",
            layout="fit_columns",
            min_height=_HEIGHT,
            margin=0,
            stylesheets=[SMALL_TABLE],
            configuration={"placeholder": "No galaxy of the list is like that."},
            css_classes=["galaxies"],  # where the page hears the arrow keys
        )
        self._list.on_click(self._clicked)
        self._list.param.watch(self._filtered, "filters")
        self._boxed = None
        self._reached: dict[str, tuple[float, float]] = {}  # ID of an axis -> ends for one galaxy
        self._nearly_all: dict[str, tuple[float, float]] = {}  # column -> ends of nearly all
        self._list.add_filter(self._in_box)
        self._shelf = self._shelf_toggle()
        self._list.add_filter(self._on_shelf)
        self._axes = pn.widgets.Select(
            # The map below is for a pointer; its name says what does the same from the keyboard.
            label="map of the galaxies, which the keys j and k and the search field choose, too",
            options=list(_MAPS),
            sizing_mode="stretch_width",
            margin=(2, 4),
            stylesheets=[NO_LABEL],
        )
        self._axes.param.watch(lambda event: patch(self.figure, self._turn), "value")
        self._clear = pn.widgets.Button(label="Show all galaxies", visible=False)
        self._clear.on_click(lambda event: self._box(None))
        self._build_map()
        self.param.watch(lambda event: patch(self.figure, self._mark), "galaxy")

    def _shelf_toggle(self):
        """A button that leaves only the shelf's galaxies in the table."""
        known = [one for one in shelf() if one.nsaid in self._nsa]
        self._shelved = self._nsa.rows([one.nsaid for one in known]) if known else []
        odd = sum(one.kind == "odd" for one in known)
        toggle = pn.widgets.Toggle(
            label=f"Shelf: {len(known) - odd} famous, {odd} odd galaxies",
            visible=bool(known),
            sizing_mode="stretch_width",
            margin=(0, 4, 4, 4),
            stylesheets=[PRESSED],
        )
        toggle.param.watch(lambda event: self._again(), "value")
        return toggle

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
            {
                "x": columns["r"],
                "y": columns["gr"],
                "NSAID": shown["NSAID"].to_numpy(),
                "alpha": np.full(len(shown), opacity(0.35, len(shown))),
            },
            name="atlas",
        )
        self._columns = columns
        self._chosen = ColumnDataSource({"x": [], "y": []}, name="atlas_chosen")
        f, dots = dot_figure(
            self._points,
            self._chosen,
            sizing_mode="stretch_both",
            min_height=150,
            name="atlas",
        )
        f.min_border = 2
        resize(dots, len(shown))
        f.add_tools(HoverTool(renderers=[dots], tooltips="NSAID @NSAID", limit=3))
        f.on_event("selectiongeometry", self._drawn)
        self._points.selected.on_change("indices", self._tapped)
        self.figure = f
        self._pane = FigurePane(f, sizing_mode="stretch_both", margin=0)
        self._turn()

    def _turn(self):
        """Draw the axes that were chosen; magnitudes grow downwards or to the left."""
        x, y, x_label, y_label = _MAPS[self._axes.value]
        self._points.data = {**self._points.data, "x": self._columns[x], "y": self._columns[y]}
        for axis, column in ((self.figure.x_range, x), (self.figure.y_range, y)):
            ends = self._ends(column)
            if (column == "r" and y == "r") or column == "ra":
                ends = ends[::-1]
            axis.update(start=ends[0], end=ends[1], reset_start=ends[0], reset_end=ends[1])
        self.figure.xaxis.axis_label, self.figure.yaxis.axis_label = x_label, y_label
        self._mark()

    def _ends(self, column, *values):
        """Ends of an axis: of nearly all galaxies, and of these values."""
        if column not in self._nearly_all:
            few = np.nanquantile(self._columns[column], [0.001, 0.999])
            self._nearly_all[column] = float(few[0]), float(few[1])
        few = self._nearly_all[column]
        low, high = min([few[0], *values]), max([few[1], *values])
        margin = 0.05 * (high - low)
        return float(low - margin), float(high + margin)

    def _reach(self, place, axis, column):
        """Let an axis reach a galaxy that lies beyond nearly all others, while it is chosen."""
        usual, ends = self._ends(column), self._ends(column, *place)
        if axis.start > axis.end:
            usual, ends = usual[::-1], ends[::-1]
        now = (axis.start, axis.end)
        if ends != usual:
            both = sorted([*now, *ends], reverse=now[0] > now[1])
            self._reached[axis.id] = both[0], both[-1]
            axis.update(start=both[0], end=both[-1])
        elif now == self._reached.pop(axis.id, None):  # and nobody has moved it since
            axis.update(start=usual[0], end=usual[1])

    def _mark(self):
        x, y, *_ = _MAPS[self._axes.value]
        if self.galaxy in self._own:
            known = _seen(self._own[self.galaxy].photometry)
            place = {
                axis: np.array([known.get(name, np.nan)])
                for axis, name in zip("xy", (x, y), strict=True)
            }
        else:
            row = self.table[(self.table["NSAID"] == self.galaxy).to_numpy()]
            place = {"x": row[x].to_numpy(float), "y": row[y].to_numpy(float)}
        if not all(np.isfinite(v).all() for v in place.values()):
            place = {"x": [], "y": []}  # NSAID 72 has no published position
        self._chosen.data = place
        self._reach(place["x"], self.figure.x_range, x)
        self._reach(place["y"], self.figure.y_range, y)
        self._scroll()

    def _scroll(self):
        """Show the page of the table that has the galaxy, and mark its row."""
        shown = self._list.current_view["NSAID"].to_numpy()
        where = np.flatnonzero(shown == self.galaxy)
        if len(where):
            self._list.page = int(where[0]) // _ROWS + 1
        # Rows of the whole table, in whatever order the others are shown.
        self._list.selection = [int(k) for k in self._list.current_view.index[where]]

    def seek(self, text: str) -> bool:
        """Choose the galaxy that a text means; False, and a message, if it means none."""
        if not text[:LONGEST].strip():
            return False
        try:
            galaxy = find(text, self._nsa, self._own)
        except SedflowError as error:
            self._say(str(error))
            return False
        self.param.update(galaxy=galaxy, message="")
        return True

    def step(self, by: int) -> None:
        """Choose the next galaxy of the table as it is filtered and sorted, or one before."""
        shown = self._list.current_view["NSAID"].to_numpy()
        if not len(shown):
            return
        where = np.flatnonzero(shown == self.galaxy)
        k = (int(where[0]) + by) % len(shown) if len(where) else 0
        self.galaxy = str(shown[k])

    def _say(self, message):
        self.message = message
        self.param.trigger("message")

    def _clicked(self, event):
        if event.row >= len(self.table):
            return  # a row that no page has
        self.galaxy = str(self.table["NSAID"].iloc[event.row])  # of all, whatever is filtered

    def _tapped(self, attr, old, new):
        if new and new[0] < len(self._points.data["NSAID"]):
            self.galaxy = str(self._points.data["NSAID"][new[0]])
            self._points.selected.indices = []  # or the same dot again would be no tap

    def _drawn(self, event):
        if not event.final or pointed(event.geometry):
            return
        try:
            geometry = region(event.geometry)
        except SedflowError as error:
            self._say(str(error))
            return
        if geometry["type"] == "rect":
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
        self._again()

    def _again(self):
        """Show what the box and the shelf leave in the table."""
        if self._boxed is not None:
            left = len(self._on_shelf(self._in_box(self.table)))
            self._clear.label = f"Show all galaxies (now {left:,})"
        self._list.page = 1
        self._list.param.trigger("value")
        self._filtered()
        self._scroll()

    def _on_shelf(self, table):
        """The shelf's galaxies in its order, the famous ones first."""
        if not self._shelf.value:
            return table
        return table.loc[[row for row in self._shelved if row in table.index]]

    def _in_box(self, table):
        return table if self._boxed is None else table[self._boxed[table.index]]

    def _filtered(self, *events):
        """Points of galaxies that the table leaves out fade; it begins with its first page.

        Without a filter again, it shows the page that has the galaxy.
        """
        if events:
            self._list.page = 1
            if not self._list.filters:
                self._scroll()
        kept = np.zeros(len(self.table), bool)
        kept[self._list.current_view.index] = True
        some = not kept.all()
        n = len(self._rows)
        alpha = np.where(kept[self._rows], 0.8 if some else opacity(0.35, n), opacity(0.05, n))
        patch(self.figure, lambda: self._points.data.update(alpha=alpha))

    def __panel__(self):
        return pn.Column(
            self._shelf,
            self._list,
            self._clear,
            self._axes,
            self._pane,
            sizing_mode="stretch_both",
            margin=0,
        )

"""Which columns of an uploaded catalogue mean what."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import replace

import panel as pn

from sedflow.atlas.catalog import NSA_BANDS
from sedflow.catalogue.rows import BandColumns, Mapping
from sedflow.dashboard.server.reader import elements
from sedflow.dashboard.widgets import plain, prose
from sedflow.errors import SedflowError

__all__ = ["MOST_BANDS", "NONE", "ColumnsPanel"]

NONE = "–"
MOST_BANDS = 32  # that have choosers: each offers every column, and takes the loop 13 ms
#: Bytes that the names of columns may take in the page, which each chooser has all of.
_MOST_OFFERED = 1_000_000
_TABLE_UNITS = ("nanomaggies", "mag", "mmag", "Vega", "uJy", "mJy", "Jy", "nJy")

_WRAP = ":host { flex-wrap: wrap; }"
#: Where seven do not fit into a line: four and three, not six and one.
_HALVES = "@media (max-width: 1420px) { :host { max-width: 616px !important; } }"
_BAND_WIDTH = 140  # pixels of a chooser: "modelMagErr_u" is whole


def _kind_of(error):
    """What a column of errors holds, by its name; `sedflow infer` takes the other kinds, too."""
    name = error.lower()
    return (
        "ivar"
        if "ivar" in name
        else "variance"
        if re.search(r"var(iance)?\b|var_", name)
        else "sigma"
    )


def _offered(names, guessed, choosers):
    """Those of the names that as many choosers can offer: what was guessed, then the first ones."""
    left = _MOST_OFFERED // choosers
    kept = set()
    for name in dict.fromkeys([*guessed, *names]):
        left -= 2 * len(json.dumps(name))  # as a name, and as what stands for it
        if left < 0:
            break
        kept.add(name)
    return [name for name in names if name in kept]


class ColumnsPanel(pn.viewable.Viewer):
    """A chooser for each column that a catalogue needs.

    changed : callable, called without arguments when another column is chosen
    """

    def __init__(self, changed: Callable[[], object], **params):
        super().__init__(**params)
        self._changed = changed
        self._table = None
        self.left_out: list[str] = []  # bands of the table for which there is no chooser
        self._column = pn.Column(visible=False, sizing_mode="stretch_width", margin=(0, 4))

    def hide(self) -> None:
        """Show no choosers."""
        self._column.visible = False

    async def offer(self, table, guess: Mapping | None, name: str = "", known=("", "")) -> None:
        """Show choosers for the columns of a table, as `guess` has them.

        name : of the file; known : the columns of ID and redshift, where there is no guess
        """
        self._table = table
        ident, redshift = known if guess is None else (guess.id, guess.redshift)
        bands = {} if guess is None else guess.bands
        there = list(dict.fromkeys((*NSA_BANDS, *bands)))
        self.left_out, there = there[MOST_BANDS:], there[:MOST_BANDS]
        names, mine = elements(table), [bands[band] for band in there if band in bands]
        guessed = [ident, redshift, *(name for one in mine for name in (one.value, one.error))]
        options = [NONE, *_offered(names, guessed, 2 * len(there) + 2)]
        more = len(names) + 1 - len(options)
        left = f". {more:,} more are too many to be offered here; upload fewer, or shorten names."

        def select(label, value, width=150):
            return pn.widgets.Select(
                label=label,
                options=options,
                value=value if value in options else NONE,
                width=width,
                margin=(4, 6),
            )

        self._id = select("ID", ident)
        self._redshift = select("redshift", redshift)
        units = {b.unit for b in bands.values() if b.unit}
        self._unit = pn.widgets.Select(
            label="unit, where the file has none",
            options=[NONE, *_TABLE_UNITS],
            width=180,
            value=next(iter(units)) if len(units) == 1 and units <= set(_TABLE_UNITS) else NONE,
        )
        self._guess, self._whole = bands, guess
        self._pairs = {}
        cells = []
        for band in there:
            one = bands.get(band)
            pair = (
                select(band, one.value if one else "", _BAND_WIDTH),
                select(f"{band} error", one.error if one else "", _BAND_WIDTH),
            )
            self._pairs[band] = pair
            cells.append(pn.Column(*pair, margin=0))
        widgets = [
            self._id,
            self._redshift,
            self._unit,
            *(w for p in self._pairs.values() for w in p),
        ]
        for widget in widgets:
            widget.param.watch(lambda event: self._changed(), "value")
        # Not a FlexBox, which gives what it is appended none of the page's style sheets.
        sheets = [_WRAP, _HALVES] if len(cells) in (7, 8) else [_WRAP]
        box = pn.Row(*cells, margin=0, sizing_mode="stretch_width", stylesheets=sheets)
        with pn.io.hold(freeze=True):  # one by one, each would cost as much as all of them
            said = f"Columns of **{plain(name)}**{left if more else ''}"
            head = [prose(said, margin=(4, 6))] if name else []
            self._column[:] = [*head, pn.Row(self._id, self._redshift, self._unit), box]
            self._column.visible = True
        await asyncio.sleep(0)  # others go between
        self._changed()

    def mapping(self) -> Mapping:
        """What was chosen.

        Raises
        ------
        SedflowError
            A column that is needed was not chosen.
        """
        if self._redshift.value == NONE:
            raise SedflowError("choose the column of the redshift")
        bands: dict[str, BandColumns] = {}
        for band, (value, error) in self._pairs.items():
            if NONE in (value.value, error.value):
                continue
            guess = self._guess.get(band)
            same = guess is not None and (guess.value, guess.error) == (value.value, error.value)
            bands[band] = (
                guess
                if same and guess is not None
                else BandColumns(
                    value.value,
                    error.value,
                    unit=self._unit_of(value.value),
                    error_kind=_kind_of(error.value),
                )
            )
        if not bands:
            raise SedflowError("choose the columns of value and error of at least one band")
        ident = "" if self._id.value == NONE else self._id.value
        mapping = Mapping(self._redshift.value, bands, ident)
        if self._whole is not None and bands == self._whole.bands:  # and so is what was guessed
            mapping = replace(mapping, notes=self._whole.notes, by_name=self._whole.by_name)
        if mapping.open and self._unit.value != NONE:
            return mapping.in_unit(self._unit.value)
        return mapping

    def _unit_of(self, column):
        """The unit that the file states for a column; empty if it states none."""
        base = column if column in self._table.colnames else column.rsplit("[", 1)[0]
        return str(getattr(self._table[base], "unit", None) or "")

    def __panel__(self):
        return self._column

"""The page of a run, the output of `sedflow infer`: filters, a map of all rows, and one galaxy.

The rows stay in their Parquet files; `sedflow.catalogue.results` reads a page at a time. The map
is rasterized by datashader on this server, again for each zoom. A row that is selected shows what
is stored of it at once, and then its posterior, recomputed from the same fluxes with the same
seed.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import panel as pn
import param

from sedflow.atlas.catalog import load_nsa
from sedflow.catalogue.results import RunTable
from sedflow.catalogue.stored_row import departure
from sedflow.dashboard.answer import Answer
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.pages.view import LateView, later, start
from sedflow.dashboard.panels.histories import HistoriesPanel
from sedflow.dashboard.panels.light import LightPanel
from sedflow.dashboard.panels.run_columns import column_label
from sedflow.dashboard.panels.run_filters import RunFilters
from sedflow.dashboard.panels.run_map import RunMap
from sedflow.dashboard.panels.run_state import COUNT, RunState
from sedflow.dashboard.panels.run_table import PAGE_ROWS, RunRows
from sedflow.dashboard.panels.stored import SAME, StoredPanel
from sedflow.dashboard.printed import printed
from sedflow.dashboard.quantities import QUANTITIES
from sedflow.dashboard.rerun import Rerun
from sedflow.dashboard.server.turns import Superseded
from sedflow.dashboard.server.work import RUNS, on_worker
from sedflow.dashboard.widgets import WRAP, begun, note, patch, plain, prose
from sedflow.errors import SedflowError

__all__ = ["RunView"]

MOST_POINTS = 5_000_000  # drawn at once, 12 bytes each; of more rows a random part

# What is asked of a run, of which the latest question of each kind counts.
_PAGE, _MAP, _TAP, _ROW = object(), object(), object(), object()


def _in_turn(function, kind):
    """An async function that asks the run when it is the visitor's turn."""
    return on_worker(function, latest=kind, worker=RUNS)


class RunView(RunState, LateView):
    """A catalogue run: its rows, a map of them, and the galaxy that is selected.

    Parameters
    ----------
    run : path or RunTable
        Folder of the run. The server names it: nothing on the page leads to another.
    engine : Engine, optional
        What computes posteriors; shared with other pages of the same session.

    Raises
    ------
    SedflowError
        The folder does not hold a run that can be read.
    """

    controls_last = True  # the galaxies come before what filters them

    def __init__(self, run, engine: Engine | None = None, **params):
        super().__init__(**params)
        self.table = run if isinstance(run, RunTable) else RunTable(run)
        self.engine = engine or Engine(load_nsa())
        self.stored: dict | None = None
        self.answer: Answer | None = None
        self.rerun = Rerun(self.table, self.engine)
        self._turn = 0  # of the row that was selected last
        self._built = False

    @property
    def weights(self) -> str:
        """Name of the run's network."""
        return self.table.manifest["weights"]["name"]

    def restore(self, values: Mapping[str, Any]) -> None:
        """Show what an address says (`run_address.decode_run`)."""
        self.param.update(**values)
        if self._built:
            self.filters.show_ranges(self.ranges)

    def _build(self):
        if self._built:
            return
        self._built = True
        self._make_panels()
        for names, follow in (
            (["status", "verdict", "ident", "ranges"], self._filtered),
            (["sort", "descending"], self._sorted),
            (["page"], self.show_page),
            (["x", "y", "color"], self.show_map),
            (["row"], self._choose),
        ):
            self.param.watch(later(follow), names)
        start(self._begin)

    def _make_panels(self):
        self.filters = RunFilters(self.table, self)
        self.rows_panel = RunRows(self.table, self)
        self.map = RunMap(self._tapped)
        self.stored_panel = StoredPanel(self.table.manifest["weights"]["bands"])
        self.stored_panel.open.on_click(lambda event: self._explore())

        def title(answer):  # an ID would be cut in a narrow figure; it stands above them
            return f"row {self.stored['row']}"

        self.light = LightPanel(figure_name="run_sed", height=320, residuals=False, title=title)
        self.histories = HistoriesPanel(
            ("sfr", "zh"), prefix="run_", height=190, formation=False, title=title
        )
        self._notice = note("warning", margin=(0, 10))
        self._shown = prose("")
        self._map_note = prose("")
        self._light = pn.Row(
            pn.Column(self.light, styles={"flex": "3 1 320px"}),
            pn.Column(self.histories, styles={"flex": "2 1 320px"}),
            sizing_mode="stretch_width",
            visible=False,
            stylesheets=[WRAP],
        )
        self._controls = pn.Column(self.filters, sizing_mode="stretch_width")
        self._views = pn.Column(
            self._notice,
            self._shown,
            self.map,
            self._map_note,
            self.rows_panel,
            self.stored_panel.head,
            self._light,
            self.stored_panel.numbers,
            sizing_mode="stretch_width",
        )

    def _warn(self, message):
        self._notice.object = plain(f"{begun(message)}." if message else "")
        self._notice.visible = bool(message)

    # Rows and map

    async def _begin(self):
        if self.row is None:
            await self.show_page()
        else:
            await self.turn_to_row()
        await self.show_map()
        if self.row is not None:
            await self.look()

    async def _filtered(self):
        self.page = 0
        await self.show_page()
        await self.show_map()

    async def _sorted(self):
        self.page = 0
        await self.show_page()

    async def show_page(self) -> None:
        """Show the page of the table that is asked for."""
        request = self.rows, self.sort, self.descending, self.page
        try:
            frame, total, page = await _in_turn(self._find_page, _PAGE)(*request)
        except Superseded:
            return
        except SedflowError as error:
            self._warn(str(error))
            return
        if request != (self.rows, self.sort, self.descending, self.page):
            return  # something newer is on its way
        self._show_page(frame, total, page)

    def _show_page(self, frame, total, page):
        self._warn("")
        with pn.io.hold():
            self.rows_panel.show(frame, total, page)
            share = "" if total == self.table.rows else f" of {self.table.rows:,}"
            self._shown.object = (
                f"## {total:,}{share} {'galaxy' if not share and total == 1 else 'galaxies'}"
            )

    def step_by(self, by: int) -> None:
        """Look at the row beside the one shown."""
        row = self.rows_panel.beside(by)
        if row is not None:
            self.row = row

    async def turn_to_row(self) -> None:
        """Show the page of the table that the row is on, where it is known: in the run's order."""
        request = self.rows, self.sort, self.descending, self.row
        if self.sort == "row" and not self.rows_panel.has(self.row):
            try:
                page = await _in_turn(self._page_of_row, _PAGE)(*request)
            except Superseded:
                return
            except SedflowError as error:
                self._warn(str(error))
                return
            if page is not None and request == (self.rows, self.sort, self.descending, self.row):
                with param.parameterized.discard_events(self):
                    self.page = page
        await self.show_page()

    def _page_of_row(self, rows, sort, descending, row):
        """Page of a row, of a table that is sorted by rows; None if the filter leaves it out."""

        def between(low, high):
            return self.table.count(replace(rows, ranges=(*rows.ranges, ("row", low, high))))

        if row is None or not between(row, row):
            return None
        before = between(row + 1, None) if descending else between(None, row - 1)
        return before // PAGE_ROWS

    def _find_page(self, rows, sort, descending, page):
        total = self.table.count(rows)
        page = min(page, max(math.ceil(total / PAGE_ROWS) - 1, 0))
        frame = self.table.page(
            rows,
            self.rows_panel.columns,
            sort=sort,
            descending=descending,
            start=page * PAGE_ROWS,
            size=PAGE_ROWS,
        )
        return frame, total, page

    async def show_map(self) -> None:
        """Draw the map of the rows that the filter keeps."""
        request = self.rows, self.x, self.y, self.color
        try:
            points, total, ends = await _in_turn(self._find_points, _MAP)(*request)
        except Superseded:
            return
        except SedflowError as error:
            self._warn(str(error))
            return
        if request != (self.rows, self.x, self.y, self.color):
            return
        labels = {c: column_label(c) for c in (self.x, self.y, self.color) if c != COUNT}
        drawn = len(points[self.x])
        self.map.show(points, self.x, self.y, self.color, labels, ends)
        said = f"{total:,} {'galaxy has' if total == 1 else 'galaxies have'} both values."
        if drawn < total:
            said = f"{drawn:,} of {total:,} galaxies are drawn, a random part."
        elif total:
            said += " Use the wheel and drag to zoom; click the map to select the nearest galaxy."
        else:
            said = "No galaxy that is left has both values: show all rows, or choose other columns."
        self._map_note.object = said
        self._mark()

    def _find_points(self, rows, x, y, color):
        columns = [x, y] if color == COUNT else [x, y, color]
        points, total = self.table.points(rows, columns, MOST_POINTS)
        # A redshift of -99 of a row that has no posterior is nowhere on the map.
        ends = self.table.span(x, beside=y), self.table.span(y, beside=x)
        return points, total, ends

    def _mark(self):
        """Show on the map where the galaxy is."""
        self.map.mark(self.stored)

    # One galaxy

    async def _tapped(self, at, scale, columns):
        try:
            nearest = _in_turn(self.table.nearest, _TAP)
            row = await nearest(self.rows, *columns, at, scale)
        except Superseded:
            return
        except SedflowError as error:
            self._warn(str(error))
            return
        if row is not None:
            self.row = row

    async def _choose(self):
        """Show the row that a visitor has chosen, wherever the page stands."""
        await self.look(reveal=True)
        await self.turn_to_row()

    async def look(self, reveal: bool = False) -> None:
        """Show what is stored of the row, and then its posterior, recomputed.

        reveal : whether to bring it into view, which the row of an address is not
        """
        self._turn += 1
        turn, self.answer = self._turn, None
        if self.row is None:  # Back to where none was chosen
            self._clear()
            return
        try:
            stored = await _in_turn(self.table.row, _ROW)(self.row)
        except Superseded:
            return
        except SedflowError as error:
            self._warn(str(error))
            return
        if turn != self._turn:
            return
        self._warn("")
        self.rows_panel.select()
        self.show_stored(stored)
        if reveal:
            self.stored_panel.reveal()
        if stored["status"] != "bad row":
            await self._recompute(turn, stored)

    def _clear(self):
        """Show no row."""
        self.stored = None
        with pn.io.hold():
            self.stored_panel.clear()
            self.rows_panel.select()
            self._light.visible = False
            self._mark()

    def show_stored(self, stored: dict) -> None:
        """Show what is stored of a row."""
        self.stored = stored
        with pn.io.hold():
            self.stored_panel.show(stored)
            self._light.visible = False
            self._mark()

    async def _recompute(self, turn, stored):
        """Show the posterior of a row, unless another row is selected meanwhile."""
        outcome = self.stored_panel.outcome
        self.stored_panel.busy(True)
        try:
            answer = await self.infer(stored)
        except SedflowError as error:
            if turn == self._turn:
                again = str(error).rstrip(".") == str(stored["reason"]).rstrip(".")
                outcome.object = (
                    "No posterior is computed here, for that reason."
                    if again
                    else (f"The posterior could not be recomputed: {plain(printed(error))}.")
                )
            return
        finally:
            if turn == self._turn:
                self.stored_panel.busy(False)
        if turn != self._turn:
            return
        away = self._show_answer(stored, answer)
        if away < SAME or not self.rerun.quick:
            return
        outcome.object += " The steps of the run are being repeated …"
        try:
            answer = await self.rerun.repeat(answer)
        except Superseded:  # by that of another row
            return
        except SedflowError as error:
            if turn == self._turn:
                outcome.object = f"The steps were not repeated: {plain(error)}."
            return
        if turn == self._turn:
            self._show_answer(stored, answer, repeated=True)

    async def infer(self, stored: dict) -> Answer:
        """The posterior of a row by the run's own network, with the row's own seed."""
        return await self.rerun.answer(self.rerun.request(stored))

    def _show_answer(self, stored, answer, repeated=False):
        """Show the posterior; returns how far it is from what is stored."""
        self.answer = answer
        away, worst = departure(stored, [q.name for q in QUANTITIES], answer.quantiles)

        def draw():
            self.light.show(answer)
            self.histories.show(answer)

        with pn.io.hold():
            self.stored_panel.compare(stored, answer, away, worst, repeated)
        patch(self.light.figure, draw)
        self._light.visible = True
        return away

    def _explore(self):
        shown = None if self.stored is None else self.stored["row"]  # another may be on its way
        if name := self.rerun.name(shown):
            self.chosen = ""
            self.chosen = name


SurveyView = RunView  # its name before runs were called runs

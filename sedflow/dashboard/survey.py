"""Survey: the output of `sedflow infer`, browsed: filters, a density of all rows, and one galaxy.

The rows stay in their Parquet files, of which `sedflow.survey_table` reads a page at a time; the
density is rasterized by datashader on this server, again for each zoom. A row that is picked shows
what is stored of it at once, and then its posterior, drawn anew from the same fluxes with the same
seed.
"""

import asyncio
import html
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import panel as pn
import param

from sedflow.batch import STATUS, row_seed
from sedflow.dashboard import figures
from sedflow.dashboard.inference import QUANTITIES, Desk, OwnGalaxy, Request, on_worker
from sedflow.dashboard.live import PRESSED, SMALL_TABLE, WRAP, patch
from sedflow.dashboard.prose import prose
from sedflow.dashboard.survey_map import COUNT, SurveyMap
from sedflow.dashboard.view import LateView
from sedflow.errors import SedflowError
from sedflow.fitting import fit
from sedflow.nsa import load_nsa
from sedflow.parameters import NAMES
from sedflow.posterior import packaged_weights
from sedflow.survey_table import RowFilter, SurveyTable, departure, stored_photometry
from sedflow.trust import VERDICTS

__all__ = ["SurveyView", "column_label"]

PAGE_ROWS = 15
MOST_POINTS = 5_000_000  # drawn at once, 12 bytes each; of more rows a random part
_MEDIAN = {f"{q.name}_50": q.axis_label for q in QUANTITIES}
_FIGURES = {
    "redshift": "redshift", "k_hat": "k-hat", "ess": "effective draws", "gap": "gap [nats]",
    "p_value": "p-value", "log_evidence": "ln evidence", "r_hat": "largest R-hat",
    "chi2": "χ² of the best draw", "n_band": "bands", "row": "row", "id": "ID",
}  # fmt: skip
_SHOWN = (
    "row", "id", "status", "verdict", "redshift", "k_hat", "ess", "chi2", "log_mass_surviving_50",
    "log_sfr_100myr_50", "age_mw_50", "log_z_mw_solar_50", "a_v_50",
)  # fmt: skip
_TITLES = {
    "row": "row", "id": "ID", "status": "status", "verdict": "verdict", "redshift": "z",
    "k_hat": "k-hat", "ess": "ESS", "chi2": "χ²", "log_mass_surviving_50": "log M★",
    "log_sfr_100myr_50": "log SFR", "age_mw_50": "age", "log_z_mw_solar_50": "log Z/Z☉",
    "a_v_50": "A_V",
}  # fmt: skip
_RANGES = ("redshift", "log_mass_surviving_50", "k_hat")
_COLORS = {
    "amortized": figures.PREDICTED, "reweighted": figures.MODEL, "mcmc": figures.MODEL,
    "failed": figures.DATA, "bad row": figures.DATA,
}  # fmt: skip
_QUICK = ("weights", "proposals")  # what a run may be told, of which the steps take seconds
_SAME = 0.01  # of half a 68 % interval: stored numbers are float32
_CSS = """
.tables { display: flex; flex-wrap: wrap; gap: 0 24px; }
table { border-collapse: collapse; font-size: 13px; margin: 4px 0 8px; }
td, th { padding: 2px 9px 2px 0; text-align: right; border-bottom: 1px solid #88888855;
         vertical-align: top; }
td:first-child, th:first-child { text-align: left; }
"""


def column_label(column: str) -> str:
    """What a column of the results is called on an axis, with its unit.

    >>> column_label("log_sfr_100myr_50"), column_label("flux_r")
    ('log SFR 100 Myr [M☉/yr]', 'flux r [nanomaggies]')
    """
    if column in _MEDIAN:
        return _MEDIAN[column]
    name, _, level = column.rpartition("_")
    if f"{name}_50" in _MEDIAN:
        return f"{_MEDIAN[f'{name}_50']}, {level} %"
    if column.startswith(("flux_", "sigma_")):
        kind, band = column.split("_", 1)
        return f"{'flux' if kind == 'flux' else 'error'} {band} [nanomaggies]"
    return _FIGURES.get(column, column)


@dataclass(frozen=True)
class _Asked:
    """What decides a page of rows."""

    rows: RowFilter
    sort: str
    descending: bool
    page: int


class SurveyView(LateView):
    """A catalogue run: its rows, a density of them, and the galaxy that is picked.

    Parameters
    ----------
    survey : path or SurveyTable
        Folder of the run. It is the server's to name: nothing on the page leads to another.
    desk : Desk, optional
        What draws posteriors; shared with other pages of the same session.

    Raises
    ------
    SedflowError
        The folder holds no run that can be read.
    """

    row = param.Integer(default=None, allow_None=True, bounds=(0, None), doc="Row looked at")
    chosen = param.String(doc="Name on the desk of the galaxy to open in Explore")
    status = param.List(default=[], item_type=str, doc="Status allowed; none for any")
    verdict = param.List(default=[], item_type=str, doc="Verdicts allowed; none for any")
    ident = param.String(doc="Text that the ID contains")
    ranges = param.List(default=[], doc="(column, low, high) each, None for no limit")
    sort = param.String(default="row", doc="Column that the table is sorted by")
    descending = param.Boolean(default=False)
    page = param.Integer(default=0, bounds=(0, None), doc="Page of the table, from 0")
    x = param.String(default="log_mass_surviving_50", doc="Column across the map")
    y = param.String(default="log_sfr_100myr_50", doc="Column up the map")
    color = param.String(default=COUNT, doc="Column of which a pixel shows the mean; or the count")

    def __init__(self, survey, desk: Desk | None = None, **params):
        super().__init__(**params)
        self.table = survey if isinstance(survey, SurveyTable) else SurveyTable(survey)
        self.desk = desk or Desk(load_nsa())
        self.stored = self.answer = self.frame = None
        self._names: dict[int, str] = {}
        self._looked = 0
        self._built = False

    @property
    def rows(self) -> RowFilter:
        """The filter that is set."""
        return RowFilter(tuple(self.ranges), tuple(self.status), tuple(self.verdict), self.ident)

    @property
    def weights(self) -> str:
        """Name of the run's network."""
        return self.table.manifest["weights"]["name"]

    def _build(self):
        if self._built:
            return
        self._built = True
        self._build_controls()
        self._build_views()
        for names, follow in (
            (["status", "verdict", "ident", "ranges"], self._filtered),
            (["sort", "descending"], self._sorted),
            (["page"], lambda event: self.show_page()),
            (["x", "y", "color"], lambda *events: self.show_map()),
            (["row"], lambda event: self.look()),
        ):
            self.param.watch(_later(follow), names)
        _start(self._begin)

    # Controls

    def _build_controls(self):
        table = self.table
        plotted = {
            column_label(c): c
            for c in table.numbers
            if c in _MEDIAN or c in _FIGURES or c.startswith(("flux_", "sigma_"))
        }

        def choose(name, label, options):
            widget = pn.widgets.Select(
                label=label, options=options, value=getattr(self, name),
                sizing_mode="stretch_width",
            )  # fmt: skip
            widget.link(self, value=name, bidirectional=True)
            return widget

        def buttons(name, options):
            widget = pn.widgets.CheckButtonGroup(
                label=name, options=[o for o in options if o], value=list(getattr(self, name)),
                stylesheets=[PRESSED],
            )  # fmt: skip
            widget.link(self, value=name, bidirectional=True)
            return widget

        ident = pn.widgets.TextInput(
            label="ID contains", placeholder="part of an ID", sizing_mode="stretch_width"
        )
        ident.link(self, value="ident", bidirectional=True)
        self._limits = [self._limit(column, plotted) for column in _RANGES]
        clear = pn.widgets.Button(label="Show all rows")
        clear.on_click(lambda event: self.clear())
        self.controls_of = {
            "x": choose("x", "across", plotted),
            "y": choose("y", "up", plotted),
            "color": choose("color", "colour", {"number of galaxies": COUNT} | {
                f"mean {label}": c for label, c in plotted.items()
            }),
        }  # fmt: skip
        self._controls = pn.Column(
            prose(self._facts()),
            prose("### Rows"),
            prose("status", margin=(0, 10, -12, 10)),
            buttons("status", STATUS),
            prose("verdict", margin=(0, 10, -12, 10)),
            buttons("verdict", VERDICTS),
            ident,
            *(pn.Row(*row, margin=0, sizing_mode="stretch_width") for row in self._limits),
            clear,
            prose("### Map"),
            *self.controls_of.values(),
            sizing_mode="stretch_width",
        )  # fmt: skip

    def _limit(self, column, options):
        """Widgets of one range: a column and its ends."""
        which = pn.widgets.Select(label="between", options=options, value=column, width=150)
        low, high = (
            pn.widgets.FloatInput(label=label, value=None, width=75, placeholder="any", step=0.1)
            for label in ("from", "to")
        )
        for widget in (which, low, high):
            widget.param.watch(lambda event: self._limited(), "value")
        return which, low, high

    def _limited(self):
        self.ranges = [
            (which.value, low.value, high.value)
            for which, low, high in self._limits
            if low.value is not None or high.value is not None
        ]

    def clear(self):
        """Take all filters off."""
        with param.parameterized.batch_call_watchers(self):
            for _, low, high in self._limits:
                low.value = high.value = None
            self.param.update(status=[], verdict=[], ident="", ranges=[])

    def _facts(self):
        """What the run was, as Markdown."""
        manifest, table = self.table.manifest, self.table
        settings, verdicts = manifest["settings"], table.counts("verdict")
        bad = table.counts("status").get("bad row", 0)
        lines = [
            f"### {_plain(manifest['catalogue']['name'])}",
            "",
            "| | |",
            "|---|---|",
            f"| rows | {table.rows:,} |",
            *(f"| {kind} | {verdicts[kind]:,} |" for kind in VERDICTS if kind in verdicts),
            *([f"| bad rows | {bad:,} |"] if bad else []),
            f"| network | {_plain(self.weights)} |",
            f"| draws, seed | {settings['n']:,}, {settings['seed']} |",
            f"| trust | {settings['trust']} |",
        ]
        if not table.finished:
            lines += [
                "",
                f"**Not finished**: {table.parts:,} of {table.all_parts:,} partitions are there, "
                f"{table.rows:,} of {manifest['catalogue']['rows']:,} rows. Load the page again "
                "to see more.",
            ]
        return "\n".join(lines)

    # Views

    def _build_views(self):
        self._notice = pn.pane.Alert("", alert_type="warning", visible=False, margin=(0, 10))
        self._shown = prose("")
        self.map = SurveyMap(self._tapped)
        self._map_note = prose("")
        self._build_table()
        self._heading = prose("## No galaxy picked", sizing_mode=None)
        self._spinner = pn.indicators.LoadingSpinner(size=22, value=False, visible=False)
        self._open = pn.widgets.Button(label="Open in Explore", visible=False, align="center")
        self._open.on_click(lambda event: self._explore())
        self._told = pn.pane.HTML(
            "Click a row of the table, or a place on the map: the galaxy nearest to it is taken.",
            sizing_mode="stretch_width", margin=(0, 10), stylesheets=[_CSS],
        )  # fmt: skip
        self._live = prose("")
        self._numbers = pn.pane.HTML(
            "", stylesheets=[_CSS], margin=(0, 10), sizing_mode="stretch_width"
        )
        self._sed = None
        self._histories = {}
        self._sed_pane = pn.pane.Bokeh(None, sizing_mode="stretch_width", margin=(0, 5))
        self._history_panes = {
            which: pn.pane.Bokeh(None, sizing_mode="stretch_width", margin=(0, 5))
            for which in ("sfr", "zh")
        }
        self._light = pn.Row(
            pn.Column(self._sed_pane, styles={"flex": "3 1 0"}),
            pn.Column(*self._history_panes.values(), styles={"flex": "2 1 0"}),
            sizing_mode="stretch_width", visible=False, stylesheets=[WRAP],
        )  # fmt: skip
        self._views = pn.Column(
            self._notice,
            self._shown,
            self.map,
            self._map_note,
            self._table_bar,
            self._list,
            pn.Row(self._heading, self._spinner, self._open),
            self._told,
            self._live,
            self._light,
            self._numbers,
            sizing_mode="stretch_width",
        )  # fmt: skip

    def _build_table(self):
        self._columns = [c for c in _SHOWN if c in self.table.columns]
        self._list = pn.widgets.Tabulator(
            pd.DataFrame(columns=self._columns), disabled=True, show_index=False, selectable=1,
            titles=_TITLES, layout="fit_data_stretch", sizing_mode="stretch_width", sortable=False,
            stylesheets=[SMALL_TABLE], height=462,
        )  # fmt: skip
        self._list.on_click(self._clicked)
        options = {_TITLES[c]: c for c in self._columns} | {
            column_label(c): c for c in self.table.numbers if c in _MEDIAN
        }
        sort = pn.widgets.Select(label="sort by", options=options, value=self.sort, width=170)
        sort.link(self, value="sort", bidirectional=True)
        turn = pn.widgets.Toggle(
            label="largest first", value=self.descending, align="end", stylesheets=[PRESSED]
        )
        turn.link(self, value="descending", bidirectional=True)
        self._back = pn.widgets.Button(label="Previous", align="end")
        self._next = pn.widgets.Button(label="Next", align="end")
        self._back.on_click(lambda event: self._turn(-1))
        self._next.on_click(lambda event: self._turn(1))
        self._number = pn.widgets.IntInput(label="page", value=1, start=1, width=90)
        self._number.param.watch(lambda event: self._go(event.new), "value")
        self._of = prose("", sizing_mode=None, align="end", margin=(0, 5, 8, 5))
        self._table_bar = pn.Row(
            sort, turn, pn.layout.HSpacer(), self._back, self._number, self._of, self._next,
            sizing_mode="stretch_width",
        )  # fmt: skip

    # Pages

    async def _begin(self):
        await self.show_page()
        await self.show_map()
        if self.row is not None:
            await self.look()

    async def _filtered(self, *events):
        self.page = 0
        await self.show_page()
        await self.show_map()

    async def _sorted(self, *events):
        self.page = 0
        await self.show_page()

    def _turn(self, by):
        self.page = max(self.page + by, 0)

    def _go(self, number):
        if number is not None:
            self.page = max(number - 1, 0)

    def _asked(self):
        return _Asked(self.rows, self.sort, self.descending, self.page)

    async def show_page(self):
        """Show the page of the table that is asked for."""
        asked = self._asked()
        try:
            found = await asyncio.to_thread(self._find_page, asked)
        except SedflowError as error:
            self._warn(str(error))
            return
        if asked != self._asked():
            return  # something newer is on its way
        frame, total, page = found
        pages = max(math.ceil(total / PAGE_ROWS), 1)
        self._warn("")
        self.frame, self.total = frame, total
        if page != self.page:
            with param.parameterized.discard_events(self):
                self.page = page
        with pn.io.hold():
            self._list.value = _rounded(frame)
            self._select()
            self._number.param.update(value=page + 1, end=pages)
            self._of.object = f"of {pages:,}"
            self._back.disabled, self._next.disabled = page == 0, page + 1 >= pages
            share = "" if total == self.table.rows else f" of {self.table.rows:,}"
            self._shown.object = f"## {total:,}{share} galaxies"

    def _select(self):
        """Mark the galaxy in the table, if it is on this page."""
        at = [] if self.frame is None else np.flatnonzero(self.frame["row"] == self.row)
        self._list.selection = [int(k) for k in at]

    def _find_page(self, asked):
        total = self.table.count(asked.rows)
        page = min(asked.page, max(math.ceil(total / PAGE_ROWS) - 1, 0))
        frame = self.table.page(
            asked.rows, self._columns, sort=asked.sort, descending=asked.descending,
            start=page * PAGE_ROWS, size=PAGE_ROWS,
        )  # fmt: skip
        return frame, total, page

    async def show_map(self):
        """Draw the map of the rows that the filter leaves."""
        asked = self.rows, self.x, self.y, self.color
        try:
            points, total, ends = await asyncio.to_thread(self._find_points, *asked)
        except SedflowError as error:
            self._warn(str(error))
            return
        if asked != (self.rows, self.x, self.y, self.color):
            return
        labels = {c: column_label(c) for c in (self.x, self.y, self.color) if c != COUNT}
        drawn = len(points[self.x])
        self.map.show(points, self.x, self.y, self.color, labels, ends)
        self._map_note.object = (
            f"{drawn:,} of {total:,} galaxies are drawn, a random part."
            if drawn < total
            else f"{total:,} galaxies have both values. Wheel and drag zoom; a tap picks the "
            "nearest galaxy."
        )
        self._mark()

    def _find_points(self, rows, x, y, color):
        columns = [x, y] if color == COUNT else [x, y, color]
        points, total = self.table.points(rows, columns, MOST_POINTS)
        return points, total, (self.table.span(x), self.table.span(y))

    def _warn(self, message):
        self._notice.object = html.escape(f"{message}." if message else "", quote=False)
        self._notice.visible = bool(message)

    # One galaxy

    def _clicked(self, event):
        self.row = int(self.frame["row"].iloc[event.row])

    async def _tapped(self, at, scale):
        try:
            row = await asyncio.to_thread(self.table.nearest, self.rows, self.x, self.y, at, scale)
        except SedflowError as error:
            self._warn(str(error))
            return
        if row is not None:
            self.row = row

    async def look(self):
        """Show what is stored of the row, and then its posterior, drawn anew."""
        row = self.row
        if row is None:
            return
        self._looked += 1
        turn, self.answer = self._looked, None
        try:
            self.stored = stored = await asyncio.to_thread(self.table.row, row)
        except SedflowError as error:
            self._warn(str(error))
            return
        if turn != self._looked:
            return
        self._warn("")
        self._select()
        self._show_stored(stored)
        if stored["status"] == "bad row":
            return
        self._spinner.value = self._spinner.visible = True
        try:
            answer = await self.infer(row, stored)
        except SedflowError as error:
            if turn == self._looked:
                self._live.object = f"No posterior could be drawn anew: {_plain(error)}."
            return
        finally:
            if turn == self._looked:
                self._spinner.value = self._spinner.visible = False
        if turn != self._looked:
            return
        self.answer = answer
        away = self._show_answer(stored, answer)
        settings = self.table.manifest["settings"]
        if away < _SAME or settings["trust"] not in _QUICK:
            return
        self._live.object += " The steps of the run are being repeated …"
        answer = await on_worker(self._repeat)(answer)
        if turn == self._looked:
            self.answer = answer
            self._show_answer(stored, answer, repeated=True)

    async def infer(self, row: int, stored: dict):
        """The posterior of a row by the run's own network, with the row's own seed."""
        galaxy = self._photometry(stored)
        if row not in self._names:
            catalogue = self.table.manifest["catalogue"]["name"]
            self._names[row] = self.desk.add(
                f"{catalogue} {_ident(stored)}", OwnGalaxy(galaxy)
            )  # fmt: skip
        settings = self.table.manifest["settings"]
        request = Request(
            self._names[row], settings["n"], row_seed(settings["seed"], _ident(stored)),
            self.weights,
        )  # fmt: skip
        return await on_worker(self._answer)(request)

    def _answer(self, request):
        """On the worker's thread: the answer, if the network is the run's."""
        wanted = self.table.manifest["weights"]
        try:
            network = self.desk.posterior(request.weights)
        except SedflowError:
            raise SedflowError(
                f"the run's network {request.weights} is not one of this version's "
                f"({', '.join(packaged_weights())}); what is stored is all there is"
            ) from None
        if network.record["weights_sha256"] != wanted["sha256"]:
            raise SedflowError(
                f"the network {request.weights} of this version is not the one that the run was "
                "made with; what is stored is all there is"
            )
        return self.desk.answer(request)

    def _repeat(self, answer):
        """On the worker's thread: the answer by all steps of the run, not the first alone."""
        request, trust = answer.request, self.table.manifest["settings"]["trust"]
        better = fit(
            self.desk.used(request), self.desk.posterior(request.weights), n=request.n,
            seed=request.seed, trust=trust,
        )  # fmt: skip
        return self.desk.with_fit(answer, better)

    def _photometry(self, stored):
        return stored_photometry(stored, self.table.manifest["weights"]["bands"])

    def _show_stored(self, stored):
        bad = stored["status"] == "bad row"
        with pn.io.hold():
            self._heading.object = (
                f"## {_plain(_ident(stored))}, z = {stored['redshift']:.4f} · row {stored['row']:,}"
            )
            self._told.object = _told(stored)
            self._live.object = "" if bad else "The posterior is being drawn anew …"
            self._numbers.object = "" if bad else self._tables(stored)
            self._light.visible = False
            self._open.visible = not bad
            self._mark()

    def _mark(self):
        """Show on the map where the galaxy is."""
        stored = self.stored
        self.map.mark(None if stored is None else (stored[self.x], stored[self.y]))

    def _tables(self, stored, answer=None):
        """Fluxes and quantiles as HTML."""
        bands = self.table.manifest["weights"]["bands"]
        fluxes = [
            (b, f"{stored[f'flux_{b}']:.4g}", f"{stored[f'sigma_{b}']:.2g}")
            for b in bands
            if np.isfinite(stored[f"flux_{b}"])
        ]
        rows = []
        for k, q in enumerate(QUANTITIES):
            row = [q.axis_label, *(f"{stored[f'{q.name}_{p}']:.3f}" for p in (16, 50, 84))]
            if answer is not None:
                row.append(f"{answer.quantiles[1, k]:.3f}")
            rows.append(row)
        heads = ["16 %", "50 %", "84 %"] + (["50 % anew"] if answer is not None else [])
        first = len(NAMES)
        tables = (
            _html_table(["parameter", *heads], rows[:first]),
            _html_table(["derived", *heads], rows[first:]),
            _html_table(["band", "flux [nanomaggies]", "error"], fluxes),
        )
        return f"<div class='tables'>{''.join(tables)}</div>"

    def _show_answer(self, stored, answer, repeated=False):
        names = [q.name for q in QUANTITIES]
        away, worst = departure(stored, names, answer.quantiles)
        with pn.io.hold():
            self._live.object = _compared(answer, away, worst, repeated)
            self._numbers.object = self._tables(stored, answer)
        if self._sed is None:
            self._draw(stored, answer)
        else:
            patch(self._sed.figure, lambda: self._draw(stored, answer))
        self._light.visible = True
        return away

    def _draw(self, stored, answer):
        galaxy, found = answer.fit.photometry, answer.fit
        title = f"{_ident(stored)}, z = {stored['redshift']:.4f}"
        layers = figures.sed_layers(
            f"Spectrum and photometry: {title}", galaxy.bands, float(galaxy.redshift),
            curves=answer.best_curves, quantiles=(answer.spectra[0], answer.spectrum_quantiles),
            data=(galaxy.flux, galaxy.sigma), predicted=found.predicted.quantiles(),
        )  # fmt: skip
        histories = {
            which: figures.history_layers(
                title, which, found.history.edges, answer.history_quantiles[which]
            )
            for which in self._history_panes
        }
        if self._sed is not None:
            self._sed.update(layers)
            for which, one in histories.items():
                self._histories[which].update(one)
            return
        self._sed = figures.SEDFigure(layers, name="survey_sed", height=320)
        self._sed_pane.object = self._sed.figure
        for which, one in histories.items():
            self._histories[which] = figures.HistoryFigure(
                one, which, name=f"survey_{which}", height=190
            )
            self._history_panes[which].object = self._histories[which].figure

    def _explore(self):
        if self.row in self._names:
            self.chosen = ""
            self.chosen = self._names[self.row]


def _later(follow):
    """A watcher that lets an async function run."""

    async def run(*events):
        done = follow(*events)
        if asyncio.iscoroutine(done):
            await done

    return run


def _start(function):
    """Let an async function run as soon as the page stands."""
    if pn.state.curdoc is not None and pn.state.curdoc.session_context is not None:
        pn.state.onload(function)
    else:
        pn.state.execute(function)


def _ident(stored):
    """The ID of a row as text; its number where it has none."""
    return str(stored["row"] if pd.isna(stored["id"]) else stored["id"])


def _plain(text):
    """Text for Markdown that means nothing but itself."""
    return html.escape(str(text)).replace("*", "&#42;").replace("_", "&#95;").replace("|", "&#124;")


def _html_table(heads, rows):
    def line(cells, tag):
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(c))}</{tag}>" for c in cells) + "</tr>"

    return f"<table>{line(heads, 'th')}{''.join(line(row, 'td') for row in rows)}</table>"


def _rounded(frame):
    """A page of rows as the table shows it."""
    out = frame.copy()
    out["id"] = ["" if pd.isna(v) else str(v) for v in out["id"]]
    for name in out.columns[out.dtypes.map(pd.api.types.is_float_dtype)]:
        digits = 4 if name == "redshift" else 0 if name == "ess" else 2
        out[name] = [f"{v:,.{digits}f}" if np.isfinite(v) else "–" for v in out[name]]
    return out


def _told(stored):
    """Verdict, reason and figures of a row, as HTML."""
    kind = stored["verdict"] or stored["status"]
    words = [
        f'<span style="background:{_COLORS.get(kind, figures.OTHER)};color:white;border-radius:9px;'
        f'padding:2px 10px;font-weight:600;margin-right:8px">{html.escape(kind)}</span>'
        f"{html.escape(str(stored['reason']))}"
    ]
    if stored["status"] == "bad row":
        return f"<div>{words[0]}</div>"
    shown = [
        (label, f"{stored[name]:{style}}")
        for name, label, style in (
            ("k_hat", "k-hat", ".2f"), ("ess", "effective draws", ",.0f"),
            ("gap", "gap [nats]", ".2f"), ("chi2", "χ² of the best draw", ".2f"),
            ("p_value", "p-value", ".2g"), ("log_evidence", "ln evidence", ".2f"),
            ("r_hat", "largest R-hat", ".3f"),
        )
        if np.isfinite(stored[name])
    ]  # fmt: skip
    shown += [
        ("bands", str(stored["n_band"])),
        ("like those of training", "yes" if stored["inside"] else "no"),
    ]
    line = " · ".join(f"{html.escape(a)} <b>{html.escape(b)}</b>" for a, b in shown)
    return f"<div>{words[0]}</div><div style='margin-top:6px'>{line}</div>"


def _compared(answer, away, worst, repeated):
    """Whether the posterior drawn anew is the stored one, in Markdown."""
    steps = " by the steps of the run" if repeated else ""
    text = f"Drawn anew by {_plain(answer.request.weights)}, {answer.request.n:,} draws{steps}"
    if not np.isfinite(away):
        return f"{text}; nothing is stored to compare it with."
    if away < _SAME:
        return f"{text}: **the stored quantiles are reproduced** (to {max(away, 1e-6):.1g} σ)."
    label = next(q.label for q in QUANTITIES if q.name == worst)
    why = "the run went further up the ladder"
    if repeated:
        why = "another version or processor made them"
    elif not answer.exact:
        why = "the weights of so few draws do not hold, and these are the network's own"
    return f"{text}: up to **{away:.2g} σ** from the stored quantiles ({label}); {why}."

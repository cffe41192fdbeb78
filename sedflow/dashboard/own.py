"""Your data: one galaxy typed in, or a catalogue uploaded, mapped, run and downloaded."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import panel as pn
import param

from sedflow.batch import infer_partition
from sedflow.dashboard.inference import OwnGalaxy, on_worker
from sedflow.dashboard.live import SMALL_TABLE
from sedflow.dashboard.prose import prose
from sedflow.errors import SedflowError
from sedflow.nsa import NSA_BANDS
from sedflow.photometry import Photometry
from sedflow.resources import DEFAULT_WEIGHTS
from sedflow.tables import BandColumns, Mapping, guess_mapping, preview, read_table, to_photometry

__all__ = ["OwnDataView", "typed_galaxy"]

_UNITS = {"AB magnitudes": "mag", "nanomaggies": "nanomaggies", "µJy": "uJy"}
MAX_MEGABYTES = 10  # of an upload: a websocket message ends at 20
MAX_ROWS = 500  # run in the app; more is the command line's work
_DRAWS = 1000
_AT_ONCE = 5  # rows between two looks at other visitors
_NONE = "–"
_TABLE_UNITS = ("nanomaggies", "mag", "uJy", "mJy", "Jy", "nJy")
_SHOWN = ("log_mstar", "log_sfr_100myr", "age_mw", "log_z_mw_solar", "a_v")


def typed_galaxy(values: dict, redshift, unit: str) -> Photometry:
    """Photometry from what was typed: band -> (value, error); a band without a value is absent."""
    table, bands = {"redshift": [np.nan if redshift is None else redshift]}, {}
    for band, (value, error) in values.items():
        if value is None:
            continue
        if error is None or not 0 < error < np.inf:
            raise SedflowError(f"band {band} has no error above 0; type one, or clear the band")
        table |= {f"flux {band}": [value], f"error {band}": [error]}
        bands[band] = BandColumns(f"flux {band}", f"error {band}", _UNITS[unit])
    if not bands:
        raise SedflowError("no band has a value; type the flux or magnitude of one band at least")
    rows = to_photometry(table, Mapping("redshift", bands))
    if rows.problems:
        raise SedflowError(rows.problems[0].reason)
    return rows.photometry[0].observed


class OwnDataView(pn.viewable.Viewer):
    """Type a galaxy or upload a catalogue; `chosen` is the name of the galaxy to look at."""

    chosen = param.String(default="")

    def __init__(self, desk, **params):
        super().__init__(**params)
        self.desk = desk
        self.controls = pn.Column(
            "### Your data",
            "Type the photometry of one galaxy, or upload a catalogue. Fluxes must be corrected "
            "for Galactic extinction. Nothing leaves this server, and nothing is kept on it.",
            sizing_mode="stretch_width",
        )
        self.catalogue = CatalogueView(desk)
        self.catalogue.param.watch(lambda event: setattr(self, "chosen", event.new), "chosen")
        self.views = pn.Column(self._one(), self.catalogue, sizing_mode="stretch_width")

    def _one(self):
        self._name = pn.widgets.TextInput(label="name", value="my galaxy", width=200)
        self._redshift = pn.widgets.FloatInput(
            label="redshift", value=0.05, start=0.0, step=0.01, width=120
        )
        self._unit = pn.widgets.Select(label="unit", options=list(_UNITS), width=160)
        self._values = {}
        rows = []
        for band in NSA_BANDS:
            value = pn.widgets.FloatInput(label=band, value=None, width=95)
            error = pn.widgets.FloatInput(label=f"{band} error", value=None, width=95)
            self._values[band] = (value, error)
            rows.append(pn.Column(value, error))
        go = pn.widgets.Button(label="Infer this galaxy", color="primary")
        go.on_click(lambda event: self.infer_typed())
        self._typed_note = prose("", margin=(0, 10))
        return pn.Column(
            prose("## One galaxy", margin=(0, 10)),
            pn.Row(self._name, self._redshift, self._unit),
            pn.FlexBox(*rows),
            go,
            self._typed_note,
            sizing_mode="stretch_width",
        )  # fmt: skip

    def infer_typed(self):
        """Add the typed galaxy to the desk and choose it."""
        values = {band: (v.value, e.value) for band, (v, e) in self._values.items()}
        try:
            galaxy = typed_galaxy(values, self._redshift.value, self._unit.value)
            name = self.desk.add(self._name.value or "my galaxy", OwnGalaxy(galaxy))
        except SedflowError as error:
            self._typed_note.object = f"{error}."
            return
        self._typed_note.object = f"Added as **{name}**."
        self.chosen = name

    def __panel__(self):
        return pn.Column(self.controls, self.views, sizing_mode="stretch_width")


class CatalogueView(pn.viewable.Viewer):
    """Upload, columns, rows, run and results of a catalogue; `load` takes bytes as well."""

    chosen = param.String(default="")

    def __init__(self, desk, **params):
        super().__init__(**params)
        self.desk = desk
        self.table = self.mapping = self.rows = self.results = None
        self._name, self._stop = "", False
        self._file = pn.widgets.FileInput(
            accept=".csv,.ecsv,.txt,.fits,.fit,.vot,.xml,.parquet", multiple=False
        )
        self._file.param.watch(self._uploaded, "value")
        self._note = prose("", margin=(0, 10), sizing_mode="stretch_width")
        self._columns = pn.Column(visible=False, sizing_mode="stretch_width")
        self._preview = _table(170)
        self._problems = _table(150)
        self._weights = pn.widgets.Select(label="network", options=[DEFAULT_WEIGHTS], width=220)
        self._run = pn.widgets.Button(label="Run", color="primary", disabled=True, align="end")
        self._cancel = pn.widgets.Button(label="Cancel", disabled=True, align="end")
        self._run.on_click(self._clicked)
        self._cancel.on_click(lambda event: setattr(self, "_stop", True))
        self._bar = pn.indicators.Progress(value=0, max=100, visible=False, height=18,
                                           sizing_mode="stretch_width")  # fmt: skip
        self._results = _table(300)
        self._results.on_click(self._look_at)
        self._save = pn.Row(
            *(
                pn.widgets.FileDownload(
                    callback=lambda kind=kind: self.saved(kind), filename=f"posteriors.{kind}",
                    label=f"Download {kind.upper()}", width=170,
                )
                for kind in ("csv", "parquet")
            ),
            visible=False,
        )  # fmt: skip

    def _uploaded(self, event):
        if event.new:
            self.load(event.new, self._file.filename or "upload")

    def load(self, content: bytes, name: str):
        """Read a catalogue from its bytes, guess its columns, and show what was understood."""
        from sedflow.posterior import packaged_weights

        self._reset()
        if len(content) > MAX_MEGABYTES * 1e6:
            self._note.object = (
                f"{name} has {len(content) / 1e6:.1f} MB; the app takes {MAX_MEGABYTES} MB. "
                f"Run `sedflow infer {name}` instead."
            )
            return
        try:
            self.table = read_table(content, name)
            guess = guess_mapping(self.table)
        except SedflowError as error:
            if self.table is None:
                self._note.object = f"{error}."
                return
            guess, self._note.object = None, f"{error}. Choose the columns below."
        self._name = name
        self._weights.options = packaged_weights()
        self._show_columns(guess)

    def _reset(self):
        self.table = self.mapping = self.rows = self.results = None
        self._note.object = ""
        self._columns.visible = self._save.visible = False
        self._run.disabled = True
        for table in (self._preview, self._problems, self._results):
            table.value, table.visible = pd.DataFrame(), False

    def _show_columns(self, guess):
        names = [_NONE, *_elements(self.table)]

        def select(label, value, width=150):
            return pn.widgets.Select(
                label=label, options=names, value=value if value in names else _NONE, width=width
            )

        bands = {} if guess is None else guess.bands
        self._id = select("ID", "" if guess is None else guess.id)
        self._redshift = select("redshift", "" if guess is None else guess.redshift)
        units = {b.unit for b in bands.values() if b.unit}
        self._unit = pn.widgets.Select(
            label="unit, where the file has none", options=[_NONE, *_TABLE_UNITS], width=180,
            value=next(iter(units)) if len(units) == 1 and units <= set(_TABLE_UNITS) else _NONE,
        )  # fmt: skip
        self._guess = bands
        self._pairs = {}
        cells = []
        for band in NSA_BANDS:
            one = bands.get(band)
            pair = (
                select(band, one.value if one else "", 100),
                select(f"{band} error", one.error if one else "", 100),
            )
            self._pairs[band] = pair
            cells.append(pn.Column(*pair, margin=0))
        widgets = [self._id, self._redshift, self._unit, *(w for p in self._pairs.values()
                                                           for w in p)]  # fmt: skip
        for widget in widgets:
            widget.param.watch(lambda event: self.understand(), "value")
        self._columns[:] = [pn.Row(self._id, self._redshift, self._unit), pn.FlexBox(*cells)]
        self._columns.visible = True
        self.understand()

    def understand(self):
        """Read every row by the columns chosen; say what is wrong with which."""
        self.rows, self._run.disabled = None, True
        try:
            mapping = self._chosen_mapping()
            if mapping.open and self._unit.value != _NONE:
                mapping = mapping.in_unit(self._unit.value)
            rows = to_photometry(self.table, mapping)
            shown = preview(self.table, mapping, 8).to_pandas()
        except SedflowError as error:
            self._note.object = f"{error}."
            self._preview.visible = self._problems.visible = False
            return
        self.mapping, self.rows = mapping, rows
        good, total = len(rows.rows), len(rows.ids)
        text = f"**{self._name}**: {total:,} rows, {good:,} of them can be run."
        if good > MAX_ROWS:
            text += (
                f" The app runs the first {MAX_ROWS}; for all of them, `sedflow infer "
                f"{self._name} -o OUT`."
            )
        self._note.object = text
        self._preview.value, self._preview.visible = shown.round(3), True
        self._problems.visible = bool(rows.problems)
        self._problems.value = pd.DataFrame(
            [(p.row + 1, "" if p.id is None else str(p.id), p.reason) for p in rows.problems[:200]],
            columns=["row", "id", "problem"],
        )
        self._run.disabled = good == 0

    def _chosen_mapping(self):
        if self._redshift.value == _NONE:
            raise SedflowError("choose the column of the redshift")
        bands = {}
        for band, (value, error) in self._pairs.items():
            if _NONE in (value.value, error.value):
                continue
            guess = self._guess.get(band)
            same = guess is not None and (guess.value, guess.error) == (value.value, error.value)
            bands[band] = (
                guess if same
                else BandColumns(value.value, error.value, unit=self._unit_of(value.value))
            )  # fmt: skip
        if not bands:
            raise SedflowError("choose the columns of value and error of one band at least")
        return Mapping(
            self._redshift.value, bands, "" if self._id.value == _NONE else self._id.value
        )

    def _unit_of(self, column):
        """The unit that the file states for a column; empty if it states none."""
        base = column if column in self.table.colnames else column.rsplit("[", 1)[0]
        return str(getattr(self.table[base], "unit", None) or "")

    async def _clicked(self, event):
        await self.run()

    async def run(self):
        """The posteriors of the rows that can be run, a few at a time."""
        if self.rows is None:
            return
        todo = self.rows.rows[:MAX_ROWS]
        self._stop, self._bar.visible, self._run.disabled = False, True, True
        self._cancel.disabled = False
        parts, weights = [], self._weights.value
        posterior = self.desk.posterior(weights)
        kind = "int" if np.issubdtype(self.rows.ids.dtype, np.integer) else "str"
        work = on_worker(
            lambda rows: infer_partition(
                self.table[rows], self.mapping, posterior, n=_DRAWS, first=0, id_kind=kind
            )
        )
        try:
            for start in range(0, len(todo), _AT_ONCE):
                if self._stop:
                    break
                rows = todo[start : start + _AT_ONCE]
                part = await work(rows)
                part["row"] = rows
                if not self.mapping.id:
                    part["id"] = pd.array(rows, dtype="Int64")
                parts.append(part)
                self._bar.value = int(100 * (start + len(rows)) / len(todo))
        except SedflowError as error:
            self._note.object = f"{error}."
        finally:
            self._bar.visible, self._cancel.disabled, self._run.disabled = False, True, False
        if parts:
            self._show_results(pd.concat(parts, ignore_index=True), len(todo))

    def _show_results(self, results, asked):
        self.results = results
        shown = results[["id", "redshift", "status", "verdict", "k_hat"]].copy()
        shown["id"] = shown["id"].astype(str)
        for name in _SHOWN:
            low, middle, high = (results[f"{name}_{q}"] for q in (16, 50, 84))
            shown[name] = [
                _NONE if not np.isfinite(m) else f"{m:.2f} ({a:.2f} to {b:.2f})"
                for a, m, b in zip(low, middle, high, strict=True)
            ]
        shown["reason"] = results["reason"].astype(str)
        self._results.value, self._results.visible = shown.round(3), True
        self._save.visible = True
        counts = results["verdict"].where(results["verdict"] != "", results["status"])
        text = ", ".join(f"{n} {kind}" for kind, n in counts.value_counts().items())
        left = (
            f" Cancelled: {asked - len(results)} rows were not run." if len(results) < asked else ""
        )
        self._note.object = f"**{self._name}**: {text}.{left} Click a row to look at its galaxy."

    def _look_at(self, event):
        row = int(self.results["row"].iloc[event.row])
        k = int(np.flatnonzero(self.rows.rows == row)[0])
        galaxy = self.rows.photometry[k]
        name = f"{self._name} {self.results['id'].iloc[event.row]}"
        if name not in self.desk.own:
            name = self.desk.add(name, OwnGalaxy(replace(galaxy, ids=None)))
        self.chosen = ""
        self.chosen = name

    def saved(self, kind: str):
        """The results as a file in memory: "csv" or "parquet"."""
        if kind == "csv":
            return io.StringIO(self.results.to_csv(index=False))
        out = io.BytesIO()
        self.results.to_parquet(out, index=False)
        out.seek(0)
        return out

    def __panel__(self):
        return pn.Column(
            prose("## A catalogue", margin=(0, 10)),
            prose(
                f"CSV, ECSV, FITS, VOTable or Parquet, up to {MAX_MEGABYTES} MB; the app runs "
                f"{MAX_ROWS} rows, `sedflow infer` any number.", margin=(0, 10),
            ),
            self._file, self._note, self._columns, self._preview, self._problems,
            pn.Row(self._weights, self._run, self._cancel), self._bar, self._results, self._save,
            sizing_mode="stretch_width",
        )  # fmt: skip


def _table(height):
    return pn.widgets.Tabulator(
        pd.DataFrame(), disabled=True, show_index=False, visible=False, height=height,
        layout="fit_data_stretch", sizing_mode="stretch_width", stylesheets=[SMALL_TABLE],
    )  # fmt: skip


def _elements(table):
    """Names of the columns, those of several numbers element by element."""
    names = []
    for name in table.colnames:
        width = table[name].shape[1] if table[name].ndim == 2 else 0
        names += [f"{name}[{k}]" for k in range(width)] if width else [name]
    return names

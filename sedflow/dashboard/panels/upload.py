"""A catalogue, uploaded: its columns, rows, run and results."""

import shlex
import time
from base64 import b64encode
from functools import partial
from typing import Any

import pandas as pd
import panel as pn
import param

from sedflow.catalogue.guess import guess_mapping, guess_names
from sedflow.catalogue.presets import presets
from sedflow.catalogue.rows import preview, to_photometry
from sedflow.catalogue.sampler_for_bands import foreign_bands, in_names_of, left_aside
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.panels.columns import MOST_BANDS, NONE, ColumnsPanel
from sedflow.dashboard.panels.understood import UnderstoodPanel
from sedflow.dashboard.panels.upload_results import ResultsPanel
from sedflow.dashboard.server.messages import LONGEST_PASTE, MAX_MEGABYTES
from sedflow.dashboard.server.reader import ROWS, bytes_of
from sedflow.dashboard.server.turns import Superseded
from sedflow.dashboard.server.uploads import Readers, shared_readers
from sedflow.dashboard.server.visitors import VISITORS, Full, whose
from sedflow.dashboard.server.work import on_worker
from sedflow.dashboard.upload_run import Inputs, Results
from sedflow.dashboard.widgets import begun, patch, plain, prose, typeset
from sedflow.errors import SedflowError
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.model.floors import floor_notes
from sedflow.network.weights import packaged_weights

__all__ = ["UploadPanel"]

_ENDINGS = (
    ".csv,.tsv,.ecsv,.txt,.cat,.dat,.tbl,.ipac,.mrt,.fits,.fit,.vot,.xml,.parquet,.h5,.hdf5"
    ",.gz,.bz2,.xz"
)
#: The page says which file it has read; the field has forgotten it by then.
_FILE = """
input[type=file] { color: transparent !important; }
input[type=file]::file-selector-button { color: var(--sf-ink); }
"""
#: Rows between two looks at other visitors: at most so many, for about so many seconds.
_AT_ONCE, _SECONDS = 5, 0.3
_LONGEST_NAME = 100  # characters of the name of a file, or of a table of one that is offered
_MOST_TABLES = 50  # of a file that are offered


class UploadPanel(pn.viewable.Viewer):
    """Upload, columns, rows, run and results of a catalogue; `load` takes bytes as well."""

    chosen = param.String(default="")
    uploaded = param.Boolean(default=False, doc="Whether a catalogue is there, read")

    def __init__(self, engine: Engine, readers: Readers | None = None, **params):
        super().__init__(**params)
        self.engine, self.readers = engine, readers or shared_readers()
        self.readers.warm()
        self._reading = False
        self.table: Any = None
        self.inputs: Inputs | None = None  # what a run would have now
        self._running: Inputs | None = None  # of the run that goes on
        self._name, self._total, self._stop = "", 0, False
        self._file = pn.widgets.FileInput(accept=_ENDINGS, multiple=False, stylesheets=[_FILE])
        self._file.param.watch(self._uploaded, "value")
        self._paste = pn.widgets.TextAreaInput(
            label="or paste rows, names above",
            placeholder="id redshift mag_r magerr_r",
            max_length=LONGEST_PASTE,
            rows=3,
            sizing_mode="stretch_width",
        )
        self._read = pn.widgets.Button(label="Read what is pasted")
        self._read.on_click(self._pasted)
        self._which = pn.widgets.Select(label="table of the file", options=[], visible=False)
        self._which.param.watch(self._other_table, "value")
        self._survey = pn.widgets.Select(
            label="survey whose columns these are",
            options={"as the columns tell": "", **{p.title: p.name for p in presets()}},
            width=300,
            visible=False,
        )
        self._survey.param.watch(self._other_survey, "value")
        self._content: bytes | None = None
        self._note = prose("", margin=(0, 10), sizing_mode="stretch_width")
        self.columns = ColumnsPanel(self.understand)
        self.understood = UnderstoodPanel()
        self._weights = pn.widgets.Select(label="network", options=[DEFAULT_WEIGHTS], width=220)
        self._weights.param.watch(self._reread, "value")
        self._floor = pn.widgets.Checkbox(
            label="add the recommended floor to the errors (5, 2, 2, 2, 3 % in ugriz)", value=False
        )
        self._floor.param.watch(self._reread, "value")
        self._run = pn.widgets.Button(label="Run", color="primary", disabled=True, align="end")
        self._cancel = pn.widgets.Button(label="Cancel", disabled=True, align="end")
        self._run.on_click(self._clicked)
        self._cancel.on_click(lambda event: setattr(self, "_stop", True))
        self._bar = pn.indicators.Progress(
            value=0, max=100, visible=False, height=18, sizing_mode="stretch_width"
        )
        self.found = ResultsPanel(engine)
        self.found.param.watch(lambda event: setattr(self, "chosen", event.new), "chosen")

    @property
    def rows(self) -> Any:
        """What was read of the table; None where it cannot be."""
        return None if self.inputs is None else self.inputs.rows

    @property
    def results(self) -> Any:
        """DataFrame of the results that are shown, or None."""
        return None if self.found.done is None else self.found.done.frame

    async def _uploaded(self, event):
        content, name = event.new, self._file.filename
        if not content or not isinstance(content, bytes):
            return
        _forget(self._file, content)
        await self.load(content, name if name and isinstance(name, str) else "upload")

    async def _pasted(self, event):
        text = self._paste.value_input or self._paste.value or ""
        if not text.strip():
            self._say("paste a table first, with a line of names above its rows")
            return
        await self.load(text.encode("utf-8", "replace"), "pasted rows")

    async def _other_table(self, event):
        if self._content is not None and event.new and event.new != self.table.meta["table"]:
            await self.load(self._content, self._name, event.new)

    async def load(self, content: bytes, name: str, which: str = "") -> None:
        """Read a catalogue from its bytes, guess its columns, and show what was understood.

        A process of its own reads it, and sends back a few rows of plain values.

        which : of several tables; "" for the first with photometry
        """
        if self._reading:
            self._say("an upload is being read; wait for it to end, then upload the file again")
            return
        self._name = name = name[:_LONGEST_NAME]
        self._reset()
        if len(content) > MAX_MEGABYTES * 1e6:
            self._say(
                f"{name} has {_size(len(content))}; the app takes {MAX_MEGABYTES} MB. "
                f"Run `sedflow infer {name}` instead"
            )
            return
        self._reading = self._file.disabled = True
        self._say(f"reading {name}")
        try:
            self.table, self._total = await self.readers.read(content, name, which)
            self._keep_table(content)
            self.uploaded = True
            self._weights.options = packaged_weights()
            await self._guess("")
            self._survey.visible = True
        except SedflowError as error:
            self._say(error)
        finally:
            self._reading = self._file.disabled = False

    async def _guess(self, preset):
        """Offer the columns that a survey's would be, or as the columns tell."""
        table = self.table
        try:
            # A thousand columns with the bands of all surveys take a second.
            found = await on_worker(partial(_guessed, preset=preset), latest=self)(table)
        except Superseded:
            return
        if self.table is not table:  # another file by now
            return
        guess, names, problem = found
        await self.columns.offer(table, guess, self._name, names)
        if problem:
            self._say(problem)

    async def _other_survey(self, event):
        if self.table is not None and not self._reading:
            await self._guess(event.new)

    def _keep_table(self, content):
        """Keep what was read, and the bytes of a file of several tables, as far as there is room.

        Raises
        ------
        Full
            The visitor's pages keep too much already.
        """
        me, size = whose(), bytes_of(self.table)
        try:
            VISITORS.keep(*me, size)
        except Full:
            self.table = None
            raise
        tables = list(dict.fromkeys(self.table.meta["tables"]))
        if len(tables) < 2:
            return
        try:
            VISITORS.keep(*me, size + len(content))
        except Full as error:
            VISITORS.keep(*me, size)
            left = f"the other tables of the file are not offered: {error}"
            self.table.meta["notes"] = [*self.table.meta["notes"], left]
        else:
            self._offer_tables(content, tables)

    def _offer_tables(self, content, tables):
        """A chooser, for which the bytes of the file are kept."""
        now = self.table.meta["table"]
        offered = dict.fromkeys([*tables[:_MOST_TABLES], now])
        offered = [name for name in offered if len(name) <= _LONGEST_NAME]
        if now in offered:
            self._content = content
            self._which.param.update(options=offered, value=now, visible=True)

    def _say(self, sentence):
        self._note.object = plain(typeset(f"{begun(sentence, self._name)}."))

    def _reset(self):
        self.table, self.uploaded = None, False
        self._drop()
        self._note.object = ""
        self._content, self._which.visible = None, False
        VISITORS.keep(*whose(), 0)
        self._survey.param.update(value="", visible=False)
        self.columns.hide()
        self.understood.clear()

    def close(self) -> None:
        """Stop what runs; the session ends."""
        self._running = None

    def _drop(self):
        """End the run and clear the results, which belong to other inputs; the sentence for it."""
        said = "" if self.found.done is None else "The results of before were cleared; run again."
        if self._running is not None:
            said = "The run was cancelled, because its inputs changed; run again."
        self.inputs = self._running = None
        self.found.clear()
        self._enable()
        return said

    def _enable(self):
        """Which of Run, Cancel and the bar there are now."""
        running = self._running is not None
        self._bar.visible, self._cancel.disabled = running, not running
        self._run.disabled = running or self.inputs is None or not len(self.inputs.todo)

    def _reread(self, event):
        if self.table is not None:
            self.understand()

    def understand(self) -> None:
        """Read the rows by the columns chosen; say what is wrong with which.

        Whatever ran or was found by other columns, units or files ends here.
        """
        with pn.io.hold(freeze=True):
            self._understand()

    def _understand(self):
        dropped = self._drop()
        if self.table is None:  # a chooser of the file before
            return
        try:
            mapping = self.columns.mapping()
            if self._floor.value:
                mapping = mapping.with_floor("recommended")
            network = self.engine.posterior(self._weights.value)
            mapping, known = in_names_of(mapping, network.bands), network.bands
            rows = to_photometry(self.table, mapping)
            shown = preview(self.table, mapping, 8).to_pandas()
        except SedflowError as error:
            self._say(f"{error}. {dropped}".rstrip(". "))
            self.understood.hide()
            return
        self.inputs = Inputs(self._name, self.table, mapping, rows, self._weights.value, known)
        other = [band for band in mapping.bands if band not in known]
        aside = left_aside(other, self._weights.value) if len(other) < len(mapping.bands) else ()
        left = _of_bands(self.columns.left_out)
        said = [*self.table.meta["notes"], *aside, *rows.report, *left]
        self.understood.tell(said, shown, self.inputs.problems)
        told = [_of_rows(self._name, self._total, len(self.inputs.todo))]
        if foreign := foreign_bands(mapping, network, len(rows.rows), self._name):
            told.append(f"**{plain(typeset(begun(foreign, self._name)))}.**")
        told += [f"{plain(typeset(begun(note)))}." for note in floor_notes(rows.photometry)]
        self._note.object = "\n\n".join([*told, dropped] if dropped else told)
        self._enable()

    async def _clicked(self, event):
        await self.run()

    async def run(self) -> None:
        """The posteriors of the rows that can be run, a few at a time."""
        inputs = self.inputs
        if inputs is None or self._running is not None:
            return
        self._running, self._stop, self._bar.value = inputs, False, 0
        self.found.clear()
        self._enable()
        parts, todo, problem = [], inputs.todo, ""
        try:
            posterior = self.engine.posterior(inputs.weights)
            work = on_worker(partial(_timed, inputs.part))
            start, at_once = 0, 1
            while start < len(todo) and not self._stop:
                part, seconds = await work(todo[start : start + at_once], posterior)
                if self._running is not inputs:  # another file, unit or network by now
                    return
                parts.append(part)
                start += len(part)
                self._bar.value = int(100 * start / len(todo))
                # A row whose weights do not pass takes five times as long as another.
                at_once = min(max(int(_SECONDS * len(part) / max(seconds, 1e-3)), 1), _AT_ONCE)
        except SedflowError as error:
            if self._running is not inputs:
                return
            problem = plain(typeset(f" {begun(error, self._name)}."))
            self._note.object = problem
        finally:
            if self._running is inputs:
                self._running = None
                self._enable()
        if parts:
            done = Results(inputs, pd.concat(parts, ignore_index=True), inputs.refused(posterior))
            missing = len(todo) - len(done.frame)
            why = problem or " Cancelled:"
            left = f"{why} {missing} rows were not run." if missing else ""
            self.found.present(done, left)

    def __panel__(self):
        return pn.Column(
            prose("## A catalogue", margin=(0, 10)),
            prose(
                f"Text, FITS, VOTable, Parquet or HDF5, up to {MAX_MEGABYTES} MB; the app runs "
                f"{ROWS} rows, `sedflow infer` any number.",
                margin=(0, 10),
            ),
            self._file,
            pn.Row(self._paste, self._read, sizing_mode="stretch_width"),
            self._which,
            self._survey,
            self._note,
            self.columns,
            self._floor,
            self.understood,
            pn.Row(self._weights, self._run, self._cancel),
            self._bar,
            self.found,
            sizing_mode="stretch_width",
        )


def _guessed(table, preset):
    """What the columns are, those of ID and redshift without photometry, and what is wrong.

    The mapping is without a redshift, if only that is not found, and None without photometry.
    """
    try:
        return guess_mapping(table, preset=preset), ("", ""), ""
    except SedflowError as error:
        problem = f"{error}. Choose the columns below"
    try:
        return guess_mapping(table, redshift=NONE, preset=preset), ("", ""), problem
    except SedflowError:
        return None, guess_names(table, preset), problem


def _of_rows(name, total, good):
    """How many rows a table has, and how many of them can be run."""
    if total > ROWS:
        return (
            f"**{plain(name)}**: {total:,} rows, of which the app reads the first {ROWS}; "
            f"{good:,} of them can be run. For all rows, `sedflow infer {_in_code(name)} -o OUT`."
        )
    if total == 1:
        return f"**{plain(name)}**: 1 row, which {'can' if good else 'cannot'} be run."
    return f"**{plain(name)}**: {total:,} rows, {good:,} of them can be run."


def _in_code(name):
    """The name of a file as a shell takes it, inside a code span, which has no escapes."""
    return shlex.quote("".join(c for c in name if c.isprintable() and c != "`"))


def _of_bands(left):
    """A sentence on bands for which there is no room, or none."""
    if not left:
        return []
    names = f"{', '.join(left[:8])}{', ...' if len(left) > 8 else ''}"
    return [
        f"{len(left)} bands are left out, for there are choosers for {MOST_BANDS}: {names}; run "
        "`sedflow infer`, or upload fewer columns"
    ]


def _size(n):
    """Bytes of a file that is too large, in words that say so."""
    words = f"{n / 1e6:.1f} MB"
    return f"{n:,} bytes" if words == f"{MAX_MEGABYTES:.1f} MB" else words


def _timed(function, *args):
    """What a function returns, and the seconds that it took."""
    start = time.monotonic()
    return function(*args), time.monotonic() - start


def _forget(field, content):
    """Let go of a file of ten megabytes, which nobody needs again; of no other that came since."""
    if field.value == content:
        field.value = None
    given = b64encode(content).decode()

    def let_go(model):
        if model.value == given:
            model.set_from_json("value", "")

    for model, _ in field._models.values():  # which Panel leaves as it is
        # As a browser may, and Python may not; with the lock of its page.
        patch(model, partial(let_go, model))
    field.clear()  # in the browser, so that the same file can be given again

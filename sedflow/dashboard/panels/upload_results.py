"""The results of an uploaded catalogue: a table, its files, and the galaxy of a row."""

from functools import partial

import numpy as np
import panel as pn
import param

from sedflow.dashboard.answer import OwnGalaxy
from sedflow.dashboard.downloads import results_file
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.panels.columns import NONE
from sedflow.dashboard.panels.files import FileButtons
from sedflow.dashboard.panels.run_columns import in_a_word
from sedflow.dashboard.quantities import in_labels
from sedflow.dashboard.server.work import beside
from sedflow.dashboard.upload_run import DRAWS, Results
from sedflow.dashboard.widgets import REVEAL, plain, printable, prose, tall, text_table, typeset
from sedflow.sampling.verdict import APPROXIMATE, FAILED

__all__ = ["ResultsPanel"]

#: Quantities of the table, and their titles; the files have all of them.
_SHOWN = {
    "log_mstar": "log M★ [M☉ formed]",
    "log_sfr_100myr": "log SFR₁₀₀ [M☉/yr]",
    "age_mw": "age [Gyr]",
    "log_z_mw_solar": "log Z/Z☉",
    "a_v": "A_V [mag]",
}
_TOLD = 5  # reasons on the page; the files have all


class ResultsPanel(pn.viewable.Viewer):
    """Shows `done`, the `Results` of one run; a click on a row sets `chosen`, a galaxy's name."""

    chosen = param.String(default="")

    def __init__(self, engine: Engine, **params):
        super().__init__(**params)
        self.engine = engine
        self.done: Results | None = None
        self._rows: dict[str, int] = {}  # that were looked at, by the names of their galaxies
        # Of the galaxies looked at, by their numbers.
        self._names: dict[tuple, tuple[str, OwnGalaxy]] = {}
        self._said = prose("", margin=(0, 10))
        # On a phone the rest scrolls under the ID.
        self._table = text_table(height=300, frozen_columns=["id"])
        self._table.on_click(self.look_at)
        self.files = FileButtons(
            [
                (f"Download {title}", f"posteriors.{kind}", partial(self.saved, kind))
                for title, kind in (("CSV", "csv"), ("Parquet", "parquet"))
            ],
            width=170,
        )
        self._column = pn.Column(
            self._said,
            self._table,
            self.files,
            visible=False,
            margin=0,
            sizing_mode="stretch_width",
        )
        self._column.jscallback(visible=REVEAL)

    def clear(self) -> None:
        """Show nothing."""
        self.done, self._rows = None, {}
        self._column.visible = False
        self._table.value = self._table.value.iloc[:0]

    def present(self, done: Results, left: str = "") -> None:
        """Show what a run found, in a sentence and a table.

        left : a sentence on rows that were not run, as Markdown
        """
        self.done, results = done, done.frame
        shown = results[["id", "redshift", "verdict"]].copy()
        shown["id"] = shown["id"].map(printable)
        shown["verdict"] = in_a_word(results)
        for name, title in _SHOWN.items():
            low, middle, high = (results[f"{name}_p{q}"] for q in (16, 50, 84))
            shown[title] = [
                NONE if not np.isfinite(m) else typeset(f"{m:z.2f} ({a:z.2f} to {b:z.2f})")
                for a, m, b in zip(low, middle, high, strict=True)
            ]
        self._table.param.update(value=shown.round(5), visible=True, height=tall(len(shown), 10))
        text = "; ".join(f"{n} {kind}" for kind, n in shown["verdict"].value_counts().items())
        self._said.object = (
            f"**{plain(done.inputs.name)}**: {text}.{left}{_status_of(results)} Click a row to "
            "look at its galaxy. Each "
            f"number is a median with its 68 % range, of {DRAWS:,} draws, "
            "more where they were adapted; Explore makes its own." + _reasons(results)
        )
        self.files.come_from(done.inputs.name)
        self._column.visible = True

    def look_at(self, event) -> None:
        """Choose the galaxy of a row of the table, as the run had it."""
        if self.done is None or not 0 <= event.row < len(self.done.frame):
            return  # a click on a table that was cleared meanwhile
        self._look_at(self.done, event.row)

    def beside(self, by: int, galaxy: str) -> str:
        """The galaxy of the next row, or of one before, if this is one of a row; "" otherwise."""
        if self.done is None:
            return ""
        at = self._rows.get(galaxy)
        if at is None:  # of a run before this one, perhaps
            same = [f"{self.done.inputs.name} {ident}" == galaxy for ident in self.done.frame["id"]]
            if not any(same):
                return ""
            at = same.index(True)
        row = (at + by) % len(self.done.frame)
        self._table.selection = [row]
        return self._name_of(self.done, row)

    def _look_at(self, done, row):
        name = self._name_of(done, row)
        self.chosen = ""
        self.chosen = name

    def _name_of(self, done, row):
        """What the galaxy of a row is called on Explore, to which it is added."""
        name, galaxy = done.galaxy(row)
        data = galaxy.photometry
        # A corrected file has the same names, with other numbers.
        key = (name, data.flux.tobytes(), data.sigma.tobytes(), float(data.redshift), data.bands)
        shown = self.engine.added(self._names, key, name, galaxy)
        self._rows[shown] = row
        return shown

    async def saved(self, kind: str) -> bytes | None:
        """The results as a file: "csv" or "parquet"."""
        done = self.done
        return None if done is None else await beside(results_file)(done.whole, kind)

    def __panel__(self):
        return self._column


def _status_of(results):
    """What the files say about rows whose status is not what the table has, as Markdown."""
    guessed = (results["verdict"] == APPROXIMATE) & (results["status"] == FAILED)
    if not guessed.any():
        return ""
    return (
        f" In the files, the *status* of what is {APPROXIMATE} is *{FAILED}*: its numbers are a "
        "guess."
    )


def _reasons(results):
    """Why rows have no good posterior, as Markdown; why others are exact is in the files."""
    bad = results[results["status"] != "ok"]
    some = bad.iloc[:_TOLD]
    lines = [
        f"\n- **{plain(printable(name))}**: {plain(typeset(in_labels(reason)))}"
        for name, reason in zip(some["id"], some["reason"], strict=True)
    ]
    if len(bad) > _TOLD:
        lines.append(f"\n- and {len(bad) - _TOLD} more, whose reasons are in the files")
    return "\n" + "".join(lines) if lines else ""

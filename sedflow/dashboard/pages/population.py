"""The page of a population: what many galaxies have in common, with the prior divided out.

The sample is the packaged atlas, whose draws are packaged, or the run that the server names. It is
read once per process; a selection is fitted again on the worker thread, a fraction of a second.
"""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import panel as pn
import param

from sedflow.catalogue.results import RunTable
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.pages.view import LateView, later, start
from sedflow.dashboard.panels.population_choice import PopulationChoice
from sedflow.dashboard.panels.population_figures import PopulationFigures
from sedflow.dashboard.panels.population_paper import PopulationPaper
from sedflow.dashboard.panels.population_state import PopulationState
from sedflow.dashboard.population_answer import PopulationAnswer, answer_of
from sedflow.dashboard.population_sample import RunReplaced, Sample, atlas_sample, run_sample
from sedflow.dashboard.quantities import in_labels
from sedflow.dashboard.server.turns import Busy, Superseded
from sedflow.dashboard.server.work import beside, on_worker
from sedflow.dashboard.widgets import SPREAD, begun, faded, note, patch, plain, prose, tell, typeset
from sedflow.errors import SedflowError

__all__ = ["PopulationView"]

_LOG = logging.getLogger(__name__)
_KEY = "sedflow population"
_BY_CHANCE = (
    " A cut on medians or colours cuts by their errors too: galaxies near its edge are in or out "
    "by chance."
)
_WAITING = "## Population\n\nComputing …"


class PopulationView(PopulationState, LateView):
    """A question to a sample, its answer, and a galaxy of it.

    Parameters
    ----------
    run : RunTable, optional
        The run that the server names. Where it kept no draws, the packaged atlas is there alone.
    engine : Engine, optional
        Says how a galaxy of the atlas is called.
    """

    controls_spread = True  # the question comes first, the map and its ends last
    chosen = param.String(doc="NSAID of the galaxy to open in Explore")

    def __init__(self, run: RunTable | None = None, engine: Engine | None = None, **params):
        super().__init__(**params)
        kept = run is not None and bool(run.manifest["settings"].get("keep"))
        self._run = run if kept else None
        self._engine = engine
        self.answer: PopulationAnswer | None = None
        self._shown: Sample | None = None
        self._turn, self._opens = 0, ""

    def _build(self):
        if self._controls is not None:
            return
        sources = {"atlas": "packaged atlas"}
        if self._run is not None:
            sources["run"] = "the run of this server"
        if self.source not in sources:
            self.source = "atlas"
        self.choice = PopulationChoice(self, sources)
        self.figures = PopulationFigures()
        self._heading = prose(_WAITING)
        self._selection = prose()
        self._notice = note("warning", margin=(0, 10))
        self._facts = prose()
        self._notes = prose()
        self._open = pn.widgets.Button(label="Open in Explore", visible=False, margin=(5, 10))
        self._open.on_click(lambda event: self._explore())
        self.paper = PopulationPaper()
        self._busy = prose("", margin=(0, 10))
        self._controls = pn.Column(
            self.choice, self._busy, sizing_mode="stretch_width", margin=0, stylesheets=[SPREAD]
        )
        self._found = pn.Column(
            self._facts,
            self.figures,
            self._open,
            prose("### Which galaxies these are"),
            self._selection,
            prose("### Before you use it"),
            self._notes,
            self.paper,
            sizing_mode="stretch_width",
            margin=0,
            visible=False,  # empty axes say nothing
        )
        self._views = pn.Column(
            self._heading,
            self._notice,
            self._found,
            sizing_mode="stretch_width",
            margin=0,
        )
        for names, follow in (
            (["preset", "source", "field", "cuts", "galaxy"], self.refresh),
            (["tapped"], self._tapped),
            (["y"], self._turned),
        ):
            watched = self.param if names[0] in self.param else self.choice.dots.param
            watched.watch(later(follow), names)
        start(self.refresh)

    def restore(self, values: Mapping[str, Any]) -> None:
        """Choose again what an address says: name of a parameter -> value."""
        self.param.update(**values)
        if self._controls is not None:
            self.choice.take()

    async def refresh(self) -> None:
        """Show the population of what is chosen now."""
        self._turn += 1
        turn = self._turn
        self._dim(True)
        try:
            sample = await self._sample()
            if turn != self._turn:
                return
            if sample is not self._shown:
                self._take(sample)
            asked = (self.preset, self.field, dict(self.cuts), self.galaxy)
            source = self.source
            answer = await on_worker(answer_of, latest=self)(sample, *asked)
        except Superseded:
            return
        except SedflowError as error:
            if turn == self._turn:
                self._dim(False)
                self._drop()
                self._dots()
                self._warn(str(error))
            return
        if turn == self._turn:
            self._dim(False)
            self._warn("")
            names = ("preset", "field", "cuts", "galaxy")
            state = PopulationState(source=source, **dict(zip(names, asked, strict=True)))
            self._draw(sample, answer, state)

    def _take(self, sample):
        """Another sample: nothing of the last one stays beside its dots."""
        self._shown = sample
        self._drop()
        self._heading.object = _WAITING
        self.choice.offer(sample.columns, sample.fields)
        self._dots()

    def _drop(self):
        """Take the answer to the question before off the page: it is not that to this one."""
        self.answer, self._opens = None, ""
        self._found.visible = False

    async def _sample(self) -> Sample:
        """The sample that is chosen, read once per process."""
        if self.source == "run" and self._run is not None:
            path, parts, read = str(self._run.out), self._run.parts, beside(run_sample)
            key, run = f"{_KEY} {path}", self._run.manifest.get("run", "")
            kept = pn.state.cache.get(key)
            if kept is None or kept[0] != run or kept[1] < parts:
                # Of a run that goes on, the latest sample alone; of one that was replaced, none.
                try:
                    kept = pn.state.cache[key] = run, parts, await read(path, run)
                except (Busy, Superseded, RunReplaced):
                    raise
                except SedflowError as error:  # which names the server's files
                    _LOG.error("the draws of the run cannot be read: %s", error)
                    raise SedflowError(
                        "the draws of the run of this server cannot be read, and the server's log "
                        "says why"
                    ) from None
            return kept[2]
        if _KEY not in pn.state.cache:
            pn.state.cache[_KEY] = await on_worker(atlas_sample)()
        return pn.state.cache[_KEY]

    def _draw(self, sample, answer, asked):
        self.answer = answer
        population = answer.population
        said = self.said(sample.columns)
        with pn.io.hold():
            self._heading.object = (
                f"## {answer.preset.title}: {len(population):,} galaxies of {plain(sample.title)}"
            )
            self.figures.show(answer)
            self.paper.show(answer, asked)
            self._opens = answer.ident if answer.galaxy and asked.source == "atlas" else ""
            self._open.visible = bool(self._opens)
            self._facts.object = "\n".join(f"- {plain(fact)}" for fact in answer.facts)
            cut = f"\n\nSelected here: {plain(said)}.{_BY_CHANCE * population.is_selected}"
            self._selection.object = f"{plain(sample.words)}{cut if said else ''}"
            self._notes.object = "\n".join(
                f"- {plain(typeset(in_labels(text)))}"
                for text in (*population.sentences(advice=False), sample.note)
                if text
            )
        # After what is drawn: axes that are empty for a moment say nothing.
        patch(self.figures.curve.figure, lambda: setattr(self._found, "visible", True))
        self._dots()

    def _dots(self):
        sample = self._shown
        if sample is None or self.choice.dots.y not in sample.columns:
            return
        picked = self.galaxy.strip() if self.answer is None else self.answer.ident
        rows = np.flatnonzero(sample.ids.astype(str) == picked)
        chosen = sample.chosen(self.field, self.cuts)
        self.choice.dots.show(sample.columns, chosen, int(rows[0]) if len(rows) else None)

    async def _turned(self):
        self._dots()

    async def _tapped(self):
        if self._shown is not None and 0 <= self.choice.dots.tapped < len(self._shown.ids):
            self.galaxy = str(self._shown.ids[self.choice.dots.tapped])

    def _dim(self, stale):
        """Dim what is shown of the last question, and say that the next is computed."""
        self._views.styles = faded(stale, 0.3)
        self._busy.object = "Computing …" if stale else ""

    def _warn(self, message):
        tell(self._notice, f"{begun(message)}." if message else "")
        if self.answer is None and message:
            self._heading.object = "## Population"

    def _explore(self):
        self.chosen = ""
        self.chosen = self._opens

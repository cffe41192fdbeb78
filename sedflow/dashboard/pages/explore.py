"""Explore: a galaxy's light, its posterior and its history; brush one to see the others.

The page joins panels. It watches the state, which asks the engine, and hands each answer to the
panels; it never computes posteriors.
"""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial

import panel as pn
import param

from sedflow.atlas.catalog import NSACatalog
from sedflow.dashboard import large
from sedflow.dashboard.answer import Answer
from sedflow.dashboard.brush import Brushed, through, within
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.pages.explore_screen import ExploreScreen
from sedflow.dashboard.pages.view import PageView, start
from sedflow.dashboard.panels.actions import Actions
from sedflow.dashboard.panels.atlas import AtlasView
from sedflow.dashboard.panels.corner import CornerPanel
from sedflow.dashboard.panels.deck import Deck
from sedflow.dashboard.panels.derived import DerivedPanel
from sedflow.dashboard.panels.downloads import CodePanel, DownloadsPanel
from sedflow.dashboard.panels.evidence import EvidencePanel
from sedflow.dashboard.panels.histories import HistoriesPanel
from sedflow.dashboard.panels.job_line import JobLine
from sedflow.dashboard.panels.light import LightPanel
from sedflow.dashboard.panels.paper import OnScreen
from sedflow.dashboard.panels.reference import ReferencePanel
from sedflow.dashboard.panels.settings import SettingsPanel
from sedflow.dashboard.panels.verdict import VerdictPanel
from sedflow.dashboard.panels.walk import WalkPanel
from sedflow.dashboard.panels.what_if import WhatIfPanel
from sedflow.dashboard.script import code_for
from sedflow.dashboard.server.turns import Superseded
from sedflow.dashboard.server.work import on_worker
from sedflow.dashboard.state import ExplorerState
from sedflow.dashboard.what_if import Change, Changed
from sedflow.dashboard.widgets import is_served, patch, plain
from sedflow.errors import SedflowError
from sedflow.fits.fit import Fit
from sedflow.network.posterior import AmortizedPosterior

__all__ = ["Explorer"]


class Explorer(PageView):
    """Pick a galaxy of the atlas, see its photometry, posterior, spectra and history.

    Parameters
    ----------
    nsa : NSACatalog
    posterior : AmortizedPosterior, optional
        The network to start with, under its own prior; a packaged one can be chosen instead.
    nsaid : int, optional
        The galaxy to start with; default the first of the catalogue.
    engine : Engine, optional
        What answers; shared with other pages of the same session.
    start : dict, optional
        Values of `ExplorerState` to start with.
    change : Change, optional
        What of the galaxy is changed on the side.
    """

    sidebar_width = 260
    cell_height = 900

    _changed: Changed | None = None
    #: Galaxies, and what is done as soon as their posteriors are shown.
    _later: tuple[tuple[str, Callable[[], object]], ...] = ()
    _lacking: tuple[Changed | None, Answer | None] = (None, None)  # whose draws lack bands

    pinned = param.Parameter(doc="Answer that was pinned last, for the page Compare")

    def __init__(
        self,
        nsa: NSACatalog,
        posterior: AmortizedPosterior | None = None,
        nsaid: int | None = None,
        *,
        engine: Engine | None = None,
        start: dict | None = None,
        change: Change | None = None,
        **params,
    ):
        super().__init__(**params)
        self.engine = engine or Engine(nsa, posterior)
        start = dict(start or {})
        if posterior is not None:
            start.setdefault("weights", posterior.name)
            start.setdefault("prior", posterior.prior.sfh)  # which its draws need no weights for
        first = start.pop("galaxy", "") or str(nsa.ids[0] if nsaid is None else nsaid)
        self.state = ExplorerState(run=self.engine.ask, known=self.engine.known, **start)
        self._make_panels(nsa)
        self._join()
        if change:
            self.what_if.change = change
            self.block.turn_to("What if")
        self.state.galaxy = first
        self.state.recall()  # now, the figures are part of the page; later, each is laid out anew

    def _repr_mimebundle_(self, include=None, exclude=None):
        """In a cell, with the posterior: a notebook that is only read would never have it."""
        with suppress(SedflowError):  # which the page says by itself
            self.engine.prepare(self.state.request())
            self.state.recall()
        return super()._repr_mimebundle_(include, exclude)

    def _make_panels(self, nsa):
        engine, state = self.engine, self.state
        self.atlas = AtlasView(nsa, engine.own)
        self.settings = SettingsPanel(state, lambda name: list(engine.posterior(name).bands))
        self.light = LightPanel(state, whole=self._whole, screen=True)
        self.histories = HistoriesPanel(screen=True)
        self.corner = CornerPanel()
        self.derived = DerivedPanel(engine.literature)
        self.evidence = EvidencePanel()
        self.reference = ReferencePanel(self._refined, self.corner.add_mcmc)
        self.reference.when_there = self.evidence.grids.when_there = self.when_there
        self._actions = Actions(self._run, self.pin)
        self.verdict = VerdictPanel(state, self.reference.start, engine, actions=self._actions)
        self.what_if = WhatIfPanel(engine, self._adapted)
        self.walk = WalkPanel(self.light, self.corner)
        code = CodePanel(self._code)
        downloads = DownloadsPanel(self._code, engine, self._on_screen)
        self.panels = (
            self.walk,  # before the corner plot, whose axes it follows
            self.light,
            self.histories,
            self.corner,
            self.verdict,
            self.derived,
            self.evidence,
            self.reference,
            self.what_if,
            code,
            downloads,
        )
        self.block = Deck(
            "more about this galaxy",
            {
                "Numbers": self.derived,
                "Evidence": self.evidence,
                "Network": self.settings,
                "MCMC": self.reference,
                "What if": self.what_if,
                "Code": code,
                "Files": downloads,
            },
        )
        self.places = ExploreScreen(
            self.atlas,
            self.verdict,
            (
                self.settings.bands,
                pn.Spacer(height=1, styles={"flex": "1 1 0"}),
                self.walk.button,
                *self.light.controls(),
            ),
            {
                "sed": self.light.sed_pane,
                "pull": self.light.pull_pane,
                "history": self.histories,
                "corner": self.corner,
                "block": self.block,
            },
            self.walk,
        )
        self.controls, self.views = self.places.controls, self.places.views
        self.screen = self.places.whole

    def _join(self):
        state = self.state
        state.param.watch(self._ask, list(state.ASKS))
        state.param.watch(self._show, "answer")
        state.param.watch(self._say, "message")
        state.param.watch(self._wait, "busy")
        state.param.watch(lambda event: self.verdict.wait(True) if state.busy else None, "galaxy")
        # At once: what the list has cannot be picked again.
        state.param.watch(lambda event: setattr(self.atlas, "galaxy", event.new), "galaxy")
        self.light.param.watch(self._drawn, "drawn")
        self.histories.param.watch(self._drawn, "drawn")
        self.corner.param.watch(lambda e: self._brush(e.new), "selection")
        self.what_if.param.watch(self._change, "change")
        follow = lambda e: setattr(state, "galaxy", e.new) if e.new else None  # noqa: E731
        self.atlas.param.watch(follow, "galaxy")

    def _run(self, method):
        self.block.turn_to("MCMC")
        self.places.turn_to("numbers")  # where a phone has that card
        self.reference.start(method)

    def when_there(self, action: Callable[[], object]) -> None:
        """Do something with the posterior shown; of a galaxy just chosen, once it is there."""
        shown, galaxy = self.verdict.answer, self.state.galaxy
        there = shown is not None and shown.request.galaxy == galaxy
        if there or not (self.state.busy or self.state.answer):
            action()
        else:
            self._later += ((galaxy, action),)

    def pin(self) -> None:
        """Keep the posterior for the page Compare: once it is there, of a galaxy just chosen."""
        self.when_there(self._pin)

    def _pin(self):
        if self.state.answer is None:
            return
        with param.parameterized.discard_events(self):
            self.pinned = self.state.answer
        self.param.trigger("pinned")  # again, where it is pinned already

    def clear(self) -> None:
        """Clear the selection."""
        self.corner.selection = None

    def _whole(self, answer):
        """The galaxy with all bands that its network takes."""
        bands = self.engine.posterior(answer.request.weights).bands
        if own := self.engine.data_of(answer):
            return own.photometry.in_bands(bands)
        return self.engine.photometry(answer.request.galaxy, bands)

    def _drawn(self, event):
        place, geometry = event.new
        if place == "pull":
            find = partial(within, rest=self.state.rest)
        else:
            find = lambda answer, box: through(answer, place, box)  # noqa: E731
        self.corner.brush_in(place, geometry, find)

    def _code(self, answer: Answer) -> str:
        return code_for(answer, self.engine.data_of(answer))

    def _on_screen(self) -> OnScreen:
        """What a figure for paper shows."""
        quantities, sets = self.corner.shown
        brushed = self.corner.selection
        return OnScreen(
            quantities,
            sets,
            () if brushed is None else brushed.ranges,
            unsaid=brushed is not None and not brushed.ranges,
            log=self.state.log,
            mcmc=self.reference.chains(self.corner.answer),  # of what is drawn
        )

    async def _ask(self, *events):
        await self.state.infer()

    def _dim(self):
        """Dim what is on the screen while it is not the answer to what is asked."""
        self.places.dim(self.state.busy or self.verdict.answer is not self.state.answer)

    def _say(self, event):
        """Say what there is to say about the answer that is shown, or why there is none."""
        if self.state.answer is None:  # also where there was none before
            self.verdict.say(event.new)
            if event.new:
                self._blank()
        elif self.verdict.answer is self.state.answer:  # else it comes with its figures
            self.verdict.say(event.new)

    def _blank(self):
        self.verdict.clear()
        self._actions.enable(False)
        self.places.show_empty()

    def _show(self, event):
        answer = event.new
        if answer is None:
            self._blank()
            return
        self.places.show_stage()
        self._actions.enable(True)
        with param.parameterized.discard_events(self.corner):
            self.corner.selection = None
        self._changed = None
        if self.what_if.change:
            self._change()
        # All at one moment: no figure is shown beside those of another galaxy.
        self._draw(answer)

    def _wait(self, event):
        """What is shown is not of the galaxy that is computed."""
        self._dim()
        if event.new or self.verdict.answer is self.state.answer:  # else a newer answer comes
            self.verdict.wait(event.new)

    def _brush(self, brushed: Brushed | None):
        answer = self.state.answer
        if answer is not None and (brushed is None or self.corner.answer is answer):
            self._draw(answer, brushed)

    def _draw(self, answer: Answer, brushed: Brushed | None = None):
        """Show everything of an answer, once the worker has computed its corner plot."""
        figure, changed = self.corner.figure, self._changed
        self._latest = latest = object()

        def show():
            patch(figure, lambda: self._show_all(answer, brushed))

        if not is_served(figure):
            show()  # a page that is being built, a notebook's cell, a test
            return

        async def prepared():  # in any order: an older one would keep the worker from a newer one
            if latest is self._latest and await self.corner.prepare(answer, brushed, changed):
                show()

        pn.state.execute(prepared)

    def _show_all(self, answer: Answer, brushed: Brushed | None = None):
        if answer is not self.state.answer:  # a newer one comes
            return
        # Frozen: Bokeh collects the document's models once, not after each panel.
        # All of them, whatever one raises: no panel may stay at the galaxy before.
        with pn.io.hold(freeze=True), ExitStack() as last:
            last.callback(self._dim)
            last.callback(self.verdict.say, self.state.message)
            for panel in reversed(self.panels):
                last.callback(panel.show, answer, brushed, self._changed)
        later, self._later = self._later, ()
        for galaxy, action in later:
            if galaxy == answer.request.galaxy:
                action()

    def _change(self, *events):
        start(self.try_change)  # what changes before the browser has connected may never reach it

    async def try_change(self) -> None:
        """Show the posterior of the galaxy with the change that `what_if` asks for, beside it."""
        answer, change = self.state.answer, self.what_if.change
        if answer is None:
            return
        changed = None
        if change:
            try:
                changed = await large.changed(self.engine, answer, change, self.what_if)
            except Superseded:
                return
            except SedflowError as error:
                if self._is_asked(answer, change):
                    self._set_changed(None)
                    self.what_if.fail(str(error), answer)
                return
        if self._is_asked(answer, change):
            lacks = changed is not None and changed.lacks
            self._set_changed(None if lacks else changed)
            self._lacking = (changed, answer) if lacks else (None, None)
            if lacks:
                self.what_if.offer(changed, answer)

    async def _adapted(self, changed: Changed, fit: Fit):
        """Draws of a higher rung are there for a change, if it is asked for still."""
        problem = ""
        try:
            better = await on_worker(self.engine.adapted)(changed, fit)
        except SedflowError as error:
            problem = str(error)
        lacking, answer = self._lacking  # of the galaxy that is shown now, perhaps another
        if changed is not lacking or not self._is_asked(answer, changed.change):
            self.what_if.job.say("What was adapted is not asked for any longer.")
        elif problem:
            self.what_if.fail(problem, answer)
        else:
            self._set_changed(better)

    def _is_asked(self, answer, change):
        return answer is self.state.answer and change is self.what_if.change

    def _set_changed(self, changed):
        self._changed = changed
        self._brush(self.corner.selection)

    async def _refined(self, answer: Answer, fit: Fit):
        """Draws of a higher rung are there."""
        try:
            better = await large.refined(self.engine, answer, fit)
        except SedflowError as error:
            self.reference.job.say(f"The draws stay as they were: {plain(error)}.")
            return
        self.state.publish(better, answer)

    @property
    def jobs(self) -> tuple[JobLine, ...]:
        """The long jobs of the page, which end with it."""
        return self.reference.job, self.evidence.grids.job, self.what_if.job

    def close(self) -> None:
        """Stop what runs; the session ends."""
        for job in self.jobs:
            job.close()

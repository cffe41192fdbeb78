"""The page of one session: its parts, each built when it is first opened, and its address."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import panel as pn

from sedflow.catalogue.results import RunTable
from sedflow.dashboard.address import VIEWS, decode
from sedflow.dashboard.design import frame_template
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.frame import Frame
from sedflow.dashboard.opening import Opening, decode_change, decode_lesson, keeps_draws
from sedflow.dashboard.page_address import STATE, page_values
from sedflow.dashboard.pages.compare import CompareView
from sedflow.dashboard.pages.data import OwnDataView
from sedflow.dashboard.pages.explore import Explorer
from sedflow.dashboard.pages.forward import ForwardView
from sedflow.dashboard.pages.view import laid_out
from sedflow.dashboard.patches.browser import patch_document
from sedflow.dashboard.population_address import decode_population
from sedflow.dashboard.presentation import PRESENTED, Presentation
from sedflow.dashboard.run_address import CHOSEN, decode_run
from sedflow.dashboard.server.classes import is_mark, new_mark
from sedflow.dashboard.state import ForwardState
from sedflow.dashboard.validate_address import decode_validate
from sedflow.dashboard.widgets import begun
from sedflow.parameters import NAMES

TITLE = "SEDflow Explorer"
#: Panel adds the least heights of all pages that were opened, though one is seen.
_ONE = ":host { min-height: 0 !important; }"
#: What makes another entry for the browser's Back: where one is, and what a remedy's button turns.
_PLACES = ("view", "galaxy", "lesson", "step", "lesson_galaxy", "row", "bands", "weights")


class Page:
    """The pages of one session, each built when it is first opened.

    Parameters
    ----------
    engine : Engine
    query : dict of name -> text, of the address
    run : RunTable, optional
        A catalogue run to browse; without one there is no page for it.
    """

    def __init__(
        self,
        engine: Engine,
        query: dict[str, str] | None = None,
        run: RunTable | None = None,
        notices: Sequence[str] = (),
    ):
        self.engine, self._run = engine, run
        self.keys = [key for key in VIEWS if key != "run" or run is not None]
        self.opening = opening = Opening.of(query or {}, self.keys, engine, run, notices)
        self.dark, self.notices = opening.theme == "dark", opening.notices
        self.usually_dark = False  # whether the visitor's system asks for dark pages
        self.forward_state = ForwardState()
        self.explorer: Any = None  # before it is built
        self.views: dict[str, Any] = {}
        self.frame = Frame(self._heard, self.go)
        self._presentation = Presentation(self.frame, opening.present)
        self.active = "explore"
        self._written: dict[str, str] = {}
        self._mark = ""  # of the tab, once it has said so
        self._going = False  # back to what an address says
        self._opening = True  # until the first page is shown, of which alone the browser is told
        self._slots = {
            key: pn.Column(sizing_mode="stretch_both", margin=0, visible=False) for key in self.keys
        }
        self._open("explore")  # the others pass their galaxies to it
        if opening.pins:
            self._open("compare").restore(opening.pins)
        self.show(opening.view)
        self._opening = False
        self._write_address(self.notices)

    def template(self) -> pn.Template:
        """The whole page."""
        views = [(key, VIEWS[key]) for key in self.keys]
        template = frame_template(TITLE, views, self.opening.theme, self.frame.now)
        document = pn.state.curdoc
        if document is not None:
            patch_document(document)
            self.frame.begin(document)
            self._set_theme()
        slots = pn.Column(*self._slots.values(), sizing_mode="stretch_both", stylesheets=[_ONE])
        template.add_panel("page", slots)
        template.add_panel("channel", self.frame.channel)
        return template

    def close(self) -> None:
        """Stop what runs; the session ends."""
        for view in self.views.values():
            if hasattr(view, "close"):
                view.close()

    def go(self, query: str) -> None:
        """Show what an address says, which is one that this session had."""
        values = dict(parse_qsl(query.removeprefix("?")))
        self._going = self.explorer.verdict.going_back = True
        try:
            main, forward, _ = decode(values, self.explorer.state, self.forward_state)
            state = self.explorer.state
            state.param.update(**{n: main.get(n, state.param[n].default) for n in STATE})
            self.explorer.what_if.change = decode_change(values)
            if values.get("view") == "forward":
                looks = self.forward_state
                usual = {n: looks.param[n].default for n in ("grid", *looks.LOOKS)}
                looks.param.update(**usual | forward)
            if "learn" in self.views and values.get("view") == "learn":
                lesson, _ = decode_lesson(values)
                self.views["learn"].restore(lesson)
            if "population" in self.views and values.get("view") == "population":
                known, _ = decode_population(values, keeps_draws(self._run))
                self.views["population"].restore(known)
            if "validate" in self.views and values.get("view") == "validate":
                chosen, _ = decode_validate(values)
                self.views["validate"].restore(chosen)
            if self._run is not None and "run" in self.views and values.get("view") == "run":
                of_run, _ = decode_run(values, self._run)
                self.views["run"].restore(of_run)
            self.show(values.get("view", "explore"))
        finally:
            self._going = self.explorer.verdict.going_back = False
        self._write_address(back=True)

    # What the visitor asks

    def _heard(self, word, rest):
        if word == "view" and rest in self.keys:
            self.show(rest)
        elif word == "find":
            if self.explorer.atlas.seek(rest):
                self.frame.found += 1
                self.show("explore")
        elif word in ("next", "previous"):
            self._turn(1 if word == "next" else -1)
        elif word == "pin":
            self.explorer.pin()
        elif word == "clear":
            self.explorer.clear()
        elif word == "walk" and rest in ("on", "off"):
            self.explorer.walk.on = rest == "on"
        elif word == "present" and rest in ("off", *PRESENTED):
            self._present("" if rest == "off" else rest)
        elif word in ("onward", "backward"):
            self._step(1 if word == "onward" else -1)
        elif word == "mark" and is_mark(rest):
            self._mark = self._mark or rest  # one page is one pupil, whatever it says later
        elif word == "system" and rest == "dark" and not self.usually_dark:
            self.usually_dark = True
            self.dark = self.opening.theme != "light"
            self._set_theme()
            self._write_address()
        elif word == "theme" and rest in ("dark", "light"):
            self.dark = rest == "dark"
            self._set_theme()
            self._write_address()

    def _present(self, how):
        """Make the page large, or as it was; say through what the arrows step."""
        if not how and "compare" in self.views:
            self.views["compare"].show_all()
        says = self._presentation.present(how, self._stepped())
        self._set_theme()
        self._say(says)

    def _stepped(self):
        """Through what the arrows of a presentation step."""
        if self.active == "learn" and self.views["learn"].lesson:
            return "steps"
        if self.active == "compare" and self.views["compare"].pins:
            return "pins"
        return "galaxies"

    def _step(self, by):
        alone = self._stepped() == "galaxies"
        (self._turn if alone else self.views[self.active].step_by)(by)

    def _turn(self, by):
        """The galaxy beside the one shown: of the run, of an uploaded catalogue, or of the list."""
        data, state = self.views.get("data"), self.explorer.state
        if self.active == "run":
            self.views["run"].step_by(by)
        elif name := data and data.catalogue.found.beside(by, state.galaxy):
            state.galaxy = name
        else:
            self.explorer.atlas.step(by)

    def _set_theme(self):
        """Dress the figures; the page has dressed itself."""
        if pn.state.curdoc is not None:
            pn.state.curdoc.theme = self._presentation.theme(self.dark)

    # Pages

    def show(self, key: str) -> None:
        """Show a page."""
        view = self._open(key)
        self.active = key
        for other, slot in self._slots.items():
            slot.visible = other == key
        if key == "compare":
            view.look()
        self._write_address()

    def _open(self, key):
        if key not in self.views:
            view = self.views[key] = getattr(self, f"_make_{key}")()
            self._slots[key][:] = [laid_out(view)]
        return self.views[key]

    def _make_explore(self):
        opening = self.opening
        explorer = self.explorer = Explorer(
            self.engine.nsa, engine=self.engine, start=opening.explore, change=opening.change
        )
        explorer.state.param.watch(self._set, list(STATE))
        for one in (explorer.state, explorer.corner):
            one.param.watch(
                lambda event: self.frame.busy(explorer.state.busy or explorer.corner.busy), "busy"
            )
        for job in explorer.jobs:
            job.param.watch(lambda event: self.frame.works(event.new), "running")
        explorer.param.watch(self._pinned, "pinned")
        explorer.what_if.param.watch(lambda event: self._write_address(), "change")
        explorer.walk.on = opening.walk
        explorer.walk.param.watch(lambda event: self._write_address(), "on")
        for panel in (explorer.atlas, explorer.settings, explorer.corner):
            panel.param.watch(self._message, "message")
        return explorer

    def _make_forward(self):
        view = ForwardView(engine=self.engine, state=self.forward_state, pinned=self.opening.pinned)
        view.state.param.update(**self.opening.forward)
        told = [*NAMES, "redshift", "grid", *view.state.LOOKS]
        view.state.param.watch(self._set, told)
        view.param.watch(lambda event: self._write_address(), "pinned")
        view.param.watch(self._chosen, "observed")
        return view

    def _make_compare(self):
        view = CompareView(self.engine)
        view.param.watch(lambda *events: self._write_address(), "changed")
        return view

    def _make_validate(self):
        from sedflow.dashboard.pages.validate import ValidateView

        begin = self.opening.validate
        view = ValidateView(**begin)
        told = ["weights", "kind", "galaxies", "quantities", "difference"]
        view.param.watch(lambda *events: self._write_address(), told)
        self.explorer.state.param.watch(lambda event: self._liken(view), "answer")
        self._liken(view)
        return view

    def _make_population(self):
        from sedflow.dashboard.pages.population import PopulationView

        begin = self.opening.population
        view = PopulationView(self._run, self.engine, **begin)
        view.param.watch(lambda *events: self._write_address(), list(begin))
        view.param.watch(self._chosen, "chosen")
        return view

    def _make_learn(self):
        from sedflow.dashboard.pages.learn import LearnView

        begin = self.opening.lesson
        view = LearnView(self.engine.nsa, self.engine.posterior, self._own_mark, **begin)
        view.param.watch(
            lambda *events: self._write_address(),
            ["lesson", "step", "galaxy", "seed", "code", "best"],
        )
        return view

    def _own_mark(self):
        """What this page sends guesses to a class under: as its tab says, or for this session."""
        self._mark = self._mark or new_mark()
        return self._mark

    def _make_data(self):
        view = OwnDataView(self.engine)
        view.param.watch(self._chosen, "chosen")
        view.catalogue.param.watch(lambda event: self.frame.holds(event.new), "uploaded")
        return view

    def _make_run(self):
        from sedflow.dashboard.pages.run import RunView

        view = RunView(self._run, self.engine, **self.opening.run)
        view.param.watch(lambda *events: self._write_address(), ["row", *CHOSEN])
        view.param.watch(self._chosen_of_run, "chosen")
        return view

    def _chosen_of_run(self, event):
        """Show a galaxy of the run, with the run's network."""
        if event.new:
            self._explore(galaxy=event.new, weights=self.views["run"].weights)

    def _liken(self, view):
        answer = self.explorer.state.answer
        if answer is None and (self._opening or self.explorer.state.busy):
            return  # it is yet to come: what the address says stays
        view.look_like(None if answer is None else answer.fit.photometry)

    def _chosen(self, event):
        """Show a galaxy that the visitor made, typed or uploaded."""
        if event.new:
            self._explore(galaxy=event.new)

    def _explore(self, **values):
        """Show a galaxy on Explore: one place in the browser's history, not two."""
        self._going = True
        self.explorer.state.param.update(**values)
        self._going = False
        self.show("explore")

    def _message(self, event):
        if event.new:
            self._say([f"{begun(event.new)}."])
        elif event.old:
            self.frame.take_back(f"{begun(event.old)}.")
            self._write_address()

    def _pinned(self, event):
        said = self._open("compare").pin(event.new)
        self._say([said])

    # Address

    def _set(self, *events):
        """Values are others: what an address had in their place is not said any longer."""
        for event in events:
            self.frame.take_back(f"{event.name} = ")
        self._write_address()

    def _say(self, sentences):
        """Tell the visitor something that goes away by itself, unless the page begins with it."""
        if self._opening:
            self.notices += [sentence for sentence in sentences if sentence]
        self._write_address(sentences, brief=True)

    def values(self) -> dict[str, str]:
        """The state of the session, as the address has it."""
        return page_values(self)

    def _write_address(self, says=(), brief=False, back=False):
        if self._opening or self._going:
            return
        values = self.values()
        moved = any(values.get(name) != self._written.get(name) for name in _PLACES)
        push = bool(self._written) and moved and not back
        self._written = values
        state = self.explorer.state
        name = state.galaxy if state.galaxy in self.engine.own else f"NSAID {state.galaxy}"
        title = name if self.active == "explore" else VIEWS[self.active]
        query = f"?{urlencode(values, safe=',:;~')}"
        self.frame.show(self.active, f"{title} · SEDflow", query, push, says, brief)

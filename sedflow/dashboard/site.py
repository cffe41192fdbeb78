"""The page that is served: its tabs, its address, and what all sessions share."""

import logging
import os
from copy import deepcopy
from urllib.parse import urlencode

import panel as pn
from bokeh.server.views.ws import WSHandler
from bokeh.themes import Theme
from panel.theme.base import BOKEH_DARK
from panel.theme.bootstrap import BootstrapDarkTheme

from sedflow.dashboard.accessible import name_controls
from sedflow.dashboard.address import VIEWS, decode, decode_own, decode_row, encode, encode_own
from sedflow.dashboard.compare import CompareView
from sedflow.dashboard.explorer import Explorer
from sedflow.dashboard.forward import ForwardView
from sedflow.dashboard.inference import Desk, Request
from sedflow.dashboard.own import OwnDataView
from sedflow.dashboard.state import ExplorerState, ForwardState
from sedflow.errors import SedflowError
from sedflow.nsa import load_nsa
from sedflow.parameters import NAMES
from sedflow.posterior import load_posterior, packaged_weights
from sedflow.threads import use_threads

__all__ = ["Page", "page"]

TITLE = "SEDflow Explorer"
_LOG = logging.getLogger(__name__)
_STATE = ("galaxy", "n", "seed", "weights", "bands", "prior", "unit", "log", "rest")
# Once a slider rests: browsers take no more than some hundred changes in half a minute.
_WRITE = """
clearTimeout(window.sedflow_address)
window.sedflow_address = setTimeout(
  () => window.history.replaceState(null, '', cb_obj.value), 200)
"""
_FLIP = """
const u = new URL(window.location)
u.searchParams.set('theme', dark ? 'default' : 'dark')
window.location = u
"""


def _dark():
    """Bokeh's dark theme with the letters of the light one, for which figures are laid out."""
    style = deepcopy(BOKEH_DARK)
    style["attrs"]["Axis"].update(
        axis_label_text_font_size="13px", axis_label_standoff=5,
        axis_label_text_font_style="italic", major_label_text_font_size="11px",
    )  # fmt: skip
    style["attrs"]["BaseColorBar"].update(
        title_text_font_size="13px", major_label_text_font_size="11px"
    )
    style["attrs"]["Title"].update(text_font_size="13px")
    return Theme(json=style)


BootstrapDarkTheme.bokeh_theme = _dark()


class Page:
    """The tabs of one session, each built when it is first opened.

    Parameters
    ----------
    desk : Desk
    query : dict of name -> text, of the address
    survey : SurveyTable, optional
        A catalogue run to browse; without one there is no page for it.
    """

    def __init__(self, desk: Desk, query=None, survey=None, notices=()):
        self.desk, self._survey = desk, survey
        self.keys = [key for key in VIEWS if key != "survey" or survey is not None]
        query = dict(query or {})
        self.dark = query.get("theme") == "dark"
        pn.config.theme = "dark" if self.dark else "default"  # of what is added later, too
        self.forward_state = ForwardState()
        self.explorer = None
        self._views: dict[str, object] = {}
        self._notice = pn.pane.Alert("", alert_type="info", visible=False, margin=(0, 10))
        main, forward, found = decode(query, ExplorerState(run=None), self.forward_state)
        notices = [*notices, *found]
        self._start, self._forward_start = main, forward
        self._own_start(query, notices)
        if main.get("weights") not in (None, *packaged_weights()):
            notices.append(
                f"there is no network {main.pop('weights')!r}; the default one was taken"
            )
        self._query = query
        self._slots = {key: pn.Column(sizing_mode="stretch_width") for key in self.keys}
        self.tabs = pn.Tabs(*((VIEWS[key], self._slots[key]) for key in self.keys), dynamic=True)
        self.sides = pn.Column(sizing_mode="stretch_width")
        # Panel's own way of writing the address lags one change behind.
        self._address = pn.widgets.TextInput(visible=False)
        self._address.jscallback(value=_WRITE)
        if query.get("view", "explore") not in self.keys:
            notices.append(f"there is no page {query['view'][:40]!r}; Explore is shown")
            query["view"] = "explore"
        self._row = None
        if survey is not None:
            self._row, more = decode_row(query, survey.manifest["catalogue"]["rows"])
            notices += more
        self._say(notices)
        self._open("explore")  # the others pass their galaxies to it
        first = self.keys.index(query.get("view", "explore"))
        self.tabs.active = first
        self._switch()
        self.tabs.param.watch(lambda event: self._switch(), "active")

    @property
    def active(self) -> str:
        """Key of the page that is shown."""
        return self.keys[self.tabs.active]

    def template(self):
        """The whole page."""
        flip = pn.widgets.Button(label="Light" if self.dark else "Dark", width=70, height=30)
        flip.js_on_click(args={}, code=f"const dark = {str(self.dark).lower()};{_FLIP}")
        template = pn.template.BootstrapTemplate(
            title=TITLE, sidebar_width=380, main_max_width="1500px",
            theme="dark" if self.dark else "default",
        )  # fmt: skip
        if pn.state.curdoc is not None:
            name_controls(pn.state.curdoc)
        template.header.append(pn.Row(pn.layout.HSpacer(), flip, sizing_mode="stretch_width"))
        template.sidebar.append(self.sides)
        template.main.append(
            pn.Column(self._address, self._notice, self.tabs, sizing_mode="stretch_width")
        )
        return template

    def close(self):
        """Stop what runs; the session ends."""
        self.explorer.close()

    # Pages

    def _switch(self):
        key = self.active
        view = self._open(key)
        self.sides[:] = [view.controls]
        self._write_address()

    def _open(self, key):
        if key not in self._views:
            self._views[key] = getattr(self, f"_make_{key}")()
            self._slots[key][:] = [self._views[key].views]
        return self._views[key]

    def _make_explore(self):
        explorer = self.explorer = Explorer(self.desk.nsa, desk=self.desk, start=self._start)
        explorer.state.param.watch(lambda event: self._write_address(), list(_STATE))
        explorer.param.watch(self._pinned, "pinned")
        return explorer

    def _make_forward(self):
        view = ForwardView(desk=self.desk, state=self.forward_state)
        view.state.param.update(**self._forward_start)
        view.state.param.watch(lambda event: self._write_address(), [*NAMES, "redshift"])
        view.param.watch(self._chosen, "observed")
        return view

    def _make_compare(self):
        return CompareView()

    def _make_validate(self):
        from sedflow.dashboard.validate import ValidateView

        view = ValidateView()
        self.explorer.state.param.watch(lambda event: self._liken(view), "answer")
        self._liken(view)
        return view

    def _make_learn(self):
        from sedflow.dashboard.learn import LearnView

        start = {k: self._query[k] for k in ("lesson",) if k in self._query}
        for name, key in (("step", "step"), ("galaxy", "lesson_galaxy"), ("seed", "lesson_seed")):
            if self._query.get(key, "").isdigit():
                start[name] = int(self._query[key])
        view = LearnView(self.desk.nsa, self.desk.posterior, **start)
        view.param.watch(lambda event: self._write_address(), ["lesson", "step", "galaxy", "seed"])
        return view

    def _make_data(self):
        view = OwnDataView(self.desk)
        view.param.watch(self._chosen, "chosen")
        return view

    def _make_survey(self):
        from sedflow.dashboard.survey import SurveyView

        view = SurveyView(self._survey, self.desk, row=self._row)
        view.param.watch(lambda event: self._write_address(), "row")
        view.param.watch(self._chosen_of_survey, "chosen")
        return view

    def _chosen_of_survey(self, event):
        """A galaxy of the survey is to be looked at, with the survey's network."""
        if event.new:
            weights = self._views["survey"].weights
            self.explorer.state.param.update(galaxy=event.new, weights=weights)
            self.tabs.active = 0

    def _liken(self, view):
        answer = self.explorer.state.answer
        view.look_like(None if answer is None else answer.fit.photometry)

    def _chosen(self, event):
        """A galaxy of one's own is to be looked at."""
        if event.new:
            self.explorer.state.galaxy = event.new
            self.tabs.active = 0

    def _pinned(self, event):
        slot, answer = event.new
        self._open("compare").pin(slot, answer)
        self._say([f"Pinned as {slot}: {answer.fit.title}; the page Compare shows it"])

    # Address

    def _own_start(self, query, notices):
        try:
            own = decode_own(query)
        except SedflowError as error:
            notices.append(str(error))
            self._start.pop("galaxy", None)
            return
        if own is not None:
            name = self._start.get("galaxy") or "galaxy of the address"
            self._start["galaxy"] = self.desk.add(name, own)

    def _say(self, notices):
        self._notice.object = " ".join(f"{notice}." for notice in notices)
        self._notice.visible = bool(notices)

    def values(self) -> dict[str, str]:
        """The state of the session, as the address has it."""
        state = self.explorer.state
        defaults = {name: state.param[name].default for name in _STATE}
        query = encode({name: getattr(state, name) for name in _STATE}, defaults)
        own = self.desk.own.get(state.galaxy)
        if own is not None:
            query |= encode_own(own)
        if self.active != "explore":
            query["view"] = self.active
        if self.active == "forward":
            f = self._views["forward"].state
            names = (*NAMES, "redshift")
            query |= encode(
                {n: getattr(f, n) for n in names}, {n: f.param[n].default for n in names}
            )
        if self.active == "learn":
            learn = self._views["learn"]
            asked = {"step": learn.step, "lesson_galaxy": learn.galaxy, "lesson_seed": learn.seed}
            usual = {"lesson_galaxy": learn.param.galaxy.default, "lesson_seed": 1}
            if learn.lesson:
                query |= {"lesson": learn.lesson, **encode(asked, usual)}
        if self.active == "survey" and self._views["survey"].row is not None:
            query["row"] = str(self._views["survey"].row)
        if self.dark:
            query["theme"] = "dark"
        return query

    def _write_address(self):
        if self.explorer is not None:
            self._address.value = f"?{urlencode(self.values(), safe=',:')}"


def page(survey=None):
    """The page that `panel serve app.py` and `sedflow serve` show: one call per session.

    survey : path, optional
        Output of `sedflow infer` to browse; default what SEDFLOW_SURVEY in the server's
        environment names, if it names any. No visitor can name another.
    """
    nsa, posterior = _shared()
    found, notices = None, []
    path = survey or os.environ.get("SEDFLOW_SURVEY")
    if path:
        try:
            found = _survey(str(path))
        except SedflowError as error:
            _LOG.error("the survey cannot be opened: %s", error)
            notices.append("the survey of this server cannot be opened; its log says why")
    one = Page(Desk(nsa, posterior), _query(), found, notices)
    if pn.state.curdoc is not None and pn.state.curdoc.session_context is not None:
        pn.state.on_session_destroyed(lambda context: one.close())
    return one.template()


def _query():
    """The address' query as text."""
    args = pn.state.session_args or {}
    return {k: v[-1].decode("utf-8", "replace") for k, v in args.items() if v}


def _shared():
    """The catalogue and the network: read-only, loaded once per process."""

    def load():
        use_threads(1)
        _send_at_once()
        nsa, posterior = load_nsa(), load_posterior()
        # Imports and tables: now, not under the first visitor's click.
        Desk(nsa, posterior).answer(Request(str(nsa.ids[0]), n=200))
        return nsa, posterior

    return pn.state.as_cached("sedflow", load)


def _survey(path):
    """The survey in a folder, opened once per process, and again where partitions have come."""
    from sedflow.survey_table import SurveyTable

    key = f"sedflow survey {path}"

    def load():
        from sedflow.dashboard.survey_map import warm_up

        warm_up()  # compiles what rasterizes: now, not under the first visitor's click
        return SurveyTable(path)

    table = pn.state.as_cached(key, load)
    if not table.is_current():
        table = pn.state.cache[key] = SurveyTable(path)
    return table


def _send_at_once():
    """Let no small message wait (TCP_NODELAY), which halves a slider's delay."""
    opened = WSHandler.open

    def open_at_once(self):
        self.set_nodelay(True)
        return opened(self)

    if not hasattr(opened, "at_once"):
        open_at_once.at_once = True
        WSHandler.open = open_at_once

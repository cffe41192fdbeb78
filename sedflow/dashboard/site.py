"""The page that is served: its tabs, its address, and what all sessions share."""

from urllib.parse import urlencode

import panel as pn
from bokeh.server.views.ws import WSHandler

from sedflow.dashboard.accessible import name_controls
from sedflow.dashboard.address import VIEWS, decode, decode_own, encode, encode_own
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


class Page:
    """The tabs of one session, each built when it is first opened.

    Parameters
    ----------
    desk : Desk
    query : dict of name -> text, of the address
    """

    def __init__(self, desk: Desk, query=None):
        self.desk = desk
        query = dict(query or {})
        self.dark = query.get("theme") == "dark"
        pn.config.theme = "dark" if self.dark else "default"  # of what is added later, too
        self.forward_state = ForwardState()
        self.explorer = None
        self._views: dict[str, object] = {}
        self._notice = pn.pane.Alert("", alert_type="info", visible=False, margin=(0, 10))
        main, forward, notices = decode(query, ExplorerState(run=None), self.forward_state)
        self._start, self._forward_start = main, forward
        self._own_start(query, notices)
        if main.get("weights") not in (None, *packaged_weights()):
            notices.append(
                f"there is no network {main.pop('weights')!r}; the default one was taken"
            )
        self._query = query
        self._slots = {key: pn.Column(sizing_mode="stretch_width") for key in VIEWS}
        self.tabs = pn.Tabs(
            *((title, self._slots[key]) for key, title in VIEWS.items()), dynamic=True
        )
        self.sides = pn.Column(sizing_mode="stretch_width")
        # Panel's own way of writing the address lags one change behind.
        self._address = pn.widgets.TextInput(visible=False)
        self._address.jscallback(value=_WRITE)
        if query.get("view", "explore") not in VIEWS:
            notices.append(f"there is no page {query['view'][:40]!r}; Explore is shown")
            query["view"] = "explore"
        self._say(notices)
        self._open("explore")  # the others pass their galaxies to it
        first = list(VIEWS).index(query.get("view", "explore"))
        self.tabs.active = first
        self._switch()
        self.tabs.param.watch(lambda event: self._switch(), "active")

    @property
    def active(self) -> str:
        """Key of the page that is shown."""
        return list(VIEWS)[self.tabs.active]

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
        if self.dark:
            query["theme"] = "dark"
        return query

    def _write_address(self):
        if self.explorer is not None:
            self._address.value = f"?{urlencode(self.values(), safe=',:')}"


def page():
    """The page that `panel serve app.py` and `sedflow serve` show: one call per session."""
    nsa, posterior = _shared()
    one = Page(Desk(nsa, posterior), _query())
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


def _send_at_once():
    """Let no small message wait (TCP_NODELAY), which halves a slider's delay."""
    opened = WSHandler.open

    def open_at_once(self):
        self.set_nodelay(True)
        return opened(self)

    if not hasattr(opened, "at_once"):
        open_at_once.at_once = True
        WSHandler.open = open_at_once

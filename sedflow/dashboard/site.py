"""The page that is served, and what all sessions share."""

import asyncio
import contextlib
import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import panel as pn

from sedflow.atlas.catalog import load_nsa
from sedflow.bands import load_band, reading_curves
from sedflow.dashboard.answer import Request
from sedflow.dashboard.engine import Engine, Recent
from sedflow.dashboard.patches import bokeh_models, bokeh_server, outbox, panel_server
from sedflow.dashboard.server import beginning
from sedflow.dashboard.server.memory import RETURNS, few_pools, give_back, settle
from sedflow.dashboard.server.visitors import VISITORS, Full, whose
from sedflow.dashboard.server.work import leave
from sedflow.dashboard.tabs import TITLE, Page
from sedflow.dashboard.widgets import note, plain
from sedflow.errors import SedflowError, UnknownBand, needs
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.network.weights import cached_posterior
from sedflow.threads import use_threads

_LOG = logging.getLogger(__name__)
_DRAWN = 10.0  # seconds, after which a page is there with its first answer

#: Answers that all sessions share; that of the galaxy which a page opens with is there first.
RECENT = Recent()
_GROWN: dict[str, Any] = {}  # runs as they were when they were last opened again
_REOPENED: set[str] = set()  # runs that a thread opens again now


def page(run: str | Path | None = None) -> pn.template.base.BaseTemplate:
    """The page that `panel serve app.py` and `sedflow serve` show: one call per session.

    run : path, optional
        Output of `sedflow infer` to browse; default what SEDFLOW_RUN in the server's environment
        names, if it names any. No visitor can name another.
    """
    try:
        return _page(run)
    except Exception:
        # Panel would show the traceback, with the server's paths, to the visitor.
        _LOG.exception("a page cannot be made")
        return _sentence("this page cannot be made; the server's log says why")


def _page(run):
    nsa, posterior = _shared()
    found, notices = None, []
    # SEDFLOW_SURVEY is its name in earlier versions.
    path = run or os.environ.get("SEDFLOW_RUN") or os.environ.get("SEDFLOW_SURVEY")
    if path:
        try:
            found = _opened_run(str(path))
        except SedflowError as error:
            _LOG.error("the run cannot be opened: %s", error)
            notices.append("the run of this server cannot be opened; the server's log says why")
    visitor, session = whose()
    if session:
        try:
            VISITORS.check(visitor)
        except Full as error:  # where no gate says so before
            return _sentence(str(error))
    query = _query(notices)
    # Panel would decode the address by itself, and fail where that is not UTF-8.
    config: Any = pn.config  # its stubs have no setter
    config.theme = "dark" if query.get("theme") == "dark" else "default"
    one = Page(Engine(nsa, posterior, bool(session), RECENT), query, found, notices)
    if session:
        VISITORS.enter(visitor, session)

        def ended(context):
            VISITORS.leave(session)
            one.close()
            leave(session)
            RETURNS.soon()

        pn.state.on_session_destroyed(ended)
        with contextlib.suppress(RuntimeError):  # without a server
            asyncio.get_running_loop().call_later(_DRAWN, settle)
    return one.template()


def _sentence(text):
    """A page that says no more than this."""
    said = note("warning")
    said.object, said.visible = plain(f"{text[0].upper()}{text[1:]}."), True
    return pn.template.BootstrapTemplate(title=TITLE, main=[said])


def warm_up() -> None:
    """Load what all sessions share: now, not under the first visitor's click."""
    _shared()


def _query(notices):
    """The address' query as text."""
    args = pn.state.session_args or {}
    if "long" in args:
        notices.append("the address was too long, and nothing in it was read")
        return {}
    return {k: v[-1].decode("utf-8", "replace") for k, v in args.items() if v}


def _shared():
    """The catalogue and the network: read-only, loaded once per process."""

    def load():
        use_threads(1)
        few_pools()
        bokeh_models.patch()
        bokeh_server.patch()
        panel_server.patch()
        outbox.patch()
        beginning.patch()
        nsa, posterior = load_nsa(), cached_posterior(DEFAULT_WEIGHTS)
        # Imports and tables: now, not under the first visitor's click.
        first = Request(str(nsa.ids[0]))
        RECENT.keep(first, Engine(nsa, posterior).answer(first))
        give_back()
        return nsa, posterior

    return pn.state.as_cached("sedflow", load)


def _opened_run(path):
    """The run in a folder, opened once per process; later pages have the partitions that came."""
    from sedflow.catalogue.results import RunTable

    def load():
        needs("duckdb", "datashader", "holoviews", extra="app", what="the page of a run")
        from sedflow.dashboard.panels.run_map import warm_up as compile_map

        compile_map()  # compiles what rasterizes: now, not under the first visitor's click
        with reading_curves(True):  # those that the run's network was trained on
            table = RunTable(path)
            for band in table.manifest["weights"]["bands"]:
                with suppress(UnknownBand):  # whose file is gone: the rows that need it say so
                    load_band(band)
        return table

    first = pn.state.as_cached(f"sedflow run {path}", load)
    table = _GROWN.get(path, first)
    if not table.is_current():
        _reopen(path)
    return table


def _reopen(path):
    """Open a run that has grown, in a thread: it is hashed, and this page has what was there."""
    from sedflow.catalogue.results import RunTable

    def load():
        try:
            _GROWN[path] = RunTable(path)
        except SedflowError as error:
            _LOG.error("the run cannot be opened again: %s", error)
        finally:
            _REOPENED.discard(path)

    if path not in _REOPENED:
        _REOPENED.add(path)
        threading.Thread(target=load, name="sedflow-reopen", daemon=True).start()

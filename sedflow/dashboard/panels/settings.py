"""Settings: which network, bands, draws and prior decide a posterior."""

from collections.abc import Callable

import numpy as np
import panel as pn
import param

from sedflow.dashboard.hints import HintChecks
from sedflow.dashboard.state import MOST_DRAWS, ExplorerState
from sedflow.dashboard.widgets import PRESSED, follow, prose
from sedflow.errors import SedflowError
from sedflow.network.weights import packaged_weights

__all__ = ["SettingsPanel"]

#: Of the chip of a band that a galaxy lacks.
_ABSENT = """
.bk-btn-group > .bk-btn.bk-btn-default.bk-active:nth-child({k}) {{
  background-color: transparent !important; color: var(--sf-quiet) !important;
  text-decoration: line-through; }}
"""


class SettingsPanel(pn.viewable.Viewer):
    """Widgets that set an `ExplorerState`, and follow it.

    Parameters
    ----------
    state : ExplorerState
    bands_of : callable
        Name of a network -> its bands.
    """

    message = param.String(doc="What a visitor should know")

    def __init__(self, state: ExplorerState, bands_of: Callable[[str], list[str]], **params):
        super().__init__(**params)
        self._state, self._bands_of = state, bands_of
        self._network = pn.widgets.Select(
            label="network",
            value=state.weights,
            width=235,
            options=sorted({*packaged_weights(), state.weights}),
        )
        self._n = pn.widgets.IntInput(
            label="draws", value=state.n, start=100, end=MOST_DRAWS, step=1000, width=105
        )
        self._seed = pn.widgets.IntInput(
            label="seed", value=state.seed, start=0, end=2**31 - 1, width=95
        )
        self._prior = pn.widgets.Select(
            label="prior of the history",
            value=state.prior,
            width=235,
            options={"flat Dirichlet": "flat", "as published": "provabgs"},
            description="The exact posterior is weighted to it; packaged networks learned the flat",
        )
        bands = bands_of(state.weights)
        self._bands = HintChecks(
            "Bands used; one that is left out is predicted",
            label="bands used",
            options=bands,
            value=self._on(bands),  # an address has chosen some already
            stylesheets=[PRESSED],
            margin=(0, 4),
        )
        for widget, name in (
            (self._network, "weights"),
            (self._n, "n"),
            (self._seed, "seed"),
            (self._prior, "prior"),
        ):
            follow(widget, state, name)
        self._bands.param.watch(self._choose_bands, "value")
        state.param.watch(self._follow_bands, ["bands", "weights"])
        state.param.watch(self._mark_absent, "answer")

    def _choose_bands(self, event):
        if not event.new:
            self.message = "keep at least one band selected"
            self.param.trigger("message")
            self._bands.value = event.old
            return
        everything = set(event.new) == set(self._bands.options)
        bands = [] if everything else [b for b in self._bands.options if b in event.new]
        self._state.bands = bands

    def _on(self, options):
        """Of the bands that are offered those that are used: all, where none is chosen."""
        return [b for b in options if b in self._state.bands] or list(options)

    def _follow_bands(self, *events):
        try:
            options = self._bands_of(self._state.weights)
        except SedflowError:  # of a run that another network has made: the page says so
            return
        value = self._on(options)
        with param.parameterized.discard_events(self._bands):
            self._bands.options = options
        self._bands.param.trigger("options")
        self._bands.value = value

    def _mark_absent(self, event):
        """Strike bands through that were not measured: they are on, and change nothing."""
        if event.new is None:
            return
        galaxy = event.new.fit.photometry
        seen = dict(zip(galaxy.bands, np.isfinite(galaxy.flux), strict=True))
        absent = [
            k
            for k, band in enumerate(self._bands.options, 1)
            if band in self._bands.value and not seen.get(band, True)
        ]
        sheets = [PRESSED, *(_ABSENT.format(k=k) for k in absent)]
        if sheets != self._bands.stylesheets:
            self._bands.stylesheets = sheets

    @property
    def bands(self) -> pn.viewable.Viewable:
        """The chips of the bands that are used."""
        return self._bands

    def __panel__(self):
        return pn.Column(
            self._network,
            pn.Row(self._n, self._seed, margin=0),
            self._prior,
            prose(
                "A network's name gives the bands that it takes and its stellar library, and "
                '"gas" where that has emission lines. Bands that were not measured are left out.'
            ),
            margin=0,
            sizing_mode="stretch_width",
        )

"""The dashboard: a page to explore galaxies of the atlas, and one to play with the model.

Views own layout only. They watch a state, feed figures, and never compute posteriors: work
goes to one process-wide worker thread (torch's generator is global, and the network is quick).
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import holoviews as hv
import numpy as np
import pandas as pd
import panel as pn

from sedflow.dashboard import figures
from sedflow.dashboard.corner import CornerFigure, corner_layers
from sedflow.dashboard.state import ExplorerState, ForwardState
from sedflow.derived import DERIVED
from sedflow.fitting import Fit, fit
from sedflow.importance import K_HAT_MAX, min_ess, reweight
from sedflow.model import default_model
from sedflow.nsa import NSACatalog, load_nsa
from sedflow.parameters import NAMES, PARAMETERS
from sedflow.posterior import AmortizedPosterior, load_posterior, packaged_weights
from sedflow.threads import use_threads

__all__ = ["Explorer", "ForwardView", "page"]

hv.extension("bokeh")
# A few thousand points a figure: the plain canvas paints them as fast as WebGL, and browsers
# without a GPU, which emulate that, have nothing to warn about.
hv.renderer("bokeh").webgl = False

_WORKER = ThreadPoolExecutor(1, thread_name_prefix="sedflow")
TITLE = "SEDflow Explorer"
_LABELS = [p.label for p in PARAMETERS]
_SMALL = ".tabulator { font-size: 12px; }"


@dataclass(frozen=True)
class _Shown:
    """A fit with the layers of its corner plot: all that the views need, ready made."""

    fit: Fit
    corner: object
    exact: bool

    @property
    def trust(self) -> str:
        """In a line: what the draws shown are."""
        figures = self.fit.draws.importance
        if not self.exact:
            return "Draws of the network, not corrected"
        return (
            f"Corrected to the exact posterior: k-hat {figures.k_hat:.2f} (limit {K_HAT_MAX}), "
            f"{figures.ess:,.0f} of {int(figures.n):,} draws effective, ln evidence "
            f"{figures.log_evidence:.2f} ± {figures.log_evidence_error:.2f}"
        )


def infer(nsa: NSACatalog, posterior: AmortizedPosterior, request):
    """The fit of a request (nsaid, n, seed), everything that is drawn computed; and a note."""
    nsaid, n, seed = request
    galaxy = nsa.photometry(nsaid, posterior.bands)
    drawn = fit(galaxy, posterior, n=n, seed=seed)
    weighted = reweight(drawn, min_ess=0)
    figures = weighted.draws.importance
    held = bool(figures.good(min_ess(n)))
    check = posterior.check(galaxy, draws=drawn.draws, flux=drawn.predicted.flux)
    notes = [] if check else [f"{check}"]
    if not held:
        notes.append(
            f"these are the network's draws, and weights do not mend them (k-hat "
            f"{figures.k_hat:.2f}, limit {K_HAT_MAX}; {figures.ess:.0f} effective draws): make "
            'more draws, or use sedflow.fit(galaxy, posterior, trust="auto") or MCMC'
        )
    result = weighted if held else drawn
    layers = corner_layers(result.draws.resampled().theta, _LABELS)
    _ = result.derived, result.induced_prior, result.history, result.predicted
    return _Shown(result, layers, held), f"Take care: {'; '.join(notes)}." if notes else ""


@cache
def _packaged(weights):
    """A packaged network, loaded once per process."""
    return load_posterior(weights)


def _on_worker(function):
    """An async function that runs `function` on the worker thread."""

    async def run(request):
        return await asyncio.get_running_loop().run_in_executor(_WORKER, function, request)

    return run


class Explorer(pn.viewable.Viewer):
    """Pick a galaxy of the atlas, see its photometry, posterior, spectra and history.

    Parameters
    ----------
    nsa : NSACatalog
    posterior : AmortizedPosterior
        The network to begin with; the packaged ones can be chosen instead.
    nsaid : int, optional
        The galaxy to begin with; default the first of the catalogue.
    """

    def __init__(self, nsa: NSACatalog, posterior: AmortizedPosterior, nsaid=None, **params):
        super().__init__(**params)
        self.nsa = nsa
        self._posterior = posterior
        self.state = ExplorerState(run=_on_worker(self._answer), weights=posterior.name)
        self._table = _catalogue_table(nsa)
        self._build_controls()
        self._build_views()
        self.state.param.watch(self._ask, ["nsaid", "n", "seed", "weights"])
        self.state.param.watch(self._show, "fit")
        self.state.param.watch(self._tell, ["message", "busy"])
        self.state.nsaid = int(nsa.ids[0] if nsaid is None else nsaid)

    def _answer(self, request):
        *rest, weights = request
        mine = weights == self._posterior.name
        return infer(self.nsa, self._posterior if mine else _packaged(weights), rest)

    # Controls

    def _build_controls(self):
        self._number = pn.widgets.IntInput(label="NSAID", value=None, start=0, width=160)
        self._number.param.watch(self._pick_number, "value")
        self._list = pn.widgets.Tabulator(
            self._table,
            pagination="remote",
            page_size=12,
            selectable=1,
            disabled=True,
            show_index=False,
            header_filters={
                "NSAID": {"type": "input", "func": "like", "placeholder": "find"},
                "field": {"type": "input", "func": "like", "placeholder": "find"},
            },
            sizing_mode="stretch_width",
            height=430,
            layout="fit_columns",
            widths={"NSAID": 92, "z": 68, "r": 60, "g−r": 68},
            stylesheets=[_SMALL],
        )
        self._list.on_click(self._pick_row)
        self._n = pn.widgets.IntInput(
            label="draws", value=self.state.n, start=100, end=50_000, step=1000, width=120
        )
        self._seed = pn.widgets.IntInput(label="seed", value=self.state.seed, start=0, width=90)
        self._network = pn.widgets.Select(
            label="network", value=self.state.weights, width=250,
            options=sorted({*packaged_weights(), self.state.weights}),
        )  # fmt: skip
        self._network.link(self.state, value="weights")
        self._n.link(self.state, value="n")
        self._seed.link(self.state, value="seed")
        self.controls = pn.Column(
            pn.pane.Markdown("### Galaxy\nType an NSAID, or click a row."),
            self._number,
            self._list,
            pn.Row(
                self._network,
                pn.widgets.TooltipIcon(
                    value="nsa, the bands it takes, and the stellar library it was trained on. "
                    "Bands without a measurement are left out.",
                    align="end",
                ),
            ),
            pn.Row(self._n, self._seed),
            sizing_mode="stretch_width",
        )

    def _pick_number(self, event):
        if event.new is None or event.new == self.state.nsaid:
            return
        self.state.nsaid = int(event.new)

    def _pick_row(self, event):
        self.state.nsaid = int(self._list.current_view.iloc[event.row]["NSAID"])

    # Views

    def _build_views(self):
        self._status = pn.pane.Alert("", alert_type="light", visible=False, margin=(0, 10))
        self._spinner = pn.indicators.LoadingSpinner(size=22, value=False)
        self._heading = pn.pane.Markdown("## …", margin=(0, 10))
        self._trust = pn.pane.Markdown("", margin=(0, 10))
        self._fit_stream = hv.streams.Pipe(data=None)
        self._summary = pn.widgets.Tabulator(
            pd.DataFrame(), disabled=True, show_index=False, sizing_mode="stretch_width",
            height=490, layout="fit_columns", sortable=False,
            formatters={"definition": {"type": "textarea"}},
            widths={"quantity": 215, "16 %": 75, "50 %": 75, "84 %": 75, "prior": 150},
            stylesheets=[_SMALL],
        )  # fmt: skip
        self._corner = None
        self._corner_pane = pn.pane.Bokeh(None, margin=(10, 0), sizing_mode="stretch_width")
        self._sed_pane = _pane(None, 380)
        self._sfr_pane = _pane(None, 300)
        self._zh_pane = _pane(None, 300)
        self.views = pn.Column(
            pn.Row(self._heading, self._spinner),
            self._trust,
            self._status,
            self._sed_pane,
            pn.Row(self._sfr_pane, self._zh_pane, sizing_mode="stretch_width"),
            pn.pane.Markdown("### Derived quantities", margin=(5, 10)),
            self._summary,
            pn.pane.Markdown(
                "### Posterior of the 12 parameters\n"
                "Contours hold 39 % and 86 % of the draws (1σ and 2σ); dashed lines are the "
                "16, 50 and 84 % points.",
                margin=(5, 10),
            ),
            self._corner_pane,
            sizing_mode="stretch_width",
        )

    async def _ask(self, *events):
        self._number.value = self.state.nsaid
        await self.state.infer()

    def _tell(self, *events):
        self._spinner.value = self.state.busy
        self._status.object = self.state.message
        self._status.alert_type = "warning"
        self._status.visible = bool(self.state.message)

    def _show(self, event):
        if event.new is None:
            self._heading.object = "## No posterior"
            self._trust.object = ""
            return
        with pn.io.hold():
            self._show_fit(event.new)

    def _show_fit(self, shown: _Shown):
        result = shown.fit
        self._heading.object = f"## {result.title} · {result.sampler}"
        self._trust.object = shown.trust
        self._fit_stream.send(result)
        if self._corner is None:
            self._corner = CornerFigure(shown.corner, title=result.title)
            self._corner_pane.object = self._corner.figure
            self._sed_pane.object = _live(figures.sed, self._fit_stream)
            self._sfr_pane.object = _live(figures.history, self._fit_stream, "sfr")
            self._zh_pane.object = _live(figures.history, self._fit_stream, "zh")
        else:
            self._update_corner(shown.corner, result.title)
        self._summary.value = _derived_table(result)

    def _update_corner(self, layers, title):
        """Patch the figure where that is allowed: with the document's lock, on the next tick."""
        document = self._corner.figure.document
        if document is not None and document.session_context is not None:
            document.add_next_tick_callback(lambda: self._corner.update(layers, title))
        else:
            self._corner.update(layers, title)
            self._corner_pane.param.trigger("object")  # in a notebook there is no document yet

    def __panel__(self):
        return pn.Row(pn.Column(self.controls, width=380), self.views, sizing_mode="stretch_width")


class ForwardView(pn.viewable.Viewer):
    """Sliders for the 12 parameters and the redshift; spectrum, photometry and histories."""

    def __init__(self, model=None, **params):
        super().__init__(**params)
        self.model = model or default_model("fsps")
        self.state = ForwardState()
        self._stream = hv.streams.Pipe(data=self._compute())
        self._history_stream = hv.streams.Pipe(data=self._stream.data)
        self._build_controls()
        self._magnitudes = pn.pane.Markdown(self._text(), margin=(0, 10))
        sed = _pane(_live(figures.forward_sed, self._stream), 400)
        histories = (
            _pane(_live(figures.forward_history, self._history_stream, which), 280)
            for which in ("sfr", "zh")
        )
        self.views = pn.Column(
            sed,
            self._magnitudes,
            pn.Row(*histories, sizing_mode="stretch_width"),
            sizing_mode="stretch_width",
        )
        self.state.param.watch(self._update, [*NAMES, "redshift"])

    def _build_controls(self):
        groups = (
            ("Mass and distance", ["log_mstar", "redshift"]),
            ("Star-formation history (shares, divided by their sum)", list(NAMES[1:5])),
            ("Burst", ["f_burst", "t_burst"]),
            ("Metals", ["log_gamma1", "log_gamma2"]),
            ("Dust", ["tau_bc", "tau_ism", "n_dust"]),
        )
        self.sliders = {}
        column = pn.Column(sizing_mode="stretch_width")
        for title, names in groups:
            column.append(pn.pane.Markdown(f"**{title}**", margin=(8, 10, 0, 10)))
            for name in names:
                self.sliders[name] = self._slider(name)
                tip = pn.widgets.TooltipIcon(value=self.state.param[name].doc, align="center")
                column.append(pn.Row(self.sliders[name], tip, sizing_mode="stretch_width"))
        self.controls = column

    def _slider(self, name):
        parameter = self.state.param[name]
        low, high = parameter.bounds
        unit = {p.name: p.unit for p in PARAMETERS}.get(name, "")
        label = f"{parameter.label} [{unit}]" if unit else parameter.label
        slider = pn.widgets.FloatSlider(
            label=label, start=low, end=high, step=(high - low) / 500,
            value=getattr(self.state, name), sizing_mode="stretch_width", format="0.000",
        )  # fmt: skip
        slider.link(self.state, value=name)
        return slider

    def _compute(self):
        theta, z = self.state.theta(), self.state.redshift
        spectrum = self.model.spectrum(theta, z)
        near = (spectrum.wavelength > 2900) & (spectrum.wavelength < 11_500)
        return {
            "wavelength": spectrum.wavelength[near],
            "flux": spectrum.flux[near],
            "bare_flux": self.model.spectrum(theta, z, dust=False).flux[near],
            "bands": self.model.bands,
            "nanomaggies": self.model.photometry(theta, z),
            "edges": self.model.time_bins(z),
            "sfr": self.model.sfh(theta, z),
            "zh": self.model.zh(theta, z),
        }

    def _text(self):
        flux = self._stream.data["nanomaggies"]
        magnitudes = 22.5 - 2.5 * np.log10(flux)
        cells = " &nbsp; ".join(
            f"**{b}** {m:.2f}" for b, m in zip(self.model.bands, magnitudes, strict=True)
        )
        return f"AB magnitudes: {cells}"

    def _update(self, *events):
        with pn.io.hold():  # one message to the browser, not one for each source
            before, now = self._history_stream.data, self._compute()
            self._stream.send(now)
            if any(not np.array_equal(before[k], now[k]) for k in ("edges", "sfr", "zh")):
                self._history_stream.send(now)  # dust, for one, leaves the histories alone
            self._magnitudes.object = self._text()

    def __panel__(self):
        return pn.Row(pn.Column(self.controls, width=340), self.views, sizing_mode="stretch_width")


def page():
    """The page that `panel serve app.py` and `sedflow serve` show: one call per session."""
    nsa, posterior = _shared()
    explorer, forward = Explorer(nsa, posterior), ForwardView()
    template = pn.template.BootstrapTemplate(
        title=TITLE, sidebar_width=400, main_max_width="1500px"
    )
    tabs = pn.Tabs(
        ("Explore galaxies", explorer.views), ("Forward model", forward.views), dynamic=True
    )
    sides = pn.Column(explorer.controls, sizing_mode="stretch_width")

    def switch(event):
        sides[:] = [explorer.controls if event.new == 0 else forward.controls]

    tabs.param.watch(switch, "active")
    template.sidebar.append(sides)
    template.main.append(tabs)
    return template


def _shared():
    """The catalogue and the network: read-only, loaded once per process."""

    def load():
        use_threads(1)
        nsa, posterior = load_nsa(), load_posterior()
        infer(nsa, posterior, (int(nsa.ids[0]), 200, 0))  # imports and tables: now, not under
        return nsa, posterior  # the first visitor's click

    return pn.state.as_cached("sedflow", load)


def _live(figure, stream, *args):
    """A figure that is drawn anew from whatever the stream sends."""
    return hv.DynamicMap(lambda data: figure(data, *args), streams=[stream])


def _pane(figure, height):
    return pn.pane.HoloViews(figure, sizing_mode="stretch_width", height=height, linked_axes=False)


def _catalogue_table(nsa):
    """What the list of galaxies shows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        magnitude = 22.5 - 2.5 * np.log10(np.asarray(nsa.table["NMGY"], float)[:, 2:])
    table = pd.DataFrame(
        {
            "NSAID": nsa.ids.astype(str),
            "z": np.asarray(nsa.table["Z"], float).round(4),
            "r": magnitude[:, 2].round(2),
            "g−r": (magnitude[:, 1] - magnitude[:, 2]).round(2),
        }
    )
    if "FIELD" in nsa.table.colnames:
        table["field"] = np.asarray(nsa.table["FIELD"]).astype(str)
    return table


def _derived_table(result):
    low, middle, high = (
        np.array([result.draws.quantile(result.derived[d.name], q) for d in DERIVED])
        for q in (0.16, 0.5, 0.84)
    )
    return pd.DataFrame(
        {
            "quantity": [d.axis_label for d in DERIVED],
            "16 %": low.round(3),
            "50 %": middle.round(3),
            "84 %": high.round(3),
            "prior": [
                "{:.2f} to {:.2f}".format(*np.quantile(result.induced_prior[d.name], (0.16, 0.84)))
                for d in DERIVED
            ],
            "definition": [d.help for d in DERIVED],
        }
    )

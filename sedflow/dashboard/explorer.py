"""Explore: a galaxy's light, its posterior and its history; brush one to see the others.

The view owns layout and figures. It watches the state, which asks the desk; it never computes
posteriors.
"""

import html
import io
from dataclasses import replace

import numpy as np
import pandas as pd
import panel as pn
import param

from sedflow.dashboard import figures
from sedflow.dashboard.atlas import AtlasView
from sedflow.dashboard.corner import CornerFigure, corner_axes, corner_set, selected
from sedflow.dashboard.inference import (
    HISTORIES,
    MAIN_QUANTITIES,
    QUANTITIES,
    Desk,
    band_to_blame,
    brush,
    chosen_quantities,
    code_for,
    compared,
    on_worker,
    quantity_columns,
)
from sedflow.dashboard.live import PRESSED, SMALL_TABLE, WRAP, fold, patch
from sedflow.dashboard.prose import prose
from sedflow.dashboard.reference import ReferenceView
from sedflow.dashboard.state import MAX_DRAWS, ExplorerState
from sedflow.dashboard.view import PageView
from sedflow.draws import Draws
from sedflow.errors import SedflowError
from sedflow.nsa import NSACatalog
from sedflow.parameters import NAMES
from sedflow.posterior import AmortizedPosterior, packaged_weights
from sedflow.validation import distance

__all__ = ["COLORS", "Explorer"]

#: Colour of each set of draws, and of what is selected.
COLORS = {
    "prior": "#999999",
    "network": "#cc79a7",
    "exact": "#1f86c9",
    "mcmc": "#009e73",
    "selected": "#e69f00",
}
_LABELS = {"exact": "exact", "network": "network", "mcmc": "MCMC", "prior": "prior"}
_SUBSETS = {
    "six": MAIN_QUANTITIES,
    "12 parameters": NAMES,
    "all": tuple(q.name for q in QUANTITIES),
}
_BADGE = {
    "amortized": ("✔", "#009e73"),
    "reweighted": ("✔", "#0072b2"),
    "mcmc": ("✔", "#0072b2"),
    "not corrected": ("!", "#d55e00"),
    "failed": ("✘", "#d55e00"),
}
_MORE = 4  # times the draws, where asked for more


class Explorer(PageView):
    """Pick a galaxy of the atlas, see its photometry, posterior, spectra and history.

    Parameters
    ----------
    nsa : NSACatalog
    posterior : AmortizedPosterior, optional
        The network to begin with; the packaged ones can be chosen instead.
    nsaid : int, optional
        The galaxy to begin with; default the first of the catalogue.
    desk : Desk, optional
        What answers; shared with other pages of the same session.
    start : dict, optional
        Values of `ExplorerState` to begin with.
    """

    sidebar_width = 380

    pinned = param.Parameter(doc="(slot, Answer) that was pinned last, for the page Compare")

    def __init__(
        self,
        nsa: NSACatalog,
        posterior: AmortizedPosterior | None = None,
        nsaid=None,
        *,
        desk: Desk | None = None,
        start: dict | None = None,
        **params,
    ):
        super().__init__(**params)
        self.desk = desk or Desk(nsa, posterior)
        start = dict(start or {})
        if posterior is not None:
            start.setdefault("weights", posterior.name)
        first = start.pop("galaxy", "") or str(nsa.ids[0] if nsaid is None else nsaid)
        self.state = ExplorerState(run=on_worker(self.desk.answer), **start)
        self.atlas = AtlasView(nsa, self.desk.own)
        self.reference = ReferenceView(lambda: self.state.answer, self._referenced)
        self._mcmc = None  # `QUANTITIES` of MCMC's draws for the galaxy shown
        self._brushed = None
        self._build_controls()
        self._build_views()
        self.state.param.watch(self._ask, list(self.state.ASKS))
        self.state.param.watch(self._show, "answer")
        self.state.param.watch(self._tell, ["message", "busy"])
        self.state.param.watch(self._redraw_sed, ["unit", "log", "rest"])
        self.atlas.param.watch(self._picked, "galaxy")
        self.atlas.param.watch(lambda e: self._warn(e.new), "message")
        self.state.galaxy = first

    # Controls

    def _build_controls(self):
        state = self.state
        self._network = pn.widgets.Select(
            label="network", value=state.weights, width=235,
            options=sorted({*packaged_weights(), state.weights}),
        )  # fmt: skip
        self._n = pn.widgets.IntInput(
            label="draws", value=state.n, start=100, end=MAX_DRAWS, step=1000, width=105
        )
        self._seed = pn.widgets.IntInput(
            label="seed", value=state.seed, start=0, end=2**31 - 1, width=95
        )
        self._prior = pn.widgets.Select(
            label="prior of the history", value=state.prior, width=235,
            options={"flat Dirichlet": "flat", "as published": "provabgs"},
            description="The exact posterior is weighted to it; packaged networks learned the flat",
        )  # fmt: skip
        self._bands = pn.widgets.CheckButtonGroup(
            label="bands used",
            options=self._network_bands(),
            value=self._network_bands(),
            stylesheets=[PRESSED],
        )
        for widget, name in (
            (self._network, "weights"), (self._n, "n"), (self._seed, "seed"),
            (self._prior, "prior"),
        ):  # fmt: skip
            widget.param.watch(self._setter(name), "value")
            state.param.watch(_mirror(widget), name)
        self._bands.param.watch(self._choose_bands, "value")
        state.param.watch(self._mirror_bands, ["bands", "weights"])
        self.controls = pn.Column(
            self.atlas,
            pn.Row(self._network, pn.widgets.TooltipIcon(
                value="nsa, the bands it takes, and the stellar library it was trained on. Bands "
                "without a measurement are left out.", align="end",
            )),
            prose("bands used", margin=(0, 10, -12, 10)),
            self._bands,
            pn.Row(self._n, self._seed),
            self._prior,
            sizing_mode="stretch_width",
        )  # fmt: skip

    def _setter(self, name):
        return lambda event: event.new is not None and setattr(self.state, name, event.new)

    def _network_bands(self):
        return list(self.desk.posterior(self.state.weights).bands)

    def _choose_bands(self, event):
        if not event.new:
            self._warn("one band at least is needed; the last one stays")
            self._bands.value = event.old
            return
        everything = set(event.new) == set(self._bands.options)
        self.state.bands = [] if everything else [b for b in self._bands.options if b in event.new]

    def _mirror_bands(self, *events):
        options = self._network_bands()
        value = [b for b in options if b in self.state.bands] or options
        with param.parameterized.discard_events(self._bands):
            self._bands.options = options
        self._bands.param.trigger("options")
        self._bands.value = value

    def _picked(self, event):
        if event.new:
            self.state.galaxy = event.new

    # Views

    def _build_views(self):
        self._status = pn.pane.Alert("", alert_type="warning", visible=False, margin=(0, 10))
        self._spinner = pn.indicators.LoadingSpinner(size=22, value=False, visible=False)
        self._heading = prose("## …", sizing_mode="fixed")
        self._badge = pn.pane.HTML("", margin=(0, 10), sizing_mode="stretch_width")
        self._remedies = pn.Row(sizing_mode="stretch_width")
        self._units = pn.widgets.Select(
            label="flux", options={"F_λ": "flam", "F_ν": "fnu", "AB magnitude": "ab"}, width=130
        )
        self._log = pn.widgets.Toggle(label="logarithmic", align="end", stylesheets=[PRESSED])
        self._rest = pn.widgets.Toggle(label="rest frame", align="end", stylesheets=[PRESSED])
        for widget, name in ((self._units, "unit"), (self._log, "log"), (self._rest, "rest")):
            widget.param.watch(self._setter(name), "value")
            self.state.param.watch(_mirror(widget), name)
        self._sed_pane = pn.pane.Bokeh(None, sizing_mode="stretch_width", margin=(0, 5))
        self._pull_pane = pn.pane.Bokeh(None, sizing_mode="stretch_width", margin=(0, 5))
        self._history_panes = {
            which: pn.pane.Bokeh(None, sizing_mode="stretch_width", margin=(0, 5))
            for which in HISTORIES
        }
        self._sed = self._pull = self._corner = None
        self._histories = {}
        self._formation = prose("", margin=(0, 10))
        self._build_corner_controls()
        self._summary = pn.widgets.Tabulator(
            pd.DataFrame(), disabled=True, show_index=False, sizing_mode="stretch_width",
            height=300, layout="fit_data_stretch", sortable=False,
            formatters={"quantity": {"type": "html"}}, stylesheets=[SMALL_TABLE],
            widths={"16 %": 75, "50 %": 75, "84 %": 75, "prior": 140, "quantity": 220},
        )  # fmt: skip
        self._code = prose("", sizing_mode="stretch_width")
        left = pn.Column(
            self._corner_controls, self._corner_pane, sizing_mode="stretch_width",
            styles={"flex": "3 1 0"},
        )  # fmt: skip
        right = pn.Column(
            *self._history_panes.values(), self._formation, sizing_mode="stretch_width",
            styles={"flex": "2 1 0"},
        )  # fmt: skip
        self.views = pn.Column(
            pn.Row(self._heading, self._spinner),
            self._badge,
            self._remedies,
            self._status,
            pn.Row(self._units, self._log, self._rest, pn.layout.HSpacer(), *self._pin_buttons()),
            self._sed_pane,
            self._pull_pane,
            pn.Row(left, right, sizing_mode="stretch_width", stylesheets=[WRAP]),
            prose("### MCMC beside the network", margin=(5, 10)),
            self.reference,
            self._clocks_pane(),
            prose("### Derived quantities", margin=(5, 10)),
            self._summary,
            fold("Show code", self._code),
            self._downloads(),
            sizing_mode="stretch_width",
        )  # fmt: skip

    def _clocks_pane(self):
        self._distances = prose("", margin=(0, 10), sizing_mode="stretch_width")
        return self._distances

    def _pin_buttons(self):
        buttons = []
        for slot in "AB":
            button = pn.widgets.Button(
                label=f"Pin as {slot}", align="end",
                description=f"Keep this posterior as {slot} of the page Compare",
            )  # fmt: skip
            button.on_click(lambda event, slot=slot: self._pin(slot))
            buttons.append(button)
        return buttons

    def _pin(self, slot):
        if self.state.answer is not None:
            self.pinned = (slot, self.state.answer)

    def _build_corner_controls(self):
        options = {q.label: q.name for q in QUANTITIES}
        self._subset = pn.widgets.RadioButtonGroup(
            label="quantities of the corner plot",
            options=list(_SUBSETS),
            value="six",
            stylesheets=[PRESSED],
        )
        self._quantities = pn.widgets.MultiChoice(
            label="quantities of the corner plot, one by one", options=options,
            value=list(MAIN_QUANTITIES), sizing_mode="stretch_width",
        )  # fmt: skip
        self._sets = pn.widgets.CheckButtonGroup(
            label="draws shown", value=["exact"], stylesheets=[PRESSED],
            options={"exact": "exact", "network": "network", "MCMC": "mcmc", "prior": "prior"},
        )  # fmt: skip
        self._subset.param.watch(
            lambda e: setattr(self._quantities, "value", list(_SUBSETS[e.new])), "value"
        )
        self._quantities.param.watch(self._redraw_corner, "value")
        self._sets.param.watch(self._redraw_corner, "value")
        self._brush_text = prose(
            "Draw a box or lasso in a panel to see what those draws look like.",
            margin=(0, 10),
            sizing_mode="stretch_width",
        )
        self._clear_brush = pn.widgets.Button(label="Clear selection", visible=False)
        self._clear_brush.on_click(lambda event: self._show_brush(None))
        self._corner_pane = pn.pane.Bokeh(
            None, margin=(5, 0), sizing_mode="stretch_width", max_width=1000
        )
        self._corner_controls = pn.Column(
            pn.FlexBox(self._sets, self._subset, self._clear_brush),
            fold("Choose quantities", self._quantities),
            self._brush_text,
            sizing_mode="stretch_width",
        )  # fmt: skip

    # Asking and showing

    async def _ask(self, *events):
        await self.state.infer()

    def _tell(self, *events):
        self._spinner.value = self._spinner.visible = self.state.busy
        self._warn(self.state.message)

    def _warn(self, message):
        self._status.object = html.escape(message, quote=False)
        self._status.visible = bool(message)

    def _show(self, event):
        answer = event.new
        if answer is None:
            self._heading.object = "## No posterior"
            self._badge.object = ""
            self._remedies[:] = []
            return
        if event.old is None or event.old.request != answer.request:
            self._mcmc, self._distances.object = None, ""
            self._sets.value = [s for s in self._sets.value if s != "mcmc"] or ["exact"]
        self.atlas.galaxy = answer.request.galaxy
        self._brushed = None
        with pn.io.hold():
            self._show_answer(answer)

    def _show_answer(self, answer):
        """Figures and words at one moment: none stands beside those of another galaxy."""
        self._draw(self._show_everything, answer)

    def _show_everything(self, answer):
        with pn.io.hold():
            self._show_light(answer)
            self._show_histories(answer)
            self._show_corner(answer)
            self._show_words(answer)

    def _show_words(self, answer):
        name = "" if answer.request.galaxy.isdigit() else html.escape(answer.request.galaxy)
        title = (
            answer.fit.title if not name else f"{name}, z = {answer.fit.photometry.redshift:.4f}"
        )
        self._heading.object = f"## {title} · {answer.fit.sampler}"
        self._badge.object = _badge(answer)
        self._remedies[:] = self._remedies_for(answer)
        self._summary.value = _derived_table(answer, None, self._literature(answer))
        own = self.desk.own.get(answer.request.galaxy)
        self._code.object = f"```python\n{code_for(answer.request, own)}```"
        t50, t90 = (
            answer.fit.draws.quantile(answer.fit.history.formation_time(share), (0.16, 0.5, 0.84))
            for share in (0.5, 0.9)
        )
        self._formation.object = (
            "Half of the mass had formed **{1:.1f}** ({2:.1f} to {0:.1f}) Gyr ago, 90 % of it "
            "**{4:.1f}** ({5:.1f} to {3:.1f}) Gyr ago.".format(*t50[[2, 1, 0]], *t90[[2, 1, 0]])
        )  # fmt: skip

    def _draw(self, function, *args):
        """Patch the figures, once there are some."""
        if self._corner is None:
            function(*args)
            return
        patch(self._corner.figure, lambda: function(*args))
        if self._corner.figure.document is None:  # in a notebook's cell
            for pane in (self._corner_pane, self._sed_pane, self._pull_pane,
                         *self._history_panes.values()):  # fmt: skip
                pane.param.trigger("object")

    def _light_options(self):
        return {"unit": self.state.unit, "log": self.state.log, "rest": self.state.rest}

    def _show_light(self, answer, anew=False):
        galaxy = answer.fit.photometry
        data, z = (galaxy.flux, galaxy.sigma), float(galaxy.redshift)
        predicted = answer.fit.predicted.quantiles()
        title = answer.fit.title
        brushed = self._brushed.spectra if self._brushed else None
        layers = figures.sed_layers(
            f"Spectrum and photometry: {title}", galaxy.bands, z, curves=answer.best_curves,
            quantiles=(answer.spectra[0], answer.spectrum_quantiles), data=data,
            predicted=predicted, brushed=brushed, **self._light_options(),
        )  # fmt: skip
        pulls = figures.pull_layers(
            f"Residuals: {title}", galaxy.bands, z, data=data, predicted=predicted,
            rest=self.state.rest,
        )  # fmt: skip
        if self._sed is None or anew:
            log = self.state.log and self.state.unit != "ab"
            self._sed = figures.SEDFigure(layers, log, height=340)
            self._sed_pane.object = self._sed.figure
        else:
            self._sed.update(layers)
        if self._pull is None:
            self._pull = figures.PullFigure(pulls)
            self._pull_pane.object = self._pull.figure
        else:
            self._pull.update(pulls)

    def _show_histories(self, answer):
        history = answer.fit.history
        for which, pane in self._history_panes.items():
            quantiles = answer.history_quantiles[which]
            brushed = self._brushed.history.get(which) if self._brushed else None
            layers = figures.history_layers(
                answer.fit.title, which, history.edges, quantiles, brushed=brushed,
                lines=_true_history(answer, which),
            )  # fmt: skip
            if which not in self._histories:
                figure = figures.HistoryFigure(layers, which, height=215)
                self._histories[which], pane.object = figure, figure.figure
            else:
                self._histories[which].update(layers)

    def _show_corner(self, answer):
        rows = chosen_quantities(self._quantities.value)
        samples = {"exact": answer.samples[:, rows]}
        shown = self._sets.value or ["exact"]
        if "network" in shown:
            samples["network"] = answer.network_samples[:, rows]
        if "mcmc" in shown and self._mcmc is not None:
            samples["mcmc"] = self._mcmc[:, rows]
        if "prior" in shown:
            samples["prior"] = answer.prior_samples[:, rows]
        if self._brushed is not None and self._brushed.n:
            samples["selected"] = self._brushed.samples[:, rows]
        some = [s for name, s in samples.items() if name not in ("prior", "selected")]
        axes = corner_axes(
            np.concatenate(some), [QUANTITIES[k].name for k in rows],
            [QUANTITIES[k].label for k in rows],
        )  # fmt: skip
        if "exact" not in shown and self._brushed is None and len(samples) > 1:
            del samples["exact"]
        first = next(iter(samples))
        sets = {name: corner_set(s, axes, image=name == first) for name, s in samples.items()}
        truth = None if answer.truths is None else answer.truths[rows]
        title = answer.fit.title
        labels = dict(_LABELS)
        labels["exact"] = "exact" if answer.exact else "network, not corrected"
        labels["selected"] = "selected"
        if self._corner is None:
            self._corner = CornerFigure(axes, sets, COLORS, truth, title=title, labels=labels)
            self._corner.figure.on_event("selectiongeometry", self._drawn)
            self._corner_pane.object = self._corner.figure
        else:
            self._corner.update(axes, sets, truth, title, labels)
        self._axes, self._rows = axes, rows

    def _redraw_corner(self, event):
        if self.state.answer is None:
            return
        if event.obj is self._sets and "mcmc" in event.new and self._mcmc is None:
            self._warn('there is no MCMC for this galaxy yet: press "Run MCMC" below')
        self._draw(self._show_corner, self.state.answer)

    def _redraw_sed(self, *events):
        anew = any(e.name in ("log", "unit") for e in events)
        if self.state.answer is not None:
            self._draw(self._show_light, self.state.answer, anew)

    # Brushing

    def _drawn(self, event):
        answer = self.state.answer
        if answer is None or not event.final:
            return
        found = selected(answer.columns[:, self._rows], self._axes, event.geometry)
        if found is None:
            self._show_brush(None)
            return
        self._show_brush(brush(answer, *found))

    def _show_brush(self, brushed):
        answer, self._brushed = self.state.answer, brushed
        with pn.io.hold():
            self._clear_brush.visible = brushed is not None
            self._brush_text.object = (
                "Draw a box or lasso in a panel to see what those draws look like."
                if brushed is None
                else f"**Selected**: {brushed.words}: {100 * brushed.share:.1f} % of the "
                f"posterior, {brushed.n:,} draws."
            )
            self._show_light(answer)
            self._show_histories(answer)
            self._show_corner(answer)
            self._summary.value = _derived_table(answer, brushed, self._literature(answer))

    # Remedies

    def _remedies_for(self, answer):
        buttons = []

        def button(label, action, about):
            b = pn.widgets.Button(label=label, description=about)
            b.on_click(lambda event: action())
            buttons.append(b)

        held = answer.fit.draws.importance
        if answer.kind in ("not corrected", "failed"):
            n = min(_MORE * answer.request.n, MAX_DRAWS)
            if answer.request.n < MAX_DRAWS:
                button(f"Take {n:,} draws", lambda: setattr(self.state, "n", n),
                       "More draws, where the first were too few")  # fmt: skip
            button("Climb the ladder", lambda: self.reference.start("ladder"),
                   "Proposals that learn, then MCMC if need be")  # fmt: skip
        elif held is not None and held.k_hat > 0.6:
            button("Check by MCMC", lambda: self.reference.start("smc"),
                   "A second opinion that knows nothing of the network")  # fmt: skip
        band = band_to_blame(answer)
        used = [b for b, t in zip(answer.fit.photometry.bands, answer.fit.photometry.present,
                                  strict=True) if t]  # fmt: skip
        if band and len(used) > 2:
            rest = [b for b in used if b != band]
            button(f"Leave out {band}", lambda: setattr(self.state, "bands", rest),
                   f"No model reaches the data because of {band}")  # fmt: skip
        return buttons

    async def _referenced(self, answer, method, fit, seconds):
        """Draws of MCMC or of the ladder have come."""
        current = self.state.answer
        if current is None or current.request != answer.request:
            self._distances.object = (
                f"MCMC of {answer.fit.title} is done, but another galaxy is shown; choose it "
                "again and run once more."
            )
            return
        if method == "ladder":
            self.state.publish(await on_worker(self.desk.with_fit)(answer, fit))
            return
        compare = on_worker(self._compare)
        self._mcmc, text = await compare(answer, fit)
        self._sets.value = [*(s for s in self._sets.value if s != "mcmc"), "mcmc"]
        self._distances.object = text

    @staticmethod
    def _compare(answer, fit):
        """Columns of MCMC's draws for the corner plot, and a table of distances to them."""
        rows = ["| to MCMC | mean distance [σ] | worst | told apart (C2ST; 0.5 is never) |",
                "|---|---|---|---|"]  # fmt: skip
        thin = compared(fit)
        for label, one in (("network", answer.network), ("exact", answer.fit)):
            if label == "exact" and not answer.exact:
                continue
            try:
                d = distance(compared(one).draws, thin.draws, seed=0)
            except SedflowError as error:
                return quantity_columns(thin), f"No distance: {error}."
            worst = int(np.argmax(d.wasserstein))
            rows.append(
                f"| {label} | {d.wasserstein.mean():.3f} | {d.wasserstein[worst]:.3f} "
                f"({NAMES[worst]}) | {d.c2st:.3f} |"
            )
        rows.append(
            f"| two halves of MCMC | {d.wasserstein_floor.mean():.3f} | "
            f"{d.wasserstein_floor.max():.3f} | {d.c2st_floor:.3f} |"
        )
        return quantity_columns(thin), "\n".join(rows)

    # Downloads

    def _downloads(self):
        def file(label, name, make):
            return pn.widgets.FileDownload(callback=make, filename=name, label=label, width=150)

        return fold(
            "Download",
            pn.FlexBox(
                file("Draws (Parquet)", "draws.parquet", lambda: self._table(".parquet", False)),
                file("Draws (FITS)", "draws.fits", lambda: self._table(".fits", False)),
                file("Quantiles (ECSV)", "quantiles.ecsv", lambda: self._table(".ecsv", True)),
                file("Whole fit (HDF5)", "fit.h5", self._whole),
                file("Corner (PDF)", "corner.pdf", lambda: self._static("pdf")),
                file("Corner (PNG)", "corner.png", lambda: self._static("png")),
                file("Spectrum (SVG)", "spectrum.svg", self._spectrum_svg),
                file("Code (Python)", "posterior.py", self._script),
            ),
        )

    def _table(self, suffix, quantiles):
        return _through_file(
            suffix, lambda path: self.state.answer.fit.to_table(path, quantiles=quantiles)
        )

    def _whole(self):
        return _through_file(".h5", self.state.answer.fit.save)

    def _static(self, kind):
        from sedflow.publication import posterior_figure

        out = io.BytesIO()
        posterior_figure(self.state.answer.fit).savefig(out, format=kind, dpi=110)
        out.seek(0)
        return out

    def _spectrum_svg(self):
        from sedflow.publication import sed_figure

        out = io.BytesIO()
        sed_figure(self.state.answer.fit).savefig(out, format="svg")
        out.seek(0)
        return out

    def _script(self):
        request = self.state.request()
        return io.StringIO(code_for(request, self.desk.own.get(request.galaxy)))

    def _literature(self, answer):
        request = answer.request
        return self.desk.literature(request.galaxy)

    def close(self):
        """Stop what runs; the session ends."""
        self.reference.close()


def _mirror(widget):
    """Let a widget follow the state."""

    def follow(event):
        if widget.value != event.new:
            widget.value = event.new

    return follow


def _through_file(suffix, write):
    """What `write(path)` puts in a file, in memory."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"download{suffix}"
        write(path)
        return io.BytesIO(path.read_bytes())


def _true_history(answer, which):
    """The history of a simulated galaxy, to draw over what was inferred."""
    if answer.truth is None:
        return None
    one = replace(answer.fit, draws=Draws(answer.truth[None]), verdict=None)
    return {"truth": getattr(one.history, which)[0]}


def _badge(answer):
    """The verdict as HTML: a coloured word, and the line behind it."""
    sign, color = _BADGE.get(answer.kind, ("?", "#888888"))
    figures_ = answer.fit.draws.importance
    tip = "" if figures_ is None else (
        f"k-hat {float(figures_.k_hat):.2f}, gap {float(figures_.gap):.2f} nats, "
        f"p = {float(answer.fit.predicted.p_value):.2g}"
    )  # fmt: skip
    return (
        f'<div role="status"><span title="{tip}" style="background:{color};color:white;'
        'border-radius:9px;padding:2px 10px;font-weight:600;margin-right:8px">'
        f"{sign} {html.escape(answer.kind)}</span>{html.escape(answer.trust)}</div>"
    )


def _derived_table(answer, brushed, literature):
    """Quantiles of everything derived; the definition of each on hover."""
    first = len(NAMES)
    rows = []
    for k, d in enumerate(QUANTITIES[first:], first):
        low, middle, high = answer.quantiles[:, k]
        prior = np.quantile(answer.prior_samples[:, k], (0.16, 0.84))
        label = d.axis_label
        row = {
            "quantity": f'<span title="{html.escape(d.help)}">{html.escape(label)}</span>',
            "16 %": round(float(low), 3), "50 %": round(float(middle), 3),
            "84 %": round(float(high), 3), "prior": "{:.2f} to {:.2f}".format(*prior),
        }  # fmt: skip
        if answer.truths is not None:
            row["truth"] = round(float(answer.truths[k]), 3)
        if brushed is not None:
            q = brushed.quantiles
            row["selected"] = "–" if q is None else "{1:.2f} ({0:.2f} to {2:.2f})".format(*q[:, k])
        if literature:
            row["literature"] = literature.get(d.name, "")
        rows.append(row)
    return pd.DataFrame(rows)

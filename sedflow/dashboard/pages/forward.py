"""The forward model: sliders for the parameters, spectrum and histories that follow, mocks."""

from collections.abc import Sequence

import numpy as np
import panel as pn
import param

from sedflow.bands import ab_magnitude
from sedflow.dashboard.curves import line_marks, model_curves
from sedflow.dashboard.engine import OwnGalaxy
from sedflow.dashboard.pages.screen import BESIDE, FORWARD, SLIDERS
from sedflow.dashboard.pages.view import PageView
from sedflow.dashboard.panels.light import light_controls
from sedflow.dashboard.presets import GROUPS, PRESETS
from sedflow.dashboard.state import ForwardState, LightOptions
from sedflow.dashboard.widgets import NO_LABEL, PRESSED, decimals, follow, plain, prose
from sedflow.errors import SedflowError
from sedflow.figures.histories import HistoryFigure, history_layers
from sedflow.figures.spectrum import SEDFigure, sed_layers
from sedflow.model.sed import default_model
from sedflow.model.simulation import nsa_noise
from sedflow.parameters import NAMES, PARAMETERS, as_theta
from sedflow.photometry import Photometry

__all__ = ["ForwardView", "observe"]

_SPAN = (2900.0, 11_500.0)  # A, shown of a spectrum
_GRIDS = {"FSPS": "fsps", "FSPS with gas": "fsps-gas", "BC03": "bc03"}
_BESIDE = {"fsps": "bc03"}  # the grid to compare with; "fsps" for all others


def observe(flux, redshift, bands: Sequence[str], seed: int, snr=None, missing=()) -> Photometry:
    """A noisy observation of noise-free fluxes (n_band,) [nanomaggies].

    snr : signal-to-noise of every band; None for errors like the atlas'
    missing : bands left out
    """
    rng = np.random.default_rng(seed)
    flux = np.asarray(flux, float)
    sigma = nsa_noise(bands).sample(flux[None], rng)[0] if snr is None else flux / snr
    seen = flux + sigma * rng.standard_normal(flux.shape)
    out = np.isin(bands, list(missing))
    return Photometry(
        np.where(out, np.nan, seen), np.where(out, np.nan, sigma), redshift, tuple(bands)
    )


class ForwardView(PageView):
    """Sliders for the 12 parameters and the redshift; spectrum, photometry and histories.

    Parameters
    ----------
    model : SEDModel, optional
    engine : Engine, optional
        Keeps the galaxies that are observed here, for the page Explore.
    """

    observed = param.String(default="", doc="Name of the mock that was observed last")

    def __init__(self, model=None, engine=None, state=None, **params):
        super().__init__(**params)
        self.state = state or ForwardState()
        self.model = model or default_model(self.state.grid)
        self.other = default_model(_BESIDE.get(self.model.grid.name, "fsps"))
        self.engine = engine
        self._pinned = None
        self._before: dict | None = None  # the model before the slider that moves now
        self._moving: tuple = ()
        self.options = LightOptions()
        self._build_controls()
        self._magnitudes = prose("", margin=(0, 10))
        self._build_figures()
        self.state.param.watch(self._update, [*NAMES, "redshift"])

    # Controls

    def _build_controls(self):
        self._preset = pn.widgets.Select(
            label="start from", options=list(PRESETS), sizing_mode="stretch_width"
        )
        self._preset.param.watch(lambda e: self.state.preset(e.new), "value")
        self.sliders = {}
        cells = [pn.Column(self._preset, margin=0, css_classes=["wide"])]
        for title, names in GROUPS:
            cells.append(prose(f"**{title}**", margin=(2, 4, -4, 4), css_classes=["wide"]))
            for name in names:
                self.sliders[name] = self._slider(name)
                tip = pn.widgets.TooltipIcon(value=self._help(name), align="end", margin=0)
                cells.append(pn.Row(self.sliders[name], tip, sizing_mode="stretch_width", margin=0))
        self.controls = pn.Column(
            *cells, sizing_mode="stretch_width", margin=0, stylesheets=[SLIDERS]
        )
        self.controls.css_classes = ["sliders"]

    def _help(self, name):
        low, high = self.state.param[name].bounds
        return f"{self.state.param[name].doc} Prior: uniform from {low:.3g} to {high:.3g}."

    def _slider(self, name):
        parameter = self.state.param[name]
        low, high = parameter.bounds
        unit = {p.name: p.unit for p in PARAMETERS}.get(name, "")
        label = f"{parameter.label} [{unit}]" if unit else parameter.label
        slider = pn.widgets.FloatSlider(
            label=label,
            start=low,
            end=high,
            step=(high - low) / 500,
            margin=(0, 10, 2, 4),
            value=getattr(self.state, name),
            sizing_mode="stretch_width",
            format=decimals(2),
        )
        slider.link(self.state, value=name)
        self.state.param.watch(
            lambda e: None if slider.value == e.new else setattr(slider, "value", e.new), name
        )
        return slider

    # Figures

    def _build_figures(self):
        own = self.model.grid.name
        grids = _GRIDS if own == self.state.grid else {own: own}  # that the caller chose
        self._grid = pn.widgets.Select(
            label="stellar library",
            options=grids,
            value=own,
            width=128,
            margin=(0, 4),
            stylesheets=[NO_LABEL],
        )
        follow(self._grid, self.state, "grid")
        self.state.param.watch(lambda event: self._choose_grid(event.new), "grid")
        self._both = pn.widgets.Toggle(label=self._beside(), stylesheets=[PRESSED])
        self._parts = pn.widgets.Toggle(label="light by age", stylesheets=[PRESSED])
        self._pin = pn.widgets.Button(label="Pin this curve")
        self._unpin = pn.widgets.Button(label="Unpin", disabled=True)
        for widget in (self._both, self._parts):
            widget.param.watch(self._update, "value")
        self._pin.on_click(lambda event: self._keep(True))
        self._unpin.on_click(lambda event: self._keep(False))
        self.data = self._compute()
        size = {"sizing_mode": "stretch_both", "titled": False, "min_height": 110}
        self._histories = {
            which: HistoryFigure(self._history_layers(which), which, f"forward_{which}", **size)
            for which in ("sfr", "zh")
        }
        self._sed_pane = pn.pane.Bokeh(None, sizing_mode="stretch_both", margin=0)
        self._make_sed()
        self.options.param.watch(lambda *events: self._make_sed(), ["unit", "log", "rest"])
        self._magnitudes.object = self._text()
        bar = pn.FlexBox(
            self._grid,
            *light_controls(self.options),
            self._both,
            self._parts,
            pn.Spacer(height=1, styles={"flex": "1 1 0"}),
            self._pin,
            self._unpin,
            align_items="center",
            margin=0,
        )
        histories = pn.Row(
            *(
                pn.pane.Bokeh(f.figure, sizing_mode="stretch_both", margin=0)
                for f in self._histories.values()
            ),
            sizing_mode="stretch_both",
            margin=0,
        )
        for part, name in (
            (bar, "bar"),
            (self._sed_pane, "sed"),
            (histories, "history"),
            (self._magnitudes, "magnitudes"),
        ):
            part.css_classes = [name]
        observatory = self._observatory()
        observatory.css_classes = ["observe"]
        self.views = pn.Column(
            bar,
            self._sed_pane,
            self._magnitudes,
            histories,
            observatory,
            sizing_mode="stretch_both",
            margin=0,
            stylesheets=[FORWARD],
        )
        self.screen = pn.Row(
            self.controls, self.views, sizing_mode="stretch_both", margin=0, stylesheets=[BESIDE]
        )

    def _beside(self):
        return f"compare with {self.other.grid.name.upper()}"

    def _choose_grid(self, name):
        """Another SSP grid, with the same parameters."""
        self.model = default_model(name)
        self.other = default_model(_BESIDE.get(name, "fsps"))
        self._both.label = self._beside()
        self._update()

    def _make_sed(self):
        """The figure of the spectrum, again where another scale needs another one."""
        self._ends = (0.0, 0.0)
        log = self.options.log and self.options.unit != "ab"
        self._sed = SEDFigure(
            self._sed_layers(),
            log,
            name="forward_sed",
            shown=("young", "old", "burst"),
            predicted="photometry",
            spectrum="model",
            sizing_mode="stretch_both",
            titled=False,
            min_height=140,
        )
        # What is switched on by the legend has to be on the axis.
        self._sed._bare.on_change("visible", lambda attr, old, new: self._refit())
        self._sed_pane.object = self._sed.figure

    def _refit(self):
        self._ends = (0.0, 0.0)
        self._sed.update(self._sed_layers())

    def _settle(self, ends):
        """The flux axis stays while the model fills a good part of it."""
        (low, high), (old_low, old_high) = ends, self._ends
        if self.options.unit == "ab":
            kept = old_high <= high and low <= old_low <= low + 2.5 and old_high >= high - 2.5
            new = (np.ceil(low) + 0.5, np.floor(high) - 0.5)
        elif self.options.log:
            kept = (
                old_low <= low <= 30 * max(old_low, 1e-99) and 0.03 * old_high <= high <= old_high
            )
            new = (low / 2, high * 2)
        else:
            kept = 0.35 * old_high <= high <= old_high
            new = (0.0, 1.25 * high)
        if not kept:
            self._ends = tuple(float(v) for v in new)
        return self._ends

    def _compute(self):
        theta, z = self.state.theta(), self.state.redshift
        data = {"theta": theta, "z": z, **model_curves(self.model, theta, z)}
        data["bare"] = self.model.spectrum(theta, z, dust=False).flux
        data["lines"] = line_marks(self.model, theta, z)
        data["parts"] = self.model.components(theta, z) if self._parts.value else {}
        if self._both.value:
            data["other"] = model_curves(self.other, theta, z)
        return data

    def _sed_layers(self):
        d = self.data
        wave = d["wavelength"]
        curves = {"spectrum": (wave, d["flux"]), "bare": (wave, d["bare"])}
        curves |= {name: (wave, flux) for name, flux in d["parts"].items()}
        if "other" in d:
            curves["other"] = (d["other"]["wavelength"], d["other"]["flux"])
        if self._before is not None:
            curves["before"] = (self._before["wavelength"], self._before["flux"])
        if self._pinned is not None:
            curves["pinned"] = (self._pinned["wavelength"], self._pinned["flux"])
        options = self.options
        return sed_layers(
            f"Spectrum and photometry of the model, z = {d['z']:.3f}",
            self.model.bands,
            d["z"],
            curves=curves,
            predicted=d["nanomaggies"],
            lines=d["lines"],
            span=_SPAN,
            unit=options.unit,
            log=options.log,
            rest=options.rest,
            fit=("spectrum", "other", *(["bare"] if self._bare_shown else [])),
            settle=self._settle,
        )

    @property
    def _bare_shown(self):
        """Whether the spectrum without dust is switched on."""
        return hasattr(self, "_sed") and self._sed._bare.visible

    def _history_layers(self, which):
        lines = {}
        if self._pinned is not None and self._pinned["z"] == self.data["z"]:
            lines["pinned"] = self._pinned[which]
        return history_layers(
            "model galaxy", which, self.data["edges"], self.data[which], lines=lines
        )

    def _text(self):
        cells = [
            f"**{b}** {m:.2f}" + (f" ({o:.2f})" if "other" in self.data else "")
            for b, m, o in zip(
                self.model.bands,
                ab_magnitude(self.data["nanomaggies"]),
                ab_magnitude(self.data.get("other", self.data)["nanomaggies"]),
                strict=True,
            )
        ]
        other = f" (in brackets {self.other.grid.name.upper()})" if "other" in self.data else ""
        return f"AB magnitudes{other}: {' &nbsp; '.join(cells)}"

    def _keep(self, pin):
        self._pinned = self.data if pin else None
        self._unpin.disabled = not pin
        self._update()

    def _update(self, *events):
        before, self.data = self.data, self._compute()
        moving = tuple(event.name for event in events)
        if moving != self._moving or self._before is None:
            self._moving, self._before = moving, before
        with pn.io.hold():  # one message to the browser, not one for each source
            self._sed.update(self._sed_layers())
            for which, figure in self._histories.items():
                moved = not np.array_equal(before[which], self.data[which])
                if moved or not events or events[0].name == "redshift":
                    figure.update(self._history_layers(which))
            self._magnitudes.object = self._text()

    # Observe it

    def _observatory(self):
        self._noise = pn.widgets.RadioButtonGroup(
            label="errors",
            options=["like the NSA", "one S/N"],
            value="like the NSA",
            stylesheets=[PRESSED],
        )
        self._snr = pn.widgets.FloatInput(
            label="signal-to-noise", value=20.0, start=1.0, end=1000.0, step=5.0, width=95
        )
        self._missing = pn.widgets.MultiChoice(
            label="missing bands", options=list(self.model.bands), value=[], width=190
        )
        self._mock_seed = pn.widgets.IntInput(
            label="seed of the noise", value=1, start=0, end=2**31 - 1, width=95
        )
        self._go = pn.widgets.Button(
            label="Observe and infer",
            color="primary",
            align="end",
            description="Draw a noisy observation of this galaxy, and see on Explore whether its "
            "posterior holds the truth",
        )
        self._go.on_click(lambda event: self.observe())
        self._said = prose("", margin=(0, 6), sizing_mode=None)
        self._missing.placeholder = "none"
        return pn.Column(
            pn.FlexBox(
                prose("**Observe it**", margin=(2, 6), sizing_mode=None),
                self._noise,
                self._snr,
                self._mock_seed,
                self._missing,
                self._go,
                self._said,
                align_items="center",
                margin=0,
            ),
            sizing_mode="stretch_width",
            margin=0,
        )

    def observe(self) -> None:
        """Add a mock of the galaxy shown to the engine; its name goes to `observed`."""
        snr = None if self._noise.value == "like the NSA" else self._snr.value
        try:
            galaxy = observe(
                self.data["nanomaggies"],
                self.data["z"],
                self.model.bands,
                self._mock_seed.value,
                snr,
                self._missing.value,
            )
        except SedflowError as error:
            self._said.object = f"Not observed: {plain(error)}."
            return
        truth = as_theta(self.data["theta"])
        if self.engine is None:
            self._said.object = "There is no page Explore here to show it on."
            return
        name = self.engine.add(f"mock {self._mock_seed.value}", OwnGalaxy(galaxy, truth))
        self._said.object = f"Observed as **{name}**."
        self.observed = name

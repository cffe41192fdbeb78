"""The forward model: sliders for the parameters, spectrum and histories that follow, mocks."""

import numpy as np
import panel as pn
import param

from sedflow.dashboard import figures
from sedflow.dashboard.inference import OwnGalaxy
from sedflow.dashboard.live import PRESSED
from sedflow.dashboard.prose import prose
from sedflow.dashboard.state import PRESETS, ForwardState
from sedflow.dashboard.view import PageView
from sedflow.errors import SedflowError
from sedflow.model import default_model
from sedflow.parameters import NAMES, PARAMETERS, as_theta
from sedflow.photometry import Photometry, ab_magnitude
from sedflow.simulation import nsa_noise

__all__ = ["ForwardView", "observe"]

_GROUPS = (
    ("Mass and distance", ["log_mstar", "redshift"]),
    ("Star-formation history (shares, divided by their sum)", list(NAMES[1:5])),
    ("Burst", ["f_burst", "t_burst"]),
    ("Metals", ["log_gamma1", "log_gamma2"]),
    ("Dust", ["tau_bc", "tau_ism", "n_dust"]),
)
_SPAN = (2900.0, 11_500.0)  # A, shown of a spectrum


def observe(flux, redshift, bands, seed, snr=None, missing=()) -> Photometry:
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
    desk : Desk, optional
        Keeps the galaxies that are observed here, for the page Explore.
    """

    observed = param.String(default="", doc="Name of the mock that was observed last")

    def __init__(self, model=None, desk=None, state=None, **params):
        super().__init__(**params)
        self.model = model or default_model("fsps")
        self.other = default_model("bc03" if self.model.grid.name == "fsps" else "fsps")
        self.desk = desk
        self.state = state or ForwardState()
        self._pinned = None
        self._build_controls()
        self._magnitudes = prose("", margin=(0, 10))
        self._build_figures()
        self.state.param.watch(self._update, [*NAMES, "redshift"])

    # Controls

    def _build_controls(self):
        self._preset = pn.widgets.Select(
            label="begin from", options=list(PRESETS), sizing_mode="stretch_width"
        )
        self._preset.param.watch(lambda e: self.state.preset(e.new), "value")
        self.sliders = {}
        column = pn.Column(self._preset, sizing_mode="stretch_width")
        for title, names in _GROUPS:
            column.append(prose(f"**{title}**", margin=(4, 10, -6, 10)))
            for name in names:
                self.sliders[name] = self._slider(name)
                tip = pn.widgets.TooltipIcon(value=self._help(name), align="center")
                column.append(pn.Row(self.sliders[name], tip, sizing_mode="stretch_width"))
        self.controls = column

    def _help(self, name):
        low, high = self.state.param[name].bounds
        return f"{self.state.param[name].doc} Prior: uniform from {low:.3g} to {high:.3g}."

    def _slider(self, name):
        parameter = self.state.param[name]
        low, high = parameter.bounds
        unit = {p.name: p.unit for p in PARAMETERS}.get(name, "")
        label = f"{parameter.label} [{unit}]" if unit else parameter.label
        slider = pn.widgets.FloatSlider(
            label=label, start=low, end=high, step=(high - low) / 500, margin=(2, 10),
            value=getattr(self.state, name), sizing_mode="stretch_width", format="0.000",
        )  # fmt: skip
        slider.link(self.state, value=name)
        self.state.param.watch(
            lambda e: None if slider.value == e.new else setattr(slider, "value", e.new), name
        )
        return slider

    # Figures

    def _build_figures(self):
        self._both = pn.widgets.Toggle(
            label=f"compare with {self.other.grid.name.upper()}", stylesheets=[PRESSED]
        )
        self._parts = pn.widgets.Toggle(label="young, old and burst light", stylesheets=[PRESSED])
        self._pin = pn.widgets.Button(label="Pin this curve")
        self._unpin = pn.widgets.Button(label="Unpin", disabled=True)
        for widget in (self._both, self._parts):
            widget.param.watch(self._update, "value")
        self._pin.on_click(lambda event: self._keep(True))
        self._unpin.on_click(lambda event: self._keep(False))
        self.data = self._compute()
        self._sed = figures.SEDFigure(
            self._sed_layers(), name="forward_sed", height=380,
            shown=("bare", "young", "old", "burst"), predicted="photometry",
        )  # fmt: skip
        self._histories = {
            which: figures.HistoryFigure(
                self._history_layers(which), which, f"forward_{which}", height=260
            )
            for which in ("sfr", "zh")
        }
        panes = [
            pn.pane.Bokeh(f.figure, sizing_mode="stretch_width")
            for f in (self._sed, *self._histories.values())
        ]
        self._magnitudes.object = self._text()
        self.views = pn.Column(
            pn.Row(self._both, self._parts, pn.layout.HSpacer(), self._pin, self._unpin),
            panes[0],
            self._magnitudes,
            pn.Row(*panes[1:], sizing_mode="stretch_width"),
            self._observatory(),
            sizing_mode="stretch_width",
        )

    def _compute(self):
        theta, z = self.state.theta(), self.state.redshift
        data = {"theta": theta, "z": z, **_model_curves(self.model, theta, z)}
        data["bare"] = self.model.spectrum(theta, z, dust=False).flux
        data["parts"] = self.model.components(theta, z) if self._parts.value else {}
        if self._both.value:
            data["other"] = _model_curves(self.other, theta, z)
        return data

    def _sed_layers(self):
        d = self.data
        wave = d["wavelength"]
        curves = {"spectrum": (wave, d["flux"]), "bare": (wave, d["bare"])}
        curves |= {name: (wave, flux) for name, flux in d["parts"].items()}
        if "other" in d:
            curves["other"] = (d["other"]["wavelength"], d["other"]["flux"])
        if self._pinned is not None:
            curves["pinned"] = (self._pinned["wavelength"], self._pinned["flux"])
        return figures.sed_layers(
            f"Spectrum and photometry of the model, z = {d['z']:.3f}", self.model.bands, d["z"],
            curves=curves, predicted=d["nanomaggies"], span=_SPAN,
        )  # fmt: skip

    def _history_layers(self, which):
        lines = {}
        if self._pinned is not None and self._pinned["z"] == self.data["z"]:
            lines["pinned"] = self._pinned[which]
        return figures.history_layers(
            "model galaxy", which, self.data["edges"], self.data[which], lines=lines
        )

    def _text(self):
        cells = [
            f"**{b}** {m:.2f}"
            + (f" ({o:.2f})" if "other" in self.data else "")
            for b, m, o in zip(
                self.model.bands, ab_magnitude(self.data["nanomaggies"]),
                ab_magnitude(self.data.get("other", self.data)["nanomaggies"]), strict=True,
            )
        ]  # fmt: skip
        other = f" (in brackets {self.other.grid.name.upper()})" if "other" in self.data else ""
        return f"AB magnitudes{other}: {' &nbsp; '.join(cells)}"

    def _keep(self, pin):
        self._pinned = self.data if pin else None
        self._unpin.disabled = not pin
        self._update()

    def _update(self, *events):
        before, self.data = self.data, self._compute()
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
            label="signal-to-noise", value=20.0, start=1.0, end=1000.0, step=5.0, width=120
        )
        self._missing = pn.widgets.MultiChoice(
            label="missing bands", options=list(self.model.bands), value=[], width=200
        )
        self._mock_seed = pn.widgets.IntInput(
            label="seed of the noise", value=1, start=0, end=2**31 - 1, width=110
        )
        self._go = pn.widgets.Button(label="Observe and infer", color="primary", align="end")
        self._go.on_click(lambda event: self.observe())
        self._said = prose("", margin=(0, 10))
        about = prose(
            "Draw a noisy observation of this galaxy, infer its parameters, and see on the page "
            "Explore whether the truth is recovered.", margin=(0, 10),
        )  # fmt: skip
        return pn.Column(
            prose("### Observe it", margin=(8, 10, 0, 10)),
            about,
            pn.FlexBox(self._noise, self._snr, self._missing, self._mock_seed, self._go),
            self._said,
            sizing_mode="stretch_width",
        )  # fmt: skip

    def observe(self):
        """Add a mock of the galaxy shown to the desk; its name goes to `observed`."""
        snr = None if self._noise.value == "like the NSA" else self._snr.value
        try:
            galaxy = observe(
                self.data["nanomaggies"], self.data["z"], self.model.bands,
                self._mock_seed.value, snr, self._missing.value,
            )  # fmt: skip
        except SedflowError as error:
            self._said.object = f"Not observed: {error}."
            return
        truth = as_theta(self.data["theta"])
        if self.desk is None:
            self._said.object = "There is no page Explore here to show it on."
            return
        name = self.desk.add(f"mock {self._mock_seed.value}", OwnGalaxy(galaxy, truth))
        self._said.object = f"Observed as **{name}**."
        self.observed = name


def _model_curves(model, theta, z):
    spectrum = model.spectrum(theta, z)
    return {
        "wavelength": spectrum.wavelength,
        "flux": spectrum.flux,
        "nanomaggies": model.photometry(theta, z),
        "edges": model.time_bins(z),
        "sfr": model.sfh(theta, z),
        "zh": model.zh(theta, z),
    }

"""The forward model: sliders for the parameters, spectrum and histories that follow, mocks."""

import numpy as np
import panel as pn
import param

from sedflow.bands import ab_magnitude
from sedflow.dashboard.curves import line_marks, model_curves
from sedflow.dashboard.figure_pane import FigurePane
from sedflow.dashboard.hints import HintButton, HintToggle
from sedflow.dashboard.pages.screen import BESIDE, FORWARD
from sedflow.dashboard.pages.view import PageView
from sedflow.dashboard.panels.knobs import Knobs
from sedflow.dashboard.panels.light import light_controls
from sedflow.dashboard.panels.model_light import ModelLight
from sedflow.dashboard.panels.observatory import Observatory
from sedflow.dashboard.pinned_curve import pinned_curves, pinned_values
from sedflow.dashboard.state import ForwardState, LightOptions
from sedflow.dashboard.widgets import NO_LABEL, PRESSED, begun, follow, prose
from sedflow.errors import SedflowError
from sedflow.figures.histories import HistoryFigure, history_layers
from sedflow.files.packaged import SSP_NAMES
from sedflow.model.sed import default_model
from sedflow.parameters import NAMES

__all__ = ["ForwardView"]

_GRIDS = {"FSPS": "fsps", "FSPS with gas": "fsps-gas", "BC03": "bc03"}
_BESIDE = {"fsps": "bc03"}  # the grid to compare with; "fsps" for all others


class ForwardView(PageView):
    """Sliders for the 12 parameters and the redshift; spectrum, photometry and histories.

    Parameters
    ----------
    model : SEDModel, optional
    engine : Engine, optional
        Keeps the galaxies that are observed here, for the page Explore.
    """

    observed = param.String(default="", doc="Name of the mock that was observed last")
    pinned = param.Dict(default=None, allow_None=True, doc="What the pinned curve is of")

    def __init__(self, model=None, engine=None, state=None, **params):
        super().__init__(**params)
        self.state = state or ForwardState()
        self.model = model or default_model(self.state.grid)
        self.other = default_model(_BESIDE.get(self.model.grid.name, "fsps"))
        self.engine = engine
        self._pinned = None if self.pinned is None else pinned_curves(self.pinned)
        self._lack = ""  # why the sliders are of no galaxy
        self._before: dict | None = None  # the model before the slider that moves now
        self._moving: tuple = ()
        self.options = LightOptions()
        for name in ("unit", "log", "rest"):
            _join(self.options, name, self.state, f"model_{name}")
        self.knobs = Knobs(self.state)
        self.sliders = self.knobs.sliders
        self.controls = self.knobs.column
        self.light = ModelLight(self.options)
        self.observatory = Observatory(self.model.bands, engine, self._galaxy)
        self.observatory.param.watch(lambda e: self.param.update(observed=e.new), "observed")
        self._magnitudes = prose("", margin=(0, 10))
        self._build_bar()
        self._build_figures()
        self._build_screen()
        self.state.param.watch(self._update, [*NAMES, "redshift"])
        shown = [*NAMES, "redshift", "grid"]
        self.state.param.watch(lambda *events: self.observatory.forget(), shown)

    def _build_bar(self):
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
        self._both = HintToggle(
            "The same galaxy by the other stellar library",
            label=self._beside(),
            stylesheets=[PRESSED],
        )
        self._parts = HintToggle(
            "Light of young, old and burst stars apart", label="light by age", stylesheets=[PRESSED]
        )
        self._pin = HintButton("Keep it below those that you make next", label="Pin this curve")
        self._unpin = pn.widgets.Button(
            label="Unpin", disabled=self.pinned is None, css_classes=["gives-focus"]
        )
        for widget, name in ((self._both, "beside"), (self._parts, "ages")):
            widget.value = getattr(self.state, name)
            follow(widget, self.state, name)
            widget.param.watch(self._update, "value")
        self._pin.on_click(lambda event: self._keep(True))
        self._unpin.on_click(lambda event: self._keep(False))
        self._bar = pn.FlexBox(
            self._grid,
            *light_controls(self.options),
            self._both,
            self._parts,
            pn.Spacer(height=1, styles={"flex": "1 1 0"}),
            pn.Row(self._pin, self._unpin, margin=0),
            align_items="center",
            margin=0,
        )

    def _build_figures(self):
        self.data = self._compute()
        size = {"sizing_mode": "stretch_both", "titled": False, "min_height": 110}
        self._histories = {
            which: HistoryFigure(self._history_layers(which), which, f"forward_{which}", **size)
            for which in ("sfr", "zh")
        }
        self._show_light()
        self._magnitudes.object = self._text()

    def _build_screen(self):
        histories = pn.Row(
            *(
                FigurePane(f.figure, sizing_mode="stretch_both", margin=0)
                for f in self._histories.values()
            ),
            sizing_mode="stretch_both",
            margin=0,
        )
        for part, name in (
            (self._bar, "bar"),
            (histories, "history"),
            (self._magnitudes, "magnitudes"),
        ):
            part.css_classes = [name]
        self.views = pn.Column(
            self._bar,
            self.light.pane,
            self._magnitudes,
            histories,
            self.observatory.line,
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

    def _compute(self):
        theta, z = self.state.theta(), self.state.redshift
        data = {"theta": theta, "z": z, **model_curves(self.model, theta, z)}
        data["bare"] = self.model.spectrum(theta, z, dust=False).flux
        data["lines"] = line_marks(self.model, theta, z)
        data["parts"] = self.model.components(theta, z) if self._parts.value else {}
        if self._both.value:
            data["other"] = model_curves(self.other, theta, z)
        return data

    def _show_light(self):
        curves = {
            "other": self.data.get("other"),
            "before": self._differing(self._before),
            "pinned": self._pinned,
        }
        beside = {name: one for name, one in curves.items() if one is not None}
        self.light.show(self.model.bands, self.data, beside)

    def _differing(self, other):
        """The curves of another model, where its spectrum is not the one that is shown."""
        same = other is not None and np.array_equal(other["flux"], self.data["flux"])
        return None if same else other

    def _galaxy(self):
        """The galaxy that is shown, to observe it."""
        self.state.theta()  # raises where the sliders are of none
        data = self.data
        grid = self.model.grid.name
        ssp = grid if grid in SSP_NAMES else ""
        return self.model.bands, data["nanomaggies"], data["z"], data["theta"], ssp

    def _history_layers(self, which):
        lines = {}
        if self._pinned is not None and self._pinned["z"] == self.data["z"]:
            lines["pinned"] = self._pinned[which]
        return history_layers(
            "model galaxy", which, self.data["edges"], self.data[which], lines=lines
        )

    def _text(self):
        if self._lack:
            return self._lack
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
        if pin and self._lack:
            return
        self._pinned = self.data if pin else None
        self._unpin.disabled = not pin
        self._update()
        self.pinned = pinned_values(self.state) if pin else None

    def _update(self, *events):
        before = self.data
        try:
            self.data = self._compute()
        except SedflowError as problem:
            self._lack = f"{begun(problem)}. What is shown is the galaxy before."
        else:
            self._lack = ""
        moving = tuple(event.name for event in events)
        if moving != self._moving or self._before is None:
            self._moving, self._before = moving, before
        with pn.io.hold():  # one message to the browser, not one for each source
            self._show_light()
            for which, figure in self._histories.items():
                moved = not np.array_equal(before[which], self.data[which])
                if moved or not events or events[0].name == "redshift":
                    figure.update(self._history_layers(which))
            self._magnitudes.object = self._text()

    def observe(self) -> None:
        """Add a mock of the galaxy shown to the engine; its name goes to `observed`."""
        self.observatory.observe()


def _join(one, name, other, as_name):
    """Let a parameter of one follow that of another, and the other way round."""
    setattr(one, name, getattr(other, as_name))
    one.param.watch(lambda event: setattr(other, as_name, event.new), name)
    other.param.watch(lambda event: setattr(one, name, event.new), as_name)

"""Stage of the lesson on single parameters."""

import numpy as np
import panel as pn
from bokeh.models.annotations import Span

from sedflow.bands import UGRIZ
from sedflow.dashboard.learn.one_parameter import lesson
from sedflow.dashboard.learn.plots import Plot, SpectrumPlot
from sedflow.dashboard.learn.stage import Stage, in_line, pane, slider
from sedflow.model import cosmology
from sedflow.model.sed import default_model
from sedflow.palette import MODEL, OTHER, SERIES
from sedflow.parameters import NAMES, PARAMETERS, index

_LABELS = {p.name: p.axis_label for p in PARAMETERS}


class OneParameter(Stage):
    """A parameter's slider, the spectrum, and how the colours follow."""

    def __init__(self, scene):
        super().__init__(scene)
        self.model = default_model("fsps")
        self._responses, self._step, self._shown = {}, "mass", False
        self._setting = False
        self.choice = pn.widgets.Select(label="Parameter", options={}, sizing_mode="stretch_width")
        p = PARAMETERS[0]
        self.slider = slider(p.axis_label, p.low, p.high, lesson.BASE[p.name])
        self.spectrum = SpectrumPlot(
            "lesson_sed",
            UGRIZ,
            {"base": ("where it began", OTHER, {"line_dash": "dashed"}), "now": ("now", MODEL, {})},
            data=False,
        )
        self.colors = Plot("lesson_colors", "", "colour [AB mag]", 340, title=" ")
        for k, color in enumerate(("u-g", "g-r", "r-i", "i-z")):
            self.colors.line(
                color,
                color.replace("-", "−"),
                color=SERIES[k],
                line_width=2,
                line_dash=("solid", "solid", "dashed", "dotted")[k],
            )
        self.at = Span(location=0, dimension="height", line_color=OTHER, line_dash="dashed")
        self.colors.figure.add_layout(self.at)
        self.ranks = Plot(
            "lesson_ranks",
            "",
            "largest change of g−r [mag]",
            260,
            factors=[PARAMETERS[index(n)].label for n in NAMES],
        )
        self.ranks.bars("change", color=MODEL)
        self.ranks.figure.xaxis.major_label_orientation = 0.8  # twelve names, on a phone too
        self._spectrum, self._colors, self._ranks = (
            pane(p) for p in (self.spectrum, self.colors, self.ranks)
        )
        self.layout[:] = [
            self._ranks,
            pn.Row(self.choice, self.slider, sizing_mode="stretch_width"),
            in_line(self._spectrum, self._colors),
        ]
        self.choice.param.watch(self._chosen, "value")
        self.slider.param.watch(self._moved, "value")

    @property
    def name(self):
        """The parameter on the slider."""
        return self.choice.value

    def response(self, name: str):
        """Colours over the range of a parameter, computed once."""
        if name not in self._responses:
            self._responses[name] = lesson.respond(self.model, name)
        return self._responses[name]

    def enter(self, step: str) -> None:
        self._step, self._shown = step, step == "all"
        names = lesson.STEPS_OF[step]
        self._setting = True
        self.choice.options = {_LABELS[n]: n for n in names}
        self.choice.value = names[0]
        self._setting = False
        self.choice.visible = len(names) > 1
        self._ranks.visible = step == "all"
        if step == "all":
            self.ranks.ends(y=(0, 1.1 * max(self.response(n).reach() for n in NAMES)))
            self.ranks.show(
                "change",
                x=list(self.ranks.figure.x_range.factors),
                bottom=np.zeros(len(NAMES)),
                top=np.array([self.response(n).reach() for n in NAMES]),
            )
        self._chosen()

    def reveal(self, step: str, choice: str | None) -> None:
        self._shown = True
        self._lock()

    def facts(self, step: str) -> dict | None:
        if step == "all":
            visible = sum(self.response(n).reach() > lesson.SAME for n in NAMES)
            return {"n_visible": visible, "same": lesson.SAME, "f_burst": lesson.BURST}
        name = lesson.STEPS_OF[step][0]
        r = self.response(name)
        g_r, last = r.colors["g-r"], np.searchsorted(r.values, r.values[0] + 0.9 * np.ptp(r.values))
        base = lesson.respond(self.model, "log_mstar").colors["g-r"][0] if step == "mass" else 0.0
        faded = r.values[np.argmax(g_r - g_r[0] > 0.9 * (g_r.max() - g_r[0]))]
        return {
            "g_r": f"{base:.2f}",
            "change": _signed(r.change()),
            "change_ug": _signed(r.change("u-g")),
            "change_iz": _signed(r.change("i-z")),
            "r_low": f"{r.magnitude['r'][0]:.1f}",
            "r_high": f"{r.magnitude['r'][-1]:.1f}",
            "dimmer": f"{r.magnitude['r'][-1] - r.magnitude['r'][0]:.1f}",
            "last": f"{g_r[-1] - g_r[last - 1]:.2f}",
            "f_burst": lesson.BURST,
            "faded": f"{faded:.1f}",
            "age": f"{float(cosmology.age_gyr(lesson.REDSHIFT)):.1f}",
        }

    def right(self, step: str) -> str | None:
        if step == "all":
            return None
        return lesson.verdict(self.response(lesson.STEPS_OF[step][0]).change())

    def _lock(self):
        """The student predicts first: until then, no slider and no curves."""
        self.slider.disabled = self.choice.disabled = not self._shown
        self._colors.visible = self._shown

    def _chosen(self, *events):
        if self._setting:
            return
        p = PARAMETERS[index(self.name)]
        self._setting = True
        self.slider.param.update(
            label=p.axis_label,
            start=p.low,
            end=p.high,
            step=(p.high - p.low) / 200,
            value=lesson.BASE[p.name],
        )
        self._setting = False
        r = self.response(p.name)
        for color, values in r.colors.items():
            self.colors.show(color, x=r.values, y=values)
        self.colors.figure.xaxis.axis_label = p.axis_label
        shown = np.concatenate(list(r.colors.values()))
        margin = 0.05 * np.ptp(shown)
        self.colors.ends((p.low, p.high), (shown.min() - margin, shown.max() + margin))
        self.colors.title(f"Colours as {p.label} changes")
        base = self.model.spectrum(lesson.theta_with(p.name, lesson.BASE[p.name]), lesson.REDSHIFT)
        self._top = self.spectrum.spectrum("base", base.wavelength, base.flux[0])
        self._lock()
        self._moved()

    def _moved(self, *events):
        if self._setting:
            return
        value = float(self.slider.value)
        theta = lesson.theta_with(self.name, value)
        spectrum = self.model.spectrum(theta, lesson.REDSHIFT)
        flux = self.model.photometry(theta, lesson.REDSHIFT, method="fast")[0]
        top = self.spectrum.spectrum("now", spectrum.wavelength, spectrum.flux[0])
        top = max(top, self.spectrum.photometry("model", flux))
        # Mass moves it over five decades; everything else is seen against where it began.
        self.spectrum.top(top if self.name == "log_mstar" else max(top, self._top))
        magnitude = 22.5 - 2.5 * np.log10(flux)
        self.spectrum.title(
            f"{PARAMETERS[index(self.name)].label} = {value:.2f}:  r = {magnitude[2]:.2f},  g−r = "
            f"{magnitude[1] - magnitude[2]:.2f}".replace("-", "−")
        )
        self.at.location = value


def _signed(change):
    return "0.00" if abs(change) < 0.005 else f"{change:+.2f}".replace("-", "−")

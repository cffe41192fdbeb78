"""Figures of the lesson: widgets and what is drawn in them."""

import numpy as np
import panel as pn

from sedflow.bands import UGRIZ
from sedflow.dashboard.learn.look_alikes import lesson
from sedflow.dashboard.learn.plots import Plot, SpectrumPlot, steps
from sedflow.dashboard.learn.stage import Stage, abreast, pane
from sedflow.dashboard.widgets import prose
from sedflow.model.derived import DERIVED
from sedflow.palette import OTHER, SERIES
from sedflow.parameters import PARAMETERS

__all__ = ["LookAlikesFigures"]

LETTERS = "ABC"
_DASHES = ("solid", "dashed", "dotdash")
QUANTITIES = ("age_mw", "log_z_mw_solar", "a_v")
LABELS = {p.name: p.axis_label for p in (*PARAMETERS, *DERIVED)}
_LIMITS = {"age_mw": (0, 13.2), "log_z_mw_solar": (-2.2, 0.6), "a_v": (0, 2.5)}
COLORS = ("FUV-r", "NUV-r", "u-g", "g-r", "r-i", "i-z")


class LookAlikesFigures(Stage):
    """Three galaxies of one colour: spectra, colours, and the posterior of one of them."""

    def __init__(self, scene):
        super().__init__(scene)
        self._step, self._named = "alike", False
        self.model = self.triple = self._reach = None
        self.posterior, self._prior = {}, None
        self.slider = pn.widgets.FloatSlider(
            label="g−r of all three [AB mag]",
            start=0.4,
            end=0.6,
            step=0.01,
            value=0.5,
            sizing_mode="stretch_width",
        )
        self.spectra = SpectrumPlot(
            "alike_sed",
            UGRIZ,
            {k: (k, SERIES[i], {"line_dash": _DASHES[i]}) for i, k in enumerate(LETTERS)},
            data=False,
        )
        self.colors = Plot(
            "alike_colors", "colour", "less the mean of the three [mag]", 320, factors=list(COLORS)
        )
        self.colors.bars("error", "error of the atlas, 1σ", fill_color=OTHER, fill_alpha=0.3)
        for i, k in enumerate(LETTERS):
            self.colors.dots(
                k, k, color=SERIES[i], size=11, marker=("circle", "square", "triangle")[i]
            )
        self.plots = {}
        for name in QUANTITIES:
            plot = Plot(f"alike_{name}", LABELS[name], "probability density", 320, legend_columns=3)
            plot.line("prior", "prior", color=OTHER, line_dash="dashed")
            plot.area("ugriz", "ugriz", fill_color=SERIES[0], fill_alpha=0.35)
            plot.line("uv", "with FUV, NUV", color=SERIES[4], line_width=2.5)
            for i, k in enumerate(LETTERS):
                plot.line(k, k, color=SERIES[i], line_dash=_DASHES[i], line_width=2)
            plot.ends(x=_LIMITS[name])
            self.plots[name] = plot
        self._spectra, self._colors = pane(self.spectra), pane(self.colors)
        self._posteriors = abreast(*self.plots.values())
        self._table = prose()
        self.layout[:] = [self.slider, self._spectra, self._colors, self._posteriors, self._table]
        self._slide = self.slider.param.watch(self._moved, "value")

    def _arrange(self):
        step, ready = self._step, self.triple is not None
        self.slider.visible = ready and step == "alike"
        self._spectra.visible = ready and step == "alike"
        self._colors.visible = ready and step in ("u", "uv")
        self._posteriors.visible = ready and step in ("ugriz", "posterior-uv")
        self._table.visible = ready

    def _draw(self):
        if self._step in ("ugriz", "posterior-uv"):
            self._draw_posteriors()
            self._infer()
        elif self._step == "alike":
            self._draw_spectra()
        else:
            self._draw_colors()
        self._table.object = self._words()

    def _name(self, k):
        return f"{LETTERS[k]}: {self.triple.galaxies[k].way}" if self._named else LETTERS[k]

    def _draw_spectra(self):
        top = 0.0
        for k, galaxy in enumerate(self.triple.galaxies):
            spectrum = self.model.spectrum(galaxy.theta, lesson.REDSHIFT)
            top = max(top, self.spectra.spectrum(LETTERS[k], spectrum.wavelength, spectrum.flux))
            self.spectra.label(LETTERS[k], self._name(k))
        self.spectra.show("model")
        self.spectra.label("model", "")
        self.spectra.top(top)
        self.spectra.title(f"Three galaxies of g−r = {self.triple.target:.2f}")

    def _draw_colors(self):
        names = COLORS if self._step == "uv" else COLORS[2:]
        shown = [name.replace("-", "−") for name in names]
        self.colors.figure.x_range.factors = shown
        values = np.array([[g.color(c) for c in names] for g in self.triple.galaxies])
        values -= values.mean(0)
        for k in range(3):
            self.colors.show(LETTERS[k], x=shown, y=values[k])
            self.colors.label(LETTERS[k], self._name(k))
        error = np.array([self._error(c) for c in names])
        self.colors.show("error", x=shown, bottom=-error, top=error)
        reach = 1.15 * max(np.abs(values).max(), error.max())
        self.colors.ends(y=(-reach, reach))

    def _draw_posteriors(self):
        for name, plot in self.plots.items():
            low, high = _LIMITS[name]
            edges = np.linspace(low, high, 41)
            top = 0.1
            for key in ("ugriz", "uv"):
                shown = key in self.posterior and (key == "ugriz" or self._step == "posterior-uv")
                if not shown:
                    plot.show(key)
                    continue
                result = self.posterior[key]
                x, y = steps(result.derived[name], edges, result.draws.weights)
                top = max(top, y.max())
                extra = (
                    {"x": x, "low": np.zeros(len(x)), "high": y}
                    if key == "ugriz"
                    else {"x": x, "y": y}
                )
                plot.show(key, **extra)
            plot.label("uv", "with FUV, NUV" if self._step == "posterior-uv" else "")
            if self._prior is not None:
                x, y = steps(self._prior[name], edges)
                plot.show("prior", x=x, y=y)
                top = max(top, y.max())
            for k, galaxy in enumerate(self.triple.galaxies):
                at = galaxy.derived[name]
                plot.show(LETTERS[k], x=np.array([at, at]), y=np.array([0, 1.08 * top]))
            plot.ends(y=(0, 1.1 * top))

    def _words(self):
        """What the three are, once they may be known."""
        if not self._named:
            return ""
        head = "| | " + " | ".join(LABELS[n] for n in QUANTITIES) + " | log M★ |"
        rows = [
            f"| **{self._name(k)}** | "
            + " | ".join(f"{g.derived[n]:.2f}" for n in QUANTITIES).replace("-", "\N{MINUS SIGN}")
            + f" | {g.theta[0]:.2f} |"
            for k, g in enumerate(self.triple.galaxies)
        ]
        return "\n".join([head, "|---" * (len(QUANTITIES) + 2) + "|", *rows])

"""Figures of the lesson: widgets and what is drawn in them."""

import numpy as np
import panel as pn
from bokeh.models import Range1d

from sedflow.bands import UGRIZ
from sedflow.dashboard.learn.by_hand import lesson
from sedflow.dashboard.learn.by_hand.together import Together
from sedflow.dashboard.learn.plots import Plot, SpectrumPlot
from sedflow.dashboard.learn.stage import Stage, abreast, beside, pane, slider
from sedflow.dashboard.widgets import prose, typeset
from sedflow.palette import DATA, MODEL, SERIES
from sedflow.parameters import PARAMETERS, index

SIMILAR, FEW = 1.0, 10  # chi-square like the student's, and too few draws to speak of
_DOTS = 1000  # of the draws that are drawn
_PAIRS = (("log_mstar", "tau_ism"), ("tau_ism", "log_gamma1"))
_NAMES = {p.name: p.axis_label for p in PARAMETERS}
_HEIGHT = 280  # of the figures that the knobs move: with the question below them on one screen
#: Knobs in a line, each as wide as its label, and figures beside each other, where there is room.
_LINE = """
:host { display: grid !important; gap: 0 8px;
        grid-template-columns: repeat(auto-fit, minmax(calc(16 * var(--sf-small, 12px)), 1fr)); }
"""


class ByHandFigures(Stage):
    """Knobs, spectrum and pulls of a real galaxy and of a simulated one; then their posterior."""

    def __init__(self, scene):
        super().__init__(scene)
        self._step, self._revealed, self._setting = "meet", False, False
        self.network = self.model = None
        self.galaxies, self.truth = {}, None  # "nsa" and "mock" -> Photometry
        self.best = {}  # the same -> (chi-square, theta, knobs)
        self.posterior = {}
        self.knobs = {}
        for name, (label, unit, low, high, start) in lesson.KNOBS.items():
            text = f"{label} [{unit}]" if unit else label
            self.knobs[name] = slider(text, low, high, start, n=500)
            self.knobs[name].param.watch(self._moved, "value")
        self._mass = pn.widgets.Button(label="Best mass")
        self._back = pn.widgets.Button(label="Back to my best")
        self._mass.on_click(lambda event: self._set(log_mstar=self._best_mass()))
        self._back.on_click(lambda event: self._set(**self.best[self._which][2]))
        self._score = prose()
        self.spectrum = SpectrumPlot(
            "hand_sed", UGRIZ, {"now": ("your model", MODEL, {})}, height=_HEIGHT
        )
        self.pulls = Plot(
            "hand_pulls", "band", "pull [σ]", _HEIGHT, factors=list(UGRIZ), y_range=Range1d(-5, 5)
        )
        self.pulls.bars("pull", "", color=MODEL)
        self.pairs = {}
        for x, y in _PAIRS:
            plot = Plot(f"hand_{x}_{y}", _NAMES[x], _NAMES[y], 320, legend_columns=2)
            plot.dots("draws", "posterior", color=MODEL, size=4, alpha=0.35)
            plot.dots("mine", "your best", color=DATA, size=22, marker="cross", line_width=3)
            plot.dots("truth", "", color=SERIES[2], size=20, marker="x", line_width=3)
            self.pairs[x, y] = plot
        self.chi2 = Plot("hand_chi2", "χ²", "draws", 320, legend_columns=1)
        self.chi2.bars("draws", "posterior", color=MODEL, alpha=0.6)
        self.chi2.line("mine", "your best", color=DATA, line_width=3)
        self.chi2.line("truth", "", color=SERIES[2], line_width=3, line_dash="dashed")
        wide = {"sizing_mode": "stretch_width", "margin": 0}
        line = pn.Column(*self.knobs.values(), stylesheets=[_LINE], **wide)
        row = pn.Row(self._mass, self._back, self._score, **wide)
        self._knobs = pn.Column(line, row, **wide)
        self._fit = beside(pane(self.spectrum), pane(self.pulls))
        self._found = abreast(*self.pairs.values(), self.chi2)
        self._table = prose()
        self.together = Together(
            self._sent,
            scene.code,
            scene.joined,
            scene.alive,
            scene.nsaid,
            scene.mark,
        )
        self.layout[:] = [
            self._knobs,
            self._found,
            self._table,
            self._fit,
            self.together.layout,
        ]

    def _sent(self):
        """The student's best knobs of the real galaxy, by name; where they stand, before any."""
        if "nsa" in self.best:
            return self.best["nsa"][2]
        return {name: float(knob.value) for name, knob in self.knobs.items()}

    def _arrange(self):
        ready = bool(self.galaxies)
        shows = self._step == "reveal" or (self._step == "mock" and self._revealed)
        self._knobs.visible = ready and self._step != "reveal"
        self._fit.visible = ready and self._step != "reveal"
        self.together.layout.visible = ready and self._step in ("fit", "reveal")
        self._found.visible = self._table.visible = ready and shows

    def _draw(self):
        top = self.spectrum.data(self.galaxy)
        theta = lesson.hand_theta(self._values())
        self._top = top
        if self._step == "meet" and self.best["nsa"][0] > 1e4:
            # Begin within sight of the data; that is nobody's fit yet.
            self._setting = True
            self._set(log_mstar=lesson.best_mass(self.model, theta, self.galaxy) - 0.3)
            self._setting = False
        name = f"NSAID {self.scene.nsaid}" if self._which == "nsa" else "Simulated galaxy"
        self.spectrum.title(f"{name}, z = {float(self.galaxy.redshift):.4f}")
        self._draw_model()
        if self._step == "reveal":
            self._ask()
            self._draw_posterior()

    def _draw_model(self):
        values = self._values()
        theta = lesson.hand_theta(values)
        chi2, pull, flux = lesson.score(self.model, theta, self.galaxy)
        if chi2 < self.best[self._which][0]:
            self.best[self._which] = (chi2, theta, values)
        z = float(self.galaxy.redshift)
        spectrum = self.model.spectrum(theta, z)
        self.spectrum.spectrum("now", spectrum.wavelength, spectrum.flux)
        self.spectrum.photometry("model", flux)
        self.spectrum.top(1.6 * self._top)
        seen = np.nan_to_num(-pull)  # data less model, as residuals are everywhere
        reach = max(5.0, 1.1 * np.abs(seen).max())
        self.pulls.show("pull", x=list(UGRIZ), bottom=np.zeros(len(UGRIZ)), top=seen)
        self.pulls.ends(y=(-reach, reach))
        best = self.best[self._which][0]
        self._score.object = f"**χ² = {chi2:,.1f}**, best so far {best:,.1f}"

    def _draw_posterior(self):
        found = self.posterior.get(self._which)
        truth = self.truth if self._step == "mock" and self._revealed else None
        if found is None:
            return
        mine = self.best[self._which][1]
        chosen = np.linspace(0, len(found.theta) - 1, _DOTS).astype(int)
        for (x, y), plot in self.pairs.items():
            columns = found.theta[chosen][:, [index(x), index(y)]]
            plot.show("draws", x=columns[:, 0], y=columns[:, 1])
            marked = [columns, mine[None, [index(x), index(y)]]]
            if truth is not None:
                marked.append(truth[None, [index(x), index(y)]])
            low, high = np.concatenate(marked).min(0), np.concatenate(marked).max(0)
            margin = 0.06 * (high - low)
            plot.ends(*np.stack([low - margin, high + margin], 1))
            plot.show("mine", x=mine[[index(x)]], y=mine[[index(y)]])
            if truth is None:
                plot.show("truth")
            else:
                plot.show("truth", x=truth[[index(x)]], y=truth[[index(y)]])
            plot.label("truth", "truth" if truth is not None else "")
        best = self.best[self._which][0]
        marks = {"mine": best}
        if truth is not None:
            marks["truth"] = lesson.score(self.model, truth, self.galaxy)[0]
        top = float(np.quantile(found.chi2, 0.99))
        end = max(1.05 * top, min(1.1 * max(marks.values()), 3 * top))
        counts, edges = np.histogram(found.chi2, 30, (0, end))
        self.chi2.figure.renderers[0].glyph.width = 0.92 * (edges[1] - edges[0])
        self.chi2.show("draws", x=0.5 * (edges[1:] + edges[:-1]), bottom=np.zeros(30), top=counts)
        for key in ("mine", "truth"):
            if key in marks:
                at = min(marks[key], end)
                self.chi2.show(key, x=np.array([at, at]), y=np.array([0, 1.05 * counts.max()]))
            else:
                self.chi2.show(key)
        self.chi2.ends((0, 1.03 * end), (0, 1.08 * counts.max()))
        beyond = " (off the right end)" if best > end else ""
        self.chi2.label("mine", f"your best, {best:,.1f}{beyond}")
        self.chi2.label("truth", "" if truth is None else f"truth, {marks['truth']:.1f}")
        self._table.object = self._ranges(found, truth)

    def _ranges(self, found, truth):
        """Ranges of all draws, and of those about as good as the student's best."""
        best, mine, _ = self.best[self._which]
        near = np.abs(found.chi2 - best) < SIMILAR
        head = "| | your best | posterior, 2.5 to 97.5 % | draws with a χ² like yours |"
        rule = "|---|---|---|---|"
        if truth is not None:
            head, rule = head + " truth |", rule + "---|"
        rows = [head, rule]
        for name in lesson.COMPARED:
            column = found.theta[:, index(name)]
            low, high = np.quantile(column, (0.025, 0.975))
            alike = (
                ("few" if near.any() else "none")
                if near.sum() < FEW
                else "{:.2f} to {:.2f}".format(*np.quantile(column[near], (0.025, 0.975)))
            )
            row = (
                f"| {_NAMES[name]} | {mine[index(name)]:.2f} | {low:.2f} to {high:.2f} | {alike} |"
            )
            rows.append(typeset(row if truth is None else f"{row} {truth[index(name)]:.2f} |"))
        return "\n".join(rows)

"""Stage of the lesson in which the student fits by hand."""

import numpy as np
import panel as pn
from bokeh.models import Range1d
from scipy.stats import chi2 as chi2_distribution

from sedflow.dashboard.lessons import by_hand as lesson
from sedflow.dashboard.prose import prose
from sedflow.dashboard.stages.plots import COLORS, DATA, MODEL, Plot, SpectrumPlot
from sedflow.dashboard.stages.stage import Stage, pane, slider
from sedflow.domain import chi2_limit
from sedflow.parameters import PARAMETERS, index
from sedflow.photometry import UGRIZ
from sedflow.resources import DEFAULT_WEIGHTS

__all__ = ["ByHand"]

_N = 3000
_SIMILAR, _FEW = 1.0, 10  # chi-square like the student's, and too few draws to speak of
_DOTS = 1000  # of the draws that are drawn
_PAIRS = (("log_mstar", "tau_ism"), ("tau_ism", "log_gamma1"))
_LABELS = {p.name: p.label for p in PARAMETERS}
_NAMES = {p.name: p.axis_label for p in PARAMETERS}


class ByHand(Stage):
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
        self.spectrum = SpectrumPlot("hand_sed", UGRIZ, {"now": ("your model", MODEL, {})})
        self.pulls = Plot("hand_pulls", "band", "pull [σ]", 200,
                          factors=list(UGRIZ), y_range=Range1d(-5, 5))  # fmt: skip
        self.pulls.bars("pull", "", color=MODEL)
        self.pairs = {}
        for x, y in _PAIRS:
            plot = Plot(f"hand_{x}_{y}", _NAMES[x], _NAMES[y], 320, legend_columns=2)
            plot.dots("draws", "posterior", color=MODEL, size=4, alpha=0.35)
            plot.dots("mine", "your best", color=DATA, size=22, marker="cross", line_width=3)
            plot.dots("truth", "", color=COLORS[2], size=20, marker="x", line_width=3)
            self.pairs[x, y] = plot
        self.chi2 = Plot("hand_chi2", "χ²", "draws", 320, legend_columns=1)
        self.chi2.bars("draws", "posterior", color=MODEL, alpha=0.6)
        self.chi2.line("mine", "your best", color=DATA, line_width=3)
        self.chi2.line("truth", "", color=COLORS[2], line_width=3, line_dash="dashed")
        self._knobs = pn.Column(
            pn.Row(self.knobs["log_mstar"], self.knobs["tau_ism"], sizing_mode="stretch_width"),
            pn.Row(self.knobs["beta1"], self.knobs["metals"], sizing_mode="stretch_width"),
            pn.Row(self._mass, self._back, self._score),
            sizing_mode="stretch_width",
        )
        self._fit = pn.Column(pane(self.spectrum), pane(self.pulls), sizing_mode="stretch_width")
        self._found = pn.Row(
            *(pane(p) for p in (*self.pairs.values(), self.chi2)), sizing_mode="stretch_width"
        )
        self._table = prose()
        self.layout[:] = [self._knobs, self._found, self._table, self._fit]

    @property
    def _which(self):
        return "mock" if self._step == "mock" else "nsa"

    @property
    def galaxy(self):
        """The one that is fitted."""
        return self.galaxies.get(self._which)

    def enter(self, step):
        self._step, self._revealed = step, False
        self._arrange()
        if not self.galaxies:
            self.scene.run(self._begin, self._begun)
            return
        self._draw()

    def reveal(self, step, choice):
        self._revealed = True
        self._arrange()
        if step == "mock":
            self._ask()
        self._draw_posterior()

    def right(self, step):
        return {"meet": "Mass", "mock": self._truth_lowest()}.get(step)

    def _truth_lowest(self):
        found = self.posterior.get("mock")
        if found is None:
            return "No"
        truth = lesson.score(self.model, self.truth, self.galaxies["mock"])[0]
        return "No" if found.chi2.min() < truth else "Yes"

    def facts(self, step):
        if not self.galaxies:
            return None
        galaxy = self.galaxy
        n_band = int(galaxy.present.sum())
        best, theta, _ = self.best[self._which]
        if step == "meet":
            cells = zip(galaxy.bands, galaxy.magnitude, galaxy.magnitude_error, strict=True)
            return {
                "name": f"NSAID {self.scene.nsaid}", "z": float(galaxy.redshift),
                "magnitudes": ", ".join(f"{b} {m:.2f} ± {e:.2f}" for b, m, e in cells
                                        if np.isfinite(m)),
                "chi2": self._now()[0],
            }  # fmt: skip
        if step == "fit":
            limit = chi2_limit(n_band)
            if best < chi2_distribution.isf(0.05, n_band):
                state = f"Your {best:.1f} is good enough."
            elif best < limit:
                state = f"Your {best:.1f} would be bad luck, but is possible."
            else:
                state = f"Your {best:,.1f} is not there yet."
            return {
                "best": best, "n_band": n_band, "spread": np.sqrt(2 * n_band), "p001": limit,
                "p05": float(chi2_distribution.isf(0.05, n_band)), "state": state,
            }  # fmt: skip
        found = self.posterior.get(self._which)
        if found is None:
            if step == "reveal":
                return None
            return {"best": best, "pending": True}
        values = self.truth if step == "mock" else theta
        places = {n: found.percentile(n, values[index(n)]) for n in lesson.COMPARED}
        out = {
            "n": _N, "best": best, "lowest": float(found.chi2.min()),
            "percentiles": ", ".join(f"{_LABELS[n]} {100 * p:.0f} %" for n, p in places.items()),
        }  # fmt: skip
        if step == "mock":
            truth = lesson.score(self.model, self.truth, galaxy)[0]
            return out | {"truth": truth, "better": found.share_better(truth)}
        inside = [n for n, p in places.items() if 0.025 < p < 0.975]
        out["inside"] = (
            "All four are inside its 95 % ranges." if len(inside) == len(places) else
            f"{len(inside)} of the four are inside its 95 % ranges."
        )  # fmt: skip
        near = np.abs(found.chi2 - best) < _SIMILAR
        out["alike"] = (
            f"{near.sum():,} draws have a χ² within {_SIMILAR:g} of yours, and the table shows how "
            "far they are spread."
            if near.sum() >= _FEW
            else "Hardly any draw has a χ² like yours: go back and see how low you can get it."
        )
        out["exactness"] = (
            "They were weighed, so that together they are the exact posterior." if found.exact else
            "Their weights do not hold for this galaxy, so these are the network's own."
        )  # fmt: skip
        return out | {"better": found.share_better(best)}

    # Work

    def _begin(self):
        network = self.scene.network(DEFAULT_WEIGHTS)
        galaxy = self.scene.nsa.photometry(self.scene.nsaid, UGRIZ)
        truth, mock = lesson.mock(network.model, network.prior, self.scene.seed)
        return network, galaxy, truth, mock

    def _begun(self, found):
        self.network, galaxy, self.truth, mock = found
        self.model = self.network.model
        start = {name: knob.value for name, knob in self.knobs.items()}
        self.galaxies = {"nsa": galaxy, "mock": mock}
        for which, one in self.galaxies.items():
            theta = lesson.hand_theta(start)
            self.best[which] = (lesson.score(self.model, theta, one)[0], theta, start)
        self._arrange()
        self._draw()

    def _ask(self):
        """The posterior of the galaxy shown, once."""
        which = self._which
        if which in self.posterior:
            return
        network, galaxy, seed = self.network, self.galaxies[which], self.scene.seed

        def then(found):
            self.posterior[which] = found
            self._draw_posterior()

        self.scene.run(lambda: lesson.posterior_of(network, galaxy, _N, seed), then)

    # Knobs

    def _set(self, **values):
        for name, value in values.items():
            self.knobs[name].value = value

    def _values(self):
        return {name: float(knob.value) for name, knob in self.knobs.items()}

    def _best_mass(self):
        theta = lesson.hand_theta(self._values())
        return lesson.best_mass(self.model, theta, self.galaxy)

    def _now(self):
        return lesson.score(self.model, lesson.hand_theta(self._values()), self.galaxy)

    def _moved(self, *events):
        if self.galaxies:
            with pn.io.hold():
                self._draw_model()
            self.scene.changed()

    # Drawing

    def _arrange(self):
        ready = bool(self.galaxies)
        shows = self._step == "reveal" or (self._step == "mock" and self._revealed)
        self._knobs.visible = ready and self._step != "reveal"
        self._fit.visible = ready and self._step != "reveal"
        self._found.visible = self._table.visible = ready and shows

    def _draw(self):
        top = self.spectrum.data(self.galaxy)
        theta = lesson.hand_theta(self._values())
        self._top = top
        if self._step == "meet" and self.best["nsa"][0] > 1e4:
            # Begin within sight of the data.
            self._set(log_mstar=lesson.best_mass(self.model, theta, self.galaxy) - 0.3)
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
        seen = np.nan_to_num(pull)
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
        near = np.abs(found.chi2 - best) < _SIMILAR
        head = "| | your best | posterior, 2.5 to 97.5 % | draws with a χ² like yours |"
        rule = "|---|---|---|---|"
        if truth is not None:
            head, rule = head + " truth |", rule + "---|"
        rows = [head, rule]
        for name in lesson.COMPARED:
            column = found.theta[:, index(name)]
            low, high = np.quantile(column, (0.025, 0.975))
            alike = "none" if near.sum() < _FEW else "{:.2f} to {:.2f}".format(
                *np.quantile(column[near], (0.025, 0.975)))  # fmt: skip
            row = (
                f"| {_NAMES[name]} | {mine[index(name)]:.2f} | {low:.2f} to {high:.2f} | {alike} |"
            )
            rows.append(row if truth is None else f"{row} {truth[index(name)]:.2f} |")
        return "\n".join(rows)

"""Figures of the lesson: widgets and what is drawn in them."""

import numpy as np
import panel as pn
from bokeh.models import Range1d

from sedflow.bands import UGRIZ
from sedflow.dashboard.learn.out_of_domain import lesson
from sedflow.dashboard.learn.plots import Plot, SpectrumPlot
from sedflow.dashboard.learn.stage import Stage, beside, pane
from sedflow.dashboard.quantities import in_labels
from sedflow.dashboard.widgets import prose, typeset
from sedflow.fluxes import band_flux
from sedflow.model.likelihood import pulls
from sedflow.palette import MODEL

_LOOK = "Look for the exact answer (some seconds)"


class OutOfDomainFigures(Stage):
    """A gallery of galaxies: data, the network's answer, the verdict, the exact answer."""

    def __init__(self, scene):
        super().__init__(scene)
        self._step, self._revealed, self._setting = "good", False, False
        self.network = self.cases = None
        self._refused = 0
        self._seen: dict = {}  # case -> Outcome
        self.case = pn.widgets.Select(
            label="Case", options={}, sizing_mode="stretch_width", min_width=240
        )
        self._more = pn.widgets.Button(label=_LOOK, color="primary", align="end")
        self.spectrum = SpectrumPlot("trust_sed", UGRIZ, {"best": ("best draw", MODEL, {})})
        self.spectrum.label("model", "median draw, 68 %")
        self.spectrum.line("range", "", color=MODEL, line_width=5, line_alpha=0.35)
        self.pulls = Plot(
            "trust_pulls",
            "band",
            "pull of the best draw",
            340,
            factors=list(UGRIZ),
            y_range=Range1d(-5, 5),
            title=" ",
        )
        self.pulls.bars("pull", "", color=MODEL)
        self._table = prose()
        self._reasons = prose()
        self._figures = beside(pane(self.spectrum), pane(self.pulls))
        self._pick = pn.Row(self.case, self._more, sizing_mode="stretch_width")
        self._pick.styles = {"flex-wrap": "wrap"}  # on a phone a case needs a line of its own
        self.layout[:] = [self._pick, self._figures, self._reasons, self._table]
        self.case.param.watch(self._chosen, "value")
        self._more.on_click(lambda event: self._climb())

    def _arrange(self):
        ready = self.cases is not None
        self._pick.visible = self._figures.visible = self._table.visible = ready
        self.case.visible = len(self.case.options) > 1

    def _draw(self):
        seen = self.seen
        if seen is None:
            return
        with pn.io.hold():
            self._draw_spectrum(seen)
            # Until the student has said what to expect, the verdict is not shown.
            shown = self._revealed or self._step == "gallery"
            self._more.visible = shown and seen.exact is None and not seen.searched
            self._more.param.update(disabled=False, label=_LOOK)
            self._reasons.object = self._found(seen) if shown else ""
            self._table.object = self._answers(seen) if shown else ""

    def _draw_spectrum(self, seen):
        galaxy = seen.case.galaxy
        top = self.spectrum.data(galaxy)
        flux = seen.network.predicted.flux
        chi2 = seen.network.predicted.chi2
        best = int(np.argmin(chi2))
        spectrum = self.network.model.spectrum(seen.network.draws.theta[best], galaxy.redshift)
        self.spectrum.spectrum("best", spectrum.wavelength, spectrum.flux)
        low, middle, high = np.quantile(flux, (0.16, 0.5, 0.84), axis=0)
        top = max(top, self.spectrum.photometry("model", middle))
        self._ranges(low, high)
        self.spectrum.top(1.2 * top)
        self.spectrum.title(f"{seen.case.title}, z = {float(galaxy.redshift):.4f}")
        pull = np.nan_to_num(-pulls(flux[[best]], galaxy)[0])  # data less model
        reach = max(5.0, 1.1 * np.abs(pull).max())
        self.pulls.show("pull", x=list(galaxy.bands), bottom=np.zeros(len(pull)), top=pull)
        self.pulls.ends(y=(-reach, reach))
        self.pulls.title(f"χ² = {chi2_text(chi2[best])}")

    def _ranges(self, low, high):
        """The 68 % range of the predicted fluxes, as bars."""
        pivot, low = band_flux(low, UGRIZ)
        _, high = band_flux(high, UGRIZ)
        gap = np.full(len(pivot), np.nan)
        self.spectrum.show(
            "range",
            x=np.stack([pivot, pivot, gap], 1).ravel(),
            y=np.stack([low, high, gap], 1).ravel(),
        )

    def _verdict_line(self, seen):
        """What check and weights say, as the start of an answer; above it are the reasons."""
        check = "The check finds nothing" if seen.inside else "The check refuses it"
        weights = "do not pass" if seen.exact is None else "pass"
        return f"{check} (best χ² {chi2_text(seen.chi2_best)}), and the weights {weights}."

    def _found(self, seen):
        lines = [
            "**Check of the data:** "
            + ("inside the training domain." if seen.inside else "outside.")
        ]
        lines += [f"- {typeset(reason)}" for reason in seen.reasons]
        lines += ["", f"**Weights:** {typeset(in_labels(seen.verdict))}."]
        return "\n".join(lines)

    def _answers(self, seen):
        network, exact = seen.quantiles("network"), seen.quantiles("exact")
        unknown = "not found" if seen.searched else "not known"
        rows = ["| median (16 to 84 %) | network | exact |", "|---|---|---|"]
        for name, label in lesson.LABELS.items():
            right = _range(exact[name]) if exact else unknown
            rows.append(f"| {label} | {_range(network[name])} | {right} |")
        return "\n".join(rows)


def _range(quantiles):
    low, middle, high = quantiles
    return typeset(f"{middle:.2f} ({low:.2f} to {high:.2f})")


def chi2_text(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"

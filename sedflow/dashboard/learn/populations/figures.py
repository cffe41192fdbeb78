"""Figure of the lesson: a density and what is laid beside it."""

import numpy as np

from sedflow.dashboard.learn.plots import Plot
from sedflow.dashboard.learn.populations.problem import Atlas, Known
from sedflow.dashboard.learn.stage import Stage, pane, slider
from sedflow.figures.population_page import axis_label
from sedflow.palette import GREEN, MODEL, ORANGE, OTHER, TRUTH, VERMILION

_PARTS = {"Virgo": ("virgo", GREEN), "seven clusters": ("clusters", ORANGE)}
_AT = 9.5  # where the posterior of one galaxy is drawn


class PopulationsFigures(Stage):
    """The truth, the medians, the stack and the population, each when its turn comes."""

    def __init__(self, scene):
        super().__init__(scene)
        self._step, self._revealed = "medians", False
        self.known: Known | None = None
        self.atlas: Atlas | None = None
        self.sigma = slider("Error of each mass [dex]", 0.3, 0.5, 0.4, n=2)
        self.plot = plot = Plot(
            "lesson_population", axis_label("log_mstar"), "density", 340, legend_columns=2
        )
        plot.area("band95", fill_color=MODEL, fill_alpha=0.18)
        plot.area("band68", "population, 68 and 95 %", fill_color=MODEL, fill_alpha=0.35)
        plot.line("one", "one posterior", color=OTHER, line_width=1.5)
        plot.line("stack", "stack of draws", color=TRUTH, line_width=2, line_dash="dashed")
        plot.line("medians", "medians", color=VERMILION, line_width=1.5)
        plot.line("population", line_width=2.5, color=MODEL)
        plot.ink("truth", "truth", line_width=2, line_dash="dotted")
        for name, (key, color) in _PARTS.items():
            plot.area(f"{key}_band", fill_color=color, fill_alpha=0.25)
            plot.line(key, name, color=color, line_width=2.5)
        self._slider, self._plot = self.sigma, pane(plot)
        self.layout[:] = [self._slider, self._plot]
        self.sigma.param.watch(self._moved, "value")

    def _moved(self, event):
        raise NotImplementedError

    def _arrange(self):
        self._slider.visible = self._step != "atlas"
        self._plot.visible = self.atlas is not None if self._step == "atlas" else bool(self.known)

    def _draw(self):
        self._arrange()
        if self._step == "atlas":
            if self.atlas is not None:
                self._draw_atlas()
        elif self.known is not None:
            self._draw_known()

    def _draw_known(self):
        found, stacked = self.known, self._step == "stack" and self._revealed
        population = found.population
        x = population.centres[0]
        self._hide_parts()
        self._show("truth", "truth", x, found.truth)
        self._show_medians(population, self._revealed or self._step == "stack")
        self._show("stack", "stack of draws", x, population.stack() if stacked else None)
        self._show_population(population if stacked else None)
        # Its area is 1, as that of all that is drawn.
        one = np.exp(-0.5 * np.square((x - _AT) / found.sigma))
        one /= one.sum() * (x[1] - x[0])
        alone = self._step == "medians" and not self._revealed
        self._show("one", "one posterior", x, one if alone else None)
        top = 1.25 * found.truth.max()
        if stacked:  # with its bands
            top = max(top, 1.05 * population.quantiles([97.5])[0].max())
        self.plot.ends(x=(7.5, 12.0), y=(0, max(top, 1.1 * one.max()) if alone else top))

    def _draw_atlas(self):
        everyone = self.atlas.everyone
        x = everyone.centres[0]
        self._show("truth", "truth", x, None)
        self._show("one", "one posterior", x, None)
        self._hide_parts()
        shown = None if self._revealed else everyone
        self._show_medians(everyone, not self._revealed)
        self._show("stack", "stack of draws", x, None if self._revealed else everyone.stack())
        self._show_population(shown)
        top = max(everyone.quantiles([84])[0].max(), everyone.medians().max())
        if self._revealed:
            top = 0.0
            for name, (key, _) in _PARTS.items():
                low, middle, high = self.atlas.parts[name].quantiles([16, 50, 84])
                self.plot.show(f"{key}_band", x=x, low=low, high=high)
                self._show(key, name, x, middle)
                top = max(top, high.max())
        self.plot.ends(x=(x[0], x[-1]), y=(0, 1.1 * top))

    def _hide_parts(self):
        for name, (key, _) in _PARTS.items():
            self.plot.show(f"{key}_band")
            self._show(key, name, (), None)

    def _show_medians(self, population, visible):
        """The histogram of medians, as the outline of its bars."""
        edges, values = population.edges[0], population.medians()
        x = np.repeat(edges, 2)[1:-1]
        self._show("medians", "medians", x, np.repeat(values, 2) if visible else None)

    def _show_population(self, population):
        for key in ("band95", "band68"):
            self.plot.show(key)
        label = "population, 68 and 95 %"
        self.plot.label("band68", label if population is not None else "")
        if population is None:
            self.plot.show("population")
            return
        x = population.centres[0]
        low95, low68, middle, high68, high95 = population.quantiles()
        self.plot.show("band95", x=x, low=low95, high=high95)
        self.plot.show("band68", x=x, low=low68, high=high68)
        self.plot.show("population", x=x, y=middle)

    def _show(self, key, label, x, y):
        """A line with its entry in the legend; none where there is nothing to show."""
        self.plot.label(key, "" if y is None else label)
        if y is None:
            self.plot.show(key)
        else:
            self.plot.show(key, x=x, y=y)

"""Figures of the lesson: widgets and what is drawn in them."""

import numpy as np
import panel as pn
from bokeh.models import Range1d

from sedflow.dashboard.learn.abc_to_amortized.problem import BATCH, ENOUGH, FREE, per_draw
from sedflow.dashboard.learn.plots import Plot, steps
from sedflow.dashboard.learn.stage import Stage, abreast, pane, slider
from sedflow.dashboard.widgets import prose
from sedflow.palette import MODEL, ORANGE, OTHER, SERIES
from sedflow.parameters import PARAMETERS

MOST = 400_000  # simulations that a session keeps
_SHOWN = ("log_mstar", "tau_ism", "n_dust")
_NAMES = {p.name: p.axis_label for p in PARAMETERS}


class ToAmortizedFigures(Stage):
    """Simulations, kept and weighted; a walk; the network; and the bill."""

    def __init__(self, scene):
        super().__init__(scene)
        self._step = "abc"
        self.network = self.problem = self.exact = None
        self.made = self.walk = self.fit = self.distances = self.mcmc = None
        self._batches, self._busy, self._walked = 0, False, 0
        self.tolerance = slider("Tolerance [errors per band]", 0.5, 20.0, 6.0, n=39)
        self._more = pn.widgets.Button(
            label=f"Simulate {BATCH:,} more", color="primary", align="end"
        )
        self._again = pn.widgets.Button(label="Walk on", color="primary", align="end")
        self._run = pn.widgets.Button(label="Run MCMC (10 to 30 s)", color="primary")
        self._job = prose()
        self.plots = {}
        for name in FREE:
            plot = Plot(f"abc_{name}", _NAMES[name], "probability density", 300, legend_columns=2)
            plot.area("kept", "kept", fill_color=SERIES[1], fill_alpha=0.35)
            plot.line("weighed", "weighted", color=ORANGE, line_width=2)
            plot.line("walk", "MCMC", color=SERIES[2], line_width=2)
            plot.line("exact", "exact", color=OTHER, line_width=2, line_dash="dashed")
            self.plots[name] = plot
        self.twelve = {}
        for name in _SHOWN:
            plot = Plot(
                f"twelve_{name}", _NAMES[name], "probability density", 300, legend_columns=2
            )
            plot.area("network", "network", fill_color=MODEL, fill_alpha=0.35)
            plot.line("exact", "exact", color=OTHER, line_width=2, line_dash="dashed")
            plot.line("mcmc", "", color=SERIES[2], line_width=2)
            self.twelve[name] = plot
        self.bill = Plot(
            "bill",
            "galaxies",
            "simulations, all together",
            380,
            x_axis_type="log",
            y_axis_type="log",
            x_range=Range1d(1, 1e7),
            y_range=Range1d(1, 1e12),
        )
        for key, color, dash in (
            ("prior", SERIES[1], "dotdash"),
            ("mcmc", SERIES[2], "dashed"),
            ("network", MODEL, "solid"),
        ):
            self.bill.line(key, "", color=color, line_width=2.5, line_dash=dash)
        self._abc = pn.Row(self.tolerance, self._more, sizing_mode="stretch_width")
        self._small = abreast(*self.plots.values())
        self._large = abreast(*self.twelve.values())
        self._bill = pane(self.bill)
        self._mcmc = pn.Row(self._run, self._job)
        self.layout[:] = [self._abc, self._again, self._small, self._mcmc, self._large, self._bill]
        self.tolerance.param.watch(self._moved, "value")
        self._more.on_click(lambda event: self._simulate())
        self._again.on_click(lambda event: self._walk_on())
        self._run.on_click(self._start_mcmc)

    def _arrange(self):
        step, ready = self._step, self.problem is not None
        self._abc.visible = ready and step in ("abc", "weigh")
        self.tolerance.visible = step == "abc"
        self._again.visible = ready and step == "walk"
        self._small.visible = ready and step in ("abc", "weigh", "walk")
        self._mcmc.visible = self._large.visible = self.fit is not None and step == "twelve"
        self._bill.visible = ready and step == "bill"

    def _moved(self, event):
        if self.problem is not None:
            self._draw()
            self.scene.changed()

    def _draw(self):
        with pn.io.hold():
            if self._step == "twelve":
                self._draw_twelve()
            elif self._step == "bill":
                self._draw_bill()
            else:
                self._draw_small()

    def _draw_small(self):
        step = self._step
        kept = self.made.accepted(self.tolerance.value)
        weights = self.made.weights()
        self._more.disabled = self._busy or len(self.made) + BATCH > MOST
        for k, name in enumerate(FREE):
            plot = self.plots[name]
            x, y = self.exact[name]
            low, high = x[0], x[-1]
            mean = (x * y).sum() / y.sum()
            if step == "abc" and len(kept):
                low, high = min(kept[:, k].min(), mean - 0.3), max(kept[:, k].max(), mean + 0.3)
            n_bin = int(np.clip(1.5 * np.sqrt(len(kept)), 8, 40)) if step == "abc" else 40
            edges = np.linspace(low, high, n_bin + 1)
            top = y.max()
            plot.show("exact", x=x, y=y)
            if step == "abc" and len(kept):
                hx, hy = steps(kept[:, k], edges)
                plot.show("kept", x=hx, low=np.zeros(len(hx)), high=hy)
                top = max(top, hy.max())
            else:
                plot.show("kept")
            for key, on, values, w in (
                ("weighed", step == "weigh", self.made.free[:, k], weights),
                (
                    "walk",
                    step == "walk" and self.walk is not None,
                    None if self.walk is None else self.walk.free[..., k].ravel(),
                    None,
                ),
            ):
                if on:
                    hx, hy = steps(values, edges, w)
                    plot.show(key, x=hx, y=hy)
                    top = max(top, hy.max())
                else:
                    plot.show(key)
            for key, label in (("kept", "kept"), ("weighed", "weighted"), ("walk", "MCMC")):
                shown = {"kept": "abc", "weighed": "weigh", "walk": "walk"}[key] == step
                plot.label(key, label if shown else "")
            plot.ends(x=(low, high), y=(0, 1.1 * top))

    def _draw_twelve(self):
        if self.fit is None:
            return
        draws = self.fit.draws
        for name, plot in self.twelve.items():
            values = draws[name]
            low, high = np.quantile(values, (0.002, 0.998))
            edges = np.linspace(low, high, 41)
            x, y = steps(values, edges)
            plot.show("network", x=x, low=np.zeros(len(x)), high=y)
            ex, ey = steps(values, edges, draws.weights)
            plot.show("exact", x=ex, y=ey)
            top = max(y.max(), ey.max())
            if self.mcmc is not None:
                mx, my = steps(self.mcmc.draws[name], edges)
                plot.show("mcmc", x=mx, y=my)
                plot.label("mcmc", "MCMC")
                top = max(top, my.max())
            plot.ends(x=(low, high), y=(0, 1.1 * top))

    def _draw_bill(self):
        if self.fit is None or self.walk is None:
            return
        n = np.logspace(0, 7, 60)
        trained = int(self.network.record["training"]["simulations_seen"])
        cost, _ = self._mcmc_cost()
        prior = per_draw(self.fit) * ENOUGH
        for key, y, label in (
            ("prior", prior * n, "weighing draws of the prior"),
            ("mcmc", cost * n, "MCMC"),
            ("network", trained + self._network_cost() * n, "network, training included"),
        ):
            self.bill.show(key, x=n, y=y)
            self.bill.label(key, label)
        self.bill.ends(y=(min(cost, prior) * 0.5, max(cost, prior) * 1e7))

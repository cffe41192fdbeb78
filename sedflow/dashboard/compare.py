"""Compare: two posteriors, A and B, on the same axes, and a table of their differences."""

import numpy as np
import pandas as pd
import panel as pn

from sedflow.dashboard import figures
from sedflow.dashboard.corner import CornerFigure, corner_axes, corner_set
from sedflow.dashboard.inference import (
    MAIN_QUANTITIES,
    QUANTITIES,
    chosen_quantities,
    compared,
)
from sedflow.dashboard.live import SMALL_TABLE, Layers, LiveFigure
from sedflow.dashboard.prose import prose
from sedflow.dashboard.view import PageView
from sedflow.errors import SedflowError
from sedflow.validation import distance

__all__ = ["CompareView"]

COLORS = {"A": figures.MODEL, "B": figures.BRUSHED}


class CompareView(PageView):
    """Posteriors A and B; `pin(slot, answer)` fills them."""

    def __init__(self, **params):
        super().__init__(**params)
        self.answers = {"A": None, "B": None}
        options = {q.label: q.name for q in QUANTITIES}
        self._quantities = pn.widgets.MultiChoice(
            label="quantities",
            options=options,
            value=list(MAIN_QUANTITIES),
            sizing_mode="stretch_width",
        )
        self._quantities.param.watch(lambda event: self._show(), "value")
        self._hint = prose(
            "Pin two posteriors on the page **Explore** with *Pin as A* and *Pin as B*: two "
            "galaxies, or one galaxy with other bands, another network or stellar library, "
            "another prior, or another noise (a mock).", sizing_mode="stretch_width",
        )  # fmt: skip
        self._said = {slot: prose(f"**{slot}**: empty") for slot in "AB"}
        swap = pn.widgets.Button(label="Swap A and B")
        swap.on_click(lambda event: self._swap())
        self.controls = pn.Column(
            "### Compare", self._hint, *self._said.values(), swap, self._quantities,
            sizing_mode="stretch_width",
        )  # fmt: skip
        self._figures, self._corner = {}, None
        self._panes = {
            name: pn.pane.Bokeh(None, sizing_mode="stretch_width")
            for name in ("light", "sfr", "zh")
        }
        self._panes["corner"] = pn.pane.Bokeh(None, sizing_mode="stretch_width", max_width=800)
        self._distance = prose("", margin=(0, 10))
        self._table = pn.widgets.Tabulator(
            pd.DataFrame(), disabled=True, show_index=False, sizing_mode="stretch_width",
            layout="fit_data_stretch", sortable=False, stylesheets=[SMALL_TABLE],
            widths={"quantity": 190, "A": 190, "B": 190},
        )  # fmt: skip
        self.views = pn.Column(
            prose("## A and B"), self._distance, self._panes["light"],
            pn.Row(self._panes["sfr"], self._panes["zh"], sizing_mode="stretch_width"),
            self._table, self._panes["corner"], sizing_mode="stretch_width",
        )  # fmt: skip

    def pin(self, slot: str, answer):
        """Put a posterior in a slot."""
        self.answers[slot] = answer
        self._said[slot].object = f"**{slot}**: {describe(answer)}"
        self._show()

    def _swap(self):
        self.answers = {"A": self.answers["B"], "B": self.answers["A"]}
        for slot, answer in self.answers.items():
            text = "empty" if answer is None else describe(answer)
            self._said[slot].object = f"**{slot}**: {text}"
        self._show()

    def _show(self):
        there = {slot: a for slot, a in self.answers.items() if a is not None}
        if not there:
            return
        with pn.io.hold():
            self._show_lines("light", _light_layers(there), height=330)
            for which in ("sfr", "zh"):
                self._show_lines(
                    which, _history_layers(there, which), height=260, y_axis_type="log"
                )
            self._show_corner(there)
            self._table.value = _differences(there)
            self._distance.object = _distance_text(there)

    def _show_lines(self, name, layers, **options):
        if name in self._figures:
            self._figures[name].update(layers)
        else:
            self._figures[name] = _PairFigure(layers, f"compare_{name}", **options)
            self._panes[name].object = self._figures[name].figure

    def _show_corner(self, there):
        rows = chosen_quantities(self._quantities.value)
        samples = {slot: a.samples[:, rows] for slot, a in there.items()}
        axes = corner_axes(
            np.concatenate(list(samples.values())), [QUANTITIES[k].name for k in rows],
            [QUANTITIES[k].label for k in rows],
        )  # fmt: skip
        sets = {slot: corner_set(s, axes) for slot, s in samples.items()}
        labels = {slot: f"{slot}: {a.fit.title}" for slot, a in there.items()}
        title = " and ".join(labels.values())
        if self._corner is None:
            self._corner = CornerFigure(axes, sets, COLORS, size=800, title=title, labels=labels)
            self._panes["corner"].object = self._corner.figure
        else:
            self._corner.update(axes, sets, None, title, labels)


class _PairFigure(LiveFigure):
    """Two curves with their bands, and points of data."""

    def __init__(self, layers, name, **options):
        columns = {}
        for slot in "AB":
            columns |= {
                f"band_{slot}": ("x", "low", "high"), f"line_{slot}": ("x", "y"),
                f"data_{slot}": ("x", "y"), f"errors_{slot}": ("x", "low", "high"),
            }  # fmt: skip
        super().__init__(layers, columns, name, **options)

    def draw(self):
        f, s = self.figure, self.sources
        for slot, color in COLORS.items():
            f.varea("x", "low", "high", color=color, alpha=0.25, source=s[f"band_{slot}"])
            f.line("x", "y", color=color, line_width=1.6, source=s[f"line_{slot}"],
                   legend_label=slot)  # fmt: skip
            f.segment("x", "low", "x", "high", color=color, line_width=2,
                      source=s[f"errors_{slot}"])  # fmt: skip
            f.scatter("x", "y", color=color, size=8, line_color="white", source=s[f"data_{slot}"])
        f.legend.orientation = "horizontal"
        f.legend.background_fill_alpha = 0
        f.legend.border_line_alpha = 0
        f.legend.padding = 2
        f.add_layout(f.legend[0], "above")


def describe(answer) -> str:
    """What was pinned, in a line."""
    r, g = answer.request, answer.fit.photometry
    bands = "".join(b if len(b) == 1 else f" {b} " for b in g.observed.bands)
    prior = "" if answer.fit.prior.sfh == "flat" else f", prior {answer.fit.prior.sfh}"
    return f"{answer.fit.title}, {r.weights}, {bands.strip()}, {answer.kind}{prior}"


def _light_layers(there):
    sources, top, wide = {}, 0.0, []
    for slot, answer in there.items():
        galaxy, z = answer.fit.photometry, float(answer.fit.photometry.redshift)
        one = figures.sed_layers(
            "", galaxy.bands, z, quantiles=(answer.spectra[0], answer.spectrum_quantiles),
            data=(galaxy.flux, galaxy.sigma),
        )  # fmt: skip
        s = one.sources
        sources |= {
            f"band_{slot}": s["band68"], f"line_{slot}": s["spectrum"],
            f"data_{slot}": {k: s["data"][k] for k in ("x", "y")}, f"errors_{slot}": s["errors"],
        }  # fmt: skip
        top = max(top, one.y_range[1])
        wide.append(one.x_range)
    title = " · ".join(f"{slot}: {a.fit.title}" for slot, a in there.items())
    span = (min(w[0] for w in wide), max(w[1] for w in wide))
    return Layers(sources, span, (0.0, top), title, "observed wavelength [Å]",
                  figures.UNITS["flam"])  # fmt: skip


def _history_layers(there, which):
    sources, low, high, oldest = {}, np.inf, 0.0, 0.0
    for slot, answer in there.items():
        q = answer.history_quantiles[which][1:4]
        edges = answer.fit.history.edges
        one = figures.history_layers(answer.fit.title, which, edges, q[1], brushed=q)
        sources |= {
            f"band_{slot}": one.sources["brushed68"], f"line_{slot}": one.sources["median"],
        }  # fmt: skip
        low, high = min(low, one.y_range[0]), max(high, one.y_range[1])
        oldest = max(oldest, one.x_range[1])
    label = {"sfr": "SFH", "zh": "ZH"}[which]
    return Layers(
        sources, (0.0, oldest), (low, high), f"{label} of A and B", one.x_label, one.y_label
    )


def _differences(there):
    """Quantiles of A and B, and how far their medians lie apart."""
    rows = []
    q = {slot: a.quantiles.T for slot, a in there.items()}
    for k, quantity in enumerate(QUANTITIES):
        row = {"quantity": quantity.axis_label}
        for slot, values in q.items():
            low, middle, high = values[k]
            row[slot] = f"{middle:.3f} (−{middle - low:.3f} +{high - middle:.3f})"
        if len(q) == 2:
            a, b = q["A"][k], q["B"][k]
            width = np.hypot(a[2] - a[0], b[2] - b[0]) / 2
            row["B − A"] = f"{b[1] - a[1]:+.3f}"
            row["in σ of both"] = f"{(b[1] - a[1]) / width:+.2f}" if width > 0 else "–"
            row["width B ÷ A"] = f"{(b[2] - b[0]) / (a[2] - a[0]):.2f}" if a[2] > a[0] else "–"
        rows.append(row)
    return pd.DataFrame(rows)


def _distance_text(there):
    if len(there) < 2:
        return "Pin another one to see the differences."
    a, b = (compared(there[slot].fit).draws for slot in "AB")
    try:
        d = distance(b, a, seed=0)
    except SedflowError as error:
        return f"No distance: {error}."
    return (
        f"Distance of the 12 parameters, in standard deviations of A: "
        f"**{d.wasserstein.mean():.2f}** in the mean (two halves of A: "
        f"{d.wasserstein_floor.mean():.2f}). Told apart by a classifier: {100 * d.c2st:.0f} % "
        "(50 % is never)."
    )

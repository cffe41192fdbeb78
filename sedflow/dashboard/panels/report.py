"""The validation report of a network as figures and sentences, over all galaxies or near one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import panel as pn

from sedflow.dashboard.figure_pane import FigurePane
from sedflow.dashboard.widgets import plain, prose
from sedflow.figures.calibration import BinFigure, GridFigure, RegionFigure
from sedflow.figures.calibration_layers import (
    bin_layers,
    pp_layers,
    rank_band,
    rank_layers,
    region_layers,
)
from sedflow.validation.calibration import ks_band
from sedflow.validation.goal_table import as_markdown, goals, weights_hold
from sedflow.validation.near import PROPERTIES, Selection, candidates
from sedflow.validation.report import ValidationReport

__all__ = ["ReportPanel"]

_PP_HOVER = [
    ("", "@name"),
    ("KS, network", "@ks_network"),
    ("KS, exact", "@ks_exact"),
    ("68 % intervals hold", "@in_68"),
    ("95 % intervals hold", "@in_95"),
]
_RANK_HOVER = [
    ("", "@name"),
    ("galaxies in a bin, network", "@ks_network"),
    ("exact", "@ks_exact"),
    ("all bins of a calibrated one, 95 %", "@in_95"),
]

#: Bins are wider than a phone: they are swiped.
_SWIPED = """
@media (max-width: 600px) { :host { overflow-x: auto; } }
"""


#: Below the goals of a few galaxies, where one of them is missed.
_BY_CHANCE = (
    "\n\nEven an exact posterior misses each of the 95 % goals by chance for one choice of "
    "galaxies in twenty. Choose more simulated galaxies to see whether a miss stays."
)
#: Titles of two figures beside each other are wider than half a sheet.
_STACKED = "@media print { :host { display: block !important; } }"


class ReportPanel(pn.viewable.Viewer):
    """Figures of a report; `show` draws another selection of its galaxies."""

    def __init__(
        self,
        report: ValidationReport,
        selection: Selection,
        kinds: Sequence[str],
        quantities: Sequence[str],
        difference: bool,
        **params,
    ):
        super().__init__(**params)
        self._heading = prose()
        self._near = prose()
        self._goals = prose()
        self._weights = prose()
        self._pp_text = prose()
        self._rank_text = prose()
        self.figures: dict[str, Any] = {}
        self._shown = (report, selection, kinds, quantities, difference)
        layers = pp_layers(report, selection, kinds, quantities, difference)
        self.figures["pp"] = GridFigure(
            layers,
            "pp",
            ("percentile of the truth in its posterior", "cumulative share"),
            _PP_HOVER,
        )
        layers = rank_layers(report, selection, kinds, quantities)
        self.figures["rank"] = GridFigure(
            layers, "rank", ("rank of the truth among the draws", "simulated galaxies"), _RANK_HOVER
        )
        for test, title in (
            ("hpd", "Regions of highest density (HPD)"),
            ("tarp", "Regions around random points (TARP)"),
        ):
            layers = region_layers(report, selection, test, kinds, difference)
            self.figures[test] = RegionFigure(layers, test, title)
        self.figures["bins"] = BinFigure(*bin_layers(report, kinds, quantities, None))
        panes = {
            name: FigurePane(f.figure, sizing_mode="stretch_width", margin=(5, 0))
            for name, f in self.figures.items()
        }
        for name in ("pp", "rank"):
            self.figures[name].figure.on_change("inner_width", self._widened)
        self._column = pn.Column(
            self._heading,
            self._near,
            self._goals,
            self._pp_text,
            panes["pp"],
            self._rank_text,
            panes["rank"],
            prose(
                "### Regions over all parameters at once\n"
                "A 68 % region should hold 68 % of the truths, and so on for every credibility."
            ),
            pn.Row(
                panes["hpd"],
                panes["tarp"],
                sizing_mode="stretch_width",
                stylesheets=[_STACKED],
            ),
            prose(
                "### Where it is good and where not\n"
                "Share of truths inside the central 68 and 95 % intervals (dotted), over the "
                "chosen quantities, in bins of what is observed. Bars are 95 % errors. Always of "
                "all simulated galaxies."
            ),
            pn.Column(panes["bins"], margin=0, sizing_mode="stretch_width", stylesheets=[_SWIPED]),
            prose(
                "### How far from exact, and whether weights correct it\n"
                "The gap is the information lost by believing the network. k-hat says whether its "
                "draws can be weighted to the exact posterior, and the effective share how many "
                "of them then count. Of the whole report, whatever is chosen at the side."
            ),
            self._weights,
            margin=0,
            sizing_mode="stretch_width",
        )

    def show(  # type: ignore[override]
        self,
        report: ValidationReport,
        selection: Selection,
        kinds: Sequence[str],
        quantities: Sequence[str],
        difference: bool,
        name: str = "",
    ) -> None:
        """Show a selection of a report's galaxies.

        kinds : "network", "exact" or both
        difference : whether p-p plots are residual ones
        name : of the galaxy that the selection is like
        """
        self._shown = (report, selection, kinds, quantities, difference)
        self._draw(*self._shown)
        self._describe(report, selection, difference, plain(name))

    def _draw(self, report, selection, kinds, chosen, difference):
        figures = self.figures
        self._draw_grids(report, selection, kinds, chosen, difference)
        for test in ("hpd", "tarp"):
            layers = region_layers(report, selection, test, kinds, difference)
            figures[test].update(layers, difference)
        figures["bins"].update(*bin_layers(report, kinds, chosen, selection.like))
        table = goals(report, selection, kinds, chosen)
        missed = selection.like is not None and (table["met"] != "yes").any()
        self._goals.object = as_markdown(table) + (_BY_CHANCE if missed else "")
        self._weights.object = as_markdown(weights_hold(report.summary))

    def _draw_grids(self, report, selection, kinds, chosen, difference):
        pp, rank = self.figures["pp"], self.figures["rank"]
        pp.update(pp_layers(report, selection, kinds, chosen, difference, pp.columns))
        rank.update(rank_layers(report, selection, kinds, chosen, columns=rank.columns))

    def _widened(self, attr, old, new):
        """A page says how wide the grids are: both are laid out for it."""
        if new:
            changed = {self.figures[name].fit(new) for name in ("pp", "rank")}
            if True in changed:
                self._draw_grids(*self._shown)

    def _describe(self, report, selection, difference, name):
        s, n = report.summary, len(selection)
        some = "" if selection.like is None else f" most like {name or 'this one'}"
        self._heading.object = (
            f"## Validation of {s['weights']}\n"
            f"{n:,} simulated galaxies{some} that no training has seen, {s['draws']:,} draws each."
        )
        self._near.object = "" if selection.like is None else _nearness(report, selection, name)
        band, n_bin = ks_band(n), 20 if n >= 1000 else 10
        title = "Residual p-p plots" if difference else "p-p plots"
        self._pp_text.object = (
            f"### {title}\n"
            "Share of galaxies whose truth lies below each percentile of its posterior. A "
            f"calibrated posterior keeps its whole curve within ±{band:.3f} (grey) with a chance "
            f"of 95 %, for {n:,} galaxies. Too narrow a posterior bends like an S, a biased one to "
            "one side. Numbers are KS distances."
        )
        low, high = rank_band(n, n_bin)
        self._rank_text.object = (
            "### Ranks of the truth (SBC)\n"
            f"Flat if the posteriors are right: all {n_bin} bins stay between {low:.0f} and "
            f"{high:.0f} galaxies (grey) with a chance of 95 %. A ∪ means too narrow, a ∩ too "
            "wide, a slope biased."
        )

    def __panel__(self):
        return self._column


def _nearness(report, selection, name):
    spread = selection.spread(report)
    like = selection.like["n_band"]
    which = "with any bands" if np.isnan(like) else f"with {like:g} band{'s' * (like != 1)}"
    lines = [
        f"**Galaxies like {name or 'this one'}**: {len(selection):,} of the "
        f"{len(candidates(report, selection.like)):,} simulated ones {which}, so the band is ±"
        f"{ks_band(len(selection)):.3f}.",
        "",
        "| | galaxy | simulated, middle | 5 to 95 % |",
        "|---|---|---|---|",
    ]
    outside = []
    for key, text in PROPERTIES.items():
        low, middle, high = spread[key]
        value = selection.like[key]
        lines.append(
            f"| {text} | {_number(value)} | {_number(middle)} | {_number(low)} to {_number(high)} |"
        )
        if np.isfinite(value) and not low <= value <= high:
            outside.append(text)
    if outside:
        lines += [
            "",
            f"The galaxy lies outside the 5 to 95 % of them in {', '.join(outside)}: "
            "they are the nearest there are, but not alike.",
        ]
    return "\n".join(lines)


def _number(value):
    return "–" if not np.isfinite(value) else f"{value:.3g}"

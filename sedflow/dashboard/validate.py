"""The Validate page: the validation report of a network, over all galaxies and near one.

The view owns layout. What is drawn is computed by `calibration_figures` from the packaged
report; nothing is sampled, so everything answers at once. It is built when first shown.
"""

import json
from functools import cache

import numpy as np
import panel as pn
import param

from sedflow.alike import PROPERTIES, everyone, nearest, properties
from sedflow.calibration import ks_band
from sedflow.dashboard.calibration_figures import (
    LABELS,
    BinFigure,
    GridFigure,
    RegionFigure,
    bin_layers,
    pp_layers,
    rank_band,
    rank_layers,
    region_layers,
)
from sedflow.dashboard.goals import as_markdown, goals, weights_hold
from sedflow.dashboard.live import PRESSED
from sedflow.dashboard.prose import prose
from sedflow.dashboard.view import LateView
from sedflow.errors import SedflowError
from sedflow.photometry import Photometry
from sedflow.posterior import packaged_weights
from sedflow.report import QUANTITIES, load_report
from sedflow.resources import DEFAULT_WEIGHTS, data_path

__all__ = ["ValidateView"]

_KINDS = {
    "network and exact": ("network", "exact"),
    "network": ("network",),
    "exact (by weighting)": ("exact",),
}
_ALL, _LIKE = "all simulated galaxies", "those like one galaxy"
_PP_HOVER = [
    ("", "@name"), ("KS, network", "@ks_network"), ("KS, exact", "@ks_exact"),
    ("68 % intervals hold", "@in_68"), ("95 % intervals hold", "@in_95"),
]  # fmt: skip
_RANK_HOVER = [
    ("", "@name"), ("galaxies in a bin, network", "@ks_network"), ("exact", "@ks_exact"),
    ("all bins of a calibrated one, 95 %", "@in_95"),
]  # fmt: skip


class ValidateView(LateView):
    """The validation report of a network as figures.

    Parameters
    ----------
    weights : str
        Name of the network.
    kind : str
        Whose draws: "network and exact", "network" or "exact (by weighting)".
    quantities : list of str
        Parameters and derived quantities shown.
    galaxies : str
        "all simulated galaxies", or "those like one galaxy": the `like` one.
    near : int
        How many of those.
    difference : bool
        Whether curves are drawn less the diagonal.
    like : dict
        Properties of the one galaxy, as `sedflow.alike.properties`; `look_like` sets them.
    """

    weights = param.Selector(default=DEFAULT_WEIGHTS, objects=[DEFAULT_WEIGHTS])
    kind = param.Selector(default="network and exact", objects=list(_KINDS))
    quantities = param.ListSelector(default=list(QUANTITIES), objects=list(QUANTITIES))
    galaxies = param.Selector(default=_ALL, objects=[_ALL, _LIKE])
    near = param.Integer(default=200, bounds=(50, 1000))
    difference = param.Boolean(default=True)
    like = param.Dict(default=None, allow_None=True)

    def __init__(self, **params):
        names = packaged_weights()
        super().__init__()
        self.param.weights.objects = names
        self._galaxy, self._name, self._built = None, "", False
        self.param.update(**params)

    def look_like(self, photometry: Photometry | None):
        """Let "those like one galaxy" mean this one; None forgets it. Cheap while hidden."""
        self._galaxy = photometry
        if photometry is None:
            self._name = ""
            self.param.update(like=None, galaxies=_ALL)
            return
        self._name = "" if photometry.ids is None else f"NSAID {photometry.ids}"
        try:
            self.like = properties(photometry, _bands(self.weights))
        except SedflowError:  # of none of the network's bands
            self.param.update(like=None, galaxies=_ALL)

    def _build(self):
        if self._built:
            return
        self._built = True
        if self.like is None:
            self.like = self._typical()
        self._build_controls()
        self._build_views()
        self.param.watch(self._network, "weights")
        self.param.watch(self._typed, "like")
        self.param.watch(
            self._draw, ["kind", "quantities", "galaxies", "near", "difference", "like"]
        )

    def _typical(self):
        """Properties to begin with where no galaxy was chosen: the middle of the atlas' own."""
        return {
            "r": 17.0, "snr": 40.0, "redshift": 0.05, "g-r": 0.6,
            "n_band": float(len(_bands(self.weights))),
        }  # fmt: skip

    def _build_controls(self):
        p = self.param
        steps = {"r": 0.1, "snr": 1.0, "redshift": 0.005, "g-r": 0.05, "n_band": 1.0}
        self._inputs = {
            name: pn.widgets.FloatInput(
                label=text, value=_shown(self.like[name]), step=steps[name],
                sizing_mode="stretch_width",
            )
            for name, text in PROPERTIES.items()
        }  # fmt: skip
        for box in self._inputs.values():
            box.param.watch(self._type, "value")
        self._one = pn.Column(
            prose(
                "The galaxy's own figures; change them to look elsewhere, or empty one to leave it "
                "out."),
            *self._inputs.values(),
            pn.widgets.IntInput.from_param(p.near, label="Simulated galaxies to use", step=50),
            visible=self.galaxies == _LIKE,
            sizing_mode="stretch_width",
        )  # fmt: skip
        wide = {"sizing_mode": "stretch_width"}
        self._controls = pn.Column(
            pn.widgets.Select.from_param(p.weights, label="Network", **wide),
            pn.widgets.Select.from_param(p.kind, label="Draws judged", **wide),
            pn.widgets.Select.from_param(p.galaxies, label="Galaxies", **wide),
            self._one,
            pn.widgets.Toggle.from_param(
                p.difference, label="Curves less the diagonal", stylesheets=[PRESSED], **wide
            ),
            prose("Quantities", margin=(5, 10, 0, 10)),
            pn.widgets.CheckBoxGroup.from_param(
                p.quantities, label="Quantities",
                options={LABELS[name]: name for name in QUANTITIES}, **wide,
            ),
            sizing_mode="stretch_width",
        )  # fmt: skip

    def _build_views(self):
        self._heading = prose()
        self._near = prose()
        self._notice = pn.pane.Alert("", alert_type="warning", visible=False)
        self._goals = prose()
        self._held = prose()
        self._pp_text = prose()
        self._rank_text = prose()
        self._figures = {}
        report, selection, kinds = self._shown()
        layers = pp_layers(report, selection, kinds, self.quantities, self.difference)
        self._figures["pp"] = GridFigure(
            layers, "pp", ("percentile of the truth in its posterior", "cumulative share"),
            _PP_HOVER,
        )  # fmt: skip
        layers = rank_layers(report, selection, kinds, self.quantities)
        self._figures["rank"] = GridFigure(
            layers, "rank", ("rank of the truth among the draws", "simulated galaxies"), _RANK_HOVER
        )
        for test, title in (
            ("hpd", "Regions of highest density (HPD)"),
            ("tarp", "Regions around random points (TARP)"),
        ):
            layers = region_layers(report, selection, test, kinds, self.difference)
            self._figures[test] = RegionFigure(layers, test, title)
        self._figures["bins"] = BinFigure(*bin_layers(report, kinds, self.quantities, None))
        panes = {
            name: pn.pane.Bokeh(f.figure, sizing_mode="stretch_width", margin=(5, 0))
            for name, f in self._figures.items()
        }
        self._views = pn.Column(
            self._heading, self._notice, self._near, self._goals,
            self._pp_text, panes["pp"],
            self._rank_text, panes["rank"],
            prose(
                "### Regions over all parameters at once\n"
                "A 68 % region should hold 68 % of the truths, and so on for every credibility."),
            pn.Row(panes["hpd"], panes["tarp"], sizing_mode="stretch_width"),
            prose(
                "### Where it is good and where not\n"
                "Share of truths inside the central 68 and 95 % intervals (dotted), over the "
                "chosen quantities, in bins of what is observed. Bars are 95 % errors. Always of "
                "all simulated galaxies."),
            panes["bins"],
            prose(
                "### How far from exact, and whether weights mend it\n"
                "The gap is the information lost by believing the network. k-hat says whether its "
                "draws can be weighted to the exact posterior, and the effective share how many "
                "of them then count. Of the whole report, whatever is chosen at the side."),
            self._held,
            sizing_mode="stretch_width",
        )  # fmt: skip
        self._draw()

    def _shown(self):
        """Report, selection of its galaxies, and kinds."""
        report = load_report(self.weights)
        if self.galaxies == _ALL:
            return report, everyone(report), _KINDS[self.kind]
        return report, nearest(report, self.like, self.near), _KINDS[self.kind]

    def _network(self, event):
        """Another network knows other bands: the same galaxy is described anew."""
        if self._galaxy is not None:
            try:
                like = properties(self._galaxy, _bands(self.weights))
            except SedflowError:
                like = self._typical()
        else:
            like = self.like | {"n_band": float(len(_bands(self.weights)))}
        if like == self.like:
            self._draw()
        else:
            self.like = like

    def _type(self, event):
        if not self._quiet:
            self._name = ""
            self.like = {
                name: np.nan if box.value is None else float(box.value)
                for name, box in self._inputs.items()
            }

    _quiet = False

    def _typed(self, event):
        if self.like is None:
            return
        self._quiet = True
        for name, box in self._inputs.items():
            box.value = _shown(self.like[name])
        self._quiet = False

    def _draw(self, *events):
        self._one.visible = self.galaxies == _LIKE
        try:
            report, selection, kinds = self._shown()
        except SedflowError as error:
            self._notice.param.update(object=f"{error}.", visible=True)
            return
        self._notice.visible = False
        with pn.io.hold():
            self._draw_figures(report, selection, kinds)
            self._tell(report, selection, kinds)

    def _draw_figures(self, report, selection, kinds):
        # In the order of the table, whatever the order of the clicks.
        chosen = [name for name in QUANTITIES if name in self.quantities]
        figures = self._figures
        figures["pp"].update(pp_layers(report, selection, kinds, chosen, self.difference))
        figures["rank"].update(rank_layers(report, selection, kinds, chosen))
        for test in ("hpd", "tarp"):
            layers = region_layers(report, selection, test, kinds, self.difference)
            figures[test].update(layers, self.difference)
        figures["bins"].update(*bin_layers(report, kinds, chosen, selection.like))
        self._goals.object = as_markdown(goals(report, selection, kinds, chosen))
        self._held.object = as_markdown(weights_hold(report.summary))

    def _tell(self, report, selection, kinds):
        s, n = report.summary, len(selection)
        some = "" if selection.like is None else f" most like {self._name or 'this one'}"
        self._heading.object = (
            f"## Validation of {s['weights']}\n"
            f"{n:,} simulated galaxies{some} that no training has seen, {s['draws']:,} draws each."
        )
        self._near.object = "" if selection.like is None else self._nearness(report, selection)
        band, n_bin = ks_band(n), 20 if n >= 1000 else 10
        less = ", less the diagonal" if self.difference else ""
        self._pp_text.object = (
            f"### p-p curves{less}\n"
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

    def _nearness(self, report, selection):
        spread = selection.spread(report)
        lines = [
            f"**Galaxies like {self._name or 'this one'}**: {len(selection)} of "
            f"{len(report.galaxies['redshift']):,} simulated ones, so the band is ±"
            f"{ks_band(len(selection)):.3f}, not ±{report.summary['band_95']:.3f}.",
            "",
            "| | galaxy | simulated, middle | 5 to 95 % |",
            "|---|---|---|---|",
        ]
        outside = []
        for name, text in PROPERTIES.items():
            low, middle, high = spread[name]
            value = selection.like[name]
            lines.append(
                f"| {text} | {_number(value)} | {_number(middle)} | {_number(low)} to "
                f"{_number(high)} |"
            )
            if np.isfinite(value) and not low <= value <= high:
                outside.append(text)
        if outside:
            lines += ["", f"The galaxy lies outside the 5 to 95 % of them in {', '.join(outside)}: "
                      "they are the nearest there are, but not alike."]  # fmt: skip
        return "\n".join(lines)


@cache
def _bands(weights):
    """Bands of a packaged network, without loading it."""
    return tuple(json.loads(data_path(f"{weights}.json").read_text())["bands"])


def _shown(value):
    return None if not np.isfinite(value) else round(float(value), 4)


def _number(value):
    return "–" if not np.isfinite(value) else f"{value:.3g}"

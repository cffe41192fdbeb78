"""The Validate page: the validation report of a network, over all galaxies and near one.

The view owns layout. What is drawn is computed by `calibration_figures` from the packaged
report; nothing is sampled, so everything answers at once. It is built when first shown.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import panel as pn
import param

from sedflow.dashboard.numbers import whole_number
from sedflow.dashboard.pages.view import LateView
from sedflow.dashboard.panels.report import ReportPanel
from sedflow.dashboard.validate_address import ALL, KINDS, LIKE, POPULATIONS
from sedflow.dashboard.widgets import SPREAD, NumberField, note, plain, prose, whole_field
from sedflow.errors import SedflowError
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.network.weights import cached_posterior, packaged_weights
from sedflow.photometry import Photometry
from sedflow.validation.near import PROPERTIES, everyone, nearest, properties
from sedflow.validation.populations import population, populations_of
from sedflow.validation.report import LABELS, QUANTITIES, load_report

__all__ = ["ValidateView"]

#: Decimals of a galaxy's own figures in their fields.
_DECIMALS = {"r": 2, "snr": 1, "redshift": 4, "g-r": 2, "n_band": 0}

_COLUMNS = """
.bk-input-group label { display: flex; align-items: center; }
.bk-input-group input { margin: 0 6px 0 0; flex: none; height: 14px; min-height: 0; }
.bk-input-group span { position: static !important; }
@media (max-width: 900px) {
  .bk-input-group { display: grid !important; gap: 0 8px;
    grid-template-columns: repeat(auto-fill, minmax(130px, 1fr)); }
}
"""


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
        "those like the NSA" (where the report has them, the default), "those of signal-to-noise
        above 20", "all simulated galaxies", or "those like one galaxy": the `like` one.
    near : int
        How many of those.
    difference : bool
        Whether p-p plots are residual ones.
    like : dict
        Properties of the one galaxy, as `validation.near.properties`; `look_like` sets them.
    """

    controls_spread = True
    weights: Any = param.Selector(default=DEFAULT_WEIGHTS, objects=[DEFAULT_WEIGHTS])
    kind: Any = param.Selector(default="network and exact", objects=list(KINDS))
    quantities = param.ListSelector(default=list(QUANTITIES), objects=list(QUANTITIES))
    galaxies: Any = param.Selector(default=ALL, objects=[*POPULATIONS.values(), LIKE])
    near = param.Integer(default=200, bounds=(50, 1000))
    difference = param.Boolean(default=True)
    like = param.Dict(default=None, allow_None=True)

    def __init__(self, **params):
        names = packaged_weights()
        super().__init__()
        self.param.weights.objects = names
        self.galaxies = self._usual()
        self._galaxy, self._name, self._built = None, "", False
        self.param.update(**params)

    def restore(self, values: Mapping[str, Any]) -> None:
        """Show what an address says (`validate_address.decode_validate`)."""
        self.param.update(**{"galaxies": self._usual(), **values})

    def _usual(self):
        first = populations_of(load_report(self.weights))[0]
        return POPULATIONS["survey"] if first == "survey" else ALL

    def look_like(self, photometry: Photometry | None) -> None:
        """Let "those like one galaxy" mean this one; None forgets it. Cheap while hidden."""
        self._galaxy = photometry
        if photometry is None:
            self._name = ""
            self._like_none()
            return
        self._name = "" if photometry.ids is None else _title(photometry)
        try:
            self.like = properties(photometry, _bands(self.weights))
        except SedflowError:  # of none of the network's bands
            self._like_none()

    def _like_none(self):
        """No galaxy is there to be like; what else is tested stays."""
        self.param.update(like=None, galaxies=ALL if self.galaxies == LIKE else self.galaxies)

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
            "r": 17.0,
            "snr": 40.0,
            "redshift": 0.05,
            "g-r": 0.6,
            "n_band": float(len(_bands(self.weights))),
        }

    def _build_controls(self):
        p = self.param
        steps = {"r": 0.1, "snr": 1.0, "redshift": 0.005, "g-r": 0.05, "n_band": 1.0}
        self._inputs = {
            name: NumberField(
                label=text,
                value=_shown(name, self.like[name]),
                step=steps[name],
                sizing_mode="stretch_width",
            )
            for name, text in PROPERTIES.items()
        }
        for box in self._inputs.values():
            box.param.watch(self._type, "value")
        self._one = pn.Column(
            prose(
                "The galaxy's own figures; change them to look elsewhere, or empty one to leave it "
                "out."
            ),
            *self._inputs.values(),
            whole_field(
                self,
                "near",
                label="Simulated galaxies to use",
                step=50,
                start=50,
                end=1000,
                sizing_mode="stretch_width",
            ),
            visible=self.galaxies == LIKE,
            sizing_mode="stretch_width",
            css_classes=["later"],
        )
        wide = {"sizing_mode": "stretch_width"}
        self._controls = pn.Column(
            pn.widgets.Select.from_param(p.weights, label="Network", **wide),
            pn.widgets.Select.from_param(
                p.kind, label="Draws in the test", css_classes=["later"], **wide
            ),
            pn.widgets.Select.from_param(p.galaxies, label="Galaxies", **wide),
            self._one,
            pn.widgets.Checkbox.from_param(
                p.difference, label="Residual p-p plots", css_classes=["later"]
            ),
            prose("Quantities", margin=(5, 10, 0, 10), css_classes=["later"]),
            pn.widgets.CheckBoxGroup.from_param(
                p.quantities,
                label="Quantities",
                options={LABELS[name]: name for name in QUANTITIES},
                stylesheets=[_COLUMNS],
                css_classes=["later"],
                **wide,
            ),
            stylesheets=[SPREAD],
            sizing_mode="stretch_width",
        )

    def _build_views(self):
        report, selection, kinds = self._shown()
        self._notice = note("warning")
        self.report = ReportPanel(report, selection, kinds, self.quantities, self.difference)
        self._views = pn.Column(self._notice, self.report, sizing_mode="stretch_width")
        self._draw()

    def _shown(self):
        """Report, selection of its galaxies, and kinds."""
        report = load_report(self.weights)
        for name, label in POPULATIONS.items():
            if self.galaxies == label:
                one = population(report, name if name in populations_of(report) else "prior")
                return one, everyone(one), KINDS[self.kind]
        return report, nearest(report, self.like, self.near), KINDS[self.kind]

    def _network(self, event):
        """Another network knows other bands: the same galaxy is described again."""
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
            box.value = _shown(name, self.like[name])
        self._quiet = False

    def _draw(self, *events):
        self._one.visible = self.galaxies == LIKE
        try:
            report, selection, kinds = self._shown()
        except SedflowError as error:
            self._notice.param.update(object=plain(f"{error}."), visible=True)
            return
        self._notice.visible = False
        with pn.io.hold():
            chosen = [name for name in QUANTITIES if name in self.quantities]  # in this order
            self.report.show(report, selection, kinds, chosen, self.difference, self._name)


def _title(photometry):
    """What a galaxy is called: NSAIDs are numbers, other names are text."""
    name = str(photometry.ids)
    return f"NSAID {name}" if whole_number(name) is not None else name


def _bands(weights):
    """Bands of a packaged network."""
    return cached_posterior(weights).bands


def _shown(name, value):
    return None if not np.isfinite(value) else round(float(value), _DECIMALS[name])

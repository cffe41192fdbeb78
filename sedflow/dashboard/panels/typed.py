"""One galaxy, typed in."""

from typing import Any

import numpy as np
import panel as pn
import param

from sedflow.atlas.catalog import NSA_BANDS
from sedflow.catalogue.rows import BandColumns, Mapping, to_photometry
from sedflow.dashboard.answer import OwnGalaxy
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.server.messages import LONGEST_TEXT, NOT_TAKEN
from sedflow.dashboard.widgets import NumberField, begun, plain, prose, typeset
from sedflow.errors import SedflowError
from sedflow.photometry import Photometry
from sedflow.redshifts import MAX_REDSHIFT, outside_model

__all__ = ["TypedPanel", "typed_galaxy"]

_UNITS = {"AB magnitudes": "mag", "nanomaggies": "nanomaggies", "µJy": "uJy"}


def typed_galaxy(values: dict, redshift: float | None, unit: str) -> Photometry:
    """Photometry from what was typed: band -> (value, error); a band without both is absent."""
    table, bands = {"redshift": [np.nan if redshift is None else redshift]}, {}
    for band, (value, error) in values.items():
        if value is None and error is None:
            continue
        if value is None:
            raise SedflowError(f"band {band} has an error and no value; type one, or clear both")
        if error is None or not 0 < error < np.inf:
            raise SedflowError(f"band {band} has no error above 0; type one, or clear the band")
        table |= {f"flux {band}": [value], f"error {band}": [error]}
        bands[band] = BandColumns(f"flux {band}", f"error {band}", _UNITS[unit])
    if not bands:
        raise SedflowError("no band has a value; type the flux or magnitude of at least one band")
    rows = to_photometry(table, Mapping("redshift", bands))
    if rows.problems:
        raise SedflowError(rows.problems[0].reason)
    galaxy = rows.photometry[0].observed
    if galaxy.redshift > MAX_REDSHIFT:
        raise SedflowError(outside_model(float(galaxy.redshift)))
    if codes := [band for band in bands if band not in galaxy.bands]:
        raise SedflowError(
            f"{values[codes[0]][0]:g} in band {codes[0]} says in catalogues that there is no "
            "value; type what was measured, or clear the band"
        )
    return galaxy


def _refused(fields):
    """Whether what was typed in one of these fields was not taken."""
    return any(field.placeholder == NOT_TAKEN for field in fields)


class TypedPanel(pn.viewable.Viewer):
    """Fields for one galaxy; `chosen` is the name of the one that was typed last."""

    chosen = param.String(default="")

    def __init__(self, engine: Engine, **params):
        super().__init__(**params)
        self.engine = engine
        self._name = pn.widgets.TextInput(
            label="name", value="my galaxy", width=200, max_length=LONGEST_TEXT
        )
        self._redshift = NumberField(label="redshift", value=0.05, step=0.01, width=120)
        self._unit = pn.widgets.Select(label="unit", options=list(_UNITS), width=160)
        self._values = {}
        rows = []
        tight: dict[str, Any] = {"width": 95, "margin": (5, 4)}  # all on one line of a tablet
        for band in NSA_BANDS:
            value = NumberField(label=band, value=None, **tight)
            error = NumberField(label=f"{band} error", value=None, **tight)
            self._values[band] = (value, error)
            rows.append(pn.Column(value, error))
        go = pn.widgets.Button(label="Infer this galaxy", color="primary")
        go.on_click(lambda event: self.infer())
        self._note = prose("", margin=(0, 10))
        fields = (self._name, self._redshift, self._unit, *sum(self._values.values(), ()))
        for field in fields:  # what was said of the numbers before is not of these
            field.param.watch(lambda event: setattr(self._note, "object", ""), "value")
        self._column = pn.Column(
            prose("## One galaxy", margin=(0, 10)),
            pn.Row(self._name, self._redshift, self._unit),
            pn.FlexBox(*rows, margin=(0, 6)),
            go,
            self._note,
            sizing_mode="stretch_width",
        )

    def infer(self) -> None:
        """Add the typed galaxy to the engine and choose it."""
        values = {band: (v.value, e.value) for band, (v, e) in self._values.items()}
        self._take_back([self._redshift])  # which is missed by itself
        self._take_back([f for two in self._values.values() for f in two if f.value is not None])
        try:
            galaxy = typed_galaxy(values, self._redshift.value, self._unit.value)
            refused = {band: two for band, two in self._values.items() if _refused(two)}
            if refused:
                # Said once: the next press is an answer to it, where another sentence is none.
                self._take_back(sum(refused.values(), ()))
                raise SedflowError(
                    f"what was typed for {', '.join(refused)} is not a number, and was not taken; "
                    "type one, or press again to infer without it"
                )
            name = self.engine.add(self._name.value or "my galaxy", OwnGalaxy(galaxy))
        except SedflowError as error:
            self._note.object = plain(typeset(f"{begun(error)}."))
            return
        self._note.object = f"Added as **{plain(name)}**."
        self.chosen = name

    @staticmethod
    def _take_back(fields):
        """Let fields no longer say that what was typed in them was not taken."""
        for field in fields:
            field.placeholder = ""

    def __panel__(self):
        return self._column

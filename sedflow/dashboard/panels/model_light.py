"""The light of a model galaxy: its spectrum and photometry, and curves to compare with."""

from typing import Any

import numpy as np

from sedflow.dashboard.figure_pane import FigurePane
from sedflow.dashboard.state import LightOptions
from sedflow.figures.flux_axis import top_of
from sedflow.figures.spectrum import SEDFigure, sed_layers

__all__ = ["ModelLight"]

_SPAN = (2900.0, 11_500.0)  # A, shown of a spectrum
#: How many times as bright as the model a pinned curve may be for the axis to hold both, and on a
#: logarithmic axis how many times as faint, too.
_READABLE, _READABLE_LOG = 20.0, 1000.0


class ModelLight:
    """The spectrum of a model as sliders move it; the flux axis follows, but not every step.

    Parameters
    ----------
    options : LightOptions
        Unit, scale and frame.

    Attributes
    ----------
    pane : what the figure is in, for the page
    """

    def __init__(self, options: LightOptions):
        self._options = options
        self._bands: tuple[str, ...] = ()
        self._data: dict[str, Any] = {}
        self._beside: dict[str, dict] = {}
        self._ends = (0.0, 0.0)
        self.sed: SEDFigure | None = None
        self.pane = FigurePane(None, sizing_mode="stretch_both", margin=0)
        self.pane.css_classes = ["sed"]
        options.param.watch(lambda *events: self._make(), ["unit", "log", "rest"])

    def show(self, bands: tuple[str, ...], data: dict[str, Any], beside: dict[str, dict]) -> None:
        """Show a model.

        data : its curves by name, `z`, `bare`, `parts` and `lines`
        beside : name of a line of the figure -> curves of another model
        """
        self._bands, self._data, self._beside = bands, data, beside
        if self.sed is None:
            self._make()
        else:
            self.sed.update(self._layers())

    def _make(self):
        """The figure, again where another scale needs another one."""
        self._ends = (0.0, 0.0)
        log = self._options.log and self._options.unit != "ab"
        self.sed = SEDFigure(
            self._layers(),
            log,
            name="forward_sed",
            shown=("young", "old", "burst"),
            predicted="photometry",
            spectrum="model",
            sizing_mode="stretch_both",
            titled=False,
            min_height=140,
        )
        # What is switched on by the legend has to be on the axis.
        self.sed._bare.on_change("visible", lambda attr, old, new: self._refit())
        self.pane.object = self.sed.figure

    def _refit(self):
        self._ends = (0.0, 0.0)
        self.sed.update(self._layers())

    def _settle(self, ends):
        """The flux axis stays while the model fills a good part of it."""
        (low, high), (old_low, old_high) = ends, self._ends
        if self._options.unit == "ab":
            kept = old_high <= high and low <= old_low <= low + 2.5 and old_high >= high - 2.5
            new = (np.ceil(low) + 0.5, np.floor(high) - 0.5)
        elif self._options.log:
            kept = (
                old_low <= low <= 30 * max(old_low, 1e-99) and 0.03 * old_high <= high <= old_high
            )
            new = (low / 2, high * 2)
        else:
            kept = 0.35 * old_high <= high <= old_high
            new = (0.0, 1.25 * high)
        if not kept:
            self._ends = tuple(float(v) for v in new)
        return self._ends

    def _layers(self):
        d, options = self._data, self._options
        wave = d["wavelength"]
        curves = {"spectrum": (wave, d["flux"]), "bare": (wave, d["bare"])}
        curves |= {name: (wave, flux) for name, flux in d["parts"].items()}
        curves |= {name: (one["wavelength"], one["flux"]) for name, one in self._beside.items()}
        bare_shown = self.sed is not None and self.sed._bare.visible
        held = ["bare"] * bare_shown + ["pinned"] * self._holds_pinned()
        return sed_layers(
            f"Spectrum and photometry of the model, z = {d['z']:.3f}",
            self._bands,
            d["z"],
            curves=curves,
            predicted=d["nanomaggies"],
            lines=d["lines"],
            span=_SPAN,
            unit=options.unit,
            log=options.log,
            rest=options.rest,
            fit=("spectrum", "other", *held),
            settle=self._settle,
        )

    def _holds_pinned(self):
        """Whether the axis holds the pinned curve, and the model can still be read."""
        if "pinned" not in self._beside:
            return False
        pinned, model = (_brightness(one) for one in (self._beside["pinned"], self._data))
        if self._options.log or self._options.unit == "ab":
            return model <= _READABLE_LOG * pinned and pinned <= _READABLE_LOG * model
        return pinned <= _READABLE * model


def _brightness(curves):
    """F_lambda that a spectrum reaches where it is shown."""
    wave = curves["wavelength"]
    return top_of(curves["flux"][(wave > _SPAN[0]) & (wave < _SPAN[1])])

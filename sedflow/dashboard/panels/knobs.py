"""Knobs of the forward model: a slider for each parameter and the redshift, and presets."""

from typing import Any

import panel as pn

from sedflow.dashboard.pages.screen import SLIDERS
from sedflow.dashboard.presets import GROUPS, PRESETS
from sedflow.dashboard.state import ForwardState
from sedflow.dashboard.widgets import decimals, prose
from sedflow.parameters import PARAMETERS

__all__ = ["Knobs"]

_OWN = "own values"  # in place of a preset, where none has these
_UNITS = {p.name: p.unit for p in PARAMETERS}


class Knobs:
    """Sliders that set a state and follow it.

    Parameters
    ----------
    state : ForwardState

    Attributes
    ----------
    sliders : dict of parameter's name -> slider
    column : the knobs below each other, for the page
    """

    def __init__(self, state: ForwardState):
        self._state = state
        self.preset = pn.widgets.Select(
            label="start from",
            options=[*PRESETS, _OWN],
            value=state.began() or _OWN,
            sizing_mode="stretch_width",
        )
        self.preset.param.watch(self._begin, "value")
        state.param.watch(self._moved, [p.name for p in PARAMETERS])
        self.sliders: dict[str, pn.widgets.FloatSlider] = {}
        cells: list[Any] = [pn.Column(self.preset, margin=0, css_classes=["wide"])]
        for title, names in GROUPS:
            cells.append(prose(f"**{title}**", margin=(2, 4, -4, 4), css_classes=["wide"]))
            for name in names:
                self.sliders[name] = self._slider(name)
                tip = pn.widgets.TooltipIcon(value=self._help(name), align="end", margin=0)
                cells.append(pn.Row(self.sliders[name], tip, sizing_mode="stretch_width", margin=0))
        self.column = pn.Column(
            *cells,
            sizing_mode="stretch_width",
            margin=0,
            css_classes=["sliders"],
            stylesheets=[SLIDERS],
        )

    def _begin(self, event):
        if event.new != _OWN and event.new != self._state.began():
            self._state.preset(event.new)

    def _moved(self, *events):
        """Sliders, or an address, say other values than a preset has, or those of one."""
        self.preset.value = self._state.began() or _OWN

    def _help(self, name):
        parameter = self._state.param[name]
        low, high = parameter.bounds
        return f"{parameter.doc} Prior: uniform from {low:.3g} to {high:.3g}."

    def _slider(self, name):
        parameter = self._state.param[name]
        low, high = parameter.bounds
        unit = _UNITS.get(name, "")
        slider = pn.widgets.FloatSlider(
            label=f"{parameter.label} [{unit}]" if unit else parameter.label,
            start=low,
            end=high,
            step=(high - low) / 500,
            margin=(0, 10, 2, 4),
            value=getattr(self._state, name),
            sizing_mode="stretch_width",
            format=decimals(2),
        )
        slider.link(self._state, value=name)
        self._state.param.watch(
            lambda e: None if slider.value == e.new else setattr(slider, "value", e.new), name
        )
        return slider

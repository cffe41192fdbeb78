"""The controls of the page of a population: which question, which galaxies."""

import math
from typing import Any

import panel as pn

from sedflow.dashboard.panels.population_map import PopulationMap
from sedflow.dashboard.panels.population_state import CUTS, EVERYONE, PopulationState
from sedflow.dashboard.server.messages import LONGEST_TEXT
from sedflow.dashboard.widgets import SPREAD, NumberField, follow, prose
from sedflow.population.presets import PRESETS

__all__ = ["PopulationChoice"]

#: Ends of a box that was drawn have four digits, which need the room of the arrows.
_NO_ARROWS = """
.bk-spin-btn { display: none !important; }
input.bk-input { padding-right: 4px !important; }
"""


class PopulationChoice(pn.viewable.Viewer):
    """Widgets that set a `PopulationState`; a box on the dots sets its cuts.

    sources : key -> name of each sample that there is
    """

    def __init__(self, state: PopulationState, sources: dict[str, str], **params):
        super().__init__(**params)
        self._state, self._quiet = state, False
        wide: dict[str, Any] = {"sizing_mode": "stretch_width"}
        self._preset = pn.widgets.Select(
            label="question", options={p.title: p.key for p in PRESETS}, value=state.preset, **wide
        )
        follow(self._preset, state, "preset")
        self._source = pn.widgets.Select(
            label="sample", options={v: k for k, v in sources.items()}, value=state.source, **wide
        )
        self._source.visible = len(sources) > 1
        follow(self._source, state, "source")
        self._field = pn.widgets.Select(label="galaxies", options=[EVERYONE], **wide)
        self._field.param.watch(self._parted, "value")
        self.dots = PopulationMap(y=state.up)
        self._up = pn.widgets.Select(
            label="up the map", options={CUTS[state.up]: state.up}, value=state.up, **wide
        )
        follow(self._up, state, "up")
        state.param.watch(lambda event: self.dots.param.update(y=event.new), "up")
        self.limits = {column: self._ends() for column in CUTS}
        self._boxes = {
            column: pn.Row(
                prose(label, width=118, sizing_mode=None, margin=(22, 4, 0, 8)),
                *self.limits[column],
                margin=0,
            )
            for column, label in CUTS.items()
        }
        clear = pn.widgets.Button(label="Show all galaxies", margin=(5, 8))
        clear.on_click(lambda event: self.clear())
        self._galaxy = pn.widgets.TextInput(
            label="galaxy to look at (name or ID)",
            value=state.galaxy,
            placeholder="an ID, or click on a dot",
            max_length=LONGEST_TEXT,
            **wide,
        )
        follow(self._galaxy, state, "galaxy")
        self.dots.param.watch(self._boxed, "boxed")
        dots = pn.Column(self.dots, margin=0, **wide)
        for part in (self._up, dots, *self._boxes.values(), clear, self._galaxy):
            part.css_classes = ["later"]
        hint = prose("Drag a box over the dots, or type its ends.", margin=(4, 8, 0, 8))
        hint.css_classes = ["later"]
        self._column = pn.Column(
            self._preset,
            self._source,
            self._field,
            hint,
            self._up,
            dots,
            *self._boxes.values(),
            clear,
            self._galaxy,
            stylesheets=[SPREAD],
            **wide,
        )
        self.take()

    def _ends(self):
        low, high = (
            NumberField(
                label=text,
                value=None,
                width=66,
                placeholder="any",
                step=0.1,
                margin=(2, 3),
                stylesheets=[_NO_ARROWS],
            )
            for text in ("from", "to")
        )
        for widget in (low, high):
            widget.param.watch(lambda event: self._limited(), "value")
        return low, high

    def offer(self, columns: dict, fields: dict) -> None:
        """Offer what a sample can be selected by."""
        self._field.options = [EVERYONE, *fields]
        self._field.visible = bool(fields)
        if self._field.value not in self._field.options:
            self._field.value = EVERYONE
        elif self._state.field in self._field.options:
            self._field.value = self._state.field
        names = {CUTS[c]: c for c in ("redshift", "colour", "ssfr") if c in columns}
        self._up.options = names
        if self._state.up not in names.values():
            self._state.up = "redshift"
        for column, box in self._boxes.items():
            box.visible = column in columns

    def _parted(self, event):
        self._state.field = event.new or EVERYONE

    def _limited(self):
        if not self._quiet:
            self._state.cuts = {
                column: (low.value, high.value)
                for column, (low, high) in self.limits.items()
                if low.value is not None or high.value is not None
            }

    def _boxed(self, event):
        """The ends of a box become those of the cuts."""
        across, x, up, y = event.new
        self.cut({**self._state.cuts, across: _rounded(x), up: _rounded(y)})

    def take(self) -> None:
        """Show what the state has now."""
        if self._state.field in self._field.options:
            self._field.value = self._state.field
        self.cut(self._state.cuts)

    def cut(self, cuts: dict) -> None:
        """Set all cuts at once."""
        self._quiet = True
        try:
            for column, (low, high) in self.limits.items():
                low.value, high.value = cuts.get(column, (None, None))
        finally:
            self._quiet = False
        self._limited()

    def clear(self) -> None:
        """Take the cuts off, and show every part."""
        self._field.value = EVERYONE
        self.cut({})

    def __panel__(self):
        return self._column


def _rounded(ends):
    """Ends of a box, to a hundredth of its width at most: with few digits, which a field shows."""
    low, high = ends
    digits = 2 - math.floor(math.log10(high - low)) if high > low else 4
    return round(low, digits), round(high, digits)

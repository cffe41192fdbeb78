"""What is in the empty triangle of the corner plot: which draws, which quantities."""

from collections.abc import Callable
from typing import Any

import panel as pn

from sedflow.dashboard.hints import HintChecks, HintChoice, HintToggle
from sedflow.dashboard.panels.ranges import RangeForm
from sedflow.dashboard.quantities import MAIN_QUANTITIES, QUANTITIES
from sedflow.dashboard.widgets import PRESSED, prose
from sedflow.palette import SETS
from sedflow.parameters import NAMES

__all__ = ["HINT", "OTHER_SETS", "SUBSETS", "CornerControls", "quantity_chooser"]

OTHER_SETS = {"network": "network", "MCMC": "mcmc", "prior": "prior"}
SUBSETS = {
    "six": MAIN_QUANTITIES,
    "12": NAMES,
    "all": tuple(q.name for q in QUANTITIES),
}
HINT = "Drag in any figure to select draws, or"
_CHOICE = "choose"
_OVER = """
:host { position: absolute !important; right: 6px; top: 2px; width: 62%; z-index: 3;
        align-items: flex-end; pointer-events: none; }
:host > * { pointer-events: auto; }
/* Twelve rows of numbers leave no room for words on a small screen, and six none on a low one.
   Text has a display and a visibility of its own; without its words it lies over the buttons. */
.hint { opacity: var(--sf-words, 1) !important; position: var(--sf-at, static) !important;
        pointer-events: none; }
/* In a narrow plot the numbers of its panels reach this far. */
.held { opacity: var(--sf-held, var(--sf-words, 1)) !important; }
@container (max-width: 430px) { :host { --sf-held: 0; } }
@media (max-width: 1400px) { :host(.many) { --sf-words: 0; --sf-at: absolute; } }
@container (max-height: 380px) { :host { --sf-words: 0; --sf-at: absolute; } }
@container (max-height: 540px) { :host(.many) { --sf-words: 0; --sf-at: absolute; } }
@media (max-width: 480px) {
  :host { position: static !important; width: 100%; align-items: start; }
}
"""
#: Twenty chosen quantities leave room for the plot.
_LOW = """
.choices__inner { max-height: 92px; overflow-y: auto; }
@container (max-height: 540px) {
  .choices__inner { max-height: 62px; padding: 2px 4px !important; }
  .choices__list--multiple .choices__item { font-size: 11px !important; padding: 0 5px !important;
    margin: 1px !important; }
  .choices__input { margin: 0 !important; padding: 0 2px !important; }
}
"""
_TIGHT = ".bk-btn-group > .bk-btn { padding: 3px 7px !important; }\n"
_KEY = _TIGHT + "\n".join(
    f".bk-btn-group > .bk-btn:nth-child({k}) {{ border-bottom: 3px solid {color} !important; }}"
    for k, color in enumerate((SETS["exact"], SETS["network"], SETS["mcmc"], SETS["prior"]), 1)
)


def quantity_chooser(label: str) -> pn.widgets.MultiChoice:
    """A widget that chooses quantities of a corner plot."""
    return pn.widgets.MultiChoice(
        label=label,
        options={q.label: q.name for q in QUANTITIES},
        value=list(MAIN_QUANTITIES),
        placeholder="add",
        sizing_mode="stretch_width",
    )


class CornerControls:
    """The controls of a corner plot.

    Parameters
    ----------
    redraw : callable(event), when other draws or quantities are chosen
    clear : callable(), when the selection is to go

    Attributes
    ----------
    sets, quantities : which draws and which quantities are shown
    subset : one of `SUBSETS`, or to choose quantities one by one
    ranges : the form that selects by numbers, below the figure
    held : what contours hold, in words
    over, below : what is laid over the figure, and what is below it
    """

    def __init__(self, redraw: Callable[[Any], None], clear: Callable[[], None]):
        tight: dict[str, Any] = {"margin": (2, 0), "align": "end"}
        self.subset = HintChoice(
            "Quantities: six, the 12 parameters, all, or those that you choose",
            label="quantities of the corner plot",
            options=[*SUBSETS, _CHOICE],
            value="six",
            stylesheets=[PRESSED, _TIGHT],
            **tight,
        )
        self.sets = HintChecks(
            "Draws shown: of the exact posterior, of the network alone, of MCMC, of the prior",
            label="draws shown",
            value=["exact"],
            stylesheets=[PRESSED, _KEY],
            options={"exact": "exact", **OTHER_SETS},
            **tight,
        )
        self.quantities = quantity_chooser("quantities of the corner plot, one by one")
        self.quantities.param.update(visible=False, stylesheets=[_LOW], margin=(2, 10))
        self._typed = HintToggle(
            "Select draws by numbers, as a box in a figure does",
            label="type a range",
            stylesheets=[PRESSED],
            css_classes=["work"],
            **tight,
        )
        self.ranges = RangeForm(visible=False)
        self.subset.param.watch(self._choose, "value")
        self._typed.param.watch(self._open, "value")
        self.quantities.param.watch(redraw, "value")
        self.sets.param.watch(redraw, "value")
        legible = {"max-width": "72%", "background": "var(--sf-ground)"}
        self._text = prose("", margin=0, sizing_mode=None, align="end", styles=legible)
        faint = {"color": "var(--sf-quiet)", "font-size": "11px"}
        self.held = pn.pane.HTML("", margin=0, sizing_mode=None, align="end", styles=faint)
        self.held.css_classes = ["hint", "held"]
        self._clear = pn.widgets.Button(label="Clear", visible=False, **tight)
        self._clear.on_click(lambda event: clear())
        self.say(HINT)
        self._many = False
        row = pn.FlexBox(self._clear, self._typed, justify_content="flex-end", margin=0, gap="4px")
        self.over = pn.Column(
            self.sets, self.subset, self._text, row, self.held, stylesheets=[_OVER], margin=0
        )
        # Below the figure, which makes room: over it, they would hide panels.
        self.below = (self.ranges, self.quantities)

    def say(self, text: str, selected: bool = False) -> None:
        """Say what is selected, or what a visitor may do, which a presentation leaves out."""
        self._text.param.update(object=text, css_classes=[] if selected else ["work", "hint"])
        self._clear.visible = selected

    def crowd(self, many: bool | None = None) -> None:
        """Let words go that are over the plot, where it has many panels or is low."""
        self._many = self._many if many is None else many
        self.over.css_classes = ["many"] if self._many or self.quantities.visible else []

    def _choose(self, event):
        self.quantities.visible = event.new == _CHOICE
        self.crowd()
        if event.new in SUBSETS:
            self.quantities.value = list(SUBSETS[event.new])

    def _open(self, event):
        self.ranges.visible = event.new

"""A deck of panels of which one is shown: tabs that a keyboard can use."""

from collections.abc import Mapping
from typing import Any

import panel as pn

from sedflow.dashboard.widgets import PRESSED

__all__ = ["Deck"]

_LINE = """
.bk-btn-group { flex-wrap: nowrap; overflow-x: auto; }
.bk-btn-group > .bk-btn.bk-btn-default { padding-left: 6px; padding-right: 6px;
  font-size: min(var(--sf-small, 12px), 15px); }
@media (max-width: 600px) {
  .bk-btn-group > .bk-btn.bk-btn-default { padding-left: 4px; padding-right: 4px; }
}
.bk-btn-group > .bk-btn.bk-btn-default {
  background: transparent !important; border: 0 !important; border-radius: 0 !important;
  border-bottom: 2px solid transparent !important; color: var(--sf-quiet) !important;
}
.bk-btn-group > .bk-btn.bk-btn-default.bk-active {
  background: transparent !important; color: var(--sf-ink) !important;
  border-bottom-color: var(--sf-accent) !important; font-weight: 600;
}
/* Inside, where the strip that scrolls does not cut it. */
.bk-btn-group > .bk-btn.bk-btn-default:focus-visible { outline-offset: -2px; }
"""
_INSIDE = ":host { overflow: auto !important; }"


class Deck(pn.viewable.Viewer):
    """Objects by name, one of which is shown.

    Parameters
    ----------
    label : str
        Name of the choice for a screen reader.
    cards : mapping of title to object
    """

    def __init__(self, label: str, cards: Mapping[str, Any], **params):
        super().__init__(**params)
        first = next(iter(cards))
        self._choice = pn.widgets.RadioButtonGroup(
            label=label, options=list(cards), value=first, stylesheets=[PRESSED, _LINE], margin=0
        )
        self._cards = dict(cards)
        # Only the card that is shown is in the page: a table that was hidden draws few of its rows.
        self._box = pn.Column(
            cards[first], sizing_mode="stretch_both", margin=(4, 0, 0, 0), stylesheets=[_INSIDE]
        )
        self._choice.param.watch(lambda event: self._show(event.new), "value")

    def turn_to(self, title: str) -> None:
        """Show one of the cards."""
        self._choice.value = title

    def _show(self, title):
        if self._box[0] is not self._cards[title]:  # to show it again takes a quarter of a second
            self._box[:] = [self._cards[title]]

    def __panel__(self):
        return pn.Column(self._choice, self._box, sizing_mode="stretch_both", margin=(0, 6))

"""A form that selects draws by numbers, as a drag over a figure does: quantity, from, to."""

from collections.abc import Mapping

import numpy as np
import panel as pn
import param

from sedflow.dashboard.widgets import NO_LABEL
from sedflow.errors import SedflowError

__all__ = ["RangeForm", "typed_number"]

_MOST = 24  # characters of a value that a sentence quotes


def typed_number(text: str, name: str) -> float | None:
    """A number as a visitor types it, with any minus sign; None of an empty field.

    Raises
    ------
    SedflowError
        The text is not a number.

    >>> typed_number("−1.5", "from"), typed_number(" ", "to")
    (-1.5, None)
    """
    written = text.strip().replace("\N{MINUS SIGN}", "-")
    if not written:
        return None
    try:
        value = np.nan if "_" in written else float(written)  # as Python would write 1_000
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise SedflowError(
            f"{name} = {text[:_MOST]!r} is not a number; write one such as 9.5 or −1"
        )
    return value


class RangeForm(pn.viewable.Viewer):
    """Fields for a quantity and the ends of its range; Enter in a field, or the button, selects.

    An end that is left empty is open.
    """

    asked = param.Parameter(doc="(name of a quantity, low or None, high or None) of the form")
    message = param.String(doc="What is wrong with what was typed")

    def __init__(self, visible: bool = True, **params):
        super().__init__(**params)
        slim = {"margin": (2, 3), "stylesheets": [NO_LABEL]}
        self.quantity = pn.widgets.Select(label="quantity", options={}, width=104, **slim)
        self.low = pn.widgets.TextInput(label="from", placeholder="from", width=66, **slim)
        self.high = pn.widgets.TextInput(label="to", placeholder="to", width=66, **slim)
        self._button = pn.widgets.Button(label="Select", margin=(2, 3))
        self._button.on_click(self._ask)
        for field in (self.low, self.high):
            field.param.watch(self._ask, "enter_pressed")
        self._row = pn.FlexBox(
            self.quantity,
            self.low,
            self.high,
            self._button,
            align_items="center",
            margin=0,
            visible=visible,
            sizing_mode="stretch_width",
            styles={"flex": "none"},
        )

    @property
    def visible(self) -> bool:
        """Whether the form is on the page."""
        return self._row.visible

    @visible.setter
    def visible(self, seen: bool):
        self._row.visible = seen

    def offer(self, quantities: Mapping[str, str]) -> None:
        """Offer these quantities, label -> name; the one that is chosen stays, if it is there."""
        if dict(quantities) == self.quantity.options:
            return
        chosen, names = self.quantity.value, list(quantities.values())
        value = chosen if chosen in names else next(iter(names), None)
        self.quantity.param.update(options=dict(quantities), value=value)

    def _ask(self, event):
        if self.quantity.value is None or not event.new:
            return
        try:
            low, high = typed_number(self.low.value, "from"), typed_number(self.high.value, "to")
            if low is None and high is None:
                raise SedflowError("from and to are empty; write a number in at least one of them")
        except SedflowError as error:
            self.message = str(error)
            self.param.trigger("message")
            return
        with param.parameterized.discard_events(self):
            self.asked = (self.quantity.value, low, high)
        self.param.trigger("asked")  # again, where the same was cleared meanwhile

    def __panel__(self):
        return self._row

"""Widgets that say what they are for while a mouse rests on them, by the browser's own means."""

from typing import Any

import panel as pn

__all__ = ["HintButton", "HintChecks", "HintChoice", "HintToggle"]


class _Hinted:
    """hint : a few words, without a full stop."""

    def __init__(self, hint: str, **params: Any):
        self._hint = hint
        super().__init__(**params)

    def _get_model(self, *args, **params):
        model = super()._get_model(*args, **params)
        model.html_attributes = {"title": self._hint}
        return model


class HintButton(_Hinted, pn.widgets.Button):
    """A button."""


class HintToggle(_Hinted, pn.widgets.Toggle):
    """A button that stays pressed."""


class HintChecks(_Hinted, pn.widgets.CheckButtonGroup):
    """Buttons of which any number are pressed."""


class HintChoice(_Hinted, pn.widgets.RadioButtonGroup):
    """Buttons of which one is pressed."""

"""A pane of a figure that reaches the browser in the theme of its page."""

from typing import Any

import panel as pn

from sedflow.figures.theme import PageTheme

__all__ = ["FigurePane"]


class FigurePane(pn.pane.Bokeh):
    """A Bokeh pane whose figure is dressed before its document has it.

    A document dresses what it takes over, but tells no browser: where the figure was sent first,
    as one may be that comes late, its axes would stay in the colours and type of Bokeh.
    """

    priority = 0  # chosen by name only

    def _get_model(self, doc, *args: Any, **options: Any):
        model = super()._get_model(doc, *args, **options)
        if isinstance(doc.theme, PageTheme):
            for one in model.references():
                if one.document is None:
                    doc.theme.apply_to_model(one)
        return model

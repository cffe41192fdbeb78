"""A pane of a figure that reaches the browser in the theme of its page."""

from typing import Any

import panel as pn

from sedflow.figures.theme import PageTheme

__all__ = ["FigurePane"]


class FigurePane(pn.pane.Bokeh):
    """A Bokeh pane whose figure is dressed before its document has it.

    A document dresses what it takes over, but tells no browser: where the figure was sent first,
    as one may be that comes late, its axes would stay in the colours and type of Bokeh. That of a
    notebook's cell gets the theme of a light page here, as nobody else gives it one.
    """

    priority = 0  # chosen by name only

    def _get_model(self, doc, *args: Any, **options: Any):
        if doc.session_context is None and not isinstance(doc.theme, PageTheme):
            doc.theme = PageTheme()
        model = super()._get_model(doc, *args, **options)
        if isinstance(doc.theme, PageTheme):
            for one in model.references():
                if one.document is None:
                    doc.theme.apply_to_model(one)
        return model

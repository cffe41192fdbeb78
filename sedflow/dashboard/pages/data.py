"""Your data: one galaxy typed in, or a catalogue uploaded, mapped, run and downloaded."""

import panel as pn
import param

from sedflow.dashboard.engine import Engine
from sedflow.dashboard.pages.view import PageView
from sedflow.dashboard.panels.typed import TypedPanel
from sedflow.dashboard.panels.upload import UploadPanel

__all__ = ["OwnDataView"]


class OwnDataView(PageView):
    """Type a galaxy or upload a catalogue; `chosen` is the name of the galaxy to look at."""

    chosen = param.String(default="")

    def __init__(self, engine: Engine, **params):
        super().__init__(**params)
        self.engine = engine
        self.controls = pn.Column(
            "### Your data",
            "Type the photometry of one galaxy, or upload a catalogue. Fluxes must be corrected "
            "for Galactic extinction. Nothing leaves this server, and nothing is kept on it.",
            sizing_mode="stretch_width",
        )
        self.typed, self.catalogue = TypedPanel(engine), UploadPanel(engine)
        for panel in (self.typed, self.catalogue):
            panel.param.watch(lambda event: setattr(self, "chosen", event.new), "chosen")
        self.views = pn.Column(self.typed, self.catalogue, sizing_mode="stretch_width")

    def close(self) -> None:
        """Stop what runs; the session ends."""
        self.catalogue.close()

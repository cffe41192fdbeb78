"""A button that makes a file when it is pressed, off the event loop."""

import io
from collections.abc import Sequence

import panel as pn

from sedflow.dashboard.widgets import note, tell
from sedflow.errors import SedflowError
from sedflow.figures.paper import figure_name
from sedflow.files.paths import named_after

__all__ = ["FileButton", "FileButtons"]

_MAKING = "Making it …"


class FileButton(pn.widgets.FileDownload):
    """A download whose button waits, and says so, while its async `callback` makes the file.

    The callback returns bytes, or None where there is nothing to download. The file is called as
    the button says when it is pressed, whatever is chosen while it is made. The button keeps its
    width, so that nothing beside it moves.
    """

    async def _async_sync_data(self):
        name = self.filename
        label, self.label, self.disabled = self.label, _MAKING, True
        try:
            made = await self.callback()
        finally:
            self.label = label if self.label == _MAKING else self.label
            self.disabled = False
        if made is not None:
            later, self.filename = self.filename, name
            self._sync_data(io.BytesIO(made))
            self.filename = later


class FileButtons(pn.viewable.Viewer):
    """Buttons of which one at a time makes its file; a click on another one meanwhile is told so.

    files : (label, name of the file, async callable() -> bytes or None) of each
    """

    def __init__(self, files: Sequence[tuple], width: int = 150, **params):
        super().__init__(**params)
        self._making = ""
        self._said = note("warning", margin=(0, 10))
        self.buttons = {
            name: FileButton(
                callback=self._alone(name, make), filename=name, label=label, width=width
            )
            for label, name, make in files
        }

    def belong_to(self, galaxy: str) -> None:
        """Name the files after a galaxy."""
        for name, button in self.buttons.items():
            button.filename = figure_name(galaxy, *name.rsplit(".", 1))

    def come_from(self, file: str) -> None:
        """Name the files after the one that they were made from."""
        for name, button in self.buttons.items():
            button.filename = named_after(file, name)

    def _alone(self, name, make):
        async def press():
            if self._making:
                self._say(f"{self._making} is being made; wait for it, then press again")
                return None
            self._making = name
            self._say("")
            try:
                made = await make()
                self._say("")  # nor that another one was to wait
                return made
            except SedflowError as error:
                self._say(f"{name} could not be made: {error}")
                return None
            finally:
                self._making = ""

        return press

    def _say(self, sentence):
        tell(self._said, f"{sentence}." if sentence else "")

    def __panel__(self):
        return pn.Column(
            pn.FlexBox(*self.buttons.values()), self._said, sizing_mode="stretch_width"
        )

"""Downloads: draws, quantiles, the whole fit, figures and code of the answer that is shown."""

from collections.abc import Callable
from functools import partial

import panel as pn

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.brush import Brushed
from sedflow.dashboard.downloads import file_of
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.kept import kept_fit
from sedflow.dashboard.panels.files import FileButtons
from sedflow.dashboard.panels.panel import AnswerPanel
from sedflow.dashboard.panels.paper import OnScreen, PaperPanel
from sedflow.dashboard.server.work import beside
from sedflow.dashboard.widgets import prose

__all__ = ["CodePanel", "DownloadsPanel"]

#: Files of a fit: name -> label of the button.
_LABELS = {
    "draws.parquet": "Draws (Parquet)",
    "draws.fits": "Draws (FITS)",
    "quantiles.ecsv": "Quantiles (ECSV)",
    "fit.h5": "Whole fit (HDF5)",
    "corner-12.pdf": "Corner of all 12 (PDF)",
    "corner-12.png": "Corner of all 12 (PNG)",
    "spectrum.svg": "Spectrum (SVG)",
}


class CodePanel(AnswerPanel):
    """The Python that reproduces an answer.

    code : callable(Answer) -> str
    """

    def __init__(self, code: Callable[[Answer], str], **params):
        super().__init__(**params)
        self.code = code
        self._text = prose("", sizing_mode="stretch_width")

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Show the code."""
        self._text.object = f"```python\n{self.code(answer)}```"

    def __panel__(self):
        return self._text


class DownloadsPanel(AnswerPanel):
    """Buttons that make a file of the answer when they are pressed.

    code : callable(Answer) -> str, the script
    engine : knows the names of galaxies
    screen : callable() -> OnScreen, what a figure for paper shows
    """

    def __init__(
        self,
        code: Callable[[Answer], str],
        engine: Engine,
        screen: Callable[[], OnScreen] = OnScreen,
        **params,
    ):
        super().__init__(**params)
        self._code, self._engine = code, engine
        self.paper = PaperPanel(engine, screen)
        files = [(label, name, partial(self._file, name)) for name, label in _LABELS.items()]
        self.files = FileButtons([*files, ("Code (Python)", "posterior.py", self._script)])

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Files are made when they are asked for, and carry the galaxy's name."""
        self.paper.show(answer, brushed)
        galaxy = answer.request.galaxy
        self.files.belong_to(self._engine.name(galaxy) or galaxy)

    async def _file(self, name):
        if self.answer is None:
            return None
        return await beside(file_of)(kept_fit(self.answer), name)

    async def _script(self):
        return None if self.answer is None else self._code(self.answer).encode()

    def __panel__(self):
        return pn.Column(self.paper, self.files, sizing_mode="stretch_width", margin=0)

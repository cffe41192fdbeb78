"""The figure for paper: a visitor's choices, and the button that makes its file."""

import panel as pn

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.brush import Brushed
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.panels.files import FileButton
from sedflow.dashboard.panels.panel import AnswerPanel
from sedflow.dashboard.publication import KINDS, FigureChoice, figure_code, figure_file
from sedflow.dashboard.server.work import beside
from sedflow.dashboard.widgets import note, tell
from sedflow.errors import SedflowError
from sedflow.figures.paper import FORMATS, WIDTHS, figure_name

__all__ = ["PaperPanel"]

_CODE = "py"  # beside the formats of files


class PaperPanel(AnswerPanel):
    """Kind, width and format of a figure of the answer, and a button that makes it.

    engine : knows the names of galaxies
    """

    def __init__(self, engine: Engine, **params):
        super().__init__(**params)
        self._engine = engine
        forms = {form.upper(): form for form in FORMATS} | {"Python": _CODE}
        self.kind = self._select("figure for paper", list(KINDS), 96)
        self.width = self._select("width", list(WIDTHS), 82)
        self.form = self._select("format", forms, 78)
        self.button = FileButton(
            callback=self._make,
            filename="figure.pdf",
            label="Make figure",
            margin=(21, 3, 4, 3),
        )
        self._said = note("warning", margin=(0, 10))

    def _select(self, label, options, width):
        one = pn.widgets.Select(label=label, options=options, width=width, margin=(2, 3))
        one.param.watch(lambda event: self._rename(), "value")
        return one

    @property
    def choice(self) -> FigureChoice:
        """What is chosen."""
        form = FORMATS[0] if self.form.value == _CODE else self.form.value
        return FigureChoice(self.kind.value, width=self.width.value, form=form)

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Name the file after the galaxy; the figure is made when it is asked for."""
        self._rename()

    def _rename(self):
        if self.answer is not None:
            galaxy = self.answer.request.galaxy
            name = self._engine.name(galaxy) or galaxy
            self.button.filename = figure_name(name, self.kind.value, self.form.value)

    async def _make(self):
        answer, choice = self.answer, self.choice
        self._say("")
        if answer is None:
            return None
        galaxy = answer.request.galaxy
        name = self._engine.name(galaxy)
        try:
            if self.form.value == _CODE:
                return figure_code(choice, answer, self._engine.own.get(galaxy), name).encode()
            return (await beside(figure_file)(choice, answer, name))[1]
        except SedflowError as error:
            self._say(f"The figure could not be made: {error}.")
            return None

    def _say(self, sentence):
        tell(self._said, sentence)

    def __panel__(self):
        choices = pn.FlexBox(self.kind, self.width, self.form, self.button)
        return pn.Column(choices, self._said, sizing_mode="stretch_width")

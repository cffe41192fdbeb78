"""The figure for paper: a visitor's choices, and the button that makes its file."""

from collections.abc import Callable
from dataclasses import dataclass

import panel as pn

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.brush import Brushed
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.panels.files import FileButton
from sedflow.dashboard.panels.panel import AnswerPanel
from sedflow.dashboard.publication import KINDS, OVERLAYS, FigureChoice, figure_code, figure_file
from sedflow.dashboard.server.work import beside
from sedflow.dashboard.widgets import note, tell
from sedflow.errors import SedflowError
from sedflow.figures.paper import FORMATS, WIDTHS, figure_name
from sedflow.fits.fit import Fit

__all__ = ["OnScreen", "PaperPanel"]

_CODE = "py"  # beside the formats of files
_SIZES = (6, 7, 8, 9, 10)  # of type [points]


@dataclass(frozen=True)
class OnScreen:
    """What a page shows, of which a figure for paper is made.

    quantities : names, of the corner plot
    sets : of draws that are drawn over each other: "exact", "network", "mcmc", "prior"
    ranges : (name, low, high) of the box that is selected in the corner plot, else ()
    unsaid : whether something is selected that no ranges describe
    log : whether fluxes are on a logarithmic axis
    mcmc : draws of MCMC of the galaxy, if there are any
    """

    quantities: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    ranges: tuple[tuple[str, float, float], ...] = ()
    unsaid: bool = False
    log: bool = False
    mcmc: Fit | None = None


class PaperPanel(AnswerPanel):
    """Kind, width, type and format of a figure of the answer, and a button that makes it.

    engine : knows the names of galaxies
    screen : callable() -> OnScreen, what the figure shows; default, the usual quantities alone
    """

    def __init__(self, engine: Engine, screen: Callable[[], OnScreen] = OnScreen, **params):
        super().__init__(**params)
        self._engine, self._screen = engine, screen
        forms = {form.upper(): form for form in FORMATS} | {"Python": _CODE}
        self.kind = self._select("figure for paper", list(KINDS), 96)
        self.width = self._select("width", list(WIDTHS), 82)
        self.size = self._select("type", {f"{size} pt": size for size in _SIZES}, 66)
        self.size.value = 8
        self.form = self._select("format", forms, 78)
        self.button = FileButton(
            callback=self._make,
            filename="figure.pdf",
            label="Make figure",
            width=108,
            margin=(21, 3, 4, 3),
        )
        self._said = note("warning", margin=(0, 10))

    def _select(self, label, options, width):
        one = pn.widgets.Select(label=label, options=options, width=width, margin=(2, 3))
        one.param.watch(lambda event: self._rename(), "value")
        return one

    @property
    def choice(self) -> FigureChoice:
        """What is chosen, with what is on the screen.

        Raises
        ------
        SedflowError
            More is on the screen than the figure has room for.
        """
        kind, seen, answer = self.kind.value, self._screen(), self.answer
        there = {*seen.sets} - ({"mcmc"} if seen.mcmc is None else set())
        if answer is not None and answer.truth is not None:
            there.add("truth")
        if seen.ranges:
            there.add("selection")
        return FigureChoice(
            kind,
            shown=seen.quantities if kind == "corner" else (),
            overlays=tuple(one for one in OVERLAYS[kind] if one in there),
            selection=seen.ranges,
            width=self.width.value,
            font_size=float(self.size.value),
            log=seen.log,
            form=FORMATS[0] if self.form.value == _CODE else self.form.value,
        )

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Name the file after the galaxy; the figure is made when it is asked for."""
        self._rename()

    def _rename(self):
        if self.answer is not None:
            galaxy = self.answer.request.galaxy
            name = self._engine.name(galaxy) or galaxy
            self.button.filename = figure_name(name, self.kind.value, self.form.value)

    async def _make(self):
        answer = self.answer
        self._say("")
        if answer is None:
            return None
        galaxy = answer.request.galaxy
        name = self._engine.name(galaxy)
        try:
            choice, seen = self.choice, self._screen()
            if seen.unsaid:
                self._say("The figure leaves the selection out: only boxes in the corner plot fit.")
            if self.form.value == _CODE:
                return figure_code(choice, answer, self._engine.data_of(answer), name).encode()
            return (await beside(figure_file)(choice, answer, name, seen.mcmc))[1]
        except SedflowError as error:
            self._say(f"The figure could not be made: {error}.")
            return None

    def _say(self, sentence):
        tell(self._said, sentence)

    def __panel__(self):
        choices = pn.FlexBox(self.kind, self.width, self.size, self.form, self.button)
        return pn.Column(choices, self._said, sizing_mode="stretch_width")

"""The figure for paper of a population: width, format, and the button that makes its file."""

import io

import panel as pn
from astropy.table import Table

from sedflow.dashboard.panels.files import FileButton
from sedflow.dashboard.panels.population_state import PopulationState
from sedflow.dashboard.population_answer import PopulationAnswer
from sedflow.dashboard.population_script import population_code
from sedflow.dashboard.server.work import beside
from sedflow.dashboard.widgets import note, tell
from sedflow.errors import SedflowError
from sedflow.figures.paper import FORMATS, WIDTHS, save_figure
from sedflow.figures.paper_population import paper_population
from sedflow.figures.population_page import fraction_curves
from sedflow.population.population import Population

__all__ = ["PopulationPaper", "population_file", "population_table"]

_CODE = "py"  # beside the formats of files


class PopulationPaper(pn.viewable.Viewer):
    """What is on the page as a figure of a journal, and its densities as a table.

    `show` gives it another answer; files are made when they are asked for.
    """

    def __init__(self, **params):
        super().__init__(**params)
        self._state = PopulationState()
        self._answer: PopulationAnswer | None = None
        forms = {form.upper(): form for form in FORMATS} | {"Python": _CODE}
        self.width = self._select("figure for paper", list(WIDTHS), 120)
        self.form = self._select("format", forms, 78)
        beside_choices = (21, 3, 4, 3)
        self.button = FileButton(
            callback=self._make,
            filename="population.pdf",
            label="Make figure",
            width=108,
            margin=beside_choices,
        )
        self.table = FileButton(
            callback=self._make_table,
            filename="population.csv",
            label="Densities (CSV)",
            width=130,
            margin=beside_choices,
        )
        self._said = note("warning", margin=(0, 10))

    def _select(self, label, options, width):
        one = pn.widgets.Select(label=label, options=options, width=width, margin=(2, 3))
        one.param.watch(lambda event: self._rename(), "value")
        return one

    def show(  # type: ignore[override]
        self, answer: PopulationAnswer, asked: PopulationState
    ) -> None:
        """Name the files after the question.

        asked : what the answer is to, for the code
        """
        self._answer, self._state = answer, asked
        self._rename()

    def _rename(self):
        key = "population" if self._answer is None else self._answer.preset.key
        self.button.filename = f"{key}.{self.form.value}"
        self.table.filename = f"{key}.csv"
        shares = self._answer is not None and self._answer.preset.reads == "fraction"
        self.table.label = "Shares (CSV)" if shares else "Densities (CSV)"

    async def _make(self):
        answer, width, form = self._answer, self.width.value, self.form.value
        if answer is None:
            return None
        if form == _CODE:
            return await self._made(self._code, width)
        choices = (answer.population, answer.preset.reads, width, form)
        return await self._made(beside(population_file), *choices)

    async def _code(self, width):
        return population_code(self._state, width).encode()

    async def _make_table(self):
        if self._answer is None:
            return None
        answer = self._answer
        return await self._made(beside(population_table), answer.population, answer.preset.reads)

    async def _made(self, make, *arguments):
        self._say("")
        try:
            return await make(*arguments)
        except SedflowError as error:
            self._say(f"The file could not be made: {error}.")
            return None

    def _say(self, sentence):
        tell(self._said, sentence)

    def __panel__(self):
        choices = pn.FlexBox(self.width, self.form, self.button, self.table)
        return pn.Column(choices, self._said, sizing_mode="stretch_width")


def population_file(population: Population, reads: str, width: str, form: str) -> bytes:
    """The figure for paper as the content of a file."""
    out = io.BytesIO()
    save_figure(paper_population(population, reads, width=width), out, form)
    return out.getvalue()


def population_table(population: Population, reads: str) -> bytes:
    """The density in each cell as CSV; of a fraction the shares that are drawn."""
    out = io.StringIO()
    table = population.to_table()
    if reads == "fraction":
        curves = fraction_curves(population)
        table = Table({population.names[0]: population.centres[0]} | curves)
    table.write(out, format="ascii.csv")
    return out.getvalue().encode()

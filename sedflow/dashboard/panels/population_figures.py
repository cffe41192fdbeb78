"""The figures of a population: curves or three maps, and the picked galaxy beneath them."""

import panel as pn

from sedflow.dashboard.panels.panel import figure_pane
from sedflow.dashboard.population_answer import PopulationAnswer
from sedflow.dashboard.widgets import WRAP, patch, plain, prose
from sedflow.figures.base import Layers
from sedflow.figures.population_page import MAPS, SCALE, CurveFigure, MapFigure

__all__ = ["PopulationFigures"]

_EMPTY = Layers({}, (0.0, 1.0), (0.0, 1.0))
_LEGEND = {
    "middle": "population, 68 and 95 %",
    "medians": "medians",
    "stack": "stack of draws",
    "prior": "prior of the fits",
}
_ONE = {"own": "own posterior", "shrunk": "with the population as prior"}
_BESIDE = {"flex": "1 1 260px", "min-width": "0"}
_SAID = {
    "density": (
        "**The medians** are too wide, because each has an error. **The stack of draws** is wider "
        "still, and every draw in it was pulled by the prior (dotted). **The population** (blue, "
        "with its bands) has the errors and the prior taken out."
    ),
    "trend": (
        "The same galaxies three times, on one scale of colours: dotted contours hold 68 and 95 % "
        "of the **prior** of the fits. **Medians** scatter by their errors, the **stack of draws** "
        "scatters twice and leans to the prior, and in the **population** both are taken out."
    ),
    "fraction": (
        "It is counted from **medians** and from the **stack of draws**, and inferred for the "
        "**population** (blue, with its bands). Dotted is what the prior of the fits says where "
        "the data say nothing."
    ),
}
#: The same of galaxies that were selected by their data.
_SELECTED = _SAID | {
    "density": (
        "**The medians** end where the selection does, the galaxies do not: each has an error. "
        "**The stack of draws** has those errors twice, and every draw in it was pulled by the "
        "prior (dotted). **The population** (blue, with its bands) has the errors and the prior "
        "taken out: it is what the selected galaxies truly are."
    ),
}


class PopulationFigures(pn.viewable.Viewer):
    """Figures that stay on the page; `show` gives them another answer."""

    def __init__(self, **params):
        super().__init__(**params)
        self.curve = CurveFigure(_EMPTY, "population", _LEGEND, height=360)
        self.maps = {k: MapFigure(_EMPTY, f"population_{k}", height=300) for k in MAPS}
        self.galaxy = [
            CurveFigure(_EMPTY, f"population_galaxy_{k}", _ONE, height=230) for k in range(2)
        ]
        self._said = prose()
        self._picked = prose()
        self._head = prose("### The picked galaxy")
        self._curve = pn.Column(_pane(self.curve), sizing_mode="stretch_width", margin=0)
        self._maps = pn.Row(
            *(_pane(self.maps[key], styles=_BESIDE) for key in MAPS),
            sizing_mode="stretch_width",
            stylesheets=[WRAP],
            visible=False,
        )
        self._panes = [pn.Column(_pane(figure), styles=_BESIDE, margin=0) for figure in self.galaxy]
        self._one = pn.Row(
            *self._panes, sizing_mode="stretch_width", stylesheets=[WRAP], visible=False
        )
        self._head.visible = self._picked.visible = False

    def show(self, answer: PopulationAnswer) -> None:  # type: ignore[override]
        """Show an answer, in place."""
        said = _SELECTED if answer.population.is_selected else _SAID
        parts = (
            answer.preset.words,
            said[answer.preset.reads],
            answer.line,
            _scale(answer.maps),
            answer.doubts,
        )
        self._said.object = " ".join(part for part in parts if part)
        self._picked.object = plain(answer.picked)
        self._head.visible = self._picked.visible = bool(answer.picked)
        self._curve.visible = answer.curve is not None
        self._maps.visible = answer.curve is None
        self._one.visible = bool(answer.galaxy)
        for k, pane in enumerate(self._panes):
            pane.visible = k < len(answer.galaxy)

        def draw():
            if answer.curve is not None:
                self.curve.update(answer.curve)
            for key, layers in answer.maps.items():
                self.maps[key].update(layers)
            for figure, layers in zip(self.galaxy, answer.galaxy, strict=False):
                figure.update(layers)

        patch(self.curve.figure, draw)

    def __panel__(self):
        return pn.Column(
            self._curve,
            self._maps,
            self._said,
            self._head,
            self._picked,
            self._one,
            sizing_mode="stretch_width",
            margin=0,
        )


def _scale(maps):
    """What the colours of maps are, in a sentence."""
    if not maps:
        return ""
    low, high = next(iter(maps.values())).extra[SCALE]
    return (
        f"Colours go from dark ({100 * low:.2g} % of the galaxies in a cell; with less, a cell is "
        f"left empty) to yellow ({100 * high:.2g} % or more)."
    )


def _pane(figure, **options):
    pane = figure_pane(**options)
    pane.object = figure.figure
    return pane

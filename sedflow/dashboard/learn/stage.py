"""What every stage does; the lessons' own modules say how."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import panel as pn

from sedflow.atlas.catalog import NSACatalog
from sedflow.dashboard.figure_pane import FigurePane
from sedflow.dashboard.patches.panel_server import boxed
from sedflow.dashboard.server.classes import new_mark
from sedflow.dashboard.widgets import decimals
from sedflow.network.posterior import AmortizedPosterior

#: Figures beside each other, as many as a line has room for: one on a phone.
_ABREAST = """
:host { display: grid !important; gap: 0 8px;
        grid-template-columns: repeat(auto-fit, minmax(min(280px, 100%), 1fr)); }
"""


_BESIDE = """
:host { display: grid !important; gap: 0 8px;
        grid-template-columns: minmax(0, 1.7fr) minmax(0, 1fr); }
@media (max-width: 1000px) { :host { grid-template-columns: minmax(0, 1fr); } }
"""


@dataclass(frozen=True)
class Scene:
    """What a stage is given.

    nsa : NSACatalog
    network : name -> AmortizedPosterior, loaded once per process
    nsaid, seed : of the lesson's galaxy and its random numbers
    run : run(job, then): job() on the worker thread, then(result) on the page, unless the stage
        was left or asked for something newer meanwhile; run(job, then, True) beside the server
    changed : to be called when facts have changed
    alive : whether the stage is still shown
    code : of the class that the address names; empty for none
    joined : joined(code), to be called when a class was joined
    mark : mark(), what the page sends guesses to a class under
    best : galaxy that is fitted by hand -> its best knobs, as far as there were any before
    keep : keep(galaxy, knobs), to be called when there are better ones
    """

    nsa: NSACatalog
    network: Callable[[str], AmortizedPosterior]
    nsaid: int
    seed: int
    run: Callable[..., None]
    changed: Callable[[], object]
    alive: Callable[[], bool]
    code: str = ""
    joined: Callable[[str], object] = lambda code: None
    mark: Callable[[], str] = new_mark
    best: Mapping[str, dict[str, float]] = field(default_factory=dict)
    keep: Callable[[str, dict[str, float]], object] = lambda galaxy, knobs: None


class Stage:
    """Widgets and figures of one lesson, with the facts that its texts name.

    `layout` is the Column shown. `enter(step)` arranges it for a step (key), `facts` fills the
    braces of its texts, `right` says which choice is right, and `reveal(step, choice)` shows what
    was hidden until the student had answered.
    """

    def __init__(self, scene: Scene):
        self.scene = scene
        self.layout = pn.Column(sizing_mode="stretch_width")

    def enter(self, step: str) -> None:
        """Arrange the stage for a step; heavy work goes through `scene.run`."""

    def facts(self, step: str) -> dict | None:
        """Values for the braces of a step's texts; None while they are not known yet."""
        return {}

    def right(self, step: str) -> str | None:
        """The right choice, by what is on screen; None if there is none."""
        return None

    def reveal(self, step: str, choice: str | None) -> None:
        """Show what the answer shows."""


def pane(plot) -> pn.Column:
    """A pane of a `Plot`, in a box that can be hidden."""
    size = {"sizing_mode": "stretch_width"}
    return boxed(FigurePane(plot.figure, margin=(5, 0), **size), **size)


def abreast(*plots) -> pn.Column:
    """Panes of `Plot`, as many in a line as the page has room for, in a box that can be hidden."""
    return in_line(*map(pane, plots))


def beside(*panes) -> pn.Column:
    """Two panes, the first one wider, beside each other where there is room."""
    return _in_a_grid(panes, _BESIDE)


def in_line(*panes) -> pn.Column:
    """Panes that may be hidden, as many in a line as are seen and as the page has room for."""
    return _in_a_grid(panes, _ABREAST)


def _in_a_grid(panes, style):
    wide = {"sizing_mode": "stretch_width", "margin": 0}
    # In a box of its own: a grid, whose style shows it, cannot be hidden.
    return pn.Column(pn.Column(*panes, stylesheets=[style], **wide), **wide)


def slider(label: str, low: float, high: float, value, n=200, **options):
    """A slider with its label."""
    return pn.widgets.FloatSlider(
        label=label,
        start=low,
        end=high,
        step=(high - low) / n,
        value=value,
        format=decimals(2),
        **{"sizing_mode": "stretch_width", **options},
    )

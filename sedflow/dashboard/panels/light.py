"""Light: the spectrum with its photometry, and the residuals of each band."""

from collections.abc import Callable
from typing import Any

import numpy as np
import panel as pn
import param

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.brush import Brushed
from sedflow.dashboard.hints import HintToggle
from sedflow.dashboard.panels.panel import AnswerPanel, figure_pane, refresh
from sedflow.dashboard.state import LightOptions
from sedflow.dashboard.widgets import NO_LABEL, PRESSED, follow
from sedflow.figures.residuals import PullFigure, pull_layers
from sedflow.figures.spectrum import SEDFigure, sed_layers
from sedflow.photometry import Photometry

__all__ = ["LightPanel", "light_controls"]


def light_controls(options: LightOptions) -> list[pn.viewable.Viewable]:
    """Widgets for unit, scale and frame."""
    units = {"F_λ": "flam", "F_ν": "fnu", "AB mag": "ab"}
    unit = pn.widgets.Select(
        label="flux axis", options=units, width=84, margin=(0, 4), stylesheets=[NO_LABEL]
    )
    log = HintToggle("Logarithmic flux axis", label="log", stylesheets=[PRESSED], margin=(0, 2))
    rest = HintToggle(
        "Wavelengths at rest, in place of observed ones",
        label="rest frame",
        stylesheets=[PRESSED],
        margin=(0, 2),
    )
    for widget, name in ((unit, "unit"), (log, "log"), (rest, "rest")):
        widget.value = getattr(options, name)
        follow(widget, options, name)
    return [unit, log, rest]


class LightPanel(AnswerPanel):
    """Spectrum and photometry of an answer, and under it the residuals.

    Parameters
    ----------
    options : LightOptions, optional
        Unit and frame; `controls` has a widget for each.
    figure_name : str
        Name of the figure in the browser.
    residuals : bool
        Whether residuals are shown.
    title : callable(Answer) -> str
        Name of the galaxy in the titles.
    whole : callable(Answer) -> Photometry, optional
        The galaxy with the bands that were left out, which are drawn as what the others predict.
    screen : bool
        Whether the figures fill the room that the page gives them, without titles.
    """

    drawn = param.Parameter(doc="(place, geometry) of a selection drawn in the residuals")

    def __init__(
        self,
        options: LightOptions | None = None,
        figure_name: str = "sed",
        height: int = 340,
        residuals: bool = True,
        title: Callable[[Answer], str] = lambda answer: answer.fit.title,
        whole: Callable[[Answer], Photometry] | None = None,
        screen: bool = False,
        **params,
    ):
        super().__init__(**params)
        self.options = options or LightOptions()
        self._name, self._title, self._whole = figure_name, title, whole
        self._residuals, self._screen = residuals, screen
        self._size: dict[str, Any] = {"height": height}
        if screen:
            self._size = {"sizing_mode": "stretch_both", "titled": False, "min_height": 80}
        self.sed: SEDFigure | None = None
        self.pull: PullFigure | None = None
        mode = "stretch_both" if screen else "stretch_width"
        self.sed_pane, self.pull_pane = (figure_pane(sizing_mode=mode) for _ in range(2))
        self.options.param.watch(self._turned, ["unit", "log", "rest"])

    @property
    def figure(self):
        """The Bokeh figure of the spectrum; None before the first answer."""
        return None if self.sed is None else self.sed.figure

    def controls(self) -> list[pn.viewable.Viewable]:
        """Widgets for unit, scale and frame."""
        return light_controls(self.options)

    def _turned(self, *events):
        if any(event.name in ("log", "unit") for event in events):
            self.sed = None  # another scale needs another figure
        self.redraw(self.sed_pane.object)

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Draw the spectrum and the residuals."""
        changed = self.changed
        seen = (answer if changed is None else changed.answer).fit
        galaxy, z = seen.photometry, float(seen.photometry.redshift)
        made_up = np.isin(galaxy.bands, () if changed is None else changed.made_up)
        data = tuple(np.where(made_up, np.nan, v) for v in (galaxy.flux, galaxy.sigma))
        predicted = seen.predicted.quantiles()
        title, options = self._title(answer), self.options
        left = self._left(answer)
        layers = sed_layers(
            f"Spectrum and photometry: {title}",
            galaxy.bands,
            z,
            curves=answer.best_curves,
            quantiles=(answer.spectra[0], answer.spectrum_quantiles),
            data=data,
            predicted=predicted,
            left=left,
            added=tuple(np.where(made_up, v, np.nan) for v in (galaxy.flux, galaxy.sigma)),
            changed=self._changed_light(),
            brushed=brushed.spectra if brushed else None,
            lines=answer.lines,
            unit=options.unit,
            log=options.log,
            rest=options.rest,
        )
        if self.sed is None:
            log = options.log and options.unit != "ab"
            self.sed = SEDFigure(layers, log, name=self._name, **self._size)
            if self._screen:  # the residuals below have the same axis
                self.sed.figure.xaxis.update(visible=False)
                self.sed.figure.tags = ["beneath"]
            self.sed_pane.object = self.sed.figure
        else:
            self.sed.update(layers)
            refresh(self.sed_pane)
        if not self._residuals:
            return
        pulls = pull_layers(
            f"Residuals: {title}",
            galaxy.bands,
            z,
            data=data,
            predicted=predicted,
            left=left,
            brushed=brushed.predicted if brushed and changed is None else None,
            rest=options.rest,
        )
        pulls.sources.update(brushed.rim_in("pull") if brushed else {})
        if self.pull is None:
            size = {k: v for k, v in self._size.items() if k != "height"}
            self.pull = PullFigure(pulls, **size)
            if self._screen:
                self.pull.figure.tags = ["beneath"]
            self.pull.figure.on_event("selectiongeometry", self._select)
            self.pull_pane.object = self.pull.figure
        else:
            self.pull.update(pulls)
            refresh(self.pull_pane)

    def _changed_light(self):
        """16, 50 and 84 % of the spectra of the posterior beside this one; None without one."""
        if self.changed is None:
            return None
        answer = self.changed.answer
        return answer.spectra[0], answer.spectrum_quantiles[1:4]

    def _left(self, answer):
        """Flux and error of bands that were left out, NaN elsewhere; None where there is none."""
        if self.changed is not None:
            out, bands = self.changed.left, self.changed.answer.fit.photometry.bands
            known = {one.band: (one.flux, one.sigma) for one in out}
            return tuple(np.array([known.get(b, (np.nan, np.nan)) for b in bands]).T)
        if self._whole is None:
            return None
        whole, used = self._whole(answer), np.isfinite(answer.fit.photometry.flux)
        if (used | ~np.isfinite(whole.flux)).all():
            return None
        return np.where(used, np.nan, whole.flux), np.where(used, np.nan, whole.sigma)

    def _select(self, event):
        if event.final:
            self.drawn = ("pull", event.geometry)

    def __panel__(self):
        panes = [self.sed_pane, self.pull_pane] if self._residuals else [self.sed_pane]
        return pn.Column(*panes, margin=0, sizing_mode="stretch_width")

"""One galaxy on one page for paper: corner plot, spectrum with residuals, and a history."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sedflow.draws import CONTOUR_LEVELS
from sedflow.errors import SedflowError, check_choice
from sedflow.figures.given_text import as_given
from sedflow.figures.paper import Paper
from sedflow.figures.paper_corner import HELD, LEGEND_SIZES, corner_figure, lies_on_panels
from sedflow.figures.paper_galaxy import (
    HISTORIES,
    HISTORY_LABEL,
    draw_history,
    draw_spectrum,
    few_residuals,
    prior_history,
)
from sedflow.fits.fit import Fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["WHOLE", "paper_figure"]

#: Quantities of the corner plot, where nobody chose: those that a paper quotes.
WHOLE = ("log_mass_surviving", "log_ssfr_1gyr", "log_z_mw_solar", "a_v")
_UNIT = "$10^{-17}$ erg/s/cm$^2$/Å"  # above the panel: beside it there is no room
_SIZES = (1, 0.9, 0.8, 0.7)  # of a legend in a panel: the first that fits
_MOST_LEGEND = 0.6  # share of the height of a panel
_AWAY = 3.2  # sizes of type from an axis to its label, beside the numbers
_END = 0.06  # share of an axis at its end where a number of wavelengths would leave the page
_FEWEST, _MOST = 4, 8  # quantities: of fewer, the corner plot leaves no room for the others


def paper_figure(
    fit: Fit,
    quantities: Sequence[str] = WHOLE,
    *,
    history: str = "sfr",
    prior: bool = True,
    log: bool = False,
    font_size: float = 8.0,
    name: str = "",
) -> "Figure":
    """Corner plot, spectrum and a history of one galaxy on the width of a page (178 mm).

    Parameters
    ----------
    fit : Fit
        Of one galaxy; its weights count.
    quantities : names
        Of 4 to 8 parameters and derived quantities, for the corner plot.
    history : "sfr", "formed" or "zh"
        Median, 68 and 95 % point by point, and six draws.
    prior : bool
        The prior of each quantity, dotted, on the diagonal.
    log : bool
        Logarithmic fluxes.
    font_size : points, 5 to 10
    name : of the galaxy, for the legend; by default as the fit says

    Raises
    ------
    SedflowError
        One of these is unknown or out of bounds.

    Examples
    --------
    >>> import sedflow
    >>> figure = paper_figure(sedflow.fit(sedflow.load_nsa()[72], n=500))
    >>> [round(25.4 * x) for x in figure.get_size_inches()]
    [178, 178]
    """
    known = {q.name for q in fit.quantities}
    if quantities is WHOLE and WHOLE[0] not in known:  # of a grid that does not know what is left
        quantities = ("log_mstar", *WHOLE[1:])
    one = isinstance(quantities, str) or not np.iterable(quantities)
    names = list(dict.fromkeys(map(str, (quantities,) if one else quantities)))
    if not _FEWEST <= len(names) <= _MOST:
        raise SedflowError(
            f"{len(names)} {'quantity' if len(names) == 1 else 'quantities'}; give {_FEWEST} to "
            f"{_MOST}, which leave room for the spectrum, or use sedflow.figures.corner_figure"
        )
    check_choice("history", history, HISTORIES)
    paper = Paper("page", font_size)
    figure = corner_figure(
        fit, names, prior=prior, width="page", font_size=font_size, name=name or as_given(fit.title)
    )
    n = len(names)
    panels = np.array(figure.axes[: n * n]).reshape(n, n)
    high = n // 3  # panels, of the spectrum and of the history
    top, below = _pair(figure, _box(panels, 0, high, high, paper), paper)
    draw_spectrum(top, below, fit, paper, log=log)
    below.set_xlabel("observed wavelength [Å]", fontsize=paper.font_size)
    axes = figure.add_axes(_rectangle(_box(panels, high, 2 * high, high, paper)))
    lines = {"prior": prior_history(fit)} if prior else None
    draw_history(axes, fit, history, paper, lines=lines)
    axes.set_xlabel("look-back time [Gyr]", fontsize=paper.font_size)
    style = {"fontsize": paper.small, "frameon": False, "handlelength": 1.6}
    top.set_ylabel("$F_\\lambda$", fontsize=paper.font_size)
    top.set_title(_UNIT, fontsize=paper.small, loc="left", pad=3)
    _legend_inside(top, style)
    few_residuals(below, paper)
    low, end = below.get_xlim()
    at = below.get_xticks()
    below.set_xticks(at[(at > low) & (at < end - _END * (end - low))])
    _narrow_numbers(top, (_AWAY - 0.8) * paper.font_size)
    for ax in (top, below):
        ax.yaxis.set_label_coords(-_AWAY * paper.font_size / _points(ax), 0.5)
    _one_legend(figure, axes, panels, panels[2 * high, -1], style)
    return figure


def _narrow_numbers(axes, room):
    """Let the numbers at an axis of fluxes be no wider than the room beside its label [points]."""
    numbers = [t for t in axes.get_yticklabels(which="both") if t.get_text() and t.get_visible()]
    widest = max((t.get_window_extent().width for t in numbers), default=0) * 72
    if widest > room * axes.figure.dpi:
        size = numbers[0].get_fontsize() * room * axes.figure.dpi / widest
        axes.tick_params(axis="y", which="both", labelsize=size)


def _legend_inside(axes, style):
    """What the spectrum shows, above all that is drawn: in a line, or in columns that fit."""
    room = axes.get_window_extent()
    for columns, part in ((n, part) for n in (3, 2, 1) for part in _SIZES):
        size = {"fontsize": part * style["fontsize"]}
        one = axes.legend(loc="upper right", ncols=columns, borderaxespad=0.2, **(style | size))
        box = one.get_window_extent()
        if box.width < 0.98 * room.width:
            break
    scale = axes.transScale
    low, high = scale.transform([(1, y) for y in axes.get_ylim()])[:, 1]
    end = low + (high - low) / (1 - min(box.height / room.height, _MOST_LEGEND))
    axes.set_ylim(top=scale.inverted().transform((1, end))[1])


def _box(panels, row, column, high, paper):
    """Corners (left, bottom, right, top) of the axes in the free panels from a row and column on.

    Room is left for their own labels, and for the numbers above the panels below them.
    """
    point = 1.0 / (72 * paper.inches)
    last, first = panels[row + high - 1, -1].get_position(), panels[row, column].get_position()
    left = first.x0 + 4.6 * paper.font_size * point
    return left, last.y0 + 4.4 * paper.font_size * point, last.x1, first.y1


def _rectangle(box):
    left, bottom, right, top = box
    return left, bottom, right - left, top - bottom


def _pair(figure, box, paper):
    """Axes of fluxes, and below them those of residuals; between them half a line of numbers."""
    left, bottom, right, top = box
    middle = bottom + 0.27 * (top - bottom)
    foot = middle + 0.6 * paper.small / (72 * paper.inches)
    upper = figure.add_axes((left, foot, right - left, top - foot))
    below = figure.add_axes((left, bottom, right - left, middle - bottom), sharex=upper)
    upper.tick_params(labelbottom=False)
    return upper, below


def _points(axes):
    """Width of axes [points]."""
    return axes.get_position().width * 72 * axes.figure.get_figwidth()


def _one_legend(figure, history, panels, panel, style):
    """What the corner plot and the history show, in a free panel."""
    old, box = figure.legends[0], panel.get_position()
    known = {text.get_text() for text in old.get_texts()}  # the prior stands in both
    pairs = zip(*history.get_legend_handles_labels(), strict=True)
    lines, labels = zip(*[(h, text) for h, text in pairs if text not in known], strict=True)
    words = [_short(label) for label in (*(text.get_text() for text in old.get_texts()), *labels)]
    title = old.get_title().get_text()
    old.remove()
    for part in LEGEND_SIZES:
        size = part * style["fontsize"]
        one = figure.legend(
            [*old.legend_handles, *lines],
            words,
            title=title,
            title_fontsize=size,
            loc="upper right",
            bbox_to_anchor=(box.x1 + 0.004, box.y1),
            borderaxespad=0,
            alignment="left",
            labelspacing=0.2,
            **(style | {"fontsize": size, "handlelength": 0.9, "handletextpad": 0.5}),
        )
        if part == LEGEND_SIZES[-1] or not lies_on_panels(one, panels):
            break
        one.remove()


def _short(label):
    """The label of a line in a panel as narrow as those of six quantities."""
    name, held, _ = label.partition(HELD)
    if held:
        contours = "contours: {:.0f}, {:.0f} %".format(*(100 * level for level in CONTOUR_LEVELS))
        return contours if name == "posterior" else f"{name}\n{contours}"
    return "history: median, 68, 95 %" if label.endswith(HISTORY_LABEL) else label

"""A population for paper, in matplotlib: one quantity, two as maps, or a share by the first."""

from typing import TYPE_CHECKING, Any

import numpy as np

from sedflow.errors import SedflowError, needs
from sedflow.figures.paper import LABELS, Paper, legend, light
from sedflow.palette import FAINT, INK_BLUE, OCHRE, VERMILION
from sedflow.population.presets import QUENCHED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["paper_population"]

_GAPS: dict[str, Any] = {"h_pad": 0.02, "w_pad": 0.03, "hspace": 0.02, "wspace": 0.02}
_RATE = r"$\log\,\mathrm{{sSFR}}_\mathrm{{{}\,Myr}}$ [yr$^{{-1}}$]"
_LABELS = LABELS | {f"log_ssfr_{n}myr": _RATE.format(n) for n in (10, 100)}
_READS = ("density", "trend", "fraction")


def paper_population(
    population: Any,
    reads: str | None = None,
    *,
    line: float = QUENCHED,
    width: str = "column",
    font_size: float = 8.0,
    name: str = "",
) -> "Figure":
    """A population with its bands, beside what its medians and the stack of draws say.

    Parameters
    ----------
    population : Population
    reads : str, optional
        "density" of one quantity; "trend" of two, which is three maps, side by side on a page and
        one below the other in a column; "fraction" of the galaxies whose second quantity is below
        `line`. By default the first of these that the population has.
    width, font_size : as for `corner_figure`
    name : str
        Above the figure; by default the number of galaxies.

    Raises
    ------
    SedflowError
        One of these is unknown, out of bounds, or not of this population.

    Examples
    --------
    >>> import sedflow
    >>> population = sedflow.population.atlas_population("mass-function")
    >>> paper_population(population).axes[0].get_ylabel()
    'density'
    """
    needs("matplotlib", extra="app", what="a figure")
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    two = len(population.names) == 2
    reads = reads or ("trend" if two else "density")
    if reads not in _READS:
        raise SedflowError(f"reads = {str(reads)[:64]!r} is unknown; choose {', '.join(_READS)}")
    if two != (reads != "density"):
        raise SedflowError(
            f"reads = {reads!r} needs {'one quantity' if two else 'two quantities'}, and this "
            f"population has {' and '.join(population.names)}"
        )
    paper = Paper(width, font_size)
    side = reads != "trend" or width == "page"
    tall = {"trend": 0.42 if side else 2.1}.get(reads, 0.85 if width == "column" else 0.5)
    size = (paper.inches, tall * paper.inches)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(**_GAPS))
    title = name or f"{len(population):,} galaxies"
    if reads == "trend":
        _maps(figure, population, side, paper)
        figure.suptitle(title, fontsize=paper.small, x=0.01, ha="left")
        return figure
    axes = figure.subplots()
    _curves(axes, population, reads, line)
    x, y = (_LABELS.get(population.names[0], population.names[0]), "density")
    if reads == "fraction":
        second = _LABELS.get(population.names[1], population.names[1]).partition(" [")[0]
        y = f"share of {second} $< {line:g}$"
    axes.set_xlabel(x, fontsize=paper.font_size)
    axes.set_ylabel(y, fontsize=paper.font_size)
    light(axes, paper)
    legend(figure, axes, title, paper)
    return figure


def _curves(axes, population, reads, line):
    """Bands, and what is compared with them, of one quantity or of a share."""
    from sedflow.figures.population_page import curve_layers, fraction_layers

    density = reads == "density"
    layers = curve_layers(population) if density else fraction_layers(population, line)
    s = layers.sources
    for key, alpha in (("band95", 0.15), ("band68", 0.3)):
        band = s[key]
        axes.fill_between(band["x"], band["low"], band["high"], color=INK_BLUE, alpha=alpha, lw=0)
    for key, color, style, label in (
        ("prior", FAINT, ":", "prior of the fits"),
        ("stack", OCHRE, "--", "stack of draws"),
        ("medians", VERMILION, "-", "medians"),
        ("middle", INK_BLUE, "-", "population (68, 95 %)"),
    ):
        axes.plot(s[key]["x"], s[key]["y"], style, color=color, lw=0.9, label=label)
    axes.set(xlim=layers.x_range, ylim=layers.y_range)


def _maps(figure, population, side, paper):
    """The medians, the stack and the population on one scale, with the prior's contours."""
    from sedflow.figures.population_page import map_layers

    shape = (1, 3) if side else (3, 1)
    panels = figure.subplots(*shape, sharex=True, sharey=True)
    x, y = population.edges
    image = None
    for axes, layers in zip(panels, map_layers(population).values(), strict=True):
        s = layers.sources
        values = s["image"]["image"][0]
        image = axes.pcolormesh(x, y, values, vmin=0, vmax=1, cmap="viridis", rasterized=True)
        for xs, ys in zip(s["prior"]["xs"], s["prior"]["ys"], strict=True):
            axes.plot(xs, ys, ":", color=FAINT, lw=0.7)
        for key, dash in (("low", "--"), ("mean", "-"), ("high", "--")):
            if key in s:
                axes.plot(s[key]["x"], s[key]["y"], dash, color="w", lw=0.9)
        axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
        axes.set_title(layers.title, fontsize=paper.small, pad=2)
        light(axes, paper)
        axes.grid(False)
    labels = [_LABELS.get(one, one) for one in population.names]
    for axes in panels if side else panels[-1:]:
        axes.set_xlabel(labels[0], fontsize=paper.font_size)
    for axes in panels[:1] if side else panels:
        axes.set_ylabel(labels[1], fontsize=paper.font_size)
    bar = figure.colorbar(image, ax=list(np.ravel(panels)), pad=0.01, shrink=0.9)
    bar.set_label("density, of its maximum", fontsize=paper.small)
    bar.ax.tick_params(labelsize=paper.small, width=0.5, length=2)

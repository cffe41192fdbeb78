"""The corner plot for paper: the posterior, what lies over it, in matplotlib and `corner`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sedflow.draws import CONTOUR_LEVELS, Draws
from sedflow.errors import SedflowError, needs
from sedflow.figures.drawable import check_draws
from sedflow.figures.given_text import as_given
from sedflow.figures.paper import (
    COLORS,
    GRID,
    LABELS,
    STYLES,
    Paper,
    checked_quantities,
    posterior_name,
)
from sedflow.figures.paper_numbers import interval, round_ticks
from sedflow.figures.whole_figure import whole_figure
from sedflow.fits.fit import Fit
from sedflow.model.derived import KNOWN, columns, derive
from sedflow.model.prior_curves import prior_density
from sedflow.parameters import PARAMETERS, as_theta

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["MOST_QUANTITIES", "corner_figure", "selected_draws"]

#: Quantities for which there is room, by width.
MOST_QUANTITIES = {"column": 6, "page": 12}
MAIN = ("log_mstar", "log_sfr_100myr", "age_mw", "log_z_mw_solar", "tau_ism")
_N_PRIOR = 50_000
_N_SET = 20_000  # draws of a set that are looked at
#: Values that a quantity cannot pass: those of the prior, and of nature.
_HARD = {p.name: (p.low, p.high) for p in PARAMETERS}
_HARD |= {"a_v": (0.0, np.inf), "age_mw": (0.0, np.inf), "log_ssfr_1gyr": (-np.inf, -9.0)}
_FEW = 50  # draws of a selection below which it has no contours
_BINS = 30
#: Sizes of a legend beside panels: the first that fits.
LEGEND_SIZES = (1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5)
#: Opacity between the contours, and inside the inner one.
_FILLS = {"posterior": (0.2, 0.45), "rest": (0.15, 0.3), "selection": (0.12, 0.12)}


def corner_figure(
    fit: Fit,
    quantities: Sequence[str] = MAIN,
    *,
    mcmc: Fit | None = None,
    network: Fit | None = None,
    prior: bool = False,
    truth=None,
    selection: Mapping[str, tuple[float, float]] | None = None,
    width: str = "column",
    font_size: float = 8.0,
    name: str = "",
) -> "Figure":
    """Corner plot of one galaxy, ready for print. Contours hold 39 and 86 % of the draws.

    Parameters
    ----------
    fit : Fit
        Of one galaxy; its weights count.
    quantities : names
        Of parameters and derived quantities, at most 6 in a column and 12 on a page.
    mcmc, network : Fit, optional
        Of the same galaxy: contours in black, and dashed.
    prior : bool
        The prior of each quantity, dotted, on the diagonal.
    truth : array (12,), optional
        Parameters of a simulated galaxy.
    selection : mapping of name -> (low, high), optional
        Draws inside all of these ranges are drawn over the others, which become grey.
    width : "column" (84 mm) or "page" (178 mm)
    font_size : points, 5 to 10
    name : of the galaxy, for the legend; by default as the fit says

    Raises
    ------
    SedflowError
        One of these is unknown or out of bounds, or the selection holds fewer than 3 draws.

    Examples
    --------
    >>> import sedflow
    >>> galaxy = sedflow.load_nsa().photometry(72)
    >>> fit = sedflow.fit(galaxy, sedflow.load_posterior(), n=500, seed=1)
    >>> figure = corner_figure(fit, ("log_mstar", "age_mw"), prior=True)
    >>> [round(25.4 * x) for x in figure.get_size_inches()]
    [84, 84]
    """
    needs("corner", extra="app", what="a corner plot")
    paper = Paper(width, font_size)
    rows = checked_quantities(fit, quantities, MOST_QUANTITIES[width])
    one_galaxy(fit, mcmc, network)
    for other in (mcmc, network):
        if other is not None:
            checked_quantities(other, quantities, MOST_QUANTITIES[width])
    chosen = None if selection is None else selected_draws(fit, selection)
    values = _values(fit, rows)
    main = _equal(values, fit.draws.weights)
    layers = {"posterior" if chosen is None else "rest": main}
    if network is not None:
        layers["network"] = _equal(_values(network, rows), network.draws.weights)
    if mcmc is not None:
        layers["mcmc"] = _equal(_values(mcmc, rows), mcmc.draws.weights)
    if chosen is not None:
        weights = fit.draws.weights
        layers["selection"] = _equal(
            values[chosen], None if weights is None else weights[chosen] / weights[chosen].sum()
        )
    limits = _limits(layers, rows)
    figure = whole_figure()(figsize=(paper.inches, paper.inches))
    axes = figure.subplots(len(rows), len(rows), squeeze=False)
    for kind, samples in layers.items():
        _draw(figure, samples, limits, kind)
    peaks = [_peak(ax) for ax in np.diag(axes)]
    if prior:
        _prior(axes, fit, rows, limits, peaks)
    if truth is not None:
        _truth(axes, fit, rows, truth)
    for ax, peak in zip(np.diag(axes), peaks, strict=True):
        ax.set_ylim(0, (1.15 if len(rows) > 1 else 1.6) * peak)  # the legend is inside one panel
    shown = [*layers, *(["prior"] if prior else []), *(["truth"] if truth is not None else [])]
    _dress(axes, rows, fit, limits, paper)
    _arrange(figure, axes, paper)
    share = None if chosen is None else _share(fit, chosen)
    title = name or as_given(fit.title)
    _legend(figure, shown, share, title, posterior_name(fit), paper, axes)
    return figure


def one_galaxy(fit, *others) -> None:
    """Refuse a batch, and fits of other redshifts than the first."""
    for one in (fit, *(o for o in others if o is not None)):
        if one.photometry.shape:
            raise SedflowError(
                f"this fit has {one.photometry.redshift.size} galaxies; give one of them, fit[k]"
            )
        check_draws(one)
        if one.photometry.redshift != fit.photometry.redshift:
            raise SedflowError(
                f"the fits are at redshifts {fit.photometry.redshift:.4f} and "
                f"{one.photometry.redshift:.4f}; give fits of one galaxy"
            )


def selected_draws(fit: Fit, selection: Mapping[str, tuple[float, float]]) -> np.ndarray:
    """Which draws (n_draw,) lie inside all ranges of a selection.

    Raises
    ------
    SedflowError
        Fewer than 3 do, or a range is not two numbers.
    """
    rows = checked_quantities(fit, list(selection), len(KNOWN))
    inside = np.ones(fit.draws.n, bool)
    for row, column in zip(rows, _values(fit, rows).T, strict=True):
        try:
            low, high = (float(v) for v in selection[row.name])
        except (TypeError, ValueError):
            low = high = np.nan
        if not low <= high:
            raise SedflowError(
                f"the range of {row.name} is {str(selection[row.name])[:64]}; give (low, high)"
            )
        inside &= (column >= low) & (column <= high)
    if inside.sum() < 3:
        raise SedflowError(f"the selection holds {inside.sum()} draws; widen it to at least 3")
    return inside


def _values(fit, rows):
    """Values (n_draw, n) of quantities."""
    return columns(rows, fit.draws.theta, fit.derived)


def _equal(values, weights):
    """Values of draws of equal weight, at most `_N_SET`."""
    n = min(len(values), _N_SET)
    if weights is None and n == len(values):
        return values
    weights = np.full(len(values), 1 / len(values)) if weights is None else weights
    edges = np.cumsum(weights)
    at = (np.arange(n) + np.random.default_rng(0).random()) / n * edges[-1]
    return values[np.minimum(np.searchsorted(edges, at), len(edges) - 1)]


def _limits(layers, rows):
    """Ends (n, 2) of the axes: the central 99.4 % of all sets, and nothing beyond a hard edge.

    An axis that ends at its edge has the smoothed counts reflected there, so that a contour meets
    the edge, and does not spill over it.
    """
    ends = [np.quantile(v, [0.003, 0.997], axis=0) for k, v in layers.items() if k != "selection"]
    low, high = np.min([e[0] for e in ends], 0), np.max([e[1] for e in ends], 0)
    margin = np.maximum(0.06 * (high - low), 1e-6 + 1e-6 * np.abs(low))
    edges = [_HARD.get(row.name, (-np.inf, np.inf)) for row in rows]
    least, most = np.array(edges).T
    # Draws of one value at an edge need an axis of some width all the same.
    narrow = high - low < 3 * margin
    least, most = np.where(narrow, -np.inf, least), np.where(narrow, np.inf, most)
    return np.stack([np.maximum(low - margin, least), np.minimum(high + margin, most)], 1)


def _draw(figure, samples, limits, kind):
    """One set of draws on all panels."""
    import corner
    from matplotlib.colors import to_rgba

    color, style = COLORS[kind], STYLES.get(kind, "-")
    filled = kind in _FILLS
    width = 0.9 if kind in ("posterior", "selection", "mcmc") else 0.7
    few = len(samples) < _FEW
    inside = ((samples >= limits[:, 0]) & (samples <= limits[:, 1])).all(1)
    if few or len(samples) <= samples.shape[1] or not inside.any():
        _points(figure, samples, color)
        return
    corner.corner(
        samples,
        fig=figure,
        range=[tuple(ends) for ends in limits],
        bins=_BINS,
        color=color,
        levels=CONTOUR_LEVELS,
        smooth=1.2,
        plot_datapoints=False,
        plot_density=False,
        fill_contours=filled,
        no_fill_contours=not filled,
        contour_kwargs={"linewidths": width, "linestyles": [style], "colors": [color]},
        contourf_kwargs={"colors": [(1, 1, 1, 0), *(to_rgba(color, a) for a in _FILLS[kind])]}
        if filled
        else None,
        hist_kwargs={"density": True, "lw": width, "ls": style, "color": color},
        max_n_ticks=0,
    )


def _points(figure, samples, color):
    n = samples.shape[1]
    for k, ax in enumerate(figure.axes[: n * n]):
        row, column = divmod(k, n)
        if column < row:
            ax.plot(samples[:, column], samples[:, row], ".", ms=1.5, color=color, mew=0)


def _peak(ax):
    """The highest point of the histograms on a panel."""
    tops = [patch.get_xy()[:, 1].max() for patch in ax.patches]
    return max([top for top in tops if np.isfinite(top)] or [1.0])


def _prior(axes, fit, rows, limits, peaks):
    theta = fit.prior.sample(_N_PRIOR, np.random.default_rng(0))
    values = columns(rows, theta, derive(theta, fit.photometry.redshift, fit.model))
    for k, (ax, (low, high)) in enumerate(zip(np.diag(axes), limits, strict=True)):
        x = np.linspace(low, high, 401)
        density = prior_density(rows[k].name, x, fit.prior)
        style = {"color": COLORS["prior"], "lw": 1.1, "ls": STYLES["prior"]}
        if density is None:
            counts, edges = np.histogram(values[:, k], _BINS, (low, high))
            density = counts / len(values) / np.diff(edges)
            ax.stairs(density, edges, baseline=None, **style)
        else:
            ax.plot(x, density, **style)
        peaks[k] = max(peaks[k], min(density.max(), 2 * peaks[k]))


def _truth(axes, fit, rows, truth):
    theta = as_theta(truth).reshape(1, -1)
    known = columns(rows, Draws(theta).theta, derive(theta, fit.photometry.redshift, fit.model))[0]
    style = {"color": COLORS["truth"], "lw": 0.9}
    for row in range(len(rows)):
        for column in range(row + 1):
            ax = axes[row, column]
            ax.axvline(known[column], **style)
            if column < row:
                ax.axhline(known[row], **style)
                ax.plot(known[column], known[row], "s", ms=2.5, color=COLORS["truth"])


def _dress(axes, rows, fit, limits, paper):
    """Labels, thin frames, small ticks, a light grid, and values above the histograms."""
    n = len(rows)
    panel = 0.94 * (72 * paper.inches - 6 * paper.font_size) / n  # points, about
    room = panel / (0.65 * paper.small)  # characters along an axis
    ticks = [round_ticks(ends, room) for ends in limits]
    turn = 0
    if any(len(at) < 2 for at, _ in ticks):  # one number on an axis tells no scale
        turn, ticks = 90, [round_ticks(ends, room, upright=True) for ends in limits]
    for row in range(n):
        for column in range(n):
            ax = axes[row, column]
            if column > row:
                ax.set_visible(False)
                continue
            ax.tick_params(labelsize=paper.small, width=0.5, length=2, pad=1.5, direction="in")
            (x, x_text), (y, y_text) = ticks[column], ticks[row]
            ax.set_xticks(x, x_text if row == n - 1 else [""] * len(x), rotation=turn)
            if column < row:
                ax.set_yticks(y, y_text if column == 0 else [""] * len(y), rotation=0)
            for spine in ax.spines.values():
                spine.set_linewidth(0.5)
            ax.set_axisbelow(True)
            ax.grid(True, **GRID)
        if n > 1 and row > 0:
            axes[row, 0].set_ylabel(LABELS[rows[row].name], fontsize=paper.font_size)
        axes[n - 1, row].set_xlabel(LABELS[rows[row].name], fontsize=paper.font_size)
        low, median, high = fit.quantile(rows[row].name)
        axes[row, row].set_title(interval(low, median, high), fontsize=paper.small, pad=4)


def _arrange(figure, axes, paper):
    """Margins, and type as small as the panels need: measured, so that nothing overlaps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    n, side = len(axes), paper.inches * figure.dpi
    point = figure.dpi / 72

    def extent(text):
        return text.get_window_extent(renderer)

    def shrink(texts, room, along):
        longest = max((getattr(extent(t), along) for t in texts), default=0)
        for text in texts:
            text.set_fontsize(text.get_fontsize() * min(1, room / max(longest, 1e-9)))

    labels = [*(ax.xaxis.label for ax in axes[-1]), *(ax.yaxis.label for ax in axes[1:, 0])]
    edge, gap = 3 * point, 0.06  # gap as a share of a panel
    pitch = (side - 6 * paper.font_size * point) / n  # about; the margins follow from it
    ticks = [t for ax in axes[-1] for t in ax.get_xticklabels()]
    if max(max(extent(t).width, extent(t).height) for t in labels) > pitch:
        for text in labels:
            text.set_text(text.get_text().replace(" [", "\n["))
            text.set_linespacing(1.25)  # a subscript stays clear of the line below
    shrink([ax.title for ax in np.diag(axes)], 0.85 * pitch, "width")
    shrink([ax.xaxis.label for ax in axes[-1]], 0.96 * pitch, "width")
    shrink([ax.yaxis.label for ax in axes[1:, 0]], 0.96 * pitch, "height")
    shrink(ticks, 0.45 * pitch, "width")
    size = ticks[0].get_fontsize() if ticks else paper.small
    for ax in axes.ravel():
        ax.tick_params(labelsize=size)
    down = max(extent(t).height for t in ticks) + 3 * point
    y_ticks = [t for ax in axes[1:, 0] for t in ax.get_yticklabels() if t.get_text()]
    across = max((extent(t).width for t in y_ticks), default=0) + 3 * point
    label_down = max(extent(ax.xaxis.label).height for ax in axes[-1])
    label_across = max((extent(ax.yaxis.label).width for ax in axes[1:, 0]), default=0)
    left = (edge + label_across + across + 2 * point) / side
    bottom = (edge + label_down + down + 2 * point) / side
    top = 1 - (extent(axes[0, 0].title).height + 4 * point) / side
    right = 1 - edge / side
    figure.subplots_adjust(left=left, bottom=bottom, right=right, top=top, wspace=gap, hspace=gap)
    panel = axes[0, 0].get_window_extent(renderer)
    for ax in axes[-1]:
        ax.xaxis.set_label_coords(0.5, -(down + label_down / 2) / panel.height)
        ax.xaxis.label.set_verticalalignment("center")
    for ax in axes[1:, 0]:
        ax.yaxis.set_label_coords(-(across + label_across / 2) / panel.width, 0.5)
        ax.yaxis.label.set_verticalalignment("center")


#: What the contours of every set hold, for the legend.
HELD = " ({:.0f} and {:.0f} %)".format(*(100 * level for level in CONTOUR_LEVELS))


def _share(fit, chosen):
    weights = fit.draws.weights
    return float(chosen.mean() if weights is None else weights[chosen].sum())


def _legend(figure, shown, share, name, posterior, paper, axes):
    """The galaxy and what is drawn, in the empty corner; above a single panel, inside it."""
    from matplotlib.lines import Line2D

    posterior += HELD if len(axes) > 1 else ""
    words = {
        "posterior": posterior,
        "rest": posterior,
        "network": "network",
        "mcmc": "MCMC",
        "prior": "prior",
        "truth": "truth",
        "selection": "" if share is None else f"selection ({100 * share:.0f} %)",
    }
    handles = [
        Line2D([], [], color=COLORS[k], ls=STYLES.get(k, "-"), lw=1.2, label=words[k])
        for k in shown
    ]
    place = axes[-1, -1].get_position().x1, axes[0, 0].get_position().y1
    for part in LEGEND_SIZES:
        size = part * paper.small
        legend = figure.legend(
            handles=handles,
            title=name,
            title_fontsize=size,
            fontsize=size,
            frameon=False,
            loc="upper right",
            bbox_to_anchor=place,
            borderaxespad=0,
            alignment="left",
        )
        last = part == LEGEND_SIZES[-1]
        if len(axes) == 1 or last or not lies_on_panels(legend, axes):
            break
        legend.remove()


def lies_on_panels(legend, axes):
    """Whether a legend covers a panel of the diagonal, or the numbers above it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(legend.get_figure()).get_renderer()
    box = legend.get_window_extent(renderer)
    panels = [part for ax in np.diag(axes) for part in (ax, ax.title)]
    panels.remove(axes[0, 0].title)  # which stands above the legend
    return any(box.overlaps(part.get_window_extent(renderer)) for part in panels)

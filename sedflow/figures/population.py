"""The density of a population, for paper: with its bands, and with what it is compared to."""

import numpy as np

from sedflow.palette import INK_BLUE, TRUTH, VERMILION

__all__ = ["draw_population", "draw_population_map"]

_PRIOR = "0.6"


def draw_population(figure, population, labels) -> None:
    """One quantity: bands of 68 and 95 %, the medians, the stack and the prior."""
    ax = figure.add_subplot()
    (x,), (edges,) = population.centres, population.edges
    low95, low68, middle, high68, high95 = population.quantiles()
    ax.fill_between(x, low95, high95, color=INK_BLUE, alpha=0.15, lw=0, label="95 %")
    ax.fill_between(x, low68, high68, color=INK_BLUE, alpha=0.3, lw=0, label="68 %")
    ax.plot(x, middle, color=INK_BLUE, label="population")
    ax.stairs(population.medians(), edges, color=VERMILION, label="medians")
    ax.plot(x, population.stack(), color=TRUTH, ls="--", label="stack of draws")
    ax.plot(x, population.prior_density, color=_PRIOR, ls=":", label="prior")
    ax.set(xlabel=labels[0], ylabel="density", xlim=(edges[0], edges[-1]), ylim=(0, None))
    ax.legend(frameon=False, fontsize="small")
    ax.set_title(f"{len(population):,} galaxies")


def draw_population_map(figure, population, labels) -> None:
    """Two quantities: the medians, the stack and the population, on one scale of colours."""
    maps = {
        "histogram of medians": population.medians(),
        "stack of draws": population.stack(),
        f"population of {len(population):,} galaxies": population.density,
    }
    axes = figure.subplots(1, 3, sharex=True, sharey=True)
    top = max(np.quantile(m, 0.995) for m in maps.values())
    x, y = population.edges
    for ax, (title, values) in zip(axes, maps.items(), strict=True):
        image = ax.pcolormesh(x, y, values.T, vmin=0, vmax=top, cmap="viridis", rasterized=True)
        ax.set_title(title, fontsize="medium")
        ax.set_xlabel(labels[0])
    mean, _ = population.trend(population.names[1], [16, 50, 84])
    filled = population.marginal(population.names[0], [50])[0] * np.diff(x) * len(population) > 2
    middle = np.where(filled, mean, np.nan)
    axes[2].plot(population.centres[0], middle[1], color="white", label="mean, 68 %")
    axes[2].plot(population.centres[0], middle[[0, 2]].T, color="white", lw=0.8, ls="--")
    axes[2].legend(loc="lower left", frameon=False, fontsize="small", labelcolor="white")
    axes[0].set_ylabel(labels[1])
    figure.colorbar(image, ax=list(axes), label="density", pad=0.01)

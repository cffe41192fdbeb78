"""Grids compared: their evidences, and what follows from each."""

from typing import Any

import numpy as np

from sedflow.palette import INK, SERIES

__all__ = ["draw_comparison"]


def draw_comparison(figure: Any, found: Any, names: Any, labels: Any) -> None:
    """Weights on the left, then a panel for each quantity: median and 68 %, by grid and averaged.

    found : `sedflow.fits.compare.Comparison`
    """
    grids = [*found.fits]
    axes = figure.subplots(1, len(names) + 1, sharey=True, squeeze=False)[0]
    rows = np.arange(len(grids) + 1)
    colors = [*(SERIES[k % len(SERIES)] for k in range(len(grids))), INK]
    weights, evidence = found.weights, found.log_evidence
    axes[0].barh(rows[:-1], [weights[g] for g in grids], color=colors[:-1], height=0.5)
    numbers = [f"{value:.2f} ± {error:.2f}".replace("-", "−") for value, error in evidence.values()]
    words = [f"{g}\nln Z {said}" for g, said in zip(grids, numbers, strict=True)]
    axes[0].set(xlim=(0, 1), xlabel="weight", yticks=rows, yticklabels=[*words, "average"])
    axes[0].invert_yaxis()
    for ax, name, label in zip(axes[1:], names, labels, strict=True):
        sources = [*found.fits.values(), found]
        for row, source, color in zip(rows, sources, colors, strict=True):
            low, middle, high = source.quantile(name)
            ax.errorbar(
                middle, row, xerr=[[middle - low], [high - middle]], fmt="o", color=color, capsize=3
            )
        ax.set_xlabel(label.replace(" [", "\n["))  # as wide as its panel
    title = found.photometry.title
    figure.suptitle(f"{title}\n{found.note}" if found.note else title, fontsize=10)

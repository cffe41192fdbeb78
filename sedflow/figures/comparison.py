"""Grids compared: their evidences, and what follows from each."""

from typing import Any

import numpy as np

from sedflow.palette import INK, SERIES

__all__ = ["draw_comparison"]


def draw_comparison(figure: Any, found: Any, names: Any, labels: Any) -> None:
    """Weights on the left, then a panel for each quantity: median and 68 %, by grid and averaged.

    Where no evidence is known there are neither weights nor an average.

    found : `sedflow.fits.compare.Comparison`
    """
    grids = [*found.fits]
    axes = figure.subplots(1, len(names) + 1, sharey=True, squeeze=False)[0]
    colors = [SERIES[k % len(SERIES)] for k in range(len(grids))]
    words = [f"{g}\nln Z {_said(*found.log_evidence[g])}" for g in grids]
    sources = [*found.fits.values()]
    if found.has_average:
        weights = found.weights
        axes[0].barh(range(len(grids)), [weights[g] for g in grids], color=colors, height=0.5)
        words, sources, colors = [*words, "average"], [*sources, found], [*colors, INK]
    rows = np.arange(len(sources))
    axes[0].set(xlim=(0, 1), xlabel="weight", yticks=rows, yticklabels=words)
    axes[0].invert_yaxis()
    for ax, name, label in zip(axes[1:], names, labels, strict=True):
        for row, source, color in zip(rows, sources, colors, strict=True):
            low, middle, high = source.quantile(name)
            ax.errorbar(
                middle, row, xerr=[[middle - low], [high - middle]], fmt="o", color=color, capsize=3
            )
        ax.set_xlabel(label.replace(" [", "\n["))  # as wide as its panel
    title = found.photometry.title
    figure.suptitle(f"{title}\n{found.note}" if found.note else title, fontsize=10)


def _said(value, error):
    """An evidence in words of the axis."""
    return f"{value:.2f} ± {error:.2f}".replace("-", "−") if np.isfinite(value) else "unknown"

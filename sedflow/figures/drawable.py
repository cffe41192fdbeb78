"""Draws that a figure can show: refused where there are none, points where they are few.

A corner plot of five draws, or of one draw that counts a thousand times, has no contours, and its
axes may have no width. It is drawn all the same.
"""

import logging
import warnings
from contextlib import contextmanager
from typing import Any

import numpy as np

from sedflow.errors import SedflowError, needs

__all__ = ["check_draws", "corner_panels", "corner_ranges"]

_FEW = 50  # different draws below which there are points, not contours
_NARROW = 1e-3  # of the values themselves, or of 1, that an axis has at least


def check_draws(fit) -> None:
    """Refuse the fit of a galaxy that has no draws."""
    theta = fit.draws.theta
    if theta.shape[-2] and np.isfinite(theta).all():
        return
    why = "" if fit.verdict is None else f" ({str(fit.verdict.reason).rstrip('.')})"
    raise SedflowError(f"the fit has no draws, so there is nothing to plot{why}; check the data")


def corner_ranges(samples) -> list[tuple[float, float]]:
    """Axes (low, high) of samples (n_draw, n), as wide as these, and never of no width."""
    low, high = samples.min(0), samples.max(0)
    least = _NARROW * np.maximum(np.abs(low), 1.0)
    margin = np.where(high - low < least, least, 0.0)
    return list(zip((low - margin).tolist(), (high + margin).tolist(), strict=True))


def corner_panels(samples, **options: Any) -> None:
    """Draw samples (n_draw, n) of equal weight on the axes of a figure, by the package corner.

    options : of `corner.corner`, for many draws; `fig` has n x n axes already
    """
    corner = needs("corner", extra="app", what="a corner plot")
    n, few = samples.shape[1], len(np.unique(samples, axis=0)) < _FEW
    options = {"range": corner_ranges(samples)} | options
    options |= {"plot_datapoints": few, "plot_contours": not few}
    if few:
        options |= {"plot_density": False, "smooth": None, "data_kwargs": {"alpha": 1, "ms": 4}}
    if len(samples) <= n:  # which corner takes for a table that lies on its side
        samples = np.tile(samples, (n // len(samples) + 1, 1))
    with warnings.catch_warnings(), _without_log():
        warnings.simplefilter("ignore")
        corner.corner(samples, **options)


@contextmanager
def _without_log():
    """Without the warnings that corner logs of contours that few points do not have."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)

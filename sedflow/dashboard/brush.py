"""Brushing: what the draws in a selection look like, and which draws a comparison uses."""

from dataclasses import dataclass, replace

import numpy as np

from sedflow.bands import load_band
from sedflow.dashboard.answer import Answer
from sedflow.dashboard.printed import short
from sedflow.dashboard.quantities import HISTORIES, equal_samples
from sedflow.draws import Draws, column_quantiles
from sedflow.errors import SedflowError
from sedflow.fits.fit import Fit

_N_BRUSHED = 40  # draws of a selection whose spectra are computed
_LABELS = {"sfr": ("SFR", " M☉/yr"), "zh": ("Z", ""), "formed": ("share formed", "")}
_N_COMPARED = 3000  # draws of MCMC that are looked at


@dataclass(frozen=True)
class Brushed:
    """What the selected draws look like; None where too few were selected.

    words : what was selected
    share : posterior mass of the selection
    n : draws selected
    place : figure in which they were selected; rim (x, y) : the outline there
    ranges : (name of a quantity, low, high) of a box in the corner plot, else ()
    samples (n, n_quantity) : `QUANTITIES` of the selection, draws of equal weight
    """

    words: str
    share: float
    n: int
    samples: np.ndarray
    history: dict
    spectra: tuple | None
    predicted: np.ndarray | None
    quantiles: np.ndarray | None
    place: str = ""
    rim: tuple = ()
    ranges: tuple[tuple[str, float, float], ...] = ()

    def rim_in(self, place: str) -> dict:
        """Columns of the outline in a figure, if the selection was drawn there."""
        if place != self.place or not len(self.rim):
            return {}
        return {"outline": {"x": list(self.rim[0]), "y": list(self.rim[1])}}


def through(answer: Answer, which: str, geometry: dict) -> tuple[np.ndarray, str]:
    """Draws whose history passes through a box, and in words.

    which : of `HISTORIES`; geometry : "rect" with x0, x1 [Gyr ago], y0 and y1

    Raises
    ------
    SedflowError
        The box is beside the axis.
    """
    history = answer.fit.history
    values = getattr(history, which)
    (x0, x1), (y0, y1) = (sorted((geometry[f"{a}0"], geometry[f"{a}1"])) for a in "xy")
    edges = history.edges
    first, last = max(x0, edges[0]), min(x1, edges[-1])
    if first > last:
        raise SedflowError("no history is inside this box; drag over the curves")
    if values.shape[-1] == len(edges):  # lines from one edge to the next, perhaps through the box
        between = edges[(edges > first) & (edges < last)]
        at = np.array([first, *between, last])
        some = np.array([np.interp(at, edges, one) for one in values])
        mask = (some.min(axis=1) <= y1) & (some.max(axis=1) >= y0)
    else:
        some = values[:, (edges[1:] >= first) & (edges[:-1] <= last)]
        mask = ((some >= y0) & (some <= y1)).any(axis=1)
    label, unit = _LABELS[which]
    low, high = short(y0), short(y1)
    words = f"{label} {low} to {high}{unit} at {short(first)} to {short(last)} Gyr ago"
    return mask, words


def within(answer: Answer, geometry: dict, rest: bool = False) -> tuple[np.ndarray, str]:
    """Draws whose residuals of the bands in a box are inside it, and in words.

    geometry : "rect" with x0, x1 [A], y0 and y1 [σ]; rest : whether the wavelengths are the
        galaxy's own

    Raises
    ------
    SedflowError
        No band is inside the box.
    """
    galaxy = answer.fit.photometry
    (x0, x1), (y0, y1) = (sorted((geometry[f"{a}0"], geometry[f"{a}1"])) for a in "xy")
    stretch = 1.0 + float(galaxy.redshift) if rest else 1.0
    pivot = np.array([load_band(b).pivot for b in galaxy.bands]) / stretch
    chosen = (pivot >= x0) & (pivot <= x1) & np.isfinite(galaxy.flux)
    if not chosen.any():
        raise SedflowError("no band is inside this box; drag across the point of one")
    pull = ((galaxy.flux - answer.fit.predicted.flux) / galaxy.sigma)[:, chosen]
    names = ", ".join(b for b, c in zip(galaxy.bands, chosen, strict=True) if c)
    words = f"residual in {names} {short(y0)} to {short(y1)} σ"
    return ((pull >= y0) & (pull <= y1)).all(axis=1), words


def brush(
    answer: Answer, mask: np.ndarray, words: str, place: str = "", rim: tuple = ()
) -> Brushed:
    """Histories, spectra and quantities of the draws (n_draw,) in a selection."""
    draws = answer.fit.draws
    weights = np.full(draws.n, 1 / draws.n) if draws.weights is None else draws.weights
    share, rows = float(weights[mask].sum()), np.flatnonzero(mask)
    n = len(rows)
    if n < 3 or not share > 0:
        return Brushed(words, share, n, answer.columns[rows], {}, None, None, None, place, rim)
    w, q = weights[rows] / share, (0.16, 0.5, 0.84)
    history = answer.fit.history
    curves = {
        which: column_quantiles(values[rows], q, w)
        for which, values in ((which, getattr(history, which)) for which in HISTORIES)
    }
    some = Draws(draws.theta[rows], weights=w)
    few = some.resampled(min(n, _N_BRUSHED))
    model, z = answer.fit.model, float(answer.fit.photometry.redshift)
    spectra = model.spectrum(few.theta, z)
    return Brushed(
        words,
        share,
        n,
        equal_samples(some, answer.columns[rows]),
        curves,
        (spectra.wavelength, np.quantile(spectra.flux, q, axis=0)),
        column_quantiles(answer.fit.predicted.flux[rows], q, w),
        column_quantiles(answer.columns[rows], q, w),
        place,
        rim,
    )


def compared(fit: Fit) -> Fit:
    """A fit thinned to what a corner plot needs."""
    n = min(fit.draws.n, _N_COMPARED)
    return replace(fit, draws=fit.draws.resampled(n))

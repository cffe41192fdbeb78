"""The flux axis of a spectrum: its units, fluxes in them, and how far it reaches."""

import numpy as np

from sedflow.bands import FLUX_UNIT
from sedflow.constants import C_ANGSTROM

__all__ = ["UNITS", "flux_range", "in_units", "top_of"]

#: Units of the flux axis: key -> axis label.
UNITS = {
    "flam": "F_λ [10⁻¹⁷ erg/s/cm²/Å]",
    "fnu": "F_ν [µJy]",
    "ab": "AB magnitude",
}
_CURVE = 100  # numbers, beyond which values are a curve and not points
_BELOW = 0.1  # of the axis, below its lowest point: there stand the filters
_PARTS = 3.0  # how much fainter than all of a spectrum its parts may make the axis begin
_FAINTEST = 1e-4  # of the brightest flux shown, where magnitudes and logarithms stop


def in_units(wave, flam, unit):
    """F_lambda [1e-17 erg/s/cm2/A] at observed wavelengths [A] in the units of an axis."""
    if unit == "flam":
        return flam
    microjansky = np.asarray(flam) * np.square(wave) / C_ANGSTROM * (FLUX_UNIT * 1e29)
    if unit == "fnu":
        return microjansky
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(microjansky > 0, 23.9 - 2.5 * np.log10(microjansky), np.nan)


def top_of(values) -> float:
    """Largest of some values; of a curve, what few narrow peaks exceed, so that they do not
    flatten the rest."""
    return float(np.nanquantile(values, 0.99) if np.size(values) > _CURVE else np.nanmax(values))


def flux_range(seen, unit, log, parts=()) -> tuple[float, float]:
    """Ends of the axis that hold the values seen, arrays in its unit.

    A linear axis begins at 0, or below the points that noise has brought below it. Of parts of a
    spectrum, such as a burst, an axis of logarithms holds what is not much fainter than the rest.

    parts : arrays of curves that may be hidden, beside those seen
    """
    if parts and seen and (log or unit == "ab"):
        whole = np.concatenate([np.ravel(v) for v in seen])
        whole = whole[np.isfinite(whole) & ((whole > 0) | (unit == "ab"))]
        if whole.size and unit == "ab":
            parts = [np.minimum(v, whole.max() + 2.5 * np.log10(_PARTS)) for v in parts]
        elif whole.size:
            parts = [
                np.maximum(v, max(whole.min(), _FAINTEST * whole.max()) / _PARTS) for v in parts
            ]
    seen = [*seen, *parts]
    values = np.concatenate([np.ravel(v) for v in seen]) if seen else np.array([1.0])
    values = values[np.isfinite(values)]
    if not log and unit != "ab":
        tops = [top_of(v) for v in seen if np.isfinite(v).any()]
        top = float(1.15 * max([1e-30, *tops]))
        points = [v for v in seen if np.size(v) <= _CURVE]
        low = min((float(np.nanmin(v, initial=0.0)) for v in points), default=0.0)
        return (low - _BELOW * (top - low) if low < 0 else 0.0), top
    if unit == "ab":
        low, high = np.quantile(values, [0, 1]) if values.size else (15.0, 25.0)
        margin = 0.08 * (high - low) + 0.1
        return float(min(high, low + 12) + 2 * margin), float(low - margin)
    top = max(values.max(initial=0.0), 1e-30)
    positive = values[values > _FAINTEST * top]
    return float(0.5 * positive.min(initial=top)), float(2.0 * top)

"""Curves of a model galaxy, which the page Forward draws."""

from typing import Any

import numpy as np

from sedflow.model.lines import LineMarks
from sedflow.model.sed import SEDModel


def model_curves(model: SEDModel, theta: Any, z: float) -> dict[str, np.ndarray]:
    """Spectrum, photometry and histories, by name."""
    spectrum = model.spectrum(theta, z)
    return {
        "wavelength": spectrum.wavelength,
        "flux": spectrum.flux,
        "nanomaggies": model.photometry(theta, z),
        "edges": model.time_bins(z),
        "sfr": model.sfh(theta, z),
        "zh": model.zh(theta, z),
    }


def line_marks(model: SEDModel, theta: Any, z: float) -> LineMarks | None:
    """Emission lines of the galaxy; None where the grid has no gas."""
    if not model.line_names:
        return None
    found = model.lines(theta, z)
    return LineMarks(found.names, found.wavelength, found.flux, found.equivalent_width)

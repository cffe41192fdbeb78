"""A walk through draws of a posterior: their spectra, histories and places in the corner plot.

Everything is computed at once and sent in one message; the page steps by itself.
"""

from dataclasses import replace

import numpy as np

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.quantities import HISTORIES, quantity_columns
from sedflow.dashboard.state import LightOptions
from sedflow.draws import Draws
from sedflow.figures.corner_axes import CornerAxes, places
from sedflow.figures.histories import history_layers
from sedflow.figures.spectrum import sed_layers

#: Draws that a walk passes.
STEPS = 40


def walk(
    answer: Answer, options: LightOptions, rows: list[int], axes: CornerAxes
) -> dict[str, np.ndarray]:
    """What each step draws: name of a figure and "_x" (n,) or (step, n), "_y" (step, n).

    options : axes of the spectrum
    rows, axes : quantities of the corner plot, and where its panels are
    """
    wave, flux = answer.spectra
    order = np.random.default_rng(0).permutation(len(flux))[:STEPS]
    # The draws whose spectra the answer has.
    theta = answer.fit.draws.resampled(len(flux)).theta[order]
    one = replace(answer.fit, draws=Draws(theta), verdict=None)
    galaxy = answer.fit.photometry
    light = sed_layers(
        "",
        galaxy.bands,
        float(galaxy.redshift),
        curves={"walk": (wave, flux[order])},
        unit=options.unit,
        log=options.log,
        rest=options.rest,
    ).sources["walk"]
    out = {"sed_x": light["x"], "sed_y": light["y"]}
    for which in HISTORIES:
        layers = [
            history_layers(
                "", which, one.history.edges, answer.history_quantiles[which], lines={"walk": curve}
            ).sources["walk"]
            for curve in getattr(one.history, which)
        ]
        out[f"{which}_x"] = layers[0]["x"]
        out[f"{which}_y"] = np.stack([layer["y"] for layer in layers])
    out["corner_x"], out["corner_y"] = places(quantity_columns(one)[:, rows], axes)
    return {name: np.asarray(v, np.float32) for name, v in out.items()}

"""Slopes of the log posterior of one galaxy, for Hamiltonian moves.

The graph of the fast forward model and its reverse pass (`model.slopes`), at the galaxy's
redshift, on wide wavelength bins. Slopes that are a little off cost a sampler some acceptance
and nothing else: whether a step is taken is decided by the exact likelihood.
"""

import numpy as np

from sedflow.model.fast import run_graph
from sedflow.model.mass import REFERENCE
from sedflow.model.sed import SEDModel
from sedflow.model.tables import ForwardTables
from sedflow.parameters import N_PARAM, Prior
from sedflow.photometry import Photometry


class PosteriorGradient:
    """d/dx of log likelihood (mass integrated out) of a galaxy, x (n, 10) as in `to_unbounded`.

    Parameters
    ----------
    model : SEDModel
    prior : Prior
        Defines the coordinates x.
    galaxy : Photometry of shape ()
    """

    def __init__(self, model: SEDModel, prior: Prior, galaxy: Photometry) -> None:
        self._prior = prior
        z = float(galaxy.redshift)
        tables = ForwardTables(model, galaxy.bands, coarse=True)
        given = tables.fixed | tables.at(z)
        scale = tables.scale(np.full((1, N_PARAM), REFERENCE), np.array([z]))
        given["bands"] = (given["bands"] * scale / galaxy.sigma).astype(np.float32)
        given["data"] = (galaxy.flux / galaxy.sigma).astype(np.float32)
        self._given = given

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Slopes (n, 10) at x (n, 10); zero where the model has none."""
        x = np.concatenate([np.zeros((len(x), 1)), x], axis=1)
        theta = self._prior.from_unbounded(x)
        _, slope = run_graph("forward_slope", theta.astype(np.float32), self._given)
        slope = self._prior.slope_in_unbounded(slope.astype(float), x)[:, 1:]
        return np.nan_to_num(slope, nan=0.0, posinf=0.0, neginf=0.0)

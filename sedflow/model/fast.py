"""Photometry of many galaxies at once: the fast forward model on ONNX Runtime, without torch.

Its sums are those of `model.graph`, packaged as graphs; its numbers are those of
`model.tables`. Draws of one galaxy share a redshift, which is then folded into the tables.
Where each row has its own, rows are put in the order of redshift, and those between the same
knots share one product with the bands. `benchmarks/engine.py` says how fast, the tests how exact.
"""

from functools import cache
from itertools import pairwise

import numpy as np

from sedflow.files.packaged import checked_path
from sedflow.model.batch import chunks
from sedflow.model.tables import ForwardTables
from sedflow.threads import session

__all__ = ["FastPhotometry", "run_graph"]

# Rows at a time: scratch arrays stay in the processor's cache.
_CHUNK, _CHUNK_MANY = 256, 512
_SHARED = 100  # rows of a redshift, on average, from which folding it into the tables pays


class FastPhotometry:
    """Noise-free fluxes of a model in fixed bands.

    Call it with theta (n, 12), already checked, and redshift (n,) or (1,) up to the model's limit;
    it returns nanomaggies (n, n_band) in double precision. Use `SEDModel.photometry(...,
    method="fast")` for checked input of any batch shape.
    """

    def __init__(self, model, bands):
        self.tables = ForwardTables(model, bands)
        self.n_band = self.tables.n_band

    def __call__(self, theta, redshift) -> np.ndarray:
        return self.unscaled(theta, redshift) * self.scale(theta, redshift)

    def scale(self, theta, redshift) -> np.ndarray:
        """Factor (n, 1) from `unscaled` to nanomaggies: all that depends on the mass."""
        return self.tables.scale(theta, redshift)

    def unscaled(self, theta, redshift) -> np.ndarray:
        """The same (n, n_band) without mass and distance: draws of any mass share it."""
        theta, redshift = np.asarray(theta, np.float32), np.asarray(redshift, float)
        those, which = np.unique(redshift, return_inverse=True)
        if len(those) > 1 and len(those) * _SHARED > len(theta):
            return self._at_many(theta, redshift)
        flux = np.empty((len(theta), self.n_band))
        for k, one in enumerate(those):
            rows = slice(None) if len(those) == 1 else which == k
            flux[rows] = self._at_one(theta[rows], float(one))
        return flux

    def _at_one(self, theta, redshift):
        given, parts = self.tables.fixed | self.tables.at(redshift), chunks(len(theta), _CHUNK)
        return np.concatenate([run_graph("forward", theta[rows], given)[0] for rows in parts])

    def _at_many(self, theta, redshift):
        tables = self.tables
        first, weight = tables.between_knots(redshift)
        order = np.argsort(first, kind="stable")
        flux = np.empty((4, len(theta), self.n_band), np.float32)
        given = tables.fixed | tables.early | tables.late_nodes
        for chunk in chunks(len(order), _CHUNK_MANY):
            rows = order[chunk]
            late = {k: v.astype(np.float32) for k, v in tables.late(redshift[rows]).items()}
            waves = tables.seen(redshift[rows].min(), redshift[rows].max())
            late |= tables.at_waves(waves)
            (light,) = run_graph("forward_redshifts", theta[rows], given | late)
            knot = first[rows]
            cuts = [0, *(np.flatnonzero(np.diff(knot)) + 1), len(rows)]
            for start, end in pairwise(cuts):
                weights = tables.knot_weights[knot[start] : knot[start] + 4, waves]
                flux[:, rows[start:end]] = light[start:end] @ weights
        return np.einsum("knb,kn->nb", flux, weight)


def run_graph(name, theta, given):
    """Outputs of a packaged graph at theta (n, 12) float32, with the numbers it is given."""
    run = session(_graph(name))
    return run.run(None, {"theta": theta, **{k: given[k] for k in _inputs(name)}})


@cache
def _graph(name):
    return checked_path(f"{name}.onnx")


@cache
def _inputs(name):
    return [one.name for one in session(_graph(name)).get_inputs() if one.name != "theta"]

"""The fast forward model in numpy, as it was before it became a graph: kept to be compared with.

Wider wavelength bins than today's, a table of lower rank, two knots in redshift.
"""

import numpy as np

from sedflow.bands import band_weights
from sedflow.model.light import DustScreen, LightTable, flux_scale

__all__ = ["NumpyPhotometry"]

# Widths of the wavelength bins [dlnlambda], below and above the break [A, rest frame]: dust
# curves and the 4000 A break are steep in the blue, but the red leak of the u filter matters
# for very red galaxies. Knot spacing in redshift.
_BREAK = 4600.0
_BLUE_STEP, _RED_STEP = 0.002, 0.003
_KNOT_STEP = 0.002
# With bands that begin below `_UV_BAND` [A], bins below `_UV_BREAK` and knots are finer and the
# rank is higher: dust and young stars are steep there. Flux that dust dims by 100 mag underflows
# to zero in single precision.
_UV_BAND, _UV_BREAK, _UV_STEP, _UV_KNOT_STEP, _UV_RANK = 2500.0, 3300.0, 0.001, 0.001, 96
_RANK = 64  # of the SSP table: below 1e-4 mag in any band, where 32 leaves 1e-3
_CHUNK = 512  # galaxies at a time: scratch arrays stay in the processor's cache


class NumpyPhotometry:
    """Noise-free fluxes of a model in fixed bands.

    Call it with theta (n, 12), already checked, and redshift (n,) up to the model's limit;
    it returns nanomaggies (n, n_band) in double precision.
    """

    def __init__(self, model, bands):
        self.model = model
        curves = model._curves(bands)
        z_top = model.max_redshift(bands)
        low = min(band.extent[0] for band in curves) / (1.0 + z_top)
        low = min(low, min(band.wavelength[0] for band in curves))
        high = max(band.wavelength[-1] for band in curves)
        uv = min(band.wavelength[0] for band in curves) < _UV_BAND
        grid = model.grid.rebinned(_wave_edges(model.grid.wave_edges, low, high, uv))

        self._nodes = LightTable(grid, model.birth_cloud_age_gyr)
        self._young = _LowRank(self._nodes.young, _UV_RANK if uv else _RANK)
        self._old = _LowRank(self._nodes.old, _UV_RANK if uv else _RANK)
        self._dust = DustScreen(grid.wave)
        for name, curve in vars(self._dust).items():
            setattr(self._dust, name, curve.astype(np.float32))

        n_knot = int(np.ceil(z_top / (_UV_KNOT_STEP if uv else _KNOT_STEP))) + 1
        self._knots = np.linspace(0.0, z_top, n_knot)
        edges = grid.wave_edges * (1.0 + self._knots[:, None])
        weights = band_weights(curves, edges).astype(np.float32)
        # Both knots of an interval side by side: one product serves the interpolation.
        self._weights = np.concatenate([weights[:-1], weights[1:]], axis=-1)
        self.n_band = len(curves)

    def __call__(self, theta, redshift) -> np.ndarray:
        return self.unscaled(theta, redshift) * self.scale(theta, redshift)

    def scale(self, theta, redshift) -> np.ndarray:
        """Factor (n, 1) from `unscaled` to nanomaggies: all that depends on the mass."""
        return flux_scale(theta, redshift, self.model.grid.lsun)[:, None]

    def unscaled(self, theta, redshift) -> np.ndarray:
        """The same (n, n_band) without mass and distance: draws of any mass share it."""
        interval = np.clip(
            np.searchsorted(self._knots, redshift, side="right") - 1, 0, len(self._weights) - 1
        )
        order = np.argsort(interval, kind="stable")
        flux = np.empty((len(theta), self.n_band))
        for start in range(0, len(order), _CHUNK):
            rows = order[start : start + _CHUNK]
            flux[rows] = self._block(theta[rows], redshift[rows], interval[rows])
        return flux

    def _block(self, theta, redshift, interval):
        young, old = self._nodes.node_weights(self.model.populations(theta, redshift))
        light = self._dust.dim(self._young(young), self._old(old), theta.astype(np.float32))
        both = np.empty((len(theta), 2 * self.n_band))
        cuts = np.flatnonzero(np.diff(interval)) + 1
        for rows in np.split(np.arange(len(theta)), cuts):
            np.matmul(
                light[rows[0] : rows[-1] + 1],
                self._weights[interval[rows[0]]],
                out=both[rows[0] : rows[-1] + 1],
                casting="same_kind",
            )
        step = self._knots[interval + 1] - self._knots[interval]
        w = ((redshift - self._knots[interval]) / step)[:, None]
        return (1.0 - w) * both[:, : self.n_band] + w * both[:, self.n_band :]


class _LowRank:
    """weights @ table, for a table (n_node, n_wave) kept as a product of two thin ones.

    Rows are scaled to unit mean first, so that the error is relative to each node's own
    light and old populations are as exact as young ones.
    """

    def __init__(self, table, rank):
        scale = table.mean(axis=1, keepdims=True)
        u, s, vt = np.linalg.svd(table / scale, full_matrices=False)
        rank = min(rank, len(s))
        self._left = (u[:, :rank] * s[:rank] * scale).astype(np.float32)
        self._right = vt[:rank].astype(np.float32)

    def __call__(self, weights):
        return weights.astype(np.float32) @ self._left @ self._right


def _wave_edges(native, low, high, uv):
    """Edges of the wide bins between two wavelengths, plus one bin beyond each end."""
    low, high = max(low, native[0]), min(high, native[-1])
    start = max(low, _UV_BREAK) if uv else low
    finest = np.exp(np.arange(np.log(low), np.log(start), _UV_STEP))
    blue = np.exp(np.arange(np.log(start), np.log(min(_BREAK, high)), _BLUE_STEP))
    red = np.exp(np.arange(np.log(max(_BREAK, low)), np.log(high) + _RED_STEP, _RED_STEP))
    return np.concatenate([finest, blue, red])

"""The stellar mass, integrated out and drawn back exactly.

`log_mstar` only scales the flux, f = 10^log_mstar s(theta'), and its prior is flat in the
log. Given the other parameters, its posterior is one-dimensional,

    log p = const + b A - a A^2 / 2,   A = 10^(log_mstar - 10),   a = sum s^2 / sigma^2,
                                                              b = sum s f / sigma^2

flat in log A between the ends of the prior, and in tau = ln(A sqrt(a)) it depends on nothing
but the signal-to-noise ratio b / sqrt(a): `S e^tau - e^(2 tau) / 2`. So one grid of tau, laid
where the density is and denser towards its bright end, serves every galaxy from a blank band to
a saturated one. Between nodes the density is taken as linear.
"""

import numpy as np

from sedflow.constants import LN_10
from sedflow.model.batch import chunks
from sedflow.parameters import HIGH, LOW, index

__all__ = ["REFERENCE", "MassConditional"]

REFERENCE = 10.0  # log_mstar at which model fluxes are given
_I = index("log_mstar")
_LOW, _HIGH = LOW[_I], HIGH[_I]
_N_NODE = 145
_GRID = 1.0 - np.linspace(1.0, 0.0, _N_NODE) ** 2
_REACH = 8.0  # standard deviations on either side of the peak
_EDGE = 1e-12  # least and, from 1, largest quantile told
_FALL = 14.0  # e-folds, where only a flank of the peak lies inside the prior
_CHUNK = 250  # rows at a time: their nodes stay in the processor's cache


class MassConditional:
    """Posterior of `log_mstar` given the other parameters and the data.

    Parameters
    ----------
    flux : array (n, n_band)
        Model fluxes at log_mstar = `REFERENCE` [nanomaggies].
    data, sigma : array (n_band,) or (n, n_band)
        Observed fluxes and errors [nanomaggies].
    """

    def __init__(self, flux, data, sigma):
        s, d = flux / sigma, data / sigma
        a = np.maximum(np.square(s).sum(-1), 1e-200)
        self.snr = (s * d).sum(-1) / np.sqrt(a)
        self._offset = 0.5 * np.log(a) - LN_10 * REFERENCE  # tau - ln 10 log_mstar
        low, high = (LN_10 * edge + self._offset for edge in (_LOW, _HIGH))
        self._start, self._width = self._window(low, high)
        self._density, self._cumulative = np.zeros((2, len(a), _N_NODE))
        top = np.empty(len(a))
        for rows in chunks(len(a), _CHUNK):
            width = self._width[rows, None]
            tau = self._start[rows, None] + width * _GRID
            exponent = _exponent(self.snr[rows, None], tau)
            top[rows] = exponent.max(-1)
            density = self._density[rows]
            np.exp(exponent - top[rows, None], out=density)
            cells = 0.5 * (density[:, 1:] + density[:, :-1]) * (width * np.diff(_GRID))
            np.cumsum(cells, axis=-1, out=self._cumulative[rows, 1:])
        self._log_area = top + np.log(self._cumulative[:, -1])
        log_norm = np.log(2 * np.pi * np.square(np.broadcast_to(sigma, s.shape))).sum(-1)
        self._log_blank = -0.5 * (np.square(d).sum(-1) + log_norm)

    @property
    def log_marginal(self) -> np.ndarray:
        """Natural log of the likelihood (n,), averaged over the prior of log_mstar."""
        return self._log_blank + self._log_area - np.log(LN_10 * (_HIGH - _LOW))

    def draw(self, u) -> np.ndarray:
        """log_mstar (n,) at the quantiles u (n,) of its conditional posterior."""
        target = np.asarray(u) * self._cumulative[:, -1]
        cell = np.clip((self._cumulative <= target[:, None]).sum(-1) - 1, 0, _N_NODE - 2)
        below, left, slope = self._cell(cell)
        wanted = np.maximum(target - below, 0.0)
        # left s + slope s^2 / 2 = wanted, in the form that survives slope = 0.
        root = np.sqrt(np.maximum(left**2 + 2.0 * slope * wanted, 0.0))
        step = 2.0 * wanted / np.maximum(left + root, 1e-300)
        first, last = self._width * _GRID[cell], self._width * _GRID[cell + 1]
        tau = self._start + np.minimum(first + step, last)
        return np.clip((tau - self._offset) / LN_10, _LOW, _HIGH)

    def quantile_of(self, log_mstar) -> np.ndarray:
        """Cumulative probability (n,), within 0 and 1, at log_mstar (n,); undoes `draw`."""
        place = (LN_10 * np.asarray(log_mstar) + self._offset - self._start) / self._width
        place = np.clip(place, 0.0, 1.0)
        cell = ((1.0 - np.sqrt(1.0 - place)) * (_N_NODE - 1)).astype(int)
        cell = np.minimum(cell, _N_NODE - 2)
        below, left, slope = self._cell(cell)
        step = np.maximum(place - _GRID[cell], 0.0) * self._width
        quantile = (below + step * (left + 0.5 * slope * step)) / self._cumulative[:, -1]
        return np.clip(quantile, _EDGE, 1.0 - _EDGE)

    def log_prob(self, log_mstar) -> np.ndarray:
        """Natural log of the conditional density (n,) at log_mstar (n,)."""
        tau = LN_10 * np.asarray(log_mstar) + self._offset
        return _exponent(self.snr, tau) - self._log_area + np.log(LN_10)

    def _cell(self, cell):
        """Cumulative and density at the faint end of a cell (n,), and its slope."""
        rows = np.arange(len(cell))
        left, right = self._density[rows, cell], self._density[rows, cell + 1]
        width = self._width * (_GRID[cell + 1] - _GRID[cell])
        return self._cumulative[rows, cell], left, (right - left) / width

    def _window(self, low, high):
        """Start and width (n,) of the stretch of tau that holds the density."""
        with np.errstate(divide="ignore"):
            left = np.log(np.maximum(self.snr - _REACH, 0.0))  # -inf: all the way to faint
            right = np.log(np.maximum(self.snr, 0.0) + _REACH)
        start, end = np.maximum(low, left), np.minimum(high, right)
        # Where the whole peak lies outside the prior, its flank at the edge is steep.
        falling, rising = low >= right, high <= left
        slope_low, slope_high = (
            np.abs(self.snr * np.exp(edge) - np.exp(2 * edge)) + 1e-30 for edge in (low, high)
        )
        start = np.where(rising, np.maximum(low, high - _FALL / slope_high), start)
        end = np.where(falling, np.minimum(high, low + _FALL / slope_low), end)
        start, end = np.where(falling, low, start), np.where(rising, high, end)
        return start, np.maximum(end - start, 1e-12)


def _exponent(snr, tau):
    e = np.exp(tau)
    return snr * e - 0.5 * e * e

"""The features of `features` as a torch module: for any device, and to be exported.

The same formulas, without branches, loops over galaxies or look-ups that depend on the data, so
that a whole block is a handful of kernels on a card and a graph of plain operations in a file.
It computes in the precision of its input: in float32 the features agree with those of
`features` to 1e-4 (mostly 1e-6), in float64 to rounding.
"""

import math
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import nn

from sedflow.constants import POGSON
from sedflow.model.cosmology import MPC_CM, luminosity_distance_cm
from sedflow.model.noise import NoiseModel
from sedflow.network.features import ABSENT, LINEAR, MOST

_LN_10 = math.log(10.0)
_DEGREE = 11  # of the polynomial in redshift: 2e-10 dex from the cosmology


class LogDistance(nn.Module):
    """log10 of the luminosity distance [Mpc] at redshifts 0 < z <= 0.5.

    log10(z) and a polynomial, in place of the spline of `cosmology`.
    """

    coefficients: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        z = 0.25 * (1.0 + np.cos(np.linspace(0.0, np.pi, 400)))  # dense at the ends, as one must
        z = z[z > 1e-4]
        smooth = np.log10(luminosity_distance_cm(z) / MPC_CM / z)
        series = np.polynomial.Chebyshev.fit(z, smooth, _DEGREE, domain=[0.0, 0.5])
        self.register_buffer("coefficients", torch.as_tensor(series.coef), persistent=False)

    def forward(self, redshift: torch.Tensor) -> torch.Tensor:
        """Of the shape of `redshift`."""
        u = 4.0 * redshift - 1.0
        c = self.coefficients.to(redshift)
        one, two = torch.zeros_like(u), torch.zeros_like(u)
        for k in range(_DEGREE, 0, -1):  # Clenshaw's recurrence
            one, two = 2.0 * u * one - two + c[k], one
        return torch.log10(redshift) + u * one - two + c[0]


class UsualSigma(nn.Module):
    """Median and scatter of log10 sigma at a flux: `NoiseModel` as a module.

    Broken lines, as sums of ramps: no search for the segment that a point lies in.
    """

    def __init__(self, noise: NoiseModel) -> None:
        super().__init__()
        x, median = noise.log_flux, noise.median
        faint = (median[:, 2] - median[:, 0]) / (x[:, 2] - x[:, 0])
        self._line("median", x, median, np.clip(faint, 0.0, 1.0), 1.0)
        self._line("scatter", x, noise.scatter, np.zeros(len(x)), 0.0)
        self._buffer("nodes", x)
        self._buffer("floor", (0.1 * 10 ** x[:, 0]) ** 2)

    def _buffer(self, name, values):
        self.register_buffer(name, torch.as_tensor(np.array(values)), persistent=False)

    def _line(self, name, x, y, below, above):
        """Value at the first node, slope below it, and change of slope at every node."""
        inner = np.diff(y) / np.diff(x)
        slopes = np.column_stack([below, inner, np.full(len(x), above)])
        self._buffer(f"{name}_first", y[:, 0])
        self._buffer(f"{name}_below", below)
        self._buffer(f"{name}_bends", np.diff(slopes, axis=1))

    def forward(self, flux: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Median and scatter (n, n_band) of log10 sigma at fluxes (n, n_band) of any sign."""
        own: Any = {name: value.to(flux) for name, value in self.named_buffers()}
        x = 0.5 * torch.log10(flux * flux + own["floor"])
        steps = x[..., None] - own["nodes"]
        ramps, first = steps.clamp(min=0.0), steps[..., 0]

        def line(name):
            bends = (ramps * own[f"{name}_bends"]).sum(-1)
            return own[f"{name}_first"] + own[f"{name}_below"] * first + bends

        return line("median"), line("scatter")


class FeatureGraph(nn.Module):
    """What the network is shown of galaxies: `raw_features` and `standardise` in one.

    Parameters
    ----------
    noise : NoiseModel
        Of the network's bands.
    scaling : (centre, half), arrays (n_feature,)
        As `features.scaling` gives them.
    """

    def __init__(self, noise: NoiseModel, scaling: Any) -> None:
        super().__init__()
        n_band = len(noise.bands)
        self.usual, self.log_distance = UsualSigma(noise), LogDistance()
        self.n_band = n_band
        pairs = np.array([*combinations(range(n_band), 2)]).reshape(-1, 2)
        triples = np.array([*combinations(range(n_band), 3)]).reshape(-1, 3)
        i, j, k = triples.T
        own_band, none = [np.eye(n_band)] * 3, np.zeros((2 + n_band, n_band))
        needs = np.concatenate([_rows(pairs, n_band), _rows(triples, n_band), *own_band, none])
        centre, half = (np.asarray(a, float) for a in scaling)
        for name, value in {
            "pairs": pairs.T.copy(),
            "triples": triples.T.copy(),
            "near": (j - i) / np.maximum(k - i, 1),  # weight of the far end of the line at band j
            "needs": needs.T.copy(),  # bands without which a feature is missing
            "centre": centre,
            "spread": half,
        }.items():
            self.register_buffer(name, torch.tensor(value), persistent=False)

    def forward(
        self,
        flux: torch.Tensor,
        sigma: torch.Tensor,
        redshift: torch.Tensor,
        median: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Standardised features (n, n_feature), float32.

        flux, sigma (n, n_band) [nanomaggies], NaN in bands that are absent; redshift (n,)
        median (n, n_band) : of log10 sigma at that flux, from `usual`, if it is known
        """
        own: Any = dict(self.named_buffers())
        absent = torch.isnan(flux) | torch.isnan(sigma)
        flux, sigma = torch.where(absent, 1.0, flux), torch.where(absent, 1.0, sigma)
        if median is None:
            median = self.usual(flux)[0]
        excess = (torch.log10(sigma) - torch.where(absent, 0.0, median) - ABSENT).clamp(min=0.0)
        shrink = torch.exp(-_LN_10 * excess)
        flux, sigma = flux * shrink, sigma * shrink
        snr = flux / sigma
        square = snr * snr
        seen = torch.square(square / (1.0 + square))
        magnitude = 22.5 - POGSON * (_asinh(snr / 2.0) + torch.log(sigma))
        log_distance = self.log_distance(redshift)[:, None]
        raw = torch.cat(
            [
                *self._contrasts(magnitude, seen),
                seen * (magnitude - 5.0 * log_distance - 5.0),
                _asinh(snr),
                torch.log10(sigma) + 2.0 * log_distance,
                redshift[:, None],
                log_distance,
                (~absent).to(flux.dtype),
            ],
            dim=1,
        )
        scaled = (raw - own["centre"].to(flux)) / own["spread"].to(flux)
        squashed = (LINEAR * _asinh(scaled / LINEAR)).clamp(-MOST, MOST)
        missing = absent.to(flux.dtype) @ own["needs"].to(flux) > 0.5
        return torch.where(missing, 0.0, squashed).to(torch.float32)

    def _contrasts(self, magnitude, seen):
        """Colours (n, n_pair) and curvatures (n, n_triple), as far as there are bands for them."""
        own: Any = dict(self.named_buffers())
        m, s, parts = magnitude, seen, []
        if self.n_band > 1:
            i, j = own["pairs"].unbind()
            parts.append(s[:, i] * s[:, j] * (m[:, i] - m[:, j]))
        if self.n_band > 2:
            i, j, k = own["triples"].unbind()
            line = m[:, i] + own["near"].to(m) * (m[:, k] - m[:, i])
            parts.append(s[:, i] * s[:, j] * s[:, k] * (m[:, j] - line))
        return parts


def _rows(groups, n_band):
    """One row for each group of bands: 1 for those in it."""
    return np.array([[band in group for band in range(n_band)] for group in groups], float).reshape(
        -1, n_band
    )


def _asinh(x):
    """asinh, of operations that every runtime has in every precision."""
    size = x.abs()
    return torch.sign(x) * torch.log(size + torch.sqrt(size * size + 1.0))

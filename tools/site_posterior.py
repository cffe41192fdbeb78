"""From the flow's x to weighed draws, for the graphs of the static site: in torch.

The prior is that of `sedflow.parameters.Prior`, the mass that of
`sedflow.model.mass.MassConditional`, in double precision as there.
"""

import math

import numpy as np
import torch
from scipy.special import ndtr
from site_light import LN10, Table, mass_factor
from torch import nn

from sedflow.constants import LOG_2PI
from sedflow.model import mass as conditional
from sedflow.model.mass import REFERENCE
from sedflow.parameters import HIGH, LOW, index

__all__ = ["Weigh"]

_MASS = index("log_mstar")
_FINE, _FAR = 64, 10  # nodes of the normal distribution per unit, and how far they go


class Normal(Table):
    """Cumulative normal distribution in double, of which ONNX has none: Taylor about nodes."""

    def __init__(self):
        super().__init__()
        self.hold(at=ndtr(np.arange(-_FAR * _FINE, _FAR * _FINE + 1) / _FINE))

    def forward(self, x):
        x = x.clamp(-_FAR, _FAR)
        k = torch.floor(x * _FINE + 0.5)
        a = k / _FINE
        d = x - a
        density = torch.exp(-0.5 * a * a) * (1 / math.sqrt(2 * math.pi))
        terms = 1 - d * (a / 2 - d * ((a * a - 1) / 6 - d * (a * a - 3) * a / 24))
        return self.at[k.to(torch.int64) + _FAR * _FINE] + density * d * terms


class PriorMap(Table):
    """x (n, 10), where the prior is standard normal, to theta (n, 12) except the mass."""

    def __init__(self, prior):
        super().__init__()
        self.normal = Normal()
        self.power = [float(p) for p in prior.stick_power]
        boxed = slice(5, 12)
        self.hold(low=LOW[boxed], width=(HIGH - LOW)[boxed])

    def forward(self, x, log_mstar):
        """log_mstar (n, 1)"""
        u = self.normal(x.to(torch.float64))
        z1, z2, z3 = (
            torch.exp(torch.log(u[:, k : k + 1].clamp(min=1e-300)) / self.power[k])
            for k in range(3)
        )
        betas = [1 - z1, z1 * (1 - z2), z1 * z2 * (1 - z3), z1 * z2 * z3]
        return torch.cat([log_mstar, *betas, self.low + self.width * u[:, 3:]], 1)


class Mass(Table):
    """`MassConditional` of fluxes (n, n_band), data and errors (1, n_band), 0 where absent."""

    def __init__(self):
        super().__init__()
        self.hold(grid=conditional._GRID)
        self.low, self.high = (LN10 * float(edge[_MASS]) for edge in (LOW, HIGH))

    def forward(self, flux, data, inverse, u):
        """Log likelihood (n,) except the norm of the errors, and log_mstar (n,) at u (n,).

        inverse (1, n_band) : 1 / sigma
        """
        s, d = flux * inverse, data * inverse
        a = (s * s).sum(1).clamp(min=1e-200)
        snr = (s * d).sum(1) / torch.sqrt(a)
        offset = 0.5 * torch.log(a) - LN10 * REFERENCE
        start, width = self.window(snr, self.low + offset, self.high + offset)
        tau = start[:, None] + width[:, None] * self.grid
        e = torch.exp(tau)
        exponent = snr[:, None] * e - 0.5 * e * e
        top = exponent.max(1).values
        density = torch.exp(exponent - top[:, None])
        steps = width[:, None] * (self.grid[1:] - self.grid[:-1])
        cumulative = torch.cumsum(0.5 * (density[:, 1:] + density[:, :-1]) * steps, 1)
        cumulative = torch.cat([cumulative[:, :1] * 0, cumulative], 1)
        area = cumulative[:, -1]
        log_marginal = top + torch.log(area) - math.log(self.high - self.low)
        log_marginal = log_marginal - 0.5 * (d * d).sum()
        # Draws: in the cell of the quantile the density is taken as linear.
        target = u.to(torch.float64) * area
        cell = (cumulative <= target[:, None]).to(torch.int64).sum(1, keepdim=True) - 1
        cell = cell.clamp(0, self.grid.shape[0] - 2)
        below, left, right, size = (
            torch.gather(of, 1, cell)[:, 0]
            for of in (cumulative, density[:, :-1], density[:, 1:], steps)
        )
        wanted = (target - below).clamp(min=0)
        slope = (right - left) / size
        root = torch.sqrt((left * left + 2 * slope * wanted).clamp(min=0))
        step = 2 * wanted / (left + root).clamp(min=1e-300)
        first = width * self.grid[cell[:, 0]]
        tau = start + first + torch.minimum(step, size)
        return log_marginal, ((tau - offset) / LN10).clamp(self.low / LN10, self.high / LN10)

    def window(self, snr, low, high):
        """As `MassConditional._window`; the logs of nothing are -700 here, where exp is 0."""
        left = torch.log((snr - conditional._REACH).clamp(min=1e-304))
        right = torch.log(snr.clamp(min=0) + conditional._REACH)
        start, end = torch.maximum(low, left), torch.minimum(high, right)
        falling, rising = low >= right, high <= left
        steep_low, steep_high = (
            torch.abs(snr * torch.exp(edge) - torch.exp(2 * edge)) + 1e-30 for edge in (low, high)
        )
        fall = conditional._FALL
        start = torch.where(rising, torch.maximum(low, high - fall / steep_high), start)
        end = torch.where(falling, torch.minimum(high, low + fall / steep_low), end)
        start, end = torch.where(falling, low, start), torch.where(rising, high, end)
        return start, (end - start).clamp(min=1e-12)


class Weigh(nn.Module):
    """What the site asks of draws: their parameters, fluxes, and the terms of their weights.

    x (n, 10), u (n,) float32; redshift (1,), flux and sigma (1, n_band) double, NaN where absent
    -> theta (n, 12), model_flux (n, n_band) [nanomaggies], log_likelihood (n,) averaged over the
    prior of log_mstar, log_prior (n,) of x, chi2 (n,)
    """

    def __init__(self, light, prior):
        super().__init__()
        self.light, self.prior, self.mass = light, PriorMap(prior), Mass()

    def forward(self, x, u, redshift, flux, sigma):
        wide = x.to(torch.float64)
        theta = self.prior(x, wide[:, :1] * 0 + REFERENCE)
        at_reference = self.light.unscaled(theta, redshift)
        absent = torch.isnan(flux) | torch.isnan(sigma)
        nothing, one = torch.zeros_like(flux), torch.ones_like(flux)
        data, error = torch.where(absent, nothing, flux), torch.where(absent, one, sigma)
        inverse = torch.where(absent, nothing, 1 / error)
        log_marginal, log_mstar = self.mass(at_reference, data, inverse, u)
        norm = torch.where(absent, nothing, torch.log(error) + 0.5 * LOG_2PI).sum()
        theta = torch.cat([log_mstar[:, None], theta[:, 1:]], 1)
        model_flux = at_reference * mass_factor(theta)
        pulls = (model_flux - data) * inverse
        log_prior = -0.5 * ((wide * wide).sum(1) + x.shape[1] * LOG_2PI)
        return theta, model_flux, log_marginal - norm, log_prior, (pulls * pulls).sum(1)

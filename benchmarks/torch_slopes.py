"""The samplers' slopes by a torch model of their own, as they were: kept to be compared with."""

import numpy as np
import torch

from sedflow.bands import band_weights
from sedflow.model import cosmology, dust, sfh
from sedflow.model.light import LightTable, flux_scale
from sedflow.model.mass import REFERENCE
from sedflow.model.sed import SEDModel
from sedflow.model.ssp import SOLAR_Z
from sedflow.parameters import HIGH, LOW, N_PARAM, NAMES, Prior
from sedflow.photometry import Photometry

__all__ = ["TorchSlopes"]

_STEP = 0.03  # dlnlambda of the wavelength bins
_BOXED = NAMES.index("f_burst")  # first of the parameters that are uniform in a range
_PLAIN_SNR = 3.0  # above, the integral over mass is that of a Gaussian


class TorchSlopes:
    """d/dx of log likelihood (mass integrated out) of a galaxy, x (n, 10) as in `to_unbounded`.

    Parameters
    ----------
    model : SEDModel
    prior : Prior
        Defines the coordinates x.
    galaxy : Photometry of shape ()
    """

    def __init__(self, model: SEDModel, prior: Prior, galaxy: Photometry) -> None:
        z = float(galaxy.redshift)
        curves = model._curves(galaxy.bands)
        low = min(band.extent[0] for band in curves) / (1 + z) * 0.98
        high = max(band.extent[1] for band in curves) / (1 + z) * 1.02
        edges = np.exp(np.arange(np.log(low), np.log(high) + _STEP, _STEP))
        grid = model.grid.rebinned(edges)
        table = LightTable(grid, model.birth_cloud_age_gyr)
        n_age, n_met = grid.lg_age_gyr.size, table.n_met
        light = table.old.reshape(n_age, n_met, -1)

        self._age = float(cosmology.age_gyr(z))
        self._cloud_age = model.birth_cloud_age_gyr
        bins = sfh.bin_edges(self._age)
        centers = sfh.bin_centers(bins)
        node, weight = grid.age_weights(centers)
        in_cloud = (np.arange(n_age) < table.n_young)[:, None, None]

        def by_bin(nodes):
            upper = weight[:, None, None]
            both = (1 - upper) * nodes[node] + upper * nodes[node + 1]
            return _tensor(both.reshape(len(centers) * n_met, -1))

        self._young, self._old = by_bin(light * in_cloud), by_bin(light * ~in_cloud)
        self._young = self._young[: self._young.any(1).nonzero().max() + 1]  # the first few bins
        self._nodes = _tensor(light)
        self._lg_age, self._feh = _tensor(grid.lg_age_gyr), _tensor(grid.feh)
        self._met_index = torch.arange(n_met, dtype=torch.float32)

        bases = model.bases
        self._formed = _tensor(bases.formed_before(bins[1:]) - bases.formed_before(bins[:-1]))
        self._total = self._formed.sum(1)
        self._metals = _tensor(bases.metal_curves(centers))
        self._t_table, self._z_table = _tensor(bases.t_lookback), _tensor(bases.zh)

        wave = grid.wave
        self._calzetti, self._bump = (
            _tensor(curve(wave)) for curve in (dust.calzetti_curve, dust.bump_curve)
        )
        self._log_wave = _tensor(np.log(wave / dust.PIVOT))
        self._cloud = _tensor(dust.birth_cloud_curve(wave))
        reference = np.full((1, N_PARAM), REFERENCE)
        scale = flux_scale(reference, np.array([z]), grid.lsun)[0]
        bands = band_weights(curves, grid.wave_edges * (1 + z)) * scale / galaxy.sigma
        self._bands, self._data = _tensor(bands), _tensor(galaxy.flux / galaxy.sigma)
        self._low, self._range = _tensor(LOW[_BOXED:]), _tensor((HIGH - LOW)[_BOXED:])
        self._power = _tensor(1.0 / prior.stick_power)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Slopes (n, 10) at x (n, 10); zero where the model has none."""
        at = torch.tensor(x, dtype=torch.float32, requires_grad=True)
        (slope,) = torch.autograd.grad(self._log_likelihood(at).sum(), at)
        return np.nan_to_num(slope.numpy().astype(float), nan=0.0, posinf=0.0, neginf=0.0)

    def flux(self, x: torch.Tensor) -> torch.Tensor:
        """Model fluxes (n, n_band) in units of sigma at log_mstar = `mass.REFERENCE`."""
        u = torch.special.ndtr(x)
        z1, z2, z3 = (u[:, :3] ** self._power).unbind(1)
        beta = torch.stack([1 - z1, z1 * (1 - z2), z1 * z2 * (1 - z3), z1 * z2 * z3], 1)
        boxed = self._low + self._range * u[:, 3:]
        f_burst, t_burst, g1, g2, tau_bc, tau_ism, n_dust = boxed.unbind(1)
        f_burst = f_burst * (t_burst < self._age)
        gamma = 10 ** torch.stack([g1, g2], 1)

        steady = (beta @ self._formed) / (beta @ self._total)[:, None] * (1 - f_burst)[:, None]
        on_bins = (steady[:, :, None] * self._metal_weights(gamma @ self._metals)).flatten(1)
        young = on_bins[:, : len(self._young)] @ self._young
        old = on_bins @ self._old
        burst = self._burst(f_burst, t_burst, gamma)
        clouded = (t_burst < self._cloud_age)[:, None]
        young = young + burst * clouded
        old = old + burst * ~clouded

        light = young * torch.exp(-tau_bc[:, None] * self._cloud) + old
        bump = (dust.BUMP_OFFSET + dust.BUMP_SLOPE * n_dust)[:, None] * self._bump
        curve = (self._calzetti + bump) * torch.exp(n_dust[:, None] * self._log_wave)
        return (light * torch.exp(-tau_ism[:, None] * curve)) @ self._bands

    def _log_likelihood(self, x):
        """As `MassConditional.log_marginal`, but for a constant and the ends of the prior."""
        flux = self.flux(x)
        snr = (flux @ self._data) / flux.square().sum(1).sqrt()
        gaussian = snr.square() / 2 - torch.log(snr.clamp(min=1.0))
        at, slope = _PLAIN_SNR**2 / 2 - np.log(_PLAIN_SNR), _PLAIN_SNR - 1 / _PLAIN_SNR
        return torch.where(snr > _PLAIN_SNR, gaussian, at + slope * (snr - _PLAIN_SNR))

    def _burst(self, f_burst, t_burst, gamma):
        """Light (n, n_wave) of the burst: its four neighbours among the nodes of the grid."""
        place = _place(t_burst, self._t_table)
        low = place.detach().long().clamp(max=len(self._t_table) - 2)
        step = place - low
        history = self._z_table[:, low] * (1 - step) + self._z_table[:, low + 1] * step
        age = _place(torch.log10(t_burst), self._lg_age)
        metal = self._metal_place((gamma * history.T).sum(1))
        i = age.detach().long().clamp(max=self._nodes.shape[0] - 2)
        j = metal.detach().long().clamp(max=self._nodes.shape[1] - 2)
        u, v = (age - i)[:, None], (metal - j)[:, None]
        nodes = self._nodes
        young = nodes[i, j] * (1 - v) + nodes[i, j + 1] * v
        old = nodes[i + 1, j] * (1 - v) + nodes[i + 1, j + 1] * v
        return f_burst[:, None] * (young * (1 - u) + old * u)

    def _metal_weights(self, z):
        """Weights (..., n_met) of linear interpolation in [Fe/H] at metal fractions z (...)."""
        place = self._metal_place(z)[..., None]
        return (1 - (place - self._met_index).abs()).clamp(min=0)

    def _metal_place(self, z):
        z = z.clamp(sfh.Z_MIN, sfh.Z_MAX)
        return _place(torch.log10(z) - float(np.log10(SOLAR_Z)), self._feh)


def _tensor(array):
    return torch.from_numpy(np.array(array, dtype=np.float32))


def _place(value, nodes):
    """Where value (...) lies among nodes: 2.5 is halfway between the third and the fourth."""
    value = value.clamp(nodes[0], nodes[-1])
    i = torch.searchsorted(nodes, value.detach().contiguous(), right=True) - 1
    i = i.clamp(0, len(nodes) - 2)
    return i + (value - nodes[i]) / (nodes[i + 1] - nodes[i])

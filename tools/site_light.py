"""The light of one galaxy's draws, for the graphs of the static site: in torch, redshift as input.

The sums are those of `sedflow.model.graph`. What `ForwardTables.at` folds into its tables for a
redshift, on the outside, these modules compute from the redshift in double precision: age and
distance, the time bins that the age of the universe cuts, and the weights of the bands.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from sedflow.bands import FLUX_UNIT
from sedflow.constants import AB_FNU, C_ANGSTROM
from sedflow.model import cosmology, graph, sfh
from sedflow.model.mass import REFERENCE
from sedflow.model.tables import ForwardTables
from sedflow.site.planes import rounded

__all__ = ["Cosmos", "Forward", "Light", "Spectrum", "Table", "Times", "mass_factor", "piece"]

LN10 = math.log(10.0)
_BITS = 18  # of the SSP table, which is the largest: 5e-6 mag


def piece(x, nodes):
    """Index of the piece of nodes (k,) that holds x (...), by comparison with all of them."""
    return (x[..., None] >= nodes[1:-1]).to(torch.int64).sum(-1)


class Table(nn.Module):
    """A module whose constants are buffers, in double precision unless they are whole."""

    def hold(self, **arrays):
        for name, array in arrays.items():
            self.register_buffer(name, torch.as_tensor(np.array(array)))


class Cosmos(Table):
    """Age of the universe [Gyr] and luminosity distance [cm] at a redshift (1,) up to `top`."""

    def __init__(self, top):
        super().__init__()
        table = cosmology._table()
        self.step = float(table["redshift"][1])
        kept = slice(int(top / self.step) + 2)
        self.last = kept.stop - 2
        for name, unit in (("age", 1.0), ("distance", cosmology.MPC_CM)):
            slopes = table[f"{name}_slope"][kept] * unit * self.step
            self.hold(**{name: table[name][kept] * unit, f"{name}_slope": slopes})

    def read(self, redshift, name):
        values, slopes = getattr(self, name), getattr(self, f"{name}_slope")
        k = (redshift / self.step).to(torch.int64).clamp(0, self.last)
        t = redshift / self.step - k
        value, rise = values[k], values[k + 1] - values[k]
        bend = slopes[k] - rise
        return value + t * (rise + (1 - t) * (bend * (1 - t) - (slopes[k + 1] - rise) * t))


class Times(Table):
    """What the history bases give at look-back times; `sedflow.model.sfh.HistoryBases`."""

    def __init__(self, bases):
        super().__init__()
        step = np.diff(bases.t_lookback)
        self.hold(
            time=bases.t_lookback,
            cumulative=bases._cumulative,
            sfh=bases.sfh,
            sfh_slope=np.diff(bases.sfh, axis=1) / step,
            zh=bases.zh,
            zh_slope=np.diff(bases.zh, axis=1) / step,
        )

    def formed_before(self, t):
        """Integral (4, n) of each basis up to look-back times t (n,)."""
        i = piece(t, self.time)
        dt = t - self.time[i]
        return self.cumulative[:, i] + dt * (self.sfh[:, i] + 0.5 * dt * self.sfh_slope[:, i])

    def metal_curves(self, t):
        """The two metallicity bases (2, n) at look-back times t (n,)."""
        i = piece(t, self.time)
        return self.zh[:, i] + (t - self.time[i]) * self.zh_slope[:, i]


class _Band(Table):
    """Weights (n_wave,) of one band on bins with these edges; `sedflow.bands.band_weights`."""

    def __init__(self, band):
        super().__init__()
        wave, response = band.wavelength, band.response
        slope = np.diff(response) / np.diff(wave)
        half = (response[:-1] + slope * wave[:-1]) / 2
        ab = C_ANGSTROM * AB_FNU * band.integral(np.array([0.0, np.inf]), -1)[0]
        unit = FLUX_UNIT * 1e9 / ab
        t = np.diff(wave)
        whole = t * (response[:-1] * wave[:-1] + t * (half + t * slope / 3))
        self.hold(
            wave=wave,
            linear=unit * response[:-1] * wave[:-1],
            square=unit * half,
            cube=unit * slope / 3,
            before=unit * np.concatenate([[0.0], whole.cumsum()[:-1]]),
        )

    def forward(self, edges):
        x = edges.clamp(self.wave[0], self.wave[-1])
        i = piece(x, self.wave)
        t = x - self.wave[i]
        total = self.before[i] + t * (self.linear[i] + t * (self.square[i] + t * self.cube[i]))
        return total[1:] - total[:-1]


class Light(Table):
    """Spectra and fluxes of draws of one galaxy.

    Parameters
    ----------
    model : SEDModel
    """

    def __init__(self, model):
        super().__init__()
        tables = ForwardTables(model, model.bands)
        fixed = dict(tables.fixed)
        for name in ("nodes", "spectra"):
            fixed[name] = rounded(fixed[name], _BITS)
        self.names = [*fixed, "formed", "metals"]
        self.hold(**fixed, formed=tables.early["formed"], metals=tables.early["metals"])
        self.cosmos, self.times = Cosmos(model.max_redshift()), Times(model.bases)
        self.bands = nn.ModuleList(_Band(band) for band in tables._curves)
        self._hold_ages(tables)
        rows = np.arange(tables.grid.lg_age_gyr.size)[tables._late_slice]
        self.hold(
            edges=tables.grid.wave_edges,
            late_edges=np.minimum(sfh._EDGES[tables._late.start :], 1e3),
            late_log_age=tables.grid.lg_age_gyr[rows],
            wave=tables.grid.wave,
        )
        self.log_scale = math.log(tables.grid.lsun / (4 * math.pi * FLUX_UNIT)) + LN10 * REFERENCE

    def _hold_ages(self, tables):
        """Weights of the age nodes in the time bins that are the same at all redshifts."""
        n_age = tables.grid.lg_age_gyr.size
        n_bin = tables.early["formed"].shape[1]
        ia, wa = tables.grid.age_weights(sfh.bin_centers(sfh.bin_edges(np.inf))[:n_bin])
        weights = np.zeros((n_bin, n_age), np.float32)
        weights[np.arange(n_bin), ia], weights[np.arange(n_bin), ia + 1] = 1 - wa, wa
        young = np.arange(n_age) < tables._n_young
        self.kept, self.n_met = tables._late_slice, tables._n_met
        self.hold(
            old_ages=weights * ~young,
            young_ages=(weights * young)[: len(tables.early["young"])],
            late_young=young[self.kept, None, None].astype(np.float32),
        )

    def bins(self):
        """Light of the time bins, as `ForwardTables.early` and `late_nodes` have it."""
        light = {}
        by_age = self.nodes.reshape(self.old_ages.shape[1], -1)
        for name in ("old", "young"):
            bins = getattr(self, f"{name}_ages") @ by_age
            light[name], light[f"{name}_step"] = self._steps(bins)
        late = by_age[self.kept].reshape(self.late_young.shape[0], self.n_met, -1)
        late = torch.cat([late * (1 - self.late_young), late * self.late_young], -1)
        light["late"], light["late_step"] = self._steps(late)
        return light

    def _steps(self, light):
        light = light.reshape(light.shape[0], self.n_met, -1)
        return light[:, 0], (light[:, 1:] - light[:, :-1]).reshape(-1, light.shape[-1])

    def given(self, redshift):
        """What `graph.light` needs at a redshift (1,): the numbers of `ForwardTables.late`."""
        age = self.cosmos.read(redshift, "age")
        edges = torch.minimum(self.late_edges, age)
        centers = 0.5 * (edges[1:] + edges[:-1])
        nodes = self.late_log_age
        place = torch.log(centers) / LN10
        i = piece(place, nodes)
        w = (place - nodes[i]) / (nodes[i + 1] - nodes[i])
        rows = torch.arange(nodes.shape[0])[:, None]
        ages = (rows == i).to(w.dtype) * (1 - w) + (rows == i + 1).to(w.dtype) * w
        formed = self.times.formed_before(edges)
        whole = self.times.formed_before(torch.cat([age * 0, age]))
        late = {
            "age": age[:, None],
            "total": (whole[:, 1:] - whole[:, :1]).T,
            "late_formed": (formed[:, 1:] - formed[:, :-1])[None],
            "late_metals": self.times.metal_curves(centers)[None],
            "late_ages": ages[None],
        }
        given = {name: getattr(self, name) for name in self.names} | self.bins()
        return given | {name: value.to(torch.float32) for name, value in late.items()}

    def through_bands(self, light, redshift):
        """Fluxes (n, n_band) per solar mass, without distance, of light (n, n_wave)."""
        edges = self.edges * (1 + redshift)
        weights = torch.stack([band(edges) for band in self.bands], 1)
        return (light @ weights.to(torch.float32)).to(torch.float64)

    def scale(self, redshift):
        """Factor (1,) to 1e-17 erg/s/cm2/A, and with the bands to nanomaggies, at `REFERENCE`."""
        distance = self.cosmos.read(redshift, "distance")
        return torch.exp(self.log_scale - 2 * torch.log(distance) - torch.log(1 + redshift))

    def unscaled(self, theta: Tensor, redshift: Tensor) -> Tensor:
        """Fluxes (n, n_band) [nanomaggies] at log_mstar = `REFERENCE`, double precision."""
        light = graph.light(theta.to(torch.float32), self.given(redshift))
        return self.through_bands(light, redshift) * self.scale(redshift)


class Forward(nn.Module):
    """theta (n, 12), redshift (1,) -> fluxes (n, n_band) [nanomaggies]."""

    def __init__(self, light):
        super().__init__()
        self.light = light

    def forward(self, theta, redshift):
        return self.light.unscaled(theta, redshift) * mass_factor(theta)


class Spectrum(nn.Module):
    """theta, redshift -> wavelengths (w,) [A, observed], F_lambda (n, w) [1e-17 erg/s/cm2/A]."""

    def __init__(self, light):
        super().__init__()
        self.light = light

    def forward(self, theta, redshift):
        light = graph.light(theta.to(torch.float32), self.light.given(redshift))
        scale = self.light.scale(redshift) * mass_factor(theta)
        return self.light.wave * (1 + redshift), (light.to(torch.float64) * scale).to(torch.float32)


def mass_factor(theta):
    """10^(log_mstar - REFERENCE) (n, 1)."""
    return torch.exp(LN10 * (theta[:, :1] - REFERENCE))

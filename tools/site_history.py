"""Derived quantities and histories of draws, for the graphs of the static site: in torch.

The twins of `sedflow.model.derived.derive`, `SEDModel.history` and `History.formed`, for one
redshift, in double precision.
"""

import numpy as np
import torch
from site_light import LN10, Cosmos, Table, Times, piece

from sedflow.constants import POGSON
from sedflow.model import derived, dust, sfh
from sedflow.model.ssp import SOLAR_Z
from sedflow.parameters import BETAS, index

__all__ = ["Histories", "Quantities"]

GAMMAS = slice(index("log_gamma1"), index("log_gamma2") + 1)
_FAR = 1e3  # Gyr: later than any age


def column(theta, name):
    k = index(name)
    return theta[:, k : k + 1]


def log10(x):
    return torch.log(x) / LN10


class Past(Table):
    """Time bins at a redshift, and what forms in them."""

    def __init__(self, model):
        super().__init__()
        self.cosmos, self.times = Cosmos(model.max_redshift()), Times(model.bases)
        self.hold(edges=np.minimum(sfh._EDGES, _FAR))

    def bins(self, redshift):
        """Age (1,) and edges (43,) [Gyr]."""
        age = self.cosmos.read(redshift, "age")
        return age, torch.minimum(self.edges, age)

    def steady(self, theta, edges):
        """Share (n, 42) of the mass formed in each bin, without a burst."""
        formed = theta[:, BETAS] @ self.times.formed_before(edges)
        return (formed[:, 1:] - formed[:, :-1]) / (formed[:, -1:] - formed[:, :1])

    def metals(self, theta, times):
        """Metal mass fraction of stars formed at times (m,): (n, m)."""
        z = torch.exp(LN10 * theta[:, GAMMAS]) @ self.times.metal_curves(times)
        return z.clamp(sfh.Z_MIN, sfh.Z_MAX)

    def burst_metals(self, theta):
        """The same (n, 1) at the time of each draw's burst."""
        curves = self.times.metal_curves(column(theta, "t_burst")[:, 0]).T
        z = (torch.exp(LN10 * theta[:, GAMMAS]) * curves).sum(1, keepdim=True)
        return z.clamp(sfh.Z_MIN, sfh.Z_MAX)


class Surviving(Table):
    """Mass left per mass formed, of populations of given ages and metallicities."""

    def __init__(self, grid):
        super().__init__()
        self.hold(log_age=grid.lg_age_gyr, log_z=grid.feh + np.log10(SOLAR_Z))
        self.hold(left=grid.mass_remaining)

    def at_age(self, age):
        """Mass left (m, n_met) at ages (m,) [Gyr]."""
        x = log10(age)
        i = piece(x, self.log_age)
        w = ((x - self.log_age[i]) / (self.log_age[i + 1] - self.log_age[i])).clamp(0, 1)
        return ((1 - w) * self.left[:, i] + w * self.left[:, i + 1]).T

    def forward(self, age, z):
        """Mass left (n, m) at ages (m,), of metal fractions z (n, m); or m = n ages, z (n, 1)."""
        left = self.at_age(age)
        place = log10(z)[..., None] - self.log_z[:-1]
        share = (place / (self.log_z[1:] - self.log_z[:-1])).clamp(0, 1)
        left = left if z.shape[1] != 1 else left[:, None]
        return left[..., 0] + (share * (left[..., 1:] - left[..., :-1])).sum(-1)


class Quantities(Past):
    """theta (n, 12), redshift (1,) -> the rows of `DERIVED` that every grid has, (n, k)."""

    def __init__(self, model):
        super().__init__(model)
        self.surviving = Surviving(model.grid)
        names = [q.name for q in derived.quantities_of(model) if q in derived.DERIVED]
        self.names = names
        v_band = np.array([derived._V_BAND])
        self.curve = float(dust.calzetti_curve(v_band)[0])
        self.bump = float(dust.bump_curve(v_band)[0])

    def forward(self, theta, redshift):
        age, edges = self.bins(redshift)
        centers = 0.5 * (edges[1:] + edges[:-1])
        steady = self.steady(theta, edges)
        t_burst, log_mass = column(theta, "t_burst"), column(theta, "log_mstar")
        f_burst = column(theta, "f_burst") * (t_burst < age).to(theta.dtype)
        mass, z, burst_z = steady * (1 - f_burst), self.metals(theta, centers), None
        burst_z = self.burst_metals(theta)
        left = (mass * self.surviving(centers, z)).sum(1, keepdim=True)
        left = left + f_burst * self.surviving(t_burst[:, 0], burst_z)
        log_z = log10((mass * z).sum(1, keepdim=True) + f_burst * burst_z)
        tau, n = column(theta, "tau_ism"), column(theta, "n_dust")
        slope = dust.BUMP_OFFSET + dust.BUMP_SLOPE * n
        out = {
            "log_mass_formed": log_mass,
            "log_mass_surviving": log_mass + log10(left),
            "age_mw": (mass * centers).sum(1, keepdim=True) + f_burst * t_burst,
            "log_z_mw": log_z,
            "log_z_mw_solar": log_z - float(np.log10(SOLAR_Z)),
            "a_v": POGSON * tau * (self.curve + slope * self.bump),
        }
        for name, gyr in zip(("10myr", "100myr", "1gyr"), sfh.RATES_GYR, strict=True):
            rate = self.rate(steady, edges, gyr, f_burst, t_burst)
            out[f"log_sfr_{name}"] = log_mass + log10(rate)
        out["log_ssfr_1gyr"] = out["log_sfr_1gyr"] - log_mass
        return torch.cat([out[name] for name in self.names], 1)

    def rate(self, steady, edges, gyr, f_burst, t_burst):
        """Mean star-formation rate (n, 1) per mass formed over the last `gyr` [1/yr]."""
        share = ((gyr - edges[:-1]) / (edges[1:] - edges[:-1]).clamp(min=1e-12)).clamp(0, 1)
        formed = (1 - f_burst) * (steady * share).sum(1, keepdim=True)
        formed = formed + f_burst * (t_burst < gyr).to(f_burst.dtype)
        return formed / (gyr * 1e9)


class Histories(Past):
    """theta, redshift -> edges (46,) [Gyr], sfr (n, 45), metallicity (n, 45), formed (n, 46)."""

    def __init__(self, model):
        super().__init__(model)
        coarse = sfh.bin_edges(np.inf)
        fine = sfh.fine_edges(coarse)
        self.hold(
            fine=np.minimum(fine, _FAR),
            whole=np.searchsorted(coarse, fine[:-1], side="right") - 1,
        )

    def forward(self, theta, redshift):
        age, edges = self.bins(redshift)
        fine = torch.minimum(self.fine, age)
        width, whole = fine[1:] - fine[:-1], self.whole
        share = width / (edges[1:] - edges[:-1])[whole].clamp(min=1e-12)
        t_burst, f_burst = column(theta, "t_burst"), column(theta, "f_burst")
        holds = ((fine[:-1] <= t_burst) & (t_burst < fine[1:])).to(theta.dtype)
        f_burst = f_burst * holds.sum(1, keepdim=True)
        mass = self.steady(theta, edges)[:, whole] * share * (1 - f_burst) + f_burst * holds
        mass = mass * torch.exp(LN10 * column(theta, "log_mstar"))
        rate = mass / (1e9 * width.clamp(min=1e-12))
        metals = self.metals(theta, 0.5 * (edges[1:] + edges[:-1]))[:, whole]
        total = mass.sum(1, keepdim=True)
        before = torch.cat([total * 0, torch.cumsum(mass, 1)], 1)
        return fine, rate, metals, ((total - before) / total).clamp(min=0)

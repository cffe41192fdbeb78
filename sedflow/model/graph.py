"""The fast forward model, written once, in torch: batched on any device, and differentiable.

`ForwardModel` is the simulator of training, at a redshift of its own for each row. With one
redshift folded into its tables, the same lines become the graphs in `sedflow/data`
(`tools/build_graphs.py`), which ONNX Runtime runs without torch: see `model.fast`.

All in single precision, but for redshift, distance and mass, whose factor is in double. Sums
over metallicity are dense: the light of linear interpolation is that of the lowest node plus a
share, from 0 to 1, of each step to the next one.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from sedflow.model import sfh
from sedflow.model.mass import REFERENCE
from sedflow.model.tables import BY_WAVE, ForwardTables, cubic
from sedflow.parameters import BETAS, index
from sedflow.threads import limit_torch

limit_torch()

LN10 = math.log(10.0)
GAMMAS = slice(index("log_gamma1"), index("log_gamma2") + 1)
F_BURST, T_BURST = index("f_burst"), index("t_burst")
TAU_BC, TAU_ISM, N_DUST = (index(name) for name in ("tau_bc", "tau_ism", "n_dust"))
_CHUNK = 1024
_N_REDSHIFT = 8193  # at which what depends on redshift is tabulated; linear in between: 1e-6 mag


class ForwardModel(nn.Module):
    """Noise-free fluxes: theta (n, 12), redshift (n,) -> nanomaggies (n, n_band), float64.

    Parameters
    ----------
    model : SEDModel
    bands : tuple of str

    Move it with `.to(device)`; give it rows on that device, of either precision, within the
    prior and up to `model.max_redshift(bands)`: it checks neither.
    """

    def __init__(self, model, bands):
        super().__init__()
        tables = self._tables = ForwardTables(model, bands)
        self.n_band = tables.n_band
        self._names = [*tables.fixed, *tables.early, *tables.late_nodes]
        for name, array in (tables.fixed | tables.early | tables.late_nodes).items():
            self.register_buffer(name, torch.from_numpy(array))
        z = np.linspace(0.0, tables.max_redshift, _N_REDSHIFT)
        safe = np.maximum(z, z[1] * 1e-3)
        # The distance goes as z near 0: without z^2, its factor is smooth.
        columns = {"log_scale": (tables.log_scale(safe) + 2 * np.log(safe))[:, None]}
        columns |= tables.late(z)
        self._shapes = {name: array.shape[1:] for name, array in columns.items()}
        flat = np.concatenate([array.reshape(len(z), -1) for array in columns.values()], axis=1)
        self.register_buffer("_at_redshift", torch.from_numpy(flat))
        self._step = z[1]
        self._knot_step = tables.knots[1]
        self.register_buffer("_knot_weights", torch.from_numpy(tables.knot_weights))

    def forward(self, theta: Tensor, redshift: Tensor) -> Tensor:
        if not len(theta):
            return theta.new_zeros(0, self.n_band, dtype=torch.float64)
        # In the order of redshift, rows between the same knots share one product with the bands.
        order = torch.argsort(redshift)
        # On a processor a few at a time: what lies between two products stays in its cache.
        size = len(order) if theta.is_cuda else _CHUNK
        flux = torch.cat([self._flux(theta[rows], redshift[rows]) for rows in order.split(size)])
        back = torch.empty_like(order)
        back[order] = torch.arange(len(order), device=order.device)
        return flux[back]

    def _flux(self, theta, redshift):
        """Fluxes of rows in the order of redshift."""
        redshift = redshift.to(torch.float64)
        given, log_scale = self._given(redshift)
        weights = self._knot_weights
        if not theta.is_cuda:  # the wavelengths that no band sees are left out
            waves = self._tables.seen(float(redshift[0]), float(redshift[-1]))
            given |= {name: given[name][:, waves] for name in BY_WAVE}
            weights = weights[:, waves]
        spectra = light(theta.to(torch.float32), given)
        mass = LN10 * (theta[:, :1].to(torch.float64) - REFERENCE)
        return self._through_bands(spectra, redshift, weights) * torch.exp(mass + log_scale)

    def _given(self, redshift):
        """What `light` needs at redshifts (n,), and the log of the factor to nanomaggies."""
        place = redshift / self._step
        i = place.long().clamp(0, len(self._at_redshift) - 2)
        w = (place - i)[:, None]
        flat = (1 - w) * self._at_redshift[i] + w * self._at_redshift[i + 1]
        sizes = [math.prod(shape) for shape in self._shapes.values()]
        parts = {
            name: part.reshape(-1, *shape)
            for (name, shape), part in zip(self._shapes.items(), flat.split(sizes, 1), strict=True)
        }
        log_scale = parts.pop("log_scale") - 2 * torch.log(redshift)[:, None]
        given = {name: getattr(self, name) for name in self._names}
        return given | {name: part.to(torch.float32) for name, part in parts.items()}, log_scale

    def _through_bands(self, spectra, redshift, at_knots):
        """Means over the bands (n, n_band), float64; rows in the order of redshift."""
        place = redshift / self._knot_step
        first = (place.long() - 1).clamp(0, len(self._knot_weights) - 4)
        knots, counts = torch.unique_consecutive(first, return_counts=True)
        parts = spectra.split(counts.tolist())
        flux = torch.cat(
            [part @ at_knots[k : k + 4] for part, k in zip(parts, knots.tolist(), strict=True)],
            1,
        )
        weights = torch.stack(cubic(place - first))[..., None]
        return (flux.to(torch.float64) * weights).sum(0)


def light(theta: Tensor, given: dict[str, Tensor]) -> Tensor:
    """Attenuated light (n, n_wave) [Lsun/A] per solar mass formed, in the galaxy's frame.

    theta (n, 12) float32; given : the numbers of `ForwardTables` for the grid and the redshift,
    the same for all rows (`at`) or for each its own (`late`, with `early` and `late_nodes`)
    """
    young, old = populations(theta, given)
    dust = screens(theta, given)
    return (young @ given["spectra"] * dust[0] + old @ given["spectra"]) * dust[1]


def populations(theta, given):
    """Young and old light (n, rank), as coefficients of the rows of `spectra`."""
    f_burst, gamma = burst_share(theta, given), gammas(theta)
    young, old = _steady(theta, f_burst, gamma, given)
    rows, mass, inside = burst_nodes(theta, f_burst, gamma, given)[:3]
    # One product for both: the light of the four nodes, in clouds and outside.
    burst = torch.stack([mass * inside, mass * (1 - inside)], 1) @ given["nodes"][rows]
    return young + burst[:, 0], old + burst[:, 1]


def gammas(theta):
    return torch.exp(LN10 * theta[:, GAMMAS])


def burst_share(theta, given):
    """f_burst (n, 1), and 0 where the burst is older than the universe."""
    exists = (theta[:, T_BURST, None] < given["age"]).to(theta.dtype)
    return theta[:, F_BURST, None] * exists


def _steady(theta, f_burst, gamma, given):
    """Young and old light (n, rank) of the time bins."""
    beta = theta[:, BETAS]
    unit = unit_mass(theta, f_burst, given)
    mass = (beta @ given["formed"]) * unit
    share = (mass[:, :, None] * metal_shares(gamma @ given["metals"], given)).flatten(1)
    n_young, n_share = given["young"].shape[0], given["young_step"].shape[0]
    old = mass @ given["old"] + share @ given["old_step"]
    young = mass[:, :n_young] @ given["young"] + share[:, :n_share] @ given["young_step"]
    if "late" not in given:
        return young, old
    mass = (beta[:, :, None] * given["late_formed"]).sum(1) * unit
    z = (gamma[:, :, None] * given["late_metals"]).sum(1)
    share = mass[:, :, None] * metal_shares(z, given)
    on_nodes = (given["late_ages"] @ mass[:, :, None])[:, :, 0] @ given["late"]
    on_nodes = on_nodes + (given["late_ages"] @ share).flatten(1) @ given["late_step"]
    rank = old.shape[1]
    return young + on_nodes[:, rank:], old + on_nodes[:, :rank]


def unit_mass(theta, f_burst, given):
    """Factor (n, 1) that makes the time bins form 1 - f_burst together."""
    return (1 - f_burst) / (theta[:, BETAS] * given["total"]).sum(1, keepdim=True)


def burst_nodes(theta, f_burst, gamma, given):
    """The burst's four neighbours among the nodes of the grid, and how it lies between them.

    Returns the nodes (n, 4), their masses (n, 4), how much of each sits in birth clouds (n, 4),
    the places u and v (n,) between two ages and two metallicities, and what led there.
    """
    t_burst = theta[:, T_BURST]
    piece, w = place(t_burst, given["time"])
    history = given["history"][piece]  # both bases, and their rises
    metals = history[:, :2] + w[:, None] * history[:, 2:]
    z = (gamma * metals).sum(1)
    i, u = place(torch.log(t_burst), given["log_age"])
    j, v = place(log_z(z), given["log_z"])
    n_met = given["log_z"].shape[0]
    node = i * n_met + j
    rows = torch.stack([node, node + 1, node + n_met, node + n_met + 1], 1)
    a, b = u.clamp(0, 1), v.clamp(0, 1)
    corners = torch.stack([(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b], 1)
    # As in the published model, a burst of 10 Myr or more has left its birth clouds.
    young = (t_burst < given["cloud_age"]).to(theta.dtype)[:, None]
    inside = young * given["clouded"][rows]
    return rows, corners * f_burst, inside, u, v, i, j, piece, z, metals, history


def screens(theta, given):
    """What birth clouds and diffuse dust let through (n, n_wave)."""
    curve, slope = diffuse(theta, given)
    return torch.exp(-theta[:, TAU_BC, None] * given["birth_cloud"]), torch.exp(curve * slope)


def diffuse(theta, given):
    """Minus the optical depth (n, n_wave) of the diffuse dust, as a product of two factors."""
    tau, n = theta[:, TAU_ISM, None], theta[:, N_DUST, None]
    return torch.cat([-tau, -tau * n], 1) @ given["diffuse"], torch.exp(n * given["log_wave"])


def metal_shares(z, given):
    """Share (..., n_met - 1) of each step between metallicity nodes that z (...) has climbed."""
    return metal_places(z, given).clamp(0, 1)


def metal_places(z, given):
    nodes = given["log_z"]
    return (log_z(z)[..., None] - nodes[:-1]) * (1 / (nodes[1:] - nodes[:-1]))


def log_z(z):
    return torch.log(z.clamp(sfh.Z_MIN, sfh.Z_MAX))


def place(x, nodes):
    """Piece of the nodes (k,) that holds x (n,), and where in it: from 0 to 1 inside of it."""
    i = (x[:, None] >= nodes[1:-1]).to(torch.int64).sum(1)
    return i, (x - nodes[i]) / (nodes[i + 1] - nodes[i])

"""The reverse pass of the fast forward model, written out, so that it can be a graph.

What torch's automatic differentiation does to `model.graph` (a test compares them) cannot be
exported; these lines can. They name what the forward pass computed again, which costs nothing:
a runtime computes equal terms of a graph once.
"""

import torch
from torch import Tensor

from sedflow.model import graph, sfh
from sedflow.parameters import BETAS

PLAIN_SNR = 3.0  # above, the integral over mass is that of a Gaussian


def log_likelihood_and_slope(theta: Tensor, given: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Log likelihood (n,) of a galaxy, mass integrated out, and its slope (n, 12) in theta.

    As `MassConditional.log_marginal`, but for a constant and the ends of the prior.

    theta (n, 12) float32; given : the numbers of `ForwardTables` at its redshift, with `bands`
    divided by the errors, and data (n_band,), its fluxes divided by its errors
    """
    flux = graph.light(theta, given) @ given["bands"]
    norm = flux.square().sum(1, keepdim=True).sqrt()
    snr = (flux * given["data"]).sum(1, keepdim=True) / norm
    at, slope = PLAIN_SNR**2 / 2 - _LOG_PLAIN, PLAIN_SNR - 1 / PLAIN_SNR
    plain = (snr > PLAIN_SNR).to(flux.dtype)
    safe = snr.clamp(min=PLAIN_SNR)
    value = safe.square() / 2 - torch.log(safe)
    value = plain * value + (1 - plain) * (at + slope * (snr - PLAIN_SNR))
    of_snr = plain * (safe - 1 / safe) + (1 - plain) * slope
    of_flux = of_snr * (given["data"] - snr * flux / norm) / norm
    return value[:, 0], _slope(theta, given, of_flux)


_LOG_PLAIN = 1.0986122886681098  # of 3


def _slope(theta, given, of_flux):
    """Slope (n, 12) of a value whose slope in the fluxes is of_flux (n, n_band)."""
    spectra = given["spectra"]
    young, old = graph.populations(theta, given)
    young = young @ spectra
    clouds, dust = graph.screens(theta, given)
    through_clouds = young * clouds
    of_stars = (of_flux @ given["bands"].T) * dust
    of_exponent = of_stars * (through_clouds + old @ spectra)
    tau_bc, tau_ism, n_dust = _of_dust(theta, given, of_exponent, of_stars * through_clouds)
    of_old, of_young = of_stars @ spectra.T, (of_stars * clouds) @ spectra.T

    f_burst, gamma = graph.burst_share(theta, given), graph.gammas(theta)
    of_beta, of_share, of_gamma = _of_steady(theta, given, f_burst, gamma, of_young, of_old)
    more_share, of_time, more_gamma = _of_burst(theta, given, f_burst, gamma, of_young, of_old)
    exists = (theta[:, graph.T_BURST, None] < given["age"]).to(theta.dtype)
    of_gamma = (of_gamma + more_gamma) * gamma * graph.LN10
    of_share = (of_share + more_share) * exists
    nothing = torch.zeros_like(of_time)  # the mass: its factor cancels
    return torch.cat([nothing, of_beta, of_share, of_time, of_gamma, tau_bc, tau_ism, n_dust], 1)


def _of_dust(theta, given, of_exponent, of_clouds):
    """Slopes (n, 1) in the two optical depths and in n_dust."""
    curve, slope = graph.diffuse(theta, given)
    tau, n = theta[:, graph.TAU_ISM, None], theta[:, graph.N_DUST, None]
    of_terms = (of_exponent * slope) @ given["diffuse"].T
    plain, bump = of_terms[:, :1], of_terms[:, 1:]
    of_n = (of_exponent * curve * slope) @ given["log_wave"].T - tau * bump
    return -(of_clouds @ given["birth_cloud"].T), -plain - n * bump, of_n


def _of_steady(theta, given, f_burst, gamma, of_young, of_old):
    """Slopes of the time bins' light in the betas (n, 4), f_burst (n, 1) and gamma (n, 2)."""
    beta, unit = theta[:, BETAS], graph.unit_mass(theta, f_burst, given)
    formed = beta @ given["formed"]
    mass = formed * unit
    z = gamma @ given["metals"]
    places = graph.metal_places(z, given)

    def both(old, young):
        """Slopes in what the old light has of all bins, and the young one of the first few."""
        all_, first = of_old @ given[old].T, of_young @ given[young].T
        few = first.shape[1]
        return torch.cat([all_[:, :few] + first, all_[:, few:]], 1)

    of_mass = both("old", "young")
    of_shares = both("old_step", "young_step").reshape(places.shape)
    of_mass = of_mass + (of_shares * places.clamp(0, 1)).sum(2)
    nodes = given["log_z"]
    climbing = ((places > 0) & (places < 1)).to(theta.dtype)
    of_log_z = (of_shares * climbing * (1 / (nodes[1:] - nodes[:-1]))).sum(2) * mass
    of_z = of_log_z * _of_log_z(z)
    of_unit = (of_mass * formed).sum(1, keepdim=True)
    total = (beta * given["total"]).sum(1, keepdim=True)
    of_beta = (of_mass * unit) @ given["formed"].T - of_unit * unit / total * given["total"]
    return of_beta, -of_unit / total, of_z @ given["metals"].T


def _of_burst(theta, given, f_burst, gamma, of_young, of_old):
    """Slopes of the burst's light in f_burst, t_burst (n, 1) and gamma (n, 2)."""
    rows, _, inside, u, v, i, j, piece, z, metals, history = graph.burst_nodes(
        theta, f_burst, gamma, given
    )
    light = given["nodes"][rows] @ torch.stack([of_young, of_old], 2)
    of_mass = inside * light[:, :, 0] + (1 - inside) * light[:, :, 1]
    a, b = u.clamp(0, 1)[:, None], v.clamp(0, 1)[:, None]
    young_poor, young_rich, old_poor, old_rich = of_mass.split(1, 1)
    poor, rich = (1 - a) * young_poor + a * old_poor, (1 - a) * young_rich + a * old_rich
    of_share = (1 - b) * poor + b * rich
    of_u = (1 - b) * (old_poor - young_poor) + b * (old_rich - young_rich)
    t = theta[:, graph.T_BURST, None]
    of_time = of_u * _rate(u, i, given["log_age"]) * f_burst / t
    of_z = (rich - poor) * _rate(v, j, given["log_z"]) * f_burst * _of_log_z(z)[:, None]
    pieces = given["time"]
    width = (pieces[piece + 1] - pieces[piece])[:, None]
    rise = (gamma * history[:, 2:]).sum(1, keepdim=True) / width
    return of_share, of_time + of_z * rise, of_z * metals


def _rate(place, i, nodes):
    """Slope (n, 1) of a place between two nodes, 0 beyond the ends."""
    inside = ((place > 0) & (place < 1)).to(place.dtype)
    return (inside / (nodes[i + 1] - nodes[i]))[:, None]


def _of_log_z(z):
    """Slope of `graph.log_z`."""
    return ((z > sfh.Z_MIN) & (z < sfh.Z_MAX)).to(z.dtype) / z.clamp(sfh.Z_MIN, sfh.Z_MAX)

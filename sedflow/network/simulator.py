"""Simulations for training in torch, for any device: prior, forward model, noise and choice.

The same steps as `simulation.draw_pairs` and the choice from its pool, without an array that
leaves the device. `tests/network/test_simulator.py` compares each step with numpy's, and the
distribution of whole blocks. The forward model and the features are modules of their own.

Random numbers come from a generator of the device: a block depends on its seed and on the kind
of device, and is not the block that numpy makes from that seed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from sedflow.model.noise import P_BROAD, P_CORE, NoiseModel
from sedflow.model.simulation import RECENT, REDSHIFT_RANGE
from sedflow.network.atlas_prior import LikenessGraph
from sedflow.network.feature_graph import FeatureGraph, UsualSigma
from sedflow.parameters import FREE_NAMES, HIGH, LOW, N_FREE, NAMES, Prior

_T_BURST = FREE_NAMES.index("t_burst")
_BOXED = [k for k, name in enumerate(NAMES) if not name.startswith("beta")]
_FREE_BOXED = [k for k, name in enumerate(FREE_NAMES) if not name.startswith("beta")]
_STICKS = [k for k, name in enumerate(FREE_NAMES) if name.startswith("beta")]
_CHUNK = {"cuda": 65_536}  # galaxies at a time: some 3 GB of a GPU
_CHUNK_CPU = 1024  # for the processor's cache


@dataclass(frozen=True)
class Pool:
    """From what training chooses its simulations.

    size : times as many are made as are chosen
    nearness : redshifts are low + (high - low) u^nearness; see `simulation.draw_pairs`
    recent : share of the bursts that are drawn from the last few hundred Myr
    max_weight : larger weights count as this
    survey : share of the simulations that are chosen for their likeness to the atlas
    redshift : (low, high)
    """

    size: int = 3
    nearness: float = 3.0
    recent: float = 0.5
    max_weight: float = 20.0
    survey: float = 0.5
    redshift: tuple[float, float] = REDSHIFT_RANGE


class PriorGraph(nn.Module):
    """Theta (n, 12) from x (n, 11) in R^11: `Prior.from_unbounded` as a module."""

    low: torch.Tensor
    range: torch.Tensor
    power: torch.Tensor

    def __init__(self, prior: Prior) -> None:
        super().__init__()
        for name, value in {
            "low": LOW[_BOXED],
            "range": (HIGH - LOW)[_BOXED],
            "power": 1.0 / prior.stick_power,
        }.items():
            self.register_buffer(name, torch.as_tensor(value), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        u = torch.special.ndtr(x)
        boxed = self.low + self.range * u[:, _FREE_BOXED]
        z = u[:, _STICKS] ** self.power
        rest = torch.cumprod(z, 1)
        before = torch.cat([torch.ones_like(z[:, :1]), rest[:, :-1]], 1)
        # log_mstar, the betas on the simplex, and the other parameters: the order of theta.
        return torch.cat([boxed[:, :1], before * (1.0 - z), rest[:, -1:], boxed[:, 1:]], 1)


class NoiseGraph(nn.Module):
    """Errors of a survey, drawn and weighed: `NoiseModel` as a module."""

    def __init__(self, noise: NoiseModel) -> None:
        super().__init__()
        self.usual = UsualSigma(noise)
        self.low, self.high = noise.broad

    def sample(self, usual, generator: torch.Generator) -> torch.Tensor:
        """Draw sigma (n, n_band), given `usual` = median and scatter of log10 sigma there."""
        center, scatter = usual
        n, n_band = center.shape
        uniform = _uniform(generator, n, 2 * n_band + 1).to(center)
        odd = (uniform[:, :1] > P_CORE) & (uniform[:, 1 : n_band + 1] < P_BROAD)
        broad = self.low + (self.high - self.low) * uniform[:, n_band + 1 :]
        core = scatter * _normal(generator, n, n_band).to(center)
        return 10 ** (center + torch.where(odd, broad, core))

    def log_prob(self, sigma, usual) -> torch.Tensor:
        """As `NoiseModel.log_prob` (n,), given what is usual at the fluxes."""
        center, scatter = usual
        residual = torch.log10(sigma) - center
        log_core = -0.5 * torch.square(residual / scatter)
        log_core = log_core - torch.log(scatter * math.sqrt(2.0 * math.pi))
        inside = (residual >= self.low) & (residual <= self.high)
        broad = torch.where(inside, P_BROAD / (self.high - self.low), 0.0)
        mixed = torch.log((1.0 - P_BROAD) * torch.exp(log_core) + broad + 1e-300)
        absent = torch.isnan(residual)
        log_core, mixed = (torch.where(absent, 0.0, t).sum(-1) for t in (log_core, mixed))
        return torch.logaddexp(math.log(P_CORE) + log_core, math.log(1.0 - P_CORE) + mixed)


class Simulator(nn.Module):
    """Blocks of simulations to learn from, on the device that its buffers are on.

    Parameters
    ----------
    prior : Prior
    flux : module or callable
        Theta (n, 12), redshift (n,), both float64, to noise-free nanomaggies (n, n_band).
    noise : NoiseModel
    features : FeatureGraph
        In the bands of the noise model.
    likeness : LikenessGraph, optional
        To the galaxies of the atlas; without it simulations are chosen by their weights alone.
    pool : Pool
    """

    def __init__(
        self,
        prior: Prior,
        flux: Callable,
        noise: NoiseModel,
        features: FeatureGraph,
        likeness: LikenessGraph | None = None,
        pool: Pool | None = None,
    ) -> None:
        super().__init__()
        self.prior, self.noise = PriorGraph(prior), NoiseGraph(noise)
        self.flux, self.features, self.likeness = flux, features, likeness
        self.pool = pool or Pool()
        self.n_band = len(noise.bands)

    @torch.no_grad()
    def block(self, size: int, seed: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
        """What is learnt from: x (size, 10) and features (size, n_feature), in random order.

        seed : whole numbers >= 0; the block is a function of them and of the kind of device
        """
        generator = self._generator(seed)
        features, x, weight = self.pairs(self.pool.size * size, generator)
        if self.likeness is not None:
            share = self.pool.survey
            weight = weight * (1.0 - share + share * self.likeness(features))
        rows = chosen(weight, size, generator)
        rows = rows[torch.randperm(size, generator=generator, device=generator.device)]
        return x[rows], features[rows]

    @torch.no_grad()
    def pairs(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, ...]:
        """Weighted pairs: features (n, n_feature), x (n, 10), both float32, and weights (n,)."""
        chunk = _CHUNK.get(generator.device.type, _CHUNK_CPU)
        sizes = [min(chunk, n - start) for start in range(0, n, chunk)]
        parts = [self._pairs(size, generator) for size in sizes]
        features, x, weight = (torch.cat(column) for column in zip(*parts, strict=True))
        return features, x, weight

    def _pairs(self, n, generator):
        pool = self.pool
        x = _normal(generator, n, N_FREE)
        uniform = _uniform(generator, n, 2)
        log_weight: torch.Tensor | float = 0.0
        if pool.recent:
            x[:, _T_BURST], log_weight = recent_bursts(x[:, _T_BURST], pool.recent, uniform[:, 0])
        low, high = pool.redshift
        redshift = low + (high - low) * uniform[:, 1] ** pool.nearness
        true = self.flux(self.prior(x), redshift).to(torch.float64)
        usual = self.noise.usual(true)
        sigma = self.noise.sample(usual, generator)
        flux = true + sigma * _normal(generator, n, self.n_band)
        absent = ~presence(n, self.n_band, generator)
        flux, sigma = (torch.where(absent, math.nan, a) for a in (flux, sigma))
        seen = self.noise.usual(flux)
        log_weight = log_weight + self.noise.log_prob(sigma, seen)
        log_weight = log_weight - self.noise.log_prob(sigma, usual)
        weight = torch.exp(log_weight).clamp(max=pool.max_weight)
        return self.features(flux, sigma, redshift, seen[0]), x[:, 1:].to(torch.float32), weight

    def _generator(self, seed):
        # As numpy mixes seeds: neighbouring blocks have nothing in common.
        state = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
        generator = torch.Generator(self.prior.low.device)
        return generator.manual_seed(int(state >> np.uint64(1)))


def recent_bursts(x, share: float, uniform) -> tuple[torch.Tensor, torch.Tensor]:
    """As `simulation.recent_bursts`, x (n,), with uniform random numbers (n,) in [0, 1)."""
    x = x + torch.where(uniform < share, RECENT, 0.0)
    shift = math.log(share) + RECENT * (x - 0.5 * RECENT)
    return x, -torch.logaddexp(torch.full_like(x, math.log1p(-share)), shift)


def presence(n: int, n_band: int, generator: torch.Generator) -> torch.Tensor:
    """Which bands are observed (n, n_band), as `simulation.draw_presence` draws them."""
    uniform = _uniform(generator, n, n_band + 2)
    some = 1 + (uniform[:, 1] * max(n_band - 1, 1)).long()
    number = torch.where(uniform[:, 0] < 0.5, n_band, some)
    order = uniform[:, 2:]
    # Sorting a few numbers in each row is slow on a GPU; comparing all pairs is not.
    rank = (order[:, :, None] > order[:, None, :]).sum(2)
    return rank < number[:, None]


def chosen(weight: torch.Tensor, n: int, generator: torch.Generator) -> torch.Tensor:
    """Indices (n,), ascending, in proportion to weights, as `draws.systematic` draws them."""
    edges = torch.cumsum(weight.to(torch.float64), 0)
    steps = torch.arange(n, dtype=torch.float64, device=weight.device)
    place = (steps + _uniform(generator, 1)) / n * edges[-1]
    return torch.searchsorted(edges, place).clamp(max=len(edges) - 1)


def _uniform(generator, *shape):
    return torch.rand(*shape, generator=generator, device=generator.device, dtype=torch.float64)


def _normal(generator, *shape):
    return torch.randn(*shape, generator=generator, device=generator.device, dtype=torch.float64)

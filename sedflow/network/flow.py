"""The conditional normalizing flow: a density over x given features of a galaxy.

`CouplingFlow`: coupling layers, each an affine map followed by a monotonic rational-quadratic
spline (Durkan et al. 2019, arXiv:1906.04032), on half of the dimensions
given the other half and the galaxy. The galaxy is embedded once, however many draws are made
for it. Sampling costs what a density does, and cannot fail.

`MaskedFlow`: the masked autoregressive flow of Hahn & Melchior (2022), to compare with. Its
draws take one pass of every layer for each dimension.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from zuko.flows import MAF

from sedflow.constants import LOG_2PI
from sedflow.network.shape import FlowConfig, checked_kind, splits
from sedflow.network.spline import RationalQuadraticSpline
from sedflow.threads import limit_torch

limit_torch()


def build_flow(config: FlowConfig) -> nn.Module:
    """A flow of that shape, at its random start.

    Raises
    ------
    BadParameters
        An unknown kind.
    """
    return {"coupling": CouplingFlow, "maf": MaskedFlow}[checked_kind(config)](config)


class TorchFlow:
    """A flow in torch behind the interface of `runtime.GraphFlow`."""

    def __init__(self, flow: nn.Module) -> None:
        self.flow: Any = flow.eval()

    def to_x(self, noise: np.ndarray, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draws x (n, features) of base noise (n, features), and their log density (n,)."""
        return self._run(self.flow.transform, noise, context)

    def to_base(self, x: np.ndarray, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The base noise (n, features) that `to_x` carries to x, and the log density (n,)."""
        return self._run(self.flow.to_base, x, context)

    @torch.inference_mode()
    def _run(self, carry, points, context):
        points = torch.from_numpy(np.ascontiguousarray(points, np.float32))
        out, log_density = carry(points, self.flow.embed(torch.from_numpy(context)))
        return out.numpy(), log_density.numpy()


def load_flow(config: FlowConfig, weights: Path) -> nn.Module:
    """The flow whose tensors are in a .safetensors file."""
    flow = build_flow(config)
    flow.load_state_dict(load_file(weights))
    return flow.eval()


class _Flow(nn.Module):
    """What both flows share: a density by `to_base`, with the standard normal at the base."""

    def log_prob(self, x, context):
        """Natural log of the density (n,) of x (n, features)."""
        return self.log_prob_embedded(x, self.embed(context))

    def log_prob_embedded(self, x, embedded):
        return self.to_base(x, embedded)[1]

    def _log_normal(self, noise):
        return -0.5 * (noise.square().sum(-1) + self.config.features * LOG_2PI)


class MaskedFlow(_Flow):
    """Masked autoregressive flow (Papamakarios et al. 2017), affine, as zuko builds it.

    Each MADE block has two square layers behind its first, as the published 7.9 M weights count.
    """

    def __init__(self, config: FlowConfig):
        super().__init__()
        self.config = config
        self.embed = nn.Identity()
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.maf = MAF(
                config.features,
                config.context,
                transforms=config.layers,
                hidden_features=(config.hidden,) * 3,
                randperm=True,
            )

    def to_base(self, x: torch.Tensor, embedded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The base noise (n, features) that `transform` carries to x, and the log density."""
        noise, ladj = self.maf(embedded).transform.call_and_ladj(x)
        return noise, self._log_normal(noise) + ladj

    def transform(
        self, noise: torch.Tensor, embedded: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Standard-normal noise (n, features) to draws x, and their log density."""
        x, ladj = self.maf(embedded).transform.inv.call_and_ladj(noise)
        return x, self._log_normal(noise) - ladj


class CouplingFlow(_Flow):
    """Density of x (n, features) given context (n, context), standard normal at its base.

    At initialisation it is the standard normal, whatever the context: in the coordinates of
    `Prior.to_unbounded`, that is the prior.
    """

    def __init__(self, config: FlowConfig):
        super().__init__()
        self.config = config
        width, inner = config.embedding, config.embedding_hidden
        self.embed = nn.Sequential(
            nn.Linear(config.context, inner),
            nn.SiLU(),
            nn.Linear(inner, inner),
            nn.SiLU(),
            nn.Linear(inner, width),
            nn.SiLU(),
        )
        layers = [_Coupling(config, kept, moved) for kept, moved in splits(config)]
        self.layers: Any = nn.ModuleList(layers)

    def to_base(self, x: torch.Tensor, embedded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The base noise (n, features) that `transform` carries to x, and the log density."""
        x, embedded = x.T, embedded.T
        ladj = torch.zeros(x.shape[1:], dtype=x.dtype, device=x.device)
        for layer in self.layers:
            x, step = layer(x, embedded)
            ladj = ladj + step
        return x.T, self._log_normal(x.T) + ladj

    def transform(
        self, noise: torch.Tensor, embedded: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Standard-normal noise (n, features) to draws x, and their log density.

        `embedded` (1, width) or (n, width) comes from `embed`.
        """
        x, embedded, log_prob = noise.T, embedded.T, self._log_normal(noise)
        for layer in reversed(self.layers):
            x, step = layer.inverse(x, embedded)
            log_prob = log_prob + step
        return x.T, log_prob


class _Coupling(nn.Module):
    """Moves some dimensions given the others (kept) and the galaxy.

    Everything here has its points along the last axis, as the spline wants them.
    """

    def __init__(self, config, kept, moved):
        super().__init__()
        self.bound = config.bound
        back = np.argsort(np.concatenate([kept, moved]))
        for name, order in (("kept", kept), ("moved", moved), ("back", back)):
            self.register_buffer(name, torch.as_tensor(order), persistent=False)
        self.from_x = nn.Linear(len(kept), config.hidden)
        self.from_galaxy = nn.Linear(config.embedding, config.hidden, bias=False)
        self.inner = nn.Linear(config.hidden, config.hidden)
        self.out = nn.Linear(config.hidden, len(moved) * (3 * config.bins + 1))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x, embedded):
        """x (features, n) towards the base: new x and log |det| (n,)."""
        kept, moved = x[self.kept], x[self.moved]
        spline, shift, log_scale = self._maps(kept, embedded)
        moved, ladj = spline(moved * torch.exp(log_scale) + shift)
        return self._join(kept, moved), (ladj + log_scale).sum(0)

    def inverse(self, y, embedded):
        """From the base: x (features, n), and log |det| (n,) of `forward` there."""
        kept, moved = y[self.kept], y[self.moved]
        spline, shift, log_scale = self._maps(kept, embedded)
        moved, ladj = spline.inverse(moved)
        moved = (moved - shift) * torch.exp(-log_scale)
        return self._join(kept, moved), (log_scale + ladj).sum(0)

    def _maps(self, kept, embedded):
        h = nn.functional.silu(_linear(self.from_x, kept) + self.from_galaxy.weight @ embedded)
        h = h + nn.functional.silu(_linear(self.inner, h))
        raw = _linear(self.out, h).unflatten(0, (len(self.moved), -1))
        shift, log_scale = raw[:, 0], 2.5 * torch.tanh(raw[:, 1] / 2.5)
        return RationalQuadraticSpline(raw[:, 2:], self.bound), shift, log_scale

    def _join(self, kept, moved):
        return torch.cat([kept, moved])[self.back]


def _linear(layer, x):
    """`layer` on points along the last axis."""
    return torch.addmm(layer.bias[:, None], layer.weight, x)

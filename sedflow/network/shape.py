"""Shape of a flow, as stored with its weights, and the order of its dimensions. No torch."""

from dataclasses import asdict, dataclass

import numpy as np

from sedflow.errors import BadParameters, check_choice

_KINDS = ["coupling", "maf"]


@dataclass(frozen=True)
class FlowConfig:
    """Shape of a flow; stored with its weights.

    kind : "coupling" or "maf"; the latter uses layers and hidden alone
    """

    features: int
    context: int
    kind: str = "coupling"
    layers: int = 8
    hidden: int = 256
    embedding: int = 128
    embedding_hidden: int = 256
    bins: int = 8
    bound: float = 6.0
    seed: int = 0

    def to_dict(self) -> dict:
        return asdict(self)


def checked_kind(config: FlowConfig) -> str:
    """The kind of a flow, if it is one that exists."""
    check_choice("architecture", config.kind, _KINDS, BadParameters)
    return config.kind


def splits(config: FlowConfig) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each layer of a coupling flow, which dimensions it keeps and which it moves, in order.

    A fresh split every other layer; its mirror image in between.
    """
    rng = np.random.default_rng(config.seed)
    half = config.features // 2
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for k in range(config.layers):
        if k % 2 == 0:
            order = rng.permutation(config.features)
            found.append((np.sort(order[:half]), np.sort(order[half:])))
        else:
            found.append(found[-1][::-1])
    return found

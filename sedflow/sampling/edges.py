"""Posteriors that lean on an edge of the prior: the galaxy may lie beyond, where no draw can be.

The heaviest, the dustiest, the oldest and the richest galaxies do. An edge that is one of nature,
such as no dust or no burst, is not counted: nothing lies beyond it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from sedflow.parameters import HIGH, LOW, Prior, index

#: Edges that the prior chose: parameter, whether it is the upper one, and the share of the range
#: that counts as near it.
_EDGES = (
    ("log_mstar", True, 0.02),
    ("log_mstar", False, 0.02),
    ("beta4", True, 0.05),
    ("log_gamma1", True, 0.02),
    ("log_gamma1", False, 0.02),
    ("log_gamma2", True, 0.02),
    ("log_gamma2", False, 0.02),
    ("tau_bc", True, 0.02),
    ("tau_ism", True, 0.02),
    ("n_dust", True, 0.02),
    ("n_dust", False, 0.02),
)
_SHARE = 0.2  # of the posterior near an edge, and
_TIMES = 5.0  # times what the prior has there, which together are worth a note
_N_PRIOR = 200_000


@dataclass(frozen=True)
class Edge:
    """An edge of the prior on which a posterior leans.

    name : of the parameter
    upper : whether it is the upper edge
    value : of the edge
    within : distance from it that counts as near, in the units of the parameter
    share, prior_share : of the posterior, and of the prior, that is as near as that
    """

    name: str
    upper: bool
    value: float
    within: float
    share: float
    prior_share: float

    def __str__(self):
        return f"{self.name} {'high' if self.upper else 'low'}"

    def in_words(self) -> str:
        """The note, in a sentence."""
        return (
            f"{100 * self.share:.0f} % of the posterior of {self.name} lies within "
            f"{self.within:.2g} of the {'upper' if self.upper else 'lower'} edge of the prior, "
            f"{self.value:.4g} (of the prior, {100 * self.prior_share:.2g} %): the galaxy may lie "
            "beyond the edge."
        )


def edges_of(prior: Prior) -> list[Edge]:
    """Every edge that is looked at, with what the prior has near it and no posterior (share 0)."""
    found = []
    for (name, upper, part), expected in zip(_EDGES, _prior_shares(prior.sfh), strict=True):
        k = index(name)
        value = float(HIGH[k] if upper else LOW[k])
        found.append(Edge(name, upper, value, part * float(HIGH[k] - LOW[k]), 0.0, expected))
    return found


def edges(theta: np.ndarray, weights: np.ndarray | None, prior: Prior) -> list[Edge]:
    """The edges of the prior on which the draws of one galaxy lean.

    theta : (n_draw, 12); weights : (n_draw,), or None where all are equal
    """
    if not len(theta) or np.isnan(theta).any():
        return []
    w = np.full(len(theta), 1 / len(theta)) if weights is None else weights
    total = w.sum()
    if not (np.isfinite(total) and total > 0):
        return []
    found = []
    for edge, place in zip(edges_of(prior), _EDGES, strict=True):
        share = float(w[_near(theta, *place)].sum() / total)
        if share > _SHARE and share > _TIMES * edge.prior_share:
            found.append(replace(edge, share=share))
    return found


def edges_in_words(found: Sequence[Edge]) -> str:
    """The notes on several edges, in sentences."""
    return " ".join(edge.in_words() for edge in found)


def _near(theta, name, upper, part):
    k = index(name)
    from_low = (theta[:, k] - LOW[k]) / (HIGH[k] - LOW[k])
    return (1 - from_low if upper else from_low) <= part


@cache
def _prior_shares(sfh):
    """What the prior has near each of the edges."""
    theta = Prior(sfh).sample(_N_PRIOR, np.random.default_rng(0))
    return tuple(float(_near(theta, *edge).mean()) for edge in _EDGES)

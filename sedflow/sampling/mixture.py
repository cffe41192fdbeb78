"""Mixtures of samplers: draws that reach wherever one of several posteriors has its weight.

A defensive mixture (Hesterberg 1995, Technometrics 37, 185; Owen & Zhou 2000, JASA 95, 135):
the weight of a draw is bounded by that under the part which covers it best.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import logsumexp

from sedflow.draws import Draws
from sedflow.photometry import Photometry

_STEP = 7919  # between the seeds of two parts


class Mixture:
    """Several samplers as one that states the density of its draws; a `Sampler`.

    Parameters
    ----------
    parts : sequence of (sampler, bands)
        Each with `sample` and `log_prob`. Of the data, a part sees these bands alone; None is all.
    shares : sequence of float, optional
        Of the draws, summing to 1; default equal ones.
    """

    def __init__(
        self,
        parts: Sequence[tuple[Any, tuple[str, ...] | None]],
        shares: Sequence[float] | None = None,
    ) -> None:
        self.parts = list(parts)
        self.shares = np.full(len(parts), 1 / len(parts)) if shares is None else np.array(shares)
        models = {id(getattr(sampler, "model", None)) for sampler, _ in self.parts}
        self.model = getattr(self.parts[0][0], "model", None) if len(models) == 1 else None

    def sample(self, galaxy: Photometry, n: int = 10_000, seed: int | None = None) -> Draws:
        """Draws of one galaxy, with their density under the whole mixture."""
        counts = np.diff((n * np.cumsum(self.shares)).round().astype(int), prepend=0)
        samplers = [sampler for sampler, _ in self.parts]
        seen = [self._seen(galaxy, bands) for _, bands in self.parts]
        seeds = [None if seed is None else (seed + _STEP * k) % 2**63 for k in range(len(seen))]
        draws = [
            sampler.sample(one, int(count), own)
            for sampler, one, count, own in zip(samplers, seen, counts, seeds, strict=True)
            if count
        ]
        theta = np.concatenate([d.theta for d in draws])
        parts = [s.log_prob(theta, one) for s, one in zip(samplers, seen, strict=True)]
        # A flow far outside of its training may have no density there: it adds none.
        parts = np.nan_to_num(parts, nan=-np.inf, posinf=-np.inf)
        # And where it squeezes its draws into a point, it cannot be inverted: what it stated
        # for a draw is right, what it finds there afterwards may be smaller by 1e9.
        stated = np.concatenate([np.asarray(d.log_density, float) for d in draws])
        owner = np.repeat(np.arange(len(counts)), counts)
        parts[owner, np.arange(len(owner))] = np.where(np.isnan(stated), np.inf, stated)
        with np.errstate(invalid="ignore"):
            density = logsumexp(parts, axis=0, b=(counts / n)[:, None])
        flux = None
        if all(d.flux is not None and d.flux_bands == galaxy.bands for d in draws):
            flux = np.concatenate([d.flux for d in draws])
        bands = None if flux is None else galaxy.bands
        return Draws(theta, density, flux=flux, flux_bands=bands)

    @staticmethod
    def _seen(galaxy, bands):
        return galaxy if bands is None else galaxy.in_bands(bands).in_bands(galaxy.bands)

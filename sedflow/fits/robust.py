"""A posterior that does not believe every band, and which band it does not believe."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sedflow import views
from sedflow.draws import weighted_quantile
from sedflow.errors import unknown
from sedflow.fits.samples import fractions
from sedflow.sampling.robust import by_how_much, off_probability, offsets
from sedflow.settled import ByValue
from sedflow.trust_limits import TELLING, k_hat_max, k_hat_text

__all__ = ["Robust"]

_NAMED = 0.5  # probability from which a band is named


@dataclass(frozen=True, repr=False, eq=False)
class Robust(ByValue):
    """A robust posterior of one galaxy: any band may be off (`sedflow.sampling.robust`).

    fit : Fit whose draws follow the robust posterior; its predictions are judged by the stated
        errors, so that a band that is off stands out
    """

    fit: Any

    @property
    def told(self) -> bool:
        """Whether enough draws are effective to say which band is off."""
        held = self.fit.draws.importance
        return held is None or float(held.ess) > TELLING

    @property
    def off(self) -> dict[str, float]:
        """Probability that each observed band is off; NaN where too few draws tell (`told`)."""
        galaxy = self.fit.photometry
        mean = self.fit.draws.weights @ off_probability(self.fit.predicted.flux, galaxy)
        mean = mean if self.told else np.full_like(mean, np.nan)
        known = zip(galaxy.bands, mean, galaxy.present, strict=True)
        return {band: float(p) for band, p, there in known if there}

    @property
    def band(self) -> str:
        """The band that is probably off; empty if none is, or too few draws tell (`told`)."""
        if not self.told:
            return ""
        band, chance = max(self.off.items(), key=lambda item: item[1])
        return band if chance > _NAMED else ""

    def offset(self, band: str, q: Any = (0.16, 0.5, 0.84)) -> np.ndarray:
        """Quantiles (len(q),) of how much a band is off [mag], if it is; positive is too faint.

        Infinite where the flux is not above zero, and so has no magnitude; NaN where too few draws
        tell (`told`).
        """
        galaxy, flux = self.fit.photometry, self.fit.predicted.flux
        if band not in self.off:
            raise unknown("observed band", band, self.off)
        k = galaxy.bands.index(band)
        chance = off_probability(flux, galaxy)[:, k] * self.fit.draws.weights
        drawn = offsets(flux, galaxy)[:, k]
        known = ~np.isnan(drawn)
        levels, total = fractions(q), chance[known].sum()
        if not (total > 0 and self.told):
            return np.full(levels.shape, np.nan)
        return weighted_quantile(drawn[known], levels, chance[known] / total)

    @property
    def text(self) -> str:
        """What was found, as a sentence."""
        held, doubt = self.fit.draws.importance, ""
        if held is not None and not held.good():
            doubt = (
                f"{float(held.ess):,.0f} of {int(held.n):,} draws effective, k-hat "
                f"{k_hat_text(held.k_hat)} (limit {k_hat_max(held.n):.2g})"
            )
        if not self.told:
            return (
                f"No band can be named, as the weights fail ({doubt}): two bands or "
                "more may be off; check the photometry, or leave a band out with "
                "fit.photometry.select(...)."
            )
        doubt = f" The weights do not pass ({doubt}): take it as a hint." if doubt else ""
        if not self.band:
            return f"No band is probably off.{doubt}"
        low, middle, high = self.offset(self.band)
        size, sense = by_how_much(middle)
        ends = f" (68 %: {low:+.2f} to {high:+.2f})" if np.isfinite([low, high]).all() else ""
        return (
            f"{self.band} is off with a probability of {self.off[self.band]:.2f}: measured "
            f"{size} too {sense}{ends}.{doubt}"
        )

    def __repr__(self):
        return f"<Robust fit of {self.fit.title}: {self.text}>"

    def _repr_html_(self):
        if not self.told:
            return views.markup(repr(self))
        rows = []
        for band, chance in self.off.items():
            low, middle, high = self.offset(band)
            rows.append((band, f"{chance:.3f}", f"{middle:+.2f} ({low:+.2f} to {high:+.2f})"))
        heads = ("band", "probability that it is off", "by, if it is [mag]")
        return views.markup(repr(self), views.table(heads, rows))

"""A posterior that does not believe every band, and which band it does not believe."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sedflow import views
from sedflow.draws import weighted_quantile
from sedflow.sampling.robust import off_probability, offsets

__all__ = ["Robust"]

_NAMED = 0.5  # probability from which a band is named


@dataclass(frozen=True, repr=False)
class Robust:
    """A robust posterior of one galaxy: any band may be off (`sedflow.sampling.robust`).

    fit : Fit whose draws follow the robust posterior; its predictions are judged by the stated
        errors, so that a band that is off stands out
    """

    fit: Any

    @property
    def off(self) -> dict[str, float]:
        """Probability that each observed band is off."""
        galaxy = self.fit.photometry
        mean = self.fit.draws.weights @ off_probability(self.fit.predicted.flux, galaxy)
        known = zip(galaxy.bands, mean, galaxy.present, strict=True)
        return {band: float(p) for band, p, there in known if there}

    @property
    def band(self) -> str:
        """The band that is probably off; empty if none is."""
        band, chance = max(self.off.items(), key=lambda item: item[1])
        return band if chance > _NAMED else ""

    def offset(self, band: str, q: Any = (0.16, 0.5, 0.84)) -> np.ndarray:
        """Quantiles (len(q),) of how much a band is off [mag], if it is; positive is too faint."""
        galaxy, flux = self.fit.photometry, self.fit.predicted.flux
        k = galaxy.bands.index(band)
        chance = off_probability(flux, galaxy)[:, k] * self.fit.draws.weights
        drawn = offsets(flux, galaxy)[:, k]
        known = np.isfinite(drawn)
        return weighted_quantile(drawn[known], q, chance[known] / chance[known].sum())

    @property
    def text(self) -> str:
        """What was found, as a sentence."""
        if not self.band:
            return "No band is probably off."
        low, middle, high = self.offset(self.band)
        faint = "faint" if middle > 0 else "bright"
        return (
            f"{self.band} is off with a probability of {self.off[self.band]:.2f}: measured "
            f"{abs(middle):.2f} mag too {faint} (68 %: {low:+.2f} to {high:+.2f})."
        )

    def __repr__(self):
        return f"<Robust fit of {self.fit.title}: {self.text}>"

    def _repr_html_(self):
        rows = []
        for band, chance in self.off.items():
            low, middle, high = self.offset(band)
            rows.append((band, f"{chance:.3f}", f"{middle:+.2f} ({low:+.2f} to {high:+.2f})"))
        heads = ("band", "probability that it is off", "by, if it is [mag]")
        return views.markup(repr(self), views.table(heads, rows))

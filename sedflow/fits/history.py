"""What follows from draws: histories of star formation, and predictions to compare with data."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from sedflow import views
from sedflow.draws import column_quantiles
from sedflow.errors import BadParameters, unknown
from sedflow.fits.samples import fractions
from sedflow.fluxes import goes_by_place, in_bands
from sedflow.model import likelihood
from sedflow.model.sfh import load_bases
from sedflow.parameters import BETAS, index
from sedflow.photometry import Photometry
from sedflow.sampling import misfit
from sedflow.settled import Frozen, read_only
from sedflow.whole_numbers import LARGEST_SEED, as_whole

__all__ = ["CURVES", "History", "Predicted"]

#: Curves of a history, and what each is.
CURVES = {
    "sfr": "star-formation rate [Msun/yr]",
    "zh": "metal mass fraction of the stars formed",
    "formed": "share of the mass that had formed",
}


@dataclass(frozen=True, repr=False, eq=False)
class History(Frozen):
    """Star-formation and metallicity histories of the draws.

    edges (..., 46) : look-back time [Gyr] at the edges of the bins, 10 and 100 Myr and 1 Gyr
        among them
    sfr (..., n_draw, 45) : star-formation rate [Msun/yr], burst in the bin that holds it
    zh (..., n_draw, 45) : metal mass fraction of the stars formed in the bin
    theta (..., n_draw, 12) : parameters of the draws, which say more than bins do
    weights (..., n_draw) : of the draws; None if equal
    """

    edges: np.ndarray
    sfr: np.ndarray
    zh: np.ndarray
    theta: np.ndarray
    weights: np.ndarray | None = None

    def __post_init__(self):
        for name in ("edges", "sfr", "zh", "theta"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    def __repr__(self):
        n_draw, n_bin = self.sfr.shape[-2:]
        of = (
            f" of {np.prod(self.sfr.shape[:-2], dtype=int):,} galaxies" if self.sfr.ndim > 2 else ""
        )
        raw = "raw, use quantiles(name)" if self.weights is not None else "of equal weight"
        return (
            f"<History{of}: {', '.join(CURVES)}; {n_bin} bins back to "
            f"{np.max(self.edges, initial=0.0):.1f} Gyr, {n_draw:,} draws, {raw}>"
        )

    def _repr_html_(self):
        return views.markup(repr(self), views.table((), list(CURVES.items())))

    @cached_property
    def formed(self) -> np.ndarray:
        """Share (..., n_draw, 46) of the mass that had formed at each edge; 1 today."""
        mass = self.sfr * np.diff(self.edges)[..., None, :]
        since = np.cumsum(mass[..., ::-1], axis=-1)[..., ::-1]
        whole = np.concatenate([since, np.zeros_like(since[..., :1])], -1)
        return read_only(whole / since[..., :1])

    def formation_time(self, share: float) -> np.ndarray:
        """Look-back time (..., n_draw) [Gyr] at which a share of the mass had formed.

        By the histories themselves, in which a burst is a moment, and not by the bins, of which
        the last are 2 Gyr wide. Of the raw draws, which may have weights; `formation_quantiles`
        respects them.
        share : from 0 to 1, 0.5 for t50
        """
        if not (isinstance(share, int | float | np.number) and 0 <= share <= 1):
            raise BadParameters(
                f"share = {str(share)[:64]}; give a share from 0 to 1, such as 0.5 for t50"
            )
        theta, age = self.theta, np.asarray(self.edges)[..., -1:]
        f_burst, t_burst = theta[..., index("f_burst")], theta[..., index("t_burst")]
        times = load_bases().formation_time(share, theta[..., BETAS], f_burst, t_burst, age)
        return np.where(np.isnan(self.sfr[..., 0]), np.nan, times)

    def formation_quantiles(self, share: float, q: npt.ArrayLike = (0.16, 0.5, 0.84)) -> np.ndarray:
        """Quantiles (len(q), ...) of `formation_time`, weights included: t50, t90 with errors."""
        times = self.formation_time(share)
        return column_quantiles(times[..., None], fractions(q), self.weights)[..., 0]

    def quantiles(self, which: str = "sfr", q: npt.ArrayLike = (0.16, 0.5, 0.84)) -> np.ndarray:
        """Quantiles (len(q), ..., 45) of the curves, point by point; `which` is "sfr" or "zh".

        q is in per cent, [16, 50, 84], or from 0 to 1. "formed" has 46 columns, one at each edge.
        No draw need follow such a curve: the median of each point holds less mass than any draw,
        and lacks every burst.

        Raises
        ------
        UnknownName
            No such curve.
        """
        if which not in CURVES:
            raise unknown("curve", which, CURVES)
        return column_quantiles(getattr(self, which), fractions(q), self.weights)


@dataclass(frozen=True, repr=False, eq=False)
class Predicted(Frozen):
    """What the draws predict in the observed bands, and how the data compare.

    flux (..., n_draw, n_band) : noise-free [nanomaggies]
    photometry : the data
    weights (..., n_draw) : of the draws; None if equal
    """

    flux: np.ndarray
    photometry: Photometry
    weights: np.ndarray | None = None

    def __post_init__(self):
        if not goes_by_place(self.flux):
            object.__setattr__(self, "flux", in_bands(self.flux, self.photometry.bands))
        object.__setattr__(self, "flux", read_only(self.flux))

    def __repr__(self):
        bands = ", ".join(self.photometry.bands)
        return f"<Predicted: flux of {self.flux.shape[-2]:,} draws in {bands}>"

    @cached_property
    def chi2(self) -> np.ndarray:
        """Chi-square (..., n_draw) of each draw, summed over the bands."""
        return read_only(likelihood.chi_square(self.flux, self.photometry))

    @cached_property
    def band_p_value(self) -> np.ndarray:
        """Chance (..., n_band) of a replicated flux at least as far from its model.

        Averaged over the draws; small where the model cannot follow the band.
        """
        squares = np.square(likelihood.pulls(self.flux, self.photometry))
        return read_only(self._mean(chdtrc(1, squares)))

    @cached_property
    def p_value(self) -> np.ndarray:
        """Chance (...) of replicated data with a chi-square at least as large, over the draws.

        The posterior predictive p-value of Gelman, Meng & Stern (1996), exact over replicates.
        Under the truth it is not uniform, but mostly near a half: `fit.verdict.p_calibrated` is.
        """
        return misfit.p_value(self.flux, self.photometry, self.weights)

    def replicated(self, seed: int = 0) -> np.ndarray:
        """Fluxes (..., n_draw, n_band) that the draws would have been measured at."""
        seed = as_whole("seed", seed, 0, LARGEST_SEED)
        noise = np.random.default_rng(seed).standard_normal(self.flux.shape)
        return self.flux + self.photometry.sigma[..., None, :] * noise

    def quantiles(self, q: npt.ArrayLike = (0.16, 0.5, 0.84)) -> np.ndarray:
        """Quantiles (len(q), ..., n_band) of the flux; q in per cent, or from 0 to 1."""
        return column_quantiles(self.flux, fractions(q), self.weights)

    def _mean(self, values):
        if self.weights is None:
            return values.mean(-2)
        return (self.weights[..., None] * values).sum(-2)

"""How probable the data are, given noise-free model fluxes: a Gaussian in flux, band by band.

    log L = -1/2 sum_b [ (f_b(theta) - f_b)^2 / sigma_b^2 + log(2 pi sigma_b^2) ]

Hahn & Melchior 2022, Eq. 1, with sigma taken as known. That it is exact also for the
simulations a network was trained on is the doing of `noise` and `simulation`: sigma follows
the *observed* flux, so it says nothing more about theta once the flux is known, and no factor
p(sigma | f(theta)) is missing. A band that is absent (NaN) is left out. Network, reweighting and
MCMC all answer to this one function.
"""

import numpy as np
from scipy.special import chdtri

from sedflow.batches import check_draws
from sedflow.constants import LOG_2PI
from sedflow.fluxes import goes_by_place, in_bands
from sedflow.photometry import Photometry

_UNLIKELY = 1e-3  # share of good galaxies whose noise alone exceeds the limit on chi-square
#: So many times too small may errors be before a model is ruled out.
UNDERSTATED = 5.0
_ACCURACY = 0.001  # [mag] of the fast model, which every likelihood is computed with


def pulls(flux, galaxy: Photometry) -> np.ndarray:
    """(model - data) / sigma (..., n_draw, n_band) of model fluxes of that shape; NaN in bands
    that are absent."""
    if not goes_by_place(flux):  # each step of a chain asks
        flux = in_bands(flux, galaxy.bands)
    if galaxy.shape:
        check_draws(np.shape(flux), galaxy.shape, ("flux", "the photometry"))
    return (flux - galaxy.flux[..., None, :]) / galaxy.sigma[..., None, :]


def chi_square(flux, galaxy: Photometry) -> np.ndarray:
    """Sum (..., n_draw) of the squared pulls over the bands that are there."""
    squares = np.square(pulls(flux, galaxy))
    return np.where(galaxy.present[..., None, :], squares, 0.0).sum(-1)


def log_likelihood(flux, galaxy: Photometry) -> np.ndarray:
    """Natural log of the likelihood (..., n_draw), per nanomaggy in each band.

    flux (..., n_draw, n_band) : noise-free model fluxes [nanomaggies] in the galaxy's bands
    """
    norm = np.nansum(np.log(galaxy.sigma), axis=-1) + 0.5 * galaxy.present.sum(-1) * LOG_2PI
    return -0.5 * chi_square(flux, galaxy) - norm[..., None]


def chi2_limit(n_band: int) -> float:
    """Chi-square of the best draw above which no model describes that many bands."""
    return float(chdtri(n_band, _UNLIKELY))


def ruled_out(chi2_best: float, n_draw: int, n_band: int, margin: float = 1.0) -> str:
    """A sentence where no model describes the data of a galaxy, whatever its errors; else empty.

    A tenth of the atlas exceeds `chi2_limit`, since its errors are somewhat too small: these
    galaxies have a posterior, with a warning. But where the best draw would exceed the limit
    even with every error five times larger, no error bar explains the distance, and a
    posterior of the model says nothing about the galaxy. `margin` is for draws that may not
    have come as near as they can: times that limit.
    """
    limit = chi2_limit(n_band)
    if not chi2_best > margin * limit * UNDERSTATED**2:
        return ""
    return (
        f"No model describes these data: the best of {n_draw:,} draws has a chi-square of "
        f"{chi2_best:,.1f}, where {n_band} good bands stay below {limit:.3g}, and would exceed "
        f"that even with errors {UNDERSTATED:.0f} times larger; check fluxes, units, the order of "
        "the bands and the redshift, and inflate the errors if they are too small."
    )


def too_precise(galaxy: Photometry) -> str:
    """A sentence where an error of one galaxy is below the model's own accuracy; else empty.

    The likelihood would then distinguish roundings of the model, not galaxies.
    """
    least = np.abs(galaxy.flux) * (_ACCURACY * np.log(10) / 2.5)
    with np.errstate(invalid="ignore"):
        below = np.flatnonzero(galaxy.sigma < least)
    if not below.size:
        return ""
    k = below[np.argmin(galaxy.sigma[below] / least[below])]
    return (
        f"The error in {galaxy.bands[k]} ({galaxy.sigma[k]:.3g} nanomaggies) is below "
        f"the accuracy of the model, {_ACCURACY:g} mag ({least[k]:.3g} nanomaggies at this "
        "flux), so no weights and no MCMC are exact; inflate the error to that at least."
    )

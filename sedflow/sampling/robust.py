"""Which band is off, and by how much: a likelihood in which any band may be an outlier.

    log L = sum_b log [ (1 - q) N(f_b; m_b, sigma_b^2)
                        + q sum_j p_j N(f_b; m_b, sigma_b^2 + s_jb^2) ]

A band is off with the prior probability q = 0.02, so that one galaxy of five bands in ten has such
a band: as many as misfit in the atlas. It is off by an additional error whose scale s is 0.4 of its
flux (0.4 mag) or, for one fault in five, three times its flux: a gross fault must not be less
probable than a model that bends to it. Whether a band is off, and by how much, is integrated out
exactly for each draw. The draws come from a mixture of the network's posteriors of all bands and
of all but one, weighted to this likelihood; where two bands are off, of all but two as well.
"""

from itertools import combinations
from typing import Any

import numpy as np
from scipy.special import chdtrc, expit, logsumexp

from sedflow.bands import curve_name
from sedflow.constants import LOG_2PI
from sedflow.draws import Draws, sampled, weighted_quantile
from sedflow.errors import SedflowError
from sedflow.model.sed import SEDModel
from sedflow.parameters import Prior
from sedflow.photometry import Photometry
from sedflow.sampling.importance import smooth
from sedflow.sampling.misfit import p_text
from sedflow.sampling.mixture import Mixture

OFF = 0.02  # prior probability that a band is off
SCALES = (0.4, 3.0)  # of its flux, by which it then is
SHARES = (0.8, 0.2)  # of the faults, that have these scales
_NAMED = 0.5  # probability from which a band is named
_MADE = 1500  # draws of each part of the mixture
_FEWER = 500  # of each, beside parts that leave two bands out
_LEAST, _MOST = 4, 7  # bands, of which two may be left out


def log_likelihoods(flux: np.ndarray, galaxy: Photometry) -> np.ndarray:
    """Natural logs (2, n_draw, n_band) of each band's part: good, and off; 0 where absent.

    Both with their prior probabilities; flux (n_draw, n_band) : noise-free [nanomaggies]
    """
    good = np.log1p(-OFF) + _normal(flux - galaxy.flux, np.square(galaxy.sigma))
    both = [good, np.log(OFF) + logsumexp(_faults(flux, galaxy), axis=0)]
    return np.where(galaxy.present, both, 0.0)


def off_probability(flux: np.ndarray, galaxy: Photometry) -> np.ndarray:
    """Probability (n_draw, n_band) that a band is off, given each draw; NaN where absent."""
    good, off = log_likelihoods(flux, galaxy)
    return np.where(galaxy.present, expit(off - good), np.nan)


def offsets(flux: np.ndarray, galaxy: Photometry) -> np.ndarray:
    """By how much each band is off (n_draw, n_band) [mag], drawn given each draw and that it is.

    Positive where the band was measured too faint; infinite where its flux is not above zero.
    """
    rng = np.random.default_rng(0)
    faults = _faults(flux, galaxy)
    gross = rng.random(flux.shape) < expit(faults[1] - faults[0])
    wide = np.square(np.where(gross, _size(galaxy) * SCALES[1], _size(galaxy) * SCALES[0]))
    narrow = np.square(galaxy.sigma)
    mean = (galaxy.flux - flux) * wide / (wide + narrow)
    excess = mean + rng.standard_normal(flux.shape) * np.sqrt(wide * narrow / (wide + narrow))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = -2.5 * np.log10(galaxy.flux / (galaxy.flux - excess))
    lost = galaxy.flux <= 0  # no magnitude, so that only the sense of the fault can be told
    return np.where(lost, np.where(galaxy.flux - excess > 0, np.inf, np.nan), found)


def by_how_much(middle: float) -> tuple[str, str]:
    """An offset [mag] in words: by how much, and in which sense."""
    sense = "faint" if middle > 0 else "bright"
    return (f"{abs(middle):.2f} mag" if np.isfinite(middle) else "all of its flux"), sense


def blame(draws: Draws, galaxy: Photometry) -> str:
    """What would describe a galaxy that the model does not, from its robust draws; a sentence."""
    flux, weights = np.asarray(draws.flux), np.asarray(draws.weights)
    chance = np.where(galaxy.present, weights @ off_probability(flux, galaxy), 0.0)
    guilty = [band for band, p in zip(galaxy.bands, chance, strict=True) if p > _NAMED]
    if not guilty:
        return "No band stands out: no single one would reconcile the data with the model."
    words = []
    for band in guilty:
        k = galaxy.bands.index(band)
        drawn = offsets(flux, galaxy)[:, k]
        known = ~np.isnan(drawn)
        if not (known @ weights) > 0:
            words.append(band)
            continue
        middle = float(weighted_quantile(drawn[known], 0.5, weights[known] / weights[known].sum()))
        size, sense = by_how_much(middle)
        words.append(f"{band} by {size} (too {sense})")
    rest = galaxy.present & ~np.isin(galaxy.bands, guilty)
    square = np.where(rest, np.square((flux - galaxy.flux) / galaxy.sigma), 0.0).sum(-1)
    p = float(weights @ chdtrc(rest.sum(), square)) if rest.any() else 1.0
    are = "is" if len(words) == 1 else "are"
    return f"Off {are} {', '.join(words)}; the model describes the other bands with p {p_text(p)}."


def draw_robust(
    sampler: Any,
    galaxy: Photometry,
    model: SEDModel,
    prior: Prior,
    seed: int | None,
    two: bool = False,
) -> Draws:
    """Weighted draws of one galaxy's robust posterior, with their fluxes and importance.

    Parameters
    ----------
    sampler : of any subset of its bands, with `sample` and `log_prob`, as `AmortizedPosterior`
    two : whether posteriors of all but two bands join the mixture where its weights fail, which
        takes several times as long
    """
    bands = galaxy.observed.bands
    if len(bands) < 3:
        raise SedflowError(
            f"{len(bands)} bands cannot tell which of them is off; give three at least"
        )
    rest = [tuple(other for other in bands if other != band) for band in bands]
    known = {*map(curve_name, getattr(sampler, "bands", bands))}
    for band, part in zip(bands, rest, strict=True):
        if not known & {*map(curve_name, part)}:  # no draws, where that band is the one that is off
            raise SedflowError(
                f"{band} is the only band here of the network's, which says nothing of the galaxy "
                f"if {band} is off; give two at least of {', '.join(sampler.bands)}"
            )
    parts = [(sampler, None), *((sampler, part) for part in rest)]
    draws = _weighted(Mixture(parts), _MADE * len(parts), galaxy, model, prior, seed)
    pairs = [(sampler, part) for part in _but_two(bands) if known & {*map(curve_name, part)}]
    if draws.importance.good() or not (two and pairs):
        return draws
    counts = np.array([_FEWER] * len(parts) + [_MADE] * len(pairs))
    mixture = Mixture([*parts, *pairs], counts / counts.sum())
    return _weighted(mixture, int(counts.sum()), galaxy, model, prior, seed)


def _but_two(bands):
    """All but each two of the bands; none where they are so few, or many, that it is no use."""
    if not _LEAST <= len(bands) <= _MOST:
        return []
    return [tuple(b for b in bands if b not in pair) for pair in combinations(bands, 2)]


def _weighted(mixture, n, galaxy, model, prior, seed):
    """Draws of a mixture, weighted to the robust posterior."""
    draws = sampled(mixture, model, galaxy, n, seed).with_flux(galaxy, model)
    log_like = logsumexp(log_likelihoods(np.asarray(draws.flux), galaxy), axis=0).sum(-1)
    absent = int((~galaxy.present).sum())
    log_target = prior.log_prob(draws.theta) + log_like - absent * np.log(2.0)
    weights, figures = smooth(log_target - np.asarray(draws.log_density), prior.sfh, log_target)
    return Draws(
        draws.theta,
        draws.log_density,
        weights,
        figures,
        flux=draws.flux,
        flux_bands=draws.flux_bands,
    )


def _faults(flux, galaxy):
    """Natural logs (2, n_draw, n_band) of the densities of a fault, of each scale."""
    parts = [
        np.log(share) + _normal(flux - galaxy.flux, np.square(galaxy.sigma) + variance)
        for share, variance in zip(SHARES, np.square(np.outer(SCALES, _size(galaxy))), strict=True)
    ]
    return np.stack(parts)


def _normal(x, variance):
    """Natural log of a normal density of this variance at x."""
    return -0.5 * (np.square(x) / variance + np.log(variance) + LOG_2PI)


def _size(galaxy):
    return np.maximum(np.abs(galaxy.flux), galaxy.sigma)

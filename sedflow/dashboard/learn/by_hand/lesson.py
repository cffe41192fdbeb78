"""A fit by hand: move parameters until the model meets the data, then see the posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sedflow.bands import UGRIZ
from sedflow.dashboard.learn.steps import Lesson, Step
from sedflow.fits.fit import Fit, fit
from sedflow.model.likelihood import chi_square, pulls
from sedflow.model.sed import SEDModel
from sedflow.model.simulation import nsa_noise
from sedflow.parameters import BETAS, HIGH, LOW, NAMES, Prior, index
from sedflow.photometry import Photometry
from sedflow.sampling.objection import objection
from sedflow.sampling.reweighting import reweight

if TYPE_CHECKING:  # which loads torch
    from sedflow.network.posterior import AmortizedPosterior

#: What the student moves: name -> label, unit, low, high, start. "metals" sets both gammas.
KNOBS = {
    "log_mstar": ("log M★", "M☉ formed", 7.0, 12.5, 9.0),
    "tau_ism": ("τ ISM, dust", "", 0.0, 3.0, 1.0),
    "beta1": ("β₁, share of young stars", "", 0.0, 1.0, 0.5),
    "metals": ("log γ, metals", "", float(LOW[8]), float(HIGH[8]), -3.0),
}
_FIXED = {"f_burst": 0.0, "t_burst": 5.0, "tau_bc": 1.0, "n_dust": -0.7}
#: Columns of theta that are compared with the student's.
COMPARED = ("log_mstar", "tau_ism", "beta1", "log_gamma1")
_COLORS = {"g-r": (0.2, 0.9), "u-g": (0.7, 2.0)}  # of a mock: as most galaxies of the atlas
_MOCK_Z, _MOCK_R = 0.05, 16.5


def hand_theta(values: dict) -> np.ndarray:
    """Theta (12,) of the knobs; the other betas share what is left equally."""
    theta = np.empty(len(NAMES))
    for name, value in _FIXED.items():
        theta[index(name)] = value
    theta[BETAS] = (1.0 - values["beta1"]) / 3.0
    theta[index("beta1")] = values["beta1"]
    for name in ("log_mstar", "tau_ism"):
        theta[index(name)] = values[name]
    theta[[index("log_gamma1"), index("log_gamma2")]] = values["metals"]
    return theta


def score(model: SEDModel, theta, galaxy: Photometry):
    """Chi-square, pulls (n_band,) and model fluxes (n_band,) of one theta (12,)."""
    flux = model.photometry(theta[None], galaxy.redshift, galaxy.bands, method="fast")
    return float(chi_square(flux, galaxy)[0]), pulls(flux, galaxy)[0], flux[0]


def best_mass(model: SEDModel, theta, galaxy: Photometry) -> float:
    """The log_mstar with the least chi-square, all else as in theta (12,); inside its range."""
    flux = score(model, theta, galaxy)[2]
    seen = galaxy.present
    s, d = flux[seen] / galaxy.sigma[seen], galaxy.flux[seen] / galaxy.sigma[seen]
    ratio = max(float(s @ d / (s @ s)), 1e-6)
    low, high = KNOBS["log_mstar"][2:4]
    return float(np.clip(theta[0] + np.log10(ratio), low, high))


def mock(model: SEDModel, prior: Prior, seed: int):
    """A simulated galaxy with colours like those of the atlas: theta (12,) and Photometry.

    The first draw of the prior, in the order of the seed, that has such colours; set to r = 16.5
    by its mass, with the atlas' usual errors and noise.
    """
    rng = np.random.default_rng([seed, 5])
    noise = nsa_noise(UGRIZ)
    while True:
        theta = prior.sample(200, rng)
        flux = model.photometry(theta, _MOCK_Z, UGRIZ, method="fast")
        with np.errstate(divide="ignore"):
            magnitude = 22.5 - 2.5 * np.log10(flux)
        good = np.ones(len(theta), bool)
        for name, (low, high) in _COLORS.items():
            a, b = (UGRIZ.index(x) for x in name.split("-"))
            color = magnitude[:, a] - magnitude[:, b]
            good &= (color > low) & (color < high)
        shift = 0.4 * (magnitude[:, UGRIZ.index("r")] - _MOCK_R)
        theta[:, 0] += shift
        good &= (theta[:, 0] > LOW[0]) & (theta[:, 0] < HIGH[0])
        if good.any():
            k = int(np.flatnonzero(good)[0])
            true = flux[k] * 10 ** shift[k]
            sigma = 10 ** -noise.residual(np.ones(len(true)), true)
            data = true + sigma * rng.standard_normal(len(true))
            return theta[k], Photometry(data, sigma, np.asarray(_MOCK_Z), UGRIZ)


@dataclass(frozen=True)
class Posterior:
    """A posterior to compare a guess with.

    fit : Fit, weighted to the exact posterior where the weights pass
    theta (n, 12), chi2 (n,) : draws of equal weight
    exact : whether they are
    """

    fit: Fit
    theta: np.ndarray
    chi2: np.ndarray
    exact: bool

    def share_better(self, chi2: float) -> float:
        """Share of the draws with a lower chi-square."""
        return float((self.chi2 < chi2).mean())

    def percentile(self, name: str, value: float) -> float:
        """Share of the draws below a value of a parameter."""
        return float((self.theta[:, index(name)] < value).mean())


def posterior_of(
    network: AmortizedPosterior, galaxy: Photometry, n: int = 3000, seed: int = 1
) -> Posterior:
    """The network's posterior, weighted to the exact one if the weights pass."""
    drawn = fit(galaxy, network, n=n, seed=seed, trust=None)
    weighted = reweight(drawn, min_ess=0)
    exact = bool(weighted.draws.importance.good()) and not objection(weighted)
    shown = weighted if exact else drawn
    theta = shown.draws.resampled(n, seed=seed).theta
    flux = network.model.photometry(theta, galaxy.redshift, galaxy.bands, method="fast")
    return Posterior(shown, theta, chi_square(flux, galaxy), exact)


LESSON = Lesson(
    "fit-by-hand",
    "Fit by hand",
    "Be the sampler: turn knobs until a model galaxy meets a real one, then see the posterior, "
    "and where your answer lies in it.",
    20,
    (
        Step(
            "meet",
            "Meet the galaxy",
            "**{name}**, redshift {z:.4f}. The orange dots are its measured fluxes with their "
            "errors, in five filters: {magnitudes}. The blue line is a model that you can change "
            "with the knobs, and the blue squares are what that model would be measured at.\n\n"
            "The other figure shows the *pulls*: data less model, in units of the error. "
            "**χ² is the sum of their squares**, {chi2:,.0f} now.",
            "Which knob should you turn first?",
            "The mass moves the whole spectrum up and down and leaves the shape alone, so with "
            "a wrong mass every pull is wrong. The button *Best mass* does it exactly: for a "
            "given shape the best height of the curve is a weighted mean, no search needed. The "
            "network of this app does the same, and learns only the other parameters.",
            ("Mass", "Dust", "Young stars", "Metals"),
        ),
        Step(
            "fit",
            "Fit it",
            "Turn the knobs until χ² is as low as you can get it. Everything that has no knob "
            "stays where it is (no burst, birth clouds of τ = 1, n dust = −0.7, the older stars "
            "in equal shares). After each change of shape, *Best mass* saves time. Your best so "
            "far: **χ² = {best:,.1f}**.",
            "How low must χ² be for the model to be good enough?",
            "Were this model the truth, χ² would come out around {n_band} (one for each flux), "
            "give or take {spread:.0f}; it would exceed {p05:.1f} once in twenty galaxies and "
            "{p001:.1f} once in a thousand. Below the "
            "first of these, a still lower χ² is luck more than merit. {state}",
        ),
        Step(
            "reveal",
            "What the others found",
            "The network drew {n:,} galaxies from the posterior of the same data: all of them "
            "could be this galaxy, in proportion to their probability. {exactness} Each dot is "
            "a draw; the orange cross is your best fit. The bars count the draws by their χ². The "
            "draws vary all twelve parameters, you could vary four.",
            "Your fit has one value for each parameter. Does a lower χ² than another fit make "
            "it the right one?",
            "No. {better:.0%} of the draws have a lower χ² than your best ({best:,.1f}); the "
            "lowest among them has {lowest:.1f}, and they disagree with one another. Your values "
            "lie at these percentiles of the posterior: {percentiles}. {inside} {alike} **A best "
            "fit is one of very many; what counts is how many others are as good, and what they "
            "have in common.**",
        ),
        Step(
            "mock",
            "Once more, with a known truth",
            "This galaxy is simulated: its parameters were drawn from the prior, noise as in the "
            "atlas was added to its fluxes, and the truth is in a sealed envelope. Fit it as well "
            "as you can. Your best so far: **χ² = {best:,.1f}**.",
            "Will the true galaxy have the lowest χ² of all?",
            "The truth has χ² = {truth:.1f}, not 0, because of the noise, and {better:.0%} of the "
            "posterior's draws fit *better* than the truth (the best has {lowest:.1f}). The green "
            "× is the truth, the orange cross is yours. The truth lies at these percentiles: "
            "{percentiles}. Over many galaxies such percentiles are spread evenly from 0 to 100; "
            "that is what the page *Validate* checks, with 2,000 of them.",
            ("Yes", "No"),
        ),
    ),
)

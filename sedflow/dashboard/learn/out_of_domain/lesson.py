"""Galaxies that a network should not be trusted with, and how it is found out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sedflow.atlas.catalog import NSACatalog
from sedflow.dashboard.learn.steps import Lesson, Step
from sedflow.draws import Draws
from sedflow.errors import SedflowError
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.fits.fit import Fit, fit
from sedflow.model.derived import DERIVED
from sedflow.model.likelihood import chi2_limit, too_precise
from sedflow.photometry import Photometry
from sedflow.sampling.objection import objection
from sedflow.sampling.reweighting import reweight
from sedflow.trust_limits import K_HAT_MAX, MIN_ESS, k_hat_text

if TYPE_CHECKING:  # which loads torch
    from sedflow.network.posterior import AmortizedPosterior

_N = 1500
_SHOWN = ("log_mass_formed", "log_sfr_100myr", "age_mw", "log_z_mw_solar", "a_v")
LABELS = {d.name: d.axis_label for d in DERIVED if d.name in _SHOWN}


@dataclass(frozen=True)
class Case:
    """A galaxy, and what was done to it.

    key : of the case; what : a sentence; wrong : whether something is wrong with the data
    """

    key: str
    title: str
    what: str
    galaxy: Photometry
    wrong: bool = True


@dataclass(frozen=True)
class Outcome:
    """What the network says about a case, and what the checks say about the network.

    network : Fit of its draws; exact : Fit of the exact posterior, None where there is none
    inside, reasons, chi2_best : of the domain check; limit : of chi2_best
    k_hat, ess : of the first weights
    verdict : in words, of the weights or of the ladder
    searched : whether the ladder was tried as well
    """

    case: Case
    network: Fit
    exact: Fit | None
    inside: bool
    reasons: tuple[str, ...]
    chi2_best: float
    limit: float
    k_hat: float
    ess: float
    verdict: str
    searched: bool = False

    def searched_by(self, exact: Fit | None, words: str) -> Outcome:
        """The same, once the exact answer was looked for: what was found, and the verdict."""
        return replace(self, exact=exact, verdict=words, searched=True)

    def quantiles(self, which: str) -> dict[str, np.ndarray]:
        """The 16, 50 and 84 % points (3,) of what is shown, of "network" or "exact"."""
        chosen = getattr(self, which)
        if chosen is None:
            return {}
        return {
            name: chosen.draws.quantile(chosen.derived[name], (0.16, 0.5, 0.84)) for name in _SHOWN
        }


def cases(nsa: NSACatalog, posterior: AmortizedPosterior, nsaid: int) -> dict[str, Case]:
    """The gallery: one galaxy of the atlas as it is and corrupted, and others that are refused.

    The refused ones are searched for: the brightest in r among those outside the ranges of
    training, one for each colour that is named first.
    """
    bands = posterior.bands
    one = nsa.photometry(nsaid, bands).observed
    name = f"NSAID {nsaid}"
    out = [
        Case("good", f"{name}, as it is", "The galaxy as the atlas has it.", one, wrong=False),
        _band(one, "g", name),
        _band(one, "u", name),
        Case(
            "sigma",
            f"{name}, errors ÷ 100",
            "The same fluxes, but the catalogue claims errors a hundred times smaller, as "
            "where they were read in the wrong unit.",
            Photometry(one.flux, one.sigma / 100, one.redshift, one.bands),
        ),
        Case(
            "far",
            f"{name}, redshift 0.25",
            f"The same fluxes with the redshift of another galaxy, 0.25 instead of "
            f"{one.redshift:.4f}.",
            Photometry(one.flux, one.sigma, np.asarray(0.25), one.bands),
        ),
        Case(
            "near",
            f"{name}, redshift 0.005",
            f"The same fluxes with a redshift that is too small, 0.005 instead of "
            f"{one.redshift:.4f}.",
            Photometry(one.flux, one.sigma, np.asarray(0.005), one.bands),
        ),
    ]
    out += [_refused(nsa, posterior, k, reason) for k, reason in _strange(nsa, posterior)]
    return {case.key: case for case in out}


def look(posterior: AmortizedPosterior, case: Case, seed: int = 1) -> Outcome:
    """The network's answer, the check of the data, and the first weights: half a second."""
    drawn = fit(case.galaxy, posterior, n=_N, seed=seed, trust=None)
    check = posterior.check(case.galaxy, draws=drawn.draws)
    weighted = reweight(drawn, min_ess=0)
    importance = weighted.draws.importance
    # As the ladder asks: a tenth of the draws.
    good = bool(importance.good(_N / 10))
    problem = objection(weighted) if good else too_precise(case.galaxy)
    good = good and not problem
    verdict = (
        f"k-hat {_k_hat(importance.k_hat)}, {importance.ess:,.0f} of {_N:,} draws effective: "
        "the weights "
        + (
            "pass, so the exact posterior is known"
            if good
            else f"say nothing. {problem.removesuffix('.')}"
            if problem
            else f"do not pass (k-hat must be below {K_HAT_MAX}, and {_N / 10:.0f} draws "
            f"effective, where Explore, which draws more, asks for {MIN_ESS:.0f})"
        )
    )
    return Outcome(
        case,
        drawn,
        weighted if good else None,
        bool(check),
        tuple(check.reasons[()]),
        float(check.chi2_best),
        chi2_limit(int(case.galaxy.present.sum())),
        float(importance.k_hat),
        float(importance.ess),
        verdict,
        searched=bool(too_precise(case.galaxy)),  # of which nothing is exact
    )


def _k_hat(value):
    """How large k-hat is, in words where no number says it."""
    return f"{value:.2f}" if np.isfinite(value) else "without limit"


#: (galaxy, seed) -> what `searched` has found in this process: a class asks for one at once.
_FOUND: dict[tuple, tuple[Fit | None, str]] = {}
_MOST = 16


def searched(case: Case, seed: int = 1) -> tuple[Fit | None, str]:
    """The exact posterior by the second step of the ladder, or None, and the verdict in words.

    Adaptive importance sampling of some seconds, in a process that keeps the latest answers.
    """
    galaxy = case.galaxy
    key = (galaxy.flux.tobytes(), galaxy.sigma.tobytes(), float(galaxy.redshift), seed)
    if key not in _FOUND:
        _FOUND[key] = _looked_for(galaxy, seed)
        while len(_FOUND) > _MOST:
            del _FOUND[next(iter(_FOUND))]
    return _FOUND[key]


def _looked_for(galaxy, seed):
    from sedflow.network.weights import cached_posterior  # needs torch

    network = cached_posterior(DEFAULT_WEIGHTS)
    result = fit(galaxy, network, n=_N, seed=seed, trust="auto", mcmc=_NoMCMC())
    verdict, importance = result.verdict, result.draws.importance
    if verdict is None or importance is None or not verdict.exact:
        reason = _NO_MCMC if verdict is None else str(verdict.reason)
        words = "Adaptive importance sampling did not pass either; only MCMC could answer"
        if reason != _NO_MCMC:  # but nothing could
            words = reason.rstrip(".")
        return None, words
    words = (
        f"the first weights did not pass; with more draws or better proposals they do: k-hat "
        f"{k_hat_text(importance.k_hat)} (limit {K_HAT_MAX}), {importance.ess:,.0f} draws effective"
    )
    return result, words


_NO_MCMC = "MCMC is left out of the lesson"


class _NoMCMC:
    """The last rung, left out: it takes a minute."""

    def sample(self, galaxy: Photometry, n: int = 0, seed: int | None = None) -> Draws:
        raise SedflowError(_NO_MCMC)


def _band(one, band, name):
    flux = one.flux.copy()
    flux[one.bands.index(band)] *= 10**-0.4
    return Case(
        f"band-{band}",
        f"{name}, {band} off by 1 mag",
        f"The same galaxy, but its {band} flux is 1 mag too faint: a bad pixel, a wrong "
        "calibration or a neighbour that was subtracted.",
        Photometry(flux, one.sigma, one.redshift, one.bands),
    )


def _strange(nsa, posterior):
    """Rows of three galaxies that the ranges refuse, bright in r first, each by another colour."""
    galaxies = nsa.photometry(nsa.ids, posterior.bands)
    check = posterior.check(galaxies, draws=False)
    outside = np.flatnonzero(~check.inside & galaxies.present.all(1))
    order = outside[np.argsort(galaxies.magnitude[outside, galaxies.bands.index("r")])]
    found, named = [], set()
    for k in order:
        reason = check.reasons[k][0]
        color = reason.split(" ")[0]
        if color not in named:
            named.add(color)
            found.append((int(k), reason))
        if len(found) == 3:
            break
    return found


def _refused(nsa, posterior, row, reason):
    nsaid = int(nsa.ids[row])
    return Case(
        f"nsa-{nsaid}",
        f"NSAID {nsaid}",
        f"A real entry of the atlas, untouched. In it, {reason.split(';')[0]}.",
        nsa.photometry(nsaid, posterior.bands).observed,
    )


LESSON = Lesson(
    "trust",
    "When the network should not be trusted",
    "A network answers every question, also the absurd ones. Ways to go wrong, and what finds "
    "them out.",
    15,
    (
        Step(
            "good",
            "A galaxy inside the training domain",
            "The network was trained on simulated galaxies. It gives an answer to *any* five "
            "numbers, in the same second and with the same confidence. So the app asks three "
            "questions about every answer:\n\n"
            "1. **Is the galaxy inside the training domain?** Its colours, errors and redshift are "
            "compared with those of the simulated galaxies, and some draw must come near the data "
            "(χ² below {limit:.1f}).\n"
            "2. **Can the draws be weighted to the exact posterior?** k-hat (how far a few "
            "draws carry all the weight) must be below {k_max}, and enough draws must count.\n"
            "3. **If not, what else finds it?** Better places to draw from are learnt, and at last "
            "MCMC is run.\n\n"
            "Here is **{title}**: {what} The best of the draws has χ² = {chi2}.",
            "Trust it?",
            "{verdict_line} The table shows both answers: where network and exact agree, "
            "nothing was lost by believing the network. (SFR is the rate at which stars form.)",
            ("Yes", "No"),
        ),
        Step(
            "band-g",
            "One bad flux",
            "**{title}.** {what} The best of the draws has χ² = {chi2}. Look at the pulls: data "
            "less model, in units of the error.",
            "Will the check notice?",
            "{verdict_line} Not one model galaxy of its draws has such a spectrum. The network "
            "answered all the same: {width_line}. There are galaxies like that, so **the answer "
            "by itself does not tell that something is wrong**. Even an exact posterior, if "
            "weights or MCMC find one, would be that of a model that does not describe these "
            "data.",
            ("Yes", "No"),
        ),
        Step(
            "band-u",
            "The same in u",
            "**{title}.** {what} The u band of this galaxy has an error of {error:.2f} mag; the "
            "best of the draws has χ² = {chi2}.",
            "Will the check notice this one?",
            "{verdict_line} {u_line}",
            ("Yes", "No"),
        ),
        Step(
            "sigma",
            "Errors that are too small",
            "**{title}.** {what}",
            "The fluxes are right. Does it matter that their errors are not?",
            "{verdict_line} With errors so small not one draw comes near the data, and the network "
            "has never seen such errors: it extrapolates. An error that is too *large* is harmless "
            "by comparison: the posterior is wider than need be, and true.",
            ("Yes", "No"),
        ),
        Step(
            "redshift",
            "A wrong redshift",
            "The same five fluxes, at a redshift that is not this galaxy's. Choose between the "
            "two below. Shown now: **{title}**. The best of the draws has χ² = {chi2}.",
            "Does a good χ² prove that the redshift is right?",
            "{redshift_line} The mass, for one, comes out as log M★ = {mass_near:.2f} at 0.005 "
            "and {mass_true:.2f} at the true redshift. **A check can only find what makes the data "
            "impossible, not what makes them wrong.** Look at the spectrum, the image and the "
            "catalogue's flags as well.",
            ("Yes", "No"),
        ),
        Step(
            "gallery",
            "Real ones",
            "Of the {atlas:,} galaxies in this package {refused:,} lie outside the ranges of "
            "training. Here are the brightest of them, each refused for a different "
            "colour, and all the cases of the earlier steps. Shown now: **{title}**. {what}",
            "What do you think happened here?",
            "{verdict_line} {happened} **Refusing is not an answer, but it is better than a wrong "
            "one**, and its reasons name what to look at.",
        ),
    ),
)

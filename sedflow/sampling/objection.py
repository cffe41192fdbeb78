"""Why no weights and no chains make a galaxy's posterior exact, where none can."""

from typing import Any

from sedflow.model.likelihood import ruled_out, too_precise
from sedflow.photometry import Photometry
from sedflow.sampling.verdict import FAILED, MISFIT


def objection(fit: Any) -> str:
    """Why a posterior whose importance weights pass says nothing about its galaxy; else empty."""
    return objection_to(fit.photometry, float(fit.predicted.chi2.min()), fit.draws.n)


def refused_kind(fit: Any) -> str:
    """The verdict on one galaxy that nothing makes exact, misfit or failed; else empty."""
    galaxy, best = fit.photometry, float(fit.predicted.chi2.min())
    if too_precise(galaxy):
        return FAILED
    return MISFIT if ruled_out(best, fit.draws.n, int(galaxy.present.sum())) else ""


def objection_to(galaxy: Photometry, best: float, n: int) -> str:
    """The same, of a galaxy whose best draw of n has the chi-square `best`."""
    return too_precise(galaxy) or ruled_out(best, n, int(galaxy.present.sum()))

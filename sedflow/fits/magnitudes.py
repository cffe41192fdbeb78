"""Magnitudes that somebody gave as fluxes: the fit stops before the long steps."""

import numpy as np

from sedflow.errors import SedflowError
from sedflow.flux_limits import look_like_magnitudes
from sedflow.sampling.verdict_decision import climb

__all__ = ["refuse_magnitudes"]

_N_PROBE = 500  # draws that say whether fluxes that look like magnitudes are those of a galaxy


def refuse_magnitudes(galaxy, sampler, model, prior, seed, trust) -> None:
    """Raise if most fluxes look like magnitudes and the network's weights do not pass.

    A metal-poor young galaxy can have such fluxes, but then its weights pass. MCMC in place of a
    network is too slow to ask; there, the warning of `Photometry` is all. So it is for
    trust="weights", which is quick.
    """
    if trust == "weights" or not hasattr(sampler, "check"):
        return
    like = look_like_magnitudes(galaxy.flux, galaxy.sigma, galaxy.bands)
    if 2 * like.sum() <= len(like):
        return
    _, verdict = climb(galaxy, sampler, model, prior, _N_PROBE, seed, "weights", None, None)
    if 2 * np.sum(verdict.exact) >= np.size(verdict.exact):
        return
    first = galaxy.flux.reshape(-1, len(galaxy.bands))[like][0].round(2).tolist()
    raise SedflowError(
        f"the flux {first} looks like magnitudes, and no model galaxy has such fluxes "
        "[nanomaggies]; use Photometry.from_magnitudes(mag, err, redshift), or give "
        "trust='weights' if they are fluxes"
    )

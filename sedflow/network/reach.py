"""Whether any draw of a network comes near a galaxy's data, and which band keeps it away.

The limit on the chi-square of the best draw is what noise alone exceeds once in a thousand
galaxies at their true parameters (20.5 for five bands); the best draw mostly does better than
the truth. Of 850 simulated galaxies none exceeded it, and 99 % stayed below 11, whether with 250
draws each or with 4,000. Of the NSA sample a tenth does: a search of its own for better models
(`mcmc.explore`) found one below the limit for one of eight.
"""

from dataclasses import replace

import numpy as np

from sedflow.bands import curve_name
from sedflow.errors import BadParameters
from sedflow.model.likelihood import (
    UNDERSTATED,
    chi2_limit,
    chi_square,
    pulls,
    ruled_out,
    too_precise,
)
from sedflow.network.domain_check import DomainCheck, objects
from sedflow.network.left_out import left_out_pulls
from sedflow.parameters import N_PARAM
from sedflow.photometry import Photometry
from sedflow.sampling.importance import weigh
from sedflow.sampling.misfit import p_value

_N_DRAW = 250  # of a galaxy, where none are given
_N_MORE = 2500  # where those do not reach the data: in case they were too few
_HOPELESS = 3.0  # times the limit, beyond which more draws do not help
_N_WITHOUT = 150  # with one band left out


class Reach:
    """Whether any draw reaches the data of each galaxy, and which band keeps it from that."""

    def __init__(self, sampler, ranges, galaxies, draws):
        self.sampler, self.ranges, self.shape = sampler, ranges, galaxies.shape
        self.flat, self.bands = galaxies.flat, galaxies.bands
        model = sampler.model
        self.top = model.max_redshift(self.bands)
        self.fast = model.fast(self.bands)
        n = len(self.flat)
        if draws is not None and not hasattr(draws, "theta"):
            raise BadParameters(
                f"draws = {draws!r}; give Draws, None, or False for the ranges alone"
            )
        self.theta = self.flux = self.weights = None
        if draws is not None:
            if draws.weights is not None:
                self.weights = np.reshape(draws.weights, (n, -1))
            self.theta = _rows(draws.theta, n, N_PARAM)
            if {*map(curve_name, self.bands)} & {*map(curve_name, draws.flux_bands or ())}:
                self.flux = _rows(_in_bands(draws, self.bands), n, len(self.bands))

    def judged(self) -> DomainCheck:
        n, n_band = len(self.flat), len(self.bands)
        chi2_best, pull = np.full(n, np.nan), np.full((n, n_band), np.nan)
        p_calibrated, left_out = chi2_best.copy(), pull.copy()
        worst = np.full(n, -1)
        reasons, causes = (list(np.ravel(x)) for x in (self.ranges.reasons, self.ranges.causes))
        for k in range(n):
            one = self.flat[k]
            if one.redshift > self.top and self.flux is None:
                continue  # no model there
            flux, limit = self._flux(k, one), chi2_limit(one.present.sum())
            pull[k], chi2_best[k] = _best(flux, one)
            p_calibrated[k], left_out[k] = self._described(k, one, flux)
            if limit < chi2_best[k] < _HOPELESS * limit and self.theta is None:
                flux = np.concatenate([flux, self._made(one, _N_MORE, 1)])
                pull[k], chi2_best[k] = _best(flux, one)
            if chi2_best[k] > limit:
                without = self._without(one)
                worst[k] = self._blamed(without, one)
                far = self._sentence(chi2_best[k], one, len(flux), worst[k], without)
                # First, for it says more than any colour.
                reasons[k], causes[k] = (far, *reasons[k]), ("chi2", *causes[k])
        shape = self.shape
        return replace(
            self.ranges,
            inside=np.array([not r for r in reasons], dtype=bool).reshape(shape),
            reasons=objects(reasons, shape),
            causes=objects(causes, shape),
            chi2_best=chi2_best.reshape(shape),
            pull=pull.reshape(*shape, n_band),
            worst=worst.reshape(shape),
            p_calibrated=p_calibrated.reshape(shape),
            left_out=left_out.reshape(*shape, n_band),
        )

    def _flux(self, k, one):
        if self.flux is not None:
            return self.flux[k]
        if self.theta is not None:
            return self._of(self.theta[k], one)
        return self._made(one, _N_DRAW, 0)

    def _made(self, one, n, seed):
        self.own = self.sampler.sample(one, n=n, seed=seed)
        return self.own.flux

    def _described(self, k, one, flux):
        """Calibrated p-value, and pulls (n_band,) of each band against the others."""
        blank, table = np.full(len(self.bands), np.nan), self.sampler.p_values
        if self.theta is not None:
            if self.weights is None or table is None:
                return np.nan, blank
            return table.calibrated(p_value(flux, one, self.weights[k]), one), blank
        draws = weigh(self.own, one, self.sampler.model, self.sampler.prior)
        pulls = left_out_pulls(self.sampler, one, draws)
        p = p_value(flux, one, draws.weights)
        return np.nan if table is None else table.calibrated(p, one), pulls

    def _of(self, theta, one):
        return self.fast(theta, np.full(len(theta), float(one.redshift)))

    def _without(self, one):
        """Chi-square (n_band,) of the others that the best draw leaves when a band is left out."""
        left = np.full(len(self.bands), np.nan)
        if one.redshift > self.top or one.present.sum() < 2:
            return left
        for b in np.flatnonzero(one.present):
            flux, sigma = one.flux.copy(), one.sigma.copy()
            flux[b] = sigma[b] = np.nan
            others = Photometry(flux, sigma, one.redshift, one.bands)
            left[b] = chi_square(self._made(others, _N_WITHOUT, 0), others).min()
        return left

    def _blamed(self, without, one):
        if not (without < chi2_limit(one.present.sum() - 1)).any():
            return -1
        return int(np.nanargmin(without))

    def _sentence(self, best, one, n, worst, without):
        n_band = int(one.present.sum())
        kind = "draws" if self.weights is None else "weighted draws"  # not those of the network
        limit, precise = chi2_limit(n_band), bool(too_precise(one))
        # Between draws of the network are models that come nearer, if by less than errors mostly.
        out = not precise and bool(ruled_out(best, n, n_band))
        # Not "a misfit", which a galaxy is by its p-value as well, below this.
        all_models = f"{limit * UNDERSTATED**2:.3g}"
        ends = f" (above {all_models}, errors five times larger would not help either)"
        ends = "" if out or precise else ends
        text = (
            f"no {'model' if out else 'draw'} comes near these data: the best of {n:,} {kind} "
            f"has a chi-square of {best:,.1f}, where {n_band} good bands stay below {limit:.3g}"
            f"{ends}; "
        )
        if worst < 0:
            remedy = "or inflate the errors" if precise else "inflate the errors, or use MCMC"
            return text + (
                "no single band is to blame, so check redshift and fluxes (is it a galaxy, not a "
                f"star or quasar?), {remedy}"
            )
        name = self.bands[worst]
        return text + (
            f"without {name} the chi-square is {without[worst]:.2g}, so check the flux in {name}, "
            f"or leave {name} out"
        )


def _best(flux, one):
    """Pulls (n_band,) and chi-square of the best of the model fluxes (n, n_band)."""
    total = chi_square(flux, one)
    best = int(np.argmin(total))
    return pulls(flux[[best]], one)[0], total[best]


def _in_bands(draws, bands):
    """Fluxes (..., n_draw, n_band) of draws in other bands; NaN where not known."""
    flux = np.full((*draws.theta.shape[:-1], len(bands)), np.nan)
    known = [*map(curve_name, draws.flux_bands)]
    for k, band in enumerate(map(curve_name, bands)):
        if band in known:
            flux[..., k] = draws.flux[..., known.index(band)]
    return flux


def _rows(values, n, last):
    """values (..., n_draw, last) as (n, n_draw, last)."""
    values = np.asarray(values, dtype=float)
    if values.ndim < 2 or values.shape[-1] != last or values[..., 0, 0].size != n:
        raise BadParameters(
            f"draws have shape {values.shape}, but there are {n} galaxies; give "
            f"(..., n_draw, {last})"
        )
    return values.reshape(n, values.shape[-2], last)

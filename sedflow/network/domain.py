"""Where a network was trained, and in which way a galaxy lies outside.

A galaxy is outside if its redshift was not trained; if a colour or a luminosity lies further
than `N_SIGMA` of its own errors beyond all but 1e-4 of the models; if an error is smaller
than any in training at that flux; if a flux lies further below zero; or if no draw comes near
the data. Errors larger than usual are not a reason: such a band says little, and counts as one
that says little.

The limit on the chi-square of the best draw is what noise alone exceeds once in a thousand
galaxies at their true parameters (20.5 for five bands); the best draw mostly does better than
the truth. Of 850 simulated galaxies none exceeded it, and 99 % stayed below 11, whether with 250
draws each or with 4,000. Of the NSA sample a tenth does: a search of its own for better models
(`mcmc.explore`) found one below the limit for one of eight.

The distance of the inputs from those of training is given, but is not a reason: neither the
distance, nor the Mahalanobis distance with the full covariance, nor the largest single feature
finds a corrupted galaxy that the other checks miss (`benchmarks/domain.py`). The features are
broad, since training covers errors over four decades.
"""

from dataclasses import dataclass, fields, replace
from itertools import combinations
from typing import Any

import numpy as np

from sedflow.bands import ab_magnitude
from sedflow.draws import Draws
from sedflow.errors import BadParameters
from sedflow.model.cosmology import MPC_CM, luminosity_distance_cm
from sedflow.model.floors import RECOMMENDED
from sedflow.model.likelihood import chi2_limit, chi_square, pulls, too_precise
from sedflow.model.missing_lines import missing_lines
from sedflow.model.noise import NoiseModel
from sedflow.model.sed import MAX_REDSHIFT
from sedflow.network.left_out import left_out_pulls
from sedflow.parameters import N_PARAM
from sedflow.photometry import Photometry
from sedflow.sampling.importance import weigh
from sedflow.sampling.misfit import MISFIT_BELOW, p_value

__all__ = ["DomainCheck", "TrainingDomain", "check", "chi2_limit"]

N_SIGMA = 4.0
_TAIL = 5e-5  # of the models left out at each end of a range
_MIN_SNR = 3.0  # below, a band has no colour to speak of
_N_DRAW = 250  # of a galaxy, where none are given
_N_MORE = 2500  # where those do not reach the data: in case they were too few
_FLOOR_SHARE = 0.4  # of the recommended floor, below which an error is not believed
_HOPELESS = 3.0  # times the limit, beyond which more draws do not help
_N_WITHOUT = 150  # with one band left out
_LOUD = 1.0  # dex over the usual sigma, from which a band says little


@dataclass(frozen=True)
class DomainCheck:
    """Whether galaxies lie where the network was trained, and if not, why.

    inside (...) : bool
    reasons (...) : a tuple of sentences for each galaxy, empty where inside: what is wrong, by
        how much, and how to fix it
    causes (...) : which check each reason comes from: "redshift", "sigma", "flux", "color",
        "magnitude", "floor" or "chi2"
    notes (...) : a tuple of sentences on what is unusual, but harmless
    bands : names of the bands on the last axis of `pull` and `sigma_residual`
    chi2_best (...) : chi-square of the best draw; NaN without draws
    pull (..., n_band) : (model - data) / sigma of the best draw; NaN without draws
    sigma_residual (..., n_band) : log10 sigma over the usual at that flux [dex]
    distance (...) : root mean square of the network's inputs, each standardised: near 1 for
        a galaxy inside the training domain, above 2 for one in 150 of them. For information.
    worst (...) : number of the band to blame where "chi2" is among the causes; -1 elsewhere,
        and where no single band is
    p_calibrated (...) : chance that good data are as far from the model, uniform where it is
        right; NaN without draws, or without a table of the network
    left_out (..., n_band) : (data - prediction) / error of each band, as the others predict it;
        NaN where the check made no draws of its own
    """

    inside: np.ndarray
    reasons: np.ndarray
    causes: np.ndarray
    notes: np.ndarray
    bands: tuple[str, ...]
    chi2_best: np.ndarray
    pull: np.ndarray
    sigma_residual: np.ndarray
    distance: np.ndarray
    worst: np.ndarray
    p_calibrated: np.ndarray
    left_out: np.ndarray

    def __bool__(self):
        return bool(np.all(self.inside))

    def __getitem__(self, item) -> "DomainCheck":
        """The checks at an index, slice or mask of the leading axis."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "bands"}
        return replace(self, **{name: _at(value, item) for name, value in values.items()})

    def noting(self, text: str | np.ndarray) -> "DomainCheck":
        """With one more note for every galaxy, or one each (...), where "" adds none."""
        said = np.broadcast_to(np.asarray(text, dtype=object), self.notes.shape).reshape(-1)
        notes = [
            (*found, *filter(None, [one]))
            for found, one in zip(self.notes.reshape(-1), said, strict=True)
        ]
        return replace(self, notes=_objects(notes, self.notes.shape))

    def __str__(self):
        fitted = self._described()
        if self:
            return "inside the training domain" + fitted
        reasons = "; ".join(reason for galaxy in np.ravel(self.reasons) for reason in galaxy)
        return f"outside the training domain: {reasons}{fitted}"

    def _described(self):
        """How far the data of one galaxy are from the model, where they are a misfit."""
        if np.ndim(self.inside) or not self.p_calibrated < MISFIT_BELOW:
            return ""
        known = zip(self.bands, self.left_out, strict=True)
        pulls = ", ".join(f"{band} {pull:+.1f}" for band, pull in known if np.isfinite(pull))
        predicted = f"; pulls against what the other bands predict: {pulls}" if pulls else ""
        return f"; a misfit, calibrated p = {self.p_calibrated:.2g}{predicted}"


def _at(value, item):
    """value[item], as an array also where it holds one tuple."""
    chosen = value[item]
    return _objects([chosen], ()) if isinstance(chosen, tuple) else np.asarray(chosen)


@dataclass(frozen=True)
class TrainingDomain:
    """Ranges of the noise-free models that a network was trained on.

    redshift : (low, high)
    colors : name such as "u-g" -> (low, high) [mag]
    magnitudes : band -> (low, high), absolute magnitudes in the observed band
    """

    redshift: tuple[float, float]
    colors: dict[str, tuple[float, float]]
    magnitudes: dict[str, tuple[float, float]]

    @classmethod
    def of_models(
        cls,
        flux: np.ndarray,
        redshift: np.ndarray,
        bands: tuple[str, ...],
        redshift_range: tuple[float, float],
    ) -> "TrainingDomain":
        """Ranges of noise-free model fluxes (n, n_band) at redshifts (n,)."""
        magnitude = ab_magnitude(flux)
        absolute = magnitude - _distance_modulus(redshift)[:, None]

        def both_tails(values):
            low, high = np.nanquantile(values, [_TAIL, 1 - _TAIL]).round(4).tolist()
            return low, high

        pairs = combinations(range(len(bands)), 2)
        return cls(
            redshift=(redshift_range[0], redshift_range[1]),
            colors={
                f"{bands[i]}-{bands[j]}": both_tails(magnitude[:, i] - magnitude[:, j])
                for i, j in pairs
            },
            magnitudes={band: both_tails(absolute[:, k]) for k, band in enumerate(bands)},
        )

    def check(self, galaxies: Photometry, noise: NoiseModel) -> DomainCheck:
        """Check the ranges of galaxies (...) in the bands of the network; no draws."""
        flat = galaxies.flat
        found: list[list[tuple[str, str]]] = [[] for _ in range(len(flat.redshift))]
        self._check_redshift(flat, found)
        residual = noise.residual(flat.sigma, flat.flux)
        self._check_sigma(flat, residual, noise.broad[0], found)
        _check_floor(flat, residual < noise.broad[0], found)
        _check_negative(flat, found)
        self._check_colors(flat, found)
        self._check_magnitudes(flat, found)
        shape, n_band = galaxies.shape, len(flat.bands)
        return DomainCheck(
            inside=np.array([not r for r in found], dtype=bool).reshape(shape),
            reasons=_objects([tuple(text for _, text in r) for r in found], shape),
            causes=_objects([tuple(cause for cause, _ in r) for r in found], shape),
            notes=_objects(_notes(flat, residual), shape),
            bands=flat.bands,
            chi2_best=np.full(shape, np.nan),
            pull=np.full((*shape, n_band), np.nan),
            sigma_residual=residual.reshape(*shape, n_band),
            distance=np.full(shape, np.nan),
            worst=np.full(shape, -1),
            p_calibrated=np.full(shape, np.nan),
            left_out=np.full((*shape, n_band), np.nan),
        )

    def _check_redshift(self, flat, found):
        low, high = self.redshift
        for i in np.flatnonzero((flat.redshift < low) | (flat.redshift > high)):
            found[i].append(
                (
                    "redshift",
                    f"redshift {flat.redshift[i]:.4f} is outside the {low:g} to {high:g} of "
                    f"training; {_beyond(flat.redshift[i], low)}",
                )
            )

    def _check_sigma(self, flat, residual, low, found):
        for i, b in np.argwhere(residual < low):
            least = flat.sigma[i, b] * 10 ** (low - residual[i, b])
            found[i].append(
                (
                    "sigma",
                    f"the error in {flat.bands[b]} ({flat.sigma[i, b]:.2g} nanomaggies) is "
                    f"smaller than any in training at that flux ({least:.2g}); inflate it to "
                    f"that{'' if too_precise(flat[i]) else ', or use MCMC'}",
                )
            )

    def _check_colors(self, flat, found):
        magnitude, error, seen = _magnitudes(flat)
        for name, (low, high) in self.colors.items():
            a, b = (flat.bands.index(band) for band in name.split("-"))
            color = magnitude[:, a] - magnitude[:, b]
            margin = N_SIGMA * np.hypot(error[:, a], error[:, b])
            for side, off in (("bluer", color < low - margin), ("redder", color > high + margin)):
                for i in np.flatnonzero(off & seen[:, a] & seen[:, b]):
                    text = (
                        f"{name} = {color[i]:.2f} is {side} than the models reach "
                        f"({low:.2f} to {high:.2f}) by over {N_SIGMA:.0f} sigma; leave out a band "
                        "or check its flux"
                    )
                    found[i].append(("color", text))

    def _check_magnitudes(self, flat, found):
        magnitude, error, seen = _magnitudes(flat)
        modulus = _distance_modulus(flat.redshift)
        for name, (low, high) in self.magnitudes.items():
            k = flat.bands.index(name)
            absolute = magnitude[:, k] - modulus
            margin = N_SIGMA * error[:, k]
            off = (absolute < low - margin) | (absolute > high + margin)
            for i in np.flatnonzero(off & seen[:, k]):
                text = (
                    f"the absolute magnitude {absolute[i]:.1f} in {name} is outside "
                    f"{low:.1f} to {high:.1f}, all that the models reach; check flux and redshift"
                )
                found[i].append(("magnitude", text))


def _beyond(redshift, low):
    """What to do with a redshift that no network was trained on."""
    if redshift < low:
        return "use MCMC, and a distance of your own: redshifts that low do not give one"
    if redshift > MAX_REDSHIFT:
        return f"the model itself ends at {MAX_REDSHIFT:g}"
    return (
        f"use MCMC (sedflow.MCMCSampler()), which goes on to {MAX_REDSHIFT:g}; the grids of FSPS "
        "cover u to 0.311 only, so leave out u beyond, or use "
        "MCMCSampler(model=sedflow.SEDModel('bc03'))"
    )


def _check_floor(flat, said, found):
    """Errors far below what photometry is good to: the network answers, too narrowly.

    said (n, n_band) : where another sentence is on the same error
    """
    for b, band in enumerate(flat.bands):
        floor = RECOMMENDED.get(band, 0.0)
        with np.errstate(invalid="ignore"):
            low = flat.sigma[:, b] < _FLOOR_SHARE * floor * flat.flux[:, b]
        for i in np.flatnonzero(low & ~said[:, b]):
            share = 100 * flat.sigma[i, b] / flat.flux[i, b]
            text = (
                f"the error in {band} is {share:.2g} % of the flux, far below the "
                f"{100 * floor:g} % that photometry is good to between bands; add a floor "
                "(floor = 'recommended' of a mapping, or sigma = hypot(sigma, share * flux))"
            )
            found[i].append(("floor", text))


def _check_negative(flat, found):
    """Fluxes below zero have no colours or magnitudes, so no other range sees them."""
    with np.errstate(invalid="ignore"):
        off = flat.flux < -N_SIGMA * flat.sigma
    for i, b in np.argwhere(off):
        text = (
            f"the flux in {flat.bands[b]} ({flat.flux[i, b]:.3g} +- {flat.sigma[i, b]:.2g} "
            f"nanomaggies) is below zero by over {N_SIGMA:.0f} sigma, which no light is; check "
            "it, or leave out the band"
        )
        found[i].append(("flux", text))


def check(sampler: Any, galaxies: Photometry, draws: Draws | bool | None = None) -> DomainCheck:
    """The ranges, and whether the draws of an `AmortizedPosterior` reach the data.

    galaxies (...) : in the bands of the network. See `AmortizedPosterior.check`.
    """
    ranges = sampler.domain.check(galaxies, sampler.noise)
    context = np.asarray(sampler.context(galaxies), dtype=float)
    distance = np.sqrt((context**2).mean(-1)).reshape(galaxies.shape)
    ranges = replace(ranges, distance=distance)
    ranges = ranges.noting(missing_lines(galaxies, sampler.model.grid))
    if draws is False:
        return ranges
    return _Reach(sampler, ranges, galaxies, draws).judged()


class _Reach:
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
            if set(self.bands) & set(draws.flux_bands or ()):
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
                reasons[k] += (self._sentence(chi2_best[k], one, len(flux), worst[k], without),)
                causes[k] += ("chi2",)
        shape = self.shape
        return replace(
            self.ranges,
            inside=np.array([not r for r in reasons], dtype=bool).reshape(shape),
            reasons=_objects(reasons, shape),
            causes=_objects(causes, shape),
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
        text = (
            f"no model comes near these data: the best of {n:,} draws has a chi-square of "
            f"{best:.4g}, where {n_band} good bands stay below {chi2_limit(n_band):.3g}; "
        )
        if worst < 0:
            remedy = (
                "or inflate the errors" if too_precise(one) else "inflate the errors, or use MCMC"
            )
            return text + (
                "no single band is to blame, so check redshift and fluxes (is it a galaxy, not a "
                f"star or quasar?), {remedy}"
            )
        name = self.bands[worst]
        return text + (
            f"without {name} it is {without[worst]:.2g}, so check the flux in {name}, or drop "
            f"{name} (NaN in flux and sigma)"
        )


def _best(flux, one):
    """Pulls (n_band,) and chi-square of the best of the model fluxes (n, n_band)."""
    total = chi_square(flux, one)
    best = int(np.argmin(total))
    return pulls(flux[[best]], one)[0], total[best]


def _in_bands(draws, bands):
    """Fluxes (..., n_draw, n_band) of draws in other bands; NaN where not known."""
    flux = np.full((*draws.theta.shape[:-1], len(bands)), np.nan)
    for k, band in enumerate(bands):
        if band in draws.flux_bands:
            flux[..., k] = draws.flux[..., draws.flux_bands.index(band)]
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


def _notes(flat, residual):
    notes = [[] for _ in range(len(flat))]
    for i, b in np.argwhere(residual > _LOUD):
        times = 10 ** residual[i, b]
        notes[i].append(
            f"the error in {flat.bands[b]} ({flat.sigma[i, b]:.2g} nanomaggies) is {times:,.0f} "
            "times the usual for its flux: this band says little; nothing needs fixing"
        )
    return [tuple(n) for n in notes]


def _objects(values, shape):
    packed = np.empty(len(values), dtype=object)
    for k, value in enumerate(values):  # at once, numpy would unpack tuples of equal length
        packed[k] = value
    return packed.reshape(shape)


def _magnitudes(flat):
    with np.errstate(invalid="ignore"):
        return flat.magnitude, flat.magnitude_error, flat.flux > _MIN_SNR * flat.sigma


def _distance_modulus(redshift):
    return 5.0 * np.log10(luminosity_distance_cm(redshift) / MPC_CM) + 25.0

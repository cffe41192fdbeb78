"""Where a network was trained, and in which way a galaxy lies outside.

A galaxy is outside if its redshift was not trained; if a colour or a luminosity lies further
than `N_SIGMA` of its own errors beyond all but 1e-4 of the models; if an error is smaller
than any in training at that flux; or if no draw comes near the data. Errors larger than usual
are no reason: such a band says little, and counts as one that says little.

The limit on the chi-square of the best draw is what noise alone exceeds once in a thousand
galaxies at their true parameters (20.5 for five bands); the best draw mostly does better than
the truth. Of 850 simulated galaxies none exceeded it, and 99 % stayed below 11, whether with 250
draws each or with 4,000. Of the NSA sample a tenth does: a search of its own for better models
(`mcmc.explore`) found one below the limit for one of eight.

The distance of the inputs from those of training is given, but is no reason: neither it, nor
the Mahalanobis distance with the full covariance, nor the largest single feature finds a
corrupted galaxy that the other checks miss (`benchmarks/domain.py`). The features are broad,
since training covers errors over four decades.
"""

from dataclasses import dataclass, fields, replace
from itertools import combinations

import numpy as np
from scipy.stats import chi2

from sedflow.cosmology import MPC_CM, luminosity_distance_cm
from sedflow.errors import BadParameters
from sedflow.likelihood import chi_square, pulls
from sedflow.noise import NoiseModel
from sedflow.photometry import Photometry, ab_magnitude

__all__ = ["DomainCheck", "TrainingDomain", "check", "chi2_limit"]

N_SIGMA = 4.0
_TAIL = 5e-5  # of the models left out at each end of a range
_MIN_SNR = 3.0  # below, a band has no colour to speak of
_UNLIKELY = 1e-3  # share of good galaxies whose noise alone exceeds the limit on chi-square
_N_DRAW = 250  # of a galaxy, where none are given
_N_MORE = 2500  # where those do not reach the data: in case they were too few
_HOPELESS = 3.0  # times the limit, beyond which more draws do not help
_N_WITHOUT = 150  # with one band left out
_LOUD = 1.0  # dex over the usual sigma, from which a band says little


def chi2_limit(n_band: int) -> float:
    """Chi-square of the best draw above which no model describes that many bands."""
    return float(chi2.isf(_UNLIKELY, n_band))


@dataclass(frozen=True)
class DomainCheck:
    """Whether galaxies lie where the network was trained, and if not, why.

    inside (...) : bool
    reasons (...) : a tuple of sentences for each galaxy, empty where inside: what is wrong, by
        how much, and what would mend it
    causes (...) : which check each reason comes from: "redshift", "sigma", "color",
        "magnitude" or "chi2"
    notes (...) : a tuple of sentences on what is unusual, but harmless
    bands : names of the bands on the last axis of `pull` and `sigma_residual`
    chi2_best (...) : chi-square of the best draw; NaN without draws
    pull (..., n_band) : (model - data) / sigma of the best draw; NaN without draws
    sigma_residual (..., n_band) : log10 sigma over the usual at that flux [dex]
    distance (...) : root mean square of the network's inputs, each standardised: near 1 for
        a galaxy like those of training, above 2 for one in 150 of them. For information.
    worst (...) : number of the band to blame where "chi2" is among the causes; -1 elsewhere,
        and where no single band is
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

    def __bool__(self):
        return bool(np.all(self.inside))

    def __getitem__(self, item) -> "DomainCheck":
        """The checks at an index, slice or mask of the leading axis."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "bands"}
        return replace(self, **{name: _at(value, item) for name, value in values.items()})

    def noting(self, text: str) -> "DomainCheck":
        """The same checks with one more note for every galaxy."""
        notes = [(*found, text) for found in self.notes.reshape(-1)]
        return replace(self, notes=_objects(notes, self.notes.shape))

    def __str__(self):
        if self:
            return "inside the training domain"
        return "outside the training domain: " + "; ".join(
            reason for galaxy in np.ravel(self.reasons) for reason in galaxy
        )


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
    def of_models(cls, flux, redshift, bands, redshift_range) -> "TrainingDomain":
        """Ranges of noise-free model fluxes (n, n_band) at redshifts (n,)."""
        magnitude = ab_magnitude(flux)
        absolute = magnitude - _distance_modulus(redshift)[:, None]

        def both_tails(values):
            return tuple(np.nanquantile(values, [_TAIL, 1 - _TAIL]).round(4).tolist())

        pairs = combinations(range(len(bands)), 2)
        return cls(
            redshift=tuple(redshift_range),
            colors={
                f"{bands[i]}-{bands[j]}": both_tails(magnitude[:, i] - magnitude[:, j])
                for i, j in pairs
            },
            magnitudes={band: both_tails(absolute[:, k]) for k, band in enumerate(bands)},
        )

    def check(self, galaxies: Photometry, noise: NoiseModel) -> DomainCheck:
        """Check the ranges of galaxies (...) in the bands of the network; no draws."""
        flat = galaxies.flat
        found = [[] for _ in range(len(flat.redshift))]
        self._check_redshift(flat, found)
        residual = noise.residual(flat.sigma, flat.flux)
        self._check_sigma(flat, residual, noise.broad[0], found)
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
        )

    def _check_redshift(self, flat, found):
        low, high = self.redshift
        for i in np.flatnonzero((flat.redshift < low) | (flat.redshift > high)):
            found[i].append(
                (
                    "redshift",
                    f"redshift {flat.redshift[i]:.4f} is outside the {low:g} to {high:g} of "
                    "training; use MCMC",
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
                    "that, or use MCMC",
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


def check(sampler, galaxies: Photometry, draws=None, flux=None) -> DomainCheck:
    """The ranges, and whether the draws of an `AmortizedPosterior` reach the data.

    galaxies (...) : in the bands of the network. See `AmortizedPosterior.check`.
    """
    ranges = sampler.domain.check(galaxies, sampler.noise)
    context = np.asarray(sampler.context(galaxies), dtype=float)
    distance = np.sqrt((context**2).mean(-1)).reshape(galaxies.shape)
    ranges = replace(ranges, distance=distance)
    if draws is False:
        return ranges
    return _Reach(sampler, ranges, galaxies, draws, flux).judged()


class _Reach:
    """Whether any draw reaches the data of each galaxy, and which band keeps it from that."""

    def __init__(self, sampler, ranges, galaxies, draws, flux):
        self.sampler, self.ranges, self.shape = sampler, ranges, galaxies.shape
        self.flat, self.bands = galaxies.flat, galaxies.bands
        model = sampler.model
        self.top = model.max_redshift(self.bands)
        self.fast = model.fast(self.bands)
        n = len(self.flat)
        self.theta = None if draws is None else _rows(draws.theta, n, 12, "draws")
        self.flux = None if flux is None else _rows(flux, n, len(self.bands), "flux")

    def judged(self) -> DomainCheck:
        n, n_band = len(self.flat), len(self.bands)
        chi2_best, pull = np.full(n, np.nan), np.full((n, n_band), np.nan)
        worst = np.full(n, -1)
        reasons, causes = (list(np.ravel(x)) for x in (self.ranges.reasons, self.ranges.causes))
        for k in range(n):
            one = self.flat[k]
            if one.redshift > self.top and self.flux is None:
                continue  # no model there
            flux, limit = self._flux(k, one), chi2_limit(one.present.sum())
            pull[k], chi2_best[k] = _best(flux, one)
            given = self.theta is not None or self.flux is not None
            if limit < chi2_best[k] < _HOPELESS * limit and not given:
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
        )

    def _flux(self, k, one):
        if self.flux is not None:
            return self.flux[k]
        if self.theta is not None:
            return self._of(self.theta[k], one)
        return self._made(one, _N_DRAW, 0)

    def _made(self, one, n, seed):
        return self._of(self.sampler.sample(one, n=n, seed=seed).theta, one)

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
            return text + (
                "no single band is to blame, so check redshift and fluxes (is it a galaxy, not a "
                "star or quasar?), inflate the errors, or use MCMC"
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


def _rows(values, n, last, name):
    """values (..., n_draw, last) as (n, n_draw, last)."""
    values = np.asarray(values, dtype=float)
    if values.ndim < 2 or values.shape[-1] != last or values[..., 0, 0].size != n:
        raise BadParameters(
            f"{name} has shape {values.shape}, but there are {n} galaxies; give "
            f"(..., n_draw, {last})"
        )
    return values.reshape(n, values.shape[-2], last)


def _notes(flat, residual):
    notes = [[] for _ in range(len(flat))]
    for i, b in np.argwhere(residual > _LOUD):
        times = 10 ** residual[i, b]
        notes[i].append(
            f"the error in {flat.bands[b]} ({flat.sigma[i, b]:.2g} nanomaggies) is {times:,.0f} "
            "times the usual for its flux: this band says little; nothing needs mending"
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

"""What if a band had been left out or added, or an error were another: the change, and its gain.

Pure functions of plain values. A band that was measured keeps its flux. One that was not has the
median flux that the posterior predicts, so its posterior is right in width, and its centre says
nothing new.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from sedflow.dashboard.answer import Answer
from sedflow.draws import column_quantiles
from sedflow.errors import BadPhotometry, SedflowError
from sedflow.fits.fit import Fit, fit
from sedflow.model.sed import SEDModel
from sedflow.network.posterior import AmortizedPosterior
from sedflow.photometry import Photometry
from sedflow.sampling.misfit import PValueTable, is_misfit, p_values_of

#: Bands that can be added where the stellar library reaches.
CANDIDATES = ("FUV", "NUV", "u", "g", "r", "i", "z", "J", "H", "Ks")
#: Name of the errors of all bands at once.
ALL_BANDS = "all"
#: Signal-to-noise ratio of a band that is added, before its error is scaled.
ADDED_SNR = 20.0
_FACTORS = (0.1, 10.0)  # of an error
_GRID = 400  # cells of the density whose entropy is taken


@dataclass(frozen=True)
class Change:
    """What differs from the galaxy that was measured.

    left : bands left out
    added : bands used that the posterior before does not use
    errors : factor of the error, by band, or of all by `ALL_BANDS`
    """

    left: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    errors: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self):
        return bool(self.left or self.added or any(v != 1.0 for v in self.errors.values()))

    def factor(self, band: str) -> float:
        """Of a band's error."""
        return self.errors.get(band, 1.0) * self.errors.get(ALL_BANDS, 1.0)

    def encoded(self) -> str:
        """The change as the address has it.

        >>> Change(("u",), ("H",), {"g": 0.5}).encoded()
        'u:out,H:in,g:0.5'
        """
        errors = [f"{b}:{v:.3g}" for b, v in self.errors.items() if v != 1.0]
        return ",".join(
            [*(f"{b}:out" for b in self.left), *(f"{b}:in" for b in self.added), *errors]
        )

    @classmethod
    def decoded(cls, text: str) -> "Change":
        """The change that an address has.

        Raises
        ------
        SedflowError
            It is not one.
        """
        left: list[str] = []
        added: list[str] = []
        errors = {}
        for part in [p for p in text.split(",") if p][:40]:
            band, _, what = part.partition(":")
            turned = what in ("in", "out")
            if band not in CANDIDATES and (turned or band != ALL_BANDS):
                raise _unreadable(text)
            if turned:
                (left if what == "out" else added).append(band)
                continue
            try:
                factor = float(what)
            except ValueError:
                raise _unreadable(text) from None
            if not _FACTORS[0] <= factor <= _FACTORS[1]:
                low, high = _FACTORS
                raise SedflowError(
                    f"whatif multiplies the error of {band} by {factor:g}; it may be {low:g} to "
                    f"{high:g}"
                )
            errors[band] = factor
        return cls(tuple(dict.fromkeys(left)), tuple(dict.fromkeys(added)), errors)


def _unreadable(text):
    return SedflowError(
        f"whatif={text[:64]!r} is not a change of a galaxy's bands; write u:out, H:in or g:0.5, "
        "separated by commas"
    )


@dataclass(frozen=True)
class LeftOut:
    """A band that was left out: its flux (3,) as the others predict it, and as it was measured.

    predicted : 16, 50 and 84 % [nanomaggies]; flux, sigma : measured
    pull : measured less predicted, in σ of both
    """

    band: str
    predicted: np.ndarray
    flux: float
    sigma: float
    pull: float


@dataclass(frozen=True)
class Gain:
    """What a change does to one quantity.

    before, after : half of the 68 % range
    bits : by how much the entropy of its posterior falls; NaN where a draw is not finite
    """

    before: float
    after: float
    bits: float

    @property
    def ratio(self) -> float:
        """Width after, over that before."""
        return self.after / self.before if self.before > 0 else float("nan")


@dataclass(frozen=True)
class Changed:
    """A posterior beside that of an answer, of the same galaxy with a change.

    answer : Answer of the galaxy as it is changed
    made_up : bands whose flux is what the posterior before predicts
    left : of each band that was measured and is not used
    lacks : bands of which its draws know nothing: the network does not take them, and its draws
        have no weights that pass
    misfit : p-value of data that the model does not describe; NaN where it does
    """

    change: Change
    answer: Answer
    made_up: tuple[str, ...]
    left: tuple[LeftOut, ...]
    lacks: tuple[str, ...] = ()
    misfit: float = float("nan")


def addable(model: SEDModel, redshift: float, used: tuple[str, ...]) -> list[str]:
    """Bands that can be added to those used, where the stellar library reaches."""
    out = []
    for band in CANDIDATES:
        if band in used:
            continue
        try:
            model.check_redshift(np.asarray(redshift), (band,))
        except SedflowError:
            continue
        out.append(band)
    return out


def redrawn(
    before: Fit,
    posterior: AmortizedPosterior,
    measured: Photometry,
    change: Change,
    n: int,
    seed: int,
) -> tuple[Fit, tuple[str, ...]]:
    """The network's draws for a galaxy with a change, with fluxes in all bands; which are made up.

    before : Fit whose bands the change starts from
    measured : everything that was measured
    """
    used, model = before.photometry, posterior.model
    z = float(used.redshift)
    # Always the same bands: their tables take a second to make, and are kept.
    extra = tuple(addable(model, z, posterior.bands))
    if lost := [b for b in change.added if b not in (*posterior.bands, *extra)]:
        raise BadPhotometry(
            f"the stellar library of {posterior.name} does not reach {', '.join(lost)} at redshift "
            f"{z:.4g}; add another band, or choose a network of another library"
        )
    new = [b for b in change.added if b not in measured.bands]
    fluxes = dict(zip(used.bands, before.predicted.quantiles()[1], strict=True))
    if any(b in extra for b in new):
        flux = model.photometry(before.draws.theta, z, extra, method="fast")
        middle = column_quantiles(flux, (0.5,), before.draws.weights)[0]
        fluxes |= dict(zip(extra, middle, strict=True))
    galaxy, made_up = changed_photometry(used, measured, change, fluxes)
    out = fit(galaxy.in_bands(posterior.bands), posterior, n=n, seed=seed, trust=None)
    if galaxy.bands == posterior.bands:
        return out, made_up
    draws = out.draws.with_flux(out.photometry, model)
    more = model.photometry(draws.theta, z, extra, method="fast")
    columns = [extra.index(b) for b in galaxy.bands[len(posterior.bands) :]]
    flux = np.concatenate([draws.flux, more[:, columns]], axis=1)
    draws = replace(draws, flux=flux, flux_bands=galaxy.bands)
    return replace(out, photometry=galaxy, draws=draws), made_up


def changed_photometry(
    used: Photometry, measured: Photometry, change: Change, fluxes: Mapping[str, float]
) -> tuple[Photometry, tuple[str, ...]]:
    """A galaxy with a change, in the bands of `used` and those added; and which are made up.

    used : what the posterior before rests on, NaN where a band is absent
    measured : everything that was measured
    fluxes : what the posterior predicts for bands that were not [nanomaggies]
    """
    known = {
        b: (f, s)
        for b, f, s in zip(measured.bands, measured.flux, measured.sigma, strict=True)
        if np.isfinite(f)
    }
    # In one order, whichever the change has: for each, a model is made and kept.
    bands = (*used.bands, *sorted(set(change.added) - set(used.bands), key=_place))
    flux, sigma, made_up = [], [], []
    for band in bands:
        was_used = band in used.bands and np.isfinite(used.flux[used.bands.index(band)])
        if band in change.left or not (was_used or band in change.added):
            one = (np.nan, np.nan)
        elif band in known:
            one = known[band]
        else:
            one = (fluxes[band], abs(fluxes[band]) / ADDED_SNR)
            made_up.append(band)
        flux.append(one[0])
        sigma.append(one[1] * change.factor(band))
    if not np.isfinite(flux).any():
        raise BadPhotometry("no band is left; keep at least one")
    galaxy = Photometry(np.array(flux), np.array(sigma), used.redshift, bands, used.ids)
    return galaxy, tuple(made_up)


def _place(band):
    """Place of a band that can be added, those of other networks last."""
    return (CANDIDATES.index(band) if band in CANDIDATES else len(CANDIDATES), band)


def misfit_p(fit: Fit, table: PValueTable | None) -> float:
    """P-value of data that an exact fit's model does not describe, calibrated where it can be.

    Widths are those of a model that is wrong there. NaN where the model describes the data.

    table : of the network; its weighted draws have no verdict that says it
    """
    p, calibrated = p_values_of(fit, table)
    if not is_misfit(p, calibrated):
        return float("nan")
    return p if np.isnan(calibrated) else calibrated


def left_out(fit: Fit, measured: Photometry) -> tuple[LeftOut, ...]:
    """Bands that were measured and that a fit does not use, beside what it predicts."""
    out = []
    for k, band in enumerate(fit.photometry.bands):
        if np.isfinite(fit.photometry.flux[k]) or band not in measured.bands:
            continue
        at = measured.bands.index(band)
        flux, sigma = float(measured.flux[at]), float(measured.sigma[at])
        if not np.isfinite(flux):
            continue
        low, middle, high = column_quantiles(
            fit.predicted.flux[:, k : k + 1], (0.16, 0.5, 0.84), fit.draws.weights
        )[:, 0]
        width = np.hypot(sigma, 0.5 * (high - low))
        out.append(
            LeftOut(band, np.array([low, middle, high]), flux, sigma, (flux - middle) / width)
        )
    return tuple(out)


def gains(before: np.ndarray, after: np.ndarray) -> list[Gain]:
    """What a change does to each quantity, from draws of equal weight (n, n_quantity)."""
    out = []
    for old, new in zip(np.transpose(before), np.transpose(after), strict=True):
        bits = float("nan")  # where a logarithm is that of no stars
        if np.isfinite(old).all() and np.isfinite(new).all():
            ends = (min(old.min(), new.min()), max(old.max(), new.max()))
            bits = _entropy(old, ends) - _entropy(new, ends)
        out.append(Gain(_half_width(old), _half_width(new), bits))
    return out


def _half_width(values):
    """Half of the 68 % range; NaN where an end is that of no stars."""
    between = "linear" if np.isfinite(values).all() else "nearest"  # of infinities there is nothing
    low, high = np.quantile(values, [0.16, 0.84], method=between)
    return float(0.5 * (high - low)) if np.isfinite(low) and np.isfinite(high) else float("nan")


def _entropy(values, ends):
    """Entropy [bits] of a density of draws, smoothed by Silverman's rule; its unit is `ends`."""
    low, high = ends
    if not high > low:
        return 0.0
    counts, _ = np.histogram(values, bins=_GRID, range=ends)
    spread = min(values.std(), np.subtract(*np.quantile(values, [0.75, 0.25])) / 1.34)
    width = 0.9 * spread * len(np.unique(values)) ** -0.2 / (high - low) * _GRID
    share = gaussian_filter1d(counts / counts.sum(), max(width, 0.3), mode="reflect")
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum())

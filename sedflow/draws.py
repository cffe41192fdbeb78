"""Posterior draws with named parameters, and what a sampler is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sedflow import views
from sedflow.batches import check_draws, check_labels, galaxies_at
from sedflow.errors import BadParameters, BadPhotometry, SedflowError, UnknownBand, check_like
from sedflow.fluxes import goes_by_place, in_bands
from sedflow.parameters import N_PARAM, NAMES, index, numbers_of_theta
from sedflow.photometry import Photometry
from sedflow.settled import Frozen, frozen
from sedflow.shares import shares_of
from sedflow.trust_limits import Convergence, Importance
from sedflow.units import plain
from sedflow.whole_numbers import LARGEST_SEED, as_whole

#: Draws of a galaxy that may be asked for: 0.1 GB, and a quantile good to 0.1 % of its sigma.
MAX_DRAWS = 1_000_000

#: Shares of the draws inside 1 and 2 sigma of a two-dimensional Gaussian, which contours hold.
CONTOUR_LEVELS = (0.393, 0.865)

#: Quantiles that are drawn of curves: median, 68 and 95 %.
CURVE_LEVELS = (0.025, 0.16, 0.5, 0.84, 0.975)


_TOLERANCE = 1e-6  # of a sum of weights


@dataclass(frozen=True, repr=False, eq=False)
class Draws(Frozen):
    """Draws of the 12 parameters of one galaxy, or of many on the leading axes.

    theta (..., n_draw, 12), in the order of `NAMES`
    log_density (..., n_draw) : natural log of the density that the draws were made from, in
        the 11 dimensions `FREE_NAMES`; None, or NaN for a galaxy, if they were made from the
        posterior itself (MCMC)
    weights (..., n_draw) : share of each draw in the posterior, summing to 1; None if equal
    importance : figures of the weights, also of those that the draws were resampled by
    convergence : figures of the chains, if there were any
    flux (..., n_draw, n_band) : noise-free model fluxes [nanomaggies] of the draws, from the
        model and at the redshift that the draws were made with; None if not computed. Files do
        not store them, and draws are equal without them
    flux_bands : the bands of `flux`
    """

    theta: np.ndarray
    log_density: np.ndarray | None = None
    weights: np.ndarray | None = None
    importance: Importance | None = None
    convergence: Convergence | None = None
    flux: np.ndarray | None = field(default=None, compare=False)
    flux_bands: tuple[str, ...] | None = field(default=None, compare=False)

    def __post_init__(self):
        check_labels(
            BadParameters, theta=self.theta, log_density=self.log_density, weights=self.weights
        )
        held: Any = self.theta
        # What has names may have them in any order; a tuple is what a damaged file holds.
        plainly = isinstance(held, tuple) or (isinstance(held, np.ndarray) and not held.dtype.names)
        if not plainly:
            object.__setattr__(self, "theta", numbers_of_theta(self.theta))
        if self.flux is not None:
            if not goes_by_place(self.flux):
                object.__setattr__(self, "flux", in_bands(self.flux, self.flux_bands or ()))
            shape = (*np.shape(self.theta)[:-1], len(self.flux_bands or ()))
            if np.shape(self.flux) != shape:
                raise BadParameters(
                    f"flux has shape {np.shape(self.flux)}, but the draws and their bands ask for "
                    f"{shape}; give one flux per draw and band, and flux_bands"
                )
        density = self.log_density
        if density is not None and np.shape(density) != np.shape(self.theta)[:-1]:
            raise BadParameters(
                f"log_density has shape {np.shape(density)}, but there are draws of shape "
                f"{np.shape(self.theta)[:-1]}; give one density per draw, or None"
            )
        for name in ("theta", "log_density", "weights", "flux"):
            values = getattr(self, name)
            if isinstance(values, np.ndarray):  # a sampler may fill its own arrays again
                object.__setattr__(self, name, frozen(values))
        if self.weights is None:
            return
        shape, weights = np.shape(self.theta)[:-1], plain(self.weights, "weights")
        if weights.shape != shape:
            raise BadParameters(
                f"weights have shape {weights.shape}, but there are draws of shape {shape}; give "
                "one weight per draw"
            )
        object.__setattr__(self, "weights", frozen(weights))  # summed in double precision
        total = weights.sum(-1)
        blank = np.isnan(self.theta).any((-2, -1))  # a galaxy without draws has no weights either
        off = ~blank & ((weights < 0).any(-1) | ~(np.abs(total - 1.0) <= _TOLERANCE))
        if off.any():
            worst = total[off].flat[0]
            raise BadParameters(
                f"weights sum to {worst:.6g}, or are below zero; they must be >= 0 and sum to 1, "
                "so divide them by their sum"
            )

    def __getitem__(self, name: str) -> np.ndarray:
        """Draws (..., n_draw) of one parameter.

        >>> Draws(np.zeros((100, 12)))["tau_ism"].shape
        (100,)
        """
        return self.theta[..., index(name)]

    def keys(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return NAMES

    def _ipython_key_completions_(self) -> list[str]:
        return list(NAMES)

    def __repr__(self):
        of = f" of {int(np.prod(self.shape)):,} galaxies" if self.shape else ""
        weighted = self.weights is not None and bool(np.ptp(self.weights, axis=-1).any())
        raw = "raw: with weights; fit.samples has equal ones" if weighted else "of equal weight"
        return f"<Draws{of}: {self.n:,} x {N_PARAM} parameters, {raw}>"

    def _repr_html_(self):
        return views.markup(repr(self), views.table((), [(", ".join(NAMES),)]))

    @property
    def n(self) -> int:
        """Draws per galaxy."""
        return self.theta.shape[-2]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the batch of galaxies; () for one."""
        return self.theta.shape[:-2]

    def galaxy(self, item: Any) -> Draws:
        """The draws of the galaxies at an index, slice or mask of the leading axis.

        Raises
        ------
        IndexError
            There is no galaxy at that place, or the index would cut the draws.
        """
        item = galaxies_at(item, self.shape)
        names = ("log_density", "weights", "importance", "convergence", "flux")
        parts: dict[str, Any] = {name: getattr(self, name) for name in names}
        chosen = {name: None if part is None else part[item] for name, part in parts.items()}
        return replace(self, theta=self.theta[item], **chosen)

    def with_flux(self, galaxy: Photometry, model: Any) -> Draws:
        """The draws with their model fluxes in a galaxy's bands, computed if not known yet.

        NaN in a band that a galaxy does not have, and that the SSP grid does not cover.

        galaxy : the galaxy, or the batch, that the draws are of
        model : SEDModel that the draws were made with
        """
        if self.flux is not None and self.flux_bands == galaxy.bands:
            return self
        check_like("model", model, "max_redshift", "a sedflow.SEDModel")
        flux = model_flux(model, self.theta, galaxy.redshift, galaxy.bands, galaxy.present)
        return replace(self, flux=flux, flux_bands=galaxy.bands)

    def without_flux(self) -> Draws:
        """The draws alone, for another model or redshift, or for a file."""
        return self if self.flux is None else replace(self, flux=None, flux_bands=None)

    def quantile(self, values: npt.ArrayLike | str, q: npt.ArrayLike) -> np.ndarray:
        """Quantiles (len(q), ...) of any quantity (..., n_draw) of the draws, weights included.

        values : numbers, or the name of a parameter; q : from 0 to 1
        """
        if isinstance(values, str):
            values = self[values]
        return weighted_quantile(values, q, self.weights)

    def resampled(self, n: int | None = None, seed: int = 0) -> Draws:
        """Draws of equal weight, for whatever cannot take weights; those given if they are equal.

        Systematic resampling: a draw of weight w comes n w times, rounded up or down. Draws of
        equal weight are thinned evenly, since those of a chain come in its order.
        """
        n = self.n if n is None else as_whole("n", n, 1, MAX_DRAWS, " draws")
        seed = as_whole("seed", seed, 0, LARGEST_SEED)
        if self.weights is None:
            if n == self.n:
                return self
            rows = systematic(np.ones(self.n), n, np.random.default_rng(seed))
            density = None if self.log_density is None else self.log_density[..., rows]
            flux = None if self.flux is None else self.flux[..., rows, :]
            return replace(self, theta=self.theta[..., rows, :], log_density=density, flux=flux)
        flat = self.weights.reshape(-1, self.n)
        rng = np.random.default_rng(seed)
        chosen = [systematic(w, n, rng) for w in flat]  # of no galaxy, none
        rows = np.array(chosen, dtype=int).reshape(*self.shape, n)
        theta = np.take_along_axis(self.theta, rows[..., None], axis=-2)
        flux = self.flux
        flux = None if flux is None else np.take_along_axis(flux, rows[..., None], axis=-2)
        return replace(self, theta=theta, weights=None, log_density=None, flux=flux)


def model_flux(
    model: Any,
    theta: np.ndarray,
    redshift: np.ndarray,
    bands: tuple[str, ...],
    present: np.ndarray,
) -> np.ndarray:
    """Fluxes (..., n_draw, n_band) of draws (..., n_draw, 12), see `Draws.with_flux`.

    redshift (...); present (..., n_band) : bands that a galaxy has
    """
    check_draws(np.shape(theta), redshift.shape)
    z, wanted = redshift[..., None], present.copy()
    for k in np.flatnonzero(~present.reshape(-1, len(bands)).all(0)):
        try:
            wanted[..., k] |= redshift <= model.max_redshift((bands[k],))
        except UnknownBand:
            continue
    if wanted.all():
        return model.photometry(theta, z, bands, method="fast")
    shape, wanted = np.shape(theta)[:-1], wanted.reshape(-1, len(bands))
    theta, z = theta.reshape(-1, *theta.shape[-2:]), z.reshape(-1, 1)
    flux = np.full((*theta.shape[:2], len(bands)), np.nan)
    for one in np.unique(wanted, axis=0):
        rows = (wanted == one).all(-1)
        some = tuple(band for band, there in zip(bands, one, strict=True) if there)
        found = model.photometry(theta[rows], z[rows], some, method="fast")
        flux[np.ix_(rows, np.ones(theta.shape[1], bool), one)] = found
    return flux.reshape(*shape, len(bands))


def check_photometry(galaxy: object) -> None:
    """Refuse what is not `Photometry`."""
    if not isinstance(galaxy, Photometry):
        if hasattr(galaxy, "columns"):  # of pandas or astropy
            raise BadPhotometry(
                f"expected a sedflow.Photometry, got the table {type(galaxy).__name__}; give a "
                "table of galaxies to sedflow.infer_table"
            )
        raise BadPhotometry(
            f"expected a sedflow.Photometry, got {type(galaxy).__name__}; build one from "
            "flux, sigma and redshift; of several galaxies, these are arrays"
        )


def checked_request(galaxy: Photometry, n: object, seed: object) -> int:
    """The number of draws as an int, where it, the seed and the galaxy can be taken.

    Raises
    ------
    BadParameters, BadPhotometry
    """
    check_photometry(galaxy)
    if not galaxy.redshift.size:
        raise BadPhotometry("the photometry holds no galaxies; give one at least")
    if seed is not None:
        as_whole("seed", seed, 0, LARGEST_SEED)
    return as_whole("n", n, 1, MAX_DRAWS, " draws")


def sampled(sampler: Sampler, model: Any, galaxy: Photometry, n: int, seed: int | None) -> Draws:
    """A sampler's draws, without their fluxes where those are of another model than this one."""
    draws, name = sampler.sample(galaxy, n=n, seed=seed), type(sampler).__name__
    if not isinstance(draws, Draws):
        raise SedflowError(
            f"{name}.sample gave a {type(draws).__name__}; it must give a sedflow.draws.Draws"
        )
    if np.shape(draws.theta) != (*galaxy.shape, n, N_PARAM):
        raise SedflowError(
            f"{name}.sample gave theta of the shape {np.shape(draws.theta)}; it must give "
            f"{(*galaxy.shape, n, N_PARAM)}, n = {n} draws for each galaxy"
        )
    return draws if getattr(sampler, "model", None) is model else draws.without_flux()


def systematic(weights: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Indices (n,), ascending, drawn in proportion to weights (n_draw,), evenly spread."""
    edges = np.cumsum(weights, dtype=float)
    return np.minimum(
        np.searchsorted(edges, (np.arange(n) + rng.random()) / n * edges[-1]), len(edges) - 1
    )


def weighted_quantile(
    values: npt.ArrayLike, q: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> np.ndarray:
    """Quantiles (len(q), ...) of values (..., n) under weights (..., n); q a number or (n_q,).

    Without weights as `numpy.quantile`; with them, linear in the cumulative weight at the
    middle of each draw, which agrees with it for equal weights to 1 / n. Weights may have any sum.
    With weights, values that are NaN do not count; NaN where none is known.

    Raises
    ------
    SedflowError
        No values, q that is not from 0 to 1, weights that are negative or all 0.
    """
    check_labels(SedflowError, values=values, weights=weights)
    try:
        values, q = np.asarray(values, float), np.asarray(q, float)
        weights = None if weights is None else np.broadcast_to(weights, values.shape)
    except (TypeError, ValueError) as problem:
        raise SedflowError(
            f"values, q and weights must be numbers, as many weights as values ({problem})"
        ) from None
    if not (values.ndim and q.ndim < 2 and np.all((q >= 0) & (q <= 1))):
        raise SedflowError(
            f"q = {' '.join(str(q).split())[:64]} of values of the shape {values.shape}; give "
            "values (..., n), and q from 0 to 1, 0.16 for 16 %"
        )
    if not values.shape[-1]:
        raise SedflowError(f"values have the shape {values.shape}; give one value at least")
    if weights is None:
        with np.errstate(invalid="ignore"):
            out = np.quantile(values, q, axis=-1)
        if np.isinf(values).any():  # between two that are infinite numpy has no number
            lower = np.quantile(values, q, axis=-1, method="lower")
            out = np.where(np.isnan(out) & ~np.isnan(values).any(-1), lower, out)
        return out
    shares = shares_of(weights, ~np.isnan(values))
    order = np.argsort(values, axis=-1)  # NaN, which have no share, come last
    v = np.fmin(values, np.fmax.reduce(values, axis=-1, keepdims=True))
    v = np.take_along_axis(v, order, -1).reshape(-1, values.shape[-1])
    w = np.take_along_axis(shares, order, -1).reshape(v.shape)
    cumulative = np.cumsum(w, axis=-1) - 0.5 * w
    at = np.atleast_1d(q)
    rows = [np.interp(at, c, row) for c, row in zip(cumulative, v, strict=True)]
    out = np.stack(rows, axis=-1) if rows else np.zeros((at.size, 0))
    out[:, np.isnan(w).any(-1)] = np.nan
    out = out.reshape(at.size, *values.shape[:-1])
    return out[0] if np.ndim(q) == 0 else out


def column_quantiles(
    values: np.ndarray, q: npt.ArrayLike, weights: np.ndarray | None = None
) -> np.ndarray:
    """Quantiles (len(q), ..., n_column) of values (..., n_draw, n_column) over the draws."""
    if weights is None:
        return np.quantile(values, np.asarray(q), axis=-2)
    return weighted_quantile(np.moveaxis(values, -2, -1), q, weights[..., None, :])


class Sampler(Protocol):
    """Anything that draws from the posterior of galaxies: network, MCMC, an exact answer."""

    def sample(self, galaxy: Photometry, n: int = 10_000, seed: int | None = None) -> Draws:
        """n draws for each galaxy of the batch; the same seed gives the same draws."""
        ...


def galaxy_rng(seed: int | None, galaxy: Photometry) -> np.random.Generator:
    """Random numbers that depend on the seed and the galaxy's own data; fresh ones for None."""
    if seed is None:
        return np.random.default_rng()
    data = np.concatenate([galaxy.flux, galaxy.sigma, [galaxy.redshift]])
    digest = hashlib.blake2b(data.tobytes(), digest_size=8).digest()
    return np.random.default_rng([int(seed), int.from_bytes(digest, "little")])

"""Broadband photometry of galaxies: fluxes, errors and redshifts, checked at the door."""

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import InitVar, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sedflow import views
from sedflow.bands import (
    UGRIZ,
    Band,
    ab_magnitude,
    as_bands,
    band_weights,
    curve_name,
    load_band,
    nanomaggies,
    places_of,
)
from sedflow.batches import check_labels, galaxies_at
from sedflow.constants import POGSON
from sedflow.curve_hashes import same_curves
from sedflow.errors import BadPhotometry
from sedflow.flux_limits import (
    FLUX_MAX,
    SIGMA_MIN,
    believable,
    refuse_codes,
    say_if_magnitudes,
)
from sedflow.fluxes import PLAIN, band_flux, fluxes_of, fluxes_of_magnitudes
from sedflow.identifiers import exact_ids
from sedflow.redshifts import believable_redshift, no_galaxy_has
from sedflow.settled import Frozen
from sedflow.shown_fluxes import rows_of_many, said_of_many, said_of_one
from sedflow.units import plain

__all__ = [
    "UGRIZ",
    "Band",
    "Photometry",
    "ab_magnitude",
    "band_flux",
    "band_weights",
    "nanomaggies",
]

#: Whether the photometry that is built is a part of one of which all has been said.
_PART: ContextVar[bool] = ContextVar("part", default=False)


def _part(*fields) -> "Photometry":
    """Photometry from the fields of another one."""
    before = _PART.set(True)
    try:
        return Photometry(*fields)
    finally:
        _PART.reset(before)


@dataclass(frozen=True, repr=False, eq=False)
class Photometry(Frozen):
    """Observed broadband fluxes of one galaxy, or of many on the leading axes.

    Parameters
    ----------
    flux, sigma : array (..., n_band)
        Flux and its one-sigma error [nanomaggies, corrected for Galactic extinction].
        Arrays of astropy's in another flux density, or in magnitudes that name their system, are
        converted; what is masked is NaN. Columns and rows that name their bands, as a data frame,
        a table or a mapping has them, must do so in the order of `bands`.
        A negative flux is data; it must be finite and below 1e15 in size, sigma between 1e-15
        and 1e15. NaN in both says that the galaxy was not observed in that band; at least one
        band must be there.
    redshift : float or array (...)
        Between 1e-6 and 100. How far the model reaches is another matter (`check`).
    bands : sequence of str
        Names of the bands, in the order of the last axis.
    ids : array (...), optional
        Identifiers, for titles and result tables.
    id_name : str
        What the IDs are called in titles: "NSAID" for galaxies of the atlas.
    unit : str
        Of plain numbers in flux and sigma: "uJy", "mag(AB)" (and sigma in mag),
        "1e-17 erg/s/cm2/A", ...

    Raises
    ------
    BadPhotometry
        Naming the value, the limit and the remedy.

    Examples
    --------
    >>> galaxy = Photometry(flux=[30.4, 75.8, 104.4, 130.5, 145.7],
    ...                     sigma=[2.0, 1.6, 2.1, 2.9, 5.7], redshift=0.0488)
    >>> galaxy.shape, galaxy.magnitude.round(2).tolist()
    ((), [18.79, 17.8, 17.45, 17.21, 17.09])
    """

    flux: np.ndarray
    sigma: np.ndarray
    redshift: np.ndarray
    bands: tuple[str, ...] = UGRIZ
    ids: np.ndarray | None = None
    id_name: str = ""
    unit: InitVar[str] = PLAIN

    if TYPE_CHECKING:  # what the class takes; its fields are arrays

        def __init__(
            self,
            flux: ArrayLike,
            sigma: ArrayLike,
            redshift: ArrayLike,
            bands: str | Sequence[str] = UGRIZ,
            ids: ArrayLike | None = None,
            id_name: str = "",
            unit: str = "nanomaggies",
        ) -> None: ...

    def __post_init__(self, unit):
        set_ = object.__setattr__
        bands = as_bands(self.bands)
        if len(set(bands)) != len(bands):
            raise BadPhotometry(f"bands {bands} name a band twice; give each once")
        if twins := same_curves(bands):  # the same flux would count twice
            raise BadPhotometry(
                f"bands {', '.join(twins)} are names of one filter curve; give each curve once"
            )
        for band in bands:
            load_band(band)  # the sentence on an unknown name comes from there
        if np.ndim(self.redshift) or getattr(self.flux, "ndim", 0) > 1:  # else labels are bands
            check_labels(flux=self.flux, sigma=self.sigma, redshift=self.redshift, ids=self.ids)
        flux, sigma = fluxes_of(self.flux, self.sigma, bands, unit)
        redshift = plain(self.redshift, "redshift", "", BadPhotometry)
        if flux.ndim == 0 or flux.shape[-1] != len(bands):
            raise BadPhotometry(
                f"flux has shape {flux.shape}, but its last axis must hold the {len(bands)} "
                f"bands {', '.join(bands)}"
            )
        if sigma.shape != flux.shape:
            raise BadPhotometry(
                f"sigma has shape {sigma.shape} but flux {flux.shape}; give one error per flux"
            )
        try:
            redshift = np.broadcast_to(redshift, flux.shape[:-1]).copy()
        except ValueError:
            raise BadPhotometry(
                f"redshift has shape {redshift.shape}, but there are {flux.shape[:-1]} galaxies; "
                "give one redshift, or one for each"
            ) from None
        ids = None if self.ids is None else exact_ids(self.ids)
        if ids is not None and ids.shape != flux.shape[:-1]:
            raise BadPhotometry(f"ids has shape {ids.shape}, but there are {flux.shape[:-1]}")
        absent = np.isnan(flux) & np.isnan(sigma)
        for name, value, good, limit, remedy in (
            (
                "flux",
                flux,
                (np.abs(flux) < FLUX_MAX) | absent,
                f"must be finite and below {FLUX_MAX:g} nanomaggies in size",
                "check its unit, leave the band out, or give NaN for its sigma too",
            ),
            (
                "sigma",
                sigma,
                believable(0.0, sigma) | absent,
                f"must be finite and > 0, from {SIGMA_MIN:g} to {FLUX_MAX:g}",
                "give the one-sigma error in nanomaggies, or leave the band out",
            ),
        ):
            if not good.all():
                where = tuple(np.argwhere(~good)[0])
                band = f" in band {bands[where[-1]]}{_whose(where[:-1], ids)}"
                if name == "sigma" and value[where] < 0:
                    remedy = (
                        "where that marks an upper limit of n sigma, give flux 0 and sigma = limit "
                        "/ n, and NaN in both where nothing was measured"
                    )
                raise BadPhotometry(f"{name} = {value[where]}{band} {limit}; {remedy}")
        good = believable_redshift(redshift)
        if not good.all():
            where = tuple(np.argwhere(~good)[0])
            raise BadPhotometry(no_galaxy_has(redshift[where], _whose(where, ids)))
        empty = absent.all(axis=-1)
        if empty.any():
            row = tuple(np.argwhere(empty)[0])
            galaxy = _whose(row, ids).removeprefix(" of ") or "the galaxy"
            raise BadPhotometry(
                f"{galaxy} has no flux in any of {', '.join(bands)}; give at least one band"
            )
        refuse_codes(flux, sigma, bands)
        if not _PART.get():  # once, not again of every part
            say_if_magnitudes(flux, sigma, bands)
        for name, value in (("flux", flux), ("sigma", sigma), ("redshift", redshift)):
            value.flags.writeable = False
            set_(self, name, value)
        set_(self, "bands", bands)
        if ids is not None:
            ids.flags.writeable = False
        set_(self, "ids", ids)

    @classmethod
    def from_magnitudes(
        cls,
        magnitude: ArrayLike,
        error: ArrayLike,
        redshift: ArrayLike,
        bands: str | Sequence[str] = UGRIZ,
        ids: ArrayLike | None = None,
        *,
        system: str = "AB",
        zero_point: ArrayLike | str | None = None,
        id_name: str = "",
    ) -> "Photometry":
        """Photometry from magnitudes and their one-sigma errors (..., n_band) [mag].

        Errors are taken as f * err / 1.0857, so they should be below some 0.3 mag; for fainter
        galaxies give fluxes. NaN in both says that the galaxy was not observed in that band.

        Parameters
        ----------
        magnitude, error : array (..., n_band), plain or with the unit mag
            Corrected for Galactic extinction.
        system : "AB", "SDSS", "asinh" or "Vega"
            "SDSS" are the survey's, u 0.04 mag fainter and z 0.02 mag brighter than AB; "asinh"
            the survey's asinh magnitudes, as its tables have them, which are linear in flux at
            the faint end; "Vega" by the offsets of Blanton & Roweis (2007) and Jarrett et al.
            (2011), for ugriz, 2MASS and WISE W1, W2, or by `zero_point`.
        zero_point : quantity or text such as "1594 Jy", optional
            Flux density of magnitude 0 in the system, one for all bands or one for each.

        Raises
        ------
        BadPhotometry, UnknownBand

        Examples
        --------
        >>> galaxy = Photometry.from_magnitudes(
        ...     [18.79, 17.80, 17.45, 17.21, 17.09], [0.07, 0.02, 0.02, 0.02, 0.04], 0.0488)
        >>> galaxy.flux.round(1).tolist()
        [30.5, 75.9, 104.7, 130.6, 145.9]
        """
        names = as_bands(bands)
        if np.ndim(redshift) or getattr(magnitude, "ndim", 0) > 1:
            check_labels(magnitude=magnitude, error=error, redshift=redshift, ids=ids)
        flux, sigma = fluxes_of_magnitudes(magnitude, error, names, system, zero_point)
        return cls(flux, sigma, redshift, names, ids, id_name)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the batch; () for one galaxy."""
        return self.redshift.shape

    def __len__(self):
        if not self.shape:
            raise TypeError("one galaxy has no length; its shape is ()")
        return self.shape[0]

    def __getitem__(self, item) -> "Photometry":
        """The galaxies at an index, slice or mask of the leading axis.

        Raises
        ------
        SedflowError
            The index would cut the bands, which `select` does.
        IndexError
            There is no galaxy at that place.
        """
        item = galaxies_at(item, self.shape, self.ids)
        redshift = self.redshift[item]
        ids = None if self.ids is None else self.ids[item]
        return self._with(self.flux[item], self.sigma[item], redshift, ids)

    def _with(self, flux, sigma, redshift, ids):
        """Some or all of the same galaxies: what was checked is not checked again."""
        redshift = np.asarray(redshift)
        if flux.shape != (*redshift.shape, len(self.bands)):  # the bands were cut, too
            return _part(flux, sigma, redshift, self.bands, ids, self.id_name)
        out = object.__new__(Photometry)
        out.__dict__.update(vars(self), flux=flux, sigma=sigma, redshift=redshift)
        out.__dict__["ids"] = None if ids is None else np.asarray(ids)
        for value in (flux, sigma, redshift):
            value.flags.writeable = False
        return out

    @property
    def title(self) -> str:
        """Name and redshift of one galaxy, or how many there are."""
        if self.shape:
            return f"{self.redshift.size:,} galaxies"
        z = f"z = {self.redshift:.4f}"
        return z if self.ids is None else f"{self.id_name} {self.ids}, {z}".strip()

    def __repr__(self):
        if not self.shape:
            return f"<Photometry {self.title}: {said_of_one(self.bands, self.flux, self.sigma)}>"
        z = (
            f", z = {self.redshift.min():.4g} to {self.redshift.max():.4g}"
            if self.redshift.size
            else ""
        )
        return f"<Photometry of {self.title}: {said_of_many(self.bands, self.flux)}{z}>"

    def _repr_html_(self):
        if self.shape:
            rows = rows_of_many(self.bands, self.flux, self.sigma)
            heads = ("band", "galaxies", "median AB mag", "median error")
            return views.markup(f"Photometry of {self.title}", views.table(heads, rows))
        rows = [
            (band, f"{f:.4g}", f"{s:.2g}", f"{m:.3f}", f"{e:.3f}") if np.isfinite(f) else (band,)
            for band, f, s, m, e in zip(
                self.bands, self.flux, self.sigma, self.magnitude, self.magnitude_error, strict=True
            )
        ]
        heads = ("band", "flux [nanomaggies]", "error", "AB mag", "error")
        return views.markup(f"Photometry {self.title}", views.table(heads, rows))

    @property
    def flat(self) -> "Photometry":
        """The same galaxies on one leading axis, also where there is only one."""
        flux, sigma = (v.reshape(-1, len(self.bands)) for v in (self.flux, self.sigma))
        ids = None if self.ids is None else self.ids.reshape(-1)
        return self._with(flux, sigma, self.redshift.reshape(-1), ids)

    @property
    def present(self) -> np.ndarray:
        """Whether the galaxy was observed in a band (..., n_band)."""
        return ~np.isnan(self.flux)

    @property
    def observed(self) -> "Photometry":
        """One galaxy in those of its bands where it was observed."""
        if self.shape:
            raise BadPhotometry(
                f"these are {self.redshift.size} galaxies, each with bands of its own; take one "
                "of them, photometry[k].observed"
            )
        return self.select(
            [band for band, there in zip(self.bands, self.present, strict=True) if there]
        )

    def in_bands(self, bands) -> "Photometry":
        """The same galaxies in exactly these bands; absent (NaN) where there is no photometry.

        Bands are known by their curves: "sdss2010-g" is the g of the networks.
        """
        bands, mine = as_bands(bands), [*map(curve_name, self.bands)]
        flux, sigma = np.full((2, *self.shape, len(bands)), np.nan)
        for k, band in enumerate(bands):
            if curve_name(band) in mine:
                column = mine.index(curve_name(band))
                flux[..., k], sigma[..., k] = self.flux[..., column], self.sigma[..., column]
        return _part(flux, sigma, self.redshift, bands, self.ids, self.id_name)

    @property
    def magnitude(self) -> np.ndarray:
        """AB magnitudes (..., n_band); NaN where the flux is not positive or absent."""
        return ab_magnitude(self.flux)

    @property
    def magnitude_error(self) -> np.ndarray:
        """Size (..., n_band) of 2.5 sigma / (f ln 10) [mag]."""
        with np.errstate(divide="ignore", over="ignore"):
            return np.abs(POGSON * self.sigma / self.flux)

    def select(self, bands) -> "Photometry":
        """The same galaxies in a subset of the bands, in the order asked for."""
        bands = as_bands(bands)
        columns = places_of(bands, self.bands, "the photometry")
        flux, sigma = self.flux[..., columns], self.sigma[..., columns]
        return _part(flux, sigma, self.redshift, bands, self.ids, self.id_name)


def _whose(row, ids):
    """The galaxy in a row of a batch, in words; nothing where there is one galaxy."""
    return f" of galaxy {row[0] if ids is None else ids[row]}" if row else ""

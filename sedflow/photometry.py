"""Bands, broadband photometry, and how spectra become nanomaggies.

Fluxes are AB nanomaggies (22.5 mag = 1), wavelengths vacuum Angstrom. Spectra are means of
F_lambda over wavelength bins, and the piecewise-linear filter curve is integrated exactly
over each bin, so no flux is lost however narrow or wide the bins are.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sedflow.cosmology import MIN_REDSHIFT
from sedflow.errors import BadPhotometry, UnknownBand

__all__ = [
    "UGRIZ",
    "Band",
    "Photometry",
    "ab_magnitude",
    "band_flux",
    "band_weights",
    "nanomaggies",
]

UGRIZ = ("u", "g", "r", "i", "z")

_C_ANGSTROM = 2.99792458e18  # speed of light [A/s]
_AB_FNU = 3.631e-20  # flux density of magnitude 0 [erg/s/cm2/Hz]
FLUX_UNIT = 1e-17  # [erg/s/cm2/A], unit of all observed spectra


def ab_magnitude(flux) -> np.ndarray:
    """AB magnitude of a flux in nanomaggies, m = 22.5 - 2.5 log10(f); NaN where f <= 0."""
    flux = np.asarray(flux, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(flux > 0, 22.5 - 2.5 * np.log10(np.where(flux > 0, flux, 1.0)), np.nan)


def nanomaggies(magnitude) -> np.ndarray:
    """Flux in nanomaggies of an AB magnitude."""
    return 10 ** (0.4 * (22.5 - np.asarray(magnitude, dtype=float)))


@dataclass(frozen=True)
class Band:
    """A filter curve: wavelength (n,) ascending [A] and dimensionless response (n,)."""

    name: str
    wavelength: np.ndarray
    response: np.ndarray

    def __post_init__(self):
        wave = np.asarray(self.wavelength, dtype=float)
        response = np.asarray(self.response, dtype=float)
        if wave.ndim != 1 or wave.shape != response.shape or wave.size < 2:
            raise UnknownBand(
                f"band {self.name!r}: wavelength {wave.shape} and response {response.shape} "
                "must be two lists of the same length"
            )
        if not (np.diff(wave) > 0).all() or wave[0] <= 0:
            raise UnknownBand(f"band {self.name!r}: wavelengths must be positive and ascend")
        if not np.isfinite(response).all() or (response < 0).any() or not response.any():
            raise UnknownBand(f"band {self.name!r}: responses must be >= 0 and not all zero")
        object.__setattr__(self, "wavelength", wave)
        object.__setattr__(self, "response", response)

    @cached_property
    def pivot(self) -> float:
        """Pivot wavelength [A], where F_lambda and F_nu of the band convert exactly."""
        photons = self.integral(np.array([0.0, np.inf]), 1)[0]
        return float(np.sqrt(photons / self.integral(np.array([0.0, np.inf]), -1)[0]))

    @cached_property
    def extent(self) -> tuple[float, float]:
        """Wavelengths [A] that hold all but 1e-4 of the (photon-weighted) response."""
        total = np.concatenate([[0.0], self.integral(self.wavelength, 1).cumsum()])
        low, high = np.interp([5e-5 * total[-1], (1 - 5e-5) * total[-1]], total, self.wavelength)
        return float(low), float(high)

    def integral(self, edges, power: int) -> np.ndarray:
        """Exact integral of R(lambda) lambda^power between consecutive edges (..., n + 1).

        `power` is 1 (photon counts of F_lambda) or -1 (of a constant F_nu).
        """
        wave, response = self.wavelength, self.response
        slope = np.diff(response) / np.diff(wave)
        offset = response[:-1] - slope * wave[:-1]

        def primitive(i, x):  # of (offset + slope x) x^power
            if power == 1:
                return offset[i] * x**2 / 2 + slope[i] * x**3 / 3
            return offset[i] * np.log(x) + slope[i] * x

        piece = np.arange(slope.size)
        whole = primitive(piece, wave[1:]) - primitive(piece, wave[:-1])
        cumulative = np.concatenate([[0.0], whole.cumsum()])
        x = np.clip(edges, wave[0], wave[-1])
        i = np.clip(np.searchsorted(wave, x, side="right") - 1, 0, slope.size - 1)
        return np.diff(cumulative[i] + primitive(i, x) - primitive(i, wave[i]), axis=-1)


def band_weights(bands, edges) -> np.ndarray:
    """Weights (..., n_wave, n_band) that turn a binned spectrum into nanomaggies.

    bands : sequence of `Band`; edges (..., n_wave + 1): observed bin edges [A].
    `flux @ weights` is photon-weighted AB photometry of `flux` [1e-17 erg/s/cm2/A].
    """
    columns = []
    for band in bands:
        photons = band.integral(edges, 1)
        ab = _C_ANGSTROM * _AB_FNU * band.integral(np.array([0.0, np.inf]), -1)[0]
        columns.append(photons * (FLUX_UNIT * 1e9 / ab))
    return np.stack(columns, axis=-1)


def band_flux(flux, bands):
    """Fluxes as points of a spectrum.

    flux (..., n_band) [nanomaggies]; bands : names. Returns the pivot wavelengths (n_band,) [A]
    and F_lambda there (..., n_band) [1e-17 erg/s/cm2/A].
    """
    from sedflow.resources import load_band

    pivot = np.array([load_band(band).pivot for band in bands])
    return pivot, np.asarray(flux) * (1e-9 * _AB_FNU * _C_ANGSTROM / pivot**2 / FLUX_UNIT)


@dataclass(frozen=True)
class Photometry:
    """Observed broadband fluxes of one galaxy, or of many on the leading axes.

    Parameters
    ----------
    flux, sigma : array (..., n_band)
        Flux and its one-sigma error [nanomaggies, corrected for Galactic extinction].
        A negative flux is data; it must be finite. sigma must be finite and > 0. NaN in
        both says that the galaxy was not observed in that band; one band must be there.
    redshift : float or array (...)
        Must be at least 1e-6.
    bands : sequence of str
        Names of the bands, in the order of the last axis.
    ids : array (...), optional
        Identifiers, for titles and result tables.

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

    def __post_init__(self):
        set_ = object.__setattr__
        bands = (self.bands,) if isinstance(self.bands, str) else tuple(self.bands)
        if len(set(bands)) != len(bands):
            raise BadPhotometry(f"bands {bands} name a band twice; give each once")
        try:
            flux = np.array(self.flux, dtype=float)
            sigma = np.array(self.sigma, dtype=float)
            redshift = np.array(self.redshift, dtype=float)
        except (TypeError, ValueError) as error:
            raise BadPhotometry(f"flux, sigma and redshift must be numbers: {error}") from None
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
        ids = None if self.ids is None else np.asarray(self.ids)
        if ids is not None and ids.shape != flux.shape[:-1]:
            raise BadPhotometry(f"ids has shape {ids.shape}, but there are {flux.shape[:-1]}")
        absent = np.isnan(flux) & np.isnan(sigma)
        for name, value, good, limit, remedy in (
            (
                "flux", flux, np.isfinite(flux) | absent, "must be finite",
                "leave the band out, or give NaN for its sigma too",
            ),
            (
                "sigma", sigma, (np.isfinite(sigma) & (sigma > 0)) | absent,
                "must be finite and > 0",
                "give the one-sigma error in nanomaggies, or leave the band out",
            ),
            (
                "redshift", redshift, np.isfinite(redshift) & (redshift >= MIN_REDSHIFT),
                f"must be finite and >= {MIN_REDSHIFT:g}", "give a spectroscopic redshift",
            ),
        ):  # fmt: skip
            if not good.all():
                where = tuple(np.argwhere(~good)[0])
                band = f" in band {bands[where[-1]]}" if value is not redshift else ""
                row = where if value is redshift else where[:-1]
                galaxy = f" of galaxy {row[0] if ids is None else ids[row]}" if row else ""
                raise BadPhotometry(f"{name} = {value[where]}{band}{galaxy} {limit}; {remedy}")
        empty = absent.all(axis=-1)
        if empty.any():
            row = tuple(np.argwhere(empty)[0])
            galaxy = f"galaxy {row[0] if ids is None else ids[row]}" if row else "the galaxy"
            raise BadPhotometry(
                f"{galaxy} has no flux in any of {', '.join(bands)}; give one band at least"
            )
        for name, value in (("flux", flux), ("sigma", sigma), ("redshift", redshift)):
            value.flags.writeable = False
            set_(self, name, value)
        set_(self, "bands", bands)
        set_(self, "ids", ids)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the batch; () for one galaxy."""
        return self.redshift.shape

    def __len__(self):
        if not self.shape:
            raise TypeError("one galaxy has no length; its shape is ()")
        return self.shape[0]

    def __getitem__(self, item) -> "Photometry":
        """The galaxies at an index, slice or mask of the leading axis."""
        return Photometry(
            flux=self.flux[item],
            sigma=self.sigma[item],
            redshift=self.redshift[item],
            bands=self.bands,
            ids=None if self.ids is None else self.ids[item],
        )

    @property
    def flat(self) -> "Photometry":
        """The same galaxies on one leading axis, also where there is only one."""
        return Photometry(
            self.flux.reshape(-1, len(self.bands)),
            self.sigma.reshape(-1, len(self.bands)),
            self.redshift.reshape(-1),
            self.bands,
            None if self.ids is None else self.ids.reshape(-1),
        )

    @property
    def present(self) -> np.ndarray:
        """Whether the galaxy was observed in a band (..., n_band)."""
        return ~np.isnan(self.flux)

    @property
    def observed(self) -> "Photometry":
        """One galaxy in those of its bands where it was observed."""
        return self.select(
            [band for band, there in zip(self.bands, self.present, strict=True) if there]
        )

    def in_bands(self, bands) -> "Photometry":
        """The same galaxies in exactly these bands; absent (NaN) where there is no photometry."""
        bands = tuple(bands)
        flux, sigma = np.full((2, *self.shape, len(bands)), np.nan)
        for k, band in enumerate(bands):
            if band in self.bands:
                column = self.bands.index(band)
                flux[..., k], sigma[..., k] = self.flux[..., column], self.sigma[..., column]
        return Photometry(flux, sigma, self.redshift, bands, self.ids)

    @property
    def magnitude(self) -> np.ndarray:
        """AB magnitudes (..., n_band); NaN where the flux is not positive or absent."""
        return ab_magnitude(self.flux)

    @property
    def magnitude_error(self) -> np.ndarray:
        """Size (..., n_band) of 2.5 sigma / (f ln 10) [mag]."""
        with np.errstate(divide="ignore"):
            return np.abs(2.5 / np.log(10) * self.sigma / self.flux)

    def select(self, bands) -> "Photometry":
        """The same galaxies in a subset of the bands, in the order asked for."""
        bands = (bands,) if isinstance(bands, str) else tuple(bands)
        missing = [b for b in bands if b not in self.bands]
        if missing:
            raise UnknownBand(
                f"no photometry in {', '.join(missing)}; there is {', '.join(self.bands)}"
            )
        columns = [self.bands.index(b) for b in bands]
        return Photometry(
            self.flux[..., columns], self.sigma[..., columns], self.redshift, bands, self.ids
        )

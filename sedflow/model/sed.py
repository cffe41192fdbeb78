"""The PROVABGS forward model: 12 parameters and a redshift to spectrum and photometry.

A galaxy is a list of stellar populations: 42 time bins and the burst, each with a mass, an
age and a metallicity. Their light is a weighted sum over the nodes of an SSP grid, split
into the part inside birth clouds and the rest, dimmed by dust and redshifted. Source: Hahn
et al. 2023, ApJ 945, 16.

Two paths share all of that. The exact one works in double precision on every wavelength bin
of the grid; `FastPhotometry` does the same sums in single precision on wider bins and a
compressed grid, fifty to a hundred times faster and within 0.001 mag.

One departure from the published code, on purpose: a burst older than the universe
(`t_burst` > age) has no effect at all. There, its light vanished and its mass was taken out
of the rest of the spectrum, but not out of the star-formation history.
"""

import threading
import warnings
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np

from sedflow import views
from sedflow.bands import UGRIZ, ab_magnitude, as_bands, band_weights, load_band
from sedflow.errors import BadParameters, SedflowError, UnknownBand
from sedflow.model.batch import batch, chunks
from sedflow.model.fast import FastPhotometry
from sedflow.model.light import DustScreen, LightTable, flux_scale
from sedflow.model.lines import GridLines
from sedflow.model.sfh import load_bases
from sedflow.model.ssp import SSPGrid, load_ssp
from sedflow.model.stars import Stars
from sedflow.parameters import DEFAULTS, PARAMETERS, theta_of
from sedflow.redshifts import MAX_REDSHIFT, beyond_grid
from sedflow.settled import ByValue, Settled

__all__ = ["SEDModel", "Spectrum", "default_model"]

_CHUNK = 64  # galaxies at a time on the exact path: about 50 MB of scratch
_MOST_FAST = 24  # sets of bands whose fast model is kept, of some 20 MB each
_LOCK = threading.Lock()  # of these
_YOUNG_GYR, _OLD_GYR = 0.01, 12.5  # ages to reach: from there to 13.3 Gyr, a burst fades 0.04 mag


@dataclass(frozen=True, eq=False)
class Spectrum(ByValue):
    """Spectrum in the observed frame, as means over wavelength bins.

    wavelength (n_wave,) or (..., n_wave) : bin centres, observed frame, vacuum [A]
    flux (..., n_wave) : F_lambda [1e-17 erg/s/cm2/A]
    redshift (...)
    """

    wavelength: np.ndarray
    flux: np.ndarray
    redshift: np.ndarray


class SEDModel(Stars, Settled):
    """Spectra, photometry and histories of PROVABGS galaxies.

    Parameters
    ----------
    ssp : str, path or SSPGrid
        "fsps" (MIST + MILES + Chabrier), "fsps-gas" (the same with emission lines and nebular
        continuum), "bc03" (BC03-MILES, Kroupa), or the path of any HDF5 file in the DSPS layout.
    birth_cloud_age_gyr : float
        Stars younger than this sit in birth clouds. 0.01 is what was run for the published
        results; their text says 0.1.
    bands : sequence of str
        Default bands of `photometry`.

    Examples
    --------
    >>> model = SEDModel()
    >>> theta = {"log_mstar": 10.5, "beta1": 0.4, "beta2": 0.3, "beta3": 0.2, "beta4": 0.1,
    ...          "f_burst": 0.0, "t_burst": 5.0, "log_gamma1": -2.5, "log_gamma2": -2.5,
    ...          "tau_bc": 1.0, "tau_ism": 0.3, "n_dust": -0.7}
    >>> model.photometry(theta, 0.05).shape
    (5,)
    """

    settled = ("grid", "bases", "bands", "birth_cloud_age_gyr")
    remedy = "make another sedflow.SEDModel with it"

    def __init__(self, ssp="fsps", *, birth_cloud_age_gyr: float = 0.01, bands=UGRIZ):
        self.grid = ssp if isinstance(ssp, SSPGrid) else load_ssp(ssp)
        _warn_of_ages(self.grid)
        self.bases = load_bases()
        self.bands = as_bands(bands)
        given = birth_cloud_age_gyr
        shown = " ".join(str(given).split())[:64]
        if not (isinstance(given, int | float | np.number) and 0 <= given < np.inf):
            raise BadParameters(
                f"birth_cloud_age_gyr = {shown} must be finite and >= 0; "
                "use 0.01 (as published results were run) or 0.1"
            )
        self.birth_cloud_age_gyr = float(birth_cloud_age_gyr)
        self._light = LightTable(self.grid, self.birth_cloud_age_gyr)
        self._lines = GridLines(self._light)
        self._fast: dict = {}

    def same_as(self, other: "SEDModel") -> bool:
        """Whether two models are the same: birth clouds, and the grid up to rounding."""
        clouds = self.birth_cloud_age_gyr == other.birth_cloud_age_gyr
        return self is other or (clouds and self.grid.same_as(other.grid))

    @property
    def about(self) -> str:
        """Stars, initial mass function, cosmology and masses, in sentences for a paper's methods.

        >>> print(SEDModel().about[:26])
        Model: FSPS SSP grid (MIST
        """
        imf = {"fsps": "Chabrier", "fsps-gas": "Chabrier", "bc03": "Kroupa, 0.1 to 100 M☉"}
        known = imf.get(self.grid.name) if self.grid.sha256 else None
        return (
            f"Model: {self.grid.provenance or self.grid.name}"
            f"{', with emission lines' if self.line_names else ''}. "
            f"Initial mass function: {known or 'that of the grid'}. Cosmology: Planck 2013. "
            "log_mstar is the mass ever formed; log_mass_surviving is the mass left in stars and "
            "remnants, which catalogues usually quote. No AGN; no dust emission."
        )

    def __repr__(self):
        return f"SEDModel(ssp={self.grid.name!r}, birth_cloud_age_gyr={self.birth_cloud_age_gyr})"

    def _repr_html_(self):
        rows = [(p.name, f"{DEFAULTS[p.name]:g}", p.unit, p.help) for p in PARAMETERS]
        title = f"SEDModel: {self.grid.provenance or self.grid.name}"
        about = views.table((), [(self.about,)])
        return views.markup(
            title, about, views.table(("parameter", "default", "unit", "what"), rows)
        )

    def plot(
        self, theta=None, redshift=0.05, *, ax=None, bands=None, backend="matplotlib", **parameters
    ):
        """Spectrum and photometry of a galaxy: the matplotlib Axes, or a Bokeh figure.

        `model.plot(log_mstar=10.5, tau_ism=0.3, redshift=0.05)`, with parameters as for `spectrum`.
        """
        theta = theta_of(theta, parameters)
        options = {"redshift": redshift, "ax": ax, "bands": bands, "backend": backend}
        return views.plot("model_sed", self, theta=theta, **options)

    # Public, batched on any leading axes

    def spectrum(self, theta=None, redshift=0.05, *, dust: bool = True, **parameters) -> Spectrum:
        """Spectrum in the observed frame on every wavelength bin of the SSP grid.

        `model.spectrum(log_mstar=10.5, tau_ism=0.3, redshift=0.05)` takes the parameters that are
        not named from `sedflow.parameters.DEFAULTS`.

        Parameters
        ----------
        theta : array (..., 12) or mapping by name
        redshift : float or array (...), 1e-6 <= z <= 0.5
        dust : bool
            False gives the light before any attenuation.
        parameters : some of the 12 by name, instead of theta

        Raises
        ------
        BadParameters
            Theta or redshift outside their range.
        """
        theta, z, shape = batch(theta, redshift, parameters)
        out = np.empty((len(z), self.grid.wave.size))
        for rows in chunks(len(z), _CHUNK):
            out[rows] = self._flux(theta[rows], z[rows], with_dust=dust)
        one_redshift = np.ndim(redshift) == 0
        z_axis = np.asarray(float(redshift)) if one_redshift else z.reshape(shape)
        return Spectrum(
            wavelength=self.grid.wave * (1.0 + z_axis[..., None]),
            flux=out.reshape(*shape, out.shape[-1]),
            redshift=z_axis,
        )

    def components(self, theta=None, redshift=0.05, **parameters) -> dict[str, np.ndarray]:
        """Attenuated light (..., n_wave) by stars: "young" in birth clouds, "old", and "burst".

        In the units of `spectrum`, whose flux they add up to. Of the steady history, "young" is
        what its birth clouds hold (younger than `birth_cloud_age_gyr`).

        Parameters
        ----------
        theta : array (..., 12) or mapping by name
        redshift : float or array (...)
        parameters : some of the 12 by name, instead of theta, as for `spectrum`
        """
        theta, z, shape = batch(theta, redshift, parameters)
        pop = self.populations(theta, z)
        scale = flux_scale(theta, z, self.grid.lsun)[:, None]
        steady, burst = pop.mass.copy(), pop.mass.copy()
        steady[:, -1], burst[:, :-1] = 0.0, 0.0
        young, old = self._light(replace(pop, mass=steady))
        parts = {
            "young": self._dust.dim(young, np.zeros_like(old), theta),
            "old": self._dust.dim(np.zeros_like(young), old, theta),
            "burst": self._dust.dim(*self._light(replace(pop, mass=burst)), theta),
        }
        return {
            name: (light * scale).reshape(*shape, light.shape[-1]) for name, light in parts.items()
        }

    def photometry(
        self, theta=None, redshift=0.05, bands=None, *, method: str = "exact", **parameters
    ) -> np.ndarray:
        """Noise-free fluxes (..., n_band) [nanomaggies].

        Parameters
        ----------
        theta : array (..., 12) or mapping by name
        redshift : float or array (...)
            1e-6 <= z, as far as the SSP grid covers the bands (`max_redshift`).
        bands : sequence of str, optional
            Any that `sedflow.bands.load_band` knows; default `self.bands`.
        method : "exact" or "fast"
            "fast" agrees to 0.001 mag (99.9 % of prior draws; 0.002 at most) where the flux is
            brighter than 70 mag, at fifty to a hundred times the speed.
        parameters : some of the 12 by name, instead of theta, as for `spectrum`

        Raises
        ------
        BadParameters, UnknownBand
        """
        bands = self.bands if bands is None else as_bands(bands)
        theta, z, shape = batch(theta, redshift, parameters)
        self.check_redshift(z, bands)
        if method == "fast":
            flux = self.fast(bands)(theta, z)
        elif method == "exact":
            flux = np.empty((len(z), len(bands)))
            curves = self._curves(bands)
            for rows in chunks(len(z), _CHUNK):
                spectra = self._flux(theta[rows], z[rows])
                unique, inverse = np.unique(z[rows], return_inverse=True)
                edges = self.grid.wave_edges * (1.0 + unique[:, None])
                weights = band_weights(curves, edges)
                flux[rows] = np.einsum("nw,nwb->nb", spectra, weights[inverse])
        else:
            raise SedflowError(f"method {method!r} is unknown; choose 'exact' or 'fast'")
        return flux.reshape(*shape, len(bands))

    def magnitudes(
        self, theta=None, redshift=0.05, bands=None, *, method: str = "exact", **parameters
    ) -> np.ndarray:
        """Noise-free AB magnitudes (..., n_band) [mag]; NaN where a band has no light.

        `model.magnitudes(log_mstar=10.5, tau_ism=0.3, redshift=0.05, bands="gr")`, with everything
        as for `photometry`, whose fluxes they are.

        Examples
        --------
        >>> model = SEDModel()
        >>> dusty, clear = (model.magnitudes(tau_ism=tau, bands="gr") for tau in (1.0, 0.0))
        >>> bool(dusty[0] - dusty[1] > clear[0] - clear[1])  # dust reddens g - r
        True
        """
        options = {"bands": bands, "method": method, **parameters}
        return ab_magnitude(self.photometry(theta, redshift, **options))

    def lines(self, theta=None, redshift=0.05, names=None, *, dust=True, **parameters):
        """Emission lines (..., n_line) as `sedflow.model.lines.EmissionLines`.

        names : such as ["H-alpha", "[O III] 5007"]; default all of `self.line_names`
        theta, redshift, dust, parameters : as for `spectrum`

        Raises
        ------
        SedflowError, UnknownName
            The grid has no lines (only "fsps-gas" has), or not one of that name.

        Examples
        --------
        >>> lines = SEDModel("fsps-gas").lines(log_mstar=10.0, redshift=0.05)
        >>> bool(1e40 < lines["H-alpha"]["luminosity"] < 1e42)
        True
        """
        theta, z, shape = batch(theta, redshift, parameters)
        return self._lines(self.populations, theta, z, names, dust).reshaped(shape)

    @property
    def line_names(self) -> tuple[str, ...]:
        """Emission lines that the grid has; () for a grid without gas."""
        return self._lines.names

    def check_redshift(self, redshift, bands) -> None:
        """Refuse redshifts (...) at which there is no model in all of the bands.

        Raises
        ------
        BadParameters, UnknownBand
        """
        top, highest = self.max_redshift(bands), np.max(redshift, initial=0.0)
        if highest > top:
            raise BadParameters(beyond_grid(highest, top, self.grid.name, bands))

    def max_redshift(self, bands=None) -> float:
        """Highest redshift at which the SSP grid covers all of the bands (at most 0.5)."""
        bands = self.bands if bands is None else as_bands(bands)
        low, high = self.grid.wave_edges[[0, -1]]
        top = MAX_REDSHIFT
        for band in self._curves(bands):
            if band.extent[0] < low or band.extent[1] > high:
                raise UnknownBand(
                    f"band {band.name!r} ({band.extent[0]:.0f}-{band.extent[1]:.0f} A) reaches "
                    f"outside the {self.grid.name!r} SSP grid ({low:.0f}-{high:.0f} A); use "
                    "another band, or another grid ('bc03' covers 912-24975 A)"
                )
            self._check_detail(band)
            top = min(top, band.extent[0] / low - 1.0)
        return float(top)

    def _check_detail(self, band):
        """Refuse a filter that sees less than the grid resolves."""
        edges = np.log(self.grid.wave_edges)
        k = int(np.clip(np.searchsorted(self.grid.wave_edges, band.pivot), 1, edges.size - 1))
        bin_width = edges[k] - edges[k - 1]
        if band.detail < bin_width / 4:
            raise UnknownBand(
                f"band {band.name!r} is {band.detail * band.pivot:.2g} A wide, and the wavelength "
                f"bins of the {self.grid.name!r} SSP grid are {bin_width * band.pivot:.2g} A, so "
                "that nothing tells its flux; give the filter's curve in finer steps, or a broader "
                "filter"
            )

    def fast(self, bands=None):
        """The `FastPhotometry` of these bands: theta (n, 12), redshift (n,) -> (n, n_band)."""
        bands = self.bands if bands is None else as_bands(bands)
        found = self._fast.get(bands) or FastPhotometry(self, bands)
        with _LOCK:
            self._fast.pop(bands, None)
            self._fast[bands] = found  # the last that was asked for comes last
            while len(self._fast) > _MOST_FAST:
                del self._fast[next(iter(self._fast))]
        return found

    def _flux(self, theta, redshift, with_dust=True):
        young, old = self._light(self.populations(theta, redshift))
        rest = self._dust.dim(young, old, theta) if with_dust else young + old
        return rest * flux_scale(theta, redshift, self.grid.lsun)[:, None]

    @cached_property
    def _dust(self):
        return DustScreen(self.grid.wave)

    def _curves(self, bands):
        return [load_band(name) for name in bands]


def _warn_of_ages(grid):
    """Warn of a grid without stars as young, or as old, as those of galaxies."""
    first, last = 10.0 ** grid.lg_age_gyr[[0, -1]]
    for short, text in (
        (first > _YOUNG_GYR, f"begins at stars of {1e3 * first:.3g} Myr, and younger ones"),
        (last < _OLD_GYR, f"ends at stars of {last:.3g} Gyr, and older ones"),
    ):
        if short:
            warnings.warn(
                f"the SSP grid {grid.name!r} {text} are given the light of these; give a grid from "
                f"{1e3 * _YOUNG_GYR:g} Myr to {_OLD_GYR:g} Gyr at least",
                stacklevel=3,
            )


@cache
def default_model(ssp: str) -> SEDModel:
    """The `SEDModel` of a packaged grid, built once per process."""
    return SEDModel(ssp)

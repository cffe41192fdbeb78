"""The whole chain for a galaxy: photometry -> draws -> derived quantities and predictions."""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from sedflow.derived import DERIVED, derive
from sedflow.draws import Draws, Sampler
from sedflow.model import SEDModel, Spectrum
from sedflow.parameters import PARAMETERS
from sedflow.photometry import Photometry

__all__ = ["Fit", "History", "Predicted", "fit"]


@dataclass(frozen=True)
class History:
    """Star-formation and metallicity histories of the draws.

    edges (..., 43) : look-back time [Gyr] at the edges of the bins
    sfr (..., n_draw, 42) : star-formation rate [Msun/yr], burst in the bin that holds it
    zh (..., n_draw, 42) : metal mass fraction of the stars formed in the bin
    """

    edges: np.ndarray
    sfr: np.ndarray
    zh: np.ndarray

    def quantiles(self, which: str, q=(0.16, 0.5, 0.84)) -> np.ndarray:
        """Quantiles (len(q), ..., 42) of the curves, bin by bin; `which` is "sfr" or "zh"."""
        return np.quantile(getattr(self, which), q, axis=-2)


@dataclass(frozen=True)
class Predicted:
    """What the draws predict in the observed bands.

    flux (..., n_draw, n_band) : noise-free [nanomaggies]
    chi2 (..., n_draw) : sum of the squared residuals in units of sigma
    """

    flux: np.ndarray
    chi2: np.ndarray

    def quantiles(self, q=(0.16, 0.5, 0.84)) -> np.ndarray:
        """Quantiles (len(q), ..., n_band) of the flux."""
        return np.quantile(self.flux, q, axis=-2)


@dataclass(frozen=True)
class Fit:
    """A galaxy (or a batch), the draws of its posterior, and what follows from them.

    Everything beyond the draws is computed when first asked for.
    """

    photometry: Photometry
    draws: Draws
    model: SEDModel
    seed: int | None = None

    @property
    def title(self) -> str:
        """Name and redshift of the galaxy shown."""
        if self.photometry.shape:
            return f"{self.photometry.redshift.size} galaxies"
        name = "" if self.photometry.ids is None else f"NSAID {self.photometry.ids}, "
        return f"{name}z = {self.photometry.redshift:.4f}"

    @cached_property
    def derived(self) -> dict[str, np.ndarray]:
        """Derived quantities (..., n_draw) by name; `sedflow.derived.DERIVED` defines them."""
        return derive(self.draws.theta, self.photometry.redshift, self.model)

    @cached_property
    def history(self) -> History:
        """Star-formation and metallicity histories of the draws."""
        z = self.photometry.redshift[..., None]
        return History(
            edges=self.model.time_bins(self.photometry.redshift),
            sfr=self.model.sfh(self.draws.theta, z),
            zh=self.model.zh(self.draws.theta, z),
        )

    @cached_property
    def predicted(self) -> Predicted:
        """Posterior-predictive photometry in the bands of the data."""
        flux = self.model.photometry(
            self.draws.theta,
            self.photometry.redshift[..., None],
            self.photometry.bands,
            method="fast",
        )
        data, sigma = self.photometry.flux, self.photometry.sigma
        pull = (flux - data[..., None, :]) / sigma[..., None, :]
        return Predicted(flux=flux, chi2=(pull**2).sum(-1))

    @cached_property
    def best(self) -> np.ndarray:
        """The draw (..., 12) that comes closest to the data."""
        i = self.predicted.chi2.argmin(-1)
        return np.take_along_axis(self.draws.theta, i[..., None, None], axis=-2)[..., 0, :]

    def spectra(self, n: int = 200) -> Spectrum:
        """Spectra (..., n, n_wave) of the first n draws, in the observed frame."""
        n = min(n, self.draws.n)
        z = self.photometry.redshift[..., None]
        spectrum = self.model.spectrum(self.draws.theta[..., :n, :], z)
        if self.photometry.shape:
            return spectrum
        return Spectrum(spectrum.wavelength[0], spectrum.flux, self.photometry.redshift)

    def summary(self, q=(0.16, 0.5, 0.84)):
        """Quantiles of every parameter and derived quantity, as an astropy Table.

        One galaxy: a row for each quantity. A batch: a row for each galaxy, and columns
        NAME_16, NAME_50, NAME_84.
        """
        from astropy.table import Table

        rows = [(p, self.draws[p.name]) for p in PARAMETERS]
        rows += [(d, self.derived[d.name]) for d in DERIVED]
        labels = [f"{100 * x:g}" for x in q]
        values = {p.name: np.quantile(v, q, axis=-1) for p, v in rows}
        if not self.photometry.shape:
            columns = {"name": [p.name for p, _ in rows], "unit": [p.unit for p, _ in rows]}
            for k, label in enumerate(labels):
                columns[label] = [values[p.name][k] for p, _ in rows]
            return Table(columns, meta={"title": self.title})
        table = Table()
        if self.photometry.ids is not None:
            table["id"] = self.photometry.ids.reshape(-1)
        for name, value in values.items():
            for k, label in enumerate(labels):
                table[f"{name}_{label}"] = value[k].reshape(-1)
        return table


def fit(
    galaxy: Photometry,
    sampler: Sampler,
    *,
    n: int = 10_000,
    seed: int | None = None,
    model: SEDModel | None = None,
) -> Fit:
    """Posterior of a galaxy, or of a batch, with all that follows from it.

    Parameters
    ----------
    galaxy : Photometry
    sampler : Sampler
        `sedflow.load_posterior()`, or anything else with its `sample`.
    n : int
        Draws per galaxy.
    seed : int, optional
        The same seed gives the same draws.
    model : SEDModel, optional
        Default: the one that the sampler was trained on.

    Examples
    --------
    >>> import sedflow
    >>> galaxy = sedflow.load_nsa().photometry(72)
    >>> result = fit(galaxy, sedflow.load_posterior(), n=1000, seed=1)
    >>> sorted(result.summary().colnames)
    ['16', '50', '84', 'name', 'unit']
    """
    draws = sampler.sample(galaxy, n=n, seed=seed)
    if model is None:
        model = default_model(getattr(sampler, "ssp", "fsps"))
    return Fit(photometry=galaxy, draws=draws, model=model, seed=seed)


@cache
def default_model(ssp: str) -> SEDModel:
    """The `SEDModel` of a packaged grid, built once per process."""
    return SEDModel(ssp)

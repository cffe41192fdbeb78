"""The whole chain for a galaxy: photometry -> draws -> derived quantities and predictions."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy.stats import chi2 as chi2_distribution

from sedflow import likelihood
from sedflow.derived import DERIVED, derive
from sedflow.draws import Draws, Sampler, column_quantiles
from sedflow.errors import SedflowError
from sedflow.model import SEDModel, Spectrum, default_model
from sedflow.parameters import N_FREE, PARAMETERS, Prior
from sedflow.photometry import Photometry
from sedflow.trust import RUNGS, Verdict, climb

__all__ = ["Fit", "History", "Predicted", "fit"]

_N_PRIOR = 2000  # draws of `Fit.induced_prior`


@dataclass(frozen=True)
class History:
    """Star-formation and metallicity histories of the draws.

    edges (..., 43) : look-back time [Gyr] at the edges of the bins
    sfr (..., n_draw, 42) : star-formation rate [Msun/yr], burst in the bin that holds it
    zh (..., n_draw, 42) : metal mass fraction of the stars formed in the bin
    weights (..., n_draw) : of the draws; None if equal
    """

    edges: np.ndarray
    sfr: np.ndarray
    zh: np.ndarray
    weights: np.ndarray | None = None

    @cached_property
    def formed(self) -> np.ndarray:
        """Share (..., n_draw, 43) of the mass that had formed at each edge; 1 today."""
        mass = self.sfr * np.diff(self.edges)[..., None, :]
        since = np.cumsum(mass[..., ::-1], axis=-1)[..., ::-1]
        return np.concatenate([since, np.zeros_like(since[..., :1])], -1) / since[..., :1]

    def formation_time(self, share: float) -> np.ndarray:
        """Look-back time (n_draw,) [Gyr] at which a share of one galaxy's mass had formed."""
        return np.array([np.interp(share, row[::-1], self.edges[::-1]) for row in self.formed])

    def quantiles(self, which: str, q=(0.16, 0.5, 0.84)) -> np.ndarray:
        """Quantiles (len(q), ..., 42) of the curves, bin by bin; `which` is "sfr" or "zh".

        "formed" has 43 columns, one at each edge.
        """
        return column_quantiles(getattr(self, which), q, self.weights)


@dataclass(frozen=True)
class Predicted:
    """What the draws predict in the observed bands, and how the data compare.

    flux (..., n_draw, n_band) : noise-free [nanomaggies]
    photometry : the data
    weights (..., n_draw) : of the draws; None if equal
    """

    flux: np.ndarray
    photometry: Photometry
    weights: np.ndarray | None = None

    @cached_property
    def chi2(self) -> np.ndarray:
        """Chi-square (..., n_draw) of each draw, summed over the bands."""
        return likelihood.chi_square(self.flux, self.photometry)

    @cached_property
    def band_chi2(self) -> np.ndarray:
        """Posterior mean (..., n_band) of the squared pull in each band; NaN where absent."""
        return self._mean(np.square(likelihood.pulls(self.flux, self.photometry)))

    @cached_property
    def band_p_value(self) -> np.ndarray:
        """Chance (..., n_band) of a replicated flux at least as far from its model.

        Averaged over the draws; small where the model cannot follow the band.
        """
        squares = np.square(likelihood.pulls(self.flux, self.photometry))
        return self._mean(chi2_distribution.sf(squares, 1))

    @cached_property
    def p_value(self) -> np.ndarray:
        """Chance (...) of replicated data with a chi-square at least as large, over the draws.

        The posterior predictive p-value of Gelman, Meng & Stern (1996), exact over replicates.
        """
        tail = chi2_distribution.sf(self.chi2, self.photometry.present.sum(-1)[..., None])
        return self._mean(tail[..., None])[..., 0]

    def replicated(self, seed: int = 0) -> np.ndarray:
        """Fluxes (..., n_draw, n_band) that the draws would have been measured at."""
        noise = np.random.default_rng(seed).standard_normal(self.flux.shape)
        return self.flux + self.photometry.sigma[..., None, :] * noise

    def quantiles(self, q=(0.16, 0.5, 0.84)) -> np.ndarray:
        """Quantiles (len(q), ..., n_band) of the flux."""
        return column_quantiles(self.flux, q, self.weights)

    def _mean(self, values):
        if self.weights is None:
            return values.mean(-2)
        return (self.weights[..., None] * values).sum(-2)


@dataclass(frozen=True)
class Fit:
    """A galaxy (or a batch), the draws of its posterior, and what follows from them.

    Everything beyond the draws is computed when first asked for.

    photometry : the data
    draws : of the posterior under `prior`
    model : SEDModel
    prior : that the draws follow
    verdict : whether the draws can be trusted and why; None if nobody asked
    seed : of the draws
    sampler : name of what made the draws
    weights_sha256 : hash of the network's weights, if it was a network
    """

    photometry: Photometry
    draws: Draws
    model: SEDModel
    seed: int | None = None
    prior: Prior = field(default_factory=Prior)
    verdict: Verdict | None = None
    sampler: str = ""
    weights_sha256: str = ""

    def weighted(self, draws: Draws, prior: Prior) -> "Fit":
        """The fit with other weights on the same theta; what theta alone decides is kept."""
        out = replace(self, draws=draws, prior=prior)
        known = vars(self)
        kept = {name: known[name] for name in ("derived", "log_likelihood") if name in known}
        for name in ("history", "predicted"):
            if name in known:
                kept[name] = replace(known[name], weights=draws.weights)
        vars(out).update(kept)
        return out

    @property
    def title(self) -> str:
        """Name and redshift of the galaxy shown."""
        if self.photometry.shape:
            return f"{self.photometry.redshift.size} galaxies"
        name, z = self.photometry.ids, f"z = {self.photometry.redshift:.4f}"
        if name is None:
            return z
        # Numbers are the atlas'; galaxies of one's own have names.
        kind = "NSAID " if np.issubdtype(np.asarray(name).dtype, np.integer) else ""
        return f"{kind}{name}, {z}"

    def __len__(self):
        return len(self.photometry)

    def __getitem__(self, item) -> "Fit":
        """The galaxies at an index, slice or mask of the leading axis."""
        return replace(
            self,
            photometry=self.photometry[item],
            draws=self.draws.galaxy(item),
            verdict=None if self.verdict is None else self.verdict[item],
        )

    @cached_property
    def _known(self):
        """Theta and redshift that the model can take, and which galaxies (...) have no draws."""
        blank = np.isnan(self.draws.theta).any((-2, -1))
        middle = self.prior.from_unbounded(np.zeros(N_FREE))
        theta = np.where(blank[..., None, None], middle, self.draws.theta)
        return theta, np.where(blank, 0.05, self.photometry.redshift), blank

    @cached_property
    def derived(self) -> dict[str, np.ndarray]:
        """Derived quantities (..., n_draw) by name; `sedflow.derived.DERIVED` defines them."""
        theta, z, blank = self._known
        values = derive(theta, z, self.model)
        return {name: np.where(blank[..., None], np.nan, v) for name, v in values.items()}

    @cached_property
    def induced_prior(self) -> dict[str, np.ndarray]:
        """Derived quantities (..., 2000) of the prior at the galaxy's redshift, by name.

        What the data have to be judged against: a flat prior of the parameters is not flat in
        rates, ages or metals.
        """
        theta = self.prior.sample(_N_PRIOR, np.random.default_rng(0))
        shape = (*self.photometry.shape, *theta.shape)
        return derive(np.broadcast_to(theta, shape), self.photometry.redshift, self.model)

    @cached_property
    def history(self) -> History:
        """Star-formation and metallicity histories of the draws."""
        theta, z, blank = self._known
        blank = blank[..., None, None]
        return History(
            edges=self.model.time_bins(z),
            sfr=np.where(blank, np.nan, self.model.sfh(theta, z[..., None])),
            zh=np.where(blank, np.nan, self.model.zh(theta, z[..., None])),
            weights=self.draws.weights,
        )

    @cached_property
    def predicted(self) -> Predicted:
        """Posterior-predictive photometry in the bands of the data."""
        theta, z, blank = self._known
        flux = self.model.photometry(theta, z[..., None], self.photometry.bands, method="fast")
        flux = np.where(blank[..., None, None], np.nan, flux)
        return Predicted(flux, self.photometry, self.draws.weights)

    @cached_property
    def log_likelihood(self) -> np.ndarray:
        """Natural log of the likelihood (..., n_draw) of each draw."""
        return likelihood.log_likelihood(self.predicted.flux, self.photometry)

    @cached_property
    def best(self) -> np.ndarray:
        """The draw (..., 12) that comes closest to the data."""
        i = self.predicted.chi2.argmin(-1)
        return np.take_along_axis(self.draws.theta, i[..., None, None], axis=-2)[..., 0, :]

    def spectra(self, n: int = 200) -> Spectrum:
        """Spectra (..., n, n_wave) of n draws of equal weight, in the observed frame."""
        draws = self.draws.resampled(min(n, self.draws.n))
        z = self.photometry.redshift[..., None]
        spectrum = self.model.spectrum(draws.theta, z)
        if self.photometry.shape:
            return spectrum
        return Spectrum(spectrum.wavelength[0], spectrum.flux, self.photometry.redshift)

    def save(self, path):
        """Write everything to one HDF5 file, which `sedflow.load_fit` reads; returns its path."""
        from sedflow.store import save_fit

        return save_fit(self, path)

    def to_arviz(self, seed: int = 0):
        """`arviz.InferenceData` of one galaxy: posterior, predictions, data, log likelihood."""
        from sedflow.export import to_arviz

        return to_arviz(self, seed)

    def to_table(self, path=None, *, quantiles: bool = True, overwrite: bool = False):
        """Astropy table of quantiles, or of the draws themselves; written to `path` if given.

        The extension says how: .fits, .ecsv, .vot (VOTable) or .parquet.
        """
        from sedflow.export import to_table

        return to_table(self, quantiles, path, overwrite)

    def summary(self, q=(0.16, 0.5, 0.84)):
        """Quantiles of every parameter and derived quantity, as an astropy Table.

        One galaxy: a row for each quantity. A batch: a row for each galaxy, and columns
        NAME_16, NAME_50, NAME_84, with the verdict if there is one.
        """
        from astropy.table import Table

        rows = [(p, self.draws[p.name]) for p in PARAMETERS]
        rows += [(d, self.derived[d.name]) for d in DERIVED]
        labels = [f"{100 * x:g}" for x in q]
        values = {p.name: self.draws.quantile(v, q) for p, v in rows}
        if not self.photometry.shape:
            columns = {"name": [p.name for p, _ in rows], "unit": [p.unit for p, _ in rows]}
            for k, label in enumerate(labels):
                columns[label] = [values[p.name][k] for p, _ in rows]
            return Table(columns, meta={"title": self.title})
        table = Table()
        if self.photometry.ids is not None:
            table["id"] = self.photometry.ids.reshape(-1)
        if self.verdict is not None:
            table["verdict"] = self.verdict.kind.reshape(-1)
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
    trust: str | None = None,
    mcmc: Sampler | None = None,
    progress=None,
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
    trust : None, "weights", "proposals" or "auto"
        None takes the sampler's draws as they come. "auto" weights them to the exact
        posterior, learns better proposals where the weights are poor, and runs MCMC where
        that is not enough; "weights" and "proposals" stop after that step, and call failed
        what needs more. `fit.verdict` tells how far it went and why.
    mcmc : Sampler, optional
        For "auto"; default `MCMCSampler` with the same model and prior.
    progress : callable, optional
        Called as progress(done, total) after each galaxy.

    Examples
    --------
    >>> import sedflow
    >>> galaxy = sedflow.load_nsa().photometry(72)
    >>> result = fit(galaxy, sedflow.load_posterior(), n=1000, seed=1, trust="auto")
    >>> sorted(result.summary().colnames)
    ['16', '50', '84', 'name', 'unit']
    >>> str(result.verdict.kind)
    'amortized'
    """
    if trust is not None and trust not in RUNGS:
        raise SedflowError(
            f"trust = {trust!r} is unknown; choose None or one of {', '.join(RUNGS)}"
        )
    if model is None:
        model = getattr(sampler, "model", None) or default_model(getattr(sampler, "ssp", "fsps"))
    prior = getattr(sampler, "prior", None) or Prior()
    about = {
        "model": model,
        "prior": prior,
        "seed": seed,
        "sampler": getattr(sampler, "name", type(sampler).__name__),
        "weights_sha256": getattr(sampler, "record", {}).get("weights_sha256", ""),
    }
    if trust is None:
        return Fit(galaxy, sampler.sample(galaxy, n=n, seed=seed), **about)
    draws, verdict = climb(galaxy, sampler, model, prior, n, seed, trust, mcmc, progress)
    return Fit(galaxy, draws, verdict=verdict, **about)

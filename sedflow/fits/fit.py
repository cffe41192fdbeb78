"""The whole chain for a galaxy: photometry -> draws -> derived quantities and predictions."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sedflow.bands import curve_name
from sedflow.draws import MAX_DRAWS, Draws, Sampler, checked_request, model_flux, sampled
from sedflow.errors import SedflowError, check_choice, check_kind, check_like, either
from sedflow.files.packaged import DEFAULT_WEIGHTS, SSP_NAMES
from sedflow.fits import export, fit_file
from sedflow.fits.history import History, Predicted
from sedflow.fits.magnitudes import refuse_magnitudes
from sedflow.fits.robust import Robust
from sedflow.fits.samples import Quantities
from sedflow.fits.shown import ShownFit
from sedflow.model import likelihood
from sedflow.model.derived import derive, missing_quantity
from sedflow.model.sed import SEDModel, Spectrum, default_model
from sedflow.parameters import N_FREE, Prior, as_prior
from sedflow.photometry import Photometry
from sedflow.sampling.mcmc import MCMCSampler
from sedflow.sampling.robust import draw_robust
from sedflow.sampling.verdict import Verdict
from sedflow.sampling.verdict_decision import RUNGS, check_chains, climb
from sedflow.settled import ByValue, read_only
from sedflow.trust_limits import TAIL_INDEX_MAX
from sedflow.whole_numbers import as_whole

__all__ = ["Fit", "fit", "load_fit", "save_fit"]

_N_PRIOR = 2000  # draws of `Fit.induced_prior`


@dataclass(frozen=True, repr=False, eq=False)
class Fit(ShownFit, ByValue):
    """A galaxy (or a batch), the draws of its posterior, and what follows from them.

    `fit["log_mstar"]` and `fit.samples` are draws of equal weight, `fit.quantile("log_mstar",
    [16, 50, 84])` and `fit.summary()` respect the weights. `print(fit)` says how far to trust it,
    `fit.plot()` draws on the screen, `fit.plot_paper("mine.pdf")` for paper. The raw
    draws and what follows from each, `draws` and `derived`, are for advanced use: they may have
    weights (`draws.weights`), so that `numpy.median` of them is not that of the posterior.

    Everything beyond the draws is computed when first asked for.

    photometry : the data
    draws : of the posterior under `prior`, raw: with weights, if they have any
    model : SEDModel
    prior : that the draws follow
    verdict : whether the draws can be trusted and why; None if nobody asked
    seed : of the draws
    sampler : name of what made the draws
    weights_sha256 : hash of the network's weights, if it was a network
    record_sha256 : hash of its record and weights together; "" in files of before it was kept
    likelihood : "robust", where the draws follow a posterior in which any band may be off
        (`robust`); None for the plain one
    """

    photometry: Photometry
    draws: Draws
    model: SEDModel
    seed: int | None = None
    prior: Prior = field(default_factory=Prior)
    verdict: Verdict | None = None
    sampler: str = ""
    weights_sha256: str = ""
    record_sha256: str = ""
    likelihood: str | None = None

    def weighted(self, draws: Draws, prior: Prior) -> "Fit":
        """The fit with other weights on the same theta; what theta alone decides is kept.

        The verdict was on the weights before: `quality` judges the new ones.
        """
        out = replace(self, draws=draws, prior=prior, verdict=None, likelihood=None)
        known = vars(self)
        kept: dict[str, Any] = {
            name: known[name] for name in ("derived", "log_likelihood") if name in known
        }
        for name in ("history", "predicted"):
            if name in known:
                kept[name] = replace(known[name], weights=draws.weights)
        vars(out).update(kept)
        return out

    def under(self, prior: Prior | str, trust: str = "proposals") -> "Fit":
        """The posterior of the same data under another prior, with draws made for that prior.

        By adaptive importance sampling from the network of this fit, and by MCMC with
        trust="auto".

        Raises
        ------
        SedflowError
            The network is not a packaged one; `sedflow.fit(galaxy, network, prior=...)` does it.
        """
        network = self._network(f"sedflow.fit(galaxy, SAMPLER, prior={as_prior(prior).sfh!r})")
        about: dict[str, Any] = {"n": self.draws.n, "seed": self.seed, "model": self.model}
        return fit(self.photometry, network, trust=trust, prior=prior, **about)

    def robust(self, sampler: Sampler | None = None) -> Robust:
        """The posterior of one galaxy in which any band may be off, and which one is.

        Each band is off with a prior probability of 0.02, by some 0.4 mag or, more seldom, by
        more; the rest is marginalised by weights, so this takes seconds.

        sampler : the network; default, that of this fit, if it is packaged

        Raises
        ------
        SedflowError
            Many galaxies, fewer than three bands, a prior that the network's draws cannot be
            weighted to, or a sampler that is not a packaged network.
        """
        if self.photometry.shape:
            raise SedflowError(f"robust takes one galaxy, of {self.title}; choose one with fit[i]")
        network = self._network("fit.robust(network)") if sampler is None else sampler
        check_like("sampler", network, "log_prob", "a network, sedflow.load_posterior()")
        own = getattr(network, "prior", None) or self.prior
        if self.prior.tail_index(own) >= TAIL_INDEX_MAX:
            raise SedflowError(
                f"the network's draws cannot be weighted to the prior {self.prior.sfh!r}; give a "
                f"fit under {own.sfh!r}, or a network trained with {self.prior.sfh!r}"
            )
        draws = draw_robust(network, self.photometry, self.model, self.prior, self.seed, two=True)
        return Robust(replace(self, draws=draws, verdict=None, likelihood="robust"))

    def _network(self, remedy):
        """The packaged network that made the draws."""
        from sedflow.network.weights import cached_posterior, packaged_weights

        network = cached_posterior(self.sampler) if self.sampler in packaged_weights() else None
        if network is None or self.record_sha256 not in ("", network.record_sha256):
            raise SedflowError(
                f"the sampler {self.sampler!r} of this fit is not a packaged network, so new draws "
                f"cannot be made from here; use {remedy} with the network"
            )
        return network

    def __len__(self):
        return len(self.photometry)

    def __getitem__(self, item: Any) -> Any:
        """Draws (..., n_draw) of equal weight of a quantity, by its name.

        Of a batch, with an index, slice or mask of the leading axis: the Fit of those galaxies.
        """
        if isinstance(item, str):
            return self.samples[item]
        if not self.photometry.shape:
            raise missing_quantity(item, self.model)
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
        """Derived quantities (..., n_draw) of the raw draws, by name, as `draws` weighted or not.

        `sedflow.model.DERIVED` defines them.
        """
        theta, z, blank = self._known
        values = derive(theta, z, self.model)
        return Quantities(
            {name: np.where(blank[..., None], np.nan, v) for name, v in values.items()}
        )

    @cached_property
    def induced_prior(self) -> dict[str, np.ndarray]:
        """Derived quantities (..., 2000) of the prior at the galaxy's redshift, by name.

        What the data have to be judged against: a flat prior of the parameters is not flat in
        rates, ages or metals.
        """
        theta = self._prior_theta
        shape = (*self.photometry.shape, *theta.shape)
        values = derive(np.broadcast_to(theta, shape), self.photometry.redshift, self.model)
        return Quantities(values)

    @cached_property
    def _prior_theta(self):
        return read_only(self.prior.sample(_N_PRIOR, np.random.default_rng(0)))

    @cached_property
    def history(self) -> History:
        """Star-formation and metallicity histories of the draws."""
        theta, z, blank = self._known
        blank = blank[..., None, None]
        edges, sfr, zh = self.model.history(theta, z)
        return History(
            edges=edges,
            sfr=np.where(blank, np.nan, sfr),
            zh=np.where(blank, np.nan, zh),
            theta=theta,
            weights=self.draws.weights,
        )

    @cached_property
    def predicted(self) -> Predicted:
        """Posterior-predictive photometry in the bands of the data."""
        flux = self.draws.flux
        if flux is None or self.draws.flux_bands != self.photometry.bands:
            theta, z, _ = self._known
            data = self.photometry
            flux = model_flux(self.model, theta, z, data.bands, data.present)
        flux = np.where(self._known[2][..., None, None], np.nan, flux)
        return Predicted(flux, self.photometry, self.draws.weights)

    @cached_property
    def log_likelihood(self) -> np.ndarray:
        """Natural log of the likelihood (..., n_draw) of each draw."""
        return read_only(likelihood.log_likelihood(self.predicted.flux, self.photometry))

    @cached_property
    def best(self) -> np.ndarray:
        """The draw (..., 12) that comes closest to the data."""
        i = self.predicted.chi2.argmin(-1)
        best = np.take_along_axis(self.draws.theta, i[..., None, None], axis=-2)[..., 0, :]
        return read_only(best)

    def spectra(self, n: int = 200) -> Spectrum:
        """Spectra (..., n, n_wave) of n draws of equal weight, in the observed frame."""
        draws = self.draws.resampled(min(as_whole("n", n, 1, MAX_DRAWS), self.draws.n))
        z = self.photometry.redshift[..., None]
        spectrum = self.model.spectrum(draws.theta, z)
        if self.photometry.shape:
            return spectrum
        return Spectrum(spectrum.wavelength[0], spectrum.flux, self.photometry.redshift)

    def save(self, path: str | Path) -> Path:
        """Write everything to one HDF5 file, which `sedflow.load_fit` reads; returns its path."""
        return save_fit(self, path)

    def to_arviz(self, seed: int = 0) -> Any:
        """`arviz.InferenceData` of one galaxy: posterior, predictions, data, log likelihood."""
        return export.to_arviz(self, seed)

    def to_table(
        self, path: str | Path | None = None, *, quantiles: bool = True, overwrite: bool = False
    ) -> Any:
        """Astropy table of quantiles, or of the draws themselves; written to `path` if given.

        The extension says how: .fits, .ecsv, .vot (VOTable) or .parquet.
        """
        return export.to_table(self, quantiles, path, overwrite)


def fit(
    galaxy: Photometry,
    sampler: Sampler | str | Path = DEFAULT_WEIGHTS,
    *,
    n: int = 10_000,
    seed: int | None = 1,
    model: SEDModel | str | None = None,
    prior: Prior | str | None = None,
    trust: str | bool | None = "auto",
    mcmc: Sampler | None = None,
    progress: Callable[[int, int], object] | None = None,
    posterior: Sampler | str | Path | None = None,
) -> Fit:
    """Posterior of a galaxy, or of a batch, with all that follows from it.

    By default the draws are corrected to the exact posterior; `print(fit)` tells how that went.
    Exact means the posterior of this model and this prior: `fit.summary()` has in `of_prior` how
    much of each quantity the data decide, and below it what the model assumes.
    That is more than `sedflow.infer_table` does by default (1,000 draws, trust="weights"), because
    one galaxy is drawn, and worth some seconds of MCMC; a table keeps quantiles of many. Give both
    the same `n` and `trust` to compare them, and as seed `sedflow.row_seed(1, ID)`.

    Parameters
    ----------
    galaxy : Photometry
    sampler : Sampler, or the name or path of a network
        `sedflow.MCMCSampler()`, or anything else with its `sample`; default, the network
        "nsa-ugriz-fsps". A named network is loaded once per process.
    n : int
        Draws per galaxy.
    seed : int, optional
        The same seed gives the same draws; None, other ones each time.
    model : SEDModel, or the name of a packaged SSP grid, optional
        Default: the one that the sampler was trained on.
    prior : Prior or its name, optional
        Default: the one that the sampler was trained with. Another one than that skips the
        weights of the first step where they cannot be trusted (`Prior.tail_index`).
    trust : "auto" (or True), "weights", "proposals", or None (or False)
        "auto" weights the draws to the exact posterior, uses adaptive importance sampling where
        the weights are poor, and MCMC where that is not enough; "weights" and "proposals" stop
        after that step, and a galaxy that needs more is approximate. None hands out the
        sampler's draws as they are: the fit is called unchecked.
    mcmc : Sampler, optional
        For "auto"; default `MCMCSampler` with the same model and prior.
    progress : callable, optional
        Called as progress(done, total) after each galaxy.
    posterior : Sampler, or the name or path of a network, optional
        The same as `sampler`, by the name that `sedflow.infer_table` has for it; give one of them.

    Examples
    --------
    >>> import sedflow
    >>> result = fit(sedflow.load_nsa()[72], n=1000)
    >>> str(result.verdict.kind)
    'exact (weights)'
    >>> result.quantile("log_mstar", [16, 50, 84]).shape, result["log_mstar"].shape
    ((3,), (1000,))
    >>> result.summary().colnames
    ['name', 'unit', 'p16', 'p50', 'p84', 'of_prior']
    """
    if isinstance(trust, bool):
        trust = "auto" if trust else None
    if trust is not None and not (isinstance(trust, str) and trust in RUNGS):
        shown = " ".join(repr(trust).split())[:64]
        raise SedflowError(f"trust = {shown} is unknown; choose None or one of {', '.join(RUNGS)}")
    sampler = either(DEFAULT_WEIGHTS, sampler=sampler, posterior=posterior)
    n = checked_request(galaxy, n, seed)
    if isinstance(sampler, str | Path):
        from sedflow.network.weights import cached_posterior  # needs torch

        sampler = cached_posterior(str(sampler))
    if not hasattr(sampler, "sample"):
        raise SedflowError(
            f"{type(sampler).__name__} is not a sampler; give the name of a network, "
            "sedflow.load_posterior() or sedflow.MCMCSampler()"
        )
    if isinstance(model, str):
        check_choice("model", model, SSP_NAMES)
        model = default_model(model)
    if model is None:
        model = getattr(sampler, "model", None) or default_model(getattr(sampler, "ssp", "fsps"))
    check_like("model", model, "photometry", "a sedflow.SEDModel")
    its: Prior = _asked_prior(prior, sampler, trust)
    if not hasattr(sampler, "log_prob"):  # its draws are of its own model, and cannot be weighted
        check_chains("the sampler", sampler, model, its)
    if trust == "auto" and _knows_none_of(sampler, galaxy):
        sampler = MCMCSampler(model=model, prior=its, doublings=1) if mcmc is None else mcmc
    about = {
        "model": model,
        "prior": its,
        "seed": seed,
        "sampler": getattr(sampler, "name", type(sampler).__name__),
        "weights_sha256": getattr(sampler, "record", {}).get("weights_sha256", ""),
        "record_sha256": getattr(sampler, "record_sha256", ""),
    }
    if trust is None:
        return Fit(galaxy, sampled(sampler, model, galaxy, n, seed), **about)
    refuse_magnitudes(galaxy, sampler, model, its, seed, trust)
    draws, verdict = climb(galaxy, sampler, model, its, n, seed, trust, mcmc, progress)
    return Fit(galaxy, draws, verdict=verdict, **about)


def _knows_none_of(sampler, galaxy):
    """Whether a network was trained on none of the bands: MCMC needs none of them."""
    if not hasattr(sampler, "log_prob") or not hasattr(sampler, "bands"):
        return False
    return not {*map(curve_name, sampler.bands)} & {*map(curve_name, galaxy.bands)}


def _asked_prior(prior, sampler, trust):
    """The prior asked for, or the sampler's own; refused where its draws cannot follow another."""
    own = getattr(sampler, "prior", None) or Prior()
    if prior is None or as_prior(prior).sfh == own.sfh:
        return own
    prior = as_prior(prior)
    if trust is None:
        raise SedflowError(
            f"trust=None hands out draws as they are, which follow the prior {own.sfh!r}, not "
            f"{prior.sfh!r}; leave trust at 'auto', or give a sampler with that prior"
        )
    if not hasattr(sampler, "log_prob"):
        raise SedflowError(
            f"the draws of {type(sampler).__name__} follow its own prior {own.sfh!r}; give "
            f"{type(sampler).__name__}(prior={prior.sfh!r})"
        )
    return prior


def save_fit(fit: Fit, path: str | Path) -> Path:
    """Write a fit to an HDF5 file, replacing a saved fit of that name.

    Parameters
    ----------
    fit : Fit
        Of one galaxy or of any batch.
    path : str or Path

    Returns
    -------
    Path of the file

    Raises
    ------
    SedflowError
        The folder does not exist, a field is neither numbers nor text, or another file is there.

    Examples
    --------
    >>> import sedflow, tempfile
    >>> galaxy = sedflow.load_nsa().photometry(72)
    >>> result = sedflow.fit(galaxy, n=100)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load_fit(save_fit(result, f"{folder}/72.h5"))
    >>> bool((again.draws.theta == result.draws.theta).all())
    True
    """
    check_kind("fit", fit, Fit, "what sedflow.fit returns")
    return fit_file.write(path, fit)


def load_fit(path: str | Path, model: SEDModel | None = None) -> Fit:
    """A fit as `save_fit` wrote it.

    Parameters
    ----------
    path : str or Path
    model : SEDModel, optional
        Taken as it is; default, built from the packaged SSP grid that the file names. With
        another model than the fit's, its draws are unchecked: `sedflow.reweight` weighs them to
        the new one.

    Raises
    ------
    BadFitFile
        The file is missing, cut short, changed, of another format version or not a saved fit; or
        its SSP grid is not a packaged one, or no longer the same; or its draws are of another
        model than the one given, and do not state their density.
    """
    return fit_file.read(path, Fit, model)

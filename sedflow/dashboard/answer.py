"""What a visitor asks for, and the answer: a posterior with all that the panels show of it."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sedflow.dashboard.quantities import HISTORIES, QUANTITIES, equal_samples, quantity_columns
from sedflow.draws import CURVE_LEVELS, Draws, column_quantiles
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.fits.fit import Fit
from sedflow.model.lines import LineMarks
from sedflow.model.sed import SEDModel, default_model
from sedflow.network.domain_check import DomainCheck
from sedflow.parameters import NAMES
from sedflow.photometry import Photometry
from sedflow.sampling.edges import edges, edges_in_words
from sedflow.sampling.misfit import misfit_warning
from sedflow.sampling.objection import refused_kind
from sedflow.sampling.verdict import APPROXIMATE, EXACT_WEIGHTS, MISFIT, kind_of
from sedflow.trust_limits import K_HAT_MAX, k_hat_text

#: Draws of an answer that Compare keeps: six of 20,000 would take a quarter of a gigabyte a page.
MOST_PINNED_DRAWS = 6_000
_FEWEST = 2000  # draws of a long job, however few are asked of the network
_N_LINES = 400  # draws whose emission lines are computed


@dataclass(frozen=True)
class Request:
    """Everything that decides a posterior.

    galaxy : NSAID as text, or the name of an `OwnGalaxy`
    n, seed : draws of the network
    weights : name of the network
    bands : those to use; () for all that the network takes
    prior : that the exact posterior is weighted to
    """

    galaxy: str
    n: int = 3000
    seed: int = 1
    weights: str = DEFAULT_WEIGHTS
    bands: tuple[str, ...] = ()
    prior: str = "flat"


@dataclass(frozen=True)
class OwnGalaxy:
    """A galaxy that is not the atlas': typed, uploaded, or simulated with a known truth (12,).

    ssp : the packaged SSP grid that a simulated galaxy was made with; "" where that is not known
    """

    photometry: Photometry
    truth: np.ndarray | None = None
    ssp: str = ""

    @cached_property
    def digest(self) -> bytes:
        """Hash of the data, which is another where any number is."""
        data, hashed = self.photometry, hashlib.sha256()
        truth = np.array([]) if self.truth is None else self.truth
        for values in (data.flux, data.sigma, data.redshift, truth):
            hashed.update(repr(np.asarray(values, float).tolist()).encode())
        hashed.update(repr((data.bands, self.ssp)).encode())
        return hashed.digest()


@dataclass(frozen=True)
class Answer:
    """A posterior, and all that the views show of it.

    fit : what is shown: weighted to the exact posterior where the weights pass, otherwise the
        network's own draws, or draws of MCMC
    network : Fit of the network's own draws
    check : whether the galaxy is inside the training domain
    spectra : (wavelength [A], flux (n, n_wave)) of draws of equal weight
    truth : (12,) of a simulated galaxy, else None
    note : a warning, as a sentence, or empty
    steps : the `trust` that `fit` was made with; "" where its draws are the network's, weighted
        or not
    missed : name of the prior that was asked for, where the posterior under it was not reached
    ssp : the packaged SSP grid that a simulated galaxy was made with; "" where that is not known
    unused : bands that were measured and that its network was not trained on
    whole : name of a packaged network that takes all bands that were measured; "" if none does
    p_values : of the data, by the weights, whether they pass or not: as it is, and calibrated to be
        uniform where the model is right; NaN where it is not known
    """

    request: Request
    fit: Fit
    network: Fit
    check: DomainCheck
    spectra: tuple
    truth: np.ndarray | None = None
    note: str = ""
    steps: str = ""
    missed: str = ""
    ssp: str = ""
    unused: tuple[str, ...] = ()
    whole: str = ""
    p_values: tuple[float, float] = (float("nan"), float("nan"))

    @property
    def true_model(self) -> SEDModel:
        """The model that a simulated galaxy was made with; that of the fit, where it is unknown."""
        return default_model(self.ssp) if self.ssp else self.fit.model

    @property
    def lacks(self) -> str:
        """What the fit's model lacks, as a sentence; "" where the galaxy lacks it, too."""
        bare = bool(self.ssp) and not self.true_model.line_names
        return "" if bare else str(self.fit.lacks[()])

    @property
    def exact(self) -> bool:
        """Whether `fit` follows the exact posterior."""
        return kind_of(self.kind).exact

    @property
    def trust(self) -> str:
        """In a line: what the draws shown rest on."""
        verdict, importance = self.fit.verdict, self.fit.draws.importance
        if verdict is not None:
            return str(verdict)
        if not self.exact:
            return "Draws of the network, not corrected"
        assert importance is not None  # exact draws are weighted ones
        evidence = f"{importance.log_evidence:.2f}".replace("-", "\N{MINUS SIGN}")
        swapped = "" if importance.prior == "flat" else f", prior {importance.prior}"
        return (
            f"Corrected to the exact posterior{swapped}: k-hat {k_hat_text(importance.k_hat)} "
            f"(limit {K_HAT_MAX}), {importance.ess:,.0f} of {int(importance.n):,} draws effective, "
            f"ln evidence {evidence} ± {importance.log_evidence_error:.2f}"
        )

    @property
    def kind(self) -> str:
        """The verdict in a word."""
        if self.fit.verdict is not None:
            return str(self.fit.verdict.kind)
        if self.fit is not self.network:
            return EXACT_WEIGHTS
        return refused_kind(self.fit) or APPROXIMATE

    @property
    def p_value(self) -> float:
        """P-value of the data under the posterior predictive distribution, not calibrated."""
        return self.p_values[0]

    @property
    def p_calibrated(self) -> float:
        """The same, calibrated; NaN where the network has no table of that."""
        return self.p_values[1]

    @property
    def misfit(self) -> str:
        """That no model describes the data of an exact posterior, as a sentence; else ""."""
        text = misfit_warning(self.p_value, self.p_calibrated) if self.exact else ""
        return text.removeprefix("But ")

    @property
    def verdict(self) -> str:
        """The verdict as a badge has it: its kind, and where a model is exact and wrong here."""
        return f"{self.kind}, {MISFIT}" if self.misfit else self.kind

    @cached_property
    def leans(self) -> str:
        """On which edges of the prior an exact posterior leans, in sentences."""
        if not self.exact:
            return ""
        draws = self.fit.draws
        return edges_in_words(edges(draws.theta, draws.weights, self.fit.prior))

    @cached_property
    def columns(self) -> np.ndarray:
        """All `QUANTITIES` (n_draw, n_quantity) of the draws of `fit`."""
        return quantity_columns(self.fit)

    @cached_property
    def truths(self) -> np.ndarray | None:
        """The true values of all `QUANTITIES`."""
        if self.truth is None:
            return None
        one = replace(self.fit, draws=Draws(self.truth[None]), verdict=None, model=self.true_model)
        return quantity_columns(one)[0]

    @cached_property
    def best_curves(self) -> dict:
        """Spectra of the draw nearest the data: "best", "bare", and by stars."""
        model, z = self.fit.model, float(self.fit.photometry.redshift)
        theta = self.fit.best
        bare = model.spectrum(theta, z, dust=False)
        curves = {"best": model.spectrum(theta, z).flux, "bare": bare.flux}
        curves |= model.components(theta, z)
        if curves["burst"].max() < 1e-3 * curves["best"].max():
            del curves["burst"]
        return {name: (bare.wavelength, flux) for name, flux in curves.items()}

    @cached_property
    def spectrum_quantiles(self) -> np.ndarray:
        """2.5, 16, 50, 84 and 97.5 % (5, n_wave) of the spectra."""
        return np.quantile(self.spectra[1], CURVE_LEVELS, axis=0)

    @cached_property
    def history_quantiles(self) -> dict:
        """The same of "sfr", "zh" and "formed" (5, n), by name."""
        return {which: self.fit.history.quantiles(which, CURVE_LEVELS) for which in HISTORIES}

    @cached_property
    def formation_times(self) -> tuple:
        """16, 50 and 84 % of when 50 and 90 % of the mass had formed [Gyr ago]."""
        return tuple(
            self.fit.draws.quantile(self.fit.history.formation_time(share), (0.16, 0.5, 0.84))
            for share in (0.5, 0.9)
        )

    @cached_property
    def quantiles(self) -> np.ndarray:
        """16, 50 and 84 % (3, n_quantity) of all `QUANTITIES`."""
        return column_quantiles(self.columns, (0.16, 0.5, 0.84), self.fit.draws.weights)

    @cached_property
    def lines(self) -> LineMarks | None:
        """Emission lines of the posterior, 16, 50 and 84 %; None where the grid has no gas."""
        model = self.fit.model
        if not model.line_names:
            return None
        draws = self.fit.draws.resampled(min(_N_LINES, self.fit.draws.n))
        found = model.lines(draws.theta, float(self.fit.photometry.redshift))
        flux, width = (
            np.quantile(values, (0.16, 0.5, 0.84), axis=0)
            for values in (found.flux, found.equivalent_width)
        )
        return LineMarks(found.names, found.wavelength, flux, width)

    @cached_property
    def samples(self) -> np.ndarray:
        """`QUANTITIES` (n, n_quantity) of draws of equal weight."""
        return equal_samples(self.fit.draws, self.columns)

    @cached_property
    def network_samples(self) -> np.ndarray:
        """The same of the network's own draws."""
        return quantity_columns(self.network)

    @cached_property
    def prior_samples(self) -> np.ndarray:
        """`QUANTITIES` (n, n_quantity) of the prior, at the galaxy's redshift."""
        prior = self.fit.prior
        theta = prior.sample(2000, np.random.default_rng(0))
        induced = self.fit.induced_prior
        return np.stack([*theta.T, *(induced[d.name] for d in QUANTITIES[len(NAMES) :])], axis=1)


def band_to_blame(answer: Answer) -> str:
    """The band that a failed check names, else empty."""
    worst = int(answer.check.worst) if not answer.check else -1
    return answer.check.bands[worst] if worst >= 0 else ""


def job_draws(request: Request) -> int:
    """Draws of MCMC, or of a refined posterior, for a request."""
    return max(request.n, _FEWEST)

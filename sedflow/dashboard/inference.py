"""What the dashboard asks, and what it is answered: no panel, no figures.

A `Request` names everything that decides a posterior; `Desk` answers it, with all that the views
need computed once. Work runs on one process-wide worker thread: torch's generator is global,
and the network is quick.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np

from sedflow.derived import DERIVED
from sedflow.domain import DomainCheck
from sedflow.draws import CURVE_LEVELS, Draws, column_quantiles, systematic
from sedflow.errors import BadPhotometry
from sedflow.fitting import Fit, fit
from sedflow.importance import K_HAT_MAX, TooFewEffectiveDraws, min_ess, reweight
from sedflow.literature import literature
from sedflow.nsa import NSACatalog
from sedflow.parameters import NAMES, PARAMETERS
from sedflow.photometry import Photometry
from sedflow.posterior import load_posterior
from sedflow.resources import DEFAULT_WEIGHTS

__all__ = [
    "HISTORIES", "MAIN_QUANTITIES", "QUANTITIES", "Answer", "Brushed", "Desk", "OwnGalaxy",
    "Request", "brush", "chosen_quantities", "on_worker",
]  # fmt: skip

#: Everything that a corner plot can show, in order: the parameters, then what follows from them.
QUANTITIES = (*PARAMETERS, *(d for d in DERIVED if d.name != "log_mass_formed"))

#: Those that a figure has room for at first.
MAIN_QUANTITIES = ("log_mstar", "log_sfr_100myr", "age_mw", "log_z_mw_solar", "tau_ism", "n_dust")
HISTORIES = ("sfr", "zh", "formed")

_WORKER = ThreadPoolExecutor(1, thread_name_prefix="sedflow")
_N_SPECTRA = 120  # draws whose spectra are computed for the bands of the SED
_N_BRUSHED = 40  # and for those of a selection
_N_COMPARED = 3000  # draws of MCMC that are looked at


def on_worker(function):
    """An async function that runs `function` on the process-wide worker thread."""

    async def run(*args):
        return await asyncio.get_running_loop().run_in_executor(_WORKER, function, *args)

    return run


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
    """A galaxy that is not the atlas': typed, uploaded, or simulated with a known truth (12,)."""

    photometry: Photometry
    truth: np.ndarray | None = None


@dataclass(frozen=True)
class Answer:
    """A posterior, and all that the views show of it.

    fit : what is shown: weighted to the exact posterior where the weights hold, otherwise the
        network's own draws, or draws of MCMC
    network : Fit of the network's own draws
    check : whether the galaxy is like those of training
    spectra : (wavelength [A], flux (n, n_wave)) of draws of equal weight
    truth : (12,) of a simulated galaxy, else None
    note : what to beware of, a sentence or empty
    """

    request: Request
    fit: Fit
    network: Fit
    check: DomainCheck
    spectra: tuple
    truth: np.ndarray | None = None
    note: str = ""

    @property
    def exact(self) -> bool:
        """Whether `fit` follows the exact posterior."""
        return self.fit is not self.network

    @property
    def trust(self) -> str:
        """In a line: what the draws shown rest on."""
        verdict, held = self.fit.verdict, self.fit.draws.importance
        if verdict is not None:
            return str(verdict)
        if not self.exact:
            return "Draws of the network, not corrected"
        swapped = "" if held.prior == "flat" else f", prior {held.prior}"
        return (
            f"Corrected to the exact posterior{swapped}: k-hat {held.k_hat:.2f} (limit "
            f"{K_HAT_MAX}), {held.ess:,.0f} of {int(held.n):,} draws effective, ln evidence "
            f"{held.log_evidence:.2f} ± {held.log_evidence_error:.2f}"
        )

    @property
    def kind(self) -> str:
        """The verdict in a word."""
        if self.fit.verdict is not None:
            return str(self.fit.verdict.kind)
        if not self.exact:
            return "not corrected"
        return "amortized" if self.check else "reweighted"

    @cached_property
    def columns(self) -> np.ndarray:
        """All `QUANTITIES` (n_draw, n_quantity) of the draws of `fit`."""
        return quantity_columns(self.fit)

    @cached_property
    def truths(self) -> np.ndarray | None:
        """The true values of all `QUANTITIES`."""
        if self.truth is None:
            return None
        one = replace(self.fit, draws=Draws(self.truth[None]), verdict=None)
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
    def quantiles(self) -> np.ndarray:
        """16, 50 and 84 % (3, n_quantity) of all `QUANTITIES`."""
        return column_quantiles(self.columns, (0.16, 0.5, 0.84), self.fit.draws.weights)

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


@dataclass(frozen=True)
class Brushed:
    """What the selected draws look like; None where too few were selected.

    words : what was selected
    share : posterior mass of the selection
    n : draws selected
    samples (n, n_quantity) : `QUANTITIES` of the selection, draws of equal weight
    """

    words: str
    share: float
    n: int
    samples: np.ndarray
    history: dict
    spectra: tuple | None
    predicted: np.ndarray | None
    quantiles: np.ndarray | None


def brush(answer: Answer, mask, words: str) -> Brushed:
    """Histories, spectra and quantities of the draws (n_draw,) in a selection."""
    draws = answer.fit.draws
    weights = np.full(draws.n, 1 / draws.n) if draws.weights is None else draws.weights
    share, rows = float(weights[mask].sum()), np.flatnonzero(mask)
    n = len(rows)
    if n < 3 or not share > 0:
        return Brushed(words, share, n, answer.columns[rows], {}, None, None, None)
    w, q = weights[rows] / share, (0.16, 0.5, 0.84)
    history = answer.fit.history
    curves = {
        which: column_quantiles(values[rows], q, w)
        for which, values in ((which, getattr(history, which)) for which in HISTORIES)
    }
    some = Draws(draws.theta[rows], weights=w)
    few = some.resampled(min(n, _N_BRUSHED))
    model, z = answer.fit.model, float(answer.fit.photometry.redshift)
    spectra = model.spectrum(few.theta, z)
    return Brushed(
        words, share, n, equal_samples(some, answer.columns[rows]), curves,
        (spectra.wavelength, np.quantile(spectra.flux, q, axis=0)),
        column_quantiles(answer.fit.predicted.flux[rows], q, w),
        column_quantiles(answer.columns[rows], q, w),
    )  # fmt: skip


def chosen_quantities(names) -> list[int]:
    """Columns of the `QUANTITIES` that are named, in their order; the main ones if none is."""
    rows = [k for k, q in enumerate(QUANTITIES) if q.name in names]
    return rows or chosen_quantities(MAIN_QUANTITIES)


def quantity_columns(fit) -> np.ndarray:
    """All `QUANTITIES` (n_draw, n_quantity) of the draws of one galaxy."""
    theta, derived = fit.draws.theta, fit.derived
    return np.stack([*theta.T, *(derived[d.name] for d in QUANTITIES[len(NAMES) :])], axis=1)


def equal_samples(draws, columns) -> np.ndarray:
    """Columns (n, n_quantity) of draws of equal weight, from those of weighted ones."""
    if draws.weights is None:
        return columns
    return columns[systematic(draws.weights, draws.n, np.random.default_rng(0))]


class Desk:
    """Answers requests: the catalogue and the networks, shared; galaxies of one's own, not.

    Parameters
    ----------
    nsa : NSACatalog
    posterior : AmortizedPosterior, optional
        Asked when a request names it; the packaged ones can be named as well.
    """

    def __init__(self, nsa: NSACatalog, posterior=None):
        self.nsa, self._posterior = nsa, posterior
        self.own: dict[str, OwnGalaxy] = {}

    def posterior(self, weights):
        """The network of that name."""
        mine = self._posterior
        return mine if mine is not None and weights == mine.name else _packaged(weights)

    def add(self, name: str, galaxy: OwnGalaxy) -> str:
        """Keep a galaxy under a name, made unique; returns it."""
        base, k = str(name), 2
        while name in self.own or str(name).isdigit():
            name, k = f"{base} ({k})", k + 1
        self.own[name] = galaxy
        return name

    def photometry(self, galaxy: str, bands=None) -> Photometry:
        """A galaxy in these bands, absent (NaN) where there is no flux."""
        own = self.own.get(galaxy)
        if own is not None:
            found = own.photometry
            found = Photometry(found.flux, found.sigma, found.redshift, found.bands, galaxy)
            return found if bands is None else found.in_bands(bands)
        if not str(galaxy).strip().isdigit():
            raise BadPhotometry(
                f"no galaxy {galaxy!r} here; give an NSAID of the table, or add a galaxy of your "
                'own under "Your data"'
            )
        return self.nsa.photometry(int(galaxy), bands or ("u", "g", "r", "i", "z"))

    def literature(self, galaxy: str) -> dict:
        """What other work says of a galaxy of the atlas: name of the quantity -> text."""
        return literature(int(galaxy)) if str(galaxy).isdigit() else {}

    def used(self, request: Request) -> Photometry:
        """The photometry that a request uses: only its bands, the others absent."""
        bands = self.posterior(request.weights).bands
        galaxy = self.photometry(request.galaxy, bands)
        if request.bands:
            keep = [b for b in bands if b in request.bands]
            if not keep:
                raise BadPhotometry(
                    f"the network {request.weights} takes none of {', '.join(request.bands)}; "
                    f"choose from {', '.join(bands)}"
                )
            galaxy = galaxy.in_bands(keep).in_bands(bands)
        return galaxy

    def answer(self, request: Request) -> Answer:
        """The posterior of a request, everything that is drawn computed."""
        posterior = self.posterior(request.weights)
        galaxy = self.used(request)
        network = fit(galaxy, posterior, n=request.n, seed=request.seed)
        notes = []
        check = posterior.check(galaxy, draws=network.draws, flux=network.predicted.flux)
        if not check:
            notes.append(f"{check}")
        _ = network.derived, network.history  # once, for all weights
        weighted = reweight(network, min_ess=0)
        figures, shown = weighted.draws.importance, weighted
        if not figures.good(min_ess(request.n)):
            shown = network
            notes.append(
                f"these are the network's draws, and weights do not mend them (k-hat "
                f"{figures.k_hat:.2f}, limit {K_HAT_MAX}; {figures.ess:.0f} effective draws): "
                "take more draws, climb the ladder, or run MCMC"
            )
        elif request.prior != network.prior.sfh:
            try:
                shown = reweight(network, prior=request.prior)
            except TooFewEffectiveDraws as error:
                notes.append(f"the prior stays {network.prior.sfh}: {error}")
        return self._dress(request, shown, network, check, notes)

    def with_fit(self, answer: Answer, better: Fit) -> Answer:
        """The answer with draws from a higher rung, of the same request."""
        verdict = better.verdict
        notes = [] if answer.check else [f"{answer.check}"]
        if verdict is not None and verdict.kind == "failed":
            notes.append(str(verdict))
        return self._dress(answer.request, better, answer.network, answer.check, notes)

    def _dress(self, request, shown, network, check, notes):
        spectra = shown.spectra(_N_SPECTRA)
        own = self.own.get(request.galaxy)
        answer = Answer(
            request, shown, network, check, (spectra.wavelength, spectra.flux),
            None if own is None else own.truth,
            f"Take care: {'; '.join(notes)}." if notes else "",
        )  # fmt: skip
        # Here, on the worker's thread, not when they are drawn.
        _ = (
            answer.quantiles, answer.samples, answer.prior_samples, answer.spectrum_quantiles,
            answer.history_quantiles, answer.best_curves, shown.predicted,
        )  # fmt: skip
        return answer


@cache
def _packaged(weights):
    """A packaged network, loaded once per process."""
    return load_posterior(weights)


def compared(fit: Fit) -> Fit:
    """A fit thinned to what a corner plot needs."""
    n = min(fit.draws.n, _N_COMPARED)
    return replace(fit, draws=fit.draws.resampled(n))


def band_to_blame(answer: Answer) -> str:
    """The band that a failed check names, else empty."""
    worst = int(answer.check.worst) if not answer.check else -1
    return answer.check.bands[worst] if worst >= 0 else ""


def code_for(request: Request, own: OwnGalaxy | None = None) -> str:
    """Python that reproduces the posterior shown."""
    lines = ["import sedflow", ""]
    if own is None:
        lines += [
            f"posterior = sedflow.load_posterior({request.weights!r})",
            f"galaxy = sedflow.load_nsa().photometry({int(request.galaxy)}, posterior.bands)",
        ]
    else:
        g = own.photometry

        def numbers(values):
            return "[" + ", ".join("nan" if np.isnan(v) else repr(float(v)) for v in values) + "]"

        if np.isnan(g.flux).any():
            lines.insert(0, "from math import nan")
        lines += [
            f"posterior = sedflow.load_posterior({request.weights!r})",
            "galaxy = sedflow.Photometry(",
            f"    flux={numbers(g.flux)},",
            f"    sigma={numbers(g.sigma)},",
            f"    redshift={float(g.redshift)!r},",
            f"    bands={tuple(g.bands)!r},",
            ").in_bands(posterior.bands)",
        ]
    if request.bands:
        bands = tuple(request.bands)
        lines.append(f"galaxy = galaxy.in_bands({bands!r}).in_bands(posterior.bands)")
    lines.append(f"fit = sedflow.fit(galaxy, posterior, n={request.n}, seed={request.seed})")
    lines += [f"exact = sedflow.reweight(fit, prior={request.prior!r})", "print(exact.summary())"]
    return "\n".join(lines) + "\n"

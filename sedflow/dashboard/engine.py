"""The engine of the dashboard: a `Request` comes in, an `Answer` goes out; no panel, no figures.

A `Request` names everything that decides a posterior. `Engine` answers it, and computes all that
the panels show. Work runs on one process-wide worker thread, on which visitors take turns.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sedflow.atlas.catalog import NSA_BANDS, NSACatalog, load_nsa
from sedflow.atlas.published import literature
from sedflow.bands import short_name
from sedflow.dashboard.answer import Answer, OwnGalaxy, Request
from sedflow.dashboard.numbers import whole_number
from sedflow.dashboard.server.aside import LARGE, ProcessEnded, run_aside
from sedflow.dashboard.server.held import HELD
from sedflow.dashboard.server.visitors import whose
from sedflow.dashboard.server.work import ASIDE, on_worker
from sedflow.dashboard.what_if import Change, Changed, left_out, misfit_p, redrawn
from sedflow.errors import BadPhotometry, BadWeights, SedflowError
from sedflow.fits.fit import Fit, fit
from sedflow.model.likelihood import too_precise
from sedflow.network.posterior import AmortizedPosterior
from sedflow.network.weights import cached_posterior, packaged_weights
from sedflow.photometry import Photometry
from sedflow.sampling.misfit import p_values_of
from sedflow.sampling.objection import objection
from sedflow.sampling.reweighting import reweight
from sedflow.sampling.verdict import MISFIT, kind_of
from sedflow.trust_limits import K_HAT_MAX, MIN_ESS, k_hat_text

_KEPT = 16  # answers, of some 4 MB each
_N_SPECTRA = 120  # draws whose spectra are computed for the bands of the SED
_MOST_OWN = 300  # galaxies that a page has added; then the first of them is forgotten
_MOST_GIVEN = 3_000  # names that are remembered; from then on each has a number of its own
_LONGEST_NAME = 200  # characters of the name of a galaxy: what an address can hold
_MOST_QUOTED = 64  # characters of a name that a sentence quotes


class Recent:
    """Answers about galaxies of the atlas that were computed last, of all sessions.

    size : how many are kept
    """

    def __init__(self, size: int = _KEPT):
        self._size, self._answers = size, OrderedDict[Request, Answer]()
        self._lock = threading.Lock()

    def get(self, request: Request) -> Answer | None:
        """The answer to a request; None where it is not kept."""
        with self._lock:
            answer = self._answers.get(request)
            if answer is not None:
                self._answers.move_to_end(request)
            return answer

    def keep(self, request: Request, answer: Answer) -> None:
        """Keep an answer, and let go of the one that was asked for longest ago."""
        with self._lock:
            self._answers[request] = answer
            self._answers.move_to_end(request)
            while len(self._answers) > self._size:
                self._answers.popitem(last=False)


class Engine:
    """Answers requests. Sessions share the catalogue and the networks, but not added galaxies.

    Parameters
    ----------
    nsa : NSACatalog
    posterior : AmortizedPosterior, optional
        Asked when a request names it; the packaged ones can be named as well.
    aside : bool
        Whether a process beside this one answers large requests, which needs the packaged
        catalogue and networks.
    recent : Recent, optional
        Where answers are kept that other sessions have asked for.
    """

    def __init__(
        self,
        nsa: NSACatalog,
        posterior: AmortizedPosterior | None = None,
        aside: bool = False,
        recent: Recent | None = None,
    ):
        self.nsa, self._posterior, self.aside = nsa, posterior, aside
        self._recent = Recent() if recent is None else recent
        self.own: dict[str, OwnGalaxy] = {}
        self._given: dict[str, bytes] = {}  # names of those that were added -> hash of their data
        self._added = 0  # how many were

    def posterior(self, weights: str) -> AmortizedPosterior:
        """The network of that name."""
        own = self._posterior
        if own is not None and weights == own.name:
            return own
        if weights not in packaged_weights():  # a visitor can name no file
            raise BadWeights(
                f"there is no network {str(weights)[:_MOST_QUOTED]!r}; choose from "
                f"{', '.join(packaged_weights())}"
            )
        return cached_posterior(weights)

    def add(self, name: str, galaxy: OwnGalaxy) -> str:
        """Keep a galaxy under a name, made unique; returns it.

        A name is never that of other data, even where its first galaxy was forgotten: what was
        drawn, pinned or shared of that one would be read as this one's.
        """
        name = base = str(name)[:_LONGEST_NAME]
        data, k = galaxy.digest, 2
        self._added += 1
        if len(self._given) >= _MOST_GIVEN:  # no name comes twice, though none is remembered
            k = self._added
            name = f"{base} ({k})"
        while (
            name in self.own
            or whole_number(name) is not None
            or self._given.get(name, data) != data
        ):
            name, k = f"{base} ({k})", k + 1
        self.own[name] = galaxy
        if len(self._given) < _MOST_GIVEN:
            self._given[name] = data
        if len(self.own) > _MOST_OWN:
            del self.own[next(iter(self.own))]
        return name

    def added(self, names: dict, key: Hashable, name: str, galaxy: OwnGalaxy) -> str:
        """The name of a galaxy that is kept, or was before it was forgotten, under a key.

        names : key -> (name, galaxy) of those that were added here; those forgotten leave it
        """
        for old in [k for k, (was, one) in names.items() if self.own.get(was) is not one]:
            del names[old]
        if key not in names:
            names[key] = self.add(name, galaxy), galaxy
        return names[key][0]

    def photometry(self, galaxy: str, bands: Sequence[str] | None = None) -> Photometry:
        """A galaxy in these bands, absent (NaN) where there is no flux."""
        own = self.own.get(galaxy)
        if own is not None:
            found = own.photometry
            found = Photometry(
                found.flux, found.sigma, found.redshift, found.bands, np.asarray(galaxy)
            )
            return found if bands is None else found.in_bands(bands)
        nsaid = whole_number(galaxy)
        if nsaid is None:
            raise BadPhotometry(
                f"no galaxy {str(galaxy)[:_MOST_QUOTED]!r} here; give an NSAID of the table, or "
                'add a galaxy of your own under "Your data"'
            )
        if not (self.nsa.ids == nsaid).any():
            raise BadPhotometry(
                f"no galaxy with NSAID {nsaid} in this catalogue of {len(self.nsa.ids):,} galaxies"
            )
        return self.nsa.photometry(nsaid, bands or ("u", "g", "r", "i", "z"))

    def data_of(self, answer: Answer) -> OwnGalaxy | None:
        """The galaxy of an answer, also where it was forgotten since; None of one of the atlas."""
        name = answer.request.galaxy
        if whole_number(name) is not None:
            return None
        return self.own.get(name) or OwnGalaxy(answer.network.photometry, answer.truth, answer.ssp)

    def literature(self, galaxy: str) -> dict:
        """What other work says about a galaxy of the atlas: name of the quantity -> text."""
        nsaid = whole_number(galaxy)
        return {} if nsaid is None or galaxy in self.own else literature(nsaid)

    def name(self, galaxy: str) -> str:
        """The best-known name of a galaxy of the atlas, "NGC 3522"; empty if it has none."""
        nsaid = self._nsaid(galaxy)
        return "" if nsaid is None else self.nsa.name(nsaid)

    def sky_link(self, galaxy: str) -> str:
        """Address of a sky viewer at a galaxy; empty where no position is published."""
        nsaid = self._nsaid(galaxy)
        try:
            return "" if nsaid is None else self.nsa.sky_link(nsaid)
        except BadPhotometry:
            return ""

    def _nsaid(self, galaxy):
        """The number of a galaxy of the atlas; None of any other."""
        nsaid = None if galaxy in self.own else whole_number(galaxy)
        return nsaid if nsaid is not None and nsaid in self.nsa else None

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

    def known(self, request: Request) -> Answer | None:
        """The answer to a request, if it was computed lately; None otherwise."""
        return self._recent.get(request) if is_of_atlas(request) else None

    def prepare(self, request: Request) -> None:
        """Compute the answer to a request here and now, for `known`."""
        if is_of_atlas(request) and self._recent.get(request) is None:
            self._recent.keep(request, self.answer(request))

    async def ask(self, request: Request, only: bool = True) -> Answer:
        """`answer`, off the event loop, when this visitor's turn has come.

        only : whether it takes the place of what the session asked for before and still waits for
        """
        visitor, latest = whose()[0], self if only else None
        with HELD.asking(visitor, request.n):
            if self.aside and request.n > LARGE:
                own = self.own.get(request.galaxy)
                call = on_worker(done_aside, latest=latest, worker=ASIDE)
                answer = await call("answer", request, own, request)
            else:
                answer = await on_worker(self.answer, latest=latest)(request)
                if is_of_atlas(request):
                    self._recent.keep(request, answer)
            HELD.hold(visitor, answer, request.n)
        return answer

    def answer(self, request: Request) -> Answer:
        """The posterior of a request, everything that is drawn computed."""
        galaxy, posterior = self.used(request), self.posterior(request.weights)
        network = fit(galaxy, posterior, n=request.n, seed=request.seed, trust=None)
        return self._judged(request, network)

    def measured(self, galaxy: str) -> Photometry:
        """All bands in which a galaxy was measured, by their shortest names."""
        own = self.own.get(galaxy)
        if own is None:
            return self.photometry(galaxy, NSA_BANDS).observed
        found = own.photometry.observed
        return found.in_bands([short_name(band) for band in found.bands])

    def _unused(self, request):
        """Bands of a galaxy that the visitor added which its network was not trained on."""
        if request.galaxy not in self.own:
            return ()
        bands = self.posterior(request.weights).bands
        return tuple(b for b in self.measured(request.galaxy).bands if b not in bands)

    def _network_of(self, bands):
        """Name of a packaged network that takes all of these bands; empty if none does."""
        names = packaged_weights()
        return next((name for name in names if {*bands} <= {*self.posterior(name).bands}), "")

    def changed(self, answer: Answer, change: Change) -> Changed:
        """The posterior of an answer's galaxy if its bands or errors were others."""
        request = answer.request
        posterior, measured = self.posterior(request.weights), self.measured(request.galaxy)
        network, made_up = redrawn(answer.fit, posterior, measured, change, request.n, request.seed)
        after = self._judged(request, network)
        bands = network.photometry.observed.bands
        lacks = () if after.exact else tuple(b for b in bands if b not in posterior.bands)
        left = left_out(after.fit, measured)
        misfit = misfit_p(after.fit, posterior.p_values) if after.exact else float("nan")
        return Changed(change, after, made_up, left, lacks, misfit)

    def adapted(self, changed: Changed, better: Fit) -> Changed:
        """A change whose draws lacked bands, with draws of a higher rung, which have them.

        Raises
        ------
        SedflowError
            These do not follow its posterior either.
        """
        if not kind_of(better.quality).exact:
            raise SedflowError(
                f"no draws follow the posterior with {', '.join(changed.lacks)}: "
                f"{str(better.verdict).rstrip('.')}; take a lower S/N for what is added"
            )
        old = changed.answer
        request = replace(old.request, prior=better.prior.sfh)
        notes = [] if old.check else [f"the galaxy is {old.check}"]
        after = self._dress(request, better, old.network, old.check, notes, "auto")
        left = left_out(better, self.measured(request.galaxy))
        misfit = misfit_p(better, self.posterior(request.weights).p_values)
        return replace(changed, answer=after, left=left, lacks=(), misfit=misfit)

    def _judged(self, request, network):
        """The answer of a network's draws: weighted, where the weights pass."""
        posterior, galaxy = self.posterior(request.weights), network.photometry
        notes, missed = [], ""
        check = posterior.check(galaxy, draws=network.draws)
        if not check:
            notes.append(f"the galaxy is {check}")
        if request.prior != network.prior.sfh:
            under = fit(
                galaxy,
                posterior,
                n=request.n,
                seed=request.seed,
                prior=request.prior,
                trust="proposals",
            )
            if kind_of(under.quality).exact:
                return self._dress(request, under, network, check, notes, "proposals")
            # What is shown has its own prior's name, in the chooser too.
            missed, why = request.prior, f"{under.verdict}".rstrip(".")
            notes.append(f"{_stays(network, missed)}: {why}; Refine goes on to MCMC for it")
            request = replace(request, prior=network.prior.sfh)
        _ = network.derived, network.history  # once, for all weights
        weighted = reweight(network, min_ess=0)
        figures, shown = weighted.draws.importance, weighted
        good = bool(figures.good())
        if problem := objection(weighted) if good else too_precise(galaxy):
            shown = network
            why = f"these are the network's draws, which nothing makes exact: {problem.rstrip('.')}"
            notes.insert(0, why)
        elif not good:
            shown = network
            needed = f", where {MIN_ESS:.0f} are needed" if figures.ess < MIN_ESS else ""
            notes.append(
                "these are the network's draws, which weights cannot correct (k-hat "
                f"{k_hat_text(figures.k_hat)}, limit {K_HAT_MAX}; effective draws: "
                f"{figures.ess:.0f}{needed}): take more draws, refine, or "
                "run MCMC"
            )
        return self._dress(request, shown, network, check, notes, missed=missed, weighted=weighted)

    def with_fit(self, answer: Answer, better: Fit, steps: str = "auto") -> Answer:
        """The answer with draws from a higher rung, under the prior that those follow.

        Where they are not exact under another prior than the answer's, the answer stays, and its
        note says why.

        steps : the `trust` that `better` was made with
        """
        verdict, prior = better.verdict, better.prior.sfh
        said = "" if verdict is None or verdict.exact else str(verdict).rstrip(".")
        if said and prior != answer.request.prior:
            told = f"{_stays(answer.fit, prior)}, after all steps: {said}"
            return _ready(replace(answer, note=f"Note that {told}.", missed=prior))
        # A misfit says of its own draws what the check says of the network's.
        misfit = verdict is not None and verdict.kind == MISFIT
        twice = misfit and {*answer.check.causes[()]} <= {"chi2"}
        notes = [] if answer.check or twice else [f"the galaxy is {answer.check}"]
        missed = "" if answer.missed == prior else answer.missed
        if missed:
            notes.append(f"{_stays(better, missed)}, which these draws do not follow")
        if said:
            notes.append(f"the verdict is {said}")
        request = replace(answer.request, prior=prior)
        return self._dress(request, better, answer.network, answer.check, notes, steps, missed)

    def _dress(self, request, shown, network, check, notes, steps="", missed="", weighted=None):
        spectra = shown.spectra(_N_SPECTRA)
        own = self.own.get(request.galaxy)
        unused, whole = self._unused(request), ""
        if unused:
            whole = self._network_of(self.measured(request.galaxy).bands)
            it = "are not used, as {} was not trained on them"
            it = it if len(unused) > 1 else "is not used, as {} was not trained on it"
            notes = [*notes, f"{', '.join(unused)} {it.format(request.weights)}"]
        answer = Answer(
            request,
            shown,
            network,
            check,
            (spectra.wavelength, spectra.flux),
            None if own is None else own.truth,
            f"Note that {'; '.join(notes).rstrip('.')}." if notes else "",
            steps,
            missed,
            "" if own is None else own.ssp,
            unused,
            whole,
            p_values_of(
                shown if weighted is None else weighted, self.posterior(request.weights).p_values
            ),
        )
        return _ready(answer)


def is_of_atlas(request: Request) -> bool:
    """Whether a request is about a galaxy of the atlas: no other's answer is for other pages."""
    return whole_number(request.galaxy) is not None


def _ready(answer):
    """An answer with all that panels draw, computed here and not when they draw it."""
    _ = (
        answer.quantiles,
        answer.samples,
        answer.prior_samples,
        answer.spectrum_quantiles,
        answer.history_quantiles,
        answer.best_curves,
        answer.lines,
        answer.fit.predicted,
        answer.formation_times,
        answer.leans,
    )
    return answer


def _stays(fit, asked):
    """That the posterior shown has its own prior, and not the one that was asked for."""
    return f"the prior stays {fit.prior.sfh}, not {asked}"


def done_aside(what: str, request: Request, own: OwnGalaxy | None, *args: Any) -> Any:
    """What a method of an engine returns, from the process beside the server; blocks until then.

    request : of the answer that is asked for, or that `args` begin with
    own : its galaxy, where that is not the atlas'
    """
    try:
        return run_aside(_alone, what, request.galaxy, own, *args)
    except ProcessEnded:
        raise SedflowError(
            f"the process that draws {request.n:,} times ended; ask again, with fewer draws"
        ) from None


def _alone(what, galaxy, own, *args):
    """In that process: by an engine of its own."""
    engine = Engine(load_nsa())
    if own is not None:
        engine.own[galaxy] = own
    return getattr(engine, what)(*args)

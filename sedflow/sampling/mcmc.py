"""Reference posteriors by Monte Carlo, without the network.

The default, "smc", is `smc.tempered_populations` on the ten parameters other than the mass,
which is integrated out and drawn back exactly (`mass`). It starts from the prior, not from the
network's draws, so that it is a second opinion also on modes that the network has missed.
"emcee" and "zeus" (the sampler of the published work) run as they do elsewhere.
"""

import random
import time
import warnings
from typing import Any

import numpy as np
from scipy.special import logsumexp

from sedflow.draws import Draws, Sampler, checked_request, galaxy_rng
from sedflow.errors import BadParameters, BadPhotometry, Cancelled, check_choice, check_like, needs
from sedflow.model.likelihood import log_likelihood, pulls, too_precise
from sedflow.model.mass import REFERENCE, MassConditional
from sedflow.model.sed import SEDModel, default_model
from sedflow.model.simulation import recent_bursts, recent_tilt
from sedflow.parameters import FREE_NAMES, N_FREE, Prior, as_prior
from sedflow.photometry import Photometry
from sedflow.sampling.convergence import diagnose
from sedflow.sampling.modes import best_mode
from sedflow.sampling.smc import tempered_populations
from sedflow.sampling.titles import sampler_title
from sedflow.settled import Settled
from sedflow.trust_limits import Convergence, NotConverged
from sedflow.whole_numbers import as_whole

METHODS = ("smc", "emcee", "zeus")
_OTHERS = ("emcee", "zeus")  # of the extra `mcmc`
_WALKERS = 200  # of each population at first; doubled until the populations agree
_SCOUTS = (2, 50, 5)  # populations of `explore`, their walkers, and steps at each temperature
_MANY_SCOUTS = (4, _WALKERS, 8)
_CHUNK = 1024  # models between two looks at `cancel`
_RECENT = 0.5  # of the populations at first: bursts of the last few 100 Myr
_T_BURST = FREE_NAMES.index("t_burst") - 1  # column of x without the mass
_N_START = 20_000  # draws of the prior from which ensembles choose their start
_N_WALKER = 30  # of an ensemble, as in the published runs
_MISSED = 10.0  # nats that its best draw is below the best mode: others miss that by 1 or 2


def explore(
    galaxy: Photometry, model: SEDModel, prior: Prior, seed: int | None, many: bool = False
) -> tuple[np.ndarray, float]:
    """Points theta (n, 12) in all modes of one galaxy's posterior, and its log evidence, roughly.

    Two small populations of "smc", for proposals to learn from and to be checked against (the
    log evidence is good to some 0.2); not a converged posterior. `many`: four larger ones, for
    data that no model comes near, whose best models can be in a corner of 1e-6 of the prior.
    """
    rng = np.random.default_rng([0 if seed is None else seed, 11])
    target = _MarginalTarget(model, prior, galaxy, None)
    populations, walkers, walk = _MANY_SCOUTS if many else _SCOUTS
    out = tempered_populations(target, walkers, 0, rng, populations=populations, walk=walk)
    return target.theta(np.concatenate(out.x), rng), float(np.mean(out.log_evidence))


def _as_model(model):
    if model is None or isinstance(model, str):
        return default_model("fsps" if model is None else model)
    check_like("model", model, "max_redshift", "a sedflow.SEDModel, or the name of a packaged grid")
    return model


class MCMCSampler(Settled):
    """Posterior draws by Monte Carlo; a `Sampler`.

    Parameters
    ----------
    method : "smc", "emcee" or "zeus"
    model : SEDModel or the name of a packaged grid, optional
        Default: the packaged "fsps" grid. Any band that it covers can be in the data.
    prior : Prior or its name, optional
    start : Sampler, optional
        Draws for "emcee" and "zeus" to start from; default the best of 20,000 draws of the prior.
    doublings : int
        How often "smc" may double its populations while they disagree.
    steps : int
        Of an ensemble's walkers, a fifth of them left out as burn-in.
    progress : callable or bool, optional
        Called as progress(share, text), or True for a bar.
    cancel : optional
        Anything with `is_set()`, a `threading.Event` for one; once it is set the run ends
        within half a second with `Cancelled`.

    Examples
    --------
    >>> MCMCSampler(method="emcee", steps=2000)
    MCMCSampler('emcee')
    """

    settled = ("method", "model", "prior", "start", "doublings", "steps")
    remedy = "make another MCMCSampler with them"

    def __init__(
        self,
        method: str = "smc",
        *,
        model: SEDModel | str | None = None,
        prior: Prior | str | None = None,
        start: Sampler | None = None,
        doublings: int = 2,
        steps: int = 10_000,
        progress: Any = None,
        cancel: Any = None,
    ) -> None:
        check_choice("method", method, METHODS, BadParameters)
        doublings, steps = as_whole("doublings", doublings, 0), as_whole("steps", steps, 1)
        if method in _OTHERS:
            needs(method, extra="mcmc", what=f'method={method!r}, not the default "smc",')
        self.method, self.doublings, self.steps = method, doublings, steps
        self.model = _as_model(model)
        for name, given, can, wanted in (
            ("start", start, "sample", "a sampler, such as sedflow.load_posterior()"),
            ("cancel", cancel, "is_set", "a threading.Event"),
        ):
            if given is not None:
                check_like(name, given, can, wanted)
        self.prior = as_prior(prior)
        self.start, self.cancel = start, cancel
        self.name = method
        self._progress = progress

    def __repr__(self):
        return f"MCMCSampler({self.method!r})"

    def sample(self, galaxy: Photometry, n: int = 10_000, seed: int | None = None) -> Draws:
        """Draws from the posterior of each galaxy, with `convergence`.

        The same seed gives the same draws, also in another batch. A galaxy whose chains miss
        R-hat < 1.01 or ESS > 400 in any parameter is returned all the same, with its figures,
        and `NotConverged` is warned of.

        Raises
        ------
        Cancelled
        BadPhotometry
            A redshift at which the model does not cover the bands, or an error below the
            model's own accuracy.
        SedflowError
            The posterior is out of reach: no model comes near the data.
        """
        n = checked_request(galaxy, n, seed)
        flat = galaxy.flat
        for one in (flat[k] for k in range(len(flat))):
            if problem := too_precise(one):
                raise BadPhotometry(problem)
            bands = one.observed.bands
            top = self.model.max_redshift(bands)
            if one.redshift > top:
                raise BadPhotometry(
                    f"redshift {one.redshift:g} is beyond {top:.3f}, where the model stops "
                    f"covering {', '.join(bands)}; leave out the bluest band or use another grid"
                )
        run = {"smc": self._smc, "emcee": self._emcee, "zeus": self._zeus}[self.method]
        theta, figures = [], []
        for k in range(len(flat)):
            with _Bar(self._progress, k, len(flat)) as tell:
                draws, convergence = run(flat[k], n, galaxy_rng(seed, flat[k]), tell)
            theta.append(draws)
            figures.append(convergence)
            if not convergence.converged:
                name = "" if flat.ids is None else f" of galaxy {flat.ids[k]}"
                name = f"{sampler_title(self.method)}{name}"
                warnings.warn(
                    NotConverged(
                        f"{name} did not converge: {convergence.worst()}",
                        convergence,
                    ),
                    stacklevel=2,
                )
        return Draws(
            np.stack(theta).reshape(*galaxy.shape, int(n), -1),
            convergence=Convergence.stack(figures, galaxy.shape),
        )

    def _smc(self, galaxy, n, rng, tell):
        target = _MarginalTarget(self.model, self.prior, galaxy, self.cancel)
        start, walkers, figures = time.monotonic(), _WALKERS, None
        for attempt in range(self.doublings + 1):
            r_hat = 0.0 if figures is None else figures.r_hat.max()
            again = f", begun again: half as many disagree, R-hat {r_hat:.3f}" if attempt else ""
            out = tempered_populations(
                target,
                walkers,
                n,
                rng,
                lambda share, acceptance, text=f"{walkers} walkers{again}": tell(
                    share, f"{text}; acceptance {acceptance:.2f}"
                ),
            )
            theta = np.stack([target.theta(x, rng) for x in out.x])
            figures = self._figures(theta, start, target, out.acceptance, out.log_evidence)
            if figures.converged:
                break
            walkers *= 2
        flat = theta.reshape(-1, theta.shape[-1])
        return flat[np.linspace(0, len(flat) - 1, n).round().astype(int)], figures

    def _emcee(self, galaxy, n, rng, tell):
        import emcee

        target = _PlainTarget(self.model, self.prior, galaxy, self.cancel)
        moves = [(emcee.moves.DEMove(), 0.9), (emcee.moves.DESnookerMove(), 0.1)]

        def run(begin, again=""):
            sampler = emcee.EnsembleSampler(
                _N_WALKER, N_FREE, target.log_posterior, vectorize=True, moves=moves
            )
            state = np.random.RandomState(rng.integers(2**31)).get_state()
            first = emcee.State(begin(), random_state=state)
            for done, _ in enumerate(sampler.sample(first, iterations=self.steps), 1):
                acceptance = sampler.acceptance_fraction.mean()
                tell(done / self.steps, f"emcee{again}; acceptance {acceptance:.2f}")
            return sampler, acceptance

        return self._ensemble(galaxy, n, rng, target, run)

    def _zeus(self, galaxy, n, rng, tell):
        import zeus

        target = _PlainTarget(self.model, self.prior, galaxy, self.cancel)

        def run(begin, again=""):
            first = begin()
            # zeus knows only the two global generators.
            before = np.random.get_state(), random.getstate()  # noqa: NPY002
            np.random.seed(int(rng.integers(2**31)))  # noqa: NPY002
            random.seed(int(rng.integers(2**31)))
            try:
                sampler = zeus.EnsembleSampler(
                    _N_WALKER, N_FREE, target.log_posterior, vectorize=True, verbose=False
                )
                steps = sampler.sample(first, iterations=self.steps, progress=False)
                for done, _ in enumerate(steps, 1):
                    tell(done / self.steps, f"zeus{again}")
            finally:
                np.random.set_state(before[0])  # noqa: NPY002
                random.setstate(before[1])
            return sampler, 1.0

        return self._ensemble(galaxy, n, rng, target, run)

    def _first(self, galaxy, target, rng):
        """Where an ensemble begins (n_walker, 11)."""
        if self.start is not None:
            draws = self.start.sample(galaxy, n=_N_WALKER, seed=int(rng.integers(2**31)))
            return self.prior.to_unbounded(draws.theta)
        x = rng.standard_normal((_N_START, N_FREE))
        return x[np.argsort(target.log_posterior(x))[-_N_WALKER:]]

    def _ensemble(self, galaxy, n, rng, target, run):
        """Draws and figures of `run(begin)`; of a second run where it has missed the best mode.

        Walkers that all began in one mode agree there, whatever the others are like. A second
        run that leaves the better mode does so for a wider one, and is right.
        """
        start = time.monotonic()

        def judged(sampler, acceptance):
            kept = sampler.get_chain()[self.steps // 5 :].transpose(1, 0, 2)  # without burn-in
            theta = self.prior.from_unbounded(kept)
            return theta, self._figures(theta, start, target, acceptance)

        sampler, acceptance = run(lambda: self._first(galaxy, target, rng))
        theta, figures = judged(sampler, acceptance)
        if figures.converged:  # any other says itself that it may be wrong
            best = best_mode(target, rng)
            if best.log_posterior > sampler.get_log_prob().max() + _MISSED:
                theta, figures = judged(
                    *run(lambda: best.points(_N_WALKER, target, rng), ", again from a better mode")
                )
        flat = theta.transpose(1, 0, 2).reshape(-1, theta.shape[-1])
        return flat[np.linspace(0, len(flat) - 1, n).round().astype(int)], figures

    def _figures(self, theta, start, target, acceptance, log_evidence=None):
        r_hat, bulk, tail = diagnose(theta)
        mean = error = np.nan
        if log_evidence is not None:
            mean = logsumexp(log_evidence) - np.log(len(log_evidence))  # unbiased is the evidence
            error = log_evidence.std(ddof=1) / np.sqrt(len(log_evidence))
        seconds = time.monotonic() - start
        return Convergence(
            r_hat,
            bulk,
            tail,
            *(np.asarray(v) for v in (acceptance, target.evaluations, seconds, mean, error)),
            method=self.method,
        )


class _Target:
    """Likelihood of one galaxy, counting models and heeding `cancel`."""

    def __init__(self, model, prior, galaxy, cancel):
        self.model, self.prior, self.cancel = model, prior, cancel
        self.galaxy = galaxy.observed
        self._fast = model.fast(self.galaxy.bands)
        self.evaluations = 0

    def flux(self, theta):
        parts = []
        for rows in self._chunks(len(theta)):
            z = np.full(len(theta[rows]), float(self.galaxy.redshift))
            parts.append(self._fast(theta[rows], z))
        return np.concatenate(parts)

    def _chunks(self, n):
        for start in range(0, n, _CHUNK):
            if self.cancel is not None and self.cancel.is_set():
                raise Cancelled("the run was cancelled; start it again to have its result")
            self.evaluations += min(_CHUNK, n - start)
            yield slice(start, start + _CHUNK)


class _PlainTarget(_Target):
    """Density over x (n, 11), where the prior is a standard normal."""

    def log_posterior(self, x):
        x = np.atleast_2d(x)
        like = log_likelihood(self.flux(self.prior.from_unbounded(x)), self.galaxy)
        return np.nan_to_num(like - 0.5 * np.square(x).sum(-1), nan=-np.inf)

    def pulls(self, x):
        """(model - data) / sigma (n, n_band) at x (n, 11)."""
        return pulls(self.flux(self.prior.from_unbounded(x)), self.galaxy)

    def start(self, n, rng):
        """Draws x (n, 11) of the prior, but half of them with a recent burst."""
        return _start(n, N_FREE, rng)


class _MarginalTarget(_Target):
    """Density over the ten x that are not the mass."""

    n_dim = N_FREE - 1

    def __init__(self, *args):
        super().__init__(*args)
        from sedflow.sampling.gradient import PosteriorGradient  # with torch: only when needed

        self._slope = PosteriorGradient(self.model, self.prior, self.galaxy)

    def start(self, n, rng):
        """Draws x (n, 10) of the prior, but half of them with a recent burst."""
        return _start(n, self.n_dim, rng)

    def tilt(self, x):
        """Log of the density of `start` over the prior's (n,), and its slope (n, 10)."""
        log_ratio, rate = recent_tilt(x[:, _T_BURST], _RECENT)
        slope = np.zeros_like(x)
        slope[:, _T_BURST] = rate
        return log_ratio, slope

    def log_likelihood(self, x):
        return np.nan_to_num(self._mass(x)[1].log_marginal, nan=-np.inf)

    def slope(self, x):
        return np.concatenate([self._slope(x[rows]) for rows in self._chunks(len(x))])

    def theta(self, x, rng):
        """Theta (n, 12), the mass drawn from its conditional."""
        theta, mass = self._mass(x)
        theta[:, 0] = mass.draw(rng.random(len(x)))
        return theta

    def _mass(self, x):
        theta = self.prior.from_unbounded(np.concatenate([np.zeros((len(x), 1)), x], axis=1))
        theta[:, 0] = REFERENCE
        return theta, MassConditional(self.flux(theta), self.galaxy.flux, self.galaxy.sigma)


def _start(n, n_dim, rng):
    """Draws x (n, n_dim) of the prior, with or without the mass, half with a recent burst."""
    x = rng.standard_normal((n, n_dim))
    burst = _T_BURST + n_dim - (N_FREE - 1)
    x[:, burst], _ = recent_bursts(x[:, burst], _RECENT, rng)
    return x


class _Bar:
    """Progress of galaxy k of n, to a callable, to a bar or to nobody."""

    def __init__(self, progress, k, n):
        self.k, self.n, self.bar = k, n, None
        self.call = progress if callable(progress) else None
        if progress is True:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=100, unit="%", leave=False, desc=f"galaxy {k + 1}/{n}")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.bar is not None:
            self.bar.close()

    def __call__(self, share, text):
        if self.call:
            self.call((self.k + share) / self.n, text)
        if self.bar is not None:
            self.bar.set_postfix_str(text, refresh=False)
            self.bar.update(round(100 * share) - self.bar.n)

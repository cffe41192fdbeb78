"""The numbers of the lesson: a small problem with an exact answer, and what each way costs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sedflow.bands import UGRIZ
from sedflow.dashboard.learn.one_parameter.lesson import BASE, REDSHIFT
from sedflow.fits.fit import Fit
from sedflow.model.likelihood import chi_square, log_likelihood
from sedflow.model.mass import REFERENCE, MassConditional
from sedflow.model.sed import SEDModel
from sedflow.model.simulation import nsa_noise
from sedflow.parameters import BETAS, HIGH, LOW, NAMES, Prior, index
from sedflow.photometry import Photometry

#: The free parameters of the small problem, uniform in their prior ranges.
FREE = ("log_mstar", "tau_ism", "beta1")
BATCH = 20_000
ENOUGH = 400  # effective draws that make a usable posterior
_TRUTH = {"log_mstar": 10.3, "tau_ism": 0.6, "beta1": 0.4}
_COLUMNS = [index(name) for name in FREE]
_LOW, _HIGH = LOW[_COLUMNS], HIGH[_COLUMNS]
_GRID = 160
_WALKERS, _STEP, _START = 24, 0.9, 2000


@dataclass(frozen=True)
class Simulations:
    """Simulated galaxies beside the observed one.

    free (n, 3) : parameters in `FREE`
    distance (n,) : root mean square of (simulated - observed) / sigma over the bands; the
        simulated fluxes have noise, as the observed ones do
    log_like (n,) : natural log of the likelihood, of the noise-free fluxes
    """

    free: np.ndarray
    distance: np.ndarray
    log_like: np.ndarray

    def __len__(self):
        return len(self.distance)

    def __add__(self, other):
        return Simulations(
            *(
                np.concatenate([getattr(self, f), getattr(other, f)])
                for f in ("free", "distance", "log_like")
            )
        )

    def accepted(self, tolerance: float) -> np.ndarray:
        """Parameters (m, 3) of the simulations within a distance of the data."""
        return self.free[self.distance < tolerance]

    def weights(self) -> np.ndarray:
        """Weights (n,) of the likelihood, summing to 1."""
        w = np.exp(self.log_like - self.log_like.max())
        return w / w.sum()

    @property
    def ess(self) -> float:
        """Effective number of draws of `weights`."""
        return float(1.0 / np.square(self.weights()).sum()) if len(self) else 0.0


@dataclass(frozen=True)
class MCMC:
    """Outcome of a random walk.

    free (n_step, n_walker, 3), burn-in left out ; simulations : made, burn-in included
    acceptance : share of the proposals taken
    """

    free: np.ndarray
    simulations: int
    acceptance: float

    @property
    def ess(self) -> float:
        """Effective draws, of the parameter with the fewest."""
        import arviz

        chains = np.swapaxes(self.free, 0, 1)
        return min(float(arviz.ess(chains[..., k])) for k in range(chains.shape[-1]))


class Problem:
    """Mass, dust and young share of a galaxy whose other parameters are known.

    Parameters
    ----------
    model : SEDModel
    seed : int
        Of the noise on the observed fluxes.
    """

    def __init__(self, model, seed: int = 1):
        self.model = model
        self.truth = np.array([_TRUTH[name] for name in FREE])
        flux = self._flux(self.truth[None])[0]
        sigma = 10 ** -nsa_noise(UGRIZ).residual(np.ones(len(UGRIZ)), flux)
        noise = np.random.default_rng([seed, 9]).standard_normal(len(UGRIZ))
        self.galaxy = Photometry(flux + sigma * noise, sigma, np.asarray(REDSHIFT), UGRIZ)

    def simulate(self, n: int, seed: int) -> Simulations:
        """n galaxies drawn from the prior, and how far each is from the data."""
        rng = np.random.default_rng(seed)
        free = _LOW + (_HIGH - _LOW) * rng.random((n, len(FREE)))
        flux = self._flux(free)
        noisy = flux + self.galaxy.sigma * rng.standard_normal(flux.shape)
        return Simulations(
            free,
            np.sqrt(chi_square(noisy, self.galaxy) / flux.shape[1]),
            log_likelihood(flux, self.galaxy),
        )

    def exact(self):
        """Marginal densities on a grid: name -> (values (n,), density (n,)).

        The mass is integrated analytically at each node of a grid of the other two.
        """
        axes = [np.linspace(_LOW[k], _HIGH[k], _GRID) for k in (1, 2)]
        tau, beta = (a.ravel() for a in np.meshgrid(*axes, indexing="ij"))
        flux = self._flux(np.column_stack([np.full(tau.size, REFERENCE), tau, beta]))
        mass = MassConditional(flux, self.galaxy.flux, self.galaxy.sigma)
        weight = np.exp(mass.log_marginal - mass.log_marginal.max())
        table = weight.reshape(_GRID, _GRID)
        used = weight > 1e-6
        some = MassConditional(flux[used], self.galaxy.flux, self.galaxy.sigma)
        middle = some.draw(np.full(used.sum(), 0.5)) @ weight[used] / weight[used].sum()
        values = np.linspace(middle - 0.5, middle + 0.5, _GRID)
        density = [weight[used] @ np.exp(some.log_prob(np.full(used.sum(), v))) for v in values]
        out = {FREE[0]: (values, np.array(density))}
        out |= {FREE[1]: (axes[0], table.sum(1)), FREE[2]: (axes[1], table.sum(0))}
        return {k: (x, y / (y.sum() * (x[1] - x[0]))) for k, (x, y) in out.items()}

    def walk(self, steps: int, seed: int) -> MCMC:
        """A random walk (Metropolis 1953) of `_WALKERS` walkers, from the likeliest of the prior.

        Moves are differences of two other walkers (ter Braak 2006), so they take the shape of
        the posterior; a quarter of the steps is burn-in.
        """
        rng = np.random.default_rng(seed)
        shape = (_WALKERS, len(FREE))
        first = _LOW + (_HIGH - _LOW) * rng.random((_START, len(FREE)))
        like = log_likelihood(self._flux(first), self.galaxy)
        best = np.argsort(like)[-_WALKERS:]
        at, like = first[best], like[best]
        chain, taken = np.empty((steps, *shape)), 0
        rows = np.arange(_WALKERS)
        for k in range(steps):
            # Half of the walkers move at a time, by differences of the other half, which stand.
            for half in (rows % 2 == 0, rows % 2 == 1):
                other = at[~half]
                n = half.sum()
                pair = np.argsort(rng.random((n, len(other))), axis=1)[:, :2]
                move = (
                    (other[pair[:, 0]] - other[pair[:, 1]]) * _STEP * rng.choice([0.3, 1.0], (n, 1))
                )
                new = at[half] + move + 1e-4 * rng.standard_normal(move.shape)
                inside = ((new > _LOW) & (new < _HIGH)).all(1)
                safe = np.where(inside[:, None], new, at[half])
                new_like = log_likelihood(self._flux(safe), self.galaxy)
                accept = inside & (np.log(rng.random(n)) < new_like - like[half])
                place = np.flatnonzero(half)[accept]
                at[place], like[place] = new[accept], new_like[accept]
                taken += int(accept.sum())
            chain[k] = at
        made = _START + _WALKERS * steps
        return MCMC(chain[steps // 4 :], made, taken / (_WALKERS * steps))

    def _flux(self, free):
        theta = np.tile([BASE[n] for n in NAMES], (len(free), 1))
        rest = 1.0 - theta[0, index("beta1")]
        theta[:, BETAS] *= ((1.0 - free[:, 2]) / rest)[:, None]
        theta[:, _COLUMNS] = free
        return self.model.fast(UGRIZ)(theta, np.full(len(free), REDSHIFT))


def walked(problem: Problem, steps: int, seed: Any) -> tuple[MCMC, float]:
    """A walk of these steps, and its effective draws: a second, of which an import takes some."""
    walk = problem.walk(steps, seed)
    return walk, walk.ess


def rounded(number: float) -> str:
    """A number to two digits, in words where it is large."""
    if not np.isfinite(number) or number <= 0:
        return "more than anyone can count"
    digits = 1 - int(np.floor(np.log10(number)))
    value = round(float(number), digits)
    if value >= 1e6:
        return f"{value / 1e6:,.{max(digits + 6, 0)}f} million"
    return f"{value:,.{max(digits, 0)}f}"


def per_draw(fit: Fit) -> float:
    """Draws of the prior that importance sampling needs for one effective draw, all parameters.

    With L the likelihood and Z its mean over the prior, an effective share of Z² / <L²> is left,
    which is Z over the mean of L over the posterior: both known from weighted draws.
    """
    importance = fit.draws.importance
    assert importance is not None  # of weighted draws
    log_like = fit.log_likelihood
    top = log_like.max()
    mean = np.log(fit.draws.weights @ np.exp(log_like - top)) + top
    return float(np.exp(mean - importance.log_evidence))


def prior_distances(
    model: SEDModel, prior: Prior, galaxy: Photometry, n: int, seed: int
) -> np.ndarray:
    """Distances (n,) of noisy simulations of all twelve parameters, drawn from the prior."""
    rng = np.random.default_rng([seed, 3])
    theta = prior.sample(n, rng)
    flux = model.photometry(theta, galaxy.redshift, galaxy.bands, method="fast")
    noisy = flux + galaxy.sigma * rng.standard_normal(flux.shape)
    return np.sqrt(chi_square(noisy, galaxy) / galaxy.present.sum())

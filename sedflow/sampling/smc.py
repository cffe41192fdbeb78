"""Tempered populations: draws from a posterior with many modes and thin, curved shells.

Waste-free sequential Monte Carlo (Dau & Chopin 2022, JRSS B 84, 114). A population begins
as draws of a reference, and beta rises to 1 in likelihood^beta x (prior / reference)^beta, each
step as large as its weights allow. A corner of the prior in which the reference has many members
so keeps them until the likelihood has spoken; weighted back to the prior at once, a mode of 1e-4
of it would be lost by chance. At every beta a few members are chosen by weight, each walks some
Hamiltonian steps, and all states of all walks are the next population. Modes are weighed
against each other early, where the walks still pass between them; a single chain started
from anywhere would have to cross.

Several populations never exchange a member, so their agreement (R-hat over populations, as
PyMC judges its SMC) tells whether one alone would have been enough.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sedflow.draws import systematic
from sedflow.errors import SedflowError

_N_START = 10_000  # members of a population at beta = 0, where they cost one model each
_ESS_SHARE = 0.5  # of the weights of a step in beta
_LEAPFROG = 10
_ACCEPTANCE = 0.7  # aimed at
_JITTER = (0.5, 1.5)  # of the step size, against walks that return to where they began
_MOST = 150  # temperatures, where galaxies of the atlas take some 20
_BOUND = 8.0  # x beyond is as good as impossible under the prior


@dataclass(frozen=True)
class Tempered:
    """Outcome of `tempered_populations`.

    x (n_population, n_draw, n_dim) : members at beta = 1; states of one walk side by side
    log_evidence (n_population,)
    acceptance : share of the last Hamiltonian steps that were taken
    temperatures : number of steps in beta
    """

    x: np.ndarray
    log_evidence: np.ndarray
    acceptance: float
    temperatures: int


def tempered_populations(
    target: Any,
    walkers: int,
    n_draw: int,
    rng: np.random.Generator,
    tell: Callable[[float, float], object] = lambda share, acceptance: None,
    populations: int = 4,
    walk: int = 8,
) -> Tempered:
    """Independent populations of a posterior whose prior is a standard normal.

    Parameters
    ----------
    target : with n_dim, log_likelihood(x (n, n_dim)) -> (n,), slope(x) -> (n, n_dim); and for
        the reference, start(n, rng) -> x (n, n_dim), its draws, and tilt(x) -> (n,), (n, n_dim),
        the log of its density over the prior's and the slope of that
    walkers : int
        Walks of each population at each temperature.
    n_draw : int
        Draws at least, over all populations.
    rng : numpy Generator
    tell : callable, optional
        Called with the share of the work done, estimated, and the acceptance of the last step.
    populations : int
    walk : int
        Hamiltonian transitions at each temperature.
    """
    p, d = populations, target.n_dim
    x = target.start(p * _N_START, rng).reshape(p, _N_START, d)
    gain = np.stack([_gain(target, part)[0] for part in x])
    last_walk = max(2 * walk, -(-n_draw // (p * walkers)))
    beta, step, temperatures, first = 0.0, 0.3, 0, None
    log_evidence = np.zeros(p)
    while beta < 1.0:
        share = _ESS_SHARE if temperatures else walkers / _N_START
        rise = _rise(gain, 1.0 - beta, share)
        top = gain.max()
        weights = np.exp(rise * (gain - top))
        log_evidence += np.log(weights.mean(1)) + rise * top
        beta = 1.0 if rise >= 1.0 - beta else beta + rise
        metric = _metric(x, weights)
        rows = np.stack([systematic(w, walkers, rng) for w in weights])
        state = np.take_along_axis(x, rows[..., None], 1).reshape(-1, d)
        value = np.take_along_axis(gain, rows, 1).reshape(-1)
        states, values = [], []
        for _ in range(walk if beta < 1.0 else last_walk):
            state, value, accepted = _hamiltonian(target, state, value, beta, metric, step, rng)
            step *= np.exp(0.5 * (accepted - _ACCEPTANCE))
            states.append(state.reshape(p, walkers, d))
            values.append(value.reshape(p, walkers))
            if beta == 1.0:
                tell(0.6 + 0.4 * len(states) / last_walk, accepted)
        x = np.stack(states, 2).reshape(p, -1, d)
        gain = np.stack(values, 2).reshape(p, -1)
        temperatures += 1
        if beta < 1.0 and temperatures == _MOST:
            raise SedflowError(
                f"the posterior is out of reach of MCMC: after {_MOST} temperatures of some 20 the "
                f"likelihood counts to the power of {beta:.2g}, its log being {gain.max():.4g} at "
                "best; check fluxes, errors, units and redshift"
            )
        first = first or min(beta, 0.5)
        tell(0.6 * (1 - np.log(beta) / np.log(first)) if beta < 1.0 else 0.6, accepted)
    return Tempered(x, log_evidence, float(accepted), temperatures)


def _gain(target, x):
    """Log likelihood x prior / reference (n,), to which beta applies; log reference / prior."""
    tilt = target.tilt(x)[0]
    return target.log_likelihood(x) - tilt, tilt


def _rise(gain, most, share):
    """Largest step in beta, up to `most`, that leaves this share of effective members."""
    top = gain.max()

    def ess_share(rise):
        w = np.exp(rise * (gain - top))
        return w.sum() ** 2 / np.square(w).sum() / w.size

    if ess_share(most) >= share:
        return most
    low, high = 0.0, most
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if ess_share(middle) >= share else (low, middle)
    return high  # not low, which may be 0: beta must rise


def _metric(x, weights):
    """Cholesky factor of the weighted covariance, over all populations."""
    flat, w = x.reshape(-1, x.shape[-1]), weights.reshape(-1) / weights.sum()
    off = flat - w @ flat
    return np.linalg.cholesky(off.T @ (off * w[:, None]) + 1e-6 * np.eye(flat.shape[1]))


def _hamiltonian(target, x, gain, beta, metric, step, rng):
    """One Hamiltonian transition of every walker: x, gain, mean acceptance."""

    def slope(at):
        return (beta * target.slope(at) + (1 - beta) * target.tilt(at)[1] - at) @ metric

    def energy(at, gain, tilt, momentum):
        return _log_normal(at) + _log_normal(momentum) + tilt + beta * gain

    size = step * rng.uniform(*_JITTER, (len(x), 1))
    momentum = rng.standard_normal(x.shape)
    before = energy(x, gain, target.tilt(x)[0], momentum)
    new = x
    half = 0.5 * size * slope(x)
    for _ in range(_LEAPFROG):
        momentum = momentum + half
        new = new + (size * momentum) @ metric.T
        half = 0.5 * size * slope(np.clip(new, -_BOUND, _BOUND))
        momentum = momentum + half
    new_gain, tilt = _gain(target, new)
    after = energy(new, new_gain, tilt, momentum)
    with np.errstate(invalid="ignore"):
        chance = np.exp(np.minimum(np.nan_to_num(after - before, nan=-np.inf), 0.0))
    taken = rng.random(len(x)) < chance
    return np.where(taken[:, None], new, x), np.where(taken, new_gain, gain), chance.mean()


def _log_normal(x):
    return -0.5 * np.square(x).sum(-1)

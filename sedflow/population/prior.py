"""How the prior of the fits spreads over the cells of a grid, at each redshift.

Parameters have known marginal priors. What derives from them does not: its prior is counted from
draws at some redshifts, between which it is linear. Whatever scales with the mass (`SCALING`) is
counted at many masses for each draw, because the prior is even in log_mstar and independent of it.
Beside what does not scale, the mass is not counted at all: the shares are products.
"""

from dataclasses import dataclass
from math import factorial

import numpy as np

from sedflow.model.derived import derive
from sedflow.model.sed import SEDModel
from sedflow.parameters import NAMES, PARAMETERS, Prior, index

#: Quantities that grow by 1 with log_mstar at fixed shape of the spectrum.
SCALING = (
    "log_mstar",
    "log_mass_formed",
    "log_mass_surviving",
    "log_mass_stars",
    "log_sfr_10myr",
    "log_sfr_100myr",
    "log_sfr_1gyr",
    "log_l_halpha",
)
#: Rates per mass formed that no table of results has.
SPECIFIC = ("log_ssfr_10myr", "log_ssfr_100myr")
_MASS = "log_mstar"
_ALIAS = {"log_mass_formed": _MASS}
_STEP = 0.05  # in redshift, between which shares are linear
#: With fewer draws, the thin ends of a prior are so noisy that the penalty of a population comes
#: out otherwise: of 215 galaxies, the mean metallicity moved by its own error from seed to seed at
#: 10,000 draws, and by two thirds of it at 40,000.
_N = 100_000
_CHUNK = 10_000
_MASSES = 64
_BATCHES = 8


@dataclass(frozen=True)
class PriorShares:
    """Prior mass of cells, at some redshifts.

    redshift (n_node,), ascending
    shares (n_node, n_cell) : what of the prior is in each cell; they sum to 1 or less
    error (n_node, n_cell) : relative standard error; 0 where the shares are exact
    """

    redshift: np.ndarray
    shares: np.ndarray
    error: np.ndarray

    def at(self, redshift: np.ndarray) -> np.ndarray:
        """Shares (n, n_cell) at redshifts (n,)."""
        return self._between(self.shares, redshift)

    def error_at(self, redshift: np.ndarray) -> np.ndarray:
        """Relative standard errors (n, n_cell) at redshifts (n,)."""
        return self._between(self.error, redshift)

    def total(self, redshift: np.ndarray) -> np.ndarray:
        """Sum (n_cell,) of the shares at redshifts (n,)."""
        if len(self.redshift) == 1:
            return len(redshift) * self.shares[0]
        k, t = self._place(redshift)
        n = len(self.redshift)
        return (np.bincount(k, 1 - t, n) + np.bincount(k + 1, t, n)) @ self.shares

    def _place(self, redshift):
        """Number of the node below each redshift, and how far it is to the next one."""
        k = np.clip(np.searchsorted(self.redshift, redshift) - 1, 0, len(self.redshift) - 2)
        t = (redshift - self.redshift[k]) / (self.redshift[k + 1] - self.redshift[k])
        return k, np.clip(t, 0.0, 1.0)

    def _between(self, values, redshift):
        if len(self.redshift) == 1:
            return np.broadcast_to(values[0], (len(redshift), values.shape[1]))
        k, t = self._place(redshift)
        return (1 - t[:, None]) * values[k] + t[:, None] * values[k + 1]


def prior_shares(
    names: tuple[str, ...],
    edges: tuple[np.ndarray, ...],
    redshift: np.ndarray,
    prior: Prior,
    model: SEDModel,
    *,
    n: int = _N,
    seed: int = 1,
) -> PriorShares:
    """The prior of one or two quantities in the cells between edges.

    names : parameters or derived quantities
    edges : ascending edges along each axis
    redshift (n_galaxy,) : of the galaxies
    n : draws of the prior at each redshift, where it is counted
    """
    plain = [_ALIAS.get(name, name) for name in names]
    if _independent(plain):
        along = [np.diff(cumulative(x, e, prior)) for x, e in zip(plain, edges, strict=True)]
        shares = np.multiply.outer(*along).ravel() if len(along) == 2 else along[0]
        return PriorShares(np.array([0.0]), shares[None], np.zeros((1, len(shares))))
    nodes = _nodes(redshift)
    counted = [_counted(names, edges, z, prior, model, n, seed) for z in nodes]
    return PriorShares(nodes, *(np.stack(part) for part in zip(*counted, strict=True)))


def _independent(names):
    """Whether these are parameters that the prior does not bind to each other."""
    betas = sum(name.startswith("beta") for name in names)
    return all(name in NAMES for name in names) and betas < 2 and len(set(names)) == len(names)


def cumulative(name: str, x: np.ndarray, prior: Prior) -> np.ndarray:
    """The prior's probability (n,) of one parameter below x (n,), exact."""
    p = PARAMETERS[index(name)]
    u = np.clip((x - p.low) / (p.high - p.low), 0.0, 1.0)
    if not name.startswith("beta"):
        return u
    if prior.sfh == "flat":
        return 1.0 - (1.0 - u) ** 3
    factors = min(int(name[-1]), 3)  # a product of so many numbers that are even in [0, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [(-np.log(u)) ** k / factorial(k) for k in range(factors)]
        return np.where(u > 0, u * sum(terms), 0.0)


def _nodes(redshift):
    low, high = float(np.min(redshift)), float(np.max(redshift))
    if high - low < 1e-3:
        return np.array([(low + high) / 2])
    return np.linspace(low, high, 1 + int(np.ceil((high - low) / _STEP)))


def _counted(names, edges, z, prior, model, n, seed):
    """Shares in the cells (n_cell,) at one redshift, and their relative errors."""
    if (k := _apart(names)) is not None:
        mass = np.diff(cumulative(_MASS, edges[k], prior))
        some, error = _counted(names[1 - k : 2 - k], (edges[1 - k],), z, prior, model, n, seed)
        pair, errors = [some, some], [error, error]
        pair[k], errors[k] = mass, np.zeros(len(mass))
        shares = np.multiply.outer(*pair).ravel()
        return shares, np.where(shares > 0, np.add.outer(*errors).ravel(), np.inf)
    rng = np.random.default_rng(seed)  # the same at each redshift: differences are those of z
    scales = [name in SCALING for name in names]
    shape = tuple(len(e) - 1 for e in edges)
    size = int(np.prod(shape))
    batches = np.zeros((_BATCHES, size))
    p = PARAMETERS[index(_MASS)]
    done = 0
    while done < n:
        m = min(_CHUNK, n - done)
        theta = prior.sample(m, rng)
        if any(scales):
            theta[:, index(_MASS)] = p.low
        values = quantity_values(names, theta, z, model)
        if any(scales):
            masses = (np.arange(_MASSES) + rng.random((m, 1))) / _MASSES * (p.high - p.low)
            values = values[:, None, :] + masses[..., None] * np.array(scales)
        else:
            values = values[:, None, :]
        cells = cell_numbers(values, edges)
        batch = np.broadcast_to(((np.arange(m) + done) % _BATCHES)[:, None], cells.shape)
        inside = cells >= 0
        flat = batch[inside] * size + cells[inside]
        batches += np.bincount(flat, minlength=_BATCHES * size).reshape(batches.shape)
        done += m
    per_draw = n * (_MASSES if any(scales) else 1)
    total = batches.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = batches.std(0, ddof=1) * np.sqrt(_BATCHES) / total
    return total / per_draw, np.where(total > 0, error, np.inf)


def _apart(names):
    """Which of two quantities is log_mstar, if the other does not depend on it; else None."""
    if len(names) != 2 or sum(name in SCALING for name in names) != 1:
        return None
    k = int(names[1] in SCALING)
    return k if _ALIAS.get(names[k], names[k]) == _MASS else None


def quantity_values(names, theta, z, model) -> np.ndarray:
    """Values (..., n_draw, n_quantity) of draws (..., n_draw, 12) at redshifts z (...)."""
    known = {} if all(name in NAMES for name in names) else derive(theta, z, model)
    for name in SPECIFIC:
        if name in names:
            rate = known[name.replace("ssfr", "sfr")]
            known[name] = rate - theta[..., index(_MASS)]
    return np.stack([theta[..., index(x)] if x in NAMES else known[x] for x in names], axis=-1)


def cell_numbers(values, edges) -> np.ndarray:
    """Number of the cell (...) of values (..., n_axis) on a grid; -1 outside."""
    number = np.zeros(values.shape[:-1], dtype=np.int64)
    outside = np.zeros(values.shape[:-1], dtype=bool)
    for k, e in enumerate(edges):
        x = values[..., k]
        there = np.searchsorted(e, x, side="right") - 1
        there = np.where(x == e[-1], len(e) - 2, there)
        outside |= (there < 0) | (there > len(e) - 2) | np.isnan(x)
        number = number * (len(e) - 1) + np.clip(there, 0, len(e) - 2)
    return np.where(outside, -1, number)

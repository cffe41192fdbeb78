"""Star-formation and metallicity histories on the 42 look-back-time bins of PROVABGS.

Times are look-back times from the galaxy's own epoch, in Gyr. Bin edges are 0 and
10^(-2.95 + 0.1 k), cut at the age of the universe; the bins beyond it have no width and
hold no mass, so every galaxy has 42 bins and a batch is an array.
Source: Hahn et al. 2023, ApJ 945, 16 (NMF bases of Illustris histories).
"""

from dataclasses import dataclass, field
from functools import cache

import numpy as np

from sedflow.files.ecsv import number_columns
from sedflow.files.packaged import checked_path
from sedflow.settled import frozen

_EDGES = np.concatenate([[0.0], 10 ** (-2.95 + 0.1 * np.arange(41)), [np.inf]])
#: Times over which mean star-formation rates are given [Gyr].
RATES_GYR = (0.01, 0.1, 1.0)
_AT_ONCE = 4096  # draws whose histories are looked through
Z_MIN, Z_MAX = 4.49043431e-5, 4.49043431e-2  # range in which the stellar models are used


def bin_edges(age_gyr) -> np.ndarray:
    """Edges (..., 43) [Gyr] of the bins in a universe of age `age_gyr` (...)."""
    return np.minimum(_EDGES, np.asarray(age_gyr, float)[..., None])


def fine_edges(edges) -> np.ndarray:
    """Edges (..., 46) [Gyr] with those of the mean rates, 10 Myr, 100 Myr and 1 Gyr, among them.

    edges (..., 43), of `bin_edges`. A burst is then inside or outside of a mean rate as a whole.
    """
    edges = np.asarray(edges, float)
    cuts = np.minimum(RATES_GYR, edges[..., -1:])
    return np.sort(np.concatenate([edges, cuts], axis=-1), axis=-1)


def bin_centers(edges) -> np.ndarray:
    """Middle (..., 42) [Gyr] of each bin."""
    return 0.5 * (edges[..., 1:] + edges[..., :-1])


@dataclass(frozen=True)
class HistoryBases:
    """Tabulated NMF bases: piecewise linear in time, linear beyond both ends.

    t_lookback (n_time,) [Gyr], ascending; sfh (4, n_time); zh (2, n_time).
    """

    t_lookback: np.ndarray
    sfh: np.ndarray
    zh: np.ndarray
    _slopes: dict = field(init=False, repr=False)
    _cumulative: np.ndarray = field(init=False, repr=False)
    _at_edges: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        def set_(name, value):
            object.__setattr__(self, name, value)

        for name in ("t_lookback", "sfh", "zh"):
            set_(name, frozen(getattr(self, name)))  # every model shares them
        step = np.diff(self.t_lookback)
        set_("_slopes", {k: np.diff(getattr(self, k), axis=1) / step for k in ("sfh", "zh")})
        pieces = step * 0.5 * (self.sfh[:, 1:] + self.sfh[:, :-1])
        zero = np.zeros((len(self.sfh), 1))
        set_("_cumulative", np.concatenate([zero, pieces.cumsum(axis=1)], axis=1))
        set_("_at_edges", self.formed_before(_EDGES[:-1]))

    def __reduce__(self):  # a copy's arrays could be changed in place
        return type(self), (self.t_lookback, self.sfh, self.zh)

    def _segment(self, t):
        """Index of the linear piece that holds t, and the time since its start."""
        i = np.searchsorted(self.t_lookback, t, side="right") - 1
        i = np.clip(i, 0, self.t_lookback.size - 2)
        return i, t - self.t_lookback[i]

    def formed_before(self, t) -> np.ndarray:
        """Integral (4, ...) of each SFH basis up to look-back time t, exact; any zero point."""
        i, dt = self._segment(np.asarray(t, float))
        return self._cumulative[:, i] + dt * (self.sfh[:, i] + 0.5 * dt * self._slopes["sfh"][:, i])

    def formation_time(self, share: float, beta, f_burst, t_burst, age_gyr) -> np.ndarray:
        """Look-back time (...) [Gyr] at which a share of the mass had formed, exact.

        The burst forms its share at one moment.

        beta (..., 4); f_burst, t_burst [Gyr] (...); age_gyr (...) of the universe
        """
        beta = np.asarray(beta, float)
        age = np.asarray(age_gyr, float)
        burst = np.where(np.asarray(t_burst) < age, f_burst, 0.0)
        steady = np.maximum(1.0 - burst, np.finfo(float).tiny)
        now, end, then = (
            np.einsum("...i,i...->...", beta, self.formed_before(np.broadcast_to(t, burst.shape)))
            for t in (0.0, age, np.minimum(t_burst, age))
        )
        older = (end - then) / (end - now) * steady  # share that had formed before the burst
        in_burst = (share > older) & (share <= older + burst)
        left = np.clip((share - np.where(share > older, burst, 0.0)) / steady, 0.0, 1.0)
        time = np.clip(self._time_of(end - left * (end - now), beta), 0.0, age)
        return np.where(in_burst, t_burst, time)

    def _time_of(self, formed, beta):
        """Look-back time (...) up to which bases in the shares beta (..., 4) form so much (...)."""
        formed, flat = np.broadcast_to(formed, beta.shape[:-1]).ravel(), beta.reshape(-1, 4)
        out = np.empty(len(flat))
        for start in range(0, len(flat), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            b, target = flat[rows], formed[rows]
            known = b @ self._cumulative
            i = np.clip((known <= target[:, None]).sum(1) - 1, 0, self.t_lookback.size - 2)
            rest = target - known[np.arange(len(b)), i]
            rate = np.einsum("ni,in->n", b, self.sfh[:, i])
            slope = np.einsum("ni,in->n", b, self._slopes["sfh"][:, i])
            below = rate + np.sqrt(np.maximum(rate**2 + 2 * slope * rest, 0.0))
            out[rows] = self.t_lookback[i] + 2 * rest / np.where(below > 0, below, np.inf)
        return out.reshape(beta.shape[:-1])

    def formed_fraction(self, beta, age_gyr) -> np.ndarray:
        """Fraction (..., 42) of the mass formed in each time bin, without a burst.

        beta (..., 4); age_gyr (...) of the universe. Sums to 1 over the bins.
        """
        age = np.asarray(age_gyr, float)
        # Only the edges cut at the age of the universe differ between galaxies.
        whole = np.einsum("...i,ie->...e", beta, self._at_edges)
        last = np.einsum("...i,i...->...", beta, self.formed_before(age))[..., None]
        formed = np.where(_EDGES[:-1] < age[..., None], whole, last)
        mass = np.diff(np.concatenate([formed, last], axis=-1), axis=-1)
        return mass / (last - formed[..., :1])

    def metallicity(self, gamma, t) -> np.ndarray:
        """Metal mass fraction (..., n_t) at look-back times t [Gyr], clipped to the models.

        gamma (..., 2), linear; t (n_t,) or (..., n_t).
        """
        h1, h2 = self.metal_curves(t)
        z = gamma[..., :1] * h1 + gamma[..., 1:] * h2
        return np.clip(z, Z_MIN, Z_MAX)

    def metal_curves(self, t) -> np.ndarray:
        """The two metallicity bases (2, ...) at look-back times t (...) [Gyr]."""
        i, dt = self._segment(np.asarray(t, float))
        return self.zh[:, i] + dt * self._slopes["zh"][:, i]


def add_burst(fraction, f_burst, t_burst, edges) -> np.ndarray:
    """Mass fractions (..., n_bin) with a share `f_burst` moved to the bin that holds `t_burst`.

    A burst older than the universe has no effect. (The published
    code then drops its light from the spectrum; see the module `model`.)
    """
    t, f = np.asarray(t_burst, float)[..., None], np.asarray(f_burst, float)[..., None]
    in_bin = (edges[..., :-1] <= t) & (t < edges[..., 1:])
    f = f * in_bin.any(-1, keepdims=True)
    return fraction * (1.0 - f) + f * in_bin


def average_sfr(mass, edges, dt_gyr, f_burst=0.0, t_burst=np.inf) -> np.ndarray:
    """Mean star-formation rate (...) [Msun/yr] over the last `dt_gyr`.

    mass (..., n_bin) formed *without* the burst per unit total [Msun], spread evenly inside
    each bin; edges (..., n_bin + 1) [Gyr]. The burst (share `f_burst` at `t_burst` [Gyr])
    counts in full if it is younger than `dt_gyr`.
    """
    left, right = edges[..., :-1], edges[..., 1:]
    width = np.where(right > left, right - left, 1.0)
    share = np.clip((dt_gyr - left) / width, 0.0, 1.0)
    total = mass.sum(-1)
    exists = np.asarray(t_burst) < edges[..., -1]
    f = np.where(exists, f_burst, 0.0)
    formed = (1.0 - f) * (mass * share).sum(-1) + f * total * (np.asarray(t_burst) < dt_gyr)
    return formed / (dt_gyr * 1e9)


@cache
def load_bases() -> HistoryBases:
    """The NMF bases of PROVABGS: four star-formation and two metallicity histories."""
    table = number_columns(checked_path("nmf_bases.ecsv"))
    return HistoryBases(
        t_lookback=table["t_lookback"],
        sfh=np.stack([table[f"sfh{i}"] for i in (1, 2, 3, 4)]),
        zh=np.stack([table[f"zh{i}"] for i in (1, 2)]),
    )

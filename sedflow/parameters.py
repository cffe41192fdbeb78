"""The table of the 12 PROVABGS parameters, and the priors over them.

Every other module reads names, units, bounds, labels and order from here: training and
MCMC, sliders and axes. The four `beta` lie on a simplex, so the table has 11 free
dimensions. A `Prior` maps them to the unit cube (by its own cumulative distributions) and
on to `x` in R^11 (by the probit), where the prior is a standard normal: any `x` is a valid
parameter vector, so nothing sampled there can leave the prior.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from sedflow.errors import BadParameters

__all__ = [
    "FREE_NAMES",
    "NAMES",
    "N_FREE",
    "N_SHAPE",
    "PARAMETERS",
    "Parameter",
    "Prior",
    "as_theta",
    "index",
]


@dataclass(frozen=True)
class Parameter:
    """One row of the table: what a parameter is called, means and may be."""

    name: str
    label: str
    latex: str
    unit: str
    low: float
    high: float
    help: str

    @property
    def axis_label(self) -> str:
        """The label with its unit, for an axis or a slider."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label


PARAMETERS = (
    Parameter(
        "log_mstar", "log M★", r"\log M_\star", "M☉ formed", 7.0, 12.5,
        "Total stellar mass ever formed. It scales the whole spectrum up or down.",
    ),
    Parameter(
        "beta1", "β₁", r"\beta_1", "", 0.0, 1.0,
        "Share of the youngest star-formation history (most stars in the last 4 Gyr).",
    ),
    Parameter(
        "beta2", "β₂", r"\beta_2", "", 0.0, 1.0,
        "Share of the history that peaks about 5.6 Gyr ago.",
    ),
    Parameter(
        "beta3", "β₃", r"\beta_3", "", 0.0, 1.0,
        "Share of the history that peaks about 8.4 Gyr ago.",
    ),
    Parameter(
        "beta4", "β₄", r"\beta_4", "", 0.0, 1.0,
        "Share of the oldest history, peaking about 11 Gyr ago.",
    ),
    Parameter(
        "f_burst", "f burst", r"f_\mathrm{burst}", "", 0.0, 1.0,
        "Fraction of the mass that formed in one short burst.",
    ),
    Parameter(
        "t_burst", "t burst", r"t_\mathrm{burst}", "Gyr", 0.01, 13.27,
        "How long ago the burst happened. A burst before the Big Bang has no effect.",
    ),
    Parameter(
        "log_gamma1", "log γ₁", r"\log \gamma_1", "", np.log10(4.5e-5), np.log10(1.5e-2),
        "Metal content of the recent stars: weight of the history that rises to today.",
    ),
    Parameter(
        "log_gamma2", "log γ₂", r"\log \gamma_2", "", np.log10(4.5e-5), np.log10(1.5e-2),
        "Metal content of the intermediate-age stars: weight of the history that "
        "peaks about 7 Gyr ago.",
    ),
    Parameter(
        "tau_bc", "τ BC", r"\tau_\mathrm{BC}", "", 0.0, 3.0,
        "Dust around newborn stars only (optical depth of birth clouds at 5500 Å).",
    ),
    Parameter(
        "tau_ism", "τ ISM", r"\tau_\mathrm{ISM}", "", 0.0, 3.0,
        "Dust in front of all stars (optical depth of the diffuse medium at 5500 Å).",
    ),
    Parameter(
        "n_dust", "n dust", r"n_\mathrm{dust}", "", -2.0, 1.0,
        "Slope of the dust curve against Calzetti's (0): negative reddens more.",
    ),
)  # fmt: skip

NAMES = tuple(p.name for p in PARAMETERS)
N_PARAM = len(NAMES)
BETAS = slice(1, 5)
_BOXED = [0, 5, 6, 7, 8, 9, 10, 11]  # columns of theta that are uniform in their range
_FREE_BOXED = [0, 4, 5, 6, 7, 8, 9, 10]  # the same, among the free dimensions
_FREE_STICK = slice(1, 4)

#: The 11 free dimensions in which densities are given: beta4 = 1 - beta1 - beta2 - beta3.
FREE_NAMES = tuple(name for name in NAMES if name != "beta4")
N_FREE = len(FREE_NAMES)
#: How many of them shape the spectrum: all but log_mstar, the first, which scales it.
N_SHAPE = N_FREE - 1

LOW = np.array([p.low for p in PARAMETERS])
HIGH = np.array([p.high for p in PARAMETERS])

_TOLERANCE = 1e-9  # rounding allowed at the edges of the prior
_SIMPLEX_TOLERANCE = 1e-6  # and in the sum of the betas (float32 input)


def index(name: str) -> int:
    """Column of a parameter in theta; `BadParameters` if there is none of that name."""
    try:
        return NAMES.index(name)
    except ValueError:
        raise BadParameters(
            f"no parameter is called {name!r}; the parameters are {', '.join(NAMES)}"
        ) from None


def as_theta(theta) -> np.ndarray:
    """Theta as a float64 array (..., 12), checked against the prior's range.

    Parameters
    ----------
    theta : array (..., 12) in the order of `NAMES`, or mapping name -> array
        Values of a mapping are broadcast against each other.

    Raises
    ------
    BadParameters
        Wrong shape, missing or unknown name, a value that is not finite or outside its
        range, or betas that do not sum to 1.
    """
    if isinstance(theta, Mapping):
        for name in theta:
            index(name)
        missing = [name for name in NAMES if name not in theta]
        if missing:
            raise BadParameters(
                f"theta lacks {', '.join(missing)}; give all 12: {', '.join(NAMES)}"
            )
        try:
            columns = np.broadcast_arrays(*(np.asarray(theta[n], float) for n in NAMES))
        except ValueError as error:
            raise BadParameters(f"the values of theta do not broadcast: {error}") from None
        theta = np.stack(columns, axis=-1)
    try:
        theta = np.asarray(theta, dtype=float)
    except (TypeError, ValueError):
        raise BadParameters("theta must be numbers: an array (..., 12) or a mapping") from None
    if theta.ndim == 0 or theta.shape[-1] != N_PARAM:
        raise BadParameters(
            f"theta has shape {theta.shape}; the last axis must hold the {N_PARAM} "
            f"parameters {', '.join(NAMES)}"
        )
    if theta.size == 0:
        return theta
    inside = (theta >= LOW - _TOLERANCE) & (theta <= HIGH + _TOLERANCE)
    if not inside.all():
        where = tuple(np.argwhere(~inside)[0])
        p, value = PARAMETERS[where[-1]], theta[where]
        raise BadParameters(
            f"{p.name} = {value:g} is outside its range [{p.low:g}, {p.high:g}]"
            f"{' ' + p.unit if p.unit else ''}; choose a value inside"
        )
    total = theta[..., BETAS].sum(-1)
    off = np.abs(total - 1.0)
    if off.max() > _SIMPLEX_TOLERANCE:
        worst = total.flat[off.argmax()]
        raise BadParameters(
            f"beta1 + beta2 + beta3 + beta4 = {worst:.6g} but must be 1; "
            "divide the four by their sum"
        )
    return theta


class Prior:
    """Prior over the 12 parameters: uniform in each range, the betas on the simplex.

    Parameters
    ----------
    sfh : "flat" or "provabgs"
        Density of the betas. "flat" is the flat Dirichlet of the paper's text. "provabgs"
        is what the published code draws: three stick-breaking fractions, uniform in
        [0, 1], which favour young histories (mean betas 0.5, 0.25, 0.125, 0.125).

    Examples
    --------
    >>> prior = Prior()
    >>> theta = prior.sample(1000, seed=1)
    >>> theta.shape
    (1000, 12)
    >>> bool(np.allclose(theta[:, 1:5].sum(axis=1), 1))
    True
    """

    KINDS = ("flat", "provabgs")

    def __init__(self, sfh: str = "flat"):
        if sfh not in self.KINDS:
            raise BadParameters(f"prior {sfh!r} is unknown; choose one of {self.KINDS}")
        self.sfh = sfh
        # u_k = z_k^p is uniform: z1 = u^(1/3), z2 = u^(1/2), z3 = u give a flat simplex.
        self.stick_power = np.array([3.0, 2.0, 1.0]) if sfh == "flat" else np.ones(3)

    def __repr__(self):
        return f"Prior({self.sfh!r})"

    def sample(self, n: int, seed=None) -> np.ndarray:
        """Draws (n, 12) from the prior; `seed` is an integer or a numpy Generator."""
        return self.from_unit(np.random.default_rng(seed).random((n, N_FREE)))

    def log_prob(self, theta) -> np.ndarray:
        """Natural log of the density in the 11 dimensions `FREE_NAMES`; -inf outside.

        `theta` (..., 12); returns (...). Off the simplex is outside too.
        """
        theta = np.asarray(theta, dtype=float)
        if theta.ndim == 0 or theta.shape[-1] != N_PARAM:
            raise BadParameters(f"theta has shape {theta.shape}; the last axis must be {N_PARAM}")
        inside = ((theta >= LOW - _TOLERANCE) & (theta <= HIGH + _TOLERANCE)).all(-1)
        inside &= np.abs(theta[..., BETAS].sum(-1) - 1.0) <= _SIMPLEX_TOLERANCE
        log_box = -np.log((HIGH - LOW)[_BOXED]).sum()
        if self.sfh == "flat":
            log_simplex = np.log(6.0)
        else:  # |d(z1, z2, z3) / d(beta1, beta2, beta3)| = 1 / (z1^2 z2)
            z1 = 1.0 - theta[..., 1]
            z1z2 = z1 - theta[..., 2]
            with np.errstate(divide="ignore", invalid="ignore"):
                log_simplex = -np.log(np.maximum(z1, 0)) - np.log(np.maximum(z1z2, 0))
        return np.where(inside, log_box + log_simplex, -np.inf)

    def from_unit(self, u) -> np.ndarray:
        """Theta (..., 12) at the point `u` (..., 11) of the unit cube."""
        u = np.asarray(u, dtype=float)
        theta = np.empty((*u.shape[:-1], N_PARAM))
        theta[..., _BOXED] = LOW[_BOXED] + (HIGH - LOW)[_BOXED] * u[..., _FREE_BOXED]
        theta[..., BETAS] = stick_breaking(u[..., _FREE_STICK] ** (1.0 / self.stick_power))
        return theta

    def to_unit(self, theta) -> np.ndarray:
        """Point (..., 11) of the unit cube at which theta (..., 12) lies."""
        theta = np.asarray(theta, dtype=float)
        u = np.empty((*theta.shape[:-1], N_FREE))
        u[..., _FREE_BOXED] = (theta[..., _BOXED] - LOW[_BOXED]) / (HIGH - LOW)[_BOXED]
        u[..., _FREE_STICK] = inverse_stick_breaking(theta[..., BETAS]) ** self.stick_power
        return u

    def from_unbounded(self, x) -> np.ndarray:
        """Theta (..., 12) at `x` (..., 11) in R^11, where the prior is standard normal."""
        return self.from_unit(ndtr(np.asarray(x, dtype=float)))

    def to_unbounded(self, theta) -> np.ndarray:
        """`x` (..., 11) of theta (..., 12); edges of the prior map to about +-7.3."""
        tiny = 1e-13  # where probit(u) can still be told from +-infinity in double precision
        return ndtri(np.clip(self.to_unit(theta), tiny, 1.0 - tiny))


def stick_breaking(z) -> np.ndarray:
    """Betas (..., 4) on the simplex from fractions `z` (..., 3): beta1 = 1 - z1,
    beta2 = z1 (1 - z2), beta3 = z1 z2 (1 - z3), beta4 = z1 z2 z3."""
    z = np.asarray(z, dtype=float)
    rest = np.cumprod(z, axis=-1)
    before = np.concatenate([np.ones_like(z[..., :1]), rest[..., :-1]], axis=-1)
    return np.concatenate([before * (1.0 - z), rest[..., -1:]], axis=-1)


def inverse_stick_breaking(beta) -> np.ndarray:
    """Fractions (..., 3) in [0, 1] from betas (..., 4); 0 where nothing is left to break."""
    beta = np.asarray(beta, dtype=float)
    # Sums from the far end, not 1 - cumsum: small last betas keep their digits.
    tail = np.cumsum(beta[..., ::-1], axis=-1)[..., ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        z = tail[..., 1:] / tail[..., :-1]
    return np.clip(np.where(tail[..., :-1] > 0, z, 0.0), 0.0, 1.0)

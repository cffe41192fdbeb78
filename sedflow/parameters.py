"""The table of the 12 PROVABGS parameters, and the priors over them.

Every other module reads names, units, bounds, labels and order from here: training and
MCMC, sliders and axes. The four `beta` lie on a simplex, so the table has 11 free
dimensions. A `Prior` maps them to the unit cube (by its own cumulative distributions) and
on to `x` in R^11 (by the probit), where the prior is a standard normal: any `x` is a valid
parameter vector, so nothing sampled there can leave the prior.
"""

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from sedflow.errors import BadParameters, closest_first
from sedflow.labels import labels_along, labels_beside, named_parts
from sedflow.settled import Settled, frozen
from sedflow.units import plain
from sedflow.whole_numbers import LARGEST_SEED, as_whole

__all__ = [
    "BETAS",
    "DEFAULTS",
    "FREE_NAMES",
    "NAMES",
    "N_FREE",
    "N_SHAPE",
    "PARAMETERS",
    "Parameter",
    "Prior",
    "Quantity",
    "as_prior",
    "as_theta",
    "as_whole",
    "column_unit",
    "index",
    "theta_of",
]


def column_unit(name: str, unit: str) -> str:
    """Unit of a column that holds a quantity, as astropy reads it: dex(Msun) of log10 of a mass.

    >>> column_unit("log_mstar", "M☉ formed"), column_unit("age_mw", "Gyr")
    ('dex(Msun)', 'Gyr')
    >>> column_unit("log_z_mw", "mass fraction"), column_unit("beta1", "")
    ('dex', '')
    """
    plain = unit.removesuffix(" formed").replace("☉", "sun").replace("Å", "Angstrom")
    plain = "" if plain == "mass fraction" else plain
    if not name.startswith("log_"):
        return plain
    return f"dex({plain})" if plain else "dex"


class Quantity:
    """Base of a row of a table of quantities: what they are called, and their unit."""

    name: str
    label: str
    unit: str

    @property
    def axis_label(self) -> str:
        """The label with its unit, for an axis or a slider."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label

    @property
    def column_unit(self) -> str:
        """The unit of a column of a table, as astropy reads it."""
        return column_unit(self.name, self.unit)


@dataclass(frozen=True)
class Parameter(Quantity):
    """One row of the table: what a parameter is called, means and may be."""

    name: str
    label: str
    latex: str
    unit: str
    low: float
    high: float
    help: str


#: The table of parameters, in the order of theta.
PARAMETERS = (
    Parameter(
        "log_mstar",
        "log M★",
        r"\log M_\star",
        "M☉ formed",
        7.0,
        12.5,
        "Total stellar mass ever formed. It scales the whole spectrum up or down.",
    ),
    Parameter(
        "beta1",
        "β₁",
        r"\beta_1",
        "",
        0.0,
        1.0,
        "Share of the youngest star-formation history (most stars in the last 4 Gyr).",
    ),
    Parameter(
        "beta2",
        "β₂",
        r"\beta_2",
        "",
        0.0,
        1.0,
        "Share of the history that peaks about 5.6 Gyr ago.",
    ),
    Parameter(
        "beta3",
        "β₃",
        r"\beta_3",
        "",
        0.0,
        1.0,
        "Share of the history that peaks about 8.4 Gyr ago.",
    ),
    Parameter(
        "beta4",
        "β₄",
        r"\beta_4",
        "",
        0.0,
        1.0,
        "Share of the oldest history, peaking about 11 Gyr ago.",
    ),
    Parameter(
        "f_burst",
        "f burst",
        r"f_\mathrm{burst}",
        "",
        0.0,
        1.0,
        "Fraction of the mass that formed in one short burst.",
    ),
    Parameter(
        "t_burst",
        "t burst",
        r"t_\mathrm{burst}",
        "Gyr",
        0.01,
        13.27,
        "How long ago the burst happened. A burst before the Big Bang has no effect.",
    ),
    Parameter(
        "log_gamma1",
        "log γ₁",
        r"\log \gamma_1",
        "",
        np.log10(4.5e-5),
        np.log10(1.5e-2),
        "Metal content of the recent stars: weight of the history that rises to today.",
    ),
    Parameter(
        "log_gamma2",
        "log γ₂",
        r"\log \gamma_2",
        "",
        np.log10(4.5e-5),
        np.log10(1.5e-2),
        "Metal content of the intermediate-age stars: weight of the history that "
        "peaks about 7 Gyr ago.",
    ),
    Parameter(
        "tau_bc",
        "τ BC",
        r"\tau_\mathrm{BC}",
        "",
        0.0,
        3.0,
        "Dust around newborn stars only (optical depth of birth clouds at 5500 Å).",
    ),
    Parameter(
        "tau_ism",
        "τ ISM",
        r"\tau_\mathrm{ISM}",
        "",
        0.0,
        3.0,
        "Dust in front of all stars (optical depth of the diffuse medium at 5500 Å).",
    ),
    Parameter(
        "n_dust",
        "n dust",
        r"n_\mathrm{dust}",
        "",
        -2.0,
        1.0,
        "Slope of the dust curve against Calzetti's (0): negative reddens more.",
    ),
)

#: A galaxy to begin from: forms stars still, some dust, no burst.
DEFAULTS = {
    "log_mstar": 10.5,
    "beta1": 0.3,
    "beta2": 0.25,
    "beta3": 0.25,
    "beta4": 0.2,
    "f_burst": 0.0,
    "t_burst": 1.0,
    "log_gamma1": -2.5,
    "log_gamma2": -2.5,
    "tau_bc": 1.0,
    "tau_ism": 0.4,
    "n_dust": -0.7,
}

#: Names of the 12 parameters, in the order of theta.
NAMES = tuple(p.name for p in PARAMETERS)
N_PARAM = len(NAMES)
#: Columns of theta that hold the four betas, which sum to 1.
BETAS = slice(1, 5)
_BOXED = [0, 5, 6, 7, 8, 9, 10, 11]  # columns of theta that are uniform in their range
_FREE_BOXED = [0, 4, 5, 6, 7, 8, 9, 10]  # the same, among the free dimensions
#: The fractions that make the betas, among the free dimensions.
STICKS = slice(1, 4)

#: The 11 free dimensions in which densities are given: beta4 = 1 - beta1 - beta2 - beta3.
FREE_NAMES = tuple(name for name in NAMES if name != "beta4")
#: How many free dimensions there are.
N_FREE = len(FREE_NAMES)
#: How many of them shape the spectrum: all but log_mstar, the first, which scales it.
N_SHAPE = N_FREE - 1

LOW = frozen(np.array([p.low for p in PARAMETERS]))
HIGH = frozen(np.array([p.high for p in PARAMETERS]))

_TOLERANCE = 1e-9  # rounding allowed at the edges of the prior
_SIMPLEX_TOLERANCE = 1e-6  # and in the sum of the betas (float32 input)


def index(name: str) -> int:
    """Column of a parameter in theta; `BadParameters` if there is none of that name."""
    try:
        return NAMES.index(name)
    except ValueError:
        raise BadParameters(
            f"no parameter is called {name!r}; the parameters are "
            f"{', '.join(closest_first(name, NAMES))}"
        ) from None


def as_theta(theta: npt.ArrayLike | Mapping) -> np.ndarray:
    """Theta as a float64 array (..., 12), checked against the prior's range.

    Parameters
    ----------
    theta : array (..., 12) in the order of `NAMES`, or what has names: mapping, data frame, row
        Values of a mapping are broadcast against each other.

    Raises
    ------
    BadParameters
        Wrong shape, missing or unknown name, a value that is not finite or outside its
        range, or betas that do not sum to 1.
    """
    theta = numbers_of_theta(theta)
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


def numbers_of_theta(theta: npt.ArrayLike | Mapping) -> np.ndarray:
    """Theta as `as_theta` takes it, in the order of `NAMES`, whatever its values are."""
    theta = _stacked(theta)
    theta = plain(theta, "theta, an array (..., 12) or a mapping,", error=BadParameters)
    if theta.ndim == 0 or theta.shape[-1] != N_PARAM:
        raise BadParameters(
            f"theta has shape {theta.shape}; the last axis must hold the {N_PARAM} "
            f"parameters {', '.join(NAMES)}"
        )
    return theta


def _in_order(values: Any, names: tuple[str, ...], what: str) -> np.ndarray:
    """What names these in some order, in theirs; anything else as it is."""
    named = named_parts(values, what, BadParameters)
    if named is None or set(named) != set(names):
        return np.asarray(values, dtype=float)
    return np.stack([plain(named[name], name, error=BadParameters) for name in names], axis=-1)


def _stacked(theta):
    """Theta (..., 12) of a mapping or a data frame, by the names; anything else as it is."""
    theta = _by_name(theta)
    if not isinstance(theta, Mapping):
        return theta
    for name in theta:
        index(name)
    missing = [name for name in NAMES if name not in theta]
    if missing:
        raise BadParameters(f"theta lacks {', '.join(missing)}; give all 12: {', '.join(NAMES)}")
    try:
        columns = np.broadcast_arrays(*(plain(theta[n], n, error=BadParameters) for n in NAMES))
    except BadParameters:
        raise
    except ValueError as error:
        raise BadParameters(f"the values of theta do not broadcast: {error}") from None
    return np.stack(columns, axis=-1)


def _by_name(theta):
    """What names its columns, or its values, by these names, which may come in any order."""
    named = named_parts(theta, "theta", BadParameters)
    if named is not None:
        return named
    for labels in labels_beside(theta):
        if set(labels) == set(NAMES):
            return {name: theta[..., k].to_numpy() for k, name in enumerate(labels)}
    labels = [label for label in labels_along(theta, -1) or [] if not isinstance(label, int)]
    if any(isinstance(label, tuple | bytes) or label in NAMES for label in labels):
        raise BadParameters(
            f"theta has columns that are not all named by text, such as {labels[0]!r}; give it "
            f"with these names: {', '.join(NAMES)}"
        )
    return theta


def theta_of(theta: Any = None, values: Mapping | None = None) -> Any:
    """Theta from one that is whole, or from some parameters by name, the others at `DEFAULTS`.

    Betas that are not given share what is left of 1, in the proportions of their defaults.

    >>> theta_of(values={"log_mstar": 11.0, "beta1": 0.6})["beta2"].round(3)
    np.float64(0.143)
    """
    values, theta = dict(values or {}), _by_name(theta)
    if theta is not None and not values:
        return theta
    if theta is not None and not isinstance(theta, Mapping):
        raise BadParameters("give theta whole, or parameters by name, not both")
    values = {**(theta or {}), **values}
    for name in values:
        index(name)
    betas = NAMES[BETAS]
    rest = 1.0 - sum(plain(values[b], b, error=BadParameters) for b in betas if b in values)
    free = sum(DEFAULTS[b] for b in betas if b not in values)
    shares = {b: DEFAULTS[b] * rest / free for b in betas if b not in values}
    return {**DEFAULTS, **shares, **values}


class Prior(Settled):
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
    settled, remedy = ("sfh", "stick_power"), "make another sedflow.Prior(sfh)"
    _POWERS: ClassVar = {
        # u_k = z_k^p is uniform: z1 = u^(1/3), z2 = u^(1/2), z3 = u give a flat simplex.
        "flat": frozen(np.array([3.0, 2.0, 1.0])),
        "provabgs": frozen(np.ones(3)),
    }

    def __init__(self, sfh: str = "flat"):
        if not isinstance(sfh, str) or sfh not in self.KINDS:
            shown = " ".join(repr(sfh).split())[:64]
            raise BadParameters(f"prior {shown} is unknown; choose one of {self.KINDS}")
        self.sfh = self._kind = sfh

    @property
    def stick_power(self) -> np.ndarray:
        """Powers p (3,) by which the fractions z_k become uniform, z_k^p."""
        return self._POWERS[self._kind]

    def __repr__(self):
        return f"Prior({self.sfh!r})"

    def __eq__(self, other: object) -> bool:
        if type(self) is not Prior or type(other) is not Prior:
            return NotImplemented  # one of somebody's own may have more to it
        return self.sfh == other.sfh

    def __hash__(self) -> int:
        return hash(self.sfh)

    def sample(self, n: int, seed: Any = None) -> np.ndarray:
        """Draws (n, 12) from the prior; `seed` is an integer or a numpy Generator."""
        n = as_whole("n", n, 0, 100_000_000)
        if isinstance(seed, numbers.Real):
            seed = as_whole("seed", seed, 0, LARGEST_SEED)
        elif not (
            seed is None
            or isinstance(seed, np.random.Generator | np.random.SeedSequence)
            or (isinstance(seed, Sequence) and not isinstance(seed, str))
        ):
            raise BadParameters(f"seed = {seed!r}; give a whole number or a numpy Generator")
        return self.from_unit(np.random.default_rng(seed).random((n, N_FREE)))

    def log_prob(self, theta: npt.ArrayLike) -> np.ndarray:
        """Natural log of the density in the 11 dimensions `FREE_NAMES`; -inf outside.

        `theta` (..., 12); returns (...). Off the simplex is outside too.
        """
        theta = numbers_of_theta(theta)
        inside = ((theta >= LOW - _TOLERANCE) & (theta <= HIGH + _TOLERANCE)).all(-1)
        inside &= np.abs(theta[..., BETAS].sum(-1) - 1.0) <= _SIMPLEX_TOLERANCE
        log_box = -np.log((HIGH - LOW)[_BOXED]).sum()
        if self.sfh == "flat":
            log_simplex = np.log(6.0)
        else:  # |d(z1, z2, z3) / d(beta1, beta2, beta3)| = 1 / (z1^2 z2)
            # Sums, not 1 - beta1 - beta2, of which nothing may be left where old bins are empty; at
            # the very edge a large number, not infinity, which no weight could be made of.
            z1z2 = np.maximum(theta[..., 3] + theta[..., 4], np.finfo(float).tiny)
            log_simplex = -np.log(np.maximum(theta[..., 2] + z1z2, 0)) - np.log(z1z2)
        return np.where(inside, log_box + log_simplex, -np.inf)

    def tail_index(self, under: "Prior") -> float:
        """Tail index of the ratio self / under among draws of the prior `under`.

        The chance that the ratio exceeds w falls as w^(-1 / index); 0 if the ratio is bounded.
        In the uniform variable u_k = z_k^p of `under`, the ratio goes as u_k^(q / p - 1), with q
        the power of this prior.

        >>> round(Prior("provabgs").tail_index(Prior("flat")), 3)
        0.667
        >>> Prior("flat").tail_index(Prior("provabgs"))
        0.0
        """
        return float(np.max(1.0 - self.stick_power / under.stick_power, initial=0.0))

    def from_unit(self, u: npt.ArrayLike) -> np.ndarray:
        """Theta (..., 12) at the point `u` (..., 11) of the unit cube."""
        u = _in_order(u, FREE_NAMES, "u")
        theta = np.empty((*u.shape[:-1], N_PARAM))
        theta[..., _BOXED] = LOW[_BOXED] + (HIGH - LOW)[_BOXED] * u[..., _FREE_BOXED]
        theta[..., BETAS] = stick_breaking(u[..., STICKS] ** (1.0 / self.stick_power))
        return theta

    def to_unit(self, theta: npt.ArrayLike) -> np.ndarray:
        """Point (..., 11) of the unit cube at which theta (..., 12) lies."""
        theta = numbers_of_theta(theta)
        u = np.empty((*theta.shape[:-1], N_FREE))
        u[..., _FREE_BOXED] = (theta[..., _BOXED] - LOW[_BOXED]) / (HIGH - LOW)[_BOXED]
        u[..., STICKS] = inverse_stick_breaking(theta[..., BETAS]) ** self.stick_power
        return u

    def from_unbounded(self, x: npt.ArrayLike) -> np.ndarray:
        """Theta (..., 12) at `x` (..., 11) in R^11, where the prior is standard normal."""
        return self.from_unit(ndtr(_in_order(x, FREE_NAMES, "x")))

    def to_unbounded(self, theta: npt.ArrayLike) -> np.ndarray:
        """`x` (..., 11) of theta (..., 12); edges of the prior map to about +-7.3."""
        tiny = 1e-13  # where probit(u) can still be told from +-infinity in double precision
        return ndtri(np.clip(self.to_unit(theta), tiny, 1.0 - tiny))

    def slope_in_unbounded(self, slope: npt.ArrayLike, x: npt.ArrayLike) -> np.ndarray:
        """Slope (..., 11) in x of a value whose slope in theta is `slope` (..., 12).

        x (..., 11) in R^11, as in `from_unbounded`.
        """
        slope, x = _in_order(slope, NAMES, "slope"), _in_order(x, FREE_NAMES, "x")
        u = ndtr(x)
        out = np.empty(x.shape)
        out[..., _FREE_BOXED] = slope[..., _BOXED] * (HIGH - LOW)[_BOXED]
        z = u[..., STICKS] ** (1.0 / self.stick_power)
        of_beta, before = slope[..., BETAS], np.ones(x.shape[:-1])
        for k in range(3):
            # A larger z_k takes from beta_k what it gives to those after it.
            rest = stick_breaking(z[..., k + 1 :]) if k < 2 else np.ones((*x.shape[:-1], 1))
            gain = (rest * of_beta[..., k + 1 :]).sum(-1) - of_beta[..., k]
            with np.errstate(divide="ignore", invalid="ignore"):
                of_u = z[..., k] / (self.stick_power[k] * u[..., 1 + k])
            out[..., 1 + k] = before * gain * of_u
            before = before * z[..., k]
        return out * np.exp(-0.5 * np.square(x)) / np.sqrt(2.0 * np.pi)


def as_prior(prior: Prior | str | None) -> Prior:
    """A prior from one or its name; the flat one for None.

    Raises
    ------
    BadParameters
        An unknown name, or a prior of another class: files keep the name of a prior alone, and the
        network's draws would follow that one.
    """
    if not isinstance(prior, Prior):
        return Prior("flat" if prior is None else prior)
    if type(prior) is not Prior:
        raise BadParameters(
            f"the prior is of the class {type(prior).__name__}, which fits and files cannot tell "
            f"from {prior!r}; give one of {Prior.KINDS}, and weight the draws of the fit yourself"
        )
    return prior


def stick_breaking(z: npt.ArrayLike) -> np.ndarray:
    """Betas (..., 4) on the simplex from fractions `z` (..., 3): beta1 = 1 - z1,
    beta2 = z1 (1 - z2), beta3 = z1 z2 (1 - z3), beta4 = z1 z2 z3."""
    z = np.asarray(z, dtype=float)
    rest = np.cumprod(z, axis=-1)
    before = np.concatenate([np.ones_like(z[..., :1]), rest[..., :-1]], axis=-1)
    return np.concatenate([before * (1.0 - z), rest[..., -1:]], axis=-1)


def inverse_stick_breaking(beta: npt.ArrayLike) -> np.ndarray:
    """Fractions (..., 3) in [0, 1] from betas (..., 4); 0 where nothing is left to break."""
    beta = np.asarray(beta, dtype=float)
    # Sums from the far end, not 1 - cumsum: small last betas keep their digits.
    tail = np.cumsum(beta[..., ::-1], axis=-1)[..., ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        z = tail[..., 1:] / tail[..., :-1]
    return np.clip(np.where(tail[..., :-1] > 0, z, 0.0), 0.0, 1.0)

"""Quantities that astronomers ask for, derived from posterior draws.

The table `DERIVED` names and defines them; `derive` computes those that the SSP grid has. `ALL`,
`VALIDATED` and `PLOTTED` are parameters and derived quantities together, and hold what every
packaged grid has; `quantities_of(model)` says what one has.
"""

import re
from dataclasses import dataclass

import numpy as np

from sedflow.batches import check_labels
from sedflow.constants import POGSON
from sedflow.errors import BadParameters, UnknownName, check_like, unknown
from sedflow.model import cosmology, dust, sfh
from sedflow.model.batch import batch_of_draws
from sedflow.model.ssp import SOLAR_Z
from sedflow.parameters import BETAS, NAMES, PARAMETERS, Parameter, Quantity, index
from sedflow.units import plain

__all__ = [
    "ALL",
    "DERIVED",
    "KNOWN",
    "PLOTTED",
    "VALIDATED",
    "DerivedQuantity",
    "columns",
    "derive",
    "missing_quantity",
    "quantities_of",
    "unit_of_column",
]

_V_BAND = 5500.0  # A
_H_ALPHA = "H-alpha"


@dataclass(frozen=True)
class DerivedQuantity(Quantity):
    """A row of the table of derived quantities.

    gas, stars, left : whether only SSP grids have it that have gas, or know the mass in stars
        alone, or the mass that is left at all, as every packaged grid does
    """

    name: str
    label: str
    unit: str
    help: str
    gas: bool = False
    stars: bool = False
    left: bool = False


#: The table of derived quantities.
DERIVED = (
    DerivedQuantity(
        "log_mass_formed", "log M formed", "M☉", "Stellar mass ever formed; the parameter itself."
    ),
    DerivedQuantity(
        "log_mass_surviving",
        "log M surviving",
        "M☉",
        "Mass still in stars and stellar remnants today, whichever the grid.",
        left=True,
    ),
    DerivedQuantity(
        "log_mass_stars",
        "log M stars",
        "M☉",
        "Mass still in stars today, without remnants.",
        stars=True,
    ),
    DerivedQuantity(
        "log_sfr_10myr", "log SFR 10 Myr", "M☉/yr", "Mean star-formation rate, last 10 Myr."
    ),
    DerivedQuantity(
        "log_sfr_100myr", "log SFR 100 Myr", "M☉/yr", "Mean star-formation rate, last 100 Myr."
    ),
    DerivedQuantity(
        "log_sfr_1gyr", "log SFR 1 Gyr", "M☉/yr", "Mean star-formation rate, last 1 Gyr."
    ),
    DerivedQuantity(
        "log_ssfr_1gyr",
        "log sSFR 1 Gyr",
        "1/yr",
        "Mean star-formation rate over the last 1 Gyr per mass formed. Never above -9.",
    ),
    DerivedQuantity(
        "age_mw", "mass-weighted age", "Gyr", "Mean look-back time of formation of the stars."
    ),
    DerivedQuantity(
        "log_z_mw",
        "log Z",
        "mass fraction",
        "Mass-weighted mean metal mass fraction of the stars formed.",
    ),
    DerivedQuantity("log_z_mw_solar", "log Z/Z☉", "", "The same relative to Z☉ = 0.0190."),
    DerivedQuantity(
        "a_v",
        "A_V",
        "mag",
        "Attenuation at 5500 Å of stars older than 10 Myr (diffuse dust only).",
    ),
    DerivedQuantity(
        "log_l_halpha",
        "log L(Hα)",
        "erg/s",
        "Luminosity of H-alpha that leaves the galaxy, after all dust.",
        gas=True,
    ),
    DerivedQuantity(
        "ew_halpha",
        "EW(Hα)",
        "Å",
        "Equivalent width of H-alpha in the rest frame, positive in emission; absorption by the "
        "stars is not subtracted.",
        gas=True,
    ),
)


#: Parameters and derived quantities that every SSP grid has.
ALL: tuple[Parameter | DerivedQuantity, ...] = (
    *PARAMETERS,
    *(q for q in DERIVED if not (q.gas or q.stars)),
)
#: Those of any grid: for labels and units.
KNOWN: tuple[Parameter | DerivedQuantity, ...] = (*PARAMETERS, *DERIVED)
_COLUMN_UNITS = {q.name: q.column_unit for q in KNOWN}
_OF_COLUMN = re.compile(r"(_shrunk)?(_p\d+(\.\d+)?)?$")  # after a quantity's name


def unit_of_column(column: str) -> str:
    """Unit of a column that is a quantity or a quantile of one; "" of all others.

    >>> unit_of_column("log_mstar_p16"), unit_of_column("a_v_shrunk_p50"), unit_of_column("k_hat")
    ('dex(Msun)', 'mag', '')
    """
    return _COLUMN_UNITS.get(_OF_COLUMN.sub("", column), "")


#: Those that a plot can show: without the mass formed, which is a parameter already.
PLOTTED = tuple(q for q in ALL if q.name != "log_mass_formed")
#: Those that are validated: also without the metallicity, which repeats that in solar units.
VALIDATED = tuple(q for q in PLOTTED if q.name != "log_z_mw")


def quantities_of(model) -> tuple[Parameter | DerivedQuantity, ...]:
    """Those of `KNOWN` that the grid of an SEDModel has: what its table of results has."""
    return tuple(q for q in KNOWN if _lacks(q, model) == "")


def _lacks(quantity, model):
    """What a quantity needs and the grid of the model lacks; "" if nothing."""
    if not isinstance(quantity, DerivedQuantity):
        return ""
    if quantity.left and model.grid.mass_remaining is None:
        return "the mass that is left of one formed (ssp_mass_remaining)"
    if quantity.gas and not model.line_names:
        return "gas"
    if quantity.stars and model.grid.mass_living is None:
        return "the mass in stars alone (ssp_mass_living)"
    return ""


def missing_quantity(name: object, model) -> UnknownName:
    """The error for a quantity that there is not, or that the grid of the model lacks."""
    for quantity in DERIVED:
        if quantity.name == name:
            other = "fsps-gas" if quantity.gas else "bc03"
            return UnknownName(
                f"{name} needs an SSP grid with {_lacks(quantity, model)}, which "
                f"{model.grid.name!r} does not have; fit with {other!r}"
            )
    return unknown("quantity", name, (q.name for q in quantities_of(model)))


def columns(quantities, theta, derived) -> np.ndarray:
    """Values (..., n_draw, n_quantity) of some quantities.

    quantities : rows of `KNOWN`
    theta (..., n_draw, 12)
    derived : derived quantities (..., n_draw) of these draws, by name, from `derive`
    """
    known = dict(zip(NAMES, np.moveaxis(theta, -1, 0), strict=True)) | derived
    return np.stack([known[q.name] for q in quantities], axis=-1)


def derive(theta, redshift, model) -> dict[str, np.ndarray]:
    """The rows of `DERIVED` that the grid has, for draws of one galaxy, or of many.

    The surviving mass is NaN where a grid of yours does not know it.

    theta (..., n_draw, 12); redshift (...); model : SEDModel, for its surviving masses and lines.

    Returns
    -------
    dict of arrays (..., n_draw)
    """
    check_like("model", model, "bases", "a sedflow.SEDModel")
    check_labels(BadParameters, theta=theta, redshift=redshift)
    redshift = plain(redshift, "redshift", "")
    flat, z, shape = batch_of_draws(theta, redshift)
    z = z[:1] if redshift.size == 1 else z  # of all draws
    age = cosmology.age_gyr(z)
    edges = sfh.bin_edges(age)
    steady = model.bases.formed_fraction(flat[:, BETAS], age)
    f_burst, t_burst = flat[:, index("f_burst")], flat[:, index("t_burst")]
    light = model.populations(flat, z)  # the burst at t_burst, not in the middle of its bin
    log_mass = flat[:, index("log_mstar")]
    known = model.grid.mass_remaining is not None
    left = model.left_of(light) if known else np.full(len(flat), np.nan)
    out = {"log_mass_formed": log_mass, "log_mass_surviving": log_mass + np.log10(left)}
    if model.grid.mass_living is not None:
        out["log_mass_stars"] = log_mass + np.log10(model.left_of(light, alive=True))
    for name, gyr in zip(("10myr", "100myr", "1gyr"), sfh.RATES_GYR, strict=True):
        rate = sfh.average_sfr(steady, edges, gyr, f_burst, t_burst)
        with np.errstate(divide="ignore"):  # nothing formed: minus infinity
            out[f"log_sfr_{name}"] = log_mass + np.log10(rate)
    out["log_ssfr_1gyr"] = out["log_sfr_1gyr"] - log_mass
    out["age_mw"] = (light.mass * light.age).sum(1)
    log_z = np.log10((light.mass * light.z).sum(1))
    out["log_z_mw"] = log_z
    out["log_z_mw_solar"] = log_z - np.log10(SOLAR_Z)
    k_v = dust.diffuse_curve(np.array([_V_BAND]), flat[:, index("n_dust")])[:, 0]
    out["a_v"] = POGSON * flat[:, index("tau_ism")] * k_v
    if model.line_names:
        line = model.lines(flat, np.broadcast_to(z, len(flat)), [_H_ALPHA])[_H_ALPHA]
        with np.errstate(divide="ignore"):  # as above
            out["log_l_halpha"] = np.log10(line["luminosity"])
        out["ew_halpha"] = line["equivalent_width"]
    return {name: values.reshape(shape) for name, values in out.items()}

"""Quantities that astronomers ask for, derived from posterior draws.

The table `DERIVED` names and defines them; `derive` computes all of them.
"""

from dataclasses import dataclass

import numpy as np

from sedflow import cosmology, dust, sfh
from sedflow.parameters import BETAS, N_PARAM, index
from sedflow.ssp import SOLAR_Z

__all__ = ["DERIVED", "DerivedQuantity", "derive"]

_V_BAND = 5500.0  # A
_MAG_PER_TAU = 2.5 / np.log(10)


@dataclass(frozen=True)
class DerivedQuantity:
    """A row of the table of derived quantities."""

    name: str
    label: str
    unit: str
    help: str

    @property
    def axis_label(self) -> str:
        """The label with its unit."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label


DERIVED = (
    DerivedQuantity(
        "log_mass_formed", "log M formed", "M☉", "Stellar mass ever formed; the parameter itself."
    ),
    DerivedQuantity(
        "log_mass_surviving", "log M surviving", "M☉",
        "Mass still in stars today (with the FSPS grid also in stellar remnants).",
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
        "log_ssfr_1gyr", "log sSFR 1 Gyr", "1/yr",
        "Mean star-formation rate over the last 1 Gyr per mass formed. Never above -9.",
    ),
    DerivedQuantity(
        "age_mw", "mass-weighted age", "Gyr", "Mean look-back time of formation of the stars."
    ),
    DerivedQuantity(
        "log_z_mw", "log Z", "mass fraction",
        "Mass-weighted mean metal mass fraction of the stars formed.",
    ),
    DerivedQuantity(
        "log_z_mw_solar", "log Z/Z☉", "", "The same relative to Z☉ = 0.0190."
    ),
    DerivedQuantity(
        "a_v", "A_V", "mag",
        "Attenuation at 5500 Å of stars older than 10 Myr (diffuse dust only).",
    ),
)  # fmt: skip


def derive(theta, redshift, model) -> dict[str, np.ndarray]:
    """All of `DERIVED` for draws of one galaxy, or of many.

    theta (..., n_draw, 12); redshift (...); model : SEDModel, for its surviving masses.

    Returns
    -------
    dict of arrays (..., n_draw)
    """
    shape = theta.shape[:-1]
    z = np.broadcast_to(np.asarray(redshift)[..., None], shape).reshape(-1)
    flat = theta.reshape(-1, N_PARAM)
    age = cosmology.age_gyr(z)
    edges = sfh.bin_edges(age)
    steady = model.bases.formed_fraction(flat[:, BETAS], age)
    f_burst, t_burst = flat[:, index("f_burst")], flat[:, index("t_burst")]
    mass = sfh.add_burst(steady, f_burst, t_burst, edges)
    centers = sfh.bin_centers(edges)
    gamma = 10 ** flat[:, [index("log_gamma1"), index("log_gamma2")]]
    log_mass = flat[:, index("log_mstar")]
    out = {
        "log_mass_formed": log_mass,
        "log_mass_surviving": log_mass + np.log10(model.surviving_fraction(flat, z)),
    }
    for name, gyr in (("10myr", 0.01), ("100myr", 0.1), ("1gyr", 1.0)):
        rate = sfh.average_sfr(steady, edges, gyr, f_burst, t_burst)
        out[f"log_sfr_{name}"] = log_mass + np.log10(rate)
    out["log_ssfr_1gyr"] = out["log_sfr_1gyr"] - log_mass
    out["age_mw"] = (mass * centers).sum(1)
    log_z = np.log10((mass * model.bases.metallicity(gamma, centers)).sum(1))
    out["log_z_mw"] = log_z
    out["log_z_mw_solar"] = log_z - np.log10(SOLAR_Z)
    k_v = dust.diffuse_curve(np.array([_V_BAND]), flat[:, index("n_dust")])[:, 0]
    out["a_v"] = _MAG_PER_TAU * flat[:, index("tau_ism")] * k_v
    return {name: values.reshape(shape) for name, values in out.items()}

"""Model galaxies to start from, and the order of their parameters: the app's and the site's."""

from sedflow.parameters import BETAS, DEFAULTS, NAMES

#: Sliders under their titles, in order.
GROUPS = (
    ("Mass and distance", ("log_mstar", "redshift")),
    ("Star formation (shares, divided by their sum)", NAMES[BETAS]),
    ("Burst", ("f_burst", "t_burst")),
    ("Metals", ("log_gamma1", "log_gamma2")),
    ("Dust", ("tau_bc", "tau_ism", "n_dust")),
)

#: The galaxy that the page Forward begins with.
START = DEFAULTS | dict.fromkeys(NAMES[BETAS], 0.25) | {"tau_ism": 0.3}

#: Galaxies to start from: name -> parameters that differ from the first.
PRESETS: dict[str, dict[str, float]] = {
    "typical": {},
    "quiescent": {
        "log_mstar": 11.0,
        "beta1": 0.0,
        "beta2": 0.05,
        "beta3": 0.25,
        "beta4": 0.7,
        "log_gamma1": -1.9,
        "log_gamma2": -1.9,
        "tau_bc": 0.3,
        "tau_ism": 0.05,
    },
    "star-forming": {
        "log_mstar": 10.0,
        "beta1": 0.8,
        "beta2": 0.15,
        "beta3": 0.05,
        "beta4": 0.0,
        "log_gamma1": -2.2,
        "log_gamma2": -2.6,
        "tau_bc": 1.0,
        "tau_ism": 0.4,
    },
    "dusty": {
        "log_mstar": 10.8,
        "beta1": 0.7,
        "beta2": 0.2,
        "beta3": 0.1,
        "beta4": 0.0,
        "log_gamma1": -2.0,
        "log_gamma2": -2.2,
        "tau_bc": 2.0,
        "tau_ism": 1.8,
        "n_dust": -0.3,
    },
    "post-burst": {
        "log_mstar": 10.3,
        "beta1": 0.0,
        "beta2": 0.1,
        "beta3": 0.3,
        "beta4": 0.6,
        "f_burst": 0.25,
        "t_burst": 0.6,
        "tau_bc": 0.5,
        "tau_ism": 0.2,
    },
    "low metallicity": {
        "log_mstar": 8.5,
        "beta1": 0.7,
        "beta2": 0.2,
        "beta3": 0.1,
        "beta4": 0.0,
        "log_gamma1": -4.0,
        "log_gamma2": -4.2,
        "tau_bc": 0.2,
        "tau_ism": 0.05,
    },
}

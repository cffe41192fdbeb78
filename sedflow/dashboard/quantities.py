"""The quantities that corner plots and tables show: their order, and their values in draws."""

import re
from collections.abc import Container

import numpy as np

from sedflow.draws import Draws, systematic
from sedflow.fits.fit import Fit
from sedflow.model.derived import PLOTTED
from sedflow.parameters import NAMES

#: Everything that a corner plot can show, in order: the parameters, then what follows from them.
QUANTITIES = PLOTTED

#: Those that a figure has room for at first.
MAIN_QUANTITIES = ("log_mstar", "log_sfr_100myr", "age_mw", "log_z_mw_solar", "tau_ism", "n_dust")
HISTORIES = ("formed", "sfr", "zh")

#: Labels that fit beside a panel of a corner plot, of those quantities whose own do not.
SHORT_LABELS = {
    "log_mass_surviving": "log M surv.",
    "log_sfr_10myr": "log SFR₁₀",
    "log_sfr_100myr": "log SFR₁₀₀",
    "log_sfr_1gyr": "log SFR₁₀₀₀",
    "log_ssfr_1gyr": "log sSFR",
    "age_mw": "age",
}

_LABEL_OF = {q.name: q.label for q in QUANTITIES} | {"log_ssfr_100myr": "log sSFR 100 Myr"}
_NAMED = re.compile(rf"\b({'|'.join(_LABEL_OF)})\b")


def in_labels(text: str) -> str:
    """A sentence of the library with the labels of quantities in place of their names.

    >>> in_labels("R-hat 1.003 in tau_ism (limit 1.01)")
    'R-hat 1.003 in τ ISM (limit 1.01)'
    """
    return _NAMED.sub(lambda found: _LABEL_OF[found[1]], text)


def chosen_quantities(names: Container[str]) -> list[int]:
    """Columns of the `QUANTITIES` that are named, in their order; the main ones if none is."""
    rows = [k for k, q in enumerate(QUANTITIES) if q.name in names]
    return rows or chosen_quantities(MAIN_QUANTITIES)


def quantity_columns(fit: Fit) -> np.ndarray:
    """All `QUANTITIES` (n_draw, n_quantity) of the draws of one galaxy."""
    theta, derived = fit.draws.theta, fit.derived
    return np.stack([*theta.T, *(derived[d.name] for d in QUANTITIES[len(NAMES) :])], axis=1)


def equal_samples(draws: Draws, columns: np.ndarray) -> np.ndarray:
    """Columns (n, n_quantity) of draws of equal weight, from those of weighted ones."""
    if draws.weights is None:
        return columns
    return columns[systematic(draws.weights, draws.n, np.random.default_rng(0))]

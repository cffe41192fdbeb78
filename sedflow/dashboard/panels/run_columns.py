"""Columns of a run: which are shown and plotted, and what they are called."""

import numpy as np
import pandas as pd

from sedflow.catalogue.results import RunTable
from sedflow.dashboard.printed import printed
from sedflow.dashboard.quantities import QUANTITIES
from sedflow.model.derived import DERIVED
from sedflow.sampling.verdict import MISFIT

__all__ = [
    "MEDIAN",
    "SHOWN",
    "TITLES",
    "column_label",
    "ident",
    "in_a_word",
    "plotted",
    "rounded",
    "sorted_by",
]

_OF_GAS = tuple(q for q in DERIVED if q.gas)  # in runs of a network with gas
MEDIAN = {f"{q.name}_p50": q.axis_label for q in (*QUANTITIES, *_OF_GAS)}
#: Bands whose pulls the table shows, where a run has them.
_BANDS = ("FUV", "NUV", "u", "g", "r", "i", "z")
_PULLS = tuple(f"pull_{band}" for band in _BANDS)
_FIGURES = {
    "redshift": "redshift",
    "k_hat": "k-hat",
    "ess": "effective draws",
    "gap": "gap [nats]",
    "p_value": "p-value, raw",
    "p_calibrated": "p-value, calibrated",
    "log_evidence": "ln evidence",
    "r_hat": "largest R-hat",
    "chi2": "χ² of the posterior's best draw",
    "n_band": "bands",
    "row": "row",
    "id": "ID",
}
SHOWN = (
    "row",
    "id",
    "status",
    "verdict",
    "redshift",
    "k_hat",
    "ess",
    "chi2",
    "p_calibrated",
    *_PULLS,
    "log_mass_surviving_p50",
    "log_sfr_100myr_p50",
    "age_mw_p50",
    "log_z_mw_solar_p50",
    "a_v_p50",
)
TITLES = {
    "row": "row",
    "id": "ID",
    "status": "status",
    "verdict": "verdict",
    "redshift": "z",
    "k_hat": "k-hat",
    "ess": "ESS",
    "chi2": "χ²",
    "p_calibrated": "p",
    **{f"pull_{band}": f"pull {band}" for band in _BANDS},
    "log_mass_surviving_p50": "log M surv.",
    "log_sfr_100myr_p50": "log SFR",
    "age_mw_p50": "age",
    "log_z_mw_solar_p50": "log Z/Z☉",
    "a_v_p50": "A_V",
}


def column_label(column: str) -> str:
    """What a column of the results is called on an axis, with its unit.

    >>> column_label("log_sfr_100myr_p50"), column_label("flux_r")
    ('log SFR 100 Myr [M☉/yr]', 'flux r [nanomaggies]')
    """
    if column in MEDIAN:
        return MEDIAN[column]
    name, _, level = column.rpartition("_p")
    if f"{name}_p50" in MEDIAN:
        return f"{MEDIAN[f'{name}_p50']}, {level} %"
    if column.startswith(("flux_", "sigma_")):
        kind, band = column.split("_", 1)
        return f"{'flux' if kind == 'flux' else 'error'} {band} [nanomaggies]"
    if column.startswith("pull_"):
        return f"pull of {column.removeprefix('pull_')} against the other bands"
    return _FIGURES.get(column, column)


def plotted(table: RunTable) -> dict[str, str]:
    """Label -> column of those that the map can show."""
    return {
        column_label(c): c
        for c in table.numbers
        if c in MEDIAN or c in _FIGURES or c.startswith(("flux_", "sigma_", "pull_"))
    }


def sorted_by(table: RunTable) -> dict[str, str]:
    """Label -> column of those that the table can be sorted by."""
    shown = {TITLES[c]: c for c in SHOWN if c in table.columns and c != "status"}
    return shown | {column_label(c): c for c in table.numbers if c in MEDIAN}


def ident(stored: dict) -> str:
    """The ID of a row as text; its number where the row has no ID."""
    return str(stored["row"] if pd.isna(stored["id"]) else stored["id"])


def in_a_word(frame: pd.DataFrame) -> list[str]:
    """Verdict of each row, as tables say it: with what its status adds, and no more.

    A row without a posterior has no verdict, and an exact posterior may be of a model that does not
    describe the data. All other statuses follow from the verdict.
    """
    words = []
    for status, verdict in zip(frame["status"], frame["verdict"], strict=True):
        adds = status == MISFIT and verdict not in (MISFIT, "")
        words.append(f"{verdict}, {status}" if adds else str(verdict or status))
    return words


def rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """A page of rows as the table shows it."""
    out = frame.assign(verdict=in_a_word(frame)).drop(columns="status")
    out["id"] = ["" if pd.isna(v) else str(v) for v in out["id"]]
    for name in out.columns[out.dtypes.map(pd.api.types.is_float_dtype)]:
        digits = 4 if name == "redshift" else 0 if name == "ess" else 2
        least = 0.01 if name == "p_calibrated" else None
        out[name] = [_number(v, digits, least) for v in out[name]]
    return out


def _number(value, digits, least):
    """A number as the table has it; one below the least is said to be."""
    if not np.isfinite(value):
        return "–"
    if least is not None and value < least:
        return f"< {least:g}"
    return printed(value, f"z,.{digits}f")

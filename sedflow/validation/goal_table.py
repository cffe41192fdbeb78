"""Tables of the Validate page: what a report measures, beside what it should be."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sedflow.trust_limits import K_HAT_MAX
from sedflow.validation.calibration import central_coverage, ks_band, ks_statistic
from sedflow.validation.near import Selection
from sedflow.validation.report import LABELS, NOMINAL, QUANTITIES, ValidationReport


def goals(
    report: ValidationReport, selection: Selection, kinds: Sequence[str], quantities: Sequence[str]
) -> pd.DataFrame:
    """The report in a few rows: what is measured, how it is, and what it should be.

    Columns "measure", one for each kind, "goal" and "met".
    """
    n = len(selection)
    band = ks_band(n, tests=max(len(quantities), 1))
    columns = [QUANTITIES.index(name) for name in quantities]
    rows = []

    def add(measure, goal, values, good):
        met = "yes" if all(good) else "no" if not any(good) else "in part"
        row = dict(zip(kinds, values, strict=True))
        rows.append({"measure": measure, **row, "goal": goal, "met": met})

    levels = {kind: report.galaxies[f"scores_{kind}"][selection.rows][:, columns] for kind in kinds}
    if columns:
        ks = {kind: ks_statistic(levels[kind]) for kind in kinds}
        add(
            f"largest KS distance of {len(columns)} quantities",
            f"below {band:.3f} (95 % of calibrated networks)",
            [f"{ks[k].max():.3f} ({LABELS[quantities[int(ks[k].argmax())]]})" for k in kinds],
            [ks[k].max() < band for k in kinds],
        )
        for q in NOMINAL:
            # Each quantity has its own chance error; their mean has at most that of one.
            error = 1.96 * np.sqrt(q * (1 - q) / n)
            held = {k: central_coverage(levels[k], q).mean() for k in kinds}
            add(
                f"{100 * q:.0f} % intervals hold the truth, mean",
                f"{100 * q:.0f} % ± {100 * error:.1f}",
                [f"{100 * held[k]:.1f} %" for k in kinds],
                [abs(held[k] - q) < error for k in kinds],
            )
    single = ks_band(n)
    for test in ("hpd", "tarp"):
        regions = [report.galaxies[f"{test}_{kind}"][selection.rows] for kind in kinds]
        distances = [float(ks_statistic(one)) for one in regions]
        add(
            f"{test.upper()} regions, KS distance",
            f"below {single:.3f} (95 %)",
            [f"{value:.3f}" for value in distances],
            [value < single for value in distances],
        )
    table = pd.DataFrame(rows)
    table.attrs["galaxies"] = n
    return table


def weights_hold(summary: dict) -> pd.DataFrame:
    """How far the network is from the exact posterior, and how often importance weights pass."""
    held = summary["weights_hold"]
    columns = {
        "simulated": "simulated, all bands",
        "some_bands": "simulated, bands missing",
        "nsa": "NSA",
    }
    columns = {key: title for key, title in columns.items() if key in held}
    rows = [
        ("galaxies", "", lambda w: f"{w['galaxies']:,}"),
        ("gap to the exact posterior [nats], median", "0", lambda w: f"{w['gap']['median']:.2f}"),
        ("the same, mean", "0", lambda w: f"{w['gap']['mean']:.2f}"),
        (f"share with k-hat < {K_HAT_MAX}", "100 %", lambda w: f"{100 * w['held']:.1f} %"),
        (
            "k-hat, median (84 %)",
            f"below {K_HAT_MAX}",
            lambda w: f"{w['k_hat']['50']:.2f} ({w['k_hat']['84']:.2f})",
        ),
        (
            "effective share of the draws, median (16 %)",
            "100 %",
            lambda w: f"{100 * w['ess_share']['50']:.0f} % ({100 * w['ess_share']['16']:.0f} %)",
        ),
    ]
    return pd.DataFrame(
        [
            {"measure": name, **{columns[key]: text(held[key]) for key in columns}, "ideal": ideal}
            for name, ideal, text in rows
        ]
    )


def as_markdown(frame: pd.DataFrame) -> str:
    """A table as Markdown."""
    rows = [frame.columns, ["---"] * frame.shape[1], *frame.to_numpy()]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)

"""The validation report of a network: its figures, as text, and in a file.

`sedflow.validation.measure` makes it.
"""

import html
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from sedflow import views
from sedflow.errors import SedflowError
from sedflow.files.hashes import opened, sealed, stamp
from sedflow.files.packaged import DEFAULT_WEIGHTS, checked_path, data_path
from sedflow.files.paths import as_path
from sedflow.files.writing import replacing
from sedflow.model.derived import ALL, VALIDATED
from sedflow.network.weights import packaged_name
from sedflow.settled import ByValue
from sedflow.trust_limits import K_HAT_MAX

#: Names of the quantities that are validated, in the order of the columns of the scores.
QUANTITIES = tuple(q.name for q in VALIDATED)
#: Labels of parameters and derived quantities, as plain text.
LABELS = {q.name: q.label for q in ALL}
#: Nominal coverage of the intervals that are counted.
NOMINAL = (0.68, 0.95)
#: The posteriors that are validated: the network's own, and the answer that the trust ladder
#: accepts, its weighted draws for most galaxies.
KINDS = ("network", "exact")


@dataclass(frozen=True, repr=False, eq=False)
class ValidationReport(ByValue):
    """Figures of a validation, all plain numbers.

    summary : what `save` writes: see docs/validation.md for every entry
    galaxies : columns by name, one value for each simulated galaxy: redshift, r, snr, color,
        n_band, inputs of the bins; levels by kind ("network", "exact") of every quantity
        (n, n_quantity), of "hpd" and of "tarp"
    survey : the same of simulated galaxies that look like the atlas; {} in files of older versions.
        `sedflow.validation.populations` gives the figures of each population.
    """

    summary: dict
    galaxies: dict
    survey: dict = field(default_factory=dict)

    def __repr__(self):
        s = self.summary
        inside = sum(max(s["ks"][k][name] for k in KINDS) <= s["band_95"] for name in QUANTITIES)
        return (
            f"<ValidationReport {s['weights']}: {s['galaxies']:,} simulated galaxies, {inside} of "
            f"{len(QUANTITIES)} quantities calibrated>"
        )

    def _repr_html_(self):
        return views.markup(repr(self), f"<pre>{html.escape(str(self))}</pre>")

    def plot_pp(self, names: Any = None, *, backend: str = "matplotlib") -> Any:
        """p-p curves of the quantities: a matplotlib Figure, or a Bokeh figure."""
        return views.plot("report_pp", self, names=names, backend=backend)

    def save(self, path: str | Path) -> Path:
        """Write the report as JSON; the levels of each galaxy in thousandths."""
        path = as_path(path)
        parts = {"each": _stored(self.galaxies)}
        if self.survey:
            parts["survey"] = _stored(self.survey)
        document = sealed({**self.summary, **parts})
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(document) + "\n")
        return path

    def __str__(self):
        s = self.summary
        lines = [
            f"{s['weights']}: {s['galaxies']} simulated galaxies, {s['draws']} draws each, "
            f"seed {s['seed']}",
            f"{'KS distance':20} {'network':>8} {'exact':>8}   95 % below {s['band_95']:.4f}",
        ]
        for name in QUANTITIES:
            ks = [s["ks"][kind][name] for kind in KINDS]
            mark = "  outside" if max(ks) > s["band_95"] else ""
            lines.append(f"{name:20} {ks[0]:8.4f} {ks[1]:8.4f}{mark}")
        for test in ("hpd", "tarp"):
            ks = [s[test][kind]["ks"] for kind in KINDS]
            mark = "  outside" if max(ks) > s["band_95"] else ""
            lines.append(f"{test.upper() + ' regions':20} {ks[0]:8.4f} {ks[1]:8.4f}{mark}")
        for kind in KINDS:
            cover = s["coverage"][kind]
            lines.append(
                f"coverage, {kind}: "
                + ", ".join(
                    f"{100 * q:.0f} % intervals hold {100 * cover[str(q)]['mean']:.1f} % "
                    f"(worst {100 * cover[str(q)]['worst']:.1f})"
                    for q in NOMINAL
                )
            )
        worst = s["worst_bin"]["network"]
        lines.append(
            f"in bins, network: at worst {100 * worst['off']:+.1f} points, {worst['where']}"
        )
        gap = s["gap"]
        lines.append(
            f"gap to the exact posterior: mean {gap['mean']:.3f} +- {gap['error']:.3f} nats, "
            f"median {gap['median']:.3f}"
        )
        for name in ("simulated", "nsa"):
            w = s["weights_hold"].get(name)
            if w is None:
                continue
            lines.append(
                f"{name}: k-hat < {K_HAT_MAX} for {100 * w['held']:.1f} % of {w['galaxies']}, "
                f"effective share of the draws {100 * w['ess_share']['50']:.0f} % (median)"
            )
        if inside := s.get("nsa_inside"):
            lines.append(f"NSA: {inside['inside']:,} of {inside['galaxies']:,} inside the ranges")
        return "\n".join(lines)


def load_report(name_or_path: str | Path = DEFAULT_WEIGHTS) -> ValidationReport:
    """The validation report of a packaged network by name, or of a file that `save` wrote.

    Read once per process; to be treated as read-only. Levels are as exact as they were written,
    to a thousandth.

    Raises
    ------
    SedflowError
        No such report, or not one.

    Examples
    --------
    >>> load_report("nsa-ugriz-fsps").galaxies["scores_network"].shape
    (3000, 20)
    """
    name_or_path = packaged_name(name_or_path)
    path = as_path(name_or_path)
    packaged = path.suffix != ".json"
    if packaged:
        path = data_path(f"{name_or_path}.report.json")
    if not path.is_file():
        raise SedflowError(
            f"no validation report {str(name_or_path)!r}; make one with sedflow validate "
            f"--weights {path.name.removesuffix('.report.json')}"
        )
    if packaged:
        checked_path(path.name)
    return _read_report(path.resolve(), stamp(path))


@cache
def _read_report(path, seen):
    try:
        summary = opened(json.loads(path.read_text()))
        galaxies, survey = (_read(summary.pop(key, {})) for key in ("each", "survey"))
        columns = np.shape(galaxies["scores_network"])[1:]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise SedflowError(
            f"{path.name} is not a validation report ({error}); make one with sedflow validate"
        ) from None
    if columns != (len(QUANTITIES),):
        raise SedflowError(
            f"{path.name} has levels of shape {columns} for each galaxy, not of the "
            f"{len(QUANTITIES)} quantities; it is of another version, so run sedflow validate again"
        )
    for values in (*galaxies.values(), *survey.values()):
        values.flags.writeable = False
    return ValidationReport(summary, galaxies, survey)


def _stored(galaxies):
    """Columns as JSON has them."""
    return {
        name: np.rint(1000 * values).astype(int).tolist()
        if name.endswith(KINDS)
        else np.where(np.isfinite(values), np.round(values, 3), np.array(None)).tolist()
        for name, values in galaxies.items()
    }


def _read(each):
    return {
        name: np.array(values, float) / (1000.0 if name.endswith(KINDS) else 1.0)
        for name, values in each.items()
    }

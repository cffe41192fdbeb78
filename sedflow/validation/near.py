"""What a validation report says about simulated galaxies like a given one.

A network may be calibrated over all galaxies and still be off for one kind. Calibration also
holds among galaxies chosen by their *data* (magnitude, signal-to-noise, redshift, colour,
bands), so the nearest ones in those are a fair sample; but they are few, and the band which a
calibrated posterior keeps is wider.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sedflow.errors import SedflowError
from sedflow.photometry import Photometry
from sedflow.validation import bins
from sedflow.validation.bins import PROPERTIES
from sedflow.validation.calibration import central_coverage
from sedflow.validation.report import QUANTITIES, ValidationReport

_NEAR = tuple(name for name in PROPERTIES if name != "n_band")  # that must agree exactly


@dataclass(frozen=True)
class Selection:
    """Some of the simulated galaxies of a report.

    rows (n,) : their numbers in `report.galaxies`, nearest first
    like : properties of the galaxy that they are near to; None for all with every band
    """

    rows: np.ndarray
    like: dict | None = None

    def __len__(self):
        return len(self.rows)

    def spread(self, report: ValidationReport) -> dict[str, np.ndarray]:
        """The 5, 50 and 95 % points (3,) of each property over the galaxies; NaN if unknown."""
        out = {}
        for name in PROPERTIES:
            values = report.galaxies[name][self.rows]
            values = values[np.isfinite(values)]
            out[name] = (
                np.quantile(values, (0.05, 0.5, 0.95)) if values.size else np.full(3, np.nan)
            )
        return out


def properties(galaxy: Photometry, bands: tuple[str, ...]) -> dict[str, float]:
    """What a galaxy is compared by, in the bands of a network; NaN where it is not known."""
    known = bins.properties(galaxy.in_bands(bands))
    return {name: float(value) for name, value in known.items()}


def everyone(report: ValidationReport) -> Selection:
    """The simulated galaxies with all bands: those that the report's own figures are of."""
    return Selection(np.arange(report.summary["galaxies"]))


def candidates(report: ValidationReport, like: dict) -> np.ndarray:
    """Rows of the simulated galaxies with as many bands as one; all where that is NaN.

    Raises
    ------
    SedflowError
        No galaxy of the report has that number of bands.
    """
    rows = np.arange(len(report.galaxies["redshift"]))
    if np.isfinite(like.get("n_band", np.nan)):
        rows = rows[report.galaxies["n_band"] == like["n_band"]]
        if not rows.size:
            raise SedflowError(
                f"no simulated galaxy of this report has {like['n_band']:g} bands; choose 1 to "
                f"{report.galaxies['n_band'].max():g}"
            )
    return rows


def nearest(report: ValidationReport, like: dict, n: int = 200) -> Selection:
    """The n simulated galaxies nearest to one in its properties; fewer if there are no more.

    Each property counts by rank among the candidates, so that none needs a scale. The number
    of bands must be the same; a property that is NaN in `like` is ignored.

    Raises
    ------
    SedflowError
        No galaxy of the report has that number of bands, or nothing is known of the galaxy.
    """
    alike = candidates(report, like)
    known = [name for name in _NEAR if np.isfinite(like.get(name, np.nan))]
    if not known:
        raise SedflowError(f"none of {', '.join(_NEAR)} is known of this galaxy; give one")
    total = np.zeros(len(alike))
    for name in known:
        values = report.galaxies[name][alike]
        good = np.sort(values[np.isfinite(values)])
        if not good.size:
            continue
        off = (_rank(good, values) - _rank(good, like[name])) ** 2
        total += np.where(np.isfinite(values), off, 1.0)  # unknown: as far as can be
    order = np.argsort(total, kind="stable")[: int(n)]
    return Selection(alike[order], dict(like))


def coverage_in_bins(
    report: ValidationReport, kind: str, nominal: float, quantities: Sequence[str] = QUANTITIES
) -> dict[str, list[dict]]:
    """Coverage of central intervals in the report's bins, for the quantities asked for.

    Returns
    -------
    dict of property -> list of dict with low, high (of the bin), galaxies, coverage, and error:
        its standard error, from the scatter of the galaxies' own shares
    """
    n = report.summary["galaxies"]
    columns = [QUANTITIES.index(name) for name in quantities]
    levels = report.galaxies[f"scores_{kind}"][:, columns]
    out = {}
    for name, rows in report.summary["bins"][kind].items():
        # As in `report`: bands are counted among the galaxies with any of them missing or not,
        # everything else among those that have all. Some populations have no others.
        others = name == "n_band" and len(levels) > n
        part = slice(n, None) if others else slice(0, n)
        values, scores = report.galaxies[name][part], levels[part]
        inside_each = bins.groups(name, values, np.array([row["range"] for row in rows]))
        found = []
        for row, inside in zip(rows, inside_each, strict=True):
            share = (np.abs(scores[inside] - 0.5) < nominal / 2).mean(1)
            found.append(
                {
                    "low": row["range"][0],
                    "high": row["range"][1],
                    "galaxies": int(inside.sum()),
                    "coverage": float(central_coverage(scores[inside], nominal).mean()),
                    "error": float(share.std() / np.sqrt(max(len(share), 1))),
                }
            )
        out[name] = found
    return out


def _rank(good, values):
    """Share of the sorted numbers `good` below each value, ties in the middle."""
    below, upto = (np.searchsorted(good, values, side=side) for side in ("left", "right"))
    return 0.5 * (below + upto) / len(good)

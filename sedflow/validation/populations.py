"""Three populations of simulated galaxies that a validation report tells about.

"survey" : simulated galaxies that look like those of the NASA-Sloan Atlas: the headline
"bright" : those with a median signal-to-noise ratio above 20
"prior" : drawn from the prior, most of them fainter than any survey's

Galaxies may be chosen by their data without harm to calibration: given the data, the choice says
nothing more about the parameters.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from sedflow.errors import unknown
from sedflow.model.simulation import simulate
from sedflow.photometry import Photometry
from sedflow.validation.bins import PROPERTIES, groups
from sedflow.validation.calibration import central_coverage, coverage_error, ks_band, ks_distances
from sedflow.validation.report import KINDS, NOMINAL, QUANTITIES, ValidationReport

#: Names of the populations, the headline first, and what each is.
POPULATIONS = {
    "survey": "like the NASA-Sloan Atlas",
    "bright": "signal-to-noise above 20",
    "prior": "drawn from the prior",
}
BRIGHT = 20.0  # median signal-to-noise
_POOL = 40  # times as many simulations as galaxies are chosen from
_N_BIN = 4
_LEAST = 40  # galaxies of a bin that is judged


def survey_like(
    posterior: Any, nsa: Any, n: int, seed: int, missing: bool = False
) -> tuple[np.ndarray, Photometry]:
    """Parameters (n, 12) and photometry (n,) of simulated galaxies chosen to look like the atlas.

    For each of n random atlas galaxies with all bands, the simulated galaxy whose inputs to the
    network are nearest, each taken once.

    missing : every galaxy, real or simulated, has lost any number of its bands before: what is
        chosen by bands that a fit does not see is not calibrated under it.
    """
    rng = np.random.default_rng([seed, 2])
    atlas = nsa.photometry(nsa.seen(posterior.bands), posterior.bands)
    atlas = atlas[atlas.present.all(-1) & (atlas.redshift > posterior.domain.redshift[0])]
    low, high = np.quantile(atlas.redshift, [0.002, 0.998])
    theta, galaxies = simulate(
        _POOL * n,
        rng,
        prior=posterior.prior,
        model=posterior.model,
        noise=posterior.noise,
        redshift=(float(low), float(high)),
    )
    wanted = atlas[rng.permutation(len(atlas))[: min(n, len(atlas))]]
    if not missing:
        chosen = _nearest(posterior, galaxies, wanted)
        return theta[chosen], galaxies[chosen]
    rng = np.random.default_rng([seed, 3])
    galaxies, wanted = _with_gaps(galaxies, rng), _with_gaps(wanted, rng)
    rows = []
    for bands in np.unique(wanted.present, axis=0):
        same, pool = ((one.present == bands).all(-1) for one in (wanted, galaxies))
        rows.append(np.flatnonzero(pool)[_nearest(posterior, galaxies[pool], wanted[same])])
    chosen = np.concatenate(rows)
    return theta[chosen], galaxies[chosen]


def _nearest(posterior, galaxies, wanted):
    """Rows of the galaxies that are nearest to those wanted, each once."""
    near = cKDTree(posterior.context(galaxies)).query(
        posterior.context(wanted), k=min(20, len(galaxies))
    )[1]
    taken: dict[int, None] = {}
    for row in np.reshape(near, (len(wanted), -1)):
        first = next((int(i) for i in row if int(i) not in taken), None)
        if first is not None:
            taken[first] = None
    return np.array(list(taken), int)


def _with_gaps(galaxies, rng):
    """The galaxies with one to all of their bands, each number as often."""
    number = rng.integers(1, len(galaxies.bands) + 1, len(galaxies))
    kept = rng.random(galaxies.flux.shape).argsort(1).argsort(1) < number[:, None]
    flux, sigma = (np.where(kept, v, np.nan) for v in (galaxies.flux, galaxies.sigma))
    return Photometry(flux, sigma, galaxies.redshift, galaxies.bands)


def populations_of(report: ValidationReport) -> tuple[str, ...]:
    """Names of the populations that a report has.

    No "survey" where the atlas lacks a band of the network, and in reports of older versions; no
    "bright" where a survey's errors leave fewer than 40 galaxies that bright.
    """
    bright = sum(int((s > BRIGHT).sum()) for s in _snr(report))
    there = {"survey": bool(report.survey), "bright": bright >= _LEAST}
    return tuple(name for name in POPULATIONS if there.get(name, True))


def _snr(report):
    """Signal-to-noise of the galaxies with all bands, drawn from the prior and like the atlas."""
    own = report.galaxies["snr"][: report.summary["galaxies"]]
    return [own, report.survey["snr"]] if report.survey else [own]


def headline(report: ValidationReport) -> ValidationReport:
    """The report on the first population that it has."""
    return population(report, populations_of(report)[0])


def population(report: ValidationReport, name: str) -> ValidationReport:
    """The report on one population: its own galaxies and all figures that follow from them.

    What is not of simulated galaxies (weights on the atlas, contraction) stays as it is.

    Raises
    ------
    UnknownName
        The report has no such population.

    Examples
    --------
    >>> from sedflow.validation import load_report
    >>> bool((population(load_report(), "bright").galaxies["snr"] > 20).all())
    True
    """
    if name not in populations_of(report):
        raise unknown("population", name, populations_of(report))
    n = report.summary["galaxies"]
    if name == "prior":
        return report
    if name == "survey":
        columns = report.survey
    else:
        both = [{k: v[:n] for k, v in report.galaxies.items()}]
        both += [report.survey] if report.survey else []
        columns = {k: np.concatenate([one[k] for one in both]) for k in report.galaxies}
        bright = columns["snr"] > BRIGHT
        columns = {k: v[bright] for k, v in columns.items()}
    figures = _figures(columns)
    return replace(
        report,
        summary={**report.summary, **figures, "population": name},
        galaxies=columns,
        survey={},
    )


def in_words(report: ValidationReport, kind: str = "exact") -> str:
    """Coverage in each population with its standard error, the headline first: a line each.

    kind : "network", or "exact", the answer that the trust ladder accepts
    """
    lines = [f"{report.summary['weights']}, {kind} posterior: truths inside the intervals"]
    for name in populations_of(report):
        one = population(report, name)
        s = one.summary
        scores = one.galaxies[f"scores_{kind}"][: s["galaxies"]]
        held = ", ".join(
            f"{100 * q:.0f} %: {100 * s['coverage'][kind][str(q)]['mean']:.1f} "
            f"± {100 * coverage_error(scores, q):.1f}"
            for q in NOMINAL
        )
        outside = sum(value > s["band_95"] for value in s["ks"][kind].values())
        worst = s["worst_bin"][kind]
        snr = np.nanmedian(one.galaxies["snr"][: s["galaxies"]])
        lines.append(
            f"  {POPULATIONS[name]} ({s['galaxies']:,}, median S/N {snr:.1f}): {held}; "
            f"{outside} of {len(QUANTITIES)} quantities outside the band; worst bin "
            f"{100 * worst['off']:+.1f} points, {worst['where']}"
        )
    return "\n".join(lines)


def _figures(columns):
    """The entries of a summary that follow from the levels of galaxies with all bands."""
    n = len(columns["snr"])
    scores = {kind: columns[f"scores_{kind}"] for kind in KINDS}
    bins = {kind: _bins(columns, scores[kind]) for kind in KINDS}
    return {
        "galaxies": n,
        "band_95": round(ks_band(n), 5),
        "band_95_all": round(ks_band(n, tests=len(QUANTITIES)), 5),
        "ks": {k: named(ks_distances(s)[0]) for k, s in scores.items()},
        "p_value": {k: named(ks_distances(s)[1]) for k, s in scores.items()},
        "coverage": {k: coverage_figures(s) for k, s in scores.items()},
        "hpd": {k: region_figures(columns[f"hpd_{k}"]) for k in KINDS},
        "tarp": {k: region_figures(columns[f"tarp_{k}"]) for k in KINDS},
        "bins": bins,
        "worst_bin": {k: worst_bin(rows) for k, rows in bins.items()},
    }


def rounded(values):
    """Values as a report has them."""
    return np.round(np.asarray(values, float), 5).tolist()


def named(values):
    """Values (n_quantity,) by the name of the quantity."""
    return dict(zip(QUANTITIES, rounded(values), strict=True))


def region_figures(levels):
    """Calibration of regions, from the levels (n,) of the truth."""
    ks, p_value = ks_distances(levels)
    # Area between expected and nominal coverage: > 0 where regions are too wide.
    return {
        "ks": rounded(ks),
        "p_value": rounded(p_value),
        "area": rounded(0.5 - levels.mean()),
        "coverage": {str(q): rounded((levels < q).mean()) for q in NOMINAL},
    }


def coverage_figures(scores):
    """Coverage of central intervals, from percentile scores (n, n_quantity)."""
    out = {}
    for q in NOMINAL:
        share = central_coverage(scores, q)
        worst = share[np.argmax(np.abs(share - q))]
        out[str(q)] = {"mean": rounded(share.mean()), "worst": rounded(worst), "by": named(share)}
    return out


def _bins(columns, scores):
    """Coverage of all quantities together in bins of each property."""
    out = {}
    for name in PROPERTIES:
        values = columns[name]
        if not np.isfinite(values).any():  # of bands that the network does not take
            continue
        if name == "n_band":
            edges = np.array([[k, k] for k in np.unique(values)], float)
        else:
            n_bin = int(np.clip(len(values) // _LEAST, 1, _N_BIN))
            cuts = np.nanquantile(values, np.linspace(0, 1, n_bin + 1))
            edges = np.column_stack([cuts[:-1], cuts[1:]])
        out[name] = [
            {
                "range": rounded(edge),
                "galaxies": int(group.sum()),
                "coverage": {
                    str(q): rounded(central_coverage(scores[group], q).mean()) for q in NOMINAL
                },
                "ks_max": rounded(ks_distances(scores[group])[0].max()),
            }
            for edge, group in zip(edges, groups(name, values, edges), strict=True)
            if group.any()
        ]
    return out


def worst_bin(bins):
    """The bin whose coverage is furthest off, and by how much."""
    rows = [
        (row["coverage"][str(q)] - q, name, row["range"], q)
        for name, found in bins.items()
        for row in found
        for q in NOMINAL
    ]
    off, name, (low, high), q = max(rows, key=lambda row: abs(row[0]))
    where = f"{name} from {low:.4g} to {high:.4g}, {100 * q:.0f} % intervals"
    return {"off": rounded(off), "where": where}

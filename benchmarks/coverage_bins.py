"""Coverage of galaxies like the atlas in every bin of what their data look like.

    python benchmarks/coverage_bins.py                        # the packaged reports, some minutes
    python benchmarks/coverage_bins.py --weights nsa-ugriz-fsps --missing 500   # ten minutes more
    python benchmarks/coverage_bins.py --more 101,102,103 --workers 2    # some minutes each

The levels of the truths are those of the packaged reports (their 20 quantities together, exact
posteriors). Bins are quartiles of r, signal-to-noise, redshift, g - r and of the age of the burst
as the data have it: the median of the network's posterior. A bin by the true age would say nothing
of calibration, since the truth is not known when a galaxy is chosen. --more: as many galaxies of
each of these seeds besides, simulated and fitted as for a report. --missing: this many galaxies of
each seed that have lost any number of bands and are like the atlas in what is left (chosen by a
band that the fit does not see, they would not be calibrated under it). --only-missing leaves out
the galaxies with all bands.

Errors are those of galaxies, whose quantities go together. A bin is marked where it is off by more
than 1.5 points, and twice where that is more than two errors, too.
"""

import argparse
import os
import warnings

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import sedflow
from sedflow.threads import use_threads
from sedflow.validation.bins import PROPERTIES, groups, properties
from sedflow.validation.calibration import central_coverage, coverage_error
from sedflow.validation.measure import _Measurement
from sedflow.validation.populations import population, survey_like
from sedflow.validation.report import NOMINAL

NAMES = ("nsa-ugriz-fsps", "nsa-ugriz-fsps-gas", "nsa-ugriz-bc03", "nsa-uv-bc03")
GOAL = 0.015
BINS = 4
DRAWS = 500  # of the network, for the median age of the burst
BURST = "age of the burst [Gyr]"


def burst_ages(posterior, galaxies, seed):
    """Median age (n,) of the burst of each galaxy [Gyr]: what its data say."""
    out = np.empty(len(galaxies))
    for k in range(len(galaxies)):
        draws = posterior.sample(galaxies[k], n=DRAWS, seed=seed)
        out[k] = np.median(draws.theta[:, sedflow.NAMES.index("t_burst")])
    return out


def table(columns, scores):
    """Rows of the bins of each property, and how many are further off than the goal."""
    found = []
    for name, values in columns.items():
        edges = np.array([[k, k] for k in np.unique(values)], float)
        if name != PROPERTIES["n_band"]:
            cuts = np.nanquantile(values, np.linspace(0, 1, BINS + 1))
            edges = np.column_stack([cuts[:-1], cuts[1:]])
        key = "n_band" if name == PROPERTIES["n_band"] else name
        for (low, high), group in zip(edges, groups(key, values, edges), strict=True):
            cells, marks = [], 0
            for q in NOMINAL:
                held = central_coverage(scores[group], q).mean()
                error = coverage_error(scores[group], q)
                off = abs(held - q) > GOAL
                sure = off and abs(held - q) > 2 * error
                marks = max(marks, int(off) + int(sure))
                cells.append(
                    f"{100 * held:.1f} ± {100 * error:.1f} {'*' * (int(off) + int(sure))}".strip()
                )
            where = f"{low:g}" if low == high else f"{low:.4g} to {high:.4g}"
            print(f"| {name} | {where} | {group.sum():,} | {' | '.join(cells)} |", flush=True)
            found.append(marks)
    marks = np.array(found)
    print(
        f"\n{len(marks)} bins; {np.sum(marks > 0)} off by more than {100 * GOAL:g} points, "
        f"{np.sum(marks > 1)} of them by more than two errors\n"
    )


def head(title):
    print(f"### {title}\n\n| | bin | galaxies | 68 % intervals | 95 % intervals |")
    print("|---|---|---|---|---|")


def in_all_bands(name, nsa, more, workers):
    """The bins of a packaged report, and of as many galaxies of each other seed."""
    posterior, report = sedflow.load_posterior(name), sedflow.validation.load_report(name)
    n, seed = report.summary["galaxies"] // 2, report.summary["seed"]
    one = population(report, "survey").galaxies
    _, galaxies = survey_like(posterior, nsa, n, seed)
    if len(one["redshift"]) != len(galaxies) or (
        np.abs(one["redshift"] - galaxies.redshift).max() > 1e-3
    ):
        raise SystemExit(f"the galaxies of {name}'s report are not those of this version")
    keys = [key for key in PROPERTIES if key != "n_band"]
    parts = [[one[k] for k in keys] + [burst_ages(posterior, galaxies, seed), one["scores_exact"]]]
    for other in more:
        theta, galaxies = survey_like(posterior, nsa, n, other)
        known = properties(galaxies)
        found = _Measurement(posterior, 1000, other, None, n, workers).fitted(theta, galaxies)
        ages = burst_ages(posterior, galaxies, other)
        parts.append([known[k] for k in keys] + [ages, found.levels["exact"].scores])
    *values, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    head(f"{name}, {len(scores):,} galaxies with all bands")
    table(dict(zip([PROPERTIES[k] for k in keys] + [BURST], values, strict=True)), scores)


def missing(name, nsa, n, seeds, workers):
    """The bins by number of bands, of galaxies that lack some."""
    posterior, numbers, levels = sedflow.load_posterior(name), [], []
    for seed in seeds:
        theta, galaxies = survey_like(posterior, nsa, n, seed, missing=True)
        found = _Measurement(posterior, 1000, seed, None, n, workers).fitted(theta, galaxies)
        numbers.append(properties(galaxies)["n_band"])
        levels.append(found.levels["exact"].scores)
    scores = np.concatenate(levels)
    head(f"{name}, {len(scores):,} galaxies with bands missing")
    table({PROPERTIES["n_band"]: np.concatenate(numbers)}, scores)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default=",".join(NAMES), help="names, with commas")
    parser.add_argument("--more", default="", help="other seeds, with commas")
    parser.add_argument("--workers", type=int, default=1, help="processes for those")
    parser.add_argument("--missing", type=int, default=0, help="galaxies with bands missing")
    parser.add_argument("--only-missing", action="store_true", help="not those with all bands")
    parser.add_argument("--seed", type=int, default=2023, help="of the first of those")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    use_threads(1)
    nsa, more = sedflow.load_nsa(), [int(k) for k in options.more.split(",") if k]
    for name in options.weights.split(","):
        if not options.only_missing:
            in_all_bands(name, nsa, more, options.workers)
        if options.missing:
            missing(name, nsa, options.missing, [options.seed, *more], options.workers)


if __name__ == "__main__":
    main()

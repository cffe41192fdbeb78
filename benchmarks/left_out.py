"""Each band of atlas galaxies against what the others predict, in bins of colour and redshift.

    python benchmarks/left_out.py                       # minutes
    python benchmarks/left_out.py --weights nsa-ugriz-fsps-gas

Pulls are those of `check`: (data - prediction) over the error of both, beyond 8 counted as 8.
Galaxies of the atlas are chosen at random. Means that are off by more than 0.3 are marked, and
twice where they are off by more than two of their errors, too. For mocks see `gas.py`: those of a
validation report are chosen to look like the atlas in the band that is left out as well, and so
have the pulls of the atlas.
"""

import argparse
import os
import warnings
from itertools import pairwise

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import sedflow
from sedflow.threads import use_threads

COLORS = (-np.inf, 0.45, 0.65, np.inf)  # g - r
REDSHIFTS = (0.0, 0.025, 0.06)
MOST, GOAL = 8.0, 0.3
AT_ONCE = 40


def table(title, galaxies, posterior):
    """Mean pulls of each band in bins, with their errors."""
    parts = [
        posterior.check(galaxies[k : k + AT_ONCE]).left_out
        for k in range(0, len(galaxies), AT_ONCE)
    ]
    pulls = np.clip(np.concatenate(parts), -MOST, MOST)
    g, r = (galaxies.magnitude[:, galaxies.bands.index(b)] for b in "gr")
    print(f"### {title}\n\n| g - r | redshift | galaxies | {' | '.join(posterior.bands)} |")
    print("|---|---|---|" + "---|" * len(posterior.bands))
    off, bins = [], 0
    for bluer, redder in pairwise(COLORS):
        for near, far in pairwise(REDSHIFTS):
            z = galaxies.redshift
            some = (g - r >= bluer) & (g - r < redder) & (z >= near) & (z < far)
            if some.sum() < 5:
                continue
            cells = []
            bins += 1
            for band, column in zip(posterior.bands, pulls[some].T, strict=True):
                known = column[np.isfinite(column)]
                mean, error = known.mean(), known.std() / np.sqrt(len(known))
                wrong = abs(mean) > GOAL
                sure = wrong and abs(mean) > 2 * error
                cells.append(f"{mean:+.2f} ± {error:.2f} {'*' * (int(wrong) + int(sure))}".strip())
                off += [(band, sure)] if wrong else []
            where = f"{bluer:g} to {redder:g} | {near:g} to {far:g} | {some.sum()}"
            print(f"| {where} | {' | '.join(cells)} |", flush=True)
    means = bins * len(posterior.bands)
    print(
        f"\n{means} means; {len(off)} off by more than {GOAL:g}, {sum(sure for _, sure in off)} of "
        "them by more than two errors\n"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=240, help="of the atlas")
    parser.add_argument("--weights", default="nsa-ugriz-fsps")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    use_threads(1)
    nsa, posterior = sedflow.load_nsa(), sedflow.load_posterior(options.weights)
    rng = np.random.default_rng(options.seed)
    ids = rng.choice(nsa.ids, options.galaxies, replace=False)
    title = f"{options.weights}, galaxies of the atlas"
    table(title, nsa.photometry(ids, posterior.bands), posterior)


if __name__ == "__main__":
    main()

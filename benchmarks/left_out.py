"""Each band of atlas galaxies against what the others predict, in bins of colour and redshift.

    python benchmarks/left_out.py                       # minutes
    python benchmarks/left_out.py --weights nsa-ugriz-fsps-gas --mocks

Pulls are those of `check`: (data - prediction) over the error of both, beyond 8 counted as 8.
Galaxies of the atlas are chosen at random. Means that are off by more than 0.3 are marked, and
twice where they are off by more than two of their errors, too. `--mocks` simulates for each galaxy
and each band a galaxy that looks like it in all other bands (`gas.simulated`), at redshifts up to
0.2, and counts it by the colour of that galaxy, in which the band left out has no part. The mocks
of a validation report would not do: they were chosen to look like the atlas in the band that is
left out as well, and so have the pulls of the atlas.
"""

import argparse
import os
import warnings
from itertools import pairwise

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from gas import simulated

import sedflow
from sedflow.photometry import Photometry
from sedflow.threads import use_threads

COLORS = (-np.inf, 0.45, 0.65, np.inf)  # g - r
REDSHIFTS = (0.0, 0.025, 0.06, 0.12, 0.2)
MOST, GOAL = 8.0, 0.3
AT_ONCE = 40


def pulls_of(galaxies, posterior):
    """Pulls (n, n_band) of each band left out."""
    parts = [
        posterior.check(galaxies[k : k + AT_ONCE]).left_out
        for k in range(0, len(galaxies), AT_ONCE)
    ]
    return np.clip(np.concatenate(parts), -MOST, MOST)


def mocks_of(galaxies, posterior, band, seed):
    """For each galaxy a simulated one that looks like it in all bands but one."""
    made = [simulated(galaxies[k], posterior.model, seed, band)[0] for k in range(len(galaxies))]
    columns = ([getattr(one, name) for one in made] for name in ("flux", "sigma", "redshift"))
    return Photometry(*map(np.stack, columns), galaxies.bands)


def table(title, columns):
    """Mean pulls of each band in bins, with their errors.

    columns : band -> g - r, redshift and pull, each (n,)
    """
    print(f"### {title}\n\n| g - r | redshift | galaxies | {' | '.join(columns)} |")
    print("|---|---|---|" + "---|" * len(columns))
    off, means = [], 0
    for bluer, redder in pairwise(COLORS):
        for near, far in pairwise(REDSHIFTS):
            cells, numbers = [], []
            for band, (color, z, pulls) in columns.items():
                some = (color >= bluer) & (color < redder) & (z >= near) & (z < far)
                known = pulls[some & np.isfinite(pulls)]
                numbers.append(int(some.sum()))
                if len(known) < 5:
                    cells.append("")
                    continue
                mean, error = known.mean(), known.std() / np.sqrt(len(known))
                wrong = abs(mean) > GOAL
                sure = wrong and abs(mean) > 2 * error
                cells.append(f"{mean:+.2f} ± {error:.2f} {'*' * (int(wrong) + int(sure))}".strip())
                off += [(band, sure)] if wrong else []
                means += 1
            if any(cells):
                number = " to ".join(str(n) for n in sorted({min(numbers), max(numbers)}))
                where = f"{bluer:g} to {redder:g} | {near:g} to {far:g} | {number}"
                print(f"| {where} | {' | '.join(cells)} |", flush=True)
    print(
        f"\n{means} means; {len(off)} off by more than {GOAL:g}, {sum(sure for _, sure in off)} of "
        "them by more than two errors"
    )
    for band, (_, _, pulls) in columns.items():
        known = pulls[np.isfinite(pulls)]
        error = known.std() / np.sqrt(len(known))
        inside = " and ".join(f"{100 * np.mean(np.abs(known) < k):.0f}" for k in (1, 2))
        print(f"{band}: {known.mean():+.2f} ± {error:.2f}, {inside} % within one and two sigma")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=240, help="of the atlas")
    parser.add_argument("--weights", default="nsa-ugriz-fsps")
    parser.add_argument("--mocks", action="store_true", help="like the galaxies, not themselves")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    use_threads(1)
    nsa, posterior = sedflow.load_nsa(), sedflow.load_posterior(options.weights)
    rng = np.random.default_rng(options.seed)
    ids = rng.choice(nsa.ids, options.galaxies, replace=False)
    galaxies, bands = nsa.photometry(ids, posterior.bands), posterior.bands
    g, r = (galaxies.magnitude[:, bands.index(b)] for b in "gr")
    columns = {}
    if options.mocks:
        for k, band in enumerate(bands):
            mocks = mocks_of(galaxies, posterior, band, options.seed)
            columns[band] = g - r, mocks.redshift, pulls_of(mocks, posterior)[:, k]
    else:
        pulls = pulls_of(galaxies, posterior)
        columns = {band: (g - r, galaxies.redshift, pulls[:, k]) for k, band in enumerate(bands)}
    kind = "mocks like galaxies" if options.mocks else "galaxies"
    table(f"{options.weights}, {kind} of the atlas", columns)


if __name__ == "__main__":
    main()

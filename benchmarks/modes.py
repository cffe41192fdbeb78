"""Whether weights that pass have missed a mode: their evidence beside that of populations.

    python benchmarks/modes.py --galaxies 250       # some twenty minutes of a core

k-hat says nothing about a mode that no draw has reached; the evidence does, where it is found in
another way. Atlas galaxies are chosen at random, and those count whose first weights pass. Two
small populations that start from the prior, half of them with a recent burst, do not know the
network; their log evidence is good to some 0.2.
"""

import argparse
import os
import warnings

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import sedflow
from sedflow.sampling.mcmc import explore
from sedflow.sampling.verdict import EXACT_WEIGHTS
from sedflow.threads import use_threads

TOLD = 0.6  # in log evidence, from which the ladder distrusts weights


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=250, help="whose first weights pass")
    parser.add_argument("--weights", default="nsa-ugriz-fsps")
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    use_threads(1)
    nsa, posterior = sedflow.load_nsa(), sedflow.load_posterior(options.weights)
    lost, off = [], []
    for nsaid in np.random.default_rng(options.seed).permutation(nsa.ids):
        galaxy = nsa.photometry(int(nsaid), posterior.bands)
        fit = sedflow.fit(galaxy, posterior, n=1000, seed=1, trust="weights")
        if fit.verdict.kind != EXACT_WEIGHTS:
            continue
        _, evidence = explore(galaxy, posterior.model, posterior.prior, 1)
        off.append(evidence - fit.verdict.log_evidence)
        if off[-1] > TOLD:
            lost.append(int(nsaid))
            print(f"NSAID {nsaid}: {off[-1]:+.2f}", flush=True)
        if len(off) == options.galaxies:
            break
    print(
        f"{len(off)} galaxies: log evidence of populations minus that of weights: median "
        f"{np.median(off):+.3f}, standard deviation {np.std(off):.2f}, from {min(off):+.2f} to "
        f"{max(off):+.2f}; above {TOLD:g}: {len(lost)}"
    )


if __name__ == "__main__":
    main()

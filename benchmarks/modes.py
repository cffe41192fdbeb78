"""Whether weights that pass have missed a mode: their evidence beside that of populations.

    python benchmarks/modes.py --galaxies 250           # some twenty minutes of a core
    python benchmarks/modes.py --rung 2 --galaxies 20   # adaptive importance sampling: as many

k-hat says nothing about a mode that no draw has reached; the evidence does, where it is found in
another way. Atlas galaxies are chosen at random, and those count whose first weights pass. Two
small populations that start from the prior, half of them with a recent burst, do not know the
network; their log evidence is good to some 0.2. Galaxies of the second rung have twelve larger
ones, since the scouts have a part in its answer.
"""

import argparse
import os
import warnings

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import sedflow
from sedflow.sampling.mcmc import explore
from sedflow.sampling.verdict import EXACT_ADAPTED, EXACT_WEIGHTS
from sedflow.threads import use_threads

TOLD = 0.6  # in log evidence, from which the ladder distrusts weights


def of_populations(galaxy, posterior, rung):
    """Log evidence of a galaxy, in which the network has no part."""
    if rung == 1:
        return explore(galaxy, posterior.model, posterior.prior, 1)[1]
    sampler = sedflow.MCMCSampler(model=posterior.model, prior=posterior.prior, doublings=0)
    runs = [sampler.sample(galaxy, n=1000, seed=seed).convergence for seed in (101, 102, 103)]
    return np.logaddexp.reduce([run.log_evidence for run in runs]) - np.log(len(runs))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=250, help="whose weights pass")
    parser.add_argument("--rung", type=int, default=1, choices=(1, 2), help="that they pass on")
    parser.add_argument("--weights", default="nsa-ugriz-fsps")
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    use_threads(1)
    nsa, posterior = sedflow.load_nsa(), sedflow.load_posterior(options.weights)
    lost, off = [], []
    for nsaid in np.random.default_rng(options.seed).permutation(nsa.ids):
        galaxy = nsa.photometry(int(nsaid), posterior.bands)
        verdict = sedflow.fit(galaxy, posterior, n=1000, seed=1, trust="weights").verdict
        if options.rung == 2 and verdict.kind != EXACT_WEIGHTS:
            verdict = sedflow.fit(galaxy, posterior, n=1000, seed=1, trust="proposals").verdict
        if verdict.kind != (EXACT_WEIGHTS, EXACT_ADAPTED)[options.rung - 1]:
            continue
        evidence = of_populations(galaxy, posterior, options.rung)
        off.append(evidence - verdict.log_evidence)
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

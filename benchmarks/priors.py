"""Posteriors under another prior than the network's, against Monte Carlo under that prior.

    python benchmarks/priors.py --galaxies 30 --seeds 4      # twenty minutes on a core

Each NSA galaxy of a random choice is fitted under the prior "provabgs" by the network with the
flat one, without MCMC, once for each seed; and by MCMC under that prior, once. The table
has the mean differences and their errors from the scatter of the galaxies: of the median of
beta1, in units of its posterior's sigma, and of the log evidence.
"""

import argparse
import time
import warnings

import numpy as np

import sedflow
from sedflow.threads import use_threads

_NAMES = ("beta1", "log_mstar", "tau_ism")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--prior", default="provabgs")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    use_threads(1)
    nsa, network = sedflow.load_nsa(), sedflow.load_posterior()
    ids = np.random.default_rng(11).choice(nsa.ids, 10 * args.galaxies, replace=False)
    rows, kinds, spent = [], {}, []
    for nsaid in ids:
        if len(rows) == args.galaxies:
            break
        galaxy = nsa.photometry(int(nsaid), network.bands)
        mcmc = sedflow.MCMCSampler(prior=args.prior, doublings=1)
        try:
            draws = mcmc.sample(galaxy, n=8000, seed=1)
        except sedflow.SedflowError:
            continue
        if not draws.convergence.converged:
            continue
        pulls = []
        for seed in range(1, args.seeds + 1):
            start = time.monotonic()
            fit = sedflow.fit(
                galaxy, network, n=args.draws, seed=seed, prior=args.prior, trust="proposals"
            )
            spent.append(time.monotonic() - start)
            kind = str(fit.verdict.kind)
            kinds[kind] = kinds.get(kind, 0) + 1
            if not fit.verdict.exact:
                continue
            pull = []
            for name in _NAMES:
                low, middle, high = draws.quantile(name, [0.16, 0.5, 0.84])
                pull.append((float(fit.quantile(name, 50)) - middle) / (0.5 * (high - low)))
            pulls.append(
                [*np.ravel(pull), fit.verdict.log_evidence - float(draws.convergence.log_evidence)]
            )
        if pulls:
            rows.append(np.mean(pulls, 0))
            print(nsaid, len(pulls), np.round(rows[-1], 3).tolist(), flush=True)
    rows = np.array(rows)
    print(f"\n{len(rows)} galaxies, {args.seeds} seeds; verdicts {kinds}")
    print(f"{np.median(spent):.2f} s in the median, {np.max(spent):.2f} s at most\n")
    print("| | mean difference | its error | median over the galaxies |\n|---|---|---|---|")
    for k, name in enumerate([*(f"{n} [sigma]" for n in _NAMES), "ln evidence"]):
        error = rows[:, k].std(ddof=1) / np.sqrt(len(rows))
        middle = np.median(rows[:, k])
        print(f"| {name} | {rows[:, k].mean():+.3f} | {error:.3f} | {middle:+.3f} |")


if __name__ == "__main__":
    main()

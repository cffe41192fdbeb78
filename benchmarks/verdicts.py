"""Verdict of every galaxy of the packaged NSA sample: the last step that each needs.

    python benchmarks/verdicts.py --workers 2 --out runs/verdicts.jsonl

One line per galaxy is appended as it is finished, in an order that does not depend on the
catalogue's, and a rerun goes on where the last one ended. `--rungs 2` leaves out MCMC: what
would need it counts as such, and `--rungs 3` begins with those.
"""

import argparse
import json
import multiprocessing
import os
import warnings
from collections import Counter
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import sedflow
from sedflow.sampling.verdict import APPROXIMATE
from sedflow.threads import use_threads


def _start(n, rungs):
    global _galaxies, _posterior, _n, _trust
    warnings.simplefilter("ignore")
    use_threads(1)
    nsa = sedflow.load_nsa()
    _galaxies, _posterior = nsa.photometry(nsa.ids), sedflow.load_posterior()
    _n, _trust = n, {2: "proposals", 3: "auto"}[rungs]


def _verdict(k):
    galaxy = _galaxies[k]
    fit = sedflow.fit(galaxy, _posterior, n=_n, seed=1, trust=_trust)
    verdict = fit.verdict
    row = {name: round(value, 4) for name, value in verdict.figures().items()}
    kind = str(verdict.kind)
    if kind == APPROXIMATE:
        kind = "needs MCMC"
    theta = fit.draws.theta
    fine = bool(np.isfinite(theta).all() and np.ptp(theta[:, 0]) > 0)
    return {
        "nsaid": int(galaxy.ids),
        "verdict": kind,
        "inside": bool(verdict.inside),
        "draws": fine,
        "warning": bool(verdict.warning),
        "seconds": [round(float(s), 2) for s in verdict.seconds],
        **row,
    }


def report(rows, total):
    counts = Counter(row["verdict"] for row in rows)
    print(f"{len(rows):,} of {total:,} NSA galaxies")
    for kind, number in counts.most_common():
        print(f"  {kind:12} {number:6,}  {100 * number / len(rows):6.2f} %")
    k_hat = np.array([row.get("network_k_hat", row["k_hat"]) for row in rows])
    print(f"  first weights with k-hat < 0.7: {100 * np.mean(k_hat < 0.7):.1f} %")
    warned = np.mean([row["warning"] for row in rows])
    print(f"  data that no model describes well (p < 0.001): {100 * warned:.1f} %")
    seconds = np.array([row["seconds"] for row in rows])
    print(f"  seconds per galaxy on the rungs, mean: {seconds.mean(0).round(2).tolist()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rungs", type=int, default=3, choices=(2, 3))
    parser.add_argument("--galaxies", type=int, help="only the first ones, in the run's own order")
    parser.add_argument("--report", action="store_true", help="count what is done, and end")
    parser.add_argument("--out", type=Path, default=Path("runs/verdicts.jsonl"))
    options = parser.parse_args()
    nsa = sedflow.load_nsa()
    order = np.random.default_rng(7).permutation(len(nsa))[: options.galaxies]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    done = {}
    if options.out.exists():
        rows = [json.loads(line) for line in options.out.read_text().splitlines()]
        done = {row["nsaid"]: row for row in rows}
    undone = [key for key, row in done.items() if row["verdict"] == "needs MCMC"]
    left = [int(k) for k in order if int(nsa.ids[k]) not in done]
    if options.rungs == 3:  # first what was left to MCMC
        left = [int(k) for k in order if int(nsa.ids[k]) in undone] + left
    if options.report:
        report(list(done.values()), len(nsa))
        return
    context = multiprocessing.get_context("spawn")
    start = context.Pool(options.workers, _start, (options.draws, options.rungs))
    with start as pool, options.out.open("a") as file:
        for row in pool.imap_unordered(_verdict, left):
            done[row["nsaid"]] = row
            file.write(json.dumps(row) + "\n")
            file.flush()
            if len(done) % 500 == 0:
                report(list(done.values()), len(nsa))
    report([done[int(nsa.ids[k])] for k in order], len(nsa))


if __name__ == "__main__":
    main()

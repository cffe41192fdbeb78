"""Network, exact weights and MCMC side by side: distances, seconds and verdicts.

    python benchmarks/trust.py --galaxies 20 --out runs/trust.json

For as many NSA galaxies and as many simulated ones, drawn at random: 10,000 draws of the
network; the same after `trust="auto"`; and `MCMCSampler()`, which does not use the
network. Distances are `sedflow.validation.distance` to MCMC. Their floor is what two halves of
the MCMC draws have.
"""

import argparse
import json
import os
import time
import warnings
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import sedflow
from sedflow.sampling.verdict import VERDICTS, as_kind
from sedflow.threads import use_threads
from sedflow.validation.distances import distance

_KINDS = ("NSA", "simulated")
_ROWS = (
    ("seconds, network", "seconds_network", "{:.2f}"),
    ("seconds, weights and verdict", "seconds_exact", "{:.2f}"),
    ("seconds, MCMC", "seconds_mcmc", "{:.1f}"),
    ("ESS of the weights, of 10,000", "ess", "{:.0f}"),
    ("k-hat of the weights", "k_hat", "{:.2f}"),
    ("gap, network to exact [nats]", "gap", "{:.2f}"),
    ("largest R-hat of MCMC", "r_hat", "{:.3f}"),
    ("Wasserstein [sigma], network", "wasserstein_network", "{:.3f}"),
    ("Wasserstein [sigma], exact", "wasserstein_exact", "{:.3f}"),
    ("Wasserstein [sigma], floor", "wasserstein_floor", "{:.3f}"),
    ("C2ST, network", "c2st_network", "{:.3f}"),
    ("C2ST, exact", "c2st_exact", "{:.3f}"),
    ("C2ST, floor", "c2st_floor", "{:.3f}"),
    ("ln evidence, exact - MCMC", "evidence", "{:+.2f}"),
)


def compare(galaxy, posterior, n):
    """The three posteriors of one galaxy: a row of figures."""
    start = time.perf_counter()
    network = sedflow.fit(galaxy, posterior, n=n, seed=1, trust=None)
    drawn = time.perf_counter()
    exact = sedflow.fit(galaxy, posterior, n=n, seed=1, trust="auto")
    weighted = time.perf_counter()
    reference = sedflow.MCMCSampler(model=network.model).sample(galaxy, n=n, seed=2)
    done = time.perf_counter()
    chains, verdict = reference.convergence, exact.verdict
    row = {
        "verdict": verdict.kind,
        "inside": bool(verdict.inside),
        "k_hat": verdict.network_k_hat,
        "ess": verdict.network_ess,
        "gap": verdict.gap,
        "warning": bool(verdict.warning),
        "converged": bool(chains.converged),
        "r_hat": float(chains.r_hat.max()),
        "ess_bulk": float(chains.ess_bulk.min()),
        "ess_tail": float(chains.ess_tail.min()),
        "seconds_network": drawn - start,
        "seconds_exact": weighted - drawn,
        "seconds_mcmc": done - weighted,
        "evidence": float(verdict.log_evidence - chains.log_evidence),
        "evidence_error": float(np.hypot(verdict.log_evidence_error, chains.log_evidence_error)),
    }
    for name, draws in (("network", network.draws), ("exact", exact.draws)):
        try:
            d = distance(draws, reference, seed=1)
        except sedflow.SedflowError:  # too few effective draws
            continue
        row[f"wasserstein_{name}"] = float(d.wasserstein.mean())
        row[f"wasserstein_worst_{name}"] = float(d.wasserstein.max())
        row[f"shift_worst_{name}"] = float(np.abs(d.shift).max())
        row[f"c2st_{name}"] = float(d.c2st)
        row["wasserstein_floor"] = float(d.wasserstein_floor.mean())
        row["c2st_floor"] = float(d.c2st_floor)
    return row


def table(rows):
    """Markdown: median, and the 16 and 84 % points, of each figure and each kind of galaxy."""
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    lines = [f"| median (16-84 %) | {' | '.join(kinds)} |", "|---" * (1 + len(kinds)) + "|"]
    for title, name, form in _ROWS:
        cells = []
        for kind in kinds:
            values = [row[name] for row in rows if row["kind"] == kind and name in row]
            low, middle, high = (form.format(v) for v in np.quantile(values, [0.16, 0.5, 0.84]))
            cells.append(f"{middle} ({low} to {high})")
        lines.append(f"| {title} | {' | '.join(cells)} |")
    for title, test in (
        *(
            (f"verdict {kind}", lambda r, kind=kind: as_kind(r["verdict"]) == kind)
            for kind in VERDICTS
        ),
        ("MCMC converged", lambda r: r["converged"]),
    ):
        cells = []
        for kind in kinds:
            mine = [test(row) for row in rows if row["kind"] == kind]
            cells.append(f"{sum(mine)} of {len(mine)}")
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=20)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--kinds", nargs="+", choices=_KINDS, default=_KINDS)
    parser.add_argument("--table", type=Path, nargs="+", help="only print the table of such files")
    parser.add_argument("--out", type=Path, help="write the rows as JSON, after every galaxy")
    options = parser.parse_args()
    if options.table:
        print(table([row for path in options.table for row in json.loads(path.read_text())]))
        return
    warnings.simplefilter("ignore")
    use_threads(1)
    nsa, posterior = sedflow.load_nsa(), sedflow.load_posterior()
    rng = np.random.default_rng(options.seed)
    chosen = rng.choice(nsa.ids, options.galaxies, replace=False)
    _, simulated = sedflow.simulate(options.galaxies, seed=options.seed)
    compare(nsa.photometry(72), posterior, 500)  # imports and tables
    samples = {"NSA": nsa.photometry(chosen), "simulated": simulated}
    rows = []
    for kind in options.kinds:
        galaxies = samples[kind]
        for k in range(options.galaxies):
            row = {"kind": kind, "id": int(chosen[k]) if kind == "NSA" else k}
            rows.append(row | compare(galaxies[k], posterior, options.draws))
            print(kind, rows[-1]["id"], rows[-1]["verdict"], f"{rows[-1]['r_hat']:.3f}", flush=True)
            if options.out:
                options.out.write_text(json.dumps(rows, indent=1) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()

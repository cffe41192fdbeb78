"""The shipped architecture beside the published one, by the same training loop.

    python benchmarks/architectures.py                        # about an hour on one core
    python benchmarks/architectures.py --simulations 200000   # a quick look

The coupling flow learns from a given number of simulations. The masked autoregressive flow of
Hahn & Melchior (2022), 15 MADE blocks 500 wide, learns once from as many (equal data) and once
for as long (equal cost, with a schedule of its own), at the published training's learning rate.
Cost is processor time, taken from a short training of each, so that other work on the machine
does not count. All are measured on the same galaxies.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from sedflow import load_nsa, load_posterior, validate
from sedflow.network.training import TrainingConfig, train
from sedflow.threads import use_threads
from sedflow.validation.report import QUANTITIES

_MAF_RATE = 5e-4
_SHORT = 131_072  # simulations of the training that tells the cost


def seconds_of(posterior, n_draw, galaxies=3):
    """Seconds to make this many draws of a galaxy; the best of a few."""
    nsa = load_nsa()
    posterior.sample(nsa.photometry(72), n=100, seed=1)
    taken = []
    for nsaid in nsa.ids[:galaxies]:
        start = time.perf_counter()
        posterior.sample(nsa.photometry(nsaid), n=n_draw, seed=1)
        taken.append(time.perf_counter() - start)
    return min(taken)


def seconds_per_simulation(config):
    """Processor time of learning from one simulation, without the preparations."""
    times = []
    with TemporaryDirectory() as folder:
        short = replace(config, name="cost", simulations=_SHORT)
        train(short, folder, lambda seen, row: times.append((seen, time.process_time())))
    (first, start), (last, end) = times[0], times[-1]
    return (end - start) / (last - first)


def measure(label, posterior, n, cost):
    """The row of a network in the table."""
    report = validate(posterior, n=n, n_draw=500, seed=5, n_nsa=100, local=False).summary
    training = posterior.record["training"]
    ks = np.array([report["ks"]["network"][q] for q in QUANTITIES])
    return {
        "network": label,
        "weights": sum(p.numel() for p in posterior.flow.parameters()),
        "simulations": training["simulations_seen"],
        "minutes": training["simulations_seen"] * cost / 60,
        "held_out_log_prob": training["curve"][-1]["held_out_log_prob"],
        "gap": report["gap"],
        "ks_max": float(ks.max()),
        "band_95": report["band_95"],
        "ess_share": report["weights_hold"]["simulated"]["ess_share"]["50"],
        "seconds_10k": round(seconds_of(posterior, 10_000), 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=1_500_000)
    parser.add_argument("--galaxies", type=int, default=300)
    parser.add_argument("--output", type=Path, default=Path("runs/architectures"))
    args = parser.parse_args()
    use_threads(1)
    config = TrainingConfig.named("coupling", simulations=args.simulations)
    maf = TrainingConfig.named(
        "maf", architecture="maf", simulations=args.simulations, learning_rate=_MAF_RATE
    )

    def trained(config):
        path = args.output / f"{config.name}.safetensors"
        return load_posterior(path) if path.exists() else train(config, args.output)

    networks = {"coupling": trained(config), "maf, equal data": trained(maf)}
    cost = [seconds_per_simulation(config), seconds_per_simulation(maf)]
    fewer = int(args.simulations * cost[0] / cost[1])
    networks["maf, equal cost"] = trained(replace(maf, name="maf-cost", simulations=fewer))
    rows = [
        measure(label, posterior, args.galaxies, cost[label != "coupling"])
        for label, posterior in networks.items()
    ]
    (args.output / "table.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(
        "| network | weights | simulations | processor minutes | held-out log q "
        "| gap mean / median | largest KS (95 % below) | ESS share | 10,000 draws |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for r in rows:
        print(
            f"| {r['network']} | {r['weights'] / 1e6:.1f} M | {r['simulations'] / 1e6:.2f} M "
            f"| {r['minutes']:.1f} | {r['held_out_log_prob']:.2f} "
            f"| {r['gap']['mean']:.2f} / {r['gap']['median']:.2f} "
            f"| {r['ks_max']:.3f} ({r['band_95']:.3f}) | {100 * r['ess_share']:.0f} % "
            f"| {r['seconds_10k']:.2f} s |"
        )


if __name__ == "__main__":
    main()

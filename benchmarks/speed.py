"""Speed and memory of the forward model and of the amortized posterior, in one run.

    python benchmarks/speed.py            # about a quarter of an hour on two cores
    python benchmarks/speed.py --quick    # two minutes, a tenth of the galaxies

Every figure of one run is made on the same machine in the same minutes: compare them with each
other, not with another day's.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import torch
from zuko.transforms import MonotonicRQSTransform

from sedflow import Prior, SEDModel, fit, load_nsa, load_posterior, reweight
from sedflow.bands import ab_magnitude
from sedflow.network.flow import build_flow
from sedflow.network.spline import RationalQuadraticSpline
from sedflow.threads import use_threads

N_FAST, N_EXACT = 100_000, 1000
_FIRST = """
import time; start = time.perf_counter()
import sedflow
from sedflow.threads import use_threads
use_threads(1)
galaxy = sedflow.load_nsa().photometry(72)
sedflow.load_posterior().sample(galaxy, n=10_000, seed=1)
print(time.perf_counter() - start)
"""


def models(n, seed):
    """Draws with bursts over the whole prior, and redshifts."""
    rng = np.random.default_rng(seed)
    return Prior().sample(n, rng), rng.uniform(0.001, 0.2, n)


def forward_rate(n, method, seed=0):
    """Models per second of one path in this process."""
    use_threads(1)
    model = SEDModel()
    model.photometry(*models(10, 1), method=method)
    theta, z = models(n, seed)
    start = time.perf_counter()
    model.photometry(theta, z, method=method)
    return n / (time.perf_counter() - start)


def million_models():
    """Peak memory [GB] of a process that makes a million models, and what it held before."""
    use_threads(1)
    model = SEDModel()
    model.fast()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model.photometry(*models(1_000_000, 2), method="fast")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return after / 1e6, before / 1e6


def sample_rate(ids, n_draw):
    """Galaxies per second of one process, of these galaxies."""
    use_threads(1)
    posterior, galaxies = load_posterior(), load_nsa().photometry(ids)
    posterior.sample(galaxies[0], n=n_draw, seed=1)
    start = time.perf_counter()
    for k in range(len(galaxies)):
        draws = posterior.sample(galaxies[k], n=n_draw, seed=1)
        assert np.isfinite(draws.theta).all()
    return len(galaxies) / (time.perf_counter() - start)


def published_rate(ids, n_draw):
    """The same with a masked autoregressive flow of the published size in the network's place.

    Its weights are random: what they are makes no difference to the time.
    """
    use_threads(1)
    posterior, galaxies = load_posterior(), load_nsa().photometry(ids)
    shape = replace(posterior.flow.config, kind="maf", layers=15, hidden=500)
    posterior.flow = build_flow(shape).eval()
    start = time.perf_counter()
    for k in range(len(galaxies)):
        posterior.sample(galaxies[k], n=n_draw, seed=1)
    return len(galaxies) / (time.perf_counter() - start)


def spline_times():
    """Seconds that 14 inverses of the network's spline take, and as many of zuko's: 1,000 draws."""
    use_threads(1)
    config = load_posterior().flow.config
    m, k = config.features // 2, config.bins
    raw, y = torch.randn(m, 3 * k - 1, 1000), torch.randn(m, 1000)
    points_first = raw.movedim(1, -1).movedim(0, 1).contiguous()
    y_first = y.T.contiguous()

    def ours():
        RationalQuadraticSpline(raw, config.bound).inverse(y)

    def zukos():
        parts = points_first.split([k, k, k - 1], dim=-1)
        MonotonicRQSTransform(*parts, bound=config.bound).inv.call_and_ladj(y_first)

    seconds = []
    with torch.inference_mode():
        for invert in (ours, zukos):
            invert()
            start = time.perf_counter()
            for _ in range(20 * config.layers):
                invert()
            seconds.append((time.perf_counter() - start) / 20)
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the galaxies")
    quick = parser.parse_args().quick
    use_threads(1)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, one thread a process\n")

    def pool(n):
        return ProcessPoolExecutor(n, mp_context=get_context("spawn"))

    exact = forward_rate(N_EXACT, "exact")
    fast = forward_rate(N_FAST, "fast")
    with pool(2) as workers:
        both = sum(workers.map(forward_rate, [N_FAST] * 2, ["fast"] * 2, [3, 4]))
    theta, z = models(N_EXACT, 5)
    model = SEDModel()
    error = ab_magnitude(model.photometry(theta, z)) - ab_magnitude(
        model.photometry(theta, z, method="fast")
    )
    with pool(1) as workers:
        peak, before = workers.submit(million_models).result()
    print("Forward model, ugriz, with bursts")
    print(f"  exact path, one core      {exact:10,.0f} models/s")
    print(f"  fast path, one core       {fast:10,.0f} models/s   x {fast / exact:.0f}")
    print(f"  fast path, two cores      {both:10,.0f} models/s   x {both / exact:.0f}")
    worst = np.percentile(np.abs(error), 99.9)
    print(f"  |fast - exact|, 99.9 %    {worst:10.5f} mag (largest {np.abs(error).max():.5f})")
    print(f"  a million models          {peak:10.2f} GB at the peak, {before:.2f} before\n")

    ours, zukos = spline_times()
    print("Splines of 1,000 draws, all layers")
    print(f"  here                      {1e3 * ours:10.1f} ms")
    print(f"  zuko                      {1e3 * zukos:10.1f} ms   x {zukos / ours:.1f}\n")

    first = float(subprocess.check_output([sys.executable, "-c", _FIRST], text=True))
    posterior, galaxy = load_posterior(), load_nsa().photometry(72)
    posterior.sample(galaxy, n=10_000, seed=1)
    start = time.perf_counter()
    for seed in range(5):
        posterior.sample(galaxy, n=10_000, seed=seed)
    warm = (time.perf_counter() - start) / 5
    print("Amortized posterior, one galaxy, 10,000 draws")
    print(f"  first of a process        {first:10.2f} s, import and loading included")
    print(f"  warm                      {warm:10.2f} s")
    drawn = [fit(galaxy, posterior, n=10_000, seed=seed, trust=None) for seed in range(6)]
    reweight(drawn.pop(), min_ess=0)
    start = time.perf_counter()
    for one in drawn:
        reweight(one, min_ess=0)
    weighed = (time.perf_counter() - start) / 5
    print(f"  their exact weights       {weighed:10.2f} s\n")

    ids = load_nsa().ids
    print("Galaxies of the NSA sample, two processes")
    for n_draw, step in ((1000, 10 if quick else 1), (10_000, 100 if quick else 20)):
        chosen = ids[::step]
        with pool(2) as workers:
            rate = sum(workers.map(sample_rate, np.array_split(chosen, 2), [n_draw] * 2))
        hours = len(ids) / rate / 3600
        print(
            f"  {n_draw:6,} draws each        {rate:10.1f} galaxies/s ({len(chosen):,} of "
            f"{len(ids):,} run; the whole sample in {hours:.2f} h)"
        )
    with pool(2) as workers:
        few = ids[:: len(ids) // (4 if quick else 12)]
        slow = sum(workers.map(published_rate, np.array_split(few, 2), [10_000] * 2))
    print(
        f"  10,000 by a 15 x 500 MAF    {slow:10.3f} galaxies/s ({len(few)} run): "
        f"x {rate / slow:.0f}"
    )


if __name__ == "__main__":
    main()

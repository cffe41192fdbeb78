"""The fast forward model and its slopes, before and after they became graphs, in one run.

    python benchmarks/engine.py           # two minutes
    python benchmarks/engine.py --quick   # half a minute, fewer repeats

Processor time of one thread, the least of some repeats. "numpy" is the fast path as it was, and
"torch" among the slopes the gradient as it was; among the models it is the module that the graphs
were exported from.
"""

import argparse
import os
import time

import numpy as np
import torch
from numpy_path import NumpyPhotometry
from torch_slopes import TorchSlopes

from sedflow import Prior, SEDModel, load_nsa
from sedflow.bands import UGRIZ, ab_magnitude
from sedflow.model.graph import ForwardModel
from sedflow.sampling.gradient import PosteriorGradient
from sedflow.threads import use_threads

N_DRAW, N_TABLE = 2500, 50_000
UV = ("galex_FUV", "galex_NUV", *UGRIZ)


def rate(function, n, repeats):
    """Calls of n rows: rows per second of processor time."""
    function()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    return n / min(seconds)


def models(n, model, bands, redshifts):
    """Prior draws, half of them with a burst in the last 300 Myr, and redshifts."""
    rng = np.random.default_rng(1)
    theta = Prior().sample(n, rng)
    theta[::2, 6] = 10 ** rng.uniform(-2, np.log10(0.3), n - n // 2)
    return theta, rng.choice(rng.uniform(1e-4, model.max_redshift(bands), redshifts), n)


def forward(ssp, bands, repeats):
    """Print the rates of one grid and set of bands."""
    model = SEDModel(ssp)
    old, new, module = NumpyPhotometry(model, bands), model.fast(bands), ForwardModel(model, bands)
    theta, _ = models(N_DRAW, model, bands, 2)
    z = np.full(N_DRAW, 0.05)
    print(f"Forward model, {ssp}, {len(bands)} bands [models per second and core]")
    before, after = (rate(lambda f=f: f.unscaled(theta, z), N_DRAW, repeats) for f in (old, new))
    many, at = models(N_TABLE, model, bands, N_TABLE)
    tensors = torch.tensor(many[:8192]), torch.tensor(at[:8192])
    with torch.inference_mode():
        in_torch = rate(lambda: module(*tensors), 8192, 2)
    was, now = (rate(lambda f=f: f.unscaled(many, at), N_TABLE, 2) for f in (old, new))
    first = []
    for redshift in np.linspace(0.04, 0.06, 3 * repeats):
        start = time.process_time()
        new.tables.at(redshift)
        first.append(time.process_time() - start)
    print(f"  {N_DRAW:,} draws of a galaxy: numpy {before:9,.0f}, graph {after:9,.0f}", end="")
    print(f"   x {after / before:.2f}")
    print(
        f"  {N_TABLE:,} redshifts: numpy {was:9,.0f}, graph {now:9,.0f}   x {now / was:.2f}", end=""
    )
    print(f", torch {in_torch:9,.0f}")
    print(f"  a new redshift costs {1e3 * np.median(first):.2f} ms")
    theta, z = models(2000, model, bands, 100)
    exact = model.photometry(theta, z, bands)
    for name, fast in (("numpy", old), ("graph", new)):
        flux = fast(theta, z)
        seen = exact > 1e-20
        error = np.abs(ab_magnitude(flux[seen]) - ab_magnitude(exact[seen]))
        print(f"  |{name} - exact|: {np.quantile(error, 0.999):.5f} mag at 99.9 %", end="")
        print(f", {error.max():.5f} at most")


def slopes(repeats):
    """Print the cost of a slope of the log posterior."""
    model, prior, galaxy = SEDModel(), Prior(), load_nsa().photometry(72)
    x = np.random.default_rng(2).standard_normal((600, 10))
    print("Slope of the log posterior, 600 walkers of one galaxy")
    for name, kind in (("torch", TorchSlopes), ("graph", PosteriorGradient)):
        start = time.process_time()
        slope = kind(model, prior, galaxy)
        made = time.process_time() - start
        each = 1e6 / rate(lambda slope=slope: slope(x), len(x), 5 * repeats)
        print(f"  {name}: {each:5.2f} us a slope, {1e3 * made:.0f} ms for a new galaxy")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    repeats = 3 if parser.parse_args().quick else 9
    use_threads(1)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for ssp, bands in (("fsps", UGRIZ), ("bc03", UGRIZ), ("bc03", UV)):
        forward(ssp, bands, repeats)
    slopes(repeats)


if __name__ == "__main__":
    main()

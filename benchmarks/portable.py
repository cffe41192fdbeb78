"""Drawing in ONNX Runtime against drawing in torch, in one run.

    python benchmarks/portable.py                # three minutes on two cores
    python benchmarks/portable.py --maf 12       # and the published flow, of 12 galaxies
    python benchmarks/portable.py --installed    # and the size of an installation without extras

Every row alternates between the two, so that both meet the same load. Seconds are of the wall
clock, and of the processor (all threads together) in brackets.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import replace
from pathlib import Path

import numpy as np

import sedflow
from sedflow.network.flow import build_flow
from sedflow.threads import use_threads

ROOT = Path(__file__).parent.parent
N_DRAW = 10_000
_NEW = """
import time; start = time.perf_counter()
import numpy as np, sedflow
from sedflow.threads import use_threads
use_threads(1)
posterior = sedflow.load_posterior()
if {torch}:
    posterior.flow = posterior.flow
flux = np.array([30.35, 75.72, 104.3, 130.4, 145.6])
galaxy = sedflow.Photometry(flux, 0.03 * flux, 0.0488)
posterior.sample(galaxy, n=10_000, seed=1)
print(time.perf_counter() - start, time.process_time())
"""


def seconds(work):
    """Of the wall clock and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def in_turn(rounds, *works):
    """Median seconds (wall, processor) of each, after a first call of each."""
    for work in works:
        work()
    times = np.array([[seconds(work) for work in works] for _ in range(rounds)])
    return np.median(times, axis=0)


def show(name, rows, digits=3):
    (new, new_cpu), (old, old_cpu) = rows
    print(
        f"{name:38} {new:8.{digits}f} ({new_cpu:.{digits}f})  {old:8.{digits}f} "
        f"({old_cpu:.{digits}f})   x {old / new:.1f} (x {old_cpu / new_cpu:.1f})"
    )


def new_process(torch):
    code = _NEW.format(torch=torch)
    out = subprocess.check_output([sys.executable, "-W", "ignore", "-c", code], text=True)
    return [float(word) for word in out.split()]


def published(posterior, galaxies):
    """Seconds per galaxy of the network, and of a masked flow of the published size.

    Its weights are random: what they are makes no difference to the time.
    """
    slow = sedflow.load_posterior()
    shape = replace(slow.flow.config, kind="maf", layers=15, hidden=500)
    slow.flow = build_flow(shape)
    times = np.empty((len(galaxies), 2, 2))
    for k in range(len(galaxies)):
        for j, network in enumerate((posterior, slow)):
            times[k, j] = seconds(lambda n=network, g=galaxies[k]: n.sample(g, N_DRAW, seed=1))
    return times.mean(0)


def installed():
    """Megabytes of an environment with the core alone, without pip and setuptools."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip = [f"{folder}/bin/python", "-m", "pip", "install", "--quiet", "-c"]
        subprocess.run([*pip, ROOT / "constraints.txt", ROOT], check=True)
        site = next(Path(folder).glob("lib/python*/site-packages"))
        size = {
            path.name: sum(f.stat().st_size for f in [path, *path.rglob("*")] if f.is_file()) / 1e6
            for path in site.iterdir()
            if not path.name.startswith(("pip", "setuptools"))
        }
    largest = sorted(size.items(), key=lambda item: -item[1])[:14]
    parts = ", ".join(f"{name} {mb:.0f}" for name, mb in largest)
    print(f"\ninstalled core: {sum(size.values()):.0f} MB ({parts})")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--maf", type=int, default=0, help="galaxies of the published flow")
    parser.add_argument("--installed", action="store_true", help="install the core, and weigh it")
    options = parser.parse_args()
    use_threads(1)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print(f"{'seconds (of the processor)':38} {'ONNX Runtime':>16}  {'torch':>16}")
    graphs, torch = sedflow.load_posterior(), sedflow.load_posterior()
    torch.flow = torch.flow
    nsa = sedflow.load_nsa()
    galaxy = nsa.photometry(72)
    context = graphs.context(galaxy)
    noise = np.random.default_rng(1).standard_normal((2500, 10), dtype=np.float32)
    flows = [p._flow for p in (graphs, torch)]
    rows = in_turn(options.rounds, *(lambda f=f: f.to_x(noise, context) for f in flows))
    show("the flow alone, 2,500 draws, a thread", rows, 4)
    both = (graphs, torch)
    rows = in_turn(options.rounds, *(lambda p=p: p.sample(galaxy, N_DRAW, seed=1) for p in both))
    show("10,000 draws, two threads", rows)
    rows = in_turn(
        options.rounds,
        *(lambda p=p: sedflow.fit(galaxy, p, n=N_DRAW, seed=1, trust="weights") for p in both),
    )
    show("with exact weights and verdict", rows)
    rows = np.median([[new_process(False), new_process(True)] for _ in range(5)], axis=0)
    show("new process: import, load, 10,000", rows, 2)
    if options.maf:
        rows = published(graphs, nsa.photometry(nsa.ids[:: len(nsa.ids) // options.maf]))
        show(f"against a 15 x 500 MAF, {options.maf} galaxies", rows)
    if options.installed:
        installed()


if __name__ == "__main__":
    main()

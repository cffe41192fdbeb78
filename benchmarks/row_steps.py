"""Where the processor time of a row of a catalogue goes, step by step, in one process.

    python benchmarks/row_steps.py              # 200 rows of 1,000 draws, some minutes
    python benchmarks/row_steps.py --rows 50

A timer of the processor time interrupts the run every two milliseconds; what has passed since the
last time counts for the step that is being made. Beside each other: the galaxy's own posterior,
and the posteriors without a band, for which the network is asked.
"""

import argparse
import os
import resource
import signal
import time
from collections import Counter

import numpy as np

from sedflow import load_posterior, simulate
from sedflow.bands import UGRIZ
from sedflow.catalogue.guess import guess_mapping
from sedflow.catalogue.infer import infer_rows
from sedflow.threads import use_threads

_TICK = 0.002  # seconds
#: The innermost of these that is running says which step it is: end of a file's name, function.
STEPS = (
    ("network/runtime.py", "", "flow"),
    ("model/fast.py", "run_graph", "forward model"),
    ("model/mass.py", "", "mass"),
    ("model/flow_and_mass.py", "", "parameters and densities"),
    ("network/posterior.py", "_pushed", "more draws where 1,000 do not pass, in threads"),
    ("sampling/pareto.py", "", "weights"),
    ("sampling/importance.py", "", "weights"),
    ("model/derived.py", "derive", "derived quantities"),
    ("draws.py", "weighted_quantile", "quantiles"),
    ("network/domain.py", "check", "training domain"),
)


class Watch:
    """Seconds of the processor by step and by whose draws, while the timer runs."""

    def __init__(self):
        self.seconds, self._last = Counter(), 0.0

    def __enter__(self):
        self._last = time.process_time()
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, _TICK, _TICK)
        return self

    def __exit__(self, *error):
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _look(self, number, frame):
        now, step, asked = time.process_time(), "", False
        while frame is not None:
            code = frame.f_code
            step = step or _step(code.co_filename, code.co_name)
            asked |= code.co_name == "_asked"
            frame = frame.f_back
        self.seconds[step or "all else", asked] += now - self._last
        self._last = now


def _step(file, function):
    for end, name, step in STEPS:
        if file.endswith(end) and name in ("", function):
            return step
    return ""


def table(n):
    """n galaxies of the prior, with the errors of the atlas."""
    _, galaxies = simulate(n, seed=n)
    columns = {"id": np.arange(n), "redshift": galaxies.redshift}
    for k, band in enumerate(UGRIZ):
        columns[f"flux_{band}"] = galaxies.flux[:, k]
        columns[f"flux_err_{band}"] = galaxies.sigma[:, k]
    return columns


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--draws", type=int, default=1000)
    options = parser.parse_args()
    use_threads(1)
    posterior, n = load_posterior(), options.rows
    few, many = table(3), table(n)
    mapping = guess_mapping(few).in_unit("nanomaggies")
    infer_rows(few, mapping, posterior, n=options.draws, keep=100)
    start = time.process_time()
    with Watch() as watch:
        infer_rows(many, mapping, posterior, n=options.draws, keep=100)
    total = time.process_time() - start
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {n} rows")
    print(f"{'[ms of the processor, a row]':50} {'own':>8} {'left out':>8}")
    sums = np.zeros(2)
    for step in dict.fromkeys(step for (step, _), _ in watch.seconds.most_common()):
        both = np.array([1e3 * watch.seconds[step, asked] / n for asked in (False, True)])
        print(f"{step:50} {both[0]:8.1f} {both[1]:8.1f}")
        sums += both
    print(f"{'sum':50} {sums[0]:8.1f} {sums[1]:8.1f}")
    w, h = np.ones((192, 192), np.float32), np.ones((192, 1000), np.float32)
    begin = time.process_time()
    for _ in range(200):
        w @ h
    rate = 200 * 2 * w.size * h.shape[1] / (time.process_time() - begin) / 1e9
    print(f"{total / n:.3f} s a row; a product of the network's size runs at {rate:.0f} GFLOP/s")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()

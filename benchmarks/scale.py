"""Rate, memory and output of catalogue inference, on a catalogue drawn from the prior.

    python benchmarks/scale.py                              # 1,000 rows
    python benchmarks/scale.py --rows 1000 10000 --workers 2
    python benchmarks/scale.py --rows 1000000 --folder /scratch/scale

The galaxies are those of `sedflow.simulate`: parameters from the prior, redshifts to 0.3, the
errors of the NASA-Sloan Atlas. Started again with the same folder, it goes on where it stopped.
"""

import argparse
import json
import os
import resource
import tempfile
import threading
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from sedflow import simulate
from sedflow.bands import UGRIZ
from sedflow.catalogue.read.open import open_catalogue
from sedflow.catalogue.rows import guess_mapping
from sedflow.catalogue.run import infer_catalogue
from sedflow.figures.run_page import write_run_page

_CHUNK = 20_000  # galaxies simulated at a time


def write_catalogue(path, n):
    """n galaxies of the prior, as Parquet."""
    if path.exists():
        return
    writer = None
    for start in range(0, n, _CHUNK):
        size = min(_CHUNK, n - start)
        _, galaxies = simulate(size, seed=n + start)
        columns = {"id": np.arange(start, start + size), "redshift": galaxies.redshift}
        for k, band in enumerate(UGRIZ):
            columns[f"nmgy_{band}"] = galaxies.flux[:, k]
            columns[f"nmgy_err_{band}"] = galaxies.sigma[:, k]
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path.with_suffix(".new"), table.schema)
        writer.write_table(table)
    writer.close()
    path.with_suffix(".new").rename(path)


class Watch:
    """Largest resident memory [bytes] and processor time [s] of the child processes.

    Looked at from a thread twice a second, as long as they run.
    """

    def __init__(self):
        self.peak, self._cpu, self._stop = 0, {}, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        self._thread.join()

    @property
    def cpu(self):
        return sum(self._cpu.values())

    def _watch(self):
        me = psutil.Process()
        while not self._stop.wait(0.5):
            for child in me.children(recursive=True):
                try:
                    self.peak = max(self.peak, child.memory_info().rss)
                    self._cpu[child.pid] = sum(child.cpu_times()[:2])
                except psutil.NoSuchProcess:
                    continue


def measure(folder, n, options):
    """One line of the table: a whole run over n galaxies."""
    path = folder / f"prior-{n}.parquet"
    out = folder / f"out-{n}-{options['n']}-{options['trust']}"
    writer = get_context("spawn").Process(target=write_catalogue, args=(path, n))
    writer.start()  # in a process of its own, which is not part of the client's memory
    writer.join()
    mapping = guess_mapping(open_catalogue(path))
    with Watch() as watch:
        summary = infer_catalogue(path, out, mapping=mapping, **options)
    write_run_page(out)
    run = summary["this_run"]
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    size = summary["bytes"]
    verdicts = {k: v for k, v in summary["verdict"].items() if v}
    print(
        f"{n:>10,} rows  {run['rows']:>9,} now in {run['seconds']:>9,.1f} s on {run['workers']}"
        f"  {run['rows_per_second']:>6.2f}/s  {run['rows_per_second'] / run['workers']:>5.2f}/s "
        f"a worker  {watch.cpu / max(run['rows'], 1):.3f} CPU s a row, start of workers included  "
        f"worker peak {watch.peak / 1e9:.2f} GB  client peak {own / 1e9:.2f} GB  "
        f"results {size['results'] / n * 1e6 / 1e9:.3f} GB a million  "
        f"draws {size['draws'] / n * 1e6 / 1e9:.3f}  {json.dumps(verdicts)}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1000])
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--draws", type=int, default=1000, help="drawn for each galaxy")
    parser.add_argument("--keep", type=int, default=0, help="draws kept of each galaxy")
    parser.add_argument("--trust", default="weights", choices=("weights", "auto"))
    parser.add_argument("--folder", type=Path, help="kept, to go on later; default: a new one")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, one thread a worker")
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for n in options.rows:
            measure(
                folder,
                n,
                {
                    "workers": options.workers,
                    "n": options.draws,
                    "keep": options.keep,
                    "trust": options.trust,
                },
            )


if __name__ == "__main__":
    main()

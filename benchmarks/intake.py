"""How fast a catalogue is taken in, and in how much memory.

    python benchmarks/intake.py                      # a million rows of CSV, two minutes
    python benchmarks/intake.py --rows 100000 --forms csv fits parquet

Each form is converted in a process of its own; memory is what it gained over its start.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy.table import Table

UGRIZ = "ugriz"


def table(n):
    """Rows (n) of ID, redshift, five fluxes and their errors [nanomaggies]."""
    rng = np.random.default_rng(1)
    out = Table({"id": 10**18 + np.arange(n), "redshift": rng.uniform(0.01, 0.3, n).round(5)})
    for band in UGRIZ:
        out[f"flux_{band}"] = rng.uniform(10, 1000, n).round(4)
        out[f"flux_err_{band}"] = rng.uniform(0.1, 5, n).round(4)
    return out


def convert(path):
    """Take a file in; prints seconds, rows and megabytes."""
    from sedflow.catalogue.guess import guess_mapping
    from sedflow.catalogue.intake import take_in
    from sedflow.catalogue.read.open import open_catalogue

    def megabytes():  # the most of this process alone; ru_maxrss has its parent's, too
        status = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1e3 for line in status if line.startswith("VmHWM"))

    first = open_catalogue(path)
    mapping = guess_mapping(first).in_unit("nanomaggies")
    take_in(open_catalogue(path.with_suffix(".small")), mapping, path.with_suffix(".warm"))
    before, start = megabytes(), time.process_time()
    catalogue = open_catalogue(path)
    catalogue.hashes()
    taken = take_in(catalogue, mapping, path.with_suffix(".taken"))
    seconds = time.process_time() - start
    print(f"{seconds:.1f} s of a core, {taken.rows:,} rows, {megabytes() - before:.0f} MB")


def main():
    """Write the files, and take each in."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--forms", nargs="+", default=["csv"])
    parser.add_argument("--convert", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.convert:
        convert(options.convert)
        return
    with tempfile.TemporaryDirectory() as folder:
        for form in options.forms:
            path = Path(folder) / f"rows.{form}"
            for n, name in ((options.rows, path), (100, path.with_suffix(".small"))):
                if form == "csv":  # astropy takes minutes
                    table(n).to_pandas().to_csv(name, index=False)
                else:
                    table(n).write(name, format=form, overwrite=True)
            done = subprocess.run(
                [sys.executable, __file__, "--convert", path], capture_output=True, text=True
            )
            print(f"{form}: {done.stdout.strip() or done.stderr[-300:]}", flush=True)
            path.unlink()


if __name__ == "__main__":
    main()

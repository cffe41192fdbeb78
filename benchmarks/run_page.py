"""Browsing a run of a million rows: time of each operation, and the memory that it takes.

    python benchmarks/run_page.py
    python benchmarks/run_page.py --rows 10000 100000 1000000 --folder /scratch/browse

The columns are those of a real run, in partitions of 1,000 rows as `sedflow infer` writes them;
the numbers in them are random, with the galaxy masses and rates of the prior. Each operation is
run once cold, when its columns must be read, and then five times with other values.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sedflow import Prior
from sedflow.catalogue import infer
from sedflow.catalogue.ledger import Ledger, part_name
from sedflow.catalogue.manifest import FORMAT
from sedflow.catalogue.part import _arrow
from sedflow.files.hashes import sealed, sha256
from sedflow.network.weights import load_posterior
from sedflow.threads import use_threads

_PART = 1000
_REPEATS = 5


def write_run(out, rows):
    """The files of a run over this many rows."""
    if (out / "manifest.json").exists():
        return
    posterior = load_posterior()
    schema = _arrow(infer.meta(posterior), "int").schema
    floats = [f.name for f in schema if str(f.type) in ("float", "double")]
    rng = np.random.default_rng(rows)
    ids = rng.permutation(rows) + 10**9
    mass = Prior().sample(_PART, seed=1)[:, 0]
    reason = "The weights of the network's draws pass: k-hat {:.2f} (limit 0.7), {:.0f} of 1,000"
    (out / "results").mkdir(parents=True, exist_ok=True)
    ledger = Ledger(out, "made up")
    for start in range(0, rows, _PART):
        n = min(_PART, rows - start)
        k_hat, ess = rng.normal(0.3, 0.15, n), rng.uniform(100, 900, n)
        held = k_hat < 0.7
        fixed = {
            "row": np.arange(start, start + n),
            "id": ids[start : start + n],
            "status": np.where(held, "ok", "failed"),
            "k_hat": k_hat,
            "ess": ess,
            "verdict": np.where(held, "exact (weights)", "failed"),
            "inside": held,
            "reason": [reason.format(*pair) for pair in zip(k_hat, ess, strict=True)],
            "redshift": rng.uniform(0, 0.3, n),
            "n_band": np.full(n, 5),
        }
        columns = {}
        for field in schema:
            name = field.name
            if name in fixed:
                values = fixed[name]
            elif name.startswith(("flux_", "sigma_")):
                values = 10 ** rng.normal(1 if name[0] == "f" else -1, 0.4, n)
            elif name.startswith("log_m"):
                values = mass[:n] + rng.normal(0, 0.1, n)
            elif name.startswith(("log_sfr", "log_ssfr")):
                values = 0.8 * (mass[:n] - 10) + rng.normal(0, 0.6, n)
            else:
                values = rng.normal(size=n)
            columns[name] = pa.array(values, field.type)
        number = start // _PART
        path = out / "results" / part_name(number)
        table = pa.table(columns, schema=schema)
        counts = json.dumps(infer.count_rows(table.to_pandas()))
        pq.write_table(
            table.replace_schema_metadata({"sedflow_run": ledger.run, "sedflow_counts": counts}),
            path,
            compression="zstd",
            use_dictionary=["status", "verdict", "reason"],
            use_byte_stream_split=floats,
            write_page_checksum=True,
        )
        about = {"bytes": path.stat().st_size, "sha256": sha256(path)}
        entry = {"part": number, "rows": n, "files": {"results": about}}
        ledger.add(entry | {"first_id": int(fixed["id"][0]), "last_id": int(fixed["id"][-1])})
    manifest = {
        "format": FORMAT,
        "run": ledger.run,
        "versions": {"sedflow": "0"},
        "catalogue": {"name": f"made-{rows}.parquet", "rows": rows},
        "weights": {
            "name": posterior.name,
            "sha256": posterior.record["weights_sha256"],
            "bands": list(posterior.bands),
        },
        "settings": {"part_rows": _PART, "n": 1000, "seed": 1, "trust": "weights"},
    }
    (out / "manifest.json").write_text(json.dumps(sealed(manifest)))


def measure(out):
    """Lines of the table: operation, seconds of the first time, median of the others."""
    import holoviews as hv

    from sedflow.catalogue.results import RowFilter, RunTable
    from sedflow.dashboard.panels.run_map import COUNT, RunMap, warm_up

    use_threads(1)
    warm_up()
    start = time.perf_counter()
    table = RunTable(out)
    opened = time.perf_counter() - start
    everything, rng = RowFilter(), np.random.default_rng(0)
    x, y = "log_mass_surviving_p50", "log_sfr_100myr_p50"

    def some(k):
        return RowFilter((("redshift", 0.01 * k, 0.2), ("k_hat", None, 0.6)), status=("ok",))

    async def ignored(*args):
        pass

    view = RunMap(ignored)

    def drawn(k):
        points, _ = table.points(everything, [x, y], 5_000_000)
        view.show(points, x, y, COUNT, {x: x, y: y}, (table.span(x), table.span(y)))
        return view.image[()]

    def zoomed(k):
        view.range.event(x_range=(9 + 0.1 * k, 11), y_range=(-2, 1 + 0.1 * k))
        return hv.Image(view.image[()])

    operations = {
        "first page": lambda k: table.page(start=15 * k, size=15),
        "a page in the middle": lambda k: table.page(start=table.rows // 2 + 15 * k, size=15),
        "count under a filter": lambda k: table.count(some(k)),
        "page under that filter": lambda k: table.page(some(k), size=15),
        "page sorted by another column": lambda k: table.page(
            sort=("chi2", "gap", "p_value", "a_v_p50", "age_mw_p50", "r_hat")[k], size=15
        ),
        "page sorted again, other end": lambda k: table.page(
            sort=("chi2", "gap", "p_value", "a_v_p50", "age_mw_p50", "r_hat")[k],
            descending=True,
            size=15,
        ),
        "part of an ID": lambda k: table.page(RowFilter(ident=f"{k}777"), size=15),
        "one row, all columns": lambda k: table.row(int(rng.integers(table.rows))),
        "map of all rows, read and rasterized": drawn,
        "the same, zoomed": zoomed,
        "tap: the nearest row": lambda k: table.nearest(
            everything, x, y, rng.uniform(9, 11, 2) - (0, 10), (0.01, 0.01)
        ),
    }
    print(f"| open | {1e3 * opened:,.0f} | |")
    for name, act in operations.items():
        times = []
        for k in range(_REPEATS + 1):
            start = time.perf_counter()
            act(k)
            times.append(time.perf_counter() - start)
        print(f"| {name} | {1e3 * times[0]:,.0f} | {1e3 * np.median(times[1:]):,.0f} |", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"| peak memory of the process | {peak / 1e9:.2f} GB | |")


def base():
    """Peak memory [bytes] of a process that has only imported what the page needs."""
    code = (
        "import resource, sedflow.dashboard.pages.run\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)"
    )
    return int(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
    )


def look():
    """The posterior of a row, recomputed as the page does; median of six."""
    import sedflow
    from sedflow.dashboard.engine import Engine, Request

    use_threads(1)
    nsa = sedflow.load_nsa()
    engine = Engine(nsa, load_posterior())
    engine.answer(Request("72", n=1000, seed=infer.row_seed(1, 72)))
    times = []
    for ident in nsa.ids[100:106]:
        start = time.perf_counter()
        engine.answer(Request(str(ident), n=1000, seed=infer.row_seed(1, ident)))
        times.append(time.perf_counter() - start)
    print(f"| live posterior of a row, 1,000 draws | | {1e3 * np.median(times):,.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--folder", type=Path, help="kept, to go on later; default: a new one")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)  # one, in its own process
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, milliseconds")
    print(f"memory of the imports alone: {base() / 1e9:.2f} GB")
    with tempfile.TemporaryDirectory() as scratch:
        for rows in options.rows:
            out = (options.folder or Path(scratch)) / f"rows-{rows}"
            write_run(out, rows)
            size = sum(p.stat().st_size for p in (out / "results").iterdir())
            print(f"\n{rows:,} rows, {size / 1e9:.2f} GB of Parquet: first time, then")
            subprocess.run([sys.executable, __file__, "--measure", str(out)], check=True)
        look()


if __name__ == "__main__":
    main()

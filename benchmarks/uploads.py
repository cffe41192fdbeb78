"""What an upload costs others: the delay of one visitor's slider while another uploads 9.8 MB.

    python benchmarks/uploads.py                # a minute
    python benchmarks/uploads.py --uploads 4    # four at a time

One server process. Visitors are Bokeh clients, so nothing is painted; the delay is from a slider's
move to the new spectrum.
"""

import argparse
import base64
import io
import multiprocessing
import os
import time

import numpy as np
from dashboard import join, serve, stop, visitor

MEGABYTES = 9.8
FORMATS = ("csv", "fits", "parquet", "vot")


def catalogue(kind):
    """A catalogue of 9.8 MB in one of the formats, 20 columns of numbers."""
    from astropy.table import Table

    rng = np.random.default_rng(1)

    def table(n):
        columns = {"id": np.arange(n), "redshift": rng.uniform(0.01, 0.2, n)}
        for band in "ugriz":
            columns[f"mag_{band}"] = rng.uniform(14, 20, n)
            columns[f"magerr_{band}"] = rng.uniform(0.01, 0.1, n)
        return Table(columns | {f"more_{k}": rng.normal(size=n) for k in range(8)})

    def written(n):
        if kind == "csv":
            out = io.StringIO()
            table(n).write(out, format="ascii.csv")
            return out.getvalue().encode()
        if kind == "parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            out = io.BytesIO()
            pq.write_table(pa.Table.from_pandas(table(n).to_pandas()), out)
            return out.getvalue()
        out = io.BytesIO()
        table(n).write(out, format={"fits": "fits", "vot": "votable"}[kind])
        return out.getvalue()

    size = len(written(1000)) / 1000
    return written(int(0.99 * MEGABYTES * 1e6 / size))


def upload(address, begin, content, name):
    """Upload as a browser does; seconds until the page has said what it understood."""
    session = join(address, "data", max_message_size=30_000_000)
    document = session.document
    field = next(m for m in document.models if type(m).__name__ == "FileInput")
    coded = base64.b64encode(content).decode()
    texts = [m for m in document.models if isinstance(getattr(m, "text", None), str)]
    time.sleep(8)  # a session's beginning costs others too, but is not what is measured
    begin.wait()
    time.sleep(1)
    start = time.monotonic()
    for key, value in (("mime_type", "text/csv"), ("filename", name), ("value", coded)):
        field.set_from_json(key, value)  # to Python they are read-only
    session._connection._loop_until(
        lambda: any("can be run" in m.text for m in texts) or time.monotonic() - start > 60
    )
    took = time.monotonic() - start
    begin.wait()  # a session's end costs others too, but is not what is measured
    session.close()
    return took


def _load(address, begin, content, name, took):
    took.put(upload(address, begin, content, name))


def measure(address, seconds, contents):
    """Delays of a slider for some seconds, while these are uploaded; and how long they took."""
    context = multiprocessing.get_context("spawn")  # lest clients wait for one another
    begin, took, delays = context.Barrier(1 + len(contents)), context.Queue(), []
    loads = [context.Process(target=_load, args=(address, begin, *one, took)) for one in contents]
    for load in loads:
        load.start()
    visitor(address, begin, seconds, delays, 20.0)
    begin.wait()
    for load in loads:
        load.join()
    return 1000 * np.array(delays), [took.get() for _ in loads]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=1, help="at a time")
    parser.add_argument("--seconds", type=float, default=8.0)
    args = parser.parse_args()
    process, address = serve()
    try:
        measure(address, 3, [])
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        print(f"{'slider to spectrum [ms]':36} {'median':>7} {'95 %':>7} {'worst':>7}  read in [s]")
        for kind in (None, *FORMATS, None):
            files = [] if kind is None else [(catalogue(kind), f"mine.{kind}")] * args.uploads
            delays, took = measure(address, args.seconds, files)
            label = "nobody uploads" if kind is None else f"{args.uploads} x {MEGABYTES} MB {kind}"
            figures = " ".join(f"{np.quantile(delays, q):7.0f}" for q in (0.5, 0.95, 1))
            print(f"{label:36} {figures}  {', '.join(f'{s:.1f}' for s in took)}", flush=True)
    finally:
        stop(process)


if __name__ == "__main__":
    main()

"""The content of files that a visitor downloads; the process beside the server makes them."""

import io
import tempfile
from pathlib import Path

import pandas as pd

from sedflow.catalogue.column_units import with_units
from sedflow.catalogue.spreadsheet import to_csv
from sedflow.fits.fit import Fit
from sedflow.parameters import NAMES


def file_of(fit: Fit, name: str) -> bytes:
    """The content of a file of a fit: one of the names that the panel offers."""
    kind = Path(name).suffix
    if name in ("corner-12.pdf", "corner-12.png", "spectrum.svg"):
        from sedflow.figures.paper import save_figure
        from sedflow.figures.paper_corner import corner_figure
        from sedflow.figures.publication import sed_figure

        corner = name.startswith("corner")
        figure = corner_figure(fit, NAMES, width="page") if corner else sed_figure(fit)
        out = io.BytesIO()
        save_figure(figure, out, kind[1:])
        return out.getvalue()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"download{kind}"
        if kind == ".h5":
            fit.save(path)
        else:  # draws, or in ECSV their quantiles
            fit.to_table(path, quantiles=kind == ".ecsv")
        return path.read_bytes()


def results_file(results: pd.DataFrame, kind: str) -> bytes:
    """Results as the content of a file: "csv" or "parquet"."""
    if kind == "csv":
        return to_csv(results).encode()
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(with_units(pa.Table.from_pandas(results, preserve_index=False)), out)
    return out.getvalue()

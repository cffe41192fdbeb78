"""A rerun of those galaxies whose draws cannot represent the population."""

import shlex
from collections.abc import Collection
from pathlib import Path

import numpy as np
from astropy.table import Table

from sedflow.catalogue.intake import NAME, read_rows
from sedflow.catalogue.manifest import load_manifest
from sedflow.catalogue.mapping import ColumnMap
from sedflow.errors import SedflowError
from sedflow.files.hashes import sha256
from sedflow.fits.export import write_table
from sedflow.population.named_ids import named_ids

_MORE = 5  # times the draws
_FEWEST = 1000  # draws to make, of which those are kept
_ROWS = 20_000  # read at once


def rerun_catalogue(out: str | Path, ids: Collection, path: str | Path) -> int:
    """Write some galaxies of a run as a catalogue, as the run understood their photometry.

    Columns: id, redshift, flux_BAND and flux_err_BAND [nanomaggies]; NaN where there is none.

    out : folder of the run; path : .parquet, .ecsv, .fits or .vot

    Returns
    -------
    How many galaxies were found
    """
    out, wanted = Path(out), named_ids("ids", ids)
    manifest = load_manifest(out)
    if not {"mapping", "id_kind"} <= set(manifest):
        raise SedflowError(
            f"the run {out} is of sedflow {manifest['versions']['sedflow']}, which kept no input; "
            "run sedflow infer with more draws on the whole catalogue"
        )
    written = manifest.get("input", {}).get("sha256")
    if written and (out / NAME).is_file() and sha256(out / NAME) != written:
        raise SedflowError(
            f"{out / NAME} is not what sedflow infer wrote; give the command of the run again, "
            "which makes it again, or remove the folder and run again"
        )
    bands = ColumnMap.from_dict(manifest["mapping"]).bands
    total, kind = manifest["catalogue"]["rows"], manifest["id_kind"]
    found: list = []
    columns: list[np.ndarray] = []
    for start in range(0, total, _ROWS):
        rows = read_rows(out / NAME, bands, kind, start, min(start + _ROWS, total))
        names = np.asarray(rows.photometry.ids).tolist()
        mine = np.array([str(name) in wanted for name in names], dtype=bool)
        galaxies = rows.photometry
        found += [name for name, m in zip(names, mine, strict=True) if m]
        parts = (galaxies.redshift[:, None], galaxies.flux, galaxies.sigma)
        columns.append(np.concatenate([np.asarray(part)[mine] for part in parts], axis=1))
    values = np.concatenate(columns) if columns else np.zeros((0, 1 + 2 * len(bands)))
    table = Table({"id": np.array(found), "redshift": values[:, 0]})
    for k, band in enumerate(galaxies.bands if total else ()):
        table[f"flux_{band}"] = values[:, 1 + k]
        table[f"flux_err_{band}"] = values[:, 1 + len(bands) + k]
    write_table(table, path, overwrite=True)
    return len(found)


def rerun_command(out: str | Path, catalogue: str | Path, network: str | Path | None = None) -> str:
    """The command that infers such a catalogue with more draws, in the run's other settings.

    out : folder of the run, or of its last rerun, than which there are to be more draws
    """
    manifest = load_manifest(Path(out))
    settings, path = manifest["settings"], Path(catalogue)
    keep = _MORE * settings["keep"]
    draws = max(keep, settings["n"], _FEWEST)
    words = (
        *("sedflow", "infer", str(path), "-o", str(path.with_name(f"{path.stem}-rerun"))),
        *("--unit", "nanomaggies", "--keep", str(keep), "--draws", str(draws)),
        *("--weights", str(network or manifest["weights"]["name"]), "--trust", settings["trust"]),
        *("--seed", str(settings["seed"])),
    )
    return shlex.join(words)

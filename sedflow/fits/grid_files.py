"""A folder with a fit for each SSP grid, and the list of them: what a comparison saves.

    FOLDER/GRID.h5            the fit with that grid
    FOLDER/comparison.json    grid -> SHA-256 of its file, with a checksum

Without the list, a fit that is gone, or was left by another comparison, would change every weight.
"""

import json
from collections.abc import Collection, Sequence
from pathlib import Path

from sedflow.errors import SedflowError, check_like
from sedflow.files.documents import read, table, text
from sedflow.files.hashes import opened, sealed, sha256
from sedflow.files.paths import as_path
from sedflow.files.writing import made_folder, replacing
from sedflow.fits.fit import Fit, load_fit
from sedflow.fits.store import keep_others
from sedflow.model.sed import SEDModel

__all__ = ["grid_folder", "read_fits", "write_fits"]

_LIST = "comparison.json"


def write_fits(folder: str | Path, fits: dict[str, Fit]) -> Path:
    """Write fits by the name of their grid, and the list of them; returns the folder.

    Raises
    ------
    SedflowError
        The folder holds other fits, or the name of a grid is not one of a file.
    """
    folder = grid_folder(folder, fits)
    (folder / _LIST).unlink(missing_ok=True)
    for name, one in fits.items():
        one.save(folder / f"{name}.h5")
    hashes = {name: sha256(folder / f"{name}.h5") for name in fits}
    with replacing(folder / _LIST) as temporary:
        temporary.write_text(json.dumps(sealed({"grids": hashes}), indent=1) + "\n")
    return folder


def grid_folder(folder: str | Path, names: Collection[str]) -> Path:
    """The folder for fits with grids of these names, made where it is not there.

    Raises
    ------
    SedflowError
        As `write_fits`.
    """
    folder = as_path(folder)
    if folder.suffix in (".h5", ".hdf5"):
        raise SedflowError(
            f"a comparison is a folder with a file for each grid, and {folder.name[:60]!r} names a "
            f"file; give {folder.stem[:60]!r}"
        )
    for name in names:
        if not name or Path(name).name != name or "\0" in name or len(name) > 200:
            raise SedflowError(
                f"the grid {name[:60]!r} cannot name a file; give it letters, digits and hyphens"
            )
    made_folder(folder)
    mine = {f"{name}.h5" for name in names}
    strange = sorted(path.name for path in folder.glob("*.h5") if path.name not in mine)
    if strange:
        raise SedflowError(
            f"{folder} holds {strange[0]}, which is not of this comparison; give another folder"
        )
    for name in names:
        keep_others(folder / f"{name}.h5")
    return folder


def read_fits(folder: str | Path, models: SEDModel | Sequence[SEDModel] = ()) -> dict[str, Fit]:
    """The fits that `write_fits` left in a folder, by the name of their grid.

    models : those of grids that are not packaged

    Raises
    ------
    SedflowError
        Files are gone, replaced or renamed, or models are missing or of other grids.
    """
    given = _by_grid(models)
    folder = as_path(folder)
    files = sorted(folder.glob("*.h5"))
    if not files:
        raise SedflowError(f"{folder} holds no saved fits; give a folder that save wrote")
    if strange := sorted(given.keys() - {path.stem for path in files}):
        there = ", ".join(path.stem for path in files)
        raise SedflowError(
            f"models has one of the grid {strange[0]!r}, and {folder} holds fits with {there}; "
            "give models of those alone"
        )
    fits = {path.stem: load_fit(path, given.get(path.stem)) for path in files}
    for name, one in fits.items():
        if one.model.grid.name != name:
            raise SedflowError(
                f"{folder}/{name}.h5 is a fit with the grid {one.model.grid.name!r}; give the file "
                "the name that save gave it"
            )
    _check_list(folder, files)
    return fits


def _by_grid(models):
    """Models by the name of their grid."""
    each = models if isinstance(models, Sequence) and not isinstance(models, str) else [models]
    out: dict[str, SEDModel] = {}
    for model in each:
        check_like("models", model, "grid", "a list of sedflow.SEDModel")
        if model.grid.name in out:
            raise SedflowError(
                f"two of the models have the grid {model.grid.name!r}; give the one that the fit "
                "was made with"
            )
        out[model.grid.name] = model
    return out


def _check_list(folder, files):
    """Refuse files that are not those that were listed; earlier versions wrote no list."""
    path = folder / _LIST
    try:
        listed = opened(read(path, {"grids": table(text(64, 64))}))["grids"]
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise SedflowError(
            f"{path} cannot be used ({str(error)[:200]}); save the comparison again"
        ) from None
    there = {file.stem: sha256(file) for file in files}
    for name in sorted(listed.keys() | there.keys()):
        if listed.get(name) != there.get(name):
            why = "is gone" if name not in there else "is not what save wrote"
            raise SedflowError(f"{folder}/{name}.h5 {why}; save the comparison again")

"""What nobody writes over: the files of a run, and the catalogue that it was made from."""

from pathlib import Path

from sedflow.catalogue.ledger import NAME as LEDGER
from sedflow.catalogue.manifest import load_manifest
from sedflow.errors import SedflowError

__all__ = ["keep_own"]

_FILES = ("manifest.json", "summary.json", LEDGER, "input.parquet", ".lock", ".")
_FOLDERS = ("results", "draws")


def keep_own(path: str | Path, out: str | Path, instead: str) -> None:
    """Refuse a place to write to that belongs to the run in the folder `out`.

    instead : another name, for the sentence

    Raises
    ------
    SedflowError
        A file of the run is there, or one with the name of its catalogue.
    """
    path = Path(path)
    here, run = path.parent.resolve() / path.name, Path(out).resolve()
    if here.is_relative_to(run):
        inside = here.relative_to(run)
        if inside.parts[:1] in [(name,) for name in _FOLDERS] or str(inside) in _FILES:
            raise SedflowError(
                f"{path} is a file of the run itself; give another name, such as {instead}"
            )
    if path.exists() and path.name == load_manifest(out)["catalogue"]["name"]:
        raise SedflowError(
            f"{path} has the name of the catalogue that the run was made from, and would be "
            f"replaced; give another name, such as {instead}"
        )

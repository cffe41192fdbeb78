"""What nobody writes over: the files of a run, and the catalogue that it was made from."""

from pathlib import Path

from sedflow.catalogue.ledger import NAME as LEDGER
from sedflow.catalogue.manifest import load_manifest
from sedflow.errors import SedflowError
from sedflow.files.regular import open_regular

__all__ = ["keep_other_pages", "keep_own"]

_FILES = ("manifest.json", "summary.json", LEDGER, "input.parquet", ".lock", ".")
_FOLDERS = ("results", "draws")
_BEGINNING = 300  # bytes of a page, with its title


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


def keep_other_pages(path: str | Path, title: str) -> None:
    """Refuse to write a page over a file that is not an earlier one, which begins with a title.

    title : that pages of this kind begin with

    Raises
    ------
    SedflowError
        Another file is there.
    """
    path = Path(path)
    if not path.is_file():  # what is no file is refused where it is written
        return
    try:
        with open_regular(path) as file:
            begins = file.read(_BEGINNING)
    except OSError:
        begins = b""
    if f"<title>{title}".encode() not in begins:
        raise SedflowError(
            f"{path} is there, and is not a page that sedflow wrote; give another name, or move "
            "that file away"
        )

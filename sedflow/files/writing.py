"""Files that are whole or not there: written under another name, then renamed; and read as files.

A device, a pipe or a socket is not replaced, and not waited for.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sedflow.errors import SedflowError
from sedflow.files.paths import as_path

#: What to do about a disk that takes no more; and where partitions of a run stay.
PLACE = "make room, or choose another place"
KEPT = "make room, or fix the disk, and run again: finished partitions are kept"
_PACKED = (".gz", ".bz2", ".xz")


def made_folder(path) -> Path:
    """The folder, made where it is not there; one sentence where it cannot be."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        why: object = "a file of that name is there" if path.is_file() else None
        why = why or getattr(error, "strerror", None) or error
        raise SedflowError(
            f"cannot make the folder {str(path)[:200]}: {why}; choose another"
        ) from None
    return path


@contextmanager
def replacing(path, remedy: str = PLACE) -> Iterator[Path]:
    """A name in the folder of `path` to write to; renamed to `path` if all went well.

    Errors of the disk are one sentence, which ends in the remedy.
    """
    path = as_path(path)
    if not path.parent.is_dir():
        raise SedflowError(f"there is no folder {path.parent}; make it, or choose another")
    if path.is_dir():
        raise SedflowError(f"{path} is a folder; give the name of a file in it")
    if path.exists() and not path.is_file():
        raise SedflowError(
            f"{path} is a device or a pipe, which is not replaced; give the name of a file"
        )
    if path.parent.resolve().parts[1:2] in (("dev",), ("proc",), ("sys",)) and not (
        path.parent.resolve().is_relative_to("/dev/shm")
    ):
        raise SedflowError(f"{path} is among the devices of this machine; choose another folder")
    packed = path.suffix.lower() in _PACKED  # astropy tells a format by both endings
    ending = "".join(path.suffixes[-2:]) if packed else path.suffix
    temporary = path.with_name(f".sedflow-{uuid4().hex}{ending}")
    try:
        yield temporary
        with open(temporary, "r+b") as file:
            os.fsync(file.fileno())  # the contents before the name, also if the power fails
        os.replace(temporary, path)
    except OSError as error:
        if error.filename is not None and as_path(error.filename) != temporary:
            raise  # of something that is read meanwhile
        raise _refused(path, error, remedy) from None
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def writing(path, remedy: str = KEPT) -> Iterator[None]:
    """Errors of the disk, in one sentence."""
    try:
        yield
    except OSError as error:
        raise _refused(path, error, remedy) from None


def _refused(path, error, remedy):
    reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())[:200]
    name = f"{path.parent.name}/{path.name}" if path.parent.name else str(path)
    return SedflowError(f"cannot write {name}: {reason}; {remedy}")

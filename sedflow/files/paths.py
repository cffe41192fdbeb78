"""Paths that a file system can hold: others are refused in a sentence, before it is asked."""

import os
from pathlib import Path

from sedflow.errors import SedflowError

__all__ = ["as_path", "name_in_files", "named_after"]

_SHOWN = 100  # characters of a path that a sentence quotes
_LONGEST = 40  # characters of a name in the name of a file
_PACKED = (".gz", ".bz2", ".xz")


def as_path(path: object, error: type[SedflowError] = SedflowError) -> Path:
    """The path, whether or not there is something.

    error : class of what is raised

    Raises
    ------
    SedflowError
        It is not a path, has a null byte, or a name in it is too long.

    Examples
    --------
    >>> as_path("runs/mine").name
    'mine'
    """
    if not isinstance(path, str | os.PathLike):
        raise error(f"{str(path)[:_SHOWN]!r} is not a path; give the path of a file as text")
    try:
        Path(path).is_file()  # asks the system, and takes what is not there for no file
        os.fsencode(path)
        problem = "it has a null byte in it" if "\0" in os.fsdecode(path) else ""
    except (OSError, ValueError) as found:
        problem = getattr(found, "strerror", None) or str(found)
    if problem:
        raise error(f"{str(path)[:_SHOWN]!r} cannot be a path: {problem}; give another")
    return Path(path)


def name_in_files(text: str) -> str:
    """What of a name from anywhere can be part of the name of a file; "" if nothing.

    Of its first characters, letters and digits of ASCII, "+", "-", "_" and ".".

    >>> name_in_files("../NGC 3522; rm *"), name_in_files("Ω")
    ('NGC3522rm', '')
    """
    kept = "".join(c for c in text[:200] if c.isascii() and (c.isalnum() or c in "+-_."))
    return kept.strip(".-")[:_LONGEST]


def named_after(name: str, file: str) -> str:
    """Name of a file of results after that of the file that they were made from.

    >>> named_after("mine.csv.gz", "posteriors.csv"), named_after("表.csv", "posteriors.csv")
    ('mine-posteriors.csv', 'posteriors.csv')
    """
    path = Path(name.replace("\0", "").replace("\\", "/").rpartition("/")[2].replace(" ", "_"))
    stem = name_in_files((path.with_suffix("") if path.suffix in _PACKED else path).stem)
    return f"{stem}-{file}" if stem else file

"""Paths that a file system can hold: others are refused in a sentence, before it is asked."""

import os
from pathlib import Path

from sedflow.errors import SedflowError

__all__ = ["as_path"]

_SHOWN = 100  # characters of a path that a sentence quotes


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

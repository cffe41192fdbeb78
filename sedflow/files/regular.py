"""Only regular files are read: a device never ends, and a FIFO waits for whoever writes to it."""

import os
import stat
from pathlib import Path

from sedflow.errors import SedflowError

__all__ = ["read_regular", "regular_file"]


def regular_file(path, error=SedflowError, remedy="give the path of a file that exists") -> Path:
    """The path, if it is that of a regular file or a link to one; nothing is opened.

    error : class of what is raised else
    """
    shown = str(path)[:200]
    if not isinstance(path, str | os.PathLike):
        raise error(f"{shown!r} is not a path; {remedy}")
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as problem:  # a name too long, or with a null byte
        why = getattr(problem, "strerror", None) or problem
        raise error(f"{shown} cannot be opened ({why}); {remedy}") from None
    if not stat.S_ISREG(mode):
        raise error(f"{shown} cannot be opened: it is not a regular file; {remedy}")
    return Path(path)


def read_regular(path) -> bytes:
    """The bytes of a regular file.

    Raises
    ------
    OSError
        As from `open`; also for a pipe or a device, which might never end.
    """
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path} is not a regular file")
        return file.read()

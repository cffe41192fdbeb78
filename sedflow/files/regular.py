"""Only regular files are read: a device never ends, and a FIFO waits for whoever writes to it."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from sedflow.errors import SedflowError

#: Of a document that is read as a whole; a file without content can claim to be of any size.
MOST_BYTES = 10**8


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


def open_regular(path) -> BinaryIO:
    """A regular file, open to be read.

    Raises
    ------
    OSError
        As from `open`; also for a pipe or a device, which might never end.
    """
    file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(f"{path} is not a regular file")
    return file


def read_regular(path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file.

    Raises
    ------
    OSError
        As from `open_regular`; also for one of more than `most` bytes.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise OSError(f"{path} has {size:,} bytes, where {most:,} are read at most")
        return file.read(size)

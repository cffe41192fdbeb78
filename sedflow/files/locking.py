"""A lock on a folder, for one process at a time: two that write the same files leave neither's."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sedflow.errors import SedflowError

__all__ = ["locked"]


@contextmanager
def locked(folder: Path, what: str, name: str = ".lock") -> Iterator[None]:
    """The folder, made where it is not there, for this process alone.

    what : is at work there, for the sentence; name : of the file that is locked

    Raises
    ------
    SedflowError
        Another process has it, or nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Nothing is written to it, and a link is not followed: it may lead to any file.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        lock = open(os.open(folder / name, flags, 0o644), "rb")  # noqa: SIM115
    except OSError as error:
        raise SedflowError(
            f"cannot write to {folder}: {error.strerror}; choose another folder"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock.fileno()).st_nlink == 0:  # removed by who had it until now
                raise BlockingIOError
        except BlockingIOError:
            raise SedflowError(
                f"another {what} is at work in {folder}; let it end, or stop it"
            ) from None
        except OSError:  # a file system without locks: nobody can be kept out
            pass
        yield

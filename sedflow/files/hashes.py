"""SHA-256 of files, JSON documents that carry the hash of what they say, and stamps of files."""

import hashlib
import json
import os
from os import PathLike
from typing import BinaryIO

from sedflow.files.regular import open_regular

_SEAL = "sha256"


def sealed(document: dict) -> dict:
    """The document as JSON has it, with its hash as the last entry.

    >>> opened(sealed({"n": 1000}))
    {'n': 1000}
    """
    plain = json.loads(json.dumps(document))
    return {**plain, _SEAL: digest(plain)}


def opened(document: dict) -> dict:
    """A sealed document without its seal.

    Raises
    ------
    ValueError
        It is not sealed, or says something else than when it was.
    """
    if not isinstance(document, dict) or _SEAL not in document:
        raise ValueError("it has no checksum")
    plain = {key: value for key, value in document.items() if key != _SEAL}
    if document[_SEAL] != digest(plain):
        raise ValueError("it does not match its checksum: damaged, or changed by hand")
    return plain


def digest(plain) -> str:
    """SHA-256 of a document of JSON's types, however it is laid out in a file."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return sha256_of(text.encode())


def sha256(source: str | PathLike | BinaryIO) -> str:
    """Hex digest of the bytes of a file by its path, or of what is left to read of an open one."""
    if isinstance(source, str | PathLike):
        with open_regular(source) as file:  # a pipe would be waited for, a device never ends
            return sha256(file)
    return hashlib.file_digest(source, "sha256").hexdigest()  # type: ignore[arg-type]


def sha256_of(data: bytes) -> str:
    """Hex digest of bytes."""
    return hashlib.sha256(data).hexdigest()


def stamp(path) -> tuple:
    """What a file cannot keep when it is changed, without reading it.

    Size, time of the last write, time of the last change, and inode. A user can set the time of
    the last write (os.utime), but never the time of the last change, which that call moves, too.
    """
    stat = os.stat(path)
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino

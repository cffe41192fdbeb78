"""Compressed files, and text in other encodings than UTF-8, as the bytes that readers know.

A compressed kilobyte can stand for any number of bytes, so no more is unpacked than the bounds
allow; a file with more is refused at that point.
"""

import bz2
import gzip
import io
import lzma
import zlib
from pathlib import Path

from sedflow.errors import SedflowError
from sedflow.files.bounds import Bounds

HEAD = 4096  # bytes of a file that tell its format
_BLOCK = 1 << 20
_PACKED = (
    (b"\x1f\x8b", "gzip", gzip.open),
    (b"BZh", "bzip2", bz2.open),
    (b"\xfd7zXZ\x00", "xz", lzma.open),
)
_ENCODINGS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def plain_bytes(source: Path | bytes, head: bytes, name: str, bounds: Bounds):
    """What a source holds, unpacked and as UTF-8; None if it can be read as it is.

    head : its first bytes

    Returns
    -------
    (bytes or None, str) : and what was done, in words, or ""

    Raises
    ------
    SedflowError
        It holds more than the bounds allow, or cannot be unpacked.
    """
    content, told = None, ""
    for magic, kind, opener in _PACKED:
        if head.startswith(magic):
            content, told = _unpacked(source, kind, opener, name, bounds), f"unpacked from {kind}"
            head = content[:HEAD]
            if any(head.startswith(magic) for magic, *_ in _PACKED):
                raise SedflowError(f"{name} is compressed twice; unpack it first")
            break
    for mark, encoding in _ENCODINGS:
        if head.startswith(mark):
            raw = _all(source, name, bounds) if content is None else content
            try:
                content = raw.decode(encoding).encode()
            except UnicodeDecodeError:
                raise SedflowError(
                    f"{name} begins as {encoding.upper()} text, but goes on as something else; "
                    "save it as UTF-8"
                ) from None
            return content, f"{told}, " * bool(told) + f"read as {encoding.upper()}"
    if b"\r" in head and b"\n" not in head and b"\x00" not in head and len(head) < HEAD:
        raw = _all(source, name, bounds) if content is None else content
        if b"\n" not in raw:
            content = raw.replace(b"\r", b"\n")  # line ends of old
    return content, told


def _unpacked(source, kind, opener, name, bounds):
    out, size = io.BytesIO(), 0
    try:
        with opener(io.BytesIO(source) if isinstance(source, bytes) else source, "rb") as file:
            while block := file.read(_BLOCK):
                size += len(block)
                bounds.check_unpacked(size, name)
                out.write(block)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
        if isinstance(error, SedflowError):
            raise
        problem = " ".join(str(error).split())[:100] or type(error).__name__
        raise SedflowError(
            f"{name} is compressed with {kind}, and cannot be unpacked: {problem}; is it cut short "
            "or damaged?"
        ) from None
    return out.getvalue()


def _all(source, name, bounds):
    if isinstance(source, bytes):
        return source
    bounds.check_unpacked(source.stat().st_size, name)
    return source.read_bytes()

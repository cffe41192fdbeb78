"""Files of floats made small for the wire: bytes of the same place in each number side by side.

The high bytes of floats resemble each other and compress well, the low ones do not. A packed
file is the gzip of four planes: plane k has byte k of each word of four bytes. What reads it
decompresses, and puts the planes back between each other.
"""

import gzip

import numpy as np

__all__ = ["packed", "rounded", "unpacked"]

_WORD = 4


def packed(content: bytes) -> bytes:
    """The packed form of a file; zeros at its end make it a whole number of words."""
    words = np.frombuffer(content + bytes(-len(content) % _WORD), np.uint8).reshape(-1, _WORD)
    return gzip.compress(np.ascontiguousarray(words.T).tobytes(), 9, mtime=0)


def unpacked(content: bytes) -> bytes:
    """The file of which `packed` made this, and up to three zeros."""
    planes = np.frombuffer(gzip.decompress(content), np.uint8).reshape(_WORD, -1)
    return np.ascontiguousarray(planes.T).tobytes()


def rounded(numbers: np.ndarray, bits: int) -> np.ndarray:
    """Float32 numbers with that many bits after the first; 23 are all.

    >>> rounded(np.array([1.2345678], np.float32), 4)
    array([1.25], dtype=float32)
    """
    spare = 23 - bits
    words = np.ascontiguousarray(numbers, "<f4").view(np.uint32)
    half = np.uint32(1 << spare >> 1)
    return ((words + half) & ~np.uint32((1 << spare) - 1)).view("<f4")

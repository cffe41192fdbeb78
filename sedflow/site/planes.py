"""Files of floats made small for the wire: bytes of the same place in each number side by side.

The high bytes of floats resemble each other and compress well, the low ones do not. A packed
file is the gzip of four planes: plane k has byte k of each word of four bytes. What reads it
decompresses, and puts the planes back between each other. Numbers that need few digits are
packed as whole multiples of a step, three bytes each, in three planes; the last bit has the sign,
so that the highest bytes of small numbers are zeros.
"""

import gzip
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_WORD = 4
_MOST = 2**23 - 1  # of a whole number of three bytes


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


@dataclass(frozen=True)
class Stepped:
    """A file of float32 tensors, each rounded to whole multiples of a step of its own.

    content : the file, so rounded
    packed : gzip of its head, then of the lowest bytes of all multiples, the next, and the highest
    head : bytes of the head, which is as it was
    steps : how many numbers have which step, in the order of the file
    """

    content: bytes
    packed: bytes
    head: int
    steps: tuple[tuple[int, float], ...]


def stepped(content: bytes, steps: Mapping[str, float]) -> Stepped:
    """Round and pack a .safetensors file, whose tensors are float32.

    steps : of each tensor by its name; made larger where a number has more than 8,388,607

    Raises
    ------
    KeyError
        A tensor has no step.
    """
    head = 8 + struct.unpack("<Q", content[:8])[0]
    tensors = json.loads(content[8:head])
    tensors.pop("__metadata__", None)
    numbers = np.frombuffer(content[head:], "<f4")
    wholes, runs = np.empty(numbers.size, "<i4"), []
    rounded_numbers = np.empty_like(numbers)
    for name in sorted(tensors, key=lambda one: tensors[one]["data_offsets"]):
        start, end = (place // _WORD for place in tensors[name]["data_offsets"])
        values = numbers[start:end]
        step = np.float32(max(steps[name], np.abs(values).max() / _MOST))
        wholes[start:end] = np.clip(np.rint(values / step), -_MOST, _MOST)
        rounded_numbers[start:end] = wholes[start:end].astype("<f4") * step
        runs.append((end - start, float(step)))
    signed = (2 * np.abs(wholes) - (wholes < 0)).astype("<u4")
    planes = signed.view(np.uint8).reshape(-1, _WORD)[:, :3].T
    whole = content[:head] + np.ascontiguousarray(planes).tobytes()
    small = gzip.compress(whole, 9, mtime=0)
    return Stepped(content[:head] + rounded_numbers.tobytes(), small, head, tuple(runs))

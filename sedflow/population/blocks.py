"""Likelihoods of galaxies on disk, some thousands in a file."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array, vstack

_ROWS = 20_000  # in a file


class Blocks:
    """Likelihoods that are not in memory together; `density.Rows`.

    rows : galaxies that are in memory at once
    """

    def __init__(self, folder: Path, n_cell: int, rows: int = _ROWS):
        self._folder, self._n_cell, self._rows = folder, n_cell, rows
        self._sizes: list[int] = []
        self._waiting: list[tuple] = []

    @property
    def shape(self) -> tuple[int, int]:
        """Galaxies and cells."""
        waiting = sum(matrix.shape[0] for matrix, _, _ in self._waiting)
        return sum(self._sizes) + waiting, self._n_cell

    def add(self, matrix: csr_array, counts: np.ndarray, ids: np.ndarray) -> None:
        """Keep some galaxies (n, n_cell), the draws behind each entry, and the IDs (n,)."""
        self._waiting.append((matrix, counts, ids))
        if sum(one.shape[0] for one, _, _ in self._waiting) >= self._rows:
            self._write()

    def blocks(self) -> Iterator[tuple[csr_array, np.ndarray]]:
        """Matrices of the galaxies, in order, and the draws behind each entry."""
        return ((matrix, counts) for matrix, counts, _ in self.whole())

    def whole(self) -> Iterator[tuple[csr_array, np.ndarray, np.ndarray]]:
        """What was kept: matrices, draws behind their entries, and IDs."""
        self._write()
        return (self._block(k) for k in range(len(self._sizes)))

    def __getitem__(self, rows: np.ndarray) -> tuple[csr_array, np.ndarray]:
        self._write()
        parts, behind = [], []
        for k, (low, high) in enumerate(pairwise(np.cumsum([0, *self._sizes]))):
            some = rows[(rows >= low) & (rows < high)] - low
            if len(some):
                matrix, counts, _ = self._block(k)
                parts.append(matrix[some])
                every = (counts, matrix.indices, matrix.indptr)
                behind.append(csr_array(every, shape=matrix.shape)[some].data)
        return csr_array(vstack(parts, format="csr")), np.concatenate(behind)

    def _write(self):
        if not self._waiting:
            return
        matrices, counts, ids = zip(*self._waiting, strict=True)
        matrix = csr_array(vstack(matrices, format="csr"))
        name = self._folder / f"{len(self._sizes)}.npz"
        plain = [i.astype(str) if i.dtype == object else i for i in ids]
        np.savez(
            name,
            data=matrix.data.astype(np.float32),
            indices=matrix.indices,
            indptr=matrix.indptr,
            counts=np.concatenate(counts).astype(np.float32),
            ids=np.concatenate(plain),
        )
        self._sizes.append(matrix.shape[0])
        self._waiting = []

    def _block(self, k):
        with np.load(self._folder / f"{k}.npz") as file:
            parts = (file["data"], file["indices"], file["indptr"])
            matrix = csr_array(parts, shape=(self._sizes[k], self._n_cell))
            return matrix, file["counts"].astype(float), file["ids"]

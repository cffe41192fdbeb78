"""Data sets of an HDF5 file that are its own.

HDF5 can name other files: in external links, in external storage and in virtual data sets. Opening
such an item opens those files. And a file of two kilobytes can declare a data set of any size,
of which nothing was ever written. Whoever reads HDF5 here asks for data sets by `own`.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

_RATIO = 1100  # the most that gzip packs
_SMALL = 1_000_000  # bytes that may be declared without being written


def own(file, name: str, most: int | None = None):
    """The data set of that name, of which nothing is read yet; None if there is none.

    Parameters
    ----------
    file : h5py.File
    name : str
    most : int, optional
        Values that it may hold.

    Raises
    ------
    ValueError
        It, or a group above it, refers to another file; it is not a data set; or it is too large.
    """
    import h5py

    item = file
    for step in name.split("/"):
        if not isinstance(item, h5py.Group):
            raise ValueError(f"{name} is not in a group")
        link = item.get(step, getlink=True)  # asks for the link, and opens nothing
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{name} is a link to another place, which is not followed")
        item = item[step]
    if not isinstance(item, h5py.Dataset):
        raise ValueError(f"{name} is not a data set")
    if item.external or item.is_virtual:
        raise ValueError(f"{name} keeps its values in another file, which is not opened")
    size = int(np.prod(item.shape, dtype=object)) if item.shape is not None else 0
    if most is not None and size > most:
        raise ValueError(f"{name} has {size:,} values, where {most:,} are read at most")
    if size * item.dtype.itemsize > _SMALL + _RATIO * item.id.get_storage_size():
        raise ValueError(f"{name} declares {size:,} values, most of which were never written")
    return item


@contextmanager
def new_hdf5(path: Path, **options: Any) -> Iterator[Any]:
    """An HDF5 file to write to, made in memory and written as a whole.

    HDF5 itself ends in errors of several kinds where a disk is full, and holds on to the file.

    path : from `replacing`, which says what the disk does not take; options : of `h5py.File`
    """
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w", **options) as file:
        yield file
    path.write_bytes(content.getbuffer())

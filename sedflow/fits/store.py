"""Dataclasses on disk: one HDF5 file, bit for bit.

The file mirrors the dataclasses: a group for each, a data set for each field that is not
None. The attribute `kind` of a data set says what Python object it was, so that what is loaded
equals what was saved to the last bit; other attributes are for other readers. What follows from
the draws is computed again.

In front, where HDF5 lets others write (its user block), stands a line with the format version
and the SHA-256 of all bytes that follow. HDF5 is not let near a file that does not match: one
wrong byte in its inner tables can send it round in circles for minutes.
"""

from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np

from sedflow import __version__
from sedflow.errors import BadFitFile, SedflowError
from sedflow.files.hashes import sha256
from sedflow.files.hdf5 import new_hdf5, own
from sedflow.files.paths import as_path
from sedflow.files.regular import open_regular, regular_file
from sedflow.files.writing import replacing

__all__ = ["below", "build", "flatten", "keep_others", "read", "write"]

_FORMAT = "sedflow-fit"
_FORMAT_VERSION = 1
_BLOCK = 512  # bytes of the user block; the least that HDF5 allows
_MOST_ITEMS, _DEEPEST = 200, 4  # of the groups in a file; ours have twenty, and two
_TEXT_BYTES = 2**28  # of a data set of text, once read
_COMPRESS_FROM = 1024  # bytes; less is not worth a chunk


def write(path: str | Path, values: dict, about: Mapping[str, Mapping] | None = None) -> Path:
    """Write named values to an HDF5 file, replacing a saved fit of that name.

    The file is written under another name in the same folder and then renamed: a crash leaves
    the old file, or none, but never half of one.

    values : name ("draws/theta") -> array, number or text; `flatten` makes it of a dataclass
    about : name -> attributes of that data set, for readers of other programs: numbers or text

    Raises
    ------
    SedflowError
        The folder does not exist, a value is neither numbers nor text, or another file is there.
    """
    keep_others(path)
    options: dict[str, Any] = {"libver": ("v110", "v110"), "userblock_size": _BLOCK}
    with replacing(path) as temporary:
        with new_hdf5(temporary, **options) as file:
            for name, value in values.items():
                _write(file, name, value)
                file[name].attrs.update((about or {}).get(name, {}))
        with open(temporary, "r+b") as file:
            block = _block(file)
            file.seek(0)
            file.write(block)
    return Path(path)


def keep_others(path: str | Path) -> None:
    """Refuse to write over a file that is not a saved fit, such as an SSP grid or a catalogue.

    Raises
    ------
    SedflowError
    """
    path = as_path(path)
    try:
        with open_regular(path) as file:
            begins = file.read(len(_FORMAT))
    except OSError:  # nothing is there, or what is said where it is written
        return
    if begins not in (b"", _FORMAT.encode()):
        raise SedflowError(
            f"{path} is there, and is not a saved fit; give another name, or move that file away"
        )


def read(path: str | Path) -> dict:
    """The values that `write` left in a file, by name.

    Raises
    ------
    BadFitFile
        The file is missing, cut short, changed, of another format version or of another kind.
    """
    import h5py

    path = Path(path)
    _check(path)
    try:
        with h5py.File(path) as file:
            items = [own(file, name) for name in _names(file)]
            return {item.name[1:]: _read(item) for item in items if "kind" in item.attrs}
    except Exception as error:  # whatever HDF5 makes of a file that another program wrote
        raise BadFitFile(f"{path} cannot be read as HDF5 ({error}); save the fit again") from error


def flatten(item: Any, prefix: str = "", skip: Collection[str] = ()) -> dict:
    """The fields of a dataclass and of those inside it, by name; what is None is left out."""
    out: dict[str, Any] = {}
    for field in fields(item):
        value = getattr(item, field.name)
        if field.name in skip or value is None:
            continue
        name = prefix + field.name
        out |= flatten(value, f"{name}/") if is_dataclass(value) else {name: value}
    return out


def build(cls: Any, values: dict) -> Any:
    """An instance of a dataclass from its `flatten`ed values; None if there are none."""
    if not values:
        return None
    parts = {k: v for k, v in values.items() if "/" not in k}
    hints = get_type_hints(cls)
    for name in {k.split("/")[0] for k in values if "/" in k}:
        inside = next(t for t in (hints[name], *get_args(hints[name])) if is_dataclass(t))
        parts[name] = build(inside, below(values, name))
    return cls(**parts)


def below(values: dict, group: str) -> dict:
    """The values whose names begin with a group, without it."""
    return {k.removeprefix(f"{group}/"): v for k, v in values.items() if k.startswith(f"{group}/")}


def _check(path):
    """Refuse a file that is not what `save_fit` left."""
    regular_file(path, BadFitFile, "give the path of a file that save_fit wrote")
    try:
        with open(path, "rb") as file:
            block, expected = file.read(_BLOCK), _block(file)
    except OSError as error:
        raise BadFitFile(
            f"{path} cannot be opened ({error.strerror}); give the path of a file that save_fit "
            "wrote"
        ) from None
    label = block[: block.find(b"\n") + 1].decode("ascii", "replace").split()
    if len(label) != 3 or label[0] != _FORMAT:
        raise BadFitFile(f"{path} is not a saved fit; give the path of a file that save_fit wrote")
    if label[1] != str(_FORMAT_VERSION):
        raise BadFitFile(
            f"{path} has format version {label[1]}, but sedflow {__version__} reads "
            f"version {_FORMAT_VERSION}; read it with the sedflow that wrote it, or fit again"
        )
    if block != expected:
        raise BadFitFile(
            f"{path} does not match its checksum: it was cut short, damaged or changed after it "
            "was saved; get it again, or save the fit again"
        )


def _block(file) -> bytes:
    """The user block that fits an open file: format, version, SHA-256 of the bytes behind it."""
    file.seek(_BLOCK)
    digest = sha256(file)
    return f"{_FORMAT} {_FORMAT_VERSION} {digest}\n".encode().ljust(_BLOCK, b"\0")


def _write(file, name, value):
    """A data set of one field, with what it takes to make the same object of it again."""
    import h5py

    kind = type(value).__name__
    if isinstance(value, np.generic):
        kind = "numpy"
    elif kind == "int" and not -(2**63) <= value < 2**63:
        value = str(value)  # a seed may be any whole number
    array = np.asarray(value)
    text = array.dtype.kind in "OU"
    if kind not in _RESTORE or array.dtype.kind not in "biufOUS":
        raise SedflowError(
            f"{name} is a {type(value).__name__} of {array.dtype}, which cannot be stored; make "
            "it an array of numbers or text"
        )
    if text and not all(isinstance(x, str) and "\0" not in x for x in array.flat):
        raise SedflowError(
            f"{name} holds Python objects that are not text, which cannot be stored; make it an "
            "array of whole numbers, or of str"
        )
    if text:
        _check_text(name, array)
    packed = {"compression": "gzip", "shuffle": True} if array.ndim and array.size else {}
    if array.nbytes < _COMPRESS_FROM:
        packed = {}
    dtype = h5py.string_dtype() if text else array.dtype
    data = array.astype(object) if text else array
    item = file.create_dataset(name, data=data, dtype=dtype, **packed)
    item.attrs["kind"] = kind
    if text:
        item.attrs["dtype"] = "O" if array.dtype == object else array.dtype.str


def _check_text(name, array):
    """Refuse halves of UTF-16 pairs, which some readers make of bytes that are not text."""
    for value in array.flat:
        try:
            str(value).encode()
        except UnicodeEncodeError:
            raise SedflowError(
                f"{name} holds {value!r}, which is not text and cannot be stored; give another"
            ) from None


_RESTORE = {
    "ndarray": lambda a: a,
    "numpy": lambda a: a[()],
    "tuple": lambda a: tuple(a.tolist()),
    "str": lambda a: str(a[()]),
    "int": lambda a: int(a[()]),
    "float": lambda a: float(a[()]),
    "bool": lambda a: bool(a[()]),
}


def _names(group, prefix="", depth=1):
    """Names of the data sets in a group, of which a fit has few, and not deep."""
    import h5py

    if len(group) > _MOST_ITEMS or depth > _DEEPEST:
        raise ValueError(
            f"it has more than {_MOST_ITEMS} items in a group, or groups more than {_DEEPEST} deep"
        )
    for name in group:
        kind = group.get(name, getclass=True, getlink=False)
        if kind is h5py.Group and isinstance(group.get(name, getlink=True), h5py.HardLink):
            yield from _names(group[name], f"{prefix}{name}/", depth + 1)
        elif kind is h5py.Dataset:
            yield prefix + name


def _read(item):
    if "dtype" in item.attrs:  # text
        wide = np.dtype(item.attrs["dtype"])
        if wide.kind not in "OU" or wide.itemsize * item.size > _TEXT_BYTES:
            raise ValueError(f"{item.name} is text of the type {str(wide)[:40]}")
        array = np.array(item.asstr()[()], dtype=object).astype(item.attrs["dtype"])
    else:
        array = np.asarray(item[()])
    return _RESTORE[item.attrs["kind"]](array)

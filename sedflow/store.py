"""Fits on disk: one HDF5 file, bit for bit.

The file mirrors the dataclasses: a group for each, a data set for each field that is not
None. The attribute `kind` of a data set says what Python object it was, so that what is loaded
equals what was saved to the last bit. What follows from the draws is computed again.

In front, where HDF5 lets others write (its user block), stands a line with the format version
and the SHA-256 of all bytes that follow. HDF5 is not let near a file that does not match: one
wrong byte in its inner tables can send it round in circles for minutes.
"""

import hashlib
import os
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

import numpy as np

import sedflow
from sedflow.convergence import Convergence
from sedflow.draws import Draws
from sedflow.errors import BadFitFile, SedflowError
from sedflow.fitting import Fit
from sedflow.importance import Importance
from sedflow.model import SEDModel, default_model
from sedflow.parameters import Prior
from sedflow.photometry import Photometry
from sedflow.resources import SSP_NAMES
from sedflow.trust import Verdict

__all__ = ["load_fit", "save_fit"]

_FORMAT = "sedflow-fit"
_FORMAT_VERSION = 1
_BLOCK = 512  # bytes of the user block; the least that HDF5 allows
#: Groups of the file that hold a dataclass of their own.
_CLASSES = {
    "photometry": Photometry,
    "draws": Draws,
    "draws/importance": Importance,
    "draws/convergence": Convergence,
    "verdict": Verdict,
}
_VERSIONED = ("numpy", "torch", "astropy")  # with sedflow itself: what the figures depend on
_COMPRESS_FROM = 1024  # bytes; less is not worth a chunk


def save_fit(fit: Fit, path) -> Path:
    """Write a fit to an HDF5 file, replacing one of that name.

    The file is written under another name in the same folder and then renamed: a crash leaves
    the old file, or none, but never half of one.

    Parameters
    ----------
    fit : Fit
        Of one galaxy or of any batch.
    path : str or Path

    Returns
    -------
    Path of the file

    Raises
    ------
    SedflowError
        The folder does not exist, or a field is neither numbers nor text.

    Examples
    --------
    >>> import sedflow, tempfile
    >>> galaxy = sedflow.load_nsa().photometry(72)
    >>> result = sedflow.fit(galaxy, sedflow.load_posterior(), n=100, seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load_fit(save_fit(result, f"{folder}/72.h5"))
    >>> bool((again.draws.theta == result.draws.theta).all())
    True
    """
    import h5py

    with replacing(path) as temporary:
        with h5py.File(temporary, "w", libver=("v110", "v110"), userblock_size=_BLOCK) as file:
            for name, value in _contents(fit).items():
                _write(file, name, value)
        with open(temporary, "r+b") as file:
            block = _block(file)
            file.seek(0)
            file.write(block)
    return Path(path)


def load_fit(path, model: SEDModel | None = None) -> Fit:
    """A fit as `save_fit` wrote it.

    Parameters
    ----------
    path : str or Path
    model : SEDModel, optional
        Taken as it is, whatever the file says of its model. Default: built from the packaged
        SSP grid that the file names.

    Raises
    ------
    BadFitFile
        The file is missing, cut short, changed, of another format version or no saved fit; or
        its SSP grid is not a packaged one, or no longer the same.
    """
    import h5py

    path = Path(path)
    _check(path)
    try:
        with h5py.File(path) as file:
            names = []
            file.visit(names.append)
            values = {name: _read(file[name]) for name in names if "kind" in file[name].attrs}
    except Exception as error:  # whatever HDF5 makes of a file that another program wrote
        raise BadFitFile(f"{path} cannot be read as HDF5 ({error}); save the fit again") from error
    about = _below(values, "model")
    versions = _below(values, "versions")
    try:
        parts = {name: _build(name, values) for name in ("photometry", "draws", "verdict")}
        prior = Prior(values["prior"])
        rest = {k: v for k, v in values.items() if "/" not in k and k != "prior"}
        load = _model(about, path) if model is None else model
        return Fit(**parts, **rest, prior=prior, model=load)
    except BadFitFile:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise BadFitFile(
            f"{path} was written by sedflow {versions.get('sedflow', '?')} and does not fit "
            f"sedflow {sedflow.__version__} ({error}); read it with the version that wrote it, or "
            "fit again"
        ) from error


def _contents(fit):
    """All that is stored, by the name of its data set; None is left out."""
    grid = fit.model.grid
    out = {f"versions/{name}": version(name) for name in _VERSIONED}
    out |= {
        "versions/sedflow": sedflow.__version__,
        "prior": fit.prior.sfh,
        "model/ssp": grid.name,
        "model/ssp_sha256": grid.sha256,
        "model/ssp_shape": grid.luminosity.shape,
        "model/birth_cloud_age_gyr": fit.model.birth_cloud_age_gyr,
        "model/bands": fit.model.bands,
    }
    return out | _flatten(fit, skip=("model", "prior"))


def _flatten(item, prefix="", skip=()):
    out = {}
    for field in fields(item):
        value = getattr(item, field.name)
        if field.name in skip or value is None:
            continue
        name = prefix + field.name
        out |= _flatten(value, f"{name}/") if is_dataclass(value) else {name: value}
    return out


def _build(group, values):
    """The dataclass that a group of the file holds; None if there is no such group."""
    found = _below(values, group)
    if not found:
        return None
    parts = {k: v for k, v in found.items() if "/" not in k}
    for name in {k.split("/")[0] for k in found if "/" in k}:
        parts[name] = _build(f"{group}/{name}", values)
    return _CLASSES[group](**parts)


def _below(values, group):
    return {k.removeprefix(f"{group}/"): v for k, v in values.items() if k.startswith(f"{group}/")}


def _model(about, path):
    """The model of the packaged SSP grid that a file tells about."""
    name = about["ssp"]
    remedy = (
        "pass model=SEDModel(...) of the grid that the fit was made with (or any other, to go on "
        "with that one)"
    )
    if name not in SSP_NAMES:
        raise BadFitFile(
            f"{path} was made with the SSP grid {name!r} (sha256 {about['ssp_sha256'][:12]}...), "
            f"which is none of the packaged {', '.join(SSP_NAMES)}; {remedy}"
        )
    model = default_model(name)
    # A rebinned grid keeps the hash of the file that it came from, but not the shape.
    stored = (about["ssp_sha256"], about["ssp_shape"])
    if stored != (model.grid.sha256, model.grid.luminosity.shape):
        raise BadFitFile(
            f"{path} was made with an SSP grid {name!r} of sha256 {stored[0][:12]}... and shape "
            f"{stored[1]}, but the packaged one has {model.grid.sha256[:12]}... and "
            f"{model.grid.luminosity.shape}; {remedy}"
        )
    special = {key: about[key] for key in ("birth_cloud_age_gyr", "bands")}
    if any(getattr(model, key) != value for key, value in special.items()):
        return SEDModel(model.grid, **special)
    return model


def _check(path):
    """Refuse a file that is not what `save_fit` left."""
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
        raise BadFitFile(f"{path} is no saved fit; give the path of a file that save_fit wrote")
    if label[1] != str(_FORMAT_VERSION):
        raise BadFitFile(
            f"{path} has format version {label[1]}, but sedflow {sedflow.__version__} reads "
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
    digest = hashlib.file_digest(file, "sha256").hexdigest()
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
    packed = {"compression": "gzip", "shuffle": True} if array.ndim and array.size else {}
    if array.nbytes < _COMPRESS_FROM:
        packed = {}
    dtype = h5py.string_dtype() if text else array.dtype
    data = array.astype(object) if text else array
    item = file.create_dataset(name, data=data, dtype=dtype, **packed)
    item.attrs["kind"] = kind
    if text:
        item.attrs["dtype"] = "O" if array.dtype == object else array.dtype.str


_RESTORE = {
    "ndarray": lambda a: a,
    "numpy": lambda a: a[()],
    "tuple": lambda a: tuple(a.tolist()),
    "str": lambda a: str(a[()]),
    "int": lambda a: int(a[()]),
    "float": lambda a: float(a[()]),
    "bool": lambda a: bool(a[()]),
}


def _read(item):
    if "dtype" in item.attrs:  # text
        array = np.array(item.asstr()[()], dtype=object).astype(item.attrs["dtype"])
    else:
        array = np.asarray(item[()])
    return _RESTORE[item.attrs["kind"]](array)


@contextmanager
def replacing(path):
    """A name in the folder of `path` to write to; renamed to `path` if all went well."""
    path = Path(path)
    if not path.parent.is_dir():
        raise SedflowError(f"there is no folder {path.parent}; make it, or choose another")
    if path.is_dir():
        raise SedflowError(f"{path} is a folder; give the name of a file in it")
    temporary = path.with_name(f".sedflow-{uuid4().hex}{path.suffix}")
    try:
        yield temporary
        with open(temporary, "r+b") as file:
            os.fsync(file.fileno())  # the contents before the name, also if the power fails
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)

"""The record beside a network's weights: its form, its ranges, its seal, and its tensors' shapes.

All of it is checked before anything is built: numbers in a record decide how large a network is.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from sedflow.curve_hashes import check_curves
from sedflow.errors import BadWeights
from sedflow.files.documents import anything, checked, number, parsed, table, text, whole
from sedflow.files.hashes import opened
from sedflow.files.regular import read_regular
from sedflow.parameters import N_SHAPE, Prior
from sedflow.redshifts import MAX_REDSHIFT

FORMAT = 2  # of the record, from which on it is sealed
_UNSEALED = {  # what a record without a format may hold
    "name",
    "bands",
    "prior",
    "ssp",
    "redshift",
    "parameters",
    "architecture",
    "scaling",
    "noise",
    "noise_sha256",
    "domain",
    "training",
    "weights_sha256",
}
_MOST_HEADER = 10_000_000  # bytes of the header of a file of tensors
_RANGE = [number()]
_NUMBERS = [number()]

_FORM = {
    "name": text(200, 1),
    "bands": [text(1000, 1)],
    "prior": text(40),
    "ssp": {"name": text(1000), "sha256": text(128)},
    "parameters": [{"name": text(100), "low": number(), "high": number()}],
    "architecture": {
        "features": whole(1, 10_000),
        "context": whole(1, 10_000_000),
        "kind?": text(40),
        **dict.fromkeys(
            ("layers?", "hidden?", "embedding?", "embedding_hidden?", "bins?"), whole(1, 10_000_000)
        ),
        "bound?": number(0.1, 1000),
        "seed?": whole(0, 2**64),
    },
    "scaling": {"centre": _NUMBERS, "half": _NUMBERS},
    "noise": {
        "bands": [text(1000, 1)],
        "broad": _RANGE,
        **{key: [_NUMBERS] for key in ("log_flux", "median", "scatter")},
    },
    "domain": {"redshift": _RANGE, "colors": table(_RANGE), "magnitudes": table(_RANGE)},
    "training?": {"ssp?": text(10_000)},
    "weights_sha256": text(128),
    "curves?": table(text(128)),
    "redshift?": anything,
}


class Unsealed(UserWarning):
    """A record has no checksum: nothing shows whether it was changed."""


@contextmanager
def explained(problem: str, remedy: str) -> Iterator[None]:
    """Make `BadWeights` of what goes wrong while a document is read, with the problem in words."""
    try:
        yield
    except BadWeights:
        raise
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise BadWeights(f"{problem} ({type(error).__name__}: {error}); {remedy}") from None


def read_record(path: Path, trusted: bool = False) -> dict:
    """The record in a file, without its seal.

    trusted : whether the file was held to a hash before, so that it needs no seal

    Raises
    ------
    BadWeights
        It is not a record, was changed, or holds numbers that no network has.
    """
    try:
        document = parsed(read_regular(path))
        if not isinstance(document, dict):
            raise ValueError("it is not a table")
        record = _opened(document, path.name)
        checked(record, _FORM)
        _check_values(record)
    except (OSError, ValueError) as error:  # of JSON and of its form
        if isinstance(error, BadWeights):
            raise
        raise BadWeights(
            f"{path.name} is not a weights record ({str(error)[:300]}); train again"
        ) from None
    if "sha256" not in document and not trusted:
        warnings.warn(
            f"{path.name} has no checksum, as records of early versions: nothing shows whether it "
            "was changed; train again, or get it from where you trust it",
            Unsealed,
            stacklevel=3,
        )
    check_curves(record.get("curves", {}), record["bands"], f"the network {path.stem}", BadWeights)
    return record


def _opened(record, name):
    """A record without its seal; records of before there was one are taken as they are."""
    if set(record) <= _UNSEALED:
        return record
    if isinstance(record.get("format"), int) and record["format"] > FORMAT:
        raise BadWeights(
            f"{name} has format {record['format']}, this version reads up to {FORMAT}; use the "
            "version of sedflow that wrote it, or a newer one"
        )
    record = opened(record)
    if "format" not in record:
        raise ValueError("format is missing")
    del record["format"]
    return record


def _check_values(record):
    """What the form alone does not say."""
    bands, noise, domain = record["bands"], record["noise"], record["domain"]
    _require(bands and len(set(bands)) == len(bands), "bands are missing, or one is there twice")
    _require(record["prior"] in Prior.KINDS, f"the prior {record['prior'][:40]!r} is unknown")
    _require("/" not in record["name"] and "\\" not in record["name"], "the name has a slash in it")
    architecture = record["architecture"]
    _require(architecture["features"] == N_SHAPE, f"the flow must have {N_SHAPE} features")
    centre, half = (record["scaling"][key] for key in ("centre", "half"))
    _require(
        len(centre) == len(half) == architecture["context"],
        "scaling and context of the flow have other lengths",
    )
    _require(min(half) > 0, "a scale of the features is not above zero")
    _require(noise["bands"] == bands, "the noise model has other bands")
    rows = {key: noise[key] for key in ("log_flux", "median", "scatter")}
    nodes = {len(row) for lists in rows.values() for row in lists}
    _require(
        all(len(lists) == len(bands) for lists in rows.values())
        and len(nodes) == 1
        and min(nodes) >= 3,
        "the noise model does not have three nodes or more in each band",
    )
    _require((np.diff(rows["log_flux"]) > 0).all(), "the fluxes of the noise model do not ascend")
    _require((np.array(rows["scatter"]) > 0).all(), "a scatter of the noise model is not above 0")
    _check_range("noise.broad", noise["broad"], -10, 10)
    _check_range("domain.redshift", domain["redshift"], 0, MAX_REDSHIFT)
    pairs = {f"{a}-{b}" for a, b in combinations(bands, 2)}
    for key, known in (("colors", pairs), ("magnitudes", set(bands))):
        for name, limits in domain[key].items():
            _require(name in known, f"domain.{key} has {name[:40]!r}, which is not of its bands")
            _check_range(f"domain.{key}.{name[:40]}", limits, -1000, 1000)


def _check_range(name, limits, low, high):
    _require(
        len(limits) == 2 and low <= limits[0] < limits[1] <= high,
        f"{name} must be two numbers from {low} to {high}, the first below the second",
    )


def _require(good, problem):
    if not good:
        raise ValueError(problem)


def check_shapes(path: Path, flow: Any) -> None:
    """Hold the shape of a flow (a `FlowConfig`) to the tensors in the file, before it is built.

    Raises
    ------
    BadWeights
        The tensors are others than such a flow has.
    """
    try:
        shapes = _shapes(path)
        _compare(shapes, flow)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BadWeights(
            f"{path.name} does not fit its record: {str(error)[:200]}; get both again"
        ) from None


def _shapes(path) -> dict[str, list]:
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        _require(length <= _MOST_HEADER, f"its header claims {length:,} bytes")
        header = parsed(file.read(length))
    header.pop("__metadata__", None)
    return {
        name: checked(tensor, {"shape": [whole()]}, name)["shape"]
        for name, tensor in checked(header, table(anything)).items()
    }


def _compare(shapes, flow):
    _require(flow.layers <= len(shapes), f"there are not the tensors of {flow.layers:,} layers")
    if flow.kind != "coupling":
        _require(
            [flow.hidden, flow.hidden] in shapes.values(),
            f"there is no tensor of {flow.hidden:,} x {flow.hidden:,}",
        )
        return
    inner, hidden, half = flow.embedding_hidden, flow.hidden, flow.features // 2
    expected = {
        "embed.0.weight": [inner, flow.context],
        "embed.2.weight": [inner, inner],
        "embed.4.weight": [flow.embedding, inner],
    }
    for k in range(flow.layers):
        expected |= {
            f"layers.{k}.from_galaxy.weight": [hidden, flow.embedding],
            f"layers.{k}.from_x.weight": [hidden, half],
            f"layers.{k}.inner.weight": [hidden, hidden],
            f"layers.{k}.out.weight": [(flow.features - half) * (3 * flow.bins + 1), hidden],
        }
    for name, shape in expected.items():
        found = shapes.get(name)
        _require(found == shape, f"the tensor {name} has the shape {found}, not {shape}")

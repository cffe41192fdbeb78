"""Weights of networks, packaged or in a file, checked before they are used."""

import warnings
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from sedflow.errors import BadWeights, SedflowError
from sedflow.files.hashes import sha256, stamp
from sedflow.files.packaged import DEFAULT_WEIGHTS, SSP_NAMES, checked_path, data_path
from sedflow.files.paths import as_path
from sedflow.model.sed import SEDModel
from sedflow.network.graphs import graph_flow, manifest_path, missing_graphs
from sedflow.network.posterior import AmortizedPosterior
from sedflow.network.record import check_shapes, explained, read_record
from sedflow.network.shape import FlowConfig, checked_kind
from sedflow.network.trained_model import check_grid
from sedflow.parameters import PARAMETERS
from sedflow.sampling.misfit import load_p_values

__all__ = [
    "cached_posterior",
    "load_posterior",
    "packaged_name",
    "packaged_weights",
    "parameter_table",
]

_KEPT = 16  # networks


def packaged_weights() -> list[str]:
    """Names of the networks in the package."""
    return sorted(path.stem for path in data_path("").glob("*.safetensors"))


def packaged_name(name_or_path: str | Path) -> str | Path:
    """The whole name of a packaged network that a shorter one stands for; anything else as it is.

    >>> packaged_name("fsps"), packaged_name("uv-bc03"), packaged_name("mine.safetensors")
    ('nsa-ugriz-fsps', 'nsa-uv-bc03', 'mine.safetensors')
    """
    if str(name_or_path) in SSP_NAMES:  # as for SEDModel
        return f"nsa-ugriz-{name_or_path}"
    return f"nsa-{name_or_path}" if f"nsa-{name_or_path}" in packaged_weights() else name_or_path


def load_posterior(
    name_or_path: str | Path = DEFAULT_WEIGHTS, model: SEDModel | None = None
) -> AmortizedPosterior:
    """The trained posterior: packaged weights by name, or NAME.safetensors with its JSON.

    Parameters
    ----------
    name_or_path : str or path
        "fsps", "fsps-gas" and "bc03" stand for the ugriz networks of these grids, "uv-bc03" for
        that of GALEX and ugriz.
    model : SEDModel, optional
        On the SSP grid that the network was trained on; for grids that are not packaged and
        no longer where they were.

    Raises
    ------
    BadWeights
        Files are missing, damaged, or belong to another parameter table or SSP grid.
    """
    name_or_path = packaged_name(name_or_path)
    path = as_path(name_or_path, BadWeights)
    packaged = path.suffix != ".safetensors"
    if packaged:
        path = data_path(f"{name_or_path}.safetensors")
    about = path.with_suffix(".json")
    if not path.is_file() or not about.is_file():
        raise BadWeights(
            f"no weights {str(name_or_path)!r}; give one of "
            f"{', '.join(name.removeprefix('nsa-') for name in packaged_weights())} or the "
            "path of a .safetensors file with its .json beside it"
        )
    if packaged:  # the record too: nobody else would notice a wrong number in it
        checked_path(about.name)
    with explained(f"{about.name} is not a weights record", "train again"):
        record = read_record(about, trusted=packaged)
        _compare_tables({p["name"]: p for p in record["parameters"]}, path.name)
        expected = record["weights_sha256"]
    if sha256(path) != expected:
        raise BadWeights(f"{path.name} does not match the hash in {about.name}; get both again")
    try:
        flow = _flow_of(path, record, packaged)
        posterior = AmortizedPosterior(flow, record, model)
        table = path.with_suffix(".p_values.json")
        if packaged and table.is_file():
            checked_path(table.name)
        posterior.p_values = load_p_values(table, expected)
        if posterior.p_values is None and table.is_file():
            warnings.warn(
                f"{table.name} was measured for other weights than {path.name}, so there are no "
                "calibrated p-values (NaN); make it again with sedflow validate --p-values",
                stacklevel=2,
            )
    except SedflowError:
        raise
    except (RuntimeError, AttributeError, LookupError, TypeError, ValueError) as e:
        raise BadWeights(f"{path.name} does not fit its record: {type(e).__name__}: {e}") from None
    if model is not None:
        check_grid(record, model)
    return posterior


def _flow_of(weights, record, packaged):
    """In ONNX Runtime, or in torch where there are no graphs."""
    config = FlowConfig(**record["architecture"])
    checked_kind(config)
    check_shapes(weights, config)
    if packaged:
        checked_path(manifest_path(weights).name)
    found = graph_flow(weights, record, config)
    if found is not None:
        return found
    if find_spec("torch") is None:
        raise missing_graphs(weights, config)
    from safetensors import SafetensorError

    from sedflow.network.flow import load_flow

    try:
        return load_flow(config, weights)
    except SafetensorError as error:
        raise ValueError(str(error)) from None


def cached_posterior(name_or_path: str = DEFAULT_WEIGHTS) -> AmortizedPosterior:
    """As `load_posterior`, but loaded once per process; treat the network as read-only.

    Files that another training has written since are loaded again.
    """
    return _loaded_once(name_or_path, _stamps(name_or_path))


@lru_cache(_KEPT)
def _loaded_once(name_or_path, seen):
    return load_posterior(name_or_path)


def _stamps(name_or_path):
    """What tells that a file of a network was changed; nothing of a packaged one."""
    path = Path(name_or_path)
    if path.suffix != ".safetensors":
        return ()
    with suppress(OSError, ValueError):  # what is wrong is said where it is loaded
        also = (manifest_path(path), path.with_suffix(".p_values.json"))
        files = [path, path.with_suffix(".json"), *(file for file in also if file.is_file())]
        return tuple(map(stamp, files))
    return ()


def parameter_table() -> list[dict]:
    """The parameter table as stored with weights: what must agree for a network to be used."""
    return [{"name": p.name, "low": float(p.low), "high": float(p.high)} for p in PARAMETERS]


def _compare_tables(stored, name):
    for row in parameter_table():
        other = stored.pop(row["name"], None)
        if other is None:
            raise BadWeights(f"{name} was trained without {row['name']}; train again")
        for key in ("low", "high"):
            if not np.isclose(other[key], row[key], rtol=1e-12, atol=0):
                raise BadWeights(
                    f"{name} was trained with {row['name']} from {other['low']:g} to "
                    f"{other['high']:g}, but the table says {row['low']:g} to {row['high']:g}; "
                    "train again"
                )
    if stored:
        raise BadWeights(f"{name} was trained with {', '.join(stored)}, unknown here; train again")

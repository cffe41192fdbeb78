"""The graphs beside a network: their manifest, and whether they belong to it."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sedflow.errors import BadWeights, MissingLibrary
from sedflow.files.hashes import digest, opened, sha256_of
from sedflow.files.regular import read_regular
from sedflow.network.graph_nodes import check_nodes
from sedflow.network.record import explained
from sedflow.network.runtime import GraphFlow
from sedflow.network.shape import FlowConfig

FORMAT = 1  # of the manifest
GRAPHS = ("draw", "density", "features")
_MOST = 16_000_000  # bytes of a graph, which has none of the weights


def manifest_path(weights: Path) -> Path:
    """NAME.graphs.json of NAME.safetensors."""
    return weights.with_suffix(".graphs.json")


def graph_path(weights: Path, name: str) -> Path:
    """NAME.draw.onnx of NAME.safetensors, and so on."""
    return weights.with_suffix(f".{name}.onnx")


def graph_flow(weights: Path, record: dict, config: FlowConfig) -> GraphFlow | None:
    """The flow of a network's graphs; None where there are none and nothing to make them with.

    Without files they are made in memory, if the package onnx is there.

    Raises
    ------
    BadWeights
        A file is missing or damaged, or the graphs belong to another network.
    """
    path = manifest_path(weights)
    if path.exists():
        entries = _checked(path, weights, record)
        draw, density = (_graph(weights, name, entries[name]) for name in ("draw", "density"))
        return GraphFlow(draw, density, weights)
    if config.kind != "coupling" or find_spec("onnx") is None:
        return None
    from sedflow.network.flow_graph import flow_bytes

    draw, density = (flow_bytes(config, weights, draw=d) for d in (True, False))
    return GraphFlow(draw, density, weights)


def missing_graphs(weights: Path, config: FlowConfig) -> MissingLibrary:
    """Why a network cannot be used where neither torch nor its graphs are."""
    install = "install torch with pip install 'sedflow-explorer[train]'"
    if config.kind != "coupling":
        return MissingLibrary(
            f"{weights.name} is of the architecture {config.kind!r}, which is not exported to ONNX "
            f"and needs torch; {install}"
        )
    return MissingLibrary(
        f"there is no {manifest_path(weights).name} beside {weights.name}, so its flow needs "
        f"torch; {install}, or run sedflow export {weights} where it is"
    )


def _checked(path, weights, record) -> dict[str, Any]:
    """The entries of the manifest, by graph."""
    again = f"run sedflow export {weights}"
    with explained(f"{path.name} is not a manifest of graphs", again):
        manifest = json.loads(read_regular(path))
        version = manifest.get("format") if isinstance(manifest, dict) else None
        if isinstance(version, int) and version > FORMAT:
            raise BadWeights(
                f"{path.name} has format {version}, this version reads up to {FORMAT}; {again}"
            )
        manifest = opened(manifest)
        mine = (weights.name, digest(record))
        bound = (manifest["weights"], manifest["record_sha256"])
        entries = {name: manifest["graphs"][name]["sha256"] for name in GRAPHS}
    if bound != mine:
        raise BadWeights(
            f"the graphs of {path.name} belong to another network than {weights.name} and its "
            f"record; {again}"
        )
    return entries


def _graph(weights, name, expected):
    path = graph_path(weights, name)
    try:
        content = read_regular(path) if path.stat().st_size <= _MOST else b""
    except OSError:
        content = b""
    if sha256_of(content) != expected:
        raise BadWeights(
            f"{path.name} is missing, damaged, or not the graph that "
            f"{manifest_path(weights).name} describes; run sedflow export {weights}"
        )
    check_nodes(content, path.name, weights.name)
    return content

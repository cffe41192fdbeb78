"""The files of a network's graphs, and their manifest: `docs/formats.md` names what is in them.

Weights stay in the network's .safetensors file, of which the graphs take them by offset and
length. The manifest binds the graphs to the network by the hash of its record.
"""

import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from sedflow.files.hashes import digest, sealed, sha256_of
from sedflow.files.writing import replacing
from sedflow.model.noise import NoiseModel
from sedflow.network.graphs import FORMAT, graph_path, manifest_path
from sedflow.network.shape import FlowConfig


def write_graphs(weights: Path, record: dict, config: FlowConfig) -> Path:
    """Write the graphs and their manifest beside a network's weights; none of one that has none."""
    manifest = manifest_path(weights)
    manifest.unlink(missing_ok=True)
    if config.kind != "coupling":
        return manifest
    from sedflow.network.flow_graph import flow_bytes

    graphs = {
        "draw": flow_bytes(config, weights, draw=True),
        "density": flow_bytes(config, weights, draw=False),
        "features": _features(record),
    }
    entries = {}
    for name, content in graphs.items():
        path = graph_path(weights, name)
        with replacing(path) as temporary:
            temporary.write_bytes(content)
        entries[name] = {"file": path.name, "sha256": sha256_of(content), **_described(content)}
    document = {
        "format": FORMAT,
        "network": record["name"],
        "weights": weights.name,
        "weights_sha256": record["weights_sha256"],
        "record_sha256": digest(record),
        "graphs": entries,
    }
    with replacing(manifest) as temporary:
        temporary.write_text(json.dumps(sealed(document), indent=1) + "\n")
    return manifest


def _features(record) -> bytes:
    """The graph of the features, in double precision: fluxes span twelve decades."""
    import torch

    from sedflow.network.feature_graph import FeatureGraph

    noise = NoiseModel.from_dict(record["noise"])
    graph = FeatureGraph(noise, [np.array(record["scaling"][k]) for k in ("centre", "half")])
    bands = torch.ones(2, len(noise.bands), dtype=torch.float64)
    inputs: list[str] = ["flux", "sigma", "redshift"]
    file: Any = io.BytesIO()
    with warnings.catch_warnings():
        # torch's newer exporter takes 12 s instead of 0.7 s, for six times the nodes.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph.eval(),
            (bands, bands, 0.1 * bands[:, 0]),
            file,
            input_names=inputs,
            output_names=["context"],
            dynamic_axes={name: {0: "n"} for name in [*inputs, "context"]},
            opset_version=_opset(),
            dynamo=False,
        )
    return file.getvalue()


def _opset() -> int:
    from sedflow.network.onnx_nodes import OPSET

    return OPSET


def _described(content) -> dict[str, Any]:
    """Opset, and shapes and types of inputs and outputs."""
    import onnx

    graph = onnx.load_from_string(content)

    def values(infos):
        found = {}
        for info in infos:
            kind = info.type.tensor_type
            shape = [d.dim_param or d.dim_value for d in kind.shape.dim]
            name = onnx.TensorProto.DataType.Name(kind.elem_type).lower()
            found[info.name] = {"type": name, "shape": shape}
        return found

    return {
        "opset": graph.opset_import[0].version,
        "inputs": values(graph.graph.input),
        "outputs": values(graph.graph.output),
    }

"""Build the graphs of the static site, `sedflow/site/graphs`, and the table that they share.

    python tools/build_site_graphs.py

Inputs and outputs are named in docs/site.md. Constants go to one file of their own, each once,
from which the graphs take them by offset and length.
"""

import io
import json
import warnings
from pathlib import Path

import onnx
import torch
from onnx.external_data_helper import set_external_data
from site_history import Histories, Quantities
from site_light import Forward, Light, Spectrum
from site_posterior import Weigh

import sedflow
from sedflow.files.hashes import sha256_of
from sedflow.network.onnx_nodes import OPSET
from sedflow.site.planes import packed

OUT = Path(__file__).parents[1] / "sedflow" / "site" / "graphs"
NETWORK = "nsa-ugriz-fsps"
TABLES = "tables.bin"
_LEAST = 64  # bytes of a constant that is worth a place in the table
_ALIGN = 64


def export(module, inputs, outputs, many) -> onnx.ModelProto:
    """A module's graph; the first axis of the names in `many` is of any length."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter has a sixth of the nodes
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            file,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes={name: {0: "n"} for name in many},
            opset_version=OPSET,
            dynamo=False,
        )
    return onnx.load_from_string(file.getvalue())


def move_constants(graph, blob: bytearray, places: dict) -> None:
    """Put a graph's constants into the table, where equal ones have one place."""
    for tensor in graph.graph.initializer:
        content = bytes(tensor.raw_data)
        if len(content) < _LEAST:
            continue
        if content not in places:
            blob.extend(bytes(-len(blob) % _ALIGN))
            places[content] = len(blob)
            blob.extend(content)
        set_external_data(tensor, TABLES, places[content], len(content))
        tensor.ClearField("raw_data")


def modules():
    """Each graph's module, example inputs, names of outputs, and names of n rows."""
    model = sedflow.SEDModel()
    light = Light(model)
    theta = torch.tensor(sedflow.Prior().sample(3, seed=1))
    redshift = torch.tensor([0.05], dtype=torch.float64)
    at = {"theta": theta, "redshift": redshift}
    bands = torch.ones(1, len(model.bands), dtype=torch.float64)
    drawn = {"x": torch.zeros(3, 10), "u": torch.full((3,), 0.5), "redshift": redshift}
    drawn |= {"flux": bands, "sigma": bands}
    weighed = ["theta", "model_flux", "log_likelihood", "log_prior", "chi2"]
    histories = ["time", "sfr", "metallicity", "formed"]
    return {
        "weigh": (Weigh(light, sedflow.Prior()), drawn, weighed, ["x", "u", *weighed]),
        "forward": (Forward(light), at, ["model_flux"], ["theta", "model_flux"]),
        "spectrum": (Spectrum(light), at, ["wave", "flux"], ["theta", "flux"]),
        "quantities": (Quantities(model), at, ["values"], ["theta", "values"]),
        "histories": (Histories(model), at, histories, ["theta", *histories[1:]]),
    }


def build(folder: Path = OUT) -> None:
    """Write the graphs, their table, and a manifest with shapes and hashes."""
    folder.mkdir(parents=True, exist_ok=True)
    blob, places, entries = bytearray(), {}, {}
    for name, (module, inputs, outputs, many) in modules().items():
        graph = export(module, inputs, outputs, many)
        move_constants(graph, blob, places)
        content = graph.SerializeToString()
        (folder / f"{name}.onnx").write_bytes(content)
        entries[name] = {
            "file": f"{name}.onnx",
            "sha256": sha256_of(content),
            "inputs": described(graph.graph.input),
            "outputs": described(graph.graph.output),
        }
    (folder / f"{TABLES}.gz").write_bytes(packed(bytes(blob)))
    posterior = sedflow.load_posterior(NETWORK)
    manifest = {
        "network": NETWORK,
        "record_sha256": posterior.record_sha256,
        "grid_sha256": posterior.record["ssp"]["sha256"],
        "tables": {"file": f"{TABLES}.gz", "bytes": len(blob), "sha256": sha256_of(bytes(blob))},
        "graphs": entries,
    }
    (folder / "graphs.json").write_text(json.dumps(manifest, indent=1) + "\n")


def described(infos):
    """Type and shape of inputs or outputs, by name."""
    found = {}
    for info in infos:
        kind = info.type.tensor_type
        shape = [d.dim_param or d.dim_value for d in kind.shape.dim]
        found[info.name] = {"type": onnx.TensorProto.DataType.Name(kind.elem_type).lower()}
        found[info.name]["shape"] = [s if isinstance(s, int) or s == "n" else "*" for s in shape]
    return found


if __name__ == "__main__":
    build()

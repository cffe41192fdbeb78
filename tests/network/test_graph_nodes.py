"""What a graph beside a network may hold."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import sedflow
from sedflow.errors import BadWeights
from sedflow.files.hashes import digest, sha256_of
from sedflow.files.packaged import data_path
from sedflow.network.graph_nodes import OPERATORS, check_nodes
from sedflow.network.graphs import graph_path, manifest_path
from sedflow.network.runtime import GraphFlow

NAME = "nsa-ugriz-fsps"
FILES = ("safetensors", "json", "graphs.json", "draw.onnx", "density.onnx", "features.onnx")


def graph(*nodes, initializers=()):
    """A graph of the right inputs and outputs, whose draws are these nodes."""
    real = TensorProto.FLOAT
    inputs = [
        helper.make_tensor_value_info("noise", real, ["n", 12]),
        helper.make_tensor_value_info("context", real, ["m", "k"]),
    ]
    outputs = [
        helper.make_tensor_value_info("x", real, ["n", 12]),
        helper.make_tensor_value_info("log_density", real, ["n"]),
    ]
    axis = numpy_helper.from_array(np.array([1], np.int64), "axis")
    total = helper.make_node("ReduceSum", ["noise", "axis"], ["log_density"], keepdims=0)
    made = helper.make_graph([*nodes, total], "g", inputs, outputs, [axis, *initializers])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def outside(location):
    """A tensor of another file."""
    tensor = TensorProto(name="far", data_type=TensorProto.FLOAT, dims=[12])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "48")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


def branch():
    empty = helper.make_graph([], "b", [], [])
    return helper.make_node("Loop", ["m", "cond", "noise"], ["x"], body=empty)


SHAPE = numpy_helper.from_array(np.array([10**5, 10**5], np.int64), "shape")
ADD = helper.make_node("Add", ["noise", "far"], ["x"])
HOSTILE = {
    "a loop": (graph(branch()), "Loop"),
    "a huge array": (
        graph(helper.make_node("ConstantOfShape", ["shape"], ["far"]), ADD, initializers=[SHAPE]),
        "ConstantOfShape",
    ),
    "a node of another domain": (
        graph(helper.make_node("Add", ["noise", "noise"], ["x"], domain="own")),
        "Add",
    ),
    "a tensor inside a node": (
        graph(helper.make_node("Identity", ["noise"], ["x"], value=SHAPE)),
        "inside",
    ),
    "weights of the record's file": (graph(ADD, initializers=[outside(f"{NAME}.json")]), "json"),
    "weights of a path": (graph(ADD, initializers=[outside("../secret")]), "secret"),
}


@pytest.mark.parametrize("network", ["nsa-ugriz-fsps", "nsa-ugriz-bc03", "nsa-uv-bc03"])
def test_the_packaged_graphs_hold_nothing_else(network):
    weights = data_path(f"{network}.safetensors")
    kinds = set()
    for name in ("draw", "density"):
        content = graph_path(weights, name).read_bytes()
        check_nodes(content, name, weights.name)
        kinds |= {node.op_type for node in onnx.load_from_string(content).graph.node}
    assert kinds <= OPERATORS


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_graph_that_holds_more_is_refused_before_it_runs(kind, tmp_path):
    made, word = HOSTILE[kind]
    weights = tmp_path / f"{NAME}.safetensors"
    for ending in FILES:
        shutil.copy(data_path(f"{NAME}.{ending}"), tmp_path)
    content = made.SerializeToString()
    graph_path(weights, "draw").write_bytes(content)
    manifest = json.loads(manifest_path(weights).read_text())
    manifest["graphs"]["draw"]["sha256"] = sha256_of(content)
    del manifest["sha256"]
    manifest_path(weights).write_text(json.dumps({**manifest, "sha256": digest(manifest)}))
    with pytest.raises(BadWeights, match=word):
        sedflow.load_posterior(str(weights)).sample(sedflow.load_nsa()[72], n=10, seed=1)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\xff" * 1000, b"not a graph"])
def test_a_file_that_is_not_a_graph_is_a_sentence(content):
    with pytest.raises(BadWeights, match=r"graph|nodes"):
        check_nodes(content, "x.onnx", "x.safetensors")


def test_a_graph_that_gives_other_shapes_is_a_sentence():
    """Its numbers were taken as far as they went, and then ended in a traceback."""
    narrow = graph(helper.make_node("ReduceSum", ["noise", "axis"], ["x"], keepdims=1))
    content = narrow.SerializeToString()
    flow = GraphFlow(content, content, Path("own.safetensors"))
    with pytest.raises(BadWeights, match=r"cannot run the graphs of .*5 points give \(5, 1\)"):
        flow.to_x(np.zeros((5, 12)), np.zeros((1, 3), np.float32))

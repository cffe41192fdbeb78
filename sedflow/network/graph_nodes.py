"""What a graph beside a network may hold: a few kinds of nodes, and weights of one file alone.

ONNX Runtime runs whatever a graph says: loops without end, arrays of any size, and tensors that
it reads from other files. The graphs of a flow need none of that.
"""

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from sedflow.errors import BadWeights

_OF_NUMBERS = "Abs Add Cast Clip Div Exp Log Min Mul Neg Relu Sigmoid Sqrt Sub Sum Tanh"
_OF_ROWS = "Gemm MatMul ReduceSum Less Where"
_OF_PLACES = "Concat Gather GatherElements Identity Pad Reshape Slice Split Transpose"
#: All that `flow_graph` writes. None repeats, none branches, none makes an array of a size that
#: is a value.
OPERATORS = frozenset((*_OF_NUMBERS.split(), *_OF_ROWS.split(), *_OF_PLACES.split()))
_MOST_NODES = 20_000

# The part of the ONNX format (onnx.proto) that decides: message -> field -> (number, type).
# Subgraphs and functions are not read: that one is there is enough.
_FIELDS = {
    "Model": {"graph": (7, "Graph"), "functions": (25, "bytes*")},
    "Graph": {"node": (1, "Node*"), "initializer": (5, "Tensor*"), "sparse": (15, "bytes*")},
    "Node": {"op_type": (4, "string"), "attribute": (5, "Attribute*"), "domain": (7, "string")},
    "Attribute": {
        "tensor": (5, "bytes"),
        "graph": (6, "bytes"),
        "tensors": (10, "bytes*"),
        "graphs": (11, "bytes*"),
        "sparse": (22, "bytes"),
    },
    "Tensor": {"external": (13, "Entry*"), "location": (14, "int64")},
    "Entry": {"key": (1, "string"), "value": (2, "string")},
}


def check_nodes(content: bytes, name: str, weights: str) -> None:
    """Refuse a graph that holds more than a flow needs.

    content : the graph's file; name : of that file; weights : name of the file of its tensors

    Raises
    ------
    BadWeights
    """
    try:
        graph = _model()(content)
        nodes = graph.graph.node
    except DecodeError:
        nodes = ()
    if not nodes:
        raise BadWeights(f"{name} is not an ONNX graph; run sedflow export {weights}")
    other = {one.op_type for one in nodes if one.domain or one.op_type not in OPERATORS}
    if other:
        raise BadWeights(
            f"{name} has nodes of the kind {', '.join(sorted(other))[:200]}, which no flow needs; "
            f"run sedflow export {weights}"
        )
    held = any(bool(getattr(a, part)) for one in nodes for a in one.attribute for part in _INSIDE)
    if held or graph.functions or graph.graph.sparse or len(nodes) > _MOST_NODES:
        raise BadWeights(
            f"{name} has graphs or tensors inside its nodes, or more than {_MOST_NODES:,} nodes; "
            f"run sedflow export {weights}"
        )
    outside = [
        entry.value
        for tensor in graph.graph.initializer
        for entry in tensor.external
        if entry.key == "location" and entry.value != weights
    ]
    if outside:
        raise BadWeights(
            f"{name} takes tensors from {outside[0][:200]!r} instead of {weights}; "
            f"run sedflow export {weights}"
        )


_INSIDE = tuple(_FIELDS["Attribute"])


@cache
def _model() -> Any:
    """Parser of the model's bytes; whatever it does not know it passes over."""
    kinds = descriptor_pb2.FieldDescriptorProto
    simple = {"string": kinds.TYPE_STRING, "bytes": kinds.TYPE_BYTES, "int64": kinds.TYPE_INT64}
    file = descriptor_pb2.FileDescriptorProto(
        name="sedflow_graph_nodes.proto", package="sedflow_graph_nodes", syntax="proto2"
    )
    for message, fields in _FIELDS.items():
        described = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            field = described.field.add(name=name, number=number)
            field.label = kinds.LABEL_REPEATED if kind[-1] == "*" else kinds.LABEL_OPTIONAL
            kind = kind.rstrip("*")
            field.type = simple.get(kind, kinds.TYPE_MESSAGE)
            if kind not in simple:
                field.type_name = f".{file.package}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindMessageTypeByName(f"{file.package}.Model")
    return message_factory.GetMessageClass(found).FromString

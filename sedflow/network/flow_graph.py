"""The coupling flow as an ONNX graph, in both directions.

The layers of `flow`, operation by operation, with points along the last axis. Weights are not in
the graph: they are external data, by offset and length in the network's own .safetensors
file, which both graphs share. There are standard operators alone, and no shape depends on the
data, apart from the number of points.
"""

import json
import struct
from pathlib import Path

import numpy as np
from onnx import ModelProto

from sedflow.constants import LOG_2PI
from sedflow.network.onnx_nodes import Nodes
from sedflow.network.shape import FlowConfig, splits
from sedflow.network.spline_graph import Spline

_OF_EMBEDDING, _OF_LAYER = 6, 7  # tensors
_LONGEST = 10_000_000  # bytes of a header that is one
_DRAW = "draws from the posterior: base noise to x, with the log density of x"
_DENSITY = "the posterior's log density at x, and the base noise that is carried to x"


def flow_bytes(config: FlowConfig, weights: Path, *, draw: bool) -> bytes:
    """The file of a `flow_graph`, the same whenever it is made."""
    return flow_graph(config, weights, draw=draw).SerializeToString(deterministic=True)


def flow_graph(config: FlowConfig, weights: Path, *, draw: bool) -> ModelProto:
    """Graph of a coupling flow whose tensors are in the file `weights`, to lie beside it.

    draw : from noise to x; otherwise from x to noise. The galaxies are one for all points, or
        one for each.

    Raises
    ------
    ValueError
        The tensors are not those of a flow of that shape.
    """
    do = Nodes(_tensors_in(weights, config), weights.name)
    given, found = ("noise", "x") if draw else ("x", "noise")
    embedded = _embedding(do, config)
    rows = do("Transpose", given)
    halves, state = (np.arange(config.features), np.arange(0)), [rows, ""]
    logs = []
    numbered = list(enumerate(splits(config)))
    for k, (kept, moved) in reversed(numbered) if draw else numbered:
        halves, state = _parted(do, halves, state, (kept, moved))
        spline, shift, log_scale = _maps(do, config, k, state[0], len(moved), embedded)
        there = do("Reshape", state[1], [len(moved), 1, 1, -1])
        if draw:
            there, log_slope = spline.to_x(there)
            there = do("Mul", do("Sub", there, shift), do("Exp", do("Neg", log_scale)))
        else:
            there = do("Add", do("Mul", there, do("Exp", log_scale)), shift)
            there, log_slope = spline.to_base(there)
        logs.append(do("Add", log_slope, log_scale))
        state[1] = do("Reshape", there, [len(moved), -1])
    back = np.argsort(np.concatenate(halves))
    rows_out = do("Gather", do("Concat", *state, axis=0), back, axis=0)
    base = rows if draw else rows_out
    steps = [do("ReduceSum", log, [0, 1, 2], keepdims=0) for log in logs]
    normal = do("ReduceSum", do("Mul", base, base), [0], keepdims=0)
    normal = do("Mul", do("Add", normal, config.features * LOG_2PI), -0.5)
    shape = ["n", config.features]
    return do.model(
        _DRAW if draw else _DENSITY,
        {given: shape, "context": ["galaxies", config.context]},
        {
            found: (do("Transpose", rows_out), shape),
            "log_density": (do("Sum", normal, *steps), ["n"]),
        },
        {"sedflow": "draw" if draw else "density"},
    )


def _shapes(config):
    """Number of values of each tensor of a coupling flow, by name."""
    width, hidden = config.embedding, config.hidden
    sizes = {}

    def linear(name, rows, columns, bias=True):
        sizes[f"{name}.weight"] = rows * columns
        if bias:
            sizes[f"{name}.bias"] = rows

    for k, (rows, columns) in enumerate(_embedding_sizes(config)):
        linear(f"embed.{2 * k}", rows, columns)
    for k, (kept, moved) in enumerate(splits(config)):
        linear(f"layers.{k}.from_x", hidden, len(kept))
        linear(f"layers.{k}.from_galaxy", hidden, width, bias=False)
        linear(f"layers.{k}.inner", hidden, hidden)
        linear(f"layers.{k}.out", len(moved) * (3 * config.bins + 1), hidden)
    return sizes


def _tensors_in(weights, config):
    """Offset and length in bytes of each tensor in the .safetensors file."""
    with open(weights, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(min(length, _LONGEST)))
    header.pop("__metadata__", None)
    if len(header) != _OF_EMBEDDING + _OF_LAYER * config.layers:
        raise ValueError(f"{len(header)} tensors do not make {config.layers} layers")
    found = {}
    for name, count in _shapes(config).items():
        start, end = header[name]["data_offsets"]
        if header[name]["dtype"] != "F32" or end - start != 4 * count:
            raise ValueError(f"{name} has not {count} values in float32")
        found[name] = (8 + length + start, end - start)
    return found


def _embedding_sizes(config):
    inner = config.embedding_hidden
    return (inner, config.context), (inner, inner), (config.embedding, inner)


def _embedding(do, config):
    """The galaxy's features, embedded (width, 1)."""
    h = "context"
    for k, (rows, columns) in enumerate(_embedding_sizes(config)):
        weight = do.weight(f"embed.{2 * k}.weight", rows, columns)
        h = do("Gemm", weight, h, do.weight(f"embed.{2 * k}.bias", rows, 1), transB=int(k == 0))
        h = _silu(do, h)
    return h


def _parted(do, halves, state, wanted):
    """The rows in two parts, as a layer wants them; a mere exchange where that is enough."""
    if all(np.array_equal(a, b) for a, b in zip(halves, wanted, strict=True)):
        return halves, state
    if all(np.array_equal(a, b) for a, b in zip(halves[::-1], wanted, strict=True)):
        return wanted, state[::-1]
    known = np.concatenate(halves)
    rows = do("Concat", *[part for part in state if part], axis=0) if state[1] else state[0]
    places = [np.array([np.flatnonzero(known == d)[0] for d in part]) for part in wanted]
    return wanted, [do("Gather", rows, place, axis=0) for place in places]


def _maps(do, config, k, kept, n_moved, embedded):
    """Spline, shift and log scale of a layer's moved dimensions, given the others."""
    hidden, bins = config.hidden, config.bins

    def linear(name, rows, columns, x, bias):
        return do("Gemm", do.weight(f"layers.{k}.{name}.weight", rows, columns), x, bias)

    def bias(name, rows):
        return do.weight(f"layers.{k}.{name}.bias", rows, 1)

    galaxy = linear("from_galaxy", hidden, config.embedding, embedded, bias("from_x", hidden))
    h = _silu(do, linear("from_x", hidden, config.features - n_moved, kept, galaxy))
    h = do("Add", h, _silu(do, linear("inner", hidden, hidden, h, bias("inner", hidden))))
    rows = n_moved * (3 * bins + 1)
    raw = linear("out", rows, hidden, h, bias("out", rows))
    raw = do("Reshape", raw, [n_moved, 1, 3 * bins + 1, -1])
    parts = do("Split", raw, [1, 1, 2 * bins, bins - 1], n=4, axis=2)
    shift, log_scale, sizes, slopes = parts
    log_scale = do("Mul", do("Tanh", do("Mul", log_scale, 0.4)), 2.5)
    sizes = do("Reshape", sizes, [n_moved, 2, bins, -1])
    return Spline(do, sizes, slopes, bins, config.bound), shift, log_scale


def _silu(do, x):
    return do("Mul", x, do("Sigmoid", x))

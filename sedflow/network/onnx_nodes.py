"""ONNX graphs, written node by node."""

from typing import Any

import numpy as np
from onnx import ModelProto, StringStringEntryProto, TensorProto, helper, numpy_helper

OPSET = 18
_IR = 8  # the oldest format of file that has this opset, for the sake of older runtimes


class Nodes:
    """The nodes of a graph, in the order in which they run; a value is known by its name."""

    def __init__(self, tensors: dict[str, tuple[int, int]] | None = None, file: str = "") -> None:
        self._tensors, self._file = tensors or {}, file
        self._nodes: list[Any] = []
        self._kept: dict[Any, Any] = {}

    def __call__(self, op: str, *inputs: Any, n: int = 1, **attributes: Any) -> Any:
        """Add a node; returns the name of its output, or of its n outputs.

        Inputs are names, or numbers and arrays, which become constants.
        """
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        outputs = [f"v{len(self._nodes)}_{k}" for k in range(n)]
        self._nodes.append(helper.make_node(op, names, outputs, **attributes))
        return outputs[0] if n == 1 else outputs

    def constant(self, value: Any) -> str:
        """Name of a constant, float32 unless its numbers are whole; equal ones are kept once."""
        array = np.asarray(value)
        array = array.astype(np.int64 if array.dtype.kind == "i" else np.float32)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._kept:
            self._kept[key] = numpy_helper.from_array(array, f"c{len(self._kept)}")
        return self._kept[key].name

    def weight(self, name: str, *shape: int) -> str:
        """Name of a tensor of the file of weights, which stays there."""
        if name not in self._kept:
            start, length = self._tensors[name]
            tensor = TensorProto(name=name, dims=shape, data_type=TensorProto.FLOAT)
            tensor.data_location = TensorProto.EXTERNAL
            entries = {"location": self._file, "offset": start, "length": length}
            tensor.external_data.extend(
                StringStringEntryProto(key=key, value=str(value)) for key, value in entries.items()
            )
            self._kept[name] = tensor
        return name

    def model(self, name: str, inputs: dict, outputs: dict, about: dict[str, str]) -> ModelProto:
        """The graph with named inputs and outputs.

        inputs : name -> shape, whose entries are numbers or names of lengths that may vary
        outputs : name -> (value, shape)
        """

        def described(key, shape):
            return helper.make_tensor_value_info(key, TensorProto.FLOAT, shape)

        for key, (value, _) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [value], [key]))
        graph = helper.make_graph(
            self._nodes,
            name,
            [described(key, shape) for key, shape in inputs.items()],
            [described(key, shape) for key, (_, shape) in outputs.items()],
            [*self._kept.values()],
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR,
            producer_name="sedflow",
        )
        helper.set_model_props(model, about)
        return model

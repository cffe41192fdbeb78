"""A flow in ONNX Runtime: what inference needs, and torch does not.

A session has one thread and so no threads of its own: draws do not depend on how many there are,
several threads may run a session at once (`threads.pool`), and a process may be forked.
"""

from pathlib import Path
from typing import Any

import numpy as np

from sedflow.errors import BadWeights
from sedflow.threads import loading, new_session

_FOLDER = "session.model_external_initializers_file_folder_path"  # of the tensors


class GraphFlow:
    """A flow whose graphs run in ONNX Runtime, each from when it is first needed.

    Parameters
    ----------
    draw, density : bytes
        The graphs, as `export` writes them.
    weights : Path
        The .safetensors file of which they take their tensors.
    """

    def __init__(self, draw: bytes, density: bytes, weights: Path) -> None:
        self._graphs = {"draw": draw, "density": density}
        self.weights = weights
        self._sessions: dict[str, Any] = {}

    def to_x(self, noise: np.ndarray, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draws x (n, features) of base noise (n, features), and their log density (n,).

        context (1, n_feature) or (n, n_feature) : of one galaxy, or of one for each point
        """
        return self._run("draw", noise, context)

    def to_base(self, x: np.ndarray, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The base noise (n, features) that `to_x` carries to x, and the log density (n,)."""
        return self._run("density", x, context)

    def _run(self, name, points, context):
        session = self._sessions.get(name) or self._load(name)
        first = "noise" if name == "draw" else "x"
        inputs = {first: np.ascontiguousarray(points, np.float32), "context": context}
        try:
            values, density = session.run(None, inputs)
            if values.shape != np.shape(points) or density.shape != (len(points),):
                raise ValueError(f"{len(points)} points give {values.shape} and {density.shape}")
            return values, density
        except Exception as error:  # as in `_session`: no memory, or shapes of another flow
            raise _unusable(self.weights, "run", error) from None

    def _load(self, name):
        with loading():
            if name not in self._sessions:
                self._sessions[name] = _session(self._graphs[name], self.weights)
            return self._sessions[name]

    def __getstate__(self):
        return {"_graphs": self._graphs, "weights": self.weights}

    def __setstate__(self, state):
        self.__init__(**state["_graphs"], weights=state["weights"])


def _session(graph, weights):
    try:
        return new_session(graph, **{_FOLDER: str(weights.parent)})
    except Exception as error:  # ONNX Runtime's exceptions have no common kind
        raise _unusable(weights, "load", error) from None


def _unusable(weights, verb, error):
    why = " ".join(str(error).split())[:300]
    return BadWeights(
        f"ONNX Runtime cannot {verb} the graphs of {weights.name} ({why}); run sedflow export "
        f"{weights}, or install another version of onnxruntime"
    )

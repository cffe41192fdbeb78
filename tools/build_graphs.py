"""Build the packaged graphs of the fast forward model, and update the checksums.

    python tools/build_graphs.py

They have no numbers of an SSP grid in them: those are inputs, under the names that
`sedflow.model.tables.ForwardTables` gives them, with axes named in the graphs (docs/engine.md).
"""

import warnings
from pathlib import Path

import build_data
import torch

import sedflow
from sedflow.model import graph, slopes
from sedflow.model.tables import ForwardTables
from sedflow.parameters import N_PARAM

OPSET = 18
#: Axes of the inputs that have none of a fixed length; the others are as long as they are here.
AXES = {
    "theta": ("n", None),
    "log_age": ("age",),
    "log_z": ("metallicity",),
    "nodes": ("node", "rank"),
    "clouded": ("node",),
    "spectra": ("rank", "wave"),
    "time": ("time",),
    "history": ("piece", None),
    "log_wave": (None, "wave"),
    "diffuse": (None, "wave"),
    "birth_cloud": (None, "wave"),
    "formed": (None, "bin"),
    "metals": (None, "bin"),
    "old": ("bin", "rank"),
    "old_step": ("bin_step", "rank"),
    "young": ("young_bin", "rank"),
    "young_step": ("young_bin_step", "rank"),
    "bands": ("wave", "band"),
    "data": ("band",),
    "late_formed": ("n", None, "late"),
    "late_metals": ("n", None, "late"),
    "late_ages": ("n", "late_node", "late"),
    "late": ("late_node", "two_ranks"),
    "late_step": ("late_node_step", "two_ranks"),
}


def flux(theta, given):
    """Fluxes (n, n_band) per solar mass at one redshift."""
    return graph.light(theta, given) @ given["bands"]


class _Named(torch.nn.Module):
    """A function of theta and of named tensors, which a graph has in a row."""

    def __init__(self, function, names):
        super().__init__()
        self.function, self.names = function, names

    def forward(self, theta, *tensors):
        return self.function(theta, dict(zip(self.names, tensors, strict=True)))


def export(function, given, outputs, path, axes):
    names = list(given)
    theta = torch.tensor(sedflow.Prior().sample(3, seed=1), dtype=torch.float32)
    assert theta.shape[1] == N_PARAM
    tensors = [torch.as_tensor(array, dtype=torch.float32) for array in given.values()]
    axes = {name: dict(enumerate(axes.get(name, ()))) for name in ("theta", *names)}
    axes = {name: {k: v for k, v in of.items() if v} for name, of in axes.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that writes no numbers into the graph is old
        torch.onnx.export(
            _Named(function, names),
            (theta, *tensors),
            str(path),
            input_names=["theta", *names],
            output_names=outputs,
            dynamic_axes=axes | {name: {0: "n"} for name in outputs},
            opset_version=OPSET,
            dynamo=False,
        )


def build(folder: Path) -> None:
    """Write the three graphs."""
    model = sedflow.SEDModel()
    tables = ForwardTables(model, model.bands)
    at = tables.fixed | tables.at(0.05)
    export(flux, at, ["flux"], folder / "forward.onnx", AXES)
    data = {"data": torch.ones(tables.n_band)}
    outputs = ["log_likelihood", "slope"]
    function = slopes.log_likelihood_and_slope
    export(function, at | data, outputs, folder / "forward_slope.onnx", AXES)
    late = tables.late([0.05, 0.06, 0.07])
    given = tables.fixed | tables.early | tables.late_nodes | late
    axes = AXES | {"age": ("n", None), "total": ("n", None)}
    export(graph.light, given, ["light"], folder / "forward_redshifts.onnx", axes)


if __name__ == "__main__":
    build(build_data.OUT)
    build_data.write_sums()

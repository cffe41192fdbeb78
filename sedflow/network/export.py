"""A network in a folder of its own, with all that any ONNX runtime needs to draw from it."""

import shutil
from pathlib import Path

from sedflow.errors import SedflowError, needs
from sedflow.files.packaged import checked_path
from sedflow.files.writing import made_folder, replacing
from sedflow.network.graph_files import write_graphs
from sedflow.network.graphs import manifest_path
from sedflow.network.shape import FlowConfig
from sedflow.network.weights import load_posterior, packaged_name, packaged_weights


def export_network(name_or_path: str | Path, folder: str | Path | None = None) -> Path:
    """Write the graphs of a network, and return the path of their manifest.

    Parameters
    ----------
    name_or_path : str or path
        Of a packaged network, or NAME.safetensors.
    folder : path, optional
        The network itself is copied there, too. Default: beside the network, and NAME in the
        current folder for a packaged one.

    Raises
    ------
    MissingLibrary
        torch or onnx is not installed.
    BadWeights
        The network cannot be read.
    SedflowError
        Its architecture does not export, or the folder cannot be written to.
    """
    needs("torch", "onnx", extra="train", what="the export of a network")
    name_or_path = packaged_name(name_or_path)
    path = Path(name_or_path)
    if path.suffix != ".safetensors":
        if str(name_or_path) not in packaged_weights():
            load_posterior(name_or_path)  # says which there are
        path = checked_path(f"{name_or_path}.safetensors")
        checked_path(f"{name_or_path}.json")
        folder = folder or Path(str(name_or_path))
    if folder is not None:
        path = _copied(path, made_folder(folder))
    manifest_path(path).unlink(missing_ok=True)  # made anew, whatever is wrong with the old one
    record = load_posterior(path).record
    config = FlowConfig(**record["architecture"])
    if config.kind != "coupling":
        raise SedflowError(
            f"{record['name']} is of the architecture {config.kind!r}, which does not export: its "
            "draws take one pass for each dimension; train a network of the default architecture"
        )
    return write_graphs(path, record, config)


def _copied(path, folder):
    """The network's two files in another folder; the path of its weights there."""
    target = folder / path.name
    for suffix in (".safetensors", ".json"):
        source, copy = path.with_suffix(suffix), target.with_suffix(suffix)
        if not source.is_file():
            raise SedflowError(f"there is no file {source}; give a network's .safetensors file")
        if not (copy.exists() and copy.samefile(source)):
            with replacing(copy) as temporary:
                shutil.copyfile(source, temporary)
    return target

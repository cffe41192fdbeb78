"""The graphs and tables of the site: the network's own, and those in the folder `graphs`."""

import json
from pathlib import Path

from sedflow.errors import DamagedPackage
from sedflow.files.hashes import sha256_of
from sedflow.files.packaged import checked_path
from sedflow.network.posterior import AmortizedPosterior
from sedflow.site.planes import Stepped, stepped, unpacked

_FOLDER = Path(__file__).parent / "graphs"


def packaged_graphs(posterior: AmortizedPosterior) -> dict:
    """The manifest of the folder `graphs`, whose files are checked.

    Raises
    ------
    DamagedPackage
        A file is missing or altered, or the graphs were made for another network.
    """
    try:
        manifest = json.loads((_FOLDER / "graphs.json").read_bytes())
        bound = manifest["network"], manifest["record_sha256"]
        contents = [
            (entry, (_FOLDER / entry["file"]).read_bytes()) for entry in manifest["graphs"].values()
        ]
        tables = manifest["tables"]
        contents.append((tables, unpacked((_FOLDER / tables["file"]).read_bytes())))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DamagedPackage(
            f"the graphs in {_FOLDER} cannot be read ({error}); install sedflow-explorer again"
        ) from None
    for entry, content in contents:
        if sha256_of(content) != entry["sha256"]:
            raise DamagedPackage(
                f"{_FOLDER / entry['file']} is altered or cut short; install sedflow-explorer again"
            )
    if bound != (posterior.name, posterior.record_sha256):
        raise DamagedPackage(
            f"the site's graphs were made for another network than {posterior.name}; run "
            "tools/build_site_graphs.py"
        )
    return manifest


def network_steps(posterior: AmortizedPosterior) -> Stepped:
    """The network's tensors as the site keeps them: rounded, for which the weights answer.

    Raises
    ------
    DamagedPackage
        The steps are missing, or of another network.
    """
    path = _FOLDER / "steps.json"
    try:
        known = json.loads(path.read_bytes())
        bound, steps = known["record_sha256"], known["steps"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DamagedPackage(
            f"{path} cannot be read ({error}); install sedflow-explorer again"
        ) from None
    if bound != posterior.record_sha256:
        raise DamagedPackage(
            f"the site's steps were made for another network than {posterior.name}; run "
            "tools/build_site_steps.py"
        )
    return stepped(checked_path(f"{posterior.name}.safetensors").read_bytes(), steps)


def graph_files(posterior: AmortizedPosterior) -> tuple[dict, dict[str, bytes]]:
    """What the manifest of the site says about each graph, and the files by their path in the site.

    `features` and `draw` are the network's, the others the site's own. `tables` of an entry names
    the file that its constants are in, packed (`sedflow.site.planes`).
    """
    manifest = packaged_graphs(posterior)
    entries, files = {}, {}
    tables = manifest["tables"]
    shared = {
        "file": f"data/graphs/{tables['file']}",
        "name": tables["file"].removesuffix(".gz"),
        "bytes": tables["bytes"],
        "encoding": "planes4+gzip",
        "sha256": tables["sha256"],
    }
    files[shared["file"]] = (_FOLDER / tables["file"]).read_bytes()
    for name, entry in manifest["graphs"].items():
        path = f"data/graphs/{entry['file']}"
        files[path] = (_FOLDER / entry["file"]).read_bytes()
        entries[name] = {**entry, "file": path, "tables": shared}
    network, own = _network(posterior)
    return network | entries, own | files


def _network(posterior):
    name = posterior.name
    own = json.loads(checked_path(f"{name}.graphs.json").read_bytes())["graphs"]
    kept = network_steps(posterior)
    path = f"data/network/{name}.safetensors.gz"
    files = {path: kept.packed}
    tables = {
        "file": path,
        "name": f"{name}.safetensors",
        "bytes": len(kept.content),
        "encoding": "steps24+gzip",
        "head": kept.head,
        "steps": [list(run) for run in kept.steps],
        "sha256": sha256_of(kept.content),
    }
    entries = {}
    for graph in ("features", "draw"):
        path = f"data/network/{own[graph]['file']}"
        files[path] = checked_path(own[graph]["file"]).read_bytes()
        entries[graph] = {key: own[graph][key] for key in ("sha256", "inputs", "outputs")} | {
            "file": path
        }
    entries["draw"]["tables"] = tables
    return entries, files

"""How a run of a catalogue starts: its folder, its lock, its manifest."""

import json
from importlib.metadata import version

import numpy as np

import sedflow
from sedflow.catalogue.assumptions import assumed
from sedflow.catalogue.intake import FORM
from sedflow.catalogue.manifest import FORMAT
from sedflow.catalogue.rows import to_photometry
from sedflow.catalogue.sampler_for_bands import cost, usable
from sedflow.curve_hashes import own_curves
from sedflow.draws import MAX_DRAWS
from sedflow.errors import SedflowError, check_choice
from sedflow.files.hashes import sealed, sha256_of
from sedflow.files.writing import KEPT, replacing
from sedflow.model.floors import floor_notes
from sedflow.sampling.verdict_decision import RUNGS
from sedflow.whole_numbers import LARGEST_SEED, as_whole

_PARTS, _MIN_ROWS, _MAX_ROWS = 64, 16, 1000  # of a partition, unless the caller says
_AFTER = ("run", "id_kind", "assumptions", "input")  # of a manifest, known once the input is read
_VERSIONED = ("numpy", "scipy", "onnxruntime", "arviz")  # of which the last bits may depend


def usable_mapping(mapping, catalogue, posterior, log, trust="weights"):
    """The mapping in the bands that can be used; refuses what no row could be read with."""
    mapping = usable(mapping, posterior, trust)
    if words := cost(mapping, posterior, catalogue.n_rows):
        log(words)
    columns = mapping.columns_in(catalogue.columns)
    rows = to_photometry(catalogue.part(0, min(catalogue.n_rows, 100)).read(columns), mapping)
    for note in floor_notes(rows.photometry):
        log(note)
    return mapping


def new_manifest(catalogue, mapping, posterior, **settings):
    """The manifest of a run with these settings (n, seed, trust, keep, part_rows), checked."""
    rows, hashes = catalogue.n_rows, catalogue.hashes()
    if settings["part_rows"] is not None:
        as_whole("part_rows", settings["part_rows"], 0)
    settings["part_rows"] = settings["part_rows"] or int(
        np.clip(-(-rows // _PARTS), _MIN_ROWS, _MAX_ROWS)
    )
    as_whole("n", settings["n"], 10, MAX_DRAWS, " draws")
    as_whole("seed", settings["seed"], 0, LARGEST_SEED)
    as_whole("keep", settings["keep"], 0)
    as_whole("part_rows", settings["part_rows"], 1, 2**40)
    if settings["keep"] > settings["n"]:
        raise SedflowError(
            f"keep = {settings['keep']} of n = {settings['n']} draws; keep as many at most"
        )
    check_choice("trust", settings["trust"], RUNGS)
    return hashed(
        {
            "format": FORMAT,
            "catalogue": {
                "name": catalogue.name,
                "format": catalogue.format,
                "rows": rows,
                "sha256": catalogue.digest(hashes),
                **({"files": hashes} if catalogue.is_folder else {}),
                **({"table": catalogue.table_name} if catalogue.table_name else {}),
            },
            "mapping": mapping.to_dict(),
            "weights": {
                "name": posterior.name,
                "sha256": posterior.record["weights_sha256"],
                "record_sha256": posterior.record_sha256,
                "bands": list(posterior.bands),
                "ssp_sha256": posterior.model.grid.sha256,
                **({"curves": curves} if (curves := own_curves(posterior.bands)) else {}),
            },
            "settings": settings,
            "versions": {
                "sedflow": sedflow.__version__,
                **{name: version(name) for name in _VERSIONED},
            },
        }
    )


def hashed(manifest):
    """A manifest with the hash of all that decides the run's result."""
    content = {k: v for k, v in manifest.items() if k not in _AFTER}
    source = content["catalogue"]
    about = [source["sha256"], source["table"]] if "table" in source else source["sha256"]
    text = json.dumps({**content, "catalogue": about}, sort_keys=True)
    return {**content, "run": sha256_of(text.encode())}


def write_manifest(out, manifest, taken, catalogue, mapping):
    """Write the manifest of a run whose input was taken in."""
    path = out / "manifest.json"
    with replacing(path, KEPT) as temporary:
        said = [*catalogue.notes, *assumed(catalogue, mapping), *taken.left_out]
        about = {"sha256": taken.sha256, "form": FORM}
        about = {"id_kind": taken.id_kind, "assumptions": said, "input": about}
        document = sealed({**manifest, **about})
        temporary.write_text(json.dumps(document, indent=1) + "\n", "utf-8")

"""The folder of the site, written."""

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from sedflow.atlas.catalog import load_nsa
from sedflow.errors import SedflowError
from sedflow.files.hashes import sha256_of
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.files.paths import as_path
from sedflow.files.writing import PLACE, made_folder, replacing, writing
from sedflow.network.weights import load_posterior
from sedflow.site.atlas import atlas_columns
from sedflow.site.graphs import graph_files
from sedflow.site.lessons import lesson_texts
from sedflow.site.manifest import about, as_json, sealed
from sedflow.site.modules import with_modules

MANIFEST = "data/site.json"
_NOT_SERVED = {"jsconfig.json"}


def write_site(folder: str | Path, progress: Callable[[int, int], None] | None = None) -> Path:
    """Write the static site: a folder of files that infers galaxies in the browser.

    Any web server can give it out, and `python open.py` in it opens it without one. A site that
    is there already is replaced; files that are not the site's stay.

    Parameters
    ----------
    folder : path
        New, empty, or a site that was written before.
    progress : callable of (done, total), optional
        Told after each file.

    Returns
    -------
    Path of the folder

    Raises
    ------
    SedflowError
        The folder holds something else, or cannot be written.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> (write_site(mkdtemp()) / "data" / "site.json").exists()
    True
    """
    folder = as_path(folder)
    before = _files_of(folder)
    made_folder(folder)
    files = _contents()
    with writing(folder, PLACE):
        for k, (name, content) in enumerate(files.items()):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                temporary.write_bytes(content)
            if progress is not None:
                progress(k + 1, len(files))
        for name in before - set(files):
            (folder / name).unlink(missing_ok=True)
    return folder


def _files_of(folder):
    """Names of the files of a site that is there; a folder of something else is refused."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return set()
    try:
        names = {str(name) for name in json.loads((folder / MANIFEST).read_bytes())["files"]}
    except (OSError, ValueError, LookupError, TypeError):
        raise SedflowError(
            f"{folder} is not empty and is not a site of sedflow; name a new folder, or empty it"
        ) from None
    return {name for name in names if (folder / name).resolve().is_relative_to(folder.resolve())}


def _contents() -> dict[str, bytes]:
    """Every file by its path; the manifest, which names the others, is the last."""
    from sedflow import __version__

    posterior = load_posterior(DEFAULT_WEIGHTS)
    package = Path(str(resources.files("sedflow.site")))
    files = {
        path.relative_to(package / "static").as_posix(): path.read_bytes()
        for path in sorted((package / "static").rglob("*"))
        if path.is_file() and path.name not in _NOT_SERVED
    }
    for path in sorted((package / "vendor").iterdir()):
        files[f"vendor/{path.name}"] = path.read_bytes()
    files["index.html"] = with_modules(files)
    files["open.py"] = (package / "launcher.py").read_bytes()
    graphs, those = graph_files(posterior)
    files |= those
    files["data/atlas.json"] = as_json(atlas_columns(load_nsa(), posterior.bands))
    files["data/lessons.json"] = as_json(lesson_texts())
    manifest = about(posterior, __version__) | {"graphs": graphs}
    manifest["files"] = {
        name: {"bytes": len(content), "sha256": sha256_of(content)}
        for name, content in files.items()
    }
    files[MANIFEST] = sealed(manifest)
    return files

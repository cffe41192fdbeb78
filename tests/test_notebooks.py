"""The notebooks teach: a question first, exercises and answers last, the public API only; they run.

`SEDFLOW_SHORT` in the environment asks a notebook for small sizes: the same cells, in seconds.
"""

import ast
import json
import os
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)

#: A port where nobody listens: whatever asks for the network through a proxy is refused.
_NOWHERE = "http://127.0.0.1:9"


def _cells(path, kind=None):
    cells = json.loads(path.read_text())["cells"]
    return [c for c in cells if kind in (None, c["cell_type"])]


def _source(cell):
    return "".join(cell["source"])


def _collapsed(cell):
    metadata = cell["metadata"]
    hidden = metadata.get("jupyter", {}).get("source_hidden", False)
    return hidden and "hide-input" in metadata.get("tags", [])


def private_names(code):
    """Names with a leading underscore that code takes from objects or imports from modules."""
    # Lines of the shell are not Python.
    code = re.sub(r"^[%!].*$", "", code, flags=re.MULTILINE)
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute):
            found.append(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found += [*node.module.split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [part for alias in node.names for part in alias.name.split(".")]
    return [name for name in found if re.match(r"_(?!_)", name)]


def test_there_are_notebooks():
    assert NOTEBOOKS


@each_notebook
def test_a_notebook_is_stored_without_outputs(path):
    cells = _cells(path, "code")
    assert all(not c["outputs"] and c["execution_count"] is None for c in cells)


@each_notebook
def test_a_notebook_opens_with_its_question(path):
    first = _cells(path)[0]
    assert first["cell_type"] == "markdown"
    title, question = _source(first).split("\n\n")[:2]
    assert title.startswith("# ")
    assert re.match(r"\*[^*]+\?\*", question), question  # in italics, as all of them are


@each_notebook
def test_a_notebook_ends_with_exercises_and_collapsed_answers(path):
    *_, exercises, answers = _cells(path)
    assert answers["cell_type"] == "code"
    assert _collapsed(answers)
    assert "## Exercises" in _source(exercises)
    numbers = re.findall(r"^(\d)\. ", _source(exercises), flags=re.MULTILINE)
    assert numbers in ([*"123"], [*"1234"])
    assert "collapsed" in _source(exercises).splitlines()[-1]
    for number in numbers:
        assert re.search(rf"\b{number}\b", _source(answers)), f"no answer to exercise {number}"


@each_notebook
def test_a_notebook_keeps_to_public_names(path):
    for cell in _cells(path, "code"):
        assert private_names(_source(cell)) == []


@pytest.mark.parametrize(
    "code",
    [
        "model._light",
        "from sedflow.posterior import _hidden",
        "from sedflow._inner import f",
        "import sedflow._inner",
    ],
)
def test_a_private_name_would_be_found(code):
    assert private_names(code)


def test_public_and_special_names_are_no_private_ones():
    assert private_names("import a.b\nfrom a import b\na.b.c\na.__doc__\n_ = a\n%time f()") == []


@each_notebook
def test_a_notebook_has_a_short_mode(path):
    assert 'SHORT = "SEDFLOW_SHORT" in os.environ' in "\n".join(
        _source(c) for c in _cells(path, "code")[:2]
    )


def test_every_notebook_is_in_the_list():
    listed = (FOLDER / "README.md").read_text()
    assert [p.name for p in NOTEBOOKS if p.name not in listed] == []


def _run(path, timeout, folder, **environment):
    """Execute a notebook in a kernel of its own, without a network, writing to a folder."""
    import nbformat
    from nbclient import NotebookClient

    proxies = dict.fromkeys(("http_proxy", "https_proxy", "ftp_proxy", "all_proxy"), _NOWHERE)
    proxies |= {name.upper(): value for name, value in proxies.items()} | {"no_proxy": ""}
    inherited = {k: v for k, v in os.environ.items() if k != "SEDFLOW_SHORT"}
    client = NotebookClient(
        nbformat.read(path, as_version=4),
        timeout=timeout,
        resources={"metadata": {"path": folder}},
    )
    client.execute(env={**inherited, **proxies, **environment})


@pytest.mark.slow
@each_notebook
def test_a_notebook_runs_in_its_short_mode(path, tmp_path):
    _run(path, 300, tmp_path, SEDFLOW_SHORT="1")


@pytest.mark.heavy
@each_notebook
def test_a_notebook_runs_in_full(path, tmp_path):
    _run(path, 600, tmp_path)

"""Run the notebooks, check what their text claims, and make pages of the documentation from them.

    python tools/notebooks.py run 4             # in full; every claim is asserted
    python tools/notebooks.py run 4 --short     # with the short sizes, in seconds
    python tools/notebooks.py pages 4 8         # in full, and docs/notebooks/ is rewritten
    python tools/notebooks.py colab OWNER/NAME build/colab   # copies that install the package first

A notebook has one cell tagged "parameters" with its sizes, and one tagged "picture", whose figure
opens it. The metadata of the notebook hold what the short run takes instead (`sedflow.short`), and
those of a Markdown cell hold its claims: Python expressions that are asserted where the cell
stands, in the full run only. So a sentence and its check stand together, out of the reader's sight.
"""

import argparse
import ast
import base64
import io
import json
import os
import re
import sys
import tempfile
import textwrap
import time
from copy import deepcopy
from datetime import datetime
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
FOLDER, PAGES = ROOT / "notebooks", ROOT / "docs" / "notebooks"
PICTURES = FOLDER / "pictures"
NOTEBOOKS = sorted(FOLDER.glob("*_*.ipynb"), key=lambda p: int(p.stem.partition("_")[0]))
BOX = 96  # columns of a box of text
COLORS = 64  # of a figure in the pages: a fifth of the bytes, and no difference to see
#: A port where nobody listens: whatever asks for the network through a proxy is refused.
NOWHERE = "http://127.0.0.1:9"
CHECK = "for claim in {}:\n    if not eval(claim):\n        print(claim)"
LIVE = "*(Live in a running notebook: a page cannot show it.)*"


def is_tagged(cell, tag):
    return tag in cell.metadata.get("tags", [])


def claims_of(cell):
    """What a Markdown cell claims, as Python expressions."""
    return cell.metadata.get("claims", []) if cell.cell_type == "markdown" else []


def prepared(notebook, short=False):
    """A copy to execute: with the short sizes, or with the claims as assertions."""
    notebook = deepcopy(notebook)
    if short:
        sizes = notebook.metadata.get("sedflow", {}).get("short", {})
        for cell in notebook.cells:
            if is_tagged(cell, "parameters"):
                cell.source = with_values(cell.source, sizes)
        return notebook
    cells = []
    for cell in notebook.cells:
        claims = claims_of(cell)
        if claims:
            code = CHECK.format(list(claims))
            checks = nbformat.v4.new_code_cell(code, metadata={"tags": ["claims"]})
            checks.pop("id", None)
            cells.append(checks)
        cells.append(cell)
    notebook.cells = cells
    return notebook


def with_values(code, values):
    """Assignments with other values.

    >>> with_values("N = 10_000  # draws", {"N": 100})
    'N = 100  # draws'
    """
    for name, value in values.items():
        code, found = re.subn(
            rf"^{name} = [^#\n]*?(?=\s*(?:#|$))", f"{name} = {value!r}", code, flags=re.M
        )
        if not found:
            raise ValueError(f"the cell of the parameters does not set {name}")
    return code


def execute(path, folder, short=False, timeout=600):
    """The executed notebook, in a kernel of its own, without a network, writing to a folder."""
    notebook = prepared(nbformat.read(path, as_version=4), short)
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "ftp_proxy", "all_proxy"), NOWHERE)
    proxies |= {name.upper(): value for name, value in proxies.items()} | {"no_proxy": ""}
    environment = {**os.environ, **proxies, "PYTHONPATH": str(ROOT)}
    where = {"metadata": {"path": str(folder)}}
    # What a cell prints line by line is one output, and one box of its page.
    client = NotebookClient(notebook, timeout=timeout, resources=where, coalesce_streams=True)
    client.execute(env=environment)
    return notebook


def broken_claims(notebook):
    """Claims that do not hold in an executed notebook."""
    checks = [cell for cell in notebook.cells if is_tagged(cell, "claims")]
    return [line for cell in checks for output in cell.outputs for line in output.text.splitlines()]


def page(notebook, name, folder):
    """Markdown of an executed notebook; its figures are written to a folder beside the page."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    blocks, answers, count = [], [], 0
    for cell in notebook.cells:
        if is_tagged(cell, "claims"):
            continue
        if cell.cell_type == "markdown":
            blocks.append(_links(cell.source, name))
            continue
        here = answers if is_tagged(cell, "hide-input") else blocks
        here.append(f"```python no-run\n{cell.source.rstrip(';')}\n```")
        for output in cell.outputs:
            text, image = _output(output)
            if image is not None:
                count += 1
                (folder / f"{count}.png").write_bytes(small(image))
                if is_tagged(cell, "picture"):  # that opens the notebook
                    (PICTURES / f"{name}.png").write_bytes(small(image))
                text = f"![Figure {count}]({folder.name}/{count}.png)"
            if text:
                here.append(text)
    if answers:
        inside = "\n\n".join(answers)
        blocks.append(f"<details>\n<summary>Answers</summary>\n\n{inside}\n\n</details>")
    return "\n\n".join(block.strip("\n") for block in blocks) + "\n"


def _links(text, name):
    """Links of a notebook, as they are from docs/notebooks/."""
    text = re.sub(r"\]\((\d\w+)\.ipynb", r"](\1.md", text)
    text = re.sub(r"\]\(pictures/", "](../../notebooks/pictures/", text)
    return re.sub(r"\]\(\.\./docs/", "](../", text)


def _output(output):
    """Markdown of an output, and its image if it is one."""
    if output.output_type == "stream":
        text = output.text if output.name == "stdout" else ""
        return fenced(text), None
    if output.output_type == "error":
        return fenced("\n".join(output.traceback)), None
    data = output.data
    if "image/png" in data:
        return "", base64.b64decode(data["image/png"])
    if any("bokeh" in kind or "widget" in kind or "javascript" in kind for kind in data):
        return (LIVE if "text/plain" in data else ""), None
    if "text/html" in data and "<script" in data["text/html"]:
        return "", None
    return fenced(data.get("text/plain", "")), None


def fenced(text):
    """Text as a box; nothing for the repr of what shows itself."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text).rstrip()
    if not text.strip() or re.match(r"<(Axes|Figure|matplotlib|ipywidgets)", text):
        return ""
    lines = "\n".join(map(wrapped, text.split("\n")))
    return f"```text\n{lines}\n```"


def wrapped(line):
    """A sentence on as many lines as its box needs; a row of a table stays one line.

    >>> wrapped("  " + "word " * 30).splitlines()[1][:8], wrapped("a    1" * 40).count(chr(10))
    ('    word', 0)
    """
    start = line[: len(line) - len(line.lstrip())]
    if len(line) <= BOX or "   " in line.strip():
        return line
    inside = line.split()
    return textwrap.fill(
        " ".join(inside), BOX, initial_indent=start, subsequent_indent=start + "  "
    )


def small(png):
    """A figure as PNG with few colours."""
    from PIL import Image

    image = Image.open(io.BytesIO(png)).convert("RGB")
    out = io.BytesIO()
    image.quantize(COLORS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def for_colab(notebook, repository):
    """A copy whose first cell installs the package, for a machine that has nothing."""
    notebook = deepcopy(notebook)
    address = f"https://github.com/{repository}"
    code = f"%pip install --quiet 'sedflow-explorer[app,train,mcmc,scale] @ git+{address}'"
    install = nbformat.v4.new_code_cell(code)
    install.pop("id", None)
    notebook.cells.insert(0, install)
    return notebook


def _times(notebook):
    """Seconds and first line of each cell that ran."""
    for cell in notebook.cells:
        clock = cell.metadata.get("execution", {})
        ends = [clock.get("iopub.execute_input"), clock.get("shell.execute_reply")]
        if all(ends):
            start, end = (datetime.fromisoformat(text.replace("Z", "+00:00")) for text in ends)
            yield (end - start).total_seconds(), cell.source.partition("\n")[0]


def _chosen(numbers):
    known = {path.stem.partition("_")[0]: path for path in NOTEBOOKS}
    for number in numbers:
        if number not in known:
            sys.exit(f"there is no notebook {number}; choose from {', '.join(known)}")
    return [known[n] for n in numbers] or NOTEBOOKS


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("run", "pages"):
        one = verbs.add_parser(verb)
        one.add_argument("numbers", nargs="*", help="of notebooks; default, all")
        if verb == "run":
            one.add_argument("--short", action="store_true")
    one = verbs.add_parser("colab")
    one.add_argument("repository")
    one.add_argument("folder", type=Path)
    asked = parser.parse_args(arguments)
    if asked.verb == "colab":
        asked.folder.mkdir(parents=True, exist_ok=True)
        for path in NOTEBOOKS:
            copy = for_colab(nbformat.read(path, as_version=4), asked.repository)
            (asked.folder / path.name).write_text(json.dumps(copy, indent=1) + "\n")
        return
    failed = False
    for path in _chosen(asked.numbers):
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            done = execute(path, folder, getattr(asked, "short", False), timeout=3600)
        print(f"{path.stem}: {time.monotonic() - start:.0f} s", flush=True)
        for seconds, line in sorted(_times(done), reverse=True)[:4]:
            print(f"  {seconds:5.1f} s  {line}", flush=True)
        for claim in broken_claims(done):
            print(f"  does not hold: {claim}", flush=True)
            failed = True
        if asked.verb == "pages":
            PAGES.mkdir(exist_ok=True)
            text = page(done, path.stem, PAGES / f"{path.stem}_files")
            (PAGES / f"{path.stem}.md").write_text(text)
    sys.exit(int(failed))


def names_assigned(code):
    """Names that the cell of the parameters sets."""
    return [t.id for node in ast.parse(code).body for t in getattr(node, "targets", [])]


if __name__ == "__main__":
    main()

"""The Python of README and documentation runs, and all examples in docstrings hold."""

import doctest
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

import sedflow

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = (
    *("quickstart", "gallery", "recipes", "catalogues", "formats", "data", "engine"),
    *(f"from/{code}" for code in ("prospector", "bagpipes", "cigale", "sbi")),
)
# Of the survey, which are not here; and of `sedflow export`: tests/network/test_export.py has them.
NEEDS_FILES = ("nsa_v1_0_1.fits", '"portable"')


def _blocks():
    """Python blocks of the pages, but those marked no-run; those marked slow are slow tests."""
    for page in PAGES:
        text = (ROOT / "docs" / f"{page}.md").read_text()
        for found in re.finditer(r"^```python(.*)\n((?:.*\n)*?)```", text, re.MULTILINE):
            mark, code = found[1].strip(), found[2]
            if mark != "no-run" and not any(name in code for name in NEEDS_FILES):
                line = text[: found.start()].count("\n") + 1
                marks = pytest.mark.slow if mark == "slow" else ()
                yield pytest.param(code, id=f"{page}-{line}", marks=marks)


def test_the_first_block_runs(capsys):
    block = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL).group(1)
    exec(compile(block, "README.md", "exec"), {})
    assert "log_mstar" in capsys.readouterr().out


@pytest.mark.parametrize("code", [*_blocks()])
def test_a_block_of_the_documentation_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs", "exec"), {})


PACKAGE = Path(sedflow.__file__).parent
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if ">>>" in path.read_text("utf-8")]


@pytest.mark.parametrize(
    "module", [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in MODULES]
)
def test_examples_in_docstrings_hold(module):
    result = doctest.testmod(importlib.import_module(module), extraglobs={"np": np})
    assert result.attempted > 0
    assert result.failed == 0

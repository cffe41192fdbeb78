"""The Python of README and documentation runs, and doctests of the public names hold."""

import doctest
import re
from pathlib import Path

import pytest

import sedflow.bands
import sedflow.catalogue.infer
import sedflow.draws
import sedflow.errors
import sedflow.fits.fit
import sedflow.fits.samples
import sedflow.fits.summary
import sedflow.model.sed
import sedflow.model.simulation
import sedflow.parameters
import sedflow.photometry
import sedflow.sampling.mcmc
import sedflow.sampling.reweighting
import sedflow.sampling.verdict

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


@pytest.mark.parametrize(
    "module",
    [
        sedflow.bands,
        sedflow.catalogue.infer,
        sedflow.draws,
        sedflow.errors,
        sedflow.fits.fit,
        sedflow.fits.samples,
        sedflow.fits.summary,
        sedflow.sampling.verdict,
        sedflow.sampling.reweighting,
        sedflow.sampling.mcmc,
        sedflow.model.sed,
        sedflow.parameters,
        sedflow.photometry,
        sedflow.model.simulation,
    ],
    ids=lambda m: m.__name__,
)
def test_examples_in_docstrings_hold(module):
    from sedflow.draws import np

    result = doctest.testmod(module, extraglobs={"np": np})
    assert result.attempted > 0
    assert result.failed == 0

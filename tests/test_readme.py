"""The README's Python runs, and doctests of the public names hold."""

import doctest
import re
from pathlib import Path

import pytest

import sedflow.draws
import sedflow.fitting
import sedflow.importance
import sedflow.mcmc
import sedflow.model
import sedflow.parameters
import sedflow.photometry
import sedflow.simulation

README = Path(__file__).parent.parent / "README.md"


def test_the_first_block_runs(capsys):
    block = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL).group(1)
    exec(compile(block, "README.md", "exec"), {})
    assert "log_mstar" in capsys.readouterr().out


@pytest.mark.parametrize(
    "module",
    [
        sedflow.draws, sedflow.fitting, sedflow.importance, sedflow.mcmc, sedflow.model,
        sedflow.parameters, sedflow.photometry, sedflow.simulation,
    ],
    ids=lambda m: m.__name__,
)  # fmt: skip
def test_examples_in_docstrings_hold(module):
    from sedflow.draws import np

    result = doctest.testmod(module, extraglobs={"np": np})
    assert result.attempted > 0
    assert result.failed == 0

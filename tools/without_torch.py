"""Print the requirements of the unit tests that need no torch, one a line, for pip.

    python tools/without_torch.py | xargs -d '\\n' pip install -c constraints.txt

`make unit` uses them where the Python is not the one that constraints.txt was tested with.
"""

import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
_EXTRAS = ("app", "filters", "mcmc", "scale")
_TESTS = ("hypothesis", "packaging", "playwright", "psutil", "pytest", "pytest-xdist", "pyyaml")


def requirements() -> list[str]:
    """What the core and the extras but `train` need, and what runs the tests."""
    extras = PROJECT["optional-dependencies"]
    lines = {*PROJECT["dependencies"], *(line for name in _EXTRAS for line in extras[name])}
    return sorted(lines | {line for line in extras["dev"] if line.split(">=")[0] in _TESTS})


if __name__ == "__main__":
    print("\n".join(requirements()))

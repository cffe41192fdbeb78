"""The scripts of tools/ and benchmarks/ as modules."""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def script(path):
    """The module that a script is, such as "tools/audit.py"; its workers find it by its name."""
    path = ROOT / path
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

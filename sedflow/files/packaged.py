"""Packaged files, checked against their hashes. The sole reader of `sedflow/data`."""

import json
from importlib import resources as importlib_resources
from pathlib import Path

from sedflow.errors import DamagedPackage
from sedflow.files.hashes import sha256

DEFAULT_WEIGHTS = "nsa-ugriz-fsps"
SSP_NAMES = ("fsps", "fsps-gas", "bc03")


def data_path(name: str) -> Path:
    """Path of a file that comes with the package."""
    return Path(str(importlib_resources.files("sedflow"))) / "data" / name


def checked_path(name: str) -> Path:
    """Path of a packaged file that `SHA256SUMS` lists, if it is still what was packaged.

    Raises
    ------
    DamagedPackage
        It is missing, cut short or altered.
    """
    path = data_path(name)
    if not path.is_file() or sha256(path) != packaged_sum(name):
        raise DamagedPackage(
            f"the packaged file {path} is not the one that was installed: missing, cut short or "
            "altered; install sedflow-explorer again, or give your own file by its path"
        )
    return path


def packaged_sum(name: str) -> str:
    """SHA-256 of a packaged file, as `SHA256SUMS` lists it."""
    lines = data_path("SHA256SUMS").read_text().splitlines()
    return dict(line.split()[::-1] for line in lines)[name]


def load_json(name: str) -> dict:
    """A packaged JSON file that `SHA256SUMS` lists."""
    return json.loads(checked_path(name).read_text())

"""The tables of the site that take too long to compute while it is written."""

import json
from functools import cache
from pathlib import Path

from sedflow.errors import DamagedPackage

_FOLDER = Path(__file__).parent / "tables"


@cache
def packaged_table(name: str) -> dict:
    """A file of the folder `tables`, which `tools/build_site_tables.py` makes.

    Raises
    ------
    DamagedPackage
        The file is missing or cannot be read.
    """
    try:
        return json.loads((_FOLDER / name).read_bytes())
    except (OSError, ValueError) as error:
        raise DamagedPackage(
            f"{_FOLDER / name} cannot be read ({error}); install sedflow-explorer again"
        ) from None

"""A shelf of galaxies worth a look: a dozen famous and a dozen odd ones of the packaged sample."""

from dataclasses import dataclass
from functools import cache

from sedflow.files.packaged import load_json


@dataclass(frozen=True)
class Shelved:
    """A galaxy of the shelf.

    nsaid : its number in the packaged sample
    kind : "famous" or "odd"
    line : what to look at, in a line; `tools/build_shelf.py` computes every number in it
    """

    nsaid: int
    kind: str
    line: str


@cache
def shelf() -> tuple[Shelved, ...]:
    """A dozen famous and a dozen odd galaxies of the packaged sample, the famous ones first.

    Examples
    --------
    >>> first = shelf()[0]
    >>> first.nsaid, first.kind, first.line.split(":")[0]
    (141541, 'famous', 'Older means heavier')
    """
    return tuple(Shelved(**row) for row in load_json("shelf.json")["galaxies"])

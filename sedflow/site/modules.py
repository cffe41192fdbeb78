"""Links in the page to all its modules, so that a browser asks for them at once.

Without them it learns of a module from the one that imports it, a round trip to the server each.
"""

import re
from collections.abc import Mapping
from posixpath import dirname, join, normpath

_START = "pages/start.js"
_TAG = f'<script type="module" src="{_START}"></script>\n'
_IMPORT = re.compile(r'^(?:import|export) [^;"]*"(\.[^"]+)";', re.MULTILINE)


def modules_of(files: Mapping[str, bytes]) -> list[str]:
    """Paths of the first module and of all it imports, however deep, in order of first mention."""
    found, left = [], [_START]
    while left:
        name = left.pop(0)
        if name in found:
            continue
        found.append(name)
        text = files[name].decode()
        left += [normpath(join(dirname(name), other)) for other in _IMPORT.findall(text)]
    return found


def with_modules(files: Mapping[str, bytes]) -> bytes:
    """The page, `index.html`, with a link to each module of its scripts.

    Raises
    ------
    ValueError
        The page does not start where its scripts do.
    """
    page = files["index.html"].decode()
    if _TAG not in page:
        raise ValueError(f"index.html has no line {_TAG.strip()}")
    links = (f'<link rel="modulepreload" href="{name}">\n' for name in modules_of(files))
    return page.replace(_TAG, "".join(links) + _TAG).encode()

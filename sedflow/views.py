"""How objects show themselves in a notebook: one line, a small table, and plots.

The plots are in `sedflow.figures`, which comes far below the objects in the list of who may import
whom. Objects know their names alone; the package hands `plot` the folder that has them.
"""

import html
from collections.abc import Callable, Iterable, Sequence
from typing import Any

__all__ = ["BACKENDS", "markup", "plot", "plots_come_from", "table"]

#: What draws: matplotlib for paper, Bokeh for the screen.
BACKENDS = ("matplotlib", "bokeh")
_STYLE = "text-align:left;padding:1px 12px 1px 0;border:0"
_PLOTS: list[Callable[[str], Callable]] = []


def plots_come_from(find: Callable[[str], Callable]) -> None:
    """Say who has the plots: `find` returns the function of a name."""
    _PLOTS[:] = [find]


def plot(name: str, item: Any, /, **options: Any) -> Any:
    """What the plot of that name makes of an object."""
    return _PLOTS[0](name)(item, **options)


def markup(title: str, *parts: str) -> str:
    """HTML of an object: its title as text, and parts that are HTML already."""
    return f"<div><b>{html.escape(title.strip('<>'))}</b>{''.join(parts)}</div>"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """An HTML table of texts and numbers."""

    def line(cells, tag):
        return "".join(f'<{tag} style="{_STYLE}">{html.escape(str(c))}</{tag}>' for c in cells)

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    head = f"<thead><tr>{line(heads, 'th')}</tr></thead>" if heads else ""
    return f"<table>{head}<tbody>{body}</tbody></table>"

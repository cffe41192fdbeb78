"""The list of lessons, from which one is started."""

from collections.abc import Callable
from functools import partial
from importlib.resources import files

import panel as pn

from sedflow.dashboard.learn.lessons import LESSONS
from sedflow.dashboard.widgets import prose

__all__ = ["listing"]

_CARDS = """
:host { display: grid !important; height: auto !important; gap: 12px;
  grid-auto-rows: auto; padding: 4px 10px 12px;
  grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); }
"""
_CARD = """
:host { background: var(--sf-surface); border: 1px solid var(--sf-grid); border-radius: 8px;
  padding: 8px 4px 10px; justify-content: space-between; height: auto !important; }
"""
#: Made by tools/build_lesson_pictures.py; they belong to the ground, not to what is read aloud.
_PICTURES = files("sedflow") / "dashboard" / "learn" / "pictures"


def listing(start: Callable[[str], object]) -> list[pn.viewable.Viewable]:
    """The list of lessons; each has a button that calls `start` with its key."""
    cards = []
    for key, lesson in LESSONS.items():
        button = pn.widgets.Button(label=f"Start: {lesson.title}", color="primary", margin=(4, 10))
        button.on_click(partial(_call, start, key))
        cards.append(
            pn.Column(
                pn.pane.HTML(
                    (_PICTURES / f"{key}.svg").read_text("utf-8"),
                    sizing_mode="stretch_width",
                    margin=(2, 10, 0, 10),
                ),
                prose(
                    f"### {lesson.title}\n{lesson.about}\n\n*{len(lesson.steps)} steps, about "
                    f"{lesson.minutes} minutes*"
                ),
                button,
                sizing_mode="stretch_width",
                margin=0,
                stylesheets=[_CARD],
            )
        )
    return [
        prose(
            "## Learn\nShort lessons with the real model, the real network and real galaxies. "
            "In each step predict first, then look."
        ),
        pn.Column(*cards, sizing_mode="stretch_width", margin=0, stylesheets=[_CARDS]),
    ]


def _call(start, key, event):
    start(key)

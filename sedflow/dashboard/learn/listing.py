"""The list of lessons, from which one is started."""

from collections.abc import Callable
from functools import partial

import panel as pn

from sedflow.dashboard.learn.lessons import LESSONS
from sedflow.dashboard.widgets import prose

__all__ = ["listing"]


def listing(start: Callable[[str], object]) -> list[pn.viewable.Viewable]:
    """The list of lessons; each has a button that calls `start` with its key."""
    cards = []
    for key, lesson in LESSONS.items():
        button = pn.widgets.Button(label=f"Start: {lesson.title}", color="primary")
        button.on_click(partial(_call, start, key))
        cards.append(
            pn.Column(
                prose(
                    f"### {lesson.title}\n{lesson.about}\n\n{len(lesson.steps)} steps, about "
                    f"{lesson.minutes} minutes."
                ),
                button,
                sizing_mode="stretch_width",
            )
        )
    return [
        prose(
            "## Learn\nShort lessons with the real model, the real network and real galaxies. "
            "In each step predict first, then look."
        ),
        *cards,
    ]


def _call(start, key, event):
    start(key)

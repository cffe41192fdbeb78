"""The lessons' texts as the site has them; facts in braces are filled in by its pages."""

from dataclasses import asdict

from sedflow.dashboard.learn.lessons import LESSONS
from sedflow.dashboard.learn.one_parameter.lesson import STEPS_OF

__all__ = ["APP_ONLY", "lesson_texts"]

#: Lessons that need the app: the site has no populations, and their sentences are all figures.
APP_ONLY = ("populations",)


def lesson_texts() -> list[dict]:
    """Each lesson of the site with its steps, in the order in which they are taught.

    `moves` of a step names the parameters that it moves, where the lesson is about them.
    """
    lessons = [asdict(lesson) for key, lesson in LESSONS.items() if key not in APP_ONLY]
    for lesson in lessons:
        for step in lesson["steps"]:
            moves = STEPS_OF.get(step["key"], ()) if lesson["key"] == "parameters" else ()
            step["moves"] = list(moves)
    return lessons

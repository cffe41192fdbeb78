"""The lessons' texts as the site has them; facts in braces are filled in by its pages."""

from dataclasses import asdict

from sedflow.dashboard.learn.lessons import LESSONS
from sedflow.dashboard.learn.one_parameter.lesson import STEPS_OF

__all__ = ["lesson_texts"]


def lesson_texts() -> list[dict]:
    """Each lesson with its steps, in the order in which they are taught.

    `moves` of a step names the parameters that it moves, where the lesson is about them.
    """
    lessons = [asdict(lesson) for lesson in LESSONS.values()]
    for lesson in lessons:
        for step in lesson["steps"]:
            moves = STEPS_OF.get(step["key"], ()) if lesson["key"] == "parameters" else ()
            step["moves"] = list(moves)
    return lessons

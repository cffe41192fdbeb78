"""What a lesson is made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One screen of a lesson.

    text, question, answer : Markdown; facts in braces are filled in by the stage
    choices : to predict from before the answer is shown; none where the student only thinks.
        Empty with a question: an answer that is revealed
    """

    key: str
    title: str
    text: str
    question: str = ""
    answer: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lesson:
    """Steps under a title.

    key : in the page's address
    minutes : that a student needs, about
    """

    key: str
    title: str
    about: str
    minutes: int
    steps: tuple[Step, ...]

    def clamp(self, step: int) -> int:
        """The nearest step that there is, from 1."""
        return min(max(int(step), 1), len(self.steps))

"""Guided lessons: texts, and the numbers behind them. No panel, no figures.

A text may name facts in braces, which the lesson's stage fills in from what is on screen: no
number is written by hand that the student could find to be wrong.
"""

from sedflow.dashboard.lessons import (
    by_hand,
    look_alikes,
    one_parameter,
    out_of_domain,
    to_amortized,
)
from sedflow.dashboard.lessons.steps import Lesson, Step

__all__ = ["LESSONS", "Lesson", "Step"]

#: The lessons by key, in the order in which they are taught.
LESSONS = {
    module.LESSON.key: module.LESSON
    for module in (one_parameter, look_alikes, by_hand, to_amortized, out_of_domain)
}

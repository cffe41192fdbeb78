"""Guided lessons: texts, and the numbers behind them. No panel, no figures.

A text may name facts in braces, which the lesson's stage fills in from what is on screen: no
number is written by hand that the student could find to be wrong.
"""

from sedflow.dashboard.learn.abc_to_amortized import lesson as to_amortized
from sedflow.dashboard.learn.by_hand import lesson as by_hand
from sedflow.dashboard.learn.look_alikes import lesson as look_alikes
from sedflow.dashboard.learn.one_parameter import lesson as one_parameter
from sedflow.dashboard.learn.out_of_domain import lesson as out_of_domain
from sedflow.dashboard.learn.populations import lesson as populations
from sedflow.dashboard.learn.steps import Lesson, Step

__all__ = ["LESSONS", "Lesson", "Step"]

#: The lessons by key, in the order in which they are taught.
LESSONS = {
    module.LESSON.key: module.LESSON
    for module in (one_parameter, look_alikes, by_hand, to_amortized, out_of_domain, populations)
}

"""What the fuzz tests share: how many inputs they try, and how they count the answers.

    pytest -n 0 -m fuzz --hypothesis-show-statistics                      # as in every run
    SEDFLOW_FUZZ=30 pytest -n 0 -m fuzz --hypothesis-show-statistics      # thirty times as many

A fuzz test fails on any error but a `SedflowError` with its sentence, on an input that takes a
minute, and on numbers that an independent reading of the same input does not give.
"""

import os

import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st

from sedflow.errors import SedflowError

_TIMES = int(os.environ.get("SEDFLOW_FUZZ", "1"))
_HANG = 60_000  # milliseconds
_LONGEST = 700  # characters of a sentence


def inputs(n: int):
    """Marks a test as fuzz that is given n inputs, or SEDFLOW_FUZZ times as many."""
    options = settings(
        max_examples=n * _TIMES, deadline=_HANG,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )  # fmt: skip
    return lambda test: pytest.mark.fuzz(options(test))


def answer(call, *args, **options):
    """What a call returns, or None where it refuses in a sentence; both are counted."""
    try:
        found = call(*args, **options)
    except SedflowError as error:
        assert 10 < len(str(error)) < _LONGEST, str(error)
        event("refused in a sentence")
        return None
    event("taken")
    return found


@st.composite
def damaged(draw, content: bytes, most: int = 4):
    """A file with up to `most` bytes changed, and perhaps its end cut off."""
    wrong = bytearray(content)
    for _ in range(draw(st.integers(0, most))):
        wrong[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        del wrong[draw(st.integers(0, len(content))) :]
    return bytes(wrong)

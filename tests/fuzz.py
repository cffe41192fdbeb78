"""What the fuzz tests share: how many inputs they try, and the count of the answers.

    pytest -n 0 -m fuzz                     # as many inputs as in every run, and their table
    SEDFLOW_FUZZ=30 pytest -n 0 -m fuzz     # thirty times as many

A fuzz test fails on any error but a `SedflowError` with its sentence, on an input that takes a
minute, and on numbers that an independent reading of the same input does not give.
"""

import os
from collections import Counter, defaultdict

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from sedflow.errors import SedflowError

_TIMES = int(os.environ.get("SEDFLOW_FUZZ", "1"))
_HANG = 60_000  # milliseconds
_LONGEST = 700  # characters of a sentence
KINDS = ("taken", "refused", "law kept")
OUTCOMES = ("right", "refused", "different")
_counts: defaultdict = defaultdict(Counter)
_readers: defaultdict = defaultdict(Counter)


def inputs(n: int):
    """Marks a test as fuzz that is given n inputs, or SEDFLOW_FUZZ times as many."""
    options = settings(
        max_examples=n * _TIMES,
        deadline=_HANG,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    return lambda test: pytest.mark.fuzz(options(test))


def answer(call, *args, **options):
    """What a call returns, or None where it refuses in a sentence; both are counted."""
    try:
        found = call(*args, **options)
    except SedflowError as error:
        assert 10 < len(str(error)) < _LONGEST, str(error)
        count("refused")
        return None
    count("taken")
    return found


def count(kind):
    """Count an answer of the test that runs, one of `KINDS`."""
    place, _, name = os.environ["PYTEST_CURRENT_TEST"].partition("::")
    _counts[place, name.split("[")[0].split(" ")[0]][kind] += 1


def count_reader(reader: str, kind: str, outcome: str):
    """Count an input of a reader and a kind of number, one of `OUTCOMES`."""
    assert outcome in OUTCOMES
    _readers[reader, kind][outcome] += 1


def readers() -> list[str]:
    """Lines of a Markdown table: inputs by reader and kind, as right + refused; and all of them."""
    names, kinds = (list(dict.fromkeys(k[place] for k in _readers)) for place in (0, 1))
    kinds = sorted(kinds)
    heads = ["reader", *kinds, "inputs", *OUTCOMES]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name in [*names, "**all**"] if names else []:
        mine = {kind: Counter() for kind in kinds}
        for (reader, kind), counts in _readers.items():
            if name in (reader, "**all**"):
                mine[kind] += counts
        total = sum(mine.values(), Counter())
        cells = [f"{c['right']:,} + {c['refused']:,}" if c else "" for c in mine.values()]
        cells += [f"{total.total():,}", *(f"{total[outcome]:,}" for outcome in OUTCOMES)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def table() -> list[str]:
    """Lines of a table of all answers so far."""
    lines = [" ".join(f"{word:>9}" for word in ("inputs", *KINDS))]
    total = {("", "all"): sum(_counts.values(), Counter())}
    for (place, name), counts in (_counts | total).items():
        numbers = [counts.total(), *(counts[kind] for kind in KINDS)]
        lines.append(" ".join(f"{n:>9,}" for n in numbers) + f"  {place} {name}")
    return lines


@st.composite
def damaged(draw, content: bytes, most: int = 4):
    """A file with up to `most` bytes changed, and perhaps its end cut off."""
    wrong = bytearray(content)
    for _ in range(draw(st.integers(0, most))):
        wrong[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        del wrong[draw(st.integers(0, len(content))) :]
    return bytes(wrong)

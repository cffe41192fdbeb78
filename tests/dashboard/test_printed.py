"""Numbers as pages print them, in one way everywhere."""

import ast
import re
from pathlib import Path

import pytest

import sedflow
from sedflow.dashboard.learn.lessons import LESSONS
from sedflow.dashboard.printed import ago, filled, percent, printed

_HOME = Path(sedflow.__file__).parent
_STYLE = re.compile(r"[{};]|px|\d+%$|\d+%, *\S+\)|minmax|calc|gradient")  # of a style sheet


def _close(text):
    """Percent signs that stand at a number."""
    return re.findall(r"\S*\d%", text)


@pytest.mark.slow
def test_a_percent_sign_stands_apart_from_its_number():
    for path in sorted(_HOME.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.name}:{getattr(node, 'lineno', 0)}: use printed or percent"
            if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
                parts = node.format_spec.values
                spec = "".join(v.value for v in parts if isinstance(v, ast.Constant))
                assert not spec.endswith("%"), where
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and not _STYLE.search(text) and path.stem != "printed":
                assert not _close(text), where


def test_lessons_are_filled_with_numbers_as_they_are_printed():
    texts = [t for one in LESSONS.values() for s in one.steps for t in (s.text, s.answer)]
    shares = [t for t in texts if "%}" in t]
    assert shares
    for text in shares:
        (name, spec), *_ = re.findall(r"\{(\w+):(\.\d%)\}", text)
        only = f"{{{name}:{spec}}}"
        assert re.fullmatch(r"12(\.\d+)? %", filled(only, {name: 0.12}))
    assert (
        filled("{a:.2f}, {b:+.1f}, {c}", {"a": -3.0, "b": -0.25, "c": "g-r"}) == "−3.00, −0.2, g-r"
    )


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ((0.034, 0.05, 0.064), "50 (34 to 64) Myr"),
        ((0.9, 1.2, 2.0), "1.2 (0.90 to 2.0) Gyr"),
        ((0.9, 0.95, 0.9996), "950 Myr (900 Myr to 1.0 Gyr)"),
        ((0.011, 0.805, 6.556), "805 Myr (11 Myr to 6.6 Gyr)"),
    ],
)
def test_an_age_is_in_gyr_from_one_on(times, said):
    assert ago(*times) == said


def test_shares_and_minus_signs():
    assert percent(1.12) == "112 %" and percent(0.0996) == "10.0 %"
    assert printed(-0.5, ".1f") == "−0.5" and printed(1e-05) == "10⁻⁵"
    assert printed(1234.5, ",.1f") == "1,234.5"
